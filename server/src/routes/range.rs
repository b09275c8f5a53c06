//! Range: which part of a body a request asks for, as RFC 9110 (June 2022) section 14 has it, one range of bytes at most.

use std::ops::Range;

use axum::http::{HeaderMap, header};

/// What of a body is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All of it.
    Whole,
    /// These bytes, never none.
    Part(Range<u64>),
    /// Bytes behind its end.
    Nothing,
}

/// What the headers of a GET ask for of a body of this length and strong entity tag. What is not one range of bytes is as
/// if it were not there (section 14.2), and so is a range of another body (`If-Range`, section 13.1.5): whoever can't be
/// understood gets the whole, never a part that it would take for another. Several ranges are ignored too: a thousand
/// overlapping ones would be an answer a thousand times as long as the body.
#[must_use]
pub fn wanted(headers: &HeaderMap, length: u64, tag: &str) -> Wanted {
    let mut asked = headers.get_all(header::RANGE).iter();
    let (Some(range), None) = (asked.next(), asked.next()) else { return Wanted::Whole };
    // A date, a weak tag and another body's tag all differ from this one.
    if headers.get_all(header::IF_RANGE).iter().any(|condition| condition.as_bytes() != tag.as_bytes()) {
        return Wanted::Whole;
    }
    let ends = range.to_str().ok().and_then(|text| {
        let (unit, set) = text.split_once('=')?;
        let (first, last) = set.trim_matches([' ', '\t']).split_once('-')?;
        if unit.eq_ignore_ascii_case("bytes") { Some((number(first)?, number(last)?)) } else { None }
    });
    let part = match ends {
        None | Some((None, None)) => return Wanted::Whole,
        Some((Some(first), Some(last))) if last < first => return Wanted::Whole,
        Some((Some(first), last)) => first..last.map_or(length, |last| last.saturating_add(1).min(length)),
        Some((None, Some(suffix))) => length.saturating_sub(suffix)..length,
    };
    if part.is_empty() { Wanted::Nothing } else { Wanted::Part(part) }
}

/// An end of a range: `None` when it is no number, `Some(None)` when it is left out. A number beyond all bodies stands for
/// the greatest.
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str, condition: Option<&str>) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        if let Some(condition) = condition {
            headers.insert(header::IF_RANGE, condition.parse().unwrap());
        }
        wanted(&headers, 100, "\"tag\"")
    }

    #[test]
    fn one_range_of_bytes_is_read() {
        for (range, part) in [
            ("bytes=0-", 0..100),
            ("bytes=40-", 40..100),
            ("BYTES=99-", 99..100),
            ("bytes=10-19", 10..20),
            ("bytes=10-10", 10..11),
            ("bytes= 10-1000 ", 10..100),
            ("bytes=-30", 70..100),
            ("bytes=-1000", 0..100),
            ("bytes=5-99999999999999999999999999", 5..100),
        ] {
            assert_eq!(asked(range, None), Wanted::Part(part), "{range}");
        }
        for range in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999999-"] {
            assert_eq!(asked(range, None), Wanted::Nothing, "{range}");
        }
    }

    #[test]
    fn what_is_not_understood_gives_the_whole() {
        for range in [
            "bytes=-",
            "bytes=",
            "bytes",
            "bytes=a-",
            "bytes=1-b",
            "bytes=20-10",
            "bytes=0-1,5-6",
            "lines=1-",
            "bytes=+1-",
            "bytes=1-2-3",
            "bytes=--1",
        ] {
            assert_eq!(asked(range, None), Wanted::Whole, "{range}");
        }
        let mut twice = HeaderMap::new();
        twice.append(header::RANGE, "bytes=1-".parse().unwrap());
        twice.append(header::RANGE, "bytes=2-".parse().unwrap());
        assert_eq!(wanted(&twice, 100, "\"tag\""), Wanted::Whole);
        assert_eq!(wanted(&HeaderMap::new(), 100, "\"tag\""), Wanted::Whole);
    }

    #[test]
    fn a_range_of_another_body_gives_the_whole() {
        assert_eq!(asked("bytes=40-", Some("\"tag\"")), Wanted::Part(40..100));
        for condition in ["\"other\"", "W/\"tag\"", "Wed, 25 Nov 2026 08:00:00 GMT", "tag"] {
            assert_eq!(asked("bytes=40-", Some(condition)), Wanted::Whole, "{condition}");
        }
    }
}
