//! Tally: what was looked at and what it said, counted.

use super::conclusion::Conclusion;
use cleartitle_schema::signals::SourceOutcome;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The counts of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Captures in a crawl, or sites of a list, that were looked at.
    pub looked: u64,
    /// Sites that are known, over all runs of the folder.
    pub sites: u64,
    /// Observations written, or to be written.
    pub observations: u64,
    /// Looked at, and the same as before.
    pub unchanged: u64,
    /// Skipped, since they were finished or are still fresh.
    pub skipped: u64,
    /// Sources by outcome.
    pub sources: BTreeMap<&'static str, u64>,
    /// Signals by standard and preference.
    pub signals: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// What parsers stumbled over, by code.
    pub complaints: BTreeMap<&'static str, u64>,
    /// Stretches of crawl files that could not be read.
    pub damage: u64,
    /// Lines of the list that name no site.
    pub bad_lines: u64,
    /// Files of a crawl whose host no statement can name, such as an IP address.
    pub unnamed: u64,
    /// Statements that the registry acknowledged in this run.
    pub registered: u64,
    /// Blobs that the registry took in this run.
    pub uploaded: u64,
    /// Statements and blobs that it refused.
    pub refused: u64,
}

impl Tally {
    /// Counts a conclusion that is new.
    pub fn count(&mut self, conclusion: &Conclusion) {
        self.observations += 1;
        for source in &conclusion.sources {
            *self.sources.entry(source.outcome.word()).or_default() += 1;
        }
        for signal in &conclusion.signals {
            let preferences = self.signals.entry(signal.standard.clone()).or_default();
            *preferences.entry(signal.preference.word()).or_default() += 1;
        }
        for (_, complaint) in &conclusion.complaints {
            *self.complaints.entry(complaint.lint.word()).or_default() += 1;
        }
    }

    /// Whether everything that was named could be looked at and handed over.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.damage == 0 && self.bad_lines == 0 && self.refused == 0
    }

    fn outcome(&self, outcome: SourceOutcome) -> u64 {
        self.sources.get(outcome.word()).copied().unwrap_or_default()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "looked at      {}; {} sites known", self.looked, self.sites)?;
        writeln!(
            f,
            "observations   {} new, {} unchanged, {} skipped",
            self.observations, self.unchanged, self.skipped
        )?;
        let [read, silent, failed] = [SourceOutcome::Read, SourceOutcome::Silent, SourceOutcome::Failed];
        writeln!(
            f,
            "sources        {} read, {} silent, {} failed",
            self.outcome(read),
            self.outcome(silent),
            self.outcome(failed)
        )?;
        for (standard, preferences) in &self.signals {
            let told: Vec<String> = preferences.iter().map(|(word, count)| format!("{count} {word}")).collect();
            writeln!(f, "  {standard:<12} {}", told.join(", "))?;
        }
        for (code, count) in &self.complaints {
            writeln!(f, "  lint {code:<16} {count}")?;
        }
        if self.registered + self.uploaded + self.refused > 0 {
            let (registered, uploaded, refused) = (self.registered, self.uploaded, self.refused);
            writeln!(f, "registry       {registered} registered, {uploaded} blobs taken, {refused} refused")?;
        }
        Ok(())
    }
}
