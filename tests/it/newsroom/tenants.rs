//! Who may see and do what: an editor of one site nothing of another, and nobody more than their scopes; and no other
//! page may act for them. Each rule goes through every route there is.

use std::collections::BTreeSet;

use serde_json::json;

use super::Browser;
use crate::{
    client::{Answer, remember_secret},
    registry::service_rules,
    service::{Service, text},
};

/// Every page and form of a site: method, path within it, and the scope that it needs.
const OF_SITE: &[(&str, &str, &str)] = &[
    ("GET", "/polls", "polls:read"),
    ("GET", "/polls/new", "polls:write"),
    ("POST", "/polls/new", "polls:write"),
    ("GET", "/polls/{poll}/edit", "polls:write"),
    ("POST", "/polls/{poll}/edit", "polls:write"),
    ("GET", "/preview", "any"),
    ("POST", "/preview", "polls:read"),
    ("GET", "/waiting", "polls:read"),
    ("GET", "/templates", "polls:read"),
    ("GET", "/new-template", "polls:write"),
    ("POST", "/new-template", "polls:write"),
    ("GET", "/templates/{template}", "polls:write"),
    ("POST", "/templates/{template}", "polls:write"),
    ("GET", "/templates/{template}/delete", "polls:write"),
    ("POST", "/templates/{template}/delete", "polls:write"),
    ("GET", "/log", "polls:read"),
    ("GET", "/places", "polls:read"),
    ("POST", "/places", "polls:write"),
    ("GET", "/places/{place}", "polls:read"),
    ("POST", "/places/{place}", "polls:write"),
    ("POST", "/places/{place}/delete", "polls:write"),
    ("GET", "/polls/{poll}", "polls:read"),
    ("GET", "/polls/{poll}/live", "polls:read"),
    ("GET", "/polls/{poll}/qr.svg", "polls:read"),
    ("GET", "/polls/{poll}/results.csv", "results:read"),
    ("GET", "/polls/{poll}/timeline.csv", "results:read"),
    ("GET", "/polls/{poll}/answers.csv", "results:read"),
    ("POST", "/polls/{poll}/open", "polls:write"),
    ("POST", "/polls/{poll}/publish", "polls:write"),
    ("GET", "/polls/{poll}/close", "polls:write"),
    ("POST", "/polls/{poll}/close", "polls:write"),
    ("GET", "/polls/{poll}/delete", "polls:write"),
    ("POST", "/polls/{poll}/delete", "polls:write"),
    ("POST", "/polls/{poll}/resolve", "polls:write"),
    ("POST", "/polls/{poll}/answers/{answer}", "polls:write"),
    ("POST", "/polls/{poll}/labels/{label}", "polls:moderate"),
    ("POST", "/polls/{poll}/incidents", "polls:moderate"),
    ("POST", "/polls/{poll}/incidents/{label}/close", "polls:moderate"),
    ("GET", "/keys", "keys:write"),
    ("POST", "/keys", "keys:write"),
    ("GET", "/keys/{key}/revoke", "keys:write"),
    ("POST", "/keys/{key}/revoke", "keys:write"),
    ("GET", "/people", "keys:write"),
    ("POST", "/people/{session}/end", "keys:write"),
    ("GET", "/webhooks", "keys:write"),
    ("POST", "/webhooks", "keys:write"),
    ("GET", "/webhooks/{webhook}", "keys:write"),
    ("POST", "/webhooks/{webhook}", "keys:write"),
    ("POST", "/webhooks/{webhook}/state", "keys:write"),
    ("POST", "/webhooks/{webhook}/secret", "keys:write"),
    ("POST", "/webhooks/{webhook}/deliveries/{event}/replay", "keys:write"),
    ("GET", "/webhooks/{webhook}/delete", "keys:write"),
    ("POST", "/webhooks/{webhook}/delete", "keys:write"),
    ("GET", "/settings", "sites:write"),
    ("POST", "/settings", "sites:write"),
];

/// What only the operator may see and do.
const OF_OPERATOR: &[(&str, &str)] = &[
    ("GET", "/newsroom/sites"),
    ("POST", "/newsroom/sites"),
    ("GET", "/newsroom/sites/{site}/delete"),
    ("POST", "/newsroom/sites/{site}/delete"),
];

/// What has no site, or only leads on.
const OTHERS: &[&str] = &[
    "GET /newsroom",
    "GET /newsroom/sign-in",
    "POST /newsroom/sign-in",
    "POST /newsroom/sign-out",
    "GET /newsroom/oidc/start",
    "GET /newsroom/oidc/callback",
    "POST /newsroom/language",
    "GET /newsroom/assets/{file}",
    "GET /newsroom/sites/{site}",
];

const ALL_SCOPES: [&str; 6] =
    ["polls:read", "polls:write", "polls:moderate", "results:read", "keys:write", "sites:write"];

/// A route that is added must be put in one of these lists, or this fails.
async fn every_page_of_the_newsroom_is_held_to_its_scope(_service: &Service) {
    let of_site = OF_SITE.iter().map(|(method, path, _)| format!("{method} /newsroom/sites/{{site}}{path}"));
    let of_operator = OF_OPERATOR.iter().map(|(method, path)| format!("{method} {path}"));
    let others = OTHERS.iter().map(|other| (*other).to_owned());
    let said: BTreeSet<String> = of_site.chain(of_operator).chain(others).collect();
    let served = sawt::http::served_to_editors().into_iter().flat_map(|(path, methods)| {
        methods.into_iter().filter(|method| *method != "HEAD").map(move |method| format!("{method} {path}"))
    });
    assert_eq!(said, served.collect());
}

/// A site with one of what its pages are about.
struct Furnished {
    site: String,
    poll: String,
    key: String,
    webhook: String,
}

impl Furnished {
    async fn site(service: &Service, site: &str) -> Self {
        let poll = service.poll(json!({ "site": site })).await;
        let (key, _) = service.key(site, &["polls:read"]).await;
        let hook = json!({ "url": "https://hooks.example/sawt", "enabled": false });
        let made = service.admin().post(&format!("/v1/sites/{site}/webhooks")).json(&hook).send().await.is(201);
        remember_secret(&text(&made["secret"]));
        let place = format!("/v1/sites/{site}/places/side");
        service.admin().put(&place).json(&json!({ "name": "الجانب", "fallback": poll })).send().await;
        Self { site: site.to_owned(), poll, key, webhook: text(&made["id"]) }
    }

    /// The path of a page, which lies within a site, or anywhere in the newsroom if it says so.
    fn path(&self, page: &str) -> String {
        let page =
            if page.starts_with("/newsroom") { page.to_owned() } else { format!("/newsroom/sites/{{site}}{page}") };
        let things =
            [("{site}", &*self.site), ("{poll}", &self.poll), ("{key}", &self.key), ("{webhook}", &self.webhook)];
        let others = [
            ("{answer}", "0123456789abcdef"),
            ("{place}", "side"),
            ("{template}", "stars"),
            ("{label}", "no-mark"),
            ("{event}", "1795899306264000"),
            ("{session}", "0123456789abcdef01234567"),
        ];
        things.iter().chain(&others).fold(page, |page, (name, id)| page.replace(name, id))
    }
}

/// Opens a page, or sends an empty form with this token.
async fn ask(editor: &Browser, token: &str, method: &str, path: &str) -> Answer {
    if method == "GET" { editor.get(path).await } else { editor.post(path, &[("form_token", token)]).await }
}

async fn an_editor_sees_and_does_nothing_at_another_site(service: &Service) {
    let (mine, theirs) = (service.site().await, service.site().await);
    let editor = Browser::with_scopes(service, &mine, &ALL_SCOPES).await;
    let token = editor.form_token().await;
    let there = Furnished::site(service, &theirs).await;
    // As if there were no such site: the answers differ in nothing but the address that was asked for.
    let nowhere = Furnished { site: "nobody-made-this".to_owned(), ..Furnished::site(service, &mine).await };
    for (method, page, _) in OF_SITE {
        let refused = ask(&editor, &token, method, &there.path(page)).await.page(404);
        let absent = ask(&editor, &token, method, &nowhere.path(page)).await.page(404);
        assert_eq!(refused, absent, "{method} {page}");
    }
    let keys = service.admin().get(&format!("/v1/keys?site={theirs}")).send().await.is(200);
    assert_eq!(keys["items"].as_array().map(Vec::len), Some(1), "none was made or revoked");
    let poll = service.admin().get(&format!("/v1/polls/{}", there.poll)).send().await.is(200);
    assert_eq!((&poll["revision"], &poll["state"]), (&json!(1), &json!("open")), "it was neither edited nor closed");
}

async fn a_scope_opens_its_own_pages_and_no_others(service: &Service) {
    let site = service.site().await;
    for scope in ALL_SCOPES {
        // With another, so that there is a page to come to.
        let editor = Browser::with_scopes(service, &site, &[scope, "polls:read"]).await;
        let token = editor.form_token().await;
        let there = Furnished::site(service, &site).await;
        for (method, page, needed) in OF_SITE {
            let is_allowed = [scope, "polls:read", "any"].contains(needed);
            // A stream that is granted does not end.
            if is_allowed && page.ends_with("/live") {
                continue;
            }
            let at = there.path(page);
            let answer = ask(&editor, &token, method, &at).await;
            assert_eq!(answer.status != 403, is_allowed, "{scope}: {method} {page}: {answer}");
        }
    }
}

/// What answers 403 is not offered: no page leads to what its reader may not see, nor has a form that they may not
/// send.
async fn no_page_offers_what_its_reader_may_not_do(service: &Service) {
    let site = service.site().await;
    for scope in ALL_SCOPES {
        let editor = Browser::with_scopes(service, &site, &[scope, "polls:read"]).await;
        let there = Furnished::site(service, &site).await;
        let mut pages = 0;
        for (_, page, needed) in OF_SITE.iter().filter(|(method, ..)| *method == "GET") {
            if ![scope, "polls:read", "any"].contains(needed) || page.ends_with("/live") {
                continue;
            }
            let answer = editor.get(&there.path(page)).await;
            if answer.status != 200 || !answer.header("content-type").is_some_and(|of| of.starts_with("text/html")) {
                continue;
            }
            pages += 1;
            for (method, at) in offered(&answer.page(200)) {
                let Some(rest) = at.strip_prefix(&there.path("")).filter(|rest| !rest.is_empty()) else { continue };
                let of = OF_SITE.iter().filter(|(of, pattern, _)| *of == method && is_at(pattern, rest));
                // Where a name and a placeholder are both meant, the name is.
                let Some((.., needed)) = of.min_by_key(|(_, pattern, _)| pattern.matches('{').count()) else {
                    panic!("{page} offers {method} {at}, which is not there");
                };
                assert!([scope, "polls:read", "any"].contains(needed), "{scope}: {page} offers {method} {at}");
            }
        }
        assert!(pages >= 6, "{scope}: {pages} pages were looked at");
    }
}

/// Where a page leads, and where its forms are sent: methods and paths.
fn offered(page: &str) -> Vec<(&'static str, String)> {
    let mut offered = Vec::new();
    let mut method = "GET";
    for tag in page.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        if tag.starts_with("form ") {
            method = if tag.contains("method=\"post\"") { "POST" } else { "GET" };
        }
        for (attribute, method) in [(" href=\"", "GET"), (" action=\"", method), (" formaction=\"", method)] {
            let Some((_, value)) = tag.split_once(attribute) else { continue };
            let path = value.split(['"', '?', '#']).next().unwrap_or_default();
            offered.push((method, path.to_owned()));
        }
    }
    offered
}

/// Whether a path is one of a pattern's.
fn is_at(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern.iter().zip(path).all(|(pattern, part)| pattern.starts_with('{') || *pattern == part)
}

async fn only_the_operator_makes_and_deletes_sites(service: &Service) {
    let site = service.site().await;
    let editor = Browser::with_scopes(service, &site, &ALL_SCOPES).await;
    let home = editor.get(&format!("/newsroom/sites/{site}/polls")).await.page(200);
    assert!(!home.contains("href=\"/newsroom/sites\""), "{home}");
    let token = editor.form_token().await;
    for (method, path) in OF_OPERATOR {
        let refused = ask(&editor, &token, method, &path.replace("{site}", &site)).await.page(403);
        assert!(refused.contains("لا يُسمح لك بهذا"), "{method} {path}: {refused}");
    }
    service.admin().get(&format!("/v1/sites/{site}")).send().await.is(200);
}

async fn no_form_is_taken_from_another_page_or_without_the_sessions_token(service: &Service) {
    let site = service.site().await;
    let (editor, other) = (Browser::of_operator(service).await, Browser::of_operator(service).await);
    let (token, others) = (editor.form_token().await, other.form_token().await);
    let there = Furnished::site(service, &site).await;
    let of_site = OF_SITE.iter().map(|(method, page, _)| (*method, *page));
    let forms = of_site.chain(OF_OPERATOR.iter().copied()).filter(|(method, _)| *method == "POST");
    for (_, page) in forms {
        let at = there.path(page);
        for (fetch_site, token) in [
            ("cross-site", Some(&*token)),
            ("same-site", Some(&*token)),
            ("same-origin", Some(&*others)),
            ("same-origin", None),
        ] {
            let refused = editor.post_from(fetch_site, &at, token).await.page(403);
            assert!(refused.contains("تعذّر قبول هذا النموذج"), "{at} {fetch_site}: {refused}");
        }
    }
}

service_rules![on crate::backends::Backend::EACH_SORT;
    every_page_of_the_newsroom_is_held_to_its_scope,
    an_editor_sees_and_does_nothing_at_another_site,
    a_scope_opens_its_own_pages_and_no_others,
    no_page_offers_what_its_reader_may_not_do,
    only_the_operator_makes_and_deletes_sites,
    no_form_is_taken_from_another_page_or_without_the_sessions_token,
];
