//! Tiles: the hashes of a tree in files of up to 256, as c2sp.org/tlog-tiles lays them out.

use std::{collections::HashMap, fmt, str::FromStr};

use super::{
    TreeHash,
    merkle::{TreeNode, TreeNodes, leaf_hash, node_hash},
};

/// How many hashes a full tile has.
pub const TILE_WIDTH: u64 = 256;
/// How long an entry is: it is a hash, a commitment.
pub const ENTRY_BYTES: usize = 32;

/// What a tile has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TileContent {
    /// Hashes of this level: 0 is that of leaves.
    Hashes(u8),
    /// The entries themselves.
    Entries,
}

/// The name of a tile: its path behind `tile/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TileName {
    /// What it has.
    pub content: TileContent,
    /// Which one.
    pub index: u64,
    /// How many of it are asked for, up to 256.
    pub width: u64,
}

impl fmt::Display for TileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content {
            TileContent::Hashes(level) => write!(f, "{level}/")?,
            TileContent::Entries => f.write_str("entries/")?,
        }
        let mut groups = Vec::new();
        let mut rest = self.index;
        while rest >= 1_000 {
            groups.push(rest % 1_000);
            rest /= 1_000;
        }
        groups.push(rest);
        for group in groups.iter().skip(1).rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", groups.first().copied().unwrap_or_default())?;
        if self.width < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TileName {
    type Err = ();

    fn from_str(path: &str) -> Result<Self, ()> {
        let (content, rest) = path.split_once('/').ok_or(())?;
        let content = match content {
            "entries" => TileContent::Entries,
            level => TileContent::Hashes(level.parse().ok().filter(|level| *level < 64).ok_or(())?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().map_err(drop)?),
            None => (rest, TILE_WIDTH),
        };
        let mut index = 0_u64;
        for group in number.split('/') {
            let group: u64 = group.strip_prefix('x').unwrap_or(group).parse().map_err(drop)?;
            index = index.checked_mul(1_000).and_then(|index| index.checked_add(group)).ok_or(())?;
        }
        let name = Self { content, index, width };
        // Each has one name: whatever is written otherwise is none.
        if width == 0 || name.to_string() != path { Err(()) } else { Ok(name) }
    }
}

/// Hashes of a tree: some of its tiles, by level and index, each as long as it is known.
#[derive(Debug, Default, Clone)]
pub struct Tiles(HashMap<(u8, u64), Vec<TreeHash>>);

impl Tiles {
    /// The tile that a node is computed from.
    pub fn holding(node: TreeNode) -> Option<(u8, u64)> {
        let level = u8::try_from(node.level / 8).ok()?;
        Some((level, (node.index << (node.level % 8)) / TILE_WIDTH))
    }

    /// Takes in what a tile is computed from: the hashes that it has, or of leaves their entries.
    pub fn insert(&mut self, level: u8, index: u64, bytes: &[u8]) {
        let parts = bytes.chunks_exact(ENTRY_BYTES);
        let hashes = if level == 0 {
            parts.map(leaf_hash).collect()
        } else {
            parts.filter_map(|hash| hash.try_into().ok()).collect()
        };
        self.0.insert((level, index), hashes);
    }

    /// Adds the hash of the leaf behind the first `size`. The tiles at the right edge must be there. `None` if they are
    /// not.
    #[must_use]
    pub fn push(&mut self, size: u64, leaf: TreeHash) -> Option<()> {
        let (mut level, mut place, mut hash) = (0_u8, size, leaf);
        loop {
            let tile = self.0.entry((level, place / TILE_WIDTH)).or_default();
            if u64::try_from(tile.len()).ok()? != place % TILE_WIDTH {
                return None;
            }
            tile.push(hash);
            if place % TILE_WIDTH != TILE_WIDTH - 1 {
                return Some(());
            }
            hash = fold(tile)?;
            place /= TILE_WIDTH;
            level += 1;
        }
    }

    /// The hash of one leaf.
    pub fn leaf(&self, index: u64) -> Option<TreeHash> {
        let place = usize::try_from(index % TILE_WIDTH).ok()?;
        self.0.get(&(0, index / TILE_WIDTH))?.get(place).copied()
    }

    /// A tile, as it is served.
    pub fn bytes(&self, level: u8, index: u64) -> Option<Vec<u8>> {
        self.0.get(&(level, index)).map(|hashes| hashes.concat())
    }

    /// All tiles that are here.
    pub fn all(&self) -> impl Iterator<Item = (u8, u64)> {
        self.0.keys().copied()
    }
}

impl TreeNodes for Tiles {
    fn node(&self, node: TreeNode) -> Option<TreeHash> {
        let tile = self.0.get(&Self::holding(node)?)?;
        let width = 1_usize << (node.level % 8);
        let from = usize::try_from((node.index << (node.level % 8)) % TILE_WIDTH).ok()?;
        fold(tile.get(from..from + width)?)
    }
}

/// The root of a complete tree over hashes, whose number is a power of two.
fn fold(hashes: &[TreeHash]) -> Option<TreeHash> {
    match hashes {
        [] => None,
        [hash] => Some(*hash),
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            Some(node_hash(&fold(left)?, &fold(right)?))
        }
    }
}

/// Entries as a bundle: each after its length.
pub fn bundle_of(entries: &[u8]) -> Vec<u8> {
    let mut bundle = Vec::with_capacity(entries.len() + entries.len() / 16);
    for entry in entries.chunks_exact(ENTRY_BYTES) {
        bundle.extend([0, 32]);
        bundle.extend(entry);
    }
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_has_one_name() {
        let name = |content, index, width| TileName { content, index, width };
        for (tile, path) in [
            (name(TileContent::Hashes(0), 0, 256), "0/000"),
            (name(TileContent::Hashes(1), 1_234_067, 256), "1/x001/x234/067"),
            (name(TileContent::Entries, 999, 5), "entries/999.p/5"),
            (name(TileContent::Entries, 1_000, 255), "entries/x001/000.p/255"),
        ] {
            assert_eq!(tile.to_string(), path);
            assert_eq!(path.parse(), Ok(tile));
        }
        for bad in [
            "",
            "0",
            "0/",
            "0/0",
            "0/00",
            "0/0000",
            "00/000",
            "64/000",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/x000/000",
            "0/x001",
            "0/001/000",
            "x/000",
            "entries/000.p/",
            "0/000/",
            "0/-01",
            "0/+01",
            "0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(bad.parse::<TileName>(), Err(()), "{bad}");
        }
    }
}
