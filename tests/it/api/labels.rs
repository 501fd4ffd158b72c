//! The label that a vote gets by what is seen of it.

use sawt::{clock::Clock, poll::Timestamp, secret::Secret, wire::PositionKeys};
use serde_json::{Value, json};

use super::embed::after;
use crate::{
    backends::Backend,
    client::{Client, Request, nonce, remember_secret},
    registry::service_rules,
    server::SECRET,
    service::{PUBLIC_URL, Service, text},
};

service_rules![
    on Backend::EACH_SORT;
    a_vote_is_counted_whatever_its_label_is,
    a_stream_brings_a_mark_to_those_who_ask_for_one,
    a_plain_form_brings_a_mark,
    who_votes_first_in_an_articles_poll_has_its_mark_from_the_page_or_the_stream,
];

/// A mark of the poll, as a page has it that has been open for a minute.
pub(crate) fn old_mark(poll: &str) -> String {
    let before = Timestamp::from_millis(Clock::default().now().as_millis() - 60_000);
    PositionKeys::new(&Secret::new(SECRET.to_owned()), None).mark(poll.parse().unwrap(), before).to_string()
}

/// The labels that have ballots, with how many.
pub(crate) async fn labels(admin: &Client, poll: &str) -> Vec<(String, u64)> {
    let report = admin.get(&format!("/v1/polls/{poll}/integrity")).send().await.is(200);
    let labels = report["labels"].as_array().expect("labels");
    let of = |label: &Value| (text(&label["label"]), label["ballots"].as_u64().expect("ballots"));
    labels.iter().map(of).filter(|(_, ballots)| *ballots > 0).collect()
}

/// What a browser sends with a vote from a publisher's page.
const BROWSER: [(&str, &str); 3] =
    [("origin", "https://news.example"), ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"), ("accept-language", "ar")];

fn with(request: Request, sent: &[(&str, &str)]) -> Request {
    sent.iter().fold(request, |request, (name, value)| request.header(name, value))
}

async fn a_vote_is_counted_whatever_its_label_is(service: &Service) {
    let (client, admin) = (service.client(), service.admin());
    let (poll, other) = (service.poll(json!({})).await, service.poll(json!({})).await);
    let elsewhere = service.poll(json!({ "site": service.site().await })).await;
    let mark = old_mark(&poll);
    let (opaque, curl) = ([("origin", "null"), BROWSER[1], BROWSER[2]], [BROWSER[0], ("user-agent", "curl/8.5.0")]);
    let forged = format!("{}{}", &mark[..15], if mark.ends_with('A') { 'B' } else { 'A' });
    // Whoever was made a voter by another site's poll.
    let first = json!({ "choices": ["yes"], "voter": { "nonce": nonce() } });
    let made = client.post(&format!("/v1/polls/{elsewhere}/votes")).json(&first).send().await;
    let foreign = made.token().expect("a token");
    for (sent, voter, mark, label) in [
        (&BROWSER[..], None, Some(mark.clone()), "clean"),
        (&[], None, Some(mark.clone()), "clean"),
        (&BROWSER, None, None, "no-mark"),
        (&[], None, Some(forged), "no-mark"),
        (&[], None, Some(String::new()), "no-mark"),
        (&BROWSER, None, Some(old_mark(&other)), "no-mark"),
        (&BROWSER, Some(foreign), Some(mark.clone()), "foreign-token"),
        (&opaque, None, Some(mark.clone()), "opaque-origin"),
        (&curl, None, Some(mark), "not-a-browser"),
    ] {
        let poll = if label == "clean" { service.poll(json!({})).await } else { poll.clone() };
        let mark = if label == "clean" { Some(old_mark(&poll)) } else { mark };
        let before = labels(&admin, &poll).await;
        let mut body = json!({ "choices": ["yes"], "voter": { "nonce": nonce() } });
        if let Some(token) = voter {
            body["voter"] = json!(token);
        }
        if let Some(mark) = &mark {
            body["mark"] = json!(mark);
        }
        let request = client.post(&format!("/v1/polls/{poll}/votes")).body("text/plain", body.to_string());
        let request = if sent.is_empty() {
            client.post(&format!("/v1/polls/{poll}/votes")).json(&body)
        } else {
            with(request, sent)
        };
        let answer = request.send().await;
        if let Some(token) = answer.token() {
            remember_secret(&token);
        }
        assert_eq!(answer.is(201)["results"]["options"][0]["id"], "yes");
        let count =
            |labels: &[(String, u64)]| labels.iter().find(|(name, _)| name == label).map_or(0, |(_, count)| *count);
        assert_eq!(count(&labels(&admin, &poll).await), count(&before) + 1, "{label} {sent:?} {mark:?}");
    }
}

async fn a_stream_brings_a_mark_to_those_who_ask_for_one(service: &Service) {
    let (client, admin) = (service.client(), service.admin());
    let polls = [service.poll(json!({})).await, service.poll(json!({ "results": "after_close" })).await];
    let mut stream = client.get(&format!("/v1/live?polls={},{}&mark=true", polls[0], polls[1])).open().await;
    stream.expect("tally").await;
    stream.expect("poll").await;
    for poll in &polls {
        let told = stream.expect("mark").await;
        assert_eq!((told.id, text(&told.data["poll"])), (None, poll.clone()));
        // A program that votes in the moment it has looked.
        let body = json!({ "choices": ["yes"], "voter": { "nonce": nonce() }, "mark": told.data["mark"] });
        client.post(&format!("/v1/polls/{poll}/votes")).json(&body).send().await.is(201);
        assert_eq!(labels(&admin, poll).await, [("early-mark".to_owned(), 1)]);
    }
    let mut unasked = client.live(&polls[0]).await;
    unasked.expect("tally").await;
    client.new_voter().await.vote(&polls[0], &["yes"]).await.is(201);
    unasked.expect("tally").await;
}

async fn a_plain_form_brings_a_mark(service: &Service) {
    let (client, admin) = (service.client(), service.admin());
    let poll = service.poll(json!({})).await;
    let page = client.get(&format!("/embed/{poll}/form")).send().await.page(200);
    let [voter, mark] = ["voter", "mark"].map(|name| after(&page, &format!("name=\"{name}\" value=\"")).to_owned());
    remember_secret(&voter);
    let own = [("origin", PUBLIC_URL), ("sec-fetch-site", "same-origin"), BROWSER[1], BROWSER[2]];
    let send = async |body: String| {
        let form = client.post(&format!("/embed/{poll}/form")).body("application/x-www-form-urlencoded", body);
        assert_eq!(with(form, &own).send().await.status, 303);
    };
    send(format!("voter={voter}&mark={mark}&choices=yes")).await;
    assert_eq!(labels(&admin, &poll).await, [("early-mark".to_owned(), 1)]);
    let page = client.get(&format!("/embed/{poll}/form")).send().await.page(200);
    let voter = after(&page, "name=\"voter\" value=\"").to_owned();
    remember_secret(&voter);
    send(format!("voter={voter}&mark={}&choices=yes", old_mark(&poll))).await;
    assert_eq!(labels(&admin, &poll).await, [("clean".to_owned(), 1), ("early-mark".to_owned(), 1)]);
}

async fn who_votes_first_in_an_articles_poll_has_its_mark_from_the_page_or_the_stream(service: &Service) {
    let (client, admin, site) = (service.client(), service.admin(), service.site_for(&["https://news.example"]).await);
    let template = json!({
        "poll": { "kind": "reaction", "question": "ما رأيك؟", "options": [{ "emoji": "👍", "label": "أعجبني" }, { "emoji": "👎", "label": "لا" }] },
    });
    admin.put(&format!("/v1/sites/{site}/templates/reactions")).json(&template).send().await.is(201);
    for way in ["page", "stream", "neither"] {
        let named = json!({ "url": format!("https://news.example/{way}"), "title": "خبر", "published_at": "2026-11-29T06:00:00Z" });
        admin.put(&format!("/v1/sites/{site}/articles/{way}")).json(&named).send().await.is(201);
        let path = format!("/v1/sites/{site}/articles/{way}/reactions");
        let poll = client.get(&path).send().await.is(200);
        let mark = match way {
            "page" => {
                let page = client.get(&format!("/embed/sites/{site}/articles/{way}/reactions")).send().await.page(200);
                json!(after(&page, "data-mark=\""))
            }
            "stream" => {
                let mut stream = client.get(&format!("{path}/live?mark=true")).open().await;
                stream.expect("tally").await;
                stream.expect("mark").await.data["mark"].clone()
            }
            _ => json!(""),
        };
        let body = json!({ "choices": [poll["options"][0]["id"]], "voter": { "nonce": nonce() }, "mark": mark });
        let answer =
            with(client.post(&format!("{path}/votes")).body("text/plain", body.to_string()), &BROWSER).send().await;
        if let Some(token) = answer.token() {
            remember_secret(&token);
        }
        answer.is(201);
        // A program that votes in the moment it has looked has an early one; on a slow machine it is older by then.
        let has_it = labels(&admin, &text(&poll["id"])).await != [("no-mark".to_owned(), 1)];
        assert_eq!(has_it, way != "neither", "{way}");
    }
}
