//! A full audit over HTTP with code of its own: checkpoint, every tile, every entry, every blob, every receipt.
//!
//! The tree is RFC 6962's definition written down plainly (a recursion over leaves), the note and the receipt are taken
//! apart by hand, so that an error in the registry's own log code can't hide itself here.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cleartitle_schema::canon;
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::server::{ORIGIN, Registry};

type Hash = [u8; 32];

fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// The tree over some leaves, as RFC 6962 section 2.1 defines it; ranges that were hashed once are remembered.
pub struct Tree {
    leaves: Vec<Hash>,
    known: HashMap<(usize, usize), Hash>,
}

impl Tree {
    /// The tree over these entries.
    #[must_use]
    pub fn new(entries: &[Vec<u8>]) -> Self {
        Self { leaves: entries.iter().map(|entry| sha256(&[&[0], entry])).collect(), known: HashMap::new() }
    }

    /// MTH of the leaves from `from` up to, not with, `to`.
    pub fn hash(&mut self, from: usize, to: usize) -> Hash {
        match to - from {
            0 => return sha256(&[]),
            1 => return self.leaves[from],
            _ => {}
        }
        if let Some(known) = self.known.get(&(from, to)) {
            return *known;
        }
        let middle = from + split(to - from);
        let (left, right) = (self.hash(from, middle), self.hash(middle, to));
        let hash = sha256(&[&[1], &left, &right]);
        self.known.insert((from, to), hash);
        hash
    }

    /// PATH of the leaf `index` in the tree over the first `size` leaves, from the leaf upwards.
    pub fn path(&mut self, index: usize, size: usize) -> Vec<Hash> {
        let (mut from, mut to, mut path) = (0, size, Vec::new());
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                path.push(self.hash(middle, to));
                to = middle;
            } else {
                path.push(self.hash(from, middle));
                from = middle;
            }
        }
        path.reverse();
        path
    }
}

/// The largest power of two below `width`.
fn split(width: usize) -> usize {
    let mut half = 1;
    while half * 2 < width {
        half *= 2;
    }
    half
}

/// `123456` as C2SP writes it in paths: `x123/456`.
fn path_of(index: usize) -> String {
    let mut groups = vec![format!("{:03}", index % 1000)];
    let mut rest = index / 1000;
    while rest > 0 {
        groups.push(format!("x{:03}", rest % 1000));
        rest /= 1000;
    }
    groups.reverse();
    groups.join("/")
}

/// The bundles and tiles of a tree: index, and width of the last where it is partial.
fn tiles(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count.div_ceil(256)).map(move |index| (index, (count - index * 256).min(256)))
}

fn tile_path(level: &str, index: usize, width: usize) -> String {
    let partial = if width == 256 { String::new() } else { format!(".p/{width}") };
    format!("/tile/{level}/{}{partial}", path_of(index))
}

/// The log's name and key, as `log.pub` in the data folder has them.
#[must_use]
pub fn log_key(text: &str) -> (String, VerifyingKey) {
    let mut parts = text.trim().splitn(3, '+');
    let (name, id, key) = (parts.next(), parts.next(), parts.next());
    let key = STANDARD.decode(key.unwrap_or_default()).expect("a key in base64");
    assert_eq!(key.first(), Some(&1), "an Ed25519 key");
    let expected = sha256(&[name.unwrap_or_default().as_bytes(), b"\n", &key]);
    let expected: String = expected[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(id, Some(expected.as_str()), "the key's hash");
    let bytes: [u8; 32] = key[1..].try_into().expect("32 bytes");
    (name.unwrap_or_default().to_owned(), VerifyingKey::from_bytes(&bytes).expect("a key"))
}

/// Opens a signed checkpoint: its size and root, once the log's signature has been checked.
///
/// # Panics
/// When it is not one.
#[track_caller]
#[must_use]
pub fn open_checkpoint(note: &str, key: &str) -> (usize, Hash) {
    let (name, key) = log_key(key);
    let (text, signatures) = note.split_once("\n\n").expect("a signed note");
    let signed = format!("{text}\n");
    let line = signatures.lines().find_map(|line| line.strip_prefix(&format!("\u{2014} {name} ")));
    let signature = STANDARD.decode(line.expect("the log's signature")).expect("base64");
    let bytes: [u8; 64] = signature[4..].try_into().expect("64 bytes");
    key.verify_strict(signed.as_bytes(), &Signature::from_bytes(&bytes)).expect("a checkpoint that the log signed");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(ORIGIN));
    let size = lines.next().and_then(|line| line.parse().ok()).expect("a size");
    let root = STANDARD.decode(lines.next().unwrap_or_default()).ok().and_then(|root| root.try_into().ok());
    (size, root.expect("a root"))
}

/// The entries of the log up to this size, from its bundles.
///
/// # Panics
/// When a bundle is missing or malformed.
#[must_use]
pub fn entries(registry: &Registry, size: usize) -> Vec<Vec<u8>> {
    let mut entries = Vec::with_capacity(size);
    for (index, width) in tiles(size) {
        let bundle = registry.read(&tile_path("entries", index, width)).is(200).body;
        let mut rest = bundle.as_slice();
        for _ in 0..width {
            let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
            entries.push(rest[2..2 + length].to_vec());
            rest = &rest[2 + length..];
        }
        assert!(rest.is_empty(), "bundle {index} has bytes behind its entries");
    }
    entries
}

/// Fetches the checkpoint, all entries and all tiles, computes the root anew, opens every leaf's blob, checks every
/// receipt that was ever acknowledged, and runs `cleartitle-server audit` over the data folder.
///
/// # Panics
/// At the first thing that is wrong.
#[track_caller]
pub fn audit(registry: &Registry) {
    let key = std::fs::read_to_string(registry.data().join("log.pub")).expect("the log's key");
    let (size, root) = open_checkpoint(&registry.read("/checkpoint").is(200).text(), &key);
    let entries = entries(registry, size);
    let mut tree = Tree::new(&entries);
    assert_eq!(tree.hash(0, size), root, "the root over all entries");
    check_tiles(registry, &mut tree, size);
    let mut before = String::new();
    for (index, entry) in entries.iter().enumerate() {
        let leaf: Value = serde_json::from_slice(entry).expect("a leaf is JSON");
        let at = leaf["registered_at"].as_str().expect("a time").to_owned();
        assert!(at >= before, "leaf {index} goes back in time: {at} after {before}");
        before = at;
    }
    let mut opened = HashMap::new();
    for registration in registry.acknowledged() {
        check_registration(&registration, &entries, &mut tree, |note| {
            *opened.entry(note.to_owned()).or_insert_with(|| open_checkpoint(note, &key))
        });
    }
    let data = registry.data().display().to_string();
    let checked = crate::cleartitle_server(&["audit", "--data", &data]);
    assert_eq!(checked.code, 0, "{}\n{}\n{}", checked.line, checked.stdout, checked.stderr);
}

/// Every tile of hashes at every level.
#[track_caller]
fn check_tiles(registry: &Registry, tree: &mut Tree, size: usize) {
    let (mut level, mut span) = (0, 1);
    while size / span > 0 {
        for (index, width) in tiles(size / span) {
            let found = registry.read(&tile_path(&level.to_string(), index, width)).is(200).body;
            let nodes = index * 256..index * 256 + width;
            let expected: Vec<u8> = nodes.flat_map(|node| tree.hash(node * span, (node + 1) * span)).collect();
            assert_eq!(found, expected, "tile {index} of level {level}");
        }
        level += 1;
        span *= 256;
    }
}

/// One acknowledged registration: its leaf is the log's, its receipt proves it, its commitment is what the leaf carries.
#[track_caller]
fn check_registration(
    registration: &Value,
    entries: &[Vec<u8>],
    tree: &mut Tree,
    mut open: impl FnMut(&str) -> (usize, Hash),
) {
    let text = |member: &str| registration[member].as_str().unwrap_or_default().to_owned();
    let index = usize::try_from(registration["index"].as_u64().expect("an index")).expect("an index");
    let leaf =
        entries.get(index).unwrap_or_else(|| panic!("leaf {index} was acknowledged and is lost: {registration}"));
    assert_eq!(String::from_utf8_lossy(leaf), text("leaf"), "leaf {index}");
    let parsed: Value = serde_json::from_slice(leaf).expect("JSON");
    assert_eq!(parsed["commitment"], registration["commitment"]);
    assert_eq!(parsed["registered_at"], registration["registered_at"]);

    let receipt = text("receipt");
    let (proof, note) = receipt.split_once("\n\n").expect("a receipt");
    let mut lines = proof.lines();
    assert_eq!(lines.next(), Some("c2sp.org/tlog-proof@v1"));
    assert_eq!(lines.next(), Some(format!("index {index}").as_str()));
    let path: Vec<Hash> =
        lines.map(|line| STANDARD.decode(line).expect("base64").try_into().expect("a hash")).collect();
    let (size, root) = open(note);
    assert!(index < size && size <= entries.len(), "the receipt's checkpoint covers the leaf");
    assert_eq!(tree.hash(0, size), root, "the receipt's checkpoint is of this log");
    assert_eq!(path, tree.path(index, size), "the inclusion proof of leaf {index}");
}

/// The blobs of all leaves: each opens its leaf's commitment, and its envelope's payload has the id that was registered.
///
/// # Panics
/// At the first blob that doesn't.
#[track_caller]
pub fn check_blobs(registry: &Registry) {
    let key = std::fs::read_to_string(registry.data().join("log.pub")).expect("the log's key");
    let (size, _) = open_checkpoint(&registry.read("/checkpoint").is(200).text(), &key);
    for entry in entries(registry, size) {
        let leaf: Value = serde_json::from_slice(&entry).expect("JSON");
        let commitment = leaf["commitment"].as_str().expect("a commitment");
        let blob = registry.read(&format!("/v1/published/{commitment}")).is(200).json();
        let salt = unhex(blob["salt"].as_str().expect("a salt"));
        let envelope = canon::to_canonical(&blob["envelope"]).expect("canonical");
        let mut hasher = blake3::Hasher::new_derive_key("cleartitle 2026-11 commitment");
        hasher.update(&salt).update(&envelope);
        assert_eq!(format!("commitment:{}", hasher.finalize().to_hex()), commitment);
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(&String::from_utf8_lossy(two), 16).expect("hex")).collect()
}
