//! Everything that one HTTP response says of itself: its header fields, and its body as page, picture or refusal.

use super::{Parsed, embedded, headers, html, payment};
use crate::vocab::agents::AgentTable;

/// Reads a response that has a body, as one kind of body.
type BodyReader = fn(u16, &[(String, String)], &[u8], &AgentTable) -> Parsed;

/// One line a kind of body; each is silent where the body is none of its own.
const BODIES: &[BodyReader] = &[
    page,
    |_, _, body, _| embedded::parse(body),
    |status, headers, body, _| payment::parse_response(status, headers, body),
];

/// Reads one response: status, header fields, and the body after transfer and content decoding.
#[must_use]
pub fn read(status: u16, headers: &[(String, String)], body: &[u8], agents: &AgentTable) -> Parsed {
    let mut said = headers::parse(status, headers, agents);
    for reader in BODIES {
        said.join(reader(status, headers, body, agents));
    }
    said.sorted()
}

/// A page, by its media type or, where that is missing or says nothing, by its first bytes.
fn page(_: u16, headers: &[(String, String)], body: &[u8], agents: &AgentTable) -> Parsed {
    if is_page(headers, body) && html::may_speak(body) { html::parse(body, agents) } else { Parsed::default() }
}

/// Whether a browser would show the body as a page.
#[must_use]
pub fn is_page(headers: &[(String, String)], body: &[u8]) -> bool {
    let kind = headers.iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("content-type"));
    let kind = kind.and_then(|(_, value)| value.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "text/html" | "application/xhtml+xml" => true,
        // Servers that know no better; a page among such bytes would be shown as one.
        "" | "text/plain" | "application/octet-stream" | "text/xml" | "application/xml" | "unknown/unknown" => {
            begins_as_page(body)
        }
        _ => false,
    }
}

fn begins_as_page(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let body = &body[..body.len().min(1024)];
    let start = body.trim_ascii_start();
    let begins = |word: &[u8]| start.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word));
    [&b"<!doctype html"[..], b"<html", b"<head", b"<meta", b"<title", b"<body", b"<!--"].iter().any(|word| begins(word))
        || (begins(b"<?xml") && body.windows(5).any(|it| it.eq_ignore_ascii_case(b"<html")))
}
