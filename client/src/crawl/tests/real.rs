//! Real crawl files, where they are at hand, against what two independent readers count in them.
use std::collections::BTreeMap;
use std::path::Path;

use super::*;

/// What `tests/independent/count_records.py` printed for each file with warcio 1.8.1 and fastwarc 2.0.1.
///
/// `resiliparse-clipped` is the one file where we differ, on purpose: its only member ends in the middle of the record
/// (`gzip -t`: unexpected end of file). Both give 74,970 of 88,038 body bytes without a word; we report damage.
/// `warcio-example-bad-non-chunked` holds all records in one member: warcio refuses it, fastwarc and we read it.
const COUNTED: [(&str, &str, &[&str]); 10] = [
    ("resiliparse-clipped.warc.gz", "", &[]),
    ("resiliparse-warcfile.warc.gz", "metadata 16, request 17, response 16, warcinfo 1", &RESILIPARSE),
    ("warcio-example-bad-non-chunked.warc.gz", "request 2, response 1, revisit 1, warcinfo 2", &["129cb72e3f00644c"]),
    ("warcio-example-iana.org-chunked.warc", "request 1, response 1, warcinfo 1", &["735aa14e20b0517a"]),
    ("warcio-example.warc.gz", "request 2, response 1, revisit 1, warcinfo 2", &["129cb72e3f00644c"]),
    ("whirlwind.warc", "metadata 1, request 1, response 1, warcinfo 1", &["9b623f23cc17db13"]),
    ("whirlwind.warc.gz", "metadata 1, request 1, response 1, warcinfo 1", &["9b623f23cc17db13"]),
    ("whirlwind.warc.wat.gz", "metadata 1, warcinfo 1", &["26721a6e19f78598"]),
    ("whirlwind.warc.wet", "conversion 1, warcinfo 1", &["1edc9780d1446bdd"]),
    ("whirlwind.warc.wet.gz", "conversion 1, warcinfo 1", &["1edc9780d1446bdd"]),
];

/// First 16 hex digits of each document's BLAKE3, in file order.
const RESILIPARSE: [&str; 16] = [
    "91a8c3047a0b57f5",
    "f5b3ab0c4b1c9546",
    "c1ffbf28caef5f3c",
    "fe88ccf5da605a14",
    "7f7ad2cf0a3436d7",
    "1c7b4c3af23fa9c9",
    "ebbf4939f561c11e",
    "8fa4ca3c08bcabfd",
    "c2b75934d6fd7053",
    "046ae3614c96d060",
    "b7f8422dd151d5cb",
    "9673a55fdb573e7c",
    "2a78333779a68616",
    "df9957c6f3e3c3b8",
    "4613b4b1bdb24a1b",
    "7bea6548b3db22af",
];

#[test]
fn real_files_give_what_independent_readers_count() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/crawl");
    if !folder.is_dir() {
        eprintln!("NOT RUN: no real crawl files at ../shared/data/crawl");
        return;
    }
    for (name, counted, documents) in COUNTED {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let read = read(&bytes, name);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        read.records.iter().for_each(|record| *counts.entry(record.record_type.as_str()).or_default() += 1);
        let counts: Vec<_> = counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        assert_eq!(counts.join(", "), counted, "{name} {:?}", read.damage);
        let found: Vec<_> =
            read.records.iter().filter_map(Record::document).map(|bytes| content_digests(bytes).blake3).collect();
        let found: Vec<_> = found.iter().map(|digest| data_encoding::HEXLOWER.encode(&digest[..8])).collect();
        assert_eq!(found, documents, "{name}");
        if name == "resiliparse-clipped.warc.gz" {
            assert_eq!(read.kinds(), [DamageKind::Truncated]);
            assert_eq!(read.damage[0].record_id.as_deref(), Some("<urn:uuid:f3dfa8fa-f031-4a38-90cc-1dcee3d07bb5>"));
            continue;
        }
        assert_eq!(read.damage, [], "{name}");
        let own = read.records.iter().all(|record| record.raw.framing != Framing::InsideMember);
        assert_eq!(own, name != "warcio-example-bad-non-chunked.warc.gz");
        assert_eq!(super::round_trip::kept(&read) == bytes, own, "{name}");
        for record in read.records.iter().filter(|record| record.is_document()) {
            assert_ne!(record.check_digest(), DigestCheck::Differs, "{name} {:?}", record.target_uri);
        }
    }
}
