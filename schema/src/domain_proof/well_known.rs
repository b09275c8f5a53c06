//! Keys in a file of the site: `https://<domain>/.well-known/cleartitle.json`.
//!
//! ```json
//! {"version": 1, "keys": [{"key": "cleartitle-key+ed25519:BASE64", "log": "registry.example/log"}]}
//! ```
//!
//! `log` may be left out. A member that is not known makes the whole file unreadable: it could restrict.

use super::{MAX_PUBLICATION, Published};
use crate::signed::{parse_public_key, print_public_key};
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};

/// The path (RFC 8615).
pub const PATH: &str = "/.well-known/cleartitle.json";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    keys: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<String>,
}

/// The file for these keys, in every log or in one.
#[must_use]
pub fn file(keys: &[VerifyingKey], log: Option<&str>) -> String {
    let entry = |key| Entry { key: print_public_key(key).trim_end().to_owned(), log: log.map(str::to_owned) };
    let file = File { version: 1, keys: keys.iter().map(entry).collect() };
    let mut text = serde_json::to_string_pretty(&file).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads the file for the log of this origin. Never fails, never panics.
#[must_use]
pub fn read(bytes: &[u8], log: &str) -> Published {
    let mut published = Published::default();
    if bytes.len() > MAX_PUBLICATION {
        published.complain("the file is too long");
        return published;
    }
    let file: File = match serde_json::from_slice(bytes) {
        Ok(file) => file,
        Err(error) => {
            published.complain(format!("the file can't be read: {}", crate::canon::complaint(&error)));
            return published;
        }
    };
    if file.version != 1 {
        published.complain(format!("the file has version {}, this reader knows 1", file.version));
        return published;
    }
    for entry in file.keys.into_iter().take(super::MAX_KEYS) {
        match parse_public_key(&entry.key) {
            Ok(key) if entry.log.as_deref().is_none_or(|only| only == log) => published.add(key),
            Ok(_) => published.complain("a key is for another log"),
            Err(error) => published.complain(error.to_string()),
        }
    }
    published
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;

    #[test]
    fn what_is_printed_is_read_and_nothing_else() {
        let keys: Vec<VerifyingKey> = (1..4).map(|byte| SigningKey::from_bytes(&[byte; 32]).verifying_key()).collect();
        let text = file(&keys, Some("log.example"));
        assert_eq!(read(text.as_bytes(), "log.example").keys, keys);
        assert_eq!(read(text.as_bytes(), "other.example").keys, []);
        assert_eq!(read(file(&keys, None).as_bytes(), "other.example").keys, keys);
        for (from, to) in
            [("\"version\": 1", "\"version\": 2"), ("\"log\"", "\"logs\""), ("ed25519:", "rsa:"), ("{", "[")]
        {
            assert_ne!(read(text.replacen(from, to, 1).as_bytes(), "log.example").keys, keys, "{from}");
        }
        assert_eq!(read(&vec![b' '; MAX_PUBLICATION + 1], "log.example").complaints, ["the file is too long"]);
    }
}
