//! One round of publishing, in the order that keeps every reader right: whatever a checkpoint commits to is there before it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cleartitle_schema::api::SnapshotView;
use cleartitle_schema::id::BlobId;
use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::tile::root_within;
use object_store::UpdateVersion;

use super::upload;
use crate::app::App;
use crate::log::tile_reader;
use crate::objects::{ObjectError, Objects, layout};
use crate::snapshots::{Ready, SnapshotError};
use crate::store::{SignedHead, StoreError};

/// How many leaves are published under one checkpoint, where the bucket is far behind: what a kill loses is so much.
const STEP: u64 = 16_384;

/// The longest checkpoint with its cosignatures, and the longest JSON about a snapshot.
const MAX_NOTE: u64 = 256 << 10;

/// How long a round looks after old evidence.
const EVIDENCE: Duration = Duration::from_secs(5);

/// How often in a row somebody else may be first.
const ATTEMPTS: usize = 8;

/// Why a round was not finished.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The storage.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// What changes in the bucket is not what this log signs.
    #[error("`{key}` in the object storage is not this log's: {why}")]
    Foreign {
        /// The object.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Others are faster, again and again.
    #[error("`{0}` in the object storage changes faster than it is read")]
    Racing(&'static str),
    /// Something stopped halfway.
    #[error("a round of publishing was broken off: {0}")]
    Broken(String),
}

impl PublishError {
    /// Whether somebody wrote what we never wrote: nothing that passes by itself.
    pub const fn is_grave(&self) -> bool {
        match self {
            Self::Object(error) => error.is_grave(),
            Self::Foreign { .. } => true,
            _ => false,
        }
    }
}

/// What the bucket's checkpoint says.
#[derive(Debug, Clone, Default)]
struct Shown {
    size: u64,
    note: String,
    version: Option<UpdateVersion>,
}

/// Whoever publishes, and what it knows of the bucket.
pub struct Publisher {
    app: Arc<App>,
    objects: Objects,
    snapshot_every: Duration,
    shown: Option<Shown>,
    snapshot_at: Option<Instant>,
    /// The size of the newest snapshot there, where that is known.
    latest: Option<u64>,
    /// The storage has been tried since the start.
    begun: bool,
    /// Evidence of the database has been put down since the start: all of it, or up to here.
    evidence_there: bool,
    evidence_behind: Option<BlobId>,
}

impl Publisher {
    pub fn new(app: Arc<App>, objects: Objects, snapshot_every: Duration) -> Self {
        let (shown, snapshot_at, latest) = (None, None, None);
        let (begun, evidence_there, evidence_behind) = (false, false, None);
        Self { app, objects, snapshot_every, shown, snapshot_at, latest, begun, evidence_there, evidence_behind }
    }

    /// Brings the bucket up to what the registry shows now.
    pub async fn round(&mut self) -> Result<(), PublishError> {
        self.begin().await?;
        for _ in 0..ATTEMPTS {
            let Some(wanted) = self.ask(|app| app.registry.shown()).await? else { return Ok(()) };
            let shown = match self.shown.take() {
                Some(shown) => shown,
                None => self.look().await?,
            };
            self.app.published.store(shown.size, Ordering::Relaxed);
            let next = self.next(&shown, wanted.clone()).await?;
            let caught_up = next.size == wanted.size;
            match self.advance(shown, next, caught_up).await? {
                Some(now) => {
                    self.app.published.store(now.size, Ordering::Relaxed);
                    self.shown = Some(now);
                    if caught_up {
                        return self.evidence().await;
                    }
                }
                None => tracing::debug!("another server published first"),
            }
        }
        // Many steps, or many others: the rest is for the next round.
        Ok(())
    }

    /// Work on the store beside the async threads. Not among those that requests wait for.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&App) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, PublishError> {
        upload::beside(&self.app, work).await
    }

    /// Reads the bucket's checkpoint, which must be of this log and of its past.
    async fn look(&self) -> Result<Shown, PublishError> {
        let key = layout::CHECKPOINT;
        let Some(held) = self.objects.read(key, MAX_NOTE).await? else { return Ok(Shown::default()) };
        let note = held.bytes.clone();
        let checked = self.ask(move |app| check(app, &note)).await?;
        let (size, note) = checked.map_err(|why| PublishError::Foreign { key, why })?;
        Ok(Shown { size, note, version: Some(held.version) })
    }

    /// The checkpoint to publish next: the one that is shown, or where the bucket is far behind one on the way.
    async fn next(&self, shown: &Shown, wanted: SignedHead) -> Result<SignedHead, PublishError> {
        let on_the_way = shown.size + STEP;
        if wanted.size <= on_the_way {
            return Ok(wanted);
        }
        let step = move |app: &App| match app.registry.quorum() {
            Some(_) => app.registry.witnessed_from(on_the_way),
            None => app.registry.store.checkpoint_from(on_the_way),
        };
        let step = self.ask(step).await?.filter(|step| step.size < wanted.size);
        Ok(step.unwrap_or(wanted))
    }

    /// Puts down all that a checkpoint commits to, perhaps a snapshot, then the checkpoint, then what the newest snapshot is.
    /// `None` where somebody else was first with the checkpoint.
    async fn advance(
        &mut self,
        shown: Shown,
        next: SignedHead,
        caught_up: bool,
    ) -> Result<Option<Shown>, PublishError> {
        if next.size > shown.size {
            upload::leaves(&self.app, &self.objects, shown.size, next.size).await?;
            upload::tiles(&self.app, &self.objects, shown.size, next.size).await?;
        }
        // None of a step on the way: each is as large as the log.
        let snapshot = if caught_up { self.snapshot(&next).await? } else { None };
        let more = next.size == shown.size && signatures(&next.note) > signatures(&shown.note);
        let now = if next.size > shown.size || more {
            let bytes = Bytes::from(next.note.clone());
            match self.objects.swap(layout::CHECKPOINT, bytes, shown.version.as_ref()).await? {
                Some(version) => Shown { size: next.size, note: next.note, version: Some(version) },
                None => return Ok(None),
            }
        } else {
            shown
        };
        if let Some(ready) = snapshot {
            self.point_at(&ready).await?;
            self.snapshot_at = Some(Instant::now());
        }
        Ok(Some(now))
    }

    /// The snapshot of this checkpoint, its body put down, where one is due.
    async fn snapshot(&mut self, next: &SignedHead) -> Result<Option<Ready>, PublishError> {
        if self.snapshot_at.is_some_and(|at| at.elapsed() < self.snapshot_every) || self.latest == Some(next.size) {
            return Ok(None);
        }
        if self.latest.is_none() {
            self.latest = self.look_at_latest().await?.map(|(size, _)| size);
        }
        if self.latest.is_some_and(|latest| latest >= next.size) {
            self.snapshot_at = Some(Instant::now());
            return Ok(None);
        }
        let (app, size) = (Arc::clone(&self.app), next.size);
        let made = tokio::task::spawn_blocking(move || app.snapshots.at(size)).await;
        let ready = match made.map_err(|error| PublishError::Broken(error.to_string()))? {
            // Those who ask over HTTP come first; the checkpoint need not wait for them.
            Err(SnapshotError::Busy) => return Ok(None),
            made => made?,
        };
        let file = std::fs::File::open(&ready.path).map_err(|error| PublishError::Broken(error.to_string()))?;
        self.objects.create_from(&layout::snapshot(size), file, &ready.body_hash, None).await?;
        Ok(Some(ready))
    }

    /// What the bucket says of its newest snapshot.
    async fn look_at_latest(&self) -> Result<Option<(u64, UpdateVersion)>, PublishError> {
        let key = layout::LATEST;
        let Some(held) = self.objects.read(key, MAX_NOTE).await? else { return Ok(None) };
        let foreign = |why: &str| PublishError::Foreign { key, why: why.to_owned() };
        let view: SnapshotView = serde_json::from_slice(&held.bytes).map_err(|error| foreign(&error.to_string()))?;
        if !self.app.snapshots.is_own(&view.note) {
            return Err(foreign("its note is not signed by this log's key"));
        }
        Ok(Some((view.size, held.version)))
    }

    /// Says that this is the newest snapshot, unless a newer one is there.
    async fn point_at(&mut self, ready: &Ready) -> Result<(), PublishError> {
        let view = serde_json::to_vec(&ready.view()).map_err(|error| PublishError::Broken(error.to_string()))?;
        let view = Bytes::from(view);
        for _ in 0..ATTEMPTS {
            let present = self.look_at_latest().await?;
            if let Some((size, _)) = present.as_ref().filter(|(size, _)| *size >= ready.size) {
                self.latest = Some(*size);
                return Ok(());
            }
            let version = present.as_ref().map(|(_, version)| version);
            if self.objects.swap(layout::LATEST, view.clone(), version).await?.is_some() {
                self.latest = Some(ready.size);
                return Ok(());
            }
        }
        Err(PublishError::Racing(layout::LATEST))
    }

    /// Once after a start: the keys to pin, by which it is tried whether the storage does what all else rests on.
    async fn begin(&mut self) -> Result<(), PublishError> {
        if !self.begun {
            let keys = serde_json::to_vec(&self.app.registry.log_key());
            let keys = keys.map_err(|error| PublishError::Broken(error.to_string()))?;
            self.objects.create_and_probe(layout::LOG_KEY, keys.into()).await?;
            self.begun = true;
        }
        Ok(())
    }

    /// Once after a start: evidence that was brought before there were objects. For a while in each round, since new leaves wait.
    async fn evidence(&mut self) -> Result<(), PublishError> {
        let begun = Instant::now();
        while !self.evidence_there && begun.elapsed() < EVIDENCE {
            let end = upload::evidence(&self.app, &self.objects, self.evidence_behind).await?;
            (self.evidence_there, self.evidence_behind) = (end.is_none(), end);
        }
        Ok(())
    }
}

/// How many signatures a note has, by its lines.
fn signatures(note: &str) -> usize {
    note.split_once("\n\n").map_or(0, |(_, lines)| lines.lines().count())
}

/// Whether a checkpoint is of this log and of what it holds: its size and text, or why not.
fn check(app: &App, note: &[u8]) -> Result<Result<(u64, String), String>, StoreError> {
    let registry = &app.registry;
    let opened = Checkpoint::open(note, &registry.origin, std::slice::from_ref(registry.verifier()));
    let theirs = match opened {
        Ok(theirs) => theirs,
        Err(error) => return Ok(Err(error.to_string())),
    };
    // Read after theirs, so that another server's newest is no surprise.
    let ours = app.registry.store.latest_checkpoint()?.map_or(0, |ours| ours.size);
    if theirs.size > ours {
        let (theirs, hint) = (theirs.size, "was an older backup restored?");
        return Ok(Err(format!("it covers {theirs} leaves, and the registry has {ours}: {hint}")));
    }
    let root = root_within(theirs.size, ours, tile_reader(&*app.registry.store));
    let root = root.map_err(|error| StoreError::Damaged(error.to_string()))?;
    if root != theirs.root {
        return Ok(Err(format!("it has another root over {} leaves", theirs.size)));
    }
    Ok(Ok((theirs.size, String::from_utf8_lossy(note).into_owned())))
}
