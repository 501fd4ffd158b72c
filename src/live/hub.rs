//! The newest tally per poll, shared by all workers of a replica.
//!
//! Tallies come from this replica's own batches and from reading the store. They may come out of order; per partition
//! the highest version wins, so what one replica tells never goes back.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::{
    poll::{PartitionTally, Poll, PollId, State, Tally},
    store::{Store, StoreError},
};

/// Past so many polls all are forgotten, and read again when they are next asked for.
const MOST_KNOWN: usize = 10_000;

/// The hub. See the module.
#[derive(Default)]
pub struct Hub(Mutex<FxHashMap<PollId, Entry>>);

struct Entry {
    partitions: Vec<Option<PartitionTally>>,
    newest: Option<Arc<Snapshot>>,
}

/// A tally and the definition it belongs to.
#[derive(Debug)]
pub struct Snapshot {
    /// The sum.
    pub tally: Tally,
    /// The poll, in the revision the tally was summed for.
    pub poll: Arc<Poll>,
}

impl Hub {
    /// Takes in what a partition answered, and gives the poll's tally with it. Asks the store only if there are
    /// partitions the hub has never heard of. `None` if the poll is gone.
    pub async fn learn(
        &self,
        store: &dyn Store,
        poll: &Arc<Poll>,
        partition: u16,
        tally: &PartitionTally,
    ) -> Result<Option<Arc<Snapshot>>, StoreError> {
        match self.take_in(poll, [(partition, tally)]) {
            Some(snapshot) => Ok(Some(snapshot)),
            None => self.read(store, poll).await,
        }
    }

    /// The poll's tally, read from the store now; `None` if the poll is gone.
    pub async fn read(&self, store: &dyn Store, poll: &Arc<Poll>) -> Result<Option<Arc<Snapshot>>, StoreError> {
        let Some(tallies) = store.tally(poll).await? else { return Ok(None) };
        Ok(self.take_in(poll, (0..).zip(&tallies)))
    }

    /// Forgets a poll that was deleted.
    pub fn forget(&self, poll: PollId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&poll);
    }

    /// The sum with these partitions taken in; `None` while some are unknown.
    fn take_in<'a>(
        &self,
        poll: &Arc<Poll>,
        tallies: impl IntoIterator<Item = (u16, &'a PartitionTally)>,
    ) -> Option<Arc<Snapshot>> {
        let mut polls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if polls.len() >= MOST_KNOWN && !polls.contains_key(&poll.id) {
            polls.clear();
        }
        let entry = polls
            .entry(poll.id)
            .or_insert_with(|| Entry { partitions: vec![None; usize::from(poll.partitions)], newest: None });
        // A worker that is behind on the definition does not take the others back with it.
        let latest = entry
            .newest
            .as_ref()
            .map_or(poll, |newest| if newest.poll.revision > poll.revision { &newest.poll } else { poll });
        let latest = Arc::clone(latest);
        let mut has_changed = entry.newest.as_ref().is_none_or(|newest| newest.poll.revision < poll.revision);
        for (partition, tally) in tallies {
            if let Some(known) = entry.partitions.get_mut(usize::from(partition))
                && known.as_ref().is_none_or(|known| is_newer(tally, known))
            {
                *known = Some(tally.clone());
                has_changed = true;
            }
        }
        if has_changed {
            let partitions: Option<Vec<&PartitionTally>> = entry.partitions.iter().map(Option::as_ref).collect();
            let tally = Tally::sum(&latest, partitions?)?;
            entry.newest = Some(Arc::new(Snapshot { tally, poll: latest }));
        }
        entry.newest.clone()
    }
}

/// Versions decide; of the same version the later reading is newer, and closed stays closed.
fn is_newer(one: &PartitionTally, known: &PartitionTally) -> bool {
    let is_reopened = known.state == State::Closed && one.state != State::Closed;
    one.version > known.version || (one.version == known.version && one.as_of > known.as_of && !is_reopened)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{DigestKey, NewOption, NewPoll, SiteId, Timestamp};

    fn poll() -> Arc<Poll> {
        let option = |label: &str| NewOption { id: None, label: label.to_owned() };
        let new = NewPoll {
            question: "؟".to_owned(), options: vec![option("نعم"), option("لا")], ..NewPoll::default()
        };
        let id = PollId::generate();
        let key = DigestKey::from_bytes([0; 32]);
        Arc::new(new.build(id, SiteId::default(), 2, key, Timestamp::EARLIEST).unwrap())
    }

    fn partition(version: u64, votes: u64, as_of: i64, state: State) -> PartitionTally {
        let as_of = Timestamp::from_millis(as_of);
        PartitionTally { version, ballots: votes, votes: [votes, 0].as_slice().into(), state, as_of }
    }

    #[test]
    fn per_partition_the_highest_version_wins() {
        let (hub, poll) = (Hub::default(), poll());
        assert!(hub.take_in(&poll, [(0, &partition(2, 2, 20, State::Open))]).is_none(), "partition 1 is unknown");
        let sum = hub.take_in(&poll, [(1, &partition(1, 1, 10, State::Open))]).unwrap();
        assert_eq!((sum.tally.version, sum.tally.ballots), (3, 3));
        let sum = hub.take_in(&poll, [(0, &partition(1, 1, 30, State::Open))]).unwrap();
        assert_eq!((sum.tally.version, sum.tally.ballots), (3, 3), "an older version came late");
    }

    #[test]
    fn a_closed_partition_is_not_reopened_by_a_reading_of_the_same_version() {
        let (hub, poll) = (Hub::default(), poll());
        hub.take_in(&poll, [(0, &partition(1, 1, 20, State::Closed)), (1, &partition(1, 1, 20, State::Closed))]);
        let sum = hub.take_in(&poll, [(1, &partition(1, 1, 30, State::Open))]).unwrap();
        assert_eq!(sum.tally.state, State::Closed);
    }
}
