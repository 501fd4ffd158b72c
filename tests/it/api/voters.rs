//! Voter tokens as readers carry them.

use sawt::{poll::Timestamp, secret::Secret, voter::TokenKeys};
use serde_json::json;

use crate::{
    backends::Backend,
    client::{Client, remember_secret},
    registry::service_rules,
    server::{Replica, SECRET, Settings},
    service::{Service, text},
};

async fn a_minted_voter_comes_as_token_and_as_cookie(service: &Service) {
    let answer = service.client().post("/v1/voters").send().await;
    let cookie = answer.header("set-cookie").expect("a mint sets the cookie");
    let minted = answer.is(201);
    let token = text(&minted["voter"]);
    remember_secret(&token);
    let expires_at: Timestamp = text(&minted["expires_at"]).parse().expect("expires_at is a time");
    let now = service.now_millis().await;
    assert!(expires_at.as_millis() > now + 399 * 24 * 3_600_000, "{expires_at}");
    assert!(cookie.starts_with(&format!("__Host-sawt_voter={token};")), "the cookie is the token");
    for attribute in ["Secure", "HttpOnly", "Path=/", "SameSite=None", "Partitioned"] {
        assert!(cookie.split("; ").any(|part| part == attribute), "{attribute} is not in {cookie}");
    }
    assert!(cookie.contains("Max-Age="), "{cookie}");
    assert!(!cookie.contains("Domain"), "{cookie}");
}

async fn every_minted_voter_is_another(service: &Service) {
    let poll = service.poll(json!({})).await;
    for _ in 0..5 {
        service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    }
    assert_eq!(service.client().results(&poll).await["ballots"], 5);
}

/// Third-party frames lose their cookies, and pages on sawt's own address have nothing else: both must vote, and as
/// the same voter (polis #964, crowdsignal-forms #315).
async fn a_voter_may_show_the_token_or_the_cookie(service: &Service) {
    let poll = service.poll(json!({})).await;
    let token = service.client().mint().await;
    let path = format!("/v1/polls/{poll}/votes");
    let cookie = format!("other=1; __Host-sawt_voter={token}; theme=dark");
    let vote = json!({ "choices": ["yes"] });
    service.client().post(&path).header("cookie", &cookie).json(&vote).send().await.is(201);
    service.client().with_voter(&token).vote(&poll, &["yes"]).await.is(200);
    let mine = service.client().get(&format!("{path}/me")).header("cookie", &cookie).send().await.is(200);
    assert_eq!(mine["choices"], json!(["yes"]));
}

async fn of_token_and_cookie_the_token_counts(service: &Service) {
    let poll = service.poll(json!({})).await;
    let [token, other] = [service.client().mint().await, service.client().mint().await];
    let path = format!("/v1/polls/{poll}/votes");
    let cookie = format!("__Host-sawt_voter={other}");
    let vote = json!({ "choices": ["yes"] });
    let voter = service.client().with_voter(&token);
    voter.post(&path).header("cookie", &cookie).json(&vote).send().await.is(201);
    voter.vote(&poll, &["yes"]).await.is(200);
    service.client().with_voter(&other).vote(&poll, &["no"]).await.is(201);
}

async fn a_voter_who_mints_again_stays_the_same_voter(service: &Service) {
    let poll = service.poll(json!({})).await;
    let voter = service.client().new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    let renewed = voter.post("/v1/voters").send().await;
    assert!(matches!(renewed.status, 200 | 201), "{renewed}");
    let renewed = voter.with_voter(&text(&renewed.json()["voter"]));
    renewed.vote(&poll, &["yes"]).await.is(200);
    renewed.vote(&poll, &["no"]).await.refused(409, "already-voted");
}

async fn refused_everywhere(client: &Client, poll: &str) {
    client.vote(poll, &["yes"]).await.refused(401, "voter-required");
    let mine = format!("/v1/polls/{poll}/votes/me");
    client.get(&mine).send().await.refused(401, "voter-required");
    client.delete(&mine).send().await.refused(401, "voter-required");
}

async fn a_forged_token_is_refused(service: &Service) {
    let poll = service.poll(json!({})).await;
    let token = service.client().mint().await;
    let flipped = |place: usize| {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let stranger = TokenKeys::new(&Secret::new("somebody else's secret, long enough".to_owned()), None);
    let (foreign, _) = stranger.mint(Timestamp::from_millis(service.now_millis().await), None);
    for forged in [flipped(0), flipped(12), flipped(40), foreign, format!("{token}A"), "nonsense".to_owned()] {
        refused_everywhere(&service.client().with_voter(&forged), &poll).await;
    }
    for scheme in ["Voter", "Bearer", "Basic"] {
        let request = service.client().post(&format!("/v1/polls/{poll}/votes")).json(&json!({ "choices": ["yes"] }));
        request.header("authorization", scheme).send().await.refused(401, "voter-required");
    }
    assert_eq!(service.client().results(&poll).await["ballots"], 0);
}

async fn an_expired_token_is_refused_and_said_to_be(service: &Service) {
    let poll = service.poll(json!({})).await;
    let keys = TokenKeys::new(&Secret::new(SECRET.to_owned()), None);
    let now = service.now_millis().await;
    let (fresh, _) = keys.mint(Timestamp::from_millis(now), None);
    service.client().with_voter(&fresh).vote(&poll, &["yes"]).await.is(201);
    let long_ago = now - (sawt::voter::LIFETIME_SECS + 1) * 1000;
    let (expired, _) = keys.mint(Timestamp::from_millis(long_ago), None);
    let expired = service.client().with_voter(&expired);
    refused_everywhere(&expired, &poll).await;
    let refused = expired.vote(&poll, &["yes"]).await.refused(401, "voter-required");
    assert!(text(&refused["detail"]).contains("expired"), "{refused}");
}

async fn a_rotated_secret_keeps_its_voters(service: &Service) {
    let next = "canary-next-secret-0123456789abcdefghijkl";
    remember_secret(next);
    // Two replicas don't stand on a file that others write to.
    let own = (service.backend() == Backend::Sqlite).then(|| Service::start(Backend::Sqlite));
    let service = own.as_ref().unwrap_or(service);
    let poll = service.poll(json!({})).await;
    let voter = service.client().mint().await;
    service.client().with_voter(&voter).vote(&poll, &["yes"]).await.is(201);

    let settings = Settings::on(service.storage().address()).with("SAWT_SECRET", next);
    let rotated = Replica::start(&settings.clone().with("SAWT_SECRET_PREVIOUS", SECRET));
    let client = Client::new(rotated.address()).with_voter(&voter);
    client.vote(&poll, &["yes"]).await.is(200);
    let renewed = text(&client.post("/v1/voters").send().await.is(200)["voter"]);

    // Once the old secret is gone, so are the tokens it signed; those renewed since are good.
    let rotated_again = Replica::start(&settings);
    let client = Client::new(rotated_again.address());
    client.with_voter(&renewed).vote(&poll, &["yes"]).await.is(200);
    client.with_voter(&voter).vote(&poll, &["yes"]).await.refused(401, "voter-required");
}

service_rules![
    a_minted_voter_comes_as_token_and_as_cookie,
    every_minted_voter_is_another,
    a_voter_may_show_the_token_or_the_cookie,
    of_token_and_cookie_the_token_counts,
    a_voter_who_mints_again_stays_the_same_voter,
    a_forged_token_is_refused,
    an_expired_token_is_refused_and_said_to_be,
    a_rotated_secret_keeps_its_voters,
];
