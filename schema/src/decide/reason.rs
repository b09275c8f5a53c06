//! Reason codes: why a verdict is what it is; each has a rule of the design and a page under `schema/reasons/`.

use crate::id::StatementId;
use crate::issuer::Authority;
use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $rule:literal);+ $(;)?) => {
        crate::vocab::words!(
            /// A stable code, the same in Rust, JSON, command line, reports and pages.
            Reason { $($(#[$doc])* $variant = $word),+ }
        );

        impl Reason {
            /// The rule of the decision procedure that this code shows, 1 to 13.
            #[must_use]
            pub const fn rule(self) -> u8 {
                match self { $(Self::$variant => $rule),+ }
            }

            /// The page that explains the code, in Markdown.
            #[must_use]
            pub const fn page(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("../../reasons/", $word, ".md"))),+ }
            }
        }
    };
}

reasons!(
    /// Nobody speaks for the document.
    NoStatement = "no-statement", 1;
    /// The site was read, and says nothing on this use.
    Unspecified = "unspecified", 1;
    /// Nobody ever looked at the site.
    NotChecked = "not-checked", 1;
    /// A place that may hold a reservation could not be read.
    Unreadable = "unreadable", 1;
    /// A URL of the copy can't be read, so what reserves it may have been missed.
    UrlUnreadable = "url-unreadable", 1;
    /// A constraint can't be judged, since a fact of the question is missing.
    FactMissing = "fact-missing", 2;
    /// A constraint is false, so the rule is silent.
    ConstraintNotMet = "constraint-not-met", 2;
    /// A payment is due and not discharged.
    PaymentDue = "payment-due", 2;
    /// Another duty is due and not discharged.
    DutyOutstanding = "duty-outstanding", 2;
    /// The payee has signed that the duty is met.
    DutyDischarged = "duty-discharged", 2;
    /// The policy asserts that the duty is met.
    DutyAsserted = "duty-asserted", 2;
    /// An agreement in force names the asker and reaches the use.
    AgreementInForce = "agreement-in-force", 3;
    /// The asker has accepted an offer, at its terms.
    OfferAccepted = "offer-accepted", 3;
    /// The offer was not in force when it was accepted.
    AcceptanceTooLate = "acceptance-too-late", 3;
    /// An agreement names the asker, but its words don't reach this use or document.
    OutsideAgreement = "outside-agreement", 3;
    /// The agreement's term has not begun.
    TermNotBegun = "term-not-begun", 3;
    /// The agreement's term is over.
    TermEnded = "term-ended", 3;
    /// The artefact may be kept after the term.
    PostTermKept = "post-term-kept", 3;
    /// The artefact must be deleted after the term.
    PostTermDelete = "post-term-delete", 3;
    /// The agreement doesn't say what may remain after the term.
    PostTermUnknown = "post-term-unknown", 3;
    /// One party declares the agreement ended, and no clause lets it do so alone.
    EndContested = "end-contested", 3;
    /// The terms disallow the use.
    UseDisallowed = "use-disallowed", 4;
    /// The rightsholder has reserved the use.
    RightsReserved = "rights-reserved", 4;
    /// A signal on the rightsholder's site reserves the use.
    SignalReserved = "signal-reserved", 4;
    /// A grant to anyone is in force.
    GrantInForce = "grant-in-force", 4;
    /// An offer is open, and the asker has not accepted it.
    OfferOpen = "offer-open", 4;
    /// A later statement of the same authority names this one and replaces it.
    Superseded = "superseded", 4;
    /// The issuer has withdrawn the statement.
    Withdrawn = "withdrawn", 4;
    /// The issuer's own older signal gives way to its signed grant or offer.
    SignalLifted = "signal-lifted", 4;
    /// A host makes works of others available: it may reserve, never clear.
    HostCannotClear = "host-cannot-clear", 5;
    /// An agent whose delegation is not on record can't clear.
    AgentUndelegated = "agent-undelegated", 5;
    /// The key that signed it alone was revoked as compromised soon after.
    KeyCompromised = "key-compromised", 5;
    /// An issuer below its registrable domain may only restrict.
    SubdomainCannotClear = "subdomain-cannot-clear", 5;
    /// The document shows material of a third party, which the permission excludes.
    ThirdPartyMaterial = "third-party-material", 5;
    /// A license applies to the item.
    LicenseApplies = "license-applies", 6;
    /// The mark does not speak for the item.
    LicenseScopeUnclear = "license-scope-unclear", 6;
    /// The mark is unsigned, and the policy doesn't trust the host's marks.
    LicenseSelfDeclared = "license-self-declared", 6;
    /// The license's text doesn't settle this use.
    LicenseUndecided = "license-undecided", 6;
    /// The license is not in the table, or can't be read.
    LicenseUnknown = "license-unknown", 6;
    /// The expression offers alternatives, and no choice is recorded.
    LicenseChoiceMissing = "license-choice-missing", 6;
    /// An irrevocable permission, evidenced at capture, survives its issuer's change.
    IrrevocableKept = "irrevocable-kept", 6;
    /// The copy comes from an unlawful source.
    UnlawfulSource = "unlawful-source", 7;
    /// The permission speaks for the issuer's own copy, and these bytes were fetched elsewhere.
    OtherCopy = "other-copy", 7;
    /// Stricter terms than at capture are in force since.
    StricterSince = "stricter-since", 8;
    /// A reservation was registered after the copy was made.
    ReservedLater = "reserved-later", 8;
    /// The permission is not in force at the time of use.
    NotInForce = "not-in-force", 8;
    /// The copy was captured before the issuer's tenure.
    BeforeTenure = "before-tenure", 8;
    /// A claim over content is not proven.
    ClaimUnproven = "claim-unproven", 9;
    /// An unproven claim has lapsed.
    ClaimLapsed = "claim-lapsed", 9;
    /// Somebody challenges a proven claim, and its issuer has not answered yet.
    ClaimChallenged = "claim-challenged", 9;
    /// A challenge was not answered in time: the claim counts as unproven.
    ChallengeUnanswered = "challenge-unanswered", 9;
    /// Two authorities claim the same content.
    ClaimsConflict = "claims-conflict", 9;
    /// A signal allows the use, seen by an observer whom the policy trusts.
    SignalAllows = "signal-allows", 9;
    /// A signal allows the use, but its observer is not trusted.
    ObserverUntrusted = "observer-untrusted", 9;
    /// A signal allows the use, but its kind never clears.
    SignalCannotClear = "signal-cannot-clear", 9;
    /// A signal is malformed; it permits nothing.
    SignalMalformed = "signal-malformed", 9;
    /// A legal dispute is on record.
    Disputed = "disputed", 10;
    /// A dispute suspends the agreement.
    AgreementSuspended = "agreement-suspended", 10;
    /// A release settles past conduct; it clears nothing.
    ReleasePastOnly = "release-past-only", 10;
    /// An ancestor of the document is not cleared.
    AncestorNotCleared = "ancestor-not-cleared", 11;
    /// The ancestors are cleared.
    AncestorsCleared = "ancestors-cleared", 11;
    /// An ancestor is not known.
    LineageUnresolved = "lineage-unresolved", 11;
    /// The lineage was asserted by somebody whose word clears nothing.
    LineageUntrusted = "lineage-untrusted", 11;
    /// Synthetic text whose generator is not known.
    GeneratorUnknown = "generator-unknown", 11;
    /// The crawl itself was not allowed.
    AcquisitionConflict = "acquisition-conflict", 12;
);

/// One reason in a decision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The code.
    pub code: Reason,
    /// The rule of the decision procedure that it shows, 1 to 13.
    pub rule: u8,
    /// The authority that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub authority: Option<Authority>,
    /// The statement that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub statement: Option<StatementId>,
    /// The fact, duty, signal or license that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Finding {
    /// A reason without particulars.
    #[must_use]
    pub const fn new(code: Reason) -> Self {
        Self { code, rule: code.rule(), authority: None, statement: None, detail: None }
    }

    /// With the statement that decided.
    #[must_use]
    pub const fn by(mut self, statement: StatementId) -> Self {
        self.statement = Some(statement);
        self
    }

    /// With a particular.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}
