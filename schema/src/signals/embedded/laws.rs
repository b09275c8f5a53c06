//! Laws of reading foreign files: no panic, whatever the bytes, and no permission out of damage.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// Beginnings of every format that is read, and of pieces inside them.
const BEGINNINGS: [&[u8]; 12] = [
    b"\xff\xd8\xff\xe1\x00\x30http://ns.adobe.com/xap/1.0/\0",
    b"\xff\xd8\xff\xeb\x00\x20JP\x00\x01\x00\x00\x00\x01\x00\x00\x00\x20jumb",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\x20caBX",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\x40iTXtXML:com.adobe.xmp\0\0\0\0\0",
    b"RIFF\x00\x00\x00\x00WEBPXMP ",
    b"%PDF-1.7 <?xpacket begin",
    b"II*\0 jumb",
    b"\x00\x00\x00\x18ftypavif",
    b"\x00\x00\x00\x40jumb\x00\x00\x00\x1cjumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71\x03c2pa\0",
    b"<?xpacket begin=''?><x:xmpmeta xmlns:x='adobe:ns:meta/'>",
    b"<x xmlns='adobe:ns:meta/' xmlns:p='http://ns.useplus.org/ldf/xmp/1.0/'><p:DataMining>",
    b"<?xpacket?><rsl xmlns='https://rslstandard.org/rsl'>",
];

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).expect("short");
    [&length.to_be_bytes()[..], kind, content].concat()
}

fn superbox(purpose: &[u8; 4], label: &str, inside: &[u8]) -> Vec<u8> {
    let uuid = b"\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71";
    let description = boxed(b"jumd", &[&purpose[..], uuid, &[3], label.as_bytes(), &[0]].concat());
    boxed(b"jumb", &[description, inside.to_vec()].concat())
}

fn manifest(name: &str, label: &str, body: &str) -> Vec<u8> {
    let assertion = superbox(b"json", label, &boxed(b"json", body.as_bytes()));
    superbox(b"c2ma", name, &superbox(b"c2as", "c2pa.assertions", &assertion))
}

fn store(manifests: &[Vec<u8>]) -> Vec<u8> {
    superbox(b"c2pa", "c2pa", &manifests.concat())
}

const ALLOWED: &str = r#"{"entries":{"cawg.ai_training":{"use":"allowed"}}}"#;

const PACKET: &str = "<x:xmpmeta xmlns:x='adobe:ns:meta/' xmlns:p='http://ns.useplus.org/ldf/xmp/1.0/'>\
    <p:DataMining>DMI-ALLOWED</p:DataMining></x:xmpmeta>";

fn permits(said: &Parsed) -> bool {
    said.signals.iter().any(|signal| signal.preference == Preference::Allowed && !signal.malformed)
}

#[test]
fn what_is_cut_off_permits_nothing() {
    let sidecar = store(&[manifest("one", "cawg.training-mining", ALLOWED)]);
    for whole in [sidecar.as_slice(), PACKET.as_bytes()] {
        assert!(permits(&parse(whole)), "{:?}", parse(whole));
        for end in 0..whole.len() {
            assert!(!permits(&parse(&whole[..end])), "{end} of {}", whole.len());
        }
    }
}

#[test]
fn what_is_read_makes_sense_and_formats_without_carriers_are_passed_over() {
    for beginning in BEGINNINGS {
        assert!(may_speak(beginning), "{}", String::from_utf8_lossy(beginning));
    }
    for other in [&b"<!doctype html><p>%PDF-1.7 jumb"[..], b"PK\x03\x04mimetypeapplication/epub+zip", b"", b"\xff\xd8"]
    {
        assert!(!may_speak(other));
        assert_eq!(parse(other), Parsed::default());
    }
}

#[test]
fn only_so_many_packets_are_read_and_the_rest_lets_nothing_through() {
    let mut png = BEGINNINGS[2][..8].to_vec();
    for _ in 0..100 {
        let text = [b"XML:com.adobe.xmp\0\0\0\0\0", PACKET.as_bytes()].concat();
        png.extend(u32::try_from(text.len()).expect("short").to_be_bytes());
        png.extend([b"iTXt", text.as_slice(), &[0; 4]].concat());
    }
    let said = parse(&png);
    assert!(!permits(&said) && said.complaints.iter().any(|complaint| complaint.lint == Lint::TooMuch));
}

#[test]
fn nesting_and_numbers_without_end_are_given_up() {
    let deep = |open: &[u8], times: usize| -> Vec<u8> { open.repeat(times) };
    for body in [deep(b"\xa1\x61a", 100_000), deep(b"\x9f", 100_000), deep(b"\xbf\x61a\x61b", 100_000)] {
        let assertion = superbox(b"cbor", "cawg.training-mining", &boxed(b"cbor", &body));
        let whole = store(&[superbox(b"c2ma", "one", &superbox(b"c2as", "c2pa.assertions", &assertion))]);
        let said = parse(&whole);
        assert!(said.signals.iter().all(|signal| signal.malformed) && !said.signals.is_empty(), "{said:?}");
    }
    let xml = [b"<?xpacket begin=''?>".to_vec(), deep(b"<a>", 100_000), b"DMI-PROHIBITED".to_vec()].concat();
    assert!(parse(&xml).signals.iter().any(|signal| signal.preference == Preference::Disallowed));
}

#[test]
fn a_document_of_rsl_is_cut_out_whole() {
    let inside =
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><a:rsl xmlns:a='https://rslstandard.org/rsl'><a:b/></a:rsl></x:xmpmeta>";
    let found = rsl_in_xmp(inside.as_bytes()).expect("one");
    assert!(found.starts_with(b"<a:rsl xmlns:x=\"adobe:ns:meta/\" xmlns:a=") && found.ends_with(b"<a:b/></a:rsl>"));
    let around = "<x xmlns='adobe:ns:meta/' xmlns:r='https://rslstandard.org/rsl'><r:rsl c='d'/></x>";
    let found = String::from_utf8(rsl_in_xmp(around.as_bytes()).expect("one").into_owned()).expect("text");
    assert_eq!(found, "<r:rsl xmlns=\"adobe:ns:meta/\" xmlns:r=\"https://rslstandard.org/rsl\" c='d'/>");
    assert_eq!(rsl_in_xmp(b"<rsl xmlns='https://rslstandard.org/rsl'>"), None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(beginning in 0..BEGINNINGS.len(), rest in vec(any::<u8>(), 0..400)) {
        let _ = parse(&rest);
        let _ = parse(&[BEGINNINGS[beginning], &rest].concat());
    }

    #[test]
    fn no_damage_makes_it_panic(at in 0_usize..300, with in any::<u8>(), what in 0_usize..3) {
        let two = [manifest("one", "c2pa.training-mining", ALLOWED), manifest("two", "cawg.training-mining__1", ALLOWED)];
        let xmp = [b"%PDF-1.7\n<?xpacket begin=''?>", PACKET.as_bytes(), b"<?xpacket end='w'?>"].concat();
        let mut bytes = match what {
            0 => store(&two),
            1 => [b"II*\0".to_vec(), store(&two)].concat(),
            _ => xmp,
        };
        let at = at % bytes.len();
        bytes[at] = with;
        let _ = parse(&bytes);
    }

    #[test]
    fn a_prohibition_beside_a_permission_is_never_lost(first in any::<bool>()) {
        let denied = ALLOWED.replace("allowed", "notAllowed");
        let entries = if first { [ALLOWED, &denied] } else { [denied.as_str(), ALLOWED] };
        let body = format!("[{}]", entries.join(","));
        let inner: Vec<&str> = entries.iter().map(|entry| &entry[1..entry.len() - 1]).collect();
        let twice = format!("{{{}}}", inner.join(","));
        for body in [body, twice] {
            let said = parse(&store(&[manifest("one", "cawg.training-mining", &body)]));
            let restricts = |signal: &Signal| signal.malformed || signal.preference == Preference::Disallowed;
            prop_assert!(said.signals.iter().any(restricts), "{:?}", said);
        }
    }
}
