//! Sealed leaves in SQLite: tables of their own, which nothing that is public reads.

use std::collections::BTreeSet;

use cleartitle_schema::bindings::{Established, establish};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{Commitment, StatementId};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::leaf::{Leaf, Published};
use cleartitle_schema::statement::Statement;
use rusqlite::{Connection, OptionalExtension, params};

use super::failed;
use super::read::{self, rows, stored};
use super::write::{damaged, integer};
use crate::sealed::parties_of;
use crate::store::{Held, SealedEntry, StoreError, Stored};

const COLUMNS: &str =
    "s.idx, s.id, s.commitment, s.registered_at, s.signed_by, s.tenure_from, s.payload, s.under, s.speaks_for";

/// Keeps what is held of a leaf, and projects it.
pub(super) fn append(connection: &Connection, entry: &SealedEntry) -> Result<(), StoreError> {
    if let Some(held) = &entry.held {
        let blob = held.published.to_bytes();
        connection
            .prepare_cached("INSERT INTO sealed (commitment, blob) VALUES (?1, ?2)")
            .and_then(|mut insert| insert.execute(params![entry.leaf.commitment.0, blob]))
            .map_err(failed)?;
    }
    project(connection, entry)
}

/// Writes what follows from one sealed leaf; registration and `rebuild` both come through here.
fn project(connection: &Connection, entry: &SealedEntry) -> Result<(), StoreError> {
    let index = integer(entry.index)?;
    connection
        .prepare_cached("INSERT OR IGNORE INTO sealed_leaves (commitment, idx) VALUES (?1, ?2)")
        .and_then(|mut insert| insert.execute(params![entry.leaf.commitment.0, index]))
        .map_err(failed)?;
    let Some(Held { published, registered, parties }) = &entry.held else { return Ok(()) };
    let signed_by = serde_json::to_string(&registered.signed_by).map_err(damaged)?;
    let under = serde_json::to_string(&registered.under).map_err(damaged)?;
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO sealed_statements (idx, id, commitment, registered_at, signed_by, tenure_from,
             payload, under, speaks_for) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                index,
                registered.id.0,
                entry.leaf.commitment.0,
                registered.registered_at.0,
                signed_by,
                registered.tenure_from.map(|time| time.0),
                published.envelope.payload(),
                under,
                registered.speaks_for.as_ref().map(Domain::as_str),
            ])
        })
        .map_err(failed)?;
    for party in parties {
        connection
            .prepare_cached("INSERT OR IGNORE INTO sealed_parties (domain, idx) VALUES (?1, ?2)")
            .and_then(|mut insert| insert.execute(params![party.as_str(), index]))
            .map_err(failed)?;
    }
    Ok(())
}

/// Makes a sealed leaf's projections again from what is held of it.
pub(super) fn project_again(
    derived: &Connection,
    primary: &Connection,
    index: u64,
    leaf: Leaf,
) -> Result<(), StoreError> {
    let held = match blob(primary, &leaf.commitment)? {
        None => None,
        Some(blob) => Some(held_again(derived, index, &leaf, &blob)?),
    };
    project(derived, &SealedEntry { leaf, index, held })
}

fn held_again(derived: &Connection, index: u64, leaf: &Leaf, blob: &[u8]) -> Result<Held, StoreError> {
    // What is held is nobody's to read in an error.
    let unread = || StoreError::Damaged(format!("what is held of the sealed leaf {index} does not open it"));
    let published = Published::parse(blob).ok().filter(|it| it.commitment() == leaf.commitment).ok_or_else(unread)?;
    let payload = published.envelope.payload();
    let statement = Statement::parse(payload).map_err(|_| unread())?;
    let Established { signed_by, under, speaks_for, tenure_from } =
        establish(&read::SoFar(derived), &statement, &published.envelope)?;
    let (id, registered_at) = (StatementId::of(payload), leaf.registered_at);
    let registered = Registered { id, index, registered_at, signed_by, under, speaks_for, tenure_from, statement };
    let mut parties: BTreeSet<Domain> = parties_of(&registered);
    for named in registered.statement.names() {
        if let Some(named) = statement_of(derived, &named)? {
            parties.extend(parties_of(&named.registered));
        }
    }
    Ok(Held { published, registered, parties })
}

/// The blob that opens a sealed leaf, where it is held.
pub(super) fn blob(connection: &Connection, commitment: &Commitment) -> Result<Option<Vec<u8>>, StoreError> {
    connection
        .prepare_cached("SELECT blob FROM sealed WHERE commitment = ?1")
        .and_then(|mut query| query.query_row([commitment.0], |row| row.get(0)).optional())
        .map_err(failed)
}

/// Where a sealed leaf stands.
pub(super) fn leaf(connection: &Connection, commitment: &Commitment) -> Result<Option<u64>, StoreError> {
    let found: Option<i64> = connection
        .prepare_cached("SELECT idx FROM sealed_leaves WHERE commitment = ?1")
        .and_then(|mut query| query.query_row([commitment.0], |row| row.get(0)).optional())
        .map_err(failed)?;
    Ok(found.map(i64::cast_unsigned))
}

/// One sealed statement that is held.
pub(super) fn statement_of(connection: &Connection, id: &StatementId) -> Result<Option<Stored>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM sealed_statements s WHERE s.id = ?1");
    Ok(rows(connection, &sql, [id.0], stored)?.pop())
}

/// What the leaf of a sealed statement that was erased commits to.
pub(super) fn erased(connection: &Connection, id: &StatementId) -> Result<Option<Commitment>, StoreError> {
    let found: Option<[u8; 32]> = connection
        .prepare_cached("SELECT commitment FROM sealed_erased WHERE id = ?1")
        .and_then(|mut query| query.query_row([id.0], |row| row.get(0)).optional())
        .map_err(failed)?;
    Ok(found.map(Commitment))
}

/// The sealed statements of a party, in log order.
pub(super) fn of_party(
    connection: &Connection,
    party: &Domain,
    from: u64,
    limit: usize,
) -> Result<Vec<Stored>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sealed_parties p JOIN sealed_statements s ON s.idx = p.idx
         WHERE p.domain = ?1 AND p.idx >= ?2 ORDER BY p.idx LIMIT ?3"
    );
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    rows(connection, &sql, params![party.as_str(), from, limit as i64], stored)
}

/// Whether a domain is a party of a sealed leaf.
pub(super) fn is_party(connection: &Connection, party: &Domain, index: u64) -> Result<bool, StoreError> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sealed_parties WHERE domain = ?1 AND idx = ?2)")
        .and_then(|mut query| query.query_row(params![party.as_str(), index.cast_signed()], |row| row.get(0)))
        .map_err(failed)
}
