//! Facts: what one statement adds to each index, as byte strings whose order is the order of the index.
//!
//! Zero bytes part texts from what follows: hosts, patterns and names of works hold none, so that a text stands before all
//! longer ones that it begins, as in any sorted list.

use super::build::BuildError;
use super::sort::{Room, Sorted, Sorter};
use super::url_rules::{IndexPattern, fold_host};
use crate::evidence::Registered;
use crate::id::ContentName;
use crate::scope::Target;
use crate::statement::Body;
use std::io;

/// Facts on their way to their indexes.
pub(super) struct Facts {
    pub ids: Sorter,
    pub named: Sorter,
    pub hosts: Sorter,
    pub contents: Sorter,
    pub works: Sorter,
    pub collections: Sorter,
    /// How many names of each kind were listed, repeats too; kinds are 1 to 3.
    pub listings: [u64; 4],
    record: Vec<u8>,
}

/// What a fact says of a host.
pub(super) mod role {
    /// The rule is for hosts below.
    pub const BELOW: u8 = 0;
    /// The rule is for the host itself.
    pub const EXACT: u8 = 1;
    /// The rule is for paths.
    pub const PATH: u8 = 2;
}

impl Facts {
    pub(super) fn new(room: &Room<'_>) -> Self {
        Self {
            ids: room.sorter(),
            named: room.sorter(),
            hosts: room.sorter(),
            contents: room.sorter(),
            works: room.sorter(),
            collections: room.sorter(),
            listings: [0; 4],
            record: Vec::new(),
        }
    }

    /// Adds what a statement says.
    pub(super) fn add(&mut self, room: &mut Room<'_>, place: u32, registered: &Registered) -> io::Result<()> {
        let end = place.to_be_bytes();
        self.record.clear();
        self.record.extend(registered.id.0.iter().chain(&end));
        self.ids.push(room, &self.record)?;
        for named in registered.statement.names() {
            self.record.clear();
            self.record.extend(named.0.iter().chain(&end));
            self.named.push(room, &self.record)?;
        }
        // What these two say restricts or doubts, and never clears.
        let clears = !matches!(registered.statement.body, Body::Reservation { .. } | Body::Dispute { .. });
        for target in registered.statement.scope().into_iter().flat_map(|scope| &scope.include) {
            self.target(room, target, clears, place)?;
        }
        Ok(())
    }

    fn target(&mut self, room: &mut Room<'_>, target: &Target, clears: bool, place: u32) -> io::Result<()> {
        let end = place.to_be_bytes();
        self.record.clear();
        match target {
            Target::Host { host, subdomains } => {
                self.host(fold_host(host.as_str()));
                self.record.push(if *subdomains { role::BELOW } else { role::EXACT });
                self.record.extend(end);
                self.hosts.push(room, &self.record)
            }
            Target::Url { host, path, .. } => {
                self.host(fold_host(host.as_str()));
                self.record.push(role::PATH);
                let pattern = IndexPattern::new(path);
                let (prefix, rest) = pattern.text.split_at(pattern.literal_prefix().len());
                self.record.extend(prefix.as_bytes());
                self.record.push(0);
                self.record.push(u8::from(!pattern.is_plain()));
                if !pattern.is_plain() {
                    self.record.extend(rest.as_bytes());
                    self.record.extend([0, u8::from(pattern.anchored)]);
                }
                self.record.extend(end);
                self.hosts.push(room, &self.record)
            }
            Target::Content { ids } => ids.iter().try_for_each(|name| self.content(room, *name, clears, place)),
            Target::Works { ids } => ids.iter().try_for_each(|work| {
                self.record.clear();
                self.record.extend(work.as_str().as_bytes().iter().chain(&[0]).chain(&end));
                self.works.push(room, &self.record)
            }),
            Target::Collection { name } => {
                self.record.extend(name.as_bytes().iter().chain(&[0]).chain(&end));
                self.collections.push(room, &self.record)
            }
            // What stands in a repertoire's blob is not known here; no lookup by keys finds it.
            Target::Repertoire { .. } => Ok(()),
        }
    }

    /// A host by its labels from the right, so that it stands before all hosts below it, and those stand together.
    fn host(&mut self, host: &str) {
        for (rank, label) in host.rsplit('.').enumerate() {
            if rank > 0 {
                self.record.push(1);
            }
            self.record.extend(label.as_bytes());
        }
        self.record.push(0);
    }

    fn content(&mut self, room: &mut Room<'_>, name: ContentName, clears: bool, place: u32) -> io::Result<()> {
        let (kind, digest) = name.to_parts();
        self.record.clear();
        self.record.push(kind);
        self.record.extend(digest);
        self.record.resize(33, 0);
        self.record.extend(place.to_be_bytes());
        self.record.push(u8::from(clears && name.may_clear()));
        if let Some(listings) = self.listings.get_mut(usize::from(kind)) {
            *listings += 1;
        }
        self.contents.push(room, &self.record)
    }
}

/// The host that a fact is about.
pub(super) fn host_of(reversed: &[u8]) -> Vec<u8> {
    let labels: Vec<&[u8]> = reversed.rsplit(|byte| *byte == 1).collect();
    labels.join(&b'.')
}

/// Sorted facts, group by group: all with the same key.
pub(super) struct Groups {
    sorted: Sorted,
    record: Vec<u8>,
    /// Whether `record` is the next group's first.
    ahead: bool,
}

impl Groups {
    pub(super) fn of(sorter: Sorter, room: &mut Room<'_>) -> io::Result<Self> {
        Ok(Self { sorted: sorter.sorted(room)?, record: Vec::new(), ahead: false })
    }

    /// The next fact, or `None` behind the last. It stays the next one until [`Groups::pass`].
    pub(super) fn peek(&mut self) -> io::Result<Option<&[u8]>> {
        if !self.ahead {
            self.ahead = self.sorted.next(&mut self.record)?;
        }
        Ok(self.ahead.then_some(self.record.as_slice()))
    }

    pub(super) const fn pass(&mut self) {
        self.ahead = false;
    }

    /// The next facts' key of all but the last four bytes and `behind` more, and their places, which ascend, without
    /// repeats; `any` is told each fact.
    pub(super) fn next(
        &mut self,
        behind: usize,
        places: &mut Vec<u32>,
        mut any: impl FnMut(&[u8]),
    ) -> Result<Option<Vec<u8>>, BuildError> {
        places.clear();
        let Some(first) = self.peek()? else { return Ok(None) };
        let key = first[..first.len() - behind - 4].to_vec();
        while let Some(fact) = self.peek()? {
            if !(fact.len() == key.len() + behind + 4 && fact.starts_with(&key)) {
                break;
            }
            add(places, place_of(&fact[..fact.len() - behind]));
            any(fact);
            self.pass();
        }
        Ok(Some(key))
    }
}

/// The place at a fact's end.
pub(super) fn place_of(fact: &[u8]) -> u32 {
    fact.last_chunk::<4>().map_or(0, |place| u32::from_be_bytes(*place))
}

/// Adds a place to those of one set. Facts of one key come in the order of their places: a repeat is the last one again.
pub(super) fn add(places: &mut Vec<u32>, place: u32) {
    if places.last() != Some(&place) {
        places.push(place);
    }
}
