//! Provenance tables in PostgreSQL: files in parts, runs in blocks, uploads.

use std::ops::Range;

use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{ContentName, ListId, StatementId};
use cleartitle_schema::issuer::Authority;
use cleartitle_schema::provenance::PART;
use cleartitle_schema::statement::Body;
use cleartitle_schema::time::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::PostgresStore;
use super::read::{array, column, number};
use super::session::{CopyRow, Session, Value, WORKING, get};
use super::write::{damaged, integer};
use crate::provenance::{Block, Loading, keys, load, signed_by};
use crate::store::StoreError;
use crate::store::sqlite::SqliteStore;
use crate::store::uploads::{Loader, Named, NoRoom, Room, Taken, Upload, Uploads, named, not_whole, parts};

const COLUMNS: &str = "statement, envelope, authority, bytes, received, touched_at, code, detail";

/// How many parts of a file are copied in one transaction.
const PARTS_TOGETHER: usize = 32;

fn upload(row: &Row) -> Result<Upload, StoreError> {
    let (code, detail): (Option<String>, Option<String>) = (get(row, 6)?, get(row, 7)?);
    Ok(Upload {
        statement: StatementId(array(row, 0, "uploads")?),
        envelope: get(row, 1)?,
        authority: Authority::of_host(get(row, 2)?),
        bytes: number(row, 3)?,
        received: number(row, 4)?,
        touched_at: Timestamp(get(row, 5)?),
        refused: code.zip(detail),
    })
}

fn find(session: &Session<'_>, statement: &StatementId, lock: bool) -> Result<Option<Upload>, StoreError> {
    let lock = if lock { "FOR UPDATE" } else { "" };
    let sql = format!("SELECT {COLUMNS} FROM uploads WHERE statement = $1 {lock}");
    Ok(session.rows(&sql, &[&statement.0.as_slice()], upload)?.pop())
}

fn taken(session: &Session<'_>, authority: &Authority) -> Result<Taken, StoreError> {
    let ask = |sql: &str, values: &[Value<'_>]| -> Result<(u64, u64), StoreError> {
        let answer = session.rows(sql, values, |row| Ok((number(row, 0)?, number(row, 1)?)))?;
        Ok(answer.into_iter().next().unwrap_or_default())
    };
    let own: Value<'_> = &authority.as_str();
    let coming = "SELECT coalesce(sum(bytes), 0)::int8, count(*) FROM uploads WHERE code IS NULL";
    let there = "SELECT coalesce(sum(bytes), 0)::int8, count(*) FROM record_tables";
    let all = (ask(coming, &[])?, ask(there, &[])?);
    let own_coming = ask(&format!("{coming} AND authority = $1"), &[own])?;
    Ok(Taken::of(all, (own_coming, ask(&format!("{there} WHERE authority = $1"), &[own])?)))
}

fn delete_file(session: &Session<'_>, statement: &StatementId) -> Result<(), StoreError> {
    session.execute("DELETE FROM table_parts WHERE statement = $1", &[&statement.0.as_slice()])?;
    clear(session, statement)
}

fn clear(session: &Session<'_>, statement: &StatementId) -> Result<(), StoreError> {
    session.execute("DELETE FROM record_runs WHERE statement = $1", &[&statement.0.as_slice()]).map(|_| ())
}

/// A range of a table's file.
pub(super) fn file(session: &Session<'_>, id: &StatementId, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
    let sql = "SELECT substr(bytes, $3::int4, $4::int4) FROM table_parts WHERE statement = $1 AND part = $2";
    for (part, within) in parts(&range) {
        let (from, length) = (within.start as i32 + 1, (within.end - within.start) as i32);
        let piece: Option<Vec<u8>> = session.value(sql, &[&id.0.as_slice(), &column(part), &from, &length])?;
        bytes.extend_from_slice(&piece.unwrap_or_default());
    }
    if bytes.len() as u64 == range.end - range.start {
        return Ok(bytes);
    }
    Err(StoreError::Damaged(format!("the table of `{id}` lacks some of its bytes {range:?}")))
}

fn put_parts(session: &Session<'_>, statement: &StatementId, from: u64, bytes: &[u8]) -> Result<(), StoreError> {
    let row = |(part, bytes): (u64, &[u8])| -> Result<CopyRow, StoreError> {
        Ok(vec![Box::new(statement.0.to_vec()), Box::new(integer(part)?), Box::new(bytes.to_vec())])
    };
    let rows = (from..).zip(bytes.chunks(PART)).map(row).collect::<Result<Vec<_>, _>>()?;
    session.copy("table_parts (statement, part, bytes)", &[Type::BYTEA, Type::INT8, Type::BYTEA], &rows)
}

fn put_blocks(session: &Session<'_>, statement: &StatementId, blocks: &[Block]) -> Result<(), StoreError> {
    let row = |block: &Block| -> CopyRow {
        vec![Box::new(statement.0.to_vec()), Box::new(block.first().to_vec()), Box::new(block.0.clone())]
    };
    let rows: Vec<CopyRow> = blocks.iter().map(row).collect();
    session.copy("record_runs (statement, first, block)", &[Type::BYTEA, Type::BYTEA, Type::BYTEA], &rows)
}

/// Holds that a statement which is being committed has its run, where it is a table, and that nobody takes the run up before the commit.
pub(super) fn whole(session: &Session<'_>, registered: &Registered) -> Result<(), StoreError> {
    if signed_by(&registered.statement).is_none() {
        return Ok(());
    }
    // The head is held meanwhile: who has the row for as long as its run is cleared is not waited for.
    let sql = "SELECT loaded AND code IS NULL FROM uploads WHERE statement = $1 FOR UPDATE SKIP LOCKED";
    let whole = session.value::<bool>(sql, &[&registered.id.0.as_slice()])?;
    if whole == Some(true) { Ok(()) } else { Err(not_whole(&registered.id)) }
}

/// Whether a statement is in the log. Asked behind a lock of its upload: a commit of it holds that lock to its end.
fn is_logged(session: &Session<'_>, statement: &StatementId) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM statements WHERE id = $1)";
    Ok(session.value::<bool>(sql, &[&statement.0.as_slice()])? == Some(true))
}

/// That a manifest is a table, from its commit on.
pub(super) fn project(session: &Session<'_>, registered: &Registered, index: i64) -> Result<(), StoreError> {
    let Some((list, bytes)) = signed_by(&registered.statement) else { return Ok(()) };
    let sql = "INSERT INTO record_tables (idx, statement, list, authority, bytes) VALUES ($1, $2, $3, $4, $5)";
    let authority = registered.authority();
    let (id, list) = (registered.id.0.as_slice(), list.0.as_slice());
    session.execute(sql, &[&index, &id, &list, &authority.as_str(), &column(bytes)]).map(|_| ())
}

/// Makes the run of a table again from its file, where both are there.
pub(super) fn project_again(session: &Session<'_>, entry: &Registered) -> Result<(), StoreError> {
    let id = entry.id.0.as_slice();
    let sql = "SELECT EXISTS (SELECT 1 FROM record_tables WHERE statement = $1)
        AND EXISTS (SELECT 1 FROM table_parts WHERE statement = $1)";
    let Body::Manifest { rows, bytes, .. } = &entry.statement.body else { return Ok(()) };
    if session.value::<bool>(sql, &[&id])? != Some(true) {
        return Ok(());
    }
    let own = entry.authority();
    let mut put = |blocks: &[Block]| Ok(put_blocks(session, &entry.id, blocks)?);
    let mut loading = Loading { own: &own, put: &mut put, goes_on: &|_| true, logged: true };
    load(&|range| file(session, &entry.id, range), *bytes, *rows, &mut loading).map_err(damaged)
}

/// Deletes the file of a statement that is erased.
pub(super) fn erase(session: &Session<'_>, statement: &StatementId) -> Result<(), StoreError> {
    session.execute("DELETE FROM uploads WHERE statement = $1", &[&statement.0.as_slice()])?;
    delete_file(session, statement)
}

/// The tables that name a document. Of each run two blocks are read: that in which the document must begin, and the next where it begins
/// within the document.
pub(super) fn naming(session: &Session<'_>, name: &ContentName) -> Result<Vec<Named>, StoreError> {
    let (least, greatest) = keys(name);
    let sql = "SELECT t.idx, t.statement, t.authority, t.bytes,
            (SELECT r.block FROM record_runs r WHERE r.statement = t.statement AND r.first <= $1 ORDER BY r.first DESC LIMIT 1),
            (SELECT r.block FROM record_runs r WHERE r.statement = t.statement AND r.first > $1 AND r.first <= $2
             ORDER BY r.first LIMIT 1)
        FROM record_tables t ORDER BY t.idx";
    let tables = session.rows(sql, &[&least.as_slice(), &greatest.as_slice()], |row| {
        let blocks: [Option<Vec<u8>>; 2] = [get(row, 4)?, get(row, 5)?];
        let table = Named {
            index: number(row, 0)?,
            statement: StatementId(array(row, 1, "record_tables")?),
            authority: Authority::of_host(get(row, 2)?),
            bytes: number(row, 3)?,
            rows: Vec::new(),
        };
        Ok(named(table, &blocks.into_iter().flatten().map(Block).collect::<Vec<_>>(), name))
    })?;
    Ok(tables.into_iter().flatten().collect())
}

/// Copies the files of the tables in a registry's log, each whole before the next is begun; a run that stops is taken up.
pub(super) fn take_over(session: &Session<'_>, from: &SqliteStore) -> Result<(), StoreError> {
    let known = "SELECT behind FROM take_over_progress WHERE name = 'table_parts'";
    let next = session.value::<i64>(known, &[])?.unwrap_or(0).cast_unsigned();
    for (index, statement, length) in from.tables_from(next)? {
        session.execute("DELETE FROM table_parts WHERE statement = $1", &[&statement.0.as_slice()])?;
        let piece = (PARTS_TOGETHER * PART) as u64;
        for at in (0..length).step_by(PARTS_TOGETHER * PART) {
            let bytes = from.table_bytes(&statement, at..length.min(at + piece))?;
            put_parts(session, &statement, at / PART as u64, &bytes)?;
        }
        let note = "INSERT INTO take_over_progress (name, behind) VALUES ('table_parts', $1)
            ON CONFLICT (name) DO UPDATE SET behind = excluded.behind";
        session.execute(note, &[&column(index + 1)])?;
    }
    Ok(())
}

impl PostgresStore {
    /// Changes something whole or not at all, for as long as that takes: a file has tens of thousands of parts.
    fn at_length<T>(&self, work: impl FnOnce(&Session<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.apart(WORKING, |session| session.whole("BEGIN ISOLATION LEVEL READ COMMITTED", work))
    }
}

impl Uploads for PostgresStore {
    fn begin_upload(&self, new: &Upload, room: &Room) -> Result<Result<Upload, NoRoom>, StoreError> {
        self.transaction(|session| {
            // One at a time: what is taken must not change between the look and the row.
            session.run("LOCK TABLE uploads IN SHARE ROW EXCLUSIVE MODE")?;
            if let Some(begun) = find(session, &new.statement, false)?.filter(|begun| begun.refused.is_none()) {
                return Ok(Ok(begun));
            }
            // Of one that was refused or forgotten before.
            session.execute("DELETE FROM uploads WHERE statement = $1", &[&new.statement.0.as_slice()])?;
            if is_logged(session, &new.statement)? {
                // By another request, since the caller looked.
                return Ok(Ok(Upload { received: new.bytes, refused: None, ..new.clone() }));
            }
            delete_file(session, &new.statement)?;
            if let Err(why) = room.for_more(new.bytes, taken(session, &new.authority)?) {
                return Ok(Err(why));
            }
            // From a number of its own on: one who loaded it before it was refused is not taken for the one who loads it now.
            let sql = "INSERT INTO uploads (statement, envelope, authority, bytes, received, touched_at, loader)
                VALUES ($1, $2, $3, $4, 0, $5, floor(random() * 4611686018427387904)::int8)";
            let (id, authority) = (new.statement.0.as_slice(), new.authority.as_str());
            session.execute(sql, &[&id, &new.envelope, &authority, &integer(new.bytes)?, &new.touched_at.0])?;
            Ok(Ok(Upload { received: 0, refused: None, ..new.clone() }))
        })
    }

    fn upload(&self, statement: &StatementId) -> Result<Option<Upload>, StoreError> {
        self.read(|session| find(session, statement, false))
    }

    fn uploads(&self) -> Result<Vec<Upload>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM uploads ORDER BY touched_at, statement");
        self.read(|session| session.rows(&sql, &[], upload))
    }

    fn add_piece(
        &self,
        statement: &StatementId,
        at: u64,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<Option<Upload>, StoreError> {
        self.transaction(|session| {
            let Some(begun) = find(session, statement, true)? else { return Ok(None) };
            let Some(received) = begun.received_with(at, bytes) else { return Ok(None) };
            put_parts(session, statement, at / PART as u64, bytes)?;
            let sql = "UPDATE uploads SET received = $2, touched_at = $3 WHERE statement = $1";
            session.execute(sql, &[&statement.0.as_slice(), &integer(received)?, &now.0])?;
            Ok(Some(Upload { received, touched_at: now, ..begun }))
        })
    }

    fn refuse_upload(&self, statement: &StatementId, code: &str, detail: &str) -> Result<(), StoreError> {
        self.at_length(|session| {
            if find(session, statement, true)?.is_none_or(|it| it.refused.is_some()) || is_logged(session, statement)? {
                return Ok(());
            }
            delete_file(session, statement)?;
            let sql = "UPDATE uploads SET code = $2, detail = $3, received = 0, loaded = false, loader = loader + 1
                WHERE statement = $1";
            session.execute(sql, &[&statement.0.as_slice(), &code, &detail]).map(|_| ())
        })
    }

    fn end_upload(&self, statement: &StatementId) -> Result<(), StoreError> {
        self.at_length(|session| {
            session.execute("DELETE FROM uploads WHERE statement = $1", &[&statement.0.as_slice()])?;
            if is_logged(session, statement)? { Ok(()) } else { delete_file(session, statement) }
        })
    }

    fn forget_upload(&self, seen: &Upload) -> Result<(), StoreError> {
        self.at_length(|session| {
            let sql = "DELETE FROM uploads WHERE statement = $1 AND touched_at = $2 AND received = $3";
            let (id, received) = (seen.statement.0.as_slice(), integer(seen.received)?);
            let forgotten = session.execute(sql, &[&id, &seen.touched_at.0, &received])? == 1;
            if !forgotten || is_logged(session, &seen.statement)? {
                return Ok(());
            }
            delete_file(session, &seen.statement)
        })
    }

    fn table_bytes(&self, statement: &StatementId, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
        self.read(|session| file(session, statement, range.clone()))
    }

    fn table_of(&self, list: &ListId) -> Result<Option<(StatementId, u64)>, StoreError> {
        let sql = "SELECT statement, bytes FROM record_tables WHERE list = $1 ORDER BY idx LIMIT 1";
        let read = |row: &Row| Ok((StatementId(array(row, 0, "record_tables")?), number(row, 1)?));
        Ok(self.read(|session| session.rows(sql, &[&list.0.as_slice()], read))?.pop())
    }

    fn begin_load(&self, statement: &StatementId) -> Result<Option<Loader>, StoreError> {
        self.at_length(|session| {
            let whole = find(session, statement, true)?.filter(|it| it.refused.is_none() && it.received == it.bytes);
            if whole.is_none() || is_logged(session, statement)? {
                return Ok(None);
            }
            // First what takes long: a changed row holds up whoever begins another upload.
            clear(session, statement)?;
            let sql = "UPDATE uploads SET loader = loader + 1, loaded = false WHERE statement = $1 RETURNING loader";
            Ok(session.value::<i64>(sql, &[&statement.0.as_slice()])?.map(Loader))
        })
    }

    fn add_blocks(&self, statement: &StatementId, loader: Loader, blocks: &[Block]) -> Result<bool, StoreError> {
        self.transaction(|session| {
            let sql = "SELECT loader FROM uploads WHERE statement = $1 FOR SHARE";
            let last = session.value::<i64>(sql, &[&statement.0.as_slice()])? == Some(loader.0);
            if last {
                put_blocks(session, statement, blocks)?;
            }
            Ok(last)
        })
    }

    fn end_load(&self, statement: &StatementId, loader: Loader) -> Result<bool, StoreError> {
        self.transaction(|session| {
            let sql = "UPDATE uploads SET loaded = true WHERE statement = $1 AND loader = $2";
            Ok(session.execute(sql, &[&statement.0.as_slice(), &loader.0])? == 1)
        })
    }

    fn tables_naming(&self, name: &ContentName) -> Result<Vec<Named>, StoreError> {
        self.read(|session| naming(session, name))
    }

    fn sweep_tables(&self) -> Result<(), StoreError> {
        self.apart(WORKING, |session| {
            ["table_parts", "record_runs"].iter().try_for_each(|table| {
                session.run(&format!(
                    "DELETE FROM {table} f WHERE NOT EXISTS (SELECT 1 FROM uploads u WHERE u.statement = f.statement)
                     AND NOT EXISTS (SELECT 1 FROM statements s WHERE s.id = f.statement)"
                ))
            })
        })
    }
}
