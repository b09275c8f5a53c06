//! Whatever a gzip file holds, whole or hurt, reading members in one call finds what reading them step by step finds.
use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::{Cursor, Write as _};

/// Everything that a file's units come to, with what `hold` and `inflate_more` give.
fn told(bytes: &[u8], at_once: bool) -> Vec<String> {
    let mut source = Source::new(Cursor::new(bytes)).unwrap();
    let mut units = Units::new(Codec::Gzip, None, b"").unwrap();
    if !at_once {
        units.whole = None;
    }
    let mut told = Vec::new();
    loop {
        let mut next = units.next(&mut source).unwrap();
        if let Next::Unit(Unit { content: Some(content), .. }) = &mut next
            && let Content::Lent(bytes, end) = content
        {
            let own = bytes[..*end].to_vec();
            let lent = std::mem::take(bytes);
            *content = Content::Owned(own);
            units.take_back(lent);
        }
        match &next {
            Next::End => return told,
            Next::Unit(unit) if unit.content.is_none() => {
                let mut window = Vec::new();
                while !units.inflate_more(&mut source, &mut window).unwrap() {}
                told.push(format!("{:?} {} {}", unit.raw, unit.plain_length, blake3::hash(&window)));
            }
            _ => told.push(format!("{next:?}")),
        }
    }
}

fn member(content: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// What may befall a file: a byte changed, its end cut off, bytes put between.
#[derive(Debug, Clone)]
enum Harm {
    None,
    Change(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
}

fn harm() -> impl Strategy<Value = Harm> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        Just(Harm::None),
        (place(), any::<u8>()).prop_map(|(at, byte)| Harm::Change(at, byte)),
        place().prop_map(Harm::Cut),
        (place(), prop::collection::vec(any::<u8>(), 1..20)).prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
    ]
}

proptest! {
    #[test]
    fn one_call_finds_what_many_steps_find(
        contents in prop::collection::vec((prop::collection::vec(0_u8..8, 0..3000), 0_u32..10), 1..6),
        harm in harm(),
    ) {
        let mut file: Vec<u8> = contents.iter().flat_map(|(content, level)| member(content, *level)).collect();
        match harm {
            Harm::None => {}
            Harm::Change(at, byte) => {
                let at = at.index(file.len());
                file[at] = byte;
            }
            Harm::Cut(at) => file.truncate(at.index(file.len())),
            Harm::Insert(at, bytes) => {
                let at = at.index(file.len());
                file.splice(at..at, bytes);
            }
        }
        prop_assert_eq!(told(&file, true), told(&file, false));
    }
}

/// The places where the one call gives way: a member longer than what is at hand, one over the bound on held content,
/// and one exactly at it.
#[test]
fn members_at_the_bounds_are_the_same_either_way() {
    let mut noise = vec![0; 3 * CAPACITY / 2];
    let mut state = 1_u64;
    for byte in &mut noise {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56) as u8;
    }
    for content in [&noise[..AT_ONCE], &noise[..CAPACITY / 2], &noise[..], &vec![7; HOLD], &vec![7; HOLD + 1]] {
        let file = [member(b"before", 6), member(content, 1), member(b"after", 6)].concat();
        let found = told(&file, true);
        assert_eq!(found.len(), 3);
        assert!(found == told(&file, false), "a member of {} bytes is read differently", content.len());
    }
}
