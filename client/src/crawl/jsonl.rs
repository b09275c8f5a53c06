//! A line of JSONL: its text is the document, and the line as stored is what is kept.
use std::fmt;
use std::io::{self, Read, Seek};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::damage::{Complaint, Damage, DamageKind};
use super::frame::Reader;
use super::raw::{RawItem, RawRecord};
use super::source::Source;
use super::warc::{PayloadState, Record, RecordType, Role};
use super::{Codec, Container, JsonlFields, Layout, Options};

/// One level of an object with its members unread. A name given twice stays visible, unlike in a map.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Object).map(Members)
    }
}

/// The value at a dotted path; `None` where there is none, or null.
///
/// A name given twice is refused: the builder's own reader may take the first where we took the last, and train on a
/// text that was never asked about.
fn value<'a>(members: &Members<'a>, path: &str) -> Result<Option<&'a RawValue>, String> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let mut found = members.0.iter().filter(|(known, _)| known == name);
    let Some((_, raw)) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(format!("`{name}` is given twice"));
    }
    match rest {
        None => Ok((raw.get() != "null").then_some(*raw)),
        Some(rest) if raw.get().starts_with('{') => {
            let inner = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
            value(&inner, rest)
        }
        Some(_) => Ok(None),
    }
}

/// Lines that are looked at for the names of their members, and their bytes, but for one line alone.
const SAMPLE_LINES: usize = 20;
const SAMPLE_BYTES: usize = 4 * 1024 * 1024;

/// The first lines of a file, to see what its documents have.
pub(super) struct Sample(Vec<RawRecord>);

impl Sample {
    /// Reads the first lines that can be read.
    pub fn take<R: Read + Seek>(reader: &mut Reader<R>) -> io::Result<Self> {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        while lines.len() < SAMPLE_LINES && bytes < SAMPLE_BYTES {
            let Some(item) = reader.next_raw()? else { break };
            if let RawItem::Record(line) = item {
                bytes += line.plain_length();
                if members(&line).is_some() {
                    lines.push(line);
                }
            }
        }
        Ok(Self(lines))
    }

    /// Reads the first lines out of content that nobody has checked yet: good for names, and for nothing that is kept. A frame
    /// that holds the whole file would have to be inflated to its end before its first line can be relied on.
    pub fn glance(mut content: impl Read, limit: usize) -> io::Result<Self> {
        let mut plain = Vec::new();
        let mut part = vec![0; 64 * 1024];
        let mut lines = 0;
        while lines < SAMPLE_LINES && (plain.len() < SAMPLE_BYTES || (lines == 0 && plain.len() <= limit)) {
            // What breaks off there is told by whoever reads it.
            let Ok(count @ 1..) = content.read(&mut part) else { break };
            lines += part[..count].iter().filter(|&&byte| byte == b'\n').count();
            plain.extend_from_slice(&part[..count]);
        }
        let whole = plain.iter().rposition(|&byte| byte == b'\n').map_or(plain.len(), |at| at + 1);
        plain.truncate(whole);
        let layout = Layout { container: Container::Jsonl, codec: Codec::Plain, dictionary: None };
        Self::take(&mut Reader::new(Source::new(io::Cursor::new(plain))?, layout, Options::default())?)
    }

    /// Whether nothing was found, so that nothing can be said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any of the lines has something at a path.
    pub fn has(&self, path: &str) -> bool {
        let there = |members| !matches!(value(&members, path), Ok(None));
        self.0.iter().filter_map(members).any(there)
    }

    /// The names of the members of all lines, each once.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (name, _) in self.0.iter().filter_map(members).flat_map(|Members(members)| members) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

fn members(line: &RawRecord) -> Option<Members<'_>> {
    let bytes = &line.plain[line.block.clone()];
    serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).ok()
}

/// A text at a path; numbers as written, for ids and years.
fn text(members: &Members<'_>, path: &str, numbers: bool) -> Result<Option<String>, String> {
    let Some(raw) = value(members, path)? else { return Ok(None) };
    match raw.get().as_bytes() {
        [b'"', ..] => serde_json::from_str(raw.get()).map(Some).map_err(|error| format!("`{path}`: {error}")),
        [b'-' | b'0'..=b'9', ..] if numbers => Ok(Some(raw.get().to_owned())),
        _ => Err(format!("`{path}` is not a text")),
    }
}

struct Line {
    text: String,
    url: Option<String>,
    id: Option<String>,
    date: Option<String>,
}

fn read(bytes: &[u8], fields: &JsonlFields) -> Result<Line, Complaint> {
    let malformed = |detail: String| Complaint::new(DamageKind::MalformedLine, detail);
    let missing = |detail: String| Complaint::new(DamageKind::MissingText, detail);
    let json = std::str::from_utf8(bytes).map_err(|error| malformed(format!("not UTF-8: {error}")))?;
    let members: Members<'_> = serde_json::from_str(json).map_err(|error| malformed(error.to_string()))?;
    let document = text(&members, &fields.text, false).map_err(missing)?;
    Ok(Line {
        text: document.ok_or_else(|| missing(format!("no `{}`", fields.text)))?,
        url: text(&members, &fields.url, false).map_err(missing)?,
        id: text(&members, &fields.id, true).map_err(missing)?,
        date: text(&members, &fields.date, true).map_err(missing)?,
    })
}

/// Reads a line's fields; the document is the UTF-8 of its text after JSON's escapes are undone.
pub(super) fn parse(raw: RawRecord, options: &Options) -> Result<Record, Damage> {
    let bytes = &raw.plain[raw.block.clone()];
    let bytes = if raw.line == Some(1) { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
    let line = read(bytes, &options.fields).map_err(|complaint| raw.damage(complaint))?;
    Ok(Record {
        raw: raw.raw,
        role: Role::Document,
        record_type: RecordType::Line,
        record_id: line.id,
        target_uri: line.url,
        date: line.date,
        fields: Vec::new(),
        concurrent_to: Vec::new(),
        refers_to: None,
        payload_digest: None,
        block_digest: None,
        truncated: None,
        http: None,
        payload_state: PayloadState::Ok,
        notes: raw.notes,
        line: raw.line,
        after_damage: raw.after_damage,
        body: raw.block.clone(),
        block: raw.block,
        plain: raw.plain,
        stored: raw.stored,
        codec: raw.codec,
        dictionary: raw.dictionary,
        decoded: Some(line.text.into_bytes()),
    })
}
