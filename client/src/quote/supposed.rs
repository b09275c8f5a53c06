//! What a quote supposes: that the asker took up the offers and met the duties. `decide` is then asked, by that evidence, what would be.

use cleartitle_schema::decide::Owed;
use cleartitle_schema::evidence::{Evidence, Registered};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::issuer::{Domain, Party};
use cleartitle_schema::policy::{AssertedDuty, Reading};
use cleartitle_schema::statement::{Body, Kind, Statement};
use cleartitle_schema::time::Timestamp;
use std::sync::Arc;

/// The reading in which these duties are met.
pub(super) fn met(reading: &Reading, asked: &[Owed]) -> Reading {
    let mut reading = reading.clone();
    reading.asserted_duties.extend(asked.iter().map(|owed| AssertedDuty {
        duty: owed.duty.action.word().to_owned(),
        statement: owed.statement,
        reason: "as a quote supposes".to_owned(),
    }));
    reading
}

/// Lets the asker accept, now, each offer in evidence that asks for one of these duties; for the document and its ancestors.
pub(super) fn accept(evidence: &mut Evidence, asker: &Domain, now: Timestamp, asked: &[Owed]) {
    let wanted = |it: &&Arc<Registered>| {
        it.statement.kind() == Kind::Offer && asked.iter().any(|owed| owed.statement == Some(it.id))
    };
    let offers: Vec<Arc<Registered>> = evidence.statements.iter().filter(wanted).cloned().collect();
    let accepted = offers.iter().map(|offer| Arc::new(acceptance(offer, asker, now)));
    evidence.statements.extend(accepted);
    for ancestor in evidence.ancestors.iter_mut().flatten() {
        accept(ancestor, asker, now, asked);
    }
}

/// An acceptance that nobody made. It is in no log, leaves no file, and ends with the question.
fn acceptance(offer: &Registered, asker: &Domain, now: Timestamp) -> Registered {
    let statement = Statement::new(
        offer.statement.log.clone(),
        Party::new(asker.clone()),
        now,
        Body::Acceptance { offer: offer.id, scope: None },
    );
    Registered {
        id: StatementId::of(&offer.id.0),
        index: u64::MAX,
        registered_at: now,
        signed_by: vec![asker.clone()],
        under: Vec::new(),
        speaks_for: None,
        tenure_from: None,
        statement,
    }
}
