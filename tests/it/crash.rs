//! A replica that is killed with no chance to do anything.

use std::cell::{Cell, RefCell};

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    backends::{Backend, Program, Storage},
    client::{Client, until},
    crowd::{Crowd, choice, dice, one_crowd_at_a_time, yeses},
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{seed_poll, text},
    wire::{self, Wire},
};

/// A replica on a file of its own, with what another is started by, and a poll that a crowd comes to.
async fn begin() -> (Storage, Settings, Replica, String, Crowd) {
    let storage = Storage::file();
    let settings = Settings::on(storage.address());
    let replica = Replica::start(&settings);
    let admin = Client::new(replica.address()).with_key(ADMIN_KEY);
    let made = admin.post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
    let created_at: sawt::poll::Timestamp = text(&made["created_at"]).parse().unwrap();
    (storage, settings, replica, text(&made["id"]), Crowd::at(created_at.as_millis()))
}

/// Votes until the replica is killed, after so many acknowledgements. The voters whose vote was acknowledged, and
/// those who can't know.
async fn vote_until_killed(
    replica: &Replica,
    poll: &str,
    crowd: &Crowd,
    first: u64,
    acknowledgements: usize,
) -> (Vec<u64>, Vec<u64>) {
    let next = Cell::new(first);
    let (acknowledged, unknown) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let connections = (0..16).map(|_| {
        let mut wire = Wire::to(replica.address());
        let (next, acknowledged, unknown) = (&next, &acknowledged, &unknown);
        async move {
            loop {
                let voter = next.replace(next.get() + 1);
                match wire.ask(&wire::vote(poll, &crowd.token(voter), choice(voter))).await {
                    Ok((201, _)) => acknowledged.borrow_mut().push(voter),
                    Ok((503, _)) => unknown.borrow_mut().push(voter),
                    Ok((status, body)) => panic!("{status} {}", String::from_utf8_lossy(&body)),
                    Err(_) => {
                        unknown.borrow_mut().push(voter);
                        return;
                    }
                }
                if acknowledged.borrow().len() == acknowledgements {
                    // The other connections' votes are on their way.
                    replica.signal("KILL");
                }
            }
        }
    });
    join_all(connections).await;
    replica.wait();
    (acknowledged.into_inner(), unknown.into_inner())
}

async fn every_acknowledged_vote_is_there_once_after_twenty_kills() {
    let _turn = one_crowd_at_a_time().await;
    let (_storage, settings, mut replica, poll, crowd) = begin().await;
    let (mut voters, mut yes) = (0, 0);
    let mut first = 0;
    for round in 0..20 {
        let target = 10 + usize::from(dice(round)[3]) / 2;
        let (acknowledged, unknown) = vote_until_killed(&replica, &poll, &crowd, first, target).await;
        replica = Replica::start(&settings);
        let mut wire = Wire::to(replica.address());
        for voter in &acknowledged {
            let vote = wire::vote(&poll, &crowd.token(*voter), choice(*voter));
            let (status, _) = wire.ask_until_known(&vote).await.expect("an answer");
            assert_eq!(status, 200, "the vote of voter {voter} was acknowledged before kill {round}");
        }
        for voter in &unknown {
            let vote = wire::vote(&poll, &crowd.token(*voter), choice(*voter));
            let (status, _) = wire.ask_until_known(&vote).await.expect("an answer");
            assert!(matches!(status, 200 | 201), "{status}");
        }
        voters += acknowledged.len() + unknown.len();
        yes += yeses(acknowledged.into_iter().chain(unknown));
        first += 10_000;
        let tally = Client::new(replica.address()).results(&poll).await;
        assert_eq!((&tally["ballots"], &tally["options"][0]["votes"]), (&json!(voters), &json!(yes)));
        assert_eq!(tally["version"], json!(voters), "each was counted once");
    }
}

/// An editor has ballots held and released while readers vote, until the replica is killed in the middle of both.
async fn what_counts_and_what_is_held_is_all_that_was_cast_after_ten_kills() {
    let _turn = one_crowd_at_a_time().await;
    let (_storage, settings, mut replica, poll, crowd) = begin().await;
    let admin = Client::new(replica.address()).with_key(ADMIN_KEY);
    let integrity = format!("/v1/polls/{poll}/integrity");
    // All of them come with the same to be said against them.
    let mut wire = Wire::to(replica.address());
    wire.ask(&wire::vote(&poll, &crowd.token(0), choice(0))).await.expect("an answer");
    let report = admin.get(&integrity).send().await.is(200);
    let label = report["labels"].as_array().unwrap().iter().find(|label| label["ballots"] == 1).expect("a label");
    let path = format!("{integrity}/labels/{}", text(&label["label"]));
    let authorization = format!("Bearer {ADMIN_KEY}");
    let mut voters = 1;
    for round in 0..10 {
        let first = 1 + 10_000 * round;
        let target = 10 + usize::from(dice(round)[3]) / 2;
        let mut editor = Wire::to(replica.address());
        let decide = |decision| {
            let body = json!({ "decision": decision, "reason": "؟" }).to_string();
            wire::request("POST", &path, &authorization, &body)
        };
        // Those that come next are held, however soon the end comes.
        assert_eq!(editor.ask_until_known(&decide("held")).await.expect("an answer").0, 200);
        let deciding = async {
            for decision in ["counted", "held"].iter().cycle() {
                match editor.ask(&decide(decision)).await {
                    Ok((200 | 503, _)) => {}
                    Ok((status, body)) => panic!("{status} {}", String::from_utf8_lossy(&body)),
                    Err(_) => return,
                }
            }
        };
        let voting = vote_until_killed(&replica, &poll, &crowd, first, target);
        let ((acknowledged, unknown), ()) = futures_util::future::join(voting, deciding).await;
        replica = Replica::start(&settings);
        let admin = Client::new(replica.address()).with_key(ADMIN_KEY);
        let report = admin.get(&integrity).send().await.is(200);
        let of = |name: &str| report[name]["ballots"].as_u64().expect("a number");
        let raw = of("raw");
        assert_eq!(raw, of("counted") + of("held") + of("void"), "after kill {round}: {report}");
        assert!(of("counted") == 0 || of("held") == 0, "one decision is about all of them: {report}");
        let least = voters + u64::try_from(acknowledged.len()).unwrap();
        let most = least + u64::try_from(unknown.len()).unwrap();
        assert!((least..=most).contains(&raw), "{raw} ballots of {least} to {most} after kill {round}");
        voters = raw;
    }
}

/// One editor, whose replica is killed again and again while they edit.
async fn every_acknowledged_edit_is_told_once_after_ten_kills() {
    for storage in [Storage::file(), Storage::single(Program::Redis, &[]), Storage::start(Backend::Cluster)] {
        let settings = Settings::on(storage.address());
        let mut replica = Replica::start(&settings);
        let admin = Client::new(replica.address()).with_key(ADMIN_KEY);
        let made = admin.post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
        let path = format!("/v1/polls/{}", text(&made["id"]));
        let authorization = format!("Bearer {ADMIN_KEY}");
        let (mut told, mut number) = (Vec::new(), 0);
        for round in 0..10_u64 {
            let mut revision =
                Client::new(replica.address()).with_key(ADMIN_KEY).get(&path).send().await.is(200)["revision"]
                    .as_u64()
                    .expect("a number");
            let mut wire = Wire::to(replica.address());
            let unknown = loop {
                number += 1;
                let question = format!("؟ {number}");
                let body = json!({ "revision": revision, "question": question }).to_string();
                let request = wire::request("PATCH", &path, &authorization, &body);
                // Killed while the request is on its way, at another moment each time.
                let is_last = number % 5 == 0;
                if is_last {
                    let micros = u64::from(dice(round)[0]) * 20;
                    let (answer, ()) = futures_util::future::join(wire.ask(&request), async {
                        tokio::time::sleep(std::time::Duration::from_micros(micros)).await;
                        replica.signal("KILL");
                    })
                    .await;
                    match answer {
                        Ok((200, _)) => told.push(question),
                        Ok((status, body)) => panic!("{status} {}", String::from_utf8_lossy(&body)),
                        Err(_) => break Some(question),
                    }
                    break None;
                }
                let (status, answer) = wire.ask(&request).await.expect("an answer");
                assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
                told.push(question);
                revision += 1;
            };
            replica.wait();
            replica = Replica::start(&settings);
            let admin = Client::new(replica.address()).with_key(ADMIN_KEY);
            let now = text(&admin.get(&path).send().await.is(200)["question"]);
            told.extend(unknown.filter(|question| *question == now));
            let log = until(async || {
                let page = admin.get("/v1/sites/default/events?type=poll.reworded&limit=100").send().await.is(200);
                let events = page["items"].as_array().expect("events").clone();
                (events.len() >= told.len()).then_some(events)
            })
            .await;
            let log: Vec<_> = log.iter().map(|event| text(&event["data"]["after"]["question"])).collect();
            assert_eq!(log, told, "after kill {round}");
        }
    }
}

/// A second's views may be lost, and none that were written, nor twice.
async fn views_that_were_written_are_there_after_a_kill() {
    let storage = Storage::file();
    let settings = Settings::on(storage.address());
    let mut replica = Replica::start(&settings);
    let made = Client::new(replica.address()).with_key(ADMIN_KEY).post("/v1/polls").json(&seed_poll(json!({})));
    let poll = text(&made.send().await.is(201)["id"]);
    let told = async |replica: &Replica| {
        Client::new(replica.address()).with_key(ADMIN_KEY).results(&poll).await["views"].as_u64().expect("a number")
    };
    let mut written = 0;
    for _ in 0..3 {
        let client = Client::new(replica.address());
        for _ in 0..5 {
            client.post("/v1/views").json(&json!({ "poll": poll })).send().await.is(204);
        }
        let before = written;
        written = until(async || Some(told(&replica).await).filter(|views| *views == before + 5)).await;
        // Those that wait to be written.
        for _ in 0..3 {
            client.post("/v1/views").json(&json!({ "poll": poll })).send().await.is(204);
        }
        let seen = written + 3;
        replica.signal("KILL");
        replica.wait();
        replica = Replica::start(&settings);
        let after = told(&replica).await;
        assert!((written..=seen).contains(&after), "{after} of {seen}, {written} of them written");
        written = after;
    }
}

lone_rules![
    views_that_were_written_are_there_after_a_kill,
    every_acknowledged_vote_is_there_once_after_twenty_kills,
    every_acknowledged_edit_is_told_once_after_ten_kills,
    what_counts_and_what_is_held_is_all_that_was_cast_after_ten_kills,
];
