//! Observing as an observer does it: a crawl and a list of sites in, registered observations and their evidence out.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{Ran, Registry, cleartitle};
use serde_json::{Value, json};

/// Whether the server takes blobs of evidence.
const BLOBS_ARE_TAKEN: bool = true;

pub const ROBOTS: &str = "User-agent: GPTBot\nDisallow: /\n";

fn write_crawl(path: &Path, captures: &[(&str, &str, &str)]) {
    let mut text = String::new();
    for (number, (date, url, block)) in captures.iter().enumerate() {
        text.push_str(&format!(
            "WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:x:{number}>\r\nWARC-Date: {date}\r\n\
             WARC-Target-URI: {url}\r\nContent-Type: application/http;msgtype=response\r\n\
             Content-Length: {}\r\n\r\n{block}\r\n\r\n",
            block.len()
        ));
    }
    std::fs::write(path, text).expect("a crawl file");
}

struct Observer<'r> {
    registry: &'r Registry,
    key: String,
}

impl<'r> Observer<'r> {
    fn new(registry: &'r Registry) -> Self {
        let publisher = registry.publisher("watch.example");
        Self { registry, key: publisher.write_keys(registry.scratch()).display().to_string() }
    }

    fn observe(&self, more: &[&str]) -> Ran {
        let url = self.registry.url("");
        let fixed =
            ["observe", "--format", "json", "--registry", &url, "--key", &self.key, "--issuer", "watch.example"];
        cleartitle(&[&fixed, more].concat())
    }
}

fn told(ran: Ran) -> Value {
    let (text, code) = (ran.stdout.clone(), ran.code);
    let value: Value =
        serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("{ran:?}"));
    let refused = value["refused"].as_u64().unwrap_or_default();
    assert_eq!(code, i32::from(refused > 0), "{ran:?}");
    assert!(!BLOBS_ARE_TAKEN || refused == 0, "{ran:?}");
    value
}

pub fn verdict(registry: &Registry, url: &str, captured_at: &str) -> String {
    let copy = json!({ "urls": [{ "role": "fetched", "url": url }], "captured_at": captured_at });
    let question = json!({ "acquisition": copy, "use": "train-ai", "used_at": "2027-01-01T00:00:00Z" });
    let answer = registry.post_json("/v1/decisions", &question).is(200).json();
    answer["decision"]["verdict"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[test]
fn what_a_crawl_saw_is_registered_once_and_decides() {
    let registry = Registry::start();
    let observer = Observer::new(&registry);
    let folder = tempfile::tempdir().expect("a folder");
    let crawl = folder.path().join("robots.warc");
    let block = format!("HTTP/1.1 200 OK\r\n\r\n{ROBOTS}");
    write_crawl(
        &crawl,
        &[
            ("2026-10-01T00:00:00Z", "https://press.example/robots.txt", &block),
            ("2026-10-02T00:00:00Z", "https://press.example/robots.txt", &block),
            ("2026-10-02T00:00:00Z", "https://open.example/robots.txt", "HTTP/1.1 404 Not Found\r\n\r\n"),
            ("2026-10-02T00:00:00Z", "https://down.example/robots.txt", "HTTP/1.1 503 Oh\r\n\r\n"),
        ],
    );
    let (out, crawl) = (folder.path().join("seen").display().to_string(), crawl.display().to_string());
    let report = told(observer.observe(&["--out", &out, &crawl]));
    assert_eq!((&report["registered"], &report["unchanged"]), (&json!(3), &json!(1)), "{report}");
    let blobs = std::fs::read_dir(folder.path().join("seen/blobs")).expect("blobs").count() as u64;
    let (uploaded, refused) = (report["uploaded"].as_u64(), report["refused"].as_u64());
    assert_eq!((blobs, uploaded.zip(refused).map(|(one, other)| one + other)), (3, Some(3)), "{report}");
    registry.audit();

    for (host, expected) in [("press", "reserved"), ("open", "unknown"), ("down", "unknown"), ("never-seen", "unknown")]
    {
        let url = format!("https://{host}.example/article");
        assert_eq!(verdict(&registry, &url, "2026-10-02T12:00:00Z"), expected, "{host}");
    }

    let report = told(observer.observe(&["--out", &out, &crawl]));
    assert_eq!(
        (&report["registered"], &report["skipped"]),
        (&json!(0), &json!(1)),
        "what is acknowledged is not sent again"
    );

    // What was not acknowledged is sent again, and the registry knows it.
    std::fs::remove_file(folder.path().join("seen/state/registered.jsonl")).expect("acknowledgements");
    let report = told(observer.observe(&["--again", &out]));
    assert_eq!((&report["registered"], &report["observations"]), (&json!(3), &json!(0)), "{report}");
    registry.audit();
}

/// A site that answers with one file for every path that is asked for, and counts.
pub fn site(paths: &'static [(&'static str, &'static str)]) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines().map_while(Result::ok);
            let path = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default().to_owned();
            let _ = lines.find(String::is_empty);
            let found = paths.iter().find(|(known, _)| *known == path);
            let (status, body) = found.map_or(("404 Not Found", ""), |(_, body)| ("200 OK", *body));
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    (port, count)
}

#[test]
fn a_list_of_sites_is_looked_at_and_registered() {
    let (port, count) = site(&[("/robots.txt", ROBOTS), ("/", "<html><title>Press</title></html>")]);
    let registry = Registry::start();
    let observer = Observer::new(&registry);
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("list.txt");
    std::fs::write(&list, format!("# one site\nhttp://press.example:{port}\n")).expect("a list");
    let (list, port) = (list.display().to_string(), port.to_string());
    let out = |name: &str| folder.path().join(name).display().to_string();
    let network = ["--sites", &list, "--allow-port", &port, "--resolve", "press.example=127.0.0.1", "--pause", "1"];

    // A list from a stranger reaches nobody inside.
    let refused = told(observer.observe(&[&network[..], &["--out", &out("refused")]].concat()));
    assert_eq!((refused["sources"]["read"].as_u64(), count.load(Ordering::SeqCst)), (None, 0), "{refused}");

    let ran = observer.observe(&[&network[..], &["--allow-private", "--out", &out("seen")]].concat());
    assert!(ran.stderr.contains("private addresses"), "{}", ran.stderr);
    let report = told(ran);
    assert_eq!((&report["registered"], &report["sources"]["read"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(count.load(Ordering::SeqCst), 6);
    registry.audit();

    // A second run finds it fresh; one that is told to look again finds nothing new.
    let again = told(observer.observe(&[&network[..], &["--allow-private", "--out", &out("seen")]].concat()));
    assert_eq!((&again["skipped"], count.load(Ordering::SeqCst)), (&json!(1), 6), "{again}");
    let more = ["--allow-private", "--refresh", "--out", &out("seen")];
    let again = told(observer.observe(&[&network[..], &more].concat()));
    assert_eq!((&again["unchanged"], &again["registered"], count.load(Ordering::SeqCst)), (&json!(1), &json!(0), 12));
}
