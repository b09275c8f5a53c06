//! Cover: how a scope's targets and a statement's signers stand to the addresses and the names of one copy.
//!
//! Written down is what the targets say of each address and of each name, and not what follows from it: whether a scope
//! restricts or permits the copy, in all the ways in which `decide` asks, hangs on nothing else.

use crate::acquisition::{Keys, UrlRole};
use crate::id::ContentName;
use crate::issuer::Authority;
use crate::scope::{Scope, Target};
use crate::surt::{UrlKey, without_www};
use crate::ubiquitous;
use std::cell::OnceCell;

/// From so many targets on, those of a host are found by its hash.
const MANY: usize = 16;

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
    fn folded(&self) -> &UrlKey {
        self.folded.get_or_init(|| self.url.folded())
    }

    /// Whether this is the authority over the address. An authority ends all hosts that it is over.
    pub(super) fn under(&self, authority: &Authority) -> bool {
        self.url.host.ends_with(authority.as_str()) && self.authority.get_or_init(|| self.url.authority()) == authority
    }

    /// The hash of its host, without `www`.
    fn host(&self) -> u32 {
        *self.host.get_or_init(|| hash(without_www(&self.url.host)))
    }

    /// The hashes of all hosts above it.
    fn above(&self) -> &[u32] {
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

fn hash(host: &str) -> u32 {
    // Folding to half the width keeps what tells hosts apart; equal halves are looked at more closely.
    let hash = twox_hash::XxHash3_64::oneshot(host.as_bytes());
    u32::try_from(hash & u64::from(u32::MAX)).unwrap_or_default()
}

fn host_of(target: &Target) -> Option<&str> {
    match target {
        Target::Host { host, .. } | Target::Url { host, .. } => Some(host.as_str()),
        _ => None,
    }
}

/// Targets, ready to be held against copies.
pub(super) struct Targets {
    /// The hash of the host, without `www`, of each target that has one, and its place; sorted. Empty where they are few.
    by_host: Vec<(u32, u32)>,
    /// Some of them are for hosts below theirs too.
    deep: bool,
    /// The places of those that list names, and whether the list is sorted.
    lists: Vec<(u32, bool)>,
}

impl Targets {
    pub(super) fn of(targets: &[Target]) -> Self {
        let places = || (0..u32::MAX).zip(targets);
        let hosts = places().filter_map(|(place, target)| Some((hash(without_www(host_of(target)?)), place)));
        let mut by_host: Vec<(u32, u32)> = if targets.len() < MANY { Vec::new() } else { hosts.collect() };
        by_host.sort_unstable();
        let lists = places().filter_map(|(place, target)| match target {
            Target::Content { ids } => Some((place, ids.is_sorted())),
            _ => None,
        });
        let deep = targets.iter().any(|target| matches!(target, Target::Host { subdomains: true, .. }));
        Self { by_host, deep, lists: lists.collect() }
    }

    pub(super) fn weight(&self) -> usize {
        8 * (self.by_host.len() + self.lists.len())
    }

    /// 0: no target covers the address; 1: one does exactly; 2: one does after folding alone.
    fn covers(&self, targets: &[Target], site: &Site<'_>) -> u8 {
        if targets.len() < MANY {
            return covers(targets, site);
        }
        let mut folded = 0;
        let above = if self.deep { site.above() } else { &[] };
        for hash in std::iter::once(site.host()).chain(above.iter().copied()) {
            let from = self.by_host.partition_point(|(filed, _)| *filed < hash);
            for (_, place) in self.by_host[from..].iter().take_while(|(filed, _)| *filed == hash) {
                let target = usize::try_from(*place).ok().and_then(|place| targets.get(place));
                match covers(target.map_or(&[], std::slice::from_ref), site) {
                    0 => {}
                    1 => return 1,
                    other => folded = other,
                }
            }
        }
        folded
    }

    fn lists(&self, targets: &[Target], name: &ContentName) -> bool {
        self.lists.iter().any(|(place, sorted)| {
            match usize::try_from(*place).ok().and_then(|place| targets.get(place)) {
                Some(Target::Content { ids }) if *sorted => ids.binary_search(name).is_ok(),
                Some(Target::Content { ids }) => ids.contains(name),
                _ => false,
            }
        })
    }
}

fn covers(targets: &[Target], site: &Site<'_>) -> u8 {
    if targets.iter().any(|target| target.covers_url(site.url)) {
        return 1;
    }
    // Folded alone where a target is about a host at all.
    let folded = |target: &Target| host_of(target).is_some() && target.covers_when_folded(site.folded());
    if targets.iter().any(folded) { 2 } else { 0 }
}

/// A scope, ready to be held against copies.
pub(super) struct ScopeTargets {
    include: Targets,
    exclude: Targets,
}

impl ScopeTargets {
    pub(super) fn of(scope: &Scope) -> Self {
        Self { include: Targets::of(&scope.include), exclude: Targets::of(&scope.exclude) }
    }

    pub(super) fn weight(&self) -> usize {
        self.include.weight() + self.exclude.weight()
    }

    /// Two bits for what is included and two for what is left out.
    pub(super) fn address(&self, scope: &Scope, site: &Site<'_>) -> u8 {
        let excluded = if scope.exclude.is_empty() { 0 } else { self.exclude.covers(&scope.exclude, site) };
        self.include.covers(&scope.include, site) | excluded << 2
    }

    /// A bit for what is included and one for what is left out.
    pub(super) fn name(&self, scope: &Scope, name: &ContentName) -> u8 {
        u8::from(self.include.lists(&scope.include, name)) | u8::from(self.exclude.lists(&scope.exclude, name)) << 1
    }
}
