//! Cosignatures (`c2sp.org/tlog-cosignature`, Ed25519 type 0x04, `cosignature/v1`) and the quorum of witnesses that is asked.
//!
//! A log that shows two faces signs both. A witness signs only what continues all that it has signed before, so that no two
//! quorums with an honest witness in common can be had for two faces. Read at v1.1.0, as of November 2026; the type with
//! ML-DSA-44 (0x06) is passed over as an unknown key's line is.

use std::collections::BTreeSet;
use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::checkpoint::{Checkpoint, CheckpointError};
use super::hash::MAX_SIZE;
use super::note::{Note, NoteError, NoteSignature, key_hash_of, parse_verifier_key, print_verifier_key};

const COSIGNATURE: u8 = 0x04;

/// The most witnesses of one policy: more lines than a note may have could never be met.
pub const MAX_WITNESSES: usize = 32;

/// Why cosignatures are not believed, or a policy is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CosignatureError {
    /// A key, a note or a signature was refused.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The cosigned text is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A known witness's line that is not a time and an Ed25519 signature over this checkpoint at that time.
    #[error("the cosignature of `{name}+{key_hash:08x}` is wrong")]
    Wrong {
        /// The witness's name.
        name: String,
        /// The key's hash.
        key_hash: u32,
    },
    /// Fewer operators than asked have cosigned.
    #[error("{found} of the {quorum} witnesses that must have seen this checkpoint cosigned it")]
    Quorum {
        /// How many did.
        found: usize,
        /// How many must.
        quorum: usize,
    },
    /// A quorum of nobody, or of more operators than there are.
    #[error("a quorum is 1 to {operators}, the number of witnesses by different operators; {quorum} was asked")]
    Policy {
        /// How many were asked.
        quorum: usize,
        /// How many operators the witnesses have.
        operators: usize,
    },
    /// More than [`MAX_WITNESSES`].
    #[error("a policy can't name more than {MAX_WITNESSES} witnesses")]
    TooMany,
}

/// Whoever checks a witness's cosignatures: its name and public key.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessVerifier {
    name: String,
    key_hash: u32,
    key: VerifyingKey,
}

/// A witness: a name and a private key, which signs nothing else.
#[derive(Clone)]
pub struct WitnessSigner {
    verifier: WitnessVerifier,
    key: SigningKey,
}

/// A witness's statement that this was the largest consistent tree that it had seen at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature<'k> {
    /// By whom.
    pub witness: &'k WitnessVerifier,
    /// When, in seconds since 1970.
    pub time: u64,
}

impl WitnessVerifier {
    /// Names a public key.
    ///
    /// # Errors
    ///
    /// [`NoteError::KeyName`] for a name that is empty or holds a space, a control character or a plus.
    pub fn new(name: &str, key: VerifyingKey) -> Result<Self, NoteError> {
        Ok(Self { name: name.to_owned(), key_hash: key_hash_of(name, COSIGNATURE, &key)?, key })
    }

    /// Reads the text form `name+hash+base64` of a key of type 0x04.
    ///
    /// # Errors
    ///
    /// [`NoteError::VerifierKey`], [`NoteError::KeyName`], [`NoteError::KeyHash`], and [`NoteError::KeyType`] for a log's
    /// key (type 0x01): a log is no witness of itself.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, key) = parse_verifier_key(text, COSIGNATURE)?;
        Self::new(&name, key)
    }

    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who runs the witness, as far as names tell: what stands before the first slash, in lower case.
    #[must_use]
    pub fn operator(&self) -> String {
        self.name.split('/').next().unwrap_or_default().to_ascii_lowercase()
    }

    /// The time of this witness's cosignature, once it has been checked; `None` for another key's line.
    ///
    /// # Errors
    ///
    /// [`CosignatureError::Wrong`].
    pub fn verify(&self, text: &str, line: &NoteSignature) -> Result<Option<u64>, CosignatureError> {
        if line.name != self.name || line.key_hash != self.key_hash {
            return Ok(None);
        }
        let wrong = || CosignatureError::Wrong { name: self.name.clone(), key_hash: self.key_hash };
        let (time, signature) = line.signature.split_first_chunk::<8>().ok_or_else(wrong)?;
        let time = u64::from_be_bytes(*time);
        let signature = Signature::from_slice(signature).map_err(|_| wrong())?;
        if time > MAX_SIZE {
            return Err(wrong());
        }
        self.key.verify_strict(message(time, text).as_bytes(), &signature).map_err(|_| wrong())?;
        Ok(Some(time))
    }
}

impl fmt::Display for WitnessVerifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&print_verifier_key(&self.name, self.key_hash, COSIGNATURE, &self.key))
    }
}

impl fmt::Debug for WitnessVerifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WitnessVerifier({self})")
    }
}

impl WitnessSigner {
    /// Names a private key. The signed message does not hold the name: a key serves one witness alone.
    ///
    /// # Errors
    ///
    /// [`NoteError::KeyName`].
    pub fn new(name: &str, key: SigningKey) -> Result<Self, NoteError> {
        Ok(Self { verifier: WitnessVerifier::new(name, key.verifying_key())?, key })
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &WitnessVerifier {
        &self.verifier
    }

    /// Cosigns a checkpoint's text at a time. That it continues what was cosigned before is the caller's duty.
    ///
    /// # Errors
    ///
    /// [`CosignatureError::Checkpoint`] for a text that is no checkpoint.
    pub fn cosign(&self, text: &str, time: u64) -> Result<NoteSignature, CosignatureError> {
        Checkpoint::parse_text(text)?;
        let mut signature = time.to_be_bytes().to_vec();
        signature.extend_from_slice(&self.key.sign(message(time, text).as_bytes()).to_bytes());
        Ok(NoteSignature { name: self.verifier.name.clone(), key_hash: self.verifier.key_hash, signature })
    }
}

impl fmt::Debug for WitnessSigner {
    // The private key stays out of every log line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WitnessSigner({})", self.verifier)
    }
}

/// What is signed: two lines that no log's signature begins with, then the whole text of the checkpoint.
fn message(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// Which witnesses are believed, and how many of them must have seen a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessPolicy {
    witnesses: Vec<WitnessVerifier>,
    quorum: usize,
}

impl WitnessPolicy {
    /// A policy: `quorum` of the operators of these witnesses must have cosigned.
    ///
    /// # Errors
    ///
    /// [`CosignatureError::Policy`] for a quorum that nobody or everybody meets, [`CosignatureError::TooMany`].
    pub fn new(witnesses: Vec<WitnessVerifier>, quorum: usize) -> Result<Self, CosignatureError> {
        if witnesses.len() > MAX_WITNESSES {
            return Err(CosignatureError::TooMany);
        }
        let operators = distinct(witnesses.iter());
        if !(1..=operators).contains(&quorum) {
            return Err(CosignatureError::Policy { quorum, operators });
        }
        Ok(Self { witnesses, quorum })
    }

    /// A policy by majority: more than half of the operators of these witnesses must have cosigned, so that any two quorums
    /// have an operator in common.
    ///
    /// # Errors
    ///
    /// As [`WitnessPolicy::new`].
    pub fn majority(witnesses: Vec<WitnessVerifier>) -> Result<Self, CosignatureError> {
        let quorum = distinct(witnesses.iter()) / 2 + 1;
        Self::new(witnesses, quorum)
    }

    /// How many operators must have cosigned.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.quorum
    }

    /// The witnesses that are believed.
    #[must_use]
    pub fn witnesses(&self) -> &[WitnessVerifier] {
        &self.witnesses
    }

    /// The cosignatures of a checkpoint by known witnesses, of each its newest, once the quorum is there. The log's own
    /// signature is [`Checkpoint::open`]'s question.
    ///
    /// # Errors
    ///
    /// [`CosignatureError::Quorum`], and [`CosignatureError::Wrong`] for any line of a known witness that does not verify.
    pub fn check(&self, note: &Note) -> Result<Vec<Cosignature<'_>>, CosignatureError> {
        let mut found: Vec<Cosignature<'_>> = Vec::new();
        for line in note.signatures() {
            for witness in &self.witnesses {
                let Some(time) = witness.verify(note.text(), line)? else { continue };
                match found.iter_mut().find(|cosigned| cosigned.witness == witness) {
                    Some(cosigned) => cosigned.time = cosigned.time.max(time),
                    None => found.push(Cosignature { witness, time }),
                }
            }
        }
        let operators = distinct(found.iter().map(|cosigned| cosigned.witness));
        if operators < self.quorum {
            return Err(CosignatureError::Quorum { found: operators, quorum: self.quorum });
        }
        Ok(found)
    }

    /// The time at which a quorum had seen the checkpoint or a later look at it: of the operators' newest cosignatures the
    /// one that completes the quorum. `None` where there is none.
    #[must_use]
    pub fn seen_at(&self, cosignatures: &[Cosignature<'_>]) -> Option<u64> {
        let mut newest: Vec<&Cosignature<'_>> = cosignatures.iter().collect();
        newest.sort_by_key(|cosigned| std::cmp::Reverse(cosigned.time));
        (1..=newest.len())
            .find(|count| distinct(newest[..*count].iter().map(|cosigned| cosigned.witness)) >= self.quorum)
            .map(|count| newest[count - 1].time)
    }
}

/// How many parties these witnesses are: one operator under several names, or one key under several, is one.
fn distinct<'k>(witnesses: impl Iterator<Item = &'k WitnessVerifier>) -> usize {
    let (mut operators, mut keys) = (BTreeSet::new(), BTreeSet::new());
    witnesses.fold(0, |count, witness| {
        let fresh = !keys.contains(witness.key.as_bytes()) && !operators.contains(&witness.operator());
        if fresh {
            keys.insert(*witness.key.as_bytes());
            operators.insert(witness.operator());
        }
        count + usize::from(fresh)
    })
}
