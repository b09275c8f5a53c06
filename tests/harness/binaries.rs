//! The two real programs, built once by cargo in the profile of the tests, and runs of them with everything they said.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

struct Programs {
    client: PathBuf,
    server: PathBuf,
}

fn programs() -> &'static Programs {
    static BUILT: OnceLock<Programs> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        // The whole workspace: the same features as the tests were built with, so that nothing is compiled twice.
        build.args(["build", "--workspace", "--bins", "--message-format=json"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let output = build.current_dir(crate::root()).stderr(Stdio::inherit()).output().expect("cargo can be started");
        assert!(output.status.success(), "the programs don't build");
        let told = String::from_utf8(output.stdout).expect("cargo speaks UTF-8");
        let find = |name: &str| {
            let messages = told.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            let mut built = messages.filter(|it| it["target"]["name"] == name && it["executable"].is_string());
            PathBuf::from(
                built.next_back().unwrap_or_else(|| panic!("cargo built no `{name}`"))["executable"]
                    .as_str()
                    .unwrap_or_default(),
            )
        };
        Programs { client: find("cleartitle"), server: find("cleartitle-server") }
    })
}

/// The path of the client's program.
#[must_use]
pub fn client_path() -> &'static Path {
    &programs().client
}

/// The path of the server's program.
#[must_use]
pub fn server_path() -> &'static Path {
    &programs().server
}

/// What a program did.
#[derive(Debug)]
pub struct Ran {
    /// Its arguments, for messages.
    pub line: String,
    /// Its exit code; -1 after a signal.
    pub code: i32,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Ran {
    /// Fails unless the exit code is this one.
    ///
    /// # Panics
    /// With everything the program said.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n--- stdout\n{}\n--- stderr\n{}", self.line, self.stdout, self.stderr);
        self
    }
}

/// What a program said, as text.
#[must_use]
pub fn ran(line: String, output: Output) -> Ran {
    Ran {
        line,
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A command without the caller's settings, so that a developer's environment changes no transcript.
#[must_use]
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CLEARTITLE") || name.ends_with("_proxy") || name.ends_with("_PROXY") {
            command.env_remove(name);
        }
    }
    command.env("NO_COLOR", "1").env("COLUMNS", "120").stdin(Stdio::null());
    command
}

/// Runs a program to its end.
///
/// # Panics
/// When it can't be started.
pub fn run<S: AsRef<OsStr>>(program: &Path, arguments: &[S], folder: Option<&Path>) -> Ran {
    let mut command = command(program);
    command.args(arguments);
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    let line = format!("{command:?}");
    ran(line, command.output().expect("the program can be started"))
}

/// Runs `cleartitle`.
pub fn cleartitle<S: AsRef<OsStr>>(arguments: &[S]) -> Ran {
    run(client_path(), arguments, None)
}

/// Runs `cleartitle-server`.
pub fn cleartitle_server<S: AsRef<OsStr>>(arguments: &[S]) -> Ran {
    let mut command = command(server_path());
    command.args(arguments);
    let folder =
        arguments.iter().position(|argument| argument.as_ref() == "--data").and_then(|at| arguments.get(at + 1));
    let database = folder.and_then(|folder| crate::server::database_of(Path::new(folder.as_ref())));
    command.envs(database.map(|address| ("CLEARTITLE_DATABASE", address)));
    command.envs(folder.map_or_else(Vec::new, |folder| crate::server::objects_of(Path::new(folder.as_ref()))));
    let line = format!("{command:?}");
    ran(line, command.output().expect("the program can be started"))
}
