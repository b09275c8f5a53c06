//! What was written is read: keys in turn, texts where they are asked for, the columns wherever they are named.
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::ByteArrayType;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::sync::Arc;

use super::super::super::fields::{FieldChoice, MissingField, Part};
use super::super::super::store::Stored;
use super::super::{Table, TableError};
use super::{bytes, flat, made, numbered, open};

#[test]
fn keys_and_texts_are_those_of_the_rows() {
    let rows = numbered(150);
    for codec in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::GZIP(Default::default()),
        Compression::LZ4_RAW,
    ] {
        let table = open(made(&rows, 64, codec)).unwrap();
        assert_eq!((table.groups(), table.rows_of(2)), (3, 22));
        let mut all = rows.iter();
        for group in 0..table.groups() {
            let (mut keys, mut texts) = (table.group(group).unwrap(), table.texts(group).unwrap());
            let found = keys.next_rows().unwrap();
            assert!(keys.next_rows().unwrap().is_empty());
            for (at, key) in found.iter().enumerate() {
                let row = all.next().unwrap();
                assert_eq!(key.url, row.url);
                assert_eq!(key.date.is_some(), row.date.is_some());
                assert!(key.date.as_deref().is_none_or(|date| date.starts_with("2023-11-14T22:13:20")));
                if at % 5 == 1 {
                    let text = texts.read(at as u64).unwrap().unwrap();
                    assert_eq!(text.data(), row.text.as_bytes());
                }
            }
        }
        assert!(all.next().is_none());
    }
}

fn one_row(schema: &str, values: &[(&str, bool)]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for (value, required) in values {
        flat::<ByteArrayType>(&mut group, &[Some(bytes(value))], *required);
    }
    group.close().unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn columns_are_found_nested_and_missing_ones_are_told() {
    let nested = one_row(
        "message s { required binary text (UTF8); required group meta { optional binary url (UTF8); } }",
        &[("t", true), ("https://a.example/", false)],
    );
    let table = open(nested).unwrap();
    assert_eq!(table.group(0).unwrap().next_rows().unwrap()[0].url.as_deref(), Some("https://a.example/"));
    let link = "message s { required binary text (UTF8); optional binary link (UTF8); }";
    let bytes = one_row(link, &[("t", true), ("https://a.example/", false)]);
    let missing = open(bytes.clone()).unwrap_err();
    assert!(matches!(missing, TableError::Field(MissingField { part: Part::Url, .. })), "{missing}");
    let choice = FieldChoice { url: Some("link".to_owned()), ..FieldChoice::default() };
    let table = Table::open(Stored::memory(bytes.into()), "t", &choice).unwrap();
    assert_eq!(table.group(0).unwrap().next_rows().unwrap()[0].url.as_deref(), Some("https://a.example/"));
    let number = "message s { required binary text (UTF8); required int32 url; }";
    let schema = Arc::new(parse_message_type(number).unwrap());
    let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let refused = open(writer.into_inner().unwrap());
    assert!(matches!(refused, Err(TableError::Unsupported { .. })), "{refused:?}");
}

#[test]
fn what_is_no_text_is_told_row_by_row() {
    let schema = "message s { required binary text (UTF8); required binary url (UTF8); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    flat::<ByteArrayType>(&mut group, &[Some(bytes("t")), Some(bytes("u"))], true);
    let broken = parquet::data_type::ByteArray::from(b"https://\xff.example/".to_vec());
    flat::<ByteArrayType>(&mut group, &[Some(broken), Some(bytes("https://b.example/"))], true);
    group.close().unwrap();
    let keys = open(writer.into_inner().unwrap()).unwrap().group(0).unwrap().next_rows().unwrap();
    assert_eq!((keys[0].broken, keys[1].broken), (Some("the URL"), None));
}
