//! Many small questions at once, their answers in the questions' order.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Asks all questions, at most so many at a time. The first that fails lets those that have begun finish, and begins no other.
///
/// # Errors
/// Of the questions that failed, the first one's.
pub(super) fn abreast<Q: Sync, A: Send, E: Send>(
    at_once: usize,
    questions: &[Q],
    ask: impl Fn(&Q) -> Result<A, E> + Sync,
) -> Result<Vec<A>, E> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let line = || {
        let mut answers = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(question) = questions.get(place) else { break };
            let answer = ask(question);
            stop.fetch_or(answer.is_err(), Ordering::Relaxed);
            answers.push((place, answer));
        }
        answers
    };
    let mut all = std::thread::scope(|scope| {
        let beside: Vec<_> = (1..at_once.min(questions.len())).map(|_| scope.spawn(line)).collect();
        let mut all = line();
        for thread in beside {
            match thread.join() {
                Ok(answers) => all.extend(answers),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_unstable_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::time::Duration;

    #[test]
    fn answers_keep_their_order_and_no_more_are_asked_at_once() {
        let asked = Mutex::new((0_usize, 0_usize));
        let questions: Vec<u64> = (0..100).collect();
        let answers = abreast(7, &questions, |question| {
            let mut now = asked.lock().unwrap();
            now.0 += 1;
            now.1 = now.1.max(now.0);
            drop(now);
            // Later ones are quicker.
            std::thread::sleep(Duration::from_micros(200 - question * 2));
            asked.lock().unwrap().0 -= 1;
            Ok::<_, ()>(question * 10)
        });
        assert_eq!(answers, Ok((0..100).map(|number| number * 10).collect()));
        let most = asked.lock().unwrap().1;
        assert!((2..=7).contains(&most), "{most}");
        assert_eq!(abreast(7, &[], |_: &u64| Ok::<u64, ()>(1)), Ok(Vec::new()));
    }

    #[test]
    fn the_first_refusal_is_told_and_nothing_is_asked_after_it() {
        for at_once in [1, 4] {
            let asked = AtomicUsize::new(0);
            let questions: Vec<usize> = (0..1000).collect();
            let refused = abreast(at_once, &questions, |question| {
                asked.fetch_add(1, Ordering::Relaxed);
                if *question >= 5 { Err(*question) } else { Ok(()) }
            });
            assert_eq!(refused, Err(5));
            assert!(asked.into_inner() < 10 + at_once);
        }
    }
}
