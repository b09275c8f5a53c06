//! Sizes: documents and bytes by modality and name, exact whatever the number of names, in bounded memory.
//!
//! The template asks for the largest tenth of all domain names, so that none may be forgotten on the way. Names are counted in
//! memory up to a bound, then written out sorted; in the end the runs are merged and read twice: once to count the names of
//! each modality, once to keep the largest of them. Ties go by name, so that equal papers give equal lists.

use super::modality::Modality;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, Write};

/// Names held in memory before they are written out.
pub const HELD: usize = 500_000;
/// Runs on disk before they become one: each holds a file open.
const RUNS: usize = 64;
/// Most names that one list shows.
pub const LISTED: u64 = 1_000_000;
/// Longest name that is told apart, in bytes; a host has at most 253.
const LONGEST: usize = 512;

/// Documents, and how many bytes they have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Extent {
    /// The bytes of those that say so.
    pub bytes: u64,
    /// How many.
    pub documents: u64,
    /// How many of them don't say how many bytes they have.
    pub unsized_documents: u64,
}

impl Extent {
    /// One document.
    #[must_use]
    pub const fn one(bytes: Option<u64>) -> Self {
        match bytes {
            Some(bytes) => Self { bytes, documents: 1, unsized_documents: 0 },
            None => Self { bytes: 0, documents: 1, unsized_documents: 1 },
        }
    }

    /// With another.
    pub const fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.documents = self.documents.saturating_add(other.documents);
        self.unsized_documents = self.unsized_documents.saturating_add(other.unsized_documents);
    }
}

/// What part of all names a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// A tenth of them.
    Tenth,
    /// A twentieth, or a thousand where that is fewer: small and medium-sized providers.
    Twentieth,
    /// All of them.
    All,
}

impl Share {
    /// How many of so many names, rounded up: a list may be longer than asked for, never shorter.
    #[must_use]
    pub const fn of(self, names: u64) -> u64 {
        match self {
            Self::Tenth => names.div_ceil(10),
            Self::Twentieth => {
                let part = names.div_ceil(20);
                if part < 1_000 { part } else { 1_000 }
            }
            Self::All => names,
        }
    }
}

/// The largest names of one modality.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Largest {
    /// How many names there are.
    pub names: u64,
    /// How many a list must show.
    pub wanted: u64,
    /// Those shown, the largest first.
    pub listed: Vec<(String, Extent)>,
    /// All of them together.
    pub all: Extent,
}

type Key = (Modality, String);

/// A name by its rank: the heap's top is the one that goes first.
type Ranked = Reverse<(Extent, Reverse<String>)>;

/// The table.
#[derive(Debug)]
pub struct Sizes {
    held: BTreeMap<Key, Extent>,
    limit: usize,
    runs: Vec<File>,
}

impl Default for Sizes {
    fn default() -> Self {
        Self::holding(HELD)
    }
}

impl Sizes {
    /// A table that holds so many names in memory.
    #[must_use]
    pub const fn holding(limit: usize) -> Self {
        Self { held: BTreeMap::new(), limit, runs: Vec::new() }
    }

    /// Counts documents under a name.
    ///
    /// # Errors
    /// What writing a run gives.
    pub fn add(&mut self, modality: Modality, name: &str, extent: Extent) -> io::Result<()> {
        let mut end = name.len().min(LONGEST);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        self.held.entry((modality, name[..end].to_owned())).or_default().add(extent);
        if self.held.len() >= self.limit.max(1) {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.runs.len() >= RUNS {
            let mut out = BufWriter::new(tempfile::tempfile()?);
            self.merged(|key, extent| put(&mut out, &key, extent))?;
            self.held.clear();
            self.runs = vec![out.into_inner().map_err(io::IntoInnerError::into_error)?];
            return Ok(());
        }
        let mut out = BufWriter::new(tempfile::tempfile()?);
        for (key, extent) in std::mem::take(&mut self.held) {
            put(&mut out, &key, extent)?;
        }
        self.runs.push(out.into_inner().map_err(io::IntoInnerError::into_error)?);
        Ok(())
    }

    /// Every name once, in order, with everything counted under it.
    fn merged(&mut self, mut each: impl FnMut(Key, Extent) -> io::Result<()>) -> io::Result<()> {
        let mut readers = Vec::new();
        for run in &mut self.runs {
            run.rewind()?;
            readers.push(BufReader::new(&*run));
        }
        let mut heads: BinaryHeap<Reverse<(Key, usize, Extent)>> = BinaryHeap::new();
        for (rank, reader) in readers.iter_mut().enumerate() {
            heads.extend(take(reader)?.map(|(key, extent)| Reverse((key, rank, extent))));
        }
        let held = readers.len();
        let mut in_memory = self.held.iter();
        heads.extend(in_memory.next().map(|(key, extent)| Reverse((key.clone(), held, *extent))));
        let mut current: Option<(Key, Extent)> = None;
        while let Some(Reverse((key, rank, extent))) = heads.pop() {
            match &mut current {
                Some((known, sum)) if *known == key => sum.add(extent),
                _ => {
                    if let Some((key, extent)) = current.replace((key, extent)) {
                        each(key, extent)?;
                    }
                }
            }
            match readers.get_mut(rank) {
                Some(reader) => heads.extend(take(reader)?.map(|(key, extent)| Reverse((key, rank, extent)))),
                None => heads.extend(in_memory.next().map(|(key, extent)| Reverse((key.clone(), held, *extent)))),
            }
        }
        if let Some((key, extent)) = current {
            each(key, extent)?;
        }
        Ok(())
    }

    /// The largest names of each modality by bytes, then by documents, then by name.
    ///
    /// # Errors
    /// What reading the runs gives.
    pub fn largest(&mut self, share: Share) -> io::Result<BTreeMap<Modality, Largest>> {
        let mut found: BTreeMap<Modality, Largest> = BTreeMap::new();
        self.merged(|(modality, _), extent| {
            let of = found.entry(modality).or_default();
            of.names += 1;
            of.all.add(extent);
            Ok(())
        })?;
        let mut kept: BTreeMap<Modality, BinaryHeap<Ranked>> = BTreeMap::new();
        for of in found.values_mut() {
            of.wanted = share.of(of.names);
        }
        self.merged(|(modality, name), extent| {
            let shown = found.get(&modality).map_or(0, |of| of.wanted.min(LISTED));
            let heap = kept.entry(modality).or_default();
            heap.push(Reverse((extent, Reverse(name))));
            if heap.len() as u64 > shown {
                heap.pop();
            }
            Ok(())
        })?;
        for (modality, heap) in kept {
            let listed = heap.into_sorted_vec().into_iter().map(|Reverse((extent, Reverse(name)))| (name, extent));
            found.entry(modality).or_default().listed = listed.collect();
        }
        Ok(found)
    }
}

fn put(out: &mut impl Write, (modality, name): &Key, extent: Extent) -> io::Result<()> {
    let rank = Modality::ALL.iter().position(|it| it == modality).unwrap_or_default();
    out.write_all(&[u8::try_from(rank).unwrap_or_default()])?;
    out.write_all(&u16::try_from(name.len()).unwrap_or_default().to_le_bytes())?;
    out.write_all(name.as_bytes())?;
    [extent.bytes, extent.documents, extent.unsized_documents]
        .iter()
        .try_for_each(|number| out.write_all(&number.to_le_bytes()))
}

fn take(reader: &mut impl Read) -> io::Result<Option<(Key, Extent)>> {
    let mut rank = [0; 1];
    match reader.read_exact(&mut rank) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut length = [0; 2];
    reader.read_exact(&mut length)?;
    let mut name = vec![0; usize::from(u16::from_le_bytes(length))];
    reader.read_exact(&mut name)?;
    let name = String::from_utf8(name).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let mut numbers = [0_u64; 3];
    for number in &mut numbers {
        let mut bytes = [0; 8];
        reader.read_exact(&mut bytes)?;
        *number = u64::from_le_bytes(bytes);
    }
    let modality = Modality::ALL.get(usize::from(rank[0])).copied().unwrap_or(Modality::Unknown);
    let [bytes, documents, unsized_documents] = numbers;
    Ok(Some(((modality, name), Extent { bytes, documents, unsized_documents })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn naive(rows: &[(Modality, String, Option<u64>)], share: Share) -> BTreeMap<Modality, Largest> {
        let mut tables: BTreeMap<Modality, HashMap<String, Extent>> = BTreeMap::new();
        for (modality, name, bytes) in rows {
            tables.entry(*modality).or_default().entry(name.clone()).or_default().add(Extent::one(*bytes));
        }
        let of = |table: HashMap<String, Extent>| {
            let mut ranked: Vec<(String, Extent)> = table.into_iter().collect();
            ranked.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
            let names = ranked.len() as u64;
            let mut all = Extent::default();
            ranked.iter().for_each(|(_, extent)| all.add(*extent));
            ranked.truncate(usize::try_from(share.of(names)).unwrap());
            Largest { names, wanted: share.of(names), listed: ranked, all }
        };
        tables.into_iter().map(|(modality, table)| (modality, of(table))).collect()
    }

    proptest! {
        #[test]
        fn the_largest_tenth_is_exact_however_often_names_are_written_out(
            rows in prop::collection::vec((0..3_usize, 0..90_u32, prop::option::of(0..50_u64)), 0..400),
            limit in 1..40_usize,
        ) {
            let rows: Vec<(Modality, String, Option<u64>)> =
                rows.into_iter().map(|(kind, name, bytes)| (Modality::ALL[kind], format!("h{name}.example"), bytes)).collect();
            for share in [Share::Tenth, Share::Twentieth, Share::All] {
                let mut sizes = Sizes::holding(limit);
                for (modality, name, bytes) in &rows {
                    sizes.add(*modality, name, Extent::one(*bytes)).unwrap();
                }
                prop_assert_eq!(sizes.largest(share).unwrap(), naive(&rows, share));
            }
        }
    }

    #[test]
    fn shares_are_rounded_up_and_small_providers_bounded() {
        let of = |share: Share| [0, 1, 10, 11, 20_000, 20_001, 1_000_000].map(|names| share.of(names));
        assert_eq!(of(Share::Tenth), [0, 1, 1, 2, 2_000, 2_001, 100_000]);
        assert_eq!(of(Share::Twentieth), [0, 1, 1, 1, 1_000, 1_000, 1_000]);
    }
}
