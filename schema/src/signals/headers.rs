//! The header fields of one response that carry terms, whatever its body (RFC 9110, RFC 8288 links, as of 2026-11).
//!
//! Read here: `X-Robots-Tag`, `Link`, `crawler-price`, `crawler-charged`. Handed on: `Content-Usage`, `Content-Signal`, `tdm-reservation`,
//! `tdm-policy`. Deliberately absent: the price of a refused response, which its status explains (HTTP 402).

use super::carried::Carried;
use super::{Announced, Complaint, Lint, Mark, Parsed, Signal, license_uri, price, shown, x_robots};
use crate::money::Meter;
use crate::vocab::agents::AgentTable;
use crate::vocab::{AppliesTo, AuthorityKind, Preference, Use};

/// Most fields that are looked at. Whoever sends more is not telling terms.
const MOST_FIELDS: usize = 500;

/// Most bytes of one field value, as servers in use accept them.
const LONGEST: usize = 64 * 1024;

/// Most links of one response.
const MOST_LINKS: usize = 200;

/// Reads the fields of one response. Names may be in any case.
#[must_use]
pub fn parse(status: u16, headers: &[(String, String)], agents: &AgentTable) -> Parsed {
    let mut said = Parsed::default();
    if headers.len() > MOST_FIELDS {
        said.complaints.push(Complaint::at(0, Lint::TooMuch, format!("{} fields", headers.len())));
    }
    let values = |name: &str| -> Vec<&str> {
        let named = headers.iter().take(MOST_FIELDS).filter(|(known, _)| known.trim().eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim()).collect()
    };
    let carried = Carried {
        tdm_reservation: values("tdm-reservation"),
        tdm_policy: values("tdm-policy"),
        content_usage: values("content-usage"),
        content_signal: values("content-signal"),
    };
    said.join(carried.read(AuthorityKind::Response));
    said.join(x_robots::parse_header(&values("x-robots-tag"), agents));
    let mut links = 0;
    for value in values("link") {
        if value.len() > LONGEST {
            said.complaints.push(Complaint::at(0, Lint::TooMuch, "a Link field longer than is read"));
        }
        let end = (0..=value.len().min(LONGEST)).rev().find(|at| value.is_char_boundary(*at)).unwrap_or_default();
        for link in Links(&value[..end]) {
            links += 1;
            if links > MOST_LINKS {
                said.complaints.push(Complaint::at(0, Lint::TooMuch, "more links than are read"));
                return said;
            }
            take(&link, &mut said);
        }
    }
    // A refusal's own price belongs to its status; on any other response the site asks a price for the next fetch.
    if !matches!(status, 401..=403) {
        said.signals.extend(values("crawler-price").into_iter().take(10).map(priced));
    }
    // What was paid bought this fetch. It is evidence of the crawl, and a license for nothing.
    for charged in values("crawler-charged") {
        said.complaints.push(Complaint::at(0, Lint::TermsElsewhere, format!("crawler-charged: {charged}: fetch paid")));
    }
    said
}

/// `crawler-price: USD 0.01` (Cloudflare, as of 2026-04): the price of fetching, which permits no use.
fn priced(written: &str) -> Signal {
    let amount = written.split_once(' ').and_then(|(currency, amount)| price::amount(amount, currency));
    let label = shown(&format!("crawler-price: {written}"));
    let signal =
        Signal::of("http-402", "2026-04", label, AuthorityKind::Response, Preference::Allowed, vec![Use::Crawl]);
    Signal { duties: vec![price::pay(amount, Meter::Fetch {})], malformed: amount.is_none(), ..signal }
}

fn take(link: &Link<'_>, said: &mut Parsed) {
    // A link with another anchor speaks of another document.
    if link.parameter("anchor").is_some_and(|anchor| !anchor.is_empty() && !anchor.starts_with('#')) {
        return;
    }
    let rel = link.parameter("rel").unwrap_or_default();
    let has = |word: &str| rel.split_ascii_whitespace().any(|one| one.eq_ignore_ascii_case(word));
    if link.target.is_empty() {
        return;
    }
    if has("canonical") && said.canonical.is_none() {
        said.canonical = Some(link.target.to_owned());
    }
    if has("c2pa-manifest") {
        said.announced.push(Announced { standard: "c2pa", url: link.target.to_owned() });
    }
    if has("license") {
        let kind = link.parameter("type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/rsl+xml") {
            said.announced.push(Announced { standard: "rsl", url: link.target.to_owned() });
        } else if let Some(license) = license_uri::mark_text(link.target) {
            // RFC 4946 and the HTML standard: it is the license of what this response holds.
            said.marks.push(Mark { license, applies_to: AppliesTo::Item });
        }
    }
}

/// One link of a `Link` field.
struct Link<'v> {
    target: &'v str,
    parameters: Vec<(&'v str, String)>,
}

impl Link<'_> {
    /// The first parameter of this name counts (RFC 8288 section 3).
    fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// The links of one field value (RFC 8288 appendix B.2, October 2017), in order. What is no link ends the reading.
struct Links<'v>(&'v str);

impl<'v> Iterator for Links<'v> {
    type Item = Link<'v>;

    fn next(&mut self) -> Option<Link<'v>> {
        let rest = self.0.trim_start_matches([' ', '\t', ',']);
        let (target, mut rest) = rest.strip_prefix('<')?.split_once('>')?;
        let mut parameters = Vec::new();
        loop {
            rest = rest.trim_start();
            let Some(after) = rest.strip_prefix(';') else { break };
            let after = after.trim_start();
            let end = after.find(['=', ';', ',']).unwrap_or(after.len());
            let name = after[..end].trim();
            rest = &after[end..];
            let mut value = String::new();
            if let Some(after) = rest.strip_prefix('=') {
                (value, rest) = parameter_value(after.trim_start());
            }
            if parameters.len() < 50 {
                parameters.push((name, value));
            }
        }
        // Rubbish up to the next comma belongs to nothing.
        self.0 = rest.find(',').map_or("", |at| &rest[at + 1..]);
        Some(Link { target: target.trim(), parameters })
    }
}

fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        return (text[..end].trim().to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(letters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}
