//! Reading connections: a bounded set, lent one at a time.
//!
//! Opening one costs more than most questions, so that a crowd waits for those there are. Whoever waits too long, since long
//! readings hold all of them, gets one of its own: a copy being written must not stop the registry.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::lock;
use crate::store::StoreError;

/// How many are kept; more than the cores can use at once helps nobody.
const KEPT: usize = 8;

/// How long is waited for one of them.
const PATIENCE: Duration = Duration::from_millis(100);

#[derive(Default)]
struct Set {
    idle: Vec<Connection>,
    /// How many of those kept are lent, or being opened.
    lent: usize,
}

/// The set.
#[derive(Default)]
pub(super) struct Readers {
    set: Mutex<Set>,
    returned: Condvar,
}

/// One of the set that is lent; given back when it is dropped, also by a panic.
struct Lent<'r> {
    readers: &'r Readers,
    connection: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut set = lock(&self.readers.set);
        set.lent -= 1;
        set.idle.extend(self.connection.take());
        drop(set);
        self.readers.returned.notify_one();
    }
}

impl Readers {
    /// Asks over a connection of the set; `open` makes one where there are fewer than are kept, or all are long in use.
    ///
    /// # Errors
    /// What `open` and `ask` give.
    pub(super) fn ask<T>(
        &self,
        open: impl Fn() -> Result<Connection, StoreError>,
        ask: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Some(mut lent) = self.lend() else { return ask(&open()?) };
        let connection = match lent.connection.take() {
            Some(connection) => connection,
            None => open()?,
        };
        ask(lent.connection.insert(connection))
    }

    fn lend(&self) -> Option<Lent<'_>> {
        let deadline = Instant::now() + PATIENCE;
        let mut set = lock(&self.set);
        loop {
            let connection = set.idle.pop();
            if connection.is_some() || set.lent < KEPT {
                set.lent += 1;
                return Some(Lent { readers: self, connection });
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            set = self.returned.wait_timeout(set, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_crowd_shares_the_few_that_are_kept() {
        let (readers, opened) = (Readers::default(), AtomicUsize::new(0));
        let open = || {
            opened.fetch_add(1, Ordering::Relaxed);
            Connection::open_in_memory().map_err(super::super::failed)
        };
        std::thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    readers
                        .ask(open, |_| {
                            std::thread::sleep(Duration::from_micros(200));
                            Ok(())
                        })
                        .unwrap()
                });
            }
        });
        assert!((1..=KEPT).contains(&opened.load(Ordering::Relaxed)), "{opened:?}");
        let set = readers.set.lock().unwrap();
        assert_eq!((set.lent, set.idle.len()), (0, opened.load(Ordering::Relaxed)));
    }

    #[test]
    fn long_readings_stop_nobody_and_a_panic_gives_back() {
        let readers = Readers::default();
        let open = || Connection::open_in_memory().map_err(super::super::failed);
        let (begun, all) = channel();
        let (end, wait) = channel::<()>();
        let wait = Mutex::new(wait);
        std::thread::scope(|scope| {
            for _ in 0..KEPT {
                let begun = begun.clone();
                let (readers, wait) = (&readers, &wait);
                scope.spawn(move || {
                    readers.ask(open, |_| {
                        begun.send(()).unwrap();
                        assert!(wait.lock().unwrap().recv().is_err());
                        Ok(())
                    })
                });
            }
            (0..KEPT).for_each(|_| all.recv().unwrap());
            readers.ask(open, |_| Ok(())).unwrap();
            drop(end);
        });
        let panics = || readers.ask(open, |_| -> Result<(), StoreError> { panic!("a test") });
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
        assert_eq!(readers.set.lock().unwrap().lent, 0);
    }
}
