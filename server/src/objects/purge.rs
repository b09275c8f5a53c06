//! Purging: what erasure by law takes from the bucket, found from what the store still has, so that the same command ends what a bucket
//! that failed left undone.

use std::collections::HashSet;

use cleartitle_schema::id::{BlobId, Commitment, ListId};
use cleartitle_schema::statement::{Body, Kind};
use futures_util::TryStreamExt as _;

use super::{ObjectError, Objects, layout, waiting};
use crate::store::database::Database;
use crate::store::{Page, StoreError};

/// Why not everything is gone.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The storage.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Deletes what opens this commitment, evidence and lists that no statement names, and every snapshot over more than `index` leaves.
/// The store has been erased before. Returns how many objects went.
///
/// # Errors
/// [`PurgeError`]; asking again ends what was begun.
pub fn purge(
    store: &dyn Database,
    objects: &Objects,
    commitment: &Commitment,
    index: u64,
) -> Result<usize, PurgeError> {
    let network = waiting()?;
    let below = |below: &str| network.block_on(objects.list(below).try_collect::<Vec<String>>());
    let mut doomed = Vec::new();
    // The pointer first: nobody shall be sent to a body that is gone.
    for key in below(layout::SNAPSHOTS)? {
        let name = &key[layout::SNAPSHOTS.len()..];
        match name.parse::<u64>() {
            Ok(size) if size <= index => {}
            Ok(_) => doomed.push(key),
            Err(_) if key == layout::LATEST => doomed.insert(0, key),
            Err(_) => {}
        }
    }
    if doomed.len() == 1 && doomed[0] == layout::LATEST {
        doomed.clear();
    }
    let opened = layout::published(commitment);
    if network.block_on(objects.length(&opened))?.is_some() {
        doomed.push(opened);
    }
    for key in below(layout::BLOBS)? {
        if let Ok(blob) = key[layout::BLOBS.len()..].parse::<BlobId>()
            && !store.names_blob(&blob)?
        {
            doomed.push(key);
        }
    }
    let named = lists(store)?;
    for key in below(layout::LISTS)? {
        if key[layout::LISTS.len()..].parse::<ListId>().is_ok_and(|list| !named.contains(&list)) {
            doomed.push(key);
        }
    }
    for key in &doomed {
        network.block_on(objects.delete(key))?;
    }
    Ok(doomed.len())
}

/// Every list that a statement names.
fn lists(store: &dyn Database) -> Result<HashSet<ListId>, StoreError> {
    let (mut named, mut from) = (HashSet::new(), 0);
    loop {
        let page = Page { kind: Some(Kind::Manifest), from, limit: 256, ..Page::default() };
        let found = store.statements(&page)?;
        let Some(last) = found.last() else { return Ok(named) };
        from = last.registered.index + 1;
        named.extend(found.iter().filter_map(|stored| match &stored.registered.statement.body {
            Body::Manifest { list, .. } => Some(*list),
            _ => None,
        }));
    }
}
