//! A witness as a real process: on a free port at first and on the same one ever after, killed with -9, started again.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Mutex;

use crate::binaries::{command, server_path};
use crate::http::{Answer, client, send};

/// A witness of some logs.
pub struct Witness {
    folder: tempfile::TempDir,
    name: String,
    logs: Vec<String>,
    process: Mutex<Option<Child>>,
    address: Mutex<String>,
}

impl Witness {
    /// Starts a witness of these logs, given by their keys.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(name: &str, logs: &[String]) -> Self {
        let witness = Self {
            folder: tempfile::tempdir().expect("a folder"),
            name: name.to_owned(),
            logs: logs.to_vec(),
            process: Mutex::new(None),
            address: Mutex::new("127.0.0.1:0".to_owned()),
        };
        witness.begin();
        witness
    }

    /// Its folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the process, which must not be running.
    ///
    /// # Panics
    /// When it does not say its address, with what it wrote to stderr.
    pub fn begin(&self) {
        let mut process = self.process.lock().expect("a lock");
        assert!(process.is_none(), "the witness runs already");
        let mut address = self.address.lock().expect("a lock");
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("stderr.txt"));
        let mut command = command(server_path());
        command.args(["witness", "--name", &self.name, "--listen", &address, "--data"]).arg(self.data());
        self.logs.iter().for_each(|key| _ = command.args(["--log", key]));
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(log.expect("a log file"))
            .spawn()
            .expect("the witness can be started");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let _ = stdout.read_line(&mut line);
        let said = line.trim().strip_prefix("listening on http://").unwrap_or_default().to_owned();
        if said.is_empty() {
            let _ = child.kill();
            let _ = child.wait();
            let told = std::fs::read_to_string(self.folder.path().join("stderr.txt")).unwrap_or_default();
            panic!("the witness did not start: `{line}`\n{told}");
        }
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        *address = said;
        *process = Some(child);
    }

    /// Kills the process with signal 9.
    ///
    /// # Panics
    /// When it can't be killed.
    pub fn kill(&self) {
        if let Some(mut child) = self.process.lock().expect("a lock").take() {
            child.kill().expect("signal 9");
            child.wait().expect("an end");
        }
    }

    /// Its address and a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address.lock().expect("a lock"))
    }

    /// Its verifier key.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn key(&self) -> String {
        std::fs::read_to_string(self.data().join("witness.pub")).expect("the witness's key").trim().to_owned()
    }

    /// The flag's value by which a registry is told of it.
    #[must_use]
    pub fn flag(&self) -> String {
        format!("{}={}", self.url(""), self.key())
    }

    /// Sends a body of `add-checkpoint`.
    ///
    /// # Errors
    /// Whatever the transport gives.
    pub fn try_add(&self, body: &str) -> Result<Answer, reqwest::Error> {
        send(client().post(self.url("/add-checkpoint")).body(body.to_owned()))
    }

    /// Sends a body of `add-checkpoint`.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    pub fn add(&self, body: &str) -> Answer {
        self.try_add(body).expect("an answer")
    }

    /// Asks for a path.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    pub fn read(&self, path: &str) -> Answer {
        send(client().get(self.url(path))).expect("an answer")
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if let Ok(mut process) = self.process.lock()
            && let Some(mut child) = process.take()
        {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
