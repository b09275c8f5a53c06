//! Export: a data set's inventory in the forms that other tools read: Croissant, SPDX, CycloneDX.
//!
//! One file or package stands for each paper, with its digests, counts and verdicts, and beside it the files that the paper
//! itself claims and the first thousand of its entries. Millions of documents do not become millions of components: no reader
//! of these forms would hold them, and the manifest, whose digest is named, lists them already; that they are left out is said. Equal inputs give equal bytes: ids are made of the papers' digests, and
//! no clock is read.
//!
//! Not here: reports ([`crate::disclosure`]); reading such files ([`crate::dataset`]).

mod croissant;
mod cyclonedx;
pub mod listed;
mod spdx;

use crate::dataset::inventory;
use crate::disclosure::facts::{Facts, Names};
use crate::disclosure::modality::Modality;
use crate::gate::Judged;
use cleartitle_schema::decide::{Reason, Verdict};
use cleartitle_schema::id::{ContentName, StatementId};
use cleartitle_schema::license::check_expression;
use cleartitle_schema::time::Timestamp;
use data_encoding::HEXLOWER;
use listed::Listed;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Most claimed files of one paper that are listed.
pub const FILES: usize = 10_000;
/// Most statements of one paper that are listed.
pub const STATEMENTS: usize = 1_000;
/// Most licenses that one expression joins.
const LICENSES: usize = 200;

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// Croissant, a JSON-LD vocabulary for data sets.
    Croissant,
    /// SPDX 3.0.1, a JSON-LD document with a data set package.
    Spdx,
    /// CycloneDX 1.6, a JSON bill of materials with data components.
    Cyclonedx,
}

/// A file that a paper claims.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claimed {
    /// Its path or URL, as written.
    pub path: String,
    /// BLAKE3 and SHA-256 as claimed, in hex.
    pub blake3: Option<String>,
    /// SHA-256 as claimed.
    pub sha256: Option<String>,
    /// Its length as claimed.
    pub bytes: Option<u64>,
}

/// One paper.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// Its name, without its folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256, in hex.
    pub sha256: String,
    /// BLAKE3, in hex.
    pub blake3: String,
    /// Entries judged.
    pub entries: u64,
    /// By verdict.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// Licenses as it states them.
    pub stated: Names,
    /// Licenses that decided.
    pub decided: Names,
    /// Entries on which a license decided.
    pub licensed: u64,
    /// Statements among the reasons.
    pub statements: BTreeSet<StatementId>,
    /// Files that it claims.
    pub files: BTreeSet<Claimed>,
    /// Its first entries.
    pub listed: Vec<Listed>,
    /// What no longer fitted into those lists.
    pub beyond: u64,
}

impl Input {
    /// A paper and its digests, read once.
    ///
    /// # Errors
    /// What reading gives.
    pub fn of(path: &Path) -> io::Result<Self> {
        let (mut file, mut sha256, mut blake3) = (File::open(path)?, Sha256::new(), blake3::Hasher::new());
        let mut buffer = vec![0; 256 * 1024];
        let mut bytes = 0;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    sha256.update(&buffer[..read]);
                    blake3.update(&buffer[..read]);
                    bytes += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (sha256, blake3) = (HEXLOWER.encode(&sha256.finalize()), blake3.finalize().to_hex().to_string());
        Ok(Self { name, bytes, sha256, blake3, ..Self::default() })
    }

    /// Counts one of its entries.
    pub fn count(&mut self, judged: &Judged) {
        let Judged { entry, decision, .. } = judged;
        self.entries += 1;
        if self.listed.len() < listed::ENTRIES {
            self.listed.push(Listed::of(entry));
        }
        *self.verdicts.entry(decision.verdict).or_default() += 1;
        entry.licenses.iter().for_each(|license| self.stated.count(&license.text));
        let applied = decision.reasons.iter().filter(|finding| finding.code == Reason::LicenseApplies);
        let applied: BTreeSet<&str> = applied.filter_map(|finding| finding.detail.as_deref()).collect();
        self.licensed += u64::from(!applied.is_empty());
        applied.into_iter().for_each(|license| self.decided.count(license));
        for statement in decision.reasons.iter().filter_map(|finding| finding.statement) {
            put(&mut self.statements, statement, STATEMENTS, &mut self.beyond);
        }
        for file in entry.files.iter().filter(|file| file.within.is_none()) {
            let named = |wanted: fn(&ContentName) -> Option<String>| file.digests.iter().find_map(wanted);
            let hex = |bytes: &[u8]| HEXLOWER.encode(bytes);
            let claimed = Claimed {
                path: file.path.clone(),
                blake3: named(|name| match name {
                    ContentName::Blake3(id) => Some(HEXLOWER.encode(&id.0)),
                    _ => None,
                }),
                sha256: file.digests.iter().find_map(|name| match name {
                    ContentName::Sha256(id) => Some(hex(&id.0)),
                    _ => None,
                }),
                bytes: file.bytes,
            };
            put(&mut self.files, claimed, FILES, &mut self.beyond);
        }
    }

    /// What the paper states, as one SPDX expression; `None` where it states none that can be read.
    #[must_use]
    pub fn declared(&self) -> Option<String> {
        joined(self.stated.counts.keys().map(String::as_str))
    }

    /// The licenses under which all of its entries were decided; `None` where something else decided on any.
    #[must_use]
    pub fn concluded(&self) -> Option<String> {
        let whole = self.licensed == self.entries && self.decided.beyond == 0;
        joined(self.decided.counts.keys().map(String::as_str)).filter(|_| whole)
    }

    /// Counts, verdicts, statements and what no expression holds, as names and values.
    #[must_use]
    pub fn properties(&self) -> Vec<(String, String)> {
        let mut found = vec![("cleartitle:entries".to_owned(), self.entries.to_string())];
        let verdict = |(verdict, count): (&Verdict, &u64)| (format!("cleartitle:verdict:{verdict}"), count.to_string());
        found.extend(self.verdicts.iter().rev().map(verdict));
        let unlisted = self.entries - self.listed.len() as u64;
        if unlisted > 0 {
            found.push((
                inventory::NOT_CARRIED.to_owned(),
                format!("{unlisted} entries beyond the first {}", self.listed.len()),
            ));
        }
        let unread = self.stated.counts.keys().filter(|license| check_expression(license).is_err());
        found.extend(unread.map(|license| ("cleartitle:license-as-stated".to_owned(), license.clone())));
        let decided = self.decided.counts.iter();
        found.extend(
            decided.map(|(license, count)| (format!("cleartitle:license-decided:{license}"), count.to_string())),
        );
        found.extend(self.statements.iter().map(|id| ("cleartitle:statement".to_owned(), id.to_string())));
        if self.beyond > 0 {
            found.push(("cleartitle:not-listed".to_owned(), self.beyond.to_string()));
        }
        found
    }
}

fn put<T: Ord>(into: &mut BTreeSet<T>, item: T, most: usize, beyond: &mut u64) {
    if into.contains(&item) {
        return;
    }
    if into.len() < most {
        into.insert(item);
    } else {
        *beyond += 1;
    }
}

/// Everything together is under all of these: one expression by `AND`. None where any can't be read: whoever leaves a license out
/// states another one. They stand in the properties then, as they were stated.
fn joined<'a>(licenses: impl Iterator<Item = &'a str>) -> Option<String> {
    let parts: BTreeSet<&str> = licenses.collect();
    if parts.iter().any(|license| check_expression(license).is_err()) {
        return None;
    }
    let one_of_many = |part: &str| if part.contains(' ') { format!("({part})") } else { part.to_owned() };
    match parts.len() {
        0 => None,
        count if count > LICENSES => None,
        1 => parts.first().map(|one| (*one).to_owned()),
        _ => Some(parts.into_iter().map(one_of_many).collect::<Vec<_>>().join(" AND ")),
    }
}

/// A data set as it is exported.
#[derive(Debug)]
pub struct Inventory<'a> {
    /// Its name.
    pub name: String,
    /// Who answers for it.
    pub originator: String,
    /// The moment that it is true of.
    pub as_of: Timestamp,
    /// BLAKE3 of the policy file.
    pub policy_digest: String,
    /// The snapshot, in words.
    pub snapshot: String,
    /// Whether it holds personal information, where somebody said.
    pub personal: Option<bool>,
    /// What was counted.
    pub facts: &'a Facts,
    /// Its papers.
    pub inputs: Vec<Input>,
}

impl Inventory<'_> {
    /// The inventory's own id: a UUID (version 8, RFC 9562) of everything that its content hangs on.
    #[must_use]
    pub fn serial(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("cleartitle 2026-11 inventory serial");
        let (at, personal) = (self.as_of.to_string(), format!("{:?}", self.personal));
        let inputs = self.inputs.iter().flat_map(|input| [&input.name, &input.sha256]);
        let parts = [&self.name, &self.originator, &at, &self.policy_digest, &self.snapshot, &personal];
        for part in parts.into_iter().chain(inputs) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = HEXLOWER.encode(&bytes);
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    /// What it is, in a sentence.
    #[must_use]
    pub fn description(&self) -> String {
        let kinds = self.facts.modalities.iter().map(|(kind, of)| format!("{} {kind}", of.documents));
        format!(
            "A data set of {} documents ({}), judged as of {} by policy {} and {}. Verdicts say who permits what, not who owns what.",
            self.facts.entries,
            kinds.collect::<Vec<_>>().join(", "),
            self.as_of,
            self.policy_digest,
            self.snapshot
        )
    }

    /// What all papers state, as one expression.
    #[must_use]
    pub fn declared(&self) -> Option<String> {
        joined(self.inputs.iter().flat_map(|input| input.stated.counts.keys()).map(String::as_str))
    }

    /// The licenses under which every entry was decided.
    #[must_use]
    pub fn concluded(&self) -> Option<String> {
        let whole = self.inputs.iter().all(|input| input.concluded().is_some());
        joined(self.inputs.iter().flat_map(|input| input.decided.counts.keys()).map(String::as_str)).filter(|_| whole)
    }

    /// What the lists could not hold.
    #[must_use]
    pub fn beyond(&self) -> u64 {
        self.inputs.iter().map(|input| input.beyond + input.stated.beyond + input.decided.beyond).sum()
    }

    /// What the papers hold that could not be read, which no inventory makes good.
    fn damaged(&self) -> Option<(String, String)> {
        let damaged = self.facts.damaged;
        (damaged > 0).then(|| (inventory::NOT_CARRIED.to_owned(), format!("{damaged} entries that could not be read")))
    }

    /// Whether any document is of a modality.
    fn holds(&self, kind: Modality) -> bool {
        self.facts.modalities.contains_key(&kind)
    }
}

/// The inventory in a form.
#[must_use]
pub fn export(target: Target, inventory: &Inventory<'_>) -> Value {
    match target {
        Target::Croissant => croissant::export(inventory),
        Target::Spdx => spdx::export(inventory),
        Target::Cyclonedx => cyclonedx::export(inventory),
    }
}

/// Names and values as CycloneDX writes them; SPDX and Croissant have the same under other names.
fn name_value(properties: Vec<(String, String)>) -> Vec<Value> {
    properties.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licenses_are_joined_and_what_cannot_be_read_is_not() {
        let of = |licenses: &[&str]| joined(licenses.iter().copied());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["all rights reserved"]), None);
        assert_eq!(of(&["CC-BY-4.0"]).as_deref(), Some("CC-BY-4.0"));
        assert_eq!(of(&["MIT OR Apache-2.0"]).as_deref(), Some("MIT OR Apache-2.0"));
        let nested = "MIT AND (ISC OR Apache-2.0)";
        assert_eq!(of(&[nested]).as_deref(), Some(nested));
        assert_eq!(of(&["MIT OR Apache-2.0", "CC0-1.0", "?"]), None, "no license is left out of an expression");
        let joined = of(&["MIT OR Apache-2.0", "CC0-1.0"]).unwrap();
        assert_eq!(joined, "CC0-1.0 AND (MIT OR Apache-2.0)");
        assert!(check_expression(&joined).is_ok());
    }

    #[test]
    fn a_serial_hangs_on_the_papers_and_is_a_uuid() {
        let facts = Facts::default();
        let input = Input { sha256: "a".repeat(64), ..Input::default() };
        let mut inventory = Inventory {
            name: "d".to_owned(),
            originator: "lab.example".to_owned(),
            as_of: Timestamp(1_790_000_000),
            policy_digest: "blake3:0".to_owned(),
            snapshot: "s".to_owned(),
            personal: None,
            facts: &facts,
            inputs: vec![input],
        };
        let first = inventory.serial();
        assert_eq!(first, inventory.serial());
        assert!(first.len() == 36 && &first[14..15] == "8" && "89ab".contains(&first[19..20]), "{first}");
        inventory.inputs[0].sha256 = "b".repeat(64);
        assert_ne!(first, inventory.serial());
    }
}
