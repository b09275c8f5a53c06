//! robots.txt: groups and rules of RFC 9309 (2022-09), and the preferences that other standards write into the same file.
//!
//! [`Robots`] answers literally, as a crawler that follows the RFC would. [`parse`] gives what the registry keeps, which is
//! stricter: it reads the file literally, repaired, and without the lines that a content delivery network put above the
//! site's own, and keeps every prohibition of any reading and only those permissions that stand in all of them.
//! Deliberately absent: fetching, what a status code means, and how long an answer may be kept.

mod emit;
mod groups;
mod lines;
mod names;
mod pattern;
mod preferences;
mod select;
mod widen;

#[cfg(test)]
mod tests;

pub use select::{Selected, Verdict};

use super::Parsed;
use crate::vocab::agents::AgentTable;
use groups::{Groups, Reading};
use lines::{Key, Read};

/// A robots.txt, borrowed from its bytes.
#[derive(Debug)]
pub struct Robots<'a> {
    read: Read<'a>,
    literal: Groups<'a>,
    foreign: bool,
    utf8: bool,
}

impl<'a> Robots<'a> {
    /// Reads a file. Never fails: a line that can't be read is passed over (RFC 9309 section 2.3.1.5).
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Self {
        let read = Read::of(bytes);
        let literal = Groups::of(&read.lines, Reading::Literal);
        let foreign = is_foreign(bytes, &read);
        let utf8 = read.lines.iter().all(|line| line.plain || std::str::from_utf8(line.value).is_ok());
        Self { read, literal, foreign, utf8 }
    }

    /// Whether the bytes are no robots.txt at all: a page of HTML, an archive, a sentence of a server. Such a file is not
    /// silent: what stands at the address is not known, and its source has failed. [`parse`] says the same by a complaint
    /// with [`super::Lint::NotThisFormat`].
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// What the registry keeps of it; see [`parse`].
    #[must_use]
    pub fn signals(&self, agents: &AgentTable) -> Parsed {
        emit::signals(self, agents)
    }
}

/// What a robots.txt says, for [`crate::decide`]: its rules, and its lines of AIPREF, Content-Signal and RSL.
///
/// A rule for a crawler is one signal: an `agent`, the path, and the uses that the crawler collects for by `agents`. A
/// preference for everybody has no `agent` and binds even those who have a group of their own, since a reservation must not
/// end where a line is copied badly; a *permission* for everybody does not reach them (RFC 9309 section 2.2.1), and they get
/// an unclear signal of their own instead. A complaint with [`super::Lint::NotThisFormat`] says that the bytes are no
/// robots.txt: the caller then has to take the source for failed, not for silent.
#[must_use]
pub fn parse(bytes: &[u8], agents: &AgentTable) -> Parsed {
    Robots::parse(bytes).signals(agents)
}

/// HTML and other formats begin with their own marks; a text without one line that any robots.txt has is none either.
fn is_foreign(bytes: &[u8], read: &Read<'_>) -> bool {
    let start = lines::trim(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let marked = [&b"<"[..], b"{", b"%PDF", b"PK", b"\x1f\x8b"].iter().any(|mark| start.starts_with(mark))
        || bytes.iter().take(512).any(|byte| *byte == 0);
    let is_there = read.stray.is_some() || !read.lines.is_empty();
    let meant = read.lines.iter().any(|line| match line.key {
        Key::Other => false,
        Key::UserAgent => true,
        _ => !marked,
    });
    is_there && !meant
}
