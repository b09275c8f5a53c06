//! The inflated bytes of a crawl file, each with the stored range it came from, and a stop where a member is broken.
use std::collections::VecDeque;
use std::io::{self, Read, Seek};
use std::ops::Range;

use super::codec::{BrokenUnit, Content, Next, Units};
use super::source::Source;
use super::{Codec, Container, Layout};

/// Consumed bytes that the window may still hold before they are moved out of it.
const SLACK: usize = 1024 * 1024;
/// Bytes read at once from a plain file.
const PLAIN_CHUNK: usize = 64 * 1024;

/// One unit's place in both countings.
#[derive(Debug)]
pub(super) struct Span {
    pub plain: Range<u64>,
    pub raw: Range<u64>,
    /// The unit's stored bytes, when they are still at hand.
    pub stored: Option<Vec<u8>>,
}

/// The plain bytes of a file with a window onto them.
pub(super) struct Stream<R> {
    source: Source<R>,
    /// `None` for a plain file, where both countings are one.
    units: Option<Units>,
    window: Vec<u8>,
    head: usize,
    end: usize,
    /// The window is the inflater's own buffer, of which the bytes after `end` are none of ours.
    lent: bool,
    /// Plain position of the window's head.
    position: u64,
    /// Units that hold bytes of the window, and empty ones between.
    spans: VecDeque<Span>,
    streaming: bool,
    broken: Option<BrokenUnit>,
    ended: bool,
    /// Stored end of the unit that holds the last consumed byte.
    consumed_to: u64,
    /// Units without content that have been passed.
    padding: Vec<Range<u64>>,
    /// Plain position of the last unit that was looked at for the beginning of a record inside another.
    clips_looked_to: u64,
}

impl<R: Read + Seek> Stream<R> {
    pub fn new(source: Source<R>, layout: &Layout) -> io::Result<Self> {
        let wanted: &[u8] = if layout.container == Container::Warc { b"WARC/" } else { b"" };
        let units = match layout.codec {
            Codec::Plain => None,
            codec => Some(Units::new(codec, layout.dictionary.as_ref(), wanted)?),
        };
        Ok(Self {
            source,
            units,
            window: Vec::new(),
            head: 0,
            end: 0,
            lent: false,
            position: 0,
            spans: VecDeque::new(),
            streaming: false,
            broken: None,
            ended: false,
            consumed_to: 0,
            padding: Vec::new(),
            clips_looked_to: 0,
        })
    }

    /// The bytes at hand.
    pub fn pending(&self) -> &[u8] {
        &self.window[self.head..self.end]
    }

    /// Plain position of the first byte at hand.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Length of the stored file.
    pub fn stored_length(&self) -> u64 {
        self.source.length()
    }

    pub fn is_plain(&self) -> bool {
        self.units.is_none()
    }

    /// Whether reading stopped before a broken unit, rather than at the end of the file.
    pub fn stopped_at_damage(&self) -> bool {
        self.broken.is_some()
    }

    /// Tries to have `count` bytes at hand; false if the file or its readable part ends before.
    pub fn fill(&mut self, count: usize) -> io::Result<bool> {
        while self.pending().len() < count {
            if !self.pull()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads some more; false if there is nothing before the next damage or the end.
    fn pull(&mut self) -> io::Result<bool> {
        if self.broken.is_some() || self.ended {
            return Ok(false);
        }
        self.compact();
        let Some(units) = &mut self.units else {
            let bytes = self.source.available()?;
            let count = bytes.len().min(PLAIN_CHUNK);
            self.window.extend_from_slice(&bytes[..count]);
            self.end = self.window.len();
            self.source.consume(count);
            self.ended = count == 0;
            return Ok(!self.ended);
        };
        if self.streaming {
            keep(&mut self.window, &mut self.lent, self.end);
            self.streaming = !units.inflate_more(&mut self.source, &mut self.window)?;
            self.end = self.window.len();
            return Ok(true);
        }
        let plain = self.position + (self.end - self.head) as u64;
        match units.next(&mut self.source)? {
            Next::Unit(unit) => {
                self.spans.push_back(Span {
                    plain: plain..plain + unit.plain_length,
                    raw: unit.raw,
                    stored: unit.stored,
                });
                let Some(content) = unit.content else {
                    self.streaming = true;
                    return Ok(true);
                };
                if self.end == self.head {
                    self.head = 0;
                    (self.end, self.lent, self.window) = match content {
                        Content::Owned(bytes) => (bytes.len(), false, bytes),
                        Content::Lent(bytes, end) => (end, true, bytes),
                    };
                } else {
                    keep(&mut self.window, &mut self.lent, self.end);
                    match content {
                        Content::Owned(bytes) => self.window.extend_from_slice(&bytes),
                        Content::Lent(bytes, end) => {
                            self.window.extend_from_slice(&bytes[..end]);
                            units.take_back(bytes);
                        }
                    }
                    self.end = self.window.len();
                }
            }
            Next::Padding(raw) => self.spans.push_back(Span { plain: plain..plain, raw, stored: None }),
            Next::Broken(broken) => self.broken = Some(broken),
            Next::End => self.ended = true,
        }
        Ok(!self.ended && self.broken.is_none())
    }

    fn compact(&mut self) {
        if self.head == self.end {
            match &mut self.units {
                Some(units) if self.lent => units.take_back(std::mem::take(&mut self.window)),
                _ => self.window.clear(),
            }
            (self.head, self.end, self.lent) = (0, 0, false);
        } else if self.head > SLACK && self.head > self.end / 2 {
            keep(&mut self.window, &mut self.lent, self.end);
            self.window.drain(..self.head);
            (self.head, self.end) = (0, self.window.len());
        }
    }

    /// Consumes bytes at hand.
    pub fn advance(&mut self, count: usize) {
        debug_assert!(count <= self.pending().len());
        self.head += count;
        self.position += count as u64;
        self.settle(count > 0);
    }

    /// Consumes bytes at hand and gives them away, or only the first `most` of them; free when they are all there is and
    /// nobody wants them back.
    pub fn take(&mut self, count: usize, most: usize) -> Vec<u8> {
        let bytes = if self.head == 0 && self.end == count && !self.lent {
            self.end = 0;
            let mut bytes = std::mem::take(&mut self.window);
            bytes.truncate(most);
            bytes
        } else {
            let bytes = self.window[self.head..self.head + count.min(most)].to_vec();
            self.head += count;
            bytes
        };
        self.position += count as u64;
        self.settle(count > 0);
        bytes
    }

    /// Passes the spans that lie wholly before the position.
    fn settle(&mut self, moved: bool) {
        if self.units.is_none() {
            self.consumed_to = self.position;
            return;
        }
        while let Some(span) = self.spans.front() {
            if moved && span.plain.start < self.position {
                self.consumed_to = span.raw.end;
            }
            if span.plain.end > self.position {
                break;
            }
            if span.plain.is_empty() {
                self.padding.push(span.raw.clone());
            }
            self.spans.pop_front();
        }
    }

    /// Stored end of the unit that holds the last consumed byte (that byte's end, in a plain file).
    pub fn consumed_to(&self) -> u64 {
        self.consumed_to
    }

    /// Units without content that were passed since the last call.
    pub fn drain_padding(&mut self) -> Vec<Range<u64>> {
        self.settle(false);
        std::mem::take(&mut self.padding)
    }

    /// The stored range that holds the next `count` bytes, which are at hand.
    pub fn stored_range(&self, count: usize) -> Range<u64> {
        let end = self.position + count as u64;
        if self.units.is_none() {
            return self.position..end;
        }
        let mut holding = self.spans.iter().filter(|span| span.plain.start < end && span.plain.end > self.position);
        let first = holding.next();
        let last = holding.next_back().or(first);
        match (first, last) {
            (Some(first), Some(last)) => first.raw.start..last.raw.end,
            _ => self.consumed_to..self.consumed_to,
        }
    }

    /// Whether a unit begins `ahead` bytes after the position. In a plain file, only the file's start does.
    pub fn unit_begins(&self, ahead: usize) -> bool {
        let at = self.position + ahead as u64;
        if self.units.is_none() {
            return at == 0;
        }
        let index = self.spans.partition_point(|span| span.plain.start < at);
        self.spans.get(index).is_some_and(|span| span.plain.start == at)
    }

    /// Bytes from the position to the end of its unit; `None` in a plain file.
    pub fn left_in_unit(&self, ahead: usize) -> Option<u64> {
        let at = self.position + ahead as u64;
        self.units.as_ref()?;
        let holds = |span: &&Span| span.plain.start <= at && at < span.plain.end;
        Some(self.spans.iter().find(holds).map_or(0, |span| span.plain.end - at))
    }

    /// First place in the next `count` bytes, after the position, where a unit begins with what `test` accepts.
    /// Each unit is looked at once, however often records that lie about their length make us ask.
    pub fn unit_beginning(&mut self, count: u64, test: impl Fn(&[u8]) -> bool) -> Option<usize> {
        let from = self.clips_looked_to.max(self.position + 1);
        let end = self.position.saturating_add(count);
        let index = self.spans.partition_point(|span| span.plain.start < from);
        for span in self.spans.range(index..).take_while(|span| span.plain.start < end) {
            let ahead = (span.plain.start - self.position) as usize;
            let Some(bytes) = self.window[self.head..self.end].get(ahead..) else { break };
            self.clips_looked_to = span.plain.start;
            if !span.plain.is_empty() && test(bytes) {
                return Some(ahead);
            }
        }
        None
    }

    /// The stored bytes of the unit that holds exactly the next `count` bytes, if there is such a one.
    /// `most` bounds what is read back for it.
    pub fn own_unit(&mut self, count: usize, most: u64) -> io::Result<Option<Vec<u8>>> {
        let wanted = self.position..self.position + count as u64;
        let Some(span) = self.spans.iter_mut().find(|span| span.plain == wanted) else { return Ok(None) };
        if let Some(stored) = span.stored.take() {
            return Ok(Some(stored));
        }
        let raw = span.raw.clone();
        if raw.end - raw.start > most { Ok(None) } else { self.source.read_range(raw).map(Some) }
    }

    /// Takes the broken unit that reading stopped at, once everything before it is consumed. Reading then goes on after.
    pub fn take_broken(&mut self) -> Option<BrokenUnit> {
        debug_assert!(self.pending().is_empty());
        let broken = self.broken.take()?;
        self.consumed_to = broken.raw.end;
        Some(broken)
    }
}

/// Makes a lent window our own, where bytes have to come after those that are in it.
fn keep(window: &mut Vec<u8>, lent: &mut bool, end: usize) {
    if std::mem::take(lent) {
        window.truncate(end);
    }
}
