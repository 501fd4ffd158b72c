//! Articles: templates, those that are announced, and the polls that come to be with their first ballots.

use std::net::{IpAddr, Ipv4Addr};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, nonce, remember_secret, until},
    registry::service_rules,
    service::{Service, announcement, text},
};

const NEWS: &str = "https://news.example";
const STRANGE: &str = "https://evil.example";

/// In what forms the tally of an article's poll is read.
const FORMS: [&str; 5] = ["results", "results.csv", "results/runoff", "timeline", "timeline.csv"];

/// A template with two reactions, for these articles.
fn reactions(articles: &str) -> Value {
    json!({
        "poll": {
            "kind": "reaction",
            "question": "ما رأيك في المقال؟",
            "options": [{ "id": "like", "emoji": "👍", "label": "أعجبني" }, { "id": "sad", "emoji": "😢", "label": "أحزنني" }],
        },
        "articles": articles,
    })
}

/// A site with the template `reactions`.
async fn site_with(service: &Service, template: Value) -> String {
    let site = service.site_for(&[NEWS]).await;
    put_template(service, &site, &template).await.is(201);
    site
}

async fn put_template(service: &Service, site: &str, template: &Value) -> Answer {
    service.admin().put(&format!("/v1/sites/{site}/templates/reactions")).json(template).send().await
}

async fn announce(service: &Service, site: &str, article: &str) {
    let said = announcement(&format!("https://news.example/{article}"));
    service.admin().put(&format!("/v1/sites/{site}/articles/{article}")).json(&said).send().await.is(201);
}

/// The path of an article's poll.
fn of(site: &str, article: &str) -> String {
    format!("/v1/sites/{site}/articles/{article}/reactions")
}

/// The same by an address, with what follows the template.
fn at(site: &str, url: &str, rest: &str) -> String {
    let url = url.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    format!("/v1/sites/{site}/articles/@url/reactions{rest}?url={url}")
}

/// A first vote by nonce, as a page of the site sends it.
async fn vote_at(client: &Client, path: &str, choice: &str, nonce: &str) -> Answer {
    let vote = json!({ "choices": [choice], "voter": { "nonce": nonce } });
    let answer = client.post(path).header("origin", NEWS).body("text/plain", vote.to_string()).send().await;
    answer.token().inspect(|token| remember_secret(token));
    answer
}

async fn react(client: &Client, path: &str, choice: &str) -> Answer {
    vote_at(client, &format!("{path}/votes"), choice, &nonce()).await
}

fn votes_of(tally: &Value) -> (u64, u64) {
    let votes = |place: usize| tally["options"][place]["votes"].as_u64().expect("a number");
    (votes(0), votes(1))
}

async fn an_article_shows_zeros_until_its_first_ballot_and_reading_makes_nothing(service: &Service) {
    let site = site_with(service, reactions("announced")).await;
    announce(service, &site, "a-1").await;
    let path = of(&site, "a-1");
    for client in service.clients() {
        let poll = client.get(&path).send().await.is(200);
        assert_eq!((&poll["revision"], &poll["state"], &poll["kind"]), (&json!(0), &json!("open"), &json!("reaction")));
        let results = client.get(&format!("{path}/results")).send().await;
        let etag = results.header("etag").expect("a tally has a tag");
        let results = results.is(200);
        assert_eq!((&results["ballots"], votes_of(&results)), (&json!(0), (0, 0)));
        client.get(&format!("{path}/results")).header("if-none-match", &etag).send().await.is(304);
        let mine = client.post(&format!("{path}/votes/mine")).json(&json!({ "voter": { "nonce": nonce() } }));
        mine.send().await.refused(404, "not-found");
        let none = client.post(&format!("{path}/votes/withdraw")).json(&json!({ "voter": { "nonce": nonce() } }));
        none.send().await.is(204);
        client.get(&format!("/v1/polls/{}", text(&poll["id"]))).send().await.refused(404, "not-found");
    }
    let tag = service.client().get(&path).send().await.header("etag").expect("a poll has a tag");
    service.client().get(&path).header("if-none-match", &tag).send().await.is(304);
}

async fn the_first_ballot_makes_the_poll_and_a_retry_counts_once_on_every_replica(service: &Service) {
    let site = site_with(service, reactions("announced")).await;
    announce(service, &site, "a-1").await;
    let (path, nonce) = (of(&site, "a-1"), nonce());
    let votes = format!("{path}/votes");
    let counted = vote_at(&service.client(), &votes, "like", &nonce).await.is(201);
    for client in service.clients() {
        let again = vote_at(&client, &votes, "like", &nonce).await.is(200);
        assert_eq!((&again["poll"], &again["cast_at"]), (&counted["poll"], &Value::Null));
    }
    let id = text(&counted["poll"]);
    // Once there is a poll, it is one like any other.
    for client in service.clients() {
        let poll = client.get(&format!("/v1/polls/{id}")).send().await.is(200);
        assert_eq!((&poll["revision"], &poll["site"]), (&json!(1), &json!(site)));
        assert!(poll["closes_at"].is_string(), "{poll}");
        let results = client.results_from(&id, 1).await;
        assert_eq!(votes_of(&results), (1, 0));
        assert_eq!(client.get(&format!("{path}/results")).send().await.is(200)["ballots"], 1);
        client.get(&format!("/v1/polls/{id}/timeline")).send().await.is(200);
    }
    let listed = service.admin().get(&format!("/v1/polls?site={site}")).send().await.is(200);
    assert_eq!(listed["items"], json!([]), "it is in no list");
    let name = json!({ "voter": { "nonce": nonce } });
    let mine = service.client().post(&format!("{path}/votes/mine")).json(&name).send().await.is(200);
    assert_eq!(mine["choices"], json!(["like"]));
    let changed = vote_at(&service.client(), &votes, "sad", &nonce).await.is(200);
    assert_eq!(votes_of(&changed["results"]), (0, 1));
    service.client().post(&format!("{path}/votes/withdraw")).json(&name).send().await.is(204);
    assert_eq!(service.client().results(&id).await["ballots"], 0);
}

fn text_of(answer: &Answer) -> String {
    String::from_utf8(answer.content()).expect("it is text")
}

/// What a publisher's program reads of a poll it reads of an article too, under the article's own name.
async fn an_articles_tally_comes_in_every_form_that_a_polls_does(service: &Service) {
    let mut template = reactions("own-origins");
    let options = json!([{ "id": "like", "label": "نعم" }, { "id": "sad", "label": "لا" }]);
    let disclosure = json!({ "asked_by": "صوت" });
    template["poll"] = json!({ "kind": "ranked", "question": "؟", "options": options, "disclosure": disclosure });
    let site = site_with(service, template).await;
    let (_, key) = service.key(&site, &["results:read"]).await;
    let of_article = |form: &str, query: &str| at(&site, "https://news.example/a-1", &format!("/{form}")) + query;
    let id = text(&service.client().get(&at(&site, "https://news.example/a-1", "")).send().await.is(200)["id"]);
    for client in service.clients() {
        let read = async |form: &str, query: &str| client.get(&of_article(form, query)).send().await;
        let results = read("results", "").await.is(200);
        assert_eq!((&results["ballots"], &results["borda"]["like"]), (&json!(0), &Value::Null), "{results}");
        assert!(results["disclosure"]["text"]["ar"].is_string(), "{results}");
        let runoff = read("results/runoff", "").await.is(200);
        assert_eq!((&runoff["rounds"], &runoff["winner"], &runoff["ballots"]), (&json!([]), &Value::Null, &json!(0)));
        let timeline = read("timeline", "&interval=P1D").await.is(200);
        assert_eq!((&timeline["buckets"], &timeline["results"]["ballots"]), (&json!([]), &json!(0)));
        let lines = |table: Answer| text_of(&table).lines().map(str::to_owned).collect::<Vec<_>>();
        let table = lines(read("results.csv", "&separator=semicolon&timezone=Asia/Kuwait").await);
        assert!(table[0].contains(";as_of (Asia/Kuwait);") && table[1].contains(";like;نعم;0;0;0;"), "{table:?}");
        assert_eq!((table.len(), lines(read("timeline.csv", "").await).len()), (3, 1));
        let told = client.with_key(&key).get(&of_article("results", "")).send().await;
        assert_eq!(told.header("cache-control").as_deref(), Some("private, no-store"));
        let told = told.is(200);
        assert_eq!(
            (&told["views"], &told["turnout"], &told["grade"]),
            (&json!(0), &Value::Null, &json!("clean")),
            "{told}"
        );
        client.get(&format!("/v1/polls/{id}")).send().await.refused(404, "not-found");
    }
    let client = service.client();
    let vote = json!({ "choices": ["sad", "like"], "voter": { "nonce": nonce() } });
    client.post(&of_article("votes", "")).header("origin", NEWS).json(&vote).send().await.is(201);
    for client in service.clients() {
        client.results_from(&id, 1).await;
        for form in FORMS {
            let (of_article, of_poll) = (of_article(form, ""), format!("/v1/polls/{id}/{form}"));
            // Only the moments at which they were read differ, and what other requests say.
            let mask = |answer: Answer| {
                let tag = answer.header("etag");
                let text = text_of(&answer).replace(|character: char| character.is_ascii_digit(), "0");
                (answer.status, tag, answer.header("content-disposition"), text)
            };
            let same = async || {
                let [by_article, by_id] = [&of_article, &of_poll].map(|path| client.get(path).send());
                let (by_article, by_id) = (mask(by_article.await), mask(by_id.await));
                (by_article == by_id && by_id.0 == 200).then_some(by_id.1)
            };
            let tag = until(same).await.expect("it has a tag");
            assert_eq!(client.get(&of_article).header("if-none-match", &tag).send().await.status, 304, "{form}");
        }
        let counted = client.get(&of_article("results/runoff", "")).send().await.is(200);
        assert_eq!((&counted["winner"], &counted["ballots"]), (&json!("sad"), &json!(1)));
    }
}

async fn many_first_ballots_at_once_make_one_poll_and_all_of_them_count(service: &Service) {
    let site = site_with(service, reactions("own-origins")).await;
    let votes = at(&site, "https://news.example/a", "/votes");
    let clients = service.clients();
    let cast = (0..24).map(|voter| {
        let (client, votes) = (clients[voter % clients.len()].clone(), votes.clone());
        async move { vote_at(&client, &votes, if voter % 3 == 0 { "sad" } else { "like" }, &nonce()).await.is(201) }
    });
    let cast = join_all(cast).await;
    assert!(cast.iter().all(|vote| vote["poll"] == cast[0]["poll"]));
    for client in service.clients() {
        assert_eq!(votes_of(&client.results_from(&text(&cast[0]["poll"]), 24).await), (16, 8));
    }
}

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

async fn react_at(client: &Client, site: &str, url: &str) -> Value {
    vote_at(client, &at(site, url, "/votes"), "like", &nonce()).await.is(201)
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

/// A key or a token that is none is refused as for any poll; hidden counts stay hidden, and a vote that may not change is
/// not taken back.
async fn an_articles_poll_keeps_the_rules_of_its_template_and_of_keys(service: &Service) {
    let mut template = reactions("announced");
    template["poll"] = json!({ "kind": "single", "question": "؟", "results": "after_close",
        "options": [{ "id": "like", "label": "نعم" }, { "id": "sad", "label": "لا" }] });
    let site = site_with(service, template).await;
    announce(service, &site, "a-1").await;
    let path = of(&site, "a-1");
    let stranger = service.client().with_key("sawt_0123456789ab_nobodys");
    for path in FORMS
        .into_iter()
        .chain(["live"])
        .map(|rest| format!("{path}/{rest}"))
        .chain([format!("/v1/sites/{site}/articles?template=reactions&ids=a-1")])
    {
        stranger.get(&path).send().await.refused(401, "key-required");
    }
    for form in FORMS {
        service.client().get(&format!("{path}/{form}")).send().await.refused(403, "results-hidden");
    }
    let voter = service.client().new_voter().await;
    let vote = json!({ "choices": ["like"] });
    voter.post(&format!("{path}/votes")).header("origin", NEWS).json(&vote).send().await.is(201);
    let kept = voter.post(&format!("{path}/votes/withdraw")).header("origin", NEWS).json(&json!({})).send().await;
    kept.refused(409, "already-voted");
    let missing = format!("/v1/sites/{site}/templates/nothing");
    service.admin().get(&missing).send().await.refused(404, "no-template");
}

/// What the elements take the poll out of: it names the article's own address, and refuses in a page.
async fn the_page_of_an_articles_poll_is_there_before_the_poll(service: &Service) {
    let site = site_with(service, reactions("own-origins")).await;
    announce(service, &site, "a-1").await;
    let page = format!("/embed/sites/{site}/articles/a-1/reactions");
    for client in service.clients() {
        let answer = client.get(&page).send().await;
        let tag = answer.header("etag").expect("it has a tag");
        let body = answer.page(200);
        assert!(body.contains("data-revision=\"0\"") && body.contains("data-votes=\"0\""), "{body}");
        // By the address that it was announced with, which is its polls' name.
        let named = format!("{}?url=https%3A%2F%2Fnews.example%2Fa-1", of(&site, "@url"));
        assert!(body.contains(&format!("data-article=\"{named}\"")), "{body}");
        assert_eq!(client.get(&page).header("if-none-match", &tag).send().await.status, 304);
    }
    react(&service.client(), &of(&site, "a-1"), "like").await.is(201);
    for client in service.clients() {
        until(async || {
            let body = client.get(&page).send().await.page(200);
            (body.contains("data-revision=\"1\"") && body.contains("data-votes=\"1\"")).then_some(())
        })
        .await;
    }
    let strange = "https%3A%2F%2Fevil.example%2F1";
    for (page, status) in [
        (format!("/embed/sites/{site}/articles/@url/reactions"), 400),
        (format!("/embed/sites/{site}/articles/a-1/nothing"), 404),
        (format!("/embed/sites/{site}/articles/@url/reactions?url={strange}"), 422),
    ] {
        service.client().get(&page).send().await.page(status);
    }
}

/// Whoever finds the poll by its own id is told which page it is of, as by its article.
async fn an_articles_poll_names_its_page_by_its_own_id_too(service: &Service) {
    let site = site_with(service, reactions("own-origins")).await;
    announce(service, &site, "a-1").await;
    let pages = [
        (of(&site, "a-1"), of(&site, "a-1") + "/votes", "https://news.example/a-1"),
        (
            at(&site, "http://news.example/b?utm_source=x", ""),
            at(&site, "https://news.example/b", "/votes"),
            "https://news.example/b",
        ),
    ];
    for (path, votes, page) in pages {
        assert_eq!(service.client().get(&path).send().await.is(200)["article_url"], page, "before there is a poll");
        let id = text(&vote_at(&service.client(), &votes, "like", &nonce()).await.is(201)["poll"]);
        for client in service.clients() {
            let by_id = client.get(&format!("/v1/polls/{id}")).send().await.is(200);
            assert_eq!(by_id["article_url"], page);
            until(async || (client.get(&path).send().await.is(200) == by_id).then_some(())).await;
        }
    }
}

/// The first ballot is checked before there is a poll, all others against it.
async fn a_ballot_that_does_not_fit_is_refused_alike_whether_it_is_the_first_or_not(service: &Service) {
    let site = site_with(service, reactions("announced")).await;
    announce(service, &site, "a-1").await;
    let votes = of(&site, "a-1") + "/votes";
    let wrong = [
        json!({ "choices": ["angry"] }),
        json!({ "choices": ["like", "sad"] }),
        json!({ "choices": [] }),
        json!({ "choices": ["like"], "open_answer": "x" }),
    ];
    let refusals = async || {
        let refused = wrong.iter().map(async |vote| {
            let mut vote = vote.clone();
            vote["voter"] = json!({ "nonce": nonce() });
            let answer = service.client().post(&votes).json(&vote).send().await;
            assert_eq!(answer.status, 422, "{answer}");
            let refused = answer.json();
            (refused["code"].clone(), refused["errors"].clone())
        });
        join_all(refused).await
    };
    let first = refusals().await;
    assert_eq!(first[0].1[0]["field"], "choices[0]", "{first:?}");
    let path = of(&site, "a-1");
    assert_eq!(service.client().get(&path).send().await.is(200)["revision"], 0, "nothing was made");
    react(&service.client(), &path, "like").await.is(201);
    assert_eq!(refusals().await, first);
}

/// A site that lists no origins is open to any page, so its articles are anywhere; else they are under its origins. Both
/// for those who vote and for those who only see.
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

/// Where a site lists no origins, any page may send a preflight and see it granted, so a vote in JSON proves no more than
/// one in text: it is taken from a script that reads the answer, and not from what a reader never sees.
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

async fn counts_for_a_list_of_articles_come_in_one_answer_that_caches_keep(service: &Service) {
    let site = site_with(service, reactions("own-origins")).await;
    for article in ["a-1", "a-2"] {
        announce(service, &site, article).await;
    }
    react(&service.client(), &of(&site, "a-2"), "sad").await.is(201);
    react_at(&service.client(), &site, "https://news.example/c").await;
    let ids = format!("/v1/sites/{site}/articles?template=reactions&ids=a-1,a-2,a-3");
    for client in service.clients() {
        let answer = client.get(&ids).send().await;
        let etag = answer.header("etag").expect("it has a tag");
        assert!(answer.header("cache-control").is_some_and(|value| value.starts_with("public")), "{answer}");
        let items = answer.is(200)["items"].clone();
        assert_eq!((&items[0]["article"], votes_of(&items[0]["results"])), (&json!("a-1"), (0, 0)));
        assert_eq!((&items[1]["article"], votes_of(&items[1]["results"])), (&json!("a-2"), (0, 1)));
        assert_eq!(items[2], json!({ "article": "a-3", "code": "article-not-announced" }));
        client.get(&ids).header("if-none-match", &etag).send().await.is(304);
        let urls = "url=https://news.example/c%23x&url=https://evil.example/c";
        let items = client.get(&format!("/v1/sites/{site}/articles?template=reactions&{urls}")).send().await.is(200);
        assert_eq!(votes_of(&items["items"][0]["results"]), (1, 0));
        assert_eq!(items["items"][1]["code"], "foreign-address");
    }
    let client = service.client();
    let path = format!("/v1/sites/{site}/articles");
    let many = vec!["a"; 101].join(",");
    let urls = "&url=https://news.example/a".repeat(21);
    for query in [format!("template=reactions&ids={many}"), "ids=a".to_owned(), format!("template=reactions{urls}")] {
        client.get(&format!("{path}?{query}")).send().await.refused(400, "invalid-request");
    }
    client.get(&format!("{path}?template=stars&ids=a-1")).send().await.refused(404, "no-template");
    client.get(&path).send().await.refused(400, "invalid-request");
}

async fn a_template_that_is_changed_keeps_the_counts_that_were_made_by_it(service: &Service) {
    let site = site_with(service, reactions("announced")).await;
    for article in ["a-1", "a-2"] {
        announce(service, &site, article).await;
    }
    react(&service.client(), &of(&site, "a-1"), "sad").await.is(201);
    let mut changed = reactions("announced");
    changed["poll"]["options"][1] = json!({ "id": "angry", "emoji": "😠", "label": "أغضبني" });
    put_template(service, &site, &changed).await.is(200);
    let path = format!("/v1/sites/{site}/templates/reactions");
    let kept = service.admin().get(&path).send().await.is(200);
    assert_eq!((&kept["poll"]["options"][1]["id"], &kept["open_for_days"]), (&json!("angry"), &json!(90)));
    let old = service.client().get(&format!("{}/results", of(&site, "a-1"))).send().await.is(200);
    assert_eq!((&old["options"][1]["id"], votes_of(&old)), (&json!("sad"), (0, 1)));
    // Replicas know a template for two seconds.
    until(async || {
        let new = service.client().get(&of(&site, "a-2")).send().await.is(200);
        (new["options"][1]["id"] == "angry").then_some(())
    })
    .await;
    let refused = service.admin().delete(&format!("/v1/sites/{site}")).send().await;
    refused.refused(409, "site-has-templates");
    service.admin().delete(&path).send().await.is(204);
    service.admin().delete(&path).send().await.refused(404, "no-template");
    let poll = text(&old["poll"]);
    until(async || {
        let gone = service.client().get(&format!("/v1/polls/{poll}")).send().await;
        (gone.status == 404).then_some(())
    })
    .await;
    service.admin().delete(&format!("/v1/sites/{site}")).send().await.is(204);
}

async fn what_is_wrong_with_a_template_is_said_by_its_field(service: &Service) {
    let site = service.site().await;
    let path = format!("/v1/sites/{site}/templates/reactions");
    let with = |member: &str, value: Value| {
        let mut template = reactions("announced");
        template[member] = value;
        template
    };
    let of_poll = |member: &str, value: Value| {
        let mut template = reactions("announced");
        template["poll"][member] = value;
        template
    };
    for (template, status, code, field) in [
        (with("articles", json!("all")), 400, "invalid-request", "articles"),
        (with("poll", json!(7)), 400, "invalid-request", "poll"),
        (of_poll("site", json!("default")), 400, "invalid-request", "poll.site"),
        (of_poll("kind", json!("approval")), 400, "invalid-request", "poll.kind"),
        (with("open_for_days", json!(0)), 422, "invalid-poll", "open_for_days"),
        (with("most_articles", json!(1_000_001)), 422, "invalid-poll", "most_articles"),
        (of_poll("question", json!("")), 422, "invalid-poll", "poll.question"),
        (of_poll("closes_at", json!("2030-01-01T00:00:00Z")), 422, "invalid-poll", "poll.closes_at"),
        (of_poll("options", json!([])), 422, "invalid-poll", "poll.options"),
    ] {
        let refused = service.admin().put(&path).json(&template).send().await.refused(status, code);
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    let wrong = service.admin().put(&format!("/v1/sites/{site}/templates/Reactions")).json(&reactions("announced"));
    wrong.send().await.refused(400, "invalid-request");
    let nowhere = service.admin().put("/v1/sites/nobody-made-this/templates/x").json(&reactions("announced"));
    nowhere.send().await.refused(404, "not-found");
    service.admin().get("/v1/sites/nobody-made-this/templates").send().await.refused(404, "not-found");
    for number in 0..50 {
        let path = format!("/v1/sites/{site}/templates/t{number}");
        service.admin().put(&path).json(&reactions("announced")).send().await.is(201);
    }
    service.admin().put(&path).json(&reactions("announced")).send().await.refused(409, "too-many-templates");
    let listed = service.admin().get(&format!("/v1/sites/{site}/templates")).send().await.is(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(50));
}

async fn a_stream_of_an_article_begins_before_there_is_a_poll_and_tells_its_first_vote(service: &Service) {
    let site = site_with(service, reactions("announced")).await;
    announce(service, &site, "a-1").await;
    let path = of(&site, "a-1");
    let mut streams = Vec::new();
    for client in service.clients() {
        let mut stream = client.get(&format!("{path}/live")).open().await;
        assert_eq!(stream.tally_from(0).await["ballots"], 0);
        streams.push(stream);
    }
    react(&service.client(), &path, "like").await.is(201);
    for mut stream in streams {
        loop {
            let event = stream.next().await.expect("the stream goes on");
            assert_ne!(event.name, "gone");
            if event.name == "tally" && event.data["ballots"] == 1 {
                break;
            }
        }
    }
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
    an_article_shows_zeros_until_its_first_ballot_and_reading_makes_nothing,
    the_first_ballot_makes_the_poll_and_a_retry_counts_once_on_every_replica,
    an_articles_tally_comes_in_every_form_that_a_polls_does,
    many_first_ballots_at_once_make_one_poll_and_all_of_them_count,
    an_address_is_one_article_however_it_is_written_and_the_one_announced_there,
    what_readers_said_before_an_article_was_announced_stays_with_it,
    what_is_no_article_of_the_site_is_named_by_its_own_code_and_nothing_is_made,
    an_articles_poll_keeps_the_rules_of_its_template_and_of_keys,
    the_page_of_an_articles_poll_is_there_before_the_poll,
    an_articles_poll_names_its_page_by_its_own_id_too,
    a_ballot_that_does_not_fit_is_refused_alike_whether_it_is_the_first_or_not,
    a_view_and_a_vote_take_the_same_addresses_for_articles,
    where_no_origins_are_listed_a_vote_in_json_is_taken_from_scripts_that_read_the_answer_alone,
    a_page_that_the_site_does_not_list_votes_in_no_article,
    counts_for_a_list_of_articles_come_in_one_answer_that_caches_keep,
    a_template_that_is_changed_keeps_the_counts_that_were_made_by_it,
    what_is_wrong_with_a_template_is_said_by_its_field,
    a_stream_of_an_article_begins_before_there_is_a_poll_and_tells_its_first_vote,
    at_its_cap_an_invented_article_goes_and_never_one_that_five_clients_voted_in,
];
