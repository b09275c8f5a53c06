//! Readiness: whether a registration that came now would be durable, found out by writing, and never while the server ends.
//!
//! Who would attack: whoever asks `/readyz` without end, so that each question costs a synced write. What was found out serves everybody
//! for a second, and one question at a time finds out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::log::{Log, Stuck};
use crate::request_span;

/// How long an answer serves.
const SERVES: Duration = Duration::from_secs(1);

/// Why the registry is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// It was asked to end.
    #[error("the server is shutting down")]
    Ending,
    /// What was published is not what this log has, or could be overwritten.
    #[error("nothing is published as objects any more: the server's log says why")]
    Forked,
    /// Something of the log is stuck.
    #[error(transparent)]
    Stuck(#[from] Stuck),
}

/// What is known of the readiness.
#[derive(Debug, Default)]
pub struct Readiness {
    ending: AtomicBool,
    forked: AtomicBool,
    last: Mutex<Option<(Instant, Result<(), NotReady>)>>,
}

impl Readiness {
    /// From now on the registry is not ready.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// From now on, until a person has looked, the registry is not ready: readers of the bucket see another log.
    pub fn fork(&self) {
        self.forked.store(true, Ordering::Release);
    }

    /// Whether the server ends.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Whether a registration would be durable now, or was within the last second.
    ///
    /// # Errors
    /// [`NotReady`].
    pub async fn ask(&self, log: &Log) -> Result<(), NotReady> {
        if self.is_ending() {
            return Err(NotReady::Ending);
        }
        if self.forked.load(Ordering::Acquire) {
            return Err(NotReady::Forked);
        }
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = *last
            && at.elapsed() < SERVES
        {
            return answer;
        }
        let answer = log.probe().await.map_err(NotReady::from);
        match (last.map(|(_, answer)| answer), answer) {
            (None | Some(Ok(())), Err(error)) => tracing::error!(parent: &request_span::current(), %error, "not ready"),
            (Some(Err(_)), Ok(())) => tracing::info!(parent: &request_span::current(), "ready again"),
            _ => {}
        }
        *last = Some((Instant::now(), answer));
        answer
    }
}
