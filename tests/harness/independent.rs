//! The Python that runs what others wrote (`warcio`, `fastwarc`, `pyarrow`, `schemathesis`, `cryptography`, `protego`, `feedparser`), and what to say without it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Packages that the independent checks import.
const PACKAGES: &str = "import warcio, fastwarc, brotli, blake3, schemathesis, cryptography, protego, pyarrow, feedparser, junitparser, pre_commit";

/// How to get them.
const CURE: &str = "python3 -m venv target/independent/venv && \
target/independent/venv/bin/pip install -r tests/independent/requirements.txt, or set CLEARTITLE_PYTHON";

/// A Python that has the packages; `None` after saying so, and with `CLEARTITLE_REQUIRE=all` a failure.
#[must_use]
pub fn python(check: &str) -> Option<PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let named = std::env::var_os("CLEARTITLE_PYTHON").map(PathBuf::from);
        let made = crate::root().join("target/independent/venv/bin/python");
        let mut candidates = named.into_iter().chain([made]);
        candidates.find(|python| {
            let tried = Command::new(python).args(["-c", PACKAGES]).stdin(Stdio::null()).stderr(Stdio::null()).status();
            tried.is_ok_and(|status| status.success())
        })
    });
    if found.is_none() {
        not_run(check, "no Python with the packages of tests/independent/requirements.txt", CURE);
    }
    found.clone()
}

/// The same Python, if besides it has another implementation of witnesses.
#[must_use]
pub fn witness_python(check: &str) -> Option<PathBuf> {
    const CURE: &str = "target/independent/venv/bin/pip install --no-deps --ignore-requires-python -r \
                        tests/independent/requirements-witness.txt";
    let python = python(check)?;
    let imports = ["-c", "import aics_tlog, aics_witness"];
    let tried = Command::new(&python).args(imports).stdin(Stdio::null()).stderr(Stdio::null()).status();
    if tried.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    not_run(check, "no Python with the packages of tests/independent/requirements-witness.txt", CURE);
    None
}

/// The same Python, if besides it has the tools of the standards in which inventories are written.
#[must_use]
pub fn export_python(check: &str) -> Option<PathBuf> {
    const CURE: &str = "target/independent/venv/bin/pip install -r tests/independent/requirements-export.txt";
    let python = python(check)?;
    let imports = ["-c", "import mlcroissant, cyclonedx.validation.json, spdx_python_model, jsonschema, markdown_it"];
    let tried = Command::new(&python).args(imports).stdin(Stdio::null()).stderr(Stdio::null()).status();
    if tried.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    not_run(check, "no Python with the packages of tests/independent/requirements-export.txt", CURE);
    None
}

/// Says that a check was not run and counts it; with `CLEARTITLE_REQUIRE=all` that is a failure.
///
/// # Panics
/// With `CLEARTITLE_REQUIRE=all`.
pub fn not_run(check: &str, why: &str, cure: &str) {
    let line = format!("NOT RUN: {check}: {why} ({cure})");
    // Straight to the terminal: the test framework keeps what a passing test prints to itself.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
    let summary =
        std::env::var_os("CLEARTITLE_NOT_RUN").map_or_else(|| crate::root().join("target/not-run.txt"), PathBuf::from);
    let _ = summary.parent().map(std::fs::create_dir_all);
    if let Ok(mut file) = std::fs::File::options().create(true).append(true).open(summary) {
        let _ = writeln!(file, "{line}");
    }
    assert!(std::env::var("CLEARTITLE_REQUIRE").as_deref() != Ok("all"), "{line}");
}

/// Runs a command to its end.
///
/// # Panics
/// When it can't be started.
#[must_use]
pub fn ran(mut command: Command) -> crate::Ran {
    let line = format!("{command:?}");
    crate::binaries::ran(line, command.output().expect("the program can be started"))
}

/// Runs a Python program in the root of the workspace.
///
/// # Panics
/// When it can't be started.
#[must_use]
pub fn run(python: &Path, arguments: &[&str]) -> crate::Ran {
    let mut command = crate::binaries::command(python);
    command.args(arguments).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(crate::root());
    ran(command)
}

/// The path of a program beside `count_records.py`.
#[must_use]
pub fn script(name: &str) -> String {
    crate::root().join("tests/independent").join(name).display().to_string()
}
