//! Lookups by bytes, many at a time, as those by address are: each step for all names before the next.

use super::buckets::{BUCKET, Bucket, CROWDED, FLAGS, REACH, Slot, key};
use super::format::{Section, u32_at};
use super::lookup::AT_ONCE;
use super::read::{Damage, SetId, SetKey, Snapshot};
use super::view::View;
use crate::id::ContentName;
use std::borrow::Borrow;
use std::hint::black_box;

/// The names of one kind.
#[derive(Clone, Copy)]
struct Names<'s> {
    buckets: View<'s>,
    /// How many of them there are, and the number of the first among those of all kinds.
    count: u32,
    first: usize,
    /// What found no place in them, and the number of the first record among those of all kinds.
    crowded: View<'s>,
    first_crowded: usize,
    /// How many sets there are, and names in full: what slots lead to.
    sets: usize,
    clearing: usize,
}

/// A lookup of one name.
#[derive(Clone, Copy, Default)]
struct Sought {
    /// Its place among those asked for together.
    asker: usize,
    home: u32,
    suffix: u64,
}

/// A name that may clear and may be the one that is sought: its record says.
struct InFull {
    asker: usize,
    record: usize,
}

const fn wide(number: u32) -> usize {
    number as usize
}

impl<'s> Names<'s> {
    fn damage(&self, bucket: u32) -> Damage {
        Damage { section: Section::Contents, record: (self.first + wide(bucket)) as u64 }
    }

    #[inline]
    fn bucket(&self, number: u32) -> Result<Bucket<'s>, Damage> {
        let bytes = wide(number).checked_mul(BUCKET).and_then(|at| self.buckets.get(at, BUCKET));
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Bucket).ok_or(self.damage(number))
    }

    /// Asks for the lines of all homes, then for those behind homes that go on. Nothing else is done here: a core looks ahead
    /// by so many instructions, and the fewer they are for a line, the more lines are under way.
    #[inline(never)]
    fn ask_memory(&self, all: &[Sought]) {
        let mut touched = 0;
        for sought in all {
            let at = wide(sought.home) * BUCKET;
            // A body that is no map may begin anywhere, and a bucket of it stand across two lines.
            touched ^= self.buckets.touch(at) ^ self.buckets.touch(at + FLAGS);
        }
        black_box(touched);
        for sought in all {
            let at = wide(sought.home) * BUCKET;
            let next = at + BUCKET * usize::from(self.buckets.touch(at + FLAGS) >> 7);
            touched ^= self.buckets.touch(next) ^ self.buckets.touch(next + FLAGS);
        }
        black_box(touched);
    }

    /// Where a slot leads, if it leads anywhere.
    #[inline]
    fn led(&self, full: bool, points_to: u32) -> Option<(bool, u32)> {
        (wide(points_to) < if full { self.clearing } else { self.sets }).then_some((full, points_to))
    }

    /// Gives every name with these bits: whether it is in full elsewhere, and where or which set.
    #[inline]
    fn each(&self, sought: &Sought, mut give: impl FnMut(bool, u32)) -> Result<(), Damage> {
        let last = sought.home.saturating_add(REACH).min(self.count.saturating_sub(1));
        for number in sought.home..=last {
            let bucket = self.bucket(number)?;
            let mut matching = bucket.matching(sought.suffix);
            while matching != 0 {
                let (full, points_to) = bucket.slot(matching.trailing_zeros());
                let (full, points_to) = self.led(full, points_to).ok_or(self.damage(number))?;
                give(full, points_to);
                matching &= matching - 1;
            }
            let behind = if number == sought.home { bucket.goes_on() } else { bucket.is_full() };
            if !behind {
                return Ok(());
            }
        }
        self.each_crowded(sought, give)
    }

    /// The same of what found no place: by halving, since anybody may bring about that there is much of it.
    #[cold]
    fn each_crowded(&self, sought: &Sought, mut give: impl FnMut(bool, u32)) -> Result<(), Damage> {
        let record = |number: usize| {
            let damage = Damage { section: Section::Crowded, record: (self.first_crowded + number) as u64 };
            let bytes = number.checked_mul(CROWDED).and_then(|at| self.crowded.get(at, CROWDED));
            bytes.and_then(Slot::of).ok_or(damage).map(|slot| (slot, damage))
        };
        let wanted = (sought.home, sought.suffix);
        let (mut low, mut high) = (0, self.crowded.len() / CROWDED);
        while low < high {
            let middle = low + (high - low) / 2;
            let (slot, _) = record(middle)?;
            if (slot.home, slot.suffix) < wanted { low = middle + 1 } else { high = middle }
        }
        for number in low..self.crowded.len() / CROWDED {
            let (slot, damage) = record(number)?;
            if (slot.home, slot.suffix) != wanted {
                break;
            }
            let (full, points_to) = self.led(slot.full, slot.points_to).ok_or(damage)?;
            give(full, points_to);
        }
        Ok(())
    }
}

fn parts(name: &ContentName) -> (usize, [u8; 32]) {
    match name {
        ContentName::Blake3(id) => (1, id.0),
        ContentName::Sha256(id) => (2, id.0),
        ContentName::WarcSha1(id) => {
            let mut digest = [0; 32];
            digest[..20].copy_from_slice(&id.0);
            (3, digest)
        }
    }
}

impl<D: AsRef<[u8]>> Snapshot<D> {
    /// The names by kind; kinds are 1 to 3.
    fn names(&self) -> Result<[Option<Names<'_>>; 4], Damage> {
        let mut names = [None; 4];
        let (buckets, crowded) = (self.view(Section::Contents)?, self.view(Section::Crowded)?);
        let (sets, clearing) = (self.set_count(), self.records(Section::Clearing));
        let (kinds, width) = (self.view(Section::ContentKinds)?, Section::ContentKinds.width());
        let kinds_here = self.records(Section::ContentKinds);
        for rank in 0..kinds_here {
            let damage = Damage { section: Section::ContentKinds, record: rank as u64 };
            let part = |rank: usize, at| kinds.u32_at(rank * width + at).ok_or(damage);
            let (kind, count) = (wide(part(rank, 0)?), part(rank, 4)?);
            let (first, first_crowded) = (wide(part(rank, 8)?), wide(part(rank, 12)?));
            let end = if rank + 1 < kinds_here { wide(part(rank + 1, 12)?) } else { self.records(Section::Crowded) };
            let buckets = first.checked_add(wide(count)).and_then(|end| buckets.records(first..end, BUCKET));
            let crowded = crowded.records(first_crowded..end, CROWDED);
            let (buckets, crowded) = buckets.zip(crowded).filter(|_| count > 0).ok_or(damage)?;
            let found = Names { buckets, count, first, crowded, first_crowded, sets, clearing };
            *names.get_mut(kind).ok_or(damage)? = Some(found);
        }
        Ok(names)
    }

    /// Whether any statement lists documents by names of this kind: the kind byte of [`ContentName::to_parts`]. Where none
    /// does, digests of that kind need not be computed.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn lists_kind(&self, kind: u8) -> Result<bool, Damage> {
        Ok(self.names()?.get(usize::from(kind)).is_some_and(Option::is_some))
    }

    /// The statements that list a document by this name, and perhaps some that list another one.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn by_content(&self, name: &ContentName) -> Result<SetKey, Damage> {
        Ok(self.by_content_each(std::slice::from_ref(name))?.pop().unwrap_or_default())
    }

    /// For each name what [`Snapshot::by_content`] gives, at a fraction of the time where there are many.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn by_content_each(&self, names: &[ContentName]) -> Result<Vec<SetKey>, Damage> {
        let mut found = vec![SetKey::default(); names.len()];
        self.by_contents(names, &mut found)?;
        found.iter_mut().for_each(SetKey::settle);
        Ok(found)
    }

    /// Adds to each place of `found` the sets for the name at the same place, unsorted.
    pub(super) fn by_contents<N: Borrow<ContentName>>(&self, names: &[N], found: &mut [SetKey]) -> Result<(), Damage> {
        let kinds = self.names()?;
        let clearing = self.view(Section::Clearing)?;
        let mut all = [Sought::default(); AT_ONCE];
        let mut in_full: Vec<InFull> = Vec::new();
        for (names, found) in names.chunks(AT_ONCE).zip(found.chunks_mut(AT_ONCE)) {
            for (kind, known) in kinds.iter().enumerate().filter_map(|(kind, known)| Some((kind, known.as_ref()?))) {
                let mut count = 0;
                for (asker, name) in names.iter().enumerate() {
                    let (of_kind, digest) = parts(name.borrow());
                    let (home, suffix) = key(&digest, known.count);
                    all[count] = Sought { asker, home, suffix };
                    count += usize::from(of_kind == kind);
                }
                let sought = &all[..count];
                known.ask_memory(sought);
                for one in sought {
                    known.each(one, |full, points_to| {
                        if full {
                            in_full.push(InFull { asker: one.asker, record: wide(points_to) });
                        } else {
                            found[one.asker].add(SetId(points_to));
                        }
                    })?;
                }
            }
            for InFull { asker, record } in in_full.drain(..) {
                let damage = Damage { section: Section::Clearing, record: record as u64 };
                let width = Section::Clearing.width();
                let bytes = record.checked_mul(width).and_then(|at| clearing.get(at, width)).ok_or(damage)?;
                if bytes.starts_with(&parts(names[asker].borrow()).1) {
                    found[asker].add(SetId(u32_at(bytes, 32).ok_or(damage)?));
                }
            }
        }
        Ok(())
    }
}
