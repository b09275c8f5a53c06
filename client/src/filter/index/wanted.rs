//! Wanted: the records that candidates name, held compactly, and the ranges by which they are read: near ones together.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Bytes between two records that are read rather than asked for twice.
const NEAR: u64 = 64 * 1024;
/// Most bytes that are read at once, but for one record alone.
const AT_ONCE: u64 = 8 * 1024 * 1024;

/// Where a row stands in its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The line, from 1.
    Line(u64),
    /// The row group and the row in it, from 0.
    Row(u64, u64),
}

/// One record that a row names.
#[derive(Debug, Clone)]
pub struct Want {
    /// Which file, by its place in [`Wanted::files`].
    pub file: usize,
    /// The first stored byte.
    pub offset: u64,
    /// How many.
    pub length: u64,
    /// What the row says of the payload.
    pub sha1: Option<[u8; 20]>,
    /// The row's URL, in [`Wanted::urls`].
    url: Range<usize>,
    /// The row.
    pub place: Place,
}

/// Records to be read.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Their files, in the order in which rows named them.
    pub files: Vec<Arc<str>>,
    places: HashMap<Arc<str>, usize>,
    urls: String,
    wants: Vec<Want>,
}

impl Wanted {
    /// How many records.
    pub fn len(&self) -> usize {
        self.wants.len()
    }

    fn file(&mut self, name: &str) -> usize {
        if let Some(&known) = self.places.get(name) {
            return known;
        }
        let name: Arc<str> = name.into();
        self.files.push(Arc::clone(&name));
        self.places.insert(name, self.files.len() - 1);
        self.files.len() - 1
    }

    /// Adds a row's record.
    pub fn add(&mut self, capture: &crate::crawl::index::Capture<'_>, place: Place) {
        let file = self.file(&capture.file);
        let from = self.urls.len();
        self.urls.push_str(&capture.url);
        let (offset, length, sha1) = (capture.offset, capture.length, capture.sha1);
        self.wants.push(Want { file, offset, length, sha1, url: from..self.urls.len(), place });
    }

    /// Adds others.
    pub fn append(&mut self, other: &Self) {
        let files: Vec<usize> = other.files.iter().map(|name| self.file(name)).collect();
        let from = self.urls.len();
        self.urls.push_str(&other.urls);
        let moved = |want: &Want| Want {
            file: files[want.file],
            url: want.url.start + from..want.url.end + from,
            ..want.clone()
        };
        self.wants.extend(other.wants.iter().map(moved));
    }

    /// The URL that a row says.
    pub fn url(&self, want: &Want) -> &str {
        &self.urls[want.url.clone()]
    }

    /// The records in the order of their files and places, those that are read together in one part. The order is that of
    /// the rows' own words, whoever reads.
    pub fn parts(&mut self) -> Vec<Range<usize>> {
        // Stable, so that of two rows about one record the first comes first.
        self.wants.sort_by_key(|want| (want.file, want.offset, want.length));
        let mut parts: Vec<Range<usize>> = Vec::new();
        let mut end = 0;
        for at in 0..self.wants.len() {
            let want = &self.wants[at];
            let reaches = want.offset.saturating_add(want.length);
            if let Some(part) = parts.last_mut() {
                let first = &self.wants[part.start];
                let near = first.file == want.file
                    && want.offset <= end + NEAR
                    && reaches.saturating_sub(first.offset) <= AT_ONCE;
                if near {
                    part.end = at + 1;
                    end = reaches.max(end);
                    continue;
                }
            }
            parts.push(at..at + 1);
            end = reaches;
        }
        parts
    }

    /// The records of a part.
    pub fn of(&self, part: Range<usize>) -> &[Want] {
        &self.wants[part]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawl::index::Capture;
    use cleartitle_schema::time::Timestamp;

    #[test]
    fn near_records_are_read_together() {
        let mut wanted = Wanted::default();
        let rows = [
            ("b", 5_000_000, 10),
            ("a", 0, 100),
            ("a", 200, 100),
            ("a", 9_000_000, 10),
            ("b", 0, 10),
            ("a", 9_000_100, u64::MAX),
        ];
        for (at, (file, offset, length)) in rows.into_iter().enumerate() {
            let url = format!("http://x.example/{at}");
            let capture = Capture {
                url: url.into(),
                captured_at: Timestamp(0),
                sha1: None,
                file: file.into(),
                offset,
                length,
                revisit: false,
            };
            wanted.add(&capture, Place::Line(at as u64));
        }
        let mut all = Wanted::default();
        all.append(&wanted);
        let parts = all.parts();
        let told: Vec<Vec<(&str, u64, &str)>> = parts
            .into_iter()
            .map(|part| all.of(part).iter().map(|it| (&*all.files[it.file], it.offset, &all.url(it)[17..])).collect())
            .collect();
        assert_eq!(
            told,
            [
                vec![("b", 0, "4")],
                vec![("b", 5_000_000, "0")],
                vec![("a", 0, "1"), ("a", 200, "2")],
                vec![("a", 9_000_000, "3")],
                vec![("a", 9_000_100, "5")]
            ]
        );
    }
}
