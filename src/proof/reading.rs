//! What is served of a log.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::{
    LeafRef, LogHead, LogLeaf, Opens, PollNotes, ProofError, TransparencyLog, append::read_head, names, read_file,
};
use crate::{
    poll::{PollId, SiteId},
    store::{LOG_PUBLISHED, StoreError},
    tlog::{
        ENTRY_BYTES, LogProof, Opening, TILE_WIDTH, TileContent, TileName, Tiles, TreeHash, bundle_of, inclusion_path,
        leaf_hash, nodes_of_path, nodes_of_root, root,
    },
};

/// A site's logs.
pub struct SiteTransparencyLogs {
    /// The one that goes on.
    pub head: LogHead,
    /// Those that were lost, the oldest first, as far as the store still had them.
    pub before: Vec<LogHead>,
}

/// A statement that is open.
#[derive(Debug, Clone, Serialize)]
pub struct OpenedLeaf {
    /// Its place in the log.
    pub index: u64,
    /// What it says, with its salt.
    #[serde(flatten)]
    pub opening: Opening,
}

impl TransparencyLog {
    /// A site's logs.
    ///
    /// # Errors
    /// [`ProofError::NotThere`] if it has none; what the store failed with.
    pub async fn logs_of(&self, site: &SiteId) -> Result<SiteTransparencyLogs, ProofError> {
        let head = self.published(site).await?.ok_or(ProofError::NotThere)?;
        let last: Vec<String> = (1..head.log).map(names::last_head).collect();
        let last = self.store.log_files(site, &last).await?;
        let before = last.into_iter().flatten().map(|head| read_file("a head", &head)).collect::<Result<_, _>>()?;
        Ok(SiteTransparencyLogs { head, before })
    }

    /// The newest checkpoint of a log.
    ///
    /// # Errors
    /// [`ProofError::NotThere`]; what the store failed with.
    pub async fn checkpoint(&self, site: &SiteId, log: u32) -> Result<String, ProofError> {
        Ok(self.head_of(site, log).await?.checkpoint)
    }

    /// A tile, as it is served. It never changes: of hashes that no published checkpoint is of yet, there is none, since a store
    /// may lose these, and others would take their place.
    ///
    /// # Errors
    /// [`ProofError::NotThere`]; what the store failed with.
    pub async fn tile(&self, site: &SiteId, log: u32, name: TileName) -> Result<Vec<u8>, ProofError> {
        let TileName { content, index, width } = name;
        let level = match content {
            TileContent::Entries => 0,
            TileContent::Hashes(level) => level,
        };
        let files = [names::tile(log, level, index), LOG_PUBLISHED.to_owned(), names::last_head(log)];
        let mut files = self.store.log_files(site, &files).await?.into_iter();
        let (tile, published, last) = (files.next().flatten(), files.next().flatten(), files.next().flatten());
        let head = match published.map(|head| read_head(&head)).transpose()?.ok_or(ProofError::NotThere)? {
            head if head.log == log => head,
            _ => read_file("a head", &last.ok_or(ProofError::NotThere)?)?,
        };
        let end = index.checked_mul(TILE_WIDTH).and_then(|from| from.checked_add(width));
        if end.is_none_or(|end| end > hashes_at(level, head.size)) {
            return Err(ProofError::NotThere);
        }
        let found = tile.ok_or(ProofError::NotThere)?;
        let length = usize::try_from(width).unwrap_or(usize::MAX).saturating_mul(ENTRY_BYTES);
        let bytes = found.get(..length).ok_or(ProofError::NotThere)?;
        Ok(match content {
            TileContent::Entries => bundle_of(bytes),
            TileContent::Hashes(0) => bytes.chunks_exact(ENTRY_BYTES).flat_map(leaf_hash).collect(),
            TileContent::Hashes(_) => bytes.to_vec(),
        })
    }

    /// The statements of a bundle's entries that are open by now.
    ///
    /// # Errors
    /// [`ProofError::NotThere`]; what the store failed with.
    pub async fn openings(&self, site: &SiteId, log: u32, bundle: u64) -> Result<Vec<OpenedLeaf>, ProofError> {
        let head = self.head_of(site, log).await?;
        let from = bundle.checked_mul(TILE_WIDTH).filter(|from| *from < head.size).ok_or(ProofError::NotThere)?;
        let places: Vec<u64> = (from..head.size.min(from + TILE_WIDTH)).collect();
        let files: Vec<String> = places.iter().map(|index| names::leaf(LeafRef { log, index: *index })).collect();
        let leaves = self.store.log_files(site, &files).await?;
        let mut found = Vec::new();
        for (index, leaf) in places.into_iter().zip(leaves) {
            let leaf = leaf.ok_or_else(|| StoreError::Corrupt(format!("a transparency log of {site} lacks a leaf")))?;
            found.push((index, read_file::<LogLeaf>("a leaf", &leaf)?));
        }
        let closed = self.closed_polls(site, found.iter().map(|(_, leaf)| leaf)).await?;
        let is_open = |leaf: &LogLeaf| leaf.is_open(|poll| closed.contains(&poll));
        let open = found.into_iter().filter(|(_, leaf)| is_open(leaf));
        Ok(open.map(|(index, leaf)| OpenedLeaf { index, opening: leaf.opening }).collect())
    }

    /// That a log has a statement at a place, by its newest checkpoint.
    pub(super) async fn log_proof(
        &self,
        site: &SiteId,
        place: LeafRef,
        opening: Opening,
    ) -> Result<LogProof, ProofError> {
        let head = self.head_of(site, place.log).await?;
        if place.index >= head.size {
            return Err(ProofError::NotThere);
        }
        let needed: BTreeSet<(u8, u64)> =
            nodes_of_path(place.index, head.size).into_iter().filter_map(Tiles::holding).collect();
        let tiles = self.tiles(site, place.log, needed).await?;
        let path = inclusion_path(&tiles, place.index, head.size);
        let path = path.ok_or(ProofError::Internal("a transparency log lacks a tile"))?;
        Ok(LogProof { opening, index: place.index, path, checkpoint: head.checkpoint })
    }

    /// The root of a log's first entries.
    pub(super) async fn root_of(&self, site: &SiteId, log: u32, size: u64) -> Result<TreeHash, StoreError> {
        let needed: BTreeSet<(u8, u64)> = nodes_of_root(size).into_iter().filter_map(Tiles::holding).collect();
        let tiles = self.tiles(site, log, needed).await?;
        let lost = || StoreError::Corrupt(format!("a transparency log of {site} lacks a tile"));
        root(&tiles, size).ok_or_else(lost)
    }

    /// Some tiles of a log, those that are there.
    async fn tiles(&self, site: &SiteId, log: u32, needed: BTreeSet<(u8, u64)>) -> Result<Tiles, StoreError> {
        let files: Vec<String> = needed.iter().map(|(level, index)| names::tile(log, *level, *index)).collect();
        let mut tiles = Tiles::default();
        for ((level, index), bytes) in needed.into_iter().zip(self.store.log_files(site, &files).await?) {
            if let Some(bytes) = bytes {
                tiles.insert(level, index, &bytes);
            }
        }
        Ok(tiles)
    }

    /// The head of a site's log, as everybody may see it.
    pub(super) async fn published(&self, site: &SiteId) -> Result<Option<LogHead>, StoreError> {
        let file = self.store.log_files(site, &[LOG_PUBLISHED.to_owned()]).await?.pop().flatten();
        file.map(|file| read_head(&file)).transpose()
    }

    async fn head_of(&self, site: &SiteId, log: u32) -> Result<LogHead, ProofError> {
        let head = self.published(site).await?.ok_or(ProofError::NotThere)?;
        if head.log == log {
            return Ok(head);
        }
        self.file(site, "a head", names::last_head(log)).await?.ok_or(ProofError::NotThere)
    }

    /// Of the polls whose close opens one of these leaves, those that have closed.
    pub(super) async fn closed_polls(
        &self,
        site: &SiteId,
        leaves: impl Iterator<Item = &LogLeaf>,
    ) -> Result<Vec<PollId>, StoreError> {
        let waiting = leaves.filter(|leaf| leaf.opens == Opens::AtClose).filter_map(|leaf| leaf.poll);
        let polls: HashMap<PollId, String> = waiting.map(|poll| (poll, names::poll(poll))).collect();
        let (polls, files): (Vec<PollId>, Vec<String>) = polls.into_iter().unzip();
        let notes = self.store.log_files(site, &files).await?;
        let mut closed = Vec::new();
        for (poll, notes) in polls.into_iter().zip(notes) {
            let notes: Option<PollNotes> = notes.map(|notes| read_file("notes of a poll", &notes)).transpose()?;
            if notes.is_some_and(|notes| notes.is_closed) {
                closed.push(poll);
            }
        }
        Ok(closed)
    }
}

/// How many hashes of a level of tiles a tree of so many leaves has.
fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * 8).unwrap_or_default()
}

impl LogHead {
    /// Whether the log, or one before it, has so many entries.
    pub(super) fn has(&self, place: LeafRef) -> bool {
        place.log < self.log || (place.log == self.log && place.index < self.size)
    }
}

impl LogLeaf {
    /// Whether everybody may know what it says.
    pub(super) fn is_open(&self, is_closed: impl FnOnce(PollId) -> bool) -> bool {
        match self.opens {
            Opens::AtOnce => true,
            Opens::AtClose => self.poll.is_some_and(is_closed),
            Opens::Never => false,
        }
    }
}
