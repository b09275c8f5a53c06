//! Tables: what both databases have alike: which are derived, in which order they are dumped, and how numbers and damage are told.

use super::StoreError;

/// The tables that are made again by `rebuild`, each with its order in the canonical dump.
pub(super) const DERIVED: [(&str, &str); 13] = [
    ("tiles", "level, idx"),
    ("statements", "idx"),
    ("names", "named, idx, relation"),
    ("bindings", "idx"),
    ("documents", "kind, name, idx, line"),
    ("claims", "kind, name, idx"),
    ("showings", "kind, name, authority"),
    ("record_tables", "idx"),
    (RUNS, "statement, first"),
    ("exhibits", "blob, idx"),
    ("sealed_leaves", "commitment"),
    ("sealed_statements", "idx"),
    ("sealed_parties", "domain, idx"),
];

/// Runs of tables in the log, and beside them those that are being written of tables on their way: these no dump shows.
pub(super) const RUNS: &str = "record_runs";

pub(super) fn integer(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Damaged(format!("{number} is beyond the store's integers")))
}

pub(super) fn damaged(error: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(error.to_string())
}
