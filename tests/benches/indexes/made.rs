//! What the bench reads: rules for some hosts, an index sorted by host as Common Crawl's are, and a crawl with its index.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::snapshot::{Head, Snapshot, Tables, VerifiedSnapshot, build};
use cleartitle_schema::statement::Statement;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::Hash;
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

/// Hosts with rules: every tenth has one.
const HOSTS: usize = 200_000;
const RULES: usize = 20_000;
/// Pages of one host that stand together.
const RUN: usize = 12;

pub struct Capture {
    url: String,
    digest: String,
    offset: usize,
    length: usize,
    file: String,
}

fn host(number: usize) -> String {
    format!("site-{number:06}.example")
}

/// Reservations for every tenth host.
pub fn snapshot() -> VerifiedSnapshot<Vec<u8>> {
    let statements: Vec<Arc<Registered>> = (0..RULES)
        .map(|number| {
            let issuer = host(number * (HOSTS / RULES));
            let value = serde_json::json!({
                "version": cleartitle_schema::statement::VERSION, "log": "log.registry.example",
                "issuer": {"domain": issuer}, "issued_at": "2023-01-01T00:00:00Z",
                "body": {
                    "kind": "reservation", "basis": "owner",
                    "scope": {"include": [{"target": "host", "host": issuer, "subdomains": true}]},
                    "terms": {"clauses": [{"rules": [{"preference": "disallowed", "uses": ["train-ai"]}]}]},
                },
            });
            let statement: Statement = serde_json::from_value(value).expect("a statement");
            let statement = statement.sorted();
            let id = StatementId::of(&statement.to_payload().expect("a payload"));
            Arc::new(Registered {
                id,
                index: number as u64,
                registered_at: Timestamp(1_700_000_000),
                signed_by: vec![statement.issuer.domain.clone()],
                under: Vec::new(),
                speaks_for: None,
                tenure_from: None,
                statement,
            })
        })
        .collect();
    let head = Head {
        origin: "log.registry.example".to_owned(),
        size: RULES as u64,
        root: Hash([7; 32]),
        time: Timestamp(1_700_000_000),
    };
    let mut body = Vec::new();
    let built = build(&statements, &head, &Tables::default(), &mut body).expect("a snapshot");
    Snapshot::open(body).expect("a body").verify_hash(&built.body_hash).expect("a sound body")
}

fn digest(number: usize) -> String {
    let hash = blake3::hash(&number.to_le_bytes());
    hash.as_bytes().iter().map(|byte| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(byte % 32)])).collect()
}

/// Rows as they are in an index: sorted by host, a run of pages each, some with a query that has escapes.
pub fn captures(count: usize) -> Vec<Capture> {
    let row = |number: usize| {
        let host = host(number / RUN % HOSTS);
        let url = match number % 9 {
            0 => format!("https://{host}/search?q=caf%C3%A9&page={number}"),
            _ => format!("https://{host}/articles/2024/05/{number}/a-headline-of-some-words-{}.html", number % 977),
        };
        Capture {
            url,
            digest: digest(number),
            offset: number * 9_973 % 1_000_000_000,
            length: 4_000 + number % 30_000,
            file: format!(
                "crawl-data/CC-MAIN-2024-22/segments/1715971057216.39/warc/CC-MAIN-20240517233122-{:05}.warc.gz",
                number % 900
            ),
        }
    };
    (0..count).map(row).collect()
}

pub fn cdxj(path: &Path, captures: &[Capture]) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    for Capture { url, digest, offset, length, file: name } in captures {
        let path = url.split_once(".example").map_or("/", |(_, path)| path);
        writeln!(
            file,
            "example,{})/{path} 20240518015810 {{\"url\": \"{url}\", \"mime\": \"text/html\", \"mime-detected\": \"text/html\", \
             \"status\": \"200\", \"digest\": \"{digest}\", \"length\": \"{length}\", \"offset\": \"{offset}\", \
             \"filename\": \"{name}\", \"languages\": \"eng\", \"encoding\": \"UTF-8\"}}",
            &url[8..19]
        )
        .expect("a line");
    }
}

/// The same in members of 3,000 lines, as Common Crawl's are.
pub fn cdxj_gz(path: &Path, plain: &Path) {
    let text = std::fs::read(plain).expect("an index");
    let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    for lines in lines.chunks(3_000) {
        let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        lines.iter().for_each(|line| member.write_all(line).expect("memory"));
        file.write_all(&member.finish().expect("memory")).expect("a member");
    }
}

const SCHEMA: &str = "message schema {
    required binary url_surtkey (UTF8); required binary url (UTF8); required int64 fetch_time (TIMESTAMP_MILLIS);
    optional binary content_digest (UTF8); required binary warc_filename (UTF8); required int32 warc_record_offset;
    required int32 warc_record_length;
}";

pub fn columns(path: &Path, captures: &[Capture]) {
    let schema = Arc::new(parquet::schema::parser::parse_message_type(SCHEMA).expect("a schema"));
    let compression = parquet::basic::Compression::SNAPPY;
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut writer = SerializedFileWriter::new(File::create(path).expect("a file"), schema, properties).expect("it");
    for rows in captures.chunks(200_000) {
        let mut group = writer.next_row_group().expect("a group");
        let texts = |of: fn(&Capture) -> String| -> Vec<ByteArray> {
            rows.iter().map(|row| of(row).into_bytes().into()).collect()
        };
        let numbers = |of: fn(&Capture) -> usize| -> Vec<i32> { rows.iter().map(|row| of(row) as i32).collect() };
        let present = vec![1_i16; rows.len()];
        for at in 0..7 {
            let mut column = group.next_column().expect("a column").expect("one more");
            let written = match at {
                0 => column.typed::<ByteArrayType>().write_batch(&texts(|row| row.url[8..].to_owned()), None, None),
                1 => column.typed::<ByteArrayType>().write_batch(&texts(|row| row.url.clone()), None, None),
                2 => column.typed::<Int64Type>().write_batch(&vec![1_715_997_490_000; rows.len()], None, None),
                3 => {
                    column.typed::<ByteArrayType>().write_batch(&texts(|row| row.digest.clone()), Some(&present), None)
                }
                4 => column.typed::<ByteArrayType>().write_batch(&texts(|row| row.file.clone()), None, None),
                5 => column.typed::<Int32Type>().write_batch(&numbers(|row| row.offset), None, None),
                _ => column.typed::<Int32Type>().write_batch(&numbers(|row| row.length), None, None),
            };
            written.expect("values");
            column.close().expect("a column");
        }
        group.close().expect("a group");
    }
    writer.close().expect("a file");
}

/// A crawl of pages of some 40 KB, one member each, half of them on hosts with rules; and what its index says.
pub fn crawl(path: &Path, pages: usize) -> Vec<Capture> {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    let (mut captures, mut offset) = (Vec::new(), 0);
    for number in 0..pages {
        let url = format!("https://{}/page/{number}", host(number * 5 % HOSTS));
        let digest = digest(number);
        let words: String = (0..3_000).map(|at| format!("<p>word {} ", (at * 7 + number) % 4_001)).collect();
        let body = format!("<html><head><title>{number}</title></head><body>{words}</body></html>");
        let http =
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let record = format!(
            "WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012x}>\r\n\
             WARC-Date: 2024-05-18T01:58:10Z\r\nWARC-Target-URI: {url}\r\nWARC-Payload-Digest: sha1:{digest}\r\n\
             Content-Type: application/http; msgtype=response\r\nContent-Length: {}\r\n\r\n{http}\r\n\r\n",
            http.len()
        );
        let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        member.write_all(record.as_bytes()).expect("memory");
        let member = member.finish().expect("memory");
        let (at, length) = (offset, member.len());
        file.write_all(&member).expect("a member");
        offset += length;
        captures.push(Capture { url, digest, offset: at, length, file: "crawl.warc.gz".to_owned() });
    }
    file.flush().expect("a file");
    captures
}
