//! Two clocks that are an hour apart: nothing is decided that only one of them says.
//!
//! On Redis the second clock is the replica's, so there a replica's clock is moved; in the embedded store it is the
//! system's monotonic one, which can't be moved, so there the store's own is.

use std::sync::Arc;

use sawt::{
    clock::Clock,
    poll::{Outcome, Phase, Poll, PollFields, State, Timestamp},
    store::{ClockWatch, StoreError, StoreSettings, Stores},
};

use super::stage::{Stage, changeable, done};
use crate::backends::{Backend, Storage, clock_ahead};

crate::registry::lone_rules![
    a_poll_that_is_due_by_the_stores_clock_alone_is_not_closed,
    a_poll_that_is_due_by_the_other_clock_alone_is_not_closed,
    a_poll_that_is_to_open_takes_no_ballot_before_both_clocks_say_so,
    the_masters_of_a_cluster_may_have_clocks_that_differ,
];

const HOUR: i64 = 3_600_000;

/// A store, and the clock beside it.
struct TwoClocks {
    backend: Backend,
    storage: Storage,
    agreed: Stage,
    clock: Clock,
}

impl TwoClocks {
    async fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for backend in Backend::ALL {
            let storage = Storage::start(backend);
            let clock = match backend {
                Backend::Sqlite => Clock::stopped_at(Clock::default().now()),
                Backend::Redis | Backend::Valkey | Backend::Cluster => Clock::default(),
            };
            let (agreed, _) = connect(&storage, clock.clone()).await;
            all.push(Self { backend, storage, agreed, clock });
        }
        all
    }

    /// The store as it is used while its clock says one time, to which it has come or will have, and the other clock
    /// another.
    async fn apart(&self, by_store: Timestamp, by_other: Timestamp) -> (Stage, Arc<ClockWatch>) {
        let (stage, watch) = if self.backend == Backend::Sqlite {
            self.clock.set(by_other);
            self.clock.jump(by_store);
            connect(&self.storage, self.clock.clone()).await
        } else {
            self.agreed.wait_until(by_store).await;
            connect(&self.storage, Clock::stopped_at(by_other)).await
        };
        (Stage { site: self.agreed.site.clone(), ..stage }, watch)
    }

    /// Waits until both clocks show a moment.
    async fn agree_at(&self, moment: Timestamp) -> &Stage {
        self.clock.set(moment);
        self.agreed.wait_until(moment).await;
        &self.agreed
    }
}

async fn connect(storage: &Storage, clock: Clock) -> (Stage, Arc<ClockWatch>) {
    let address = storage.address().parse().unwrap();
    let stores = Stores::open(&StoreSettings { address, partitions: Some(2), allow_eviction: false }, clock).unwrap();
    let store = stores.connect();
    store.contact().await.unwrap();
    (Stage::new(store).await, stores.clocks().clone())
}

fn plus(moment: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_millis(moment.as_millis() + millis)
}

/// Nothing can be done to the poll but what changes nothing, and nothing is lost by asking again.
async fn is_undecided(stage: &Stage, poll: &Poll, shown: State) {
    assert_eq!(stage.tally(poll).await.state, shown);
    for _ in 0..2 {
        for voter in 10..20 {
            assert_eq!(stage.cast(poll, voter, &["no"]).await, Outcome::Undecided);
            assert_eq!(stage.withdraw(poll, voter).await, Outcome::NoBallot);
        }
    }
    assert_eq!(stage.tally(poll).await.state, shown);
}

fn is_seen_apart(watch: &ClockWatch, ahead: i64) {
    let seen = watch.ahead_millis().load(std::sync::atomic::Ordering::Relaxed);
    assert!(seen.abs() > HOUR / 2 && seen.signum() == ahead, "{seen} ms");
}

async fn edit_is_unavailable(stage: &Stage, poll: &Poll) {
    let edit = PollFields { closes_at: Some(None), ..PollFields::default() }.apply(poll, poll.updated_at).unwrap();
    let replaced = stage.store.replace_poll(&edit, &[]).await;
    assert!(matches!(replaced, Err(StoreError::Unavailable(_))), "{replaced:?}");
}

async fn a_poll_that_is_due_by_the_stores_clock_alone_is_not_closed() {
    for clocks in TwoClocks::all().await {
        let agreed = &clocks.agreed;
        // On a slow machine a poll may have closed before there was a ballot in it; then with more time.
        let mut ahead = 200;
        let (poll, closes_at) = loop {
            let closes_at = agreed.now_plus(ahead).await;
            let poll = agreed.poll(PollFields { closes_at: Some(Some(closes_at)), ..changeable() }).await;
            if agreed.cast(&poll, 1, &["yes"]).await == Outcome::Counted {
                break (poll, closes_at);
            }
            ahead *= 4;
        };
        let (stage, watch) = clocks.apart(closes_at, plus(closes_at, -HOUR)).await;
        is_undecided(&stage, &poll, State::Open).await;
        assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Repeated);
        assert_eq!(stage.cast(&poll, 1, &["no"]).await, Outcome::Undecided);
        edit_is_unavailable(&stage, &poll).await;
        is_seen_apart(&watch, 1);
        if clocks.backend == Backend::Sqlite {
            clocks.clock.set(plus(closes_at, -1));
            assert_eq!(agreed.cast(&poll, 2, &["no"]).await, Outcome::Counted, "it was not closed");
            assert_eq!(agreed.withdraw(&poll, 2).await, Outcome::Withdrawn);
        } else {
            for server in clocks.storage.servers() {
                for tally in server.ask_for::<Vec<String>>(&["KEYS", &format!("*{}.*tally", poll.id)]) {
                    assert_eq!(server.ask(&["HGET", &tally, "phase"]), "1", "it was not closed");
                }
            }
        }
        let stage = clocks.agree_at(closes_at).await;
        let tally = stage.tally(&poll).await;
        assert_eq!((tally.state, tally.ballots), (State::Closed, 1));
        assert_eq!(stage.cast(&poll, 2, &["no"]).await, Outcome::NotOpen);
        // And is for good, wherever the clocks go.
        let (stage, _) = clocks.apart(closes_at, plus(closes_at, -HOUR)).await;
        assert_eq!(stage.cast(&poll, 2, &["no"]).await, Outcome::NotOpen);
        assert_eq!(stage.tally(&poll).await.state, State::Closed);
    }
}

async fn a_poll_that_is_due_by_the_other_clock_alone_is_not_closed() {
    for clocks in TwoClocks::all().await {
        let now = clocks.agreed.now().await;
        let closes_at = plus(now, HOUR);
        let poll = clocks.agreed.poll(PollFields { closes_at: Some(Some(closes_at)), ..changeable() }).await;
        let (stage, watch) = clocks.apart(now, plus(closes_at, HOUR)).await;
        is_undecided(&stage, &poll, State::Open).await;
        edit_is_unavailable(&stage, &poll).await;
        is_seen_apart(&watch, -1);
        clocks.clock.set(now);
        assert_eq!(clocks.agreed.cast(&poll, 10, &["no"]).await, Outcome::Counted, "it was not closed");
    }
}

async fn a_poll_that_is_to_open_takes_no_ballot_before_both_clocks_say_so() {
    for clocks in TwoClocks::all().await {
        let now = clocks.agreed.now().await;
        let poll = clocks.agreed.poll(PollFields { opens_at: Some(Some(plus(now, HOUR))), ..changeable() }).await;
        let (stage, _) = clocks.apart(now, plus(now, 2 * HOUR)).await;
        is_undecided(&stage, &poll, State::Scheduled).await;
        clocks.clock.set(now);
        assert_eq!(clocks.agreed.cast(&poll, 10, &["no"]).await, Outcome::NotOpen);
    }
}

/// A change is announced on one master and made on another.
async fn the_masters_of_a_cluster_may_have_clocks_that_differ() {
    let folder = tempfile::tempdir().unwrap();
    let ahead = clock_ahead(folder.path());
    // The second has the hash slot of `{events}`.
    let storage = Storage::cluster_with_clocks(&[], [Some(&ahead), None, Some(&ahead)]);
    let [one, other] = [0, 1].map(|server| storage.servers()[server].ask_for::<(u64, u64)>(&["TIME"]).0);
    assert!(one > other + 30, "{one} and {other}");
    let (stage, _) = connect(&storage, Clock::default()).await;
    let mut polls = Vec::new();
    for _ in 0..6 {
        let poll = stage.told_poll(changeable()).await;
        let closed = done(stage.tell_close(&poll).await);
        assert_eq!(closed.schedule.phase, Phase::Closed);
        polls.push(closed);
    }
    assert_eq!(stage.told(&polls[0]).await.len(), 3);
    for poll in &polls {
        assert!(stage.tell_delete(poll).await);
    }
    assert_eq!(stage.told(&polls[0]).await.len(), 4);
}
