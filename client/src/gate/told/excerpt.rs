//! Excerpts: the lines that findings are about, read once from each paper after it was judged, bounded and with nothing hidden.

use super::super::report::Told;
use super::words::visible;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};

/// The longest excerpt, in characters.
const SHOWN: usize = 160;

/// How many bytes of a line are looked at.
const LOOKED_AT: usize = 16 * 1024;

/// Characters before the marked place that are shown when a line is cut.
const BEFORE: usize = 40;

/// One line as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line's number.
    pub line: u64,
    /// What is shown of it.
    pub text: String,
    /// In characters of what is shown: where the mark begins, and how long it is.
    pub mark: Option<(usize, usize)>,
    /// In characters of the whole line, from 1: where the marked words begin and end.
    pub columns: Option<(u32, u32)>,
}

/// The excerpts of findings, in their order. A paper that can't be read again, or is no text, gives none.
#[must_use]
pub fn of(told: &[Told]) -> Vec<Option<Excerpt>> {
    let mut wanted: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for told in told {
        let place = &told.finding.place;
        if let Some(line) = place.line {
            wanted.entry(&place.file).or_default().insert(line);
        }
    }
    let lines: BTreeMap<&str, BTreeMap<u64, String>> =
        wanted.into_iter().map(|(file, lines)| (file, lines_of(file, &lines))).collect();
    let one = |told: &Told| {
        let place = &told.finding.place;
        let line = place.line?;
        let text = lines.get(&*place.file)?.get(&line)?;
        Some(excerpt(line, text, place.column, told.finding.about.as_deref()))
    };
    told.iter().map(one).collect()
}

/// Some lines of a file, and nothing beyond the last of them.
fn lines_of(file: &str, wanted: &BTreeSet<u64>) -> BTreeMap<u64, String> {
    let mut found = BTreeMap::new();
    let Ok(file) = File::open(file) else { return found };
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut number = 1;
    for line in wanted {
        let mut text = Vec::new();
        let passed = (number..*line).all(|_| skip_line(&mut reader));
        if !passed || reader.by_ref().take(LOOKED_AT as u64).read_until(b'\n', &mut text).is_err() {
            break;
        }
        if text.last() == Some(&b'\n') {
            text.pop();
        } else {
            skip_line(&mut reader);
        }
        number = line + 1;
        found.insert(*line, String::from_utf8_lossy(&text).into_owned());
    }
    found
}

/// Passes over the rest of a line; false where there is none.
fn skip_line(reader: &mut impl BufRead) -> bool {
    reader.skip_until(b'\n').is_ok_and(|passed| passed > 0)
}

/// A line with the words marked that a finding is about: where its place has a column, from there; else where they stand.
fn excerpt(line: u64, text: &str, column: Option<u32>, about: Option<&str>) -> Excerpt {
    let found =
        about.filter(|about| !about.is_empty()).and_then(|about| Some((text.find(about)?, about.chars().count())));
    let (start, length) = match (column, found) {
        (Some(column), _) => (column.saturating_sub(1) as usize, 1),
        (None, Some((byte, length))) => (text[..byte].chars().count(), length),
        (None, None) => return Excerpt { line, text: visible(text, SHOWN), mark: None, columns: None },
    };
    let number = |at: usize| u32::try_from(at + 1).unwrap_or(u32::MAX);
    let columns = Some((number(start), number(start + length)));
    let from = if start + length > SHOWN { start.saturating_sub(BEFORE) } else { 0 };
    let rest: String = text.chars().skip(from).collect();
    let lead = usize::from(from > 0);
    let shown = format!("{}{}", if from > 0 { "…" } else { "" }, visible(&rest, SHOWN));
    let at = start - from + lead;
    let room = shown.chars().count().saturating_sub(at);
    let mark = (room > 0).then_some((at, length.min(room).max(1)));
    Excerpt { line, text: shown, mark, columns }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_marked_where_they_stand() {
        let found = excerpt(3, "{\"url\":\"https://a.example/\"}", None, Some("https://a.example/"));
        assert_eq!((found.mark, found.columns), (Some((8, 18)), Some((9, 27))));
        let far = format!("{}https://a.example/", "x".repeat(1_000));
        let found = excerpt(3, &far, None, Some("https://a.example/"));
        let (at, length) = found.mark.unwrap();
        let marked: String = found.text.chars().skip(at).take(length).collect();
        assert_eq!((marked.as_str(), found.columns), ("https://a.example/", Some((1_001, 1_019))));
        assert_eq!(excerpt(1, "a\u{1b}b", Some(2), None).text, "a\u{fffd}b");
        assert_eq!(excerpt(1, "", Some(9), None).mark, None);
    }

    #[test]
    fn only_the_lines_that_are_wanted_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m").display().to_string();
        std::fs::write(&path, format!("one\n{}\nthree\nfour", "x".repeat(LOOKED_AT * 2))).unwrap();
        let found = lines_of(&path, &BTreeSet::from([2, 3, 4, 9]));
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!((found[&2].len(), found[&3].as_str(), found[&4].as_str()), (LOOKED_AT, "three", "four"));
    }
}
