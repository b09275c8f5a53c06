//! Claims over bytes: what can't be claimed, what was seen elsewhere before, and who may challenge and answer.
//!
//! Who attacks: a stranger that claims what everybody serves, or what somebody else is known to serve; one that challenges again
//! and again to silence a claimant at no cost. A stranger's word about other people's hosts counts for nothing here: only a
//! record that the host's own authority signed, or what the registry saw itself, shows bytes under a host.

pub mod evidence;
pub mod serving;

use std::collections::BTreeSet;

use cleartitle_schema::bindings::tenure;
use cleartitle_schema::decide::ANSWER_TIME;
use cleartitle_schema::id::{BlobId, ContentName, StatementId};
use cleartitle_schema::issuer::{Authority, Domain};
use cleartitle_schema::statement::{Body, Statement};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::ubiquitous;

use crate::log::Candidate;
use crate::refusal::Refusal;
use crate::store::{Relation, Store, Stored};

/// Bytes that so many authorities show under their own hosts are nobody's to claim.
pub const COMMON_FROM: usize = 20;

/// The most challenges of one authority to one claim: one, and one with new evidence after it was answered. Whoever is still not
/// content registers a dispute, with its case.
const MAX_CHALLENGES: usize = 2;

/// Refuses claims over bytes of the table of common content.
///
/// # Errors
/// [`Refusal::CommonContent`].
pub fn check_common(statement: &Statement) -> Result<(), Refusal> {
    match statement.claimed().find(|name| ubiquitous::is_common(name)) {
        Some(name) => Err(Refusal::CommonContent(*name)),
        None => Ok(()),
    }
}

/// Checks a claim, a proof, a challenge or an answer against the log as it stands.
///
/// # Errors
/// [`Refusal::CommonContent`], [`Refusal::SeenElsewhere`], [`Refusal::NotClaimed`], [`Refusal::TenureEnded`],
/// [`Refusal::NothingToChallenge`], [`Refusal::ChallengedBefore`], [`Refusal::AnswerTooLate`], [`Refusal::NotYours`],
/// [`Refusal::UnknownStatement`].
pub fn check(store: &dyn Store, candidate: &Candidate, speaker: &Domain, now: Timestamp) -> Result<(), Refusal> {
    match &candidate.statement.body {
        Body::ClaimProof { claim, content, tenure_from, .. } => {
            let claim = find(store, claim)?;
            check_listed(&claim, content)?;
            check_tenure(store, &claim)?;
            if *tenure_from != claim.registered.tenure_from {
                return Err(Refusal::TenureEnded(claim.registered.id));
            }
            Ok(())
        }
        Body::Challenge { claim, content, .. } => {
            check_challenge(store, candidate, &find(store, claim)?, content, speaker, now)
        }
        Body::Answer { challenge, .. } => check_answer(store, &find(store, challenge)?, candidate, speaker, now),
        _ => check_seen(store, &candidate.statement, &speaker.authority()),
    }
}

fn find(store: &dyn Store, id: &StatementId) -> Result<Stored, Refusal> {
    store.statement(id)?.ok_or(Refusal::UnknownStatement(*id))
}

/// Every name is one of the claim's.
fn check_listed(claim: &Stored, content: &[ContentName]) -> Result<(), Refusal> {
    let claimed: BTreeSet<&ContentName> = claim.registered.statement.claimed().collect();
    if content.iter().all(|name| !claimed.contains(name)) {
        let name = content.first().copied();
        return Err(Refusal::NotClaimed { claim: claim.registered.id, name });
    }
    Ok(())
}

/// Whoever made the claim still holds the domain.
fn check_tenure(store: &dyn Store, claim: &Stored) -> Result<(), Refusal> {
    let now = tenure(store, claim.registered.speaker())?.map(|(_, at)| at);
    if now == claim.registered.tenure_from { Ok(()) } else { Err(Refusal::TenureEnded(claim.registered.id)) }
}

/// Bytes that somebody else showed before the claimant did are claimed with their signature alone; bytes that many show are
/// nobody's.
fn check_seen(store: &dyn Store, statement: &Statement, claimant: &Authority) -> Result<(), Refusal> {
    let countersigners: BTreeSet<Authority> = statement.countersigned_by.iter().map(Domain::authority).collect();
    for name in statement.claimed() {
        let shown = store.showings(name, COMMON_FROM)?;
        if shown.len() >= COMMON_FROM {
            return Err(Refusal::CommonContent(*name));
        }
        // In log order: who shows it after the claimant did has copied it, or at least was not first.
        for authority in shown {
            if authority == *claimant {
                break;
            }
            if !countersigners.contains(&authority) {
                return Err(Refusal::SeenElsewhere { name: *name, authority });
            }
        }
    }
    Ok(())
}

fn check_challenge(
    store: &dyn Store,
    candidate: &Candidate,
    claim: &Stored,
    content: &[ContentName],
    speaker: &Domain,
    now: Timestamp,
) -> Result<(), Refusal> {
    let id = claim.registered.id;
    let challenger = speaker.authority();
    let claimed: BTreeSet<&ContentName> = claim.registered.statement.claimed().collect();
    if let Some(other) = content.iter().find(|name| !claimed.contains(name)) {
        return Err(Refusal::NotClaimed { claim: id, name: Some(*other) });
    }
    if claim.registered.authority() == challenger {
        let (issuer, why) = (speaker.clone(), "an issuer withdraws its own claim");
        return Err(Refusal::NotYours { named: id, issuer, why });
    }
    let naming = store.naming(&id)?;
    let proves = |by: &Stored| match &by.registered.statement.body {
        Body::ClaimProof { content: shown, .. } => shown.iter().any(|name| content.contains(name)),
        _ => false,
    };
    let proven = naming.iter().any(|(_, by)| proves(by));
    if !proven && claim.registered.statement.countersigned_by.is_empty() {
        return Err(Refusal::NothingToChallenge(id));
    }
    let own = |(relation, by): &&(Relation, Stored)| {
        *relation == Relation::Challenges && by.registered.authority() == challenger
    };
    let before: Vec<&Stored> = naming.iter().filter(own).map(|(_, by)| by).collect();
    check_renewal(store, candidate, claim, &before, now)
}

/// One challenge at a time of one authority, and after an answer one more, where it brings what the others did not.
fn check_renewal(
    store: &dyn Store,
    candidate: &Candidate,
    claim: &Stored,
    before: &[&Stored],
    now: Timestamp,
) -> Result<(), Refusal> {
    let refused = |why| Err(Refusal::ChallengedBefore { claim: claim.registered.id, why });
    let mut brought: BTreeSet<BlobId> = BTreeSet::new();
    for challenge in before {
        let until = challenge.registered.registered_at.plus_seconds(ANSWER_TIME);
        let named = store.naming(&challenge.registered.id)?;
        let by = |wanted: Relation| named.iter().any(|(relation, _)| *relation == wanted);
        let closed = by(Relation::Answers) || by(Relation::Withdraws);
        if !closed && now < until {
            return refused("one challenge of yours waits for its answer");
        }
        if !closed {
            return refused("a challenge of yours was not answered in time, so that the claim counts as unproven");
        }
        brought.extend(challenge.registered.statement.evidence.iter().map(|exhibit| exhibit.blob));
    }
    if before.len() >= MAX_CHALLENGES {
        return refused("it was challenged and answered twice: a `dispute` names the court that settles it");
    }
    if !before.is_empty() && candidate.statement.evidence.iter().all(|exhibit| brought.contains(&exhibit.blob)) {
        return refused("a challenge that was answered is renewed with new evidence alone");
    }
    Ok(())
}

/// The claimant itself answers, while it still holds the domain, and in time.
fn check_answer(
    store: &dyn Store,
    challenge: &Stored,
    candidate: &Candidate,
    speaker: &Domain,
    now: Timestamp,
) -> Result<(), Refusal> {
    let id = challenge.registered.id;
    let Body::Challenge { claim, .. } = &challenge.registered.statement.body else {
        return Err(Refusal::WrongKind { named: id, found: challenge.registered.statement.kind() });
    };
    let claim = find(store, claim)?;
    if claim.registered.authority() != speaker.authority() {
        let issuer = candidate.statement.issuer.domain.clone();
        return Err(Refusal::NotYours { named: id, issuer, why: "only the claimant answers" });
    }
    check_tenure(store, &claim)?;
    if now >= challenge.registered.registered_at.plus_seconds(ANSWER_TIME) {
        return Err(Refusal::AnswerTooLate(id));
    }
    Ok(())
}

/// Refuses to look for a proof of a claim that does not claim this document, or whose claimant no longer holds the domain.
///
/// # Errors
/// As [`check`] says of a proof; [`Refusal::CommonContent`].
pub fn check_provable(store: &dyn Store, claim: &Stored, name: ContentName) -> Result<(), Refusal> {
    check_common(&claim.registered.statement)?;
    check_listed(claim, &[name])?;
    check_tenure(store, claim)
}

/// The proof that lists this document of the claim already.
///
/// # Errors
/// [`Refusal::Unavailable`] when the store fails.
pub fn proof_of(store: &dyn Store, claim: &StatementId, name: &ContentName) -> Result<Option<Stored>, Refusal> {
    let lists = |by: &Stored| match &by.registered.statement.body {
        Body::ClaimProof { content, .. } => content.contains(name),
        _ => false,
    };
    let naming = store.naming(claim)?;
    let mut proofs = naming.into_iter().filter(|(relation, _)| *relation == Relation::Proves).map(|(_, by)| by);
    Ok(proofs.find(lists))
}
