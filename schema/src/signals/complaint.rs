//! Complaints: what a parser of a foreign carrier stumbled over, each with a stable code and its place.

use super::shown;
use crate::vocab::words;
use serde::{Deserialize, Serialize};

words!(
    /// A stable code for something in a mark that a publisher should know of; the variant's own line explains it.
    Lint {
        /// The file, or a part of it, is not what its standard says; what could be read was read.
        Malformed = "malformed",
        /// The file is HTML or something else that no site means as this standard's file.
        NotThisFormat = "not-this-format",
        /// A line, element, member or label that the standard does not know.
        UnknownLabel = "unknown-label",
        /// A value that the standard does not know; a prohibition is assumed where one was evidently meant.
        UnknownValue = "unknown-value",
        /// A label of an earlier version of the standard.
        LegacyLabel = "legacy-label",
        /// A rule that never applies, since an earlier or longer one always wins.
        ShadowedRule = "shadowed-rule",
        /// A rule outside any group, or in a place where the standard gives it no meaning.
        Misplaced = "misplaced",
        /// The same thing said twice in different ways; the stricter was taken.
        Contradiction = "contradiction",
        /// Lines that a content delivery network put above the site's own change what those mean.
        CdnPrepended = "cdn-prepended",
        /// Longer, deeper or more numerous than is read; the rest was not read.
        TooMuch = "too-much",
        /// Bytes that are not valid in the file's encoding.
        Encoding = "encoding",
        /// Something that no standard defines, kept as a restriction where it evidently restricts.
        NoStandard = "no-standard",
        /// A policy or license that is named and has to be read elsewhere.
        TermsElsewhere = "terms-elsewhere",
    }
);

impl Lint {
    /// What the publisher should do about it.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Malformed => {
                "write the part as its standard says, or take it out; what can't be read permits nothing"
            }
            Self::NotThisFormat => "serve the file itself, or answer 404; a page in its place says nothing",
            Self::UnknownLabel => {
                "check the spelling against the standard; readers pass over words that they don't know"
            }
            Self::UnknownValue => "use a value that the standard knows; this one is read as a no, or as nothing",
            Self::LegacyLabel => "replace the label by today's; readers differ on what the old one covers",
            Self::ShadowedRule => "take the rule out, or move it before the one that always wins",
            Self::Misplaced => "move the line into the group or the place where the standard gives it a meaning",
            Self::Contradiction => "keep one of the two; readers take the stricter",
            Self::CdnPrepended => {
                "look at the file as visitors get it, and repeat your own lines inside the groups put above them"
            }
            Self::TooMuch => "make the file shorter; what stands beyond the bound is not read",
            Self::Encoding => "save the file as UTF-8",
            Self::NoStandard => "say it by a standard too: Content-Usage, RSL or TDMRep; few readers know this one",
            Self::TermsElsewhere => "see that the named document can be fetched and read by machines",
        }
    }
}

/// One complaint of a parser.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Complaint {
    /// Line, counted from 1; 0 where the carrier has no lines.
    pub line: u32,
    /// What kind of thing.
    pub lint: Lint,
    /// What stood there, cut to 200 characters, and what was made of it.
    pub detail: String,
}

impl Complaint {
    /// A complaint about a line.
    #[must_use]
    pub fn at(line: usize, lint: Lint, detail: impl AsRef<str>) -> Self {
        Self { line: u32::try_from(line).unwrap_or(u32::MAX), lint, detail: shown(detail.as_ref()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lint_says_what_to_do() {
        let mut hints: Vec<&str> = Lint::ALL.iter().map(|lint| lint.hint()).collect();
        assert!(hints.iter().all(|hint| hint.len() > 20 && !hint.ends_with('.')));
        hints.sort_unstable();
        hints.dedup();
        assert_eq!(hints.len(), Lint::ALL.len(), "two lints share a hint");
    }
}
