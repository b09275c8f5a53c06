//! What a URL serves: its bytes named as they pass, and only their head kept; one look at a time for each registrable domain.
//!
//! Anybody may ask for a look, so that the one who is looked at needs protection too: no domain is asked for more than one file
//! at once by this registry, however many ask it to, and under whichever of its hosts.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cleartitle_schema::id::{ContentId, ContentName, Sha256Alias, WarcSha1Alias};
use cleartitle_schema::served::{MAX_BODY, MAX_HEAD, Served};
use cleartitle_schema::time::Timestamp;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::LookError;
use super::fetch::Fetcher;

/// How long a whole body may take.
const PATIENCE: Duration = Duration::from_secs(45);

/// Registrable domains that are being looked at.
#[derive(Debug, Default)]
pub(super) struct Hosts(Mutex<HashSet<String>>);

/// A domain that nobody else looks at meanwhile.
pub(super) struct Held<'h> {
    hosts: &'h Hosts,
    host: String,
}

impl Hosts {
    pub(super) fn hold(&self, host: &str) -> Result<Held<'_>, LookError> {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !hosts.insert(host.to_owned()) {
            return Err(LookError::Busy);
        }
        Ok(Held { hosts: self, host: host.to_owned() })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.hosts.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.host);
    }
}

/// Fetches a URL and names its bytes, all within the time, redirects included.
pub(super) async fn look(fetcher: &Fetcher, url: &str, now: Timestamp) -> Result<Served, LookError> {
    let timed = tokio::time::timeout(PATIENCE, read(fetcher, url, now)).await;
    timed.unwrap_or_else(|_| Err(LookError::Unreachable("it took too long".to_owned())))
}

async fn read(fetcher: &Fetcher, url: &str, now: Timestamp) -> Result<Served, LookError> {
    let (url, mut answer) = fetcher.follow(url, PATIENCE).await?;
    let header = |name| answer.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned();
    // It was asked for without; what comes coded all the same has other bytes than the document.
    if !matches!(header(CONTENT_ENCODING).as_str(), "" | "identity") {
        return Err(LookError::Refused(format!("`{url}` is sent in a coding that was not asked for")));
    }
    let media_type: String = header(CONTENT_TYPE).chars().filter(|it| !it.is_control()).take(200).collect();
    let status = answer.status().as_u16();
    let (mut blake3, mut sha256, mut sha1) = (blake3::Hasher::new(), Sha256::new(), Sha1::new());
    let (mut length, mut head) = (0_u64, Vec::new());
    while let Some(chunk) = answer.chunk().await.map_err(|error| super::fetch::failed(&url, &error))? {
        length += chunk.len() as u64;
        if length > MAX_BODY {
            return Err(LookError::Refused(format!("`{url}` has more than {MAX_BODY} bytes")));
        }
        blake3.update(&chunk);
        sha256.update(&chunk);
        sha1.update(&chunk);
        let room = MAX_HEAD - head.len();
        head.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    let content = vec![
        ContentName::Blake3(ContentId(*blake3.finalize().as_bytes())),
        ContentName::Sha256(Sha256Alias(sha256.finalize().into())),
        ContentName::WarcSha1(WarcSha1Alias(sha1.finalize().into())),
    ];
    Ok(Served { url: url.to_string(), status, media_type, length, content, seen_at: now, head: Served::head_of(&head) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_looked_at_once_at_a_time() {
        let hosts = Hosts::default();
        let held = hosts.hold("press.example").unwrap();
        assert!(matches!(hosts.hold("press.example"), Err(LookError::Busy)));
        assert!(hosts.hold("herald.example").is_ok());
        drop(held);
        assert!(hosts.hold("press.example").is_ok());
    }
}
