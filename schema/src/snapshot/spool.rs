//! A section on its way into the body: its bytes set aside, its length and checksum kept.

use super::build::BuildError;
use super::format::{Measure, NONE, Section};
use super::sort::{Room, Scratch};
use std::io::{self, Read as _, SeekFrom, Write};

const BUFFER: usize = 64 << 10;

/// Whether a number of entries can be counted.
pub(super) fn count(number: usize) -> Result<u32, BuildError> {
    u32::try_from(number).ok().filter(|number| *number != NONE).ok_or(BuildError::TooMany)
}

/// Takes a section's bytes, and gives them back in one pass.
pub(super) struct Spool {
    section: Section,
    scratch: Box<dyn Scratch>,
    buffer: Vec<u8>,
    written: u64,
    checksum: blake3::Hasher,
}

impl Spool {
    pub(super) fn new(section: Section, room: &mut Room<'_>) -> io::Result<Self> {
        let scratch = room.scratch()?;
        Ok(Self { section, scratch, buffer: Vec::with_capacity(BUFFER), written: 0, checksum: blake3::Hasher::new() })
    }

    pub(super) fn length(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// The number of records so far.
    pub(super) fn records(&self) -> Result<u32, BuildError> {
        count(usize::try_from(self.length() / self.section.width() as u64).unwrap_or(usize::MAX))
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        if bytes.len() > BUFFER {
            self.checksum.update(bytes);
            self.written += bytes.len() as u64;
            return self.scratch.write_all(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.checksum.update(&self.buffer);
        self.scratch.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Length and checksum of what was put.
    pub(super) fn measure(&mut self) -> Result<Measure, BuildError> {
        self.flush()?;
        if self.section.width() > 1 {
            self.records()?;
        }
        Ok((self.written, *self.checksum.finalize().as_bytes()))
    }

    /// Writes all of it to `out`, with zeros up to the next multiple of 8.
    pub(super) fn write_to(mut self, mut out: impl Write) -> io::Result<()> {
        self.flush()?;
        self.scratch.seek(SeekFrom::Start(0))?;
        let mut left = self.written;
        self.buffer.resize(BUFFER, 0);
        while left > 0 {
            let part = usize::try_from(left.min(BUFFER as u64)).unwrap_or(BUFFER);
            let piece = &mut self.buffer[..part];
            self.scratch.read_exact(piece)?;
            out.write_all(piece)?;
            left -= part as u64;
        }
        let padding = self.written.next_multiple_of(8) - self.written;
        out.write_all(&[0; 8][..usize::try_from(padding).unwrap_or_default()])
    }
}
