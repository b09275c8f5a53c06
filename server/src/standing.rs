//! Standing: what the log, as it stands when a statement joins it, says about the statements that it names.
//!
//! Asked by the sequencer alone, one statement after the other, so that nothing can change between question and commit.

use cleartitle_schema::issuer::Domain;
use cleartitle_schema::statement::{Body, Kind, Statement};
use cleartitle_schema::terms::Action;
use cleartitle_schema::time::Timestamp;

use crate::refusal::Refusal;
use crate::store::{Relation, Store, Stored};

/// Checks every statement that `statement` names against the log as it stands.
///
/// # Errors
/// [`Refusal::UnknownStatement`], [`Refusal::NotYours`], [`Refusal::WrongKind`], [`Refusal::OfferNotInForce`].
pub fn check(store: &dyn Store, statement: &Statement, now: Timestamp) -> Result<(), Refusal> {
    let issuer = &statement.issuer.domain;
    let find = |id| store.statement(id)?.ok_or(Refusal::UnknownStatement(*id));
    for id in &statement.supersedes {
        let named = find(id)?;
        check_nameable(&named)?;
        if !may_replace(issuer, &named) {
            return Err(not_yours(&named, issuer, "only its own issuer, or the registrable domain above it"));
        }
    }
    match &statement.body {
        Body::Withdrawal { statement } => {
            let named = find(statement)?;
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

/// Keys are bound and revoked by the operator; and a withdrawal that could be withdrawn would revive what others took for ended.
fn check_nameable(named: &Stored) -> Result<(), Refusal> {
    match named.registered.statement.kind() {
        found @ (Kind::KeyBinding | Kind::Withdrawal) => Err(Refusal::WrongKind { named: named.registered.id, found }),
        _ => Ok(()),
    }
}

/// The issuer itself, or the registrable domain that answers for it. A subdomain may not loosen what stands above it.
fn may_replace(issuer: &Domain, named: &Stored) -> bool {
    let theirs = &named.registered.statement.issuer.domain;
    issuer == theirs || theirs.authority().as_str() == issuer.as_str()
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
