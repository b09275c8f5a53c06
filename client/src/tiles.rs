//! Tiles and bundles of a log at a place that makes none to order.
//!
//! A server cuts a tile to whatever width is asked for. A store has the widths that were published: each full tile, and the
//! partial ones of states that were a checkpoint there once, which may go when the full one comes (`c2sp.org/tlog-tiles`). A
//! wider tile in the same place begins with the narrower one. Nothing of this is believed: what is made of tiles is compared
//! with a signed root.

use crate::registry::{Registry, RegistryError};
use cleartitle_schema::tlog::hash::HASH_BYTES;
use cleartitle_schema::tlog::tile::{EntriesId, TileId};

/// A place's tiles, as those of a log of some size.
#[derive(Debug, Clone, Copy)]
pub struct Tiles<'a> {
    registry: &'a Registry,
    size: u64,
}

impl<'a> Tiles<'a> {
    /// The tiles that lie at a place whose own checkpoint has this size.
    #[must_use]
    pub fn of(registry: &'a Registry, size: u64) -> Self {
        Self { registry, size }
    }

    /// A tile of just this width, by the first that is there: itself, the full one, or that of the place's own size. One that is
    /// shorter than it should be is given as it came.
    ///
    /// # Errors
    /// [`RegistryError`]: none of them is there, or one can't be read.
    pub fn tile(&self, tile: TileId) -> Result<Vec<u8>, RegistryError> {
        let wider = [Some(tile.full()), tile.within(self.size)].into_iter().flatten();
        let wider = wider.filter(|other| other.width > tile.width);
        let (mut bytes, found) = first_there(tile, wider, |tile| self.registry.tile(tile))?;
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
        let wider = [Some(bundle.full()), bundle.within(self.size)].into_iter().flatten();
        let wider = wider.filter(|other| other.width > bundle.width);
        let (bytes, found) = first_there(bundle, wider, |bundle| self.registry.entries(bundle))?;
        Ok((bytes, found.width))
    }
}

/// What was asked for, or the first of the others that is there; where none is, what was said of the first.
fn first_there<I: Copy>(
    asked: I,
    others: impl Iterator<Item = I>,
    read: impl Fn(I) -> Result<Vec<u8>, RegistryError>,
) -> Result<(Vec<u8>, I), RegistryError> {
    let missing = match read(asked) {
        Err(error) if error.may_be_missing() => error,
        other => return other.map(|bytes| (bytes, asked)),
    };
    for other in others {
        match read(other) {
            Err(error) if error.may_be_missing() => {}
            found => return found.map(|bytes| (bytes, other)),
        }
    }
    Err(missing)
}
