//! JSON with the place of every value: `serde_json` cuts the text into raw values, whose distance from its beginning is known.

use super::{At, Complaint, MAX_DEPTH, MAX_NODES, Names, Node, Tree, Value, twice};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The name of a member, which is copied only where it has escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of an object, in their order, those that stand twice included.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
                    members.push((name, map.next_value::<&'de RawValue>()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// Reads a whole text.
///
/// # Errors
/// [`Complaint`] for what is no JSON, is nested too deep or holds too much.
pub fn read(text: &str) -> Result<Tree, Complaint> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| complaint(&error))?;
    let mut reader = Reader {
        text,
        cursor: 0,
        at: At { line: 1, column: 1 },
        nodes: 0,
        names: Names::default(),
        complaints: Vec::new(),
    };
    let root = reader.node(raw.get(), 0)?;
    Ok(Tree { root, complaints: reader.complaints })
}

fn complaint(error: &serde_json::Error) -> Complaint {
    let column = u32::try_from(error.column()).unwrap_or(u32::MAX);
    Complaint {
        at: At { line: u32::try_from(error.line()).unwrap_or(u32::MAX).max(1), column: column.max(1) },
        what: format!("no JSON: {error}"),
    }
}

struct Reader<'a> {
    text: &'a str,
    /// Up to where lines and columns are counted; values come in the order of the text.
    cursor: usize,
    at: At,
    nodes: usize,
    names: Names,
    complaints: Vec<Complaint>,
}

impl<'a> Reader<'a> {
    /// The place of a piece of the text.
    fn place(&mut self, piece: &str) -> At {
        let offset = (piece.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        if let Some(passed) = self.text.get(self.cursor..offset) {
            let lines = memchr::memchr_iter(b'\n', passed.as_bytes()).count();
            let last = passed.rsplit('\n').next().unwrap_or_default();
            let characters = u32::try_from(last.chars().count()).unwrap_or(u32::MAX);
            self.at.column =
                if lines == 0 { self.at.column.saturating_add(characters) } else { characters.saturating_add(1) };
            self.at.line = self.at.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
            self.cursor = offset;
        }
        self.at
    }

    fn node(&mut self, raw: &'a str, depth: usize) -> Result<Node, Complaint> {
        let at = self.place(raw);
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            let what = format!("nested deeper than {MAX_DEPTH}, or more than {MAX_NODES} values");
            return Err(Complaint { at, what });
        }
        let told = |error: serde_json::Error| Complaint { at, what: format!("no JSON: {error}") };
        let value = match raw.as_bytes().first() {
            Some(b'{') => {
                let Members(raw) = serde_json::from_str(raw).map_err(told)?;
                let mut members = Vec::with_capacity(raw.len());
                for (name, value) in raw {
                    let name = self.names.one(&name);
                    members.push((name, self.node(value.get(), depth + 1)?));
                }
                twice(&members, &mut self.complaints);
                Value::Members(members)
            }
            Some(b'[') => {
                let raw: Vec<&RawValue> = serde_json::from_str(raw).map_err(told)?;
                Value::List(raw.into_iter().map(|value| self.node(value.get(), depth + 1)).collect::<Result<_, _>>()?)
            }
            Some(b'"') => Value::Text(serde_json::from_str(raw).map_err(told)?),
            Some(b'n') => Value::Null,
            _ => Value::Bare(raw.to_owned()),
        };
        Ok(Node { at, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_value_knows_its_place() {
        let tree = read("{\"a\": 1,\n  \"\u{fc}\": [true, \"\\u0041\"], \"a\": null}").unwrap();
        let list = tree.root.member("\u{fc}").unwrap();
        assert_eq!((list.at.line, list.at.column), (2, 8));
        assert_eq!(list.items()[1].text(), Some("A"));
        assert_eq!((list.items()[1].at.line, list.items()[1].at.column), (2, 15));
        assert_eq!(tree.complaints.len(), 1);
        assert_eq!((tree.complaints[0].at.line, tree.complaints[0].at.column), (2, 31));
    }

    #[test]
    fn what_is_cut_short_or_too_deep_is_told() {
        assert_eq!(read("{\"a\":\n[1,").unwrap_err().at.line, 2);
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert!(read(&deep).unwrap_err().what.contains("deeper"));
        let deeper = "[".repeat(1_000_000);
        assert!(read(&deeper).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,80}", json in "[\\[\\]{}\":,a1 \\\\\n]{0,60}") {
            let _ = read(&text);
            let _ = read(&json);
        }
    }
}
