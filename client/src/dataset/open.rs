//! Opening a paper: its form by what it is called and holds, and its reader.

use super::again;
use super::columns::Columns;
use super::entry::Item;
use super::tree::{self, Complaint, Tree};
use super::{card, croissant, cyclonedx, dvc, folder, parquet, rows, sheet, spdx};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much of a paper is looked at to know its form.
const LOOK: u64 = 64 * 1024;

/// The form of a paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A manifest of our own, one JSON object a line.
    Rows,
    /// A manifest of our own as Parquet.
    Parquet,
    /// Croissant, JSON-LD.
    Croissant,
    /// SPDX 3, JSON-LD.
    Spdx,
    /// CycloneDX, JSON.
    Cyclonedx,
    /// A Hugging Face data set card.
    Card,
    /// CSV or TSV with a header line.
    Sheet,
    /// A DVC file.
    Dvc,
    /// A folder of files.
    Folder,
}

/// Why a paper can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It can't be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The entries of one paper, in its order. An error ends it: what follows was not read.
pub type Entries = Box<dyn Iterator<Item = io::Result<Item>> + Send>;

/// Opens a paper; `format`: left out, by its name and its first bytes.
///
/// # Errors
/// [`OpenError`].
pub fn open(path: &Path, format: Option<Format>) -> Result<Entries, OpenError> {
    open_by(path, format, &Columns::default())
}

/// The same, of which a sheet's columns are what the user says.
///
/// # Errors
/// [`OpenError`].
pub fn open_by(path: &Path, format: Option<Format>, columns: &Columns) -> Result<Entries, OpenError> {
    let told = |source| OpenError::Read { path: path.to_owned(), source };
    again::check(path).map_err(told)?;
    let format = match format {
        Some(format) => format,
        None => detect(path).map_err(told)?,
    };
    match format {
        Format::Rows => Ok(Box::new(rows::Rows::open(path).map_err(told)?)),
        Format::Parquet => Ok(Box::new(parquet::Rows::open(path).map_err(told)?)),
        Format::Folder => Ok(Box::new(folder::Folder::open(path).map_err(told)?)),
        _ => {
            let file: Arc<str> = Arc::from(path.display().to_string());
            let items = match tree::text(path, &file).map_err(told)? {
                Ok(text) if format == Format::Croissant => return Ok(Box::new(croissant_items(&text, &file).map(Ok))),
                Ok(text) => read(&text, path, format, columns, &file),
                Err(damage) => vec![damage],
            };
            Ok(Box::new(items.into_iter().map(Ok)))
        }
    }
}

/// Reads a paper that is held in memory whole: any form but rows, tables and folders, which give nothing here.
#[must_use]
pub fn read(text: &str, path: &Path, format: Format, columns: &Columns, file: &Arc<str>) -> Vec<Item> {
    match format {
        Format::Croissant => croissant_items(text, file).collect(),
        Format::Spdx => by(tree::json(text), file, spdx::read),
        Format::Cyclonedx => by(tree::json(text), file, cyclonedx::read),
        Format::Dvc => by(tree::yaml(text, 1), file, dvc::read),
        Format::Card => card::read(text, path, file),
        Format::Sheet => sheet::read(text, path, columns, file),
        Format::Rows | Format::Parquet | Format::Folder => Vec::new(),
    }
}

/// The only form that may list a million files: they are not all held as entries at once.
fn croissant_items(text: &str, file: &Arc<str>) -> Box<dyn Iterator<Item = Item> + Send> {
    match tree::json(text) {
        Ok(tree) => Box::new(croissant::items(tree, file)),
        Err(complaint) => Box::new(std::iter::once(tree::damage(file, complaint))),
    }
}

fn by(tree: Result<Tree, Complaint>, file: &Arc<str>, read: fn(&Tree, &Arc<str>) -> Vec<Item>) -> Vec<Item> {
    match tree {
        Ok(tree) => {
            let mut items = read(&tree, file);
            items.extend(tree.complaints.into_iter().map(|complaint| tree::damage(file, complaint)));
            items
        }
        Err(complaint) => vec![tree::damage(file, complaint)],
    }
}

/// The form of a paper by its name, and where that leaves it open, by its first bytes. What is none of the known forms is
/// read as rows, which tells what is no row.
///
/// # Errors
/// It can't be read.
pub fn detect(path: &Path) -> io::Result<Format> {
    if path.is_dir() {
        return Ok(Format::Folder);
    }
    let mut first = Vec::new();
    again::open(path)?.take(LOOK).read_to_end(&mut first)?;
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    Ok(form(&name, &first))
}

fn form(name: &str, first: &[u8]) -> Format {
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if first.starts_with(b"PAR1") || ends(&[".parquet"]) {
        return Format::Parquet;
    }
    if ends(&[".dvc"]) || matches!(name, "dvc.lock" | "dvc.yaml") {
        return Format::Dvc;
    }
    if ends(&[".tsv", ".csv", ".tab"]) {
        return Format::Sheet;
    }
    if ends(&[".jsonl", ".ndjson"]) {
        return Format::Rows;
    }
    let first = String::from_utf8_lossy(first);
    let first = first.trim_start_matches('\u{feff}');
    if ends(&[".md", ".markdown", ".yaml", ".yml"]) || first.starts_with("---\n") || first.starts_with("---\r\n") {
        return Format::Card;
    }
    let holds = |marks: &[&str]| marks.iter().any(|mark| first.contains(mark));
    if holds(&["\"bomFormat\""]) {
        Format::Cyclonedx
    } else if holds(&["spdx.org/rdf/3", "\"spdxVersion\"", "\"spdxId\""]) {
        Format::Spdx
    } else if holds(&["mlcommons.org/croissant", "\"recordSet\"", "schema.org", "\"@context\""]) {
        Format::Croissant
    } else {
        Format::Rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms_are_known_by_name_and_first_bytes() {
        for (name, first, format) in [
            ("m.jsonl", "{}", Format::Rows),
            ("m", "PAR1", Format::Parquet),
            ("train.csv.dvc", "outs:", Format::Dvc),
            ("readme.md", "# x", Format::Card),
            ("card", "---\nlicense: mit\n---\n", Format::Card),
            ("list.tsv", "", Format::Sheet),
            ("bom.json", "{\"bomFormat\": \"CycloneDX\"", Format::Cyclonedx),
            ("bom.json", "{\"@context\": \"https://spdx.org/rdf/3.0.1/spdx-context.jsonld\"", Format::Spdx),
            ("croissant.json", "{\"@context\": {\"@vocab\": \"https://schema.org/\"", Format::Croissant),
            ("other.json", "{\"url\": 1}", Format::Rows),
        ] {
            assert_eq!(form(name, first.as_bytes()), format, "{name}: {first}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_papers_never_panic(
            text in "\\PC{0,120}",
            json in "[\\[\\]{}\":,a@ \n]{0,80}",
            members in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"@graph\"", "\"@type\"", "\"Dataset\"", "\"type\"", "\"data\"", "\"components\"",
                "\"distribution\"", "\"FileObject\"", "\"to\"", "\"from\"", "\"Relationship\"", "\"x\"", "1", "outs", "\n", "- ", "path",
            ]), 0..40),
        ) {
            let file = Arc::from("f");
            for text in [text, json, members.concat(), members.join(" ")] {
                for format in [Format::Croissant, Format::Spdx, Format::Cyclonedx, Format::Dvc, Format::Card, Format::Sheet] {
                    let _ = read(&text, Path::new("f"), format, &Columns::default(), &file);
                }
            }
        }
    }
}
