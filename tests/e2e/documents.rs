//! Batches of provenance records: registered with the bytes that the statement signs, found again by document.

use cleartitle_schema::id::{ContentId, ListId};
use harness::{Answer, Publisher, Registry};
use serde_json::{Value, json};

const NDJSON: &str = "application/x-ndjson";

fn record(number: usize) -> Value {
    json!({
        "urls": [{ "role": "fetched", "url": format!("https://press.example/{number}") }],
        "content": [ContentId::of(format!("document {number}").as_bytes()).to_string()],
        "captured_at": "2026-01-01T00:00:00Z",
    })
}

fn manifest(publisher: &Publisher, list: &[u8], rows: usize) -> Value {
    publisher.statement(json!({
        "kind": "manifest", "role": "provenance", "list": ListId::of(list).to_string(), "rows": rows,
        "bytes": list.len(), "media_type": NDJSON,
    }))
}

fn send(registry: &Registry, publisher: &Publisher, statement: &Value, list: &[u8]) -> Answer {
    let mut body = publisher.sign(statement).to_bytes();
    body.push(b'\n');
    body.extend_from_slice(list);
    registry.post("/v1/documents", NDJSON, body)
}

fn list_of(rows: usize) -> Vec<u8> {
    (0..rows).flat_map(|number| format!("{}\n", record(number)).into_bytes()).collect()
}

#[test]
fn a_batch_is_logged_by_its_digest_and_found_by_document() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let list = list_of(500);
    let statement = manifest(&press, &list, 500);
    // Alone, the statement is refused: its bytes are missing.
    registry.try_register(&press.sign(&statement)).expect("an answer").is_problem(422, "needs-bytes");
    let answer = send(&registry, &press, &statement, &list).is(201).json();
    assert_eq!(answer["rows"], 500);
    assert_eq!(answer["list"], ListId::of(&list).to_string());
    registry.remember(answer["registration"].clone());
    registry.audit();
    assert_eq!(send(&registry, &press, &statement, &list).is(200).json(), answer);

    let name = record(7)["content"][0].as_str().expect("a name").to_owned();
    let view = registry.read(&format!("/v1/documents/{name}")).is(200).json();
    assert_eq!(view["records"][0]["issuer"], "press.example");
    assert_eq!(view["records"][0]["line"], 8);
    assert_eq!(view["records"][0]["acquisition"]["urls"], record(7)["urls"]);
    let kept = registry.read(&format!("/v1/lists/{}", ListId::of(&list))).is(200).body;
    assert_eq!(kept, list);
    let nobody = ContentId::of(b"never seen");
    assert_eq!(registry.read(&format!("/v1/documents/{nobody}")).is(200).json()["records"], json!([]));
    // What a restart and a rebuild leave is the same.
    assert_eq!(registry.stop(), 0);
    harness::cleartitle_server(&["rebuild", "--data", &registry.data().display().to_string()]).exits(0);
    registry.begin();
    assert_eq!(registry.read(&format!("/v1/documents/{name}")).is(200).json(), view);
    registry.audit();
}

#[test]
fn a_batch_other_than_the_signed_one_is_refused() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let list = list_of(3);
    let statement = manifest(&press, &list, 3);
    send(&registry, &press, &statement, &list[..list.len() - 1]).is_problem(422, "list-mismatch");
    send(&registry, &press, &statement, b"").is_problem(422, "list-mismatch");
    let mut changed = list.clone();
    changed[20] ^= 1;
    send(&registry, &press, &statement, &changed).is_problem(422, "list-mismatch");
    send(&registry, &press, &manifest(&press, &list, 4), &list).is_problem(422, "list-mismatch");
    for line in [
        "{}\n".to_owned(),
        "not json\n".to_owned(),
        "\n".to_owned(),
        "{\"content\":[],\"novel\":1}\n".to_owned(),
        format!("{}\n", "[".repeat(5000)),
        format!(
            "{{\"content\":[\"blake3:{}\"],\"urls\":[{{\"role\":\"fetched\",\"url\":\"{}\"}}]}}\n",
            "0".repeat(64),
            "x".repeat(70_000)
        ),
    ] {
        let statement = manifest(&press, line.as_bytes(), 1);
        send(&registry, &press, &statement, line.as_bytes()).is_problem(422, "malformed-record");
    }
    registry.post("/v1/documents", "application/json", "{}").is_problem(415, "unsupported-media-type");
    registry.audit();
    assert_eq!(registry.read("/v1/statements?issuer=press.example").json()["statements"], json!([]));
}

#[test]
fn a_batch_has_at_most_32_mib() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let line = format!("{}\n", record(1)).into_bytes();
    let rows = (32 << 20) / line.len();
    let fits = line.repeat(rows);
    let answer = send(&registry, &press, &manifest(&press, &fits, rows), &fits).is(201).json();
    registry.remember(answer["registration"].clone());
    registry.audit();
    let over = line.repeat(rows + 1);
    send(&registry, &press, &manifest(&press, &over, rows + 1), &over).is_problem(413, "too-long");
    // A length that is only declared is refused before a byte of it is read.
    let beyond = line.repeat(2 * rows);
    send(&registry, &press, &manifest(&press, &beyond, 2 * rows), &beyond).is_problem(413, "too-long");
    registry.audit();
}
