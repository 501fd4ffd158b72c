//! Random histories: whatever is asked in whatever order, a store answers what the plain model answers.
//!
//! A few polls, a handful of voters and short option lists make collisions the rule: the same voter again, an edit of
//! an old revision, a ballot for what was deleted. A failing history is shrunk before it is shown. The seed is fixed,
//! so a failure is the same on every machine; change it to look elsewhere.

mod command;

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use sawt::{
    poll::{
        Action, Ballot, Choices, Codec, Counters, Edit, EditError, Kind, MAX_OPTIONS, Minute, NewPoll, NewScale,
        OpenAnswer, PartitionLabels, PartitionTally, Poll, PollFields, PollId, Position, ResultsPolicy,
    },
    site::{Actor, EventType, NewEvent},
    store::{BatchOutcome, Committed, Creation, Replacement, Store},
};

use self::command::{Change, Command, Request, Start, command};
use super::{
    model::{Applied, Count, Model},
    stage::{ByLabel, Stage, counters, digest, label, options, own_words, yes_or_no},
};

const HISTORIES: usize = 64;
const LONGEST: usize = 40;
const SEED: [u8; 32] = *b"every vote counts, exactly once.";
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

crate::registry::store_rules![a_random_history_has_the_answers_of_the_plain_model];

async fn a_random_history_has_the_answers_of_the_plain_model(store: Arc<dyn Store>) {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &SEED);
    let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
    let histories = prop::collection::vec(command(), 1..LONGEST);
    for number in 0..HISTORIES {
        let mut history = histories.new_tree(&mut runner).unwrap();
        let Err(mut difference) = play(&store, &history.current()).await else { continue };
        let mut shortest = history.current();
        // The runner can't await, so shrinking is done by hand.
        let mut goes_on = history.simplify();
        while goes_on {
            goes_on = match play(&store, &history.current()).await {
                Err(shown) => {
                    (difference, shortest) = (shown, history.current());
                    history.simplify()
                }
                Ok(()) => history.complicate(),
            };
        }
        panic!("history {number}, shrunk: {shortest:#?}\n{difference}");
    }
}

/// Plays a history on a site of its own. What differs is the error.
async fn play(store: &Arc<dyn Store>, history: &[Command]) -> Result<(), String> {
    let stage = Stage::new(store.clone()).await;
    let mut run = HistoryRun { stage, model: Model::default(), polls: Vec::new(), told: Vec::new() };
    for (place, command) in history.iter().enumerate() {
        let step = async {
            run.step(command).await?;
            run.compare_all().await
        };
        step.await.map_err(|difference| format!("at command {place}, {command:?}: {difference}"))?;
    }
    let log = run.stage.log().await.into_iter().map(|event| (event.poll.expect("of a poll"), event.kind));
    same("the log", &by_poll(log), &by_poll(run.told.into_iter()))
}

struct HistoryRun {
    stage: Stage,
    model: Model,
    /// The polls made so far, each as it was known one revision ago and as it is known now; also those deleted since.
    polls: Vec<(Poll, Poll)>,
    /// What the log should say.
    told: Vec<(PollId, EventType)>,
}

/// What is told of each poll, in order.
fn by_poll(told: impl Iterator<Item = (PollId, EventType)>) -> BTreeMap<PollId, Vec<EventType>> {
    let mut polls: BTreeMap<PollId, Vec<EventType>> = BTreeMap::new();
    for (poll, kind) in told {
        polls.entry(poll).or_default().push(kind);
    }
    polls
}

impl HistoryRun {
    async fn step(&mut self, command: &Command) -> Result<(), String> {
        match command {
            Command::Create { answered, is_open, options: count, changeable, start } => {
                self.create(*answered, *is_open, *count, *changeable, *start).await
            }
            Command::Edit { poll, change, stale } => {
                let Some(poll) = self.known(*poll, *stale) else { return Ok(()) };
                let edit = edit_for(change, &poll, self.stage.now_plus(DAY_MILLIS).await);
                self.replace(edit.apply(&poll, self.stage.now().await)).await
            }
            Command::Open { poll } => {
                let Some(poll) = self.known(*poll, false) else { return Ok(()) };
                self.replace(poll.opened(self.stage.now().await)).await
            }
            Command::Close { poll, stale } => {
                let Some(poll) = self.known(*poll, *stale) else { return Ok(()) };
                self.replace(Ok(poll.closed(self.stage.now().await))).await
            }
            Command::Resolve { poll, option, stale } => {
                let Some(poll) = self.known(*poll, *stale) else { return Ok(()) };
                let option = &poll.options[usize::from(*option) % poll.options.len()].id;
                // What the domain refuses, or finds done, never reaches a store.
                match poll.resolved(option.as_str(), Some("?"), self.stage.now().await) {
                    Ok(Some(edit)) => self.replace(Ok(edit)).await,
                    Ok(None) | Err(_) => Ok(()),
                }
            }
            Command::Delete { poll } => {
                let Some(poll) = self.known(*poll, false) else { return Ok(()) };
                let event = NewEvent::of_deletion(&poll, &Actor::Admin, self.stage.now().await);
                let deleted = self.stage.store.delete_poll(poll.id, &[event]).await.unwrap();
                if deleted {
                    self.told.push((poll.id, EventType::PollDeleted));
                }
                same("delete_poll", &deleted, &self.model.delete(poll.id))
            }
            Command::Cast { poll, ballots, stale } => {
                let Some(poll) = self.known(*poll, *stale) else { return Ok(()) };
                self.cast(&poll, ballots).await
            }
            Command::Ballot { poll, voter } => {
                let Some(poll) = self.known(*poll, false) else { return Ok(()) };
                self.compare_ballot(&poll, *voter).await
            }
            Command::Decide { poll, text, state } => {
                let Some(poll) = self.known(*poll, false).filter(|poll| poll.open_answer) else { return Ok(()) };
                let answer = own_words(&poll, 0, &said(*text)).answer.unwrap().id;
                let decided = self.stage.store.decide_answer(&poll, answer, *state, &[]).await.unwrap();
                same("decide_answer", &decided, &self.model.decide(poll.id, answer, *state))
            }
            Command::Judge { poll, label: number, decision, stale } => {
                let Some(poll) = self.known(*poll, *stale) else { return Ok(()) };
                match poll.decided(label(*number), *decision, self.stage.now().await) {
                    Some(edit) => self.replace(Ok(edit)).await,
                    None => Ok(()),
                }
            }
            Command::Upkeep { poll } => {
                let Some(poll) = self.known(*poll, false) else { return Ok(()) };
                for partition in 0..poll.partitions.count() {
                    self.stage.store.upkeep(&poll, partition).await.unwrap();
                }
                Ok(())
            }
            Command::Raise { poll, partition, seen } => {
                let Some(poll) = self.known(*poll, false) else { return Ok(()) };
                self.raise(&poll, *partition, *seen).await
            }
        }
    }

    async fn raise(&mut self, poll: &Poll, partition: u16, seen: Position) -> Result<(), String> {
        let partition = partition % poll.partitions.count();
        let raised = self.stage.store.raise_epoch(poll, partition, seen).await.unwrap();
        same("raise_epoch", &raised, &self.model.raise_epoch(poll.id, partition, seen))
    }

    /// A poll made so far, as it is or was known.
    fn known(&self, place: usize, stale: bool) -> Option<Poll> {
        let (before, now) = self.polls.get(place.checked_rem(self.polls.len())?)?;
        Some(if stale { before } else { now }.clone())
    }

    async fn create(
        &mut self,
        (kind, codec): (Kind, Codec),
        is_open: bool,
        count: u8,
        changeable: bool,
        start: Start,
    ) -> Result<(), String> {
        let opens_at = match start {
            Start::Scheduled => Some(self.stage.now_plus(DAY_MILLIS).await),
            Start::Draft | Start::Open => None,
        };
        let poll = self
            .stage
            .draw_up(NewPoll {
                kind: Some(kind),
                draft: matches!(start, Start::Draft),
                open_answer: is_open
                    && matches!((kind, codec), (Kind::Single, Codec::Index) | (Kind::Multiple, Codec::Bits)),
                fields: PollFields {
                    options: (kind != Kind::Rating).then(|| options(&ids(count))),
                    changeable: Some(changeable || kind == Kind::Reaction),
                    opens_at: Some(opens_at),
                    ..yes_or_no()
                },
            })
            .await;
        let poll = Poll { codec, ..poll };
        self.model.create(&poll);
        self.polls.push((poll.clone(), poll.clone()));
        let events = NewEvent::of_creation(&poll, &Actor::Admin, poll.created_at);
        self.told.extend(events.iter().map(|event| (poll.id, event.kind)));
        let created = self.stage.store.create_poll(&poll, None, &events).await.unwrap();
        same("create_poll", &created, &Creation::Created(poll))
    }

    async fn replace(&mut self, edit: Result<Edit, EditError>) -> Result<(), String> {
        // What the domain refuses never reaches a store.
        let Ok(edit) = edit else { return Ok(()) };
        let before = self.polls.iter().find(|(_, now)| now.id == edit.poll.id).map(|(_, now)| now.clone());
        let before = before.filter(|before| before.revision.next() == edit.poll.revision);
        let events = before.map(|before| NewEvent::of_change(&before, &edit.poll, &Actor::Admin, edit.poll.updated_at));
        let events = events.unwrap_or_default();
        let answered = self.stage.store.replace_poll(&edit, &events).await.unwrap();
        let expected = self.model.replace(&edit);
        if matches!(expected, Replacement::Done(_)) {
            for event in &events {
                self.tell(edit.poll.id, event.kind);
            }
        }
        match (&answered, &expected) {
            // The store may have needed more revisions than one.
            (Replacement::Done(made), Replacement::Done(wanted)) if made.revision >= wanted.revision => {
                let wanted = Poll { revision: made.revision, ..wanted.clone() };
                same("replace_poll", made, &wanted)?;
                self.revise(made);
            }
            (Replacement::HasBallots, Replacement::HasBallots) => {
                let current = self.stage.read(&edit.poll).await;
                self.revise(&current);
            }
            _ => same("replace_poll", &answered, &expected)?,
        }
        Ok(())
    }

    /// A poll opens once and closes once.
    fn tell(&mut self, poll: PollId, kind: EventType) {
        let stages = self.told.iter().filter(|(told, _)| *told == poll).map(|(_, kind)| kind.stage());
        if kind.stage() == 0 || stages.max() < Some(kind.stage()) {
            self.told.push((poll, kind));
        }
    }

    fn revise(&mut self, current: &Poll) {
        self.model.revise(current.id, current.revision, current.updated_at);
        for (before, now) in &mut self.polls {
            if now.id == current.id && now.revision != current.revision {
                *before = std::mem::replace(now, current.clone());
            }
        }
    }

    async fn cast(&mut self, poll: &Poll, requests: &[(u64, Request)]) -> Result<(), String> {
        let mut by_partition: BTreeMap<u16, Vec<Ballot>> = BTreeMap::new();
        for (voter, request) in requests {
            let voter = digest(poll, *voter);
            let (action, answer) = match request {
                Request::Options(bits, text, number) => {
                    (Action::Cast(label(*number), wished(poll, *bits)), answer(poll, *bits, *text))
                }
                Request::Withdraw => (Action::Withdraw, None),
            };
            by_partition.entry(voter.partition).or_default().push(Ballot { voter, action, answer });
        }
        for (partition, ballots) in by_partition {
            let applied = match self.stage.store.cast(poll, partition, &ballots).await.unwrap() {
                BatchOutcome::Committed(Committed { outcomes, left_out, tally, upkeep_due }) => {
                    assert_eq!(left_out, [0_usize; 0], "a history has few texts");
                    if upkeep_due {
                        self.stage.store.upkeep(poll, partition).await.unwrap();
                    }
                    Applied::Outcomes(outcomes, count(&tally))
                }
                BatchOutcome::Stale => Applied::Stale,
                BatchOutcome::Gone => Applied::Gone,
            };
            same("cast", &applied, &self.model.cast(poll, partition, &ballots))?;
        }
        Ok(())
    }

    async fn compare_ballot(&self, poll: &Poll, voter: u64) -> Result<(), String> {
        let voter = digest(poll, voter);
        let on_record = self.stage.store.ballot(poll, voter).await.unwrap();
        let expected = self.model.ballot(poll.id, voter.partition, voter.field);
        // Counters print as nothing, so what is compared is their indexes.
        let indexes = |counters: Counters| counters.indexes().collect::<Vec<_>>();
        same("ballot", &on_record.map(indexes), &expected.map(indexes))
    }

    /// By how much a poll's tally moved over all minutes. A history takes less than an hour.
    async fn sum_of_minutes(&self, poll: &Poll) -> (Vec<i64>, i64) {
        let now = Minute::of(self.stage.now().await);
        let page = self.stage.store.minutes(poll, now.plus(-60)..now.plus(1)).await.unwrap();
        assert_eq!(page.next, None, "an hour fits in a page");
        let mut sum = (vec![0; MAX_OPTIONS], 0);
        for (_, change) in page.changes {
            sum.1 += change.ballots;
            for (index, votes) in (0..).zip(&mut sum.0) {
                *votes += change.votes_in(index);
            }
        }
        trimmed(sum)
    }

    /// Compares every poll and tally, after each command.
    async fn compare_all(&self) -> Result<(), String> {
        let store = &self.stage.store;
        same("polls", &store.polls(&self.stage.site, None, 100).await.unwrap(), &self.model.polls())?;
        for (_, poll) in &self.polls {
            same("poll", &store.poll(poll.id).await.unwrap().as_ref(), &self.model.poll(poll.id))?;
            let tallies = store.tally(poll).await.unwrap();
            let counts = tallies.map(|tallies| tallies.iter().map(count).collect::<Vec<_>>());
            same("tally", &counts, &self.model.tally(poll.id))?;
            let labels = store.labels(poll).await.unwrap();
            let labels = labels.map(|partitions| partitions.iter().map(by_label).collect::<Vec<_>>());
            same("labels", &labels, &self.model.labels(poll.id))?;
            let tally = counts.map(|counts| sum_of(&counts, poll.timed_counters())).unwrap_or_default();
            let mut answers = store.answers(poll).await.unwrap();
            answers.sort_by_key(|answer| answer.id);
            same("answers", &answers, &self.model.answers(poll.id))?;
            same("the sum over all minutes", &self.sum_of_minutes(poll).await, &tally)?;
        }
        Ok(())
    }
}

/// Votes by counter, of so many, and ballots, without the zeros at the end.
fn sum_of(partitions: &[Count], counters: usize) -> (Vec<i64>, i64) {
    let mut sum = (vec![0; MAX_OPTIONS], 0);
    for Count { votes, ballots, .. } in partitions {
        sum.1 += ballots.cast_signed();
        for (sum, votes) in sum.0.iter_mut().zip(votes) {
            *sum += votes.cast_signed();
        }
    }
    sum.0.truncate(counters);
    trimmed(sum)
}

fn trimmed((mut votes, ballots): (Vec<i64>, i64)) -> (Vec<i64>, i64) {
    votes.truncate(votes.iter().rposition(|votes| *votes != 0).map_or(0, |last| last + 1));
    (votes, ballots)
}

fn same<T: PartialEq + Debug>(what: &str, answered: &T, expected: &T) -> Result<(), String> {
    if answered == expected {
        return Ok(());
    }
    Err(format!("{what} answered\n  {answered:?}\ninstead of\n  {expected:?}"))
}

fn count(tally: &PartitionTally) -> Count {
    let PartitionTally { epoch, version, ballots, votes, state, .. } = tally;
    Count { epoch: *epoch, version: *version, ballots: *ballots, votes: votes.to_vec(), state: *state }
}

fn by_label(partition: &PartitionLabels) -> ByLabel {
    let with_ballots = partition.labels.iter().filter(|tally| tally.ballots > 0);
    with_ballots.map(|tally| (tally.label, (tally.ballots, tally.votes.to_vec()))).collect()
}

fn ids(count: u8) -> Vec<String> {
    (0..count).map(|place| format!("o{place}")).collect()
}

fn edit_for(change: &Change, poll: &Poll, tomorrow: sawt::poll::Timestamp) -> PollFields {
    let mut edit = PollFields::default();
    match change {
        Change::Wording(number) => edit.question = Some(format!("السؤال {number}")),
        Change::Order => {
            let mut turned: Vec<String> = poll.options.iter().map(|option| option.id.to_string()).collect();
            turned.rotate_left(1);
            edit.options = Some(options(&turned));
        }
        Change::Options(count) => edit.options = Some(options(&ids(*count))),
        Change::Scale(high) => {
            edit.scale = Some(NewScale { low: u64::from(*high == 5), high: *high, ..NewScale::default() });
        }
        Change::MaxChoices(most) => edit.max_choices = Some((*most).into()),
        Change::Changeable(changeable) => edit.changeable = Some(*changeable),
        Change::Results => edit.results = Some(ResultsPolicy::AfterClose),
        Change::ClosesTomorrow(closes) => edit.closes_at = Some(closes.then_some(tomorrow)),
    }
    edit
}

/// What a ballot for options by the bits of a number adds to. Where their order counts, a greater number turns it
/// round.
fn wished(poll: &Poll, bits: u8) -> Counters {
    let mut chosen = chosen(poll, bits);
    if bits > 127 {
        chosen.reverse();
    }
    counters(poll, &chosen)
}

/// A text by its number.
fn said(number: u8) -> String {
    format!("نص {number}")
}

/// What a ballot says beside such options, if it may; 0 stands for no text.
fn answer(poll: &Poll, bits: u8, number: u8) -> Option<Arc<OpenAnswer>> {
    if number == 0 {
        return None;
    }
    let choices = Choices::check(poll, &chosen(poll, bits)).unwrap();
    OpenAnswer::check(poll, choices, &said(number)).ok()
}

/// Options by the bits of a number, as many as the poll lets a ballot have.
fn chosen(poll: &Poll, bits: u8) -> Vec<String> {
    let ids: Vec<String> = poll.options.iter().map(|option| option.id.to_string()).collect();
    let mut chosen: Vec<String> = ids
        .iter()
        .enumerate()
        .filter(|(place, _)| u32::from(bits) >> place & 1 == 1)
        .map(|(_, id)| id.clone())
        .collect();
    chosen.truncate(usize::from(poll.max_choices));
    if chosen.is_empty() {
        chosen.push(ids[usize::from(bits) % ids.len()].clone());
    }
    chosen
}
