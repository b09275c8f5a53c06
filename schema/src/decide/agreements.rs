//! Agreements: what reaches the asker by name, an agreement or an accepted offer, in, outside and after its term.

use super::force::{self, AgreementState};
use super::permit::Permit;
use super::question::Verdict;
use super::reach::may_disallow;
use super::reason::{Finding, Reason};
use super::{Case, Heard, Outcome};
use crate::evidence::Registered;
use crate::id::StatementId;
use crate::issuer::Domain;
use crate::statement::Body;
use crate::terms::Remains;
use crate::time::Timestamp;
use std::sync::Arc;

impl Case<'_> {
    pub(super) fn hear_agreements(&self, statements: &[&Arc<Registered>], heard: &mut Heard) {
        for registered in statements {
            let Body::Agreement { licensees, ending, .. } = &registered.statement.body else { continue };
            let id = registered.id;
            let asker = self.question.asker.domain.as_ref();
            if asker.is_some_and(|asker| !licensees.iter().any(|party| party.includes(asker))) {
                continue;
            }
            let is_licensee = |domain: &Domain| licensees.iter().any(|party| party.includes(domain));
            let state = self.agreement_state(registered, licensees, *ending);
            let in_force = matches!(state, AgreementState::During);
            let doubt = in_force.then(|| self.suspended(&[id], registered, is_licensee)).flatten();
            if let Some(by) = doubt {
                let finding = Finding::new(Reason::AgreementSuspended).by(by);
                self.hear_doubted(registered, finding, None, heard);
                continue;
            }
            if asker.is_none() {
                self.hear_unnamed(registered, &state, heard);
                continue;
            }
            match state {
                AgreementState::Before => heard.notes.push(Finding::new(Reason::TermNotBegun).by(id)),
                AgreementState::Amended(by) => heard.notes.push(Finding::new(Reason::Superseded).by(by)),
                AgreementState::After(end) => self.hear_after_term(registered, end, heard),
                AgreementState::Contested(by) => {
                    let finding = Finding::new(Reason::EndContested).by(by);
                    self.hear_doubted(registered, finding, None, heard);
                }
                AgreementState::During => self.hear_named(registered, Reason::AgreementInForce, None, heard),
            }
        }
    }

    /// An asker without a name may be the licensee, and what the agreement refuses its licensee it may refuse this asker.
    fn hear_unnamed(&self, registered: &Registered, state: &AgreementState, heard: &mut Heard) {
        let refuses = match state {
            AgreementState::Contested(_) => matches!(self.permit(registered, true, None), Permit::Speaks(_)),
            AgreementState::During => {
                let disallows = registered.statement.terms().is_some_and(|terms| may_disallow(terms, self.question));
                match self.permit(registered, true, None) {
                    Permit::Speaks(outcome) => {
                        outcome.verdict <= Verdict::Disputed || disallows && outcome.verdict == Verdict::Unknown
                    }
                    _ => false,
                }
            }
            AgreementState::After(_) => self.remains(registered) == Some(Some(Remains::MustDelete)),
            AgreementState::Before | AgreementState::Amended(_) => false,
        };
        if refuses {
            self.asker_missing(registered, heard);
        }
    }

    fn asker_missing(&self, registered: &Registered, heard: &mut Heard) {
        let finding = Finding::new(Reason::FactMissing).by(registered.id).detail("asker");
        heard.speaking.push(Outcome::of(Verdict::Unknown, finding));
    }

    /// A permission by name that stands in doubt: disputed where it would have spoken. Where its words don't reach, the
    /// doubt doesn't either, and the remaining rules decide.
    fn hear_doubted(&self, registered: &Registered, doubt: Finding, accepted: Option<StatementId>, heard: &mut Heard) {
        match self.permit(registered, true, accepted) {
            Permit::Speaks(_) if self.question.asker.domain.is_none() => self.asker_missing(registered, heard),
            Permit::Speaks(mut outcome) if outcome.verdict == Verdict::Reserved => {
                outcome.by_name = true;
                heard.speaking.push(outcome);
            }
            Permit::Speaks(outcome) => {
                let by_name = outcome.verdict != Verdict::Unknown;
                heard.speaking.push(Outcome { by_name, ..Outcome::of(Verdict::Disputed, doubt) });
            }
            other => heard.notes.extend(outside(registered, other)),
        }
    }

    /// What a permission says that reaches the asker by name.
    fn hear_named(&self, registered: &Registered, code: Reason, accepted: Option<StatementId>, heard: &mut Heard) {
        match self.permit(registered, true, accepted) {
            Permit::Speaks(mut outcome) => {
                // Only a permission whose every constraint is known to hold outranks the rest.
                outcome.by_name = outcome.verdict != Verdict::Unknown;
                if outcome.verdict >= Verdict::Conditional {
                    outcome.findings.insert(0, Finding::new(code).by(registered.id));
                }
                if outcome.verdict == Verdict::Conditional {
                    // The duty that is outstanding leads.
                    outcome.findings.rotate_left(1);
                }
                heard.speaking.push(outcome);
            }
            other => heard.notes.extend(outside(registered, other)),
        }
    }

    /// What the terms say may remain of the artefact in question, where they cover the copy.
    fn remains(&self, registered: &Registered) -> Option<Option<Remains>> {
        let (terms, scope) = (registered.statement.terms()?, registered.statement.scope()?);
        let artefact = self.question.artefact?;
        scope.permits(&self.evidence.keys, true)?;
        Some(terms.post_term.and_then(|post_term| post_term.of(artefact)))
    }

    /// After its term an agreement still says what may remain of what it permitted; a new use is for the remaining rules.
    fn hear_after_term(&self, registered: &Registered, end: Timestamp, heard: &mut Heard) {
        let id = registered.id;
        let ended = Finding::new(Reason::TermEnded).by(id);
        let (Some(remains), Some(artefact)) = (self.remains(registered), self.question.artefact) else {
            heard.notes.push(ended);
            return;
        };
        let about = |code: Reason| Finding::new(code).by(id).detail(artefact.word());
        if remains == Some(Remains::MustDelete) {
            let outcome = Outcome::of(Verdict::Reserved, about(Reason::PostTermDelete));
            heard.speaking.push(Outcome { by_name: true, ..outcome });
            return;
        }
        // Only what was permitted on the last day of the term may remain; terms that never reached the use, a host's, a
        // stranger's over somebody's bytes leave nothing to keep.
        let mut question = self.question.clone();
        question.acquisition.acquired_at = Some(self.question.acquired_at());
        question.used_at = end.plus_seconds(-1).max(force::permits_from(registered)).min(self.question.used_at);
        let then = Case { question: &question, ..*self };
        match then.permit(registered, true, None) {
            Permit::Speaks(mut outcome) if outcome.verdict >= Verdict::Conditional => {
                outcome.by_name = true;
                if remains.is_none() {
                    outcome.verdict = Verdict::Unknown;
                    outcome.findings = vec![about(Reason::PostTermUnknown)];
                } else {
                    let at = usize::from(outcome.verdict == Verdict::Conditional).min(outcome.findings.len());
                    outcome.findings.insert(at, about(Reason::PostTermKept));
                }
                // What may be kept is no fresh permission for any copy.
                outcome.any_copy = false;
                heard.speaking.push(outcome);
            }
            Permit::Speaks(mut outcome) => {
                outcome.by_name = outcome.verdict != Verdict::Unknown;
                heard.speaking.push(outcome);
            }
            other => {
                heard.notes.extend(outside(registered, other));
                heard.notes.push(ended);
            }
        }
    }

    /// Offers that the asker accepted while they stood: their terms are pinned, whatever the price is today.
    pub(super) fn hear_acceptances(&self, statements: &[&Arc<Registered>], heard: &mut Heard) {
        let used_at = self.question.used_at;
        for offer in statements {
            let Body::Offer { accept_until, .. } = &offer.statement.body else { continue };
            // Once for each offer: anybody may accept it, a thousand times over.
            let offered_until = self.end(offer).map(|end| end.at);
            let term = offer.statement.effective.until;
            for acceptance in self.naming(offer.id) {
                let Body::Acceptance { scope: taken, .. } = &acceptance.statement.body else { continue };
                let reaches = taken.as_ref().is_none_or(|scope| scope.permits(&self.evidence.keys, true).is_some());
                let by_asker =
                    self.question.asker.domain.as_ref().is_none_or(|it| acceptance.statement.issuer.includes(it));
                if !reaches || !by_asker || force::binds_from(acceptance) > used_at {
                    continue;
                }
                if self.end(acceptance).is_some_and(|end| end.at <= used_at) {
                    continue;
                }
                let at = acceptance.registered_at;
                let standing = force::permits_from(offer) <= at
                    && offer.registered_at <= at
                    && accept_until.is_none_or(|until| at <= until)
                    && offered_until.is_none_or(|end| end > at);
                let parties = |domain: &Domain| acceptance.statement.issuer.includes(domain);
                let suspended = self.suspended(&[offer.id, acceptance.id], offer, parties);
                let suspended = suspended.map(|by| Finding::new(Reason::AgreementSuspended).by(by));
                let doubt = suspended.or_else(|| self.doubt(offer)).or_else(|| self.doubt(acceptance));
                match (standing, doubt, term.filter(|term| *term <= used_at)) {
                    (true, Some(finding), None) => {
                        self.hear_doubted(offer, finding, Some(acceptance.id), heard);
                    }
                    _ if self.question.asker.domain.is_none() => {}
                    (false, ..) => heard.notes.push(Finding::new(Reason::AcceptanceTooLate).by(acceptance.id)),
                    (true, _, Some(end)) => self.hear_after_term(offer, end, heard),
                    (true, None, None) => self.hear_named(offer, Reason::OfferAccepted, Some(acceptance.id), heard),
                }
            }
        }
    }
}

/// Why a permission by name does not speak.
fn outside(registered: &Registered, permit: Permit) -> Option<Finding> {
    let outside = Finding::new(Reason::OutsideAgreement).by(registered.id);
    match permit {
        Permit::Speaks(_) => None,
        Permit::Silent(finding) if finding.code == Reason::ConstraintNotMet => {
            Some(outside.detail(finding.detail.unwrap_or_default()))
        }
        Permit::Silent(finding) => Some(finding),
        Permit::Elsewhere => Some(outside.detail("scope")),
    }
}
