//! Candidates: what a memo looks up in a snapshot, by the sets that its index gives.

use super::read::{Damage, SetKey};
use super::verified::VerifiedSnapshot;
use crate::evidence::Registered;
use crate::id::StatementId;
use crate::memo::Source;
use std::sync::Arc;

impl SetKey {
    /// Writes the key down: two keys of one snapshot have the same bytes only where they are equal.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend(u32::try_from(self.sets().len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend(self.sets().iter().flat_map(|set| set.0.to_le_bytes()));
    }
}

/// The statements of one set key.
pub struct Candidates<'s, D> {
    /// Where they stand.
    pub snapshot: &'s VerifiedSnapshot<D>,
    /// Which.
    pub sets: &'s SetKey,
}

impl<D: AsRef<[u8]>> Source for Candidates<'_, D> {
    type Failure = Damage;

    fn candidates(&self) -> Result<Vec<Arc<Registered>>, Damage> {
        self.snapshot.places(self.sets)?.into_iter().map(|place| self.snapshot.statement(place)).collect()
    }

    fn naming(&self, id: &StatementId) -> Result<Vec<Arc<Registered>>, Damage> {
        self.snapshot.try_naming(id)
    }
}
