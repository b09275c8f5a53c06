//! Blobs of evidence: brought once, by anybody, for a statement that names them; durable when acknowledged, foreign when read.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use cleartitle_schema::id::BlobId;
use harness::publisher::host_scope;
use harness::{Publisher, Registry, http};
use serde_json::{Value, json};

const LARGEST: usize = 4 << 20;

/// An observation of this site that names these bytes as what was read.
fn observation(observer: &Publisher, host: &str, read: &[u8]) -> Value {
    observer.statement(json!({
        "kind": "observation", "scope": host_scope(host),
        "sighting": {
            "observed_at": "2026-01-02T03:00:00Z", "parser": "test 1",
            "sources": [{ "standard": "robots", "url": format!("https://{host}/robots.txt"), "outcome": "read",
                "evidence": BlobId::of(read) }],
        },
    }))
}

/// Registers an observation for these bytes and returns their name.
fn named(registry: &Registry, observer: &Publisher, read: &[u8]) -> String {
    registry.register(observer, &observation(observer, "press.example", read));
    BlobId::of(read).to_string()
}

fn read(registry: &Registry, blob: &str) -> Vec<u8> {
    registry.read(&format!("/v1/blobs/{blob}")).is(200).body
}

#[test]
fn evidence_goes_in_once_and_stays() {
    let registry = Registry::start();
    let observer = registry.publisher("observer.example");
    let page = b"<script>alert(document.domain)</script>\n";
    let blob = named(&registry, &observer, page);
    registry.read(&format!("/v1/blobs/{blob}")).is_problem(404, "not-found");
    let _ = registry.put_blob(&blob, page).is(201);
    let _ = registry.put_blob(&blob, page).is(200);
    // An exhibit of any other statement counts too, and an empty file is one.
    let mut claim = observer.reservation("observer.example");
    claim["evidence"] = json!([{ "blob": BlobId::of(b""), "media_type": "text/plain" }]);
    registry.register(&observer, &claim);
    let empty = BlobId::of(b"").to_string();
    let _ = registry.put_blob(&empty, b"").is(201);

    let answer = http::client().get(registry.url(&format!("/v1/blobs/{blob}"))).send().expect("an answer");
    for (name, wanted) in [
        ("content-type", "application/octet-stream"),
        ("x-content-type-options", "nosniff"),
        ("content-disposition", "attachment"),
        ("cache-control", "public, max-age=31536000, immutable"),
    ] {
        assert_eq!(answer.headers()[name], wanted, "{name}");
    }
    assert_eq!(answer.bytes().expect("bytes"), page.as_slice());

    // After a restart, and after every projection was made again.
    registry.audit();
    assert_eq!(registry.stop(), 0);
    let data = registry.data().display().to_string();
    let rebuilt = harness::cleartitle_server(&["rebuild", "--data", &data]).exits(0);
    assert!(rebuilt.stdout.contains("every projection is as it was"), "{}", rebuilt.stdout);
    registry.begin();
    assert_eq!(read(&registry, &blob), page);
    assert_eq!(read(&registry, &empty), b"");
    let _ = registry.put_blob(&blob, page).is(200);
    let later = named(&registry, &observer, b"brought after the rebuild");
    let _ = registry.put_blob(&later, b"brought after the rebuild").is(201);
    let audited = harness::cleartitle_server(&["audit", "--data", &data]).exits(0);
    assert!(audited.stdout.contains(" 3 blobs: all is right"), "{}", audited.stdout);
}

#[test]
fn what_is_not_evidence_of_a_statement_is_not_kept() {
    let registry = Registry::start();
    let observer = registry.publisher("observer.example");
    let blob = named(&registry, &observer, b"User-agent: *\nDisallow: /\n");
    // Other bytes under the name, before and after the right ones.
    registry.put_blob(&blob, b"User-agent: *\nAllow: /\n").is_problem(422, "blob-mismatch");
    registry.read(&format!("/v1/blobs/{blob}")).is_problem(404, "not-found");
    let _ = registry.put_blob(&blob, b"User-agent: *\nDisallow: /\n").is(201);
    registry.put_blob(&blob, b"").is_problem(422, "blob-mismatch");
    assert_eq!(read(&registry, &blob), b"User-agent: *\nDisallow: /\n");
    // Nobody named these: a whole film would be free storage.
    let film = vec![7; 30 << 20];
    registry.put_blob(&BlobId::of(&film).to_string(), &film).is_problem(404, "blob-not-named");
    registry.put_blob(&BlobId::of(b"x").to_string(), b"x").is_problem(404, "blob-not-named");
    // A refused statement names nothing.
    let stranger = Publisher::new("stranger.example", &observer.origin);
    let refused = stranger.sign(&observation(&stranger, "press.example", b"y"));
    registry.try_register(&refused).expect("an answer").is_problem(403, "unknown-issuer");
    registry.put_blob(&BlobId::of(b"y").to_string(), b"y").is_problem(404, "blob-not-named");
    for address in ["blob:00", "list:0000", &blob.to_uppercase()] {
        registry.put_blob(address, b"x").is_problem(404, "not-found");
        registry.read(&format!("/v1/blobs/{address}")).is_problem(404, "not-found");
    }
    registry.read(&format!("/v1/blobs/{blob}?x=1")).is_problem(400, "malformed-request");
    registry.post(&format!("/v1/blobs/{blob}"), "text/plain", "x").is_problem(405, "method-not-allowed");
}

#[test]
fn a_blob_has_at_most_four_mebibytes() {
    let registry = Registry::start();
    let observer = registry.publisher("observer.example");
    let (fits, over) = (vec![b'a'; LARGEST], vec![b'a'; LARGEST + 1]);
    let blob = named(&registry, &observer, &fits);
    let too_long = named(&registry, &observer, &over);
    let _ = registry.put_blob(&blob, &fits).is(201);
    assert!(read(&registry, &blob) == fits);
    registry.put_blob(&too_long, &over).is_problem(413, "too-long");
    registry.put_blob(&blob, &over).is_problem(413, "too-long");
    registry.read(&format!("/v1/blobs/{too_long}")).is_problem(404, "not-found");
}

#[test]
fn slow_senders_are_cut_off_and_hold_nobody_up() {
    let registry = Registry::start();
    let observer = registry.publisher("observer.example");
    let blob = named(&registry, &observer, b"robots");
    // One more than there are places for blobs.
    let begun = Instant::now();
    let mut slow: Vec<TcpStream> = (0..17)
        .map(|_| {
            let mut stream = TcpStream::connect(registry.socket()).expect("a connection");
            let head = format!("PUT /v1/blobs/{blob} HTTP/1.1\r\nhost: registry.example\r\ncontent-length: 6\r\n\r\nr");
            stream.write_all(head.as_bytes()).expect("half a body");
            stream.set_read_timeout(Some(Duration::from_secs(100))).expect("a timeout");
            stream
        })
        .collect();
    // Statements have places of their own.
    registry.register(&observer, &observer.reservation("observer.example"));
    let mut told = (0, 0);
    for stream in &mut slow {
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("an answer");
        match &answer {
            b"HTTP/1.1 408" => told.0 += 1,
            b"HTTP/1.1 503" => told.1 += 1,
            other => panic!("{}", String::from_utf8_lossy(other)),
        }
    }
    assert_eq!(told, (16, 1), "sixteen were too slow, and the seventeenth found no place");
    assert!(begun.elapsed() < Duration::from_secs(90), "{:?}", begun.elapsed());
    let _ = registry.put_blob(&blob, b"robots").is(201);
}

#[test]
fn kill_9_right_after_201_loses_nothing() {
    let registry = Registry::start();
    let observer = registry.publisher("observer.example");
    let mut kept = Vec::new();
    for round in 0..5_u8 {
        let bytes = vec![round; 1000 + 700_000 * usize::from(round)];
        let blob = named(&registry, &observer, &bytes);
        let _ = registry.put_blob(&blob, &bytes).is(201);
        registry.kill();
        registry.begin();
        kept.push((blob, bytes));
        for (blob, bytes) in &kept {
            assert!(read(&registry, blob) == *bytes, "{blob} after round {round}");
            let _ = registry.put_blob(blob, bytes).is(200);
        }
    }
    registry.audit();
}

#[test]
fn an_audit_finds_changed_evidence() {
    let registry = Registry::in_folder("warn");
    let observer = registry.publisher("observer.example");
    let bytes = b"User-agent: GPTBot\nDisallow: /the-very-words-to-find\n";
    let blob = named(&registry, &observer, bytes);
    let _ = registry.put_blob(&blob, bytes).is(201);
    registry.audit();
    assert_eq!(registry.stop(), 0);
    // Whoever has the file rewrites the site's words where they lie, in place: once SQLite has moved them there from its
    // journal, as the last program to close the database does.
    let data = registry.data().display().to_string();
    let _ = harness::cleartitle_server(&["audit", "--data", &data]).exits(0);
    let path = registry.data().join("registry.sqlite");
    let mut file = std::fs::read(&path).expect("the database");
    let word = b"/the-very-words-to-find";
    let places: Vec<usize> = (0..file.len() - word.len()).filter(|at| file[*at..].starts_with(word)).collect();
    assert!(!places.is_empty(), "the evidence lies in the database as it is");
    places.iter().for_each(|at| file[*at] = b'?');
    std::fs::write(&path, file).expect("the database");
    let found = harness::cleartitle_server(&["audit", "--data", &data]).exits(1);
    assert!(found.stdout.contains(&format!("evidence `{blob}` has other bytes")), "{}", found.stdout);
}
