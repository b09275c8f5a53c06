//! Every type of relationship that SPDX 3.0.1 has, and what it says of where data comes from.
//!
//! A table, so that it can be held against the model's own list: who hides an origin takes the word that nobody looked at. A
//! word that stands in no row is told where it touches data. Names of the model's drafts stand beside those of 3.0.1, since
//! papers bear both.

use cleartitle_schema::lineage::Link;

/// What a relationship says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Each `to` was made from the `from`.
    ToCameFrom(Link),
    /// The `from` was made from each `to`.
    FromCameFrom(Link),
    /// The `from` needs each `to`; where both are data, it was made with it.
    FromNeeds(Link),
    /// Each `to` lies in the `from`.
    Holds,
    /// The `from`, a build, read each `to`.
    Reads,
    /// The `from`, a build, wrote each `to`.
    Writes,
    /// Each `to` is a license of the `from`.
    Licensed,
    /// Nothing of where data comes from.
    Nothing,
}

use Says::{FromCameFrom, FromNeeds, Holds, Licensed, Nothing, Reads, ToCameFrom, Writes};

/// The types, in the order of the model's list.
const TYPES: &[(&str, Says)] = &[
    ("affects", Nothing),
    ("amendedBy", ToCameFrom(Link::Adaptation)),
    ("ancestorOf", ToCameFrom(Link::Adaptation)),
    ("availableFrom", Nothing),
    ("configures", Nothing),
    ("contains", Holds),
    ("coordinatedBy", Nothing),
    ("copiedTo", ToCameFrom(Link::SameContent)),
    ("delegatedTo", Nothing),
    ("dependsOn", FromNeeds(Link::Adaptation)),
    ("descendantOf", FromCameFrom(Link::Adaptation)),
    ("describes", Nothing),
    ("doesNotAffect", Nothing),
    ("expandsTo", ToCameFrom(Link::Excerpt)),
    ("exploitCreatedBy", Nothing),
    ("fixedBy", Nothing),
    ("fixedIn", Nothing),
    ("foundBy", Nothing),
    ("generates", ToCameFrom(Link::Generated)),
    ("hasAddedFile", Holds),
    ("hasAssessmentFor", Nothing),
    ("hasAssociatedVulnerability", Nothing),
    ("hasConcludedLicense", Licensed),
    ("hasDataFile", FromNeeds(Link::Adaptation)),
    ("hasDeclaredLicense", Licensed),
    ("hasDeletedFile", Nothing),
    ("hasDependencyManifest", Nothing),
    ("hasDistributionArtifact", ToCameFrom(Link::SameContent)),
    ("hasDocumentation", Nothing),
    ("hasDynamicLink", Nothing),
    ("hasEvidence", Nothing),
    ("hasExample", ToCameFrom(Link::Adaptation)),
    ("hasHost", Nothing),
    ("hasInput", Reads),
    ("hasMetadata", Nothing),
    ("hasOptionalComponent", Holds),
    ("hasOptionalDependency", FromNeeds(Link::Adaptation)),
    ("hasOutput", Writes),
    ("hasPrerequisite", FromNeeds(Link::Adaptation)),
    ("hasProvidedDependency", FromNeeds(Link::Adaptation)),
    ("hasRequirement", Nothing),
    ("hasSpecification", Nothing),
    ("hasStaticLink", Nothing),
    ("hasTest", Nothing),
    ("hasTestCase", Nothing),
    ("hasVariant", ToCameFrom(Link::Adaptation)),
    ("invokedBy", Nothing),
    ("modifiedBy", ToCameFrom(Link::Adaptation)),
    ("other", Nothing),
    ("packagedBy", ToCameFrom(Link::SameContent)),
    ("patchedBy", ToCameFrom(Link::Adaptation)),
    ("publishedBy", Nothing),
    ("reportedBy", Nothing),
    ("republishedBy", Nothing),
    ("serializedInArtifact", Nothing),
    ("testedOn", Nothing),
    ("trainedOn", FromCameFrom(Link::Generated)),
    ("underInvestigationFor", Nothing),
    ("usesTool", Nothing),
    // The drafts' names.
    ("ancestor", FromCameFrom(Link::Adaptation)),
    ("descendant", ToCameFrom(Link::Adaptation)),
    ("copy", ToCameFrom(Link::SameContent)),
    ("variant", ToCameFrom(Link::Adaptation)),
    ("expandedFromArchive", ToCameFrom(Link::Excerpt)),
    ("fileAdded", Holds),
    ("fileModified", ToCameFrom(Link::Adaptation)),
    ("packages", ToCameFrom(Link::SameContent)),
    ("distributionArtifact", ToCameFrom(Link::SameContent)),
    ("concludedLicense", Licensed),
    ("declaredLicense", Licensed),
];

/// What a type says, by its word or its address; none for a word that no row has.
#[must_use]
pub fn says(kind: &str) -> Option<Says> {
    let word = kind.rsplit(['/', ':']).next().unwrap_or_default();
    TYPES.iter().find(|(known, _)| *known == word).map(|(_, says)| *says)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_type_has_one_row() {
        let words: BTreeSet<&str> = TYPES.iter().map(|(word, _)| *word).collect();
        assert_eq!(words.len(), TYPES.len());
        let model = TYPES.iter().take_while(|(word, _)| *word != "ancestor").count();
        assert_eq!(model, 59, "the list of SPDX 3.0.1");
        assert_eq!(says("https://spdx.org/rdf/3.0.1/terms/Core/RelationshipType/contains"), Some(Holds));
        assert_eq!(says("derivedFrom"), None);
    }
}
