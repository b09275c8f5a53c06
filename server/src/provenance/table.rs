//! A provenance table opened: its footer is checked before and after it is decoded, and each column's form is known.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use cleartitle_schema::provenance::{COLUMNS, MAX_BYTES, MAX_GROUP_BYTES, MAX_GROUP_ROWS, MAX_ROWS};
use cleartitle_schema::thrift;
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, TimeUnit, Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::schema::types::ColumnDescriptor;

use super::pages::Page;
use super::{Fetch, Place, TableError};

/// A footer's length and the magic, at the end of the file.
const TAIL: u64 = 8;
const MAGIC: &[u8] = b"PAR1";
/// Most bytes of a footer.
const FOOTER_LIMIT: u64 = 4 << 20;
/// Columns of row groups whose pages are remembered: some hundred bytes each for most.
const WALKED: usize = 256;
/// Rows that a file may claim for each four of its bytes, beside those of one row group: a row that takes less says nothing.
const BYTES_PER_ROW: u64 = 4;

/// How a column's values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As text.
    Text,
    /// As the bytes of a digest.
    Digest,
    /// As so many to a second since 1970.
    Ticks(i64),
}

/// One of [`COLUMNS`] that the file has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Which of [`COLUMNS`].
    pub(super) known: usize,
    /// Its place in each row group.
    pub(super) leaf: usize,
    pub(super) form: Form,
}

impl Column {
    pub(super) fn name(&self) -> &'static str {
        COLUMNS[self.known]
    }
}

/// A table whose footer is sound.
#[derive(Debug)]
pub struct Table {
    pub(super) metadata: ParquetMetaData,
    pub(super) columns: Vec<Column>,
    /// The file's row with which each row group begins.
    pub(super) starts: Vec<u64>,
    rows: u64,
    /// The pages of the columns that were walked for single rows, the last ones asked for last.
    walked: Mutex<Vec<(ColumnOf, Arc<Vec<Page>>)>>,
}

/// A row group, and the place of a column in it.
type ColumnOf = (usize, usize);

fn unsound(why: impl Into<String>) -> TableError {
    TableError::Unsound(why.into())
}

/// Runs the decoder, which asserts what it believes of its input: what a hostile one breaks there is damage and no panic.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| match error {
            ParquetError::General(why) | ParquetError::EOF(why) => why,
            other => other.to_string(),
        }),
        Err(_) => Err("its parts contradict each other, the decoder gave up".to_owned()),
    }
}

/// A chunk's bytes in the file; it was checked that they lie there.
pub(super) fn range(chunk: &ColumnChunkMetaData) -> Range<u64> {
    let first = chunk.dictionary_page_offset().filter(|at| *at > 0).unwrap_or_else(|| chunk.data_page_offset());
    let start = first.min(chunk.data_page_offset()).unsigned_abs();
    start..start.saturating_add(chunk.compressed_size().unsigned_abs())
}

impl Table {
    /// Opens a file of this length.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn open(fetch: &Fetch<'_>, length: u64) -> Result<Self, TableError> {
        let metadata = footer(fetch, length)?;
        let columns = columns(&metadata)?;
        let (mut starts, mut rows) = (Vec::with_capacity(metadata.num_row_groups()), 0);
        for (group, part) in metadata.row_groups().iter().enumerate() {
            starts.push(rows);
            rows += check_group(group, part, &columns, length)?;
        }
        if rows > MAX_ROWS || rows > MAX_GROUP_ROWS.max(length / BYTES_PER_ROW) {
            return Err(unsound(format!("it claims {rows} rows in {length} bytes")));
        }
        if u64::try_from(metadata.file_metadata().num_rows()) != Ok(rows) {
            let claimed = metadata.file_metadata().num_rows();
            return Err(unsound(format!("it claims {claimed} rows, its row groups {rows}")));
        }
        Ok(Self { metadata, columns, starts, rows, walked: Mutex::default() })
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn groups(&self) -> usize {
        self.starts.len()
    }

    pub(super) fn rows_of(&self, group: usize) -> u64 {
        self.metadata.row_group(group).num_rows().unsigned_abs()
    }

    /// The pages of a column of a row group, walked unless they were before.
    pub(super) fn pages<E>(
        &self,
        of: ColumnOf,
        walk: impl FnOnce() -> Result<Vec<Page>, E>,
    ) -> Result<Arc<Vec<Page>>, E> {
        let lock = || self.walked.lock().unwrap_or_else(PoisonError::into_inner);
        let before = lock().iter().find(|(column, _)| *column == of).map(|(_, pages)| Arc::clone(pages));
        if let Some(pages) = before {
            return Ok(pages);
        }
        let pages = Arc::new(walk()?);
        let mut walked = lock();
        if walked.len() == WALKED {
            walked.remove(0);
        }
        walked.push((of, Arc::clone(&pages)));
        Ok(pages)
    }

    /// The row group that a row of the file is in, and which of its rows that is; both from 0.
    pub(super) fn place(&self, row: u64) -> Option<(usize, u64)> {
        let group = self.starts.partition_point(|start| *start <= row).checked_sub(1)?;
        let within = row - self.starts[group];
        (within < self.rows_of(group)).then_some((group, within))
    }
}

fn footer(fetch: &Fetch<'_>, length: u64) -> Result<ParquetMetaData, TableError> {
    if length < MAGIC.len() as u64 + TAIL || length > MAX_BYTES {
        return Err(unsound(format!("it has {length} bytes, which no provenance table has")));
    }
    let tail = fetch(length - TAIL..length)?;
    let Some(([a, b, c, d], magic)) = tail.split_first_chunk::<4>() else {
        return Err(unsound("it has no end"));
    };
    if magic != MAGIC {
        return Err(unsound("it doesn't end with `PAR1`: it is no Parquet file, is encrypted, or was cut short"));
    }
    let claimed = u64::from(u32::from_le_bytes([*a, *b, *c, *d]));
    if claimed > FOOTER_LIMIT || claimed + TAIL + MAGIC.len() as u64 > length {
        return Err(unsound(format!("its footer claims {claimed} of {length} bytes, the limit is {FOOTER_LIMIT}")));
    }
    let bytes = fetch(length - TAIL - claimed..length - TAIL)?;
    thrift::walk(&bytes, |_, _| ()).map_err(|why| unsound(format!("its footer is unsound: {why}")))?;
    guarded(|| ParquetMetaDataReader::decode_metadata(&bytes))
        .map_err(|why| unsound(format!("its footer can't be decoded: {why}")))
}

fn columns(metadata: &ParquetMetaData) -> Result<Vec<Column>, TableError> {
    let schema = metadata.file_metadata().schema_descr();
    let mut columns: Vec<Column> = Vec::new();
    for (leaf, descriptor) in schema.columns().iter().enumerate() {
        let path = descriptor.path().string();
        let Some(known) = COLUMNS.iter().position(|name| *name == path) else {
            let shown: String = path.chars().filter(|c| !c.is_control()).take(60).collect();
            return Err(unsound(format!("it has a column `{shown}`; a provenance table has {}", COLUMNS.join(", "))));
        };
        if columns.iter().any(|column| column.known == known) {
            return Err(unsound(format!("it has two columns `{path}`")));
        }
        let form = form(known, descriptor).ok_or_else(|| {
            unsound(format!("its column `{path}` is stored as {}, which is not read there", descriptor.physical_type()))
        })?;
        columns.push(Column { known, leaf, form });
    }
    if columns.iter().all(|column| column.known > 2) {
        return Err(unsound(format!("it names no documents: it has none of {}", COLUMNS[..3].join(", "))));
    }
    columns.sort_by_key(|column| column.known);
    Ok(columns)
}

fn form(known: usize, descriptor: &ColumnDescriptor) -> Option<Form> {
    let flat = descriptor.max_rep_level() == 0
        && descriptor.max_def_level()
            == i16::from(descriptor.self_type().get_basic_info().repetition() == Repetition::OPTIONAL);
    if !flat {
        return None;
    }
    let digest = match known {
        0 | 1 => Some(32),
        2 => Some(20),
        _ => None,
    };
    match descriptor.physical_type() {
        Type::BYTE_ARRAY => Some(Form::Text),
        Type::FIXED_LEN_BYTE_ARRAY if digest == Some(descriptor.type_length()) => Some(Form::Digest),
        Type::INT64 if (4..=6).contains(&known) => match (descriptor.logical_type_ref(), descriptor.converted_type()) {
            (Some(LogicalType::Timestamp(stamp)), _) if stamp.is_adjusted_to_u_t_c => {
                Some(Form::Ticks(match stamp.unit {
                    TimeUnit::MILLIS => 1_000,
                    TimeUnit::MICROS => 1_000_000,
                    TimeUnit::NANOS => 1_000_000_000,
                }))
            }
            // As it was written before there were others than in UTC.
            (None, ConvertedType::TIMESTAMP_MILLIS) => Some(Form::Ticks(1_000)),
            (None, ConvertedType::TIMESTAMP_MICROS) => Some(Form::Ticks(1_000_000)),
            _ => None,
        },
        _ => None,
    }
}

/// Holds what the footer claims of a row group against the file; its rows.
fn check_group(group: usize, part: &RowGroupMetaData, columns: &[Column], length: u64) -> Result<u64, TableError> {
    let at =
        |column: Option<&'static str>, why: String| TableError::At { place: Place { group, column, row: None }, why };
    let rows = u64::try_from(part.num_rows()).ok().filter(|rows| (1..=MAX_GROUP_ROWS).contains(rows));
    let rows =
        rows.ok_or_else(|| at(None, format!("it claims {} rows, the limit is {MAX_GROUP_ROWS}", part.num_rows())))?;
    if part.num_columns() != columns.len() {
        return Err(at(None, format!("it has {} columns of {}", part.num_columns(), columns.len())));
    }
    let mut stored = 0_u64;
    for column in columns {
        let chunk = part.column(column.leaf);
        let told = |why: String| at(Some(column.name()), why);
        let offsets = [Some(chunk.data_page_offset()), chunk.dictionary_page_offset()].into_iter().flatten();
        let negative = offsets.chain([chunk.compressed_size()]).any(|claimed| claimed < 0);
        let bytes = range(chunk);
        if chunk.file_path().is_some() || negative || bytes.start < MAGIC.len() as u64 || bytes.end > length - TAIL {
            return Err(told(format!("it claims bytes {bytes:?} of {length}, or lies in another file")));
        }
        if u64::try_from(chunk.num_values()) != Ok(rows) {
            return Err(told(format!("it claims {} values for {rows} rows", chunk.num_values())));
        }
        let known = matches!(
            chunk.compression(),
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_) | Compression::LZ4_RAW
        );
        if !known {
            return Err(told(format!(
                "it is compressed by {}; zstd, snappy and LZ4_RAW are read",
                chunk.compression()
            )));
        }
        stored = stored.saturating_add(bytes.end - bytes.start);
    }
    if stored > MAX_GROUP_BYTES {
        return Err(at(None, format!("it has {stored} stored bytes, the limit is {MAX_GROUP_BYTES}")));
    }
    Ok(rows)
}
