//! Views, and what ranks highest on a site.

use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, nonce, remember_secret, until},
    registry::service_rules,
    service::{Service, announcement, text},
};

const LISTED: &str = "https://news.example";
const STRANGE: &str = "https://evil.example";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const BOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// As a browser's `sendBeacon` sends it.
async fn beacon(client: &Client, origin: &str, seen: &Value) -> Answer {
    let request = client.post("/v1/views").body("text/plain;charset=UTF-8", seen.to_string());
    let request = request.header("origin", origin).header("sec-fetch-mode", "no-cors").header("user-agent", BROWSER);
    request.send().await
}

/// The tally as a key that may read results is told it, once the poll has had so many views.
async fn seen_so_often(service: &Service, key: &str, poll: &str, views: u64) -> Value {
    let client = service.client().with_key(key);
    until(async || Some(client.results(poll).await).filter(|tally| tally["views"].as_u64() >= Some(views))).await
}

async fn trending(client: &Client, site: &str, query: &str) -> Vec<Value> {
    let list = client.get(&format!("/v1/sites/{site}/trending?{query}")).send().await.is(200);
    list["items"].as_array().expect("a list").clone()
}

async fn a_poll_tells_its_publisher_alone_how_often_it_was_seen_and_which_share_voted(service: &Service) {
    let site = service.site_for(&[LISTED]).await;
    let poll = service.poll(json!({ "site": site })).await;
    let (_, key) = service.key(&site, &["results:read"]).await;
    let (_, weak) = service.key(&site, &["polls:read"]).await;
    let other_site = service.site().await;
    let (_, strange) = service.key(&other_site, &["results:read"]).await;
    for client in service.clients() {
        for _ in 0..2 {
            assert!(beacon(&client, LISTED, &json!({ "poll": poll })).await.is(204).is_null());
        }
    }
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let told = until(async || {
        let told = seen_so_often(service, &key, &poll, 4).await;
        (told["ballots"] == 1).then_some(told)
    })
    .await;
    assert_eq!((&told["views"], &told["turnout"]), (&json!(4), &json!(0.25)));
    let path = format!("/v1/polls/{poll}/results");
    let answer = service.client().with_key(&key).get(&path).send().await;
    assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-store"), "{answer}");
    let etag = answer.header("etag").expect("a tally has a tag");
    let again = service.client().with_key(&key).get(&path).header("if-none-match", &etag).send().await;
    again.is(304);
    for client in [service.client(), service.client().with_key(&weak), service.client().with_key(&strange)] {
        let tally = client.results(&poll).await;
        assert_eq!((&tally["views"], &tally["turnout"]), (&Value::Null, &Value::Null), "{tally}");
    }
}

async fn a_view_counts_from_the_pages_that_may_show_the_poll_and_from_no_other(service: &Service) {
    let (listing, open) = (service.site_for(&[LISTED]).await, service.site().await);
    let listed = service.poll(json!({ "site": listing })).await;
    let client = service.client();
    for origin in [LISTED, "null"] {
        beacon(&client, origin, &json!({ "poll": listed })).await.is(204);
        beacon(&client, origin, &json!({ "site": listing, "article": "a-1" })).await.is(204);
    }
    beacon(&client, STRANGE, &json!({ "poll": listed })).await.refused(403, "origin-refused");
    let article = json!({ "site": listing, "url": "https://news.example/a" });
    beacon(&client, STRANGE, &article).await.refused(403, "origin-refused");
    beacon(&client, STRANGE, &json!({ "site": open, "article": "a-1" })).await.is(204);
    // A form of an old browser says no origin; a program sends JSON.
    let text = client.post("/v1/views").body("text/plain", json!({ "poll": listed }).to_string());
    text.send().await.refused(403, "origin-refused");
    client.post("/v1/views").json(&json!({ "poll": listed })).send().await.is(204);
}

async fn a_view_of_what_is_not_there_or_not_the_sites_is_refused_by_its_field(service: &Service) {
    let site = service.site_for(&[LISTED]).await;
    let draft = service.poll(json!({ "state": "draft" })).await;
    let send = async |seen: Value| service.client().post("/v1/views").json(&seen).send().await;
    for missing in [
        json!({ "poll": "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21" }),
        json!({ "poll": draft }),
        json!({ "site": "nobody-made-this", "article": "a-1" }),
    ] {
        send(missing).await.refused(404, "not-found");
    }
    let long = format!("https://news.example/{}", "a".repeat(3_000));
    for (url, code) in [("https://evil.example/a", "foreign-address"), (&long, "address-too-long")] {
        let refused = send(json!({ "site": site, "url": url })).await.refused(422, code);
        assert_eq!(refused["errors"][0]["field"], "url", "{refused}");
    }
    for (seen, field) in [
        (json!({}), "site"),
        (json!({ "site": site }), "article"),
        (json!({ "site": site, "article": "" }), "article"),
        (json!({ "site": site, "article": 7 }), "article"),
        (json!({ "site": site, "article": "a/b" }), "article"),
        (json!({ "site": site, "url": "javascript:alert(1)" }), "url"),
    ] {
        let refused = send(seen).await.refused(400, "invalid-request");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
}

async fn a_bot_that_says_so_is_answered_alike_and_left_out(service: &Service) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site })).await;
    let (_, key) = service.key(&site, &["results:read"]).await;
    let send = async |agent: &str| {
        service.client().post("/v1/views").header("user-agent", agent).json(&json!({ "poll": poll })).send().await
    };
    let (bots, readers) = (send(BOT).await, send(BROWSER).await);
    assert_eq!((bots.status, bots.headers()), (readers.status, readers.headers()));
    assert_eq!(seen_so_often(service, &key, &poll, 1).await["views"], 1);
}

async fn what_is_seen_most_is_listed_first_for_any_page_and_cached(service: &Service) {
    let site = service.site().await;
    let clients = service.clients();
    assert_eq!(trending(&clients[0], &site, "by=views&window=7d").await, Vec::<Value>::new());
    for (article, views) in [("a-1", 3), ("https://news.example/2?a=b", 5), ("a-3", 1)] {
        let seen = match article.strip_prefix("https") {
            // As it is linked to from elsewhere.
            Some(rest) => json!({ "site": site, "url": format!("HTTPS{rest}&utm_source=x#comments") }),
            None => json!({ "site": site, "article": article }),
        };
        for view in 0..views {
            beacon(&clients[view % 2], STRANGE, &seen).await.is(204);
        }
    }
    for window in ["1h", "24h", "7d"] {
        let query = format!("by=views&window={window}");
        let items = until(async || {
            let items = trending(&clients[1], &site, &query).await;
            let scores: Vec<_> = items.iter().map(|item| item["score"].as_f64().expect("a score").round()).collect();
            (scores == [5.0, 3.0, 1.0]).then_some(items)
        })
        .await;
        assert_eq!((&items[0]["url"], &items[0]["article"]), (&json!("https://news.example/2?a=b"), &Value::Null));
        assert_eq!((&items[1]["article"], &items[2]["article"]), (&json!("a-1"), &json!("a-3")));
    }
    assert_eq!(trending(&clients[1], &site, "limit=1").await.len(), 1);
    let answer = clients[1].get(&format!("/v1/sites/{site}/trending")).header("origin", STRANGE).send().await;
    assert_eq!(answer.header("access-control-allow-origin").as_deref(), Some("*"), "{answer}");
    assert!(answer.header("cache-control").is_some_and(|it| it.starts_with("public, max-age=")), "{answer}");
    // Scores are rounded, so the tag stays for a while.
    until(async || {
        let path = format!("/v1/sites/{site}/trending");
        let etag = clients[1].get(&path).send().await.header("etag").expect("a list has a tag");
        let again = clients[1].get(&path).header("if-none-match", &etag).send().await;
        (again.status == 304).then_some(())
    })
    .await;
}

async fn polls_are_listed_by_votes_and_reactions_unless_their_results_are_hidden(service: &Service) {
    let site = service.site().await;
    let poll = async |with: Value| {
        let mut asked = json!({ "site": site });
        asked.as_object_mut().expect("an object").extend(with.as_object().expect("an object").clone());
        service.poll(asked).await
    };
    let asked = poll(json!({ "article_url": "https://news.example/1", "changeable": true })).await;
    let busy = poll(json!({})).await;
    let hidden = poll(json!({ "results": "after_close" })).await;
    let options =
        json!([{ "id": "like", "emoji": "👍", "label": "أعجبني" }, { "id": "no", "emoji": "👎", "label": "لا" }]);
    let reactions = poll(json!({ "kind": "reaction", "options": options })).await;
    for (poll, choice, voters) in [(&asked, "yes", 2), (&busy, "no", 4), (&hidden, "yes", 6), (&reactions, "like", 3)] {
        for number in 0..voters {
            let voter = service.clients()[number % 2].new_voter().await;
            voter.vote(poll, &[choice]).await.is(201);
            // A retry, a change and a vote that was taken back move nothing.
            if number == 0 && *poll == asked {
                voter.vote(poll, &[choice]).await.is(200);
                voter.vote(poll, &["no"]).await.is(200);
                voter.delete(&format!("/v1/polls/{poll}/votes/me")).send().await.is(204);
            }
        }
    }
    for (by, expected) in [("votes", vec![(&busy, 4.0), (&asked, 1.0)]), ("reactions", vec![(&reactions, 3.0)])] {
        let items = until(async || {
            let items = trending(&service.client(), &site, &format!("by={by}&window=24h")).await;
            let found: Vec<_> = items
                .iter()
                .map(|item| (text(&item["poll"]), item["score"].as_f64().expect("a score").round()))
                .collect();
            let expected: Vec<_> = expected.iter().map(|(poll, score)| ((*poll).clone(), *score)).collect();
            (found == expected).then_some(items)
        })
        .await;
        if by == "votes" {
            assert_eq!(items[1]["url"], "https://news.example/1");
            let poll = service.client().get(&format!("/v1/polls/{asked}")).send().await.is(200);
            assert_eq!(items[1]["title"], poll["question"]);
        }
    }
    service.admin().delete(&format!("/v1/polls/{busy}")).send().await.is(204);
    until(async || (trending(&service.client(), &site, "by=votes").await.len() == 1).then_some(())).await;
}

async fn an_article_that_was_announced_is_listed_once_with_its_title_and_section(service: &Service) {
    let site = service.site_for(&[LISTED]).await;
    let client = service.client();
    let see = async |seen: Value| beacon(&client, LISTED, &seen).await.is(204);
    let address = "https://news.example/politics/17";
    // Before it is announced, and after.
    see(json!({ "site": site, "url": address })).await;
    until(async || (trending(&client, &site, "").await.len() == 1).then_some(())).await;
    for (id, url, section) in [("17", address, "سياسة"), ("18", "https://news.example/sport/18", "رياضة")] {
        let article = json!({ "title": format!("الخبر {id}"), "url": url, "section": section, "published_at": "2026-11-23T18:00:00Z" });
        let put = service.admin().put(&format!("/v1/sites/{site}/articles/{id}")).json(&article).send().await;
        assert!(matches!(put.status, 200 | 201), "{put}");
        see(json!({ "site": site, "article": id })).await;
    }
    see(json!({ "site": site, "url": format!("{address}?utm_source=x") })).await;
    let items = until(async || {
        let items = trending(&client, &site, "limit=9").await;
        let scores: Vec<_> = items.iter().map(|item| item["score"].as_f64().expect("a score").round()).collect();
        (scores == [3.0, 1.0] && items.iter().all(|item| item["title"].is_string())).then_some(items)
    })
    .await;
    let expected = json!({ "article": "17", "title": "الخبر 17", "url": address, "section": "سياسة" });
    for (member, value) in expected.as_object().expect("an object") {
        assert_eq!(items[0][member], *value);
    }
    // Of a site that announces its articles, what nobody has announced is no line, however often it is seen.
    for _ in 0..4 {
        see(json!({ "site": site, "url": "https://news.example/فضيحة" })).await;
        see(json!({ "site": site, "article": "19" })).await;
    }
    see(json!({ "site": site, "article": "17" })).await;
    until(async || {
        let items = trending(&client, &site, "limit=9").await;
        let articles: Vec<_> = items.iter().map(|item| text(&item["article"])).collect();
        assert_eq!(articles, ["17", "18"]);
        (items[0]["score"].as_f64().expect("a score") > 3.5).then_some(())
    })
    .await;
    let of_section = trending(&client, &site, "section=%D8%B1%D9%8A%D8%A7%D8%B6%D8%A9").await;
    assert_eq!(of_section.iter().map(|item| text(&item["article"])).collect::<Vec<_>>(), ["18"]);
    assert_eq!(trending(&client, &site, "section=none").await, Vec::<Value>::new());
}

/// Whether a reader sees, votes or reacts by the article or by its poll's own id.
async fn what_is_said_in_an_articles_own_polls_ranks_the_article_and_that_they_are_seen_does_not(service: &Service) {
    let site = service.site_for(&[LISTED]).await;
    let options = json!([{ "id": "like", "emoji": "👍", "label": "نعم" }, { "id": "no", "emoji": "👎", "label": "لا" }]);
    let pattern = |poll: Value| json!({ "poll": poll, "articles": "announced" });
    for (template, poll) in [
        ("reactions", json!({ "kind": "reaction", "question": "؟", "options": options })),
        ("stars", json!({ "kind": "rating", "question": "؟" })),
        ("quiet", json!({ "kind": "rating", "question": "؟", "results": "after_vote" })),
    ] {
        service
            .admin()
            .put(&format!("/v1/sites/{site}/templates/{template}"))
            .json(&pattern(poll))
            .send()
            .await
            .is(201);
    }
    let announced = announcement("https://news.example/1");
    service.admin().put(&format!("/v1/sites/{site}/articles/1")).json(&announced).send().await.is(201);
    let vote = async |template: &str, choice: &str, number: usize| {
        let client = &service.clients()[number % 2];
        let votes = format!("/v1/sites/{site}/articles/1/{template}/votes");
        let vote = json!({ "choices": [choice], "voter": { "nonce": nonce() } });
        let vote = client.post(&votes).header("origin", LISTED).json(&vote).send().await;
        vote.token().inspect(|token| remember_secret(token));
        text(&vote.is(201)["poll"])
    };
    let reactions = vote("reactions", "like", 0).await;
    for number in 1..3 {
        vote("reactions", "no", number).await;
    }
    for number in 0..4 {
        vote("stars", "5", number).await;
        // What not everyone may see is not told by a score either.
        vote("quiet", "1", number).await;
    }
    for client in service.clients() {
        beacon(&client, LISTED, &json!({ "poll": reactions })).await.is(204);
        beacon(&client, LISTED, &json!({ "site": site, "article": "1" })).await.is(204);
    }
    for (by, expected) in [("reactions", 3.0), ("votes", 4.0), ("views", 2.0)] {
        until(async || {
            let items = trending(&service.client(), &site, &format!("by={by}&window=7d")).await;
            let found: Vec<_> = items
                .iter()
                .map(|item| (text(&item["article"]), item["score"].as_f64().expect("a score").round()))
                .collect();
            (found == [("1".to_owned(), expected)]).then_some(())
        })
        .await;
    }
    let (_, key) = service.key(&site, &["results:read"]).await;
    let told = seen_so_often(service, &key, &reactions, 2).await;
    // And its own views too. Those before its first ballot were not counted, so nobody knows which share voted.
    assert_eq!((&told["views"], &told["turnout"]), (&json!(2), &Value::Null));
}

async fn a_list_looks_as_its_site_says_its_polls_do(service: &Service) {
    let site = service.site().await;
    let asked = format!("/v1/sites/{site}/trending");
    let plain = service.client().get(&asked).send().await.is(200);
    assert_eq!(plain.get("look"), None);
    let heading = json!({ "most_read": "يقرؤون الآن" });
    let words = json!({ "ar": { "vote": "صوّت", "most_read": heading["most_read"] }, "en": { "vote": "Vote" } });
    let look = json!({ "accent": "#b3122f", "density": "compact", "words": words });
    service
        .admin()
        .put(&format!("/v1/sites/{site}"))
        .json(&json!({ "origins": [], "look": look }))
        .send()
        .await
        .is(200);
    for client in service.clients() {
        let said = until(async || client.get(&asked).send().await.is(200).get("look").cloned()).await;
        assert_eq!((&said["accent"], &said["density"]), (&look["accent"], &look["density"]));
        assert_eq!(said["words"], json!({ "ar": heading }), "of the site's words those that are said there");
        // It was made lighter, so that it can be read in the dark.
        assert!(said["accent_dark"].is_string() && said["accent_dark"] != said["accent"], "{said}");
    }
}

async fn a_ranking_is_asked_for_in_words_it_knows(service: &Service) {
    let site = service.site().await;
    let ask =
        async |site: &str, query: &str| service.client().get(&format!("/v1/sites/{site}/trending{query}")).send().await;
    for query in ["?by=clicks", "?window=1d", "?limit=0", "?limit=51", "?colour=red", "?by=views&by=votes"] {
        ask(&site, query).await.refused(400, "invalid-request");
    }
    for missing in ["nobody-made-this", "No-Site"] {
        ask(missing, "").await.refused(404, "not-found");
    }
}

service_rules![
    a_poll_tells_its_publisher_alone_how_often_it_was_seen_and_which_share_voted,
    a_view_counts_from_the_pages_that_may_show_the_poll_and_from_no_other,
    a_view_of_what_is_not_there_or_not_the_sites_is_refused_by_its_field,
    a_bot_that_says_so_is_answered_alike_and_left_out,
    what_is_seen_most_is_listed_first_for_any_page_and_cached,
    polls_are_listed_by_votes_and_reactions_unless_their_results_are_hidden,
    an_article_that_was_announced_is_listed_once_with_its_title_and_section,
    what_is_said_in_an_articles_own_polls_ranks_the_article_and_that_they_are_seen_does_not,
    a_list_looks_as_its_site_says_its_polls_do,
    a_ranking_is_asked_for_in_words_it_knows,
];
