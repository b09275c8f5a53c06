//! Links: the page's own address, documents of terms, and license marks with what they are about.

use super::needles::names_license;
use super::page::{Page, Region};
use super::tags::Tag;
use crate::signals::{Announced, Complaint, Lint};
use crate::vocab::AppliesTo;

/// Media type of RSL documents.
pub(super) const RSL: &[u8] = b"application/rsl+xml";

fn rel_has(bytes: &[u8], tag: &Tag, word: &[u8]) -> bool {
    let rel = tag.raw(bytes, b"rel").unwrap_or_default();
    rel.len() <= 1000 && rel.split(u8::is_ascii_whitespace).any(|one| one.eq_ignore_ascii_case(word))
}

fn is_rsl(bytes: &[u8], tag: &Tag) -> bool {
    let kind = tag.raw(bytes, b"type").unwrap_or_default();
    kind.split(|byte| *byte == b';').next().is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(RSL))
}

/// Whether the terms of an element name a license: `rel`, RDFa's `property`, microdata's `itemprop`.
pub(super) fn names_a_license(bytes: &[u8], tag: &Tag) -> bool {
    [&b"rel"[..], b"property", b"itemprop"].iter().any(|name| tag.raw(bytes, name).is_some_and(names_license))
}

/// Whether reading this `link` could say something.
pub(super) fn speaks(bytes: &[u8], tag: &Tag) -> bool {
    rel_has(bytes, tag, b"canonical") || rel_has(bytes, tag, b"c2pa-manifest") || names_a_license(bytes, tag)
}

/// Reads a `link`.
pub(super) fn read(page: &mut Page<'_>, tag: &Tag) {
    let bytes = page.bytes;
    let Some(href) = tag.text(bytes, b"href").filter(|href| !href.is_empty() && href.len() <= 2048) else {
        if speaks(bytes, tag) {
            page.said.complaints.push(Complaint::at(0, Lint::Malformed, "a link without a usable address"));
        }
        return;
    };
    if rel_has(bytes, tag, b"canonical") {
        match &page.said.canonical {
            None => page.said.canonical = Some(href.clone()),
            Some(first) if *first != href => {
                page.said.complaints.push(Complaint::at(0, Lint::Contradiction, format!("canonical again: {href}")));
            }
            Some(_) => {}
        }
    }
    if rel_has(bytes, tag, b"c2pa-manifest") {
        page.announce("c2pa", &href);
    }
    if names_a_license(bytes, tag) {
        if is_rsl(bytes, tag) {
            page.announce("rsl", &href);
        } else {
            // The HTML standard: what `rel=license` names covers the page's main content. In a body anybody may have put it.
            let applies_to = if page.region == Region::Head { AppliesTo::Item } else { AppliesTo::Unclear };
            page.mark(&href, applies_to);
        }
    }
}

/// Reads any other element whose terms name a license.
pub(super) fn read_mark(page: &mut Page<'_>, tag: &Tag) {
    let bytes = page.bytes;
    let address = [&b"href"[..], b"resource", b"content", b"src"];
    let Some(value) = address.iter().find_map(|name| tag.text(bytes, name).filter(|value| !value.is_empty())) else {
        page.said.complaints.push(Complaint::at(0, Lint::Malformed, "a license is named in running text: not read"));
        return;
    };
    if is_rsl(bytes, tag) {
        page.announce("rsl", &value);
        return;
    }
    let about = tag.text(bytes, b"about").is_some_and(|about| !about.is_empty() && about != "#");
    let applies_to = match page.region {
        _ if about => AppliesTo::Part,
        Region::Part => AppliesTo::Part,
        Region::Frame => AppliesTo::Compilation,
        _ => AppliesTo::Unclear,
    };
    page.mark(&value, applies_to);
}

impl Page<'_> {
    /// Takes in a document of terms that stands elsewhere.
    fn announce(&mut self, standard: &'static str, url: &str) {
        if self.said.announced.len() < super::MOST_FOUND {
            self.said.announced.push(Announced { standard, url: url.to_owned() });
        } else {
            self.too_much();
        }
    }
}
