//! Times as whole UTC seconds, written as RFC 3339 with `Z`; nothing here reads a clock.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Seconds since 1970-01-01T00:00:00Z, between the years 0001 and 9999. Written `2026-11-23T22:00:00Z`, only so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// The text is not a time in the one form that is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time of the form 2026-11-23T22:00:00Z")]
pub struct TimeError(pub String);

impl Timestamp {
    /// One day in seconds.
    pub const DAY: i64 = 86_400;
    /// The earliest time that can be written.
    pub const MIN: Self = Self(-62_135_596_800);
    /// The latest time that can be written.
    pub const MAX: Self = Self(253_402_300_799);

    /// This time and so many seconds more, held within the writable range.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds)).clamp(Self::MIN, Self::MAX)
    }

    /// Reads a WARC-Date: RFC 3339 with `Z`, with or without a fraction of a second (cut off), as WARC 1.0 and 1.1 allow.
    #[must_use]
    pub fn from_warc_date(text: &str) -> Option<Self> {
        let whole = match text.split_once('.') {
            Some((seconds, fraction)) => {
                let digits = fraction.strip_suffix('Z')?;
                if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                format!("{seconds}Z")
            }
            None => text.to_owned(),
        };
        whole.parse().ok()
    }
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

const fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clamped = (*self).clamp(Self::MIN, Self::MAX).0;
        let (year, month, day) = civil_from_days(clamped.div_euclid(Self::DAY));
        let second = clamped.rem_euclid(Self::DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let error = || TimeError(text.chars().take(40).collect());
        let bytes = text.as_bytes();
        if bytes.len() != 20 {
            return Err(error());
        }
        let number = |from: usize, to: usize| -> Option<i64> {
            bytes[from..to].iter().try_fold(0i64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
        };
        let parts = [(0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19)].map(|(from, to)| number(from, to));
        let [Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)] = parts else {
            return Err(error());
        };
        let separated = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
        // What no calendar has is refused: February 30, hour 24, second 60, year 0, and every other separator.
        let fits = separated.iter().all(|(at, sign)| bytes[*at] == *sign)
            && year >= 1
            && (1..=12).contains(&month)
            && (1..=days_of(year, month)).contains(&day)
            && (hour < 24 && minute < 60 && second < 60);
        if !fits {
            return Err(error());
        }
        Ok(Self(days_from_civil(year, month, day) * Self::DAY + hour * 3600 + minute * 60 + second))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A span of time `[from, until)`; a missing end is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The first moment inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The first moment outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Window {
    /// Whether the moment lies inside.
    #[must_use]
    pub fn contains(&self, moment: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= moment) && self.until.is_none_or(|until| moment < until)
    }

    /// Whether there is no moment inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!((self.from, self.until), (Some(from), Some(until)) if from >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_only_its_own_spelling() {
        for good in ["1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
            assert_eq!(good.parse::<Timestamp>().unwrap().to_string(), good);
        }
        for bad in [
            "2026-02-29T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01T00:00:60Z",
            "0000-01-01T00:00:00Z",
            "2026-1-01T00:00:00Z",
            "",
        ] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
        assert_eq!("2026-11-23T22:00:00Z".parse::<Timestamp>().unwrap().0, 1_795_471_200);
    }

    #[test]
    fn every_day_reads_as_it_is_written() {
        for day in (Timestamp::MIN.0 / Timestamp::DAY..=Timestamp::MAX.0 / Timestamp::DAY).step_by(17) {
            let time = Timestamp(day * Timestamp::DAY + 86_399).clamp(Timestamp::MIN, Timestamp::MAX);
            assert_eq!(time.to_string().parse(), Ok(time));
        }
        for bad in ["1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-10T00:00:00Z"] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
    }

    #[test]
    fn warc_dates_may_carry_fractions() {
        assert_eq!(Timestamp::from_warc_date("2024-05-18T01:58:10.123456Z"), "2024-05-18T01:58:10Z".parse().ok());
        assert_eq!(Timestamp::from_warc_date("20240518015810"), None);
    }
}
