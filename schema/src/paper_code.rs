//! Paper codes: what a data set's own papers can be caught at, each with its stable code and a page in `schema/papers/`.

use crate::vocab::words;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)?) => {
        words!(
            /// What reading a data set's papers beside each other, and beside its files, has found.
            PaperCode { $($(#[$doc])* $variant = $word),+ }
        );

        impl PaperCode {
            /// The page that explains the code, in Markdown.
            #[must_use]
            pub const fn page(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("../papers/", $word, ".md"))),+ }
            }
        }
    };
}

codes!(
        /// The same entry stands twice.
        DuplicateRow = "duplicate-row",
        /// Two data sets under different roots bear one digest or one commit.
        HashUnderTwoNames = "hash-under-two-names",
        /// Something is said to be made from, or to lie in, what no paper and no file bears.
        DeadReference = "dead-reference",
        /// A commit id that is none.
        CommitMalformed = "commit-malformed",
        /// Words where a URL belongs.
        WordsInUrl = "words-in-url",
        /// The license of a crawler's or tool's code, stated for the data.
        LicenseOfCode = "license-of-code",
        /// Nobody knows or says the license.
        LicenseUnknown = "license-unknown",
        /// The license's version is left out.
        LicenseUnversioned = "license-unversioned",
        /// The words name no license, or several without saying how they go together.
        LicenseIsSentence = "license-is-sentence",
        /// Two papers state different licenses for one data set.
        LicenseDiffers = "license-differs",
        /// The paper itself says that robots.txt was not heeded.
        RobotsNotFiltered = "robots-not-filtered",
        /// A file's bytes have another digest than the paper claims.
        DigestMismatch = "digest-mismatch",
        /// A file that the paper claims is not there.
        FileMissing = "file-missing",
        /// A file has another length than the paper claims.
        LengthDiffers = "length-differs",
        /// A path that leads out of the paper's folder.
        PathOutside = "path-outside",
        /// What was not looked at, and why.
        NotChecked = "not-checked",

);
