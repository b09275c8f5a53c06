//! Sites: the hosts that one thread has seen rows of, with the ruling that all rows there share, found by what their URLs
//! begin with.
//!
//! A data set names a few hundred thousand hosts in any order. For most a row hangs on its host and its times alone
//! ([`Alike`]); what is left to do for it is to find that host again. The memory is bounded by two counts: when the newer half is
//! full, the older half is forgotten, and whatever is asked for again stays.

use super::usual::Plain;
use crate::filter::Ruling;
use crate::filter::alike::{Alike, beginning, shares};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most hosts in each half: some 200 bytes each.
const HALF: usize = 131_072;

/// What is known of a host.
#[derive(Debug, Clone)]
pub struct Site {
    alike: Alike,
    /// The ruling.
    pub ruling: Arc<Ruling>,
}

/// The hosts of one thread. Their names are hashed with a seed of the run: a hostile crawl can't choose names that collide.
#[derive(Debug, Default)]
pub struct Sites {
    newer: HashMap<Box<str>, Site>,
    older: HashMap<Box<str>, Site>,
}

impl Sites {
    /// What is known of the host of a row, if the row is one of those that are ruled alike there.
    pub fn find(&mut self, row: &Plain<'_>) -> Option<&Site> {
        let url = row.url?;
        let begins = beginning(url).filter(|begins| shares(begins, url))?;
        if !self.newer.contains_key(begins) {
            let (begins, site) = self.older.remove_entry(begins)?;
            self.put(begins, site);
        }
        self.newer.get(begins).filter(|site| site.alike.holds(row.captured_at, row.acquired_at))
    }

    /// Notes the ruling of a row that was asked for by itself.
    pub fn note(&mut self, url: &str, alike: Alike, ruling: &Arc<Ruling>) {
        if let Some(begins) = beginning(url).filter(|begins| shares(begins, url)) {
            self.put(begins.into(), Site { alike, ruling: Arc::clone(ruling) });
        }
    }

    fn put(&mut self, begins: Box<str>, site: Site) {
        if self.newer.len() >= HALF {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(begins, site);
    }
}

/// The sites of threads that are not at work: whoever begins a block takes some, and gives them back.
#[derive(Debug, Default)]
pub struct Idle(Mutex<Vec<Sites>>);

impl Idle {
    /// Takes those of a thread that has ended its block, or new ones.
    pub fn take(&self) -> Sites {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Gives them back.
    pub fn give(&self, sites: Sites) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sites);
    }
}
