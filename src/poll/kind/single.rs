//! `single`: exactly one option.

use smallvec::SmallVec;

use super::{Rules, narrow};
use crate::poll::{Choices, Codec, Counters, Votes};

/// A ballot adds to the counter of its one option.
pub(super) struct Single;

impl Rules for Single {
    fn name(&self) -> &'static str {
        "single"
    }

    fn codec(&self) -> Codec {
        Codec::Index
    }

    fn most_choices(&self, _options: usize) -> usize {
        1
    }

    fn bound(&self, _most: u64, value: u64) -> String {
        format!("must be 1, is {value}: in a poll of kind single a voter chooses one option")
    }

    fn count(&self, choices: Choices) -> Counters {
        Counters::Index(choices.first())
    }

    /// The parts add up to the whole: each is rounded down, and what is missing then goes to those that lost most by it,
    /// the first of the poll where several lost the same (the largest remainder method).
    fn parts(&self, votes: &[u64], ballots: u64, whole: u64) -> Votes {
        let ballots = u128::from(ballots);
        let scaled = |votes: &u64| u128::from(*votes) * u128::from(whole);
        let mut parts: Votes = votes.iter().map(|votes| narrow(scaled(votes).checked_div(ballots))).collect();
        let lost = votes.iter().map(|votes| scaled(votes).checked_rem(ballots).unwrap_or_default());
        let mut most_lost: SmallVec<[(usize, u128); 8]> = lost.enumerate().collect();
        let missing = narrow(most_lost.iter().map(|(_, lost)| lost).sum::<u128>().checked_div(ballots));
        // Stable: of equals the first stays first.
        most_lost.sort_by_key(|(_, lost)| std::cmp::Reverse(*lost));
        for ((place, _), _) in most_lost.iter().zip(0..missing) {
            if let Some(part) = parts.get_mut(*place) {
                *part += 1;
            }
        }
        parts
    }
}
