//! Sets of places as a builder numbers them: one place has an id of its own, others are written once as far as memory goes.

use super::build::BuildError;
use super::format::NONE;
use super::spool::{Spool, count};

/// Slots for sets that were written already.
const SLOTS: usize = 1 << 16;

/// Most own places of a set that is remembered.
const REMEMBERED: usize = 64;

struct Known {
    parent: u32,
    places: Vec<u32>,
    id: u32,
}

/// Numbers sets, and writes those that need a record.
pub(super) struct Sets {
    statements: u32,
    made: u32,
    members: u64,
    known: Vec<Option<Known>>,
    key: Vec<u8>,
}

impl Sets {
    pub(super) fn new(statements: u32) -> Self {
        let known = std::iter::repeat_with(|| None).take(SLOTS).collect();
        Self { statements, made: 0, members: 0, known, key: Vec::new() }
    }

    /// The id of the set of the parent's places and these, which ascend.
    pub(super) fn id(
        &mut self,
        parent: u32,
        places: &[u32],
        records: &mut Spool,
        members: &mut Spool,
    ) -> Result<u32, BuildError> {
        // The empty set is no parent: what hangs on it hangs on nothing.
        let parent = if parent == 0 { NONE } else { parent };
        match (parent, places) {
            (NONE, []) => return Ok(0),
            (NONE, [place]) => return Ok(place + 1),
            (parent, []) => return Ok(parent),
            _ => {}
        }
        let slot = (places.len() <= REMEMBERED).then(|| self.slot(parent, places));
        if let Some(Some(known)) = slot.and_then(|slot| self.known.get(slot))
            && known.parent == parent
            && known.places == places
        {
            return Ok(known.id);
        }
        let id = self.statements.checked_add(self.made).and_then(|last| last.checked_add(1));
        let id = id.filter(|id| *id != NONE).ok_or(BuildError::TooMany)?;
        self.made += 1;
        records.put(&parent.to_le_bytes())?;
        records.put(&count(places.len())?.to_le_bytes())?;
        records.put(&self.members.to_le_bytes())?;
        self.members += places.len() as u64;
        places.iter().try_for_each(|place| members.put(&place.to_le_bytes()))?;
        if let Some(known) = slot.and_then(|slot| self.known.get_mut(slot)) {
            *known = Some(Known { parent, places: places.to_vec(), id });
        }
        Ok(id)
    }

    fn slot(&mut self, parent: u32, places: &[u32]) -> usize {
        self.key.clear();
        self.key.extend(parent.to_le_bytes());
        places.iter().for_each(|place| self.key.extend(place.to_le_bytes()));
        usize::try_from(twox_hash::XxHash3_64::oneshot(&self.key) % SLOTS as u64).unwrap_or_default()
    }
}
