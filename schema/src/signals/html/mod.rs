//! What a page says of itself: meta elements, links, inline RSL, JSON-LD, RDFa and microdata, license marks, its own address.
//!
//! Carriers: RSL 1.0 (2025-12-10), TDMRep (2024-05-10), robots meta elements and schema.org (documentation as of 2026-11),
//! `rel=license` and `rel=canonical` (HTML standard, RFC 6596). Deliberately absent: running text, `data-nosnippet`, pages in
//! UTF-16, and anything that a script would write.

mod json_ld;
mod link;
mod meta;
mod needles;
mod page;
mod tags;
#[cfg(test)]
mod tests;

use super::carried::Carried;
use super::{Complaint, Lint, Parsed};
use crate::vocab::agents::AgentTable;
use crate::vocab::{AppliesTo, AuthorityKind};
use page::Page;

/// Most bytes of a page that are read.
const LARGEST: usize = 16 * 1024 * 1024;

/// Most marks, documents or credits of one page, each.
const MOST_FOUND: usize = 200;

/// Most complaints of one page.
const MOST_COMPLAINTS: usize = 200;

/// The cheap pre-check. `false` means that [`parse`] would find nothing; `true` promises nothing.
#[must_use]
pub fn may_speak(bytes: &[u8]) -> bool {
    needles::any(bytes)
}

/// Reads a page in any encoding that agrees with ASCII.
#[must_use]
pub fn parse(bytes: &[u8], agents: &AgentTable) -> Parsed {
    let mut complaints = Vec::new();
    if is_utf16(bytes) {
        complaints.push(Complaint::at(0, Lint::Encoding, "UTF-16: not read"));
        return Parsed { complaints, ..Parsed::default() };
    }
    if bytes.len() > LARGEST {
        complaints.push(Complaint::at(
            0,
            Lint::TooMuch,
            format!("{} bytes: the first {LARGEST} were read", bytes.len()),
        ));
    }
    let bytes = &bytes[..bytes.len().min(LARGEST)];
    let Some(last) = needles::last(bytes) else {
        return Parsed { complaints, ..Parsed::default() };
    };
    read_until(bytes, agents, last, complaints)
}

/// Reads every tag that begins no later than at `last`.
fn read_until(bytes: &[u8], agents: &AgentTable, last: usize, complaints: Vec<Complaint>) -> Parsed {
    let mut page = Page::new(bytes, agents);
    page.said.complaints = complaints;
    page.walk(last);
    let documents = std::mem::take(&mut page.documents);
    documents.tell(&mut page);
    elsewhere(&mut page);
    settle_marks(&mut page.said);
    page.said.complaints.truncate(MOST_COMPLAINTS);
    page.said
}

/// Two bytes a letter: a byte order mark, or markup with a zero byte beside its first `<`.
fn is_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'<', 0, ..] | [0, b'<', ..])
}

/// Values of meta elements that belong to standards with parsers of their own.
fn elsewhere(page: &mut Page<'_>) {
    let carried = Carried {
        tdm_reservation: page.tdm_reservation.iter().map(String::as_str).collect(),
        tdm_policy: page.tdm_policy.iter().map(String::as_str).collect(),
        content_usage: page.content_usage.iter().map(String::as_str).collect(),
        content_signal: Vec::new(),
    };
    let said = carried.read(AuthorityKind::Page);
    page.said.join(said);
}

/// A page that names two licenses for itself says of neither what it is for.
fn settle_marks(said: &mut Parsed) {
    said.marks.sort();
    said.marks.dedup();
    let mut own = said.marks.iter().filter(|mark| mark.applies_to == AppliesTo::Item).map(|mark| &mark.license);
    let first = own.next().cloned();
    if own.any(|license| Some(license) != first.as_ref()) {
        said.complaints.push(Complaint::at(0, Lint::Contradiction, "the page names several licenses for itself"));
        for mark in said.marks.iter_mut().filter(|mark| mark.applies_to == AppliesTo::Item) {
            mark.applies_to = AppliesTo::Unclear;
        }
    }
}
