//! RSL's kinds of operator as classes of askers. Not all line up, and what does not is never read as leave.

use crate::vocab::AskerClass::{self, Commercial, CulturalHeritage, Individual, NonCommercial, ResearchOrganisation};
use std::collections::BTreeSet;

/// A set of classes.
pub(super) type Classes = BTreeSet<AskerClass>;

/// Every class.
pub(super) fn everybody() -> Classes {
    AskerClass::ALL.iter().copied().collect()
}

/// What a user token covers of our classes (RSL 1.0 section 3.4.1): those that it covers whole, and those of which some
/// members fall under it. A ministry and a school may be any of the three that are not for profit.
pub(super) fn named(token: &str) -> Option<(&'static [AskerClass], &'static [AskerClass])> {
    Some(match token {
        "commercial" => (&[Commercial], &[]),
        "non-commercial" => (&[ResearchOrganisation, CulturalHeritage, NonCommercial, Individual], &[]),
        "personal" => (&[Individual], &[]),
        "education" | "government" => (&[], &[ResearchOrganisation, CulturalHeritage, NonCommercial]),
        _ => return None,
    })
}
