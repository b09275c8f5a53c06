//! A snapshot on this machine: its note checked against the pinned log, its body mapped and checked against the note.
//!
//! Beside a snapshot `FILE` lie `FILE.note` (the log's signature over the body), `FILE.tree` (what each block of it hashes
//! to), `FILE.checkpoint` (the last checkpoint seen) and `FILE.log-key` (the key that it was pulled with); where that checkpoint
//! is of a later state, `FILE.growth` has it with the proof that it contains the snapshot's, in the form in which a log sends
//! both to its witnesses (`c2sp.org/tlog-witness`). A tree that leads
//! to the signed hash lets a block be checked when it is first read; where it is missing or another body's, opening takes
//! the time to hash the whole. Two files can't be put in place in one step: while a pull
//! puts a new body there, the new note lies in `FILE.note.next`, so that whichever body a crash leaves has its note.

use crate::trust::{PinnedLog, TrustError};
use cleartitle_schema::acquisition::Keys;
use cleartitle_schema::evidence::{Lookup, Registered};
use cleartitle_schema::fault::Fault;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::policy::Policy;
use cleartitle_schema::snapshot::{
    FormatError, Header, NoteTextError, Snapshot, SnapshotNote, Tree, VerifiedSnapshot, VerifyError, parse_note_text,
};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::cosignature::CosignatureError;
use cleartitle_schema::tlog::note::{MAX_NOTE, Note, NoteError};
use cleartitle_schema::tlog::witness::{AddCheckpoint, MAX_ADD_CHECKPOINT, follows};
use memmap2::Mmap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A verified snapshot, mapped into memory.
pub type Mapped = VerifiedSnapshot<Mmap>;

/// Why a snapshot can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A file can't be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No note lies beside the body.
    #[error("`{0}` is missing, so nobody vouches for the snapshot")]
    NoNote(PathBuf),
    /// No key is known.
    #[error("no log key is known for `{0}`")]
    NoKey(PathBuf),
    /// The note is not signed by the pinned log.
    #[error("the snapshot's note is refused: {0}")]
    Note(#[from] NoteError),
    /// The note's text can't be read.
    #[error("the snapshot's note can't be read: {0}")]
    NoteText(#[from] NoteTextError),
    /// The body can't be opened.
    #[error("the snapshot is refused: {0}")]
    Format(#[from] FormatError),
    /// The body is not the one that the note signs.
    #[error("the snapshot is refused: {0}")]
    Verify(#[from] VerifyError),
    /// The note is about another body.
    #[error("the note is about another snapshot than `{0}`")]
    OtherBody(PathBuf),
    /// The log is not believed.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Older than the policy allows.
    #[error("the snapshot's last statement is of {time}, more than the policy's {days} days ago")]
    TooOld {
        /// The registered time of its last statement, or when its witnesses had seen it.
        time: Timestamp,
        /// The policy's bound.
        days: u32,
    },
}

impl SnapshotError {
    /// The stable code of what was found; `None` where something could not be had.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        Some(match self {
            Self::Read { .. } | Self::NoNote(_) | Self::NoKey(_) => return None,
            Self::Note(NoteError::BadSignature { .. } | NoteError::Unsigned) => Fault::WrongSignature,
            Self::Note(_) | Self::NoteText(_) | Self::Format(_) => Fault::Damaged,
            Self::Verify(VerifyError::Statements(_) | VerifyError::NotCanonical(_)) => Fault::AlteredProjection,
            Self::Verify(_) | Self::OtherBody(_) => Fault::AlteredBytes,
            Self::Trust(error) => return error.fault(),
            Self::TooOld { .. } => Fault::StaleSnapshot,
        })
    }
}

/// How far a witness's clock may be ahead of this machine's, in seconds.
const SKEW: i64 = 600;

/// The name of a file that lies beside a snapshot.
#[must_use]
pub fn beside(snapshot: &Path, ending: &str) -> PathBuf {
    let mut name = snapshot.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// The folder that a file lies in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Reads a small file that lies beside a snapshot; `None` where there is none.
///
/// # Errors
/// [`SnapshotError::Read`], for a file that is too long too.
pub fn read_beside(path: &Path) -> Result<Option<Vec<u8>>, SnapshotError> {
    read_within(path, MAX_NOTE)
}

fn read_within(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, SnapshotError> {
    let told = |source| SnapshotError::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(told(error)),
    };
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() > limit {
        return Err(told(io::Error::other("it is too long")));
    }
    Ok(Some(bytes))
}

/// The log whose key vouches for a snapshot: the one named on the command line, else the policy's, else the one that the
/// snapshot was pulled with.
///
/// # Errors
/// [`SnapshotError::NoKey`] where there is none: nothing is taken at its own word.
pub fn log_for(snapshot: &Path, named: Option<&str>, policy: Option<&Policy>) -> Result<PinnedLog, SnapshotError> {
    if let Some(key) = named.or_else(|| policy.and_then(|policy| policy.log_key.as_deref())) {
        return Ok(PinnedLog::parse(key)?);
    }
    let kept = read_beside(&beside(snapshot, "log-key"))?;
    let key = kept.ok_or_else(|| SnapshotError::NoKey(snapshot.to_owned()))?;
    Ok(PinnedLog::parse(&String::from_utf8_lossy(&key))?)
}

/// Reads a signed snapshot note.
///
/// # Errors
/// [`SnapshotError::Note`], [`SnapshotError::NoteText`], [`SnapshotError::Trust`].
pub fn open_note(note: &[u8], log: &PinnedLog) -> Result<SnapshotNote, SnapshotError> {
    let note = Note::parse(note)?;
    note.verify(&[log.snapshot_verifier()?])?;
    let said = parse_note_text(note.text())?;
    if said.origin == log.origin() {
        return Ok(said);
    }
    Err(TrustError::OtherLog { pinned: log.verifier().to_string(), found: said.origin }.into())
}

/// Maps a file into memory.
///
/// # Errors
/// [`SnapshotError::Read`].
pub fn map(path: &Path) -> Result<Mmap, SnapshotError> {
    let told = |source| SnapshotError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(told)?;
    #[expect(unsafe_code, reason = "a map is the one way to look things up in a file larger than memory")]
    // SAFETY: `pull` puts a snapshot in place by renaming and never writes to it again, so that a mapped one keeps its
    // bytes. Who changes it by hand while it is mapped makes reads give damage; who cuts it short ends the process.
    let mapped = unsafe { Mmap::map(&file) };
    mapped.map_err(told)
}

/// Opens a snapshot: its note is the log's, its body the one that the note signs. Of a body with a tree only the header is
/// read now, and the rest checked when it is read.
///
/// # Errors
/// [`SnapshotError`], one variant a fact.
pub fn open(path: &Path, log: &PinnedLog) -> Result<Mapped, SnapshotError> {
    let note_path = beside(path, "note");
    let (note, next) = (read_beside(&note_path)?, read_beside(&beside(path, NEXT_NOTE))?);
    if note.is_none() && next.is_none() {
        return Err(SnapshotError::NoNote(note_path));
    }
    let snapshot = Snapshot::open(map(path)?)?;
    let mut refused = SnapshotError::NoNote(note_path);
    let mut about = Vec::new();
    for note in [next, note].into_iter().flatten() {
        match about_header(&note, log, path, snapshot.header()) {
            Ok(said) => about.push(said),
            Err(error) => refused = error,
        }
    }
    let length = snapshot.bytes().len();
    if let Some(tree) = read_tree(path, length) {
        // Of two notes about one log state (another version of the format) the tree leads to the one whose body lies here.
        if let Some(tree) = about.iter().find_map(|said| Tree::parse(&tree, length, &said.body).ok()) {
            return Ok(snapshot.verify_as_read(tree)?);
        }
    }
    let said = match about.as_slice() {
        [] => return Err(refused),
        [said] => said,
        [first, ..] => {
            // One log state, two bodies: another version of the format. The hash tells which of the two lies here.
            let hash = snapshot.body_hash();
            about.iter().find(|said| said.body == hash).unwrap_or(first)
        }
    };
    Ok(snapshot.verify_hash(&said.body)?)
}

/// The name's end of the tree.
pub(crate) const TREE: &str = "tree";

/// The tree beside a body of this length. Nobody's word is taken for it, so that one that can't be read is as good as none.
fn read_tree(path: &Path, length: usize) -> Option<Vec<u8>> {
    let wanted = Tree::bytes_for(length as u64);
    let file = File::open(beside(path, TREE)).ok()?;
    let mut bytes = Vec::new();
    file.take(wanted + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 == wanted).then_some(bytes)
}

/// The name's end of the note that a pull has ready before it puts the body in place.
pub(crate) const NEXT_NOTE: &str = "note.next";

/// What a note says, if the log signed it and it is about a body with this header.
fn about_header(note: &[u8], log: &PinnedLog, path: &Path, header: &Header) -> Result<SnapshotNote, SnapshotError> {
    let said = open_note(note, log)?;
    if (&header.origin, header.size, header.root) == (&said.origin, said.size, said.root) {
        Ok(said)
    } else {
        Err(SnapshotError::OtherBody(path.to_owned()))
    }
}

/// Ends a pull that was stopped between body and note: the note that was ready takes its place if the body there is its own.
///
/// # Errors
/// [`SnapshotError::Read`] where the note can't be put in place.
pub(crate) fn settle(path: &Path, log: &PinnedLog) -> Result<(), SnapshotError> {
    let next_path = beside(path, NEXT_NOTE);
    let Some(next) = read_beside(&next_path)? else { return Ok(()) };
    let opened = map(path).and_then(|mapped| Ok(Snapshot::open(mapped)?));
    let is_its_own = |snapshot: Snapshot<Mmap>| {
        let said = about_header(&next, log, path, snapshot.header());
        said.is_ok_and(|said| said.body == snapshot.body_hash())
    };
    if opened.is_ok_and(is_its_own) {
        std::fs::rename(&next_path, beside(path, "note"))
            .map_err(|source| SnapshotError::Read { path: next_path, source })?;
    }
    Ok(())
}

/// The name's end of a later checkpoint and the proof that it contains the snapshot's state.
pub(crate) const GROWTH: &str = "growth";

/// Until when a snapshot is known to have been the log's newest state: the registered time of its last statement, or later
/// where the pinned witnesses have cosigned, in the checkpoint beside it, just this state. One that they have cosigned and that
/// contains this state says that they have seen it, and not that it was the newest then.
///
/// # Errors
/// [`SnapshotError::Read`]; [`SnapshotError::Trust`] where witnesses are pinned and too few have seen this state.
pub fn fresh_at(path: &Path, header: &Header, log: &PinnedLog, now: Timestamp) -> Result<Timestamp, SnapshotError> {
    let Some(policy) = log.witnesses() else { return Ok(header.time) };
    let unseen = || TrustError::from(CosignatureError::Quorum { found: 0, quorum: policy.quorum() });
    let note = read_beside(&beside(path, "checkpoint"))?.ok_or_else(unseen)?;
    let checkpoint = log.open(&note)?;
    if (checkpoint.size, checkpoint.root) == (header.size, header.root) {
        return Ok(freshest(header.time, log.seen_at(&note)?, now));
    }
    let grown = read_within(&beside(path, GROWTH), MAX_ADD_CHECKPOINT)?.ok_or_else(unseen)?;
    let grown = AddCheckpoint::parse(&grown).map_err(|_| unseen())?;
    let later = log.open(grown.note.as_bytes())?;
    follows(Some((header.size, header.root)), grown.old, &grown.proof, &later).map_err(|_| unseen())?;
    Ok(header.time)
}

/// The later of two times that speak for a state. A witness's that lies in the future says nothing: whoever is held back by
/// an old state must not be told for ever that it is fresh.
#[must_use]
pub fn freshest(stated: Timestamp, seen: Option<Timestamp>, now: Timestamp) -> Timestamp {
    seen.filter(|seen| *seen <= now.plus_seconds(SKEW)).map_or(stated, |seen| seen.max(stated))
}

/// Refuses what was last known to be fresh more than so many days ago.
///
/// # Errors
/// [`SnapshotError::TooOld`].
pub fn check_age(fresh_at: Timestamp, days: Option<u32>, now: Timestamp) -> Result<(), SnapshotError> {
    let Some(days) = days else { return Ok(()) };
    let oldest = now.plus_seconds(-i64::from(days) * Timestamp::DAY);
    if fresh_at < oldest { Err(SnapshotError::TooOld { time: fresh_at, days }) } else { Ok(()) }
}

/// A snapshot as it was at an earlier moment: what was registered later is not there.
#[derive(Debug)]
pub struct AsOf<'s> {
    /// The snapshot.
    pub snapshot: &'s Mapped,
    /// What was registered by then.
    pub moment: Timestamp,
}

impl AsOf<'_> {
    fn known(&self, mut found: Vec<Arc<Registered>>) -> Vec<Arc<Registered>> {
        found.retain(|registered| registered.registered_at <= self.moment);
        found
    }
}

impl Lookup for AsOf<'_> {
    fn covering(&self, keys: &Keys) -> Vec<Arc<Registered>> {
        self.known(self.snapshot.covering(keys))
    }

    fn naming(&self, id: &StatementId) -> Vec<Arc<Registered>> {
        self.known(self.snapshot.naming(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_of_the_future_keeps_nothing_fresh() {
        let (stated, now) = (Timestamp(1_000), Timestamp(1_000_000));
        let at = |seen: i64| freshest(stated, Some(Timestamp(seen)), now).0;
        assert_eq!((at(5), at(999_999), at(1_000_600), at(1_000_601)), (1_000, 999_999, 1_000_600, 1_000));
        assert_eq!(freshest(stated, None, now), stated);
        assert!(check_age(Timestamp(at(i64::MAX)), Some(1), now).is_err());
        assert!(check_age(now, Some(0), now).is_ok() && check_age(stated, None, now).is_ok());
    }
}
