//! Conclusion: what `decide` answers, under the default policy, to whoever read these channels.
//!
//! The channels become one observation by an observer that is trusted, held in memory; pages, responses and embedded
//! metadata speak for their own document. One channel alone is asked about in the same way.

use super::channels::Channel;
use cleartitle_schema::acquisition::{Acquisition, CopyUrl, InRecord, LicenseMark, UrlRole};
use cleartitle_schema::decide::{Asker, Decision, Question, Reason, Verdict, decide};
use cleartitle_schema::evidence::{Registered, gather};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::issuer::{Domain, Party};
use cleartitle_schema::ledger::Ledger;
use cleartitle_schema::policy::Reading;
use cleartitle_schema::scope::{Scope, Target};
use cleartitle_schema::signals::{PARSER, Sighting, Signal, Source, SourceOutcome};
use cleartitle_schema::statement::{Body, Statement};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::Use;
use serde::Serialize;
use std::collections::BTreeMap;

/// Most addresses that are asked about; rules for more are told by their channel alone.
const MAX_ADDRESSES: usize = 12;

/// What one channel says alone of a use at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Says {
    /// The path.
    pub address: String,
    /// The use.
    #[serde(rename = "use")]
    pub category: Use,
    /// The verdict, were there no other channel.
    pub verdict: Verdict,
    /// The labels that decide, with their standards.
    pub labels: Vec<String>,
    /// The first line that the first label may have come from; 0 where none is found.
    pub line: usize,
}

/// What all channels come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conclusion {
    /// The path.
    pub address: String,
    /// The use.
    #[serde(rename = "use")]
    pub category: Use,
    /// The verdict.
    pub verdict: Verdict,
    /// The reason that decides.
    pub reason: Option<Reason>,
    /// The labels that decide, with their standards.
    pub labels: Vec<String>,
    /// What a permission asks for, where it is conditional.
    pub owed: Vec<&'static str>,
}

/// The addresses worth asking about: the home page, each page, and an example for each path that a rule names.
#[must_use]
pub fn addresses(channels: &[Channel]) -> Vec<String> {
    let mut addresses = vec!["/".to_owned()];
    let documents = channels.iter().filter(|channel| channel.kind.is_document()).map(|channel| channel.address.clone());
    let mut patterns: Vec<&str> = channels
        .iter()
        .flat_map(|channel| channel.signals())
        .filter_map(|signal| signal.path.as_deref())
        .filter(|path| !matches!(*path, "/" | "/*" | "*"))
        .collect();
    patterns.sort_by_key(|path| (path.len(), *path));
    let example = |path: &str| {
        let path = path.trim_end_matches('$');
        // An address begins with a slash, which a star at the beginning stands for.
        let after = path.trim_start_matches('*');
        let root = if after == path || after.starts_with('/') { "" } else { "/x" };
        format!("{root}{after}").replace('*', "x")
    };
    let examples = patterns.into_iter().map(example);
    for address in documents.chain(examples) {
        if addresses.len() < MAX_ADDRESSES && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// What one channel says alone, at the first address without silence, at further ones whatever differs from the first.
#[must_use]
pub fn says(site: &Domain, channel: &Channel, addresses: &[String], now: Timestamp) -> Vec<Says> {
    let own = [channel.address.clone()];
    let addresses = if channel.kind.is_document() { &own } else { addresses };
    let alone = std::slice::from_ref(channel);
    let told = differing(site, alone, addresses, now);
    let silent = |decision: &Decision| decision.deciding().is_some_and(is_silence);
    told.into_iter()
        // Silence where the home page is spoken of is news.
        .filter(|(asked, decision)| asked.address != addresses[0] || !silent(decision))
        .map(|(asked, decision)| {
            let labels = labels(&decision);
            let line =
                labels.first().map_or(0, |label| channel.line_of(label.split_once(": ").map_or(label, |it| it.1)));
            Says { address: asked.address, category: asked.category, verdict: decision.verdict, labels, line }
        })
        .collect()
}

/// What all channels come to, for every use at the first address and at others where it differs.
#[must_use]
pub fn conclusions(site: &Domain, channels: &[Channel], addresses: &[String], now: Timestamp) -> Vec<Conclusion> {
    let concluded = |(asked, decision): (Asked, Decision)| Conclusion {
        address: asked.address,
        category: asked.category,
        verdict: decision.verdict,
        reason: decision.deciding(),
        labels: labels(&decision),
        owed: owed(&decision),
    };
    differing(site, channels, addresses, now).into_iter().map(concluded).collect()
}

struct Asked {
    address: String,
    category: Use,
}

fn differing(site: &Domain, channels: &[Channel], addresses: &[String], now: Timestamp) -> Vec<(Asked, Decision)> {
    let ledger: Ledger = observation(site, channels, now).into_iter().collect();
    let reading = Reading { trusted_observers: vec![observer()], ..Reading::default() };
    let mut first: BTreeMap<Use, Verdict> = BTreeMap::new();
    let mut told = Vec::new();
    for address in addresses {
        let acquisition = copy(site, channels, address);
        let evidence = gather(&ledger, &acquisition);
        for category in Use::ALL {
            let question = Question {
                acquisition: acquisition.clone(),
                asker: Asker::default(),
                category: *category,
                used_at: now,
                territory: None,
                model: None,
                artefact: None,
            };
            let decision = decide(&question, &evidence, &reading);
            let known = *first.entry(*category).or_insert(decision.verdict);
            if address == &addresses[0] || known != decision.verdict {
                told.push((Asked { address: address.clone(), category: *category }, decision));
            }
        }
    }
    told
}

/// The name under which the observation is made and trusted; nobody else speaks in this ledger.
fn observer() -> Domain {
    "observer.example".parse().expect("a host")
}

/// What an observer who read these files would have registered.
fn observation(site: &Domain, channels: &[Channel], now: Timestamp) -> Option<Registered> {
    let of_the_site: Vec<&Channel> = channels.iter().filter(|channel| !channel.kind.is_document()).collect();
    if of_the_site.is_empty() {
        return None;
    }
    let mut sources: Vec<Source> = Vec::new();
    let mut signals: Vec<Signal> = Vec::new();
    for channel in &of_the_site {
        let mut standards: Vec<&str> = channel.kind.standards().to_vec();
        standards.extend(channel.signals().iter().map(|signal| signal.standard.as_str()));
        standards.sort_unstable();
        standards.dedup();
        for standard in standards {
            let speaks = channel.signals().iter().any(|signal| signal.standard == standard);
            sources.push(Source {
                standard: standard.to_owned(),
                url: format!("https://{site}{}", channel.address),
                outcome: if speaks { SourceOutcome::Read } else { SourceOutcome::Silent },
                evidence: Some(channel.blob),
            });
        }
        signals.extend(channel.signals().iter().cloned());
    }
    let scope = Scope { include: vec![Target::Host { host: site.clone(), subdomains: false }], exclude: Vec::new() };
    let sighting = Sighting { observed_at: now, sources, signals, fetched_as: None, parser: PARSER.to_owned() };
    let statement =
        Statement::new("observer.example/log", Party::new(observer()), now, Body::Observation { scope, sighting })
            .sorted();
    Some(Registered {
        id: StatementId::of(b"an observation in memory"),
        index: 0,
        registered_at: now,
        signed_by: vec![observer()],
        under: Vec::new(),
        speaks_for: None,
        tenure_from: None,
        statement,
    })
}

/// The copy that a lab would have fetched at an address, with what the document there says of itself.
fn copy(site: &Domain, channels: &[Channel], address: &str) -> Acquisition {
    let url = format!("https://{site}{address}");
    let mut copy = Acquisition::fetched(&url);
    let mut found: Option<Vec<Signal>> = None;
    for channel in channels.iter().filter(|channel| channel.kind.is_document() && channel.address == address) {
        let parsed = &channel.parsed;
        found.get_or_insert_default().extend(parsed.signals.iter().cloned());
        copy.credits.extend(parsed.credits.iter().cloned());
        copy.marks.extend(parsed.marks.iter().map(|mark| LicenseMark {
            license: mark.license.clone(),
            applies_to: mark.applies_to,
            host: site.clone(),
            seen_from: None,
            gone_at: None,
        }));
        let canonical =
            parsed.canonical.as_ref().filter(|url| url.starts_with("https://") || url.starts_with("http://"));
        copy.urls.extend(canonical.map(|url| CopyUrl { role: UrlRole::Canonical, url: url.clone() }));
    }
    copy.in_record = found.map(|mut signals| {
        signals.sort();
        signals.dedup();
        InRecord { parser: PARSER.to_owned(), signals }
    });
    copy
}

const fn is_silence(reason: Reason) -> bool {
    matches!(reason, Reason::NotChecked | Reason::Unspecified | Reason::NoStatement)
}

/// The labels behind a decision: of a permission those that allow, else what the deciding reason is about.
fn labels(decision: &Decision) -> Vec<String> {
    let Some(deciding) = decision.deciding().filter(|reason| !is_silence(*reason)) else { return Vec::new() };
    let allows = decision.verdict >= Verdict::Conditional && decision.has(Reason::SignalAllows);
    let telling = if allows { Reason::SignalAllows } else { deciding };
    let of = decision.reasons.iter().filter(|finding| finding.code == telling);
    let mut labels: Vec<String> = of.filter_map(|finding| finding.detail.clone()).collect();
    labels.sort();
    labels.dedup();
    labels
}

fn owed(decision: &Decision) -> Vec<&'static str> {
    let outstanding = decision.duties.iter().filter(|owed| owed.outstanding());
    let mut words: Vec<&str> = outstanding.map(|owed| owed.duty.action.word()).collect();
    words.sort_unstable();
    words.dedup();
    words
}
