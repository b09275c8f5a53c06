//! A real PostgreSQL, started by the test itself in a folder of its own: one cluster for the process with a database for each test, and
//! pairs of a primary and its standby for tests that kill one.

mod trouble;

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::independent;

const CURE: &str = "apt-get install postgresql-15";

/// Where the programs are.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|it| it.path().join("bin")).collect();
    found.retain(|bin| bin.join("initdb").is_file());
    found.sort();
    found.pop()
}

/// A command that PostgreSQL's programs agree to be run by: they refuse root.
fn command(program: &Path) -> Command {
    let root = Command::new("id").arg("-u").output().is_ok_and(|said| said.stdout == b"0\n");
    let mut command = if root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/").stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> String {
    let line = format!("{command:?}");
    let output = command.stderr(Stdio::piped()).output().expect("the program can be started");
    assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// A running server of PostgreSQL. Whatever becomes of the test, it is stopped and its folder deleted.
pub struct Postgres {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Reads a pipe that closes with this process, however that ends, and cleans up then.
    watch: Option<Child>,
}

static MADE: AtomicU32 = AtomicU32::new(0);

impl Postgres {
    /// Starts an empty server with these settings; `None` after saying so where there is none to start.
    ///
    /// # Panics
    /// When it is there and does not start.
    #[must_use]
    pub fn start(check: &str, settings: &[&str]) -> Option<Self> {
        let Some(bin) = programs() else {
            independent::not_run(check, "no PostgreSQL in /usr/lib/postgresql", CURE);
            return None;
        };
        let server = Self::folder(bin);
        let mut make = command(&server.bin.join("initdb"));
        make.args(["-U", "reg", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"]).arg(server.data());
        run(make.stdout(Stdio::null()));
        server.begin(settings);
        Some(server)
    }

    fn folder(bin: PathBuf) -> Self {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("cleartitle-postgres-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder");
        let owned = Command::new("chown").arg("postgres:").arg(&folder).stderr(Stdio::null()).status();
        let _ = owned.expect("chown can be started");
        let stop = command(&bin.join("pg_ctl"));
        let stop: Vec<String> = std::iter::once(stop.get_program())
            .chain(stop.get_args())
            .map(|it| it.to_string_lossy().into_owned())
            .collect();
        let script = format!(
            "cat > /dev/null; {} -D {folder}/data -m immediate stop > /dev/null 2>&1; rm -rf {folder}",
            stop.join(" "),
            folder = folder.display()
        );
        let mut watch = Command::new("sh");
        watch.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Out of the terminal's group: a test that is interrupted by hand is cleaned up too.
        std::os::unix::process::CommandExt::process_group(&mut watch, 0);
        let watch = watch.spawn().expect("a shell");
        Self { bin, folder, port: free_port(), watch: Some(watch) }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Starts the server, which must not be running.
    ///
    /// # Panics
    /// When it does not start.
    pub fn begin(&self, settings: &[&str]) {
        let mut options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -k {} -c fsync=off -c max_connections=400 -c shared_buffers=64MB",
            self.port,
            self.folder.display()
        );
        settings.iter().for_each(|setting| options.push_str(&format!(" -c {setting}")));
        let mut start = command(&self.bin.join("pg_ctl"));
        start.args(["-w", "-t", "60", "-l"]).arg(self.folder.join("log")).arg("-D").arg(self.data());
        let begun = start.args(["-o", &options, "start"]).stdout(Stdio::null()).status();
        assert!(begun.is_ok_and(|status| status.success()), "PostgreSQL does not start\n{}", self.told());
    }

    /// A standby of this server, which streams what it writes.
    ///
    /// # Panics
    /// When it can't be made.
    #[must_use]
    pub fn standby(&self, name: &str) -> Self {
        let other = Self::folder(self.bin.clone());
        let mut copy = command(&self.bin.join("pg_basebackup"));
        let from = format!("host=127.0.0.1 port={} user=reg application_name={name}", self.port);
        copy.args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", &from, "-D"]).arg(other.data());
        run(&mut copy);
        other.begin(&[]);
        other
    }

    /// Makes a standby the primary.
    ///
    /// # Panics
    /// When it can't be.
    pub fn promote(&self) {
        let mut promote = command(&self.bin.join("pg_ctl"));
        promote.args(["-w", "-D"]).arg(self.data()).arg("promote").stdout(Stdio::null());
        run(&mut promote);
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Runs SQL in a database and gives what it printed, unaligned.
    ///
    /// # Panics
    /// When it fails.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let mut ask = command(&self.bin.join("psql"));
        ask.args([
            "-X",
            "-A",
            "-t",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-U",
            "reg",
            "-d",
            database,
            "-c",
            sql,
        ]);
        run(ask.args(["-p", &self.port.to_string()]))
    }

    /// Makes an empty database and gives its address.
    ///
    /// # Panics
    /// When it can't be made.
    #[must_use]
    pub fn database(&self) -> String {
        self.database_with("")
    }

    fn database_with(&self, more: &str) -> String {
        let name = format!("reg_{}", MADE.fetch_add(1, Ordering::Relaxed));
        let _ = self.sql("postgres", &format!("CREATE DATABASE {name} {more}"));
        format!("postgres://reg@{}/{name}", self.host())
    }

    /// What the server wrote to its log so far.
    #[must_use]
    pub fn told(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut watch) = self.watch.take() {
            let pipe = watch.stdin.take();
            let _ = pipe.map(|mut pipe| pipe.flush());
            let _ = watch.wait();
        }
    }
}

/// An empty database of the process's own server; `None` after saying so where there is none.
#[must_use]
pub fn database(check: &str) -> Option<String> {
    shared(check).map(Postgres::database)
}

/// The server that the tests of this process share.
#[must_use]
pub fn shared(check: &str) -> Option<&'static Postgres> {
    static SERVER: OnceLock<Option<Postgres>> = OnceLock::new();
    SERVER.get_or_init(|| Postgres::start(check, &[])).as_ref()
}

/// A copy of a database of the shared server, which nobody may be using.
///
/// # Panics
/// When it can't be made.
#[must_use]
pub fn copy(address: &str) -> String {
    let server = shared("a copy of a database").expect("a server");
    let (name, from) = (format!("reg_{}", MADE.fetch_add(1, Ordering::Relaxed)), address.rsplit('/').next());
    let _ = server.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {}", from.unwrap_or_default()));
    format!("postgres://reg@{}/{name}", server.host())
}

/// Whether all registries of the tests are to stand on PostgreSQL: `CLEARTITLE_TEST_DATABASE=postgres`.
#[must_use]
pub fn everywhere() -> bool {
    std::env::var("CLEARTITLE_TEST_DATABASE").as_deref() == Ok("postgres")
}
