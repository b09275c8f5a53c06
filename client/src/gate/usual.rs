//! The usual row: a manifest's line that has nothing but a URL, one name of bytes and times, read without a tree of values.
//!
//! Whatever is not just that is left to [`manifest_line`](crate::question::manifest_line), which reads every row and says what
//! is wrong with one that is none; where this reader gives a copy, that one gives the same.

use crate::question;
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::id::ContentName;
use cleartitle_schema::manifest;
use cleartitle_schema::time::Timestamp;
use serde::{Deserialize, Deserializer};

/// The members of a usual row; an escape in a text, or a `null`, makes it unusual.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Usual<'l> {
    #[serde(default, borrow, deserialize_with = "plain")]
    url: Option<&'l str>,
    #[serde(default, borrow, deserialize_with = "plain")]
    content: Option<&'l str>,
    #[serde(default, borrow, deserialize_with = "plain")]
    captured_at: Option<&'l str>,
    #[serde(default, borrow, deserialize_with = "plain")]
    acquired_at: Option<&'l str>,
}

fn plain<'de: 'l, 'l, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'l str>, D::Error> {
    <&'l str>::deserialize(deserializer).map(Some)
}

/// A row that is read here.
pub enum Row<'l> {
    /// A URL, a name of bytes and times, in the line's own text.
    Plain(Plain<'l>),
    /// As the filter writes it.
    Written(Box<Acquisition>),
}

/// What a plain row says.
#[derive(Debug, Clone, Copy)]
pub struct Plain<'l> {
    /// The URL that the bytes were fetched from.
    pub url: Option<&'l str>,
    /// A name of the bytes.
    pub content: Option<ContentName>,
    /// When they were captured.
    pub captured_at: Option<Timestamp>,
    /// When the asker's own copy was made.
    pub acquired_at: Option<Timestamp>,
}

/// The row that a line is, if it is a usual one.
#[must_use]
pub fn read(line: &[u8]) -> Option<Row<'_>> {
    if let Ok(usual) = serde_json::from_slice::<Usual<'_>>(line) {
        return usual.plain().map(Row::Plain);
    }
    if memchr::memmem::find(line, b"\"container\"").is_some() {
        // As the filter writes it. A member that stands there twice, or is unknown, is told by the other reader.
        let row = serde_json::from_slice::<manifest::Row>(line).ok()?;
        return Some(Row::Written(Box::new(question::row(row))));
    }
    None
}

impl Row<'_> {
    /// The copy that it is about.
    #[must_use]
    pub fn copy(self) -> Acquisition {
        match self {
            Self::Plain(plain) => plain.copy(),
            Self::Written(copy) => *copy,
        }
    }

    /// What there is to know of its copy, if that is no more than what a plain row says.
    #[must_use]
    pub fn plain(&self) -> Option<Plain<'_>> {
        let copy = match self {
            Self::Plain(plain) => return Some(*plain),
            Self::Written(copy) => copy,
        };
        let [name] = copy.content.as_slice() else { return None };
        let plain = Plain {
            url: copy.fetched_url(),
            content: Some(*name),
            captured_at: copy.captured_at,
            acquired_at: copy.acquired_at,
        };
        // Whatever it has beside makes it another one.
        (plain.copy() == **copy).then_some(plain)
    }
}

impl Plain<'_> {
    fn copy(&self) -> Acquisition {
        let mut copy = self.url.map(Acquisition::fetched).unwrap_or_default();
        copy.content = self.content.into_iter().collect();
        (copy.captured_at, copy.acquired_at) = (self.captured_at, self.acquired_at);
        copy
    }
}

impl<'l> Usual<'l> {
    fn plain(&self) -> Option<Plain<'l>> {
        let time = |text: Option<&str>| text.map(str::parse::<Timestamp>).transpose().ok();
        let content = self.content.map(str::parse::<ContentName>).transpose().ok()?;
        let (captured_at, acquired_at) = (time(self.captured_at)?, time(self.acquired_at)?);
        let named = self.url.is_some() || content.is_some();
        named.then_some(Plain { url: self.url, content, captured_at, acquired_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows that lie near the usual one on both sides.
    fn line() -> impl Strategy<Value = String> {
        let id = format!("\"blake3:{}\"", "0".repeat(64));
        let member = prop_oneof![
            Just("\"url\":\"https://press.example/a\"".to_owned()),
            Just("\"url\":\"https://press.example/\\u0061\"".to_owned()),
            Just("\"url\":\"not a url\"".to_owned()),
            Just("\"url\":null".to_owned()),
            Just(format!("\"content\":{id}")),
            Just(format!("\"content\":[{id}]")),
            Just("\"content\":\"\"".to_owned()),
            Just("\"content\":null".to_owned()),
            Just("\"captured_at\":\"2026-01-01T00:00:00Z\"".to_owned()),
            Just("\"captured_at\":\"2026-02-30T00:00:00Z\"".to_owned()),
            Just("\"captured_at\":null".to_owned()),
            Just("\"acquired_at\":\"2026-01-01T00:00:00Z\"".to_owned()),
            Just("\"channel\":\"crawl\"".to_owned()),
            Just("\"works\":[]".to_owned()),
            Just("\"verdict\":\"cleared\"".to_owned()),
            Just("\"reasons\":[]".to_owned()),
            Just("\"container\":{\"file\":\"f\",\"offset\":0,\"length\":1}".to_owned()),
            Just("\"container\":{\"path\":\"f\"}".to_owned()),
            Just("\"more\":1".to_owned()),
        ];
        prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(",")))
    }

    proptest! {
        #[test]
        fn what_is_read_here_is_what_the_other_reader_reads(line in line()) {
            if let Some(row) = read(line.as_bytes()) {
                prop_assert_eq!(Ok(row.copy()), question::manifest_line(line.as_bytes()), "{}", line);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(row) = read(&line) {
                prop_assert_eq!(Ok(row.copy()), question::manifest_line(&line));
            }
        }
    }

    #[test]
    fn the_usual_row_is_read_here() {
        let id = format!("blake3:{}", "0".repeat(64));
        let line =
            format!(r#"{{"url":"https://press.example/a","content":"{id}","captured_at":"2026-01-01T00:00:00Z"}}"#);
        assert_eq!(read(line.as_bytes()).map(Row::copy), question::manifest_line(line.as_bytes()).ok());
        let row = format!(
            r#"{{"content":"{id}","url":"https://press.example/a","container":{{"file":"f"}},"verdict":"cleared","reasons":[]}}"#
        );
        assert_eq!(read(row.as_bytes()).map(Row::copy), question::manifest_line(row.as_bytes()).ok());
    }
}
