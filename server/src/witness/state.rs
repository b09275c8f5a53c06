//! What a witness remembers, and the one step that makes it one: check, sign and remember in a single transaction.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::cosignature::WitnessSigner;
use cleartitle_schema::tlog::hash::Hash;
use cleartitle_schema::tlog::note::{Note, NoteVerifier};
use cleartitle_schema::tlog::witness::{AddCheckpoint, Objection, checkpoint_path, follows};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

/// The tables, in the one version that there is.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS witness (only INTEGER PRIMARY KEY CHECK (only = 1), key TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS logs (
        origin TEXT PRIMARY KEY,
        size INTEGER NOT NULL,
        root BLOB NOT NULL,
        time INTEGER NOT NULL,
        note TEXT NOT NULL
    ) WITHOUT ROWID;";

/// How many contradictions are kept as files: one convicts a log, more only fill the disk.
const MAX_EVIDENCE: usize = 64;

/// Why the witness's memory can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The database failed.
    #[error("the witness's database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// The database remembers for another name or key.
    #[error("this folder belongs to the witness `{kept}`, not to `{asked}`")]
    Other {
        /// The key that it belongs to.
        kept: String,
        /// The key that is here now.
        asked: String,
    },
}

/// The memory of a witness.
pub struct State {
    connection: Mutex<Connection>,
}

/// The newest checkpoint of a log that was cosigned.
struct Last {
    size: u64,
    root: Hash,
    time: u64,
}

/// What a witness answers to a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200: its cosignature, a line.
    Cosigned(String),
    /// 409: the size that it cosigned last.
    Conflict(u64),
    /// 400: the body can't be read, or goes backwards.
    Malformed(String),
    /// 404: a log that it doesn't witness.
    UnknownOrigin,
    /// 403: not signed by the log.
    Unsigned(String),
    /// 422: it does not continue what was cosigned.
    Inconsistent(String),
    /// 503: it can't sign now.
    Unavailable(String),
}

/// A witness: its key, the logs that it knows, what it remembers of them.
pub struct Witness {
    signer: WitnessSigner,
    logs: Vec<NoteVerifier>,
    state: State,
    evidence: PathBuf,
}

impl State {
    /// Opens the database, and makes it if there is none.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        // FULL: what was cosigned must be remembered after a loss of power too.
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;")?;
        connection.execute_batch(TABLES)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Binds the database to a key, once: another key must not sign by this memory, nor this key by another.
    ///
    /// # Errors
    /// [`StateError::Other`].
    pub fn belongs_to(&self, key: &str) -> Result<(), StateError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        connection.execute("INSERT OR IGNORE INTO witness (only, key) VALUES (1, ?1)", [key])?;
        let kept: String = connection.query_row("SELECT key FROM witness", [], |row| row.get(0))?;
        if kept == key { Ok(()) } else { Err(StateError::Other { kept, asked: key.to_owned() }) }
    }

    fn note(&self, origin: &str) -> Result<Option<String>, StateError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(connection.query_row("SELECT note FROM logs WHERE origin = ?1", [origin], |row| row.get(0)).optional()?)
    }
}

fn last(connection: &Connection, origin: &str) -> rusqlite::Result<Option<Last>> {
    let read = |row: &rusqlite::Row<'_>| {
        let (size, time): (i64, i64) = (row.get(0)?, row.get(2)?);
        Ok(Last { size: size.cast_unsigned(), root: Hash(row.get(1)?), time: time.cast_unsigned() })
    };
    connection.query_row("SELECT size, root, time FROM logs WHERE origin = ?1", [origin], read).optional()
}

impl Witness {
    /// A witness of these logs. What contradicts a cosigned checkpoint is kept in the folder `evidence`.
    #[must_use]
    pub fn new(signer: WitnessSigner, logs: Vec<NoteVerifier>, state: State, evidence: PathBuf) -> Self {
        Self { signer, logs, state, evidence }
    }

    /// The checkpoint of a log that was cosigned last, by the path that the protocol gives it.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub fn latest(&self, path: &str) -> Result<Option<String>, StateError> {
        match self.logs.iter().find(|log| checkpoint_path(log.name()) == path) {
            Some(log) => self.state.note(log.name()),
            None => Ok(None),
        }
    }

    /// Judges a body of `add-checkpoint` at the time `now`, in the protocol's order; what is cosigned is remembered first.
    #[must_use]
    pub fn add(&self, body: &[u8], now: u64) -> Answer {
        let request = match AddCheckpoint::parse(body) {
            Ok(request) => request,
            Err(error) => return Answer::Malformed(error.to_string()),
        };
        let parsed = Note::parse(request.note.as_bytes()).map_err(|error| error.to_string()).and_then(|note| {
            Checkpoint::parse_text(note.text()).map(|checkpoint| (note, checkpoint)).map_err(|error| error.to_string())
        });
        let (note, checkpoint) = match parsed {
            Ok(parsed) => parsed,
            Err(error) => return Answer::Malformed(error),
        };
        let keys: Vec<NoteVerifier> = self.logs.iter().filter(|log| log.name() == checkpoint.origin).cloned().collect();
        if keys.is_empty() {
            return Answer::UnknownOrigin;
        }
        if let Err(error) = note.verify(&keys) {
            return Answer::Unsigned(error.to_string());
        }
        let signed = by_known_keys(&note, &keys);
        match self.advance(&request, &checkpoint, &signed, now) {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(%error, "nothing was cosigned");
                Answer::Unavailable("the witness can't remember what it would sign".to_owned())
            }
        }
    }

    /// Compare and swap: what was cosigned last is read, the new checkpoint held against it, signed and written in one
    /// transaction that no other can get between. The answer leaves only after it is on the disk.
    fn advance(
        &self,
        request: &AddCheckpoint,
        checkpoint: &Checkpoint,
        signed: &str,
        now: u64,
    ) -> Result<Answer, StateError> {
        let mut connection = self.state.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let last = last(&transaction, &checkpoint.origin)?;
        if let Some(last) = &last
            && last.size == checkpoint.size
            && last.root != checkpoint.root
        {
            tracing::error!(
                origin = checkpoint.origin,
                log.size = last.size,
                "SPLIT VIEW: the log signed two roots of one size"
            );
            self.keep_evidence(checkpoint, signed);
        }
        match follows(last.as_ref().map(|last| (last.size, last.root)), request.old, &request.proof, checkpoint) {
            Ok(()) => {}
            Err(Objection::Conflict(size)) => return Ok(Answer::Conflict(size)),
            Err(objection @ Objection::Backwards { .. }) => return Ok(Answer::Malformed(objection.to_string())),
            Err(objection @ Objection::Inconsistent(_)) => return Ok(Answer::Inconsistent(objection.to_string())),
        }
        // A cosignature says that nothing larger had been seen by its time; an earlier one must not be said later.
        if last.is_some_and(|last| now < last.time) {
            return Ok(Answer::Unavailable("the witness's clock is behind what it has signed already".to_owned()));
        }
        let text = checkpoint.to_text();
        let Ok(line) = self.signer.cosign(&text, now) else {
            return Ok(Answer::Malformed("the checkpoint can't be cosigned".to_owned()));
        };
        let line = line.to_line();
        let sql = "INSERT OR REPLACE INTO logs (origin, size, root, time, note) VALUES (?1, ?2, ?3, ?4, ?5)";
        let (size, time) = (checkpoint.size.cast_signed(), now.cast_signed());
        transaction
            .execute(sql, params![checkpoint.origin, size, checkpoint.root.0, time, format!("{signed}{line}")])?;
        transaction.commit()?;
        Ok(Answer::Cosigned(line))
    }

    /// Keeps a contradiction as a file, for `cleartitle gossip` to make a proof of. Best effort: nothing is signed either way.
    fn keep_evidence(&self, checkpoint: &Checkpoint, signed: &str) {
        let _ = fs::create_dir_all(&self.evidence);
        let kept = fs::read_dir(&self.evidence).map_or(0, Iterator::count);
        let root: String = checkpoint.root.0.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let digest = checkpoint_path(&checkpoint.origin);
        let name = format!("{}-{}-{root}.checkpoint", digest.get(..16).unwrap_or_default(), checkpoint.size);
        let path = self.evidence.join(name);
        if kept < MAX_EVIDENCE
            && !path.exists()
            && let Err(error) = fs::write(&path, signed)
        {
            tracing::warn!(%error, "evidence was not kept");
        }
    }
}

/// The note with the lines of these keys alone: a stranger's line is nothing to pass on.
fn by_known_keys(note: &Note, keys: &[NoteVerifier]) -> String {
    let mut text = format!("{}\n", note.text());
    for line in note.signatures() {
        if keys.iter().any(|key| key.name() == line.name && key.key_hash() == line.key_hash) {
            text.push_str(&line.to_line());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use cleartitle_schema::tlog::hash::leaf_hash;
    use cleartitle_schema::tlog::note::NoteSigner;
    use cleartitle_schema::tlog::proof::consistency;
    use cleartitle_schema::tlog::tile::tiles_after;
    use ed25519_dalek::SigningKey;

    use super::*;

    const ORIGIN: &str = "registry.example/log";

    fn witness(folder: &Path) -> Witness {
        let signer = WitnessSigner::new("witness.example", SigningKey::from_bytes(&[7; 32])).unwrap();
        let state = State::open(&folder.join("witness.sqlite")).unwrap();
        state.belongs_to(&signer.verifier().to_string()).unwrap();
        Witness::new(signer, vec![log(1).verifier().clone()], state, folder.join("evidence"))
    }

    fn log(seed: u8) -> NoteSigner {
        NoteSigner::new(ORIGIN, SigningKey::from_bytes(&[seed; 32])).unwrap()
    }

    /// A signed checkpoint of so many leaves of a past named `past`, with its proof from `old`.
    fn body(past: &str, old: u64, size: u64, signer: &NoteSigner) -> Vec<u8> {
        let leaf = |number: u64| leaf_hash(format!("{} {number}", if number < 3 { "common" } else { past }).as_bytes());
        let hashes: Vec<Hash> = (0..size).map(leaf).collect();
        let (tiles, root) = tiles_after(0, &hashes, |_| None).unwrap();
        let reader = |id| tiles.iter().find(|(tile, _)| *tile == id).map(|(_, bytes)| bytes.clone());
        let proof = if old <= size { consistency(old, size, reader).unwrap() } else { Vec::new() };
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root, extensions: Vec::new() };
        let note = checkpoint.sign(&[signer]).unwrap().to_text();
        AddCheckpoint { old, proof, note }.to_text().into_bytes()
    }

    #[test]
    fn one_past_is_cosigned_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let witness = witness(folder.path());
        let cosigned = |answer: Answer| matches!(answer, Answer::Cosigned(_));
        let one = log(1);
        assert_eq!(witness.add(&body("a", 2, 5, &one), 10), Answer::Conflict(0));
        assert!(cosigned(witness.add(&body("a", 0, 5, &one), 10)));
        assert!(cosigned(witness.add(&body("a", 5, 5, &one), 11)), "the same again, at a later time");
        assert!(matches!(witness.add(&body("b", 5, 5, &one), 12), Answer::Inconsistent(_)), "another root of one size");
        assert_eq!(fs::read_dir(folder.path().join("evidence")).unwrap().count(), 1);
        assert!(matches!(witness.add(&body("b", 5, 9, &one), 12), Answer::Inconsistent(_)), "a fork");
        assert_eq!(witness.add(&body("a", 3, 4, &one), 12), Answer::Conflict(5), "a rollback");
        assert!(matches!(witness.add(&body("a", 5, 4, &one), 12), Answer::Malformed(_)), "backwards");
        assert!(matches!(witness.add(&body("a", 5, 9, &log(2)), 12), Answer::Unsigned(_)), "another key");
        let other = NoteSigner::new("other.example", SigningKey::from_bytes(&[1; 32])).unwrap();
        let checkpoint =
            Checkpoint { origin: "other.example".to_owned(), size: 0, root: leaf_hash(b""), extensions: vec![] };
        let unknown = AddCheckpoint { old: 0, proof: vec![], note: checkpoint.sign(&[&other]).unwrap().to_text() };
        assert_eq!(witness.add(unknown.to_text().as_bytes(), 12), Answer::UnknownOrigin);
        assert!(matches!(witness.add(b"old 5", 12), Answer::Malformed(_)));
        assert!(matches!(witness.add(&body("a", 5, 9, &one), 9), Answer::Unavailable(_)), "a clock that went back");
        assert!(cosigned(witness.add(&body("a", 5, 9, &one), 12)));
        let shown = witness.latest(&checkpoint_path(ORIGIN)).unwrap().unwrap();
        let policy =
            cleartitle_schema::tlog::cosignature::WitnessPolicy::new(vec![witness.signer.verifier().clone()], 1);
        let note = Note::parse(shown.as_bytes()).unwrap();
        assert_eq!(policy.unwrap().check(&note).unwrap()[0].time, 12);
        assert_eq!(note.verify(&witness.logs).unwrap().len(), 1);
        assert_eq!(witness.latest("00/checkpoint").unwrap(), None);
    }

    #[test]
    fn a_memory_belongs_to_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("witness.sqlite")).unwrap();
        state.belongs_to("one").unwrap();
        state.belongs_to("one").unwrap();
        assert!(matches!(state.belongs_to("two"), Err(StateError::Other { .. })));
    }
}
