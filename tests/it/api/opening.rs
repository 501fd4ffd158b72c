//! Opening polls by hand, and having drafts open by their schedule.

use serde_json::{Value, json};

use crate::{client::until, registry::service_rules, service::Service};

async fn a_scheduled_poll_can_be_opened_at_once(service: &Service) {
    let poll = service.poll(json!({ "opens_at": "2999-01-01T00:00:00Z" })).await;
    let voter = service.client().new_voter().await;
    let read = service.client().get(&format!("/v1/polls/{poll}")).send().await.is(200);
    assert_eq!(read["state"], "scheduled");
    voter.vote(&poll, &["yes"]).await.refused(409, "poll-not-open");
    service.admin().post(&format!("/v1/polls/{poll}/open")).send().await.is(200);
    voter.vote(&poll, &["yes"]).await.is(201);
}

/// A draft does not open by itself; published, it does so when its schedule says so.
async fn a_draft_is_published_ahead_of_its_time_and_keeps_it(service: &Service) {
    let at = |poll: &str| format!("/v1/polls/{poll}/publish");
    let poll = service.poll(json!({ "state": "draft", "opens_at": "2999-01-01T00:00:00Z" })).await;
    for _ in 0..2 {
        let published = service.admin().post(&at(&poll)).send().await.is(200);
        assert_eq!((&published["state"], &published["revision"]), (&json!("scheduled"), &json!(2)));
        assert_eq!(published["opens_at"], "2999-01-01T00:00:00.000Z");
    }
    service.client().new_voter().await.vote(&poll, &["yes"]).await.refused(409, "poll-not-open");
    // The log tells it, and by what is told there the clock opens polls.
    until(async || {
        let told = service.admin().get(&format!("/v1/sites/default/events?poll={poll}")).send().await.is(200);
        let is_it = |event: &Value| event["type"] == "poll.edited" && event["data"]["changed"] == json!(["state"]);
        (told["items"].as_array()?.iter().filter(|event| is_it(event)).count() == 1).then_some(())
    })
    .await;
    // One without a time, or whose time has passed, opens at once.
    for opens_at in [json!(null), json!("2020-01-01T00:00:00Z")] {
        let poll = service.poll(json!({ "state": "draft", "opens_at": opens_at })).await;
        assert_eq!(service.admin().post(&at(&poll)).send().await.is(200)["state"], "open");
        service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
        service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
        service.admin().post(&at(&poll)).send().await.refused(409, "poll-not-open");
    }
    let late = service.poll(json!({ "state": "draft", "closes_at": "2020-01-01T00:00:00Z" })).await;
    service.admin().post(&at(&late)).send().await.refused(422, "invalid-poll");
}

async fn a_draft_that_would_close_at_once_is_not_opened(service: &Service) {
    let poll = service.poll(json!({ "state": "draft", "closes_at": "2020-01-01T00:00:00Z" })).await;
    let path = format!("/v1/polls/{poll}/open");
    let refused = service.admin().post(&path).send().await.refused(422, "invalid-poll");
    assert_eq!(refused["errors"][0]["field"], "closes_at", "{refused}");
}

service_rules![
    a_scheduled_poll_can_be_opened_at_once,
    a_draft_is_published_ahead_of_its_time_and_keeps_it,
    a_draft_that_would_close_at_once_is_not_opened,
];
