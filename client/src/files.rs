//! Files as they are read and written: bounded, never overwritten by accident, secrets for their owner alone.

use anyhow::Context as _;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// What opening and reading give, and a file that is longer.
pub fn read(path: &Path, limit: u64) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read `{shown}`"))?;
    file.take(limit + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read `{shown}`"))?;
    if bytes.len() as u64 > limit {
        anyhow::bail!("`{shown}` is longer than {limit} bytes");
    }
    Ok(bytes)
}

/// Reads a whole UTF-8 file of at most `limit` bytes.
///
/// # Errors
/// As [`read`], and other bytes than UTF-8.
pub fn read_text(path: &Path, limit: u64) -> anyhow::Result<String> {
    String::from_utf8(read(path, limit)?).map_err(|error| {
        anyhow::anyhow!("`{}` is not UTF-8 from byte {} on", path.display(), error.utf8_error().valid_up_to())
    })
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// A file that is there, and what writing gives.
pub fn write_new(path: &Path, bytes: &[u8], secret: bool) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if secret {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let shown = path.display();
    let mut file = options.open(path).with_context(|| format!("cannot make `{shown}`"))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file would look like a whole one.
        let _ = std::fs::remove_file(path);
    }
    written.with_context(|| format!("cannot write `{shown}`"))
}

/// Refuses to write to a place that is read from, or written to by something else.
///
/// # Errors
/// That it is one of them, by whatever path.
pub fn spare(path: &Path, taken: &[&Path]) -> anyhow::Result<()> {
    let whole = |path: &Path| {
        let known = std::fs::canonicalize(path);
        known.or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
    };
    let meant = whole(path);
    anyhow::ensure!(
        !taken.iter().any(|other| whole(other) == meant),
        "`{}` is not written: it is read from, or written to by another flag",
        path.display()
    );
    Ok(())
}

/// Writes a file at once or not at all, replacing an older one: through a new file beside it.
///
/// # Errors
/// What writing and renaming give.
pub fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let fresh = path.with_file_name(name);
    write_new(&fresh, bytes, false)?;
    let renamed = std::fs::rename(&fresh, path);
    if renamed.is_err() {
        let _ = std::fs::remove_file(&fresh);
    }
    renamed.with_context(|| format!("cannot replace `{}`", path.display()))
}
