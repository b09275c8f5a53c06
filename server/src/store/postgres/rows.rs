//! The rows that follow from entries, gathered for all of a batch and written together: a COPY for each table.

use std::collections::{BTreeSet, HashMap};

use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{Commitment, ContentName, StatementId};
use cleartitle_schema::issuer::{Authority, Domain};
use cleartitle_schema::scope::Target;
use cleartitle_schema::signed::{key_id, parse_public_key};
use cleartitle_schema::statement::{Body, ListRole};
use cleartitle_schema::surt::UrlKey;
use tokio_postgres::types::Type;

use super::session::{CopyRow, Session};
use super::uploads;
use super::write::{damaged, integer};
use crate::store::{Entry, Relation, StoreError, evidence_of};

const STATEMENTS: &str =
    "statements (idx, id, commitment, issuer, authority, kind, registered_at, signed_by, tenure_from, payload,
    under, speaks_for)";
const STATEMENT_TYPES: [Type; 12] = [
    Type::INT8,
    Type::BYTEA,
    Type::BYTEA,
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::INT8,
    Type::TEXT,
    Type::INT8,
    Type::BYTEA,
    Type::TEXT,
    Type::TEXT,
];

/// How many rows wait at most before they are written, whatever a batch brings.
const MOST: usize = 50_000;

/// What of an entry the derived tables are made of: all that there is of an erased one.
pub(super) struct Projected<'e> {
    pub(super) commitment: Commitment,
    pub(super) payload: &'e [u8],
    pub(super) registered: &'e Registered,
    pub(super) list: Option<&'e [u8]>,
}

impl<'e> From<&'e Entry> for Projected<'e> {
    fn from(entry: &'e Entry) -> Self {
        Self {
            commitment: entry.leaf.commitment,
            payload: entry.published.envelope.payload(),
            registered: &entry.registered,
            list: entry.list.as_deref(),
        }
    }
}

/// Rows that wait to be written.
#[derive(Default)]
pub(super) struct Rows {
    statements: Vec<CopyRow>,
    names: Vec<CopyRow>,
    exhibits: Vec<CopyRow>,
    claims: Vec<CopyRow>,
    documents: Vec<CopyRow>,
    showings: Showings,
    /// The statements among them: what comes behind may name them.
    pub(super) waiting: HashMap<StatementId, Registered>,
}

/// Columns of showings, which are written by an INSERT that leaves the first ones as they are.
#[derive(Default)]
struct Showings {
    kinds: Vec<i16>,
    names: Vec<Vec<u8>>,
    authorities: Vec<String>,
    indexes: Vec<i64>,
}

impl Rows {
    /// Adds what follows from one entry; registration and `rebuild` both come through here. Whoever begins or ceases to speak for a
    /// domain is written at once, and all that waits before it.
    pub(super) fn add(&mut self, session: &Session<'_>, entry: &Projected<'_>) -> Result<(), StoreError> {
        let registered = entry.registered;
        let index = integer(registered.index)?;
        let statement = &registered.statement;
        self.statements.push(vec![
            Box::new(index),
            Box::new(registered.id.0.to_vec()),
            Box::new(entry.commitment.0.to_vec()),
            Box::new(statement.issuer.domain.as_str().to_owned()),
            Box::new(registered.authority().as_str().to_owned()),
            Box::new(statement.kind().word()),
            Box::new(registered.registered_at.0),
            Box::new(serde_json::to_string(&registered.signed_by).map_err(damaged)?),
            Box::new(registered.tenure_from.map(|time| time.0)),
            Box::new(entry.payload.to_vec()),
            Box::new(serde_json::to_string(&registered.under).map_err(damaged)?),
            Box::new(registered.speaks_for.as_ref().map(|domain| Domain::as_str(domain).to_owned())),
        ]);
        for (named, relation) in Relation::all_of(registered).into_iter().collect::<BTreeSet<_>>() {
            self.names.push(vec![Box::new(named.0.to_vec()), Box::new(index), Box::new(relation.word())]);
        }
        for blob in evidence_of(statement) {
            self.exhibits.push(vec![Box::new(blob.0.to_vec()), Box::new(index)]);
        }
        self.add_content(session, entry, index)?;
        self.waiting.insert(registered.id, registered.clone());
        let speaks = match &statement.body {
            Body::KeyBinding { .. } => true,
            Body::Withdrawal { cause, .. } => cause.is_some(),
            _ => false,
        };
        if speaks || self.statements.len() + self.documents.len() >= MOST {
            self.write(session)?;
        }
        if speaks { bind(session, registered, index) } else { Ok(()) }
    }

    /// The documents that an entry names: in a provenance batch, or in its scope.
    fn add_content(&mut self, session: &Session<'_>, entry: &Projected<'_>, index: i64) -> Result<(), StoreError> {
        let statement = &entry.registered.statement;
        let mut claimed = BTreeSet::new();
        for target in statement.scope().iter().flat_map(|scope| &scope.include) {
            let Target::Content { ids } = target else { continue };
            claimed.extend(ids.iter().map(|id| id.to_parts()));
        }
        for (kind, name) in claimed {
            self.claims.push(vec![Box::new(i16::from(kind)), Box::new(name), Box::new(index)]);
        }
        if let Body::ClaimProof { content, url, .. } = &statement.body
            && let Ok(url) = UrlKey::parse(url)
        {
            self.showings.add(&url.authority(), content, index);
        }
        let (Body::Manifest { role: ListRole::Provenance, .. }, Some(bytes)) = (&statement.body, entry.list) else {
            return uploads::project(session, entry.registered, index);
        };
        let own = entry.registered.authority();
        let mut start = 0;
        for (line, number) in bytes.split_inclusive(|byte| *byte == b'\n').zip(1_u64..) {
            let record: Acquisition = serde_json::from_slice(line).map_err(damaged)?;
            let (number, at, length) = (integer(number)?, integer(start as u64)?, integer(line.len() as u64)?);
            for (kind, name) in record.content.iter().map(|name| name.to_parts()).collect::<BTreeSet<_>>() {
                self.documents.push(vec![
                    Box::new(i16::from(kind)),
                    Box::new(name),
                    Box::new(index),
                    Box::new(number),
                    Box::new(at),
                    Box::new(length),
                ]);
            }
            // Of its own hosts alone: a stranger's word about somebody else's would bar the somebody from its own bytes.
            let own_url = |url: UrlKey| url.authority() == own;
            if record.fetched_url().is_some_and(|url| UrlKey::parse(url).is_ok_and(own_url)) {
                self.showings.add(&own, &record.content, index);
            }
            start += line.len();
            if self.documents.len() >= MOST {
                self.write(session)?;
            }
        }
        Ok(())
    }

    /// Writes all that waits.
    pub(super) fn write(&mut self, session: &Session<'_>) -> Result<(), StoreError> {
        session.copy(STATEMENTS, &STATEMENT_TYPES, &self.statements)?;
        session.copy("names (named, idx, relation)", &[Type::BYTEA, Type::INT8, Type::TEXT], &self.names)?;
        session.copy("exhibits (blob, idx)", &[Type::BYTEA, Type::INT8], &self.exhibits)?;
        session.copy("claims (kind, name, idx)", &[Type::INT2, Type::BYTEA, Type::INT8], &self.claims)?;
        let types = [Type::INT2, Type::BYTEA, Type::INT8, Type::INT8, Type::INT8, Type::INT8];
        session.copy("documents (kind, name, idx, line, start, length)", &types, &self.documents)?;
        self.showings.write(session)?;
        *self = Self::default();
        Ok(())
    }
}

impl Showings {
    /// That an authority showed a document under its own hosts.
    fn add(&mut self, authority: &Authority, content: &[ContentName], index: i64) {
        for (kind, name) in content.iter().map(|name| name.to_parts()) {
            self.kinds.push(kind.into());
            self.names.push(name);
            self.authorities.push(authority.as_str().to_owned());
            self.indexes.push(index);
        }
    }

    /// The first time stays.
    fn write(&self, session: &Session<'_>) -> Result<(), StoreError> {
        if self.kinds.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO showings (kind, name, authority, idx)
            SELECT * FROM unnest($1::int2[], $2::bytea[], $3::text[], $4::int8[]) ON CONFLICT DO NOTHING";
        session.execute(sql, &[&self.kinds, &self.names, &self.authorities, &self.indexes]).map(|_| ())
    }
}

/// A key that begins or ceases to speak for a domain.
fn bind(session: &Session<'_>, registered: &Registered, index: i64) -> Result<(), StoreError> {
    let at = registered.registered_at.0;
    match &registered.statement.body {
        Body::KeyBinding { domain, key, proof, new_tenure } => {
            let key_id = parse_public_key(key).map(|key| key_id(&key)).map_err(damaged)?;
            let sql = "INSERT INTO bindings (idx, id, key_id, domain, key, proof, bound_at, new_tenure)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
            let (id, key_id) = (registered.id.0.as_slice(), key_id.0.as_slice());
            session.execute(sql, &[&index, &id, &key_id, &domain.as_str(), key, &proof.word(), &at, new_tenure])?;
        }
        Body::Withdrawal { statement, cause: Some(cause), .. } => {
            let sql =
                "UPDATE bindings SET ended_idx = $2, ended_at = $3, cause = $4 WHERE id = $1 AND ended_idx IS NULL";
            session.execute(sql, &[&statement.0.as_slice(), &index, &at, &cause.word()])?;
        }
        _ => {}
    }
    Ok(())
}
