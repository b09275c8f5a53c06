//! Lines of a robots.txt: where each ends, what its key is, and whether a content delivery network put it there.

use memchr::{memchr, memchr2};

/// Most bytes that are read. RFC 9309 (2022-09) section 2.5 asks for 500 KiB at least; reading on can only find more.
pub(super) const MAX_BYTES: usize = 4 << 20;

/// Longest value that is looked at, in bytes; no URL that has a key is longer.
pub(super) const MAX_VALUE: usize = 8192;

/// What a line's key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// `User-agent`, RFC 9309 section 2.2.1.
    UserAgent,
    /// `Allow`, section 2.2.2.
    Allow,
    /// `Disallow`, section 2.2.2.
    Disallow,
    /// `Content-Usage`, draft-ietf-aipref-attach-05 (2026-08-19).
    ContentUsage,
    /// `Content-Signal`, contentsignals.org (2025-09-24).
    ContentSignal,
    /// `License`, RSL 1.0 (2025-12-10).
    License,
    /// `AllowAITraining`, draft-canel-robots-ai-control-00 (expired 2025-10).
    AllowTraining,
    /// `DisallowAITraining` of the same draft.
    DisallowTraining,
    /// `TDM-Reservation`, which no standard puts into this file.
    Reservation,
    /// A key that search engines know and that says nothing of use.
    Known,
    /// Anything else.
    Other,
}

/// One line that has a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub number: u32,
    /// What it asks for.
    pub key: Key,
    /// The key is only what was evidently meant: misspelt, or without its colon. RFC 9309 does not know the line.
    pub repaired: bool,
    /// It stands between the marks of a content delivery network.
    pub managed: bool,
    /// The key as written.
    pub name: &'a [u8],
    /// The value, without blanks around it and without a comment.
    pub value: &'a [u8],
    /// The value is one path in plain ASCII without an escape, which is already its comparable form.
    pub plain: bool,
}

/// What was read of a file.
#[derive(Debug, Default)]
pub(super) struct Read<'a> {
    pub lines: Vec<Line<'a>>,
    /// The first line that is neither blank, comment nor key and value.
    pub stray: Option<u32>,
    /// Some line is only understood by repair.
    pub repaired: bool,
    /// Some line stands in a managed block.
    pub managed: bool,
    /// The file was longer than [`MAX_BYTES`].
    pub cut: bool,
    /// The byte order mark was there in part.
    pub half_mark: bool,
}

impl<'a> Read<'a> {
    /// Splits bytes into lines that have a key. Line ends are CR, LF or both (RFC 9309 section 2.2).
    pub fn of(bytes: &'a [u8]) -> Self {
        let mut read = Self { cut: bytes.len() > MAX_BYTES, ..Self::default() };
        let mut rest = &bytes[..bytes.len().min(MAX_BYTES)];
        if read.cut {
            // The last line may be half a rule; half an `Allow` would open more than the whole.
            let end = rest.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(0);
            rest = &rest[..end];
        }
        (rest, read.half_mark) = without_mark(rest);
        read.lines.reserve(rest.len() / 40);
        let (mut number, mut managed) = (0_u32, false);
        while !rest.is_empty() {
            number += 1;
            let (line, after) = match memchr2(b'\n', b'\r', rest) {
                Some(end) if rest[end] == b'\r' && rest.get(end + 1) == Some(&b'\n') => {
                    (&rest[..end], &rest[end + 2..])
                }
                Some(end) => (&rest[..end], &rest[end + 1..]),
                None => (rest, &rest[rest.len()..]),
            };
            rest = after;
            read.take(line, number, &mut managed);
        }
        read
    }

    fn take(&mut self, line: &'a [u8], number: u32, managed: &mut bool) {
        let line = trim(line);
        match line.first() {
            None => return,
            Some(b'#') => {
                match mark(line) {
                    Some(true) => (*managed, self.managed) = (true, true),
                    Some(false) => *managed = false,
                    None => {}
                }
                return;
            }
            Some(_) => {}
        }
        if let Some((key, name, rest)) = usual(line) {
            let value = trim(memchr(b'#', rest).map_or(rest, |at| &rest[..at]));
            let plain = is_plain(value);
            self.lines.push(Line { number, key, repaired: false, managed: *managed, name, value, plain });
            return;
        }
        let text = memchr(b'#', line).map_or(line, |at| trim(&line[..at]));
        let (name, value, colon) = match memchr(b':', text) {
            Some(at) => (trim(&text[..at]), trim(&text[at + 1..]), true),
            None => match two_words(text) {
                Some((name, value)) => (name, value, false),
                None => {
                    self.stray.get_or_insert(number);
                    return;
                }
            },
        };
        let (key, misspelt) = key(name);
        if !colon && matches!(key, Key::Known | Key::Other) {
            self.stray.get_or_insert(number);
            return;
        }
        let repaired = !colon || misspelt;
        self.repaired |= repaired;
        let plain = is_plain(value);
        self.lines.push(Line { number, key, repaired, managed: *managed, name, value, plain });
    }
}

/// Key, name and rest of a line as nearly all are written.
fn usual(line: &[u8]) -> Option<(Key, &'static [u8], &[u8])> {
    for (begin, key) in [(&b"Disallow:"[..], Key::Disallow), (b"Allow:", Key::Allow), (b"User-agent:", Key::UserAgent)]
    {
        if let Some(rest) = line.strip_prefix(begin) {
            return Some((key, &begin[..begin.len() - 1], rest));
        }
    }
    None
}

/// See [`Line::plain`].
fn is_plain(value: &[u8]) -> bool {
    value.first() == Some(&b'/')
        && value.len() <= MAX_VALUE
        && value.iter().fold(true, |plain, byte| plain & (byte.wrapping_sub(b'!') < 94) & (*byte != b'%'))
}

/// The bytes after a byte order mark, and whether only a part of the mark was there (as Google's parser takes it).
fn without_mark(bytes: &[u8]) -> (&[u8], bool) {
    for (length, mark) in [(3, &b"\xef\xbb\xbf"[..]), (2, b"\xef\xbb"), (1, b"\xef")] {
        if let Some(rest) = bytes.strip_prefix(mark) {
            return (rest, length < 3);
        }
    }
    (bytes, false)
}

/// Without blanks and control characters around it.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && *first <= b' '
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && *last <= b' '
    {
        bytes = rest;
    }
    bytes
}

/// Key and value of a line whose colon was forgotten: exactly two words.
fn two_words(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let at = text.iter().position(blank)?;
    let value = trim(&text[at..]);
    (!value.iter().any(blank)).then_some((&text[..at], value))
}

/// Whether a comment begins (true) or ends (false) what Cloudflare puts above a site's own lines.
fn mark(comment: &[u8]) -> Option<bool> {
    let words = trim(comment.get(1..)?);
    let is = |mark: &str| words.len() == mark.len() && words.eq_ignore_ascii_case(mark.as_bytes());
    if is("begin cloudflare managed content") {
        Some(true)
    } else if is("end cloudflare managed content") {
        Some(false)
    } else {
        None
    }
}

/// Keys as their specifications write them.
const KEYS: &[(&str, Key)] = &[
    ("user-agent", Key::UserAgent),
    ("disallow", Key::Disallow),
    ("allow", Key::Allow),
    ("content-usage", Key::ContentUsage),
    ("content-signal", Key::ContentSignal),
    ("license", Key::License),
    ("allowaitraining", Key::AllowTraining),
    ("disallowaitraining", Key::DisallowTraining),
    ("sitemap", Key::Known),
    ("crawl-delay", Key::Known),
    ("host", Key::Known),
    ("clean-param", Key::Known),
    ("request-rate", Key::Known),
    ("visit-time", Key::Known),
    ("noindex", Key::Known),
    ("schemamap", Key::Known),
    ("llms-txt", Key::Known),
    ("llm-content", Key::Known),
];

/// Keys that people write and evidently mean something by. Google reads the first seven so.
const MISSPELT: &[(&str, Key)] = &[
    ("useragent", Key::UserAgent),
    ("user agent", Key::UserAgent),
    ("dissallow", Key::Disallow),
    ("dissalow", Key::Disallow),
    ("disalow", Key::Disallow),
    ("diasllow", Key::Disallow),
    ("disallaw", Key::Disallow),
    ("user_agent", Key::UserAgent),
    ("user-agents", Key::UserAgent),
    ("content usage", Key::ContentUsage),
    ("content_usage", Key::ContentUsage),
    ("contentusage", Key::ContentUsage),
    ("content-signals", Key::ContentSignal),
    ("content signal", Key::ContentSignal),
    ("content_signal", Key::ContentSignal),
    ("contentsignal", Key::ContentSignal),
    ("licence", Key::License),
    ("tdm-reservation", Key::Reservation),
    ("tdm_reservation", Key::Reservation),
];

/// What a key asks for, and whether it was only evidently meant. The whole key counts: Google's reading by prefix would make
/// a ban on crawling of `DisallowAITraining`.
fn key(name: &[u8]) -> (Key, bool) {
    let find = |table: &[(&str, Key)]| {
        table
            .iter()
            .find(|(word, _)| word.len() == name.len() && name.eq_ignore_ascii_case(word.as_bytes()))
            .map(|it| it.1)
    };
    if let Some(key) = find(KEYS) {
        return (key, false);
    }
    let begins = |word: &str| name.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word.as_bytes()));
    let found = match find(MISSPELT) {
        Some(key) => key,
        // The second draft has a key for each purpose; all restrict what models may be fed.
        None if begins("disallowai") => Key::DisallowTraining,
        None if begins("allowai") => Key::AllowTraining,
        // Files that were joined carry a byte order mark in the middle.
        None => match name.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) => key(rest).0,
            None => Key::Other,
        },
    };
    (found, !matches!(found, Key::Other | Key::Known))
}
