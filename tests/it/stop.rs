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
    async fn start() -> Self {
        let storage = Storage::file();
        let settings = Settings::on(storage.address());
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

async fn asked_to_stop_it_is_not_ready_at_once_answers_what_is_under_way_and_ends_well() {
    for signal in ["TERM", "INT"] {
        let mut voting = Voting::start().await;
        voting.replica.signal(signal);
        let readyz = wire::request("GET", "/readyz", "", "");
        until(async || match voting.idle.ask(&readyz).await {
            Ok((503, _)) => Some(()),
            Ok((200, _)) => None,
            Ok((status, _)) => panic!("{status}"),
            // The connection was closed between two questions, and nobody new is let in: not ready either.
            Err(_) => Some(()),
        })
        .await;
        assert!(!voting.replica.has_exited(), "it ends before the vote under way is answered");
        voting.wire.send(&voting.rest).await.expect("the rest of a vote can be sent");
        let (status, _) = voting.wire.answer().await.expect("a vote under way is answered");
        assert_eq!(status, 201);
        let ended = voting.replica.wait();
        assert_eq!(ended.code(), Some(0), "{ended}\n{}", voting.replica.log().text());
        let again = Replica::start(&voting.settings);
        assert_eq!(Client::new(again.address()).results(&voting.poll).await["ballots"], 1);
    }
}

async fn a_second_signal_ends_it_whatever_is_under_way() {
    let voting = Voting::start().await;
    voting.replica.signal("TERM");
    voting.replica.log().wait_for(|line| line["message"].as_str().is_some_and(|message| message.contains("stopping")));
    voting.replica.signal("TERM");
    // The vote under way never ends; the replica does.
    let ended = voting.replica.wait();
    assert_ne!(ended.code(), Some(0), "what was under way was not answered, and that is no good end");
}

async fn a_request_that_never_ends_does_not_hold_a_stop_for_ever() {
    let voting = Voting::start().await;
    let settings = voting.settings.clone().with("SAWT_SHUTDOWN_SECS", "1");
    voting.replica.stop();
    let replica = Replica::start(&settings);
    let mut wire = Wire::to(replica.address());
    wire.send(b"POST /v1/voters HTTP/1.1\r\nHost: sawt\r\nContent-Le").await.expect("half a request can be sent");
    replica.stop();
}

lone_rules![
    asked_to_stop_it_is_not_ready_at_once_answers_what_is_under_way_and_ends_well,
    a_second_signal_ends_it_whatever_is_under_way,
    a_request_that_never_ends_does_not_hold_a_stop_for_ever,
];
