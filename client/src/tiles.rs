//! Tiles and bundles of a log at a place that makes none to order.
//!
//! A server cuts a tile to whatever width is asked for. A store has the widths that were published: each full tile, and the
//! partial ones of states that were a checkpoint there once, which may go when the full one comes (`c2sp.org/tlog-tiles`). A
//! wider tile in the same place begins with the narrower one. Nothing of this is believed: what is made of tiles is compared
//! with a signed root.

use crate::registry::{Registry, RegistryError};
use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::hash::HASH_BYTES;
use cleartitle_schema::tlog::note::Note;
use cleartitle_schema::tlog::tile::{EntriesId, TileId};
use std::cell::OnceCell;

/// The tiles that lie at a place.
#[derive(Debug)]
pub struct Tiles<'a> {
    registry: &'a Registry,
    /// The size that the place's checkpoint names, which says where to look and nothing else.
    shown: OnceCell<Option<u64>>,
}

impl<'a> Tiles<'a> {
    /// The tiles of a place.
    #[must_use]
    pub fn at(registry: &'a Registry) -> Self {
        Self { registry, shown: OnceCell::new() }
    }

    /// How long the place says that its log is now; asked once, and only where something is missing.
    fn size(&self) -> Option<u64> {
        let ask = || {
            let note = Note::parse(&self.registry.checkpoint().ok()?).ok()?;
            Checkpoint::parse_text(note.text()).ok().map(|checkpoint| checkpoint.size)
        };
        *self.shown.get_or_init(ask)
    }

    /// A tile of just this width, by the first that is there: itself, the full one, or that of the log as it lies there now. One
    /// that is shorter than it should be is given as it came.
    ///
    /// # Errors
    /// [`RegistryError`]: none of them is there, or one can't be read.
    pub fn tile(&self, tile: TileId) -> Result<Vec<u8>, RegistryError> {
        let full = (tile.full() != tile).then(|| tile.full());
        let now = || tile.within(self.size()?).filter(|now| tile.width < now.width && Some(*now) != full);
        let (mut bytes, found) = first_there(tile, full, now, |tile| self.registry.tile(tile))?;
        if bytes.len() == usize::from(found.width) * HASH_BYTES {
            bytes.truncate(usize::from(tile.width) * HASH_BYTES);
        }
        Ok(bytes)
    }

    /// A bundle that has the entries of this one, and perhaps more: its bytes, and how many entries it should have.
    ///
    /// # Errors
    /// As for [`Tiles::tile`].
    pub fn entries(&self, bundle: EntriesId) -> Result<(Vec<u8>, u16), RegistryError> {
        let full = (bundle.full() != bundle).then(|| bundle.full());
        let now = || bundle.within(self.size()?).filter(|now| bundle.width < now.width && Some(*now) != full);
        let (bytes, found) = first_there(bundle, full, now, |bundle| self.registry.entries(bundle))?;
        Ok((bytes, found.width))
    }
}

/// What was asked for, or the first of the other two that is there; where none is, what was said of the first.
fn first_there<I: Copy>(
    asked: I,
    full: Option<I>,
    now: impl FnOnce() -> Option<I>,
    read: impl Fn(I) -> Result<Vec<u8>, RegistryError>,
) -> Result<(Vec<u8>, I), RegistryError> {
    let missing = match read(asked) {
        Err(error) if error.may_be_missing() => error,
        other => return other.map(|bytes| (bytes, asked)),
    };
    // A full tile that is missing has no wider one.
    let Some(full) = full else { return Err(missing) };
    match read(full) {
        Err(error) if error.may_be_missing() => {}
        found => return found.map(|bytes| (bytes, full)),
    }
    let Some(now) = now() else { return Err(missing) };
    match read(now) {
        Err(error) if error.may_be_missing() => Err(missing),
        found => found.map(|bytes| (bytes, now)),
    }
}
