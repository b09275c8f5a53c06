//! Decisions as a Parquet table: the lines of a finished input, made into columns for whoever asks by SQL.
//!
//! The lines are written first, as always, since some are taken back when a row group turns out damaged; the table is made of
//! what stands in the end. Columns have the members' names; lists of reasons and duties are JSON texts.

use super::FilterError;
use super::state;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// In which form decisions are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum DecisionsForm {
    /// `NAME.decisions.jsonl`.
    #[default]
    Jsonl,
    /// `NAME.decisions.parquet`.
    Parquet,
}

/// Columns of numbers; then those of texts.
const NUMBERS: [&str; 5] = ["offset", "length", "line", "row_group", "row"];
const TEXTS: [&str; 11] = [
    "file",
    "record",
    "url",
    "captured_at",
    "content",
    "verdict",
    "action",
    "because",
    "record_signals",
    "reasons",
    "duties",
];

/// Rows of one row group: what is held at once.
const GROUP: usize = 8192;

/// The table's place, given that of the lines.
#[must_use]
pub fn table_of(lines: &Path) -> PathBuf {
    lines.with_extension("parquet")
}

/// Puts the decisions of a finished input into the form that is wanted, and leaves none in another that an earlier run wrote.
///
/// # Errors
/// [`FilterError::Write`].
pub fn settle(lines: &Path, form: DecisionsForm) -> Result<(), FilterError> {
    let table = table_of(lines);
    let old = match form {
        DecisionsForm::Jsonl => &table,
        DecisionsForm::Parquet => {
            let input = File::open(lines).map_err(|source| FilterError::write(lines, source))?;
            state::place(&table, |file| convert(BufReader::new(input), file).map_err(io::Error::other))?;
            lines
        }
    };
    state::remove_left(old)
}

/// Makes a table of lines.
fn convert(lines: impl io::BufRead, file: &mut File) -> Result<(), ParquetError> {
    let columns = NUMBERS.iter().map(|name| format!("OPTIONAL INT64 {name};"));
    let columns = columns.chain(TEXTS.iter().map(|name| format!("OPTIONAL BYTE_ARRAY {name} (UTF8);")));
    let schema = format!("message decisions {{ {} }}", columns.collect::<Vec<_>>().join(" "));
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = SerializedFileWriter::new(file, Arc::new(parse_message_type(&schema)?), Arc::new(properties))?;
    let mut rows: Vec<Map<String, Value>> = Vec::new();
    for line in lines.lines() {
        let row = serde_json::from_str(&line?).map_err(|error| ParquetError::External(error.into()))?;
        rows.push(row);
        if rows.len() == GROUP {
            group(&mut writer, &rows)?;
            rows.clear();
        }
    }
    if !rows.is_empty() {
        group(&mut writer, &rows)?;
    }
    writer.close().map(drop)
}

fn group(writer: &mut SerializedFileWriter<&mut File>, rows: &[Map<String, Value>]) -> Result<(), ParquetError> {
    let known = |row: &Map<String, Value>| {
        row.keys().all(|key| NUMBERS.contains(&key.as_str()) || TEXTS.contains(&key.as_str()))
    };
    if !rows.iter().all(known) {
        // A member without a column would be lost without a word.
        return Err(ParquetError::General("a decision has a member that the table has no column for".to_owned()));
    }
    let mut group = writer.next_row_group()?;
    for name in NUMBERS {
        let cells: Vec<Option<&Value>> = rows.iter().map(|row| row.get(name)).collect();
        let number = |value: &Value| value.as_i64().ok_or_else(|| ParquetError::General(format!("`{name}`: {value}")));
        let values = cells.iter().flatten().map(|value| number(value)).collect::<Result<Vec<_>, _>>()?;
        let mut column = group.next_column()?.ok_or(ParquetError::EOF("a column is missing".to_owned()))?;
        column.typed::<Int64Type>().write_batch(&values, Some(&levels(&cells)), None)?;
        column.close()?;
    }
    for name in TEXTS {
        let cells: Vec<Option<&Value>> = rows.iter().map(|row| row.get(name)).collect();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let values: Vec<ByteArray> =
            cells.iter().flatten().map(|value| ByteArray::from(text(value).into_bytes())).collect();
        let mut column = group.next_column()?.ok_or(ParquetError::EOF("a column is missing".to_owned()))?;
        column.typed::<ByteArrayType>().write_batch(&values, Some(&levels(&cells)), None)?;
        column.close()?;
    }
    group.close().map(drop)
}

/// Definition levels: whether there is a value.
fn levels(cells: &[Option<&Value>]) -> Vec<i16> {
    cells.iter().map(|cell| i16::from(cell.is_some())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::Field;
    use std::io::Cursor;

    fn converted(lines: &str) -> Result<Vec<Value>, ParquetError> {
        let mut file = tempfile::tempfile().unwrap();
        convert(Cursor::new(lines), &mut file)?;
        let reader = SerializedFileReader::new(file)?;
        let cell = |(name, field): (&String, &Field)| {
            let value = match field {
                Field::Null => Value::Null,
                Field::Long(number) => Value::from(*number),
                Field::Str(text) => Value::from(text.as_str()),
                other => panic!("{name}: {other}"),
            };
            (name.clone(), value)
        };
        Ok(reader.get_row_iter(None)?.map(|row| row.unwrap().get_column_iter().map(cell).collect()).collect())
    }

    #[test]
    fn every_member_of_every_line_is_in_the_table() {
        let line =
            r#"{"offset":7,"length":9,"url":"https://a.example/","verdict":"reserved","reasons":[{"code":"x"}]}"#;
        let other = r#"{"line":3,"verdict":"unknown","action":"drop","because":"b","record_signals":"not-checked"}"#;
        let count = GROUP + 2;
        let lines: String = (0..count).map(|at| [line, other][at % 2].to_owned() + "\n").collect();
        let rows = converted(&lines).unwrap();
        assert_eq!(rows.len(), count);
        assert_eq!((&rows[0]["offset"], &rows[0]["reasons"]), (&Value::from(7), &Value::from(r#"[{"code":"x"}]"#)));
        assert_eq!((&rows[GROUP + 1]["line"], &rows[GROUP + 1]["url"]), (&Value::from(3), &Value::Null));
        assert_eq!(rows[1]["record_signals"], "not-checked");
        assert_eq!(converted("").unwrap().len(), 0);
    }

    #[test]
    fn nothing_is_left_out_without_a_word() {
        for wrong in [r#"{"new":1}"#, r#"{"offset":"7"}"#, "[]", "{"] {
            assert!(converted(&format!("{wrong}\n")).is_err(), "{wrong}");
        }
    }
}
