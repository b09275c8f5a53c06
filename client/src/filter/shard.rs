//! Shard: the part of a list of inputs that one of several runs takes, so that many machines share a list without talking.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The `index`-th of `count` parts, counted from one: every `count`-th input from the `index`-th on.
///
/// Every input is in exactly one shard, and which one hangs on its place in the list alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    index: usize,
    count: usize,
}

/// Why a text names no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a shard is I/N, the I-th of N from 1/N to N/N, not `{0}`")]
pub struct ShardError(String);

impl Shard {
    /// Whether the input at a place of the whole list, counted from zero, is in this part.
    #[must_use]
    pub const fn takes(self, place: usize) -> bool {
        place % self.count == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let number = |text: &str| text.bytes().all(|it| it.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let parts = text.split_once('/').and_then(|(index, count)| Some((number(index)?, number(count)?)));
        match parts {
            Some((index, count)) if index >= 1 && index <= count => Ok(Self { index, count }),
            _ => Err(ShardError(text.chars().take(40).collect())),
        }
    }
}

impl TryFrom<String> for Shard {
    type Error = ShardError;

    fn try_from(text: String) -> Result<Self, ShardError> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_place_is_in_exactly_one_shard(count in 1_usize..50, place in 0_usize..1000) {
            let shards = (1..=count).map(|index| format!("{index}/{count}").parse::<Shard>().unwrap());
            prop_assert_eq!(shards.filter(|shard| shard.takes(place)).count(), 1);
        }
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for wrong in ["", "1", "0/4", "5/4", "1/0", "+1/4", "1/4/2", "a/b", "1 /4", "1/99999999999999999999999"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
        assert_eq!("3/4".parse::<Shard>().unwrap().to_string(), "3/4");
    }
}
