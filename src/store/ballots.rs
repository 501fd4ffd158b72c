//! Ballots, and the tallies and timelines they add up to.

use std::ops::Range;

use async_trait::async_trait;

use super::StoreError;
use crate::poll::{Ballot, Change, Counters, Minute, Outcome, PartitionTally, Poll, Position, VoterDigest};

/// Ballots, tallies and timelines.
#[async_trait]
pub trait Ballots: Send + Sync {
    /// Applies ballots of one partition, in order, atomically. Their `voter.partition` is `partition` for each.
    async fn cast(&self, poll: &Poll, partition: u16, ballots: &[Ballot]) -> Result<BatchOutcome, StoreError>;

    /// Does the upkeep that [`Committed::upkeep_due`] asked for; counts and ballots stay as they are.
    async fn upkeep(&self, poll: &Poll, partition: u16) -> Result<(), StoreError>;

    /// The counters that a voter's ballot on record adds to.
    async fn ballot(&self, poll: &Poll, voter: VoterDigest) -> Result<Option<Counters>, StoreError>;

    /// The tallies of all partitions, in order; `None` if the poll is gone. Each is of the revision it says, which is the
    /// caller's or a later one: then the caller is behind, and reads the poll again.
    async fn tally(&self, poll: &Poll) -> Result<Option<Vec<PartitionTally>>, StoreError>;

    /// Gives a partition the epoch after that of a position which was seen of it, if it is behind that position: so it is
    /// beyond it afterwards, and anything else is left as it is. One atomic step: however many replicas find the same
    /// loss, and at once, it is one epoch; the next loss is another. Says whether this call has raised it; not if the
    /// poll is gone.
    async fn raise_epoch(&self, poll: &Poll, partition: u16, seen: Position) -> Result<bool, StoreError>;

    /// By how much the tally moved in each minute of a range, over all partitions: those minutes that fit in a page, in
    /// order. Of a poll that is gone, nothing.
    async fn minutes(&self, poll: &Poll, range: Range<Minute>) -> Result<Minutes, StoreError>;
}

/// What [`Ballots::cast`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchOutcome {
    /// The ballots were applied.
    Committed(Committed),
    /// Another revision is in force. Nothing was done: read the poll again, check the choices again, cast again.
    Stale,
    /// There is no such poll.
    Gone,
}

/// Ballots applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// One outcome per ballot, in order.
    pub outcomes: Vec<Outcome>,
    /// The partition after them; its `as_of` is when they were applied.
    pub tally: PartitionTally,
    /// Whether [`Ballots::upkeep`] should be called. Ballots may go on meanwhile.
    pub upkeep_due: bool,
}

/// A page of [`Ballots::minutes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minutes {
    /// The minutes in which something was counted; all others are zero.
    pub changes: Vec<(Minute, Change)>,
    /// Where the next page begins; `None` if the range is done.
    pub next: Option<Minute>,
}

/// The most numbers in a page of minutes: one for each minute's ballots and one for each counter. It bounds what
/// one call costs, so that a long timeline is many short calls, between which votes are counted.
pub(super) const MINUTES_PAGE: usize = 2_048;

impl Minutes {
    /// The most minutes in a page of a poll.
    pub(super) fn most(poll: &Poll) -> usize {
        MINUTES_PAGE / (1 + poll.counters())
    }
}
