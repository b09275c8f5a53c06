//! Records as they lie in the file, before anybody looked into them, and the books on where every stored byte went.
use std::ops::Range;
use std::sync::Arc;

use super::damage::{Complaint, Damage};
use super::warc::{Header, Record};
use super::{Codec, Dictionary, Options, Raw, jsonl};

/// A record or a line as it lies in the file, not yet looked into; may go to another thread.
#[derive(Debug)]
pub struct RawRecord {
    pub(super) raw: Raw,
    /// The record's plain bytes, header and block and the line ends after it.
    pub(super) plain: Vec<u8>,
    /// The member that holds it alone.
    pub(super) stored: Option<Vec<u8>>,
    pub(super) codec: Codec,
    pub(super) dictionary: Option<Arc<Dictionary>>,
    /// `None` for JSONL.
    pub(super) header: Option<Header>,
    pub(super) block: Range<usize>,
    pub(super) line: Option<u64>,
    pub(super) after_damage: bool,
    pub(super) notes: Vec<String>,
}

impl RawRecord {
    /// Where it lies in the stored file.
    pub fn raw(&self) -> Raw {
        self.raw
    }

    /// How many plain bytes it has: what a bound on records in flight should count.
    pub fn plain_length(&self) -> usize {
        self.plain.len()
    }

    /// A named field of the header, before anything is decoded; `None` for JSONL.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.header.as_ref().and_then(|header| header.value(name))
    }

    /// Reads the fields and the document, decodes the payload. Pure; meant for many threads.
    ///
    /// # Errors
    /// The damage, when the record's own header or line cannot be read. A payload that cannot be decoded is no error:
    /// see [`super::PayloadState`].
    pub fn parse(self, options: &Options) -> Result<Record, Damage> {
        match self.header {
            Some(_) => super::warc::parse(self, options),
            None => jsonl::parse(self, options),
        }
    }

    pub(super) fn damage(&self, complaint: Complaint) -> Damage {
        let Range { start: offset, end } = self.raw.range();
        let record_id = self.header.as_ref().and_then(Header::record_id);
        Damage { offset, end, record_id, line: self.line, what: complaint.what, detail: complaint.detail }
    }
}

/// What a reader meets next.
#[derive(Debug)]
pub enum RawItem {
    /// A record whose framing is sound.
    Record(RawRecord),
    /// A stretch that is not.
    Damage(Damage),
}

/// Where every stored byte of a file went. At the end of reading the three sum up to the file's length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accounting {
    /// Stored bytes that hold records. A member that holds a record and damage counts to what came first.
    pub records: u64,
    /// Blank lines, members without content, skippable frames, the dictionary.
    pub padding: u64,
    /// Stored bytes reported as damage.
    pub damage: u64,
    pub(super) reached: u64,
    unaccounted: u64,
}

impl Accounting {
    /// Bytes that nothing was said about: zero, or the reader is wrong.
    pub fn unaccounted(&self) -> u64 {
        self.unaccounted
    }

    pub(super) fn claim(&mut self, range: Range<u64>, kind: fn(&mut Self) -> &mut u64) {
        self.unaccounted += range.start.saturating_sub(self.reached);
        let count = range.end.saturating_sub(self.reached.max(range.start));
        *kind(self) += count;
        self.reached = self.reached.max(range.end);
    }
}

/// What a reader meets next, read on the reader's own thread.
#[derive(Debug)]
pub enum Item {
    /// A record with its fields and its document.
    Record(Box<Record>),
    /// A stretch that is no sound record.
    Damage(Damage),
}

impl RawItem {
    /// Parses the record, if it is one; what cannot be parsed is damage as well.
    pub fn parse(self, options: &Options) -> Item {
        match self {
            Self::Record(raw) => raw.parse(options).map_or_else(Item::Damage, |record| Item::Record(Box::new(record))),
            Self::Damage(damage) => Item::Damage(damage),
        }
    }
}
