//! Content-Signal names: contentsignals.org (2025-09-24) as deployed, and the `use` key that files have since 2026-07.
//!
//! Source: deployed files and their comment block, read 2026-11-23; draft-romm-aipref-contentsignals-00 (2025-10-01).

use super::Label;
use crate::vocab::Use;

/// The version of the vocabulary.
pub const VERSION: &str = "2025-09";

/// Names with yes or no. `ai-train` is said of AI models without a word of generative ones.
pub const TABLE: &[Label] = &[
    Label { word: "search", covers: &[Use::Search], touches: &[] },
    Label { word: "ai-input", covers: &[Use::AiUse, Use::AiUserFetch], touches: &[Use::AiIndex] },
    Label { word: "ai-train", covers: &[Use::TrainAi, Use::TrainNongen], touches: &[] },
];

/// The words of the key `use`, with the uses that each rules out. What it permits is under conditions of display whose
/// text was not to be had, so that no word of it permits anything here.
pub const DISPLAY: &[(&str, &[Use])] = &[("immediate", &[Use::AiIndex]), ("reference", &[]), ("full", &[])];
