//! Files that only their owner may read: what is sealed, and what was made of it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// Whether anybody but the owner can read a file or look into a folder.
///
/// # Errors
/// Whatever asking gives.
#[cfg(unix)]
pub fn open_to_others(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

/// Whether anybody but the owner can read a file or look into a folder: not known here.
///
/// # Errors
/// Whatever asking gives.
#[cfg(not(unix))]
pub fn open_to_others(path: &Path) -> io::Result<bool> {
    std::fs::metadata(path).map(|_| false)
}

/// Makes a folder that only its owner can look into; one that is there stays as it is.
///
/// # Errors
/// Whatever making it gives.
pub fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file anew, readable by its owner alone from its first byte on, and puts it in place by renaming.
///
/// # Errors
/// Whatever writing gives; the file of that name is then as it was.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}

/// Reads a file of at most so many bytes.
///
/// # Errors
/// Whatever reading gives, and a longer file.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file: File = OpenOptions::new().read(true).open(path)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it is longer than {limit} bytes")));
    }
    Ok(bytes)
}
