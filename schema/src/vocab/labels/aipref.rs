//! AIPREF labels: draft-ietf-aipref-vocab-08 (2026-09-14), and the labels of drafts 01 to 04 that are still deployed.
//!
//! Source: repository `ietf-wg-aipref/drafts`, read 2026-11-23.

use super::Label;
use crate::vocab::Use;

/// The version of the vocabulary in [`TABLE`].
pub const VERSION: &str = "vocab-08";

/// Labels of vocab-08. `search` also speaks of models that serve a search application alone; of our categories that is a
/// part of non-generative training. Whether a page that a user names is `ai-use` is open (issue 249 of the working group).
pub const TABLE: &[Label] = &[
    Label { word: "train-ai", covers: &[Use::TrainAi], touches: &[] },
    Label { word: "ai-use", covers: &[Use::AiUse], touches: &[Use::AiIndex] },
    Label { word: "search", covers: &[Use::Search], touches: &[Use::TrainNongen] },
];

const EVERYTHING: &[Use] =
    &[Use::TrainAi, Use::AiUse, Use::Search, Use::TrainNongen, Use::AiIndex, Use::AiUserFetch, Use::TdmOther];

/// Labels that later drafts dropped, each with the last draft that had it. In those an unset category took the value of the
/// one around it, so that a label covers all that lies inside.
pub const LEGACY: &[(&str, Label)] = &[
    (
        "vocab-01",
        Label {
            word: "tdm",
            covers: &[Use::TrainAi, Use::AiUse, Use::Search, Use::TrainNongen, Use::AiIndex, Use::TdmOther],
            touches: &[],
        },
    ),
    ("vocab-01", Label { word: "ai", covers: &[Use::TrainAi, Use::TrainNongen], touches: &[] }),
    ("vocab-01", Label { word: "genai", covers: &[Use::TrainAi], touches: &[] }),
    ("vocab-01", Label { word: "inference", covers: &[Use::AiUse], touches: &[Use::AiIndex, Use::AiUserFetch] }),
    ("vocab-02", Label { word: "all", covers: EVERYTHING, touches: &[] }),
    ("vocab-03", Label { word: "train-genai", covers: &[Use::TrainAi], touches: &[] }),
    ("vocab-04", Label { word: "bots", covers: EVERYTHING, touches: &[] }),
    ("vocab-04", Label { word: "ai-output", covers: &[Use::AiUse, Use::Search], touches: &[Use::AiIndex] }),
];

/// Labels whose company shows that `train-ai` was written for a draft in which it meant all training.
pub const OLD_COMPANY: &[&str] = &["train-genai", "all", "bots", "tdm"];
