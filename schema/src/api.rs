//! Shapes that travel over HTTP, written once for the registry that answers and the clients that ask.
//!
//! Answers may gain members, so that a client ignores those it doesn't know; requests are read strictly.

use crate::acquisition::Acquisition;
use crate::decide::{Asker, Decision, Reason, Verdict};
use crate::id::{Commitment, ContentName, KeyId, ListId, StatementId};
use crate::issuer::Domain;
use crate::policy::Reading;
use crate::statement::{Cause, Kind, Proof};
use crate::time::Timestamp;
use crate::vocab::{Artefact, Use, words};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most questions of one JSON array; more travel as NDJSON.
pub const MAX_QUESTIONS: usize = 50_000;

/// The longest line of an NDJSON body, with its newline.
pub const MAX_LINE: usize = 64 << 10;

/// The most statements of one listing.
pub const MAX_LISTED: u64 = 1000;

/// The media type of newline-delimited JSON.
pub const NDJSON: &str = "application/x-ndjson";

/// The media type of an Arrow IPC stream.
pub const ARROW: &str = "application/vnd.apache.arrow.stream";

/// The media type of errors (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Asks the registry to look whether a URL serves claimed bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ProofRequest {
    /// The URL, https, under the claimant's registrable domain.
    #[cfg_attr(feature = "openapi", schema(max_length = 2000, example = "https://press.example/story"))]
    pub url: String,
    /// The document: one of those that the claim lists.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"))]
    pub content: ContentName,
}

/// An error (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// The page of the code.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(example = "/reasons/bad-signature"))]
    pub about: String,
    /// What the code means, in a few words.
    pub title: String,
    /// The HTTP status.
    #[cfg_attr(feature = "openapi", schema(minimum = 400, maximum = 599))]
    pub status: u16,
    /// What went wrong this time.
    pub detail: String,
    /// The stable code.
    #[cfg_attr(feature = "openapi", schema(example = "bad-signature"))]
    pub code: String,
}

words!(
    /// How a statement stands now, as far as later statements say. Windows of time stand in the payload.
    StatementStatus {
        /// No later statement ends it.
        InForce = "in-force",
        /// A later statement of its authority takes its place.
        Superseded = "superseded",
        /// Its issuer ended it.
        Withdrawn = "withdrawn",
        /// One party declared an end that no clause lets it declare alone.
        EndContested = "end-contested",
    }
);

/// The answer to a registration: where the statement stands in the log, with the proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Registration {
    /// The statement's id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub statement: StatementId,
    /// Its place in the log, from 0.
    pub index: u64,
    /// When it was registered.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub registered_at: Timestamp,
    /// The salted commitment that its leaf carries.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub commitment: Commitment,
    /// The salt of the commitment, 64 hex digits.
    pub salt: String,
    /// The canonical leaf, as the log hashes it.
    pub leaf: String,
    /// The receipt (`c2sp.org/tlog-proof@v1`): inclusion proof and signed checkpoint.
    pub receipt: String,
}

/// The purpose of requests about sealed statements (RFC 9421's `tag`).
pub const SEALED_TAG: &str = "cleartitle-sealed";

/// A sealed statement as its parties get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SealedView {
    /// Where it stands, with the proof and the salt.
    pub registration: Registration,
    /// The DSSE envelope.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub envelope: Value,
}

/// One page of a party's sealed statements, in log order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SealedList {
    /// The statements.
    pub statements: Vec<SealedView>,
    /// What to ask `after` for the next page; left out at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// A request to register a commitment alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CommitmentRequest {
    /// BLAKE3 (derive-key) of a salt and an envelope.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^commitment:[0-9a-f]{64}$"))]
    pub commitment: Commitment,
}

/// A sealed leaf, with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SealedLeaf {
    /// Its place in the log, from 0.
    pub index: u64,
    /// When it was registered.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub registered_at: Timestamp,
    /// The commitment.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub commitment: Commitment,
    /// The canonical leaf, as the log hashes it.
    pub leaf: String,
    /// The receipt (`c2sp.org/tlog-proof@v1`).
    pub receipt: String,
}

/// A statement as the registry holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatementView {
    /// Where it stands, with the proof.
    pub registration: Registration,
    /// How it stands now.
    pub status: StatementStatus,
    /// The statements that name this one.
    pub named_by: Vec<NamedBy>,
    /// The domains whose keys signed it.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub signed_by: Vec<Domain>,
    /// What was said: the payload.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub payload: Value,
    /// The DSSE envelope around it.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub envelope: Value,
}

/// A later statement that names an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamedBy {
    /// The later one.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub statement: StatementId,
    /// `supersedes`, `withdraws`, `accepts`, `discharges` or `disputes`.
    pub relation: String,
    /// When that was registered.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub registered_at: Timestamp,
}

/// A statement in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatementSummary {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub statement: StatementId,
    /// Its place in the log.
    pub index: u64,
    /// When it was registered.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub registered_at: Timestamp,
    /// Who spoke.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub issuer: Domain,
    /// Its kind.
    pub kind: Kind,
    /// What was said: the payload.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub payload: Value,
}

/// Statements in log order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatementList {
    /// The page's statements.
    pub statements: Vec<StatementSummary>,
    /// The `after` of the next page; left out on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// A key that speaks for an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IssuerKey {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub key_id: KeyId,
    /// The key, in its file form.
    pub key: String,
    /// How control of the domain was proven.
    pub proof: Proof,
    /// The leaf of the key binding.
    pub index: u64,
    /// Since when it speaks.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub bound_at: Timestamp,
    /// The statement that bound it; its withdrawal ends the key.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub binding: StatementId,
    /// The domain was said to have changed hands with it.
    #[serde(default)]
    pub new_tenure: bool,
    /// When it ceased to speak, and why; left out while it speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<KeyEnd>,
}

/// The end of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyEnd {
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
}

/// How many statements of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KindCount {
    /// The kind.
    pub kind: Kind,
    /// How many.
    pub count: u64,
}

/// An issuer as the registry knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IssuerView {
    /// Its domain.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub domain: Domain,
    /// The registrable domain that answers for it.
    pub authority: String,
    /// The start of its tenure: when its first key was bound, or the last that was said to open a new one.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub tenure_from: Timestamp,
    /// Its keys, the oldest first.
    pub keys: Vec<IssuerKey>,
    /// What it has registered, by kind.
    pub statements: Vec<KindCount>,
}

/// A provenance record, and who brought it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProvenanceRecord {
    /// The manifest statement that lists it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub statement: StatementId,
    /// Who signed that.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub issuer: Domain,
    /// When that was registered.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub registered_at: Timestamp,
    /// Its line in the batch or its row in the table, from 1.
    pub line: u64,
    /// The record.
    pub acquisition: Acquisition,
}

/// What the registry knows of one document by its name alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentView {
    /// The name that was asked for.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub document: ContentName,
    /// Provenance records that name it, at most 1,000 and of tables at most 32, in log order.
    pub records: Vec<ProvenanceRecord>,
    /// Statements whose scope lists it, at most 1,000, in log order.
    pub statements: Vec<StatementSummary>,
}

/// The answer to a batch of provenance records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchRegistration {
    /// The registration of the manifest statement.
    pub registration: Registration,
    /// The digest of the batch.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub list: ListId,
    /// How many records it has.
    pub rows: u64,
}

words!(
    /// How far an upload has come.
    UploadState {
        /// Bytes are missing; `received` says from where on.
        Receiving = "receiving",
        /// All bytes are here; they are checked and loaded, in the order in which uploads came to their end.
        Loading = "loading",
        /// It was refused, and nothing of it is kept; `problem` says why.
        Refused = "refused",
        /// It is in the log; `registration` is the receipt.
        Registered = "registered",
    }
);

/// How a table of provenance records that is sent in pieces stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadView {
    /// The manifest statement.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub statement: StatementId,
    /// How far it has come.
    pub state: UploadState,
    /// How many bytes are here: the next piece begins there.
    pub received: u64,
    /// How many bytes the statement signs.
    pub bytes: u64,
    /// How many rows have been read of it since the loading began last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_read: Option<u64>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// Where it stands in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<BatchRegistration>,
}

/// A question as it travels: the members of [`crate::decide::Question`], with shorter spellings and a default for the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DecisionRequest {
    /// The URL that the copy was fetched from: short for an `acquisition` with one fetched URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The copy. Left out: known by its `url` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acquisition: Option<Acquisition>,
    /// Who asks.
    #[serde(default)]
    pub asker: Asker,
    /// For what.
    #[serde(rename = "use")]
    pub category: Use,
    /// When the use takes place. Left out: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub used_at: Option<Timestamp>,
    /// Where the copying takes place, ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub territory: Option<String>,
    /// For which model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Asks about keeping what an earlier use left behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artefact: Option<Artefact>,
    /// Whose evidence counts and how. Left out: nobody is trusted beyond what is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub reading: Option<Reading>,
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecisionAnswer {
    /// The number of leaves that the answer rests on.
    pub log_size: u64,
    /// The decision.
    pub decision: Decision,
}

/// What is wrong with one row of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RowError {
    /// The line of the request, from 1.
    pub line: u64,
    /// The problem's code.
    pub code: String,
    /// What is wrong.
    pub detail: String,
}

/// One row of a batch's answer: a verdict, or what is wrong with the question.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecisionRow {
    /// The verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The reason codes, those that decided first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// The statements that the reasons name, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub statements: Vec<StatementId>,
    /// The whole decision, where `explain` was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// What is wrong with the question. A row with an error has no verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RowError>,
}

/// The answer to an array of questions, one row each, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecisionRows {
    /// The number of leaves that the answers rest on.
    pub log_size: u64,
    /// The rows.
    pub rows: Vec<DecisionRow>,
}

/// The first line of an NDJSON answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamBegin {
    /// The number of leaves that the answers rest on.
    pub log_size: u64,
}

/// The last line of an NDJSON answer. A stream without it is cut off and means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamEnd {
    /// Always `true`.
    pub end: bool,
    /// How many rows came before.
    pub rows: u64,
    /// The number of leaves that no answer looked beyond, where the log grew while the stream was answered: each line was answered
    /// by a state not older than when it was read. Left out: the number that the stream began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_size: Option<u64>,
}

/// The newest snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SnapshotView {
    /// The number of leaves that it was compiled from.
    pub size: u64,
    /// Their root, in base64.
    pub root: String,
    /// BLAKE3 of the body, in hex.
    pub blake3: String,
    /// The body's length in bytes.
    pub bytes: u64,
    /// The signed note over format, size, root and BLAKE3 of the body.
    pub note: String,
    /// Where the body lies, relative to the registry.
    pub url: String,
}

/// The log's name and the keys that clients pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogKey {
    /// The log's origin, which statements name.
    pub origin: String,
    /// The verifier key of checkpoints and snapshots, `name+hash+base64`.
    pub verifier: String,
    /// The operator's key, which signs key bindings, in its file form.
    pub operator: String,
}

/// The state of the server, for probes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// `ok`.
    pub status: String,
}
