//! Conclusions: what all that was looked at on one site says together, as one sighting.

use super::carriers::{self, Agents, Carrier};
use super::evidence::{self, Reading};
use super::site::Site;
use cleartitle_schema::id::BlobId;
use cleartitle_schema::signals::{Complaint, PARSER, Parsed, Sighting, Signal, Source, SourceOutcome, tdmrep};
use cleartitle_schema::surt::UrlKey;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::{AuthorityKind, Preference};
use std::collections::BTreeSet;
use url::Url;

/// Most documents of terms that are read for one site; what more a site names is told as failed.
const MAX_ANNOUNCED: usize = 16;

/// What looking at one place gave.
#[derive(Debug)]
pub enum Looked {
    /// The bytes of a response, and when they came.
    Answer {
        /// `application/http;msgtype=response`.
        block: Vec<u8>,
        /// When.
        at: Timestamp,
        /// The URL that answered, after redirects.
        answered: Url,
    },
    /// It could not be read, and why.
    Failed(String),
    /// It was not looked at.
    Skipped,
}

/// What was concluded of one site.
#[derive(Debug, Default)]
pub struct Conclusion {
    /// Where was looked, and what came of it.
    pub sources: Vec<Source>,
    /// What was found.
    pub signals: Vec<Signal>,
    /// The bytes behind it, by their ids.
    pub evidence: Vec<(BlobId, Vec<u8>)>,
    /// What parsers stumbled over, by place.
    pub complaints: Vec<(String, Complaint)>,
    /// What failed, and why, by place.
    pub failures: Vec<(String, String)>,
    /// When the newest of the answers came.
    pub at: Option<Timestamp>,
    contents: Vec<[u8; 32]>,
}

/// Looks at the places of a site, then at the documents that they name, and draws the conclusion. `get` looks; it is given
/// what was concluded so far, since robots.txt says whether the home page may be asked for.
pub fn look(
    site: &Site,
    places: &[&'static Carrier],
    agents: &Agents,
    get: &mut dyn FnMut(&'static Carrier, &Url, &Conclusion) -> Looked,
) -> Conclusion {
    let mut conclusion = Conclusion::default();
    let mut named: Vec<Named> = Vec::new();
    for carrier in places.iter().copied() {
        let Some(url) = carrier.path.and_then(|path| site.base.join(path).ok()) else { continue };
        let Some((mut reading, answered)) = conclusion.take(carrier, &url, agents, get) else { continue };
        if *carrier == carriers::HOME {
            bind_to_page(site, &answered, &mut reading.parsed.signals);
        }
        name_policies(&answered, &mut reading.parsed.signals);
        name_documents(carrier, &answered, &reading, &mut named);
        // A page is told by the address that answered, which its marks are bound to; files speak where they were asked for.
        let told = if *carrier == carriers::HOME && site.holds(&answered) { answered } else { url };
        conclusion.tell(carrier, &told, reading, &named);
    }
    let mut done = BTreeSet::new();
    for document in named {
        if !done.insert((document.carrier.name, document.url.clone())) {
            continue;
        }
        if done.len() > MAX_ANNOUNCED {
            let reading = Reading::failed("one document of terms too many", None);
            conclusion.tell(document.carrier, &document.url, reading, &[]);
            break;
        }
        let read = conclusion.take(document.carrier, &document.url, agents, get);
        let Some((mut reading, _)) = read else { continue };
        if *document.carrier == carriers::TDM_POLICY {
            // One that can't be read leaves the reservation as it is; to tell it as failed would put a doubt in its place.
            if reading.outcome == SourceOutcome::Failed {
                let why = reading.why.unwrap_or_default();
                conclusion.failures.push((document.url.to_string(), why));
                continue;
            }
            let offered = std::mem::take(&mut reading.parsed);
            conclusion.join_policy(&document.url, &offered);
            conclusion.tell(document.carrier, &document.url, reading, &[]);
            continue;
        }
        if document.of_page {
            bind_to_page(site, &document.from, &mut reading.parsed.signals);
        }
        conclusion.tell(document.carrier, &document.url, reading, &[]);
    }
    conclusion.settle();
    conclusion
}

/// A document of terms that a place named.
struct Named {
    carrier: &'static Carrier,
    url: Url,
    /// Who named it.
    from: Url,
    /// It was named by a page, and not for the site.
    of_page: bool,
}

/// Addresses of TDM policies in full, since each place has a base of its own.
fn name_policies(answered: &Url, signals: &mut [Signal]) {
    for signal in signals.iter_mut().filter(|signal| signal.standard == "tdmrep") {
        if let Some(full) = signal.policy.as_deref().and_then(|policy| answered.join(policy.trim()).ok()) {
            signal.policy = Some(full.into());
        }
    }
}

fn name_documents(carrier: &'static Carrier, answered: &Url, reading: &Reading, named: &mut Vec<Named>) {
    for announced in &reading.parsed.announced {
        let (Some(kind), Ok(url)) = (Carrier::announced(announced.standard), answered.join(announced.url.trim()))
        else {
            continue;
        };
        let of_page = *carrier == carriers::HOME;
        if named.len() <= 4 * MAX_ANNOUNCED {
            named.push(Named { carrier: kind, url, from: answered.clone(), of_page });
        }
    }
}

/// A page speaks for itself alone: its marks cover its own address, the longest pattern there can be.
fn bind_to_page(site: &Site, page: &Url, signals: &mut Vec<Signal>) {
    let Some(key) = Some(page).filter(|page| site.holds(page)).and_then(|page| UrlKey::parse(page.as_str()).ok())
    else {
        signals.clear();
        return;
    };
    let path = key.path;
    for signal in signals.iter_mut() {
        let own = matches!(signal.authority, AuthorityKind::Response | AuthorityKind::Page);
        if own || (signal.path.is_none() && signal.preference == Preference::Allowed) {
            signal.path = Some(format!("{path}$"));
        }
    }
}

impl Conclusion {
    fn take(
        &mut self,
        carrier: &'static Carrier,
        url: &Url,
        agents: &Agents,
        get: &mut dyn FnMut(&'static Carrier, &Url, &Self) -> Looked,
    ) -> Option<(Reading, Url)> {
        match get(carrier, url, self) {
            Looked::Answer { block, at, answered } => {
                let reading = evidence::read(carrier, url.as_str(), &block, agents);
                if let Some(id) = reading.evidence {
                    self.evidence.push((id, block));
                }
                self.at = self.at.max(Some(at));
                Some((reading, answered))
            }
            Looked::Failed(why) => Some((Reading::failed(why, None), url.clone())),
            Looked::Skipped => None,
        }
    }

    /// Puts what a policy offers in the place of the reservations that name it. Where nothing names it, it says nothing: it
    /// is an offer to those to whom something is reserved.
    fn join_policy(&mut self, url: &Url, policy: &Parsed) {
        let own = Parsed { signals: std::mem::take(&mut self.signals), ..Parsed::default() };
        let joined = tdmrep::with_policy(own, url.as_str(), policy);
        self.signals = joined.signals;
        self.complaints.extend(joined.complaints.into_iter().map(|complaint| (url.to_string(), complaint)));
    }

    /// Writes down what became of one place: a source for each standard that it may speak.
    fn tell(&mut self, carrier: &'static Carrier, url: &Url, reading: Reading, named: &[Named]) {
        let Reading { outcome, parsed, evidence, content, why } = reading;
        let mut standards: BTreeSet<&str> = carrier.standards.iter().copied().collect();
        standards.extend(parsed.signals.iter().map(|signal| signal.standard.as_str()));
        // What a policy says stands with the reservation that names it.
        let joined = *carrier == carriers::TDM_POLICY && outcome == SourceOutcome::Read;
        for standard in standards {
            let speaks = joined
                || parsed.signals.iter().any(|signal| signal.standard == standard)
                || (standard == "rsl"
                    && named.iter().any(|it| *it.carrier == carriers::RSL && !parsed.announced.is_empty()));
            let outcome = match outcome {
                SourceOutcome::Failed => SourceOutcome::Failed,
                _ if speaks => SourceOutcome::Read,
                _ => SourceOutcome::Silent,
            };
            self.sources.push(Source { standard: standard.to_owned(), url: url.to_string(), outcome, evidence });
        }
        if let Some(why) = why {
            self.failures.push((url.to_string(), why));
        }
        self.complaints.extend(parsed.complaints.into_iter().map(|complaint| (url.to_string(), complaint)));
        self.signals.extend(parsed.signals);
        self.contents.push(content);
    }

    /// A failure at a place that may speak a standard must not hide what another place says in it: there it is told under
    /// the place's own standard alone.
    fn settle(&mut self) {
        let own = |source: &Source| {
            let path = Url::parse(&source.url).ok().map(|url| url.path().to_owned());
            let carrier = carriers::SITE.iter().find(|carrier| carrier.path == path.as_deref());
            carrier.is_none_or(|carrier| carrier.standards.first() == Some(&source.standard.as_str()))
        };
        let spoken: BTreeSet<&str> = self.signals.iter().map(|signal| signal.standard.as_str()).collect();
        self.sources.retain(|source| {
            source.outcome != SourceOutcome::Failed || own(source) || !spoken.contains(source.standard.as_str())
        });
        self.sources.sort();
        self.sources.dedup();
        for signal in &mut self.signals {
            signal.uses.sort_unstable();
            signal.uses.dedup();
            signal.duties.sort();
            signal.duties.dedup();
        }
        self.signals.sort();
        self.signals.dedup();
    }

    /// Whether anything was looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Whether anything failed.
    #[must_use]
    pub fn has_failures(&self) -> bool {
        self.sources.iter().any(|source| source.outcome == SourceOutcome::Failed)
    }

    /// A digest of content and outcome: two conclusions with equal marks say the same thing. Schemes are merged in it.
    #[must_use]
    pub fn mark(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("cleartitle 2026-11 observation content");
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(PARSER.as_bytes());
        for source in &self.sources {
            let place = UrlKey::parse(&source.url).map_or_else(|_| source.url.clone(), |key| key.to_string());
            part(source.standard.as_bytes());
            part(place.as_bytes());
            part(source.outcome.word().as_bytes());
        }
        part(&cleartitle_schema::canon::to_canonical_within(&self.signals, usize::MAX).unwrap_or_default());
        self.contents.iter().for_each(|content| part(content));
        *hasher.finalize().as_bytes()
    }

    /// The sighting.
    #[must_use]
    pub fn sighting(&self, observed_at: Timestamp, fetched_as: Option<String>) -> Sighting {
        Sighting {
            observed_at,
            sources: self.sources.clone(),
            signals: self.signals.clone(),
            fetched_as,
            parser: PARSER.to_owned(),
        }
    }
}
