//! Properties: whatever the bytes are, reading ends, accounts for each of them, and hands out no damaged record.
use proptest::prelude::*;

use super::*;

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let records = small_crawl();
    let all = records.concat();
    let lines =
        b"{\"text\":\"one\",\"url\":\"http://a.example/\"}\n{\"text\":\"two\"}\n\n{\"text\":\"three\"}\n".to_vec();
    vec![
        ("a.warc.gz", records.iter().flat_map(|record| gzip(&[record])).collect()),
        ("one.warc.gz", gzip(&[&all])),
        ("split.warc.gz", [gzip(&[&all[..700]]), gzip(&[&all[700..]])].concat()),
        ("a.warc.zst", records.iter().flat_map(|record| zst(record, b"")).collect()),
        ("a.warc", all),
        ("a.jsonl.gz", [gzip(&[&lines[..60]]), gzip(&[&lines[60..]])].concat()),
        ("a.jsonl.zst", zst(&lines, b"")),
        ("a.jsonl", lines),
    ]
}

#[derive(Debug, Clone)]
enum Mutation {
    Flip(prop::sample::Index, u8),
    Truncate(prop::sample::Index),
    Remove(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Repeat(prop::sample::Index, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), 0u8..8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        index().prop_map(Mutation::Truncate),
        (index(), 1usize..300).prop_map(|(at, count)| Mutation::Remove(at, count)),
        (index(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        (index(), 1usize..600).prop_map(|(at, count)| Mutation::Repeat(at, count)),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match mutation {
        Mutation::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
        Mutation::Truncate(at) => bytes.truncate(at.index(length)),
        Mutation::Remove(at, count) => {
            let at = at.index(length);
            bytes.drain(at..length.min(at + count));
        }
        Mutation::Insert(at, inserted) => {
            let at = at.index(length);
            bytes.splice(at..at, inserted.iter().copied());
        }
        Mutation::Repeat(at, count) => {
            let at = at.index(length);
            let part = bytes[at..length.min(at + count)].to_vec();
            bytes.splice(at..at, part);
        }
    }
}

fn small_limits() -> Options {
    let limits = Limits { record: 6000, header: 2000, line: 3000, payload: 20_000 };
    Options { limits, ..Options::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_accounted_for(
        which in 0usize..8,
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        keep_head in any::<bool>(),
    ) {
        let (name, file) = &files()[which];
        let head = if keep_head { &file[..file.len().min(40)] } else { &[] };
        let bytes = [head, &bytes].concat();
        if open_source(Cursor::new(&bytes), name, small_limits()).is_ok() {
            read_with(&bytes, name, small_limits());
        }
    }

    #[test]
    fn mutated_files_give_no_damaged_record(
        which in 0usize..8,
        mutations in prop::collection::vec(mutation(), 1..4),
    ) {
        let (name, file) = files().swap_remove(which);
        let mut bytes = file.clone();
        mutations.iter().for_each(|mutation| mutate(&mut bytes, mutation));
        if open_source(Cursor::new(&bytes), name, Options::default()).is_err() {
            return Ok(());
        }
        let read = read_with(&bytes, name, Options::default());
        // Only a checksum can tell that a byte inside a block is another: plain files have none.
        if read.codec != Codec::Plain {
            let sound: Vec<_> = super::read(&file, name).records.iter().map(|record| record.plain_bytes().to_vec()).collect();
            for record in &read.records {
                prop_assert!(sound.iter().any(|sound| sound == record.plain_bytes()), "{:?}", record);
            }
        }
        let lost = mutations.iter().any(|mutation| matches!(mutation, Mutation::Truncate(_) | Mutation::Remove(..)));
        if !lost && read.records.is_empty() {
            prop_assert!(!read.damage.is_empty());
        }
        read_with(&bytes, name, small_limits());
    }
    #[test]
    fn coded_bodies_never_panic_and_never_pass_when_cut(
        head in prop::sample::select(vec!["gzip", "deflate", "zstd", "br"]),
        chunked in any::<bool>(),
        cut in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let transfer = if chunked { "Transfer-Encoding: chunked\r\n" } else { "" };
        let fields = format!("{transfer}Content-Encoding: {head}\r\n");
        read_with(&response(1, &fields, &noise), "a.warc", small_limits());
        let text = b"some page, some page".repeat(20);
        let coded = match head {
            "gzip" => gzip(&[&text]),
            "zstd" => zst(&text, b""),
            _ => return Ok(()),
        };
        // Of less than the magic nobody can say what it was.
        let cut = 4 + cut.index(coded.len() - 4);
        let body = &coded[..cut];
        let body = if chunked { [format!("{cut:x}\r\n").as_bytes(), body, b"\r\n0\r\n\r\n"].concat() } else { body.to_vec() };
        let read = read(&response(1, &fields, &body), "a.warc");
        prop_assert_eq!(read.records[0].document(), None);
    }
}
