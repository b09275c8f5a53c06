//! Really Simple Licensing: RSL 1.0 (Recommendation of 2025-12-10, errata to 2026-08-07) and 0.9 (September 2025).
//!
//! An offer of terms as XML. Its specification is strict: an unknown element makes the whole document no license at all.
//! Real files break it more often than not, so both readings are taken and the stricter counts: whatever such a document
//! prohibits is prohibited, whatever it permits is in doubt (`malformed`), and what it leaves out is not licensed.
//!
//! Deliberately absent: media types (the caller's), finding documents (the carriers'), and tokens of license servers.

mod askers;
mod document;
mod evaluate;
mod feed;
mod place;
mod read;
mod standard;
#[cfg(test)]
mod tests;
mod together;
mod xml;

pub use document::{
    Content, Copyright, Dimension, Edition, License, Payment, PaymentAmount, Reporting, Rsl, Tokens, Typed,
};

use super::{Complaint, Lint, MAX_SIGNALS, Parsed, Signal, price};
use crate::vocab::{AuthorityKind, Preference};
use evaluate::Evaluator;
use place::Place;
use read::Reader;
use xml::{Bounds, Space, Tree};

/// The namespace of every version of RSL so far.
pub use xml::NAMESPACE;

/// Most bytes of a document that are read.
pub const MAX_BYTES: usize = 512 * 1024;
/// Most bytes of a feed that are read.
pub const MAX_FEED_BYTES: usize = 4 * 1024 * 1024;

const DOCUMENT: Bounds = Bounds { bytes: MAX_BYTES, elements: 20_000 };
const FEED: Bounds = Bounds { bytes: MAX_FEED_BYTES, elements: 100_000 };

/// What a stand-alone or embedded RSL document says. `document`: its address, which becomes the signals' `policy`; empty
/// where it has none. `authority`: the kind of carrier; in a page or file the license covers that carrier alone.
#[must_use]
pub fn parse(bytes: &[u8], document: &str, authority: AuthorityKind) -> Parsed {
    let mut out = Parsed::default();
    let Some((mut rsl, broken)) = read_document(bytes, &mut out.complaints) else { return out.sorted() };
    let own = place::absolute(document);
    let bound = place::is_bound(authority);
    if bound && rsl.contents.len() > 1 {
        // Sections 4.6.2 and 4.8: what stands in a page or a file has one content.
        rsl.defective = true;
        out.complaints.push(Complaint::at(
            rsl.contents[1].line,
            Lint::Contradiction,
            "a second `content` in one carrier",
        ));
    }
    let mut evaluator = Evaluator {
        rsl: &rsl,
        document: price::place(document),
        authority,
        out: &mut out,
        territories: 0,
        too_much: rsl.too_much,
    };
    let mut said = Vec::new();
    for content in &rsl.contents {
        let place = Place::of(content, own.as_ref(), authority, &mut evaluator.out.complaints);
        if bound && evaluator.out.canonical.is_none() {
            // The license follows the work, and its address names the work's home, which the asker has to hold
            // against the host that the copy was found on.
            evaluator.out.canonical = content.url.clone().filter(|url| place::absolute(url).is_some());
        }
        said.extend(evaluator.content(content, &place));
    }
    if !bound {
        together::read_together(&mut evaluator, &said);
    }
    let (too_much, document) = (evaluator.too_much, evaluator.document);
    if too_much || out.signals.len() >= MAX_SIGNALS {
        // What was not read may restrict more than anything that was.
        out.signals = vec![of_everything(&rsl, document, authority, Preference::Disallowed, "more than is read")];
        out.complaints.push(Complaint::at(0, Lint::TooMuch, "the document is longer than is read: all is reserved"));
    } else if broken || rsl.contents.is_empty() {
        out.signals.push(of_everything(&rsl, document, authority, Preference::Allowed, "a broken document"));
    }
    out.sorted()
}

/// What the items of a feed say by the RSL module for RSS (RSL 1.0 section 4.7), each for its own address.
#[must_use]
pub fn parse_feed(bytes: &[u8], document: &str) -> Parsed {
    let mut out = Parsed::default();
    let Tree { root, broken, too_much: _, complaints } = xml::read(bytes, FEED);
    out.complaints = complaints;
    let Some(root) = root.filter(|root| matches!(root.name.as_str(), "rss" | "feed" | "RDF")) else {
        out.complaints = vec![Complaint::at(0, Lint::NotThisFormat, "not a feed")];
        return out;
    };
    let own = place::absolute(document);
    let (mut rsl, items) = feed::items(&root, own.as_ref(), &mut out.complaints);
    rsl.defective |= broken;
    let mut evaluator = Evaluator {
        rsl: &rsl,
        document: price::place(document),
        authority: AuthorityKind::SiteFile,
        out: &mut out,
        territories: 0,
        too_much: false,
    };
    for item in &items {
        evaluator.content(&item.content, &item.place);
    }
    if evaluator.too_much {
        out.complaints.push(Complaint::at(0, Lint::TooMuch, "items of the feed were not read"));
    }
    out.sorted()
}

/// The document as its author wrote it, with complaints. `None`: these bytes are not meant as RSL.
#[must_use]
pub fn read(bytes: &[u8]) -> (Option<Rsl>, Vec<Complaint>) {
    let mut complaints = Vec::new();
    let rsl = read_document(bytes, &mut complaints).map(|(rsl, _)| rsl);
    (rsl, complaints)
}

fn read_document(bytes: &[u8], complaints: &mut Vec<Complaint>) -> Option<(Rsl, bool)> {
    let Tree { root, broken, too_much, complaints: about_xml } = xml::read(bytes, DOCUMENT);
    let named = |root: &xml::Element| root.name == "rsl" || matches!(root.space, Space::Rsl | Space::AlmostRsl);
    let Some(root) = root.filter(named) else {
        complaints.push(Complaint::at(0, Lint::NotThisFormat, "no RSL document"));
        return None;
    };
    complaints.extend(about_xml);
    let defective = broken || too_much;
    let mut reader = Reader { rsl: Rsl { defective, too_much, ..Rsl::default() }, complaints };
    if root.name == "rsl" {
        reader.root(&root);
    } else {
        reader.rsl.defective = true;
        let detail = format!("the root is `{}` and not `rsl`", root.name);
        reader.complaints.push(Complaint::at(root.line, Lint::Malformed, detail));
    }
    Some((reader.rsl, broken))
}

/// One signal for all that RSL governs: what is announced and can't be read is not licensed.
fn of_everything(
    rsl: &Rsl,
    document: Option<String>,
    authority: AuthorityKind,
    preference: Preference,
    label: &str,
) -> Signal {
    let signal = Signal::of("rsl", rsl.edition().word(), label.to_owned(), authority, preference, evaluate::all());
    Signal { policy: document, malformed: preference == Preference::Allowed, ..signal }
}
