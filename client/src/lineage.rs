//! Lineage across papers: what an entry was made from, found among the entries of all papers given, by name, bytes or URL.
//!
//! Who would attack: whoever hides a reserved source behind a name (a name that several entries bear stands for all of them, and
//! each one's terms count), makes two entries out of each other (a cycle stays unresolved, which is unknown), or a chain so wide
//! or deep that a reader gives up (bounded, and unresolved from there on). Nothing that is found loosens anything: `decide` hears
//! every ancestor.

use crate::dataset::{Entry, Format, Item, Nowhere, OpenError, Papers, open, rows};
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::lineage::{DerivedFrom, Link, MAX_ANCESTORS, MAX_DEPTH};
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most names that are looked for, and the most entries that are kept for them.
pub const MAX_NAMES: usize = 1_000_000;

/// The most entries that one name stands for; more, and nobody knows which is meant.
pub const MAX_ALIKE: usize = 16;

/// Why papers could not be indexed.
#[derive(Debug, thiserror::Error)]
pub enum LineageError {
    /// A paper can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A paper can't be read to its end.
    #[error("cannot read `{path}` to its end")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What of an entry others may be made from.
#[derive(Debug)]
struct Known {
    file: Arc<str>,
    copy: Acquisition,
    made_from: Vec<(Link, String)>,
}

/// The entries that some entry names as what it was made from.
#[derive(Debug, Default)]
pub struct Index {
    wanted: HashSet<String>,
    entries: Vec<Known>,
    by_name: HashMap<String, Vec<usize>>,
    /// By the ids that only their own paper knows them by.
    by_id: HashMap<(Arc<str>, String), Vec<usize>>,
    full: bool,
}

/// The names under which an entry may be meant: the paper's own, those of its bytes, its URLs, works.
#[must_use]
pub fn names_of(name: Option<&str>, copy: &Acquisition) -> Vec<String> {
    let mut names: Vec<String> = name.map(str::to_owned).into_iter().collect();
    names.extend(copy.content.iter().map(ToString::to_string));
    names.extend(copy.urls.iter().map(|copy| copy.url.clone()));
    names.extend(copy.works.iter().map(|work| work.id.as_str().to_owned()));
    names
}

/// The names by which a link's parent is meant, where it says no more than names: what it was made from may stand elsewhere.
fn reference(parent: &Acquisition) -> Option<Vec<String>> {
    parent.lineage.is_empty().then(|| names_of(None, parent)).filter(|names| !names.is_empty())
}

/// Whether an entry says everything that a link says of its parent, so that the entry stands for it.
fn says_all(entry: &Acquisition, parent: &Acquisition) -> bool {
    fn within<T: PartialEq>(few: &[T], many: &[T]) -> bool {
        few.iter().all(|one| many.contains(one))
    }
    fn same<T: PartialEq>(stated: Option<&T>, known: Option<&T>) -> bool {
        stated.is_none() || stated == known
    }
    within(&names_of(None, parent), &names_of(None, entry))
        && within(&parent.collections, &entry.collections)
        && within(&parent.credits, &entry.credits)
        && within(&parent.marks, &entry.marks)
        && same(parent.captured_at.as_ref(), entry.captured_at.as_ref())
        && same(parent.acquired_at.as_ref(), entry.acquired_at.as_ref())
        && same(parent.published_at.as_ref(), entry.published_at.as_ref())
        && same(parent.channel.as_ref(), entry.channel.as_ref())
        && same(parent.access.as_ref(), entry.access.as_ref())
        && same(parent.in_record.as_ref(), entry.in_record.as_ref())
}

impl Index {
    /// Reads papers twice: for the names that entries are made from, and for the entries that bear them. Damage in them is for
    /// whoever judges them to tell. Where all are manifests of our own and no line speaks of origins, they are looked through by
    /// so many threads, and not read as rows.
    ///
    /// # Errors
    /// [`LineageError`].
    pub fn of(papers: Papers<'_>) -> Result<Self, LineageError> {
        let mut index = Self::default();
        if !speak_of_origins(papers)? {
            return Ok(index);
        }
        for paper in papers.paths {
            each(papers, paper, |entry| index.want(&entry))?;
        }
        if index.is_empty() {
            return Ok(index);
        }
        for paper in papers.paths {
            each(papers, paper, |entry| index.know(entry))?;
        }
        Ok(index)
    }

    /// Whether no entry says what it was made from.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Whether names or entries were left out; what they would have told is unknown.
    #[must_use]
    pub const fn full(&self) -> bool {
        self.full
    }

    fn want(&mut self, entry: &Entry) {
        let mut names: Vec<String> = entry.derived_from.iter().map(|origin| origin.of.clone()).collect();
        let mut open: Vec<&DerivedFrom> = entry.copy.lineage.iter().collect();
        let mut left = MAX_ANCESTORS;
        while let Some(link) = open.pop() {
            let Some(parent) = link.parent.as_deref() else { continue };
            names.extend(reference(parent).into_iter().flatten());
            open.extend(&parent.lineage);
            left = left.saturating_sub(1);
            if left == 0 {
                break;
            }
        }
        for name in names {
            if self.wanted.len() >= MAX_NAMES && !self.wanted.contains(&name) {
                self.full = true;
                return;
            }
            self.wanted.insert(name);
        }
    }

    fn know(&mut self, entry: Entry) {
        let names = names_of(entry.name.as_deref(), &entry.copy);
        let names: Vec<String> = names.into_iter().filter(|name| self.wanted.contains(name)).collect();
        // By its ids an entry is meant in its own paper alone: every paper has its `paper-1`.
        let ids: Vec<String> = entry.ids.iter().filter(|id| self.wanted.contains(*id)).cloned().collect();
        if names.is_empty() && ids.is_empty() {
            return;
        }
        if self.entries.len() >= MAX_NAMES {
            self.full = true;
            return;
        }
        let place = self.entries.len();
        for id in ids {
            self.by_id.entry((Arc::clone(&entry.place.file), id)).or_default().push(place);
        }
        for name in names {
            let places = self.by_name.entry(name).or_default();
            // One more than can be meant tells that nobody knows which is.
            if places.len() <= MAX_ALIKE && places.last() != Some(&place) {
                places.push(place);
            }
        }
        let made_from = entry.derived_from.into_iter().map(|origin| (origin.link, origin.of)).collect();
        self.entries.push(Known { file: entry.place.file, copy: entry.copy, made_from });
    }

    /// Whether entries may bear a name of which none is known, or too many are.
    fn is_unclear(&self, name: &str) -> bool {
        self.full || self.by_name.get(name).is_some_and(|all| all.len() > MAX_ALIKE)
    }

    /// The entries that a name stands for, those of the same paper before all others; none where there are none, or too many.
    fn meant(&self, name: &str, file: &str) -> Vec<usize> {
        let all = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        let by_id = self.by_id.get(&(Arc::from(file), name.to_owned())).map(Vec::as_slice).unwrap_or_default();
        let here = all.iter().copied().filter(|place| &*self.entries[*place].file == file);
        let mut here: Vec<usize> = here.chain(by_id.iter().copied()).collect();
        here.sort_unstable();
        here.dedup();
        let meant = if here.is_empty() { all.to_vec() } else { here };
        if self.full || all.len() > MAX_ALIKE || by_id.len() > MAX_ALIKE { Vec::new() } else { meant }
    }
}

/// Whether any paper may say what an entry was made from.
fn speak_of_origins(papers: Papers<'_>) -> Result<bool, LineageError> {
    for paper in papers.paths {
        let told = |source| OpenError::Read { path: paper.clone(), source };
        let format = papers.format.map_or_else(|| open::detect(paper), Ok).map_err(told)?;
        if format != Format::Rows || rows::speak_of_origins(paper, papers.workers).map_err(told)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn each(papers: Papers<'_>, paper: &Path, mut take: impl FnMut(Entry)) -> Result<(), LineageError> {
    for item in papers.open(paper)? {
        match item.map_err(|source| LineageError::Read { path: paper.to_owned(), source })? {
            Item::Entry(entry) => take(*entry),
            Item::Damage { .. } | Item::NotChecked { .. } => {}
        }
    }
    Ok(())
}

/// One entry's chains, as far as they were followed.
struct Chains<'i> {
    index: &'i Index,
    /// The entries on the way from the root to here.
    path: Vec<usize>,
    /// Which links lead from the root to here.
    at: Vec<usize>,
    left: usize,
    nowhere: Vec<Nowhere>,
}

impl Chains<'_> {
    /// Adds the links by name, each with every entry that is meant; unresolved where none is, or a bound is met.
    fn add_named(&mut self, links: &mut Vec<DerivedFrom>, made_from: &[(Link, String)], file: &str, own: &Acquisition) {
        for (link, name) in made_from {
            let before = links.len();
            for place in self.index.meant(name, file) {
                let parent = self.parent(place, links.len(), name, own);
                links.push(DerivedFrom { link: *link, parent, asserted_by: None });
            }
            if links.len() == before {
                self.leads_nowhere(links.len(), name);
                links.push(DerivedFrom { link: *link, parent: None, asserted_by: None });
            }
        }
    }

    /// The parent that a name means, for the link of this number; none where the name leads back to the root itself, in a cycle
    /// or beyond a bound.
    fn parent(&mut self, place: usize, number: usize, name: &str, own: &Acquisition) -> Option<Box<Acquisition>> {
        let itself = self.path.is_empty() && self.index.entries[place].copy == *own;
        self.at.push(number);
        let parent = if itself { None } else { self.follow(place).map(Box::new) };
        self.at.pop();
        if parent.is_none() {
            self.leads_nowhere(number, name);
        }
        parent
    }

    fn leads_nowhere(&mut self, number: usize, name: &str) {
        // As many as there can be ancestors are enough to be told.
        if self.nowhere.len() < MAX_ANCESTORS {
            let at = self.at.iter().copied().chain([number]).collect();
            self.nowhere.push(Nowhere { at, name: name.to_owned() });
        }
    }

    /// An entry with all that it was made from; none in a cycle or beyond a bound.
    fn follow(&mut self, place: usize) -> Option<Acquisition> {
        if self.path.contains(&place) || self.path.len() >= MAX_DEPTH || self.left == 0 {
            return None;
        }
        self.left -= 1;
        let known = &self.index.entries[place];
        self.path.push(place);
        let mut copy = known.copy.clone();
        self.complete(&mut copy, &known.made_from, &known.file);
        self.path.pop();
        Some(copy)
    }

    /// Completes what a copy says of its parents by what the papers say of them, and adds its links by name.
    fn complete(&mut self, copy: &mut Acquisition, made_from: &[(Link, String)], file: &str) {
        let own = copy.clone();
        let mut links = Vec::with_capacity(copy.lineage.len());
        for mut link in std::mem::take(&mut copy.lineage) {
            let names = link.parent.as_deref().and_then(reference).unwrap_or_default();
            let mut meant: Vec<usize> = names.iter().flat_map(|name| self.index.meant(name, file)).collect();
            meant.sort_unstable();
            meant.dedup();
            let mut told = false;
            for place in meant {
                let known = &self.index.entries[place];
                let itself = self.path.is_empty() && known.copy == own;
                told |= !itself && link.parent.as_deref().is_some_and(|parent| says_all(&known.copy, parent));
                let parent = self.parent(place, links.len(), &names[0], &own);
                links.push(DerivedFrom { parent, ..link.clone() });
            }
            // Where nobody knows which entry is meant, the parent's own history is unknown.
            if let Some(name) = names.iter().find(|name| self.index.is_unclear(name)) {
                self.leads_nowhere(links.len(), name);
                links.push(DerivedFrom { parent: None, ..link.clone() });
            }
            // What is said here and nowhere else stays beside what is found.
            if told {
                continue;
            }
            if let Some(parent) = link.parent.as_deref_mut()
                && !parent.lineage.is_empty()
                && self.path.len() < MAX_DEPTH
            {
                self.at.push(links.len());
                self.complete_below(parent, file);
                self.at.pop();
            }
            links.push(link);
        }
        self.add_named(&mut links, made_from, file, &own);
        copy.lineage = links;
    }

    fn complete_below(&mut self, parent: &mut Acquisition, file: &str) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        // No entry of its own: it stands on the path as nobody.
        self.path.push(usize::MAX);
        self.complete(parent, &[], file);
        self.path.pop();
    }
}

/// An entry with everything that the papers say of what it was made from. What is not found there is an unresolved link.
#[must_use]
pub fn resolve(mut entry: Entry, index: &Index) -> Entry {
    if entry.derived_from.is_empty() && entry.copy.lineage.is_empty() {
        return entry;
    }
    let made_from: Vec<(Link, String)> =
        entry.derived_from.iter().map(|origin| (origin.link, origin.of.clone())).collect();
    let (path, at, nowhere) = (Vec::new(), Vec::new(), Vec::new());
    let mut chains = Chains { index, path, at, left: MAX_ANCESTORS, nowhere };
    let file = Arc::clone(&entry.place.file);
    chains.complete(&mut entry.copy, &made_from, &file);
    entry.nowhere = chains.nowhere;
    entry
}

#[cfg(test)]
#[path = "lineage_tests.rs"]
mod tests;
