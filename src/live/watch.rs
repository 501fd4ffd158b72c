//! How far one reader has come with one poll of a stream.

use std::{rc::Rc, time::Instant};

use futures_util::future::LocalBoxFuture;

use super::{Snapshot, streams::Topic};
use crate::{
    poll::{PollId, Position, Viewer},
    wire::SignedPosition,
};

/// How far a reader has come with one poll.
pub(super) struct WatchedPoll {
    /// `None`: the poll was not there from the beginning.
    pub(super) topic: Option<Rc<Topic>>,
    pub(super) id: PollId,
    /// The sequence of the last tally.
    pub(super) seen: u64,
    /// The sequence of the last news of the poll itself.
    pub(super) poll_seen: u64,
    /// How far the last tally had come, if a replica has told it.
    pub(super) told: Option<SignedPosition>,
    /// How far its reader had come when this replica had not. What is older is held back until the first heartbeat: by
    /// then the store has said what is newest, or nothing at all.
    pub(super) floor: Option<Position>,
    pub(super) viewer: Viewer,
    /// Whether its reader may have to be told something when a vote is cast.
    pub(super) wants_tallies: bool,
    pub(super) is_gone: bool,
    /// Looking for the voter's ballot.
    pub(super) look: Option<LocalBoxFuture<'static, bool>>,
    pub(super) looked_at: Option<Instant>,
    /// The sequence up to which it is known that they have none.
    pub(super) looked_for: u64,
}

impl WatchedPoll {
    /// Whether the reader sees this tally.
    pub(super) fn shows(&self, snapshot: &Snapshot) -> bool {
        snapshot.poll.results.shows(self.viewer, snapshot.tally.state)
    }

    /// Whether they may have to be told something when a vote is cast.
    pub(super) fn wants_tallies_of(&self, snapshot: &Snapshot, has_voter: bool) -> bool {
        self.shows(snapshot) || (has_voter && snapshot.poll.results.shows(Viewer::Voter, snapshot.tally.state))
    }
}
