//! A column chunk's stored bytes: each page's header is walked and its claims are held against our limits before the decoder
//! sees it, so that it never inflates or makes room for more.
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use super::super::store::Stored;
use super::{DICTIONARY_LIMIT, NESTED_BYTES_LIMIT, NESTED_VALUES_LIMIT, PAGE_LIMIT};
use cleartitle_schema::thrift::{PageClaims, Unsound};

/// First look at a page's header; most have less than 100 bytes.
const HEADER_LOOK: usize = 512;
/// Most bytes of a page's header, statistics and all.
const HEADER_LIMIT: usize = 4 * 1024 * 1024;
/// Most values of a page.
const PAGE_VALUES_LIMIT: i64 = 64 * 1024 * 1024;
/// Deflate makes at most so many bytes of one.
const DEFLATE_RATIO: usize = 1_032;

/// What went wrong with reading itself, as against what was read: the decoder's errors don't tell them apart.
pub(super) type Failure = Arc<Mutex<Option<io::Error>>>;

/// Bytes and values that the pages of a nested column have claimed since its last whole record: the next one may hold them
/// all at once.
#[derive(Debug, Default)]
struct Claimed {
    bytes: u64,
    values: u64,
}

/// A nested column's claims, shared with whoever reads its records.
#[derive(Debug, Clone, Default)]
pub(super) struct Nested(Arc<Mutex<Claimed>>);

impl Nested {
    /// That a record is whole: what its pages claimed is let go of with it.
    pub fn record_ended(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Claimed::default();
    }

    fn claim(&self, page: PageClaims) -> std::result::Result<(), String> {
        let mut sum = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sum.bytes = sum.bytes.saturating_add(page.inflated.unsigned_abs());
        sum.values = sum.values.saturating_add(page.values.unsigned_abs());
        if sum.bytes > NESTED_BYTES_LIMIT || sum.values > NESTED_VALUES_LIMIT {
            let limit = format!("{NESTED_BYTES_LIMIT} bytes or {NESTED_VALUES_LIMIT} values");
            return Err(format!("one record of a nested column reaches over more than {limit}"));
        }
        Ok(())
    }
}

/// The bytes of one column chunk.
pub(super) struct ColumnBytes {
    stored: Arc<Mutex<Stored>>,
    failure: Failure,
    range: Range<u64>,
    compression: Compression,
    nested: Option<Nested>,
}

impl ColumnBytes {
    pub fn new(
        stored: &Stored,
        range: Range<u64>,
        compression: Compression,
        nested: Option<Nested>,
        failure: &Failure,
    ) -> Self {
        let at = Arc::new(Mutex::new(stored.again(range.clone())));
        Self { stored: at, failure: Arc::clone(failure), range, compression, nested }
    }
}

fn refused(what: impl std::fmt::Display) -> ParquetError {
    ParquetError::General(what.to_string())
}

fn read_at(stored: &Mutex<Stored>, failure: &Failure, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let read = fill(stored, offset, buffer);
    read.inspect_err(|error| {
        let told = io::Error::new(error.kind(), error.to_string());
        *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
    })
}

fn fill(stored: &Mutex<Stored>, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut stored = stored.lock().unwrap_or_else(PoisonError::into_inner);
    stored.seek(SeekFrom::Start(offset))?;
    let mut filled = 0;
    while filled < buffer.len() {
        match stored.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

impl Length for ColumnBytes {
    fn len(&self) -> u64 {
        self.range.end
    }
}

impl ChunkReader for ColumnBytes {
    type T = HeaderBytes;

    /// The header of a page that begins here. It is looked at only when it is read: the decoder asks for it twice.
    fn get_read(&self, start: u64) -> Result<HeaderBytes> {
        Ok(HeaderBytes {
            stored: Arc::clone(&self.stored),
            failure: Arc::clone(&self.failure),
            start,
            end: self.range.end,
            nested: self.nested.clone(),
            header: None,
            at: 0,
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if length > PAGE_LIMIT || start.saturating_add(length as u64) > self.range.end {
            return Err(refused(format!("a page of {length} bytes at byte {start}")));
        }
        let mut bytes = vec![0; length];
        if read_at(&self.stored, &self.failure, start, &mut bytes)? < length {
            return Err(ParquetError::EOF(format!("the file ends inside the page at byte {start}")));
        }
        if matches!(self.compression, Compression::GZIP(_)) && length > PAGE_LIMIT / DEFLATE_RATIO {
            check_deflate(&bytes, start)?;
        }
        Ok(bytes.into())
    }
}

/// The decoder inflates gzip without a bound of its own, so a page that could pass ours is inflated into nothing first.
fn check_deflate(bytes: &[u8], start: u64) -> Result<()> {
    let mut inflated = flate2::read::MultiGzDecoder::new(bytes).take(PAGE_LIMIT as u64 + 1);
    if io::copy(&mut inflated, &mut io::sink())? > PAGE_LIMIT as u64 {
        return Err(refused(format!("the page at byte {start} inflates to more than {PAGE_LIMIT} bytes")));
    }
    Ok(())
}

/// The bytes of one page header, handed out only after they were checked.
pub(super) struct HeaderBytes {
    stored: Arc<Mutex<Stored>>,
    failure: Failure,
    start: u64,
    end: u64,
    nested: Option<Nested>,
    header: Option<Vec<u8>>,
    at: usize,
}

impl HeaderBytes {
    fn look(&self) -> io::Result<Vec<u8>> {
        let left = usize::try_from(self.end.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let unsound = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let mut look = HEADER_LOOK;
        loop {
            let mut bytes = vec![0; look.min(left)];
            let filled = read_at(&self.stored, &self.failure, self.start, &mut bytes)?;
            bytes.truncate(filled);
            match PageClaims::read(&bytes) {
                Ok((claims, length)) => {
                    self.check(claims).map_err(unsound)?;
                    bytes.truncate(length);
                    return Ok(bytes);
                }
                Err(Unsound::Short | Unsound::List(_)) if look < left.min(HEADER_LIMIT) => look *= 8,
                Err(why) => return Err(unsound(format!("the page header at byte {} is unsound: {why}", self.start))),
            }
        }
    }

    fn check(&self, claims: PageClaims) -> std::result::Result<(), String> {
        let start = self.start;
        let sized = |size: i64| usize::try_from(size).is_ok_and(|size| size <= PAGE_LIMIT);
        if !sized(claims.stored) || !sized(claims.inflated) {
            let (stored, inflated) = (claims.stored, claims.inflated);
            return Err(format!(
                "the page at byte {start} claims {stored} stored and {inflated} inflated bytes, the limit is {PAGE_LIMIT}"
            ));
        }
        let most = if claims.kind == 2 { DICTIONARY_LIMIT } else { PAGE_VALUES_LIMIT };
        if !(0..=most).contains(&claims.values) && claims.kind != 1 {
            return Err(format!("the page at byte {start} claims {} values, the limit is {most}", claims.values));
        }
        // In these a few bytes can claim gigabytes, by counts inside the page and by prefixes of the value before.
        let delta = match claims.encoding {
            6 => Some("DELTA_LENGTH_BYTE_ARRAY"),
            7 => Some("DELTA_BYTE_ARRAY"),
            _ => None,
        };
        if let Some(name) = delta {
            return Err(format!("the page at byte {start} is in {name}, which is not read"));
        }
        self.nested.as_ref().map_or(Ok(()), |nested| nested.claim(claims))
    }
}

impl Read for HeaderBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.header.is_none() {
            self.header = Some(self.look()?);
        }
        let header = self.header.as_deref().unwrap_or_default();
        let count = buffer.len().min(header.len() - self.at);
        buffer[..count].copy_from_slice(&header[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
