//! Why a registry, or the place where its log lies, could not be asked, or what it answered instead.

use crate::crawl::store::STORE_HINT;
use cleartitle_schema::http_signature::SignatureError;
use std::io;

/// Why a registry could not be asked, or what it answered instead.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The request could not be signed.
    #[error("the request can't be signed: {0}")]
    Unsigned(#[source] SignatureError),
    /// Not an address of a registry.
    #[error("`{0}` is not a registry's address, such as https://registry.example")]
    Address(String),
    /// Plain HTTP to another machine, where anybody on the way can read and change it.
    #[error("`{0}` is plain http to another machine")]
    PlainHttp(String),
    /// A place where a log lies, asked for what only a server does.
    #[error("`{0}` holds a log with no server behind it, and this takes one")]
    NoServer(String),
    /// The HTTP client could not be made.
    #[error("the HTTP client can't be made")]
    Client(#[source] reqwest::Error),
    /// No answer.
    #[error("`{url}` does not answer")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The answer broke off.
    #[error("the answer of `{url}` broke off")]
    BrokeOff {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The registry said no, and why.
    #[error("the registry refuses: {detail} ({code})")]
    Refused {
        /// The stable code.
        code: String,
        /// What went wrong.
        detail: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is none that a registry gives.
    #[error("`{url}` answers with status {status}, which a registry does not; is it one?")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// Nothing lies there.
    #[error("`{0}` is not there")]
    Missing(String),
    /// The store lets this reader not in, or does not say whether something lies there.
    #[error("`{place}` may not be read: {why}")]
    Denied {
        /// What was asked for.
        place: String,
        /// What the store says.
        why: String,
    },
    /// The store or the folder can't be read.
    #[error("`{place}` can't be read: {why}")]
    Unread {
        /// What was asked for.
        place: String,
        /// Why.
        why: String,
    },
    /// The server sends files whole alone.
    #[error("`{url}` is sent whole alone, and not in parts")]
    NoParts {
        /// What was asked for.
        url: String,
    },
    /// The answer is longer than it may be.
    #[error("the answer of `{url}` is longer than {limit} bytes")]
    TooLong {
        /// What was asked for.
        url: String,
        /// The bound.
        limit: u64,
    },
    /// The answer has another shape.
    #[error("the answer of `{url}` can't be read: {why}")]
    Malformed {
        /// What was asked for.
        url: String,
        /// What is wrong.
        why: String,
    },
}

impl RegistryError {
    /// Whether nothing lies at the place, as far as who answered can be believed.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(
            self,
            Self::Missing(_) | Self::Status { status: 404 | 410, .. } | Self::Refused { status: 404 | 410, .. }
        )
    }

    /// Whether nothing may lie there: a store that lets nobody list it answers for what is missing as for what is forbidden.
    #[must_use]
    pub fn may_be_missing(&self) -> bool {
        self.is_missing() || matches!(self, Self::Denied { .. } | Self::Status { status: 403, .. })
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Address(_) => Some(
                "an address is https://registry.example; a log that lies in a store or a folder is read at \
                 s3://bucket/prefix or file:///folder"
                    .to_owned(),
            ),
            Self::NoServer(_) => Some(
                "name the registry's own address, https://...; `pull`, `audit`, `gossip` and `update` read a log where \
                 there is none"
                    .to_owned(),
            ),
            Self::Missing(_) | Self::Status { status: 404 | 410, .. } => Some(
                "`checkpoint`, `tile` and `v1` lie right below the address of a log; is this it, and is all of it there?"
                    .to_owned(),
            ),
            Self::Denied { .. } => Some(format!(
                "{STORE_HINT}; without s3:ListBucket a store answers so for what is not there too"
            )),
            Self::Malformed { .. } | Self::TooLong { .. } => Some(
                "is this a registry's address, or a log's, and does nothing on the way change what comes from there?".to_owned(),
            ),
            Self::Unread { place, .. } if place.starts_with("s3://") => Some(STORE_HINT.to_owned()),
            _ => None,
        }
    }
}
