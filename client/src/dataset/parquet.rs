//! Our own manifests as Parquet: columns named as a row's members are.
//!
//! `url`, `content`, `captured_at` (text or timestamp), `acquired_at`, `published_at`, `canonical` and `channel` are plain
//! columns; `aliases`, `collections`, `works`, `credits`, `marks`, `in_record` and `lineage` hold JSON texts; `name` and
//! `license` say what a sheet would. Other columns are not read. Rows are read a batch at a time.

use super::entry::{Entry, Item, Place, Stated};
use crate::crawl::parquet::Texts;
use crate::crawl::store::{Location, Store};
use crate::question;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The columns, those of plain texts first.
const NAMES: [&str; 16] = [
    "url",
    "content",
    "captured_at",
    "acquired_at",
    "published_at",
    "canonical",
    "channel",
    "access",
    "aliases",
    "collections",
    "works",
    "credits",
    "marks",
    "in_record",
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

/// The copy that a row is about, and its name and license.
fn copy(
    cells: &mut [Option<String>],
) -> Result<(cleartitle_schema::acquisition::Acquisition, Option<String>, Option<String>), String> {
    let (name, license) = (cells[14].take(), cells[15].take());
    let mut members = Map::new();
    let mut content = Vec::new();
    for (at, cell) in cells.iter_mut().enumerate() {
        let Some(text) = cell.take().filter(|text| !text.is_empty()) else { continue };
        let value = if at < PLAIN {
            Value::String(text)
        } else {
            serde_json::from_str(&text).map_err(|error| format!("`{}`: {error}", NAMES[at]))?
        };
        match (NAMES[at], value) {
            ("content", value) => content.push(value),
            ("aliases", Value::Array(names)) => content.extend(names),
            ("canonical", value) => {
                let url = serde_json::json!([{ "role": "canonical", "url": value }]);
                members.insert("urls".to_owned(), url);
            }
            (name, value) => {
                members.insert(name.to_owned(), value);
            }
        }
    }
    if !content.is_empty() {
        members.insert("content".to_owned(), Value::Array(content));
    }
    if members.is_empty()
        && let Some(name) = &name
    {
        members.insert("collections".to_owned(), serde_json::json!([name.trim().to_lowercase()]));
    }
    Ok((question::manifest_row(Value::Object(members))?.copy, name, license))
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
                self.waiting.push_back(match copy(&mut cells) {
                    Ok((copy, name, license)) => {
                        let licenses = license.map(|text| Stated { text, place: place.member("license") });
                        Item::Entry(Box::new(Entry {
                            place,
                            copy,
                            name,
                            licenses: licenses.into_iter().collect(),
                            ..Entry::default()
                        }))
                    }
                    Err(what) => Item::Damage { place, what },
                });
            }
        }
    }
}
