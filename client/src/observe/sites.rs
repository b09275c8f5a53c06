//! Sites of a list, looked at over the network: many at once, each politely and within its time.

use super::carriers::{self, Carrier};
use super::conclusion::{Conclusion, Looked, look};
use super::fetch::{Fetcher, TOKEN, Want};
use super::site::Site;
use cleartitle_schema::signals::{Signal, SourceOutcome};
use cleartitle_schema::vocab::{Preference, Use};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use url::Url;

/// Looks at one site. Files of policy are asked for whatever robots.txt says: they are addressed to crawlers, and whoever
/// did not read them would have to guess what the site reserves. The home page is content, and asked for only where
/// robots.txt lets this crawler.
#[must_use]
pub fn observe(fetcher: &Fetcher, site: &Site, time: Duration) -> Conclusion {
    let deadline = Instant::now() + time;
    let mut get = |carrier: &'static Carrier, url: &Url, so_far: &Conclusion| {
        let page = *carrier == carriers::HOME;
        if page && !may_fetch(so_far, &carriers::ROBOTS, "/") {
            return Looked::Skipped;
        }
        let within = page.then_some(site);
        let want = Want { limit: carrier.limit, beginning: page, within, deadline };
        match fetcher.fetch(url, &want) {
            Ok(fetched) => Looked::Answer { block: fetched.block, at: fetched.at, answered: fetched.answered },
            Err(error) => Looked::Failed(error.to_string()),
        }
    };
    look(site, &carriers::SITE, carriers::agents(), &mut get)
}

/// Whether robots.txt, as it was just read, lets this crawler fetch a path (RFC 9309 section 2.2): its own group, else the
/// one for everybody; the longest rule, and of two equal ones the one that allows. One that could not be read lets nobody.
fn may_fetch(so_far: &Conclusion, robots: &Carrier, path: &str) -> bool {
    let failed =
        |it: &cleartitle_schema::signals::Source| it.standard == "robots" && it.outcome == SourceOutcome::Failed;
    if so_far.sources.iter().any(failed) || so_far.sources.is_empty() {
        return false;
    }
    let group = |token: &str| -> Vec<&Signal> {
        let of = |signal: &&Signal| {
            signal.standard == robots.standards[0]
                && signal.uses.contains(&Use::Crawl)
                && signal.agent.as_ref().is_some_and(|agent| agent.token.eq_ignore_ascii_case(token))
        };
        so_far.signals.iter().filter(of).collect()
    };
    let own = group(TOKEN);
    let rules = if own.is_empty() { group("*") } else { own };
    let matching = rules.into_iter().filter_map(|signal| {
        let allows = signal.preference == Preference::Allowed && !signal.malformed;
        let length = signal.path.as_ref().map_or(1, String::len);
        signal.pattern().is_none_or(|pattern| pattern.matches(path)).then_some((length, allows))
    });
    matching.max().is_none_or(|(_, allows)| allows)
}

/// Looks at many sites, so many at once, and hands over each conclusion in the order in which they are ready. Ends early
/// where `take` says that it wants no more.
pub fn observe_all(
    fetcher: &Fetcher,
    sites: &[Site],
    parallel: usize,
    time: Duration,
    take: impl FnMut(&Site, Conclusion) -> bool + Send,
) {
    let (next, ended, take) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(take));
    std::thread::scope(|scope| {
        for _ in 0..parallel.clamp(1, 256).min(sites.len().max(1)) {
            scope.spawn(|| {
                while let Some(site) =
                    sites.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| !ended.load(Ordering::Relaxed))
                {
                    let conclusion = observe(fetcher, site, time);
                    let Ok(mut take) = take.lock() else { return };
                    if ended.load(Ordering::Relaxed) {
                        return;
                    }
                    ended.store(!take(site, conclusion), Ordering::Relaxed);
                }
            });
        }
    });
}
