//! Answers that ask for payment or a license before they give anything: 402, and 401 and 403 with a `License` challenge.
//!
//! Sources: Cloudflare pay per crawl (documentation as of 2026-04), x402 versions 1 and 2 (repository of 2026), the Crawler
//! Authorization Protocol of RSL 1.0 (2025-12-10, section 6), TollBit's redirects (as described 2026-07). All of them sell
//! the fetch: none says anything of training or any other use.
//!
//! Deliberately absent: receipts (`crawler-charged`, settlements), which are evidence of one payment and no signal.

mod challenge;
mod x402;

use super::{Complaint, Lint, Parsed, Signal, price, rsl, shown};
use crate::money::{Amount, Meter};
use crate::surt::UrlKey;
use crate::terms::Duty;
use crate::vocab::{AuthorityKind, Preference, Use};

/// Most bytes of a body that are looked at.
pub const MAX_BODY: usize = 256 * 1024;
/// Longest header value that is looked at.
const LONGEST_VALUE: usize = 64 * 1024;

/// What an answer asks for before it gives anything. Silent for every answer that gives something.
///
/// One protocol is read, the first that speaks: `crawler-price`, x402 in its header, a `License` challenge, TollBit, x402
/// in its body; a 402 without any of them asks for a payment that nobody can know.
#[must_use]
pub fn parse_response(status: u16, headers: &[(String, String)], body: &[u8]) -> Parsed {
    let mut out = Parsed::default();
    let answer = Answer { headers, body: &body[..body.len().min(MAX_BODY)] };
    match status {
        402 => answer.payment_required(&mut out),
        401 | 403 => {
            if answer.values("crawler-error").any(|value| value.eq_ignore_ascii_case("CrawlerForbidden")) {
                let label = "crawler-error: CrawlerForbidden";
                out.signals.push(signal("http-402", label, Preference::Disallowed, Vec::new(), false));
            }
            answer.license(status, &mut out);
        }
        300..=399 => {
            if let Some(place) = answer.toll_gate() {
                out.signals.push(toll(&place));
            }
        }
        _ => {}
    }
    out.sorted()
}

struct Answer<'a> {
    headers: &'a [(String, String)],
    body: &'a [u8],
}

impl Answer<'_> {
    fn values<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n str> {
        let named = self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim()).filter(|value| value.len() <= LONGEST_VALUE)
    }

    fn payment_required(&self, out: &mut Parsed) {
        if self.crawler_price(out) || self.x402(out) || self.license(402, out) {
            return;
        }
        if let Some(place) = self.toll_gate() {
            out.signals.push(toll(&place));
            return;
        }
        if let Some(found) = x402::in_body(self.body, &mut out.complaints) {
            out.signals.push(found);
            return;
        }
        out.complaints.push(Complaint::at(0, Lint::TermsElsewhere, "402, and no protocol that is known"));
        let duties = vec![price::pay(None, Meter::Fetch {})];
        out.signals.push(signal("http-402", "402 Payment Required", Preference::Allowed, duties, true));
    }

    fn crawler_price(&self, out: &mut Parsed) -> bool {
        let mut values: Vec<&str> = self.values("crawler-price").take(20).collect();
        values.sort_unstable();
        values.dedup();
        let Some(first) = values.first() else { return false };
        let amounts: Vec<Option<Amount>> = values.iter().map(|value| stated(value)).collect();
        let unclear = values.len() > 1 || amounts.contains(&None);
        if unclear {
            out.complaints.push(Complaint::at(
                0,
                Lint::UnknownValue,
                format!("crawler-price `{}`", values.join("`, `")),
            ));
        }
        let amount = amounts.first().copied().flatten().filter(|_| !unclear);
        let duties = vec![price::pay(amount, Meter::Fetch {})];
        let label = format!("crawler-price: {first}");
        out.signals.push(signal("http-402", &label, Preference::Allowed, duties, unclear));
        true
    }

    fn x402(&self, out: &mut Parsed) -> bool {
        let found = self.values("payment-required").next().map(|value| x402::in_header(value, &mut out.complaints));
        let any = found.is_some();
        out.signals.extend(found);
        any
    }

    /// A `License` challenge, and an RSL document in the body.
    fn license(&self, status: u16, out: &mut Parsed) -> bool {
        let challenge = self.values("www-authenticate").find_map(challenge::license);
        let document = self.looks_like_rsl().then(|| rsl::parse(self.body, "", AuthorityKind::Response));
        if challenge.is_none() && document.is_none() {
            return false;
        }
        let from = self.values("link").find_map(challenge::license_link);
        let error = challenge.flatten().map(|error| format!(" error={error}")).unwrap_or_default();
        let duties = vec![price::obtain(from.as_deref())];
        out.signals.push(signal("http-402", &format!("{status} License{error}"), Preference::Allowed, duties, false));
        if let Some(document) = document {
            out.join(document);
        }
        true
    }

    fn looks_like_rsl(&self) -> bool {
        let typed = self.values("content-type").any(|value| value.to_ascii_lowercase().contains("rsl+xml"));
        let start = String::from_utf8_lossy(&self.body[..self.body.len().min(2_048)]);
        let html = start.to_ascii_lowercase().contains("<html");
        typed
            || (!html
                && start.trim_start_matches('\u{feff}').trim_start().starts_with('<')
                && start.contains(rsl::NAMESPACE))
    }

    /// The TollBit gate that an answer leads to.
    fn toll_gate(&self) -> Option<String> {
        let leads = |value: &str| UrlKey::parse(value).is_ok_and(|key| key.host.starts_with("tollbit."));
        let location = self.values("location").find(|value| leads(value)).and_then(price::place);
        let marked = self.headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("tollbit"));
        location.or_else(|| marked.then(String::new))
    }
}

fn stated(value: &str) -> Option<Amount> {
    let mut words = value.split_ascii_whitespace();
    let (currency, amount) = (words.next()?, words.next()?);
    words.next().is_none().then(|| price::amount(amount, currency)).flatten()
}

fn toll(place: &str) -> Signal {
    let from = (!place.is_empty()).then_some(place);
    let duties = vec![price::obtain(from), price::pay(None, Meter::Fetch {})];
    signal("http-402", &format!("TollBit {place}"), Preference::Allowed, duties, false)
}

fn signal(standard: &str, label: &str, preference: Preference, duties: Vec<Duty>, malformed: bool) -> Signal {
    let version = if standard == "x402" { "2" } else { "2026-04" };
    let label = shown(label.trim());
    let signal = Signal::of(standard, version, label, AuthorityKind::Response, preference, vec![Use::Crawl]);
    Signal { duties, malformed, ..signal }
}
