//! How kept lines are compressed: as their input is, or as whoever reads on wants them.
//!
//! Compressing again is the larger part of filtering compressed lines. Whoever pipes them onwards saves it, or pays more for
//! less room; the lines stay what they are, byte for byte. It is part of what a run is: one that goes on writes the same.

use super::error::FilterError;
use super::inputs::{Named, twice};
use crate::crawl::Codec;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The coding that `--output-coding` names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum OutputCoding {
    /// As the input has it.
    #[default]
    Same,
    /// None.
    Plain,
    /// zstd at a level of 1 to 19.
    Zstd(u8),
}

/// A coding that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no coding: `same`, `plain`, or `zstd:` and a level from 1 to 19")]
pub struct CodingError(String);

impl FromStr for OutputCoding {
    type Err = CodingError;

    fn from_str(text: &str) -> Result<Self, CodingError> {
        let level = |text: &str| {
            // One spelling a level: a run is known by it.
            text.parse::<u8>().ok().filter(|level| (1..=19).contains(level) && level.to_string() == text)
        };
        match text {
            "same" => Some(Self::Same),
            "plain" => Some(Self::Plain),
            _ => text.strip_prefix("zstd:").and_then(level).map(Self::Zstd),
        }
        .ok_or_else(|| CodingError(text.chars().take(40).collect()))
    }
}

impl fmt::Display for OutputCoding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => out.write_str("same"),
            Self::Plain => out.write_str("plain"),
            Self::Zstd(level) => write!(out, "zstd:{level}"),
        }
    }
}

impl TryFrom<String> for OutputCoding {
    type Error = CodingError;

    fn try_from(text: String) -> Result<Self, CodingError> {
        text.parse()
    }
}

impl From<OutputCoding> for String {
    fn from(coding: OutputCoding) -> Self {
        coding.to_string()
    }
}

/// Endings by which names say that a file is compressed.
const ENDINGS: [&str; 4] = [".zst", ".zstd", ".gz", ".gzip"];

impl OutputCoding {
    /// Whether it is the input's own.
    pub fn is_same(&self) -> bool {
        *self == Self::Same
    }

    /// The codec of the output for an input of this one, and the level where it is not the usual.
    pub(super) fn codec(self, input: Codec) -> (Codec, Option<i32>) {
        match self {
            Self::Same => (input, None),
            Self::Plain => (Codec::Plain, None),
            Self::Zstd(level) => (Codec::Zstd, Some(level.into())),
        }
    }

    /// The name of the kept lines of an input of this name: its ending says how they are coded, not how the input was.
    #[must_use]
    pub fn name_of(self, input: &str) -> String {
        let bare = ENDINGS.iter().find_map(|ending| input.strip_suffix(ending));
        let bare = bare.filter(|bare| !bare.is_empty() && !bare.ends_with('/')).unwrap_or(input);
        match self {
            Self::Same => input.to_owned(),
            Self::Plain => bare.to_owned(),
            Self::Zstd(_) => format!("{bare}.zst"),
        }
    }

    /// Refuses inputs whose kept lines would go by one name.
    pub(super) fn apart(self, inputs: &[Named]) -> Result<(), FilterError> {
        let names: Vec<String> = inputs.iter().map(|input| self.name_of(&input.name)).collect();
        let at = |place: usize| inputs[place].location.clone();
        twice(&names)
            .map_or(Ok(()), |(first, second)| Err(FilterError::SameName { first: at(first), second: at(second) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_has_one_spelling() {
        for text in ["same", "plain", "zstd:1", "zstd:19"] {
            assert_eq!(text.parse::<OutputCoding>().unwrap().to_string(), text);
        }
        for text in ["", "zstd", "zstd:", "zstd:0", "zstd:20", "zstd:03", "zstd:+3", "gzip", "Plain", "plain "] {
            assert!(text.parse::<OutputCoding>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_tell_the_coding() {
        let names = |name| ["same", "plain", "zstd:3"].map(|text| text.parse::<OutputCoding>().unwrap().name_of(name));
        assert_eq!(names("a.jsonl.zst"), ["a.jsonl.zst", "a.jsonl", "a.jsonl.zst"]);
        assert_eq!(names("a/b.jsonl.gz"), ["a/b.jsonl.gz", "a/b.jsonl", "a/b.jsonl.zst"]);
        assert_eq!(names("a.jsonl"), ["a.jsonl", "a.jsonl", "a.jsonl.zst"]);
        assert_eq!(names("a/.zst"), ["a/.zst", "a/.zst", "a/.zst.zst"]);
    }
}
