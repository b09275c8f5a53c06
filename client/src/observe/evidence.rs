//! Evidence: the bytes of one HTTP response, and what they say by themselves; the same reading for crawls, fetches and re-parses.

use super::carriers::{Agents, Answer, Carrier, Form, TDM_POLICY};
use crate::crawl::{Limits, PayloadState, Response};
use cleartitle_schema::id::BlobId;
use cleartitle_schema::signals::{Complaint, Lint, Parsed, SourceOutcome};

/// Bounds on one response of evidence, whoever stored it: a blob is a stranger's bytes too.
fn limits() -> Limits {
    Limits { payload: 8 * 1024 * 1024, header: 256 * 1024, ..Limits::default() }
}

/// The longest response that is read and kept. A crawl's record may be any length, and all of it would be uploaded.
pub const MAX_BLOCK: usize = 4 * 1024 * 1024;

/// What became of looking at one place.
#[derive(Debug)]
pub struct Reading {
    /// Read, silent or failed, for the place as a whole.
    pub outcome: SourceOutcome,
    /// What was understood; nothing where it failed.
    pub parsed: Parsed,
    /// The bytes that were read.
    pub evidence: Option<BlobId>,
    /// A digest of what the place said: equal digests, equal content. Header fields such as `Date` are no part of it.
    pub content: [u8; 32],
    /// Why it failed, in words.
    pub why: Option<String>,
}

impl Reading {
    /// Nothing could be read.
    #[must_use]
    pub fn failed(why: impl Into<String>, evidence: Option<BlobId>) -> Self {
        let why = why.into();
        Self {
            outcome: SourceOutcome::Failed,
            parsed: Parsed::default(),
            evidence,
            content: *blake3::hash(b"failed").as_bytes(),
            why: Some(why),
        }
    }

    fn silent(evidence: BlobId) -> Self {
        Self {
            outcome: SourceOutcome::Silent,
            parsed: Parsed::default(),
            evidence: Some(evidence),
            content: *blake3::hash(b"silent").as_bytes(),
            why: None,
        }
    }
}

/// Reads the bytes of a response (`application/http;msgtype=response`) that was got for `url`.
///
/// Statuses mean what RFC 9309 section 2.3.1 (2022-09) says, with one doubt always told as failed: an absent file is
/// silence, but throttling, an error, a redirect that leads nowhere, a body that is cut or of another kind are not.
#[must_use]
pub fn read(carrier: &Carrier, url: &str, block: &[u8], agents: &Agents) -> Reading {
    if block.len() > MAX_BLOCK {
        return Reading::failed(format!("the answer is longer than {MAX_BLOCK} bytes"), None);
    }
    let id = BlobId::of(block);
    let failed = |why: String| Reading::failed(why, Some(id));
    let Some(response) = Response::read(block, &limits()) else {
        return failed("the answer has no HTTP head".to_owned());
    };
    let status = response.head.status;
    let page = carrier.form == Form::Page;
    match status {
        204 | 205 => return Reading::silent(id),
        206 => return failed("the answer is a part (206)".to_owned()),
        200..=299 => {}
        300..=399 | 402 if page => {}
        429 => return failed("the server wants less (429)".to_owned()),
        400..=499 if carrier.form != Form::Announced => return Reading::silent(id),
        _ => return failed(format!("the server answers {status}")),
    }
    // A page's beginning is enough; of everything else a missing end could hold the reservation.
    match response.state {
        PayloadState::Ok => {}
        PayloadState::Truncated { .. } if page => {}
        PayloadState::Truncated { why } | PayloadState::Damaged { why } => return failed(why),
        PayloadState::UnsupportedCoding(name) => return failed(format!("its coding `{name}` is not known")),
        PayloadState::Unread => return failed("its body was not read".to_owned()),
        PayloadState::Released => return failed("its body was let go of".to_owned()),
    }
    // A policy may well be a page for people; that it is none for machines is its parser's to say.
    if !page && *carrier != TDM_POLICY && looks_like_html(&response.payload) {
        return failed(format!("an HTML page stands in place of {}", carrier.name));
    }
    let answer = Answer { status, headers: &response.head.headers, payload: &response.payload, url, agents };
    let parsed = (carrier.parse)(&answer).sorted();
    if parsed.signals.is_empty() && parsed.announced.is_empty() && garbled(carrier, &parsed.complaints) {
        return failed(format!("nothing of {} could be understood", carrier.name));
    }
    let outcome = if parsed.signals.is_empty() && parsed.announced.is_empty() {
        SourceOutcome::Silent
    } else {
        SourceOutcome::Read
    };
    // What changes on a home page from hour to hour is not what it says of its use.
    let content = if page { *blake3::hash(b"page").as_bytes() } else { *blake3::hash(&response.payload).as_bytes() };
    Reading { outcome, parsed, evidence: Some(id), content, why: None }
}

/// Whether a parser that understood nothing says that the bytes were never meant for it, or are broken as a whole.
fn garbled(carrier: &Carrier, complaints: &[Complaint]) -> bool {
    let whole = matches!(carrier.form, Form::Structured | Form::Announced);
    complaints.iter().any(|complaint| match complaint.lint {
        Lint::NotThisFormat => carrier.form != Form::Page,
        Lint::Malformed | Lint::TooMuch | Lint::Encoding => whole,
        _ => false,
    })
}

/// Whether bytes are a web page: what servers give under any path instead of saying that there is nothing.
#[must_use]
pub fn looks_like_html(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_ascii_lowercase();
    let begins = ["<!doctype html", "<html", "<head", "<body", "<title", "<script", "<meta", "<div", "<center", "<h1"];
    begins.iter().any(|tag| head.starts_with(tag))
        || ((head.starts_with("<?xml") || head.starts_with("<!--"))
            && (head.contains("<html") || head.contains("<!doctype html")))
}

#[cfg(test)]
mod tests {
    use super::super::carriers::{HOME, ROBOTS, RSL, TDMREP, agents};
    use super::*;

    fn outcome(carrier: &Carrier, block: &[u8]) -> SourceOutcome {
        read(carrier, "https://press.example/x", block, agents()).outcome
    }

    #[test]
    fn statuses_mean_what_rfc_9309_says_and_doubt_is_never_silence() {
        let cases: [(&str, SourceOutcome); 16] = [
            ("HTTP/1.1 200 OK\r\n\r\nUser-agent: *\nDisallow: /", SourceOutcome::Read),
            ("HTTP/1.1 200 OK\r\n\r\n", SourceOutcome::Silent),
            ("HTTP/2 404\r\n\r\nUser-agent: *\nDisallow: /", SourceOutcome::Silent),
            ("HTTP/1.1 401 No\r\n\r\n", SourceOutcome::Silent),
            ("HTTP/1.1 403 No\r\n\r\n<html>", SourceOutcome::Silent),
            ("HTTP/1.1 410 Gone\r\n\r\n", SourceOutcome::Silent),
            ("HTTP/1.1 204 Nothing\r\n\r\n", SourceOutcome::Silent),
            ("HTTP/1.1 429 Slow down\r\n\r\n", SourceOutcome::Failed),
            ("HTTP/1.1 500 Oh\r\n\r\nUser-agent: *\nAllow: /", SourceOutcome::Failed),
            ("HTTP/1.1 503 Oh\r\n\r\n", SourceOutcome::Failed),
            ("HTTP/1.1 301 Moved\r\nLocation: /x\r\n\r\n", SourceOutcome::Failed),
            ("HTTP/1.1 206 Part\r\n\r\nUser-agent: *\nAllow: /", SourceOutcome::Failed),
            ("HTTP/1.1 200 OK\r\n\r\n<!DOCTYPE html><title>Nothing here", SourceOutcome::Failed),
            ("HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\n\r\nx", SourceOutcome::Failed),
            ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\u{1f}", SourceOutcome::Silent),
            ("no head at all", SourceOutcome::Failed),
        ];
        for (block, expected) in cases {
            assert_eq!(outcome(&ROBOTS, block.as_bytes()), expected, "{block:?}");
        }
        let long = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &vec![b'#'; MAX_BLOCK]].concat();
        assert_eq!(read(&ROBOTS, "https://press.example/robots.txt", &long, agents()).evidence, None);
        assert_eq!(outcome(&ROBOTS, &long), SourceOutcome::Failed);
        assert_eq!(outcome(&RSL, b"HTTP/1.1 404 Not found\r\n\r\n"), SourceOutcome::Failed, "it was announced");
        assert_eq!(outcome(&TDMREP, b"HTTP/1.1 200 OK\r\n\r\n<html>"), SourceOutcome::Failed);
        assert_eq!(outcome(&HOME, b"HTTP/1.1 200 OK\r\n\r\n<html>"), SourceOutcome::Silent);
        assert_eq!(outcome(&HOME, b"HTTP/1.1 500 Oh\r\n\r\n<html>"), SourceOutcome::Failed);
    }

    #[test]
    fn equal_bodies_are_equal_content_whatever_the_head_says() {
        let content =
            |block: &str| read(&ROBOTS, "https://press.example/robots.txt", block.as_bytes(), agents()).content;
        let one = "HTTP/1.1 200 OK\r\nDate: Mon\r\n\r\nUser-agent: *\nDisallow: /";
        let other = "HTTP/1.1 200 OK\r\nDate: Tue\r\n\r\nUser-agent: *\nDisallow: /";
        assert_eq!(content(one), content(other));
        assert_ne!(content(one), content("HTTP/1.1 200 OK\r\n\r\nUser-agent: *\nDisallow: /a"));
        assert_ne!(content("HTTP/1.1 404 No\r\n\r\n"), content("HTTP/1.1 500 No\r\n\r\n"));
    }

    #[test]
    fn pages_are_told_from_files() {
        for page in [
            "<!DOCTYPE html>",
            "\u{feff}\n <HTML lang=en>",
            "<?xml version='1.0'?><html xmlns='x'>",
            "<!-- x --><html>",
        ] {
            assert!(looks_like_html(page.as_bytes()), "{page}");
        }
        for file in ["User-agent: *", "<?xml version='1.0'?><rsl xmlns='x'/>", "[{\"location\": \"/\"}]", "", "<rsl>"] {
            assert!(!looks_like_html(file.as_bytes()), "{file}");
        }
    }
}
