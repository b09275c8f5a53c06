//! A replica: a database that follows the primary, asked for what it can answer as well, and left alone while it can't.
//!
//! **The rule.** Within one transaction the replica says where it stands: log, size, root, and how often rows were changed in place. It answers
//! where that is what this server last saw on the primary. Where it is ahead, the primary is asked first whether it is there too. In every other
//! case the primary answers.
//!
//! Who would attack: whoever runs the replica, or names another registry's by mistake. Another log's name, key or root is told as an error and
//! left alone for a minute. Rows that were changed under the right head are beyond what this sees; receipts are checked by those who get them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::seen::{Standing, standing};
use super::session::Session;
use super::{Address, Manner, PostgresStore};
use crate::store::StoreError;

/// How long a replica may take for anything. Whoever waits for it waits for nothing that the primary could not say.
const PATIENCE: Duration = Duration::from_secs(3);

/// How a replica is asked.
const GLANCING: Manner = Manner {
    patience: PATIENCE,
    answer: PATIENCE,
    settings: "SET statement_timeout = '3s'; SET lock_timeout = '3s'; SET client_min_messages = 'warning';
        SET default_transaction_read_only = on; SET idle_in_transaction_session_timeout = '60s'",
};

/// How long one that lags is not asked again.
const LAGS: Duration = Duration::from_millis(20);

/// How long one that failed is left alone, at first and at most.
const REST: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// One replica.
pub(super) struct Replica {
    store: PostgresStore,
    name: String,
    /// Its place among the flags, which is what the metrics call it: who may read those need not know the hosts.
    place: String,
    state: Mutex<State>,
}

/// How it does.
#[derive(Default)]
struct State {
    /// It is not asked before.
    until: Option<Instant>,
    /// How long it was left alone last; nothing while it is well.
    rest: Option<Duration>,
}

/// What asking came to.
enum Outcome<T> {
    Answered(T),
    Behind,
    /// It is a replica of something else.
    Stranger(&'static str),
}

impl Replica {
    /// A replica that is not asked yet.
    ///
    /// # Errors
    /// Where connections can't be prepared: roots that can't be read.
    pub(super) fn new(place: usize, address: &Address) -> Result<Self, StoreError> {
        let store = PostgresStore::connect(&address.clone().for_reading(PATIENCE), &GLANCING)?;
        let (name, place) = (address.to_string(), place.to_string());
        let replica = Self { store, name, place, state: Mutex::default() };
        metrics::gauge!("cleartitle_replica_left_alone", "replica" => replica.place.clone()).set(0.0);
        for outcome in ["answered", "behind", "failed", "stranger"] {
            replica.count(outcome, 0);
        }
        Ok(replica)
    }

    /// Asks the replica; `None` where the primary has to be asked.
    pub(super) fn ask<T>(
        &self,
        primary: &PostgresStore,
        ask: &dyn Fn(&Session<'_>) -> Result<T, StoreError>,
    ) -> Option<T> {
        if !self.may_be_asked() {
            return None;
        }
        let asked = self.store.ask(|session| {
            session.glance(|session| {
                let Some(stands) = standing(session)? else { return Ok(Outcome::Behind) };
                match judge(primary, &stands) {
                    Ok(Verdict::Same) => ask(session).map(Outcome::Answered),
                    Ok(Verdict::Stranger(why)) => Ok(Outcome::Stranger(why)),
                    // A primary that does not answer says so to whoever asks it next.
                    Ok(Verdict::Elsewhere) | Err(_) => Ok(Outcome::Behind),
                }
            })
        });
        match asked {
            Ok(Outcome::Answered(found)) => {
                self.count("answered", 1);
                self.is_well();
                Some(found)
            }
            Ok(Outcome::Behind) => {
                self.count("behind", 1);
                self.is_well();
                self.state().until = Some(Instant::now() + LAGS);
                None
            }
            Ok(Outcome::Stranger(why)) => {
                self.count("stranger", 1);
                if self.leave_alone(REST[1]) {
                    tracing::error!(replica = self.name, why, "a replica is of another registry, and left alone");
                }
                None
            }
            Err(error) => {
                self.count("failed", 1);
                if self.leave_alone(REST[0]) {
                    tracing::warn!(replica = self.name, %error, "a replica does not answer, and is left alone");
                }
                None
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether its time has come. One that was left alone is tried by one asker; the others don't wait for it.
    fn may_be_asked(&self) -> bool {
        let (mut state, now) = (self.state(), Instant::now());
        if state.until.is_some_and(|until| now < until) {
            return false;
        }
        if state.rest.is_some() {
            state.until = Some(now + PATIENCE);
        }
        true
    }

    /// Leaves it alone for twice as long as last time; whether it was well before.
    fn leave_alone(&self, first: Duration) -> bool {
        let mut state = self.state();
        let was_well = state.rest.is_none();
        let rest = state.rest.map_or(first, |last| (last * 2).clamp(first, REST[1]));
        (state.rest, state.until) = (Some(rest), Some(Instant::now() + rest));
        metrics::gauge!("cleartitle_replica_left_alone", "replica" => self.place.clone()).set(1.0);
        was_well
    }

    fn is_well(&self) {
        let mut state = self.state();
        if state.rest.take().is_some() {
            tracing::info!(replica = self.name, "a replica answers again");
            metrics::gauge!("cleartitle_replica_left_alone", "replica" => self.place.clone()).set(0.0);
        }
        state.until = None;
    }

    fn count(&self, outcome: &'static str, by: u64) {
        metrics::counter!("cleartitle_replica_reads_total", "replica" => self.place.clone(), "outcome" => outcome)
            .increment(by);
    }
}

/// What where a replica stands says of its answers.
enum Verdict {
    Same,
    Elsewhere,
    Stranger(&'static str),
}

/// Holds where a replica stands against what was seen of the primary.
fn judge(primary: &PostgresStore, stands: &Standing) -> Result<Verdict, StoreError> {
    let mut seen = match primary.seen.newest() {
        Some(seen) => seen,
        None => match primary.look()? {
            Some(seen) => seen,
            None => return Ok(Verdict::Elsewhere),
        },
    };
    if stands.size > seen.size || stands.rewritten > seen.rewritten {
        // Another server has registered something; or the replica shows what waits on the primary for this very replica's word.
        seen = primary.look()?.unwrap_or(seen);
    }
    Ok(if stands.log != seen.log {
        Verdict::Stranger("its log has another name or key")
    } else if stands.size != seen.size {
        Verdict::Elsewhere
    } else if stands.root != seen.root {
        Verdict::Stranger("its log has another root")
    } else if stands.rewritten != seen.rewritten {
        Verdict::Elsewhere
    } else {
        Verdict::Same
    })
}
