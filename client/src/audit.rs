//! Whether a manifest's data set still is what the manifest says: every document that lies there listed, and every listed
//! one there, byte for byte.

use crate::crawl::parquet::{Table, TableError};
use crate::crawl::store::{Store, Stored};
use crate::crawl::{self, FieldChoice, Item, OpenError, Opened, Options, Reader};
use crate::dataset::again;
use cleartitle_schema::decide::Verdict;
use cleartitle_schema::id::ContentId;
use cleartitle_schema::manifest::{Place, Row};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, Read as _};
use std::path::{Component, Path, PathBuf};

/// The longest line of a manifest, in bytes.
pub const MAX_LINE: u64 = 1 << 20;

/// How many complaints are told; the others are counted.
const TOLD: usize = 20;

/// Why a manifest could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A file can't be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of the data set is none that is known.
    #[error("cannot read `{path}`")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// A row names a file outside the manifest's folder.
    #[error("line {line} names the file `{file}`, which lies outside the manifest's folder")]
    Outside {
        /// The line.
        line: u64,
        /// The file as named.
        file: String,
    },
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Rows that could be read.
    pub rows: u64,
    /// Files that hold their documents.
    pub files: u64,
    /// Rows by verdict.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// The first complaints, in words.
    pub complaints: Vec<String>,
    /// How many complaints there are.
    pub wrong: u64,
}

impl Audit {
    fn complain(&mut self, complaint: String) {
        self.wrong += 1;
        if self.complaints.len() < TOLD {
            self.complaints.push(complaint);
        }
    }
}

/// Where a document lies in its file, and which bytes it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Spot {
    offset: Option<u64>,
    line: Option<u64>,
    row: Option<(u64, u64)>,
    content: ContentId,
}

/// Compares a manifest with the files that it names, which lie beside it.
///
/// # Errors
/// [`AuditError`]: a file that can't be read leaves the question open.
pub fn audit(manifest: &Path, lines: impl BufRead, fields: &FieldChoice) -> Result<Audit, AuditError> {
    let mut audit = Audit::default();
    let mut listed = listed(manifest, lines, &mut audit)?;
    let folder = manifest.parent().unwrap_or(Path::new("."));
    audit.files = listed.len() as u64;
    for (file, spots) in &mut listed {
        compare(&folder.join(file), file, spots, fields, &mut audit)?;
        for (Spot { offset, line, row, content }, count) in spots.iter().filter(|(_, count)| **count > 0) {
            let place = offset.map(|offset| format!(" at byte {offset}")).unwrap_or_default();
            let line = line.map(|line| format!(" in line {line}")).unwrap_or_default();
            let row = row.map(|(group, row)| format!(" in row {row} of row group {group}")).unwrap_or_default();
            let times = if *count == 1 { String::new() } else { format!(" ({count} times)") };
            audit.complain(format!("{file}{place}{line}{row} does not hold {content}{times}"));
        }
    }
    Ok(audit)
}

fn listed(
    manifest: &Path,
    mut lines: impl BufRead,
    audit: &mut Audit,
) -> Result<BTreeMap<String, HashMap<Spot, u64>>, AuditError> {
    let told = |source| AuditError::Read { path: manifest.to_owned(), source };
    let mut listed: BTreeMap<String, HashMap<Spot, u64>> = BTreeMap::new();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(told)? == 0 {
            break;
        }
        if line.len() as u64 == MAX_LINE && line.last() != Some(&b'\n') {
            return Err(told(io::Error::other(format!("line {number} is longer than {MAX_LINE} bytes"))));
        }
        match serde_json::from_slice::<Row>(again::unmarked(&line, number)) {
            Ok(row) => {
                audit.rows += 1;
                *audit.verdicts.entry(row.verdict).or_default() += 1;
                let Place { file, offset, line, row_group, row: in_group, .. } = row.container;
                // A manifest is foreign: it must not make this machine read whatever it names.
                if !inside(&file) {
                    return Err(AuditError::Outside { line: number, file: file.chars().take(200).collect() });
                }
                let spot = Spot { offset, line, row: row_group.zip(in_group), content: row.content };
                *listed.entry(file).or_default().entry(spot).or_default() += 1;
            }
            Err(error) => {
                let why: String = error.to_string().chars().take(200).collect();
                audit.complain(format!("line {number} is no row: {why}"));
            }
        }
    }
    Ok(listed)
}

fn inside(file: &str) -> bool {
    let path = Path::new(file);
    !file.is_empty() && path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// Takes one of the rows that list these bytes at this place, if there is one left.
fn take(spots: &mut HashMap<Spot, u64>, spot: Spot) -> bool {
    let listed = spots.get_mut(&spot).filter(|count| **count > 0);
    listed.map(|count| *count -= 1).is_some()
}

fn compare(
    path: &Path,
    file: &str,
    spots: &mut HashMap<Spot, u64>,
    fields: &FieldChoice,
    audit: &mut Audit,
) -> Result<(), AuditError> {
    let opened = Store::new().open(&path.into());
    let name = path.display().to_string();
    let opened = opened
        .map_err(|source| OpenError::Read { name: name.clone(), source })
        .and_then(|stored| crawl::open_input(stored, &name, Options::default(), fields));
    match opened.map_err(|source| AuditError::Open { path: path.to_owned(), source })? {
        Opened::Records(reader) => compare_records(path, file, *reader, spots, audit),
        Opened::Table(table) => compare_rows(path, file, &table, spots, audit),
    }
}

fn compare_records(
    path: &Path,
    file: &str,
    mut reader: Reader<Stored>,
    spots: &mut HashMap<Spot, u64>,
    audit: &mut Audit,
) -> Result<(), AuditError> {
    let told = |source| AuditError::Read { path: path.to_owned(), source };
    // Rows say as much of a place as there is to say; look for the fullest first.
    while let Some(item) = reader.next_item().map_err(told)? {
        let record = match item {
            Item::Record(record) => record,
            Item::Damage(damage) => {
                audit.complain(format!("{file} at byte {} is damaged: {}", damage.offset, damage.what.code()));
                continue;
            }
        };
        let Some(digests) = record.content_digests() else { continue };
        if !record.is_document() {
            continue;
        }
        let content = ContentId(digests.blake3);
        let (offset, line) = (Some(record.raw.offset), record.line);
        let mut fits = [(offset, line), (offset, None), (None, line)].into_iter();
        if !fits.any(|(offset, line)| take(spots, Spot { offset, line, row: None, content })) {
            audit.complain(format!("{file} at byte {} holds {}, which is not listed", record.raw.offset, content));
        }
    }
    Ok(())
}

fn compare_rows(
    path: &Path,
    file: &str,
    table: &Table,
    spots: &mut HashMap<Spot, u64>,
    audit: &mut Audit,
) -> Result<(), AuditError> {
    for group in 0..table.groups() {
        match compare_group(file, table, group, spots, audit) {
            Err(TableError::Read { source, .. }) => return Err(AuditError::Read { path: path.to_owned(), source }),
            Err(damaged) => audit.complain(format!("{file} is damaged: {damaged}")),
            Ok(()) => {}
        }
    }
    Ok(())
}

fn compare_group(
    file: &str,
    table: &Table,
    group: usize,
    spots: &mut HashMap<Spot, u64>,
    audit: &mut Audit,
) -> Result<(), TableError> {
    let mut texts = table.texts(group)?;
    for row in 0..table.rows_of(group) {
        let Some(text) = texts.read(row)? else {
            audit.complain(format!("{file} in row {row} of row group {group} has no text"));
            continue;
        };
        let content = ContentId::of(text.data());
        let spot = Spot { offset: None, line: None, row: Some((group as u64, row)), content };
        if !take(spots, spot) {
            audit.complain(format!("{file} in row {row} of row group {group} holds {content}, which is not listed"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: u64, text: &str, file: &str) -> String {
        let content = ContentId::of(text.as_bytes());
        format!(
            "{{\"content\":\"{content}\",\"container\":{{\"file\":\"{file}\",\"line\":{line}}},\"verdict\":\"cleared\",\
             \"reasons\":[\"grant-in-force\"]}}\n"
        )
    }

    fn audited(data: &str, manifest: &str) -> Result<Audit, AuditError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kept.jsonl"), data).unwrap();
        audit(
            &folder.path().join("manifest.jsonl"),
            manifest.as_bytes(),
            &FieldChoice { without_url: true, ..FieldChoice::default() },
        )
    }

    const DATA: &str = "{\"text\":\"one\"}\n{\"text\":\"two\"}\n";

    #[test]
    fn what_lies_there_is_what_is_listed() {
        let manifest = row(1, "one", "kept.jsonl") + &row(2, "two", "kept.jsonl");
        let found = audited(DATA, &manifest).unwrap();
        assert_eq!((found.rows, found.files, found.wrong), (2, 1, 0), "{:?}", found.complaints);
    }

    #[test]
    fn changed_missing_and_unlisted_documents_are_told() {
        let all = row(1, "one", "kept.jsonl") + &row(2, "two", "kept.jsonl");
        assert_eq!(audited(&DATA.replace("two", "2"), &all).unwrap().wrong, 2, "one is missing, one is not listed");
        assert_eq!(audited(DATA, &row(1, "one", "kept.jsonl")).unwrap().wrong, 1);
        assert_eq!(audited(DATA, &(all.clone() + &row(3, "three", "kept.jsonl"))).unwrap().wrong, 1);
        assert_eq!(audited(DATA, &(all.clone() + "{\"half\":")).unwrap().wrong, 1);
        assert_eq!(audited(DATA, &format!("\u{feff}{all}")).unwrap().wrong, 0, "a mark at the very start");
        assert!(matches!(audited(DATA, &row(1, "one", "../kept.jsonl")), Err(AuditError::Outside { line: 1, .. })));
        assert!(matches!(audited(DATA, &row(1, "one", "gone.jsonl")), Err(AuditError::Open { .. })));
    }
}
