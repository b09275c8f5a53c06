//! The limits of registration, one test each, against the whole service in process.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::api::{Problem, Registration};
use cleartitle_schema::id::{ContentId, ContentName, ListId, StatementId};
use cleartitle_schema::issuer::{Domain, Party};
use cleartitle_schema::leaf::Leaf;
use cleartitle_schema::signed::{Envelope, sign};
use cleartitle_schema::statement::{PAYLOAD_TYPE, Statement};
use cleartitle_schema::tlog::proof::Receipt;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::app::{App, Registry};
use crate::audit::audit;
use crate::domains::binding::{Operator, vouched};
use crate::domains::{Domains, Flags};
use crate::log::now;
use crate::registration::MAX_LIST;
use crate::router::router;

const ORIGIN: &str = "registry.example/log";

struct Service {
    app: Arc<App>,
    router: Router,
    _folder: tempfile::TempDir,
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

fn domain(text: &str) -> Domain {
    text.parse().unwrap()
}

/// The issuer `press.example` speaks with key 1, the lab `biglab.example` with key 2, `news.press.example` with key 4.
fn service() -> Service {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(folder.path(), Some(ORIGIN)).unwrap();
    for (issuer, byte) in [("press.example", 1), ("biglab.example", 2), ("news.press.example", 4)] {
        registry.bind(&domain(issuer), &key(byte).verifying_key(), false).unwrap();
    }
    let domains = Domains::new(Flags::default()).unwrap();
    let app = App::start(registry, domains, Arc::default()).unwrap();
    Service { router: router(Arc::clone(&app)), app, _folder: folder }
}

fn reservation() -> Value {
    json!({
        "version": 1,
        "log": ORIGIN,
        "issuer": {"domain": "press.example"},
        "issued_at": now().to_string(),
        "body": {
            "kind": "reservation",
            "basis": "owner",
            "scope": {"include": [{"target": "host", "host": "press.example"}]},
            "terms": {"clauses": [{"rules": [{"preference": "disallowed", "uses": ["train-ai"]}]}]},
        },
    })
}

fn offer(issuer: &str) -> Value {
    let mut statement = reservation();
    statement["issuer"]["domain"] = issuer.into();
    statement["body"]["kind"] = "offer".into();
    statement["body"]["scope"]["include"][0]["host"] = issuer.into();
    statement["body"]["terms"]["clauses"][0]["rules"][0]["preference"] = "allowed".into();
    statement
}

fn naming(kind: &str, member: &str, named: &StatementId, issuer: &str) -> Value {
    let mut statement = reservation();
    statement["issuer"]["domain"] = issuer.into();
    statement["body"] = json!({"kind": kind, member: named});
    statement
}

fn payload(statement: &Value) -> Vec<u8> {
    cleartitle_schema::canon::to_canonical(statement).unwrap()
}

fn envelope(statement: &Value, keys: &[u8]) -> Vec<u8> {
    let keys: Vec<SigningKey> = keys.iter().map(|byte| key(*byte)).collect();
    sign(PAYLOAD_TYPE, &payload(statement), &keys.iter().collect::<Vec<_>>()).unwrap().to_bytes()
}

impl Service {
    async fn send(&self, path: &str, media_type: &str, body: Vec<u8>) -> (StatusCode, Vec<u8>) {
        let request = Request::post(path).header(header::CONTENT_TYPE, media_type).body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        if !status.is_success() {
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{path}");
        }
        (status, to_bytes(response.into_body(), 1 << 26).await.unwrap().to_vec())
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 26).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn register(&self, statement: &Value, keys: &[u8]) -> Registration {
        let (status, body) = self.send("/v1/statements", "application/json", envelope(statement, keys)).await;
        assert_eq!(status, StatusCode::CREATED, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    /// Sends what must be refused: the code, and that the log did not grow.
    async fn refused(&self, path: &str, media_type: &str, body: Vec<u8>) -> (u16, String) {
        let before = self.app.store.head().unwrap();
        let (status, body) = self.send(path, media_type, body).await;
        let problem: Problem = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem.status, status.as_u16());
        assert_eq!(problem.about, format!("/reasons/{}", problem.code));
        assert_eq!(self.app.store.head().unwrap(), before);
        (problem.status, problem.code)
    }

    async fn refusal(&self, statement: &Value, keys: &[u8]) -> String {
        self.refused("/v1/statements", "application/json", envelope(statement, keys)).await.1
    }

    fn audit(&self) {
        let report = audit(&*self.app.registry.store, self.app.registry.verifier()).unwrap();
        assert_eq!(report.findings, Vec::new());
        assert_eq!(Some(report.leaves), self.app.store.head().unwrap().map(|head| head.size));
    }
}

#[tokio::test]
async fn a_statement_is_registered_proven_and_given_back() {
    let service = service();
    let statement = reservation();
    let answer = service.register(&statement, &[1]).await;
    assert_eq!(answer.statement, StatementId::of(&payload(&statement)));
    let receipt = Receipt::parse(answer.receipt.as_bytes()).unwrap();
    let checkpoint = receipt.verify(answer.leaf.as_bytes(), service.app.registry.verifier(), ORIGIN).unwrap();
    assert_eq!((receipt.index, checkpoint.size), (answer.index, answer.index + 1));
    let leaf = Leaf::parse(answer.leaf.as_bytes()).unwrap();
    assert_eq!((leaf.commitment, leaf.registered_at), (answer.commitment, answer.registered_at));
    let (status, shown) = service.get(&format!("/v1/statements/{}", answer.statement)).await;
    assert_eq!((status, &shown["status"], &shown["payload"]), (StatusCode::OK, &json!("in-force"), &statement));
    service.audit();
}

#[tokio::test]
async fn the_same_payload_again_gives_the_first_receipt() {
    let service = service();
    let said = reservation();
    let bytes = envelope(&said, &[1]);
    let (first, second) = tokio::join!(
        service.send("/v1/statements", "application/json", bytes.clone()),
        service.send("/v1/statements", "application/json", bytes.clone())
    );
    let statuses = [first.0.min(second.0), first.0.max(second.0)];
    assert_eq!(statuses, [StatusCode::OK, StatusCode::CREATED]);
    assert_eq!(first.1, second.1);
    service
        .register(&naming("withdrawal", "statement", &StatementId::of(&payload(&said)), "press.example"), &[1])
        .await;
    let (status, later) = service.send("/v1/statements", "application/json", bytes).await;
    assert_eq!((status, later), (StatusCode::OK, first.1));
    service.audit();
}

#[tokio::test]
async fn a_bad_signature_is_refused() {
    let service = service();
    let signed = Envelope::parse(&envelope(&reservation(), &[1])).unwrap();
    let mut forged: Value = serde_json::from_slice(&signed.to_bytes()).unwrap();
    let mut other = reservation();
    other["note"] = "changed after signing".into();
    let parts: Value = serde_json::from_slice(&envelope(&other, &[1])).unwrap();
    forged["payload"] = parts["payload"].clone();
    let bytes = serde_json::to_vec(&forged).unwrap();
    assert_eq!(service.refused("/v1/statements", "application/json", bytes).await, (403, "bad-signature".to_owned()));
}

#[tokio::test]
async fn a_foreign_key_is_refused() {
    let service = service();
    assert_eq!(service.refusal(&reservation(), &[2]).await, "foreign-key");
    assert_eq!(service.refusal(&reservation(), &[9]).await, "foreign-key");
    assert_eq!(service.refusal(&reservation(), &[1, 9]).await, "foreign-key");
}

#[tokio::test]
async fn a_replay_to_another_log_is_refused() {
    let service = service();
    let mut statement = reservation();
    statement["log"] = "other.example/log".into();
    assert_eq!(service.refusal(&statement, &[1]).await, "other-log");
}

#[tokio::test]
async fn an_unknown_issuer_is_refused() {
    let service = service();
    let mut statement = reservation();
    statement["issuer"]["domain"] = "stranger.example".into();
    assert_eq!(service.refusal(&statement, &[1]).await, "unknown-issuer");
}

#[tokio::test]
async fn a_future_time_is_refused() {
    let service = service();
    let mut statement = reservation();
    statement["issued_at"] = now().plus_seconds(301 + 60).to_string().into();
    assert_eq!(service.refusal(&statement, &[1]).await, "future-time");
    statement["issued_at"] = now().plus_seconds(240).to_string().into();
    service.register(&statement, &[1]).await;
}

#[tokio::test]
async fn an_unknown_member_is_refused() {
    let service = service();
    for place in ["", "/issuer", "/body", "/body/scope", "/body/terms", "/body/terms/clauses/0/rules/0"] {
        let mut statement = reservation();
        statement.pointer_mut(place).unwrap()["surprise"] = true.into();
        assert_eq!(service.refusal(&statement, &[1]).await, "malformed-statement", "{place}");
    }
    let mut newer = reservation();
    newer["version"] = 2.into();
    assert_eq!(service.refusal(&newer, &[1]).await, "malformed-statement");
}

#[tokio::test]
async fn json_in_another_form_is_refused() {
    let service = service();
    let spaced = serde_json::to_vec_pretty(&reservation()).unwrap();
    let signed = sign(PAYLOAD_TYPE, &spaced, &[&key(1)]).unwrap().to_bytes();
    assert_eq!(service.refused("/v1/statements", "application/json", signed).await, (400, "not-canonical".to_owned()));
}

#[tokio::test]
async fn a_long_payload_is_refused() {
    let service = service();
    let long = vec![b' '; 48_001];
    // The signer refuses to make it, so the envelope is written by hand.
    let body = json!({"payloadType": PAYLOAD_TYPE, "payload": data_base64(&long), "signatures": [
        {"keyid": cleartitle_schema::signed::key_id(&key(1).verifying_key()), "sig": data_base64(&[0; 64])}]});
    let bytes = serde_json::to_vec(&body).unwrap();
    assert!(bytes.len() < 65_536);
    assert_eq!(service.refused("/v1/statements", "application/json", bytes).await, (413, "too-long".to_owned()));
    let envelope = vec![b' '; 65_537];
    assert_eq!(service.refused("/v1/statements", "application/json", envelope).await, (413, "too-long".to_owned()));
}

fn data_base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = group.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = DIGITS[(number >> (18 - 6 * place) & 63) as usize] as char;
            text.push(if place <= group.len() { digit } else { '=' });
        }
    }
    text
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    let service = service();
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let signed = sign(PAYLOAD_TYPE, deep.as_bytes(), &[&key(1)]).unwrap().to_bytes();
    assert_eq!(service.refused("/v1/statements", "application/json", signed).await.1, "not-canonical");
    let envelope = "[".repeat(60_000).into_bytes();
    assert_eq!(service.refused("/v1/statements", "application/json", envelope).await.1, "malformed-envelope");
    let question = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes();
    assert_eq!(service.refused("/v1/decisions", "application/json", question).await.1, "malformed-request");
}

fn batch(records: &[u8], rows: u64) -> Vec<u8> {
    let mut statement = reservation();
    statement["body"] = json!({"kind": "manifest", "role": "provenance", "list": ListId::of(records), "rows": rows,
        "bytes": records.len(), "media_type": "application/x-ndjson"});
    let mut body = envelope(&statement, &[1]);
    body.push(b'\n');
    body.extend_from_slice(records);
    body
}

#[tokio::test]
async fn a_long_batch_is_refused() {
    let service = service();
    let records = vec![b'\n'; MAX_LIST + 1];
    let refused = service.refused("/v1/documents", "application/x-ndjson", batch(&records, 1)).await;
    assert_eq!(refused, (413, "too-long".to_owned()));
}

#[tokio::test]
async fn a_batch_is_kept_and_found_by_its_documents() {
    let service = service();
    let id = ContentName::Blake3(ContentId::of(b"document"));
    let copy = Acquisition { content: vec![id], ..Acquisition::fetched("https://press.example/a") };
    let mut records = serde_json::to_vec(&copy).unwrap();
    records.push(b'\n');
    let body = batch(&records, 1);
    let (status, answer) = service.send("/v1/documents", "application/x-ndjson", body.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{}", String::from_utf8_lossy(&answer));
    assert_eq!(service.send("/v1/documents", "application/x-ndjson", body).await.0, StatusCode::OK);
    let (_, shown) = service.get(&format!("/v1/documents/{id}")).await;
    assert_eq!(shown["records"][0]["acquisition"], serde_json::to_value(&copy).unwrap());
    for (records, rows, code) in [
        (records.clone(), 2, "list-mismatch"),
        (b"{}\n".to_vec(), 1, "malformed-record"),
        (b"{\"content\":[1]}\n".to_vec(), 1, "malformed-record"),
        (b"{\"surprise\":1}\n".to_vec(), 1, "malformed-record"),
    ] {
        assert_eq!(service.refused("/v1/documents", "application/x-ndjson", batch(&records, rows)).await.1, code);
    }
    let mut changed = batch(&records, 1);
    changed.extend_from_slice(b"{}\n");
    assert_eq!(service.refused("/v1/documents", "application/x-ndjson", changed).await.1, "list-mismatch");
    let statement = batch(&records, 1).split(|byte| *byte == b'\n').next().unwrap().to_vec();
    // Known by its payload it gives the first receipt on neither route without its bytes.
    assert_eq!(service.refused("/v1/statements", "application/json", statement).await.1, "needs-bytes");
    service.audit();
}

#[tokio::test]
async fn nobody_speaks_for_another_authority() {
    let service = service();
    for host in ["other.example", "example", "press.example.evil.example"] {
        let mut statement = reservation();
        statement["body"]["scope"]["include"][0]["host"] = host.into();
        let code = service.refusal(&statement, &[1]).await;
        let expected = if host.contains('.') { "outside-authority" } else { "malformed-statement" };
        assert_eq!(code, expected, "{host}");
    }
    let mut below = reservation();
    below["body"]["scope"]["include"][0]["host"] = "news.press.example".into();
    service.register(&below, &[1]).await;
}

#[tokio::test]
async fn a_subdomain_may_only_restrict() {
    let service = service();
    assert_eq!(service.refusal(&offer("news.press.example"), &[4]).await, "subdomain-may-only-restrict");
    let above = service.register(&reservation(), &[1]).await;
    let withdrawal = naming("withdrawal", "statement", &above.statement, "news.press.example");
    assert_eq!(service.refusal(&withdrawal, &[4]).await, "not-yours");
    let mut own = reservation();
    own["issuer"]["domain"] = "news.press.example".into();
    own["body"]["scope"]["include"][0]["host"] = "news.press.example".into();
    let below = service.register(&own, &[4]).await;
    service.register(&naming("withdrawal", "statement", &below.statement, "press.example"), &[1]).await;
}

#[tokio::test]
async fn an_agreement_needs_both_sides() {
    let service = service();
    let mut agreement = offer("press.example");
    agreement["body"]["kind"] = "agreement".into();
    agreement["body"]["licensees"] = json!([{"domain": "biglab.example"}]);
    assert_eq!(service.refusal(&agreement, &[1]).await, "licensee-unsigned");
    assert_eq!(service.refusal(&agreement, &[2]).await, "issuer-unsigned");
    let registered = service.register(&agreement, &[1, 2]).await;
    let stored = service.app.store.statement(&registered.statement).unwrap().unwrap();
    assert_eq!(stored.registered.signed_by, [domain("biglab.example"), domain("press.example")]);
    let end = naming("withdrawal", "statement", &registered.statement, "biglab.example");
    service.register(&end, &[2]).await;
    let (_, shown) = service.get(&format!("/v1/statements/{}", registered.statement)).await;
    assert_eq!(shown["status"], "end-contested");
    service.audit();
}

#[tokio::test]
async fn what_is_named_must_be_there_and_fit() {
    let service = service();
    let nowhere = StatementId::of(b"nowhere");
    let stray = naming("withdrawal", "statement", &nowhere, "press.example");
    assert_eq!(service.refusal(&stray, &[1]).await, "unknown-statement");
    let reserved = service.register(&reservation(), &[1]).await;
    let foreign = naming("withdrawal", "statement", &reserved.statement, "biglab.example");
    assert_eq!(service.refusal(&foreign, &[2]).await, "not-yours");
    let mistaken = naming("acceptance", "offer", &reserved.statement, "biglab.example");
    assert_eq!(service.refusal(&mistaken, &[2]).await, "wrong-kind");
    let offered = service.register(&offer("press.example"), &[1]).await;
    let acceptance = naming("acceptance", "offer", &offered.statement, "biglab.example");
    service.register(&acceptance, &[2]).await;
    let end = naming("withdrawal", "statement", &offered.statement, "press.example");
    service.register(&end, &[1]).await;
    let mut late = acceptance;
    late["note"] = "too late".into();
    assert_eq!(service.refusal(&late, &[2]).await, "offer-not-in-force");
    service.audit();
}

#[tokio::test]
async fn later_parts_of_the_format_are_refused_by_name() {
    let service = service();
    let mut agent = reservation();
    agent["body"]["basis"] = "agent".into();
    assert_eq!(service.refusal(&agent, &[1]).await, "not-delegated");
    let mut repertoire = reservation();
    repertoire["body"]["scope"]["include"] = json!([{"target": "repertoire", "list": ListId::of(b"")}]);
    assert_eq!(service.refusal(&repertoire, &[1]).await, "not-supported");
    let (press, by) = (domain("press.example"), key(1));
    let operator = Operator { origin: ORIGIN, domain: &press, key: &by };
    let store = &*service.app.store;
    let bind =
        |issuer: &str, key: SigningKey| vouched(store, operator, &domain(issuer), &key.verifying_key(), false, now());
    let binding = bind("press.example", key(7)).unwrap();
    let bytes = binding.envelope.to_bytes();
    assert_eq!(service.refused("/v1/statements", "application/json", bytes).await.1, "operator-only");
    assert!(bind("biglab.example", key(1)).is_err());
    assert!(bind("co.uk", key(7)).is_err());
}

#[tokio::test]
async fn decisions_follow_the_log_and_its_past() {
    let service = service();
    let ask = "/v1/decisions?url=https://press.example/a&use=train-ai";
    let (_, before) = service.get(ask).await;
    assert_eq!(before["decision"]["verdict"], "unknown");
    let size = before["log_size"].as_u64().unwrap();
    service.register(&reservation(), &[1]).await;
    let (_, after) = service.get(ask).await;
    assert_eq!((&after["decision"]["verdict"], after["log_size"].as_u64()), (&json!("reserved"), Some(size + 1)));
    let (_, past) = service.get(&format!("{ask}&as_of={size}")).await;
    assert_eq!(past["decision"]["verdict"], "unknown");
    assert_eq!(service.get(&format!("{ask}&as_of=1000000")).await.0, StatusCode::NOT_FOUND);
    let question = json!({"url": "https://press.example/a", "use": "train-ai"});
    let array = serde_json::to_vec(&json!([question, question])).unwrap();
    let (_, rows) = service.send("/v1/decisions", "application/json", array).await;
    let rows: Value = serde_json::from_slice(&rows).unwrap();
    assert_eq!((rows["log_size"].as_u64(), &rows["rows"][1]["verdict"]), (Some(size + 1), &json!("reserved")));
    let stream = format!("{question}\nnonsense\n{{}}\n{question}");
    let (_, answer) = service.send("/v1/decisions?explain=true", "application/x-ndjson", stream.into_bytes()).await;
    let lines: Vec<Value> = answer
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[0]["log_size"].as_u64(), Some(size + 1));
    assert_eq!(lines[1]["decision"]["verdict"], "reserved");
    assert_eq!((&lines[2]["error"]["line"], &lines[2]["error"]["code"]), (&json!(2), &json!("malformed-request")));
    assert_eq!((&lines[3]["error"]["line"], &lines[3]["error"]["code"]), (&json!(3), &json!("unprocessable-request")));
    assert_eq!(lines[5], json!({"end": true, "rows": 4}));
}

#[tokio::test]
async fn a_snapshot_is_the_same_whenever_it_is_made() {
    let service = service();
    service.register(&reservation(), &[1]).await;
    let (_, latest) = service.get("/v1/snapshots/latest").await;
    let size = latest["size"].as_u64().unwrap();
    let body = |router: Router| async move {
        let request = Request::get(format!("/v1/snapshots/{size}")).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        to_bytes(response.into_body(), 1 << 26).await.unwrap()
    };
    let first = body(service.router.clone()).await;
    assert_eq!(latest["blake3"], blake3::hash(&first).to_hex().as_str());
    assert_eq!(latest["bytes"].as_u64(), Some(first.len() as u64));
    service.register(&offer("press.example"), &[1]).await;
    let again = service.app.registry.snapshots().unwrap();
    let made = again.at(size).unwrap();
    assert_eq!(made.body_hash, *blake3::hash(&first).as_bytes());
    assert_eq!(again.make_again().unwrap(), (vec![], 1));
    assert_eq!(service.get("/v1/snapshots/999999").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn rebuilding_changes_nothing_and_mends_what_was_changed() {
    let service = service();
    let offered = service.register(&offer("press.example"), &[1]).await;
    service.register(&naming("acceptance", "offer", &offered.statement, "biglab.example"), &[2]).await;
    let store = &service.app.registry.store;
    let dump = || {
        let mut text = Vec::new();
        store.dump(&mut text).unwrap();
        text
    };
    let before = dump();
    assert!(before.len() > 1000);
    let rebuilt = store.rebuild().unwrap();
    assert_eq!(rebuilt.differing, Vec::<String>::new());
    assert_eq!(dump(), before);
    let file = rusqlite::Connection::open(service.app.registry.data.database()).unwrap();
    file.execute("UPDATE statements SET kind = 'grant' WHERE kind = 'offer'", []).unwrap();
    file.execute("DELETE FROM tiles", []).unwrap();
    drop(file);
    let report = audit(&**store, service.app.registry.verifier()).unwrap();
    assert!(report.findings.len() >= 2, "{report:?}");
    assert_eq!(store.rebuild().unwrap().differing, ["tiles", "statements"]);
    assert_eq!(dump(), before);
    service.audit();
}

#[tokio::test]
async fn a_key_bound_beside_the_running_server_counts() {
    let service = service();
    let mut statement = reservation();
    statement["issuer"]["domain"] = "late.example".into();
    statement["body"]["scope"]["include"][0]["host"] = "late.example".into();
    assert_eq!(service.refusal(&statement, &[5]).await, "unknown-issuer");
    let beside = Registry::open(service._folder.path(), None).unwrap();
    let index = beside.bind(&domain("late.example"), &key(5).verifying_key(), false).unwrap();
    assert_eq!(service.register(&statement, &[5]).await.index, index + 1);
    service.audit();
}

#[tokio::test]
async fn many_at_once_get_one_place_each() {
    let service = service();
    let mut statements = Vec::new();
    for number in 0..300 {
        let mut statement = reservation();
        statement["note"] = format!("number {number}").into();
        statements.push(statement);
    }
    let begun = std::time::Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for statement in statements {
        let router = service.router.clone();
        tasks.spawn(async move {
            let request = Request::post("/v1/statements")
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(envelope(&statement, &[1])))
                .unwrap();
            let response = router.oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::CREATED);
            let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
            serde_json::from_slice::<Registration>(&body).unwrap().index
        });
    }
    let mut indexes = tasks.join_all().await;
    println!("{:.0} registrations/s", 300.0 / begun.elapsed().as_secs_f64());
    indexes.sort_unstable();
    indexes.dedup();
    assert_eq!(indexes.len(), 300);
    service.audit();
}

#[test]
fn a_statement_of_the_tests_is_one_of_the_format() {
    let statement = Statement::parse(&payload(&reservation())).unwrap();
    assert_eq!(statement.issuer, Party::new(domain("press.example")));
}
