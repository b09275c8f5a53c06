//! Our own manifests as Parquet: columns named as a row's members are.
//!
//! `url`, `content`, `captured_at` (text or timestamp), `acquired_at`, `published_at`, `canonical` and `channel` are plain
//! columns; `urls`, `aliases`, `collections`, `works`, `credits`, `marks`, `in_record`, `lineage` and `derived_from` hold JSON texts; `name` and
//! `license` say what a sheet would. Other columns are not read. Rows are read a batch at a time.

use super::entry::{Entry, Item, Origin, Place, Stated};
use crate::crawl::parquet::Texts;
use crate::crawl::store::{Location, Store};
use crate::question::{self, LineEntry};
use crate::unrepeated::Unrepeated;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The columns, those of plain texts first.
const NAMES: [&str; 19] = [
    "url",
    "content",
    "captured_at",
    "acquired_at",
    "published_at",
    "canonical",
    "channel",
    "access",
    "urls",
    "aliases",
    "collections",
    "works",
    "credits",
    "marks",
    "in_record",
    "lineage",
    "derived_from",
    "name",
    "license",
];
/// How many of them are plain texts.
const PLAIN: usize = 8;

/// The rows of a table.
pub struct Rows {
    file: Arc<str>,
    texts: Texts,
    row: u64,
    waiting: VecDeque<Item>,
}

impl Rows {
    /// Opens a table.
    ///
    /// # Errors
    /// It can't be read, or is no sound table with a column that names documents.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file: Arc<str> = Arc::from(path.display().to_string());
        let stored = Store::new().open(&Location::File(path.to_owned()))?;
        let texts = Texts::open(stored, &file, &NAMES).map_err(io::Error::other)?;
        Ok(Self { file, texts, row: 0, waiting: VecDeque::new() })
    }
}

/// What a row says, and the license that it states.
fn line(cells: &mut [Option<String>]) -> Result<(LineEntry, Option<String>), String> {
    // What was no UTF-8 came as this: another text than the one that was written.
    if let Some(at) = cells.iter().position(|cell| cell.as_ref().is_some_and(|text| text.contains('\u{fffd}'))) {
        return Err(format!("`{}` is no UTF-8", NAMES[at]));
    }
    let [name, license] = [17, 18].map(|at: usize| cells[at].take());
    let mut members = Map::new();
    let (mut content, mut urls) = (Vec::new(), Vec::new());
    for (at, cell) in cells.iter_mut().enumerate() {
        let Some(text) = cell.take().filter(|text| !text.is_empty()) else { continue };
        let value = if at < PLAIN {
            Value::String(text)
        } else {
            serde_json::from_str::<Unrepeated>(&text).map_err(|error| format!("`{}`: {error}", NAMES[at]))?.0
        };
        match (NAMES[at], value) {
            ("content", value) => content.push(value),
            ("aliases", Value::Array(names)) => content.extend(names),
            ("canonical", value) => urls.push(serde_json::json!({ "role": "canonical", "url": value })),
            ("urls", Value::Array(more)) => urls.extend(more),
            ("urls", _) => return Err("`urls` is no list".to_owned()),
            (name, value) => {
                members.insert(name.to_owned(), value);
            }
        }
    }
    if !content.is_empty() {
        members.insert("content".to_owned(), Value::Array(content));
    }
    if !urls.is_empty() {
        members.insert("urls".to_owned(), Value::Array(urls));
    }
    if let Some(name) = name {
        if members.is_empty() {
            members.insert("collections".to_owned(), serde_json::json!([name]));
        }
        members.insert("name".to_owned(), Value::String(name));
    }
    Ok((question::manifest_row(Value::Object(members))?, license))
}

impl Iterator for Rows {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<io::Result<Item>> {
        loop {
            if let Some(item) = self.waiting.pop_front() {
                return Some(Ok(item));
            }
            let place = |row| Place { file: Arc::clone(&self.file), row: Some(row), ..Place::default() };
            let rows = match self.texts.next_rows() {
                Ok(rows) if rows.is_empty() => return None,
                Ok(rows) => rows,
                Err((error, unread)) => {
                    let what = format!("{error}; {unread} rows were not read");
                    self.waiting.push_back(Item::Damage { place: place(self.row), what });
                    self.row += unread;
                    continue;
                }
            };
            for mut cells in rows {
                let place = place(self.row);
                self.row += 1;
                self.waiting.push_back(match line(&mut cells) {
                    Ok((LineEntry { copy, name, derived_from, .. }, license)) => {
                        let licenses = license.map(|text| Stated { text, place: place.member("license") });
                        let origin = |(link, of)| Origin { link, of, place: place.member("derived_from") };
                        let derived_from = derived_from.into_iter().map(origin).collect();
                        let licenses = licenses.into_iter().collect();
                        Item::Entry(Box::new(Entry { place, copy, name, licenses, derived_from, ..Entry::default() }))
                    }
                    Err(what) => Item::Damage { place, what },
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    use std::fs::File;

    /// A table of texts, its rows in groups of two.
    fn table(path: &Path, columns: &[&str], rows: &[&[Option<&[u8]>]]) {
        let fields: String = columns.iter().map(|name| format!("optional binary {name} (UTF8); ")).collect();
        let schema = Arc::new(parse_message_type(&format!("message schema {{ {fields} }}")).unwrap());
        let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::default()).unwrap();
        for rows in rows.chunks(2) {
            let mut group = writer.next_row_group().unwrap();
            for at in 0..columns.len() {
                let levels: Vec<i16> = rows.iter().map(|row| i16::from(row[at].is_some())).collect();
                let values: Vec<ByteArray> =
                    rows.iter().filter_map(|row| row[at]).map(|it| it.to_vec().into()).collect();
                let mut column = group.next_column().unwrap().unwrap();
                column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
                column.close().unwrap();
            }
            group.close().unwrap();
        }
        writer.close().unwrap();
    }

    fn read(path: &Path) -> Vec<Item> {
        Rows::open(path).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_table_says_what_the_same_rows_say_as_lines() {
        let folder = tempfile::tempdir().unwrap();
        let [table_path, lines_path] = ["m.parquet", "m.jsonl"].map(|name| folder.path().join(name));
        let id = format!("blake3:{}", "1".repeat(64));
        let lineage = format!(r#"[{{"link":"excerpt","parent":{{"content":["{id}"]}}}}]"#);
        let origins = r#"[{"link":"generated","of":"page"}]"#;
        let some = |text: &'static str| Some(text.as_bytes());
        let columns = ["url", "content", "captured_at", "name", "lineage", "derived_from", "other"];
        let rows: [[Option<&[u8]>; 7]; 3] = [
            [
                some("https://press.example/a"),
                Some(id.as_bytes()),
                some("2026-01-01T00:00:00Z"),
                some("page"),
                None,
                None,
                some("x"),
            ],
            [some("https://press.example/b"), None, None, None, Some(lineage.as_bytes()), None, None],
            [None, Some(id.as_bytes()), None, some("rewrite"), None, some(origins), None],
        ];
        table(&table_path, &columns, &rows.each_ref().map(<[_; 7]>::as_slice));
        let lines = [
            format!(
                r#"{{"url":"https://press.example/a","content":"{id}","captured_at":"2026-01-01T00:00:00Z","name":"page"}}"#
            ),
            format!(r#"{{"url":"https://press.example/b","lineage":{lineage}}}"#),
            format!(r#"{{"content":"{id}","name":"rewrite","derived_from":{origins}}}"#),
        ];
        std::fs::write(&lines_path, lines.join("\n")).unwrap();
        let told = |item: &Item| match item {
            Item::Entry(it) => (
                it.copy.clone(),
                it.name.clone(),
                it.derived_from.iter().map(|it| (it.link, it.of.clone())).collect::<Vec<_>>(),
            ),
            Item::NotChecked { what, .. } | Item::Damage { what, .. } => panic!("{what}"),
        };
        let by_lines: Vec<Item> = crate::dataset::open(&lines_path, None).unwrap().map(Result::unwrap).collect();
        let by_table = read(&table_path);
        assert_eq!(by_table.iter().map(told).collect::<Vec<_>>(), by_lines.iter().map(told).collect::<Vec<_>>());
        assert!(matches!(&by_table[2], Item::Entry(it) if it.place.row == Some(2) && it.derived_from.len() == 1));
    }

    #[test]
    fn a_row_that_is_none_is_damage_at_its_place_and_the_next_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.parquet");
        let url = Some(b"https://press.example/a".as_slice());
        let rows: [[Option<&[u8]>; 2]; 5] = [
            [Some(b"https://press.example/\xff"), None],
            [url, Some(b"[{\"link\":\"no-such\"}]")],
            [url, Some(b"[")],
            [None, None],
            [url, None],
        ];
        table(&path, &["url", "lineage"], &rows.each_ref().map(<[_; 2]>::as_slice));
        let found = read(&path);
        for (at, item) in found.iter().take(4).enumerate() {
            assert!(matches!(item, Item::Damage { place, .. } if place.row == Some(at as u64)), "{item:?}");
        }
        assert!(matches!(&found[4], Item::Entry(_)) && found.len() == 5, "{found:?}");
        table(&path, &["text"], &[&[url]]);
        assert!(Rows::open(&path).is_err(), "no column of a manifest");
    }
}
