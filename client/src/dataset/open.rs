//! Opening a paper: its form by what it is called and holds, and its reader.

use super::entry::Item;
use super::rows;
use std::io;
use std::path::{Path, PathBuf};

/// The form of a paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A manifest of our own, one JSON object a line.
    Rows,
}

/// Why a paper can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It can't be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The entries of one paper, in its order. An error ends it: what follows was not read.
pub type Entries = Box<dyn Iterator<Item = io::Result<Item>> + Send>;

/// Opens a paper; `format`: left out, by its name and its first bytes.
///
/// # Errors
/// [`OpenError`].
pub fn open(path: &Path, format: Option<Format>) -> Result<Entries, OpenError> {
    let told = |source| OpenError::Read { path: path.to_owned(), source };
    match format.unwrap_or(Format::Rows) {
        Format::Rows => Ok(Box::new(rows::Rows::open(path).map_err(told)?)),
    }
}
