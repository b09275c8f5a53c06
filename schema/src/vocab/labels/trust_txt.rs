//! The one variable of `trust.txt` that speaks of use (JournalList, `datatrainingallowed` of 2024-04-04).

use super::Label;
use crate::vocab::Use;

/// Training of AI models on a site's content, without a limit to generative ones.
pub const TABLE: &[Label] =
    &[Label { word: "datatrainingallowed", covers: &[Use::TrainAi, Use::TrainNongen], touches: &[] }];
