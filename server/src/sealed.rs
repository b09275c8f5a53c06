//! Sealed statements: what may be sealed, whose it is, and what it may name.
//!
//! The leaf of a sealed statement is in the log like any other, so that nobody can backdate a deal; what it commits to goes to
//! its parties alone. Who attacks: a competitor that wants the price, by guessing it (the salt is in the way), by asking
//! (signatures are), or by naming the deal in a statement of its own and reading the refusal (what is sealed is unknown to
//! whoever speaks in public).

use std::collections::BTreeSet;

use cleartitle_schema::evidence::Registered;
use cleartitle_schema::issuer::{Domain, Party};
use cleartitle_schema::statement::{Body, Statement};
use cleartitle_schema::time::Timestamp;

use crate::log::Candidate;
use crate::refusal::Refusal;
use crate::registration;
use crate::store::Store;

/// Checks an envelope that is to be sealed, as [`registration::admit`] checks a public one.
///
/// # Errors
/// [`Refusal`], the first check that fails.
pub fn admit(store: &dyn Store, origin: &str, envelope: &[u8], now: Timestamp) -> Result<Candidate, Refusal> {
    let candidate = registration::admit(store, origin, envelope, now)?;
    check_sealable(&candidate.statement)?;
    Ok(Candidate { sealed: true, ..candidate })
}

/// Deals and what follows from them. What binds everybody is for everybody to read; a key's end too.
fn check_sealable(statement: &Statement) -> Result<(), Refusal> {
    match &statement.body {
        Body::Agreement { .. } | Body::Acceptance { .. } | Body::Discharge { .. } | Body::Release { .. } => Ok(()),
        Body::Withdrawal { cause: None, .. } | Body::Dispute { agreement: Some(_), .. } => Ok(()),
        _ => Err(Refusal::NotSealable(statement.kind())),
    }
}

/// The domains of a party.
pub(crate) fn domains_of(party: &Party) -> impl Iterator<Item = Domain> {
    std::iter::once(&party.domain).chain(&party.affiliates).chain(&party.successors).cloned()
}

/// Who a sealed statement is given to, by its own words: its issuer and whom it speaks for, licensees, released parties. Those
/// of what it names are its parties too; the store adds them.
#[must_use]
pub fn parties_of(registered: &Registered) -> BTreeSet<Domain> {
    let statement = &registered.statement;
    let mut parties: BTreeSet<Domain> = domains_of(&statement.issuer).collect();
    parties.extend(registered.speaks_for.clone());
    match &statement.body {
        Body::Agreement { licensees: others, .. } | Body::Release { released: others, .. } => {
            parties.extend(others.iter().flat_map(domains_of));
        }
        Body::Discharge { licensee, .. } => parties.extend(domains_of(licensee)),
        _ => {}
    }
    parties
}

/// Whether a sealed statement may name what it names: the end of something public is public.
///
/// # Errors
/// [`Refusal::PublicNamed`].
pub fn check_named(store: &dyn Store, statement: &Statement) -> Result<(), Refusal> {
    let hidden = match &statement.body {
        Body::Withdrawal { .. } | Body::Dispute { .. } => statement.names(),
        _ => statement.supersedes.clone(),
    };
    for id in hidden {
        if store.sealed_statement(&id)?.is_none() && store.statement(&id)?.is_some() {
            return Err(Refusal::PublicNamed(id));
        }
    }
    Ok(())
}
