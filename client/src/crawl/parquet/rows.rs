//! The rows of one row group: URL, id and date of each in turn, and a row's text where it is asked for.
use cleartitle_schema::time::Timestamp;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{ByteArray, ByteArrayType, DataType};
use parquet::errors::ParquetError;

use super::table::{DateKind, Table, TableError, guarded};

/// Rows whose keys are read at once.
const BATCH: usize = 1_024;

/// What a row says of itself, beside its text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// Its URL.
    pub url: Option<String>,
    /// Its id.
    pub id: Option<String>,
    /// When it was captured, as written, or in RFC 3339 where it is a number.
    pub date: Option<String>,
    /// What of it is no UTF-8.
    pub broken: Option<&'static str>,
}

/// A row group being read.
pub struct Group<'a> {
    table: &'a Table,
    index: usize,
    url: Option<ColumnReader>,
    id: Option<ColumnReader>,
    date: Option<(ColumnReader, DateKind)>,
    left: u64,
}

/// The texts of a row group; rows that are not asked for are passed over.
pub struct Text<'a> {
    table: &'a Table,
    index: usize,
    reader: ColumnReaderImpl<ByteArrayType>,
    deepest: i16,
    next: u64,
}

impl Table {
    /// Begins to read a row group's keys.
    ///
    /// # Errors
    /// When a column can't be opened.
    pub fn group(&self, index: usize) -> Result<Group<'_>, TableError> {
        let open = |column: usize| {
            let descr = self.metadata.row_group(index).column(column).column_descr_ptr();
            Ok::<_, TableError>(get_column_reader(descr, self.pages(index, column)?))
        };
        let columns = &self.columns;
        let date = columns.date.map(|(column, kind)| Ok::<_, TableError>((open(column)?, kind)));
        Ok(Group {
            table: self,
            index,
            url: columns.url.map(open).transpose()?,
            id: columns.id.map(open).transpose()?,
            date: date.transpose()?,
            left: self.rows_of(index),
        })
    }

    /// Begins to read a row group's texts.
    ///
    /// # Errors
    /// When the column can't be opened.
    pub fn texts(&self, index: usize) -> Result<Text<'_>, TableError> {
        let column = self.columns.text;
        let descr = self.metadata.row_group(index).column(column).column_descr_ptr();
        let deepest = descr.max_def_level();
        let reader = ColumnReaderImpl::new(descr, self.pages(index, column)?);
        Ok(Text { table: self, index, reader, deepest, next: 0 })
    }
}

impl Group<'_> {
    /// The next rows, none at the end of the row group.
    ///
    /// # Errors
    /// When a column is damaged, or has fewer rows than the row group claims.
    pub fn next_rows(&mut self) -> Result<Vec<Keys>, TableError> {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(BATCH);
        let mut rows = vec![Keys::default(); count];
        let (table, index, columns) = (self.table, self.index, &self.table.columns);
        let told = |column: usize| move |error| table.damaged(index, column, &error);
        let deepest = |column: usize| table.deepest(index, column);
        if let (Some(ColumnReader::ByteArrayColumnReader(reader)), Some(column)) = (&mut self.url, columns.url) {
            let fill = |row: &mut Keys, value: ByteArray| text(row, value, "the URL", |row| &mut row.url);
            column_of(reader, &mut rows, deepest(column), fill).map_err(told(column))?;
        }
        if let (Some(reader), Some(column)) = (&mut self.id, columns.id) {
            let deepest = deepest(column);
            let filled = match reader {
                ColumnReader::ByteArrayColumnReader(reader) => {
                    column_of(reader, &mut rows, deepest, |row, value| text(row, value, "the id", |row| &mut row.id))
                }
                ColumnReader::Int32ColumnReader(reader) => {
                    column_of(reader, &mut rows, deepest, |row, value| row.id = Some(value.to_string()))
                }
                ColumnReader::Int64ColumnReader(reader) => {
                    column_of(reader, &mut rows, deepest, |row, value| row.id = Some(value.to_string()))
                }
                _ => Ok(()),
            };
            filled.map_err(told(column))?;
        }
        if let (Some((reader, kind)), Some((column, _))) = (&mut self.date, columns.date) {
            dates(reader, *kind, &mut rows, deepest(column)).map_err(told(column))?;
        }
        self.left -= count as u64;
        Ok(rows)
    }
}

fn text(row: &mut Keys, value: ByteArray, what: &'static str, part: impl Fn(&mut Keys) -> &mut Option<String>) {
    match std::str::from_utf8(value.data()) {
        Ok(text) => *part(row) = Some(text.to_owned()),
        Err(_) => row.broken = Some(what),
    }
}

fn dates(reader: &mut ColumnReader, kind: DateKind, rows: &mut [Keys], deepest: i16) -> Result<(), ParquetError> {
    let second = |row: &mut Keys, seconds: i64| {
        let sound = (Timestamp::MIN.0..=Timestamp::MAX.0).contains(&seconds);
        // A moment that can't be written is told as the number that it is, and read by nobody as a date.
        row.date = Some(if sound { Timestamp(seconds).to_string() } else { seconds.to_string() });
    };
    match (reader, kind) {
        (ColumnReader::ByteArrayColumnReader(reader), DateKind::Text) => {
            column_of(reader, rows, deepest, |row, value| text(row, value, "the date", |row| &mut row.date))
        }
        (ColumnReader::Int64ColumnReader(reader), DateKind::Ticks(each)) => {
            column_of(reader, rows, deepest, |row, value: i64| second(row, value.div_euclid(each)))
        }
        (ColumnReader::Int32ColumnReader(reader), DateKind::Days) => {
            column_of(reader, rows, deepest, |row, value: i32| second(row, i64::from(value) * 86_400))
        }
        (ColumnReader::Int96ColumnReader(reader), DateKind::Julian) => {
            column_of(reader, rows, deepest, |row, value| second(row, value.to_seconds()))
        }
        _ => Ok(()),
    }
}

/// A level that the schema has no room for says nothing of its value: one reader takes it for none, and the next gives up.
pub(super) fn not_deeper(levels: &[i16], deepest: i16) -> Result<(), ParquetError> {
    match levels.iter().find(|level| **level > deepest || **level < 0) {
        None => Ok(()),
        Some(level) => Err(ParquetError::General(format!("a definition level of {level}, the deepest is {deepest}"))),
    }
}

/// Reads one value for each of the rows, where there is one.
fn column_of<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: &mut [Keys],
    deepest: i16,
    mut fill: impl FnMut(&mut Keys, T::T),
) -> Result<(), ParquetError> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    guarded(|| {
        for row in rows {
            // Values borrow their page, so that one row at a time holds one page.
            levels.clear();
            let (records, _, _) = reader.read_records(1, Some(&mut levels), None, &mut values)?;
            if records != 1 {
                return Err(ParquetError::EOF("the column has fewer rows than its row group claims".into()));
            }
            not_deeper(&levels, deepest)?;
            if let Some(value) = values.pop() {
                fill(row, value);
            }
        }
        Ok(())
    })
}

impl Text<'_> {
    /// The text of a row, `None` where it is null. Rows are asked for in ascending order.
    ///
    /// # Errors
    /// When the column is damaged or ends before.
    pub fn read(&mut self, row: u64) -> Result<Option<ByteArray>, TableError> {
        let (table, index, column) = (self.table, self.index, self.table.columns.text);
        guarded(|| self.read_value(row)).map_err(|error| table.damaged(index, column, &error))
    }

    fn read_value(&mut self, row: u64) -> Result<Option<ByteArray>, ParquetError> {
        let short = || ParquetError::EOF("the column has fewer rows than its row group claims".into());
        let ahead =
            row.checked_sub(self.next).ok_or_else(|| ParquetError::General("a row was asked for twice".into()))?;
        let ahead = usize::try_from(ahead).map_err(|_| short())?;
        if ahead > 0 && self.reader.skip_records(ahead)? != ahead {
            return Err(short());
        }
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        let (records, _, _) = self.reader.read_records(1, Some(&mut levels), None, &mut values)?;
        if records != 1 {
            return Err(short());
        }
        not_deeper(&levels, self.deepest)?;
        self.next = row + 1;
        let value = values.pop();
        if self.deepest == 0 && value.is_none() { Err(short()) } else { Ok(value) }
    }
}
