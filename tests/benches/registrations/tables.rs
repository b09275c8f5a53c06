//! What a row takes in PostgreSQL's tables, their indexes and all.

use cleartitle_schema::id::{ContentId, ListId};
use harness::{Postgres, Registry};
use serde_json::json;

const NDJSON: &str = "application/x-ndjson";

/// Records of one batch, and batches.
const RECORDS: [usize; 2] = [10_000, 5];

/// Tables with rows of every log. `documents` is the sum of its parts.
const TABLES: [&str; 7] = ["leaves", "published", "statements", "names", "checkpoints", "tiles", "documents"];

/// Registers records, and prints bytes and rows of each table after a `VACUUM`.
pub fn weigh(server: &Postgres, database: &str, registry: &Registry) {
    let press = registry.publisher("press.example");
    let [each, batches] = RECORDS;
    for from in (0..batches).map(|batch| batch * each) {
        let record = |number: usize| {
            json!({
                "urls": [{ "role": "fetched", "url": format!("https://press.example/section-{}/article-{number}", number % 97) }],
                "content": [ContentId::of(format!("document {number}").as_bytes()).to_string()],
                "captured_at": "2026-01-01T00:00:00Z",
            })
        };
        let list: Vec<u8> = (from..from + each).flat_map(|it| format!("{}\n", record(it)).into_bytes()).collect();
        let statement = press.statement(json!({
            "kind": "manifest", "role": "provenance", "list": ListId::of(&list).to_string(), "rows": each,
            "bytes": list.len(), "media_type": NDJSON,
        }));
        let mut body = press.sign(&statement).to_bytes();
        body.push(b'\n');
        body.extend_from_slice(&list);
        let _ = registry.post("/v1/documents", NDJSON, body).is(201);
    }
    let name = database.rsplit('/').next().expect("a name");
    let _ = server.sql(name, "VACUUM ANALYZE");
    println!("bytes a row in PostgreSQL, with indexes:");
    let mut whole = 0;
    for table in TABLES {
        let size = format!(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
             AND (c.relname = '{table}' OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = '{table}'::regclass))"
        );
        let number = |sql: &str| server.sql(name, sql).parse::<u64>().expect("a number");
        let (bytes, rows) = (number(&size), number(&format!("SELECT count(*) FROM {table}")));
        whole += bytes;
        println!("  {table:>12}: {:>6} ({rows} rows, {bytes} bytes)", bytes / rows.max(1));
    }
    let statements = server.sql(name, "SELECT count(*) FROM statements").parse::<u64>().expect("a number");
    let records = (each * batches) as u64;
    println!("  {whole} bytes for {statements} statements and {records} records");
}
