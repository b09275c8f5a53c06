//! Keys in DNS: TXT records at `_cleartitle.<domain>`, one key a record.
//!
//! ```text
//! _cleartitle.press.example.  TXT  "v=cleartitle1; key=ed25519:BASE64; log=registry.example/log"
//! ```
//!
//! `log` may be left out; then the key speaks for the domain in any log. Members stand in this order, between them `;` and
//! spaces. Records that do not begin with `v=cleartitle1` are somebody else's.

use super::Published;
use crate::signed::{parse_public_key, print_public_key};
use ed25519_dalek::VerifyingKey;

/// The label below which the records stand.
pub const LABEL: &str = "_cleartitle";

/// How a record begins.
const VERSION: &str = "v=cleartitle1";

/// Longest record that is read.
const MAX_RECORD: usize = 1024;

/// The text of a record for a key, in every log or in one.
#[must_use]
pub fn record(key: &VerifyingKey, log: Option<&str>) -> String {
    let key = print_public_key(key);
    let key = key.trim_end().trim_start_matches("cleartitle-key+");
    let log = log.map(|log| format!("; log={log}")).unwrap_or_default();
    format!("{VERSION}; key={key}{log}")
}

/// Reads the records of a name, each with its strings joined, for the log of this origin. Never fails, never panics.
#[must_use]
pub fn read<'r>(records: impl IntoIterator<Item = &'r [u8]>, log: &str) -> Published {
    let mut published = Published::default();
    for record in records.into_iter().take(super::MAX_KEYS) {
        if !record.starts_with(VERSION.as_bytes()) {
            continue;
        }
        match members(record) {
            Ok((key, only)) if only.is_none_or(|only| only == log) => published.add(key),
            Ok(_) => published.complain("a record is for another log"),
            Err(why) => published.complain(format!("a record that begins with `{VERSION}` {why}")),
        }
    }
    published
}

fn members(record: &[u8]) -> Result<(VerifyingKey, Option<&str>), &'static str> {
    if record.len() > MAX_RECORD {
        return Err("is too long");
    }
    let text = std::str::from_utf8(record).map_err(|_| "is not UTF-8")?;
    let mut members = text.split(';').map(str::trim);
    if members.next() != Some(VERSION) {
        return Err("has another version");
    }
    let key = members.next().and_then(|member| member.strip_prefix("key=")).ok_or("names no key")?;
    let key = parse_public_key(&format!("cleartitle-key+{key}")).map_err(|_| "has a key that can't be read")?;
    let log = match members.next() {
        None | Some("") => None,
        Some(member) => Some(member.strip_prefix("log=").ok_or("has a member that is not known")?),
    };
    match members.next() {
        None => Ok((key, log)),
        Some(_) => Err("has more members than are known"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;

    fn key(byte: u8) -> VerifyingKey {
        SigningKey::from_bytes(&[byte; 32]).verifying_key()
    }

    #[test]
    fn what_is_printed_is_read() {
        let records =
            [record(&key(1), None), record(&key(2), Some("log.example")), record(&key(3), Some("other.example"))];
        let published = read(records.iter().map(|it| it.as_bytes()), "log.example");
        assert_eq!(published.keys, [key(1), key(2)]);
        assert_eq!(published.complaints.len(), 1, "{:?}", published.complaints);
        assert!(published.names(&key(2)) && !published.names(&key(3)));
    }

    #[test]
    fn another_form_names_no_key() {
        let good = record(&key(1), Some("log.example"));
        for (from, to) in [
            ("v=cleartitle1;", "v=cleartitle2;"),
            ("v=cleartitle1;", "v=cleartitle1"),
            ("key=", "Key="),
            ("ed25519:", "rsa:"),
            ("log=", "logs="),
            ("=; log", "; log"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            assert_eq!(read([bad.as_bytes()], "log.example").keys, [], "{bad}");
        }
        assert_eq!(read([format!("{good}; x=1").as_bytes()], "log.example").keys, []);
        assert_eq!(read([&b"v=spf1 -all"[..], b"\xff"], "log.example"), Published::default());
    }
}
