//! Baseline: findings that were there when the gate was put up, so that old debt does not block new work.
//!
//! A finding is known again by its code, by what it is about and by the bytes that it names, never by its line: rows may move.
//! Whoever wanted to slip something past the gate would have to write it into this file, where a reviewer sees it. What could
//! not be read is never debt.

use super::finding::Finding;
use cleartitle_schema::decide::Reason;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::BufRead;
use std::sync::atomic::{AtomicBool, Ordering};

/// The most findings that a baseline holds.
pub const MAX_FINDINGS: usize = 1_000_000;

/// The longest line of a baseline, in bytes.
const MAX_LINE: usize = 16 * 1024;

/// By what a finding is known again: the first half of a BLAKE3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// The fingerprint of a finding with this code, about this, which has these bytes.
    #[must_use]
    pub fn of(code: &str, about: Option<&str>, content: Option<&str>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("cleartitle 2026-11 gate finding");
        for part in [Some(code), about, content] {
            // The length before each part: no two lists of parts run into one.
            hasher.update(&part.map_or(u64::MAX, |part| part.len() as u64).to_le_bytes());
            hasher.update(part.unwrap_or_default().as_bytes());
        }
        let mut half = [0; 16];
        half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(half)
    }

    fn parse(text: &str) -> Option<Self> {
        data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    fingerprint: String,
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    about: Option<String>,
}

/// What is wrong with a baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It can't be read.
    #[error("the baseline can't be read")]
    Read(#[from] std::io::Error),
    /// A line is none of a baseline's.
    #[error("line {line} of the baseline is none: {why}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// Why.
        why: String,
    },
    /// More than [`MAX_FINDINGS`].
    #[error("a baseline holds at most {MAX_FINDINGS} findings")]
    TooMany,
}

/// Known debt, and which of it was met again.
#[derive(Debug, Default)]
pub struct Baseline {
    known: HashMap<Fingerprint, usize>,
    met: Vec<AtomicBool>,
}

impl Baseline {
    /// Reads a baseline: one JSON object a line.
    ///
    /// # Errors
    /// [`BaselineError`].
    pub fn read(mut from: impl BufRead) -> Result<Self, BaselineError> {
        let mut known = HashMap::new();
        let (mut text, mut number) = (Vec::new(), 0);
        loop {
            text.clear();
            let taken = std::io::Read::take(&mut from, MAX_LINE as u64 + 1).read_until(b'\n', &mut text)?;
            number += 1;
            if taken == 0 {
                break;
            }
            let wrong = |why: String| BaselineError::Line { line: number, why };
            if taken > MAX_LINE {
                return Err(wrong(format!("it is longer than {MAX_LINE} bytes")));
            }
            if text.trim_ascii().is_empty() {
                continue;
            }
            let line: Line = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
            let fingerprint = Fingerprint::parse(&line.fingerprint)
                .ok_or_else(|| wrong("no fingerprint of 32 hex digits".to_owned()))?;
            let next = known.len();
            known.entry(fingerprint).or_insert(next);
            if known.len() > MAX_FINDINGS {
                return Err(BaselineError::TooMany);
            }
        }
        let met = known.values().map(|_| AtomicBool::new(false)).collect();
        Ok(Self { known, met })
    }

    /// Whether a finding is known; if it is, that it was met is noted.
    pub fn knows(&self, fingerprint: &Fingerprint) -> bool {
        let Some(place) = self.known.get(fingerprint) else { return false };
        if let Some(met) = self.met.get(*place) {
            met.store(true, Ordering::Relaxed);
        }
        true
    }

    /// How many it holds that were not met: debt that is paid off.
    #[must_use]
    pub fn paid(&self) -> u64 {
        self.met.iter().filter(|met| !met.load(Ordering::Relaxed)).count() as u64
    }
}

/// Findings on their way into a new baseline, in the order of their fingerprints, so that two runs write the same bytes.
#[derive(Debug, Default)]
pub struct Collected(BTreeMap<Fingerprint, (&'static str, Option<String>)>);

impl Collected {
    /// Takes one in.
    ///
    /// # Errors
    /// [`BaselineError::TooMany`].
    pub fn add(
        &mut self,
        fingerprint: Fingerprint,
        code: &'static str,
        about: Option<String>,
    ) -> Result<(), BaselineError> {
        self.0.entry(fingerprint).or_insert((code, about));
        if self.0.len() > MAX_FINDINGS { Err(BaselineError::TooMany) } else { Ok(()) }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The file.
    ///
    /// # Errors
    /// None that can happen: texts have a JSON form.
    pub fn to_text(&self) -> serde_json::Result<String> {
        let mut text = String::new();
        for (fingerprint, (code, about)) in &self.0 {
            let about = about.as_ref().map(|about| about.chars().take(500).collect());
            let line = Line { fingerprint: fingerprint.to_string(), code: (*code).to_owned(), about };
            text.push_str(&serde_json::to_string(&line)?);
            text.push('\n');
        }
        Ok(text)
    }
}

/// The fingerprint of a finding, which has these bytes.
#[must_use]
pub fn fingerprint(finding: &Finding, content: Option<&str>) -> Fingerprint {
    // A verdict is about the document. Any other finding is about words, digests or references that it quotes: another license in
    // the same place is another finding, and so is a file that was changed again.
    let of_verdict = finding.code.parse::<Reason>().is_ok();
    let particular =
        (!of_verdict).then(|| format!("{}\n{}", finding.about.as_deref().unwrap_or_default(), finding.message));
    Fingerprint::of(finding.code, particular.as_deref().or(finding.about.as_deref()), content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn another_license_in_the_same_place_is_new() {
        let of = |code: &'static str, message: &str| {
            let about = Some("https://press.example/a".to_owned());
            let (level, place) = (crate::gate::Level::Error, crate::dataset::Place::default());
            let finding = Finding { code, level, place, about, message: message.to_owned(), hint: None };
            fingerprint(&finding, None)
        };
        assert_ne!(
            of("license-not-allowed", "`Apache-2.0` is not"),
            of("license-not-allowed", "`GPL-3.0-only` is not")
        );
        assert_eq!(of("rights-reserved", "reserved"), of("rights-reserved", "reserved, in other words"));
    }

    #[test]
    fn what_is_written_is_known_again_and_what_is_gone_is_paid() {
        let (old, gone) = (Fingerprint::of("a", Some("x"), None), Fingerprint::of("a", Some("y"), None));
        let mut collected = Collected::default();
        collected.add(old, "a", Some("x".to_owned())).unwrap();
        collected.add(gone, "a", Some("y".to_owned())).unwrap();
        collected.add(old, "a", Some("x".to_owned())).unwrap();
        let baseline = Baseline::read(collected.to_text().unwrap().as_bytes()).unwrap();
        assert!(baseline.knows(&old) && !baseline.knows(&Fingerprint::of("b", Some("x"), None)));
        assert_eq!((baseline.paid(), collected.len()), (1, 2));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let all = [
            Fingerprint::of("a", Some("bc"), None),
            Fingerprint::of("ab", Some("c"), None),
            Fingerprint::of("a", None, Some("bc")),
            Fingerprint::of("a", Some(""), Some("bc")),
        ];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn a_line_that_is_none_is_refused_with_its_number() {
        let told = |text: &str| Baseline::read(text.as_bytes()).unwrap_err().to_string();
        assert!(told("\n{}\n").starts_with("line 2 of the baseline is none: missing field"));
        assert!(told("{\"fingerprint\":\"00\",\"code\":\"a\"}").contains("no fingerprint of 32 hex digits"));
        assert!(told(&"x".repeat(MAX_LINE + 1)).contains("longer than"));
        assert_eq!(Baseline::read(&b""[..]).unwrap().paid(), 0);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Baseline::read(bytes.as_slice());
        }
    }
}
