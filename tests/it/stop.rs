//! Stopping in good order, and at once.

use serde_json::json;

use crate::{
    backends::Storage,
    client::{Client, until},
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{seed_poll, text},
    wire::{self, Wire},
};

/// A replica with a vote under way on one connection, half of its body sent, and an idle connection beside it.
struct Voting {
    replica: Replica,
    wire: Wire,
    /// What is left to send.
    rest: Vec<u8>,
    idle: Wire,
    settings: Settings,
    poll: String,
    _storage: Storage,
}

impl Voting {
    async fn start(drain_secs: &str) -> Self {
        let storage = Storage::file();
        // One worker takes up what is sent in the order in which it comes.
        let settings = Settings::on(storage.address()).with("SAWT_DRAIN_SECS", drain_secs).with("SAWT_WORKERS", "1");
        let replica = Replica::start(&settings);
        let client = Client::new(replica.address());
        let made = client.with_key(ADMIN_KEY).post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
        let poll = text(&made["id"]);
        let vote = wire::vote(&poll, &client.mint().await, "yes");
        let (begun, rest) = vote.split_at(vote.len() - 5);
        let mut wire = Wire::to(replica.address());
        wire.send(begun).await.expect("half a vote can be sent");
        let mut idle = Wire::to(replica.address());
        // The answer shows that the replica has taken up what was sent before it, on the other connection.
        let ready = idle.ask(&wire::request("GET", "/readyz", "", "")).await.expect("an answer");
        assert_eq!(ready.0, 200);
        Self { replica, wire, rest: rest.to_vec(), idle, settings, poll, _storage: storage }
    }
}

/// Half a vote is under way, nobody new is let in: the vote is answered, and the replica ends well.
async fn ends_well(mut voting: Voting) {
    until(async || (!voting.replica.is_listening()).then_some(())).await;
    assert!(!voting.replica.has_exited(), "it ends before the vote under way is answered");
    voting.wire.send(&voting.rest).await.expect("the rest of a vote can be sent");
    let (status, _) = voting.wire.answer().await.expect("a vote under way is answered");
    assert_eq!(status, 201);
    let ended = voting.replica.wait();
    assert_eq!(ended.code(), Some(0), "{ended}\n{}", voting.replica.log().text());
    let again = Replica::start(&voting.settings);
    assert_eq!(Client::new(again.address()).results(&voting.poll).await["ballots"], 1);
}

async fn told_to_stop_it_is_not_ready_at_once_goes_on_for_a_while_and_ends_well() {
    let mut voting = Voting::start("5").await;
    voting.replica.signal("TERM");
    let readyz = wire::request("GET", "/readyz", "", "");
    until(async || (voting.idle.ask(&readyz).await.expect("an answer").0 == 503).then_some(())).await;
    ends_well(voting).await;
}

/// Without a list of hosting ranges there is nothing to read again; it is no reason to end.
async fn whoever_asks_it_to_read_again_does_not_end_it() {
    let voting = Voting::start("0").await;
    voting.replica.signal("HUP");
    let log = voting.replica.log();
    log.wait_for(|line| line["message"] == "there is no list of hosting ranges to read again").expect("it says so");
    voting.replica.signal("TERM");
    ends_well(voting).await;
}

async fn interrupted_it_ends_well_at_once() {
    let voting = Voting::start("300").await;
    voting.replica.signal("INT");
    ends_well(voting).await;
}

async fn a_second_signal_ends_it_whatever_is_under_way() {
    for drain_secs in ["0", "300"] {
        let voting = Voting::start(drain_secs).await;
        voting.replica.signal("TERM");
        voting.replica.log().wait_for(|line| line["message"] == "stopping").expect("it says that it stops");
        voting.replica.signal("TERM");
        // The vote under way never ends; the replica does.
        voting.replica.wait();
    }
}

async fn a_request_that_never_ends_does_not_hold_a_stop_for_ever() {
    let storage = Storage::file();
    let replica = Replica::start(&Settings::on(storage.address()).with("SAWT_SHUTDOWN_SECS", "1"));
    let mut wire = Wire::to(replica.address());
    wire.send(b"POST /v1/voters HTTP/1.1\r\nHost: sawt\r\nContent-Le").await.expect("half a request can be sent");
    let ended = replica.stop();
    assert_eq!(ended.code(), Some(0), "{ended}");
}

/// What was counted in the last second is written before it ends.
async fn told_to_stop_it_writes_the_views_that_wait() {
    let storage = Storage::file();
    let settings = Settings::on(storage.address()).with("SAWT_DRAIN_SECS", "0");
    let replica = Replica::start(&settings);
    let client = Client::new(replica.address());
    let made = client.with_key(ADMIN_KEY).post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
    let poll = text(&made["id"]);
    for _ in 0..3 {
        client.post("/v1/views").json(&json!({ "poll": poll })).send().await.is(204);
    }
    replica.signal("TERM");
    let ended = replica.wait();
    assert_eq!(ended.code(), Some(0), "{ended}\n{}", replica.log().text());
    let again = Replica::start(&settings);
    let told = Client::new(again.address()).with_key(ADMIN_KEY).results(&poll).await;
    assert_eq!(told["views"], 3);
}

lone_rules![
    told_to_stop_it_writes_the_views_that_wait,
    told_to_stop_it_is_not_ready_at_once_goes_on_for_a_while_and_ends_well,
    whoever_asks_it_to_read_again_does_not_end_it,
    interrupted_it_ends_well_at_once,
    a_second_signal_ends_it_whatever_is_under_way,
    a_request_that_never_ends_does_not_hold_a_stop_for_ever,
];
