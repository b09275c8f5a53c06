//! Addresses of object storage: `s3://BUCKET/PREFIX`, `file:///FOLDER`, or a folder's path.
//!
//! Deliberately absent: credentials and endpoints. They stand in the environment by the names that all of S3's tools hear, so that an
//! address may be printed, logged and kept in a database.

use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where objects lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A bucket of an S3-compatible store, and what all keys begin with: nothing, or names that each end with `/`.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// The prefix.
        prefix: String,
    },
    /// A folder, which any static web server can serve.
    Folder(PathBuf),
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Another scheme.
    #[error("`{0}:` is no object storage that is known\n\nhint: s3://BUCKET/PREFIX, or a folder")]
    Scheme(String),
    /// No bucket can have this name.
    #[error(
        "an address is `s3://BUCKET/PREFIX`, without user, port, query or fragment\n\nhint: the endpoint stands in AWS_ENDPOINT_URL"
    )]
    Bucket,
    /// A part of the prefix that a path can't have.
    #[error("a prefix is made of names of letters, digits, `.`, `_` and `-`, with one `/` between them")]
    Prefix,
    /// A `file:` URL that names another machine or no path.
    #[error("a folder is given by its path, or as `file:///PATH`")]
    File,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(rest) = text.strip_prefix("s3://") {
            return s3(rest);
        }
        if let Some(path) = text.strip_prefix("file://") {
            return if path.starts_with('/') { Ok(Self::Folder(PathBuf::from(path))) } else { Err(AddressError::File) };
        }
        match text.split_once("://") {
            Some((scheme, _)) => Err(AddressError::Scheme(scheme.chars().take(20).collect())),
            None if text.is_empty() => Err(AddressError::File),
            None => Ok(Self::Folder(Path::new(text).to_owned())),
        }
    }
}

fn s3(rest: &str) -> Result<Address, AddressError> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(letter) || bucket.starts_with(['.', '-']) {
        return Err(AddressError::Bucket);
    }
    let name = |name: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        !name.is_empty() && name.bytes().all(letter) && !matches!(name, "." | "..")
    };
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    if prefix.len() > 200 || !(prefix.is_empty() || prefix.split('/').all(name)) {
        return Err(AddressError::Prefix);
    }
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    Ok(Address::S3 { bucket: bucket.to_owned(), prefix })
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
            Self::Folder(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused() {
        let s3 = |bucket: &str, prefix: &str| Address::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
        for (text, wanted) in [
            ("s3://registry", s3("registry", "")),
            ("s3://registry/", s3("registry", "")),
            ("s3://registry/log", s3("registry", "log/")),
            ("s3://registry/a/b-1/", s3("registry", "a/b-1/")),
            ("file:///srv/objects", Address::Folder("/srv/objects".into())),
            ("objects/here", Address::Folder("objects/here".into())),
        ] {
            assert_eq!(text.parse(), Ok(wanted), "{text}");
        }
        for text in [
            "s3://",
            "s3://a",
            "s3://Registry/x",
            "s3://user:secret@registry/x",
            "s3://registry:80/x",
            "s3://registry//x",
            "s3://registry/../x",
            "s3://registry/x?y=z",
            "s3://registry/x#y",
            "s3://registry/a//b",
            "gs://registry/x",
            "https://registry/x",
            "file://host/x",
            "",
        ] {
            let refused = text.parse::<Address>().expect_err(text).to_string();
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
