//! Telemetry: what a collector of OpenTelemetry is told of the real server, what it is never told, and what it can't do by being away.
//!
//! The collector is a receiver of OTLP over HTTP that reads the protobuf by OpenTelemetry's own types.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use harness::binaries::{command, server_path};
use harness::{Publisher, Registry, UNLIMITED};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::json;

/// A collector, and all that it was told.
struct Collector {
    address: String,
    told: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    /// It takes connections and says nothing.
    mute: Arc<AtomicBool>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let collector = Self { address, told: Arc::default(), mute: Arc::default() };
        let (told, mute) = (Arc::clone(&collector.told), Arc::clone(&collector.mute));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (told, mute) = (Arc::clone(&told), Arc::clone(&mute));
                std::thread::spawn(move || while hear(&stream, &told, &mute).is_some() {});
            }
        });
        collector
    }

    fn spans(&self) -> Vec<Span> {
        let told = self.told.lock().expect("a lock");
        let scopes = told.iter().flat_map(|request| &request.resource_spans).flat_map(|it| &it.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    #[track_caller]
    fn until(&self, what: &str, registry: &Registry, holds: impl Fn(&[Span]) -> bool) {
        let begun = Instant::now();
        while !holds(&self.spans()) {
            assert!(begun.elapsed() < Duration::from_secs(30), "{what}\n{:?}\n{}", self.spans(), registry.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// One request of an exporter; `None` at the connection's end.
fn hear(stream: &TcpStream, told: &Mutex<Vec<ExportTraceServiceRequest>>, mute: &AtomicBool) -> Option<()> {
    let mut lines = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).ok()?;
    if mute.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_secs(3600));
    }
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains("content-type: application/x-protobuf"), "{head}");
    told.lock().ok()?.push(ExportTraceServiceRequest::decode(&*body).expect("OTLP"));
    let mut stream = stream;
    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(answer).ok()
}

fn told_to(collector: &str) -> Registry {
    let registry = Registry::unstarted(Vec::new(), &UNLIMITED);
    registry.set_environment(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
        ("CLEARTITLE_LOG", "info"),
    ]);
    registry.begin();
    registry
}

fn attribute(attributes: &[KeyValue], name: &str) -> Option<Any> {
    let found = attributes.iter().find(|it| it.key == name)?;
    found.value.clone().and_then(|AnyValue { value, .. }| value)
}

fn register(registry: &Registry, press: &Publisher, note: &str) -> serde_json::Value {
    let mut payload = press.reservation("press.example");
    payload["note"] = json!(note);
    registry.try_register(&press.sign(&payload)).expect("an answer").is(201).json()
}

#[test]
fn a_collector_is_told_of_requests_and_commits_and_of_nobodys_words() {
    let collector = Collector::start();
    let registry = told_to(&collector.address);
    let press = registry.publisher("press.example");
    let registered = register(&registry, &press, "a s3cret note");
    let id = registered["statement"].as_str().expect("an id");
    let _ = registry.read(&format!("/v1/statements/{id}")).is(200);
    let _ = registry.read("/v1/statements?issuer=press.example").is(200);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let asked = harness::http::client()
        .get(registry.url("/v1/documents/blake3:00?s3cret=yes"))
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .header("authorization", "Bearer s3cret")
        .header("x-request-id", "s3cret-id");
    let _ = harness::http::send(asked).expect("an answer");
    let _ = registry
        .post_json("/v1/decisions", &json!({ "url": "https://press.example/s3cret", "use": "train-ai" }))
        .is(200);
    collector.until("every span arrives", &registry, |spans| {
        ["GET /v1/statements/{id}", "GET /v1/statements", "POST /v1/statements", "POST /v1/decisions", "commit"]
            .iter()
            .all(|name| spans.iter().any(|span| span.name == *name))
    });
    assert_eq!(registry.stop(), 0);

    let spans = collector.spans();
    let named = |name: &str| spans.iter().find(|span| span.name == name).expect("a span");
    let post = named("POST /v1/statements");
    let text = |value: &str| Some(Any::StringValue(value.to_owned()));
    assert_eq!(attribute(&post.attributes, "http.request.method"), text("POST"));
    assert_eq!(attribute(&post.attributes, "http.route"), text("/v1/statements"));
    assert_eq!(attribute(&post.attributes, "http.response.status_code"), Some(Any::IntValue(201)));
    assert!(post.end_time_unix_nano > post.start_time_unix_nano && post.parent_span_id.is_empty());
    let commit =
        spans.iter().find(|span| span.name == "commit" && span.links.iter().any(|it| it.span_id == post.span_id));
    let commit = commit.expect("the commit names the request whose statement it wrote");
    assert_eq!(attribute(&commit.attributes, "cleartitle.statements.new"), Some(Any::IntValue(1)));
    let told = collector.told.lock().expect("a lock");
    let resource = told[0].resource_spans[0].resource.clone().expect("a resource");
    assert_eq!(attribute(&resource.attributes, "service.name"), text("cleartitle-server"));
    assert_eq!(attribute(&resource.attributes, "deployment.environment.name"), text("test"));
    // All of it, as it came.
    let everything = format!("{told:?}");
    let digits = id.trim_start_matches("statement:");
    for word in ["s3cret", "press.example", digits, &digits[..16], "blake3:", "127.0.0.1", "registry.example"] {
        assert!(!everything.contains(word), "`{word}` is told: {everything}");
    }
    let trace: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&trace[at * 2..at * 2 + 2], 16).expect("hex")).collect();
    assert!(spans.iter().all(|span| span.trace_id != trace), "a stranger's trace is taken up");
    assert!(!registry.said().contains("s3cret"), "{}", registry.said());
}

#[test]
fn a_collector_that_is_away_slows_and_stops_nothing() {
    let collector = Collector::start();
    collector.mute.store(true, Ordering::Relaxed);
    // One that says nothing, and one that is not there.
    for (address, comes_back) in [(collector.address.as_str(), true), ("http://user:s3cret@127.0.0.1:1", false)] {
        let registry = told_to(address);
        let press = registry.publisher("press.example");
        let begun = Instant::now();
        for number in 0..100 {
            let _ = register(&registry, &press, &format!("number {number}"));
        }
        let took = begun.elapsed();
        // A span waits for nobody: one that waited its half second would make fifty of them.
        assert!(took < Duration::from_secs(25), "{took:?}");
        let lost = || {
            let text = registry.read("/metrics").is(200).text();
            let line = text.lines().find(|line| line.starts_with("cleartitle_spans_total{outcome=\"lost\"}"));
            line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or_default()
        };
        while lost() < 50.0 {
            assert!(begun.elapsed() < Duration::from_secs(60), "{}", registry.said());
            std::thread::sleep(Duration::from_millis(100));
        }
        if comes_back {
            collector.mute.store(false, Ordering::Relaxed);
            let _ = register(&registry, &press, "when it is back");
            collector.until("it is told again", &registry, |spans| !spans.is_empty());
            collector.mute.store(true, Ordering::Relaxed);
            let _ = register(&registry, &press, "at the end");
        }
        registry.audit();
        let begun = Instant::now();
        assert_eq!(registry.stop(), 0);
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        let said = registry.said();
        assert!(said.contains("the collector takes no spans") && !said.contains("s3cret"), "{said}");
        assert!(!comes_back || said.contains("the collector takes spans again"), "{said}");
    }
}

#[test]
fn settings_of_telemetry_that_are_not_understood_are_refused_and_off_is_off() {
    let collector = Collector::start();
    let folder = tempfile::tempdir().expect("a folder");
    let serve = |variables: &[(&str, &str)]| {
        let mut serve: Command = command(server_path());
        serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
        serve.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:s3cret@127.0.0.1:1").envs(variables.iter().copied());
        harness::binaries::ran(format!("{variables:?}"), serve.output().expect("the program can be started"))
    };
    for variables in [
        [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
        [("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json")],
        [("OTEL_TRACES_EXPORTER", "zipkin")],
        [("OTEL_EXPORTER_OTLP_ENDPOINT", "s3cret")],
    ] {
        let ran = serve(&variables).exits(2);
        assert!(ran.stderr.contains("OTEL_") && ran.stderr.contains("hint: "), "{variables:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
        assert!(!folder.path().join("data/registry.sqlite").exists(), "{variables:?}: it began");
    }
    for off in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
        let registry = Registry::unstarted(Vec::new(), &UNLIMITED);
        registry.set_environment(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.address), off]);
        registry.begin();
        let press = registry.publisher("press.example");
        let _ = register(&registry, &press, "untold");
        assert_eq!(registry.stop(), 0);
    }
    assert!(collector.spans().is_empty());
}
