//! Whether a manifest's data set still is what the manifest says: every document that lies there listed, and every listed
//! one there, byte for byte.

use crate::crawl::{self, Item, OpenError, Options};
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
type Spot = (Option<u64>, Option<u64>, ContentId);

/// Compares a manifest with the files that it names, which lie beside it.
///
/// # Errors
/// [`AuditError`]: a file that can't be read leaves the question open.
pub fn audit(manifest: &Path, lines: impl BufRead, options: &Options) -> Result<Audit, AuditError> {
    let mut audit = Audit::default();
    let mut listed = listed(manifest, lines, &mut audit)?;
    let folder = manifest.parent().unwrap_or(Path::new("."));
    audit.files = listed.len() as u64;
    for (file, spots) in &mut listed {
        compare(&folder.join(file), file, spots, options, &mut audit)?;
        for ((offset, line, content), count) in spots.iter().filter(|(_, count)| **count > 0) {
            let place = offset.map(|offset| format!(" at byte {offset}")).unwrap_or_default();
            let line = line.map(|line| format!(" in line {line}")).unwrap_or_default();
            let times = if *count == 1 { String::new() } else { format!(" ({count} times)") };
            audit.complain(format!("{file}{place}{line} does not hold {content}{times}"));
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
        match serde_json::from_slice::<Row>(&line) {
            Ok(row) => {
                audit.rows += 1;
                *audit.verdicts.entry(row.verdict).or_default() += 1;
                let Place { file, offset, line, .. } = row.container;
                // A manifest is foreign: it must not make this machine read whatever it names.
                if !inside(&file) {
                    return Err(AuditError::Outside { line: number, file: file.chars().take(200).collect() });
                }
                *listed.entry(file).or_default().entry((offset, line, row.content)).or_default() += 1;
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

fn compare(
    path: &Path,
    file: &str,
    spots: &mut HashMap<Spot, u64>,
    options: &Options,
    audit: &mut Audit,
) -> Result<(), AuditError> {
    let told = |source| AuditError::Read { path: path.to_owned(), source };
    let opened = crawl::open(path, options.clone());
    let mut reader = opened.map_err(|source| AuditError::Open { path: path.to_owned(), source })?;
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
        let fits = [(offset, line), (offset, None), (None, line)];
        let found = fits.iter().find_map(|(offset, line)| {
            let count = spots.get_mut(&(*offset, *line, content)).filter(|count| **count > 0)?;
            *count -= 1;
            Some(())
        });
        if found.is_none() {
            audit.complain(format!("{file} at byte {} holds {}, which is not listed", record.raw.offset, content));
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
        audit(&folder.path().join("manifest.jsonl"), manifest.as_bytes(), &Options::default())
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
        assert!(matches!(audited(DATA, &row(1, "one", "../kept.jsonl")), Err(AuditError::Outside { line: 1, .. })));
        assert!(matches!(audited(DATA, &row(1, "one", "gone.jsonl")), Err(AuditError::Open { .. })));
    }
}
