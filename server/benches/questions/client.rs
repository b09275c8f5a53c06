//! A client that costs as little as it can: bytes made beforehand, answers counted and not read.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// What came back.
pub struct Told {
    pub took: Duration,
    pub lines: usize,
    /// The last bytes.
    pub end: Vec<u8>,
    /// The first bytes.
    pub begin: Vec<u8>,
    pub bytes: usize,
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
    stream
}

/// Sends a body, and reads the answer meanwhile, to its end.
pub fn post(address: SocketAddr, path: &str, media_type: &str, body: &[u8]) -> Told {
    let mut stream = connect(address);
    let mut writing = stream.try_clone().expect("a socket");
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            writing.write_all(head.as_bytes()).expect("a head");
            writing.write_all(body).expect("a body");
        });
        let mut buffer = vec![0; 256 << 10];
        let mut told = Told { took: Duration::ZERO, lines: 0, end: Vec::new(), begin: Vec::new(), bytes: 0 };
        loop {
            let read = stream.read(&mut buffer).expect("an answer");
            if read == 0 {
                told.took = begun.elapsed();
                return told;
            }
            let part = &buffer[..read];
            told.lines += part.iter().filter(|byte| **byte == b'\n').count();
            told.bytes += read;
            if told.begin.len() < 4096 {
                told.begin.extend_from_slice(&part[..part.len().min(4096)]);
            }
            told.end.extend_from_slice(&part[part.len().saturating_sub(200)..]);
            let cut = told.end.len().saturating_sub(200);
            told.end.drain(..cut);
        }
    })
}

/// The length of a body, from a head as hyper writes it.
fn length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"\r\ncontent-length: ";
    let Some(at) = memchr::memmem::find(head, NAME) else { return 0 };
    let digits = head[at + NAME.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
}

/// One connection that asks again and again.
pub struct Asking {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Asking {
    pub fn open(address: SocketAddr) -> Self {
        Self { stream: connect(address), buffer: vec![0; 64 << 10] }
    }

    /// One request, and the whole of its answer.
    pub fn ask(&mut self, request: &[u8]) -> &[u8] {
        self.stream.write_all(request).expect("a request");
        let mut held = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[held..]).expect("an answer");
            assert!(read > 0, "the connection ended");
            held += read;
            let Some(head) = memchr::memmem::find(&self.buffer[..held], b"\r\n\r\n") else { continue };
            let end = head + 4 + length(&self.buffer[..head]);
            if held >= end {
                return &self.buffer[..end];
            }
        }
    }
}

/// The request for a path.
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").into_bytes()
}

/// How fast so many connections are answered, and how long each request took, sorted.
pub fn gets(address: SocketAddr, connections: usize, time: Duration, requests: &[Vec<u8>]) -> (f64, Vec<Duration>) {
    let begun = Instant::now();
    let mut took: Vec<Duration> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|place| {
                scope.spawn(move || {
                    let mut asking = Asking::open(address);
                    let mut took = Vec::new();
                    for request in requests.iter().cycle().skip(place * 97) {
                        let one = Instant::now();
                        if one.duration_since(begun) > time {
                            break;
                        }
                        let answer = asking.ask(request);
                        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(answer));
                        took.push(one.elapsed());
                    }
                    took
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client")).collect()
    });
    let each_second = took.len() as f64 / begun.elapsed().as_secs_f64();
    took.sort_unstable();
    (each_second, took)
}
