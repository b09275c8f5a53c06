//! The files of one input: `.partial` until they are whole, then synced and given their names.

use super::FilterError;
use super::coding::OutputCoding;
use super::state;
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// The files of one input, under the output folder.
#[derive(Debug, Clone)]
pub struct Paths {
    /// Kept records.
    pub kept: PathBuf,
    /// Records for review.
    pub review: PathBuf,
    /// Decisions on what was not kept.
    pub decisions: PathBuf,
    /// Decisions on the candidates of an index, which are no better than unknown.
    pub not_checked: PathBuf,
    /// Manifest rows.
    pub manifest: PathBuf,
    /// Damage.
    pub damage: PathBuf,
    /// That it is finished.
    pub done: PathBuf,
}

impl Paths {
    /// For an input's name in a run that hands on candidates.
    #[must_use]
    pub fn of_candidates(out: &Path, name: &str) -> Self {
        Self { kept: out.join("candidates").join(name), ..Self::of(out, name) }
    }

    /// The same with kept lines coded as told, under the name that says so.
    #[must_use]
    pub fn coded(self, out: &Path, name: &str, coding: OutputCoding) -> Self {
        if coding.is_same() {
            return self;
        }
        let name = coding.name_of(name);
        Self { kept: out.join("kept").join(&name), review: out.join("review").join(&name), ..self }
    }

    /// For an input's name.
    #[must_use]
    pub fn of(out: &Path, name: &str) -> Self {
        Self {
            kept: out.join("kept").join(name),
            review: out.join("review").join(name),
            decisions: out.join("excluded").join(format!("{name}.decisions.jsonl")),
            not_checked: out.join("not-checked").join(format!("{name}.decisions.jsonl")),
            manifest: out.join("state").join(format!("{name}.manifest.jsonl")),
            damage: out.join("state").join(format!("{name}.damage.jsonl")),
            done: out.join("state").join(format!("{name}.done")),
        }
    }
}

/// A file of whole lines or members, named for errors.
pub(super) struct Lines {
    path: PathBuf,
    file: BufWriter<File>,
}

pub(super) fn create(path: &Path) -> Result<BufWriter<File>, FilterError> {
    let partial = state::partial(path);
    let folder = partial.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|source| FilterError::write(folder, source))?;
    let file = File::create(&partial).map_err(|source| FilterError::write(&partial, source))?;
    Ok(BufWriter::with_capacity(256 * 1024, file))
}

pub(super) fn seal(path: &Path, file: BufWriter<File>) -> Result<(), FilterError> {
    let failed = |source| FilterError::write(&state::partial(path), source);
    file.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
    state::finish(path)
}

/// Gives a file its name if anything is in it; else nothing of that name is left behind.
pub(super) fn seal_if(path: &Path, file: BufWriter<File>, filled: bool) -> Result<(), FilterError> {
    if filled {
        return seal(path, file);
    }
    drop(file);
    let partial = state::partial(path);
    std::fs::remove_file(&partial).map_err(|source| FilterError::write(&partial, source))?;
    // An earlier run, under another policy, may have left one.
    state::remove_left(path)
}

impl Lines {
    pub fn create(path: &Path) -> Result<Self, FilterError> {
        Ok(Self { path: path.to_owned(), file: create(path)? })
    }

    /// Lines as they are to stand.
    pub fn put_text(&mut self, lines: &[u8]) -> Result<(), FilterError> {
        self.file.write_all(lines).map_err(|source| FilterError::write(&self.path, source))
    }

    pub fn put(&mut self, row: &impl Serialize) -> Result<(), FilterError> {
        let written = serde_json::to_writer(&mut self.file, row)
            .map_err(std::io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"));
        written.map_err(|source| FilterError::write(&self.path, source))
    }

    /// Where the next line goes, for [`Lines::back_to`].
    pub fn mark(&mut self) -> Result<u64, FilterError> {
        self.file.stream_position().map_err(|source| FilterError::write(&self.path, source))
    }

    /// Takes back every line since a mark.
    pub fn back_to(&mut self, mark: u64) -> Result<(), FilterError> {
        let taken = self.file.flush().and_then(|()| self.file.get_ref().set_len(mark));
        let taken = taken.and_then(|()| self.file.seek(SeekFrom::Start(mark)));
        taken.map(drop).map_err(|source| FilterError::write(&self.path, source))
    }

    pub fn seal(self) -> Result<(), FilterError> {
        seal(&self.path, self.file)
    }
}
