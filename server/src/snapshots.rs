//! Snapshots: bodies and notes by log size, made on demand from the log and kept as files; equal bytes whenever made again.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cleartitle_schema::snapshot::{self, BuildError, Tables, note_text};
use cleartitle_schema::tlog::note::{Note, NoteError, NoteSigner};
use cleartitle_schema::vocab::Use;

use crate::clearance::{Clearance, ClearanceError};
use crate::store::{Store, StoreError};

/// How many snapshots are kept as files.
const KEPT: usize = 32;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The statements could not be read.
    #[error(transparent)]
    Statements(#[from] ClearanceError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The body could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The note could not be signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A file could not be read or written.
    #[error("`{}`: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// The log never signed a checkpoint of this size.
    #[error("the log has no checkpoint over {0} leaves")]
    NoCheckpoint(u64),
}

/// A snapshot that lies ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// The number of leaves.
    pub size: u64,
    /// Their root, in base64.
    pub root: String,
    /// BLAKE3 of the body.
    pub body_hash: [u8; 32],
    /// The body's length.
    pub length: u64,
    /// The signed note.
    pub note: String,
    /// The body.
    pub path: PathBuf,
}

/// Makes and keeps snapshots.
pub struct Snapshots {
    folder: PathBuf,
    origin: String,
    signer: NoteSigner,
    store: Arc<dyn Store>,
    ready: Mutex<Vec<Ready>>,
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> SnapshotError {
    move |error| SnapshotError::Io { path: path.to_owned(), error }
}

/// Digests of the tables that verdicts rest on beside the statements, as this program has them.
#[must_use]
pub fn tables() -> Tables {
    let mut vocabulary = blake3::Hasher::new();
    for word in Use::ALL {
        vocabulary.update(word.word().as_bytes()).update(b"\n");
    }
    Tables { vocabulary: *vocabulary.finalize().as_bytes(), ..Tables::default() }
}

impl Snapshots {
    /// Snapshots of the log `origin` in this folder, signed by the log's key under the name `<origin>/snapshot`.
    ///
    /// # Errors
    /// [`NoteError`] for an origin that can't name a key.
    pub fn new(
        folder: PathBuf,
        origin: &str,
        key: ed25519_dalek::SigningKey,
        store: Arc<dyn Store>,
    ) -> Result<Self, NoteError> {
        let signer = NoteSigner::new(&format!("{origin}/snapshot"), key)?;
        Ok(Self { folder, origin: origin.to_owned(), signer, store, ready: Mutex::default() })
    }

    /// The snapshot of the newest checkpoint.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn latest(&self, clearance: &Clearance) -> Result<Ready, SnapshotError> {
        let newest = self.store.latest_checkpoint()?.ok_or(SnapshotError::NoCheckpoint(0))?;
        self.at(newest.size, clearance)
    }

    /// The snapshot of this size; the log must have signed a checkpoint of just this size. One is made at a time.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn at(&self, size: u64, clearance: &Clearance) -> Result<Ready, SnapshotError> {
        let checkpoint = self.store.checkpoint_from(size)?.filter(|checkpoint| checkpoint.size == size);
        let checkpoint = checkpoint.ok_or(SnapshotError::NoCheckpoint(size))?;
        let mut known = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = known.iter().find(|ready| ready.size == size && ready.path.is_file()) {
            return Ok(ready.clone());
        }
        let statements = clearance.statements(size)?;
        let last = match size.checked_sub(1) {
            Some(index) => self.store.leaves(index..size)?.pop(),
            None => None,
        };
        let time =
            last.and_then(|leaf| cleartitle_schema::leaf::Leaf::parse(&leaf).ok()).map(|leaf| leaf.registered_at);
        let head = snapshot::Head {
            origin: self.origin.clone(),
            size,
            root: checkpoint.root,
            time: time.unwrap_or(cleartitle_schema::time::Timestamp::MIN),
        };
        let path = self.folder.join(format!("{size}.snapshot"));
        let beside = self.folder.join(format!("{size}.new"));
        let file = fs::File::create(&beside).map_err(io_at(&beside))?;
        let mut out = io::BufWriter::new(file);
        let built = snapshot::build(&statements, &head, &tables(), &mut out)?;
        out.flush().map_err(io_at(&beside))?;
        let note = Note::sign(&note_text(&built.header, &built.body_hash), &[&self.signer])?.to_text();
        fs::rename(&beside, &path).map_err(io_at(&path))?;
        let note_path = self.folder.join(format!("{size}.note"));
        fs::write(&note_path, &note).map_err(io_at(&note_path))?;
        let root = checkpoint.root.to_base64();
        let ready = Ready { size, root, body_hash: built.body_hash, length: built.length, note, path };
        known.retain(|other| other.size != size);
        known.push(ready.clone());
        while known.len() > KEPT {
            let oldest = known.remove(0);
            let _ = fs::remove_file(&oldest.path);
            let _ = fs::remove_file(oldest.path.with_extension("note"));
        }
        Ok(ready)
    }

    /// Makes every body in the folder again; returns the sizes whose file had other bytes, and how many there are.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn make_again(&self, clearance: &Clearance) -> Result<(Vec<u64>, usize), SnapshotError> {
        let (mut differing, mut count) = (Vec::new(), 0);
        for file in fs::read_dir(&self.folder).map_err(io_at(&self.folder))? {
            let path = file.map_err(io_at(&self.folder))?.path();
            let size = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
            let (Some(size), Some("snapshot")) = (size, path.extension().and_then(|it| it.to_str())) else { continue };
            count += 1;
            let before = blake3::hash(&fs::read(&path).map_err(io_at(&path))?);
            if *before.as_bytes() != self.at(size, clearance)?.body_hash {
                differing.push(size);
            }
        }
        differing.sort_unstable();
        Ok((differing, count))
    }
}
