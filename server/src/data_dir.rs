//! The data folder of one registry: where everything lies, the keys made at first start, and the lock against a second server.
//!
//! ```text
//! DIR/lock              held by `serve` and `rebuild`
//! DIR/registry.sqlite   leaves, blobs, checkpoints and projections
//! DIR/keys/log.pem      private key that signs checkpoints, 0600
//! DIR/keys/operator.pem private key that signs key bindings, 0600
//! DIR/log.pub           the log's verifier key, for clients to pin
//! DIR/operator.pub      the operator's public key
//! DIR/observe/          what the scheduled observer keeps between its runs
//! DIR/observe.lock      held by the scheduled observer while it runs
//! DIR/tls/              certificates that were fetched, with their keys, 0600
//! DIR/snapshots/        bodies and notes by log size, made again when missing
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use cleartitle_schema::signed::{parse_private_key, print_private_key};
use cleartitle_schema::tlog::note::NoteVerifier;
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

/// Why a data folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// A file or folder could not be read or written.
    #[error("`{}`: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// A private key file that holds something else.
    #[error("`{}` is not a private key", .0.display())]
    Key(PathBuf),
    /// Another server has the folder.
    #[error("`{}` is in use by another server", .0.display())]
    InUse(PathBuf),
    /// A private key file that others than its owner may read or change.
    #[error("`{}` is open to others (mode {mode:03o})\n\nhint: chmod 600 {}; if somebody may have read it, take it for known", path.display(), path.display())]
    Loose {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The log has begun, and the private key that signs it is not here. Another one would begin another log under its name.
    #[error("the log has begun, but `{}` is missing\n\nhint: put the log's own keys back, from where they are kept apart from the backup", .0.display())]
    KeyMissing(PathBuf),
    /// The private key here is another one than the log's.
    #[error("`{}` is not the key that this log began with\n\nhint: all servers of one log have the same keys: copy the first one's DIR/keys", .0.display())]
    OtherKey(PathBuf),
    /// There is no registry here.
    #[error("`{}` holds no registry", .0.display())]
    Absent(PathBuf),
}

/// The data folder.
#[derive(Debug, Clone)]
pub struct DataDir {
    root: PathBuf,
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> DataDirError {
    move |error| DataDirError::Io { path: path.to_owned(), error }
}

impl DataDir {
    /// Opens the folder and makes what is missing of it.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub fn open(root: &Path) -> Result<Self, DataDirError> {
        for folder in [root.to_owned(), root.join("keys"), root.join("snapshots")] {
            fs::create_dir_all(&folder).map_err(io_at(&folder))?;
        }
        restrict(&root.join("keys"), 0o700)?;
        Ok(Self { root: root.to_owned() })
    }

    /// Opens the folder of a witness, which holds keys alone in common with a registry's, and makes what is missing of it.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub fn open_witness(root: &Path) -> Result<Self, DataDirError> {
        let keys = root.join("keys");
        fs::create_dir_all(&keys).map_err(io_at(&keys))?;
        restrict(&keys, 0o700)?;
        Ok(Self { root: root.to_owned() })
    }

    /// A file of the folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Opens a folder that holds a registry already.
    ///
    /// # Errors
    /// [`DataDirError::Absent`] where there is none, [`DataDirError::Io`].
    pub fn existing(root: &Path) -> Result<Self, DataDirError> {
        if !root.join("registry.sqlite").is_file() {
            return Err(DataDirError::Absent(root.to_owned()));
        }
        Self::open(root)
    }

    /// The database file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.root.join("registry.sqlite")
    }

    /// The folder of snapshots.
    #[must_use]
    pub fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    /// The folder of private keys.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// A public file of the folder, such as `log.pub`.
    #[must_use]
    pub fn public_file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The folder of the scheduled observer.
    #[must_use]
    pub fn observed(&self) -> PathBuf {
        self.root.join("observe")
    }

    /// The file that the scheduled observer holds while it runs.
    #[must_use]
    pub fn observing(&self) -> PathBuf {
        self.root.join("observe.lock")
    }

    /// Takes the folder for one server; the lock ends with the file's life, also after `kill -9`.
    ///
    /// # Errors
    /// [`DataDirError::InUse`], [`DataDirError::Io`].
    pub fn lock(&self) -> Result<File, DataDirError> {
        let path = self.root.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io_at(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(self.root.clone())),
            Err(TryLockError::Error(error)) => Err(io_at(&path)(error)),
        }
    }

    /// Whether the private key of this name has been made.
    #[must_use]
    pub fn has_key(&self, name: &str) -> bool {
        self.key_file(name).exists()
    }

    /// Where the private key of this name is.
    #[must_use]
    pub fn key_file(&self, name: &str) -> PathBuf {
        self.keys().join(format!("{name}.pem"))
    }

    /// Refuses a log that has begun and whose key is gone: a new one would sign another log under the same name.
    ///
    /// # Errors
    /// [`DataDirError::KeyMissing`].
    pub fn check_keys(&self) -> Result<(), DataDirError> {
        if self.database().is_file() { self.check_shared_keys() } else { Ok(()) }
    }

    /// Refuses a key that is gone, of a log that has begun in a database elsewhere.
    ///
    /// # Errors
    /// [`DataDirError::KeyMissing`].
    pub fn check_shared_keys(&self) -> Result<(), DataDirError> {
        match ["log", "operator"].into_iter().find(|name| !self.has_key(name)) {
            Some(name) => Err(DataDirError::KeyMissing(self.key_file(name))),
            None => Ok(()),
        }
    }

    /// The log's verifier key: of the private key where that is here, else of the public file, as in a registry that was
    /// restored without its keys.
    ///
    /// # Errors
    /// [`DataDirError::Key`] where neither can be read.
    pub fn log_verifier(&self, origin: &str) -> Result<NoteVerifier, DataDirError> {
        let path = self.public_file("log.pub");
        if self.has_key("log") {
            return NoteVerifier::new(origin, self.key("log")?.verifying_key()).map_err(|_| DataDirError::Key(path));
        }
        let text = fs::read_to_string(&path).map_err(io_at(&path))?;
        NoteVerifier::parse(text.trim()).ok().filter(|log| log.name() == origin).ok_or(DataDirError::Key(path))
    }

    /// The private key of this name, made at first use.
    ///
    /// # Errors
    /// [`DataDirError::Key`] for a file that is no key, [`DataDirError::Loose`] for one that others may read,
    /// [`DataDirError::Io`].
    pub fn key(&self, name: &str) -> Result<SigningKey, DataDirError> {
        let path = self.key_file(name);
        if !path.exists() {
            let mut secret = Zeroizing::new([0; 32]);
            getrandom::fill(&mut *secret).map_err(|error| io_at(&path)(io::Error::other(error.to_string())))?;
            let text =
                print_private_key(&SigningKey::from_bytes(&secret)).map_err(|_| DataDirError::Key(path.clone()))?;
            self.place(&path, text.as_bytes(), 0o600, false)?;
        }
        private(&path)?;
        let text = Zeroizing::new(fs::read_to_string(&path).map_err(io_at(&path))?);
        parse_private_key(&text).map_err(|_| DataDirError::Key(path))
    }

    /// A file beside fetched certificates.
    #[must_use]
    pub fn tls_file(&self, name: &str) -> PathBuf {
        self.root.join("tls").join(name)
    }

    /// Writes a secret file beside fetched certificates, for its owner alone, whole or not at all.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub fn keep_tls(&self, name: &str, secret: &[u8]) -> Result<(), DataDirError> {
        let folder = self.root.join("tls");
        fs::create_dir_all(&folder).map_err(io_at(&folder))?;
        restrict(&folder, 0o700)?;
        self.place(&folder.join(name), secret, 0o600, true)
    }

    /// Writes a public file of the folder, whole or not at all.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub fn publish(&self, name: &str, text: &str) -> Result<(), DataDirError> {
        self.place(&self.root.join(name), text.as_bytes(), 0o644, true)
    }

    /// Writes beside and moves into place, so that a crash leaves the old file or the new one. Without `replace` a file
    /// that another process made first stays.
    fn place(&self, path: &Path, bytes: &[u8], mode: u32, replace: bool) -> Result<(), DataDirError> {
        let beside = path.with_extension(format!("new-{}", std::process::id()));
        let _ = fs::remove_file(&beside);
        let mut options = OpenOptions::new();
        options.create_new(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        let mut file = options.open(&beside).map_err(io_at(&beside))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io_at(&beside))?;
        let placed = if replace { fs::rename(&beside, path) } else { fs::hard_link(&beside, path) };
        let _ = fs::remove_file(&beside);
        match placed {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other.map_err(io_at(path))?,
        }
        if let Some(folder) = path.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_at(folder))?;
        }
        Ok(())
    }
}

/// Refuses a private file that anybody but its owner may open.
///
/// # Errors
/// [`DataDirError::Loose`], [`DataDirError::Io`].
#[cfg(unix)]
pub fn private(path: &Path) -> Result<(), DataDirError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).map_err(io_at(path))?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(DataDirError::Loose { path: path.to_owned(), mode }) }
}

/// Without modes there is nothing to look at.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn private(_path: &Path) -> Result<(), DataDirError> {
    Ok(())
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> Result<(), DataDirError> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).map_err(io_at(path))
}

#[cfg(not(unix))]
fn restrict(_path: &Path, _mode: u32) -> Result<(), DataDirError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_kept_to_their_owner() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let first = data.key("log").unwrap();
        assert_eq!(first.to_bytes(), data.key("log").unwrap().to_bytes());
        assert_ne!(first.to_bytes(), data.key("operator").unwrap().to_bytes());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.path().join("keys/log.pem")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        data.key("log").unwrap();
        for mode in [0o640, 0o604, 0o620, 0o666] {
            restrict(&folder.path().join("keys/log.pem"), mode).unwrap();
            let said = data.key("log").unwrap_err().to_string();
            assert!(said.contains(&format!("mode {mode:o}")) && said.contains("hint: chmod 600"), "{said}");
        }
        restrict(&folder.path().join("keys/log.pem"), 0o400).unwrap();
        assert!(data.key("log").is_ok());
    }

    #[test]
    fn a_log_without_its_key_gets_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        assert!(data.check_keys().is_ok(), "an empty folder is a first start");
        fs::write(data.database(), "").unwrap();
        assert!(matches!(data.check_keys(), Err(DataDirError::KeyMissing(_))));
        data.key("log").unwrap();
        assert!(matches!(data.check_keys(), Err(DataDirError::KeyMissing(_))));
        data.key("operator").unwrap();
        assert!(data.check_keys().is_ok());
    }

    #[test]
    fn two_servers_never_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let held = data.lock().unwrap();
        assert!(matches!(data.lock(), Err(DataDirError::InUse(_))));
        drop(held);
        assert!(data.lock().is_ok());
    }
}
