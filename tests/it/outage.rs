//! A store that is frozen, gone, or back again. These trials start stores of their own.

mod operations;

use std::cell::Cell;

use futures_util::future::join_all;
use serde_json::json;

use self::operations::{of_articles, of_proof, store_touching};
use crate::{
    backends::{Backend, Program, Storage},
    client::{Client, until},
    crowd::{Crowd, addresses, choice, one_crowd_at_a_time, yeses},
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{PUBLIC_URL, Service, moment, seed_poll, text, time},
    wire::{self, Wire},
};

/// A Redis that has on disk what it has acknowledged.
const DURABLE: [(&str, &str); 2] = [("appendonly", "yes"), ("appendfsync", "always")];

/// How many connections votes come over during an outage.
const CONNECTIONS: u64 = 16;

async fn while_the_store_is_frozen_every_operation_says_so_and_may_be_repeated() {
    let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
    let mut operations = of_proof(&service).await;
    operations.extend(store_touching(&service).await);
    operations.extend(of_articles(&service).await);
    let form = service.poll(json!({})).await;
    let form = format!("/embed/{form}/form");
    let site = service.site().await;
    let of_article = service.article_poll(&site).await.replacen("/v1/", "/embed/", 1) + "/form";
    let voter = service.client().mint().await;
    let send_to = async |form: &str, choice: &str| {
        let request = service.client().post(form).header("origin", PUBLIC_URL);
        request.body("application/x-www-form-urlencoded", format!("voter={voter}&choices={choice}")).send().await
    };
    let send_form = async || send_to(&form, "yes").await;
    service.client().get(&form).send().await.page(200);
    let unheard_of = service.article_poll(&service.site().await).await;
    service.storage().server().freeze();
    let answers = operations.iter().map(|(client, method, path, body)| async move {
        let request = client.with_short_timeout().request(method.clone(), path);
        let answer = match body {
            Some(body) => request.json(body).send().await,
            None => request.send().await,
        };
        // The contract check has made sure of Retry-After.
        if path.starts_with("/embed/") {
            answer.page(503);
        } else {
            answer.refused(503, "store-unavailable");
        }
    });
    join_all(answers).await;
    send_form().await.page(503);
    send_to(&of_article, "5").await.page(503);
    let stream = service.clients().swap_remove(1).with_short_timeout().get(&format!("{unheard_of}/live"));
    stream.send().await.refused(503, "store-unavailable");
    for client in service.clients() {
        client.with_short_timeout().get("/livez").send().await.is(200);
        client.with_short_timeout().post("/v1/voters").send().await.is(201);
    }
    service.storage().server().thaw();
    until(async || (send_form().await.status == 303).then_some(())).await;
    for (client, method, path, body) in &operations {
        until(async || {
            let request = client.request(method.clone(), path);
            let answer = match body {
                Some(body) => request.json(body).send().await,
                None => request.send().await,
            };
            (answer.status != 503).then_some(())
        })
        .await;
    }
}

/// What readers are told while they vote.
#[derive(Default)]
struct Voting {
    /// How often a vote was answered with success.
    acknowledged: Cell<u64>,
    /// How often the answer was 503.
    refused: Cell<u64>,
    is_over: Cell<bool>,
}

impl Voting {
    /// Waits until readers are told that the store is away.
    async fn is_refused(&self) {
        let before = self.refused.get();
        until(async || (self.refused.get() > before).then_some(())).await;
    }

    /// Waits until votes are acknowledged again: as many as there are connections, so on both replicas.
    async fn is_served(&self) {
        let before = self.acknowledged.get();
        until(async || (self.acknowledged.get() > before + CONNECTIONS).then_some(())).await;
    }

    /// Votes on both replicas until the voting is over, each vote repeated until it is acknowledged. How many voted.
    async fn run(&self, service: &Service, poll: &str, crowd: &Crowd) -> u64 {
        let next = Cell::new(0);
        let connections = (0..CONNECTIONS).map(|place| {
            let mut wire = Wire::to(addresses(service)[usize::from(place % 2 == 0)]);
            let next = &next;
            async move {
                while !self.is_over.get() {
                    let voter = next.replace(next.get() + 1);
                    let vote = wire::vote(poll, &crowd.token(voter), choice(voter));
                    until(async || match wire.ask(&vote).await.expect("a replica answers") {
                        (200 | 201, _) => {
                            self.acknowledged.set(self.acknowledged.get() + 1);
                            Some(())
                        }
                        (503, _) => {
                            self.refused.set(self.refused.get() + 1);
                            None
                        }
                        (status, body) => panic!("{status} {}", String::from_utf8_lossy(&body)),
                    })
                    .await;
                }
            }
        });
        join_all(connections).await;
        next.get()
    }
}

/// Runs an outage under load. Afterwards the tally must be exact: nothing lost, nothing counted twice.
async fn is_exact_after(service: &Service, outage: impl AsyncFnOnce(&Voting)) {
    let poll = service.poll(json!({})).await;
    let crowd = Crowd::new(service).await;
    let voting = Voting::default();
    let outage = async {
        voting.is_served().await;
        outage(&voting).await;
        voting.is_served().await;
        voting.is_over.set(true);
    };
    let (voters, ()) = futures_util::future::join(voting.run(service, &poll, &crowd), outage).await;
    let yes = yeses(0..voters);
    for client in service.clients() {
        let tally = until(async || {
            let tally = client.results(&poll).await;
            // Told of all; more than all would be wrong.
            (tally["version"].as_u64() >= Some(voters)).then_some(tally)
        })
        .await;
        assert_eq!((&tally["version"], &tally["ballots"]), (&json!(voters), &json!(voters)));
        assert_eq!(tally["options"][0]["votes"], json!(yes));
    }
}

async fn a_store_that_freezes_under_load_costs_no_vote_and_adds_none() {
    let _turn = one_crowd_at_a_time().await;
    let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
    is_exact_after(&service, async |voting| {
        for _ in 0..3 {
            service.storage().server().freeze();
            voting.is_refused().await;
            service.storage().server().thaw();
            voting.is_served().await;
        }
    })
    .await;
}

async fn a_store_that_restarts_under_load_costs_no_vote_and_adds_none() {
    let _turn = one_crowd_at_a_time().await;
    for program in [Program::Redis, Program::Valkey] {
        let service = Service::start_on(Backend::Redis, Storage::single(program, &DURABLE));
        is_exact_after(&service, async |voting| {
            for _ in 0..2 {
                service.storage().server().stop();
                voting.is_refused().await;
                service.storage().server().start_again();
                voting.is_served().await;
            }
        })
        .await;
    }
}

async fn a_master_that_freezes_under_load_costs_no_vote_and_adds_none() {
    let _turn = one_crowd_at_a_time().await;
    let service = Service::start(Backend::Cluster);
    is_exact_after(&service, async |voting| {
        for server in service.storage().servers() {
            server.freeze();
            voting.is_refused().await;
            server.thaw();
            voting.is_served().await;
        }
    })
    .await;
}

async fn a_replica_lives_and_is_not_ready_until_it_has_met_its_store() {
    let storage = Storage::single(Program::Redis, &[]);
    storage.server().stop();
    let replica = Replica::start_unready(&Settings::on(storage.address()));
    let client = Client::new(replica.address());
    client.get("/readyz").send().await.refused(503, "store-unavailable");
    client.get("/livez").send().await.is(200);
    let voter = client.new_voter().await;
    voter.vote("01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21", &["yes"]).await.refused(503, "store-unavailable");
    storage.server().start_again();
    until(async || (client.get("/readyz").send().await.status == 200).then_some(())).await;
    client.with_key(ADMIN_KEY).post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
}

async fn after_a_store_has_restarted_nobody_is_told_to_wait() {
    for backend in [Backend::Redis, Backend::Valkey, Backend::Cluster] {
        let service = Service::start_on(backend, Storage::start_with(backend, &DURABLE));
        let poll = service.poll(json!({})).await;
        let crowd = Crowd::new(&service).await;
        // Connections are dealt out to all workers of either replica.
        let vote_over_all = async |first: u64| {
            for voter in first..first + 32 {
                let mut wire = Wire::to(addresses(&service)[usize::from(voter % 2 == 0)]);
                let vote = wire::vote(&poll, &crowd.token(voter), choice(voter));
                assert_eq!(wire.ask(&vote).await.expect("an answer").0, 201, "{backend:?}");
            }
        };
        vote_over_all(0).await;
        for server in service.storage().servers() {
            server.stop();
            server.start_again();
        }
        for server in service.storage().servers().iter().filter(|_| backend == Backend::Cluster) {
            until(async || server.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok").then_some(())).await;
        }
        vote_over_all(32).await;
    }
}

/// A store that has failed over refuses writes until it is told otherwise.
async fn a_store_that_refuses_writes_is_said_to_be_away() {
    let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
    let poll = service.poll(json!({})).await;
    let voter = service.client().new_voter().await;
    service.storage().server().ask(&["REPLICAOF", "127.0.0.1", "1"]);
    voter.with_short_timeout().vote(&poll, &["yes"]).await.refused(503, "store-unavailable");
    service.storage().server().ask(&["REPLICAOF", "NO", "ONE"]);
    until(async || (voter.vote(&poll, &["yes"]).await.status < 300).then_some(())).await;
    assert_eq!(voter.results(&poll).await["ballots"], 1);
}

/// A Redis that crashes may lose an edit's definition, on one master, and keep what another master was told of it.
async fn a_poll_whose_last_edit_was_lost_takes_votes_all_the_same() {
    let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
    let poll = service.poll(json!({})).await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    service.storage().server().ask(&["HSET", &format!("sawt:{{{poll}.0}}:tally"), "revision", "7"]);
    let vote = service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
    assert_eq!(vote["results"]["ballots"], json!(2));
}

/// A Redis that is full, or has lost its replicas, takes no writes and can be read.
async fn a_store_that_takes_no_writes_shows_a_poll_past_its_time_as_closed() {
    for (setting, refusing, taking) in [("maxmemory", "1", "0"), ("min-replicas-to-write", "1", "0")] {
        let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
        let server = service.storage().server();
        let poll = service.timed_poll(|now| json!({ "closes_at": moment(now + 1_000) })).await;
        let (poll, closes_at) = (text(&poll["id"]), time(&poll["closes_at"]));
        let voter = service.client().new_voter().await;
        // On a slow machine it may have come too late.
        let ballots = u64::from(voter.vote(&poll, &["yes"]).await.status == 201);
        server.ask(&["CONFIG", "SET", setting, refusing]);
        until(async || (sawt::clock::Clock::default().now() > closes_at).then_some(())).await;
        // One that has read nothing before, too.
        let new = Replica::start(&Settings::on(service.storage().address()));
        let clients = service.clients().into_iter().chain([Client::new(new.address())]);
        for client in clients {
            let tally = until(async || {
                let answer = client.get(&format!("/v1/polls/{poll}/results")).send().await;
                (answer.status == 200).then(|| answer.is(200)).filter(|tally| tally["state"] == "closed")
            })
            .await;
            assert_eq!(tally["ballots"], ballots);
            assert_eq!(client.get(&format!("/v1/polls/{poll}")).send().await.is(200)["state"], "closed");
            let late = client.new_voter().await;
            let refused = until(async || Some(late.vote(&poll, &["no"]).await).filter(|late| late.status != 503)).await;
            refused.refused(409, "poll-not-open");
        }
        server.ask(&["CONFIG", "SET", setting, taking]);
        for client in service.clients() {
            let tally = client.results(&poll).await;
            assert_eq!((&tally["state"], &tally["ballots"]), (&json!("closed"), &json!(ballots)));
        }
    }
}

async fn a_full_store_is_made_less_full_by_deleting_a_poll() {
    let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
    let server = service.storage().server();
    let poll = service.poll(json!({})).await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    service.admin().delete(&format!("/v1/polls/{poll}")).send().await.is(204);
    let keys = || server.ask_for::<Vec<String>>(&["KEYS", &format!("*{poll}*")]);
    // What is to be told of it waits until there is room in the site's log.
    assert!(keys().iter().all(|key| key.ends_with(":outbox")), "{:?}", keys());
    server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    until(async || keys().is_empty().then_some(())).await;
}

async fn after_everything_was_forgotten_the_default_site_is_there_again() {
    let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
    let poll = service.poll(json!({})).await;
    service.storage().server().ask(&["FLUSHALL"]);
    service.admin().get("/v1/sites/default").send().await.is(200);
    service.storage().server().ask(&["FLUSHALL"]);
    let poll_after = service.poll(json!({})).await;
    for client in service.clients() {
        client.new_voter().await.vote(&poll_after, &["yes"]).await.is(201);
    }
    assert_ne!(poll, poll_after);
}

/// They wait in memory, and are counted once when the store is back.
async fn views_that_come_while_the_store_is_away_are_written_when_it_is_back() {
    let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
    let poll = service.poll(json!({})).await;
    let client = service.client();
    let see = async || client.post("/v1/views").json(&json!({ "poll": poll })).send().await.is(204);
    see().await;
    service.storage().server().freeze();
    let failures = "sawt_store_failures_total{operation=\"count_views\"}";
    until(async || {
        see().await;
        let told = service.replicas()[0].told_to_operators("/metrics");
        told.contains(failures).then_some(())
    })
    .await;
    see().await;
    service.storage().server().thaw();
    let accepted = |told: &str, outcome: &str| -> u64 {
        let start = format!("sawt_views_total{{outcome=\"{outcome}\"}} ");
        told.lines().find_map(|line| line.strip_prefix(&start)).map_or(0, |count| count.parse().expect("a count"))
    };
    let counted = until(async || {
        let told = service.replicas()[0].told_to_operators("/metrics");
        let counted = accepted(&told, "accepted");
        (counted == accepted(&told, "written")).then_some(counted)
    })
    .await;
    let told = until(async || {
        let told = service.admin().get(&format!("/v1/polls/{poll}/results")).send().await;
        (told.status == 200).then(|| told.json()).filter(|tally| tally["views"].is_number())
    })
    .await;
    assert!(counted >= 3);
    assert_eq!(told["views"], counted);
}

lone_rules![
    views_that_come_while_the_store_is_away_are_written_when_it_is_back,
    a_store_that_takes_no_writes_shows_a_poll_past_its_time_as_closed,
    a_full_store_is_made_less_full_by_deleting_a_poll,
    after_everything_was_forgotten_the_default_site_is_there_again,
    while_the_store_is_frozen_every_operation_says_so_and_may_be_repeated,
    a_store_that_freezes_under_load_costs_no_vote_and_adds_none,
    a_store_that_restarts_under_load_costs_no_vote_and_adds_none,
    a_master_that_freezes_under_load_costs_no_vote_and_adds_none,
    a_replica_lives_and_is_not_ready_until_it_has_met_its_store,
    after_a_store_has_restarted_nobody_is_told_to_wait,
    a_store_that_refuses_writes_is_said_to_be_away,
    a_poll_whose_last_edit_was_lost_takes_votes_all_the_same,
];
