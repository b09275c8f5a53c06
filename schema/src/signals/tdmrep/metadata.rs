//! TDMRep in packages and files: EPUB 2 and 3 package documents, and XMP in PDF (section 6.4). They cover their file.

use super::{MAX_BYTES, parse_values};
use crate::signals::{Complaint, Lint, Parsed};
use crate::vocab::AuthorityKind;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};
use std::cell::Cell;

/// Both endings are in use: `#` in EPUB, `/` in XMP.
const NAMESPACES: &[&str] = &["http://www.w3.org/ns/tdmrep#", "http://www.w3.org/ns/tdmrep/"];
/// Most values that are kept.
const MOST: usize = 50;

/// Values found in a file's metadata.
#[derive(Default)]
struct Found {
    reservations: Vec<String>,
    policies: Vec<String>,
    /// Names of the web's carriers, which have hyphens, stand in a package.
    hyphens: bool,
}

impl Found {
    fn add(&mut self, name: &str, value: &str) {
        let list = match name {
            "reservation" => &mut self.reservations,
            "policy" => &mut self.policies,
            _ => return,
        };
        if list.len() < MOST {
            list.push(value.trim().to_owned());
        }
    }

    fn parsed(self, broken: bool) -> Parsed {
        let reservations: Vec<&str> = self.reservations.iter().map(String::as_str).collect();
        let policies: Vec<&str> = self.policies.iter().map(String::as_str).collect();
        let mut parsed = parse_values(&reservations, &policies, AuthorityKind::ContentUnsigned);
        if self.hyphens {
            parsed.complaints.push(Complaint::at(0, Lint::Malformed, "names with hyphens, where packages have colons"));
        }
        if broken {
            parsed.complaints.push(Complaint::at(0, Lint::Malformed, "not well-formed XML"));
        }
        if broken || self.hyphens {
            // A second value may stand in what was not read; and a name that the report doesn't have opens nothing.
            parsed.signals.iter_mut().for_each(|signal| {
                signal.malformed |= signal.preference == crate::vocab::Preference::Allowed;
            });
        }
        parsed
    }
}

/// What an XMP packet says: `tdm:reservation` and `tdm:policy` as elements or as attributes of a description.
#[must_use]
pub fn parse_xmp(xml: &[u8]) -> Parsed {
    let mut found = Found::default();
    let broken = walk(xml, |reader, start| {
        for attribute in start.attributes().with_checks(false).flatten().take(64) {
            let (space, local) = reader.resolver().resolve_attribute(attribute.key);
            if is_tdm(&space)
                && let Ok(value) = attribute.normalized_value(XmlVersion::Implicit1_0)
            {
                found.add(local.into_inner(), &value);
            }
        }
        let (space, local) = reader.resolver().resolve_element(start.name());
        is_tdm(&space).then(|| local.into_inner().to_owned())
    });
    let (texts, broken) = broken;
    texts.iter().for_each(|(name, text)| found.add(name, text));
    found.parsed(broken)
}

/// What an EPUB package document says: `meta` with `name` and `content` (EPUB 2), or with `property` and text (EPUB 3).
#[must_use]
pub fn parse_opf(xml: &[u8]) -> Parsed {
    let mut found = Found::default();
    let mut prefixes = vec!["tdm".to_owned()];
    let hyphens = Cell::new(false);
    let (texts, broken) = walk(xml, |_, start| {
        let listed: Vec<(String, String)> = start
            .attributes()
            .with_checks(false)
            .flatten()
            .take(64)
            .filter_map(|attribute| {
                let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
                Some((attribute.key.local_name().into_inner().to_owned(), value.into_owned()))
            })
            .collect();
        let value = |name: &str| listed.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        match start.local_name().into_inner() {
            "package" => {
                let declared = value("prefix").unwrap_or_default();
                let words: Vec<&str> = declared.split_whitespace().take(200).collect();
                let bound = words.windows(2).filter(|pair| NAMESPACES.contains(&pair[1]));
                prefixes.extend(bound.map(|pair| pair[0].trim_end_matches(':').to_owned()));
                None
            }
            "meta" => {
                let of = |name: String| {
                    let (prefix, local) = name.split_once([':', '-'])?;
                    let known = prefixes.iter().any(|known| known == prefix);
                    hyphens.set(hyphens.get() || known && name[prefix.len()..].starts_with('-'));
                    known.then(|| local.to_owned())
                };
                if let (Some(name), Some(content)) = (value("name").and_then(of), value("content")) {
                    found.add(&name, &content);
                }
                value("property").and_then(of)
            }
            _ => None,
        }
    });
    texts.iter().for_each(|(name, text)| found.add(name, text));
    found.hyphens = hyphens.get();
    found.parsed(broken)
}

fn is_tdm(space: &ResolveResult<'_>) -> bool {
    matches!(space, ResolveResult::Bound(name) if NAMESPACES.contains(&name.into_inner()))
}

/// Walks over a document. `wanted` names an element whose text is collected. Gives the texts, and whether reading stopped
/// before the end.
fn walk(
    xml: &[u8],
    mut wanted: impl FnMut(&NsReader<&[u8]>, &BytesStart<'_>) -> Option<String>,
) -> (Vec<(String, String)>, bool) {
    let mut broken = xml.len() > MAX_BYTES;
    let text = String::from_utf8_lossy(&xml[..xml.len().min(MAX_BYTES)]);
    let mut reader = NsReader::from_str(&text);
    reader.config_mut().allow_dangling_amp = true;
    reader.resolver_mut().set_max_namespace_bindings(200);
    let mut texts: Vec<(String, String)> = Vec::new();
    let mut open: Option<(String, String, usize)> = None;
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => match &mut open {
                Some((_, _, depth)) => *depth += 1,
                None => open = wanted(&reader, &start).map(|name| (name, String::new(), 0)),
            },
            Ok(Event::Empty(start)) if open.is_none() => {
                if let Some(name) = wanted(&reader, &start) {
                    texts.push((name, String::new()));
                }
            }
            Ok(Event::Text(part)) => {
                if let Some((_, text, _)) = &mut open {
                    text.push_str(&part.xml10_content());
                }
            }
            Ok(Event::CData(part)) => {
                if let Some((_, text, _)) = &mut open {
                    text.push_str(&part.xml10_content());
                }
            }
            Ok(Event::End(_)) => match open.take() {
                Some((name, text, 0)) if texts.len() < MOST => texts.push((name, text)),
                Some((name, text, depth)) if depth > 0 => open = Some((name, text, depth - 1)),
                _ => {}
            },
            Ok(Event::Eof) => return (texts, broken || open.is_some()),
            Ok(_) => {}
            Err(_) => {
                broken = true;
                texts.extend(open.take().map(|(name, text, _)| (name, text)));
                return (texts, broken);
            }
        }
    }
}
