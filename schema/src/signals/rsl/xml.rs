//! XML as a tree of elements with namespaces resolved: no DTD, no entities of its own, bounded in bytes, depth and count.
//!
//! Hostile documents are the rule here: entity bombs, ten thousand nested elements, a million attributes. The reader stops
//! at the first such thing, says so, and hands over what it had, which the caller reads as a document that can't permit.

use crate::signals::{Complaint, Lint};
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};

/// The namespace of every version of RSL so far.
pub(super) const NAMESPACE: &str = "https://rslstandard.org/rsl";

/// Deepest nesting that is read; RSL itself has five levels, a feed about as many around it.
const DEEPEST: usize = 32;
/// Most attributes of one element.
const MOST_ATTRIBUTES: usize = 64;
/// Most namespace bindings in scope.
const MOST_BINDINGS: usize = 64;
/// Most complaints about the XML itself.
const MOST_COMPLAINTS: usize = 100;
/// Longest text of one element.
const LONGEST_TEXT: usize = 64 * 1024;

/// Whose vocabulary an element or attribute belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// RSL's namespace.
    Rsl,
    /// A namespace that is evidently meant as RSL's: `http:`, a trailing slash, a version at its end.
    AlmostRsl,
    /// None.
    None,
    /// Another's.
    Foreign,
}

/// An element.
#[derive(Debug, Clone)]
pub(super) struct Element {
    pub space: Space,
    /// Local name.
    pub name: String,
    /// Attributes without namespace, in order.
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    /// Its own character data, joined.
    pub text: String,
    pub line: usize,
}

impl Element {
    /// The value of an attribute, trimmed.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// The text, trimmed.
    pub fn trimmed(&self) -> &str {
        self.text.trim()
    }
}

/// What came of reading.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub root: Option<Element>,
    /// Not well-formed, or something in it was not read.
    pub broken: bool,
    /// A bound was reached.
    pub too_much: bool,
    pub complaints: Vec<Complaint>,
}

/// Bounds that differ between a document and a feed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub bytes: usize,
    pub elements: usize,
}

/// Text of bytes that say by a byte order mark how they are encoded; anything else is UTF-8. True: something was replaced.
pub(super) fn text_of(bytes: &[u8]) -> (String, bool) {
    let pairs = |rest: &[u8], read: fn([u8; 2]) -> u16| {
        let units = rest.chunks_exact(2).map(|pair| read([pair[0], pair[1]]));
        let mut replaced = rest.len() % 2 == 1;
        let text = char::decode_utf16(units)
            .map(|unit| {
                unit.unwrap_or_else(|_| {
                    replaced = true;
                    char::REPLACEMENT_CHARACTER
                })
            })
            .collect();
        (text, replaced)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => pairs(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => pairs(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => match std::str::from_utf8(rest) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (String::from_utf8_lossy(rest).into_owned(), true),
        },
    }
}

/// Reads a document as far as it goes.
pub(super) fn read(bytes: &[u8], bounds: Bounds) -> Tree {
    let mut tree = Tree::default();
    let kept = &bytes[..bytes.len().min(bounds.bytes)];
    if kept.len() < bytes.len() {
        tree.stop(0, Lint::TooMuch, format!("{} bytes, of which {} are read", bytes.len(), bounds.bytes));
    }
    let (text, replaced) = text_of(kept);
    if replaced {
        tree.stop(0, Lint::Encoding, "bytes that are not valid in the document's encoding");
    }
    let mut reader = NsReader::from_str(&text);
    reader.config_mut().allow_dangling_amp = true;
    reader.resolver_mut().set_max_namespace_bindings(MOST_BINDINGS);
    let mut builder = Builder { tree, open: Vec::new(), left: bounds.elements, line: 1 };
    let mut counted = 0;
    loop {
        let event = reader.read_event();
        let at = usize::try_from(reader.buffer_position()).unwrap_or(counted).clamp(counted, text.len());
        let read = &text.as_bytes()[counted..at];
        let line = builder.line;
        builder.line += read.iter().filter(|byte| **byte == b'\n').count();
        counted = at;
        let more = match event {
            Ok(Event::Eof) => false,
            Ok(event) => builder.take(event, &reader, line),
            Err(error) => {
                builder.tree.stop(line, Lint::Malformed, format!("not well-formed XML: {error}"));
                false
            }
        };
        if !more {
            break;
        }
    }
    builder.finish()
}

impl Tree {
    fn stop(&mut self, line: usize, lint: Lint, detail: impl AsRef<str>) {
        self.broken = true;
        self.too_much |= lint == Lint::TooMuch;
        if self.complaints.len() < MOST_COMPLAINTS {
            self.complaints.push(Complaint::at(line, lint, detail));
        }
    }
}

struct Builder {
    tree: Tree,
    open: Vec<Element>,
    left: usize,
    line: usize,
}

impl Builder {
    /// Takes one event; false when reading has to stop.
    fn take(&mut self, event: Event<'_>, reader: &NsReader<&[u8]>, line: usize) -> bool {
        match event {
            Event::Start(start) => return self.start(&start, reader, line),
            Event::Empty(start) => {
                if !self.start(&start, reader, line) {
                    return false;
                }
                self.end();
            }
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text.xml10_content(), line),
            Event::CData(text) => self.text(&text.xml10_content(), line),
            Event::GeneralRef(name) => {
                let entity = name.xml10_content();
                let known = match name.resolve_char_ref() {
                    Ok(Some(letter)) => Some(letter.to_string()),
                    _ => resolve_predefined_entity(&entity).map(str::to_owned),
                };
                match known {
                    Some(text) => self.text(&text, line),
                    // An entity of the document's own could say anything; it is never expanded.
                    None => self.tree.stop(line, Lint::Malformed, format!("entity `{entity}` is not read")),
                }
            }
            Event::DocType(_) => self.tree.stop(line, Lint::Malformed, "a document type declaration is not read"),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Eof => {}
        }
        true
    }

    fn start(&mut self, start: &BytesStart<'_>, reader: &NsReader<&[u8]>, line: usize) -> bool {
        if self.left == 0 || self.open.len() >= DEEPEST {
            self.tree.stop(line, Lint::TooMuch, "more or deeper elements than are read");
            return false;
        }
        self.left -= 1;
        let (space, local) = reader.resolver().resolve_element(start.name());
        let mut element = Element {
            space: space_of(&space),
            name: local.into_inner().to_owned(),
            attributes: Vec::new(),
            children: Vec::new(),
            text: String::new(),
            line,
        };
        for (count, attribute) in start.attributes().with_checks(false).enumerate() {
            let Ok(attribute) = attribute else {
                self.tree.stop(line, Lint::Malformed, format!("an attribute of `{}` can't be read", element.name));
                break;
            };
            if count >= MOST_ATTRIBUTES {
                self.tree.stop(line, Lint::TooMuch, format!("more attributes of `{}` than are read", element.name));
                break;
            }
            let name = attribute.key.into_inner();
            if attribute.key.as_namespace_binding().is_some() || name.contains(':') {
                continue;
            }
            let Ok(value) = attribute.normalized_value(XmlVersion::Implicit1_0) else {
                self.tree.stop(line, Lint::Malformed, format!("the attribute `{name}` can't be read"));
                continue;
            };
            if element.attribute(name).is_some() {
                self.tree.stop(line, Lint::Contradiction, format!("two attributes `{name}`"));
            }
            element.attributes.push((name.to_owned(), value.into_owned()));
        }
        self.open.push(element);
        true
    }

    fn end(&mut self) {
        let Some(element) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None if self.tree.root.is_none() => self.tree.root = Some(element),
            None => self.tree.stop(element.line, Lint::Malformed, "more than one root element"),
        }
    }

    fn text(&mut self, text: &str, line: usize) {
        let Some(element) = self.open.last_mut() else { return };
        if element.text.len() + text.len() > LONGEST_TEXT {
            let name = element.name.clone();
            self.tree.stop(line, Lint::TooMuch, format!("more text in `{name}` than is read"));
            return;
        }
        element.text.push_str(text);
    }

    fn finish(mut self) -> Tree {
        if !self.open.is_empty() {
            self.tree.stop(self.line, Lint::Malformed, "the document ends in the middle of an element");
        }
        while !self.open.is_empty() {
            self.end();
        }
        self.tree
    }
}

fn space_of(resolved: &ResolveResult<'_>) -> Space {
    let ResolveResult::Bound(name) = resolved else {
        // `rsl:` without a declaration is still meant as RSL's own.
        return match resolved {
            ResolveResult::Unknown(prefix) if prefix.eq_ignore_ascii_case("rsl") => Space::AlmostRsl,
            ResolveResult::Unknown(_) => Space::Foreign,
            _ => Space::None,
        };
    };
    let name = name.into_inner();
    if name == NAMESPACE {
        return Space::Rsl;
    }
    let lowered = name.trim().to_ascii_lowercase();
    let rest = lowered.strip_prefix("https://").or_else(|| lowered.strip_prefix("http://")).unwrap_or(&lowered);
    let rest = rest.strip_prefix("www.").unwrap_or(rest);
    if rest.starts_with("rslstandard.org") { Space::AlmostRsl } else { Space::Foreign }
}
