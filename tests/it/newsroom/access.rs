//! Who gets into the newsroom: at which address, how often a key may be tried, and what is kept of a form that is
//! refused.

use reqwest::Method;

use sawt::site::Role;

use super::{
    Browser, FORM, hidden,
    people::{is_in, person},
};
use crate::{
    backends::{Backend, Program, Storage},
    client::{Client, remember_secret, until},
    server::{ADMIN_KEY, Replica, Settings},
    service::{PUBLIC_URL, Service},
};

crate::registry::lone_rules![
    a_store_that_is_away_keeps_what_was_typed_with_the_token_it_came_with,
    a_spent_quota_keeps_what_was_typed,
    ten_wrong_keys_a_minute_are_tried_and_right_ones_do_not_count,
    neither_a_foreign_page_nor_a_provider_that_is_away_uses_up_the_tries_of_keys,
    whom_a_provider_has_named_is_nobody_where_there_is_none_any_more,
    under_a_path_there_is_no_newsroom_but_at_a_host_of_its_own,
    the_first_start_prints_an_address_that_signs_in_once,
];

async fn ten_wrong_keys_a_minute_are_tried_and_right_ones_do_not_count() {
    let storage = Storage::file();
    let settings = Settings::on(storage.address()).with("SAWT_PUBLIC_URL", PUBLIC_URL);
    let settings = settings.with("SAWT_QUOTA_SIGN_IN", "10/86400s");
    let service = Service::start_with(Backend::Sqlite, storage, &settings);
    for _ in 0..12 {
        Browser::signed_in(service.client(), ADMIN_KEY).await;
    }
    let browser = Browser::new(service.client());
    for _ in 0..10 {
        assert_eq!(browser.post("/newsroom/sign-in", &[("key", "wrong")]).await.status, 403);
    }
    for key in ["wrong", ADMIN_KEY] {
        let refused = browser.post("/newsroom/sign-in", &[("key", key), ("kept", "question=%D8%9F")]).await;
        assert!(refused.header("retry-after").is_some(), "{refused}");
        // Whoever was to send a form again can still do so in a minute.
        let page = refused.page(429);
        assert_eq!((hidden(&page, "kept"), page.contains("Too many tries")), ("question=%D8%9F".to_owned(), true));
    }
}

async fn neither_a_foreign_page_nor_a_provider_that_is_away_uses_up_the_tries_of_keys() {
    let storage = Storage::file();
    let settings = Settings::on(storage.address()).with("SAWT_PUBLIC_URL", PUBLIC_URL);
    let settings = settings.with("SAWT_QUOTA_SIGN_IN", "2/86400s").with("SAWT_OIDC_CLIENT_ID", "sawt");
    // Nobody listens there.
    let settings = settings.with("SAWT_OIDC_ISSUER", "http://127.0.0.1:1");
    let settings = settings.with("SAWT_OIDC_ROLES", "editors=editor@default");
    let service = Service::start_with(Backend::Sqlite, storage, &settings);
    let browser = Browser::new(service.client());
    for _ in 0..3 {
        // As an image in any page asks for it.
        assert_eq!(browser.get("/newsroom/oidc/callback?code=x&state=y").await.status, 403);
        assert_eq!(browser.get("/newsroom/oidc/start").await.status, 503);
    }
    assert_eq!(browser.post("/newsroom/sign-in", &[("key", ADMIN_KEY)]).await.status, 303);
}

async fn a_store_that_is_away_keeps_what_was_typed_with_the_token_it_came_with() {
    let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[]));
    let browser = Browser::signed_in(service.client(), ADMIN_KEY).await;
    let token = browser.form_token().await;
    let path = "/newsroom/sites/default/polls/new";
    let fields = [("form_token", &*token), ("question", "سؤال؟"), ("label", "نعم\r\nلا"), ("do", "draft")];
    service.storage().server().freeze();
    let page = browser.post(path, &fields).await.page(503);
    service.storage().server().thaw();
    assert!(page.contains("name=\"question\" hidden>\nسؤال؟</textarea>"), "{page}");
    assert_eq!(hidden(&page, "form_token"), token);
    until(async || (browser.post(path, &fields).await.status == 303).then_some(())).await;
}

async fn a_spent_quota_keeps_what_was_typed() {
    let storage = Storage::file();
    let settings = Settings::on(storage.address()).with("SAWT_PUBLIC_URL", PUBLIC_URL);
    let service = Service::start_with(Backend::Sqlite, storage, &settings.with("SAWT_QUOTA_ADMIN", "8/86400s"));
    let browser = Browser::signed_in(service.client(), ADMIN_KEY).await;
    let token = browser.form_token().await;
    let path = "/newsroom/sites/default/polls/new";
    let fields = [("form_token", &*token), ("question", "سؤال؟"), ("label", "نعم\r\nلا"), ("do", "more")];
    let refused = loop {
        let answer = browser.post(path, &fields).await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert!(refused.header("retry-after").is_some(), "{refused}");
    let page = refused.page(429);
    assert!(page.contains("name=\"question\" hidden>\nسؤال؟</textarea>"), "{page}");
    assert_eq!(hidden(&page, "form_token"), token);
}

async fn whom_a_provider_has_named_is_nobody_where_there_is_none_any_more() {
    let storage = Storage::file();
    let settings = Settings::on(storage.address()).with("SAWT_PUBLIC_URL", PUBLIC_URL);
    let service = Service::start_with(Backend::Sqlite, storage, &settings);
    let held = person(&service, "هدى", &[(Role::Admin, None)]).await;
    assert!(!is_in(&service.client(), "default", &held).await);
    let listed = service.admin().get("/v1/sites/default/sessions").send().await.is(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(0), "{listed}");
}

async fn under_a_path_there_is_no_newsroom_but_at_a_host_of_its_own() {
    let start = |newsroom: Option<&str>| {
        let storage = Storage::file();
        let settings = Settings::on(storage.address()).with("SAWT_PUBLIC_URL", "https://news.example/polls");
        let settings = newsroom.into_iter().fold(settings, |settings, url| settings.with("SAWT_NEWSROOM_URL", url));
        Service::start_with(Backend::Sqlite, storage, &settings)
    };
    let ask = async |service: &Service, host: &str| {
        let request = service.client().get("/newsroom/sign-in").undocumented();
        request.header("host", host).send().await.status
    };
    assert_eq!(ask(&start(None), "news.example").await, 404);
    let apart = start(Some("https://desk.example"));
    assert_eq!([ask(&apart, "news.example").await, ask(&apart, "desk.example").await], [404, 200]);
}

async fn the_first_start_prints_an_address_that_signs_in_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("first.db").display());
    let replica = Replica::start(&Settings::bare().with("SAWT_STORE", &store));
    let printed = replica.printed(|line| line.starts_with("Open the newsroom: "));
    let link = printed.split("sign-in?link=").nth(1).unwrap().trim().to_owned();
    remember_secret(&link);
    let client = Client::new(replica.address());
    let host = format!("http://{}", replica.address());
    // Looking at it does nothing: programs that look at links do so too.
    for _ in 0..2 {
        let page = client.get(&format!("/newsroom/sign-in?link={link}")).undocumented().send().await.page(200);
        assert!(page.contains(&link));
    }
    for status in [303, 403] {
        let request = client.request(Method::POST, "/newsroom/sign-in").undocumented();
        let request = request.body(FORM, format!("link={link}")).header("origin", &host);
        assert_eq!(request.send().await.status, status);
    }
}
