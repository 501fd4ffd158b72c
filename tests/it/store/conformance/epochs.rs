//! What becomes of positions when a store has less than was seen.
//!
//! No rule here can make a store lose anything. A store can't tell, either: what was seen and is not there, is lost.

use std::sync::Arc;

use sawt::{
    poll::{Outcome, Poll, Position},
    store::Store,
};

use crate::store::stage::{Stage, at_once, ballot, yes_or_no};

crate::registry::store_rules![
    a_loss_that_several_replicas_find_at_once_is_one_epoch,
    each_loss_is_another_epoch_and_what_is_not_behind_stays_as_it_is,
    a_tally_of_a_raised_partition_is_later_than_all_that_was_read,
    nothing_is_raised_of_a_poll_that_is_gone,
];

fn at(epoch: u64, version: u64) -> Position {
    Position { epoch, version }
}

/// How far each partition of a poll has come.
async fn positions(stage: &Stage, poll: &Poll) -> Vec<Position> {
    let tallies = stage.store.tally(poll).await.unwrap().unwrap();
    tallies.iter().map(sawt::poll::PartitionTally::position).collect()
}

async fn a_loss_that_several_replicas_find_at_once_is_one_epoch(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    for _ in 0..5 {
        let poll = stage.poll(yes_or_no()).await;
        // What they have seen differs.
        let raised = at_once((1..=8).map(|version| {
            let (store, poll) = (stage.store.clone(), poll.clone());
            async move { store.raise_epoch(&poll, 0, at(0, version)).await.unwrap() }
        }))
        .await;
        assert_eq!(raised.iter().filter(|is_raised| **is_raised).count(), 1, "{raised:?}");
        assert_eq!(positions(&stage, &poll).await[0], at(1, 0));
    }
}

async fn each_loss_is_another_epoch_and_what_is_not_behind_stays_as_it_is(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    let ballot = ballot(&poll, 1, &["yes"]);
    let partition = ballot.voter.partition;
    assert_eq!(stage.commit(&poll, partition, &[ballot]).await.tally.position(), at(0, 1));
    for (seen, is_raised, then) in [
        (at(0, 0), false, at(0, 1)),
        (at(0, 1), false, at(0, 1)),
        (at(0, 2), true, at(1, 1)),
        (at(0, u64::MAX), false, at(1, 1)),
        (at(1, 1), false, at(1, 1)),
        (at(1, 2), true, at(2, 1)),
        (at(5, 0), true, at(6, 1)),
        (at(6, u64::MAX), true, at(7, 1)),
    ] {
        assert_eq!(stage.store.raise_epoch(&poll, partition, seen).await.unwrap(), is_raised, "{seen:?}");
        let positions = positions(&stage, &poll).await;
        for (number, position) in (0..).zip(positions) {
            assert_eq!(position, if number == partition { then } else { at(0, 0) }, "{number} after {seen:?}");
        }
    }
    assert_eq!(stage.count(&poll).await, (vec![1, 0], 1));
}

async fn a_tally_of_a_raised_partition_is_later_than_all_that_was_read(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    for voter in 0..20 {
        assert_eq!(stage.cast(&poll, voter, &["yes"]).await, Outcome::Counted);
    }
    let seen = stage.tally(&poll).await.position();
    let last = poll.partitions.count() - 1;
    assert!(stage.store.raise_epoch(&poll, last, at(seen.epoch, seen.version + 1)).await.unwrap());
    let raised = stage.tally(&poll).await.position();
    assert!(raised > seen && raised == at(1, seen.version));
    // A ballot is answered in the epoch, and an edit leaves it.
    let (number, ballot) = (100..10_000)
        .map(|number| (number, ballot(&poll, number, &["no"])))
        .find(|(_, ballot)| ballot.voter.partition == last)
        .unwrap();
    assert_eq!(stage.commit(&poll, last, &[ballot]).await.tally.epoch, 1);
    let closed = stage.closed(&poll).await;
    assert_eq!(stage.tally(&closed).await.position(), at(1, seen.version + 1));
    assert_eq!(stage.cast(&closed, number, &["no"]).await, Outcome::Repeated);
}

async fn nothing_is_raised_of_a_poll_that_is_gone(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
    assert!(!stage.store.raise_epoch(&poll, 0, at(0, 1)).await.unwrap());
    assert_eq!(stage.store.tally(&poll).await.unwrap(), None);
}
