//! Tallies read from a replica's memory.

use serde_json::json;

use crate::{
    client::{Answer, Client, until},
    registry::service_rules,
    service::{Service, moment, text, time},
};

/// The answer to whoever shows a tally's tag. A replica that does not hear from the store in time gives none.
async fn answered(client: &Client, path: &str, etag: &str) -> Answer {
    let read = || client.get(path).header("if-none-match", etag).send();
    until(async || Some(read().await).filter(|answer| answer.status != 503)).await
}

/// Without that, a reader behind a load balancer could see votes vanish.
async fn whoever_has_seen_a_version_is_never_told_an_older_one_by_any_replica(service: &Service) {
    let poll = service.poll(json!({})).await;
    let path = format!("/v1/polls/{poll}/results");
    let clients = service.clients();
    // Live on both, so that both answer from memory.
    for client in &clients {
        client.results(&poll).await;
    }
    for round in 1..=20 {
        let [voting, reading] = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        clients[voting].new_voter().await.vote(&poll, &["yes"]).await.is(201);
        let etag = clients[voting].get(&path).send().await.header("etag").expect("a tally has a tag");
        let answer = answered(&clients[reading], &path, &etag).await;
        if answer.status == 200 {
            let tally = answer.is(200);
            assert!(tally["version"].as_u64() >= Some(round), "{etag} was seen, and then {tally}");
        }
        let several = format!("/v1/results?polls={poll}");
        let etag = clients[voting].get(&several).send().await.header("etag").expect("tallies have a tag");
        let answer = answered(&clients[reading], &several, &etag).await;
        if answer.status == 200 {
            let tallies = answer.is(200);
            assert!(tallies["results"][0]["version"].as_u64() >= Some(round), "{etag} was seen, and then {tallies}");
        }
    }
}

async fn a_tally_says_closed_from_the_moment_its_poll_closes(service: &Service) {
    let made = service.timed_poll(|now| json!({ "closes_at": moment(now + 1_500) })).await;
    let (poll, closes_at) = (text(&made["id"]), time(&made["closes_at"]));
    for client in service.clients() {
        until(async || {
            let tally = client.results(&poll).await;
            let is_closed = tally["state"] == "closed";
            assert_eq!(is_closed, time(&tally["as_of"]) >= closes_at, "{tally}");
            is_closed.then_some(())
        })
        .await;
    }
}

async fn a_tally_says_open_from_the_moment_its_poll_opens(service: &Service) {
    let made = service.timed_poll(|now| json!({ "opens_at": moment(now + 1_500) })).await;
    let (poll, opens_at) = (text(&made["id"]), time(&made["opens_at"]));
    for client in service.clients() {
        until(async || {
            let tally = client.results(&poll).await;
            let is_open = tally["state"] == "open";
            assert!(is_open || time(&tally["as_of"]) < opens_at, "{tally}");
            is_open.then_some(())
        })
        .await;
    }
}

async fn a_tally_nobody_votes_on_says_how_it_is_now(service: &Service) {
    let poll = service.poll(json!({})).await;
    for client in service.clients() {
        let first = time(&client.results(&poll).await["as_of"]);
        until(async || (time(&client.results(&poll).await["as_of"]) > first).then_some(())).await;
    }
}

async fn a_deleted_polls_tally_is_gone_on_every_replica(service: &Service) {
    let poll = service.poll(json!({})).await;
    let path = format!("/v1/polls/{poll}/results");
    for client in service.clients() {
        client.results(&poll).await;
    }
    service.admin().delete(&format!("/v1/polls/{poll}")).send().await.is(204);
    service.client().get(&path).send().await.refused(404, "not-found");
    for client in service.clients() {
        until(async || (client.get(&path).send().await.status == 404).then_some(())).await;
    }
}

/// The options of a poll without ballots may be others tomorrow; a tally never names those of yesterday.
async fn a_tally_names_the_options_its_poll_has_now(service: &Service) {
    let poll = service.poll(json!({ "changeable": true })).await;
    let voter = service.client().new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    for client in service.clients() {
        client.results(&poll).await;
    }
    voter.delete(&format!("/v1/polls/{poll}/votes/me")).send().await.is(204);
    let options = json!([{ "id": "later", "label": "لاحقا" }, { "id": "never", "label": "أبدا" }]);
    let edit = json!({ "revision": 1, "options": options });
    service.admin().patch(&format!("/v1/polls/{poll}")).json(&edit).send().await.is(200);
    let first = service.client().results(&poll).await;
    assert_eq!(first["options"][0]["id"], "later");
    service.client().new_voter().await.vote(&poll, &["never"]).await.is(201);
    for client in service.clients() {
        let tally = until(async || {
            let tally = client.results(&poll).await;
            (tally["ballots"] == 1).then_some(tally)
        })
        .await;
        if tally["version"].as_u64() >= Some(3) {
            assert_eq!(tally["options"][1], json!({ "id": "never", "votes": 1, "share": 1 }));
        }
    }
}

service_rules![
    whoever_has_seen_a_version_is_never_told_an_older_one_by_any_replica,
    a_tally_says_closed_from_the_moment_its_poll_closes,
    a_tally_says_open_from_the_moment_its_poll_opens,
    a_tally_nobody_votes_on_says_how_it_is_now,
    a_deleted_polls_tally_is_gone_on_every_replica,
    a_tally_names_the_options_its_poll_has_now,
];

/// The same with a store that is away or lost something. These start stores of their own.
pub(crate) mod outages {
    use futures_util::future::join_all;
    use serde_json::json;

    use crate::{
        backends::{Backend, Program, Storage},
        client::until,
        crowd::one_crowd_at_a_time,
        registry::lone_rules,
        service::{Service, time},
    };

    /// How often a server was asked to run a script, which every reading of a poll does once, and nothing else here.
    fn readings(service: &Service) -> u64 {
        let stats = service.storage().server().ask(&["INFO", "commandstats"]);
        let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
        calls.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0)
    }

    async fn a_thousand_readers_of_a_poll_cost_the_store_a_call_or_two() {
        let _turn = one_crowd_at_a_time().await;
        let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
        let poll = service.poll(json!({})).await;
        let before = readings(&service);
        // Nobody has asked the second replica for it: all who ask at once share one reading, over all its workers.
        let client = service.clients().swap_remove(1);
        let path = format!("/v1/polls/{poll}/results");
        join_all((0..1_000).map(|_| async { client.get(&path).send().await.is(200) })).await;
        // The keeper reads it once a second meanwhile, however long this takes.
        let calls = readings(&service) - before;
        assert!((1..100).contains(&calls), "{calls} readings for a thousand readers");
    }

    async fn while_the_store_is_away_tallies_are_read_and_say_how_old_they_are() {
        let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[("appendonly", "yes")]));
        let poll = service.poll(json!({})).await;
        service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
        let last = join_all(service.clients().iter().map(|client| async {
            until(async || Some(client.results(&poll).await).filter(|tally| tally["ballots"] == 1)).await
        }))
        .await;
        service.storage().server().stop();
        let stopped_at = sawt::clock::Clock::default().now();
        for (client, last) in service.clients().iter().zip(&last) {
            for _ in 0..50 {
                let tally = client.results(&poll).await;
                assert_eq!((&tally["version"], &tally["ballots"]), (&json!(1), &json!(1)));
                let as_of = time(&tally["as_of"]);
                assert!(time(&last["as_of"]) <= as_of && as_of <= stopped_at, "{tally}");
            }
        }
        service.storage().server().start_again();
        for client in service.clients() {
            until(async || (time(&client.results(&poll).await["as_of"]) > stopped_at).then_some(())).await;
        }
    }

    /// What a reader has from another replica may be later than anything known here, and only the store can tell.
    async fn whoever_has_a_later_tally_is_told_no_older_one_while_the_store_is_away() {
        let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
        let poll = service.poll(json!({})).await;
        let client = service.client();
        let path = format!("/v1/polls/{poll}/results");
        client.results(&poll).await;
        let read = || client.get(&path).header("if-none-match", "\"7-1-open\"").send();
        service.storage().server().freeze();
        read().await.refused(503, "store-unavailable");
        assert_eq!(client.results(&poll).await["version"], 0, "to whoever has none");
        let mut stream = client.get(&format!("/v1/polls/{poll}/live")).header("last-event-id", "7").open().await;
        service.storage().server().thaw();
        // Once the store says so, that is how it is.
        until(async || Some(read().await).filter(|answer| answer.status == 200)).await;
        until(async || Some(client.new_voter().await.vote(&poll, &["yes"]).await).filter(|vote| vote.status == 201))
            .await;
        assert_eq!(stream.expect("tally").await.data["version"], 1, "and not the one of before");
    }

    /// A Redis that crashes may lose the last second. What was shown of it must not be shown for ever.
    async fn votes_that_the_store_lost_are_not_shown_for_long() {
        let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
        let poll = service.poll(json!({})).await;
        for _ in 0..2 {
            service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
        }
        for client in service.clients() {
            until(async || (client.results(&poll).await["version"] == 2).then_some(())).await;
        }
        let tally = format!("sawt:{{{poll}.0}}:tally");
        service.storage().server().ask(&["HSET", &tally, "version", "1", "ballots", "1", "0", "1"]);
        for client in service.clients() {
            until(async || (client.results(&poll).await["version"] == 1).then_some(())).await;
        }
        // And what comes then is counted on from there.
        service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
        for client in service.clients() {
            let tally = until(async || Some(client.results(&poll).await).filter(|tally| tally["version"] == 2)).await;
            until(async || (client.results(&poll).await["options"][1]["votes"] == 1).then_some(())).await;
            assert_eq!(tally["ballots"], 2);
        }
    }

    lone_rules![
        a_thousand_readers_of_a_poll_cost_the_store_a_call_or_two,
        while_the_store_is_away_tallies_are_read_and_say_how_old_they_are,
        whoever_has_a_later_tally_is_told_no_older_one_while_the_store_is_away,
        votes_that_the_store_lost_are_not_shown_for_long,
    ];
}
