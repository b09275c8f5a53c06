//! Audit of usage reports: each held envelope is the report of its id, signed by a key that was bound, and proven by a sealed leaf.

use cleartitle_schema::fault::Fault;
use cleartitle_schema::id::UsageId;
use cleartitle_schema::signed::{Envelope, open};
use cleartitle_schema::usage::{USAGE_TYPE, UsageReport};

use super::Auditor;
use crate::store::StoreError;
use crate::store::usage::KeptReport;

/// How many reports are read at once.
const PAGE: usize = 256;

impl Auditor<'_> {
    /// Every held report. Of a wrong one its number is told and nothing of what it says.
    pub(super) fn usage(&mut self) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let page = self.store.usage_from(after, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.number;
            for kept in page {
                self.report.usage_reports += 1;
                if let Err((code, why)) = self.sound(&kept) {
                    self.found(code, format!("usage report {}: {why}", kept.number));
                }
                // One that no leaf proves was told to nobody: a crash came between, and sending it again ends it.
                if self.store.sealed_leaf(&kept.salt.commit(&kept.envelope))?.is_none() {
                    self.report.usage_unproven += 1;
                }
            }
        }
    }

    fn sound(&self, kept: &KeptReport) -> Result<(), (Fault, &'static str)> {
        let envelope = Envelope::parse(&kept.envelope).map_err(|_| (Fault::AlteredBytes, "it is no envelope"))?;
        if envelope.payload_type() != USAGE_TYPE || UsageId::of(envelope.payload()) != kept.id {
            return Err((Fault::AlteredBytes, "it is not the report of its id"));
        }
        let report = UsageReport::parse(envelope.payload()).map_err(|_| (Fault::AlteredBytes, "it is no report"))?;
        if report.log != self.log.name() {
            return Err((Fault::ForeignReceipt, "it is for another log"));
        }
        let signed = open(&envelope, |id| self.keys.get(id).copied());
        signed.map(|_| ()).map_err(|_| (Fault::WrongSignature, "it is not signed by a key that was bound"))
    }
}
