//! The rows of a columnar index, by Common Crawl's names: what each says of a record that lies in another file.
use std::borrow::Cow;
use std::ops::Range;

use cleartitle_schema::time::Timestamp;
use parquet::basic::Type;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use super::super::index::{Capture, sha1_of, shortened};
use super::super::store::Stored;
use super::chunk::Nested;
use super::rows::not_deeper;
use super::table::{Columns, DateKind, Table, TableError, date_kind, guarded};

/// Rows that are read at once. The pages that they reach over are bounded as those of one nested record are.
const BATCH: usize = 1_024;

/// The columns, by Common Crawl's names.
const NAMES: [&str; 6] =
    ["url", "content_digest", "fetch_time", "warc_filename", "warc_record_offset", "warc_record_length"];

/// A columnar index.
#[derive(Debug)]
pub struct Columnar {
    table: Table,
    /// Where those of [`NAMES`] stand.
    columns: [usize; 6],
    date: DateKind,
}

impl Columnar {
    /// Opens an index.
    ///
    /// # Errors
    /// When its footer is unsound, or lacks a column that is needed.
    pub fn open(stored: Stored, name: &str) -> Result<Self, TableError> {
        let mut found = None;
        let table = Table::open_by(stored, name, |metadata| {
            let (columns, date) = find(metadata, name)?;
            found = Some((columns, date));
            let [url, _, fetched, ..] = columns;
            Ok(Columns { text: url, url: Some(url), id: None, date: Some((fetched, date)) })
        })?;
        let Some((columns, date)) = found else { return Err(unsupported(name, "without its columns".to_owned())) };
        Ok(Self { table, columns, date })
    }

    /// The table, for writing its rows.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// Begins to read a row group.
    ///
    /// # Errors
    /// When a column can't be opened.
    pub fn captures(&self, group: usize) -> Result<Captures<'_>, TableError> {
        let mut readers = Vec::with_capacity(self.columns.len());
        for column in self.columns {
            let descr = self.table.metadata.row_group(group).column(column).column_descr_ptr();
            let bound = Nested::default();
            let pages = self.table.pages_of(group, column, Some(bound.clone()))?;
            readers.push((get_column_reader(descr, pages), bound));
        }
        Ok(Captures { index: self, group, readers, left: self.table.rows_of(group), first: 0, cells: Cells::default() })
    }
}

fn unsupported(name: &str, detail: String) -> TableError {
    let hint = "an index has the columns url, content_digest, fetch_time, warc_filename, warc_record_offset, warc_record_length";
    TableError::Unsupported { name: name.to_owned(), detail, hint }
}

fn find(metadata: &ParquetMetaData, name: &str) -> Result<([usize; 6], DateKind), TableError> {
    let schema = metadata.file_metadata().schema_descr();
    let mut columns = [0; 6];
    for (wanted, place) in NAMES.iter().zip(&mut columns) {
        let mut named = (0..schema.num_columns()).filter(|at| schema.column(*at).path().string() == *wanted);
        let at = named.next().ok_or_else(|| unsupported(name, format!("without a column `{wanted}`")))?;
        // Another reader may take the other column.
        if named.next().is_some() || schema.column(at).max_rep_level() > 0 {
            return Err(unsupported(name, format!("whose `{wanted}` is not one column of single values")));
        }
        let kind = schema.column(at).physical_type();
        let fits = match *wanted {
            "fetch_time" => true,
            "warc_record_offset" | "warc_record_length" => matches!(kind, Type::INT32 | Type::INT64),
            _ => kind == Type::BYTE_ARRAY,
        };
        if !fits {
            return Err(unsupported(name, format!("whose `{wanted}` is of the type {kind}")));
        }
        *place = at;
    }
    let column = schema.column(columns[2]);
    let date = date_kind(column.physical_type(), column.logical_type_ref(), column.converted_type());
    let date = date.ok_or_else(|| unsupported(name, "whose `fetch_time` is no date".to_owned()))?;
    Ok((columns, date))
}

/// The values of some rows, column by column.
#[derive(Default)]
struct Cells {
    url: Vec<Option<ByteArray>>,
    digest: Vec<Option<ByteArray>>,
    date: Vec<Option<Moment>>,
    file: Vec<Option<ByteArray>>,
    offset: Vec<Option<i64>>,
    length: Vec<Option<i64>>,
}

pub(super) enum Moment {
    Text(ByteArray),
    Seconds(i64),
}

/// A row group being read.
pub struct Captures<'a> {
    index: &'a Columnar,
    group: usize,
    readers: Vec<(ColumnReader, Nested)>,
    left: u64,
    first: u64,
    cells: Cells,
}

impl Captures<'_> {
    /// Reads the next rows and says which they are; none at the end of the row group.
    ///
    /// # Errors
    /// When a column is damaged, or has fewer rows than the row group claims.
    pub fn next_rows(&mut self) -> Result<Range<u64>, TableError> {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(BATCH);
        if count == 0 {
            return Ok(self.first..self.first);
        }
        let Self { index, group, readers, cells, .. } = self;
        for (at, (reader, bound)) in readers.iter_mut().enumerate() {
            let row_group = index.table.metadata.row_group(*group);
            let count = (count, row_group.column(index.columns[at]).column_descr().max_def_level());
            let read = match at {
                0 => texts(reader, count, &mut cells.url),
                1 => texts(reader, count, &mut cells.digest),
                2 => moments(reader, index.date, count, &mut cells.date),
                3 => texts(reader, count, &mut cells.file),
                4 => numbers(reader, count, &mut cells.offset),
                _ => numbers(reader, count, &mut cells.length),
            };
            read.map_err(|error| index.table.damaged(*group, index.columns[at], &error))?;
            bound.record_ended();
        }
        let first = self.first;
        self.first += count as u64;
        self.left -= count as u64;
        Ok(first..self.first)
    }

    /// A row of those read last, by its place among them.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn capture(&self, at: usize) -> Result<Capture<'_>, String> {
        let cells = &self.cells;
        let lacks = |name: &str| format!("`{name}` is null");
        let captured_at = match cells.date[at].as_ref().ok_or_else(|| lacks("fetch_time"))? {
            Moment::Text(value) => Timestamp::from_warc_date(utf8(value, "fetch_time")?),
            Moment::Seconds(seconds) => {
                Some(Timestamp(*seconds)).filter(|moment| (Timestamp::MIN..=Timestamp::MAX).contains(moment))
            }
        };
        let number = |name: &str, cell: Option<i64>| {
            let number = cell.ok_or_else(|| lacks(name))?;
            u64::try_from(number).map_err(|_| format!("`{name}` is {number}"))
        };
        Ok(Capture {
            url: Cow::Borrowed(shown(&cells.url[at], "url")?),
            captured_at: captured_at.ok_or_else(|| "`fetch_time` is no date".to_owned())?,
            sha1: match &cells.digest[at] {
                None => None,
                Some(value) => sha1_of(utf8(value, "content_digest")?)?,
            },
            file: Cow::Borrowed(shown(&cells.file[at], "warc_filename")?),
            offset: number("warc_record_offset", cells.offset[at])?,
            length: number("warc_record_length", cells.length[at])?,
            revisit: false,
        })
    }
}

fn shown<'v>(cell: &'v Option<ByteArray>, name: &str) -> Result<&'v str, String> {
    match cell {
        Some(value) if !value.is_empty() => utf8(value, name),
        _ => Err(format!("`{name}` is null or empty")),
    }
}

fn utf8<'v>(value: &'v ByteArray, name: &str) -> Result<&'v str, String> {
    std::str::from_utf8(value.data())
        .map_err(|_| format!("`{name}` is not UTF-8: `{}`", shortened(&String::from_utf8_lossy(value.data()))))
}

pub(super) fn texts(
    reader: &mut ColumnReader,
    count: (usize, i16),
    cells: &mut Vec<Option<ByteArray>>,
) -> Result<(), ParquetError> {
    match reader {
        ColumnReader::ByteArrayColumnReader(reader) => values(reader, count, cells, |value| value),
        _ => Err(other()),
    }
}

fn numbers(reader: &mut ColumnReader, count: (usize, i16), cells: &mut Vec<Option<i64>>) -> Result<(), ParquetError> {
    match reader {
        ColumnReader::Int32ColumnReader(reader) => values(reader, count, cells, i64::from),
        ColumnReader::Int64ColumnReader(reader) => values(reader, count, cells, |value| value),
        _ => Err(other()),
    }
}

pub(super) fn moments(
    reader: &mut ColumnReader,
    kind: DateKind,
    count: (usize, i16),
    cells: &mut Vec<Option<Moment>>,
) -> Result<(), ParquetError> {
    match (reader, kind) {
        (ColumnReader::ByteArrayColumnReader(reader), DateKind::Text) => values(reader, count, cells, Moment::Text),
        (ColumnReader::Int64ColumnReader(reader), DateKind::Ticks(each)) => {
            values(reader, count, cells, |value| Moment::Seconds(value.div_euclid(each)))
        }
        (ColumnReader::Int32ColumnReader(reader), DateKind::Days) => {
            values(reader, count, cells, |value| Moment::Seconds(i64::from(value) * 86_400))
        }
        (ColumnReader::Int96ColumnReader(reader), DateKind::Julian) => {
            values(reader, count, cells, |value| Moment::Seconds(value.to_seconds()))
        }
        _ => Err(other()),
    }
}

fn other() -> ParquetError {
    ParquetError::General("the column is of another type than its file says".to_owned())
}

/// Reads one cell for each of `count` rows.
fn values<T: DataType, V>(
    reader: &mut ColumnReaderImpl<T>,
    (count, deepest): (usize, i16),
    cells: &mut Vec<Option<V>>,
    make: impl Fn(T::T) -> V,
) -> Result<(), ParquetError> {
    let (mut levels, mut found) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let mut rows = 0;
    guarded(|| {
        while rows < count {
            let (records, _, _) = reader.read_records(count - rows, Some(&mut levels), None, &mut found)?;
            if records == 0 {
                return Err(ParquetError::EOF("the column has fewer rows than its row group claims".into()));
            }
            rows += records;
        }
        not_deeper(&levels, deepest)
    })?;
    let mut found = found.into_iter();
    cells.clear();
    // A column that is required has no levels: a value stands for each row.
    if deepest == 0 {
        cells.extend(found.by_ref().take(count).map(|value| Some(make(value))));
    } else {
        cells.extend(levels.iter().map(|level| if *level == deepest { found.next().map(&make) } else { None }));
    }
    if cells.len() == count && found.next().is_none() {
        return Ok(());
    }
    Err(ParquetError::General("its values and its levels disagree".to_owned()))
}
