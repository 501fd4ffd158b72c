//! One poll in the hub: its newest tally, who asks for it and when, and the one reading that may be under way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use futures_util::future::Shared;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{
    KnownTally,
    partitions::{Before, KnownPartitions, Loss},
    subscription::Subscription,
};
use crate::{
    poll::{DelayedTally, PartitionTally, Poll, PollId, Position},
    store::{StoreError, Tallies},
    wire::ReaderPosition,
};

/// What a reading of a poll gave: its tally, or `None` if the poll is gone.
pub(super) type Reading = Result<Option<Arc<KnownTally>>, Arc<StoreError>>;

/// A reading under way: a single flight that any number of callers wait for.
pub(super) type SharedReading = Shared<oneshot::Receiver<Reading>>;

/// A reader who claims, without proof, to have seen a later tally causes at most one reading in this time.
const DOUBT: Duration = Duration::from_secs(1);

/// A poll somebody asked for. Moments are milliseconds of the hub's own coarse clock.
pub(super) struct HubEntry {
    pub(super) id: PollId,
    /// When somebody last asked.
    asked_at: AtomicU64,
    /// When a reading from the store last began.
    read_at: AtomicU64,
    /// When a reading last ended, well or not.
    settled_at: AtomicU64,
    /// The sum of all partitions, once all are known.
    newest: ArcSwapOption<KnownTally>,
    is_gone: AtomicBool,
    /// How many workers have streams of it.
    listeners: AtomicUsize,
    /// Whether this replica receives the messages of others about this poll.
    is_followed: AtomicBool,
    /// When an unproven claim of a reader last caused a reading, and when a reading last failed to find a proven
    /// position. Both are a millisecond late, so that 0 means never.
    doubted_at: AtomicU64,
    in_vain_at: AtomicU64,
    state: Mutex<EntryState>,
}

#[derive(Default)]
struct EntryState {
    partitions: KnownPartitions,
    /// The tally some minutes ago, if readers are shown that.
    delayed: Option<DelayedTally>,
    reading: Option<SharedReading>,
    /// Marked at every change.
    subscriptions: Vec<Arc<Subscription>>,
    /// Whether it is in the publish queue.
    is_outgoing: bool,
}

/// What taking in a partition's tally came to.
pub(super) enum Taken {
    /// The sum, with that tally.
    Summed(Arc<KnownTally>),
    /// Other partitions are unknown, or known by an earlier revision of the poll: it must be read.
    Unread,
}

impl HubEntry {
    pub(super) fn new(id: PollId, now: u64) -> Self {
        Self {
            id,
            asked_at: AtomicU64::new(now),
            read_at: AtomicU64::new(0),
            settled_at: AtomicU64::new(0),
            newest: ArcSwapOption::empty(),
            is_gone: AtomicBool::new(false),
            listeners: AtomicUsize::new(0),
            is_followed: AtomicBool::new(false),
            doubted_at: AtomicU64::new(0),
            in_vain_at: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    /// The newest tally, as far as it is known.
    pub(super) fn newest(&self) -> Option<Arc<KnownTally>> {
        self.newest.load_full()
    }

    /// Records that somebody asks, and returns when somebody last did. Most callers find that somebody has just asked;
    /// they do not write to the memory that all workers share.
    pub(super) fn ask(&self, now: u64) -> u64 {
        let before = self.asked_at.load(Relaxed);
        if before < now {
            self.asked_at.store(now, Relaxed);
        }
        before
    }

    pub(super) fn asked_at(&self) -> u64 {
        self.asked_at.load(Relaxed)
    }

    pub(super) fn read_at(&self) -> u64 {
        self.read_at.load(Relaxed)
    }

    pub(super) fn note_read(&self, now: u64) {
        self.read_at.store(now, Relaxed);
    }

    /// Makes it due to be read again now.
    pub(super) fn make_due(&self) {
        self.note_read(0);
    }

    /// Whether the poll was deleted.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Relaxed)
    }

    /// Notes that the poll was deleted.
    pub(super) fn note_gone(&self) {
        self.is_gone.store(true, Relaxed);
        self.state.lock().mark_all();
    }

    /// Whether this replica receives the messages of others about this poll.
    pub(super) fn is_followed(&self) -> bool {
        self.is_followed.load(Relaxed)
    }

    pub(super) fn note_followed(&self, is_followed: bool) {
        self.is_followed.store(is_followed, Relaxed);
    }

    /// Marks a partition's tally to be published to the other replicas. Returns whether the entry must be put in the
    /// publish queue: it is not there yet.
    pub(super) fn mark_unpublished(&self, partition: u16) -> bool {
        let mut state = self.state.lock();
        state.partitions.mark_unpublished(partition) && !std::mem::replace(&mut state.is_outgoing, true)
    }

    /// Whether something is to be published to the other replicas, or was a moment ago.
    pub(super) fn is_outgoing(&self) -> bool {
        self.state.lock().is_outgoing
    }

    /// Takes out the tallies to publish. `None`: there are none, and the next one puts the entry back in the queue.
    pub(super) fn take_unpublished(&self) -> Option<Tallies> {
        let mut state = self.state.lock();
        let newest = self.newest.load_full();
        let partitions = state.partitions.take_unpublished();
        match newest {
            Some(newest) if !partitions.is_empty() => {
                Some(Tallies { poll: self.id, revision: newest.poll.revision, partitions })
            }
            // A poll that was not read here is not published: other replicas read it themselves.
            Some(_) | None => {
                state.is_outgoing = false;
                None
            }
        }
    }

    /// Whether any worker has streams of it.
    pub(super) fn is_listened_to(&self) -> bool {
        self.listeners.load(Relaxed) > 0
    }

    /// Marks a subscription at every change from now on.
    pub(super) fn subscribe(&self, subscription: Arc<Subscription>) {
        self.listeners.fetch_add(1, Relaxed);
        self.state.lock().subscriptions.push(subscription);
    }

    /// Stops marking a subscription.
    pub(super) fn unsubscribe(&self, subscription: &Arc<Subscription>) {
        self.state.lock().subscriptions.retain(|other| !Arc::ptr_eq(other, subscription));
        self.listeners.fetch_sub(1, Relaxed);
    }

    /// Joins the reading under way, or begins one.
    pub(super) fn join(&self, begin: impl FnOnce() -> SharedReading) -> SharedReading {
        self.state.lock().reading.get_or_insert_with(begin).clone()
    }

    /// The reading under way has ended.
    pub(super) fn end_reading(&self, now: u64) {
        self.settled_at.store(now, Relaxed);
        self.state.lock().reading = None;
    }

    pub(super) fn settled_at(&self) -> u64 {
        self.settled_at.load(Relaxed)
    }

    /// Whether a reader's position, which is later than the tally here, is reason to read the poll again. A proven
    /// position is, unless the store was just found not to have it. An unproven one is, once in [`DOUBT`].
    pub(super) fn believes(&self, seen: ReaderPosition, now: u64) -> bool {
        let last = if seen.is_proven { &self.in_vain_at } else { &self.doubted_at };
        let before = last.load(Relaxed);
        let is_due = before == 0 || (now + 1).saturating_sub(before) >= millis(DOUBT);
        is_due && (seen.is_proven || last.compare_exchange(before, now + 1, Relaxed, Relaxed).is_ok())
    }

    /// Records a position that a replica has signed for some reader: readings that begin from now on check for it.
    pub(super) fn note_proven(&self, position: Position) {
        let mut state = self.state.lock();
        if self.newest.load().as_ref().is_none_or(|newest| newest.tally.position() < position) {
            state.partitions.note_proven(position);
        }
    }

    /// What is known before a reading begins.
    pub(super) fn before(&self) -> Before {
        self.state.lock().partitions.before()
    }

    /// Takes in a tally that the store, or another replica, reported for this revision of the poll. Also returns
    /// whether it counts more than was known.
    pub(super) fn take_in(&self, poll: &Arc<Poll>, partition: u16, tally: &PartitionTally) -> (Taken, bool) {
        let mut state = self.state.lock();
        let newest = self.newest.load_full();
        // A tally of an older definition brings nothing new: what was counted before a partition came to the later
        // revision was read with that revision.
        if let Some(newest) = newest.as_ref().filter(|newest| newest.poll.revision > poll.revision) {
            return (Taken::Summed(Arc::clone(newest)), false);
        }
        let Some((is_new, has_changed)) = state.partitions.take_in(poll, partition, tally) else {
            return (Taken::Unread, false);
        };
        let taken = match &newest {
            Some(newest) if !has_changed && newest.poll.revision == poll.revision => Taken::Summed(Arc::clone(newest)),
            Some(_) | None => self.sum(&state, poll).map_or(Taken::Unread, Taken::Summed),
        };
        (taken, is_new)
    }

    /// The tally some minutes ago, as far as it is known, for a poll whose tally is of this epoch.
    pub(super) fn delayed(&self, poll: &Poll, epoch: u64) -> DelayedTally {
        let known = self.state.lock().delayed.clone().filter(|delayed| delayed.is_of(poll, epoch));
        known.unwrap_or_else(|| DelayedTally::new(poll, epoch))
    }

    /// Keeps it, for what is summed from now on.
    pub(super) fn keep_delayed(&self, delayed: DelayedTally) {
        self.state.lock().delayed = Some(delayed);
    }

    /// What the store has lost, going by a reading that began after this was known. Such tallies are not taken in
    /// before the store has raised an epoch: until then they are older than what was sent.
    pub(super) fn losses(&self, poll: &Poll, tallies: &[PartitionTally], before: &Before, now: u64) -> Vec<Loss> {
        let (losses, is_in_vain) = self.state.lock().partitions.losses(poll, tallies, before);
        if is_in_vain {
            self.in_vain_at.store(now + 1, Relaxed);
        }
        losses
    }

    /// Takes in what a reading found, in the revision of the poll in force, and returns the newest tally. `None` if a
    /// later revision has become known meanwhile: the poll must be read again.
    pub(super) fn take_reading(
        &self,
        poll: &Arc<Poll>,
        tallies: &[PartitionTally],
        before: &Before,
    ) -> Option<Arc<KnownTally>> {
        let mut state = self.state.lock();
        state.partitions.take_reading(poll, tallies, before);
        self.sum(&state, poll).or_else(|| self.newest().filter(|_| !state.partitions.are_beyond(poll.revision)))
    }

    /// Sums the partitions, unless some are unknown in this revision of the poll, and makes that the newest tally. What
    /// is sent belongs to one revision: a poll is not closed by its new definition while its partitions are open, nor
    /// by its partitions while it has its old definition.
    fn sum(&self, state: &EntryState, poll: &Arc<Poll>) -> Option<Arc<KnownTally>> {
        let tally = state.partitions.sum(poll)?;
        let before = self.newest.load();
        let delayed = state.delayed.as_ref().filter(|delayed| delayed.is_of(poll, tally.epoch));
        let snapshot = Arc::new(KnownTally::after(before.as_deref(), tally, Arc::clone(poll), delayed));
        self.newest.store(Some(Arc::clone(&snapshot)));
        let is_later = |before: &KnownTally| {
            before.sequence < snapshot.sequence || before.reader_sequence() != snapshot.reader_sequence()
        };
        if before.as_deref().is_none_or(is_later) {
            state.mark_all();
        }
        Some(snapshot)
    }
}

impl EntryState {
    fn mark_all(&self) {
        for subscription in &self.subscriptions {
            subscription.mark();
        }
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(super) mod tests;
