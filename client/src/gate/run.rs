//! One run of the gate over papers: every entry judged, everything counted, what is found told in the papers' order.

use super::baseline::{Baseline, BaselineError, Collected, Fingerprint};
use super::exceptions::Exceptions;
use super::finding::{Finding, Level};
use super::judge::{Judge, about};
use super::report::{Debt, Report, Sum, Told, Under};
use super::rules::Rules;
use super::sites::Sites;
use super::told::words;
use crate::dataset::{Entry, Place};
use crate::filter::Plan;
use crate::lineage::{Index, resolve};
use crate::snapshot::Mapped;
use cleartitle_schema::decide::{Decision, Verdict};
use cleartitle_schema::gate_code::GateCode;
use cleartitle_schema::policy::{Disposition, Outcome, Policy};
use cleartitle_schema::snapshot::Damage;
use cleartitle_schema::time::Timestamp;
use memmap2::Mmap;
use serde::Serialize;
use std::sync::Arc;

/// The most findings of one block of lines that are kept with all particulars.
pub(super) const MAX_OF_BLOCK: usize = 1_000;

/// Everything that a run is judged by.
pub struct Gate<'g> {
    pub(super) judge: &'g Judge,
    pub(super) rules: &'g Rules,
    index: &'g Index,
    pub(super) exceptions: Exceptions<'g>,
    pub(super) plan: Plan<'g, Mmap>,
    /// What is known of hosts.
    pub(super) sites: Sites,
    pub(super) baseline: Option<Baseline>,
    policy_file: Arc<str>,
    /// Whether every entry is written down, kept or not.
    pub(super) rows_too: bool,
    /// Whether findings are gathered into a new baseline.
    pub(super) collects: bool,
}

/// What a run gave.
pub struct Ran {
    /// The report.
    pub report: Report,
    /// What a new baseline would hold.
    pub collected: Collected,
}

/// What was asked for beside the report.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// Every entry, one JSON object a line.
    pub rows: bool,
    /// A new baseline.
    pub baseline: bool,
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The snapshot is damaged: nothing is known of any entry.
    #[error("the snapshot is damaged: {0}")]
    Snapshot(#[from] Damage),
    /// A paper can't be read.
    #[error("cannot read `{paper}`")]
    Read {
        /// Which.
        paper: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A paper can't be opened.
    #[error(transparent)]
    Open(#[from] crate::dataset::OpenError),
    /// The baseline would be too long.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// Rows can't be written.
    #[error("cannot write")]
    Write(#[source] std::io::Error),
}

/// One entry as it is written down.
#[derive(Debug, Default, Serialize)]
struct Row<'r> {
    file: &'r str,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Disposition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'r Decision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    damage: Option<&'r str>,
}

/// What came of some entries, in their order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) sum: Sum,
    pub(super) told: Vec<Told>,
    /// Counted without particulars.
    pub(super) counted: Vec<(&'static str, Level, u64)>,
    pub(super) known: Vec<(&'static str, u64)>,
    pub(super) collected: Vec<(Fingerprint, &'static str, Option<String>)>,
    pub(super) lines: Vec<u8>,
    /// Entries in which people may have copied a mistake.
    pub(super) looked_at: Vec<Entry>,
}

impl<'g> Gate<'g> {
    /// A gate. `plain` is the judge's policy without its exceptions: by it go the entries that none of them fits;
    /// `index` knows what entries are made from.
    #[must_use]
    pub fn new(judge: &'g Judge, plain: &'g Policy, rules: &'g Rules, index: &'g Index, policy_file: &str) -> Self {
        Self {
            judge,
            rules,
            index,
            exceptions: Exceptions::new(&judge.policy.actions.exceptions, judge.used_at),
            plan: Plan::new(&judge.snapshot, plain, judge.used_at),
            sites: Sites::default(),
            baseline: None,
            policy_file: Arc::from(policy_file),
            rows_too: false,
            collects: false,
        }
    }

    /// With known debt.
    #[must_use]
    pub fn with_baseline(self, baseline: Option<Baseline>) -> Self {
        Self { baseline, ..self }
    }

    /// With what is asked for beside the report.
    #[must_use]
    pub fn asked(self, asked: Asked) -> Self {
        Self { rows_too: asked.rows, collects: asked.baseline, ..self }
    }

    /// By what is judged.
    #[must_use]
    pub fn under(&self, lock: Option<String>) -> Under {
        let header = self.judge.snapshot.header();
        let under = Under {
            policy: self.policy_file.to_string(),
            category: self.judge.policy.category.to_string(),
            origin: header.origin.clone(),
            log_size: header.size,
            root: header.root.to_base64(),
            used_at: String::new(),
            lock,
        };
        under.at(self.judge.used_at)
    }

    /// Judges an entry with everything that it has, and puts down what comes of it.
    pub(super) fn judge(&self, entry: Entry, batch: &mut Batch) -> Result<(), Damage> {
        if !self.exceptions.is_empty() {
            self.exceptions.fit(&entry.copy.keys().0);
        }
        let judged = self.judge.judge(resolve(entry, self.index))?;
        let subject = judged.about();
        self.put(&judged.entry, subject, &judged.decision, &judged.outcome, batch);
        Ok(())
    }

    /// Puts down a decision about an entry.
    pub(super) fn put(
        &self,
        entry: &Entry,
        about: Option<String>,
        decision: &Decision,
        outcome: &Outcome,
        batch: &mut Batch,
    ) {
        batch.sum.count(decision.verdict.word(), outcome.action);
        if self.rows_too {
            let row = Row {
                file: &entry.place.file,
                line: entry.place.line.unwrap_or_default(),
                row: entry.place.row,
                about: about.as_deref(),
                verdict: Some(decision.verdict),
                action: Some(outcome.action),
                because: Some(&outcome.because),
                decision: Some(decision),
                damage: None,
            };
            write_row(&row, batch);
        }
        let content = entry.copy.content.first().map(ToString::to_string);
        if let Some(rules) = &self.rules.licenses {
            for finding in super::licenses::look(rules, entry, about.as_deref()) {
                self.found(finding, Vec::new, content.as_deref(), batch);
            }
        }
        if outcome.action != Disposition::Keep {
            let finding = refused(&self.judge.policy, &entry.place, about, decision, outcome);
            self.found(finding, || words::notes(decision, outcome), content.as_deref(), batch);
        }
    }

    /// Puts down what could not be read.
    pub(super) fn damaged(&self, place: Place, what: &str, batch: &mut Batch) {
        batch.sum.rows += 1;
        batch.sum.damaged += 1;
        if self.rows_too {
            let row = Row {
                file: &place.file,
                line: place.line.unwrap_or_default(),
                row: place.row,
                damage: Some(what),
                ..Row::default()
            };
            write_row(&row, batch);
        }
        let finding = unread(place, what);
        let fingerprint = super::baseline::fingerprint(&finding, None);
        batch.keep(finding, fingerprint, Vec::new);
    }

    /// A finding: known debt, or new.
    pub(super) fn found(
        &self,
        finding: Finding,
        notes: impl FnOnce() -> Vec<String>,
        content: Option<&str>,
        batch: &mut Batch,
    ) {
        let closes = finding.level == Level::Error;
        let fingerprint = super::baseline::fingerprint(&finding, content);
        if closes && self.collects {
            batch.collected.push((fingerprint, finding.code, finding.about.clone()));
        }
        if closes && self.baseline.as_ref().is_some_and(|baseline| baseline.knows(&fingerprint)) {
            add(&mut batch.known, finding.code);
            return;
        }
        batch.keep(finding, fingerprint, notes);
    }

    /// The report's beginning.
    pub(super) fn begin(&self, lock: Option<String>) -> Ran {
        let debt = self.baseline.as_ref().map(|_| Debt::default());
        Ran { report: Report { under: self.under(lock), debt, ..Report::default() }, collected: Collected::default() }
    }

    /// Says of the exceptions what is to be said, and of the debt how much is paid.
    pub(super) fn end(&self, ran: &mut Ran) {
        for finding in self.exceptions.lint(self.rules, &self.policy_file) {
            let mut batch = Batch::default();
            self.found(finding, Vec::new, None, &mut batch);
            let _ = ran.take(batch, None);
        }
        if let (Some(debt), Some(baseline)) = (&mut ran.report.debt, &self.baseline) {
            debt.paid = baseline.paid();
        }
    }

    /// When the use takes place.
    #[must_use]
    pub const fn used_at(&self) -> Timestamp {
        self.judge.used_at
    }

    /// By what is judged.
    #[must_use]
    pub const fn snapshot(&self) -> &Mapped {
        &self.judge.snapshot
    }
}

fn write_row(row: &Row<'_>, batch: &mut Batch) {
    let before = batch.lines.len();
    // Texts and numbers alone: a row has a JSON form.
    if serde_json::to_writer(&mut batch.lines, row).is_err() {
        batch.lines.truncate(before);
        return;
    }
    batch.lines.push(b'\n');
}

fn add(counts: &mut Vec<(&'static str, u64)>, code: &'static str) {
    match counts.iter_mut().find(|(known, _)| *known == code) {
        Some((_, count)) => *count += 1,
        None => counts.push((code, 1)),
    }
}

impl Batch {
    fn keep(&mut self, finding: Finding, fingerprint: Fingerprint, notes: impl FnOnce() -> Vec<String>) {
        if self.told.len() < MAX_OF_BLOCK {
            self.told.push(Told { finding, fingerprint, notes: notes() });
            return;
        }
        let counted = self.counted.iter_mut().find(|(code, level, _)| (*code, *level) == (finding.code, finding.level));
        match counted {
            Some((_, _, count)) => *count += 1,
            None => self.counted.push((finding.code, finding.level, 1)),
        }
    }
}

impl Ran {
    /// Takes what came of some entries of a paper (by its place in the report).
    pub(super) fn take(&mut self, batch: Batch, paper: Option<usize>) -> Result<Vec<u8>, BaselineError> {
        self.report.sum.add(&batch.sum);
        if let Some((_, sum)) = paper.and_then(|paper| self.report.papers.get_mut(paper)) {
            sum.add(&batch.sum);
        }
        for told in batch.told {
            self.report.tell(told);
        }
        for (code, level, count) in batch.counted {
            (0..count).for_each(|_| self.report.count(code, level));
        }
        for (code, count) in batch.known {
            self.report.codes.entry(code).or_default().known += count;
            if let Some(debt) = &mut self.report.debt {
                debt.known += count;
            }
        }
        for (fingerprint, code, about) in batch.collected {
            self.collected.add(fingerprint, code, about)?;
        }
        Ok(batch.lines)
    }

    /// A finding from elsewhere: of files that don't hold what they claim, of mistakes that papers copy.
    pub fn tell(&mut self, gate: &Gate<'_>, finding: Finding) -> Result<(), BaselineError> {
        let mut batch = Batch::default();
        gate.found(finding, Vec::new, None, &mut batch);
        self.take(batch, None).map(drop)
    }
}

fn refused(policy: &Policy, place: &Place, about: Option<String>, decision: &Decision, outcome: &Outcome) -> Finding {
    let done = if outcome.action == Disposition::Review { "wants it reviewed" } else { "drops it" };
    let code = match decision.deciding() {
        Some(reason) if decision.verdict != Verdict::Cleared => reason.word(),
        _ => GateCode::PolicyRefuses.word(),
    };
    Finding {
        code,
        level: Level::Error,
        place: place.clone(),
        about,
        message: format!("{} for {}; the policy {done} ({})", decision.verdict, policy.category, outcome.because),
        hint: Some(words::hint(decision.verdict).to_owned()),
    }
}

fn unread(place: Place, what: &str) -> Finding {
    Finding {
        code: GateCode::EntryUnreadable.word(),
        level: Level::Error,
        place,
        about: None,
        message: format!("this can't be read: {what}"),
        hint: Some("mend it, or take it out; what was not read is never a yes".to_owned()),
    }
}

/// What a paper without entries is told as.
pub(super) fn nothing_listed(paper: &str) -> Finding {
    Finding {
        code: GateCode::NothingListed.word(),
        level: Level::Error,
        place: Place { file: Arc::from(paper), ..Place::default() },
        about: Some(paper.to_owned()),
        message: "this holds no rows, so there is nothing to say yes to".to_owned(),
        hint: Some("look at the step that writes it".to_owned()),
    }
}

/// What a copy is about, as findings name it.
pub(super) fn named(entry: &Entry) -> Option<String> {
    about(&entry.copy).or_else(|| entry.name.clone())
}
