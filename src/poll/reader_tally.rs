//! What readers see in place of a tally while a poll takes votes, if its publisher does not show them the tally as it
//! is.
//!
//! In percent: shares that nobody can count votes by, and ballots rounded down to two digits. Delayed: the tally at the
//! beginning of a minute some minutes ago, summed from the minutes of the timeline, which are the same on every replica
//! and do not change any more. Either is a tally of its own, with a version that tells no more than it does. That is
//! never greater than the version of the tally itself: so whoever has it takes the final tally for a later one.

use std::ops::Range;

use super::{Change, Minute, Poll, Revision, State, Tally, TallyDisplay, Timestamp, Viewer, Votes};

/// How many whole minutes pass before readers are shown a vote.
const DELAY_MINUTES: i64 = 5;

impl Poll {
    /// How exact readers see the tally in this state. In percent it may be a snapshot: see
    /// [`is_sampled_in`](Self::is_sampled_in).
    pub fn display_in(&self, state: State) -> TallyDisplay {
        match state {
            State::Open => self.shown_display(),
            // There is nothing to tell yet, or it is final.
            State::Draft | State::Scheduled | State::Closed => TallyDisplay::Exact,
        }
    }

    /// Whether everyone may be told in this state how many have voted, at every moment: only then may a ranking or a
    /// list count its ballots.
    pub fn tells_everyone_its_ballots(&self, state: State) -> bool {
        let is_whole = self.display_in(state).is_exact() && self.minimum_ballots == 0;
        is_whole && self.results.shows(Viewer::Everyone, state)
    }

    /// Whether its views are all that it had, so that it may be told which share voted. An article's poll is there from
    /// its first ballot on, and nobody counts those who saw it before and left.
    pub fn counts_every_view(&self) -> bool {
        self.article.is_none()
    }
}

impl Tally {
    /// The tally in percent.
    #[must_use]
    pub fn in_percent(&self, poll: &Poll) -> Self {
        let mut votes = Votes::from_elem(0, self.votes.len());
        for (option, part) in poll.options.iter().zip(self.parts(poll, 100)) {
            if let Some(votes) = votes.get_mut(usize::from(option.index)) {
                *votes = part;
            }
        }
        Self {
            display: TallyDisplay::Percent,
            // Moments between two readings would tell when votes came.
            as_of: Minute::of(self.as_of).start(),
            version: round_version(self.version, poll.least_version()),
            ballots: to_two_digits(self.ballots),
            votes,
            ..self.clone()
        }
    }
}

/// A version, of which what is beyond the least one is rounded down: all of it is too coarse once versions have moved
/// on a hundred times. One that is not there yet is a partition's that has not heard of it.
fn round_version(version: u64, least: u64) -> u64 {
    version.checked_sub(least).map_or_else(|| to_two_digits(version), |beyond| least + to_two_digits(beyond))
}

/// A number, rounded down to its first two digits.
fn to_two_digits(number: u64) -> u64 {
    let unit = 10_u64.pow(number.checked_ilog10().unwrap_or_default().saturating_sub(1));
    number - number % unit
}

/// A poll's tally as it was some minutes ago, and how it goes on.
#[derive(Debug, Clone)]
pub struct DelayedTally {
    /// The minutes before this one are in it.
    until: Minute,
    sum: Change,
    version: u64,
    /// What it is of: other options, or votes that were lost, have another history.
    revision: Revision,
    epoch: u64,
    first: Minute,
}

impl DelayedTally {
    /// That of a poll whose tally is of this epoch, before anything is read.
    pub fn new(poll: &Poll, epoch: u64) -> Self {
        let first = Minute::before_all(poll);
        Self {
            until: first,
            sum: Change::default(),
            version: poll.least_version(),
            revision: poll.revision,
            epoch,
            first,
        }
    }

    /// Whether it goes on as the tally of this poll in this epoch.
    pub fn is_of(&self, poll: &Poll, epoch: u64) -> bool {
        (self.revision, self.epoch) == (poll.revision, epoch)
    }

    /// The minutes that are missing from what readers are shown at a moment of the store's clock; `None` if there are
    /// none.
    pub fn missing(&self, now: Timestamp) -> Option<Range<Minute>> {
        let until = Minute::of(now).plus(-DELAY_MINUTES).max(self.first);
        (self.until < until).then_some(self.until..until)
    }

    /// Takes the minutes up to this one, which follow those it has.
    pub fn feed(&mut self, minutes: impl IntoIterator<Item = (Minute, Change)>, until: Minute) {
        for (_, change) in minutes {
            // At least so many ballots have changed the tally.
            self.version = self.version.saturating_add(change.ballots.unsigned_abs());
            self.sum.add(&change, 1);
        }
        self.until = until;
    }

    /// The tally that readers are shown in place of another.
    pub fn in_place_of(&self, tally: &Tally) -> Tally {
        let count = |sum: i64| u64::try_from(sum).unwrap_or_default();
        let votes = (0..).take(tally.votes.len()).map(|index| count(self.sum.votes_in(index))).collect();
        Tally {
            display: TallyDisplay::Delayed,
            as_of: self.until.start(),
            // Until the new definition is known everywhere the tally may be of a version before it: not told exactly.
            version: if tally.version < self.version { to_two_digits(tally.version) } else { self.version },
            ballots: count(self.sum.ballots),
            votes,
            ..tally.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{Kind, PartitionTally, Revision, definition::tests::poll_with};

    fn tally(poll: &Poll, version: u64, votes: &[u64], as_of: i64) -> Tally {
        let (ballots, as_of) = (votes.iter().sum(), Timestamp::from_millis(as_of));
        let (revision, epoch, state) = (Revision::FIRST, 0, State::Open);
        let votes = votes.into();
        Tally::sum(poll, [&PartitionTally { revision, epoch, version, ballots, votes, state, as_of }]).unwrap()
    }

    #[test]
    fn ballots_are_rounded_down_to_two_digits() {
        for (number, rounded) in
            [(0, 0), (9, 9), (10, 10), (99, 99), (100, 100), (109, 100), (119, 110), (12_999, 12_000)]
        {
            assert_eq!(to_two_digits(number), rounded, "{number}");
        }
        assert_eq!(to_two_digits(u64::MAX), 18_000_000_000_000_000_000);
    }

    #[test]
    fn a_tally_in_percent_adds_up_and_tells_no_count() {
        let poll = poll_with(Kind::Single, 1, 1, &["a", "b", "c"]);
        let shown = tally(&poll, 1_239, &[412, 412, 411], 61_234).in_percent(&poll);
        assert_eq!((shown.ballots, shown.version, shown.as_of.as_millis()), (1_200, 1_200, 60_000));
        assert_eq!(shown.parts(&poll, 1_000).as_slice(), [340, 330, 330]);
        assert_eq!(shown.told_votes(0), None);
        // One more vote shows nothing new.
        assert_eq!(tally(&poll, 1_240, &[413, 412, 411], 61_300).in_percent(&poll), shown);
    }

    #[test]
    fn a_delayed_tally_has_what_was_counted_before_its_minute_and_a_version_that_only_grows() {
        let poll = Poll { created_at: Minute(1_000).start(), ..poll_with(Kind::Single, 1, 1, &["yes", "no"]) };
        let at = |minute: i64| Timestamp::from_millis(minute * 60_000 + 59_999);
        let mut delayed = DelayedTally::new(&poll, 0);
        assert_eq!(delayed.missing(at(944)), None);
        let range = delayed.missing(at(1_010)).unwrap();
        assert_eq!(range, Minute(940)..Minute(1_005));
        let change = |ballots, votes: &[i64]| Change { ballots, votes: votes.into() };
        delayed.feed([(Minute(1_000), change(2, &[1, 1])), (Minute(1_004), change(-1, &[0, -1]))], range.end);
        let shown = delayed.in_place_of(&tally(&poll, 9, &[4, 3], 0));
        assert_eq!((shown.ballots, shown.votes.as_slice(), shown.version), (1, &[1, 0][..], 3));
        assert_eq!(shown.as_of, Minute(1_005).start());
        assert_eq!(delayed.missing(at(1_010)), None);
        assert_eq!(delayed.missing(at(1_011)), Some(Minute(1_005)..Minute(1_006)));
        assert!(delayed.is_of(&poll, 0) && !delayed.is_of(&poll, 1));
    }
}
