//! Output: signed observations as JSON lines, the bytes behind them as blobs, and the state by which a stopped run goes on.
//!
//! | in the folder | what |
//! |---|---|
//! | `observations.jsonl` | signed envelopes, one a line |
//! | `blobs/HEX` | `application/http;msgtype=response`, named by its blob id |
//! | `state/index.jsonl` | of each observation: place, time, content mark, and where its line ends |
//! | `state/seen.jsonl` | captures that said nothing new |
//! | `state/inputs.jsonl`, `state/checked.jsonl` | crawl files that were finished, sites that were looked at |
//! | `state/registered.jsonl` | what the registry has acknowledged |
//!
//! A row of the index is written after its line. A line without a row was never counted, and is cut off at the next start.
//! What an input or a site gave is on the disk before it is noted as finished, so that no power cut leaves a row without it.

use super::ObserveError;
use super::conclusion::Conclusion;
use super::runs::{Location, Mark, Runs};
use super::site::Site;
use crate::clock;
use cleartitle_schema::canon::{self, MAX_PAYLOAD};
use cleartitle_schema::id::{BlobId, StatementId};
use cleartitle_schema::issuer::{Domain, Party};
use cleartitle_schema::signals::{Sighting, fit};
use cleartitle_schema::signed::{self, Envelope, STATEMENT_TYPE};
use cleartitle_schema::statement::{Body, Statement};
use cleartitle_schema::time::Timestamp;
use ed25519_dalek::SigningKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

/// Blobs that wait to be synced together: one by one they would cost more than what they were read from.
const SYNCED_AT_ONCE: usize = 512;
/// The longest line of a state file.
const MAX_LINE: usize = 64 * 1024;

/// Who signs, and for which log.
pub struct Signing {
    /// The log's origin.
    pub log: String,
    /// The observer.
    pub issuer: Domain,
    /// Its key.
    pub key: SigningKey,
}

/// A row of the index.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexRow {
    /// Site and place.
    pub place: String,
    /// When it was seen.
    pub observed_at: Timestamp,
    /// The beginning of the content's mark, in hex.
    pub mark: String,
    /// The statement.
    pub statement: StatementId,
    /// Where its line ends in `observations.jsonl`.
    pub end: u64,
    /// It is another's re-parse, and says nothing of what was seen when.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenRow {
    place: String,
    at: Timestamp,
    mark: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(default)]
    offset: u64,
    #[serde(default)]
    length: u64,
    /// The date of the record that lies there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<Timestamp>,
}

/// An output folder.
pub struct Folder {
    path: PathBuf,
    signing: Signing,
    observations: File,
    index: File,
    end: u64,
    /// Blobs that were written and not synced.
    fresh: Vec<PathBuf>,
    /// Where the lines ended when they were last synced.
    synced: u64,
    /// What was seen so far.
    pub runs: Runs,
}

fn mark_text(mark: Mark) -> String {
    data_encoding::HEXLOWER.encode(&mark)
}

fn mark_of(text: &str) -> Option<Mark> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// The key of a place in the state.
#[must_use]
pub fn place_key(site: &Site, place: &str) -> String {
    format!("{} {place}", site.name())
}

impl Folder {
    /// Opens or makes an output folder, and takes up what an earlier run left.
    ///
    /// # Errors
    /// [`ObserveError::Write`], [`ObserveError::Read`].
    pub fn open(path: &Path, signing: Signing) -> Result<Self, ObserveError> {
        for folder in [path.join("blobs"), path.join("state")] {
            std::fs::create_dir_all(&folder).map_err(|source| ObserveError::write(&folder, source))?;
        }
        let open = |name: &Path| {
            let file = OpenOptions::new().create(true).append(true).read(true).open(name);
            file.map_err(|source| ObserveError::write(name, source))
        };
        let (lines, rows) = (path.join("observations.jsonl"), path.join("state/index.jsonl"));
        let (observations, index) = (open(&lines)?, open(&rows)?);
        let length = observations.metadata().map_err(|source| ObserveError::read(&lines, source))?.len();
        let mut runs = Runs::default();
        let (mut end, mut kept) = (0, 0);
        for (row, row_end) in rows_of::<IndexRow>(&rows)? {
            if row.end > length {
                break;
            }
            (end, kept) = (row.end, row_end);
            if let Some(mark) = mark_of(&row.mark).filter(|_| !row.again) {
                runs.take(&row.place, row.observed_at, mark, None);
            }
        }
        index.set_len(kept).map_err(|source| ObserveError::write(&rows, source))?;
        observations.set_len(end).map_err(|source| ObserveError::write(&lines, source))?;
        for (row, _) in rows_of::<SeenRow>(&path.join("state/seen.jsonl"))? {
            let (offset, length, date) = (row.offset, row.length, row.date.unwrap_or(row.at));
            let location = row.file.map(|file| Location { file: file.into(), offset, length, date });
            if let Some(mark) = mark_of(&row.mark) {
                runs.take(&row.place, row.at, mark, location);
            }
        }
        runs.drain_untold();
        Ok(Self { path: path.to_owned(), signing, observations, index, end, fresh: Vec::new(), synced: 0, runs })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Signs an observation and writes it down with its evidence. It is widened where it is too long for a statement.
    ///
    /// # Errors
    /// [`ObserveError`].
    pub fn write(&mut self, wanted: &Written<'_>) -> Result<StatementId, ObserveError> {
        let statement = self.statement(wanted.site, wanted.sighting.clone())?;
        let payload = statement.to_payload()?;
        let envelope = signed::sign(STATEMENT_TYPE, &payload, &[&self.signing.key])?;
        for (id, bytes) in &wanted.conclusion.evidence {
            self.write_blob(*id, bytes)?;
        }
        let id = StatementId::of(&payload);
        let mut line = envelope.to_bytes();
        line.push(b'\n');
        let name = self.path.join("observations.jsonl");
        self.observations.write_all(&line).map_err(|source| ObserveError::write(&name, source))?;
        self.end += line.len() as u64;
        let row = IndexRow {
            place: wanted.place.to_owned(),
            observed_at: wanted.sighting.observed_at,
            mark: mark_text(short_mark(wanted.conclusion)),
            statement: id,
            end: self.end,
            again: wanted.again,
        };
        append(&mut self.index, &self.path.join("state/index.jsonl"), &row)?;
        Ok(id)
    }

    /// The statement of a sighting, which is widened where it is too long for one.
    ///
    /// # Errors
    /// [`ObserveError::Canon`].
    pub fn statement(&self, site: &Site, sighting: Sighting) -> Result<Statement, ObserveError> {
        let with = |sighting: Sighting| {
            Statement::new(
                self.signing.log.clone(),
                Party::new(self.signing.issuer.clone()),
                clock::now(),
                Body::Observation { scope: site.scope(), sighting },
            )
        };
        let whole = with(sighting.clone()).sorted();
        let all = canon::to_canonical_within(&whole, usize::MAX).map_err(ObserveError::Canon)?.len();
        if all <= MAX_PAYLOAD {
            return Ok(whole);
        }
        let own = canon::to_canonical_within(&sighting, usize::MAX).map_err(ObserveError::Canon)?.len();
        let room = MAX_PAYLOAD.saturating_sub(all.saturating_sub(own));
        Ok(with(fit(sighting, room)).sorted())
    }

    fn write_blob(&mut self, id: BlobId, bytes: &[u8]) -> Result<(), ObserveError> {
        // One that was torn when the power went is no evidence, and is written again.
        if read_blob(&self.path, id).is_some() {
            return Ok(());
        }
        let path = blob_path(&self.path, id);
        let partial = crate::filter::state::partial(&path);
        std::fs::write(&partial, bytes).map_err(|source| ObserveError::write(&partial, source))?;
        std::fs::rename(&partial, &path).map_err(|source| ObserveError::write(&path, source))?;
        self.fresh.push(path);
        if self.fresh.len() >= SYNCED_AT_ONCE { self.sync() } else { Ok(()) }
    }

    /// Waits until everything that was written is on the disk. Most sites say what they said before, and cost nothing here.
    ///
    /// # Errors
    /// [`ObserveError::Write`].
    pub fn sync(&mut self) -> Result<(), ObserveError> {
        if self.fresh.is_empty() && self.synced == self.end {
            return Ok(());
        }
        for path in self.fresh.drain(..).chain([self.path.join("blobs")]) {
            // Not every system opens folders; where it does, the names are made lasting.
            let Ok(file) = File::open(&path) else { continue };
            file.sync_all().map_err(|source| ObserveError::write(&path, source))?;
        }
        for (file, name) in [(&self.observations, "observations.jsonl"), (&self.index, "state/index.jsonl")] {
            file.sync_all().map_err(|source| ObserveError::write(&self.path.join(name), source))?;
        }
        self.synced = self.end;
        Ok(())
    }

    /// Writes down what was seen and said nothing new, so that a later run knows of it, and waits for the disk.
    ///
    /// # Errors
    /// [`ObserveError::Write`].
    pub fn settle(&mut self) -> Result<(), ObserveError> {
        for (place, at, mark, location) in self.runs.drain_untold() {
            let (offset, length) = location.as_ref().map_or((0, 0), |it| (it.offset, it.length));
            let date = location.as_ref().map(|it| it.date);
            let file = location.map(|it| it.file.to_path_buf());
            self.note("seen.jsonl", &SeenRow { place, at, mark: mark_text(mark), file, offset, length, date })?;
        }
        self.sync()
    }

    /// Appends a row to a file of the state.
    ///
    /// # Errors
    /// [`ObserveError::Write`].
    pub fn note(&self, name: &str, row: &impl Serialize) -> Result<(), ObserveError> {
        note(&self.path, name, row)
    }

    /// The rows of a file of the state, up to the first that is not whole.
    ///
    /// # Errors
    /// [`ObserveError::Read`].
    pub fn notes<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, ObserveError> {
        notes(&self.path, name)
    }
}

/// One observation to be written.
pub struct Written<'a> {
    /// The site.
    pub site: &'a Site,
    /// The place's key in the state.
    pub place: &'a str,
    /// What was concluded.
    pub conclusion: &'a Conclusion,
    /// The sighting.
    pub sighting: &'a Sighting,
    /// It is a re-parse.
    pub again: bool,
}

/// Appends a row to a file of a folder's state.
///
/// # Errors
/// [`ObserveError::Write`].
pub fn note(folder: &Path, name: &str, row: &impl Serialize) -> Result<(), ObserveError> {
    let path = folder.join("state").join(name);
    let file = OpenOptions::new().create(true).append(true).open(&path);
    append(&mut file.map_err(|source| ObserveError::write(&path, source))?, &path, row)
}

/// The rows of a file of a folder's state, up to the first that is not whole.
///
/// # Errors
/// [`ObserveError::Read`].
pub fn notes<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Vec<T>, ObserveError> {
    Ok(rows_of(&folder.join("state").join(name))?.into_iter().map(|(row, _)| row).collect())
}

/// The envelopes of a folder, in order.
///
/// # Errors
/// [`ObserveError::Read`] when the file can't be read; a line that is no envelope ends the reading.
pub fn envelopes(folder: &Path) -> Result<impl Iterator<Item = Envelope>, ObserveError> {
    let path = folder.join("observations.jsonl");
    let file = File::open(&path).map_err(|source| ObserveError::read(&path, source))?;
    Ok(BufReader::new(file).split(b'\n').map_while(|line| Envelope::parse(&line.ok()?).ok()))
}

/// Where a blob lies in a folder.
#[must_use]
pub fn blob_path(folder: &Path, id: BlobId) -> PathBuf {
    folder.join("blobs").join(data_encoding::HEXLOWER.encode(&id.0))
}

/// Reads a blob; none where it is missing or its bytes are not those that its name says.
#[must_use]
pub fn read_blob(folder: &Path, id: BlobId) -> Option<Vec<u8>> {
    std::fs::read(blob_path(folder, id)).ok().filter(|bytes| BlobId::of(bytes) == id)
}

/// The beginning of a conclusion's mark.
#[must_use]
pub fn short_mark(conclusion: &Conclusion) -> Mark {
    let mut short = [0; 16];
    short.copy_from_slice(&conclusion.mark()[..16]);
    short
}

fn append(file: &mut File, path: &Path, row: &impl Serialize) -> Result<(), ObserveError> {
    let mut line = serde_json::to_vec(row).map_err(|error| ObserveError::write(path, error.into()))?;
    line.push(b'\n');
    file.write_all(&line).map_err(|source| ObserveError::write(path, source))
}

/// Rows with the places where they end; a torn last line is left out.
fn rows_of<T: DeserializeOwned>(path: &Path) -> Result<Vec<(T, u64)>, ObserveError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(ObserveError::read(path, source)),
    };
    let (mut reader, mut rows, mut end, mut line) = (BufReader::new(file), Vec::new(), 0_u64, Vec::new());
    loop {
        line.clear();
        let count = reader.read_until(b'\n', &mut line).map_err(|source| ObserveError::read(path, source))?;
        if count == 0 || line.last() != Some(&b'\n') || line.len() > MAX_LINE {
            return Ok(rows);
        }
        let Ok(row) = serde_json::from_slice(&line) else { return Ok(rows) };
        end += count as u64;
        rows.push((row, end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_blob_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let signing = Signing {
            log: "log.registry.example".to_owned(),
            issuer: "watch.example".parse().unwrap(),
            key: SigningKey::from_bytes(&[7; 32]),
        };
        let mut out = Folder::open(folder.path(), signing).unwrap();
        let bytes = b"HTTP/1.1 200 OK\r\n\r\nUser-agent: *\nDisallow: /\n";
        let id = BlobId::of(bytes);
        std::fs::write(blob_path(folder.path(), id), vec![0; bytes.len()]).unwrap();
        assert_eq!(read_blob(folder.path(), id), None);
        out.write_blob(id, bytes).unwrap();
        assert_eq!((out.fresh.len(), read_blob(folder.path(), id)), (1, Some(bytes.to_vec())));
        out.write_blob(id, bytes).unwrap();
        assert_eq!(out.fresh.len(), 1, "what is whole is not written again");
        out.settle().unwrap();
        assert!(out.fresh.is_empty());
    }
}
