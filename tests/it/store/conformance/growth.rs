//! A poll that grows, and what the store does to its ballots meanwhile.

use std::{collections::BTreeMap, sync::Arc};

use sawt::{
    poll::{Ballot, Outcome, Poll},
    store::Store,
};
use tokio::task::JoinHandle;

use crate::store::stage::{Stage, at_once, ballot, changeable, withdrawal};

const VOTERS: u64 = 5_000;
const BATCH: usize = 50;

crate::registry::store_rules![
    every_ballot_of_a_poll_that_grows_stays_on_record,
    a_poll_grows_without_any_upkeep_too,
    upkeep_that_nobody_asked_for_does_no_harm,
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
    assert!(stage.store.delete_poll(poll.id).await.unwrap());
    assert_eq!(stage.on_record(&poll, 1).await, None);
}

fn choice_of(voter: u64) -> &'static str {
    if voter.is_multiple_of(3) { "no" } else { "yes" }
}

/// Casts in batches. Upkeep that an answer asks for runs, twice, while the next batches of its partition do.
async fn cast_all(stage: &Stage, poll: &Poll, ballots: &[Ballot], expected: Outcome, with_upkeep: bool) {
    let mut by_partition: BTreeMap<u16, Vec<Ballot>> = BTreeMap::new();
    for ballot in ballots {
        by_partition.entry(ballot.voter.partition).or_default().push(*ballot);
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
