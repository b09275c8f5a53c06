//! Reading from PostgreSQL: each function one question, over whatever session the caller holds.

use std::collections::HashMap;
use std::ops::Range;

use cleartitle_schema::bindings::{Binding, Ended, Known};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{BlobId, Commitment, ContentName, KeyId, ListId, StatementId};
use cleartitle_schema::issuer::{Authority, Domain};
use cleartitle_schema::statement::{Body, Kind, Statement};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::hash::Hash;
use tokio_postgres::Row;

use super::session::{Session, Value, get};
use super::uploads;
use crate::store::uploads::merged;
use crate::store::{Head, Page, ProofCheck, Record, Relation, SignedHead, StoreError, Stored};

pub(super) const STATEMENT_COLUMNS: &str =
    "s.idx, s.id, s.commitment, s.registered_at, s.signed_by, s.tenure_from, s.payload, s.under, s.speaks_for";

pub(super) fn damaged(what: &str) -> impl Fn() -> StoreError {
    move || StoreError::Damaged(format!("`{what}` can't be read back"))
}

/// The greatest number that a column can be asked for: an index beyond it is in no log.
pub(super) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn array<const N: usize>(row: &Row, place: usize, what: &str) -> Result<[u8; N], StoreError> {
    get::<&[u8]>(row, place)?.try_into().map_err(|_| damaged(what)())
}

pub(super) fn number(row: &Row, place: usize) -> Result<u64, StoreError> {
    Ok(get::<i64>(row, place)?.cast_unsigned())
}

pub(super) fn head(session: &Session<'_>, lock: bool) -> Result<Option<Head>, StoreError> {
    let sql = if lock {
        "SELECT size, root, registered_at FROM log_head FOR UPDATE"
    } else {
        "SELECT size, root, registered_at FROM log_head"
    };
    let read = |row: &Row| {
        let (size, registered_at) = (number(row, 0)?, Timestamp(get(row, 2)?));
        Ok(Head { size, root: Hash(array(row, 1, "root")?), registered_at })
    };
    Ok(session.rows(sql, &[], read)?.pop())
}

pub(super) fn signed_head(row: &Row) -> Result<SignedHead, StoreError> {
    Ok(SignedHead { size: number(row, 0)?, root: Hash(array(row, 1, "root")?), note: get(row, 2)? })
}

pub(super) fn checkpoint_from(session: &Session<'_>, size: u64) -> Result<Option<SignedHead>, StoreError> {
    let sql = "SELECT size, root, note FROM checkpoints WHERE size >= $1 ORDER BY size LIMIT 1";
    Ok(session.rows(sql, &[&column(size)], signed_head)?.pop())
}

pub(super) fn latest_checkpoint(session: &Session<'_>) -> Result<Option<SignedHead>, StoreError> {
    let sql = "SELECT size, root, note FROM checkpoints ORDER BY size DESC LIMIT 1";
    Ok(session.rows(sql, &[], signed_head)?.pop())
}

pub(super) fn checkpoints_after(session: &Session<'_>, after: Option<u64>) -> Result<Vec<SignedHead>, StoreError> {
    let sql = "SELECT size, root, note FROM checkpoints WHERE size > $1 ORDER BY size LIMIT 1024";
    session.rows(sql, &[&after.map_or(-1, column)], signed_head)
}

pub(super) fn size_at(session: &Session<'_>, time: Timestamp) -> Result<u64, StoreError> {
    let sql = "SELECT idx + 1 FROM leaves WHERE registered_at <= $1 ORDER BY registered_at DESC, idx DESC LIMIT 1";
    Ok(session.value::<i64>(sql, &[&time.0])?.unwrap_or(0).cast_unsigned())
}

pub(super) fn leaves(session: &Session<'_>, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError> {
    let sql = "SELECT leaf FROM leaves WHERE idx >= $1 AND idx < $2 ORDER BY idx";
    session.rows(sql, &[&column(range.start), &column(range.end)], |row| get(row, 0))
}

pub(super) fn tile(session: &Session<'_>, level: u8, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT bytes FROM tiles WHERE level = $1 AND idx = $2";
    session.value(sql, &[&i16::from(level), &column(index)])
}

pub(super) fn published(session: &Session<'_>, commitment: &Commitment) -> Result<Option<Vec<u8>>, StoreError> {
    session.value("SELECT blob FROM published WHERE commitment = $1", &[&commitment.0.as_slice()])
}

/// What opens each of these leaves, where it is there: for readers of the whole log, who would otherwise ask leaf by leaf.
pub(super) fn published_all(
    session: &Session<'_>,
    commitments: &[Vec<u8>],
) -> Result<HashMap<Vec<u8>, Vec<u8>>, StoreError> {
    let sql = "SELECT commitment, blob FROM published WHERE commitment = ANY ($1)";
    Ok(session.rows(sql, &[&commitments], |row| Ok((get(row, 0)?, get(row, 1)?)))?.into_iter().collect())
}

pub(super) fn list(session: &Session<'_>, list: &ListId) -> Result<Option<Vec<u8>>, StoreError> {
    session.value("SELECT bytes FROM lists WHERE list = $1", &[&list.0.as_slice()])
}

pub(super) fn blob(session: &Session<'_>, blob: &BlobId) -> Result<Option<Vec<u8>>, StoreError> {
    session.value("SELECT bytes FROM evidence WHERE blob = $1", &[&blob.0.as_slice()])
}

pub(super) fn names_blob(session: &Session<'_>, blob: &BlobId) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM exhibits WHERE blob = $1)";
    Ok(session.value(sql, &[&blob.0.as_slice()])?.unwrap_or(false))
}

pub(super) fn blobs_after(session: &Session<'_>, after: Option<&BlobId>) -> Result<Vec<BlobId>, StoreError> {
    // Any blob compares greater than the empty one, with which the first page begins.
    let after: &[u8] = after.map_or(&[], |blob| &blob.0);
    let sql = "SELECT blob FROM evidence WHERE blob > $1 ORDER BY blob LIMIT 1024";
    session.rows(sql, &[&after], |row| Ok(BlobId(array(row, 0, "blob")?)))
}

pub(super) fn stored(row: &Row) -> Result<Stored, StoreError> {
    let index = number(row, 0)?;
    let statement =
        Statement::parse(get::<&[u8]>(row, 6)?).map_err(|error| StoreError::Damaged(format!("{index}: {error}")))?;
    let speaks_for: Option<String> = get(row, 8)?;
    let registered = Registered {
        id: StatementId(array(row, 1, "id")?),
        index,
        registered_at: Timestamp(get(row, 3)?),
        signed_by: serde_json::from_str(get(row, 4)?).map_err(|_| damaged("signed_by")())?,
        under: serde_json::from_str(get(row, 7)?).map_err(|_| damaged("under")())?,
        speaks_for: speaks_for.map(|domain| domain.parse().map_err(|_| damaged("speaks_for")())).transpose()?,
        tenure_from: get::<Option<i64>>(row, 5)?.map(Timestamp),
        statement,
    };
    Ok(Stored { registered, commitment: Commitment(array(row, 2, "commitment")?) })
}

pub(super) fn statement(session: &Session<'_>, id: &StatementId) -> Result<Option<Stored>, StoreError> {
    let sql = format!("SELECT {STATEMENT_COLUMNS} FROM statements s WHERE s.id = $1");
    Ok(session.rows(&sql, &[&id.0.as_slice()], stored)?.pop())
}

pub(super) fn statements(session: &Session<'_>, page: &Page) -> Result<Vec<Stored>, StoreError> {
    let (from, below) = (column(page.from), page.below.map_or(i64::MAX, column));
    let limit = limited(page.limit);
    let issuer = page.issuer.as_ref().map(Domain::as_str);
    let kind = page.kind.map(Kind::word);
    // One text per combination, so that each uses its own index.
    let mut values: Vec<Value<'_>> = vec![&from, &below, &limit];
    let mut conditions = String::new();
    for (column, value) in [("issuer", &issuer), ("kind", &kind)] {
        if let Some(value) = value {
            values.push(value);
            conditions.push_str(&format!(" AND s.{column} = ${}", values.len()));
        }
    }
    let order = if page.newest_first { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT {STATEMENT_COLUMNS} FROM statements s WHERE s.idx >= $1 AND s.idx < $2{conditions}
         ORDER BY s.idx {order} LIMIT $3"
    );
    session.rows(&sql, &values, stored)
}

pub(super) fn naming(session: &Session<'_>, id: &StatementId) -> Result<Vec<(Relation, Stored)>, StoreError> {
    let sql = format!(
        "SELECT {STATEMENT_COLUMNS}, n.relation FROM names n JOIN statements s ON s.idx = n.idx WHERE n.named = $1
         ORDER BY n.idx, n.relation"
    );
    session.rows(&sql, &[&id.0.as_slice()], |row| {
        let relation: &str = get(row, 9)?;
        Ok((relation.parse().map_err(|_| damaged("relation")())?, stored(row)?))
    })
}

fn binding(row: &Row) -> Result<Binding, StoreError> {
    let (index, at, cause): (Option<i64>, Option<i64>, Option<&str>) = (get(row, 8)?, get(row, 9)?, get(row, 10)?);
    let ended = match (index, at, cause) {
        (Some(index), Some(at), Some(cause)) => {
            let cause = cause.parse().map_err(|_| damaged("cause")())?;
            Some(Ended { index: index.cast_unsigned(), at: Timestamp(at), cause })
        }
        (None, None, None) => None,
        _ => return Err(damaged("bindings")()),
    };
    Ok(Binding {
        id: StatementId(array(row, 6, "id")?),
        new_tenure: get(row, 7)?,
        ended,
        key_id: KeyId(array(row, 0, "key_id")?),
        domain: get::<&str>(row, 1)?.parse().map_err(|_| damaged("domain")())?,
        index: number(row, 2)?,
        key: get(row, 3)?,
        proof: get::<&str>(row, 4)?.parse().map_err(|_| damaged("proof")())?,
        bound_at: Timestamp(get(row, 5)?),
    })
}

const BINDING_COLUMNS: &str = "key_id, domain, idx, key, proof, bound_at, id, new_tenure, ended_idx, ended_at, cause";

pub(super) fn bindings_of(session: &Session<'_>, domain: &Domain) -> Result<Vec<Binding>, StoreError> {
    let sql = format!("SELECT {BINDING_COLUMNS} FROM bindings WHERE domain = $1 ORDER BY idx");
    session.rows(&sql, &[&domain.as_str()], binding)
}

pub(super) fn bindings_by(session: &Session<'_>, key: &KeyId) -> Result<Vec<Binding>, StoreError> {
    let sql = format!("SELECT {BINDING_COLUMNS} FROM bindings WHERE key_id = $1 ORDER BY idx");
    session.rows(&sql, &[&key.0.as_slice()], binding)
}

pub(super) fn bindings_from(session: &Session<'_>, index: u64, limit: usize) -> Result<Vec<Binding>, StoreError> {
    let sql =
        format!("SELECT {BINDING_COLUMNS} FROM bindings WHERE idx >= $1 AND ended_idx IS NULL ORDER BY idx LIMIT $2");
    session.rows(&sql, &[&column(index), &limited(limit)], binding)
}

pub(super) fn proof_check(session: &Session<'_>, binding: &StatementId) -> Result<Option<ProofCheck>, StoreError> {
    let sql = "SELECT at, missing_since, unreachable_since FROM proof_checks WHERE binding = $1";
    let read = |row: &Row| {
        let time = |place| Ok(get::<Option<i64>>(row, place)?.map(Timestamp));
        Ok(ProofCheck { at: Timestamp(get(row, 0)?), missing_since: time(1)?, unreachable_since: time(2)? })
    };
    Ok(session.rows(sql, &[&binding.0.as_slice()], read)?.pop())
}

pub(super) fn counts(session: &Session<'_>, domain: &Domain) -> Result<Vec<(Kind, u64)>, StoreError> {
    let sql = "SELECT kind, count(*) FROM statements WHERE issuer = $1 GROUP BY kind ORDER BY kind";
    session.rows(sql, &[&domain.as_str()], |row| {
        Ok((get::<&str>(row, 0)?.parse().map_err(|_| damaged("kind")())?, number(row, 1)?))
    })
}

pub(super) fn records(session: &Session<'_>, name: &ContentName, limit: usize) -> Result<Vec<Record>, StoreError> {
    let (kind, digest) = name.to_parts();
    let kind = i16::from(kind);
    let batches = session.rows(
        "SELECT DISTINCT d.idx, s.payload FROM documents d JOIN statements s ON s.idx = d.idx
         WHERE d.kind = $1 AND d.name = $2 ORDER BY d.idx LIMIT $3",
        &[&kind, &digest, &limited(limit)],
        |row| Ok((get::<i64>(row, 0)?, get::<Vec<u8>>(row, 1)?)),
    )?;
    let mut found = Vec::new();
    for (index, payload) in batches {
        let statement = Statement::parse(&payload).map_err(|error| StoreError::Damaged(error.to_string()))?;
        let Body::Manifest { list, .. } = statement.body else { continue };
        let left = limited(limit.saturating_sub(found.len()));
        let lines = session.rows(
            "SELECT d.line, substr(l.bytes, d.start::int + 1, d.length::int) FROM documents d JOIN lists l ON l.list = $3
             WHERE d.kind = $1 AND d.name = $2 AND d.idx = $4 ORDER BY d.line LIMIT $5",
            &[&kind, &digest, &list.0.as_slice(), &index, &left],
            |row| Ok(Record { index: index.cast_unsigned(), line: number(row, 0)?, bytes: get(row, 1)? }),
        )?;
        found.extend(lines);
    }
    Ok(found)
}

pub(super) fn claims(session: &Session<'_>, name: &ContentName, limit: usize) -> Result<Vec<Stored>, StoreError> {
    let (kind, digest) = name.to_parts();
    let sql = format!(
        "SELECT {STATEMENT_COLUMNS} FROM claims c JOIN statements s ON s.idx = c.idx WHERE c.kind = $1 AND c.name = $2
         ORDER BY c.idx LIMIT $3"
    );
    session.rows(&sql, &[&i16::from(kind), &digest, &limited(limit)], stored)
}

pub(super) fn showings(session: &Session<'_>, name: &ContentName, limit: usize) -> Result<Vec<Authority>, StoreError> {
    let (kind, digest) = name.to_parts();
    let sql = "SELECT authority, idx FROM showings WHERE kind = $1 AND name = $2 ORDER BY idx, authority LIMIT $3";
    let read = |row: &Row| Ok((number(row, 1)?, Authority::of_host(get(row, 0)?)));
    let showings = session.rows(sql, &[&i16::from(kind), &digest, &limited(limit)], read)?;
    Ok(merged(showings, &uploads::naming(session, name)?, limit))
}

/// The log as far as a session's projections go, with what stands in memory beside them.
pub(super) struct SoFar<'s, 'c> {
    pub(super) session: &'s Session<'c>,
    pub(super) waiting: &'s HashMap<StatementId, Registered>,
}

impl Known for SoFar<'_, '_> {
    type Error = StoreError;

    fn bindings_of(&self, domain: &Domain) -> Result<Vec<Binding>, StoreError> {
        bindings_of(self.session, domain)
    }

    fn bindings_by(&self, key: &KeyId) -> Result<Vec<Binding>, StoreError> {
        bindings_by(self.session, key)
    }

    fn find(&self, id: &StatementId) -> Result<Option<Registered>, StoreError> {
        match self.waiting.get(id) {
            Some(waiting) => Ok(Some(waiting.clone())),
            None => Ok(statement(self.session, id)?.map(|stored| stored.registered)),
        }
    }
}
