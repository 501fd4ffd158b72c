//! Snapshots: figures to cite, each a statement in the log.

use std::{fmt, str::FromStr};

use serde_json::Value;

use super::{LeafRef, LogLeaf, ProofError, TransparencyLog, append::Additions, names, statements, write_file};
use crate::{
    poll::{Poll, State, Viewer},
    tlog::{LogProof, Opening},
};

/// The most snapshots of a poll.
pub(super) const MOST_SNAPSHOTS: usize = 100;

/// A snapshot's name: its place in the site's logs, so it stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotId(LeafRef);

impl SnapshotId {
    /// Its place in its log.
    pub fn entry(&self) -> u64 {
        self.0.index
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.log, self.0.index)
    }
}

impl FromStr for SnapshotId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (log, index) = text.split_once('-').ok_or(())?;
        let id = Self(LeafRef { log: log.parse().map_err(drop)?, index: index.parse().map_err(drop)? });
        if id.to_string() == text { Ok(id) } else { Err(()) }
    }
}

/// What a snapshot is to say.
pub struct SnapshotDraft<'a> {
    /// Of which poll.
    pub poll: &'a Poll,
    /// In which state it is.
    pub state: State,
    /// As whom its figure was seen.
    pub seen: Viewer,
    pub statement: Value,
}

/// A snapshot.
pub struct PollSnapshot {
    /// Its name.
    pub id: SnapshotId,
    /// What it says, with its salt.
    pub opening: Opening,
    /// Whether everybody may know that.
    pub is_open: bool,
}

impl TransparencyLog {
    /// Takes a snapshot.
    ///
    /// # Errors
    /// [`ProofError::TooMany`]; [`ProofError::Busy`]; [`ProofError::NotYet`]: it is taken all the same; what the store failed
    /// with.
    pub async fn take_snapshot(&self, draft: &SnapshotDraft<'_>) -> Result<SnapshotId, ProofError> {
        let poll = draft.poll;
        let leaf = statements::snapshot(poll, draft.state, draft.seen, &draft.statement);
        let taken = std::cell::Cell::new(None);
        let added = async |log: &super::append::OpenLog| {
            let mut notes = self.notes(&poll.site, poll.id).await?;
            if notes.snapshots.len() >= MOST_SNAPSHOTS {
                return Err(ProofError::TooMany);
            }
            let place = log.next_place(0);
            notes.snapshots.push(place);
            taken.set(Some(SnapshotId(place)));
            let files = vec![(names::poll(poll.id), write_file(&notes)?)];
            Ok(Additions { leaves: vec![leaf.clone()], files, ..Additions::default() })
        };
        if !self.add(&poll.site, added).await? {
            return Err(ProofError::NotYet);
        }
        taken.get().ok_or(ProofError::Internal("a snapshot without a place"))
    }

    /// A poll's snapshots, the newest first, those before one: at most `limit`, and whether there are more. Only those that
    /// are open, unless it is the publisher who asks.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn snapshots(
        &self,
        poll: &Poll,
        is_publisher: bool,
        before: Option<SnapshotId>,
        limit: usize,
    ) -> Result<(Vec<PollSnapshot>, bool), ProofError> {
        let notes = self.notes(&poll.site, poll.id).await?;
        let published = self.published(&poll.site).await?;
        let is_published = |place: &LeafRef| published.as_ref().is_some_and(|head| head.has(*place));
        let all = notes.snapshots.iter().rev().copied().filter(is_published);
        let asked: Vec<LeafRef> = match before {
            Some(before) => all.skip_while(|place| *place != before.0).skip(1).collect(),
            None => all.collect(),
        };
        let files: Vec<String> = asked.iter().copied().map(names::leaf).collect();
        let mut found = Vec::new();
        for (place, leaf) in asked.into_iter().zip(self.store.log_files(&poll.site, &files).await?) {
            // One that a store has lost is none any more.
            let Some(leaf) = leaf else { continue };
            let leaf: LogLeaf = super::read_file("a leaf", &leaf)?;
            let is_open = leaf.is_open(|_| notes.is_closed);
            if is_open || is_publisher {
                found.push(PollSnapshot { id: SnapshotId(place), opening: leaf.opening, is_open });
            }
        }
        let has_more = found.len() > limit;
        found.truncate(limit);
        Ok((found, has_more))
    }

    /// One snapshot with its proof.
    ///
    /// # Errors
    /// [`ProofError::NoSnapshot`]; what the store failed with.
    pub async fn snapshot(
        &self,
        poll: &Poll,
        id: SnapshotId,
        is_publisher: bool,
    ) -> Result<(PollSnapshot, LogProof), ProofError> {
        let notes = self.notes(&poll.site, poll.id).await?;
        if !notes.snapshots.contains(&id.0) {
            return Err(ProofError::NoSnapshot);
        }
        let leaf: Option<LogLeaf> = self.file(&poll.site, "a leaf", names::leaf(id.0)).await?;
        let leaf = leaf.ok_or(ProofError::NoSnapshot)?;
        let is_open = leaf.is_open(|_| notes.is_closed);
        if !is_open && !is_publisher {
            return Err(ProofError::NoSnapshot);
        }
        let proof = self.log_proof(&poll.site, id.0, leaf.opening.clone()).await?;
        Ok((PollSnapshot { id, opening: leaf.opening, is_open }, proof))
    }
}
