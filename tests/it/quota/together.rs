//! Quotas that replicas hold together.

use std::sync::Arc;

use futures_util::future::join_all;
use sawt::{
    clock::Clock,
    quota::{Decision, Policies, QuotaLimiter, QuotaName, Subject, local::Uptime},
    secret::Secret,
    store::{StoreSettings, Stores},
    telemetry::{Metrics, MetricsFormat},
};

use super::{CALLS, FAILED_CALLS, counted, poll_on, put_template, react};
use crate::{
    backends::{Backend, Program, Storage},
    client::{Answer, Client, nonce},
    crowd::one_crowd_at_a_time,
    registry::lone_rules,
    server::{Replica, SECRET, Settings},
};

async fn three_replicas_together_admit_no_more_than_the_quota_and_a_tenth_each() {
    let _turn = one_crowd_at_a_time().await;
    let storage = Storage::single(Program::Redis, &[]);
    loop {
        storage.server().ask(&["FLUSHALL"]);
        let settings = Settings::on(storage.address()).with("SAWT_QUOTA_CLIENT", "100/86400s");
        let replicas = [(); 3].map(|()| Replica::start(&settings));
        let clients = replicas.each_ref().map(|replica| Client::new(replica.address()));
        let mut admitted = 0;
        for _ in 0..20 {
            let answers = join_all(
                clients.iter().flat_map(|client| (0..10).map(|_| async { client.post("/v1/voters").send().await })),
            );
            for answer in answers.await {
                admitted += u64::from(answer.status == 201);
                assert!(matches!(answer.status, 201 | 429), "{answer}");
            }
        }
        // A store that is late leaves the decision to each replica, and then this says nothing.
        if replicas.iter().all(|replica| counted(replica, FAILED_CALLS) == 0) {
            assert_eq!(admitted, 100 + 3 * 10);
            let calls: u64 = replicas.iter().map(|replica| counted(replica, CALLS)).sum();
            assert!(calls <= 10 + 3, "{calls} calls for ten tenths and three refusals");
            return;
        }
    }
}

/// A /64 by number, all of them in one /48 and each in a /56 of its own, as long as there are such.
fn in_one_network(of: [u8; 16], number: u16) -> Subject {
    let mut address = of;
    let [_, low] = number.to_be_bytes();
    address[6] = low;
    address[7..].fill(0);
    Subject::network(address, 64)
}

/// The same, by what workers of three replicas say on connections of their own, at once.
async fn workers_of_three_replicas_share_one_quota_on_every_kind_of_redis() {
    let _turn = one_crowd_at_a_time().await;
    // One client; and as many as there are requests, of one /48 but each of another /56 in it.
    let ways = [("200/86400s", false, 200 + 3 * 20), ("20/86400s", true, 160 + 3 * 16)];
    for (backend, (limit, are_many, expected)) in [Backend::Redis, Backend::Valkey, Backend::Cluster]
        .into_iter()
        .flat_map(|backend| ways.map(|way| (backend, way)))
    {
        let storage = Storage::start(backend);
        let settings = StoreSettings {
            address: storage.address().parse().expect("the address of a store"),
            partitions: None,
            allow_eviction: false,
        };
        let secret = Secret::new(SECRET.to_owned());
        let policies = Policies { client: Some(limit.parse().expect("a quota")), ..Policies::default() };
        loop {
            let replicas = [(); 3].map(|()| {
                let metrics = Arc::new(Metrics::default());
                let quotas = QuotaLimiter::new(&policies, Some(&secret), &Uptime::begin(), metrics.clone());
                let stores = Stores::open(&settings, Clock::default()).expect("the store can be opened");
                (quotas, [stores.connect(), stores.connect()], metrics)
            });
            for (_, workers, _) in &replicas {
                for worker in workers {
                    worker.contact().await.expect("the store can be reached");
                }
            }
            let of = sawt::secret::random_bytes();
            let requests = (0..600_u16).map(|number| {
                let (quotas, workers, _) = &replicas[usize::from(number % 3)];
                let worker = &workers[usize::from(number / 3 % 2)];
                let client = if are_many { in_one_network(of, number) } else { Subject::from(of) };
                async move {
                    match quotas.admit(QuotaName::Client, &client) {
                        Decision::Undecided(undecided) => quotas.ask_store(undecided, &client, &**worker).await,
                        decided @ (Decision::Unlimited
                        | Decision::WouldRefuse
                        | Decision::Admitted(_)
                        | Decision::Refused(_)) => decided,
                    }
                }
            });
            let decisions = join_all(requests).await;
            let admitted = decisions.iter().filter(|decision| matches!(decision, Decision::Admitted(_))).count();
            if replicas.iter().all(|(_, _, metrics)| !metrics.encode(MetricsFormat::OpenMetrics).contains(FAILED_CALLS))
            {
                assert_eq!(admitted, expected, "{backend:?} {limit}");
                break;
            }
        }
    }
}

/// What 20 and a replica's own tenth, twice, let through of 60 votes at two replicas, each cast by `vote`.
async fn two_replicas_admit_a_quota_together(quota: &str, vote: impl AsyncFn(&[Client; 2], &str, usize) -> Answer) {
    let _turn = one_crowd_at_a_time().await;
    let storage = Storage::single(Program::Redis, &[]);
    loop {
        storage.server().ask(&["FLUSHALL"]);
        let settings = Settings::on(storage.address()).with(quota, "20/86400s");
        let replicas = [(); 2].map(|()| Replica::start(&settings));
        let clients = replicas.each_ref().map(|replica| Client::new(replica.address()));
        let poll = poll_on(&replicas[0]).await;
        let mut admitted = 0;
        for number in 0..60 {
            let answer = vote(&clients, &poll, number).await;
            admitted += u64::from(answer.status == 201);
            assert!(matches!(answer.status, 201 | 429), "{answer}");
        }
        if replicas.iter().all(|replica| counted(replica, FAILED_CALLS) == 0) {
            assert_eq!(admitted, 20 + 2 * 2);
            return;
        }
    }
}

async fn ballots_of_one_client_in_one_poll_are_bounded_on_all_replicas_together() {
    let vote = async |clients: &[Client; 2], poll: &str, number: usize| {
        clients[number % 2].new_voter().await.vote(poll, &["yes"]).await
    };
    two_replicas_admit_a_quota_together("SAWT_QUOTA_BALLOT", vote).await;
}

async fn articles_of_one_client_are_bounded_on_all_replicas_together() {
    let vote = async |clients: &[Client; 2], _: &str, number: usize| {
        if number == 0 {
            put_template(&clients[0]).await;
        }
        react(&clients[number % 2], &number.to_string(), "like").await
    };
    two_replicas_admit_a_quota_together("SAWT_QUOTA_ARTICLE", vote).await;
}

async fn first_votes_of_one_client_are_bounded_on_all_replicas_together_and_retries_are_free_on_each() {
    let vote = async |clients: &[Client; 2], poll: &str, number: usize| {
        let nonce = nonce();
        let answer = clients[number % 2].first_vote(poll, &["yes"], &nonce).await;
        if number < 8 {
            // The answer was lost; another replica is asked, and pays its client back.
            clients[(number + 1) % 2].first_vote(poll, &["yes"], &nonce).await.is(200);
        }
        answer
    };
    two_replicas_admit_a_quota_together("SAWT_QUOTA_MINT", vote).await;
}

lone_rules![
    three_replicas_together_admit_no_more_than_the_quota_and_a_tenth_each,
    workers_of_three_replicas_share_one_quota_on_every_kind_of_redis,
    ballots_of_one_client_in_one_poll_are_bounded_on_all_replicas_together,
    articles_of_one_client_are_bounded_on_all_replicas_together,
    first_votes_of_one_client_are_bounded_on_all_replicas_together_and_retries_are_free_on_each,
];
