//! For programs: one JSON object a line, the findings and then the sum, whose `end` says that nothing was cut off.

use super::super::report::{Counted, Report, Told};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A finding.
fn finding(told: &Told) -> Value {
    let mut value = json!({ "finding": told.finding, "fingerprint": told.fingerprint.to_string() });
    if !told.notes.is_empty() {
        value["notes"] = json!(told.notes);
    }
    value
}

/// The lines.
#[must_use]
pub fn lines(report: &Report) -> String {
    let mut text = String::new();
    for told in &report.told {
        text.push_str(&finding(told).to_string());
        text.push('\n');
    }
    text.push_str(&sum(report).to_string());
    text.push('\n');
    text
}

/// The last line.
fn sum(report: &Report) -> Value {
    let mut value = json!({ "end": true, "open": report.is_open() });
    let under = &report.under;
    value["rows"] = json!(report.sum.rows);
    for (name, count) in [
        ("keep", report.sum.keep),
        ("review", report.sum.review),
        ("drop", report.sum.drop),
        ("damaged", report.sum.damaged),
        ("errors", report.errors()),
        ("warnings", report.warnings()),
        ("findings_left_off", report.left_off()),
        ("log_size", under.log_size),
    ] {
        value[name] = json!(count);
    }
    let found = |(code, counted): (&&'static str, &Counted)| (*code, counted.errors + counted.warnings + counted.notes);
    value["findings"] = json!(report.codes.iter().map(found).collect::<BTreeMap<_, _>>());
    value["verdicts"] = json!(report.sum.verdicts);
    value["codes"] = json!(report.codes);
    value["under"] = json!(under);
    if let Some(debt) = report.debt {
        value["baseline"] = json!(debt);
    }
    value
}
