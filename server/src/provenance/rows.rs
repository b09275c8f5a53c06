//! Rows of a provenance table as acquisitions: those of a row group in turn, or one by its number.

use bytes::Bytes;
use cleartitle_schema::acquisition::{Acquisition, CopyUrl, UrlRole};
use cleartitle_schema::id::{ContentId, ContentName, Sha256Alias, WarcSha1Alias};
use cleartitle_schema::provenance::{COLUMNS, MAX_ROW};
use cleartitle_schema::time::Timestamp;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use std::ops::Range;

use super::pages::{self, page_of};
use super::table::{Column, Form, Table, guarded, range};
use super::{Fetch, Place, TableError};
use crate::registration::{MAX_RECORD_DEPTH, nesting};
use crate::store::StoreError;

/// Rows that are read at once.
pub(super) const BATCH: usize = 256;

/// One value of a row.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Text(ByteArray),
    Digest(ByteArray),
    Seconds(i64),
}

/// The values of a row, by their place among [`COLUMNS`].
pub(super) type Cells = [Option<Cell>; COLUMNS.len()];

/// What is wrong with a row, and in which of [`COLUMNS`].
type Wrong = (Option<&'static str>, String);

/// What went wrong with a column: it is not sound, or could not be had.
pub(super) enum Fault {
    Why(String),
    Store(StoreError),
}

impl From<String> for Fault {
    fn from(why: String) -> Self {
        Self::Why(why)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    pub(super) fn at(self, group: usize, column: &Column) -> TableError {
        match self {
            Self::Why(why) => TableError::At { place: Place { group, column: Some(column.name()), row: None }, why },
            Self::Store(error) => TableError::Store(error),
        }
    }
}

/// A column of a row group that is being read.
struct Reading {
    column: Column,
    reader: ColumnReader,
    /// The level of a value that is there.
    deepest: i16,
}

impl Reading {
    /// Over pages that lie one behind the other in `bytes` and were walked before.
    fn open(table: &Table, group: usize, column: Column, bytes: Bytes, rows: u64) -> Result<Self, Fault> {
        let chunk = table.metadata.row_group(group).column(column.leaf);
        let descriptor = chunk.column_descr_ptr();
        let deepest = descriptor.max_def_level();
        let reader = guarded(|| Ok(get_column_reader(descriptor, pages::reader(chunk, bytes, rows)?)))?;
        Ok(Self { column, reader, deepest })
    }

    fn skip(&mut self, rows: usize) -> Result<(), Fault> {
        let skipped = guarded(|| match &mut self.reader {
            ColumnReader::ByteArrayColumnReader(reader) => reader.skip_records(rows),
            ColumnReader::FixedLenByteArrayColumnReader(reader) => reader.skip_records(rows),
            ColumnReader::Int64ColumnReader(reader) => reader.skip_records(rows),
            _ => Ok(0),
        })?;
        if skipped == rows { Ok(()) } else { Err(short().into()) }
    }

    /// The next value of each of these rows.
    fn fill(&mut self, rows: &mut [Cells]) -> Result<(), Fault> {
        let (known, deepest, form) = (self.column.known, self.deepest, self.column.form);
        guarded(|| match (&mut self.reader, form) {
            (ColumnReader::ByteArrayColumnReader(reader), Form::Text) => fill(reader, rows, known, deepest, Cell::Text),
            (ColumnReader::FixedLenByteArrayColumnReader(reader), Form::Digest) => {
                fill(reader, rows, known, deepest, |value| Cell::Digest(value.into()))
            }
            (ColumnReader::Int64ColumnReader(reader), Form::Ticks(each)) => {
                fill(reader, rows, known, deepest, |value: i64| Cell::Seconds(value.div_euclid(each)))
            }
            _ => Err(ParquetError::General("it is stored in another way than its schema says".to_owned())),
        })?;
        Ok(())
    }
}

fn short() -> String {
    "it has fewer rows than its row group claims".to_owned()
}

fn fill<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: &mut [Cells],
    known: usize,
    deepest: i16,
    cell: impl Fn(T::T) -> Cell,
) -> Result<(), ParquetError> {
    let (mut levels, mut values, mut done) = (Vec::new(), Vec::new(), 0);
    while done < rows.len() {
        levels.clear();
        values.clear();
        let (records, read, _) = reader.read_records(rows.len() - done, Some(&mut levels), None, &mut values)?;
        let there = if deepest == 0 { records } else { levels.iter().filter(|level| **level == deepest).count() };
        // A level that the schema has no room for says nothing of its value: one reader takes it for none, and the next gives up.
        let sound =
            deepest == 0 || (levels.len() == records && levels.iter().all(|level| (0..=deepest).contains(level)));
        if records == 0 || read != there || values.len() != there || !sound {
            return Err(ParquetError::EOF(short()));
        }
        let mut values = values.drain(..);
        for (at, row) in rows[done..done + records].iter_mut().enumerate() {
            if deepest == 0 || levels[at] == deepest {
                row[known] = values.next().map(&cell);
            }
        }
        done += records;
    }
    Ok(())
}

/// A row group whose rows are read in turn.
pub(super) struct Group<'t> {
    table: &'t Table,
    group: usize,
    readings: Vec<Reading>,
    next: u64,
    cells: Vec<Cells>,
}

impl<'t> Group<'t> {
    /// Reads the stored columns of a row group whole, and checks each page's claims.
    pub(super) fn open(table: &'t Table, group: usize, fetch: &Fetch<'_>) -> Result<Self, TableError> {
        let rows = table.rows_of(group);
        let open = |column: &Column| -> Result<Reading, Fault> {
            let at = range(table.metadata.row_group(group).column(column.leaf));
            let bytes = Bytes::from(fetch(at)?);
            let part = |range: Range<u64>| Ok::<_, Fault>(bytes.slice(range.start as usize..range.end as usize));
            pages::pages(bytes.len() as u64, rows, part)?;
            Reading::open(table, group, *column, bytes, rows)
        };
        let readings = table.columns.iter().map(|column| open(column).map_err(|fault| fault.at(group, column)));
        Ok(Self { table, group, readings: readings.collect::<Result<_, _>>()?, next: 0, cells: Vec::new() })
    }

    /// The next rows; none behind the last.
    pub(super) fn next_rows(&mut self) -> Result<&[Cells], TableError> {
        let left = usize::try_from(self.table.rows_of(self.group) - self.next).unwrap_or(usize::MAX);
        self.cells.clear();
        self.cells.resize(left.min(BATCH), Cells::default());
        for reading in &mut self.readings {
            reading.fill(&mut self.cells).map_err(|fault| fault.at(self.group, &reading.column))?;
        }
        self.next += self.cells.len() as u64;
        Ok(&self.cells)
    }
}

impl Table {
    /// One row, by its number in the file from 0; of each column one page is read.
    ///
    /// # Errors
    /// [`TableError`]; of a table that was loaded, [`TableError::Store`] alone, or what it holds has changed since.
    pub fn row(&self, fetch: &Fetch<'_>, row: u64) -> Result<Acquisition, TableError> {
        let (group, within) = self.place(row).ok_or_else(|| TableError::Other(format!("it has no row {}", row + 1)))?;
        let mut cells = [Cells::default()];
        for column in &self.columns {
            self.cell(fetch, group, within, *column, &mut cells).map_err(|fault| fault.at(group, column))?;
        }
        let [cells] = cells;
        acquisition(&cells).map_err(|wrong| at(group, row, wrong))
    }

    fn cell(
        &self,
        fetch: &Fetch<'_>,
        group: usize,
        within: u64,
        column: Column,
        cells: &mut [Cells],
    ) -> Result<(), Fault> {
        let at = range(self.metadata.row_group(group).column(column.leaf));
        let part = |range: Range<u64>| Ok::<_, Fault>(fetch(at.start + range.start..at.start + range.end)?.into());
        let pages = self.pages((group, column.leaf), || pages::pages(at.end - at.start, self.rows_of(group), part))?;
        let (needed, before) = page_of(&pages, within).ok_or_else(short)?;
        let mut bytes = Vec::new();
        for page in &needed {
            bytes.extend_from_slice(&part(page.bytes.clone())?);
        }
        let rows = needed.iter().map(|page| page.rows.end - page.rows.start).sum();
        let mut reading = Reading::open(self, group, column, bytes.into(), rows)?;
        reading.skip(usize::try_from(before).unwrap_or(usize::MAX))?;
        reading.fill(cells)
    }
}

/// Where a row is wrong.
pub(super) fn at(group: usize, row: u64, (column, why): Wrong) -> TableError {
    TableError::At { place: Place { group, column, row: Some(row + 1) }, why }
}

/// How many bytes the values of a row have.
pub(super) fn length(cells: &Cells) -> usize {
    let cell = |cell: &Cell| match cell {
        Cell::Text(bytes) | Cell::Digest(bytes) => bytes.len(),
        Cell::Seconds(_) => 8,
    };
    cells.iter().flatten().map(cell).sum()
}

/// What a row says. What is refused here was never registered, and what is taken has the same meaning as a line of a batch.
pub(super) fn acquisition(cells: &Cells) -> Result<Acquisition, Wrong> {
    let wrong = |known: usize, why: String| (Some(COLUMNS[known]), why);
    if length(cells) > MAX_ROW {
        return Err((None, format!("its values have more than {MAX_ROW} bytes")));
    }
    let text = |known: usize| match &cells[known] {
        Some(Cell::Text(bytes)) => match std::str::from_utf8(bytes.data()) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(wrong(known, "it is not UTF-8".to_owned())),
        },
        _ => Ok(None),
    };
    let mut record = match text(9)? {
        None => Acquisition::default(),
        Some(more) if nesting(more.as_bytes()) > MAX_RECORD_DEPTH => {
            return Err(wrong(9, format!("it is nested deeper than {MAX_RECORD_DEPTH}")));
        }
        Some(more) => serde_json::from_str(more).map_err(|error| wrong(9, error.to_string()))?,
    };
    let twice = |known: usize| wrong(9, format!("it says what the column `{}` says", COLUMNS[known]));
    let names = (0..3).filter_map(|known| name(cells, known).transpose()).collect::<Result<Vec<_>, _>>()?;
    record.content.splice(0..0, names);
    if record.content.is_empty() {
        return Err((None, "it names no content".to_owned()));
    }
    if let Some(url) = text(3)? {
        if record.fetched_url().is_some() {
            return Err(twice(3));
        }
        record.urls.insert(0, CopyUrl { role: UrlRole::Fetched, url: url.to_owned() });
    }
    for (known, time) in [(4, &mut record.captured_at), (5, &mut record.acquired_at), (6, &mut record.published_at)] {
        let said = match &cells[known] {
            None => continue,
            Some(Cell::Seconds(seconds)) => {
                Some(Timestamp(*seconds)).filter(|it| (Timestamp::MIN..=Timestamp::MAX).contains(it))
            }
            Some(_) => text(known)?.and_then(|text| text.parse().ok()),
        };
        let said = said.ok_or_else(|| wrong(known, "it is not a time such as 2026-01-02T03:04:05Z".to_owned()))?;
        if time.replace(said).is_some() {
            return Err(twice(known));
        }
    }
    if let Some(channel) = text(7)? {
        let said =
            channel.parse().map_err(|error: cleartitle_schema::vocab::UnknownWord| wrong(7, error.to_string()))?;
        if record.channel.replace(said).is_some() {
            return Err(twice(7));
        }
    }
    if let Some(access) = text(8)? {
        let said =
            access.parse().map_err(|error: cleartitle_schema::vocab::UnknownWord| wrong(8, error.to_string()))?;
        if record.access.replace(said).is_some() {
            return Err(twice(8));
        }
    }
    Ok(record)
}

/// The name that one of the first three columns has for the row's bytes.
fn name(cells: &Cells, known: usize) -> Result<Option<ContentName>, Wrong> {
    let wrong = |why: &str| (Some(COLUMNS[known]), why.to_owned());
    let name = match &cells[known] {
        None => return Ok(None),
        Some(Cell::Digest(bytes)) => {
            let bytes = bytes.data();
            let long = || bytes.try_into().map_err(|_| wrong("it is no digest of 32 bytes"));
            match known {
                0 => ContentName::Blake3(ContentId(long()?)),
                1 => ContentName::Sha256(Sha256Alias(long()?)),
                _ => ContentName::WarcSha1(WarcSha1Alias(
                    bytes.try_into().map_err(|_| wrong("it is no digest of 20 bytes"))?,
                )),
            }
        }
        Some(Cell::Text(bytes)) => {
            let text = std::str::from_utf8(bytes.data()).map_err(|_| wrong("it is not UTF-8"))?;
            text.parse().map_err(|error: cleartitle_schema::id::IdError| wrong(&error.to_string()))?
        }
        Some(Cell::Seconds(_)) => return Err(wrong("it is no digest")),
    };
    let fits = match known {
        0 => true,
        1 => matches!(name, ContentName::Sha256(_)),
        _ => matches!(name, ContentName::WarcSha1(_)),
    };
    if fits { Ok(Some(name)) } else { Err(wrong("it is a name of another kind")) }
}
