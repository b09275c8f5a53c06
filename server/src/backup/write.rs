//! Writing a backup: the database copied while the server runs, the keys, and a manifest over both.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{
    DATABASE, FORMAT, LOG_KEY, MANIFEST, MAX_FILES, MAX_SMALL, Manifest, Member, OPERATOR_KEY, VERSION, digest, is_key,
};
use crate::app::OBJECTS;
use crate::data_dir::{DataDir, DataDirError};
use crate::log::now;
use crate::store::StoreError;
use crate::store::database::Database;

/// Why no backup was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database names no log, or its log has no checkpoint.
    #[error("the registry with the keys in `{}` holds no log", .0.display())]
    NoLog(PathBuf),
    /// A file could not be read or written.
    #[error("`{}`: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// The file is there.
    #[error("`{}` exists", .0.display())]
    Exists(PathBuf),
    /// A file in the folder of keys that can't be one.
    #[error("`{}` is among the keys and is none", .0.display())]
    Stray(PathBuf),
}

/// What was backed up.
#[derive(Debug, Clone)]
pub struct Backed {
    /// The log's name.
    pub origin: String,
    /// How many leaves it had.
    pub size: u64,
    /// How many bytes the archive has.
    pub length: u64,
    /// Evidence lies among objects, which are not in it.
    pub elsewhere: bool,
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |error| BackupError::Io { path: path.to_owned(), error }
}

/// Backs a registry up into one new file, which only its owner may read. Works beside running servers, on the one committed state that the
/// frozen store sees. Until the file is whole it has no name; what is there already is left alone.
///
/// # Errors
/// [`BackupError`].
pub fn back_up(
    data: &DataDir,
    store: Box<dyn Database>,
    out: &Path,
    private_keys: bool,
) -> Result<Backed, BackupError> {
    if out.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(out.to_owned()));
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let no_log = || BackupError::NoLog(data.keys());
    let origin = store.present_setting("origin")?.ok_or_else(no_log)?;
    let newest = store.latest_checkpoint()?.ok_or_else(no_log)?;
    let elsewhere = store.present_setting(OBJECTS)?.is_some();
    let log = data.log_verifier(&origin)?;
    // Beside the archive, not in the system's temporary folder: the copy may be large, and holds what the database holds.
    let scratch = tempfile::Builder::new().prefix(".backup-").tempdir_in(folder).map_err(io_at(folder))?;
    let copy = scratch.path().join(DATABASE);
    store.copy_to(&copy)?;
    drop(store);

    let mut sources = vec![(DATABASE.to_owned(), copy)];
    for name in [LOG_KEY, OPERATOR_KEY] {
        sources.push((name.to_owned(), data.public_file(name)));
    }
    if private_keys {
        sources.extend(keys(&data.keys())?);
    }
    let mut files = Vec::with_capacity(sources.len());
    for (name, path) in &sources {
        let (blake3, length) = File::open(path).and_then(digest).map_err(io_at(path))?;
        files.push(Member { name: name.clone(), length, blake3 });
    }
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        version: VERSION,
        made_at: now(),
        origin,
        log_key: log.to_string(),
        size: newest.size,
        checkpoint: newest.note,
        private_keys,
        files,
    };
    let length = archive(folder, out, &manifest, &sources)?;
    Ok(Backed { origin: manifest.origin, size: manifest.size, length, elsewhere })
}

/// Every private key of the folder, by its name in the archive. A file that is no key's is told and not left out in
/// silence: a backup that lacks a key is found out when it is too late.
fn keys(folder: &Path) -> Result<Vec<(String, PathBuf)>, BackupError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_at(folder))? {
        let path = entry.map_err(io_at(folder))?.path();
        let name = format!("keys/{}", path.file_name().unwrap_or_default().to_string_lossy());
        let meta = path.symlink_metadata().map_err(io_at(&path))?;
        // What another process is just placing.
        if path.extension().is_some_and(|extension| extension.to_string_lossy().starts_with("new-")) {
            continue;
        }
        if !is_key(&name) || !meta.is_file() || meta.len() > MAX_SMALL || found.len() >= MAX_FILES - 4 {
            return Err(BackupError::Stray(path));
        }
        found.push((name, path));
    }
    found.sort();
    Ok(found)
}

/// Writes the archive beside its name, has it on the disk, and gives it the name.
fn archive(folder: &Path, out: &Path, manifest: &Manifest, sources: &[(String, PathBuf)]) -> Result<u64, BackupError> {
    // Made 0600 whatever the umask: it holds private keys.
    let mut file = NamedTempFile::new_in(folder).map_err(io_at(folder))?;
    let text = serde_json::to_vec_pretty(manifest).map_err(|error| io_at(out)(io::Error::other(error)))?;
    let mut tar = tar::Builder::new(BufWriter::new(file.as_file_mut()));
    let mut add = |name: &str, length: u64, bytes: &mut dyn io::Read| {
        let mut header = tar::Header::new_ustar();
        header.set_size(length);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(manifest.made_at.0).unwrap_or_default());
        tar.append_data(&mut header, name, bytes)
    };
    add(MANIFEST, text.len() as u64, &mut text.as_slice()).map_err(io_at(out))?;
    for ((name, path), member) in sources.iter().zip(&manifest.files) {
        let mut source = File::open(path).map_err(io_at(path))?;
        add(name, member.length, &mut source).map_err(io_at(path))?;
    }
    let mut written = tar.into_inner().map_err(io_at(out))?;
    written.flush().map_err(io_at(out))?;
    drop(written);
    file.as_file().sync_all().map_err(io_at(out))?;
    let length = file.as_file().metadata().map_err(io_at(out))?.len();
    file.persist_noclobber(out).map_err(|failed| match failed.error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(out.to_owned()),
        _ => io_at(out)(failed.error),
    })?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_at(folder))?;
    Ok(length)
}
