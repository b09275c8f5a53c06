//! The file as stored: a buffered reader that knows its offset, may look ahead and may go back.
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// Bytes held at once; every look-ahead stays below it.
pub(super) const CAPACITY: usize = 4 * 1024 * 1024;

/// A seekable input with an exact offset. Memory: one buffer of 4 MiB, or of the input's length.
#[derive(Debug)]
pub(super) struct Source<R> {
    inner: R,
    buffer: Box<[u8]>,
    /// Offset in the file of `buffer[0]`.
    buffer_offset: u64,
    position: usize,
    filled: usize,
    length: u64,
}

impl<R: Read + Seek> Source<R> {
    pub fn new(mut inner: R) -> io::Result<Self> {
        let length = inner.seek(SeekFrom::End(0))?;
        inner.seek(SeekFrom::Start(0))?;
        // One record that was fetched by itself needs no more room than it takes.
        let capacity = usize::try_from(length).unwrap_or(usize::MAX).clamp(1, CAPACITY);
        let buffer = vec![0; capacity].into_boxed_slice();
        Ok(Self { inner, buffer, buffer_offset: 0, position: 0, filled: 0, length })
    }

    /// Offset of the next byte.
    pub fn offset(&self) -> u64 {
        self.buffer_offset + self.position as u64
    }

    /// The file's length when it was opened.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The bytes at hand, at least one unless the file has ended.
    pub fn available(&mut self) -> io::Result<&[u8]> {
        self.peek(1)
    }

    /// At least `count` bytes without consuming them, fewer only before the end of the file.
    pub fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        let count = count.min(self.buffer.len());
        if self.filled - self.position < count {
            self.buffer.copy_within(self.position..self.filled, 0);
            self.buffer_offset += self.position as u64;
            self.filled -= self.position;
            self.position = 0;
            while self.filled < count {
                // What was appended after opening is not read: two passes over a member must see the same bytes.
                let left = self.length.saturating_sub(self.buffer_offset + self.filled as u64);
                let room = (self.buffer.len() - self.filled).min(usize::try_from(left).unwrap_or(usize::MAX));
                if room == 0 {
                    break;
                }
                match self.inner.read(&mut self.buffer[self.filled..self.filled + room]) {
                    Ok(0) => break,
                    Ok(count) => self.filled += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(&self.buffer[self.position..self.filled])
    }

    /// Consumes bytes that `available` or `peek` has shown.
    pub fn consume(&mut self, count: usize) {
        self.position = (self.position + count).min(self.filled);
    }

    /// Goes to an offset of the file.
    pub fn seek(&mut self, offset: u64) -> io::Result<()> {
        let end = self.buffer_offset + self.filled as u64;
        if (self.buffer_offset..=end).contains(&offset) {
            self.position = (offset - self.buffer_offset) as usize;
            return Ok(());
        }
        self.inner.seek(SeekFrom::Start(offset))?;
        self.buffer_offset = offset;
        self.position = 0;
        self.filled = 0;
        Ok(())
    }

    /// A copy of a range that has been read before; the position stays as it was.
    pub fn read_range(&mut self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let back = self.offset();
        self.seek(range.start)?;
        let mut left = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(left);
        while left > 0 {
            let chunk = self.available()?;
            if chunk.is_empty() {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was read"));
            }
            let count = chunk.len().min(left);
            bytes.extend_from_slice(&chunk[..count]);
            self.consume(count);
            left -= count;
        }
        self.seek(back)?;
        Ok(bytes)
    }
}
