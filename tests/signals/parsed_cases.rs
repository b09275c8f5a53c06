//! Vector files: cases with a name and a source, counted, with real files from `../shared/data` where they are at hand.

use crate::cases::shaped;
use crate::conclusion::Expected;
use cleartitle_schema::signals::Parsed;
use harness::independent::not_run;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// One case of a vector file.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The section of the specification, or `own`, or where the file was found.
    pub source: String,
    /// What the parser of this standard takes.
    pub input: serde_json::Value,
    /// What is concluded.
    #[serde(default)]
    pub expect: Vec<Expected>,
    /// Codes of all complaints, sorted, without repeats.
    #[serde(default)]
    pub lints: BTreeSet<String>,
    /// Documents announced.
    #[serde(default)]
    pub announced: Vec<String>,
    /// How many signals; not held against the parser where left out.
    #[serde(default)]
    pub signals: Option<usize>,
}

/// Where the real files are.
pub fn real(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(file)
}

/// Bytes of a real file; `None` where they are not at hand.
pub fn real_bytes(file: &str) -> Option<Vec<u8>> {
    let path = real(file);
    if !real("").is_dir() {
        not_run(file, "no real files beside the workspace", "put them at ../shared/data");
        return None;
    }
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// Runs all cases of a file and reports all that differ at once. `parse` gives `None` for a case that can't run here.
pub fn run(file: &str, parse: impl Fn(&Case) -> Option<Parsed>) {
    let cases: Vec<Case> = shaped(file);
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "{file}: two cases of one name");
    let (mut passed, mut skipped, mut failures) = (0, 0, Vec::new());
    for case in &cases {
        let Some(parsed) = parse(case) else {
            skipped += 1;
            continue;
        };
        let mut wrong: Vec<String> =
            case.expect.iter().flat_map(|expected| expected.differences(&parsed.signals)).collect();
        let lints: BTreeSet<String> = parsed.complaints.iter().map(|it| it.lint.word().to_owned()).collect();
        if lints != case.lints {
            wrong.push(format!("lints {lints:?}, wanted {:?}: {:?}", case.lints, parsed.complaints));
        }
        let announced: Vec<&str> = parsed.announced.iter().map(|it| it.url.as_str()).collect();
        if announced != case.announced {
            wrong.push(format!("announced {announced:?}"));
        }
        if case.signals.is_some_and(|count| count != parsed.signals.len()) {
            wrong.push(format!("{} signals", parsed.signals.len()));
        }
        if case.expect.is_empty() && case.signals.is_none() {
            wrong.push("the case expects nothing".to_owned());
        }
        if wrong.is_empty() {
            passed += 1;
        } else {
            failures.push(format!("{} ({}):\n    {}", case.name, case.source, wrong.join("\n    ")));
        }
    }
    eprintln!("{file}: {passed} of {} cases, {skipped} not run", cases.len());
    assert!(failures.is_empty(), "{file}: {passed} of {} passed\n  {}", cases.len(), failures.join("\n  "));
    assert_eq!(passed + skipped, cases.len());
}
