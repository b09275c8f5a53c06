//! Deadlines: hyper's timer for one connection, on which each request's head has a deadline that nearly always is met.
//!
//! tokio files every deadline anew and takes it out again, under a lock that all connections share. Here one alarm stays filed for the
//! whole connection: it rings for a deadline that was met long ago, and is set on to the one that counts.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// The deadlines of one connection.
#[derive(Clone)]
pub struct Deadlines(Arc<Mutex<Pin<Box<tokio::time::Sleep>>>>);

impl Deadlines {
    /// Those of a new connection; within a runtime.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Box::pin(tokio::time::sleep(Duration::ZERO)))))
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for Deadlines {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, at: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Deadline { alarm: self.clone(), at: at.into() })
    }
}

/// One of them.
struct Deadline {
    alarm: Deadlines,
    at: tokio::time::Instant,
}

impl Sleep for Deadline {}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.0.lock().unwrap_or_else(PoisonError::into_inner);
        if alarm.deadline() > self.at {
            alarm.as_mut().reset(self.at);
        }
        loop {
            ready!(alarm.as_mut().poll(context));
            // Not the alarm alone: it may have rung for one before.
            if tokio::time::Instant::now() >= self.at {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(self.at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_rings_at_its_time_and_none_for_another() {
        const SHORT: Duration = Duration::from_millis(10);
        let (deadlines, begun) = (Deadlines::new(), Instant::now());
        let after = |times| deadlines.sleep_until(begun + SHORT * times);
        // As a connection does it: one deadline after the other is made, waited for a little, and given up.
        for met in 1..10 {
            assert!(tokio::time::timeout(SHORT, after(met + 6000)).await.is_err(), "{met}");
        }
        after(40).await;
        assert!(begun.elapsed() >= SHORT * 40);
        // An alarm that is set for later rings for one that is earlier, and one that is past rings at once.
        assert!(tokio::time::timeout(SHORT, after(60_000)).await.is_err());
        let long = Duration::from_secs(60);
        assert!(tokio::time::timeout(long, after(60)).await.is_ok());
        assert!(begun.elapsed() >= SHORT * 60);
        assert!(tokio::time::timeout(long, after(50)).await.is_ok());
        assert!(tokio::time::timeout(long, deadlines.sleep(SHORT)).await.is_ok());
        assert!(begun.elapsed() < long);
    }
}
