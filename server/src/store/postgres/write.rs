//! Writing to PostgreSQL: the commit of a batch, and the projections made again from the log.

use std::collections::HashMap;

use cleartitle_schema::bindings::{Established, establish};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{BlobId, StatementId};
use cleartitle_schema::leaf::{Leaf, LeafKind, Published};
use cleartitle_schema::statement::{Body, Statement};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::hash::{Hash, leaf_hash};
use cleartitle_schema::tlog::tile::{TileId, tiles_after};
use tokio_postgres::types::Type;

use super::erasure::{self, Tombstones};
use super::rows::{Projected, Rows};
use super::session::{CopyRow, Session};
use super::{read, sealed, uploads};
use crate::store::tables::emptying;
pub(super) use crate::store::tables::{DERIVED, damaged, integer};
use crate::store::{Batch, Entry, Head, ProofCheck, StoreError};

/// Writes a batch whose place the caller has checked, and moves the head behind it.
pub(super) fn append(session: &Session<'_>, from: &Head, batch: &Batch) -> Result<Head, StoreError> {
    let public = batch.entries.iter().map(|entry| (entry.registered.index, &entry.leaf));
    let leaves: Vec<_> = public.chain(batch.sealed.iter().map(|entry| (entry.index, &entry.leaf))).collect();
    let rows: Vec<CopyRow> = leaves
        .iter()
        .map(|(index, leaf)| -> Result<CopyRow, StoreError> {
            Ok(vec![Box::new(integer(*index)?), Box::new(leaf.to_bytes()), Box::new(leaf.registered_at.0)])
        })
        .collect::<Result<_, _>>()?;
    session.copy("leaves (idx, leaf, registered_at)", &[Type::INT8, Type::BYTEA, Type::INT8], &rows)?;
    let published: Vec<CopyRow> = batch
        .entries
        .iter()
        .map(|entry| -> CopyRow {
            vec![Box::new(entry.leaf.commitment.0.to_vec()), Box::new(entry.published.to_bytes())]
        })
        .collect();
    session.copy("published (commitment, blob)", &[Type::BYTEA, Type::BYTEA], &published)?;
    for entry in &batch.sealed {
        sealed::append(session, entry)?;
    }
    let mut rows = Rows::default();
    for entry in &batch.entries {
        uploads::whole(session, &entry.registered)?;
        if let (Body::Manifest { list, .. }, Some(bytes)) = (&entry.registered.statement.body, &entry.list) {
            let sql = "INSERT INTO lists (list, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            session.execute(sql, &[&list.0.as_slice(), bytes])?;
        }
        rows.add(session, &Projected::from(entry))?;
    }
    rows.write(session)?;
    put_tiles(session, &batch.tiles)?;
    let (size, root) = (integer(batch.checkpoint.size)?, batch.checkpoint.root);
    let sql = "INSERT INTO checkpoints (size, root, note) VALUES ($1, $2, $3)";
    session.execute(sql, &[&size, &root.0.as_slice(), &batch.checkpoint.note])?;
    let last = leaves.iter().max_by_key(|(index, _)| *index).map(|(_, leaf)| leaf.registered_at);
    let registered_at = last.unwrap_or(Timestamp::MIN);
    let moved = session.execute(
        "UPDATE log_head SET size = $1, root = $2, registered_at = $3 WHERE size = $4 AND root = $5",
        &[&size, &root.0.as_slice(), &registered_at.0, &integer(from.size)?, &from.root.0.as_slice()],
    )?;
    if moved != 1 {
        return Err(StoreError::Damaged("the head is not where it was locked".to_owned()));
    }
    Ok(Head { size: batch.checkpoint.size, root, registered_at })
}

pub(super) fn put_tiles(session: &Session<'_>, tiles: &[(TileId, Vec<u8>)]) -> Result<(), StoreError> {
    if tiles.is_empty() {
        return Ok(());
    }
    let levels: Vec<i16> = tiles.iter().map(|(id, _)| i16::from(id.level)).collect();
    let indexes: Vec<i64> = tiles.iter().map(|(id, _)| integer(id.index)).collect::<Result<_, _>>()?;
    let bytes: Vec<&[u8]> = tiles.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    let sql = "INSERT INTO tiles (level, idx, bytes) SELECT * FROM unnest($1::int2[], $2::int8[], $3::bytea[])
        ON CONFLICT (level, idx) DO UPDATE SET bytes = excluded.bytes";
    session.execute(sql, &[&levels, &indexes, &bytes]).map(|_| ())
}

/// Keeps evidence unless it is there; returns whether it is new.
pub(super) fn put_blob(session: &Session<'_>, blob: &BlobId, bytes: &[u8]) -> Result<bool, StoreError> {
    let sql =
        "INSERT INTO evidence (blob, bytes) VALUES ($1, $2) ON CONFLICT (blob) DO UPDATE SET bytes = excluded.bytes
               WHERE octet_length(evidence.bytes) = 0 AND octet_length(excluded.bytes) > 0";
    Ok(session.execute(sql, &[&blob.0.as_slice(), &bytes])? == 1)
}

/// Makes an entry again from what the log holds, with the bindings that the projection has so far. No registration check runs anew:
/// what was registered stays registered.
fn entry_from(
    known: &read::SoFar<'_, '_>,
    primary: &Session<'_>,
    index: u64,
    leaf: Leaf,
    blob: &[u8],
) -> Result<Entry, StoreError> {
    let published = Published::parse(blob).map_err(|error| StoreError::Damaged(format!("blob {index}: {error}")))?;
    if !published.matches(&leaf) {
        return Err(StoreError::Damaged(format!("blob {index} does not open its leaf")));
    }
    let payload = published.envelope.payload();
    let statement = Statement::parse(payload).map_err(|error| StoreError::Damaged(format!("{index}: {error}")))?;
    let Established { signed_by, under, speaks_for, tenure_from } = establish(known, &statement, &published.envelope)?;
    let list = match &statement.body {
        Body::Manifest { list, .. } => read::list(primary, list)?,
        _ => None,
    };
    let (id, registered_at) = (StatementId::of(payload), leaf.registered_at);
    let registered = Registered { id, index, registered_at, signed_by, under, speaks_for, tenure_from, statement };
    Ok(Entry { leaf, published, registered, list })
}

/// What remains of an erased leaf, as it is registered. The tombstones are read when the first blob is found missing.
fn remaining(
    primary: &Session<'_>,
    tombstones: &mut Option<Tombstones>,
    index: u64,
    leaf: &Leaf,
) -> Result<Option<Registered>, StoreError> {
    if tombstones.is_none() {
        *tombstones = Some(erasure::tombstones(primary)?);
    }
    let remains = tombstones.as_ref().and_then(|found| found.get(&leaf.commitment)).cloned().flatten();
    Ok(remains.and_then(|remains| {
        let id = remains.statement.remains_of?;
        Some(remains.registered(id, index, leaf.registered_at))
    }))
}

/// Empties the derived tables and fills them again from the primary ones; returns the number of leaves. Where the session has temporary
/// tables of the same names, those are filled.
pub(super) fn project_all(session: &Session<'_>) -> Result<u64, StoreError> {
    emptying().try_for_each(|sql| session.run(&sql))?;
    let (mut size, mut tombstones, mut rows) = (0_u64, None, Rows::default());
    loop {
        let leaves = read::leaves(session, size..size + 1024)?;
        if leaves.is_empty() {
            rows.write(session)?;
            return Ok(size);
        }
        project_tiles(session, size, &leaves)?;
        let parse = |(leaf, index): (&Vec<u8>, u64)| {
            Leaf::parse(leaf).map_err(|error| StoreError::Damaged(format!("leaf {index}: {error}")))
        };
        let leaves: Vec<Leaf> = leaves.iter().zip(size..).map(parse).collect::<Result<_, _>>()?;
        let public = leaves.iter().filter(|leaf| leaf.kind == LeafKind::Public);
        let commitments: Vec<Vec<u8>> = public.map(|leaf| leaf.commitment.0.to_vec()).collect();
        let mut blobs: HashMap<Vec<u8>, Vec<u8>> = read::published_all(session, &commitments)?;
        for leaf in leaves {
            if leaf.kind != LeafKind::Public {
                rows.write(session)?;
                sealed::project_again(session, size, leaf)?;
            } else if let Some(blob) = blobs.remove(leaf.commitment.0.as_slice()) {
                let known = read::SoFar { session, waiting: &rows.waiting };
                let entry = entry_from(&known, session, size, leaf, &blob)?;
                rows.add(session, &Projected::from(&entry))?;
                uploads::project_again(session, &entry.registered)?;
            } else if let Some(registered) = remaining(session, &mut tombstones, size, &leaf)? {
                let payload = registered.statement.to_payload().map_err(damaged)?;
                let (commitment, registered) = (leaf.commitment, &registered);
                rows.add(session, &Projected { commitment, payload: &payload, registered, list: None })?;
            }
            size += 1;
        }
    }
}

fn project_tiles(session: &Session<'_>, size: u64, leaves: &[Vec<u8>]) -> Result<(), StoreError> {
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    let reader = |id: TileId| {
        let bytes = read::tile(session, id.level, id.index).ok().flatten()?;
        bytes.get(..usize::from(id.width) * 32).map(<[u8]>::to_vec)
    };
    let (tiles, _) = tiles_after(size, &hashes, reader).map_err(damaged)?;
    put_tiles(session, &tiles)
}

/// Notes what the last looks at a domain's publication came to.
pub(super) fn note_proof_check(session: &Session<'_>, id: &StatementId, check: &ProofCheck) -> Result<(), StoreError> {
    let ProofCheck { at, missing_since, unreachable_since } = *check;
    let sql = "INSERT INTO proof_checks (binding, at, missing_since, unreachable_since) VALUES ($1, $2, $3, $4)
        ON CONFLICT (binding) DO UPDATE SET at = excluded.at, missing_since = excluded.missing_since,
            unreachable_since = excluded.unreachable_since";
    let (missing, unreachable) = (missing_since.map(|at| at.0), unreachable_since.map(|at| at.0));
    session.execute(sql, &[&id.0.as_slice(), &at.0, &missing, &unreachable]).map(|_| ())
}

/// The registry's own settings, written once.
pub(super) fn setting(session: &Session<'_>, name: &str) -> Result<Option<String>, StoreError> {
    session.value("SELECT value FROM registry WHERE name = $1", &[&name])
}
