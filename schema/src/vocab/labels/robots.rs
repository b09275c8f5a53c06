//! What a rule of robots.txt against one crawler says of uses, by what the crawler collects for. RFC 9309 (2022-09) knows
//! fetching alone; the rest is inferred from the crawler's purpose in the agents table.

use crate::vocab::AgentPurpose;
use crate::vocab::Use;
use crate::vocab::agents::AgentRow;

/// The uses that a `Disallow` reserves from a crawler of this purpose, sorted. `*` and unknown crawlers: fetching alone.
#[must_use]
pub const fn disallowed(purpose: AgentPurpose) -> &'static [Use] {
    match purpose {
        AgentPurpose::Training | AgentPurpose::Archive => &[Use::TrainAi, Use::TrainNongen, Use::Crawl],
        AgentPurpose::Search => &[Use::Search, Use::AiIndex, Use::Crawl],
        AgentPurpose::User => &[Use::AiUserFetch, Use::Crawl],
        AgentPurpose::Unknown => &[Use::Crawl],
    }
}

/// The uses that a `Disallow` reserves from a crawler of the table, sorted. A token that only steers never fetches, so that
/// a rule against it says nothing of fetching; one that steers grounding too speaks of input to models.
#[must_use]
pub fn disallowed_of(row: &AgentRow) -> &'static [Use] {
    match (row.control_only, row.kinds.iter().any(|kind| kind == "grounding"), row.purpose()) {
        (false, _, purpose) => disallowed(purpose),
        (true, true, _) => &[Use::TrainAi, Use::AiUse, Use::TrainNongen],
        (true, false, _) => &[Use::TrainAi, Use::TrainNongen],
    }
}
