//! A WARC record's fields (ISO 28500:2017, WARC 1.1) and its document.
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::damage::{Complaint, Damage, DamageKind};
use super::digest::{ContentDigests, DeclaredDigest, DigestCheck, content_digests, sha1};
use super::http::{self, HttpHead};
use super::raw::RawRecord;
use super::{Codec, Dictionary, Options, Raw, coding};

/// Most named fields of one record.
const FIELDS_LIMIT: usize = 1_000;
/// Fields that may stand once: two that disagree would let one reader see another URL than the next.
const SINGULAR: [&str; 7] =
    ["WARC-Type", "WARC-Record-ID", "WARC-Date", "Content-Length", "Content-Type", "WARC-Target-URI", "WARC-Refers-To"];

/// A record's header.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub fields: Vec<(String, String)>,
    pub bare_line_feeds: bool,
    pub lossy: bool,
}

impl Header {
    /// Reads a header, version line first, blank line last. Strict: a line that is no field is damage.
    pub fn parse(bytes: &[u8]) -> Result<Self, Complaint> {
        let malformed = |detail: String| Complaint::new(DamageKind::MalformedHeader, detail);
        // Nearly every header is ASCII, which is seen faster than what a lossy reading looks for.
        let text = std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
        let lossy = matches!(text, Cow::Owned(_));
        let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let version = lines.next().unwrap_or_default();
        let bare_line_feeds = text.as_bytes().get(version.len()) == Some(&b'\n');
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            if fields.len() == FIELDS_LIMIT {
                return Err(malformed(format!("more than {FIELDS_LIMIT} named fields")));
            }
            match (line.starts_with([' ', '\t']), fields.last_mut(), line.split_once(':')) {
                (true, Some((_, value)), _) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                (false, _, Some((name, value))) if !name.trim().is_empty() => {
                    fields.push((name.trim().to_owned(), value.trim().to_owned()));
                }
                _ => return Err(malformed(format!("a line is no named field: `{}`", shortened(line)))),
            }
        }
        let header = Self { fields, bare_line_feeds, lossy };
        for name in SINGULAR {
            let mut values = header.values(name);
            if let Some(first) = values.next()
                && values.any(|other| other != first)
            {
                return Err(malformed(format!("`{name}` stands twice and says two things")));
            }
        }
        Ok(header)
    }

    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn record_id(&self) -> Option<String> {
        self.value("WARC-Record-ID").map(str::to_owned)
    }

    pub fn content_length(&self) -> Result<u64, Complaint> {
        let malformed = |detail: String| Complaint::new(DamageKind::MalformedHeader, detail);
        let text = self.value("Content-Length").ok_or_else(|| malformed("no `Content-Length`".into()))?;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let length = if digits { text.parse().ok() } else { None };
        length.ok_or_else(|| malformed(format!("`Content-Length` is `{}`", shortened(text))))
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

/// What kind of record it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordType {
    /// About the file.
    Warcinfo,
    /// What a server answered.
    Response,
    /// Something taken without a protocol's head.
    Resource,
    /// What the server was asked.
    Request,
    /// About another record.
    Metadata,
    /// The same as something captured before; holds no payload.
    Revisit,
    /// Made from another record, such as the text of WET.
    Conversion,
    /// A further segment of a divided record.
    Continuation,
    /// A line of JSONL.
    Line,
    /// Any other type, as written.
    Other(String),
}

impl RecordType {
    fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "warcinfo" => Self::Warcinfo,
            "response" => Self::Response,
            "resource" => Self::Resource,
            "request" => Self::Request,
            "metadata" => Self::Metadata,
            "revisit" => Self::Revisit,
            "conversion" => Self::Conversion,
            "continuation" => Self::Continuation,
            _ => Self::Other(text.to_owned()),
        }
    }

    /// The type as WARC writes it; `line` for JSONL.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Warcinfo => "warcinfo",
            Self::Response => "response",
            Self::Resource => "resource",
            Self::Request => "request",
            Self::Metadata => "metadata",
            Self::Revisit => "revisit",
            Self::Conversion => "conversion",
            Self::Continuation => "continuation",
            Self::Line => "line",
            Self::Other(name) => name,
        }
    }
}

/// What a record is to the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Holds a document.
    Document,
    /// Goes with a document: `request` and `metadata`.
    Companion,
    /// Stands at the head of an output: `warcinfo`.
    Head,
    /// Neither: `revisit`, `continuation`, answers of DNS or FTP, unknown types. Holds nothing that can be cleared.
    Other,
}

/// Whether the payload is what the server sent as the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadState {
    /// Decoded, or there was nothing to decode.
    Ok,
    /// It ends early; the record is sound, its document is not.
    Truncated {
        /// The fact.
        why: String,
    },
    /// It was read and let go of; what is stored is still there.
    Released,
    /// Nobody asked for it.
    Unread,
    /// It cannot be decoded; the record is sound, its document is not.
    Damaged {
        /// The fact.
        why: String,
    },
    /// It has a coding that is not known here.
    UnsupportedCoding(String),
}

/// A record with its fields read and its document decoded.
#[derive(Debug)]
pub struct Record {
    /// Where it lies in the stored file.
    pub raw: Raw,
    /// What kind it is.
    pub record_type: RecordType,
    /// `WARC-Record-ID` as written, or the JSONL id.
    pub record_id: Option<String>,
    /// `WARC-Target-URI` without angle brackets, or the JSONL url.
    pub target_uri: Option<String>,
    /// `WARC-Date`, or the JSONL date, as written.
    pub date: Option<String>,
    /// All named fields in order; empty for JSONL.
    pub fields: Vec<(String, String)>,
    /// `WARC-Concurrent-To`, as written, each.
    pub concurrent_to: Vec<String>,
    /// `WARC-Refers-To`, as written.
    pub refers_to: Option<String>,
    /// `WARC-Payload-Digest` as declared.
    pub payload_digest: Option<DeclaredDigest>,
    /// `WARC-Block-Digest` as declared.
    pub block_digest: Option<DeclaredDigest>,
    /// `WARC-Truncated`: the crawler cut the block at capture, and why. The record is whole as a record.
    pub truncated: Option<String>,
    /// The head of an HTTP response.
    pub http: Option<HttpHead>,
    /// Whether the payload is the document.
    pub payload_state: PayloadState,
    /// What was unusual, in words; nothing in it makes the record unsound.
    pub notes: Vec<String>,
    /// Line number in JSONL, from 1.
    pub line: Option<u64>,
    /// Found by its looks inside the stretch that a damaged record claimed to cover, not at a member's beginning: a
    /// page that holds the text of a WARC record could make one. To be reviewed rather than trusted.
    pub after_damage: bool,
    pub(super) role: Role,
    pub(super) plain: Vec<u8>,
    pub(super) stored: Option<Vec<u8>>,
    pub(super) codec: Codec,
    pub(super) dictionary: Option<Arc<Dictionary>>,
    pub(super) block: Range<usize>,
    pub(super) body: Range<usize>,
    pub(super) decoded: Option<Vec<u8>>,
}

impl Record {
    /// What the record is to the filter.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether it holds a document, readable or not.
    pub fn is_document(&self) -> bool {
        self.role == Role::Document
    }

    /// The document's bytes, only if they are whole and decoded.
    pub fn document(&self) -> Option<&[u8]> {
        (self.is_document() && self.payload_state == PayloadState::Ok).then(|| self.payload())
    }

    /// The payload as far as it could be decoded; to be told apart from the document by `payload_state`.
    pub fn payload(&self) -> &[u8] {
        self.decoded.as_deref().unwrap_or(&self.plain[self.body.clone()])
    }

    /// Lets go of the decoded payload, which is not needed to write the record down again. The record is no document any
    /// more: `document` gives nothing.
    pub fn release_payload(&mut self) {
        self.decoded = None;
        self.payload_state = PayloadState::Released;
    }

    /// The WARC block, or the whole line of JSONL.
    pub fn block(&self) -> &[u8] {
        &self.plain[self.block.clone()]
    }

    /// The HTTP body as stored, or the block.
    pub fn body(&self) -> &[u8] {
        &self.plain[self.body.clone()]
    }

    /// The record's own stored bytes: the member that holds it alone, else its plain bytes.
    pub fn stored_bytes(&self) -> &[u8] {
        self.stored.as_deref().unwrap_or(&self.plain)
    }

    /// The record's plain bytes, header, block and the line ends after it.
    pub fn plain_bytes(&self) -> &[u8] {
        &self.plain
    }

    /// Digests of the document, if it is whole.
    pub fn content_digests(&self) -> Option<ContentDigests> {
        self.document().map(content_digests)
    }

    /// Compares the declared payload digest with the payload as stored.
    pub fn check_digest(&self) -> DigestCheck {
        let Some(declared) = self.payload_digest.as_ref().and_then(|digest| digest.sha1) else {
            return DigestCheck::NotChecked;
        };
        if sha1(self.body()) == declared {
            return DigestCheck::Agrees;
        }
        let chunked = self
            .http
            .as_ref()
            .is_some_and(|head| head.members("Transfer-Encoding").iter().any(|name| name == "chunked"));
        let joined =
            if chunked { coding::unchunk(self.body(), usize::MAX).ok().and_then(|layer| layer.bytes) } else { None };
        match joined {
            Some(bytes) if sha1(&bytes) == declared => DigestCheck::AgreesUnchunked,
            _ => DigestCheck::Differs,
        }
    }

    /// The first value of a named field, its name compared without case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Reads the fields and the document of a WARC record.
pub(super) fn parse(mut raw: RawRecord, options: &Options) -> Result<Record, Damage> {
    let complain = |detail: &str| Complaint::new(DamageKind::MalformedHeader, detail);
    let Some(header) = raw.header.take() else { return Err(raw.damage(complain("the record has no header"))) };
    let Some(type_name) = header.value("WARC-Type") else {
        raw.header = Some(header);
        return Err(raw.damage(complain("no `WARC-Type`")));
    };
    let record_type = RecordType::parse(type_name);
    let bracketed =
        |text: &str| text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text).to_owned();
    let target_uri = header.value("WARC-Target-URI").map(bracketed);
    let mut notes = raw.notes;
    if header.lossy {
        notes.push("the header is not UTF-8".into());
    }
    if header.record_id().is_none() {
        notes.push("the record has no `WARC-Record-ID`".into());
    }
    let mut record = Record {
        raw: raw.raw,
        role: Role::Other,
        record_id: header.record_id(),
        target_uri,
        date: header.value("WARC-Date").map(str::to_owned),
        concurrent_to: header.values("WARC-Concurrent-To").map(str::to_owned).collect(),
        refers_to: header.value("WARC-Refers-To").map(str::to_owned),
        payload_digest: header.value("WARC-Payload-Digest").map(DeclaredDigest::parse),
        block_digest: header.value("WARC-Block-Digest").map(DeclaredDigest::parse),
        truncated: header.value("WARC-Truncated").map(str::to_owned),
        record_type,
        http: None,
        payload_state: PayloadState::Ok,
        notes,
        line: None,
        after_damage: raw.after_damage,
        body: raw.block.clone(),
        block: raw.block,
        plain: raw.plain,
        stored: raw.stored,
        codec: raw.codec,
        dictionary: raw.dictionary,
        decoded: None,
        fields: header.fields,
    };
    record.role = match record.record_type {
        RecordType::Resource | RecordType::Conversion => Role::Document,
        RecordType::Response if is_http(&record) => Role::Document,
        RecordType::Metadata if is_wat(&record) => Role::Document,
        RecordType::Request | RecordType::Metadata => Role::Companion,
        RecordType::Warcinfo => Role::Head,
        _ => Role::Other,
    };
    if record.role == Role::Document {
        read_document(&mut record, options);
    }
    Ok(record)
}

/// Whether it is a record of WAT: what was extracted of a record that lies in another file, under its URL. In a WAT nothing
/// else is said of that URL, so that it is judged by itself; a crawler's own metadata goes with its document.
fn is_wat(record: &Record) -> bool {
    let json = record.field("Content-Type").is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let begins = [b"{\"Container\":{".as_slice(), b"{\"Envelope\":{"];
    json && record.refers_to.is_some() && begins.iter().any(|begin| record.block().starts_with(begin))
}

/// Whether a response came over HTTP: its URI says so, or its content type, or its block.
fn is_http(record: &Record) -> bool {
    let begins = |text: Option<&str>, with: &str| {
        text.and_then(|text| text.get(..with.len())).is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    let uri = record.target_uri.as_deref();
    begins(uri, "http:")
        || begins(uri, "https:")
        || begins(record.field("Content-Type"), "application/http")
        || record.block().starts_with(b"HTTP/")
}

fn read_document(record: &mut Record, options: &Options) {
    if options.heads_only {
        record.payload_state = PayloadState::Unread;
        return;
    }
    if record.record_type == RecordType::Response {
        match http::split(record.block(), options.limits.header) {
            Some(split) => {
                record.body = record.block.start + split.body..record.block.end;
                record.notes.extend(split.notes);
                let decoded = coding::decode(&split.head, record.body(), options.limits.payload);
                record.notes.extend(decoded.notes);
                record.payload_state = decoded.state;
                record.decoded = decoded.bytes;
                record.http = Some(split.head);
            }
            None => record.payload_state = PayloadState::Damaged { why: "the response has no HTTP head".into() },
        }
    }
    if record.field("WARC-Segment-Number").is_some() {
        record.payload_state = PayloadState::Truncated { why: "the record is one segment of several".into() };
    }
    if record.payload_state == PayloadState::Ok && record.payload().len() > options.limits.payload {
        record.payload_state = PayloadState::Damaged { why: "the payload is over the limit".into() };
    }
    if let Some(reason) = &record.truncated {
        record.notes.push(format!("cut at capture: {}", shortened(reason)));
    }
}
