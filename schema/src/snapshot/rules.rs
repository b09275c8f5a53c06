//! One host's rules as one run of bytes: its name and all texts beside the sets they lead to, so that a lookup reads one place.
//!
//! [`encode`] writes what [`Block`] reads; the page in [`format`](super::format) says every byte. A reader of hostile bytes
//! never leaves the section, and every walk in it is bounded by what the block says of itself or by the address.

use super::read::SetId;
use super::url_rules::{Needle, glob};

/// Prefixes in a group. A host with more has a table of its groups, and each of its prefixes says where the next shorter
/// one stands: whoever files a million rules on one host makes each lookup there a few steps longer, and no other.
pub(super) const GROUP: usize = 16;

/// What an index knows of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HostRules {
    /// The set for this very host.
    pub exact: u32,
    /// The set for hosts below it.
    pub below: u32,
    /// Literal prefixes, sorted by text.
    pub prefixes: Vec<PrefixRules>,
}

/// What an index knows of a literal prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PrefixRules {
    pub text: Vec<u8>,
    /// The set of rules that are this prefix, of those that are shorter ones, and of the host.
    pub set: u32,
    /// Patterns that begin with this prefix, sorted.
    pub patterns: Vec<PatternRule>,
}

/// A pattern with a `*` or `$`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PatternRule {
    /// What follows the literal prefix: nothing, or a `*` and more.
    pub rest: Vec<u8>,
    pub anchored: bool,
    pub set: u32,
}

/// How a set is written: the host's own, the block's usual one, or one of its own.
const HOSTS_OWN: u64 = 0;
const USUAL: u64 = 1;
const OTHER: u64 = 2;

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push((number & 0x7f) as u8);
}

/// The block's bytes; `None` where they are more than the format can count.
pub(super) fn encode(host: &[u8], rules: &HostRules) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let form = match (rules.exact, rules.below) {
        (0, 0) => 0,
        (exact, below) if exact == below => 1,
        _ => 2,
    };
    put_number(&mut out, (host.len() as u64) << 2 | form);
    out.extend_from_slice(host);
    [rules.exact, rules.below].iter().take(usize::try_from(form).ok()?).for_each(|set| out.extend(set.to_le_bytes()));
    put_number(&mut out, rules.prefixes.len() as u64);
    if rules.prefixes.is_empty() {
        return Some(out);
    }
    let all_sets =
        rules.prefixes.iter().flat_map(|it| std::iter::once(it.set).chain(it.patterns.iter().map(|it| it.set)));
    let usual = all_sets.clone().find(|set| *set != rules.exact).unwrap_or(0);
    out.extend(usual.to_le_bytes());
    let code = |set: u32| match set {
        set if set == rules.exact => HOSTS_OWN,
        set if set == usual => USUAL,
        _ => OTHER,
    };
    let table = out.len();
    let large = rules.prefixes.len() > GROUP;
    if large {
        out.resize(table + (rules.prefixes.len() - 1) / GROUP * 4, 0);
    }
    // The prefixes that begin the current one, shortest first, with where they stand.
    let mut open: Vec<(&[u8], usize)> = Vec::new();
    for (number, prefix) in rules.prefixes.iter().enumerate() {
        let at = out.len();
        if large {
            if number > 0 && number % GROUP == 0 {
                let slot = table + (number / GROUP - 1) * 4;
                out[slot..slot + 4].copy_from_slice(&u32::try_from(at).ok()?.to_le_bytes());
            }
            while open.last().is_some_and(|(shorter, _)| !prefix.text.starts_with(shorter)) {
                open.pop();
            }
            put_number(&mut out, open.last().map_or(0, |(_, parent)| (at - parent) as u64));
            open.push((&prefix.text, at));
        }
        let set = code(prefix.set);
        put_number(&mut out, (prefix.text.len() as u64) << 3 | u64::from(!prefix.patterns.is_empty()) << 2 | set);
        if set == OTHER {
            out.extend(prefix.set.to_le_bytes());
        }
        out.extend_from_slice(&prefix.text);
        if !prefix.patterns.is_empty() {
            let mut patterns = Vec::new();
            for pattern in &prefix.patterns {
                let set = code(pattern.set);
                put_number(&mut patterns, (pattern.rest.len() as u64) << 3 | u64::from(pattern.anchored) << 2 | set);
                if set == OTHER {
                    patterns.extend(pattern.set.to_le_bytes());
                }
                patterns.extend_from_slice(&pattern.rest);
            }
            put_number(&mut out, patterns.len() as u64);
            out.extend_from_slice(&patterns);
        }
    }
    Some(out)
}

/// Reads forward; every step says whether there was enough.
#[derive(Clone, Copy)]
struct Cursor<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Cursor<'b> {
    #[inline]
    fn number(&mut self) -> Option<usize> {
        let first = *self.bytes.get(self.at)?;
        self.at += 1;
        if first < 0x80 {
            return Some(usize::from(first));
        }
        let mut number = u64::from(first & 0x7f);
        for shift in [7, 14, 21, 28, 35] {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return usize::try_from(number).ok();
            }
        }
        None
    }

    #[inline]
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    #[inline]
    fn set(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }
}

/// One host's rules, in place.
pub(super) struct Block<'b> {
    bytes: &'b [u8],
    pub(super) host: &'b [u8],
    exact: u32,
    below: u32,
    count: usize,
    usual: u32,
    /// Behind the head: the groups' table, or the first prefix.
    at: usize,
}

/// A prefix as it stands in its block.
struct Prefix<'b> {
    text: &'b [u8],
    set: u32,
    /// The patterns' bytes.
    patterns: &'b [u8],
    /// How far back the next shorter prefix stands; 0 where there is none, or in a block that does not say.
    back: usize,
    end: usize,
}

impl<'b> Block<'b> {
    /// The host's name alone, of the block that these bytes are.
    #[inline]
    pub(super) fn host_of(bytes: &'b [u8]) -> Option<&'b [u8]> {
        let mut cursor = Cursor { bytes, at: 0 };
        let head = cursor.number()?;
        cursor.take(head >> 2)
    }

    /// The block that these bytes are; `None` where no builder wrote it.
    #[inline]
    pub(super) fn of(bytes: &'b [u8]) -> Option<Self> {
        let mut cursor = Cursor { bytes, at: 0 };
        let head = cursor.number()?;
        let host = cursor.take(head >> 2)?;
        let (exact, below) = match head & 3 {
            0 => (0, 0),
            1 => cursor.set().map(|set| (set, set))?,
            2 => (cursor.set()?, cursor.set()?),
            _ => return None,
        };
        let count = cursor.number()?;
        let usual = if count == 0 { 0 } else { cursor.set()? };
        Some(Self { bytes, host, exact, below, count, usual, at: cursor.at })
    }

    /// Whether every address on this host has the same sets.
    pub(super) const fn is_without_paths(&self) -> bool {
        self.count == 0
    }

    pub(super) const fn below(&self) -> SetId {
        SetId(self.below)
    }

    #[inline]
    fn code(&self, cursor: &mut Cursor<'b>, head: usize) -> Option<u32> {
        match (head & 3) as u64 {
            HOSTS_OWN => Some(self.exact),
            USUAL => Some(self.usual),
            OTHER => cursor.set(),
            _ => None,
        }
    }

    #[inline]
    fn prefix(&self, at: usize) -> Option<Prefix<'b>> {
        let mut cursor = Cursor { bytes: self.bytes, at };
        let back = if self.count > GROUP { cursor.number()? } else { 0 };
        let head = cursor.number()?;
        let set = self.code(&mut cursor, head)?;
        let text = cursor.take(head >> 3)?;
        let patterns = if head & 4 == 0 {
            &[][..]
        } else {
            let length = cursor.number()?;
            cursor.take(length)?
        };
        Some(Prefix { text, set, patterns, back, end: cursor.at })
    }

    /// The sets of the rules that may cover an address on this very host: of its longest prefix, and of each pattern that
    /// matches. `None` where no builder wrote these bytes.
    pub(super) fn collect(&self, needle: &Needle, sets: &mut Vec<SetId>) -> Option<()> {
        if self.count > GROUP {
            return self.collect_large(needle, sets);
        }
        let mut at = self.at;
        let mut longest = self.exact;
        for _ in 0..self.count {
            let prefix = self.prefix(at)?;
            at = prefix.end;
            // In the order of their texts a longer one that matches comes later.
            if needle.key.as_bytes().starts_with(prefix.text) {
                longest = prefix.set;
                self.patterns(&prefix, needle, sets)?;
            }
        }
        sets.push(SetId(longest));
        Some(())
    }

    fn collect_large(&self, needle: &Needle, sets: &mut Vec<SetId>) -> Option<()> {
        let key = needle.key.as_bytes();
        let groups = (self.count - 1) / GROUP;
        let table = self.bytes.get(self.at..self.at.checked_add(groups.checked_mul(4)?)?)?;
        let start = |group: usize| match group.checked_sub(1) {
            None => Some(self.at + table.len()),
            Some(slot) => usize::try_from(super::format::u32_at(table, slot * 4)?).ok(),
        };
        // The last group that begins with a prefix not greater than the key.
        let (mut low, mut high) = (0, groups);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if self.prefix(start(middle)?)?.text <= key {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        let mut at = start(low)?;
        let mut found = None;
        for _ in 0..GROUP.min(self.count - low * GROUP) {
            let prefix = self.prefix(at)?;
            if prefix.text > key {
                break;
            }
            found = Some(at);
            at = prefix.end;
        }
        let mut longest = None;
        let mut before = usize::MAX;
        while let Some(at) = found {
            let prefix = self.prefix(at)?;
            // Every step back is to a shorter text, or the walk might take as many steps as the file has bytes.
            if prefix.text.len() >= before {
                return None;
            }
            before = prefix.text.len();
            if key.starts_with(prefix.text) {
                longest.get_or_insert(prefix.set);
                self.patterns(&prefix, needle, sets)?;
            }
            found = if prefix.back == 0 { None } else { Some(at.checked_sub(prefix.back)?) };
        }
        sets.push(SetId(longest.unwrap_or(self.exact)));
        Some(())
    }

    fn patterns(&self, prefix: &Prefix<'b>, needle: &Needle, sets: &mut Vec<SetId>) -> Option<()> {
        let mut cursor = Cursor { bytes: prefix.patterns, at: 0 };
        while cursor.at < cursor.bytes.len() {
            let head = cursor.number()?;
            let set = self.code(&mut cursor, head)?;
            let rest = cursor.take(head >> 3)?;
            if glob(prefix.text, rest, head & 4 != 0, needle) {
                sets.push(SetId(set));
            }
        }
        Some(())
    }
}
