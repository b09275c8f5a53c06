//! Vector files of signals: where they lie, how a signal is written in them, and the count of cases passed.

use cleartitle_schema::signals::Signal;
use serde::de::DeserializeOwned;

/// A file of cases.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File<T> {
    case: Vec<T>,
}

/// The cases of a file under `tests/vectors/signals/`.
pub fn cases<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = harness::root().join("tests/vectors/signals").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file: File<T> = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file.case
}

/// Preference and uses of signals, `?` where doubtful, in one order.
pub fn written(signals: &[Signal]) -> Vec<String> {
    let mut written: Vec<String> = signals
        .iter()
        .map(|signal| {
            let uses: Vec<&str> = signal.uses.iter().map(|it| it.word()).collect();
            format!("{}{} {}", signal.preference, if signal.malformed { "?" } else { "" }, uses.join("+"))
        })
        .collect();
    written.sort();
    written
}

/// Prints how many cases of a standard passed, and fails with what did not.
pub fn count(standard: &str, known: usize, failures: &[String]) {
    println!("{standard}: {} of {known} cases passed", known - failures.len());
    assert!(failures.is_empty(), "{standard}:\n{}", failures.join("\n"));
}
