//! Tiles and entry bundles: their coordinates, paths and bytes, and which of them an append writes.
//!
//! `c2sp.org/tlog-tiles`: tiles are 8 levels high, so 256 hashes wide; the rightmost tile of a level may be partial.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::hash::{HASH_BYTES, Hash, MAX_SIZE, decimal, empty_root, node_hash, split};

/// The width of a full tile, in hashes, and of a full bundle, in entries.
pub const FULL_WIDTH: u16 = 256;

/// The longest entry that a bundle can hold: its length is written as a uint16.
pub const MAX_ENTRY: usize = u16::MAX as usize;

const HEIGHT: u32 = 8;

/// Why tiles could not be made, read or found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// The text is not the one path of a tile or bundle.
    #[error("`{0}` is not a path of a tile or an entry bundle")]
    Path(String),
    /// The reader has no such tile.
    #[error("tile `{0}` is missing")]
    MissingTile(String),
    /// The reader's tile does not have 32 bytes for each hash.
    #[error("tile `{path}` should have {expected} bytes and has {found}")]
    TileLength {
        /// The path that was asked for.
        path: String,
        /// The bytes of that width.
        expected: usize,
        /// The bytes that came.
        found: usize,
    },
    /// A bundle ends before its last entry does, or goes on after it.
    #[error("an entry bundle of {expected} entries ends wrongly at byte {offset}")]
    BundleLength {
        /// How many entries were asked for.
        expected: u16,
        /// Where its bytes end too early or go on.
        offset: usize,
    },
    /// A bundle holds 1 to 256 entries.
    #[error("an entry bundle can't hold {0} entries")]
    BundleWidth(usize),
    /// An entry is longer than 65,535 bytes.
    #[error("an entry of {0} bytes is longer than 65535")]
    EntryLength(usize),
    /// A tree size beyond 2^63 - 1.
    #[error("a tree of more than 2^63 - 1 leaves is not supported")]
    TreeSize,
    /// The leaf is not in a tree of this size, or the older tree is the greater one.
    #[error("{position} lies outside a tree of {size} leaves")]
    Outside {
        /// The leaf index or older size that was asked for.
        position: u64,
        /// The size of the tree.
        size: u64,
    },
}

/// Tiles to write: where, and which bytes.
pub type WrittenTiles = Vec<(TileId, Vec<u8>)>;

/// The coordinates of one tile of hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// The level, 0 (hashes of leaves) to 63.
    pub level: u8,
    /// The index within the level.
    pub index: u64,
    /// The number of hashes, 1 to 256; 256 is a full tile.
    pub width: u16,
}

/// The coordinates of one bundle of entries, which stand beside the tiles of level 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntriesId {
    /// The index of the bundle.
    pub index: u64,
    /// The number of entries, 1 to 256; 256 is a full bundle.
    pub width: u16,
}

impl TileId {
    /// The path below the log's prefix: `tile/<L>/<N>[.p/<W>]`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, position_path(self.index, self.width))
    }

    /// Reads a path as [`TileId::path`] writes it.
    ///
    /// # Errors
    ///
    /// [`TileError::Path`] for every other text.
    pub fn parse_path(path: &str) -> Result<Self, TileError> {
        let read = || {
            let (level, position) = path.strip_prefix("tile/")?.split_once('/')?;
            let level = decimal(level).and_then(|level| u8::try_from(level).ok()).filter(|level| *level < 64)?;
            let (index, width) = parse_position(position)?;
            Some(TileId { level, index, width })
        };
        read().ok_or_else(|| TileError::Path(shown(path)))
    }

    /// The full tile in the same place.
    #[must_use]
    pub fn full(self) -> Self {
        TileId { width: FULL_WIDTH, ..self }
    }

    /// The tile in the same place of a tree of `size` leaves, which begins with this one if it is as wide; `None` where that
    /// tree has none there.
    #[must_use]
    pub fn within(self, size: u64) -> Option<Self> {
        let width = width_at(self.level, self.index, size);
        (width > 0).then_some(TileId { width, ..self })
    }
}

impl EntriesId {
    /// The path below the log's prefix: `tile/entries/<N>[.p/<W>]`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("tile/entries/{}", position_path(self.index, self.width))
    }

    /// Reads a path as [`EntriesId::path`] writes it.
    ///
    /// # Errors
    ///
    /// [`TileError::Path`] for every other text.
    pub fn parse_path(path: &str) -> Result<Self, TileError> {
        let position = path.strip_prefix("tile/entries/").and_then(parse_position);
        position.map(|(index, width)| EntriesId { index, width }).ok_or_else(|| TileError::Path(shown(path)))
    }

    /// The full bundle in the same place.
    #[must_use]
    pub fn full(self) -> Self {
        EntriesId { width: FULL_WIDTH, ..self }
    }

    /// The bundle in the same place of a log of `size` leaves, which begins with this one if it is as wide; `None` where that
    /// log has none there.
    #[must_use]
    pub fn within(self, size: u64) -> Option<Self> {
        let width = width_at(0, self.index, size);
        (width > 0).then_some(EntriesId { width, ..self })
    }

    /// The bundle that holds leaf `index` in a tree of `size` leaves, and the leaf's place within it.
    #[must_use]
    pub fn holding(index: u64, size: u64) -> Option<(Self, usize)> {
        if index >= size || size > MAX_SIZE {
            return None;
        }
        let bundle = index / u64::from(FULL_WIDTH);
        Some((EntriesId { index: bundle, width: width_at(0, bundle, size) }, usize::from(index as u8)))
    }
}

fn position_path(index: u64, width: u16) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if width < FULL_WIDTH {
        path.push_str(&format!(".p/{width}"));
    }
    path
}

fn parse_position(text: &str) -> Option<(u64, u16)> {
    let (elements, width) = match text.split_once(".p/") {
        Some((elements, width)) => (elements, u16::try_from(decimal(width)?).ok()?),
        None => (text, FULL_WIDTH),
    };
    if width == 0 {
        return None;
    }
    let mut index = 0_u64;
    for element in elements.split('/') {
        let digits = element.strip_prefix('x').unwrap_or(element);
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    // Writing it again settles the rest: where an `x` belongs, no `x000/` in front, no `.p/256`.
    (index <= MAX_SIZE && position_path(index, width) == text).then_some((index, width))
}

/// A foreign path as an error may show it: bounded, so that a log line can't be flooded.
fn shown(path: &str) -> String {
    path.chars().take(80).collect()
}

/// The entries of one bundle, each the bytes of one leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryBundle {
    /// One to 256 entries, in the log's order.
    pub entries: Vec<Vec<u8>>,
}

impl EntryBundle {
    /// Writes the entries, each after its length as a big-endian uint16.
    ///
    /// # Errors
    ///
    /// [`TileError::BundleWidth`] and [`TileError::EntryLength`] for what a bundle can't hold.
    pub fn encode(&self) -> Result<Vec<u8>, TileError> {
        if self.entries.is_empty() || self.entries.len() > usize::from(FULL_WIDTH) {
            return Err(TileError::BundleWidth(self.entries.len()));
        }
        let mut bytes = Vec::with_capacity(self.entries.iter().map(|entry| entry.len() + 2).sum());
        for entry in &self.entries {
            let length = u16::try_from(entry.len()).map_err(|_| TileError::EntryLength(entry.len()))?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(entry);
        }
        Ok(bytes)
    }

    /// Reads a bundle of exactly `width` entries.
    ///
    /// # Errors
    ///
    /// [`TileError::BundleLength`] when an entry is cut short or bytes follow the last one, [`TileError::BundleWidth`]
    /// for a width that no bundle has.
    pub fn decode(bytes: &[u8], width: u16) -> Result<Self, TileError> {
        if !(1..=FULL_WIDTH).contains(&width) {
            return Err(TileError::BundleWidth(usize::from(width)));
        }
        let mut entries = Vec::with_capacity(usize::from(width));
        let mut rest = bytes;
        for _ in 0..width {
            let entry = rest
                .split_first_chunk::<2>()
                .and_then(|(length, after)| after.split_at_checked(usize::from(u16::from_be_bytes(*length))));
            let offset = bytes.len() - rest.len();
            let (entry, after) = entry.ok_or(TileError::BundleLength { expected: width, offset })?;
            entries.push(entry.to_vec());
            rest = after;
        }
        if !rest.is_empty() {
            return Err(TileError::BundleLength { expected: width, offset: bytes.len() - rest.len() });
        }
        Ok(EntryBundle { entries })
    }
}

/// The width of the tile `index` of `level` in a tree of `size` leaves; 0 where the tree has no such tile.
fn width_at(level: u8, index: u64, size: u64) -> u16 {
    let hashes = size.checked_shr(u32::from(level) * HEIGHT).unwrap_or(0);
    let width = hashes.saturating_sub(index.saturating_mul(u64::from(FULL_WIDTH))).min(u64::from(FULL_WIDTH));
    u16::try_from(width).unwrap_or(FULL_WIDTH)
}

/// How many tiles a tree keeps at hand; a walk from leaf to leaf needs two a level.
const AT_HAND: usize = 64;

/// A tree of a given size, seen through its tiles. The last ones read are kept with what was hashed of them, so that proofs of
/// neighbouring leaves cost little more than one.
///
/// Nothing here proves that the tiles are the log's: who reads a stranger's tiles compares the root with a checkpoint.
pub struct TileTree<R> {
    size: u64,
    reader: R,
    tiles: RefCell<BTreeMap<(u8, u64), Floors>>,
}

/// The complete subtrees within one tile, by their height: first the tile's own hashes, then each pair's, as far as was asked.
struct Floors(Vec<Vec<Hash>>);

impl Floors {
    fn at(&mut self, height: usize) -> &[Hash] {
        while self.0.len() <= height {
            let below = self.0.last().map(Vec::as_slice).unwrap_or_default();
            self.0.push(below.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect());
        }
        &self.0[height]
    }
}

impl<R: Fn(TileId) -> Option<Vec<u8>>> TileTree<R> {
    /// The tree of `size` leaves whose tiles `reader` gives.
    ///
    /// # Errors
    ///
    /// [`TileError::TreeSize`].
    pub fn new(size: u64, reader: R) -> Result<Self, TileError> {
        if size > MAX_SIZE {
            return Err(TileError::TreeSize);
        }
        Ok(TileTree { size, reader, tiles: RefCell::new(BTreeMap::new()) })
    }

    /// The number of its leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The Merkle tree hash of the leaves `[low, high)`, a range that RFC 6962's recursion reaches.
    pub(super) fn range(&self, low: u64, high: u64) -> Result<Hash, TileError> {
        let count = high - low;
        if count.is_power_of_two() && low.is_multiple_of(count) {
            return self.node(count.trailing_zeros(), low / count);
        }
        let left = split(count);
        Ok(node_hash(&self.range(low, low + left)?, &self.range(low + left, high)?))
    }

    /// The root of the complete subtree number `index` of height `height`.
    fn node(&self, height: u32, index: u64) -> Result<Hash, TileError> {
        let (level, within) = ((height / HEIGHT) as u8, height % HEIGHT);
        let first = index << within;
        let (tile, start) = (first / u64::from(FULL_WIDTH), usize::from(first as u8));
        let mut tiles = self.tiles.borrow_mut();
        if tiles.len() >= AT_HAND && !tiles.contains_key(&(level, tile)) {
            tiles.clear();
        }
        let floors = match tiles.entry((level, tile)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let id = TileId { level, index: tile, width: width_at(level, tile, self.size) };
                place.insert(Floors(vec![hashes_of(&read_tile(id, &self.reader)?)]))
            }
        };
        let found = floors.at(within as usize).get(start >> within);
        found.copied().ok_or(TileError::Outside { position: first, size: self.size })
    }
}

/// Reads a tile at its width, or the prefix of the full tile that may have replaced a partial one.
fn read_tile(id: TileId, reader: &impl Fn(TileId) -> Option<Vec<u8>>) -> Result<Vec<u8>, TileError> {
    let check = |id: TileId, bytes: Vec<u8>| {
        let expected = usize::from(id.width) * HASH_BYTES;
        let found = bytes.len();
        if found == expected { Ok(bytes) } else { Err(TileError::TileLength { path: id.path(), expected, found }) }
    };
    if let Some(bytes) = reader(id) {
        return check(id, bytes);
    }
    if id.width == FULL_WIDTH {
        return Err(TileError::MissingTile(id.path()));
    }
    let bytes = reader(id.full()).ok_or_else(|| TileError::MissingTile(id.path()))?;
    let mut bytes = check(id.full(), bytes)?;
    bytes.truncate(usize::from(id.width) * HASH_BYTES);
    Ok(bytes)
}

fn hashes_of(bytes: &[u8]) -> Vec<Hash> {
    bytes.as_chunks::<HASH_BYTES>().0.iter().map(|chunk| Hash(*chunk)).collect()
}

/// The root over a power of two of hashes.
fn subtree_root(hashes: &[Hash]) -> Hash {
    match hashes {
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(&subtree_root(left), &subtree_root(right))
        }
    }
}

/// The root of the tree of `size` leaves whose tiles `reader` gives.
///
/// # Errors
///
/// [`TileError::MissingTile`] and [`TileError::TileLength`] for what the reader lacks, [`TileError::TreeSize`].
pub fn root(size: u64, reader: impl Fn(TileId) -> Option<Vec<u8>>) -> Result<Hash, TileError> {
    let tree = TileTree::new(size, reader)?;
    if size == 0 { Ok(empty_root()) } else { tree.range(0, size) }
}

/// The root of the first `old` leaves of the tree of `size` leaves, by the tiles of that tree: those of the older may be gone.
///
/// # Errors
///
/// As [`root`], and [`TileError::Outside`] for an older size beyond the tree.
pub fn root_within(old: u64, size: u64, reader: impl Fn(TileId) -> Option<Vec<u8>>) -> Result<Hash, TileError> {
    let tree = TileTree::new(size, reader)?;
    match old {
        0 => Ok(empty_root()),
        _ if old > size => Err(TileError::Outside { position: old, size }),
        _ => tree.range(0, old),
    }
}

/// The tiles that must be written when `new_leaf_hashes` follow a tree of `old_size` leaves, and the new root.
///
/// `reader` gives the older tree's tiles (asked at that tree's widths; a full tile may stand in for a partial one). The
/// answer is sorted by level and index, and each tile in it is new: a partial tile that grew has a new width.
///
/// # Errors
///
/// [`TileError::MissingTile`] and [`TileError::TileLength`] for what the reader lacks, [`TileError::TreeSize`].
pub fn tiles_after(
    old_size: u64,
    new_leaf_hashes: &[Hash],
    reader: impl Fn(TileId) -> Option<Vec<u8>>,
) -> Result<(WrittenTiles, Hash), TileError> {
    let new_size = old_size.checked_add(new_leaf_hashes.len() as u64).ok_or(TileError::TreeSize)?;
    if new_size > MAX_SIZE {
        return Err(TileError::TreeSize);
    }
    let mut written = Vec::new();
    let mut hashes = new_leaf_hashes.to_vec();
    let mut level = 0_u8;
    while !hashes.is_empty() {
        let old_count = old_size.checked_shr(u32::from(level) * HEIGHT).unwrap_or(0);
        let first = old_count / u64::from(FULL_WIDTH);
        let width = width_at(level, first, old_size);
        let mut line = match width {
            0 => Vec::new(),
            _ => hashes_of(&read_tile(TileId { level, index: first, width }, &reader)?),
        };
        line.append(&mut hashes);
        for (index, tile) in (first..).zip(line.chunks(usize::from(FULL_WIDTH))) {
            let width = u16::try_from(tile.len()).unwrap_or(FULL_WIDTH);
            let bytes = tile.iter().flat_map(|hash| hash.0).collect();
            written.push((TileId { level, index, width }, bytes));
            // Only full tiles are hashed into the level above; a partial one would change.
            if width == FULL_WIDTH {
                hashes.push(subtree_root(tile));
            }
        }
        level += 1;
    }
    let new_tiles: BTreeMap<TileId, &Vec<u8>> = written.iter().map(|(id, bytes)| (*id, bytes)).collect();
    let root = root(new_size, |id| new_tiles.get(&id).map(|bytes| bytes.to_vec()).or_else(|| reader(id)))?;
    Ok((written, root))
}

/// The entry bundles that must be written when `new_entries` follow a log of `old_size` entries.
///
/// `reader` gives the older log's last bundle, if it was partial.
///
/// # Errors
///
/// [`TileError::MissingTile`] when the reader lacks it, and what [`EntryBundle::decode`] and [`EntryBundle::encode`] give.
pub fn bundles_after(
    old_size: u64,
    new_entries: &[Vec<u8>],
    reader: impl Fn(EntriesId) -> Option<Vec<u8>>,
) -> Result<Vec<(EntriesId, Vec<u8>)>, TileError> {
    if old_size.checked_add(new_entries.len() as u64).is_none_or(|size| size > MAX_SIZE) {
        return Err(TileError::TreeSize);
    }
    if new_entries.is_empty() {
        return Ok(Vec::new());
    }
    let first = old_size / u64::from(FULL_WIDTH);
    let old = EntriesId { index: first, width: width_at(0, first, old_size) };
    let mut entries = match old.width {
        0 => Vec::new(),
        width => {
            let bytes = reader(old).ok_or_else(|| TileError::MissingTile(old.path()))?;
            EntryBundle::decode(&bytes, width)?.entries
        }
    };
    entries.extend_from_slice(new_entries);
    let mut written = Vec::new();
    for (index, bundle) in (first..).zip(entries.chunks(usize::from(FULL_WIDTH))) {
        let width = u16::try_from(bundle.len()).unwrap_or(FULL_WIDTH);
        written.push((EntriesId { index, width }, EntryBundle { entries: bundle.to_vec() }.encode()?));
    }
    Ok(written)
}
