//! The list of a site's polls, and what waits for an editor.

use serde_json::json;

use super::desk::SignedIn;
use crate::{
    api::embed::after,
    client::until,
    registry::service_rules,
    service::{Service, moment},
};

const EDITOR: [&str; 3] = ["polls:read", "polls:write", "results:read"];

/// The polls that a page lists, in its order.
fn listed(page: &str, polls: &[String]) -> Vec<usize> {
    let place = |poll: &String| page.find(&format!("/polls/{poll}\""));
    let mut found: Vec<_> = polls.iter().enumerate().filter_map(|(at, poll)| Some((place(poll)?, at))).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, at)| at).collect()
}

async fn a_list_is_searched_filtered_sorted_and_paged(service: &Service) {
    let site = service.site().await;
    let mut polls = Vec::new();
    for number in 0..27 {
        let question = if number % 2 == 0 {
            format!("هل تتوقع حلّ المجلس {number}؟")
        } else {
            format!("Galaxy {number}?")
        };
        let draft = if number == 4 { json!("draft") } else { json!(null) };
        let mut poll = json!({ "site": site, "question": question });
        if !draft.is_null() {
            poll["state"] = draft;
        }
        polls.push(service.poll(poll).await);
    }
    for _ in 0..2 {
        service.client().new_voter().await.vote(&polls[7], &["yes"]).await.is(201);
    }
    let editor = SignedIn::at(service, &site, &EDITOR).await;
    let at = format!("/newsroom/sites/{site}/polls");
    let first = editor.page(&at).await;
    assert_eq!(listed(&first, &polls), (2..27).rev().collect::<Vec<_>>());
    let more = after(&first, "<p class=\"more\"><a class=\"button second\" href=\"")
        .replace("&#38;", "&")
        .replace("&amp;", "&");
    assert_eq!(listed(&editor.page(&format!("{at}{more}")).await, &polls), [1, 0]);

    let sorted = editor.page(&format!("{at}?sort=votes")).await;
    assert_eq!(listed(&sorted, &polls)[0], 7);
    // Its line of the last day stands beside it, and nobody else's has one.
    assert_eq!(sorted.matches("class=\"day-line\"").count(), 1, "{sorted}");
    let found = editor.page(&format!("{at}?q=%D8%A7%D9%84%D9%85%D8%AC%D9%84%D8%B3&state=draft&sort=")).await;
    assert_eq!(listed(&found, &polls), [4]);
    assert!(found.contains("value=\"المجلس\"") && found.contains("value=\"draft\" selected"), "{found}");
    // Keys find the same by the API.
    let by_key = service.admin().get(&format!("/v1/polls?site={site}&sort=votes&include=numbers&limit=2")).send().await;
    assert!(by_key.header("link").unwrap().contains("include=numbers"), "{by_key}");
    let by_key = by_key.is(200);
    let [first, second] = [0, 1].map(|place| by_key["items"][place]["numbers"].clone());
    assert_eq!(
        (&by_key["items"][0]["id"], &first["ballots"], &first["last_day"][23]),
        (&json!(polls[7]), &json!(2), &json!(2))
    );
    assert_eq!((&second["ballots"], second["last_day"].as_array().map(Vec::len)), (&json!(0), Some(24)));
    service.admin().get(&format!("/v1/polls?site={site}&include=all")).send().await.refused(400, "invalid-request");
    // What means nothing is as if it were not there, but words that can't be searched for are told of.
    assert_eq!(listed(&editor.page(&format!("{at}?sort=loud&state=ajar&cursor=x")).await, &polls).len(), 25);
    let refused = editor.get(&format!("{at}?q={}", "a".repeat(201))).send().await.page(400);
    assert!(refused.contains("aria-invalid=\"true\"") && refused.contains(&"a".repeat(201)), "{refused}");
    let none = editor.page(&format!("{at}?q=%3Cscript%3E")).await;
    assert!(!none.contains("<script>") && listed(&none, &polls).is_empty(), "{none}");
}

async fn what_waits_for_an_editor_is_listed_counted_and_decided_there(service: &Service) {
    let site = service.site().await;
    let said = service.poll(json!({ "site": site, "open_answer": true })).await;
    // Polls that close sooner are named first, and in these nothing waits.
    let later = moment(service.now_millis().await + 10 * 24 * 3_600_000);
    for _ in 0..50 {
        service.poll(json!({ "site": site, "open_answer": true, "closes_at": later })).await;
    }
    for words in ["بعد العيد", "لن يُحل"] {
        let vote = json!({ "choices": ["other"], "open_answer": words });
        let voter = service.client().new_voter().await;
        voter.post(&format!("/v1/polls/{said}/votes")).json(&vote).send().await.is(201);
    }
    // In a time zone in which the day goes on for hours, whatever the clock says.
    let now = service.now_millis().await;
    let hour = now.div_euclid(3_600_000).rem_euclid(24);
    let settings = json!({ "origins": [], "timezone": if hour < 12 { "Etc/UTC" } else { "Etc/GMT+12" } });
    service.admin().put(&format!("/v1/sites/{site}")).json(&settings).send().await.is(200);
    let today = service.poll(json!({ "site": site, "closes_at": moment(now + 3 * 3_600_000) })).await;
    let later = service.poll(json!({ "site": site, "closes_at": moment(now + 30 * 3_600_000) })).await;
    let closed = service.poll(json!({ "site": site })).await;
    service.admin().post(&format!("/v1/polls/{closed}/close")).send().await.is(200);

    let editor = SignedIn::at(service, &site, &EDITOR).await;
    let at = format!("/newsroom/sites/{site}/waiting");
    let page = editor.page(&at).await;
    for (poll, is_named) in [(&said, true), (&today, true), (&later, false), (&closed, true)] {
        assert_eq!(page.contains(&format!("/polls/{poll}")), is_named, "{page}");
    }
    assert!(page.contains("<span class=\"count\">2</span></a>"), "two polls wait: {page}");
    // By the API, too: whoever sees no results is told of no texts.
    let waiting = service.admin().get(&format!("/v1/sites/{site}/waiting")).send().await.is(200);
    let ids = |list: &str| waiting[list].as_array().unwrap().iter().map(|poll| poll["id"].clone()).collect::<Vec<_>>();
    assert_eq!((ids("closing"), ids("resolvable")), (vec![json!(today)], vec![json!(closed)]));
    let [texts] = &waiting["answers"].as_array().unwrap()[..] else { panic!("{waiting}") };
    assert_eq!(
        (&texts["poll"]["id"], &texts["count"], texts["first"].as_array().map(Vec::len)),
        (&json!(said), &json!(2), Some(2))
    );
    let (_, key) = service.key(&site, &["polls:read"]).await;
    let client = service.client().with_key(&key);
    assert_eq!(client.get(&format!("/v1/sites/{site}/waiting")).send().await.is(200)["answers"], json!([]));
    service.admin().get("/v1/sites/nobody-made-this/waiting").send().await.refused(404, "not-found");
    assert_eq!(
        client.get(&format!("/v1/polls?site={site}&include=numbers")).send().await.is(200)["items"][0]["numbers"]["ballots"],
        json!(0)
    );
    assert!(page.contains("بعد العيد") && page.contains(&format!("/polls/{closed}#resolve")), "{page}");
    assert!(page.contains("في الأسبوعين الأخيرين"), "older ones are not listed, and nothing says so: {page}");
    // Every other page has the count too, once it is known there.
    for client in service.clients() {
        let list = format!("/newsroom/sites/{site}/polls");
        let editor = editor.through(client);
        until(async || editor.page(&list).await.contains("<span class=\"count\">2</span></a>").then_some(())).await;
    }
    let form = after(&page, &format!("action=\"/newsroom/sites/{site}/polls/{said}/answers/")).to_owned();
    let decide = format!("/newsroom/sites/{site}/polls/{said}/answers/{form}");
    editor.send(&decide, "state=ajar").await.page(404);
    let answer = editor.send(&decide, "state=shown&from=waiting").await;
    let page = editor.page(&answer.header("location").unwrap()).await;
    assert_eq!(page.matches("name=\"state\" value=\"shown\"").count(), 1, "{page}");
    let shown = service.client().results(&said).await["open_answers"].clone();
    assert_eq!(shown.as_array().map(Vec::len), Some(1), "{shown}");
    let answer = editor.send(&decide, "state=hidden").await;
    assert!(answer.header("location").unwrap().contains(&format!("/polls/{said}?said=decided")), "{answer}");

    // Whoever sees no results reads none of the readers' words.
    let reader = SignedIn::at(service, &site, &["polls:read"]).await;
    let page = reader.page(&at).await;
    assert!(!page.contains("بعد العيد") && !page.contains("لن يُحل") && page.contains(&today), "{page}");
}

service_rules![on crate::backends::Backend::EACH_SORT;
    a_list_is_searched_filtered_sorted_and_paged,
    what_waits_for_an_editor_is_listed_counted_and_decided_there,
];
