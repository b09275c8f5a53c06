//! Politeness: one request at a time to one host, a pause between two, and patience that is asked for and bounded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Hosts remembered before those that nobody waits for are forgotten.
const REMEMBERED: usize = 4096;

/// When a host may be asked again.
type Turn = Arc<Mutex<Option<Instant>>>;

/// Who asks which host when.
#[derive(Debug, Default)]
pub struct Polite {
    /// The pause between the end of one request to a host and the begin of the next.
    pause: Duration,
    hosts: Mutex<HashMap<String, Turn>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Polite {
    /// With this pause between two requests to one host.
    #[must_use]
    pub fn new(pause: Duration) -> Self {
        Self { pause, hosts: Mutex::default() }
    }

    fn turn(&self, host: &str) -> Turn {
        let mut hosts = locked(&self.hosts);
        if hosts.len() >= REMEMBERED {
            let now = Instant::now();
            hosts.retain(|_, turn| Arc::strong_count(turn) > 1 || locked(turn).is_some_and(|next| next > now));
        }
        Arc::clone(hosts.entry(host.to_owned()).or_default())
    }

    /// Makes a request when it is this host's turn, alone; `None` when its turn does not come before the deadline. What the
    /// request gives beside its result is how much longer than the usual pause the host wants to be left alone.
    pub fn ask<T>(&self, host: &str, deadline: Instant, request: impl FnOnce() -> (T, Option<Duration>)) -> Option<T> {
        let turn = self.turn(host);
        let mut next = locked(&turn);
        let now = Instant::now();
        if let Some(wait) = next.and_then(|next| next.checked_duration_since(now)) {
            if now + wait >= deadline {
                return None;
            }
            thread::sleep(wait);
        } else if now >= deadline {
            return None;
        }
        let (result, longer) = request();
        *next = Some(Instant::now() + self.pause.max(longer.unwrap_or_default()));
        Some(result)
    }
}

/// How long a server asks to be left alone: `Retry-After` in seconds (RFC 9110 section 10.2.3, 2022-06). A date is not
/// read, since it would have to be believed that both clocks are right.
#[must_use]
pub fn retry_after(value: Option<&str>) -> Option<Duration> {
    let text = value?.trim();
    let digits = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok().map(Duration::from_secs) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_is_asked_one_at_a_time_with_a_pause_and_others_do_not_wait() {
        let polite = Polite::new(Duration::from_millis(60));
        let deadline = Instant::now() + Duration::from_secs(30);
        let running = Mutex::new((0_u32, 0_u32));
        let begun = Instant::now();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    polite.ask("press.example", deadline, || {
                        let mut counts = locked(&running);
                        counts.0 += 1;
                        counts.1 = counts.1.max(counts.0);
                        drop(counts);
                        thread::sleep(Duration::from_millis(5));
                        locked(&running).0 -= 1;
                        ((), None)
                    })
                });
            }
        });
        assert_eq!(locked(&running).1, 1, "never two at once");
        assert!(begun.elapsed() >= Duration::from_millis(180), "three pauses between four requests");
        let begun = Instant::now();
        assert!(polite.ask("other.example", deadline, || ((), None)).is_some());
        assert!(begun.elapsed() < Duration::from_millis(50), "another host's turn is its own");
        polite.ask("slow.example", deadline, || ((), Some(Duration::from_secs(60))));
        assert!(polite.ask("slow.example", Instant::now() + Duration::from_secs(1), || ((), None)).is_none());
    }

    #[test]
    fn retry_after_is_seconds() {
        assert_eq!(retry_after(Some(" 12 ")), Some(Duration::from_secs(12)));
        for none in [None, Some("soon"), Some("Wed, 21 Oct 2026 07:28:00 GMT"), Some("-1"), Some("9999999999")] {
            assert_eq!(retry_after(none), None);
        }
    }
}
