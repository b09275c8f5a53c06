//! Index first: a crawl's own index is decided upon before any record is touched; what may be kept is then read and decided again.
//!
//! | file | what it holds |
//! |---|---|
//! | `rows` | one row ruled, by the same plan as documents, and what is written about it |
//! | `pass` | a whole index through, lines on many threads or row groups in turn |
//! | `output` | what an index leaves behind when no record is fetched: candidates, in the index's own format |
//! | `wanted` | the records that candidates name, in the order in which they are read |
//! | `root` | where the records' files lie, and that no name leads out of there |
//! | `fetch` | ranges read, each record held against its row and decided by all that it says itself |
//!
//! An index row tells a URL, a time and perhaps a SHA-1. A record tells more: its bytes, its headers, marks and links. So a row
//! is **excluded** here only where nothing that a record may say could change that; any other is a **candidate**, which clears
//! nothing. SHA-1 can be collided, so that it joins the question as the weak name that it is: it may reserve, never clear.
//!
//! Whoever writes a false index can have records left out, by false addresses or dates; it can't have one kept that the full
//! filter would not keep, since every kept record was decided upon by what it says of itself.
mod fetch;
mod output;
mod pass;
mod root;
mod rows;
mod wanted;

pub use root::{Root, RootError};

use serde::{Deserialize, Serialize};

/// That a run reads indexes, and where it fetches from: a part of what the run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexRun {
    /// The folder or prefix below which the records' files lie. Left out: nothing is fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetch: Option<Root>,
}

pub(super) use output::Done;
pub(super) use pass::{IndexPass, check};
