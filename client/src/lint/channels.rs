//! Channels: the files through which a site speaks, told apart by name and content, each with its parser.

use cleartitle_schema::id::BlobId;
use cleartitle_schema::signals::{Parsed, Signal, ai_txt, embedded, html, record, robots, rsl, tdmrep, trust_txt};
use cleartitle_schema::surt::UrlKey;
use cleartitle_schema::vocab::AuthorityKind;
use cleartitle_schema::vocab::agents::AgentTable;
use serde::Serialize;
use std::path::Path;

/// What a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// robots.txt, with usage rules and content signals in it.
    Robots,
    /// An RSL document.
    Rsl,
    /// A feed with RSL in it.
    RslFeed,
    /// `/.well-known/tdmrep.json`.
    Tdmrep,
    /// A TDM policy.
    TdmPolicy,
    /// ai.txt.
    AiTxt,
    /// trust.txt.
    TrustTxt,
    /// One response: status, headers, perhaps a body.
    Response,
    /// A page.
    Page,
    /// An image, a PDF or an XMP sidecar.
    Embedded,
}

impl Kind {
    /// In words.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Robots => "robots.txt",
            Self::Rsl => "RSL document",
            Self::RslFeed => "feed",
            Self::Tdmrep => "tdmrep.json",
            Self::TdmPolicy => "TDM policy",
            Self::AiTxt => "ai.txt",
            Self::TrustTxt => "trust.txt",
            Self::Response => "response headers",
            Self::Page => "page",
            Self::Embedded => "embedded metadata",
        }
    }

    /// The standards that were looked for in it, whatever it says.
    pub(super) const fn standards(self) -> &'static [&'static str] {
        match self {
            Self::Robots => &["robots", "aipref", "content-signal"],
            Self::Rsl | Self::RslFeed => &["rsl"],
            Self::Tdmrep | Self::TdmPolicy => &["tdmrep"],
            Self::AiTxt => &["ai-txt"],
            Self::TrustTxt => &["trust-txt"],
            Self::Response | Self::Page | Self::Embedded => &[],
        }
    }

    /// Whether it speaks for one document, not for the site.
    #[must_use]
    pub const fn is_document(self) -> bool {
        matches!(self, Self::Response | Self::Page | Self::Embedded)
    }

    /// Where a site serves it, where a standard or a habit says so.
    const fn place(self) -> Option<&'static str> {
        match self {
            Self::Robots => Some("/robots.txt"),
            Self::Tdmrep => Some("/.well-known/tdmrep.json"),
            Self::AiTxt => Some("/ai.txt"),
            Self::TrustTxt => Some("/trust.txt"),
            Self::Response => Some("/"),
            _ => None,
        }
    }

    /// Tells a file by its name and its first bytes.
    #[must_use]
    pub fn of(name: &str, bytes: &[u8]) -> Option<Self> {
        let file = Path::new(name).file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(64 * 1024)]).to_ascii_lowercase();
        let start = head.trim_start_matches('\u{feff}').trim_start();
        let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| file.ends_with(suffix));
        if start.starts_with("http/") || ends(&[".headers"]) || file == "headers.txt" {
            return Some(Self::Response);
        }
        match file.as_str() {
            "ai.txt" => return Some(Self::AiTxt),
            "trust.txt" => return Some(Self::TrustTxt),
            "tdmrep.json" => return Some(Self::Tdmrep),
            _ if file.contains("robots") && ends(&[".txt"]) => return Some(Self::Robots),
            _ => {}
        }
        if ends(&[".jpg", ".jpeg", ".png", ".pdf", ".xmp"]) || is_image(bytes) {
            return Some(Self::Embedded);
        }
        if ends(&[".html", ".htm", ".xhtml"]) || start.starts_with("<!doctype html") || start.starts_with("<html") {
            return Some(Self::Page);
        }
        if head.contains("rslstandard.org/rsl") {
            let feed = head.contains("<rss") || head.contains("<feed");
            return Some(if feed { Self::RslFeed } else { Self::Rsl });
        }
        if ends(&[".json", ".jsonld"]) {
            let policy = head.contains("odrl") || head.contains("tdm:mine");
            let reservation = head.contains("tdm-reservation") || head.contains("tdm_reservation");
            return if policy { Some(Self::TdmPolicy) } else { reservation.then_some(Self::Tdmrep) };
        }
        let agents = start.lines().any(|line| line.trim_start().starts_with("user-agent:"));
        agents.then_some(Self::Robots)
    }
}

fn is_image(bytes: &[u8]) -> bool {
    [&b"\x89PNG"[..], b"\xff\xd8\xff", b"%PDF-"].iter().any(|magic| bytes.starts_with(magic))
}

/// A file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name, for people.
    pub name: String,
    /// Where the site serves it, as a path. Left out: at the usual place of its kind, else at its name.
    pub address: Option<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Found {
    /// A response as it was fetched from a URL. The file of a site is its body alone, and says nothing where it was not
    /// there; of a page the headers speak too.
    #[must_use]
    pub fn fetched(url: &str, block: &[u8]) -> Option<Self> {
        let address = UrlKey::parse(url).ok()?.path;
        let (status, _, body) = response(block);
        let kind = Kind::of(&address, body);
        let of_the_site = kind.is_some_and(|kind| !kind.is_document());
        if of_the_site && !(200..300).contains(&status) {
            return None;
        }
        let bytes = if of_the_site { body } else { block };
        Some(Self { name: url.to_owned(), address: Some(address), bytes: bytes.to_vec() })
    }
}

/// One channel, read.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its name, as given.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its path on the site.
    pub address: String,
    /// Its bytes' name, as evidence.
    pub blob: BlobId,
    /// What it says.
    pub parsed: Parsed,
    /// Its lines, lower case, where it has some: signals carry no place of their own.
    lines: Vec<String>,
}

impl Channel {
    /// Reads a file, if it is one of those through which sites speak.
    #[must_use]
    pub fn read(found: &Found) -> Option<Self> {
        let Found { name, address, bytes } = found;
        let kind = Kind::of(name, bytes)?;
        let file = Path::new(name).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let usual = || kind.place().map_or_else(|| format!("/{file}"), str::to_owned);
        let address = address.clone().unwrap_or_else(usual);
        let address = address.strip_suffix("index.html").map_or_else(|| address.clone(), str::to_owned);
        let parsed = parse(kind, &address, bytes);
        Some(Self::new(name.clone(), kind, address, bytes, parsed))
    }

    pub(super) fn new(name: String, kind: Kind, address: String, bytes: &[u8], parsed: Parsed) -> Self {
        let text = if kind == Kind::Embedded { String::new() } else { String::from_utf8_lossy(bytes).to_lowercase() };
        let lines = text.lines().take(50_000).map(str::to_owned).collect();
        Self { name, kind, address, blob: BlobId::of(bytes), parsed: parsed.sorted(), lines }
    }

    /// The first line that a label may have come from; 0 where none is found.
    pub(super) fn line_of(&self, label: &str) -> usize {
        let label = label.to_lowercase();
        let words: Vec<&str> = label.split([' ', ',', ':', '"']).filter(|word| !word.is_empty()).collect();
        let whole = self.lines.iter().position(|line| line.contains(label.trim()));
        let parts = || self.lines.iter().position(|line| words.iter().all(|word| line.contains(word)));
        let last = || words.last().and_then(|word| self.lines.iter().position(|line| line.contains(word)));
        if words.is_empty() { 0 } else { whole.or_else(parts).or_else(last).map_or(0, |place| place + 1) }
    }

    /// Its signals.
    #[must_use]
    pub fn signals(&self) -> &[Signal] {
        &self.parsed.signals
    }
}

/// The one table of parsers.
fn parse(kind: Kind, address: &str, bytes: &[u8]) -> Parsed {
    let agents = AgentTable::builtin();
    match kind {
        Kind::Robots => robots::parse(bytes, agents),
        Kind::Rsl => rsl::parse(bytes, address, AuthorityKind::SiteFile),
        Kind::RslFeed => rsl::parse_feed(bytes, address),
        Kind::Tdmrep => tdmrep::parse_file(bytes),
        Kind::TdmPolicy => tdmrep::parse_policy(bytes, address),
        Kind::AiTxt => ai_txt::parse(bytes),
        Kind::TrustTxt => trust_txt::parse(bytes),
        Kind::Page => html::parse(bytes, agents),
        Kind::Embedded => embedded::parse(bytes),
        Kind::Response => {
            let (status, headers, body) = response(bytes);
            record::read(status, &headers, body, agents)
        }
    }
}

/// A response as tools save it: a status line or none, header lines, a blank line and the body. `#` begins a comment.
fn response(bytes: &[u8]) -> (u16, Vec<(String, String)>, &[u8]) {
    let mut status = 200;
    let mut headers = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(end);
        rest = after;
        let line = String::from_utf8_lossy(line);
        let line = line.trim();
        if line.is_empty() && !headers.is_empty() {
            break;
        }
        if let Some(code) = line.strip_prefix("HTTP/").and_then(|rest| rest.split(' ').nth(1)) {
            // Tools save redirects above the answer; the last status line counts.
            status = code.parse().unwrap_or(status);
            headers.clear();
        } else if let Some((name, value)) = line.split_once(':').filter(|_| !line.starts_with('#')) {
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    (status, headers, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_name_and_content() {
        let cases: [(&str, &[u8], Option<Kind>); 17] = [
            ("robots.txt", b"", Some(Kind::Robots)),
            ("site/news.robots.txt", b"x", Some(Kind::Robots)),
            ("r.txt", b"\xef\xbb\xbf# hello\nUser-Agent: *\n", Some(Kind::Robots)),
            ("ai.txt", b"<html>", Some(Kind::AiTxt)),
            ("trust.txt", b"member=x", Some(Kind::TrustTxt)),
            (".well-known/tdmrep.json", b"<html>", Some(Kind::Tdmrep)),
            ("x.json", b"[{\"location\":\"/\",\"tdm-reservation\":1}]", Some(Kind::Tdmrep)),
            ("x.json", b"{\"@context\":[\"http://www.w3.org/ns/odrl.jsonld\"]}", Some(Kind::TdmPolicy)),
            ("x.json", b"{}", None),
            ("license.xml", b"<rsl xmlns=\"https://rslstandard.org/rsl\">", Some(Kind::Rsl)),
            ("feed.xml", b"<rss xmlns:rsl=\"https://rslstandard.org/rsl\">", Some(Kind::RslFeed)),
            ("page", b" <!DOCTYPE html>", Some(Kind::Page)),
            ("dump", b"HTTP/2 200\ntdm-reservation: 1", Some(Kind::Response)),
            ("headers.txt", b"# With\nX-Robots-Tag: noai", Some(Kind::Response)),
            ("photo", b"\x89PNG\r\n", Some(Kind::Embedded)),
            ("sitemap.xml", b"<urlset/>", None),
            ("notes.txt", b"hello", None),
        ];
        for (name, bytes, kind) in cases {
            assert_eq!(Kind::of(name, bytes), kind, "{name}");
        }
    }

    #[test]
    fn a_saved_response_is_taken_apart() {
        let (status, headers, body) =
            response(b"HTTP/1.1 301 Moved\r\nLocation: /x\r\nHTTP/1.1 402 Pay\r\ncrawler-price: USD 0.01\r\n\r\nbody");
        assert_eq!((status, body), (402, &b"body"[..]));
        assert_eq!(headers, [("crawler-price".to_owned(), "USD 0.01".to_owned())]);
        let robots = |status: &str| {
            let block = format!("HTTP/1.1 {status}\r\nServer: x\r\n\r\nUser-agent: *\n");
            Found::fetched("https://press.example/robots.txt", block.as_bytes())
        };
        assert_eq!(robots("200 OK").expect("a file").bytes, b"User-agent: *\n");
        assert_eq!(robots("404 Not Found"), None);
        let page = Found::fetched("https://press.example/", b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n<html>").expect("a page");
        assert_eq!(Kind::of(&page.name, &page.bytes), Some(Kind::Response));
        assert_eq!(response(b"# With every response:\nX-Robots-Tag: noai\n").1.len(), 1);
    }
}
