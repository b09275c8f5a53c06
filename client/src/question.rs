//! What is asked about: a URL, a content id or a work as the command line takes it, and a row of a manifest.

use crate::filter::RecordEvidence;
use crate::unrepeated::Unrepeated;
use cleartitle_schema::acquisition::{Acquisition, CopyUrl, UrlRole, WorkId, WorkMention};
use cleartitle_schema::id::ContentName;
use cleartitle_schema::lineage::Link;
use cleartitle_schema::manifest::Row;
use serde_json::{Map, Value};

/// The longest line of a manifest, in bytes.
pub const MAX_LINE: usize = 1 << 20;

/// Reads what the command line names: `https://...`, `blake3:...`, `sha256:...`, `warc-sha1:...`, or a work such as
/// `isbn:...`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn named(text: &str) -> Result<Acquisition, String> {
    if text.starts_with("https://") || text.starts_with("http://") {
        let copy = Acquisition::fetched(text);
        return match copy.keys().1.first() {
            Some(error) => Err(error.to_string()),
            None => Ok(copy),
        };
    }
    if ["blake3:", "sha256:", "warc-sha1:"].iter().any(|prefix| text.starts_with(prefix)) {
        let name: ContentName = text.parse().map_err(|error: cleartitle_schema::id::IdError| error.to_string())?;
        return Ok(Acquisition { content: vec![name], ..Acquisition::default() });
    }
    if text.contains(':') && !text.contains("://") {
        let id = WorkId::try_from(text.to_owned()).map_err(|error| error.to_string())?;
        return Ok(Acquisition { works: vec![WorkMention { id, asserted_by: None }], ..Acquisition::default() });
    }
    Err(format!("`{}` is neither a URL, nor a content id, nor a work", text.chars().take(80).collect::<String>()))
}

/// Reads one line of a manifest: a row as `filter` writes it, or the members of an acquisition, where `url` stands for the
/// URL that the bytes were fetched from and `content` may be one name.
///
/// # Errors
/// What is wrong with it, in words.
pub fn manifest_line(line: &[u8]) -> Result<Acquisition, String> {
    manifest_entry(line).map(|entry| entry.copy)
}

/// What one line of a manifest says: the copy, and how others may name it and what it names as its origins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineEntry {
    /// The copy.
    pub copy: Acquisition,
    /// A name for other rows to refer to.
    pub name: Option<String>,
    /// What it was made from, each by link and by the name, URL or content id of another row.
    pub derived_from: Vec<(Link, String)>,
    /// What a row says of its document that no question asks for, by the member's name: `bytes`, `media_type`, `language`.
    pub facts: Vec<(&'static str, String)>,
}

/// One origin, as a row writes it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedOrigin {
    link: Link,
    of: String,
}

/// Reads one line of a manifest with what [`manifest_line`] reads, and with `name` and `derived_from`, a list of
/// `{"link": "annotation", "of": "the name of another row"}`. Beside them `bytes`, `media_type` and `language` may stand:
/// nothing is decided by them.
///
/// # Errors
/// What is wrong with it, in words.
pub fn manifest_entry(line: &[u8]) -> Result<LineEntry, String> {
    let told = |error: serde_json::Error| error.to_string().chars().take(200).collect::<String>();
    manifest_row(serde_json::from_slice::<Unrepeated>(line).map_err(told)?.0)
}

/// Reads a row of a manifest that is no text any more.
///
/// # Errors
/// What is wrong with it, in words.
pub fn manifest_row(mut value: Value) -> Result<LineEntry, String> {
    let told = |error: serde_json::Error| error.to_string().chars().take(200).collect::<String>();
    let Some(members) = value.as_object_mut() else { return Err("a row is a JSON object".to_owned()) };
    if members.contains_key("container") && members.contains_key("verdict") {
        let mut written = serde_json::from_value::<Row>(value).map_err(told)?;
        let bytes = written.bytes.map(|bytes| ("bytes", bytes.to_string()));
        let facts = bytes.into_iter().chain(written.media_type.take().map(|kind| ("media_type", kind))).collect();
        return Ok(LineEntry { copy: row(written), facts, ..LineEntry::default() });
    }
    let facts = facts_of(members)?;
    let name = match members.remove("name") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name),
        Some(_) => return Err("`name` is not a text".to_owned()),
    };
    let derived_from = members.remove("derived_from").unwrap_or(Value::Array(Vec::new()));
    let derived_from: Vec<NamedOrigin> = serde_json::from_value(derived_from).map_err(told)?;
    let url = match members.remove("url") {
        None | Some(Value::Null) => None,
        Some(Value::String(url)) => Some(url),
        Some(_) => return Err("`url` is not a text".to_owned()),
    };
    if let Some(content) = members.get_mut("content").filter(|content| content.is_string()) {
        *content = Value::Array(vec![content.take()]);
    }
    let mut copy: Acquisition = serde_json::from_value(value).map_err(told)?;
    copy.urls.extend(url.map(|url| CopyUrl { role: UrlRole::Fetched, url }));
    // Statements name compilations in lower case alone: in another, no reservation of one would be found.
    copy.collections.iter_mut().for_each(|name| *name = name.trim().to_lowercase());
    let named = name.is_some() && !derived_from.is_empty();
    if !named && copy.urls.is_empty() && copy.content.is_empty() && copy.works.is_empty() && copy.collections.is_empty()
    {
        return Err("the row names no document: neither `url` nor `content`".to_owned());
    }
    // As in every other paper: whoever reserves a compilation by its title is heard here too.
    if let Some(title) = name.as_ref().map(|name| name.trim().to_lowercase())
        && !title.is_empty()
        && !copy.collections.contains(&title)
    {
        copy.collections.push(title);
    }
    let derived_from = derived_from.into_iter().map(|origin| (origin.link, origin.of)).collect();
    Ok(LineEntry { copy, name, derived_from, facts })
}

/// Takes what no question asks for out of a row's members.
fn facts_of(members: &mut Map<String, Value>) -> Result<Vec<(&'static str, String)>, String> {
    let mut facts = Vec::new();
    match members.remove("bytes") {
        None | Some(Value::Null) => {}
        Some(bytes) => facts.push(("bytes", bytes.as_u64().ok_or("`bytes` is not a whole number")?.to_string())),
    }
    for name in ["media_type", "language"] {
        match members.remove(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => facts.push((name, text)),
            Some(_) => return Err(format!("`{name}` is not a text")),
        }
    }
    Ok(facts)
}

/// The copy that a manifest's row is about.
#[must_use]
pub fn row(row: Row) -> Acquisition {
    let mut copy = row.url.as_deref().map(Acquisition::fetched).unwrap_or_default();
    copy.content = vec![ContentName::Blake3(row.content)];
    copy.content.extend(row.aliases);
    copy.captured_at = row.captured_at;
    let Row { canonical, marks, credits, in_record: says, .. } = row;
    RecordEvidence { says, marks, credits, canonical }.bring(&mut copy);
    copy
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_command_line_names_urls_contents_and_works() {
        assert_eq!(named("https://press.example/a").unwrap().fetched_url(), Some("https://press.example/a"));
        let id = format!("blake3:{}", "0".repeat(64));
        assert_eq!(named(&id).unwrap().content.len(), 1);
        assert_eq!(named("isbn:9780000000000").unwrap().works.len(), 1);
        for bad in ["press.example", "ftp://press.example/", "blake3:12", "", "https://"] {
            assert!(named(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rows_are_read_strictly() {
        let id = format!("blake3:{}", "0".repeat(64));
        let copy = manifest_line(
            format!(r#"{{"url":"https://press.example/a","content":"{id}","captured_at":"2026-01-01T00:00:00Z"}}"#)
                .as_bytes(),
        )
        .unwrap();
        assert_eq!((copy.urls.len(), copy.content.len()), (1, 1));
        assert!(manifest_line(format!(r#"{{"content":["{id}"]}}"#).as_bytes()).is_ok());
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"url":7}"#,
            r#"{"content":null,"url":"https://press.example/a"}"#,
            r#"{"uri":"https://press.example/a"}"#,
            r#"{"url":"https://press.example/a","captured_at":"yesterday"}"#,
            r#"{"url":"https://press.example/a","bytes":-1}"#,
            r#"{"url":"https://press.example/a","url":"https://open.example/a"}"#,
            r#"{"url":"https://open.example/a","derived_from":[{"link":"excerpt","of":"x"}],"derived_from":[]}"#,
            r#"{"url":"https://press.example/a","language":["en"]}"#,
            r#"{"url":"https://press.example/a","content":"blake3:00"}"#,
            r#"{"url":"https://press.example/a""#,
        ] {
            assert!(manifest_line(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn compilations_are_known_in_lower_case_and_by_a_rows_name() {
        let entry = |line: &str| manifest_entry(line.as_bytes()).unwrap().copy.collections;
        let url = r#""url":"https://open.example/a""#;
        assert_eq!(entry(&format!(r#"{{{url},"collections":[" Secret Set"]}}"#)), ["secret set"]);
        assert_eq!(entry(&format!(r#"{{{url},"name":"Secret Set"}}"#)), ["secret set"]);
        assert_eq!(entry(&format!(r#"{{{url},"name":"Secret Set","collections":["secret set"]}}"#)), ["secret set"]);
    }

    proptest! {
        #[test]
        fn arbitrary_lines_never_panic(line in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,60}") {
            let _ = manifest_line(&line);
            let _ = named(&text);
        }
    }
}
