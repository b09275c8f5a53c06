//! A snapshot that was verified, and so may answer lookups; damage met later poisons it instead of hiding a reservation.

use super::build::{self, BuildError, Head};
use super::format::Section;
use super::read::{Damage, Snapshot};
use super::sort::Room;
use super::tree::Tree;
use crate::acquisition::{Acquisition, Keys};
use crate::evidence::{self, Evidence, Lookup, Registered};
use crate::id::StatementId;
use std::io::{self, Write};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// Why a snapshot is not to be trusted.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The body has another hash than the one that was signed.
    #[error("the snapshot's body does not have the hash that its note signs")]
    Hash,
    /// The blocks that hold the header are not those that the signed hash covers.
    #[error(
        "the snapshot is damaged at its beginning, where its header is: it does not have the hash that its note signs"
    )]
    Header,
    /// A section's checksum is wrong.
    #[error("the snapshot's {0:?} section is damaged: its checksum is wrong")]
    Checksum(Section),
    /// A statement can't be read.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The statements in it could not have been built into a snapshot.
    #[error("the snapshot's statements make no snapshot")]
    Statements(#[source] BuildError),
    /// The bytes are not those that a builder makes of these statements.
    #[error("the snapshot differs at byte {0} from what its own statements compile to")]
    NotCanonical(u64),
}

/// A verified snapshot. It answers [`Lookup`] with exactly what [`Ledger`](crate::ledger::Ledger) answers.
///
/// The bytes may still change under a memory map. A read that then finds damage gives no statements, and marks the snapshot
/// [`damaged`](Self::damaged) for good; every later lookup gives none. An empty answer alone would be dangerous (the lost
/// statement may be a reservation, or the withdrawal of a grant), so **no verdict stands whose evidence was gathered when
/// the mark is set**: use [`VerifiedSnapshot::gather`], which looks at it last, or look at it yourself after deciding and
/// before letting anything pass.
#[derive(Debug)]
pub struct VerifiedSnapshot<D> {
    snapshot: Snapshot<D>,
    body: [u8; 32],
    damage: OnceLock<Damage>,
}

impl<D: AsRef<[u8]>> Snapshot<D> {
    /// Verifies everything: each section's checksum, each statement (its canonical form, its id), and that the whole body is
    /// byte for byte what [`build`](super::build()) makes of those statements, so that every offset, order and index entry is
    /// right and none is left out. Takes about the time and memory of a build.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(self) -> Result<VerifiedSnapshot<D>, VerifyError> {
        self.verify_within(&mut Room::memory())
    }

    /// The same in bounded memory.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify_within(self, room: &mut Room<'_>) -> Result<VerifiedSnapshot<D>, VerifyError> {
        for section in Section::ALL {
            let bytes = self.section(section);
            let sound = self.extent(section).is_some_and(|extent| {
                extent.length == bytes.len() && extent.checksum == *blake3::hash(bytes).as_bytes()
            });
            if !sound {
                return Err(VerifyError::Checksum(section));
            }
        }
        let mut next = 0;
        let statements = (0..u32::try_from(self.len()).unwrap_or(u32::MAX)).map(|place| {
            // A thousand records over one long payload would cost a thousand times its parsing before they are refused.
            let payload = self.payload_extent(place)?;
            if payload.start != next {
                return Err(Damage { section: Section::Statements, record: u64::from(place) });
            }
            next = payload.end;
            self.statement_once(place)
        });
        let header = self.header();
        let head = Head { origin: header.origin.clone(), size: header.size, root: header.root, time: header.time };
        let mut compare = Compare { expected: self.bytes(), at: 0, differs: false };
        match build::build_within(statements, &head, &header.tables, room, &mut compare) {
            Ok(built) if compare.at == compare.expected.len() => Ok(VerifiedSnapshot::new(self, built.body_hash)),
            Ok(_) => Err(VerifyError::NotCanonical(compare.at as u64)),
            Err(BuildError::Write(_)) if compare.differs => Err(VerifyError::NotCanonical(compare.at as u64)),
            Err(BuildError::Source(error)) if error.is::<Damage>() => {
                Err(error.downcast::<Damage>().map_or(VerifyError::NotCanonical(0), |damage| (*damage).into()))
            }
            Err(error) => Err(VerifyError::Statements(error)),
        }
    }

    /// Verifies one thing, at memory speed: that the body is the very one whose BLAKE3 a trusted note signs
    /// ([`SnapshotNote::body`](super::SnapshotNote::body)). What the signer built is then taken at its word; damage is met,
    /// if at all, while looking up.
    ///
    /// # Errors
    /// [`VerifyError::Hash`].
    pub fn verify_hash(self, expected: &[u8; 32]) -> Result<VerifiedSnapshot<D>, VerifyError> {
        if self.body_hash() == *expected { Ok(VerifiedSnapshot::new(self, *expected)) } else { Err(VerifyError::Hash) }
    }

    /// Verifies the header alone, in a time that hardly depends on the length, and every other block of the body when it is
    /// first read, by a tree that leads to a hash which a trusted note signs ([`Tree::parse`]). What
    /// [`Snapshot::verify_hash`] refuses at once, this one gives as [`Damage`] where a lookup comes upon it, before any of
    /// the block's bytes are believed.
    ///
    /// # Errors
    /// [`VerifyError::Hash`] for the tree of a body with another length, [`VerifyError::Header`].
    pub fn verify_as_read(mut self, tree: Tree) -> Result<VerifiedSnapshot<D>, VerifyError> {
        if tree.length() != self.bytes().len() {
            return Err(VerifyError::Hash);
        }
        let hash = tree.root();
        if self.check_by(tree) { Ok(VerifiedSnapshot::new(self, hash)) } else { Err(VerifyError::Header) }
    }
}

impl<D: AsRef<[u8]>> VerifiedSnapshot<D> {
    const fn new(snapshot: Snapshot<D>, body: [u8; 32]) -> Self {
        Self { snapshot, body, damage: OnceLock::new() }
    }

    /// BLAKE3 of the body that this was verified to be; not computed again.
    #[must_use]
    pub const fn verified_hash(&self) -> [u8; 32] {
        self.body
    }

    /// Whether any lookup met damage since the snapshot was verified; never unset.
    #[must_use]
    pub fn damaged(&self) -> bool {
        self.damage.get().is_some()
    }

    /// The first damage that a lookup met.
    #[must_use]
    pub fn damage(&self) -> Option<Damage> {
        self.damage.get().copied()
    }

    /// Everything that the snapshot brings to one question, ancestors included; nothing where damage was met.
    ///
    /// # Errors
    /// [`Damage`], this time and every time after: then nothing is known of any copy.
    pub fn gather(&self, copy: &Acquisition) -> Result<Evidence, Damage> {
        let evidence = evidence::gather(self, copy);
        self.damage().map_or(Ok(evidence), Err)
    }

    fn answer(&self, found: impl FnOnce() -> Result<Vec<Arc<Registered>>, Damage>) -> Vec<Arc<Registered>> {
        if self.damaged() {
            return Vec::new();
        }
        found().unwrap_or_else(|damage| {
            self.damage.get_or_init(|| damage);
            Vec::new()
        })
    }
}

impl<D> Deref for VerifiedSnapshot<D> {
    type Target = Snapshot<D>;
    fn deref(&self) -> &Snapshot<D> {
        &self.snapshot
    }
}

impl<D: AsRef<[u8]>> Lookup for VerifiedSnapshot<D> {
    fn covering(&self, keys: &Keys) -> Vec<Arc<Registered>> {
        self.answer(|| self.snapshot.try_covering(keys))
    }

    fn naming(&self, id: &StatementId) -> Vec<Arc<Registered>> {
        self.answer(|| self.snapshot.try_naming(id))
    }
}

/// Takes what a builder writes and refuses the first byte that differs.
struct Compare<'b> {
    expected: &'b [u8],
    at: usize,
    differs: bool,
}

impl Write for Compare<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let rest = self.expected.get(self.at..).unwrap_or_default();
        let same = rest.iter().zip(bytes).take_while(|(wanted, found)| wanted == found).count();
        self.at += same;
        if same == bytes.len() {
            Ok(same)
        } else {
            self.differs = true;
            Err(io::Error::other("another byte"))
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
