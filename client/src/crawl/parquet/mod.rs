//! Parquet as data sets come in it: the columns that say where a row is from are read first, the text only where it is asked
//! for, and kept row groups are written with every column, the schema and the metadata as they were.
//!
//! | file | what it holds |
//! |---|---|
//! | `table` | a file opened: its footer believed only after it was checked, its columns found |
//! | `chunk` | a column's stored bytes, page by page, each page's claims checked before it is inflated |
//! | `rows` | the rows of one row group: URL, id and date in batches, a row's text when asked |
//! | `captures` | the same of a crawl's columnar index: what each row says of a record elsewhere |
//! | `texts` | columns of texts by their names: our own manifests, and what else lists a data set |
//! | `copy` | a column's records, of which some are kept, from one file into another |
//! | `write` | row groups written: stored bytes where all rows stay, values again where some go |
//!
//! The columns are read and written at Parquet's own level, below Arrow: physical types, levels and the schema stay as they
//! are, whatever Arrow would make of them, and values borrow from their page, so that a dictionary of one large value can't
//! be multiplied into memory.
//!
//! A file is foreign. Who makes one to harm us has these: counts in the footer that allocate before anything is read, pages
//! that inflate without end, a row group that claims a billion rows, values that overlap, columns that lie in other files. Each
//! is refused by [`TableError`] with its place. Memory: one page of each column that is read, at most [`PAGE_LIMIT`] inflated
//! and as much stored; a row group is never held.
//!
//! Not here: what is decided of a row (`filter`), and Arrow.
mod captures;
mod chunk;
mod copy;
mod rows;
mod table;
#[cfg(test)]
mod tests;
mod texts;
mod write;

pub use captures::{Captures, Columnar};
pub use rows::{Group, Keys, Text};
pub use table::{Table, TableError, rows_in};
pub use texts::Texts;
pub use write::{Prepared, PutError, TableWriter};

/// Most bytes of a page, stored or inflated.
pub const PAGE_LIMIT: usize = 128 * 1024 * 1024;
/// Most bytes of a footer.
const FOOTER_LIMIT: u64 = 32 * 1024 * 1024;
/// Most rows of a row group: one byte of memory is held for each.
const GROUP_ROWS_LIMIT: u64 = 64 * 1024 * 1024;
/// Most values that a dictionary may claim; each costs 32 bytes when it is opened.
const DICTIONARY_LIMIT: i64 = 2 * 1024 * 1024;
/// Most values and bytes of the pages that one record of a nested column may reach over when it is written anew.
const NESTED_VALUES_LIMIT: u64 = 4 * 1024 * 1024;
const NESTED_BYTES_LIMIT: u64 = 64 * 1024 * 1024;
