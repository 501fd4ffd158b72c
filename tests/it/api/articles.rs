//! The polls that articles come to have by a template, with their first ballots.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, nonce, remember_secret, until},
    registry::service_rules,
    service::{Service, announcement, text},
};

pub(super) const NEWS: &str = "https://news.example";
/// In what forms the tally of an article's poll is read.
pub(super) const FORMS: [&str; 5] = ["results", "results.csv", "results/runoff", "timeline", "timeline.csv"];

/// A template with two reactions, for these articles.
pub(super) fn reactions(articles: &str) -> Value {
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
pub(super) async fn site_with(service: &Service, template: Value) -> String {
    let site = service.site_for(&[NEWS]).await;
    put_template(service, &site, &template).await.is(201);
    site
}

pub(super) async fn put_template(service: &Service, site: &str, template: &Value) -> Answer {
    service.admin().put(&format!("/v1/sites/{site}/templates/reactions")).json(template).send().await
}

pub(super) async fn announce(service: &Service, site: &str, article: &str) {
    let said = announcement(&format!("https://news.example/{article}"));
    service.admin().put(&format!("/v1/sites/{site}/articles/{article}")).json(&said).send().await.is(201);
}

/// The path of an article's poll.
pub(super) fn of(site: &str, article: &str) -> String {
    format!("/v1/sites/{site}/articles/{article}/reactions")
}

/// The same by an address, with what follows the template.
pub(super) fn at(site: &str, url: &str, rest: &str) -> String {
    let url = url.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    format!("/v1/sites/{site}/articles/@url/reactions{rest}?url={url}")
}

/// A first vote by nonce, as a page of the site sends it.
pub(super) async fn vote_at(client: &Client, path: &str, choice: &str, nonce: &str) -> Answer {
    let vote = json!({ "choices": [choice], "voter": { "nonce": nonce } });
    let answer = client.post(path).header("origin", NEWS).body("text/plain", vote.to_string()).send().await;
    answer.token().inspect(|token| remember_secret(token));
    answer
}

pub(super) async fn react(client: &Client, path: &str, choice: &str) -> Answer {
    vote_at(client, &format!("{path}/votes"), choice, &nonce()).await
}

pub(super) fn votes_of(tally: &Value) -> (u64, u64) {
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

pub(super) async fn react_at(client: &Client, site: &str, url: &str) -> Value {
    vote_at(client, &at(site, url, "/votes"), "like", &nonce()).await.is(201)
}

/// A key or a token that is none is refused as for any poll; hidden counts stay hidden, and a vote that may not change
/// is not taken back.
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

service_rules![
    an_article_shows_zeros_until_its_first_ballot_and_reading_makes_nothing,
    the_first_ballot_makes_the_poll_and_a_retry_counts_once_on_every_replica,
    an_articles_tally_comes_in_every_form_that_a_polls_does,
    many_first_ballots_at_once_make_one_poll_and_all_of_them_count,
    an_articles_poll_keeps_the_rules_of_its_template_and_of_keys,
    the_page_of_an_articles_poll_is_there_before_the_poll,
    an_articles_poll_names_its_page_by_its_own_id_too,
    a_ballot_that_does_not_fit_is_refused_alike_whether_it_is_the_first_or_not,
    counts_for_a_list_of_articles_come_in_one_answer_that_caches_keep,
    a_stream_of_an_article_begins_before_there_is_a_poll_and_tells_its_first_vote,
];
