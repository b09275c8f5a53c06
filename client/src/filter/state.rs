//! What a run is, and which inputs it has finished: the files under `state/` by which a stopped run goes on.

use super::FilterError;
use super::coding::OutputCoding;
use super::decisions::DecisionsForm;
use super::document::Asking;
use super::index::IndexRun;
use crate::crawl::FieldChoice;
use crate::crawl::store::{Looked, Store};
use crate::report::{SealedLine, Tally};
use cleartitle_schema::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// Everything that the outputs hang on beside the inputs' bytes. Two runs with equal identities write equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The tool's version.
    pub version: String,
    /// BLAKE3 of the policy file.
    pub policy: String,
    /// BLAKE3 of the snapshot's body.
    pub snapshot: String,
    /// Which sealed deals were joined to it. Left out: none were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedLine>,
    /// Version of the table of crawler tokens.
    pub agents: String,
    /// The moment of use.
    pub used_at: Timestamp,
    /// What is asked of every record.
    pub asking: Asking,
    /// Where lines and rows keep their parts.
    pub fields: FieldChoice,
    /// The largest record, line and decoded payload that is read, in bytes; what is larger is damage.
    pub largest_record: u64,
    /// In which form decisions are written.
    pub decisions: DecisionsForm,
    /// How kept lines are compressed. Left out: as they were.
    #[serde(default, skip_serializing_if = "OutputCoding::is_same")]
    pub output_coding: OutputCoding,
    /// That the inputs are indexes, and where their records are fetched. Left out: they are crawls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<IndexRun>,
}

/// An input as it lay there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its name, by which its outputs go.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub modified: u64,
    /// Which version it was, as its store says; of standard input, BLAKE3 of its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Input {
    /// Looks at a file.
    ///
    /// # Errors
    /// When the system doesn't tell.
    pub fn look(path: &Path, name: &str) -> std::io::Result<Self> {
        Ok(Self::of(name, Store::new().look(&path.into())?, None))
    }

    /// An input that was looked at. One whose bytes have a digest is known by that alone.
    #[must_use]
    pub fn of(name: &str, looked: Looked, digest: Option<String>) -> Self {
        let Looked { bytes, modified, version } = looked;
        let modified = if digest.is_some() { 0 } else { modified };
        Self { name: name.to_owned(), bytes, modified, version: digest.or(version) }
    }
}

/// One finished input: `state/NAME.done`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// The run.
    pub identity: Identity,
    /// The input.
    pub input: Input,
    /// What was counted.
    pub tally: Tally,
}

/// Reads a JSON file of this run; `None` where there is none, or it is not whole or of another shape: then its work is
/// done again.
pub fn load<T: for<'de> Deserialize<'de>>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Writes a JSON file at once or not at all, and lastingly.
///
/// # Errors
/// When writing fails.
pub fn store(path: &Path, value: &impl Serialize) -> Result<(), FilterError> {
    let mut text = serde_json::to_vec(value).map_err(|error| FilterError::write(path, error.into()))?;
    text.push(b'\n');
    place(path, |file| file.write_all(&text))
}

/// Writes a file through a `.partial` beside it.
///
/// # Errors
/// When writing fails.
pub fn place(path: &Path, write: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<(), FilterError> {
    let partial = partial(path);
    let written = File::create(&partial).and_then(|mut file| {
        write(&mut file)?;
        file.sync_all()
    });
    written.map_err(|source| FilterError::write(&partial, source))?;
    finish(path)
}

/// Removes a file that an earlier run may have left.
///
/// # Errors
/// When one is there and the system refuses.
pub fn remove_left(path: &Path) -> Result<(), FilterError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FilterError::write(path, error)),
        _ => Ok(()),
    }
}

/// The name that a file has until it is whole.
pub fn partial(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Gives a whole `.partial`, already synced, its name, and syncs the folder.
///
/// # Errors
/// When the system refuses.
pub fn finish(path: &Path) -> Result<(), FilterError> {
    std::fs::rename(partial(path), path).map_err(|source| FilterError::write(path, source))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Not every system opens folders; where it does, the rename is made lasting.
    match File::open(folder) {
        Ok(folder) => folder.sync_all().map_err(|source| FilterError::write(path, source)),
        Err(_) => Ok(()),
    }
}
