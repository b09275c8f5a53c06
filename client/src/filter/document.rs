//! A record judged: its acquisition, its names, the ruling, or the damage that keeps it from being a document.

use super::checks::Checks;
use super::finality::Finality;
use super::in_record::{RecordEvidence, record_evidence};
use super::plan::{Missing, Plan, Ruling};
use crate::crawl::{Damage, DigestCheck, PayloadState, Record, RecordType};
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::id::{ContentId, ContentName, Sha256Alias, WarcSha1Alias};
use cleartitle_schema::policy::{Disposition, Policy};
use cleartitle_schema::scope::Target;
use cleartitle_schema::snapshot::{self, VerifiedSnapshot};
use cleartitle_schema::surt::UrlKey;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::{Access, Channel};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// What is asked of every record, beside what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asking {
    /// When the asker's own copies were made. Left out: at the time of use.
    pub acquired_at: Option<Timestamp>,
    /// The capture time of records that carry none (lines of JSONL without a date).
    pub captured_at: Option<Timestamp>,
    /// How the copies were got.
    pub channel: Channel,
    /// By what access.
    pub access: Access,
    /// Compare the declared payload digests.
    pub check_digests: bool,
    /// SHA-256 of every document is needed: a statement or the policy names documents by it.
    pub sha256: bool,
    /// What is looked into.
    pub checks: Checks,
}

impl Asking {
    /// The usual question about a crawl: found openly, by crawling.
    #[must_use]
    pub const fn crawl() -> Self {
        Self {
            acquired_at: None,
            captured_at: None,
            channel: Channel::Crawl,
            access: Access::Open,
            check_digests: false,
            sha256: false,
            checks: Checks::ALL,
        }
    }

    /// Whether anything names documents by SHA-256, so that it has to be computed.
    ///
    /// # Errors
    /// Damage in the snapshot.
    pub fn needs_sha256<D: AsRef<[u8]>>(
        snapshot: &VerifiedSnapshot<D>,
        policy: &Policy,
    ) -> Result<bool, snapshot::Damage> {
        let (kind, _) = ContentName::Sha256(Sha256Alias([0; 32])).to_parts();
        let excepted = policy.actions.exceptions.iter().any(|exception| match &exception.target {
            Target::Content { ids } => ids.iter().any(|name| matches!(name, ContentName::Sha256(_))),
            _ => false,
        });
        Ok(excepted || snapshot.lists_kind(kind)?)
    }

    /// When a copy was captured: as its own date says, else as asked.
    pub(super) fn captured(&self, date: Option<&str>) -> Option<Timestamp> {
        date.map_or(self.captured_at, Timestamp::from_warc_date)
    }

    /// A copy that is known by where and when it was fetched; its bytes and what it says of itself come to it later.
    pub(super) fn copy(&self, url: Option<&str>, captured_at: Option<Timestamp>) -> Acquisition {
        let mut copy = url.map_or_else(Acquisition::default, Acquisition::fetched);
        copy.captured_at = captured_at;
        copy.acquired_at = self.acquired_at;
        copy.channel = Some(self.channel);
        copy.access = Some(self.access);
        copy
    }

    /// The SHA-256 of a document, where anything names documents by it.
    pub(super) fn sha256_of(&self, bytes: &[u8]) -> Option<ContentName> {
        let digest = || <sha2::Sha256 as sha2::Digest>::digest(bytes);
        self.sha256.then(|| ContentName::Sha256(Sha256Alias(digest().into())))
    }
}

/// A document with its ruling.
#[derive(Debug)]
pub struct Document {
    /// Its id; `None` for a row that is not kept and whose text nothing hung on, so that nobody read it.
    pub content: Option<ContentId>,
    /// Other names of its bytes, sorted.
    pub aliases: Vec<ContentName>,
    /// The URL as recorded.
    pub url: Option<String>,
    /// Its host, where the URL can be read.
    pub host: Option<String>,
    /// The capture time, where it can be read.
    pub captured_at: Option<Timestamp>,
    /// How many bytes the document has, as far as they were read.
    pub bytes: u64,
    /// Its media type, where the record tells; looked for only in what may be kept.
    pub media_type: Option<Cow<'static, str>>,
    /// What the record itself says.
    pub evidence: RecordEvidence,
    /// What was decided.
    pub ruling: Arc<Ruling>,
    /// What is done with it.
    pub action: Disposition,
    /// What says so: a line of the policy.
    pub because: String,
    /// How the declared digest compares, where that was asked.
    pub digest: Option<DigestCheck>,
    /// The file that its record lies in, where that is not the input itself.
    pub source: Option<Arc<str>>,
}

impl Document {
    /// What a ruling alone says of a document: nothing is known of it yet.
    pub(super) fn ruled(ruling: Arc<Ruling>) -> Self {
        Self {
            content: None,
            aliases: Vec::new(),
            url: None,
            host: None,
            captured_at: None,
            bytes: 0,
            media_type: None,
            evidence: RecordEvidence::default(),
            action: ruling.outcome.action,
            because: ruling.outcome.because.clone(),
            ruling,
            digest: None,
            source: None,
        }
    }
}

/// What became of a document's record.
#[derive(Debug)]
pub enum Judged {
    /// It was ruled upon.
    Ruled(Box<Document>),
    /// It may be kept once all of it was looked at.
    Candidate(Box<Document>),
    /// Its payload is not whole; it is kept under no policy.
    Damaged(DamageRow),
}

/// A stretch of an input, or a document, that could not be read: one line of `damage.jsonl`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DamageRow {
    /// The input's name.
    pub file: String,
    /// First stored byte.
    pub offset: u64,
    /// First stored byte after it.
    pub end: u64,
    /// The record's id, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The line, in JSONL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The row group, in Parquet, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_group: Option<u64>,
    /// The row in it, from 0; left out where the whole row group is damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// The URL, where the record is whole and only its payload is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What is wrong, as a stable word.
    pub what: String,
    /// And in words.
    pub detail: String,
}

impl DamageRow {
    /// Damage as the reader found it.
    #[must_use]
    pub fn found(file: &str, damage: Damage) -> Self {
        Self {
            file: file.to_owned(),
            offset: damage.offset,
            end: damage.end,
            record: damage.record_id,
            line: damage.line,
            what: damage.what.code().to_owned(),
            detail: damage.detail,
            ..Self::default()
        }
    }

    fn payload(file: &str, record: &Record, what: &str, detail: &str) -> Self {
        let range = record.raw.range();
        Self {
            file: file.to_owned(),
            offset: range.start,
            end: range.end,
            record: record.record_id.clone(),
            line: record.line,
            url: record.target_uri.clone(),
            what: what.to_owned(),
            detail: detail.to_owned(),
            ..Self::default()
        }
    }
}

impl std::fmt::Display for DamageRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: byte {}", self.file, self.offset)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(group) = self.row_group {
            write!(f, ", row group {group}")?;
        }
        if let Some(row) = self.row {
            write!(f, ", row {row}")?;
        }
        if let Some(record) = &self.record {
            write!(f, ", record {record}")?;
        }
        write!(f, ": {} ({})", self.what, self.detail)
    }
}

/// Whoever judges the records of a run.
pub struct Judge<'a, D> {
    /// The rulings.
    pub plan: &'a Plan<'a, D>,
    /// What is asked.
    pub asking: &'a Asking,
    /// What stands where checks are left out; without it, nothing does.
    pub finality: Option<&'a Finality>,
}

impl<D: AsRef<[u8]>> Judge<'_, D> {
    /// Judges a record that holds a document.
    ///
    /// # Errors
    /// Damage in the snapshot: then nothing is known of any copy.
    pub fn judge(&self, file: &str, record: &Record) -> Result<Judged, snapshot::Damage> {
        let Self { plan, asking, .. } = *self;
        let bytes = match readable(record, asking.checks) {
            Ok(bytes) => bytes,
            Err((what, detail)) => return Ok(Judged::Damaged(DamageRow::payload(file, record, what, &detail))),
        };
        let hashed = bytes.filter(|_| asking.checks.content);
        let content = hashed.map(ContentId::of);
        let aliases = aliases(record, hashed.and_then(|bytes| asking.sha256_of(bytes)));
        let captured_at = asking.captured(record.date.as_deref());
        let missing = Missing { url: record.target_uri.is_none(), captured_at: captured_at.is_none() };
        let evidence =
            if asking.checks.signals { record_evidence(record, plan.agents()) } else { RecordEvidence::default() };
        let url = record.target_uri.clone();
        let mut copy = asking.copy(url.as_deref(), captured_at);
        copy.content = content.map(ContentName::Blake3).into_iter().chain(aliases.iter().copied()).collect();
        evidence.bring(&mut copy);
        let ruling = plan.rule(&copy, missing)?;
        let host = url.as_deref().and_then(|url| UrlKey::parse(url).ok()).map(|key| key.host);
        let digest = asking.check_digests.then(|| record.check_digest());
        let bytes = bytes.map_or(0, <[u8]>::len) as u64;
        let mut document =
            Document { content, aliases, url, host, captured_at, bytes, evidence, digest, ..Document::ruled(ruling) };
        if document.action == Disposition::Keep {
            document.media_type = media_type(record);
        }
        Ok(self.ruled(document, record.after_damage))
    }

    fn ruled(&self, mut document: Document, after_damage: bool) -> Judged {
        if !self.asking.checks.all() {
            let stands = self.finality.is_some_and(|it| it.stands(&document.ruling, document.host.as_deref()));
            return if stands { Judged::Ruled(document.into()) } else { Judged::Candidate(document.into()) };
        }
        if after_damage && document.action > Disposition::Review {
            // A page that holds the text of a WARC record could have made this one.
            document.action = Disposition::Review;
            "found inside damage".clone_into(&mut document.because);
        }
        Judged::Ruled(document.into())
    }
}

/// The bytes of a record's document; `None` where none are asked for; else why there are none to be judged, word and detail.
fn readable(record: &Record, checks: Checks) -> Result<Option<&[u8]>, (&'static str, String)> {
    if !checks.payload() {
        return Ok(None);
    }
    match &record.payload_state {
        PayloadState::Ok => {
            record.document().map(Some).ok_or_else(|| ("payload-damaged", "the record holds no document".to_owned()))
        }
        PayloadState::Unread => Err(("payload-damaged", "the payload was not read".to_owned())),
        PayloadState::Released => Err(("payload-damaged", "the payload was let go of before it was judged".to_owned())),
        PayloadState::Truncated { why } => Err(("payload-truncated", why.clone())),
        PayloadState::Damaged { why } => Err(("payload-damaged", why.clone())),
        PayloadState::UnsupportedCoding(name) => Err(("payload-coding", format!("`{name}` is not known here"))),
    }
}

/// What kind of bytes the document is: as the server said, or the crawler of what it took without a server's head; a line's
/// text is text.
fn media_type(record: &Record) -> Option<Cow<'static, str>> {
    let named = |fields: &[(String, String)]| {
        let field = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"))?;
        let kind = field.1.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let token = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
        };
        let fits = kind.len() <= 127 && kind.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub));
        fits.then_some(Cow::Owned(kind))
    };
    match (&record.record_type, &record.http) {
        (_, Some(head)) => named(&head.headers),
        (RecordType::Line, None) => Some(Cow::Borrowed("text/plain")),
        (RecordType::Resource | RecordType::Conversion, None) => named(&record.fields),
        _ => None,
    }
}

fn aliases(record: &Record, sha256: Option<ContentName>) -> Vec<ContentName> {
    let declared = record.payload_digest.as_ref().and_then(|digest| digest.sha1);
    let declared = declared.map(|sha1| ContentName::WarcSha1(WarcSha1Alias(sha1)));
    let mut names: Vec<ContentName> = declared.into_iter().chain(sha256).collect();
    names.sort_unstable();
    names
}
