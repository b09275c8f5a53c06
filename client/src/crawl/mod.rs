//! Crawl files, read record by record: WARC, WET and JSONL, plain, gzip or zstd, with exact offsets and all damage told; and
//! Parquet, row group by row group.
//!
//! The way through: [`store`] says where the bytes lie; [`open_input`] looks at them and gives a [`Reader`], or a
//! [`parquet::Table`], which has a way of its own; [`open`] does so for a file of records. [`Reader::next_raw`] gives [`RawRecord`]s and
//! [`Damage`] in file order and is all that has to run on one thread; [`RawRecord::parse`] makes a [`Record`] with its
//! document on any thread; [`WarcWriter`] and [`JsonlWriter`] put kept records down byte for byte.
//!
//! | file | what it holds |
//! |---|---|
//! | `store` | files, standard input and objects, and what globs and lists stand for |
//! | `open` | bytes, looked at by magic first and name second |
//! | `fields` | where lines and rows keep their parts |
//! | `source` | the stored file with its offset |
//! | `codec` | gzip members and zstd frames, each checked whole before a byte is handed out |
//! | `stream` | the inflated bytes, each with the stored range it came from |
//! | `frame`, `lines` | where records and lines begin and end, and how reading goes on after damage |
//! | `raw` | a record before anybody looked into it; where every stored byte went |
//! | `warc`, `jsonl` | a record's fields and its document |
//! | `parquet` | tables, read and written |
//! | `index` | indexes of crawls: which URL lies where |
//! | `http`, `coding`, `response` | HTTP heads; transfer and content coding removed; both, for one response by itself |
//! | `digest` | the names of a document's bytes |
//! | `write` | kept records, written |
//!
//! Three rules hold everywhere. Every stored byte belongs to a record, to padding or to damage ([`Accounting`]).
//! Damaged bytes never come out as a record. Memory is bounded by [`Limits`], whatever the file says of itself.
//!
//! Not here: what may be done with a document (`filter`), signals inside a page (`schema::signals`), and any network.
mod codec;
mod coding;
mod damage;
mod digest;
mod fields;
mod frame;
mod http;
pub mod index;
mod jsonl;
mod lines;
mod open;
pub mod parquet;
mod raw;
mod response;
mod source;
pub mod store;
mod stream;
#[cfg(test)]
mod tests;
mod warc;
mod write;

use std::ops::Range;
use std::sync::Arc;

pub use damage::{Damage, DamageKind, OpenError};
pub use digest::{ContentDigests, DeclaredDigest, DigestCheck, content_digests};
pub use fields::{DatasetLayout, FieldChoice, MissingField, Part};
pub use frame::Reader;
pub use http::HttpHead;
pub use open::{Opened, open, open_input, open_source};
pub use raw::{Accounting, Item, RawItem, RawRecord};
pub use response::Response;
pub use warc::{PayloadState, Record, RecordType, Role};
pub use write::{JsonlWriter, WarcWriter, WriteError};

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Not at all.
    Plain,
    /// gzip members (RFC 1952).
    Gzip,
    /// zstd frames (RFC 8878).
    Zstd,
}

/// How a file is divided into records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Container {
    /// WARC 1.x (ISO 28500:2017), WET and WAT with it.
    Warc,
    /// One JSON object per line.
    Jsonl,
}

impl Container {
    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Warc => "warc",
            Self::Jsonl => "jsonl",
        }
    }
}

/// A zstd dictionary as it stands at the head of a `.warc.zst`.
#[derive(Debug, PartialEq, Eq)]
pub struct Dictionary {
    /// The whole skippable frame as stored, to be copied to the head of an output.
    pub frame: Vec<u8>,
    /// The dictionary itself.
    pub(crate) unpacked: Vec<u8>,
}

/// Where a record's bytes lie in the stored file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw {
    /// First stored byte: of the record in a plain file, of the member (or first member) that holds it otherwise.
    pub offset: u64,
    /// How many stored bytes, up to the end of the (last) member that holds some of it.
    pub length: u64,
    /// How the record lies in them.
    pub framing: Framing,
}

impl Raw {
    /// The stored bytes as a range.
    pub fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.length)
    }
}

/// How a record lies in its stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// One gzip member or zstd frame holds this record and nothing else: it is kept as it is.
    OwnMember,
    /// The record shares a member with others, or spans several: it is re-framed when kept.
    InsideMember,
    /// The file is not compressed.
    Plain,
}

/// Bounds on what a reader holds. Sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// A WARC record, header and block. Default 64 MiB.
    pub record: u64,
    /// A WARC header. Default 1 MiB.
    pub header: usize,
    /// A JSONL line. Default 64 MiB.
    pub line: usize,
    /// A payload after decoding: the bound on decompression bombs. Default 64 MiB.
    pub payload: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self::of_records(64 * MIB)
    }
}

const MIB: usize = 1024 * 1024;

impl Limits {
    /// The usual limits, with one of so many bytes for records, lines and payloads.
    #[must_use]
    pub const fn of_records(largest: usize) -> Self {
        Self { record: largest as u64, header: MIB, line: largest, payload: largest }
    }
}

/// Where a JSONL line keeps its parts: dotted paths into the object, such as `metadata.url`.
///
/// A member whose own name has the dots in it (`"metadata.url": ...`) is not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonlFields {
    /// The text that is the document. Default `text`.
    pub text: String,
    /// The URL it came from. Default `url`.
    pub url: String,
    /// The line's own id. Default `id`.
    pub id: String,
    /// When it was captured. Default `date`.
    pub date: String,
}

impl Default for JsonlFields {
    fn default() -> Self {
        Self { text: "text".into(), url: "url".into(), id: "id".into(), date: "date".into() }
    }
}

/// All that may be chosen about reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// What is held at most.
    pub limits: Limits,
    /// Where JSONL keeps its parts.
    pub fields: JsonlFields,
    /// Read no WARC record's payload: its own header alone, and of a record in a member of its own the beginning of its block.
    pub heads_only: bool,
}

/// What a reader knows of the file as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub container: Container,
    pub codec: Codec,
    pub dictionary: Option<Arc<Dictionary>>,
}
