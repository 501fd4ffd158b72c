//! The Merkle tree over a closed poll's ballots.
//!
//! A leaf commits to one ballot: whose it is, as the store knows them, and what it chose. Its salt follows from the poll's
//! own secret, so that the tree can be made again at any time and only its root has to be kept. Leaves are sorted by their
//! hashes, so that their order tells nothing.

use serde_json::json;

use crate::{
    poll::{Counters, Poll},
    secret::hex,
    store::{Store, StoreError, scan_ballots},
    tlog::{Opening, Tiles, TreeHash, inclusion_path, leaf_hash, root},
};

/// A poll's ballots, as leaves of a tree.
#[derive(Debug)]
pub(super) struct BallotTree {
    tiles: Tiles,
    size: u64,
    root: TreeHash,
}

impl BallotTree {
    /// How many ballots there are.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn root(&self) -> &TreeHash {
        &self.root
    }

    /// A ballot's place, and what leads from it to the root; `None` if it is not in the tree.
    pub(super) fn find(&self, ballot: &Opening) -> Option<(u64, Vec<TreeHash>)> {
        let leaf = leaf_hash(&ballot.commitment()?);
        let (mut from, mut to) = (0, self.size);
        while from < to {
            let middle = from + (to - from) / 2;
            if self.tiles.leaf(middle)? < leaf {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        (from < self.size && self.tiles.leaf(from)? == leaf).then_some(())?;
        Some((from, inclusion_path(&self.tiles, from, self.size)?))
    }

    fn of(mut leaves: Vec<TreeHash>) -> Option<Self> {
        leaves.sort_unstable();
        let mut tiles = Tiles::default();
        let mut size = 0;
        for leaf in leaves {
            tiles.push(size, leaf)?;
            size += 1;
        }
        let root = root(&tiles, size)?;
        Some(Self { tiles, size, root })
    }
}

/// What commits to the ballots of one poll.
pub(super) struct BallotOpenings<'a> {
    poll: &'a Poll,
    salts: [u8; 32],
}

impl<'a> BallotOpenings<'a> {
    pub(super) fn of(poll: &'a Poll) -> Self {
        Self { poll, salts: blake3::derive_key("sawt 2026-11 salts of a poll's ballots", poll.digest_key.as_bytes()) }
    }

    /// What the tree has of a ballot.
    pub(super) fn opening(&self, voter: [u8; 8], counters: Counters) -> Opening {
        let salt = blake3::keyed_hash(&self.salts, &voter).into();
        let choices = self.poll.choices_of(counters);
        let choices: Vec<&str> = choices.options(self.poll).map(|option| option.id.as_str()).collect();
        let says = json!({ "type": "ballot", "poll": self.poll.id, "voter": hex(&voter), "choices": choices });
        Opening::salted(salt, says.to_string())
    }
}

/// Makes the tree of a closed poll, page by page; votes are counted between the pages. `goes_on` is called before each, and
/// may end it. `None` if the poll is gone.
pub(super) async fn read_tree(
    store: &dyn Store,
    poll: &Poll,
    goes_on: impl AsyncFn() -> Result<(), StoreError>,
) -> Result<Option<BallotTree>, StoreError> {
    let (mut leaves, goes_on): (Vec<TreeHash>, _) = (Vec::new(), &goes_on);
    let openings = BallotOpenings::of(poll);
    let read = |from| async move {
        goes_on().await?;
        store.ballots(poll, from).await
    };
    let is_there = scan_ballots(read, |page| {
        for (voter, ballot) in page.voters.iter().zip(&page.ballots) {
            let commitment = openings.opening(*voter, ballot.counters).commitment();
            leaves.extend(commitment.map(|commitment| leaf_hash(&commitment)));
        }
    });
    if !is_there.await? {
        return Ok(None);
    }
    // Of a million ballots this takes a part of a second.
    let tree = tokio::task::spawn_blocking(move || BallotTree::of(leaves)).await.map_err(StoreError::unavailable)?;
    tree.map(Some).ok_or_else(|| StoreError::Corrupt("a tree over ballots".to_owned()))
}
