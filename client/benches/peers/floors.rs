//! Floors: the physical part of the filter's work, done without a look at anything; which documents are kept is known beforehand.
//!
//! They read and decode all that the filter reads, and write and sync what it keeps, framed as it frames it. No digest is
//! taken, nothing is parsed or looked up, no manifest and no decision is written: no filter can be faster over these files,
//! by these codecs, on one thread.

use crate::clock::took;
use crate::rounds::Run;
use libdeflater::Decompressor;
use parquet::basic::Compression;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes that are written at once, and lines of one frame, as the filter has them.
const BATCH: usize = 1024 * 1024;

fn wrote(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").metadata().expect("its length").len()).sum()
}

/// Runs something that writes below a folder of its own.
fn timed(work: impl FnOnce(&Path)) -> Run {
    let out = tempfile::tempdir().expect("a folder");
    let took = took(|| work(out.path()));
    Run { took, answer: None, wrote: Some(wrote(out.path())), count: 1 }
}

/// A crawl with the ranges of the members that are kept.
pub struct Kept {
    pub stored: Vec<u8>,
    ends: Vec<usize>,
    kept: Vec<Range<usize>>,
}

impl Kept {
    /// `output` is what the filter kept of it: members as they are stored, in their order.
    pub fn of(stored: &[u8], ends: &[usize], output: &[u8]) -> Self {
        let (mut at, mut start, mut kept) = (0, 0, Vec::new());
        for &end in ends {
            if output[at..].starts_with(&stored[start..end]) {
                at += end - start;
                kept.push(start..end);
            }
            start = end;
        }
        assert_eq!(at, output.len(), "what is kept are members of the input");
        Self { stored: stored.to_vec(), ends: ends.to_vec(), kept }
    }
}

/// Every member inflated, the kept ones written as they are stored, a mebibyte at a time, and synced.
pub fn members(crawls: &[Kept], buffer: &mut [u8]) -> Run {
    timed(|out| {
        let mut inflater = Decompressor::new();
        for (number, Kept { stored, ends, kept }) in crawls.iter().enumerate() {
            let mut file = File::create(out.join(number.to_string())).expect("a file");
            let (mut start, mut batch, mut kept) = (0, Vec::with_capacity(2 * BATCH), kept.iter().peekable());
            for &end in ends {
                inflater.gzip_decompress(&stored[start..end], buffer).expect("a sound member");
                black_box(&buffer);
                if kept.next_if(|range| range.start == start).is_some() {
                    batch.extend_from_slice(&stored[start..end]);
                }
                if batch.len() >= BATCH {
                    file.write_all(&batch).expect("room");
                    batch.clear();
                }
                start = end;
            }
            file.write_all(&batch).and_then(|()| file.sync_all()).expect("room");
        }
    })
}

/// Every file decoded, and its kept lines (given plain) compressed at this level in frames of a mebibyte, or left as they
/// are, written and synced.
pub fn lines(paths: &[PathBuf], kept: &[Vec<u8>], level: Option<i32>, decode: impl FnOnce(&[PathBuf]) -> u64) -> Run {
    timed(|out| {
        decode(paths);
        let compressor = level.map(zstd::bulk::Compressor::new).transpose().expect("a level");
        let mut compressor = compressor.map(|mut it| it.include_checksum(true).map(|()| it).expect("a flag"));
        for (number, lines) in kept.iter().enumerate() {
            let mut file = File::create(out.join(number.to_string())).expect("a file");
            for batch in lines.chunks(BATCH) {
                match &mut compressor {
                    Some(compressor) => file.write_all(&compressor.compress(batch).expect("memory")),
                    None => file.write_all(batch),
                }
                .expect("room");
            }
            file.sync_all().expect("room");
        }
    })
}

/// Every column of every row read, the kept rows (`keeps`, in the order of files and rows) encoded, written and synced.
pub fn rows(paths: &[PathBuf], keeps: &[bool]) -> Run {
    timed(|out| rewritten(paths, keeps, out).expect("a sound file"))
}

fn rewritten(paths: &[PathBuf], keeps: &[bool], out: &Path) -> Result<(), ParquetError> {
    let mut keeps = keeps;
    for (number, path) in paths.iter().enumerate() {
        let reader = SerializedFileReader::new(File::open(path)?)?;
        let file = File::create(out.join(number.to_string()))?;
        let schema = reader.metadata().file_metadata().schema_descr().root_schema_ptr();
        let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
        let mut writer = SerializedFileWriter::new(file.try_clone()?, schema, properties)?;
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group)?;
            let (own, rest) = keeps.split_at(group.metadata().num_rows() as usize);
            keeps = rest;
            let mut to = writer.next_row_group()?;
            for column in 0..group.num_columns() {
                match group.get_column_reader(column)? {
                    ColumnReader::ByteArrayColumnReader(from) => copied::<ByteArrayType>(from, &mut to, own)?,
                    ColumnReader::DoubleColumnReader(from) => copied::<DoubleType>(from, &mut to, own)?,
                    ColumnReader::Int64ColumnReader(from) => copied::<Int64Type>(from, &mut to, own)?,
                    _ => return Err(ParquetError::General("a column that the corpus doesn't have".to_owned())),
                }
            }
            to.close()?;
        }
        writer.close()?;
        file.sync_all()?;
    }
    Ok(())
}

fn copied<T: DataType>(
    mut from: ColumnReaderImpl<T>,
    to: &mut SerializedRowGroupWriter<'_, File>,
    keeps: &[bool],
) -> Result<(), ParquetError> {
    let (mut values, mut levels) = (Vec::with_capacity(keeps.len()), Vec::with_capacity(keeps.len()));
    while levels.len() < keeps.len() {
        let (read, ..) = from.read_records(keeps.len() - levels.len(), Some(&mut levels), None, &mut values)?;
        assert!(read > 0 && values.len() == levels.len(), "the corpus has a value for each row");
    }
    let mut keep = keeps.iter();
    values.retain(|_| keep.next().is_some_and(|keep| *keep));
    levels.truncate(values.len());
    let mut column = to.next_column()?.ok_or_else(|| ParquetError::General("a column too many".to_owned()))?;
    let typed: &mut ColumnWriterImpl<'_, T> = column.typed::<T>();
    typed.write_batch(&values, Some(&levels), None)?;
    column.close()
}
