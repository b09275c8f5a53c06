//! Whole lines of an index, many at once, so that threads can share them; damage is told with its place and never read over.
use std::io;
use std::ops::Range;

use libdeflater::{CompressionLvl, Compressor};

use super::super::damage::{Damage, DamageKind};
use super::super::store::Stored;
use super::super::stream::Stream;
use super::super::write::compress;
use super::super::{Accounting, Codec};

/// Bytes of lines that are handed out at once.
const CHUNK: usize = 512 * 1024;
/// How hard candidates' lines are pressed.
const LEVEL: i32 = 3;
/// Longest line. The longest URL that is decided upon has 8 KiB.
const LINE_LIMIT: usize = 1024 * 1024;

/// Some whole lines.
#[derive(Debug)]
pub struct Chunk {
    /// They, with their ends.
    pub bytes: Vec<u8>,
    /// The number of the first, from 1.
    pub first: u64,
    /// The stored bytes that hold them.
    pub stored: Range<u64>,
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// Lines.
    Chunk(Chunk),
    /// A stretch that holds none.
    Damage(Damage),
}

/// The lines of one index.
pub struct Lines {
    stream: Stream<Stored>,
    codec: Codec,
    /// Lines passed.
    passed: u64,
    /// A damaged member was passed: the first line after it may lack its beginning.
    resumed: bool,
    damaged: u64,
}

impl Lines {
    pub(super) fn new(stream: Stream<Stored>, codec: Codec) -> Self {
        Self { stream, codec, passed: 0, resumed: false, damaged: 0 }
    }

    /// How the index is compressed.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// Stored bytes passed so far.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.stream.consumed_to()
    }

    /// Where the stored bytes went, once all were read.
    #[must_use]
    pub fn accounting(&self) -> Accounting {
        let records = self.stream.stored_length().saturating_sub(self.damaged);
        let mut accounting = Accounting::default();
        (accounting.records, accounting.damage) = (records, self.damaged);
        accounting
    }

    /// The next lines or damage, `None` at the end.
    ///
    /// # Errors
    /// Only when the file can't be read.
    pub fn next_lines(&mut self) -> io::Result<Option<Next>> {
        let mut wanted = CHUNK;
        loop {
            let more = self.stream.fill(wanted)?;
            let _ = self.stream.drain_padding();
            let pending = self.stream.pending();
            if pending.is_empty() {
                let Some(broken) = self.stream.take_broken() else { return Ok(None) };
                self.resumed = true;
                self.damaged += broken.raw.end - broken.raw.start;
                let damage = self.damage(broken.raw.start, broken.complaint.what, broken.complaint.detail);
                return Ok(Some(Next::Damage(Damage { end: broken.raw.end, ..damage })));
            }
            let first = memchr::memchr(b'\n', pending).map(|at| at + 1);
            let (Some(first), true) = (first, !self.resumed) else {
                // Either the first line is not whole yet, or it is what a break has left of one.
                let Some(length) = first else {
                    if pending.len() > LINE_LIMIT {
                        return self.too_long().map(Some);
                    }
                    if more {
                        wanted = pending.len() + CHUNK;
                        continue;
                    }
                    return Ok(self.last());
                };
                self.resumed = false;
                return Ok(Some(self.lost(length, "the line's beginning is lost in a damaged member")));
            };
            let most = pending.len().min(wanted.max(first));
            let end = pending[..most].iter().rposition(|&byte| byte == b'\n').map_or(first, |at| at + 1);
            // The last line of the file may lack its end.
            let end = if !more && !self.stream.stopped_at_damage() && most == pending.len() { most } else { end };
            let start = self.stream.stored_range(1).start;
            let bytes = self.stream.take(end, end);
            let chunk = Chunk { first: self.passed + 1, bytes, stored: start..self.stream.consumed_to() };
            self.passed += memchr::memchr_iter(b'\n', &chunk.bytes).count() as u64;
            return Ok(Some(Next::Chunk(chunk)));
        }
    }

    /// What is left without a line's end: the last line, or one that a damaged member cuts.
    fn last(&mut self) -> Option<Next> {
        let length = self.stream.pending().len();
        if self.resumed {
            return Some(self.lost(length, "the line's beginning is lost in a damaged member"));
        }
        if self.stream.stopped_at_damage() {
            return Some(self.lost(length, "a damaged member follows inside the line"));
        }
        let start = self.stream.stored_range(1).start;
        let bytes = self.stream.take(length, length);
        self.passed += 1;
        Some(Next::Chunk(Chunk { first: self.passed, bytes, stored: start..self.stream.consumed_to() }))
    }

    fn lost(&mut self, length: usize, detail: &str) -> Next {
        let start = self.stream.stored_range(1).start;
        self.stream.advance(length);
        self.passed += 1;
        Next::Damage(Damage { line: Some(self.passed), ..self.damage(start, DamageKind::Truncated, detail.to_owned()) })
    }

    /// Passes a line that nobody holds.
    fn too_long(&mut self) -> io::Result<Next> {
        let start = self.stream.stored_range(1).start;
        loop {
            let pending = self.stream.pending();
            let end = pending.iter().position(|&byte| byte == b'\n');
            let count = end.map_or(pending.len(), |at| at + 1);
            self.stream.advance(count);
            if end.is_some() || !self.stream.fill(1)? {
                break;
            }
        }
        self.passed += 1;
        self.resumed = false;
        let detail = format!("the line has more than {LINE_LIMIT} bytes");
        Ok(Next::Damage(Damage { line: Some(self.passed), ..self.damage(start, DamageKind::TooLarge, detail) }))
    }

    fn damage(&self, offset: u64, what: DamageKind, detail: String) -> Damage {
        let end = self.stream.consumed_to().max(offset);
        Damage { offset, end, record_id: None, line: None, what, detail }
    }
}

/// Lines as they are kept: as the index was compressed, in a member of their own.
///
/// # Errors
/// When the compressor fails.
pub fn compressed(codec: Codec, lines: Vec<u8>) -> io::Result<Vec<u8>> {
    match codec {
        _ if lines.is_empty() => Ok(lines),
        Codec::Plain => Ok(lines),
        Codec::Gzip => gzip(&lines),
        codec => compress(codec, &[&lines]),
    }
}

/// A member by libdeflate, whose fast levels press an index's lines as well as others' slow ones in a fraction of the time.
fn gzip(lines: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(CompressionLvl::new(LEVEL).unwrap_or_default());
    let mut member = vec![0; compressor.gzip_compress_bound(lines.len())];
    let length = compressor.gzip_compress(lines, &mut member).map_err(io::Error::other)?;
    member.truncate(length);
    Ok(member)
}
