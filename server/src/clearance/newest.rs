//! The newest: statements that no part holds compiled yet, found by the hashes of what they name.
//!
//! They are few, and every question asks for them: looking at each would cost a question more than everything else. Two things
//! with one hash only bring a statement that is looked at in vain.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;

use cleartitle_schema::acquisition::Keys;
use cleartitle_schema::evidence::{Lookup, Registered};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::ledger::Ledger;
use cleartitle_schema::scope::Target;
use cleartitle_schema::surt::without_www;

/// Statements in log order, and by what they name.
#[derive(Debug, Clone, Default)]
pub struct Newest {
    ledger: Ledger,
    /// A hash of each host, name, work and compilation that a scope names, and the statement's place; sorted.
    named: Vec<(u64, usize)>,
}

/// What a scope names, without `www` where it is a host.
#[derive(Hash)]
enum Named<'n> {
    Host(&'n str),
    Content(&'n cleartitle_schema::id::ContentName),
    Work(&'n str),
    Collection(&'n str),
}

impl Named<'_> {
    fn hashed(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

impl Newest {
    /// Adds the next statements of the log.
    pub fn extend(&mut self, statements: impl IntoIterator<Item = Arc<Registered>>) {
        for registered in statements {
            let place = self.ledger.statements().len();
            for target in registered.statement.scope().into_iter().flat_map(|scope| &scope.include) {
                self.name(target, place);
            }
            self.ledger.push(registered);
        }
        self.named.sort_unstable();
        self.named.dedup();
    }

    fn name(&mut self, target: &Target, place: usize) {
        let mut add = |named: Named<'_>| self.named.push((named.hashed(), place));
        match target {
            Target::Host { host, .. } | Target::Url { host, .. } => add(Named::Host(without_www(host.as_str()))),
            Target::Content { ids } => ids.iter().for_each(|name| add(Named::Content(name))),
            Target::Works { ids } => ids.iter().for_each(|work| add(Named::Work(work.as_str()))),
            Target::Collection { name } => add(Named::Collection(name)),
            // What stands in a repertoire's blob is not known here; no copy is covered by it.
            Target::Repertoire { .. } => {}
        }
    }

    /// All of them, in log order.
    #[must_use]
    pub fn statements(&self) -> &[Arc<Registered>] {
        self.ledger.statements()
    }

    /// The places of those whose scope names what a copy with these keys has, ascending: all that may cover it, and more.
    #[must_use]
    pub fn named(&self, keys: &Keys) -> Vec<usize> {
        let mut places = Vec::new();
        if self.named.is_empty() {
            return places;
        }
        let mut look = |named: Named<'_>| {
            let hash = named.hashed();
            let from = self.named.partition_point(|(filed, _)| *filed < hash);
            places.extend(self.named[from..].iter().take_while(|(filed, _)| *filed == hash).map(|(_, place)| *place));
        };
        for (_, url) in &keys.urls {
            // A rule for a host may be for those below it too.
            let host = without_www(&url.host);
            look(Named::Host(host));
            host.match_indices('.').for_each(|(at, _)| look(Named::Host(&host[at + 1..])));
        }
        keys.content.iter().for_each(|name| look(Named::Content(name)));
        keys.works.iter().for_each(|work| look(Named::Work(work.as_str())));
        keys.collections.iter().for_each(|name| look(Named::Collection(name)));
        places.sort_unstable();
        places.dedup();
        places
    }
}

impl Lookup for Newest {
    fn covering(&self, keys: &Keys) -> Vec<Arc<Registered>> {
        let named = self.named(keys).into_iter().map(|place| &self.statements()[place]);
        let touches =
            |registered: &&Arc<Registered>| registered.statement.scope().is_some_and(|scope| scope.touches(keys));
        named.filter(touches).cloned().collect()
    }

    fn naming(&self, id: &StatementId) -> Vec<Arc<Registered>> {
        self.ledger.naming(id)
    }
}
