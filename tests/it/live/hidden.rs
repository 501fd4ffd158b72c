//! Hidden results stay hidden in streams: nothing is said, and nothing is even sent, when a vote is cast.

use serde_json::json;

use crate::{
    client::Client,
    events::{Events, as_told},
    registry::service_rules,
    service::Service,
};

/// A poll whose results are shown to whom this policy says, with a ballot in it, and a site's key that sees them.
async fn hidden_poll(service: &Service, policy: &str) -> (String, Client) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site, "results": policy })).await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let (_, key) = service.key(&site, &["results:read"]).await;
    (poll, service.client().with_key(&key))
}

/// A stream that begins with the poll and not with its tally.
async fn blind(client: &Client, poll: &str) -> Events {
    let mut stream = client.live(poll).await;
    let first = stream.expect("poll").await;
    assert_eq!((&first.data["id"], &first.data["state"]), (&json!(poll), &json!("open")));
    assert_eq!(first.id, None, "an id would say how often was voted");
    stream
}

/// Votes, and sees the vote on the stream of the key; then edits the poll. What a blind stream tells next is the edit.
async fn nothing_is_told_of_a_vote(service: &Service, poll: &str, sees_all: &mut Events, blind: &mut [Events]) {
    let version = sees_all.expect("tally").await.data["version"].as_u64().expect("a version");
    service.client().new_voter().await.vote(poll, &["no"]).await.is(201);
    sees_all.tally_from(version + 1).await;
    let edit = json!({ "revision": 1, "question": "هل تغيّر السؤال؟", "reason": "غيره أوضح" });
    let edited = service.admin().patch(&format!("/v1/polls/{poll}")).json(&edit).send().await.is(200);
    for stream in blind {
        assert_eq!(stream.expect("poll").await.data, as_told(&edited), "and nothing before that");
    }
}

async fn results_hidden_until_the_close_are_told_at_the_close(service: &Service) {
    for policy in ["after_vote", "after_close"] {
        let (poll, key) = hidden_poll(service, policy).await;
        let stranger = service.client();
        let voter = stranger.new_voter().await;
        let mut streams = vec![blind(&stranger, &poll).await, blind(&voter, &poll).await];
        if policy == "after_close" {
            voter.vote(&poll, &["yes"]).await.is(201);
            streams.push(blind(&voter, &poll).await);
        }
        let mut sees_all = key.live(&poll).await;
        nothing_is_told_of_a_vote(service, &poll, &mut sees_all, &mut streams).await;
        service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
        let last = service.admin().results(&poll).await;
        for stream in &mut streams {
            assert_eq!(stream.expect("poll").await.data["state"], "closed");
            let tally = stream.expect("tally").await.data;
            assert_eq!((&tally["state"], &tally["ballots"]), (&json!("closed"), &last["ballots"]));
        }
    }
}

async fn results_that_are_never_shown_are_told_to_keys_alone(service: &Service) {
    let (poll, key) = hidden_poll(service, "never").await;
    let voter = service.client().new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    let mut streams = vec![blind(&service.client(), &poll).await, blind(&voter, &poll).await];
    let mut sees_all = key.live(&poll).await;
    nothing_is_told_of_a_vote(service, &poll, &mut sees_all, &mut streams).await;
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    service.admin().results(&poll).await;
    service.admin().delete(&format!("/v1/polls/{poll}")).send().await.is(204);
    for stream in &mut streams {
        let mut event = stream.next().await.expect("the close is told, or overtaken by the deletion");
        if event.name == "poll" {
            assert_eq!(event.data["state"], "closed");
            event = stream.next().await.expect("the deletion is told");
        }
        assert_eq!(event.name, "gone", "a tally was never told");
    }
}

async fn a_voter_sees_what_is_shown_after_the_vote_from_their_vote_on(service: &Service) {
    let (poll, _) = hidden_poll(service, "after_vote").await;
    let voter = service.client().new_voter().await;
    let mut opened_before = blind(&voter, &poll).await;
    voter.vote(&poll, &["yes"]).await.is(201);
    let mut opened_after = voter.live(&poll).await;
    assert_eq!(opened_after.expect("tally").await.data["ballots"], 2);
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    for stream in [&mut opened_before, &mut opened_after] {
        stream.tally_from(3).await;
    }
}

async fn a_voter_who_is_none_is_told_so(service: &Service) {
    let (poll, _) = hidden_poll(service, "after_vote").await;
    let nobody = service.client().with_voter("nonsense");
    nobody.get(&format!("/v1/polls/{poll}/live")).send().await.refused(401, "voter-required");
    nobody.get(&format!("/v1/live?polls={poll}")).send().await.refused(401, "voter-required");
}

async fn hidden_tallies_stay_hidden_among_several(service: &Service) {
    let (hidden, _) = hidden_poll(service, "after_close").await;
    let shown = service.poll(json!({})).await;
    let mut stream = service.client().get(&format!("/v1/live?polls={hidden},{shown}")).open().await;
    assert_eq!(stream.expect("poll").await.data["id"], json!(hidden));
    assert_eq!(stream.expect("tally").await.versions().as_deref(), Some("-,0"));
    for poll in [&hidden, &shown] {
        service.client().new_voter().await.vote(poll, &["yes"]).await.is(201);
    }
    assert_eq!(stream.expect("tally").await.versions().as_deref(), Some("-,1"));
}

service_rules![
    results_hidden_until_the_close_are_told_at_the_close,
    results_that_are_never_shown_are_told_to_keys_alone,
    a_voter_sees_what_is_shown_after_the_vote_from_their_vote_on,
    a_voter_who_is_none_is_told_so,
    hidden_tallies_stay_hidden_among_several,
];
