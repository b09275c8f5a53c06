//! Gate codes: what a gate says of a data set's papers beside the reasons of `decide`, each with a page under `schema/gate/`.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)?) => {
        crate::vocab::words!(
            /// A stable code, the same in Rust, JSON, SARIF, baselines and pages.
            GateCode { $($(#[$doc])* $variant = $word),+ }
        );

        impl GateCode {
            /// The page that explains the code, in Markdown.
            #[must_use]
            pub const fn page(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("../gate/", $word, ".md"))),+ }
            }
        }
    };
}

codes!(
    /// A part of a paper that can't be read as an entry.
    EntryUnreadable = "entry-unreadable",
    /// A paper that lists nothing.
    NothingListed = "nothing-listed",
    /// The policy refuses an entry for a line of its own, whatever the verdict.
    PolicyRefuses = "policy-refuses",
    /// An exception that fits no entry.
    ExceptionUnused = "exception-unused",
    /// An exception whose end is past.
    ExceptionExpired = "exception-expired",
    /// An exception whose end is near.
    ExceptionExpiring = "exception-expiring",
    /// A stated license that is on the policy's list of those that are refused.
    LicenseDenied = "license-denied",
    /// A stated license that is not on the policy's list of those that are allowed.
    LicenseNotAllowed = "license-not-allowed",
    /// A stated license that names no license that can be told.
    LicenseUnreadable = "license-unreadable",
    /// No license is stated, where the policy asks for one.
    LicenseUnstated = "license-unstated",
    /// An entry that the locked state let through and the newest does not.
    ClearanceDrift = "clearance-drift",
);
