//! Sites: the hosts that rows were seen of, with what all rows there come to, found by what their URLs begin with.
//!
//! A data set names a few hundred thousand hosts in any order. For most a row hangs on its host and its times alone
//! ([`Alike`]); what is left to do for it is to find that host again. The memory is bounded by counts, whatever the number of
//! threads: when the newer half of a part is full, the older half is forgotten, and whatever is asked for again stays. Of a ruling
//! that is more than a number to count no site is an owner, so that the plan's own bound holds.

use super::usual::Plain;
use crate::filter::Ruling;
use crate::filter::alike::{Alike, beginning, shares};
use cleartitle_schema::decide::Verdict;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Parts, each with its own lock.
const PARTS: usize = 128;
/// Most hosts in each half of a part: some 200 bytes each.
const HALF: usize = 2_048;

/// What a row comes to.
#[derive(Debug, Clone)]
pub enum Comes {
    /// It is kept, and nothing is put down but its verdict.
    Kept(Verdict),
    /// Its ruling.
    Ruled(Arc<Ruling>),
}

#[derive(Debug)]
enum Known {
    Kept(Verdict),
    Ruled(Weak<Ruling>),
}

/// What is known of a host.
#[derive(Debug)]
struct Site {
    alike: Alike,
    known: Known,
}

#[derive(Debug, Default)]
struct Part {
    newer: HashMap<Box<str>, Site>,
    older: HashMap<Box<str>, Site>,
}

/// The hosts of a run. Their names are hashed with seeds of the run: a hostile crawl can't choose names that collide.
#[derive(Debug)]
pub struct Sites {
    hasher: RandomState,
    parts: Vec<Mutex<Part>>,
}

impl Default for Sites {
    fn default() -> Self {
        Self { hasher: RandomState::new(), parts: (0..PARTS).map(|_| Mutex::default()).collect() }
    }
}

impl Sites {
    fn part(&self, begins: &str) -> std::sync::MutexGuard<'_, Part> {
        let at = usize::try_from(self.hasher.hash_one(begins) % PARTS as u64).unwrap_or_default();
        // Maps of finished values are whole even after a panic elsewhere.
        self.parts[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a row comes to, if it is one of those that are ruled alike on a host that was noted.
    pub fn find(&self, row: &Plain<'_>) -> Option<Comes> {
        let url = row.url?;
        let begins = beginning(url).filter(|begins| shares(begins, url))?;
        let mut part = self.part(begins);
        let site = part.site(begins).filter(|site| site.alike.holds(row.captured_at, row.acquired_at))?;
        match &site.known {
            Known::Kept(verdict) => Some(Comes::Kept(*verdict)),
            Known::Ruled(ruling) => ruling.upgrade().map(Comes::Ruled),
        }
    }

    /// Notes what a row comes to that was asked for by itself.
    pub fn note(&self, url: &str, alike: Alike, comes: &Comes) {
        let known = match comes {
            Comes::Kept(verdict) => Known::Kept(*verdict),
            Comes::Ruled(ruling) => Known::Ruled(Arc::downgrade(ruling)),
        };
        if let Some(begins) = beginning(url).filter(|begins| shares(begins, url)) {
            self.part(begins).put(begins.into(), Site { alike, known });
        }
    }
}

impl Part {
    fn site(&mut self, begins: &str) -> Option<&Site> {
        if !self.older.is_empty()
            && let Some((begins, site)) = self.older.remove_entry(begins)
        {
            self.put(begins, site);
        }
        self.newer.get(begins)
    }

    fn put(&mut self, begins: Box<str>, site: Site) {
        if self.newer.len() >= HALF {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(begins, site);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::alike::tests::always;
    use cleartitle_schema::time::Timestamp;

    fn row(url: &str) -> Plain<'_> {
        Plain { url: Some(url), content: None, captured_at: Some(Timestamp(7)), acquired_at: None }
    }

    #[test]
    fn a_host_is_known_again_by_its_beginning_alone() {
        let sites = Sites::default();
        sites.note("https://press.example/a", always(), &Comes::Kept(Verdict::Cleared));
        let found = |url: &str| matches!(sites.find(&row(url)), Some(Comes::Kept(Verdict::Cleared)));
        assert!(found("https://press.example/b?c") && found("https://press.example/"));
        for other in [
            "http://press.example/b",
            "https://press.example:8443/b",
            "https://press.example.net/b",
            "https://www.press.example/b",
            "https://press.example/https://herald.example/",
            "https://press.example/ b",
            "https://press.example",
        ] {
            assert!(!found(other), "{other}");
        }
        let acquired = Plain { acquired_at: Some(Timestamp(7)), ..row("https://press.example/b") };
        assert!(sites.find(&acquired).is_none());
    }

    #[test]
    fn the_newest_hosts_are_known_and_no_more_than_the_bound() {
        let sites = Sites::default();
        let url = |number: usize| format!("https://h{number}.example/");
        let most = 2 * PARTS * HALF;
        for number in 0..2 * most {
            sites.note(&url(number), always(), &Comes::Kept(Verdict::Cleared));
            // One that is asked for stays.
            if number % 64 == 0 {
                assert!(sites.find(&row(&url(0))).is_some(), "{number}");
            }
        }
        let known = (0..2 * most).filter(|number| sites.find(&row(&url(*number))).is_some()).count();
        assert!(known <= most && known > most / 4, "{known}");
    }
}
