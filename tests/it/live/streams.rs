//! What streams tell of polls whose results everyone sees.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    client::{Client, until},
    events::{Events, as_told, positions, timeless},
    registry::service_rules,
    service::{Service, moment, text},
};

async fn resume(client: &Client, poll: &str, id: &str) -> Events {
    client.get(&format!("/v1/polls/{poll}/live")).header("last-event-id", id).open().await
}

async fn a_stream_begins_with_the_tally_and_tells_every_replicas_votes(service: &Service) {
    let poll = service.poll(json!({})).await;
    let clients = service.clients();
    let mut streams = join_all(clients.iter().map(|client| client.live(&poll))).await;
    for stream in &mut streams {
        assert_eq!(stream.head().header("content-type").as_deref(), Some("text/event-stream"));
        let first = stream.expect("tally").await;
        assert!(stream.retry_millis.is_some_and(|millis| (1_000..10_000).contains(&millis)));
        assert_eq!(first.versions().as_deref(), Some("0"));
        assert_eq!(timeless(first.data), timeless(service.client().results(&poll).await));
    }
    for (version, client) in (1..).zip([&clients[0], &clients[1], &clients[0]]) {
        let vote = client.new_voter().await.vote(&poll, &["no"]).await.is(201);
        for stream in &mut streams {
            let tally = stream.tally_from(version).await;
            assert_eq!(timeless(tally)["options"][1]["votes"], json!(version));
        }
        assert!(vote["results"]["version"].as_u64() >= Some(version));
    }
}

async fn several_polls_are_told_of_on_one_stream(service: &Service) {
    let polls = [service.poll(json!({})).await, service.poll(json!({})).await];
    let gone = "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21";
    let path = format!("/v1/live?polls={},{gone},{}", polls[1], polls[0]);
    let mut stream = service.client().get(&path).open().await;
    let first = stream.expect("tally").await;
    assert_eq!((first.versions().as_deref(), text(&first.data["poll"])), (Some("0,-,-"), polls[1].clone()));
    assert_eq!(stream.expect("gone").await.data, json!({ "poll": gone }));
    let third = stream.expect("tally").await;
    assert_eq!((third.versions().as_deref(), text(&third.data["poll"])), (Some("0,-,0"), polls[0].clone()));

    service.client().new_voter().await.vote(&polls[0], &["yes"]).await.is(201);
    let event = stream.expect("tally").await;
    assert_eq!((event.versions().as_deref(), text(&event.data["poll"])), (Some("0,-,1"), polls[0].clone()));
    service.client().new_voter().await.vote(&polls[1], &["yes"]).await.is(201);
    let event = stream.expect("tally").await;
    assert_eq!((event.versions().as_deref(), text(&event.data["poll"])), (Some("1,-,1"), polls[1].clone()));

    // Whoever comes back says how far they were with each.
    service.client().new_voter().await.vote(&polls[1], &["yes"]).await.is(201);
    let mut again = service.client().get(&path).header("last-event-id", &event.id.expect("it has one")).open().await;
    let event = again.expect("tally").await;
    assert_eq!((event.versions().as_deref(), text(&event.data["poll"])), (Some("2,-,1"), polls[1].clone()));
    assert_eq!(again.expect("gone").await.data, json!({ "poll": gone }));
    service.client().new_voter().await.vote(&polls[0], &["yes"]).await.is(201);
    assert_eq!(again.expect("tally").await.versions().as_deref(), Some("2,-,2"));
}

async fn an_edit_a_close_and_a_deletion_are_told(service: &Service) {
    let poll = service.poll(json!({})).await;
    let path = format!("/v1/polls/{poll}");
    let mut streams = join_all(service.clients().iter().map(|client| client.live(&poll))).await;
    for stream in &mut streams {
        stream.expect("tally").await;
    }
    let edit = json!({ "revision": 1, "question": "هل تغيّر السؤال؟" });
    let edited = service.admin().patch(&path).json(&edit).send().await.is(200);
    for stream in &mut streams {
        assert_eq!(stream.expect("poll").await.data, as_told(&edited));
        stream.expect("tally").await;
    }
    let closed = service.admin().post(&format!("{path}/close")).send().await.is(200);
    for stream in &mut streams {
        assert_eq!(stream.expect("poll").await.data, as_told(&closed));
        let last = stream.expect("tally").await;
        assert_eq!((last.versions().as_deref(), &last.data["state"]), (Some("0"), &json!("closed")));
    }
    service.admin().delete(&path).send().await.is(204);
    for stream in &mut streams {
        assert_eq!(stream.expect("gone").await.data, json!({ "poll": poll }));
        assert_eq!(stream.next().await, None, "there is nothing left to tell");
    }
}

async fn a_poll_that_opens_and_closes_by_the_clock_is_told(service: &Service) {
    const WHOLE: [(&str, &str); 5] =
        [("tally", "scheduled"), ("poll", "open"), ("tally", "open"), ("poll", "closed"), ("tally", "closed")];
    // A machine that pauses for all the time a poll is open tells nobody that it opened; then it is open longer.
    let mut ahead = 600;
    until(async || {
        ahead *= 2;
        assert!(ahead < 20_000, "it is never told");
        let times = |now| json!({ "opens_at": moment(now + ahead), "closes_at": moment(now + 2 * ahead) });
        let poll = text(&service.timed_poll(times).await["id"]);
        for client in service.clients() {
            let mut stream = client.live(&poll).await;
            let mut told = Vec::new();
            while told.last().is_none_or(|(_, state)| state != "closed") || told.len() % 2 == 0 {
                let event = stream.next().await.expect("a stream goes on");
                told.push((event.name, text(&event.data["state"])));
            }
            let told: Vec<_> = told.iter().map(|(name, state)| (name.as_str(), state.as_str())).collect();
            if told == [WHOLE[0], WHOLE[3], WHOLE[4]] {
                return None;
            }
            // The second client may come later, and then begins with what is by then.
            assert!(WHOLE.ends_with(&told), "{told:?}");
        }
        Some(())
    })
    .await;
}

async fn whoever_comes_back_is_told_what_they_missed_and_nothing_again(service: &Service) {
    let poll = service.poll(json!({})).await;
    let clients = service.clients();
    for client in &clients {
        client.live(&poll).await.expect("tally").await;
    }
    for round in 0..5_u64 {
        let [here, there] = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        let version = 2 * round + 1;
        clients[here].new_voter().await.vote(&poll, &["yes"]).await.is(201);
        let id = clients[here].live(&poll).await.expect("tally").await.id.expect("a tally has an id");
        assert_eq!(positions(&id), version.to_string());
        // The other replica may not have heard of it: then it asks, and does not begin with an older one.
        let mut ahead = resume(&clients[there], &poll, &id).await;
        let mut behind = resume(&clients[there], &poll, &(version - 1).to_string()).await;
        assert_eq!(behind.expect("tally").await.id, Some(id));
        clients[there].new_voter().await.vote(&poll, &["no"]).await.is(201);
        assert_eq!(ahead.expect("tally").await.versions(), Some((version + 1).to_string()));
        clients[here].results_from(&poll, version + 1).await;
    }
}

async fn a_close_or_an_edit_that_may_have_been_missed_is_told(service: &Service) {
    let poll = service.poll(json!({})).await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let path = format!("/v1/polls/{poll}");
    let edit = json!({ "revision": 1, "question": "هل تغيّر السؤال؟", "reason": "أوضح" });
    let edited = service.admin().patch(&path).json(&edit).send().await.is(200);
    // To whoever has the tally, an older one, or none: their page may be of before.
    assert_eq!(resume(&service.client(), &poll, "1").await.expect("poll").await.data, as_told(&edited));
    for mut stream in [resume(&service.client(), &poll, "0").await, service.client().live(&poll).await] {
        assert_eq!(stream.expect("poll").await.data, as_told(&edited));
        assert_eq!(stream.expect("tally").await.versions().as_deref(), Some("1"));
    }
    let closed = service.admin().post(&format!("{path}/close")).send().await.is(200);
    let mut stream = resume(&service.client(), &poll, "1").await;
    assert_eq!(stream.expect("poll").await.data, as_told(&closed));
    assert_eq!(stream.expect("tally").await.data["state"], "closed");
}

async fn a_busy_poll_is_told_of_ten_times_a_second_at_most_and_the_last_is_always_told(service: &Service) {
    let poll = service.poll(json!({})).await;
    let clients = service.clients();
    let mut stream = clients[1].live(&poll).await;
    stream.expect("tally").await;
    let voters = join_all((0..150).map(|_| async { clients[0].new_voter().await })).await;
    let began = Instant::now();
    let voting = async {
        for voters in voters.chunks(5) {
            join_all(voters.iter().map(async |voter| voter.vote(&poll, &["yes"]).await.is(201))).await;
        }
    };
    let reading = async {
        let (mut events, mut version) = (0_u32, None);
        while version != Some(150) {
            let event = stream.expect("tally").await;
            events += 1;
            assert!(event.data["version"].as_u64() > version, "{event:?}");
            version = event.data["version"].as_u64();
        }
        events
    };
    let ((), events) = futures_util::future::join(voting, reading).await;
    let gaps =
        u32::try_from(began.elapsed().as_millis() / Duration::from_millis(100).as_millis()).expect("a short test");
    assert!(events <= gaps + 2, "{events} events in {gaps} tenths of a second");
}

async fn a_stream_of_what_is_not_there_is_refused(service: &Service) {
    let client = service.client();
    let gone = "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21";
    client.get(&format!("/v1/polls/{gone}/live")).send().await.refused(404, "not-found");
    client.get(&format!("/v1/live?polls={gone},{gone}")).send().await.refused(404, "not-found");
    let draft = service.poll(json!({ "state": "draft" })).await;
    client.get(&format!("/v1/polls/{draft}/live")).send().await.refused(404, "not-found");
    let many = [gone; 51].join(",");
    for query in ["", "?polls=", "?polls=yes", &format!("?polls={many}")] {
        client.get(&format!("/v1/live{query}")).send().await.refused(400, "invalid-request");
    }
}

async fn the_head_of_a_stream_can_be_had_alone(service: &Service) {
    let poll = service.poll(json!({})).await;
    let path = format!("/v1/polls/{poll}/live");
    let answer = service.client().request(reqwest::Method::HEAD, &path).undocumented().send().await;
    assert_eq!(answer.header("content-type").as_deref(), Some("text/event-stream"));
    answer.is(200);
}

async fn any_page_may_open_a_stream_and_come_back_to_it(service: &Service) {
    let site = service.site_for(&["https://news.example"]).await;
    let poll = service.poll(json!({ "site": site })).await;
    let path = format!("/v1/polls/{poll}/live");
    let origin = "https://elsewhere.example";
    let stream = service.client().get(&path).header("origin", origin).open().await;
    assert_eq!(stream.head().header("access-control-allow-origin").as_deref(), Some("*"));
    assert_eq!(stream.head().header("access-control-allow-credentials"), None);
    let preflight = service.client().request(reqwest::Method::OPTIONS, &path).undocumented();
    let preflight = preflight.header("origin", origin).header("access-control-request-method", "GET");
    let answer = preflight.header("access-control-request-headers", "last-event-id").send().await;
    let allowed = answer.header("access-control-allow-headers").unwrap_or_default();
    assert!(allowed.contains("last-event-id") && allowed.contains("authorization"), "{answer}");
    answer.is(204);
}

service_rules![
    a_stream_begins_with_the_tally_and_tells_every_replicas_votes,
    several_polls_are_told_of_on_one_stream,
    an_edit_a_close_and_a_deletion_are_told,
    a_poll_that_opens_and_closes_by_the_clock_is_told,
    whoever_comes_back_is_told_what_they_missed_and_nothing_again,
    a_close_or_an_edit_that_may_have_been_missed_is_told,
    a_busy_poll_is_told_of_ten_times_a_second_at_most_and_the_last_is_always_told,
    a_stream_of_what_is_not_there_is_refused,
    the_head_of_a_stream_can_be_had_alone,
    any_page_may_open_a_stream_and_come_back_to_it,
];
