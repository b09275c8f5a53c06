//! Why object storage failed, told by kinds that a caller acts on; what a foreign store says is cut, and repeats no key.

use object_store::Error;

/// Why an object could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// The storage could not be opened.
    #[error("the object storage can't be opened: {0}")]
    Open(String),
    /// The storage does not let us.
    #[error("the object storage refuses access to `{0}`")]
    Refused(String),
    /// It failed, or took too long.
    #[error("the object storage failed at `{key}`: {why}")]
    Failed {
        /// The object.
        key: String,
        /// What it said, cut.
        why: String,
    },
    /// The storage takes a write whose condition does not hold: nothing in it is safe from being overwritten.
    #[error("the object storage does not honour the condition of a write ({0}), without which it can't be used")]
    Unconditional(&'static str),
    /// An object that never changes is there with other bytes.
    #[error("`{0}` lies in the object storage with other bytes")]
    Differs(String),
    /// An object is longer than what can stand in its place.
    #[error("`{0}` is longer in the object storage than it can be")]
    TooLong(String),
    /// A file of ours could not be read.
    #[error("what is put down as `{key}` can't be read: {why}")]
    File {
        /// The object.
        key: String,
        /// What went wrong.
        why: String,
    },
}

impl ObjectError {
    /// Whether somebody wrote what we never wrote: nothing that passes by itself.
    #[must_use]
    pub const fn is_grave(&self) -> bool {
        matches!(self, Self::Differs(_) | Self::TooLong(_) | Self::Unconditional(_))
    }

    pub(super) fn of(key: &str, error: &Error) -> Self {
        match error {
            // What a store writes into these may hold the names of keys.
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Self::Refused(key.to_owned()),
            error => {
                // The first says where, the last says what.
                let mut last: &dyn std::error::Error = error;
                while let Some(source) = last.source() {
                    last = source;
                }
                let cut = |text: String| -> String { text.chars().filter(|it| !it.is_control()).take(300).collect() };
                let (said, cause) = (cut(error.to_string()), cut(last.to_string()));
                let why = if said.ends_with(&cause) { said } else { format!("{said}: {cause}") };
                Self::Failed { key: key.to_owned(), why }
            }
        }
    }
}
