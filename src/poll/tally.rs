//! Sums of votes.
//!
//! A poll's tally is the sum of its partitions' tallies. Each partition's version counts the ballots that changed it
//! (cast, changed or withdrawn), so it only grows; so does their sum, however the partitions are read.
//!
//! A store may lose the end of what it was told: a Redis that crashed, a file put back from a backup. Then a version
//! that was told before is told again, of another tally. So a partition that is found to be behind what was seen of it
//! is given the next *epoch*, and with it all it says is later than all it said: see [`Position`].

use smallvec::SmallVec;

use super::{Poll, PollId, Revision, State, Timestamp};

/// The most options a poll may have, and so the number of slots votes are counted in.
pub const MAX_OPTIONS: usize = 32;

/// Votes by slot. Most polls have few options, so eight stand inline.
pub type Votes = SmallVec<[u64; 8]>;

/// How far a tally has come, its epoch first: of two positions of one poll, or of one partition, the greater is the
/// later. A poll's is the sum of its partitions', and so only grows as they do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// How often the store was found to have lost votes.
    pub epoch: u64,
    /// How often a ballot changed the tally.
    pub version: u64,
}

/// What one partition of a poll's voters has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionTally {
    /// The revision of the poll that the partition was at: by its options votes are counted, by its schedule the state
    /// is what it is.
    pub revision: Revision,
    /// How often votes of this partition were found to be lost.
    pub epoch: u64,
    /// How often a ballot changed this tally.
    pub version: u64,
    /// Voters with a ballot.
    pub ballots: u64,
    /// Votes by slot, as many as the poll has options.
    pub votes: Votes,
    /// The poll's state, by the clock of the store that counted.
    pub state: State,
    /// When this was read or counted, by the store's clock.
    pub as_of: Timestamp,
}

/// Votes per option plus how many voters cast them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Whose tally this is.
    pub poll: PollId,
    /// The poll's state when this was read.
    pub state: State,
    /// When this was read: the oldest of its partitions' times.
    pub as_of: Timestamp,
    /// Only grows: how often the store was found to have lost votes.
    pub epoch: u64,
    /// Only grows within an epoch: how often a ballot changed the tally.
    pub version: u64,
    /// Voters with a ballot.
    pub ballots: u64,
    /// Votes by slot.
    pub votes: Votes,
}

impl PartitionTally {
    /// How far it has come.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, version: self.version }
    }
}

impl Tally {
    /// How far it has come.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, version: self.version }
    }

    /// The sum of a poll's partitions; `None` of no partitions.
    ///
    /// The poll is closed only when every partition says so: until then one of them might still count a vote. A
    /// partition that lags behind in opening does not hold the others back.
    pub fn sum<'a>(poll: &Poll, partitions: impl IntoIterator<Item = &'a PartitionTally>) -> Option<Self> {
        let mut partitions = partitions.into_iter();
        let first = partitions.next()?;
        let mut tally = Self {
            poll: poll.id,
            state: first.state,
            as_of: first.as_of,
            epoch: first.epoch,
            version: first.version,
            ballots: first.ballots,
            votes: first.votes.clone(),
        };
        tally.votes.resize(poll.options.len(), 0);
        for partition in partitions {
            tally.state = combine(tally.state, partition.state);
            tally.as_of = tally.as_of.min(partition.as_of);
            tally.epoch = tally.epoch.saturating_add(partition.epoch);
            tally.version += partition.version;
            tally.ballots += partition.ballots;
            for (sum, votes) in tally.votes.iter_mut().zip(&partition.votes) {
                *sum += votes;
            }
        }
        Some(tally)
    }

    /// One slot's votes.
    pub fn votes_in(&self, slot: u8) -> u64 {
        self.votes.get(usize::from(slot)).copied().unwrap_or(0)
    }

    /// The part of the voters who chose one slot, from 0 to 1, to four decimals; 0 while nobody has voted. In a
    /// `multiple` poll the shares of all options add up to more than 1.
    pub fn share_of(&self, slot: u8) -> f64 {
        if self.ballots == 0 {
            return 0.0;
        }
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let share = self.votes_in(slot) as f64 / self.ballots as f64;
        (share * 10_000.0).round() / 10_000.0
    }
}

fn combine(one: State, other: State) -> State {
    match (one, other) {
        (State::Closed, State::Closed) => State::Closed,
        (State::Closed | State::Open, _) | (_, State::Closed | State::Open) => State::Open,
        (State::Scheduled, _) | (_, State::Scheduled) => State::Scheduled,
        (State::Draft, State::Draft) => State::Draft,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{Kind, definition::tests::poll_with};

    fn partition(version: u64, votes: &[u64], state: State, as_of: i64) -> PartitionTally {
        PartitionTally {
            revision: Revision::FIRST,
            epoch: 0,
            version,
            ballots: votes.iter().sum(),
            votes: votes.into(),
            state,
            as_of: Timestamp::from_millis(as_of),
        }
    }

    #[test]
    fn a_tally_is_the_sum_of_its_partitions() {
        let poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        let partitions = [partition(4, &[1, 2], State::Open, 7), partition(1, &[1, 0], State::Open, 5)];
        let tally = Tally::sum(&poll, &partitions).unwrap();
        assert_eq!((tally.version, tally.ballots, tally.as_of.as_millis()), (5, 4, 5));
        assert_eq!(tally.votes.as_slice(), [2, 2]);
        assert_eq!(Tally::sum(&poll, []), None);
    }

    #[test]
    fn a_tally_of_a_later_epoch_is_later_whatever_its_version() {
        let poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        let before = [partition(9, &[9, 0], State::Open, 7), partition(4, &[0, 4], State::Open, 7)];
        let lost = PartitionTally { epoch: 1, ..partition(2, &[2, 0], State::Open, 8) };
        let after = [lost, partition(4, &[0, 4], State::Open, 8)];
        let [before, after] = [before, after].map(|partitions| Tally::sum(&poll, &partitions).unwrap().position());
        assert_eq!((before, after), (Position { epoch: 0, version: 13 }, Position { epoch: 1, version: 6 }));
        assert!(after > before);
    }

    #[test]
    fn a_poll_is_closed_only_when_every_partition_is() {
        let poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        let open = partition(0, &[0, 0], State::Open, 0);
        let closed = partition(0, &[0, 0], State::Closed, 0);
        assert_eq!(Tally::sum(&poll, [&closed, &open]).unwrap().state, State::Open);
        assert_eq!(Tally::sum(&poll, [&closed, &closed]).unwrap().state, State::Closed);
    }

    #[test]
    fn shares_have_four_decimals_and_none_divides_by_zero() {
        let poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        let tally = Tally::sum(&poll, [&partition(3, &[2, 1], State::Open, 0)]).unwrap();
        assert_eq!((tally.share_of(0), tally.share_of(1), tally.share_of(9)), (0.6667, 0.3333, 0.0));
        let empty = Tally::sum(&poll, [&partition(0, &[0, 0], State::Open, 0)]).unwrap();
        assert!(empty.share_of(0).abs() < f64::EPSILON);
    }
}
