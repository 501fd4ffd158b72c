//! Transparency logs, as C2SP specifies them: what can be checked without trusting who wrote it. Pure.
//!
//! A log is a list of entries, and a Merkle tree over them (RFC 6962, [`merkle`](TreeHash)). A [`Checkpoint`] says how
//! many there are and what the tree's root is, and is [signed](SigningKey) as a note. Hashes are served in
//! [tiles](Tiles), and a [`LogProof`] shows that one entry is in the tree of a checkpoint. An entry here is a
//! [`Commitment`], the hash of a salt and a statement, so it tells nothing until it is opened.
//!
//! Sources: c2sp.org/signed-note, c2sp.org/tlog-checkpoint, c2sp.org/tlog-tiles, c2sp.org/tlog-proof; RFC 6962, section
//! 2.1; RFC 9162, section 2.1.3.2.

mod commitment;
mod merkle;
mod note;
mod proof;
mod tile;

pub use commitment::{Commitment, Opening, SALT_BYTES};
pub use merkle::{
    TreeHash, TreeNode, TreeNodes, inclusion_path, is_included, leaf_hash, nodes_of_path, nodes_of_root, root,
};
pub use note::{Checkpoint, NoteFault, SigningKey, VerifierKey, open_checkpoint, sign_checkpoint};
pub use proof::{LogProof, ProofFault};
pub use tile::{ENTRY_BYTES, TILE_WIDTH, TileContent, TileName, Tiles, bundle_of};
