//! Refusal: why a statement was not registered, one variant a fact; each has its own problem code over HTTP.

use cleartitle_schema::canon::CanonError;
use cleartitle_schema::id::{ContentName, KeyId, StatementId};
use cleartitle_schema::issuer::{Authority, Domain};
use cleartitle_schema::signed::SignedError;
use cleartitle_schema::statement::{Kind, StatementError};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::usage::UsageError;

use crate::store::StoreError;

/// What is wrong with the delegations that a statement relies on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DelegationFault {
    /// An agent names none.
    #[error("the basis is `agent`, and no `delegation` is named")]
    NoneNamed,
    /// What is named is no delegation, or its chain is broken or too long.
    #[error("the delegation that is named does not lead, in at most three steps, to whoever is spoken for")]
    NoChain,
    /// A delegation to somebody else.
    #[error("`{0}` delegates to another agent, or to whoever held the agent's domain before")]
    OtherAgent(StatementId),
    /// A delegation that may not be passed on.
    #[error("`{0}` may not be passed on")]
    NotOnward(StatementId),
    /// A delegation that has not begun, has run out or was withdrawn.
    #[error("the delegation `{0}` is not in force")]
    NotInForce(StatementId),
    /// The scope reaches further than was delegated.
    #[error("the scope is not within that of the delegation `{0}`")]
    OutsideScope(StatementId),
}

/// Why a statement was not registered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// The envelope or the payload is longer than allowed.
    #[error("{0}")]
    TooLong(String),
    /// Not a DSSE envelope of a statement.
    #[error("{0}")]
    Envelope(SignedError),
    /// The payload is not canonical JSON.
    #[error("{0}")]
    NotCanonical(CanonError),
    /// The payload is not a statement of a version that this registry knows, or has a member it doesn't know.
    #[error("{0}")]
    Malformed(StatementError),
    /// The statement says nothing or contradicts itself.
    #[error("{0}")]
    Senseless(StatementError),
    /// The statement was made for another log.
    #[error("the statement is for the log `{found}`, this is `{expected}`")]
    OtherLog {
        /// This log's origin.
        expected: String,
        /// The origin in the payload.
        found: String,
    },
    /// No key is bound to the issuer.
    #[error("no key is bound to `{0}`")]
    UnknownIssuer(Domain),
    /// A signature is by a key that is bound to none of the statement's parties.
    #[error("`{0}` is not bound to a party of the statement")]
    ForeignKey(KeyId),
    /// A signature does not verify.
    #[error("the signature of `{0}` is wrong")]
    BadSignature(KeyId),
    /// The issuer itself did not sign.
    #[error("no key bound to `{0}` has signed")]
    IssuerUnsigned(Domain),
    /// No licensee signed the agreement with a key of its own.
    #[error("an agreement is signed by the licensor and by at least one licensee, each with a key of its own")]
    LicenseeUnsigned,
    /// A site that the claim names as countersigning it has not signed.
    #[error("no key bound to `{0}`, which the claim names as countersigning it, has signed")]
    CountersignerUnsigned(Domain),
    /// A claim over bytes that everybody serves.
    #[error("`{0}` names bytes that everybody serves, which nobody can claim")]
    CommonContent(ContentName),
    /// A claim over bytes that somebody else showed before.
    #[error("`{authority}` showed `{name}` under its own hosts before, and has not signed the claim")]
    SeenElsewhere {
        /// The document.
        name: ContentName,
        /// Who showed it.
        authority: Authority,
    },
    /// The statement named is no claim over such a document.
    #[error("`{claim}` does not claim {}", .name.map_or_else(|| "these documents".to_owned(), |name| format!("`{name}`")))]
    NotClaimed {
        /// What is named.
        claim: StatementId,
        /// The document.
        name: Option<ContentName>,
    },
    /// The claimant's domain has changed hands since.
    #[error("the domain has changed hands since `{0}` was registered")]
    TenureEnded(StatementId),
    /// A challenge of a claim that is not proven.
    #[error("`{0}` is not proven for these documents, so that it disputes at most and lapses by itself")]
    NothingToChallenge(StatementId),
    /// The same authority challenged the claim before.
    #[error("`{claim}` can't be challenged so: {why}")]
    ChallengedBefore {
        /// The claim.
        claim: StatementId,
        /// Why.
        why: &'static str,
    },
    /// The time to answer is over.
    #[error("the thirty days to answer `{0}` are over")]
    AnswerTooLate(StatementId),
    /// The statement claims to be written later than now.
    #[error("`issued_at` is {issued_at}, more than five minutes after {now}")]
    FutureTime {
        /// What the statement says.
        issued_at: Timestamp,
        /// The registry's clock.
        now: Timestamp,
    },
    /// The scope names a host of another authority.
    #[error("`{host}` is outside the authority of `{issuer}`")]
    OutsideAuthority {
        /// The host in the scope.
        host: String,
        /// Who spoke.
        issuer: Domain,
    },
    /// A permission by an issuer below its registrable domain.
    #[error("`{0}` is below its registrable domain and may only restrict")]
    SubdomainPermits(Domain),
    /// An agent speaks of what nobody delegated to it.
    #[error("{0}")]
    NotDelegated(DelegationFault),
    /// The key spoke for the domain, and no longer does.
    #[error("`{key}` no longer speaks for `{domain}`: {why}")]
    KeyEnded {
        /// The key.
        key: KeyId,
        /// The domain.
        domain: Domain,
        /// Why.
        why: &'static str,
    },
    /// A part of the format that a later version of the registry takes.
    #[error("{0} is not supported yet")]
    NotSupported(&'static str),
    /// Only the operator makes such statements.
    #[error("a `{0}` statement is made by the operator, not sent in")]
    OperatorOnly(Kind),
    /// A provenance batch has a route of its own, since its bytes come along.
    #[error("a provenance batch is sent to `/v1/documents` with its bytes")]
    NeedsBytes,
    /// The statement names one that is not in the log.
    #[error("`{0}` is not in the log")]
    UnknownStatement(StatementId),
    /// The statement names one that this issuer may not name so.
    #[error("`{issuer}` may not name `{named}` so: {why}")]
    NotYours {
        /// The statement that it names.
        named: StatementId,
        /// Who spoke.
        issuer: Domain,
        /// Who may.
        why: &'static str,
    },
    /// The statement names one of a kind that can't be named so.
    #[error("`{named}` is a {found}, which can't be named so")]
    WrongKind {
        /// The statement that it names.
        named: StatementId,
        /// Its kind.
        found: Kind,
    },
    /// The end of a key's binding says why it ends.
    #[error("`{0}` is a key binding: its withdrawal says whether the key is `retired` or `compromised`")]
    CauseMissing(StatementId),
    /// The binding has ended before.
    #[error("the key binding `{0}` has ended already")]
    EndedAlready(StatementId),
    /// A kind that binds others than its parties, and so is for everybody to read.
    #[error("a `{0}` can't be sealed")]
    NotSealable(Kind),
    /// A sealed statement may not end or dispute what is public.
    #[error("`{0}` is public, and so is what ends or disputes it")]
    PublicNamed(StatementId),
    /// The offer has ended, not begun, or can no longer be accepted.
    #[error("the offer `{0}` is not in force")]
    OfferNotInForce(StatementId),
    /// The statement was erased by law, and does not come back by being sent again.
    #[error("`{0}` was erased by law")]
    Erased(StatementId),
    /// The bulk list is not the one that the statement names.
    #[error("the batch is not the list that the statement names: {0}")]
    ListMismatch(String),
    /// A line of the bulk list is not a provenance record.
    #[error("line {line} of the batch: {why}")]
    Record {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A provenance table that can't be taken, with the place.
    #[error("the table: {0}")]
    Table(String),
    /// Not a usage report, or one that contradicts itself.
    #[error("{0}")]
    Usage(UsageError),
    /// More is waiting to be registered than the registry takes.
    #[error("too much is waiting to be registered")]
    Busy,
    /// The log does not take statements: it is shutting down, or its store fails.
    #[error("the log takes no statements now: {0}")]
    Unavailable(String),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<UsageError> for Refusal {
    fn from(error: UsageError) -> Self {
        match error {
            UsageError::Canon(CanonError::TooLong { .. }) => Self::TooLong(error.to_string()),
            other => Self::Usage(other),
        }
    }
}

impl From<SignedError> for Refusal {
    fn from(error: SignedError) -> Self {
        match error {
            SignedError::EnvelopeTooLong(_) | SignedError::PayloadTooLong(_) => Self::TooLong(error.to_string()),
            SignedError::UnknownKey(key) => Self::ForeignKey(key),
            SignedError::BadSignature(key) => Self::BadSignature(key),
            other => Self::Envelope(other),
        }
    }
}

impl From<StatementError> for Refusal {
    fn from(error: StatementError) -> Self {
        match error {
            StatementError::Canon(CanonError::TooLong { .. }) => Self::TooLong(error.to_string()),
            StatementError::Canon(error) => Self::NotCanonical(error),
            StatementError::Form(_) => Self::Malformed(error),
            StatementError::Sense(_) => Self::Senseless(error),
            other => Self::Malformed(other),
        }
    }
}
