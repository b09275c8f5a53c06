//! Whole-file tests of the crawl reader and the writers, and the small crawls they are made on.
//!
//! Not here: tests over the command line (`tests/e2e`).
mod damaged;
mod mutated;
mod payloads;
mod real;
mod round_trip;

use std::io::{Cursor, Write};

use super::*;

/// One WARC record, framed as the standard has it.
pub(super) fn record(kind: &str, id: u32, uri: &str, fields: &str, block: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{id}>\r\nWARC-Date: 2024-05-18T01:58:10Z\r\n\
         WARC-Target-URI: {uri}\r\n{fields}Content-Length: {}\r\n\r\n",
        block.len()
    )
    .into_bytes();
    bytes.extend_from_slice(block);
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes
}

/// A response with a head and a body.
pub(super) fn response(id: u32, head: &str, body: &[u8]) -> Vec<u8> {
    let block = [format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{head}\r\n").as_bytes(), body].concat();
    record("response", id, &format!("http://host{id}.example/page"), "", &block)
}

/// A small crawl: the head of a file, a document with its companions, a text, an answer of DNS.
pub(super) fn small_crawl() -> Vec<Vec<u8>> {
    vec![
        record("warcinfo", 1, "", "", b"software: test\r\n"),
        record("request", 2, "http://a.example/", "WARC-Concurrent-To: <urn:uuid:3>\r\n", b"GET / HTTP/1.1\r\n\r\n"),
        response(3, "", b"<p>some page with a little text</p>"),
        record("metadata", 4, "http://a.example/", "WARC-Refers-To: <urn:uuid:3>\r\n", b"fetchTimeMs: 12\r\n"),
        record("conversion", 5, "<http://b.example/>", "", "der Text\n".as_bytes()),
        record("response", 6, "dns:a.example", "Content-Type: text/dns\r\n", b"20240518 a.example. 1 IN A 192.0.2.1\n"),
        response(7, "", &b"long ".repeat(900)),
    ]
}

pub(super) fn gzip(parts: &[&[u8]]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    parts.iter().for_each(|part| encoder.write_all(part).unwrap());
    encoder.finish().unwrap()
}

pub(super) fn zst(bytes: &[u8], dictionary: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::with_dictionary(Vec::new(), 3, dictionary).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// All that a reader gives, checked on the way: the ranges, joined, leave nothing out.
pub(super) struct Read {
    pub records: Vec<Record>,
    pub damage: Vec<Damage>,
    pub codec: Codec,
    pub dictionary: Option<Arc<Dictionary>>,
}

impl Read {
    pub fn kinds(&self) -> Vec<DamageKind> {
        self.damage.iter().map(|damage| damage.what).collect()
    }

    pub fn ids(&self) -> Vec<&str> {
        self.records.iter().map(|record| record.record_id.as_deref().unwrap_or("-")).collect()
    }
}

pub(super) fn read_with(bytes: &[u8], name: &str, options: Options) -> Read {
    let mut reader = open_source(Cursor::new(bytes), name, options.clone()).unwrap();
    let (mut records, mut damage) = (Vec::new(), Vec::new());
    let mut ranges = Vec::new();
    while let Some(item) = reader.next_raw().unwrap() {
        match item {
            RawItem::Record(raw) => {
                ranges.push(raw.raw().range());
                match raw.parse(&options) {
                    Ok(record) => records.push(record),
                    Err(found) => damage.push(found),
                }
            }
            RawItem::Damage(found) => {
                ranges.push(found.range());
                damage.push(found);
            }
        }
    }
    let accounting = reader.accounting();
    assert_eq!(accounting.unaccounted(), 0, "{accounting:?} of {}", bytes.len());
    assert_eq!(accounting.records + accounting.padding + accounting.damage, bytes.len() as u64, "{accounting:?}");
    assert_ranges_cover(bytes, &ranges, reader.codec());
    Read { records, damage, codec: reader.codec(), dictionary: reader.dictionary() }
}

/// Counted without the reader's own books: what no range holds is blank, or a frame or member without content.
fn assert_ranges_cover(bytes: &[u8], ranges: &[Range<u64>], codec: Codec) {
    let mut reached = 0;
    let end = bytes.len() as u64;
    for range in ranges.iter().cloned().chain(std::iter::once(end..end)) {
        assert!(range.end <= bytes.len() as u64 && range.start <= range.end);
        let between = &bytes[reached as usize..(range.start.max(reached)) as usize];
        match codec {
            Codec::Plain => assert!(between.iter().all(u8::is_ascii_whitespace), "lost {between:?}"),
            Codec::Gzip => {
                let mut content = Vec::new();
                let inflated =
                    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(between), &mut content);
                assert!(between.is_empty() || inflated.is_ok(), "lost {} bytes", between.len());
                assert!(content.iter().all(u8::is_ascii_whitespace), "lost {} bytes", content.len());
            }
            // Skippable frames, or frames of blanks, which are small.
            Codec::Zstd => assert!(between.len() < 64 || matches!(between, [_, 0x2a, 0x4d, 0x18, ..])),
        }
        reached = reached.max(range.end);
    }
}

pub(super) fn read(bytes: &[u8], name: &str) -> Read {
    read_with(bytes, name, Options::default())
}
