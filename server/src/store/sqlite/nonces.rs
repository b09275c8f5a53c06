//! Nonces in SQLite: what was used once, until it could not be used again anyway.

use cleartitle_schema::id::KeyId;
use cleartitle_schema::time::Timestamp;
use rusqlite::{Connection, params};

use super::failed;
use crate::store::StoreError;

/// Takes a nonce; false where it was taken before.
pub(super) fn take(
    connection: &Connection,
    key: &KeyId,
    nonce: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    connection
        .prepare_cached("DELETE FROM nonces WHERE until <= ?1")
        .and_then(|mut delete| delete.execute([now.0]))
        .map_err(failed)?;
    let taken = connection
        .prepare_cached("INSERT OR IGNORE INTO nonces (key_id, nonce, until) VALUES (?1, ?2, ?3)")
        .and_then(|mut insert| insert.execute(params![key.0, nonce, until.0]))
        .map_err(failed)?;
    Ok(taken == 1)
}
