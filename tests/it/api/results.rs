//! Reading tallies, and who may.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, until},
    registry::service_rules,
    service::{Service, text},
};

async fn a_fresh_poll_has_a_tally_of_nothing(service: &Service) {
    let poll = service.poll(json!({})).await;
    for client in service.clients() {
        let tally = client.results(&poll).await;
        assert_eq!((&tally["ballots"], &tally["version"]), (&json!(0), &json!(0)));
        assert_eq!(tally["options"][0], json!({ "id": "yes", "label": "نعم", "votes": 0, "share": 0 }));
    }
}

async fn a_vote_on_one_replica_is_seen_on_the_other(service: &Service) {
    let poll = service.poll(json!({})).await;
    let clients = service.clients();
    clients[1].results(&poll).await;
    clients[0].new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let tally = until(async || {
        let tally = clients[1].results(&poll).await;
        (tally["ballots"] == 1).then_some(tally)
    })
    .await;
    assert_eq!(tally["options"][0]["votes"], 1);
}

async fn several_tallies_come_in_the_order_asked(service: &Service) {
    let mut polls = Vec::new();
    for count in 0..3 {
        let poll = service.poll(json!({})).await;
        for _ in 0..count {
            service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
        }
        polls.push(poll);
    }
    polls.swap(0, 2);
    let path = format!("/v1/results?polls={}", polls.join(","));
    let answer = service.client().get(&path).send().await;
    assert!(answer.header("cache-control").is_some_and(|value| value.contains("public")), "{answer}");
    let answer = answer.is(200);
    let tallies = answer["results"].as_array().expect("several tallies");
    let found: Vec<_> = tallies.iter().map(|tally| (text(&tally["poll"]), tally["ballots"].clone())).collect();
    let asked: Vec<_> = polls.into_iter().zip([json!(2), json!(1), json!(0)]).collect();
    assert_eq!(found, asked);
}

async fn asking_for_no_tally_or_too_many_is_refused(service: &Service) {
    let many = vec!["01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21"; 51].join(",");
    for query in ["", "?polls=", "?polls=yes", &format!("?polls={many}")] {
        let path = format!("/v1/results{query}");
        service.client().get(&path).send().await.refused(400, "invalid-request");
    }
}

async fn an_unchanged_tally_is_not_sent_again(service: &Service) {
    let poll = service.poll(json!({})).await;
    let path = format!("/v1/polls/{poll}/results");
    let first = service.client().get(&path).send().await;
    let cache_control = first.header("cache-control").unwrap_or_default();
    assert!(cache_control.contains("public") && cache_control.contains("s-maxage="), "{cache_control}");
    let etag = first.header("etag").expect("a tally has an ETag");
    let again = service.client().get(&path).header("if-none-match", &etag).send().await;
    assert_eq!(again.header("etag"), Some(etag.clone()));
    assert!(again.body.is_empty());
    again.is(304);
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let changed = service.client().get(&path).header("if-none-match", &etag).send().await;
    assert_ne!(changed.header("etag"), Some(etag));
    assert_eq!(changed.is(200)["ballots"], 1);
}

/// Else a dashboard would go on showing words that nobody votes for any more, or have to read the poll each time.
async fn a_rewording_reaches_whoever_holds_results_although_no_vote_was_cast(service: &Service) {
    let poll = service.poll(json!({})).await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let several = format!("/v1/results?polls={poll}");
    let paths = [format!("/v1/polls/{poll}/results"), format!("/v1/polls/{poll}/timeline?interval=P1D"), several];
    let mut tags = Vec::new();
    for path in &paths {
        tags.push(service.client().get(path).send().await.header("etag").expect("it has an ETag"));
    }
    let label = "\"نعم\" \\ {بالتأكيد}";
    let options = json!([{ "id": "yes", "label": label }, { "id": "no", "label": "لا" }]);
    let edit = json!({ "revision": 1, "options": options, "reason": "أوضح" });
    service.admin().patch(&format!("/v1/polls/{poll}")).json(&edit).send().await.is(200);
    for (path, tag) in paths.iter().zip(&tags) {
        let answer = service.client().get(path).header("if-none-match", tag).send().await.is(200);
        let results = answer.get("results").map_or(&answer, |results| results.get(0).unwrap_or(results));
        assert_eq!((&results["version"], &results["options"][0]["label"]), (&json!(1), &json!(label)), "{answer}");
    }
}

async fn several_unchanged_tallies_are_not_sent_again(service: &Service) {
    let polls = [service.poll(json!({})).await, service.poll(json!({})).await];
    let path = format!("/v1/results?polls={}", polls.join(","));
    let etag = service.client().get(&path).send().await.header("etag").expect("tallies have an ETag");
    service.client().get(&path).header("if-none-match", &etag).send().await.is(304);
    service.client().new_voter().await.vote(&polls[1], &["yes"]).await.is(201);
    service.client().get(&path).header("if-none-match", &etag).send().await.is(200);
}

/// Who sees a poll's tally: a stranger, a voter with a ballot, the key of its site.
async fn who_sees(service: &Service, policy: &str, is_closed: bool) -> [bool; 3] {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site, "results": policy })).await;
    let voter = service.client().new_voter().await;
    let answer = voter.vote(&poll, &["yes"]).await.is(201);
    if is_closed {
        service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    }
    let (_, key) = service.key(&site, &["results:read"]).await;
    let path = format!("/v1/polls/{poll}/results");
    let mut sees = [false; 3];
    for (client, sees) in [service.client(), voter.clone(), service.client().with_key(&key)].iter().zip(&mut sees) {
        let answer = client.get(&path).send().await;
        *sees = answer.status == 200;
        let cache_control = answer.header("cache-control").unwrap_or_default();
        if *sees && !(policy == "always" || (is_closed && policy != "never")) {
            assert!(!cache_control.contains("public"), "a shared cache would leak what {policy} hides: {answer}");
        }
        if *sees {
            answer.is(200)
        } else {
            answer.refused(403, "results-hidden")
        };
    }
    if !is_closed {
        let is_shown = !answer["results"].is_null();
        assert_eq!(is_shown, sees[1], "a vote's answer shows what its voter may see: {answer}");
    }
    let again = voter.vote(&poll, &["yes"]).await.is(200);
    assert_eq!(!again["results"].is_null(), sees[1], "so does a retry's: {again}");
    let mine = voter.get(&format!("/v1/polls/{poll}/votes/me")).send().await.is(200);
    assert!(sees[1] || mine.get("results").is_none_or(Value::is_null), "so does the ballot: {mine}");
    sees
}

/// Hidden results have leaked elsewhere (Discourse CVE-2026-27021).
async fn results_are_seen_by_whom_the_poll_says(service: &Service) {
    for (policy, is_closed, sees) in [
        ("always", false, [true, true, true]),
        ("after_vote", false, [false, true, true]),
        ("after_vote", true, [true, true, true]),
        ("after_close", false, [false, false, true]),
        ("after_close", true, [true, true, true]),
        ("never", false, [false, false, true]),
        ("never", true, [false, false, true]),
    ] {
        assert_eq!(who_sees(service, policy, is_closed).await, sees, "{policy}, closed: {is_closed}");
    }
}

async fn a_voter_who_is_none_is_told_so_where_it_matters(service: &Service) {
    let hidden = service.poll(json!({ "results": "after_vote" })).await;
    let nobody = service.client().with_voter("nonsense");
    nobody.get(&format!("/v1/polls/{hidden}/results")).send().await.refused(401, "voter-required");
    nobody.get(&format!("/v1/results?polls={hidden}")).send().await.refused(401, "voter-required");
}

async fn hidden_results_stay_hidden_among_several(service: &Service) {
    let shown = service.poll(json!({})).await;
    let hidden = service.poll(json!({ "results": "never" })).await;
    let voter = service.client().new_voter().await;
    voter.vote(&hidden, &["yes"]).await.is(201);
    let gone = "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21";
    let answer = voter.get(&format!("/v1/results?polls={shown},{hidden},{gone}")).send().await;
    let cache_control = answer.header("cache-control").unwrap_or_default();
    assert!(!cache_control.contains("public"), "another may see more, or soon: {answer}");
    let answer = answer.is(200);
    assert_eq!(answer["results"][0]["ballots"], 0);
    assert_eq!(answer["results"][1], json!({ "poll": hidden, "code": "results-hidden" }));
    assert_eq!(answer["results"][2], json!({ "poll": gone, "code": "not-found" }));
}

/// What is told of a site's polls, as soon as there are so many: for those who show no key the list may be a second
/// old.
async fn listed(client: &Client, path: &str, count: usize) -> Answer {
    until(async || {
        let answer = client.get(path).send().await;
        (answer.json()["results"].as_array().is_some_and(|results| results.len() == count)).then_some(answer)
    })
    .await
}

fn polls_in(answer: &Value) -> Vec<String> {
    answer["results"].as_array().expect("several tallies").iter().map(|tally| text(&tally["poll"])).collect()
}

async fn a_site_s_results_come_newest_first_and_page_by_page(service: &Service) {
    let site = service.site().await;
    let mut polls = Vec::new();
    for _ in 0..5 {
        polls.push(service.poll(json!({ "site": site })).await);
    }
    polls.reverse();
    service.client().new_voter().await.vote(&polls[1], &["yes"]).await.is(201);
    for client in service.clients() {
        client.results_from(&polls[1], 1).await;
        let whole = listed(&client, &format!("/v1/results?site={site}"), 5).await.is(200);
        assert_eq!((polls_in(&whole), &whole["next_cursor"]), (polls.clone(), &Value::Null));
        assert_eq!((&whole["results"][1]["ballots"], &whole["results"][0]["ballots"]), (&json!(1), &json!(0)));
        assert_eq!(whole["results"][1]["options"][0]["label"], "نعم");
    }
    let mut path = format!("/v1/results?site={site}&state=open&limit=2");
    let mut found = Vec::new();
    for page in [2, 2, 1] {
        let answer = listed(&service.client(), &path, page).await;
        let link = answer.header("link");
        let answer = answer.is(200);
        found.extend(polls_in(&answer));
        let Some(cursor) = answer["next_cursor"].as_str() else {
            assert_eq!(link, None);
            break;
        };
        path = format!("/v1/results?site={site}&state=open&limit=2&cursor={cursor}");
        assert_eq!(link, Some(format!("<{path}>; rel=\"next\"")));
    }
    assert_eq!(found, polls);
}

async fn a_site_s_results_tell_strangers_of_no_poll_that_is_yet_to_open(service: &Service) {
    let site = service.site().await;
    let poll = async |with: Value| {
        let mut with = with;
        with["site"] = json!(site);
        service.poll(with).await
    };
    let draft = poll(json!({ "state": "draft" })).await;
    let scheduled = poll(json!({ "opens_at": "2090-01-01T00:00:00Z" })).await;
    let closed = poll(json!({})).await;
    service.admin().post(&format!("/v1/polls/{closed}/close")).send().await.is(200);
    let open = poll(json!({})).await;
    let (_, key) = service.key(&site, &["results:read"]).await;
    let (_, other) = service.key(&service.site().await, &["results:read"]).await;
    let (_, narrow) = service.key(&site, &["polls:read"]).await;
    let stranger = service.client();
    for client in [&stranger, &stranger.with_key(&other), &stranger.with_key(&narrow)] {
        for (query, seen) in [
            ("", vec![&open, &closed]),
            ("&state=open", vec![&open]),
            ("&state=closed", vec![&closed]),
            ("&state=scheduled", vec![]),
            ("&state=draft", vec![]),
        ] {
            let answer = listed(client, &format!("/v1/results?site={site}{query}"), seen.len()).await.is(200);
            assert_eq!(polls_in(&answer).iter().collect::<Vec<_>>(), seen, "{query}");
        }
    }
    let own = stranger.with_key(&key);
    for (query, seen) in [
        ("", vec![&open, &closed, &scheduled, &draft]),
        ("&state=scheduled", vec![&scheduled]),
        ("&state=draft", vec![&draft]),
    ] {
        let answer = own.get(&format!("/v1/results?site={site}{query}")).send().await;
        let cache_control = answer.header("cache-control").unwrap_or_default();
        // A cache would keep it for a stranger who asks for the same.
        assert!(cache_control.contains("private"), "{query}: {cache_control}");
        assert_eq!(polls_in(&answer.is(200)).iter().collect::<Vec<_>>(), seen, "{query}");
    }
}

/// After so many polls that are left out a page ends, wherever it is.
async fn no_cursor_names_a_poll_that_is_yet_to_open(service: &Service) {
    let site = service.site().await;
    let last = service.poll(json!({ "site": site })).await;
    for _ in 0..201 {
        service.poll(json!({ "site": site, "state": "draft" })).await;
    }
    let client = service.client();
    let first = listed(&client, &format!("/v1/results?site={site}"), 0).await.is(200);
    let cursor = text(&first["next_cursor"]);
    let bytes = URL_SAFE_NO_PAD.decode(&cursor).expect("a cursor");
    assert_eq!(bytes[8..], [0xff; 16], "the time alone");
    let next = listed(&client, &format!("/v1/results?site={site}&cursor={cursor}"), 1).await.is(200);
    assert_eq!((polls_in(&next), &next["next_cursor"]), (vec![last], &Value::Null));
}

async fn a_site_s_hidden_results_stay_hidden(service: &Service) {
    let site = service.site().await;
    let hidden = service.poll(json!({ "site": site, "results": "after_vote" })).await;
    let voter = service.client().new_voter().await;
    voter.vote(&hidden, &["yes"]).await.is(201);
    let path = format!("/v1/results?site={site}");
    let answer = listed(&service.client(), &path, 1).await;
    let cache_control = answer.header("cache-control").unwrap_or_default();
    assert!(!cache_control.contains("public"), "another may see more: {answer}");
    assert_eq!(answer.is(200)["results"][0], json!({ "poll": hidden, "code": "results-hidden" }));
    let (_, key) = service.key(&site, &["results:read"]).await;
    for client in [voter, service.client().with_key(&key)] {
        let answer = listed(&client, &path, 1).await;
        let cache_control = answer.header("cache-control").unwrap_or_default();
        assert!(!cache_control.contains("public"), "others see less: {answer}");
        assert_eq!(answer.is(200)["results"][0]["ballots"], 1);
    }
}

async fn a_site_s_unchanged_results_are_not_sent_again(service: &Service) {
    let site = service.site().await;
    let client = service.client();
    let path = format!("/v1/results?site={site}");
    let tag_of = async |count| listed(&client, &path, count).await.header("etag").expect("tallies have an ETag");
    let mut tags = vec![tag_of(0).await];
    let first = service.poll(json!({ "site": site })).await;
    let of_one = listed(&client, &path, 1).await;
    let cache_control = of_one.header("cache-control").unwrap_or_default();
    assert!(cache_control.contains("public, max-age=2, s-maxage=5"), "{cache_control}");
    let names = of_one.header("surrogate-key").unwrap_or_default();
    assert_eq!(names, format!("site-{site} poll-{first}"));
    tags.push(of_one.header("etag").expect("tallies have an ETag"));
    service.poll(json!({ "site": site })).await;
    tags.push(tag_of(2).await);
    client.get(&path).header("if-none-match", &tags[2]).send().await.is(304);
    client.new_voter().await.vote(&first, &["yes"]).await.is(201);
    let changed = client.get(&path).header("if-none-match", &tags[2]).send().await;
    tags.push(changed.header("etag").expect("tallies have an ETag"));
    assert_eq!(changed.is(200)["results"][1]["ballots"], 1);
    // What was closed may be kept for long when it is asked for by itself; here another poll may come.
    for poll in polls_in(&listed(&client, &path, 2).await.is(200)) {
        service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    }
    let closed = listed(&client, &format!("{path}&state=closed"), 2).await;
    assert_eq!(closed.header("cache-control").as_deref(), Some(cache_control.as_str()));
    tags.push(closed.header("etag").expect("tallies have an ETag"));
    for (place, tag) in tags.iter().enumerate() {
        assert!(!tags[..place].contains(tag), "{tags:?}");
    }
}

async fn a_list_of_results_says_which_parameter_is_wrong(service: &Service) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site })).await;
    for (query, field, rule) in [
        ("", "polls", "or site must name a site"),
        ("?site=", "site", "must be"),
        ("?site=NO!", "site", "must be"),
        (&format!("?site={site}&stat=open"), "stat", "is not a parameter here; there are site, state, cursor, limit"),
        (&format!("?site={site}&state=over"), "state", "must be draft, scheduled, open or closed"),
        (&format!("?site={site}&limit=51"), "limit", "must be a number from 1 to 50"),
        (&format!("?site={site}&cursor=x"), "cursor", "must be a next_cursor as it was given"),
        (&format!("?site={site}&site={site}"), "site", "must be given once"),
        (&format!("?site={site}&polls={poll}"), "site", "can't be given with polls"),
    ] {
        let refused = service.client().get(&format!("/v1/results{query}")).send().await.refused(400, "invalid-request");
        let told = &refused["errors"][0];
        assert_eq!(told["field"], field, "{query}: {refused}");
        assert!(text(&told["detail"]).contains(rule), "{query}: {refused}");
    }
    let nowhere = service.client().get("/v1/results?site=nobody-s").send().await.refused(404, "not-found");
    assert_eq!(nowhere["detail"], "no site has this id");
}

service_rules![
    a_fresh_poll_has_a_tally_of_nothing,
    a_vote_on_one_replica_is_seen_on_the_other,
    several_tallies_come_in_the_order_asked,
    asking_for_no_tally_or_too_many_is_refused,
    an_unchanged_tally_is_not_sent_again,
    a_rewording_reaches_whoever_holds_results_although_no_vote_was_cast,
    several_unchanged_tallies_are_not_sent_again,
    results_are_seen_by_whom_the_poll_says,
    a_voter_who_is_none_is_told_so_where_it_matters,
    hidden_results_stay_hidden_among_several,
    a_site_s_results_come_newest_first_and_page_by_page,
    a_site_s_results_tell_strangers_of_no_poll_that_is_yet_to_open,
    no_cursor_names_a_poll_that_is_yet_to_open,
    a_site_s_hidden_results_stay_hidden,
    a_site_s_unchanged_results_are_not_sent_again,
    a_list_of_results_says_which_parameter_is_wrong,
];
