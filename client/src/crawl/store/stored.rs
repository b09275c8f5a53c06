//! Bytes that lie somewhere, with a position: a file is read in place, an object by ranges fetched ahead.
use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::object::{Coming, Object};

/// Bytes fetched at once from an object.
const RANGE: u64 = 8 * 1024 * 1024;
/// Ranges asked for ahead of the one being read.
const AHEAD: usize = 2;

#[derive(Clone)]
enum Backing {
    File(Arc<File>),
    Memory(Bytes),
    Object(Object),
}

/// An input's bytes. [`Stored::again`] gives another position over the same bytes.
pub struct Stored {
    backing: Backing,
    length: u64,
    position: u64,
    /// Nothing from here on is fetched ahead.
    end: u64,
    window: Window,
}

impl fmt::Debug for Stored {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { length, position, .. } = self;
        out.debug_struct("Stored").field("length", length).field("position", position).finish_non_exhaustive()
    }
}

impl Stored {
    pub(super) fn file(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self::over(Backing::File(Arc::new(file)), length))
    }

    pub(super) fn object(object: Object) -> Self {
        let length = object.length();
        Self::over(Backing::Object(object), length)
    }

    /// Bytes in memory.
    #[must_use]
    pub fn memory(bytes: Bytes) -> Self {
        let length = bytes.len() as u64;
        Self::over(Backing::Memory(bytes), length)
    }

    fn over(backing: Backing, length: u64) -> Self {
        Self { backing, length, position: 0, end: length, window: Window::default() }
    }

    /// How many bytes there were when it was opened.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The same bytes with a position of their own, at the beginning of a range; nothing after it is fetched ahead.
    #[must_use]
    pub fn again(&self, range: Range<u64>) -> Self {
        let (position, end) = (range.start.min(self.length), range.end.min(self.length));
        Self { backing: self.backing.clone(), length: self.length, position, end, window: Window::default() }
    }

    fn fetch(&mut self, object: &Object) -> io::Result<&[u8]> {
        if !self.window.holds(self.position) {
            let end = if self.position < self.end { self.end } else { self.length };
            self.window.move_to(object, self.position, end)?;
        }
        Ok(self.window.from(self.position))
    }
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        if wanted == 0 {
            return Ok(0);
        }
        let count = match self.backing.clone() {
            Backing::File(file) => read_at(&file, &mut buffer[..wanted], self.position)?,
            Backing::Memory(bytes) => {
                let from = usize::try_from(self.position).map_err(io::Error::other)?;
                buffer[..wanted].copy_from_slice(&bytes[from..from + wanted]);
                wanted
            }
            Backing::Object(object) => {
                let at_hand = self.fetch(&object)?;
                let count = at_hand.len().min(wanted);
                buffer[..count].copy_from_slice(&at_hand[..count]);
                count
            }
        };
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Stored {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(offset) => (offset, 0),
            SeekFrom::End(by) => (self.length, by),
            SeekFrom::Current(by) => (self.position, by),
        };
        let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "a position before the beginning");
        self.position = from.checked_add_signed(by).ok_or_else(invalid)?;
        Ok(self.position)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

/// The range at hand and those on their way after it.
#[derive(Default)]
struct Window {
    from: u64,
    bytes: Bytes,
    coming: VecDeque<(Range<u64>, Coming)>,
}

impl Window {
    fn holds(&self, position: u64) -> bool {
        position >= self.from && position - self.from < self.bytes.len() as u64
    }

    fn from(&self, position: u64) -> &[u8] {
        let at = usize::try_from(position.saturating_sub(self.from)).unwrap_or(usize::MAX);
        self.bytes.get(at..).unwrap_or_default()
    }

    /// Takes the range that begins at a position and asks for those after it. What was asked for elsewhere is let go of.
    fn move_to(&mut self, object: &Object, position: u64, end: u64) -> io::Result<()> {
        self.bytes = Bytes::new();
        while self.coming.front().is_some_and(|(range, _)| !range.contains(&position)) {
            if let Some((_, dropped)) = self.coming.pop_front() {
                dropped.abort();
            }
        }
        let mut next = self.coming.back().map_or(position, |(range, _)| range.end);
        while self.coming.len() <= AHEAD && next < end {
            let range = next..next.saturating_add(RANGE).min(end);
            next = range.end;
            self.coming.push_back((range.clone(), object.ask(range)));
        }
        let Some((range, coming)) = self.coming.pop_front() else { return Ok(()) };
        let wanted = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
        self.bytes = object.wait(coming, wanted)?;
        self.from = range.start;
        Ok(())
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.coming.iter().for_each(|(_, coming)| coming.abort());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_independent_and_ranges_are_only_hints() {
        let mut folder = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut folder, b"0123456789").unwrap();
        let file = Stored::file(File::open(folder.path()).unwrap()).unwrap();
        for stored in [file, Stored::memory(Bytes::from_static(b"0123456789"))] {
            let (mut one, mut other) = (stored.again(2..4), stored.again(0..10));
            let mut text = String::new();
            one.read_to_string(&mut text).unwrap();
            assert_eq!(text, "23456789");
            other.seek(SeekFrom::End(-3)).unwrap();
            text.clear();
            other.read_to_string(&mut text).unwrap();
            assert_eq!(text, "789");
            assert!(other.seek(SeekFrom::Current(-30)).is_err());
            other.seek(SeekFrom::Start(400)).unwrap();
            assert_eq!(other.read(&mut [0; 4]).unwrap(), 0);
        }
    }
}
