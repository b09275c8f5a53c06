//! Writing to SQLite: the commit of a batch, and the projections that follow from one entry.

use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::bindings::{Established, establish};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{BlobId, Commitment, ContentName, StatementId};
use cleartitle_schema::issuer::{Authority, Domain};
use cleartitle_schema::leaf::{Leaf, LeafKind, Published};
use cleartitle_schema::scope::Target;
use cleartitle_schema::signed::{key_id, parse_public_key};
use cleartitle_schema::statement::{Body, ListRole, Statement};
use cleartitle_schema::surt::UrlKey;
use cleartitle_schema::tlog::hash::{Hash, leaf_hash};
use cleartitle_schema::tlog::tile::{TileId, tiles_after};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::erasure::{self, Tombstones};
use super::{failed, read, sealed, uploads};
use crate::store::tables::emptying;
pub(super) use crate::store::tables::{DERIVED, damaged, integer};
use crate::store::{Batch, Entry, ProofCheck, Relation, StoreError, evidence_of};

/// Writes a batch whose place the caller has checked.
pub(super) fn append(transaction: &Transaction<'_>, batch: &Batch) -> Result<(), StoreError> {
    for entry in &batch.sealed {
        put_leaf(transaction, entry.index, &entry.leaf)?;
        sealed::append(transaction, entry)?;
    }
    for entry in &batch.entries {
        let leaf = &entry.leaf;
        uploads::whole(transaction, &entry.registered)?;
        put_leaf(transaction, entry.registered.index, leaf)?;
        transaction
            .prepare_cached("INSERT INTO published (commitment, blob) VALUES (?1, ?2)")
            .and_then(|mut insert| insert.execute(params![leaf.commitment.0, entry.published.to_bytes()]))
            .map_err(failed)?;
        if let (Body::Manifest { list, .. }, Some(bytes)) = (&entry.registered.statement.body, &entry.list) {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO lists (list, bytes) VALUES (?1, ?2)")
                .and_then(|mut insert| insert.execute(params![list.0, bytes]))
                .map_err(failed)?;
        }
        project(transaction, &Projected::from(entry))?;
    }
    put_tiles(transaction, &batch.tiles)?;
    transaction
        .prepare_cached("INSERT INTO checkpoints (size, root, note) VALUES (?1, ?2, ?3)")
        .and_then(|mut insert| {
            insert.execute(params![batch.checkpoint.size.cast_signed(), batch.checkpoint.root.0, batch.checkpoint.note])
        })
        .map_err(failed)?;
    Ok(())
}

fn put_leaf(connection: &Connection, index: u64, leaf: &Leaf) -> Result<(), StoreError> {
    let index = integer(index)?;
    connection
        .prepare_cached("INSERT INTO leaves (idx, leaf, registered_at) VALUES (?1, ?2, ?3)")
        .and_then(|mut insert| insert.execute(params![index, leaf.to_bytes(), leaf.registered_at.0]))
        .map(|_| ())
        .map_err(failed)
}

fn put_tiles(connection: &Connection, tiles: &[(TileId, Vec<u8>)]) -> Result<(), StoreError> {
    let mut insert = connection
        .prepare_cached("INSERT OR REPLACE INTO tiles (level, idx, bytes) VALUES (?1, ?2, ?3)")
        .map_err(failed)?;
    for (id, bytes) in tiles {
        insert.execute(params![id.level, integer(id.index)?, bytes]).map_err(failed)?;
    }
    Ok(())
}

/// What of an entry the derived tables are made of: all that there is of an erased one.
struct Projected<'e> {
    commitment: Commitment,
    payload: &'e [u8],
    registered: &'e Registered,
    list: Option<&'e [u8]>,
}

impl<'e> From<&'e Entry> for Projected<'e> {
    fn from(entry: &'e Entry) -> Self {
        Self {
            commitment: entry.leaf.commitment,
            payload: entry.published.envelope.payload(),
            registered: &entry.registered,
            list: entry.list.as_deref(),
        }
    }
}

/// Writes what follows from one entry into the derived tables; registration and `rebuild` both come through here.
fn project(connection: &Connection, entry: &Projected<'_>) -> Result<(), StoreError> {
    let registered = entry.registered;
    let index = integer(registered.index)?;
    let statement = &registered.statement;
    let signed_by = serde_json::to_string(&registered.signed_by).map_err(damaged)?;
    let under = serde_json::to_string(&registered.under).map_err(damaged)?;
    connection
        .prepare_cached(
            "INSERT INTO statements (idx, id, commitment, issuer, authority, kind, registered_at, signed_by, tenure_from,
             payload, under, speaks_for) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                index,
                registered.id.0,
                entry.commitment.0,
                statement.issuer.domain.as_str(),
                registered.authority().as_str(),
                statement.kind().word(),
                registered.registered_at.0,
                signed_by,
                registered.tenure_from.map(|time| time.0),
                entry.payload,
                under,
                registered.speaks_for.as_ref().map(Domain::as_str),
            ])
        })
        .map_err(failed)?;
    for (named, relation) in Relation::all_of(registered) {
        connection
            .prepare_cached("INSERT OR IGNORE INTO names (named, idx, relation) VALUES (?1, ?2, ?3)")
            .and_then(|mut insert| insert.execute(params![named.0, index, relation.word()]))
            .map_err(failed)?;
    }
    project_binding(connection, registered, index)?;
    project_exhibits(connection, statement, index)?;
    project_content(connection, entry, index)
}

/// A key that begins or ceases to speak for a domain.
fn project_binding(connection: &Connection, registered: &Registered, index: i64) -> Result<(), StoreError> {
    let at = registered.registered_at.0;
    match &registered.statement.body {
        Body::KeyBinding { domain, key, proof, new_tenure } => {
            let key_id = parse_public_key(key).map(|key| key_id(&key)).map_err(damaged)?;
            connection
                .prepare_cached(
                    "INSERT INTO bindings (idx, id, key_id, domain, key, proof, bound_at, new_tenure)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )
                .and_then(|mut insert| {
                    let (id, domain) = (registered.id.0, domain.as_str());
                    insert.execute(params![index, id, key_id.0, domain, key, proof.word(), at, new_tenure])
                })
                .map_err(failed)?;
        }
        Body::Withdrawal { statement, cause: Some(cause), .. } => {
            connection
                .prepare_cached(
                    "UPDATE bindings SET ended_idx = ?2, ended_at = ?3, cause = ?4 WHERE id = ?1 AND ended_idx IS NULL",
                )
                .and_then(|mut update| update.execute(params![statement.0, index, at, cause.word()]))
                .map_err(failed)?;
        }
        _ => {}
    }
    Ok(())
}

/// The evidence that a statement names.
fn project_exhibits(connection: &Connection, statement: &Statement, index: i64) -> Result<(), StoreError> {
    let mut insert =
        connection.prepare_cached("INSERT OR IGNORE INTO exhibits (blob, idx) VALUES (?1, ?2)").map_err(failed)?;
    for blob in evidence_of(statement) {
        insert.execute(params![blob.0, index]).map_err(failed)?;
    }
    Ok(())
}

/// Keeps evidence unless it is there, in place of the note that it lies elsewhere; returns whether anything is new.
pub(super) fn put_blob(connection: &Connection, blob: &BlobId, bytes: &[u8]) -> Result<bool, StoreError> {
    let written = connection
        .prepare_cached(
            "INSERT INTO evidence (blob, bytes) VALUES (?1, ?2) ON CONFLICT (blob) DO UPDATE SET bytes = excluded.bytes
             WHERE length(evidence.bytes) = 0 AND length(excluded.bytes) > 0",
        )
        .and_then(|mut insert| insert.execute(params![blob.0, bytes]))
        .map_err(failed)?;
    Ok(written == 1)
}

/// The documents that an entry names: in a provenance batch, or in its scope.
fn project_content(connection: &Connection, entry: &Projected<'_>, index: i64) -> Result<(), StoreError> {
    let statement = &entry.registered.statement;
    for target in statement.scope().iter().flat_map(|scope| &scope.include) {
        let Target::Content { ids } = target else { continue };
        for (kind, name) in ids.iter().map(|id| id.to_parts()) {
            connection
                .prepare_cached("INSERT OR IGNORE INTO claims (kind, name, idx) VALUES (?1, ?2, ?3)")
                .and_then(|mut insert| insert.execute(params![kind, name, index]))
                .map_err(failed)?;
        }
    }
    if let Body::ClaimProof { content, url, .. } = &statement.body
        && let Ok(url) = UrlKey::parse(url)
    {
        project_showing(connection, &url.authority(), content, index)?;
    }
    let (Body::Manifest { role: ListRole::Provenance, .. }, Some(bytes)) = (&statement.body, entry.list) else {
        return uploads::project(connection, entry.registered, index);
    };
    let mut insert = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO documents (kind, name, idx, line, start, length) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .map_err(failed)?;
    let own = entry.registered.authority();
    let mut start = 0;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let record: Acquisition = serde_json::from_slice(line).map_err(damaged)?;
        for (kind, name) in record.content.iter().map(|name| name.to_parts()) {
            let (line_number, start, length) = (integer(number as u64 + 1)?, integer(start as u64)?, line.len() as u64);
            insert.execute(params![kind, name, index, line_number, start, length.cast_signed()]).map_err(failed)?;
        }
        // Of its own hosts alone: a stranger's word about somebody else's would bar the somebody from its own bytes.
        let own_url = |url: UrlKey| url.authority() == own;
        if record.fetched_url().is_some_and(|url| UrlKey::parse(url).is_ok_and(own_url)) {
            project_showing(connection, &own, &record.content, index)?;
        }
        start += line.len();
    }
    Ok(())
}

/// That an authority showed a document under its own hosts; the first time stays.
fn project_showing(
    connection: &Connection,
    authority: &Authority,
    content: &[ContentName],
    index: i64,
) -> Result<(), StoreError> {
    let mut insert = connection
        .prepare_cached("INSERT OR IGNORE INTO showings (kind, name, authority, idx) VALUES (?1, ?2, ?3, ?4)")
        .map_err(failed)?;
    for (kind, name) in content.iter().map(|name| name.to_parts()) {
        insert.execute(params![kind, name, authority.as_str(), index]).map_err(failed)?;
    }
    Ok(())
}

/// Makes an entry again from what the log holds, with the bindings that the projection has so far; `None` for a leaf that
/// was erased, and for a sealed one, which is projected by itself. No registration check runs anew: what was registered stays registered.
fn entry_from(
    derived: &Connection,
    primary: &Connection,
    index: u64,
    leaf: &[u8],
) -> Result<Option<Entry>, StoreError> {
    let leaf = Leaf::parse(leaf).map_err(|error| StoreError::Damaged(format!("leaf {index}: {error}")))?;
    if leaf.kind != LeafKind::Public {
        sealed::project_again(derived, primary, index, leaf)?;
        return Ok(None);
    }
    let Some(blob) = read::published(primary, &leaf.commitment)? else { return Ok(None) };
    let published = Published::parse(&blob).map_err(|error| StoreError::Damaged(format!("blob {index}: {error}")))?;
    if !published.matches(&leaf) {
        return Err(StoreError::Damaged(format!("blob {index} does not open its leaf")));
    }
    let payload = published.envelope.payload();
    let statement = Statement::parse(payload).map_err(|error| StoreError::Damaged(format!("{index}: {error}")))?;
    let Established { signed_by, under, speaks_for, tenure_from } =
        establish(&read::SoFar(derived), &statement, &published.envelope)?;
    let list = match &statement.body {
        Body::Manifest { list, .. } => read::list(primary, list)?,
        _ => None,
    };
    let (id, registered_at) = (StatementId::of(payload), leaf.registered_at);
    let registered = Registered { id, index, registered_at, signed_by, under, speaks_for, tenure_from, statement };
    Ok(Some(Entry { leaf, published, registered, list }))
}

/// What remains of an erased leaf, as it is registered. The tombstones are read when the first blob is found missing.
fn remaining(
    primary: &Connection,
    tombstones: &mut Option<Tombstones>,
    index: u64,
    leaf: &[u8],
) -> Result<Option<Registered>, StoreError> {
    let leaf = Leaf::parse(leaf).map_err(|error| StoreError::Damaged(format!("leaf {index}: {error}")))?;
    if leaf.kind != LeafKind::Public {
        return Ok(None);
    }
    if tombstones.is_none() {
        *tombstones = Some(erasure::tombstones(primary)?);
    }
    let remains = tombstones.as_ref().and_then(|found| found.get(&leaf.commitment)).cloned().flatten();
    Ok(remains.and_then(|remains| {
        let id = remains.statement.remains_of?;
        Some(remains.registered(id, index, leaf.registered_at))
    }))
}

/// Empties the derived tables and fills them again from the primary ones; returns the number of leaves.
pub(super) fn project_all(connection: &Connection, from: &Connection) -> Result<u64, StoreError> {
    for sql in emptying() {
        connection.execute(&sql, []).map_err(failed)?;
    }
    let mut size = 0_u64;
    let mut tombstones = None;
    loop {
        let leaves = read::leaves(from, size..size + 1024)?;
        if leaves.is_empty() {
            return Ok(size);
        }
        let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
        let reader = |id: TileId| {
            let bytes = read::tile(connection, id.level, id.index).ok().flatten()?;
            bytes.get(..usize::from(id.width) * 32).map(<[u8]>::to_vec)
        };
        let (tiles, _) = tiles_after(size, &hashes, reader).map_err(damaged)?;
        put_tiles(connection, &tiles)?;
        for leaf in &leaves {
            if let Some(entry) = entry_from(connection, from, size, leaf)? {
                project(connection, &Projected::from(&entry))?;
                uploads::project_again(connection, from, &entry.registered)?;
            } else if let Some(registered) = remaining(from, &mut tombstones, size, leaf)? {
                let payload = registered.statement.to_payload().map_err(damaged)?;
                let (commitment, registered) = (Leaf::parse(leaf).map_err(damaged)?.commitment, &registered);
                project(connection, &Projected { commitment, payload: &payload, registered, list: None })?;
            }
            size += 1;
        }
    }
}

/// Notes what the last looks at a domain's publication came to.
pub(super) fn note_proof_check(
    connection: &Connection,
    id: &StatementId,
    check: &ProofCheck,
) -> Result<(), StoreError> {
    let ProofCheck { at, missing_since, unreachable_since } = *check;
    connection
        .execute(
            "INSERT OR REPLACE INTO proof_checks (binding, at, missing_since, unreachable_since) VALUES (?1, ?2, ?3, ?4)",
            params![id.0, at.0, missing_since.map(|at| at.0), unreachable_since.map(|at| at.0)],
        )
        .map(|_| ())
        .map_err(failed)
}

/// The registry's own settings, written once.
pub(super) fn setting(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    connection
        .query_row("SELECT value FROM registry WHERE name = ?1", [name], |row| row.get(0))
        .optional()
        .map_err(failed)
}
