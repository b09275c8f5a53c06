//! What is told of a document: why it was not kept, why it may be used, or why it is not decided yet.

use super::FilterError;
use super::candidate::{self, CANDIDATE, NOT_CHECKED, Told};
use super::document::Document;
use super::files::Lines;
use cleartitle_schema::decide::{Owed, Verdict};
use cleartitle_schema::id::ContentId;
use cleartitle_schema::manifest::{Place, Row};
use cleartitle_schema::time::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

/// A decision as `excluded/NAME.decisions.jsonl` holds it: one excluded or reviewed document.
#[derive(Serialize)]
struct DecisionRow<'a> {
    /// The file that the place is in, where that is not the input itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row_group: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    captured_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<ContentId>,
    verdict: Verdict,
    action: &'a str,
    because: &'a str,
    reasons: &'a RawValue,
    #[serde(skip_serializing_if = "<[Owed]>::is_empty")]
    duties: &'a [Owed],
    #[serde(skip_serializing_if = "Option::is_none")]
    record_signals: Option<&'a str>,
}

impl<'a> DecisionRow<'a> {
    fn of(document: &'a Document, record: Option<&'a str>, place: &Place) -> Self {
        let ruling = &document.ruling;
        Self {
            file: document.source.as_deref(),
            record,
            offset: place.offset,
            length: place.length,
            line: place.line,
            row_group: place.row_group,
            row: place.row,
            url: document.url.as_deref(),
            captured_at: document.captured_at,
            content: document.content,
            verdict: ruling.decision.verdict,
            action: document.action.word(),
            because: &document.because,
            reasons: &ruling.reasons,
            duties: &ruling.decision.duties,
            record_signals: None,
        }
    }
}

/// Writes down the decision on a document that is not kept.
pub(super) fn decided(
    decisions: &mut Lines,
    document: &Document,
    record: Option<&str>,
    place: &Place,
) -> Result<(), FilterError> {
    decisions.put(&DecisionRow::of(document, record, place))
}

/// Writes down why a kept document may be used. Without its id it is none: nothing is kept that nobody can name.
pub(super) fn listed(
    manifest: &mut Lines,
    document: Document,
    record: Option<String>,
    container: Place,
    source: Place,
) -> Result<(), FilterError> {
    let Some(content) = document.content else { return Err(FilterError::Stopped) };
    let ruling = &document.ruling;
    manifest.put(&Row {
        content,
        url: document.url,
        captured_at: document.captured_at,
        bytes: Some(document.bytes),
        media_type: document.media_type.map(std::borrow::Cow::into_owned),
        container,
        source: Some(source),
        record,
        aliases: document.aliases,
        canonical: document.evidence.canonical,
        marks: document.evidence.marks,
        credits: document.evidence.credits,
        in_record: document.evidence.says.filter(|says| !says.signals.is_empty()),
        verdict: ruling.decision.verdict,
        reasons: ruling.codes.clone(),
        statements: ruling.statements.clone(),
        duties: ruling.decision.duties.clone(),
    })
}

/// Writes down why a document is handed on rather than decided.
pub(super) fn handed_on(
    not_checked: &mut Lines,
    document: &Document,
    record: Option<&str>,
    place: &Place,
) -> Result<(), FilterError> {
    let Told { verdict, because, reasons } = candidate::told(&document.ruling);
    let record_signals = document.evidence.says.is_none().then_some(NOT_CHECKED);
    not_checked.put(&DecisionRow {
        verdict,
        action: CANDIDATE,
        because,
        reasons: &reasons,
        duties: &[],
        record_signals,
        ..DecisionRow::of(document, record, place)
    })
}
