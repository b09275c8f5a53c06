//! What the registry keeps of provenance tables: their files in parts, how far each has come, and which of their rows name a document.

use std::ops::Range;

use cleartitle_schema::id::{ContentName, ListId, StatementId};
use cleartitle_schema::issuer::Authority;
use cleartitle_schema::provenance::PART;
use cleartitle_schema::time::Timestamp;

use super::StoreError;
pub use crate::provenance::Block;
use crate::provenance::found;

/// A table that is on its way into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The manifest statement.
    pub statement: StatementId,
    /// The envelope around it.
    pub envelope: Vec<u8>,
    /// Who signed it.
    pub authority: Authority,
    /// How many bytes the file has.
    pub bytes: u64,
    /// How many of them are here.
    pub received: u64,
    /// When something came last.
    pub touched_at: Timestamp,
    /// Why it was refused, as a problem's code and detail; then nothing of the file is kept.
    pub refused: Option<(String, String)>,
}

impl Upload {
    /// How many bytes are here with these, that begin at `at`; `None` where the upload does not go on there.
    pub(super) fn received_with(&self, at: u64, bytes: &[u8]) -> Option<u64> {
        let received = at + bytes.len() as u64;
        (self.received == at && self.refused.is_none() && received <= self.bytes).then_some(received)
    }
}

/// Who loads a table: of several that took it up, only the last one can write its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loader(pub(super) i64);

/// How much tables may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes of one authority's files, those on their way and those in the log.
    pub each: u64,
    /// Bytes of all files.
    pub all: u64,
    /// How many files: each is asked in every look-up.
    pub files: u64,
    /// How many of them may be one authority's, so that nobody takes all places.
    pub files_each: u64,
    /// Files of one authority on their way.
    pub uploads_each: u64,
}

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// One house has what it may have.
    #[error("the issuer's tables would have more than {0} bytes")]
    Each(u64),
    /// So have all.
    #[error("all tables would have more than {0} bytes")]
    All(u64),
    /// There are as many as are asked in one look-up.
    #[error("there are {0} tables already")]
    Files(u64),
    /// One house has as many as it may.
    #[error("the issuer has {0} tables already")]
    FilesEach(u64),
    /// One house sends as many at once as it may.
    #[error("the issuer has {0} tables on their way already")]
    Uploads(u64),
}

/// What is taken up already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) each: u64,
    pub(super) all: u64,
    pub(super) files: u64,
    pub(super) files_each: u64,
    pub(super) uploads_each: u64,
}

impl Taken {
    /// Of bytes and files: what is on its way and what is in the log, of all and of one authority.
    pub(super) fn of(all: ((u64, u64), (u64, u64)), own: ((u64, u64), (u64, u64))) -> Self {
        let ((coming, coming_files), (there, there_files)) = all;
        let ((own_coming, uploads_each), (own_there, own_files)) = own;
        Self {
            each: own_coming.saturating_add(own_there),
            all: coming.saturating_add(there),
            files: coming_files + there_files,
            files_each: uploads_each + own_files,
            uploads_each,
        }
    }
}

impl Room {
    /// Whether there is room for so many bytes more.
    pub(super) fn for_more(&self, bytes: u64, taken: Taken) -> Result<(), NoRoom> {
        if taken.uploads_each >= self.uploads_each {
            return Err(NoRoom::Uploads(self.uploads_each));
        }
        if taken.files_each >= self.files_each {
            return Err(NoRoom::FilesEach(self.files_each));
        }
        if taken.files >= self.files {
            return Err(NoRoom::Files(self.files));
        }
        if taken.each.saturating_add(bytes) > self.each {
            return Err(NoRoom::Each(self.each));
        }
        if taken.all.saturating_add(bytes) > self.all { Err(NoRoom::All(self.all)) } else { Ok(()) }
    }
}

/// Why a table's statement is not committed whose run is not whole: another server took its loading up, or it was forgotten.
pub(super) fn not_whole(statement: &StatementId) -> StoreError {
    StoreError::Backend(format!("the table of `{statement}` is not loaded"))
}

/// The rows of one table that name a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The leaf of the manifest statement.
    pub index: u64,
    /// That statement.
    pub statement: StatementId,
    /// Who signed it.
    pub authority: Authority,
    /// How many bytes its file has.
    pub bytes: u64,
    /// Rows from 0, at most [`ROWS_OF_ONE`], those that show the document under the signer's own hosts first: each with whether it does.
    pub rows: Vec<(u32, bool)>,
}

/// How many rows of one table are told of a document: fewer than a block of its run has, so that two blocks always tell them.
pub const ROWS_OF_ONE: usize = 64;

/// What two blocks of a table's run say of a document; `None` where they don't name it.
pub(super) fn named(mut table: Named, blocks: &[Block], name: &ContentName) -> Option<Named> {
    table.rows = found(blocks, name, ROWS_OF_ONE);
    if table.rows.is_empty() { None } else { Some(table) }
}

/// The parts of a file that hold this range of it: each with the range of the part that is asked for.
pub(super) fn parts(range: &Range<u64>) -> impl Iterator<Item = (u64, Range<u64>)> + use<> {
    let (start, end, part) = (range.start, range.end, PART as u64);
    (start / part..end.div_ceil(part)).map(move |number| {
        let first = number * part;
        (number, start.saturating_sub(first)..(end - first).min(part))
    })
}

/// Every name's first showing, of those in the table and those of runs, in the order in which each authority showed it first.
pub(super) fn merged(showings: Vec<(u64, Authority)>, named: &[Named], limit: usize) -> Vec<Authority> {
    let mut all = showings;
    let shown = named.iter().filter(|table| table.rows.first().is_some_and(|(_, shown)| *shown));
    all.extend(shown.map(|table| (table.index, table.authority.clone())));
    all.sort();
    let mut first: Vec<Authority> = Vec::new();
    for (_, authority) in all {
        if first.len() < limit && !first.contains(&authority) {
            first.push(authority);
        }
    }
    first
}

/// What the registry keeps of provenance tables. The contract of [`super::Store`] holds here too. A table's file and its run are seen by
/// readers from the commit of its manifest statement on, and not before.
pub trait Uploads: Send + Sync {
    /// Begins an upload, and gives it as it stands: one that was begun before goes on, one that was refused begins anew.
    ///
    /// # Errors
    /// [`StoreError`], as for every method.
    fn begin_upload(&self, upload: &Upload, room: &Room) -> Result<Result<Upload, NoRoom>, StoreError>;

    /// An upload.
    ///
    /// # Errors
    /// [`StoreError`].
    fn upload(&self, statement: &StatementId) -> Result<Option<Upload>, StoreError>;

    /// All uploads, those first to which something came longest ago.
    ///
    /// # Errors
    /// [`StoreError`].
    fn uploads(&self) -> Result<Vec<Upload>, StoreError>;

    /// Adds bytes that begin at `at`, which whole parts come before; how the upload stands then. Nothing is added where the upload does not
    /// go on there.
    ///
    /// # Errors
    /// [`StoreError`].
    fn add_piece(
        &self,
        statement: &StatementId,
        at: u64,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<Option<Upload>, StoreError>;

    /// Notes why an upload was refused, and deletes its file and its run; nothing where its statement is in the log.
    ///
    /// # Errors
    /// [`StoreError`].
    fn refuse_upload(&self, statement: &StatementId, code: &str, detail: &str) -> Result<(), StoreError>;

    /// Forgets an upload. The file stays where its statement is in the log, and goes with it otherwise.
    ///
    /// # Errors
    /// [`StoreError`].
    fn end_upload(&self, statement: &StatementId) -> Result<(), StoreError>;

    /// Forgets an upload to which nothing came since it was seen so, with its file; nothing where something did.
    ///
    /// # Errors
    /// [`StoreError`].
    fn forget_upload(&self, seen: &Upload) -> Result<(), StoreError>;

    /// A range of the bytes of a table's file, all of it; whether it is in the log or on its way.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where there are fewer.
    fn table_bytes(&self, statement: &StatementId, range: Range<u64>) -> Result<Vec<u8>, StoreError>;

    /// A table that is in the log and is this list: its statement and its length.
    ///
    /// # Errors
    /// [`StoreError`].
    fn table_of(&self, list: &ListId) -> Result<Option<(StatementId, u64)>, StoreError>;

    /// Takes up the loading of a table of which all bytes are here, and deletes what was written of its run: whoever had taken it up before
    /// can write no more of it. `None` where there is nothing to load: it is in the log, was refused, or is forgotten.
    ///
    /// # Errors
    /// [`StoreError`].
    fn begin_load(&self, statement: &StatementId) -> Result<Option<Loader>, StoreError>;

    /// Adds blocks to a run; `false`, and nothing is added, where the loader is the last one no longer.
    ///
    /// # Errors
    /// [`StoreError`].
    fn add_blocks(&self, statement: &StatementId, loader: Loader, blocks: &[Block]) -> Result<bool, StoreError>;

    /// Notes that a run is whole; `false` where the loader is the last one no longer. A table's statement can be committed after this alone.
    ///
    /// # Errors
    /// [`StoreError`].
    fn end_load(&self, statement: &StatementId, loader: Loader) -> Result<bool, StoreError>;

    /// The tables in the log that name a document, in log order.
    ///
    /// # Errors
    /// [`StoreError`].
    fn tables_naming(&self, name: &ContentName) -> Result<Vec<Named>, StoreError>;

    /// Deletes files and runs that are neither in the log nor on their way: what was left by a process that was killed.
    ///
    /// # Errors
    /// [`StoreError`].
    fn sweep_tables(&self) -> Result<(), StoreError>;
}
