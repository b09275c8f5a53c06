//! Reading from SQLite: each function one question, over whatever connection the caller holds.

use std::ops::Range;

use cleartitle_schema::bindings::{Binding, Ended, Known};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{BlobId, Commitment, ContentName, KeyId, ListId, StatementId};
use cleartitle_schema::issuer::{Authority, Domain};
use cleartitle_schema::statement::{Kind, Statement};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::hash::Hash;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{failed, uploads};
use crate::store::uploads::merged;
use crate::store::{Head, Page, ProofCheck, Record, Relation, SignedHead, StoreError, Stored};

const STATEMENT_COLUMNS: &str = "s.idx, s.id, s.commitment, s.registered_at, s.signed_by, s.tenure_from, s.payload,
    s.under, s.speaks_for";

fn damaged(what: &str) -> impl Fn() -> StoreError {
    move || StoreError::Damaged(format!("`{what}` can't be read back"))
}

/// The greatest number that a column can be asked for: an index beyond it is in no log.
pub(super) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Runs one cached query and reads every row.
pub(super) fn rows<T>(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut query = connection.prepare_cached(sql).map_err(failed)?;
    let mut found = query.query(values).map_err(failed)?;
    let mut answers = Vec::new();
    while let Some(row) = found.next().map_err(failed)? {
        answers.push(read(row)?);
    }
    Ok(answers)
}

pub(super) fn array<const N: usize>(row: &Row<'_>, place: usize, what: &str) -> Result<[u8; N], StoreError> {
    let bytes: Vec<u8> = row.get(place).map_err(failed)?;
    bytes.try_into().map_err(|_| damaged(what)())
}

pub(super) fn head(connection: &Connection) -> Result<Option<Head>, StoreError> {
    let newest = rows(
        connection,
        "SELECT size, root, (SELECT registered_at FROM leaves WHERE idx = size - 1) FROM checkpoints ORDER BY size DESC LIMIT 1",
        [],
        |row| {
            let size: i64 = row.get(0).map_err(failed)?;
            let time: Option<i64> = row.get(2).map_err(failed)?;
            let registered_at = time.map_or(Timestamp::MIN, Timestamp);
            Ok(Head { size: size.cast_unsigned(), root: Hash(array(row, 1, "root")?), registered_at })
        },
    )?;
    Ok(newest.into_iter().next())
}

pub(super) fn signed_head(row: &Row<'_>) -> Result<SignedHead, StoreError> {
    let size: i64 = row.get(0).map_err(failed)?;
    let note = row.get(2).map_err(failed)?;
    Ok(SignedHead { size: size.cast_unsigned(), root: Hash(array(row, 1, "root")?), note })
}

pub(super) fn checkpoint_from(connection: &Connection, size: u64) -> Result<Option<SignedHead>, StoreError> {
    let sql = "SELECT size, root, note FROM checkpoints WHERE size >= ?1 ORDER BY size LIMIT 1";
    Ok(rows(connection, sql, [column(size)], signed_head)?.pop())
}

pub(super) fn latest_checkpoint(connection: &Connection) -> Result<Option<SignedHead>, StoreError> {
    let sql = "SELECT size, root, note FROM checkpoints ORDER BY size DESC LIMIT 1";
    Ok(rows(connection, sql, [], signed_head)?.pop())
}

pub(super) fn checkpoints_after(connection: &Connection, size: i64) -> Result<Vec<SignedHead>, StoreError> {
    let sql = "SELECT size, root, note FROM checkpoints WHERE size > ?1 ORDER BY size LIMIT 1024";
    rows(connection, sql, [size], signed_head)
}

pub(super) fn size_at(connection: &Connection, time: Timestamp) -> Result<u64, StoreError> {
    let sql = "SELECT idx + 1 FROM leaves WHERE registered_at <= ?1 ORDER BY registered_at DESC, idx DESC LIMIT 1";
    let size: Option<i64> = connection
        .prepare_cached(sql)
        .and_then(|mut query| query.query_row([time.0], |row| row.get(0)).optional())
        .map_err(failed)?;
    Ok(size.unwrap_or(0).cast_unsigned())
}

pub(super) fn leaves(connection: &Connection, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError> {
    let sql = "SELECT leaf FROM leaves WHERE idx >= ?1 AND idx < ?2 ORDER BY idx";
    rows(connection, sql, [column(range.start), column(range.end)], |row| row.get(0).map_err(failed))
}

fn bytes(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<Option<Vec<u8>>, StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut query| query.query_row(values, |row| row.get(0)).optional())
        .map_err(failed)
}

pub(super) fn tile(connection: &Connection, level: u8, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
    bytes(connection, "SELECT bytes FROM tiles WHERE level = ?1 AND idx = ?2", params![level, column(index)])
}

pub(super) fn published(connection: &Connection, commitment: &Commitment) -> Result<Option<Vec<u8>>, StoreError> {
    bytes(connection, "SELECT blob FROM published WHERE commitment = ?1", [commitment.0])
}

pub(super) fn list(connection: &Connection, list: &ListId) -> Result<Option<Vec<u8>>, StoreError> {
    bytes(connection, "SELECT bytes FROM lists WHERE list = ?1", [list.0])
}

pub(super) fn blob(connection: &Connection, blob: &BlobId) -> Result<Option<Vec<u8>>, StoreError> {
    bytes(connection, "SELECT bytes FROM evidence WHERE blob = ?1", [blob.0])
}

pub(super) fn names_blob(connection: &Connection, blob: &BlobId) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM exhibits WHERE blob = ?1)";
    connection.prepare_cached(sql).and_then(|mut query| query.query_row([blob.0], |row| row.get(0))).map_err(failed)
}

pub(super) fn blobs_after(connection: &Connection, after: Option<&BlobId>) -> Result<Vec<BlobId>, StoreError> {
    // A blob compares greater than the empty one, with which the first page begins.
    let after = after.map(|blob| blob.0.to_vec()).unwrap_or_default();
    rows(connection, "SELECT blob FROM evidence WHERE blob > ?1 ORDER BY blob LIMIT 1024", [after], |row| {
        Ok(BlobId(array(row, 0, "blob")?))
    })
}

pub(super) fn stored(row: &Row<'_>) -> Result<Stored, StoreError> {
    let index: i64 = row.get(0).map_err(failed)?;
    let signed_by: String = row.get(4).map_err(failed)?;
    let tenure_from: Option<i64> = row.get(5).map_err(failed)?;
    let payload: Vec<u8> = row.get(6).map_err(failed)?;
    let under: String = row.get(7).map_err(failed)?;
    let speaks_for: Option<String> = row.get(8).map_err(failed)?;
    let statement = Statement::parse(&payload).map_err(|error| StoreError::Damaged(format!("{index}: {error}")))?;
    let registered = Registered {
        id: StatementId(array(row, 1, "id")?),
        index: index.cast_unsigned(),
        registered_at: Timestamp(row.get(3).map_err(failed)?),
        signed_by: serde_json::from_str(&signed_by).map_err(|_| damaged("signed_by")())?,
        under: serde_json::from_str(&under).map_err(|_| damaged("under")())?,
        speaks_for: speaks_for.map(|domain| domain.parse().map_err(|_| damaged("speaks_for")())).transpose()?,
        tenure_from: tenure_from.map(Timestamp),
        statement,
    };
    Ok(Stored { registered, commitment: Commitment(array(row, 2, "commitment")?) })
}

pub(super) fn statement(connection: &Connection, id: &StatementId) -> Result<Option<Stored>, StoreError> {
    let sql = format!("SELECT {STATEMENT_COLUMNS} FROM statements s WHERE s.id = ?1");
    Ok(rows(connection, &sql, [id.0], stored)?.pop())
}

pub(super) fn statements(connection: &Connection, page: &Page) -> Result<Vec<Stored>, StoreError> {
    // One text per combination, so that each uses its own index.
    let issuer = if page.issuer.is_some() { "s.issuer = ?1" } else { "?1 IS NULL" };
    let kind = if page.kind.is_some() { "s.kind = ?2" } else { "?2 IS NULL" };
    let order = if page.newest_first { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT {STATEMENT_COLUMNS} FROM statements s WHERE {issuer} AND {kind} AND s.idx >= ?3 AND s.idx < ?4
         ORDER BY s.idx {order} LIMIT ?5"
    );
    let below = page.below.map_or(i64::MAX, column);
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
    let values =
        params![page.issuer.as_ref().map(Domain::as_str), page.kind.map(Kind::word), column(page.from), below, limit];
    rows(connection, &sql, values, stored)
}

pub(super) fn naming(connection: &Connection, id: &StatementId) -> Result<Vec<(Relation, Stored)>, StoreError> {
    let sql = format!(
        "SELECT {STATEMENT_COLUMNS}, n.relation FROM names n JOIN statements s ON s.idx = n.idx WHERE n.named = ?1
         ORDER BY n.idx, n.relation"
    );
    rows(connection, &sql, [id.0], |row| {
        let relation: String = row.get(9).map_err(failed)?;
        Ok((relation.parse().map_err(|_| damaged("relation")())?, stored(row)?))
    })
}

fn binding(row: &Row<'_>) -> Result<Binding, StoreError> {
    let domain: String = row.get(1).map_err(failed)?;
    let index: i64 = row.get(2).map_err(failed)?;
    let proof: String = row.get(4).map_err(failed)?;
    let ended_index: Option<i64> = row.get(8).map_err(failed)?;
    let ended_at: Option<i64> = row.get(9).map_err(failed)?;
    let cause: Option<String> = row.get(10).map_err(failed)?;
    let ended = match (ended_index, ended_at, cause) {
        (Some(index), Some(at), Some(cause)) => {
            let cause = cause.parse().map_err(|_| damaged("cause")())?;
            Some(Ended { index: index.cast_unsigned(), at: Timestamp(at), cause })
        }
        (None, None, None) => None,
        _ => return Err(damaged("bindings")()),
    };
    Ok(Binding {
        id: StatementId(array(row, 6, "id")?),
        new_tenure: row.get(7).map_err(failed)?,
        ended,
        key_id: KeyId(array(row, 0, "key_id")?),
        domain: domain.parse().map_err(|_| damaged("domain")())?,
        index: index.cast_unsigned(),
        key: row.get(3).map_err(failed)?,
        proof: proof.parse().map_err(|_| damaged("proof")())?,
        bound_at: Timestamp(row.get(5).map_err(failed)?),
    })
}

const BINDING_COLUMNS: &str = "key_id, domain, idx, key, proof, bound_at, id, new_tenure, ended_idx, ended_at, cause";

pub(super) fn bindings_of(connection: &Connection, domain: &Domain) -> Result<Vec<Binding>, StoreError> {
    let sql = format!("SELECT {BINDING_COLUMNS} FROM bindings WHERE domain = ?1 ORDER BY idx");
    rows(connection, &sql, [domain.as_str()], binding)
}

pub(super) fn bindings_by(connection: &Connection, key: &KeyId) -> Result<Vec<Binding>, StoreError> {
    let sql = format!("SELECT {BINDING_COLUMNS} FROM bindings WHERE key_id = ?1 ORDER BY idx");
    rows(connection, &sql, [key.0], binding)
}

pub(super) fn bindings_from(connection: &Connection, index: u64, limit: usize) -> Result<Vec<Binding>, StoreError> {
    let sql =
        format!("SELECT {BINDING_COLUMNS} FROM bindings WHERE idx >= ?1 AND ended_idx IS NULL ORDER BY idx LIMIT ?2");
    rows(connection, &sql, params![column(index), limit as i64], binding)
}

pub(super) fn proof_check(connection: &Connection, binding: &StatementId) -> Result<Option<ProofCheck>, StoreError> {
    let sql = "SELECT at, missing_since, unreachable_since FROM proof_checks WHERE binding = ?1";
    let found = rows(connection, sql, [binding.0], |row| {
        let time = |place| Ok(row.get::<_, Option<i64>>(place).map_err(failed)?.map(Timestamp));
        let at = Timestamp(row.get(0).map_err(failed)?);
        Ok(ProofCheck { at, missing_since: time(1)?, unreachable_since: time(2)? })
    });
    Ok(found?.pop())
}

pub(super) fn counts(connection: &Connection, domain: &Domain) -> Result<Vec<(Kind, u64)>, StoreError> {
    let sql = "SELECT kind, count(*) FROM statements WHERE issuer = ?1 GROUP BY kind ORDER BY kind";
    rows(connection, sql, [domain.as_str()], |row| {
        let kind: String = row.get(0).map_err(failed)?;
        let count: i64 = row.get(1).map_err(failed)?;
        Ok((kind.parse().map_err(|_| damaged("kind")())?, count.cast_unsigned()))
    })
}

pub(super) fn records(connection: &Connection, name: &ContentName, limit: usize) -> Result<Vec<Record>, StoreError> {
    let sql = "SELECT d.idx, d.line, substr(l.bytes, d.start + 1, d.length), s.payload
               FROM documents d JOIN statements s ON s.idx = d.idx JOIN lists l ON l.list = ?3
               WHERE d.kind = ?1 AND d.name = ?2 AND d.idx = ?4 ORDER BY d.line LIMIT ?5";
    let (kind, digest) = name.to_parts();
    let batches = rows(
        connection,
        "SELECT DISTINCT d.idx, s.payload FROM documents d JOIN statements s ON s.idx = d.idx
         WHERE d.kind = ?1 AND d.name = ?2 ORDER BY d.idx LIMIT ?3",
        params![kind, digest, limit as i64],
        |row| Ok((row.get::<_, i64>(0).map_err(failed)?, row.get::<_, Vec<u8>>(1).map_err(failed)?)),
    )?;
    let mut found = Vec::new();
    for (index, payload) in batches {
        let statement = Statement::parse(&payload).map_err(|error| StoreError::Damaged(error.to_string()))?;
        let cleartitle_schema::statement::Body::Manifest { list, .. } = statement.body else { continue };
        let left = limit.saturating_sub(found.len()) as i64;
        found.extend(rows(connection, sql, params![kind, digest, list.0, index, left], |row| {
            Ok(Record {
                index: row.get::<_, i64>(0).map_err(failed)?.cast_unsigned(),
                line: row.get::<_, i64>(1).map_err(failed)?.cast_unsigned(),
                bytes: row.get(2).map_err(failed)?,
            })
        })?);
    }
    Ok(found)
}

pub(super) fn claims(connection: &Connection, name: &ContentName, limit: usize) -> Result<Vec<Stored>, StoreError> {
    let (kind, digest) = name.to_parts();
    let sql = format!(
        "SELECT {STATEMENT_COLUMNS} FROM claims c JOIN statements s ON s.idx = c.idx WHERE c.kind = ?1 AND c.name = ?2
         ORDER BY c.idx LIMIT ?3"
    );
    rows(connection, &sql, params![kind, digest, limit as i64], stored)
}

pub(super) fn showings(
    connection: &Connection,
    name: &ContentName,
    limit: usize,
) -> Result<Vec<Authority>, StoreError> {
    let (kind, digest) = name.to_parts();
    let sql = "SELECT authority, idx FROM showings WHERE kind = ?1 AND name = ?2 ORDER BY idx, authority LIMIT ?3";
    let showings = rows(connection, sql, params![kind, digest, limit as i64], |row| {
        let authority: String = row.get(0).map_err(failed)?;
        Ok((row.get::<_, i64>(1).map_err(failed)?.cast_unsigned(), Authority::of_host(&authority)))
    })?;
    Ok(merged(showings, &uploads::naming(connection, name)?, limit))
}

/// The log as far as a connection's projections go.
pub(super) struct SoFar<'c>(pub(super) &'c Connection);

impl Known for SoFar<'_> {
    type Error = StoreError;

    fn bindings_of(&self, domain: &Domain) -> Result<Vec<Binding>, StoreError> {
        bindings_of(self.0, domain)
    }

    fn bindings_by(&self, key: &KeyId) -> Result<Vec<Binding>, StoreError> {
        bindings_by(self.0, key)
    }

    fn find(&self, id: &StatementId) -> Result<Option<Registered>, StoreError> {
        Ok(statement(self.0, id)?.map(|stored| stored.registered))
    }
}
