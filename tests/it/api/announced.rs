//! Articles that publishers announce.

use serde_json::{Value, json};

use crate::{
    registry::service_rules,
    service::{Service, text},
};

service_rules![
    an_article_is_announced_and_announced_again_with_what_has_changed,
    an_article_that_is_taken_back_is_not_found_any_more,
    announced_articles_are_listed_page_by_page_those_published_last_first,
    what_is_wrong_with_an_announcement_is_said_with_its_field,
    an_article_elsewhere_than_at_the_sites_origins_is_refused,
    a_site_says_in_which_ways_it_writes_an_address,
];

fn body(url: &str) -> Value {
    json!({ "title": "مجلس الأمة يستأنف", "url": url, "published_at": "2026-11-29T06:00:00Z" })
}

async fn an_article_is_announced_and_announced_again_with_what_has_changed(service: &Service) {
    let site = service.site().await;
    let (_, key) = service.key(&site, &["polls:write", "polls:read"]).await;
    let path = format!("/v1/sites/{site}/articles/Kuna-3214567.~_");
    let publisher = service.client().with_key(&key);
    let made =
        publisher.put(&path).json(&body("http://News.example/محليات/?utm_source=x&id=5#top")).send().await.is(201);
    assert_eq!(made["id"], "Kuna-3214567.~_");
    assert_eq!(made["title"], "مجلس الأمة يستأنف");
    assert_eq!(made["url"], "http://news.example/%D9%85%D8%AD%D9%84%D9%8A%D8%A7%D8%AA/?utm_source=x&id=5#top");
    assert_eq!(made["canonical_url"], "https://news.example/%D9%85%D8%AD%D9%84%D9%8A%D8%A7%D8%AA?id=5");
    assert_eq!((&made["section"], &made["published_at"]), (&json!(null), &json!("2026-11-29T06:00:00.000Z")));
    let mut again = body("https://news.example/2");
    again["section"] = json!("محليات");
    let again = publisher.put(&path).json(&again).send().await.is(200);
    assert_eq!((&again["section"], &again["canonical_url"]), (&json!("محليات"), &json!("https://news.example/2")));
    for client in service.clients() {
        assert_eq!(client.with_key(&key).get(&path).send().await.is(200), again);
    }
    assert_eq!(service.admin().get(&path).send().await.is(200), again);
}

async fn an_article_that_is_taken_back_is_not_found_any_more(service: &Service) {
    let site = service.site().await;
    let path = format!("/v1/sites/{site}/articles/1");
    service.admin().put(&path).json(&body("https://news.example/1")).send().await.is(201);
    service.admin().delete(&path).send().await.is(204);
    for path in [&path, &format!("/v1/sites/{site}/articles/a%20b"), "/v1/sites/nobody-made-this/articles/1"] {
        service.admin().get(path).send().await.refused(404, "not-found");
        service.admin().delete(path).send().await.refused(404, "not-found");
    }
    service.admin().put(&path).json(&body("https://news.example/1")).send().await.is(201);
}

async fn announced_articles_are_listed_page_by_page_those_published_last_first(service: &Service) {
    let site = service.site().await;
    for (id, hour) in [("b", 6), ("a", 6), ("c", 9), ("d", 3), ("e", 6)] {
        let mut body = body(&format!("https://news.example/{id}"));
        body["published_at"] = json!(format!("2026-11-29T0{hour}:00:00Z"));
        service.admin().put(&format!("/v1/sites/{site}/articles/{id}")).json(&body).send().await.is(201);
    }
    let (mut listed, mut path) = (Vec::new(), format!("/v1/sites/{site}/announced?limit=2"));
    loop {
        let answer = service.admin().get(&path).send().await;
        let link = answer.header("link");
        let page = answer.is(200);
        listed.extend(page["items"].as_array().expect("a list").iter().map(|article| text(&article["id"])));
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert_eq!(link, None);
            break;
        };
        path = format!("/v1/sites/{site}/announced?limit=2&cursor={cursor}");
        assert_eq!(link, Some(format!("<{path}>; rel=\"next\"")));
    }
    assert_eq!(listed, ["c", "e", "b", "a", "d"]);
    for query in ["limit=0", "limit=101", "cursor=x", "cursor=%00", "section=a", "limit=1&limit=2"] {
        let path = format!("/v1/sites/{site}/announced?{query}");
        service.admin().get(&path).send().await.refused(400, "invalid-request");
    }
    service.admin().get("/v1/sites/nobody-made-this/announced").send().await.refused(404, "not-found");
}

async fn what_is_wrong_with_an_announcement_is_said_with_its_field(service: &Service) {
    let site = service.site().await;
    let at = |id: &str| format!("/v1/sites/{site}/articles/{id}");
    let with = |member: &str, value: Value| {
        let mut body = body("https://news.example/1");
        body[member] = value;
        body
    };
    let long = format!("https://news.example/{}", "a".repeat(2_028));
    for (path, body, field) in [
        (at("a%20b"), body("https://news.example/1"), "article"),
        (at(&"a".repeat(129)), body("https://news.example/1"), "article"),
        (at("1"), with("title", json!("")), "title"),
        (at("1"), with("title", json!("ب".repeat(301))), "title"),
        (at("1"), with("title", json!(null)), "title"),
        (at("1"), with("url", json!("/1")), "url"),
        (at("1"), with("url", json!("https://reader@news.example/1")), "url"),
        (at("1"), with("url", json!(long)), "url"),
        (at("1"), with("url", json!("https://./1")), "url"),
        (at("1"), with("section", json!("ب".repeat(65))), "section"),
        (at("1"), with("published_at", json!("yesterday")), "published_at"),
        (at("1"), with("colour", json!("red")), "colour"),
    ] {
        let refused = service.admin().put(&path).json(&body).send().await.refused(400, "invalid-request");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    let nowhere = "/v1/sites/nobody-made-this/articles/1";
    service.admin().put(nowhere).json(&body("https://news.example/1")).send().await.refused(404, "not-found");
    service.admin().get(&at("1")).send().await.refused(404, "not-found");
}

async fn an_article_elsewhere_than_at_the_sites_origins_is_refused(service: &Service) {
    let site = service.site_for(&["https://news.example", "http://*.news.example:8080"]).await;
    let path = format!("/v1/sites/{site}/articles/1");
    for url in [
        "https://other.example/1",
        "https://www.news.example/1",
        "https://news.example:8443/1",
        "https://news.example.other.example/1",
    ] {
        let refused = service.admin().put(&path).json(&body(url)).send().await.refused(422, "foreign-address");
        assert_eq!(refused["errors"][0]["field"], "url", "{refused}");
    }
    for url in ["http://news.example/1", "https://NEWS.example./1", "https://www.news.example:8080/1"] {
        assert!(service.admin().put(&path).json(&body(url)).send().await.status < 300, "{url}");
    }
}

async fn a_site_says_in_which_ways_it_writes_an_address(service: &Service) {
    let site = service.site().await;
    let path = format!("/v1/sites/{site}");
    let none = json!({ "hosts": {}, "path_prefixes": [], "path_suffixes": [], "parameters": [] });
    assert_eq!(service.admin().get(&path).send().await.is(200)["addresses"], none);
    let rules =
        json!({ "hosts": { "M.News.example": "news.example" }, "path_suffixes": ["/amp"], "parameters": ["amp"] });
    let site_body = json!({ "origins": ["https://news.example"], "addresses": rules });
    let put = service.admin().put(&path).json(&site_body).send().await.is(200);
    assert_eq!(put["addresses"]["hosts"], json!({ "m.news.example": "news.example" }));
    for client in service.clients() {
        let read = client.with_key(crate::server::ADMIN_KEY).get(&path).send().await.is(200);
        assert_eq!(read["addresses"], put["addresses"]);
    }
    let article = format!("{path}/articles/1");
    let mobile = body("http://m.news.example/a/amp/?amp=1&id=5");
    let announced = service.admin().put(&article).json(&mobile).send().await.is(201);
    assert_eq!(announced["canonical_url"], "https://news.example/a?id=5");
    assert_eq!(announced["url"], "http://m.news.example/a/amp/?amp=1&id=5");
    for (rules, field) in [
        (json!({ "hosts": { "m.news.example": "https://news.example" } }), "addresses.hosts.m.news.example"),
        (json!({ "path_prefixes": ["/m", "amp"] }), "addresses.path_prefixes[1]"),
        (json!({ "path_suffixes": ["amp"] }), "addresses.path_suffixes[0]"),
        (json!({ "parameters": ["a=b"] }), "addresses.parameters[0]"),
        (json!({ "parameters": vec!["a"; 21] }), "addresses.parameters"),
        (json!({ "parameters": "amp" }), "addresses.parameters"),
        (json!({ "colour": "red" }), "addresses.colour"),
    ] {
        let refused = service.admin().put(&path).json(&json!({ "addresses": rules })).send().await;
        let refused = refused.refused(400, "invalid-request");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
}
