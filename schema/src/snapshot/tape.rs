//! A tape: bytes set aside in their order and read back once, in pieces of which each is given up when it has been read.
//!
//! A builder sets most of a body aside twice, sorted runs and sections. Were each one file, all would lie on the disk beside
//! the body until the last byte is written; so what has been passed on no longer takes room.

use super::sort::{Room, Scratch};
use std::collections::VecDeque;
use std::io::{self, SeekFrom};

/// Bytes of a piece: few enough that what is read and not yet given up is small beside a large body, and enough that a billion
/// entries don't take more open files than a system allows.
const PIECE: u64 = 512 << 20;

/// Bytes on their way through scratch.
pub(super) struct Tape {
    /// With the bytes that each holds.
    pieces: VecDeque<(Box<dyn Scratch>, u64)>,
    piece: u64,
    /// Bytes of the first piece that were read; `None` before the first reading.
    read: Option<u64>,
}

impl Tape {
    pub(super) fn new(room: &mut Room<'_>) -> io::Result<Self> {
        Self::of(room, PIECE)
    }

    fn of(room: &mut Room<'_>, piece: u64) -> io::Result<Self> {
        Ok(Self { pieces: VecDeque::from([(room.scratch()?, 0)]), piece, read: None })
    }

    /// Goes on in a new piece where the last one is full. A writer calls this now and then; what it does not call it for stands
    /// in the last piece.
    pub(super) fn turn(&mut self, room: &mut Room<'_>) -> io::Result<()> {
        if self.pieces.back().is_some_and(|(_, length)| *length >= self.piece) {
            self.pieces.push_back((room.scratch()?, 0));
        }
        Ok(())
    }

    /// Adds bytes. Not after a byte was read.
    pub(super) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.pieces.back_mut() {
            Some((scratch, length)) if self.read.is_none() => {
                scratch.write_all(bytes)?;
                *length += bytes.len() as u64;
                Ok(())
            }
            _ => Err(io::Error::other("a tape that is read takes nothing more")),
        }
    }

    /// Puts the next bytes, at most `most` of them, into `bytes`; none behind the last.
    pub(super) fn take(&mut self, bytes: &mut Vec<u8>, most: usize) -> io::Result<()> {
        bytes.clear();
        while let Some((scratch, length)) = self.pieces.front_mut() {
            let read = match self.read {
                Some(read) => read,
                None => {
                    scratch.seek(SeekFrom::Start(0))?;
                    0
                }
            };
            let count = (*length - read).min(most as u64);
            if count > 0 {
                bytes.resize(usize::try_from(count).unwrap_or(most), 0);
                scratch.read_exact(bytes)?;
                self.read = Some(read + count);
                return Ok(());
            }
            self.pieces.pop_front();
            self.read = None;
        }
        // Nothing can be put behind what was given up.
        self.read = Some(0);
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::cell::Cell;
    use std::io::{Cursor, Read, Seek, Write};

    /// Scratch whose bytes are counted while it is held.
    pub struct Counted<'c>(Cursor<Vec<u8>>, &'c Cell<usize>);

    impl<'c> Counted<'c> {
        pub fn new(held: &'c Cell<usize>) -> Self {
            Self(Cursor::new(Vec::new()), held)
        }
    }

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.1.set(self.1.get() - self.0.get_ref().len());
        }
    }

    impl Read for Counted<'_> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            self.0.read(bytes)
        }
    }

    impl Write for Counted<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.set(self.1.get() + bytes.len());
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Counted<'_> {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn what_was_read_is_given_up() {
        // Leaked, for scratch has no lifetime.
        let held: &'static Cell<usize> = Box::leak(Box::new(Cell::new(0)));
        let mut room = Room::bounded(0, || Ok(Box::new(Counted::new(held))));
        let mut tape = Tape::of(&mut room, 100).unwrap();
        let written: Vec<u8> = (0..1_000u32).map(|at| (at % 251) as u8).collect();
        for part in written.chunks(30) {
            tape.turn(&mut room).unwrap();
            tape.put(part).unwrap();
        }
        assert_eq!(held.get(), 1_000, "in pieces of 120 bytes");
        let (mut bytes, mut read) = (Vec::new(), Vec::new());
        loop {
            tape.take(&mut bytes, 70).unwrap();
            if bytes.is_empty() {
                break;
            }
            read.extend_from_slice(&bytes);
            assert_eq!(held.get(), 1_000 - (read.len() - 1) / 120 * 120, "after {} bytes", read.len());
        }
        assert!(read == written && held.get() == 0 && tape.put(b"late").is_err());
    }
}
