//! Where records begin and end: the reader that walks a crawl file, resynchronises after damage and accounts for all bytes.
use std::collections::VecDeque;
use std::io::{self, Read, Seek};
use std::ops::Range;
use std::sync::Arc;

use super::codec::BrokenUnit;
use super::damage::{Complaint, Damage, DamageKind};
use super::digest::DeclaredDigest;
use super::raw::{Accounting, Item, RawItem, RawRecord};
use super::source::Source;
use super::stream::Stream;
use super::warc::Header;
use super::{Codec, Container, Dictionary, Framing, Layout, Options, Raw};

/// Bytes that decide whether a record begins: `WARC/1.1` and its line's end.
const BEGINNING: usize = 12;
/// Bytes of a block that say what kind it is; all that is held of it where heads alone are read.
const BLOCK_BEGINNING: usize = 256;
/// Most record names told for one broken member.
const NAMES_LIMIT: usize = 10_000;

/// A crawl file being read, record by record, in file order.
pub struct Reader<R> {
    pub(super) stream: Stream<R>,
    layout: Layout,
    pub(super) options: Options,
    queue: VecDeque<Damage>,
    accounting: Accounting,
    /// Plain position up to which a damaged record claims to reach: what is found below it is suspect.
    suspect_to: u64,
    pub(super) lines: u64,
    pub(super) after_break: bool,
}

/// What was found at a record's beginning.
enum Found {
    /// A whole record: its header, the header's length and the block's.
    Record { header: Header, head: usize, block: usize },
    /// No sound record; look for the next from `from`. `claims` is what it says it covers.
    Damaged { complaint: Complaint, id: Option<String>, from: usize, claims: u64 },
    /// Too large to hold: `total` bytes to pass over.
    TooLarge { complaint: Complaint, id: Option<String>, total: u64 },
}

impl<R: Read + Seek> Reader<R> {
    pub(super) fn new(source: Source<R>, layout: Layout, options: Options) -> io::Result<Self> {
        Ok(Self {
            stream: Stream::new(source, &layout)?,
            layout,
            options,
            queue: VecDeque::new(),
            accounting: Accounting::default(),
            suspect_to: 0,
            lines: 0,
            after_break: false,
        })
    }

    /// How the file is compressed.
    pub fn codec(&self) -> Codec {
        self.layout.codec
    }

    /// How the file is divided into records.
    pub fn container(&self) -> Container {
        self.layout.container
    }

    /// The zstd dictionary at the head of the file, for a writer.
    pub fn dictionary(&self) -> Option<Arc<Dictionary>> {
        self.layout.dictionary.clone()
    }

    /// What reading and parsing go by.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Where the stored bytes passed so far have gone.
    pub fn accounting(&self) -> Accounting {
        self.accounting
    }

    /// Stored bytes passed so far, for a progress bar.
    pub fn offset(&self) -> u64 {
        self.accounting.reached
    }

    /// Length of the stored file.
    pub fn length(&self) -> u64 {
        self.stream.stored_length()
    }

    /// The next raw record or damage, `None` at the end of the file.
    ///
    /// # Errors
    /// Only when the file itself cannot be read; whatever its bytes are, they are records, padding or damage.
    pub fn next_raw(&mut self) -> io::Result<Option<RawItem>> {
        loop {
            if let Some(damage) = self.queue.pop_front() {
                return Ok(Some(RawItem::Damage(damage)));
            }
            if self.layout.container == Container::Warc {
                self.skip_blank()?;
            }
            let more = self.stream.fill(1)?;
            self.account_padding();
            if !more {
                match self.stream.take_broken() {
                    Some(broken) => self.report_broken(&broken),
                    None => return Ok(None),
                }
                continue;
            }
            let record = match self.layout.container {
                Container::Warc => self.step_warc()?,
                Container::Jsonl => self.step_line()?,
            };
            if let Some(record) = record {
                return Ok(Some(RawItem::Record(record)));
            }
        }
    }

    /// The next record, parsed on this thread, or damage; `None` at the end of the file.
    ///
    /// # Errors
    /// As [`Reader::next_raw`].
    pub fn next_item(&mut self) -> io::Result<Option<Item>> {
        Ok(self.next_raw()?.map(|item| item.parse(&self.options)))
    }

    fn step_warc(&mut self) -> io::Result<Option<RawRecord>> {
        match self.measure()? {
            Found::Record { header, head, block } => self.close_record(header, head, block),
            Found::Damaged { complaint, id, from, claims } => {
                self.damaged(complaint, id, from, claims)?;
                Ok(None)
            }
            Found::TooLarge { complaint, id, total } => {
                self.pass_over(complaint, id, total)?;
                Ok(None)
            }
        }
    }

    /// Looks at what begins at the position, up to the end of its block.
    fn measure(&mut self) -> io::Result<Found> {
        let damaged = |complaint, from| Ok(Found::Damaged { complaint, id: None, from, claims: 0 });
        let head = match self.header_length()? {
            Ok(head) => head,
            Err(complaint) => return damaged(complaint, 1),
        };
        let header = match Header::parse(&self.stream.pending()[..head]) {
            Ok(header) => header,
            Err(complaint) => return damaged(complaint, head),
        };
        let id = header.record_id();
        let length = match header.content_length() {
            Ok(length) => length,
            Err(complaint) => return Ok(Found::Damaged { complaint, id, from: head, claims: 0 }),
        };
        let total = length.saturating_add(head as u64);
        let truncated = |id, claims, detail: &str| {
            let complaint = Complaint::new(DamageKind::Truncated, detail);
            Ok(Found::Damaged { complaint, id, from: head, claims })
        };
        if self.stream.is_plain() && self.stream.position().saturating_add(total) > self.stream.stored_length() {
            return truncated(id, total, "the file ends inside the record");
        }
        if total > self.options.limits.record {
            let detail = format!("the record has {total} bytes, the limit is {}", self.options.limits.record);
            return Ok(Found::TooLarge { complaint: Complaint::new(DamageKind::TooLarge, detail), id, total });
        }
        let whole = self.stream.fill(total as usize)?;
        if let Some(ahead) = self.stream.unit_beginning(total, begins_record) {
            let detail = format!("its member ends {} bytes before the record does", total - ahead as u64);
            let complaint = Complaint::new(DamageKind::Clipped, detail);
            return Ok(Found::Damaged { complaint, id, from: head, claims: ahead as u64 });
        }
        if !whole {
            let at_damage = self.stream.stopped_at_damage();
            let detail = if at_damage {
                "a damaged member follows inside the record"
            } else {
                "the file ends inside the record"
            };
            return truncated(id, total, detail);
        }
        Ok(Found::Record { header, head, block: length as usize })
    }

    /// Length of the header at the position, its blank line included.
    fn header_length(&mut self) -> io::Result<Result<usize, Complaint>> {
        self.stream.fill(BEGINNING)?;
        if !begins_record(self.stream.pending()) {
            return Ok(Err(Complaint::new(DamageKind::NotARecord, "no record begins here")));
        }
        let mut looked = 0;
        loop {
            let pending = self.stream.pending();
            let limit = self.options.limits.header;
            let found = blank_line(pending, looked).filter(|&end| end <= limit);
            let known = found.unwrap_or(pending.len());
            looked = pending.len().saturating_sub(3);
            let too_long = found.is_none() && known > limit;
            if self.stream.unit_beginning(known as u64, begins_record).is_some() {
                return Ok(Err(Complaint::new(DamageKind::Clipped, "its member ends inside the record's header")));
            }
            if let Some(end) = found {
                return Ok(Ok(end));
            }
            if too_long {
                let detail = format!("the record's header has more than {limit} bytes");
                return Ok(Err(Complaint::new(DamageKind::TooLarge, detail)));
            }
            if !self.stream.fill(known + 1)? {
                return Ok(Err(Complaint::new(DamageKind::Truncated, "no end of the record's header")));
            }
        }
    }

    /// Checks what follows the block, and takes the record out of the stream.
    ///
    /// A wrong length that happens to end near a line's end must not pass: either the two line ends stand there as the
    /// standard has them and nothing like them follows, or the declared digest of the block has to agree.
    fn close_record(&mut self, header: Header, head: usize, block: usize) -> io::Result<Option<RawRecord>> {
        let total = head + block;
        let mut notes = Vec::new();
        let left = self.stream.left_in_unit(total).unwrap_or(u64::MAX);
        let at_start = self.stream.unit_begins(0) && !self.stream.is_plain();
        // Not beyond the unit if it can be helped: the next one need not be inflated yet.
        let ahead = if left == 4 { 4 } else { 5 };
        self.stream.fill(total + ahead)?;
        let after = &self.stream.pending()[total..];
        let after = &after[..after.len().min(ahead)];
        let ends = after.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let line_end: &[u8] = if header.bare_line_feeds { b"\n\n" } else { b"\r\n\r\n" };
        let mut length = total + line_end.len();
        if !(after.starts_with(line_end) && ends == line_end.len()) {
            let complaint = Complaint::new(DamageKind::LengthMismatch, "no record ends where the length leads");
            if !header.block_digest_agrees(&self.stream.pending()[head..total]) {
                self.damaged(complaint, header.record_id(), head, total as u64)?;
                return Ok(None);
            }
            length = total + ends.min(4);
            notes.push(format!("{ends} line-end bytes after the block instead of {}", line_end.len()));
        }
        let after_damage = self.stream.position() < self.suspect_to && !at_start;
        let mut record = self.take_record(length, head..total, notes)?;
        record.after_damage = after_damage;
        record.header = Some(header);
        Ok(Some(record))
    }

    pub(super) fn take_record(
        &mut self,
        length: usize,
        block: Range<usize>,
        notes: Vec<String>,
    ) -> io::Result<RawRecord> {
        let range = self.stream.stored_range(length);
        let most = self.options.limits.record;
        let stored = self.stream.own_unit(length, most)?;
        let framing = match (&stored, self.stream.is_plain()) {
            (_, true) => Framing::Plain,
            (Some(_), false) => Framing::OwnMember,
            (None, false) => Framing::InsideMember,
        };
        // Of a member that is kept as it is stored, a run that reads heads alone needs no more.
        let heads = self.options.heads_only && framing == Framing::OwnMember && block.start > 0;
        let most = if heads { block.start.saturating_add(BLOCK_BEGINNING) } else { usize::MAX };
        let plain = self.stream.take(length, most);
        let block = block.start..block.end.min(plain.len());
        self.accounting.claim(range.clone(), |accounting| &mut accounting.records);
        let raw = Raw { offset: range.start, length: range.end - range.start, framing };
        let (codec, dictionary) = (self.layout.codec, self.layout.dictionary.clone());
        let (header, line, after_damage) = (None, None, false);
        Ok(RawRecord { raw, plain, stored, codec, dictionary, header, block, line, after_damage, notes })
    }

    /// Reports damage at the position and goes to the next record's beginning, at `from` or later.
    fn damaged(&mut self, complaint: Complaint, id: Option<String>, from: usize, claims: u64) -> io::Result<()> {
        let start = self.stream.stored_range(1).start;
        self.suspect_to = self.suspect_to.max(self.stream.position().saturating_add(claims));
        self.search(from.max(1))?;
        self.report(start, complaint, id, None);
        Ok(())
    }

    pub(super) fn report(&mut self, start: u64, complaint: Complaint, record_id: Option<String>, line: Option<u64>) {
        let end = self.stream.consumed_to();
        self.accounting.claim(start..end, |accounting| &mut accounting.damage);
        let Complaint { what, detail } = complaint;
        self.queue.push_back(Damage { offset: start, end, record_id, line, what, detail });
    }

    /// Passes everything up to the next line or member that begins a record.
    fn search(&mut self, mut from: usize) -> io::Result<()> {
        loop {
            let pending = self.stream.pending();
            let found = (from..pending.len()).find(|&at| {
                pending[at] == b'W'
                    && begins_record(&pending[at..])
                    && (pending[at - 1] == b'\n' || self.stream.unit_begins(at))
            });
            if let Some(at) = found {
                self.stream.advance(at);
                return Ok(());
            }
            // The last bytes may be half a beginning; one byte before them says whether a line starts.
            let passed = pending.len().saturating_sub(2 * BEGINNING);
            let held = pending.len() - passed;
            self.stream.advance(passed);
            from = from.saturating_sub(passed).max(1);
            if !self.stream.fill(held + 1)? {
                self.stream.advance(held);
                return Ok(());
            }
        }
    }

    /// Passes a record that is too large to hold; a member that begins a record ends it early.
    fn pass_over(&mut self, complaint: Complaint, id: Option<String>, total: u64) -> io::Result<()> {
        let start = self.stream.stored_range(1).start;
        let mut left = total;
        while left > 0 {
            self.stream.fill(BEGINNING)?;
            let known = self.stream.pending().len() as u64;
            if known == 0 || (left < total && self.stream.unit_begins(0) && begins_record(self.stream.pending())) {
                break;
            }
            let step = left.min(known);
            if let Some(ahead) = self.stream.unit_beginning(step, begins_record) {
                self.stream.advance(ahead);
                break;
            }
            self.stream.advance(step as usize);
            left -= step;
        }
        self.report(start, complaint, id, None);
        Ok(())
    }

    /// Passes line ends between records.
    fn skip_blank(&mut self) -> io::Result<()> {
        while self.stream.fill(1)? {
            self.account_padding();
            let start = self.stream.stored_range(1).start;
            let count = self.stream.pending().iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if count == 0 {
                return Ok(());
            }
            self.stream.advance(count);
            self.claim_blank(start);
        }
        Ok(())
    }

    /// Counts blank bytes as padding, unless their member goes on and will be counted to what follows.
    pub(super) fn claim_blank(&mut self, start: u64) {
        if self.stream.is_plain() || self.stream.left_in_unit(0) == Some(0) || self.stream.unit_begins(0) {
            let end = self.stream.consumed_to();
            self.accounting.claim(start..end, |accounting| &mut accounting.padding);
        }
    }

    fn account_padding(&mut self) {
        for range in self.stream.drain_padding() {
            self.accounting.claim(range, |accounting| &mut accounting.padding);
        }
    }

    /// One damage for each record that the broken unit is seen to hold, at least one.
    fn report_broken(&mut self, broken: &BrokenUnit) {
        let mut names = match self.layout.container {
            Container::Warc => names_in(&broken.salvage),
            Container::Jsonl => Vec::new(),
        };
        names.resize(names.len().max(1), None);
        for name in names {
            self.report(broken.raw.start, broken.complaint.clone(), name, None);
        }
        self.after_break = true;
    }
}

/// Whether `bytes` begin with a version line of WARC 1.x, or of the drafts before it that are still met.
pub(super) fn begins_record(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"WARC/") else { return false };
    let digits = rest.strip_prefix(b"1.").or_else(|| rest.strip_prefix(b"0.1")).unwrap_or_default();
    matches!(digits, [b'0'..=b'9', b'\r' | b'\n', ..])
}

/// End of the first blank line at or after `from`.
fn blank_line(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..).unwrap_or_default();
    memchr::memchr_iter(b'\n', rest).map(|at| from + at).find_map(|at| match bytes[at + 1..] {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

/// The ids of the records that begin in what could be inflated of a broken member.
fn names_in(mut salvage: &[u8]) -> Vec<Option<String>> {
    let mut names = Vec::new();
    while begins_record(salvage) && names.len() < NAMES_LIMIT {
        let head = blank_line(salvage, 0).unwrap_or(salvage.len());
        let header = Header::parse(&salvage[..head]).ok();
        names.push(header.as_ref().and_then(Header::record_id));
        let length =
            header.and_then(|header| header.content_length().ok()).and_then(|length| usize::try_from(length).ok());
        let Some(rest) = length.and_then(|length| salvage.get(head.checked_add(length)?..)) else { break };
        let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        salvage = &rest[blank..];
    }
    names
}

impl Header {
    /// Whether the declared SHA-1 of the block is that of `block`. False where none is declared.
    fn block_digest_agrees(&self, block: &[u8]) -> bool {
        let declared = self.value("WARC-Block-Digest").map(DeclaredDigest::parse);
        declared.and_then(|digest| digest.sha1).is_some_and(|sha1| sha1 == super::digest::sha1(block))
    }
}
