//! Names of bytes in buckets of one line of memory each, so that a name is usually found, or not found, by one miss.
//!
//! A name's *home* is the bucket that its digest, read as a fraction, falls into; 40 bits of the fraction behind are kept.
//! Names stand in the order of their digests, each in its home or, where that is full, in one of the [`REACH`] buckets
//! behind. Digests of a fair hash fill buckets evenly, but anybody may list digests that he made up: what finds no place
//! within reach stands in a sorted list beside, which costs halving steps and never a walk over what a stranger listed.

use super::build::BuildError;
use super::format::{array_at, u32_at};
use super::spool::Spool;

/// Bytes of a bucket: a line of memory on the machines of our time, and sections begin at a multiple of it.
pub(super) const BUCKET: usize = 64;

/// Names in a bucket.
pub(super) const SLOTS: usize = 7;

/// How many buckets behind its home a name may stand.
pub(super) const REACH: u32 = 3;

/// Bytes of a record of what found no place.
pub(super) const CROWDED: usize = 16;

/// Bits of a digest that are kept.
const SUFFIX_BITS: u32 = 40;

/// Bytes of those.
const SUFFIX: usize = 5;

/// Where in a bucket the pointers stand, behind the suffixes.
const POINTERS: usize = SLOTS * SUFFIX;

/// Where in a bucket the flags stand: a bit for each slot that leads to a name in full, and [`GOES_ON`].
pub(super) const FLAGS: usize = BUCKET - 1;

/// A name whose home the bucket is stands behind it, or in the list beside.
const GOES_ON: u8 = 0x80;

/// How many buckets so many listings of names take: three quarters of the slots are filled.
pub(super) fn buckets_for(listings: u64) -> Option<u32> {
    let buckets = u128::from(listings) * 4 / (SLOTS as u128 * 3) + 1;
    u32::try_from(buckets).ok()
}

/// A digest's home among so many buckets, and the bits that are kept of it. Both together ascend as digests do.
#[inline]
pub(super) fn key(digest: &[u8; 32], buckets: u32) -> (u32, u64) {
    let (first, _) = digest.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    let product = u128::from(u64::from_be_bytes(*first)) * u128::from(buckets);
    let (home, fraction) = ((product >> 64) as u64, product as u64);
    (u32::try_from(home).unwrap_or_default(), fraction >> (64 - SUFFIX_BITS))
}

/// Writes the buckets of one kind as its names come, in order.
pub(super) struct Buckets {
    buckets: u32,
    /// The bucket that is being filled, and how many slots of it are.
    at: u32,
    filled: usize,
    /// That bucket and those before it whose names may still come, the last first.
    open: [[u8; BUCKET]; REACH as usize + 1],
}

/// One name on its way into a bucket.
pub(super) struct Slot {
    pub home: u32,
    pub suffix: u64,
    /// It stands in full elsewhere, and `points_to` is where; else that is its set.
    pub full: bool,
    pub points_to: u32,
}

impl Buckets {
    pub(super) const fn new(buckets: u32) -> Self {
        Self { buckets, at: 0, filled: 0, open: [[0; BUCKET]; REACH as usize + 1] }
    }

    pub(super) fn put(&mut self, slot: &Slot, out: &mut Spool, crowded: &mut Spool) -> Result<(), BuildError> {
        while self.at < slot.home {
            self.next(out)?;
        }
        // A name stands no farther behind than its home is open.
        let home = (self.at - slot.home) as usize;
        if self.filled == SLOTS {
            self.open[home][FLAGS] |= GOES_ON;
            if self.at - slot.home == REACH || self.at + 1 == self.buckets {
                return slot.crowd(crowded);
            }
            self.next(out)?;
        } else if home > 0 {
            self.open[home][FLAGS] |= GOES_ON;
        }
        let (suffix, pointer) = (self.filled * SUFFIX, POINTERS + self.filled * 4);
        let bucket = &mut self.open[0];
        bucket[suffix..suffix + SUFFIX].copy_from_slice(&slot.suffix.to_le_bytes()[..SUFFIX]);
        bucket[pointer..pointer + 4].copy_from_slice(&slot.points_to.to_le_bytes());
        bucket[FLAGS] |= u8::from(slot.full) << self.filled;
        self.filled += 1;
        Ok(())
    }

    /// Goes on to the next bucket, and writes the one whose names are all there.
    fn next(&mut self, out: &mut Spool) -> Result<(), BuildError> {
        if self.at >= REACH {
            out.put(&self.open[REACH as usize])?;
        }
        self.open.rotate_right(1);
        self.open[0] = [0; BUCKET];
        (self.at, self.filled) = (self.at + 1, 0);
        Ok(())
    }

    pub(super) fn end(mut self, out: &mut Spool) -> Result<(), BuildError> {
        while self.at < self.buckets + REACH {
            self.next(out)?;
        }
        Ok(())
    }
}

impl Slot {
    fn crowd(&self, crowded: &mut Spool) -> Result<(), BuildError> {
        let mut record = [0; CROWDED];
        record[..4].copy_from_slice(&self.home.to_le_bytes());
        record[4..10].copy_from_slice(&(self.suffix << 1 | u64::from(self.full)).to_le_bytes()[..6]);
        record[12..].copy_from_slice(&self.points_to.to_le_bytes());
        Ok(crowded.put(&record)?)
    }

    /// What a record of the list beside says.
    pub(super) fn of(record: &[u8]) -> Option<Self> {
        let (home, kept, points_to) = (u32_at(record, 0)?, array_at::<8>(record, 4)?, u32_at(record, 12)?);
        let kept = u64::from_le_bytes(kept) & ((1 << (SUFFIX_BITS + 1)) - 1);
        Some(Self { home, suffix: kept >> 1, full: kept & 1 == 1, points_to })
    }
}

/// A bucket as it is read.
#[derive(Clone, Copy)]
pub(super) struct Bucket<'s>(pub &'s [u8; BUCKET]);

impl Bucket<'_> {
    /// The slots that keep these bits, a bit each. An empty slot keeps zeros, and leads to the empty set.
    #[inline]
    pub(super) fn matching(self, suffix: u64) -> u32 {
        let mut matching = 0;
        for slot in 0..SLOTS {
            let kept = array_at::<8>(self.0, slot * SUFFIX).map_or(0, u64::from_le_bytes) & ((1 << SUFFIX_BITS) - 1);
            matching |= u32::from(kept == suffix) << slot;
        }
        matching
    }

    /// Whether the slot's name stands in full elsewhere, and where; or which set.
    #[inline]
    pub(super) fn slot(self, slot: u32) -> (bool, u32) {
        let pointer = usize::try_from(slot).ok().and_then(|slot| u32_at(self.0, POINTERS + slot * 4));
        (self.0[FLAGS] >> slot & 1 == 1, pointer.unwrap_or_default())
    }

    /// Whether names whose home this is stand behind.
    #[inline]
    pub(super) const fn goes_on(self) -> bool {
        self.0[FLAGS] & GOES_ON != 0
    }

    /// Whether every slot is taken: behind a bucket with a free one stands no name whose home is before it.
    #[inline]
    pub(super) fn is_full(self) -> bool {
        self.slot(SLOTS as u32 - 1) != (false, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_quarters_of_the_slots_are_filled() {
        for (listings, buckets) in [(0, 1), (5, 1), (6, 2), (28, 6), (64_000_000, 12_190_477)] {
            assert_eq!(buckets_for(listings), Some(buckets), "{listings}");
        }
        assert_eq!(buckets_for(u64::MAX), None);
    }

    #[test]
    fn keys_ascend_as_digests_do() {
        let digest = |first: u64| {
            let mut digest = [0xff; 32];
            digest[..8].copy_from_slice(&first.to_be_bytes());
            digest
        };
        for buckets in [1, 2, 7, 1000, u32::MAX] {
            let mut last = (0, 0);
            for first in (0..2000u64).map(|at| at * (u64::MAX / 1999)) {
                let (home, suffix) = key(&digest(first), buckets);
                assert!(home < buckets && suffix >> SUFFIX_BITS == 0 && (home, suffix) >= last, "{buckets} {first}");
                last = (home, suffix);
            }
        }
        assert_eq!(key(&digest(1 << 63), 2), (1, 0));
        assert_eq!(key(&digest(1 << 63 | 1 << 62), 2), (1, 1 << 39));
    }
}
