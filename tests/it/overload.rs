//! More work than the store can do.

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    backends::{Backend, Program, Storage},
    client::until,
    crowd::one_crowd_at_a_time,
    registry::lone_rules,
    server::{Replica, Settings},
    service::{Service, seed_poll, text},
};

async fn reads_beyond_what_may_wait_are_refused_at_once_and_votes_are_not() {
    let _turn = one_crowd_at_a_time().await;
    let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
    let one_worker = Settings::on(service.storage().address()).with("SAWT_WORKERS", "1");
    let replica = Replica::start(&one_worker);
    let client = crate::client::Client::new(replica.address());
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
        let (reads, _) = futures_util::future::join(join_all(reads), voting).await;
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

lone_rules![reads_beyond_what_may_wait_are_refused_at_once_and_votes_are_not];
