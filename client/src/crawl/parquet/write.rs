//! Row groups written: one of which every row stays goes over as its stored bytes, of others the kept rows are written again,
//! first beside the output, so that damage met half-way leaves nothing in it.
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use parquet::basic::{Compression, Encoding};
use parquet::column::reader::get_column_reader;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::writer::SerializedFileWriter;

use super::super::store::Stored;
use super::chunk::Nested;
use super::copy::{CopyError, copy};
use super::table::{Table, TableError, guarded, range};

/// Why a row group was not written.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The row group itself can't be read; the output is as it was before.
    #[error(transparent)]
    Damaged(#[from] TableError),
    /// The output can't be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

fn written(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

/// Kept rows of one table, written with its schema and its metadata.
pub struct TableWriter<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    properties: WriterPropertiesPtr,
    scratch: File,
    groups: u64,
}

/// A row group of which every page was read, ready to be written.
#[must_use]
pub struct Prepared(Option<Ready>);

enum Ready {
    /// All of it, as it is stored.
    Stored { group: usize, rows: u64 },
    /// Some of its rows, in the scratch file.
    Rewritten { chunks: Vec<ColumnChunkMetaData>, rows: u64 },
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins an output for a table. `scratch` is a file of our own, for row groups that are not yet whole.
    ///
    /// # Errors
    /// When the output can't be written.
    pub fn new(table: &Table, output: W, scratch: File) -> io::Result<Self> {
        let properties = Arc::new(properties(&table.metadata));
        let schema = table.metadata.file_metadata().schema_descr().root_schema_ptr();
        let writer = SerializedFileWriter::new(output, schema, Arc::clone(&properties)).map_err(io::Error::other)?;
        Ok(Self { writer, properties, scratch, groups: 0 })
    }

    /// How many row groups were written.
    pub fn groups(&self) -> u64 {
        self.groups
    }

    /// Reads the rows of a row group for which `kept` is true, all of its pages first, and writes nothing of them yet.
    ///
    /// # Errors
    /// [`PutError`]; the output is as it was before.
    pub fn prepare(&mut self, table: &Table, group: usize, kept: &[bool]) -> Result<Prepared, PutError> {
        if !kept.contains(&true) {
            return Ok(Prepared(None));
        }
        if kept.contains(&false) {
            let (chunks, rows) = self.rewrite(table, group, kept)?;
            return Ok(Prepared(Some(Ready::Rewritten { chunks, rows })));
        }
        for column in 0..table.metadata.row_group(group).num_columns() {
            check_pages(table, group, column)?;
        }
        Ok(Prepared(Some(Ready::Stored { group, rows: kept.len() as u64 })))
    }

    /// Writes what was prepared last; a row group without any row is left out.
    ///
    /// # Errors
    /// When the output can't be written.
    pub fn put(&mut self, table: &Table, prepared: Prepared) -> io::Result<()> {
        match prepared.0 {
            None => return Ok(()),
            Some(Ready::Stored { group, rows }) => {
                let chunks = table.metadata.row_group(group).columns();
                let bytes = |chunk: &ColumnChunkMetaData| {
                    Ok(StoredBytes { stored: table.stored.again(0..0), end: range(chunk).end })
                };
                self.append(chunks, rows, bytes)?;
            }
            Some(Ready::Rewritten { chunks, rows }) => {
                let scratch = self.scratch.try_clone()?;
                self.append(&chunks, rows, |_| scratch.try_clone())?;
            }
        }
        self.groups += 1;
        Ok(())
    }

    /// Writes the kept rows into the scratch file, alone.
    fn rewrite(
        &mut self,
        table: &Table,
        group: usize,
        kept: &[bool],
    ) -> Result<(Vec<ColumnChunkMetaData>, u64), PutError> {
        self.scratch.set_len(0)?;
        self.scratch.seek(SeekFrom::Start(0))?;
        let schema = table.metadata.file_metadata().schema_descr().root_schema_ptr();
        let output = io::BufWriter::with_capacity(256 * 1024, self.scratch.try_clone()?);
        let mut writer = SerializedFileWriter::new(output, schema, Arc::clone(&self.properties)).map_err(written)?;
        let mut rows = writer.next_row_group().map_err(written)?;
        let mut column = 0;
        while let Some(mut to) = rows.next_column().map_err(written)? {
            let descr = table.metadata.row_group(group).column(column).column_descr_ptr();
            let nested = (descr.max_rep_level() > 0).then(Nested::default);
            let from = get_column_reader(descr, table.pages_of(group, column, nested.clone())?);
            copy(from, to.untyped(), kept, nested.as_ref()).map_err(|error| match error {
                CopyError::Read(error) => table.damaged(group, column, &error).into(),
                CopyError::Write(error) => PutError::Write(written(error)),
            })?;
            to.close().map_err(written)?;
            column += 1;
        }
        rows.close().map_err(written)?;
        let metadata = writer.finish().map_err(written)?;
        writer.inner_mut().flush()?;
        let group = metadata.row_group(0);
        Ok((group.columns().to_vec(), group.num_rows().unsigned_abs()))
    }

    /// Takes over column chunks as they are stored.
    fn append<R: ChunkReader>(
        &mut self,
        chunks: &[ColumnChunkMetaData],
        rows: u64,
        bytes: impl Fn(&ColumnChunkMetaData) -> io::Result<R>,
    ) -> io::Result<()> {
        let mut to = self.writer.next_row_group().map_err(written)?;
        for chunk in chunks {
            // Page indexes are left out: they would be claims about pages that nobody checked.
            let close = ColumnCloseResult {
                bytes_written: chunk.compressed_size().unsigned_abs(),
                rows_written: rows,
                metadata: chunk.clone(),
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            };
            to.append_column(&bytes(chunk)?, close).map_err(written)?;
        }
        to.close().map_err(written)?;
        Ok(())
    }

    /// Ends the output and gives its writer back.
    ///
    /// # Errors
    /// When the output can't be written.
    pub fn finish(self) -> io::Result<W> {
        self.writer.into_inner().map_err(written)
    }
}

/// Inflates every page of a column into nothing: damage never comes out as kept rows.
fn check_pages(table: &Table, group: usize, column: usize) -> Result<(), TableError> {
    let mut pages = table.pages(group, column)?;
    let claimed = table.metadata.row_group(group).column(column).num_values().unsigned_abs();
    let mut values = 0_u64;
    loop {
        match guarded(|| pages.get_next_page()) {
            Ok(Some(page)) if page.is_data_page() => values += u64::from(page.num_values()),
            Ok(Some(_)) => {}
            Ok(None) if values == claimed => return Ok(()),
            Ok(None) => {
                let detail = format!("its pages have {values} values, the footer claims {claimed}");
                return Err(table.damaged(group, column, &ParquetError::General(detail)));
            }
            Err(error) => return Err(table.damaged(group, column, &error)),
        }
    }
}

/// How rows are written again: by the codecs that the columns had, with dictionaries where they had them, with the file's own
/// metadata.
fn properties(metadata: &ParquetMetaData) -> WriterProperties {
    let file = metadata.file_metadata();
    let mut properties = WriterProperties::builder()
        .set_key_value_metadata(file.key_value_metadata().cloned())
        .set_created_by(format!("cleartitle {} (parquet-rs)", env!("CARGO_PKG_VERSION")));
    if let Some((first, others)) = metadata.row_groups().split_first() {
        let sorted = first.sorting_columns();
        if others.iter().all(|group| group.sorting_columns() == sorted) {
            properties = properties.set_sorting_columns(sorted.cloned());
        }
        for chunk in first.columns() {
            let path = chunk.column_path();
            let dictionary = chunk
                .encodings()
                .any(|encoding| matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY));
            properties = properties
                .set_column_compression(path.clone(), level(chunk.compression()))
                .set_column_dictionary_enabled(path.clone(), dictionary);
        }
    }
    properties.build()
}

/// A footer names the codec and never the level, so that what was read as the lowest becomes the usual one.
fn level(codec: Compression) -> Compression {
    match codec {
        Compression::ZSTD(_) => Compression::ZSTD(parquet::basic::ZstdLevel::try_new(3).unwrap_or_default()),
        Compression::GZIP(_) => Compression::GZIP(parquet::basic::GzipLevel::default()),
        other => other,
    }
}

/// Stored bytes for copying, in order.
struct StoredBytes {
    stored: Stored,
    end: u64,
}

impl Length for StoredBytes {
    fn len(&self) -> u64 {
        self.end
    }
}

impl ChunkReader for StoredBytes {
    type T = BufReader<Stored>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::with_capacity(256 * 1024, self.stored.again(start..self.end)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<bytes::Bytes> {
        let mut bytes = Vec::new();
        self.get_read(start)?.take(length as u64).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}
