//! Scope: what a statement covers, minus exclusions; leniency only towards restriction.

use crate::acquisition::{Keys, UrlRole, WorkId};
use crate::id::{ContentName, ListId};
use crate::issuer::Domain;
use crate::surt::{PathPattern, UrlKey, parts_match, pattern_matches, without_www};
use crate::terms::Sorted;
use crate::ubiquitous;
use serde::{Deserialize, Serialize};

/// What a statement covers: any of `include`, minus all of `exclude`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Covered, sorted.
    pub include: Sorted<Target>,
    /// Not covered although included, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Sorted<Target>,
}

/// One thing that a scope names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "target", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Target {
    /// Everything on a host, any port.
    Host {
        /// The host.
        host: Domain,
        /// Hosts below it too.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        subdomains: bool,
    },
    /// Paths of one host that match an RFC 9309 pattern.
    Url {
        /// The host.
        host: Domain,
        /// A port other than 80 and 443.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        /// The pattern: a prefix, `*` any run, final `$` the end.
        path: String,
    },
    /// Listed documents, by their bytes.
    Content {
        /// Their ids, sorted.
        ids: Sorted<ContentName>,
    },
    /// Listed works, by their identifiers (`isbn:`, `doi:`, `isrc:`, `model:` ...).
    Works {
        /// Their ids, sorted.
        ids: Sorted<WorkId>,
    },
    /// A repertoire that stands in a blob.
    Repertoire {
        /// The list's digest.
        list: ListId,
    },
    /// A named compilation.
    Collection {
        /// Its name, lower case.
        name: String,
    },
}

/// How a scope came to cover a copy; worst match last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Match {
    /// By the URL the bytes were fetched from, exactly.
    Fetched,
    /// By the recomputed content id.
    Content,
    /// By a work identifier that goes with the copy.
    Work,
    /// By the compilation the copy came in.
    Collection,
    /// By another URL of the copy: requested, redirected, embedding, canonical, unwrapped.
    OtherUrl,
    /// By a weak content alias.
    WeakContent,
    /// Only after folding a URL.
    Folded,
}

impl Target {
    /// Whether the target covers this URL, exactly.
    #[must_use]
    pub fn covers_url(&self, url: &UrlKey) -> bool {
        OnHost::of(self).is_some_and(|target| target.covers(url))
    }

    /// Whether the target covers this URL after both sides are folded; may widen restrictions and exclusions from
    /// permissions, nothing else.
    #[must_use]
    pub fn covers_folded(&self, url: &UrlKey) -> bool {
        matches!(self, Self::Host { .. } | Self::Url { .. }) && self.covers_when_folded(&url.folded())
    }

    /// The same of an address that was folded before: there may be many targets to hold it against.
    pub(crate) fn covers_when_folded(&self, folded: &UrlKey) -> bool {
        OnHost::of(self).is_some_and(|target| target.covers_when_folded(folded))
    }

    /// Whether all that the other target may cover, exactly or folded, is covered by this one. Sound and not complete: two
    /// patterns that only happen to match the same paths are not compared.
    fn holds(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Host { host, subdomains }, Self::Host { host: below, subdomains: deep }) => {
                host_covers(host.as_str(), *subdomains, below.as_str()) && (*subdomains || !deep)
            }
            (Self::Host { host, subdomains }, Self::Url { host: below, .. }) => {
                host_covers(host.as_str(), *subdomains, below.as_str())
            }
            (Self::Url { host, port, path }, Self::Url { host: other, port: at, path: longer }) => {
                host == other && port == at && (path == longer || is_literal(path) && longer.starts_with(path.as_str()))
            }
            (Self::Content { ids }, Self::Content { ids: fewer }) => fewer.iter().all(|id| ids.contains(id)),
            (Self::Works { ids }, Self::Works { ids: fewer }) => fewer.iter().all(|id| ids.contains(id)),
            _ => self == other,
        }
    }

    pub(crate) fn names_content(&self, name: &ContentName) -> bool {
        matches!(self, Self::Content { ids } if ids.contains(name))
    }

    fn names_work(&self, work: &WorkId) -> bool {
        matches!(self, Self::Works { ids } if ids.contains(work))
    }

    fn names_collection(&self, collection: &str) -> bool {
        matches!(self, Self::Collection { name } if name == collection)
    }
}

/// A target that is about a host, its texts wherever they lie.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OnHost<'t> {
    /// See [`Target::Host`].
    Host { host: &'t str, subdomains: bool },
    /// See [`Target::Url`].
    Url {
        host: &'t str,
        port: Option<u16>,
        path: &'t str,
        /// The parts of the pattern that the path is, where they are known.
        parts: Option<(&'t str, bool)>,
    },
}

impl<'t> OnHost<'t> {
    /// The target, if it is about a host.
    pub(crate) fn of(target: &'t Target) -> Option<Self> {
        match target {
            Target::Host { host, subdomains } => Some(Self::Host { host: host.as_str(), subdomains: *subdomains }),
            Target::Url { host, port, path } => Some(Self::Url { host: host.as_str(), port: *port, path, parts: None }),
            _ => None,
        }
    }

    /// How many bytes its texts have.
    pub(crate) fn length(&self) -> usize {
        match *self {
            Self::Host { host, .. } => host.len(),
            Self::Url { host, path, parts, .. } => host.len() + path.len() + parts.map_or(0, |(text, _)| text.len()),
        }
    }

    /// See [`Target::covers_url`].
    pub(crate) fn covers(&self, url: &UrlKey) -> bool {
        match *self {
            Self::Host { host, subdomains } => host_covers(host, subdomains, &url.host),
            Self::Url { host, port, path, parts } => {
                let matches = || match parts {
                    Some((text, anchored)) => parts_match(text.as_bytes(), anchored, url.path.as_bytes()),
                    None => pattern_matches(path, &url.path),
                };
                host == url.host && port == url.port && matches()
            }
        }
    }

    /// See [`Target::covers_folded`]; of an address that was folded before.
    pub(crate) fn covers_when_folded(&self, folded: &UrlKey) -> bool {
        match *self {
            Self::Host { host, subdomains } => host_covers(without_www(host), subdomains, &folded.host),
            Self::Url { host, path, .. } if without_www(host) == folded.host => {
                let pattern = PathPattern::restricting(&path.to_ascii_lowercase());
                pattern.matches(&folded.path) || pattern.matches(&format!("{}/", folded.path))
            }
            Self::Url { .. } => false,
        }
    }
}

/// Whether a host rule covers a host: itself, and with `subdomains` whatever stands below it.
pub(crate) fn host_covers(rule: &str, subdomains: bool, host: &str) -> bool {
    rule == host || (subdomains && host.strip_suffix(rule).is_some_and(|below| below.ends_with('.')))
}

/// Whether a pattern is a plain prefix: no wildcard, and no escape that the next letters could complete.
fn is_literal(path: &str) -> bool {
    let end = path.as_bytes().iter().rev().take(2).any(|byte| *byte == b'%');
    !path.contains(['*', '$']) && !end
}

impl Scope {
    /// How this scope covers a copy, for a **restriction**: any URL, folded too, any alias. An exclusion takes out only
    /// the very URL, bytes, work or compilation that it names exactly; what else of the copy is covered stays covered.
    #[must_use]
    pub fn restricts(&self, keys: &Keys) -> Option<Match> {
        let mut found = self.other_matches(keys, |excluded| excluded);
        for (role, url) in &keys.urls {
            if self.exclude.iter().any(|target| target.covers_url(url)) {
                continue;
            }
            if self.include.iter().any(|target| target.covers_url(url)) {
                found.push(if *role == UrlRole::Fetched { Match::Fetched } else { Match::OtherUrl });
                continue;
            }
            // Once for all targets: a statement may name hundreds.
            let folded = url.folded();
            if self.include.iter().any(|target| target.covers_when_folded(&folded)) {
                found.push(Match::Folded);
            }
        }
        found.into_iter().min()
    }

    /// How this scope covers a copy, for a **permission**: the URL the bytes were fetched from, the recomputed content id,
    /// a work or a compilation; another URL only where the permission reaches `any_copy`. Any exclusion that touches the
    /// copy, even folded, takes it out whole.
    #[must_use]
    pub fn permits(&self, keys: &Keys, any_copy: bool) -> Option<Match> {
        let touched = |target: &Target| {
            let mut urls = keys.urls.iter().filter(|(role, _)| !keys.left_out_as_fetched || *role == UrlRole::Fetched);
            urls.any(|(_, url)| target.covers_url(url) || target.covers_folded(url))
                || keys.content.iter().any(|name| target.names_content(name))
                || keys.works.iter().any(|work| target.names_work(work))
                || keys.collections.iter().any(|collection| target.names_collection(collection))
        };
        if self.exclude.iter().any(touched) {
            return None;
        }
        let mut found = self.other_matches(keys, |_| false);
        found.retain(|by| *by != Match::WeakContent);
        for (role, url) in &keys.urls {
            if self.include.iter().any(|target| target.covers_url(url)) {
                match role {
                    UrlRole::Fetched => found.push(Match::Fetched),
                    _ if any_copy => found.push(Match::OtherUrl),
                    _ => {}
                }
            }
        }
        found.into_iter().min()
    }

    /// Matches by anything but URLs; `skip` says whether a name that is excluded is left out.
    fn other_matches(&self, keys: &Keys, skip: impl Fn(bool) -> bool) -> Vec<Match> {
        let covered =
            |names: &dyn Fn(&Target) -> bool| self.include.iter().any(names) && !skip(self.exclude.iter().any(names));
        let mut found = Vec::new();
        // What everybody serves is nobody's to claim. That it is left out of something stays so.
        for name in keys.content.iter().filter(|name| !ubiquitous::is_common(name)) {
            if covered(&|target| target.names_content(name)) {
                found.push(if name.may_clear() { Match::Content } else { Match::WeakContent });
            }
        }
        if keys.works.iter().any(|work| covered(&|target| target.names_work(work))) {
            found.push(Match::Work);
        }
        if keys.collections.iter().any(|name| covered(&|target| target.names_collection(name))) {
            found.push(Match::Collection);
        }
        found
    }

    /// Whether the copy is covered at all, for a restriction or a permission of any copy, exclusions aside; what a lookup
    /// must find at least.
    #[must_use]
    pub fn touches(&self, keys: &Keys) -> bool {
        let covers = |(_, url): &(UrlRole, UrlKey)| {
            self.include.iter().any(|target| target.covers_url(url)) || {
                let folded = url.folded();
                self.include.iter().any(|target| target.covers_when_folded(&folded))
            }
        };
        keys.urls.iter().any(covers) || !self.other_matches(keys, |_| false).is_empty()
    }

    /// Whether this scope reaches nowhere where the other doesn't: what is delegated, and what an agent makes of it. Sound and not
    /// complete; an agent names what it means in the words of its delegation.
    #[must_use]
    pub fn within(&self, outer: &Self) -> bool {
        let included = |target: &Target| match target {
            // Lists may be made of several of the outer ones.
            Target::Content { ids } => ids.iter().all(|id| outer.include.iter().any(|target| target.names_content(id))),
            Target::Works { ids } => ids.iter().all(|id| outer.include.iter().any(|target| target.names_work(id))),
            _ => outer.include.iter().any(|held| held.holds(target)),
        };
        // Also what lies apart: a copy with a second address there is left out whole.
        let excluded = |left_out: &Target| self.exclude.iter().any(|target| target.holds(left_out));
        self.include.iter().all(included) && outer.exclude.iter().all(excluded)
    }

    /// The same scope with every list in its one order. Statements are accepted only in this form.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        for list in [&mut self.include, &mut self.exclude] {
            for target in list.iter_mut() {
                match target {
                    Target::Content { ids } => {
                        ids.sort();
                        ids.dedup();
                    }
                    Target::Works { ids } => {
                        ids.sort();
                        ids.dedup();
                    }
                    _ => {}
                }
            }
            list.sort();
            list.dedup();
        }
        self
    }

    /// Every target, included and excluded.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.include.iter().chain(&self.exclude)
    }

    /// Whether anything is covered by something else than the issuer's own URLs, so that the claim needs proof.
    #[must_use]
    pub fn claims_content(&self) -> bool {
        self.include.iter().any(|target| !matches!(target, Target::Host { .. } | Target::Url { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(url: &str) -> UrlKey {
        UrlKey::parse(url).unwrap()
    }

    #[test]
    fn a_folded_host_never_reaches_across_a_public_suffix() {
        let rule = |host: &str| Target::Host { host: host.parse().unwrap(), subdomains: true };
        assert!(!rule("www.github.io").covers_folded(&key("https://bob.github.io/")));
        assert!(!rule("www.co.uk").covers_folded(&key("https://press.co.uk/")));
        assert!(rule("www.press.example").covers_folded(&key("https://news.press.example/")));
        assert!(rule("press.example").covers_folded(&key("https://www.press.example/")));
    }

    #[test]
    fn folding_sees_through_case_beside_escapes() {
        let rule = Target::Url { host: "press.example".parse().unwrap(), port: None, path: "/%C3%BC/News".to_owned() };
        assert!(rule.covers_folded(&key("https://www.press.example/ü/news/")));
        assert!(!rule.covers_folded(&key("https://www.press.example/ö/news/")));
    }
}
