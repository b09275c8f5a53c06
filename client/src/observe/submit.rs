//! Submitting: observations of a folder are registered, their receipts checked, their evidence uploaded, each once.

use super::ObserveError;
use super::output::{envelopes, note, notes, read_blob};
use super::tally::Tally;
use crate::receipt::ReceiptFile;
use crate::registry::{Registered, Registry, RegistryError};
use crate::trust::PinnedLog;
use cleartitle_schema::id::{BlobId, StatementId};
use cleartitle_schema::signed::Envelope;
use cleartitle_schema::statement::{Body, Statement};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::Path;

/// What the registry has acknowledged: a row of `state/registered.jsonl`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acknowledged {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statement: Option<StatementId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blob: Option<BlobId>,
}

/// The file of the acknowledgements.
const ACKNOWLEDGED: &str = "registered.jsonl";

/// Refusals in a row before the run ends: then it is not one observation that is wrong.
const PATIENCE: u32 = 20;

/// Registers what was not acknowledged yet, then uploads the bytes behind it. What the registry refuses is told and
/// counted, and tried again next time.
///
/// # Errors
/// [`ObserveError::Registry`] when the registry does not answer, or refuses everything; [`ObserveError::Trust`].
pub fn submit(
    folder: &Path,
    registry: &Registry,
    log: &PinnedLog,
    tally: &mut Tally,
    told: &mut dyn FnMut(String),
) -> Result<(), ObserveError> {
    let (mut statements, mut blobs) = (HashSet::new(), HashSet::new());
    for row in notes::<Acknowledged>(folder, ACKNOWLEDGED)? {
        statements.extend(row.statement);
        blobs.extend(row.blob);
    }
    let mut in_a_row = 0;
    for envelope in envelopes(folder)? {
        let id = StatementId::of(envelope.payload());
        if !statements.contains(&id) {
            match registry.register(&envelope.to_bytes()) {
                Ok(registered) => {
                    check(&envelope, &registered, log)?;
                    let index = Some(registered.registration.index);
                    note(folder, ACKNOWLEDGED, &Acknowledged { statement: Some(id), index, blob: None })?;
                    tally.registered += 1;
                    in_a_row = 0;
                }
                Err(error @ RegistryError::Refused { .. }) => {
                    tally.refused += 1;
                    in_a_row += 1;
                    told(format!("{id}: {error}"));
                    if in_a_row >= PATIENCE {
                        return Err(error.into());
                    }
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
        }
        for blob in evidence_of(&envelope) {
            if !blobs.insert(blob) {
                continue;
            }
            let Some(bytes) = read_blob(folder, blob) else {
                tally.refused += 1;
                told(format!("{blob}: its bytes are missing from `{}`, or are others", folder.display()));
                continue;
            };
            match registry.put_blob(&blob, bytes) {
                Ok(_) => {
                    note(folder, ACKNOWLEDGED, &Acknowledged { statement: None, index: None, blob: Some(blob) })?;
                    tally.uploaded += 1;
                }
                Err(error @ RegistryError::Refused { .. }) => {
                    tally.refused += 1;
                    told(format!("{blob}: {error}"));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// A receipt about this very envelope is checked whole. One about an earlier envelope of the same payload is only as good
/// as the registry's word; `cleartitle verify` can be asked about that.
fn check(envelope: &Envelope, registered: &Registered, log: &PinnedLog) -> Result<(), ObserveError> {
    let checked = ReceiptFile::new(envelope.clone(), &registered.registration).check(log);
    if registered.new { checked.map(|_| ()).map_err(Into::into) } else { Ok(()) }
}

fn evidence_of(envelope: &Envelope) -> Vec<BlobId> {
    let Ok(statement) = Statement::parse(envelope.payload()) else { return Vec::new() };
    let Body::Observation { sighting, .. } = statement.body else { return Vec::new() };
    let mut ids: Vec<BlobId> = sighting.sources.iter().filter_map(|source| source.evidence).collect();
    ids.sort();
    ids.dedup();
    ids
}
