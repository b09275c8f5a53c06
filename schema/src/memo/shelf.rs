//! A shelf: values by bytes, shared by threads, bounded by what they weigh.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Parts of a shelf, each with its own lock.
const PARTS: u64 = 64;

/// What an entry weighs beside its key and its value.
const ENTRY: usize = 128;

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

/// One entry for each hash: of two keys with one hash the later one stays, and the other is decided again.
type Entries<V> = HashMap<u64, (Box<[u8]>, Arc<V>), BuildHasherDefault<AsItIs>>;

struct Part<V> {
    entries: Entries<V>,
    weight: usize,
}

/// Values by bytes.
pub(super) struct Shelf<V> {
    /// A secret, so that nobody can choose keys that collide.
    seed: u64,
    parts: Vec<Mutex<Part<V>>>,
    /// The most that one part holds.
    limit: usize,
}

impl<V> Shelf<V> {
    /// At most about so many bytes.
    pub(super) fn within(bytes: usize, seed: u64) -> Self {
        let part = |_| Mutex::new(Part { entries: Entries::default(), weight: 0 });
        let parts = usize::try_from(PARTS).unwrap_or(1);
        Self { seed, parts: (0..PARTS).map(part).collect(), limit: bytes / parts }
    }

    fn part(&self, key: &[u8]) -> Option<(u64, MutexGuard<'_, Part<V>>)> {
        let hash = twox_hash::XxHash3_64::oneshot_with_seed(self.seed, key);
        // Other bits than those by which the map goes.
        let part = self.parts.get(usize::try_from((hash >> 32) % PARTS).unwrap_or_default())?;
        // A map of finished values is whole even after a panic elsewhere.
        Some((hash, part.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Arc<V>> {
        let (hash, part) = self.part(key)?;
        part.entries.get(&hash).filter(|(filed, _)| **filed == *key).map(|(_, value)| Arc::clone(value))
    }

    /// Keeps a value; a full part is emptied first.
    pub(super) fn put(&self, key: &[u8], value: &Arc<V>, weight: usize) {
        let Some((hash, mut part)) = self.part(key) else { return };
        // Of a replaced entry the weight stays counted: a little too much, never too little.
        part.weight += weight + key.len() + ENTRY;
        if part.weight > self.limit {
            part.entries.clear();
            part.weight = weight + key.len() + ENTRY;
        }
        part.entries.insert(hash, (key.into(), Arc::clone(value)));
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, usize) {
        let parts = self.parts.iter().map(|part| part.lock().unwrap_or_else(PoisonError::into_inner));
        parts.fold((0, 0), |(count, weight), part| (count + part.entries.len(), weight + part.weight))
    }
}
