//! Nobody can tell whether a ballot is held: not by the answer to it, and not by anything that can be asked afterwards.
//! Nor can they while an incident goes on and nothing is held yet.

use std::{sync::Arc, time::Duration};

use sawt::poll::{Finding, IncidentCause, IncidentPolicy, Poll, REASON, Suspects, Text};
use serde_json::{Value, json};

use super::labels::old_mark;
use crate::{
    backends::Backend,
    client::{Answer, Client, nonce, remember_secret, until},
    integrity::network_mark,
    registry::service_rules,
    service::{Service, text},
    store::stage::{Stage, done},
};

service_rules![
    on Backend::EACH_SORT;
    whose_ballot_is_held_is_told_what_all_others_are,
    a_ballot_changes_nothing_that_anybody_can_ask_for,
    nor_does_one_in_an_articles_poll,
    a_stream_tells_of_no_ballot,
];

/// Why readers are shown snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// Ballots without a mark are held.
    Held,
    /// Those of a network are.
    Network,
    /// An incident goes on, and all ballots count.
    Incident,
}

impl Why {
    async fn begin(self, service: &Service, poll: &str) {
        match self {
            Self::Held => decide(service, poll, "no-mark", "held").await,
            Self::Network => hold_network(service, poll).await,
            Self::Incident => incident(service, poll, "").await,
        }
    }

    /// Who has ballots of this sort.
    fn client(self, client: &Client, sort: Sort) -> Client {
        match (self, sort) {
            (Self::Network, Sort::Held) => client.at([127, 0, 9, 1].into()),
            (Self::Network, Sort::Counted) | (Self::Held | Self::Incident, _) => client.clone(),
        }
    }

    /// Casts a ballot of this sort.
    async fn vote(self, client: &Client, poll: &str, sort: Sort, choices: &[&str]) -> (Answer, String) {
        let mut body = json!({ "choices": choices, "voter": { "nonce": nonce() } });
        if sort == Sort::Counted || self == Self::Network {
            body["mark"] = json!(old_mark(poll));
        }
        let answer = self.client(client, sort).post(&format!("/v1/polls/{poll}/votes")).json(&body).send().await;
        let token = answer.token().expect("a token");
        remember_secret(&token);
        (answer, token)
    }

    async fn end(self, service: &Service, poll: &str) {
        match self {
            Self::Held => decide(service, poll, "no-mark", "counted").await,
            Self::Network => {
                decide(service, poll, "incident-8", "counted").await;
                incident(service, poll, "/incident-8/close").await;
            }
            Self::Incident => incident(service, poll, "/incident-8/close").await,
        }
    }
}

/// A poll of which readers are shown snapshots, and in which there are ballots with a mark and without.
async fn poll(service: &Service, why: Why, with: Value) -> HeldPoll {
    let id = service.poll(with).await;
    shown_by_snapshots(service, why, id).await
}

/// The same of one that is there.
async fn shown_by_snapshots(service: &Service, why: Why, id: String) -> HeldPoll {
    let (_, token) = why.vote(&service.client(), &id, Sort::Counted, &["yes"]).await;
    for sort in [Sort::Held, Sort::Counted] {
        why.vote(&service.client(), &id, sort, &["yes"]).await;
    }
    why.begin(service, &id).await;
    let voters: Vec<Client> = service.clients().iter().map(|client| client.with_voter(&token)).collect();
    for voter in &voters {
        // All replicas know of it.
        until(async || voter.results(&id).await.get("display").map(drop)).await;
    }
    HeldPoll { id, voters }
}

/// Such a poll, and a voter of it at each replica.
struct HeldPoll {
    id: String,
    voters: Vec<Client>,
}

impl HeldPoll {
    /// The half minutes that the replicas show.
    async fn windows(&self) -> Vec<String> {
        let mut all = Vec::new();
        for voter in &self.voters {
            all.push(text(&voter.results(&self.id).await["as_of"]));
        }
        all
    }

    /// Does something within one half minute: again, if the next one came meanwhile.
    async fn within_one<T>(&self, mut what: impl AsyncFnMut() -> T) -> T {
        for _ in 0..120 {
            let before = self.windows().await;
            // A replica may not have heard of the next one yet.
            if before.iter().any(|one| *one != before[0]) {
                tokio::time::sleep(Duration::from_millis(250)).await;
                continue;
            }
            let came = what().await;
            let after = self.windows().await;
            if before == after {
                return came;
            }
        }
        panic!("no half minute is long enough");
    }
}

async fn decide(service: &Service, poll: &str, label: &str, decision: &str) {
    let path = format!("/v1/polls/{poll}/integrity/labels/{label}");
    service.admin().post(&path).json(&json!({ "decision": decision, "reason": "?" })).send().await.is(200);
}

async fn incident(service: &Service, poll: &str, path: &str) {
    let path = format!("/v1/polls/{poll}/integrity/incidents{path}");
    service.admin().post(&path).json(&json!({ "reason": "?" })).send().await.is(200);
}

/// Lets an incident begin that is about a network, as a detector would, and holds it.
async fn hold_network(service: &Service, id: &str) {
    let store = service.storage().store().await;
    let poll: Poll = store.poll(id.parse().unwrap()).await.unwrap().unwrap();
    let stage = Stage { store: Arc::clone(&store), site: poll.site.clone() };
    let now = stage.now().await;
    let found = Finding {
        cause: IncidentCause::NetworkBurst,
        since: now,
        reason: Text::parse("؟", REASON).unwrap(),
        sureness: 95,
        suspects: Suspects::Networks(vec![network_mark(&poll, [127, 0, 9, 0], now)]),
        honest_per_hour: 0,
        figures: None,
        asks_for_work: false,
    };
    let (edit, _) = poll.with_incident(found, IncidentPolicy::Hold, now).unwrap();
    let version = stage.tally(&poll).await.version;
    done(stage.replace(&if edit.moves_versions(&poll) { edit.numbered(version) } else { edit }).await);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Counted,
    Held,
}

/// An answer, byte by byte, without what is another each time: the request's id, the date, and what is the voter's own.
fn shape(answer: &Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let own = ["x-request-id", "date", "ratelimit"];
    let mut headers = answer.headers();
    headers.retain(|(name, _)| !own.contains(&name.as_str()));
    headers.sort();
    let Ok(mut body) = String::from_utf8(answer.body.clone()) else {
        return (answer.status, headers, answer.body.clone());
    };
    if let Ok(json) = serde_json::from_str::<Value>(&body) {
        let length = body.len().to_string();
        for own in ["voter", "expires_at", "cast_at", "request_id"] {
            let Some(value) = json.get(own).filter(|value| value.is_string()) else { continue };
            let member = format!("\"{own}\":{value}");
            assert!(body.contains(&member), "{body}");
            body = body.replacen(&member, &format!("\"{own}\":\"…\""), 1);
        }
        // It says how long the body was, which is as long with another's own.
        for (_, value) in headers.iter_mut().filter(|(name, _)| name == "content-length") {
            assert_eq!(*value, length);
            *value = body.len().to_string();
        }
    }
    (answer.status, headers, body.into_bytes())
}

async fn whose_ballot_is_held_is_told_what_all_others_are(service: &Service) {
    for (why, with) in [
        (Why::Held, json!({})),
        (Why::Incident, json!({ "changeable": true })),
        (Why::Held, json!({ "results": "after_vote", "changeable": true })),
        (Why::Held, json!({ "kind": "multiple", "max_choices": 2 })),
        (Why::Network, json!({ "changeable": true })),
    ] {
        let held = poll(service, why, with).await;
        let poll = held.id.clone();
        let client = service.client();
        let told = async |sort: Sort| {
            let mut told = Vec::new();
            let (answer, token) = why.vote(&client, &poll, sort, &["no"]).await;
            told.push(shape(&answer));
            let voter = why.client(&client, sort).with_voter(&token);
            let other = why.client(&service.clients().pop().expect("a replica"), sort).with_voter(&token);
            for client in [&voter, &other] {
                told.push(shape(&client.get(&format!("/v1/polls/{poll}/votes/me")).send().await));
                told.push(shape(&client.get(&format!("/v1/polls/{poll}/results")).send().await));
            }
            // The same again, another choice, and taking it back.
            told.push(shape(&voter.vote(&poll, &["no"]).await));
            told.push(shape(&voter.vote(&poll, &["yes"]).await));
            told.push(shape(&voter.delete(&format!("/v1/polls/{poll}/votes/me")).send().await));
            told
        };
        let (held, counted) = held.within_one(async || (told(Sort::Held).await, told(Sort::Counted).await)).await;
        for (held, counted) in held.iter().zip(&counted) {
            assert_same(held, counted);
        }
        assert_eq!(held[0].0, 201, "{held:?}");
    }
}

fn assert_same(one: &(u16, Vec<(String, String)>, Vec<u8>), other: &(u16, Vec<(String, String)>, Vec<u8>)) {
    assert_eq!((one.0, &one.1), (other.0, &other.1));
    assert!(one.2 == other.2, "{}\n{}", String::from_utf8_lossy(&one.2), String::from_utf8_lossy(&other.2));
}

async fn a_ballot_changes_nothing_that_anybody_can_ask_for(service: &Service) {
    for why in [Why::Held, Why::Network, Why::Incident] {
        let site = service.site().await;
        let asked = json!({ "site": site, "disclosure": { "asked_by": "الراي" }, "open_answer": true });
        let held = poll(service, why, asked).await;
        // It stands in a place, too.
        let place = service.place(&site).await;
        let plan = json!({ "fallback": held.id, "revision": 1 });
        service.admin().put(&place).json(&plan).send().await.is(200);
        let more = [format!("{place}/now"), format!("/v1/sites/{site}/trending?by=votes")];
        a_ballot_changes_nothing(service, why, held, &more).await;
    }
}

async fn nor_does_one_in_an_articles_poll(service: &Service) {
    let site = service.site().await;
    let template = json!({ "poll": { "kind": "single", "question": "؟",
        "options": [{ "id": "yes", "label": "نعم" }, { "id": "no", "label": "لا" }] } });
    service.article_poll(&site).await;
    service.admin().put(&format!("/v1/sites/{site}/templates/ask")).json(&template).send().await.is(201);
    let path = format!("/v1/sites/{site}/articles/1/ask");
    let vote = json!({ "choices": ["yes"], "voter": { "nonce": nonce() } });
    let answer = service.client().post(&format!("{path}/votes")).json(&vote).send().await;
    remember_secret(&answer.token().expect("a token"));
    let id = text(&service.client().get(&format!("{path}/results")).send().await.is(200)["poll"]);
    let surfaces = ["", "/results", "/results.csv", "/timeline", "/timeline.csv", "/results/runoff"]
        .map(|rest| format!("{path}{rest}"));
    let held = shown_by_snapshots(service, Why::Network, id).await;
    a_ballot_changes_nothing(service, Why::Network, held, &surfaces).await;
}

async fn a_ballot_changes_nothing(service: &Service, why: Why, held: HeldPoll, more: &[String]) {
    let poll = held.id.clone();
    let page = format!("https://votes.example/embed/{poll}");
    let surfaces = [
        format!("/v1/polls/{poll}"),
        format!("/v1/polls/{poll}/results"),
        format!("/v1/polls/{poll}/results.csv"),
        format!("/v1/polls/{poll}/timeline"),
        format!("/v1/polls/{poll}/timeline.csv"),
        format!("/v1/results?polls={poll}"),
        format!("/embed/{poll}"),
        format!("/embed/{poll}?lang=en&view=results"),
        format!("/polls/{poll}/card.png"),
        format!("/oembed?url={page}"),
        format!("/v1/polls/{poll}/results/runoff"),
    ];
    let surfaces: Vec<&String> = surfaces.iter().chain(more).collect();
    let all = async || {
        let mut all = Vec::new();
        for client in service.clients() {
            for surface in &surfaces {
                all.push(((*surface).clone(), shape(&client.get(surface).send().await)));
            }
            let posted = format!("/v1/results?polls={poll}");
            let body = json!({ "voter": { "nonce": nonce() } });
            all.push((posted.clone(), shape(&client.post(&posted).json(&body).send().await)));
        }
        all
    };
    let (before, after_held, after_counted) = held
        .within_one(async || {
            let before = all().await;
            why.vote(&service.client(), &poll, Sort::Held, &["no"]).await;
            let after_held = all().await;
            why.vote(&service.client(), &poll, Sort::Counted, &["yes"]).await;
            (before, after_held, all().await)
        })
        .await;
    for ((before, held), counted) in before.iter().zip(&after_held).zip(&after_counted) {
        for other in [held, counted] {
            assert_eq!(before.0, other.0);
            assert_same(&before.1, &other.1);
        }
    }
    let told = service.client().results(&poll).await;
    assert_eq!(
        (&told["display"], &told["ballots"], &told["ballots_under"]),
        (&json!("percent"), &json!(1), &json!(100))
    );
    assert_eq!(told["options"][0].get("votes"), None, "{told}");
    let page = service.client().get(&format!("/embed/{poll}?lang=en&view=results")).send().await.page(200);
    assert!(page.contains("Fewer than 100 votes"), "{page}");
    if why != Why::Incident {
        let report = service.admin().get(&format!("/v1/polls/{poll}/integrity")).send().await.is(200);
        assert!(report["held"]["ballots"].as_u64() >= Some(1), "{report}");
    }
    // Its publisher sees what counts, and all see it in the end: for whoever has a snapshot it is later.
    let exact = service.admin().results(&poll).await;
    assert!(exact["ballots"].as_u64() >= Some(3) && exact.get("display").is_none(), "{exact}");
    match why {
        Why::Held => _ = service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200),
        Why::Network | Why::Incident => why.end(service, &poll).await,
    }
    let exact = service.admin().results(&poll).await;
    let last = service.client().results(&poll).await;
    assert_eq!((&last["ballots"], last.get("display")), (&exact["ballots"], None));
    assert!(last["version"].as_u64() > told["version"].as_u64(), "{last}");
}

async fn a_stream_tells_of_no_ballot(service: &Service) {
    for why in [Why::Held, Why::Incident] {
        a_stream_tells_of_none(service, why).await;
    }
}

async fn a_stream_tells_of_none(service: &Service, why: Why) {
    let HeldPoll { id: poll, .. } = poll(service, why, json!({})).await;
    let mut streams = Vec::new();
    for client in service.clients() {
        let mut stream = client.live(&poll).await;
        let first = loop {
            let event = stream.next().await.expect("it goes on");
            if event.name == "tally" {
                break event;
            }
        };
        streams.push((stream, first));
    }
    for sort in [Sort::Held, Sort::Counted] {
        why.vote(&service.client(), &poll, sort, &["no"]).await;
    }
    why.end(service, &poll).await;
    for (mut stream, first) in streams {
        let mut before = text(&first.data["as_of"]);
        loop {
            let event = stream.next().await.expect("it goes on");
            if event.name != "tally" {
                continue;
            }
            if event.data.get("display").is_none() {
                assert_eq!(event.data["ballots"], 5);
                break;
            }
            // The next half minute may have come.
            let as_of = text(&event.data["as_of"]);
            assert!(as_of > before, "{event:?}");
            before = as_of;
        }
    }
}
