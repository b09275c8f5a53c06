//! Packed: targets with nothing else of their statement, in two runs of memory: one place tells which may cover an address, and one more
//! holds its texts. A group of a hundred thousand of them is held for weeks, and looked at for every question.

use super::cover::{Site, hash};
use crate::id::ContentName;
use crate::scope::{OnHost, Target};
use crate::surt::{PathPattern, is_itself, without_www};

/// A target about a host, beside its texts: the host, the path as it is written, and where the path is no plain prefix the text of the
/// pattern that it is.
#[derive(Clone, Copy)]
struct Packed {
    /// Of the host, without `www`.
    hash: u32,
    /// Where its texts begin.
    start: u32,
    path: u16,
    pattern: u16,
    port: u16,
    host: u8,
    form: u8,
}

/// A part of a host; otherwise the whole of it.
const URL: u8 = 1;
/// Of a whole host, those below it too.
const SUBDOMAINS: u8 = 2;
/// At a port of its own.
const PORT: u8 = 4;
/// A pattern's text is there.
const PATTERN: u8 = 8;
/// The pattern ends with the address.
const ANCHORED: u8 = 16;

/// How far from its likely place an entry is looked for first.
const NEAR: usize = 4;

/// Targets, ready to be held against copies.
pub(super) struct Targets {
    /// Those about hosts, sorted by hash.
    packed: Box<[Packed]>,
    texts: Box<str>,
    /// Those whose texts are too long to be packed.
    apart: Box<[Target]>,
    /// Some of them are for hosts below theirs too.
    deep: bool,
    /// Lists of names, each with whether it is sorted.
    lists: Box<[(Box<[ContentName]>, bool)]>,
}

/// A target and its texts; `None` where they are longer than can be said here.
fn packed(target: &OnHost<'_>, texts: &mut String) -> Option<Packed> {
    let start = u32::try_from(texts.len()).ok()?;
    let (host, mut form, path, at) = match *target {
        OnHost::Host { host, subdomains } => (host, if subdomains { SUBDOMAINS } else { 0 }, "", None),
        OnHost::Url { host, port, path, .. } => (host, URL, path, port),
    };
    let (length, path_length) = (u8::try_from(host.len()).ok()?, u16::try_from(path.len()).ok()?);
    let plain = form & URL == 0 || is_itself(path);
    let (pattern, anchored) = if plain { (String::new(), false) } else { PathPattern::new(path).into_parts() };
    let pattern_length = u16::try_from(pattern.len()).ok()?;
    form |= if plain { 0 } else { PATTERN } | if anchored { ANCHORED } else { 0 } | at.map_or(0, |_| PORT);
    [host, path, &pattern].into_iter().for_each(|text| texts.push_str(text));
    let (hash, port) = (hash(without_www(host)), at.unwrap_or(0));
    Some(Packed { hash, start, path: path_length, pattern: pattern_length, port, host: length, form })
}

impl Targets {
    pub(super) fn of(targets: &[Target]) -> Self {
        let (mut found, mut texts, mut apart) = (Vec::new(), String::new(), Vec::new());
        for target in targets {
            match OnHost::of(target).map(|on_host| packed(&on_host, &mut texts)) {
                Some(Some(packed)) => found.push(packed),
                Some(None) => apart.push(target.clone()),
                None => {}
            }
        }
        found.sort_unstable_by_key(|packed| packed.hash);
        let lists = targets.iter().filter_map(|target| match target {
            Target::Content { ids } => Some((ids.iter().copied().collect(), ids.is_sorted())),
            _ => None,
        });
        let deep = targets.iter().any(|target| matches!(target, Target::Host { subdomains: true, .. }));
        Self { packed: found.into(), texts: texts.into(), apart: apart.into(), deep, lists: lists.collect() }
    }

    /// About how many bytes of memory they take.
    pub(super) fn weight(&self) -> usize {
        let lists: usize = self.lists.iter().map(|(ids, _)| 32 + size_of_val(&**ids)).sum();
        let apart: usize = self.apart.iter().map(|target| 256 + OnHost::of(target).map_or(0, |it| it.length())).sum();
        size_of_val(&*self.packed) + self.texts.len() + lists + apart
    }

    /// Where the entry of this hash most likely is: hashes are spread evenly.
    fn likely(&self, hash: u32) -> usize {
        let place = (u64::from(hash) * self.packed.len() as u64) >> 32;
        usize::try_from(place).unwrap_or_default()
    }

    /// The place of the first entry with this hash, or of the first behind where it would stand.
    fn first(&self, hash: u32) -> usize {
        let less = |at: usize| self.packed.get(at).is_some_and(|packed| packed.hash < hash);
        let (mut low, mut high, mut width) = (self.likely(hash), self.likely(hash), NEAR);
        if less(low) {
            while less(high) {
                (low, high, width) = (high + 1, high + width, width * 2);
            }
            high = high.min(self.packed.len());
        } else {
            while low > 0 {
                low = low.saturating_sub(width);
                if less(low) {
                    low += 1;
                    break;
                }
                (high, width) = (low, width * 2);
            }
        }
        let between = self.packed.get(low..high).unwrap_or_default();
        low + between.partition_point(|packed| packed.hash < hash)
    }

    fn target(&self, packed: &Packed) -> Option<OnHost<'_>> {
        let text = |start: usize, length: usize| self.texts.get(start..start.checked_add(length)?);
        let (start, host, path) =
            (usize::try_from(packed.start).ok()?, usize::from(packed.host), usize::from(packed.path));
        let named = text(start, host)?;
        if packed.form & URL == 0 {
            return Some(OnHost::Host { host: named, subdomains: packed.form & SUBDOMAINS != 0 });
        }
        let parts = match packed.form & PATTERN {
            0 => None,
            _ => Some((text(start + host + path, usize::from(packed.pattern))?, packed.form & ANCHORED != 0)),
        };
        let port = (packed.form & PORT != 0).then_some(packed.port);
        Some(OnHost::Url { host: named, port, path: text(start + host, path)?, parts })
    }

    /// 0: no target covers the address; 1: one does exactly; 2: one does after folding alone.
    pub(super) fn covers(&self, site: &Site<'_>) -> u8 {
        let above = if self.deep { site.above() } else { &[] };
        let hashes = std::iter::once(site.host()).chain(above.iter().copied());
        let packed = hashes.flat_map(|hash| {
            let from = self.packed.get(self.first(hash)..).unwrap_or_default();
            from.iter().take_while(move |packed| packed.hash == hash).filter_map(|packed| self.target(packed))
        });
        let mut folded = 0;
        for target in packed.chain(self.apart.iter().filter_map(OnHost::of)) {
            match covers(&target, site) {
                0 => {}
                1 => return 1,
                other => folded = other,
            }
        }
        folded
    }

    /// Whether a list names these bytes.
    pub(super) fn lists(&self, name: &ContentName) -> bool {
        let names = |(ids, sorted): &(Box<[ContentName]>, bool)| match sorted {
            true => ids.binary_search(name).is_ok(),
            false => ids.contains(name),
        };
        self.lists.iter().any(names)
    }

    /// Asks for its own lines of memory.
    pub(super) fn touch(&self) -> u8 {
        let parts =
            [self.deep, self.packed.is_empty(), self.texts.is_empty(), self.apart.is_empty(), self.lists.is_empty()];
        parts.into_iter().fold(0, |all, part| all << 1 | u8::from(part))
    }

    /// Asks for the line in which the entries of this hash most likely stand.
    pub(super) fn touch_entry(&self, hash: u32) -> u8 {
        self.packed.get(self.likely(hash)).map_or(0, |packed| packed.form)
    }

    /// Asks for the texts of the first entry with this hash.
    pub(super) fn touch_texts(&self, hash: u32) -> u8 {
        let start = self.packed.get(self.first(hash)).and_then(|packed| usize::try_from(packed.start).ok());
        start.and_then(|start| self.texts.as_bytes().get(start)).copied().unwrap_or_default()
    }
}

fn covers(target: &OnHost<'_>, site: &Site<'_>) -> u8 {
    if target.covers(site.url) {
        1
    } else if target.covers_when_folded(site.folded()) {
        2
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acquisition::{Acquisition, UrlRole};
    use crate::memo::cover::Sites;
    use proptest::prelude::*;

    fn drawn() -> impl Strategy<Value = Target> {
        let host = prop::sample::select(vec![
            "a.example",
            "www.a.example",
            "b.a.example",
            "www.b.a.example",
            "c.example",
            "d.c.example",
        ]);
        let path =
            prop::sample::select(vec!["/", "/a", "/A/", "/*b", "/a$", "*/c?", "/%41", "a", "/é*$", "/$x", "/a//"]);
        (host, path, any::<bool>(), any::<bool>()).prop_map(|(host, path, whole, flag)| {
            let host = host.parse().unwrap();
            match whole {
                true => Target::Host { host, subdomains: flag },
                false => Target::Url { host, port: flag.then_some(8080), path: path.to_owned() },
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]
        /// Packed or not, few or many: the same targets cover the same addresses.
        #[test]
        fn packed_targets_cover_what_targets_cover(
            targets in prop::collection::vec(drawn(), 0..40),
            host in prop::sample::select(vec!["a.example", "www.a.example", "x.b.a.example", "c.example", "e.d.c.example", "f.example"]),
            path in prop::sample::select(vec!["/", "/a", "/A", "/a/b", "/xb", "/c?x=1", "/%C3%A9", "/a//", "/%24x"]),
            port in prop::sample::select(vec!["", ":8080"]),
        ) {
            let keys = Acquisition::fetched(&format!("https://{host}{port}{path}")).keys().0;
            let sites = Sites::of(&keys);
            prop_assert_eq!(sites.sites.len(), 1);
            let site = &sites.sites[0];
            prop_assert_eq!(site.role, UrlRole::Fetched);
            let plainly = match () {
                () if targets.iter().any(|target| target.covers_url(site.url)) => 1,
                () if targets.iter().any(|target| target.covers_folded(site.url)) => 2,
                () => 0,
            };
            prop_assert_eq!(Targets::of(&targets).covers(site), plainly);
        }
    }

    #[test]
    fn an_entry_is_found_wherever_it_stands() {
        let targets: Vec<Target> = (0..700)
            .map(|number| Target::Host { host: format!("h{number}.example").parse().unwrap(), subdomains: false })
            .collect();
        let packed = Targets::of(&targets);
        for (at, one) in packed.packed.iter().enumerate() {
            let first = packed.packed.iter().position(|other| other.hash == one.hash).unwrap();
            assert_eq!(packed.first(one.hash), first, "{at}");
            assert_eq!(packed.first(one.hash + 1), packed.packed.partition_point(|it| it.hash < one.hash + 1));
        }
        assert_eq!((packed.first(0), packed.first(u32::MAX)), (0, 700));
    }

    #[test]
    fn a_text_that_is_too_long_to_be_packed_is_held_all_the_same() {
        let path = format!("/a{}", "*".repeat(70_000));
        let target = Target::Url { host: "a.example".parse().unwrap(), port: None, path };
        let packed = Targets::of(std::slice::from_ref(&target));
        assert_eq!((packed.packed.len(), packed.apart.len()), (0, 1));
        let keys = Acquisition::fetched("https://a.example/ab").keys().0;
        assert_eq!(packed.covers(&Sites::of(&keys).sites[0]), 1);
    }
}
