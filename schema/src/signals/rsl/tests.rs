//! RSL held to its own words.
