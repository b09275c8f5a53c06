//! Authority: what one registrable domain says in one tenure: permissions, refusals, signals, marks, reservations.

use super::claims::Claim;
use super::permit::{Giver, Permit, vendor};
use super::question::Verdict;
use super::reach::{Reach, license_reach, may_disallow, reach};
use super::reason::{Finding, Reason};
use super::sightings::Lift;
use super::{Case, Heard, House, Outcome, force};
use crate::acquisition::{AppliesTo, LicenseMark, WorkId};
use crate::evidence::Registered;
use crate::id::StatementId;
use crate::issuer::Authority;
use crate::scope::{Scope, Target};
use crate::statement::{Body, Kind};
use crate::surt::{UrlKey, without_www};
use crate::terms::Terms;
use crate::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

type Statements<'a> = [&'a Arc<Registered>];

/// The grants and offers of one house that permit what is asked.
#[derive(Default)]
struct Permitting {
    ids: BTreeSet<StatementId>,
    /// The latest registration among them.
    latest: Option<Timestamp>,
}

impl Case<'_> {
    /// What one authority says in one tenure, all together.
    /// `serves`: the copy was fetched from it, so that what the copy says of itself is its word too.
    pub(super) fn hear(
        &self,
        house: &House,
        statements: &Statements<'_>,
        marks: &[&LicenseMark],
        serves: bool,
    ) -> Heard {
        let (authority, tenure) = house;
        let mut heard = Heard::default();
        self.hear_agreements(statements, &mut heard);
        self.hear_acceptances(statements, &mut heard);
        // What an agreement says to its licensee outranks the authority's own reservations and signals; a dispute it does not.
        let outranked = heard.speaking.iter().any(|outcome| outcome.by_name);
        self.hear_disputes(statements, &mut heard);
        if outranked {
            return heard;
        }
        let permitting = self.hear_permissions(statements, &mut heard);
        self.hear_refusals(statements, &permitting, &mut heard);
        let lift = permitting.latest.map(|before| Lift { before, since: *tenure });
        let sightings = self.hear_sightings(statements, lift);
        heard.speaking.extend(sightings.speaking);
        heard.notes.extend(sightings.notes);
        if serves {
            self.hear_in_record(Some(authority), lift, &mut heard);
        }
        self.hear_marks(authority, marks, &mut heard);
        let kept_since = self.irrevocable_since(&heard);
        self.hear_reservations(statements, &permitting, kept_since, &mut heard);
        heard
    }

    fn hear_disputes(&self, statements: &Statements<'_>, heard: &mut Heard) {
        for registered in statements {
            match &registered.statement.body {
                Body::Dispute { scope, against, agreement, case, .. } if !self.over_a_deal(*agreement) => {
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

    /// Whether a dispute is about a deal between parties, for whom it suspends that, and not about the text. One that
    /// names a grant to anyone disputes the text.
    fn over_a_deal(&self, agreement: Option<StatementId>) -> bool {
        let Some(id) = agreement else { return false };
        let named = self.evidence.statements.iter().find(|registered| registered.id == id);
        named.is_none_or(|it| matches!(it.statement.kind(), Kind::Agreement | Kind::Offer | Kind::Acceptance))
    }

    /// Grants and offers to anyone. Returns those that permit: they lift older signals and the reservations they name.
    fn hear_permissions(&self, statements: &Statements<'_>, heard: &mut Heard) -> Permitting {
        let mut permitting = Permitting::default();
        for registered in statements {
            let kind = registered.statement.kind();
            if !matches!(kind, Kind::Grant | Kind::Offer) {
                continue;
            }
            // What was only offered was never given.
            let irrevocable = kind == Kind::Grant && registered.statement.terms().is_some_and(is_irrevocable);
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
                Permit::Speaks(outcome)
                    if outcome.verdict >= Verdict::Conditional && self.doubt(registered).is_some() =>
                {
                    heard.speaking.extend(self.doubt(registered).map(|doubt| Outcome::of(Verdict::Disputed, doubt)));
                }
                Permit::Speaks(mut outcome) => {
                    if outcome.verdict >= Verdict::Conditional {
                        permitting.latest = permitting.latest.max(Some(registered.registered_at));
                        permitting.ids.insert(registered.id);
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
        permitting
    }

    /// Rules that disallow inside grants and offers restrict like reservations, and are believed as far.
    fn hear_refusals(&self, statements: &Statements<'_>, permitting: &Permitting, heard: &mut Heard) {
        for registered in statements {
            if !matches!(registered.statement.kind(), Kind::Grant | Kind::Offer) {
                continue;
            }
            let (Some(scope), Some(terms)) = (registered.statement.scope(), registered.statement.terms()) else {
                continue;
            };
            if !may_disallow(terms, self.question) {
                continue;
            }
            let reached = reach(terms, self.question, self.reading);
            if scope.restricts(&self.evidence.keys).is_none() || self.restriction_counts(registered).is_none() {
                continue;
            }
            if let Some(lifting) = self.lifted_by_name(registered, permitting) {
                heard.notes.push(Finding::new(Reason::Superseded).by(lifting));
                continue;
            }
            let outcome = self.restricted(registered, reached, Reason::UseDisallowed, &mut heard.notes);
            heard.speaking.extend(outcome);
        }
    }

    /// Whether a restriction counts for this copy, and if so since when: it was in force at some moment between the capture
    /// and the asker's own copy.
    fn restriction_counts(&self, registered: &Registered) -> Option<Timestamp> {
        let from = force::binds_from(registered);
        let in_time = from <= self.question.acquired_at();
        let ended =
            self.restriction_end(registered).is_some_and(|end| end.at <= self.question.captured_at() || end.at <= from);
        (in_time && !ended).then_some(from)
    }

    /// The capture, where an irrevocable permission evidenced then speaks: later restrictions of its giver don't reach back.
    fn irrevocable_since(&self, heard: &Heard) -> Option<Timestamp> {
        heard.speaking.iter().any(|outcome| outcome.irrevocable).then(|| self.question.captured_at())
    }

    fn hear_reservations(
        &self,
        statements: &Statements<'_>,
        permitting: &Permitting,
        kept_since: Option<Timestamp>,
        heard: &mut Heard,
    ) {
        for registered in statements {
            let Body::Reservation { scope, terms, .. } = &registered.statement.body else { continue };
            let id = registered.id;
            if scope.restricts(&self.evidence.keys).is_none() {
                continue;
            }
            let reached = reach(terms, self.question, self.reading);
            if matches!(reached, Reach::Silent(_) | Reach::Allowed(_)) {
                continue;
            }
            if let Some(lifting) = self.lifted_by_name(registered, permitting) {
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
            let outcome = self.restricted(registered, reached, Reason::RightsReserved, &mut heard.notes);
            let Some(mut outcome) = outcome else { continue };
            if from > self.question.captured_at() {
                outcome.findings.push(Finding::new(Reason::StricterSince).by(id).detail(from.to_string()));
            }
            heard.speaking.push(outcome);
        }
    }

    /// A restriction that covers the copy. A claim by bytes or compilation alone, not proven, disputes at most, and lapses;
    /// anybody could otherwise reserve anybody's bytes.
    fn restricted(
        &self,
        registered: &Registered,
        reached: Reach,
        code: Reason,
        notes: &mut Vec<Finding>,
    ) -> Option<Outcome> {
        let claim = self.claim(registered);
        let believed = self.believed(registered) || claim == Claim::Holds;
        if !believed && !matches!(claim, Claim::Challenged(_)) && self.lapsed(registered) {
            if matches!(claim, Claim::Unanswered(_)) {
                notes.push(claim.finding(registered.id));
            }
            notes.push(Finding::new(Reason::ClaimLapsed).by(registered.id));
            return None;
        }
        match reached {
            Reach::Undetermined(finding) => Some(Outcome::of(Verdict::Unknown, finding.by(registered.id))),
            Reach::Disallowed if believed && self.doubt(registered).is_some() => {
                self.doubt(registered).map(|doubt| Outcome::of(Verdict::Disputed, doubt))
            }
            Reach::Disallowed if believed => Some(Outcome::of(Verdict::Reserved, Finding::new(code).by(registered.id))),
            Reach::Disallowed => Some(Outcome::of(Verdict::Disputed, claim.finding(registered.id))),
            Reach::Silent(_) | Reach::Allowed(_) => None,
        }
    }

    /// Whether a restriction is believed to be about this copy without any claim over its bytes: by its title, or since the
    /// copy has to do with the restricting site.
    fn believed(&self, registered: &Registered) -> bool {
        let authority = registered.authority();
        let served_here = self.evidence.keys.urls.iter().any(|(_, url)| url.authority() == authority);
        let here = |target: &Target| !matches!(target, Target::Works { .. });
        self.believed_by_work(registered) || served_here && self.covered_by(registered, here)
    }

    /// Whether the targets of these kinds cover the copy, exclusions aside.
    pub(super) fn covered_by(&self, registered: &Registered, kept: impl Fn(&Target) -> bool) -> bool {
        let Some(scope) = registered.statement.scope() else { return false };
        let include = scope.include.iter().filter(|target| kept(target)).cloned().collect();
        Scope { include, exclude: scope.exclude.clone() }.restricts(&self.evidence.keys).is_some()
    }

    /// Nobody can prove a title by serving bytes, so a reservation by title is believed as it stands; a model's name says
    /// whose it is.
    fn believed_by_work(&self, registered: &Registered) -> bool {
        let Some(scope) = registered.statement.scope() else { return false };
        let names = |targets: &[Target], work: &WorkId| {
            targets.iter().any(|target| matches!(target, Target::Works { ids } if ids.contains(work)))
        };
        self.evidence
            .keys
            .works
            .iter()
            .filter(|work| names(&scope.include, work) && !names(&scope.exclude, work))
            .any(|work| vendor(work.as_str()).is_none_or(|vendor| vendor == registered.authority()))
    }

    /// The permission that names this restriction, and permits this asker this use of this copy. One that doesn't lifts
    /// nothing: what it names stands for everybody whom it does not reach.
    fn lifted_by_name(&self, registered: &Registered, permitting: &Permitting) -> Option<StatementId> {
        self.naming(registered.id)
            .find(|other| other.statement.supersedes.contains(&registered.id) && permitting.ids.contains(&other.id))
            .map(|other| other.id)
    }

    /// License marks shown by this authority's hosts.
    fn hear_marks(&self, authority: &Authority, marks: &[&LicenseMark], heard: &mut Heard) {
        let captured = self.question.captured_at();
        let fetched = self.evidence.keys.fetched();
        for mark in marks {
            let name = mark.license.as_str();
            let shows = |url: &UrlKey| {
                let host = without_www(mark.host.as_str());
                url.authority() == *authority && (host == without_www(&url.host) || host == authority.as_str())
            };
            // One user's mark does not speak for another's page below the same domain.
            if mark.applies_to != AppliesTo::Item || !fetched.is_some_and(shows) {
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
}

/// Whether permissions under these terms survive their issuer's later change: flagged so, or all licenses are, and all that
/// the table lists are.
fn is_irrevocable(terms: &Terms) -> bool {
    terms.irrevocable || (terms.clauses.is_empty() && !terms.licenses.is_empty())
}
