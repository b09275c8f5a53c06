//! Receipts as the client keeps and checks them, offline: in one file with everything but the keys, or bare beside an envelope.

use crate::trust::{PinnedLog, TrustError};
use cleartitle_schema::api::Registration;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::leaf::{Leaf, LeafKind, Salt};
use cleartitle_schema::opening::Opening;
use cleartitle_schema::signed::Envelope;
use cleartitle_schema::statement::Statement;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::proof::Receipt;
use serde::{Deserialize, Serialize};

/// The version of receipt file that is written.
pub const RECEIPT_VERSION: u32 = 1;

/// The longest receipt file that is read.
pub const MAX_RECEIPT_FILE: u64 = 512 * 1024;

/// A receipt as the client keeps it: everything that a stranger needs to check it offline, but for the log's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptFile {
    /// [`RECEIPT_VERSION`]; its name tells what the file is.
    pub cleartitle_receipt: u32,
    /// The statement's id.
    pub statement: StatementId,
    /// The leaf's number.
    pub index: u64,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// The signed envelope.
    pub envelope: Envelope,
    /// The salt of the commitment, 64 hex digits.
    pub salt: String,
    /// The canonical leaf.
    pub leaf: String,
    /// The receipt (`c2sp.org/tlog-proof@v1`).
    pub receipt: String,
}

/// A receipt that holds.
#[derive(Debug, Clone)]
pub struct CheckedReceipt {
    /// What was said. Whose keys signed it is the log's word, by its bindings.
    pub statement: Statement,
    /// The checkpoint that covers it.
    pub checkpoint: Checkpoint,
    /// When the pinned witnesses had seen that checkpoint.
    pub seen_at: Option<Timestamp>,
    /// Its envelope is published nowhere: whoever shows it was party to it, or was shown it by one.
    pub sealed: bool,
}

impl ReceiptFile {
    /// What a registry answered about an envelope.
    #[must_use]
    pub fn new(envelope: Envelope, registration: &Registration) -> Self {
        Self {
            cleartitle_receipt: RECEIPT_VERSION,
            statement: registration.statement,
            index: registration.index,
            registered_at: registration.registered_at,
            envelope,
            salt: registration.salt.clone(),
            leaf: registration.leaf.clone(),
            receipt: registration.receipt.clone(),
        }
    }

    /// Reads a receipt file.
    ///
    /// # Errors
    /// [`TrustError::ReceiptFile`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        let told = |why: String| TrustError::ReceiptFile(why.chars().take(200).collect());
        let file: Self = serde_json::from_slice(bytes).map_err(|error| told(error.to_string()))?;
        if file.cleartitle_receipt != RECEIPT_VERSION {
            return Err(told(format!(
                "it has version {}, this reader knows {RECEIPT_VERSION}",
                file.cleartitle_receipt
            )));
        }
        Ok(file)
    }

    /// The file's text.
    ///
    /// # Errors
    /// [`TrustError::ReceiptFile`], which no receipt is known to cause.
    pub fn to_text(&self) -> Result<String, TrustError> {
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(|error| TrustError::ReceiptFile(error.to_string()))
    }

    /// Checks everything offline: that the leaf commits to this very envelope, that the leaf is in the log, and that every
    /// member says what the leaf and the envelope say.
    ///
    /// # Errors
    /// [`TrustError`], one variant a fact.
    pub fn check(&self, log: &PinnedLog) -> Result<CheckedReceipt, TrustError> {
        let leaf = Leaf::parse(self.leaf.as_bytes())?;
        // First whether the log has this leaf at all: what the file says besides could only be wrong about it.
        let receipt = Receipt::parse(self.receipt.as_bytes())?;
        if receipt.index != self.index {
            return Err(TrustError::Other("index"));
        }
        let checkpoint = receipt.verify(self.leaf.as_bytes(), log.verifier(), log.origin())?;
        if leaf.commitment != Salt::from_hex(&self.salt)?.commit(&self.envelope.to_bytes()) {
            return Err(TrustError::Other("envelope"));
        }
        if leaf.registered_at != self.registered_at {
            return Err(TrustError::Other("moment"));
        }
        if StatementId::of(self.envelope.payload()) != self.statement {
            return Err(TrustError::Other("statement"));
        }
        let statement = Statement::parse(self.envelope.payload())?;
        if statement.log != log.origin() {
            return Err(TrustError::Other("log"));
        }
        let seen_at = log.seen_at(receipt.checkpoint_note.as_bytes())?;
        Ok(CheckedReceipt { statement, checkpoint, seen_at, sealed: leaf.kind == LeafKind::Sealed })
    }
}

/// The envelope that a registry gives back is ours: the same payload and type, whoever else signed first.
#[must_use]
pub fn same_payload(one: &Envelope, other: &Envelope) -> bool {
    one.payload_type() == other.payload_type() && one.payload() == other.payload()
}

/// A bare receipt: the text of `c2sp.org/tlog-proof@v1` that carries its leaf along, as `GET /v1/statements/ID/receipt` gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    text: String,
    receipt: Receipt,
    opening: Opening,
}

impl TlogProof {
    /// Reads a bare receipt.
    ///
    /// # Errors
    /// [`TrustError::Receipt`], [`TrustError::NoLeaf`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        let receipt = Receipt::parse(bytes)?;
        let opening = receipt.extra.as_deref().and_then(Opening::parse).ok_or(TrustError::NoLeaf)?;
        Ok(Self { text: receipt.to_text(), receipt, opening })
    }

    /// Checks everything offline, as [`ReceiptFile::check`] does, for the envelope that is kept beside it.
    ///
    /// # Errors
    /// [`TrustError`], one variant a fact.
    pub fn check(&self, envelope: &Envelope, log: &PinnedLog) -> Result<(ReceiptFile, CheckedReceipt), TrustError> {
        let file = ReceiptFile {
            cleartitle_receipt: RECEIPT_VERSION,
            statement: StatementId::of(envelope.payload()),
            index: self.receipt.index,
            registered_at: Leaf::parse(self.opening.leaf.as_bytes())?.registered_at,
            envelope: envelope.clone(),
            salt: self.opening.salt.clone().ok_or(TrustError::NoLeaf)?,
            leaf: self.opening.leaf.clone(),
            receipt: self.text.clone(),
        };
        let checked = file.check(log).map_err(|error| match error {
            // Which of the two is the wrong one can't be told here: they lay apart.
            TrustError::Other("envelope") => TrustError::Other("statement"),
            other => other,
        })?;
        Ok((file, checked))
    }
}
