//! TDMRep: file, values, packages, policies, and real files; and the order of rules against a reading of its own.

use crate::conclusion::{Asked, conclude};
use crate::parsed_cases::{Case, real_bytes, run};
use cleartitle_schema::signals::{Parsed, tdmrep};
use cleartitle_schema::surt::PathPattern;
use cleartitle_schema::vocab::{AuthorityKind, Use};
use proptest::prelude::*;

/// What a case gives: a file, values, metadata or a policy, and for a file with its policy both.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Input {
    text: Option<String>,
    file: Option<String>,
    reservation: Option<Vec<String>>,
    policy: Option<serde_json::Value>,
    policy_file: Option<String>,
    document: Option<String>,
    opf: Option<String>,
    xmp: Option<String>,
}

const POLICY: &str = "https://press.example/policy.json";

/// A site all of which is reserved on the terms of a policy.
fn reserved(document: &str) -> Parsed {
    let file = serde_json::json!([{"location": "/", "tdm-reservation": 1, "tdm-policy": document}]);
    tdmrep::parse_file(file.to_string().as_bytes())
}

fn parse(case: &Case) -> Option<Parsed> {
    let input: Input = serde_json::from_value(case.input.clone()).unwrap();
    if let Some(values) = &input.reservation {
        let policies: Vec<String> = serde_json::from_value(input.policy.unwrap_or_default()).unwrap();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let policies: Vec<&str> = policies.iter().map(String::as_str).collect();
        return Some(tdmrep::parse_values(&values, &policies, AuthorityKind::Response));
    }
    if let Some(opf) = &input.opf {
        return Some(tdmrep::parse_opf(opf.as_bytes()));
    }
    if let Some(xmp) = &input.xmp {
        return Some(tdmrep::parse_xmp(xmp.as_bytes()));
    }
    let document = input.document.as_deref().unwrap_or(POLICY);
    let file = match (&input.text, &input.file) {
        (Some(text), _) => Some(tdmrep::parse_file(text.as_bytes())),
        (_, Some(file)) => Some(tdmrep::parse_file(&real_bytes(file)?)),
        _ => None,
    };
    let policy = match (&input.policy, &input.policy_file) {
        (Some(serde_json::Value::String(text)), _) => tdmrep::parse_policy(text.as_bytes(), document),
        (_, Some(file)) => tdmrep::parse_policy(&real_bytes(file)?, document),
        _ => return file,
    };
    // What a policy means is seen on a reservation that names it.
    let joined = tdmrep::with_policy(file.unwrap_or_else(|| reserved(document)), document, &policy);
    let lints = policy.complaints;
    Some(Parsed { complaints: lints, ..joined })
}

#[test]
fn file() {
    run("tdmrep/file.json", parse);
}

#[test]
fn values() {
    run("tdmrep/values.json", parse);
}

#[test]
fn metadata() {
    run("tdmrep/metadata.json", parse);
}

#[test]
fn policies() {
    run("tdmrep/policy.json", parse);
}

#[test]
fn real_files() {
    run("tdmrep/wild.json", parse);
}

/// Whether one conclusion is at least as strict as another.
fn rank(conclusion: &str) -> u8 {
    match conclusion {
        "reserved" => 3,
        "unknown" => 2,
        "silent" => 1,
        _ => 0,
    }
}

/// The protocol by its letter: the first rule that matches, or nothing.
fn by_the_letter(rules: &[(String, u8)], path: &str) -> &'static str {
    match rules.iter().find(|(location, _)| PathPattern::new(location).matches(path)) {
        Some((_, 1)) => "reserved",
        Some((_, 0)) => "allowed",
        _ => "silent",
    }
}

fn file_of(rules: &[(String, u8)]) -> Vec<u8> {
    let list =
        rules.iter().map(|(location, value)| serde_json::json!({"location": location, "tdm-reservation": value}));
    serde_json::to_vec(&list.collect::<Vec<_>>()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_longest_rule_is_never_looser_than_the_first(
        rules in prop::collection::vec(("/[ab*]{0,4}[$]?", 0u8..3), 0..6),
        path in "/[ab]{0,5}",
    ) {
        let parsed = tdmrep::parse_file(&file_of(&rules));
        let asked = Asked { path: Some(path.clone()), ..Asked::default() };
        let found = conclude(&parsed.signals, &asked, Use::TrainAi);
        let wanted = by_the_letter(&rules, &path);
        prop_assert!(rank(&found) >= rank(wanted), "{path}: {found}, by the letter {wanted}\n{rules:?}\n{:#?}", parsed.signals);
    }

    #[test]
    fn a_rule_that_nothing_before_it_meets_says_what_it_says(location in "/[ab]{1,4}", value in 0u8..2) {
        let parsed = tdmrep::parse_file(&file_of(&[(location.clone(), value)]));
        let asked = Asked { path: Some(location.clone()), ..Asked::default() };
        prop_assert_eq!(conclude(&parsed.signals, &asked, Use::TrainAi), by_the_letter(&[(location.clone(), value)], &location));
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), text in ".{0,200}") {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            let _ = (tdmrep::parse_file(bytes), tdmrep::parse_policy(bytes, POLICY));
            let _ = (tdmrep::parse_opf(bytes), tdmrep::parse_xmp(bytes));
        }
        let _ = tdmrep::parse_values(&[&text], &[&text], AuthorityKind::Page);
    }
}

#[test]
fn the_order_of_rules_matters() {
    let (one, other) = (("/".to_owned(), 1), ("/open/".to_owned(), 0));
    let asked = Asked { path: Some("/open/x".to_owned()), ..Asked::default() };
    let verdict = |rules: &[(String, u8)]| conclude(&tdmrep::parse_file(&file_of(rules)).signals, &asked, Use::TrainAi);
    assert_ne!(verdict(&[one.clone(), other.clone()]), verdict(&[other, one]));
}

#[test]
fn many_long_rules_are_held_against_each_other_in_bounded_time() {
    let begins = "/".to_owned() + &"a".repeat(480);
    let rules: Vec<(String, u8)> = (0..2_000).map(|number| (format!("{begins}{number:x}*"), 0)).collect();
    let started = std::time::Instant::now();
    assert_eq!(tdmrep::parse_file(&file_of(&rules)).signals.len(), 2_000);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    let more: Vec<(String, u8)> = (0..2_001).map(|number| (format!("/{number}"), 0)).collect();
    let parsed = tdmrep::parse_file(&file_of(&more));
    assert_eq!(conclude(&parsed.signals, &Asked::default(), Use::TrainAi), "reserved");
}
