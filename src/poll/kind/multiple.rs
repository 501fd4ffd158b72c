//! `multiple`: a set of options, from `min_choices` to `max_choices` of them.

use super::{Rules, narrow};
use crate::poll::{Choices, Codec, Counters, MAX_OPTIONS, Poll, Votes};

/// A ballot adds to the counters of all its options.
pub(super) struct Multiple;

impl Rules for Multiple {
    fn name(&self) -> &'static str {
        "multiple"
    }

    fn codec(&self) -> Codec {
        Codec::Bits
    }

    fn most_choices(&self, options: usize) -> usize {
        options.clamp(1, MAX_OPTIONS)
    }

    fn takes_one(&self) -> bool {
        false
    }

    fn takes_open_answers(&self) -> bool {
        true
    }

    fn bound(&self, most: u64, value: u64) -> String {
        format!("must be from 1 to {most} (the number of options), is {value}")
    }

    fn count(&self, _poll: &Poll, choices: Choices) -> Counters {
        Counters::Bits(choices.bits())
    }

    /// The parts add up to more than the whole, for a voter has several votes: each is rounded by itself, half up.
    fn parts(&self, votes: &[u64], ballots: u64, whole: u64) -> Votes {
        let ballots = u128::from(ballots);
        let scaled = |votes: &u64| u128::from(*votes) * u128::from(whole);
        votes.iter().map(|votes| narrow((scaled(votes) * 2 + ballots).checked_div(ballots * 2))).collect()
    }
}
