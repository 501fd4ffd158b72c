//! A site's polls, searched and sorted.

use serde_json::json;

use crate::{
    client::{Client, until},
    registry::service_rules,
    service::{Service, moment, text},
};

/// The ids of all polls that are listed for this query, page by page.
async fn listed(client: &Client, query: &str) -> Vec<String> {
    let (mut seen, mut path) = (Vec::new(), format!("/v1/polls?limit=2&{query}"));
    loop {
        let answer = client.get(&path).send().await;
        let link = answer.header("link");
        let page = answer.is(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|poll| text(&poll["id"])));
        let Some(cursor) = page["next_cursor"].as_str() else { return seen };
        let link = link.expect("a page with a next one links to it");
        assert!(link.contains(&format!("cursor={cursor}>")), "{link}");
        // It asks for the same again.
        link.split(['<', '>']).nth(1).unwrap().clone_into(&mut path);
    }
}

async fn polls_are_found_by_the_words_of_their_questions_however_those_are_typed(service: &Service) {
    let site = service.site().await;
    let ask = async |question: &str| service.poll(json!({ "site": site, "question": question })).await;
    let first = ask("هل تتوقع حلّ مجلس الأُمّة؟").await;
    let second = ask("Galaxy أم iPhone؟").await;
    let third = ask("هل تؤيد حل اللجنة؟").await;
    let admin = service.admin();
    let find = async |words: &str| listed(&admin, &format!("site={site}&q={}", words.replace(' ', "%20"))).await;
    for (words, expected) in [
        ("الامه", vec![&first]),
        ("GALAXY", vec![&second]),
        ("حل", vec![&third, &first]),
        ("حل مجـلس", vec![&first]),
        ("حل نفط", vec![]),
        ("%20", vec![&third, &second, &first]),
    ] {
        assert_eq!(find(words).await.iter().collect::<Vec<_>>(), expected, "{words}");
    }
    // What was done here a moment ago is known: a poll made, one reworded, one deleted.
    let fourth = ask("هل تتابع جلسات المجلس؟").await;
    let reworded = json!({ "revision": 1, "question": "أيهما تفضّل في مجلسك؟" });
    admin.patch(&format!("/v1/polls/{second}")).json(&reworded).send().await.is(200);
    assert_eq!(find("مجلس").await, [&*fourth, &*second, &*first]);
    admin.delete(&format!("/v1/polls/{fourth}")).send().await.is(204);
    assert_eq!(find("مجلس").await, [&*second, &*first]);
    // And by the other replica soon after.
    let [_, other] = service.clients().try_into().unwrap();
    let other = other.with_key(crate::server::ADMIN_KEY);
    until(async || (listed(&other, &format!("site={site}&q=مجلس")).await == [&*second, &*first]).then_some(())).await;
    admin.post(&format!("/v1/polls/{first}/close")).send().await.is(200);
    until(async || (listed(&other, &format!("site={site}&q=مجلس&state=open")).await == [&*second]).then_some(())).await;
    assert_eq!(find("مجلس").await, [&*second, &*first]);
}

async fn polls_are_listed_by_their_votes_and_by_which_closes_next_page_by_page(service: &Service) {
    let site = service.site().await;
    let hour = 60 * 60 * 1_000;
    let now = service.now_millis().await;
    let mut polls = Vec::new();
    for (closes_in, votes) in [(None, 2), (Some(3 * hour), 0), (Some(hour), 3), (Some(2 * hour), 0), (None, 1)] {
        let closes_at = closes_in.map(|hours| moment(now + hours));
        let poll = service.poll(json!({ "site": site, "closes_at": closes_at })).await;
        for _ in 0..votes {
            service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
        }
        polls.push(poll);
    }
    service.admin().post(&format!("/v1/polls/{}/close", polls[4])).send().await.is(200);
    let by_place = |places: [usize; 5]| places.map(|place| polls[place].clone()).to_vec();
    for client in service.clients() {
        let admin = client.with_key(crate::server::ADMIN_KEY);
        assert_eq!(listed(&admin, &format!("site={site}&sort=votes")).await, by_place([2, 0, 4, 3, 1]));
        assert_eq!(listed(&admin, &format!("site={site}&sort=closing")).await, by_place([2, 3, 1, 4, 0]));
        assert_eq!(listed(&admin, &format!("site={site}&sort=newest")).await, by_place([4, 3, 2, 1, 0]));
        let open = listed(&admin, &format!("site={site}&sort=votes&state=open")).await;
        assert_eq!(open, [2, 0, 3, 1].map(|place| polls[place].clone()));
    }
    // Who votes meanwhile changes what comes first.
    for _ in 0..5 {
        service.client().new_voter().await.vote(&polls[1], &["no"]).await.is(201);
    }
    let admin = service.admin();
    until(async || (listed(&admin, &format!("site={site}&sort=votes")).await[0] == polls[1]).then_some(())).await;

    let page = admin.get(&format!("/v1/polls?site={site}&sort=votes&limit=1")).send().await.is(200);
    let cursor = text(&page["next_cursor"]);
    for (wrong, field) in [
        (format!("sort=closing&cursor={cursor}"), "cursor"),
        (format!("cursor={cursor}"), "cursor"),
        ("sort=loudest".to_owned(), "sort"),
        (format!("q={}", "a".repeat(201)), "q"),
        ("sort=votes&sort=votes".to_owned(), "sort"),
    ] {
        let refused = admin.get(&format!("/v1/polls?site={site}&{wrong}")).send().await.refused(400, "invalid-request");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
}

service_rules![
    polls_are_found_by_the_words_of_their_questions_however_those_are_typed,
    polls_are_listed_by_their_votes_and_by_which_closes_next_page_by_page,
];
