//! Group commit in front of a store.
//!
//! A store call costs about the same for one ballot as for sixteen. So ballots for one partition that arrive while a
//! call is in flight wait, and go together in the next call. There is no timer: an idle queue sends at once, so a
//! single vote does not wait, and the batches grow with the load.
//!
//! Every actix worker has a batcher of its own, on its own store connection. One shared by all workers makes larger
//! batches, but wakes another thread twice for each vote, and that was measured to cost more than the larger batches
//! save. A batcher belongs to one thread, so nothing in it is locked.
//!
//! Queues are bounded: a queue holds at most [`MOST_WAITING`] ballots, and all queues of a worker together
//! [`MOST_WAITING_IN_ALL`]; more are refused at once, before anything was done. This bounds memory. For the readers'
//! sake a queue also refuses a ballot that would wait longer than [`LONGEST_WAIT`], going by how long the store's last
//! calls took. Behind a slow store a full queue is seconds of work for readers who have given up: every vote would be
//! counted, and no answer would come in time. A queue always takes at least one whole batch.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use crate::{
    poll::{Ballot, Outcome, PartitionTally, Poll, PollId, Timestamp},
    store::{BatchOutcome, Committed, Store, StoreError},
    telemetry::Metrics,
    views::ViewCounts,
};

/// The most ballots in one store call: enough that the call's own cost no longer shows, and few enough that none of
/// them takes Redis longer than half a millisecond.
pub const LARGEST_BATCH: usize = 256;
/// The most ballots that wait in one queue.
pub const MOST_WAITING: usize = 4_096;
/// The most ballots that wait in all queues of a worker.
pub const MOST_WAITING_IN_ALL: usize = 16_384;

/// How long a ballot may wait for its call, as far as can be foreseen: a part of the time that readers wait.
pub const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// One worker's batcher, with a queue for each partition that votes are arriving for.
#[derive(Clone)]
pub struct BallotBatcher(Rc<Batcher>);

struct Batcher {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    views: Arc<ViewCounts>,
    /// Only those in use: an empty queue is removed.
    queues: RefCell<FxHashMap<(PollId, u16), Rc<Queue>>>,
    /// Read by those who yield to ballots, on this thread too.
    waiting: Arc<AtomicUsize>,
    /// How many ballots a queue may hold, going by the duration of the store's last calls.
    most_in_time: Cell<usize>,
    /// The average duration of the store's calls; the last ones count most.
    call: Cell<Duration>,
}

/// The ballots of one partition that wait for the call in flight to return.
#[derive(Default)]
struct Queue {
    waiting: RefCell<VecDeque<Waiting>>,
}

/// A ballot, the poll it was checked against, and where its outcome is sent.
struct Waiting {
    poll: Arc<Poll>,
    ballot: Ballot,
    answer: oneshot::Sender<Result<Receipt, CastError>>,
}

/// What became of a ballot put in a queue.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// What became of it.
    pub outcome: Outcome,
    /// The time of the batch, by the store's clock.
    pub at: Timestamp,
    /// Whether the text that it came with was not kept.
    pub is_text_left_out: bool,
    /// The partition's tally after the ballot's batch.
    pub tally: Arc<PartitionTally>,
}

/// Why a ballot has no outcome.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CastError {
    /// The poll has another revision. Nothing was done: read it again, check the choices again, cast again.
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

impl BallotBatcher {
    /// A batcher in front of a worker's store. What ballots do to rankings is counted in `views`.
    pub fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>, views: Arc<ViewCounts>) -> Self {
        Self(Rc::new(Batcher {
            store,
            metrics,
            views,
            queues: RefCell::default(),
            waiting: Arc::default(),
            most_in_time: Cell::new(MOST_WAITING),
            call: Cell::default(),
        }))
    }

    /// How many ballots wait in all queues, as it changes: other calls to the store yield to them.
    pub fn backlog(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0.waiting)
    }

    /// Puts a ballot in its queue and waits for its outcome. Must be called on a [`tokio::task::LocalSet`], as every
    /// actix handler is. If the caller goes away, the ballot is still cast.
    pub async fn cast(&self, poll: &Arc<Poll>, ballot: Ballot) -> Result<Receipt, CastError> {
        let (answer, outcome) = oneshot::channel();
        self.0.clone().put(Waiting { poll: Arc::clone(poll), ballot, answer })?;
        // The queue answers every ballot it takes, unless its worker ends.
        outcome.await.unwrap_or_else(|gone| Err(CastError::Store(Arc::new(StoreError::unavailable(gone)))))
    }
}

impl Batcher {
    fn put(self: Rc<Self>, ballot: Waiting) -> Result<(), CastError> {
        let key = (ballot.poll.id, ballot.ballot.voter.partition);
        if self.waiting.load(Relaxed) >= MOST_WAITING_IN_ALL {
            return Err(CastError::Overloaded);
        }
        let mut queues = self.queues.borrow_mut();
        if let Some(in_flight) = queues.get(&key) {
            let mut waiting = in_flight.waiting.borrow_mut();
            if waiting.len() >= self.most_in_time.get() {
                return Err(CastError::Overloaded);
            }
            waiting.push_back(ballot);
            self.waiting.fetch_add(1, Relaxed);
            return Ok(());
        }
        let queue = Rc::<Queue>::default();
        queue.waiting.borrow_mut().push_back(ballot);
        self.waiting.fetch_add(1, Relaxed);
        queues.insert(key, Rc::clone(&queue));
        drop(queues);
        // Other tasks that are ready on this thread run first, and may join the first batch.
        let emptied = EmptiedQueue { batcher: Rc::clone(&self), key, queue };
        tokio::task::spawn_local(async move { self.empty(key, &emptied.queue).await });
        Ok(())
    }

    /// Sends batch after batch until the queue is empty.
    async fn empty(&self, key: (PollId, u16), queue: &Queue) {
        loop {
            let batch = self.take_batch(queue);
            let Some(poll) = batch.first().map(|first| Arc::clone(&first.poll)) else { break };
            let ballots: Vec<Ballot> = batch.iter().map(|waiting| waiting.ballot.clone()).collect();
            let sent = Instant::now();
            let answer = self.store.cast(&poll, key.1, &ballots).await;
            self.metrics.observe_batch(ballots.len(), sent.elapsed());
            self.note_pace(sent.elapsed());
            match answer {
                Ok(BatchOutcome::Committed(committed)) => {
                    let upkeep_due = committed.upkeep_due;
                    for outcome in &committed.outcomes {
                        self.metrics.count_outcome(outcome.as_str());
                    }
                    self.views.count_ballots(&poll, &ballots, &committed.outcomes);
                    tell_outcomes(batch, committed);
                    if upkeep_due && self.store.upkeep(&poll, key.1).await.is_err() {
                        // Nothing is lost: upkeep stays due, and a later batch reports it again.
                        self.metrics.count_store_failure("upkeep");
                    }
                }
                Ok(BatchOutcome::Stale) => tell_all(batch, &CastError::Stale),
                Ok(BatchOutcome::Gone) => tell_all(batch, &CastError::Gone),
                Err(error) => {
                    self.metrics.count_store_failure("cast");
                    let error = CastError::Store(Arc::new(error));
                    tell_all(batch, &error);
                    // The ballots that waited behind a failed call fail too: they don't wait for the store again.
                    tell_all(self.take_all(queue), &error);
                }
            }
        }
    }

    fn note_pace(&self, took: Duration) {
        self.call.set((self.call.get() * 3 + took) / 4);
        self.most_in_time.set(most_in_time(self.call.get()));
    }

    /// The next ballots that were checked against the same revision of their poll.
    fn take_batch(&self, queue: &Queue) -> Vec<Waiting> {
        let mut waiting = queue.waiting.borrow_mut();
        let Some(first) = waiting.front() else { return Vec::new() };
        let revision = first.poll.revision;
        let same = waiting.iter().take(LARGEST_BATCH).take_while(|next| next.poll.revision == revision).count();
        let batch: Vec<Waiting> = waiting.drain(..same).collect();
        self.waiting.fetch_sub(batch.len(), Relaxed);
        batch
    }

    fn take_all(&self, queue: &Queue) -> Vec<Waiting> {
        let all: Vec<Waiting> = queue.waiting.borrow_mut().drain(..).collect();
        self.waiting.fetch_sub(all.len(), Relaxed);
        all
    }
}

/// Removes a queue when it is empty, and also if what empties it panics: then those who wait in it are told that their
/// outcome is unknown, and the next ballot begins a new one.
struct EmptiedQueue {
    batcher: Rc<Batcher>,
    key: (PollId, u16),
    queue: Rc<Queue>,
}

impl Drop for EmptiedQueue {
    fn drop(&mut self) {
        self.batcher.queues.borrow_mut().remove(&self.key);
        drop(self.batcher.take_all(&self.queue));
    }
}

/// How many ballots are cast within [`LONGEST_WAIT`] if each call takes so long, and one is in flight.
fn most_in_time(call: Duration) -> usize {
    let calls = (LONGEST_WAIT.as_micros() / call.as_micros().max(1)).saturating_sub(1);
    usize::try_from(calls).unwrap_or(usize::MAX).saturating_mul(LARGEST_BATCH).clamp(LARGEST_BATCH, MOST_WAITING)
}

fn tell_outcomes(batch: Vec<Waiting>, committed: Committed) {
    let tally = Arc::new(committed.tally);
    for (nth, (waiting, outcome)) in batch.into_iter().zip(committed.outcomes).enumerate() {
        let is_text_left_out = committed.left_out.contains(&nth);
        let receipt = Receipt { outcome, at: tally.as_of, is_text_left_out, tally: Arc::clone(&tally) };
        // The caller may be gone; the ballot is still cast.
        let _ = waiting.answer.send(Ok(receipt));
    }
}

fn tell_all(batch: Vec<Waiting>, error: &CastError) {
    for waiting in batch {
        let _ = waiting.answer.send(Err(error.clone()));
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{
        clock::Clock,
        poll::{Action, DigestKey, NewOption, NewPoll, Partitions, PollFields, SiteId, VoterDigest},
        store::sqlite::SqliteStore,
    };

    #[actix_web::test]
    async fn who_waits_in_a_queue_that_ends_is_told_so_and_the_next_ballot_begins_a_new_one() {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(&folder.path().join("sawt.db"), 1, Clock::default()).unwrap();
        let batcher = BallotBatcher::new(Arc::new(store), Arc::default(), Arc::new(ViewCounts::new(Arc::default())));
        let options = ["نعم", "لا"].map(|label| NewOption { label: label.to_owned(), ..NewOption::default() });
        let fields =
            PollFields { question: Some("؟".to_owned()), options: Some(options.into()), ..PollFields::default() };
        let (id, key) = (PollId::generate(), DigestKey::from_bytes([0; 32]));
        let poll = NewPoll::from(fields)
            .build(id, SiteId::default(), Partitions::unplaced(1), key, Timestamp::EARLIEST)
            .unwrap();
        let poll = Arc::new(poll);
        let voter = VoterDigest { field: [0; 8], partition: 0 };
        let ballot = Ballot { voter, action: Action::Withdraw, answer: None };
        let (key, queue) = ((poll.id, voter.partition), Rc::<Queue>::default());
        batcher.0.queues.borrow_mut().insert(key, Rc::clone(&queue));
        let emptied = EmptiedQueue { batcher: Rc::clone(&batcher.0), key, queue };
        let (told, ()) = tokio::join!(batcher.cast(&poll, ballot), async { drop(emptied) });
        assert!(matches!(told, Err(CastError::Store(_))), "{told:?}");
        assert_eq!((batcher.backlog().load(Relaxed), batcher.0.queues.borrow().len()), (0, 0));
    }

    #[test]
    fn a_queue_takes_what_can_be_cast_in_time_and_always_a_batch() {
        for (millis, most) in [(0, 4_096), (1, 4_096), (14, 4_096), (16, 14 * 256), (50, 4 * 256), (80, 512)] {
            assert_eq!(most_in_time(Duration::from_millis(millis)), most, "{millis} ms");
        }
        for millis in [84, 125, 250, 251, 10_000] {
            assert_eq!(most_in_time(Duration::from_millis(millis)), 256, "{millis} ms");
        }
    }
}
