//! A reader's first vote while the wire to the store is cut.

use serde_json::json;

use crate::{
    backends::{Program, Storage},
    client::{Client, nonce, until},
    redis_wire::RedisWire,
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{seed_poll, text},
};

lone_rules![a_first_vote_whose_answer_was_lost_counts_once_wherever_it_is_sent_again];

/// The reader has nothing but a nonce: no token has come, and no ballot is known to them.
async fn a_first_vote_whose_answer_was_lost_counts_once_wherever_it_is_sent_again() {
    let storage = Storage::single(Program::Redis, &[]);
    let wire = RedisWire::to(storage.server().port());
    let replica = |address: &str| Replica::start(&Settings::on(address).with("SAWT_WORKERS", "1"));
    let (cut, next) = (replica(&wire.address()), replica(storage.address()));
    let (reader, other) = (Client::new(cut.address()), Client::new(next.address()));
    let works = async || until(async || (reader.get("/readyz").send().await.status == 200).then_some(())).await;
    let (mut counted, mut not_counted) = (0, 0);
    for commands in 0..24 {
        let made = other.with_key(ADMIN_KEY).post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
        let (poll, nonce) = (text(&made["id"]), nonce());
        works().await;
        reader.results(&poll).await;
        // What it asks besides a vote's commands depends on the moment.
        wire.lose_answer_of(1 + commands % 4);
        let first = reader.first_vote(&poll, &["yes"], &nonce).await;
        wire.heal();
        let is_lost = first.status == 503;
        if !is_lost {
            first.is(201);
        }
        let again = other.first_vote(&poll, &["yes"], &nonce).await;
        assert!(again.token().is_some(), "{again}");
        match (is_lost, again.status) {
            (true, 200) => counted += 1,
            (true, 201) => not_counted += 1,
            (false, 200) => {}
            _ => panic!("lost: {is_lost}, and then {again}"),
        }
        works().await;
        until(async || {
            let here = reader.first_vote(&poll, &["yes"], &nonce).await;
            (here.status != 503).then(|| here.is(200))
        })
        .await;
        other.first_vote(&poll, &["no"], &nonce).await.refused(409, "already-voted");
        assert_eq!(other.results(&poll).await["ballots"], 1);
    }
    assert!(counted > 0 && not_counted > 0, "{counted} were counted before they were lost, {not_counted} were not");
}
