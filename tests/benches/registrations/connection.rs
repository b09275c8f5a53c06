//! One kept connection that registers: as little work as HTTP allows, since the machine's cores are the server's too.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// A connection of HTTP/1.1.
pub struct Connection {
    stream: BufReader<TcpStream>,
    sent: Vec<u8>,
    body: Vec<u8>,
}

impl Connection {
    /// Connects to a server at `host:port`.
    pub fn open(socket: &str) -> Self {
        let stream = TcpStream::connect(socket).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        Self { stream: BufReader::new(stream), sent: Vec::new(), body: Vec::new() }
    }

    /// Sends an envelope and waits for its receipt.
    ///
    /// # Panics
    /// When the answer is another than 201 with a receipt in it.
    pub fn register(&mut self, envelope: &[u8]) {
        self.sent.clear();
        let length = envelope.len();
        let head = "POST /v1/statements HTTP/1.1\r\nhost: registry.example\r\ncontent-type: application/json\r\n";
        write!(self.sent, "{head}content-length: {length}\r\n\r\n").expect("memory");
        self.sent.extend_from_slice(envelope);
        self.stream.get_mut().write_all(&self.sent).expect("a request is sent");
        let (mut line, mut length, mut first) = (String::new(), 0, String::new());
        loop {
            line.clear();
            self.stream.read_line(&mut line).expect("a head");
            if first.is_empty() {
                first.clone_from(&line);
            }
            let field = line.trim_end();
            if field.is_empty() {
                break;
            }
            if let Some(value) = field.strip_prefix("content-length: ") {
                length = value.parse().expect("a length");
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).expect("a body");
        assert!(first.starts_with("HTTP/1.1 201"), "{first}{}", String::from_utf8_lossy(&self.body));
        assert!(memchr::memmem::find(&self.body, b"c2sp.org/tlog-proof@v1").is_some(), "no receipt");
    }
}
