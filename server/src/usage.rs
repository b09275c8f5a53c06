//! Usage reports: whose report is taken, under which deal, and who may read it.
//!
//! Who attacks: a stranger that reports in a licensee's name, or asks which sealed deals there are by naming one: to whoever is no
//! licensee of a sealed deal the answer is that there is none. What is taken is as secret as a sealed deal: the log gets a salted
//! commitment, which proves to payee and reporter that it was sent and when.

use std::collections::BTreeSet;

use cleartitle_schema::bindings::deed_keys;
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{StatementId, UsageId};
use cleartitle_schema::issuer::{Domain, Party};
use cleartitle_schema::signed::{Envelope, SignedError, open, parse_public_key};
use cleartitle_schema::statement::Body;
use cleartitle_schema::terms::Action;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::usage::{USAGE_TYPE, UsageError, UsageReport};

use crate::refusal::Refusal;
use crate::sealed::domains_of;
use crate::store::Store;

/// How long after its clock a registry takes a period for over: clocks differ.
const SKEW: i64 = 300;

/// A report that may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Its id.
    pub id: UsageId,
    /// Who reports.
    pub licensee: Domain,
    /// The envelope's canonical bytes.
    pub envelope: Vec<u8>,
    /// Who may read it.
    pub readers: BTreeSet<Domain>,
}

/// Checks an envelope around a usage report.
///
/// # Errors
/// [`Refusal`], the first check that fails.
pub fn admit(store: &dyn Store, origin: &str, envelope: &[u8], now: Timestamp) -> Result<Admitted, Refusal> {
    let envelope = Envelope::parse(envelope)?;
    if envelope.payload_type() != USAGE_TYPE {
        let (expected, found) = (USAGE_TYPE.to_owned(), envelope.payload_type().to_owned());
        return Err(SignedError::OtherPayloadType { expected, found }.into());
    }
    let report = UsageReport::parse(envelope.payload())?;
    if report.log != origin {
        return Err(Refusal::OtherLog { expected: origin.to_owned(), found: report.log.chars().take(200).collect() });
    }
    if report.ends() > now.plus_seconds(SKEW) {
        return Err(UsageError::Sense("the period is not over").into());
    }
    let keys: Vec<_> = deed_keys(store, &report.licensee)?
        .into_iter()
        .filter_map(|binding| Some((binding.key_id, parse_public_key(&binding.key).ok()?)))
        .collect();
    if keys.is_empty() {
        return Err(Refusal::UnknownIssuer(report.licensee));
    }
    open(&envelope, |id| keys.iter().find(|(key, _)| key == id).map(|(_, key)| *key))?;
    let readers = readers(store, &report)?;
    let id = UsageId::of(envelope.payload());
    Ok(Admitted { id, licensee: report.licensee, envelope: envelope.to_bytes(), readers })
}

/// A registered statement, and whether it is sealed.
fn find(store: &dyn Store, id: &StatementId) -> Result<Option<(Registered, bool)>, Refusal> {
    if let Some(public) = store.statement(id)? {
        return Ok(Some((public.registered, false)));
    }
    Ok(store.sealed_statement(id)?.map(|sealed| (sealed.registered, true)))
}

/// Who reports, and whoever the deal names as its licensor or as paid or told by it.
fn readers(store: &dyn Store, report: &UsageReport) -> Result<BTreeSet<Domain>, Refusal> {
    let unknown = || Refusal::UnknownStatement(report.deal);
    let (deal, sealed) = find(store, &report.deal)?.ok_or_else(unknown)?;
    let refused = |why| {
        let refusal = Refusal::NotYours { named: report.deal, issuer: report.licensee.clone(), why };
        Err(if sealed { unknown() } else { refusal })
    };
    let licensor = match &deal.statement.body {
        Body::Agreement { licensees, .. } => {
            if !licensees.iter().any(|party| party.includes(&report.licensee)) {
                return refused("a licensee reports");
            }
            deal
        }
        Body::Acceptance { offer, .. } => {
            if !deal.statement.issuer.includes(&report.licensee) {
                return refused("who accepted the offer reports");
            }
            find(store, offer)?.ok_or_else(unknown)?.0
        }
        _ => return refused("a report names an agreement, or the acceptance of an offer"),
    };
    let mut readers: BTreeSet<Domain> = domains_of(&licensor.statement.issuer).collect();
    readers.extend(licensor.speaks_for.clone());
    let duties = licensor.statement.terms().into_iter().flat_map(|terms| terms.rules()).flat_map(|rule| &rule.duties);
    let told: Vec<&Party> = duties
        .filter_map(|duty| match &duty.action {
            Action::Pay { payee, .. } => payee.as_ref(),
            Action::Report { to, .. } => to.as_ref(),
            _ => None,
        })
        .collect();
    readers.extend(told.into_iter().flat_map(domains_of));
    readers.insert(report.licensee.clone());
    Ok(readers)
}
