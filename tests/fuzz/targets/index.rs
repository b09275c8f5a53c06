//! Indexes of crawls: no panic, an end, no line lost or told twice, and what a line says is in it.
#![no_main]

use cleartitle::crawl::index::{Before, Line, Next, Opened, open, parse};
use cleartitle::crawl::store::Stored;
use cleartitle_fuzz::decoders_may_panic;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: decoders_may_panic(), |bytes: &[u8]| {
    if let Ok(Line::Capture(capture)) = parse(bytes, &mut Before::default()) {
        assert!(!capture.url.is_empty() && !capture.file.is_empty());
    }
    for name in ["a.cdxj", "a.cdxj.gz", "a.cdxj.zst", "a.parquet"] {
        match open(Stored::memory(bytes.to_vec().into()), name) {
            Err(_) => {}
            Ok(Opened::Lines(mut lines)) => {
                let mut next = 1;
                while let Ok(Some(read)) = lines.next_lines() {
                    let Next::Chunk(chunk) = read else { continue };
                    assert!(chunk.first >= next, "a line was told twice");
                    next = chunk.first + 1;
                    for line in chunk.bytes.split_inclusive(|&byte| byte == b'\n') {
                        let _ = parse(line, &mut Before::default());
                    }
                }
            }
            Ok(Opened::Columns(columns)) => {
                for group in 0..columns.table().groups() {
                    let Ok(mut captures) = columns.captures(group) else { continue };
                    while let Ok(rows) = captures.next_rows() {
                        if rows.is_empty() {
                            break;
                        }
                        for at in 0..rows.count() {
                            let _ = captures.capture(at);
                        }
                    }
                }
            }
        }
    }
});
