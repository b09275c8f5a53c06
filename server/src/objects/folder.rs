//! The folder that stands in for a bucket: what the library's folders lack is a change under a condition, which is made here under a
//! lock that every process honours, by a rename.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// The file whose lock is held while an object changes; no object has its name.
const LOCK: &str = ".lock";

/// How long another process may hold it: it reads a few bytes and renames one file.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes the folder's lock, which ends with its value.
pub(super) fn lock(folder: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(LOCK))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() > PATIENCE => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "another process holds the folder's lock"));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}
