//! Problems: every error over HTTP as RFC 9457, each code with its status and its paragraph.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::{PROBLEM_JSON, Problem};

use crate::clearance::ClearanceError;
use crate::refusal::Refusal;
use crate::store::StoreError;

macro_rules! codes {
    ($($variant:ident = $word:literal, $status:ident, $title:literal, $page:literal;)+) => {
        /// The stable code of a problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $(#[doc = $page] $variant),+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code as it is written everywhere.
            #[must_use]
            pub const fn word(self) -> &'static str { match self { $(Self::$variant => $word),+ } }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> StatusCode { match self { $(Self::$variant => StatusCode::$status),+ } }

            /// What it means, in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Self::$variant => $title),+ } }

            /// What it means and what to do, in a paragraph.
            #[must_use]
            pub const fn page(self) -> &'static str { match self { $(Self::$variant => $page),+ } }
        }
    };
}

codes! {
    TooLong = "too-long", PAYLOAD_TOO_LARGE, "Too long",
        "A statement's payload has at most 48,000 bytes and its envelope at most 65,536; a batch of records has at most 32 MiB; other bodies have the bound that the API's description gives. Put long lists into a batch.";
    MalformedEnvelope = "malformed-envelope", BAD_REQUEST, "Malformed envelope",
        "The body is not a DSSE v1 envelope of a statement: JSON with `payloadType`, `payload` and one to four `signatures`, nothing else. `cleartitle register` writes it.";
    NotCanonical = "not-canonical", BAD_REQUEST, "Not canonical JSON",
        "The payload is not in the one canonical form (RFC 8785, integers within 2^53 - 1, at most 32 arrays and objects in each other). Two forms of one statement would have two ids. Encode it canonically before signing.";
    MalformedStatement = "malformed-statement", BAD_REQUEST, "Malformed statement",
        "The payload is not a statement of a version that this registry knows, has a member that it does not know, or repeats a default. What is not understood is refused, since it could restrict.";
    SenselessStatement = "senseless-statement", UNPROCESSABLE_ENTITY, "Senseless statement",
        "The statement has the right shape but says nothing or contradicts itself: an empty window, a reservation that disallows nothing, a permission that allows nothing.";
    OtherLog = "other-log", UNPROCESSABLE_ENTITY, "For another log",
        "The statement names another log's origin, so registering it here would replay it. Sign it for this log; `/v1/log-key` gives the origin.";
    UnknownIssuer = "unknown-issuer", FORBIDDEN, "Unknown issuer",
        "No key is bound to the issuer's domain. The operator binds keys with `cleartitle-server bind-key`.";
    ForeignKey = "foreign-key", FORBIDDEN, "Foreign key",
        "A signature is by a key that is bound to no party of the statement. Sign with a key bound to the issuer or, on an agreement, to a licensee.";
    BadSignature = "bad-signature", FORBIDDEN, "Bad signature",
        "A signature does not verify over these bytes with its key (Ed25519, strict). The payload was changed after signing, or another key signed.";
    IssuerUnsigned = "issuer-unsigned", FORBIDDEN, "Not signed by the issuer",
        "No key bound to the issuer's own domain has signed.";
    LicenseeUnsigned = "licensee-unsigned", FORBIDDEN, "Not signed by a licensee",
        "An agreement is signed by the licensor and by at least one licensee, each with a key of its own.";
    FutureTime = "future-time", UNPROCESSABLE_ENTITY, "Issued in the future",
        "`issued_at` is more than five minutes after the registry's clock. Set the clock right and sign again; use `effective.from` for terms that begin later.";
    OutsideAuthority = "outside-authority", FORBIDDEN, "Outside the issuer's authority",
        "The scope names a host whose registrable domain is not the issuer's. Nobody speaks for another's hosts, nor for a public suffix.";
    SubdomainMayOnlyRestrict = "subdomain-may-only-restrict", FORBIDDEN, "A subdomain may only restrict",
        "A grant, offer or agreement comes from the registrable domain itself. An issuer below it may reserve and dispute, not permit, until delegation is supported.";
    NotSupported = "not-supported", UNPROCESSABLE_ENTITY, "Not supported yet",
        "The statement format has this member, but this version of the registry does not take it: delegation, the basis `agent`, repertoires, sealed leaves.";
    OperatorOnly = "operator-only", FORBIDDEN, "Made by the operator",
        "Key bindings are made by the registry's operator with `cleartitle-server bind-key`, not sent in.";
    NeedsBytes = "needs-bytes", UNPROCESSABLE_ENTITY, "Bytes are missing",
        "A manifest of provenance records is sent to `POST /v1/documents` together with the records.";
    UnknownStatement = "unknown-statement", UNPROCESSABLE_ENTITY, "Names an unknown statement",
        "The statement supersedes, withdraws, accepts, discharges or disputes a statement that is not in this log.";
    NotYours = "not-yours", FORBIDDEN, "Names a statement of another",
        "A statement is superseded or withdrawn by its issuer or the registrable domain above it, an agreement by its parties, a duty discharged by its payee.";
    WrongKind = "wrong-kind", UNPROCESSABLE_ENTITY, "Names a statement of the wrong kind",
        "Only an offer is accepted, only an agreement is suspended by a dispute, and neither key bindings nor withdrawals are withdrawn or superseded.";
    OfferNotInForce = "offer-not-in-force", CONFLICT, "The offer is not in force",
        "The offer has been withdrawn or superseded, its time has not begun or is over. Ask for the issuer's present offer.";
    ListMismatch = "list-mismatch", UNPROCESSABLE_ENTITY, "Another list than the signed one",
        "Digest, length or number of rows of the batch differ from what the manifest statement says. Send exactly the signed bytes after the envelope's line.";
    MalformedRecord = "malformed-record", UNPROCESSABLE_ENTITY, "Malformed record",
        "A line of the batch is not one provenance record: a JSON acquisition of at most 64 KiB that names its content.";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Overloaded",
        "More requests are waiting than the registry takes. Nothing was registered; try again after the seconds of `Retry-After`.";
    LogUnavailable = "log-unavailable", SERVICE_UNAVAILABLE, "The log is unavailable",
        "The log can't take or prove statements now. Nothing was acknowledged; sending the same bytes again is safe.";
    NotFound = "not-found", NOT_FOUND, "Not found",
        "There is nothing under this address.";
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "Method not allowed",
        "The address exists, but not for this method; `Allow` lists those it has.";
    MalformedRequest = "malformed-request", BAD_REQUEST, "Malformed request",
        "The query or the body can't be read: not JSON, not UTF-8, a parameter that is unknown, given twice or not of its form.";
    UnprocessableRequest = "unprocessable-request", UNPROCESSABLE_ENTITY, "Unprocessable request",
        "The body is JSON but not of the shape that the API's description gives.";
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type",
        "Send `Content-Type: application/json`, or `application/x-ndjson` where the API's description names it.";
    TooManyQuestions = "too-many-questions", PAYLOAD_TOO_LARGE, "Too many questions",
        "An array has at most 50,000 questions. Send more as `application/x-ndjson`.";
    LineTooLong = "line-too-long", PAYLOAD_TOO_LARGE, "Line too long",
        "A line of an NDJSON body has at most 64 KiB.";
    SlowClient = "slow-client", REQUEST_TIMEOUT, "The request came too slowly",
        "No byte of the request came for 30 seconds, or a blob was not whole after two minutes.";
    NotYetWitnessed = "not-yet-witnessed", NOT_FOUND, "Not witnessed yet",
        "Too few witnesses have cosigned a checkpoint that covers this. They are asked within a second of each new checkpoint; ask again a little later. A registry without witnesses never has it.";
    BeyondLog = "beyond-log", NOT_FOUND, "Beyond the log",
        "`as_of` names more leaves than the log has.";
    BlobNotNamed = "blob-not-named", NOT_FOUND, "No statement names this blob",
        "The registry keeps evidence that a registered statement names, as an exhibit or as what an observer read, and no other bytes. Register the statement first, then bring what it names.";
    BlobMismatch = "blob-mismatch", UNPROCESSABLE_ENTITY, "Other bytes than the blob's name says",
        "A blob's name is the BLAKE3 of its bytes under the context `cleartitle 2026-11 blob id`. These bytes have another: they were changed on the way, or the name is another file's.";
    RangeNotSatisfiable = "range-not-satisfiable", RANGE_NOT_SATISFIABLE, "Nothing in this range",
        "The range asked for begins behind the end of the body; `Content-Range` tells its length. What lies on disk is whole already, or of another body: compare its hash.";
    NotReady = "not-ready", SERVICE_UNAVAILABLE, "Not ready",
        "The store or the sequencer does not answer.";
    Internal = "internal", INTERNAL_SERVER_ERROR, "Internal error",
        "The registry failed; the operator finds the request id in its log.";
}

/// The problem of an address that is no name of anything: nothing can be there.
pub fn nowhere(error: impl std::fmt::Display) -> Failure {
    Failure::new(Code::NotFound, error.to_string())
}

/// A problem on its way out.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Its code.
    pub code: Code,
    /// What went wrong this time.
    pub detail: String,
}

impl Failure {
    /// A problem with this code.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// A failure that says nothing of its cause, which stands in the log.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Code::Internal, "the registry failed")
    }

    /// Nothing is there.
    #[must_use]
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("{what} is not here"))
    }

    /// The shape that travels.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let Self { code, detail } = self;
        Problem {
            about: format!("/reasons/{}", code.word()),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            detail: detail.chars().take(500).collect(),
            code: code.word().to_owned(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        metrics::counter!("cleartitle_problems_total", "code" => self.code.word()).increment(1);
        let mut response = (self.code.status(), Json(self.problem())).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.code.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        Self::new(Code::LogUnavailable, "the store failed")
    }
}

impl From<ClearanceError> for Failure {
    fn from(error: ClearanceError) -> Self {
        let code = match error {
            ClearanceError::Store(error) => return error.into(),
            ClearanceError::Beyond { .. } => Code::BeyondLog,
            ClearanceError::Copy => Code::UnprocessableRequest,
            ClearanceError::Compile(_) => {
                tracing::error!(%error, "questions can't be answered");
                return Self::internal();
            }
        };
        Self::new(code, error.to_string())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::TooLong(_) => Code::TooLong,
            Refusal::Envelope(_) => Code::MalformedEnvelope,
            Refusal::NotCanonical(_) => Code::NotCanonical,
            Refusal::Malformed(_) => Code::MalformedStatement,
            Refusal::Senseless(_) => Code::SenselessStatement,
            Refusal::OtherLog { .. } => Code::OtherLog,
            Refusal::UnknownIssuer(_) => Code::UnknownIssuer,
            Refusal::ForeignKey(_) => Code::ForeignKey,
            Refusal::BadSignature(_) => Code::BadSignature,
            Refusal::IssuerUnsigned(_) => Code::IssuerUnsigned,
            Refusal::LicenseeUnsigned => Code::LicenseeUnsigned,
            Refusal::FutureTime { .. } => Code::FutureTime,
            Refusal::OutsideAuthority { .. } => Code::OutsideAuthority,
            Refusal::SubdomainPermits(_) => Code::SubdomainMayOnlyRestrict,
            Refusal::NotSupported(_) => Code::NotSupported,
            Refusal::OperatorOnly(_) => Code::OperatorOnly,
            Refusal::NeedsBytes => Code::NeedsBytes,
            Refusal::UnknownStatement(_) => Code::UnknownStatement,
            Refusal::NotYours { .. } => Code::NotYours,
            Refusal::WrongKind { .. } => Code::WrongKind,
            Refusal::OfferNotInForce(_) => Code::OfferNotInForce,
            Refusal::ListMismatch(_) => Code::ListMismatch,
            Refusal::Record { .. } => Code::MalformedRecord,
            Refusal::Busy => Code::Overloaded,
            Refusal::Unavailable(_) => {
                tracing::error!(error = %refusal, "a statement could not be registered");
                return Self::new(Code::LogUnavailable, "the log takes no statements now");
            }
        };
        Self::new(code, refusal.to_string())
    }
}
