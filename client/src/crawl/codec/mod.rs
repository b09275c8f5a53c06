//! Compressed units, a gzip member or a zstd frame: reading one whole, and finding the next after damage.
//!
//! A unit is read to its end and its checksum compared before a byte of it is handed out, so that no record of a
//! damaged member ever looks sound. A unit over `hold` bytes is read twice instead of being held.
//!
//! Not here: what the inflated bytes mean (`frame`, `jsonl`).
pub(super) mod gzip;
#[cfg(test)]
mod tests;
mod whole;
pub(super) mod zstd;

use std::io::{self, Read, Seek};
use std::ops::Range;
use std::sync::Arc;

use super::damage::{Complaint, DamageKind};
use super::source::{CAPACITY, Source};
use super::{Codec, Dictionary};
use whole::Whole;

/// Content of one unit that is held in memory; larger units are read twice.
const HOLD: usize = 16 * 1024 * 1024;
/// Input at hand when a member is first tried whole. One that is longer is inflated in vain, so that hardly any may be: of
/// Common Crawl's pages a hundredth of the bytes is in longer ones.
const AT_ONCE: usize = 1024 * 1024;
/// The same once something broken was met, since every candidate after it may be as broken.
const AT_ONCE_AFTER_DAMAGE: usize = 64 * 1024;
/// Input looked at, a step at a time, to see whether a candidate after damage begins with the wanted bytes.
const CANDIDATE_INPUT: usize = 4096;
/// Most of it for a zstd frame, which gives nothing before its first block is there: 128 KiB at most, behind two headers.
const CANDIDATE_FRAME: usize = 128 * 1024 + CANDIDATE_INPUT;

/// What one call of an inflater did.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Step {
    pub consumed: usize,
    pub produced: usize,
    pub done: bool,
}

/// One unit's inflater, of either kind.
enum Inflater {
    Gzip(Box<gzip::Member>),
    Zstd(zstd::Frame),
}

impl Inflater {
    fn new(codec: Codec, dictionary: Option<&Dictionary>) -> io::Result<Self> {
        Ok(match codec {
            Codec::Zstd => Self::Zstd(zstd::Frame::new(dictionary.map(|dictionary| dictionary.unpacked.as_slice()))?),
            Codec::Gzip | Codec::Plain => Self::Gzip(Box::new(gzip::Member::new())),
        })
    }

    fn reset(&mut self) -> io::Result<()> {
        match self {
            Self::Gzip(member) => {
                member.reset();
                Ok(())
            }
            Self::Zstd(frame) => frame.reset(),
        }
    }

    /// Output of a call that failed, as far as it is known: good for names in a report, for nothing else.
    fn produced_in_failing(&self) -> usize {
        match self {
            Self::Gzip(member) => member.produced(),
            Self::Zstd(_) => 0,
        }
    }

    /// Takes some input, gives some output, says whether the unit ended.
    fn run(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Complaint> {
        match self {
            Self::Gzip(member) => member.run(input, output),
            Self::Zstd(frame) => frame.run(input, output),
        }
    }
}

/// A sound unit.
#[derive(Debug)]
pub(super) struct Unit {
    /// Its stored bytes.
    pub raw: Range<u64>,
    /// How many bytes it inflates to.
    pub plain_length: u64,
    /// What it inflates to, when that is small enough to hold; otherwise `Units::inflate_more` gives it.
    pub content: Option<Content>,
    /// The stored bytes themselves, likewise.
    pub stored: Option<Vec<u8>>,
}

/// What a unit holds.
#[derive(Debug)]
pub(super) enum Content {
    /// Bytes of its own.
    Owned(Vec<u8>),
    /// The first so many bytes of the inflater's buffer, which goes back by `Units::take_back`.
    Lent(Vec<u8>, usize),
}

/// A damaged unit, with what could be inflated of it: enough to name the records in it, never handed out.
#[derive(Debug)]
pub(super) struct BrokenUnit {
    pub raw: Range<u64>,
    pub complaint: Complaint,
    pub salvage: Vec<u8>,
}

/// What came next in a compressed file.
#[derive(Debug)]
pub(super) enum Next {
    Unit(Unit),
    /// Stored bytes that hold no content: a skippable frame.
    Padding(Range<u64>),
    Broken(BrokenUnit),
    End,
}

/// The units of one compressed file, in order.
pub(super) struct Units {
    codec: Codec,
    inflater: Inflater,
    /// For gzip: reads most members in one call.
    whole: Option<Whole>,
    output: Vec<u8>,
    /// What a unit begins with that reading can go on from; empty if anything will do.
    wanted: &'static [u8],
    /// Stored bytes that were read in vain so far. A hostile file of nested, broken members would make the search
    /// quadratic; over the budget the rest of the file is given up as damage.
    wasted: u64,
}

impl Units {
    pub fn new(codec: Codec, dictionary: Option<&Arc<Dictionary>>, wanted: &'static [u8]) -> io::Result<Self> {
        let inflater = Inflater::new(codec, dictionary.map(Arc::as_ref))?;
        let whole = if codec == Codec::Gzip { Whole::new(HOLD) } else { None };
        Ok(Self { codec, inflater, whole, output: vec![0; 64 * 1024], wanted, wasted: 0 })
    }

    /// Reads the next unit whole. For a unit too large to hold, the source then stands at its start again and
    /// `inflate_more` follows.
    pub fn next<R: Read + Seek>(&mut self, source: &mut Source<R>) -> io::Result<Next> {
        let start = source.offset();
        let head = source.peek(8)?;
        if head.is_empty() {
            return Ok(Next::End);
        }
        let frame_begins = head.starts_with(&zstd::MAGIC);
        if self.codec == Codec::Zstd
            && let Some(length) = zstd::skippable_length(head)
        {
            let end = start.saturating_add(length);
            if end <= source.length() {
                source.seek(end)?;
                return Ok(Next::Padding(start..end));
            }
        }
        if self.codec == Codec::Zstd && !frame_begins {
            let complaint = Complaint::new(DamageKind::NotAMember, "no zstd frame begins here");
            return self.resynchronise(source, start, complaint, Vec::new()).map(Next::Broken);
        }
        if let Some(unit) = self.at_once(source)? {
            return Ok(Next::Unit(unit));
        }
        self.inflater.reset()?;
        let mut content = Some(Vec::new());
        let mut stored = Some(Vec::new());
        let mut salvage = Vec::new();
        let mut plain_length = 0;
        let complaint = loop {
            let input = source.available()?;
            let at_end = input.is_empty();
            let step = match self.inflater.run(input, &mut self.output) {
                Ok(step) => step,
                Err(complaint) => {
                    hold(&mut content, &self.output[..self.inflater.produced_in_failing()], &mut salvage);
                    break complaint;
                }
            };
            plain_length += step.produced as u64;
            hold(&mut content, &self.output[..step.produced], &mut salvage);
            hold(&mut stored, &input[..step.consumed], &mut Vec::new());
            source.consume(step.consumed);
            if step.done {
                let raw = start..source.offset();
                if content.is_none() || stored.is_none() {
                    (content, stored) = (None, None);
                    source.seek(start)?;
                    self.inflater.reset()?;
                }
                let content = content.map(Content::Owned);
                return Ok(Next::Unit(Unit { raw, plain_length, content, stored }));
            }
            if at_end && step.produced == 0 {
                break Complaint::new(DamageKind::Truncated, "the file ends inside a compressed member");
            }
        };
        self.resynchronise(source, start, complaint, content.unwrap_or(salvage)).map(Next::Broken)
    }

    /// The member at the source's position, if it can be had in one call; otherwise nothing is consumed.
    fn at_once<R: Read + Seek>(&mut self, source: &mut Source<R>) -> io::Result<Option<Unit>> {
        let Some(whole) = &mut self.whole else { return Ok(None) };
        let start = source.offset();
        let mut tried = 0;
        let counts: &[usize] = if self.wasted > 0 { &[AT_ONCE_AFTER_DAMAGE] } else { &[AT_ONCE, CAPACITY] };
        for &count in counts {
            let input = source.peek(count)?;
            if input.len() == tried {
                break;
            }
            tried = input.len();
            if let Some(sound) = whole.inflate(input) {
                let (content, stored) = (Content::Lent(whole.lend(), sound.produced), input[..sound.stored].to_vec());
                source.consume(stored.len());
                let (raw, plain_length) = (start..source.offset(), sound.produced as u64);
                return Ok(Some(Unit { raw, plain_length, content: Some(content), stored: Some(stored) }));
            }
        }
        Ok(None)
    }

    /// Takes back a lent buffer once nobody looks into it any more.
    pub fn take_back(&mut self, buffer: Vec<u8>) {
        if let Some(whole) = &mut self.whole {
            whole.take_back(buffer);
        }
    }

    /// More content of a unit that was too large to hold, appended to `window`; true once the unit has ended.
    pub fn inflate_more<R: Read + Seek>(&mut self, source: &mut Source<R>, window: &mut Vec<u8>) -> io::Result<bool> {
        let input = source.available()?;
        let step =
            self.inflater.run(input, &mut self.output).map_err(|complaint| io::Error::other(complaint.detail))?;
        if input.is_empty() && step.produced == 0 && !step.done {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file changed while it was read"));
        }
        window.extend_from_slice(&self.output[..step.produced]);
        source.consume(step.consumed);
        Ok(step.done)
    }

    /// Finds where reading can go on after the broken unit at `start`. The search begins one byte after the start, not
    /// where inflation failed: a member cut short swallows part of the next before the damage shows.
    fn resynchronise<R: Read + Seek>(
        &mut self,
        source: &mut Source<R>,
        start: u64,
        complaint: Complaint,
        salvage: Vec<u8>,
    ) -> io::Result<BrokenUnit> {
        let budget = source.length().saturating_mul(4).saturating_add(64 * 1024 * 1024);
        self.wasted = self.wasted.saturating_add(source.offset() - start);
        source.seek(start + 1)?;
        let magic: &[u8] = if self.codec == Codec::Zstd { &zstd::MAGIC } else { &gzip::MAGIC };
        loop {
            let bytes = source.peek(CANDIDATE_INPUT)?;
            if bytes.len() < magic.len() || self.wasted > budget {
                let end = source.length();
                source.seek(end)?;
                let complaint = if self.wasted > budget {
                    Complaint::new(DamageKind::GivenUp, format!("{}; too many false starts follow", complaint.detail))
                } else {
                    complaint
                };
                return Ok(BrokenUnit { raw: start..end, complaint, salvage });
            }
            match bytes.windows(magic.len()).position(|window| window == magic) {
                None => {
                    let count = bytes.len() - magic.len() + 1;
                    source.consume(count);
                }
                Some(0) => {
                    if self.begins_as_wanted(source)? {
                        return Ok(BrokenUnit { raw: start..source.offset(), complaint, salvage });
                    }
                    source.consume(1);
                }
                Some(count) => source.consume(count),
            }
        }
    }

    /// Whether the unit at the source's position begins with the wanted bytes. Consumes nothing.
    fn begins_as_wanted<R: Read + Seek>(&mut self, source: &mut Source<R>) -> io::Result<bool> {
        self.inflater.reset()?;
        let most = if self.codec == Codec::Zstd { CANDIDATE_FRAME } else { CANDIDATE_INPUT };
        let bytes = source.peek(most)?;
        let mut produced = 0;
        let needed = self.wanted.len().max(1);
        // What is given counts as wasted step by step, so that many candidates that end late use the budget up.
        for mut rest in bytes[..bytes.len().min(most)].chunks(CANDIDATE_INPUT) {
            self.wasted += rest.len() as u64;
            loop {
                let Ok(step) = self.inflater.run(rest, &mut self.output[produced..needed]) else { return Ok(false) };
                rest = &rest[step.consumed..];
                produced += step.produced;
                if produced == needed {
                    return Ok(self.output[..needed].starts_with(self.wanted));
                }
                if step.done {
                    return Ok(false);
                }
                if rest.is_empty() && step.produced == 0 {
                    break;
                }
            }
        }
        Ok(false)
    }
}

/// Appends to a held buffer, or lets it go (its first part to `salvage`) when it would grow over [`HOLD`].
fn hold(held: &mut Option<Vec<u8>>, bytes: &[u8], salvage: &mut Vec<u8>) {
    match held {
        Some(content) if content.len() + bytes.len() <= HOLD => content.extend_from_slice(bytes),
        Some(content) => {
            *salvage = std::mem::take(content);
            *held = None;
        }
        None => {}
    }
}
