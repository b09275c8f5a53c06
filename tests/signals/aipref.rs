//! AIPREF: every example of the drafts, literally and as kept, in headers and in robots.txt.

use crate::{cases, vectors};
use cleartitle_schema::signals::aipref::{Preferences, parse_header};
use cleartitle_schema::signals::robots::Robots;
use serde::Deserialize;
use std::collections::BTreeMap;

const LABELS: [&str; 3] = ["train-ai", "ai-use", "search"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Value {
    name: String,
    source: String,
    value: String,
    literal: BTreeMap<String, String>,
    signals: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Robot {
    name: String,
    source: String,
    robots: String,
    ask: Vec<(String, String, String)>,
}

#[test]
fn values_read_as_the_vocabulary_says_and_are_kept_no_looser() {
    let cases: Vec<Value> = cases::shaped("aipref/values.toml");
    let mut failures = Vec::new();
    for case in &cases {
        let literal = Preferences::read(case.value.as_bytes()).unwrap_or_default();
        let read: BTreeMap<String, String> =
            LABELS.iter().filter_map(|label| Some(((*label).to_owned(), literal.of(label)?.to_string()))).collect();
        let kept = vectors::written(&parse_header(&[&case.value]).signals);
        let mut expected = case.signals.clone();
        expected.sort();
        if read != case.literal {
            failures.push(format!("{} ({}): literally {read:?}, expected {:?}", case.name, case.source, case.literal));
        } else if kept != expected {
            failures.push(format!("{} ({}): kept {kept:?}, expected {expected:?}", case.name, case.source));
        }
    }
    vectors::count("AIPREF values", cases.len(), &failures);
}

/// Several field lines are one Dictionary (RFC 9110, 2022-06, section 5.3).
#[test]
fn two_lines_are_one_list() {
    for (one, two) in [("train-ai=y", "search=n"), ("train-ai=n", "Train-AI=y"), ("a=1", "train-ai=n,")] {
        let joined = format!("{one}, {two}");
        assert_eq!(parse_header(&[one, two]).signals, parse_header(&[&joined]).signals);
    }
    assert!(parse_header(&[]).is_silent());
}

#[test]
fn robots_lines_state_what_the_draft_says() {
    let cases: Vec<Robot> = cases::shaped("aipref/robots.toml");
    let mut failures = Vec::new();
    for case in &cases {
        let robots = Robots::parse(case.robots.as_bytes());
        for (token, path, expected) in &case.ask {
            let read = robots.content_usage(token, path).map_or("-".to_owned(), shown);
            if read != *expected {
                failures
                    .push(format!("{} ({}): {token} {path}: `{read}`, expected `{expected}`", case.name, case.source));
            }
        }
    }
    vectors::count("AIPREF in robots.txt", cases.len(), &failures);
}

fn shown(literal: Preferences) -> String {
    let one = |label: &&str| {
        let word = literal.of(label)?;
        Some(format!("{label}={}", if word == cleartitle_schema::vocab::Preference::Allowed { "y" } else { "n" }))
    };
    LABELS.iter().filter_map(one).collect::<Vec<_>>().join(" ")
}
