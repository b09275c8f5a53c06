//! In the record: what a record's headers, markup and embedded metadata say of rights, brought to the question with it.

use crate::crawl::{Record, RecordType};
use cleartitle_schema::acquisition::{Acquisition, CopyUrl, Credit, InRecord, LicenseMark, UrlRole};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::signals::{self, Parsed, record};
use cleartitle_schema::surt::UrlKey;
use cleartitle_schema::vocab::Preference;
use cleartitle_schema::vocab::agents::AgentTable;
use std::collections::BTreeMap;

/// A record with more preferences than this keeps those that restrict alone: nobody's honest page has them.
const SIGNALS_LIMIT: usize = 500;
/// Most license marks and credits of one record.
const MARKS_LIMIT: usize = 100;

/// What a record itself says of rights.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordEvidence {
    /// Preferences. `None`: nothing of what was served is left to read them from (text of WET and JSONL).
    pub says: Option<InRecord>,
    /// License marks shown with the document.
    pub marks: Vec<LicenseMark>,
    /// Signs of third parties' material.
    pub credits: Vec<Credit>,
    /// Another address that the document names as its own.
    pub canonical: Option<String>,
}

/// Reads the rights marks of a record.
#[must_use]
pub fn record_evidence(record: &Record, agents: &AgentTable) -> RecordEvidence {
    let Some(bytes) = record.document() else { return RecordEvidence::default() };
    let parsed = match (&record.record_type, &record.http) {
        (_, Some(head)) => record::read(head.status, &head.headers, bytes, agents),
        (RecordType::Resource, None) => {
            let kind = record.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            let headers: Vec<(String, String)> = kind.cloned().into_iter().collect();
            record::read(200, &headers, bytes, agents)
        }
        // What was made from a page holds its text alone.
        _ => return RecordEvidence::default(),
    };
    evidence(parsed, record.target_uri.as_deref())
}

fn evidence(parsed: Parsed, url: Option<&str>) -> RecordEvidence {
    let mut signals = parsed.signals;
    if signals.len() > SIGNALS_LIMIT {
        signals.retain(|signal| signal.preference == Preference::Disallowed || signal.malformed);
    }
    let says = Some(InRecord { parser: signals::PARSER.to_owned(), signals });
    let mut evidence = RecordEvidence { says, ..RecordEvidence::default() };
    evidence.credits = parsed.credits.into_iter().take(MARKS_LIMIT).collect();
    // The address is looked into only for what hangs on it: most records show no mark and no other address.
    if parsed.marks.is_empty() && parsed.canonical.is_none() {
        return evidence;
    }
    let key = url.and_then(|url| UrlKey::parse(url).ok());
    if let Some(host) = key.as_ref().and_then(|key| key.host.parse::<Domain>().ok()) {
        let mark = |mark: signals::Mark| LicenseMark {
            license: mark.license,
            applies_to: mark.applies_to,
            host: host.clone(),
            seen_from: None,
            gone_at: None,
        };
        evidence.marks = parsed.marks.into_iter().take(MARKS_LIMIT).map(mark).collect();
    }
    evidence.canonical = parsed.canonical.and_then(|address| canonical(&address, url, key.as_ref()));
    evidence
}

/// The address that a page calls its own, where it is another than it was fetched from. One that can't be read says
/// nothing: pages are full of empty and broken ones, and a reservation of an address nobody can name binds no copy.
fn canonical(address: &str, base: Option<&str>, fetched: Option<&UrlKey>) -> Option<String> {
    let absolute = match base.and_then(|base| url::Url::parse(base).ok()) {
        Some(base) => base.join(address).ok()?,
        None => url::Url::parse(address).ok()?,
    };
    let key = UrlKey::parse(absolute.as_str()).ok()?;
    (Some(&key) != fetched).then(|| absolute.into())
}

impl RecordEvidence {
    /// Adds to the copy what the record says of it. A record that says nothing leaves the copy as it was, so that copies
    /// without any mark are decided together.
    pub fn bring(&self, copy: &mut Acquisition) {
        copy.in_record.clone_from(&self.says);
        copy.marks.clone_from(&self.marks);
        copy.credits.clone_from(&self.credits);
        copy.urls.extend(self.canonical.clone().map(|url| CopyUrl { role: UrlRole::Canonical, url }));
    }

    /// The words by which the report counts what records say: standards, `license-mark`, `credit`, `canonical-link`; else
    /// `silent`, or `not-checked` where nothing of what was served was left to read.
    pub fn count(&self, words: &mut BTreeMap<String, u64>, documents: u64) {
        let standards = self.says.iter().flat_map(|says| &says.signals).map(|signal| signal.standard.as_str());
        let mut said: Vec<&str> = standards.collect();
        said.extend((!self.marks.is_empty()).then_some("license-mark"));
        said.extend((!self.credits.is_empty()).then_some("credit"));
        said.extend(self.canonical.is_some().then_some("canonical-link"));
        if said.is_empty() {
            said.push(if self.says.is_some() { "silent" } else { "not-checked" });
        }
        said.sort_unstable();
        said.dedup();
        said.into_iter().for_each(|word| *words.entry(word.to_owned()).or_default() += documents);
    }
}
