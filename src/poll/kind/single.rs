//! `single`: exactly one option.

use super::{Rules, one_choice, parts_that_add_up};
use crate::poll::{Choices, Codec, Counters, Poll, Votes};

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

    fn takes_open_answers(&self) -> bool {
        true
    }

    fn has_right_answer(&self) -> bool {
        true
    }

    fn bound(&self, _most: u64, value: u64) -> String {
        one_choice(self.name(), value)
    }

    fn count(&self, _poll: &Poll, choices: Choices) -> Counters {
        Counters::Index(choices.first())
    }

    fn parts(&self, votes: &[u64], ballots: u64, whole: u64) -> Votes {
        parts_that_add_up(votes, ballots, whole)
    }
}
