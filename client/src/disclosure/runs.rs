//! Runs: what the signed receipts of filter runs say of the manifests that a report is made of.

use crate::files;
use crate::run_receipt::{self, Run};
use anyhow::Context as _;
use cleartitle_schema::id::KeyId;
use cleartitle_schema::signed::{self, Envelope, key_id};
use ed25519_dalek::VerifyingKey;
use std::path::Path;

/// A finished run, as somebody whose key is known signed it.
#[derive(Debug, Clone)]
pub struct RunFact {
    /// Its receipt, as it was named.
    pub receipt: String,
    /// Who signed.
    pub signers: Vec<KeyId>,
    /// What the run was.
    pub run: Run,
    /// SHA-256 of the manifest that it wrote, in hex.
    pub manifest: Option<String>,
}

impl RunFact {
    /// Reads a receipt whose every signature is by one of the keys, and the list of outputs beside it.
    ///
    /// # Errors
    /// Another file, another key, a list that is not the signed one.
    pub fn read(path: &Path, keys: &[VerifyingKey]) -> anyhow::Result<Self> {
        let shown = path.display();
        let bytes = files::read(path, signed::MAX_ENVELOPE as u64)?;
        let envelope = Envelope::parse(&bytes).with_context(|| format!("`{shown}` is no receipt"))?;
        let known = |id: &KeyId| keys.iter().find(|key| key_id(key) == *id).copied();
        let verified = signed::open(&envelope, known).with_context(|| format!("`{shown}` does not hold"))?;
        let statement =
            run_receipt::statement(&verified).with_context(|| format!("`{shown}` is no receipt of a run"))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let manifest = run_receipt::listed_digest(&statement, folder, "manifest.jsonl")
            .with_context(|| format!("cannot use the list of outputs beside `{shown}`"))?;
        Ok(Self {
            receipt: shown.to_string(),
            signers: verified.signers().to_vec(),
            run: statement.predicate,
            manifest,
        })
    }
}
