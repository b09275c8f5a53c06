//! A table through the filter: row group by row group, URLs first, the text only where the bytes decide or the row is kept.
//!
//! A row group is decided as a whole or not at all: what was written of one that turns out to be damaged is taken back, none of
//! its rows is kept, and the run goes on with the next.

use super::FilterError;
use super::document::{Asking, DamageRow, Document};
use super::plan::{Missing, Plan, Ruling};
use super::table_output::{Stop, TableOutputs};
use crate::crawl::parquet::{Keys, Table, Text};
use cleartitle_schema::id::{ContentId, ContentName, Sha256Alias};
use cleartitle_schema::policy::{Disposition, Policy};
use cleartitle_schema::scope::Target;
use cleartitle_schema::snapshot::{self, VerifiedSnapshot};
use cleartitle_schema::surt::UrlKey;
use cleartitle_schema::time::Timestamp;
use std::sync::Arc;

/// Whether every row's text is to be read: a statement or the policy names documents by their bytes.
///
/// # Errors
/// Damage in the snapshot.
pub fn content_decides<D: AsRef<[u8]>>(
    snapshot: &VerifiedSnapshot<D>,
    policy: &Policy,
) -> Result<bool, snapshot::Damage> {
    for name in [ContentName::Blake3(ContentId([0; 32])), ContentName::Sha256(Sha256Alias([0; 32]))] {
        if snapshot.lists_kind(name.to_parts().0)? {
            return Ok(true);
        }
    }
    Ok(policy.actions.exceptions.iter().any(|exception| matches!(exception.target, Target::Content { .. })))
}

/// What is asked of each row, and by what.
pub struct Rows<'a, D> {
    /// The rulings.
    pub plan: &'a Plan<'a, D>,
    /// What is asked.
    pub asking: &'a Asking,
    /// The table.
    pub table: &'a Table,
    /// Every text is read.
    pub content_decides: bool,
}

/// What becomes of each row of a row group.
#[derive(Default)]
struct Fates {
    kept: Vec<bool>,
    review: Vec<bool>,
}

/// What a row comes to.
enum Judged {
    Document(Box<Document>),
    Damaged { what: &'static str, detail: String },
}

impl<D: AsRef<[u8]> + Sync> Rows<'_, D> {
    /// Runs the whole table through; `told` hears of each row group's end and of damage.
    ///
    /// # Errors
    /// What keeps the run from going on; damage of a row group doesn't.
    pub fn run(
        &self,
        outputs: &mut TableOutputs,
        mut told: impl FnMut(u64, u64, Option<&DamageRow>),
    ) -> Result<(), FilterError> {
        let mut documents = 0;
        for group in 0..self.table.groups() {
            let marks = outputs.begin(group)?;
            let range = self.table.range_of(group);
            let before = documents;
            match self.group(group, outputs, &mut documents, &mut told) {
                Ok(()) => outputs.commit(&range),
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Damaged(error)) => {
                    documents = before;
                    let row = outputs.take_back(marks, group, &range, &error)?;
                    told(range.end, documents, Some(&row));
                }
            }
            told(range.end, documents, None);
        }
        Ok(())
    }

    fn group(
        &self,
        group: usize,
        outputs: &mut TableOutputs,
        documents: &mut u64,
        told: &mut impl FnMut(u64, u64, Option<&DamageRow>),
    ) -> Result<(), Stop> {
        let (rows, range) = (self.table.rows_of(group), self.table.range_of(group));
        let mut keys = self.table.group(group).map_err(Stop::of)?;
        let mut texts = self.table.texts(group).map_err(Stop::of)?;
        let mut fates = Fates::default();
        let mut row = 0_u64;
        loop {
            let batch = keys.next_rows().map_err(Stop::of)?;
            if batch.is_empty() {
                break;
            }
            for key in batch {
                let id = key.id.clone();
                let action = match self.judge(key, row, &mut texts)? {
                    Judged::Document(document) => {
                        let action = document.action;
                        outputs.document(*document, id, row)?;
                        *documents += 1;
                        action
                    }
                    Judged::Damaged { what, detail } => {
                        let damaged = outputs.damaged_row(id, row, what, detail)?;
                        told(range.start, *documents, Some(&damaged));
                        Disposition::Drop
                    }
                };
                fates.kept.push(action == Disposition::Keep);
                fates.review.push(action == Disposition::Review);
                row += 1;
            }
            let part = u128::from(range.end - range.start) * u128::from(row) / u128::from(rows.max(1));
            told(range.start + u64::try_from(part).unwrap_or_default(), *documents, None);
        }
        outputs.put(self.table, group, &fates.kept, &fates.review)
    }

    /// Judges one row: by its URL alone where its bytes can't matter, and its text is read only if it stays.
    fn judge(&self, keys: Keys, row: u64, texts: &mut Text<'_>) -> Result<Judged, Stop> {
        if let Some(broken) = keys.broken {
            let detail = format!("{broken} is not UTF-8");
            return Ok(Judged::Damaged { what: "malformed-row", detail });
        }
        let captured_at = self.asking.captured(keys.date.as_deref());
        let missing = Missing { url: keys.url.is_none(), captured_at: captured_at.is_none() };
        let mut copy = self.asking.copy(keys.url.as_deref(), captured_at);
        let by_bytes = self.content_decides || self.plan.bytes_matter(&copy)?;
        let mut ruling: Option<Arc<Ruling>> = None;
        if !by_bytes {
            let ruled = self.plan.rule(&copy, missing)?;
            if ruled.outcome.action == Disposition::Drop {
                return Ok(Judged::Document(Box::new(document(keys, captured_at, None, ruled))));
            }
            ruling = Some(ruled);
        }
        let Some(text) = texts.read(row).map_err(Stop::of)? else {
            return Ok(Judged::Damaged { what: "missing-text", detail: "the text is null".to_owned() });
        };
        let bytes = text.data();
        // A reader that takes texts as texts would fail on it, or read another one.
        if std::str::from_utf8(bytes).is_err() {
            return Ok(Judged::Damaged { what: "malformed-row", detail: "the text is not UTF-8".to_owned() });
        }
        let content = ContentId::of(bytes);
        let aliases: Vec<ContentName> = self.asking.sha256_of(bytes).into_iter().collect();
        let ruling = match ruling {
            Some(ruling) => ruling,
            None => {
                copy.content = std::iter::once(ContentName::Blake3(content)).chain(aliases.iter().copied()).collect();
                self.plan.rule(&copy, missing)?
            }
        };
        let read = (content, aliases, bytes.len() as u64);
        Ok(Judged::Document(Box::new(document(keys, captured_at, Some(read), ruling))))
    }
}

fn document(
    keys: Keys,
    captured_at: Option<Timestamp>,
    read: Option<(ContentId, Vec<ContentName>, u64)>,
    ruling: Arc<Ruling>,
) -> Document {
    let host = keys.url.as_deref().and_then(|url| UrlKey::parse(url).ok()).map(|key| key.host);
    let (content, aliases, bytes) = match read {
        Some((content, aliases, bytes)) => (Some(content), aliases, bytes),
        None => (None, Vec::new(), 0),
    };
    // What was extracted from a page has lost its marks: there is no evidence.
    let media_type = Some(std::borrow::Cow::Borrowed("text/plain"));
    Document { content, aliases, url: keys.url, host, captured_at, bytes, media_type, ..Document::ruled(ruling) }
}
