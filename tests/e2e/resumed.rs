//! A pull that was cut goes on where it stopped: parts of snapshots over HTTP, and the real client behind a line that breaks.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use harness::{Registry, http};
use serde_json::json;

/// A registry whose snapshot has some hundred kilobytes, its size in leaves, and the body.
pub(crate) fn filled() -> (Registry, String, Vec<u8>) {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    for number in 0..100 {
        let mut payload = press.reservation("press.example");
        // Words that no two statements share, so that nothing of it can be told shortly.
        payload["note"] = json!(blake3::hash(&[number]).to_hex().repeat(60));
        let _ = registry.try_register(&press.sign(&payload)).expect("an answer").is(201);
    }
    registry.audit();
    let size = registry.read("/v1/snapshots/latest").is(200).json()["size"].to_string();
    let body = registry.read(&format!("/v1/snapshots/{size}")).is(200).body;
    assert!(body.len() > 300_000, "{} bytes", body.len());
    (registry, size, body)
}

#[test]
fn parts_of_a_snapshot_are_served() {
    let (registry, size, body) = filled();
    let url = registry.url(&format!("/v1/snapshots/{size}"));
    let length = body.len();
    let ask = |range: &str, condition: Option<&str>| {
        let mut request = http::client().get(&url).header("range", range);
        if let Some(condition) = condition {
            request = request.header("if-range", condition);
        }
        let answer = request.send().expect("an answer");
        let told = |name: &str| answer.headers().get(name).map(|it| it.to_str().expect("text").to_owned());
        let (status, place, tag) = (answer.status().as_u16(), told("content-range"), told("etag"));
        (status, place, tag, answer.bytes().expect("bytes").to_vec())
    };
    let tag = format!("\"blake3:{}\"", blake3::hash(&body).to_hex());
    for (range, from, to) in [
        ("bytes=0-".to_owned(), 0, length),
        ("bytes=100000-".to_owned(), 100_000, length),
        (format!("bytes={}-", length - 1), length - 1, length),
        // Across the pieces in which the file is read.
        ("bytes=262143-262145".to_owned(), 262_143, 262_146),
        ("bytes=-10".to_owned(), length - 10, length),
    ] {
        let (status, place, told, part) = ask(&range, None);
        assert_eq!((status, place), (206, Some(format!("bytes {from}-{}/{length}", to - 1))), "{range}");
        assert_eq!(told.as_deref(), Some(tag.as_str()));
        assert!(part == body[from..to], "{range}");
    }
    let (status, place, _, problem) = ask(&format!("bytes={length}-"), None);
    assert_eq!((status, place), (416, Some(format!("bytes */{length}"))));
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&problem).expect("JSON")["code"], "range-not-satisfiable");
    // Of this very body a part, of any other the whole; what is not understood gives the whole too.
    assert_eq!(ask("bytes=5-", Some(&tag)).0, 206);
    for (range, condition) in [
        ("bytes=5-", Some("\"blake3:00\"")),
        ("bytes=5-", Some("Wed, 25 Nov 2026 08:00:00 GMT")),
        ("bytes=5-6,8-9", None),
        ("lines=5-", None),
        ("bytes=9-5", None),
    ] {
        let (status, place, _, whole) = ask(range, condition);
        assert_eq!((status, place), (200, None), "{range} {condition:?}");
        assert!(whole == body, "{range}");
    }
    let head = http::client().head(&url).header("range", "bytes=5-").send().expect("an answer");
    assert_eq!((head.status().as_u16(), &head.headers()["accept-ranges"]), (200, &"bytes".parse().expect("a value")));
}

/// A line to a registry that breaks after some bytes of answers, and remembers what was asked and how much was answered.
pub(crate) struct Line {
    pub address: String,
    asked: Arc<Mutex<Vec<u8>>>,
    pub answered: Arc<AtomicUsize>,
}

impl Line {
    pub fn to(registry: &Registry, breaks_after: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let (asked, answered) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::<AtomicUsize>::default());
        let (server, heard, counted) = (registry.socket(), Arc::clone(&asked), Arc::clone(&answered));
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let far = TcpStream::connect(&server).expect("the registry");
                let (mut to, mut from) = (far.try_clone().expect("a socket"), near.try_clone().expect("a socket"));
                let heard = Arc::clone(&heard);
                std::thread::spawn(move || {
                    let mut piece = [0; 4096];
                    while let Ok(read @ 1..) = from.read(&mut piece) {
                        heard.lock().expect("a lock").extend_from_slice(&piece[..read]);
                        if to.write_all(&piece[..read]).is_err() {
                            break;
                        }
                    }
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || pass(far, near, breaks_after, &counted));
            }
        });
        Self { address, asked, answered }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, breaks_after: usize, counted: &AtomicUsize) {
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        let left = breaks_after.saturating_sub(counted.load(Ordering::SeqCst)).min(read);
        if to.write_all(&piece[..left]).is_err() {
            break;
        }
        if counted.fetch_add(left, Ordering::SeqCst) + left >= breaks_after {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
    let _ = from.shutdown(std::net::Shutdown::Both);
}

#[test]
fn a_pull_that_was_cut_goes_on_where_it_stopped() {
    let (registry, _, body) = filled();
    let key = std::fs::read_to_string(registry.data().join("log.pub")).expect("a key");
    let out = registry.scratch().join("terms.snapshot").display().to_string();
    let pull = |line: &Line| {
        harness::cleartitle(&["pull", "--registry", &line.address, "--log-key", key.trim(), "--out", &out])
    };
    let broken = Line::to(&registry, 200_000);
    let _ = pull(&broken).exits(2);
    assert!(!std::path::Path::new(&out).exists(), "half a snapshot is none");
    let partial = std::fs::read_dir(registry.scratch()).expect("a folder").flatten().map(|entry| entry.path());
    let partial = partial.filter(|path| path.to_string_lossy().ends_with(".partial")).collect::<Vec<_>>();
    let [partial] = partial.as_slice() else { panic!("one part: {partial:?}") };
    let have = std::fs::metadata(partial).expect("a part").len();
    assert!(have > 100_000 && have < 200_000, "{have} bytes came before the line broke");

    let whole = Line::to(&registry, usize::MAX);
    let _ = pull(&whole).exits(0);
    assert!(std::fs::read(&out).expect("the snapshot") == body, "the parts make the body");
    let asked = String::from_utf8_lossy(&whole.asked.lock().expect("a lock")).to_ascii_lowercase();
    assert!(asked.contains(&format!("range: bytes={have}-")), "{asked}");
    let answered = whole.answered.load(Ordering::SeqCst);
    assert!(answered < body.len(), "{answered} bytes came for the rest of {}", body.len());
}
