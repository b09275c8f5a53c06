//! Where a `content` applies: a path of the site, the carrier itself, or something that this document can't speak for.

use super::document::Content;
use crate::signals::{Complaint, Lint};
use crate::surt::{UrlKey, normalise_pattern};
use crate::vocab::AuthorityKind;

/// Longest path pattern that is kept whole.
const LONGEST: usize = 2_048;

/// Where a content applies, and how far it may be believed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub path: Option<String>,
    pub trust: Trust,
}

/// How far a content may be believed about a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// It may permit and prohibit.
    Whole,
    /// It is not clear what it covers: it may prohibit, and a permission stays in doubt.
    Vague,
    /// It names something that is not the document's own: it may only prohibit, and never in the place of a rule of the
    /// document's own, for which it goes under this name of its own.
    Foreign(String),
}

impl Place {
    /// The place of a content in a document of its own, or in a page or file.
    pub fn of(
        content: &Content,
        document: Option<&UrlKey>,
        authority: AuthorityKind,
        out: &mut Vec<Complaint>,
    ) -> Self {
        let mut misplaced = |detail: String| out.push(Complaint::at(content.line, Lint::Misplaced, detail));
        let url = content.url.as_deref().map(str::trim).unwrap_or_default();
        let absolute = absolute(url);
        let foreign = absolute.as_ref().is_some_and(|key| document.is_none_or(|own| own.site() != key.site()));
        if is_bound(authority) {
            // The association is the scope, and the address only the name that it goes by.
            return match &absolute {
                None if authority != AuthorityKind::Page && url.is_empty() => {
                    // Section 4.8: in a file it is the name of the work, which a copy is known by.
                    misplaced("a file's license without the address of the work".to_owned());
                    Self { path: None, trust: Trust::Vague }
                }
                Some(_) if foreign && document.is_some() => {
                    misplaced(format!("`{url}` is on another host: it may only restrict"));
                    Self { path: None, trust: Trust::Foreign(url.to_owned()) }
                }
                _ => Self { path: None, trust: Trust::Whole },
            };
        }
        if let Some(key) = absolute {
            if foreign {
                misplaced(format!("`{url}` is on another host: it may only restrict"));
                return Self { path: Some(key.path), trust: Trust::Foreign(url.to_owned()) };
            }
            return Self { path: Some(open_ended(key.path)), trust: Trust::Whole };
        }
        if url.is_empty() {
            let named = authority != AuthorityKind::SiteFile && content.url.is_some();
            if !named {
                misplaced("an empty `url` where nothing else says what is meant".to_owned());
            }
            return Self { path: None, trust: if named { Trust::Whole } else { Trust::Vague } };
        }
        if url.starts_with('/') && !url.starts_with("//") {
            return Self::path(url, Trust::Whole);
        }
        let scheme = url.split_once(':').map(|(scheme, _)| scheme);
        if scheme.is_some_and(|scheme| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            misplaced(format!("`{url}` is no path of this site: it may only restrict"));
            return Self { path: None, trust: Trust::Foreign(url.to_owned()) };
        }
        misplaced(format!("`{url}` is neither a path nor an address"));
        let joined = document.and_then(|own| {
            let base = url::Url::parse(&format!("https://{}{}", own.site(), own.path)).ok()?;
            let joined = UrlKey::parse_pattern(base.join(url).ok()?.as_str()).ok()?;
            (joined.site() == own.site()).then_some(joined.path)
        });
        Self::path(&joined.unwrap_or_else(|| format!("/{url}")), Trust::Vague)
    }

    /// The place of an item of a feed: its own address and nothing below it.
    pub fn of_item(url: &str, document: Option<&UrlKey>, line: usize, out: &mut Vec<Complaint>) -> Self {
        let site = document.map(UrlKey::site);
        let path = match absolute(url) {
            Some(key) if Some(key.site()) == site => key.path,
            None if url.starts_with('/') && !url.starts_with("//") => normalise_pattern(url),
            other => {
                let detail = format!("`{url}` is not of the feed's origin: it may only restrict");
                out.push(Complaint::at(line, Lint::Misplaced, detail));
                let path = other.map_or_else(|| "/".to_owned(), |key| key.path);
                return Self { path: Some(path), trust: Trust::Foreign(url.to_owned()) };
            }
        };
        let pattern = path.contains('*') || path.ends_with('$');
        Self::path(&if pattern { path } else { format!("{path}$") }, Trust::Whole)
    }

    fn path(path: &str, trust: Trust) -> Self {
        let path = open_ended(normalise_pattern(path));
        if path.len() <= LONGEST {
            return Self { path: Some(path), trust };
        }
        // ASCII by now. A pattern that lost its end covers more.
        let trust = if trust == Trust::Whole { Trust::Vague } else { trust };
        Self { path: Some(path[..LONGEST].trim_end_matches('$').to_owned()), trust }
    }
}

/// A pattern without the `*` at its end, which says nothing: two spellings of one scope are one path.
fn open_ended(mut path: String) -> String {
    path.truncate(path.trim_end_matches('*').len());
    if path.is_empty() { "/".to_owned() } else { path }
}

/// Whether a carrier speaks for itself alone: the page or file that the license stands in.
pub(super) fn is_bound(authority: AuthorityKind) -> bool {
    matches!(authority, AuthorityKind::Page | AuthorityKind::ContentSigned | AuthorityKind::ContentUnsigned)
}

/// The key of an absolute http address, also of one that leaves its scheme out.
pub(super) fn absolute(url: &str) -> Option<UrlKey> {
    let completed = url.strip_prefix("//").map(|rest| format!("https://{rest}"));
    UrlKey::parse_pattern(completed.as_deref().unwrap_or(url)).ok()
}
