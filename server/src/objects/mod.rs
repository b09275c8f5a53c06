//! Object storage: immutable objects put down once under a condition, two that change by compare-and-swap, in a bucket or a folder.
//!
//! Who would attack: whoever holds a key to the bucket and puts other bytes in an object's place. What is there already is compared and
//! never overwritten, and a difference is [`ObjectError::Differs`], which nobody may take for a failure that passes. A store that is slow
//! or gone costs bounded time and is told. Deliberately absent: what is published when (`jobs::publish`), credentials in addresses or
//! messages: they come from the environment (`AWS_ACCESS_KEY_ID` and its kin) and go nowhere else.

pub mod address;
#[cfg(test)]
mod conformance;
pub mod evidence;
mod folder;
pub mod layout;
pub mod pieces;
pub mod purge;

use std::future::Future;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    Attributes, BackoffConfig, ClientConfigKey, Error, GetOptions, GetRange, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions, RetryConfig, UpdateVersion, WriteMultipart,
};
use tokio::io::AsyncReadExt as _;

use address::Address;

/// The length of a part, and of what is read at once: S3 takes none below 5 MiB but the last.
const PART: u64 = 8 << 20;

/// The most parts of an object, as S3 has it, with room for the last.
const MAX_PARTS: u64 = 9_999;

/// How many parts are on their way at once.
const PARTS_AT_ONCE: usize = 2;

/// How long one request may take, and one operation with what is tried again.
const REQUEST: &str = "30 seconds";
const OPERATION: Duration = Duration::from_secs(60);

/// What no object is tagged with.
const NO_TAG: &str = "\"00000000000000000000000000000000\"";

/// How long a connection may take.
const CONNECT: &str = "5 seconds";

/// Why an object could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// The storage could not be opened.
    #[error("the object storage can't be opened: {0}")]
    Open(String),
    /// The storage does not let us.
    #[error("the object storage refuses access to `{0}`")]
    Refused(String),
    /// It failed, or took too long.
    #[error("the object storage failed at `{key}`: {why}")]
    Failed {
        /// The object.
        key: String,
        /// What it said, cut.
        why: String,
    },
    /// The storage takes a write whose condition does not hold: nothing in it is safe from being overwritten.
    #[error("the object storage does not honour the condition of a write ({0}), without which it can't be used")]
    Unconditional(&'static str),
    /// An object that never changes is there with other bytes.
    #[error("`{0}` lies in the object storage with other bytes")]
    Differs(String),
    /// An object is longer than what can stand in its place.
    #[error("`{0}` is longer in the object storage than it can be")]
    TooLong(String),
    /// A file of ours could not be read.
    #[error("`{path}`: {why}")]
    File {
        /// Which.
        path: String,
        /// What went wrong.
        why: String,
    },
}

impl ObjectError {
    /// Whether somebody wrote what we never wrote: nothing that passes by itself.
    #[must_use]
    pub const fn is_grave(&self) -> bool {
        matches!(self, Self::Differs(_) | Self::TooLong(_) | Self::Unconditional(_))
    }

    fn of(key: &str, error: &Error) -> Self {
        match error {
            // What a store writes into these may hold the names of keys.
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Self::Refused(key.to_owned()),
            error => {
                // The first says where, the last says what.
                let mut last: &dyn std::error::Error = error;
                while let Some(source) = last.source() {
                    last = source;
                }
                let cut = |text: String| -> String { text.chars().filter(|it| !it.is_control()).take(300).collect() };
                let (said, cause) = (cut(error.to_string()), cut(last.to_string()));
                let why = if said.ends_with(&cause) { said } else { format!("{said}: {cause}") };
                Self::Failed { key: key.to_owned(), why }
            }
        }
    }

    fn file(path: &FilePath, error: &std::io::Error) -> Self {
        Self::File { path: path.display().to_string(), why: error.to_string() }
    }
}

/// What an object held when it was read.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its bytes.
    pub bytes: Bytes,
    /// By which a change names what it replaces.
    pub version: UpdateVersion,
}

/// The storage of one registry.
#[derive(Debug, Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    address: Arc<Address>,
    prefix: Arc<str>,
    /// Where changes are made under a lock, and headers are not kept.
    folder: Option<Arc<PathBuf>>,
}

impl Objects {
    /// Opens a storage; nothing is asked of it yet. A folder is made where there is none.
    ///
    /// # Errors
    /// [`ObjectError::Open`].
    pub fn open(address: &Address) -> Result<Self, ObjectError> {
        Self::open_with(address, &[])
    }

    /// The same with settings that beat the environment's, by the names of its variables.
    ///
    /// # Errors
    /// [`ObjectError::Open`].
    pub fn open_with(address: &Address, settings: &[(&str, String)]) -> Result<Self, ObjectError> {
        let failed = |error: &dyn std::fmt::Display| ObjectError::Open(error.to_string().chars().take(300).collect());
        let (store, prefix, folder): (Arc<dyn ObjectStore>, String, _) = match address {
            Address::S3 { bucket, prefix } => {
                let client = |key| AmazonS3ConfigKey::Client(key);
                let mut builder = AmazonS3Builder::from_env();
                for (name, value) in settings {
                    let name = name.to_ascii_lowercase().parse().map_err(|error: Error| failed(&error))?;
                    builder = builder.with_config(name, value);
                }
                let store = builder
                    .with_bucket_name(bucket)
                    .with_conditional_put(S3ConditionalPut::ETagMatch)
                    .with_disable_bulk_delete(true)
                    .with_config(client(ClientConfigKey::Timeout), REQUEST)
                    .with_config(client(ClientConfigKey::ConnectTimeout), CONNECT)
                    .with_retry(RetryConfig {
                        backoff: BackoffConfig {
                            init_backoff: Duration::from_millis(100),
                            max_backoff: Duration::from_secs(2),
                            base: 2.0,
                        },
                        max_retries: 3,
                        retry_timeout: Duration::from_secs(20),
                    })
                    .build()
                    .map_err(|error| failed(&error))?;
                (Arc::new(store), prefix.clone(), None)
            }
            Address::Folder(path) => {
                std::fs::create_dir_all(path).map_err(|error| failed(&format!("`{}`: {error}", path.display())))?;
                let store = LocalFileSystem::new_with_prefix(path).map_err(|error| failed(&error))?.with_fsync(true);
                (Arc::new(store), String::new(), Some(Arc::new(path.clone())))
            }
        };
        Ok(Self { store, address: Arc::new(address.clone()), prefix: prefix.into(), folder })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    fn path(&self, key: &str) -> Result<Path, ObjectError> {
        let whole = format!("{}{key}", self.prefix);
        Path::parse(whole).map_err(|error| ObjectError::Failed { key: key.to_owned(), why: error.to_string() })
    }

    fn attributes(&self, key: &str) -> Attributes {
        if self.folder.is_some() { Attributes::new() } else { layout::attributes(key) }
    }

    async fn put(&self, key: &str, bytes: Bytes, mode: PutMode) -> Result<Result<UpdateVersion, Error>, ObjectError> {
        let options = PutOptions { mode, attributes: self.attributes(key), ..PutOptions::default() };
        let path = self.path(key)?;
        let put = in_time(key, self.store.put_opts(&path, bytes.into(), options)).await?;
        Ok(put.map(UpdateVersion::from))
    }

    /// Puts an immutable object down; whether it is new. One that is there has the same bytes.
    ///
    /// # Errors
    /// [`ObjectError::Differs`] where it has others, and failures: then it may be there or not, but never in part.
    pub async fn create(&self, key: &str, bytes: Bytes) -> Result<bool, ObjectError> {
        match self.put(key, bytes.clone(), PutMode::Create).await? {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. }) => match self.read(key, bytes.len() as u64).await {
                Ok(Some(held)) if held.bytes == bytes => Ok(false),
                Ok(Some(_)) | Err(ObjectError::TooLong(_)) => Err(ObjectError::Differs(key.to_owned())),
                // Somebody is putting it down, or took it away.
                Ok(None) => Err(ObjectError::Failed { key: key.to_owned(), why: "it is there and is not".to_owned() }),
                Err(error) => Err(error),
            },
            Err(error) => Err(ObjectError::of(key, &error)),
        }
    }

    /// Puts a file of ours down as an immutable object; whether it is new. A long one goes in parts, and is there when all of them are.
    ///
    /// The library gives the end of an upload in parts no condition, and S3 copies under one no more than 5 GiB: an object that is there is
    /// compared before, and of two that come at once the later stays, with the same bytes, since they follow from the name.
    ///
    /// # Errors
    /// As [`Objects::create`], and [`ObjectError::File`].
    pub async fn create_from(&self, key: &str, file: &FilePath, hash: &[u8; 32]) -> Result<bool, ObjectError> {
        let io = |error: std::io::Error| ObjectError::file(file, &error);
        let mut source = tokio::fs::File::open(file).await.map_err(io)?;
        let length = source.metadata().await.map_err(io)?.len();
        if length <= PART {
            let mut bytes = Vec::new();
            source.take(PART).read_to_end(&mut bytes).await.map_err(io)?;
            return self.create(key, bytes.into()).await;
        }
        match self.digest(key).await? {
            Some((there, whole)) if whole == length && there.as_bytes() == hash => return Ok(false),
            Some(_) => return Err(ObjectError::Differs(key.to_owned())),
            None => {}
        }
        let part = PART.max(length.div_ceil(MAX_PARTS));
        let options = PutMultipartOptions { attributes: self.attributes(key), ..PutMultipartOptions::default() };
        let path = self.path(key)?;
        let begun = in_time(key, self.store.put_multipart_opts(&path, options)).await?;
        let begun = begun.map_err(|error| ObjectError::of(key, &error))?;
        let mut upload = WriteMultipart::new_with_chunk_size(begun, usize::try_from(part).unwrap_or(usize::MAX));
        let sent = async {
            let mut piece = vec![0; 1 << 20];
            loop {
                let read = source.read(&mut piece).await.map_err(io)?;
                if read == 0 {
                    return Ok(());
                }
                upload.write(&piece[..read]);
                in_time(key, upload.wait_for_capacity(PARTS_AT_ONCE))
                    .await?
                    .map_err(|error| ObjectError::of(key, &error))?;
            }
        };
        if let Err(error) = sent.await {
            // As well as it can be: what a killed server leaves is for the bucket's own rules.
            let _ = upload.abort().await;
            return Err(error);
        }
        let ended = in_time(key, upload.finish()).await?;
        ended.map(|_| true).map_err(|error| ObjectError::of(key, &error))
    }

    /// An object of at most so many bytes.
    ///
    /// # Errors
    /// [`ObjectError::TooLong`], and failures.
    pub async fn read(&self, key: &str, most: u64) -> Result<Option<Held>, ObjectError> {
        let path = self.path(key)?;
        let whole = async {
            let got = self.store.get_opts(&path, GetOptions::default()).await?;
            if got.meta.size > most {
                return Ok(None);
            }
            let version = UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
            Ok(Some(Held { bytes: got.bytes().await?, version }))
        };
        match in_time(key, whole).await? {
            Ok(Some(held)) if held.bytes.len() as u64 <= most => Ok(Some(held)),
            Ok(_) => Err(ObjectError::TooLong(key.to_owned())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(ObjectError::of(key, &error)),
        }
    }

    /// Replaces an object that changes, if it still is what was read: its new version, or `None` where somebody else was first. Without
    /// a version it is put down only where there is none.
    ///
    /// # Errors
    /// Failures: then it may have been replaced or not.
    pub async fn swap(
        &self,
        key: &str,
        bytes: Bytes,
        version: Option<&UpdateVersion>,
    ) -> Result<Option<UpdateVersion>, ObjectError> {
        let put = match (version, &self.folder) {
            (None, _) => self.put(key, bytes, PutMode::Create).await?,
            (Some(version), None) => self.put(key, bytes, PutMode::Update(version.clone())).await?,
            (Some(version), Some(folder)) => {
                let root = Arc::clone(folder);
                let locked = tokio::task::spawn_blocking(move || folder::lock(&root)).await;
                let locked = locked.unwrap_or_else(|error| Err(std::io::Error::other(error)));
                let _locked = locked.map_err(|error| ObjectError::file(folder, &error))?;
                let path = self.path(key)?;
                match in_time(key, self.store.head(&path)).await? {
                    Ok(present) if present.e_tag == version.e_tag => self.put(key, bytes, PutMode::Overwrite).await?,
                    Ok(_) | Err(Error::NotFound { .. }) => return Ok(None),
                    Err(error) => Err(error),
                }
            }
        };
        match put {
            Ok(version) => Ok(Some(version)),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(None),
            Err(error) => Err(ObjectError::of(key, &error)),
        }
    }

    /// Puts an immutable object down and tries with its own bytes whether conditions are honoured: some stores that speak S3 read over them.
    ///
    /// # Errors
    /// [`ObjectError::Unconditional`], and as [`Objects::create`].
    pub async fn create_and_probe(&self, key: &str, bytes: Bytes) -> Result<(), ObjectError> {
        self.create(key, bytes.clone()).await?;
        if self.create(key, bytes.clone()).await? {
            return Err(ObjectError::Unconditional("If-None-Match"));
        }
        let stale = UpdateVersion { e_tag: Some(NO_TAG.to_owned()), version: None };
        match self.swap(key, bytes, Some(&stale)).await? {
            Some(_) => Err(ObjectError::Unconditional("If-Match")),
            None => Ok(()),
        }
    }

    /// The length of an object.
    ///
    /// # Errors
    /// Failures.
    pub async fn length(&self, key: &str) -> Result<Option<u64>, ObjectError> {
        Ok(self.look(key).await?.map(|meta| meta.size))
    }

    async fn look(&self, key: &str) -> Result<Option<ObjectMeta>, ObjectError> {
        let path = self.path(key)?;
        match in_time(key, self.store.head(&path)).await? {
            Ok(meta) => Ok(Some(meta)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(ObjectError::of(key, &error)),
        }
    }

    /// The BLAKE3 and the length of an object, read piece by piece, all of one version.
    ///
    /// # Errors
    /// Failures.
    pub async fn digest(&self, key: &str) -> Result<Option<(blake3::Hash, u64)>, ObjectError> {
        let Some(meta) = self.look(key).await? else { return Ok(None) };
        let mut hasher = blake3::Hasher::new();
        let mut at = 0;
        while at < meta.size {
            let end = meta.size.min(at + PART);
            let range = Some(GetRange::Bounded(at..end));
            let options = GetOptions { range, if_match: meta.e_tag.clone(), ..GetOptions::default() };
            let piece = async { self.store.get_opts(&meta.location, options).await?.bytes().await };
            let piece = in_time(key, piece).await?.map_err(|error| ObjectError::of(key, &error))?;
            if piece.len() as u64 != end - at {
                return Err(ObjectError::Failed { key: key.to_owned(), why: "it ends before its length".to_owned() });
            }
            hasher.update(&piece);
            at = end;
        }
        Ok(Some((hasher.finalize(), meta.size)))
    }

    /// Takes an object away; none is fine.
    ///
    /// # Errors
    /// Failures.
    pub async fn delete(&self, key: &str) -> Result<(), ObjectError> {
        let path = self.path(key)?;
        match in_time(key, self.store.delete(&path)).await? {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(ObjectError::of(key, &error)),
        }
    }

    /// The keys that begin with this, which ends with `/`, in no order.
    ///
    /// # Errors
    /// Failures, as items.
    pub fn list(&self, below: &str) -> BoxStream<'_, Result<String, ObjectError>> {
        let folder = self.path(below.trim_end_matches('/'));
        let folder = match folder {
            Ok(folder) => folder,
            Err(error) => return futures_util::stream::iter([Err(error)]).boxed(),
        };
        let below = below.to_owned();
        let whole = self.prefix.len();
        self.store
            .list(Some(&folder))
            .map_ok(move |meta| meta.location.as_ref().get(whole..).unwrap_or_default().to_owned())
            .map_err(move |error| ObjectError::of(&below, &error))
            .boxed()
    }
}

/// A bound on every operation, whatever the library waits for.
async fn in_time<T>(key: &str, work: impl Future<Output = T>) -> Result<T, ObjectError> {
    tokio::time::timeout(OPERATION, work).await.map_err(|_| ObjectError::Failed {
        key: key.to_owned(),
        why: format!("no answer in {} seconds", OPERATION.as_secs()),
    })
}

/// What a command that is no server waits with for its objects.
///
/// # Errors
/// [`ObjectError::Open`].
pub fn waiting() -> Result<tokio::runtime::Runtime, ObjectError> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| ObjectError::Open(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_does_what_a_bucket_does() {
        let folder = tempfile::tempdir().unwrap();
        let made = std::cell::Cell::new(0);
        conformance::check(&|| {
            made.set(made.get() + 1);
            Objects::open(&Address::Folder(folder.path().join(made.get().to_string()))).unwrap()
        });
    }
}
