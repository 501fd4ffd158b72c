//! The newest tally per poll, shared by all workers of a replica.

use std::sync::Arc;

use crate::{
    poll::{PartitionTally, Poll, Tally},
    store::{Store, StoreError},
};

/// The hub. See the module.
#[derive(Default)]
pub struct Hub {}

/// A tally and the definition it belongs to.
#[derive(Debug)]
pub struct Snapshot {
    /// The sum.
    pub tally: Tally,
    /// The poll, in the revision the tally was summed for.
    pub poll: Arc<Poll>,
}

impl Hub {
    /// Takes in what a partition answered, and gives the poll's tally with it. Asks the store only for partitions the
    /// hub has never heard of.
    pub async fn learn(
        &self,
        _store: &dyn Store,
        _poll: &Arc<Poll>,
        _partition: u16,
        _tally: &PartitionTally,
    ) -> Result<Option<Arc<Snapshot>>, StoreError> {
        Ok(None)
    }

    /// The poll's tally, read from the store now; `None` if the poll is gone.
    pub async fn read(&self, _store: &dyn Store, _poll: &Arc<Poll>) -> Result<Option<Arc<Snapshot>>, StoreError> {
        Ok(None)
    }

    /// Forgets a poll that was deleted.
    pub fn forget(&self, _poll: crate::poll::PollId) {}
}
