//! What a store does, in the plainest code: no clock, no cleverness, votes counted anew from the ballots every time.
//! What a ballot does to a record is the domain's own rule, so that every store is held to it: SQLite, which calls it,
//! and Redis, which repeats it in Lua.
//!
//! Schedules in the model's histories are a day ahead, so whether a poll is open depends on its edits alone.

use std::{collections::BTreeMap, sync::Arc};

use sawt::{
    poll::{
        self, AnswerId, AnswerState, Ballot, CountedAnswer, Counters, Edit, Effect, OpenAnswer, Outcome, Poll, PollId,
        Position, RecordedBallot, Revision, State, StateByClocks, Timestamp, VERSION_STEP,
    },
    store::Replacement,
};

use super::stage::ByLabel;

/// Everything one site's polls should be.
#[derive(Default)]
pub(super) struct Model {
    polls: BTreeMap<PollId, ModelPoll>,
}

struct ModelPoll {
    poll: Poll,
    /// Each voter's ballot, by partition and digest.
    ballots: BTreeMap<(u16, [u8; 8]), RecordedBallot>,
    /// What those ballots say that came with a text.
    said: BTreeMap<(u16, [u8; 8]), Arc<OpenAnswer>>,
    /// What readers are shown of texts that somebody has decided on.
    decided: BTreeMap<AnswerId, AnswerState>,
    /// How far each partition has come.
    positions: Vec<Position>,
}

/// A partition's tally without its time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) epoch: u64,
    pub(super) version: u64,
    pub(super) ballots: u64,
    pub(super) votes: Vec<u64>,
    pub(super) state: State,
}

/// What a batch should have become.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Applied {
    Outcomes(Vec<Outcome>, Count),
    Stale,
    Gone,
}

impl Model {
    pub(super) fn create(&mut self, poll: &Poll) {
        let positions = vec![Position::default(); usize::from(poll.partitions.count())];
        let (ballots, said, decided) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        self.polls.insert(poll.id, ModelPoll { poll: poll.clone(), ballots, said, decided, positions });
    }

    pub(super) fn poll(&self, id: PollId) -> Option<&Poll> {
        self.polls.get(&id).map(|known| &known.poll)
    }

    /// Newest first.
    pub(super) fn polls(&self) -> Vec<Poll> {
        let mut polls: Vec<Poll> = self.polls.values().map(|known| known.poll.clone()).collect();
        polls.sort_by_key(|poll| std::cmp::Reverse(poll.list_cursor()));
        polls
    }

    pub(super) fn delete(&mut self, id: PollId) -> bool {
        self.polls.remove(&id).is_some()
    }

    /// What a replacement should answer. The store may take more revisions than one, so [`Model::revise`] brings the
    /// model to the store's revision afterwards.
    pub(super) fn replace(&mut self, edit: &Edit) -> Replacement {
        let Some(known) = self.polls.get_mut(&edit.poll.id) else { return Replacement::Gone };
        if edit.poll.revision != known.poll.revision.next() {
            return Replacement::Mismatch(known.poll.revision);
        }
        let resolves = edit.effect == Effect::Amends;
        if (known.state() == State::Closed) != resolves {
            return if resolves { Replacement::NotClosed } else { Replacement::Closed };
        }
        if edit.effect == Effect::Reshapes && !known.ballots.is_empty() {
            return Replacement::HasBallots;
        }
        if known.poll.decisions.uncounted() != edit.poll.decisions.uncounted() || edit.poll.moves_versions() {
            known.positions.iter_mut().for_each(|position| position.version += VERSION_STEP);
        }
        known.poll = edit.poll.clone();
        Replacement::Done(known.poll.clone())
    }

    /// Takes over the revision, and its time, that a store has reached.
    pub(super) fn revise(&mut self, id: PollId, revision: Revision, updated_at: Timestamp) {
        if let Some(known) = self.polls.get_mut(&id) {
            known.poll.revision = revision;
            known.poll.updated_at = updated_at;
        }
    }

    pub(super) fn cast(&mut self, poll: &Poll, partition: u16, ballots: &[Ballot]) -> Applied {
        let Some(known) = self.polls.get_mut(&poll.id) else { return Applied::Gone };
        if poll.revision != known.poll.revision {
            return Applied::Stale;
        }
        let outcomes = ballots.iter().map(|ballot| known.apply(ballot)).collect();
        Applied::Outcomes(outcomes, known.count(partition))
    }

    pub(super) fn raise_epoch(&mut self, id: PollId, partition: u16, seen: Position) -> bool {
        let Some(known) = self.polls.get_mut(&id) else { return false };
        let position = &mut known.positions[usize::from(partition)];
        let is_behind = *position < seen;
        if is_behind {
            position.epoch = seen.epoch + 1;
        }
        is_behind
    }

    pub(super) fn ballot(&self, id: PollId, partition: u16, field: [u8; 8]) -> Option<Counters> {
        self.polls.get(&id)?.ballots.get(&(partition, field)).map(|ballot| ballot.counters)
    }

    pub(super) fn decide(&mut self, id: PollId, answer: AnswerId, state: AnswerState) -> Option<CountedAnswer> {
        let known = self.polls.get_mut(&id)?;
        if known.said.values().any(|said| said.id == answer) {
            known.decided.insert(answer, state);
        }
        self.answers(id).into_iter().find(|counted| counted.id == answer)
    }

    /// In the order of their ids.
    pub(super) fn answers(&self, id: PollId) -> Vec<CountedAnswer> {
        let Some(known) = self.polls.get(&id) else { return Vec::new() };
        let mut counted: BTreeMap<AnswerId, CountedAnswer> = BTreeMap::new();
        for (voter, OpenAnswer { id, text }) in known.said.iter().map(|(voter, said)| (voter, &**said)) {
            let state = known.decided.get(id).copied().unwrap_or(AnswerState::Waiting);
            let new = || CountedAnswer { id: *id, text: text.clone(), state, ballots: 0 };
            let counts = known.ballots.get(voter).is_some_and(|ballot| known.poll.decisions.count(ballot.label));
            counted.entry(*id).or_insert_with(new).ballots += u64::from(counts);
        }
        counted.into_values().collect()
    }

    /// Of each partition the labels that ballots have: how many, and their votes by counter.
    pub(super) fn labels(&self, id: PollId) -> Option<Vec<ByLabel>> {
        let known = self.polls.get(&id)?;
        let of_partition = |partition| {
            let mut labels: ByLabel = BTreeMap::new();
            for (_, ballot) in known.ballots.iter().filter(|((lies_in, _), _)| *lies_in == partition) {
                let (ballots, votes) =
                    labels.entry(ballot.label).or_insert_with(|| (0, vec![0; known.poll.counters()]));
                *ballots += 1;
                ballot.counters.indexes().for_each(|index| votes[usize::from(index)] += 1);
            }
            labels
        };
        Some((0..known.poll.partitions.count()).map(of_partition).collect())
    }

    pub(super) fn tally(&self, id: PollId) -> Option<Vec<Count>> {
        let known = self.polls.get(&id)?;
        Some((0..known.poll.partitions.count()).map(|partition| known.count(partition)).collect())
    }
}

impl ModelPoll {
    /// The state now, which is before every time in a schedule that is still ahead and after every other.
    fn state(&self) -> State {
        self.poll.state_at(self.poll.updated_at)
    }

    /// Histories have fewer texts than a poll keeps.
    fn apply(&mut self, Ballot { voter, action, answer }: &Ballot) -> Outcome {
        let place = (voter.partition, voter.field);
        let existing = self.ballots.get(&place).copied();
        let judged = StateByClocks { state: self.state(), is_sure: true };
        let is_answer_same = self.said.get(&place) == answer.as_ref();
        let rules = (self.poll.changeable, self.poll.decisions.uncounted());
        let poll::Applied { outcome, record } = action.apply(existing, is_answer_same, judged, rules);
        if matches!(outcome, Outcome::Counted | Outcome::Changed | Outcome::Withdrawn) {
            match answer {
                Some(answer) => self.said.insert(place, Arc::clone(answer)),
                None => self.said.remove(&place),
            };
            // Where nobody says a text any more, nothing is decided of it.
            self.decided.retain(|id, _| self.said.values().any(|answer| answer.id == *id));
            match record {
                Some(ballot) => self.ballots.insert(place, ballot),
                None => self.ballots.remove(&place),
            };
            self.positions[usize::from(voter.partition)].version += 1;
        }
        outcome
    }

    fn count(&self, partition: u16) -> Count {
        let mut votes = vec![0; self.poll.counters()];
        let mut ballots = 0;
        let lies_in = |((lies_in, _), _): &(&(u16, [u8; 8]), &RecordedBallot)| *lies_in == partition;
        let counts = |ballot: &RecordedBallot| self.poll.decisions.count(ballot.label);
        for (_, ballot) in self.ballots.iter().filter(lies_in).filter(|(_, ballot)| counts(ballot)) {
            ballots += 1;
            for index in ballot.counters.indexes() {
                votes[usize::from(index)] += 1;
            }
        }
        let Position { epoch, version } = self.positions[usize::from(partition)];
        Count { epoch, version, ballots, votes, state: self.state() }
    }
}
