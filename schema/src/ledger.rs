//! Ledger: registered statements in memory, in log order; the plain lookup that every faster one must agree with.

use crate::acquisition::Keys;
use crate::evidence::{Lookup, Registered};
use crate::id::StatementId;
use std::collections::HashMap;
use std::sync::Arc;

/// Statements in log order, and who names whom.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    statements: Vec<Arc<Registered>>,
    by_id: HashMap<StatementId, usize>,
    naming: HashMap<StatementId, Vec<usize>>,
}

impl Ledger {
    /// Adds the next statement of the log.
    pub fn push(&mut self, registered: impl Into<Arc<Registered>>) {
        let registered = registered.into();
        let place = self.statements.len();
        self.by_id.insert(registered.id, place);
        for named in registered.statement.names() {
            self.naming.entry(named).or_default().push(place);
        }
        self.statements.push(registered);
    }

    /// All statements, in log order.
    #[must_use]
    pub fn statements(&self) -> &[Arc<Registered>] {
        &self.statements
    }

    /// One statement.
    #[must_use]
    pub fn find(&self, id: &StatementId) -> Option<&Arc<Registered>> {
        self.by_id.get(id).map(|place| &self.statements[*place])
    }

    /// The ledger as it was when the log had this many leaves.
    #[must_use]
    pub fn at_size(&self, size: u64) -> Self {
        let mut earlier = Self::default();
        for registered in self.statements.iter().filter(|registered| registered.index < size) {
            earlier.push(Arc::clone(registered));
        }
        earlier
    }
}

impl FromIterator<Registered> for Ledger {
    fn from_iter<I: IntoIterator<Item = Registered>>(iter: I) -> Self {
        let mut ledger = Self::default();
        iter.into_iter().for_each(|registered| ledger.push(registered));
        ledger
    }
}

impl Lookup for Ledger {
    fn covering(&self, keys: &Keys) -> Vec<Arc<Registered>> {
        let covers =
            |registered: &&Arc<Registered>| registered.statement.scope().is_some_and(|scope| scope.touches(keys));
        self.statements.iter().filter(covers).cloned().collect()
    }

    fn naming(&self, id: &StatementId) -> Vec<Arc<Registered>> {
        self.naming.get(id).into_iter().flatten().map(|place| Arc::clone(&self.statements[*place])).collect()
    }
}
