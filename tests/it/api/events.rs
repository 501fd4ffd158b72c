//! The log of a site, as publishers read it.

use std::time::Duration;

use futures_util::future::join;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    client::{Client, until},
    registry::service_rules,
    service::{Service, text},
};

service_rules![
    every_change_of_a_poll_is_in_its_sites_log_with_who_made_it,
    what_is_due_by_the_clock_is_in_the_log_once_with_the_time_it_was_due,
    a_log_is_read_on_from_where_it_was_left,
    whoever_waits_is_answered_when_something_happens_on_any_replica,
    a_log_is_asked_for_in_words_it_knows,
    what_is_done_to_keys_templates_texts_and_the_site_is_in_the_log,
];

/// The events of a poll, as soon as there are so many.
async fn events_of(client: &Client, site: &str, poll: &str, count: usize) -> Vec<Value> {
    until(async || {
        let page = client.get(&format!("/v1/sites/{site}/events?poll={poll}&limit=100")).send().await.is(200);
        let items = page["items"].as_array().expect("events").clone();
        assert!(items.len() <= count, "{items:?}");
        (items.len() == count).then_some(items)
    })
    .await
}

fn types(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| text(&event["type"])).collect()
}

async fn every_change_of_a_poll_is_in_its_sites_log_with_who_made_it(service: &Service) {
    let site = service.site().await;
    let (id, key) = service.key(&site, &["polls:write", "polls:read"]).await;
    let publisher = service.client().with_key(&key);
    let poll = service.poll(json!({ "site": site })).await;
    let path = format!("/v1/polls/{poll}");
    let edit = json!({ "question": "؟", "results": "never", "revision": 1 });
    publisher.patch(&path).json(&edit).send().await.is(200);
    publisher.post(&format!("{path}/close")).send().await.is(200);
    publisher.post(&format!("{path}/close")).send().await.is(200);
    publisher.post(&format!("{path}/resolve")).json(&json!({ "option": "no" })).send().await.is(200);
    publisher.delete(&path).send().await.is(204);
    for client in service.clients() {
        let events = events_of(&client.with_key(&key), &site, &poll, 7).await;
        assert_eq!(
            types(&events),
            [
                "poll.created",
                "poll.opened",
                "poll.edited",
                "poll.reworded",
                "poll.closed",
                "poll.resolved",
                "poll.deleted"
            ]
        );
        let actors: Vec<_> = events.iter().map(|event| text(&event["actor"])).collect();
        assert_eq!(actors, [&["admin"; 2][..], &[id.as_str(); 5]].concat());
        assert_eq!(events[2]["data"]["changed"], json!(["question", "results"]));
        assert_eq!(events[5]["data"]["option"], "no");
    }
}

async fn what_is_due_by_the_clock_is_in_the_log_once_with_the_time_it_was_due(service: &Service) {
    let site = service.site().await;
    let made = service
        .timed_poll(|now| {
            let at = |millis| sawt::poll::Timestamp::from_millis(now + millis).to_string();
            json!({ "site": site, "opens_at": at(1_000), "closes_at": at(2_000) })
        })
        .await;
    let events = events_of(&service.admin(), &site, &text(&made["id"]), 3).await;
    assert_eq!(types(&events), ["poll.created", "poll.opened", "poll.closed"]);
    for (event, due) in [(&events[1], "opens_at"), (&events[2], "closes_at")] {
        assert_eq!((&event["actor"], &event["at"]), (&json!("schedule"), &made[due]));
    }
}

async fn a_log_is_read_on_from_where_it_was_left(service: &Service) {
    let site = service.site().await;
    let (mut polls, mut read) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        polls.push(service.poll(json!({ "site": site, "state": "draft" })).await);
    }
    let mut path = format!("/v1/sites/{site}/events?limit=1");
    while read.len() < polls.len() {
        let page = service.admin().get(&path).send().await.is(200);
        read.extend(
            page["items"]
                .as_array()
                .expect("events")
                .iter()
                .filter_map(|event| event["poll"].as_str().map(str::to_owned)),
        );
        if let Some(after) = page["next_after"].as_str() {
            path = format!("/v1/sites/{site}/events?limit=1&after={after}");
        }
    }
    assert_eq!(read, polls);
    let last = service.admin().get(&path).send().await.is(200);
    assert_eq!((&last["items"], &last["has_more"]), (&json!([]), &json!(false)));
    assert!(path.ends_with(&text(&last["next_after"])), "it goes on from the same place");
    let all = service.admin().get(&format!("/v1/sites/{site}/events?type=poll.created&limit=2")).send().await.is(200);
    assert_eq!((all["items"].as_array().map(Vec::len), &all["has_more"]), (Some(2), &json!(true)));
    // The last one first, page by page, it is the same.
    let (mut back, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/sites/{site}/events?order=newest&about=poll&limit=2{after}");
        let page = service.admin().get(&path).send().await.is(200);
        let items = page["items"].as_array().expect("events");
        back.extend(items.iter().filter_map(|event| event["poll"].as_str().map(str::to_owned)));
        if page["has_more"] == json!(false) {
            break;
        }
        after = format!("&after={}", text(&page["next_after"]));
    }
    back.reverse();
    assert_eq!(back, polls);
    let none = service.admin().get(&format!("/v1/sites/{site}/events?type=poll.opened")).send().await.is(200);
    assert_eq!(none["items"], json!([]));
}

async fn whoever_waits_is_answered_when_something_happens_on_any_replica(service: &Service) {
    let site = service.site().await;
    let log = service.admin().get(&format!("/v1/sites/{site}/events")).send().await.is(200);
    assert_eq!(types(log["items"].as_array().expect("events")), ["site.put"]);
    let path = format!("/v1/sites/{site}/events?wait=30&after={}", text(&log["next_after"]));
    let other = service.clients().swap_remove(1).with_key(crate::server::ADMIN_KEY);
    let began = Instant::now();
    let (answer, poll) = join(other.get(&path).send(), service.poll(json!({ "site": site, "state": "draft" }))).await;
    let answer = answer.is(200);
    assert_eq!(answer["items"][0]["poll"], json!(poll));
    assert!(began.elapsed() < Duration::from_secs(30), "woken, not at the end of its time");
    // Of another type nothing comes.
    let path = format!("/v1/sites/{site}/events?wait=1&type=poll.closed");
    let (began, answer) = (Instant::now(), other.get(&path).send().await.is(200));
    assert_eq!(answer["items"], json!([]));
    assert!(began.elapsed() >= Duration::from_secs(1));
}

async fn a_log_is_asked_for_in_words_it_knows(service: &Service) {
    let site = service.site().await;
    for (query, field) in [
        ("after=1", "after"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("type=poll.voted", "type"),
        ("about=voter", "about"),
        ("order=votes", "order"),
        ("poll=x", "poll"),
        ("wait=31", "wait"),
        ("wait=-1", "wait"),
        ("cursor=x", "cursor"),
    ] {
        let refused = service.admin().get(&format!("/v1/sites/{site}/events?{query}")).send().await;
        let refused = refused.refused(400, "invalid-request");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    service.admin().get("/v1/sites/nobody-made-this/events").send().await.refused(404, "not-found");
}

async fn what_is_done_to_keys_templates_texts_and_the_site_is_in_the_log(service: &Service) {
    let site = service.site().await;
    let at = |rest: &str| format!("/v1/sites/{site}{rest}");
    service.admin().put(&at("")).json(&json!({ "origins": [], "name": "كونا" })).send().await.is(200);
    let (key, text_of_key) = service.key(&site, &["polls:read"]).await;
    let template = json!({ "poll": { "kind": "rating", "question": "؟" } });
    service.admin().put(&at("/templates/stars")).json(&template).send().await.is(201);
    service.admin().delete(&at("/templates/stars")).send().await.is(204);
    let poll = service.poll(json!({ "site": site, "open_answer": true })).await;
    let vote = json!({ "choices": ["other"], "open_answer": "لا أدري" });
    service.client().new_voter().await.post(&format!("/v1/polls/{poll}/votes")).json(&vote).send().await.is(201);
    let answers = service.admin().get(&format!("/v1/polls/{poll}/answers")).send().await.is(200);
    let answer = text(&answers["items"][0]["id"]);
    for state in ["shown", "shown", "hidden"] {
        let decision = json!({ "state": state });
        service.admin().post(&format!("/v1/polls/{poll}/answers/{answer}")).json(&decision).send().await.is(200);
    }
    let reads_polls = service.client().with_key(&text_of_key);
    let visible = until(async || {
        let page = reads_polls.get(&at("/events?limit=100")).send().await.is(200);
        let events = page["items"].as_array().expect("events").clone();
        let is_all = events.iter().any(|event| event["type"] == "answer.hidden");
        is_all.then_some((events, page["next_after"].clone()))
    });
    let (visible, last) = visible.await;
    service.admin().delete(&format!("/v1/keys/{key}")).send().await.is(204);
    service.admin().delete(&format!("/v1/keys/{key}")).send().await.refused(404, "not-found");
    let after = format!("/events?limit=100&wait=30&after={}", text(&last));
    let revoked = service.admin().get(&at(&after)).send().await.is(200);
    assert_eq!(types(revoked["items"].as_array().expect("events")), ["key.revoked"]);
    let all = service.admin().get(&at("/events?limit=100")).send().await.is(200);
    let all = all["items"].as_array().expect("events").clone();
    // On a cluster events of different things may come in another order than they were made in.
    let mut sorted = types(&all);
    sorted.sort();
    let expected = [
        "answer.hidden",
        "answer.shown",
        "key.created",
        "key.revoked",
        "poll.created",
        "poll.opened",
        "site.put",
        "site.put",
        "template.deleted",
        "template.put",
    ];
    assert_eq!(sorted, expected);
    let mut sorted = types(&visible);
    sorted.sort();
    let of_keys = |kind: &&str| kind.starts_with("key.");
    assert_eq!(sorted, expected.into_iter().filter(|kind| !of_keys(kind)).collect::<Vec<_>>(), "keys are not told of");
    let of =
        |kind: &str| all.iter().filter(|event| event["type"] == kind).map(|event| event["data"].clone()).next_back();
    assert_eq!(of("site.put"), Some(json!({ "changed": ["name"] })));
    assert_eq!(of("key.created"), Some(json!({ "key": key, "name": "a trial's", "scopes": ["polls:read"] })));
    assert_eq!(of("template.put"), Some(json!({ "template": "stars" })));
    let said = of("answer.shown").expect("told");
    assert_eq!(said["answer"], json!(answer));
    assert!(!said.to_string().contains("لا أدري"), "what readers write is not in the log: {said}");
}
