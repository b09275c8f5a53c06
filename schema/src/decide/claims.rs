//! Claims: whether a claim over bytes is proven for a copy, what a challenge makes of it, and who else claims the same bytes.
//!
//! Whoever reserves or permits by listing bytes says that they are its own, and anybody may say so. Who attacks: a stranger that
//! claims a publisher's articles, to block them or to give them away; and one that challenges every claim to silence whoever
//! made it. A proof is the registry's own: it saw the bytes served under the claimant's domain. It is weighed with the claim's
//! tenure, so that whoever buys a domain inherits neither proofs nor copies.

use super::question::Verdict;
use super::reason::{Finding, Reason};
use super::{Case, Heard, Outcome, force};
use crate::evidence::Registered;
use crate::id::{ContentName, StatementId};
use crate::issuer::Authority;
use crate::scope::Target;
use crate::statement::Body;
use crate::surt::UrlKey;
use crate::time::Timestamp;
use crate::ubiquitous;
use crate::vocab::Basis;
use std::collections::BTreeSet;

/// An unproven claim over content lapses after so many seconds.
pub const CLAIM_LAPSE: i64 = 30 * Timestamp::DAY;

/// So many seconds a claimant has to answer a challenge.
pub const ANSWER_TIME: i64 = 30 * Timestamp::DAY;

/// How a claim over bytes stands for one copy, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// Nobody has seen the claimant serve the bytes.
    Unproven,
    /// This challenge was not answered in time: the claim counts as unproven.
    Unanswered(StatementId),
    /// This challenge waits for its answer.
    Challenged(StatementId),
    /// Shown, and nobody doubts it or every doubt was answered in time.
    Holds,
}

impl Claim {
    /// Why a claim that does not hold doesn't.
    pub(super) fn finding(self, claim: StatementId) -> Finding {
        let finding = |code| Finding::new(code).by(claim);
        match self {
            Self::Unproven | Self::Holds => finding(Reason::ClaimUnproven),
            Self::Challenged(challenge) => finding(Reason::ClaimChallenged).detail(challenge.to_string()),
            Self::Unanswered(challenge) => finding(Reason::ChallengeUnanswered).detail(challenge.to_string()),
        }
    }
}

impl Case<'_> {
    /// The names by which a claim names the copy.
    fn claimed_names<'r>(&'r self, registered: &'r Registered) -> impl Iterator<Item = &'r ContentName> {
        let common = |name: &&ContentName| ubiquitous::is_common(name);
        let named = |name: &&ContentName| registered.statement.claimed().any(|claimed| claimed == *name);
        self.evidence.keys.content.iter().filter(move |name| !common(name) && named(name))
    }

    /// Whether a statement counts at the time of use: registered, not ended, its key not in doubt.
    fn stands(&self, registered: &Registered) -> bool {
        let used_at = self.question.used_at;
        registered.registered_at <= used_at
            && self.end(registered).is_none_or(|end| end.at > used_at)
            && self.doubt(registered).is_none()
    }

    /// Whether the registry saw the bytes of this name served under the claimant's domain, in the tenure of the claim. A copy
    /// from before that tenure may be somebody else's: the proof does not reach it.
    fn seen_served(&self, registered: &Registered, name: &ContentName) -> bool {
        let in_tenure = registered.tenure_from.is_none_or(|from| self.question.captured_at() >= from);
        in_tenure
            && self.naming(registered.id).any(|proof| match &proof.statement.body {
                Body::ClaimProof { claim, content, tenure_from, .. } => {
                    *claim == registered.id
                        && *tenure_from == registered.tenure_from
                        && content.contains(name)
                        && self.stands(proof)
                }
                _ => false,
            })
    }

    /// The worst that challenges make of a claim to the bytes of this name. `believing` the challenger's key even where it was
    /// stolen: a thief may cast doubt on a permission, and must not open what its owner closed.
    fn challenged(&self, registered: &Registered, name: &ContentName, believing: bool) -> Claim {
        let used_at = self.question.used_at;
        let one = |challenge: &Registered| {
            let Body::Challenge { claim, content, .. } = &challenge.statement.body else { return None };
            let ended = self.end(challenge).is_some_and(|end| end.at <= used_at);
            let about = *claim == registered.id && content.contains(name) && challenge.registered_at <= used_at;
            if !about || ended || !believing && self.doubt(challenge).is_some() {
                return None;
            }
            let until = challenge.registered_at.plus_seconds(ANSWER_TIME);
            let answered = self.naming(challenge.id).any(|answer| {
                matches!(&answer.statement.body, Body::Answer { challenge: named, .. } if *named == challenge.id)
                    && force::same_house(answer, registered)
                    && answer.registered_at < until
                    && self.stands(answer)
            });
            match (answered, until <= used_at) {
                (true, _) => None,
                (false, false) => Some(Claim::Challenged(challenge.id)),
                (false, true) => Some(Claim::Unanswered(challenge.id)),
            }
        };
        self.naming(registered.id).filter_map(|challenge| one(challenge)).min().unwrap_or(Claim::Holds)
    }

    /// How a claim stands as far as it restricts this copy: by the best of the names that are shown to be the claimant's, so
    /// that a further name of the bytes never loosens. A weak name may restrict.
    pub(super) fn claim(&self, registered: &Registered) -> Claim {
        let site = self.evidence.keys.fetched().map(UrlKey::authority);
        let countersigned =
            site.is_some_and(|site| registered.signed_by.iter().any(|signer| signer.authority() == site));
        // Challenges are about bytes; a site that signs for what came in a compilation says what its compilation holds.
        if countersigned && self.covered_by(registered, |target| matches!(target, Target::Collection { .. })) {
            return Claim::Holds;
        }
        if !self.covered_by(registered, |target| matches!(target, Target::Content { .. })) {
            return Claim::Unproven;
        }
        let shown = |name: &&ContentName| countersigned || self.seen_served(registered, name);
        let names = self.claimed_names(registered).filter(shown);
        names.map(|name| self.challenged(registered, name, false)).max().unwrap_or(Claim::Unproven)
    }

    /// Whether a permission over listed bytes is proven by serving, by a name that may clear.
    pub(super) fn proven_by_serving(&self, registered: &Registered) -> bool {
        let mut names = self.claimed_names(registered).filter(|name| name.may_clear());
        names.any(|name| self.seen_served(registered, name))
    }

    /// The worst that challenges make of a permission over the copy's bytes, by any of its names.
    pub(super) fn permission_challenged(&self, registered: &Registered) -> Claim {
        let names = self.claimed_names(registered);
        names.map(|name| self.challenged(registered, name, true)).min().unwrap_or(Claim::Holds)
    }

    /// Whether an unproven claim has run out.
    pub(super) fn lapsed(&self, registered: &Registered) -> bool {
        registered.registered_at.plus_seconds(CLAIM_LAPSE) <= self.question.used_at
    }

    /// Two authorities that claim the same bytes as their own dispute each other: those who have shown something among
    /// themselves, and those who haven't. Before a claim that is shown, one that isn't gives way: otherwise anybody could void
    /// anybody's terms, thirty days at a time.
    pub(super) fn conflicting_claims(&self) -> Option<Heard> {
        let mut claims: Vec<(Authority, bool)> = Vec::new();
        for registered in self.evidence.statements.iter().filter(|registered| self.claims_bytes(registered)) {
            let authority = registered.authority();
            let serves = self.evidence.keys.fetched().is_some_and(|url| url.authority() == authority);
            let held = serves || matches!(self.claim(registered), Claim::Holds | Claim::Challenged(_));
            if held || !self.lapsed(registered) {
                claims.push((authority, held));
            }
        }
        let shown: BTreeSet<Authority> = claims.iter().filter(|(_, held)| *held).map(|(who, _)| who.clone()).collect();
        // Who holds one claim is not its own rival by another.
        let mut bare: BTreeSet<Authority> = claims.into_iter().map(|(who, _)| who).collect();
        bare.retain(|who| !shown.contains(who));
        [shown, bare].into_iter().find(|claimants| claimants.len() > 1).map(|claimants| {
            let names: Vec<&str> = claimants.iter().map(Authority::as_str).collect();
            let finding = Finding::new(Reason::ClaimsConflict).detail(names.join(", "));
            Heard { speaking: vec![Outcome::of(Verdict::Disputed, finding)], notes: Vec::new() }
        })
    }

    /// Whether this statement claims the bytes as its issuer's own, and has not ended.
    fn claims_bytes(&self, registered: &Registered) -> bool {
        let owns = matches!(registered.statement.basis(), Some(Basis::Owner | Basis::ExclusiveLicensee));
        let lists = || registered.statement.lists_any(&self.evidence.keys.content);
        let ended = || self.end(registered).is_some_and(|end| end.at <= self.question.used_at);
        owns && lists() && !ended()
    }
}
