//! Rates: one address or one issuer that asks too much waits, nobody else does, and no header makes a client somebody else.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use harness::http::{Answer, client, send};
use harness::{Publisher, Registry, cleartitle};
use serde_json::{Value, json};

/// Asks until it is refused; how often it was not, and the refusal.
fn until_refused(most: usize, mut ask: impl FnMut() -> Answer) -> (usize, Answer) {
    for count in 0..most {
        let answer = ask();
        if answer.status == 429 {
            return (count, answer);
        }
    }
    panic!("{most} times and never refused");
}

fn asked_by(registry: &Registry, lines: &[(&str, &str)]) -> Answer {
    let request = client().get(registry.url("/healthz"));
    let request = lines.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    send(request).expect("an answer")
}

/// A grant of its own, told apart by its note.
fn numbered(press: &Publisher, number: usize) -> Value {
    let mut payload = press.reservation(&press.domain);
    payload["note"] = json!(format!("number {number}"));
    payload
}

#[test]
fn an_address_that_asks_too_often_waits_whatever_it_says_of_itself() {
    let registry = Registry::start_with(&["--rate-address", "2/20"]);
    let (count, refusal) = until_refused(60, || asked_by(&registry, &[]));
    assert!((20..50).contains(&count), "{count}");
    refusal.is_problem(429, "too-many-requests");
    assert_eq!(refusal.retry_after, Some(1));
    for number in 0..10 {
        let address = format!("198.51.100.{number}");
        let forwarded = format!("for={address}");
        let lines = [("x-forwarded-for", address.as_str()), ("forwarded", forwarded.as_str()), ("x-real-ip", &address)];
        let _ = until_refused(5, || asked_by(&registry, &lines));
    }
    // Everything is counted: a body that nobody wants, an address that nobody has.
    let (_, refusal) = until_refused(5, || registry.post("/v1/statements", "application/json", "{}"));
    refusal.is_problem(429, "too-many-requests");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(asked_by(&registry, &[]).status, 200);
}

#[test]
fn behind_a_named_proxy_each_client_has_its_own() {
    let registry = Registry::start_with(&["--rate-address", "1/10", "--trusted-proxy", "127.0.0.0/8"]);
    let name = "x-forwarded-for";
    let (_, refusal) = until_refused(40, || asked_by(&registry, &[(name, "198.51.100.1")]));
    refusal.is_problem(429, "too-many-requests");
    assert_eq!(asked_by(&registry, &[(name, "198.51.100.2")]).status, 200);
    // What a client writes before the proxy's own addition makes nobody else of it.
    let mut number = 0;
    let _ = until_refused(40, || {
        number += 1;
        asked_by(&registry, &[(name, &format!("203.0.113.{number}, 198.51.100.3"))])
    });
    // One network of IPv6 is one client.
    let _ = until_refused(40, || {
        number += 1;
        asked_by(&registry, &[(name, &format!("2600:1:2:3::{number:x}"))])
    });
    assert_eq!(asked_by(&registry, &[(name, "2600:1:2:4::1")]).status, 200);
}

#[test]
fn an_issuer_that_registers_too_fast_waits_and_nobody_uses_up_anothers_share() {
    let registry = Registry::start_with(&["--rate-key", "1/5"]);
    let (press, open) = (registry.publisher("press.example"), registry.publisher("open.example"));
    // A stranger's envelopes name the publisher's key and are signed by nobody's.
    for number in 0..20 {
        let mut forged = serde_json::to_value(press.sign(&numbered(&press, number))).expect("JSON");
        let signature = &forged["signatures"][0]["sig"].as_str().expect("a signature").to_owned();
        let (first, rest) = signature.split_at(10);
        let other = if first.ends_with('A') { 'B' } else { 'A' };
        forged["signatures"][0]["sig"] = json!(format!("{}{other}{rest}", &first[..9]));
        registry.post_json("/v1/statements", &forged).is_problem(403, "bad-signature");
    }
    let mut number = 100;
    let (count, refusal) = until_refused(30, || {
        number += 1;
        registry.try_register(&press.sign(&numbered(&press, number))).expect("an answer")
    });
    assert!((5..20).contains(&count), "{count}");
    refusal.is_problem(429, "too-many-registrations");
    assert!(refusal.retry_after.is_some_and(|seconds| (1..=2).contains(&seconds)), "{:?}", refusal.retry_after);
    let other = registry.try_register(&open.sign(&open.grant("open.example"))).expect("an answer");
    assert_eq!(other.status, 201, "{}", other.text());
    assert_eq!(registry.read("/healthz").status, 200);
    registry.audit();

    // The client waits as long as it is told, and registers.
    let key = press.write_keys(registry.scratch()).display().to_string();
    let terms = registry.scratch().join("terms.toml").display().to_string();
    let _ = cleartitle(&["init", "--terms", "--out", &terms]).exits(0);
    let text = std::fs::read_to_string(&terms).expect("terms");
    assert!(text.contains("press.example"), "{text}");
    let url = registry.url("");
    let _ = until_refused(10, || {
        number += 1;
        registry.try_register(&press.sign(&numbered(&press, number))).expect("an answer")
    });
    let arguments = ["register", "--registry", &url, "--key", &key, "--issuer", "press.example", &terms];
    let _ = cleartitle(&arguments).exits(0);
}

#[test]
fn connections_of_one_address_are_bounded() {
    let registry = Registry::start_with(&["--connections-per-address", "4"]);
    let open = || {
        let mut stream = TcpStream::connect(registry.socket()).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: registry.example\r\n\r\n");
        let mut told = [0; 12];
        let answered = asked.is_ok() && stream.read_exact(&mut told).is_ok() && told.ends_with(b"200");
        answered.then_some(stream)
    };
    let held: Vec<_> = (0..4).map(|_| open().expect("a place")).collect();
    assert!((0..3).all(|_| open().is_none()), "a fifth connection was served");
    drop(held);
    let begun = std::time::Instant::now();
    while open().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(10), "places are not given back");
    }
}

#[test]
fn flags_that_mean_nothing_are_refused() {
    let data = tempfile::tempdir().expect("a folder");
    let data = data.path().display().to_string();
    for (flag, value) in [
        ("--rate-address", "0/1"),
        ("--rate-key", "fast"),
        ("--connections-per-address", "0"),
        ("--trusted-proxy", "10.0.0.1/8"),
        ("--trusted-proxy", "proxy.example"),
    ] {
        let ran = harness::cleartitle_server(&["serve", "--data", &data, flag, value]).exits(2);
        assert!(ran.stderr.contains(flag), "{flag} {value}: {}", ran.stderr);
    }
}
