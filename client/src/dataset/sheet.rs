//! Sheets: CSV and TSV with a header line, as people keep lists of data sets.
//!
//! A row is an entry, found by its URL, its digests and its name; what its columns are, [`super::columns`] knows. Every cell keeps
//! the line and column where it stands, whatever is quoted before it. A row with another number of cells than the header is
//! damage: nobody knows which cell slipped.

use super::columns::{Columns, Role};
use super::entry::{Entry, FileClaim, Item, Origin, Place, Stated};
use super::naming;
use cleartitle_schema::lineage::Link;
use cleartitle_schema::time::Timestamp;
use std::path::Path;
use std::sync::Arc;

/// Most columns.
const MAX_COLUMNS: usize = 512;

/// The longest cell, in bytes.
const MAX_CELL: usize = 1 << 20;

/// What stands between cells: by the file's name, or by what the header line has most of.
#[must_use]
pub fn delimiter(path: &Path, text: &str) -> u8 {
    let end = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if matches!(end.as_str(), "tsv" | "tab") {
        return b'\t';
    }
    let header = text.lines().next().unwrap_or_default();
    let count = |byte: u8| header.bytes().filter(|found| *found == byte).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|byte| count(*byte)).unwrap_or(b',')
}

/// Reads a sheet.
#[must_use]
pub fn read(text: &str, path: &Path, columns: &Columns, file: &Arc<str>) -> Vec<Item> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let delimiter = delimiter(path, text);
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let mut sheet = Sheet { file, text, delimiter, headers: Vec::new(), roles: Vec::new(), cursor: 0, line: 1 };
    let mut items = Vec::new();
    if let Some((line, what)) = misquoted(text, delimiter) {
        items.push(Item::Damage { place: Place::line(file, line), what: what.to_owned() });
    }
    let mut record = csv::StringRecord::new();
    loop {
        let start = usize::try_from(reader.position().byte()).unwrap_or(text.len());
        let more = match reader.read_record(&mut record) {
            Ok(more) => more,
            Err(error) => {
                let place = Place::line(file, sheet.line_at(start));
                items.push(Item::Damage { place, what: format!("the sheet can't be read: {error}") });
                break;
            }
        };
        if !more {
            break;
        }
        let end = usize::try_from(reader.position().byte()).unwrap_or(text.len());
        let places = sheet.places(start, end);
        if sheet.headers.is_empty() {
            sheet.headers = record.iter().map(|header| header.trim().to_owned()).collect();
            if let Err(what) = sheet.know(columns) {
                items.push(Item::Damage { place: Place::line(file, 1), what });
                break;
            }
            continue;
        }
        items.extend(sheet.row(&record, &places));
    }
    if sheet.headers.is_empty() {
        items.push(Item::Damage { place: Place::line(file, 1), what: "the sheet has no header line".to_owned() });
    }
    items
}

/// The first quote that is not closed, or closed before the end of its cell: what follows it may be rows that nobody would see.
fn misquoted(text: &str, delimiter: u8) -> Option<(u64, &'static str)> {
    let bytes = text.as_bytes();
    let (mut at, mut line, mut begins) = (0, 1_u64, true);
    while let Some(&byte) = bytes.get(at) {
        if !begins || byte != b'"' {
            line += u64::from(byte == b'\n');
            begins = byte == delimiter || byte == b'\n' || byte == b'\r';
            at += 1;
            continue;
        }
        let opened = line;
        loop {
            at += 1;
            match bytes.get(at) {
                None => return Some((opened, "a quote that is opened here is never closed")),
                Some(b'"') if bytes.get(at + 1) == Some(&b'"') => at += 1,
                Some(b'"') => break,
                Some(byte) => line += u64::from(*byte == b'\n'),
            }
        }
        at += 1;
        if bytes.get(at).is_some_and(|byte| *byte != delimiter && !matches!(byte, b'\n' | b'\r')) {
            return Some((opened, "a quote that is opened here is closed before its cell ends"));
        }
        begins = false;
    }
    None
}

struct Sheet<'a> {
    file: &'a Arc<str>,
    text: &'a str,
    delimiter: u8,
    headers: Vec<String>,
    roles: Vec<Option<Role>>,
    /// Up to where lines are counted.
    cursor: usize,
    line: u64,
}

impl Sheet<'_> {
    fn know(&mut self, columns: &Columns) -> Result<(), String> {
        if self.headers.len() > MAX_COLUMNS {
            return Err(format!("the sheet has more than {MAX_COLUMNS} columns"));
        }
        self.roles = columns.roles(&self.headers)?;
        for (at, header) in self.headers.iter().enumerate() {
            if !header.is_empty() && self.headers[..at].contains(header) {
                return Err(format!("two columns are called `{header}`"));
            }
        }
        let names = [Role::Name, Role::Url, Role::Content, Role::Sha256, Role::Sha1, Role::Path, Role::Collection];
        if !self.roles.iter().flatten().any(|role| names.contains(role)) {
            return Err("no column says what a row is about; name them with --columns, such as name=HEADER,url=HEADER"
                .to_owned());
        }
        Ok(())
    }

    fn line_at(&mut self, offset: usize) -> u64 {
        let passed = self.text.as_bytes().get(self.cursor..offset).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.cursor = self.cursor.max(offset);
        self.line
    }

    /// Where each cell of a record begins.
    fn places(&mut self, start: usize, end: usize) -> Vec<Place> {
        let raw = self.text.get(start..end).unwrap_or_default();
        // The line end of the record before may still stand here, and blank lines.
        let skipped = raw.len() - raw.trim_start_matches(['\r', '\n']).len();
        let mut line = self.line_at(start + skipped);
        let (mut column, mut quoted, mut fresh) = (1_u32, false, true);
        let file = self.file;
        let mut places = Vec::with_capacity(self.headers.len());
        let place = |line, column| Place { column: Some(column), ..Place::line(file, line) };
        places.push(place(line, column));
        for letter in raw[skipped..].chars() {
            column = column.saturating_add(1);
            match letter {
                '"' if quoted || fresh => quoted = !quoted,
                '\n' => (line, column) = (line + 1, 1),
                _ if letter as u32 == u32::from(self.delimiter) && !quoted => places.push(place(line, column)),
                _ => {}
            }
            fresh = letter as u32 == u32::from(self.delimiter) && !quoted
                || (quoted && letter == '"')
                || (fresh && letter == '"');
        }
        places
    }

    fn row(&self, record: &csv::StringRecord, places: &[Place]) -> Vec<Item> {
        let begin = places.first().cloned().unwrap_or_default();
        if record.iter().all(|cell| cell.trim().is_empty()) {
            return Vec::new();
        }
        if record.len() != self.headers.len() {
            let what = format!("the row has {} cells, the header {}", record.len(), self.headers.len());
            return vec![Item::Damage { place: begin, what }];
        }
        let mut entry = Entry { place: Place { column: None, ..begin.clone() }, ..Entry::default() };
        let mut damage = Vec::new();
        let mut bytes = None;
        let mut claimed = None;
        for (at, cell) in record.iter().enumerate() {
            let header = &self.headers[at];
            let place = places.get(at).unwrap_or(&begin).member(header);
            if cell.len() > MAX_CELL {
                damage.push(Item::Damage { place, what: format!("the cell is longer than {MAX_CELL} bytes") });
                continue;
            }
            let stated = Stated { text: cell.trim().to_owned(), place };
            match self.roles[at] {
                Some(Role::Path) if !stated.text.is_empty() => claimed = Some(stated),
                Some(Role::Bytes) => match stated.text.parse() {
                    Ok(count) => bytes = Some(count),
                    Err(_) if stated.text.is_empty() => {}
                    Err(_) => damage.push(Item::NotChecked {
                        place: stated.place,
                        what: "no count of bytes in digits: the file's length was not checked".to_owned(),
                    }),
                },
                role => damage.extend(cell_of(&mut entry, role, header, stated)),
            }
        }
        if let Some(Stated { text, place }) = claimed {
            entry.ids.push(text.clone());
            if entry.name.is_none() && !entry.is_named() {
                entry.in_collection(&text);
            }
            entry.files.push(FileClaim { path: text, digests: entry.copy.content.clone(), bytes, within: None, place });
        }
        if entry.is_named() {
            damage.push(Item::Entry(Box::new(entry)));
        } else {
            damage.push(Item::Damage {
                place: entry.place,
                what: "the row names nothing: neither name, nor URL, nor digest".to_owned(),
            });
        }
        damage
    }
}

/// Puts a cell where it belongs; what it holds and should not is told.
fn cell_of(entry: &mut Entry, role: Option<Role>, header: &str, stated: Stated) -> Option<Item> {
    let Stated { text, place } = &stated;
    let told = |what: &str| Some(Item::Damage { place: place.clone(), what: what.to_owned() });
    match role {
        Some(Role::License) => entry.licenses.push(stated),
        _ if text.is_empty() => {}
        Some(Role::Name) => {
            entry.in_collection(text);
            entry.name = Some(text.clone());
        }
        Some(Role::Collection) => entry.in_collection(text),
        Some(Role::Url) => match naming::urls(text) {
            Some(urls) => urls.iter().for_each(|url| entry.fetched_from(url)),
            None => {
                if let Some(collection) = naming::hugging_face(text) {
                    entry.in_collection(&collection);
                }
                entry.facts.push((known_by(role, header), stated));
            }
        },
        Some(Role::Content) => match text.parse() {
            Ok(name) => entry.named_by(name),
            Err(_) => return told("no content id such as `blake3:` or `sha256:` with its hex digits"),
        },
        Some(Role::Sha256 | Role::Sha1) => match naming::digest(role.map_or("", Role::word), text) {
            Some(name) => entry.named_by(name),
            None => return told("no digest of the algorithm that the column is called by"),
        },
        Some(Role::CapturedAt) => {
            match text.parse::<Timestamp>().ok().or_else(|| format!("{text}T00:00:00Z").parse().ok()) {
                Some(time) => entry.copy.captured_at = Some(time),
                None => return told("no date such as 2026-01-31, nor a UTC time such as 2026-01-31T12:00:00Z"),
            }
        }
        Some(Role::DerivedFrom) => {
            for of in text.split([';', '|']).map(str::trim).filter(|of| !of.is_empty()) {
                entry.derived_from.push(Origin { link: Link::Adaptation, of: of.to_owned(), place: place.clone() });
            }
        }
        _ => entry.facts.push((known_by(role, header), stated)),
    }
    None
}

/// A fact's name: the column's own, unless only the user's map knows what it is.
fn known_by(role: Option<Role>, header: &str) -> String {
    match role {
        Some(role) if Role::of_header(header) != Some(role) => role.word().to_owned(),
        _ => header.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sheet(name: &str, text: &str) -> Vec<Item> {
        read(text, Path::new(name), &Columns::default(), &Arc::from(name))
    }

    #[test]
    fn rows_that_a_quote_would_swallow_are_damage() {
        for (text, line) in [
            ("name,url,note\nok,https://ok.example/,\"todo\nbad,https://reserved.example/,x\n", 2),
            ("name,url,note\nok,https://ok.example/,\"a\nbad,https://reserved.example/,\"x\"\n", 2),
            ("name,url,note\n\"a\"\"b\",https://ok.example/,\"\n", 2),
        ] {
            let first = sheet("s.csv", text).into_iter().next();
            assert!(
                matches!(&first, Some(Item::Damage { place, .. }) if place.line == Some(line)),
                "{text}: {first:?}"
            );
        }
    }

    #[test]
    fn cells_know_their_places() {
        let text = "name,license,url,note\r\n\"a \"\"b\"\"\nc\",mit,https://a.example/x,\u{fc}\r\n\r\nd,\"x, y\",https://b.example/,z\r\n";
        let items = sheet("s.csv", text);
        let [Item::Entry(first), Item::Entry(second)] = items.as_slice() else { panic!("{items:?}") };
        assert_eq!(first.name.as_deref(), Some("a \"b\"\nc"));
        assert_eq!(
            (first.place.line, first.licenses[0].place.line, first.licenses[0].place.column),
            (Some(2), Some(3), Some(4))
        );
        assert_eq!(
            (second.place.line, second.licenses[0].place.column, second.facts[0].1.place.column),
            (Some(5), Some(3), Some(29))
        );
    }

    #[test]
    fn rows_that_slipped_are_damage_and_the_next_is_read() {
        let items = sheet("s.tsv", "Name\tLicense\na\tMIT\textra\nb\tMIT\n\tMIT\n");
        assert!(matches!(&items[0], Item::Damage { place, .. } if place.line == Some(2)));
        assert!(matches!(&items[1], Item::Entry(entry) if entry.place.line == Some(3)));
        assert!(matches!(&items[2], Item::Damage { place, .. } if place.line == Some(4)));
        assert!(matches!(sheet("s.csv", "a,b\n1,2\n").as_slice(), [Item::Damage { .. }]));
        assert!(matches!(sheet("s.csv", "").as_slice(), [Item::Damage { .. }]));
    }

    proptest! {
        #[test]
        fn arbitrary_sheets_never_panic(text in "\\PC{0,80}", rows in "[nameurl,\t\"\r\n;x ]{0,80}") {
            for name in ["s.csv", "s.tsv", "s"] {
                let _ = sheet(name, &text);
                let _ = sheet(name, &format!("name,url\n{rows}"));
                let _ = sheet(name, &format!("name\turl\n{rows}"));
            }
        }
    }
}
