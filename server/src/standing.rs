//! Standing: what the log, as it stands when a statement joins it, says about the statements that it names.
//!
//! Asked by the sequencer alone, one statement after the other, so that nothing can change between question and commit.

use cleartitle_schema::bindings::Known;
use cleartitle_schema::id::KeyId;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::signed::EnvelopeSignature as Signature;
use cleartitle_schema::statement::{Body, Cause, Kind};
use cleartitle_schema::terms::Action;
use cleartitle_schema::time::Timestamp;

use crate::log::Candidate;
use crate::refusal::Refusal;
use crate::store::{Relation, Store, StoreError, Stored};
use crate::{claims, delegation, registration, sealed};

/// Checks what a candidate rests on, and every statement that it names, against the log as it stands: its keys may have been
/// revoked, and its delegation withdrawn, since it was admitted. `known` is the store, or what was asked of it at this head before.
///
/// # Errors
/// [`Refusal::UnknownStatement`], [`Refusal::NotYours`], [`Refusal::WrongKind`], [`Refusal::OfferNotInForce`], what
/// [`registration::consent`], [`delegation::speaker`] and [`claims::check`] say.
pub fn check<K: Known<Error = StoreError> + ?Sized>(
    store: &dyn Store,
    known: &K,
    candidate: &Candidate,
    now: Timestamp,
) -> Result<(), Refusal> {
    let statement = &candidate.statement;
    let issuer = &statement.issuer.domain;
    if matches!(statement.kind(), Kind::KeyBinding | Kind::Erasure) {
        return Ok(());
    }
    let in_public = store.naming(&candidate.id)?.iter().any(|(relation, _)| *relation == Relation::Erases);
    if in_public || store.sealed_erased(&candidate.id)?.is_some() {
        return Err(Refusal::Erased(candidate.id));
    }
    let signers: Vec<KeyId> = candidate.envelope.signatures().iter().map(Signature::key_id).collect();
    registration::consent(store, known, statement, &signers)?;
    let speaker = delegation::speaker(store, statement, now)?;
    claims::check(store, candidate, &speaker, now)?;
    // To whoever speaks in public, what is sealed is unknown.
    let find = |id| match store.statement(id)? {
        None if candidate.sealed => store.sealed_statement(id)?.ok_or(Refusal::UnknownStatement(*id)),
        found => found.ok_or(Refusal::UnknownStatement(*id)),
    };
    if candidate.sealed {
        sealed::check_named(store, statement)?;
    }
    for id in &statement.supersedes {
        let named = find(id)?;
        check_nameable(&named)?;
        if !may_replace(issuer, &named) {
            return Err(not_yours(&named, issuer, "only its own issuer, or the registrable domain above it"));
        }
    }
    match &statement.body {
        Body::Withdrawal { statement: named, cause, .. } => {
            let named = find(named)?;
            if named.registered.statement.kind() == Kind::KeyBinding {
                return check_revocation(store, issuer, &named, *cause);
            }
            if cause.is_some() {
                return Err(Refusal::WrongKind {
                    named: named.registered.id,
                    found: named.registered.statement.kind(),
                });
            }
            check_nameable(&named)?;
            if !may_replace(issuer, &named) && !is_party(issuer, &named) {
                return Err(not_yours(&named, issuer, "only its issuer or, of an agreement, a party withdraws it"));
            }
        }
        Body::Discharge { statement, duty, .. } => {
            let named = find(statement)?;
            let kinds = [Kind::Grant, Kind::Offer, Kind::Agreement, Kind::Reservation];
            check_kind(&named, &kinds)?;
            if !is_payee(issuer, &named, duty) {
                return Err(not_yours(&named, issuer, "only the payee of the duty discharges it"));
            }
        }
        Body::Acceptance { offer, .. } => {
            let named = find(offer)?;
            check_kind(&named, &[Kind::Offer])?;
            check_in_force(store, &named, now)?;
        }
        Body::Dispute { agreement: Some(agreement), .. } => {
            let named = find(agreement)?;
            check_kind(&named, &[Kind::Agreement])?;
            if !may_replace(issuer, &named) && !is_party(issuer, &named) {
                return Err(not_yours(&named, issuer, "only a party of the agreement disputes it"));
            }
        }
        _ => {}
    }
    Ok(())
}

fn not_yours(named: &Stored, issuer: &Domain, why: &'static str) -> Refusal {
    Refusal::NotYours { named: named.registered.id, issuer: issuer.clone(), why }
}

fn check_kind(named: &Stored, kinds: &[Kind]) -> Result<(), Refusal> {
    let found = named.registered.statement.kind();
    if kinds.contains(&found) {
        return Ok(());
    }
    Err(Refusal::WrongKind { named: named.registered.id, found })
}

/// A key is revoked with a cause, by any key bound now to its domain or to the registrable domain above, or by the operator, who
/// alone says that it lapsed.
fn check_revocation(store: &dyn Store, issuer: &Domain, named: &Stored, cause: Option<Cause>) -> Result<(), Refusal> {
    let id = named.registered.id;
    let binding = &named.registered.statement;
    let Body::KeyBinding { domain, .. } = &binding.body else {
        return Err(Refusal::WrongKind { named: id, found: binding.kind() });
    };
    let Some(cause) = cause else { return Err(Refusal::CauseMissing(id)) };
    let operator = *issuer == binding.issuer.domain;
    let own = issuer == domain || domain.authority().as_str() == issuer.as_str();
    if !(operator || own && cause != Cause::Lapsed) {
        return Err(not_yours(named, issuer, "only the domain itself, or the operator, ends its key's binding"));
    }
    let bound = store.bindings_of(domain)?;
    if bound.iter().any(|binding| binding.id == id && binding.ended.is_some()) {
        return Err(Refusal::EndedAlready(id));
    }
    Ok(())
}

/// Key bindings are ended by withdrawal alone; and a withdrawal that could be withdrawn would revive what others took for ended.
fn check_nameable(named: &Stored) -> Result<(), Refusal> {
    match named.registered.statement.kind() {
        found @ (Kind::KeyBinding | Kind::Withdrawal | Kind::Erasure) => {
            Err(Refusal::WrongKind { named: named.registered.id, found })
        }
        _ => Ok(()),
    }
}

/// The issuer itself, or the registrable domain that answers for it, also where its agent spoke. A subdomain may not loosen what
/// stands above it.
fn may_replace(issuer: &Domain, named: &Stored) -> bool {
    let theirs = &named.registered.statement.issuer.domain;
    issuer == theirs
        || theirs.authority().as_str() == issuer.as_str() && named.registered.speaks_for.is_none()
        || named.registered.authority().as_str() == issuer.as_str()
}

fn is_party(issuer: &Domain, named: &Stored) -> bool {
    let statement = &named.registered.statement;
    match &statement.body {
        Body::Agreement { licensees, .. } => {
            statement.issuer.includes(issuer) || licensees.iter().any(|party| party.includes(issuer))
        }
        _ => false,
    }
}

/// Whoever the duty names; the issuer where it names nobody.
fn is_payee(issuer: &Domain, named: &Stored, duty: &str) -> bool {
    let statement = &named.registered.statement;
    let mut duties = statement.terms().into_iter().flat_map(|terms| terms.rules()).flat_map(|rule| &rule.duties);
    duties.any(|asked| {
        let to = match &asked.action {
            Action::Pay { payee, .. } => payee.as_ref(),
            Action::Report { to, .. } => to.as_ref(),
            _ => None,
        };
        asked.action.word() == duty && to.map_or_else(|| may_replace(issuer, named), |party| party.includes(issuer))
    })
}

fn check_in_force(store: &dyn Store, offer: &Stored, now: Timestamp) -> Result<(), Refusal> {
    let over = || Refusal::OfferNotInForce(offer.registered.id);
    let statement = &offer.registered.statement;
    let Body::Offer { accept_until, .. } = &statement.body else { return Err(over()) };
    if !statement.effective.contains(now) || accept_until.is_some_and(|until| until < now) {
        return Err(over());
    }
    for (relation, by) in store.naming(&offer.registered.id)? {
        let begun = by.registered.statement.effective.from.is_none_or(|from| from <= now);
        if begun && matches!(relation, Relation::Supersedes | Relation::Withdraws) {
            return Err(over());
        }
    }
    Ok(())
}
