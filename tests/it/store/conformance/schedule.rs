//! Opening and closing, by hand and by the store's clock.
//!
//! A schedule here is a fraction of a second ahead, and a rule never depends on being faster than that: it either sets
//! the time only when all that must come before it is done, or compares an answer with its own `as_of`.

use std::sync::Arc;

use sawt::{
    poll::{NewPoll, Outcome, Phase, Poll, PollFields, Schedule, State, Tally, Timestamp},
    store::{BatchOutcome, Replacement, Store},
};

use crate::store::stage::{Stage, ballot, changeable, done, yes_or_no};

crate::registry::store_rules![
    a_poll_opens_by_the_stores_clock,
    a_poll_closes_by_the_stores_clock,
    a_closing_time_may_be_put_off,
    a_closed_poll_is_never_edited_or_opened,
    closing_twice_closes_once,
    a_draft_may_be_closed_without_having_been_open,
    a_poll_read_as_closed_never_moves_again,
    a_prediction_is_resolved_when_it_is_closed_and_not_before,
];

fn closing_time(poll: &Poll) -> Timestamp {
    poll.schedule.closes_at.expect("a poll that closes by itself")
}

async fn a_poll_opens_by_the_stores_clock(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let opens_at = stage.now_plus(200).await;
    let poll = stage.poll(PollFields { opens_at: Some(Some(opens_at)), ..yes_or_no() }).await;
    let mut voter = 0;
    loop {
        let ballot = ballot(&poll, voter, &["yes"]);
        let committed = stage.commit(&poll, ballot.voter.partition, &[ballot]).await;
        let is_open = committed.tally.as_of >= opens_at;
        assert_eq!(committed.outcomes, [if is_open { Outcome::Counted } else { Outcome::NotOpen }]);
        assert_eq!(committed.tally.state, if is_open { State::Open } else { State::Scheduled });
        let tally = stage.tally(&poll).await;
        assert_eq!(tally.state, if tally.as_of >= opens_at { State::Open } else { State::Scheduled });
        if is_open {
            break;
        }
        stage.wait_until(opens_at).await;
        voter += 1;
    }
    assert_eq!(stage.read(&poll).await, poll, "opening by the clock is no edit");
}

async fn a_poll_closes_by_the_stores_clock(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    let poll = stage.closing_in(&poll, 300).await;
    stage.wait_until(closing_time(&poll)).await;
    let tally = stage.tally(&poll).await;
    assert_eq!((tally.state, tally.ballots), (State::Closed, 1));
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Repeated);
    assert_eq!(stage.cast(&poll, 1, &["no"]).await, Outcome::NotOpen);
    assert_eq!(stage.cast(&poll, 2, &["no"]).await, Outcome::NotOpen);
    assert_eq!(stage.withdraw(&poll, 1).await, Outcome::NotOpen);
    let current = stage.read(&poll).await;
    assert_eq!(current.revision, poll.revision, "closing by the clock is no edit");
    assert_eq!(current.state_at(stage.now().await), State::Closed);
    assert_eq!(Tally { as_of: tally.as_of, ..stage.tally(&poll).await }, tally);
}

async fn a_closing_time_may_be_put_off(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    // On a slow machine the poll may have closed before it could be put off; then with more time.
    for ahead in [300, 1_000, 3_000, 9_000] {
        let poll = stage.closing_in(&stage.poll(yes_or_no()).await, ahead).await;
        let closes_at = closing_time(&poll);
        let put_off =
            PollFields { closes_at: Some(None), ..PollFields::default() }.apply(&poll, poll.updated_at).unwrap();
        match stage.replace(&put_off).await {
            Replacement::Done(poll) => {
                stage.wait_until(closes_at).await;
                assert_eq!(stage.tally(&poll).await.state, State::Open);
                assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
                return;
            }
            Replacement::Closed => {}
            other => panic!("{other:?}"),
        }
    }
    panic!("the store takes longer than nine seconds for an edit");
}

async fn a_closed_poll_is_never_edited_or_opened(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let by_hand = stage.closed(&stage.poll(yes_or_no()).await).await;
    let by_clock = stage.closing_in(&stage.poll(yes_or_no()).await, 100).await;
    stage.wait_until(closing_time(&by_clock)).await;
    for closed in [by_hand, by_clock] {
        // As a replica would edit it whose clock is behind, or that has not heard of the closing.
        let mut believed = closed.clone();
        believed.schedule = Schedule { phase: Phase::Live, opens_at: None, closes_at: None };
        let now = stage.now().await;
        let reworded = PollFields { question: Some("?".to_owned()), ..PollFields::default() };
        for edit in [reworded.apply(&believed, now).unwrap(), believed.opened(now).unwrap(), closed.closed(now)] {
            assert_eq!(stage.replace(&edit).await, Replacement::Closed);
        }
        assert_eq!(stage.cast(&closed, 1, &["yes"]).await, Outcome::NotOpen);
        assert_eq!(stage.tally(&closed).await.state, State::Closed);
        assert_eq!(stage.read(&closed).await.question, closed.question);
    }
}

async fn closing_twice_closes_once(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    let edit = poll.closed(stage.now().await);
    let Replacement::Done(closed) = stage.replace(&edit).await else { panic!("not closed") };
    assert_eq!(stage.tally(&closed).await.state, State::Closed);
    assert_eq!(
        stage.replace(&edit).await,
        Replacement::Done(closed.clone()),
        "the answer was lost and asked for again"
    );
    assert_eq!(stage.replace(&closed.closed(stage.now().await)).await, Replacement::Closed);
    assert_eq!(stage.read(&poll).await, closed);
}

async fn a_draft_may_be_closed_without_having_been_open(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(NewPoll { draft: true, ..yes_or_no().into() }).await;
    let closed = stage.closed(&poll).await;
    assert_eq!(stage.cast(&closed, 1, &["yes"]).await, Outcome::NotOpen);
    let tally = stage.tally(&closed).await;
    assert_eq!((tally.state, tally.ballots), (State::Closed, 0));
}

async fn a_poll_read_as_closed_never_moves_again(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.closing_in(&stage.poll(changeable()).await, 250).await;
    let closes_at = closing_time(&poll);
    let voters: Vec<_> = (0..8)
        .map(|voter| {
            let (stage, poll) = (stage.clone(), poll.clone());
            tokio::spawn(async move {
                let mut moved = 0;
                for option in ["yes", "no"].into_iter().cycle() {
                    let ballot = ballot(&poll, voter, &[option]);
                    match stage.store.cast(&poll, ballot.voter.partition, &[ballot]).await.unwrap() {
                        BatchOutcome::Committed(committed) if committed.outcomes == [Outcome::NotOpen] => {
                            assert!(committed.tally.as_of >= closes_at && committed.tally.state == State::Closed);
                            break;
                        }
                        // The last ballot again, now that the poll has closed.
                        BatchOutcome::Committed(committed) if committed.outcomes == [Outcome::Repeated] => {}
                        BatchOutcome::Committed(committed) => {
                            assert!(committed.tally.as_of < closes_at && committed.tally.state == State::Open);
                            moved += 1;
                        }
                        other => panic!("{other:?}"),
                    }
                }
                moved
            })
        })
        .collect();
    let closed = loop {
        let tally = stage.tally(&poll).await;
        assert_eq!(tally.state == State::Closed, tally.as_of >= closes_at);
        if tally.state == State::Closed {
            break tally;
        }
        tokio::task::yield_now().await;
    };
    let mut moved = 0;
    for voter in voters {
        moved += voter.await.unwrap();
    }
    assert_eq!(closed.version, moved, "what was counted, and nothing since");
    assert_eq!(Tally { as_of: closed.as_of, ..stage.tally(&poll).await }, closed);
}

async fn a_prediction_is_resolved_when_it_is_closed_and_not_before(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    // By a caller whose clock is ahead.
    let ahead = Poll { schedule: Schedule { phase: Phase::Closed, ..poll.schedule }, ..poll.clone() };
    let early = ahead.resolved("yes", None, stage.now().await).unwrap().unwrap();
    assert_eq!(stage.replace(&early).await, Replacement::NotClosed);
    assert_eq!(stage.read(&poll).await, poll);
    // Closed by the clock alone: not even on record.
    let poll = stage.closing_in(&poll, 300).await;
    stage.wait_until(closing_time(&poll)).await;
    let edit = poll.resolved("yes", None, stage.now().await).unwrap().unwrap();
    let resolved = done(stage.replace(&edit).await);
    assert_eq!((resolved.schedule.phase, &resolved), (Phase::Closed, &edit.poll));
    assert_eq!(stage.read(&poll).await, resolved);
    assert_eq!(done(stage.replace(&edit).await), resolved, "the same again");
    let tally = stage.tally(&resolved).await;
    assert_eq!((tally.state, tally.ballots, tally.version), (State::Closed, 1, 1));
    assert_eq!(stage.cast(&resolved, 2, &["no"]).await, Outcome::NotOpen);
    let at_once = poll.resolved("no", None, stage.now().await).unwrap().unwrap();
    assert_eq!(stage.replace(&at_once).await, Replacement::Mismatch(resolved.revision));
    let corrected = resolved.resolved("no", Some("?"), stage.now().await).unwrap().unwrap();
    assert_eq!(done(stage.replace(&corrected).await).resolution, corrected.poll.resolution);
}
