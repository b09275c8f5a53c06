//! Turns: heavy work that one thread does at a time while few wait, so that a flood of it stands outside and holds no thread.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A door with a short queue.
#[derive(Debug, Default)]
pub struct Turns {
    one: Mutex<()>,
    inside: AtomicUsize,
}

/// A turn, until it is dropped.
pub struct Turn<'t> {
    _one: MutexGuard<'t, ()>,
    _counted: Counted<'t>,
}

struct Counted<'t>(&'t AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turns {
    /// Waits for a turn; `None` at once where `most` have or await one already. Blocks.
    pub fn take(&self, most: usize) -> Option<Turn<'_>> {
        let before = self.inside.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(&self.inside);
        if before >= most {
            return None;
        }
        // A panic in somebody's turn leaves nothing behind that the next would trip over.
        Some(Turn { _one: self.one.lock().unwrap_or_else(PoisonError::into_inner), _counted: counted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_works_few_wait_and_the_rest_are_sent_away() {
        let turns = Turns::default();
        let working = turns.take(3).unwrap();
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..2).map(|_| scope.spawn(|| turns.take(3).is_some())).collect();
            while turns.inside.load(Ordering::Relaxed) < 3 {
                std::thread::yield_now();
            }
            assert!(turns.take(3).is_none());
            assert!(turns.take(1).is_none(), "whoever accepts a shorter queue is sent away from a longer one");
            drop(working);
            assert!(waiting.into_iter().all(|thread| thread.join().unwrap()));
        });
        assert_eq!(turns.inside.load(Ordering::Relaxed), 0);
        assert!(turns.take(1).is_some());
    }
}
