//! Sealed leaves in PostgreSQL: tables of their own, which nothing that is public reads.

use std::collections::{BTreeSet, HashMap};

use cleartitle_schema::bindings::{Established, establish};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{Commitment, StatementId};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::leaf::{Leaf, Published};
use cleartitle_schema::statement::Statement;

use super::read::{self, STATEMENT_COLUMNS, array, column, limited, stored};
use super::session::Session;
use super::write::{damaged, integer};
use crate::sealed::parties_of;
use crate::store::{Held, SealedEntry, StoreError, Stored};

/// Keeps what is held of a leaf, and projects it.
pub(super) fn append(session: &Session<'_>, entry: &SealedEntry) -> Result<(), StoreError> {
    if let Some(held) = &entry.held {
        let sql = "INSERT INTO sealed (commitment, blob) VALUES ($1, $2)";
        session.execute(sql, &[&entry.leaf.commitment.0.as_slice(), &held.published.to_bytes()])?;
    }
    project(session, entry)
}

/// Writes what follows from one sealed leaf; registration and `rebuild` both come through here.
fn project(session: &Session<'_>, entry: &SealedEntry) -> Result<(), StoreError> {
    let index = integer(entry.index)?;
    let commitment = entry.leaf.commitment.0.as_slice();
    let sql = "INSERT INTO sealed_leaves (commitment, idx) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    session.execute(sql, &[&commitment, &index])?;
    let Some(Held { published, registered, parties }) = &entry.held else { return Ok(()) };
    let signed_by = serde_json::to_string(&registered.signed_by).map_err(damaged)?;
    let under = serde_json::to_string(&registered.under).map_err(damaged)?;
    session.execute(
        "INSERT INTO sealed_statements (idx, id, commitment, registered_at, signed_by, tenure_from, payload, under, speaks_for)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        &[
            &index,
            &registered.id.0.as_slice(),
            &commitment,
            &registered.registered_at.0,
            &signed_by,
            &registered.tenure_from.map(|time| time.0),
            &published.envelope.payload(),
            &under,
            &registered.speaks_for.as_ref().map(Domain::as_str),
        ],
    )?;
    let parties: Vec<&str> = parties.iter().map(Domain::as_str).collect();
    let sql = "INSERT INTO sealed_parties (domain, idx) SELECT party, $2 FROM unnest($1::text[]) AS party ON CONFLICT DO NOTHING";
    session.execute(sql, &[&parties, &index]).map(|_| ())
}

/// Makes a sealed leaf's projections again from what is held of it.
pub(super) fn project_again(session: &Session<'_>, index: u64, leaf: Leaf) -> Result<(), StoreError> {
    let held = match blob(session, &leaf.commitment)? {
        None => None,
        Some(blob) => Some(held_again(session, index, &leaf, &blob)?),
    };
    project(session, &SealedEntry { leaf, index, held })
}

fn held_again(session: &Session<'_>, index: u64, leaf: &Leaf, blob: &[u8]) -> Result<Held, StoreError> {
    // What is held is nobody's to read in an error.
    let unread = || StoreError::Damaged(format!("what is held of the sealed leaf {index} does not open it"));
    let published = Published::parse(blob).ok().filter(|it| it.commitment() == leaf.commitment).ok_or_else(unread)?;
    let payload = published.envelope.payload();
    let statement = Statement::parse(payload).map_err(|_| unread())?;
    let known = read::SoFar { session, waiting: &HashMap::new() };
    let Established { signed_by, under, speaks_for, tenure_from } = establish(&known, &statement, &published.envelope)?;
    let (id, registered_at) = (StatementId::of(payload), leaf.registered_at);
    let registered = Registered { id, index, registered_at, signed_by, under, speaks_for, tenure_from, statement };
    let mut parties: BTreeSet<Domain> = parties_of(&registered);
    for named in registered.statement.names() {
        if let Some(named) = statement_of(session, &named)? {
            parties.extend(parties_of(&named.registered));
        }
    }
    Ok(Held { published, registered, parties })
}

/// The blob that opens a sealed leaf, where it is held.
pub(super) fn blob(session: &Session<'_>, commitment: &Commitment) -> Result<Option<Vec<u8>>, StoreError> {
    session.value("SELECT blob FROM sealed WHERE commitment = $1", &[&commitment.0.as_slice()])
}

/// Where a sealed leaf stands.
pub(super) fn leaf(session: &Session<'_>, commitment: &Commitment) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT idx FROM sealed_leaves WHERE commitment = $1";
    Ok(session.value::<i64>(sql, &[&commitment.0.as_slice()])?.map(i64::cast_unsigned))
}

/// One sealed statement that is held.
pub(super) fn statement_of(session: &Session<'_>, id: &StatementId) -> Result<Option<Stored>, StoreError> {
    let sql = format!("SELECT {STATEMENT_COLUMNS} FROM sealed_statements s WHERE s.id = $1");
    Ok(session.rows(&sql, &[&id.0.as_slice()], stored)?.pop())
}

/// What the leaf of a sealed statement that was erased commits to.
pub(super) fn erased(session: &Session<'_>, id: &StatementId) -> Result<Option<Commitment>, StoreError> {
    let sql = "SELECT commitment FROM sealed_erased WHERE id = $1";
    Ok(session.rows(sql, &[&id.0.as_slice()], |row| Ok(Commitment(array(row, 0, "commitment")?)))?.pop())
}

/// The sealed statements of a party, in log order.
pub(super) fn of_party(
    session: &Session<'_>,
    party: &Domain,
    from: u64,
    limit: usize,
) -> Result<Vec<Stored>, StoreError> {
    let sql = format!(
        "SELECT {STATEMENT_COLUMNS} FROM sealed_parties p JOIN sealed_statements s ON s.idx = p.idx
         WHERE p.domain = $1 AND p.idx >= $2 ORDER BY p.idx LIMIT $3"
    );
    session.rows(&sql, &[&party.as_str(), &column(from), &limited(limit)], stored)
}

/// Whether a domain is a party of a sealed leaf.
pub(super) fn is_party(session: &Session<'_>, party: &Domain, index: u64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sealed_parties WHERE domain = $1 AND idx = $2)";
    Ok(session.value(sql, &[&party.as_str(), &column(index)])?.unwrap_or(false))
}
