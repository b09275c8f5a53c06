//! Loading: a table checked row by row, and its run written in order.

use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::id::{ListHasher, ListId};
use cleartitle_schema::issuer::Authority;
use cleartitle_schema::snapshot::{Room, Sorter};
use cleartitle_schema::surt::UrlKey;

use super::rows::{self, Group};
use super::run::{BLOCK_KEYS, Block, key};
use super::table::Table;
use super::{Fetch, KEY, TableError, each_piece};
use crate::store::StoreError;

/// Memory that keys are sorted in; what is more goes to files in the temporary folder that have no name.
const SORTED_IN_MEMORY: usize = 96 << 20;

/// How many blocks are written at once.
const TOGETHER: usize = 512;

/// Bytes of values that a file may stand for, for each that it has and besides: a row of a dictionary is repeated at no cost to who sends it.
const VALUES_PER_BYTE: u64 = 64;
const VALUES_ALWAYS: u64 = 1 << 30;

/// Bytes of the run that a file may ask for, for each that it has and besides: what is written of it counts in nobody's room. A name that is
/// a digest takes nearly as much in the file as here.
const RUN_PER_BYTE: u64 = 4;
const RUN_ALWAYS: u64 = 64 << 20;

/// What a loading is told, and tells.
pub struct Loading<'l> {
    /// Who signed the table.
    pub own: &'l Authority,
    /// Takes the next blocks, in order.
    pub put: &'l mut dyn FnMut(&[Block]) -> Result<(), TableError>,
    /// Is told how many rows were read, and says whether to go on.
    pub goes_on: &'l dyn Fn(u64) -> bool,
    /// It is in the log already: what admission asks beside soundness is not asked again, since what was registered stays registered.
    pub logged: bool,
}

/// Checks that the file is the list that was signed.
///
/// # Errors
/// [`TableError::Other`], [`TableError::Store`], [`TableError::Stopped`].
pub fn same_list(
    fetch: &Fetch<'_>,
    length: u64,
    list: &ListId,
    goes_on: &dyn Fn(u64) -> bool,
) -> Result<(), TableError> {
    let mut hasher = ListHasher::default();
    each_piece(fetch, length, |piece| {
        hasher.update(piece);
        if goes_on(0) { Ok(()) } else { Err(TableError::Stopped) }
    })?;
    let found = hasher.id();
    if found == *list { Ok(()) } else { Err(TableError::Other(format!("its digest is `{found}`"))) }
}

/// Reads every row of a file of this length, and then writes its run.
///
/// # Errors
/// [`TableError`]: the first thing that is wrong, with its place. Blocks may have been written then.
pub fn load(fetch: &Fetch<'_>, length: u64, rows: u64, loading: &mut Loading<'_>) -> Result<(), TableError> {
    let table = Table::open(fetch, length)?;
    if table.rows() != rows {
        return Err(TableError::Other(format!("it has {} rows, the statement says {rows}", table.rows())));
    }
    let scratch = |error: std::io::Error| StoreError::Backend(format!("sorting: {error}"));
    let mut room = Room::bounded(SORTED_IN_MEMORY, || Ok(Box::new(tempfile::tempfile()?)));
    let mut sorter = Sorter::within(SORTED_IN_MEMORY);
    let (mut row, mut values, mut names) = (0_u32, 0_u64, 0_u64);
    for group in 0..table.groups() {
        let mut reading = Group::open(&table, group, fetch)?;
        loop {
            let batch = reading.next_rows()?;
            if batch.is_empty() {
                break;
            }
            for cells in batch {
                let record = rows::acquisition(cells).map_err(|wrong| rows::at(group, u64::from(row), wrong))?;
                values += rows::length(cells) as u64;
                let shown = shows(&record, loading.own);
                names += record.content.len() as u64;
                for name in &record.content {
                    sorter.push(&mut room, &key(name, row, shown)).map_err(scratch)?;
                }
                row += 1;
            }
            if !loading.logged && values > VALUES_ALWAYS.max(length.saturating_mul(VALUES_PER_BYTE)) {
                return Err(TableError::Unsound(format!("{length} bytes stand for more than {values} of values")));
            }
            if !loading.logged && names * KEY as u64 > RUN_ALWAYS.max(length.saturating_mul(RUN_PER_BYTE)) {
                return Err(TableError::Unsound(format!("{length} bytes name more than {names} documents")));
            }
            if !(loading.goes_on)(u64::from(row)) {
                return Err(TableError::Stopped);
            }
        }
    }
    let mut sorted = sorter.sorted(&mut room).map_err(scratch)?;
    let (mut blocks, mut block, mut last, mut next) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    while sorted.next(&mut next).map_err(scratch)? {
        // A row that gives one name twice names it once.
        if next == last {
            continue;
        }
        block.extend_from_slice(&next);
        std::mem::swap(&mut last, &mut next);
        if block.len() == BLOCK_KEYS * KEY {
            blocks.push(Block(std::mem::take(&mut block)));
            if blocks.len() == TOGETHER {
                (loading.put)(&std::mem::take(&mut blocks))?;
                if !(loading.goes_on)(u64::from(row)) {
                    return Err(TableError::Stopped);
                }
            }
        }
    }
    if !block.is_empty() {
        blocks.push(Block(block));
    }
    if blocks.is_empty() { Ok(()) } else { (loading.put)(&blocks) }
}

/// Whether the signer showed the document under its own hosts. Of its own alone: a stranger's word about somebody else's would bar the
/// somebody from its own bytes.
fn shows(record: &Acquisition, own: &Authority) -> bool {
    record.fetched_url().is_some_and(|url| UrlKey::parse(url).is_ok_and(|url| url.authority() == *own))
}
