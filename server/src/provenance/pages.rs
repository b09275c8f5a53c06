//! Pages of a column: each header is walked and its claims are held against our limits before the decoder sees it, and one page can be
//! read without the others.

use bytes::Bytes;
use cleartitle_schema::provenance::MAX_ROW;
use cleartitle_schema::thrift::{PageClaims, Unsound};
use parquet::column::page::PageReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::SerializedPageReader;
use std::ops::Range;
use std::sync::Arc;

/// First look at a page's header; most have less than 100 bytes.
const HEADER_LOOK: u64 = 512;
/// Most bytes of a page's header, statistics and all.
const HEADER_LIMIT: u64 = 1 << 20;
/// Most bytes of a page, stored or inflated.
const PAGE_LIMIT: i64 = 32 << 20;
/// Most values that a dictionary may claim; each costs 32 bytes when it is opened.
const DICTIONARY_LIMIT: i64 = 1 << 20;
/// Most pages of a column of a row group: whoever looks for one row reads the headers before it.
const PAGES_LIMIT: usize = 512;
/// Encodings of values that are read: plain, by dictionary in either spelling, and runs of levels. In others a few bytes can claim gigabytes.
const ENCODINGS: [i64; 4] = [0, 2, 3, 8];

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// Its bytes in the chunk, header and all.
    pub(super) bytes: Range<u64>,
    /// Its rows in the row group; none of a dictionary.
    pub(super) rows: Range<u64>,
}

impl Page {
    fn is_dictionary(&self) -> bool {
        self.rows.is_empty()
    }
}

/// The pages of a chunk of so many bytes and rows. `fetch` reads a range of the chunk.
pub(super) fn pages<E: From<String>>(
    length: u64,
    rows: u64,
    fetch: impl Fn(Range<u64>) -> Result<Bytes, E>,
) -> Result<Vec<Page>, E> {
    let (mut found, mut at, mut next) = (Vec::new(), 0, 0);
    while at < length {
        let (claims, header) = header(at, length, &fetch)?;
        let told = |why: String| E::from(format!("the page at byte {at} of the column {why}"));
        // Rows are read some hundreds at a time and hold their pages: many small pages must not be large ones.
        let values = claims.values.clamp(0, PAGE_LIMIT);
        let most = if claims.kind == 2 { PAGE_LIMIT } else { PAGE_LIMIT.min((values + 1) * MAX_ROW as i64) };
        if !(0..=PAGE_LIMIT).contains(&claims.stored) || !(0..=most).contains(&claims.inflated) {
            let PageClaims { stored, inflated, .. } = claims;
            return Err(told(format!("claims {stored} stored and {inflated} inflated bytes, the limit is {most}")));
        }
        let end = at + header + claims.stored.unsigned_abs();
        if end > length {
            return Err(told(format!("ends at byte {end}, the column at {length}")));
        }
        let begins = next;
        match claims.kind {
            2 if found.is_empty() && (0..=DICTIONARY_LIMIT).contains(&claims.values) => {}
            0 | 3 if claims.values > 0 && ENCODINGS.contains(&claims.encoding) => next += claims.values.unsigned_abs(),
            2 => return Err(told(format!("is a second dictionary, or one of {} values", claims.values))),
            0 | 3 => {
                let (values, encoding) = (claims.values, claims.encoding);
                return Err(told(format!(
                    "has {values} values in encoding {encoding}; plain and by dictionary are read"
                )));
            }
            other => return Err(told(format!("is of kind {other}, which is not read"))),
        }
        found.push(Page { bytes: at..end, rows: begins..next });
        if found.len() > PAGES_LIMIT || next > rows {
            return Err(told(format!(
                "is one of more than {PAGES_LIMIT}, or has more than the row group's {rows} rows"
            )));
        }
        at = end;
    }
    if next == rows { Ok(found) } else { Err(E::from(format!("the column has {next} rows, its row group {rows}"))) }
}

/// The claims of the header that begins at this byte of the chunk, and how long it is.
fn header<E: From<String>>(
    at: u64,
    length: u64,
    fetch: &impl Fn(Range<u64>) -> Result<Bytes, E>,
) -> Result<(PageClaims, u64), E> {
    let left = length - at;
    let mut look = HEADER_LOOK;
    loop {
        match PageClaims::read(&fetch(at..at + look.min(left))?) {
            Ok((claims, header)) => return Ok((claims, header as u64)),
            Err(Unsound::Short | Unsound::List(_)) if look < left.min(HEADER_LIMIT) => look *= 8,
            Err(why) => return Err(E::from(format!("the page header at byte {at} of the column is unsound: {why}"))),
        }
    }
}

/// The page that holds a row of the row group, with the dictionary before it; and how many rows of the page come before the row.
pub(super) fn page_of(pages: &[Page], row: u64) -> Option<(Vec<&Page>, u64)> {
    let at = pages.iter().position(|page| page.rows.contains(&row))?;
    let dictionary = pages.first().filter(|first| first.is_dictionary());
    Some((dictionary.into_iter().chain([&pages[at]]).collect(), row - pages[at].rows.start))
}

/// A reader of pages that lie one behind the other in these bytes, and were walked before.
pub(super) fn reader(
    chunk: &ColumnChunkMetaData,
    bytes: Bytes,
    rows: u64,
) -> Result<Box<dyn PageReader>, ParquetError> {
    let moved = chunk
        .clone()
        .into_builder()
        .set_dictionary_page_offset(None)
        .set_data_page_offset(0)
        .set_total_compressed_size(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
        .set_num_values(i64::try_from(rows).unwrap_or(i64::MAX))
        .build()?;
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    Ok(Box::new(SerializedPageReader::new(Arc::new(bytes), &moved, rows, None)?))
}
