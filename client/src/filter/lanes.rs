//! Lanes: several inputs at once, each on threads of its own, so that what one file's reader alone can do (inflating) is done
//! on every core; and an input's files are synced while its lane reads the next one.

use super::document::DamageRow;
use super::error::FilterError;
use super::job::Watch;
use super::pipeline::Bounds;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::ScopedJoinHandle;

/// What is left to do for an input that was read to its end: waiting for the disk, then giving its files their names.
pub(super) type Sealing<'j> = Box<dyn FnOnce() -> Result<(), FilterError> + Send + 'j>;

/// Runs `each` over all inputs, begun in their order, as many at once as there are workers; they share the bounds. What `each`
/// leaves to be sealed is sealed while its lane goes on, one input at a time. The first error lets those that have begun
/// finish, and begins no other.
///
/// # Errors
/// Of the inputs that failed, the first one's.
pub(super) fn run<'j, I: Sync>(
    inputs: &[I],
    bounds: Bounds,
    watch: &mut dyn Watch,
    each: impl Fn(&I, Bounds, &mut dyn Watch) -> Result<Option<Sealing<'j>>, FilterError> + Sync,
) -> Result<(), FilterError> {
    let lanes = bounds.workers.min(inputs.len()).max(1);
    let shared = Mutex::new(watch);
    let turn = |place| Turn { shared: &shared, place };
    let bounds = bounds.shared_by(lanes);
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failed = Mutex::new(BTreeMap::new());
    let fail = |place, error| {
        stop.store(true, Ordering::Relaxed);
        failed.lock().unwrap_or_else(PoisonError::into_inner).insert(place, error);
    };
    let lane = || {
        std::thread::scope(|scope| {
            let mut sealing: Option<(usize, ScopedJoinHandle<'_, Result<(), FilterError>>)> = None;
            let sealed = |sealing: &mut Option<(usize, ScopedJoinHandle<'_, Result<(), FilterError>>)>| {
                let Some((place, thread)) = sealing.take() else { return };
                if let Err(error) = thread.join().unwrap_or(Err(FilterError::Stopped)) {
                    fail(place, error);
                }
            };
            while !stop.load(Ordering::Relaxed) {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(input) = inputs.get(place) else { break };
                let run = each(input, bounds, &mut turn(place));
                // The one before has had the time of a whole input; no lane holds the files of more than two.
                sealed(&mut sealing);
                match run {
                    Ok(seal) => sealing = seal.map(|seal| (place, scope.spawn(seal))),
                    Err(error) => fail(place, error),
                }
            }
            sealed(&mut sealing);
        });
    };
    std::thread::scope(|scope| {
        for _ in 1..lanes {
            scope.spawn(lane);
        }
        lane();
    });
    let mut failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.pop_first().map_or(Ok(()), |(_, error)| Err(error))
}

/// What one lane tells whoever looks on: which input it speaks of, then the word itself, with no other lane between.
struct Turn<'s, 'w> {
    shared: &'s Mutex<&'w mut dyn Watch>,
    place: usize,
}

impl Turn<'_, '_> {
    fn tell(&self, tell: impl FnOnce(&mut dyn Watch)) {
        let mut watch = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        watch.turn(self.place);
        tell(&mut **watch);
    }
}

impl Watch for Turn<'_, '_> {
    fn begin(&mut self, name: &str, bytes: u64, skipped: bool) {
        self.tell(|watch| watch.begin(name, bytes, skipped));
    }

    fn advance(&mut self, offset: u64, documents: u64) {
        self.tell(|watch| watch.advance(offset, documents));
    }

    fn damage(&mut self, row: &DamageRow) {
        self.tell(|watch| watch.damage(row));
    }

    fn sum(&mut self, name: &str) {
        self.tell(|watch| watch.sum(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was told, by place.
    #[derive(Default)]
    struct Heard {
        place: usize,
        begun: Vec<usize>,
        passed: BTreeMap<usize, u64>,
    }

    impl Watch for Heard {
        fn turn(&mut self, place: usize) {
            self.place = place;
        }
        fn begin(&mut self, _name: &str, _bytes: u64, _skipped: bool) {
            self.begun.push(self.place);
        }
        fn advance(&mut self, offset: u64, _documents: u64) {
            *self.passed.entry(self.place).or_default() += offset;
        }
    }

    #[test]
    fn every_input_is_run_once_and_told_apart() {
        for workers in [1, 2, 3, 8] {
            let inputs: Vec<u64> = (0..50).collect();
            let mut heard = Heard::default();
            let sealed = AtomicUsize::new(0);
            run(&inputs, Bounds::of(workers), &mut heard, |input, bounds, watch| {
                assert!(bounds.workers >= 1 && bounds.bytes * workers.min(50) <= Bounds::of(workers).bytes);
                watch.begin("", 0, false);
                (0..20).for_each(|_| watch.advance(*input, 0));
                Ok(Some(Box::new(|| {
                    sealed.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                })))
            })
            .unwrap();
            assert_eq!(sealed.into_inner(), inputs.len(), "nothing is done before all is sealed");
            heard.begun.sort_unstable();
            assert_eq!(heard.begun, (0..50).collect::<Vec<_>>());
            assert!(heard.passed.iter().all(|(place, sum)| *sum == *place as u64 * 20));
        }
    }

    #[test]
    fn an_error_begins_no_other_input_and_the_first_is_told() {
        let inputs: Vec<usize> = (0..1000).collect();
        let mut heard = Heard::default();
        let ran = run(&inputs, Bounds::of(4), &mut heard, |input, _, watch| {
            watch.begin("", 0, false);
            if *input < 4 { Err(FilterError::Changed(input.to_string())) } else { Ok(None) }
        });
        assert!(heard.begun.len() <= 8, "{:?}", heard.begun);
        let least = heard.begun.iter().min().unwrap().to_string();
        assert!(matches!(ran, Err(FilterError::Changed(name)) if name == least));
    }
    #[test]
    fn an_input_that_cannot_be_sealed_fails_the_run() {
        let inputs: Vec<usize> = (0..1000).collect();
        for (workers, last) in [(1, false), (4, false), (1, true), (4, true)] {
            let mut heard = Heard::default();
            let bad = if last { inputs.len() - 1 } else { 0 };
            let ran = run(&inputs, Bounds::of(workers), &mut heard, |input, _, watch| {
                watch.begin("", 0, false);
                let input = *input;
                let seal = move || if input == bad { Err(FilterError::Changed(input.to_string())) } else { Ok(()) };
                Ok(Some(Box::new(seal)))
            });
            assert!(matches!(ran, Err(FilterError::Changed(name)) if name == bad.to_string()));
            assert!(last || heard.begun.len() < inputs.len(), "{} were begun", heard.begun.len());
        }
    }
}
