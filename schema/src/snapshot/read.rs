//! Reads a snapshot in place: opening looks at the header alone, nothing is trusted to be in order, every read is bounds-checked.

use super::format::{self, Extent, FormatError, Header, NONE, Section, array_at, i64_at, slice_at, u32_at, u64_at};
use super::signers::{self, Signers};
use super::tree::{Checks, Tree};
use super::view::View;
use crate::acquisition::{Keys, WorkId};
use crate::evidence::Registered;
use crate::id::StatementId;
use crate::statement::Statement;
use crate::time::Timestamp;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::atomic::{self, AtomicUsize};
use std::sync::{Arc, OnceLock};

/// A part of the body that no builder writes. Whoever meets it knows nothing: what could not be read may be the statement
/// that reserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot is damaged in its {section:?} section, record {record}")]
pub struct Damage {
    /// Where.
    pub section: Section,
    /// Which record there; the byte offset in a section without records.
    pub record: u64,
}

/// An interned set of statement places, by its rank in the snapshot that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub u32);

impl SetId {
    /// The empty set.
    pub const EMPTY: Self = Self(0);
}

/// The interned sets whose union holds every statement that may cover a copy; sorted, without repeats and without the
/// empty set. The usual copy has none or one.
///
/// Two copies with equal keys **have the same candidate statements**, and nothing more: whether and how a candidate's scope
/// covers a copy (exactly, folded, excluded) hangs on the copy's own keys still. A memo of verdicts needs
/// [`Scope::restricts`](crate::scope::Scope::restricts) and [`Scope::permits`](crate::scope::Scope::permits) of every
/// candidate in its key too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetKey(Few);

/// Sets in place while they are few: the usual key costs no allocation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Few {
    /// So many; behind them stands the empty set.
    Here(u8, [SetId; FEW]),
    Listed(Vec<SetId>),
}

const FEW: usize = 3;

impl Default for SetKey {
    fn default() -> Self {
        Self(Few::Here(0, [SetId::EMPTY; FEW]))
    }
}

impl SetKey {
    /// The sets.
    #[must_use]
    pub fn sets(&self) -> &[SetId] {
        match &self.0 {
            Few::Here(count, sets) => sets.get(..usize::from(*count)).unwrap_or_default(),
            Few::Listed(sets) => sets,
        }
    }

    /// Whether no statement can cover the copy.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sets().is_empty()
    }

    /// Adds a set, out of order.
    pub(super) fn add(&mut self, set: SetId) {
        if set == SetId::EMPTY {
            return;
        }
        match &mut self.0 {
            Few::Here(count, sets) => match sets.get_mut(usize::from(*count)) {
                Some(place) => {
                    *place = set;
                    *count += 1;
                }
                None => self.0 = Few::Listed(sets.iter().copied().chain([set]).collect()),
            },
            Few::Listed(sets) => sets.push(set),
        }
    }

    /// The key, its sets sorted and without repeats.
    pub(super) fn settled(mut self) -> Self {
        self.settle();
        self
    }

    /// Sorts its sets, and drops repeats.
    pub(super) fn settle(&mut self) {
        if self.sets().len() < 2 {
            return;
        }
        let mut key = Self::default();
        let sets = match &mut self.0 {
            Few::Here(count, sets) => sets.get_mut(..usize::from(*count)).unwrap_or_default(),
            Few::Listed(sets) => sets.as_mut_slice(),
        };
        sets.sort_unstable();
        let mut last = SetId::EMPTY;
        for set in sets {
            if *set != last {
                key.add(*set);
            }
            last = *set;
        }
        *self = key;
    }
}

/// Parsed statements are kept in pages of this many, so that opening a snapshot reserves nothing for those never asked for.
const PAGE: usize = 1024;

/// Most statements that are kept parsed: some kilobyte and a half each.
const KEPT: usize = 65_536;

type Page = Box<[OnceLock<Arc<Registered>>]>;

/// A snapshot over bytes that somebody else holds, such as a memory map. Not yet trusted: see
/// [`Snapshot::verify`], [`Snapshot::verify_hash`] and [`Snapshot::verify_as_read`].
///
/// The bytes should not change while they are read. Where they do, reads give [`Damage`] or other statements' answers; no
/// read panics. Who maps a file should map one that nobody writes to: a file that is cut short under a map ends the process.
#[derive(Debug)]
pub struct Snapshot<D> {
    data: D,
    header: Header,
    extents: Vec<Extent>,
    parsed: Vec<OnceLock<Page>>,
    /// How many statements are kept parsed.
    kept: AtomicUsize,
    /// What is checked where it is read; of a body that was hashed whole nothing.
    checks: Option<Checks>,
}

impl<D: AsRef<[u8]>> Snapshot<D> {
    /// Reads the header and the section directory; cheap, whatever the length.
    ///
    /// # Errors
    /// [`FormatError`]; for another version it says what was expected, what was got and the way out.
    pub fn open(data: D) -> Result<Self, FormatError> {
        let (header, extents) = format::decode_header(data.as_ref(), data.as_ref().len() as u64)?;
        let mut snapshot = Self { data, header, extents, parsed: Vec::new(), kept: AtomicUsize::new(0), checks: None };
        let pages = snapshot.len().div_ceil(PAGE);
        snapshot.parsed.resize_with(pages, OnceLock::new);
        Ok(snapshot)
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The whole body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.data.as_ref()
    }

    /// BLAKE3 of the whole body: one pass over all bytes.
    #[must_use]
    pub fn body_hash(&self) -> [u8; 32] {
        *blake3::hash(self.bytes()).as_bytes()
    }

    /// The number of statements; places count from 0 to it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records(Section::Statements)
    }

    /// Whether there is no statement.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of sets: the empty one, one for each place, and those with records.
    #[must_use]
    pub fn set_count(&self) -> usize {
        1 + self.len() + self.records(Section::Sets)
    }

    pub(super) fn extent(&self, section: Section) -> Option<&Extent> {
        self.extents.get(section.rank())
    }

    pub(super) fn section(&self, section: Section) -> &[u8] {
        self.extent(section).and_then(|extent| slice_at(self.bytes(), extent.offset, extent.length)).unwrap_or_default()
    }

    /// The section, which is there in full: of one that is gone nobody may say that it lists nothing.
    pub(super) fn view(&self, section: Section) -> Result<View<'_>, Damage> {
        let extent = self.extent(section);
        let view = extent.and_then(|extent| View::of(self.bytes(), extent.offset, extent.length, self.checks.as_ref()));
        view.ok_or(Damage { section, record: 0 })
    }

    /// From now on every byte is checked against the tree before it is believed; whether the header is.
    pub(super) fn check_by(&mut self, tree: Tree) -> bool {
        let head = self.extents.first().map_or(0, |first| first.offset);
        let checks = Checks::new(tree);
        let held = checks.hold(self.bytes(), 0..head);
        self.checks = Some(checks);
        held
    }

    pub(super) fn records(&self, section: Section) -> usize {
        self.extent(section).map_or(0, |extent| extent.length / section.width())
    }

    fn record(&self, section: Section, number: usize) -> Result<&[u8], Damage> {
        let damage = Damage { section, record: number as u64 };
        let at = number.checked_mul(section.width()).ok_or(damage)?;
        self.view(section)?.get(at, section.width()).ok_or(damage)
    }

    /// The bytes that a record's offset (8 bytes at `at`) and length (4 bytes at `length_at`) point to.
    fn pointed(&self, record: &[u8], at: usize, length_at: usize, into: Section) -> Result<&[u8], Damage> {
        let offset = u64_at(record, at).unwrap_or(u64::MAX);
        let length = u32_at(record, length_at).and_then(|length| usize::try_from(length).ok());
        let start = usize::try_from(offset).ok();
        let view = self.view(into)?;
        start
            .zip(length)
            .and_then(|(start, length)| view.get(start, length))
            .ok_or(Damage { section: into, record: offset })
    }

    fn text(&self, record: &[u8]) -> Result<&[u8], Damage> {
        self.pointed(record, 0, 8, Section::Text)
    }

    /// The last record in `range` that is not greater than what is sought, by binary search.
    fn last_at_most(
        &self,
        section: Section,
        range: std::ops::Range<usize>,
        compare: impl Fn(&[u8]) -> Result<Ordering, Damage>,
    ) -> Result<Option<(usize, Ordering)>, Damage> {
        let (mut low, mut high) = (range.start, range.end);
        let mut best = None;
        while low < high {
            let middle = low + (high - low) / 2;
            match compare(self.record(section, middle)?)? {
                Ordering::Greater => high = middle,
                order => {
                    best = Some((middle, order));
                    low = middle + 1;
                }
            }
        }
        Ok(best)
    }

    /// The one record that is equal to what is sought.
    fn find_record(
        &self,
        section: Section,
        compare: impl Fn(&[u8]) -> Result<Ordering, Damage>,
    ) -> Result<Option<&[u8]>, Damage> {
        match self.last_at_most(section, 0..self.records(section), compare)? {
            Some((number, Ordering::Equal)) => self.record(section, number).map(Some),
            _ => Ok(None),
        }
    }

    /// The statement at a place. Parsed once, then shared, as long as no more than [`KEPT`] were.
    ///
    /// # Errors
    /// [`Damage`] where there is none, or its bytes are not the statement that its id names.
    pub fn statement(&self, place: u32) -> Result<Arc<Registered>, Damage> {
        let damage = Damage { section: Section::Statements, record: u64::from(place) };
        let place = usize::try_from(place).map_err(|_| damage)?;
        if place >= self.len() {
            return Err(damage);
        }
        let page = self.parsed.get(place / PAGE).ok_or(damage)?;
        let page = page.get_or_init(|| (0..PAGE).map(|_| OnceLock::new()).collect());
        let slot = page.get(place % PAGE).ok_or(damage)?;
        if let Some(registered) = slot.get() {
            return Ok(Arc::clone(registered));
        }
        let parsed = Arc::new(self.parse_statement(place)?);
        // Anybody may register more of them than a run has memory for: the others are parsed where they are asked for.
        if self.kept.fetch_add(1, atomic::Ordering::Relaxed) >= KEPT {
            self.kept.fetch_sub(1, atomic::Ordering::Relaxed);
            return Ok(parsed);
        }
        Ok(Arc::clone(slot.get_or_init(|| parsed)))
    }

    /// The statement at a place, parsed anew and not kept.
    pub(super) fn statement_once(&self, place: u32) -> Result<Arc<Registered>, Damage> {
        let damage = Damage { section: Section::Statements, record: u64::from(place) };
        Ok(Arc::new(self.parse_statement(usize::try_from(place).map_err(|_| damage)?)?))
    }

    /// Where a statement's payload stands in the payloads section, as its record says.
    pub(super) fn payload_extent(&self, place: u32) -> Result<std::ops::Range<u64>, Damage> {
        let damage = Damage { section: Section::Statements, record: u64::from(place) };
        let record = self.record(Section::Statements, usize::try_from(place).map_err(|_| damage)?)?;
        let start = u64_at(record, 56).ok_or(damage)?;
        let length = u32_at(record, 72).ok_or(damage)?;
        Ok(start..start.checked_add(u64::from(length)).ok_or(damage)?)
    }

    fn parse_statement(&self, place: usize) -> Result<Registered, Damage> {
        let damage = Damage { section: Section::Statements, record: place as u64 };
        let record = self.record(Section::Statements, place)?;
        let payload = self.pointed(record, 56, 72, Section::Payloads)?;
        let signers = self.pointed(record, 64, 76, Section::Text)?;
        parse_record(record, payload, signers, damage)
    }

    /// A statement's record.
    pub(super) fn statement_record(&self, place: usize) -> Result<&[u8], Damage> {
        self.record(Section::Statements, place)
    }

    /// Bytes of a section.
    pub(super) fn length_of(&self, section: Section) -> usize {
        self.extent(section).map_or(0, |extent| extent.length)
    }

    /// The place of a statement.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn find(&self, id: &StatementId) -> Result<Option<u32>, Damage> {
        let place = |record: &[u8]| u32_at(record, 0).unwrap_or(NONE);
        let found = self.find_record(Section::Ids, |record| {
            let number = usize::try_from(place(record)).unwrap_or(usize::MAX);
            let filed = self.record(Section::Statements, number)?;
            Ok(filed.get(..32).unwrap_or_default().cmp(&id.0[..]))
        })?;
        Ok(found.map(place))
    }

    /// The statements that name this one: supersede, withdraw, accept, discharge, suspend it.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn by_named(&self, id: &StatementId) -> Result<SetId, Damage> {
        let found =
            self.find_record(Section::Named, |record| Ok(record.get(..32).unwrap_or_default().cmp(&id.0[..])))?;
        Ok(set_id(found, 32))
    }

    /// The statements that list a work.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn by_work(&self, work: &WorkId) -> Result<SetId, Damage> {
        self.by_text(Section::Works, work.as_str())
    }

    /// The statements that name a compilation.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn by_collection(&self, name: &str) -> Result<SetId, Damage> {
        self.by_text(Section::Collections, name)
    }

    fn by_text(&self, section: Section, text: &str) -> Result<SetId, Damage> {
        let found = self.find_record(section, |record| Ok(self.text(record)?.cmp(text.as_bytes())))?;
        Ok(set_id(found, 12))
    }

    /// The sets that together hold every statement that may cover a copy with these keys.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn sets_for(&self, keys: &Keys) -> Result<SetKey, Damage> {
        Ok(self.sets_for_each(&[keys])?.pop().unwrap_or_default())
    }

    /// The places in a set, ascending, without repeats.
    ///
    /// # Errors
    /// [`Damage`], for an id that the snapshot does not have too.
    pub fn set(&self, id: SetId) -> Result<impl Iterator<Item = u32> + use<D>, Damage> {
        let mut places = BTreeSet::new();
        self.collect_set(id, &mut places)?;
        Ok(places.into_iter())
    }

    /// The places in any of these sets, ascending, without repeats.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn places(&self, key: &SetKey) -> Result<Vec<u32>, Damage> {
        let mut places = BTreeSet::new();
        for id in key.sets() {
            self.collect_set(*id, &mut places)?;
        }
        Ok(places.into_iter().collect())
    }

    fn collect_set(&self, id: SetId, places: &mut BTreeSet<u32>) -> Result<(), Damage> {
        let statements = u32::try_from(self.len()).unwrap_or(u32::MAX);
        let mut at = Some(id.0);
        while let Some(number) = at {
            let Some(place) = number.checked_sub(1) else { return Ok(()) };
            if place < statements {
                places.insert(place);
                return Ok(());
            }
            let damage = Damage { section: Section::Sets, record: u64::from(place - statements) };
            let record = self.record(Section::Sets, usize::try_from(place - statements).map_err(|_| damage)?)?;
            let parent = u32_at(record, 0).unwrap_or(NONE);
            let count = u32_at(record, 4).unwrap_or_default();
            let first = u64_at(record, 8).and_then(|first| usize::try_from(first).ok()).ok_or(damage)?;
            for rank in 0..count {
                let member = usize::try_from(rank).ok().and_then(|rank| first.checked_add(rank)).ok_or(damage)?;
                let place = u32_at(self.record(Section::Members, member)?, 0).unwrap_or(NONE);
                if place >= statements {
                    return Err(Damage { section: Section::Members, record: member as u64 });
                }
                places.insert(place);
            }
            // A parent comes before its children, or the walk might not end.
            if parent != NONE && parent >= number {
                return Err(damage);
            }
            at = (parent != NONE).then_some(parent);
        }
        Ok(())
    }

    /// What [`Lookup::covering`](crate::evidence::Lookup::covering) gives, or the damage that was met on the way.
    ///
    /// # Errors
    /// [`Damage`]: then nothing is known of the copy.
    pub fn try_covering(&self, keys: &Keys) -> Result<Vec<Arc<Registered>>, Damage> {
        let mut covering = Vec::new();
        for place in self.places(&self.sets_for(keys)?)? {
            let registered = self.statement(place)?;
            if registered.statement.scope().is_some_and(|scope| scope.touches(keys)) {
                covering.push(registered);
            }
        }
        Ok(covering)
    }

    /// What [`Lookup::naming`](crate::evidence::Lookup::naming) gives, or the damage that was met on the way.
    ///
    /// # Errors
    /// [`Damage`]: then nothing is known of the statement's fate.
    pub fn try_naming(&self, id: &StatementId) -> Result<Vec<Arc<Registered>>, Damage> {
        self.set(self.by_named(id)?)?.map(|place| self.statement(place)).collect()
    }
}

/// The statement with this record, payload and signers.
pub(super) fn parse_record(
    record: &[u8],
    payload: &[u8],
    signers: &[u8],
    damage: Damage,
) -> Result<Registered, Damage> {
    let id = StatementId(array_at(record, 0).ok_or(damage)?);
    let statement = Statement::parse(payload).map_err(|_| damage)?;
    if statement.remains_of.unwrap_or_else(|| StatementId::of(payload)) != id {
        return Err(damage);
    }
    let Signers { signed_by, under, speaks_for } = signers::parse(signers).ok_or(damage)?;
    let time = |at| i64_at(record, at).map(Timestamp).ok_or(damage);
    let flags = u32_at(record, 80).filter(|flags| matches!(flags, 0 | 2)).ok_or(damage)?;
    Ok(Registered {
        id,
        index: u64_at(record, 32).ok_or(damage)?,
        registered_at: time(40)?,
        signed_by,
        under,
        speaks_for,
        tenure_from: if flags & 2 == 0 { None } else { Some(time(48)?) },
        statement,
    })
}

fn set_id(record: Option<&[u8]>, at: usize) -> SetId {
    // A record has its full width, so that the number is always there; without a record it is the empty set.
    SetId(record.map_or(0, |record| u32_at(record, at).unwrap_or(NONE)))
}
