//! Papers: which papers of a data set are read, and how: one reading for whoever indexes, judges, compares or counts them.

use super::Columns;
use super::open::{Entries, Format, OpenError, open_by};
use std::path::{Path, PathBuf};

/// A sheet's columns are what their headers say.
static USUAL: Columns = Columns(Vec::new());

/// Papers, and how they are read.
#[derive(Debug, Clone, Copy)]
pub struct Papers<'p> {
    /// Which.
    pub paths: &'p [PathBuf],
    /// Their form; left out, each one's by its name and first bytes.
    pub format: Option<Format>,
    /// What a sheet's columns are.
    pub columns: &'p Columns,
    /// On how many threads, where that is possible.
    pub workers: usize,
}

impl<'p> Papers<'p> {
    /// Papers that are known by their names and first bytes, and their columns by their headers, on every core.
    #[must_use]
    pub fn usual(paths: &'p [PathBuf]) -> Self {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { paths, format: None, columns: &USUAL, workers }
    }

    /// The entries of one of them.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, paper: &Path) -> Result<Entries, OpenError> {
        open_by(paper, self.format, self.columns)
    }
}
