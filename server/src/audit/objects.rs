//! The object storage against the store: its checkpoint, and everything that this commits to, byte for byte; and evidence that lies there.
//!
//! Partial tiles of smaller sizes are not looked at: no reader of the present checkpoint asks for them. A storage that fails is no
//! finding but an end: what was not read is not right.

use bytes::Bytes;
use cleartitle_schema::api::SnapshotView;
use cleartitle_schema::fault::Fault;
use cleartitle_schema::id::BlobId;
use cleartitle_schema::snapshot::{NoteTextError, parse_note_text};
use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::note::{Note, NoteVerifier};
use cleartitle_schema::tlog::tile::root_within;
use futures_util::StreamExt as _;
use tokio::runtime::Runtime;

use super::Report;
use crate::log::tile_reader;
use crate::objects::evidence::lies_elsewhere;
use crate::objects::pieces::{Piece, new_tiles, opened};
use crate::objects::purge::PurgeError;
use crate::objects::{ObjectError, Objects, layout, waiting};
use crate::store::StoreError;
use crate::store::database::Database;

/// How many objects are read at once; lists are read by twos.
const AT_ONCE: usize = 16;
const LISTS_AT_ONCE: usize = 2;

/// The longest of those that change.
const MAX_NOTE: u64 = 256 << 10;

/// How many leaves are read at once.
const PAGE: u64 = 256;

/// What changes in the storage, read before the store is: beside a running server the store is then never behind it.
pub struct Looked {
    objects: Objects,
    network: Runtime,
    checkpoint: Option<Bytes>,
    latest: Option<Bytes>,
}

/// What should stand under a key.
enum Wanted {
    Bytes(Bytes),
    Blob(BlobId),
    Digest([u8; 32]),
    Nothing,
}

/// What was found there.
enum Found {
    Right,
    Other,
    Missing,
    Failed(ObjectError),
}

impl Looked {
    /// Looks at a storage.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub fn at(objects: Objects) -> Result<Self, ObjectError> {
        let network = waiting()?;
        let read = |key| network.block_on(objects.read(key, MAX_NOTE)).map(|held| held.map(|held| held.bytes));
        let (checkpoint, latest) = (read(layout::CHECKPOINT)?, read(layout::LATEST)?);
        Ok(Self { objects, network, checkpoint, latest })
    }

    /// Holds it against a store, and adds to the report what it finds. What is damaged in the store ends the comparison, as a finding.
    ///
    /// # Errors
    /// A storage or a store that can't be read.
    pub fn check(&self, store: &dyn Database, log: &NoteVerifier, report: &mut Report) -> Result<(), PurgeError> {
        match self.compare_all(store, log, report) {
            Err(PurgeError::Store(StoreError::Damaged(why))) => {
                report.found(Fault::Damaged, format!("the objects can't be held against the store: {why}"));
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn compare_all(&self, store: &dyn Database, log: &NoteVerifier, report: &mut Report) -> Result<(), PurgeError> {
        self.evidence(store, report)?;
        let size = match self.size(store, log)? {
            Ok(size) => size,
            Err((code, what)) => {
                report.found(code, what);
                return Ok(());
            }
        };
        let mut at = 0;
        while at < size {
            let found = opened(store, at..size.min(at + PAGE))?;
            self.pieces(store, found.small, AT_ONCE, report)?;
            self.pieces(store, found.lists, LISTS_AT_ONCE, report)?;
            let erased = found.erased.iter().map(|commitment| (layout::published(commitment), Wanted::Nothing));
            self.compare(erased.collect(), AT_ONCE, report)?;
            at += PAGE;
        }
        let mut tiles = new_tiles(0, size);
        while !tiles.is_empty() {
            let rest = tiles.split_off(tiles.len().min(256));
            self.pieces(store, std::mem::replace(&mut tiles, rest), AT_ONCE, report)?;
        }
        self.snapshot(log, report)
    }

    /// How many leaves the storage's checkpoint covers, or what is wrong with it. None is no fault: nothing was published yet.
    fn size(&self, store: &dyn Database, log: &NoteVerifier) -> Result<Result<u64, (Fault, String)>, StoreError> {
        let Some(note) = &self.checkpoint else { return Ok(Ok(0)) };
        let theirs = match Checkpoint::open(note, log.name(), std::slice::from_ref(log)) {
            Ok(theirs) => theirs,
            Err(error) => {
                return Ok(Err((Fault::WrongSignature, format!("the checkpoint among the objects: {error}"))));
            }
        };
        let ours = store.latest_checkpoint()?.map_or(0, |ours| ours.size);
        if theirs.size > ours {
            let what = format!("the checkpoint among the objects covers {} leaves, the store has {ours}", theirs.size);
            return Ok(Err((Fault::Rollback, what)));
        }
        let root = root_within(theirs.size, ours, tile_reader(store));
        let root = root.map_err(|error| StoreError::Damaged(error.to_string()))?;
        if root == theirs.root {
            return Ok(Ok(theirs.size));
        }
        let what = format!("the checkpoint among the objects has another root over {} leaves", theirs.size);
        Ok(Err((Fault::ForkedLog, what)))
    }

    /// Evidence that lies here alone.
    fn evidence(&self, store: &dyn Database, report: &mut Report) -> Result<(), PurgeError> {
        let mut last: Option<BlobId> = None;
        loop {
            let page = store.blobs(last.as_ref())?;
            let Some(end) = page.last() else { break };
            last = Some(*end);
            let mut wanted = Vec::new();
            for blob in page {
                if store.blob(&blob)?.is_some_and(|kept| lies_elsewhere(&blob, &kept)) {
                    wanted.push((layout::blob(&blob), Wanted::Blob(blob)));
                }
            }
            report.blobs += self.compare(wanted, AT_ONCE, report)?;
        }
        report.elsewhere = 0;
        Ok(())
    }

    fn pieces(
        &self,
        store: &dyn Database,
        pieces: Vec<Piece>,
        at_once: usize,
        report: &mut Report,
    ) -> Result<(), PurgeError> {
        // As many are read from the store as are compared at once: they may be long.
        for some in pieces.chunks(at_once) {
            let mut wanted = Vec::new();
            for piece in some {
                if let Some(bytes) = piece.read(store)? {
                    wanted.push((piece.key(), Wanted::Bytes(bytes)));
                }
            }
            self.compare(wanted, at_once, report)?;
        }
        Ok(())
    }

    /// Compares; how many are right.
    fn compare(&self, wanted: Vec<(String, Wanted)>, at_once: usize, report: &mut Report) -> Result<u64, ObjectError> {
        let looks = wanted.into_iter().map(|(key, wanted)| async move {
            let found = self.look(&key, &wanted).await;
            (key, matches!(wanted, Wanted::Nothing), found)
        });
        let found = futures_util::stream::iter(looks).buffer_unordered(at_once).collect::<Vec<_>>();
        let mut right = 0;
        for (key, erased, found) in self.network.block_on(found) {
            report.objects += 1;
            let what = match found {
                Found::Right => {
                    right += 1;
                    continue;
                }
                Found::Failed(error) => return Err(error),
                Found::Missing => format!("`{key}` is not among the objects"),
                Found::Other if erased => {
                    format!("`{key}` is still among the objects and was erased: run `cleartitle-server erase` again")
                }
                Found::Other => format!("`{key}` has other bytes among the objects"),
            };
            let code = match key.split('/').nth(1) {
                Some("entries") => Fault::AlteredEntry,
                Some(_) if key.starts_with("tile/") => Fault::AlteredTile,
                _ => Fault::AlteredBytes,
            };
            report.found(code, what);
        }
        Ok(right)
    }

    async fn look(&self, key: &str, wanted: &Wanted) -> Found {
        let held = match wanted {
            Wanted::Bytes(bytes) => {
                self.objects.read(key, bytes.len() as u64).await.map(|held| held.map(|held| held.bytes == bytes))
            }
            Wanted::Blob(blob) => self.objects.evidence(blob).await.map(|held| held.map(|_| true)),
            Wanted::Digest(hash) => {
                self.objects.digest(key).await.map(|held| held.map(|(found, _)| found.as_bytes() == hash))
            }
            Wanted::Nothing => match self.objects.length(key).await {
                Ok(None) => return Found::Right,
                held => held.map(|held| held.map(|_| false)),
            },
        };
        match held {
            Ok(Some(true)) => Found::Right,
            Ok(Some(false)) => Found::Other,
            Ok(None) => Found::Missing,
            Err(error) if error.is_grave() => Found::Other,
            Err(error) => Found::Failed(error),
        }
    }

    /// The newest snapshot: what is said of it is signed, and its body has the signed hash.
    fn snapshot(&self, log: &NoteVerifier, report: &mut Report) -> Result<(), PurgeError> {
        let Some(latest) = &self.latest else { return Ok(()) };
        let wrong = |why: &str| format!("`{}` among the objects: {why}", layout::LATEST);
        let signer = NoteVerifier::new(&format!("{}/snapshot", log.name()), *log.key());
        let signer = signer.map_err(|error| StoreError::Damaged(error.to_string()))?;
        let signed = serde_json::from_slice::<SnapshotView>(latest).map_err(|error| wrong(&error.to_string()));
        let signed = signed.and_then(|view| {
            let note = Note::parse(view.note.as_bytes()).map_err(|error| wrong(&error.to_string()))?;
            note.verify(std::slice::from_ref(&signer)).map_err(|error| wrong(&error.to_string()))?;
            match parse_note_text(note.text()) {
                Ok(said) if said.origin == log.name() && said.size == view.size => Ok(Some(said)),
                Ok(_) => Err(wrong("its note speaks of another snapshot")),
                // Ours, of a program before this one: the next one takes its place, and readers refuse it meanwhile.
                Err(NoteTextError::Version(_)) => Ok(None),
                Err(error) => Err(wrong(&error.to_string())),
            }
        });
        match signed {
            Ok(Some(said)) => {
                self.compare(vec![(layout::snapshot(said.size), Wanted::Digest(said.body))], 1, report)?;
            }
            Ok(None) => {}
            Err(what) => report.found(Fault::WrongSignature, what),
        }
        Ok(())
    }
}
