//! One gzip member (RFC 1952, May 1996), inflated step by step so that its stored bytes can be counted exactly.
use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::Step;
use crate::crawl::damage::{Complaint, DamageKind};

/// What a member's first bytes are: the magic and the one compression method there is.
pub(crate) const MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];

/// Longest header accepted; file names and comments beyond it are no crawl's.
const HEADER_LIMIT: usize = 128 * 1024;

/// A member being inflated.
pub(super) struct Member {
    inflater: Decompress,
    crc: Crc,
    state: State,
    carry: Vec<u8>,
    produced: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Body,
    Trailer,
}

impl Member {
    pub fn new() -> Self {
        Self { inflater: Decompress::new(false), crc: Crc::new(), state: State::Header, carry: Vec::new(), produced: 0 }
    }

    /// Makes ready for another member.
    pub fn reset(&mut self) {
        self.inflater.reset(false);
        self.crc = Crc::new();
        self.state = State::Header;
        self.carry.clear();
    }

    /// How much output the last call gave, also when it failed.
    pub fn produced(&self) -> usize {
        self.produced
    }

    /// Takes some input and gives some output; see [`super::Inflater::run`].
    pub fn run(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Complaint> {
        let mut step = Step::default();
        self.produced = 0;
        if self.state == State::Header {
            step.consumed = self.header(input)?;
            if self.state == State::Header {
                return Ok(step);
            }
        }
        if self.state == State::Body {
            let (before_in, before_out) = (self.inflater.total_in(), self.inflater.total_out());
            let rest = &input[step.consumed..];
            let status = self.inflater.decompress(rest, output, FlushDecompress::None);
            let consumed = (self.inflater.total_in() - before_in) as usize;
            step.produced = (self.inflater.total_out() - before_out) as usize;
            self.produced = step.produced;
            let status =
                status.map_err(|error| Complaint::new(DamageKind::CorruptMember, format!("gzip member: {error}")))?;
            self.crc.update(&output[..step.produced]);
            step.consumed += consumed;
            if status == Status::StreamEnd {
                // The trailer waits for the next call: if it disagrees, this call's output still names the records.
                self.state = State::Trailer;
                return Ok(step);
            }
            if consumed == 0 && step.produced == 0 && !rest.is_empty() && !output.is_empty() {
                return Err(Complaint::new(DamageKind::CorruptMember, "gzip member: inflation makes no progress"));
            }
        }
        if self.state == State::Trailer {
            let rest = &input[step.consumed..];
            let count = (8 - self.carry.len()).min(rest.len());
            self.carry.extend_from_slice(&rest[..count]);
            step.consumed += count;
            if let Ok(trailer) = <[u8; 8]>::try_from(self.carry.as_slice()) {
                self.check(trailer)?;
                step.done = true;
            }
        }
        Ok(step)
    }

    fn check(&self, trailer: [u8; 8]) -> Result<(), Complaint> {
        let [a, b, c, d, e, f, g, h] = trailer;
        let (crc, size) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        if crc != self.crc.sum() {
            let detail = format!("gzip CRC-32 is {crc:08x} in the member, {:08x} over its content", self.crc.sum());
            return Err(Complaint::new(DamageKind::ChecksumMismatch, detail));
        }
        if size != self.crc.amount() {
            let detail = format!("gzip ISIZE is {size} in the member, its content has {} bytes", self.crc.amount());
            return Err(Complaint::new(DamageKind::ChecksumMismatch, detail));
        }
        Ok(())
    }

    /// Gathers the header; returns how much of `input` it took.
    fn header(&mut self, input: &[u8]) -> Result<usize, Complaint> {
        let before = self.carry.len();
        let room = HEADER_LIMIT - before.min(HEADER_LIMIT);
        self.carry.extend_from_slice(&input[..input.len().min(room)]);
        match header_length(&self.carry)? {
            Some(length) => {
                self.carry.clear();
                self.state = State::Body;
                Ok(length - before)
            }
            None if self.carry.len() >= HEADER_LIMIT => {
                Err(Complaint::new(DamageKind::CorruptMember, "gzip header is longer than 128 KiB"))
            }
            None => Ok(self.carry.len() - before),
        }
    }
}

/// Length of the header at the start of `bytes`, `None` while it is incomplete.
pub(super) fn header_length(bytes: &[u8]) -> Result<Option<usize>, Complaint> {
    let corrupt = |detail: &str| Complaint::new(DamageKind::CorruptMember, detail);
    let known = bytes.len().min(MAGIC.len());
    if bytes[..known] != MAGIC[..known] {
        return Err(Complaint::new(DamageKind::NotAMember, "no gzip member begins here"));
    }
    let Some(&flags) = bytes.get(3) else { return Ok(None) };
    if flags & 0xe0 != 0 {
        return Err(corrupt("gzip header has reserved flags set"));
    }
    let mut at = 10;
    if flags & 0x04 != 0 {
        let Some(pair) = bytes.get(at..at + 2) else { return Ok(None) };
        at += 2 + usize::from(u16::from_le_bytes([pair[0], pair[1]]));
    }
    for flag in [0x08, 0x10] {
        if flags & flag != 0 {
            let Some(rest) = bytes.get(at..) else { return Ok(None) };
            let Some(end) = rest.iter().position(|&byte| byte == 0) else { return Ok(None) };
            at += end + 1;
        }
    }
    if flags & 0x02 != 0 {
        let Some(pair) = bytes.get(at..at + 2) else { return Ok(None) };
        let mut crc = Crc::new();
        crc.update(&bytes[..at]);
        if u16::from_le_bytes([pair[0], pair[1]]) != (crc.sum() & 0xffff) as u16 {
            return Err(Complaint::new(DamageKind::ChecksumMismatch, "gzip header checksum disagrees"));
        }
        at += 2;
    }
    Ok((bytes.len() >= at).then_some(at))
}
