//! Crawl files: no panic, an end, and every stored byte accounted for.
#![no_main]

use std::io::Cursor;

use cleartitle::crawl::{Options, open_source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for name in ["a.warc", "a.warc.gz", "a.warc.zst", "a.jsonl"] {
        let Ok(mut reader) = open_source(Cursor::new(bytes.to_vec()), name, Options::default()) else { continue };
        while let Ok(Some(_)) = reader.next_item() {}
        assert_eq!(reader.accounting().unaccounted(), 0);
    }
});
