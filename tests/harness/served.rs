//! A server that is started any way a test wants: by settings, by the environment, through a shell; asked to end, waited for.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::binaries::command;
use crate::http::{Answer, client, send};

/// A running server.
pub struct Served {
    child: Child,
    address: String,
    said: Arc<Mutex<String>>,
}

impl Served {
    /// Starts what the command says and waits until it says its address.
    ///
    /// # Panics
    /// When it does not, with what it wrote to stderr.
    #[must_use]
    pub fn start(mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the server can be started");
        let said = Arc::new(Mutex::new(String::new()));
        let (stderr, heard) = (child.stderr.take().expect("a pipe"), Arc::clone(&said));
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stderr);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                heard.lock().expect("a lock").push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        let (mut line, mut stdout) = (String::new(), BufReader::new(child.stdout.take().expect("a pipe")));
        let _ = stdout.read_line(&mut line);
        std::thread::spawn(move || stdout.read_to_end(&mut Vec::new()));
        let address = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        let served = Self { child, address, said };
        assert!(!served.address.is_empty(), "the server did not start: `{line}`\n{}", served.said());
        served
    }

    /// A command that runs a program of ours from a shell in which a file's greatest length is an error and not the end: what a full
    /// disk is to a program can be brought about from outside, by `prlimit`.
    #[must_use]
    pub fn bounded(program: &std::path::Path) -> Command {
        let mut shell = command(std::path::Path::new("bash"));
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(program);
        shell
    }

    /// What it wrote to stderr so far.
    ///
    /// # Panics
    /// Never in practice.
    #[must_use]
    pub fn said(&self) -> String {
        self.said.lock().expect("a lock").clone()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> String {
        self.child.id().to_string()
    }

    /// Its address and a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Host and port.
    #[must_use]
    pub fn socket(&self) -> &str {
        self.address.trim_start_matches("http://")
    }

    /// Asks for a path.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    pub fn read(&self, path: &str) -> Answer {
        send(client().get(self.url(path))).unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.said()))
    }

    /// Whether it takes a new connection.
    #[must_use]
    pub fn accepts(&self) -> bool {
        TcpStream::connect(self.socket()).is_ok()
    }

    /// Asks it to end, by the signal that systemd sends.
    ///
    /// # Panics
    /// When it can't be asked.
    pub fn ask_to_end(&self) {
        assert!(Command::new("kill").args(["-TERM", &self.id()]).status().expect("kill").success());
    }

    /// Waits for its end; the exit code.
    ///
    /// # Panics
    /// When it does not end within forty seconds.
    pub fn ended(&mut self) -> i32 {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(40) {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.code().unwrap_or(-1);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not end\n{}", self.said());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
