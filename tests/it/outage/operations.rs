//! Every operation that can't be answered without the store.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    client::{Client, nonce},
    service::{PUBLIC_URL, Service, announcement, seed_poll},
};

/// Every operation that can't be answered without the store.
pub(super) async fn store_touching(service: &Service) -> Vec<(Client, Method, String, Option<Value>)> {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site, "changeable": true })).await;
    // No replica has been asked for this one, so none knows it.
    let unread = service.poll(json!({ "site": site })).await;
    let (key_id, key) = service
        .key(&site, &["polls:read", "polls:write", "polls:moderate", "results:read", "keys:write", "sites:write"])
        .await;
    let voter = service.client().new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    let (reader, publisher, admin) =
        (service.clients().swap_remove(1), service.client().with_key(&key), service.admin());
    let at = |rest: &str| format!("/v1/polls/{poll}{rest}");
    let article = format!("/v1/sites/{site}/articles/1");
    let announcement = announcement("https://news.example/1");
    service.article_poll(&site).await;
    let place = service.place(&site).await;
    let (hooks, hook) = (format!("/v1/sites/{site}/webhooks"), format!("/v1/sites/{site}/webhooks/0123456789ab"));
    let template = json!({ "poll": { "kind": "rating", "question": "؟" } });
    let named = json!({ "voter": { "nonce": nonce() } });
    vec![
        (voter.clone(), Method::POST, at("/votes"), Some(json!({ "choices": ["no"] }))),
        (voter.clone(), Method::GET, at("/votes/me"), None),
        (voter.clone(), Method::POST, at("/votes/mine"), Some(json!({}))),
        (voter.clone(), Method::POST, at("/votes/withdraw"), Some(json!({}))),
        (reader.clone(), Method::POST, format!("/v1/polls/{unread}/challenge"), Some(named.clone())),
        (voter, Method::DELETE, at("/votes/me"), None),
        (reader.clone(), Method::GET, format!("/v1/polls/{unread}"), None),
        (reader.clone(), Method::GET, format!("/v1/polls/{unread}/results"), None),
        (reader.clone(), Method::GET, format!("/oembed?url={PUBLIC_URL}/embed/{unread}"), None),
        (reader.clone(), Method::GET, format!("/v1/polls/{unread}/results.csv"), None),
        (reader.clone(), Method::GET, format!("/v1/polls/{unread}/results/runoff"), None),
        (reader.clone(), Method::GET, format!("/v1/polls/{unread}/timeline"), None),
        (reader.clone(), Method::GET, format!("/v1/polls/{unread}/timeline.csv"), None),
        (reader.clone(), Method::GET, format!("/embed/{unread}"), None),
        (reader.clone(), Method::GET, format!("/embed/{unread}/form"), None),
        (reader.clone(), Method::GET, format!("/polls/{unread}/card.png"), None),
        (reader.clone(), Method::POST, "/v1/views".to_owned(), Some(json!({ "poll": unread }))),
        (reader.clone(), Method::GET, format!("/v1/sites/{site}/trending"), None),
        (reader.clone(), Method::GET, format!("{place}/now"), None),
        (reader.clone(), Method::GET, format!("/embed/sites/{site}/places/side"), None),
        (publisher.clone(), Method::GET, hooks.clone(), None),
        (publisher.clone(), Method::POST, hooks, Some(json!({ "url": "https://hooks.example/" }))),
        (publisher.clone(), Method::GET, hook.clone(), None),
        (publisher.clone(), Method::PATCH, hook.clone(), Some(json!({}))),
        (publisher.clone(), Method::POST, format!("{hook}/secret"), None),
        (publisher.clone(), Method::GET, format!("{hook}/deliveries"), None),
        (publisher.clone(), Method::POST, format!("{hook}/deliveries/1795899306264000/replay"), None),
        (publisher.clone(), Method::DELETE, hook, None),
        (publisher.clone(), Method::GET, format!("/v1/sites/{site}/sessions"), None),
        (publisher.clone(), Method::DELETE, format!("/v1/sites/{site}/sessions/0123456789abcdef01234567"), None),
        (publisher.clone(), Method::GET, format!("/v1/sites/{site}/waiting"), None),
        (publisher.clone(), Method::GET, at("/qr.svg"), None),
        (publisher.clone(), Method::GET, format!("/v1/sites/{site}/places"), None),
        (publisher.clone(), Method::GET, place.clone(), None),
        (publisher.clone(), Method::PUT, place.clone(), Some(json!({ "revision": 1 }))),
        (publisher.clone(), Method::DELETE, place, None),
        (publisher.clone(), Method::GET, format!("/v1/sites/{site}/templates"), None),
        (publisher.clone(), Method::GET, format!("/v1/sites/{site}/templates/stars"), None),
        (publisher.clone(), Method::PUT, format!("/v1/sites/{site}/templates/stars"), Some(template)),
        (publisher.clone(), Method::DELETE, format!("/v1/sites/{site}/templates/stars"), None),
        (reader.clone(), Method::GET, format!("/v1/results?polls={unread}"), None),
        (reader, Method::POST, format!("/v1/results?polls={unread}"), Some(named)),
        (publisher.clone(), Method::GET, format!("/v1/polls?site={site}"), None),
        (publisher.clone(), Method::POST, "/v1/polls".to_owned(), Some(seed_poll(json!({ "site": site })))),
        (publisher.clone(), Method::PATCH, at(""), Some(json!({ "revision": 1, "question": "؟", "reason": "أقصر" }))),
        (publisher.clone(), Method::POST, at("/publish"), None),
        (publisher.clone(), Method::POST, at("/open"), None),
        (publisher.clone(), Method::POST, at("/close"), None),
        (publisher.clone(), Method::POST, at("/resolve"), Some(json!({ "option": "yes" }))),
        (publisher.clone(), Method::GET, at("/answers"), None),
        (publisher.clone(), Method::GET, at("/answers.csv"), None),
        (publisher.clone(), Method::POST, at("/answers/0123456789abcdef"), Some(json!({ "state": "shown" }))),
        (publisher.clone(), Method::GET, at("/integrity"), None),
        (
            publisher.clone(),
            Method::POST,
            at("/integrity/labels/no-mark"),
            Some(json!({ "decision": "held", "reason": "؟" })),
        ),
        (publisher.clone(), Method::POST, at("/integrity/incidents"), Some(json!({ "reason": "؟" }))),
        (publisher.clone(), Method::POST, at("/integrity/incidents/incident-8/close"), Some(json!({ "reason": "؟" }))),
        (publisher.clone(), Method::DELETE, at(""), None),
        (publisher.clone(), Method::GET, format!("/v1/sites/{site}/events?wait=30"), None),
        (publisher.clone(), Method::GET, format!("/v1/sites/{site}/announced"), None),
        (publisher.clone(), Method::PUT, article.clone(), Some(announcement)),
        (publisher.clone(), Method::GET, article.clone(), None),
        (publisher.clone(), Method::DELETE, article, None),
        (publisher.clone(), Method::GET, format!("/v1/keys?site={site}"), None),
        (publisher.clone(), Method::DELETE, format!("/v1/keys/{key_id}"), None),
        (publisher, Method::POST, "/v1/keys".to_owned(), Some(json!({ "site": site, "scopes": ["polls:read"] }))),
        (admin.clone(), Method::GET, format!("/v1/sites/{site}"), None),
        (admin.clone(), Method::GET, "/v1/sites".to_owned(), None),
        (admin.clone(), Method::DELETE, format!("/v1/sites/{site}"), None),
        (admin, Method::PUT, format!("/v1/sites/{site}"), Some(json!({ "origins": [] }))),
    ]
}

/// The same that have to do with an article's poll.
pub(super) async fn of_articles(service: &Service) -> Vec<(Client, Method, String, Option<Value>)> {
    let site = service.site().await;
    let (reader, poll) = (service.clients().swap_remove(1), service.article_poll(&site).await);
    let voter = json!({ "voter": { "nonce": nonce() } });
    let vote = json!({ "choices": ["5"], "voter": { "nonce": nonce() } });
    vec![
        (reader.clone(), Method::GET, poll.clone(), None),
        (reader.clone(), Method::GET, format!("{poll}/results"), None),
        (reader.clone(), Method::GET, format!("{poll}/results.csv"), None),
        (reader.clone(), Method::GET, format!("{poll}/results/runoff"), None),
        (reader.clone(), Method::GET, format!("{poll}/timeline"), None),
        (reader.clone(), Method::GET, format!("{poll}/timeline.csv"), None),
        (reader.clone(), Method::POST, format!("{poll}/votes"), Some(vote)),
        (reader.clone(), Method::POST, format!("{poll}/votes/mine"), Some(voter.clone())),
        (reader.clone(), Method::POST, format!("{poll}/challenge"), Some(voter.clone())),
        (reader.clone(), Method::POST, format!("{poll}/votes/withdraw"), Some(voter)),
        (reader.clone(), Method::GET, format!("/v1/sites/{site}/articles?template=stars&ids=1"), None),
        (reader.clone(), Method::GET, format!("/embed/sites/{site}/articles/1/stars"), None),
        (reader.clone(), Method::GET, format!("/embed/sites/{site}/articles/1/stars/form"), None),
    ]
}

/// The same that have to do with transparency logs.
pub(super) async fn of_proof(service: &Service) -> Vec<(Client, Method, String, Option<Value>)> {
    let poll = service.poll(json!({})).await;
    let (reader, snapshots) = (service.client(), format!("/v1/polls/{poll}/snapshots"));
    let log = "/v1/sites/default/log";
    vec![
        (reader.clone(), Method::GET, snapshots.clone(), None),
        (reader.clone(), Method::GET, format!("{snapshots}/1-1"), None),
        (reader.clone(), Method::GET, format!("{snapshots}/1-1/proof"), None),
        (reader.clone(), Method::GET, format!("{snapshots}/1-1/card.png"), None),
        (reader.clone(), Method::GET, format!("/embed/{poll}/snapshots/1-1"), None),
        (reader.clone(), Method::GET, log.to_owned(), None),
        (reader.clone(), Method::GET, format!("{log}/1/checkpoint"), None),
        (reader.clone(), Method::GET, format!("{log}/1/tile/entries/000.p/1"), None),
        (reader, Method::GET, format!("{log}/1/openings/0"), None),
        (service.admin(), Method::POST, snapshots, None),
    ]
}
