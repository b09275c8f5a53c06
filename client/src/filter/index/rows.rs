//! One index row ruled, and the line that says so; neighbours on a host that no rule tells the paths of share one ruling.

use super::wanted::Place;
use crate::crawl::index::Capture;
use crate::filter::alike::{Alike, beginning, shares};
use crate::filter::candidate::{self, CANDIDATE, Told};
use crate::filter::document::{Asking, Document};
use crate::filter::finality::Finality;
use crate::filter::plan::{HostRuling, Plan, Ruling};
use crate::report::Tally;
use cleartitle_schema::decide::Verdict;
use cleartitle_schema::id::{ContentName, WarcSha1Alias};
use cleartitle_schema::snapshot::Damage;
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

/// A host whose paths no rule tells apart, by what its URLs begin with.
struct Site {
    begins: String,
    alike: Alike,
    host: Arc<str>,
    fate: Arc<Fate>,
}

/// A run of rows that are told alike.
struct Run {
    host: Option<Arc<str>>,
    fate: Arc<Fate>,
    rows: u64,
}

/// Rules rows one after the other and counts them; each thread has its own.
pub struct Rows<'a, D> {
    rules: &'a Rules<'a, D>,
    fates: HashMap<(usize, bool), Arc<Fate>>,
    site: Option<Site>,
    run: Option<Run>,
    /// What was counted, once [`Rows::ended`] was called.
    pub tally: Tally,
    /// For writing their lines.
    pub day: Day,
    /// How many bytes the lines of all rows may come to, where that is known before.
    pub room: usize,
}

impl<'a, D: AsRef<[u8]>> Rows<'a, D> {
    /// Begins.
    pub fn new(rules: &'a Rules<'a, D>) -> Self {
        Self {
            rules,
            fates: HashMap::new(),
            site: None,
            run: None,
            tally: Tally::default(),
            day: Day::default(),
            room: 0,
        }
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
            && let Some(site) = &self.site
            && site.alike.holds(Some(capture.captured_at), self.rules.asking.acquired_at)
            && shares(&site.begins, &capture.url)
        {
            let (host, fate) = (Arc::clone(&site.host), Arc::clone(&site.fate));
            self.count(Some(&host), &fate);
            return Ok(fate);
        }
        let mut copy = self.rules.asking.copy(Some(&capture.url), Some(capture.captured_at));
        copy.content.extend(sha1);
        let HostRuling { ruling, host, alike } = self.rules.plan.rule_host(&copy)?;
        let host: Option<Arc<str>> = host.map(Arc::from);
        let fate = self.fate(ruling, host.as_deref());
        self.count(host.as_ref(), &fate);
        self.site = None;
        // An address inside this one speaks for this row alone, and only what is plain is known again by its beginning.
        if let (Some(alike), Some(host), Some(begins)) = (alike, host, beginning(&capture.url))
            && shares(begins, &capture.url)
        {
            self.site = Some(Site { begins: begins.to_owned(), alike, host, fate: Arc::clone(&fate) });
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
        if let Some(run) = &mut self.run
            && Arc::ptr_eq(&run.fate, fate)
            && run.host.as_deref() == host.map(|host| &**host)
        {
            run.rows += 1;
            return;
        }
        self.ended();
        self.run = Some(Run { host: host.cloned(), fate: Arc::clone(fate), rows: 1 });
    }

    /// Notes the last rows in the tally.
    pub fn ended(&mut self) {
        let Some(Run { host, fate, rows }) = self.run.take() else { return };
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
