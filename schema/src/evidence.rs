//! Evidence: everything brought to one question, gathered from what is registered by the keys of one copy.

use crate::acquisition::{Acquisition, Keys};
use crate::id::StatementId;
use crate::issuer::{Authority, Domain};
use crate::lineage::{MAX_ANCESTORS, MAX_DEPTH};
use crate::scope::Target;
use crate::statement::{Body, Statement};
use crate::surt::UrlError;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A key binding under which a signature counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signing {
    /// The domain that the key spoke for.
    pub domain: Domain,
    /// The statement that bound it.
    pub binding: StatementId,
}

/// A statement as the log holds it: what registration established stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Registered {
    /// Its id.
    pub id: StatementId,
    /// Its place in the log.
    pub index: u64,
    /// When it was registered; never decreases along the log.
    pub registered_at: Timestamp,
    /// The domains whose keys, as bound at registration, signed it; sorted.
    pub signed_by: Vec<Domain>,
    /// The bindings of those keys, and of the keys that signed the delegations an agent relied on; sorted. A key that turns
    /// out to be compromised casts its doubt through them.
    pub under: Vec<Signing>,
    /// Who is spoken for, where the issuer is an agent whose chain of delegations was in force at registration.
    pub speaks_for: Option<Domain>,
    /// Start of the issuer's tenure, where an earlier one ended. `None`: no earlier tenure is known.
    pub tenure_from: Option<Timestamp>,
    /// What was said.
    pub statement: Statement,
}

impl Registered {
    /// Whether a scope in it leaves documents out by a name that another document may be given (a collided SHA-1).
    #[must_use]
    pub fn excludes_weakly(&self) -> bool {
        let scopes = [self.statement.scope(), self.statement.taken_up()].into_iter().flatten();
        let excluded = scopes.flat_map(|scope| &scope.exclude);
        let mut names = excluded.filter_map(|target| match target {
            Target::Content { ids } => Some(ids),
            _ => None,
        });
        names.any(|ids| ids.iter().any(|name| !name.may_clear()))
    }

    /// Whether a scope in it leaves anything out.
    #[must_use]
    pub fn excludes(&self) -> bool {
        [self.statement.scope(), self.statement.taken_up()].into_iter().flatten().any(|scope| !scope.exclude.is_empty())
    }

    /// The domain in whose name it speaks: the issuer's own, or of an agent, the one it speaks for.
    #[must_use]
    pub fn speaker(&self) -> &Domain {
        self.speaks_for.as_ref().unwrap_or(&self.statement.issuer.domain)
    }

    /// The statements whose fate is this one's: itself, and the bindings of the keys that signed it.
    pub fn rests_on(&self) -> impl Iterator<Item = &StatementId> {
        std::iter::once(&self.id).chain(self.under.iter().map(|signing| &signing.binding))
    }

    /// The authority that speaks; for an observation, the site that was observed.
    #[must_use]
    pub fn authority(&self) -> Authority {
        if let Body::Observation { scope, .. } = &self.statement.body {
            let observed = scope.include.iter().find_map(|target| match target {
                crate::scope::Target::Host { host, .. } | crate::scope::Target::Url { host, .. } => Some(host),
                _ => None,
            });
            if let Some(host) = observed {
                return host.authority();
            }
        }
        self.speaker().authority()
    }
}

/// Where registered statements are looked up: the ledger in memory, or a snapshot.
pub trait Lookup {
    /// Every statement whose scope may cover a copy with these keys, in log order. More than those is allowed, since scopes
    /// are matched again exactly; fewer is not: one that is missed could be the one that reserves.
    fn covering(&self, keys: &Keys) -> Vec<Arc<Registered>>;

    /// Every statement that names the given one: supersedes, withdraws, accepts, discharges, suspends, proves, challenges,
    /// answers; in log order.
    fn naming(&self, id: &StatementId) -> Vec<Arc<Registered>>;
}

/// Everything brought to one question, for the document and, in the order of its lineage, for each ancestor.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The keys of the copy.
    pub keys: Keys,
    /// URLs of the copy that could not be read as URLs.
    pub unread_urls: Vec<UrlError>,
    /// Statements that cover the copy and statements that name those, by log index.
    pub statements: Vec<Arc<Registered>>,
    /// One for each link of the acquisition's lineage; `None` where the chain ends unresolved or is too deep.
    pub ancestors: Vec<Option<Evidence>>,
}

/// Gathers the evidence for one copy and its ancestors.
#[must_use]
pub fn gather(lookup: &dyn Lookup, copy: &Acquisition) -> Evidence {
    let mut left = MAX_ANCESTORS;
    gather_at(lookup, copy, MAX_DEPTH, &mut left)
}

fn gather_at(lookup: &dyn Lookup, copy: &Acquisition, depth: usize, left: &mut usize) -> Evidence {
    let (keys, unread_urls) = copy.keys();
    let mut found: BTreeMap<u64, Arc<Registered>> = BTreeMap::new();
    let mut open: Vec<Arc<Registered>> = lookup.covering(&keys);
    while let Some(registered) = open.pop() {
        if found.contains_key(&registered.index) {
            continue;
        }
        open.extend(registered.rests_on().flat_map(|id| lookup.naming(id)));
        found.insert(registered.index, registered);
    }
    let ancestors = copy
        .lineage
        .iter()
        .map(|link| {
            let parent = link.parent.as_deref()?;
            if depth == 0 || *left == 0 {
                return None;
            }
            *left -= 1;
            Some(gather_at(lookup, parent, depth - 1, left))
        })
        .collect();
    Evidence { keys, unread_urls, statements: found.into_values().collect(), ancestors }
}
