//! A usage report with its proof, in one file: what a licensee keeps, what a payee fetches, and what either can show an auditor.

use crate::trust::{PinnedLog, TrustError};
use cleartitle_schema::id::UsageId;
use cleartitle_schema::leaf::{Leaf, LeafKind, Salt};
use cleartitle_schema::signed::Envelope;
use cleartitle_schema::tlog::proof::Receipt;
use cleartitle_schema::usage::{USAGE_TYPE, UsageError, UsageReceipt, UsageReport};
use serde::{Deserialize, Serialize};

/// The version that is written.
pub const FILE_VERSION: u32 = 1;

/// Why a file does not hold.
#[derive(Debug, thiserror::Error)]
pub enum UsageFileError {
    /// It is none.
    #[error("it is no usage report's file: {0}")]
    Form(String),
    /// The payload.
    #[error(transparent)]
    Report(#[from] UsageError),
    /// The proof.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// A report with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageFile {
    /// [`FILE_VERSION`]; its name tells what the file is.
    pub cleartitle_usage: u32,
    /// The signed envelope.
    pub envelope: Envelope,
    /// Where it stands in the log.
    pub receipt: UsageReceipt,
}

impl UsageFile {
    /// What a registry answered about an envelope.
    #[must_use]
    pub const fn new(envelope: Envelope, receipt: UsageReceipt) -> Self {
        Self { cleartitle_usage: FILE_VERSION, envelope, receipt }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`UsageFileError::Form`].
    pub fn parse(bytes: &[u8]) -> Result<Self, UsageFileError> {
        let told = |why: String| UsageFileError::Form(why.chars().take(200).collect());
        let file: Self = serde_json::from_slice(bytes).map_err(|error| told(error.to_string()))?;
        if file.cleartitle_usage != FILE_VERSION {
            return Err(told(format!("it has version {}, this reader knows {FILE_VERSION}", file.cleartitle_usage)));
        }
        Ok(file)
    }

    /// Checks everything offline: that the leaf commits to this very envelope, that it is in the log, and that every member says
    /// what leaf and envelope say. Whose key signed is the registry's word, which took it from the licensee's domain.
    ///
    /// # Errors
    /// [`UsageFileError`].
    pub fn check(&self, log: &PinnedLog) -> Result<UsageReport, UsageFileError> {
        let other = |what| UsageFileError::Trust(TrustError::Other(what));
        if self.envelope.payload_type() != USAGE_TYPE {
            return Err(UsageFileError::Form(format!("its envelope is no `{USAGE_TYPE}`")));
        }
        let told = &self.receipt;
        let leaf = Leaf::parse(told.leaf.as_bytes()).map_err(TrustError::from)?;
        let receipt = Receipt::parse(told.receipt.as_bytes()).map_err(TrustError::from)?;
        if receipt.index != told.index {
            return Err(other("index"));
        }
        receipt.verify(told.leaf.as_bytes(), log.verifier(), log.origin()).map_err(TrustError::from)?;
        let commitment = Salt::from_hex(&told.salt).map_err(TrustError::from)?.commit(&self.envelope.to_bytes());
        if leaf.kind != LeafKind::Sealed || leaf.commitment != commitment || told.commitment != commitment {
            return Err(other("envelope"));
        }
        if leaf.registered_at != told.registered_at {
            return Err(other("moment"));
        }
        if UsageId::of(self.envelope.payload()) != told.report {
            return Err(other("report"));
        }
        let report = UsageReport::parse(self.envelope.payload())?;
        if report.log != log.origin() {
            return Err(other("log"));
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = UsageFile::parse(&bytes);
        }
    }
}
