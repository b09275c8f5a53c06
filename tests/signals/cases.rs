//! Cases of vector files, read the same way for every standard: `tests/vectors/signals/<standard>/*.{json,toml}`.
//!
//! A file has a list `case` or `cases` at its top, or, in JSON, is that list. A case has a `name` and a `source` (a section
//! of the specification, or `own`); the rest is its module's. A case with `not_passed`, which says why, is known and fails.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

/// One case.
pub struct Case {
    /// The file that it stands in, without its folder.
    pub file: String,
    /// Its name, once in its standard.
    pub name: String,
    /// Why it is not passed, if it is not.
    pub not_passed: Option<String>,
    /// All of it.
    pub value: Value,
}

impl Case {
    /// A member that is text.
    pub fn text(&self, member: &str) -> Option<&str> {
        self.value.get(member).and_then(Value::as_str)
    }

    /// A member that is a list of texts; empty if left out.
    pub fn texts(&self, member: &str) -> Vec<&str> {
        let list = self.value.get(member).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

/// The folder of all standards.
pub fn folder() -> PathBuf {
    harness::root().join("tests/vectors/signals")
}

/// The standards that have a folder, sorted.
pub fn standards() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).expect("the folder of vectors");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .filter_map(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

/// Every case of a standard, file by file.
///
/// # Panics
/// If a file is no list of cases, or a case has no name or source of its own.
pub fn cases(standard: &str) -> Vec<Case> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder().join(standard))
        .unwrap_or_else(|error| panic!("{standard}: {error}"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json" || extension == "toml"))
        .collect();
    files.sort();
    let mut cases: Vec<Case> = files.iter().flat_map(|path| read(path)).collect();
    let mut names = BTreeSet::new();
    for case in &mut cases {
        assert!(names.insert(case.name.clone()), "{standard}/{}: two cases are called `{}`", case.file, case.name);
    }
    cases
}

/// The cases of one file below the folder, as their standard's module has them.
///
/// # Panics
/// If a case has another shape.
pub fn shaped<T: DeserializeOwned>(file: &str) -> Vec<T> {
    let shape = |case| serde_json::from_value(case).unwrap_or_else(|error| panic!("{file}: {error}"));
    list(&folder().join(file)).into_iter().map(shape).collect()
}

fn read(path: &Path) -> Vec<Case> {
    let file = path.file_name().expect("a file").to_string_lossy().into_owned();
    list(path).into_iter().map(|value| case(&file, value)).collect()
}

fn list(path: &Path) -> Vec<Value> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut all: Value = if file.ends_with(".toml") {
        toml::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
    } else {
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
    };
    let list = match &mut all {
        Value::Object(members) => members.remove("cases").or_else(|| members.remove("case")).unwrap_or_default(),
        other => other.take(),
    };
    let Value::Array(list) = list else { panic!("{file} has no list `case` or `cases`") };
    list
}

fn case(file: &str, value: Value) -> Case {
    let member = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let filled = |name: &str| {
        let found = member(name).filter(|text| !text.trim().is_empty());
        found.unwrap_or_else(|| panic!("{file}: a case without `{name}`: {value}"))
    };
    let (name, _) = (filled("name"), filled("source"));
    Case { file: file.to_owned(), name, not_passed: member("not_passed"), value }
}

/// Runs every case of a standard. A case that is marked as not passed must fail, so that the mark can't outlive its reason.
///
/// # Panics
/// With everything that differs.
pub fn run(standard: &str, check: impl Fn(&Case) -> Result<(), String>) {
    let cases = cases(standard);
    assert!(!cases.is_empty(), "{standard} has no case");
    let mut findings = Vec::new();
    for case in &cases {
        let place = format!("{standard}/{} `{}`", case.file, case.name);
        match (check(case), &case.not_passed) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Ok(()), Some(_)) => findings.push(format!("{place} passes by now: take `not_passed` away")),
            (Err(why), None) => findings.push(format!("{place}: {why}")),
        }
    }
    assert!(findings.is_empty(), "{} of {} cases:\n{}", findings.len(), cases.len(), findings.join("\n"));
}
