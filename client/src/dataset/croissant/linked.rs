//! As much of JSON-LD as a Croissant paper is written in: prefixes and names of its context, values in several languages.
//!
//! Who writes `s:isBasedOn` under a prefix of his own, or a license under another name that the context maps, says the same as
//! everybody else, and must not be overheard.

use crate::dataset::tree::{Node, Value};
use std::collections::HashMap;

/// The vocabularies whose words are known here, as papers write their addresses.
const VOCABULARIES: &[&str] = &[
    "https://schema.org/",
    "http://schema.org/",
    "https://schema.org",
    "http://mlcommons.org/croissant/",
    "https://mlcommons.org/croissant/",
    "http://mlcommons.org/croissant/1.0/",
    "http://www.w3.org/ns/prov#",
    "https://www.w3.org/ns/prov#",
];

/// The prefixes that they usually have.
const PREFIXES: &[&str] = &["sc:", "schema:", "cr:", "prov:"];

/// The words of a paper, as its context gives them.
#[derive(Default)]
pub struct Words {
    prefixes: Vec<String>,
    /// Other names for words.
    named: HashMap<String, String>,
}

impl Words {
    /// Reads a context: a list of them, of which those that are addresses alone are not fetched.
    pub fn of(context: Option<&Node>) -> Self {
        let mut words = Self { prefixes: PREFIXES.iter().map(|it| (*it).to_owned()).collect(), named: HashMap::new() };
        let members = context.map(Node::items).unwrap_or_default().iter().flat_map(Node::members);
        let defined: Vec<(&str, &str)> = members
            .filter(|(name, _)| !name.starts_with('@'))
            .filter_map(|(name, value)| Some((&**name, value.string().or_else(|| value.text_of("@id"))?)))
            .collect();
        for (name, meaning) in &defined {
            if VOCABULARIES.contains(meaning) {
                words.prefixes.push(format!("{name}:"));
            }
        }
        for (name, meaning) in defined {
            let local = words.local(meaning).filter(|local| *local != name && !local.is_empty() && *local != meaning);
            if let Some(local) = local.map(str::to_owned) {
                words.named.insert(name.to_owned(), local);
            }
        }
        words
    }

    /// A word without the prefix or address of its vocabulary; none for a word of another vocabulary.
    pub fn local<'w>(&'w self, word: &'w str) -> Option<&'w str> {
        if let Some(meant) = self.named.get(word) {
            return Some(meant);
        }
        if !word.contains(':') {
            return Some(word);
        }
        let address = VOCABULARIES.iter().find_map(|begin| word.strip_prefix(begin));
        address.or_else(|| self.prefixes.iter().find_map(|begin| word.strip_prefix(begin.as_str())))
    }

    /// All values of a member, by whatever name of it.
    pub fn all<'n>(&self, node: &'n Node, name: &str) -> impl Iterator<Item = &'n Node> {
        node.members()
            .iter()
            .filter(move |(word, _)| self.local(word) == Some(name))
            .flat_map(|(_, value)| value.items())
    }

    /// The first value of a member.
    pub fn first<'n>(&self, node: &'n Node, name: &str) -> Option<&'n Node> {
        self.all(node, name).next()
    }

    /// Whether a node says what it is.
    pub fn is_typed(&self, node: &Node) -> bool {
        node.first_of(&["@type", "type"]).is_some()
    }

    /// Whether a node is of a type.
    pub fn is_type(&self, node: &Node, wanted: &str) -> bool {
        let types = node.first_of(&["@type", "type"]).map(Node::items).unwrap_or_default();
        let named = |text: &str| self.named.get(text).map_or(text, String::as_str).to_owned();
        types.iter().filter_map(Node::text).any(|text| named(text).rsplit([':', '/', '#']).next() == Some(wanted))
    }

    /// A node's id, or the name that stands for one.
    pub fn id<'n>(&self, node: &'n Node) -> Option<&'n str> {
        node.text_of("@id").or_else(|| self.first(node, "name").and_then(Node::text))
    }

    /// The texts of a member that may be written in several languages: `"a"`, `{"@value": "a"}`, `{"en": "a", "fr": "b"}`.
    pub fn texts<'n>(&self, node: &'n Node, name: &str) -> Vec<(&'n str, &'n Node)> {
        let mut found = Vec::new();
        for value in self.all(node, name) {
            match &value.value {
                Value::Text(text) => found.push((text.as_str(), value)),
                Value::Members(_) if value.member("@value").is_some() => {
                    found.extend(value.member("@value").and_then(|it| Some((it.text()?, it))));
                }
                Value::Members(languages) => found.extend(
                    languages.iter().flat_map(|(_, in_it)| in_it.items()).filter_map(|it| Some((it.string()?, it))),
                ),
                _ => {}
            }
        }
        found
    }

    /// What a value names: its text, or its address, id, identifier or title.
    pub fn said<'n>(&self, node: &'n Node) -> Option<(&'n str, &'n Node)> {
        if let Some(text) = node.string() {
            return Some((text, node));
        }
        let of = |name: &str| self.first(node, name).and_then(|found| Some((found.string()?, found)));
        let id = node.member("@id").and_then(|id| Some((id.string()?, id))).filter(|(id, _)| !id.starts_with("_:"));
        let identifier = || {
            let found = self.first(node, "identifier")?;
            found.string().map(|text| (text, found)).or_else(|| {
                let value = self.first(found, "value").or_else(|| found.first_of(&["@id", "@value"]))?;
                Some((value.text()?, value))
            })
        };
        of("url")
            .or(id)
            .or_else(identifier)
            .or_else(|| self.texts(node, "name").first().copied())
            .or_else(|| node.member("@value").and_then(|value| Some((value.string()?, value))))
    }
}

/// An additional property of a node by its name.
pub fn property<'n>(words: &Words, node: &'n Node, name: &str) -> Option<&'n str> {
    let found =
        words.all(node, "additionalProperty").find(|it| words.first(it, "name").and_then(Node::string) == Some(name));
    found.and_then(|it| words.first(it, "value")?.string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::tree;

    #[test]
    fn words_are_known_by_whatever_name_the_context_gives_them() {
        let text = r#"{"@context": ["https://x.example/c", {"s": "https://schema.org/", "terms": {"@id": "s:license"},
            "from": "https://schema.org/isBasedOn", "o": "https://other.example/", "@vocab": "https://schema.org/"}]}"#;
        let tree = tree::json(text).unwrap();
        let words = Words::of(tree.root.member("@context"));
        for (word, local) in [
            ("license", Some("license")),
            ("s:license", Some("license")),
            ("sc:license", Some("license")),
            ("http://schema.org/license", Some("license")),
            ("terms", Some("license")),
            ("from", Some("isBasedOn")),
            ("o:license", None),
            ("rai:license", None),
        ] {
            assert_eq!(words.local(word), local, "{word}");
        }
    }
}
