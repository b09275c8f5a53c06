//! Papers are read more than once: for their form, for the names of origins, for their entries. What can be read once alone would be
//! missing its beginning the second time, and nobody would see that rows are.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

/// Why a pipe or a device is no paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOnce;

impl ReadOnce {
    /// What to do about it.
    pub const HINT: &'static str = "write it to a file first, and name that";
}

impl fmt::Display for ReadOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is no regular file, and a paper is read more than once")
    }
}

impl std::error::Error for ReadOnce {}

/// Opens a paper. A pipe is refused before it is opened, which would wait for whoever writes into it.
///
/// # Errors
/// It can't be opened, or is what can be read once alone, which [`ReadOnce`] stands behind.
pub fn open(path: &Path) -> io::Result<File> {
    check(path)?;
    File::open(path)
}

/// Refuses what can be read once alone.
///
/// # Errors
/// It can't be looked at, or is such a thing.
pub fn check(path: &Path) -> io::Result<()> {
    let kind = path.metadata()?.file_type();
    if kind.is_file() || kind.is_dir() { Ok(()) } else { Err(io::Error::new(io::ErrorKind::Unsupported, ReadOnce)) }
}

/// The bytes of a line, without the byte order mark that some editors put before the very first one. JSON has none (RFC 8259
/// section 8.1 lets a reader pass over it there); anywhere else it is damage like any other byte.
#[must_use]
pub fn unmarked(line: &[u8], number: u64) -> &[u8] {
    let marked = line.strip_prefix(b"\xef\xbb\xbf").filter(|_| number == 1);
    marked.unwrap_or(line)
}
