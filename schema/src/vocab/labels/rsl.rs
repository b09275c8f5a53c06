//! RSL usage labels (RSL 1.0, Recommendation of 2025-12-10 with errata to 2026-08-07, section 3.4.1; RSL 0.9 of 2025-09).
//!
//! RSL speaks of using content, never of fetching it or of handing it on: `crawl` and `redistribute` are in no row.

use super::Label;
use crate::vocab::Use;

/// Usage tokens of RSL 1.0.
pub const TABLE: &[Label] = &[
    Label {
        word: "all",
        covers: &[
            Use::TrainAi,
            Use::AiUse,
            Use::Search,
            Use::TrainNongen,
            Use::AiIndex,
            Use::AiUserFetch,
            Use::TdmOther,
        ],
        touches: &[],
    },
    // Also AI uses that nobody has named yet.
    Label {
        word: "ai-all",
        covers: &[Use::TrainAi, Use::AiUse, Use::TrainNongen, Use::AiIndex, Use::AiUserFetch],
        touches: &[],
    },
    // Training or fine-tuning of AI models, without a limit to generative ones.
    Label { word: "ai-train", covers: &[Use::TrainAi, Use::TrainNongen], touches: &[] },
    // Retrieval, grounding, generated answers; it has no exception for fetches at a user's request.
    Label { word: "ai-input", covers: &[Use::AiUse, Use::AiUserFetch], touches: &[] },
    Label { word: "ai-index", covers: &[Use::AiIndex], touches: &[] },
    Label { word: "search", covers: &[Use::Search], touches: &[] },
];

/// Usage tokens that RSL 0.9 had and 1.0 has not. `all` and `search` are spelled alike in both.
pub const TABLE_0_9: &[Label] = &[
    // Any AI model, unlike the label of the same spelling in AIPREF.
    Label { word: "train-ai", covers: &[Use::TrainAi, Use::TrainNongen], touches: &[] },
    Label { word: "train-genai", covers: &[Use::TrainAi], touches: &[] },
    Label { word: "ai-use", covers: &[Use::AiUse, Use::AiUserFetch], touches: &[] },
    // Summaries are a part of using content as input.
    Label { word: "ai-summarize", covers: &[], touches: &[Use::AiUse, Use::AiUserFetch] },
];
