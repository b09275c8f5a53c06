//! How a signal is written in vector files, and the count of cases passed.

use cleartitle_schema::signals::Signal;

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
