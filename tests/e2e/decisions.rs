//! Decisions over HTTP: one question, an array, a stream with bad lines and an end row, and clients that hang up.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::{Answer, Registry};
use serde_json::{Value, json};

const NDJSON: &str = "application/x-ndjson";

fn question(url: &str) -> Value {
    json!({ "url": url, "use": "train-ai" })
}

fn rows(answer: &Answer) -> Vec<Value> {
    answer.text().lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

#[test]
fn one_question_is_explained() {
    let registry = Registry::with_press_and_open();
    let asked = registry.read("/v1/decisions?use=train-ai&url=https://press.example/a").is(200).json();
    assert_eq!(asked["decision"]["verdict"], "reserved");
    assert!(asked["decision"].to_string().contains("rights-reserved"), "{asked}");
    let posted = registry.post_json("/v1/decisions", &question("https://press.example/a")).is(200).json();
    assert_eq!(posted["decision"]["verdict"], "reserved");
    let nobody = registry.post_json("/v1/decisions", &question("https://nobody.example/")).is(200).json();
    assert_eq!(nobody["decision"]["verdict"], "unknown", "unknown is never cleared");
    // A URL that can't be read is unknown, never an error that a caller could skip.
    let odd = registry.post_json("/v1/decisions", &question("http://[::bad")).is(200).json();
    assert_eq!(odd["decision"]["verdict"], "unknown");
}

#[test]
fn an_array_is_answered_in_order_up_to_its_bound() {
    let registry = Registry::with_press_and_open();
    let hosts = ["press.example", "nobody.example", "open.example"];
    let questions: Vec<Value> = (0..300).map(|it| question(&format!("https://{}/{it}", hosts[it % 3]))).collect();
    let answer = registry.post_json("/v1/decisions", &json!(questions)).is(200).json();
    let rows = answer["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 300);
    for (place, row) in rows.iter().enumerate() {
        let single = registry.post_json("/v1/decisions", &questions[place % 3]).json();
        assert_eq!(row["verdict"], single["decision"]["verdict"], "row {place}");
    }
    assert_eq!(registry.post_json("/v1/decisions", &json!([])).is(200).json()["rows"], json!([]));
    let full = vec![question("https://press.example/a"); 50_000];
    let answer = registry.post_json("/v1/decisions", &json!(full)).is(200).json();
    assert_eq!(answer["rows"].as_array().map(Vec::len), Some(50_000));
    let over = vec![question("https://press.example/a"); 50_001];
    registry.post_json("/v1/decisions", &json!(over)).is_problem(413, "too-many-questions");
    // One bad question refuses the array: there is no row to hide it in.
    let bad = json!([question("https://press.example/a"), { "use": "train-ai", "novel": 1 }]);
    registry.post_json("/v1/decisions", &bad).is_problem(422, "unprocessable-request");
    registry.post("/v1/decisions", "application/json", "[{]").is_problem(400, "malformed-request");
    registry.post("/v1/decisions", "text/csv", "a").is_problem(415, "unsupported-media-type");
    // An answer as an array stands in memory whole: one of so many reasons is refused, and comes as a stream.
    let press = registry.publisher("press.example");
    for number in 0..16 {
        let mut payload = press.reservation("press.example");
        payload["note"] = json!(number.to_string());
        registry.register(&press, &payload);
    }
    registry.post_json("/v1/decisions?explain=true", &json!(full)).is_problem(413, "too-long");
    let lines = (question("https://press.example/a").to_string() + "\n").repeat(10);
    let _ = registry.post("/v1/decisions?explain=true", "application/x-ndjson", lines).is(200);
}

#[test]
fn a_stream_answers_every_line_and_says_its_end() {
    let registry = Registry::with_press_and_open();
    let long = "x".repeat(65 << 10);
    let deep = format!("{}{}", "[".repeat(3000), "]".repeat(3000));
    let lines = [
        question("https://press.example/1").to_string(),
        "not json".to_owned(),
        String::new(),
        json!({ "url": long, "use": "train-ai" }).to_string(),
        json!({ "use": "train-ai" }).to_string(),
        deep,
        question("https://open.example/2").to_string(),
    ];
    let rows = rows(&registry.post("/v1/decisions", NDJSON, lines.join("\n")).is(200));
    assert!(rows[0]["log_size"].as_u64().is_some_and(|size| size >= 4), "{}", rows[0]);
    assert_eq!(rows.last(), Some(&json!({ "end": true, "rows": 7 })));
    let rows = &rows[1..8];
    assert_eq!(rows[0]["verdict"], "reserved");
    for (place, code) in [
        (1, "malformed-request"),
        (2, "malformed-request"),
        (3, "line-too-long"),
        (4, "unprocessable-request"),
        (5, "malformed-request"),
    ] {
        assert_eq!(rows[place]["error"]["code"], code, "{}", rows[place]);
        assert_eq!(rows[place]["error"]["line"], place + 1);
        assert_eq!(rows[place]["verdict"], Value::Null, "a row with an error has no verdict");
    }
    assert!(rows[6]["verdict"].is_string(), "the line after a bad one is answered");
    let none = rows_of(&registry, "");
    assert_eq!(none.last(), Some(&json!({ "end": true, "rows": 0 })));
}

fn rows_of(registry: &Registry, body: &str) -> Vec<Value> {
    rows(&registry.post("/v1/decisions", NDJSON, body).is(200))
}

#[test]
fn a_stream_has_no_limit_of_rows() {
    let registry = Registry::with_press_and_open();
    let line = format!("{}\n", question("https://press.example/1"));
    let count = 120_000;
    let answer = registry.post("/v1/decisions", NDJSON, line.repeat(count)).is(200);
    let text = answer.text();
    assert_eq!(text.lines().last(), Some(format!("{{\"end\":true,\"rows\":{count}}}").as_str()));
    assert_eq!(text.lines().filter(|line| line.contains("\"reserved\"")).count(), count);
}

#[test]
fn a_client_that_hangs_up_leaves_a_server_that_answers() {
    let registry = Registry::with_press_and_open();
    for round in 0..20 {
        let mut stream = TcpStream::connect(registry.socket()).expect("a connection");
        let head = "POST /v1/decisions HTTP/1.1\r\nhost: registry.example\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).expect("a head");
        let line = format!("{}\n", question("https://press.example/1")).repeat(50);
        let _ = stream.write_all(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes());
        if round % 2 == 0 {
            let mut some = [0; 64];
            let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = stream.read(&mut some);
        }
        drop(stream);
    }
    // A body that breaks off gets no end row.
    let mut stream = TcpStream::connect(registry.socket()).expect("a connection");
    let line = format!("{}\n", question("https://press.example/1"));
    let head = format!(
        "POST /v1/decisions HTTP/1.1\r\nhost: registry.example\r\ncontent-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n{line}",
        line.len() * 2
    );
    stream.write_all(head.as_bytes()).expect("half a request");
    stream.shutdown(std::net::Shutdown::Write).expect("half closed");
    let mut told = String::new();
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let _ = stream.read_to_string(&mut told);
    assert!(!told.contains("\"end\":true"), "{told}");
    let begun = Instant::now();
    let _ = registry.read("/v1/decisions?use=train-ai&url=https://press.example/a").is(200);
    assert!(begun.elapsed() < Duration::from_secs(5));
    registry.audit();
}
