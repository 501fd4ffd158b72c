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
    /// The sequence of the last tally that was sent.
    pub(super) seen: u64,
    /// The sequence of the last change of the poll itself that was sent.
    pub(super) poll_seen: u64,
    /// The signed position of the last tally that some replica sent.
    pub(super) sent: Option<SignedPosition>,
    /// How far its reader had come when this replica had not. Older tallies are held back until the first heartbeat: by
    /// then the store has said what is newest, or has not answered at all.
    pub(super) floor: Option<Position>,
    pub(super) viewer: Viewer,
    /// Whether a vote may give its reader something new.
    pub(super) wants_tallies: bool,
    pub(super) is_gone: bool,
    /// The look-up of the voter's ballot, while it runs.
    pub(super) look: Option<LocalBoxFuture<'static, bool>>,
    pub(super) looked_at: Option<Instant>,
    /// The sequence up to which they are known to have none.
    pub(super) looked_for: u64,
}

impl WatchedPoll {
    /// Whether the reader sees this tally.
    pub(super) fn shows(&self, snapshot: &Snapshot) -> bool {
        snapshot.poll.results.shows(self.viewer, snapshot.tally.state)
    }

    /// Whether a vote may give them something new.
    pub(super) fn wants_tallies_of(&self, snapshot: &Snapshot, has_voter: bool) -> bool {
        self.shows(snapshot) || (has_voter && snapshot.poll.results.shows(Viewer::Voter, snapshot.tally.state))
    }
}
