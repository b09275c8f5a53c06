//! An object of an S3-compatible store: looked at once, then fetched in ranges that all must be of the version looked at.
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, RetryConfig};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::Looked;

/// Most objects that one prefix may stand for.
const LISTED_LIMIT: usize = 1_000_000;

/// A bucket, with the credentials and the endpoint that the environment names (`AWS_ACCESS_KEY_ID`, `AWS_REGION`,
/// `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`, `AWS_SKIP_SIGNATURE` and their kin).
pub(super) fn bucket(name: &str, retries: RetryConfig) -> io::Result<Arc<dyn ObjectStore>> {
    let store = AmazonS3Builder::from_env().with_bucket_name(name).with_retry(retries).build().map_err(told)?;
    Ok(Arc::new(store))
}

/// The code by which a store says that there is no such bucket, where it answers with the same status as for an object.
const NO_BUCKET: &str = "NoSuchBucket";

/// A store's own error, as one of reading.
fn told(error: object_store::Error) -> io::Error {
    use object_store::Error;
    let kind = match &error {
        // Whoever looks for an object that may be missing must not take a bucket that is missing for the answer.
        Error::NotFound { source, .. } if source.to_string().contains(NO_BUCKET) => {
            return io::Error::other("the store knows no bucket of this name");
        }
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => io::ErrorKind::PermissionDenied,
        Error::Precondition { .. } => {
            return io::Error::other("the object was changed while it was read");
        }
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

/// The keys below a prefix, sorted. Those with a part that begins with `_` or `.` are left out, as `_SUCCESS` is no data.
pub(super) fn list(network: &Handle, store: &Arc<dyn ObjectStore>, prefix: &str) -> io::Result<Vec<String>> {
    // Listing goes by whole folders: what of the prefix is after the last slash is compared here.
    let folder = prefix.rsplit_once('/').map(|(folder, _)| Path::parse(folder)).transpose();
    let folder = folder.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let listed = store.list(folder.as_ref()).take(LISTED_LIMIT + 1).map_ok(|meta| meta.location.to_string());
    let mut keys: Vec<String> = network.block_on(listed.try_collect()).map_err(told)?;
    if keys.len() > LISTED_LIMIT {
        return Err(io::Error::other(format!("more than {LISTED_LIMIT} objects lie below it")));
    }
    let hidden = |key: &str| key[prefix.len()..].split('/').any(|part| part.starts_with(['_', '.']));
    keys.retain(|key| key.starts_with(prefix) && !hidden(key));
    keys.sort_unstable();
    Ok(keys)
}

/// An object's bytes in one request; `None` where there is none.
pub(super) fn small(
    network: &Handle,
    store: &Arc<dyn ObjectStore>,
    key: &str,
    limit: u64,
) -> io::Result<Option<Vec<u8>>> {
    let path = Path::parse(key).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let read = async {
        let found = match store.get_opts(&path, GetOptions::default()).await {
            Err(error) => {
                let error = told(error);
                return if error.kind() == io::ErrorKind::NotFound { Ok(None) } else { Err(error) };
            }
            Ok(found) => found,
        };
        let length = found.meta.size;
        let too_long = || io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {limit} bytes"));
        if length > limit {
            return Err(too_long());
        }
        let (mut bytes, mut pieces) = (Vec::new(), found.into_stream());
        while let Some(piece) = pieces.try_next().await.map_err(told)? {
            bytes.extend_from_slice(&piece);
            if bytes.len() as u64 > limit {
                return Err(too_long());
            }
        }
        if bytes.len() as u64 == length { Ok(Some(bytes)) } else { Err(other_length(bytes.len() as u64, length)) }
    };
    network.block_on(read)
}

fn other_length(got: u64, wanted: u64) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("the store gave {got} bytes where {wanted} were asked for"))
}

/// One object as it was when it was looked at.
#[derive(Clone)]
pub(super) struct Object {
    network: Handle,
    store: Arc<dyn ObjectStore>,
    meta: Arc<ObjectMeta>,
}

/// A range on its way.
pub(super) type Coming = JoinHandle<object_store::Result<Bytes>>;

impl Object {
    pub fn look(network: &Handle, store: Arc<dyn ObjectStore>, key: &str) -> io::Result<Self> {
        let path = Path::parse(key).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let options = GetOptions { head: true, ..GetOptions::default() };
        let looked = network.block_on(store.get_opts(&path, options)).map_err(told)?;
        Ok(Self { network: network.clone(), store, meta: Arc::new(looked.meta) })
    }

    pub fn length(&self) -> u64 {
        self.meta.size
    }

    pub fn looked(&self) -> Looked {
        let modified = self.meta.last_modified.timestamp_nanos_opt().unwrap_or_default();
        Looked {
            bytes: self.meta.size,
            modified: u64::try_from(modified).unwrap_or_default(),
            version: self.meta.e_tag.clone(),
        }
    }

    /// Asks for a range; the answer comes while others are read.
    pub fn ask(&self, range: Range<u64>) -> Coming {
        let (store, meta) = (Arc::clone(&self.store), Arc::clone(&self.meta));
        self.network.spawn(async move {
            let options = GetOptions {
                range: Some(GetRange::Bounded(range)),
                if_match: meta.e_tag.clone(),
                ..GetOptions::default()
            };
            store.get_opts(&meta.location, options).await?.bytes().await
        })
    }

    /// Waits for a range that was asked for. A store that gives another length is not believed.
    pub fn wait(&self, coming: Coming, wanted: usize) -> io::Result<Bytes> {
        let bytes = self.network.block_on(coming).map_err(io::Error::other)?.map_err(told)?;
        if bytes.len() == wanted {
            return Ok(bytes);
        }
        Err(other_length(bytes.len() as u64, wanted as u64))
    }
}
