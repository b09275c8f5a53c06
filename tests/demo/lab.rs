//! A lab's results as `cleartitle filter` wrote them, and how they compare with what the example expects.

use anyhow::Context as _;
use cleartitle_schema::decide::{Decision, Reason, Verdict};
use cleartitle_schema::manifest::Bill;
use cleartitle_schema::policy::Disposition;
use cleartitle_schema::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Documents and their bytes.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Count {
    /// How many.
    pub documents: u64,
    /// Their bytes, together.
    pub bytes: u64,
}

/// One rightsholder that spoke.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Line {
    /// Those kept.
    pub kept: Count,
}

/// Counts by name.
#[derive(Debug, Default, Deserialize)]
pub struct Table {
    /// By name.
    pub names: BTreeMap<String, Line>,
}

/// What a run counted.
#[derive(Debug, Deserialize)]
pub struct Tally {
    /// By what was done.
    pub actions: BTreeMap<Disposition, Count>,
    /// By verdict.
    pub verdicts: BTreeMap<Verdict, Count>,
    /// By the reason that leads.
    pub reasons: BTreeMap<Reason, Count>,
    /// By authority that spoke.
    pub rightsholders: Table,
}

/// The members of `report.json` that the demo shows.
#[derive(Debug, Deserialize)]
pub struct Report {
    /// What was counted.
    pub tally: Tally,
    /// What is owed.
    pub bill: Bill,
}

/// What came out for one document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// The reason that leads.
    pub reason: Reason,
    /// What the policy does.
    pub action: Disposition,
}

/// One lab.
pub struct Lab {
    /// `bigmodel` or `smalllab`; its domain is that under `.example`.
    pub name: &'static str,
    /// The report, as written.
    pub raw: Value,
    /// The report.
    pub report: Report,
    /// Every document by its URL.
    pub outcomes: BTreeMap<String, Outcome>,
    /// When it was captured.
    pub captured: BTreeMap<String, Timestamp>,
}

/// A row of `manifest.jsonl` or of a file of decisions, as far as both are read here.
#[derive(Deserialize)]
struct Row {
    url: String,
    captured_at: Timestamp,
    verdict: Verdict,
    reasons: Vec<Value>,
    action: Option<Disposition>,
}

impl Row {
    /// A row of a manifest has bare codes and no action, for it was kept.
    fn outcome(&self) -> anyhow::Result<Outcome> {
        let first = self.reasons.first().context("a decision without a reason")?;
        let reason = serde_json::from_value(first.get("code").unwrap_or(first).clone())?;
        Ok(Outcome { verdict: self.verdict, reason, action: self.action.unwrap_or(Disposition::Keep) })
    }
}

impl Lab {
    /// Reads what `cleartitle filter` left in a folder for one input.
    ///
    /// # Errors
    /// When a file is missing or says something else than expected of it.
    pub fn read(name: &'static str, folder: &Path, input: &str) -> anyhow::Result<Self> {
        let text = |file: &str| {
            std::fs::read_to_string(folder.join(file)).with_context(|| format!("`{}`", folder.join(file).display()))
        };
        let raw: Value = serde_json::from_str(&text("report.json")?)?;
        let report = Report::deserialize(&raw).context("report.json")?;
        let (mut outcomes, mut captured) = (BTreeMap::new(), BTreeMap::new());
        for file in ["manifest.jsonl".to_owned(), format!("excluded/{input}.decisions.jsonl")] {
            for line in text(&file)?.lines() {
                let row: Row = serde_json::from_str(line).with_context(|| format!("{file}: {line}"))?;
                let outcome = row.outcome().with_context(|| format!("{file}: {line}"))?;
                captured.insert(row.url.clone(), row.captured_at);
                let twice = outcomes.insert(row.url.clone(), outcome).is_some();
                anyhow::ensure!(!twice, "{} is decided twice", row.url);
            }
        }
        Ok(Self { name, raw, report, outcomes, captured })
    }
}

/// A row of `expected.json`.
#[derive(Debug, Deserialize)]
pub struct Expected {
    /// The document.
    pub url: String,
    /// For the lab with deals.
    pub bigmodel: Outcome,
    /// For the one without.
    pub smalllab: Outcome,
    /// Why, in words.
    pub why: String,
}

impl Expected {
    fn of(&self, lab: &str) -> &Outcome {
        if lab == "bigmodel" { &self.bigmodel } else { &self.smalllab }
    }
}

/// Everything that came out otherwise than expected: document by document, then the report's counts.
#[must_use]
pub fn differences(lab: &Lab, expected: &[Expected]) -> Vec<String> {
    let mut found = Vec::new();
    let mut verdicts: BTreeMap<Verdict, u64> = BTreeMap::new();
    let mut actions: BTreeMap<Disposition, u64> = BTreeMap::new();
    for row in expected {
        let says = row.of(lab.name);
        *verdicts.entry(says.verdict).or_default() += 1;
        *actions.entry(says.action).or_default() += 1;
        let told = |it: &Outcome| format!("{}, {}, {}", it.verdict, it.reason, it.action);
        match lab.outcomes.get(&row.url) {
            None => found.push(format!("{} {}: expected, and not in the results", lab.name, row.url)),
            Some(came) if came != says => {
                found.push(format!("{} {}: expected {}; came {}", lab.name, row.url, told(says), told(came)));
            }
            Some(_) => {}
        }
    }
    let unexpected = lab.outcomes.keys().filter(|url| !expected.iter().any(|row| row.url == **url));
    found.extend(unexpected.map(|url| format!("{} {url}: in the results, and not expected", lab.name)));
    let documents = |count: &Count| count.documents;
    let counted: BTreeMap<Verdict, u64> = lab.report.tally.verdicts.iter().map(|(it, n)| (*it, documents(n))).collect();
    if counted != verdicts {
        found.push(format!("{} verdicts: expected {verdicts:?}; the report counts {counted:?}", lab.name));
    }
    let counted: BTreeMap<Disposition, u64> =
        lab.report.tally.actions.iter().map(|(it, n)| (*it, documents(n))).collect();
    if counted != actions {
        found.push(format!("{} actions: expected {actions:?}; the report counts {counted:?}", lab.name));
    }
    found
}

/// One answer of `cleartitle ask --format json`.
#[derive(Debug, Deserialize)]
pub struct Answer {
    /// The decision with its reasons.
    pub decision: Decision,
    /// What the policy does.
    pub action: Disposition,
    /// The line of the policy that says so.
    pub because: String,
}

impl Answer {
    /// The answer in the words of the filter.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        let reason = self.decision.deciding()?;
        Some(Outcome { verdict: self.decision.verdict, reason, action: self.action })
    }
}
