//! `ranked`: some or all options in an order, the most preferred first.
//!
//! An option has a counter for each rank. So the tally alone says how often each was preferred to all others, and how
//! many points it has (Borda); who wins by instant run-off takes the ballots themselves: see `runoff.rs`.

use smallvec::SmallVec;

use super::{Rules, parts_that_add_up};
use crate::poll::{Choices, Codec, Counters, Indexes, InvalidChoice, MOST_INDEXES, Poll, Votes};

/// The most options to rank: with a counter for each rank of each there are 225, of the 240 there may be.
const MOST: usize = MOST_INDEXES;

/// A ballot adds to one counter for each option that it ranks: that of rank × options + option, ranks and options being
/// numbered from 0. So the first counters are the first preferences, by option.
pub(super) struct Ranked;

impl Rules for Ranked {
    fn name(&self) -> &'static str {
        "ranked"
    }

    fn codec(&self) -> Codec {
        Codec::Bytes
    }

    fn counters(&self, poll: &Poll) -> usize {
        poll.options.len() * usize::from(poll.max_choices)
    }

    /// First preferences.
    fn timed_counters(&self, poll: &Poll) -> usize {
        poll.options.len()
    }

    fn most_options(&self) -> usize {
        MOST
    }

    fn most_choices(&self, options: usize) -> usize {
        options.clamp(1, MOST)
    }

    fn takes_one(&self) -> bool {
        false
    }

    fn is_ordered(&self) -> bool {
        true
    }

    fn bound(&self, most: u64, value: u64) -> String {
        format!("must be from 1 to {most} (the number of options), is {value}")
    }

    fn no_option(&self, poll: &Poll, sent: String) -> InvalidChoice {
        InvalidChoice::NoSuchPreference(sent, poll.option_ids())
    }

    fn repeated(&self, sent: String) -> InvalidChoice {
        InvalidChoice::RepeatedPreference(sent)
    }

    fn count(&self, poll: &Poll, choices: Choices) -> Counters {
        let options = poll.options.len();
        let counter = |(rank, option): (usize, u8)| u8::try_from(rank * options + usize::from(option)).ok();
        let counters: Option<SmallVec<[u8; MOST]>> = choices.order().iter().enumerate().map(counter).collect();
        // Of an order that was checked there are as many as fit, and each is another.
        Counters::Bytes(counters.and_then(|counters| Indexes::of(&counters)).unwrap_or(Indexes::NONE))
    }

    fn read(&self, poll: &Poll, counters: Counters) -> Choices {
        let option = |counter: u8| u8::try_from(usize::from(counter).checked_rem(poll.options.len())?).ok();
        let order: Option<SmallVec<[u8; MOST]>> = counters.indexes().map(option).collect();
        Choices::in_order(order.and_then(|order| Indexes::of(&order)).unwrap_or(Indexes::NONE))
    }

    /// Of the first preferences.
    fn parts(&self, votes: &[u64], ballots: u64, whole: u64) -> Votes {
        parts_that_add_up(votes, ballots, whole)
    }

    /// Borda: of n options the first has n points, the next one less, and one that is not ranked none.
    fn points(&self, poll: &Poll, votes: &[u64]) -> Option<Votes> {
        let options = poll.options.len();
        let points = |option: u8| {
            let by_rank = votes.iter().skip(option.into()).step_by(options.max(1));
            let worth = (1..=u64::try_from(options).unwrap_or(0)).rev();
            by_rank.zip(worth).fold(0_u64, |sum, (votes, worth)| sum.saturating_add(votes.saturating_mul(worth)))
        };
        Some(poll.options.iter().map(|option| points(option.index)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{
        Effect, Kind, MAX_COUNTERS, NewOption, PartitionTally, PollFields, Revision, State, Tally,
        definition::tests::{earlier, new_poll, poll_with},
    };

    const NAMES: [&str; 15] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o"];

    fn counted(poll: &Poll, ballots: &[&[&str]]) -> Tally {
        let mut votes = Votes::from_elem(0, poll.counters());
        for ballot in ballots {
            for index in poll.counters_of(Choices::check(poll, ballot).unwrap()).indexes() {
                votes[usize::from(index)] += 1;
            }
        }
        let ballots = ballots.len().try_into().unwrap();
        let (revision, state, as_of) = (Revision::FIRST, State::Open, earlier(0));
        Tally::sum(poll, [&PartitionTally { revision, epoch: 0, version: 0, ballots, votes, state, as_of }]).unwrap()
    }

    #[test]
    fn an_order_is_counted_by_rank_and_read_again_as_it_was() {
        let poll = poll_with(Kind::Ranked, 1, 15, &NAMES);
        assert_eq!((poll.counters(), poll.timed_counters(), poll.codec), (225, 15, Codec::Bytes));
        assert!(poll.counters() <= MAX_COUNTERS);
        let turned: Vec<&str> = NAMES.iter().rev().copied().collect();
        for order in [&["b"][..], &["o", "a"], &["a", "o"], &NAMES, &turned] {
            let chosen = Choices::check(&poll, order).unwrap();
            assert_eq!(poll.choices_of(poll.counters_of(chosen)), chosen);
            assert_eq!(chosen.ids(&poll).iter().map(ToString::to_string).collect::<Vec<_>>(), order);
            assert_eq!(chosen.options(&poll).filter_map(|option| chosen.rank(option)).count(), order.len());
        }
        let counters = poll.counters_of(Choices::check(&poll, &["c", "a"]).unwrap());
        assert_eq!(counters.indexes().collect::<Vec<_>>(), [2, 15]);
        // Options shown in another order are the same options.
        let turned: Vec<NewOption> = NAMES.iter().rev().map(|id| named(id)).collect();
        let shown = PollFields { options: Some(turned), ..PollFields::default() }.apply(&poll, earlier(9)).unwrap();
        assert_eq!(shown.effect, Effect::Changes);
        assert_eq!(shown.poll.choices_of(counters).ids(&shown.poll), ["c", "a"].map(|id| id.parse().unwrap()));
    }

    fn named(id: &str) -> NewOption {
        NewOption { id: Some(id.to_owned()), label: format!("label of {id}"), ..NewOption::default() }
    }

    #[test]
    fn a_rank_is_worth_as_many_points_as_there_are_options_less_those_before_it() {
        let poll = poll_with(Kind::Ranked, 1, 3, &["a", "b", "c"]);
        let tally = counted(&poll, &[&["a", "b", "c"], &["b", "a"], &["b"]]);
        assert_eq!(tally.borda(&poll).unwrap().as_slice(), [3 + 2, 2 + 3 + 3, 1]);
        assert_eq!(tally.parts(&poll, 3).as_slice(), [1, 2, 0], "first preferences");
        let two = poll_with(Kind::Ranked, 1, 2, &["a", "b", "c"]);
        assert_eq!(two.counters(), 6);
        let tally = counted(&two, &[&["a", "c"], &["c"]]);
        assert_eq!(tally.borda(&two).unwrap().as_slice(), [3, 0, 2 + 3]);
        let single = poll_with(Kind::Single, 1, 1, &["a", "b"]);
        assert_eq!(counted(&single, &[]).borda(&single), None);
    }

    #[test]
    fn what_is_no_order_of_the_options_is_refused_and_why() {
        let poll = poll_with(Kind::Ranked, 2, 3, &["a", "b", "c"]);
        let refused = |named: &[&str]| Choices::check(&poll, named).unwrap_err();
        let ids = || "a, b, c".to_owned();
        assert_eq!(refused(&[]), InvalidChoice::EmptyOrder(ids()));
        assert_eq!(refused(&["a"]), InvalidChoice::TooFew { min: 2, named: 1 });
        assert_eq!(refused(&["a", "b", "a"]), InvalidChoice::RepeatedPreference("\"a\"".to_owned()));
        assert_eq!(refused(&["a", "x"]), InvalidChoice::NoSuchPreference("\"x\"".to_owned(), ids()));
        assert_eq!(refused(&["a", "b", "c", "a"]), InvalidChoice::TooMany { max: 3, named: 4 });
    }

    #[test]
    fn at_most_15_options_are_ranked() {
        let mut names = NAMES.to_vec();
        assert!(new_poll(Kind::Ranked, 1, 15, &names).is_ok());
        names.push("p");
        let refused = new_poll(Kind::Ranked, 1, 15, &names).unwrap_err();
        assert_eq!(refused[0].detail, "must be 2 to 15 options, is 16");
    }
}
