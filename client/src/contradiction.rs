//! A contradiction: two checkpoints that one log signed and that can't both be, in a file that convinces anybody offline.

use crate::trust::{OtherPast, PinnedLog, TrustError};
use cleartitle_schema::fault::Fault;
use cleartitle_schema::tlog::Hash;
use cleartitle_schema::tlog::proof::{MAX_PROOF, verify_consistency};
use serde::{Deserialize, Serialize};

/// The version of the file that is written.
pub const VERSION: u32 = 1;

/// The longest file that is read: two notes, and the hashes of one proof.
pub const MAX_FILE: u64 = 2 << 20;

/// Why a file proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ContradictionError {
    /// The file can't be read.
    #[error("the file can't be read: {0}")]
    Malformed(String),
    /// A checkpoint in it is not the pinned log's.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Both checkpoints can be.
    #[error("the two checkpoints do not contradict each other: {0}")]
    None(&'static str),
}

/// The file. Both checkpoints are signed by the log; of two sizes, `other_root` is the root that the longer log has over the
/// size of the shorter, which is not the one that the log signed for it, and `proof` leads from it to the longer log's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contradiction {
    /// [`VERSION`]; its name tells what the file is.
    pub cleartitle_contradiction: u32,
    /// `split-view` for two roots of one size, `forked-log` for two sizes.
    pub code: Fault,
    /// The signed checkpoint of the smaller size, verbatim.
    pub shorter: String,
    /// The signed checkpoint of the greater size, verbatim.
    pub longer: String,
    /// The longer log's root over the smaller size; of one size, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_root: Option<String>,
    /// The consistency proof from there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proof: Vec<String>,
}

impl Contradiction {
    /// The contradiction between two signed checkpoints, `shorter` first, that comparing them found; `None` where the error is
    /// none that convicts.
    #[must_use]
    pub fn found(shorter: &[u8], longer: &[u8], error: &TrustError) -> Option<Self> {
        let (code, past): (Fault, Option<&OtherPast>) = match error {
            TrustError::SplitView { .. } => (Fault::SplitView, None),
            TrustError::Forked { other, .. } => (Fault::ForkedLog, Some(other)),
            _ => return None,
        };
        let text = |note: &[u8]| String::from_utf8_lossy(note).into_owned();
        Some(Self {
            cleartitle_contradiction: VERSION,
            code,
            shorter: text(shorter),
            longer: text(longer),
            other_root: past.map(|past| past.root.to_base64()),
            proof: past.map_or(Vec::new(), |past| past.proof.iter().map(Hash::to_base64).collect()),
        })
    }

    /// The file's text.
    ///
    /// # Errors
    /// [`ContradictionError::Malformed`], which no contradiction is known to cause.
    pub fn to_text(&self) -> Result<String, ContradictionError> {
        let text = serde_json::to_string_pretty(self);
        text.map(|text| text + "\n").map_err(|error| ContradictionError::Malformed(error.to_string()))
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`ContradictionError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ContradictionError> {
        let malformed = |why: String| ContradictionError::Malformed(why.chars().take(200).collect());
        let file: Self = serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        if file.cleartitle_contradiction != VERSION {
            let found = file.cleartitle_contradiction;
            return Err(malformed(format!("it has version {found}, this reader knows {VERSION}")));
        }
        if file.proof.len() > MAX_PROOF {
            return Err(malformed("its proof is too long".to_owned()));
        }
        Ok(file)
    }

    /// Checks offline that the pinned log signed both, and that both can't be. Gives the two sizes.
    ///
    /// # Errors
    /// [`ContradictionError`].
    pub fn check(&self, log: &PinnedLog) -> Result<(u64, u64), ContradictionError> {
        let shorter = log.open_signed(self.shorter.as_bytes())?;
        let longer = log.open_signed(self.longer.as_bytes())?;
        if shorter.size == longer.size {
            if shorter.root == longer.root {
                return Err(ContradictionError::None("they have one root"));
            }
            return Ok((shorter.size, longer.size));
        }
        let hash = |text: &String| {
            Hash::from_base64(text).ok_or_else(|| ContradictionError::Malformed("a hash in it is none".to_owned()))
        };
        let other = self
            .other_root
            .as_ref()
            .ok_or(ContradictionError::None("nothing shows that the longer log lacks the shorter"))?;
        let (other, proof) = (hash(other)?, self.proof.iter().map(hash).collect::<Result<Vec<_>, _>>()?);
        if other == shorter.root {
            return Err(ContradictionError::None("the longer log contains the shorter"));
        }
        verify_consistency(shorter.size, longer.size, &other, &longer.root, &proof)
            .map_err(|_| ContradictionError::None("the hashes do not lead to the longer log's root"))?;
        Ok((shorter.size, longer.size))
    }
}
