//! One index row ruled, and the line that says so; neighbours on a host that nobody speaks of share one ruling.

use super::wanted::Place;
use crate::crawl::index::Capture;
use crate::filter::candidate::{self, CANDIDATE, Told};
use crate::filter::document::{Asking, Document};
use crate::filter::finality::Finality;
use crate::filter::plan::{Missing, Plan, Ruling};
use crate::report::Tally;
use cleartitle_schema::decide::Verdict;
use cleartitle_schema::id::{ContentName, WarcSha1Alias};
use cleartitle_schema::snapshot::Damage;
use cleartitle_schema::surt::{MAX_URL, UrlKey};
use cleartitle_schema::time::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// Most rulings that one thread remembers the lines of.
const FATES_LIMIT: usize = 8_192;

/// What a ruling means for an index row.
#[derive(Debug)]
pub struct Fate {
    ruling: Arc<Ruling>,
    /// It is excluded for good; else a candidate.
    pub excluded: bool,
    /// The end of its line, from the verdict on.
    tail: Vec<u8>,
}

/// What every row of a run is asked.
pub struct Rules<'a, D> {
    /// The rulings.
    pub plan: &'a Plan<'a, D>,
    /// What is asked.
    pub asking: &'a Asking,
    /// What stands.
    pub finality: &'a Finality,
    /// Whether any statement lists documents by SHA-1.
    pub lists_sha1: bool,
}

/// A host that no rule names, by what its URLs begin with.
struct Silent {
    begins: String,
    host: Arc<str>,
    fate: Arc<Fate>,
}

/// A run of rows that are told alike.
struct Alike {
    host: Option<Arc<str>>,
    fate: Arc<Fate>,
    rows: u64,
}

/// Rules rows one after the other and counts them; each thread has its own.
pub struct Rows<'a, D> {
    rules: &'a Rules<'a, D>,
    fates: HashMap<(usize, bool), Arc<Fate>>,
    silent: Option<Silent>,
    alike: Option<Alike>,
    /// What was counted, once [`Rows::ended`] was called.
    pub tally: Tally,
    /// For writing their lines.
    pub day: Day,
}

impl<'a, D: AsRef<[u8]>> Rows<'a, D> {
    /// Begins.
    pub fn new(rules: &'a Rules<'a, D>) -> Self {
        Self { rules, fates: HashMap::new(), silent: None, alike: None, tally: Tally::default(), day: Day::default() }
    }

    /// Rules a row and counts it.
    ///
    /// # Errors
    /// Damage in the snapshot.
    pub fn rule(&mut self, capture: &Capture<'_>) -> Result<Arc<Fate>, Damage> {
        let sha1 =
            capture.sha1.filter(|_| self.rules.lists_sha1).map(|sha1| ContentName::WarcSha1(WarcSha1Alias(sha1)));
        let known = match sha1 {
            Some(name) => !self.rules.plan.snapshot().by_content(&name)?.is_empty(),
            None => false,
        };
        if !known
            && let Some(silent) = &self.silent
            && shares(&silent.begins, &capture.url)
        {
            let (host, fate) = (Arc::clone(&silent.host), Arc::clone(&silent.fate));
            self.count(Some(&host), &fate);
            return Ok(fate);
        }
        let mut copy = self.rules.asking.copy(Some(&capture.url), Some(capture.captured_at));
        copy.content.extend(sha1);
        let key = UrlKey::parse(&capture.url).ok();
        let ruling = self.rules.plan.rule(&copy, Missing::default())?;
        let host: Option<Arc<str>> = key.as_ref().map(|key| key.host.as_str().into());
        let fate = self.fate(ruling, host.as_deref());
        self.count(host.as_ref(), &fate);
        self.silent = None;
        // A person's exception may be about one address of a host that nobody else speaks of.
        if !known
            && self.rules.plan.policy().actions.exceptions.is_empty()
            && let (Some(key), Some(host), Some(begins)) = (key, host, beginning(&capture.url))
            // An address inside this one speaks for this row alone.
            && shares(begins, &capture.url)
            && !self.rules.plan.snapshot().mentions_host(&key)?
        {
            self.silent = Some(Silent { begins: begins.to_owned(), host, fate: Arc::clone(&fate) });
        }
        Ok(fate)
    }

    fn fate(&mut self, ruling: Arc<Ruling>, host: Option<&str>) -> Arc<Fate> {
        let excluded = self.rules.finality.stands(&ruling, host);
        // The fate holds the ruling, so that its address names no other one.
        let key = (Arc::as_ptr(&ruling) as usize, excluded);
        if let Some(fate) = self.fates.get(&key) {
            return Arc::clone(fate);
        }
        if self.fates.len() >= FATES_LIMIT {
            self.fates.clear();
        }
        let tail = if excluded { excluded_tail(&ruling) } else { candidate_tail(&ruling) };
        let fate = Arc::new(Fate { ruling, excluded, tail });
        self.fates.insert(key, Arc::clone(&fate));
        fate
    }

    fn count(&mut self, host: Option<&Arc<str>>, fate: &Arc<Fate>) {
        if let Some(alike) = &mut self.alike
            && Arc::ptr_eq(&alike.fate, fate)
            && alike.host.as_deref() == host.map(|host| &**host)
        {
            alike.rows += 1;
            return;
        }
        self.ended();
        self.alike = Some(Alike { host: host.cloned(), fate: Arc::clone(fate), rows: 1 });
    }

    /// Notes the last rows in the tally.
    pub fn ended(&mut self) {
        let Some(Alike { host, fate, rows }) = self.alike.take() else { return };
        if !fate.excluded {
            self.tally.candidates += rows;
            return;
        }
        let host = host.map(|host| host.to_string());
        let document = Document { host, ..Document::ruled(Arc::clone(&fate.ruling)) };
        self.tally.alike(&document, rows);
    }
}

impl Fate {
    /// Writes the row's line: the record's place, the row's own, what it says, and what was decided.
    pub fn write(&self, capture: &Capture<'_>, place: Place, day: &mut Day, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"file\":");
        text(out, &capture.file);
        out.extend_from_slice(b",\"offset\":");
        number(out, capture.offset);
        out.extend_from_slice(b",\"length\":");
        number(out, capture.length);
        match place {
            Place::Line(line) => {
                out.extend_from_slice(b",\"line\":");
                number(out, line);
            }
            Place::Row(group, row) => {
                out.extend_from_slice(b",\"row_group\":");
                number(out, group);
                out.extend_from_slice(b",\"row\":");
                number(out, row);
            }
        }
        out.extend_from_slice(b",\"url\":");
        text(out, &capture.url);
        out.extend_from_slice(b",\"captured_at\":\"");
        day.write(capture.captured_at, out);
        out.push(b'"');
        out.extend_from_slice(&self.tail);
    }
}

/// The day that was written last: neighbours share it.
#[derive(Debug, Default)]
pub struct Day(Option<(i64, String)>);

impl Day {
    fn write(&mut self, moment: Timestamp, out: &mut Vec<u8>) {
        let (day, second) = (moment.0.div_euclid(Timestamp::DAY), moment.0.rem_euclid(Timestamp::DAY));
        if self.0.as_ref().is_none_or(|(known, _)| *known != day) {
            self.0 = Some((day, moment.to_string()));
        }
        let Some((_, text)) = &self.0 else { return };
        out.extend_from_slice(&text.as_bytes()[..text.len() - "00:00:00Z".len()]);
        for (part, after) in [(second / 3600, b':'), (second / 60 % 60, b':'), (second % 60, b'Z')] {
            let part = u8::try_from(part).unwrap_or_default();
            out.extend_from_slice(&[b'0' + part / 10, b'0' + part % 10, after]);
        }
    }
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// A text as JSON.
fn text(out: &mut Vec<u8>, text: &str) {
    // Without a branch for each byte.
    let odd = |byte: u8| !(b' '..0x7f).contains(&byte) | (byte == b'"') | (byte == b'\\');
    if !text.bytes().fold(false, |any, byte| any | odd(byte)) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else if serde_json::to_writer(&mut *out, text).is_err() {
        out.extend_from_slice(b"null");
    }
}

fn tail(verdict: Verdict, action: &str, because: &str, reasons: &str, duties: &str) -> Vec<u8> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let (verdict, action, because) = (quoted(verdict.word()), quoted(action), quoted(because));
    format!(
        ",\"verdict\":{verdict},\"action\":{action},\"because\":{because},\"reasons\":{reasons}{duties},\
         \"record_signals\":\"not-checked\"}}\n"
    )
    .into_bytes()
}

fn excluded_tail(ruling: &Ruling) -> Vec<u8> {
    let duties = &ruling.decision.duties;
    let duties = match serde_json::to_string(duties) {
        Ok(text) if !duties.is_empty() => format!(",\"duties\":{text}"),
        _ => String::new(),
    };
    let Ruling { decision, outcome, reasons, .. } = ruling;
    tail(decision.verdict, outcome.action.word(), &outcome.because, reasons.get(), &duties)
}

fn candidate_tail(ruling: &Ruling) -> Vec<u8> {
    let Told { verdict, because, reasons } = candidate::told(ruling);
    tail(verdict, CANDIDATE, because, reasons.get(), "")
}

/// Octets of which an address may consist here. Any other may be dropped, moved or escaped by a parser.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'\\'
}

/// What stands before the path of a plain address: scheme and authority. `None`: it has to be parsed.
fn beginning(url: &str) -> Option<&str> {
    let scheme = if url.starts_with("https://") { 8 } else { 7 };
    if scheme == 7 && !url.starts_with("http://") {
        return None;
    }
    let end = url.as_bytes()[scheme..].iter().position(|&byte| matches!(byte, b'/' | b'?' | b'#'))?;
    let begins = &url[..scheme + end];
    begins.bytes().all(is_plain).then_some(begins)
}

/// Whether a URL has this scheme and authority, and so the same host, and holds no other address inside, for want of a colon:
/// then it can be read, and nothing but its host decides where no rule names that.
fn shares(begins: &str, url: &str) -> bool {
    let Some(rest) = url.strip_prefix(begins) else { return false };
    let rest = rest.as_bytes();
    url.len() <= MAX_URL
        && matches!(rest.first(), Some(b'/' | b'?' | b'#'))
        && !rest.iter().fold(false, |any, &byte| any | !is_plain(byte) | (byte == b':'))
        && !memchr::memchr_iter(b'%', rest).any(|at| matches!(rest[at + 1..], [b'3', b'a' | b'A', ..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleartitle_schema::acquisition::Acquisition;
    use proptest::prelude::*;

    #[test]
    fn numbers_and_moments_are_written_as_elsewhere() {
        let mut day = Day::default();
        for moment in [0, 59, 86_399, 86_400, -1, 1_715_997_490, Timestamp::MIN.0, Timestamp::MAX.0] {
            let mut out = Vec::new();
            day.write(Timestamp(moment), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), Timestamp(moment).to_string());
        }
        for one in [0, 9, 10, 1_234_567, u64::MAX] {
            let mut out = Vec::new();
            number(&mut out, one);
            assert_eq!(String::from_utf8(out).unwrap(), one.to_string());
        }
    }

    proptest! {
        /// The short way is taken only for what a whole parser gives one key, on the same host.
        #[test]
        fn what_shares_a_beginning_has_one_key_on_its_host(
            host in "(https?://)([a-zA-Z0-9.@:\\[\\]-]{1,14})",
            one in "[/?#][ -~é\t]{0,20}",
            other in "[/?#\\\\]([ -~é\t]{0,12}|http:/[a-z./]{0,9}|%68ttp://x.example/|https?%3[aA](%2[fF]|/)x|%25?3a%2f|(%[0-9a-fA-F]{2}){0,6})",
        ) {
            let (one, other) = (format!("{host}{one}"), format!("{host}{other}"));
            let (Ok(key), Some(begins)) = (UrlKey::parse(&one), beginning(&one)) else { return Ok(()) };
            if shares(begins, &other) {
                let (keys, unread) = Acquisition::fetched(&other).keys();
                prop_assert!(unread.is_empty(), "{}", other);
                prop_assert_eq!(keys.urls.len(), 1, "{}", other);
                prop_assert_eq!(&keys.urls[0].1.host, &key.host, "{} {}", one, other);
            }
        }
    }
}
