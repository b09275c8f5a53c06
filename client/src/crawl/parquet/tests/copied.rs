//! Kept rows are unchanged, whatever is dropped around them, and with them schema and metadata.
use parquet::basic::Compression;
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;

use super::super::table::range;
use super::{copy, made, numbered, open, rows};

fn masks(keep: &[bool], in_group: usize) -> Vec<Vec<bool>> {
    keep.chunks(in_group).map(<[bool]>::to_vec).collect()
}

#[test]
fn a_row_group_that_stays_whole_goes_over_as_its_stored_bytes() {
    let bytes = made(&numbered(96), 32, Compression::SNAPPY);
    let table = open(bytes.clone()).unwrap();
    // The second row group is dropped, the third loses one row.
    let keep: Vec<bool> = (0..96).map(|row| !(32..=64).contains(&row)).collect();
    let out = copy(&table, &masks(&keep, 32));
    let copied = open(out.clone()).unwrap();
    assert_eq!((copied.groups(), copied.rows_of(0), copied.rows_of(1)), (2, 32, 31));
    for (was, is) in table.metadata.row_group(0).columns().iter().zip(copied.metadata.row_group(0).columns()) {
        let cut = |bytes: &[u8], chunk| {
            let range: std::ops::Range<u64> = range(chunk);
            bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()].to_vec()
        };
        assert_eq!(cut(&bytes, was), cut(&out, is));
        assert_eq!(was.statistics(), is.statistics());
        assert_eq!(was.compression(), is.compression());
    }
    let file = |bytes: &[u8]| SerializedFileReader::new(bytes::Bytes::copy_from_slice(bytes)).unwrap();
    let (was, is) = (file(&bytes), file(&out));
    let (was, is) = (was.metadata().file_metadata(), is.metadata().file_metadata());
    assert_eq!(was.schema(), is.schema());
    assert_eq!(was.key_value_metadata(), is.key_value_metadata());
}

#[test]
fn a_table_of_which_nothing_stays_is_a_table_without_rows() {
    let table = open(made(&numbered(10), 5, Compression::SNAPPY)).unwrap();
    let copied = open(copy(&table, &masks(&[false; 10], 5))).unwrap();
    assert_eq!(copied.groups(), 0);
    let empty = open(made(&[], 5, Compression::SNAPPY)).unwrap();
    assert_eq!(open(copy(&empty, &[])).unwrap().groups(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn kept_rows_are_those_that_were_there(keep in prop::collection::vec(any::<bool>(), 90), in_group in 1_usize..60) {
        let bytes = made(&numbered(90), in_group, Compression::SNAPPY);
        let table = open(bytes.clone()).unwrap();
        let wanted = rows(&bytes).into_iter().flatten().zip(&keep).filter(|(_, keep)| **keep).map(|(row, _)| row);
        let out = copy(&table, &masks(&keep, in_group));
        prop_assert_eq!(rows(&out).into_iter().flatten().collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
        // The same rows give the same bytes.
        prop_assert_eq!(copy(&table, &masks(&keep, in_group)), out);
    }
}
