//! Provenance tables: a Parquet file of acquisitions, one row a copy, as publishers register millions of them by one signed statement.
//!
//! A `manifest` statement with the role `provenance` and the media type [`MEDIA_TYPE`] signs the file's [`crate::id::ListId`], its
//! length and its number of rows. A row says what a line of a batch says, one [`crate::acquisition::Acquisition`]:
//!
//! | column | what it holds | stored as |
//! |---|---|---|
//! | `content` | a name of the bytes; the first of the row's names | 32 bytes of BLAKE3, or a name as text (`blake3:...`) |
//! | `sha256` | another name | 32 bytes, or as text |
//! | `warc_sha1` | another name | 20 bytes, or as text |
//! | `url` | the URL that the bytes were fetched from | text |
//! | `captured_at` | when they were fetched | a timestamp in UTC, or RFC 3339 as text |
//! | `acquired_at` | when the issuer's own copy was made | the same |
//! | `published_at` | when the document was published | the same |
//! | `channel` | how it was got | text, a word of [`crate::vocab::Channel`] |
//! | `access` | by what access | text, a word of [`crate::vocab::Access`] |
//! | `more` | the members of an acquisition that no column of this row says | text, JSON |
//!
//! The names are those of a manifest's rows ([`crate::manifest::Row`]) where they are the same thing. Each column may be missing or null; a row
//! names its bytes at least once. Of a timestamp's fraction of a second nothing is kept, as of a WARC-Date's. A column that is not in the table
//! is refused: what is signed is read whole, and a text that was left in by mistake would be public for ever.
//!
//! Columns are flat; pages are plain or by dictionary, uncompressed or by snappy, zstd or LZ4_RAW. That is what DuckDB, Polars, pyarrow and
//! Spark write unless they are told otherwise.
//!
//! Deliberately absent: reading Parquet, which is the registry's.

/// The media type of such a file.
pub const MEDIA_TYPE: &str = "application/vnd.apache.parquet";

/// The columns, in the order of the table above.
pub const COLUMNS: [&str; 10] = [
    "content",
    "sha256",
    "warc_sha1",
    "url",
    "captured_at",
    "acquired_at",
    "published_at",
    "channel",
    "access",
    "more",
];

/// The longest file.
pub const MAX_BYTES: u64 = 16 << 30;

/// The most rows of a file.
pub const MAX_ROWS: u64 = 1 << 30;

/// The most rows of a row group.
pub const MAX_GROUP_ROWS: u64 = 1 << 20;

/// The most stored bytes of a row group.
pub const MAX_GROUP_BYTES: u64 = 128 << 20;

/// The most bytes that the values of one row have together.
pub const MAX_ROW: usize = 64 << 10;

/// A file travels and is kept in parts of so many bytes, the last one shorter.
pub const PART: usize = 256 << 10;

/// The most bytes of one request that brings parts.
pub const MAX_PIECE: usize = 32 * PART;
