//! Directives of `X-Robots-Tag` and robots meta elements that speak of use (vendors' documentation as of 2026-11).
//!
//! There is no specification: `noai` and `noimageai` are DeviantArt's (November 2022), `nocache` and the second sense of
//! `noarchive` are Bing's (September 2023) and Amazon's, `nosnippet` and `max-snippet` are Google's.

use super::Label;
use crate::vocab::Use;

/// Every use that an AI system makes of a text, finding it aside.
const AI: &[Use] = &[Use::TrainAi, Use::AiUse, Use::TrainNongen, Use::AiIndex, Use::TdmOther];

/// Training alone.
const TRAINING: &[Use] = &[Use::TrainAi, Use::TrainNongen];

/// Directives with a meaning that somebody documents.
pub const TABLE: &[Label] = &[
    Label { word: "noai", covers: AI, touches: &[] },
    // Pictures alone; a page is widened to, since a document is not split into its media here.
    Label { word: "noimageai", covers: AI, touches: &[] },
    Label { word: "noarchive", covers: &[Use::TrainAi, Use::AiUse, Use::TrainNongen], touches: &[] },
    // Address, title and snippet may be used: leave for a part is not leave for the document.
    Label { word: "nocache", covers: &[], touches: &[Use::TrainAi, Use::AiUse, Use::TrainNongen] },
    Label { word: "nosnippet", covers: &[Use::AiUse], touches: &[] },
    Label { word: "max-snippet", covers: &[Use::AiUse], touches: &[] },
    Label { word: "noindex", covers: &[Use::Search], touches: &[] },
    Label { word: "none", covers: &[Use::Search], touches: &[] },
    Label { word: "noimageindex", covers: &[], touches: &[Use::Search] },
];

/// Words that somebody made up and that evidently mean a "no", without hyphens, in lower case. Draft-canel-robots-ai-control
/// (2024-10, expired) has `DisallowAITraining` and the `no` forms of its `AI*` words.
pub const INVENTED: &[Label] = &[
    Label { word: "noml", covers: TRAINING, touches: &[] },
    Label { word: "notrain", covers: TRAINING, touches: &[] },
    Label { word: "notraining", covers: TRAINING, touches: &[] },
    Label { word: "noaitraining", covers: TRAINING, touches: &[] },
    Label { word: "disallowaitraining", covers: TRAINING, touches: &[] },
    Label { word: "nogenai", covers: AI, touches: &[] },
    Label { word: "nollm", covers: AI, touches: &[] },
    Label { word: "notdm", covers: AI, touches: &[] },
    // Stands for every word that begins with `noai`, `nonai` or `disallowai`.
    Label { word: "noai*", covers: AI, touches: &[] },
];
