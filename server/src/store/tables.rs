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

/// Runs of tables in the log, and beside them those that are being written of tables on their way: these no dump shows, and they are
/// nobody's to make again but their loader's.
const RUNS: &str = "record_runs";

/// What empties the derived tables of what is made again from the log. Runs go first, while it stands there which of them are.
pub(super) fn emptying() -> impl Iterator<Item = String> {
    let runs = format!(
        "DELETE FROM {RUNS} WHERE statement IN (SELECT statement FROM record_tables)
         OR statement NOT IN (SELECT statement FROM uploads)"
    );
    let others = DERIVED.iter().filter(|(table, _)| *table != RUNS).map(|(table, _)| format!("DELETE FROM {table}"));
    std::iter::once(runs).chain(others)
}

/// What reads all of a derived table in its order; `within` is put before the names of tables.
pub(super) fn reading(within: &str, table: &str, order: &str) -> String {
    let logged = match table {
        RUNS => format!("WHERE statement IN (SELECT statement FROM {within}record_tables)"),
        _ => String::new(),
    };
    format!("SELECT * FROM {within}{table} {logged} ORDER BY {order}")
}

pub(super) fn integer(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Damaged(format!("{number} is beyond the store's integers")))
}

pub(super) fn damaged(error: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(error.to_string())
}
