//! What goes into the bucket: opened leaves with their lists and evidence, tiles, bundles, each read from the store when it is its turn.

use std::sync::Arc;

use bytes::Bytes;
use cleartitle_schema::id::BlobId;
use cleartitle_schema::leaf::{Leaf, LeafKind, Published};
use cleartitle_schema::statement::{Body, Statement};
use cleartitle_schema::tlog::tile::{EntriesId, EntryBundle, FULL_WIDTH, TileId};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::round::PublishError;
use crate::app::App;
use crate::objects::evidence::lies_elsewhere;
use crate::objects::{Objects, layout};
use crate::store::{Store, StoreError, evidence_of};

/// How many objects are on their way at once.
const AT_ONCE: usize = 16;

/// How many leaves are read at once.
const PAGE: u64 = 256;

/// Work on the store beside the async threads.
pub(super) async fn beside<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&App) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, PublishError> {
    let app = Arc::clone(app);
    let done = tokio::task::spawn_blocking(move || work(&app)).await;
    Ok(done.map_err(|error| PublishError::Broken(error.to_string()))??)
}

/// An object that has yet to be read from the store.
#[derive(Debug, Clone)]
enum Piece {
    Opened(Bytes, String),
    List(cleartitle_schema::id::ListId),
    Blob(BlobId),
    Tile(TileId),
    Bundle(EntriesId),
}

impl Piece {
    /// Its key and its bytes; `None` of what the store does not keep: erased, or evidence that lies in the bucket or was never brought.
    fn read(self, store: &dyn Store) -> Result<Option<(String, Bytes)>, StoreError> {
        let missing = |path: &str| StoreError::Damaged(format!("`{path}` is missing"));
        Ok(match self {
            Self::Opened(bytes, key) => Some((key, bytes)),
            Self::List(id) => store.list(&id)?.map(|bytes| (layout::list(&id), bytes.into())),
            Self::Blob(id) => {
                let kept = store.blob(&id)?.filter(|bytes| !lies_elsewhere(&id, bytes));
                kept.map(|bytes| (layout::blob(&id), bytes.into()))
            }
            Self::Tile(id) => {
                let kept = store.tile(id.level, id.index)?.unwrap_or_default();
                let bytes = kept.get(..usize::from(id.width) * 32).ok_or_else(|| missing(&id.path()))?;
                Some((id.path(), Bytes::copy_from_slice(bytes)))
            }
            Self::Bundle(id) => {
                let first = id.index * u64::from(FULL_WIDTH);
                let entries = store.leaves(first..first + u64::from(id.width))?;
                let whole = entries.len() == usize::from(id.width);
                let bytes = EntryBundle { entries }.encode().ok().filter(|_| whole);
                Some((id.path(), bytes.ok_or_else(|| missing(&id.path()))?.into()))
            }
        })
    }
}

/// Puts down pieces, some at once.
async fn put(app: &Arc<App>, objects: &Objects, pieces: Vec<Piece>, at_once: usize) -> Result<(), PublishError> {
    let puts = pieces.into_iter().map(|piece| async move {
        if let Some((key, bytes)) = beside(app, move |app| piece.read(&*app.store)).await?
            && objects.create(&key, bytes).await?
        {
            metrics::counter!("cleartitle_objects_put_total").increment(1);
        }
        Ok::<(), PublishError>(())
    });
    futures_util::stream::iter(puts).buffer_unordered(at_once).try_collect().await
}

/// What opens the leaves from `from` up to `to`, with the lists that they name, and the evidence that the registry keeps itself.
pub(super) async fn leaves(app: &Arc<App>, objects: &Objects, from: u64, to: u64) -> Result<(), PublishError> {
    let mut at = from;
    while at < to {
        let page = at..to.min(at + PAGE);
        let (small, lists) = beside(app, move |app| opened(&*app.store, page)).await?;
        put(app, objects, small, AT_ONCE).await?;
        // Each may be of 32 MiB.
        put(app, objects, lists, 2).await?;
        at += PAGE;
    }
    Ok(())
}

/// The pieces of a page of leaves, and apart from them the long ones.
fn opened(store: &dyn Store, page: std::ops::Range<u64>) -> Result<(Vec<Piece>, Vec<Piece>), StoreError> {
    let damaged = |error: &dyn std::fmt::Display| StoreError::Damaged(error.to_string());
    let (mut small, mut long) = (Vec::new(), Vec::new());
    for leaf in store.leaves(page)? {
        let leaf = Leaf::parse(&leaf).map_err(|error| damaged(&error))?;
        if leaf.kind != LeafKind::Public {
            continue;
        }
        // What was erased is not published; its tombstone is a leaf of its own.
        let Some(bytes) = store.published(&leaf.commitment)? else { continue };
        let published = Published::parse(&bytes).map_err(|error| damaged(&error))?;
        let statement = Statement::parse(published.envelope.payload()).map_err(|error| damaged(&error))?;
        small.extend(evidence_of(&statement).into_iter().map(Piece::Blob));
        small.push(Piece::Opened(bytes.into(), layout::published(&leaf.commitment)));
        if let Body::Manifest { list, .. } = statement.body {
            long.push(Piece::List(list));
        }
    }
    Ok((small, long))
}

/// Tiles and bundles of the log at `to` that the log at `from` did not have.
pub(super) async fn tiles(app: &Arc<App>, objects: &Objects, from: u64, to: u64) -> Result<(), PublishError> {
    let mut pieces = new_tiles(from, to);
    while !pieces.is_empty() {
        let rest = pieces.split_off(pieces.len().min(1024));
        put(app, objects, std::mem::replace(&mut pieces, rest), AT_ONCE).await?;
    }
    Ok(())
}

fn new_tiles(from: u64, to: u64) -> Vec<Piece> {
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

/// Evidence that lies in the database: brought before there were objects, or seen by the registry itself.
pub(super) async fn evidence(app: &Arc<App>, objects: &Objects) -> Result<(), PublishError> {
    let mut last: Option<BlobId> = None;
    loop {
        let page = beside(app, move |app| app.registry.store.blobs(last.as_ref())).await?;
        let Some(end) = page.last() else { return Ok(()) };
        last = Some(*end);
        // Most are there: they are asked for before bytes are sent.
        let puts = page.into_iter().map(|blob| async move {
            let Some((key, bytes)) = beside(app, move |app| Piece::Blob(blob).read(&*app.store)).await? else {
                return Ok(());
            };
            if objects.length(&key).await? != Some(bytes.len() as u64) {
                objects.create(&key, bytes).await?;
            }
            Ok::<(), PublishError>(())
        });
        futures_util::stream::iter(puts).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(from: u64, to: u64) -> Vec<String> {
        let path = |piece: Piece| match piece {
            Piece::Tile(id) => id.path(),
            Piece::Bundle(id) => id.path(),
            other => panic!("{other:?}"),
        };
        new_tiles(from, to).into_iter().map(path).collect()
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
