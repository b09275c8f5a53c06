//! A section on its way to a reader: every piece of it is inside the section, and of blocks that are as the signed hash says.

use super::format::{array_at, slice_at};
use super::tree::Checks;
use std::ops::Range;

/// A section's bytes, or a part of them.
#[derive(Clone, Copy)]
pub(super) struct View<'s> {
    bytes: &'s [u8],
    /// The body, where this part of it begins, and what its blocks must be; of a body that was hashed whole none.
    checks: Option<(&'s Checks, &'s [u8], usize)>,
}

impl<'s> View<'s> {
    /// So many bytes of the body from `start` on.
    pub(super) fn of(body: &'s [u8], start: usize, length: usize, checks: Option<&'s Checks>) -> Option<Self> {
        Some(Self { bytes: slice_at(body, start, length)?, checks: checks.map(|checks| (checks, body, start)) })
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// A part, not yet checked.
    pub(super) fn part(&self, range: Range<usize>) -> Option<Self> {
        let bytes = self.bytes.get(range.clone())?;
        Some(Self { bytes, checks: self.checks.map(|(checks, body, start)| (checks, body, start + range.start)) })
    }

    /// Some records of this width, not yet checked.
    pub(super) fn records(&self, range: Range<usize>, width: usize) -> Option<Self> {
        self.part(range.start.checked_mul(width)?..range.end.checked_mul(width)?)
    }

    /// Some bytes; `None` where they are not there, or not those that the log signed.
    #[inline(always)]
    pub(super) fn get(&self, at: usize, length: usize) -> Option<&'s [u8]> {
        let bytes = slice_at(self.bytes, at, length)?;
        match self.checks {
            None => Some(bytes),
            Some((checks, body, start)) => checks.hold(body, start + at..start + at + length).then_some(bytes),
        }
    }

    #[inline]
    pub(super) fn u32_at(&self, at: usize) -> Option<u32> {
        array_at(self.get(at, 4)?, 0).map(u32::from_le_bytes)
    }

    #[inline]
    pub(super) fn u64_at(&self, at: usize) -> Option<u64> {
        array_at(self.get(at, 8)?, 0).map(u64::from_le_bytes)
    }

    /// Asks memory for the line with this byte. What it is decides nothing, so that it is not checked.
    #[inline(always)]
    pub(super) fn touch(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or_default()
    }
}
