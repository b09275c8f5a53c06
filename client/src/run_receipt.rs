//! Run receipt: what a filter run read, decided by and wrote, as a signed in-toto statement that standard tools check.
//!
//! `DIR/receipt.dsse.json` is a DSSE v1 envelope around an in-toto Statement v1. Its subjects are two lists in the form of
//! `sha256sum`, so that any machine can check any number of files: `outputs.sha256` names every output, `inputs.sha256`
//! every input under the name that its outputs go by. The predicate says what the run was. It holds no time of the run's
//! own: equal runs sign equal bytes. What it proves is what the key's owner states; that the tool was run unchanged it
//! can't prove.

use crate::filter::{Identity, Shard};
use crate::report::{Count, Report, SnapshotLine};
use cleartitle_schema::decide::Asker;
use cleartitle_schema::policy::Disposition;
use cleartitle_schema::signed::{self, Envelope, SignedError, Verified};
use cleartitle_schema::vocab::Use;
use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Component, Path};

/// The receipt's name in a run's folder.
pub const RECEIPT: &str = "receipt.dsse.json";
/// The list of all outputs but itself and the receipt.
pub const OUTPUTS: &str = "outputs.sha256";
/// The list of all inputs.
pub const INPUTS: &str = "inputs.sha256";

/// The payload type of in-toto statements.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const PREDICATE_TYPE: &str = "https://cleartitle.example/filter-run/v1";

/// Longest line of a list that is read.
const LONGEST_LINE: u64 = 64 * 1024;
/// Differences that are told; the rest is counted.
const TOLD: usize = 5;

/// An in-toto Statement v1 about one filter run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunStatement {
    #[serde(rename = "_type")]
    kind: String,
    /// [`OUTPUTS`] and [`INPUTS`].
    pub subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    /// What the run was.
    pub predicate: Run,
}

/// A file and its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Its name in the run's folder.
    pub name: String,
    /// `sha256`, in lower-case hex.
    pub digest: BTreeMap<String, String>,
}

/// The predicate: everything that the outputs hang on, and the counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Tool version, digests of policy and snapshot, moment of use, what was asked.
    pub identity: Identity,
    /// The snapshot's log, size and root.
    pub snapshot: SnapshotLine,
    /// Who asked.
    pub asker: Asker,
    /// For what use.
    #[serde(rename = "use")]
    pub category: Use,
    /// Which part of the list of inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// How many inputs there were.
    pub inputs: u64,
    /// Their stored bytes.
    pub input_bytes: u64,
    /// Documents kept.
    pub kept: Count,
    /// Documents that wait for a person.
    pub review: Count,
    /// Documents excluded.
    pub excluded: Count,
    /// Stretches and documents that could not be read.
    pub damaged: u64,
}

impl Run {
    /// Of a finished run.
    #[must_use]
    pub fn of(identity: &Identity, report: &Report, shard: Option<Shard>) -> Self {
        Self {
            identity: identity.clone(),
            snapshot: report.snapshot.clone(),
            asker: report.asker.clone(),
            category: report.category,
            shard,
            inputs: report.inputs.len() as u64,
            input_bytes: report.inputs.iter().map(|input| input.bytes).sum(),
            kept: report.tally.of(Disposition::Keep),
            review: report.tally.of(Disposition::Review),
            excluded: report.tally.of(Disposition::Drop),
            damaged: report.tally.damaged(),
        }
    }

    /// The signed statement, given the bytes of both lists.
    ///
    /// # Errors
    /// [`SignedError::PayloadTooLong`] for a run that can't be described in 48,000 bytes.
    pub fn sign(self, outputs: &[u8], inputs: &[u8], key: &SigningKey) -> Result<Envelope, SignedError> {
        let subject = |name: &str, list: &[u8]| Subject {
            name: name.to_owned(),
            digest: BTreeMap::from([("sha256".to_owned(), HEXLOWER.encode(&Sha256::digest(list)))]),
        };
        let statement = RunStatement {
            kind: STATEMENT_TYPE.to_owned(),
            subject: vec![subject(OUTPUTS, outputs), subject(INPUTS, inputs)],
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: self,
        };
        let payload = serde_json::to_vec(&statement).map_err(|error| SignedError::Malformed(error.to_string()))?;
        signed::sign(PAYLOAD_TYPE, &payload, &[key])
    }
}

/// One line of a list, as `sha256sum` writes it.
#[must_use]
pub fn line(name: &str, digest: &str) -> String {
    // A name with a line end or a backslash is written with escapes, and the line says so at its beginning.
    if name.contains(['\\', '\n', '\r']) {
        let name = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        return format!("\\{digest}  {name}\n");
    }
    format!("{digest}  {name}\n")
}

/// SHA-256 of everything that a reader gives, in lower-case hex.
///
/// # Errors
/// What reading gives.
pub fn digest(mut bytes: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match bytes.read(&mut buffer) {
            Ok(0) => return Ok(HEXLOWER.encode(&hasher.finalize())),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Why a receipt does not hold, or can't be checked.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// Signed, and no statement about a filter run.
    #[error("it is no statement about a filter run: {0}")]
    NotARun(String),
    /// A list is not the one that was signed.
    #[error("`{0}` is not the one that was signed")]
    OtherList(&'static str),
    /// Files differ from the list.
    #[error("{0}")]
    Differs(String),
    /// A file could not be read.
    #[error("cannot read `{name}`: {source}")]
    Read {
        /// The file.
        name: String,
        /// What the system says.
        source: io::Error,
    },
}

/// What a checked receipt says.
#[derive(Debug)]
pub struct Checked {
    /// The statement.
    pub statement: RunStatement,
    /// How many outputs are byte for byte as listed.
    pub outputs: u64,
}

/// The statement about a filter run that a verified envelope holds.
///
/// # Errors
/// [`ReceiptError::NotARun`] for a statement about anything else.
pub fn statement(verified: &Verified<'_>) -> Result<RunStatement, ReceiptError> {
    if verified.payload_type() != PAYLOAD_TYPE {
        return Err(ReceiptError::NotARun(format!("its type is `{}`", verified.payload_type())));
    }
    let statement: RunStatement =
        serde_json::from_slice(verified.payload()).map_err(|error| ReceiptError::NotARun(error.to_string()))?;
    if statement.kind != STATEMENT_TYPE || statement.predicate_type != PREDICATE_TYPE {
        return Err(ReceiptError::NotARun(statement.predicate_type));
    }
    Ok(statement)
}

/// Whether a list beside the receipt is the one that was signed.
fn is_signed(statement: &RunStatement, folder: &Path, name: &'static str) -> Result<(), ReceiptError> {
    let found = sum(folder, name)?;
    let signed = statement.subject.iter().find(|subject| subject.name == name);
    if signed.and_then(|subject| subject.digest.get("sha256")) != Some(&found) {
        return Err(ReceiptError::OtherList(name));
    }
    Ok(())
}

/// The digest of one output by the signed list beside the receipt; `None` where the list does not name it.
///
/// # Errors
/// [`ReceiptError`] for a list that can't be read, or is not the one that was signed.
pub fn listed_digest(statement: &RunStatement, folder: &Path, name: &str) -> Result<Option<String>, ReceiptError> {
    is_signed(statement, folder, OUTPUTS)?;
    let read = |source| ReceiptError::Read { name: OUTPUTS.to_owned(), source };
    let mut lines = BufReader::new(File::open(folder.join(OUTPUTS)).map_err(read)?);
    loop {
        let mut text = String::new();
        if lines.by_ref().take(LONGEST_LINE).read_line(&mut text).map_err(read)? == 0 {
            return Ok(None);
        }
        if let Some((digest, _)) = parsed(&text).filter(|(_, listed)| listed == name) {
            return Ok(Some(digest.to_owned()));
        }
    }
}

/// Checks a verified envelope against the run's folder: both lists, and every output. The inputs need not be at hand.
///
/// # Errors
/// [`ReceiptError`].
pub fn check(verified: &Verified<'_>, folder: &Path) -> Result<Checked, ReceiptError> {
    let statement = statement(verified)?;
    [OUTPUTS, INPUTS].into_iter().try_for_each(|name| is_signed(&statement, folder, name))?;
    let outputs = listed(folder)?;
    Ok(Checked { statement, outputs })
}

/// Compares every listed output with the file; how many there are.
fn listed(folder: &Path) -> Result<u64, ReceiptError> {
    let read = |source| ReceiptError::Read { name: OUTPUTS.to_owned(), source };
    let mut lines = BufReader::new(File::open(folder.join(OUTPUTS)).map_err(read)?);
    let (mut count, mut wrong, mut told) = (0_u64, 0_u64, Vec::new());
    loop {
        let mut text = String::new();
        if lines.by_ref().take(LONGEST_LINE).read_line(&mut text).map_err(read)? == 0 {
            break;
        }
        count += 1;
        let difference = match parsed(&text) {
            None => Some(format!("line {count} of `{OUTPUTS}` is no digest and a name below the folder")),
            Some((digest, name)) => match sum(folder, &name) {
                Ok(found) if found == digest => None,
                Ok(_) => Some(format!("`{name}` was changed")),
                Err(error) => Some(error.to_string()),
            },
        };
        if let Some(difference) = difference {
            wrong += 1;
            if told.len() < TOLD {
                told.push(difference);
            }
        }
    }
    match wrong.saturating_sub(told.len() as u64) {
        _ if wrong == 0 => Ok(count),
        0 => Err(ReceiptError::Differs(told.join("; "))),
        more => Err(ReceiptError::Differs(format!("{}; and {more} more", told.join("; ")))),
    }
}

/// Digest and name of a list's line. A name that leads out of the folder is none: who wrote the list may not say what is read.
fn parsed(line: &str) -> Option<(&str, String)> {
    let line = line.strip_suffix('\n')?;
    let (escaped, line) = line.strip_prefix('\\').map_or((false, line), |line| (true, line));
    let (digest, name) = line.split_once("  ")?;
    let name = if escaped {
        let mut letters = name.chars();
        let mut plain = String::new();
        while let Some(letter) = letters.next() {
            plain.push(match letter {
                '\\' => match letters.next()? {
                    'n' => '\n',
                    'r' => '\r',
                    '\\' => '\\',
                    _ => return None,
                },
                other => other,
            });
        }
        plain
    } else {
        name.to_owned()
    };
    let below = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
    (digest.len() == 64 && !name.is_empty() && below).then_some((digest, name))
}

fn sum(folder: &Path, name: &str) -> Result<String, ReceiptError> {
    let found = File::open(folder.join(name)).and_then(digest);
    found.map_err(|source| ReceiptError::Read { name: name.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lines_are_read_as_they_were_written(name in "[a-z\\\\\n\r /.]{1,20}") {
            let digest = "0".repeat(64);
            let written = line(&name, &digest);
            prop_assert_eq!(written.matches('\n').count(), 1);
            let below = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
            let read = parsed(&written).map(|(_, name)| name);
            prop_assert_eq!(read, below.then_some(name));
        }
    }

    #[test]
    fn names_that_lead_out_are_none() {
        let digest = "0".repeat(64);
        for name in ["../a", "/etc/passwd", "a/../../b", "", "."] {
            assert!(parsed(&line(name, &digest)).is_none(), "{name}");
        }
    }
}
