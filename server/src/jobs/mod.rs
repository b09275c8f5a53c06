//! Jobs: what the registry does by itself while it serves, one file a job.

use std::time::Duration;

pub mod certify;
pub mod measure;
pub mod news;
pub mod observe;
pub mod publish;
pub mod recheck;
pub mod tables;
pub mod webhooks;
pub mod witness;

/// Reads `90s`, `15m`, `24h`, `7d`.
///
/// # Errors
/// A sentence for people.
pub fn interval(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a number with s, m, h or d, such as 24h, from 1s to 365d");
    let number = text.trim_end_matches(['s', 'm', 'h', 'd']);
    let factor = match &text[number.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let digits = number.len() <= 9 && number.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = number.parse::<u64>().ok().filter(|_| digits).map(|number| number * factor);
    let seconds = seconds.filter(|seconds| (1..=365 * 86_400).contains(seconds)).ok_or_else(wrong)?;
    Ok(Duration::from_secs(seconds))
}
