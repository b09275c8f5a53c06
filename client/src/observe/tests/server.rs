//! A web server of the tests: real sockets, canned answers, and every bad manner that a stranger's server may have.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What is done with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// These bytes, head and all.
    Whole(Vec<u8>),
    /// One after the other, the last for ever.
    Turns(Vec<Vec<u8>>),
    /// These bytes, then a byte every twenty milliseconds, for ever.
    Drip(Vec<u8>),
    /// These bytes, then as many of the same again as are taken, for ever.
    Endless(Vec<u8>, Vec<u8>),
    /// Nothing at all, with the connection held open.
    Hang,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    pub user_agent: String,
    pub at: Instant,
}

/// A running server. It ends with the process; each test has its own.
#[derive(Debug, Clone)]
pub struct Served {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A plain answer.
pub fn answer(status: &str, fields: &str, body: &[u8]) -> Answer {
    Answer::Whole(bytes(status, fields, body))
}

/// The bytes of a plain answer.
pub fn bytes(status: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{fields}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A text file.
pub fn file(text: &str) -> Answer {
    answer("200 OK", "Content-Type: text/plain\r\n", text.as_bytes())
}

/// A redirect.
pub fn redirect(to: &str) -> Answer {
    answer("301 Moved", &format!("Location: {to}\r\n"), b"")
}

impl Served {
    /// Serves these paths, and 404 for all others.
    pub fn at(address: &str, answers: impl IntoIterator<Item = (String, Answer)>) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let served = Self { address: listener.local_addr().expect("an address"), asked: Arc::default() };
        let answers: Arc<HashMap<String, Answer>> = Arc::new(answers.into_iter().collect());
        let asked = Arc::clone(&served.asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, asked) = (Arc::clone(&answers), Arc::clone(&asked));
                thread::spawn(move || serve(stream, &answers, &asked));
            }
        });
        served
    }

    /// Serves on loopback.
    pub fn start<const N: usize>(answers: [(&str, Answer); N]) -> Self {
        Self::at("127.0.0.1:0", answers.map(|(path, answer)| (path.to_owned(), answer)))
    }

    /// A URL of this server under a name that the tests' guard resolves.
    pub fn url(&self, path: &str) -> url::Url {
        format!("http://press.example:{}{path}", self.address.port()).parse().expect("a URL")
    }

    /// What was asked for so far, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("a lock").clone()
    }

    /// The paths that were asked for.
    pub fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.path).collect()
    }
}

fn serve(mut stream: TcpStream, answers: &HashMap<String, Answer>, asked: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let (mut first, mut user_agent) = (String::new(), String::new());
    if reader.read_line(&mut first).unwrap_or(0) == 0 {
        return;
    }
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
            assert!(!name.is_empty());
            user_agent = value.trim().to_owned();
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let turn = {
        let mut all = asked.lock().expect("a lock");
        all.push(Asked { path: path.clone(), user_agent, at: Instant::now() });
        all.iter().filter(|asked| asked.path == path).count()
    };
    // Whoever hangs up on an endless answer ends it.
    let _ = match answers.get(&path) {
        None => stream.write_all(&bytes("404 Not Found", "", b"nothing here")),
        Some(Answer::Whole(bytes)) => stream.write_all(bytes),
        Some(Answer::Turns(turns)) => stream.write_all(&turns[(turn - 1).min(turns.len() - 1)]),
        Some(Answer::Drip(head)) => stream.write_all(head).and_then(|()| {
            loop {
                stream.write_all(b"#")?;
                stream.flush()?;
                thread::sleep(Duration::from_millis(20));
            }
        }),
        Some(Answer::Endless(head, more)) => stream.write_all(head).and_then(|()| {
            loop {
                stream.write_all(more)?;
            }
        }),
        Some(Answer::Hang) => {
            thread::sleep(Duration::from_secs(60));
            Ok(())
        }
    };
}
