//! XMP packets (ISO 16684-1:2019): the properties that matter here, in every form that RDF/XML has for them.
//!
//! Names are compared with their namespace resolved. No entity is expanded beyond XML's five, and nothing is fetched.

use super::{Complaint, Lint};
use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, NamespaceResolver, QName, ResolveResult};
use std::borrow::Cow;

/// Most bytes of a packet that are read.
const LONGEST: usize = 4 << 20;

/// Deepest nesting that is followed.
const DEEPEST: usize = 64;

/// Most values that are kept.
const MOST: usize = 256;

/// Longest value that is kept.
const LONGEST_VALUE: usize = 16 << 10;

/// A property that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    DataMining,
    OtherConstraints,
    EmbeddedExpression,
    LinkedExpression,
    Reservation,
    Policy,
    License,
    WebStatement,
    Prose,
    Credit,
    Provenance,
}

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const META: &str = "adobe:ns:meta/";
/// Ingredients, sources and the pantry of their metadata.
const MEDIA_MANAGEMENT: &str = "http://ns.adobe.com/xap/1.0/mm/";
const PLUS: &str = "http://ns.useplus.org/ldf/xmp/1.0/";
const IPTC: &str = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
const RIGHTS: &str = "http://ns.adobe.com/xap/1.0/rights/";

/// Namespace, name, and what it is here. TDMRep (Final Report of 10 May 2024) ends its namespace with a slash for PDF and
/// with a number sign for EPUB, and writers take either.
const NAMES: &[(&str, &str, Name)] = &[
    (PLUS, "DataMining", Name::DataMining),
    (PLUS, "OtherConstraints", Name::OtherConstraints),
    (IPTC, "EncRightsExpr", Name::EmbeddedExpression),
    (IPTC, "LinkedRightsExpr", Name::LinkedExpression),
    ("http://www.w3.org/ns/tdmrep/", "reservation", Name::Reservation),
    ("http://www.w3.org/ns/tdmrep#", "reservation", Name::Reservation),
    ("http://www.w3.org/ns/tdmrep", "reservation", Name::Reservation),
    ("http://www.w3.org/ns/tdmrep/", "policy", Name::Policy),
    ("http://www.w3.org/ns/tdmrep#", "policy", Name::Policy),
    ("http://www.w3.org/ns/tdmrep", "policy", Name::Policy),
    ("http://creativecommons.org/ns#", "license", Name::License),
    ("http://web.resource.org/cc/", "license", Name::License),
    (RIGHTS, "WebStatement", Name::WebStatement),
    (RIGHTS, "UsageTerms", Name::Prose),
    ("http://purl.org/dc/elements/1.1/", "rights", Name::Prose),
    ("http://ns.adobe.com/photoshop/1.0/", "Credit", Name::Credit),
    ("http://purl.org/dc/terms/", "provenance", Name::Provenance),
];

/// Where a property stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Directly in a description: about the document.
    Document,
    /// Inside another property, or under a prefix that nothing declares: restricts, and permits nothing.
    Unsure,
    /// Inside what tells of ingredients: about those.
    Ingredient,
}

/// One value of a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Property {
    pub(super) name: Name,
    pub(super) place: Place,
    /// Trimmed, never empty.
    pub(super) value: String,
}

/// What was read of one packet.
#[derive(Debug, Clone, Default)]
pub(super) struct Packet {
    pub(super) properties: Vec<Property>,
    /// The rest could not be read.
    pub(super) torn: bool,
    pub(super) complaints: Vec<Complaint>,
}

impl Packet {
    /// The values of a property, ingredients' left out.
    pub(super) fn all(&self, name: Name) -> impl Iterator<Item = &Property> {
        let wanted = move |property: &&Property| property.name == name && property.place != Place::Ingredient;
        self.properties.iter().filter(wanted)
    }

    fn tear(&mut self, lint: Lint, detail: &str) {
        if !self.torn {
            self.complaints.push(Complaint::at(0, lint, detail));
        }
        self.torn = true;
    }

    fn keep(&mut self, name: Name, place: Place, value: &str) {
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        if self.properties.len() == MOST {
            return self.tear(Lint::TooMuch, "XMP has more rights properties than are read");
        }
        self.properties.push(Property { name, place, value: value.to_owned() });
    }
}

/// An element that is open.
struct Open {
    /// Of RDF or the wrapper, which hold properties and are none.
    frame: bool,
    ingredient: bool,
    /// One of several values of the property around it.
    item: bool,
    /// The property that it is, and the text so far.
    property: Option<(Name, Place, String)>,
}

/// Reads a packet as far as it is XML.
pub(super) fn read(bytes: &[u8]) -> Packet {
    let mut packet = Packet::default();
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]);
    if bytes.len() > LONGEST {
        packet.tear(Lint::TooMuch, "XMP is longer than is read");
    }
    if matches!(text, Cow::Owned(_)) {
        packet.complaints.push(Complaint::at(0, Lint::Encoding, "XMP is not UTF-8"));
    }
    // Padding between a segment's end and the packet's.
    let mut reader = NsReader::from_str(text.trim_end_matches('\0'));
    let mut open: Vec<Open> = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => {
                if open.len() == DEEPEST {
                    packet.tear(Lint::TooMuch, "XMP is nested deeper than is followed");
                    break;
                }
                let entered = enter(&element, reader.resolver(), &open, &mut packet);
                open.push(entered);
            }
            Ok(Event::Empty(element)) => {
                let entered = enter(&element, reader.resolver(), &open, &mut packet);
                leave(entered, &mut open, &mut packet);
            }
            Ok(Event::End(_)) => {
                if let Some(left) = open.pop() {
                    leave(left, &mut open, &mut packet);
                }
            }
            Ok(Event::Text(text)) => append(&text.xml10_content(), &mut open),
            Ok(Event::CData(text)) => append(&text.xml10_content(), &mut open),
            Ok(Event::GeneralRef(reference)) => append(&character(&reference.into_inner()), &mut open),
            Ok(Event::Eof) if open.is_empty() => break,
            Ok(Event::Eof) => {
                packet.tear(Lint::Malformed, "XMP ends before its elements do");
                break;
            }
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
            Err(error) => {
                packet.tear(Lint::Malformed, &format!("XMP is not XML: {error}"));
                break;
            }
        }
        if packet.torn && packet.properties.len() == MOST {
            break;
        }
    }
    // What was open when the rest was lost is kept as far as it goes.
    while let Some(left) = open.pop() {
        leave(left, &mut open, &mut packet);
    }
    packet
}

fn enter(element: &BytesStart<'_>, resolver: &NamespaceResolver, open: &[Open], packet: &mut Packet) -> Open {
    let (space, local) = resolver.resolve_element(element.name());
    let local = local.into_inner();
    let bound = |wanted: &str| matches!(&space, ResolveResult::Bound(Namespace(found)) if *found == wanted);
    let frame = bound(RDF) || bound(META);
    let inside = around(open);
    let ingredient = bound(MEDIA_MANAGEMENT);
    let property = named(&space, local, inside).map(|(name, place)| (name, place, String::new()));
    let place = if ingredient {
        Place::Ingredient
    } else if frame {
        inside
    } else {
        inside.max(Place::Unsure)
    };
    for attribute in element.attributes().with_checks(false).flatten() {
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        let value = value.unwrap_or_else(|_| Cow::Borrowed(attribute.value.as_ref()));
        let value = shorten(&value);
        let (space, local) = resolver.resolve_attribute(QName(attribute.key.into_inner()));
        if matches!(space, ResolveResult::Bound(Namespace(RDF))) && matches!(local.into_inner(), "resource" | "value") {
            // The value of the property that this element is, or is inside of.
            let around = open.iter().rev().find_map(|open| open.property.as_ref());
            if let Some((name, place, _)) = property.as_ref().or(around) {
                packet.keep(*name, *place, value);
            }
        } else if !matches!(space, ResolveResult::Unbound)
            && let Some((name, place)) = named(&space, local.into_inner(), place)
        {
            packet.keep(name, place, value);
        }
    }
    Open { frame, ingredient, item: bound(RDF) && local == "li", property }
}

/// What the elements around a place make of a property in it.
fn around(open: &[Open]) -> Place {
    if open.iter().any(|open| open.ingredient) {
        Place::Ingredient
    } else if open.iter().all(|open| open.frame) {
        Place::Document
    } else {
        Place::Unsure
    }
}

fn named(space: &ResolveResult<'_>, local: &str, place: Place) -> Option<(Name, Place)> {
    let known = NAMES.iter().filter(|(_, name, _)| *name == local);
    match space {
        ResolveResult::Bound(Namespace(found)) => {
            known.clone().find(|(space, ..)| space == found).map(|(_, _, name)| (*name, place))
        }
        // Nobody declared the prefix: what it was meant to be is clear enough for a prohibition.
        ResolveResult::Unknown(_) => known.clone().next().map(|(_, _, name)| (*name, place.max(Place::Unsure))),
        ResolveResult::Unbound => None,
    }
}

fn append(text: &str, open: &mut [Open]) {
    let property = open.iter_mut().rev().find_map(|open| open.property.as_mut());
    if let Some((_, _, value)) = property
        && value.len() < LONGEST_VALUE
    {
        value.push_str(shorten(text));
    }
}

fn leave(left: Open, open: &mut [Open], packet: &mut Packet) {
    if let Some((name, place, value)) = left.property {
        packet.keep(name, place, &value);
    } else if left.item {
        // Each item of a list is a value by itself.
        let property = open.iter_mut().rev().find_map(|open| open.property.as_mut());
        if let Some((name, place, value)) = property {
            packet.keep(*name, *place, value);
            value.clear();
        }
    }
}

/// What a reference stands for; one that XML does not define stands for something unknown.
fn character(reference: &str) -> String {
    let number = reference.strip_prefix('#').and_then(|number| match number.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => number.parse().ok(),
    });
    let known = match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => number.and_then(char::from_u32),
    };
    known.unwrap_or('\u{fffd}').to_string()
}

fn shorten(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_VALUE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
