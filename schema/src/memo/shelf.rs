//! A shelf: values by bytes, shared by threads, bounded by what they weigh: a full part lets go of a quarter of what it holds.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::hint::black_box;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Parts of a shelf, each with its own lock.
const PARTS: u64 = 64;

/// What an entry weighs beside its key and its value.
const ENTRY: usize = 160;

/// Keys of up to so many bytes stand beside their value: one place of memory for both.
const BESIDE: usize = 63;

/// Takes a hash as it is.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

enum Filed {
    Beside(u8, [u8; BESIDE]),
    Apart(Box<[u8]>),
}

impl Filed {
    fn of(key: &[u8]) -> Self {
        let mut bytes = [0; BESIDE];
        match (u8::try_from(key.len()), bytes.get_mut(..key.len())) {
            (Ok(length), Some(place)) => {
                place.copy_from_slice(key);
                Self::Beside(length, bytes)
            }
            _ => Self::Apart(key.into()),
        }
    }

    /// Asks for its memory.
    fn touch(&self) -> u8 {
        match self {
            Self::Beside(length, _) => *length,
            Self::Apart(bytes) => bytes.first().copied().unwrap_or_default(),
        }
    }

    fn is(&self, key: &[u8]) -> bool {
        match self {
            Self::Beside(length, bytes) => bytes.get(..usize::from(*length)) == Some(key),
            Self::Apart(bytes) => **bytes == *key,
        }
    }
}

/// One entry for each hash: of two keys with one hash the later one stays, and the other is decided again.
type Entries<V> = HashMap<u64, Entry<V>, BuildHasherDefault<AsItIs>>;

struct Entry<V> {
    filed: Filed,
    value: Arc<V>,
    weight: usize,
}

impl<V> Entry<V> {
    /// The value, if it was filed under this key.
    fn of(&self, key: &[u8]) -> Option<&Arc<V>> {
        self.filed.is(key).then_some(&self.value)
    }
}

struct Part<V> {
    entries: Entries<V>,
    weight: usize,
    /// How often it was full.
    full: u64,
}

impl<V> Part<V> {
    fn find(&self, hash: u64, key: &[u8]) -> Option<&Arc<V>> {
        self.entries.get(&hash)?.of(key)
    }

    /// Drops about a quarter, another one each time. By the hash, which is a secret's: nobody chooses what stays.
    fn thin(&mut self) {
        let quarter = self.full % 4;
        self.full += 1;
        self.entries.retain(|hash, _| (hash >> 40) % 4 != quarter);
        self.weight = self.entries.values().map(|entry| entry.weight).sum();
    }
}

/// Values by bytes.
pub(super) struct Shelf<V> {
    /// A secret, so that nobody can choose keys that collide.
    seed: u64,
    parts: Vec<RwLock<Part<V>>>,
    /// The most that one part holds.
    limit: usize,
}

/// Which part a hash belongs to, by other bits than those by which the maps go.
fn part_of(hash: u64) -> usize {
    usize::try_from((hash >> 32) % PARTS).unwrap_or_default()
}

fn hash(seed: u64, key: &[u8]) -> u64 {
    twox_hash::XxHash3_64::oneshot_with_seed(seed, key)
}

impl<V> Shelf<V> {
    /// At most about so many bytes.
    pub(super) fn within(bytes: usize, seed: u64) -> Self {
        let part = |_| RwLock::new(Part { entries: Entries::default(), weight: 0, full: 0 });
        let parts = usize::try_from(PARTS).unwrap_or(1);
        Self { seed, parts: (0..PARTS).map(part).collect(), limit: bytes / parts }
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Arc<V>> {
        let hash = hash(self.seed, key);
        // A map of finished values is whole even after a panic elsewhere.
        let part = self.parts.get(part_of(hash))?.read().unwrap_or_else(PoisonError::into_inner);
        part.find(hash, key).cloned()
    }

    /// All of it, for many lookups; nothing is put meanwhile.
    pub(super) fn open(&self) -> Open<'_, V> {
        let parts = self.parts.iter().map(|part| part.read().unwrap_or_else(PoisonError::into_inner));
        Open { seed: self.seed, parts: parts.collect() }
    }

    /// Keeps a value, unless it alone is too much; a full part is thinned first.
    pub(super) fn put(&self, key: &[u8], value: &Arc<V>, weight: usize) {
        let hash = hash(self.seed, key);
        let Some(part) = self.parts.get(part_of(hash)) else { return };
        let weight = weight + key.len() + ENTRY;
        if weight > self.limit {
            return;
        }
        let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
        part.weight -= part.entries.remove(&hash).map_or(0, |before| before.weight);
        while part.weight + weight > self.limit {
            part.thin();
        }
        part.weight += weight;
        part.entries.insert(hash, Entry { filed: Filed::of(key), value: Arc::clone(value), weight });
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, usize) {
        let open = self.open();
        open.parts.iter().fold((0, 0), |(count, weight), part| (count + part.entries.len(), weight + part.weight))
    }
}

/// A shelf that stands still.
pub(super) struct Open<'s, V> {
    seed: u64,
    parts: Vec<RwLockReadGuard<'s, Part<V>>>,
}

impl<V> Open<'_, V> {
    /// The values of these keys, in order. Hashing, asking for the entries and comparing them are steps of their own: a core looks ahead by
    /// so many instructions, and the fewer they are for an entry, the more entries are under way.
    pub(super) fn get_each<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) -> Vec<Option<&Arc<V>>> {
        let keys: Vec<(u64, &[u8])> = keys.map(|key| (hash(self.seed, key), key)).collect();
        let entry = |(hash, _): &(u64, &[u8])| self.parts.get(part_of(*hash))?.entries.get(hash);
        let entries: Vec<Option<&Entry<V>>> = keys.iter().map(entry).collect();
        let touched = entries.iter().flatten().fold(0, |all, entry| all ^ entry.filed.touch());
        black_box(touched);
        entries.into_iter().zip(&keys).map(|(entry, (_, key))| entry?.of(key)).collect()
    }
}
