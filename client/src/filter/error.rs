//! Why a filter run can't go on, and what to do about it.

use crate::crawl::store::Location;
use crate::crawl::{OpenError, WriteError};
use cleartitle_schema::signed::SignedError;
use cleartitle_schema::snapshot;
use std::io;
use std::path::{Path, PathBuf};

/// Why a run can't go on. Whatever was not finished stays `.partial`.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// Two inputs would write the same outputs.
    #[error("`{first}` and `{second}` have the same name")]
    SameName {
        /// One.
        first: Location,
        /// The other.
        second: Location,
    },
    /// A location that gives its outputs no name.
    #[error("`{0}` has no file name in UTF-8 that an output could have")]
    NoName(Location),
    /// The output folder holds something.
    #[error("`{}` is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// An input is no crawl.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An input could not be read to its end.
    #[error("cannot read `{name}`")]
    Read {
        /// The input.
        name: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// An output could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A record could not be written.
    #[error("cannot write `{}`", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: WriteError,
    },
    /// The snapshot changed or broke under the run: nothing that was decided by it stands.
    #[error("the snapshot can't be relied on; no decision of this input stands")]
    Snapshot(#[from] snapshot::Damage),
    /// A part of the run ended before its time.
    #[error("the run was stopped")]
    Stopped,
    /// An input was changed while it was read.
    #[error("`{0}` was changed while it was read")]
    Changed(String),
    /// A table in a run that leaves checks out.
    #[error("`{0}` is a table, of which nothing is left out")]
    WholeTable(String),
    /// A coding was named for what is kept as it is stored.
    #[error("`{0}` holds no lines, so that it can't be kept in another coding")]
    NotLines(String),
    /// A folder whose outputs are coded otherwise.
    #[error("the run in `{}` was begun with another --output-coding", .0.display())]
    OtherCoding(PathBuf),
    /// A receipt names its inputs' digests, and what came from standard input is gone by then.
    #[error("a run over standard input can't be signed for")]
    Fleeting,
    /// The receipt could not be signed.
    #[error("the run can't be signed for")]
    Unsigned(#[source] SignedError),
}

impl FilterError {
    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::SameName { .. } => {
                Some("outputs go by the input's file name; run them into two folders, or rename one")
            }
            Self::NotEmpty(_) => Some("name another folder, or give --resume to go on with a run that was stopped"),
            Self::Open(error) => error.hint(),
            Self::Snapshot(_) => {
                Some("pull the snapshot again, don't write to it while it is used, and run with --resume")
            }
            Self::Read { .. } | Self::Write { .. } | Self::Record { .. } | Self::Changed(_) => {
                Some("finished inputs are safe: --resume goes on with the others")
            }
            Self::WholeTable(_) => {
                Some("leave --only out: a table's URLs are read first, and its texts only where they decide")
            }
            Self::NotLines(_) => Some(
                "leave --output-coding out: records and tables are kept as they are stored, lines alone can be coded otherwise",
            ),
            Self::OtherCoding(_) => Some("give the --output-coding that it was begun with, or name another folder"),
            Self::Fleeting => Some("write it to a file first, or leave --sign-key out"),
            _ => None,
        }
    }
}
