//! SARIF 2.1.0 (OASIS, errata 01) for whoever shows findings in a review: rules with their pages, places, and fingerprints by which
//! a finding is known again when its line moves.

use super::super::finding::Level;
use super::super::report::{Report, Told};
use super::excerpt::Excerpt;
use super::words::{page, page_address, summary, visible};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use url::Url;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The log of one run.
#[must_use]
pub fn log(report: &Report, excerpts: &[Option<Excerpt>]) -> String {
    let mut ranks: BTreeMap<&str, usize> = BTreeMap::new();
    for told in &report.told {
        ranks.entry(told.finding.code).or_insert(0);
    }
    ranks.values_mut().enumerate().for_each(|(rank, place)| *place = rank);
    let rules: Vec<Value> = ranks.keys().map(|code| rule(code)).collect();
    let results: Vec<Value> =
        report.told.iter().zip(excerpts).map(|(told, excerpt)| result(told, excerpt.as_ref(), &ranks)).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "cleartitle",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": super::words::SOURCE,
                "rules": rules,
            } },
            "invocations": [{ "executionSuccessful": report.sum.damaged == 0 }],
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": {
                "under": report.under,
                "rows": report.sum.rows,
                "verdicts": report.sum.verdicts,
                "findingsLeftOff": report.left_off(),
                "baseline": report.debt,
            },
        }],
    });
    format!("{log:#}\n")
}

fn rule(code: &str) -> Value {
    let page = page(code).unwrap_or_default();
    let summary = summary(page);
    let short: String = summary.split_inclusive(". ").next().unwrap_or_default().trim().to_owned();
    let short = if short.is_empty() { code.to_owned() } else { short };
    let mut rule = json!({ "id": code, "name": code, "shortDescription": { "text": short } });
    if !page.is_empty() {
        rule["fullDescription"] = json!({ "text": summary });
        rule["help"] = json!({ "text": summary, "markdown": page });
    }
    if let Some(address) = page_address(code) {
        rule["helpUri"] = json!(address);
    }
    rule
}

fn result(told: &Told, excerpt: Option<&Excerpt>, ranks: &BTreeMap<&str, usize>) -> Value {
    let found = &told.finding;
    let level = match found.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let mut text = unlinked(&visible(&found.message, 500));
    if let Some(about) = &found.about {
        text.push_str(": ");
        text.push_str(&unlinked(&visible(about, 500)));
    }
    for note in &told.notes {
        text.push('\n');
        text.push_str(&unlinked(&visible(note, 500)));
    }
    if let Some(hint) = &found.hint {
        text.push_str("\nhint: ");
        text.push_str(hint);
    }
    let mut location = json!({ "artifactLocation": { "uri": address(&found.place.file) } });
    if let Some(region) = region(told, excerpt) {
        location["region"] = region;
    }
    let mut result = json!({
        "ruleId": found.code,
        "level": level,
        "message": { "text": text },
        "locations": [{ "physicalLocation": location }],
        "partialFingerprints": { "cleartitleFinding/v1": told.fingerprint.to_string() },
    });
    if let Some(rank) = ranks.get(found.code) {
        result["ruleIndex"] = json!(rank);
    }
    let logical = found.place.member.clone().or_else(|| found.place.row.map(|row| format!("row {row}")));
    if let Some(name) = logical {
        result["locations"][0]["logicalLocations"] = json!([{ "fullyQualifiedName": visible(&name, 500) }]);
    }
    result
}

/// A text in which nothing is a link (section 3.11.6): who writes a paper would otherwise put one into a review, in our name.
fn unlinked(text: &str) -> String {
    if !text.contains("](") {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if matches!(letter, '[' | ']' | '\\') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

fn region(told: &Told, excerpt: Option<&Excerpt>) -> Option<Value> {
    let line = told.finding.place.line?;
    let mut region = json!({ "startLine": line });
    if let Some(column) = told.finding.place.column {
        region["startColumn"] = json!(column);
    } else if let Some((from, to)) = excerpt.and_then(|excerpt| excerpt.columns) {
        region["startColumn"] = json!(from);
        region["endColumn"] = json!(to);
    }
    if let Some(excerpt) = excerpt {
        region["snippet"] = json!({ "text": excerpt.text });
    }
    Some(region)
}

/// A path as a URI reference: relative ones stay relative, so that they are found in the repository.
fn address(path: &str) -> String {
    if let Some(url) = Path::new(path).is_absolute().then(|| Url::from_file_path(path).ok()).flatten() {
        return url.to_string();
    }
    let Ok(mut base) = Url::parse("file:///") else { return String::new() };
    if let Ok(mut segments) = base.path_segments_mut() {
        let parts = path.split(['/', '\\']).filter(|part| !matches!(*part, "" | "."));
        segments.clear().extend(parts.map(|part| if part == ".." { "%2E%2E" } else { part }));
    }
    base.path().trim_start_matches('/').replace("%252E%252E", "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paper_puts_no_link_into_a_review() {
        assert_eq!(unlinked("the row [3] is fine"), "the row [3] is fine");
        assert_eq!(unlinked("[see here](https://bad.example)"), "\\[see here\\](https://bad.example)");
        assert_eq!(unlinked("\\[a](1)"), "\\\\\\[a\\](1)");
    }

    #[test]
    fn paths_become_references() {
        assert_eq!(address("data/a b.jsonl"), "data/a%20b.jsonl");
        assert_eq!(address("./m.jsonl"), "m.jsonl");
        assert_eq!(address("../m.jsonl"), "../m.jsonl");
        assert_eq!(address("/data/m.jsonl"), "file:///data/m.jsonl");
    }
}
