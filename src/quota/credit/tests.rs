use std::cell::Cell;

use futures_util::{FutureExt as _, future::join_all};
use governor::clock::FakeRelativeClock;

use super::*;
use crate::{
    clock::Clock,
    poll::Timestamp,
    quota::tests::subject,
    store::{Quotas as _, sqlite::SqliteStore},
};

/// Replicas on one store, whose clocks go together and are moved by hand.
struct Replicas {
    _folder: tempfile::TempDir,
    store: SqliteStore,
    store_clock: Clock,
    clock: FakeRelativeClock,
    shared: Vec<SharedQuota>,
    calls: Cell<u64>,
}

impl Replicas {
    fn of(count: usize, quota: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store_clock = Clock::stopped_at(Timestamp::from_millis(1_700_000_000_000));
        let store = SqliteStore::open(&folder.path().join("sawt.db"), 1, store_clock.clone()).unwrap();
        let clock = FakeRelativeClock::default();
        let secret = Secret::new("a secret of at least thirty-two bytes".to_owned());
        let make = |_| {
            let quota = quota.parse().unwrap();
            SharedQuota::new(QuotaName::Client, quota, 0, &secret, 64 * 3_584, Uptime::Manual(clock.clone()))
        };
        let shared = (0..count).map(make).collect();
        Self { _folder: folder, store, store_clock, clock, shared, calls: Cell::new(0) }
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(time);
        let millis = self.store_clock.now().as_millis() + i64::try_from(time.as_millis()).unwrap();
        self.store_clock.set(Timestamp::from_millis(millis));
    }

    async fn ask(&self, replica: usize, client: &Subject) -> Result<(), Duration> {
        if self.shared[replica].draw(client) {
            return Ok(());
        }
        let ask = async |request: TokenRequest| {
            self.calls.set(self.calls.get() + 1);
            tokio::task::yield_now().await;
            self.store.take_quota(&request).await
        };
        self.shared[replica].take_by(client, ask).await
    }

    /// Sends so many requests of one client, to each replica in turn, and counts those admitted.
    async fn flood(&self, requests: usize, client: &Subject) -> u64 {
        let mut admitted = 0;
        for request in 0..requests {
            admitted += u64::from(self.ask(request % self.shared.len(), client).await.is_ok());
        }
        admitted
    }
}

#[tokio::test]
async fn an_ordinary_reader_costs_no_store_call_and_a_busy_client_one_per_tenth() {
    let replicas = Replicas::of(1, "600/60s");
    assert_eq!(replicas.flood(60, &subject(1)).await, 60);
    assert_eq!(replicas.calls.get(), 0, "the first tenth is the replica's own to give");
    assert_eq!(replicas.flood(540, &subject(1)).await, 540);
    assert_eq!(replicas.calls.get(), 9);
    assert_eq!(replicas.flood(60, &subject(2)).await, 60);
    assert_eq!(replicas.calls.get(), 9, "another client's first tenth is its own");
}

#[tokio::test]
async fn three_replicas_together_admit_the_quota_and_a_tenth_each_and_no_more() {
    let replicas = Replicas::of(3, "600/60s");
    assert_eq!(replicas.flood(5_000, &subject(1)).await, 600 + 3 * 60);
    assert_eq!(replicas.calls.get(), 10 + 3, "ten tenths, and one refusal for each replica");
    // Nothing that was saved up adds to it: not even what one replica has taken and not spent.
    replicas.pass(Duration::from_mins(10));
    assert_eq!(replicas.flood(3 * 61, &subject(1)).await, 3 * 61);
    replicas.pass(Duration::from_mins(10));
    assert_eq!(replicas.flood(5_000, &subject(1)).await, 600 + 3 * 60);
    // In a window, the store gives the quota again and each replica its tenth.
    replicas.pass(Duration::from_mins(1));
    assert_eq!(replicas.flood(5_000, &subject(1)).await, 600 + 3 * 60);
}

#[tokio::test]
async fn who_waits_exactly_as_long_as_all_replicas_told_is_let_in_and_not_before() {
    let replicas = Replicas::of(2, "120/60s");
    replicas.flood(1_000, &subject(1)).await;
    let waits = [replicas.ask(0, &subject(1)).await, replicas.ask(1, &subject(1)).await];
    // A token of a replica's own tenth is back after five seconds, a tenth of the store's after six.
    assert_eq!(waits, [Err(Duration::from_secs(5)); 2]);
    replicas.pass(Duration::from_secs(5) - Duration::from_millis(1));
    assert_eq!(replicas.ask(0, &subject(1)).await, Err(Duration::from_millis(1)));
    replicas.pass(Duration::from_millis(1));
    for replica in 0..2 {
        assert_eq!(replicas.ask(replica, &subject(1)).await, Ok(()));
        assert_eq!(replicas.ask(replica, &subject(1)).await, Err(Duration::from_secs(1)), "until the store's tenth");
    }
    replicas.pass(Duration::from_secs(1) - Duration::from_millis(1));
    assert_eq!(replicas.ask(0, &subject(1)).await, Err(Duration::from_millis(1)));
    replicas.pass(Duration::from_millis(1));
    assert_eq!(replicas.ask(0, &subject(1)).await, Ok(()));
}

#[tokio::test]
async fn what_the_store_refused_is_not_asked_again_before_its_time() {
    let replicas = Replicas::of(1, "600/60s");
    replicas.flood(660, &subject(1)).await;
    let calls = replicas.calls.get();
    assert_eq!(replicas.flood(1_000, &subject(1)).await, 0);
    assert_eq!(replicas.calls.get(), calls + 1);
}

#[tokio::test]
async fn requests_that_come_together_wait_for_one_call() {
    let replicas = Replicas::of(1, "600/60s");
    replicas.flood(60, &subject(1)).await;
    let client = subject(1);
    let answers = join_all((0..60).map(|_| replicas.ask(0, &client))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(replicas.calls.get(), 1);
}

#[tokio::test]
async fn a_store_that_does_not_answer_lets_everybody_pass_and_is_left_alone_for_a_second() {
    let replicas = Replicas::of(1, "10/60s");
    let shared = &replicas.shared[0];
    assert!(shared.draw(&subject(1)) && !shared.draw(&subject(1)));
    let away = async |_: TokenRequest| Err(StoreError::unavailable("away"));
    assert_eq!(shared.take_by(&subject(1), away).await, Ok(()));
    for client in [1, 1, 2] {
        let never = async |_: TokenRequest| panic!("the store is asked again at once");
        assert_eq!(shared.take_by(&subject(client), never).await, Ok(()));
    }
    replicas.pass(REST);
    let (asked, answer) = (Cell::new(false), TokenReply::Refused { wait: Duration::from_secs(6) });
    let again = async |_: TokenRequest| {
        asked.set(true);
        Ok(answer)
    };
    assert_eq!(shared.take_by(&subject(1), again).await, Err(Duration::from_secs(6)));
    assert!(asked.get());
}

#[tokio::test]
async fn a_request_that_goes_away_leaves_the_turn_to_the_next() {
    let replicas = Replicas::of(1, "10/60s");
    let shared = &replicas.shared[0];
    assert!(shared.draw(&subject(1)));
    let client = subject(1);
    let hanging = shared.take_by(&client, async |_| std::future::pending().await);
    assert!(Box::pin(hanging).as_mut().now_or_never().is_none());
    assert_eq!(shared.take_by(&subject(1), async |_| Ok(TokenReply::Granted)).await, Ok(()));
}

#[tokio::test]
async fn nothing_is_kept_of_clients_that_are_not_busy_any_more() {
    let replicas = Replicas::of(1, "10/60s");
    for client in 0..100 {
        replicas.flood(20, &subject(client)).await;
    }
    let shared = &replicas.shared[0];
    shared.sweep();
    assert_eq!((shared.credit.len(), shared.all_busy().len()), (100, 100));
    replicas.pass(Duration::from_mins(1));
    shared.sweep();
    assert_eq!((shared.credit.len(), shared.all_busy().len()), (0, 0));
}

#[test]
fn the_store_is_told_the_same_key_by_every_replica_and_never_an_address() {
    let replicas = Replicas::of(2, "10/60s");
    let [one, other] = [0, 1].map(|replica| replicas.shared[replica].request_for(&subject(7)).key);
    assert_eq!(one, other);
    assert_ne!(one, replicas.shared[0].request_for(&subject(8)).key);
    assert!(!one.to_hex().ends_with("07"), "{}", one.to_hex());
}
