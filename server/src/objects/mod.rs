//! Object storage: immutable objects put down once under a condition, two that change by compare-and-swap, in a bucket or a folder.
//!
//! Who would attack: whoever holds a key to the bucket and puts other bytes in an object's place. What is there already is compared and
//! never overwritten, and a difference is [`ObjectError::Differs`], which nobody may take for a failure that passes. A store that is slow
//! or gone costs bounded time and is told. Deliberately absent: what is published when (`jobs::publish`), credentials in addresses or
//! messages: they come from the environment (`AWS_ACCESS_KEY_ID` and its kin) and go nowhere else.

pub mod address;
#[cfg(test)]
mod conformance;
mod error;
pub mod evidence;
mod folder;
pub mod layout;
mod long;
pub mod pieces;
pub mod purge;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    Attributes, BackoffConfig, ClientConfigKey, Error, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _,
    PutMode, PutOptions, RetryConfig, UpdateVersion,
};

use address::Address;
pub use error::ObjectError;

/// How long one request may take, and one operation with what is tried again.
const REQUEST: &str = "30 seconds";
const OPERATION: Duration = Duration::from_secs(60);

/// What no object is tagged with.
const NO_TAG: &str = "\"00000000000000000000000000000000\"";

/// How long a connection may take.
const CONNECT: &str = "5 seconds";

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
        self.put_as(key, bytes, mode, self.attributes(key)).await
    }

    async fn put_as(
        &self,
        key: &str,
        bytes: Bytes,
        mode: PutMode,
        attributes: Attributes,
    ) -> Result<Result<UpdateVersion, Error>, ObjectError> {
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        let path = self.path(key)?;
        let put = in_time(key, self.store.put_opts(&path, bytes.into(), options)).await?;
        Ok(put.map(UpdateVersion::from))
    }

    /// Puts an immutable object down; whether it is new. One that is there has the same bytes.
    ///
    /// # Errors
    /// [`ObjectError::Differs`] where it has others, and failures: then it may be there or not, but never in part.
    pub async fn create(&self, key: &str, bytes: Bytes) -> Result<bool, ObjectError> {
        self.create_as(key, bytes, self.attributes(key)).await
    }

    async fn create_as(&self, key: &str, bytes: Bytes, attributes: Attributes) -> Result<bool, ObjectError> {
        match self.put_as(key, bytes.clone(), PutMode::Create, attributes).await? {
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
                let _locked =
                    locked.map_err(|error| ObjectError::File { key: key.to_owned(), why: error.to_string() })?;
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
