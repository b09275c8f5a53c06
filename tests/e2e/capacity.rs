//! Capacity: how many bytes the real store and the real snapshots take for a record and for a statement; `server/CAPACITY.md` computes
//! with what this prints.
//!
//! `CLEARTITLE_LONG=capacity cargo test -p cleartitle-tests --test e2e capacity -- --nocapture` measures 100,000 records and 2,000 statements,
//! as the page has them; otherwise a tenth, against the same bounds.

use cleartitle_schema::id::{ContentId, ListId};
use harness::{Publisher, Registry, UNLIMITED};
use serde_json::{Value, json};

const NDJSON: &str = "application/x-ndjson";

/// The lines of one batch.
const EACH: usize = 10_000;

fn record(number: usize) -> Value {
    json!({
        "urls": [{ "role": "fetched", "url": format!("https://press.example/section-{}/article-{number}", number % 97) }],
        "content": [ContentId::of(format!("document {number}").as_bytes()).to_string()],
        "captured_at": "2026-01-01T00:00:00Z",
    })
}

/// What lies here when the server has ended and its write-ahead log is in the database.
struct Lying {
    database: u64,
    leaves: u64,
    snapshot: u64,
}

fn lying(registry: &Registry) -> Lying {
    let view = registry.read("/v1/snapshots/latest").is(200).json();
    assert_eq!(registry.stop(), 0);
    let path = registry.data().join("registry.sqlite");
    let database = rusqlite::Connection::open(&path).expect("a database");
    database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a whole database");
    drop(database);
    let database = std::fs::metadata(path).expect("a database").len();
    registry.begin();
    let whole = |name: &str| view[name].as_u64().expect("a number");
    Lying { database, leaves: whole("size"), snapshot: whole("bytes") }
}

fn batch(registry: &Registry, press: &Publisher, from: usize) -> usize {
    let list: Vec<u8> = (from..from + EACH).flat_map(|number| format!("{}\n", record(number)).into_bytes()).collect();
    let statement = press.statement(json!({
        "kind": "manifest", "role": "provenance", "list": ListId::of(&list).to_string(), "rows": EACH,
        "bytes": list.len(), "media_type": NDJSON,
    }));
    let mut body = press.sign(&statement).to_bytes();
    body.push(b'\n');
    body.extend_from_slice(&list);
    let _ = registry.post("/v1/documents", NDJSON, body).is(201);
    list.len()
}

#[test]
fn what_a_record_and_a_statement_take_is_within_what_the_page_computes_with() {
    let (batches, statements) = if harness::long("capacity") { (10, 2000_u64) } else { (1, 200) };
    let registry = Registry::in_folder_with("warn", &UNLIMITED);
    let press = registry.publisher("press.example");
    let empty = lying(&registry);
    let sent: usize = (0..batches).map(|number| batch(&registry, &press, number * EACH)).sum();
    let listed = lying(&registry);
    for number in 0..statements {
        let envelope = press.sign(&press.reservation(&format!("host-{number}.press.example")));
        let _ = registry.try_register(&envelope).expect("an answer").is(201);
    }
    let stated = lying(&registry);
    assert_eq!(stated.leaves - listed.leaves, statements);
    let records = (batches * EACH) as u64;
    let each = |after: u64, before: u64, count: u64| (after - before) / count;
    let record = each(listed.database, empty.database, records);
    let statement = each(stated.database, listed.database, statements);
    let rule = each(stated.snapshot, listed.snapshot, statements);
    let line = sent as u64 / records;
    println!("records: {records}, a line of {line} bytes each: {record} bytes in the database");
    println!("statements: {statements}, one rule each: {statement} bytes in the database, {rule} in the snapshot");
    println!("an empty registry: {} bytes, its snapshot {}", empty.database, empty.snapshot);
    let page = std::fs::read_to_string(harness::root().join("server/CAPACITY.md")).expect("the page");
    let figure = |name: &str| {
        let row = page.lines().find(|line| line.starts_with(&format!("| {name} |"))).expect(name);
        let cell = row.split('|').nth(2).expect("a figure").trim().replace(',', "");
        cell.split(' ').next().and_then(|number| number.parse::<u64>().ok()).expect("a number")
    };
    for (name, found) in [
        ("a record in the database", record),
        ("a statement in the database", statement),
        ("a rule in a snapshot", rule),
    ] {
        let computed_with = figure(name);
        let near = computed_with * 3 / 4..=computed_with * 4 / 3;
        assert!(near.contains(&found), "{name}: {found} bytes, the page computes with {computed_with}");
    }
}
