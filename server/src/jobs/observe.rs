//! Observing on a schedule: the client's program run as a child, which looks at sites and registers what it saw over HTTP.
//!
//! Deliberately absent: any code of the client. What this job knows of it is one command line and its exit codes.

use std::fs::{File, OpenOptions};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use cleartitle_schema::issuer::Domain;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::interval;
use crate::data_dir::DataDir;

/// The client's program, where no other is named.
const CLIENT: &str = "cleartitle";

/// The longest delay of the first run, so that a fleet started together does not visit a site together.
const FIRST: Duration = Duration::from_secs(60);

/// The wait after a first failure; each further one doubles it, up to the interval.
const RETRY: Duration = Duration::from_secs(300);

/// The shortest time after which a run counts as stuck.
const STUCK: Duration = Duration::from_secs(3600);

/// How much of a line of the child's output is passed on.
const LINE: usize = 2000;

/// Flags of `serve` about observing.
#[derive(Debug, Clone, clap::Args)]
pub struct Flags {
    /// Observe these sites on a schedule: a file with one host a line.
    #[arg(long = "observe-sites", value_name = "FILE", requires_all = ["observe_key", "observe_issuer"])]
    observe_sites: Option<PathBuf>,
    /// How often: a number with s, m, h or d.
    #[arg(long, value_name = "INTERVAL", default_value = "24h", value_parser = interval, requires = "observe_sites")]
    observe_every: Duration,
    /// The observer's private key, bound to --observe-issuer.
    #[arg(long, value_name = "FILE", requires = "observe_sites")]
    observe_key: Option<PathBuf>,
    /// In whose name observations are registered.
    #[arg(long, value_name = "DOMAIN", requires = "observe_sites")]
    observe_issuer: Option<Domain>,
    /// The client's program. Left out: `cleartitle` beside this program, else on PATH.
    #[arg(long, value_name = "PROGRAM", requires = "observe_sites")]
    observe_command: Option<PathBuf>,
}

/// A job that can be started: its program and files were there when it was made.
#[derive(Debug, Clone)]
pub struct Job {
    program: PathBuf,
    sites: PathBuf,
    key: PathBuf,
    issuer: Domain,
    every: Duration,
    out: PathBuf,
    lock: PathBuf,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Every site was dealt with.
    Done,
    /// It ended by itself; some sites could not be read (exit code 1). Trying them all again at once would be impolite.
    Partly,
    /// It could not do the job, or never began.
    Failed,
    /// It was killed, since it did not end.
    Stuck,
    /// An earlier run still goes on: one of a server that was killed.
    Held,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Partly => "partly",
            Self::Failed => "failed",
            Self::Stuck => "stuck",
            Self::Held => "held",
        }
    }
}

impl Flags {
    /// The job that the flags ask for; `None` where they ask for none.
    ///
    /// # Errors
    /// When the program or a file is missing: at the start, where somebody looks, and not a day later.
    pub fn job(self, data: &DataDir) -> anyhow::Result<Option<Job>> {
        let (Some(sites), Some(key), Some(issuer)) = (self.observe_sites, self.observe_key, self.observe_issuer) else {
            return Ok(None);
        };
        for (flag, path) in [("--observe-sites", &sites), ("--observe-key", &key)] {
            File::open(path).with_context(|| format!("{flag} `{}`", path.display()))?;
        }
        let own = std::env::current_exe().ok();
        let beside = own.as_deref().and_then(Path::parent);
        let program = program(self.observe_command.as_deref(), beside, std::env::var_os("PATH").as_deref())?;
        let (out, lock) = (data.observed(), data.observing());
        Ok(Some(Job { program, sites, key, issuer, every: self.observe_every, out, lock }))
    }
}

/// Where the client's program lies.
fn program(named: Option<&Path>, beside: Option<&Path>, path: Option<&std::ffi::OsStr>) -> anyhow::Result<PathBuf> {
    let hint = "hint: install the client (`cargo install --path client`), or name it with --observe-command PROGRAM";
    if let Some(named) = named.filter(|named| named.components().count() > 1) {
        anyhow::ensure!(runs(named), "--observe-command `{}` is no program\n{hint}", named.display());
        return Ok(named.to_owned());
    }
    let name = named.unwrap_or(Path::new(CLIENT));
    let beside = beside.filter(|_| named.is_none()).map(Path::to_owned);
    let folders = beside.into_iter().chain(path.iter().flat_map(std::env::split_paths));
    let found = folders.map(|folder| folder.join(name)).find(|program| runs(program));
    let place = if named.is_none() { "beside this program nor on PATH" } else { "on PATH" };
    let neither = if named.is_none() { "neither " } else { "not " };
    found.with_context(|| format!("`{}` is {neither}{place}, and observing needs it\n{hint}", name.display()))
}

#[cfg(unix)]
fn runs(program: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(program).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn runs(program: &Path) -> bool {
    program.is_file()
}

/// The address under which a child on this machine reaches the server: a server on every address is on loopback too.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// A random part of a duration.
fn part_of(whole: Duration) -> Duration {
    let mut bytes = [0; 4];
    // Without randomness the schedule is merely even.
    let _ = getrandom::fill(&mut bytes);
    whole.mul_f64(f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
}

/// How long to wait after a run. `failures` counts those in a row: soon again after the first, ever later, never less often
/// than the interval says. A tenth more, by chance, keeps observers from marching in step.
fn pause(every: Duration, failures: u32) -> Duration {
    let wait = match failures.checked_sub(1) {
        None => every,
        Some(doublings) => RETRY.saturating_mul(2_u32.saturating_pow(doublings)).min(every),
    };
    wait + part_of(wait / 10)
}

impl Job {
    /// Runs at the interval until it is dropped; a child that runs then is killed.
    pub async fn run(self, address: SocketAddr) {
        let (address, mut failures) = (reachable(address), 0_u32);
        tokio::time::sleep(part_of((self.every / 10).min(FIRST))).await;
        loop {
            let begun = Instant::now();
            let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            metrics::gauge!("cleartitle_observe_last_start_seconds").set(started.as_secs_f64());
            let outcome = self.once(address).await;
            failures = match outcome {
                Outcome::Done | Outcome::Partly => 0,
                Outcome::Failed | Outcome::Stuck | Outcome::Held => failures.saturating_add(1),
            };
            metrics::counter!("cleartitle_observe_runs_total", "outcome" => outcome.word()).increment(1);
            metrics::gauge!("cleartitle_observe_last_duration_seconds").set(begun.elapsed().as_secs_f64());
            metrics::gauge!("cleartitle_observe_failures_in_a_row").set(f64::from(failures));
            let wait = pause(self.every, failures);
            tracing::info!(outcome = outcome.word(), failures, next_in = ?wait, "observing");
            tokio::time::sleep(wait).await;
        }
    }

    async fn once(&self, address: SocketAddr) -> Outcome {
        let Some(held) = self.hold() else { return Outcome::Held };
        let mut child = match self.command(address, held).spawn() {
            Ok(child) => child,
            Err(error) => {
                tracing::warn!(%error, program = %self.program.display(), "the observer did not start");
                return Outcome::Failed;
            }
        };
        metrics::gauge!("cleartitle_observe_running").set(1.0);
        let outcome = match tokio::time::timeout((self.every * 2).max(STUCK), told(&mut child)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let _ = child.kill().await;
                tracing::warn!("the observer did not end and was killed");
                Outcome::Stuck
            }
        };
        metrics::gauge!("cleartitle_observe_running").set(0.0);
        outcome
    }

    /// Takes the lock on observing. The child holds it as its stdin, so that it lasts exactly as long as the child, also
    /// when the server is killed and started again meanwhile: never two at once.
    fn hold(&self) -> Option<File> {
        let opened = std::fs::create_dir_all(&self.out)
            .and_then(|()| OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&self.lock));
        let file = opened.inspect_err(|error| tracing::warn!(%error, "the observer's folder")).ok()?;
        file.try_lock().inspect_err(|error| tracing::warn!(%error, "another run of the observer goes on")).ok()?;
        Some(file)
    }

    fn command(&self, address: SocketAddr, held: File) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("observe").arg("--sites").arg(&self.sites).arg("--out").arg(&self.out);
        command.args(["--registry", &format!("http://{address}")]).arg("--key").arg(&self.key);
        command.args(["--issuer", self.issuer.as_str()]);
        command.stdin(Stdio::from(held)).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }
}

/// Passes on what a child says until it ends.
async fn told(child: &mut Child) -> Outcome {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ((), (), ended) = tokio::join!(
        pass_on(stdout, |line| tracing::info!(target: "cleartitle_server::observe", "{line}")),
        pass_on(stderr, |line| tracing::warn!(target: "cleartitle_server::observe", "{line}")),
        child.wait(),
    );
    let code = ended.ok().and_then(|status| status.code());
    metrics::gauge!("cleartitle_observe_last_exit_code").set(code.map_or(-1.0, f64::from));
    match code {
        Some(0) => Outcome::Done,
        Some(1) => Outcome::Partly,
        code => {
            tracing::warn!(code, "the observer failed");
            Outcome::Failed
        }
    }
}

/// Passes on each line, its beginning alone and without control characters: it may quote what a hostile site serves, and the
/// operator reads it in a terminal.
async fn pass_on(output: Option<impl AsyncRead + Unpin>, mut tell: impl FnMut(&str)) {
    let Some(output) = output else { return };
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        let piece = match output.fill_buf().await {
            Ok(piece) if !piece.is_empty() => piece,
            _ => break,
        };
        let end = piece.iter().position(|byte| *byte == b'\n');
        let taken = &piece[..end.unwrap_or(piece.len())];
        line.extend_from_slice(&taken[..taken.len().min(LINE - line.len())]);
        let used = taken.len() + usize::from(end.is_some());
        output.consume(used);
        if end.is_some() {
            tell(&plain(&line));
            line.clear();
        }
    }
    if !line.is_empty() {
        tell(&plain(&line));
    }
}

fn plain(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().filter(|letter| !letter.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_and_bounded() {
        for (text, seconds) in [("1s", 1), ("15m", 900), ("24h", 86_400), ("365d", 365 * 86_400)] {
            assert_eq!(interval(text), Ok(Duration::from_secs(seconds)));
        }
        for wrong in ["", "s", "24", "0s", "-1h", "1.5h", "24hh", "366d", "99999999999d", "1 h", "+1h", "1w", "1é"] {
            assert!(interval(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn failures_are_tried_again_ever_later_and_never_less_often_than_the_interval() {
        let day = Duration::from_secs(86_400);
        for (failures, seconds) in
            [(0, 86_400), (1, 300), (2, 600), (5, 4800), (9, 76_800), (10, 86_400), (4_000, 86_400)]
        {
            let wait = pause(day, failures);
            let least = Duration::from_secs(seconds);
            assert!(wait >= least && wait <= least + least / 10, "{failures}: {wait:?}");
        }
        assert!(pause(Duration::from_secs(1), 3) <= Duration::from_millis(1100));
    }

    #[test]
    fn the_program_is_looked_for_beside_and_on_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let [beside, path] = ["beside", "path"].map(|name| folder.path().join(name));
        let found =
            |named: Option<&Path>| program(named, Some(&beside), Some(path.as_os_str())).map_err(|it| it.to_string());
        let place = |folder: &Path, mode: u32| {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join(CLIENT), "").unwrap();
            #[cfg(unix)]
            std::fs::set_permissions(folder.join(CLIENT), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        };
        let missing = found(None).unwrap_err();
        assert!(missing.contains("neither beside this program nor on PATH") && missing.contains("hint:"), "{missing}");
        place(&path, 0o644);
        assert!(found(None).is_err(), "a file that does not run is no program");
        place(&path, 0o755);
        assert_eq!(found(None), Ok(path.join(CLIENT)));
        assert_eq!(found(Some(Path::new(CLIENT))), Ok(path.join(CLIENT)));
        place(&beside, 0o755);
        assert_eq!(found(None), Ok(beside.join(CLIENT)));
        assert_eq!(found(Some(&path.join(CLIENT))), Ok(path.join(CLIENT)));
        assert!(found(Some(&path.join("other"))).unwrap_err().contains("hint:"));
    }

    #[test]
    fn a_child_reaches_a_server_that_listens_everywhere() {
        for (bound, reached) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:81", "[::1]:81"), ("192.0.2.7:82", "192.0.2.7:82")]
        {
            assert_eq!(reachable(bound.parse().unwrap()), reached.parse().unwrap());
        }
    }

    #[tokio::test]
    async fn lines_of_any_length_are_cut_and_cleaned() {
        let text = format!("a\u{1b}[31mb\r\n{}\n\nlast", "x".repeat(100_000));
        let mut lines = Vec::new();
        pass_on(Some(text.as_bytes()), |line| lines.push(line.to_owned())).await;
        assert_eq!(lines, ["a[31mb".to_owned(), "x".repeat(LINE), String::new(), "last".to_owned()]);
    }
}
