//! Many voters at once, on two replicas: what only shows under load.
//!
//! The voters speak HTTP by hand (see [`wire`]) and bring tokens signed here with the service's secret, so that the
//! time goes into the service. What looks random is a hash of the voter's number: a failure happens again.

use std::{cell::Cell, net::SocketAddr, rc::Rc};

use futures_util::future::join_all;
use sawt::{
    poll::{Timestamp, VoterId},
    secret::Secret,
    voter::{FirstMade, TokenKeys},
};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    backends::Backend,
    registry::service_rules,
    server::SECRET,
    service::{Service, announcement},
    wire::{self, Wire},
};

/// Crowds come one at a time: the machine under them is small, and what one does to another is no rule's subject.
pub(crate) async fn one_crowd_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::const_new(());
    ONE.lock().await
}

/// How many connections a crowd comes over.
const CONNECTIONS: usize = 64;

/// Voters with tokens of the service's own making.
pub(crate) struct Crowd {
    keys: TokenKeys,
    now: Timestamp,
    /// Sets one crowd's voters apart from another's.
    number: u64,
}

impl Crowd {
    /// A crowd nobody else has met.
    pub(crate) async fn new(service: &Service) -> Self {
        Self::at(service.now_millis().await)
    }

    /// A crowd whose tokens are issued at this moment, in milliseconds since 1970.
    pub(crate) fn at(now_millis: i64) -> Self {
        let number = u64::from_le_bytes(sawt::secret::random_bytes());
        let keys = TokenKeys::new(&Secret::new(SECRET.to_owned()), None);
        Self { keys, now: Timestamp::from_millis(now_millis), number }
    }

    /// The token of one of its voters.
    pub(crate) fn token(&self, voter: u64) -> String {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.number.to_le_bytes());
        id[8..].copy_from_slice(&voter.to_le_bytes());
        let (token, _) = self.keys.sign(VoterId::from_bytes(id), FirstMade::at(self.now, None), self.now);
        crate::client::remember_secret(&token);
        token
    }
}

/// Eight dice that always fall the same for one voter.
pub(crate) fn dice(voter: u64) -> [u8; 8] {
    let hash = blake3::hash(&voter.to_le_bytes());
    let mut dice = [0; 8];
    dice.copy_from_slice(&hash.as_bytes()[..8]);
    dice
}

/// What a voter chooses.
pub(crate) fn choice(voter: u64) -> &'static str {
    if dice(voter)[0] < 160 { "yes" } else { "no" }
}

/// How many of these voters choose "yes".
pub(crate) fn yeses(voters: impl IntoIterator<Item = u64>) -> u64 {
    voters.into_iter().map(|voter| u64::from(choice(voter) == "yes")).sum()
}

/// Where a crowd goes: to two replicas, or twice to the one there is.
pub(crate) fn addresses(service: &Service) -> [SocketAddr; 2] {
    let replicas = service.replicas();
    [replicas[0].address(), replicas[replicas.len() - 1].address()]
}

/// Concurrent requests have beaten "one vote" elsewhere: YOP CVE-2023-6109, Forminator CVE-2023-2010, wp-polls
/// CVE-2022-40130, discourse #15001.
async fn of_200_simultaneous_votes_of_one_voter_one_counts(service: &Service) {
    let _turn = one_crowd_at_a_time().await;
    let rounds = if service.backend() == Backend::Sqlite { 10 } else { 50 };
    let poll = service.poll(json!({})).await;
    let crowd = Crowd::new(service).await;
    let mut wires: Vec<_> = (0..200).map(|place| Wire::to(addresses(service)[place % 2])).collect();
    for round in 1..=rounds {
        let requests = ["yes", "no"].map(|choice| wire::vote(&poll, &crowd.token(round), choice));
        // Two of either choice on each replica, and so on.
        let votes = wires.iter_mut().enumerate().map(|(place, wire)| wire.ask_until_known(&requests[place / 2 % 2]));
        let answers: Vec<_> = join_all(votes).await.into_iter().map(|answer| answer.expect("an answer").0).collect();
        let count = |status: u16| answers.iter().filter(|answer| **answer == status).count();
        assert_eq!((count(200) + count(201), count(409)), (100, 100), "{answers:?}");
        assert!(count(201) <= 1, "the vote is counted twice: {answers:?}");
        assert_eq!(service.client().results(&poll).await["ballots"], json!(round));
    }
}

/// How the votes of a crowd went.
#[derive(Default)]
struct Progress {
    next: Cell<u64>,
    repeated: Cell<u64>,
    cut_off: Cell<u64>,
}

async fn a_crowd_that_repeats_itself_and_loses_answers_is_counted_exactly(service: &Service) {
    let _turn = one_crowd_at_a_time().await;
    let voters = if service.backend() == Backend::Redis { 20_000 } else { 2_000 };
    let poll = service.poll(json!({})).await;
    let crowd = Crowd::new(service).await;
    let progress = Rc::new(Progress::default());
    let connections = (0..CONNECTIONS).map(|place| {
        let [mut here, mut there] = [place % 2, (place + 1) % 2].map(|replica| Wire::to(addresses(service)[replica]));
        let (poll, crowd, progress) = (&poll, &crowd, progress.clone());
        async move {
            while progress.next.get() < voters {
                let voter = progress.next.replace(progress.next.get() + 1);
                let request = wire::vote(poll, &crowd.token(voter), choice(voter));
                let [_, cut, repeat, ..] = dice(voter);
                if cut < 26 {
                    // A tenth never see their answer, and ask again.
                    here.ask_and_hang_up(&request).await.expect("a vote can be sent");
                    progress.cut_off.set(progress.cut_off.get() + 1);
                }
                let (status, body) = here.ask_until_known(&request).await.expect("a vote is answered");
                assert!(matches!(status, 200 | 201), "{status} {}", String::from_utf8_lossy(&body));
                if repeat < 128 {
                    let (status, _) = there.ask_until_known(&request).await.expect("a vote is answered");
                    assert_eq!(status, 200, "the same vote on the other replica");
                    progress.repeated.set(progress.repeated.get() + 1);
                }
            }
        }
    });
    join_all(connections).await;
    assert!(progress.cut_off.get() > voters / 20 && progress.repeated.get() > voters / 3, "the dice fall as meant");
    let yes = yeses(0..voters);
    for client in service.clients() {
        let tally = crate::client::until(async || {
            let tally = client.results(&poll).await;
            // Told of all; more than all would be wrong.
            (tally["version"].as_u64() >= Some(voters)).then_some(tally)
        })
        .await;
        assert_eq!((&tally["version"], &tally["ballots"]), (&json!(voters), &json!(voters)));
        assert_eq!(tally["options"][0]["votes"], json!(yes));
        assert_eq!(tally["options"][1]["votes"], json!(voters - yes));
    }
}

/// How many articles a crowd reacts to.
const ARTICLES: u64 = 100;

/// Each article's poll is made while its first readers come over both replicas at once.
async fn a_crowd_that_reacts_to_a_hundred_articles_is_counted_exactly(service: &Service) {
    let _turn = one_crowd_at_a_time().await;
    let voters = if service.backend() == Backend::Redis { 2_000 } else { 400 };
    let site = service.site().await;
    let template = json!({ "articles": "own-origins", "poll": { "kind": "reaction", "question": "؟", "options": [
        { "id": "yes", "emoji": "👍", "label": "نعم" }, { "id": "no", "emoji": "👎", "label": "لا" }] } });
    service.admin().put(&format!("/v1/sites/{site}/templates/reactions")).json(&template).send().await.is(201);
    let name = |article: u64| format!("/v1/sites/{site}/articles/a-{article}");
    join_all((0..ARTICLES).map(async |article| {
        let said = announcement(&format!("https://news.example/{article}"));
        service.admin().put(&name(article)).json(&said).send().await.is(201);
    }))
    .await;
    let (crowd, next) = (Crowd::new(service).await, Cell::new(0));
    let connections = (0..CONNECTIONS).map(|place| {
        let [mut here, mut there] = [place % 2, (place + 1) % 2].map(|replica| Wire::to(addresses(service)[replica]));
        let (crowd, next, name) = (&crowd, &next, &name);
        async move {
            while next.get() < voters {
                let voter = next.replace(next.get() + 1);
                let path = format!("{}/reactions/votes", name(voter % ARTICLES));
                let body = json!({ "choices": [choice(voter)] }).to_string();
                let request = wire::request("POST", &path, &format!("Voter {}", crowd.token(voter)), &body);
                let [_, fate, ..] = dice(voter);
                if fate < 52 {
                    here.ask_and_hang_up(&request).await.expect("a vote can be sent");
                }
                if fate > 204 {
                    let twice =
                        futures_util::future::join(here.ask_until_known(&request), there.ask_until_known(&request));
                    let (one, other) = twice.await;
                    let both = [one, other].map(|answer| answer.expect("a vote is answered").0);
                    assert!(both.contains(&201) && both.iter().all(|status| matches!(status, 200 | 201)), "{both:?}");
                } else {
                    let (status, body) = there.ask_until_known(&request).await.expect("a vote is answered");
                    assert!(matches!(status, 200 | 201), "{status} {}", String::from_utf8_lossy(&body));
                }
            }
        }
    });
    join_all(connections).await;
    for client in service.clients() {
        for article in 0..ARTICLES {
            let of_article = || (0..voters).filter(move |voter| voter % ARTICLES == article);
            let (ballots, yes) = (of_article().count(), yeses(of_article()));
            let tally = crate::client::until(async || {
                let tally = client.get(&format!("{}/reactions/results", name(article))).send().await.is(200);
                (tally["ballots"].as_u64() >= u64::try_from(ballots).ok()).then_some(tally)
            })
            .await;
            assert_eq!((&tally["ballots"], &tally["options"][0]["votes"]), (&json!(ballots), &json!(yes)), "{article}");
        }
    }
}

/// What a poll took in while it was being closed.
async fn close_under_load(service: &Service) {
    let poll = service.poll(json!({})).await;
    let crowd = Crowd::new(service).await;
    let (next, counted, is_closed) = (Cell::new(0), Cell::new(0_u64), Cell::new(false));
    let connections = (0..16).map(|place| {
        let mut wire = Wire::to(addresses(service)[place % 2]);
        let (poll, crowd, next, counted, is_closed) = (&poll, &crowd, &next, &counted, &is_closed);
        async move {
            // Every connection goes on until it is refused.
            loop {
                let voter = next.replace(next.get() + 1);
                let vote = wire::vote(poll, &crowd.token(voter), choice(voter));
                let is_late = is_closed.get();
                match wire.ask_until_known(&vote).await.expect("a vote is answered") {
                    (200 | 201, _) if is_late => panic!("a vote is counted that came after the poll was closed"),
                    (200 | 201, _) => counted.set(counted.get() + 1),
                    (409, _) => return,
                    (status, body) => panic!("{status} {}", String::from_utf8_lossy(&body)),
                }
            }
        }
    });
    let closing = async {
        crate::client::until(async || (counted.get() > 200).then_some(())).await;
        let close = format!("/v1/polls/{poll}/close");
        crate::client::until(async || {
            let answer = service.admin().post(&close).send().await;
            (answer.status != 503).then(|| answer.is(200))
        })
        .await;
        is_closed.set(true);
        read_from_the_store(service, &poll).await
    };
    let (_, at_close) = futures_util::future::join(join_all(connections), closing).await;
    assert_eq!(at_close["ballots"], json!(counted.get()), "what was acknowledged is what was counted by the close");
    let at_end = read_from_the_store(service, &poll).await;
    for member in ["state", "version", "ballots", "options"] {
        assert_eq!(at_end[member], at_close[member], "{member} of a final tally");
    }
    assert_eq!(at_end["state"], "closed");
}

/// The tally of a poll that has just closed, as every replica comes to tell it.
async fn read_from_the_store(service: &Service, poll: &str) -> Value {
    let mut tally = Value::Null;
    for client in service.clients() {
        tally = crate::client::until(async || {
            let tally = client.results(poll).await;
            (tally["state"] == "closed").then_some(tally)
        })
        .await;
    }
    tally
}

async fn votes_in_flight_while_a_poll_closes_are_counted_before_or_refused(service: &Service) {
    let _turn = one_crowd_at_a_time().await;
    for _ in 0..5 {
        close_under_load(service).await;
    }
}

async fn the_tally_adds_up_at_every_instant(service: &Service) {
    let _turn = one_crowd_at_a_time().await;
    let poll = service.poll(json!({ "changeable": true })).await;
    let crowd = Crowd::new(service).await;
    let going = Cell::new(8);
    let voters = (0..8_u64).map(|voter| {
        let mut wire = Wire::to(addresses(service)[usize::from(voter % 2 == 0)]);
        let (poll, token, going) = (&poll, crowd.token(voter), &going);
        async move {
            for turn in 0..60 {
                let request = match turn % 3 {
                    0 => wire::vote(poll, &token, "yes"),
                    1 => wire::vote(poll, &token, "no"),
                    _ => wire::request("DELETE", &format!("/v1/polls/{poll}/votes/me"), &format!("Voter {token}"), ""),
                };
                let (status, body) = wire.ask_until_known(&request).await.expect("a vote is answered");
                assert!(status < 300, "{status} {}", String::from_utf8_lossy(&body));
            }
            going.set(going.get() - 1);
        }
    });
    let readers = service.clients().into_iter().map(|client| {
        let (poll, going) = (&poll, &going);
        async move {
            let mut version = 0;
            while going.get() > 0 {
                let tally = client.results(poll).await;
                let sum = tally["options"][0]["votes"].as_u64().zip(tally["options"][1]["votes"].as_u64());
                assert_eq!(sum.map(|(yes, no)| yes + no), tally["ballots"].as_u64(), "{tally}");
                let newest = tally["version"].as_u64().expect("a tally has a version");
                assert!(newest >= version, "the version fell from {version} to {newest}");
                version = newest;
            }
        }
    });
    futures_util::future::join(join_all(voters), join_all(readers)).await;
    // Every turn of every voter moved it by one, and each ended with a withdrawal.
    let tally = service.client().results_from(&poll, 8 * 60).await;
    assert_eq!((&tally["ballots"], &tally["version"]), (&json!(0), &json!(8 * 60)));
}

service_rules![
    of_200_simultaneous_votes_of_one_voter_one_counts,
    a_crowd_that_repeats_itself_and_loses_answers_is_counted_exactly,
    a_crowd_that_reacts_to_a_hundred_articles_is_counted_exactly,
    votes_in_flight_while_a_poll_closes_are_counted_before_or_refused,
    the_tally_adds_up_at_every_instant,
];
