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
    Snapshot,
    hub::millis,
    partitions::{Before, KnownPartitions, Loss},
    subscription::Subscription,
};
use crate::{
    poll::{DelayedTally, PartitionTally, Poll, PollId, Position},
    store::{StoreError, Tallies},
    wire::ReaderPosition,
};

/// What a reading of a poll gave: its tally, or `None` if the poll is gone.
pub(super) type Reading = Result<Option<Arc<Snapshot>>, Arc<StoreError>>;

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
    newest: ArcSwapOption<Snapshot>,
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
    Summed(Arc<Snapshot>),
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
    pub(super) fn newest(&self) -> Option<Arc<Snapshot>> {
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
        // Whoever has an older definition has nothing new: what was counted before a partition came to a later revision
        // was there when that revision was read.
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
    ) -> Option<Arc<Snapshot>> {
        let mut state = self.state.lock();
        state.partitions.take_reading(poll, tallies, before);
        self.sum(&state, poll).or_else(|| self.newest().filter(|_| !state.partitions.are_beyond(poll.revision)))
    }

    /// Sums the partitions, unless some are unknown in this revision of the poll, and makes that the newest tally. What
    /// is sent belongs to one revision: a poll is not closed by its new definition while its partitions are open, nor
    /// by its partitions while it has its old definition.
    fn sum(&self, state: &EntryState, poll: &Arc<Poll>) -> Option<Arc<Snapshot>> {
        let tally = state.partitions.sum(poll)?;
        let before = self.newest.load();
        let delayed = state.delayed.as_ref().filter(|delayed| delayed.is_of(poll, tally.epoch));
        let snapshot = Arc::new(Snapshot::after(before.as_deref(), tally, Arc::clone(poll), delayed));
        self.newest.store(Some(Arc::clone(&snapshot)));
        let is_later = |before: &Snapshot| {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        live::partitions::MOST_VERSIONS,
        poll::{DigestKey, NewOption, NewPoll, Partitions, PollFields, Revision, SiteId, State, Timestamp},
    };

    fn poll() -> Arc<Poll> {
        let option = |label: &str| NewOption { id: None, label: label.to_owned(), ..NewOption::default() };
        let new = PollFields {
            question: Some("؟".to_owned()),
            options: Some(vec![option("نعم"), option("لا")]),
            ..PollFields::default()
        };
        let id = PollId::generate();
        let key = DigestKey::from_bytes([0; 32]);
        Arc::new(
            NewPoll::from(new).build(id, SiteId::default(), Partitions::unplaced(2), key, Timestamp::EARLIEST).unwrap(),
        )
    }

    fn partition(version: u64, votes: u64, as_of: i64, state: State) -> PartitionTally {
        let as_of = Timestamp::from_millis(as_of);
        let revision = Revision::FIRST;
        PartitionTally {
            revision,
            epoch: 0,
            version,
            ballots: votes,
            votes: [votes, 0].as_slice().into(),
            state,
            as_of,
        }
    }

    fn open(version: u64, as_of: i64) -> PartitionTally {
        partition(version, version, as_of, State::Open)
    }

    fn summed((taken, _): (Taken, bool)) -> Arc<Snapshot> {
        match taken {
            Taken::Summed(snapshot) => snapshot,
            Taken::Unread => panic!("not summed"),
        }
    }

    /// An entry that was read once.
    fn read_once(poll: &Arc<Poll>, versions: [u64; 2]) -> HubEntry {
        let entry = HubEntry::new(poll.id, 0);
        entry.take_reading(poll, &versions.map(|version| open(version, 10)), &entry.before()).unwrap();
        entry
    }

    #[test]
    fn per_partition_the_highest_version_wins() {
        let poll = poll();
        let entry = HubEntry::new(poll.id, 0);
        assert!(matches!(entry.take_in(&poll, 0, &open(2, 20)), (Taken::Unread, true)), "partition 1 is unknown");
        let sum = summed(entry.take_in(&poll, 1, &open(1, 10)));
        assert_eq!((sum.tally.version, sum.tally.ballots), (3, 3));
        let sum = summed(entry.take_in(&poll, 0, &open(1, 30)));
        assert_eq!((sum.tally.version, sum.tally.ballots), (3, 3), "an older version came late");
    }

    #[test]
    fn a_closed_partition_is_not_reopened_by_a_reading_of_the_same_version() {
        let poll = poll();
        let entry = HubEntry::new(poll.id, 0);
        let closed = partition(1, 1, 20, State::Closed);
        entry.take_reading(&poll, &[closed.clone(), closed], &entry.before());
        let sum = summed(entry.take_in(&poll, 1, &open(1, 30)));
        assert_eq!(sum.tally.state, State::Closed);
    }

    #[test]
    fn a_reading_that_crosses_a_batch_does_not_take_the_tally_back() {
        let poll = poll();
        let entry = read_once(&poll, [5, 5]);
        for _ in 0..5 {
            let before = entry.before();
            let newest = entry.newest().unwrap().tally.version;
            summed(entry.take_in(&poll, 0, &open(newest - 4, 20)));
            // The reading was answered before the batch was.
            let sum = entry.take_reading(&poll, &[open(newest - 5, 21), open(5, 21)], &before).unwrap();
            assert_eq!(sum.tally.version, newest + 1);
        }
    }

    /// What a reading of these finds to be lost, in an entry that may have known more.
    fn lost(entry: &HubEntry, poll: &Arc<Poll>, found: &[PartitionTally]) -> Vec<(u16, Position)> {
        let before = entry.before();
        let losses = entry.losses(poll, found, &before, 0);
        entry.take_reading(poll, found, &before);
        losses.into_iter().map(|loss| (loss.partition, loss.seen)).collect()
    }

    #[test]
    fn a_store_that_lost_votes_is_believed_when_it_says_so_twice_and_has_raised_its_epoch() {
        let poll = poll();
        let entry = read_once(&poll, [5, 5]);
        let version = || entry.newest().unwrap().tally.version;
        let (behind, whole) = ([open(3, 20), open(5, 20)], [open(5, 21), open(5, 21)]);
        assert_eq!((lost(&entry, &poll, &behind), version()), (vec![], 10));
        // One that says otherwise in between was the right one.
        assert_eq!((lost(&entry, &poll, &whole), version()), (vec![], 10));
        assert_eq!((lost(&entry, &poll, &behind), version()), (vec![], 10));
        let seen = Position { epoch: 0, version: 5 };
        // Until the store has taken that, what it had before is told.
        assert_eq!((lost(&entry, &poll, &behind), version()), (vec![(0, seen)], 10));
        assert_eq!((lost(&entry, &poll, &behind), version()), (vec![(0, seen)], 10));
        let raised = |version, as_of| PartitionTally { epoch: 1, ..open(version, as_of) };
        assert_eq!((lost(&entry, &poll, &[raised(3, 22), open(5, 22)]), version()), (vec![], 8));
        assert_eq!(summed(entry.take_in(&poll, 0, &open(6, 30))).tally.version, 8, "what was before came late");
        assert_eq!(summed(entry.take_in(&poll, 0, &raised(4, 30))).tally.version, 9, "and it counts on from there");
    }

    #[test]
    fn what_a_reader_proves_to_have_seen_is_lost_if_the_store_says_so_twice() {
        let poll = poll();
        let entry = read_once(&poll, [3, 5]);
        let found = [open(3, 20), open(5, 20)];
        entry.note_proven(Position { epoch: 0, version: 8 });
        assert_eq!(lost(&entry, &poll, &found), [], "that is known here");
        assert_eq!(lost(&entry, &poll, &found), []);
        entry.note_proven(Position { epoch: 2, version: 10 });
        assert_eq!(lost(&entry, &poll, &found), []);
        assert_eq!(lost(&entry, &poll, &found), [(0, Position { epoch: 2, version: MOST_VERSIONS })]);
        let raised = PartitionTally { epoch: 3, ..open(3, 21) };
        assert_eq!(lost(&entry, &poll, &[raised, open(5, 21)]), []);
        assert_eq!(entry.newest().unwrap().tally.position(), Position { epoch: 3, version: 8 });
    }

    #[test]
    fn a_position_that_nobody_signed_makes_a_poll_be_read_once_a_second_and_one_that_is_signed_always() {
        let poll = poll();
        let entry = read_once(&poll, [3, 5]);
        let seen = |is_proven| ReaderPosition { position: Position { epoch: 0, version: 99 }, is_proven };
        for (now, unsigned) in [(0, true), (0, false), (999, false), (1_000, true), (1_001, false)] {
            assert_eq!((entry.believes(seen(false), now), entry.believes(seen(true), now)), (unsigned, true), "{now}");
        }
        // As long as the store does not have it.
        entry.note_proven(seen(true).position);
        entry.losses(&poll, &[open(3, 20), open(5, 20)], &entry.before(), 5_000);
        for (now, signed) in [(5_999, false), (6_000, true), (6_001, true)] {
            assert_eq!(entry.believes(seen(true), now), signed, "{now}");
        }
    }

    /// A poll after another edit, and a partition's tally that was counted in it.
    fn edited(poll: &Arc<Poll>) -> Arc<Poll> {
        Arc::new(Poll { revision: poll.revision.next(), ..Poll::clone(poll) })
    }

    fn at(poll: &Poll, tally: PartitionTally) -> PartitionTally {
        PartitionTally { revision: poll.revision, ..tally }
    }

    #[test]
    fn votes_for_other_options_are_not_shown_as_votes_for_these() {
        let before = poll();
        let reshaped = edited(&before);
        let entry = read_once(&before, [1, 1]);
        entry.take_reading(&reshaped, &[1, 1].map(|version| at(&reshaped, open(version, 20))), &entry.before());
        let late = summed(entry.take_in(&before, 0, &open(3, 30)));
        assert_eq!((late.poll.revision, late.tally.version), (reshaped.revision, 2));
    }

    #[test]
    fn a_poll_is_not_told_by_halves_while_it_is_edited() {
        let before = poll();
        let mut closing = edited(&before);
        Arc::make_mut(&mut closing).schedule.phase = crate::poll::Phase::Closed;
        let closed = |version, as_of| at(&closing, partition(version, version, as_of, State::Closed));
        let entry = read_once(&before, [5, 5]);
        // One partition is closed, and of the other it is not known yet.
        assert!(matches!(entry.take_in(&closing, 0, &closed(5, 20)), (Taken::Unread, false)));
        let newest = entry.newest().unwrap();
        assert_eq!((newest.poll.revision, newest.tally.state), (before.revision, State::Open));
        // A reading that began before the poll was closed does not open it again.
        let early = entry.before();
        entry.take_in(&closing, 1, &closed(5, 20));
        let last = entry.newest().unwrap();
        assert_eq!((last.poll.revision, last.tally.state), (closing.revision, State::Closed));
        assert!(entry.take_reading(&before, &[open(5, 30), open(5, 30)], &early).is_none(), "it is to be read again");
        let again = entry.take_reading(&closing, &[closed(5, 40), closed(5, 40)], &entry.before()).unwrap();
        assert_eq!(again.sequence, last.sequence, "the close is told once");
    }

    #[test]
    fn an_edit_that_the_store_lost_is_lost_here_too() {
        let before = poll();
        let later = edited(&before);
        let entry = read_once(&before, [5, 5]);
        entry.take_reading(&later, &[5, 5].map(|version| at(&later, open(version, 20))), &entry.before());
        let sum = entry.take_reading(&before, &[open(5, 30), open(5, 30)], &entry.before()).unwrap();
        assert_eq!(sum.poll.revision, before.revision);
    }
}
