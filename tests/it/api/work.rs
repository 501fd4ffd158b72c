//! Proof of work: what a poll asks of new voters, and what it means for their ballots.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::digest::{Context, SHA256};
use sawt::{
    clock::Clock,
    poll::{Finding, IncidentCause, IncidentPolicy, NetworkDigest, REASON, Suspects, Text, Timestamp},
    secret::{Secret, hex},
    store::Replacement,
    voter::{FirstMade, Nonce, TokenKeys, WorkKeys},
};
use serde_json::{Value, json};

use super::{
    embed::after,
    labels::{labels, old_mark},
};
use crate::{
    client::{Answer, Client, nonce, remember_secret, until},
    registry::service_rules,
    server::SECRET,
    service::{PUBLIC_URL, Service, text},
};

service_rules![
    a_new_voter_is_counted_without_the_work_that_is_asked_for_and_has_a_label,
    a_solution_serves_one_voter_in_one_poll_on_every_replica_until_it_expires,
    work_is_asked_for_while_an_incident_goes_on_and_of_new_voters_alone,
    an_articles_poll_asks_for_work_before_it_is_made,
];

const MINUTE: i64 = 60_000;

/// An incident as a detector opens it, of a network that nobody here votes from.
async fn open_incident(service: &Service, poll: &str) {
    let store = service.storage().store().await;
    let poll = store.poll(poll.parse().unwrap()).await.unwrap().unwrap();
    let found = Finding {
        cause: IncidentCause::NetworkBurst,
        since: poll.created_at,
        reason: Text::parse("?", REASON).unwrap(),
        sureness: 95,
        suspects: Suspects::Networks(vec![NetworkDigest(1)]),
        honest_per_hour: 0,
        figures: None,
        asks_for_work: true,
    };
    let (edit, _) = poll.with_incident(found, IncidentPolicy::Show, store.now().await.unwrap()).unwrap();
    assert!(matches!(store.replace_poll(&edit, &[]).await.unwrap(), Replacement::Done(_)));
}

/// A site with this policy.
async fn site_with(service: &Service, policy: &str) -> String {
    let site = service.site().await;
    let put = service.admin().put(&format!("/v1/sites/{site}")).json(&json!({ "proof_of_work": policy })).send().await;
    assert_eq!(put.is(200)["proof_of_work"], policy);
    site
}

async fn challenge(client: &Client, path: &str, voter: &Value) -> Answer {
    client.post(&format!("{path}/challenge")).body("text/plain", json!({ "voter": voter }).to_string()).send().await
}

/// What a device makes of a challenge, by ALTCHA's rules: it counts up.
fn solved(challenge: &Value) -> String {
    let parameters = &challenge["parameters"];
    let bytes = |name: &str| {
        let digits = text(&parameters[name]);
        (0..digits.len() / 2)
            .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
            .collect::<Vec<u8>>()
    };
    let (salt, nonce, prefix) = (bytes("salt"), bytes("nonce"), bytes("keyPrefix"));
    let key_at = |counter: u32| {
        let mut hash = Context::new(&SHA256);
        for part in [&salt[..], &nonce[..], &counter.to_be_bytes()] {
            hash.update(part);
        }
        hash.finish()
    };
    let counter = (0..500).find(|counter| key_at(*counter).as_ref().starts_with(&prefix)).expect("a solution");
    let solution = json!({ "counter": counter, "derivedKey": hex(key_at(counter).as_ref()) });
    STANDARD.encode(json!({ "challenge": challenge, "solution": solution }).to_string())
}

/// A vote as a page sends it that has been open for a minute.
async fn vote(client: &Client, path: &str, poll: &str, voter: &Value, work: Option<&str>) -> Answer {
    let choices = json!(if path.contains("/articles/") { ["5"] } else { ["yes"] });
    let mut body = json!({ "choices": choices, "voter": voter, "mark": old_mark(poll) });
    if let Some(work) = work {
        body["proof_of_work"] = json!(work);
    }
    let sent = client.post(&format!("{path}/votes")).json(&body).send().await;
    if let Some(token) = sent.token() {
        remember_secret(&token);
    }
    sent
}

/// An answer without what differs between two voters.
fn shape(answer: Answer) -> (Vec<String>, Value) {
    let names = answer.headers().into_iter().map(|(name, _)| name).collect();
    let mut body = answer.is(201);
    for differs in ["voter", "cast_at", "expires_at", "results"] {
        assert!(body.as_object_mut().unwrap().remove(differs).is_some(), "{differs}");
    }
    (names, body)
}

async fn a_new_voter_is_counted_without_the_work_that_is_asked_for_and_has_a_label(service: &Service) {
    let (client, admin) = (service.client(), service.admin());
    let site = site_with(service, "always").await;
    let poll = service.poll(json!({ "site": site })).await;
    let path = format!("/v1/polls/{poll}");
    let voter = json!({ "nonce": nonce() });
    let work = solved(&challenge(&client, &path, &voter).await.is(200));
    let worked = shape(vote(&client, &path, &poll, &voter, Some(&work)).await);
    let garbage = "A".repeat(4_000);
    for work in [None, Some(""), Some("e30="), Some(&*garbage)] {
        let answer = vote(&client, &path, &poll, &json!({ "nonce": nonce() }), work).await;
        assert_eq!(shape(answer), worked, "nobody can tell: {work:?}");
    }
    // Nor by a token that was made a moment ago.
    let token = client.mint().await;
    vote(&client, &path, &poll, &json!(token), None).await.is(201);
    assert_eq!(labels(&admin, &poll).await, [("clean".to_owned(), 1), ("no-work".to_owned(), 5)]);
    assert_eq!(client.results(&poll).await["ballots"], 6, "all of them count");
    // A plain form can't work.
    let page = client.get(&format!("/embed/{poll}/form")).send().await.page(200);
    let voter = after(&page, "name=\"voter\" value=\"").to_owned();
    remember_secret(&voter);
    let form = client.post(&format!("/embed/{poll}/form")).header("origin", PUBLIC_URL);
    let form = form.header("user-agent", "Mozilla/5.0").header("accept-language", "ar");
    let body = format!("voter={voter}&mark={}&choices=yes", old_mark(&poll));
    assert_eq!(form.body("application/x-www-form-urlencoded", body).send().await.status, 303);
    assert_eq!(labels(&admin, &poll).await, [("clean".to_owned(), 1), ("no-work".to_owned(), 6)]);
}

async fn a_solution_serves_one_voter_in_one_poll_on_every_replica_until_it_expires(service: &Service) {
    let (clients, admin) = (service.clients(), service.admin());
    let site = site_with(service, "always").await;
    let (poll, other) = (service.poll(json!({ "site": site })).await, service.poll(json!({ "site": site })).await);
    let [path, other_path] = [&poll, &other].map(|poll| format!("/v1/polls/{poll}"));
    let voter = json!({ "nonce": nonce() });
    let work = solved(&challenge(&clients[0], &path, &voter).await.is(200));
    // Sent again, to another replica: still the same voter, counted once, and with nothing against it.
    vote(&clients[1], &path, &poll, &voter, Some(&work)).await.is(201);
    vote(&clients[0], &path, &poll, &voter, Some(&work)).await.is(200);
    assert_eq!(labels(&admin, &poll).await, [("clean".to_owned(), 1)]);
    for client in &clients {
        vote(client, &path, &poll, &json!({ "nonce": nonce() }), Some(&work)).await.is(201);
    }
    vote(&clients[0], &other_path, &other, &voter, Some(&work)).await.is(201);
    let late = nonce();
    let keys = WorkKeys::new(&Secret::new(SECRET.to_owned()), None, 500);
    let before = Timestamp::from_millis(Clock::default().now().as_millis() - 11 * MINUTE);
    let voter_id = late.parse::<Nonce>().unwrap().voter();
    let made = keys.challenge(poll.parse().unwrap(), &voter_id, before);
    let expired = solved(&serde_json::from_str(&made).unwrap());
    vote(&clients[0], &path, &poll, &json!({ "nonce": late }), Some(&expired)).await.is(201);
    assert_eq!(labels(&admin, &poll).await, [("clean".to_owned(), 1), ("no-work".to_owned(), 3)]);
    assert_eq!(labels(&admin, &other).await, [("no-work".to_owned(), 1)]);
}

async fn work_is_asked_for_while_an_incident_goes_on_and_of_new_voters_alone(service: &Service) {
    let (client, admin) = (service.client(), service.admin());
    let poll = service.poll(json!({ "site": service.site().await })).await;
    let never = service.poll(json!({ "site": site_with(service, "never").await })).await;
    let path = format!("/v1/polls/{poll}");
    let new = || json!({ "nonce": nonce() });
    challenge(&client, &path, &new()).await.is(204);
    vote(&client, &path, &poll, &new(), None).await.is(201);
    for poll in [&poll, &never] {
        open_incident(service, poll).await;
    }
    challenge(&client, &format!("/v1/polls/{never}"), &new()).await.is(204);
    vote(&client, &format!("/v1/polls/{never}"), &never, &new(), None).await.is(201);
    assert_eq!(labels(&admin, &never).await, [("clean".to_owned(), 1)]);

    let voter = new();
    let asked = until(async || Some(challenge(&client, &path, &voter).await).filter(|asked| asked.status == 200)).await;
    let work = solved(&asked.is(200));
    vote(&client, &path, &poll, &voter, Some(&work)).await.is(201);
    vote(&client, &path, &poll, &new(), None).await.is(201);
    // Made a voter yesterday, by another poll.
    let keys = TokenKeys::new(&Secret::new(SECRET.to_owned()), None);
    let now = Clock::default().now();
    let yesterday = Timestamp::from_millis(now.as_millis() - 24 * 60 * MINUTE);
    let id = text(&new()["nonce"]).parse::<Nonce>().unwrap().voter();
    let (known, _) = keys.sign(id, FirstMade::at(yesterday, None), now);
    remember_secret(&known);
    challenge(&client, &path, &json!(known)).await.is(204);
    vote(&client, &path, &poll, &json!(known), None).await.is(201);
    assert_eq!(labels(&admin, &poll).await, [("clean".to_owned(), 3), ("no-work".to_owned(), 1)]);

    let close = format!("{path}/integrity/incidents/incident-8/close");
    admin.post(&close).json(&json!({ "reason": "over" })).send().await.is(200);
    challenge(&client, &path, &new()).await.is(204);
    client.post(&format!("{path}/challenge")).body("text/plain", "{}").send().await.refused(401, "voter-required");
}

async fn an_articles_poll_asks_for_work_before_it_is_made(service: &Service) {
    let (client, admin) = (service.client(), service.admin());
    let site = site_with(service, "always").await;
    let path = service.article_poll(&site).await;
    let poll = text(&client.get(&path).send().await.is(200)["id"]);
    let voter = json!({ "nonce": nonce() });
    let work = solved(&challenge(&client, &path, &voter).await.is(200));
    assert_eq!(client.get(&path).send().await.is(200)["revision"], 0, "a challenge makes nothing");
    vote(&client, &path, &poll, &voter, Some(&work)).await.is(201);
    vote(&client, &path, &poll, &json!({ "nonce": nonce() }), Some(&work)).await.is(201);
    assert_eq!(labels(&admin, &poll).await, [("clean".to_owned(), 1), ("no-work".to_owned(), 1)]);
}
