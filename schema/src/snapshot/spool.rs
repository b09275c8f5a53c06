//! A section on its way into the body: its bytes set aside, its length and checksum kept.

use super::build::BuildError;
use super::format::{ALIGNMENT, Measure, NONE, Section};
use super::sort::Room;
use super::tape::Tape;
use std::io::{self, Write};

const BUFFER: usize = 64 << 10;

/// Whether a number of entries can be counted.
pub(super) fn count(number: usize) -> Result<u32, BuildError> {
    u32::try_from(number).ok().filter(|number| *number != NONE).ok_or(BuildError::TooMany)
}

/// Takes a section's bytes, and gives them back in one pass.
pub(super) struct Spool {
    section: Section,
    tape: Tape,
    buffer: Vec<u8>,
    written: u64,
    checksum: blake3::Hasher,
}

impl Spool {
    pub(super) fn new(section: Section, room: &mut Room<'_>) -> io::Result<Self> {
        let tape = Tape::new(room)?;
        Ok(Self { section, tape, buffer: Vec::with_capacity(BUFFER), written: 0, checksum: blake3::Hasher::new() })
    }

    pub(super) fn length(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// The number of records so far.
    pub(super) fn records(&self) -> Result<u32, BuildError> {
        count(usize::try_from(self.length() / self.section.width() as u64).unwrap_or(usize::MAX))
    }

    /// Lets what follows stand in new scratch where there is much; for the sections that grow with what is listed.
    pub(super) fn turn(&mut self, room: &mut Room<'_>) -> io::Result<()> {
        self.tape.turn(room)
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        if bytes.len() > BUFFER {
            self.checksum.update(bytes);
            self.written += bytes.len() as u64;
            return self.tape.put(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.checksum.update(&self.buffer);
        self.tape.put(&self.buffer)?;
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

    /// Writes all of it to `out`, giving up what is written, with zeros up to the next section.
    pub(super) fn write_to(mut self, mut out: impl Write) -> io::Result<()> {
        self.flush()?;
        loop {
            self.tape.take(&mut self.buffer, BUFFER)?;
            if self.buffer.is_empty() {
                break;
            }
            out.write_all(&self.buffer)?;
        }
        let padding = self.written.next_multiple_of(ALIGNMENT as u64) - self.written;
        out.write_all(&[0; ALIGNMENT][..usize::try_from(padding).unwrap_or_default()])
    }
}
