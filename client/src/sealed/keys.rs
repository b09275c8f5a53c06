//! Keys as the public log had bound them so far, and the delegations that were given.

use cleartitle_schema::bindings::{Binding, Ended, Known};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{KeyId, StatementId};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::signed::{key_id, parse_public_key};
use cleartitle_schema::statement::Body;
use ed25519_dalek::VerifyingKey;
use std::collections::HashMap;
use std::convert::Infallible;

/// What the statements read so far say of keys.
#[derive(Default)]
pub(super) struct KeysSoFar {
    bindings: Vec<Binding>,
    keys: HashMap<KeyId, VerifyingKey>,
    of_domain: HashMap<Domain, Vec<usize>>,
    by_key: HashMap<KeyId, Vec<usize>>,
    by_id: HashMap<StatementId, usize>,
    delegations: HashMap<StatementId, Registered>,
}

impl KeysSoFar {
    /// Takes in the next statement of the log.
    pub(super) fn learn(&mut self, registered: &Registered) {
        let Registered { id, index, registered_at, statement, .. } = registered;
        match &statement.body {
            Body::KeyBinding { domain, key, proof, new_tenure } => {
                let Ok(public) = parse_public_key(key) else { return };
                let (place, key_id) = (self.bindings.len(), key_id(&public));
                self.keys.insert(key_id, public);
                self.of_domain.entry(domain.clone()).or_default().push(place);
                self.by_key.entry(key_id).or_default().push(place);
                self.by_id.insert(*id, place);
                self.bindings.push(Binding {
                    id: *id,
                    domain: domain.clone(),
                    key_id,
                    key: key.clone(),
                    proof: *proof,
                    index: *index,
                    bound_at: *registered_at,
                    new_tenure: *new_tenure,
                    ended: None,
                });
            }
            Body::Withdrawal { statement, cause: Some(cause), .. } => {
                if let Some(place) = self.by_id.get(statement) {
                    let ended = Ended { index: *index, at: *registered_at, cause: *cause };
                    self.bindings[*place].ended.get_or_insert(ended);
                }
            }
            Body::Delegation { .. } => _ = self.delegations.insert(*id, registered.clone()),
            _ => {}
        }
    }

    /// A key that the log has bound.
    pub(super) fn key(&self, id: &KeyId) -> Option<VerifyingKey> {
        self.keys.get(id).copied()
    }

    fn at(&self, places: Option<&Vec<usize>>) -> Vec<Binding> {
        places.into_iter().flatten().map(|place| self.bindings[*place].clone()).collect()
    }
}

impl Known for KeysSoFar {
    type Error = Infallible;

    fn bindings_of(&self, domain: &Domain) -> Result<Vec<Binding>, Infallible> {
        Ok(self.at(self.of_domain.get(domain)))
    }

    fn bindings_by(&self, key: &KeyId) -> Result<Vec<Binding>, Infallible> {
        Ok(self.at(self.by_key.get(key)))
    }

    fn find(&self, id: &StatementId) -> Result<Option<Registered>, Infallible> {
        Ok(self.delegations.get(id).cloned())
    }
}
