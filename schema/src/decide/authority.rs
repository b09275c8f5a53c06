//! Authority: what one registrable domain says, its agreements first, then everything else, the strictest standing.

use super::permit::{Giver, Permit};
use super::question::Verdict;
use super::reach::{Reach, license_reach, reach};
use super::reason::{Finding, Reason};
use super::{Case, Heard, Outcome, force};
use crate::acquisition::{AppliesTo, LicenseMark};
use crate::evidence::Registered;
use crate::issuer::Authority;
use crate::scope::Match;
use crate::statement::{Body, Kind};
use crate::terms::{Remains, Terms};
use crate::time::Timestamp;
use crate::vocab::Basis;
use std::sync::Arc;

/// An unproven claim over content lapses after so many seconds.
pub const CLAIM_LAPSE: i64 = 30 * Timestamp::DAY;

type Statements<'a> = [&'a Arc<Registered>];

impl Case<'_> {
    /// What one authority says, all together.
    pub(super) fn hear(&self, authority: &Authority, statements: &Statements<'_>, marks: &[&LicenseMark]) -> Heard {
        let mut heard = Heard::default();
        self.hear_agreements(statements, &mut heard);
        self.hear_acceptances(statements, &mut heard);
        // What an agreement says to its licensee outranks the authority's own reservations and signals; a dispute it does not.
        let outranked = heard.speaking.iter().any(|outcome| outcome.by_name);
        self.hear_disputes(statements, &mut heard);
        if outranked {
            return heard;
        }
        let lifted = self.hear_permissions(statements, &mut heard);
        let sightings = self.hear_sightings(statements, lifted);
        heard.speaking.extend(sightings.speaking);
        heard.notes.extend(sightings.notes);
        self.hear_marks(authority, marks, &mut heard);
        let kept_since = self.irrevocable_since(&heard);
        self.hear_reservations(statements, kept_since, &mut heard);
        heard
    }

    fn hear_agreements(&self, statements: &Statements<'_>, heard: &mut Heard) {
        for registered in statements {
            let Body::Agreement { licensees, .. } = &registered.statement.body else { continue };
            let id = registered.id;
            let Some(asker) = self.question.asker.domain.as_ref() else { continue };
            if !licensees.iter().any(|party| party.includes(asker)) {
                continue;
            }
            match self.agreement_state(registered) {
                force::AgreementState::Before => heard.notes.push(Finding::new(Reason::TermNotBegun).by(id)),
                force::AgreementState::After => self.hear_after_term(registered, heard),
                force::AgreementState::Contested(by) => {
                    let finding = Finding::new(Reason::EndContested).by(by);
                    heard.speaking.push(Outcome { by_name: true, ..Outcome::of(Verdict::Disputed, finding) });
                }
                force::AgreementState::During => {
                    if let Some(by) = self.suspended(registered) {
                        let finding = Finding::new(Reason::AgreementSuspended).by(by);
                        heard.speaking.push(Outcome { by_name: true, ..Outcome::of(Verdict::Disputed, finding) });
                        continue;
                    }
                    self.hear_named(registered, Reason::AgreementInForce, None, heard);
                }
            }
        }
    }

    /// What a permission says that reaches the asker by name.
    fn hear_named(
        &self,
        registered: &Registered,
        code: Reason,
        accepted: Option<crate::id::StatementId>,
        heard: &mut Heard,
    ) {
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
            Permit::Silent(finding) if finding.code == Reason::ConstraintNotMet => {
                let detail = finding.detail.unwrap_or_default();
                heard.notes.push(Finding::new(Reason::OutsideAgreement).by(registered.id).detail(detail));
            }
            Permit::Silent(finding) => heard.notes.push(finding),
            Permit::Elsewhere => {
                heard.notes.push(Finding::new(Reason::OutsideAgreement).by(registered.id).detail("scope"));
            }
        }
    }

    /// After its term an agreement still says what may remain; a new use is for the remaining rules.
    fn hear_after_term(&self, registered: &Registered, heard: &mut Heard) {
        let id = registered.id;
        let (Some(terms), Some(scope)) = (registered.statement.terms(), registered.statement.scope()) else { return };
        let covered = scope.permits(&self.evidence.keys, true).is_some();
        match self.question.artefact {
            Some(artefact) if covered => {
                let remains = terms.post_term.and_then(|post_term| post_term.of(artefact));
                let (verdict, code) = match remains {
                    Some(Remains::MayKeep) => (Verdict::Cleared, Reason::PostTermKept),
                    Some(Remains::MustDelete) => (Verdict::Reserved, Reason::PostTermDelete),
                    None => (Verdict::Unknown, Reason::PostTermUnknown),
                };
                let finding = Finding::new(code).by(id).detail(artefact.word());
                heard.speaking.push(Outcome { by_name: true, ..Outcome::of(verdict, finding) });
            }
            _ => heard.notes.push(Finding::new(Reason::TermEnded).by(id)),
        }
    }

    /// The dispute that names this agreement and is in force.
    fn suspended(&self, registered: &Registered) -> Option<crate::id::StatementId> {
        let in_force = |other: &&Arc<Registered>| {
            matches!(other.statement.body, Body::Dispute { agreement: Some(named), .. } if named == registered.id)
                && force::binds_from(other) <= self.question.used_at
                && self.end(other).is_none_or(|end| end.at > self.question.used_at)
        };
        self.naming(registered.id).find(in_force).map(|other| other.id)
    }

    /// Offers that the asker accepted while they stood: their terms are pinned, whatever the price is today.
    fn hear_acceptances(&self, statements: &Statements<'_>, heard: &mut Heard) {
        let Some(asker) = self.question.asker.domain.as_ref() else { return };
        for offer in statements {
            let Body::Offer { accept_until, .. } = &offer.statement.body else { continue };
            for acceptance in self.naming(offer.id) {
                let Body::Acceptance { scope: taken, .. } = &acceptance.statement.body else { continue };
                let reaches = taken.as_ref().is_none_or(|scope| scope.permits(&self.evidence.keys, true).is_some());
                let by_asker = acceptance.statement.issuer.includes(asker);
                let at = acceptance.registered_at;
                let ended = self.end(acceptance).is_some_and(|end| end.at <= self.question.used_at);
                if !reaches || !by_asker || at > self.question.used_at || ended {
                    continue;
                }
                let standing = force::permits_from(offer) <= at
                    && offer.registered_at <= at
                    && accept_until.is_none_or(|until| at <= until)
                    && self.end(offer).is_none_or(|end| end.at > at);
                if standing {
                    self.hear_named(offer, Reason::OfferAccepted, Some(acceptance.id), heard);
                } else {
                    heard.notes.push(Finding::new(Reason::AcceptanceTooLate).by(acceptance.id));
                }
            }
        }
    }

    fn hear_disputes(&self, statements: &Statements<'_>, heard: &mut Heard) {
        for registered in statements {
            match &registered.statement.body {
                Body::Dispute { scope, against, agreement: None, case, .. } => {
                    let used_at = self.question.used_at;
                    let in_force = force::binds_from(registered) <= used_at
                        && self.end(registered).is_none_or(|end| end.at > used_at);
                    let asker = self.question.asker.domain.as_ref();
                    // An asker that doesn't say who it is may be the one that the dispute names.
                    let named = against.is_empty()
                        || asker.is_none_or(|asker| against.iter().any(|party| party.includes(asker)));
                    if in_force && named && scope.restricts(&self.evidence.keys).is_some() {
                        let finding = Finding::new(Reason::Disputed).by(registered.id).detail(case.reference.clone());
                        heard.speaking.push(Outcome::of(Verdict::Disputed, finding));
                    }
                }
                Body::Release { scope, .. } if scope.restricts(&self.evidence.keys).is_some() => {
                    heard.notes.push(Finding::new(Reason::ReleasePastOnly).by(registered.id));
                }
                _ => {}
            }
        }
    }

    /// Grants and offers to anyone. Returns the latest registration of one that permits: what lifts older signals.
    fn hear_permissions(&self, statements: &Statements<'_>, heard: &mut Heard) -> Option<Timestamp> {
        let mut lifted: Option<Timestamp> = None;
        for registered in statements {
            let kind = registered.statement.kind();
            if !matches!(kind, Kind::Grant | Kind::Offer) {
                continue;
            }
            self.hear_refusal(registered, heard);
            let irrevocable = registered.statement.terms().is_some_and(is_irrevocable);
            let kept = irrevocable && self.evidenced_at_capture(registered);
            let force = self.permission_in_force(registered);
            if let (Err(finding), false) = (&force, kept) {
                if registered.statement.scope().is_some_and(|scope| scope.permits(&self.evidence.keys, true).is_some())
                {
                    heard.notes.push(finding.clone());
                }
                continue;
            }
            match self.permit(registered, false, None) {
                Permit::Elsewhere => {}
                Permit::Silent(finding) => heard.notes.push(finding),
                Permit::Speaks(outcome) if outcome.verdict == Verdict::Reserved => {}
                Permit::Speaks(mut outcome) => {
                    if outcome.verdict >= Verdict::Conditional {
                        lifted = lifted.max(Some(registered.registered_at));
                        let grant = if kind == Kind::Offer { Reason::OfferOpen } else { Reason::GrantInForce };
                        outcome.findings.push(Finding::new(grant).by(registered.id));
                        if kind == Kind::Offer {
                            // Nobody has accepted it yet: a price that is met elsewhere doesn't conclude a contract.
                            outcome.verdict = Verdict::Conditional;
                            outcome.findings.sort_by_key(|finding| finding.code != Reason::OfferOpen);
                        }
                        outcome.irrevocable = kept;
                    }
                    if force.is_err() && kept {
                        outcome.findings.push(Finding::new(Reason::IrrevocableKept).by(registered.id));
                        heard.notes.push(Finding::new(Reason::StricterSince).by(registered.id));
                    }
                    heard.speaking.push(outcome);
                }
            }
        }
        lifted
    }

    /// A rule that disallows inside a grant or an offer restricts like a reservation.
    fn hear_refusal(&self, registered: &Registered, heard: &mut Heard) {
        let Some(scope) = registered.statement.scope() else { return };
        let refuses = registered.statement.terms().map(|terms| reach(terms, self.question, self.reading));
        if refuses == Some(Reach::Disallowed)
            && scope.restricts(&self.evidence.keys).is_some()
            && self.restriction_counts(registered).is_some()
        {
            let finding = Finding::new(Reason::UseDisallowed).by(registered.id);
            heard.speaking.push(Outcome::of(Verdict::Reserved, finding));
        }
    }

    /// Whether a restriction counts for this copy, and if so since when: it was in force at some moment between the capture
    /// and the asker's own copy.
    fn restriction_counts(&self, registered: &Registered) -> Option<Timestamp> {
        let from = force::binds_from(registered);
        let in_time = from <= self.question.acquired_at();
        let ended = self.end(registered).is_some_and(|end| end.at <= self.question.captured_at() || end.at <= from);
        (in_time && !ended).then_some(from)
    }

    /// The capture, where an irrevocable permission evidenced then speaks: later restrictions of its giver don't reach back.
    fn irrevocable_since(&self, heard: &Heard) -> Option<Timestamp> {
        heard.speaking.iter().any(|outcome| outcome.irrevocable).then(|| self.question.captured_at())
    }

    fn hear_reservations(&self, statements: &Statements<'_>, kept_since: Option<Timestamp>, heard: &mut Heard) {
        for registered in statements {
            let Body::Reservation { scope, terms, .. } = &registered.statement.body else { continue };
            let id = registered.id;
            let Some(by) = scope.restricts(&self.evidence.keys) else { continue };
            let reached = reach(terms, self.question, self.reading);
            if matches!(reached, Reach::Silent(_) | Reach::Allowed(_)) {
                continue;
            }
            if let Some(lifting) = self.lifted_by_name(registered) {
                heard.notes.push(Finding::new(Reason::Superseded).by(lifting));
                continue;
            }
            let Some(from) = self.restriction_counts(registered) else {
                let code = if force::binds_from(registered) > self.question.acquired_at() {
                    Reason::ReservedLater
                } else {
                    Reason::NotInForce
                };
                heard.notes.push(Finding::new(code).by(id));
                continue;
            };
            if kept_since.is_some_and(|capture| from > capture) {
                heard.notes.push(Finding::new(Reason::StricterSince).by(id).detail(from.to_string()));
                continue;
            }
            let outcome = match reached {
                Reach::Undetermined(finding) => Some(Outcome::of(Verdict::Unknown, finding.by(id))),
                _ => self.reserved(registered, by, &mut heard.notes),
            };
            let Some(mut outcome) = outcome else { continue };
            if from > self.question.captured_at() {
                outcome.findings.push(Finding::new(Reason::StricterSince).by(id).detail(from.to_string()));
            }
            heard.speaking.push(outcome);
        }
    }

    /// A reservation that covers the copy. A claim by bytes or compilation alone, not proven, disputes at most, and lapses;
    /// anybody could otherwise reserve anybody's bytes.
    fn reserved(&self, registered: &Registered, by: Match, notes: &mut Vec<Finding>) -> Option<Outcome> {
        let authority = registered.authority();
        let served_here = self.evidence.keys.urls.iter().any(|(_, url)| url.authority() == authority);
        let countersigned = || {
            let site = self.evidence.keys.fetched().map(crate::surt::UrlKey::authority);
            site.is_some_and(|site| registered.signed_by.iter().any(|signer| signer.authority() == site))
        };
        let believed = match by {
            Match::Fetched | Match::OtherUrl | Match::Folded => served_here,
            Match::Work => true,
            Match::Content | Match::WeakContent | Match::Collection => {
                registered.proven || served_here || countersigned()
            }
        };
        if believed {
            return Some(Outcome::of(Verdict::Reserved, Finding::new(Reason::RightsReserved).by(registered.id)));
        }
        if registered.registered_at.plus_seconds(CLAIM_LAPSE) <= self.question.used_at {
            notes.push(Finding::new(Reason::ClaimLapsed).by(registered.id));
            return None;
        }
        Some(Outcome::of(Verdict::Disputed, Finding::new(Reason::ClaimUnproven).by(registered.id)))
    }

    /// The permission in force that names this reservation and covers the copy for this asker.
    fn lifted_by_name(&self, registered: &Registered) -> Option<crate::id::StatementId> {
        let lifts = |other: &&Arc<Registered>| {
            let names = other.statement.supersedes.contains(&registered.id);
            let permission = matches!(other.statement.kind(), Kind::Grant | Kind::Offer);
            let same = other.authority() == registered.authority();
            let any_copy = other.statement.terms().is_some_and(|terms| terms.any_copy);
            let in_tenure = other.tenure_from.is_none_or(|from| from <= self.question.captured_at());
            let covers =
                other.statement.scope().is_some_and(|scope| scope.permits(&self.evidence.keys, any_copy).is_some());
            names && permission && same && in_tenure && covers && self.permission_in_force(other).is_ok()
        };
        self.naming(registered.id).find(lifts).map(|other| other.id)
    }

    /// License marks shown by this authority's hosts.
    fn hear_marks(&self, authority: &Authority, marks: &[&LicenseMark], heard: &mut Heard) {
        let captured = self.question.captured_at();
        let fetched = self.evidence.keys.fetched().map(crate::surt::UrlKey::authority);
        for mark in marks {
            let name = mark.license.as_str();
            if mark.applies_to != AppliesTo::Item || fetched.as_ref() != Some(authority) {
                heard.notes.push(Finding::new(Reason::LicenseScopeUnclear).detail(name));
                continue;
            }
            let gone = mark.gone_at.is_some_and(|at| at <= captured);
            let not_yet = mark.seen_from.is_some_and(|at| at > captured);
            if gone || not_yet {
                heard.notes.push(Finding::new(Reason::NotInForce).detail(name));
                continue;
            }
            if !self.reading.trusted_mark_hosts.contains(&mark.host) {
                heard.notes.push(Finding::new(Reason::LicenseSelfDeclared).detail(name));
                continue;
            }
            let giver = Giver::by_signal(authority);
            match license_reach(name, self.question, self.reading) {
                Reach::Disallowed => {}
                Reach::Undetermined(finding) => heard.speaking.push(Outcome::of(Verdict::Unknown, finding)),
                // A license whose constraint is false permits nothing, and says so of the item.
                Reach::Silent(finding) => {
                    let mut outcome = Outcome::of(Verdict::Unknown, finding);
                    outcome.findings.push(Finding::new(Reason::LicenseApplies).detail(name));
                    heard.speaking.push(outcome);
                }
                Reach::Allowed(duties) => {
                    let mut outcome = self.allowed(&giver, duties);
                    outcome.findings.push(Finding::new(Reason::LicenseApplies).detail(name));
                    outcome.irrevocable = outcome.verdict >= Verdict::Conditional;
                    if mark.gone_at.is_some() {
                        outcome.findings.push(Finding::new(Reason::IrrevocableKept).detail(name));
                        heard.notes.push(Finding::new(Reason::StricterSince).detail(name));
                    }
                    heard.speaking.push(outcome);
                }
            }
        }
    }

    /// Whether this statement claims the bytes or the work as its issuer's own.
    pub(super) fn claims_content(&self, registered: &Registered) -> bool {
        let owns = matches!(registered.statement.basis(), Some(Basis::Owner | Basis::ExclusiveLicensee));
        let lapsed = !registered.proven && registered.registered_at.plus_seconds(CLAIM_LAPSE) <= self.question.used_at;
        let by_content = || {
            registered.statement.scope().is_some_and(|scope| {
                scope.include.iter().any(|target| match target {
                    crate::scope::Target::Content { ids } => {
                        self.evidence.keys.content.iter().any(|it| ids.contains(it))
                    }
                    _ => false,
                })
            })
        };
        let ended = self.end(registered).is_some_and(|end| end.at <= self.question.used_at);
        owns && !lapsed && !ended && by_content()
    }
}

/// Whether permissions under these terms survive their issuer's later change: flagged so, or all licenses are, and all that
/// the table lists are.
fn is_irrevocable(terms: &Terms) -> bool {
    terms.irrevocable || (terms.clauses.is_empty() && !terms.licenses.is_empty())
}
