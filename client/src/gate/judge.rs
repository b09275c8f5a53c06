//! One entry judged: the verdict, what the policy makes of it, and by which of its lines.

use crate::dataset::Entry;
use crate::snapshot::Mapped;
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::decide::{Decision, decide};
use cleartitle_schema::policy::{Outcome, Policy, act};
use cleartitle_schema::snapshot::Damage;
use cleartitle_schema::time::Timestamp;

/// What became of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The entry, as the paper has it.
    pub entry: Entry,
    /// The verdict with its reasons.
    pub decision: Decision,
    /// What the policy does, and why.
    pub outcome: Outcome,
}

impl Judged {
    /// What the entry is about, in a word.
    #[must_use]
    pub fn about(&self) -> Option<String> {
        about(&self.entry.copy).or_else(|| self.entry.name.clone())
    }
}

/// A snapshot, a policy and a moment of use.
#[derive(Debug)]
pub struct Judge {
    /// By what is decided.
    pub snapshot: Mapped,
    /// By what is acted.
    pub policy: Policy,
    /// When the use takes place.
    pub used_at: Timestamp,
}

impl Judge {
    /// Judges an entry.
    ///
    /// # Errors
    /// [`Damage`] of the snapshot: then nothing is known of any entry.
    pub fn judge(&self, mut entry: Entry) -> Result<Judged, Damage> {
        let question = self.policy.question(std::mem::take(&mut entry.copy), self.used_at);
        let evidence = self.snapshot.gather(&question.acquisition)?;
        let decision = decide(&question, &evidence, &self.policy.reading);
        let outcome = act(&self.policy.actions, &question, &decision);
        entry.copy = question.acquisition;
        Ok(Judged { entry, decision, outcome })
    }
}

/// What a copy is about, in a word: its URL, or else its content, work or collection.
#[must_use]
pub fn about(copy: &Acquisition) -> Option<String> {
    let url = copy.fetched_url().map(str::to_owned).or_else(|| copy.urls.first().map(|copy| copy.url.clone()));
    url.or_else(|| copy.content.first().map(ToString::to_string))
        .or_else(|| copy.works.first().map(|work| work.id.as_str().to_owned()))
        .or_else(|| copy.collections.first().cloned())
}
