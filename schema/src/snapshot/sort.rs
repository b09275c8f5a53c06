//! Sorting more than memory holds: records gather in an arena, full arenas go to scratch files as sorted runs, runs are merged.
//!
//! Pure: where scratch lies is the caller's ([`Room`]). The order is that of the bytes, so that a build within a megabyte
//! and one without a bound write the same body.

use super::tape::Tape;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::io::{self, Cursor, Read, Seek, Write};

/// Bytes that can be written, and read again from any place: a temporary file, or memory.
pub trait Scratch: Read + Write + Seek {}

impl<T: Read + Write + Seek> Scratch for T {}

/// What a build may use: so much memory, and fresh scratch whenever it asks.
pub struct Room<'r> {
    budget: usize,
    fresh: Box<dyn FnMut() -> io::Result<Box<dyn Scratch>> + 'r>,
}

/// Sorters that a build has at the same time, each with an equal part of the memory.
const SORTERS: usize = 8;

/// The least that a sorter gets, whatever was asked for.
const LEAST: usize = 64 << 10;

impl Room<'static> {
    /// No bound; everything in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self { budget: usize::MAX, fresh: Box::new(|| Ok(Box::new(Cursor::new(Vec::new())))) }
    }
}

impl<'r> Room<'r> {
    /// About `budget` bytes of memory for sorting, the rest in what `fresh` gives: empty and the build's own.
    ///
    /// Beside the budget a build holds one statement, the rules of one host, the places of one set, and at most
    /// [`Room::BESIDE`] bytes of buffers and interned sets, whatever the number of statements.
    #[must_use]
    pub fn bounded(budget: usize, fresh: impl FnMut() -> io::Result<Box<dyn Scratch>> + 'r) -> Self {
        Self { budget, fresh: Box::new(fresh) }
    }

    /// Bytes that a build holds beside its budget at most, but for what one statement, one host and one set need.
    pub const BESIDE: usize = 48 << 20;

    pub(super) fn scratch(&mut self) -> io::Result<Box<dyn Scratch>> {
        (self.fresh)()
    }

    pub(super) fn sorter(&self) -> Sorter {
        Sorter::new(if self.budget == usize::MAX { None } else { Some((self.budget / SORTERS).max(LEAST)) })
    }
}

/// So many runs of one level are merged to one of the next as soon as they are there, and given up while they are read: what
/// is sorted lies once in scratch, and few files are open.
const FAN: usize = 32;

/// Where a record stands in the arena, with its first eight bytes: most comparisons end there.
#[derive(Debug)]
pub struct Place {
    first: u64,
    at: usize,
    length: usize,
}

/// Records on their way to being sorted.
pub struct Sorter {
    arena: Vec<u8>,
    places: Vec<Place>,
    share: Option<usize>,
    /// Sorted runs, by how often their records were merged.
    levels: Vec<Vec<Tape>>,
}

impl Sorter {
    fn new(share: Option<usize>) -> Self {
        Self { arena: Vec::new(), places: Vec::new(), share, levels: Vec::new() }
    }

    /// A sorter that holds about `share` bytes in memory.
    #[must_use]
    pub fn within(share: usize) -> Self {
        Self::new(Some(share.max(LEAST)))
    }

    /// Takes a record.
    ///
    /// # Errors
    /// What scratch gives.
    pub fn push(&mut self, room: &mut Room<'_>, record: &[u8]) -> io::Result<()> {
        if let Some(share) = self.share {
            if self.arena.capacity() == 0 {
                // Whole at once: a vector that grows by doubling would hold three times what it needs.
                self.arena.reserve_exact(share / 8 * 5);
                self.places.reserve_exact(share / 8 * 3 / size_of::<Place>());
            }
            let full = self.arena.len() + record.len() > self.arena.capacity();
            if (full || self.places.len() == self.places.capacity()) && !self.places.is_empty() {
                self.spill(room)?;
            }
        }
        let mut first = [0; 8];
        first.iter_mut().zip(record).for_each(|(to, from)| *to = *from);
        self.places.push(Place { first: u64::from_be_bytes(first), at: self.arena.len(), length: record.len() });
        self.arena.extend_from_slice(record);
        Ok(())
    }

    fn sort(&mut self) {
        let arena = &self.arena;
        let bytes = |place: &Place| &arena[place.at..place.at + place.length];
        self.places
            .sort_unstable_by(|one, other| one.first.cmp(&other.first).then_with(|| bytes(one).cmp(bytes(other))));
    }

    fn spill(&mut self, room: &mut Room<'_>) -> io::Result<()> {
        self.sort();
        let mut run = RunWriter::new(room)?;
        for place in &self.places {
            run.put(&self.arena[place.at..place.at + place.length], room)?;
        }
        self.arena.clear();
        self.places.clear();
        let mut run = run.end()?;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            self.levels[level].push(run);
            if self.levels[level].len() < FAN {
                break;
            }
            let runs = std::mem::take(&mut self.levels[level]);
            run = merged(runs, self.share.unwrap_or(usize::MAX), room)?;
        }
        Ok(())
    }

    /// All records in the order of their bytes.
    ///
    /// # Errors
    /// What scratch gives.
    pub fn sorted(mut self, room: &mut Room<'_>) -> io::Result<Sorted> {
        if self.levels.is_empty() {
            self.sort();
            return Ok(Sorted::Memory { arena: self.arena, places: self.places.into_iter() });
        }
        self.spill(room)?;
        (self.arena, self.places) = (Vec::new(), Vec::new());
        let runs = self.levels.into_iter().flatten().collect();
        Ok(Sorted::Runs(Merge::of(runs, self.share.unwrap_or(usize::MAX))?))
    }
}

/// One run of several.
fn merged(runs: Vec<Tape>, share: usize, room: &mut Room<'_>) -> io::Result<Tape> {
    let mut merge = Merge::of(runs, share)?;
    let (mut run, mut record) = (RunWriter::new(room)?, Vec::new());
    while merge.next(&mut record)? {
        run.put(&record, room)?;
    }
    run.end()
}

const BUFFER: usize = 256 << 10;

/// Writes a record's length: unsigned LEB128, one byte for nearly all.
fn put_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push(0x80 | (length & 0x7f) as u8);
        length >>= 7;
    }
    out.push(length as u8);
}

struct RunWriter {
    tape: Tape,
    buffer: Vec<u8>,
}

impl RunWriter {
    fn new(room: &mut Room<'_>) -> io::Result<Self> {
        Ok(Self { tape: Tape::new(room)?, buffer: Vec::with_capacity(BUFFER) })
    }

    fn put(&mut self, record: &[u8], room: &mut Room<'_>) -> io::Result<()> {
        put_length(record.len(), &mut self.buffer);
        self.buffer.extend_from_slice(record);
        if self.buffer.len() >= BUFFER {
            self.tape.put(&self.buffer)?;
            self.buffer.clear();
            self.tape.turn(room)?;
        }
        Ok(())
    }

    fn end(mut self) -> io::Result<Tape> {
        self.tape.put(&self.buffer)?;
        Ok(self.tape)
    }
}

/// Records in order, one after the other.
pub enum Sorted {
    /// They never left memory.
    #[doc(hidden)]
    Memory { arena: Vec<u8>, places: std::vec::IntoIter<Place> },
    /// They come out of sorted runs.
    #[doc(hidden)]
    Runs(Merge),
}

impl Sorted {
    /// Puts the next record into `record`; `false` behind the last.
    ///
    /// # Errors
    /// What scratch gives.
    pub fn next(&mut self, record: &mut Vec<u8>) -> io::Result<bool> {
        match self {
            Self::Memory { arena, places } => {
                let Some(place) = places.next() else { return Ok(false) };
                record.clear();
                record.extend_from_slice(&arena[place.at..place.at + place.length]);
                Ok(true)
            }
            Self::Runs(merge) => merge.next(record),
        }
    }
}

/// The heads of runs, least on top.
pub struct Merge {
    heads: BinaryHeap<Head>,
}

struct Head {
    record: Vec<u8>,
    /// What of the run is not in the buffer yet.
    rest: Tape,
    buffer: Vec<u8>,
    read: usize,
    size: usize,
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.record == other.record
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives its greatest first.
        other.record.cmp(&self.record)
    }
}

impl Merge {
    fn of(runs: Vec<Tape>, share: usize) -> io::Result<Self> {
        let size = (share / (runs.len() + 1)).clamp(4 << 10, BUFFER);
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for rest in runs {
            let mut head = Head { record: Vec::new(), rest, buffer: Vec::new(), read: 0, size };
            if head.advance()? {
                heads.push(head);
            }
        }
        Ok(Self { heads })
    }

    fn next(&mut self, record: &mut Vec<u8>) -> io::Result<bool> {
        let Some(mut head) = self.heads.peek_mut() else { return Ok(false) };
        std::mem::swap(record, &mut head.record);
        if !head.advance()? {
            PeekMut::pop(head);
        }
        Ok(true)
    }
}

impl Head {
    /// Takes the next record; `false` behind the last.
    fn advance(&mut self) -> io::Result<bool> {
        self.record.clear();
        if self.read == self.buffer.len() {
            self.fill()?;
            if self.buffer.is_empty() {
                return Ok(false);
            }
        }
        let (mut length, mut shift, mut more) = (0usize, 0, true);
        while more && shift < usize::BITS {
            self.take(1, |_, byte| {
                length |= usize::from(byte[0] & 0x7f) << shift;
                more = byte[0] & 0x80 != 0;
            })?;
            shift += 7;
        }
        let mut record = std::mem::take(&mut self.record);
        self.take(length, |_, bytes| record.extend_from_slice(bytes))?;
        self.record = record;
        Ok(true)
    }

    fn fill(&mut self) -> io::Result<()> {
        self.read = 0;
        self.rest.take(&mut self.buffer, self.size)
    }

    fn take(&mut self, count: usize, mut give: impl FnMut(usize, &[u8])) -> io::Result<()> {
        let mut given = 0;
        while given < count {
            if self.read == self.buffer.len() {
                self.fill()?;
                if self.buffer.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            let end = self.buffer.len().min(self.read + count - given);
            give(given, &self.buffer[self.read..end]);
            given += end - self.read;
            self.read = end;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tape::tests::Counted;
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::cell::Cell;

    fn sorted(records: &[Vec<u8>], mut room: Room<'_>, share: Option<usize>) -> Vec<Vec<u8>> {
        let mut sorter = Sorter::new(share);
        records.iter().for_each(|record| sorter.push(&mut room, record).unwrap());
        let mut sorted = sorter.sorted(&mut room).unwrap();
        let (mut out, mut record) = (Vec::new(), Vec::new());
        while sorted.next(&mut record).unwrap() {
            out.push(record.clone());
        }
        out
    }

    proptest! {
        #[test]
        fn runs_merge_to_what_memory_sorts(mut records in vec(vec(any::<u8>(), 0..40), 0..400), share in 200usize..4000) {
            let bounded = sorted(&records, Room::memory(), Some(share));
            let whole = sorted(&records, Room::memory(), None);
            records.sort();
            prop_assert_eq!(&bounded, &records);
            prop_assert_eq!(&whole, &records);
        }
    }

    #[test]
    fn more_runs_than_are_merged_at_once() {
        let records: Vec<Vec<u8>> =
            (0..5000u32).map(|number| (number.wrapping_mul(2_654_435_761)).to_be_bytes().to_vec()).collect();
        let mut expected = records.clone();
        expected.sort();
        assert_eq!(sorted(&records, Room::memory(), Some(400)), expected);
    }

    #[test]
    fn records_lie_in_scratch_once() {
        // Leaked, for scratch has no lifetime.
        let held: &'static Cell<usize> = Box::leak(Box::new(Cell::new(0)));
        let most = Cell::new(0);
        let mut room = Room::bounded(0, || {
            most.set(most.get().max(held.get()));
            Ok(Box::new(Counted::new(held)))
        });
        let mut sorter = Sorter::new(Some(400));
        let count = 40_000u32;
        for number in 0..count {
            sorter.push(&mut room, &number.wrapping_mul(2_654_435_761).to_be_bytes()).unwrap();
        }
        let mut sorted = sorter.sorted(&mut room).unwrap();
        let (all, mut record, mut read) = (count as usize * 5, Vec::new(), 0);
        while sorted.next(&mut record).unwrap() {
            read += 1;
        }
        assert_eq!((read, held.get()), (count, 0), "what was read is given up");
        drop(room);
        // Beside the records that lie there, those of one merge.
        assert!(most.get() >= all / 2 && most.get() <= all + all / 4, "{} of {all}", most.get());
    }
}
