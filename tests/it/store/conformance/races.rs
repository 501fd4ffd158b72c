//! Many at once.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sawt::{
    clock::Clock,
    live::Hub,
    poll::{Ballot, Outcome, Phase, Poll, PollFields, PollId, State, Tally},
    store::{BatchOutcome, Store},
};

use crate::store::stage::{Stage, at_once, ballot, changeable, counters, done, withdrawal, yes_or_no};

crate::registry::store_rules![
    one_voter_casting_many_times_at_once_has_one_ballot,
    many_voters_casting_at_once_are_all_counted,
    no_two_batches_make_the_same_version,
    sums_hold_at_every_instant,
    a_vote_in_flight_while_the_poll_closes_is_counted_before_or_refused,
    what_is_read_while_a_poll_is_edited_is_of_one_revision,
    whoever_asks_for_the_tally_of_an_older_revision_is_told_that_it_is_of_a_later_one,
];

async fn one_voter_casting_many_times_at_once_has_one_ballot(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    for round in 0..20 {
        let poll = stage.poll(yes_or_no()).await;
        let outcomes = at_once((0..32).map(|number| {
            let (stage, poll) = (stage.clone(), poll.clone());
            async move { stage.cast(&poll, 7, &[if number % 2 == 0 { "yes" } else { "no" }]).await }
        }))
        .await;
        let on_record = stage.on_record(&poll, 7).await.unwrap();
        let refused = Outcome::AlreadyVoted(counters(&poll, &on_record));
        let count = |outcome| outcomes.iter().filter(|other| **other == outcome).count();
        assert_eq!(
            (count(Outcome::Counted), count(Outcome::Repeated), count(refused)),
            (1, 15, 16),
            "round {round}: {outcomes:?}"
        );
        let tally = stage.tally(&poll).await;
        assert_eq!((tally.ballots, tally.version), (1, 1));
    }
}

async fn many_voters_casting_at_once_are_all_counted(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    let cast = |voter: u64| {
        let (stage, poll) = (stage.clone(), poll.clone());
        async move { stage.cast(&poll, voter, &[if voter.is_multiple_of(4) { "no" } else { "yes" }]).await }
    };
    assert_eq!(at_once((0..200).map(cast)).await, [Outcome::Counted; 200]);
    assert_eq!(stage.count(&poll).await, (vec![150, 50], 200));
    assert_eq!(at_once((0..200).map(cast)).await, [Outcome::Repeated; 200]);
    assert_eq!(stage.count(&poll).await, (vec![150, 50], 200));
}

async fn no_two_batches_make_the_same_version(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    let versions = at_once((0..100).map(|voter| {
        let (stage, poll) = (stage.clone(), poll.clone());
        async move {
            let ballot = ballot(&poll, voter, &["yes"]);
            let committed = stage.commit(&poll, ballot.voter.partition, std::slice::from_ref(&ballot)).await;
            (ballot.voter.partition, committed.tally.version)
        }
    }))
    .await;
    assert_eq!(versions.iter().collect::<HashSet<_>>().len(), 100, "{versions:?}");
}

async fn sums_hold_at_every_instant(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    let done = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn({
        let (stage, poll, done) = (stage.clone(), poll.clone(), done.clone());
        async move {
            let mut last = 0;
            while !done.load(Ordering::SeqCst) {
                // Reading a tally checks its sums.
                let version = stage.tally(&poll).await.version;
                assert!(version >= last, "a version went back from {last} to {version}");
                last = version;
                tokio::task::yield_now().await;
            }
        }
    });
    at_once((0..8).map(|voter| {
        let (stage, poll) = (stage.clone(), poll.clone());
        async move {
            for _ in 0..25 {
                let batch: Vec<Ballot> =
                    vec![ballot(&poll, voter, &["yes"]), ballot(&poll, voter + 1, &["no"]), withdrawal(&poll, voter)];
                stage.apply(&poll, &batch).await;
            }
        }
    }))
    .await;
    done.store(true, Ordering::SeqCst);
    watcher.await.unwrap();
    let mut on_record = vec![0, 0];
    for voter in 0..=8 {
        match stage.on_record(&poll, voter).await.as_deref() {
            Some([option]) => on_record[usize::from(option == "no")] += 1,
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
    let ballots = on_record.iter().sum();
    assert_eq!(stage.count(&poll).await, (on_record, ballots), "the voters on record");
}

async fn a_vote_in_flight_while_the_poll_closes_is_counted_before_or_refused(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    for round in 0..5 {
        let poll = stage.poll(yes_or_no()).await;
        let is_closed = Arc::new(AtomicBool::new(false));
        let voters: Vec<_> = (0..8)
            .map(|caster| tokio::spawn(vote_until_refused(stage.clone(), poll.clone(), caster, is_closed.clone())))
            .collect();
        // Not before every caster may have begun.
        while stage.tally(&poll).await.ballots < 8 {
            assert!(voters.iter().all(|voter| !voter.is_finished()), "refused by an open poll");
            tokio::task::yield_now().await;
        }
        let closed = done(stage.replace(&poll.closed(stage.now().await)).await);
        is_closed.store(true, Ordering::SeqCst);
        let answered = stage.tally(&closed).await;
        assert_eq!(answered.state, State::Closed);
        let mut counted = 0;
        for voter in voters {
            counted += voter.await.unwrap();
        }
        assert_eq!(answered.ballots, counted, "round {round}");
        assert_eq!(Tally { as_of: answered.as_of, ..stage.tally(&closed).await }, answered);
    }
}

/// Casts for one new voter after another, and says how many were counted.
async fn vote_until_refused(stage: Stage, poll: Poll, caster: u64, is_closed: Arc<AtomicBool>) -> u64 {
    let mut known = poll;
    for counted in 0.. {
        let came_late = is_closed.load(Ordering::SeqCst);
        let outcome = loop {
            let ballot = ballot(&known, caster << 32 | counted, &["yes"]);
            match stage.store.cast(&known, ballot.voter.partition, &[ballot]).await.unwrap() {
                BatchOutcome::Committed(committed) => break committed.outcomes[0],
                BatchOutcome::Stale => known = stage.read(&known).await,
                BatchOutcome::Gone => panic!("the poll is gone"),
            }
        };
        match outcome {
            Outcome::Counted => assert!(!came_late, "counted after the poll was answered as closed"),
            Outcome::NotOpen => return counted,
            other => panic!("{other:?} for a voter's first ballot"),
        }
    }
    unreachable!("a poll that is never closed")
}

/// A poll that had its closing's state and not yet its closing's definition was told as closed twice, at first with the
/// times of before.
async fn what_is_read_while_a_poll_is_edited_is_of_one_revision(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    for _ in 0..10 {
        let poll = stage.poll(yes_or_no()).await;
        let readers: Vec<_> = (0..4).map(|_| tokio::spawn(read_until_closed(stage.store.clone(), poll.id))).collect();
        let edit = PollFields { question: Some("كلمات أخرى".to_owned()), ..PollFields::default() };
        let edited = stage.edited(&poll, edit).await;
        stage.closed(&edited).await;
        for reader in readers {
            reader.await.unwrap();
        }
    }
}

async fn read_until_closed(store: Arc<dyn Store>, id: PollId) {
    let hub = Arc::new(Hub::new(Arc::default(), Clock::default(), false));
    let mut revision = None;
    loop {
        let read = hub.reread(&store, id).await.unwrap().expect("there is the poll");
        assert!(Some(read.poll.revision) >= revision, "{:?} after {revision:?}", read.poll.revision);
        revision = Some(read.poll.revision);
        let is_closed = read.tally.state == State::Closed;
        assert_eq!(is_closed, read.poll.schedule.phase == Phase::Closed, "revision {}", read.poll.revision);
        if is_closed {
            return;
        }
    }
}

async fn whoever_asks_for_the_tally_of_an_older_revision_is_told_that_it_is_of_a_later_one(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    let closed = stage.closed(&poll).await;
    for asked in [&poll, &closed] {
        let tallies = stage.store.tally(asked).await.unwrap().unwrap();
        assert!(tallies.iter().all(|tally| (tally.revision, tally.state) == (closed.revision, State::Closed)));
    }
}
