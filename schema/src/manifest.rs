//! Manifest: what a data set contains, one row a document, and the obligations that its documents add up to.
//!
//! A manifest is JSON Lines, one [`Row`] a line, in the order of the data set. [`Tally`] counts the duties of the rows;
//! [`Tally::bill`] says what is owed to whom, once, exactly.

use crate::acquisition::{Credit, InRecord, LicenseMark};
use crate::decide::{Owed, Reason, Verdict};
use crate::id::{ContentId, ContentName, StatementId};
use crate::pricing::Metering;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use crate::bill::{Bill, Obligation, Payee};
pub use crate::pricing::Due;

/// Where a document lies in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The file, relative to the manifest or as the input was named.
    pub file: String,
    /// First byte of the record, or of the member that holds it, in the file as stored. Left out where the record has no
    /// place of its own, as a line in a compressed JSONL file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// How many stored bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// The line in a JSONL file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The row group in a Parquet file, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_group: Option<u64>,
    /// The row in its row group, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
}

/// One document of a data set: which bytes, from where, and why it may be used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The document.
    pub content: ContentId,
    /// The URL it was fetched from, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When it was captured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<Timestamp>,
    /// How many bytes the document has, decoded. Left out: a row of an older run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its media type as it was served, in lower case, without parameters; `text/plain` for a text out of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Where it lies in the data set.
    pub container: Place,
    /// Where it was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Place>,
    /// The record's own id, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// Other names of the bytes, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<ContentName>,
    /// Another address that the document names as its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// License marks shown with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<LicenseMark>,
    /// Signs of third parties' material.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credits: Vec<Credit>,
    /// What the copy itself says, where it says anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_record: Option<InRecord>,
    /// What was decided.
    pub verdict: Verdict,
    /// Why, the deciding reason first.
    pub reasons: Vec<Reason>,
    /// The statements among the reasons, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<StatementId>,
    /// What is owed for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duties: Vec<Owed>,
}

/// How often one duty fell upon kept documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// The duty, its payee and its statement.
    pub owed: Owed,
    /// How many copies of documents it fell upon.
    pub documents: u64,
}

/// Duties counted over documents. Two tallies add up in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Counted>", into = "Vec<Counted>")]
pub struct Tally(BTreeMap<Owed, u64>);

impl From<Vec<Counted>> for Tally {
    fn from(counted: Vec<Counted>) -> Self {
        let mut tally = Self::default();
        counted.into_iter().for_each(|it| tally.count(it.owed, it.documents));
        tally
    }
}

impl From<Tally> for Vec<Counted> {
    fn from(tally: Tally) -> Self {
        tally.0.into_iter().map(|(owed, documents)| Counted { owed, documents }).collect()
    }
}

impl Tally {
    /// Adds the duties of one document.
    pub fn add(&mut self, duties: &[Owed]) {
        for owed in duties {
            match self.0.get_mut(owed) {
                Some(documents) => *documents = documents.saturating_add(1),
                None => self.count(owed.clone(), 1),
            }
        }
    }

    fn count(&mut self, owed: Owed, documents: u64) {
        let sum = self.0.entry(owed).or_default();
        *sum = sum.saturating_add(documents);
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(owed, documents)| self.count(owed, documents));
    }

    /// Each duty, and how many copies of documents it fell upon; in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Owed, u64)> {
        self.0.iter().map(|(owed, documents)| (owed, *documents))
    }

    /// How many different duties there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether all of these are among them.
    #[must_use]
    pub fn knows(&self, duties: &[Owed]) -> bool {
        duties.iter().all(|owed| self.0.contains_key(owed))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is owed to whom: one line for each duty of each statement, the sums for each payee and currency.
    #[must_use]
    pub fn bill(&self) -> Bill {
        self.bill_by(&Metering::default())
    }

    /// The same by what was counted, for the period that is billed.
    #[must_use]
    pub fn bill_by(&self, metering: &Metering) -> Bill {
        Bill::of(self.iter().map(|(owed, documents)| Obligation::of(owed, documents, metering)).collect())
    }
}
