//! What every answer carries, whatever the route.

use reqwest::Method;
use serde_json::json;

use crate::{
    client::Answer,
    registry::service_rules,
    service::{PUBLIC_URL, Service, text},
};

/// The routes whose answers are pages, to a refusal, what the policy of each allows, and where it says it comes from.
/// Every other answer has [`NO_PAGE`]. A page with a form says where it comes from, to this service alone.
const PAGES: [(&str, &str, &str); 7] = [
    ("/embed/sites/{site}/articles/{article}/{template}/form", PAGE, "same-origin"),
    ("/embed/sites/{site}/articles/{article}/{template}", PAGE, "same-origin"),
    ("/embed/sites/{site}/places/{place}", PAGE, "same-origin"),
    ("/embed/{poll}", PAGE, "same-origin"),
    ("/embed/{poll}/snapshots/{snapshot}", PAGE, "same-origin"),
    ("/embed/{poll}/form", PAGE, "same-origin"),
    ("/docs", DOCS, "no-referrer"),
];

const PAGE: &str = "default-src 'none'; script-src 'self' 'sha256-HHXfRGPrmu2dVz/bMhnZC0750j1Xjareq8AbKoomeiM='; \
                    style-src 'self'; connect-src 'self'; worker-src blob:; img-src data:; \
                    form-action 'self'; base-uri 'none'; frame-ancestors *";
const DOCS: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; \
                    img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const NO_PAGE: &str = "default-src 'none'; frame-ancestors 'none'";

/// One table for every route, whatever it answers.
async fn every_answer_carries_the_security_headers(service: &Service) {
    const HEADERS: [(&str, &str); 4] = [
        ("x-content-type-options", "nosniff"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("strict-transport-security", "max-age=31536000"),
    ];
    let poll = service.poll(json!({})).await;
    let manifest = service.client().get("/embed/manifest.json").send().await.is(200);
    let file = text(&manifest["files"][0]["path"]);
    let served = sawt::http::served().into_iter();
    let mut asked: Vec<_> = served
        .flat_map(|(route, methods)| {
            let path = route
                .replace("{poll}", &poll)
                .replace("{site}", "default")
                .replace("{key}", "0123456789ab")
                .replace("{article}", "1")
                .replace("{template}", "stars")
                .replace("{place}", "side");
            let path = path.replace("/embed/assets/{file}", &file);
            // A refusal of a HEAD has no body to check.
            methods
                .into_iter()
                .filter(|method| *method != "HEAD")
                .chain(["OPTIONS", "BREW"])
                .map(move |method| (method, route, path.clone()))
        })
        .collect();
    asked.push(("GET", "/oembed", format!("/oembed?url={PUBLIC_URL}/embed/{poll}")));
    asked.push(("GET", "", "/nowhere".to_owned()));
    for (method, route, path) in asked {
        let method: Method = method.parse().unwrap();
        let answer = if method == Method::GET && route.ends_with("/live") {
            // It has no end.
            service.client().get(&path).open().await.into_head()
        } else {
            service.client().request(method, &path).undocumented().send().await
        };
        for (name, value) in HEADERS {
            assert_eq!(answer.header(name).as_deref(), Some(value), "{name}: {answer}");
        }
        let is_page = answer.header("content-type").is_some_and(|media_type| media_type.starts_with("text/html"));
        let page = PAGES.iter().find(|(page, ..)| is_page && *page == route);
        let policy = page.map_or(NO_PAGE, |(_, policy, _)| *policy);
        assert_eq!(answer.header("content-security-policy").as_deref(), Some(policy), "{answer}");
        let referrer = page.filter(|_| answer.status == 200).map_or("no-referrer", |(_, _, referrer)| *referrer);
        assert_eq!(answer.header("referrer-policy").as_deref(), Some(referrer), "{answer}");
        assert_eq!(answer.header("server"), None, "what it runs on is nobody's business: {answer}");
    }
}

async fn a_head_request_is_answered_as_a_get_without_the_body(service: &Service) {
    let poll = service.poll(json!({})).await;
    for path in [
        format!("/v1/polls/{poll}"),
        format!("/v1/polls/{poll}/results"),
        format!("/v1/polls/{poll}/timeline.csv"),
        "/livez".to_owned(),
    ] {
        let get = service.client().get(&path).send().await;
        let head = service.client().request(Method::HEAD, &path).undocumented().send().await;
        assert_eq!((head.status, head.header("etag")), (get.status, get.header("etag")));
        assert!(head.body.is_empty());
    }
}

async fn a_request_keeps_the_id_it_came_with(service: &Service) {
    let id = async |sent: Option<&str>| {
        let request = service.client().get("/livez");
        let request = match sent {
            Some(sent) => request.header("x-request-id", sent),
            None => request,
        };
        let answer: Answer = request.send().await;
        answer.header("x-request-id").expect("every answer has one")
    };
    assert_eq!(id(Some("abc-1.2_3")).await, "abc-1.2_3");
    assert_ne!(id(None).await, id(None).await);
    for odd in ["a b", "a\"b", &"x".repeat(300)] {
        assert_ne!(id(Some(odd)).await, odd, "what can't stand in a log is replaced");
    }
}

service_rules![
    every_answer_carries_the_security_headers,
    a_head_request_is_answered_as_a_get_without_the_body,
    a_request_keeps_the_id_it_came_with,
];
