//! Restoring: an archive from anywhere, checked byte by byte, audited, and only then in its place.
//!
//! The archive may be damaged, cut or made by somebody hostile: only names of a short list are taken, only plain files, each
//! once, with the length and the BLAKE3 that the manifest says, and not a byte besides. A log that is shorter than what was
//! published would sign other leaves under indices that others hold receipts for: a checkpoint that somebody kept stops it.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::note::{MAX_NOTE, NoteVerifier};

use super::{
    DATABASE, FORMAT, LOG_KEY, MANIFEST, MAX_FILES, MAX_MANIFEST, Manifest, Member, VERSION, archive_length, is_key,
    is_taken,
};
use crate::audit::{self, Report};
use crate::data_dir::{DataDir, DataDirError};
use crate::store::database::Database as _;
use crate::store::postgres::{Address, PostgresStore, UNFINISHED};
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoreError};

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A file or folder could not be read or written.
    #[error("`{}`: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// There is something in the folder.
    #[error("`{}` is not an empty folder", .0.display())]
    NotEmpty(PathBuf),
    /// The archive is not what a backup is, or is not whole.
    #[error("the archive is damaged or no backup: {0}")]
    Archive(String),
    /// The data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// What came out is no store of this program.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database that it goes into.
    #[error("{address}: {error}")]
    Database {
        /// Which, without a password.
        address: String,
        /// What it said.
        error: StoreError,
    },
    /// There is something in the database.
    #[error("the database {0} is not empty")]
    Filled(String),
    /// The log in it does not stand up to its own signatures.
    #[error("the restored log is damaged: {}", .0.findings.first().map_or("", |finding| finding.what.as_str()))]
    Damaged(Box<Report>),
    /// What was given as published is not a checkpoint of this log.
    #[error("`{}` is no checkpoint of this log: {why}", path.display())]
    NotPublished {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The log went on after the backup, and others know.
    #[error("the backup ends at {restored} leaves, and a checkpoint over {published} was published")]
    Shorter {
        /// What is in the archive.
        restored: u64,
        /// What was published.
        published: u64,
    },
    /// The log signed another history than the one in the archive.
    #[error("the published checkpoint over {0} leaves is not of the history in this backup")]
    Forked(u64),
}

impl RestoreError {
    /// Whether a check said no, and not the machine.
    #[must_use]
    pub const fn is_finding(&self) -> bool {
        !matches!(
            self,
            Self::Io { .. } | Self::NotEmpty(_) | Self::DataDir(_) | Self::Database { .. } | Self::Filled(_)
        )
    }

    /// What to do.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Filled(_) => {
                Some("`createdb` makes another; what half a restore left is in no log, and dropped with its database")
            }
            Self::Database { error, .. } => error.hint(),
            Self::NotEmpty(_) => Some("name a folder that is not there yet, or an empty one"),
            Self::Shorter { .. } => Some("restore a later backup; what was registered since can't be made up"),
            Self::Forked(_) => Some("find out who holds the log's key before anything is served"),
            Self::Archive(_) => Some("take another copy of the backup"),
            _ => None,
        }
    }
}

/// What was restored.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The log's verifier key.
    pub log_key: String,
    /// How many leaves the log has.
    pub size: u64,
    /// Whether the private keys came along.
    pub private_keys: bool,
    /// What the audit looked at.
    pub report: Report,
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> RestoreError {
    move |error| RestoreError::Io { path: path.to_owned(), error }
}

fn broken(why: impl std::fmt::Display) -> RestoreError {
    RestoreError::Archive(why.to_string())
}

/// Restores an archive into an empty folder, or one that is not there yet, and audits what came out. `published` are
/// checkpoints that somebody saw: the restored log must hold them all. Where anything is wrong the folder stays empty. With a database of
/// PostgreSQL the statements go there, once they were audited here, and are audited there again.
///
/// # Errors
/// [`RestoreError`].
pub fn restore(
    file: &Path,
    data: &Path,
    database: Option<&Address>,
    published: &[PathBuf],
) -> Result<Restored, RestoreError> {
    let archive = File::open(file).map_err(io_at(file))?;
    let made = make_empty(data)?;
    let restored = restore_into(archive, data, database, published);
    if restored.is_err() && made {
        let _ = fs::remove_dir(data);
    }
    restored
}

/// Whether the folder was made; an error where something lies in it.
fn make_empty(folder: &Path) -> Result<bool, RestoreError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(false),
            Some(_) => Err(RestoreError::NotEmpty(folder.to_owned())),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder).map_err(io_at(folder)).map(|()| true)
        }
        Err(error) => Err(io_at(folder)(error)),
    }
}

fn restore_into(
    archive: File,
    data: &Path,
    database: Option<&Address>,
    published: &[PathBuf],
) -> Result<Restored, RestoreError> {
    // Inside the folder, so that everything is on one disk; gone again unless all is well.
    let staging = tempfile::Builder::new().prefix(".restoring-").tempdir_in(data).map_err(io_at(data))?;
    let manifest = unpack(archive, staging.path())?;
    let log = check_keys(staging.path(), &manifest)?;
    let store = SqliteStore::open_frozen(&staging.path().join(DATABASE))?;
    let newest = store.latest_checkpoint()?.ok_or_else(|| broken("it holds no log"))?;
    if store.present_setting("origin")?.as_deref() != Some(log.name())
        || (newest.size, &newest.note) != (manifest.size, &manifest.checkpoint)
    {
        return Err(broken("the database is of another log than the manifest says"));
    }
    for path in published {
        check_published(path, &log, &store, newest.size)?;
    }
    let mut report = audit::audit(&store, &log)?;
    if !report.findings.is_empty() {
        return Err(RestoreError::Damaged(Box::new(report)));
    }
    if let Some(address) = database {
        report = move_into(address, &store, &log)?;
    }
    // Closing it leaves one file.
    drop(store);
    place(staging.path(), data, &manifest, database.is_none())?;
    let Manifest { log_key, size, private_keys, .. } = manifest;
    Ok(Restored { log_key, size, private_keys, report })
}

/// Fills an empty database with what was restored and audited here, and audits it there. A database with half of it is opened by no server.
fn move_into(address: &Address, from: &SqliteStore, log: &NoteVerifier) -> Result<Report, RestoreError> {
    let failed = |error| RestoreError::Database { address: address.to_string(), error };
    let into = PostgresStore::open(address).map_err(failed)?;
    let setting = |name| into.present_setting(name).map_err(failed);
    if into.head().map_err(failed)?.is_some() || setting(UNFINISHED)?.is_some() || setting("origin")?.is_some() {
        return Err(RestoreError::Filled(address.to_string()));
    }
    into.take_over(from).map_err(failed)?;
    let report = audit::audit(&PostgresStore::open_frozen(address).map_err(failed)?, log).map_err(failed)?;
    if report.findings.is_empty() { Ok(report) } else { Err(RestoreError::Damaged(Box::new(report))) }
}

/// Unpacks what the manifest names, and nothing else.
fn unpack(archive: File, into: &Path) -> Result<Manifest, RestoreError> {
    let whole = archive.metadata().map_err(broken)?.len();
    let mut tar = tar::Archive::new(BufReader::new(archive));
    // Raw: no extension header gives a member another name, length or kind than stands in its own header.
    let mut entries = tar.entries().map_err(broken)?.raw(true);
    let mut first = entries.next().ok_or_else(|| broken("it is empty"))?.map_err(broken)?;
    expect(&first, MANIFEST, None)?;
    let length = first.size();
    let mut text = Vec::new();
    if length > MAX_MANIFEST {
        return Err(broken("its manifest is too long"));
    }
    first.read_to_end(&mut text).map_err(broken)?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(broken)?;
    check_manifest(&manifest)?;
    let lengths = manifest.files.iter().map(|member| member.length).chain([length]);
    if archive_length(lengths) != Some(whole) {
        return Err(broken("its length is not what the manifest says"));
    }
    fs::create_dir(into.join("keys")).map_err(io_at(into))?;
    for member in &manifest.files {
        let mut entry = entries.next().ok_or_else(|| broken("it ends early"))?.map_err(broken)?;
        expect(&entry, &member.name, Some(member.length))?;
        write(&mut entry, member, &into.join(&member.name))?;
    }
    if entries.next().is_some() {
        return Err(broken("it has more in it than the manifest says"));
    }
    Ok(manifest)
}

/// Refuses a manifest that names what a backup does not hold, or lacks what it does.
fn check_manifest(manifest: &Manifest) -> Result<(), RestoreError> {
    if manifest.format != FORMAT || manifest.version != VERSION {
        return Err(broken(format!("format `{}` version {}", shown(&manifest.format), manifest.version)));
    }
    let files = &manifest.files;
    if files.len() > MAX_FILES || !files.iter().all(is_taken) {
        return Err(broken("its manifest names what no backup holds"));
    }
    let mut names: Vec<&str> = files.iter().map(|member| member.name.as_str()).collect();
    names.sort_unstable();
    let complete = names.windows(2).all(|two| two[0] != two[1])
        && [DATABASE, LOG_KEY].iter().all(|name| names.contains(name))
        && names.contains(&"keys/log.pem") == manifest.private_keys
        && names.iter().any(|name| is_key(name)) == manifest.private_keys;
    if complete { Ok(()) } else { Err(broken("its manifest names a file twice, or not all")) }
}

/// Text of an archive, fit to be shown in a terminal.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(80).collect()
}

/// Refuses a member of another name, length or kind: no link, no device, no folder.
fn expect<R: Read>(entry: &tar::Entry<'_, R>, name: &str, length: Option<u64>) -> Result<(), RestoreError> {
    let found = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let kind = entry.header().entry_type();
    if found != name || kind != tar::EntryType::Regular || length.is_some_and(|length| length != entry.size()) {
        return Err(broken(format!("`{}` stands where the plain file `{name}` belongs", shown(&found))));
    }
    Ok(())
}

fn write(source: &mut impl Read, member: &Member, path: &Path) -> Result<(), RestoreError> {
    let mut options = File::options();
    options.create_new(true).write(true);
    // Whatever the archive says of modes: keys and what the database holds are the owner's.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(io_at(path))?;
    let (mut hasher, mut left, mut piece) = (blake3::Hasher::new(), member.length, vec![0; 1 << 16]);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        let count = source.read(&mut piece[..most]).map_err(broken)?;
        if count == 0 {
            return Err(broken(format!("`{}` ends early", member.name)));
        }
        hasher.update(&piece[..count]);
        file.write_all(&piece[..count]).map_err(io_at(path))?;
        left -= count as u64;
    }
    if hasher.finalize().to_hex().as_str() != member.blake3 {
        return Err(broken(format!("`{}` was altered", member.name)));
    }
    file.sync_all().map_err(io_at(path))
}

/// The log's verifier, when public file, private key and manifest agree on it.
fn check_keys(folder: &Path, manifest: &Manifest) -> Result<NoteVerifier, RestoreError> {
    let path = folder.join(LOG_KEY);
    let text = fs::read_to_string(&path).map_err(broken)?;
    let log = NoteVerifier::parse(text.trim()).map_err(broken)?;
    let staged = DataDir::open(folder)?;
    if staged.log_verifier(&manifest.origin)? != log || log.to_string() != manifest.log_key {
        return Err(broken("its keys are of different logs"));
    }
    Ok(log)
}

/// Refuses a history that is shorter or other than what was published. Every checkpoint that a log signs is kept, so that
/// one which is not there was signed later, or over another history.
fn check_published(path: &Path, log: &NoteVerifier, store: &SqliteStore, size: u64) -> Result<(), RestoreError> {
    let mut note = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_NOTE as u64 + 1).read_to_end(&mut note));
    read.map_err(io_at(path))?;
    let opened = Checkpoint::open(&note, log.name(), std::slice::from_ref(log));
    let seen = opened.map_err(|error| RestoreError::NotPublished { path: path.to_owned(), why: error.to_string() })?;
    if seen.size > size {
        return Err(RestoreError::Shorter { restored: size, published: seen.size });
    }
    match store.checkpoint_from(seen.size)? {
        Some(kept) if (kept.size, kept.root) == (seen.size, seen.root) => Ok(()),
        _ => Err(RestoreError::Forked(seen.size)),
    }
}

/// Moves everything into its place, the database last, where it belongs into the folder: without it the folder is no registry.
fn place(staging: &Path, data: &Path, manifest: &Manifest, with_database: bool) -> Result<(), RestoreError> {
    let kept = DataDir::open(data)?;
    let mut names: Vec<&str> = manifest.files.iter().map(|member| member.name.as_str()).collect();
    names.retain(|name| with_database || *name != DATABASE);
    names.sort_by_key(|name| *name == DATABASE);
    for name in names {
        let to = data.join(name);
        fs::rename(staging.join(name), &to).map_err(io_at(&to))?;
    }
    for folder in [kept.keys(), data.to_owned()] {
        File::open(&folder).and_then(|opened| opened.sync_all()).map_err(io_at(&folder))?;
    }
    Ok(())
}
