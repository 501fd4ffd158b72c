//! A replica that is killed with no chance to do anything.

use std::cell::{Cell, RefCell};

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    backends::Storage,
    client::Client,
    crowd::{Crowd, choice, dice, one_crowd_at_a_time, yeses},
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{seed_poll, text},
    wire::{self, Wire},
};

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
    let storage = Storage::file();
    let settings = Settings::on(storage.address());
    let mut replica = Replica::start(&settings);
    let admin = Client::new(replica.address()).with_key(ADMIN_KEY);
    let made = admin.post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
    let poll = text(&made["id"]);
    let created_at: sawt::poll::Timestamp = text(&made["created_at"]).parse().unwrap();
    let crowd = Crowd::at(created_at.as_millis());
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

lone_rules![every_acknowledged_vote_is_there_once_after_twenty_kills];
