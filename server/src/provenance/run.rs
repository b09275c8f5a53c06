//! The run of a table: which of its rows name which document, sorted, in blocks.
//!
//! A key is a name's kind and digest (33 bytes, SHA-1 filled up with zeros) and the row's number from 0 in 4 bytes, big-endian, whose top bit
//! is clear where the issuer showed the document under its own hosts. So the rows of a name stand together, those that show it first, and a look-up
//! reads the block in which they must begin and at most the next. The whole digest is kept: whoever chooses names can make their
//! beginnings equal, and a look-up must not answer for another document nor read on without end.
//!
//! 37 bytes a name, whatever else the registry holds, and written in their order: a tree that takes names as they come reads and writes a page
//! for each once it is larger than memory.

use cleartitle_schema::id::ContentName;

/// How long a key is.
pub const KEY: usize = 37;

/// How many keys a block holds: 8 KiB, of which a look-up reads one or two of every table.
pub(super) const BLOCK_KEYS: usize = 221;

/// The bit of a row that does not show the document.
const NOT_SHOWN: u32 = 1 << 31;

/// Some keys of a run, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block(pub Vec<u8>);

impl Block {
    /// The first key, which no other block of the run has.
    #[must_use]
    pub fn first(&self) -> &[u8] {
        self.0.get(..KEY).unwrap_or_default()
    }
}

fn named(name: &ContentName) -> [u8; KEY] {
    let (kind, digest) = name.to_parts();
    let mut key = [0; KEY];
    key[0] = kind;
    key[1..=digest.len()].copy_from_slice(&digest);
    key
}

/// The key of a row that names a document.
pub(super) fn key(name: &ContentName, row: u32, shown: bool) -> [u8; KEY] {
    let mut key = named(name);
    key[KEY - 4..].copy_from_slice(&(row | if shown { 0 } else { NOT_SHOWN }).to_be_bytes());
    key
}

/// The least and the greatest key that a document can have.
#[must_use]
pub fn keys(name: &ContentName) -> ([u8; KEY], [u8; KEY]) {
    let (least, mut greatest) = (named(name), named(name));
    greatest[KEY - 4..].fill(0xff);
    (least, greatest)
}

/// The rows that name a document, at most `limit`, those that show it first: each with whether it does. `blocks` are those of one run in
/// order, from the last that begins at or before the document's least key.
#[must_use]
pub fn found(blocks: &[Block], name: &ContentName, limit: usize) -> Vec<(u32, bool)> {
    let (least, greatest) = keys(name);
    let mut rows = Vec::new();
    for block in blocks {
        let (keys, _) = block.0.as_chunks::<KEY>();
        let from = keys.partition_point(|key| *key < least);
        for key in keys[from..].iter().take_while(|key| **key <= greatest) {
            if rows.len() == limit {
                return rows;
            }
            let [.., a, b, c, d] = *key;
            let row = u32::from_be_bytes([a, b, c, d]);
            rows.push((row & !NOT_SHOWN, row & NOT_SHOWN == 0));
        }
    }
    rows
}
