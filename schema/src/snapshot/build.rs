//! Builds a snapshot's body: statements in log order go in, the one possible sequence of bytes comes out.
//!
//! Statements pass once. What they add to each index is sorted ([`sort`](super::sort)), in memory or within a [`Room`], and
//! the sections are set aside until their lengths are known.

use super::facts::{Facts, Groups};
use super::format::{self, Header, Section, Tables};
use super::index::Index;
use super::sets::Sets;
use super::signers;
use super::sort::{Room, Sorter};
use super::spool::{Spool, count};
use crate::evidence::Registered;
use crate::id::StatementId;
use crate::statement::StatementError;
use crate::time::Timestamp;
use crate::tlog::Hash;
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
    /// The statements could not be read to their end.
    #[error("the snapshot's statements could not be read")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
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
pub fn build(ledger: &[Arc<Registered>], head: &Head, tables: &Tables, out: impl Write) -> Result<Built, BuildError> {
    let statements = ledger.iter().map(|registered| Ok::<_, std::convert::Infallible>(Arc::clone(registered)));
    build_within(statements, head, tables, &mut Room::memory(), out)
}

/// The same for statements that come one by one, in bounded memory: the bytes are those that [`build`] writes.
///
/// # Errors
/// [`BuildError`]; [`BuildError::Source`] where a statement does not come.
pub fn build_within<E: std::error::Error + Send + Sync + 'static>(
    statements: impl IntoIterator<Item = Result<Arc<Registered>, E>>,
    head: &Head,
    tables: &Tables,
    room: &mut Room<'_>,
    mut out: impl Write,
) -> Result<Built, BuildError> {
    if !format::is_origin(&head.origin) || head.time < Timestamp::MIN || head.time > Timestamp::MAX {
        return Err(BuildError::Origin(head.origin.chars().take(80).collect()));
    }
    let mut sections = sections(statements, head, room)?;
    let header =
        Header { origin: head.origin.clone(), size: head.size, root: head.root, time: head.time, tables: *tables };
    let measures = sections.iter_mut().map(Spool::measure).collect::<Result<Vec<_>, _>>()?;
    let head_bytes = format::encode_header(&header, &measures).ok_or(BuildError::TooMany)?;
    let mut hashed = Hashed { out: &mut out, hasher: blake3::Hasher::new(), length: 0 };
    hashed.write_all(&head_bytes)?;
    sections.into_iter().try_for_each(|section| section.write_to(&mut hashed))?;
    let Hashed { hasher, length, .. } = hashed;
    out.flush()?;
    Ok(Built { header, body_hash: *hasher.finalize().as_bytes(), length })
}

/// Hashes and counts what it passes on.
struct Hashed<W> {
    out: W,
    hasher: blake3::Hasher,
    length: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.length += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn sections<E: std::error::Error + Send + Sync + 'static>(
    statements: impl IntoIterator<Item = Result<Arc<Registered>, E>>,
    head: &Head,
    room: &mut Room<'_>,
) -> Result<Vec<Spool>, BuildError> {
    let mut sections = Section::ALL.iter().map(|section| Spool::new(*section, room)).collect::<io::Result<Vec<_>>>()?;
    let mut facts = Facts::new(room);
    let mut before: Option<(u64, Timestamp)> = None;
    let mut places = 0u32;
    for registered in statements {
        let registered = registered.map_err(|error| BuildError::Source(error.into()))?;
        check(&registered, before, head)?;
        before = Some((registered.index, registered.registered_at));
        write_statement(&registered, &mut sections)?;
        [Section::Payloads, Section::Text].iter().try_for_each(|section| sections[section.rank()].turn(room))?;
        facts.add(room, places, &registered)?;
        places = count(usize::try_from(places).unwrap_or(usize::MAX) + 1)?;
    }
    write_ids(facts.ids, &mut sections, room)?;
    let mut index = Index { room, sections, sets: Sets::new(places) };
    index.named(facts.named)?;
    index.hosts(facts.hosts)?;
    index.contents(facts.contents, &facts.listings)?;
    index.texts(Section::Works, facts.works)?;
    index.texts(Section::Collections, facts.collections)?;
    Ok(index.sections)
}

/// Whether a statement may follow the one before it.
fn check(registered: &Registered, before: Option<(u64, Timestamp)>, head: &Head) -> Result<(), BuildError> {
    let follows = before.is_none_or(|(index, at)| index < registered.index && at <= registered.registered_at);
    let bounded = registered.index < head.size
        && registered.registered_at <= head.time
        && registered.registered_at >= Timestamp::MIN;
    if !follows || !bounded {
        return Err(BuildError::Order(registered.id));
    }
    let signers_sorted = registered.signed_by.windows(2).all(|pair| pair[0] < pair[1]);
    if !signers_sorted || !registered.under.windows(2).all(|pair| pair[0] < pair[1]) {
        return Err(BuildError::Signers(registered.id));
    }
    Ok(())
}

fn write_statement(registered: &Registered, sections: &mut [Spool]) -> Result<(), BuildError> {
    let id = registered.id;
    let payload = registered.statement.to_payload().map_err(|source| BuildError::Statement { id, source })?;
    // What remains of an erased statement stands under the id of what is gone.
    if registered.statement.remains_of.unwrap_or_else(|| StatementId::of(&payload)) != id {
        return Err(BuildError::Id(id));
    }
    let signers = signers::write(registered);
    let flags = u32::from(registered.tenure_from.is_some()) << 1;
    let at = |section: Section| sections.get(section.rank()).map_or(0, Spool::length);
    let mut record = Vec::with_capacity(Section::Statements.width());
    record.extend_from_slice(&id.0);
    record.extend(registered.index.to_le_bytes());
    record.extend(registered.registered_at.0.to_le_bytes());
    record.extend(registered.tenure_from.map_or(0, |tenure| tenure.0).to_le_bytes());
    record.extend(at(Section::Payloads).to_le_bytes());
    record.extend(at(Section::Text).to_le_bytes());
    for number in [count(payload.len())?, count(signers.len())?, flags, 0] {
        record.extend(number.to_le_bytes());
    }
    for (section, bytes) in
        [(Section::Statements, &record[..]), (Section::Payloads, &payload), (Section::Text, signers.as_bytes())]
    {
        sections[section.rank()].put(bytes)?;
    }
    Ok(())
}

fn write_ids(facts: Sorter, sections: &mut [Spool], room: &mut Room<'_>) -> Result<(), BuildError> {
    let mut groups = Groups::of(facts, room)?;
    let mut places = Vec::new();
    while let Some(id) = groups.next(0, &mut places, |_| ())? {
        let [place] = places[..] else {
            let id = id.try_into().map_or(StatementId([0; 32]), StatementId);
            return Err(BuildError::Order(id));
        };
        sections[Section::Ids.rank()].put(&place.to_le_bytes())?;
    }
    Ok(())
}
