//! Term: from when to when something is paid for that names no period of its own: an agreement's term, an offer's from its acceptance.
//!
//! Who would attack: a payee who states an early day for a fee that was not yet owed (an acceptance binds no earlier than it was
//! registered), and an asker who accepts once more to move the day (accepted twice, nobody can tell the first day, and a flat fee
//! stays uncounted instead of owed in no period at all).

use crate::gate::Judge;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::snapshot::Damage;
use cleartitle_schema::statement::{Body, Kind};
use cleartitle_schema::time::{Timestamp, Window};

/// When a statement is paid for; none where nobody can tell. An offer that the asker has not accepted begins at `supposed`.
///
/// # Errors
/// [`Damage`] of the snapshot.
pub fn term_of(judge: &Judge, id: &StatementId, supposed: Option<Timestamp>) -> Result<Option<Window>, Damage> {
    let Some(place) = judge.snapshot.find(id)? else { return Ok(None) };
    let statement = &judge.snapshot.statement(place)?.statement;
    if statement.kind() != Kind::Offer {
        return Ok(Some(statement.effective));
    }
    let Some(asker) = &judge.policy.asker.domain else { return Ok(None) };
    let mut accepted = Vec::new();
    for other in judge.snapshot.try_naming(id)? {
        let taken = matches!(&other.statement.body, Body::Acceptance { offer, .. } if offer == id);
        let binds = other.statement.effective.from.map_or(other.registered_at, |from| from.max(other.registered_at));
        if taken && other.statement.issuer.includes(asker) && binds <= judge.used_at {
            accepted.push(binds);
        }
    }
    let from = match accepted.as_slice() {
        [] => supposed,
        [once] => Some(*once),
        _ => None,
    };
    Ok(from.map(|from| Window { from: Some(from), until: statement.effective.until }))
}
