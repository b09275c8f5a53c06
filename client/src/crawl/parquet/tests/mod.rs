//! Tables made here, read, copied, damaged and lied about.
mod copied;
mod damaged;
mod read;

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type, Int96, Int96Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::super::fields::FieldChoice;
use super::super::store::Stored;
use super::{Table, TableError, TableWriter};

const SCHEMA: &str = "message schema {
    required binary text (UTF8);
    optional binary id (UTF8);
    optional binary url (UTF8);
    optional int64 date (TIMESTAMP_MICROS);
    optional double language_score;
    optional int96 seen;
    optional group tags (LIST) { repeated group list { optional binary element (UTF8); } }
}";

/// A row of the tables made here.
#[derive(Debug, Clone)]
struct Row {
    text: String,
    url: Option<String>,
    date: Option<i64>,
    tags: Option<Vec<Option<String>>>,
}

impl Row {
    fn numbered(number: usize) -> Self {
        Self {
            text: format!("text {number} {}", "x".repeat(number % 50)),
            url: (number % 7 != 3).then(|| format!("https://site{}.example/{number}", number % 5)),
            date: (number % 11 != 4).then_some(1_700_000_000_000_000 + number as i64),
            tags: match number % 4 {
                0 => None,
                1 => Some(Vec::new()),
                many => Some((0..many).map(|at| (at != 2).then(|| format!("tag {at}"))).collect()),
            },
        }
    }
}

fn flat<T: DataType>(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, values: &[Option<T::T>], required: bool) {
    let mut column = group.next_column().unwrap().unwrap();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.iter().flatten().cloned().collect();
    column.typed::<T>().write_batch(&values, (!required).then_some(&levels), None).unwrap();
    column.close().unwrap();
}

fn bytes(text: &str) -> ByteArray {
    ByteArray::from(text.as_bytes().to_vec())
}

fn tags(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, rows: &[Row]) {
    let (mut defs, mut reps, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match row.tags.as_deref() {
            None => (defs.push(0), reps.push(0)),
            Some([]) => (defs.push(1), reps.push(0)),
            Some(tags) => {
                for (at, tag) in tags.iter().enumerate() {
                    reps.push(i16::from(at > 0));
                    defs.push(if tag.is_some() { 3 } else { 2 });
                    values.extend(tag.as_deref().map(bytes));
                }
                ((), ())
            }
        };
    }
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&values, Some(&defs), Some(&reps)).unwrap();
    column.close().unwrap();
}

/// A table of these rows, so many to a row group.
fn made(rows: &[Row], in_group: usize, codec: Compression) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_data_page_row_count_limit(16)
        .set_write_batch_size(8)
        .set_key_value_metadata(Some(vec![KeyValue::new("huggingface".to_owned(), "{\"info\":1}".to_owned())]))
        .build();
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for rows in rows.chunks(in_group) {
        let mut group = writer.next_row_group().unwrap();
        let each = |value: &dyn Fn(&Row) -> Option<ByteArray>| rows.iter().map(value).collect::<Vec<_>>();
        flat::<ByteArrayType>(&mut group, &each(&|row| Some(bytes(&row.text))), true);
        flat::<ByteArrayType>(&mut group, &each(&|row| Some(bytes(&format!("<urn:{}>", row.text.len())))), false);
        flat::<ByteArrayType>(&mut group, &each(&|row| row.url.as_deref().map(bytes)), false);
        flat::<Int64Type>(&mut group, &rows.iter().map(|row| row.date).collect::<Vec<_>>(), false);
        let scores: Vec<_> = rows.iter().map(|row| (row.text.len() % 3 > 0).then_some(f64::NAN)).collect();
        flat::<DoubleType>(&mut group, &scores, false);
        let seen = rows.iter().map(|row| {
            let mut seen = Int96::new();
            seen.set_data(1, 2, u32::try_from(row.text.len()).unwrap());
            Some(seen)
        });
        flat::<Int96Type>(&mut group, &seen.collect::<Vec<_>>(), false);
        tags(&mut group, rows);
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn numbered(count: usize) -> Vec<Row> {
    (0..count).map(Row::numbered).collect()
}

fn open(bytes: Vec<u8>) -> Result<Table, TableError> {
    Table::open(Stored::memory(bytes.into()), "t.parquet", &FieldChoice::default())
}

/// The rows that the crate's own reader finds, as text.
fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
    let reader = SerializedFileReader::new(Bytes::copy_from_slice(bytes)).unwrap();
    let groups = (0..reader.num_row_groups()).map(|group| reader.get_row_group(group).unwrap());
    groups.map(|group| group.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect()).collect()
}

/// What the writer makes of a table when it keeps rows by a mask of each row group.
fn copy(table: &Table, masks: &[Vec<bool>]) -> Vec<u8> {
    let scratch: File = tempfile::tempfile().unwrap();
    let mut writer = TableWriter::new(table, Vec::new(), scratch).unwrap();
    for (group, mask) in masks.iter().enumerate() {
        let prepared = writer.prepare(table, group, mask).unwrap();
        writer.put(table, prepared).unwrap();
    }
    writer.finish().unwrap()
}
