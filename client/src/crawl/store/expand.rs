//! What people write for inputs, made into locations: paths, quoted globs, `-`, objects, prefixes, and lists of these.
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, Read};
use std::path::Path;

use super::{Location, STORE_HINT, Store};

/// Most inputs of one run.
const INPUTS_LIMIT: usize = 1_000_000;
/// Longest line of a list.
const LINE_LIMIT: u64 = 64 * 1024;
/// Most bytes of a list, inflated.
const LIST_LIMIT: u64 = 1024 * 1024 * 1024;

/// Why what was written is no list of inputs.
#[derive(Debug, thiserror::Error)]
pub enum ExpandError {
    /// A glob or a prefix that nothing lies under.
    #[error("nothing matches `{0}`")]
    Nothing(String),
    /// A folder.
    #[error("`{0}` is a folder")]
    Folder(String),
    /// A glob that is none.
    #[error("`{glob}` is no glob: {detail}")]
    Glob {
        /// As written.
        glob: String,
        /// What is wrong.
        detail: String,
    },
    /// A scheme that inputs are not read by.
    #[error("`{0}` is read neither as a file nor as an object; inputs are files, `-` or `s3://bucket/key`")]
    Scheme(String),
    /// An `s3://` without a bucket.
    #[error("`{0}` names no bucket")]
    Bucket(String),
    /// A list or a listing that could not be read.
    #[error("cannot read `{name}`")]
    Read {
        /// What.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// More than can be.
    #[error("more than {INPUTS_LIMIT} inputs")]
    TooMany,
}

impl ExpandError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Nothing(_) => {
                Some("a pattern that matches nothing would leave a run that looks complete; check it with `ls`")
            }
            Self::Folder(_) => Some("name its files, as in `folder/*.warc.gz`"),
            Self::Scheme(_) => Some("fetch it first, or pipe it in: `curl -s URL | cleartitle filter ... -`"),
            Self::Read { name, .. } if name.starts_with("s3://") => Some(STORE_HINT),
            _ => None,
        }
    }
}

/// Makes locations of what was written, in its order; what one glob or prefix stands for is sorted by name.
///
/// A path that exists is that file, whatever characters it has; only what doesn't exist is tried as a glob.
///
/// # Errors
/// When something names nothing: a run over less than was meant would look complete.
pub fn expand(written: &[OsString], store: &Store) -> Result<Vec<Location>, ExpandError> {
    let mut found = Vec::new();
    for one in written {
        add(one, store, &mut found)?;
        if found.len() > INPUTS_LIMIT {
            return Err(ExpandError::TooMany);
        }
    }
    Ok(found)
}

fn add(written: &OsStr, store: &Store, found: &mut Vec<Location>) -> Result<(), ExpandError> {
    if written == "-" {
        found.push(Location::Stdin);
        return Ok(());
    }
    let path = Path::new(written);
    let Some(text) = written.to_str() else {
        found.push(path.into());
        return Ok(());
    };
    if let Some(object) = text.strip_prefix("s3://") {
        return objects(text, object, store, found);
    }
    if path.exists() || !is_glob(text) {
        if scheme(text) && !path.exists() {
            return Err(ExpandError::Scheme(text.to_owned()));
        }
        if path.is_dir() {
            return Err(ExpandError::Folder(text.to_owned()));
        }
        found.push(path.into());
        return Ok(());
    }
    let unread = |error: &glob::PatternError| ExpandError::Glob { glob: text.to_owned(), detail: error.to_string() };
    let options =
        glob::MatchOptions { require_literal_leading_dot: true, require_literal_separator: true, ..Default::default() };
    let before = found.len();
    for matched in glob::glob_with(text, options).map_err(|error| unread(&error))? {
        let path = matched
            .map_err(|error| ExpandError::Read { name: error.path().display().to_string(), source: error.into() })?;
        if !path.is_dir() {
            found.push(path.into());
        }
        if found.len() > INPUTS_LIMIT {
            return Err(ExpandError::TooMany);
        }
    }
    found[before..].sort_unstable();
    if found.len() == before { Err(ExpandError::Nothing(text.to_owned())) } else { Ok(()) }
}

fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether it begins as a URL does.
fn scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once("://") else { return false };
    !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// One object, or all below a prefix that ends with a slash, or all that match a glob.
fn objects(text: &str, object: &str, store: &Store, found: &mut Vec<Location>) -> Result<(), ExpandError> {
    let (bucket, key) = object.split_once('/').unwrap_or((object, ""));
    if bucket.is_empty() || is_glob(bucket) {
        return Err(ExpandError::Bucket(text.to_owned()));
    }
    let located = |key: String| Location::Object { bucket: bucket.to_owned(), key };
    let globbed = is_glob(key);
    if !globbed && !key.is_empty() && !key.ends_with('/') {
        found.push(located(key.to_owned()));
        return Ok(());
    }
    let prefix = if globbed { &key[..key.find(['*', '?', '[']).unwrap_or_default()] } else { key };
    let mut keys = store.list(bucket, prefix).map_err(|source| ExpandError::Read { name: text.to_owned(), source })?;
    if globbed {
        let pattern = glob::Pattern::new(key)
            .map_err(|error| ExpandError::Glob { glob: text.to_owned(), detail: error.to_string() })?;
        let options = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
        keys.retain(|key| pattern.matches_with(key, options));
    }
    if keys.is_empty() {
        return Err(ExpandError::Nothing(text.to_owned()));
    }
    found.extend(keys.into_iter().map(located));
    Ok(())
}

/// The lines of a list of inputs, plain or gzip as Common Crawl publishes its own; blank lines are passed over.
///
/// # Errors
/// When it can't be read, or is larger than any list.
pub fn read_list(list: impl BufRead, name: &str) -> Result<Vec<OsString>, ExpandError> {
    let failed = |source| ExpandError::Read { name: name.to_owned(), source };
    let mut list = list;
    let zipped = list.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
    let inflated: Box<dyn Read> =
        if zipped { Box::new(flate2::bufread::MultiGzDecoder::new(list)) } else { Box::new(list) };
    let mut lines = io::BufReader::new(inflated.take(LIST_LIMIT));
    let (mut found, mut line) = (Vec::new(), String::new());
    loop {
        line.clear();
        if lines.by_ref().take(LINE_LIMIT).read_line(&mut line).map_err(failed)? == 0 {
            break;
        }
        if line.len() as u64 == LINE_LIMIT {
            return Err(failed(io::Error::other(format!("line {} has more than {LINE_LIMIT} bytes", found.len() + 1))));
        }
        let text = line.trim();
        if !text.is_empty() {
            found.push(text.into());
        }
        if found.len() > INPUTS_LIMIT {
            return Err(ExpandError::TooMany);
        }
    }
    if lines.into_inner().limit() == 0 {
        return Err(failed(io::Error::other(format!("the list has more than {LIST_LIMIT} bytes"))));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn written(texts: &[&str]) -> Vec<OsString> {
        texts.iter().map(OsString::from).collect()
    }

    #[test]
    fn globs_are_sorted_and_what_exists_is_taken_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.warc", "a.warc", "[odd].warc", ".hidden.warc", "c.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("d.warc")).unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let expanded = |texts: &[&str]| expand(&written(texts), &Store::new());
        let names = |texts: &[&str]| -> Vec<String> {
            let found = expanded(texts).unwrap();
            found.iter().map(|location| location.parts().unwrap().pop().unwrap()).collect()
        };
        assert_eq!(names(&[&at("*.warc")]), ["[odd].warc", "a.warc", "b.warc"]);
        assert_eq!(names(&[&at("[odd].warc"), &at("a.warc"), "-"]), ["[odd].warc", "a.warc", "stdin"]);
        assert!(matches!(expanded(&[&at("*.none")]), Err(ExpandError::Nothing(_))));
        assert!(matches!(expanded(&[&at("[.warc")]), Err(ExpandError::Glob { .. })));
        assert!(matches!(expanded(&["gs://bucket/key"]), Err(ExpandError::Scheme(_))));
        assert!(matches!(expanded(&["s3:///key"]), Err(ExpandError::Bucket(_))));
        assert_eq!(
            expanded(&["s3://bucket/a/b.warc"]).unwrap(),
            [Location::Object { bucket: "bucket".into(), key: "a/b.warc".into() }]
        );
    }

    #[test]
    fn lists_are_read_plain_and_zipped_and_bounded() {
        let text = "a.warc\r\n\n  s3://b/k  \nlast";
        let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        zipped.write_all(text.as_bytes()).unwrap();
        for bytes in [text.as_bytes().to_vec(), zipped.finish().unwrap()] {
            assert_eq!(read_list(bytes.as_slice(), "list").unwrap(), written(&["a.warc", "s3://b/k", "last"]));
        }
        assert!(read_list("x".repeat(70_000).as_bytes(), "list").is_err());
    }
}
