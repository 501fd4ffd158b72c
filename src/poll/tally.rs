//! Sums of votes.
//!
//! A poll's tally is the sum of its partitions' tallies. Each partition's version counts the ballots that changed it
//! (cast, changed or withdrawn), so it only grows; so does their sum, however the partitions are read.
//!
//! A store may lose its last writes: a Redis that crashed, a file restored from a backup. Then an old version is
//! counted again, with other votes. So a partition that is behind what was seen of it gets the next *epoch*: its
//! tallies from then on are later than all before. See [`Position`].

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Poll, PollId, Rating, Revision, State, TallyDisplay, Timestamp};

/// The most options a poll may have.
pub const MAX_OPTIONS: usize = 32;

/// Votes by the index of their counter. Most polls have few options, so eight are kept inline.
pub type Votes = SmallVec<[u64; 8]>;

/// How far a tally has come. The epoch counts first: of two positions of one poll, or of one partition, the greater is
/// the later. A poll's position is the sum of its partitions', so it only grows as they do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// How often the store was found to have lost votes.
    pub epoch: u64,
    /// How often a ballot changed the tally.
    pub version: u64,
}

/// The tally of one partition of a poll's voters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionTally {
    /// The poll's revision in the partition: its options decide how votes count, its schedule decides the state.
    pub revision: Revision,
    /// How often votes of this partition were found to be lost.
    pub epoch: u64,
    /// How often a ballot changed this tally.
    pub version: u64,
    /// Voters with a ballot.
    pub ballots: u64,
    /// Votes by counter, as many as the poll has.
    pub votes: Votes,
    /// The poll's state, by the clock of the store that counted.
    pub state: State,
    /// When this was read or counted, by the store's clock.
    pub as_of: Timestamp,
}

/// Votes per option plus how many voters cast them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The poll of this tally.
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
    /// Votes by counter; where it is in percent, the percentages of the options.
    pub votes: Votes,
    /// How exact it is.
    pub display: TallyDisplay,
    /// Whether fewer ballots than a hundred are told as one.
    pub is_under_100: bool,
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
    /// The poll is closed only when every partition is: until then one of them might still count a vote. A partition
    /// that opens late does not delay the others.
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
            display: TallyDisplay::Exact,
            is_under_100: false,
        };
        tally.votes.resize(poll.counters(), 0);
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

    /// The tally of a poll in which nobody has voted, and which takes votes.
    pub fn of_nothing(poll: &Poll, now: Timestamp) -> Self {
        let votes = SmallVec::from_elem(0, poll.counters());
        Self {
            poll: poll.id,
            state: State::Open,
            as_of: now,
            epoch: 0,
            version: 0,
            ballots: 0,
            votes,
            display: TallyDisplay::Exact,
            is_under_100: false,
        }
    }

    /// The votes of one counter, if they are told.
    pub fn told_votes(&self, index: u8) -> Option<u64> {
        (self.display != TallyDisplay::Percent).then(|| self.votes_in(index))
    }

    /// How high an option's bar is beside others: its votes, or its percentage.
    pub fn height(&self, index: u8) -> u64 {
        self.votes_in(index)
    }

    fn votes_in(&self, index: u8) -> u64 {
        self.votes.get(usize::from(index)).copied().unwrap_or(0)
    }

    /// Each option's part of the ballots, in the poll's order, of a total of `whole`; zero while there are no ballots.
    /// Whatever shows parts takes them from here, with a `whole` as fine as it shows.
    ///
    /// The kind decides how they are rounded: see `kind/`. `tenths` in the widget's script is the same.
    pub fn parts(&self, poll: &Poll, whole: u64) -> Votes {
        let votes: Votes = poll.options.iter().map(|option| self.votes_in(option.index)).collect();
        if self.display == TallyDisplay::Percent {
            return votes.iter().map(|percent| percent * whole / 100).collect();
        }
        poll.kind.rules().parts(&votes, self.ballots, whole)
    }

    /// The same from 0 to 1, to four decimals.
    pub fn shares(&self, poll: &Poll) -> impl Iterator<Item = f64> {
        const WHOLE: u32 = 10_000;
        self.parts(poll, WHOLE.into())
            .into_iter()
            .map(|part| f64::from(u32::try_from(part).unwrap_or(WHOLE)) / f64::from(WHOLE))
    }

    /// The Borda points of each option of a ranked poll, in the poll's order; `None` of other kinds, and of a tally
    /// that is not exact.
    pub fn borda(&self, poll: &Poll) -> Option<Votes> {
        if !self.display.is_exact() {
            return None;
        }
        poll.kind.rules().points(poll, &self.votes)
    }

    /// Which share of so many views led to a ballot, from 0 to 1, to four decimals; `None` without views. Some vote
    /// where no view was counted, so it is never more than 1.
    pub fn turnout(&self, views: u64) -> Option<f64> {
        const WHOLE: u32 = 10_000;
        let share = u128::from(self.ballots) * u128::from(WHOLE);
        let share = share.checked_div(views.into())?.min(WHOLE.into());
        Some(f64::from(u32::try_from(share).unwrap_or(WHOLE)) / f64::from(WHOLE))
    }

    /// What the ballots of a rating add up to, or a hundred of them if the tally is in percent; `None` of other kinds.
    pub fn rating(&self, poll: &Poll) -> Option<Rating> {
        let ballots = if self.display == TallyDisplay::Percent { self.votes.iter().sum() } else { self.ballots };
        poll.kind.rules().rating(poll.scale.as_ref(), &self.votes, ballots)
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
        let shares = |votes: &[u64]| {
            let tally = Tally::sum(&poll, [&partition(3, votes, State::Open, 0)]).unwrap();
            tally.shares(&poll).map(|share| share.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(shares(&[2, 1]), ["0.6667", "0.3333"]);
        assert_eq!(shares(&[1, 15]), ["0.0625", "0.9375"]);
        assert_eq!(shares(&[0, 0]), ["0", "0"]);
    }

    fn parts(kind: Kind, votes: &[u64], ballots: u64, whole: u64) -> Vec<u64> {
        let ids: Vec<String> = (0..votes.len()).map(|nth| format!("o{nth}")).collect();
        let poll = poll_with(kind, 1, 1, &ids.iter().map(String::as_str).collect::<Vec<_>>());
        let counted = PartitionTally { ballots, ..partition(0, votes, State::Open, 0) };
        Tally::sum(&poll, [&counted]).unwrap().parts(&poll, whole).to_vec()
    }

    #[test]
    fn parts_of_a_single_choice_add_up_and_the_first_of_equals_gets_what_is_missing() {
        for (votes, expected) in [
            (&[1, 15][..], &[63, 937][..]),
            (&[15, 1], &[938, 62]),
            (&[1, 1, 1], &[334, 333, 333]),
            (&[0, 1, 1, 1], &[0, 334, 333, 333]),
            (&[1, 1, 1, 1, 1, 1], &[167, 167, 167, 167, 166, 166]),
            (&[1, 999_999], &[0, 1_000]),
        ] {
            assert_eq!(parts(Kind::Single, votes, votes.iter().sum(), 1_000), expected, "{votes:?}");
        }
        assert_eq!(parts(Kind::Multiple, &[1, 15], 16, 1_000), [63, 938], "each by itself");
    }

    /// The widget is held to the same file, by a browser.
    #[test]
    fn parts_are_those_that_readers_of_the_widget_are_shown() {
        let lines: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../../tests/browser/shares.json")).unwrap();
        assert!(lines.len() > 300);
        for line in lines {
            let numbers =
                |name: &str| line[name].as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).collect::<Vec<_>>();
            let kind = if line["kind"] == "single" { Kind::Single } else { Kind::Multiple };
            let (votes, ballots) = (numbers("votes"), line["ballots"].as_u64().unwrap());
            let tenths = parts(kind, &votes, ballots, 1_000);
            assert_eq!(tenths, numbers("tenths"), "{line}");
            if kind == Kind::Single {
                assert_eq!(tenths.iter().sum::<u64>(), 1_000, "{line}");
                assert_eq!(parts(kind, &votes, ballots, 10_000).iter().sum::<u64>(), 10_000, "{line}");
            }
        }
    }
}
