//! What a run of the gate comes to: counts of all, particulars of as many findings as anybody reads, and by what was judged.

use super::baseline::Fingerprint;
use super::finding::{Finding, Level};
use cleartitle_schema::policy::Disposition;
use cleartitle_schema::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// How many findings are kept with all particulars; all are counted. What people and the readers of SARIF show is fewer.
pub const MAX_TOLD: usize = 5_000;

/// A finding as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What is found.
    pub finding: Finding,
    /// By what it is known again.
    pub fingerprint: Fingerprint,
    /// More lines: the reasons of the decision, the policy's line.
    pub notes: Vec<String>,
}

/// How entries fared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// Entries and what could not be read as one.
    pub rows: u64,
    /// Kept.
    pub keep: u64,
    /// A person is to look.
    pub review: u64,
    /// Not kept.
    pub drop: u64,
    /// Not read.
    pub damaged: u64,
    /// By verdict.
    pub verdicts: BTreeMap<&'static str, u64>,
}

impl Sum {
    /// Counts an entry.
    pub fn count(&mut self, verdict: &'static str, action: Disposition) {
        self.rows += 1;
        match action {
            Disposition::Keep => self.keep += 1,
            Disposition::Review => self.review += 1,
            Disposition::Drop => self.drop += 1,
        }
        match self.verdicts.get_mut(verdict) {
            Some(count) => *count += 1,
            None => drop(self.verdicts.insert(verdict, 1)),
        }
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.keep += other.keep;
        self.review += other.review;
        self.drop += other.drop;
        self.damaged += other.damaged;
        for (verdict, count) in &other.verdicts {
            *self.verdicts.entry(verdict).or_default() += count;
        }
    }
}

/// How often a code was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Findings that close the gate.
    pub errors: u64,
    /// Those that are known debt.
    pub known: u64,
    /// Warnings.
    pub warnings: u64,
    /// Notes.
    pub notes: u64,
}

/// By what was judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Under {
    /// The policy's file.
    pub policy: String,
    /// For what.
    #[serde(rename = "use")]
    pub category: String,
    /// The log.
    pub origin: String,
    /// Its size.
    pub log_size: u64,
    /// Its root.
    pub root: String,
    /// When the use takes place.
    pub used_at: String,
    /// The lock's file, where it decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
}

impl Under {
    /// With the time of use.
    #[must_use]
    pub fn at(mut self, used_at: Timestamp) -> Self {
        self.used_at = used_at.to_string();
        self
    }
}

/// Known debt, as a run met it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Debt {
    /// Findings that are in the baseline.
    pub known: u64,
    /// Entries of the baseline that were not met.
    pub paid: u64,
}

/// What a run comes to.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// By what.
    pub under: Under,
    /// The papers, in their order, and how their entries fared.
    pub papers: Vec<(String, Sum)>,
    /// All of them.
    pub sum: Sum,
    /// Findings that are not known debt, at most [`MAX_TOLD`]; in the order of the papers.
    pub told: Vec<Told>,
    /// By code, all of them.
    pub codes: BTreeMap<&'static str, Counted>,
    /// Known debt, where there is a baseline.
    pub debt: Option<Debt>,
}

impl Report {
    /// How many findings close the gate and are no known debt.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.codes.values().map(|counted| counted.errors).sum()
    }

    /// How many warnings there are.
    #[must_use]
    pub fn warnings(&self) -> u64 {
        self.codes.values().map(|counted| counted.warnings).sum()
    }

    /// How many findings are counted and not told.
    #[must_use]
    pub fn left_off(&self) -> u64 {
        let all: u64 = self.codes.values().map(|counted| counted.errors + counted.warnings + counted.notes).sum();
        all.saturating_sub(self.told.len() as u64)
    }

    /// Counts a finding, and keeps it if there is room.
    pub fn tell(&mut self, told: Told) {
        self.count(told.finding.code, told.finding.level);
        if self.told.len() < MAX_TOLD {
            self.told.push(told);
        }
    }

    /// Counts a finding of which nothing more is kept.
    pub fn count(&mut self, code: &'static str, level: Level) {
        let counted = self.codes.entry(code).or_default();
        match level {
            Level::Error => counted.errors += 1,
            Level::Warning => counted.warnings += 1,
            Level::Note => counted.notes += 1,
        }
    }

    /// Whether the gate is open: everything was read, there was something, and nothing new closes it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.sum.damaged == 0
            && self.sum.rows > 0
            && self.papers.iter().all(|(_, sum)| sum.rows > 0)
            && self.errors() == 0
    }
}
