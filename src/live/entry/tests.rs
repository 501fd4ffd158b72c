use super::*;
use crate::{
    live::partitions::MOST_VERSIONS,
    poll::{DigestKey, NewOption, NewPoll, Partitions, PollFields, Revision, SiteId, State, Timestamp},
};

/// A poll with two options, in so many partitions.
pub(in crate::live) fn poll_in(partitions: u16) -> Poll {
    let option = |label: &str| NewOption { id: None, label: label.to_owned(), ..NewOption::default() };
    let new = PollFields {
        question: Some("؟".to_owned()),
        options: Some(vec![option("نعم"), option("لا")]),
        ..PollFields::default()
    };
    let id = PollId::generate();
    let key = DigestKey::from_bytes([0; 32]);
    NewPoll::from(new).build(id, SiteId::default(), Partitions::unplaced(partitions), key, Timestamp::EARLIEST).unwrap()
}

fn poll() -> Arc<Poll> {
    Arc::new(poll_in(2))
}

fn partition(version: u64, votes: u64, as_of: i64, state: State) -> PartitionTally {
    let as_of = Timestamp::from_millis(as_of);
    let revision = Revision::FIRST;
    PartitionTally { revision, epoch: 0, version, ballots: votes, votes: [votes, 0].as_slice().into(), state, as_of }
}

fn open(version: u64, as_of: i64) -> PartitionTally {
    partition(version, version, as_of, State::Open)
}

fn summed((taken, _): (Taken, bool)) -> Arc<KnownTally> {
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
