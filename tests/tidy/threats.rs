//! The threat model points at tests: each line of its tables names at least one, and each that is named exists.

use std::collections::BTreeSet;

use crate::tree::{assert_none, root, text};

/// The tables whose third column names tests begin with this line.
const HEAD: &str = "| threat | defence | test |";

/// Whether a source has a test of this name: an attribute on the lines before it, or `proptest!` round it.
fn is_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().collect();
    let declared = format!("fn {name}(");
    lines.iter().enumerate().any(|(place, line)| {
        line.contains(&declared)
            && lines[place.saturating_sub(4)..place].iter().any(|before| before.trim_end().ends_with("test]"))
    })
}

/// The rows of the tables, as their cells.
fn rows(page: &str) -> Vec<Vec<String>> {
    let (mut rows, mut inside) = (Vec::new(), false);
    for line in page.lines() {
        if line == HEAD {
            inside = true;
        } else if !line.starts_with('|') {
            inside = false;
        } else if inside && !line.starts_with("|---") {
            rows.push(line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect());
        }
    }
    rows
}

#[test]
fn every_threat_points_at_a_test_that_exists() {
    let rows = rows(&text("server/THREATS.md"));
    assert!(rows.len() >= 40, "only {} lines were found", rows.len());
    let (mut findings, mut threats) = (Vec::new(), BTreeSet::new());
    for row in &rows {
        let [threat, defence, tests] = row.as_slice() else {
            findings.push(format!("not three cells: {row:?}"));
            continue;
        };
        if defence.is_empty() || !threats.insert(threat) {
            findings.push(format!("no defence, or there twice: {threat}"));
        }
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            findings.push(format!("no test: {threat}"));
        }
        for test in named {
            let found = test.split_once("::").is_some_and(|(path, name)| {
                path.ends_with(".rs") && root().join(path).is_file() && is_test(&text(path), name)
            });
            if !found {
                findings.push(format!("`{test}` is no test: {threat}"));
            }
        }
    }
    assert_none("lines of server/THREATS.md", &findings);
}

#[test]
fn what_is_no_test_is_not_taken_for_one() {
    let source = "fn plain() {}\n\n#[test]\nfn shown() {}\n\n    #[test]\n    /// Why.\n    fn inside(x: u8) {}\n// fn told() {}\n";
    assert!(is_test(source, "shown") && is_test(source, "inside"));
    assert!(!is_test(source, "plain") && !is_test(source, "shown_not") && !is_test(source, "none"));
    assert_eq!(rows(&format!("{HEAD}\n|---|---|---|\n| a | b | c |\n\n| d | e | f |\n")), [["a", "b", "c"]]);
}
