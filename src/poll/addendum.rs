//! What is decided of a poll's labels, and the figure that follows from it once the poll is closed.
//!
//! While a poll takes votes, its tally is what counts. At its close that figure is final: what is decided later is told
//! beside it, as an *addendum*, and never in its place.

use serde::{Deserialize, Serialize};

use super::{
    Decisions, Edit, Effect, Label, LabelDecision, LabelTally, PartitionLabels, Phase, Poll, Revision, Schedule, Tally,
    Timestamp, Votes,
};

/// What a closed poll's ballots come to by what was decided after its close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addendum {
    /// What is decided now.
    #[serde(flatten)]
    pub decisions: Decisions,
    /// When that was decided last, by the store's clock.
    pub at: Timestamp,
    /// The revision that says so.
    pub revision: Revision,
    /// The ballots that count by it.
    pub ballots: u64,
    /// Their votes by counter.
    pub votes: Vec<u64>,
}

impl Poll {
    /// What is decided of its labels now. What was decided at its close is [`Poll::decisions`].
    pub fn decisions_now(&self) -> Decisions {
        self.addendum.as_ref().map_or(self.decisions, |addendum| addendum.decisions)
    }

    /// The poll, which takes votes or will, with this decided of a label; `None` if it is decided already.
    pub fn decided(&self, label: Label, decision: LabelDecision, now: Timestamp) -> Option<Edit> {
        let decisions = self.decisions.with(label, decision);
        if decisions == self.decisions {
            return None;
        }
        let edit = self.moved(self.schedule, now);
        Some(Edit { poll: Self { decisions, ..edit.poll }, ..edit })
    }

    /// The poll, which is closed, with an addendum by which this is decided of a label; `None` if it is decided
    /// already. It has none once all is decided again as it was at the close. `recorded` has all its ballots. It is
    /// closed on record then, also if only the clock had closed it.
    pub fn amended(
        &self,
        label: Label,
        decision: LabelDecision,
        recorded: &[PartitionLabels],
        now: Timestamp,
    ) -> Option<Edit> {
        let decisions = self.decisions_now().with(label, decision);
        if decisions == self.decisions_now() {
            return None;
        }
        let Edit { poll, .. } = self.moved(Schedule { phase: Phase::Closed, ..self.schedule }, now);
        let counted = LabelTally::sum(recorded, |label| decisions.count(label));
        let addendum = (decisions != self.decisions).then(|| Addendum {
            decisions,
            at: now,
            revision: poll.revision,
            ballots: counted.ballots,
            votes: counted.votes.to_vec(),
        });
        Some(Edit { poll: Self { addendum, ..poll }, effect: Effect::Amends })
    }
}

impl Tally {
    /// The figure of an addendum, in place of the final one.
    #[must_use]
    pub fn amended(&self, addendum: &Addendum) -> Self {
        let mut votes = Votes::from_slice(&addendum.votes);
        votes.resize(self.votes.len(), 0);
        Self { ballots: addendum.ballots, votes, ..self.clone() }
    }
}

impl LabelTally {
    /// The ballots of all partitions that have one of these labels, as ballots of none.
    pub fn sum(recorded: &[PartitionLabels], is_of_it: impl Fn(Label) -> bool) -> Self {
        let mut sum = Self { label: Label::CLEAN, ballots: 0, votes: Votes::new() };
        for tally in recorded.iter().flat_map(|partition| &partition.labels) {
            sum.votes.resize(sum.votes.len().max(tally.votes.len()), 0);
            if is_of_it(tally.label) {
                sum.add(tally);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{
        Kind,
        definition::tests::{earlier, poll_with},
    };

    fn tally(number: u8, votes: [u64; 2]) -> LabelTally {
        let label = Label::from_number(number).unwrap();
        LabelTally { label, ballots: votes.iter().sum(), votes: votes.as_slice().into() }
    }

    #[test]
    fn what_is_decided_after_the_close_is_an_addendum_until_it_is_decided_back() {
        let held = Label::from_number(3).unwrap();
        let open = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        let poll =
            Poll { schedule: Schedule { phase: Phase::Live, opens_at: None, closes_at: Some(earlier(10)) }, ..open };
        let recorded = [
            PartitionLabels { revision: poll.revision, labels: vec![tally(0, [3, 1])] },
            PartitionLabels { revision: poll.revision, labels: vec![tally(0, [1, 1]), tally(3, [0, 9])] },
        ];
        assert!(poll.amended(held, LabelDecision::Counted, &recorded, earlier(9)).is_none());
        let amended = poll.amended(held, LabelDecision::Held, &recorded, earlier(9)).unwrap();
        assert_eq!((amended.effect, amended.poll.schedule.phase), (Effect::Amends, Phase::Closed));
        assert_eq!(amended.poll.decisions, poll.decisions, "the final figure stays");
        let addendum = amended.poll.addendum.clone().unwrap();
        assert_eq!((addendum.ballots, &addendum.votes[..]), (6, &[4, 2][..]));
        assert_eq!((addendum.revision, addendum.at), (amended.poll.revision, earlier(9)));
        assert!(amended.poll.amended(held, LabelDecision::Held, &recorded, earlier(8)).is_none());
        let void = amended.poll.amended(held, LabelDecision::Void, &recorded, earlier(8)).unwrap().poll;
        assert_eq!(void.addendum.as_ref().map(|addendum| addendum.ballots), Some(6));
        let back = void.amended(held, LabelDecision::Counted, &recorded, earlier(7)).unwrap().poll;
        assert_eq!(back.addendum, None);
    }
}
