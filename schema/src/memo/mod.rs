//! The memo: one ruling for all copies that `decide` can't tell apart, found by a lookup instead of a decision.
//!
//! Its key holds **everything that `decide` reads of a question**: the candidate statements, the places of the capture, of the
//! copying and of the use among the moments at which those statements change anything, and, statement by statement, how its
//! targets cover the copy. What the caller asks beside that (who asks, for what) stands in the key as the caller writes it
//! down. A copy with any fact beyond its fetched URL, its bytes and its times is none of the memo's: [`Plain::of`] says which.
//!
//! Who would attack: whoever finds two questions with one key and two answers is given the looser one. Whoever teaches
//! `decide` to read another fact adds it to [`Group::key`] or to [`Plain::of`]; the property test in `tests` looks for it.
//! And whoever would fill memory: both shelves are bounded by bytes, and a full part is thinned.
//!
//! Deliberately absent: the lookup of candidates ([`Source`] brings it) and every judgement.

mod cover;
mod group;
mod packed;
mod shelf;
#[cfg(test)]
mod tests;

use crate::acquisition::{Acquisition, Keys, UrlRole};
use crate::decide;
use crate::evidence::Registered;
use crate::id::StatementId;
use crate::policy::Reading;
use crate::time::Timestamp;
use crate::vocab::{Access, Channel};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::hash::{BuildHasher as _, RandomState};
use std::hint::black_box;
use std::sync::Arc;

use cover::Sites;
pub use group::Group;
use shelf::{Open, Shelf};

/// Most names of its bytes that a plain copy has.
const NAMES: usize = 8;

/// Where a memo looks statements up, the same as long as the memo lives.
pub trait Source {
    /// Why a lookup may fail: then nothing is known of any copy.
    type Failure;

    /// The candidates that a set key stands for; more than cover the copy is allowed, fewer is not.
    ///
    /// # Errors
    /// Its own.
    fn candidates(&self) -> Result<Vec<Arc<Registered>>, Self::Failure>;

    /// Every statement that names the given one.
    ///
    /// # Errors
    /// Its own.
    fn naming(&self, id: &StatementId) -> Result<Vec<Arc<Registered>>, Self::Failure>;
}

/// What a plain copy is beside its keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plain {
    /// When the bytes were fetched, as the copy says.
    pub captured_at: Option<Timestamp>,
    /// When the asker's copy was made, as the copy says.
    pub acquired_at: Option<Timestamp>,
    /// How it was got.
    pub channel: Option<Channel>,
    /// By what access.
    pub access: Option<Access>,
}

impl Plain {
    /// The facts of a copy that has nothing but at most one URL, fetched, names of its bytes, times, channel and access;
    /// `None` for any other, and where a URL can't be read.
    #[must_use]
    pub fn of(copy: &Acquisition) -> Option<Self> {
        let Acquisition { urls, content, works, collections, captured_at, acquired_at, published_at, .. } = copy;
        let Acquisition { channel, access, credits, marks, in_record, lineage, .. } = copy;
        let plain = urls.len() <= 1
            && urls.iter().all(|url| url.role == UrlRole::Fetched)
            && content.len() <= NAMES
            && works.is_empty()
            && collections.is_empty()
            && published_at.is_none()
            && credits.is_empty()
            && marks.is_empty()
            && in_record.as_ref().is_none_or(|found| found.signals.is_empty())
            && lineage.is_empty();
        let (captured_at, acquired_at, channel, access) = (*captured_at, *acquired_at, *channel, *access);
        plain.then_some(Self { captured_at, acquired_at, channel, access })
    }

    /// The same of a copy that is known to have nothing else but so many names of its bytes.
    #[must_use]
    pub fn with_names(self, names: usize) -> Option<Self> {
        (names <= NAMES).then_some(self)
    }
}

/// A question as far as a memo looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'q> {
    /// The candidates, as whoever looked them up writes them down: two questions with the same bytes have the same.
    pub sets: &'q [u8],
    /// The copy's keys, none of its URLs unread.
    pub keys: &'q Keys,
    /// The copy.
    pub copy: Plain,
    /// The moment of use.
    pub used_at: Timestamp,
    /// Whose evidence counts. One memo is asked with one reading, or `beside` tells readings apart.
    pub reading: &'q Reading,
    /// All else that the question asks: who, for what, where. Two questions that differ in it have different bytes.
    pub beside: &'q [u8],
}

/// The rulings of one state of the statements.
pub struct Memo<R> {
    groups: Shelf<Group>,
    rulings: Shelf<R>,
}

impl<R> Memo<R> {
    /// A memo that knows nothing yet, of at most about so many bytes for statements in groups and for rulings.
    #[must_use]
    pub fn within(groups: usize, rulings: usize) -> Self {
        let seed = RandomState::new().hash_one(0);
        Self { groups: Shelf::within(groups, seed), rulings: Shelf::within(rulings, seed) }
    }

    /// The statements that may speak for copies with one set key: the candidates and everything that names them.
    ///
    /// # Errors
    /// The source's.
    pub fn group<S: Source>(&self, sets: &[u8], source: &S) -> Result<Arc<Group>, S::Failure> {
        if let Some(found) = self.groups.get(sets) {
            return Ok(found);
        }
        let mut open = source.candidates()?;
        let mut found: BTreeMap<u64, Arc<Registered>> = BTreeMap::new();
        while let Some(registered) = open.pop() {
            if let Entry::Vacant(place) = found.entry(registered.index) {
                for id in registered.rests_on() {
                    open.extend(source.naming(id)?);
                }
                place.insert(registered);
            }
        }
        let group = Arc::new(Group::of(found.into_values()));
        self.groups.put(sets, &group, group.weight());
        Ok(group)
    }

    /// The ruling for a key, where there is one.
    #[must_use]
    pub fn recall(&self, key: &Key) -> Option<Arc<R>> {
        self.rulings.get(&key.bytes)
    }

    /// What is remembered by now, for many lookups without a lock for each. Whoever holds it keeps others from remembering: it is
    /// not for deciding in between.
    #[must_use]
    pub fn remembered(&self) -> Remembered<'_, R> {
        Remembered { groups: self.groups.open(), rulings: self.rulings.open() }
    }

    /// Keeps a ruling of about so many bytes.
    pub fn keep(&self, key: &Key, ruling: &Arc<R>, weight: usize) {
        self.rulings.put(&key.bytes, ruling, weight);
    }
}

/// A memo that stands still.
pub struct Remembered<'m, R> {
    groups: Open<'m, Group>,
    rulings: Open<'m, R>,
}

impl<R> Remembered<'_, R> {
    /// The statements that may speak for copies with each of these set keys, where they were looked up before, in order.
    #[must_use]
    pub fn groups<'k>(&self, sets: impl Iterator<Item = &'k [u8]>) -> Vec<Option<&Arc<Group>>> {
        self.groups.get_each(sets)
    }

    /// Asks for the memory that the keys of these copies will be written from, for all of them at once: memory brings many lines in the
    /// time of one.
    pub fn touch(&self, copies: &[(Option<&Arc<Group>>, &Keys)]) {
        let mut touched = 0;
        let hosts = copies.iter().map(|(group, keys)| match (group, keys.urls.first()) {
            (Some(_), Some((_, url))) => cover::host_hash(url),
            _ => 0,
        });
        let hosts: Vec<u32> = hosts.collect();
        for step in 0..3 {
            for ((group, _), host) in copies.iter().zip(&hosts) {
                touched ^= group.map_or(0, |group| group.touch(step, *host));
            }
        }
        black_box(touched);
    }

    /// The rulings for keys, where there are some, in order.
    #[must_use]
    pub fn rulings(&self, keys: &[Key]) -> Vec<Option<&Arc<R>>> {
        self.rulings.get_each(keys.iter().map(|key| key.bytes.as_slice()))
    }
}

/// Everything that tells two questions apart, as bytes. To be used again and again.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Key {
    bytes: Vec<u8>,
}

/// A longer key is kept as its hash: anybody may register statements by the thousand that name one offer.
const LONGEST_KEY: usize = 256;

impl Key {
    fn number(&mut self, number: usize) {
        self.bytes.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn part(&mut self, part: &[u8]) {
        self.number(part.len());
        self.bytes.extend(part);
    }

    /// Writes the key of a question over whatever stood here; `group` holds the candidates, none where there are none.
    pub fn write(&mut self, asked: &Asked<'_>, group: Option<&Group>) {
        let Asked { sets, keys, copy, used_at, reading, beside } = *asked;
        let acquired_at = copy.acquired_at.unwrap_or(used_at);
        let captured_at = decide::captured_at(copy.captured_at, acquired_at, used_at);
        self.bytes.clear();
        self.part(sets);
        self.part(beside);
        self.bytes.push(copy.channel.map_or(0, |channel| channel as u8 + 1));
        self.bytes.push(copy.access.map_or(0, |access| access as u8 + 1));
        // The first listed site that a URL of the copy is on, as `decide` finds it.
        let on = keys.urls.iter().find_map(|(_, url)| reading.infringing(&url.host, acquired_at));
        let on = on.and_then(|site| reading.infringing_sites.iter().position(|listed| listed == site));
        self.number(on.map_or(0, |place| place + 1));
        let sites = Sites::of(keys);
        sites.write(&mut self.bytes);
        if let Some(group) = group {
            let [captured, acquired, used] = group.intervals(captured_at, acquired_at, used_at);
            [captured, acquired, used].into_iter().for_each(|interval| self.number(interval));
            group.cover(&sites, &mut self.bytes);
        }
        if self.bytes.len() > LONGEST_KEY {
            let hash = blake3::hash(&self.bytes);
            self.bytes.clear();
            self.bytes.extend(hash.as_bytes());
        }
    }
}
