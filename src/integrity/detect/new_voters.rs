//! A crowd of new tokens: more ballots at once are by voters who were made with them.
//!
//! Whoever casts one ballot after another makes a voter for each. So the part of ballots grows whose voters are made with
//! them, against the poll's own past. (Tokens say the day on which they were made, and no more: those that were saved up are
//! found by other signs.) A crowd that one post has sent is new as well, and so are all readers of a site that has just
//! begun: so this is never sure, and nothing is held for it.

use super::growth::{GrowthStep, PartOfBallots, PastBallots};

/// A quarter of all ballots.
const STEP: GrowthStep = GrowthStep { by: 0.25, least: 0.02, after_millis: 30 * 60_000 };

/// How many of a poll's ballots are by voters who were made with them.
#[derive(Debug, Clone, Default)]
pub(super) struct NewVoters {
    past: PastBallots,
    by_new: PartOfBallots,
}

/// A crowd of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct NewCrowd {
    pub(super) since_millis: i64,
    /// Which part of ballots was by new voters before.
    pub(super) part: f64,
}

impl NewVoters {
    pub(super) fn note(&mut self, millis: i64, is_new: bool) {
        self.past.note(millis);
        self.by_new.note(is_new, millis, &self.past, &STEP);
    }

    /// Forgets how far they have become more, and not how many they are.
    pub(super) fn forget_signs(&mut self) {
        self.by_new.forget_growth();
    }

    /// The crowd, if there is one.
    pub(super) fn crowd(&self) -> Option<NewCrowd> {
        let PartOfBallots { part, since_millis, .. } = self.by_new;
        self.by_new.has_grown().then_some(NewCrowd { since_millis, part })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrity::detect::tests::Dice;

    /// After how many ballots of the second part a crowd is seen.
    fn seen_after(dice: &mut Dice, before: f64, after: f64) -> Option<i64> {
        let mut voters = NewVoters::default();
        for ballot in 0..2_000 {
            voters.note(ballot * 2_000, dice.unit() < before);
            assert_eq!(voters.crowd(), None, "there is none");
        }
        (2_000..12_000).find_map(|ballot| {
            voters.note(ballot * 2_000, dice.unit() < after);
            let crowd = voters.crowd()?;
            assert!(crowd.since_millis >= 3_800_000, "{crowd:?}");
            Some(ballot - 2_000)
        })
    }

    #[test]
    fn a_crowd_of_new_voters_is_seen_within_some_hundred_ballots_and_chance_is_none() {
        let mut dice = Dice::new(31);
        for (before, after) in [(0.3, 0.7), (0.1, 0.5), (0.6, 1.0)] {
            assert!(seen_after(&mut dice, before, after).is_some_and(|ballots| ballots < 200), "{before} to {after}");
        }
        for part in [0.0, 0.3, 0.7, 1.0] {
            assert_eq!(seen_after(&mut dice, part, part), None, "{part}");
        }
    }

    #[test]
    fn a_young_poll_has_no_past() {
        let mut voters = NewVoters::default();
        for ballot in 0..5_000 {
            voters.note(ballot * 300, ballot > 2_500);
            assert_eq!(voters.crowd(), None);
        }
    }
}
