//! `X-Robots-Tag` and robots meta elements, and what two published readers make of the same headers.

use cleartitle_schema::signals::x_robots;
use cleartitle_schema::vocab::Preference;
use cleartitle_schema::vocab::agents::AgentTable;
use serde_json::Value;

use crate::cases::{self, Case};
use crate::parsed_cases::real_bytes;
use crate::said::compare;

fn check(case: &Case) -> Result<(), String> {
    let agents = AgentTable::builtin();
    let said = match case.text("meta") {
        Some(content) => x_robots::parse_meta(case.text("element").unwrap_or("robots"), content, agents),
        None => x_robots::parse_header(&case.texts("header"), agents),
    };
    compare(&said, case)
}

#[test]
fn directives_say_what_they_should() {
    cases::run("x-robots", check);
}

/// Whether a header leaves mining to whoever is called so, as published readers ask.
fn allows(header: &str, own: Option<&str>) -> bool {
    let said = x_robots::parse_header(&[header], AgentTable::builtin());
    !said.signals.iter().any(|signal| {
        let about_ai = signal.uses.len() > 1 && signal.preference == Preference::Disallowed;
        let addressed = signal.agent.as_ref().is_none_or(|agent| Some(agent.token.as_str()) == own);
        about_ai && addressed
    })
}

/// The header cases of datadiligence (MIT): wherever it refuses, so do we.
#[test]
fn no_header_is_read_more_loosely_than_a_published_reader_does() {
    let Some(text) = real_bytes("xrobots/datadiligence-header-vectors.json") else { return };
    let published: Vec<Value> = serde_json::from_slice(&text).expect("a list of cases");
    assert_eq!(published.len(), 19);
    let mut stricter = Vec::new();
    for case in &published {
        let header = case["header"].as_str().expect("a header");
        for (member, own) in [("allowed_for_spawningbot", Some("spawningbot")), ("allowed_no_agent", None)] {
            let theirs = case[member].as_bool().expect("an answer");
            let ours = allows(header, own);
            assert!(theirs || !ours, "`{header}` for {own:?}");
            if theirs != ours {
                stricter.push(header);
            }
        }
    }
    assert_eq!(stricter, Vec::<&str>::new(), "where we are stricter, for which a case under `x-robots` says why");
}
