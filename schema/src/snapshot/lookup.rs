//! Lookups by address, and of whole copies, many at a time: every step is taken for all of them before the next, so that memory
//! brings their lines at once. One alone is a batch of one.
//!
//! A line is asked for by reading one byte of it, whose value decides nothing: no branch waits, and a later step finds it.

use super::format::Section;
use super::radix::{MAX_BITS, host_hash, host_mark, host_word};
use super::read::{Damage, SetId, SetKey, Snapshot};
use super::rules::Block;
use super::url_rules::{Needle, fold_host};
use super::view::View;
use crate::acquisition::Keys;
use crate::surt::UrlKey;
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::hint::black_box;
use std::ops::Range;

/// How rules name a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostNamed {
    /// By none: [`Snapshot::by_url`] is empty for every URL of the host.
    Nowhere,
    /// As a whole: [`Snapshot::by_url`] gives the same for every URL of the host.
    Whole,
    /// Perhaps by paths.
    ByPath,
}

/// Lookups under way at the same time.
pub(super) const AT_ONCE: usize = 64;

/// Entries that share a directory word are looked at one after the other up to so many, by halving beyond: anybody can
/// bring about that many names or digests begin alike.
const IN_A_ROW: usize = 24;

fn number(bytes: &View<'_>, at: usize) -> Option<usize> {
    bytes.u32_at(at).and_then(|number| usize::try_from(number).ok())
}

/// The hosts' three sections.
#[derive(Clone, Copy)]
struct Hosts<'s> {
    directory: View<'s>,
    entries: View<'s>,
    rules: View<'s>,
    bits: u32,
}

/// A lookup of one host on behalf of an address.
struct Probe<'u> {
    asker: usize,
    host: &'u str,
    /// It is the address's own host, not one above it.
    own: bool,
    hash: u64,
    range: (usize, usize),
    /// Where the block of what may be its host stands in the rules.
    block: Option<Range<usize>>,
}

const fn rules_damage(offset: usize) -> Damage {
    Damage { section: Section::Rules, record: offset as u64 }
}

impl<'s> Hosts<'s> {
    fn range(&self, hash: u64) -> Option<(usize, usize)> {
        let word = host_word(hash, self.bits) * 4;
        let (low, high) = (number(&self.directory, word)?, number(&self.directory, word + 4)?);
        (low <= high && high <= self.entries.len() / 8).then_some((low, high))
    }

    /// The mark and the block's offset of an entry.
    #[inline]
    fn entry(&self, number: usize) -> Result<(u64, usize), Damage> {
        let damage = Damage { section: Section::Hosts, record: number as u64 };
        let entry = number.checked_mul(8).and_then(|at| self.entries.u64_at(at)).ok_or(damage)?;
        let block = usize::try_from(entry & ((1 << 40) - 1)).map_err(|_| damage)?;
        // Of an entry that leads nowhere the mark is no better: taken at its word it would hide a host.
        if block < self.rules.len() { Ok((entry >> 40, block)) } else { Err(damage) }
    }

    /// Where the block of an entry stands: up to the next one's.
    #[inline]
    fn extent(&self, number: usize, start: usize) -> Result<Range<usize>, Damage> {
        let end = if number + 1 < self.entries.len() / 8 { self.entry(number + 1)?.1 } else { self.rules.len() };
        let damage = Damage { section: Section::Hosts, record: number as u64 };
        if start < end { Ok(start..end) } else { Err(damage) }
    }

    /// The block of the first entry that may be this host's, by its mark; by the name itself where many share a word.
    #[inline]
    fn candidate(&self, probe: &Probe<'_>) -> Result<Option<Range<usize>>, Damage> {
        let (low, high) = probe.range;
        if high.saturating_sub(low) > IN_A_ROW {
            return self.find(probe);
        }
        let mark = host_mark(probe.hash, self.bits);
        for number in low..high {
            let (found, block) = self.entry(number)?;
            if found == mark {
                return self.extent(number, block).map(Some);
            }
        }
        Ok(None)
    }

    /// The block of this very host, by halving: by mark, hash and name.
    fn find(&self, probe: &Probe<'_>) -> Result<Option<Range<usize>>, Damage> {
        let mark = host_mark(probe.hash, self.bits);
        let (mut low, mut high) = probe.range;
        while low < high {
            let middle = low + (high - low) / 2;
            let (found, block) = self.entry(middle)?;
            let order = match found.cmp(&mark) {
                Ordering::Equal => {
                    let bytes = self.bytes(&self.extent(middle, block)?)?;
                    let name = Block::host_of(bytes).ok_or(rules_damage(block))?;
                    (host_hash(name), name).cmp(&(probe.hash, probe.host.as_bytes()))
                }
                order => order,
            };
            match order {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return self.extent(middle, block).map(Some),
            }
        }
        Ok(None)
    }

    fn bytes(&self, extent: &Range<usize>) -> Result<&'s [u8], Damage> {
        self.rules.get(extent.start, extent.end - extent.start).ok_or(rules_damage(extent.start))
    }

    fn block(&self, extent: &Range<usize>) -> Result<Block<'s>, Damage> {
        Block::of(self.bytes(extent)?).ok_or(rules_damage(extent.start))
    }

    /// One round for all probes: asks for the lines, then finds the candidates.
    fn approach(&self, probes: &mut [Probe<'_>]) -> Result<(), Damage> {
        let mut touched = 0;
        probes.iter_mut().for_each(|probe| probe.hash = host_hash(probe.host.as_bytes()));
        // Apart from the hashing: a core looks ahead by so many instructions, and the fewer they are for a line, the more
        // lines are under way.
        for probe in probes.iter() {
            touched ^= self.directory.touch(host_word(probe.hash, self.bits) * 4);
        }
        black_box(touched);
        for probe in probes.iter_mut() {
            let damage = Damage { section: Section::HostDirectory, record: host_word(probe.hash, self.bits) as u64 };
            probe.range = self.range(probe.hash).ok_or(damage)?;
        }
        for probe in probes.iter() {
            touched ^= self.entries.touch(probe.range.0.saturating_mul(8));
        }
        black_box(touched);
        for probe in probes.iter_mut() {
            probe.block = self.candidate(probe)?;
        }
        for block in probes.iter().filter_map(|probe| probe.block.as_ref()) {
            touched ^= self.rules.touch(block.start) ^ self.rules.touch(block.start + 64);
        }
        black_box(touched);
        Ok(())
    }
}

impl<D: AsRef<[u8]>> Snapshot<D> {
    fn host_sections(&self) -> Result<Option<Hosts<'_>>, Damage> {
        let directory = self.view(Section::HostDirectory)?;
        let words = (directory.len() / 4).wrapping_sub(1);
        if directory.len() == 0 {
            return Ok(None);
        }
        if !words.is_power_of_two() || words.trailing_zeros() > MAX_BITS {
            return Err(Damage { section: Section::HostDirectory, record: 0 });
        }
        let (entries, rules) = (self.view(Section::Hosts)?, self.view(Section::Rules)?);
        Ok(Some(Hosts { directory, entries, rules, bits: words.trailing_zeros() }))
    }

    /// The statements whose rules may cover this URL, exactly or folded: the set of the longest literal prefix (which holds
    /// those of shorter ones, of the host and of subdomain rules above it) and one for each pattern with `*` or `$` that
    /// matches.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn by_url(&self, url: &UrlKey) -> Result<SetKey, Damage> {
        let mut found = [SetKey::default()];
        self.by_urls(&[url], &mut found)?;
        let [found] = found;
        Ok(found.settled())
    }

    /// How rules name this URL's host, or reach down to it from a host above.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn names_host(&self, url: &UrlKey) -> Result<HostNamed, Damage> {
        let Some(hosts) = self.host_sections()? else { return Ok(HostNamed::Nowhere) };
        let mut host = fold_host(&url.host);
        let (mut own, mut named) = (true, HostNamed::Nowhere);
        loop {
            let mut probe = [Probe { asker: 0, host, own, hash: 0, range: (0, 0), block: None }];
            hosts.approach(&mut probe)?;
            // Another host with the same mark counts as well: then one question more is asked than was needed.
            if let [Probe { block: Some(extent), .. }] = &probe {
                let block = hosts.block(extent)?;
                // Of a host above only the set for hosts below it counts, whatever its paths are.
                let whole = !own || (block.host == host.as_bytes() && block.is_without_paths());
                named = if whole { HostNamed::Whole } else { return Ok(HostNamed::ByPath) };
            }
            let Some((_, above)) = host.split_once('.') else { return Ok(named) };
            (host, own) = (above, false);
        }
    }

    /// For each copy what [`Snapshot::sets_for`] gives, at a fraction of the time where there are many.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn sets_for_each(&self, copies: &[impl Borrow<Keys>]) -> Result<Vec<SetKey>, Damage> {
        let mut sets = vec![SetKey::default(); copies.len()];
        let (mut urls, mut of_url, mut names, mut of_name) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (copy, sets) in
            copies.iter().zip(&mut sets).enumerate().map(|(at, (copy, sets))| ((at, copy.borrow()), sets))
        {
            let (at, keys) = copy;
            urls.extend(keys.urls.iter().map(|(_, url)| url));
            of_url.resize(urls.len(), at);
            names.extend(keys.content.iter().copied());
            of_name.resize(names.len(), at);
            for work in &keys.works {
                sets.add(self.by_work(work)?);
            }
            for collection in &keys.collections {
                sets.add(self.by_collection(collection)?);
            }
        }
        self.scatter(&urls, &of_url, &mut sets, Self::by_urls)?;
        self.scatter(&names, &of_name, &mut sets, Self::by_contents)?;
        Ok(sets.into_iter().map(SetKey::settled).collect())
    }

    /// Looks all of them up, and adds what is found for each to its copy's.
    fn scatter<K>(
        &self,
        keys: &[K],
        of: &[usize],
        sets: &mut [SetKey],
        look: impl Fn(&Self, &[K], &mut [SetKey]) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        // The usual copy has one URL and one name, and the sets' own places serve.
        if keys.len() == sets.len() && of.iter().enumerate().all(|(at, copy)| at == *copy) {
            return look(self, keys, sets);
        }
        let mut found = vec![SetKey::default(); keys.len()];
        look(self, keys, &mut found)?;
        for (found, copy) in found.iter().zip(of) {
            found.sets().iter().for_each(|set| sets[*copy].add(*set));
        }
        Ok(())
    }

    /// Adds to each place of `found` the sets for the URL at the same place, unsorted.
    fn by_urls<U: Borrow<UrlKey>>(&self, urls: &[U], found: &mut [SetKey]) -> Result<(), Damage> {
        let Some(hosts) = self.host_sections()? else { return Ok(()) };
        let mut probes: Vec<Probe<'_>> = Vec::with_capacity(urls.len().min(AT_ONCE));
        let (mut needle, mut sets) = (Needle::default(), Vec::new());
        for (urls, found) in urls.chunks(AT_ONCE).zip(found.chunks_mut(AT_ONCE)) {
            probes.clear();
            let mut touched = 0;
            probes.extend(urls.iter().enumerate().map(|(asker, url)| {
                let url = url.borrow();
                touched ^= url.path.as_bytes().first().copied().unwrap_or_default();
                let host = fold_host(&url.host);
                Probe { asker, host, own: true, hash: 0, range: (0, 0), block: None }
            }));
            black_box(touched);
            while !probes.is_empty() {
                hosts.approach(&mut probes)?;
                let mut kept = 0;
                for at in 0..probes.len() {
                    let probe = &mut probes[at];
                    if arrive(&hosts, probe, urls[probe.asker].borrow(), &mut needle, &mut sets)? {
                        sets.drain(..).for_each(|set| found[probe.asker].add(set));
                    } else if let Some((_, above)) = probe.host.split_once('.') {
                        (probe.host, probe.own) = (above, false);
                        probes.swap(kept, at);
                        kept += 1;
                    }
                }
                probes.truncate(kept);
            }
        }
        Ok(())
    }
}

/// Whether the probe's host is in the index; then `sets` has what it says of the address.
fn arrive(
    hosts: &Hosts<'_>,
    probe: &Probe<'_>,
    url: &UrlKey,
    needle: &mut Needle,
    sets: &mut Vec<SetId>,
) -> Result<bool, Damage> {
    let Some(mut extent) = probe.block.clone() else { return Ok(false) };
    let mut block = hosts.block(&extent)?;
    if block.host != probe.host.as_bytes() {
        // Another host with the same mark.
        match hosts.find(probe)? {
            Some(found) => extent = found,
            None => return Ok(false),
        }
        block = hosts.block(&extent)?;
    }
    if probe.own {
        needle.set(&url.path);
        block.collect(needle, sets).ok_or(rules_damage(extent.start))?;
    } else {
        sets.push(block.below());
    }
    Ok(true)
}
