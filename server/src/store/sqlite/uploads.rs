//! Provenance tables in SQLite: files in parts, runs in blocks, uploads.

use std::ops::Range;

use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{ContentName, ListId, StatementId};
use cleartitle_schema::issuer::Authority;
use cleartitle_schema::provenance::PART;
use cleartitle_schema::statement::Body;
use cleartitle_schema::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};

use super::read::{array, column, rows};
use super::write::{damaged, integer};
use super::{SqliteStore, failed, lock};
use crate::provenance::{Block, Loading, keys, load, signed_by};
use crate::store::StoreError;
use crate::store::uploads::{Loader, Named, NoRoom, Room, Taken, Upload, Uploads, named, not_whole, parts};

/// How many rows one transaction deletes: SQLite reads every page of what it deletes, and registrations wait meanwhile.
const STEP: usize = 64;

/// What is neither in the log nor on its way.
const NOBODYS: &str =
    "statement NOT IN (SELECT statement FROM uploads) AND statement NOT IN (SELECT id FROM statements)";

/// What is kept of a table.
const KEPT: [&str; 2] = ["table_parts", "record_runs"];

const COLUMNS: &str = "statement, envelope, authority, bytes, received, touched_at, code, detail";

fn upload(row: &Row<'_>) -> Result<Upload, StoreError> {
    let authority: String = row.get(2).map_err(failed)?;
    let (code, detail): (Option<String>, Option<String>) = (row.get(6).map_err(failed)?, row.get(7).map_err(failed)?);
    Ok(Upload {
        statement: StatementId(array(row, 0, "uploads")?),
        envelope: row.get(1).map_err(failed)?,
        authority: Authority::of_host(&authority),
        bytes: row.get::<_, i64>(3).map_err(failed)?.cast_unsigned(),
        received: row.get::<_, i64>(4).map_err(failed)?.cast_unsigned(),
        touched_at: Timestamp(row.get(5).map_err(failed)?),
        refused: code.zip(detail),
    })
}

fn find(connection: &Connection, statement: &StatementId) -> Result<Option<Upload>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM uploads WHERE statement = ?1");
    Ok(rows(connection, &sql, [statement.0], upload)?.pop())
}

fn taken(connection: &Connection, authority: &Authority) -> Result<Taken, StoreError> {
    let ask = |sql: &str, values: &[&dyn rusqlite::ToSql]| -> Result<(u64, u64), StoreError> {
        let answer = connection.query_row(sql, values, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        answer.map(|(bytes, files)| (bytes.cast_unsigned(), files.cast_unsigned())).map_err(failed)
    };
    let own: &dyn rusqlite::ToSql = &authority.as_str();
    let coming = "SELECT coalesce(sum(bytes), 0), count(*) FROM uploads WHERE code IS NULL";
    let there = "SELECT coalesce(sum(bytes), 0), count(*) FROM record_tables";
    let all = (ask(coming, &[])?, ask(there, &[])?);
    let own_coming = ask(&format!("{coming} AND authority = ?1"), &[own])?;
    Ok(Taken::of(all, (own_coming, ask(&format!("{there} WHERE authority = ?1"), &[own])?)))
}

fn delete_file(connection: &Connection, statement: &StatementId) -> Result<(), StoreError> {
    connection.execute("DELETE FROM table_parts WHERE statement = ?1", [statement.0]).map_err(failed)?;
    connection.execute("DELETE FROM record_runs WHERE statement = ?1", [statement.0]).map(|_| ()).map_err(failed)
}

/// A range of a table's file.
pub(super) fn file(connection: &Connection, id: &StatementId, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
    let sql = "SELECT substr(bytes, ?3, ?4) FROM table_parts WHERE statement = ?1 AND part = ?2";
    for (part, within) in parts(&range) {
        let (from, length) = (within.start as i64 + 1, (within.end - within.start) as i64);
        let piece: Option<Vec<u8>> = connection
            .prepare_cached(sql)
            .and_then(|mut ask| ask.query_row(params![id.0, column(part), from, length], |row| row.get(0)).optional())
            .map_err(failed)?;
        bytes.extend_from_slice(&piece.unwrap_or_default());
    }
    if bytes.len() as u64 == range.end - range.start {
        return Ok(bytes);
    }
    Err(StoreError::Damaged(format!("the table of `{id}` lacks some of its bytes {range:?}")))
}

fn put_blocks(connection: &Connection, statement: &StatementId, blocks: &[Block]) -> Result<(), StoreError> {
    let sql = "INSERT INTO record_runs (statement, first, block) VALUES (?1, ?2, ?3)";
    let mut insert = connection.prepare_cached(sql).map_err(failed)?;
    for block in blocks {
        insert.execute(params![statement.0, block.first(), block.0]).map_err(failed)?;
    }
    Ok(())
}

fn is_logged(connection: &Connection, statement: &StatementId) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM statements WHERE id = ?1)";
    connection.query_row(sql, [statement.0], |row| row.get(0)).map_err(failed)
}

/// Holds that a statement which is being committed has its run, where it is a table.
pub(super) fn whole(connection: &Connection, registered: &Registered) -> Result<(), StoreError> {
    if signed_by(&registered.statement).is_none() {
        return Ok(());
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM uploads WHERE statement = ?1 AND loaded AND code IS NULL)";
    let whole: bool = connection.query_row(sql, [registered.id.0], |row| row.get(0)).map_err(failed)?;
    if whole { Ok(()) } else { Err(not_whole(&registered.id)) }
}

/// That a manifest is a table, from its commit on.
pub(super) fn project(connection: &Connection, registered: &Registered, index: i64) -> Result<(), StoreError> {
    let Some((list, bytes)) = signed_by(&registered.statement) else { return Ok(()) };
    let sql = "INSERT INTO record_tables (idx, statement, list, authority, bytes) VALUES (?1, ?2, ?3, ?4, ?5)";
    let authority = registered.authority();
    connection
        .prepare_cached(sql)
        .and_then(|mut insert| {
            insert.execute(params![index, registered.id.0, list.0, authority.as_str(), column(bytes)])
        })
        .map(|_| ())
        .map_err(failed)
}

/// Makes the run of a table again from its file, where both are there.
pub(super) fn project_again(derived: &Connection, primary: &Connection, entry: &Registered) -> Result<(), StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM record_tables WHERE statement = ?1)";
    let is_table: bool = derived.query_row(sql, [entry.id.0], |row| row.get(0)).map_err(failed)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM table_parts WHERE statement = ?1)";
    let is_kept: bool = primary.query_row(sql, [entry.id.0], |row| row.get(0)).map_err(failed)?;
    let Body::Manifest { rows, bytes, .. } = &entry.statement.body else { return Ok(()) };
    if !is_table || !is_kept {
        return Ok(());
    }
    let own = entry.authority();
    let mut put = |blocks: &[Block]| Ok(put_blocks(derived, &entry.id, blocks)?);
    let mut loading = Loading { own: &own, put: &mut put, goes_on: &|_| true, logged: true };
    load(&|range| file(primary, &entry.id, range), *bytes, *rows, &mut loading).map_err(damaged)
}

/// Deletes the file of a statement that is erased.
pub(super) fn erase(connection: &Connection, statement: &StatementId) -> Result<(), StoreError> {
    connection.execute("DELETE FROM uploads WHERE statement = ?1", [statement.0]).map_err(failed)?;
    delete_file(connection, statement)
}

/// The tables that name a document. Of each run two blocks are read: that in which the document must begin, and the next where it begins
/// within the document.
pub(super) fn naming(connection: &Connection, name: &ContentName) -> Result<Vec<Named>, StoreError> {
    let (least, greatest) = keys(name);
    let sql = "SELECT t.idx, t.statement, t.authority, t.bytes,
            (SELECT r.block FROM record_runs r WHERE r.statement = t.statement AND r.first <= ?1 ORDER BY r.first DESC LIMIT 1),
            (SELECT r.block FROM record_runs r WHERE r.statement = t.statement AND r.first > ?1 AND r.first <= ?2
             ORDER BY r.first LIMIT 1)
        FROM record_tables t ORDER BY t.idx";
    let tables = rows(connection, sql, params![least.as_slice(), greatest.as_slice()], |row| {
        let authority: String = row.get(2).map_err(failed)?;
        let blocks: [Option<Vec<u8>>; 2] = [row.get(4).map_err(failed)?, row.get(5).map_err(failed)?];
        let table = Named {
            index: row.get::<_, i64>(0).map_err(failed)?.cast_unsigned(),
            statement: StatementId(array(row, 1, "record_tables")?),
            authority: Authority::of_host(&authority),
            bytes: row.get::<_, i64>(3).map_err(failed)?.cast_unsigned(),
            rows: Vec::new(),
        };
        Ok(named(table, &blocks.into_iter().flatten().map(Block).collect::<Vec<_>>(), name))
    })?;
    Ok(tables.into_iter().flatten().collect())
}

impl SqliteStore {
    fn change<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut writer = lock(&self.writer);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let done = work(&transaction)?;
        transaction.commit().map_err(failed)?;
        Ok(done)
    }

    /// Deletes the rows of these tables for which this holds, some at a time.
    fn delete_in_steps(&self, tables: &[&str], holds: &str, values: &[&dyn rusqlite::ToSql]) -> Result<(), StoreError> {
        for table in tables {
            let sql =
                format!("DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {holds} LIMIT {STEP})");
            while self.change(|connection| connection.execute(&sql, values).map_err(failed))? == STEP {}
        }
        Ok(())
    }

    /// The tables in the log from this index on: each with its index, its statement and its length.
    pub(in crate::store) fn tables_from(&self, index: u64) -> Result<Vec<(u64, StatementId, u64)>, StoreError> {
        let sql = "SELECT idx, statement, bytes FROM record_tables WHERE idx >= ?1 ORDER BY idx";
        self.read(|connection| {
            rows(connection, sql, [column(index)], |row| {
                let number = |place| row.get::<_, i64>(place).map(i64::cast_unsigned).map_err(failed);
                Ok((number(0)?, StatementId(array(row, 1, "record_tables")?), number(2)?))
            })
        })
    }
}

impl Uploads for SqliteStore {
    fn begin_upload(&self, new: &Upload, room: &Room) -> Result<Result<Upload, NoRoom>, StoreError> {
        self.change(|connection| {
            if let Some(begun) = find(connection, &new.statement)?.filter(|begun| begun.refused.is_none()) {
                return Ok(Ok(begun));
            }
            // Of one that was refused or forgotten some parts may still be on their way out.
            connection.execute("DELETE FROM uploads WHERE statement = ?1", [new.statement.0]).map_err(failed)?;
            if is_logged(connection, &new.statement)? {
                // By another request, since the caller looked.
                return Ok(Ok(Upload { received: new.bytes, refused: None, ..new.clone() }));
            }
            delete_file(connection, &new.statement)?;
            if let Err(why) = room.for_more(new.bytes, taken(connection, &new.authority)?) {
                return Ok(Err(why));
            }
            // From a number of its own on: one who loaded it before it was refused is not taken for the one who loads it now.
            let sql = "INSERT INTO uploads (statement, envelope, authority, bytes, received, touched_at, loader)
                VALUES (?1, ?2, ?3, ?4, 0, ?5, abs(random() >> 1))";
            let (authority, bytes) = (new.authority.as_str(), integer(new.bytes)?);
            connection
                .execute(sql, params![new.statement.0, new.envelope, authority, bytes, new.touched_at.0])
                .map_err(failed)?;
            Ok(Ok(Upload { received: 0, refused: None, ..new.clone() }))
        })
    }

    fn upload(&self, statement: &StatementId) -> Result<Option<Upload>, StoreError> {
        self.read(|connection| find(connection, statement))
    }

    fn uploads(&self) -> Result<Vec<Upload>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM uploads ORDER BY touched_at, statement");
        self.read(|connection| rows(connection, &sql, [], upload))
    }

    fn add_piece(
        &self,
        statement: &StatementId,
        at: u64,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<Option<Upload>, StoreError> {
        self.change(|connection| {
            let Some(begun) = find(connection, statement)? else { return Ok(None) };
            let Some(received) = begun.received_with(at, bytes) else { return Ok(None) };
            let sql = "INSERT INTO table_parts (statement, part, bytes) VALUES (?1, ?2, ?3)";
            let mut insert = connection.prepare_cached(sql).map_err(failed)?;
            for (part, bytes) in (at / PART as u64..).zip(bytes.chunks(PART)) {
                insert.execute(params![statement.0, integer(part)?, bytes]).map_err(failed)?;
            }
            let sql = "UPDATE uploads SET received = ?2, touched_at = ?3 WHERE statement = ?1";
            connection.execute(sql, params![statement.0, integer(received)?, now.0]).map_err(failed)?;
            Ok(Some(Upload { received, touched_at: now, ..begun }))
        })
    }

    fn refuse_upload(&self, statement: &StatementId, code: &str, detail: &str) -> Result<(), StoreError> {
        self.change(|connection| {
            let sql = "UPDATE uploads SET code = ?2, detail = ?3, received = 0, loaded = 0, loader = loader + 1
                WHERE statement = ?1 AND statement NOT IN (SELECT id FROM statements)";
            connection.execute(sql, params![statement.0, code, detail]).map(|_| ()).map_err(failed)
        })?;
        self.delete_in_steps(
            &KEPT,
            "statement = ?1 AND EXISTS (SELECT 1 FROM uploads WHERE statement = ?1 AND code IS NOT NULL)",
            &[&statement.0],
        )
    }

    fn end_upload(&self, statement: &StatementId) -> Result<(), StoreError> {
        self.change(|connection| {
            connection.execute("DELETE FROM uploads WHERE statement = ?1", [statement.0]).map(|_| ()).map_err(failed)
        })?;
        self.delete_in_steps(&KEPT, &format!("statement = ?1 AND {NOBODYS}"), &[&statement.0])
    }

    fn forget_upload(&self, seen: &Upload) -> Result<(), StoreError> {
        self.change(|connection| {
            let sql = "DELETE FROM uploads WHERE statement = ?1 AND touched_at = ?2 AND received = ?3";
            let values = params![seen.statement.0, seen.touched_at.0, integer(seen.received)?];
            connection.execute(sql, values).map(|_| ()).map_err(failed)
        })?;
        self.delete_in_steps(&KEPT, &format!("statement = ?1 AND {NOBODYS}"), &[&seen.statement.0])
    }

    fn table_bytes(&self, statement: &StatementId, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
        self.read(|connection| file(connection, statement, range))
    }

    fn table_of(&self, list: &ListId) -> Result<Option<(StatementId, u64)>, StoreError> {
        let sql = "SELECT statement, bytes FROM record_tables WHERE list = ?1 ORDER BY idx LIMIT 1";
        let read = |row: &Row<'_>| {
            let bytes = row.get::<_, i64>(1).map_err(failed)?.cast_unsigned();
            Ok((StatementId(array(row, 0, "record_tables")?), bytes))
        };
        Ok(self.read(|connection| rows(connection, sql, [list.0], read))?.pop())
    }

    fn begin_load(&self, statement: &StatementId) -> Result<Option<Loader>, StoreError> {
        let loader = self.change(|connection| {
            let sql = "UPDATE uploads SET loader = loader + 1, loaded = 0 WHERE statement = ?1 AND code IS NULL
                AND received = bytes AND statement NOT IN (SELECT id FROM statements) RETURNING loader";
            connection.query_row(sql, [statement.0], |row| row.get(0)).optional().map_err(failed)
        })?;
        if loader.is_some() {
            self.delete_in_steps(&["record_runs"], "statement = ?1", &[&statement.0])?;
        }
        Ok(loader.map(Loader))
    }

    fn add_blocks(&self, statement: &StatementId, loader: Loader, blocks: &[Block]) -> Result<bool, StoreError> {
        self.change(|connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM uploads WHERE statement = ?1 AND loader = ?2)";
            let last: bool =
                connection.query_row(sql, params![statement.0, loader.0], |row| row.get(0)).map_err(failed)?;
            if last {
                put_blocks(connection, statement, blocks)?;
            }
            Ok(last)
        })
    }

    fn end_load(&self, statement: &StatementId, loader: Loader) -> Result<bool, StoreError> {
        self.change(|connection| {
            let sql = "UPDATE uploads SET loaded = 1 WHERE statement = ?1 AND loader = ?2";
            connection.execute(sql, params![statement.0, loader.0]).map(|rows| rows == 1).map_err(failed)
        })
    }

    fn tables_naming(&self, name: &ContentName) -> Result<Vec<Named>, StoreError> {
        self.read(|connection| naming(connection, name))
    }

    fn sweep_tables(&self) -> Result<(), StoreError> {
        self.delete_in_steps(&KEPT, NOBODYS, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_and_what_was_acknowledged_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("registry.sqlite")).unwrap();
        let statement = StatementId([1; 32]);
        let authority: Authority = "press.example".parse::<cleartitle_schema::issuer::Domain>().unwrap().authority();
        let bytes = 64 * PART as u64;
        let (envelope, touched_at) = (b"{}".to_vec(), Timestamp(0));
        let new = Upload { statement, envelope, authority, bytes, received: 0, touched_at, refused: None };
        let room = Room { each: bytes, all: bytes, files: 9, files_each: 9, uploads_each: 9 };
        store.begin_upload(&new, &room).unwrap().unwrap();
        // SQLite's own bound stands for the disk's: the code that comes of both is one.
        let pages = |most: i64| {
            lock(&store.writer).pragma_update_and_check(None, "max_page_count", most, |_| Ok(())).unwrap();
        };
        pages(700);
        let piece = vec![7; 8 * PART];
        let add = |at: usize| store.add_piece(&statement, at as u64, &piece, Timestamp(1));
        assert_eq!(add(0).unwrap().unwrap().received, piece.len() as u64);
        assert!(matches!(add(piece.len()), Err(StoreError::Full(_))));
        assert_eq!(store.upload(&statement).unwrap().unwrap().received, piece.len() as u64);
        assert_eq!(store.table_bytes(&statement, 0..piece.len() as u64).unwrap(), piece);
        pages(1 << 20);
        assert_eq!(add(piece.len()).unwrap().unwrap().received, 2 * piece.len() as u64);
    }

    #[test]
    fn a_range_is_read_over_parts_and_nothing_beyond_them() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("registry.sqlite")).unwrap();
        let statement = StatementId([1; 32]);
        let authority: Authority = "press.example".parse::<cleartitle_schema::issuer::Domain>().unwrap().authority();
        let bytes: Vec<u8> = (0..2 * PART + 77).map(|at| (at % 251) as u8).collect();
        let (envelope, touched_at, length) = (b"{}".to_vec(), Timestamp(0), bytes.len() as u64);
        let new = Upload { statement, envelope, authority, bytes: length, received: 0, touched_at, refused: None };
        let room = Room { each: length, all: length, files: 9, files_each: 9, uploads_each: 9 };
        store.begin_upload(&new, &room).unwrap().unwrap();
        store.add_piece(&statement, 0, &bytes, Timestamp(1)).unwrap().unwrap();
        for range in [0..bytes.len(), 5..6, PART - 1..PART + 1, PART..2 * PART, 2 * PART + 70..bytes.len()]
            .map(|range| range.start as u64..range.end as u64)
        {
            let found = store.table_bytes(&statement, range.clone()).unwrap();
            assert_eq!(found, bytes[range.start as usize..range.end as usize], "{range:?}");
        }
        assert!(matches!(store.table_bytes(&statement, 0..length + 1), Err(StoreError::Damaged(_))));
        // What was left by somebody who is gone is swept, what is on its way is not.
        store.sweep_tables().unwrap();
        assert_eq!(store.table_bytes(&statement, 0..9).unwrap(), bytes[..9]);
        lock(&store.writer).execute("DELETE FROM uploads", []).unwrap();
        store.sweep_tables().unwrap();
        assert!(store.table_bytes(&statement, 0..9).is_err());
    }
}
