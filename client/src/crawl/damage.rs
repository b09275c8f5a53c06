//! What is wrong with a stretch of a crawl file: where, which record, and why; and the errors that end a reading.
use std::fmt;
use std::io;
use std::ops::Range;

use super::fields::MissingField;
use super::parquet::TableError;

/// One stretch of a crawl file that cannot be trusted; its bytes are never handed out as a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// First stored byte concerned, counted in the file as it lies on the disk (compressed, if it is).
    pub offset: u64,
    /// First stored byte after the damage, where reading went on. For records that share one damaged member, the
    /// member's own range stands at each of them.
    pub end: u64,
    /// `WARC-Record-ID` as written, or the JSONL id, where the damage left it readable.
    pub record_id: Option<String>,
    /// Line number, counted from 1, for JSONL.
    pub line: Option<u64>,
    /// The fact, as a stable word.
    pub what: DamageKind,
    /// The fact in a sentence's part, for people.
    pub detail: String,
}

impl Damage {
    /// The stored bytes concerned.
    pub fn range(&self) -> Range<u64> {
        self.offset..self.end
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "byte {}", self.offset)?;
        if let Some(line) = self.line {
            write!(out, ", line {line}")?;
        }
        if let Some(id) = &self.record_id {
            write!(out, ", record {id}")?;
        }
        write!(out, ": {} ({})", self.what, self.detail)
    }
}

/// The kinds of damage, one per fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DamageKind {
    /// Bytes where a gzip member or zstd frame should begin, and none does.
    NotAMember,
    /// A gzip member or zstd frame whose compressed data cannot be inflated.
    CorruptMember,
    /// A member whose checksum or length disagrees with what it inflates to.
    ChecksumMismatch,
    /// The file, or the readable part before other damage, ends inside a member, a record or a line.
    Truncated,
    /// A member ends inside a record, and the next one begins another record.
    Clipped,
    /// Bytes where a record should begin, and none does.
    NotARecord,
    /// A record header that cannot be read, or that says two different things.
    MalformedHeader,
    /// The declared length does not lead to a record's end.
    LengthMismatch,
    /// A record, header or line over the reader's limit; skipped without being held.
    TooLarge,
    /// A JSONL line that is not one JSON object in UTF-8.
    MalformedLine,
    /// A JSONL line without the text field, or with a field of the wrong kind or given twice.
    MissingText,
    /// So much of the file had to be tried again that the reader gave the rest up.
    GivenUp,
}

impl DamageKind {
    /// The stable kebab-case word.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAMember => "not-a-member",
            Self::CorruptMember => "corrupt-member",
            Self::ChecksumMismatch => "checksum-mismatch",
            Self::Truncated => "truncated",
            Self::Clipped => "clipped",
            Self::NotARecord => "not-a-record",
            Self::MalformedHeader => "malformed-header",
            Self::LengthMismatch => "length-mismatch",
            Self::TooLarge => "too-large",
            Self::MalformedLine => "malformed-line",
            Self::MissingText => "missing-text",
            Self::GivenUp => "given-up",
        }
    }
}

impl fmt::Display for DamageKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

/// A complaint without its place yet: what a parser says before the reader adds the offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    pub what: DamageKind,
    pub detail: String,
}

impl Complaint {
    pub fn new(what: DamageKind, detail: impl Into<String>) -> Self {
        Self { what, detail: detail.into() }
    }
}

/// Why a file could not be opened as a crawl.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file could not be read at all.
    #[error("cannot read `{name}`")]
    Read {
        /// The file's name as given.
        name: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A format that is known, and not read.
    #[error("`{name}` is {format}, which is not read; crawls are read as WARC, WET, WAT, JSONL or Parquet")]
    Unsupported {
        /// The file's name as given.
        name: String,
        /// The format's name, with its article.
        format: &'static str,
    },
    /// Neither the bytes nor the name say what the file is.
    #[error("`{name}` is of no known crawl format (its first bytes are `{first_bytes}`, and its name does not tell)")]
    Unrecognised {
        /// The file's name as given.
        name: String,
        /// The first bytes of the content, escaped.
        first_bytes: String,
    },
    /// What should be an index is none.
    #[error("`{name}` is no index of a crawl (its first bytes are `{first_bytes}`); CDXJ and Parquet are read")]
    NoIndex {
        /// The file's name as given.
        name: String,
        /// The first bytes, escaped.
        first_bytes: String,
    },
    /// A part of the documents is nowhere in the file.
    #[error(transparent)]
    Field(#[from] MissingField),
    /// A Parquet file that can't be read.
    #[error(transparent)]
    Table(Box<TableError>),
    /// The dictionary frame at the head of a `.warc.zst` cannot be used.
    #[error("the zstd dictionary at the head of `{name}` cannot be read: {detail}")]
    Dictionary {
        /// The file's name as given.
        name: String,
        /// The fact.
        detail: String,
    },
}

impl From<TableError> for OpenError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Field(missing) => Self::Field(missing),
            TableError::Read { name, source } => Self::Read { name, source },
            other => Self::Table(Box::new(other)),
        }
    }
}

impl OpenError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Field(missing) => Some(missing.hint()),
            Self::Unsupported { format: "an ARC file", .. } => {
                Some("convert it first: `warcio recompress old.arc.gz new.warc.gz`")
            }
            Self::Unsupported { format: "a ZIP archive (perhaps WACZ)", .. } => {
                Some("a WACZ holds its crawl as WARC: unzip it and name the files in `archive/`")
            }
            Self::Unsupported { format: "a JSON array", .. } => {
                Some("write one object a line: `jq -c '.[]' file.json`")
            }
            Self::NoIndex { .. } => Some("name the index's files; a crawl itself is read without --index"),
            Self::Table(table) => match **table {
                TableError::Footer { .. } => Some("fetch the file again: nothing of it can be told without its footer"),
                TableError::Unsupported { hint, .. } => Some(hint),
                _ => None,
            },
            _ => None,
        }
    }
}
