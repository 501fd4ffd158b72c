//! Signing in, and out.

use reqwest::Method;
use serde_json::json;

use super::{Browser, FORM, hidden, location};
use crate::{
    server::ADMIN_KEY,
    service::{Service, seed_poll},
};

crate::registry::service_rules![on crate::backends::Backend::EACH_SORT;
    an_editor_signs_in_with_a_key_and_is_so_on_every_replica_until_they_go,
    a_session_ends_with_the_key_it_was_begun_with,
    whoever_is_let_in_without_tls_is_told_why_nobody_is_signed_in,
    a_page_needs_somebody_who_is_signed_in_and_leads_back_to_itself,
    a_form_is_taken_from_a_page_of_this_session_alone,
    an_editor_of_one_site_sees_nothing_of_another,
    a_page_that_refuses_somebody_who_is_signed_in_has_their_ways_on_and_out,
    no_page_may_be_framed_or_kept,
];

async fn an_editor_signs_in_with_a_key_and_is_so_on_every_replica_until_they_go(service: &Service) {
    let browser = Browser::new(service.client());
    let wrong = browser.post("/newsroom/sign-in", &[("key", "sawt_wrong")]).await;
    assert_eq!(wrong.status, 403, "{wrong}");
    assert!(wrong.header("set-cookie").is_none());
    let answer = browser.post("/newsroom/sign-in", &[("key", ADMIN_KEY), ("then", "//evil.example")]).await;
    assert_eq!(location(&answer), "/newsroom");
    let set = answer.header("set-cookie").unwrap();
    let set = set.split(", ").next().unwrap();
    assert!(set.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{set}");
    for client in service.clients() {
        browser.by(client).get("/newsroom/sites/default/polls").await.page(200);
    }
    let held = browser.session().unwrap();
    let gone = browser.submit("/newsroom/sign-out", &[]).await;
    assert_eq!(location(&gone), "/newsroom/sign-in?said=signed-out");
    assert_eq!(browser.session(), None);
    // Who has kept the cookie holds nothing any more.
    for client in service.clients() {
        let kept = client.get("/newsroom/sites/default/polls").undocumented().header("cookie", &held).send().await;
        assert!(location(&kept).starts_with("/newsroom/sign-in"));
    }
}

async fn a_session_ends_with_the_key_it_was_begun_with(service: &Service) {
    let site = service.site().await;
    let (id, key) = service.key(&site, &["polls:read"]).await;
    let browser = Browser::signed_in(service.client(), &key).await;
    let polls = format!("/newsroom/sites/{site}/polls");
    let page = browser.get(&polls).await.page(200);
    assert!(!page.contains("/polls/new"), "who may not make polls is offered to: {page}");
    assert_eq!(browser.get(&format!("{polls}/new")).await.status, 403);
    assert_eq!(browser.submit(&format!("{polls}/new"), &[("do", "draft")]).await.status, 403);
    service.admin().delete(&format!("/v1/keys/{id}")).send().await.is(204);
    assert!(location(&browser.get(&polls).await).starts_with("/newsroom/sign-in"));
}

/// A browser keeps no cookie that is `Secure` from an answer without TLS.
async fn whoever_is_let_in_without_tls_is_told_why_nobody_is_signed_in(service: &Service) {
    let browser = Browser::new(service.client());
    let answer = browser.post("/newsroom/sign-in", &[("key", ADMIN_KEY)]).await;
    let set = answer.header("set-cookie").unwrap();
    let kept = set.split(", ").find(|set| !set.contains("; Secure")).unwrap().split(';').next().unwrap();
    let ask = async |path: &str, cookies: &str| {
        let request = service.client().get(path).undocumented().header("cookie", cookies);
        request.header("accept-language", "en").send().await
    };
    let door = location(&ask("/newsroom", kept).await);
    let said = "over HTTPS only";
    assert!(ask(&door, kept).await.page(200).contains(said));
    let both = format!("{kept}; {}", browser.session().unwrap());
    for (path, cookies) in [(&*door, &*both), (&door, "x=y"), ("/newsroom/sign-in?said=signed-out", kept)] {
        assert!(!ask(path, cookies).await.page(200).contains(said), "{path} {cookies}");
    }
}

async fn a_page_needs_somebody_who_is_signed_in_and_leads_back_to_itself(service: &Service) {
    let browser = Browser::new(service.client());
    let polls = "/newsroom/sites/default/polls?cursor=AZMvbnwae2CNXguPajydIQ";
    let door = location(&browser.get(polls).await);
    assert_eq!(door, "/newsroom/sign-in?then=%2Fnewsroom%2Fsites%2Fdefault%2Fpolls%3Fcursor%3DAZMvbnwae2CNXguPajydIQ");
    let page = browser.get(&door).await.page(200);
    assert!(page.contains(polls), "{page}");
    let answer = browser.post("/newsroom/sign-in", &[("key", ADMIN_KEY), ("then", polls)]).await;
    assert_eq!(location(&answer), polls);
    browser.get(polls).await.page(200);
    assert_eq!(browser.get("/newsroom/nowhere").await.status, 404);
}

async fn a_form_is_taken_from_a_page_of_this_session_alone(service: &Service) {
    let site = service.site().await;
    let [browser, other] = [Browser::of_site(service, &site).await, Browser::of_site(service, &site).await];
    let path = format!("/newsroom/sites/{site}/polls/new");
    let theirs = other.form_token().await;
    for fields in [vec![("do", "draft")], vec![("do", "draft"), ("form_token", &*theirs)]] {
        assert_eq!(browser.post(&path, &fields).await.status, 403);
    }
    let (own, session) = (browser.form_token().await, browser.session().unwrap());
    for (name, value) in [
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
        ("x-no", "origin at all"),
    ] {
        let request = service.client().request(Method::POST, &path).undocumented();
        let request = request.body(FORM, format!("form_token={own}&do=draft")).header("cookie", &session);
        assert_eq!(request.header(name, value).send().await.status, 403, "{name}: {value}");
    }
    let foreign = service.client().request(Method::POST, "/newsroom/sign-in").undocumented();
    let foreign = foreign.body(FORM, format!("key={ADMIN_KEY}")).header("origin", "https://evil.example");
    assert_eq!(foreign.send().await.status, 403, "whose session it is, a foreign page does not decide");
}

async fn an_editor_of_one_site_sees_nothing_of_another(service: &Service) {
    let [own, other] = [service.site().await, service.site().await];
    let browser = Browser::of_site(service, &own).await;
    let poll = seed_poll(json!({ "site": other, "question": "سؤال لا يخصك" }));
    let made = service.admin().post("/v1/polls").json(&poll).send().await.is(201);
    let poll = made["id"].as_str().unwrap();
    for path in [
        format!("/newsroom/sites/{other}/polls"),
        format!("/newsroom/sites/{other}/polls/new"),
        format!("/newsroom/sites/{other}/polls/{poll}/edit"),
        format!("/newsroom/sites/{own}/polls/{poll}/edit"),
        format!("/newsroom/sites/{other}/preview"),
        "/newsroom/sites/nobodys/polls".to_owned(),
    ] {
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, 404, "{path}: {answer}");
    }
    for path in [
        format!("/newsroom/sites/{other}/polls/new"),
        format!("/newsroom/sites/{own}/polls/{poll}/edit"),
        format!("/newsroom/sites/{other}/preview"),
    ] {
        assert_eq!(browser.submit(&path, &[("do", "save"), ("question", "؟")]).await.status, 404, "{path}");
    }
    // To be like another's poll is to see it.
    let page = browser.get(&format!("/newsroom/sites/{own}/polls/new?from={poll}")).await.page(200);
    assert!(!page.contains("لا يخصك"), "{page}");
    let listed = browser.get(&format!("/newsroom/sites/{own}/polls")).await.page(200);
    assert!(!listed.contains("لا يخصك") && !listed.contains(&other), "{listed}");
}

async fn a_page_that_refuses_somebody_who_is_signed_in_has_their_ways_on_and_out(service: &Service) {
    let site = service.site().await;
    for scope in ["polls:write", "results:read", "polls:moderate"] {
        let browser = Browser::with_scopes(service, &site, &[scope]).await;
        let there = location(&browser.get("/newsroom").await);
        let page = browser.get(&there).await.page(403);
        assert!(page.contains("action=\"/newsroom/sign-out\"") && page.contains(&site), "{page}");
        assert!(!page.contains(&format!("{there}\" aria-current")), "what they may not see is offered: {page}");
        let gone = browser.post("/newsroom/sign-out", &[("form_token", &hidden(&page, "form_token"))]).await;
        assert_eq!(location(&gone), "/newsroom/sign-in?said=signed-out");
        assert_eq!(browser.session(), None);
    }
    let browser = Browser::of_site(service, &site).await;
    let polls = format!("/newsroom/sites/{site}/polls");
    let nowhere = format!("{polls}/0198c0de-0000-7000-8000-000000000001");
    let page = browser.get(&nowhere).await.page(404);
    assert!(page.contains(&format!("<a href=\"{polls}\" aria-current=\"false\"")), "{page}");
    assert!(page.contains(&format!("name=\"back\" value=\"/newsroom/sites/{site}\"")), "{page}");
    let page = browser.get("/newsroom/sites/nobodys/polls").await.page(404);
    assert!(page.contains("action=\"/newsroom/sign-out\"") && !page.contains("nobodys"), "{page}");
}

async fn no_page_may_be_framed_or_kept(service: &Service) {
    let browser = Browser::signed_in(service.client(), ADMIN_KEY).await;
    for path in ["/newsroom/sign-in", "/newsroom/sites/default/polls", "/newsroom/sites/default/polls/new"] {
        let answer = browser.get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-store"));
        assert_eq!(answer.header("cross-origin-resource-policy").as_deref(), Some("same-origin"));
    }
}
