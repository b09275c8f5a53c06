//! What a newer body holds of statements that an older one lacks: where it stands, so that only that need be fetched.
//!
//! Statements stand in log order, each record behind the last, their payloads and signers too; so those of a newer body
//! begin with those of an older one of the same log, and the rest of the body is a function of them. Nothing here is
//! trusted: who builds the newer body from the older one and these tails has it if its hash is the signed one, and only then.

use super::build::Head;
use super::format::{self, DIRECTORY_RECORD, Extent, FIXED_HEADER, FormatError, Header, MAX_ORIGIN, Section};
use super::format::{slice_at, u32_at, u64_at};
use super::read::{Damage, Snapshot, parse_record};
use crate::evidence::Registered;
use std::ops::Range;
use std::sync::Arc;

/// Bytes from a body's first on that surely hold its header.
pub const LONGEST_HEADER: usize = FIXED_HEADER + Section::ALL.len() * DIRECTORY_RECORD + MAX_ORIGIN + 8;

/// Why a newer body can't be made from an older one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TailsError {
    /// The newer body's header.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A statement can't be read.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The newer one has less.
    #[error("the newer snapshot does not continue the older one")]
    Other,
}

/// The tails of a newer body's sections behind those that an older one has too.
#[derive(Debug, Clone)]
pub struct Tails {
    header: Header,
    records: Range<usize>,
    payloads: Range<usize>,
    text: Extent,
    /// Statements, bytes of payloads and of signers of the older one.
    places: usize,
    before: usize,
    signers: usize,
}

impl Tails {
    /// By the newer body's header, which these bytes begin with, and its length.
    ///
    /// # Errors
    /// [`TailsError`].
    pub fn of<D: AsRef<[u8]>>(older: &Snapshot<D>, newer: &[u8], length: u64) -> Result<Self, TailsError> {
        let (header, extents) = format::decode_header(newer, length)?;
        let extent = |section: Section| extents.get(section.rank()).copied().ok_or(TailsError::Other);
        let behind = |section: Section, before: usize| {
            let Extent { offset, length, .. } = extent(section)?;
            if before <= length { Ok(offset + before..offset + length) } else { Err(TailsError::Other) }
        };
        let (places, before) = (older.len(), older.length_of(Section::Payloads));
        let signers = match places.checked_sub(1) {
            None => 0,
            Some(last) => end_of_signers(older.statement_record(last)?).ok_or(TailsError::Other)?,
        };
        Ok(Self {
            records: behind(Section::Statements, places * Section::Statements.width())?,
            payloads: behind(Section::Payloads, before)?,
            text: extent(Section::Text)?,
            header,
            places,
            before,
            signers,
        })
    }

    /// The newer body's header, at its own word.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// What the newer body is built for.
    #[must_use]
    pub fn head(&self) -> Head {
        let Header { origin, size, root, time, .. } = &self.header;
        Head { origin: origin.clone(), size: *size, root: *root, time: *time }
    }

    /// Where in the newer body the new statements' records stand.
    #[must_use]
    pub fn records(&self) -> Range<u64> {
        wide(&self.records)
    }

    /// Where in the newer body their payloads stand.
    #[must_use]
    pub fn payloads(&self) -> Range<u64> {
        wide(&self.payloads)
    }

    /// Where in the newer body their signers stand, by their records.
    ///
    /// # Errors
    /// [`TailsError::Other`] for records that no continuation has.
    pub fn signers(&self, records: &[u8]) -> Result<Range<u64>, TailsError> {
        let last = records.chunks_exact(Section::Statements.width()).last();
        let end = last.map_or(Some(self.signers), end_of_signers).ok_or(TailsError::Other)?;
        if end < self.signers || end > self.text.length || records.len() != self.records.len() {
            return Err(TailsError::Other);
        }
        Ok(wide(&(self.text.offset + self.signers..self.text.offset + end)))
    }

    /// All statements of the newer body: those of the older one, then the new ones, by the bytes at the places told above.
    pub fn statements<'b, D: AsRef<[u8]>>(
        &'b self,
        older: &'b Snapshot<D>,
        records: &'b [u8],
        payloads: &'b [u8],
        signers: &'b [u8],
    ) -> impl Iterator<Item = Result<Arc<Registered>, Damage>> + 'b {
        let first = (0..self.places).map(|place| older.statement_once(u32::try_from(place).unwrap_or(u32::MAX)));
        let new = records.chunks_exact(Section::Statements.width()).enumerate().map(move |(number, record)| {
            let damage = Damage { section: Section::Statements, record: (self.places + number) as u64 };
            let part = |bytes: &'b [u8], at, length_at, before: usize| {
                let start = u64_at(record, at).and_then(|start| usize::try_from(start).ok())?.checked_sub(before)?;
                slice_at(bytes, start, usize::try_from(u32_at(record, length_at)?).ok()?)
            };
            let payload = part(payloads, 56, 72, self.before).ok_or(damage)?;
            let signers = part(signers, 64, 76, self.signers).ok_or(damage)?;
            parse_record(record, payload, signers, damage).map(Arc::new)
        });
        first.chain(new)
    }
}

/// Where in the text section a statement's signers end.
fn end_of_signers(record: &[u8]) -> Option<usize> {
    let end = u64_at(record, 64)?.checked_add(u64::from(u32_at(record, 76)?))?;
    usize::try_from(end).ok()
}

const fn wide(range: &Range<usize>) -> Range<u64> {
    range.start as u64..range.end as u64
}
