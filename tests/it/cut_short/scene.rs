//! The replicas of these trials, and the wire between one of them and its Redis.

use std::{cell::Cell, sync::Arc};

use sawt::{
    clock::Clock,
    poll::{Edit, Outcome, Poll, PollFields, State},
    store::{Replacement, Store, StoreError, StoreSettings, Stores},
};

use crate::{
    backends::{Program, Storage},
    client::until,
    redis_wire::RedisWire,
    store::stage::{Stage, changeable, options},
};

/// How many partitions polls have here.
pub(super) const PARTITIONS: u16 = 3;

/// A Redis, a replica over a wire that can be cut, and one beside it.
pub(super) struct Scene {
    pub(super) storage: Storage,
    wire: RedisWire,
    pub(super) cut: Stage,
    pub(super) next: Stage,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let storage = Storage::single(Program::Redis, &[]);
        let wire = RedisWire::to(storage.server().port());
        let cut = Stage::new(connect(&wire.address()).await).await;
        let next = Stage { store: connect(storage.address()).await, site: cut.site.clone() };
        Self { storage, wire, cut, next }
    }

    /// Does something on the replica whose wire is cut after no command, one, two, … until it is done before that.
    /// Begins anew each time.
    pub(super) async fn cut_everywhere<T>(
        &self,
        begin: impl AsyncFn() -> T,
        act: impl AsyncFn(&Stage, &T) -> bool,
        after: impl AsyncFn(T),
    ) {
        for commands in 0.. {
            let subject = begin().await;
            // The connection is made anew after each cut, which takes commands too.
            until(async || self.cut.store.now().await.ok()).await;
            self.wire.cut_after(commands);
            let is_done = act(&self.cut, &subject).await;
            self.wire.heal();
            if is_done {
                assert!(commands > 2, "done in {commands} commands");
                return;
            }
            after(subject).await;
        }
    }

    /// Does something on the replica whose wire holds everything up after no command, one, two, … until it is done
    /// before that. Something else is done meanwhile beside it; then the first replica goes on. Begins anew each time.
    pub(super) async fn hold_everywhere<T>(
        &self,
        begin: impl AsyncFn() -> T,
        act: impl AsyncFn(&Stage, &T),
        meanwhile: impl AsyncFn(&T),
        after: impl AsyncFn(T),
    ) {
        for commands in 0.. {
            let subject = begin().await;
            until(async || self.cut.store.now().await.ok()).await;
            self.wire.hold_after(commands);
            let is_done = Cell::new(false);
            let acting = async {
                act(&self.cut, &subject).await;
                is_done.set(true);
            };
            let beside = async {
                let held = until(async || (self.wire.is_holding() || is_done.get()).then(|| self.wire.is_holding()));
                let is_held = held.await;
                if is_held {
                    meanwhile(&subject).await;
                }
                self.wire.heal();
                is_held
            };
            let ((), was_held) = tokio::join!(acting, beside);
            if !was_held {
                assert!(commands > 3, "done in {commands} commands");
                return;
            }
            after(subject).await;
        }
    }

    /// The next command over the wire is carried out, and its connection ends without an answer.
    pub(super) fn lose_one_answer(&self) {
        self.wire.lose_one_answer();
    }

    /// The keys there are of a poll.
    pub(super) fn keys_of(&self, poll: &Poll) -> Vec<String> {
        self.storage.server().ask_for(&["KEYS", &format!("*{}*", poll.id)])
    }

    /// Whether the server takes writes.
    pub(super) fn takes_writes(&self, takes: bool) {
        self.storage.server().ask(&["CONFIG", "SET", "min-replicas-to-write", if takes { "0" } else { "1" }]);
    }
}

pub(super) async fn connect(address: &str) -> Arc<dyn Store> {
    let settings =
        StoreSettings { address: address.parse().unwrap(), partitions: Some(PARTITIONS), allow_eviction: false };
    let store = Stores::open(&settings, Clock::default()).unwrap().connect();
    store.contact().await.unwrap();
    store
}

pub(super) fn three_options() -> PollFields {
    PollFields { options: Some(options(&["no", "perhaps", "yes"])), ..PollFields::default() }
}

/// A poll, and an edit of its options.
pub(super) async fn poll_to_reshape(stage: &Stage) -> (Poll, Edit) {
    let poll = stage.poll(changeable()).await;
    let edit = three_options().apply(&poll, stage.now().await).unwrap();
    (poll, edit)
}

pub(super) async fn replace(stage: &Stage, edit: &Edit) -> Option<Replacement> {
    match stage.store.replace_poll(edit, &[]).await {
        Ok(replacement) => Some(replacement),
        Err(StoreError::Unavailable(_)) => None,
        Err(error) => panic!("{error:?}"),
    }
}

/// Checks that a poll is what it was, or what it was to be, and open; and votes in it.
pub(super) async fn is_whole(stage: &Stage, before: &Poll, edit: &Edit) -> Poll {
    let found = stage.read(before).await;
    let revision = found.revision;
    let wanted = Poll { revision, ..edit.poll.clone() };
    let kept = Poll { revision, ..before.clone() };
    assert!(found == wanted || found == kept, "{found:?}");
    let tally = stage.tally(&found).await;
    assert_eq!((tally.state, tally.ballots, tally.votes.len()), (State::Open, 0, found.options.len()));
    for voter in 0..12 {
        assert_eq!(stage.cast(&found, voter, &["yes"]).await, Outcome::Counted);
    }
    assert_eq!(stage.tally(&found).await.ballots, 12);
    found
}
