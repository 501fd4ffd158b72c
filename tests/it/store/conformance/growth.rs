//! A poll that grows, and what the store does to its ballots meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sawt::{
    poll::{Ballot, Counters, Outcome, Partitions, Poll},
    store::{BallotPage, Store},
};
use tokio::task::JoinHandle;

use crate::store::stage::{Stage, at_once, ballot, changeable, ranking, withdrawal, yes_or_no};

const VOTERS: u64 = 5_000;
const BATCH: usize = 50;

crate::registry::store_rules![
    every_ballot_of_a_poll_that_grows_stays_on_record,
    a_poll_grows_without_any_upkeep_too,
    upkeep_that_nobody_asked_for_does_no_harm,
    a_scan_has_every_ballot_once_whatever_is_cast_and_moved_meanwhile,
    a_scan_of_no_ballots_ends_and_one_of_no_poll_finds_none,
];

async fn every_ballot_of_a_poll_that_grows_stays_on_record(store: Arc<dyn Store>) {
    grow(Stage::new(store).await, true).await;
}

async fn a_poll_grows_without_any_upkeep_too(store: Arc<dyn Store>) {
    grow(Stage::new(store).await, false).await;
}

async fn grow(stage: Stage, with_upkeep: bool) {
    let poll = stage.poll(changeable()).await;
    let ballots: Vec<Ballot> = (0..VOTERS).map(|voter| ballot(&poll, voter, &[choice_of(voter)])).collect();
    for expected in [Outcome::Counted, Outcome::Repeated] {
        cast_all(&stage, &poll, &ballots, expected, with_upkeep).await;
        assert_eq!(stage.count(&poll).await, (vec![VOTERS - VOTERS / 3 - 1, VOTERS / 3 + 1], VOTERS));
    }
    for first in (0..VOTERS).step_by(100) {
        at_once((first..first + 100).map(|voter| {
            let (stage, poll) = (stage.clone(), poll.clone());
            async move {
                assert_eq!(stage.on_record(&poll, voter).await, Some(vec![choice_of(voter).to_owned()]), "{voter}");
            }
        }))
        .await;
    }
    let other = |voter| if choice_of(voter) == "yes" { "no" } else { "yes" };
    let changed: Vec<Ballot> = (0..VOTERS).step_by(7).map(|voter| ballot(&poll, voter, &[other(voter)])).collect();
    cast_all(&stage, &poll, &changed, Outcome::Changed, with_upkeep).await;
    let withdrawn: Vec<Ballot> = (0..VOTERS).step_by(3).map(|voter| withdrawal(&poll, voter)).collect();
    cast_all(&stage, &poll, &withdrawn, Outcome::Withdrawn, with_upkeep).await;
    let tally = stage.tally(&poll).await;
    let moves = ballots.len() + changed.len() + withdrawn.len();
    assert_eq!((tally.ballots, tally.version), (VOTERS - withdrawn.len() as u64, moves as u64));
    for voter in (0..VOTERS - 7).step_by(21) {
        assert_eq!(stage.on_record(&poll, voter).await, None);
        assert_eq!(stage.on_record(&poll, voter + 7).await, Some(vec![other(voter + 7).to_owned()]));
    }
    assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
    assert_eq!(stage.on_record(&poll, 1).await, None);
}

fn choice_of(voter: u64) -> &'static str {
    if voter.is_multiple_of(3) { "no" } else { "yes" }
}

/// Casts in batches. Upkeep that an answer asks for runs, twice, while the next batches of its partition do.
async fn cast_all(stage: &Stage, poll: &Poll, ballots: &[Ballot], expected: Outcome, with_upkeep: bool) {
    let mut by_partition: BTreeMap<u16, Vec<Ballot>> = BTreeMap::new();
    for ballot in ballots {
        by_partition.entry(ballot.voter.partition).or_default().push(ballot.clone());
    }
    for (partition, ballots) in by_partition {
        let mut upkeep: Option<JoinHandle<()>> = None;
        for batch in ballots.chunks(BATCH) {
            let committed = stage.commit(poll, partition, batch).await;
            assert!(committed.outcomes.iter().all(|outcome| *outcome == expected), "{:?}", committed.outcomes);
            if committed.upkeep_due && with_upkeep {
                if let Some(running) = upkeep.take() {
                    running.await.unwrap();
                }
                let (store, poll) = (stage.store.clone(), poll.clone());
                upkeep = Some(tokio::spawn(async move {
                    for _ in 0..2 {
                        store.upkeep(&poll, partition).await.unwrap();
                    }
                }));
            }
        }
        if let Some(running) = upkeep {
            running.await.unwrap();
        }
    }
}

async fn upkeep_that_nobody_asked_for_does_no_harm(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    for voter in 0..40 {
        for partition in 0..poll.partitions.count() {
            stage.store.upkeep(&poll, partition).await.unwrap();
        }
        assert_eq!(stage.cast(&poll, voter, &["yes"]).await, Outcome::Counted);
    }
    for voter in 0..40 {
        assert_eq!(stage.cast(&poll, voter, &["yes"]).await, Outcome::Repeated);
    }
    assert_eq!(stage.count(&poll).await, (vec![40, 0], 40));
    let closed = stage.closed(&poll).await;
    for partition in 0..poll.partitions.count() {
        stage.store.upkeep(&closed, partition).await.unwrap();
    }
    assert_eq!(stage.on_record(&closed, 39).await, Some(vec!["yes".to_owned()]));
    assert_eq!(stage.count(&closed).await, (vec![40, 0], 40));
}

const SEVEN: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

/// An order of seven options that no other voter has, of the first 5,040.
fn order_of(mut voter: usize) -> Vec<&'static str> {
    let mut left = SEVEN.to_vec();
    let mut order = Vec::new();
    for options in (1..=SEVEN.len()).rev() {
        order.push(left.remove(voter % options));
        voter /= options;
    }
    order
}

/// Every ballot that a scan finds, in order. `between` is done after each page.
async fn scan(stage: &Stage, poll: &Poll, mut between: impl AsyncFnMut()) -> Vec<Vec<u8>> {
    let (mut found, mut from, mut seen) = (Vec::new(), None, BTreeSet::new());
    loop {
        let BallotPage { ballots, voters, next } = stage.store.ballots(poll, from).await.unwrap().unwrap();
        assert_eq!(voters.len(), ballots.len());
        assert!(voters.into_iter().all(|voter| seen.insert(voter)), "a voter twice");
        found.extend(ballots.into_iter().map(|ballot| ballot.counters.indexes().collect::<Vec<u8>>()));
        if next.is_none() {
            found.sort_unstable();
            return found;
        }
        from = next;
        between().await;
    }
}

async fn a_scan_has_every_ballot_once_whatever_is_cast_and_moved_meanwhile(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let drawn = stage.draw_up(ranking(&SEVEN)).await;
    // One partition, so that its buckets are many.
    let poll = Poll { partitions: Partitions::unplaced(1), ..drawn };
    stage.store.create_poll(&poll, None, &[]).await.unwrap();
    let stays = 2_000;
    let cast = |voter: usize| ballot(&poll, voter as u64, &order_of(voter));
    let indexes = |voter: usize| {
        let sawt::poll::Action::Cast(_, counters) = cast(voter).action else { unreachable!("it is cast") };
        Counters::indexes(counters).collect::<Vec<u8>>()
    };
    let all: Vec<Ballot> = (0..stays).map(cast).collect();
    for batch in all.chunks(250) {
        stage.commit(&poll, 0, batch).await;
    }
    let mut expected: Vec<Vec<u8>> = (0..stays).map(indexes).collect();
    expected.sort_unstable();
    // Where ballots lie in buckets there is still one. From here on a scan meets ever more, made between its pages.
    stage.store.upkeep(&poll, 0).await.unwrap();
    let mut next = stays;
    let found = scan(&stage, &poll, async || {
        let coming: Vec<Ballot> = (next..next + 40).map(cast).collect();
        stage.commit(&poll, 0, &coming).await;
        let going: Vec<Ballot> = (next..next + 20).map(|voter| withdrawal(&poll, voter as u64)).collect();
        stage.commit(&poll, 0, &going).await;
        next += 40;
        stage.store.upkeep(&poll, 0).await.unwrap();
    })
    .await;
    assert!(next > stays, "a scan has pages");
    let mut those_that_stayed = found.clone();
    those_that_stayed.retain(|ballot| expected.binary_search(ballot).is_ok());
    assert_eq!(those_that_stayed.len(), stays, "of {}", found.len());
    assert_eq!(those_that_stayed, expected, "each once");
    let mut without_twins = found.clone();
    without_twins.dedup();
    assert_eq!(without_twins, found, "nobody twice");

    // Closed, it has all that are on record, though buckets are still being split.
    let closed = stage.closed(&poll).await;
    let cast_meanwhile = (stays..next).filter(|voter| (voter - stays) % 40 >= 20);
    let mut expected: Vec<Vec<u8>> = (0..stays).chain(cast_meanwhile).map(indexes).collect();
    expected.sort_unstable();
    for _ in 0..3 {
        let found = scan(&stage, &closed, async || stage.store.upkeep(&closed, 0).await.unwrap()).await;
        assert_eq!(found, expected);
    }
    assert_eq!(stage.tally(&closed).await.ballots, expected.len() as u64);
}

async fn a_scan_of_no_ballots_ends_and_one_of_no_poll_finds_none(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    assert!(scan(&stage, &poll, async || {}).await.is_empty());
    for voter in 0..30 {
        stage.cast(&poll, voter, &[choice_of(voter)]).await;
    }
    let found = scan(&stage, &poll, async || {}).await;
    assert_eq!(found, [vec![vec![0]; 20], vec![vec![1]; 10]].concat());
    assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
    assert_eq!(stage.store.ballots(&poll, None).await.unwrap(), None);
}
