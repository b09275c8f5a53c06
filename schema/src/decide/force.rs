//! Force: when a statement binds, when it ended, and who ended it.

use super::Case;
use super::reason::{Finding, Reason};
use crate::evidence::Registered;
use crate::id::StatementId;
use crate::issuer::Domain;
use crate::statement::{Body, Ending, Kind};
use crate::time::Timestamp;
use std::sync::Arc;

/// When a restriction begins to bind: never before it was registered, whatever it says of itself. Otherwise anybody could
/// reserve yesterday what was taken the day before.
pub(super) fn binds_from(registered: &Registered) -> Timestamp {
    let stated = registered.statement.effective.from.unwrap_or(registered.registered_at);
    stated.max(registered.registered_at)
}

/// When a permission begins: it may reach back as far as it says.
pub(super) fn permits_from(registered: &Registered) -> Timestamp {
    registered.statement.effective.from.unwrap_or(registered.registered_at)
}

/// The end of a statement and the reason for it.
#[derive(Debug, Clone)]
pub(super) struct End {
    /// The first moment at which it is no longer in force.
    pub at: Timestamp,
    /// What ended it.
    pub finding: Finding,
}

impl Case<'_> {
    /// Statements in evidence that name `id`.
    pub(super) fn naming(&self, id: StatementId) -> impl Iterator<Item = &Arc<Registered>> {
        self.evidence.statements.iter().filter(move |other| other.statement.names().contains(&id))
    }

    /// The earliest end of a statement: its own, a supersession by name, or a withdrawal, by the same authority. An
    /// agreement's end is [`Case::agreement_end`]; an agreement never ends what its issuer said to everybody else.
    pub(super) fn end(&self, registered: &Registered) -> Option<End> {
        let own = registered
            .statement
            .effective
            .until
            .map(|at| End { at, finding: Finding::new(Reason::NotInForce).by(registered.id) });
        let by_others = self.naming(registered.id).filter_map(|other| {
            if other.authority() != registered.authority() {
                return None;
            }
            let private = matches!(other.statement.kind(), Kind::Agreement | Kind::Acceptance)
                && registered.statement.kind() != Kind::Agreement;
            if other.statement.supersedes.contains(&registered.id) && !private {
                return Some(End { at: binds_from(other), finding: Finding::new(Reason::Superseded).by(other.id) });
            }
            match other.statement.body {
                Body::Withdrawal { statement } if statement == registered.id => {
                    Some(End { at: binds_from(other), finding: Finding::new(Reason::Withdrawn).by(other.id) })
                }
                _ => None,
            }
        });
        by_others.chain(own).min_by_key(|end| end.at)
    }

    /// Whether a permission to anyone is in force at the time of use.
    pub(super) fn permission_in_force(&self, registered: &Registered) -> Result<(), Finding> {
        let used_at = self.question.used_at;
        if permits_from(registered) > used_at {
            return Err(Finding::new(Reason::NotInForce).by(registered.id));
        }
        match self.end(registered) {
            Some(end) if end.at <= used_at => Err(end.finding),
            _ => Ok(()),
        }
    }

    /// Whether a permission was registered and in force when the copy was captured.
    pub(super) fn evidenced_at_capture(&self, registered: &Registered) -> bool {
        let captured = self.question.captured_at();
        registered.registered_at <= captured
            && permits_from(registered) <= captured
            && self.end(registered).is_none_or(|end| end.at > captured)
    }
}

/// How an agreement stands at the time of use.
pub(super) enum AgreementState {
    /// Not begun.
    Before,
    /// In force.
    During,
    /// Over.
    After,
    /// One party says that it is over, and may not say so alone.
    Contested(StatementId),
}

impl Case<'_> {
    /// How an agreement stands: a withdrawal by both parties, or by one that a clause lets, ends it; by another, contests it.
    pub(super) fn agreement_state(&self, registered: &Registered) -> AgreementState {
        let used_at = self.question.used_at;
        let Body::Agreement { licensees, ending, .. } = &registered.statement.body else {
            return AgreementState::After;
        };
        if permits_from(registered) > used_at {
            return AgreementState::Before;
        }
        if registered.statement.effective.until.is_some_and(|until| until <= used_at) {
            return AgreementState::After;
        }
        let licensor = &registered.statement.issuer.domain;
        let is_licensee = |domain: &Domain| licensees.iter().any(|party| party.includes(domain));
        let (mut by_licensor, mut by_licensee) = (None, None);
        for other in self.naming(registered.id).filter(|other| binds_from(other) <= used_at) {
            let who = &other.statement.issuer.domain;
            let superseded = other.statement.supersedes.contains(&registered.id);
            // An amended agreement, signed by both, replaces the old one at once.
            if superseded && other.statement.kind() == Kind::Agreement && who.authority() == licensor.authority() {
                return AgreementState::After;
            }
            if matches!(other.statement.body, Body::Withdrawal { statement } if statement == registered.id)
                || superseded
            {
                if who.authority() == licensor.authority() {
                    by_licensor = Some(other.id);
                } else if is_licensee(who) {
                    by_licensee = Some(other.id);
                }
            }
        }
        match (by_licensor, by_licensee, ending) {
            (None, None, _) => AgreementState::During,
            (Some(_), Some(_), _)
            | (_, _, Some(Ending::EitherParty))
            | (Some(_), None, Some(Ending::Licensor))
            | (None, Some(_), Some(Ending::Licensee)) => AgreementState::After,
            (Some(by), None, _) | (None, Some(by), _) => AgreementState::Contested(by),
        }
    }
}
