//! The usual row: a manifest's line that has nothing but a URL, one name of bytes and times, read without a tree of values.
//!
//! Whatever is not just that is left to [`manifest_line`](crate::question::manifest_line), which reads every row and says what
//! is wrong with one that is none; where this reader gives a copy, that one gives the same.

use crate::question;
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::id::ContentName;
use cleartitle_schema::manifest::Row;
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

/// The copy that a line is about, if it is a usual one.
#[must_use]
pub fn read(line: &[u8]) -> Option<Acquisition> {
    if let Ok(usual) = serde_json::from_slice::<Usual<'_>>(line) {
        return usual.copy();
    }
    if memchr::memmem::find(line, b"\"container\"").is_some() {
        // As the filter writes it. A member that stands there twice, or is unknown, is told by the other reader.
        return serde_json::from_slice::<Row>(line).ok().map(question::row);
    }
    None
}

impl Usual<'_> {
    fn copy(&self) -> Option<Acquisition> {
        let time = |text: Option<&str>| text.map(str::parse::<Timestamp>).transpose().ok();
        let mut copy = self.url.map(Acquisition::fetched).unwrap_or_default();
        if let Some(name) = self.content {
            copy.content = vec![name.parse::<ContentName>().ok()?];
        }
        copy.captured_at = time(self.captured_at)?;
        copy.acquired_at = time(self.acquired_at)?;
        (!copy.urls.is_empty() || !copy.content.is_empty()).then_some(copy)
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
            if let Some(copy) = read(line.as_bytes()) {
                prop_assert_eq!(Ok(copy), question::manifest_line(line.as_bytes()), "{}", line);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(copy) = read(&line) {
                prop_assert_eq!(Ok(copy), question::manifest_line(&line));
            }
        }
    }

    #[test]
    fn the_usual_row_is_read_here() {
        let id = format!("blake3:{}", "0".repeat(64));
        let line =
            format!(r#"{{"url":"https://press.example/a","content":"{id}","captured_at":"2026-01-01T00:00:00Z"}}"#);
        assert_eq!(read(line.as_bytes()), question::manifest_line(line.as_bytes()).ok());
        let row = format!(
            r#"{{"content":"{id}","url":"https://press.example/a","container":{{"file":"f"}},"verdict":"cleared","reasons":[]}}"#
        );
        assert_eq!(read(row.as_bytes()), question::manifest_line(row.as_bytes()).ok());
    }
}
