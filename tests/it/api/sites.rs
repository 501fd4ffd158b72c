//! Sites, and the web origins that may vote in their polls.

use serde_json::json;

use crate::{
    client::until,
    registry::service_rules,
    service::{PUBLIC_URL, Service, seed_poll, text},
};

async fn a_site_is_made_and_replaced(service: &Service) {
    let site = service.site_for(&["https://news.example"]).await;
    let path = format!("/v1/sites/{site}");
    let made = service.admin().get(&path).send().await.is(200);
    assert_eq!((&made["id"], &made["origins"]), (&json!(site), &json!(["https://news.example"])));
    let origins = json!(["http://localhost:3000", "https://xn--mgbh0fb.example"]);
    let replaced = service.admin().put(&path).json(&json!({ "origins": origins })).send().await.is(200);
    assert_eq!((&replaced["origins"], &replaced["created_at"]), (&origins, &made["created_at"]));
    for client in service.clients() {
        let read = client.with_key(crate::server::ADMIN_KEY).get(&path).send().await.is(200);
        assert_eq!(read["origins"], origins);
    }
}

async fn a_site_has_the_time_zone_it_was_put_with_or_utc(service: &Service) {
    let path = format!("/v1/sites/{}", service.site().await);
    assert_eq!(service.admin().get(&path).send().await.is(200)["timezone"], "UTC");
    // Names are taken in capitals or not, and told as the database has them.
    let put = service.admin().put(&path).json(&json!({ "timezone": "asia/kuwait" })).send().await.is(200);
    assert_eq!(put["timezone"], "Asia/Kuwait");
    for client in service.clients() {
        let read = client.with_key(crate::server::ADMIN_KEY).get(&path).send().await.is(200);
        assert_eq!((&read["timezone"], &read["origins"]), (&json!("Asia/Kuwait"), &json!([])));
    }
    for zone in ["Kuwait City", "+03:00", ""] {
        let answer = service.admin().put(&path).json(&json!({ "timezone": zone })).send().await;
        let refused = answer.refused(400, "invalid-request");
        assert_eq!(refused["errors"][0]["field"], "timezone", "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains("such as Asia/Kuwait"), "{refused}");
    }
    // A put replaces all of it.
    assert_eq!(service.admin().put(&path).json(&json!({})).send().await.is(200)["timezone"], "UTC");
}

async fn a_site_has_the_name_and_the_home_page_it_was_put_with(service: &Service) {
    let path = format!("/v1/sites/{}", service.site().await);
    let bare = service.admin().get(&path).send().await.is(200);
    assert_eq!((&bare["name"], &bare["url"]), (&json!(null), &json!(null)));
    let asked = json!({ "name": "جريدة الراي", "url": "https://News.example" });
    let put = service.admin().put(&path).json(&asked).send().await.is(200);
    assert_eq!((&put["name"], &put["url"]), (&asked["name"], &json!("https://news.example/")));
    for client in service.clients() {
        let read = client.with_key(crate::server::ADMIN_KEY).get(&path).send().await.is(200);
        assert_eq!((&read["name"], &read["url"]), (&put["name"], &put["url"]));
    }
    let long = "ن".repeat(101);
    for (field, value, rule) in [
        ("name", "  ", "must not be empty"),
        ("name", "a\u{202E}b", "bidirectional override"),
        ("name", &long, "at most 100 characters, is 101"),
        ("url", "javascript:alert(1)", "https://news.example/"),
        ("url", "news.example", "https://news.example/"),
        ("url", "https://editor:secret@news.example/", "password"),
    ] {
        let refused = service.admin().put(&path).json(&json!({ field: value })).send().await;
        let refused = refused.refused(400, "invalid-request");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains(rule), "{refused}");
    }
    let put = service.admin().put(&path).json(&json!({ "name": null })).send().await.is(200);
    assert_eq!((&put["name"], &put["url"]), (&json!(null), &json!(null)), "a put replaces all of it");
}

/// It is said once, and stands in the page for script, in the plain form, and in what the policy allows.
async fn a_site_says_once_how_its_polls_look_and_what_they_say(service: &Service) {
    let site = service.site().await;
    let path = format!("/v1/sites/{site}");
    let poll = service.poll(json!({ "site": site })).await;
    assert_eq!(service.admin().get(&path).send().await.is(200)["look"], json!({ "density": "comfortable" }));
    let words = json!({ "ar": { "vote": "شارك <برأيك>", "counted": "شكرًا 'جزيلًا'" } });
    let look = json!({ "accent": "#8A1C2B", "density": "compact", "words": words });
    let put = service.admin().put(&path).json(&json!({ "look": look })).send().await.is(200);
    assert_eq!(put["look"], json!({ "accent": "#8a1c2b", "density": "compact", "words": words }));
    for client in service.clients() {
        let read = client.with_key(crate::server::ADMIN_KEY).get(&path).send().await.is(200);
        assert_eq!(read["look"], put["look"]);
        for page in [format!("/embed/{poll}"), format!("/embed/{poll}/form")] {
            let (page, policy) = until(async || {
                let answer = client.get(&page).send().await;
                let policy = answer.header("content-security-policy")?;
                let page = answer.page(200);
                page.contains("#8a1c2b").then_some((page, policy))
            })
            .await;
            assert!(page.contains("<style>.sawt{--site-light:#8a1c2b;--site-dark:#"), "{page}");
            assert!(policy.contains("; style-src 'self' 'sha256-"), "{policy}");
            assert!(page.contains("شارك &#60;برأيك&#62;</button>"), "{page}");
            assert!(!page.contains("<برأيك>"), "{page}");
        }
        let english = client.get(&format!("/embed/{poll}?lang=en")).send().await.page(200);
        assert!(english.contains(">Vote</button>"), "{english}");
    }
    for (look, field) in [
        (json!({ "accent": "red" }), "look.accent"),
        (json!({ "accent": "#ffcc00" }), "look.accent"),
        (json!({ "accent_dark": "#ffffff" }), "look.accent"),
        (json!({ "accent": "#8a1c2b", "accent_dark": "#8a1c2b" }), "look.accent_dark"),
        (json!({ "density": "tight" }), "look.density"),
        (json!({ "words": { "de": {} } }), "look.words"),
        (json!({ "words": { "ar": { "vote": " " } } }), "look.words.ar.vote"),
        (json!({ "words": { "ar": { "counted": "ن".repeat(121) } } }), "look.words.ar.counted"),
    ] {
        let refused = service.admin().put(&path).json(&json!({ "look": look })).send().await;
        let refused = refused.refused(400, "invalid-request");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    assert_eq!(
        service.admin().put(&path).json(&json!({})).send().await.is(200)["look"],
        json!({ "density": "comfortable" })
    );
}

/// By the tag that each of them read it with, and without losing either's change.
async fn of_two_who_change_a_site_the_second_is_told_if_they_say_what_they_read(service: &Service) {
    let site = service.site().await;
    let path = format!("/v1/sites/{site}");
    let read = service.admin().get(&path).send().await;
    let etag = read.header("etag").expect("a tag");
    let put = async |tag: &str, name: &str| {
        service.admin().put(&path).header("if-match", tag).json(&json!({ "name": name })).send().await
    };
    let first = put(&etag, "الأول").await;
    let newer = first.header("etag").expect("a tag");
    let first = first.is(200);
    let refused = put(&etag, "الثاني").await.refused(412, "site-changed");
    assert_eq!(refused["updated_at"], first["updated_at"]);
    assert_eq!(service.admin().get(&path).send().await.is(200)["name"], "الأول");
    assert_eq!(put(&newer, "الثاني").await.is(200)["name"], "الثاني");
    for bad in ["*", "W/\"1\"", "1", "\"1\", \"2\""] {
        let refused = put(bad, "x").await.refused(400, "invalid-request");
        assert_eq!(refused["errors"][0]["field"], "If-Match");
    }
    let nowhere = service.admin().put("/v1/sites/nobody-made-this").header("if-match", &etag).json(&json!({}));
    nowhere.send().await.refused(404, "not-found");
    // A site's own key changes it, and makes none.
    let (_, key) = service.key(&site, &["sites:write"]).await;
    let own = service.client().with_key(&key);
    assert_eq!(own.put(&path).json(&json!({ "name": "الراي" })).send().await.is(200)["name"], "الراي");
    own.put("/v1/sites/nobody-made-this").json(&json!({})).send().await.refused(403, "scope-missing");
}

async fn the_default_site_is_there_from_the_start(service: &Service) {
    let site = service.admin().get("/v1/sites/default").send().await.is(200);
    assert_eq!(site["origins"], json!([]));
}

async fn a_site_that_nobody_made_is_not_found(service: &Service) {
    for site in ["nobody-made-this", "Not-An-Id"] {
        service.admin().get(&format!("/v1/sites/{site}")).send().await.refused(404, "not-found");
        let path = format!("/v1/polls?site={site}");
        let answer = service.admin().get(&path).send().await;
        assert!(matches!(answer.status, 400 | 404), "{answer}");
    }
    let asked = seed_poll(json!({ "site": "nobody-made-this" }));
    let answer = service.admin().post("/v1/polls").json(&asked).send().await;
    assert!(matches!(answer.status, 404 | 422), "{answer}");
}

async fn sites_are_listed_page_by_page(service: &Service) {
    let mut made = [service.site().await, service.site_for(&["https://*.news.example"]).await, service.site().await];
    made.sort();
    let (mut listed, mut path) = (Vec::new(), "/v1/sites?limit=2".to_owned());
    loop {
        let answer = service.admin().get(&path).send().await;
        let link = answer.header("link");
        let page = answer.is(200);
        listed.extend(page["items"].as_array().expect("a list").clone());
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert_eq!(link, None);
            break;
        };
        path = format!("/v1/sites?limit=2&cursor={cursor}");
        assert_eq!(link, Some(format!("<{path}>; rel=\"next\"")));
    }
    let ids: Vec<_> = listed.iter().map(|site| text(&site["id"])).collect();
    assert!(ids.is_sorted_by(|one, other| one < other), "{ids:?}");
    assert!(ids.iter().any(|id| id == "default"));
    for id in made {
        let place = ids.iter().position(|listed| *listed == id).expect("it is listed");
        assert_eq!(listed[place], service.admin().get(&format!("/v1/sites/{id}")).send().await.is(200));
    }
    for query in ["limit=0", "limit=101", "cursor=x", "cursor=LQ", "cursor=%00", "state=open", "limit=1&limit=2"] {
        service.admin().get(&format!("/v1/sites?{query}")).send().await.refused(400, "invalid-request");
    }
}

async fn a_site_is_deleted_once_it_has_neither_polls_nor_keys_and_says_how_to_come_to_that(service: &Service) {
    let site = service.site().await;
    let path = format!("/v1/sites/{site}");
    let poll = service.poll(json!({ "site": site })).await;
    let (key, _) = service.key(&site, &["polls:read"]).await;
    let refused = service.admin().delete(&path).send().await.refused(409, "site-has-polls");
    let detail = text(&refused["detail"]);
    assert!(detail.contains("DELETE /v1/polls/") && detail.contains(&format!("GET /v1/polls?site={site}")), "{detail}");
    service.admin().delete(&format!("/v1/polls/{poll}")).send().await.is(204);
    let refused = service.admin().delete(&path).send().await.refused(409, "site-has-keys");
    let detail = text(&refused["detail"]);
    assert!(detail.contains("DELETE /v1/keys/") && detail.contains(&format!("GET /v1/keys?site={site}")), "{detail}");
    service.admin().delete(&format!("/v1/keys/{key}")).send().await.is(204);
    service.admin().delete(&path).send().await.is(204);
    service.admin().delete(&path).send().await.refused(404, "not-found");
    service.admin().delete("/v1/sites/Not-An-Id").send().await.refused(404, "not-found");
    for client in service.clients() {
        let client = client.with_key(crate::server::ADMIN_KEY);
        client.get(&path).send().await.refused(404, "not-found");
        let asked = seed_poll(json!({ "site": site }));
        client.post("/v1/polls").json(&asked).send().await.refused(422, "invalid-poll");
        let asked = json!({ "site": site, "scopes": ["polls:read"] });
        client.post("/v1/keys").json(&asked).send().await.refused(404, "not-found");
    }
    service.admin().put(&path).json(&json!({})).send().await.is(201);
}

async fn the_default_site_is_not_deleted(service: &Service) {
    service.admin().delete("/v1/sites/default").send().await.refused(409, "site-is-default");
    service.admin().get("/v1/sites/default").send().await.is(200);
}

async fn an_origin_that_no_browser_sends_is_refused(service: &Service) {
    let site = service.site().await;
    for origin in [
        "https://news.example/",
        "https://*.example",
        "https://*.127.0.0.1",
        "https://news.*.example",
        "news.example",
        "null",
        "*",
        "HTTPS://NEWS.EXAMPLE",
    ] {
        let body = json!({ "origins": ["https://good.example", origin] });
        let refused = service.admin().put(&format!("/v1/sites/{site}")).json(&body).send().await;
        let refused = refused.refused(400, "invalid-request");
        assert!(refused.to_string().contains("origins[1]"), "{refused}");
    }
    let many: Vec<_> = (0..101).map(|place| format!("https://news-{place}.example")).collect();
    let body = json!({ "origins": many });
    service.admin().put(&format!("/v1/sites/{site}")).json(&body).send().await.refused(400, "invalid-request");
}

/// Any site's hidden form has voted elsewhere: 318,000 votes through forum signatures (wp-polls #80, #81).
async fn a_vote_comes_only_from_pages_the_site_lists(service: &Service) {
    let site = service.site_for(&["https://news.example"]).await;
    let poll = service.poll(json!({ "site": site })).await;
    let path = format!("/v1/polls/{poll}/votes");
    let vote = json!({ "choices": ["yes"] });
    for (origin, is_admitted) in [
        (Some("https://news.example"), true),
        (None, true),
        // An opaque frame, by token.
        (Some("null"), true),
        (Some("https://evil.example"), false),
        (Some("http://news.example"), false),
        (Some("https://news.example:8443"), false),
        (Some("https://news.example.evil.example"), false),
        (Some("nonsense"), false),
    ] {
        let voter = service.client().new_voter().await;
        let request = voter.post(&path).json(&vote);
        let request = match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        };
        let answer = request.send().await;
        if is_admitted {
            answer.is(201)
        } else {
            answer.refused(403, "origin-refused")
        };
    }
    assert_eq!(service.client().results(&poll).await["ballots"], 3);
}

/// To vote by cookie, to read the answer, and to frame the poll: all three by the same names.
async fn all_names_under_a_listed_host_may_vote_by_cookie_and_frame_and_none_that_look_alike(service: &Service) {
    let site = service.site_for(&["https://*.news.example", "http://*.news.example:8080"]).await;
    let poll = service.poll(json!({ "site": site })).await;
    let path = format!("/v1/polls/{poll}/votes");
    let mut admitted = 0;
    for (origin, is_admitted) in [
        ("https://www.news.example", true),
        ("https://a.b.news.example", true),
        ("http://www.news.example:8080", true),
        ("https://news.example", false),
        ("https://evil-news.example", false),
        ("https://www.news.example.evil.example", false),
        ("https://www.news.example:8443", false),
        ("http://www.news.example", false),
        ("https://www.news.example.", false),
        ("https://WWW.news.example", false),
        ("https://evil.example/.news.example", false),
    ] {
        let token = service.client().mint().await;
        let request = service.client().post(&path).json(&json!({ "choices": ["yes"] })).header("origin", origin);
        let answer = request.header("cookie", &format!("__Host-sawt_voter={token}")).send().await;
        let told = answer.header("access-control-allow-origin");
        let cookies = answer.header("access-control-allow-credentials");
        if is_admitted {
            assert_eq!((told.as_deref(), cookies.as_deref()), (Some(origin), Some("true")), "{answer}");
            answer.is(201);
            admitted += 1;
        } else {
            assert_eq!((told, cookies), (None, None), "{answer}");
            answer.refused(403, "origin-refused");
        }
    }
    assert_eq!(service.client().results(&poll).await["ballots"], admitted);
    let policy = service.client().get(&format!("/embed/{poll}")).send().await.header("content-security-policy");
    let ancestors = "frame-ancestors 'self' https://*.news.example http://*.news.example:8080";
    assert!(policy.as_deref().is_some_and(|policy| policy.ends_with(ancestors)), "{policy:?}");
}

async fn an_opaque_frame_votes_by_token_and_never_by_cookie(service: &Service) {
    let site = service.site_for(&["https://news.example"]).await;
    let poll = service.poll(json!({ "site": site })).await;
    let token = service.client().mint().await;
    let request = service.client().post(&format!("/v1/polls/{poll}/votes")).json(&json!({ "choices": ["yes"] }));
    let cookie = format!("__Host-sawt_voter={token}");
    let answer = request.header("origin", "null").header("cookie", &cookie).send().await;
    answer.refused(403, "origin-refused");
}

async fn sawts_own_pages_may_always_vote(service: &Service) {
    let site = service.site_for(&["https://news.example"]).await;
    let poll = service.poll(json!({ "site": site })).await;
    let voter = service.client().new_voter().await;
    let request = voter.post(&format!("/v1/polls/{poll}/votes")).json(&json!({ "choices": ["yes"] }));
    request.header("origin", PUBLIC_URL).send().await.is(201);
}

async fn a_site_that_lists_no_origin_is_open_to_all(service: &Service) {
    let poll = service.poll(json!({})).await;
    for origin in ["https://anywhere.example", "null"] {
        let voter = service.client().new_voter().await;
        let request = voter.post(&format!("/v1/polls/{poll}/votes")).json(&json!({ "choices": ["yes"] }));
        request.header("origin", origin).send().await.is(201);
    }
}

async fn a_withdrawal_keeps_the_rule_of_origins_too(service: &Service) {
    let site = service.site_for(&["https://news.example"]).await;
    let poll = service.poll(json!({ "site": site, "changeable": true })).await;
    let voter = service.client().new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    let mine = format!("/v1/polls/{poll}/votes/me");
    let strange = voter.delete(&mine).header("origin", "https://evil.example").send().await;
    strange.refused(403, "origin-refused");
    voter.delete(&mine).header("origin", "https://news.example").send().await.is(204);
}

async fn a_changed_list_of_origins_holds_soon_on_every_replica(service: &Service) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site })).await;
    let vote = json!({ "choices": ["yes"] });
    let path = format!("/v1/polls/{poll}/votes");
    for client in service.clients() {
        let voter = client.new_voter().await;
        voter.post(&path).header("origin", "https://evil.example").json(&vote).send().await.is(201);
    }
    let origins = json!({ "origins": ["https://news.example"] });
    service.admin().put(&format!("/v1/sites/{site}")).json(&origins).send().await.is(200);
    for client in service.clients() {
        until(async || {
            let voter = client.new_voter().await;
            let answer = voter.post(&path).header("origin", "https://evil.example").json(&vote).send().await;
            (answer.status == 403).then(|| answer.refused(403, "origin-refused"))
        })
        .await;
    }
}

service_rules![
    a_site_is_made_and_replaced,
    a_site_has_the_time_zone_it_was_put_with_or_utc,
    a_site_has_the_name_and_the_home_page_it_was_put_with,
    a_site_says_once_how_its_polls_look_and_what_they_say,
    of_two_who_change_a_site_the_second_is_told_if_they_say_what_they_read,
    the_default_site_is_there_from_the_start,
    a_site_that_nobody_made_is_not_found,
    sites_are_listed_page_by_page,
    a_site_is_deleted_once_it_has_neither_polls_nor_keys_and_says_how_to_come_to_that,
    the_default_site_is_not_deleted,
    an_origin_that_no_browser_sends_is_refused,
    a_vote_comes_only_from_pages_the_site_lists,
    all_names_under_a_listed_host_may_vote_by_cookie_and_frame_and_none_that_look_alike,
    an_opaque_frame_votes_by_token_and_never_by_cookie,
    sawts_own_pages_may_always_vote,
    a_site_that_lists_no_origin_is_open_to_all,
    a_withdrawal_keeps_the_rule_of_origins_too,
    a_changed_list_of_origins_holds_soon_on_every_replica,
];
