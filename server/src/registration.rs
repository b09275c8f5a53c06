//! Registration: from foreign bytes to a candidate for the log; every check that needs no other statement, in order.
//!
//! What is left for the sequencer, since it must be judged at the very head of the log, stands in `standing`. The place
//! where proof of domain control will be asked for is [`bound_keys`]: it reads bindings and does not care who made them.

use std::collections::BTreeSet;

use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::id::{KeyId, ListId, StatementId};
use cleartitle_schema::issuer::{Authority, Domain, Party};
use cleartitle_schema::scope::Target;
use cleartitle_schema::signed::{Envelope, SignedError, key_id, open_statement, parse_public_key, sign};
use cleartitle_schema::statement::{self, Body, Kind, ListRole, Proof, Statement};
use cleartitle_schema::time::{Timestamp, Window};
use cleartitle_schema::vocab::Basis;
use ed25519_dalek::{SigningKey, VerifyingKey};

use crate::log::Candidate;
use crate::refusal::Refusal;
use crate::store::{Binding, Store};

/// How far an issuer's clock may run ahead, in seconds.
pub const CLOCK_SKEW: i64 = 300;

/// The longest batch of provenance records.
pub const MAX_LIST: usize = 32 << 20;

/// The longest line of a batch.
pub const MAX_RECORD: usize = 64 << 10;

/// How deep a provenance record may nest; a chain of ancestors nests two levels each.
const MAX_RECORD_DEPTH: usize = 64;

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
    let Body::Manifest { role: ListRole::Provenance, list: named, rows, bytes, .. } = &candidate.statement.body else {
        return Err(Refusal::ListMismatch("the statement is not a manifest of provenance records".to_owned()));
    };
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
    check_authority(&statement)?;
    let id = StatementId::of(envelope.payload());
    Ok(Candidate { id, envelope, statement, list: None })
}

/// What the format has and this registry does not take yet, each with its reason.
fn check_supported(statement: &Statement) -> Result<(), Refusal> {
    match &statement.body {
        Body::KeyBinding { .. } => return Err(Refusal::OperatorOnly(Kind::KeyBinding)),
        Body::Delegation { .. } => return Err(Refusal::NotSupported("delegation")),
        Body::Manifest { role: ListRole::Repertoire, .. } => return Err(Refusal::NotSupported("a repertoire")),
        _ => {}
    }
    if statement.basis() == Some(Basis::Agent) {
        return Err(Refusal::NotSupported("speaking as an `agent`, which needs delegation,"));
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

/// The keys that a domain speaks with now.
fn bound_keys(store: &dyn Store, domain: &Domain) -> Result<Vec<Binding>, Refusal> {
    Ok(store.bindings_of(domain)?)
}

fn key_of(binding: &Binding) -> Option<VerifyingKey> {
    parse_public_key(&binding.key).ok()
}

fn domains_of(party: &Party) -> impl Iterator<Item = &Domain> {
    std::iter::once(&party.domain).chain(&party.affiliates).chain(&party.successors)
}

/// Every signature is by a key bound to a party and verifies strictly; the issuer signs; a licensee signs an agreement.
fn check_signatures(store: &dyn Store, statement: &Statement, envelope: &Envelope) -> Result<(), Refusal> {
    let issuer = &statement.issuer.domain;
    let licensors = bound_keys(store, issuer)?;
    if licensors.is_empty() {
        return Err(Refusal::UnknownIssuer(issuer.clone()));
    }
    let mut licensees = Vec::new();
    if let Body::Agreement { licensees: parties, .. } = &statement.body {
        for domain in parties.iter().flat_map(domains_of).collect::<BTreeSet<_>>() {
            licensees.extend(bound_keys(store, domain)?);
        }
    }
    let known: Vec<VerifyingKey> = licensors.iter().chain(&licensees).filter_map(key_of).collect();
    let verified = open_statement(envelope, |id| known.iter().find(|key| key_id(key) == *id).copied())?;
    let signed = |binding: &Binding| verified.signers().contains(&binding.key_id);
    let by_licensor: Vec<&KeyId> = licensors.iter().filter(|it| signed(it)).map(|it| &it.key_id).collect();
    if by_licensor.is_empty() {
        return Err(Refusal::IssuerUnsigned(issuer.clone()));
    }
    if statement.kind() == Kind::Agreement {
        // One key bound to both sides is one consent, not two.
        let by_licensee = licensees.iter().filter(|it| signed(it)).map(|it| &it.key_id);
        let two = by_licensee.flat_map(|licensee| by_licensor.iter().map(move |licensor| licensee != *licensor));
        if !two.into_iter().any(|differ| differ) {
            return Err(Refusal::LicenseeUnsigned);
        }
    }
    Ok(())
}

/// Hosts in the scope belong to the issuer's authority; an issuer below its registrable domain only restricts.
fn check_authority(statement: &Statement) -> Result<(), Refusal> {
    let issuer = &statement.issuer.domain;
    let authority = issuer.authority();
    // An observer may look at any site: what it saw speaks for the site, as far as a policy trusts the observer.
    if statement.kind() != Kind::Observation {
        for target in statement.scope().into_iter().flat_map(|scope| &scope.include) {
            let (Target::Host { host, .. } | Target::Url { host, .. }) = target else { continue };
            if Authority::is_public_suffix(host.as_str()) || host.authority() != authority {
                return Err(Refusal::OutsideAuthority { host: host.to_string(), issuer: issuer.clone() });
            }
        }
    }
    let permits = matches!(statement.kind(), Kind::Grant | Kind::Offer | Kind::Agreement);
    if permits && authority.as_str() != issuer.as_str() {
        return Err(Refusal::SubdomainPermits(issuer.clone()));
    }
    Ok(())
}

/// Why an operator can't bind a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// Nobody speaks for a public suffix.
    #[error("`{0}` is a public suffix, for which nobody speaks")]
    PublicSuffix(Domain),
    /// The key already speaks for another authority; a signature must not count for two houses.
    #[error("the key is bound to `{0}` already, which is another authority")]
    KeyOfAnother(Domain),
    /// The statement could not be made.
    #[error("{0}")]
    Statement(String),
}

/// The operator's statement that a key speaks for a domain, as a candidate for the log.
///
/// # Errors
/// [`BindError`].
pub fn bind(
    store: &dyn Store,
    origin: &str,
    operator: (&Domain, &SigningKey),
    domain: &Domain,
    key: &VerifyingKey,
    now: Timestamp,
) -> Result<Candidate, BindError> {
    let failed = |error: &dyn std::fmt::Display| BindError::Statement(error.to_string());
    if Authority::is_public_suffix(domain.as_str()) {
        return Err(BindError::PublicSuffix(domain.clone()));
    }
    let bindings = store.bindings_by(&key_id(key)).map_err(|error| failed(&error))?;
    if let Some(other) = bindings.iter().find(|binding| binding.domain.authority() != domain.authority()) {
        return Err(BindError::KeyOfAnother(other.domain.clone()));
    }
    let text = cleartitle_schema::signed::print_public_key(key);
    let statement = Statement {
        version: statement::VERSION,
        log: origin.to_owned(),
        issuer: Party::new(operator.0.clone()),
        issued_at: now,
        effective: Window::default(),
        supersedes: Vec::new(),
        delegation: None,
        body: Body::KeyBinding {
            domain: domain.clone(),
            key: text.trim_end().to_owned(),
            proof: Proof::Operator,
            new_tenure: false,
        },
        evidence: Vec::new(),
        modelled_on: None,
        note: None,
    };
    let payload = statement.to_payload().map_err(|error| failed(&error))?;
    let envelope = sign(statement::PAYLOAD_TYPE, &payload, &[operator.1]).map_err(|error| failed(&error))?;
    Ok(Candidate { id: StatementId::of(&payload), envelope, statement, list: None })
}
