//! TDMRep's one category (W3C TDM Reservation Protocol, Community Group Final Report of 2024-05-10).
//!
//! Mining is analysing text and data to generate information. Whether retrieval for an answer is mining is disputed: `ai-use`
//! is in no row, and the asker's policy decides (`tdm_covers_ai_use`). The report says that it does not concern search.

use super::Label;
use crate::vocab::Use;

/// `tdm-reservation`, and the action `tdm:mine` of its policies.
pub const TABLE: &[Label] = &[Label {
    word: "tdm-reservation",
    covers: &[Use::TrainAi, Use::TrainNongen, Use::AiIndex, Use::TdmOther],
    touches: &[],
}];
