//! A crawl and a snapshot from a seed: a WARC.gz as Common Crawl writes it, and reservations over a tenth of its hosts.
//!
//! Request, response and metadata for each page, one gzip member a record. Page sizes are log-normal with median 43 KB
//! and mean 84 KB, hosts Zipf(0.95); every tenth host by rank is reserved. All hosts are invented.

use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::ledger::Ledger;
use cleartitle_schema::snapshot::{Head, Snapshot, Tables, VerifiedSnapshot, build};
use cleartitle_schema::statement::{Statement, VERSION};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::Hash;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write as _;

pub const LOG: &str = "log.registry.example";
/// 2024-01-01, before every capture.
pub const REGISTERED: Timestamp = Timestamp(1_704_067_200);
/// Of the logarithm of a page's size: `sqrt(2 ln(84 / 43))`.
const SPREAD: f64 = 1.157;
const MEDIAN: f64 = 43_000.0;
/// One host in so many is reserved.
const RESERVED: usize = 10;

/// Steele and Vigna's SplitMix64: the corpus must be the same on every machine and with every version of every crate.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }

    /// Box and Muller's normal deviate.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A length whose logarithm is normal.
    pub fn length(&mut self, median: f64, spread: f64) -> usize {
        ((median.ln() + spread * self.normal()).exp() as usize).clamp(200, 8_000_000)
    }
}

/// How large a corpus is.
pub struct Size {
    pub pages: usize,
    pub hosts: usize,
}

/// A corpus: the stored file, what it inflates to in bytes, and how many of its pages are on a reserved host.
pub struct Corpus {
    pub stored: Vec<u8>,
    pub plain: usize,
    pub reserved: u64,
}

/// Hosts by rank, Zipf(0.95): the sums of their weights.
pub struct Hosts(Vec<f64>);

impl Hosts {
    pub fn of(size: &Size) -> Self {
        let mut total = 0.0;
        let weight = |rank: usize| {
            total += (rank as f64).powf(-0.95);
            total
        };
        Self((1..=size.hosts).map(weight).collect())
    }

    /// The rank of one, drawn by its weight.
    pub fn draw(&self, dice: &mut Dice) -> usize {
        let at = dice.unit() * self.0.last().copied().unwrap_or_default();
        self.0.partition_point(|&sum| sum < at).min(self.0.len() - 1)
    }
}

pub fn host(rank: usize) -> String {
    format!("site-{rank}.example")
}

pub fn is_reserved(rank: usize) -> bool {
    rank % RESERVED == 3
}

pub fn vocabulary(dice: &mut Dice) -> Vec<String> {
    (0..6_000).map(|_| word(dice)).collect()
}

/// Makes the crawl.
pub fn crawl(seed: u64, size: &Size) -> Corpus {
    let mut dice = Dice(seed);
    let words = vocabulary(&mut dice);
    let hosts = Hosts::of(size);
    let mut corpus = Corpus { stored: Vec::new(), plain: 0, reserved: 0 };
    corpus.put(&record("warcinfo", 0, 0, "application/warc-fields", None, b"software: a bench\r\n"));
    for number in 1..=size.pages {
        let rank = hosts.draw(&mut dice);
        corpus.reserved += u64::from(is_reserved(rank));
        let url = format!("https://{}/{}/{number}.html", host(rank), words[dice.below(words.len())]);
        let length = dice.length(MEDIAN, SPREAD);
        let html = page(&mut dice, &words, rank, length);
        let http = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\r\n{html}",
            html.len()
        );
        let request = format!("GET /{number}.html HTTP/1.1\r\nHost: {}\r\nUser-Agent: bench/1.0\r\n\r\n", host(rank));
        let kind = "application/http; msgtype=request";
        corpus.put(&record("request", number, 1, kind, Some(&url), request.as_bytes()));
        corpus.put(&record("response", number, 2, "application/http; msgtype=response", Some(&url), http.as_bytes()));
        let metadata = b"fetchTimeMs: 120\r\ncharset-detected: UTF-8\r\n";
        corpus.put(&record("metadata", number, 3, "application/warc-fields", Some(&url), metadata));
    }
    corpus
}

impl Corpus {
    fn put(&mut self, record: &[u8]) {
        let mut encoder = GzEncoder::new(&mut self.stored, Compression::new(6));
        encoder
            .write_all(record)
            .and_then(|()| encoder.finish().map(drop))
            .expect("memory takes what is written to it");
        self.plain += record.len();
    }
}

fn record(kind: &str, page: usize, part: usize, content: &str, url: Option<&str>, block: &[u8]) -> Vec<u8> {
    let id = |part: usize| format!("<urn:uuid:{page:08x}-0000-4000-8000-{part:012x}>");
    let mut text = format!("WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: {}\r\n", id(part));
    text.push_str("WARC-Date: 2024-05-18T01:58:10Z\r\n");
    if let Some(url) = url {
        text.push_str(&format!("WARC-Target-URI: {url}\r\n"));
    }
    if matches!(part, 1 | 3) {
        text.push_str(&format!("WARC-Concurrent-To: {}\r\n", id(2)));
    }
    text.push_str(&format!("Content-Type: {content}\r\nContent-Length: {}\r\n\r\n", block.len()));
    [text.as_bytes(), block, b"\r\n\r\n"].concat()
}

fn word(dice: &mut Dice) -> String {
    (0..2 + dice.below(8)).map(|_| char::from(b'a' + dice.below(26) as u8)).collect()
}

/// A word, the first in the list the likeliest.
pub fn frequent<'w>(dice: &mut Dice, words: &'w [String]) -> &'w str {
    let skewed = dice.unit().powi(3) * words.len() as f64;
    &words[(skewed as usize).min(words.len() - 1)]
}

/// A page: its site's navigation, then paragraphs of words of which the first in the list are the most frequent.
fn page(dice: &mut Dice, words: &[String], rank: usize, length: usize) -> String {
    let mut html = String::with_capacity(length + 1024);
    html.push_str("<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>");
    html.push_str(&words[dice.below(words.len())]);
    html.push_str("</title></head><body><nav><ul>\n");
    for entry in 0..20 {
        let word = &words[(rank * 31 + entry * 7) % words.len()];
        html.push_str(&format!(
            "<li class=\"menu-item menu-item-{entry}\"><a href=\"/{word}/index.html\">{word}</a></li>\n"
        ));
    }
    html.push_str("</ul></nav><main>\n");
    while html.len() < length {
        html.push_str("<p class=\"article-text\">");
        for _ in 0..20 + dice.below(80) {
            html.push_str(frequent(dice, words));
            html.push(' ');
        }
        html.push_str("</p>\n");
    }
    html.push_str("</main></body></html>\n");
    html
}

/// Makes the snapshot: one reservation for every reserved host.
pub fn snapshot(size: &Size) -> VerifiedSnapshot<Vec<u8>> {
    snapshot_with(size, |_| false)
}

/// The same, and a grant for every host whose rank is one of `granted` and that is not reserved.
pub fn snapshot_with(size: &Size, granted: impl Fn(usize) -> bool) -> VerifiedSnapshot<Vec<u8>> {
    let spoken = (0..size.hosts).filter(|&rank| is_reserved(rank) || granted(rank));
    let statement = |(index, rank): (usize, usize)| {
        let (kind, preference) = if is_reserved(rank) { ("reservation", "disallowed") } else { ("grant", "allowed") };
        of_host(index as u64, &host(rank), kind, preference)
    };
    let ledger: Ledger = spoken.enumerate().map(statement).collect();
    let count = ledger.statements().len() as u64;
    let head = Head { origin: LOG.to_owned(), size: count, root: Hash([7; 32]), time: REGISTERED };
    let mut body = Vec::new();
    build(ledger.statements(), &head, &Tables::default(), &mut body).expect("a snapshot");
    Snapshot::open(body).expect("a body").verify().expect("a sound snapshot")
}

fn of_host(index: u64, host: &str, kind: &str, preference: &str) -> Registered {
    let include = json!([{"target": "host", "host": host, "subdomains": true}]);
    registered(index, host, (kind, preference), &include)
}

/// A statement about training by an owner, registered.
pub fn registered(index: u64, issuer: &str, (kind, preference): (&str, &str), include: &Value) -> Registered {
    let value = json!({
        "version": VERSION, "log": LOG, "issued_at": REGISTERED, "issuer": {"domain": issuer},
        "body": {
            "kind": kind, "basis": "owner", "scope": {"include": include},
            "terms": {"clauses": [{"rules": [{"preference": preference, "uses": ["train-ai"]}]}]},
        },
    });
    let statement: Statement = serde_json::from_value(value).expect("a statement");
    let statement = statement.sorted();
    Registered {
        id: StatementId::of(&statement.to_payload().expect("a payload")),
        index,
        registered_at: REGISTERED,
        signed_by: vec![statement.issuer.domain.clone()],
        under: Vec::new(),
        speaks_for: None,
        tenure_from: None,
        statement,
    }
}
