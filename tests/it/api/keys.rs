//! API keys: made, listed, revoked; what each scope grants, and nothing beyond its site.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client},
    newsroom::Browser,
    registry::service_rules,
    service::{PUBLIC_URL, Service, seed_poll, text},
};

const SCOPES: [&str; 6] = ["polls:read", "polls:write", "polls:moderate", "results:read", "keys:write", "sites:write"];

async fn a_key_is_shown_once_and_listed_by_its_prefix(service: &Service) {
    let site = service.site().await;
    let asked = json!({ "site": site, "scopes": ["polls:write", "polls:read"], "name": "غرفة الأخبار" });
    let answer = service.admin().post("/v1/keys").json(&asked).send().await;
    assert!(answer.header("cache-control").is_some_and(|value| value.contains("no-store")), "{answer}");
    let made = answer.is(201);
    let key = text(&made["key"]);
    crate::client::remember_secret(&key);
    assert_eq!((&made["site"], &made["name"]), (&json!(site), &json!("غرفة الأخبار")));
    assert_eq!(made["scopes"], json!(["polls:read", "polls:write"]));
    assert!(key.starts_with(&text(&made["prefix"])));
    let listed = service.admin().get(&format!("/v1/keys?site={site}")).send().await;
    assert!(!String::from_utf8_lossy(&listed.body).contains(&key), "a key's text is shown once");
    let listed = listed.is(200);
    let keys = listed["items"].as_array().expect("a list of keys");
    assert_eq!(keys.len(), 1);
    for member in ["id", "site", "scopes", "name", "prefix", "created_at"] {
        assert_eq!(keys[0][member], made[member], "{member}");
    }
}

async fn a_revoked_key_is_refused_at_once_on_every_replica(service: &Service) {
    let site = service.site().await;
    let (id, key) = service.key(&site, &["polls:read"]).await;
    let path = format!("/v1/polls?site={site}");
    for client in service.clients() {
        client.with_key(&key).get(&path).send().await.is(200);
    }
    service.admin().delete(&format!("/v1/keys/{id}")).send().await.is(204);
    for client in service.clients() {
        client.with_key(&key).get(&path).send().await.refused(401, "key-required");
    }
    service.admin().delete(&format!("/v1/keys/{id}")).send().await.refused(404, "not-found");
    let listed = service.admin().get(&format!("/v1/keys?site={site}")).send().await.is(200);
    assert_eq!(listed["items"], json!([]));
}

/// Ids of a webhook, an event and a session that nobody has.
const WEBHOOK: (&str, &str, &str) = ("0123456789ab", "1795899306264000", "0123456789abcdef01234567");

/// A text that no ballot says.
const ANSWER: &str = "0123456789abcdef";

/// Every route that needs a key: method, path, body, and the scope that grants it (`admin` for the admin key alone,
/// `any` for every key of the site). `every_route_is_open_or_guarded` holds it against the route table.
fn guarded(
    site: &str,
    poll: &str,
    answer: &str,
    key_id: &str,
    article: &str,
    (hook, event, session): (&str, &str, &str),
) -> Vec<(Method, String, Option<Value>, &'static str)> {
    let poll_path = format!("/v1/polls/{poll}");
    let key = json!({ "site": site, "scopes": ["polls:read"], "name": "x" });
    let article_path = format!("/v1/sites/{site}/articles/{article}");
    let (templates, template) =
        (format!("/v1/sites/{site}/templates"), if site == "{site}" { "{template}" } else { "stars" });
    let template = format!("{templates}/{template}");
    let places = format!("/v1/sites/{site}/places");
    let hooks = format!("/v1/sites/{site}/webhooks");
    let hook = format!("{hooks}/{hook}");
    let sessions = format!("/v1/sites/{site}/sessions");
    let deliveries = format!("{hook}/deliveries");
    let place = format!("{places}/{}", if site == "{site}" { "{place}" } else { "side" });
    vec![
        (Method::GET, templates, None, "polls:read"),
        (Method::GET, template.clone(), None, "polls:read"),
        (Method::PUT, template.clone(), Some(json!({ "poll": { "kind": "rating", "question": "؟" } })), "polls:write"),
        (Method::DELETE, template, None, "polls:write"),
        (Method::GET, hooks.clone(), None, "keys:write"),
        (Method::POST, hooks, Some(json!({ "url": "https://hooks.example/", "enabled": false })), "keys:write"),
        (Method::GET, hook.clone(), None, "keys:write"),
        (Method::PATCH, hook.clone(), Some(json!({ "name": "x" })), "keys:write"),
        (Method::POST, format!("{hook}/secret"), None, "keys:write"),
        (Method::GET, deliveries.clone(), None, "keys:write"),
        (Method::POST, format!("{deliveries}/{event}/replay"), None, "keys:write"),
        (Method::DELETE, hook, None, "keys:write"),
        (Method::GET, sessions.clone(), None, "keys:write"),
        (Method::DELETE, format!("{sessions}/{session}"), None, "keys:write"),
        (Method::GET, format!("/v1/sites/{site}/waiting"), None, "polls:read"),
        (Method::GET, format!("{poll_path}/qr.svg"), None, "polls:read"),
        (Method::GET, places, None, "polls:read"),
        (Method::GET, place.clone(), None, "polls:read"),
        (Method::PUT, place.clone(), Some(json!({})), "polls:write"),
        (Method::DELETE, place, None, "polls:write"),
        (Method::GET, format!("/v1/polls?site={site}"), None, "polls:read"),
        (Method::POST, "/v1/polls".to_owned(), Some(seed_poll(json!({ "site": site }))), "polls:write"),
        (
            Method::PATCH,
            poll_path.clone(),
            Some(json!({ "revision": 1, "question": "؟", "reason": "أقصر" })),
            "polls:write",
        ),
        (Method::POST, format!("{poll_path}/publish"), None, "polls:write"),
        (Method::POST, format!("{poll_path}/open"), None, "polls:write"),
        (Method::POST, format!("{poll_path}/close"), None, "polls:write"),
        (Method::POST, format!("{poll_path}/resolve"), Some(json!({ "option": "yes" })), "polls:write"),
        (Method::GET, format!("{poll_path}/answers"), None, "results:read"),
        (Method::GET, format!("{poll_path}/answers.csv"), None, "results:read"),
        (Method::POST, format!("{poll_path}/answers/{answer}"), Some(json!({ "state": "shown" })), "polls:write"),
        (Method::POST, format!("{poll_path}/snapshots"), None, "polls:write"),
        (Method::GET, format!("{poll_path}/integrity"), None, "polls:moderate"),
        (
            Method::POST,
            format!("{poll_path}/integrity/labels/{}", if site == "{site}" { "{label}" } else { "no-mark" }),
            Some(json!({ "decision": "held", "reason": "؟" })),
            "polls:moderate",
        ),
        (Method::POST, format!("{poll_path}/integrity/incidents"), Some(json!({ "reason": "؟" })), "polls:moderate"),
        (
            Method::POST,
            format!(
                "{poll_path}/integrity/incidents/{}/close",
                if site == "{site}" { "{label}" } else { "incident-8" }
            ),
            Some(json!({ "reason": "؟" })),
            "polls:moderate",
        ),
        (Method::DELETE, poll_path, None, "polls:write"),
        (Method::POST, "/v1/keys".to_owned(), Some(key), "keys:write"),
        (Method::GET, format!("/v1/keys?site={site}"), None, "keys:write"),
        (Method::DELETE, format!("/v1/keys/{key_id}"), None, "keys:write"),
        (Method::GET, "/v1/sites".to_owned(), None, "admin"),
        (Method::DELETE, format!("/v1/sites/{site}"), None, "admin"),
        (Method::GET, format!("/v1/sites/{site}"), None, "any"),
        (Method::GET, format!("/v1/sites/{site}/events"), None, "polls:read"),
        (Method::PUT, format!("/v1/sites/{site}"), Some(json!({ "origins": [] })), "sites:write"),
        (Method::GET, format!("/v1/sites/{site}/announced"), None, "polls:read"),
        (Method::PUT, article_path.clone(), Some(announcement()), "polls:write"),
        (Method::GET, article_path.clone(), None, "polls:read"),
        (Method::DELETE, article_path, None, "polls:write"),
    ]
}

fn announcement() -> Value {
    json!({ "title": "خبر", "url": "https://news.example/1", "published_at": "2026-11-29T06:00:00Z" })
}

async fn ask(client: &Client, method: &Method, path: &str, body: Option<&Value>) -> Answer {
    let request = client.request(method.clone(), path);
    match body {
        Some(body) => request.json(body).send().await,
        None => request.send().await,
    }
}

/// Admin routes without a check: CVE-2020-11673, CVE-2013-1401.
async fn nothing_of_a_publishers_is_done_without_a_key(service: &Service) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site })).await;
    let routes = guarded(&site, &poll, ANSWER, "0123456789ab", "1", WEBHOOK);
    // What everyone may ask is refused with a key that is none, too: its holder believes to be somebody.
    let hidden = service.poll(json!({ "site": site, "results": "never" })).await;
    let draft = service.poll(json!({ "site": site, "state": "draft" })).await;
    let paths = [
        format!("/v1/polls/{draft}"),
        format!("/v1/polls/{hidden}/results"),
        format!("/v1/polls/{hidden}/results.csv"),
        format!("/v1/polls/{hidden}/results/runoff"),
        format!("/v1/polls/{hidden}/timeline"),
        format!("/v1/polls/{hidden}/timeline.csv"),
        format!("/v1/polls/{hidden}/live"),
        format!("/v1/live?polls={poll},{hidden}"),
        format!("/v1/results?polls={poll},{hidden}"),
    ];
    for path in paths {
        let unknown = service.client().with_key("not a key at all");
        unknown.get(&path).send().await.refused(401, "key-required");
    }
    let wrong = [
        service.client(),
        service.client().with_key("not a key at all"),
        service.client().with_key("sawt_0123456789ab_0123456789abcdef0123456789abcdef01234567"),
        service.client().with_voter(&service.client().mint().await),
    ];
    for (method, path, body, _) in routes {
        for client in &wrong {
            ask(client, &method, &path, body.as_ref()).await.refused(401, "key-required");
        }
    }
}

/// A route that is added must be put in one of the two lists, or this fails.
async fn every_route_is_open_or_guarded(_service: &Service) {
    const OPEN: &[&str] = &[
        "GET /v1/sites/{site}/articles/{article}/{template}",
        "GET /v1/sites/{site}/articles",
        "POST /v1/sites/{site}/articles/{article}/{template}/votes",
        "POST /v1/sites/{site}/articles/{article}/{template}/votes/mine",
        "POST /v1/sites/{site}/articles/{article}/{template}/votes/withdraw",
        "POST /v1/sites/{site}/articles/{article}/{template}/challenge",
        "GET /v1/sites/{site}/articles/{article}/{template}/results",
        "GET /v1/sites/{site}/articles/{article}/{template}/results.csv",
        "GET /v1/sites/{site}/articles/{article}/{template}/results/runoff",
        "GET /v1/sites/{site}/articles/{article}/{template}/timeline",
        "GET /v1/sites/{site}/articles/{article}/{template}/timeline.csv",
        "GET /v1/sites/{site}/articles/{article}/{template}/live",
        "POST /v1/voters",
        "POST /v1/polls/{poll}/votes",
        "POST /v1/polls/{poll}/votes/mine",
        "POST /v1/polls/{poll}/votes/withdraw",
        "POST /v1/polls/{poll}/challenge",
        "GET /v1/polls/{poll}/votes/me",
        "DELETE /v1/polls/{poll}/votes/me",
        "GET /v1/polls/{poll}",
        "GET /v1/polls/{poll}/results",
        "GET /v1/polls/{poll}/snapshots",
        "GET /v1/polls/{poll}/snapshots/{snapshot}",
        "GET /v1/polls/{poll}/snapshots/{snapshot}/proof",
        "GET /v1/polls/{poll}/snapshots/{snapshot}/card.png",
        "GET /v1/sites/{site}/log",
        "GET /v1/sites/{site}/log/{log}/checkpoint",
        "GET /v1/sites/{site}/log/{log}/tile/{level}/{tile}",
        "GET /v1/sites/{site}/log/{log}/openings/{bundle}",
        "GET /v1/polls/{poll}/results.csv",
        "GET /v1/polls/{poll}/results/runoff",
        "GET /v1/polls/{poll}/timeline",
        "GET /v1/polls/{poll}/timeline.csv",
        "GET /v1/results",
        "POST /v1/results",
        "POST /v1/views",
        "GET /v1/sites/{site}/trending",
        "GET /v1/sites/{site}/places/{place}/now",
        "GET /v1/polls/{poll}/live",
        "GET /v1/live",
        "POST /v1/live",
        "GET /oembed",
        "GET /polls/{poll}/card.png",
        "GET /embed.js",
        "GET /embed/view.js",
        "GET /embed/most-read.js",
        "GET /embed/article.js",
        "GET /embed/sites/{site}/articles/{article}/{template}",
        "GET /embed/sites/{site}/articles/{article}/{template}/form",
        "POST /embed/sites/{site}/articles/{article}/{template}/form",
        "GET /embed/sites/{site}/places/{place}",
        "GET /embed/manifest.json",
        "GET /embed/assets/{file}",
        "GET /embed/{poll}",
        "GET /embed/{poll}/snapshots/{snapshot}",
        "GET /embed/{poll}/form",
        "POST /embed/{poll}/form",
        "GET /livez",
        "GET /readyz",
        "GET /openapi.yaml",
        "GET /openapi.json",
        "GET /docs",
        "GET /docs/{file}",
        "GET /",
    ];
    let guarded = guarded("{site}", "{poll}", "{answer}", "{key}", "{article}", ("{webhook}", "{event}", "{session}"))
        .into_iter()
        .map(|(method, path, _, _)| {
            let path = path.split('?').next().unwrap_or_default().to_owned();
            format!("{method} {path}")
        });
    let said: BTreeSet<String> = guarded.chain(OPEN.iter().map(|open| (*open).to_owned())).collect();
    let served = sawt::http::served().into_iter().flat_map(|(path, methods)| {
        methods.into_iter().filter(|method| *method != "HEAD").map(move |method| format!("{method} {path}"))
    });
    assert_eq!(said, served.collect());
}

async fn each_scope_grants_what_it_says_and_no_more(service: &Service) {
    let site = service.site().await;
    for scope in SCOPES {
        service.article_poll(&site).await;
        service.place(&site).await;
        let (hook, event) = service.delivery(&site).await;
        let poll = service.poll(json!({ "site": site, "open_answer": true })).await;
        let said = json!({ "choices": ["other"], "open_answer": "لا أدري" });
        let voter = service.client().new_voter().await;
        voter.post(&format!("/v1/polls/{poll}/votes")).json(&said).send().await.is(201);
        let answers = service.admin().get(&format!("/v1/polls/{poll}/answers")).send().await.is(200);
        let answer = text(&answers["items"][0]["id"]);
        // A key can't make one that may do more than itself, so `keys:write` alone makes only its like.
        let (_, key) = service.key(&site, &[scope]).await;
        let client = service.client().with_key(&key);
        let (victim, text_of_victim) = service.key(&site, &["polls:read"]).await;
        let session = session_of(service, &site, (&victim, &text_of_victim)).await;
        let announced = service.admin().put(&format!("/v1/sites/{site}/articles/1")).json(&announcement()).send().await;
        assert!(announced.status < 300, "{announced}");
        for (method, path, body, needed) in guarded(&site, &poll, &answer, &victim, "1", (&hook, &event, &session)) {
            let body = match (needed, body) {
                ("keys:write", Some(_)) if path == "/v1/keys" => {
                    Some(json!({ "site": site, "scopes": [scope], "name": "x" }))
                }
                (_, body) => body,
            };
            let answer = ask(&client, &method, &path, body.as_ref()).await;
            if needed == scope || needed == "any" {
                assert!(answer.status < 300, "{scope} grants {method} {path}: {answer}");
            } else {
                answer.refused(403, "scope-missing");
            }
        }
    }
}

/// The id of a session that is begun in the newsroom with a key.
async fn session_of(service: &Service, site: &str, (id, key): (&str, &str)) -> String {
    Browser::signed_in(service.client(), key).await;
    let sessions = service.admin().get(&format!("/v1/sites/{site}/sessions")).send().await.is(200);
    let sessions = sessions["items"].as_array().expect("sessions");
    let session = sessions.iter().find(|session| session["holder"]["key"] == id);
    text(&session.expect("it is listed")["id"])
}

/// Another tenant's poll: CVE-2025-24577.
async fn a_key_of_one_site_reaches_nothing_of_another(service: &Service) {
    let (mine, theirs) = (service.site().await, service.site().await);
    let poll = service.poll(json!({ "site": theirs, "results": "never" })).await;
    let draft = service.poll(json!({ "site": theirs, "state": "draft" })).await;
    let (their_key, _) = service.key(&theirs, &["polls:read"]).await;
    let (_, weak) = service.key(&theirs, &["polls:read"]).await;
    let revoked = service.client().with_key(&weak).delete(&format!("/v1/keys/{their_key}")).send().await;
    revoked.refused(403, "scope-missing");
    let (_, key) = service.key(&mine, &SCOPES).await;
    let client = service.client().with_key(&key);
    for (method, path, body, _) in guarded(&theirs, &poll, ANSWER, &their_key, "1", WEBHOOK) {
        let answer = ask(&client, &method, &path, body.as_ref()).await;
        assert!(matches!(answer.status, 403 | 404), "{answer}");
    }
    let keys = service.admin().get(&format!("/v1/keys?site={theirs}")).send().await.is(200);
    assert_eq!(keys["items"].as_array().map(Vec::len), Some(2), "no key of theirs was made or revoked");
    // What everyone may ask is answered as if there were no key.
    client.get(&format!("/v1/polls/{draft}")).send().await.refused(404, "not-found");
    for rest in ["results", "results.csv", "results/runoff", "timeline", "timeline.csv"] {
        client.get(&format!("/v1/polls/{draft}/{rest}")).send().await.refused(404, "not-found");
        client.get(&format!("/v1/polls/{poll}/{rest}")).send().await.refused(403, "results-hidden");
    }
    let several = client.get(&format!("/v1/results?polls={poll},{draft}")).send().await.is(200)["results"].clone();
    assert_eq!((&several[0]["code"], &several[1]["code"]), (&json!("results-hidden"), &json!("not-found")));
    client.get(&format!("/v1/polls/{draft}/live")).send().await.refused(404, "not-found");
    client.live(&poll).await.expect("poll").await;
    for page in ["", "/form"] {
        client.get(&format!("/embed/{draft}{page}")).send().await.page(404);
    }
    let tell = client.get(&format!("/oembed?url={PUBLIC_URL}/embed/{draft}")).send().await;
    tell.refused(404, "not-found");
    let polls = service.admin().get(&format!("/v1/polls?site={theirs}")).send().await.is(200);
    assert_eq!(polls["items"].as_array().map(Vec::len), Some(2), "nothing of theirs was made or deleted");
    assert_eq!(service.admin().get(&format!("/v1/polls/{poll}")).send().await.is(200)["revision"], 1);
}

async fn a_key_acts_for_its_own_site_when_none_is_named(service: &Service) {
    let site = service.site().await;
    let (_, key) = service.key(&site, &["polls:read", "polls:write"]).await;
    let client = service.client().with_key(&key);
    let made = client.post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
    assert_eq!(made["site"], json!(site));
    let listed = client.get("/v1/polls").send().await.is(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
}

async fn a_key_can_not_make_one_that_may_do_more(service: &Service) {
    let site = service.site().await;
    let (_, key) = service.key(&site, &["keys:write", "polls:read"]).await;
    let client = service.client().with_key(&key);
    let asked = |scopes: &[&str]| json!({ "site": site, "scopes": scopes, "name": "x" });
    client.post("/v1/keys").json(&asked(&["polls:read"])).send().await.is(201);
    client.post("/v1/keys").json(&asked(&["polls:write"])).send().await.refused(403, "scope-missing");
}

async fn a_list_of_keys_is_asked_for_in_words_it_knows(service: &Service) {
    service.admin().get("/v1/keys?site=nobody-made-this").send().await.refused(404, "not-found");
    for query in ["site=Not+A+Site", "colour=red", "=x", "site=default&site=default"] {
        let path = format!("/v1/keys?{query}");
        service.admin().get(&path).send().await.refused(400, "invalid-request");
    }
}

async fn a_key_needs_a_site_and_scopes_that_exist(service: &Service) {
    let site = service.site().await;
    let post = async |body: Value| service.admin().post("/v1/keys").json(&body).send().await;
    for body in [
        json!({ "site": site }),
        json!({ "site": site, "scopes": ["polls:delete"] }),
        json!({ "site": site, "scopes": "polls:read" }),
        json!({ "site": site, "scopes": [] }),
        json!({ "site": site, "scopes": ["polls:read"], "admin": true }),
        json!({ "site": "Not A Site", "scopes": ["polls:read"] }),
    ] {
        post(body).await.refused(400, "invalid-request");
    }
    post(json!({ "site": "nobody-made-this", "scopes": ["polls:read"] })).await.refused(404, "not-found");
}

service_rules![
    a_key_is_shown_once_and_listed_by_its_prefix,
    a_revoked_key_is_refused_at_once_on_every_replica,
    nothing_of_a_publishers_is_done_without_a_key,
    every_route_is_open_or_guarded,
    each_scope_grants_what_it_says_and_no_more,
    a_key_of_one_site_reaches_nothing_of_another,
    a_key_acts_for_its_own_site_when_none_is_named,
    a_key_can_not_make_one_that_may_do_more,
    a_list_of_keys_is_asked_for_in_words_it_knows,
    a_key_needs_a_site_and_scopes_that_exist,
];
