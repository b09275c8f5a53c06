//! Streams of questions over time: one that lasts while the log grows, halves of lines, lines without end, and clients that send
//! and never read.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::{Registry, long};
use serde_json::{Value, json};

const MIB: usize = 1 << 20;

/// A stream that is sent piece by piece.
struct Asking {
    stream: TcpStream,
    answers: BufReader<TcpStream>,
}

impl Asking {
    fn begin(registry: &Registry, query: &str, address: usize) -> Self {
        let mut stream = TcpStream::connect(registry.socket()).expect("a connection");
        let head = format!(
            "POST /v1/decisions{query} HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\
             x-forwarded-for: 198.51.100.{address}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("a head");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        let answers = BufReader::new(stream.try_clone().expect("a socket"));
        Self { stream, answers }
    }

    fn send(&mut self, text: &[u8]) {
        let size = format!("{:x}\r\n", text.len());
        self.stream.write_all(&[size.as_bytes(), text, b"\r\n"].concat()).expect("a chunk");
    }

    fn ask(&mut self, url: &str) {
        self.send(format!("{}\n", json!({"url": url, "use": "train-ai"})).as_bytes());
    }

    /// The next line that is an answer, whatever chunks it came in.
    fn told(&mut self) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.answers.read_line(&mut line).expect("an answer") > 0, "the stream ended");
            if line.starts_with('{') {
                return serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            }
        }
    }

    fn end(mut self) -> Value {
        self.stream.write_all(b"0\r\n\r\n").expect("an end");
        self.told()
    }
}

/// Most memory that a process ever had, in bytes.
fn most_held(id: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a running server");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a high-water mark");
    line.trim().trim_end_matches(" kB").trim().parse::<usize>().expect("a number") << 10
}

#[test]
fn a_stream_hears_what_is_registered_while_it_lasts_and_one_of_the_past_does_not() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let size = registry.read("/checkpoint").is(200).text().lines().nth(1).expect("a size").to_owned();
    let mut streams = [Asking::begin(&registry, "", 1), Asking::begin(&registry, &format!("?as_of={size}"), 1)];
    for stream in &mut streams {
        assert_eq!(stream.told()["log_size"].to_string(), size);
        stream.ask("https://press.example/a");
        assert_eq!(stream.told()["verdict"], "unknown");
    }
    registry.register(&press, &press.reservation("press.example"));
    let verdicts = streams.each_mut().map(|stream| {
        stream.ask("https://press.example/a");
        stream.told()["verdict"].clone()
    });
    assert_eq!(verdicts, ["reserved", "unknown"]);
    let [followed, fixed] = streams.map(Asking::end);
    let grown = size.parse::<u64>().expect("a number") + 1;
    assert_eq!(followed, json!({"end": true, "rows": 2, "log_size": grown}), "the newest that an answer rests on");
    assert_eq!(fixed, json!({"end": true, "rows": 2}));
}

#[test]
fn half_a_line_is_a_line_where_the_body_ends_and_no_end_where_it_breaks_off() {
    let registry = Registry::with_press_and_open();
    let mut stream = Asking::begin(&registry, "", 1);
    let _begin = stream.told();
    stream.send(b"{\"url\":\"https://press.exa");
    stream.send(b"mple/a\",\"use\":\"train-ai\"}\n{\"url\":\"https://press");
    assert_eq!(stream.told()["verdict"], "reserved", "a whole line does not wait for the half behind it");
    stream.stream.write_all(b"0\r\n\r\n").expect("an end");
    assert_eq!(stream.told()["error"]["code"], "malformed-request");
    assert_eq!(stream.told(), json!({"end": true, "rows": 2}));

    let mut stream = Asking::begin(&registry, "", 1);
    let _begin = stream.told();
    stream.send(b"{\"url\":\"https://press");
    stream.stream.shutdown(std::net::Shutdown::Write).expect("half closed");
    let mut told = String::new();
    let _ = stream.answers.read_to_string(&mut told);
    assert!(!told.contains("\"end\""), "{told}");
}

#[test]
fn a_line_without_end_is_told_and_held_nowhere() {
    let registry = Registry::with_press_and_open();
    let id = registry.process_id().expect("a server");
    let mut stream = Asking::begin(&registry, "", 1);
    let _begin = stream.told();
    stream.ask("https://press.example/a");
    assert_eq!(stream.told()["verdict"], "reserved");
    let before = most_held(id);
    let (piece, mebibytes) = (vec![b'x'; MIB], if long("streams") { 1024 } else { 192 });
    (0..mebibytes).for_each(|_| stream.send(&piece));
    stream.send(b"\n");
    stream.ask("https://press.example/a");
    let told = stream.told();
    assert_eq!((&told["error"]["code"], &told["error"]["line"]), (&json!("line-too-long"), &json!(2)), "{told}");
    assert_eq!(stream.told()["verdict"], "reserved", "the line behind it is answered");
    assert_eq!(stream.end(), json!({"end": true, "rows": 3}));
    let more = most_held(id) - before;
    assert!(more < 32 * MIB, "{} MiB of a line of {mebibytes}", more / MIB);
}

#[test]
fn a_hundred_clients_that_send_and_never_read_hold_little_and_stop_nobody() {
    let registry = Registry::start_with(&["--trusted-proxy", "127.0.0.1"]).and_press_and_open();
    let id = registry.process_id().expect("a server");
    let before = most_held(id);
    let lines = format!("{}\n", json!({"url": "https://press.example/a", "use": "train-ai"})).repeat(1000);
    let held: Vec<(usize, Asking)> = std::thread::scope(|scope| {
        let send = |number: usize| {
            let (registry, lines) = (&registry, &lines);
            scope.spawn(move || {
                let mut asking = Asking::begin(registry, "?explain=true", number / 10);
                asking.stream.set_write_timeout(Some(Duration::from_secs(3))).expect("a timeout");
                let chunk = format!("{:x}\r\n{lines}\r\n", lines.len());
                // Until the server reads no more: what is sent waits in the sockets, or was refused.
                let sent = (0..2000).take_while(|_| asking.stream.write_all(chunk.as_bytes()).is_ok()).count();
                (sent, asking)
            })
        };
        let clients: Vec<_> = (0..100).map(send).collect();
        clients.into_iter().map(|client| client.join().expect("a client")).collect()
    });
    assert!(held.iter().all(|(sent, _)| *sent < 2000), "a client that never reads could send on and on");
    let begun = Instant::now();
    assert_eq!(
        registry.read("/v1/decisions?use=train-ai&url=https://press.example/a").is(200).json()["decision"]["verdict"],
        "reserved"
    );
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let more = most_held(id) - before;
    // 64 of them have a place: lines, an answer that is made, and some that wait.
    assert!(more < 64 * 6 * MIB, "{} MiB", more / MIB);
    drop(held);
    let begun = Instant::now();
    while !registry.post("/v1/decisions", "application/x-ndjson", lines.as_str()).text().contains("\"end\":true") {
        assert!(begun.elapsed() < Duration::from_secs(40), "their places are not given back");
        std::thread::sleep(Duration::from_millis(200));
    }
    registry.audit();
}
