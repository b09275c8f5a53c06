//! Problems: every error over HTTP as RFC 9457, each code with its status and its paragraph.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::{PROBLEM_JSON, Problem};
use cleartitle_schema::domain_proof::request::RequestError;
use cleartitle_schema::signed::SignedError;

use crate::claims::serving::ServingError;
use crate::clearance::ClearanceError;
use crate::domains::LookError;
use crate::domains::binding::BindError;
use crate::limits::TooFast;
use crate::refusal::Refusal;
use crate::request_span;
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
        "No key is bound to the issuer's domain. Publish a key at the domain and let `cleartitle domain verify` bind it.";
    ForeignKey = "foreign-key", FORBIDDEN, "Foreign key",
        "A signature is by a key that is bound to no party of the statement. Sign with a key bound to the issuer or, on an agreement, to a licensee.";
    KeyEnded = "key-ended", FORBIDDEN, "The key no longer speaks",
        "The key spoke for the domain once. It lapsed because the domain no longer publishes it, was retired or revoked, or the domain has changed hands. Sign with a key that is bound now.";
    NotDelegated = "not-delegated", FORBIDDEN, "Not delegated",
        "An agent speaks under a `delegation` that names it, is in force, covers all of the scope, and leads in at most three steps to whoever is spoken for, each but the last with leave to pass it on. The detail says what fails.";
    CauseMissing = "cause-missing", UNPROCESSABLE_ENTITY, "A key's end needs a cause",
        "The withdrawal of a key binding says whether the key is `retired` or `compromised`: of a compromised key, what it signed shortly before is in doubt.";
    EndedAlready = "ended-already", CONFLICT, "Ended already",
        "The key binding has ended before. A key has one end.";
    NotSealable = "not-sealable", UNPROCESSABLE_ENTITY, "Can't be sealed",
        "Agreements, acceptances, releases, discharges, and what ends or disputes a sealed agreement can be sealed. What binds everybody is for everybody to read, and a key's end too.";
    PublicNamed = "public-named", UNPROCESSABLE_ENTITY, "Names what is public",
        "A sealed statement may not supersede, withdraw or dispute a public one: others rely on what they can read. State that in public.";
    MalformedKeyRequest = "malformed-key-request", BAD_REQUEST, "Malformed key request",
        "The body is not a DSSE v1 envelope over a canonical key request, signed by the key that it asks to bind and by no key that is not known here. `cleartitle domain verify` writes it.";
    StaleKeyRequest = "stale-key-request", UNPROCESSABLE_ENTITY, "Stale key request",
        "A key request holds for fifteen minutes, so that no revoked key comes back by an old one. Set the clock right and make it anew.";
    PublicSuffix = "public-suffix", FORBIDDEN, "A public suffix",
        "Nobody speaks for a public suffix such as `co.uk` or `github.io`; each name directly below it speaks for itself.";
    NameNeedsReview = "name-needs-review", FORBIDDEN, "The name needs a person's look",
        "The name is no valid internationalised name, mixes scripts within a label, or looks like another that speaks here already. The operator can bind it by hand.";
    KeyOfAnother = "key-of-another", FORBIDDEN, "The key speaks for another",
        "The key is bound to another registrable domain. One signature must not count for two houses: make a key of its own.";
    KeyCompromised = "key-compromised-before", FORBIDDEN, "The key was compromised",
        "The key was revoked as compromised. It is never bound again, to any domain: make a new one.";
    NotPublished = "not-published", UNPROCESSABLE_ENTITY, "The domain does not publish the key",
        "The registry looked at the place that the request names, and the key is not there. `cleartitle domain record` prints what to publish; a DNS record may take its time to be seen.";
    DomainUnreachable = "domain-unreachable", BAD_GATEWAY, "The domain could not be looked at",
        "Nobody answered where the domain should publish its keys, or what answers is not looked at: an address that is not public, a redirect out of the registrable domain, more than 64 KiB, no valid certificate.";
    BadSignature = "bad-signature", FORBIDDEN, "Bad signature",
        "A signature does not verify over these bytes with its key (Ed25519, strict). The payload was changed after signing, or another key signed.";
    UnsignedRequest = "unsigned-request", FORBIDDEN, "Not signed as it must be",
        "The request carries no HTTP message signature (RFC 9421) that is read here: one by Ed25519 with this purpose's `tag`, `created`, `expires` at most five minutes later, `nonce` and `keyid`, over `@method`, `@authority`, `@path`, `signature-agent`, with a query `@query`, with a body `content-digest` (SHA-256).";
    UnknownSigner = "unknown-signer", FORBIDDEN, "The key speaks for nobody here",
        "No key with this `keyid`, its `key:` id or its JSON Web Key thumbprint, is bound now to the domain that `Signature-Agent` names. `cleartitle domain verify` binds one, of a crawler's key directory too.";
    ReplayedRequest = "replayed-request", FORBIDDEN, "The request was sent before",
        "A request with this nonce was taken from this key already. Nothing was done; sign it anew with another nonce.";
    IssuerUnsigned = "issuer-unsigned", FORBIDDEN, "Not signed by the issuer",
        "No key bound to the issuer's own domain has signed.";
    LicenseeUnsigned = "licensee-unsigned", FORBIDDEN, "Not signed by a licensee",
        "An agreement is signed by the licensor and by at least one licensee, each with a key of its own.";
    CountersignerUnsigned = "countersigner-unsigned", FORBIDDEN, "Not countersigned",
        "The claim names a site in `countersigned_by`, and no key bound to it has signed. `cleartitle register --countersign` adds the signature of the site.";
    CommonContent = "common-content", UNPROCESSABLE_ENTITY, "Nobody's to claim",
        "The claim names bytes that everybody serves: the empty body, a stub, a default page, or bytes that twenty authorities show under their own hosts. Leave them out of the scope; they can still be excluded.";
    SeenElsewhere = "seen-elsewhere", FORBIDDEN, "Seen elsewhere before",
        "Another authority showed these bytes under its own hosts before, by a provenance record of its own or as the registry saw itself. Name it in `countersigned_by` and let it sign, or challenge its claim.";
    NotClaimed = "not-claimed", UNPROCESSABLE_ENTITY, "Not a claim over this document",
        "The statement that is named states no terms over this document by its bytes, so that there is nothing to prove or to challenge.";
    TenureEnded = "tenure-ended", CONFLICT, "The domain has changed hands",
        "The claim was made by whoever held the domain before. What is served there now proves it no more, and nobody answers for it. Register the claim anew.";
    NotServed = "not-served", UNPROCESSABLE_ENTITY, "The URL does not serve these bytes",
        "The registry looked, and found another status than 200 or other bytes. The document is the payload without transfer or content coding; a page that changes with each request proves nothing.";
    ServingUnreachable = "serving-unreachable", BAD_GATEWAY, "The URL could not be looked at",
        "Nobody answered, or what answers is not looked at: an address that is not public, a redirect out of the registrable domain, more than 64 MiB, a content coding, no valid certificate.";
    NothingToChallenge = "nothing-to-challenge", CONFLICT, "Nothing to challenge",
        "The claim is not proven for these documents: it clears nothing, disputes at most, and lapses thirty days after it was registered.";
    ChallengedBefore = "challenged-before", CONFLICT, "Challenged before",
        "An authority has one open challenge of a claim, and after its answer one more with new evidence. What is still in doubt then is for a `dispute` with its case.";
    AnswerTooLate = "answer-too-late", CONFLICT, "Too late to answer",
        "A challenge is answered within thirty days. The claim counts as unproven now; register it anew and have it proven.";
    FutureTime = "future-time", UNPROCESSABLE_ENTITY, "Issued in the future",
        "`issued_at` is more than five minutes after the registry's clock. Set the clock right and sign again; use `effective.from` for terms that begin later.";
    OutsideAuthority = "outside-authority", FORBIDDEN, "Outside the issuer's authority",
        "The scope names a host whose registrable domain is not the issuer's. Nobody speaks for another's hosts, nor for a public suffix.";
    SubdomainMayOnlyRestrict = "subdomain-may-only-restrict", FORBIDDEN, "A subdomain may only restrict",
        "A grant, offer or agreement comes from the registrable domain itself. An issuer below it may reserve and dispute, not permit nor delegate.";
    NotSupported = "not-supported", UNPROCESSABLE_ENTITY, "Not supported yet",
        "The statement format has this member, but this version of the registry does not take it: repertoires, sealed leaves.";
    OperatorOnly = "operator-only", FORBIDDEN, "Made by the operator",
        "Key bindings and proofs of claims are made by the registry, not sent in: `cleartitle domain verify` and `cleartitle claim prove` ask for one, and `cleartitle-server bind-key` makes one on the operator's word.";
    NeedsBytes = "needs-bytes", UNPROCESSABLE_ENTITY, "Bytes are missing",
        "A manifest of provenance records is sent to `POST /v1/documents` together with the records.";
    UnknownStatement = "unknown-statement", UNPROCESSABLE_ENTITY, "Names an unknown statement",
        "The statement supersedes, withdraws, accepts, discharges, disputes, challenges or answers a statement that is not in this log.";
    NotYours = "not-yours", FORBIDDEN, "Names a statement of another",
        "A statement is superseded or withdrawn by its issuer or the registrable domain above it, an agreement by its parties, a duty discharged by its payee.";
    WrongKind = "wrong-kind", UNPROCESSABLE_ENTITY, "Names a statement of the wrong kind",
        "Only an offer is accepted, only an agreement is suspended by a dispute, and neither key bindings nor withdrawals are withdrawn or superseded.";
    OfferNotInForce = "offer-not-in-force", CONFLICT, "The offer is not in force",
        "The offer has been withdrawn or superseded, its time has not begun or is over. Ask for the issuer's present offer.";
    WebhookElsewhere = "webhook-elsewhere", FORBIDDEN, "Another house's address",
        "Deliveries go by https to a host of the asker's own registrable domain, at the usual port, so that nobody aims them at somebody else.";
    TooManyWebhooks = "too-many-webhooks", CONFLICT, "Too many subscriptions",
        "A registrable domain has at most 16 subscriptions, given up ones too. End one with `DELETE /v1/webhooks/{id}`.";
    MalformedUsage = "malformed-usage-report", UNPROCESSABLE_ENTITY, "No usage report",
        "The payload is not a usage report in its one canonical form, contradicts itself, has lines that nobody counted, or is of a period that is not over. `cleartitle usage make` writes it.";
    TooManyUsageReports = "too-many-usage-reports", CONFLICT, "Too many usage reports",
        "The registry keeps so many reports of one registrable domain, and so many in all, and no more. Ask the operator.";
    Erased = "erased", GONE, "Erased by law",
        "The statement's envelope had to be erased. The operator's `erasure` in the log says when and why; the same bytes are not taken again. State anew what still holds, without what had to go.";
    ListMismatch = "list-mismatch", UNPROCESSABLE_ENTITY, "Another list than the signed one",
        "Digest, length or number of rows of the batch differ from what the manifest statement says. Send exactly the signed bytes after the envelope's line.";
    MalformedRecord = "malformed-record", UNPROCESSABLE_ENTITY, "Malformed record",
        "A line of the batch is not one provenance record: a JSON acquisition of at most 64 KiB that names its content.";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Overloaded",
        "More requests are waiting than the registry takes. Nothing was registered; try again after the seconds of `Retry-After`.";
    MalformedTable = "malformed-table", UNPROCESSABLE_ENTITY, "Not a table of provenance records",
        "The Parquet file is not sound, or has a column, a type, an encoding or a row that no provenance table has; the detail names row, row group and column. Nothing of it was kept. Mend it, and sign and send it anew.";
    WrongOffset = "wrong-offset", CONFLICT, "The upload does not go on there",
        "Pieces come in order, and each once. `GET` of the upload says at which byte it goes on (`received`), or that it is over.";
    NoRoom = "no-room", INSUFFICIENT_STORAGE, "No room",
        "The issuer, or all issuers together, have as many bytes or tables as the operator allows, or the registry's disk is full. Nothing was taken; what was acknowledged before is still there.";
    TooManyRequests = "too-many-requests", TOO_MANY_REQUESTS, "Too many requests",
        "This address (of IPv6 its /64) asks faster than the registry allows. Nothing was done; try again after the seconds of `Retry-After`. Whole data sets are cleared with a snapshot, not by asking.";
    TooManyRegistrations = "too-many-registrations", TOO_MANY_REQUESTS, "Too many registrations",
        "The keys of this issuer's registrable domain register faster than the registry allows. Nothing was registered; send the same bytes again after the seconds of `Retry-After`. Put long lists into a batch.";
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
        "No byte of the request came for 30 seconds, or less than 128 KiB a second over a longer time, or no whole question of a stream within a minute.";
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
    /// After how many seconds to try again, where that is known.
    pub retry_after: Option<u64>,
}

impl Failure {
    /// A problem with this code.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), retry_after: None }
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
        let Self { code, detail, .. } = self;
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
        let unavailable = (self.code.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        if let Some(seconds) = self.retry_after.or(unavailable) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<TooFast> for Failure {
    fn from(error: TooFast) -> Self {
        let code = match error {
            TooFast::Requests(_) => Code::TooManyRequests,
            TooFast::Registrations(_) => Code::TooManyRegistrations,
        };
        Self { retry_after: Some(error.retry_after()), ..Self::new(code, error.to_string()) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        tracing::error!(parent: &request_span::current(), %error, "the store failed");
        Self::new(Code::LogUnavailable, "the store failed")
    }
}

impl From<ClearanceError> for Failure {
    fn from(error: ClearanceError) -> Self {
        let code = match error {
            ClearanceError::Store(error) => return error.into(),
            ClearanceError::Beyond { .. } => Code::BeyondLog,
            ClearanceError::Copy => Code::UnprocessableRequest,
            ClearanceError::Busy => Code::Overloaded,
            ClearanceError::Compile(_) => {
                tracing::error!(parent: &request_span::current(), %error, "questions can't be answered");
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
            Refusal::CountersignerUnsigned(_) => Code::CountersignerUnsigned,
            Refusal::CommonContent(_) => Code::CommonContent,
            Refusal::SeenElsewhere { .. } => Code::SeenElsewhere,
            Refusal::NotClaimed { .. } => Code::NotClaimed,
            Refusal::TenureEnded(_) => Code::TenureEnded,
            Refusal::NothingToChallenge(_) => Code::NothingToChallenge,
            Refusal::ChallengedBefore { .. } => Code::ChallengedBefore,
            Refusal::AnswerTooLate(_) => Code::AnswerTooLate,
            Refusal::FutureTime { .. } => Code::FutureTime,
            Refusal::OutsideAuthority { .. } => Code::OutsideAuthority,
            Refusal::SubdomainPermits(_) => Code::SubdomainMayOnlyRestrict,
            Refusal::KeyEnded { .. } => Code::KeyEnded,
            Refusal::NotDelegated(_) => Code::NotDelegated,
            Refusal::CauseMissing(_) => Code::CauseMissing,
            Refusal::EndedAlready(_) => Code::EndedAlready,
            Refusal::NotSealable(_) => Code::NotSealable,
            Refusal::PublicNamed(_) => Code::PublicNamed,
            Refusal::NotSupported(_) => Code::NotSupported,
            Refusal::OperatorOnly(_) => Code::OperatorOnly,
            Refusal::NeedsBytes => Code::NeedsBytes,
            Refusal::UnknownStatement(_) => Code::UnknownStatement,
            Refusal::NotYours { .. } => Code::NotYours,
            Refusal::WrongKind { .. } => Code::WrongKind,
            Refusal::OfferNotInForce(_) => Code::OfferNotInForce,
            Refusal::Erased(_) => Code::Erased,
            Refusal::ListMismatch(_) => Code::ListMismatch,
            Refusal::Record { .. } => Code::MalformedRecord,
            Refusal::Table(_) => Code::MalformedTable,
            Refusal::Usage(_) => Code::MalformedUsage,
            Refusal::Busy => Code::Overloaded,
            Refusal::Unavailable(_) => {
                tracing::error!(parent: &request_span::current(), error = %refusal, "a statement could not be registered");
                return Self::new(Code::LogUnavailable, "the log takes no statements now");
            }
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Self {
        let code = match &error {
            BindError::Request(RequestError::Signed(SignedError::BadSignature(_))) => Code::BadSignature,
            BindError::Request(RequestError::Signed(
                SignedError::EnvelopeTooLong(_) | SignedError::PayloadTooLong(_),
            )) => Code::TooLong,
            BindError::Request(_) => Code::MalformedKeyRequest,
            BindError::OtherLog { .. } => Code::OtherLog,
            BindError::Stale(_) => Code::StaleKeyRequest,
            BindError::PublicSuffix(_) => Code::PublicSuffix,
            BindError::Name(_) => Code::NameNeedsReview,
            BindError::KeyOfAnother(_) => Code::KeyOfAnother,
            BindError::Compromised => Code::KeyCompromised,
            BindError::NotPublished { .. } => Code::NotPublished,
            BindError::OperatorsWord => Code::OperatorOnly,
            BindError::Statement(_) | BindError::Store(_) => {
                tracing::error!(parent: &request_span::current(), %error, "a key could not be bound");
                return Self::internal();
            }
        };
        Self::new(code, error.to_string())
    }
}

impl From<ServingError> for Failure {
    fn from(error: ServingError) -> Self {
        let code = match &error {
            ServingError::Url(_) => Code::UnprocessableRequest,
            ServingError::OutsideAuthority { .. } => Code::OutsideAuthority,
            ServingError::OtherBytes { .. } => Code::NotServed,
            ServingError::Statement(_) => {
                tracing::error!(parent: &request_span::current(), %error, "a claim could not be proven");
                return Self::internal();
            }
        };
        Self::new(code, error.to_string())
    }
}

impl From<LookError> for Failure {
    fn from(error: LookError) -> Self {
        let code = match &error {
            LookError::Busy => Code::Overloaded,
            LookError::Unreachable(_) | LookError::Refused(_) => Code::DomainUnreachable,
        };
        Self::new(code, error.to_string())
    }
}
