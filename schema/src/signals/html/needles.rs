//! The cheap pre-check: which places of a page could hold a mark at all.
//!
//! Two stages. The first compares whole blocks with a few byte patterns that every mark must contain, eight or sixteen lanes
//! wide as the machine has them; it knows neither tags nor scripts. The second looks at each place that the first finds and
//! keeps it only if the very functions that read a page would read something there. So it may find too much (in comments,
//! in scripts), never too little.

use super::tags::{LONGEST_TAG, WIDEST_GAP, tag_at};
use super::{json_ld, link, meta};
use memchr::{memchr, memchr2_iter, memmem};

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// How far a pattern reaches.
const REACH: usize = 8;

/// Longest attribute value in which a license is named: the second stage looks back no further.
pub(super) const LONGEST_TERMS: usize = 100;

/// What every mark has: `<m` of `<meta`, `<...k` of `<link`, `+j` of `ld+json`, `+x` of `rsl+xml`; and `cens` of `license`.
/// Says whether the block has one of the first, and whether it has the last.
#[inline(always)]
fn any_in(window: &[u8; BLOCK + REACH]) -> (bool, bool) {
    let (mut marked, mut licenses) = (0_u8, 0_u8);
    for at in 0..BLOCK {
        let tag = u8::from(window[at] == b'<')
            & (u8::from(window[at + 1] | 32 == b'm') | u8::from(window[at + 4] | 32 == b'k'));
        let kind = u8::from(window[at] == b'+')
            & (u8::from(window[at + 1] | 32 == b'j') | u8::from(window[at + 1] | 32 == b'x'));
        licenses |= u8::from(window[at] | 32 == b'c')
            & u8::from(window[at + 1] | 32 == b'e')
            & u8::from(window[at + 2] | 32 == b'n')
            & u8::from(window[at + 3] | 32 == b's');
        marked |= tag | kind;
    }
    (marked != 0, licenses != 0)
}

/// The next block from `from` on that has a pattern: where it begins, and whether `license` may be in it.
struct NextBlock<'b> {
    bytes: &'b [u8],
    from: usize,
}

impl pulp::WithSimd for NextBlock<'_> {
    type Output = Option<(usize, bool)>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Option<(usize, bool)> {
        let mut at = self.from;
        while let Some(window) = self.bytes.get(at..at + BLOCK + REACH) {
            let window: &[u8; BLOCK + REACH] = window.try_into().ok()?;
            let (marked, licenses) = any_in(window);
            if marked | licenses {
                return Some((at, licenses));
            }
            at += BLOCK;
        }
        // The rest is shorter than a window.
        (at < self.bytes.len()).then_some((at, true))
    }
}

/// Work that the second stage may do for each byte of a page. Whoever repeats the beginnings of tags by the million makes it
/// dear, and is taken at his word that there is something to read.
const MOST_WORK: usize = 8;

/// Calls `keep` with each place where a mark may stand, in order, until it says that it has enough. A page that costs too
/// much to look through may have one anywhere: its end is the place then.
fn each(bytes: &[u8], mut keep: impl FnMut(usize) -> bool) {
    let arch = pulp::Arch::new();
    let (mut from, mut work) = (0, 0);
    while let Some((block, licenses)) = arch.dispatch(NextBlock { bytes, from }) {
        // The last piece is no longer than a block and its reach.
        let end = if block + BLOCK + REACH > bytes.len() { bytes.len() } else { block + BLOCK };
        let mut place = |at: usize| speaks(bytes, at, &mut work) && keep(at);
        // Where no license is named, the few places are found faster than by asking at every byte.
        let enough = if licenses {
            (block..end).any(&mut place)
        } else {
            memchr2_iter(b'<', b'+', &bytes[block..end]).any(|far| place(block + far))
        };
        if enough {
            return;
        }
        if work > MOST_WORK * bytes.len() + json_ld::LARGEST {
            keep(bytes.len());
            return;
        }
        from = end;
    }
}

/// Whether a mark may stand anywhere.
pub(super) fn any(bytes: &[u8]) -> bool {
    let mut found = false;
    each(bytes, |_| {
        found = true;
        true
    });
    found
}

/// The last place at which a mark may stand: no tag behind it needs to be read.
pub(super) fn last(bytes: &[u8]) -> Option<usize> {
    let mut last = None;
    each(bytes, |at| {
        last = Some(at);
        false
    });
    last
}

fn speaks(bytes: &[u8], at: usize, work: &mut usize) -> bool {
    match bytes[at] {
        b'<' => tag_speaks(bytes, at, work),
        b'c' | b'C' => at >= 2 && license_at(bytes, at - 2),
        b'+' => kind_speaks(bytes, at, work),
        _ => false,
    }
}

fn tag_speaks(bytes: &[u8], at: usize, work: &mut usize) -> bool {
    let named = |name: &[u8]| bytes.get(at + 1..at + 5).is_some_and(|it| it.eq_ignore_ascii_case(name));
    let check = match bytes.get(at + 1) {
        Some(b'm' | b'M') if named(b"meta") => meta::speaks,
        Some(b'l' | b'L') if named(b"link") => link::speaks,
        _ => return false,
    };
    let tag = tag_at(bytes, at);
    *work += tag.as_ref().map_or(LONGEST_TAG, |tag| tag.end - at);
    tag.is_some_and(|tag| check(bytes, &tag))
}

/// Whether `license` stands at `start` as the end of a word inside an attribute's value.
fn license_at(bytes: &[u8], start: usize) -> bool {
    let end = start + 7;
    if !bytes.get(start..end).is_some_and(|word| word.eq_ignore_ascii_case(b"license")) {
        return false;
    }
    let ends = bytes.get(end).is_some_and(|byte| byte.is_ascii_whitespace() || b"\"'>/".contains(byte));
    let back = &bytes[start.saturating_sub(LONGEST_TERMS + WIDEST_GAP)..start];
    let before = back.iter().rev().find(|byte| matches!(byte, b'=' | b'<' | b'>'));
    ends && before == Some(&b'=')
}

/// Whether an attribute's value names a license among its words: `license`, `cc:license`, `http://schema.org/license`.
pub(super) fn names_license(value: &[u8]) -> bool {
    value.len() <= LONGEST_TERMS
        && !value.iter().any(|byte| matches!(byte, b'<' | b'>' | b'='))
        && value.split(u8::is_ascii_whitespace).any(|word| {
            let (before, last) = word.split_at(word.len().saturating_sub(7));
            last.eq_ignore_ascii_case(b"license") && before.last().is_none_or(|byte| b":/#.".contains(byte))
        })
}

fn kind_speaks(bytes: &[u8], at: usize, work: &mut usize) -> bool {
    let around = |back: usize, word: &[u8]| {
        at.checked_sub(back)
            .and_then(|start| bytes.get(start..start + word.len()))
            .is_some_and(|it| it.eq_ignore_ascii_case(word))
    };
    if !around(2, b"ld+json") {
        return around(3, b"rsl+xml");
    }
    let script = script_behind(bytes, at);
    *work += script.len();
    names_property(script)
}

/// Whether the script whose type has its `+` at `at` names a property that is read: escapes aside, which no publisher uses
/// in names. Called with the same place by whoever reads the page.
pub(super) fn json_speaks(bytes: &[u8], at: usize) -> bool {
    names_property(script_behind(bytes, at))
}

/// What stands between a script's type and its end tag, bounded.
fn script_behind(bytes: &[u8], at: usize) -> &[u8] {
    let rest = &bytes[at..bytes.len().min(at + LONGEST_TAG + json_ld::LARGEST)];
    let Some(begins) = memchr(b'>', &rest[..rest.len().min(LONGEST_TAG)]) else { return &[] };
    let mut from = begins;
    while let Some(found) = memmem::find(&rest[from..], b"</") {
        let end = from + found;
        if rest.get(end + 2..end + 8).is_some_and(|name| name.eq_ignore_ascii_case(b"script")) {
            return &rest[begins..end];
        }
        from = end + 2;
    }
    &rest[begins..]
}

fn names_property(script: &[u8]) -> bool {
    json_ld::PROPERTIES.iter().any(|name| memmem::find(script, name.as_bytes()).is_some())
}
