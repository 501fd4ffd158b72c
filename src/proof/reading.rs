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
        ENTRY_BYTES, LogProof, Opening, TILE_WIDTH, TileContent, TileName, Tiles, bundle_of, inclusion_path, leaf_hash,
        nodes_of_path,
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

    /// A tile, as it is served. It never changes.
    ///
    /// # Errors
    /// [`ProofError::NotThere`]; what the store failed with.
    pub async fn tile(&self, site: &SiteId, log: u32, name: TileName) -> Result<Vec<u8>, ProofError> {
        let TileName { content, index, width } = name;
        let level = match content {
            TileContent::Entries => 0,
            TileContent::Hashes(level) => level,
        };
        let found = self
            .store
            .log_files(site, &[names::tile(log, level, index)])
            .await?
            .pop()
            .flatten()
            .ok_or(ProofError::NotThere)?;
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
        let file = |(level, index): &(u8, u64)| names::tile(place.log, *level, *index);
        let files: Vec<String> = needed.iter().map(file).collect();
        let mut tiles = Tiles::default();
        for ((level, index), bytes) in needed.into_iter().zip(self.store.log_files(site, &files).await?) {
            let bytes = bytes.ok_or(ProofError::Internal("a transparency log lacks a tile"))?;
            tiles.insert(level, index, &bytes);
        }
        let path = inclusion_path(&tiles, place.index, head.size);
        let path = path.ok_or(ProofError::Internal("a transparency log's tiles are too short"))?;
        Ok(LogProof { opening, index: place.index, path, checkpoint: head.checkpoint })
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
