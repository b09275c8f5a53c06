//! The one place of the client that reads the time; every command reads it once.

use cleartitle_schema::time::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The moment it is now, in whole seconds. A clock before 1970 reads as 1970.
#[must_use]
pub fn now() -> Timestamp {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX)).clamp(Timestamp::MIN, Timestamp::MAX)
}

/// Reads a moment as the command line takes it: `2026-01-31T12:00:00Z`, or a date for its first second.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_moment(text: &str) -> Result<Timestamp, String> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    whole
        .parse()
        .map_err(|_| "expected a date such as 2026-01-31, or a UTC time such as 2026-01-31T12:00:00Z".to_owned())
}
