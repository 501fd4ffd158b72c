//! Nobody can tell whether a ballot is held: not by the answer to it, and not by anything that can be asked afterwards. Nor can
//! they while an incident goes on and nothing is held yet.

use std::time::Duration;

use serde_json::{Value, json};

use super::labels::old_mark;
use crate::{
    backends::Backend,
    client::{Answer, Client, nonce, remember_secret, until},
    registry::service_rules,
    service::{Service, text},
};

service_rules![
    on Backend::EACH_SORT;
    whose_ballot_is_held_is_told_what_all_others_are,
    a_ballot_changes_nothing_that_anybody_can_ask_for,
    a_stream_tells_of_no_ballot,
];

/// Why readers are shown snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// Ballots without a mark are held.
    Held,
    /// An incident goes on, and all ballots count.
    Incident,
}

impl Why {
    async fn begin(self, service: &Service, poll: &str) {
        match self {
            Self::Held => decide(service, poll, "held").await,
            Self::Incident => incident(service, poll, "").await,
        }
    }

    async fn end(self, service: &Service, poll: &str) {
        match self {
            Self::Held => decide(service, poll, "counted").await,
            Self::Incident => incident(service, poll, "/incident-8/close").await,
        }
    }
}

/// A poll of which readers are shown snapshots, and in which there are ballots with a mark and without.
async fn poll(service: &Service, why: Why, with: Value) -> HeldPoll {
    let id = service.poll(with).await;
    let (_, token) = vote(&service.client(), &id, Sort::Counted, &["yes"]).await;
    for sort in [Sort::Held, Sort::Counted] {
        vote(&service.client(), &id, sort, &["yes"]).await;
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

async fn decide(service: &Service, poll: &str, decision: &str) {
    let path = format!("/v1/polls/{poll}/integrity/labels/no-mark");
    service.admin().post(&path).json(&json!({ "decision": decision, "reason": "?" })).send().await.is(200);
}

async fn incident(service: &Service, poll: &str, path: &str) {
    let path = format!("/v1/polls/{poll}/integrity/incidents{path}");
    service.admin().post(&path).json(&json!({ "reason": "?" })).send().await.is(200);
}

#[derive(Clone, Copy, Debug)]
enum Sort {
    Counted,
    Held,
}

async fn vote(client: &Client, poll: &str, sort: Sort, choices: &[&str]) -> (Answer, String) {
    let mut body = json!({ "choices": choices, "voter": { "nonce": nonce() } });
    if let Sort::Counted = sort {
        body["mark"] = json!(old_mark(poll));
    }
    let answer = client.post(&format!("/v1/polls/{poll}/votes")).json(&body).send().await;
    let token = answer.token().expect("a token");
    remember_secret(&token);
    (answer, token)
}

/// An answer without what is another each time: the request's id, the date, and what is the voter's own.
fn shape(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let own = ["x-request-id", "date", "content-length", "ratelimit"];
    let mut headers = answer.headers();
    headers.retain(|(name, _)| !own.contains(&name.as_str()));
    headers.sort();
    let mut body = String::from_utf8_lossy(&answer.body).into_owned();
    if let Ok(mut json) = serde_json::from_str::<Value>(&body) {
        for own in ["voter", "expires_at", "cast_at", "request_id"] {
            if json.get(own).is_some_and(|it| !it.is_null()) {
                json[own] = json!("…");
            }
        }
        body = json.to_string();
    }
    (answer.status, headers, body)
}

async fn whose_ballot_is_held_is_told_what_all_others_are(service: &Service) {
    for (why, with) in [
        (Why::Held, json!({})),
        (Why::Incident, json!({ "changeable": true })),
        (Why::Held, json!({ "results": "after_vote", "changeable": true })),
        (Why::Held, json!({ "kind": "multiple", "max_choices": 2 })),
    ] {
        let held = poll(service, why, with).await;
        let poll = held.id.clone();
        let client = service.client();
        let told = async |sort: Sort| {
            let mut told = Vec::new();
            let (answer, token) = vote(&client, &poll, sort, &["no"]).await;
            told.push(shape(&answer));
            let voter = client.with_voter(&token);
            for client in [&voter, &service.clients().pop().expect("a replica").with_voter(&token)] {
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
            assert_eq!(held, counted);
        }
        assert_eq!(held[0].0, 201, "{held:?}");
    }
}

async fn a_ballot_changes_nothing_that_anybody_can_ask_for(service: &Service) {
    for why in [Why::Held, Why::Incident] {
        a_ballot_changes_nothing(service, why).await;
    }
}

async fn a_ballot_changes_nothing(service: &Service, why: Why) {
    let site = service.site().await;
    let held = poll(service, why, json!({ "site": site, "disclosure": { "asked_by": "الراي" } })).await;
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
        format!("/v1/sites/{site}/trending?by=votes"),
    ];
    let all = async || {
        let mut all = Vec::new();
        for client in service.clients() {
            for surface in &surfaces {
                all.push((surface.clone(), shape(&client.get(surface).send().await)));
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
            vote(&service.client(), &poll, Sort::Held, &["no"]).await;
            let after_held = all().await;
            vote(&service.client(), &poll, Sort::Counted, &["yes"]).await;
            (before, after_held, all().await)
        })
        .await;
    for ((before, held), counted) in before.iter().zip(&after_held).zip(&after_counted) {
        assert_eq!(before, held);
        assert_eq!(held, counted);
    }
    let told = service.client().results(&poll).await;
    assert_eq!(
        (&told["display"], &told["ballots"], &told["ballots_under"]),
        (&json!("percent"), &json!(1), &json!(100))
    );
    assert_eq!(told["options"][0].get("votes"), None, "{told}");
    let page = service.client().get(&format!("/embed/{poll}?lang=en&view=results")).send().await.page(200);
    assert!(page.contains("Fewer than 100 votes"), "{page}");
    // Its publisher sees what counts, and all see it in the end: for whoever has a snapshot it is later.
    let exact = service.admin().results(&poll).await;
    assert!(exact["ballots"].as_u64() >= Some(3) && exact.get("display").is_none(), "{exact}");
    match why {
        Why::Held => _ = service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200),
        Why::Incident => why.end(service, &poll).await,
    }
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
        vote(&service.client(), &poll, sort, &["no"]).await;
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
