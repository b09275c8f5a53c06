//! Tags of a page as bytes: a bounded, tolerant scan by the tokenizer of the HTML standard (WHATWG, as of 2026-11).
//!
//! Our own, since the pre-check has to read single tags by exactly the same rules, and since the libraries at hand read
//! pages at a fraction of a filter's speed. Deliberately absent: the tree, names of character references beyond the common
//! ones in values, and the double-escaped state of scripts (a script ends at its first end tag here).

use memchr::{memchr, memmem};
use std::ops::Range;

/// Longest tag that is read, in bytes. What a longer one says is not known, and its bytes are skipped.
pub(super) const LONGEST_TAG: usize = 16 * 1024;

/// Most attributes of one tag.
const MOST_ATTRIBUTES: usize = 64;

/// Most space between an equals sign and its value: the pre-check looks back no further.
pub(super) const WIDEST_GAP: usize = 20;

/// Elements whose content is text, whatever stands in it.
const RAW_TEXT: [&[u8]; 9] =
    [b"script", b"style", b"title", b"textarea", b"xmp", b"iframe", b"noembed", b"noframes", b"plaintext"];

/// A start tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    /// Where its `<` stands.
    pub start: usize,
    /// Behind its `>`.
    pub end: usize,
    /// Its name.
    pub name: Range<usize>,
    /// Names and values of attributes, in order.
    pub attributes: Vec<(Range<usize>, Range<usize>)>,
}

impl Tag {
    /// Whether the element is of this name.
    pub fn is(&self, bytes: &[u8], name: &[u8]) -> bool {
        bytes[self.name.clone()].eq_ignore_ascii_case(name)
    }

    /// Where the value of an attribute stands; the first of a name counts.
    pub fn value_at(&self, bytes: &[u8], name: &[u8]) -> Option<Range<usize>> {
        let found = self.attributes.iter().find(|(known, _)| bytes[known.clone()].eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    }

    /// The bytes of an attribute.
    pub fn raw<'b>(&self, bytes: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
        self.value_at(bytes, name).map(|at| bytes[at].trim_ascii())
    }

    /// The text of an attribute, character references resolved.
    pub fn text(&self, bytes: &[u8], name: &[u8]) -> Option<String> {
        self.raw(bytes, name).map(unescape)
    }
}

/// What stands at a `<`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A start tag.
    Start(Tag),
    /// An end tag of this name.
    End(Range<usize>),
    /// A tag longer than is read.
    TooLong,
}

/// Reads the start tag at `start`, where a `<` and a letter stand. Nothing for a tag that has no end or is too long.
pub(super) fn tag_at(bytes: &[u8], start: usize) -> Option<Tag> {
    let limit = bytes.len().min(start + LONGEST_TAG);
    let text = &bytes[..limit];
    let mut at = start + 1;
    if !text.get(at).is_some_and(u8::is_ascii_alphabetic) {
        return None;
    }
    at = until(text, at, |byte| is_space(byte) || byte == b'/' || byte == b'>');
    let mut tag = Tag { start, end: 0, name: start + 1..at, attributes: Vec::with_capacity(6) };
    loop {
        at = until(text, at, |byte| !is_space(byte) && byte != b'/');
        match text.get(at) {
            None => return None,
            Some(b'>') => break,
            Some(_) => {}
        }
        // An equals sign that begins a name is part of it.
        let name = at..until(text, at + 1, |byte| is_space(byte) || matches!(byte, b'/' | b'>' | b'='));
        at = until(text, name.end, |byte| !is_space(byte));
        let mut value = at..at;
        if text.get(at) == Some(&b'=') {
            let begins = until(text, at + 1, |byte| !is_space(byte));
            let far = begins - at > WIDEST_GAP;
            (value, at) = value_at(text, begins)?;
            if far {
                value = at..at;
            }
        } else {
            at = name.end;
        }
        if tag.attributes.len() < MOST_ATTRIBUTES {
            tag.attributes.push((name, value));
        }
    }
    tag.end = at + 1;
    Some(tag)
}

/// The value that begins at `at`, and where the scan goes on.
fn value_at(text: &[u8], at: usize) -> Option<(Range<usize>, usize)> {
    match text.get(at)? {
        quote @ (b'"' | b'\'') => {
            let end = at + 1 + memchr(*quote, &text[at + 1..])?;
            Some((at + 1..end, end + 1))
        }
        b'>' => Some((at..at, at)),
        _ => {
            let end = until(text, at, |byte| is_space(byte) || byte == b'>');
            Some((at..end, end))
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
}

fn until(text: &[u8], at: usize, ends: impl Fn(u8) -> bool) -> usize {
    text.get(at..).and_then(|rest| rest.iter().position(|byte| ends(*byte))).map_or(text.len(), |far| at + far)
}

/// Walks over a page's tags in order, past comments and the content of scripts and their like.
pub(super) struct Tags<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Tags<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Where the walk stands.
    pub fn place(&self) -> usize {
        self.at
    }

    fn start(&mut self, start: usize) -> Option<Found> {
        let Some(tag) = tag_at(self.bytes, start) else {
            self.at = start + LONGEST_TAG;
            // A tag that the page's end cuts off is none.
            return (self.at < self.bytes.len()).then_some(Found::TooLong);
        };
        self.at = tag.end;
        if let Some(name) = RAW_TEXT.iter().find(|name| tag.is(self.bytes, name)) {
            self.at = raw_text(self.bytes, tag.end, name).end;
        }
        Some(Found::Start(tag))
    }
}

impl Iterator for Tags<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let start = self.at + memchr(b'<', self.bytes.get(self.at..)?)?;
            let rest = &self.bytes[start..];
            match rest.get(1)? {
                b'!' if rest.starts_with(b"<!--") => self.at = start + comment(rest),
                b'!' | b'?' => self.at = start + memchr(b'>', rest).map_or(rest.len(), |end| end + 1),
                b'/' if rest.get(2).is_some_and(u8::is_ascii_alphabetic) => {
                    let end = until(self.bytes, start + 2, |byte| is_space(byte) || matches!(byte, b'/' | b'>'));
                    self.at = end + memchr(b'>', &self.bytes[end..]).map_or(self.bytes.len() - end, |far| far + 1);
                    return Some(Found::End(start + 2..end));
                }
                b'/' => self.at = start + memchr(b'>', rest).map_or(rest.len(), |end| end + 1),
                letter if letter.is_ascii_alphabetic() => return self.start(start),
                _ => self.at = start + 1,
            }
        }
    }
}

/// Length of the comment that begins here.
fn comment(rest: &[u8]) -> usize {
    for short in [&b"<!-->"[..], b"<!--->"] {
        if rest.starts_with(short) {
            return short.len();
        }
    }
    let mut at = 4;
    while let Some(found) = memmem::find(&rest[at..], b"--") {
        let after = at + found + 2;
        match &rest[after..] {
            [b'>', ..] => return after + 1,
            [b'!', b'>', ..] => return after + 2,
            _ => at = after - 1,
        }
    }
    rest.len()
}

/// The content of a raw text element from `begin` on, up to its end tag.
pub(super) fn raw_text(bytes: &[u8], begin: usize, name: &[u8]) -> Range<usize> {
    let mut at = begin;
    if name != b"plaintext" {
        while let Some(found) = bytes.get(at..).and_then(|rest| memmem::find(rest, b"</")) {
            let end = at + found;
            let after = end + 2 + name.len();
            let named = bytes.get(end + 2..after).is_some_and(|it| it.eq_ignore_ascii_case(name));
            if named && bytes.get(after).is_none_or(|byte| is_space(*byte) || matches!(byte, b'/' | b'>')) {
                return begin..end;
            }
            at = end + 2;
        }
    }
    begin..bytes.len()
}

/// Text of bytes in an encoding that agrees with ASCII, with numeric and the common named character references resolved.
pub(super) fn unescape(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let reference = rest[1..].find(';').filter(|end| *end <= 10).and_then(|end| {
            let name = &rest[1..=end];
            reference(name).map(|letter| (letter, end + 2))
        });
        let (letter, length) = reference.unwrap_or(('&', 1));
        out.push(letter);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

fn reference(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let value = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(value.ok()?).filter(|letter| *letter != '\0');
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "copy" => '©',
        "colon" => ':',
        "sol" => '/',
        "period" => '.',
        "comma" => ',',
        _ => return None,
    })
}
