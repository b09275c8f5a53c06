//! Content-Signal: the names with yes and no as published and deployed, and what people write instead.

use crate::{cases, vectors};
use cleartitle_schema::signals::content_signal::parse_header;
use cleartitle_schema::vocab::AuthorityKind;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    value: String,
    signals: Vec<String>,
}

#[test]
fn values_are_kept_as_published_and_no_looser() {
    let cases: Vec<Case> = cases::shaped("content-signal/values.toml");
    let mut failures = Vec::new();
    for case in &cases {
        let parsed = parse_header(&[&case.value]);
        assert!(parsed.signals.iter().all(|signal| signal.authority == AuthorityKind::PlatformDefault));
        let kept = vectors::written(&parsed.signals);
        let mut expected = case.signals.clone();
        expected.sort();
        if kept != expected {
            failures.push(format!("{} ({}): kept {kept:?}, expected {expected:?}", case.name, case.source));
        }
    }
    vectors::count("Content-Signal", cases.len(), &failures);
}
