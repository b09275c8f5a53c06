//! Our own manifests: one JSON object a line, as `filter` writes them.

use super::again;
use super::entry::{Entry, Item, Origin, Place, Stated};
use super::lane;
use crate::question;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;

/// Whether a line of a manifest may say what its document was made from; escapes may hide that.
///
/// # Errors
/// It can't be read.
pub(crate) fn speak_of_origins(path: &Path, workers: usize) -> io::Result<bool> {
    let speaks = |_, lines: &[u8]| {
        [&b"\"derived_from\""[..], b"\"lineage\"", b"\\u"]
            .iter()
            .any(|member| memchr::memmem::find(lines, member).is_some())
    };
    let mut found = false;
    lane::run(again::open(path)?, workers, question::MAX_LINE, speaks, |speaks| {
        found |= speaks;
        !found
    })?;
    Ok(found)
}

/// The rows of a manifest.
pub struct Rows {
    file: Arc<str>,
    lines: BufReader<File>,
    number: u64,
}

/// A line of a manifest: its bytes, or that it is too long.
enum Line {
    Whole(Vec<u8>),
    TooLong,
}

impl Rows {
    /// Opens a manifest.
    ///
    /// # Errors
    /// It can't be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = Arc::from(path.display().to_string());
        Ok(Self { file, lines: BufReader::with_capacity(1 << 20, again::open(path)?), number: 0 })
    }

    /// The next line without its newline; one that is too long is passed over, and told. Blank lines are lines.
    fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut line = Vec::new();
        self.lines.by_ref().take(question::MAX_LINE as u64 + 1).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            return Ok(Some(Line::Whole(line)));
        }
        if line.len() <= question::MAX_LINE {
            return Ok(Some(Line::Whole(line)));
        }
        loop {
            let rest = self.lines.fill_buf()?;
            let end = rest.iter().position(|byte| *byte == b'\n');
            let passed = end.map_or(rest.len(), |end| end + 1);
            self.lines.consume(passed);
            if end.is_some() || passed == 0 {
                return Ok(Some(Line::TooLong));
            }
        }
    }
}

/// The entry of a line that says this.
pub(crate) fn entry(place: Place, said: question::LineEntry) -> Entry {
    let question::LineEntry { copy, name, derived_from, facts } = said;
    let stated = |(name, text): (&str, String)| (name.to_owned(), Stated { text, place: place.member(name) });
    let facts = facts.into_iter().map(stated).collect();
    let origin = |(link, of)| Origin { link, of, place: place.member("/derived_from") };
    let derived_from = derived_from.into_iter().map(origin).collect();
    Entry { place, name, copy, derived_from, facts, ..Entry::default() }
}

impl Iterator for Rows {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<io::Result<Item>> {
        let line = match self.next_line() {
            Ok(line) => line?,
            Err(error) => return Some(Err(error)),
        };
        self.number += 1;
        let place = Place::line(&self.file, self.number);
        let read = match line {
            Line::Whole(bytes) => question::manifest_entry(again::unmarked(&bytes, self.number)),
            Line::TooLong => Err(format!("the line is longer than {} bytes", question::MAX_LINE)),
        };
        Some(Ok(match read {
            Ok(said) => Item::Entry(Box::new(entry(place, said))),
            Err(what) => Item::Damage { place, what },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Option<usize>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        std::fs::write(&path, text).unwrap();
        let mut rows = Rows::open(&path).unwrap();
        let mut found = Vec::new();
        while let Some(line) = rows.next_line().unwrap() {
            found.push(match line {
                Line::Whole(bytes) => Some(bytes.len()),
                Line::TooLong => None,
            });
        }
        found
    }

    #[test]
    fn a_line_too_long_is_told_and_the_next_one_read() {
        let mut text = vec![b'x'; question::MAX_LINE];
        text.extend(b"\n\nab\n");
        assert_eq!(lines(&text), [Some(question::MAX_LINE), Some(0), Some(2)]);
        text.insert(0, b'x');
        assert_eq!(lines(&text), [None, Some(0), Some(2)]);
        assert_eq!(lines(b"ab"), [Some(2)]);
        assert_eq!(lines(b""), []);
    }

    #[test]
    fn a_row_that_cannot_be_read_has_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.jsonl");
        std::fs::write(&path, "{\"url\":\"https://press.example/a\"}\n{\n").unwrap();
        let found: Vec<Item> = Rows::open(&path).unwrap().map(Result::unwrap).collect();
        assert!(matches!(&found[0], Item::Entry(entry) if entry.place.line == Some(1)));
        assert!(matches!(&found[1], Item::Damage { place, .. } if place.to_string().ends_with("m.jsonl:2")));
    }

    #[test]
    fn a_byte_order_mark_is_passed_over_at_the_very_start_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.jsonl");
        let row = "{\"url\":\"https://press.example/a\"}\n";
        for (text, read) in [
            (format!("\u{feff}{row}{row}"), vec![true, true]),
            (format!("{row}\u{feff}{row}"), vec![true, false]),
            (format!("\u{feff}\u{feff}{row}"), vec![false]),
            (format!(" \u{feff}{row}"), vec![false]),
        ] {
            std::fs::write(&path, &text).unwrap();
            let rows = Rows::open(&path).unwrap();
            let found: Vec<bool> = rows.map(|item| matches!(item, Ok(Item::Entry(_)))).collect();
            assert_eq!(found, read, "{text:?}");
        }
    }
}
