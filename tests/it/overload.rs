//! More work than can be done.

use futures_util::future::{join, join_all, select};
use serde_json::{Value, json};

use crate::{
    backends::{Backend, Program, Storage},
    client::{Client, until},
    crowd::{Crowd, choice, one_crowd_at_a_time},
    proxy::Proxy,
    registry::lone_rules,
    server::{Replica, Settings},
    service::{Service, seed_poll, text},
    wire::{self, Wire},
};

async fn reads_beyond_what_may_wait_are_refused_at_once_and_votes_are_not() {
    let _turn = one_crowd_at_a_time().await;
    let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
    let one_worker = Settings::on(service.storage().address()).with("SAWT_WORKERS", "1");
    let replica = Replica::start(&one_worker);
    let client = Client::new(replica.address());
    let polls = join_all((0..2).map(|_| service.poll(json!({})))).await;
    let [voted, unread] = [&polls[0], &polls[1]];
    let voter = client.new_voter().await;
    voter.vote(voted, &["yes"]).await.is(201);

    // A store that is silent is one that can't keep up. How many requests get there while it is, is the machine's to
    // say.
    until(async || {
        service.storage().server().freeze();
        let reads = (0..600).map(|_| {
            let request = client.get(&format!("/v1/polls/{unread}"));
            async { text(&request.send().await.is(503)["code"]) }
        });
        let voting = async { voter.vote(voted, &["yes"]).await.refused(503, "store-unavailable") };
        let (reads, _) = join(join_all(reads), voting).await;
        service.storage().server().thaw();
        reads.iter().any(|code| code == "overloaded").then_some(())
    })
    .await;
    // Once it answers, so does the service: no place was lost.
    until(async || (client.get(&format!("/v1/polls/{unread}")).send().await.status == 200).then_some(())).await;
    until(async || (voter.vote(voted, &["yes"]).await.status == 200).then_some(())).await;
    let made = service.admin().post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
    until(async || (client.get(&format!("/v1/polls/{}", text(&made["id"]))).send().await.status == 200).then_some(()))
        .await;
}

/// More votes at once than a slow store can take in time: each is counted and answered so, or refused before anything
/// was done, and sent again it is counted once.
async fn what_is_accepted_in_overload_is_answered_and_counted_exactly() {
    const VOTERS: u64 = 2_000;
    let _turn = one_crowd_at_a_time().await;
    let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
    let one_worker = Settings::on(service.storage().address()).with("SAWT_WORKERS", "1");
    let replica = Replica::start(&one_worker);
    // What is refused, and when, is the machine's to say, as long as some is.
    let mut millis = 300;
    until(async || {
        millis = (millis + 100).min(800);
        let pause = ["CLIENT", "PAUSE", &millis.to_string()];
        let poll = service.poll(json!({})).await;
        let crowd = Crowd::new(&service).await;
        let vote = |voter| wire::vote(&poll, &crowd.token(voter), choice(voter));
        let mut first = Wire::to(replica.address());
        // The store becomes slow, and the replica notices.
        for voter in 0..2 {
            service.storage().server().ask(&pause);
            first.ask_until_known(&vote(voter)).await.expect("a vote is answered");
        }
        assert_eq!(service.storage().server().ask(&pause), "OK");
        let address = replica.address();
        let at_once = (2..VOTERS).map(|voter| {
            let vote = vote(voter);
            async move { Wire::to(address).ask(&vote).await.expect("a vote is answered") }
        });
        let answers = join_all(at_once).await;
        let (mut counted, mut shed, mut unknown) = (2, 0, 0);
        for (status, body) in answers {
            let body: Value = serde_json::from_slice(&body).expect("an answer is JSON");
            match (status, body["code"].as_str()) {
                (201, None) => counted += 1,
                (503, Some("overloaded")) => shed += 1,
                (503, Some("store-unavailable")) => unknown += 1,
                _ => panic!("{status} {body}"),
            }
        }
        let ballots = until(async || {
            let read = service.client().get(&format!("/v1/polls/{poll}/results")).send().await;
            (read.status == 200).then(|| read.json()["ballots"].as_u64()).flatten().filter(|read| *read >= counted)
        })
        .await;
        assert!(ballots <= counted + unknown, "{ballots} ballots, {counted} counted, {shed} shed, {unknown} unknown");
        for voter in 0..VOTERS {
            let (status, _) = first.ask_until_known(&vote(voter)).await.expect("a vote is answered");
            assert!(matches!(status, 200 | 201), "{status}");
        }
        until(async || (service.client().results(&poll).await["ballots"] == json!(VOTERS)).then_some(())).await;
        (shed > 0).then_some(())
    })
    .await;
}

/// Of two requests for the only place at a replica that does nothing, whichever comes second is refused by the proxy in
/// front of it, in the words of a replica.
async fn a_proxy_whose_replica_has_no_place_free_says_so() {
    let service = Service::start(Backend::Sqlite);
    let poll = service.poll(json!({})).await;
    let replica = &service.replicas()[0];
    let proxy = Proxy::narrow_haproxy(replica.address(), 1);
    let client = Client::new(proxy.address());
    let path = format!("/v1/polls/{poll}/results");
    let ask = || Box::pin(client.get(&path).send());

    let frozen = replica.freeze();
    let refused = until(async || {
        let (answer, _) = select(ask(), ask()).await.factor_first();
        (answer.status != 200).then_some(answer)
    })
    .await;
    drop(frozen);
    assert_eq!(refused.header("retry-after").as_deref(), Some("1"));
    assert_eq!(refused.header("access-control-allow-origin").as_deref(), Some("*"), "widgets can read it");
    assert_eq!(refused.header("x-request-id"), Some(text(&refused.json()["request_id"])));
    refused.refused(503, "overloaded");
    until(async || (ask().await.status == 200).then_some(())).await;
}

lone_rules![
    reads_beyond_what_may_wait_are_refused_at_once_and_votes_are_not,
    what_is_accepted_in_overload_is_answered_and_counted_exactly,
    a_proxy_whose_replica_has_no_place_free_says_so,
];
