//! Rules about files: a header each, a bounded size, no stray top-level entry, no banned name, no word that must not stay.

use std::fs;

use crate::tree::{assert_none, code, root, text, with_extension};

/// The longest file. 100 to 300 lines is right.
const LONGEST: usize = 900;

/// Longer files are printed, not refused.
const LONG: usize = 300;

/// What may stand at the top. `target` is where cargo builds; the rest is ignored or git's own.
const TOP: &[&str] = &[
    ".ci",
    ".git",
    ".gitignore",
    ".pre-commit-hooks.yaml",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "client",
    ".clippy.toml",
    "openapi.yaml",
    ".rustfmt.toml",
    "schema",
    "server",
    "target",
    "tests",
];

/// Names for a file, folder or module that say nothing of what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "manager", "service", "handler", "misc"];

/// Macros and attributes that must not stay in a source. `concat!` keeps this file from finding itself.
const LEFT_BEHIND: &[&str] = &[
    concat!("dbg", "!("),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("#[", "ignore"),
    concat!("FIX", "ME"),
    concat!("XX", "X "),
];

/// The beginnings of paths of one machine.
const MACHINE_PATHS: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
    concat!("C:", "\\\\"),
];

fn sources() -> Vec<String> {
    with_extension(&["rs", "py", "sh"])
}

#[test]
fn every_source_begins_with_a_line_that_says_what_it_holds() {
    let mut findings = Vec::new();
    for path in sources() {
        let text = text(&path);
        let mut lines = text.lines();
        let first = match lines.next() {
            Some(shebang) if shebang.starts_with("#!/") => lines.next().unwrap_or_default(),
            other => other.unwrap_or_default(),
        };
        let said = if path.ends_with(".rs") {
            first.strip_prefix("//! ")
        } else {
            first.strip_prefix("# ").or_else(|| first.strip_prefix("\"\"\""))
        };
        if said.is_none_or(|said| said.trim().len() < 8) {
            findings.push(format!("{path}: `{first}`"));
        }
    }
    assert_none("files without a header", &findings);
}

#[test]
fn no_file_is_too_long() {
    let mut findings = Vec::new();
    for path in sources() {
        let lines = text(&path).lines().count();
        if lines > LONGEST {
            findings.push(format!("{path}: {lines} lines"));
        } else if lines > LONG {
            println!("long: {path}: {lines} lines");
        }
    }
    assert_none("files of more than 900 lines", &findings);
}

#[test]
fn nothing_stray_lies_at_the_top() {
    let mut findings = Vec::new();
    for entry in fs::read_dir(root()).expect("the root can be listed") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        if !TOP.contains(&name.as_str()) {
            findings.push(name);
        }
    }
    assert_none("stray entries at the top", &findings);
}

/// Functions that a foreign trait names: `parquet::file::reader::ChunkReader`.
const FOREIGN_NAMES: [&str; 2] = ["get_read(", "get_bytes("];

#[test]
fn names_say_what_is_inside() {
    let mut findings = Vec::new();
    for path in sources() {
        let words = path.split(['/', '.', '_', '-']);
        findings.extend(words.filter(|word| EMPTY_NAMES.contains(word)).map(|word| format!("{path}: `{word}`")));
        for line in text(&path).lines().map(str::trim_start) {
            let module = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ").unwrap_or_default();
            if EMPTY_NAMES.contains(&module.trim_end_matches([';', ' ', '{'])) {
                findings.push(format!("{path}: {line}"));
            }
            let function = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("fn ").unwrap_or_default();
            if function.starts_with("get_") && !FOREIGN_NAMES.iter().any(|name| function.starts_with(name)) {
                findings.push(format!("{path}: {line}"));
            }
        }
    }
    assert_none("names that say nothing", &findings);
}

#[test]
fn nothing_is_left_behind() {
    let mut findings = Vec::new();
    for path in sources() {
        for (number, line) in text(&path).lines().enumerate() {
            let found = LEFT_BEHIND.iter().chain(MACHINE_PATHS).find(|word| line.contains(**word));
            if let Some(word) = found {
                findings.push(format!("{path}:{}: `{word}`", number + 1));
            }
        }
    }
    assert_none("left behind", &findings);
}

/// The shared folder beside the workspace may be read by tests when it is there, and by nothing else.
#[test]
fn only_tests_know_of_the_shared_data() {
    let shared = concat!("../sha", "red");
    let mut findings = Vec::new();
    for path in sources().into_iter().filter(|path| !path.starts_with("tests/") && !path.contains("/tests/")) {
        if code(&path).contains(shared) {
            findings.push(path);
        }
    }
    assert_none("sources that mention the shared folder outside their tests", &findings);
}
