//! Members of `ai.txt` (Spawning, 2023-05-30; draft-car-ai-txt-wellknown with its `Training` lines, as of 2026-11).

use super::Label;
use crate::vocab::Use;

/// The lines that are read, lower-cased.
pub const TABLE: &[Label] = &[
    // Spawning: leave to train, asked for when the medium is downloaded. A prohibition is meant for mining as a whole.
    Label { word: "disallow", covers: &[Use::TrainAi, Use::TrainNongen], touches: &[Use::TdmOther, Use::AiIndex] },
    // The draft's own word for training of models.
    Label { word: "training", covers: &[Use::TrainAi], touches: &[Use::TrainNongen] },
];
