//! Ubiquitous content: bytes that everybody serves, so that nobody can claim them: the empty body, stubs, default pages.
//!
//! Whoever could claim the empty body would reserve a part of every crawl. The table names documents by their digests; the bytes
//! stand in the test that makes it (`tests/tables/ubiquitous.rs`). It can't be whole: what many authorities show is refused
//! at registration by a count (`server/src/claims/mod.rs`).

use crate::id::ContentName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A document that everybody serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// What it is.
    pub what: String,
    /// The names of its bytes: BLAKE3, SHA-256, SHA-1.
    pub names: Vec<ContentName>,
}

/// The table's text, as it stands beside this crate.
pub const TABLE: &str = include_str!("../data/common_content.json");

static NAMES: LazyLock<BTreeSet<ContentName>> = LazyLock::new(|| {
    let rows: Vec<Common> = serde_json::from_str(TABLE).unwrap_or_default();
    rows.into_iter().flat_map(|row| row.names).collect()
});

/// Whether bytes of this name are nobody's to claim.
#[must_use]
pub fn is_common(name: &ContentName) -> bool {
    NAMES.contains(name)
}
