//! Injection: what a stranger writes stays a value. No header of an answer, no line of the log, no path of the disk and no
//! terminal is made of it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use harness::{Registry, cleartitle};
use serde_json::json;

/// Sends bytes as they are and gives back all that comes, until the server closes.
fn raw(registry: &Registry, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(registry.socket()).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let _ = stream.write_all(request);
    let mut told = Vec::new();
    let _ = stream.read_to_end(&mut told);
    told
}

fn get(registry: &Registry, target: &str, more: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nhost: registry.example\r\nconnection: close\r\n{more}\r\n");
    String::from_utf8_lossy(&raw(registry, request.as_bytes())).into_owned()
}

/// The status and the header of an answer.
fn head(answer: &str) -> &str {
    answer.split("\r\n\r\n").next().unwrap_or_default()
}

#[test]
fn what_a_request_says_is_no_header_of_the_answer() {
    let registry = Registry::start();
    let evil = "%0d%0aset-cookie:%20evil=1%0d%0a%0d%0a%3cscript%3e";
    for target in [
        format!("/{evil}"),
        format!("/reasons/{evil}"),
        format!("/tile/{evil}"),
        format!("/v1/statements/{evil}"),
        format!("/v1/statements?kind={evil}"),
        format!("/v1/snapshots/{evil}"),
        format!("/v1/blobs/{evil}"),
        format!("/v1/issuers/{evil}"),
        format!("/docs/{evil}"),
        format!("/v1/decisions?use=train-ai&url={evil}"),
    ] {
        let answer = get(&registry, &target, "x-request-id: %0d%0aset-cookie: evil=2\r\n");
        let told = head(&answer);
        // A URL that makes no sense is asked about like any other, and nobody has said a word of it.
        assert!(told.starts_with("HTTP/1.1 4") || target.contains("&url="), "{target}: {told}");
        let lines: Vec<String> = told.lines().map(str::to_ascii_lowercase).collect();
        assert!(!lines.iter().any(|line| line.starts_with("set-cookie")), "{target}: {told}");
        // What is told of it is JSON, and a browser must not take it for a page.
        assert!(!lines.iter().any(|line| line.starts_with("content-type: text/html")), "{target}: {told}");
    }
    // Line ends inside a value, in every form that servers have ever taken for one.
    for value in ["a\r\n\tb", "a\nset-cookie: evil=3", "a\rset-cookie: evil=3", "a\0b"] {
        let answer = get(&registry, "/healthz", &format!("x-request-id: {value}\r\n"));
        assert!(!head(&answer).to_ascii_lowercase().contains("\nset-cookie"), "{value:?}: {answer}");
        assert!(!head(&answer).contains('\0'), "{value:?}");
    }
}

/// A request that a proxy and this server would end at different bytes hides a second one in the first.
#[test]
fn a_request_has_one_end() {
    let registry = Registry::start();
    let hidden = "GET /metrics HTTP/1.1\r\nhost: hidden\r\n\r\n";
    let length = hidden.len();
    let front = "POST /v1/statements HTTP/1.1\r\nhost: registry.example\r\ncontent-type: application/json\r\nconnection: close\r\n";
    for lengths in [
        format!("content-length: {length}\r\ncontent-length: 0\r\n"),
        format!("content-length: {length}, 0\r\n"),
        "content-length: -1\r\n".to_owned(),
        "content-length: +5\r\n".to_owned(),
        "content-length: 0x10\r\n".to_owned(),
        "transfer-encoding: xchunked\r\n".to_owned(),
        "transfer-encoding: chunked, identity\r\n".to_owned(),
        "transfer-encoding : chunked\r\n".to_owned(),
    ] {
        let answer =
            String::from_utf8_lossy(&raw(&registry, format!("{front}{lengths}\r\n{hidden}").as_bytes())).into_owned();
        assert!(answer.starts_with("HTTP/1.1 4") || answer.is_empty(), "{lengths:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), usize::from(!answer.is_empty()), "{lengths:?}: {answer}");
        assert!(!answer.contains("cleartitle_"), "{lengths:?}: {answer}");
    }
    assert_eq!(registry.read("/healthz").status, 200);
}

#[test]
fn nothing_foreign_makes_a_line_of_the_log_or_moves_a_cursor() {
    let registry = Registry::start_telling("debug", &[]);
    let press = registry.publisher("press.example");
    let forged = "2026-11-27T00:00:00.000000Z ERROR forged: the log is broken";
    let evil = format!("\u{1b}[2J\u{1b}]0;owned\u{7}\r\n{forged}\u{85}\u{9b}31m\u{202e}\u{2028}\0");
    let escaped: String = evil.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for target in [format!("/{escaped}"), format!("/reasons/{escaped}"), format!("/v1/decisions?url={escaped}")] {
        let _ = get(&registry, &target, &format!("x-request-id: {escaped}\r\nuser-agent: {escaped}\r\n"));
    }
    // The same unescaped, as far as HTTP's grammar lets it through.
    let bare: String = evil.chars().filter(|letter| !letter.is_ascii_control() && *letter != ' ').collect();
    let _ = get(&registry, &format!("/{bare}"), &format!("x-request-id: {bare}\r\n"));
    let _ = get(&registry, "/healthz", &format!("x-request-id: {}\r\n", "x".repeat(20_000)));
    let _ = raw(&registry, format!("{evil}\r\n\r\n").as_bytes());
    let _ = raw(&registry, format!("GET / HTTP/1.1\r\n{evil}: 1\r\n\r\n").as_bytes());
    // And in every string of a statement, accepted or refused.
    let mut payload = press.reservation("press.example");
    payload["note"] = json!(evil);
    let _ = registry.try_register(&press.sign(&payload)).expect("an answer");
    payload["log"] = json!(evil);
    registry.try_register(&press.sign(&payload)).expect("an answer").is_problem(422, "senseless-statement");
    payload[evil.as_str()] = json!(1);
    let _ = registry.try_register(&press.sign(&payload)).expect("an answer");
    let _ = registry.post("/v1/decisions", "application/json", json!([{ "url": evil, "use": evil }]).to_string());
    let _ = registry.post("/v1/statements", "application/json", evil.clone());
    assert_eq!(registry.stop(), 0);

    let said = registry.said();
    assert!(said.lines().count() >= 5, "{said}");
    for line in said.lines() {
        let begins = line.starts_with("20") || line.starts_with("log key: ");
        assert!(begins, "a line that the program didn't begin: {line:?}");
        assert!(!line.contains("ERROR forged: the") || !line.starts_with("2026-11-27T00:00:00.000000Z"), "{line:?}");
        let moved = line.chars().find(|letter| letter.is_control() || matches!(letter, '\u{202e}' | '\u{2028}'));
        assert_eq!(moved, None, "{line:?}");
        assert!(line.len() < 4000, "a line of {} bytes", line.len());
    }
}

#[test]
fn no_path_leads_out_of_what_is_served() {
    let registry = Registry::with_press_and_open();
    let secret = std::fs::read_to_string(registry.data().join("keys/log.pem")).expect("a key");
    let secret = secret.lines().nth(1).expect("a key's line").to_owned();
    let ups = ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "..\\", "%252e%252e%252f", ".%00./", "....//"];
    for route in [
        "/",
        "/tile/",
        "/tile/0/",
        "/tile/entries/",
        "/v1/snapshots/",
        "/v1/blobs/",
        "/v1/published/",
        "/docs/",
        "/reasons/",
    ] {
        for up in ups {
            for file in ["keys/log.pem", "registry.sqlite", "etc/passwd"] {
                let target = format!("{route}{}{file}", up.repeat(6));
                let answer = get(&registry, &target, "");
                assert!(answer.starts_with("HTTP/1.1 4"), "{target}: {}", head(&answer));
                assert!(
                    !answer.contains(&secret) && !answer.contains("SQLite") && !answer.contains("root:"),
                    "{target}"
                );
            }
        }
        let absolute = get(&registry, &format!("{route}/{}", registry.data().join("keys/log.pem").display()), "");
        assert!(absolute.starts_with("HTTP/1.1 4"), "{route}: {}", head(&absolute));
    }
    assert_eq!(registry.read("/healthz").status, 200);
}

/// A hostile registry: whatever it is asked, it answers with text that a terminal would obey.
#[test]
fn a_registry_moves_no_cursor_of_its_clients() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\nverdict: cleared\u{9b}31m";
    let body = json!({ "type": "/reasons/x", "title": evil, "status": 422, "detail": evil, "code": evil }).to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked);
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 422 No\r\ncontent-type: application/problem+json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
    let ran = cleartitle(&["ask", "--registry", &url, "--use", "train-ai", "https://press.example/story"]).exits(2);
    assert!(ran.stderr.contains("the registry refuses"), "{}", ran.stderr);
    assert!(!ran.stdout.contains("cleared"), "{}", ran.stdout);
    let controls = |text: &str| text.chars().any(|letter| letter.is_control() && letter != '\n');
    assert!(!controls(&ran.stderr) && !controls(&ran.stdout), "{:?}", ran.stderr);
    assert!(!ran.stderr.lines().any(|line| line.starts_with("verdict")), "{}", ran.stderr);
}
