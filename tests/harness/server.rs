//! A registry as a real process on a free port in a folder of its own: started, asked, killed with -9, started again.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use cleartitle_schema::signed::Envelope;
use serde_json::Value;

use crate::binaries::{command, server_path};
use crate::http::{Answer, client, send};
use crate::objects::{self, Objects};
use crate::postgres;
use crate::publisher::Publisher;
use crate::{Ran, audit, cleartitle_server};

/// The origin of the tests' logs.
pub const ORIGIN: &str = "registry.example/log";

/// Flags of a registry that is asked as fast as it answers.
pub const UNLIMITED: [&str; 4] = ["--rate-address", "1000000/1000000", "--rate-key", "1000000/1000000"];

/// A registry and everything that it has acknowledged.
pub struct Registry {
    folder: tempfile::TempDir,
    process: Mutex<Option<Child>>,
    address: Mutex<String>,
    acknowledged: Mutex<Vec<Value>>,
    flags: Mutex<Vec<String>>,
    environment: Mutex<Vec<(String, String)>>,
    log: &'static str,
}

impl Registry {
    /// Starts an empty registry.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts an empty registry with these flags of `serve` besides.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_with(flags: &[&str]) -> Self {
        Self::start_telling("warn", flags)
    }

    /// Starts an empty registry that logs as much as this filter lets through.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_telling(log: &'static str, flags: &[&str]) -> Self {
        let registry = Self::empty(log, flags);
        if postgres::everywhere() {
            registry.use_database(&postgres::database("registries on PostgreSQL").expect("a database"));
        }
        if objects::everywhere() {
            registry.use_objects(objects::shared("registries on S3").expect("a server"));
        }
        registry.begin();
        registry
    }

    /// Starts an empty registry in its folder whatever the others stand on: for tests of that folder's own files.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn in_folder(log: &'static str) -> Self {
        Self::in_folder_with(log, &[])
    }

    /// The same with these flags of `serve` besides.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn in_folder_with(log: &'static str, flags: &[&str]) -> Self {
        let registry = Self::empty(log, flags);
        registry.begin();
        registry
    }

    fn empty(log: &'static str, flags: &[&str]) -> Self {
        Self {
            log,
            folder: tempfile::tempdir().expect("a folder"),
            process: Mutex::new(None),
            address: Mutex::new(String::new()),
            acknowledged: Mutex::new(Vec::new()),
            flags: Mutex::new(flags.iter().map(ToString::to_string).collect()),
            environment: Mutex::default(),
        }
    }

    /// Starts an empty registry, with everything that belongs to it below this folder.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn below(folder: &Path, flags: &[&str]) -> Self {
        let mut registry = Self::empty("warn", flags);
        registry.folder = tempfile::tempdir_in(folder).expect("a folder");
        registry.begin();
        registry
    }

    /// Starts a registry on this PostgreSQL database, as the log's first server or, with the folder of another, as one more.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn on_postgres(address: &str, beside: Option<&Self>) -> Self {
        Self::on_postgres_with(address, beside, None)
    }

    /// The same, whose objects lie at this address of a server.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn on_postgres_with(address: &str, beside: Option<&Self>, objects: Option<&Objects>) -> Self {
        let registry = Self::empty("warn", &UNLIMITED);
        registry.use_database(address);
        if let Some(first) = beside {
            copy_folder(&first.data().join("keys"), &registry.data().join("keys"));
            let _ = std::fs::copy(first.folder.path().join(OBJECTS), registry.folder.path().join(OBJECTS));
        } else if let Some(server) = objects {
            registry.use_objects(server);
        } else if objects::everywhere() {
            registry.use_objects(objects::shared("registries on S3").expect("a server"));
        }
        registry.begin();
        registry
    }

    /// Has every command about this data folder use a database elsewhere: see [`database_of`].
    ///
    /// # Panics
    /// When that can't be written down.
    pub fn use_database(&self, address: &str) {
        std::fs::write(self.folder.path().join(DATABASE), address).expect("a file");
    }

    /// Starts an empty registry in its folder, with these flags, whose objects lie at an address of this server; with the address.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn with_objects(server: &Objects, flags: &[&str]) -> (Self, String) {
        let registry = Self::empty("info", flags);
        let address = registry.use_objects(server);
        registry.begin();
        (registry, address)
    }

    /// Has every command about this data folder use a bucket of its own: see [`objects_of`]. Returns its address.
    ///
    /// # Panics
    /// When that can't be written down.
    pub fn use_objects(&self, server: &Objects) -> String {
        let address = server.address();
        self.use_objects_at(&address, &server.environment());
        address
    }

    /// The same with this address, found by these variables.
    ///
    /// # Panics
    /// When that can't be written down.
    pub fn use_objects_at(&self, address: &str, environment: &[(&'static str, String)]) {
        let mut lines = format!("CLEARTITLE_OBJECTS={address}\n");
        environment.iter().for_each(|(name, value)| lines.push_str(&format!("{name}={value}\n")));
        std::fs::write(self.folder.path().join(OBJECTS), lines).expect("a file");
    }

    /// Starts a registry in which `press.example` reserves training and `open.example` grants it.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn with_press_and_open() -> Self {
        Self::start().and_press_and_open()
    }

    /// The same registry, in which `press.example` reserves training and `open.example` grants it.
    ///
    /// # Panics
    /// When a statement is refused.
    #[must_use]
    pub fn and_press_and_open(self) -> Self {
        let registry = self;
        let press = registry.publisher("press.example");
        registry.register(&press, &press.reservation("press.example"));
        let open = registry.publisher("open.example");
        registry.register(&open, &open.grant("open.example"));
        registry
    }

    /// Starts a registry on a copy of this one's data, which must be stopped.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn copy(&self) -> Self {
        assert!(self.process.lock().expect("a lock").is_none(), "stop the registry before copying it");
        let other = Self::unstarted(self.acknowledged(), &[]);
        other.flags.lock().expect("a lock").clone_from(&self.flags.lock().expect("a lock"));
        copy_folder(&self.data(), &other.data());
        if let Some(database) = database_of(&self.data()) {
            other.use_database(&postgres::copy(&database));
        }
        if let Some((_, address)) = objects_of(&self.data()).into_iter().find(|(name, _)| name == "CLEARTITLE_OBJECTS")
        {
            let server = objects::shared("a copy of a bucket").expect("a server");
            let copied = other.use_objects(server);
            server.copy(&objects::prefix_of(&address), &objects::prefix_of(&copied));
        }
        other.begin();
        other
    }

    /// A registry whose folder is not there yet, and which is not running; `acknowledged` is what it must hold when it does.
    ///
    /// # Panics
    /// When there can be no folder.
    #[must_use]
    pub fn unstarted(acknowledged: Vec<Value>, flags: &[&str]) -> Self {
        let other = Self::empty("warn", flags);
        *other.acknowledged.lock().expect("a lock") = acknowledged;
        other
    }

    /// Restores a backup into an empty folder by the real program and starts a registry on it; `acknowledged` is what it
    /// must hold.
    ///
    /// # Panics
    /// When it is not restored or does not start.
    #[must_use]
    pub fn restored(archive: &Path, acknowledged: Vec<Value>, flags: &[&str]) -> Self {
        let other = Self::unstarted(acknowledged, flags);
        let (data, archive) = (other.data().display().to_string(), archive.display().to_string());
        let _ = cleartitle_server(&["restore", "--data", &data, &archive]).exits(0);
        other.begin();
        other
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder for the test's own files.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the process, which must not be running, and waits until it says its address.
    ///
    /// # Panics
    /// When it doesn't within a minute, with what it wrote to stderr.
    pub fn begin(&self) {
        let mut process = self.process.lock().expect("a lock");
        assert!(process.is_none(), "the registry runs already");
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("stderr.txt"));
        let mut child = command(server_path())
            .args(["serve", "--listen", "127.0.0.1:0", "--origin", ORIGIN, "--data"])
            .arg(self.data())
            .args(self.flags.lock().expect("a lock").iter())
            .env("CLEARTITLE_LOG", self.log)
            .envs(self.environment.lock().expect("a lock").iter().cloned())
            .envs(database_of(&self.data()).map(|address| ("CLEARTITLE_DATABASE", address)))
            .envs(objects_of(&self.data()))
            .stdout(Stdio::piped())
            .stderr(log.expect("a log file"))
            .spawn()
            .expect("the server can be started");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let _ = stdout.read_line(&mut line);
        let address = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        if address.is_empty() {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the server did not start: `{line}`\n{}", self.said());
        }
        // The pipe stays read, so that a server that writes more never blocks on it.
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        *self.address.lock().expect("a lock") = address;
        *process = Some(child);
    }

    /// What the server wrote to stderr so far.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr.txt")).unwrap_or_default()
    }

    /// Ends the process and starts it again with these flags in place of the former.
    ///
    /// # Panics
    /// When it does not end or start.
    pub fn restart_with(&self, flags: &[String]) {
        assert_eq!(self.stop(), 0);
        *self.flags.lock().expect("a lock") = flags.to_vec();
        self.begin();
    }

    /// Has the process see these variables besides, from its next start on.
    ///
    /// # Panics
    /// Never in practice.
    pub fn set_environment(&self, variables: &[(&str, &str)]) {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        *self.environment.lock().expect("a lock") = variables.collect();
    }

    /// The log's key, as clients pin it.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn log_key(&self) -> String {
        std::fs::read_to_string(self.data().join("log.pub")).expect("the log's key").trim().to_owned()
    }

    /// Kills the process with signal 9, in the middle of whatever it does.
    ///
    /// # Panics
    /// When it can't be killed.
    pub fn kill(&self) {
        if let Some(mut child) = self.process.lock().expect("a lock").take() {
            child.kill().expect("signal 9");
            child.wait().expect("an end");
        }
    }

    /// Asks the process to end and waits until it has; returns its exit code.
    ///
    /// # Panics
    /// When it is not running or does not end within thirty seconds.
    pub fn stop(&self) -> i32 {
        let mut child = self.process.lock().expect("a lock").take().expect("a running registry");
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        let asked = asked.is_ok_and(|status| status.success());
        let begun = Instant::now();
        while asked && begun.elapsed() < Duration::from_secs(30) {
            if let Ok(Some(status)) = child.try_wait() {
                return status.code().unwrap_or(-1);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        let _ = child.wait();
        panic!("the server did not end within thirty seconds\n{}", self.said());
    }

    /// The server's process id, where it runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.lock().expect("a lock").as_ref().map(Child::id)
    }

    /// The address and a path: `http://127.0.0.1:PORT/PATH`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address.lock().expect("a lock"))
    }

    /// Host and port.
    #[must_use]
    pub fn socket(&self) -> String {
        self.url("").trim_start_matches("https://").trim_start_matches("http://").to_owned()
    }

    /// Asks for a path.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    pub fn read(&self, path: &str) -> Answer {
        send(client().get(self.url(path))).unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.said()))
    }

    /// Sends a body.
    ///
    /// # Errors
    /// Whatever the transport gives.
    pub fn try_post(&self, path: &str, media_type: &str, body: Vec<u8>) -> Result<Answer, reqwest::Error> {
        send(client().post(self.url(path)).header("content-type", media_type).body(body))
    }

    /// Sends a body.
    ///
    /// # Panics
    /// When no answer comes.
    pub fn post(&self, path: &str, media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        let answer = self.try_post(path, media_type, body.into());
        answer.unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.said()))
    }

    /// Brings a blob of evidence.
    ///
    /// # Panics
    /// When no answer comes.
    pub fn put_blob(&self, blob: &str, bytes: &[u8]) -> Answer {
        let path = self.url(&format!("/v1/blobs/{blob}"));
        let request = client().put(path).header("content-type", "application/octet-stream").body(bytes.to_vec());
        send(request).unwrap_or_else(|error| panic!("{blob}: {error}\n{}", self.said()))
    }

    /// Sends JSON.
    pub fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.post(path, "application/json", body.to_string())
    }

    /// What `/metrics` shows under a name, labels and all.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<f64> {
        let text = self.read("/metrics").is(200).text();
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// A publisher whose key is bound, by the real program, beside the running server.
    ///
    /// # Panics
    /// When the key is not bound.
    #[must_use]
    pub fn publisher(&self, domain: &str) -> Publisher {
        let publisher = Publisher::new(domain, ORIGIN);
        self.bind(&publisher).exits(0);
        publisher
    }

    /// Binds a publisher's key by the real program.
    pub fn bind(&self, publisher: &Publisher) -> Ran {
        let public = publisher.write_keys(self.scratch()).with_extension("pub");
        let (data, public) = (self.data().display().to_string(), public.display().to_string());
        cleartitle_server(&["bind-key", "--data", &data, "--issuer", &publisher.domain, "--key", &public])
    }

    /// Sends an envelope without any expectation; what is acknowledged is remembered.
    ///
    /// # Errors
    /// Whatever the transport gives.
    pub fn try_register(&self, envelope: &Envelope) -> Result<Answer, reqwest::Error> {
        let answer = self.try_post("/v1/statements", "application/json", envelope.to_bytes())?;
        if matches!(answer.status, 200 | 201) {
            self.acknowledged.lock().expect("a lock").push(answer.json());
        }
        Ok(answer)
    }

    /// Registers a statement and audits the whole log; returns the registration.
    ///
    /// # Panics
    /// When it is refused or the audit finds something.
    #[track_caller]
    pub fn register(&self, publisher: &Publisher, payload: &Value) -> Value {
        let answer = self.try_register(&publisher.sign(payload)).expect("an answer").is(201);
        self.audit();
        answer.json()
    }

    /// Everything that was acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> Vec<Value> {
        self.acknowledged.lock().expect("a lock").clone()
    }

    /// Remembers a registration that came another way.
    pub fn remember(&self, registration: Value) {
        self.acknowledged.lock().expect("a lock").push(registration);
    }

    /// Fetches the whole log and checks it with code of its own: see [`audit::audit`].
    #[track_caller]
    pub fn audit(&self) {
        audit::audit(self);
    }
}

/// The file beside a data folder that says which database it belongs to.
const DATABASE: &str = "database.url";

/// The database of a registry that has its statements elsewhere than in its data folder.
#[must_use]
pub fn database_of(data: &Path) -> Option<String> {
    std::fs::read_to_string(data.parent()?.join(DATABASE)).ok()
}

/// The file beside a data folder that says by which variables its objects are found.
const OBJECTS: &str = "objects.env";

/// The variables by which the commands about a data folder find its objects; none where they lie in the folder.
#[must_use]
pub fn objects_of(data: &Path) -> Vec<(String, String)> {
    let lines = data.parent().and_then(|folder| std::fs::read_to_string(folder.join(OBJECTS)).ok()).unwrap_or_default();
    lines
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

impl Drop for Registry {
    fn drop(&mut self) {
        if let Ok(mut process) = self.process.lock()
            && let Some(mut child) = process.take()
        {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Copies a folder with everything in it.
///
/// # Panics
/// When a file can't be copied.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a listing") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("a copy");
        }
    }
}
