//! A poll in a store and ballots for it, without HTTP.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sawt::{
    clock::Clock,
    poll::{
        Action, Ballot, Choices, DigestKey, Kind, Label, NewOption, NewPoll, Poll, PollFields, PollId, SiteId,
        VoterDigest, VoterId,
    },
    secret::random_bytes,
    store::{BatchOutcome, Store, StoreError, StoreSettings, Stores},
};

use crate::process::own_cpu_secs;

/// How often a store that does not answer is asked again, and after how long.
const ASKED_AGAIN: (usize, Duration) = (20, Duration::from_millis(500));

/// What some votes came to.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) per_sec: f64,
    /// Processor time of each, here and in the store.
    pub(crate) micros: f64,
    pub(crate) store_micros: f64,
}

impl Figures {
    /// Those of so many votes, by the processor time they took here and in the store's own process.
    pub(crate) fn of(count: u64, took: Duration, own_secs: f64, store_secs: f64) -> Self {
        let each = |secs: f64| secs * 1e6 / count as f64;
        Self {
            per_sec: count as f64 / took.as_secs_f64(),
            micros: each(own_secs + store_secs),
            store_micros: each(store_secs),
        }
    }
}

/// Gives a new poll in the store at this address batches of this size for a while.
pub(crate) fn store_alone(address: &str, batch: u64, go_on: Duration, store_secs: &dyn Fn() -> f64) -> Figures {
    runtime().block_on(async {
        let ground = Ground::new(address).await;
        // Digests are made beforehand: they are the service's work, not the store's.
        let ballots = ground.ballots(0, 200_000);
        let mut rest = ballots.chunks_exact(batch as usize);
        let (begun, cpu_secs, store_before) = (Instant::now(), own_cpu_secs(), store_secs());
        let mut count = 0;
        while begun.elapsed() < go_on
            && let Some(ballots) = rest.next()
        {
            ground.cast(ballots).await;
            count += batch;
        }
        Figures::of(count, begun.elapsed(), own_cpu_secs() - cpu_secs, store_secs() - store_before)
    })
}

/// A poll with two options, and the store it is in.
pub(crate) struct Ground {
    /// The store, for the runtime this was made on.
    pub(crate) store: Arc<dyn Store>,
    /// The poll.
    pub(crate) poll: Poll,
}

impl Ground {
    /// A new poll in the store at this address, in one partition.
    pub(crate) async fn new(address: &str) -> Self {
        Self::in_partitions(address, Some(1)).await
    }

    /// The same in so many partitions, or as many as the store makes unless it is told.
    pub(crate) async fn in_partitions(address: &str, partitions: Option<u16>) -> Self {
        Self::of_kind(address, partitions, Kind::Single, &["yes", "no"]).await
    }

    /// The same of a poll of this kind, with these options.
    pub(crate) async fn of_kind(address: &str, partitions: Option<u16>, kind: Kind, options: &[&str]) -> Self {
        let address = address.parse().expect("the address of a store");
        let settings = StoreSettings { address, partitions, allow_eviction: false };
        let store = Stores::open(&settings, Clock::default()).expect("the store can be opened").connect();
        store.contact().await.expect("the store can be reached");
        let option = |id: &str| NewOption { id: Some(id.to_owned()), label: id.to_owned(), ..NewOption::default() };
        let new = PollFields {
            question: Some("هل تتوقع حل مجلس الأمة ؟".to_owned()),
            options: (!options.is_empty()).then(|| options.iter().map(|id| option(id)).collect()),
            ..PollFields::default()
        };
        let now = store.now().await.expect("the store answers");
        let (id, key) = (PollId::generate(), DigestKey::from_bytes(random_bytes()));
        let poll = NewPoll { kind: Some(kind), ..NewPoll::from(new) }
            .build(id, SiteId::default(), store.partitions(id), key, now)
            .expect("a sound poll");
        store.create_poll(&poll, None, &[]).await.expect("the store takes it");
        Self { store, poll }
    }

    /// The ballots of so many voters from this one on.
    pub(crate) fn ballots(&self, first: u64, count: u64) -> Vec<Ballot> {
        self.ballots_for(&["yes"], first, count)
    }

    /// The same for these options.
    pub(crate) fn ballots_for(&self, named: &[&str], first: u64, count: u64) -> Vec<Ballot> {
        let choices = Choices::check(&self.poll, named).expect("options of the poll");
        let ballot = |number: u64| {
            let voter = VoterId::from_bytes(u128::from(number).to_be_bytes());
            Ballot {
                voter: VoterDigest::of(&voter, &self.poll),
                action: Action::Cast(Label::CLEAN, self.poll.counters_of(choices)),
                answer: None,
            }
        };
        (first..first + count).map(ballot).collect()
    }

    /// Casts a batch of one partition's, and does the upkeep it makes due.
    pub(crate) async fn cast(&self, ballots: &[Ballot]) {
        if self.commit(ballots).await {
            self.upkeep(ballots[0].voter.partition).await;
        }
    }

    /// Casts a batch of one partition's; whether upkeep is due then.
    pub(crate) async fn commit(&self, ballots: &[Ballot]) -> bool {
        match ask_store(async || self.store.cast(&self.poll, ballots[0].voter.partition, ballots).await).await {
            BatchOutcome::Committed(committed) => committed.upkeep_due,
            BatchOutcome::Stale | BatchOutcome::Gone => panic!("nobody changes the poll"),
        }
    }

    /// Does the upkeep that is due in a partition.
    pub(crate) async fn upkeep(&self, partition: u16) {
        ask_store(async || self.store.upkeep(&self.poll, partition).await).await;
    }
}

/// The same ballots with this label.
pub(crate) fn with_label(label: Label, mut ballots: Vec<Ballot>) -> Vec<Ballot> {
    for ballot in &mut ballots {
        if let Action::Cast(of_ballot, _) = &mut ballot.action {
            *of_ballot = label;
        }
    }
    ballots
}

/// What a store says, which may take long on a busy machine: whoever got no answer asks again, as readers do. What is
/// asked here may be asked twice.
pub(crate) async fn ask_store<T>(ask: impl AsyncFn() -> Result<T, StoreError>) -> T {
    let (times, pause) = ASKED_AGAIN;
    for _ in 0..times {
        match ask().await {
            Err(StoreError::Unavailable(_) | StoreError::Overloaded) => tokio::time::sleep(pause).await,
            answer => return answer.expect("the store answers"),
        }
    }
    panic!("the store did not answer, {times} times");
}

/// A runtime like a worker's.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built")
}
