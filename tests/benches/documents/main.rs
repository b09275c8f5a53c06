//! How many provenance records a second a registry takes by table, over HTTP and durable, how many bytes one takes, and how long a document is
//! looked up among them; on SQLite and on PostgreSQL.
//!
//! `cargo bench -p cleartitle-tests --bench documents -- --rows 1000000,10000000`; `--store sqlite` or `--store postgres` takes one of the two.
//! Each size is a table of its own in a registry of its own, under `TMPDIR`: some 130 bytes a row of disk while it lasts. A row is a BLAKE3, a URL
//! under the publisher's own host, a capture time and a channel. The real server over loopback, whoever sends on the same cores. Without
//! `--bench` (as `cargo test` runs it) it is small, and only checks the answers.

use std::fs::File;
use std::io::{BufWriter, Read as _};
use std::path::Path;
use std::time::{Duration, Instant};

use cleartitle_schema::id::{ContentId, ListHasher};
use harness::provenance::{PARQUET, Row, write_table};
use harness::{Registry, Seeded, UNLIMITED, postgres};
use serde_json::{Value, json};

/// Rows of a row group, as DuckDB has them.
const GROUP: usize = 122_880;

/// Documents that are looked up, of those that are there and of those that are not.
const LOOKUPS: usize = 300;

fn text(number: usize) -> String {
    format!("document {number}")
}

fn row(number: usize) -> Row {
    let mut row = Row::of(&text(number), &format!("https://press.example/section-{}/article-{number}", number % 97));
    row.captured_at = Some(1_767_225_600 + (number as i64 * 7919) % 31_536_000);
    row.channel = Some("crawl");
    row
}

/// A table of so many rows on the disk.
fn make(path: &Path, rows: usize) {
    let out = BufWriter::with_capacity(1 << 20, File::create(path).expect("a file"));
    let groups =
        (0..rows.div_ceil(GROUP)).map(|group| (group * GROUP..rows.min((group + 1) * GROUP)).map(row).collect());
    let out = write_table(out, groups);
    out.into_inner().expect("all is written").sync_all().expect("a whole file");
}

/// The id of a list that lies on the disk.
fn list_of(path: &Path) -> String {
    let (mut file, mut hasher, mut piece) =
        (File::open(path).expect("a file"), ListHasher::default(), vec![0; 1 << 20]);
    loop {
        let count = file.read(&mut piece).expect("bytes");
        if count == 0 {
            return hasher.id().to_string();
        }
        hasher.update(&piece[..count]);
    }
}

/// Brings a table and waits until it is in the log: how long each took.
fn register(registry: &Registry, path: &Path, rows: usize) -> (Duration, Duration) {
    let press = registry.publisher("press.example");
    let bytes = std::fs::metadata(path).expect("a file").len();
    let statement = press
        .statement(json!({"kind": "manifest", "role": "provenance", "list": list_of(path), "rows": rows,
        "bytes": bytes, "media_type": PARQUET}));
    let begun = Instant::now();
    let view = registry.post("/v1/uploads", "application/json", press.sign(&statement).to_bytes()).is(201).json();
    let at = format!("/v1/uploads/{}", view["statement"].as_str().expect("an id"));
    let (mut file, mut offset) = (File::open(path).expect("a file"), 0);
    while offset < bytes {
        let mut piece = Vec::with_capacity(8 << 20);
        let count = (&mut file).take(8 << 20).read_to_end(&mut piece).expect("bytes");
        let request = harness::http::client().put(registry.url(&format!("{at}?offset={offset}")));
        let request = request.header("content-type", "application/octet-stream").body(piece);
        let _ = harness::http::send(request).expect("an answer").is(200);
        offset += count as u64;
    }
    let sent = begun.elapsed();
    loop {
        let view: Value = registry.read(&at).is(200).json();
        match view["state"].as_str() {
            Some("loading") => std::thread::sleep(Duration::from_millis(50)),
            Some("registered") => return (sent, begun.elapsed() - sent),
            _ => panic!("{view}\n{}", registry.said()),
        }
    }
}

/// The times of looking these documents up, sorted; each has as many records as it should.
fn look_up(registry: &Registry, numbers: impl Iterator<Item = usize>, records: usize) -> Vec<Duration> {
    let mut times: Vec<Duration> = numbers
        .map(|number| {
            let path = format!("/v1/documents/{}", ContentId::of(text(number).as_bytes()));
            let begun = Instant::now();
            let view = registry.read(&path).is(200).json();
            let took = begun.elapsed();
            assert_eq!(view["records"].as_array().map(Vec::len), Some(records), "{number}: {view}");
            assert!(records == 0 || view["records"][0]["line"] == number + 1, "{number}: {view}");
            took
        })
        .collect();
    times.sort_unstable();
    times
}

fn told(times: &[Duration]) -> String {
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    format!("{:.2} ms at the median, {:.2} at the 99th percentile", at(0.5), at(0.99))
}

/// The most memory that the server has had, in MiB.
fn memory(registry: &Registry) -> u64 {
    let id = registry.process_id().expect("a process");
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// What the registry's database has on the disk.
fn database_bytes(registry: &Registry, address: Option<&str>) -> u64 {
    match address {
        Some(address) => {
            let name = address.rsplit('/').next().expect("a name");
            let server = postgres::shared("the bench").expect("a server");
            server.sql(name, "SELECT pg_database_size(current_database())").parse().expect("a number")
        }
        None => {
            assert_eq!(registry.stop(), 0);
            let path = registry.data().join("registry.sqlite");
            let database = rusqlite::Connection::open(&path).expect("a database");
            database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a whole database");
            drop(database);
            let bytes = std::fs::metadata(path).expect("a database").len();
            registry.begin();
            bytes
        }
    }
}

fn measure(store: &str, table: &Path, rows: usize) {
    let address = match store {
        "postgres" => match postgres::database("the bench on PostgreSQL") {
            Some(address) => Some(address),
            None => return,
        },
        _ => None,
    };
    let registry = match &address {
        Some(address) => Registry::on_postgres(address, None),
        None => Registry::in_folder_with("warn", &UNLIMITED),
    };
    let empty = database_bytes(&registry, address.as_deref());
    let (sent, loaded) = register(&registry, table, rows);
    let most = memory(&registry);
    let file = std::fs::metadata(table).expect("a file").len();
    let each = |bytes: u64| bytes as f64 / rows as f64;
    let taken = database_bytes(&registry, address.as_deref()) - empty;
    let rate = |time: Duration| rows as f64 / time.as_secs_f64();
    println!(
        "{store:>8}, {rows:>11} rows: {:>9.0} rows/s in all ({:.1} s to send, {:.1} s to load at {:.0} rows/s); {:.1} bytes a row, of which \
         {:.1} are the file; {most} MiB of memory at most",
        rate(sent + loaded),
        sent.as_secs_f64(),
        loaded.as_secs_f64(),
        rate(loaded),
        each(taken),
        each(file),
    );
    let mut seeded = Seeded(4);
    let there = look_up(&registry, (0..LOOKUPS).map(|_| seeded.below(rows as u64) as usize), 1);
    let nowhere = look_up(&registry, (0..LOOKUPS).map(|number| rows + number), 0);
    println!("{:>8}  a document that is there: {}; that is not: {}", "", told(&there), told(&nowhere));
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let measured = arguments.iter().any(|argument| argument == "--bench");
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)).cloned()
    };
    let usual = if measured { "1000000,10000000" } else { "2000" };
    let sizes = value("--rows").unwrap_or_else(|| usual.to_owned());
    let sizes = sizes.split(',').map(|size| size.parse::<usize>().expect("--rows takes numbers with commas"));
    let stores = value("--store").map_or_else(|| vec!["sqlite".to_owned(), "postgres".to_owned()], |store| vec![store]);
    let folder = tempfile::tempdir().expect("a folder");
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load before: {}", load.trim());
    for rows in sizes {
        let table = folder.path().join("table.parquet");
        make(&table, rows);
        for store in &stores {
            measure(store, &table, rows);
        }
    }
}
