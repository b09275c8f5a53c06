//! Provenance tables as the registry reads them: a Parquet file that lies in the store in parts, checked whole once, and then read a row
//! at a time.
//!
//! | file | what it holds |
//! |---|---|
//! | `table` | a footer believed only after it was checked, and its columns |
//! | `pages` | a column's pages, each header's claims checked before the decoder sees it |
//! | `rows` | rows as acquisitions: all of a row group in turn, or one |
//! | `run` | names and rows sorted, in blocks of which a look-up reads two |
//! | `load` | a file checked row by row and its run written |
//!
//! Who would attack: a publisher, since nobody else gets so far; by counts that allocate before anything is read, pages that inflate without
//! end, a row repeated a billion times in a few bytes, names chosen so that a look-up reads much. Memory: the stored columns of one row group
//! (at most 128 MiB), a page of each, and what sorting takes; time: in proportion to the bytes that were sent.
//!
//! Deliberately absent: where the parts lie (`store`), and who may send them (`documents`).

mod load;
mod pages;
mod rows;
mod run;
mod table;
#[cfg(test)]
mod tests;

use std::ops::Range;

use cleartitle_schema::id::ListId;
use cleartitle_schema::provenance::MEDIA_TYPE;
use cleartitle_schema::statement::{Body, ListRole, Statement};

pub use load::{Loading, load, same_list};
use run::KEY;
pub use run::{Block, found, keys};
pub use table::Table;

use crate::store::StoreError;

/// Reads a range of the file's bytes, all of it.
pub type Fetch<'f> = dyn Fn(Range<u64>) -> Result<Vec<u8>, StoreError> + 'f;

/// The list and the length of the table that a statement signs; `None` where it signs none.
#[must_use]
pub fn signed_by(statement: &Statement) -> Option<(&ListId, u64)> {
    match &statement.body {
        Body::Manifest { role: ListRole::Provenance, list, bytes, media_type, .. } if media_type == MEDIA_TYPE => {
            Some((list, *bytes))
        }
        _ => None,
    }
}

/// How much is read at once when a file is read through.
const PIECE: u64 = 1 << 20;

/// Reads a file of this length through, piece by piece.
///
/// # Errors
/// What fetching gives, and `each`.
pub fn each_piece<E: From<StoreError>>(
    fetch: &Fetch<'_>,
    length: u64,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut at = 0;
    while at < length {
        let end = length.min(at + PIECE);
        each(&fetch(at..end)?)?;
        at = end;
    }
    Ok(())
}

/// Why a table is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The file is not the one that was signed.
    #[error("{0}")]
    Other(String),
    /// The file as a whole is not what it says, or holds what is not read.
    #[error("{0}")]
    Unsound(String),
    /// A row group, a column or a row of it.
    #[error("{place}: {why}")]
    At {
        /// Where.
        place: Place,
        /// What is wrong there.
        why: String,
    },
    /// The reading was stopped; nothing is wrong with the file.
    #[error("the reading was stopped")]
    Stopped,
    /// The store, or the folder for what is sorted, failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A place in a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// The row group, from 0.
    pub group: usize,
    /// The column.
    pub column: Option<&'static str>,
    /// The row in the file, from 1.
    pub row: Option<u64>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(row) = self.row {
            write!(f, "row {row} (")?;
        }
        write!(f, "row group {}", self.group)?;
        if let Some(column) = self.column {
            write!(f, ", column `{column}`")?;
        }
        if self.row.is_some() { f.write_str(")") } else { Ok(()) }
    }
}
