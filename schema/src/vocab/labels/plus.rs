//! Values of the PLUS Data Mining property that IPTC photo metadata carries, as categories of use.
//!
//! Source: IPTC Photo Metadata Standard 2023.1, property Data Mining, whose vocabulary is PLUS LDF
//! (`http://ns.useplus.org/ldf/vocab/`). Read on 23 November 2026.

use super::Label;
use crate::vocab::Use;

/// Mining and everything that a model does with a document; what the widest permission grants.
const MINING: &[Use] = &[Use::TrainAi, Use::AiUse, Use::TrainNongen, Use::AiIndex, Use::TdmOther];

/// The same and search; what the plain prohibition denies.
const MINING_AND_SEARCH: &[Use] =
    &[Use::TrainAi, Use::AiUse, Use::Search, Use::TrainNongen, Use::AiIndex, Use::TdmOther];

const fn label(word: &'static str, covers: &'static [Use]) -> Label {
    Label { word, covers, touches: &[] }
}

/// The codes. Whether one allows or prohibits stands in its name; those with `SEE` are prohibitions unless the text that
/// they refer to permits.
pub const TABLE: &[Label] = &[
    label("DMI-ALLOWED", MINING),
    label("DMI-PROHIBITED", MINING_AND_SEARCH),
    label("DMI-PROHIBITED-AIMLTRAINING", &[Use::TrainAi, Use::TrainNongen]),
    label("DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING", MINING),
    label("DMI-PROHIBITED-GENAIMLTRAINING", &[Use::TrainAi]),
    label("DMI-PROHIBITED-SEECONSTRAINT", MINING_AND_SEARCH),
    label("DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR", MINING_AND_SEARCH),
    label("DMI-PROHIBITED-SEELINKEDRIGHTSEXPR", MINING_AND_SEARCH),
    label("DMI-UNSPECIFIED", &[]),
];
