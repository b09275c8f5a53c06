//! Root: the folder or prefix below which the records' files lie. A name that leads out of there is refused, whatever is there.

use crate::crawl::store::Location;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where the files lie that an index names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Root {
    /// Below a folder; the path leads through no link.
    Folder(PathBuf),
    /// Below a prefix of a bucket, which is empty or ends with a slash.
    Prefix {
        /// The bucket.
        bucket: String,
        /// The prefix.
        prefix: String,
    },
}

/// Why what was written is no root.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// It is no folder.
    #[error("`{0}` is no folder that records could be fetched from")]
    Folder(String),
    /// An `s3://` without a bucket, or another scheme.
    #[error("`{0}` is neither a folder nor `s3://bucket/prefix/`")]
    Scheme(String),
}

impl RootError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        "index rows name files relative to the crawl's root: name the folder, or s3://commoncrawl/ and its like"
    }
}

impl Root {
    /// Reads what was written.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn of(written: &str) -> Result<Self, RootError> {
        if let Some(rest) = written.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let mut prefix = prefix.to_owned();
            if !prefix.is_empty() && !prefix.ends_with('/') {
                prefix.push('/');
            }
            let plain = prefix.strip_suffix('/').is_none_or(|prefix| prefix.split('/').all(is_plain));
            if bucket.is_empty() || !plain {
                return Err(RootError::Scheme(written.to_owned()));
            }
            return Ok(Self::Prefix { bucket: bucket.to_owned(), prefix });
        }
        if written.contains("://") {
            return Err(RootError::Scheme(written.to_owned()));
        }
        let folder = std::fs::canonicalize(written).ok().filter(|folder| folder.is_dir());
        folder.map(Self::Folder).ok_or_else(|| RootError::Folder(written.to_owned()))
    }

    /// Where a file lies that an index names. The index is not ours: it could name `../secret`, `/etc/passwd`, or a link that
    /// somebody put into the folder.
    ///
    /// # Errors
    /// A word for the fact, and the fact.
    pub fn locate(&self, file: &str) -> Result<Location, (&'static str, String)> {
        if !file.split('/').all(is_plain) {
            return Err(("unsafe-filename", format!("`{}` is no plain path below the root", shortened(file))));
        }
        let folder = match self {
            Self::Prefix { bucket, prefix } => {
                return Ok(Location::Object { bucket: bucket.clone(), key: format!("{prefix}{file}") });
            }
            Self::Folder(folder) => folder,
        };
        let missing = || ("missing-file", format!("`{}` is not below the root", shortened(file)));
        let found = std::fs::canonicalize(folder.join(Path::new(file))).map_err(|_| missing())?;
        if !found.starts_with(folder) {
            return Err(("unsafe-filename", format!("`{}` is a link that leads out of the root", shortened(file))));
        }
        if found.is_file() { Ok(Location::File(found)) } else { Err(missing()) }
    }
}

impl std::fmt::Display for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Prefix { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// Whether a part of a path names something in its folder, on every system.
fn is_plain(part: &str) -> bool {
    !matches!(part, "" | "." | "..") && !part.contains(['\\', ':']) && !part.contains(char::is_control)
}

fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::create_dir_all(inside.join("a")).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        for file in [inside.join("a/x.warc"), outside.join("y.warc")] {
            std::fs::write(file, "").unwrap();
        }
        let root = Root::of(&inside.display().to_string()).unwrap();
        assert!(matches!(root.locate("a/x.warc"), Ok(Location::File(_))));
        let absolute = outside.join("y.warc").display().to_string();
        for file in
            ["../out/y.warc", "a/../../out/y.warc", &absolute, "a//x.warc", "./a/x.warc", "", "a\\x", "c:x", "a\0"]
        {
            assert_eq!(root.locate(file).unwrap_err().0, "unsafe-filename", "{file}");
        }
        assert_eq!(root.locate("a/none.warc").unwrap_err().0, "missing-file");
        assert_eq!(root.locate("a").unwrap_err().0, "missing-file");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
            std::os::unix::fs::symlink(inside.join("a"), inside.join("own")).unwrap();
            assert_eq!(root.locate("link/y.warc").unwrap_err().0, "unsafe-filename");
            assert!(root.locate("own/x.warc").is_ok());
        }
        let bucket = Root::of("s3://crawls/cc").unwrap();
        assert!(matches!(bucket.locate("a/x.warc"), Ok(Location::Object { key, .. }) if key == "cc/a/x.warc"));
        assert!(bucket.locate("../x.warc").is_err());
        for written in ["s3://", "s3://b/../x/", "http://x.example/", "/nowhere/at/all"] {
            assert!(Root::of(written).is_err(), "{written}");
        }
    }
}
