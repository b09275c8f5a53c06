//! Signals inside content: C2PA/CAWG assertions and IPTC/PLUS, TDMRep and rights properties of XMP, whatever file holds them.
//!
//! No signature is validated here. Until that is done, nothing embedded speaks as `content-signed`: every signal is
//! `content-unsigned`, which anybody who passed the file on may have written or stripped.
//!
//! Deliberately absent: EPUB and other archives, compressed metadata (PNG `zTXt`, compressed PDF streams and manifests),
//! manifests kept elsewhere (they are announced), ISCC TDM-AI declarations (they stand in a registry, not in the
//! content).

mod carriers;
mod cbor;
mod data_mining;
mod jpeg;
mod jumbf;
mod manifests;
mod rights;
mod rsl;
mod scan;
mod training;
mod value;
mod xmp;

pub use carriers::may_speak;
pub use rsl::rsl_in_xmp;

use super::{LONGEST, Lint, Parsed, Signal, shown};
use crate::signals::Complaint;
use crate::vocab::{AppliesTo, AuthorityKind, Preference, Use};

/// Most bytes of an address. A longer one is no address that anybody fetches.
const LONGEST_ADDRESS: usize = 2048;

/// Everything that a file says inside itself. Silent for formats that are not read.
#[must_use]
pub fn parse(bytes: &[u8]) -> Parsed {
    let found = carriers::find(bytes);
    let mut all = Parsed { complaints: found.complaints, ..Parsed::default() };
    for packet in &found.packets {
        let mut said = parse_xmp(&packet.bytes);
        if !packet.whole_document {
            doubt(&mut said, "XMP that may be about a part of the file permits nothing");
        }
        all.join(said);
    }
    for store in &found.stores {
        let mut said = parse_manifests(&store.bytes);
        if !store.whole_document {
            doubt(&mut said, "a C2PA manifest that may be about a part of the file permits nothing");
        }
        all.join(said);
    }
    all.sorted()
}

/// What one XMP packet says (ISO 16684-1:2019, serialised as RDF/XML).
#[must_use]
pub fn parse_xmp(bytes: &[u8]) -> Parsed {
    let packet = xmp::read(bytes);
    let mut said = Parsed { complaints: packet.complaints.clone(), ..Parsed::default() };
    data_mining::read(&packet, bytes, &mut said);
    rights::read(&packet, &mut said);
    if let Some(found) = rsl_in_xmp(bytes) {
        // It speaks for the file that carries it, whatever address stands in it.
        let mut inside = super::rsl::parse(&found, "", AuthorityKind::ContentUnsigned);
        inside.signals.iter_mut().for_each(|signal| signal.path = None);
        said.join(inside);
    }
    if packet.torn {
        doubt(&mut said, "XMP that can't be read to its end permits nothing");
    }
    said.sorted()
}

/// What one C2PA manifest store says (C2PA specification 2.2, May 2025, sections on JUMBF; JUMBF is ISO/IEC 19566-5).
#[must_use]
pub fn parse_manifests(bytes: &[u8]) -> Parsed {
    let mut said = Parsed::default();
    manifests::read(bytes, &mut said);
    said.sorted()
}

/// Makes every permission `unknown`, since it stands where it may not be meant for the whole document, or where the rest
/// that might restrict it could not be read. Prohibitions stay.
fn doubt(said: &mut Parsed, why: &str) {
    let mut doubted = false;
    for signal in said.signals.iter_mut().filter(|signal| signal.preference == Preference::Allowed) {
        doubted |= !signal.malformed;
        signal.malformed = true;
    }
    for mark in said.marks.iter_mut().filter(|mark| mark.applies_to == AppliesTo::Item) {
        doubted = true;
        mark.applies_to = AppliesTo::Unclear;
    }
    if doubted {
        said.complaints.push(Complaint::at(0, Lint::Misplaced, why));
    }
}

/// A signal of this folder; all share whom they address and what they are bound to.
fn signal(standard: &str, version: &str, label: &str, preference: Preference, uses: Vec<Use>) -> Signal {
    Signal::of(standard, version, shown(label), AuthorityKind::ContentUnsigned, preference, uses)
}

/// An address to fetch terms from, unless it is too long for one.
fn address(text: &str) -> Option<String> {
    (text.len() <= LONGEST_ADDRESS && !text.contains(char::is_control)).then(|| text.to_owned())
}

#[cfg(test)]
mod laws;
