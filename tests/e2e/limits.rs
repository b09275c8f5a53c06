//! Limits: payload and envelope bytes, nesting, and clients that send or read too slowly.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use cleartitle_schema::canon;
use cleartitle_schema::id::ContentId;
use harness::Registry;
use serde_json::{Value, json};

/// A reservation of listed content whose canonical payload has exactly this many bytes.
fn of_length(base: &Value, length: usize) -> Value {
    let mut payload = base.clone();
    let size = |payload: &Value| canon::to_canonical_within(payload, 100_000).expect("canonical").len();
    let mut ids: Vec<String> = Vec::new();
    payload["note"] = json!("n");
    while size(&payload) + 2000 < length {
        let had = ids.len();
        ids.extend((had..had + 20).map(|number| ContentId::of(format!("text {number}").as_bytes()).to_string()));
        ids.sort();
        payload["body"]["scope"] = json!({ "include": [{ "target": "content", "ids": ids }] });
    }
    payload["note"] = json!("n".repeat(1 + length - size(&payload)));
    payload
}

#[test]
fn payloads_have_at_most_48000_bytes() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let base = press.reservation("press.example");
    let fits = of_length(&base, 48_000);
    registry.register(&press, &fits);
    // One byte more can't even be put into an envelope by our own code, so it is put together by hand.
    let over = canon::to_canonical_within(&of_length(&base, 48_001), 60_000).expect("canonical");
    let mut envelope = serde_json::to_value(press.sign(&base)).expect("JSON");
    envelope["payload"] = json!(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, over));
    registry.post_json("/v1/statements", &envelope).is_problem(413, "too-long");
    registry.post("/v1/statements", "application/json", vec![b' '; 65_537]).is_problem(413, "too-long");
    registry.post("/v1/statements", "application/json", vec![b'['; 40 << 20]).is_problem(413, "too-long");
    registry.audit();
}

#[test]
fn nesting_is_bounded() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for levels in [100, 10_000, 20_000] {
        registry.post("/v1/statements", "application/json", deep(levels)).is_problem(400, "malformed-envelope");
        let signed = press.sign_bytes(deep(levels).as_bytes());
        registry.try_register(&signed).expect("an answer").is_problem(400, "not-canonical");
    }
    registry.post("/v1/decisions", "application/json", deep(1_000_000)).is_problem(400, "malformed-request");
    let objects = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    registry.post("/v1/decisions", "application/json", objects).is_problem(400, "malformed-request");
    assert_eq!(registry.read("/healthz").status, 200);
}

/// Reads until the server closes; returns what it said and how long that took.
fn until_closed(mut stream: TcpStream) -> (String, Duration) {
    let begun = Instant::now();
    stream.set_read_timeout(Some(Duration::from_secs(100))).expect("a timeout");
    let mut told = Vec::new();
    let _ = stream.read_to_end(&mut told);
    (String::from_utf8_lossy(&told).into_owned(), begun.elapsed())
}

#[test]
fn slow_clients_are_cut_off() {
    let registry = Registry::start();
    let connect = || TcpStream::connect(registry.socket()).expect("a connection");
    let silent = connect();
    let mut half_head = connect();
    half_head.write_all(b"GET /checkpoint HTTP/1.1\r\nhost: registry.exa").expect("half a head");
    let mut half_body = connect();
    let head = "POST /v1/statements HTTP/1.1\r\nhost: registry.example\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
    half_body.write_all(head.as_bytes()).expect("half a body");
    let mut half_stream = connect();
    let head = head.replace("/v1/statements", "/v1/decisions").replace("application/json", "application/x-ndjson");
    half_stream.write_all(head.as_bytes()).expect("half a stream");
    let mut kept_open = connect();
    kept_open.write_all(b"GET /healthz HTTP/1.1\r\nhost: registry.example\r\n\r\n").expect("a request");

    std::thread::scope(|scope| {
        let ends = [
            ("silent", silent),
            ("half a head", half_head),
            ("half a body", half_body),
            ("half a stream", half_stream),
            ("kept open after an answer", kept_open),
        ]
        .map(|(what, stream)| (what, scope.spawn(move || until_closed(stream))));
        for (what, end) in ends {
            let (told, took) = end.join().expect("an end");
            assert!(took < Duration::from_secs(90), "{what} was held for {took:?}: {told}");
            assert!(!told.contains("\"end\":true"), "{what}: {told}");
            if what == "half a body" {
                assert!(told.starts_with("HTTP/1.1 408") && told.contains("slow-client"), "{told}");
            }
        }
    });
    assert_eq!(registry.read("/healthz").status, 200);
}

#[test]
fn a_client_that_never_reads_its_answer_is_cut_off() {
    let registry = Registry::start();
    let mut stream = TcpStream::connect(registry.socket()).expect("a connection");
    let head = "POST /v1/decisions HTTP/1.1\r\nhost: registry.example\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("a head");
    stream.set_write_timeout(Some(Duration::from_secs(90))).expect("a timeout");
    let line = "{\"url\":\"https://press.example/1\",\"use\":\"train-ai\"}\n".repeat(500);
    let chunk = format!("{:x}\r\n{line}\r\n", line.len());
    let begun = Instant::now();
    // Questions go in until both sides' buffers are full of answers that nobody takes; then the server lets go.
    let error = loop {
        if let Err(error) = stream.write_all(chunk.as_bytes()) {
            break error;
        }
    };
    let broken = [std::io::ErrorKind::ConnectionReset, std::io::ErrorKind::BrokenPipe];
    assert!(broken.contains(&error.kind()), "{error} after {:?}", begun.elapsed());
    assert_eq!(registry.read("/healthz").status, 200);
}
