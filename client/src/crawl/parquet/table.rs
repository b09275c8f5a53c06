//! A Parquet file opened: its footer is checked before and after it is decoded, and the columns of a row's parts are found.
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};

use parquet::basic::{Compression, ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::page::PageReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::reader::SerializedPageReader;

use super::super::fields::{FieldChoice, MissingField};
use super::super::store::Stored;
use super::chunk::{ColumnBytes, Failure, Nested};
use super::{FOOTER_LIMIT, GROUP_ROWS_LIMIT};
use cleartitle_schema::thrift;

/// A footer, its length and the magic after it.
const TAIL: u64 = 8;
const MAGIC: &[u8] = b"PAR1";
/// Rows a file may claim for each of its bytes, beside a million: a row that takes less says nothing.
const ROWS_PER_BYTE: u64 = 16;
const ROWS_ALWAYS: u64 = 1024 * 1024;
/// Plain bytes that all columns of a file may claim together.
const PLAIN_LIMIT: u64 = 1 << 50;

/// Why a Parquet file, or a part of it, can't be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file as a whole is not what it says.
    #[error("`{name}` is no sound Parquet file: {detail}")]
    Footer {
        /// The file.
        name: String,
        /// The fact.
        detail: String,
    },
    /// The bytes could not be had.
    #[error("cannot read `{name}`")]
    Read {
        /// The file.
        name: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It is sound, and something in it is not read here.
    #[error("`{name}` is a Parquet file {detail}, which is not read")]
    Unsupported {
        /// The file.
        name: String,
        /// What, after "a Parquet file".
        detail: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// A part of its rows is nowhere.
    #[error(transparent)]
    Field(#[from] MissingField),
    /// A row group can't be read.
    #[error("row group {group}{}: {detail}", column.as_ref().map(|column| format!(", column `{column}`")).unwrap_or_default())]
    Group {
        /// Which, from 0.
        group: usize,
        /// Which column.
        column: Option<String>,
        /// The fact.
        detail: String,
    },
}

/// How a date is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateKind {
    Text,
    /// So many to a second.
    Ticks(i64),
    Days,
    Julian,
}

/// The columns that hold the parts of a row, by their place among the leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    pub text: usize,
    pub url: Option<usize>,
    pub id: Option<usize>,
    pub date: Option<(usize, DateKind)>,
}

/// A Parquet file, ready to be read row group by row group.
#[derive(Debug)]
pub struct Table {
    pub(super) name: String,
    pub(super) stored: Stored,
    pub(super) metadata: Arc<ParquetMetaData>,
    pub(super) columns: Columns,
    failure: Failure,
}

impl Table {
    /// Whether these first bytes are those of a Parquet file.
    #[must_use]
    pub fn is_one(first: &[u8]) -> bool {
        first.starts_with(MAGIC) || first.starts_with(b"PARE")
    }

    /// Opens a file.
    ///
    /// # Errors
    /// When its footer is unsound, claims what can't be, or lacks a column that is needed.
    pub fn open(stored: Stored, name: &str, choice: &FieldChoice) -> Result<Self, TableError> {
        Self::open_by(stored, name, |metadata| columns(metadata, name, choice))
    }

    /// Opens a file whose columns are found in another way.
    pub(super) fn open_by(
        mut stored: Stored,
        name: &str,
        find: impl FnOnce(&ParquetMetaData) -> Result<Columns, TableError>,
    ) -> Result<Self, TableError> {
        let metadata = footer(&mut stored, name)?;
        check(&metadata, stored.length(), name)?;
        check_writable(&metadata, name)?;
        let columns = find(&metadata)?;
        Ok(Self { name: name.to_owned(), stored, metadata: Arc::new(metadata), columns, failure: Failure::default() })
    }

    /// Length of the stored file.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.stored.length()
    }

    /// How many row groups it has.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    /// How many rows a row group has.
    #[must_use]
    pub fn rows_of(&self, group: usize) -> u64 {
        self.metadata.row_group(group).num_rows().unsigned_abs()
    }

    /// The definition level of a value that is there.
    pub(super) fn deepest(&self, group: usize, column: usize) -> i16 {
        self.metadata.row_group(group).column(column).column_descr().max_def_level()
    }

    /// The stored bytes from a row group's first to its last.
    #[must_use]
    pub fn range_of(&self, group: usize) -> Range<u64> {
        let ranges = self.metadata.row_group(group).columns().iter().map(range);
        ranges.reduce(|all, one| all.start.min(one.start)..all.end.max(one.end)).unwrap_or(0..0)
    }

    /// The page reader of one column of one row group.
    pub(super) fn pages(&self, group: usize, column: usize) -> Result<Box<dyn PageReader>, TableError> {
        self.pages_of(group, column, None)
    }

    /// The same, of which `nested` bounds what one record may reach over.
    pub(super) fn pages_of(
        &self,
        group: usize,
        column: usize,
        nested: Option<Nested>,
    ) -> Result<Box<dyn PageReader>, TableError> {
        let row_group = self.metadata.row_group(group);
        let chunk = row_group.column(column);
        let bytes = ColumnBytes::new(&self.stored, range(chunk), chunk.compression(), nested, &self.failure);
        let rows = usize::try_from(row_group.num_rows()).unwrap_or_default();
        let reader = SerializedPageReader::new(Arc::new(bytes), chunk, rows, None);
        Ok(Box::new(reader.map_err(|error| self.damaged(group, column, &error))?))
    }

    /// What an error in a column comes to: damage, unless the bytes could not be had at all.
    pub(super) fn damaged(&self, group: usize, column: usize, error: &ParquetError) -> TableError {
        if let Some(source) = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return TableError::Read { name: self.name.clone(), source };
        }
        let detail = match error {
            ParquetError::General(detail) | ParquetError::EOF(detail) => detail.clone(),
            other => other.to_string(),
        };
        let column = self.metadata.row_group(group).column(column).column_path().string();
        TableError::Group { group, column: Some(column), detail }
    }
}

/// How many rows a sound file claims, whatever its columns are.
///
/// # Errors
/// When its footer is unsound.
pub fn rows_in(stored: Stored, name: &str) -> Result<u64, TableError> {
    let table = Table::open_by(stored, name, |_| Ok(Columns { text: 0, url: None, id: None, date: None }))?;
    Ok((0..table.groups()).map(|group| table.rows_of(group)).sum())
}

/// Runs the decoder, which asserts what it believes of pages: what a hostile one breaks there is damage and no panic.
pub(super) fn guarded<T, E: From<ParquetError>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(ParquetError::General("its pages contradict each other, the decoder gave up".to_owned()).into())
    })
}

/// A chunk's stored bytes; it was checked that they lie in the file.
pub(super) fn range(chunk: &ColumnChunkMetaData) -> Range<u64> {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset()).unsigned_abs();
    start..start.saturating_add(chunk.compressed_size().unsigned_abs())
}

fn footer(stored: &mut Stored, name: &str) -> Result<ParquetMetaData, TableError> {
    let unsound = |detail: String| TableError::Footer { name: name.to_owned(), detail };
    let failed = |source| TableError::Read { name: name.to_owned(), source };
    let length = stored.length();
    if length < MAGIC.len() as u64 + TAIL {
        return Err(unsound(format!("it has {length} bytes")));
    }
    let mut tail = [0; 8];
    stored.seek(SeekFrom::Start(length - TAIL)).map_err(failed)?;
    stored.read_exact(&mut tail).map_err(failed)?;
    let [a, b, c, d, magic @ ..] = tail;
    if &magic == b"PARE" {
        let (detail, hint) = ("with an encrypted footer".into(), "decrypt it first, with whoever holds its keys");
        return Err(TableError::Unsupported { name: name.to_owned(), detail, hint });
    }
    if magic != MAGIC {
        return Err(unsound("it doesn't end with `PAR1`: it is cut short, or was never finished".into()));
    }
    let claimed = u64::from(u32::from_le_bytes([a, b, c, d]));
    if claimed > FOOTER_LIMIT || claimed + TAIL + MAGIC.len() as u64 > length {
        return Err(unsound(format!("its footer claims {claimed} of {length} bytes, the limit is {FOOTER_LIMIT}")));
    }
    let mut bytes = vec![0; usize::try_from(claimed).unwrap_or_default()];
    stored.seek(SeekFrom::Start(length - TAIL - claimed)).map_err(failed)?;
    stored.read_exact(&mut bytes).map_err(failed)?;
    thrift::walk(&bytes, |_, _| ()).map_err(|why| unsound(format!("its footer is unsound: {why}")))?;
    let decoded = guarded(|| ParquetMetaDataReader::decode_metadata(&bytes));
    decoded.map_err(|error| unsound(format!("its footer can't be decoded: {error}")))
}

/// Holds what the footer claims against the file.
fn check(metadata: &ParquetMetaData, length: u64, name: &str) -> Result<(), TableError> {
    let unsound = |detail: String| TableError::Footer { name: name.to_owned(), detail };
    let leaves = metadata.file_metadata().schema_descr().num_columns();
    if metadata.num_row_groups() > i16::MAX as usize {
        return Err(unsound(format!("it claims {} row groups", metadata.num_row_groups())));
    }
    let (mut total, mut plain) = (0_u64, 0_u64);
    for (index, group) in metadata.row_groups().iter().enumerate() {
        let told = |detail: String| unsound(format!("row group {index} {detail}"));
        let rows = u64::try_from(group.num_rows()).ok().filter(|rows| *rows <= GROUP_ROWS_LIMIT);
        let rows =
            rows.ok_or_else(|| told(format!("claims {} rows, the limit is {GROUP_ROWS_LIMIT}", group.num_rows())))?;
        total += rows;
        if group.num_columns() != leaves {
            return Err(told(format!("has {} columns of {leaves}", group.num_columns())));
        }
        for chunk in group.columns() {
            check_chunk(chunk, group, length, name).map_err(|error| match error {
                TableError::Footer { detail, .. } => {
                    told(format!("column `{}` {detail}", chunk.column_path().string()))
                }
                other => other,
            })?;
            // Nobody reads by it, but whoever copies the file adds it up.
            let claimed = u64::try_from(chunk.uncompressed_size()).ok().and_then(|size| plain.checked_add(size));
            plain = claimed.filter(|sum| *sum <= PLAIN_LIMIT).ok_or_else(|| {
                let (column, size) = (chunk.column_path().string(), chunk.uncompressed_size());
                told(format!("column `{column}` claims {size} plain bytes"))
            })?;
        }
    }
    if total > ROWS_ALWAYS.max(length.saturating_mul(ROWS_PER_BYTE)) {
        return Err(unsound(format!("it claims {total} rows in {length} bytes")));
    }
    match u64::try_from(metadata.file_metadata().num_rows()) {
        Ok(claimed) if claimed == total => Ok(()),
        _ => Err(unsound(format!("it claims {} rows, its row groups {total}", metadata.file_metadata().num_rows()))),
    }
}

/// Whether what is kept can say of itself what the file says: a type of later days is read over, and can't be written down.
fn check_writable(metadata: &ParquetMetaData, name: &str) -> Result<(), TableError> {
    let written = guarded(|| ParquetMetaDataWriter::new(io::sink(), metadata).finish());
    written.map_err(|error| TableError::Unsupported {
        name: name.to_owned(),
        detail: format!("whose footer can't be written again ({error})"),
        hint: "write it anew with types that are known here",
    })
}

fn check_chunk(
    chunk: &ColumnChunkMetaData,
    group: &RowGroupMetaData,
    length: u64,
    name: &str,
) -> Result<(), TableError> {
    let unsound = |detail: String| TableError::Footer { name: name.to_owned(), detail };
    if chunk.file_path().is_some() {
        return Err(unsound("lies in another file".into()));
    }
    let dictionary = chunk.dictionary_page_offset();
    let offsets = [Some(chunk.data_page_offset()), dictionary].into_iter().flatten();
    if offsets.chain([chunk.compressed_size()]).any(|claimed| claimed < 0)
        || (group.num_rows() > 0 && dictionary.is_some_and(|dictionary| dictionary >= chunk.data_page_offset()))
        || range(chunk).start < MAGIC.len() as u64
        || range(chunk).end > length
        || chunk.data_page_offset().unsigned_abs() > range(chunk).end
    {
        return Err(unsound(format!("claims bytes {:?} of {length}", range(chunk))));
    }
    let (values, rows) = (chunk.num_values(), group.num_rows());
    let descr = chunk.column_descr();
    if values < rows || (descr.max_rep_level() == 0 && values != rows) {
        return Err(unsound(format!("claims {values} values for {rows} rows")));
    }
    match chunk.compression() {
        Compression::LZ4 | Compression::LZO | Compression::BROTLI(_) => {
            let detail =
                format!("whose column `{}` is compressed by {}", chunk.column_path().string(), chunk.compression());
            let hint = "write it again by zstd, snappy, gzip or LZ4_RAW";
            Err(TableError::Unsupported { name: name.to_owned(), detail, hint })
        }
        _ => Ok(()),
    }
}

fn columns(metadata: &ParquetMetaData, name: &str, choice: &FieldChoice) -> Result<Columns, TableError> {
    let schema = metadata.file_metadata().schema_descr();
    let paths: Vec<String> = schema.columns().iter().map(|column| column.path().string()).collect();
    let has = |path: &str| paths.iter().any(|known| known == path);
    let fields = choice.resolve(name, has, || paths.clone())?;
    let unsupported = |detail: String| TableError::Unsupported {
        name: name.to_owned(),
        detail,
        hint: "name another column with --text-field, --url-field or --date-field",
    };
    let find = |path: &str| {
        let mut found = paths.iter().enumerate().filter(|(_, known)| *known == path).map(|(at, _)| at);
        let first = found.next();
        // Another reader may take the other column, and train on a text that was never asked about.
        if found.next().is_some() {
            return Err(unsupported(format!("with two columns `{path}`")));
        }
        if let Some(at) = first
            && schema.column(at).max_rep_level() > 0
        {
            return Err(unsupported(format!("whose `{path}` is a list")));
        }
        Ok(first)
    };
    let text_like = |at: usize| schema.column(at).physical_type() == Type::BYTE_ARRAY;
    let text = find(&fields.text)?.filter(|at| text_like(*at));
    let text = text.ok_or_else(|| unsupported(format!("whose `{}` is no text", fields.text)))?;
    let url = find(&fields.url)?;
    if url.is_some_and(|at| !text_like(at)) {
        return Err(unsupported(format!("whose `{}` is no text", fields.url)));
    }
    let id = find(&fields.id)?;
    let id = id.filter(|at| matches!(schema.column(*at).physical_type(), Type::BYTE_ARRAY | Type::INT32 | Type::INT64));
    let date = find(&fields.date)?.map(|at| {
        let column = schema.column(at);
        let kind = date_kind(column.physical_type(), column.logical_type_ref(), column.converted_type());
        let kind = kind.ok_or_else(|| unsupported(format!("whose `{}` is no date", fields.date)))?;
        Ok::<_, TableError>((at, kind))
    });
    Ok(Columns { text, url, id, date: date.transpose()? })
}

pub(super) fn date_kind(physical: Type, logical: Option<&LogicalType>, converted: ConvertedType) -> Option<DateKind> {
    match (physical, logical, converted) {
        (Type::BYTE_ARRAY, ..) => Some(DateKind::Text),
        (Type::INT96, ..) => Some(DateKind::Julian),
        (Type::INT32, Some(LogicalType::Date), _) | (Type::INT32, None, ConvertedType::DATE) => Some(DateKind::Days),
        (Type::INT64, Some(LogicalType::Timestamp(timestamp)), _) => Some(DateKind::Ticks(match timestamp.unit {
            TimeUnit::MILLIS => 1_000,
            TimeUnit::MICROS => 1_000_000,
            TimeUnit::NANOS => 1_000_000_000,
        })),
        (Type::INT64, None, ConvertedType::TIMESTAMP_MILLIS) => Some(DateKind::Ticks(1_000)),
        (Type::INT64, None, ConvertedType::TIMESTAMP_MICROS) => Some(DateKind::Ticks(1_000_000)),
        _ => None,
    }
}
