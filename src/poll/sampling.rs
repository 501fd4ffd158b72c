//! What readers are shown while ballots of an open poll are held, or an incident goes on: a snapshot that is renewed
//! every 30 seconds.
//!
//! Nobody may find out whether their own ballot counts, or will. So all are shown the same, and it changes neither with
//! a ballot nor soon after it: whole percentages; ballots rounded down to two digits, and below a hundred only that
//! there are some; the beginning of the half minute as its time; and a version that numbers the half minutes.
//!
//! Whoever has a later tally refuses an earlier one, by its version. So the numbers lie between those of the tally
//! before and those after: whenever other ballots count, or snapshots begin or end, the versions of all partitions move
//! on by [`VERSION_STEP`], and snapshots are numbered within the first half of that. What readers are shown in percent
//! or delayed has a coarser version than its tally: so that is counted from [`Poll::least_version`] on.

use serde::{Deserialize, Serialize};

use super::{Edit, Effect, Poll, Revision, State, Tally, TallyDisplay, Timestamp};

/// How far a partition's version moves on when it comes to a revision by which other ballots count, or snapshots begin
/// or end. `sync_partition.lua` does the same.
pub const VERSION_STEP: u64 = 1_000_000;

/// How long a snapshot is shown.
const SHOWN_MILLIS: i64 = 30_000;

/// How a poll's snapshots are numbered since the versions of its tally moved on last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampling {
    /// When they moved on, by the store's clock.
    pub since: Timestamp,
    /// The first snapshot's version.
    pub version: u64,
    /// The revision with which they moved on; 0 in records of earlier versions.
    #[serde(default)]
    pub revision: Revision,
}

/// A half minute, in which one snapshot is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SampleWindow(i64);

impl SampleWindow {
    /// The one that a moment is in.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.as_millis().div_euclid(SHOWN_MILLIS))
    }

    /// Whether what was known in it is recent in another: it is the same, or the one before.
    pub fn is_lately_in(self, other: Self) -> bool {
        (self.0..=self.0 + 1).contains(&other.0)
    }

    fn begins(self) -> Timestamp {
        Timestamp::from_millis(self.0 * SHOWN_MILLIS)
    }
}

impl Edit {
    /// Whether other ballots count by it, or snapshots begin or end. The figure of a closed poll stays as it is.
    pub fn moves_versions(&self, before: &Poll) -> bool {
        if self.effect == Effect::Amends {
            return false;
        }
        before.decisions.uncounted() != self.poll.decisions.uncounted() || before.is_sampled() != self.poll.is_sampled()
    }

    /// The edit, with numbers for the snapshots that follow on it. `version` is how far the poll's tally has come.
    #[must_use]
    pub fn numbered(self, version: u64) -> Self {
        let Self { poll, effect } = self;
        let first = version.saturating_add(VERSION_STEP / 2);
        let sampling = Sampling { since: poll.updated_at, version: first, revision: poll.revision };
        Self { poll: Poll { sampling: Some(sampling), ..poll }, effect }
    }
}

impl Poll {
    /// Whether readers are shown snapshots while it takes votes: some labels are held or void, or an incident goes on.
    pub fn is_sampled(&self) -> bool {
        !self.decisions.count_all() || self.open_incidents().next().is_some()
    }

    /// Whether the versions of its tally move on with this revision of it.
    pub fn moves_versions(&self) -> bool {
        self.sampling.is_some_and(|sampling| sampling.revision == self.revision)
    }

    /// Greater than every version that readers were shown before those of its tally moved on last, and never greater
    /// than those since; 0 if they never have. It is round, to tell no number of votes.
    pub(super) fn least_version(&self) -> u64 {
        self.sampling.map_or(0, |sampling| sampling.version - sampling.version % (VERSION_STEP / 2))
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
            sampling.version + u64::try_from(number).unwrap_or_default().min(VERSION_STEP / 2 - 1)
        };
        let is_under_100 = (1..100).contains(&self.ballots);
        Self {
            as_of: window.begins(),
            // What an earlier version of sawt has begun has no numbers.
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
    use crate::poll::{
        DelayedTally, Ending, Finding, IncidentCause, IncidentPolicy, Kind, Label, LabelDecision, PartitionTally,
        REASON, Revision, Suspects, Text, definition::tests::poll_with,
    };

    const LABEL: Label = Label::NO_MARK;

    fn held(version: u64, at: i64) -> Poll {
        let poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        poll.decided(LABEL, LabelDecision::Held, Timestamp::from_millis(at)).unwrap().numbered(version).poll
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
        let number = |millis| tally(&poll, VERSION_STEP + 40, &[1, 1], 0).sampled(&poll, at(millis)).version;
        assert!(number(0) > 40 + 1_000, "later than what was counted while it was decided");
        assert_eq!((number(90_000), number(119_999), number(120_000)), (500_041, 500_041, 500_042));
        assert!(number(i64::MAX) < VERSION_STEP + 40, "earlier than the tally, which all see again in the end");
        let released = poll.decided(LABEL, LabelDecision::Counted, Timestamp::EARLIEST).unwrap();
        assert_eq!((released.moves_versions(&poll), released.poll.is_sampled()), (true, false));
    }

    #[test]
    fn however_often_versions_have_moved_on_what_readers_see_next_is_later() {
        for display in [TallyDisplay::Exact, TallyDisplay::Percent, TallyDisplay::Delayed] {
            let mut poll = Poll { display, ..poll_with(Kind::Single, 1, 1, &["yes", "no"]) };
            let (mut version, mut shown) = (15_900_000, 0);
            for step in 0..500 {
                let decision = if step % 2 == 0 { LabelDecision::Held } else { LabelDecision::Counted };
                poll = poll.decided(LABEL, decision, Timestamp::EARLIEST).unwrap().numbered(version).poll;
                version += VERSION_STEP + 7;
                let exact = tally(&poll, version, &[824, 415], 60_000);
                let seen = match poll.shown_display() {
                    _ if poll.is_sampled() => exact.sampled(&poll, at(60_000)),
                    TallyDisplay::Exact => exact,
                    TallyDisplay::Percent => exact.in_percent(&poll),
                    TallyDisplay::Delayed => DelayedTally::new(&poll, 0).in_place_of(&exact),
                };
                assert!(seen.version > shown, "{} after {shown}, {display:?}, step {step}", seen.version);
                assert!(seen.version <= version, "{} of {version}", seen.version);
                shown = seen.version;
            }
        }
    }

    #[test]
    fn an_incident_has_readers_shown_snapshots_until_it_ends_and_then_versions_move_on_again() {
        let poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        let incident = |reason: &str| Finding {
            cause: IncidentCause::Editor,
            since: Timestamp::EARLIEST,
            reason: Text::parse(reason, REASON).unwrap(),
            sureness: 100,
            suspects: Suspects::Everyone,
            honest_per_hour: 0,
            figures: None,
            asks_for_work: false,
        };
        let why = Text::parse("over", REASON).unwrap();
        let opened = |poll: &Poll, reason| {
            poll.with_incident(incident(reason), IncidentPolicy::Show, Timestamp::EARLIEST).unwrap()
        };
        let (first, it) = opened(&poll, "one");
        assert_eq!((first.moves_versions(&poll), first.poll.is_sampled()), (true, true));
        let first = first.numbered(40).poll;
        assert!(first.moves_versions());
        let (second, _) = opened(&first, "another");
        assert!(
            !second.moves_versions(&first) && !second.poll.moves_versions(),
            "snapshots go on as they are numbered"
        );
        let ended = first.with_incident_ended(it.label, Ending::ByEditor(&why), Timestamp::EARLIEST).unwrap().0;
        assert_eq!((ended.moves_versions(&first), ended.poll.is_sampled()), (true, false));
        let held = first.decided(it.label, LabelDecision::Held, Timestamp::EARLIEST).unwrap();
        let ended = held.poll.with_incident_ended(it.label, Ending::ByEditor(&why), Timestamp::EARLIEST).unwrap().0;
        assert_eq!((held.moves_versions(&first), ended.moves_versions(&held.poll)), (true, false));
        assert!(ended.poll.is_sampled(), "ballots are held");
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
