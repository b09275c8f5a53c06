//! Lookups by address and by bytes, many at a time: every step is taken for all of them before the next, so that memory
//! brings their lines at once. One alone is a batch of one.
//!
//! A line is asked for by reading one byte of it, whose value decides nothing: no branch waits, and a later step finds it.

use super::format::{Section, array_at, u32_at};
use super::radix::{MAX_BITS, content_key, host_hash, host_mark, host_word};
use super::read::{Damage, SetId, SetKey, Snapshot};
use super::rules::Block;
use super::url_rules::{Needle, fold_host};
use super::view::View;
use crate::acquisition::Keys;
use crate::id::ContentName;
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
const AT_ONCE: usize = 64;

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
        for probe in probes.iter_mut() {
            probe.hash = host_hash(probe.host.as_bytes());
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

/// The names of one kind.
#[derive(Clone, Copy)]
struct Names<'s> {
    bits: u32,
    directory: View<'s>,
    records: View<'s>,
    first: usize,
    /// How many sets there are, and names in full: what records lead to.
    sets: usize,
    clearing: usize,
}

/// A lookup of one name.
#[derive(Clone, Copy)]
struct Sought {
    kind: usize,
    digest: [u8; 32],
    word: usize,
    suffix: u64,
    range: (usize, usize),
}

impl Names<'_> {
    /// The 47 bits, whether the name stands in full elsewhere, and where or which set.
    #[inline]
    fn record(&self, number: usize) -> Option<(u64, bool, u32)> {
        let record: [u8; 10] = array_at(self.records.get(number.checked_mul(10)?, 10)?, 0)?;
        let (kept, _) = record.split_first_chunk::<8>()?;
        let kept = u64::from_le_bytes(*kept) & ((1 << 48) - 1);
        Some((kept >> 1, kept & 1 == 1, u32_at(&record, 6)?))
    }

    /// Where among the records those with these bits may begin: where a fair digest would stand, of many that share a word.
    fn damage(&self, number: usize) -> Damage {
        Damage { section: Section::Contents, record: (self.first + number) as u64 }
    }

    /// Gives every record with these bits: whether it is in full elsewhere, and where or which set.
    #[inline]
    fn each(&self, sought: &Sought, mut give: impl FnMut(bool, u32) -> Result<(), Damage>) -> Result<(), Damage> {
        let (mut low, end) = sought.range;
        let mut high = end;
        while high.saturating_sub(low) > IN_A_ROW {
            let middle = low + (high - low) / 2;
            let (suffix, ..) = self.record(middle).ok_or(self.damage(middle))?;
            if suffix < sought.suffix { low = middle + 1 } else { high = middle }
        }
        for number in low..end {
            let (suffix, full, points_to) = self.record(number).ok_or(self.damage(number))?;
            // A record that leads nowhere is damaged, and where it stood might be the name that is sought.
            if usize::try_from(points_to).map_or(true, |it| it >= if full { self.clearing } else { self.sets }) {
                return Err(self.damage(number));
            }
            if suffix > sought.suffix {
                break;
            }
            if suffix == sought.suffix {
                give(full, points_to)?;
            }
        }
        Ok(())
    }
}

fn parts(name: ContentName) -> (usize, [u8; 32]) {
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

    /// The names by kind; kinds are 1 to 3.
    fn names(&self) -> Result<[Option<Names<'_>>; 4], Damage> {
        let mut names = [None; 4];
        let (words, records) = (self.view(Section::ContentDirectory)?, self.view(Section::Contents)?);
        let (sets, clearing) = (self.set_count(), self.records(Section::Clearing));
        let (kinds, width) = (self.view(Section::ContentKinds)?, Section::ContentKinds.width());
        for rank in 0..self.records(Section::ContentKinds) {
            let damage = Damage { section: Section::ContentKinds, record: rank as u64 };
            let part = |at| number(&kinds, rank * width + at).ok_or(damage);
            let (kind, bits, first, word) = (part(0)?, part(4)?, part(8)?, part(12)?);
            let bits = u32::try_from(bits).ok().filter(|bits| *bits <= MAX_BITS).ok_or(damage)?;
            let directory =
                word.checked_mul(4).and_then(|at| words.part(at..at + ((1 << bits) + 1) * 4)).ok_or(damage)?;
            let records = first.checked_mul(10).and_then(|at| records.part(at..records.len())).ok_or(damage)?;
            *names.get_mut(kind).ok_or(damage)? = Some(Names { bits, directory, records, first, sets, clearing });
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
        let mut found = [SetKey::default()];
        self.by_contents(std::slice::from_ref(name), &mut found)?;
        let [found] = found;
        Ok(found.settled())
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

    /// Adds to each place of `found` the sets for the name at the same place, unsorted.
    fn by_contents<N: Borrow<ContentName>>(&self, names: &[N], found: &mut [SetKey]) -> Result<(), Damage> {
        let kinds = self.names()?;
        let clearing = self.view(Section::Clearing)?;
        let mut sought: Vec<(usize, Sought)> = Vec::with_capacity(names.len().min(AT_ONCE));
        let mut full: Vec<(usize, usize, [u8; 32])> = Vec::new();
        for (names, found) in names.chunks(AT_ONCE).zip(found.chunks_mut(AT_ONCE)) {
            sought.clear();
            let mut touched = 0;
            for (asker, name) in names.iter().enumerate() {
                let (kind, digest) = parts(*name.borrow());
                let Some(known) = &kinds[kind] else { continue };
                let (word, suffix) = content_key(&digest, known.bits);
                touched ^= known.directory.touch(word * 4);
                sought.push((asker, Sought { kind, digest, word, suffix, range: (0, 0) }));
            }
            black_box(touched);
            for (_, one) in &mut sought {
                let Some(known) = &kinds[one.kind] else { continue };
                let low = number(&known.directory, one.word * 4).unwrap_or(usize::MAX);
                let high = number(&known.directory, one.word * 4 + 4).unwrap_or_default();
                one.range = (low, high);
            }
            for (_, one) in &sought {
                let Some(known) = &kinds[one.kind] else { continue };
                touched ^= known.records.touch(one.range.0.saturating_mul(10));
                touched ^= known.records.touch(one.range.1.saturating_mul(10).saturating_sub(1));
            }
            black_box(touched);
            full.clear();
            for (asker, one) in &sought {
                let Some(known) = &kinds[one.kind] else { continue };
                if one.range.0 > one.range.1 || one.range.1 > known.records.len() / 10 {
                    return Err(Damage { section: Section::ContentDirectory, record: one.word as u64 });
                }
                known.each(one, |in_full, points_to| {
                    if in_full {
                        full.push((*asker, usize::try_from(points_to).unwrap_or(usize::MAX), one.digest));
                    } else {
                        found[*asker].add(SetId(points_to));
                    }
                    Ok(())
                })?;
            }
            for (asker, number, digest) in &full {
                let damage = Damage { section: Section::Clearing, record: *number as u64 };
                let record = number.checked_mul(36).and_then(|at| clearing.get(at, 36)).ok_or(damage)?;
                if record.starts_with(digest) {
                    found[*asker].add(SetId(u32_at(record, 32).ok_or(damage)?));
                }
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
