//! Pieces: what the storage holds of a log, each named, and read from the store when it is its turn; published by these, audited by these.

use std::ops::Range;

use bytes::Bytes;
use cleartitle_schema::id::{BlobId, Commitment, ListId};
use cleartitle_schema::leaf::{Leaf, LeafKind, Published};
use cleartitle_schema::statement::{Body, Statement};
use cleartitle_schema::tlog::tile::{EntriesId, EntryBundle, FULL_WIDTH, TileId};

use super::evidence::lies_elsewhere;
use super::layout;
use crate::provenance::each_piece;
use crate::store::database::Database;
use crate::store::{Store, StoreError, evidence_of};

/// An object that has yet to be read from the store.
#[derive(Debug, Clone)]
pub enum Piece {
    /// What opens a leaf.
    Opened(Bytes, Commitment),
    /// A bulk list.
    List(ListId),
    /// Evidence that the database keeps.
    Blob(BlobId),
    /// A tile of hashes.
    Tile(TileId),
    /// A bundle of entries.
    Bundle(EntriesId),
}

impl Piece {
    /// The key of its object.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Opened(_, commitment) => layout::published(commitment),
            Self::List(id) => layout::list(id),
            Self::Blob(id) => layout::blob(id),
            Self::Tile(id) => id.path(),
            Self::Bundle(id) => id.path(),
        }
    }

    /// Its bytes; `None` of what the store does not keep: evidence that lies elsewhere or was never brought.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for a tile or a bundle that is missing, and failures.
    pub fn read(&self, store: &dyn Store) -> Result<Option<Bytes>, StoreError> {
        let missing = || StoreError::Damaged(format!("`{}` is missing", self.key()));
        Ok(match self {
            Self::Opened(bytes, _) => Some(bytes.clone()),
            Self::List(id) => store.list(id)?.map(Bytes::from),
            Self::Blob(id) => store.blob(id)?.filter(|bytes| !lies_elsewhere(id, bytes)).map(Bytes::from),
            Self::Tile(id) => {
                let kept = store.tile(id.level, id.index)?.unwrap_or_default();
                let bytes = kept.get(..usize::from(id.width) * 32).ok_or_else(missing)?;
                Some(Bytes::copy_from_slice(bytes))
            }
            Self::Bundle(id) => {
                let first = id.index * u64::from(FULL_WIDTH);
                let entries = store.leaves(first..first + u64::from(id.width))?;
                let whole = entries.len() == usize::from(id.width);
                let bytes = EntryBundle { entries }.encode().ok().filter(|_| whole);
                Some(bytes.ok_or_else(missing)?.into())
            }
        })
    }
}

/// Reads a provenance table that is this list piece by piece, and gives its BLAKE3; `None` where the list is none.
///
/// # Errors
/// [`StoreError`], and what `each` gives.
pub fn table(
    store: &dyn Database,
    list: &ListId,
    mut each: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<Option<blake3::Hash>, StoreError> {
    let Some((statement, length)) = store.table_of(list)? else { return Ok(None) };
    let mut hasher = blake3::Hasher::new();
    each_piece(&|range| store.table_bytes(&statement, range), length, |piece| {
        hasher.update(piece);
        each(piece)
    })?;
    Ok(Some(hasher.finalize()))
}

/// What a page of leaves names.
#[derive(Debug, Default)]
pub struct Opened {
    /// What opens them, and evidence.
    pub small: Vec<Piece>,
    /// Lists: each of up to 32 MiB, or a table, of which [`Piece::read`] gives nothing.
    pub lists: Vec<ListId>,
    /// Public leaves that nothing opens any more.
    pub erased: Vec<Commitment>,
}

/// What these leaves name.
///
/// # Errors
/// [`StoreError::Damaged`] for a leaf or an envelope that can't be read, and failures.
pub fn opened(store: &dyn Store, page: Range<u64>) -> Result<Opened, StoreError> {
    let damaged = |error: &dyn std::fmt::Display| StoreError::Damaged(error.to_string());
    let mut found = Opened::default();
    for leaf in store.leaves(page)? {
        let leaf = Leaf::parse(&leaf).map_err(|error| damaged(&error))?;
        if leaf.kind != LeafKind::Public {
            continue;
        }
        let Some(bytes) = store.published(&leaf.commitment)? else {
            found.erased.push(leaf.commitment);
            continue;
        };
        let published = Published::parse(&bytes).map_err(|error| damaged(&error))?;
        let statement = Statement::parse(published.envelope.payload()).map_err(|error| damaged(&error))?;
        found.small.extend(evidence_of(&statement).into_iter().map(Piece::Blob));
        found.small.push(Piece::Opened(bytes.into(), leaf.commitment));
        if let Body::Manifest { list, .. } = statement.body {
            found.lists.push(list);
        }
    }
    Ok(found)
}

/// Tiles and bundles of the log at `to` that the log at `from` did not have.
#[must_use]
pub fn new_tiles(from: u64, to: u64) -> Vec<Piece> {
    let full = u64::from(FULL_WIDTH);
    let (mut pieces, mut level) = (Vec::new(), 0_u8);
    let (mut old, mut new) = (from, to);
    while new > old {
        for index in old / full..new.div_ceil(full) {
            let width = u16::try_from((new - index * full).min(full)).unwrap_or(FULL_WIDTH);
            pieces.push(Piece::Tile(TileId { level, index, width }));
            if level == 0 {
                pieces.push(Piece::Bundle(EntriesId { index, width }));
            }
        }
        (old, new, level) = (old / full, new / full, level + 1);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(from: u64, to: u64) -> Vec<String> {
        new_tiles(from, to).iter().map(Piece::key).collect()
    }

    #[test]
    fn what_grew_is_put_down_at_its_new_width() {
        assert_eq!(paths(0, 1), ["tile/0/000.p/1", "tile/entries/000.p/1"]);
        assert_eq!(paths(1, 1), Vec::<String>::new());
        assert_eq!(paths(255, 256), ["tile/0/000", "tile/entries/000", "tile/1/000.p/1"]);
        assert_eq!(paths(256, 257), ["tile/0/001.p/1", "tile/entries/001.p/1"]);
        let many = paths(255, 513);
        assert_eq!(many.len(), 7);
        assert!(many.contains(&"tile/0/002.p/1".to_owned()) && many.contains(&"tile/1/000.p/2".to_owned()));
        // By steps there is all that there is at once, but for partial tiles that have grown since.
        let whole: std::collections::BTreeSet<String> = paths(0, 70_000).into_iter().collect();
        let steps = [0, 3, 255, 256, 600, 65_535, 65_536, 65_537, 70_000];
        let stepped: std::collections::BTreeSet<String> =
            steps.windows(2).flat_map(|pair| paths(pair[0], pair[1])).collect();
        assert!(whole.is_subset(&stepped));
        assert!(stepped.difference(&whole).all(|path| path.contains(".p/")));
    }
}
