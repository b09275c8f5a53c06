//! Entries of the training-and-data-mining assertion in C2PA manifests, as categories of use.
//!
//! Sources: CAWG Training and Data Mining Assertion 1.1 (16 May 2025; 1.0 is of 18 March 2024), and for the `c2pa.` keys
//! the C2PA specification up to 1.4 (C2PA 2 leaves the matter to CAWG). Read on 23 November 2026.

use super::Label;
use crate::vocab::Use;

/// Inference by any model: input to a generative one at the system's or at a user's choice whole, the others in part.
const INFERENCE: (&[Use], &[Use]) = (&[Use::AiUse, Use::AiUserFetch], &[Use::TrainNongen, Use::AiIndex]);

/// Extraction of patterns, trends and correlations: mining whole, an index built for retrieval in part.
const MINING: (&[Use], &[Use]) = (&[Use::TdmOther], &[Use::AiIndex]);

const fn label(word: &'static str, (covers, touches): (&'static [Use], &'static [Use])) -> Label {
    Label { word, covers, touches }
}

/// The keys of `entries` that the two specifications define.
pub const TABLE: &[Label] = &[
    label("c2pa.ai_generative_training", (&[Use::TrainAi], &[])),
    label("c2pa.ai_inference", INFERENCE),
    label("c2pa.ai_training", (&[Use::TrainNongen], &[])),
    label("c2pa.data_mining", MINING),
    label("cawg.ai_generative_training", (&[Use::TrainAi], &[])),
    label("cawg.ai_inference", INFERENCE),
    label("cawg.ai_training", (&[Use::TrainNongen], &[])),
    label("cawg.data_mining", MINING),
];
