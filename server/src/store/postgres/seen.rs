//! Seen: where the log stood when this server last saw it on the primary, which is where a replica must stand to answer for it.
//!
//! Who would attack: nobody, and lag does as much harm. A replica shows the past; whoever was given a receipt here must find it here, and a
//! proof whose checkpoint came from one database and whose tiles came from an older one is no proof. So each head that this server hears of
//! on the primary is noted, its own commits among them, and a replica answers at the newest noted head and at no other.

use std::sync::{Mutex, PoisonError};

use cleartitle_schema::tlog::hash::Hash;
use tokio_postgres::Row;

use super::read::{array, number};
use super::session::{Session, get};
use crate::store::StoreError;

/// The setting that counts how often rows were changed in place: by an erasure, by `rebuild`, by a migration. The head does not tell of those.
const REWRITTEN: &str = "rewritten";

/// Where a database stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    /// How many leaves its log has.
    pub(super) size: u64,
    /// Their root.
    pub(super) root: Hash,
    /// How often its rows were changed in place.
    pub(super) rewritten: u64,
    /// Whose log it is: its name and its key.
    pub(super) log: (Option<String>, Option<String>),
}

/// Where a session's database stands; `None` where it holds no log.
pub(super) fn standing(session: &Session<'_>) -> Result<Option<Standing>, StoreError> {
    let sql = "SELECT h.size, h.root, (SELECT value FROM registry WHERE name = $1),
        (SELECT value FROM registry WHERE name = 'origin'), (SELECT value FROM registry WHERE name = 'log key') FROM log_head h";
    let read = |row: &Row| {
        let rewritten = get::<Option<&str>>(row, 2)?.unwrap_or("0").parse();
        let rewritten = rewritten.map_err(|_| StoreError::Damaged(format!("the setting `{REWRITTEN}`")))?;
        let (size, root) = (number(row, 0)?, Hash(array(row, 1, "root")?));
        Ok(Standing { size, root, rewritten, log: (get(row, 3)?, get(row, 4)?) })
    };
    Ok(session.rows(sql, &[&REWRITTEN], read)?.pop())
}

/// Notes in a transaction that it changes rows in place.
pub(super) fn rewritten(session: &Session<'_>) -> Result<(), StoreError> {
    let sql = "INSERT INTO registry AS present (name, value) VALUES ($1, '1')
        ON CONFLICT (name) DO UPDATE SET value = (present.value::bigint + 1)::text";
    session.execute(sql, &[&REWRITTEN]).map(|_| ())
}

/// The newest of all that was seen; nothing until somebody first asks for it, so that a server without replicas notes nothing.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Option<Standing>>);

impl Seen {
    /// Notes a head.
    pub(super) fn head(&self, size: u64, root: Hash) {
        let mut present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = present.as_mut()
            && size > present.size
        {
            (present.size, present.root) = (size, root);
        }
    }

    /// Notes all of it: of two that were seen at once the later stays.
    pub(super) fn note(&self, stands: Standing) {
        let mut present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match present.as_mut() {
            Some(present) if present.size > stands.size => present.rewritten = present.rewritten.max(stands.rewritten),
            Some(present) => *present = Standing { rewritten: present.rewritten.max(stands.rewritten), ..stands },
            None => *present = Some(stands),
        }
    }

    /// The newest.
    pub(super) fn newest(&self) -> Option<Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(size: u64, rewritten: u64) -> Standing {
        Standing { size, root: Hash([size as u8; 32]), rewritten, log: (None, None) }
    }

    #[test]
    fn what_was_seen_never_goes_back() {
        let seen = Seen::default();
        seen.head(7, Hash([7; 32]));
        assert_eq!(seen.newest(), None);
        seen.note(stands(5, 1));
        seen.head(6, Hash([6; 32]));
        seen.head(4, Hash([4; 32]));
        assert_eq!(seen.newest(), Some(stands(6, 1)));
        // Two questions at once: the one that was answered first comes last.
        seen.note(stands(3, 2));
        assert_eq!(seen.newest(), Some(stands(6, 2)));
        seen.note(stands(8, 1));
        assert_eq!(seen.newest(), Some(stands(8, 2)));
    }
}
