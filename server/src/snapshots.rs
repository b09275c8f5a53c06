//! Snapshots: bodies and notes by log size, made on demand from the log and kept as files; equal bytes whenever made again.

use std::fs;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cleartitle_schema::api::SnapshotView;
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::ContentId;
use cleartitle_schema::snapshot::format::{FORMAT_VERSION, MAGIC};
use cleartitle_schema::snapshot::{self, BuildError, Room, Tables, note_text, parse_note_text};
use cleartitle_schema::tlog::note::{Note, NoteError, NoteSigner};
use cleartitle_schema::vocab::Use;

use memmap2::Mmap;

use crate::store::{Page, Store, StoreError};
use crate::turns::Turns;

/// How many snapshots are kept as files.
const KEPT: usize = 32;

/// Memory that a build sorts in; what is more goes to files in the snapshots' folder that have no name.
const SORTED_IN_MEMORY: usize = 256 << 20;

/// How many statements are read at once; each has 48,000 bytes at most.
const PAGE: usize = 500;

/// How many may wait for a snapshot to be made: of the past few, so that the newest is never far behind them.
const WAITING: usize = 64;
const WAITING_FOR_THE_PAST: usize = 8;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
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
    /// Too many sizes are asked for at once.
    #[error("too many snapshots are asked for at once")]
    Busy,
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

impl Ready {
    /// What readers are told of it.
    #[must_use]
    pub fn view(&self) -> SnapshotView {
        SnapshotView {
            size: self.size,
            root: self.root.clone(),
            blake3: ContentId(self.body_hash).to_string().trim_start_matches(ContentId::PREFIX).to_owned(),
            bytes: self.length,
            note: self.note.clone(),
            url: format!("/v1/snapshots/{}", self.size),
        }
    }

    /// Maps the body.
    ///
    /// # Errors
    /// What opening and mapping give.
    pub fn map(&self) -> io::Result<Mmap> {
        let file = fs::File::open(&self.path)?;
        #[expect(unsafe_code, reason = "a map is the one way to look things up in a file larger than memory")]
        // SAFETY: a body is put in place by renaming and never written to again; one that is deleted keeps its bytes while it
        // is mapped. Who changes it by hand makes reads give damage; who cuts it short ends the process.
        let mapped = unsafe { Mmap::map(&file) };
        mapped
    }
}

/// Makes and keeps snapshots.
pub struct Snapshots {
    folder: PathBuf,
    origin: String,
    signer: NoteSigner,
    store: Arc<dyn Store>,
    ready: Mutex<Vec<Ready>>,
    turns: Turns,
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
        Ok(Self { folder, origin: origin.to_owned(), signer, store, ready: Mutex::default(), turns: Turns::default() })
    }

    /// The snapshot of this size; the log must have signed a checkpoint of just this size. One is made at a time.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn at(&self, size: u64) -> Result<Ready, SnapshotError> {
        let checkpoint = self.store.checkpoint_from(size)?.filter(|checkpoint| checkpoint.size == size);
        let checkpoint = checkpoint.ok_or(SnapshotError::NoCheckpoint(size))?;
        if let Some(ready) = self.present(size) {
            return Ok(ready);
        }
        let newest = self.store.latest_checkpoint()?.is_some_and(|newest| newest.size == size);
        let most = if newest { WAITING } else { WAITING_FOR_THE_PAST };
        let _turn = self.turns.take(most).ok_or(SnapshotError::Busy)?;
        if let Some(ready) = self.present(size) {
            return Ok(ready);
        }
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
        let mut room = Room::bounded(SORTED_IN_MEMORY, || Ok(Box::new(tempfile::tempfile_in(&self.folder)?)));
        let built = snapshot::build_within(self.statements(size), &head, &tables(), &mut room, &mut out)?;
        out.flush().map_err(io_at(&beside))?;
        let note = Note::sign(&note_text(&built.header, &built.body_hash), &[&self.signer])?.to_text();
        fs::rename(&beside, &path).map_err(io_at(&path))?;
        let note_path = self.folder.join(format!("{size}.note"));
        fs::write(&note_path, &note).map_err(io_at(&note_path))?;
        let root = checkpoint.root.to_base64();
        let ready = Ready { size, root, body_hash: built.body_hash, length: built.length, note, path };
        let mut known = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|other| other.size != size);
        known.push(ready.clone());
        while known.len() > KEPT {
            let oldest = known.remove(0);
            let _ = fs::remove_file(&oldest.path);
            let _ = fs::remove_file(oldest.path.with_extension("note"));
        }
        Ok(ready)
    }

    /// The newest snapshot that was made before this start and whose note is the log's own. Its body is yet to be held against it.
    pub fn newest_lying(&self) -> Option<Ready> {
        let files = fs::read_dir(&self.folder).ok()?.map_while(Result::ok);
        let size = |path: &Path| path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        let of_notes = files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|it| it == "note"));
        let mut sizes: Vec<u64> = of_notes.filter_map(|path| size(&path)).collect();
        sizes.sort_unstable();
        sizes.into_iter().rev().find_map(|size| self.lying(size))
    }

    fn lying(&self, size: u64) -> Option<Ready> {
        let path = self.folder.join(format!("{size}.snapshot"));
        let note = fs::read_to_string(path.with_extension("note")).ok()?;
        let signed = Note::parse(note.as_bytes()).ok().filter(|_| self.is_own(&note))?;
        let said =
            parse_note_text(signed.text()).ok().filter(|said| said.origin == self.origin && said.size == size)?;
        let length = fs::metadata(&path).ok()?.len();
        Some(Ready { size, root: said.root.to_base64(), body_hash: said.body, length, note, path })
    }

    /// Whether a note, of this version of the format or of another, is signed by this log's own key for its snapshots.
    #[must_use]
    pub fn is_own(&self, note: &str) -> bool {
        let signed = Note::parse(note.as_bytes());
        signed.is_ok_and(|note| note.verify(std::slice::from_ref(self.signer.verifier())).is_ok())
    }

    /// The snapshot of this size, where it lies ready.
    fn present(&self, size: u64) -> Option<Ready> {
        let known = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|ready| ready.size == size && ready.path.is_file()).cloned()
    }

    /// The statements of the log's first `size` leaves as the store gives them, page by page.
    fn statements(&self, size: u64) -> impl Iterator<Item = Result<Arc<Registered>, StoreError>> {
        let mut from = Some(0);
        std::iter::from_fn(move || {
            let page = Page { from: from?, below: Some(size), limit: PAGE, ..Page::default() };
            let read = self.store.statements(&page);
            from = match read.as_deref() {
                Ok([.., last]) => Some(last.registered.index + 1),
                Ok([]) | Err(_) => None,
            };
            match read {
                Ok(stored) if stored.is_empty() => None,
                Ok(stored) => Some(stored.into_iter().map(|it| Ok(Arc::new(it.registered))).collect::<Vec<_>>()),
                Err(error) => Some(vec![Err(error)]),
            }
        })
        .flatten()
    }

    /// Deletes every body over more than `index` leaves, and what was left of one half made: they may hold what was erased at that
    /// leaf. They are made again when they are asked for.
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub fn forget_after(&self, index: u64) -> Result<usize, SnapshotError> {
        let mut forgotten = 0;
        for file in fs::read_dir(&self.folder).map_err(io_at(&self.folder))? {
            let path = file.map_err(io_at(&self.folder))?.path();
            let size = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
            if size.is_none_or(|size| size > index) && path.is_file() {
                fs::remove_file(&path).map_err(io_at(&path))?;
                forgotten += 1;
            }
        }
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).retain(|ready| ready.size <= index);
        Ok(forgotten)
    }

    /// Makes every body in the folder again; returns the sizes whose file had other bytes, and how many there are.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn make_again(&self) -> Result<(Vec<u64>, usize), SnapshotError> {
        let (mut differing, mut count) = (Vec::new(), 0);
        for file in fs::read_dir(&self.folder).map_err(io_at(&self.folder))? {
            let path = file.map_err(io_at(&self.folder))?.path();
            let size = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
            let (Some(size), Some("snapshot")) = (size, path.extension().and_then(|it| it.to_str())) else { continue };
            count += 1;
            let before = body_hash(&path).map_err(io_at(&path))?;
            let made = self.at(size)?.body_hash;
            if before.is_some_and(|before| before != made) {
                differing.push(size);
            }
        }
        differing.sort_unstable();
        Ok((differing, count))
    }
}

/// BLAKE3 of a body; `None` of one in another version of the format, which no body of this one can equal.
fn body_hash(path: &Path) -> io::Result<Option<[u8; 32]>> {
    let mut file = fs::File::open(path)?;
    let mut head = Vec::new();
    io::Read::take(&mut file, 12).read_to_end(&mut head)?;
    if head.starts_with(&MAGIC) && head.get(8..) != Some(&FORMAT_VERSION.to_le_bytes()) {
        return Ok(None);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&head).update_reader(file)?;
    Ok(Some(*hasher.finalize().as_bytes()))
}
