//! Damage and lies: nothing is made room for that isn't there, nothing panics out, and the place is told.
use parquet::basic::Compression;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData};
use std::io::Write as _;

use super::super::{PAGE_LIMIT, Table, TableError};
use super::{made, numbered, open};
use cleartitle_schema::thrift::PageClaims;

/// Reads all of a table; the error with its place, if there is one.
fn read(table: &Table) -> Result<u64, TableError> {
    let mut found = 0;
    for group in 0..table.groups() {
        let (mut keys, mut texts) = (table.group(group)?, table.texts(group)?);
        let mut row = 0;
        loop {
            let batch = keys.next_rows()?;
            if batch.is_empty() {
                break;
            }
            for _ in batch {
                texts.read(row)?;
                row += 1;
                found += 1;
            }
        }
        let scratch = tempfile::tempfile().unwrap();
        let mut writer = super::TableWriter::new(table, std::io::sink(), scratch).unwrap();
        for keep in [true, false] {
            let mut mask = vec![true; usize::try_from(row).unwrap()];
            mask[0] = keep;
            match writer.prepare(table, group, &mask) {
                Ok(prepared) => writer.put(table, prepared).unwrap(),
                Err(super::super::PutError::Damaged(error)) => return Err(error),
                Err(error) => panic!("{error}"),
            }
        }
    }
    Ok(found)
}

#[test]
fn a_table_cut_anywhere_is_refused() {
    let bytes = made(&numbered(40), 20, Compression::SNAPPY);
    for length in 0..bytes.len() {
        let refused = open(bytes[..length].to_vec());
        assert!(matches!(refused, Err(TableError::Footer { .. })), "{length}: {refused:?}");
    }
    assert_eq!(read(&open(bytes).unwrap()).unwrap(), 40);
}

#[test]
fn a_byte_changed_anywhere_never_panics() {
    let bytes = made(&numbered(24), 12, Compression::SNAPPY);
    let mut errors = 0;
    for at in (0..bytes.len()).step_by(13) {
        for flip in [0xff_u8, 0x01] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            let Ok(table) = open(changed) else {
                errors += 1;
                continue;
            };
            errors += usize::from(read(&table).is_err());
        }
    }
    assert!(errors > 20, "{errors}");
}

/// The same table under another footer.
fn with_footer(bytes: &[u8], change: impl Fn(ParquetMetaData) -> ParquetMetaData) -> Vec<u8> {
    let length = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap()) as usize;
    let body = bytes.len() - 8 - length;
    let metadata = ParquetMetaDataReader::decode_metadata(&bytes[body..bytes.len() - 8]).unwrap();
    let mut out = bytes[..body].to_vec();
    let changed = change(metadata);
    ParquetMetaDataWriter::new(&mut out, &changed).finish().unwrap();
    out
}

fn first_group(metadata: ParquetMetaData, change: impl Fn(RowGroupMetaData) -> RowGroupMetaData) -> ParquetMetaData {
    let mut builder = metadata.into_builder();
    let mut groups = builder.take_row_groups();
    let first = groups.remove(0);
    groups.insert(0, change(first));
    builder.set_row_groups(groups).build()
}

#[test]
fn a_footer_that_lies_is_refused_with_what_it_says() {
    let bytes = made(&numbered(24), 12, Compression::SNAPPY);
    assert!(open(with_footer(&bytes, |metadata| metadata)).is_ok());
    let rows = |rows: i64| {
        with_footer(&bytes, |metadata| {
            first_group(metadata, |group| group.into_builder().set_num_rows(rows).build().unwrap())
        })
    };
    for claimed in [-1, 13, 1 << 20, 1 << 40] {
        let refused = open(rows(claimed)).unwrap_err().to_string();
        assert!(refused.contains("row group 0"), "{refused}");
    }
    let chunk = |change: &dyn Fn(
        parquet::file::metadata::ColumnChunkMetaData,
    ) -> parquet::file::metadata::ColumnChunkMetaData| {
        with_footer(&bytes, |metadata| {
            first_group(metadata, |group| {
                let mut builder = group.into_builder();
                let mut columns = builder.take_columns();
                let first = columns.remove(0);
                columns.insert(0, change(first));
                builder.set_column_metadata(columns).build().unwrap()
            })
        })
    };
    let lies = [
        chunk(&|chunk| chunk.into_builder().set_total_compressed_size(1 << 50).build().unwrap()),
        chunk(&|chunk| chunk.into_builder().set_total_compressed_size(-5).build().unwrap()),
        chunk(&|chunk| chunk.into_builder().set_data_page_offset(i64::MAX).build().unwrap()),
        chunk(&|chunk| chunk.into_builder().set_num_values(1 << 40).build().unwrap()),
        chunk(&|chunk| chunk.into_builder().set_file_path("/etc/passwd".to_owned()).build().unwrap()),
    ];
    for lie in lies {
        let refused = open(lie).unwrap_err().to_string();
        assert!(refused.contains("row group 0 column `text`"), "{refused}");
    }
    // The length of the footer itself.
    let mut long = bytes.clone();
    let at = long.len() - 8;
    long[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(open(long).unwrap_err().to_string().contains("footer claims 4294967295"));
}

/// The stored place of the first page header of the text column, its length and what it claims.
fn first_page(bytes: &[u8], table: &Table) -> (usize, usize, PageClaims) {
    let at = usize::try_from(super::super::table::range(table.metadata.row_group(0).column(0)).start).unwrap();
    let (claims, length) = PageClaims::read(&bytes[at..]).unwrap();
    (at, length, claims)
}

#[test]
fn a_page_that_claims_or_inflates_too_much_is_refused_before_it_does() {
    // 300 MiB of zeros, deflated: within the page's stored size, far beyond what may be inflated.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    (0..300).for_each(|_| bomb.write_all(&zeros).unwrap());
    let bomb = bomb.finish().unwrap();
    // What deflate can't shorten by more than half has room for the bomb in its place.
    let mut noise = vec![0; bomb.len() * 2];
    blake3::Hasher::new().finalize_xof().fill(&mut noise);
    let row = super::Row { text: data_encoding::HEXLOWER.encode(&noise), ..super::Row::numbered(1) };
    let bytes = made(&[row], 1, Compression::GZIP(Default::default()));
    let table = open(bytes.clone()).unwrap();
    let (at, length, claims) = first_page(&bytes, &table);
    let stored = usize::try_from(claims.stored).unwrap();
    assert!(stored >= bomb.len(), "{stored} {}", bomb.len());
    let mut changed = bytes.clone();
    changed[at + length..at + length + bomb.len()].copy_from_slice(&bomb);
    let table = open(changed).unwrap();
    let refused = table.texts(0).unwrap().read(0).unwrap_err().to_string();
    assert!(refused.contains(&format!("inflates to more than {PAGE_LIMIT}")), "{refused}");
    assert!(refused.starts_with("row group 0, column `text`"), "{refused}");

    // A header that claims fewer bytes than none: its second field, changed in place.
    let big = vec![super::Row { text: "y".repeat(3_000), ..super::Row::numbered(1) }];
    let bytes = made(&big, 1, Compression::UNCOMPRESSED);
    let (at, _, claims) = first_page(&bytes, &open(bytes.clone()).unwrap());
    let mut number = Vec::new();
    let mut zigzag = claims.inflated.unsigned_abs() * 2;
    while zigzag >= 0x80 {
        number.push((zigzag & 0x7f) as u8 | 0x80);
        zigzag >>= 7;
    }
    number.push(zigzag as u8);
    let place = at + bytes[at..].windows(number.len()).position(|window| window == number).unwrap();
    let mut changed = bytes.clone();
    changed[place] |= 1;
    let table = open(changed).unwrap();
    let refused = table.texts(0).unwrap().read(0).map(drop).unwrap_err().to_string();
    assert!(refused.contains("the limit is"), "{refused}");
}
