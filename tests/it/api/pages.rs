//! What browsers are told about pages of other origins (CORS), and what comes of a vote from one.

use reqwest::Method;
use serde_json::json;

use crate::{
    client::{Answer, Client, remember_secret},
    registry::service_rules,
    service::{PUBLIC_URL, Service},
};

const LISTED: &str = "https://news.example";
const STRANGE: &str = "https://evil.example";

/// What an answer says about pages.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    origin: Option<String>,
    with_cookies: bool,
    varies: bool,
}

impl Told {
    fn by(answer: &Answer) -> Self {
        let credentials = answer.header("access-control-allow-credentials");
        assert!(matches!(credentials.as_deref(), None | Some("true")), "{answer}");
        let origin = answer.header("access-control-allow-origin");
        if answer.status != 204 && origin.is_some() {
            let exposed = answer.header("access-control-expose-headers").unwrap_or_default();
            for name in ["x-request-id", "retry-after", "ratelimit", "ratelimit-policy", "etag"] {
                assert!(exposed.split(", ").any(|header| header == name), "{name} can't be read: {answer}");
            }
        }
        let varies = answer.header("vary").is_some_and(|vary| vary.split(", ").any(|name| name == "Origin"));
        Self { origin, with_cookies: credentials.is_some(), varies }
    }

    /// Any page may read it, and without cookies: the same is said to everybody.
    fn anybody() -> Self {
        Self { origin: Some("*".to_owned()), with_cookies: false, varies: false }
    }

    /// What was asked for by a page of this origin.
    fn varying(origin: Option<&str>, with_cookies: bool) -> Self {
        Self { origin: origin.map(str::to_owned), with_cookies, varies: true }
    }
}

/// A browser's question, before a page of this origin may send a request.
async fn preflight(client: &Client, path: &str, method: &str, origin: &str) -> Answer {
    let asked = client.request(Method::OPTIONS, path).undocumented().header("origin", origin);
    let asked = asked.header("access-control-request-method", method);
    asked.header("access-control-request-headers", "authorization,content-type").send().await
}

async fn any_page_may_read_what_everyone_may_see(service: &Service) {
    let poll = service.poll(json!({})).await;
    let hidden = service.poll(json!({ "results": "never" })).await;
    let client = service.client();
    for (path, status) in [
        (format!("/v1/polls/{poll}"), 200),
        (format!("/v1/polls/{poll}/results"), 200),
        (format!("/v1/results?polls={poll},{hidden}"), 200),
        (format!("/v1/polls/{hidden}/results"), 403),
        ("/v1/polls/01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21".to_owned(), 404),
        ("/v1/results?polls=x".to_owned(), 400),
        (format!("/oembed?url={PUBLIC_URL}/embed/{poll}"), 200),
        ("/oembed?url=https://evil.example/".to_owned(), 404),
        (format!("/polls/{poll}/card.png"), 200),
        ("/openapi.yaml".to_owned(), 200),
    ] {
        // A cache may keep what it got without an Origin, and give it to a page.
        for origin in [None, Some(STRANGE), Some("null")] {
            let request = client.get(&path);
            let request = match origin {
                Some(origin) => request.header("origin", origin),
                None => request,
            };
            let answer = request.send().await;
            assert_eq!((answer.status, Told::by(&answer)), (status, Told::anybody()), "{answer}");
        }
        let asked = preflight(&client, &path, "GET", STRANGE).await;
        assert_eq!((asked.status, Told::by(&asked)), (204, Told::anybody()), "{asked}");
        let methods = if path.starts_with("/v1/results") { "GET, HEAD, POST" } else { "GET, HEAD" };
        assert_eq!(asked.header("access-control-allow-methods").as_deref(), Some(methods));
    }
}

/// It names no poll whose site could vouch for the page, and it answers a cookie with its token.
async fn a_token_is_given_to_any_page_and_never_for_a_cookie(service: &Service) {
    let client = service.client();
    for origin in [LISTED, STRANGE, "null"] {
        let asked = preflight(&client, "/v1/voters", "POST", origin).await;
        assert_eq!((asked.status, Told::by(&asked)), (204, Told::anybody()), "{asked}");
        let minted = client.post("/v1/voters").header("origin", origin).send().await;
        assert_eq!(Told::by(&minted), Told::anybody(), "{minted}");
        remember_secret(minted.is(201)["voter"].as_str().expect("a token"));
    }
}

async fn a_preflight_says_what_a_page_may_send_and_is_kept_for_two_hours(service: &Service) {
    let poll = service.poll(json!({})).await;
    for (path, methods) in [
        (format!("/v1/polls/{poll}/votes"), "POST"),
        (format!("/v1/polls/{poll}/votes/mine"), "POST"),
        (format!("/v1/polls/{poll}/votes/withdraw"), "POST"),
        (format!("/v1/polls/{poll}/challenge"), "POST"),
        (format!("/v1/polls/{poll}/votes/me"), "GET, HEAD, DELETE"),
        ("/v1/voters".to_owned(), "POST"),
        ("/v1/views".to_owned(), "POST"),
        ("/v1/sites/default/articles/a-1/stars/votes".to_owned(), "POST"),
    ] {
        let asked = preflight(&service.client(), &path, "POST", LISTED).await;
        let told = |name: &str| asked.header(&format!("access-control-{name}")).unwrap_or_default();
        assert_eq!((told("allow-methods").as_str(), told("max-age").as_str()), (methods, "7200"), "{asked}");
        for name in ["authorization", "content-type", "x-request-id"] {
            assert!(told("allow-headers").split(", ").any(|header| header == name), "{name}: {asked}");
        }
    }
}

async fn a_page_votes_with_cookies_only_where_its_origin_is_listed(service: &Service) {
    let (listing, open) = (service.site_for(&[LISTED]).await, service.site().await);
    let listing = service.poll(json!({ "site": listing })).await;
    let open = service.poll(json!({ "site": open })).await;
    let draft = service.poll(json!({ "state": "draft" })).await;
    for (poll, origin, told) in [
        (&listing, LISTED, Told::varying(Some(LISTED), true)),
        (&listing, PUBLIC_URL, Told::varying(Some(PUBLIC_URL), true)),
        (&listing, "null", Told::varying(Some("*"), false)),
        (&listing, STRANGE, Told::varying(None, false)),
        (&listing, "https://news.example.evil.example", Told::varying(None, false)),
        (&listing, "http://news.example", Told::varying(None, false)),
        (&listing, "https://NEWS.example", Told::varying(None, false)),
        (&open, STRANGE, Told::varying(Some("*"), false)),
        (&open, "null", Told::varying(Some("*"), false)),
        // Nothing is told of what readers don't know.
        (&draft, STRANGE, Told::varying(Some("*"), false)),
    ] {
        let path = format!("/v1/polls/{poll}/votes");
        for path in [path.clone(), path + "/me"] {
            let asked = preflight(&service.client(), &path, "POST", origin).await;
            assert_eq!((asked.status, Told::by(&asked)), (204, told_again(&told)), "{origin}: {asked}");
            let is_told = asked.header("access-control-allow-methods").is_some();
            assert_eq!(is_told, told.origin.is_some(), "{asked}");
        }
    }
}

fn told_again(told: &Told) -> Told {
    Told { origin: told.origin.clone(), ..*told }
}

async fn every_answer_to_a_vote_can_be_read_by_the_page_that_may_send_it(service: &Service) {
    let site = service.site_for(&[LISTED]).await;
    let poll = service.poll(json!({ "site": site })).await;
    let path = format!("/v1/polls/{poll}/votes");
    let voter = service.client().new_voter().await;
    for (client, body, status) in [
        (&voter, json!({ "choices": ["yes"] }), 201),
        (&voter, json!({ "choices": ["yes"] }), 200),
        (&voter, json!({ "choices": ["no"] }), 409),
        (&voter, json!({ "choices": ["maybe"] }), 422),
        (&voter, json!({ "choice": "yes" }), 400),
        (&service.client(), json!({ "choices": ["yes"] }), 401),
    ] {
        let answer = client.post(&path).header("origin", LISTED).json(&body).send().await;
        assert_eq!((answer.status, Told::by(&answer)), (status, Told::varying(Some(LISTED), true)), "{answer}");
    }
    let strange = voter.post(&path).header("origin", STRANGE).json(&json!({ "choices": ["yes"] })).send().await;
    assert_eq!(Told::by(&strange), Told::varying(None, false), "{strange}");
    strange.refused(403, "origin-refused");
    let mine = voter.get(&format!("{path}/me")).header("origin", LISTED).send().await;
    assert_eq!(Told::by(&mine), Told::varying(Some(LISTED), true), "{mine}");
    let program = voter.get(&format!("{path}/me")).send().await;
    assert_eq!(Told::by(&program), Told::varying(None, false), "{program}");
}

async fn no_page_of_another_origin_uses_a_publishers_route(service: &Service) {
    let poll = service.poll(json!({})).await;
    for (path, methods) in sawt::http::served() {
        let path = path.replace("{poll}", &poll).replace("{site}", "default").replace("{key}", "0123456789ab");
        let path = path.replace("{template}", "stars").replace("{article}", "a-1").replace("{place}", "side");
        for method in methods.into_iter().filter(|method| *method != "HEAD") {
            let is_readers = path == "/v1/voters"
                || (path.starts_with("/embed") && !path.ends_with("/form"))
                || path == "/v1/results"
                || path == "/v1/views"
                || path.ends_with("/trending")
                || path.starts_with("/v1/sites/default/log")
                || path.ends_with("/now")
                || path.ends_with("/articles")
                || (path.contains("/articles/a-1/") && !path.ends_with("/form"))
                || path == "/v1/live"
                || path == "/oembed"
                || path.ends_with("/card.png")
                || path.starts_with("/openapi.")
                || (path.starts_with("/v1/polls/") && method == "GET")
                || path.contains("/votes")
                || path.ends_with("/challenge");
            if is_readers {
                continue;
            }
            let asked = preflight(&service.client(), &path, method, LISTED).await;
            let told = asked.header("access-control-allow-methods").unwrap_or_default();
            assert!(!told.split(", ").any(|named| named == method), "{method} {path}: {asked}");
            let method: Method = method.parse().expect("a method");
            let answer = service.client().request(method, &path).undocumented().header("origin", LISTED).send().await;
            assert_eq!(answer.header("access-control-allow-origin"), None, "{answer}");
        }
    }
}

/// The cookie comes along whatever page asks; a token only from a page that holds it.
async fn a_cookie_votes_where_its_site_says_whose_pages_may(service: &Service) {
    let (listing, open) = (service.site_for(&[LISTED]).await, service.site().await);
    let (listing, open) = (json!({ "site": listing }), json!({ "site": open }));
    for (site, marks, is_counted) in [
        (&listing, &[("origin", LISTED), ("sec-fetch-site", "cross-site")][..], true),
        (&listing, &[("origin", PUBLIC_URL), ("sec-fetch-site", "same-origin")], true),
        (&listing, &[("origin", STRANGE), ("sec-fetch-site", "cross-site")], false),
        (&listing, &[("origin", "null"), ("sec-fetch-site", "cross-site")], false),
        (&listing, &[("sec-fetch-site", "cross-site")], false),
        (&listing, &[("sec-fetch-site", "same-site")], false),
        (&listing, &[("sec-fetch-site", "same-origin")], true),
        (&listing, &[], true),
        (&open, &[("origin", PUBLIC_URL), ("sec-fetch-site", "same-origin")], true),
        (&open, &[("origin", STRANGE), ("sec-fetch-site", "cross-site")], false),
        (&open, &[("origin", STRANGE)], false),
        (&open, &[("origin", "null")], false),
        (&open, &[("sec-fetch-site", "cross-site")], false),
        (&open, &[], true),
    ] {
        let poll = service.poll(site.clone()).await;
        let token = service.client().mint().await;
        let request = service.client().post(&format!("/v1/polls/{poll}/votes")).json(&json!({ "choices": ["yes"] }));
        let request = request.header("cookie", &format!("__Host-sawt_voter={token}"));
        let request = marks.iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.send().await;
        if is_counted {
            answer.is(201);
        } else {
            answer.refused(403, "origin-refused");
        }
        assert_eq!(service.client().results(&poll).await["ballots"], u64::from(is_counted), "{marks:?}");
    }
}

service_rules![
    any_page_may_read_what_everyone_may_see,
    a_token_is_given_to_any_page_and_never_for_a_cookie,
    a_preflight_says_what_a_page_may_send_and_is_kept_for_two_hours,
    a_page_votes_with_cookies_only_where_its_origin_is_listed,
    every_answer_to_a_vote_can_be_read_by_the_page_that_may_send_it,
    no_page_of_another_origin_uses_a_publishers_route,
    a_cookie_votes_where_its_site_says_whose_pages_may,
];
