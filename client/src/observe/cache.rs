//! Cache: answers that are younger than a day, and than their server says, are not asked for again (RFC 9309 section 2.4).
//!
//! One file an answer, named by the URL's hash. A file that can't be read or written is as good as none.

use super::fetch::{Fetched, field_of};
use crate::filter::state;
use cleartitle_schema::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::path::PathBuf;
use url::Url;

/// The longest that an answer is kept.
const LONGEST: i64 = Timestamp::DAY;

/// Answers in a folder.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

/// The first line of a file of the cache; the block follows.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    url: String,
    answered: String,
    at: Timestamp,
    until: Timestamp,
}

impl Cache {
    /// A cache in this folder, which is made where it is missing.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn open(folder: PathBuf) -> std::io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    fn path(&self, url: &Url) -> PathBuf {
        self.folder.join(blake3::hash(url.as_str().as_bytes()).to_hex().as_str())
    }

    /// The answer for a URL, if one is kept that is still good.
    #[must_use]
    pub fn fresh(&self, url: &Url, now: Timestamp) -> Option<Fetched> {
        let bytes = std::fs::read(self.path(url)).ok()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let kept: Kept = serde_json::from_slice(&bytes[..end]).ok()?;
        // A clock that was set back would make an answer good for longer than a day.
        let good = kept.url == url.as_str() && kept.at <= now && now < kept.until;
        let answered = Url::parse(&kept.answered).ok().filter(|_| good)?;
        Some(Fetched { answered, at: kept.at, block: bytes[end + 1..].to_vec() })
    }

    /// Keeps an answer for as long as it is good. Errors of servers are not kept.
    pub fn keep(&self, url: &Url, fetched: &Fetched) {
        let Some(seconds) = lifetime(&fetched.block) else { return };
        let until = fetched.at.plus_seconds(seconds);
        let kept = Kept { url: url.to_string(), answered: fetched.answered.to_string(), at: fetched.at, until };
        let Ok(mut bytes) = serde_json::to_vec(&kept) else { return };
        bytes.push(b'\n');
        bytes.extend_from_slice(&fetched.block);
        // It is fetched again then.
        let _ = state::place(&self.path(url), |file| file.write_all(&bytes));
    }
}

/// For how many seconds an answer may be kept; none where it may not.
fn lifetime(block: &[u8]) -> Option<i64> {
    let head = String::from_utf8_lossy(&block[..block.len().min(64)]).into_owned();
    let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
    if status >= 500 || status == 429 {
        return None;
    }
    let control = field_of(block, "cache-control").unwrap_or_default().to_ascii_lowercase();
    let mut seconds = LONGEST;
    for directive in control.split(',').map(str::trim) {
        match directive.split_once('=') {
            None if directive == "no-store" || directive == "no-cache" => return None,
            Some(("max-age", value)) => {
                seconds = seconds.min(value.trim_matches('"').parse().unwrap_or(0));
            }
            _ => {}
        }
    }
    (seconds > 0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_good_for_a_day_or_less() {
        let with = |status: &str, field: &str| lifetime(format!("HTTP/1.1 {status} X\r\n{field}\r\n\r\n").as_bytes());
        assert_eq!(with("200", "x: y"), Some(86_400));
        assert_eq!(with("404", "x: y"), Some(86_400));
        assert_eq!(with("200", "Cache-Control: public, max-age=60"), Some(60));
        assert_eq!(with("200", "cache-control: max-age=9999999"), Some(86_400));
        for (status, field) in
            [("503", "x: y"), ("429", "x: y"), ("200", "Cache-Control: no-store"), ("200", "Cache-Control: max-age=0")]
        {
            assert_eq!(with(status, field), None, "{status} {field}");
        }
    }

    #[test]
    fn what_was_kept_comes_back_until_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache")).unwrap();
        let url = Url::parse("https://press.example/robots.txt").unwrap();
        let block = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nUser-agent: *\n".to_vec();
        let fetched = Fetched { answered: url.clone(), at: Timestamp(1000), block };
        cache.keep(&url, &fetched);
        assert_eq!(cache.fresh(&url, Timestamp(1059)), Some(fetched));
        assert_eq!(cache.fresh(&url, Timestamp(1060)), None);
        assert_eq!(cache.fresh(&url, Timestamp(999)), None, "a clock that went back");
        assert_eq!(cache.fresh(&Url::parse("https://press.example/").unwrap(), Timestamp(1001)), None);
    }
}
