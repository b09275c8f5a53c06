//! Layout: an object's key is the path at which the registry serves the same bytes, so that any web server in front of the bucket is a
//! registry for whoever pulls and audits.
//!
//! Two objects change, [`CHECKPOINT`] and [`LATEST`]; all others are immutable, and what they hold follows from their names.

use cleartitle_schema::id::{BlobId, Commitment, ListId};
use object_store::{Attribute, Attributes};

/// The signed checkpoint that is shown.
pub const CHECKPOINT: &str = "checkpoint";

/// What the newest snapshot is, its note among it.
pub const LATEST: &str = "v1/snapshots/latest";

/// The keys that clients pin.
pub const LOG_KEY: &str = "v1/log-key";

/// Below it lie opened leaves, lists, evidence and snapshots.
pub const PUBLISHED: &str = "v1/published/";
/// Bulk lists.
pub const LISTS: &str = "v1/lists/";
/// Evidence.
pub const BLOBS: &str = "v1/blobs/";
/// Snapshots, by size.
pub const SNAPSHOTS: &str = "v1/snapshots/";

/// What opens a leaf.
#[must_use]
pub fn published(commitment: &Commitment) -> String {
    format!("{PUBLISHED}{commitment}")
}

/// A bulk list.
#[must_use]
pub fn list(list: &ListId) -> String {
    format!("{LISTS}{list}")
}

/// Evidence.
#[must_use]
pub fn blob(blob: &BlobId) -> String {
    format!("{BLOBS}{blob}")
}

/// A snapshot's body.
#[must_use]
pub fn snapshot(size: u64) -> String {
    format!("{SNAPSHOTS}{size}")
}

/// The headers that the object is served with, as the registry itself serves the same path.
#[must_use]
pub fn headers(key: &str) -> [(Attribute, &'static str); 2] {
    let media = match key {
        CHECKPOINT => "text/plain; charset=utf-8",
        LATEST | LOG_KEY => "application/json",
        _ if key.starts_with(PUBLISHED) => "application/json",
        _ if key.starts_with(LISTS) => "application/x-ndjson",
        _ => "application/octet-stream",
    };
    // An erased envelope must not live on in caches, and what changes is asked for each time.
    let changes = matches!(key, CHECKPOINT | LATEST | LOG_KEY) || key.starts_with(PUBLISHED);
    let cache = if changes { "no-cache" } else { "public, max-age=31536000, immutable" };
    [(Attribute::ContentType, media), (Attribute::CacheControl, cache)]
}

/// The same for a store that keeps them.
pub(super) fn attributes(key: &str) -> Attributes {
    let mut kept: Attributes = headers(key).into_iter().collect();
    if key.starts_with(BLOBS) {
        // Whatever a site once served is a file to save, never a page to show.
        kept.insert(Attribute::ContentDisposition, "attachment".into());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_or_may_be_erased_is_not_kept_by_caches() {
        let cache = |key: &str| headers(key)[1].1;
        let erasable = published(&Commitment([1; 32]));
        for key in [CHECKPOINT, LATEST, LOG_KEY, &erasable] {
            assert_eq!(cache(key), "no-cache", "{key}");
        }
        let named = [snapshot(7), blob(&BlobId([1; 32])), list(&ListId([1; 32])), "tile/0/000.p/1".to_owned()];
        for key in named {
            assert!(cache(&key).ends_with("immutable"), "{key}");
        }
    }
}
