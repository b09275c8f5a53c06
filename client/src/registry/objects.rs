//! A registry's log as it lies in a bucket or a folder, with no server behind it: below the address, each object's key is the
//! path at which a server gives the same bytes.
//!
//! Nobody answers here for what lies there, and nothing needs to: whatever is read is checked against what the log signed.

use super::RegistryError;
use super::web::PATIENCE;
use crate::crawl::store::{Location, Store, Stored, plain};
use std::fmt;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

/// How often a store that does not answer is asked again.
const AGAIN: usize = 4;

/// Where a log's objects lie.
#[derive(Clone)]
pub(super) struct Objects {
    store: Arc<Store>,
    below: Below,
    address: String,
}

#[derive(Debug, Clone)]
enum Below {
    Folder(PathBuf),
    Bucket { bucket: String, prefix: String },
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Objects").field(&self.below).finish()
    }
}

impl Objects {
    /// Takes `s3://bucket/prefix` and `file:///folder`; `None` for what names neither.
    pub fn at(address: &str) -> Result<Option<Self>, RegistryError> {
        // People paste credentials where none belong; they are not repeated.
        let told = address.rsplit_once('@').map_or(address, |(_, behind)| behind);
        let bad = || RegistryError::Address(told.chars().take(200).collect());
        let below = if let Some(object) = address.strip_prefix("s3://") {
            let (bucket, prefix) = object.split_once('/').unwrap_or((object, ""));
            let prefix = prefix.trim_end_matches('/');
            let name = |name: &str| plain(name) && !name.contains(['?', '#', ':', '@']);
            if !name(bucket) || !(prefix.is_empty() || prefix.split('/').all(name)) {
                return Err(bad());
            }
            Below::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() }
        } else if address.starts_with("file:") {
            // Nothing is relative to a folder that nobody named.
            let url = Url::parse(address).ok().filter(|_| address.starts_with("file:///")).ok_or_else(bad)?;
            let no_more = url.query().is_none() && url.fragment().is_none();
            let folder = url.to_file_path().ok().filter(|_| no_more);
            Below::Folder(folder.ok_or_else(bad)?)
        } else {
            return Ok(None);
        };
        let store = Arc::new(Store::asking_again(AGAIN, PATIENCE));
        Ok(Some(Self { store, below, address: address.trim_end_matches('/').to_owned() }))
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// How many small objects are fetched at once: a store's answers are far away, and a disk's are not.
    pub fn at_once(&self) -> usize {
        match self.below {
            Below::Bucket { .. } => 16,
            Below::Folder(_) => 1,
        }
    }

    /// What a path names for people. A foreign paper may have named it.
    pub fn place(&self, path: &str) -> String {
        let path: String = path.trim_start_matches('/').chars().filter(|c| !c.is_control()).take(200).collect();
        format!("{}/{path}", self.address)
    }

    /// Where a path lies: below the address, whatever a foreign paper calls it.
    fn locate(&self, path: &str) -> Result<Location, RegistryError> {
        let path = path.trim_start_matches('/');
        if !path.split('/').all(plain) {
            return Err(RegistryError::Address(path.chars().take(200).collect()));
        }
        Ok(match &self.below {
            Below::Folder(folder) => Location::File(path.split('/').fold(folder.clone(), |at, part| at.join(part))),
            Below::Bucket { bucket, prefix } => {
                let key = if prefix.is_empty() { path.to_owned() } else { format!("{prefix}/{path}") };
                Location::Object { bucket: bucket.clone(), key }
            }
        })
    }

    pub fn bytes(&self, path: &str, limit: u64) -> Result<Vec<u8>, RegistryError> {
        let found = self.store.small(&self.locate(path)?, limit);
        found.map_err(|error| self.told(path, limit, &error))?.ok_or_else(|| RegistryError::Missing(self.place(path)))
    }

    /// A body from a byte on, fetched ahead of its reader in ranges of one version.
    pub fn download(&self, path: &str, from: u64) -> Result<Stored, RegistryError> {
        let location = self.locate(path)?;
        let opened = self.store.look(&location).and_then(|_| self.store.open(&location));
        let opened = opened.map_err(|error| self.told(path, u64::MAX, &error))?;
        Ok(opened.again(from..opened.length()))
    }

    pub fn part(&self, path: &str, range: &Range<u64>) -> Result<Vec<u8>, RegistryError> {
        let wanted = range.end.saturating_sub(range.start);
        let whole = self.download(path, 0)?;
        let mut bytes = Vec::new();
        let read = whole.again(range.clone()).take(wanted).read_to_end(&mut bytes);
        read.map_err(|error| self.told(path, wanted, &error))?;
        if bytes.len() as u64 == wanted {
            return Ok(bytes);
        }
        let why = "it is shorter than the part that was asked for".to_owned();
        Err(RegistryError::Malformed { url: self.place(path), why })
    }

    /// A store's or a disk's own words, without what a terminal could take for more than words.
    fn told(&self, path: &str, limit: u64, error: &io::Error) -> RegistryError {
        let place = self.place(path);
        let text = error.to_string();
        let why = code_in(&text).map_or_else(|| text.clone(), |code| format!("the store says `{code}`"));
        let why: String = why.chars().filter(|c| !c.is_control()).take(400).collect();
        match error.kind() {
            io::ErrorKind::NotFound => RegistryError::Missing(place),
            io::ErrorKind::PermissionDenied => RegistryError::Denied { place, why },
            io::ErrorKind::FileTooLarge => RegistryError::TooLong { url: place, limit },
            _ => RegistryError::Unread { place, why },
        }
    }
}

/// The code by which an S3-compatible store refuses, out of the document around it.
fn code_in(text: &str) -> Option<&str> {
    let (_, code) = text.split_once("<Code>")?;
    let (code, _) = code.split_once("</Code>")?;
    let plain = !code.is_empty() && code.len() <= 60 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_bucket_or_a_folder_and_nothing_leads_out_of_it() {
        for (address, key) in [
            ("s3://bucket", "s3://bucket/checkpoint"),
            ("s3://bucket/", "s3://bucket/checkpoint"),
            ("s3://bucket/a/b/", "s3://bucket/a/b/checkpoint"),
            ("file:///a/b", "/a/b/checkpoint"),
            ("file:///a%20b/", "/a b/checkpoint"),
        ] {
            let objects = Objects::at(address).unwrap().unwrap();
            assert_eq!(objects.locate("/checkpoint").unwrap().to_string(), key, "{address}");
            for path in ["../x", "v1/../../x", "", "v1//x", "./x"] {
                assert!(matches!(objects.locate(path), Err(RegistryError::Address(_))), "{address} {path}");
            }
        }
        for address in [
            "s3://",
            "s3:///a",
            "s3://bucket/a//b",
            "s3://b/../c",
            "s3://b/c?d",
            "file://host/a",
            "file:a",
            "file:///a?b",
        ] {
            assert!(matches!(Objects::at(address), Err(RegistryError::Address(_))), "{address}");
        }
        let refused = Objects::at("s3://user:secret@bucket/log").unwrap_err().to_string();
        assert!(refused.contains("`bucket/log`") && !refused.contains("secret"), "{refused}");
        for address in ["https://registry.example", "bucket/prefix", "", "gs://bucket"] {
            assert!(Objects::at(address).unwrap().is_none(), "{address}");
        }
    }
}
