//! What no filter can go below: inflation alone, and the reader alone, which finds where members end.

use cleartitle::crawl::{self, Options};
use std::hint::black_box;
use std::path::Path;

/// Bare inflation: every member into one buffer, its end known beforehand. Nothing that reads the file can be faster.
pub fn inflate(stored: &[u8], ends: &[usize], buffer: &mut [u8]) -> usize {
    let mut inflater = libdeflater::Decompressor::new();
    let (mut start, mut plain) = (0, 0);
    for &end in ends {
        plain += inflater.gzip_decompress(&stored[start..end], buffer).expect("a sound member");
        black_box(&buffer);
        start = end;
    }
    plain
}

/// The reader alone; returns where every member ends and how many plain bytes there were.
pub fn read(path: &Path) -> (Vec<usize>, usize) {
    let mut reader = crawl::open(path, Options::default()).expect("a crawl");
    let (mut ends, mut plain) = (Vec::new(), 0);
    while let Some(item) = reader.next_raw().expect("a file that can be read") {
        let crawl::RawItem::Record(record) = item else { panic!("the corpus has no damage") };
        ends.push(usize::try_from(record.raw().range().end).expect("a file that fits"));
        plain += record.plain_length();
    }
    (ends, plain)
}
