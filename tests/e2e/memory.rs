//! Memory and places under clients that mean harm: many who send the largest bodies slowly, and some who drip.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::Registry;

const MIB: usize = 1 << 20;

/// What the server may hold at most: eight bodies of 32 MiB twice over while they grow, sixteen blobs, and what else it needs.
const MOST_HELD: u64 = 900 << 20;

/// The most memory that a process ever had, in bytes.
fn most_held(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a running server");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a high-water mark");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") << 10
}

/// Begins a request with a body of this length, sends most of it at once, and holds the rest back.
fn begin(registry: &Registry, head: &str, length: usize) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(registry.socket()).ok()?;
    stream.set_write_timeout(Some(Duration::from_secs(10))).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let head = format!("{head} HTTP/1.1\r\nhost: registry.example\r\ncontent-length: {length}\r\n");
    stream.write_all(format!("{head}content-type: {}\r\n\r\n", media_type(&head)).as_bytes()).ok()?;
    let piece = vec![b' '; MIB];
    let mut left = length - 1000;
    while left > 0 {
        let count = left.min(piece.len());
        // Where the server doesn't read on, that is its defence.
        stream.write_all(&piece[..count]).ok()?;
        left -= count;
    }
    Some(stream)
}

fn media_type(head: &str) -> &'static str {
    if head.contains("/v1/documents") { "application/x-ndjson" } else { "application/json" }
}

#[test]
fn the_largest_bodies_of_many_clients_fit_in_bounded_memory() {
    let registry = Registry::start();
    let id = registry.process_id().expect("a server");
    let before = most_held(id);
    let held: Vec<_> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..96)
            .map(|number| {
                let registry = &registry;
                let (head, length) = [
                    ("POST /v1/documents", 32 * MIB),
                    ("POST /v1/decisions", 32 * MIB),
                    ("POST /v1/statements", 65_536),
                ][number % 3];
                scope.spawn(move || begin(registry, head, length))
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("a client")).collect()
    });
    // With all of them waiting, others are answered, and statements get in.
    let press = registry.publisher("press.example");
    let begun = Instant::now();
    registry.register(&press, &press.reservation("press.example"));
    assert_eq!(registry.read("/healthz").status, 200);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let most = most_held(id);
    println!(
        "{} clients hold bodies; the server had {} MiB before, {} MiB at most",
        held.len(),
        before >> 20,
        most >> 20
    );
    assert!(held.iter().any(Option::is_some), "nobody got as far as holding anything");
    assert!(most < MOST_HELD, "{} MiB", most >> 20);
}

/// Each state of the past that a question names is a ledger of its own in memory, for as long as the question lasts.
#[test]
fn states_of_the_past_that_are_held_open_are_bounded() {
    let registry = Registry::start_with(&["--trusted-proxy", "127.0.0.1"]);
    let press = registry.publisher("press.example");
    for number in 0..60 {
        let mut payload = press.reservation("press.example");
        payload["note"] = serde_json::json!(format!("number {number}"));
        let _ = registry.try_register(&press.sign(&payload)).expect("an answer").is(201);
    }
    let ask = |size: usize| {
        let mut stream = TcpStream::connect(registry.socket()).expect("a connection");
        let head = format!(
            "POST /v1/decisions?as_of={size} HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\
             x-forwarded-for: 198.51.100.{size}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("a head");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let mut told = [0; 12];
        stream.read_exact(&mut told).expect("an answer");
        (String::from_utf8_lossy(&told).into_owned(), stream)
    };
    let held: Vec<_> = (1..=50).map(ask).collect();
    // Each is the one view without what came later, and costs no memory of its own: none is refused.
    let open = held.iter().filter(|(told, _)| told.ends_with("200")).count();
    assert_eq!(open, 50);
    assert_eq!(registry.read("/v1/decisions?use=train-ai&url=https://press.example/1").status, 200);
    drop(held);
    let begun = Instant::now();
    while registry.read("/v1/decisions?use=train-ai&url=https://press.example/1&as_of=50").status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the past stays closed");
    }
    // Many ask for many sizes at once: some are told to come again, nobody waits long, and a registration gets in.
    std::thread::scope(|scope| {
        for thread in 0..32 {
            let registry = &registry;
            scope.spawn(move || {
                for size in 1..=10 {
                    let size = 1 + (thread * 10 + size) % 55;
                    for path in [
                        format!("/v1/decisions?use=train-ai&url=https://press.example/1&as_of={size}"),
                        format!("/v1/snapshots/{size}"),
                    ] {
                        let status = registry.read(&path).status;
                        assert!(matches!(status, 200 | 404 | 503), "{path}: {status}");
                    }
                }
            });
        }
        let begun = Instant::now();
        let answer = registry.try_register(&press.sign(&press.grant("press.example"))).expect("an answer");
        assert_eq!(answer.status, 201);
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    });
}

/// One client's streams and large bodies leave room for others'.
#[test]
fn one_client_cant_take_every_place() {
    let registry = Registry::start_with(&["--trusted-proxy", "127.0.0.1"]);
    let ask = |address: &str| {
        let mut stream = TcpStream::connect(registry.socket()).expect("a connection");
        let head = format!(
            "POST /v1/decisions HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\
             x-forwarded-for: {address}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("a head");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let mut told = [0; 12];
        stream.read_exact(&mut told).expect("an answer");
        (told.ends_with(b"200"), stream)
    };
    let held: Vec<_> = (0..70).map(|_| ask("198.51.100.1")).collect();
    assert_eq!(held.iter().filter(|(open, _)| *open).count(), 16);
    assert!(ask("198.51.100.2").0, "another client finds no place");
    let bodies: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(registry.socket()).expect("a connection");
            let head = "POST /v1/documents HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-ndjson\r\n\
                content-length: 30000000\r\nx-forwarded-for: 198.51.100.1\r\n\r\n{";
            stream.write_all(head.as_bytes()).expect("a head");
            stream
        })
        .collect();
    // Refused for what it is, and not for want of a place.
    let request = harness::http::client().post(registry.url("/v1/documents")).body("{}\n");
    let request = request.header("content-type", "application/x-ndjson").header("x-forwarded-for", "198.51.100.2");
    let begun = Instant::now();
    harness::http::send(request).expect("an answer").is_problem(400, "malformed-envelope");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    drop((held, bodies));
}

/// A byte every second is never idle: the whole body has a time too.
#[test]
fn bodies_that_drip_are_cut_off() {
    let registry = Registry::start();
    let heads = [
        "POST /v1/statements HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n",
        "POST /v1/decisions HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n",
        "GET /checkpoint HTTP/1.1\r\nx-drip: ",
    ];
    std::thread::scope(|scope| {
        for head in heads {
            let registry = &registry;
            scope.spawn(move || {
                let mut stream = TcpStream::connect(registry.socket()).expect("a connection");
                stream.write_all(head.as_bytes()).expect("a head");
                stream.set_read_timeout(Some(Duration::from_millis(10))).expect("a timeout");
                let chunked = head.contains("chunked");
                let (begun, mut told) = (Instant::now(), Vec::new());
                loop {
                    let dripped = if chunked { stream.write_all(b"1\r\n \r\n") } else { stream.write_all(b"a") };
                    let mut piece = [0; 4096];
                    match stream.read(&mut piece) {
                        Ok(0) => break,
                        Ok(count) => told.extend_from_slice(&piece[..count]),
                        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                        Err(_) => break,
                    }
                    if dripped.is_err() {
                        break;
                    }
                    assert!(begun.elapsed() < Duration::from_secs(100), "{head}: held for {:?}", begun.elapsed());
                    std::thread::sleep(Duration::from_secs(1));
                }
                let told = String::from_utf8_lossy(&told).into_owned();
                if head.starts_with("POST") {
                    assert!(told.contains("slow-client"), "{head}: {told}");
                }
            });
        }
    });
    assert_eq!(registry.read("/healthz").status, 200);
}
