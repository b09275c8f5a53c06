//! Every byte of a snapshot: header, section directory, sections and their fixed-width records.
//!
//! A body is a header, then the sections in the order of [`Section::ALL`], nothing between, before or behind them but
//! zero bytes up to the next multiple of 64. All integers are little-endian. Offsets count from the first byte of the
//! body, text offsets from the first byte of the text section. There is exactly one body for one log prefix and one set
//! of tables: what a builder could choose (order, sharing, padding) is fixed here, and [`super::Snapshot::verify`]
//! refuses any other choice.
//!
//! # Header
//!
//! | bytes | what |
//! |--:|---|
//! | 0..8 | magic `CLEARTTL` |
//! | 8..12 | format version, `u32`: [`FORMAT_VERSION`] |
//! | 12..16 | header length, `u32`: header, directory, origin and padding; a multiple of 64 |
//! | 16..24 | body length, `u64`: the whole file |
//! | 24..32 | log size, `u64`: leaves that the snapshot accounts for |
//! | 32..64 | log root at that size, SHA-256 (RFC 6962) |
//! | 64..72 | snapshot time, `i64` seconds since 1970: the registered time of the last leaf; of an empty log the least |
//! | 72..104 | BLAKE3 of the public suffix list that authorities were computed with |
//! | 104..136 | BLAKE3 of the vocabulary |
//! | 136..168 | BLAKE3 of the license table |
//! | 168..200 | BLAKE3 of the agents table |
//! | 200..204 | number of sections, `u32` |
//! | 204..208 | origin length in bytes, `u32`, at most [`MAX_ORIGIN`] |
//! | 208..240 | BLAKE3 of all other header bytes (0..208 and 240 to the header's end) |
//! | 240.. | section directory: one record of [`DIRECTORY_RECORD`] bytes a section, in the order of [`Section::ALL`] |
//! | then | the log's origin, UTF-8, and zeros to the header's end |
//!
//! A directory record: 0..4 kind `u32`, 4..8 record width `u32`, 8..16 offset `u64`, 16..24 length in bytes `u64` (without
//! padding, a multiple of the width), 24..56 BLAKE3 of the section's bytes.
//!
//! # Sections
//!
//! A **place** is a `u32`: a statement's rank in log order. A **set id** is a `u32`: 0 is the empty set, `1 + p` the set of
//! the one place `p`, and beyond the last place stand the records of the sets section in their order. [`NONE`] stands for
//! "no parent". A **varint** is unsigned LEB128 of at most 6 bytes, in the fewest bytes.
//!
//! | section | record |
//! |---|---|
//! | [`Section::Statements`], by place | 0..32 id, 32..40 log index `u64`, 40..48 registered at `i64`, 48..56 tenure from `i64` (0 without flag 2), 56..64 payload offset `u64` (in the payloads section), 64..72 signers' text offset `u64`, 72..76 payload length `u32`, 76..80 signers' text length `u32` (lines with `\n` between: each signing domain in order; then, in order, `under`, the domain and the id of a key binding that the signatures stood under; then `for` and the domain that an agent speaks for), 80..84 flags `u32` (2 has tenure), 84..88 zero |
//! | [`Section::Payloads`] | canonical payload bytes in log order, nothing between; each has the id in its record, or names it in `remains_of` |
//! | [`Section::Ids`] | place `u32`, sorted by the statement's id |
//! | [`Section::Named`] | 0..32 statement id, 32..36 set id of those that name it, 36..40 zero; sorted by id; ids outside the snapshot too |
//! | [`Section::Sets`] | 0..4 parent set id or [`NONE`], always less than its own, 4..8 count `u32`, 8..16 first member `u64`. The set is the parent's places and its own. Chained, so that a thousand nested rules take a thousand entries and not a million. A set of one place without parent has no record |
//! | [`Section::Members`] | place `u32`, ascending within one set's own run |
//! | [`Section::HostDirectory`] | entry number `u32`: word *w* is the first of [`Section::Hosts`] whose hash begins with the bits of *w* or greater; one word more is their number. There are 2^*b* + 1 words, with the least *b* for which at most 4 hosts share a word on average |
//! | [`Section::Hosts`] | `u64`: in its upper 24 bits those of the host's hash behind the first *b*, in its lower 40 the offset of its block in the rules section. Sorted by hash, then name. The hash is XXH3 (64 bits, no seed) of the folded name: lower case, one leading `www.` dropped |
//! | [`Section::Rules`] | one block a host, in the order of [`Section::Hosts`], nothing between; below |
//! | [`Section::ContentKinds`] | 0..4 kind (1 BLAKE3, 2 SHA-256, 3 WARC SHA-1), 4..8 the number *n* of its buckets, 8..12 the first of them in [`Section::Contents`], 12..16 its first record in [`Section::Crowded`]; sorted by kind, kinds without names left out. *n* is 1 + 4/21 of its listings (a name in a statement), rounded down |
//! | [`Section::Contents`] | a bucket: 0..35 seven suffixes of 5 bytes, 35..63 seven pointers `u32`, 63 flags: bit *i* is set if the name in slot *i* may clear, bit 7 if a name whose home the bucket is stands behind or in [`Section::Crowded`]. The first 8 bytes of the digest, big-endian, times *n*: what is above 64 bits is the name's home, the next 40 bits are its suffix. The pointer is the set id, or for a name that may clear its record in [`Section::Clearing`]. Names stand in the order of home and suffix, where those are equal the names that may clear first, by digest; each in the first free slot of the last bucket that is in use, at least its home, at most 3 buckets behind it and within the kind's. Free slots are zero |
//! | [`Section::Crowded`] | the names that have no such slot: 0..4 home `u32`, 4..10 the suffix times two, plus one for a name that may clear; 10..12 zero, 12..16 pointer as above; in the same order |
//! | [`Section::Clearing`] | 0..32 digest, zero behind a short one, 32..36 set id |
//! | [`Section::Works`], [`Section::Collections`] | 0..8 text offset `u64`, 8..12 text length `u32`, 12..16 set id; sorted by text |
//! | [`Section::Text`] | UTF-8 bytes that others point into: signers by place, works, collections |
//!
//! Set records stand in the order in which they are first needed: by `Named`, hosts (by their labels from the right, a host
//! before those below it; below, exact, then its prefixes, each before its patterns), contents, works, collections. Before a
//! record is made for at most 64 own places, one of 65,536 slots is looked at, by XXH3 of the parent and the places as
//! `u32`s: an equal set there is taken, another one is replaced. So a builder needs no memory for all sets.
//!
//! A name of bytes **may clear** if it is no SHA-1 and any statement that lists it is neither a reservation nor a dispute;
//! it is compared in full. Of other names too few bits are kept to tell each from each, so that they may find a statement
//! too many, never one too few; names that differ only behind those bits share one record, with the places of all.
//!
//! # A host's block
//!
//! | bytes | what |
//! |---|---|
//! | varint | length of the folded name times 4, plus: 0 both sets are empty, 1 both are the one that follows, 2 both follow |
//! | text | the folded name |
//! | `u32`s | set id for this very host, set id for hosts below it: none, one or two as said. Both hold what hosts above state for subdomains |
//! | varint | number of prefixes; the block ends here where it is 0 |
//! | `u32` | the usual set id: the first of the sets behind that is not the host's own, 0 where there is none |
//! | `u32`s | with more than 16 prefixes: for each 16th but the first where it stands, from the block's first byte |
//! | prefixes | sorted by text |
//!
//! A prefix: with more than 16 of them a varint, how far back the nearest shorter prefix of it stands, 0 for none; varint:
//! text length times 8, plus 4 with patterns, plus the set's code (0 the host's own set, 1 the usual one, 2 another, whose
//! `u32` follows); the text; with patterns a varint for their length in bytes, and the patterns. The text is the rule up to
//! its first `*`, escaped as RFC 9309 asks and in lower case. Its set holds the statements whose whole rule is this prefix,
//! those of shorter prefixes, and the host's.
//!
//! A pattern: varint: text length times 8, plus 4 if anchored by `$`, plus the set's code as above; set id; the text behind
//! the prefix, `$` dropped, nothing or a `*` and more. Sorted by text, the anchored one last.
//!
//! Folding and lowering make the index answer too much, never too little; whoever looks up matches the statements' own
//! scopes again, exactly.

use super::buckets::BUCKET;
use crate::time::Timestamp;
use crate::tlog::Hash;

/// The first eight bytes.
pub const MAGIC: [u8; 8] = *b"CLEARTTL";

/// The version of the format that this crate writes and reads. Another version is refused, never guessed at.
pub const FORMAT_VERSION: u32 = 4;

/// Bytes before the section directory.
pub const FIXED_HEADER: usize = 240;

/// Bytes of one directory record.
pub const DIRECTORY_RECORD: usize = 56;

/// Longest origin in bytes.
pub const MAX_ORIGIN: usize = 1024;

/// No parent.
pub const NONE: u32 = u32::MAX;

/// Where the header's own checksum stands.
const CHECKSUM: std::ops::Range<usize> = 208..240;

/// Why a body can't be opened. A hint for the person belongs to the caller, but for the version, which says its way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// It does not begin with [`MAGIC`].
    #[error("this is not a cleartitle snapshot: it does not begin with `CLEARTTL`")]
    Magic,
    /// Another version of the format.
    #[error("the snapshot has format version {got}, this reader expects {expected}; {way_out}")]
    Version {
        /// What this reader knows.
        expected: u32,
        /// What the file says.
        got: u32,
        /// What to do about it.
        way_out: &'static str,
    },
    /// Fewer or more bytes than the header says, or too few for a header.
    #[error("the snapshot has {got} bytes, its header asks for {expected}; pull it again")]
    Length {
        /// As the header says; the fixed header's length where there is none.
        expected: u64,
        /// As there are.
        got: u64,
    },
    /// The header's checksum is wrong.
    #[error("the snapshot's header is damaged: its checksum is wrong; pull it again")]
    HeaderChecksum,
    /// A header or directory member that no builder writes.
    #[error("the snapshot's header is malformed: {0}")]
    Header(&'static str),
}

/// Digests of the tables that stand beside the statements when verdicts are made, as the builder had them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Tables {
    /// BLAKE3 of the public suffix list.
    pub public_suffixes: [u8; 32],
    /// BLAKE3 of the vocabulary.
    pub vocabulary: [u8; 32],
    /// BLAKE3 of the license table.
    pub licenses: [u8; 32],
    /// BLAKE3 of the agents table.
    pub agents: [u8; 32],
}

/// What the header says of the log and of the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The log's origin, one line.
    pub origin: String,
    /// Leaves that the snapshot accounts for.
    pub size: u64,
    /// The log's root at that size.
    pub root: Hash,
    /// The registered time of the last leaf, [`Timestamp::MIN`] for an empty log. Nothing after it is in the snapshot.
    pub time: Timestamp,
    /// Tables that the builder had.
    pub tables: Tables,
}

/// The sections, in the order in which they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Section {
    /// One record a statement.
    Statements = 1,
    /// Canonical payloads.
    Payloads = 2,
    /// Places by statement id.
    Ids = 3,
    /// Who names whom.
    Named = 4,
    /// Interned sets of places.
    Sets = 5,
    /// The sets' own places.
    Members = 6,
    /// Where in the hosts a hash begins.
    HostDirectory = 7,
    /// Hosts that rules speak of, by hash.
    Hosts = 8,
    /// Names, prefixes and patterns, host by host.
    Rules = 9,
    /// Which kinds of names of bytes there are.
    ContentKinds = 10,
    /// Names of documents' bytes, in part.
    Contents = 11,
    /// Names that found no room among those.
    Crowded = 12,
    /// Names of documents' bytes in full, of those that may clear.
    Clearing = 13,
    /// Works.
    Works = 14,
    /// Compilations.
    Collections = 15,
    /// Strings.
    Text = 16,
}

impl Section {
    /// All sections, in the order in which they stand.
    pub const ALL: [Self; 16] = [
        Self::Statements,
        Self::Payloads,
        Self::Ids,
        Self::Named,
        Self::Sets,
        Self::Members,
        Self::HostDirectory,
        Self::Hosts,
        Self::Rules,
        Self::ContentKinds,
        Self::Contents,
        Self::Crowded,
        Self::Clearing,
        Self::Works,
        Self::Collections,
        Self::Text,
    ];

    /// Bytes of one record.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::Statements => 88,
            Self::Payloads | Self::Text | Self::Rules => 1,
            Self::Ids | Self::Members | Self::HostDirectory => 4,
            Self::Hosts => 8,
            Self::Contents => BUCKET,
            Self::Named => 40,
            Self::Sets | Self::Works | Self::Collections | Self::ContentKinds | Self::Crowded => 16,
            Self::Clearing => 36,
        }
    }

    /// Its rank in [`Section::ALL`].
    pub(super) const fn rank(self) -> usize {
        self as usize - 1
    }
}

/// Where a section stands in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub offset: usize,
    pub length: usize,
    pub checksum: [u8; 32],
}

/// What sections begin at a multiple of: a line of memory.
pub(super) const ALIGNMENT: usize = 64;

/// The next multiple of [`ALIGNMENT`].
pub(super) const fn aligned(length: usize) -> Option<usize> {
    length.checked_next_multiple_of(ALIGNMENT)
}

/// A section's length and the BLAKE3 of its bytes.
pub(super) type Measure = (u64, [u8; 32]);

/// The header's bytes for sections of these lengths and checksums, which follow it.
pub(super) fn encode_header(header: &Header, sections: &[Measure]) -> Option<Vec<u8>> {
    let origin = header.origin.as_bytes();
    let length = aligned(FIXED_HEADER + sections.len() * DIRECTORY_RECORD + origin.len())?;
    let mut directory = Vec::new();
    let mut offset = u64::try_from(length).ok()?;
    for (section, (bytes, checksum)) in Section::ALL.iter().zip(sections) {
        directory.extend_from_slice(&(*section as u32).to_le_bytes());
        directory.extend_from_slice(&u32::try_from(section.width()).ok()?.to_le_bytes());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(&bytes.to_le_bytes());
        directory.extend_from_slice(checksum);
        offset = offset.checked_add(bytes.checked_next_multiple_of(ALIGNMENT as u64)?)?;
    }
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    out.extend_from_slice(&u32::try_from(length).ok()?.to_le_bytes());
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&header.size.to_le_bytes());
    out.extend_from_slice(&header.root.0);
    out.extend_from_slice(&header.time.0.to_le_bytes());
    let Tables { public_suffixes, vocabulary, licenses, agents } = &header.tables;
    for digest in [public_suffixes, vocabulary, licenses, agents] {
        out.extend_from_slice(digest);
    }
    out.extend_from_slice(&u32::try_from(sections.len()).ok()?.to_le_bytes());
    out.extend_from_slice(&u32::try_from(origin.len()).ok()?.to_le_bytes());
    out.resize(FIXED_HEADER, 0);
    out.extend_from_slice(&directory);
    out.extend_from_slice(origin);
    out.resize(length, 0);
    let checksum = header_checksum(&out);
    out[CHECKSUM].copy_from_slice(&checksum);
    Some(out)
}

fn header_checksum(header: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(header.get(..CHECKSUM.start).unwrap_or_default());
    hasher.update(header.get(CHECKSUM.end..).unwrap_or_default());
    *hasher.finalize().as_bytes()
}

/// Reads header and directory of a body of this length; touches no section, so that the bytes may end where the header does.
pub(super) fn decode_header(body: &[u8], got: u64) -> Result<(Header, Vec<Extent>), FormatError> {
    let malformed = FormatError::Header;
    if !body.starts_with(&MAGIC) {
        return Err(FormatError::Magic);
    }
    let short = FormatError::Length { expected: FIXED_HEADER as u64, got };
    // The version comes first: whatever stands behind it is another version's business.
    match u32_at(body, 8).ok_or_else(|| short.clone())? {
        FORMAT_VERSION => {}
        version => return Err(other_version(version)),
    }
    if body.len() < FIXED_HEADER {
        return Err(short);
    }
    let read = |what: Option<u64>| what.ok_or(malformed("it is cut short"));
    let expected = read(u64_at(body, 16))?;
    if expected != got {
        return Err(FormatError::Length { expected, got });
    }
    let length = read(u32_at(body, 12).map(u64::from))?;
    let head = usize::try_from(length).ok().and_then(|length| body.get(..length));
    let head = head.ok_or(malformed("it is longer than the body"))?;
    let stored = head.get(CHECKSUM).ok_or(malformed("it is cut short"))?;
    if header_checksum(head) != stored {
        return Err(FormatError::HeaderChecksum);
    }
    let sections = read(u32_at(head, 200).map(u64::from))?;
    if sections != Section::ALL.len() as u64 {
        return Err(malformed("the number of sections"));
    }
    let origin_at = FIXED_HEADER + Section::ALL.len() * DIRECTORY_RECORD;
    let origin_length = usize::try_from(read(u32_at(head, 204).map(u64::from))?).unwrap_or(usize::MAX);
    let origin = slice_at(head, origin_at, origin_length).ok_or(malformed("the origin's length"))?;
    let padding = head.get(origin_at + origin_length..).unwrap_or_default();
    if aligned(origin_at + origin_length) != Some(head.len()) || padding.iter().any(|byte| *byte != 0) {
        return Err(malformed("its length"));
    }
    let origin = std::str::from_utf8(origin).map_err(|_| malformed("the origin is not UTF-8"))?;
    if !is_origin(origin) {
        return Err(malformed("the origin"));
    }
    let time = Timestamp(i64_at(head, 64).ok_or(malformed("it is cut short"))?);
    if time < Timestamp::MIN || time > Timestamp::MAX {
        return Err(malformed("the snapshot time"));
    }
    let digest = |at: usize| array_at::<32>(head, at).ok_or(malformed("it is cut short"));
    let tables =
        Tables { public_suffixes: digest(72)?, vocabulary: digest(104)?, licenses: digest(136)?, agents: digest(168)? };
    let whole = usize::try_from(got).map_err(|_| malformed("a length that this machine can't count"))?;
    let extents = decode_directory(head, whole)?;
    let size = read(u64_at(head, 24))?;
    Ok((Header { origin: origin.to_owned(), size, root: Hash(digest(32)?), time, tables }, extents))
}

fn decode_directory(head: &[u8], body: usize) -> Result<Vec<Extent>, FormatError> {
    let malformed = FormatError::Header;
    let mut extents = Vec::with_capacity(Section::ALL.len());
    let mut next = head.len();
    for (rank, section) in Section::ALL.iter().enumerate() {
        let at = FIXED_HEADER + rank * DIRECTORY_RECORD;
        let width = u64::try_from(section.width()).unwrap_or(u64::MAX);
        if u32_at(head, at) != Some(*section as u32) || u32_at(head, at + 4).map(u64::from) != Some(width) {
            return Err(malformed("a section's kind or width"));
        }
        let number = |at| u64_at(head, at).and_then(|number| usize::try_from(number).ok());
        let (Some(offset), Some(length)) = (number(at + 8), number(at + 16)) else {
            return Err(malformed("a section's extent"));
        };
        let end = aligned(length).and_then(|length| offset.checked_add(length));
        let Some(end) = end.filter(|end| *end <= body) else {
            return Err(malformed("a section ends outside the body"));
        };
        if offset != next || length % section.width() != 0 {
            return Err(malformed("a section's offset or length"));
        }
        next = end;
        let checksum = array_at::<32>(head, at + 24).ok_or(malformed("it is cut short"))?;
        extents.push(Extent { offset, length, checksum });
    }
    if next == body { Ok(extents) } else { Err(malformed("bytes behind the last section")) }
}

fn other_version(got: u32) -> FormatError {
    let way_out = if got > FORMAT_VERSION {
        "update cleartitle, or pull a snapshot in this version"
    } else {
        "pull a fresh snapshot from the registry"
    };
    FormatError::Version { expected: FORMAT_VERSION, got, way_out }
}

/// Whether a text can be a log's origin: one line of visible characters, bounded.
pub(super) fn is_origin(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_ORIGIN
        && !text.chars().any(|character| character.is_whitespace() || character.is_control() || character == '+')
}

/// `length` bytes from `at` on, where they are.
pub(super) fn slice_at(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

pub(super) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    slice_at(bytes, at, N)?.try_into().ok()
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array_at(bytes, at).map(u64::from_le_bytes)
}

pub(super) fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    array_at(bytes, at).map(i64::from_le_bytes)
}
