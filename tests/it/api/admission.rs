//! Which articles come to have polls: those that are announced, and addresses under a site's origins.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use super::articles::{
    FORMS, NEWS, announce, at, of, put_template, react, react_at, reactions, site_with, vote_at, votes_of,
};
use crate::{
    client::{Client, nonce, until},
    registry::service_rules,
    service::{Service, announcement, text},
};

const STRANGE: &str = "https://evil.example";

async fn an_address_is_one_article_however_it_is_written_and_the_one_announced_there(service: &Service) {
    let site = site_with(service, reactions("own-origins")).await;
    let client = service.client();
    let poll = text(&react_at(&client, &site, "https://news.example/خبر/").await["poll"]);
    for same in ["HTTPS://News.example/%D8%AE%D8%A8%D8%B1?utm_source=x#top", "http://news.example:80/خبر?fbclid=1"] {
        assert_eq!(text(&react_at(&client, &site, same).await["poll"]), poll, "{same}");
    }
    let other = text(&react_at(&client, &site, "https://news.example/b").await["poll"]);
    assert_ne!(other, poll);
    announce(service, &site, "c-1").await;
    let by_id = text(&react(&client, &of(&site, "c-1"), "like").await.is(201)["poll"]);
    assert_eq!(text(&react_at(&client, &site, "https://news.example/c-1/?utm_source=x").await["poll"]), by_id);
}

async fn what_readers_said_before_an_article_was_announced_stays_with_it(service: &Service) {
    let mut template = reactions("own-origins");
    template["most_articles"] = json!(1);
    let site = site_with(service, template).await;
    let client = service.client();
    let url = "https://news.example/a-1";
    let poll = text(&react_at(&client, &site, url).await["poll"]);
    announce(service, &site, "a-1").await;
    for client in service.clients() {
        // A replica may not have heard of it for a moment.
        let vote = async || {
            let answer = react(&client, &of(&site, "a-1"), "sad").await;
            (answer.status == 201).then(|| answer.is(201))
        };
        assert_eq!(text(&until(vote).await["poll"]), poll);
    }
    let votes = u64::try_from(service.clients().len()).unwrap();
    assert_eq!(votes_of(&client.results_from(&poll, votes + 1).await), (1, votes));
    // It is provisional no more, so it stays.
    let other = vote_at(&client, &at(&site, "https://news.example/b-1", "/votes"), "like", &nonce()).await;
    other.refused(409, "articles-full");
    // It moves, and another takes its address.
    let moved = announcement("https://news.example/moved");
    service.admin().put(&format!("/v1/sites/{site}/articles/a-1")).json(&moved).send().await.is(200);
    for named in [of(&site, "a-1") + "/results", at(&site, url, "/results")] {
        assert_eq!(client.get(&named).send().await.is(200)["ballots"], votes + 1, "{named}");
    }
    service.admin().put(&format!("/v1/sites/{site}/articles/c-1")).json(&announcement(url)).send().await.is(201);
    let of_new = client.get(&(of(&site, "c-1") + "/results"));
    assert_eq!(of_new.send().await.is(200)["ballots"], 0);
    assert_eq!(client.get(&(of(&site, "a-1") + "/results")).send().await.is(200)["ballots"], votes + 1);
}

/// The newest invention goes in their place, whether or not anybody votes again in what was announced.
async fn polls_that_readers_made_stay_once_their_article_is_announced(service: &Service) {
    let mut template = reactions("own-origins");
    template["most_articles"] = json!(2);
    let site = site_with(service, template).await;
    let client = service.client();
    let url = "https://news.example/a-1";
    react_at(&client, &site, url).await;
    react_at(&client, &site, "https://news.example/invented-1").await;
    announce(service, &site, "a-1").await;
    for number in 2..5 {
        react_at(&client, &site, &format!("https://news.example/invented-{number}")).await;
    }
    // One that was made anew would begin with this ballot.
    assert_eq!(votes_of(&react_at(&client, &site, url).await["results"]), (2, 0));
}

/// Another replica may have made it anew, and taken the first ballots.
async fn a_poll_that_was_made_anew_is_honest_by_those_who_vote_in_it_then(service: &Service) {
    let mut template = reactions("own-origins");
    template["most_articles"] = json!(2);
    let site = site_with(service, template).await;
    let clients = service.clients();
    let (here, there) = (&clients[0], &clients[clients.len() - 1]);
    let url = "https://news.example/honest";
    let mut poll = String::new();
    for number in 1..=5 {
        poll = text(&react_at(&from_nobody_else(here, number), &site, url).await["poll"]);
    }
    service.admin().delete(&format!("/v1/polls/{poll}")).send().await.is(204);
    let is_made_anew = async || {
        let answer = vote_at(&from_nobody_else(there, 1), &at(&site, url, "/votes"), "like", &nonce()).await;
        (answer.status == 201).then_some(())
    };
    until(is_made_anew).await;
    for number in 2..=5 {
        react_at(&from_nobody_else(here, number), &site, url).await;
    }
    for number in 0..3 {
        react_at(here, &site, &format!("https://news.example/invented-{number}")).await;
    }
    let last = react_at(&from_nobody_else(here, 6), &site, url).await;
    assert_eq!(votes_of(&last["results"]), (6, 0));
}

async fn what_is_no_article_of_the_site_is_named_by_its_own_code_and_nothing_is_made(service: &Service) {
    let site = site_with(service, reactions("own-origins")).await;
    let narrow = site_with(service, reactions("announced")).await;
    announce(service, &narrow, "a-1").await;
    let long = format!("https://news.example/{}", "a".repeat(2_100));
    let missing = format!("/v1/sites/{narrow}/articles/a-1/stars");
    let cases = [
        (of(&narrow, "a-2"), 404, "article-not-announced", "article"),
        (of(&narrow, "a%2F2"), 404, "article-not-announced", "article"),
        (of(&narrow, "%D8%AE%D8%A8%D8%B1"), 404, "article-not-announced", "article"),
        (missing, 404, "no-template", "template"),
        (of(&site, "a-1"), 404, "article-not-announced", "article"),
        (at(&site, "https://evil.example/a", ""), 422, "foreign-address", "url"),
        (at(&site, &long, ""), 422, "address-too-long", "url"),
        (at(&site, "javascript:alert(1)", ""), 400, "invalid-request", "url"),
        (of(&site, "@url"), 400, "invalid-request", "url"),
        (at(&narrow, "https://news.example/a", ""), 404, "article-not-announced", "article"),
    ];
    for (path, status, code, field) in cases {
        let client = service.client();
        let (base, query) = path.split_once('?').map_or((path.as_str(), ""), |(base, query)| (base, query));
        let refused = client.get(&path).send().await.refused(status, code);
        assert_eq!(refused["errors"][0]["field"], field, "{path}: {refused}");
        for rest in FORMS.into_iter().chain(["live"]) {
            client.get(&format!("{base}/{rest}?{query}")).send().await.refused(status, code);
        }
        for rest in ["votes", "votes/mine", "votes/withdraw", "challenge"] {
            let path = format!("{base}/{rest}?{query}");
            let body = if rest == "votes" { json!({ "choices": ["like"] }) } else { json!({}) };
            let voter = service.client().new_voter().await;
            let sent = voter.post(&path).json(&body).send().await;
            assert_eq!((sent.status, &sent.json()["code"]), (status, &json!(code)), "{path}: {sent}");
        }
    }
    let path = of(&narrow, "a-1");
    for wrong in [json!(["angry"]), json!(["like", "sad"]), json!([])] {
        let vote = json!({ "choices": wrong, "voter": { "nonce": nonce() } });
        let answer = service.client().post(&format!("{path}/votes")).json(&vote).send().await;
        assert!(matches!(answer.status, 422), "{answer}");
    }
    service.client().get("/v1/sites/nobody-made-this/articles/a/b").send().await.refused(404, "not-found");
    let large = "x".repeat(20_000);
    for rest in ["votes", "votes/mine", "votes/withdraw", "challenge"] {
        let path = format!("{path}/{rest}");
        let client = service.client();
        client.post(&path).body("application/json", large.clone()).send().await.refused(413, "body-too-large");
        client.post(&path).body("text/html", "{}").send().await.refused(415, "unsupported-media-type");
        client.post(&path).body("application/json", "[").send().await.refused(400, "invalid-request");
        let body = if rest == "votes" { json!({ "choices": ["like"] }) } else { json!({}) };
        client.post(&path).json(&body).send().await.refused(401, "voter-required");
    }
    assert_eq!(service.client().get(&path).send().await.is(200)["revision"], 0, "nothing was made");
}

/// A site that lists no origins is open to any page, so its articles are anywhere; else they are under its origins.
/// Both for those who vote and for those who only see.
async fn a_view_and_a_vote_take_the_same_addresses_for_articles(service: &Service) {
    let addresses =
        ["https://news.example/a", "https://any.example/a", "https://news.example@evil.example/", "ftp://a/b"];
    for origins in [&[NEWS][..], &[]] {
        let site = service.site_for(origins).await;
        put_template(service, &site, &reactions("own-origins")).await.is(201);
        for url in addresses {
            let seen = json!({ "site": site, "url": url });
            let seen = service.client().post("/v1/views").header("origin", NEWS).json(&seen).send().await;
            let vote = vote_at(&service.client(), &at(&site, url, "/votes"), "like", &nonce()).await;
            let is_taken = url == addresses[0] || (origins.is_empty() && url == addresses[1]);
            assert_eq!((seen.status < 300, vote.status < 300), (is_taken, is_taken), "{url}: {seen} {vote}");
            if !is_taken {
                assert_eq!(
                    (&seen.json()["code"], &seen.json()["errors"][0]["field"]),
                    (&vote.json()["code"], &json!("url"))
                );
            }
        }
    }
}

/// Where a site lists no origins, any page may send a preflight and see it granted, so a vote in JSON proves no more
/// than one in text: it is taken from a script that reads the answer, and not from what a reader never sees.
async fn where_no_origins_are_listed_a_vote_in_json_is_taken_from_scripts_that_read_the_answer_alone(
    service: &Service,
) {
    let site = service.site_for(&[]).await;
    put_template(service, &site, &reactions("announced")).await.is(201);
    announce(service, &site, "a-1").await;
    let path = of(&site, "a-1");
    let send = async |mode: &str, content_type: &str| {
        let vote = json!({ "choices": ["like"], "voter": { "nonce": nonce() } });
        let request = service.client().post(&format!("{path}/votes")).header("origin", STRANGE);
        request.header("sec-fetch-mode", mode).body(content_type, vote.to_string()).send().await
    };
    for content_type in ["application/json", "text/plain"] {
        for mode in ["no-cors", "navigate"] {
            send(mode, content_type).await.refused(403, "origin-refused");
        }
    }
    assert_eq!(service.client().get(&path).send().await.is(200)["revision"], 0, "nothing was made");
    for content_type in ["application/json", "text/plain"] {
        send("cors", content_type).await.is(201);
    }
}

async fn a_page_that_the_site_does_not_list_votes_in_no_article(service: &Service) {
    let site = site_with(service, reactions("announced")).await;
    announce(service, &site, "a-1").await;
    let path = of(&site, "a-1");
    let vote = json!({ "choices": ["like"], "voter": { "nonce": nonce() } });
    for content_type in ["text/plain", "application/json"] {
        for rest in ["votes", "votes/withdraw"] {
            let body = if rest == "votes" { vote.clone() } else { json!({ "voter": { "nonce": nonce() } }) };
            let request = service.client().post(&format!("{path}/{rest}")).header("origin", STRANGE);
            request.body(content_type, body.to_string()).send().await.refused(403, "origin-refused");
        }
    }
    assert_eq!(service.client().get(&path).send().await.is(200)["revision"], 0, "nothing was made");
}

/// A client of its own.
fn from_nobody_else(client: &Client, number: u8) -> Client {
    client.at(IpAddr::V4(Ipv4Addr::new(127, 77, 1, number)))
}

async fn at_its_cap_an_invented_article_goes_and_never_one_that_five_clients_voted_in(service: &Service) {
    let mut template = reactions("own-origins");
    template["most_articles"] = json!(3);
    let site = site_with(service, template).await;
    let url = |name: &str| format!("https://news.example/{name}");
    let mut honest = Value::Null;
    // One that its publisher has deleted comes to be again, and is honest by those who vote in it then.
    for round in 0..2 {
        for number in 1..=5 {
            let client = from_nobody_else(&service.client(), number);
            honest = react_at(&client, &site, &url("honest")).await["poll"].clone();
        }
        if round == 0 {
            service.admin().delete(&format!("/v1/polls/{}", text(&honest))).send().await.is(204);
        }
    }
    announce(service, &site, "a-1").await;
    let announced = react(&service.client(), &of(&site, "a-1"), "like").await.is(201)["poll"].clone();
    let mut invented = Vec::new();
    for number in 0..4 {
        invented.push(react_at(&service.client(), &site, &url(&format!("invented-{number}"))).await["poll"].clone());
    }
    let admin = service.admin();
    let is_there = async |poll: &Value| admin.get(&format!("/v1/polls/{}", text(poll))).send().await.status == 200;
    assert!(is_there(&invented[3]).await, "the newest one stays");
    // The oldest ones go. A replica may know them for a moment longer.
    for poll in &invented[..3] {
        until(async || (!is_there(poll).await).then_some(())).await;
    }
    assert_eq!(service.client().results(&text(&honest)).await["ballots"], 5);
    assert_eq!(service.client().results(&text(&announced)).await["ballots"], 1);
    // One that went comes to be again.
    let again = react_at(&service.client(), &site, &url("invented-0")).await;
    assert_eq!(votes_of(&again["results"]), (1, 0));
    // Without a provisional one there is no room.
    let mut narrow = reactions("announced");
    narrow["most_articles"] = json!(1);
    let site = site_with(service, narrow).await;
    for article in ["b-1", "b-2"] {
        announce(service, &site, article).await;
    }
    react(&service.client(), &of(&site, "b-1"), "like").await.is(201);
    react(&service.client(), &of(&site, "b-2"), "like").await.refused(409, "articles-full");
}

service_rules![
    an_address_is_one_article_however_it_is_written_and_the_one_announced_there,
    what_readers_said_before_an_article_was_announced_stays_with_it,
    polls_that_readers_made_stay_once_their_article_is_announced,
    a_poll_that_was_made_anew_is_honest_by_those_who_vote_in_it_then,
    what_is_no_article_of_the_site_is_named_by_its_own_code_and_nothing_is_made,
    a_view_and_a_vote_take_the_same_addresses_for_articles,
    where_no_origins_are_listed_a_vote_in_json_is_taken_from_scripts_that_read_the_answer_alone,
    a_page_that_the_site_does_not_list_votes_in_no_article,
    at_its_cap_an_invented_article_goes_and_never_one_that_five_clients_voted_in,
];
