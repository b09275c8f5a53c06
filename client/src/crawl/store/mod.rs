//! Where inputs lie: local files, standard input, and objects of an S3-compatible store, each read by ranges.
//!
//! A [`Location`] names an input; [`Store::look`] says how long it is and which version of it lies there;
//! [`Store::open`] gives [`Stored`] bytes that can be read and sought in. [`expand`] makes locations of what people write:
//! paths, globs, prefixes, lists.
//!
//! | file | what it holds |
//! |---|---|
//! | `expand` | globs, prefixes and list files, made into locations in a fixed order |
//! | `object` | an S3 object, fetched in ranges ahead of the reader, bound to the version that was looked at |
//! | `stored` | bytes that lie somewhere, with a position |
//!
//! Memory: an object being read holds three ranges of 8 MiB, whatever its length. An object that changes while it is read is
//! an error, never a mixture: each range asks for the version that the first look found.
//!
//! Not here: what the bytes are (`open`), and writing anything anywhere.
mod expand;
mod object;
mod stored;

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use object_store::RetryConfig;

pub use expand::{ExpandError, expand, read_list};
pub use stored::Stored;

/// Where an input lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Location {
    /// A file of this machine.
    File(PathBuf),
    /// Standard input, which is written to a file first: records are read back, and a run that is told anew needs its end.
    Stdin,
    /// An object of an S3-compatible store.
    Object {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
}

impl Location {
    /// The parts of its name, outermost first; `None` where one is no text or leads upwards.
    #[must_use]
    pub fn parts(&self) -> Option<Vec<String>> {
        match self {
            Self::Stdin => Some(vec!["stdin".to_owned()]),
            Self::Object { bucket, key } => {
                let parts = std::iter::once(bucket.as_str()).chain(key.split('/'));
                parts.map(|part| plain(part).then(|| part.to_owned())).collect()
            }
            Self::File(path) => {
                let parts = path.components().filter_map(|part| match part {
                    std::path::Component::Normal(part) => Some(part.to_str().map(str::to_owned)),
                    std::path::Component::ParentDir => Some(None),
                    _ => None,
                });
                let mut parts: Vec<Option<String>> = parts.collect();
                // What leads upwards matters only below it: `../crawl/a.warc` has a name.
                let from = parts.iter().rposition(Option::is_none).map_or(0, |at| at + 1);
                let parts: Option<Vec<String>> = parts.drain(from..).collect();
                parts.filter(|parts| !parts.is_empty())
            }
        }
    }
}

/// Whether an object's key says a name in this place that a folder can have.
pub(crate) fn plain(part: &str) -> bool {
    !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0'])
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(out),
            Self::Stdin => out.write_str("standard input"),
            Self::Object { bucket, key } => write!(out, "s3://{bucket}/{key}"),
        }
    }
}

/// What lies at a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Its length.
    pub bytes: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub modified: u64,
    /// Which version it is, where the store says so.
    pub version: Option<String>,
}

/// What to do where a store lets nobody in, or can't be found.
pub(crate) const STORE_HINT: &str = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION name the account, AWS_ENDPOINT_URL \
                                     another store, AWS_SKIP_SIGNATURE=true a public bucket";

/// The stores that inputs lie in. Opening the first object starts the network; local files never do.
#[derive(Default)]
pub struct Store {
    network: OnceLock<tokio::runtime::Runtime>,
    buckets: Mutex<HashMap<String, Arc<dyn object_store::ObjectStore>>>,
    retries: RetryConfig,
}

impl fmt::Debug for Store {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// A store that has opened nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A store that asks again so often, and so long in all, where it is not answered: less than for a job of hours.
    #[must_use]
    pub fn asking_again(times: usize, in_all: Duration) -> Self {
        let retries = RetryConfig { max_retries: times, retry_timeout: in_all, ..RetryConfig::default() };
        Self { retries, ..Self::default() }
    }

    /// Reads something small whole, an object in one request; `None` where nothing lies there.
    ///
    /// # Errors
    /// When it can't be read, has more bytes than the bound ([`io::ErrorKind::FileTooLarge`]) or fewer than its store says.
    pub fn small(&self, location: &Location, limit: u64) -> io::Result<Option<Vec<u8>>> {
        match location {
            Location::File(path) => small_file(path, limit),
            Location::Stdin => Err(io::Error::new(io::ErrorKind::Unsupported, "standard input can't be read twice")),
            Location::Object { bucket, key } => object::small(self.network()?, &self.bucket(bucket)?, key, limit),
        }
    }

    /// What lies at a location. Of standard input nothing is known before it is read.
    ///
    /// # Errors
    /// When it can't be looked at, or is no file.
    pub fn look(&self, location: &Location) -> io::Result<Looked> {
        match location {
            Location::File(path) => look_at_file(path),
            Location::Stdin => Ok(Looked { bytes: 0, modified: 0, version: None }),
            Location::Object { bucket, key } => Ok(self.object(bucket, key)?.looked()),
        }
    }

    /// Opens a location for reading.
    ///
    /// # Errors
    /// When it can't be opened, or is standard input, which is to be written to a file first.
    pub fn open(&self, location: &Location) -> io::Result<Stored> {
        match location {
            Location::File(path) => Stored::file(std::fs::File::open(path)?),
            Location::Stdin => Err(io::Error::new(io::ErrorKind::Unsupported, "standard input can't be read twice")),
            Location::Object { bucket, key } => Ok(Stored::object(self.object(bucket, key)?)),
        }
    }

    /// The objects below a prefix, by key.
    fn list(&self, bucket: &str, prefix: &str) -> io::Result<Vec<String>> {
        object::list(self.network()?, &self.bucket(bucket)?, prefix)
    }

    fn object(&self, bucket: &str, key: &str) -> io::Result<object::Object> {
        object::Object::look(self.network()?, self.bucket(bucket)?, key)
    }

    fn network(&self) -> io::Result<&tokio::runtime::Handle> {
        if self.network.get().is_none() {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let made = builder.worker_threads(2).thread_name("store").enable_all().build()?;
            // Two threads may both have made one; the second is let go of.
            let _ = self.network.set(made);
        }
        let network = self.network.get().ok_or_else(|| io::Error::other("the network could not be started"))?;
        Ok(network.handle())
    }

    fn bucket(&self, name: &str) -> io::Result<Arc<dyn object_store::ObjectStore>> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = buckets.get(name) {
            return Ok(Arc::clone(known));
        }
        let opened = object::bucket(name, self.retries.clone())?;
        buckets.insert(name.to_owned(), Arc::clone(&opened));
        Ok(opened)
    }
}

fn small_file(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let looked = match look_at_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut bytes = Vec::new();
    if looked.bytes <= limit {
        std::fs::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    }
    if looked.bytes.max(bytes.len() as u64) > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {limit} bytes")));
    }
    Ok(Some(bytes))
}

fn look_at_file(path: &Path) -> io::Result<Looked> {
    let metadata = path.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder: name its files, as in `folder/*.gz`"));
    }
    // A pipe or a device has no length to read by ranges.
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "it is no regular file; pipe it in and name `-`"));
    }
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    Ok(Looked { bytes: metadata.len(), modified: u64::try_from(modified).unwrap_or(u64::MAX), version: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_lead_out_of_the_output_folder() {
        let parts = |location: Location| location.parts().map(|parts| parts.join("/"));
        let object = |key: &str| Location::Object { bucket: "b".into(), key: key.into() };
        assert_eq!(parts(Location::File("/data/../x/a.warc".into())).as_deref(), Some("x/a.warc"));
        assert_eq!(parts(Location::File("../a.warc".into())).as_deref(), Some("a.warc"));
        assert_eq!(parts(Location::File("..".into())), None);
        assert_eq!(parts(object("x/a.warc")).as_deref(), Some("b/x/a.warc"));
        for key in ["../a", "x/../../a", "x//a", "", "x/.", "a\\b", "a\0"] {
            assert_eq!(parts(object(key)), None, "{key}");
        }
    }
}
