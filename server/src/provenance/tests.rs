//! Tables that a library of others wrote: read row by row, all at once, and damaged; and runs.

use std::sync::Arc;

use cleartitle_schema::id::{ContentId, ContentName};
use cleartitle_schema::issuer::Domain;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use super::run::{BLOCK_KEYS, key};
use super::*;

const SCHEMA: &str = "message schema {
    required binary content (UTF8);
    optional binary url (UTF8);
    optional int64 captured_at (TIMESTAMP_MILLIS);
}";

fn name(number: usize) -> ContentName {
    ContentName::Blake3(ContentId::of(&number.to_be_bytes()))
}

fn url(number: usize) -> Option<String> {
    (number % 5 != 4)
        .then(|| format!("https://{}.example/{number}", if number.is_multiple_of(2) { "press" } else { "herald" }))
}

/// A table of so many rows, `in_group` to a row group.
fn made(schema: &str, rows: usize, in_group: usize, properties: WriterPropertiesBuilder) -> Vec<u8> {
    let properties = properties.set_data_page_row_count_limit(37).set_write_batch_size(8).build();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let numbers: Vec<usize> = (0..rows).collect();
    for numbers in numbers.chunks(in_group) {
        let mut group = writer.next_row_group().unwrap();
        let text = |text: String| ByteArray::from(text.into_bytes());
        let names: Vec<_> = numbers.iter().map(|number| text(name(number / 2).to_string())).collect();
        let urls: Vec<_> = numbers.iter().map(|number| url(*number).map(text)).collect();
        let times: Vec<_> = numbers.iter().map(|number| *number as i64 * 1000 + 999).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&names, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let levels: Vec<i16> = urls.iter().map(|url| i16::from(url.is_some())).collect();
        let urls: Vec<_> = urls.into_iter().flatten().collect();
        column.typed::<ByteArrayType>().write_batch(&urls, Some(&levels), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&times, Some(&vec![1; times.len()]), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn reading(bytes: &[u8]) -> impl Fn(Range<u64>) -> Result<Vec<u8>, StoreError> + '_ {
    |range| {
        let part = bytes.get(range.start as usize..range.end as usize);
        part.map(<[u8]>::to_vec).ok_or_else(|| StoreError::Damaged(format!("{range:?}")))
    }
}

fn loaded(bytes: &[u8], rows: u64) -> Result<Vec<Block>, TableError> {
    let own = "press.example".parse::<Domain>().unwrap().authority();
    let mut run = Vec::new();
    let mut put = |blocks: &[Block]| {
        run.extend_from_slice(blocks);
        Ok(())
    };
    let mut loading = Loading { own: &own, put: &mut put, goes_on: &|_| true, logged: false };
    load(&reading(bytes), bytes.len() as u64, rows, &mut loading)?;
    Ok(run)
}

fn zstd() -> WriterPropertiesBuilder {
    WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()))
}

#[test]
fn each_row_is_found_by_its_name_and_read_by_its_number() {
    for properties in [zstd(), zstd().set_dictionary_enabled(false), WriterProperties::builder()] {
        let bytes = made(SCHEMA, 1000, 300, properties);
        let run = loaded(&bytes, 1000).unwrap();
        assert_eq!(run.iter().map(|block| block.0.len()).sum::<usize>(), 1000 * KEY);
        assert!(run.is_sorted_by_key(|block| block.0.clone()));
        let table = Table::open(&reading(&bytes), bytes.len() as u64).unwrap();
        for number in 0..500 {
            let found = found(&run, &name(number), 9);
            assert_eq!(found.len(), 2, "{number}");
            for (row, shown) in found {
                let record = table.row(&reading(&bytes), u64::from(row)).unwrap();
                let row = row as usize;
                assert_eq!((row / 2, record.content.as_slice()), (number, [name(number)].as_slice()));
                assert_eq!(record.fetched_url(), url(row).as_deref());
                assert_eq!(record.captured_at.unwrap().0, row as i64);
                assert_eq!(shown, url(row).is_some_and(|url| url.starts_with("https://press.")));
            }
        }
        assert_eq!(found(&run, &name(500), 9), []);
        assert!(table.row(&reading(&bytes), 1000).is_err());
    }
}

#[test]
fn what_no_table_has_is_refused_by_its_name() {
    let refused = |schema: &str, properties, needed: &str| {
        let error = loaded(&made(schema, 10, 5, properties), 10).unwrap_err().to_string();
        assert!(error.contains(needed), "{error}");
    };
    refused(&SCHEMA.replace("url", "text"), zstd(), "a column `text`");
    refused(&SCHEMA.replace("content", "channel"), zstd(), "names no documents");
    refused(
        &SCHEMA.replace("captured_at (TIMESTAMP_MILLIS)", "captured_at"),
        zstd(),
        "`captured_at` is stored as INT64",
    );
    let gzip = WriterProperties::builder().set_compression(Compression::GZIP(Default::default()));
    refused(SCHEMA, gzip, "row group 0, column `content`: it is compressed by GZIP");
    let delta = zstd().set_dictionary_enabled(false).set_column_encoding("url".into(), Encoding::DELTA_BYTE_ARRAY);
    refused(SCHEMA, delta, "column `url`: the page at byte 0 of the column has");
}

#[test]
fn whatever_is_changed_in_a_table_ends_in_words() {
    let whole = made(SCHEMA, 60, 25, zstd());
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        if let Err(TableError::Store(error)) = loaded(&changed, 60) {
            panic!("byte {at}: {error}");
        }
    }
    for length in 0..whole.len() {
        assert!(loaded(&whole[..length], 60).is_err(), "{length}");
    }
}

#[test]
fn a_row_that_is_repeated_for_nothing_does_not_take_time_for_nothing() {
    // Half a megabyte of URL in a dictionary, a hundred thousand times.
    let schema = Arc::new(
        parse_message_type("message schema { required binary content (UTF8); required binary url (UTF8); }").unwrap(),
    );
    let properties = Arc::new(zstd().set_dictionary_page_size_limit(1 << 20).build());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for value in [name(1).to_string(), format!("https://press.example/{}", "x".repeat(60_000))] {
        let mut column = group.next_column().unwrap().unwrap();
        let values = vec![ByteArray::from(value.into_bytes()); 100_000];
        column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    let bytes = writer.into_inner().unwrap();
    assert!(bytes.len() < 100_000, "{}", bytes.len());
    let error = loaded(&bytes, 100_000).unwrap_err().to_string();
    assert!(error.contains("stand for more than"), "{error}");
}

proptest! {
    #[test]
    fn changes_anywhere_at_once_end_in_words(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut changed = made(SCHEMA, 30, 13, zstd());
        for (place, byte) in changes {
            let place = place.index(changed.len());
            changed[place] = byte;
        }
        prop_assert!(!matches!(loaded(&changed, 30), Err(TableError::Store(_))));
    }

    #[test]
    fn two_blocks_tell_what_the_whole_run_tells(
        rows in prop::collection::vec((0_usize..6, 0_u32..4000, any::<bool>()), 0..3000),
        asked in 0_usize..7,
    ) {
        let mut keys: Vec<_> = rows.iter().map(|(number, row, shown)| key(&name(*number), *row, *shown)).collect();
        keys.sort_unstable();
        keys.dedup();
        let blocks: Vec<Block> = keys.chunks(BLOCK_KEYS).map(|keys| Block(keys.concat())).collect();
        let name = name(asked);
        let (least, greatest) = super::keys(&name);
        // What the store asks for: the last block that begins at or before the least key, and the first behind it within the name.
        let before = blocks.iter().rfind(|block| block.first() <= least.as_slice());
        let behind = blocks.iter().find(|block| block.first() > least.as_slice() && block.first() <= greatest.as_slice());
        let two: Vec<Block> = before.into_iter().chain(behind).cloned().collect();
        prop_assert_eq!(found(&two, &name, 64), found(&blocks, &name, 64));
        let mut expected: Vec<(bool, u32)> =
            rows.iter().filter(|(number, ..)| *number == asked).map(|(_, row, shown)| (!shown, *row)).collect();
        expected.sort_unstable();
        expected.dedup();
        let told: Vec<(bool, u32)> = found(&blocks, &name, 9999).into_iter().map(|(row, shown)| (!shown, row)).collect();
        prop_assert_eq!(told, expected);
    }
}
