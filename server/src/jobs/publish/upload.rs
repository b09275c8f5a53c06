//! What goes into the bucket: opened leaves with their lists and evidence, tiles, bundles, each read from the store when it is its turn.

use std::io::{Seek as _, Write as _};
use std::sync::Arc;

use cleartitle_schema::id::{BlobId, ListId};
use cleartitle_schema::provenance::MEDIA_TYPE;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::round::PublishError;
use crate::app::App;
use crate::objects::pieces::{self, Piece, new_tiles, opened};
use crate::objects::{Objects, layout};
use crate::store::StoreError;

/// How many objects are on their way at once.
const AT_ONCE: usize = 16;

/// How many lists of up to 32 MiB stand in memory at once.
const LISTS_AT_ONCE: usize = 2;

/// How many leaves are read at once.
const PAGE: u64 = 256;

/// Work on the store beside the async threads. On the database itself and no replica: one that is behind would take the bucket, which another
/// server wrote, for ahead of the log.
pub(super) async fn beside<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&App) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, PublishError> {
    let app = Arc::clone(app);
    let done = tokio::task::spawn_blocking(move || work(&app)).await;
    Ok(done.map_err(|error| PublishError::Broken(error.to_string()))??)
}

/// Puts down pieces, some at once.
async fn put(app: &Arc<App>, objects: &Objects, pieces: Vec<Piece>, at_once: usize) -> Result<(), PublishError> {
    let puts = pieces.into_iter().map(|piece| async move {
        let key = piece.key();
        if let Some(bytes) = beside(app, move |app| piece.read(&*app.registry.store)).await?
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
        // What was erased is not published; its tombstone is a leaf of its own.
        let found = beside(app, move |app| opened(&*app.registry.store, page)).await?;
        put(app, objects, found.small, AT_ONCE).await?;
        put(app, objects, found.lists.iter().copied().map(Piece::List).collect(), LISTS_AT_ONCE).await?;
        for list in found.lists {
            table(app, objects, list).await?;
        }
        at += PAGE;
    }
    Ok(())
}

/// A provenance table, if the list is one. It lies in the store in parts and may be of any length, so that it goes by a file without a name.
async fn table(app: &Arc<App>, objects: &Objects, list: ListId) -> Result<(), PublishError> {
    let spooled = beside(app, move |app| {
        let io = |error: std::io::Error| StoreError::Backend(error.to_string());
        let store = &*app.registry.store;
        if store.table_of(&list)?.is_none() {
            return Ok(None);
        }
        let mut file = tempfile::tempfile_in(app.registry.data.snapshots()).map_err(io)?;
        let hash = pieces::table(store, &list, |piece| file.write_all(piece).map_err(io))?;
        file.rewind().map_err(io)?;
        Ok(hash.map(|hash| (file, hash)))
    });
    if let Some((file, hash)) = spooled.await?
        && objects.create_from(&layout::list(&list), file, hash.as_bytes(), Some(MEDIA_TYPE)).await?
    {
        metrics::counter!("cleartitle_objects_put_total").increment(1);
    }
    Ok(())
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

/// A page of the evidence that lies in the database: brought before there were objects, or seen by the registry itself. Behind `last`, and
/// where the next page goes on; `None` where there is no more.
pub(super) async fn evidence(
    app: &Arc<App>,
    objects: &Objects,
    last: Option<BlobId>,
) -> Result<Option<BlobId>, PublishError> {
    let page = beside(app, move |app| app.registry.store.blobs(last.as_ref())).await?;
    let end = page.last().copied();
    // Most are there: they are asked for before bytes are sent.
    let puts = page.into_iter().map(|blob| async move {
        let piece = Piece::Blob(blob);
        let key = piece.key();
        let Some(bytes) = beside(app, move |app| piece.read(&*app.registry.store)).await? else { return Ok(()) };
        if objects.length(&key).await? != Some(bytes.len() as u64) {
            objects.create(&key, bytes).await?;
        }
        Ok::<(), PublishError>(())
    });
    futures_util::stream::iter(puts).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    Ok(end)
}
