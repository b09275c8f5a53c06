//! Both templates parse as written, and with every commented-out example enabled.

use super::{POLICY, TERMS};
use crate::terms_file::Context;
use crate::{policy_file, terms_file};
use cleartitle_schema::statement::Kind;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::Use;

fn context() -> Context {
    Context {
        log: "registry.example/log".to_owned(),
        issuer: "press.example".parse().unwrap(),
        issued_at: Timestamp(1_795_471_200),
    }
}

/// Takes the `#` from every example: lines where it is followed by a member, a header or its closing.
fn enabled(template: &str) -> String {
    let example = |line: &&str| line.starts_with('#') && !line.starts_with("# ") && line.len() > 1;
    let lines: Vec<&str> =
        template.lines().map(|line| Some(line).filter(example).map_or(line, |line| &line[1..])).collect();
    lines.join("\n")
}

#[test]
fn the_policy_is_the_default_as_written() {
    let policy = policy_file::parse("cleartitle.toml", POLICY).unwrap();
    assert_eq!(policy.category, Use::TrainAi);
    assert_eq!(policy.actions, cleartitle_schema::policy::Actions::default());
    assert_eq!(policy.reading, cleartitle_schema::policy::Reading::default());
}

#[test]
fn every_example_of_the_policy_can_be_enabled() {
    // A real key stands in: the example has none that would be anybody's.
    let public = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key();
    let key = cleartitle_schema::tlog::note::NoteVerifier::new("registry.example", public).unwrap();
    let witness = cleartitle_schema::tlog::cosignature::WitnessVerifier::new("witness.example", public).unwrap();
    let text = enabled(POLICY)
        .replace("registry.example+00000000+AAAA...", &key.to_string())
        .replace("witness.example+00000000+BAAA...", &witness.to_string());
    let policy = policy_file::parse("cleartitle.toml", &text).unwrap();
    assert_eq!(policy.actions.exceptions.len(), 1);
    assert_eq!(policy.actions.ceilings.len(), 1);
    assert_eq!(policy.reading.infringing_sites.len(), 1);
    assert_eq!(policy.actions.by_reason.len(), 1);
    assert!(policy.log_key.is_some());
    assert_eq!((policy.witnesses.len(), policy.witness_quorum), (1, Some(1)));
}

#[test]
fn the_terms_reserve_as_written() {
    let statement = terms_file::parse("terms.toml", TERMS, &context()).unwrap();
    assert_eq!(statement.kind(), Kind::Reservation);
    assert_eq!(statement.terms().unwrap().rules().count(), 1);
}

#[test]
fn every_example_of_the_terms_can_be_enabled() {
    let text = enabled(TERMS).replace("kind = \"reservation\"", "kind = \"agreement\"");
    let statement = terms_file::parse("terms.toml", &text, &context()).unwrap();
    assert_eq!(statement.kind(), Kind::Agreement);
    let rule = statement.terms().unwrap().rules().next().unwrap();
    assert_eq!(rule.duties.len(), 3);
    assert!(!rule.constraints.is_open());
    assert_eq!(statement.modelled_on.unwrap().as_of, "2024-05-22");
}
