//! Registration: from foreign bytes to a candidate for the log; every check that needs no other statement, in order.
//!
//! What is left for the sequencer, since it must be judged at the very head of the log, stands in `standing`. Which key speaks for
//! which domain is `domains`' matter: here bindings are read, whoever made them.

use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::bindings::{self, Binding, ConsentError, Known, cosigners_of, deed_keys, in_force};
use cleartitle_schema::id::{KeyId, ListId, StatementId};
use cleartitle_schema::issuer::{Authority, Domain};
use cleartitle_schema::provenance;
use cleartitle_schema::scope::Target;
use cleartitle_schema::signed::{
    Envelope, EnvelopeSignature as Signature, SignedError, key_id, open_statement, parse_public_key,
};
use cleartitle_schema::statement::{self, Body, Cause, Kind, ListRole, Statement};
use cleartitle_schema::time::Timestamp;
use ed25519_dalek::VerifyingKey;

use crate::claims;
use crate::delegation;
use crate::log::Candidate;
use crate::refusal::Refusal;
use crate::store::{Store, StoreError};

/// How far an issuer's clock may run ahead, in seconds.
pub const CLOCK_SKEW: i64 = 300;

/// The longest batch of provenance records.
pub const MAX_LIST: usize = 32 << 20;

/// The longest line of a batch.
pub const MAX_RECORD: usize = 64 << 10;

/// How deep a provenance record may nest; a chain of ancestors nests two levels each.
pub const MAX_RECORD_DEPTH: usize = 64;

/// Checks an envelope as it came in, and what can be known of its statement without the log's other statements.
///
/// # Errors
/// [`Refusal`], the first check that fails.
pub fn admit(store: &dyn Store, origin: &str, envelope: &[u8], now: Timestamp) -> Result<Candidate, Refusal> {
    let candidate = open_candidate(store, origin, envelope, now)?;
    match &candidate.statement.body {
        Body::Manifest { role: ListRole::Provenance, .. } => Err(Refusal::NeedsBytes),
        _ => Ok(candidate),
    }
}

/// As [`admit`], for a manifest whose list the registry keeps: a batch of provenance records.
///
/// # Errors
/// [`Refusal`]; [`Refusal::ListMismatch`] and [`Refusal::Record`] speak of the batch.
pub fn admit_batch(
    store: &dyn Store,
    origin: &str,
    envelope: &[u8],
    list: Vec<u8>,
    now: Timestamp,
) -> Result<Candidate, Refusal> {
    let mut candidate = open_candidate(store, origin, envelope, now)?;
    let Body::Manifest { role: ListRole::Provenance, list: named, rows, bytes, media_type, .. } =
        &candidate.statement.body
    else {
        return Err(Refusal::ListMismatch("the statement is not a manifest of provenance records".to_owned()));
    };
    if media_type == provenance::MEDIA_TYPE {
        return Err(Refusal::ListMismatch("a table is sent to `/v1/uploads`".to_owned()));
    }
    if list.len() > MAX_LIST {
        return Err(Refusal::TooLong(format!("a batch of {} bytes is longer than {MAX_LIST}", list.len())));
    }
    if *bytes != list.len() as u64 {
        return Err(Refusal::ListMismatch(format!("it has {} bytes, the statement says {bytes}", list.len())));
    }
    let found = ListId::of(&list);
    if found != *named {
        return Err(Refusal::ListMismatch(format!("its digest is `{found}`")));
    }
    let lines = check_records(&list)?;
    if *rows != lines {
        return Err(Refusal::ListMismatch(format!("it has {lines} rows, the statement says {rows}")));
    }
    candidate.list = Some(list);
    Ok(candidate)
}

/// As [`admit`], for a manifest of a provenance table, whose bytes come after it.
///
/// # Errors
/// [`Refusal`].
pub fn admit_table(store: &dyn Store, origin: &str, envelope: &[u8], now: Timestamp) -> Result<Candidate, Refusal> {
    let candidate = open_candidate(store, origin, envelope, now)?;
    let Body::Manifest { role: ListRole::Provenance, rows, bytes, media_type, .. } = &candidate.statement.body else {
        return Err(Refusal::ListMismatch("the statement is not a manifest of provenance records".to_owned()));
    };
    if media_type != provenance::MEDIA_TYPE {
        return Err(Refusal::ListMismatch(format!("its media type is not `{}`", provenance::MEDIA_TYPE)));
    }
    if *bytes > provenance::MAX_BYTES || *rows > provenance::MAX_ROWS {
        let (most_bytes, most_rows) = (provenance::MAX_BYTES, provenance::MAX_ROWS);
        let limit = format!("a table has at most {most_bytes} bytes and {most_rows} rows");
        return Err(Refusal::TooLong(limit));
    }
    Ok(candidate)
}

fn check_records(list: &[u8]) -> Result<u64, Refusal> {
    if list.last().is_some_and(|byte| *byte != b'\n') {
        return Err(Refusal::ListMismatch("its last line has no newline".to_owned()));
    }
    let mut lines = 0;
    for line in list.split_inclusive(|byte| *byte == b'\n') {
        lines += 1;
        let refused = |why: String| Refusal::Record { line: lines, why };
        if line.len() > MAX_RECORD {
            return Err(refused(format!("it is longer than {MAX_RECORD} bytes")));
        }
        if nesting(line) > MAX_RECORD_DEPTH {
            return Err(refused(format!("it is nested deeper than {MAX_RECORD_DEPTH}")));
        }
        let record: Acquisition = serde_json::from_slice(line).map_err(|error| refused(error.to_string()))?;
        if record.content.is_empty() {
            return Err(refused("it names no content".to_owned()));
        }
    }
    Ok(lines as u64)
}

/// How deep brackets nest outside of strings; counted before a recursive parser sees the bytes.
#[must_use]
pub fn nesting(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut text, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b'[' | b'{' if !text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn open_candidate(store: &dyn Store, origin: &str, bytes: &[u8], now: Timestamp) -> Result<Candidate, Refusal> {
    let envelope = Envelope::parse(bytes)?;
    if envelope.payload_type() != statement::PAYLOAD_TYPE {
        let (expected, found) = (statement::PAYLOAD_TYPE.to_owned(), envelope.payload_type().to_owned());
        return Err(Refusal::Envelope(SignedError::OtherPayloadType { expected, found }));
    }
    let statement = Statement::parse(envelope.payload())?;
    if statement.log != origin {
        return Err(Refusal::OtherLog { expected: origin.to_owned(), found: statement.log });
    }
    check_supported(&statement)?;
    check_signatures(store, &statement, &envelope)?;
    if statement.issued_at > now.plus_seconds(CLOCK_SKEW) {
        return Err(Refusal::FutureTime { issued_at: statement.issued_at, now });
    }
    let speaker = delegation::speaker(store, &statement, now)?;
    claims::check_common(&statement)?;
    check_authority(&statement, &speaker)?;
    let id = StatementId::of(envelope.payload());
    Ok(Candidate { id, envelope, statement, list: None, sealed: false })
}

/// What the format has and this registry does not take yet, each with its reason.
fn check_supported(statement: &Statement) -> Result<(), Refusal> {
    match &statement.body {
        Body::KeyBinding { .. } | Body::Erasure { .. } | Body::ClaimProof { .. } => {
            return Err(Refusal::OperatorOnly(statement.kind()));
        }
        _ if statement.remains_of.is_some() => return Err(Refusal::OperatorOnly(statement.kind())),
        Body::Manifest { role: ListRole::Repertoire, .. } => return Err(Refusal::NotSupported("a repertoire")),
        _ => {}
    }
    let taken_up = match &statement.body {
        Body::Acceptance { scope, .. } => scope.as_ref(),
        _ => None,
    };
    let mut targets = statement.scope().into_iter().chain(taken_up).flat_map(|scope| scope.targets());
    if targets.any(|target| matches!(target, Target::Repertoire { .. })) {
        return Err(Refusal::NotSupported("a scope by `repertoire`"));
    }
    Ok(())
}

fn key_of(binding: &Binding) -> Option<VerifyingKey> {
    parse_public_key(&binding.key).ok()
}

/// Every signature is by a key bound to a party, and verifies strictly.
fn check_signatures(store: &dyn Store, statement: &Statement, envelope: &Envelope) -> Result<(), Refusal> {
    let mut known = deed_keys(store, &statement.issuer.domain)?;
    if known.is_empty() && store.bindings_of(&statement.issuer.domain)?.is_empty() {
        return Err(Refusal::UnknownIssuer(statement.issuer.domain.clone()));
    }
    for domain in cosigners_of(statement) {
        known.extend(deed_keys(store, domain)?);
    }
    let signers: Vec<KeyId> = envelope.signatures().iter().map(Signature::key_id).collect();
    if let Some(ended) = ended_key(store, statement, &signers)? {
        return Err(ended);
    }
    let keys: Vec<VerifyingKey> = known.iter().filter_map(key_of).collect();
    open_statement(envelope, |id| keys.iter().find(|key| key_id(key) == *id).copied())?;
    consent(store, store, statement, &signers)
}

/// A signer whose key spoke for a party once, and what became of it: more use to its owner than that the key is foreign.
fn ended_key(store: &dyn Store, statement: &Statement, signers: &[KeyId]) -> Result<Option<Refusal>, Refusal> {
    for domain in std::iter::once(&statement.issuer.domain).chain(cosigners_of(statement)) {
        let now = in_force(store, domain)?;
        for binding in store.bindings_of(domain)? {
            let key = binding.key_id;
            if !signers.contains(&key) || now.iter().any(|it| it.key_id == key && it.proof.signs_deeds()) {
                continue;
            }
            let why = match binding.ended.map(|ended| ended.cause) {
                Some(Cause::Lapsed) => "the domain no longer publishes it",
                Some(Cause::Retired) => "it was retired",
                Some(Cause::Compromised) => "it was revoked as compromised",
                None if !binding.proof.signs_deeds() => "a key of a request directory signs no statements",
                None => "the domain has changed hands",
            };
            return Ok(Some(Refusal::KeyEnded { key, domain: domain.clone(), why }));
        }
    }
    Ok(None)
}

/// Whether those who must have signed have, at the log as it stands; `known` is the store, or what was asked of it before.
///
/// # Errors
/// [`Refusal::KeyEnded`], [`Refusal::ForeignKey`], [`Refusal::IssuerUnsigned`], [`Refusal::LicenseeUnsigned`],
/// [`Refusal::CountersignerUnsigned`].
pub fn consent<K: Known<Error = StoreError> + ?Sized>(
    store: &dyn Store,
    known: &K,
    statement: &Statement,
    signers: &[KeyId],
) -> Result<(), Refusal> {
    bindings::consent(known, statement, signers)?.or_else(|error| {
        Err(match error {
            ConsentError::Foreign(key) => match ended_key(store, statement, &[key])? {
                Some(ended) => ended,
                None => Refusal::ForeignKey(key),
            },
            ConsentError::IssuerUnsigned(issuer) => Refusal::IssuerUnsigned(issuer),
            ConsentError::LicenseeUnsigned => Refusal::LicenseeUnsigned,
            ConsentError::CountersignerUnsigned(site) => Refusal::CountersignerUnsigned(site),
        })
    })
}

/// Hosts in the scope belong to the authority of whoever speaks; who stands below its registrable domain only restricts.
fn check_authority(statement: &Statement, speaker: &Domain) -> Result<(), Refusal> {
    let authority = speaker.authority();
    // An observer may look at any site: what it saw speaks for the site, as far as a policy trusts the observer.
    if statement.kind() != Kind::Observation {
        for target in statement.scope().into_iter().flat_map(|scope| &scope.include) {
            let (Target::Host { host, .. } | Target::Url { host, .. }) = target else { continue };
            if Authority::is_public_suffix(host.as_str()) || host.authority() != authority {
                return Err(Refusal::OutsideAuthority { host: host.to_string(), issuer: speaker.clone() });
            }
        }
    }
    let permits = matches!(statement.kind(), Kind::Grant | Kind::Offer | Kind::Agreement | Kind::Delegation);
    if permits && authority.as_str() != speaker.as_str() {
        return Err(Refusal::SubdomainPermits(speaker.clone()));
    }
    Ok(())
}
