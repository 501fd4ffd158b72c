//! Ballots that were counted here lately, in polls that let them be taken back.
//!
//! A ballot adds to a ranking what it is worth at that moment, and a day later next to nothing of that is left. So who
//! takes it back then takes nothing off: or thirty readers of yesterday would undo what thirty of today have said. Only
//! a ballot that was counted here a moment ago is taken off again, so that a reader who plays with a button ranks
//! nothing higher. No store says when a ballot was cast, so each replica remembers the last ones; one that another
//! replica has counted stays in the ranking, as if its reader had thought better of it tomorrow.
//!
//! Memory is bounded: there are two halves, and when the newer one is old or full, it becomes the older one, and what
//! that held is forgotten.

use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;

use crate::poll::{Outcome, PollId, VoterDigest};

/// How long a ballot is remembered at the least, unless too many come.
const KEPT_FOR: Duration = Duration::from_mins(30);
/// The most ballots in each half.
const MOST_IN_HALF: usize = 32_768;

/// A voter in a poll.
type Voted = (PollId, [u8; 8]);

/// The ballots. See the module.
#[derive(Default)]
pub(super) struct RecentBallots {
    newer: FxHashSet<Voted>,
    older: FxHashSet<Voted>,
    turned_at: Option<Instant>,
}

impl RecentBallots {
    /// By how much what became of a ballot moves its poll in a ranking.
    pub(super) fn move_by(&mut self, poll: PollId, voter: VoterDigest, outcome: &Outcome, now: Instant) -> i64 {
        let voted = (poll, voter.field);
        match outcome {
            Outcome::Counted => {
                self.turn(now);
                self.newer.insert(voted);
                1
            }
            Outcome::Withdrawn => {
                self.turn(now);
                let was_here = self.newer.remove(&voted) | self.older.remove(&voted);
                -i64::from(was_here)
            }
            Outcome::Repeated
            | Outcome::Changed
            | Outcome::NoBallot
            | Outcome::AlreadyVoted(_)
            | Outcome::NotOpen
            | Outcome::Undecided => 0,
        }
    }

    fn turn(&mut self, now: Instant) {
        let turned_at = *self.turned_at.get_or_insert(now);
        let age = now.saturating_duration_since(turned_at);
        if age < KEPT_FOR && self.newer.len() < MOST_IN_HALF {
            return;
        }
        self.older = std::mem::take(&mut self.newer);
        if age >= 2 * KEPT_FOR {
            self.older = FxHashSet::default();
        }
        self.turned_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voter(number: u64) -> VoterDigest {
        VoterDigest { field: number.to_be_bytes(), partition: 0 }
    }

    #[test]
    fn a_withdrawal_takes_back_what_its_ballot_has_just_added_and_nothing_of_yesterdays() {
        let (poll, now) = (PollId::generate(), Instant::now());
        let mut ballots = RecentBallots::default();
        let mut moved =
            |number, outcome: Outcome, after: Duration| ballots.move_by(poll, voter(number), &outcome, now + after);
        for number in 0..30 {
            assert_eq!(moved(number, Outcome::Counted, Duration::ZERO), 1);
        }
        // A reader plays with the button.
        for _ in 0..9 {
            assert_eq!(moved(0, Outcome::Withdrawn, KEPT_FOR), -1);
            assert_eq!(moved(0, Outcome::Counted, KEPT_FOR), 1);
        }
        assert_eq!(moved(0, Outcome::Changed, KEPT_FOR) + moved(0, Outcome::Repeated, KEPT_FOR), 0);
        let tomorrow = 3 * KEPT_FOR;
        let score: i64 = (0..30)
            .map(|number| moved(number, Outcome::Withdrawn, tomorrow) + moved(100 + number, Outcome::Counted, tomorrow))
            .sum();
        assert_eq!(score, 30);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (poll, now) = (PollId::generate(), Instant::now());
        let mut ballots = RecentBallots::default();
        for number in 0..100_000 {
            ballots.move_by(poll, voter(number), &Outcome::Counted, now);
        }
        assert!(ballots.newer.len() + ballots.older.len() <= 2 * MOST_IN_HALF);
    }
}
