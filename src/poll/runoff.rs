//! Instant run-off: who wins a ranked poll, by rounds.
//!
//! In each round a ballot counts for the option it ranks highest of those still in. An option with more than half of
//! these votes wins. If there is none, the option with the fewest goes out, and the next round is counted. A ballot
//! that ranks none of those still in is *exhausted*: it counts for nobody, and not in the half.
//!
//! **Ties.** Of several with the fewest votes, the one goes out that had the fewest in the latest round before in which
//! they differ. Where no round tells them apart, the one goes out whose BLAKE3 hash of the poll and the option is the
//! lowest: nobody chooses it, and everybody can compute it.
//!
//! It is exact: what comes in is every ballot, the same orders together.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Counters, Edit, Effect, Indexes, OptionId, Poll, PollOption, Tally, Timestamp, Votes};

/// The ballots of a ranked poll: every order that was given, and by how many voters.
///
/// It grows with the orders that differ, by some 30 bytes each: there are at most as many as voters.
#[derive(Debug, Clone, Default)]
pub struct Orders(FxHashMap<Indexes, u64>);

/// A run-off, round by round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runoff {
    /// How many ballots were counted.
    pub ballots: u64,
    /// The first round has all options. None if there are no ballots.
    pub rounds: Vec<Round>,
    /// Who won in the last round; `None` if there are no ballots.
    pub winner: Option<OptionId>,
}

/// One round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// The votes of each option still in, in the poll's order.
    pub votes: Vec<(OptionId, u64)>,
    /// How many ballots rank none of them.
    pub exhausted: u64,
    /// Who goes out after it; `None` in the last round.
    pub eliminated: Option<Eliminated>,
}

/// Who goes out after a round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eliminated {
    pub option: OptionId,
    /// What decided between several with the fewest votes, if there were several.
    pub tie: Option<TieBreak>,
}

/// What decides between options with as few votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TieBreak {
    /// The votes in a round before.
    EarlierRound,
    /// The hash of the poll and the option.
    Hash,
}

impl Poll {
    /// The poll, which is closed, with its run-off, which can't be counted again once its ballots are forgotten.
    pub fn with_runoff(&self, runoff: Runoff, now: Timestamp) -> Edit {
        let runoff = Some(Arc::new(runoff));
        let poll = Self { runoff, revision: self.revision.next(), updated_at: now, ..self.clone() };
        Edit { poll, effect: Effect::Amends }
    }
}

impl Orders {
    /// Adds a ballot.
    pub fn add(&mut self, poll: &Poll, counters: Counters) {
        *self.0.entry(poll.choices_of(counters).order()).or_default() += 1;
    }

    /// How many ballots there are.
    pub fn ballots(&self) -> u64 {
        self.0.values().sum()
    }

    /// Whether a tally is the sum of these ballots.
    pub fn add_up_to(&self, poll: &Poll, tally: &Tally) -> bool {
        let mut votes = Votes::from_elem(0, poll.counters());
        for (order, ballots) in &self.0 {
            for (rank, option) in order.iter().enumerate() {
                if let Some(votes) = votes.get_mut(rank * poll.options.len() + usize::from(option)) {
                    *votes += ballots;
                }
            }
        }
        (self.ballots(), &votes) == (tally.ballots, &tally.votes)
    }

    /// The run-off of these ballots.
    pub fn run_off(&self, poll: &Poll) -> Runoff {
        let ballots = self.ballots();
        let mut run_off = Runoff { ballots, rounds: Vec::new(), winner: None };
        // Those still in, and their votes in each round so far.
        let mut contenders: Vec<Contender<'_>> =
            poll.options.iter().map(|option| Contender { option, votes: SmallVec::new() }).collect();
        while ballots > 0 && !contenders.is_empty() {
            let exhausted = self.count(&mut contenders);
            let votes = contenders.iter().map(|it| (it.option.id.clone(), it.latest())).collect();
            let majority = contenders.iter().find(|it| it.latest().saturating_mul(2) > ballots - exhausted);
            let winner = majority.map(|it| it.option.id.clone());
            let (nth, tie) = last_of(poll, &contenders);
            let goes_out = (nth < contenders.len() && winner.is_none()).then(|| contenders.remove(nth));
            let eliminated = goes_out.map(|it| Eliminated { option: it.option.id.clone(), tie });
            let is_last = eliminated.is_none();
            run_off.rounds.push(Round { votes, exhausted, eliminated });
            if is_last {
                run_off.winner = winner;
                break;
            }
        }
        run_off
    }

    /// Counts a round; gives how many ballots are exhausted.
    fn count(&self, contenders: &mut [Contender<'_>]) -> u64 {
        // By the option's index, of which there are at most 32.
        let mut votes = [None; 32];
        for it in &*contenders {
            if let Some(votes) = votes.get_mut(usize::from(it.option.index)) {
                *votes = Some(0_u64);
            }
        }
        let mut exhausted = 0;
        for (order, ballots) in &self.0 {
            match order.iter().find(|option| matches!(votes.get(usize::from(*option)), Some(Some(_)))) {
                Some(first) => {
                    if let Some(Some(votes)) = votes.get_mut(usize::from(first)) {
                        *votes += ballots;
                    }
                }
                None => exhausted += ballots,
            }
        }
        for it in contenders {
            it.votes.push(votes.get(usize::from(it.option.index)).copied().flatten().unwrap_or_default());
        }
        exhausted
    }
}

/// An option still in.
struct Contender<'a> {
    option: &'a PollOption,
    votes: SmallVec<[u64; 15]>,
}

impl Contender<'_> {
    fn latest(&self) -> u64 {
        self.votes.last().copied().unwrap_or_default()
    }
}

/// The place of whoever goes out, and what decided it if votes alone did not.
fn last_of(poll: &Poll, contenders: &[Contender<'_>]) -> (usize, Option<TieBreak>) {
    let mut last: Vec<(usize, &Contender<'_>)> = contenders.iter().enumerate().collect();
    let rounds = contenders.first().map_or(0, |it| it.votes.len());
    for (ago, round) in (0..rounds).rev().enumerate() {
        let votes = |it: &Contender<'_>| it.votes.get(round).copied().unwrap_or_default();
        let fewest = last.iter().map(|(_, it)| votes(it)).min();
        last.retain(|(_, it)| Some(votes(it)) == fewest);
        if let [(nth, _)] = last.as_slice() {
            return (*nth, (ago > 0).then_some(TieBreak::EarlierRound));
        }
    }
    let lowest = last.iter().min_by_key(|(_, it)| tie_hash(poll, it.option));
    (lowest.map_or(0, |(nth, _)| *nth), Some(TieBreak::Hash))
}

/// The BLAKE3 hash of the text `POLL/OPTION`, of their ids.
fn tie_hash(poll: &Poll, option: &PollOption) -> [u8; 32] {
    *blake3::hash(format!("{}/{}", poll.id, option.id).as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::poll::{Choices, Kind, PollId, definition::tests::poll_with};

    /// The poll and its ballots, each order with how many gave it. The id is fixed, so that hashes are.
    fn election(options: &[&str], ballots: &[(u64, &[&str])]) -> (Poll, Orders) {
        let poll = Poll {
            id: PollId::from_bytes([7; 16]),
            ..poll_with(Kind::Ranked, 1, options.len().try_into().unwrap(), options)
        };
        let mut orders = Orders::default();
        for (voters, order) in ballots {
            for _ in 0..*voters {
                orders.add(&poll, poll.counters_of(Choices::check(&poll, order).unwrap()));
            }
        }
        (poll, orders)
    }

    /// Each round as `a 4, b 3 | exhausted | who goes out, and by what`.
    fn told(run_off: &Runoff) -> Vec<String> {
        let round = |Round { votes, exhausted, eliminated }: &Round| {
            let votes: Vec<String> = votes.iter().map(|(id, votes)| format!("{id} {votes}")).collect();
            let out = eliminated.as_ref().map_or_else(String::new, |Eliminated { option, tie }| match tie {
                None => format!("{option}"),
                Some(tie) => format!("{option} {tie:?}"),
            });
            format!("{} | {exhausted} | {out}", votes.join(", "))
        };
        run_off.rounds.iter().map(round).collect()
    }

    fn winner(run_off: &Runoff) -> Option<&str> {
        run_off.winner.as_ref().map(OptionId::as_str)
    }

    /// The textbooks' vote on the capital of Tennessee, in percent: Knoxville wins by run-off, with neither the most
    /// first preferences nor the place between the others.
    #[test]
    fn the_capital_of_tennessee_is_the_one_in_the_textbooks() {
        let (poll, orders) = election(
            &["memphis", "nashville", "chattanooga", "knoxville"],
            &[
                (42, &["memphis", "nashville", "chattanooga", "knoxville"]),
                (26, &["nashville", "chattanooga", "knoxville", "memphis"]),
                (15, &["chattanooga", "knoxville", "nashville", "memphis"]),
                (17, &["knoxville", "chattanooga", "nashville", "memphis"]),
            ],
        );
        let run_off = orders.run_off(&poll);
        assert_eq!(
            told(&run_off),
            [
                "memphis 42, nashville 26, chattanooga 15, knoxville 17 | 0 | chattanooga",
                "memphis 42, nashville 26, knoxville 32 | 0 | nashville",
                "memphis 42, knoxville 58 | 0 | ",
            ]
        );
        assert_eq!((run_off.ballots, winner(&run_off)), (100, Some("knoxville")));
    }

    #[test]
    fn a_tie_goes_by_the_latest_round_that_differs_and_then_by_hash() {
        // In the second round b and c have as many; in the first c had fewer.
        let (poll, orders) =
            election(&["a", "b", "c", "d"], &[(5, &["a"]), (4, &["b"]), (3, &["c", "a"]), (1, &["d", "c"])]);
        assert_eq!(
            told(&orders.run_off(&poll)),
            ["a 5, b 4, c 3, d 1 | 0 | d", "a 5, b 4, c 4 | 0 | c EarlierRound", "a 8, b 4 | 1 | "]
        );
        // The round before tells of three with as few only that a is not the last; the one before that, that c is.
        let (poll, orders) = election(
            &["a", "b", "c", "d", "e"],
            &[(4, &["a"]), (3, &["b"]), (2, &["c"]), (1, &["d", "c", "b"]), (1, &["e", "b"]), (1, &["e", "c", "a"])],
        );
        let rounds = told(&orders.run_off(&poll));
        assert_eq!(rounds[0], "a 4, b 3, c 2, d 1, e 2 | 0 | d");
        assert_eq!(rounds[1], "a 4, b 3, c 3, e 2 | 0 | e");
        assert_eq!(rounds[2], "a 4, b 4, c 4 | 0 | c EarlierRound");
        // No round tells a and b apart. `printf 07070707-0707-0707-0707-070707070707/a | b3sum` does.
        let (poll, orders) = election(&["a", "b", "c"], &[(2, &["a"]), (2, &["b"]), (1, &["c"])]);
        let run_off = orders.run_off(&poll);
        let lower = if tie_hash(&poll, &poll.options[0]) < tie_hash(&poll, &poll.options[1]) { "a" } else { "b" };
        assert_eq!(poll.id.to_string(), "07070707-0707-0707-0707-070707070707");
        assert_eq!(told(&run_off)[1], format!("a 2, b 2 | 1 | {lower} Hash"));
        assert_ne!(winner(&run_off), Some(lower));
    }

    #[test]
    fn an_exhausted_ballot_counts_for_nobody_and_not_in_the_half() {
        let (poll, orders) = election(&["a", "b", "c"], &[(4, &["a"]), (3, &["b", "c"]), (2, &["c"])]);
        let run_off = orders.run_off(&poll);
        // Four of nine are not the half, but four of seven are more.
        assert_eq!(told(&run_off), ["a 4, b 3, c 2 | 0 | c", "a 4, b 3 | 2 | "]);
        assert_eq!(winner(&run_off), Some("a"));
        let (poll, orders) = election(&["a", "b"], &[]);
        assert_eq!(orders.run_off(&poll), Runoff { ballots: 0, rounds: vec![], winner: None });
        let (poll, orders) = election(&["a", "b"], &[(1, &["b"])]);
        assert_eq!(told(&orders.run_off(&poll)), ["a 0, b 1 | 0 | "]);
    }

    #[test]
    fn ballots_add_up_to_their_tally_and_to_no_other() {
        let (poll, orders) = election(&["a", "b"], &[(2, &["a", "b"]), (1, &["b"])]);
        let tally = |ballots, votes: &[u64]| Tally {
            poll: poll.id,
            state: crate::poll::State::Closed,
            as_of: crate::poll::Timestamp::EARLIEST,
            epoch: 0,
            version: 0,
            ballots,
            votes: votes.into(),
            display: crate::poll::TallyDisplay::Exact,
            is_under_100: false,
        };
        assert!(orders.add_up_to(&poll, &tally(3, &[2, 1, 0, 2])));
        for other in [tally(4, &[2, 1, 0, 2]), tally(3, &[2, 1, 1, 1]), tally(3, &[1, 2, 2, 0])] {
            assert!(!orders.add_up_to(&poll, &other));
        }
    }

    /// The same in the plainest way: ballots one by one, those who went out crossed out, ties by going back.
    fn plainly(poll: &Poll, mut ballots: Vec<Vec<u8>>) -> (Vec<Vec<(u8, usize)>>, Option<u8>) {
        let mut rounds: Vec<Vec<(u8, usize)>> = Vec::new();
        let mut left: Vec<u8> = (0_u8..).take(poll.options.len()).collect();
        if ballots.is_empty() {
            return (rounds, None);
        }
        loop {
            let of = |option: &u8| (*option, ballots.iter().filter(|ballot| ballot.first() == Some(option)).count());
            let round: Vec<(u8, usize)> = left.iter().map(of).collect();
            let counted: usize = round.iter().map(|(_, votes)| votes).sum();
            rounds.push(round.clone());
            if let Some((winner, _)) = round.iter().find(|(_, votes)| votes * 2 > counted) {
                return (rounds, Some(*winner));
            }
            let key = |option: u8| {
                let votes = |round: &Vec<(u8, usize)>| round.iter().find(|it| it.0 == option).map(|it| it.1);
                let history: Vec<_> = rounds.iter().rev().map(votes).collect();
                (history, tie_hash(poll, &poll.options[usize::from(option)]))
            };
            let out = *left.iter().min_by_key(|option| key(**option)).unwrap();
            left.retain(|option| *option != out);
            for ballot in &mut ballots {
                ballot.retain(|option| *option != out);
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_the_ballots_are_the_rounds_are_those_of_the_plainest_way(
            options in 2..7_usize,
            ballots in prop::collection::vec((Just((0..7_u8).collect::<Vec<_>>()).prop_shuffle(), 1..7_usize), 0..24),
        ) {
            let names = ["a", "b", "c", "d", "e", "f", "g"];
            let poll = poll_with(Kind::Ranked, 1, options.try_into().unwrap(), &names[..options]);
            let cut = |(order, length): &(Vec<u8>, usize)| -> Vec<u8> {
                let within: Vec<u8> = order.iter().copied().filter(|option| usize::from(*option) < options).collect();
                within.into_iter().take(*length).collect()
            };
            let ballots: Vec<Vec<u8>> = ballots.iter().map(cut).collect();
            let mut orders = Orders::default();
            for ballot in &ballots {
                let named: Vec<&str> = ballot.iter().map(|option| names[usize::from(*option)]).collect();
                orders.add(&poll, poll.counters_of(Choices::check(&poll, &named).unwrap()));
            }
            let run_off = orders.run_off(&poll);
            let (rounds, won) = plainly(&poll, ballots);
            let counted: Vec<Vec<(&str, u64)>> = run_off
                .rounds
                .iter()
                .map(|round| round.votes.iter().map(|(id, votes)| (id.as_str(), *votes)).collect())
                .collect();
            let expected: Vec<Vec<(&str, u64)>> = rounds
                .iter()
                .map(|round| round.iter().map(|(option, votes)| (names[usize::from(*option)], u64::try_from(*votes).unwrap())).collect())
                .collect();
            prop_assert_eq!(counted, expected);
            prop_assert_eq!(winner(&run_off), won.map(|option| names[usize::from(option)]));
            for round in &run_off.rounds {
                let votes: u64 = round.votes.iter().map(|(_, votes)| votes).sum();
                prop_assert_eq!(votes + round.exhausted, run_off.ballots);
            }
        }
    }
}
