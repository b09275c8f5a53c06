//! The indexes of a body, written from sorted facts: who names whom, hosts with their rules, names of bytes, works, compilations.

use super::buckets::{Buckets, Slot, buckets_for, key};
use super::build::BuildError;
use super::facts::{Groups, add, host_of, place_of, role};
use super::format::Section;
use super::radix::{HOSTS_A_WORD, bits_for, host_hash, host_mark, host_word};
use super::rules::{HostRules, PatternRule, PrefixRules, encode};
use super::sets::Sets;
use super::sort::{Room, Sorter};
use super::spool::{Spool, count};
use std::io;

/// The sections, and the sets that they share.
pub(super) struct Index<'r, 'm> {
    pub room: &'r mut Room<'m>,
    /// In the order of [`Section::ALL`].
    pub sections: Vec<Spool>,
    pub sets: Sets,
}

/// Where the blocks' offsets end: 40 bits.
const MAX_RULES: u64 = 1 << 40;

impl Index<'_, '_> {
    pub(super) fn section(&mut self, section: Section) -> &mut Spool {
        &mut self.sections[section.rank()]
    }

    fn put(&mut self, section: Section, bytes: &[u8]) -> io::Result<()> {
        self.section(section).put(bytes)
    }

    fn set(&mut self, parent: u32, places: &[u32]) -> Result<u32, BuildError> {
        let (sets, members) = self.sections.split_at_mut(Section::Members.rank());
        let (Some(records), Some(members)) = (sets.last_mut(), members.first_mut()) else {
            return Err(BuildError::TooMany);
        };
        self.sets.id(parent, places, records, members)
    }

    const ROOT: u32 = super::format::NONE;

    pub(super) fn named(&mut self, facts: Sorter) -> Result<(), BuildError> {
        let mut groups = Groups::of(facts, self.room)?;
        let mut places = Vec::new();
        while let Some(id) = groups.next(0, &mut places, |_| ())? {
            let set = self.set(Self::ROOT, &places)?;
            self.put(Section::Named, &id)?;
            self.put(Section::Named, &u64::from(set).to_le_bytes())?;
        }
        Ok(())
    }

    /// Texts, such as works: each with the set of its statements.
    pub(super) fn texts(&mut self, section: Section, facts: Sorter) -> Result<(), BuildError> {
        let mut groups = Groups::of(facts, self.room)?;
        let mut places = Vec::new();
        while let Some(mut text) = groups.next(0, &mut places, |_| ())? {
            text.pop();
            let set = self.set(Self::ROOT, &places)?;
            let offset = self.section(Section::Text).length();
            self.put(Section::Text, &text)?;
            self.put(section, &offset.to_le_bytes())?;
            self.put(section, &count(text.len())?.to_le_bytes())?;
            self.put(section, &set.to_le_bytes())?;
        }
        Ok(())
    }

    pub(super) fn hosts(&mut self, facts: Sorter) -> Result<(), BuildError> {
        let mut groups = Groups::of(facts, self.room)?;
        let mut blocks = self.room.sorter();
        let mut hosts = 0u64;
        // The hosts above the current one that rules speak of, farthest first, each with its set for hosts below.
        let mut above: Vec<(Vec<u8>, u32)> = Vec::new();
        while let Some(fact) = groups.peek()? {
            let end = fact.iter().position(|byte| *byte == 0).unwrap_or(fact.len());
            let reversed = fact[..end].to_vec();
            let is_below = |upper: &[u8]| reversed.strip_prefix(upper).is_some_and(|rest| rest.first() == Some(&1));
            while above.last().is_some_and(|(upper, _)| !is_below(upper)) {
                above.pop();
            }
            let inherited = above.last().map_or(0, |(_, below)| *below);
            let rules = self.host_rules(&mut groups, &reversed, inherited)?;
            let host = host_of(&reversed);
            above.push((reversed, rules.below));
            let mut record = host_hash(&host).to_be_bytes().to_vec();
            record.extend_from_slice(&host);
            record.push(0);
            record.extend(encode(&host, &rules).ok_or(BuildError::TooMany)?);
            blocks.push(self.room, &record)?;
            hosts += 1;
        }
        drop(groups);
        self.blocks(blocks, hosts)
    }

    /// The rules of one host: all facts that begin with it.
    fn host_rules(&mut self, groups: &mut Groups, reversed: &[u8], inherited: u32) -> Result<HostRules, BuildError> {
        let (mut below, mut exact) = (Vec::new(), Vec::new());
        // Prefix by prefix: the plain places, and the patterns with theirs.
        type Found = (Vec<u8>, Vec<u32>, Vec<(Vec<u8>, bool, Vec<u32>)>);
        let mut found: Vec<Found> = Vec::new();
        while let Some(fact) = groups.peek()? {
            let Some([0, what, rest @ ..]) = fact.strip_prefix(reversed) else { break };
            let place = place_of(rest);
            let said = &rest[..rest.len().saturating_sub(4)];
            match *what {
                role::BELOW => add(&mut below, place),
                role::EXACT => add(&mut exact, place),
                _ => {
                    let end = said.iter().position(|byte| *byte == 0).unwrap_or(said.len());
                    let (prefix, pattern) = said.split_at(end);
                    if found.last().is_none_or(|(last, ..)| last != prefix) {
                        found.push((prefix.to_vec(), Vec::new(), Vec::new()));
                    }
                    let Some((_, plain, patterns)) = found.last_mut() else { break };
                    match pattern {
                        [0, 1, text @ .., 0, anchored] => {
                            let anchored = *anchored == 1;
                            if patterns.last().is_none_or(|(last, end, _)| (last.as_slice(), *end) != (text, anchored))
                            {
                                patterns.push((text.to_vec(), anchored, Vec::new()));
                            }
                            patterns.last_mut().into_iter().for_each(|(.., places)| add(places, place));
                        }
                        _ => add(plain, place),
                    }
                }
            }
            groups.pass();
        }
        let below = self.set(inherited, &below)?;
        let exact = self.set(below, &exact)?;
        let mut rules = HostRules { exact, below, prefixes: Vec::with_capacity(found.len()) };
        let mut open: Vec<(usize, u32)> = Vec::new();
        for (text, plain, patterns) in found {
            while open.last().is_some_and(|(shorter, _)| !text.starts_with(&rules.prefixes[*shorter].text)) {
                open.pop();
            }
            let set = self.set(open.last().map_or(exact, |(_, set)| *set), &plain)?;
            open.push((rules.prefixes.len(), set));
            let patterns = patterns.into_iter().map(|(rest, anchored, places)| {
                Ok(PatternRule { rest, anchored, set: self.set(Self::ROOT, &places)? })
            });
            let patterns = patterns.collect::<Result<_, BuildError>>()?;
            rules.prefixes.push(PrefixRules { text, set, patterns });
        }
        Ok(rules)
    }

    fn blocks(&mut self, blocks: Sorter, hosts: u64) -> Result<(), BuildError> {
        if hosts == 0 {
            return Ok(());
        }
        let bits = bits_for(hosts, HOSTS_A_WORD);
        let mut directory = Directory::default();
        let mut sorted = blocks.sorted(self.room)?;
        let mut record = Vec::new();
        while sorted.next(&mut record)? {
            let Some((hash, named)) = record.split_first_chunk::<8>() else { return Err(BuildError::TooMany) };
            let hash = u64::from_be_bytes(*hash);
            let name = named.iter().position(|byte| *byte == 0).unwrap_or(named.len());
            let offset = self.section(Section::Rules).length();
            if offset >= MAX_RULES {
                return Err(BuildError::TooMany);
            }
            directory.entry(host_word(hash, bits), self.section(Section::HostDirectory))?;
            self.put(Section::Hosts, &(host_mark(hash, bits) << 40 | offset).to_le_bytes())?;
            self.put(Section::Rules, named.get(name + 1..).unwrap_or_default())?;
            self.sections[Section::Rules.rank()].turn(self.room)?;
        }
        directory.end(bits, self.section(Section::HostDirectory))
    }

    pub(super) fn contents(&mut self, facts: Sorter, listings: &[u64; 4]) -> Result<(), BuildError> {
        let mut groups = Groups::of(facts, self.room)?;
        for (kind, listings) in (1u32..).zip(&listings[1..]).filter(|(_, listings)| **listings > 0) {
            let buckets = buckets_for(*listings).ok_or(BuildError::TooMany)?;
            let first = self.section(Section::Contents).records()?;
            let crowded = self.section(Section::Crowded).records()?;
            for number in [kind, buckets, first, crowded] {
                self.put(Section::ContentKinds, &number.to_le_bytes())?;
            }
            self.contents_of(u8::try_from(kind).unwrap_or_default(), buckets, &mut groups)?;
        }
        Ok(())
    }

    fn contents_of(&mut self, kind: u8, count: u32, groups: &mut Groups) -> Result<(), BuildError> {
        let mut buckets = Buckets::new(count);
        let mut places = Vec::new();
        // Names that can't be told apart by what is kept of them, and never clear: one slot holds them all.
        let mut merged: Vec<u32> = Vec::new();
        let mut current: Option<(u32, u64)> = None;
        while groups.peek()?.is_some_and(|fact| fact.first() == Some(&kind)) {
            let mut clears = false;
            let Some(name) = groups.next(1, &mut places, |fact| clears |= fact.last() == Some(&1))? else { break };
            let Some(digest) = name.last_chunk::<32>() else { break };
            let sections = [Section::Contents, Section::Clearing];
            sections.iter().try_for_each(|section| self.sections[section.rank()].turn(self.room))?;
            let key = key(digest, count);
            if current != Some(key) {
                self.merged(current, &mut merged, &mut buckets)?;
                current = Some(key);
            }
            if !clears {
                merged.extend_from_slice(&places);
                continue;
            }
            let set = self.set(Self::ROOT, &places)?;
            let number = self.section(Section::Clearing).records()?;
            self.put(Section::Clearing, digest)?;
            self.put(Section::Clearing, &set.to_le_bytes())?;
            self.content(key, true, number, &mut buckets)?;
        }
        self.merged(current, &mut merged, &mut buckets)?;
        buckets.end(self.section(Section::Contents))
    }

    fn merged(
        &mut self,
        key: Option<(u32, u64)>,
        places: &mut Vec<u32>,
        buckets: &mut Buckets,
    ) -> Result<(), BuildError> {
        let Some(key) = key.filter(|_| !places.is_empty()) else { return Ok(()) };
        places.sort_unstable();
        places.dedup();
        let set = self.set(Self::ROOT, places)?;
        places.clear();
        self.content(key, false, set, buckets)
    }

    fn content(
        &mut self,
        (home, suffix): (u32, u64),
        full: bool,
        points_to: u32,
        buckets: &mut Buckets,
    ) -> Result<(), BuildError> {
        let ranks = [Section::Contents.rank(), Section::Crowded.rank()];
        let [out, crowded] = self.sections.get_disjoint_mut(ranks).map_err(|_| BuildError::TooMany)?;
        buckets.put(&Slot { home, suffix, full, points_to }, out, crowded)
    }
}

/// A directory as its entries come, in order.
#[derive(Default)]
struct Directory {
    entries: usize,
    words: usize,
}

impl Directory {
    fn entry(&mut self, word: usize, out: &mut Spool) -> Result<(), BuildError> {
        self.up_to(word + 1, out)?;
        self.entries += 1;
        Ok(())
    }

    fn up_to(&mut self, words: usize, out: &mut Spool) -> Result<(), BuildError> {
        let entries = count(self.entries)?.to_le_bytes();
        while self.words < words {
            out.put(&entries)?;
            self.words += 1;
        }
        Ok(())
    }

    fn end(mut self, bits: u32, out: &mut Spool) -> Result<(), BuildError> {
        self.up_to((1 << bits) + 1, out)
    }
}
