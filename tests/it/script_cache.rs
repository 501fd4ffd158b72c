//! What a Redis may forget at any moment: its scripts.

use std::cell::Cell;

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    backends::Backend,
    client::until,
    crowd::{Crowd, addresses, choice, one_crowd_at_a_time},
    registry::service_rules,
    service::Service,
    wire::{self, Wire},
};

async fn a_flush_of_all_scripts_shows_nobody_an_error(service: &Service) {
    let _turn = one_crowd_at_a_time().await;
    let poll = service.poll(json!({})).await;
    let crowd = Crowd::new(service).await;
    let voters = 1_000;
    let next = Cell::new(0);
    let connections = (0..16).map(|place| {
        let mut wire = Wire::to(addresses(service)[place % 2]);
        let (poll, crowd, next) = (&poll, &crowd, &next);
        async move {
            while next.get() < voters {
                let voter = next.replace(next.get() + 1);
                if voter % 50 == 0 {
                    // The other connections' votes are on their way meanwhile.
                    for server in service.storage().servers() {
                        server.ask(&["SCRIPT", "FLUSH"]);
                    }
                }
                let vote = wire::vote(poll, &crowd.token(voter), choice(voter));
                let (status, body) = wire.ask(&vote).await.expect("a vote is answered");
                assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
            }
        }
    });
    join_all(connections).await;
    for client in service.clients() {
        until(async || (client.results(&poll).await["ballots"] == json!(voters)).then_some(())).await;
    }
}

service_rules![
    on [Backend::Redis, Backend::Valkey, Backend::Cluster];
    a_flush_of_all_scripts_shows_nobody_an_error,
];
