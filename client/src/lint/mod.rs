//! Lint: what each channel of a site says of every use, where channels contradict each other, what a lab would conclude.
//!
//! Reading order: [`channels`] (which file is what, and its parser), [`conclusion`] (the one verdict, asked of `decide`),
//! [`contradictions`] (one channel's verdict beside another's). Deliberately absent: a verdict of its own. Files are fetched as
//! [`observe`](crate::observe) fetches them.

pub mod channels;
pub mod conclusion;
pub mod contradictions;

#[cfg(test)]
mod tests;

pub use channels::{Channel, Found, Kind};
pub use conclusion::{Conclusion, Says};
pub use contradictions::Contradiction;

use crate::observe::fetch::{Fetcher, Want};
use crate::observe::site::Site;
use crate::observe::sites;
use cleartitle_schema::id::BlobId;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::Use;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use url::Url;

/// Most bytes of a page that are read.
const PAGE_LIMIT: usize = 1 << 20;

/// A site as it was fetched: its files, and what could not be had.
#[derive(Debug, Default)]
pub struct Fetched {
    /// The files.
    pub found: Vec<Found>,
    /// Places that failed, and why.
    pub failures: Vec<(String, String)>,
}

/// Fetches what a site says as an observer does: its well-known files, the documents that those announce, its home page, and
/// the page that the URL names, where it names another.
#[must_use]
pub fn fetch_site(fetcher: &Fetcher, site: &Site, page: &Url, time: Duration) -> Fetched {
    let seen = sites::observe(fetcher, site, time);
    let blocks: BTreeMap<BlobId, Vec<u8>> = seen.evidence.into_iter().collect();
    let mut named: BTreeMap<&str, &[u8]> = BTreeMap::new();
    for source in &seen.sources {
        if let Some(block) = source.evidence.as_ref().and_then(|evidence| blocks.get(evidence)) {
            named.insert(&source.url, block);
        }
    }
    let mut fetched = Fetched { failures: seen.failures, ..Fetched::default() };
    fetched.found.extend(named.iter().filter_map(|(url, block)| Found::fetched(url, block)));
    if page.path() != "/" && !named.contains_key(page.as_str()) {
        let want = Want { limit: PAGE_LIMIT, beginning: true, within: Some(site), deadline: Instant::now() + time };
        match fetcher.fetch(page, &want) {
            Ok(answer) => fetched.found.extend(Found::fetched(page.as_str(), &answer.block)),
            Err(error) => fetched.failures.push((page.to_string(), error.to_string())),
        }
    }
    fetched
}

/// What was understood of a site.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The site.
    pub site: Domain,
    /// Each channel with what it says alone.
    pub channels: Vec<ChannelReport>,
    /// Where channels contradict each other.
    pub contradictions: Vec<Contradiction>,
    /// What a lab concludes from all of them: for the home page, for each page, and for addresses that a rule names where
    /// they come out differently.
    pub conclusions: Vec<Conclusion>,
}

/// One channel with what it says alone.
#[derive(Debug, Clone, Serialize)]
pub struct ChannelReport {
    /// Its name, as given.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What it says, by address and use. Uses on which it is silent are not here.
    pub says: Vec<Says>,
    /// What its parser stumbled over.
    pub complaints: Vec<Told>,
    /// Documents that it names and that are not among the channels.
    pub unread: Vec<String>,
}

/// A complaint with what to do about it.
#[derive(Debug, Clone, Serialize)]
pub struct Told {
    /// Line, counted from 1; 0 where there are none.
    pub line: u32,
    /// The code.
    pub lint: cleartitle_schema::signals::Lint,
    /// What stood there.
    pub detail: String,
    /// What to do.
    pub hint: &'static str,
}

impl Report {
    /// Reads what a site's channels say, alone and together.
    #[must_use]
    pub fn of(site: &Domain, channels: &[Channel], now: Timestamp) -> Self {
        let addresses = conclusion::addresses(channels);
        let each: Vec<ChannelReport> = channels
            .iter()
            .map(|channel| ChannelReport {
                name: channel.name.clone(),
                kind: channel.kind,
                says: conclusion::says(site, channel, &addresses, now),
                complaints: told(channel),
                unread: unread(channel, channels),
            })
            .collect();
        let contradictions = contradictions::find(&each);
        let conclusions = conclusion::conclusions(site, channels, &addresses, now);
        Self { site: site.clone(), channels: each, contradictions, conclusions }
    }

    /// Whether the publisher has something to mend.
    #[must_use]
    pub fn has_something_to_mend(&self) -> bool {
        !self.contradictions.is_empty() || self.channels.iter().any(|channel| !channel.complaints.is_empty())
    }

    /// What is concluded for an address and a use.
    #[must_use]
    pub fn concluded(&self, address: &str, category: Use) -> Option<&Conclusion> {
        self.conclusions.iter().find(|it| it.address == address && it.category == category)
    }
}

fn told(channel: &Channel) -> Vec<Told> {
    let mut complaints: Vec<Told> = channel
        .parsed
        .complaints
        .iter()
        .map(|it| Told { line: it.line, lint: it.lint, detail: it.detail.clone(), hint: it.lint.hint() })
        .collect();
    complaints.sort_by(|one, other| (one.line, one.lint, &one.detail).cmp(&(other.line, other.lint, &other.detail)));
    complaints
}

fn unread(channel: &Channel, channels: &[Channel]) -> Vec<String> {
    let ends = |url: &str, address: &str| url.split(['?', '#']).next().is_some_and(|path| path.ends_with(address));
    let known = |url: &str| channels.iter().any(|other| other.address != "/" && ends(url, &other.address));
    channel.parsed.announced.iter().map(|announced| announced.url.clone()).filter(|url| !known(url)).collect()
}
