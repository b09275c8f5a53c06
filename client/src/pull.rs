//! Pulls a snapshot: made of the older one and what is new, or downloaded whole; verified, and only then put in its place.

use crate::contradiction::Contradiction;
use crate::grow::{GrowError, Grown, SORTED_IN_MEMORY, grow};
use crate::registry::{Registry, RegistryError};
use crate::snapshot::{self, SnapshotError, beside, folder_of};
use crate::trust::{PinnedLog, TrustError, check_growth, proven_growth};
use cleartitle_schema::api::SnapshotView;
use cleartitle_schema::fault::Fault;
use cleartitle_schema::snapshot::{Header, Room, Snapshot, SnapshotNote, Tree};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::hash::Hash;
use cleartitle_schema::tlog::witness::AddCheckpoint;
use std::cmp::Ordering;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Why a snapshot could not be pulled. Whatever lay in its place still does.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The registry.
    #[error("{0}")]
    Registry(#[from] RegistryError),
    /// The log or its signatures.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// What the registry says of the snapshot is not what the log signed.
    #[error("the registry's {0} of the snapshot is not the one that its note signs")]
    OtherThanSigned(&'static str),
    /// An older snapshot than the one that was pulled before.
    #[error("the registry's newest snapshot is of log size {shown}, behind the {seen} seen before")]
    Behind {
        /// Leaves of the one pulled before.
        seen: u64,
        /// Leaves of the snapshot.
        shown: u64,
    },
    /// What peers have of the log contradicts it, or they could not be asked.
    #[error("{why}")]
    Peers {
        /// The code of what was found.
        fault: Option<Fault>,
        /// What, and between whom.
        why: String,
    },
    /// The checkpoint is older than the snapshot, again and again: something on the way has kept it.
    #[error("the snapshot is of log size {snapshot}, and the newest checkpoint that is shown of {checkpoint} alone")]
    CheckpointBehind {
        /// Leaves of the snapshot.
        snapshot: u64,
        /// Leaves of the checkpoint.
        checkpoint: u64,
    },
    /// Longer than is taken.
    #[error("the snapshot has {bytes} bytes, more than the {limit} that are taken")]
    TooLong {
        /// As the registry says.
        bytes: u64,
        /// As allowed.
        limit: u64,
    },
    /// The download ended early or went on too long.
    #[error("{got} of {expected} bytes of `{from}` came")]
    Length {
        /// Of what.
        from: String,
        /// As the registry said.
        expected: u64,
        /// As came.
        got: u64,
    },
    /// A file can't be written.
    #[error("cannot write `{path}`")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl PullError {
    /// The stable code of what was found; `None` where something could not be had or done.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Trust(error) => error.fault(),
            Self::Snapshot(error) => error.fault(),
            Self::OtherThanSigned(_) => Some(Fault::AlteredBytes),
            Self::Behind { .. } => Some(Fault::StaleSnapshot),
            Self::Peers { fault, .. } => *fault,
            Self::Registry(_)
            | Self::CheckpointBehind { .. }
            | Self::TooLong { .. }
            | Self::Length { .. }
            | Self::Write { .. } => None,
        }
    }
}

/// What a pull takes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The most bytes.
    pub bytes: u64,
    /// How many days ago the snapshot may last have been known to be the newest.
    pub days: Option<u32>,
    /// The time it is now.
    pub now: Timestamp,
}

/// How a snapshot came to this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// The newest one lay here already.
    Here,
    /// It was made of the older one that lay here, and what it lacked.
    Grown {
        /// Bytes that were fetched.
        fetched: u64,
    },
    /// It was downloaded whole.
    Whole {
        /// Why what lay here did not help, where it should have.
        why: Option<String>,
    },
}

/// What was pulled.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// The snapshot's header.
    pub header: Header,
    /// What the log signs of it.
    pub note: SnapshotNote,
    /// The checkpoint that was seen with it.
    pub checkpoint: Checkpoint,
    /// The size of the log when it was last seen before.
    pub seen_before: Option<u64>,
    /// How many bytes the body has.
    pub bytes: u64,
    /// How many statements it holds.
    pub statements: usize,
    /// How it came.
    pub way: Way,
}

/// A body that is verified, and where it lies.
enum Body {
    /// In its place.
    Here,
    Made(NamedTempFile),
    Downloaded(PathBuf),
}

/// What verifying a body gives: its header, how many statements it holds, and the tree by which it is opened from now on.
struct Verified {
    header: Header,
    statements: usize,
    tree: Vec<u8>,
}

/// How often a snapshot and a checkpoint are asked for until the one is of the other.
const LOOKS: usize = 4;

/// The newest snapshot and checkpoint. Where witnesses are pinned they are of one state if there is such a moment, so that the
/// witnesses' time speaks for the snapshot too; a store may publish checkpoints more often than snapshots.
fn newest(registry: &Registry, log: &PinnedLog) -> Result<(SnapshotView, SnapshotNote, Vec<u8>), PullError> {
    let mut looks = 1;
    loop {
        let view = registry.latest_snapshot()?;
        let note = snapshot::open_note(view.note.as_bytes(), log)?;
        // Asked for after the snapshot, so that an honest log's checkpoint can't be the older of the two, unless it was kept
        // on the way.
        let checkpoint_note = registry.checkpoint()?;
        let checkpoint = log.open_signed(&checkpoint_note)?;
        let enough = match checkpoint.size.cmp(&note.size) {
            Ordering::Less => false,
            Ordering::Equal => true,
            Ordering::Greater => log.witnesses().is_none(),
        };
        if enough || looks == LOOKS {
            return Ok((view, note, checkpoint_note));
        }
        looks += 1;
    }
}

/// Pulls the newest snapshot of a log to `out`; `agree` holds its checkpoint against what others have of the log, `tell` hears
/// how many bytes are there.
///
/// # Errors
/// [`PullError`]. A rollback, a split view and a fork are errors of their own: [`TrustError::Rollback`],
/// [`TrustError::SplitView`], [`TrustError::Forked`].
pub fn pull(
    registry: &Registry,
    log: &PinnedLog,
    out: &Path,
    bounds: Bounds,
    agree: impl FnOnce(&[u8]) -> Result<(), PullError>,
    mut tell: impl FnMut(u64, u64),
) -> Result<Pulled, PullError> {
    let (view, note, checkpoint_note) = newest(registry, log)?;
    check_view(&view, &note, bounds.bytes)?;
    let checkpoint = log.open_signed(&checkpoint_note)?;
    let seen = last_seen(out, log)?;
    if let Some((seen_note, seen)) = &seen {
        check_growth(seen, &checkpoint, registry).inspect_err(|error| {
            keep_contradiction(out, seen_note, &checkpoint_note, error);
        })?;
    }
    if let Some(before) = pulled_before(out, log)?.or_else(|| seen.as_ref().map(|(_, seen)| seen.clone())) {
        check_not_behind(&before, &note, &checkpoint, registry)?;
    }
    let grown = contained(&note, &checkpoint, registry)?;
    agree(&checkpoint_note)?;
    // Last: what contradicts the past is worse than what nobody has seen yet.
    let seen_at = log.seen_at(&checkpoint_note)?;

    let (body, verified, way) = take(registry, &view, &note, out, &mut tell)?;
    let fresh = match &body {
        Body::Here => None,
        Body::Made(file) => Some(file.path()),
        Body::Downloaded(partial) => Some(partial.as_path()),
    };
    // Witnesses of a later state have not seen that this one was still the newest.
    let seen_at = seen_at.filter(|_| note.size == checkpoint.size);
    let fresh_at = snapshot::freshest(verified.header.time, seen_at, bounds.now);
    snapshot::check_age(fresh_at, bounds.days, bounds.now)?;
    let growth = (checkpoint.size > note.size).then(|| {
        let note_text = String::from_utf8_lossy(&checkpoint_note).into_owned();
        AddCheckpoint { old: note.size, proof: grown, note: note_text }.to_text()
    });
    let papers = Papers { note: view.note.as_bytes(), checkpoint: &checkpoint_note, growth, tree: &verified.tree, log };
    put_in_place(fresh, out, &papers)?;
    let Verified { header, statements, .. } = verified;
    let seen_before = seen.map(|(_, seen)| seen.size);
    Ok(Pulled { header, note, checkpoint, seen_before, bytes: view.bytes, statements, way })
}

/// The proof that the checkpoint's log contains the snapshot's state.
fn contained(note: &SnapshotNote, checkpoint: &Checkpoint, registry: &Registry) -> Result<Vec<Hash>, PullError> {
    if checkpoint.size < note.size {
        return Err(PullError::CheckpointBehind { snapshot: note.size, checkpoint: checkpoint.size });
    }
    Ok(proven_growth(&state(note), checkpoint, registry)?)
}

/// The state of the log that a snapshot is of.
fn state(note: &SnapshotNote) -> Checkpoint {
    Checkpoint { origin: note.origin.clone(), size: note.size, root: note.root, extensions: Vec::new() }
}

/// Takes the body by the shortest way: it is here, it can be made of what is here, or it is downloaded.
fn take(
    registry: &Registry,
    view: &SnapshotView,
    note: &SnapshotNote,
    out: &Path,
    tell: &mut impl FnMut(u64, u64),
) -> Result<(Body, Verified, Way), PullError> {
    let mut why = None;
    if out.exists() {
        if let Ok(verified) = verify_body(out, note, out) {
            return Ok((Body::Here, verified, Way::Here));
        }
        match grow(registry, view, note, out) {
            Ok(Grown { file, header, tree, statements, fetched }) => {
                let verified = Verified { header, statements, tree: tree.to_bytes() };
                return Ok((Body::Made(file), verified, Way::Grown { fetched }));
            }
            // Most of it is new: no fault of anybody's.
            Err(GrowError::Most(_)) => {}
            Err(error) => why = Some(error.to_string()),
        }
    }
    let partial = beside(out, &format!("{}.partial", view.blake3.get(..16).unwrap_or_default()));
    download(registry, view, &partial, tell)?;
    let verified = verify_body(&partial, note, out);
    if verified.is_err() {
        // What is wrong once is wrong again: the next pull begins anew.
        let _ = std::fs::remove_file(&partial);
    }
    Ok((Body::Downloaded(partial), verified?, Way::Whole { why }))
}

fn check_view(view: &SnapshotView, note: &SnapshotNote, limit: u64) -> Result<(), PullError> {
    let digest = format!("blake3:{}", view.blake3);
    if digest != cleartitle_schema::id::ContentId(note.body).to_string() {
        return Err(PullError::OtherThanSigned("digest"));
    }
    if view.size != note.size {
        return Err(PullError::OtherThanSigned("size"));
    }
    if view.root != note.root.to_base64() {
        return Err(PullError::OtherThanSigned("root"));
    }
    if view.bytes > limit { Err(PullError::TooLong { bytes: view.bytes, limit }) } else { Ok(()) }
}

/// The last checkpoint seen, signed by the same log; it may be older than the witnesses that are pinned now. One by another log is no past of this one: it is refused, not ignored.
fn last_seen(out: &Path, log: &PinnedLog) -> Result<Option<(Vec<u8>, Checkpoint)>, PullError> {
    let kept = snapshot::read_beside(&beside(out, "checkpoint"))?;
    Ok(kept.map(|note| log.open_signed(&note).map(|checkpoint| (note, checkpoint))).transpose()?)
}

/// The name's end of the proof that a log signed two checkpoints that can't both be.
pub const CONTRADICTION: &str = "contradiction.json";

/// Keeps the proof beside the snapshot, where what was seen and what is shown make one: the registry may show better the next
/// time. The refusal stands whether it can be written or not.
fn keep_contradiction(out: &Path, seen: &[u8], shown: &[u8], error: &TrustError) {
    if let Some(file) = Contradiction::found(seen, shown, error)
        && let Ok(text) = file.to_text()
    {
        let _ = write(&beside(out, CONTRADICTION), text.as_bytes());
    }
}

/// The state of the newest snapshot that was pulled here before, by the notes beside it. Where none can be read, the state of
/// the checkpoint that was seen stands for it, which is no older.
fn pulled_before(out: &Path, log: &PinnedLog) -> Result<Option<Checkpoint>, PullError> {
    let mut newest: Option<Checkpoint> = None;
    for ending in ["note", snapshot::NEXT_NOTE] {
        let kept = snapshot::read_beside(&beside(out, ending))?;
        let opened = kept.and_then(|kept| snapshot::open_note(&kept, log).ok()).map(|note| state(&note));
        newest = [newest, opened].into_iter().flatten().max_by_key(|state| state.size);
    }
    Ok(newest)
}

/// The snapshot must be a state of the log no older than the last one pulled: an older one, rightly signed once, would bring
/// back what was withdrawn since. That both are states of one log the checkpoint says, which contains both.
fn check_not_behind(
    before: &Checkpoint,
    note: &SnapshotNote,
    checkpoint: &Checkpoint,
    registry: &Registry,
) -> Result<(), PullError> {
    if note.size < before.size {
        return Err(PullError::Behind { seen: before.size, shown: note.size });
    }
    Ok(check_growth(before, checkpoint, registry)?)
}

fn download(
    registry: &Registry,
    view: &SnapshotView,
    partial: &Path,
    tell: &mut impl FnMut(u64, u64),
) -> Result<(), PullError> {
    let told = |source| PullError::Write { path: partial.to_owned(), source };
    let mut file = OpenOptions::new().create(true).append(true).read(true).open(partial).map_err(told)?;
    let mut have = file.metadata().map_err(told)?.len();
    if have > view.bytes {
        file.set_len(0).map_err(told)?;
        have = 0;
    }
    if have == view.bytes && have > 0 {
        return Ok(());
    }
    let (answer, resumed) = registry.download(&view.url, have)?;
    if !resumed {
        file.set_len(0).map_err(told)?;
        have = 0;
    }
    file.seek(SeekFrom::Start(have)).map_err(told)?;
    let from = registry.place(&view.url)?;
    let broke = |source| RegistryError::BrokeOff { url: from.clone(), source };
    let mut answer = answer.take(view.bytes - have + 1);
    let mut piece = vec![0; 256 << 10];
    loop {
        let read = answer.read(&mut piece).map_err(broke)?;
        if read == 0 {
            break;
        }
        have += read as u64;
        if have > view.bytes {
            return Err(PullError::Length { from, expected: view.bytes, got: have });
        }
        file.write_all(&piece[..read]).map_err(told)?;
        tell(have, view.bytes);
    }
    file.sync_all().map_err(told)?;
    if have == view.bytes { Ok(()) } else { Err(PullError::Length { from, expected: view.bytes, got: have }) }
}

/// Everything that can be wrong with a body: its hash, its header, and every byte of what its statements compile to.
fn verify_body(partial: &Path, note: &SnapshotNote, out: &Path) -> Result<Verified, SnapshotError> {
    let body = Snapshot::open(snapshot::map(partial)?)?;
    if (body.header().size, body.header().root) != (note.size, note.root) {
        return Err(SnapshotError::OtherBody(out.to_owned()));
    }
    let tree = Tree::of(body.bytes());
    if !note.is_about(body.header(), &tree.root()) {
        return Err(SnapshotError::OtherBody(out.to_owned()));
    }
    let folder = folder_of(partial).to_owned();
    let mut room = Room::bounded(SORTED_IN_MEMORY, || Ok(Box::new(tempfile::tempfile_in(&folder)?)));
    let verified = body.verify_within(&mut room)?;
    Ok(Verified { header: verified.header().clone(), statements: verified.len(), tree: tree.to_bytes() })
}

/// What lies beside a body.
struct Papers<'a> {
    note: &'a [u8],
    checkpoint: &'a [u8],
    /// Where the checkpoint is of a later state: it, and the proof that it contains the body's.
    growth: Option<String>,
    tree: &'a [u8],
    log: &'a PinnedLog,
}

/// Puts a verified body, and what lies beside it, in their places; or only the latter, where the body is in its own. Killed
/// at any moment, it leaves a body with its note.
fn put_in_place(fresh: Option<&Path>, out: &Path, papers: &Papers<'_>) -> Result<(), PullError> {
    snapshot::settle(out, papers.log)?;
    write(&beside(out, "log-key"), format!("{}\n", papers.log.verifier()).as_bytes())?;
    // Body and note are two files. The new note is there before the body, under a name of its own, and readers take the
    // one of the two notes that is about the body they find. It is there before the checkpoint too, so that the next pull
    // knows which snapshot was seen with that.
    let next = beside(out, snapshot::NEXT_NOTE);
    write(&next, papers.note)?;
    // Before the body: a log that shows less than this body's state later is caught even after a crash in between.
    write(&beside(out, "checkpoint"), papers.checkpoint)?;
    let growth = beside(out, snapshot::GROWTH);
    match &papers.growth {
        Some(text) => write(&growth, text.as_bytes())?,
        // An older one says nothing false, and nothing that is needed.
        None if growth.exists() => {
            std::fs::remove_file(&growth).map_err(|source| PullError::Write { path: growth, source })?;
        }
        None => {}
    }
    // Until the body is there this is another body's tree, and no worse than none.
    write(&beside(out, snapshot::TREE), papers.tree)?;
    sync_folder(out)?;
    if let Some(fresh) = fresh {
        put(fresh, out)?;
    }
    put(&next, &beside(out, "note"))
}

fn put(from: &Path, to: &Path) -> Result<(), PullError> {
    std::fs::rename(from, to).map_err(|source| PullError::Write { path: to.to_owned(), source })?;
    sync_folder(to)
}

/// Makes the names in a file's folder survive a crash of the machine.
fn sync_folder(of: &Path) -> Result<(), PullError> {
    let folder = folder_of(of);
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| PullError::Write { path: folder.to_owned(), source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), PullError> {
    let told = |source| PullError::Write { path: path.to_owned(), source };
    let fresh = beside(path, "new");
    let mut file = File::create(&fresh).map_err(told)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(told)?;
    std::fs::rename(&fresh, path).map_err(told)
}

#[cfg(test)]
#[path = "pull_tests.rs"]
mod tests;
