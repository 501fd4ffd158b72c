//! Casting, repeating, changing and withdrawing a ballot.

use serde_json::json;

use crate::{registry::service_rules, service::Service};

async fn a_second_vote_by_the_same_voter_is_refused(service: &Service) {
    let poll = service.poll(json!({})).await;
    let voter = service.client().new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    voter.vote(&poll, &["no"]).await.is_refused(409, "already-voted");
    assert_eq!(voter.results(&poll).await["ballots"], 1);
}

service_rules![a_second_vote_by_the_same_voter_is_refused];
