//! Observing: what sites say in files and headers, out of crawls and over the network, as signed statements with evidence.
//!
//! | file | what it holds |
//! |---|---|
//! | `carriers` | the places that are looked at, their standards and parsers |
//! | `evidence` | what the bytes of one response say |
//! | `site`, `conclusion` | a site, and what all its places say together |
//! | `address`, `fetch`, `polite`, `cache` | the network: checked addresses, bounds, manners, a day's memory |
//! | `sites` | a list of sites, looked at |
//! | `runs`, `crawl` | a crawl, and which of its captures say something new |
//! | `again` | evidence read again by newer parsers |
//! | `desk` | what is new is told, written and counted |
//! | `output`, `submit` | observations and blobs in a folder, and on their way to a registry |
//! | `tally` | the counts |
//!
//! An observer is a witness, not a judge: it tells what stood where and when, and failure to see as failure. Whoever asks
//! decides whose observations count. Deliberately absent: syntax of the standards (`schema::signals`) and their meaning
//! for a question (`schema::decide`).

pub mod address;
pub mod again;
pub mod cache;
pub mod carriers;
pub mod conclusion;
pub mod crawl;
pub mod desk;
pub mod evidence;
pub mod fetch;
pub mod output;
pub mod polite;
pub mod runs;
pub mod site;
pub mod sites;
pub mod submit;
pub mod tally;
#[cfg(test)]
mod tests;

use crate::crawl::OpenError;
use crate::registry::RegistryError;
use crate::trust::TrustError;
use cleartitle_schema::canon::CanonError;
use cleartitle_schema::signed::SignedError;
use cleartitle_schema::statement::StatementError;
use std::io;
use std::path::{Path, PathBuf};

/// Why observing can't go on. What was written before stays.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// A crawl can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A file can't be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file can't be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// An observation has no canonical form.
    #[error("an observation can't be encoded")]
    Canon(#[source] CanonError),
    /// An observation makes no statement.
    #[error("an observation can't be stated")]
    Statement(#[from] StatementError),
    /// An observation can't be signed.
    #[error("an observation can't be signed")]
    Signed(#[from] SignedError),
    /// The registry does not answer, or not as a registry does.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The registry's receipt is not to be trusted.
    #[error("the registry's receipt is not to be trusted")]
    Trust(#[from] TrustError),
}

impl ObserveError {
    fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }
}
