//! Rate: buckets that fill at a steady pace, one for each of a bounded number of names.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many names are told apart. A stranger with a large network makes as many as they like; those beyond share a bucket.
const MAX_NAMES: usize = 65_536;

/// The greatest rate and burst.
const MAX: u32 = 1_000_000;

/// So many in a second, so many at once after a rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// In a second.
    pub each_second: u32,
    /// At once.
    pub burst: u32,
}

impl std::fmt::Display for Rate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.each_second, self.burst)
    }
}

impl std::str::FromStr for Rate {
    type Err = String;

    /// Reads `200/2000`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not RATE/BURST, such as 200/2000, each from 1 to {MAX}");
        let number = |text: &str| {
            let digits = !text.is_empty() && text.len() <= 7 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number| digits && (1..=MAX).contains(number)).ok_or_else(wrong)
        };
        let (each_second, burst) = text.split_once('/').ok_or_else(wrong)?;
        Ok(Self { each_second: number(each_second)?, burst: number(burst)? })
    }
}

/// When each name's bucket will be full again, in nanoseconds since the beginning: a full one is no entry at all.
struct Table<K> {
    full_at: HashMap<K, u64>,
    others_full_at: u64,
    swept_at: u64,
}

/// One bucket a name.
pub struct Buckets<K> {
    pace: u64,
    depth: u64,
    begun: Instant,
    table: Mutex<Table<K>>,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// Buckets that are full.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let pace = 1_000_000_000 / u64::from(rate.each_second.max(1));
        let table = Table { full_at: HashMap::new(), others_full_at: 0, swept_at: 0 };
        Self { pace, depth: pace * u64::from(rate.burst.max(1)), begun: Instant::now(), table: Mutex::new(table) }
    }

    /// Takes one from a name's bucket.
    ///
    /// # Errors
    /// How long to wait until there is one again. Asking in vain takes nothing, so that who waits is served.
    pub fn take(&self, name: &K) -> Result<(), Duration> {
        self.take_at(name, u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX / 2))
    }

    fn take_at(&self, name: &K, now: u64) -> Result<(), Duration> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.full_at.len() >= MAX_NAMES && !table.full_at.contains_key(name) {
            // Once a second at most: looking through the table for each of a flood of names would be the flood's work.
            if now.saturating_sub(table.swept_at) >= 1_000_000_000 {
                table.swept_at = now;
                table.full_at.retain(|_, full_at| *full_at > now);
            }
            if table.full_at.len() >= MAX_NAMES {
                return self.draw(&mut table.others_full_at, now);
            }
        }
        match table.full_at.get_mut(name) {
            Some(full_at) => self.draw(full_at, now),
            None => {
                table.full_at.insert(name.clone(), now + self.pace);
                Ok(())
            }
        }
    }

    fn draw(&self, full_at: &mut u64, now: u64) -> Result<(), Duration> {
        let after = (*full_at).max(now) + self.pace;
        match (after - now).checked_sub(self.depth) {
            None | Some(0) => {
                *full_at = after;
                Ok(())
            }
            Some(wait) => Err(Duration::from_nanos(wait)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn rates_are_read_in_one_form() {
        assert_eq!("200/2000".parse(), Ok(Rate { each_second: 200, burst: 2000 }));
        assert_eq!(Rate { each_second: 1, burst: 2 }.to_string(), "1/2");
        for wrong in [
            "",
            "200",
            "0/1",
            "1/0",
            "1/",
            "/1",
            "-1/1",
            "+1/1",
            "1.5/2",
            "1/1000001",
            "1/2/3",
            "1 / 2",
            "99999999999/1",
        ] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_burst_and_then_the_pace() {
        let buckets = Buckets::new(Rate { each_second: 10, burst: 5 });
        assert!((0..5).all(|_| buckets.take_at(&"a", 0).is_ok()));
        assert_eq!(buckets.take_at(&"a", 0), Err(Duration::from_millis(100)));
        // Another name has its own, and asking in vain costs nothing.
        assert!(buckets.take_at(&"b", 0).is_ok());
        assert!((0..100).all(|_| buckets.take_at(&"a", 0).is_err()));
        assert!(buckets.take_at(&"a", SECOND / 10).is_ok());
        assert!(buckets.take_at(&"a", SECOND / 10).is_err());
        // A long rest fills it to the brim and not beyond.
        assert!((0..5).all(|_| buckets.take_at(&"a", 100 * SECOND).is_ok()));
        assert!(buckets.take_at(&"a", 100 * SECOND).is_err());
    }

    #[test]
    fn a_flood_of_names_shares_a_bucket_and_is_forgotten() {
        let buckets = Buckets::new(Rate { each_second: 1, burst: 2 });
        for name in 0..MAX_NAMES {
            assert!(buckets.take_at(&name, 0).is_ok());
        }
        let beyond: usize = (MAX_NAMES..3 * MAX_NAMES).filter(|name| buckets.take_at(name, 0).is_ok()).count();
        assert_eq!(beyond, 2);
        assert_eq!(buckets.table.lock().unwrap().full_at.len(), MAX_NAMES);
        // Who was there before is judged alone still.
        assert!(buckets.take_at(&0, 0).is_ok());
        assert!(buckets.take_at(&0, 0).is_err());
        assert!(buckets.take_at(&(9 * MAX_NAMES), 5 * SECOND).is_ok());
        assert_eq!(buckets.table.lock().unwrap().full_at.len(), 1);
    }
}
