//! What a version before this one has left is read on, counted on and listed, on every store.
//!
//! `tests/it/fixtures/make` has made it with that version's own program.

use std::{collections::BTreeMap, sync::Arc};

use sawt::poll::{Choices, ListCursor, Minute, Outcome, Phase, Poll, PollId, Timestamp, VoterDigest, VoterId};
use serde::Deserialize;

use super::stage::{Stage, ballot, done, yes_or_no};
use crate::backends::{Backend, Storage};

crate::registry::lone_rules![
    a_file_that_the_version_before_has_left_is_counted_on,
    a_dump_that_the_version_before_has_left_is_counted_on_by_redis,
    a_dump_that_the_version_before_has_left_is_counted_on_by_valkey,
    a_dump_that_the_version_before_has_left_is_counted_on_by_a_cluster,
];

#[derive(Deserialize)]
struct Fixture {
    sqlite: Vec<OldPoll>,
    redis: Vec<OldPoll>,
}

/// A poll, as that version answered.
#[derive(Deserialize)]
struct OldPoll {
    poll: OldDefinition,
    version: u64,
    ballots: u64,
    votes: BTreeMap<String, u64>,
    /// The choices of each voter, by voter id; `None` if they were taken back.
    voters: BTreeMap<String, Option<Vec<String>>>,
}

#[derive(Deserialize)]
struct OldDefinition {
    id: PollId,
    options: Vec<OldOption>,
    created_at: Timestamp,
}

#[derive(Deserialize)]
struct OldOption {
    id: String,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../fixtures/before.json")).unwrap()
}

async fn a_file_that_the_version_before_has_left_is_counted_on() {
    let storage = Storage::file();
    let path = storage.address().strip_prefix("sqlite:").unwrap();
    rusqlite::Connection::open(path).unwrap().execute_batch(include_str!("../fixtures/before.sql")).unwrap();
    is_counted_on(&storage, &fixture().sqlite).await;
}

async fn a_dump_that_the_version_before_has_left_is_counted_on_by_redis() {
    is_counted_on(&restored(Backend::Redis), &fixture().redis).await;
}

async fn a_dump_that_the_version_before_has_left_is_counted_on_by_valkey() {
    is_counted_on(&restored(Backend::Valkey), &fixture().redis).await;
}

async fn a_dump_that_the_version_before_has_left_is_counted_on_by_a_cluster() {
    is_counted_on(&restored(Backend::Cluster), &fixture().redis).await;
}

/// A store that holds what was left. Each key goes to the server that takes it.
fn restored(backend: Backend) -> Storage {
    let storage = Storage::start(backend);
    for line in include_str!("../fixtures/before.dump").lines() {
        let (key, dump) = line.split_once(' ').unwrap();
        let byte = |place| u8::from_str_radix(&dump[place..place + 2], 16).unwrap();
        let dump: Vec<u8> = (0..dump.len()).step_by(2).map(byte).collect();
        let takes_it = storage.servers().iter().filter(|server| server.restore(key, &dump)).count();
        assert_eq!(takes_it, 1, "{key}");
    }
    storage
}

async fn is_counted_on(storage: &Storage, left: &[OldPoll]) {
    let store = storage.store().await;
    let stage = Stage { store: Arc::clone(&store), site: "before".parse().unwrap() };
    assert!(store.site(&stage.site).await.unwrap().is_some());
    for poll in left {
        poll.is_as_it_was(&stage).await;
    }
    is_listed_with_what_is_new(&stage, left).await;
    for poll in left {
        poll.is_counted_on(&stage).await;
    }
}

/// All were made long ago, and the poll that is made now is of the same site.
async fn is_listed_with_what_is_new(stage: &Stage, left: &[OldPoll]) {
    // The first that is asked for may be a page in the middle.
    let before = Some(left[1].read(stage).await.list_cursor());
    let listed = stage.store.polls(&stage.site, before, 100).await.unwrap();
    assert_eq!(listed.iter().map(|poll| poll.id).collect::<Vec<_>>(), [left[0].poll.id]);
    let new = stage.poll(yes_or_no()).await;
    let mut expected: Vec<PollId> = left.iter().rev().map(|left| left.poll.id).collect();
    expected.insert(0, new.id);
    for limit in [1, 2, 100] {
        let (mut before, mut listed): (Option<ListCursor>, Vec<PollId>) = (None, Vec::new());
        loop {
            let page = stage.store.polls(&stage.site, before, limit).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.list_cursor());
            listed.extend(page.iter().map(|poll| poll.id));
        }
        assert_eq!(listed, expected, "{limit} at a time");
    }
}

impl OldPoll {
    async fn read(&self, stage: &Stage) -> Poll {
        stage.store.poll(self.poll.id).await.unwrap().expect("the poll is there")
    }

    async fn is_as_it_was(&self, stage: &Stage) {
        let poll = self.read(stage).await;
        assert_eq!(poll.created_at, self.poll.created_at);
        assert!(poll.options.iter().map(|option| option.id.as_str()).eq(self.poll.options.iter().map(|it| &*it.id)));
        let tally = stage.tally(&poll).await;
        assert_eq!((tally.version, tally.ballots), (self.version, self.ballots));
        for option in &poll.options {
            assert_eq!(tally.told_votes(option.index), Some(self.votes[option.id.as_str()]), "{}", option.id);
        }
        let made = Minute::of(poll.created_at);
        let page = stage.store.minutes(&poll, made.plus(-1)..made.plus(60)).await.unwrap();
        let ballots: i64 = page.changes.iter().map(|(_, change)| change.ballots).sum();
        assert_eq!(ballots, self.ballots.cast_signed());
        for (voter, choices) in &self.voters {
            let counters = stage.store.ballot(&poll, digest(voter, &poll)).await.unwrap();
            let ids = counters.map(|counters| poll.choices_of(counters).ids(&poll));
            let chosen = choices.as_ref().map(|ids| poll.choices_of(poll.counters_of(checked(&poll, ids))).ids(&poll));
            assert_eq!(ids, chosen, "{voter}");
        }
    }

    /// The same ballots again are repeated, others change them or not, and voters come to those that are there.
    async fn is_counted_on(&self, stage: &Stage) {
        let poll = self.read(stage).await;
        let again = self.voters.iter().filter_map(|(voter, choices)| Some((voter, choices.as_ref()?)));
        for (voter, choices) in again {
            let mut same = ballot(&poll, 0, choices);
            same.voter = digest(voter, &poll);
            assert_eq!(stage.apply(&poll, &[same]).await, [Outcome::Repeated]);
            let others: Vec<String> =
                vec![self.poll.options.iter().map(|it| it.id.clone()).rfind(|id| !choices.contains(id)).unwrap()];
            let mut other = ballot(&poll, 0, &others);
            other.voter = digest(voter, &poll);
            let expected = match (poll.schedule.phase, poll.changeable) {
                (Phase::Closed, _) => Outcome::NotOpen,
                (_, true) => Outcome::Changed,
                (_, false) => Outcome::AlreadyVoted(poll.counters_of(checked(&poll, choices))),
            };
            assert_eq!(stage.apply(&poll, &[other]).await, [expected]);
        }
        let tally = stage.tally(&poll).await;
        assert_eq!(tally.ballots, self.ballots);
        if poll.schedule.phase != Phase::Live {
            return;
        }
        let first = self.poll.options[0].id.as_str();
        for voter in 0..70 {
            assert_eq!(stage.cast(&poll, voter, &[first]).await, Outcome::Counted);
        }
        assert_eq!(stage.tally(&poll).await.ballots, self.ballots + 70);
        let closed = done(stage.replace(&poll.closed(stage.now().await)).await);
        assert_eq!(stage.tally(&closed).await.ballots, self.ballots + 70);
    }
}

fn checked(poll: &Poll, ids: &[String]) -> Choices {
    Choices::check(poll, ids).unwrap()
}

fn digest(voter: &str, poll: &Poll) -> VoterDigest {
    let id = u128::from_str_radix(voter, 16).unwrap();
    VoterDigest::of(&VoterId::from_bytes(id.to_be_bytes()), poll)
}
