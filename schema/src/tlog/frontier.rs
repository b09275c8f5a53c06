//! The frontier: the root of a tree as its leaves come, in as many hashes as the tree is high.

use super::hash::{Hash, empty_root, node_hash};

/// The roots of the complete subtrees of a growing tree, the greatest first.
#[derive(Debug, Clone, Default)]
pub struct Frontier(Vec<(u32, Hash)>);

impl Frontier {
    /// Adds the hash of the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        let (mut height, mut hash) = (0, leaf);
        while let Some((_, left)) = self.0.pop_if(|(other, _)| *other == height) {
            hash = node_hash(&left, &hash);
            height += 1;
        }
        self.0.push((height, hash));
    }

    /// The root over all leaves so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut right_to_left = self.0.iter().rev().map(|(_, hash)| *hash);
        let Some(last) = right_to_left.next() else { return empty_root() };
        right_to_left.fold(last, |right, left| node_hash(&left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::hash::leaf_hash;

    #[test]
    fn the_frontier_gives_the_root_at_every_size() {
        let mut frontier = Frontier::default();
        let hashes: Vec<Hash> = (0_u8..70).map(|byte| leaf_hash(&[byte])).collect();
        assert_eq!(frontier.root(), empty_root());
        for (count, hash) in (1..).zip(&hashes) {
            frontier.push(*hash);
            let tiles = crate::tlog::tile::tiles_after(0, &hashes[..count], |_| None).unwrap();
            assert_eq!(frontier.root(), tiles.1, "{count}");
        }
    }
}
