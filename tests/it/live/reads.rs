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
            assert_eq!(tally["options"][1], json!({ "id": "never", "label": "أبدا", "votes": 1, "share": 1 }));
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
    use std::time::Instant;

    use futures_util::future::join_all;
    use sawt::{poll::Position, secret::Secret, wire::PositionKeys};
    use serde_json::{Value, json};

    use crate::{
        backends::{Backend, Program, Storage},
        client::{Client, nonce, until},
        crowd::one_crowd_at_a_time,
        events::Events,
        registry::lone_rules,
        server::{ADMIN_KEY, Replica, SECRET, Settings},
        service::{Service, announcement, seed_poll, text, time},
    };

    /// How often a server was asked to run a script, which every reading of a poll does once. Besides, replicas look
    /// after the transparency log of the site every five seconds.
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
        // The refresher reads it once a second meanwhile, however long this takes.
        let calls = readings(&service) - before;
        assert!((1..100).contains(&calls), "{calls} readings for a thousand readers");
    }

    async fn a_list_of_teasers_is_answered_from_memory() {
        let _turn = one_crowd_at_a_time().await;
        let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
        let site = service.site().await;
        let template = json!({ "articles": "own-origins", "poll": { "kind": "rating", "question": "؟" } });
        service.admin().put(&format!("/v1/sites/{site}/templates/stars")).json(&template).send().await.is(201);
        for article in ["a", "b"] {
            let said = announcement(&format!("https://news.example/{article}"));
            service.admin().put(&format!("/v1/sites/{site}/articles/{article}")).json(&said).send().await.is(201);
        }
        let vote = json!({ "choices": ["5"], "voter": { "nonce": nonce() } });
        service.client().post(&format!("/v1/sites/{site}/articles/a/stars/votes")).json(&vote).send().await.is(201);
        let calls = || {
            let stats = service.storage().server().ask(&["INFO", "commandstats"]);
            let of = |line: &str| Some(line.split_once("calls=")?.1.split_once(',')?.0.parse::<u64>().unwrap_or(0));
            let is_read = |line: &&str| {
                ["hget", "evalsha", "hmget"].iter().any(|name| line.starts_with(&format!("cmdstat_{name}:")))
            };
            stats.lines().filter(is_read).filter_map(of).sum::<u64>()
        };
        let path = format!("/v1/sites/{site}/articles?template=stars&ids=a,b");
        let before = calls();
        // Few at once, so that no store call waits for long on a machine that is busy.
        for _ in 0..40 {
            join_all((0..25).map(|_| async { service.client().get(&path).send().await.is(200) })).await;
        }
        // What is known is read again every second or so meanwhile, however long this takes.
        let calls = calls() - before;
        assert!((1..1_000).contains(&calls), "{calls} readings for a thousand lists of two");
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
        let (etag, id) = signed(&poll, 7);
        let read = || client.get(&path).header("if-none-match", &etag).send();
        service.storage().server().freeze();
        read().await.refused(503, "store-unavailable");
        assert_eq!(client.results(&poll).await["version"], 0, "to whoever has none");
        let mut stream = client.get(&format!("/v1/polls/{poll}/live")).header("last-event-id", &id).open().await;
        service.storage().server().thaw();
        // Once the store says so, that is how it is.
        until(async || Some(read().await).filter(|answer| answer.status == 200)).await;
        until(async || Some(client.new_voter().await.vote(&poll, &["yes"]).await).filter(|vote| vote.status == 201))
            .await;
        assert_eq!(stream.expect("tally").await.data["epoch"], 1, "and not the one of before");
    }

    /// The tag of an open poll's tally and the id of its event, as a replica would have signed them.
    fn signed(poll: &str, version: u64) -> (String, String) {
        let keys = PositionKeys::new(&Secret::new(SECRET.to_owned()), None);
        let id = keys.sign(poll.parse().expect("an id"), Position { epoch: 0, version });
        (format!("\"{id}-1-open\""), id.to_string())
    }

    /// What was made up makes a read from memory cost the store no more than any other.
    async fn a_forged_version_makes_the_store_be_asked_once_a_second_at_the_most() {
        let _turn = one_crowd_at_a_time().await;
        let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
        let poll = service.poll(json!({})).await;
        let client = service.client();
        client.results(&poll).await;
        let (_, forged) = signed(&poll, 99_999_999);
        let forged = format!("{}000000", &forged[..forged.len() - 6]);
        let (before, begun) = (readings(&service), Instant::now());
        for _ in 0..100 {
            for (path, name, shown) in [
                ("results", "if-none-match", "\"99999999-1-open\"".to_owned()),
                ("results", "if-none-match", format!("\"{forged}-1-open\"")),
                ("live", "last-event-id", forged.clone()),
            ] {
                let path = format!("/v1/polls/{poll}/{path}");
                let request = client.get(&path).header(name, &shown);
                let is_stream = path.ends_with("live");
                let answer = if is_stream { request.open().await.into_head() } else { request.send().await };
                assert_eq!(answer.status, 200);
            }
        }
        let calls = readings(&service) - before;
        // One a second for them, and one for each replica's own sake; and what each does for the site's log.
        let secs = begun.elapsed().as_secs();
        let most = 3 * (secs + 2) + 2 * 3 * (secs / 5 + 1);
        assert!(calls <= most, "{calls} readings in {:?} for 300 readers who made something up", begun.elapsed());
    }

    /// Makes a store have what it had before anybody voted: an older dump, a file put back from a backup.
    fn lose_votes(service: &Service) {
        if let Some(file) = service.storage().address().strip_prefix("sqlite:") {
            let file = rusqlite::Connection::open(file).expect("the file opens");
            file.execute_batch("update tallies set version = 0, ballots = 0, epoch = 0; update votes set votes = 0")
                .expect("the file is written");
        }
        for server in service.storage().servers() {
            for tally in server.ask_for::<Vec<String>>(&["KEYS", "sawt:{*}:tally"]) {
                server.ask(&["HSET", &tally, "version", "0", "ballots", "0", "0", "0", "1", "0"]);
                server.ask_for::<i64>(&["HDEL", &tally, "epoch"]);
            }
        }
    }

    /// Reads a stream until a tally of this epoch has come; none goes back on the way.
    async fn tally_of_epoch(stream: &mut Events, epoch: u64) -> Value {
        let mut before = (0, 0);
        loop {
            let event = stream.next().await.expect("the stream goes on");
            let position = (event.data["epoch"].as_u64().unwrap(), event.data["version"].as_u64().unwrap());
            assert!(event.name == "tally" && position >= before, "{position:?} after {before:?}");
            before = position;
            if position.0 >= epoch {
                return event.data;
            }
        }
    }

    /// A Redis that crashes may lose the last second. What was shown of it must not be shown for ever, and whoever has
    /// seen it must be told that what comes is later.
    async fn readers_follow_a_store_that_lost_votes_and_lost_them_again() {
        for backend in [Backend::Sqlite, Backend::Redis, Backend::Cluster] {
            let service = Service::start_on(backend, Storage::start(backend));
            let poll = service.poll(json!({})).await;
            let mut streams = join_all(service.clients().iter().map(|client| client.live(&poll))).await;
            for epoch in 1..=2 {
                for _ in 0..2 {
                    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
                }
                for client in service.clients() {
                    until(async || (client.results(&poll).await["version"] == 2).then_some(())).await;
                }
                lose_votes(&service);
                for client in service.clients() {
                    until(async || {
                        let tally = client.results(&poll).await;
                        let told = (tally["epoch"].as_u64(), tally["version"].as_u64());
                        // In a cluster each partition that lost something has epochs of its own.
                        let is_it = backend == Backend::Cluster || told.0 <= Some(epoch);
                        assert!(is_it, "{backend:?}: {tally} after {epoch} losses");
                        (told >= (Some(epoch), Some(0)) && told.1 == Some(0)).then(|| assert_eq!(tally["ballots"], 0))
                    })
                    .await;
                }
            }
            // And what comes then is counted on from there, on every replica and stream.
            service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
            for stream in &mut streams {
                let mut told = tally_of_epoch(stream, 2).await;
                while told["options"][1]["votes"] != 1 {
                    told = stream.expect("tally").await.data;
                }
                assert_eq!(told["ballots"], 1, "{backend:?}: {told}");
            }
        }
    }

    /// A store that can't be written can't be told that it has lost something.
    async fn while_a_store_that_lost_votes_is_full_what_it_had_is_told() {
        let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
        let poll = service.poll(json!({})).await;
        for _ in 0..2 {
            service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
        }
        for client in service.clients() {
            until(async || (client.results(&poll).await["version"] == 2).then_some(())).await;
        }
        lose_votes(&service);
        service.storage().server().ask(&["CONFIG", "SET", "maxmemory", "1"]);
        for client in service.clients() {
            for replica in service.replicas() {
                until(async || {
                    replica.log().lines().iter().any(|line| line.contains("can't say so yet")).then_some(())
                })
                .await;
            }
            let tally = client.results(&poll).await;
            assert_eq!((&tally["epoch"], &tally["version"], &tally["ballots"]), (&json!(0), &json!(2), &json!(2)));
        }
        service.storage().server().ask(&["CONFIG", "SET", "maxmemory", "0"]);
        for client in service.clients() {
            let tally = until(async || Some(client.results(&poll).await).filter(|tally| tally["epoch"] == 1)).await;
            assert_eq!(tally["version"], 0);
        }
    }

    /// All who knew better were replaced together with the file; only readers are left.
    async fn what_readers_prove_to_have_seen_makes_a_store_that_was_put_back_say_so() {
        let storage = Storage::file();
        let file = storage.address().strip_prefix("sqlite:").expect("a file").to_owned();
        let backup = format!("{file}.backup");
        let settings = Settings::on(storage.address());
        let start = || {
            let replica = Replica::start(&settings);
            let client = Client::new(replica.address());
            (replica, client)
        };
        let (replica, client) = start();
        let made = client.with_key(ADMIN_KEY).post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
        let poll = text(&made["id"]);
        assert!(replica.stop().success());
        std::fs::copy(&file, &backup).expect("it is copied");
        let (mut replica, client) = start();
        client.new_voter().await.vote(&poll, &["yes"]).await.is(201);
        let (path, several) = (format!("/v1/polls/{poll}/results"), format!("/v1/results?polls={poll}"));
        let tag = async |path: &str| client.get(path).send().await.header("etag").expect("a tag");
        let tags = [(&path, tag(&path).await), (&several, tag(&several).await)];
        let id = client.live(&poll).await.expect("tally").await.id.expect("an id");
        // What they show is all there is to tell, each time anew.
        for (path, etag) in &tags {
            assert!(replica.stop().success());
            std::fs::copy(&backup, &file).expect("it is copied");
            let client;
            (replica, client) = start();
            until(async || {
                let answer = client.get(path).header("if-none-match", etag).send().await.is(200);
                let tally = answer.get("results").map_or(&answer, |several| &several[0]);
                (tally["epoch"] == 1).then(|| assert_eq!(tally["version"], 0))
            })
            .await;
        }
        assert!(replica.stop().success());
        std::fs::copy(&backup, &file).expect("it is copied");
        let client;
        (replica, client) = start();
        let seen = client.get(&format!("/v1/polls/{poll}/live?seen={id}"));
        tally_of_epoch(&mut seen.open().await, 1).await;
        assert!(replica.stop().success());
    }

    lone_rules![
        a_thousand_readers_of_a_poll_cost_the_store_a_call_or_two,
        a_list_of_teasers_is_answered_from_memory,
        while_the_store_is_away_tallies_are_read_and_say_how_old_they_are,
        whoever_has_a_later_tally_is_told_no_older_one_while_the_store_is_away,
        a_forged_version_makes_the_store_be_asked_once_a_second_at_the_most,
        readers_follow_a_store_that_lost_votes_and_lost_them_again,
        while_a_store_that_lost_votes_is_full_what_it_had_is_told,
        what_readers_prove_to_have_seen_makes_a_store_that_was_put_back_say_so,
    ];
}
