//! Tombstones: what the log's erasures say of the leaves that they name, read out of what a database cannot make again.

use std::collections::HashMap;
use std::ops::Range;

use cleartitle_schema::erasure::Remains;
use cleartitle_schema::id::{BlobId, Commitment};
use cleartitle_schema::leaf::{Leaf, LeafKind, Published};
use cleartitle_schema::statement::{Body, Statement};

use super::StoreError;
use super::tables::damaged;

/// What is read within one transaction of either database.
pub(super) trait Primary {
    /// The leaves' bytes, in order; fewer where the log ends.
    fn leaves(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError>;

    /// The blob that opens a commitment.
    fn published(&self, commitment: &Commitment) -> Result<Option<Vec<u8>>, StoreError>;

    /// The bytes of evidence.
    fn blob(&self, blob: &BlobId) -> Result<Option<Vec<u8>>, StoreError>;
}

/// What remains of each erased leaf, where anything does.
pub(super) type Tombstones = HashMap<Commitment, Option<Remains>>;

/// Every erasure that the log holds, with what remains of what it names.
pub(super) fn tombstones(primary: &impl Primary) -> Result<Tombstones, StoreError> {
    let (mut found, mut from) = (Tombstones::new(), 0);
    loop {
        let leaves = primary.leaves(from..from + 1024)?;
        if leaves.is_empty() {
            return Ok(found);
        }
        from += leaves.len() as u64;
        for leaf in leaves {
            let leaf = Leaf::parse(&leaf).map_err(damaged)?;
            // An erasure of a public leaf amends it in clear, so that few blobs are opened.
            if leaf.kind != LeafKind::Public || leaf.amends.is_none() {
                continue;
            }
            let Some(blob) = primary.published(&leaf.commitment)? else { continue };
            let published = Published::parse(&blob).map_err(damaged)?;
            let statement = Statement::parse(published.envelope.payload()).map_err(damaged)?;
            let Body::Erasure { commitment, remains, .. } = statement.body else { continue };
            let remains = remains.map(|blob| remains_in(primary, &blob, &commitment)).transpose()?;
            found.insert(commitment, remains);
        }
    }
}

fn remains_in(primary: &impl Primary, blob: &BlobId, commitment: &Commitment) -> Result<Remains, StoreError> {
    let missing = || StoreError::Damaged(format!("what remains of `{commitment}`, `{blob}`, is not there"));
    let bytes = primary.blob(blob)?.filter(|bytes| BlobId::of(bytes) == *blob).ok_or_else(missing)?;
    Remains::parse(&bytes).ok().filter(|remains| remains.commitment == *commitment).ok_or_else(missing)
}
