//! The peers that are Python: a child that times its own work, so that starting the interpreter and importing are left out.

use crate::clock::Took;
use crate::rounds::{Answer, Run};
use serde::Deserialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

pub const WHY: &str = "no --python with the packages of client/benches/requirements.txt";
const CURE: &str = "client/benches/run makes one";

/// What a child is asked to do, and over which files.
pub struct Peer {
    python: PathBuf,
    work: &'static str,
    reserved: PathBuf,
    inputs: PathBuf,
}

/// What `peers.py` prints.
#[derive(Deserialize)]
struct Told {
    seconds: f64,
    cores: f64,
    kept: u64,
    digest: String,
    wrote: u64,
}

impl Peer {
    /// `reserved` is the file of hosts that are dropped, `inputs` the folder of files.
    pub fn new(python: Option<&Path>, work: &'static str, reserved: &Path, inputs: &Path) -> Option<Self> {
        let (reserved, inputs) = (reserved.to_owned(), inputs.to_owned());
        python.map(|python| Self { python: python.to_owned(), work, reserved, inputs })
    }

    /// Runs the child to its end.
    pub fn run(&mut self) -> Run {
        let out = tempfile::tempdir().expect("a folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/peers.py");
        let mut command = Command::new(&self.python);
        command.arg(script).arg(self.work).args([&self.reserved, &self.inputs]).arg(out.path());
        command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
        let output = command.output().unwrap_or_else(|error| panic!("{}: {error}", self.python.display()));
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "peers.py {} fails: {talk}", self.work);
        let told: Told = serde_json::from_slice(&output.stdout).expect("peers.py prints JSON");
        let cores = Some(Duration::from_secs_f64(told.cores));
        Run {
            took: Took { clock: Duration::from_secs_f64(told.seconds), cores },
            answer: Some(Answer { count: told.kept, digest: told.digest }),
            wrote: Some(told.wrote),
            count: 1,
        }
    }
}

/// Says that a contender was not run and counts it, as the tests do; with `CLEARTITLE_REQUIRE=all` that is a failure.
pub fn not_run(contender: &str) {
    let line = format!("NOT RUN: {contender}: {WHY} ({CURE})");
    eprintln!("{line}");
    if let Some(summary) = std::env::var_os("CLEARTITLE_NOT_RUN") {
        let file = std::fs::File::options().create(true).append(true).open(summary);
        let written = file.and_then(|mut file| writeln!(file, "{line}"));
        written.expect("the list of what was not run can be written");
    }
    assert!(std::env::var("CLEARTITLE_REQUIRE").as_deref() != Ok("all"), "{line}");
}
