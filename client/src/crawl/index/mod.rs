//! Indexes of crawls: CDXJ lines and columnar rows, each saying which URL was captured when and where its record lies.
//!
//! | file | what it holds |
//! |---|---|
//! | `cdxj` | one line, read strictly |
//! | `shape` | what stands between a line's values, as lines before had it |
//! | `lines` | whole lines of a stored file, many at once, with all damage told |
//!
//! An index is a claim by whoever wrote it. Who makes one to harm us wants a record kept under another's address or date, a
//! file opened outside the crawl, or a row that one reader takes for another one: two members of one name, a digest that is
//! none, an offset beyond the file. Rows that say two things or too little are refused here; what a sound row claims of its
//! record is held against that record's bytes where they are read (`filter::index`).
//!
//! The columnar kind is read by `parquet::captures`. Not here: what is decided of a row, and where the records' files lie.
mod cdxj;
mod lines;
mod shape;

use std::borrow::Cow;
use std::sync::Arc;

use cleartitle_schema::time::Timestamp;

use super::digest::decode;
use super::open::{codec_of, dictionary};
use super::parquet::{Columnar, Table};
use super::source::Source;
use super::store::Stored;
use super::stream::Stream;
use super::{Codec, Container, Layout, OpenError};

pub use cdxj::{Before, Line, parse};
pub use lines::{Chunk, Lines, Next, compressed};

/// One capture as an index tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture<'a> {
    /// The URL, as written.
    pub url: Cow<'a, str>,
    /// When it was captured.
    pub captured_at: Timestamp,
    /// SHA-1 of the payload. `None`: the index tells none, or one of another algorithm.
    pub sha1: Option<[u8; 20]>,
    /// The file that holds the record, as written: a path below the crawl's root.
    pub file: Cow<'a, str>,
    /// The record's first stored byte there.
    pub offset: u64,
    /// How many stored bytes it has.
    pub length: u64,
    /// The record is a revisit, which holds no document.
    pub revisit: bool,
}

/// An index, opened by what it is.
pub enum Opened {
    /// CDXJ.
    Lines(Box<Lines>),
    /// Columnar.
    Columns(Box<Columnar>),
}

/// Opens an index.
///
/// # Errors
/// When it can't be read, or lacks a column that is needed.
pub fn open(stored: Stored, name: &str) -> Result<Opened, OpenError> {
    let failed = |source| OpenError::Read { name: name.to_owned(), source };
    let mut source = Source::new(stored.again(0..stored.length())).map_err(failed)?;
    let first = source.peek(1024).map_err(failed)?.to_vec();
    let lower = name.to_ascii_lowercase();
    if Table::is_one(&first) || lower.ends_with(".parquet") {
        return Ok(Opened::Columns(Box::new(Columnar::open(stored, name)?)));
    }
    let codec = codec_of(&first, name);
    let dictionary = if codec == Codec::Zstd { dictionary(&mut source, name)? } else { None };
    source.seek(0).map_err(failed)?;
    let layout = Layout { container: Container::Jsonl, codec, dictionary: dictionary.as_ref().map(Arc::clone) };
    let mut stream = Stream::new(source, &layout).map_err(failed)?;
    // A crawl that is named by mistake would be a million bad rows.
    stream.fill(16).map_err(failed)?;
    let begin = stream.pending().get(..16.min(stream.pending().len())).unwrap_or_default();
    if begin.starts_with(b"WARC/") || begin.first().is_some_and(|byte| b"{[<".contains(byte)) || begin.contains(&0) {
        let first_bytes = begin.iter().flat_map(|&byte| std::ascii::escape_default(byte)).map(char::from);
        return Err(OpenError::NoIndex { name: name.to_owned(), first_bytes: first_bytes.collect() });
    }
    Ok(Opened::Lines(Box::new(Lines::new(stream, codec))))
}

/// A digest as indexes write it: `sha1:` and base32 or hex, or base32 alone; `-` and nothing are none. One of another
/// algorithm is none that is looked up.
///
/// # Errors
/// When it is meant as SHA-1 and is none: it may be the one that is reserved.
pub(super) fn sha1_of(text: &str) -> Result<Option<[u8; 20]>, String> {
    let value = match text.split_once(':') {
        Some((algorithm, value)) if matches!(algorithm.to_ascii_lowercase().as_str(), "sha1" | "sha-1") => value,
        Some(_) => return Ok(None),
        None => text,
    };
    if matches!(value, "" | "-") {
        return Ok(None);
    }
    decode(value).map(Some).ok_or_else(|| format!("the digest `{}` is no SHA-1", shortened(text)))
}

pub(super) fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
