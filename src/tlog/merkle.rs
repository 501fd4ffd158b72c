//! The Merkle tree of RFC 6962, over SHA-256.

use ring::digest::{Context, SHA256, digest};

/// A hash in a tree.
pub type TreeHash = [u8; 32];

/// The hash of 2^`level` leaves, the first of which is the leaf `index` · 2^`level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TreeNode {
    /// How many levels above the leaves it is.
    pub level: u32,
    /// Which one of that level.
    pub index: u64,
}

/// Where nodes are found.
pub trait TreeNodes {
    /// The hash of a node whose leaves are all there.
    fn node(&self, node: TreeNode) -> Option<TreeHash>;
}

/// The hash of an entry.
pub fn leaf_hash(entry: &[u8]) -> TreeHash {
    hash_of(&[&[0], entry])
}

/// The hash of two nodes beside each other.
pub(super) fn node_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    hash_of(&[&[1], left, right])
}

fn hash_of(parts: &[&[u8]]) -> TreeHash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = TreeHash::default();
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The root of the first `size` leaves.
pub fn root(nodes: &impl TreeNodes, size: u64) -> Option<TreeHash> {
    if size == 0 {
        return digest(&SHA256, b"").as_ref().try_into().ok();
    }
    range_hash(nodes, 0, size)
}

/// The nodes that a root is made of.
pub fn nodes_of_root(size: u64) -> Vec<TreeNode> {
    nodes_of_range(0, size)
}

/// The hashes that lead from a leaf to the root of the first `size` leaves, the leaf's sibling first.
pub fn inclusion_path(nodes: &impl TreeNodes, index: u64, size: u64) -> Option<Vec<TreeHash>> {
    ranges_of_path(index, size).into_iter().map(|(from, to)| range_hash(nodes, from, to)).collect()
}

/// The nodes that such a path is made of.
pub fn nodes_of_path(index: u64, size: u64) -> Vec<TreeNode> {
    ranges_of_path(index, size).into_iter().flat_map(|(from, to)| nodes_of_range(from, to)).collect()
}

/// Whether a path leads from a leaf to a root (RFC 9162, section 2.1.3.2).
pub fn is_included(leaf: TreeHash, index: u64, size: u64, path: &[TreeHash], root: &TreeHash) -> bool {
    if index >= size {
        return false;
    }
    let (mut place, mut last, mut hash) = (index, size - 1, leaf);
    for beside in path {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(beside, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, beside);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// The subtrees beside the way from a leaf to the root, from the leaf up, as ranges of leaves.
fn ranges_of_path(index: u64, size: u64) -> Vec<(u64, u64)> {
    let (mut from, mut to, mut ranges) = (0, size, Vec::new());
    while to - from > 1 && index < size {
        let middle = from + greatest_power_below(to - from);
        if index < middle {
            ranges.push((middle, to));
            to = middle;
        } else {
            ranges.push((from, middle));
            from = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// The greatest power of two that is less than a number above one.
fn greatest_power_below(number: u64) -> u64 {
    1 << (number - 1).ilog2()
}

/// The complete subtrees that a subtree consists of, from the left.
fn nodes_of_range(from: u64, to: u64) -> Vec<TreeNode> {
    let (mut from, mut nodes) = (from, Vec::new());
    while from < to {
        let level = (to - from).ilog2();
        nodes.push(TreeNode { level, index: from >> level });
        from += 1 << level;
    }
    nodes
}

fn range_hash(nodes: &impl TreeNodes, from: u64, to: u64) -> Option<TreeHash> {
    let mut hashes = nodes_of_range(from, to).into_iter().rev().map(|node| nodes.node(node));
    let last = hashes.next()??;
    hashes.try_fold(last, |right, left| Some(node_hash(&left?, &right)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::Tiles;

    /// RFC 6962, section 2.1, word by word.
    fn plain_root(leaves: &[TreeHash]) -> TreeHash {
        match leaves {
            [] => digest(&SHA256, b"").as_ref().try_into().unwrap(),
            [leaf] => *leaf,
            _ => {
                let half = leaves.len().next_power_of_two() / 2;
                node_hash(&plain_root(&leaves[..half]), &plain_root(&leaves[half..]))
            }
        }
    }

    #[test]
    fn roots_and_paths_are_those_of_the_specification_at_every_size() {
        let leaves: Vec<TreeHash> = (0..700_u32).map(|number| leaf_hash(&number.to_be_bytes())).collect();
        let mut tiles = Tiles::default();
        for (size, leaf) in (1_u64..).zip(&leaves) {
            tiles.push(size - 1, *leaf).unwrap();
            if size > 40 && ![255, 256, 257, 511, 512, 513, 699, 700].contains(&size) {
                continue;
            }
            let there = &leaves[..usize::try_from(size).unwrap()];
            let root = root(&tiles, size).unwrap();
            assert_eq!(root, plain_root(there), "{size}");
            for (index, leaf) in (0..).zip(there) {
                let path = inclusion_path(&tiles, index, size).unwrap();
                assert!(is_included(*leaf, index, size, &path, &root), "{index} of {size}");
                assert!(!is_included(*leaf, index + 1, size, &path, &root));
                if let Some((_, shorter)) = path.split_last() {
                    assert!(!is_included(*leaf, index, size, shorter, &root));
                }
                assert!(!is_included([0; 32], index, size, &path, &root));
            }
        }
    }

    #[test]
    fn the_hashes_are_those_that_the_field_tests_with() {
        // The empty tree, and the leaf and tree of one empty entry, as in the test vectors of Certificate Transparency.
        let hex = crate::secret::hex;
        assert_eq!(
            hex(&root(&Tiles::default(), 0).unwrap()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(hex(&leaf_hash(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        let pair = node_hash(&leaf_hash(b""), &leaf_hash(&[0]));
        assert_eq!(hex(&pair), "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
    }
}
