//! Purging: what erasure by law takes from the bucket, found from what the store still has, so that the same command ends what a bucket
//! that failed left undone.

use std::collections::HashSet;

use cleartitle_schema::id::{BlobId, Commitment, ListId};
use cleartitle_schema::statement::{Body, Kind};
use futures_util::StreamExt as _;

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
    let mut doomed = Vec::new();
    // Key by key: what is listed may be far more than what goes.
    let mut each = |below: &str, goes: &dyn Fn(&str) -> Result<bool, StoreError>| -> Result<(), PurgeError> {
        let mut listed = objects.list(below);
        while let Some(key) = network.block_on(listed.next()) {
            let key = key?;
            if goes(&key[below.len()..])? {
                doomed.push(key);
            }
        }
        Ok(())
    };
    each(layout::SNAPSHOTS, &|name| Ok(name.parse::<u64>().is_ok_and(|size| size > index)))?;
    each(layout::BLOBS, &|name| match name.parse::<BlobId>() {
        Ok(blob) => Ok(!store.names_blob(&blob)?),
        Err(_) => Ok(false),
    })?;
    let named = lists(store)?;
    each(layout::LISTS, &|name| Ok(name.parse::<ListId>().is_ok_and(|list| !named.contains(&list))))?;
    let opened = layout::published(commitment);
    if network.block_on(objects.length(&opened))?.is_some() {
        doomed.push(opened);
    }
    if doomed.iter().any(|key| key.starts_with(layout::SNAPSHOTS)) {
        // The pointer first: nobody shall be sent to a body that is gone.
        doomed.insert(0, layout::LATEST.to_owned());
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
