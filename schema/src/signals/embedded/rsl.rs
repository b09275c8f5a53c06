//! RSL documents in XMP (RSL 1.0, 10 December 2025): found and cut out, so that RSL's own parser can read them.

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, PrefixDeclaration, ResolveResult};
use std::borrow::Cow;

/// The namespace of RSL.
const RSL: &str = "https://rslstandard.org/rsl";

/// The first RSL document in an XMP packet, as a document by itself: prefixes that elements around it declare are declared
/// in it, and then the bytes are not the packet's own. Nothing if there is none, or it has no end.
#[must_use]
pub fn rsl_in_xmp(xmp: &[u8]) -> Option<Cow<'_, [u8]>> {
    // Most packets have none, and then this is all that it costs.
    memchr::memmem::find(xmp, RSL.as_bytes())?;
    let text = std::str::from_utf8(xmp).ok()?.trim_end_matches('\0');
    let mut reader = NsReader::from_str(text);
    loop {
        let start = usize::try_from(reader.buffer_position()).ok()?;
        let event = reader.read_event().ok()?;
        let (Event::Start(element) | Event::Empty(element)) = &event else {
            if matches!(event, Event::Eof) {
                return None;
            }
            continue;
        };
        let (space, local) = reader.resolver().resolve_element(element.name());
        if local.into_inner() != "rsl" || !matches!(space, ResolveResult::Bound(Namespace(RSL))) {
            continue;
        }
        let missing = missing(&reader, element);
        let name_end = start + 1 + element.name().into_inner().len();
        if let Event::Start(element) = &event {
            reader.read_to_end(element.name()).ok()?;
        }
        let end = usize::try_from(reader.buffer_position()).ok()?;
        let bytes = text.get(start..end)?.as_bytes();
        if missing.is_empty() {
            return Some(Cow::Borrowed(bytes));
        }
        let (head, tail) = (text.get(start..name_end)?, text.get(name_end..end)?);
        return Some(Cow::Owned([head, &missing, tail].concat().into_bytes()));
    }
}

/// Declarations in force at an element that it does not repeat, as attributes.
fn missing(reader: &NsReader<&[u8]>, element: &BytesStart<'_>) -> String {
    let own: Vec<PrefixDeclaration<'_>> = element
        .attributes()
        .with_checks(false)
        .flatten()
        .filter_map(|attribute| attribute.key.as_namespace_binding())
        .take(256)
        .collect();
    let mut text = String::new();
    for (prefix, Namespace(space)) in reader.resolver().bindings() {
        if own.contains(&prefix) || space.contains(['"', '<', '&']) {
            continue;
        }
        match prefix {
            PrefixDeclaration::Default => text.push_str(&format!(" xmlns=\"{space}\"")),
            PrefixDeclaration::Named(name) => text.push_str(&format!(" xmlns:{name}=\"{space}\"")),
        }
    }
    text
}
