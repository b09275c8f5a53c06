//! Cover: how a scope's targets and a statement's signers stand to the addresses and the names of one copy.
//!
//! Written down is what the targets say of each address and of each name, and not what follows from it: whether a scope
//! restricts or permits the copy, in all the ways in which `decide` asks, hangs on nothing else.

use crate::acquisition::{Keys, UrlRole};
use crate::id::ContentName;
use crate::issuer::Authority;
use crate::scope::Scope;
use crate::surt::{UrlKey, without_www};
use crate::ubiquitous;
use std::cell::OnceCell;

use super::packed::Targets;

/// One address of a copy, with what is asked of it again and again.
pub(super) struct Site<'k> {
    pub role: UrlRole,
    pub url: &'k UrlKey,
    folded: OnceCell<UrlKey>,
    authority: OnceCell<Authority>,
    host: OnceCell<u32>,
    above: OnceCell<Vec<u32>>,
}

impl Site<'_> {
    pub(super) fn folded(&self) -> &UrlKey {
        self.folded.get_or_init(|| self.url.folded())
    }

    /// Whether this is the authority over the address. An authority ends all hosts that it is over.
    pub(super) fn under(&self, authority: &Authority) -> bool {
        self.url.host.ends_with(authority.as_str()) && self.authority.get_or_init(|| self.url.authority()) == authority
    }

    /// The hash of its host, without `www`.
    pub(super) fn host(&self) -> u32 {
        *self.host.get_or_init(|| host_hash(self.url))
    }

    /// The hashes of all hosts above it.
    pub(super) fn above(&self) -> &[u32] {
        self.above.get_or_init(|| {
            let host = without_www(&self.url.host);
            host.match_indices('.').map(|(at, _)| hash(&host[at + 1..])).collect()
        })
    }
}

/// The addresses and the names of one copy.
pub(super) struct Sites<'k> {
    pub sites: Vec<Site<'k>>,
    pub names: &'k [ContentName],
    /// The address that the bytes were fetched from.
    pub fetched: Option<usize>,
}

impl<'k> Sites<'k> {
    pub(super) fn of(keys: &'k Keys) -> Self {
        let site = |(role, url): &'k (UrlRole, UrlKey)| Site {
            role: *role,
            url,
            folded: OnceCell::new(),
            authority: OnceCell::new(),
            host: OnceCell::new(),
            above: OnceCell::new(),
        };
        let fetched = keys.urls.iter().position(|(role, _)| *role == UrlRole::Fetched);
        Self { sites: keys.urls.iter().map(site).collect(), names: &keys.content, fetched }
    }

    /// What there is to be covered, whatever is said of it.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::try_from(self.sites.len()).unwrap_or(u8::MAX));
        out.extend(self.sites.iter().map(|site| site.role as u8));
        out.push(u8::try_from(self.names.len()).unwrap_or(u8::MAX));
        let name = |name: &ContentName| u8::from(name.may_clear()) | u8::from(ubiquitous::is_common(name)) << 1;
        out.extend(self.names.iter().map(name));
    }
}

/// The hash of an address's host, without `www`.
pub(super) fn host_hash(url: &UrlKey) -> u32 {
    hash(without_www(&url.host))
}

pub(super) fn hash(host: &str) -> u32 {
    // Folding to half the width keeps what tells hosts apart; equal halves are looked at more closely.
    let hash = twox_hash::XxHash3_64::oneshot(host.as_bytes());
    u32::try_from(hash & u64::from(u32::MAX)).unwrap_or_default()
}

/// A scope, ready to be held against copies.
pub(super) struct ScopeTargets {
    pub include: Targets,
    exclude: Option<Box<Targets>>,
}

impl ScopeTargets {
    pub(super) fn of(scope: &Scope) -> Self {
        let exclude = (!scope.exclude.is_empty()).then(|| Box::new(Targets::of(&scope.exclude)));
        Self { include: Targets::of(&scope.include), exclude }
    }

    pub(super) fn weight(&self) -> usize {
        self.include.weight() + self.exclude.as_ref().map_or(0, |targets| 64 + targets.weight())
    }

    /// Asks for its own lines of memory.
    pub(super) fn touch(&self) -> u8 {
        u8::from(self.exclude.is_some()) ^ self.include.touch()
    }

    /// Two bits for what is included and two for what is left out.
    pub(super) fn address(&self, site: &Site<'_>) -> u8 {
        let excluded = self.exclude.as_ref().map_or(0, |targets| targets.covers(site));
        self.include.covers(site) | excluded << 2
    }

    /// A bit for what is included and one for what is left out.
    pub(super) fn name(&self, name: &ContentName) -> u8 {
        let excluded = self.exclude.as_ref().is_some_and(|targets| targets.lists(name));
        u8::from(self.include.lists(name)) | u8::from(excluded) << 1
    }
}
