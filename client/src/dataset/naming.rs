//! Names by which an entry is found: digests as papers write them, URLs, and the one spelling of a collection.
//!
//! A collection is asked for by its name in lower case, as statements spell it (`Scope`'s `collection`): a data set of the
//! Hugging Face hub as `hf:owner/name`, whether its URL or its id is written, any other by its own title. A wrong name here
//! could hide a reservation and never clears by itself.

use super::entry::{Entry, Stated};
use super::tree::Node;
use cleartitle_schema::acquisition::{CopyUrl, UrlRole};
use cleartitle_schema::id::ContentName;
use cleartitle_schema::surt::UrlKey;
use std::sync::Arc;

/// Most URLs of one cell or member that are looked at.
const MOST_URLS: usize = 64;

/// From how many names of one kind on nobody looks whether a further one is new.
const MANY: usize = 64;

/// The longest fact that is kept, in characters.
const LONGEST_FACT: usize = 2_000;

/// A digest by its algorithm's name, as papers write it: `SHA-256`, `sha256`, `blake3`. None for one that names nothing here
/// (MD5, SHA-512), or that is no digest of that algorithm.
#[must_use]
pub fn digest(algorithm: &str, value: &str) -> Option<ContentName> {
    let algorithm: String =
        algorithm.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let prefix = match algorithm.as_str() {
        "blake3" => "blake3:",
        "sha256" => "sha256:",
        "sha1" => "warc-sha1:",
        _ => return None,
    };
    let value = value.trim().to_ascii_lowercase();
    format!("{prefix}{}", value.strip_prefix(prefix).unwrap_or(&value)).parse().ok()
}

/// Whether an algorithm is one whose digests name documents here.
#[must_use]
pub fn names_documents(algorithm: &str) -> bool {
    digest(algorithm, &"0".repeat(64)).is_some() || digest(algorithm, &"0".repeat(40)).is_some()
}

/// Whether a text is one absolute URL that a scope can cover.
#[must_use]
pub fn is_url(text: &str) -> bool {
    !text.contains(char::is_whitespace)
        && (text.starts_with("https://") || text.starts_with("http://"))
        && UrlKey::parse(text).is_ok()
}

/// Whether a text is an address of another scheme, which no scope covers: `s3://`, `git@host:path`.
#[must_use]
pub fn is_other_address(text: &str) -> bool {
    !text.contains(char::is_whitespace)
        && (text.split_once("://").is_some_and(|(scheme, rest)| {
            !rest.is_empty()
                && !scheme.is_empty()
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b))
        }) || text.starts_with("git@"))
}

/// The URLs of a cell, where it holds nothing else. A host without its scheme counts as https.
#[must_use]
pub fn urls(cell: &str) -> Option<Vec<String>> {
    let parts = cell.split(|letter: char| letter.is_whitespace() || letter == ';' || letter == '|').flat_map(|part| {
        // A comma may stand inside a URL, and between two.
        if part.matches("://").count() > 1 {
            part.split(',').collect::<Vec<_>>()
        } else {
            vec![part.trim_end_matches(',')]
        }
    });
    let mut found = Vec::new();
    for part in parts.filter(|part| !part.is_empty()) {
        let whole = if part.contains("://") { part.to_owned() } else { format!("https://{part}") };
        let named_host = part.contains("://")
            || part
                .split('/')
                .next()
                .is_some_and(|host| host.contains('.') && !host.ends_with('.') && !host.starts_with('.'));
        if !named_host || !is_url(&whole) || found.len() == MOST_URLS {
            return None;
        }
        found.push(whole);
    }
    (!found.is_empty()).then_some(found)
}

/// The collection that a Hugging Face data set is: by its URL, `hf:owner/name`, or `datasets/owner/name`.
#[must_use]
pub fn hugging_face(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    let rest = [
        "https://huggingface.co/datasets/",
        "http://huggingface.co/datasets/",
        "https://hf.co/datasets/",
        "hf://datasets/",
        "hf:",
    ]
    .iter()
    .find_map(|begin| lower.strip_prefix(begin))?;
    let mut parts = rest.split(['/', '?', '#', '@']).filter(|part| !part.is_empty());
    let (owner, name) = (parts.next()?, parts.next()?);
    let fits = |part: &str| {
        part.len() <= 96 && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    (fits(owner) && fits(name)).then(|| format!("hf:{owner}/{name}"))
}

/// Whether a text is a data set's id on the hub: `owner/name`, and nothing that a path would be.
#[must_use]
pub fn is_hub_id(text: &str) -> bool {
    let fits = |part: &str| {
        !part.is_empty()
            && part.len() <= 96
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    text.split_once('/').is_some_and(|(owner, name)| fits(owner) && fits(name) && !name.contains('/'))
}

impl Entry {
    /// Adds the URL that the bytes were fetched from, and the collection that it is the home of.
    pub(super) fn fetched_from(&mut self, url: &str) {
        self.with_url(UrlRole::Fetched, url);
    }

    /// Adds the URL of a page that shows it.
    pub(super) fn shown_at(&mut self, url: &str) {
        self.with_url(UrlRole::Embedding, url);
    }

    fn with_url(&mut self, role: UrlRole, url: &str) {
        let url = url.trim();
        // One that can't be read is asked about all the same: it is unknown, and not nothing.
        let web = ["https:", "http:"]
            .iter()
            .any(|scheme| url.get(..scheme.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(scheme)));
        // Once it has many, one that stands twice costs less than looking for it among all others.
        let many = self.copy.urls.len() >= MANY;
        if web && (many || !self.copy.urls.iter().any(|known| known.url == url)) {
            self.copy.urls.push(CopyUrl { role, url: url.to_owned() });
        }
        if let Some(collection) = hugging_face(url) {
            self.in_collection(&collection);
        }
    }

    /// Adds a name of its bytes.
    pub(super) fn named_by(&mut self, name: ContentName) {
        if self.copy.content.len() >= MANY || !self.copy.content.contains(&name) {
            self.copy.content.push(name);
            if self.copy.content.len() <= MANY {
                self.copy.content.sort();
            }
        }
    }

    /// Adds a collection.
    pub(super) fn in_collection(&mut self, name: &str) {
        let name = name.trim().to_lowercase();
        let many = self.copy.collections.len() >= MANY;
        if !name.is_empty() && name.len() <= 300 && (many || !self.copy.collections.contains(&name)) {
            self.copy.collections.push(name);
        }
    }

    /// Adds what the paper says by this name: a text, or several.
    pub(super) fn fact(&mut self, name: &str, node: &Node, file: &Arc<str>) {
        let texts: Vec<&str> = node.items().iter().filter_map(Node::text).collect();
        if texts.is_empty() || texts.len() != node.items().len() {
            return;
        }
        let text: String = texts.join(", ").chars().take(LONGEST_FACT).collect();
        self.facts.push((name.to_owned(), Stated { text, place: node.place(file).member(name) }));
    }

    /// Whether it can be asked for at all.
    pub(super) fn is_named(&self) -> bool {
        let copy = &self.copy;
        !(copy.urls.is_empty() && copy.content.is_empty() && copy.works.is_empty() && copy.collections.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_collection_has_one_spelling() {
        for written in [
            "https://huggingface.co/datasets/Owner/Name",
            "hf:owner/name",
            "hf://datasets/owner/name@main",
            "https://huggingface.co/datasets/owner/name/tree/main",
        ] {
            assert_eq!(hugging_face(written).as_deref(), Some("hf:owner/name"), "{written}");
        }
        for other in
            ["https://huggingface.co/owner/model", "https://evil.example/datasets/owner/name", "owner/name", "hf:owner"]
        {
            assert_eq!(hugging_face(other), None, "{other}");
        }
    }

    #[test]
    fn a_cell_of_urls_holds_nothing_else() {
        let found = |cell| urls(cell).map(|urls| urls.len());
        assert_eq!(found("https://a.example/x"), Some(1));
        assert_eq!(found("a.example/x"), Some(1));
        assert_eq!(found("https://a.example/x, https://b.example/y"), Some(2));
        assert_eq!(found("https://a.example/x,y"), Some(1));
        for words in
            ["free for research, see paper.", "Released under CC BY 4.0.", "", "https://", "see https://a.example/x"]
        {
            assert_eq!(found(words), None, "{words}");
        }
    }

    #[test]
    fn digests_are_whole_or_none() {
        assert!(digest("SHA-256", &"AB".repeat(32)).is_some());
        assert!(digest("sha1", &"ab".repeat(20)).is_some());
        assert!(digest("sha256", "ab").is_none() && digest("md5", &"ab".repeat(16)).is_none());
        assert!(names_documents("SHA-1") && !names_documents("SHA-512"));
    }
}
