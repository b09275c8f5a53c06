//! Provenance tables as publishers would write them: Parquet by the library, row group by row group.

use std::io::Write;
use std::sync::Arc;

use cleartitle_schema::id::{ContentId, ListId};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};

use crate::publisher::Publisher;

/// The media type of a table.
pub const PARQUET: &str = "application/vnd.apache.parquet";

const SCHEMA: &str = "message schema {
    optional fixed_len_byte_array(32) content;
    optional fixed_len_byte_array(32) sha256;
    optional binary url (UTF8);
    optional int64 captured_at (TIMESTAMP_MICROS);
    optional binary channel (UTF8);
    optional binary more (UTF8);
}";

/// One row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// BLAKE3 of the document.
    pub content: Option<[u8; 32]>,
    /// Its SHA-256.
    pub sha256: Option<[u8; 32]>,
    /// Where it was fetched from.
    pub url: Option<String>,
    /// When, in seconds since 1970.
    pub captured_at: Option<i64>,
    /// How.
    pub channel: Option<&'static str>,
    /// What else is said of it, as JSON.
    pub more: Option<String>,
}

impl Row {
    /// A document with this text, fetched from this URL.
    #[must_use]
    pub fn of(text: &str, url: &str) -> Self {
        let content = Some(ContentId::of(text.as_bytes()).0);
        Self { content, url: Some(url.to_owned()), captured_at: Some(1_767_225_600), ..Self::default() }
    }

    /// The same as a line of a batch.
    ///
    /// # Panics
    /// When `more` is no JSON object.
    #[must_use]
    pub fn line(&self) -> Value {
        let mut record: Value =
            self.more.as_deref().map_or(json!({}), |more| serde_json::from_str(more).expect("JSON"));
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let blake3 = self.content.map(|digest| format!("blake3:{}", hex(&digest)));
        let sha256 = self.sha256.map(|digest| format!("sha256:{}", hex(&digest)));
        record["content"] = blake3.into_iter().chain(sha256).collect();
        if let Some(url) = &self.url {
            record["urls"] = json!([{ "role": "fetched", "url": url }]);
        }
        if let Some(seconds) = self.captured_at {
            record["captured_at"] = json!(cleartitle_schema::time::Timestamp(seconds).to_string());
        }
        if let Some(channel) = self.channel {
            record["channel"] = json!(channel);
        }
        record
    }
}

fn column<T: DataType, W: Write + Send>(group: &mut SerializedRowGroupWriter<'_, W>, values: Vec<Option<T::T>>) {
    let mut column = group.next_column().expect("a column").expect("a column");
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    column.typed::<T>().write_batch(&values, Some(&levels), None).expect("values");
    column.close().expect("a column");
}

/// Writes a table of these row groups.
///
/// # Panics
/// When it can't be written.
pub fn write_table<W: Write + Send>(out: W, groups: impl IntoIterator<Item = Vec<Row>>) -> W {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_column_dictionary_enabled("content".into(), false)
        .set_column_dictionary_enabled("url".into(), false)
        .build();
    let schema = Arc::new(parse_message_type(SCHEMA).expect("a schema"));
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties)).expect("a file");
    for rows in groups {
        let mut group = writer.next_row_group().expect("a row group");
        let digest = |digest: Option<[u8; 32]>| digest.map(|it| FixedLenByteArray::from(it.to_vec()));
        let text = |text: Option<&str>| text.map(|it| ByteArray::from(it.as_bytes().to_vec()));
        column::<FixedLenByteArrayType, _>(&mut group, rows.iter().map(|row| digest(row.content)).collect());
        column::<FixedLenByteArrayType, _>(&mut group, rows.iter().map(|row| digest(row.sha256)).collect());
        column::<ByteArrayType, _>(&mut group, rows.iter().map(|row| text(row.url.as_deref())).collect());
        let times = rows.iter().map(|row| row.captured_at.map(|seconds| seconds * 1_000_000)).collect();
        column::<Int64Type, _>(&mut group, times);
        column::<ByteArrayType, _>(&mut group, rows.iter().map(|row| text(row.channel)).collect());
        column::<ByteArrayType, _>(&mut group, rows.iter().map(|row| text(row.more.as_deref())).collect());
        group.close().expect("a row group");
    }
    writer.into_inner().expect("a whole file")
}

/// A table of these rows, so many to a row group.
#[must_use]
pub fn table(rows: &[Row], in_group: usize) -> Vec<u8> {
    write_table(Vec::new(), rows.chunks(in_group).map(<[Row]>::to_vec))
}

/// The manifest statement of a table.
#[must_use]
pub fn manifest(publisher: &Publisher, table: &[u8], rows: usize) -> Value {
    publisher.statement(json!({
        "kind": "manifest", "role": "provenance", "list": ListId::of(table).to_string(), "rows": rows,
        "bytes": table.len(), "media_type": PARQUET,
    }))
}
