//! Provenance tables: registered by the command and by hand, refused with the place, the same in every answer as a batch of the same records.

use cleartitle_schema::id::{ContentId, ListId};
use harness::provenance::{PARQUET, Row, manifest, table};
use harness::{Answer, Publisher, Ran, Registry, UNLIMITED, cleartitle, cleartitle_server, independent, postgres};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const NDJSON: &str = "application/x-ndjson";

/// Rows of every kind: its own hosts, others', none; several names; a name again; what only `more` says.
fn rows(count: usize) -> Vec<Row> {
    (0..count)
        .map(|number| {
            let host = if number % 3 == 0 { "other.example" } else { "www.press.example" };
            let mut row =
                Row::of(&format!("document {}", number - number % 5 / 4), &format!("https://{host}/{number}"));
            row.sha256 = (number % 4 == 1).then_some([number as u8; 32]);
            row.channel = (number % 7 == 2).then_some("licensed-feed");
            row.more = (number % 6 == 5).then(|| {
                json!({"works": [{"id": "isbn:9780000000000"}], "collections": ["press archive"], "access": "open"})
                    .to_string()
            });
            if number % 11 == 10 {
                row.url = None;
                row.captured_at = None;
            }
            row
        })
        .collect()
}

fn name_of(number: usize) -> String {
    ContentId::of(format!("document {number}").as_bytes()).to_string()
}

/// Begins an upload and brings all of it.
pub fn send(registry: &Registry, publisher: &Publisher, statement: &Value, table: &[u8]) -> Answer {
    let begun = registry.post("/v1/uploads", "application/json", publisher.sign(statement).to_bytes());
    if begun.status >= 300 {
        return begun;
    }
    let view = begun.json();
    let at = format!("/v1/uploads/{}", view["statement"].as_str().expect("an id"));
    let mut last = None;
    for (number, piece) in table.chunks(8 << 20).enumerate() {
        last = Some(put(registry, &format!("{at}?offset={}", number * (8 << 20)), piece.to_vec()));
    }
    last.expect("a piece")
}

pub fn put(registry: &Registry, path: &str, body: Vec<u8>) -> Answer {
    let request = harness::http::client().put(registry.url(path)).header("content-type", "application/octet-stream");
    harness::http::send(request.body(body)).expect("an answer")
}

/// Waits until an upload is in the log or refused; how it stands then.
pub fn ended(registry: &Registry, statement: &str) -> Value {
    let begun = Instant::now();
    loop {
        let view = registry.read(&format!("/v1/uploads/{statement}")).is(200).json();
        if view["state"] != "loading" {
            return view;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{view}\n{}", registry.said());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Registers a table; its registration.
fn registered(registry: &Registry, publisher: &Publisher, rows: &[Row], in_group: usize) -> Value {
    let bytes = table(rows, in_group);
    let answer = send(registry, publisher, &manifest(publisher, &bytes, rows.len()), &bytes).is(200).json();
    let view = ended(registry, answer["statement"].as_str().expect("an id"));
    assert_eq!(view["state"], "registered", "{view}");
    registry.remember(view["registration"]["registration"].clone());
    view["registration"].clone()
}

/// What is registered of a document, without what differs from one registration to the next.
fn said_of(registry: &Registry, name: &str) -> Value {
    let mut view = registry.read(&format!("/v1/documents/{name}")).is(200).json();
    for record in view["records"].as_array_mut().expect("records") {
        let record = record.as_object_mut().expect("a record");
        record.remove("statement");
        record.remove("registered_at");
    }
    view
}

fn register(registry: &Registry, publisher: &Publisher, more: &[&str]) -> Ran {
    let key = publisher.write_keys(registry.scratch()).display().to_string();
    let (url, log_key) = (registry.url(""), registry.log_key());
    let mut arguments = vec!["register", "--registry", &url, "--log-key", log_key.trim(), "--key", &key];
    arguments.extend(["--issuer", &publisher.domain]);
    arguments.extend(more);
    cleartitle(&arguments)
}

/// A registry on SQLite, and one on PostgreSQL where there is one.
pub fn on_both(check: &str) -> Vec<Registry> {
    let flags = UNLIMITED;
    let in_postgres = postgres::database(check).map(|address| Registry::on_postgres(&address, None));
    [Registry::in_folder_with("warn", &flags)].into_iter().chain(in_postgres).collect()
}

#[test]
fn a_table_says_the_same_as_a_batch_of_the_same_records() {
    let rows = rows(1500);
    for by_table in on_both("tables beside batches on PostgreSQL") {
        beside_a_batch(&rows, &by_table);
    }
}

fn beside_a_batch(rows: &[Row], by_table: &Registry) {
    let by_batch = Registry::in_folder_with("warn", &UNLIMITED);
    let press = by_batch.publisher("press.example");
    let list: Vec<u8> = rows.iter().flat_map(|row| format!("{}\n", row.line()).into_bytes()).collect();
    let statement = press.statement(json!({
        "kind": "manifest", "role": "provenance", "list": ListId::of(&list).to_string(), "rows": rows.len(),
        "bytes": list.len(), "media_type": NDJSON,
    }));
    let mut body = press.sign(&statement).to_bytes();
    body.push(b'\n');
    body.extend_from_slice(&list);
    let _ = by_batch.post("/v1/documents", NDJSON, body).is(201);
    let press = by_table.publisher("press.example");
    registered(by_table, &press, rows, 400);
    let names = (0..60).chain([399, 400, 1499]).map(name_of);
    let others = [1, 5].map(|number| format!("sha256:{}", format!("{number:02x}").repeat(32)));
    for name in names.chain(others).chain([name_of(99_999)]) {
        assert_eq!(said_of(by_table, &name), said_of(&by_batch, &name), "{name}");
    }
    assert!(said_of(by_table, &name_of(3))["records"].as_array().expect("records").len() == 2);
    // Who showed what first is judged alike when somebody claims it: what press showed on its own hosts, and what it did not.
    for registry in [&by_batch, by_table] {
        let rival = registry.publisher("rival.example");
        let claim = |name: &str| {
            let mut payload = rival.reservation("rival.example");
            payload["body"]["scope"] = json!({"include": [{"target": "content", "ids": [name]}]});
            registry.try_register(&rival.sign(&payload)).expect("an answer")
        };
        claim(&name_of(1)).is_problem(403, "seen-elsewhere");
        let _ = claim(&name_of(6)).is(201);
        claim(&format!("sha256:{}", "01".repeat(32))).is_problem(403, "seen-elsewhere");
    }
    by_table.audit();
    let data = by_table.data().display().to_string();
    assert_eq!(by_table.stop(), 0);
    let dump = || cleartitle_server(&["dump", "--data", &data]).exits(0).stdout;
    let before = dump();
    assert!(before.contains("record_runs\t"));
    let _ = cleartitle_server(&["rebuild", "--data", &data]).exits(0);
    assert!(dump() == before, "what is made again from the file is what was loaded");
    let audited = cleartitle_server(&["audit", "--data", &data]).exits(0).stdout;
    assert!(!audited.contains("altered"), "{audited}");
}

#[test]
fn the_command_registers_a_table_and_gives_its_receipt_again() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let file = registry.scratch().join("archive.parquet");
    let bytes = table(&rows(3000), 1000);
    std::fs::write(&file, &bytes).expect("a file");
    let path = file.display().to_string();
    let shown = register(&registry, &press, &["--documents", &path, "--dry-run"]).exits(0);
    assert!(shown.stdout.contains(&ListId::of(&bytes).to_string()) && shown.stdout.contains("\"rows\": 3000"));
    let ran = register(&registry, &press, &["--documents", &path, "--format", "json"]).exits(0);
    let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(told["new"], true, "{told}");
    let statement = told["statement"].as_str().expect("an id");
    assert!(!registry.scratch().join("archive.parquet.envelope.json").exists(), "the envelope is of no more use");
    let view = registry.read(&format!("/v1/uploads/{statement}")).is(200).json();
    registry.remember(view["registration"]["registration"].clone());
    registry.audit();
    let kept = registry.read(&format!("/v1/lists/{}", ListId::of(&bytes))).is(200);
    assert!(kept.body == bytes);
    assert_eq!(said_of(&registry, &name_of(7))["records"][0]["line"], 8);
    // A stranger's file beside it is no envelope of this table.
    let envelope = registry.scratch().join("archive.parquet.envelope.json");
    let other = press.sign(&manifest(&press, b"other", 1)).to_bytes();
    std::fs::write(&envelope, other).expect("a file");
    let ran = register(&registry, &press, &["--documents", &path]).exits(2);
    assert!(ran.stderr.contains("signs another table") && ran.stderr.contains("hint:"), "{}", ran.stderr);
    std::fs::remove_file(&envelope).expect("a file");
    // No table, and one that the registry refuses.
    std::fs::write(&file, b"PAR1 nothing PAR1").expect("a file");
    let ran = register(&registry, &press, &["--documents", &path]).exits(2);
    assert!(ran.stderr.contains("no sound Parquet file"), "{}", ran.stderr);
    let mut bad = rows(10);
    bad[6].content = None;
    bad[6].sha256 = None;
    std::fs::write(&file, table(&bad, 4)).expect("a file");
    let ran = register(&registry, &press, &["--documents", &path]).exits(2);
    let place = "row 7 (row group 1): it names no content (malformed-table)";
    assert!(ran.stderr.contains(place) && ran.stderr.contains("hint:"), "{}", ran.stderr);
    assert!(!envelope.exists());
}

#[test]
fn what_is_wrong_with_a_table_is_told_with_its_place_and_nothing_is_kept() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let refused = |bytes: &[u8], rows: usize, code: &str, detail: &str| {
        let answer = send(&registry, &press, &manifest(&press, bytes, rows), bytes).is(200).json();
        let view = ended(&registry, answer["statement"].as_str().expect("an id"));
        assert_eq!((&view["state"], &view["problem"]["code"]), (&json!("refused"), &json!(code)), "{view}");
        assert!(view["problem"]["detail"].as_str().expect("words").contains(detail), "{view}");
        assert_eq!(view["received"], 0);
    };
    let good = rows(50);
    let with = |change: fn(&mut Row)| {
        let mut rows = good.clone();
        change(&mut rows[41]);
        table(&rows, 20)
    };
    let at = |column: &str| format!("row 42 (row group 2, column `{column}`)");
    refused(&with(|row| row.more = Some("{\"novel\":1}".to_owned())), 50, "malformed-table", &at("more"));
    refused(&with(|row| row.more = Some("[".repeat(5000))), 50, "malformed-table", &at("more"));
    refused(
        &with(|row| row.more = Some("{\"captured_at\":\"2026-01-01T00:00:00Z\"}".to_owned())),
        50,
        "malformed-table",
        "captured_at",
    );
    refused(&with(|row| row.channel = Some("theft")), 50, "malformed-table", &at("channel"));
    refused(&with(|row| row.captured_at = Some(9_000_000_000_000)), 50, "malformed-table", &at("captured_at"));
    refused(&with(|row| row.url = Some("x".repeat(70_000))), 50, "malformed-table", "row 42 (row group 2)");
    refused(&table(&good, 20), 51, "list-mismatch", "50 rows, the statement says 51");
    let whole = table(&good, 20);
    refused(&whole[..whole.len() - 1], 50, "malformed-table", "PAR1");
    // Any byte of it changed: refused, or a table that says something else and was signed so; never a failure of the registry.
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut changed = whole.clone();
        changed[at] ^= 0x41;
        let answer = send(&registry, &press, &manifest(&press, &changed, 50), &changed).is(200).json();
        let view = ended(&registry, answer["statement"].as_str().expect("an id"));
        assert!(view["state"] == "refused" || view["state"] == "registered", "{view}");
        if view["state"] == "registered" {
            registry.remember(view["registration"]["registration"].clone());
        }
    }
    // The bytes are not those that were signed.
    let mut changed = whole.clone();
    changed[40] ^= 1;
    let answer = send(&registry, &press, &manifest(&press, &whole, 50), &changed).is(200).json();
    let statement = answer["statement"].as_str().expect("an id").to_owned();
    let view = ended(&registry, &statement);
    assert_eq!(view["problem"]["code"], "list-mismatch", "{view}");
    // It begins anew, and the right bytes are taken.
    let _ = send(&registry, &press, &manifest(&press, &whole, 50), &whole).is(200);
    let view = ended(&registry, &statement);
    assert_eq!(view["state"], "registered", "{view}");
    registry.remember(view["registration"]["registration"].clone());
    registry.audit();
    // A batch does not pass as a table, nor a table as a batch.
    let mut body = press.sign(&manifest(&press, b"{}\n", 1)).to_bytes();
    body.extend_from_slice(b"\n{}\n");
    registry.post("/v1/documents", NDJSON, body).is_problem(422, "list-mismatch");
    registry
        .try_register(&press.sign(&manifest(&press, b"{}\n", 1)))
        .expect("an answer")
        .is_problem(422, "needs-bytes");
}

#[test]
fn nobody_takes_room_without_a_signed_statement_nor_more_than_it_signs() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let bytes = table(&rows(30_000), 10_000);
    assert!(bytes.len() > 3 * (256 << 10), "{} bytes", bytes.len());
    let statement = manifest(&press, &bytes, 30_000);
    let stranger = Publisher::new("stranger.example", &press.origin);
    let envelope = stranger.sign(&manifest(&stranger, &bytes, 30_000)).to_bytes();
    registry.post("/v1/uploads", "application/json", envelope).is_problem(403, "unknown-issuer");
    let id = "0".repeat(64);
    put(&registry, &format!("/v1/uploads/statement:{id}?offset=0"), vec![0; 256 << 10]).is_problem(404, "not-found");
    let batch = press.statement(json!({"kind": "manifest", "role": "provenance", "list": ListId::of(b"").to_string(),
        "rows": 1, "bytes": 1, "media_type": NDJSON}));
    let begin = |statement: &Value| registry.post("/v1/uploads", "application/json", press.sign(statement).to_bytes());
    begin(&batch).is_problem(422, "list-mismatch");
    let mut huge = statement.clone();
    huge["body"]["bytes"] = json!(17_u64 << 30);
    begin(&huge).is_problem(413, "too-long");
    let view = begin(&statement).is(201).json();
    assert_eq!((&view["state"], &view["received"]), (&json!("receiving"), &json!(0)));
    assert_eq!(begin(&statement).is(200).json(), view);
    let at = |offset: usize| format!("/v1/uploads/{}?offset={offset}", view["statement"].as_str().expect("an id"));
    let part = 256 << 10;
    put(&registry, &at(0), bytes[..part - 1].to_vec()).is_problem(422, "unprocessable-request");
    put(&registry, &at(0), Vec::new()).is_problem(422, "unprocessable-request");
    put(&registry, &at(part), bytes[part..2 * part].to_vec()).is_problem(409, "wrong-offset");
    put(&registry, &at(0), vec![0; 9 << 20]).is_problem(413, "too-long");
    assert_eq!(put(&registry, &at(0), bytes[..part].to_vec()).is(200).json()["received"], part);
    put(&registry, &at(0), bytes[..part].to_vec()).is_problem(409, "wrong-offset");
    let mut over = bytes[part..].to_vec();
    over.push(0);
    put(&registry, &at(part), over).is_problem(422, "unprocessable-request");
    let view = put(&registry, &at(part), bytes[part..].to_vec()).is(200).json();
    let view = ended(&registry, view["statement"].as_str().expect("an id"));
    assert_eq!(view["state"], "registered", "{view}");
    registry.remember(view["registration"]["registration"].clone());
    put(&registry, &at(bytes.len()), vec![0; part]).is_problem(409, "wrong-offset");
    registry.audit();
    // Four of one house may be on their way, and all have what the operator allows.
    let coming = |number: usize| {
        let bytes = table(&rows(number + 1), 9);
        begin(&manifest(&press, &bytes, number + 1))
    };
    (0..4).for_each(|number| _ = coming(number).is(201));
    coming(4).is_problem(507, "no-room");
    let mean = Registry::start_with(&["--tables-each", "0"]);
    let press = mean.publisher("press.example");
    let envelope = press.sign(&manifest(&press, &bytes, 30_000)).to_bytes();
    mean.post("/v1/uploads", "application/json", envelope).is_problem(507, "no-room");
}

#[test]
fn a_table_goes_into_backups_moves_with_the_registry_and_is_erased() {
    let registry = Registry::in_folder_with("warn", &UNLIMITED);
    let press = registry.publisher("press.example");
    let rows = rows(700);
    let bytes = table(&rows, 300);
    let registration = registered(&registry, &press, &rows, 300);
    let said = said_of(&registry, &name_of(11));
    let list = format!("/v1/lists/{}", ListId::of(&bytes));
    let archive = registry.scratch().join("backup.tar");
    let (data, out) = (registry.data().display().to_string(), archive.display().to_string());
    let _ = cleartitle_server(&["backup", "--data", &data, "--out", &out]).exits(0);
    let restored = Registry::restored(&archive, registry.acknowledged(), &UNLIMITED);
    restored.audit();
    assert_eq!(said_of(&restored, &name_of(11)), said);
    assert!(restored.read(&list).is(200).body == bytes);
    assert_eq!(registry.stop(), 0);
    if let Some(address) = postgres::database("tables moved to PostgreSQL") {
        let _ = cleartitle_server(&["migrate", "--from", &format!("sqlite:{data}"), "--to", &address]).exits(0);
        registry.use_database(&address);
        registry.begin();
        registry.audit();
        assert_eq!(said_of(&registry, &name_of(11)), said);
        assert!(registry.read(&list).is(200).body == bytes);
        assert_eq!(registry.stop(), 0);
    }
    assert_eq!(restored.stop(), 0);
    let statement = registration["registration"]["statement"].as_str().expect("an id");
    for registry in [&registry, &restored] {
        let data = registry.data().display().to_string();
        let erase = ["erase", "--data", &data, "--statement", statement, "--reason", "order of a court"];
        let _ = cleartitle_server(&erase).exits(0);
        registry.begin();
        let _ = registry.read(&list).is(404);
        assert_eq!(said_of(registry, &name_of(11))["records"], json!([]));
        let again =
            registry.post("/v1/uploads", "application/json", press.sign(&manifest(&press, &bytes, 700)).to_bytes());
        again.is_problem(410, "erased");
        assert_eq!(registry.stop(), 0);
        let database = std::fs::read(registry.data().join("registry.sqlite")).unwrap_or_default();
        let first = &bytes[4..100];
        assert!(!database.windows(first.len()).any(|window| window == first), "bytes of the table are left");
    }
}

#[test]
fn a_table_comes_in_through_any_server_of_a_log_and_is_seen_by_each() {
    let Some(address) = postgres::database("a table through two servers on PostgreSQL") else { return };
    let one = Registry::on_postgres(&address, None);
    let other = Registry::on_postgres(&address, Some(&one));
    let press = one.publisher("press.example");
    let bytes = table(&rows(30_000), 10_000);
    let envelope = press.sign(&manifest(&press, &bytes, 30_000)).to_bytes();
    let view = one.post("/v1/uploads", "application/json", envelope).is(201).json();
    let statement = view["statement"].as_str().expect("an id");
    for (number, piece) in bytes.chunks(256 << 10).enumerate() {
        let server = if number % 2 == 0 { &other } else { &one };
        let _ =
            put(server, &format!("/v1/uploads/{statement}?offset={}", number * (256 << 10)), piece.to_vec()).is(200);
    }
    // Whichever of them loads it, and even where the one that got the last piece is gone.
    one.kill();
    let view = ended(&other, statement);
    assert_eq!(view["state"], "registered", "{view}");
    other.remember(view["registration"]["registration"].clone());
    other.audit();
    one.begin();
    assert_eq!(said_of(&one, &name_of(29_997)), said_of(&other, &name_of(29_997)));
    assert_eq!(said_of(&one, &name_of(29_997))["records"][0]["line"], 29_998);
}

#[test]
fn what_pyarrow_writes_is_a_table() {
    let Some(python) = independent::python("provenance tables by pyarrow") else { return };
    let registry = Registry::start_with(&UNLIMITED);
    let press = registry.publisher("press.example");
    let folder = registry.scratch().display().to_string();
    let told = independent::run(&python, &[&independent::script("write_provenance.py"), &folder]).exits(0);
    let files: Vec<Value> = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!(files.len(), 5);
    for file in &files {
        let path = file["file"].as_str().expect("a path");
        let ran = register(&registry, &press, &["--documents", path, "--format", "json"]).exits(0);
        let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let view = registry.read(&format!("/v1/uploads/{}", told["statement"].as_str().expect("an id"))).is(200).json();
        assert_eq!(view["registration"]["rows"], file["rows"]);
        registry.remember(view["registration"]["registration"].clone());
    }
    registry.audit();
    for number in [0_usize, 4, 12_345, 24_999] {
        let records = said_of(&registry, &name_of(number))["records"].clone();
        let records = records.as_array().expect("records");
        assert_eq!(records.len(), files.len());
        let at = cleartitle_schema::time::Timestamp(1_767_225_600 + number as i64).to_string();
        for record in records {
            assert_eq!(record["line"], number + 1);
            assert_eq!(record["acquisition"]["captured_at"], at);
            assert_eq!(record["acquisition"]["access"], "open");
            let url = &record["acquisition"]["urls"][0]["url"];
            assert_eq!(*url, if number == 4 { Value::Null } else { json!(format!("https://press.example/{number}")) });
        }
    }
}

#[test]
fn the_media_type_is_the_schemas() {
    assert_eq!(PARQUET, cleartitle_schema::provenance::MEDIA_TYPE);
}
