//! Reads a poll's tally from the store into the hub, once for all who ask meanwhile, and raises the epoch of partitions
//! that have lost votes.

use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use super::{
    Hub, KnownTally,
    entry::{HubEntry, Reading, SharedReading},
    partitions::Loss,
};
use crate::{
    poll::{PartitionTally, Poll, PollId, Tally, TallyDisplay},
    store::{Store, StoreError},
};

/// How often a poll that is edited meanwhile is read again. Each time it is a revision further, so only a storm of
/// edits uses these up.
const MOST_TURNS: usize = 4;

impl Hub {
    /// Waits for a reading of a poll. Returns whether this call began it.
    pub(super) async fn join(self: &Arc<Self>, store: &Arc<dyn Store>, id: PollId) -> (Reading, bool) {
        let entry = self.find_or_add(id);
        let mut is_new = false;
        let shared = entry.join(|| {
            is_new = true;
            self.begin(store, &entry)
        });
        let reading = shared.await.unwrap_or_else(|gone| Err(Arc::new(StoreError::unavailable(gone))));
        (reading, is_new)
    }

    /// Begins to read a poll in a task of its own: the caller may be gone before it ends.
    fn begin(self: &Arc<Self>, store: &Arc<dyn Store>, entry: &Arc<HubEntry>) -> SharedReading {
        let (sender, receiver) = oneshot::channel();
        let (hub, store, ending) =
            (Arc::clone(self), Arc::clone(store), EndReading { hub: Arc::clone(self), entry: Arc::clone(entry) });
        tokio::spawn(async move {
            let reading = hub.read_from_store(&*store, &ending.entry).await.map_err(Arc::new);
            drop(ending);
            // All callers may be gone.
            let _ = sender.send(reading);
        });
        receiver.shared()
    }

    async fn read_from_store(
        &self,
        store: &dyn Store,
        entry: &HubEntry,
    ) -> Result<Option<Arc<KnownTally>>, StoreError> {
        entry.note_read(self.moment());
        for _ in 0..MOST_TURNS {
            let before = entry.before();
            let poll = match self.polls.refresh(store, entry.id).await? {
                Some(known) => Some(Arc::clone(&known.poll)),
                // A draft is here while a stream with a key follows it.
                None if entry.is_listened_to() => store.poll(entry.id).await?.map(Arc::new),
                None => None,
            };
            let Some(poll) = &poll else { return Ok(self.note_gone(entry)) };
            let Some(tallies) = store.tally(poll).await? else { return Ok(self.note_gone(entry)) };
            // The poll was edited in between: the tallies belong to two revisions.
            let is_whole = tallies.iter().all(|tally| tally.revision == poll.revision);
            let losses = if is_whole { entry.losses(poll, &tallies, &before, self.moment()) } else { Vec::new() };
            if self.raise(store, poll, losses).await {
                continue;
            }
            if is_whole && poll.display == TallyDisplay::Delayed {
                read_delayed(store, entry, poll, &tallies).await?;
            }
            if let Some(snapshot) = is_whole.then(|| entry.take_reading(poll, &tallies, &before)).flatten() {
                return Ok(Some(snapshot));
            }
        }
        Err(StoreError::unavailable("the poll kept changing while it was read"))
    }

    /// Raises partitions that have lost votes to the next epoch. Returns whether one was raised, by anybody. If the
    /// store can't write now, its earlier tally is kept, and the next reading tries again.
    async fn raise(&self, store: &dyn Store, poll: &Poll, losses: Vec<Loss>) -> bool {
        let mut is_raised = false;
        for Loss { partition, seen, is_new } in losses {
            let raised = store.raise_epoch(poll, partition, seen).await;
            is_raised |= raised.is_ok();
            let poll = poll.id;
            match raised {
                Ok(true) => {
                    tracing::warn!(%poll, partition, "the store has lost votes that were told; readers follow it");
                }
                Err(error) if is_new => {
                    tracing::warn!(%poll, partition, error = %error, "the store has lost votes, and can't say so yet");
                }
                Ok(false) | Err(_) => {}
            }
        }
        is_raised
    }
}

/// Reads what readers of a delayed tally are to see by now: a minute's changes once a minute, and all at the beginning.
/// The store's clock says which minute it is, as of the last tally.
async fn read_delayed(
    store: &dyn Store,
    entry: &HubEntry,
    poll: &Poll,
    tallies: &[PartitionTally],
) -> Result<(), StoreError> {
    let Some(tally) = Tally::sum(poll, tallies) else { return Ok(()) };
    let mut delayed = entry.delayed(poll, tally.epoch);
    while let Some(missing) = delayed.missing(tally.as_of) {
        let until = missing.end;
        let page = store.minutes(poll, missing).await?;
        delayed.feed(page.changes, page.next.unwrap_or(until));
    }
    entry.keep_delayed(delayed);
    Ok(())
}

/// Ends a reading when dropped, so that a cancelled one ends too.
struct EndReading {
    hub: Arc<Hub>,
    entry: Arc<HubEntry>,
}

impl Drop for EndReading {
    fn drop(&mut self) {
        self.entry.end_reading(self.hub.moment());
    }
}
