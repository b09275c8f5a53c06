//! Compromise: what a key signed alone shortly before it was revoked as compromised may be a thief's word.
//!
//! A thief grants, lifts reservations, takes disputes back; and so might an issuer that wants to be rid of a promise and calls
//! its own key stolen. So the doubt is bounded in time, never clears, and never takes a restriction away for good: what is in
//! doubt is `disputed`. An agreement has a second signature, and stands.

use super::Case;
use super::reason::{Finding, Reason};
use crate::evidence::Registered;
use crate::id::StatementId;
use crate::issuer::Domain;
use crate::statement::{Body, COMPROMISE_WINDOW, Cause, Kind};
use crate::time::Timestamp;
use std::collections::BTreeMap;

impl Case<'_> {
    /// Why a statement is in doubt: every key with which one of its signing domains signed it was revoked as compromised
    /// since, and it was registered within the time in question.
    pub(super) fn doubt(&self, registered: &Registered) -> Option<Finding> {
        if registered.statement.kind() == Kind::Agreement {
            return None;
        }
        let mut by_domain: BTreeMap<&Domain, Option<StatementId>> = BTreeMap::new();
        for signing in &registered.under {
            let revoked = self.compromised(&signing.binding, registered.registered_at);
            let so_far = by_domain.entry(&signing.domain).or_insert(revoked);
            *so_far = so_far.and(revoked);
        }
        let by = by_domain.into_values().flatten().next()?;
        Some(Finding::new(Reason::KeyCompromised).by(by))
    }

    /// The revocation, known at the time of use, that puts in doubt what this binding's key signed at that time.
    fn compromised(&self, binding: &StatementId, at: Timestamp) -> Option<StatementId> {
        let revoked = self.naming(*binding).find(|revocation| {
            let Body::Withdrawal { statement, cause: Some(Cause::Compromised), since } = &revocation.statement.body
            else {
                return false;
            };
            let earliest = revocation.registered_at.plus_seconds(-COMPROMISE_WINDOW);
            let since = since.map_or(earliest, |since| since.max(earliest));
            *statement == *binding && revocation.registered_at <= self.question.used_at && at >= since
        });
        revoked.map(|revocation| revocation.id)
    }
}
