//! URL rules as the index keeps them: folded hosts, literal prefixes, lowered patterns; they find too much, never too little.
//!
//! Everything here compares in lower case and without one leading `www.`. Whatever [`Target`](crate::scope::Target) covers,
//! exactly or folded, is found through these keys; the scope itself then says whether it really is covered.

use crate::surt::{PathPattern, parts_match};

/// The host that the index files a host under. Unlike a scope's own folding it asks no public suffix list: builder and
/// reader may have different ones, and a rule filed under another name would be missed.
pub(super) fn fold_host(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}

/// A URL's path as the index sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needle {
    /// The lowered path, with one `/` more: folding compares a path with and without a slash at its end, and every prefix
    /// that begins either also begins this.
    pub key: String,
}

impl Needle {
    /// Takes another path, in the memory of the last one.
    pub(super) fn set(&mut self, path: &str) {
        self.key.clear();
        self.key.push_str(path);
        self.key.make_ascii_lowercase();
        self.key.push('/');
    }

    /// The path spellings that a pattern is tried on: as it is, without slashes at its end, with one.
    fn spellings(&self) -> [&str; 3] {
        let whole = self.key.as_str();
        let path = whole.strip_suffix('/').unwrap_or(whole);
        let trimmed = path.trim_end_matches('/');
        // A path of slashes alone folds to `/`; with its slash that is `//`, which the key of `/` is too.
        if trimmed.is_empty() { [path, "/", "//"] } else { [path, trimmed, &whole[..=trimmed.len()]] }
    }
}

/// An RFC 9309 pattern as the index keeps it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct IndexPattern {
    /// Escaped, lowered, without the final `$`.
    pub text: String,
    /// It had a final `$`.
    pub anchored: bool,
}

impl IndexPattern {
    /// The pattern of a `Target::Url`.
    pub(super) fn new(path: &str) -> Self {
        let (text, anchored) = PathPattern::restricting(path).into_parts();
        Self { text: text.to_ascii_lowercase(), anchored }
    }

    /// What every path that it matches begins with, as it begins the text: nothing where that begins with `*`.
    pub(super) fn literal_prefix(&self) -> &str {
        self.text.split('*').next().unwrap_or_default()
    }

    /// Whether the literal prefix says everything.
    pub(super) fn is_plain(&self) -> bool {
        !self.anchored && !self.text.contains('*')
    }
}

/// Whether a pattern matches any spelling of the URL's path: a literal prefix and what follows it, nothing or a `*` and
/// more. Bytes, since a hostile file need not hold text.
pub(super) fn glob(prefix: &[u8], rest: &[u8], anchored: bool, needle: &Needle) -> bool {
    needle.spellings().iter().any(|path| {
        let behind = path.as_bytes().strip_prefix(prefix);
        behind.is_some_and(|path| parts_match(rest, anchored, path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surt::UrlKey;

    fn found(pattern: &str, url: &str) -> bool {
        let url = UrlKey::parse(url).unwrap();
        let mut needle = Needle::default();
        needle.set(&url.path);
        let pattern = IndexPattern::new(pattern);
        let (prefix, rest) = pattern.text.split_at(pattern.literal_prefix().len());
        needle.key.starts_with(prefix)
            && (pattern.is_plain() || glob(prefix.as_bytes(), rest.as_bytes(), pattern.anchored, &needle))
    }

    #[test]
    fn the_index_finds_what_folding_may_cover() {
        for (pattern, url) in [
            ("/a/", "https://x.example/A"),
            ("/a//", "https://x.example/a//"),
            ("//", "https://x.example/"),
            ("/News/*.html$", "https://x.example/news/b.HTML/"),
            ("/%C3%9C$", "https://x.example/%c3%9c"),
            ("/*?id=", "https://x.example/q?ID=3"),
            ("/a%", "https://x.example/a%20b"),
            ("/*%2", "https://x.example/q%2Fb"),
            ("*/a", "https://x.example/a"),
            ("/*a%2fb", "https://x.example/?a/b"),
            ("/A$b", "https://x.example/a$b"),
            ("/a%2ab", "https://x.example/a*b"),
        ] {
            assert!(found(pattern, url), "{pattern} on {url}");
        }
        assert!(!found("/a/", "https://x.example/ab"));
        assert!(!found("/a$", "https://x.example/ab"));
    }
}
