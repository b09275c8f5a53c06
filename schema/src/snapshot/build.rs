//! Builds a snapshot's body: statements in log order go in, the one possible sequence of bytes comes out.

use super::format::{self, Header, NONE, Section, Tables};
use super::url_rules::{IndexPattern, fold_host, hosts_above};
use crate::evidence::Registered;
use crate::id::StatementId;
use crate::scope::Target;
use crate::statement::StatementError;
use crate::time::Timestamp;
use crate::tlog::Hash;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;

/// The log's state that a snapshot is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The log's origin: one line, no spaces, no `+`, at most [`format::MAX_ORIGIN`] bytes.
    pub origin: String,
    /// Leaves of the log; statements at this index and later are refused.
    pub size: u64,
    /// The log's root at that size.
    pub root: Hash,
    /// The registered time of the last leaf, sealed ones too; [`Timestamp::MIN`] for an empty log.
    pub time: Timestamp,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The header as written.
    pub header: Header,
    /// BLAKE3 of the whole body, as [`super::note_text`] takes it.
    pub body_hash: [u8; 32],
    /// The body's length in bytes.
    pub length: u64,
}

/// Why no snapshot was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The origin can't name a log.
    #[error("`{0}` can't be a log's origin")]
    Origin(String),
    /// Statements do not stand in log order, each once, below the head's size and time.
    #[error("statement {0} is out of the log's order, or beyond its head")]
    Order(StatementId),
    /// A statement's payload has another id.
    #[error("statement {0} is filed under an id that its payload does not have")]
    Id(StatementId),
    /// Signers are not sorted without repeats.
    #[error("the signers of statement {0} are not sorted without repeats")]
    Signers(StatementId),
    /// A statement makes no sense to this version.
    #[error("statement {id} can't be written")]
    Statement {
        /// Which.
        id: StatementId,
        /// Why.
        source: StatementError,
    },
    /// More entries than the format can count.
    #[error("the snapshot has more entries than its format can count")]
    TooMany,
    /// The output failed.
    #[error("the snapshot could not be written")]
    Write(#[from] io::Error),
}

/// Writes the body for these statements, which stand in log order. Two honest builders write identical bytes.
///
/// # Errors
/// [`BuildError`]; what was written until then is no snapshot.
pub fn build(
    ledger: &[Arc<Registered>],
    head: &Head,
    tables: &Tables,
    mut out: impl Write,
) -> Result<Built, BuildError> {
    if !format::is_origin(&head.origin) || head.time < Timestamp::MIN || head.time > Timestamp::MAX {
        return Err(BuildError::Origin(head.origin.chars().take(80).collect()));
    }
    check_order(ledger, head)?;
    let mut writer = Writer::default();
    writer.statements(ledger)?;
    let index = Index::of(ledger)?;
    writer.named(&index)?;
    writer.hosts(&index)?;
    writer.names(&index)?;
    let sections = writer.into_sections()?;
    let header =
        Header { origin: head.origin.clone(), size: head.size, root: head.root, time: head.time, tables: *tables };
    let head_bytes = format::encode_header(&header, &sections).ok_or(BuildError::TooMany)?;
    let mut hasher = blake3::Hasher::new();
    let mut length = 0u64;
    let padding = [0u8; 8];
    for bytes in std::iter::once(&head_bytes).chain(&sections) {
        let rest = padding.get(..bytes.len().next_multiple_of(8) - bytes.len()).unwrap_or_default();
        for piece in [bytes.as_slice(), rest] {
            out.write_all(piece)?;
            hasher.update(piece);
            length += piece.len() as u64;
        }
    }
    out.flush()?;
    Ok(Built { header, body_hash: *hasher.finalize().as_bytes(), length })
}

fn check_order(ledger: &[Arc<Registered>], head: &Head) -> Result<(), BuildError> {
    let mut ids = BTreeSet::new();
    let mut before: Option<&Registered> = None;
    for registered in ledger {
        let follows = before
            .is_none_or(|before| before.index < registered.index && before.registered_at <= registered.registered_at);
        let bounded = registered.index < head.size
            && registered.registered_at <= head.time
            && registered.registered_at >= Timestamp::MIN;
        if !follows || !bounded || !ids.insert(registered.id) {
            return Err(BuildError::Order(registered.id));
        }
        if !registered.signed_by.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err(BuildError::Signers(registered.id));
        }
        before = Some(registered);
    }
    Ok(())
}

/// Places by what statements name, before they are written; every map sorted.
#[derive(Default)]
struct Index<'s> {
    named: BTreeMap<StatementId, Vec<u32>>,
    hosts: BTreeMap<&'s str, HostRules>,
    contents: BTreeMap<(u8, Vec<u8>), Vec<u32>>,
    works: BTreeMap<&'s str, Vec<u32>>,
    collections: BTreeMap<&'s str, Vec<u32>>,
}

#[derive(Default)]
struct HostRules {
    exact: Vec<u32>,
    below: Vec<u32>,
    prefixes: BTreeMap<String, PrefixRules>,
}

#[derive(Default)]
struct PrefixRules {
    plain: Vec<u32>,
    patterns: BTreeMap<IndexPattern, Vec<u32>>,
}

fn add(places: &mut Vec<u32>, place: u32) {
    // Places come in ascending order, so that a repeat is always the last one.
    if places.last() != Some(&place) {
        places.push(place);
    }
}

impl<'s> Index<'s> {
    fn of(ledger: &'s [Arc<Registered>]) -> Result<Self, BuildError> {
        let mut index = Self::default();
        for (place, registered) in ledger.iter().enumerate() {
            let place = u32::try_from(place).map_err(|_| BuildError::TooMany)?;
            for named in registered.statement.names() {
                add(index.named.entry(named).or_default(), place);
            }
            for target in registered.statement.scope().into_iter().flat_map(|scope| &scope.include) {
                index.target(target, place);
            }
        }
        Ok(index)
    }

    fn target(&mut self, target: &'s Target, place: u32) {
        match target {
            Target::Host { host, subdomains } => {
                let rules = self.hosts.entry(fold_host(host.as_str())).or_default();
                add(if *subdomains { &mut rules.below } else { &mut rules.exact }, place);
            }
            Target::Url { host, path, .. } => {
                let pattern = IndexPattern::new(path);
                let rules = self.hosts.entry(fold_host(host.as_str())).or_default();
                let prefix = rules.prefixes.entry(pattern.literal_prefix().to_owned()).or_default();
                if pattern.is_plain() {
                    add(&mut prefix.plain, place);
                } else {
                    add(prefix.patterns.entry(pattern).or_default(), place);
                }
            }
            Target::Content { ids } => {
                ids.iter().for_each(|name| add(self.contents.entry(name.to_parts()).or_default(), place));
            }
            Target::Works { ids } => {
                ids.iter().for_each(|work| add(self.works.entry(work.as_str()).or_default(), place));
            }
            Target::Collection { name } => add(self.collections.entry(name).or_default(), place),
            // What stands in a repertoire's blob is not known here; no lookup by keys finds it.
            Target::Repertoire { .. } => {}
        }
    }
}

/// The sections as they grow.
#[derive(Default)]
struct Writer {
    statements: Vec<u8>,
    payloads: Vec<u8>,
    ids: Vec<u8>,
    named: Vec<u8>,
    hosts: Vec<u8>,
    prefixes: Vec<u8>,
    patterns: Vec<u8>,
    contents: Vec<u8>,
    works: Vec<u8>,
    collections: Vec<u8>,
    text: Vec<u8>,
    sets: Vec<u8>,
    members: Vec<u8>,
    interned: BTreeMap<(u32, Vec<u32>), u32>,
}

fn count(number: usize) -> Result<u32, BuildError> {
    u32::try_from(number).ok().filter(|number| *number != NONE).ok_or(BuildError::TooMany)
}

fn put(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_long(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

impl Writer {
    /// Adds a string; its offset and length.
    fn text(&mut self, text: &str) -> Result<(u64, u32), BuildError> {
        let offset = self.text.len() as u64;
        self.text.extend_from_slice(text.as_bytes());
        Ok((offset, count(text.len())?))
    }

    /// The id of the set of the parent's places and these, which ascend. The first set made is the empty one.
    fn set(&mut self, parent: u32, places: &[u32]) -> Result<u32, BuildError> {
        if places.is_empty() && parent != NONE {
            return Ok(parent);
        }
        // The empty set is no parent: what hangs on it hangs on nothing.
        let parent = if parent == 0 { NONE } else { parent };
        if let Some(id) = self.interned.get(&(parent, places.to_vec())) {
            return Ok(*id);
        }
        let id = count(self.interned.len())?;
        let first = (self.members.len() / Section::Members.width()) as u64;
        put(&mut self.sets, parent);
        put(&mut self.sets, count(places.len())?);
        put_long(&mut self.sets, first);
        places.iter().for_each(|place| put(&mut self.members, *place));
        self.interned.insert((parent, places.to_vec()), id);
        Ok(id)
    }

    fn statements(&mut self, ledger: &[Arc<Registered>]) -> Result<(), BuildError> {
        self.set(NONE, &[])?;
        for registered in ledger {
            let id = registered.id;
            let payload = registered.statement.to_payload();
            let payload = payload.map_err(|source| BuildError::Statement { id, source })?;
            if StatementId::of(&payload) != id {
                return Err(BuildError::Id(id));
            }
            let signers: Vec<&str> = registered.signed_by.iter().map(crate::issuer::Domain::as_str).collect();
            let (signers, signers_length) = self.text(&signers.join("\n"))?;
            let flags = u32::from(registered.proven) | (u32::from(registered.tenure_from.is_some()) << 1);
            let out = &mut self.statements;
            out.extend_from_slice(&id.0);
            put_long(out, registered.index);
            out.extend_from_slice(&registered.registered_at.0.to_le_bytes());
            out.extend_from_slice(&registered.tenure_from.map_or(0, |tenure| tenure.0).to_le_bytes());
            put_long(out, self.payloads.len() as u64);
            put_long(out, signers);
            put(out, count(payload.len())?);
            put(out, signers_length);
            put(out, flags);
            put(out, 0);
            self.payloads.extend_from_slice(&payload);
        }
        let mut ids: Vec<(StatementId, usize)> =
            ledger.iter().enumerate().map(|(place, registered)| (registered.id, place)).collect();
        ids.sort_unstable();
        ids.into_iter().try_for_each(|(_, place)| count(place).map(|place| put(&mut self.ids, place)))
    }

    fn named(&mut self, index: &Index<'_>) -> Result<(), BuildError> {
        for (id, places) in &index.named {
            let set = self.set(NONE, places)?;
            self.named.extend_from_slice(&id.0);
            put(&mut self.named, set);
            put(&mut self.named, 0);
        }
        Ok(())
    }

    fn hosts(&mut self, index: &Index<'_>) -> Result<(), BuildError> {
        // A host's sets hang on those of the nearest host above, which has fewer labels.
        let mut by_depth: Vec<&str> = index.hosts.keys().copied().collect();
        by_depth.sort_by_key(|host| (host.matches('.').count(), *host));
        let mut sets: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for host in by_depth {
            let Some(rules) = index.hosts.get(host) else { continue };
            let above = hosts_above(host).find_map(|above| sets.get(above)).map_or(0, |(_, below)| *below);
            let below = self.set(above, &rules.below)?;
            let exact = self.set(below, &rules.exact)?;
            sets.insert(host, (exact, below));
        }
        for (host, rules) in &index.hosts {
            let (exact, below) = sets.get(host).copied().unwrap_or_default();
            let first = count(self.prefixes.len() / Section::Prefixes.width())?;
            let (offset, length) = self.text(host)?;
            put_long(&mut self.hosts, offset);
            for number in [length, exact, below, first, count(rules.prefixes.len())?, 0] {
                put(&mut self.hosts, number);
            }
            self.prefixes(rules, exact, first)?;
        }
        Ok(())
    }

    fn prefixes(&mut self, rules: &HostRules, host_set: u32, first: u32) -> Result<(), BuildError> {
        // The prefixes that begin the current one, shortest first, each with its record number and set.
        let mut open: Vec<(&str, u32, u32)> = Vec::new();
        for (number, (prefix, under)) in rules.prefixes.iter().enumerate() {
            while open.last().is_some_and(|(shorter, ..)| !prefix.starts_with(shorter)) {
                open.pop();
            }
            let (parent, parent_set) = open.last().map_or((NONE, host_set), |(_, record, set)| (*record, *set));
            let record = first.checked_add(count(number)?).ok_or(BuildError::TooMany)?;
            let set = self.set(parent_set, &under.plain)?;
            let first_pattern = count(self.patterns.len() / Section::Patterns.width())?;
            let (offset, length) = self.text(prefix)?;
            put_long(&mut self.prefixes, offset);
            for number in [length, parent, set, first_pattern, count(under.patterns.len())?, 0] {
                put(&mut self.prefixes, number);
            }
            for (pattern, places) in &under.patterns {
                let set = self.set(NONE, places)?;
                let (offset, length) = self.text(&pattern.text)?;
                put_long(&mut self.patterns, offset);
                for number in [length, set, u32::from(pattern.anchored), 0] {
                    put(&mut self.patterns, number);
                }
            }
            open.push((prefix, record, set));
        }
        Ok(())
    }

    fn names(&mut self, index: &Index<'_>) -> Result<(), BuildError> {
        for ((kind, digest), places) in &index.contents {
            let set = self.set(NONE, places)?;
            let start = self.contents.len();
            self.contents.extend_from_slice(&[*kind, 0, 0, 0]);
            put(&mut self.contents, set);
            self.contents.extend_from_slice(digest);
            self.contents.resize(start + Section::Contents.width(), 0);
        }
        let works = self.texts(&index.works)?;
        self.works = works;
        let collections = self.texts(&index.collections)?;
        self.collections = collections;
        Ok(())
    }

    fn texts(&mut self, names: &BTreeMap<&str, Vec<u32>>) -> Result<Vec<u8>, BuildError> {
        let mut out = Vec::new();
        for (name, places) in names {
            let set = self.set(NONE, places)?;
            let (offset, length) = self.text(name)?;
            put_long(&mut out, offset);
            put(&mut out, length);
            put(&mut out, set);
        }
        Ok(out)
    }

    /// The sections in the order of [`Section::ALL`].
    fn into_sections(self) -> Result<Vec<Vec<u8>>, BuildError> {
        let sections = vec![
            self.statements,
            self.payloads,
            self.ids,
            self.named,
            self.sets,
            self.members,
            self.hosts,
            self.prefixes,
            self.patterns,
            self.contents,
            self.works,
            self.collections,
            self.text,
        ];
        for (section, bytes) in Section::ALL.iter().zip(&sections) {
            if section.width() > 1 {
                count(bytes.len() / section.width())?;
            }
        }
        Ok(sections)
    }
}
