//! What readers are shown while ballots of an open poll are held: a snapshot that is renewed every 30 seconds.
//!
//! Nobody may find out whether their own ballot counts. So all are shown the same, and it changes neither with a ballot nor
//! soon after it: whole percentages; ballots rounded down to two digits, and below a hundred only that there are some; the
//! beginning of the half minute as its time; and a version that numbers the half minutes.
//!
//! Whoever has a later tally refuses an earlier one, by its version. So the numbers lie between those of the tally before and
//! those after: each decision of labels moves the versions of all partitions on by [`DECISION_STEP`], and snapshots are
//! numbered within the first half of that.

use serde::{Deserialize, Serialize};

use super::{Edit, Poll, State, Tally, TallyDisplay, Timestamp};

/// How far a partition's version moves on when it is decided otherwise which labels count. `sync_partition.lua` does the same.
pub const DECISION_STEP: u64 = 1_000_000;

/// How long a snapshot is shown.
const SHOWN_MILLIS: i64 = 30_000;

/// Since when readers are shown snapshots of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampling {
    /// When that was decided last, by the store's clock.
    pub since: Timestamp,
    /// The first snapshot's version.
    pub version: u64,
}

/// A half minute, in which one snapshot is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SampleWindow(i64);

impl SampleWindow {
    /// The one that a moment is in.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.as_millis().div_euclid(SHOWN_MILLIS))
    }

    /// Whether it is the one before another.
    pub fn is_just_before(self, other: Self) -> bool {
        self.0 + 1 == other.0
    }

    fn begins(self) -> Timestamp {
        Timestamp::from_millis(self.0 * SHOWN_MILLIS)
    }
}

impl Edit {
    /// The edit, by which readers are shown snapshots from now on if some labels don't count, and no more if all do.
    /// `version` is how far the poll's tally has come.
    #[must_use]
    pub fn sampled(self, version: u64) -> Self {
        let (Self { poll, effect }, half) = (self, DECISION_STEP / 2);
        let sampling = Sampling { since: poll.updated_at, version: version.saturating_add(half) };
        let sampling = (!poll.decisions.count_all()).then_some(sampling);
        Self { poll: Poll { sampling, ..poll }, effect }
    }
}

impl Poll {
    /// Whether readers are shown snapshots while it takes votes: some labels are held or void, or will be.
    pub fn is_sampled(&self) -> bool {
        self.sampling.is_some() || !self.decisions.count_all()
    }

    /// How exact readers see the tally while it takes votes.
    pub fn shown_display(&self) -> TallyDisplay {
        if self.is_sampled() { TallyDisplay::Percent } else { self.display }
    }

    /// Whether readers are shown snapshots in this state.
    pub fn is_sampled_in(&self, state: State) -> bool {
        state == State::Open && self.is_sampled()
    }
}

impl Tally {
    /// The snapshot that readers are shown in a half minute, made of what the tally was before it.
    #[must_use]
    pub fn sampled(&self, poll: &Poll, window: SampleWindow) -> Self {
        let percent = self.in_percent(poll);
        let number = |sampling: Sampling| {
            let number = window.0.saturating_sub(SampleWindow::of(sampling.since).0);
            sampling.version + u64::try_from(number).unwrap_or_default().min(DECISION_STEP / 2 - 1)
        };
        let is_under_100 = (1..100).contains(&self.ballots);
        Self {
            as_of: window.begins(),
            // A decision that an earlier version made has no numbers.
            version: poll.sampling.map_or(percent.version, number),
            ballots: if is_under_100 { 1 } else { percent.ballots },
            is_under_100,
            ..percent
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{Kind, Label, LabelDecision, PartitionTally, Revision, definition::tests::poll_with};

    const LABEL: Label = Label::NO_MARK;

    fn held(version: u64, at: i64) -> Poll {
        let poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        poll.decided(LABEL, LabelDecision::Held, Timestamp::from_millis(at)).unwrap().sampled(version).poll
    }

    fn tally(poll: &Poll, version: u64, votes: &[u64], as_of: i64) -> Tally {
        let (ballots, as_of) = (votes.iter().sum(), Timestamp::from_millis(as_of));
        let (revision, epoch, state) = (Revision::FIRST, 0, State::Open);
        let votes = votes.into();
        Tally::sum(poll, [&PartitionTally { revision, epoch, version, ballots, votes, state, as_of }]).unwrap()
    }

    fn at(millis: i64) -> SampleWindow {
        SampleWindow::of(Timestamp::from_millis(millis))
    }

    #[test]
    fn a_snapshot_tells_neither_how_many_have_voted_nor_when() {
        let poll = held(1_239, 65_000);
        let shown = tally(&poll, 1_001_250, &[824, 415], 119_999).sampled(&poll, at(121_000));
        assert_eq!((shown.ballots, shown.votes.as_slice(), shown.as_of.as_millis()), (1_200, &[67, 33][..], 120_000));
        assert_eq!((shown.version, shown.is_under_100, shown.told_votes(0)), (501_241, false, None));
        // A held ballot, and a few that count, change nothing.
        assert_eq!(tally(&poll, 1_001_251, &[824, 415], 119_999).sampled(&poll, at(149_999)), shown);
        assert_eq!(tally(&poll, 1_001_252, &[825, 415], 119_999).sampled(&poll, at(149_999)), shown);
    }

    #[test]
    fn below_a_hundred_ballots_a_snapshot_says_only_that_there_are_some() {
        let poll = held(0, 0);
        for (ballots, shown, is_under_100) in [(0, 0, false), (1, 1, true), (99, 1, true), (100, 100, false)] {
            let sample = tally(&poll, 1_000_000, &[ballots, 0], 0).sampled(&poll, at(0));
            assert_eq!((sample.ballots, sample.is_under_100), (shown, is_under_100), "{ballots}");
        }
    }

    #[test]
    fn the_numbers_of_snapshots_lie_between_the_versions_before_and_after() {
        let poll = held(40, 65_000);
        let number = |millis| tally(&poll, DECISION_STEP + 40, &[1, 1], 0).sampled(&poll, at(millis)).version;
        assert!(number(0) > 40 + 1_000, "later than what was counted while it was decided");
        assert_eq!((number(90_000), number(119_999), number(120_000)), (500_041, 500_041, 500_042));
        assert!(number(i64::MAX) < DECISION_STEP + 40, "earlier than the tally, which all see again in the end");
        let released = poll.decided(LABEL, LabelDecision::Counted, Timestamp::EARLIEST).unwrap().sampled(7).poll;
        assert_eq!((released.sampling, released.is_sampled()), (None, false));
    }

    #[test]
    fn readers_are_shown_snapshots_only_while_votes_are_taken() {
        let poll = held(0, 0);
        for state in [State::Draft, State::Scheduled, State::Open, State::Closed] {
            assert_eq!(poll.is_sampled_in(state), state == State::Open, "{state:?}");
        }
        assert_eq!(
            (poll.display_in(State::Open), poll.display_in(State::Closed)),
            (TallyDisplay::Percent, TallyDisplay::Exact)
        );
        assert!(!poll.tells_everyone_its_ballots(State::Open));
    }
}
