//! Force: when a statement binds, when it ended, and who may end it.

use super::Case;
use super::reason::{Finding, Reason};
use crate::evidence::Registered;
use crate::id::StatementId;
use crate::issuer::{Domain, Party};
use crate::statement::{Body, Ending, Kind};
use crate::time::Timestamp;
use std::sync::Arc;

/// When a restriction begins to bind: never before it was registered, whatever it says of itself. Otherwise anybody could
/// reserve yesterday what was taken the day before.
pub(super) fn binds_from(registered: &Registered) -> Timestamp {
    let stated = registered.statement.effective.from.unwrap_or(registered.registered_at);
    stated.max(registered.registered_at)
}

/// When a permission begins: it may reach back as far as it says, within its issuer's own tenure.
pub(super) fn permits_from(registered: &Registered) -> Timestamp {
    let stated = registered.statement.effective.from.unwrap_or(registered.registered_at);
    registered.tenure_from.map_or(stated, |tenure| stated.max(tenure))
}

/// Whether two statements come from one house: one authority in one tenure, by who signed and not by what was observed.
pub(super) fn same_house(one: &Registered, other: &Registered) -> bool {
    one.tenure_from == other.tenure_from && one.speaker().authority() == other.speaker().authority()
}

/// Whether `other` may loosen what `registered` restricts: the house itself, or whoever said it. A desk below the domain
/// may only restrict, and an agent loosens nothing but its own word.
fn may_loosen(other: &Registered, registered: &Registered) -> bool {
    let who = &other.statement.issuer.domain;
    let house = other.speaks_for.is_none() && who.authority().as_str() == who.as_str();
    same_house(other, registered) && (house || *who == registered.statement.issuer.domain)
}

fn withdraws(other: &Registered, id: StatementId) -> bool {
    matches!(other.statement.body, Body::Withdrawal { statement, .. } if statement == id)
}

/// The end of a statement and the reason for it.
#[derive(Debug, Clone)]
pub(super) struct End {
    /// The first moment at which it is no longer in force.
    pub at: Timestamp,
    /// What ended it.
    pub finding: Finding,
}

impl<'a> Case<'a> {
    /// Statements in evidence that name `id`.
    pub(super) fn naming(&self, id: StatementId) -> impl Iterator<Item = &'a Arc<Registered>> {
        self.naming.get(&id).into_iter().flatten().copied()
    }

    /// The earliest end of a statement: its own, a supersession by name, or a withdrawal, by the same house. Ending a
    /// permission, an acceptance or a discharge restricts, so anybody of the house may; for what restricts see
    /// [`Case::restriction_end`]. An agreement's end is [`Case::agreement_state`]; an agreement never ends what its issuer
    /// said to everybody else.
    pub(super) fn end(&self, registered: &Registered) -> Option<End> {
        if matches!(registered.statement.kind(), Kind::Reservation | Kind::Dispute | Kind::Observation) {
            return self.restriction_end(registered);
        }
        self.earliest(registered, |other| {
            let private = matches!(other.statement.kind(), Kind::Agreement | Kind::Acceptance)
                && registered.statement.kind() != Kind::Agreement;
            same_house(other, registered) && (withdraws(other, registered.id) || !private)
        })
    }

    /// The earliest end of what a statement restricts. Only a withdrawal that was not taken back, or a statement of the
    /// same nature, ends it: a permission that names a reservation lifts it where and while it permits, and no further
    /// (`authority::Permitting`); a settlement, an observation, a list never do.
    pub(super) fn restriction_end(&self, registered: &Registered) -> Option<End> {
        let successor = match registered.statement.kind() {
            Kind::Dispute => Kind::Dispute,
            Kind::Observation => Kind::Observation,
            _ => Kind::Reservation,
        };
        let until = match registered.statement.kind() {
            Kind::Dispute | Kind::Observation => self.question.used_at,
            _ => self.question.acquired_at(),
        };
        self.earliest(registered, |other| {
            let ends = if withdraws(other, registered.id) {
                !self.taken_back(other, until)
            } else {
                other.statement.kind() == successor
            };
            // A thief with the key must not open what its owner closed.
            ends && may_loosen(other, registered) && self.doubt(other).is_none()
        })
    }

    /// Whether a withdrawal was itself withdrawn by then. One level only: who takes back, and takes that back again, has to
    /// withdraw anew.
    fn taken_back(&self, withdrawal: &Registered, until: Timestamp) -> bool {
        self.naming(withdrawal.id).any(|later| {
            later.id != withdrawal.id
                && withdraws(later, withdrawal.id)
                && same_house(later, withdrawal)
                && binds_from(later) <= until
        })
    }

    fn earliest(&self, registered: &Registered, ends: impl Fn(&Registered) -> bool) -> Option<End> {
        let own = registered
            .statement
            .effective
            .until
            .map(|at| End { at, finding: Finding::new(Reason::NotInForce).by(registered.id) });
        let by_others = self.naming(registered.id).filter_map(|other| {
            let code = if withdraws(other, registered.id) {
                Reason::Withdrawn
            } else if other.statement.supersedes.contains(&registered.id) {
                Reason::Superseded
            } else {
                return None;
            };
            ends(other).then(|| End { at: binds_from(other), finding: Finding::new(code).by(other.id) })
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
    /// Replaced by another between the same parties, with all that it said of its end.
    Amended(StatementId),
    /// Over since then.
    After(Timestamp),
    /// One party says that it is over, and may not say so alone.
    Contested(StatementId),
}

impl Case<'_> {
    /// How an agreement stands: a withdrawal by both parties, or by one that a clause lets, ends it; by another, contests it.
    pub(super) fn agreement_state(
        &self,
        registered: &Registered,
        licensees: &[Party],
        ending: Option<Ending>,
    ) -> AgreementState {
        let used_at = self.question.used_at;
        if permits_from(registered) > used_at {
            return AgreementState::Before;
        }
        let licensor = registered.speaker().authority();
        let is_licensee = |domain: &Domain| licensees.iter().any(|party| party.includes(domain));
        let (mut by_licensor, mut by_licensee, mut in_doubt) = (None, None, None);
        for other in self.naming(registered.id).filter(|other| binds_from(other) <= used_at) {
            let who = &other.statement.issuer.domain;
            let superseded = other.statement.supersedes.contains(&registered.id);
            if let (Body::Agreement { licensees: others, .. }, true) = (&other.statement.body, superseded) {
                // An amended agreement, signed by both, replaces the old one at once; one with somebody else is the licensor's
                // word alone.
                let both = others.iter().any(|party| is_licensee(&party.domain));
                if both && same_house(other, registered) {
                    return AgreementState::Amended(other.id);
                }
            }
            if withdraws(other, registered.id) || superseded {
                let since = Some((binds_from(other), other.id));
                if self.doubt(other).is_some() {
                    in_doubt = in_doubt.or(Some(other.id));
                } else if other.speaker().authority() == licensor {
                    by_licensor = by_licensor.min(since).or(since);
                } else if is_licensee(who) {
                    by_licensee = by_licensee.min(since).or(since);
                }
            }
        }
        if let Some(until) = registered.statement.effective.until.filter(|until| *until <= used_at) {
            return AgreementState::After(until);
        }
        match (by_licensor, by_licensee, ending) {
            (None, None, _) => in_doubt.map_or(AgreementState::During, AgreementState::Contested),
            (Some((one, _)), Some((other, _)), _) => AgreementState::After(one.max(other)),
            (Some((at, _)), None, Some(Ending::EitherParty | Ending::Licensor))
            | (None, Some((at, _)), Some(Ending::EitherParty | Ending::Licensee)) => AgreementState::After(at),
            (Some((_, by)), None, _) | (None, Some((_, by)), _) => AgreementState::Contested(by),
        }
    }

    /// The dispute in force that names an agreement, an offer that was accepted or its acceptance. Only a party suspends
    /// what it is party to: a stranger could otherwise suspend any deal for the price of a signature.
    pub(super) fn suspended(
        &self,
        ids: &[StatementId],
        licensor: &Registered,
        is_licensee: impl Fn(&Domain) -> bool,
    ) -> Option<StatementId> {
        let used_at = self.question.used_at;
        let suspends = |other: &&Arc<Registered>| {
            let who = &other.statement.issuer.domain;
            matches!(&other.statement.body, Body::Dispute { agreement: Some(named), .. } if ids.contains(named))
                && (other.speaker().authority() == licensor.speaker().authority() || is_licensee(who))
                && binds_from(other) <= used_at
                && self.end(other).is_none_or(|end| end.at > used_at)
        };
        ids.iter().flat_map(|id| self.naming(*id)).find(suspends).map(|other| other.id)
    }
}
