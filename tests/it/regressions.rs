//! How polls have failed in the wild: one rule for each class of failure that an API can have, named after it. Some are
//! a page of their own elsewhere; here each stands once, as it happened, in the fewest steps that show it.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    backends::Storage,
    client::{Client, nonce},
    registry::service_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{Service, seed_poll, text},
};

/// A forged X-Forwarded-For or Client-IP gave unlimited votes: wp-polls #2, #104; YOP Poll CVE-2022-1600; Forminator
/// CVE-2026-87070.
async fn a_forged_address_buys_no_second_vote(service: &Service) {
    let poll = service.poll(json!({})).await;
    let voter = service.client().new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    for (place, name) in
        ["x-forwarded-for", "client-ip", "x-real-ip", "forwarded", "true-client-ip", "cf-connecting-ip"]
            .into_iter()
            .enumerate()
    {
        let value = if name == "forwarded" { format!("for=198.51.100.{place}") } else { format!("198.51.100.{place}") };
        let again = voter.post(&format!("/v1/polls/{poll}/votes")).header(name, &value);
        again.json(&json!({ "choices": ["no"] })).send().await.refused(409, "already-voted");
        let nobody = service.client().post(&format!("/v1/polls/{poll}/votes")).header(name, &value);
        nobody.json(&json!({ "choices": ["no"] })).send().await.refused(401, "voter-required");
    }
    assert_eq!(service.client().results(&poll).await["ballots"], 1);
}

/// Concurrent requests beat "one vote": YOP Poll CVE-2023-6109; Forminator CVE-2023-2010; wp-polls CVE-2022-40130;
/// discourse #15001.
async fn concurrent_requests_are_one_vote(service: &Service) {
    let poll = service.poll(json!({})).await;
    let [here, there] = service.clients().try_into().expect("two clients");
    let token = here.mint().await;
    let voters = [here.with_voter(&token), there.with_voter(&token)];
    let votes = (0..40).map(|place| voters[place % 2].vote(&poll, &["yes"]));
    let counted = join_all(votes).await.into_iter().filter(|answer| answer.status == 201).count();
    assert!(counted <= 1, "{counted} votes were counted");
    assert_eq!(service.client().results(&poll).await["ballots"], 1);
}

/// A GET, or any site's hidden form, voted; 318,000 votes came through forum signatures: wp-polls #80, #81;
/// CVE-2016-20067.
async fn neither_a_get_nor_a_hidden_form_votes(service: &Service) {
    let poll = service.poll(json!({})).await;
    let path = format!("/v1/polls/{poll}/votes");
    let cookie = format!("__Host-sawt_voter={}", service.client().mint().await);
    let with_cookie = |method: Method, path: &str| {
        let request = service.client().request(method, path).undocumented();
        request.header("cookie", &cookie).header("sec-fetch-site", "cross-site")
    };
    for query in ["", "?choices=yes", "?_method=POST&choices[]=yes"] {
        for method in [Method::GET, Method::HEAD, Method::PUT] {
            let answer = with_cookie(method.clone(), &format!("{path}{query}"));
            let answer = if method == Method::HEAD { continue } else { answer.send().await };
            answer.refused(405, "method-not-allowed");
        }
    }
    // What a form can send, and nothing else can be sent by a page that was not asked about first.
    for content_type in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        for body in ["choices=yes", "{\"choices\":[\"yes\"]}"] {
            let form = with_cookie(Method::POST, &path).header("origin", "https://evil.example");
            form.body(content_type, body).send().await.refused(415, "unsupported-media-type");
        }
    }
    // A form of plain text, with and without a voter of the page's own making.
    let new = format!("{{\"choices\":[\"yes\"],\"voter\":{{\"nonce\":\"{}\"}}}}", nonce());
    for (body, status) in [("choices=yes\r\n", 400), ("{\"choices\":[\"yes\"]}", 401), (&*new, 403)] {
        let form = with_cookie(Method::POST, &path).header("origin", "https://evil.example");
        let answer = form.header("sec-fetch-mode", "navigate").body("text/plain", body).send().await;
        assert_eq!(answer.status, status, "{answer}");
    }
    let script = with_cookie(Method::POST, &path).header("origin", "https://evil.example");
    script.json(&json!({ "choices": ["yes"] })).send().await.refused(403, "origin-refused");
    assert_eq!(service.client().results(&poll).await["ballots"], 0);
}

/// Answers out of range were counted, inflating totals past 300 %: Time 100, 2009; wp-polls #81.
async fn answers_out_of_range_are_not_counted(service: &Service) {
    let poll = service.poll(json!({})).await;
    let voter = service.client().new_voter().await;
    for choices in [
        json!(["maybe"]),
        json!(["yes", "no"]),
        json!(["yes", "yes"]),
        json!([]),
        json!(["yes", "maybe"]),
        json!(["0"]),
        json!(["Yes"]),
        json!([" yes"]),
        json!(vec!["yes"; 300]),
    ] {
        let body = json!({ "choices": choices });
        let answer = voter.post(&format!("/v1/polls/{poll}/votes")).json(&body).send().await;
        answer.refused(422, "invalid-choice");
    }
    voter.vote(&poll, &["yes"]).await.is(201);
    let tally = service.client().results(&poll).await;
    let shares: f64 =
        tally["options"].as_array().expect("options").iter().filter_map(|option| option["share"].as_f64()).sum();
    assert!((shares - 1.0).abs() < 1e-9 && tally["ballots"] == 1, "{tally}");
}

/// A lock refused simultaneous voters, and 43 % of the votes were lost at 8 clients: wp-polls, as measured.
async fn simultaneous_voters_are_all_counted(service: &Service) {
    let poll = service.poll(json!({})).await;
    let clients = service.clients();
    let votes = (0..40).map(|place| {
        let (client, poll) = (clients[place % 2].clone(), &poll);
        async move { client.new_voter().await.vote(poll, &["yes"]).await.is(201) }
    });
    join_all(votes).await;
    assert_eq!(service.client().results_from(&poll, 40).await["ballots"], 40);
}

/// Hidden results leaked: Discourse CVE-2026-27021.
async fn hidden_results_do_not_leak(service: &Service) {
    for policy in ["after_vote", "after_close", "never"] {
        let poll = service.poll(json!({ "results": policy })).await;
        for voter in 0..3 {
            let voted = service.client().new_voter().await.vote(&poll, &["yes"]).await;
            let shown = voted.is(201)["results"].clone();
            assert_eq!(shown.is_null(), policy != "after_vote", "{policy}, voter {voter}: {shown}");
        }
        let stranger = service.client().new_voter().await;
        for client in [service.client(), stranger.clone()] {
            let one = client.get(&format!("/v1/polls/{poll}/results")).send().await;
            assert!(!String::from_utf8_lossy(&one.body).contains("ballots"), "{policy}: {one}");
            one.refused(403, "results-hidden");
            let several = client.get(&format!("/v1/results?polls={poll}")).send().await.is(200);
            assert_eq!(several["results"], json!([{ "poll": poll, "code": "results-hidden" }]), "{policy}");
            let mut read = client.get(&format!("/v1/polls/{poll}")).send().await.is(200);
            // The service's own name is votes.example.
            read.as_object_mut().expect("an object").remove("embed");
            assert!(!read.to_string().contains("votes") && !read.to_string().contains("ballots"), "{policy}: {read}");
        }
        // Nor by what a refusal says.
        let refused = stranger.vote(&poll, &["maybe"]).await.refused(422, "invalid-choice");
        assert!(!refused.to_string().contains("ballots"), "{refused}");
    }
}

/// Admin routes without a check, and another tenant's poll: CVE-2020-11673, CVE-2013-1401, CVE-2025-24577.
async fn another_tenants_poll_is_out_of_reach(service: &Service) {
    let (mine, theirs) = (service.site().await, service.site().await);
    let poll = service.poll(json!({ "site": theirs, "state": "draft" })).await;
    let (_, key) =
        service.key(&mine, &["polls:read", "polls:write", "results:read", "keys:write", "sites:write"]).await;
    let path = format!("/v1/polls/{poll}");
    let stranger = service.client().with_key(&key);
    for (method, path, body) in [
        (Method::GET, path.clone(), None),
        (Method::PATCH, path.clone(), Some(json!({ "revision": 1, "question": "؟", "reason": "أقصر" }))),
        (Method::DELETE, path.clone(), None),
        (Method::POST, format!("{path}/open"), None),
        (Method::POST, format!("{path}/publish"), None),
        (Method::POST, format!("{path}/close"), None),
        (Method::GET, format!("{path}/results"), None),
    ] {
        for (client, is_known) in [(&stranger, true), (&service.client(), false)] {
            let request = client.request(method.clone(), &path);
            let request =
                body.as_ref().map_or_else(|| client.request(method.clone(), &path), |body| request.json(body));
            let answer = request.send().await;
            let is_refused = if is_known { answer.status == 404 } else { matches!(answer.status, 401 | 404) };
            assert!(is_refused, "{answer}");
        }
    }
    let unchanged = service.client().with_key(ADMIN_KEY).get(&path).send().await.is(200);
    assert_eq!((&unchanged["revision"], &unchanged["state"]), (&json!(1), &json!("draft")));
}

/// Poll text ran as script in the page: CVE-2021-24442, CVE-2014-10395, CVE-2019-9914. Here it is text, and said to be.
async fn poll_text_is_never_a_page(service: &Service) {
    let script = "</script><script>alert(1)</script><img src=x onerror=alert(1)>";
    let options = json!([{ "id": "yes", "label": script }, { "id": "no", "label": "\"'><svg onload=alert(1)>" }]);
    let poll = service.poll(json!({ "question": script, "options": options })).await;
    let wrong = service.client().new_voter().await.vote(&poll, &[script]).await;
    let read = service.client().get(&format!("/v1/polls/{poll}")).send().await;
    for answer in [read, wrong] {
        let media_type = answer.header("content-type").unwrap_or_default();
        assert!(media_type.starts_with("application/") && media_type.ends_with("json"), "{answer}");
        assert_eq!(answer.header("x-content-type-options").as_deref(), Some("nosniff"));
        assert!(answer.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
    }
}

/// A page cache froze nonces and tallies: wp-polls #103, #32; coralproject/talk #3445. What may be kept is nobody's,
/// and is kept for seconds; what is somebody's is never kept.
async fn a_cache_freezes_neither_tokens_nor_tallies(service: &Service) {
    let poll = service.poll(json!({})).await;
    let voter = service.client().new_voter().await;
    let tally = service.client().get(&format!("/v1/polls/{poll}/results")).send().await;
    let caching = tally.header("cache-control").expect("it says");
    assert!(caching.contains("max-age=2") && caching.contains("s-maxage=5"), "{caching}");
    assert_eq!((tally.header("set-cookie"), tally.header("vary").as_deref()), (None, Some("Accept")), "{tally}");
    for private in [
        voter.vote(&poll, &["yes"]).await,
        voter.get(&format!("/v1/polls/{poll}/votes/me")).send().await,
        voter.post("/v1/voters").send().await,
    ] {
        assert_eq!(private.header("cache-control").as_deref(), Some("private, no-store"), "{}", private.status);
        if private.header("set-cookie").is_some() {
            crate::client::remember_secret(&text(&private.json()["voter"]));
        }
    }
    let missing = service.client().get("/v1/polls/01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21").send().await;
    assert_eq!(missing.header("cache-control").as_deref(), Some("no-store"));
}

/// Everyone behind one proxy or one carrier was one voter: larapoll #111; strawpoll #33; wp-polls #112. All voters of
/// these tests come from one address.
async fn everyone_behind_one_address_votes(service: &Service) {
    let poll = service.poll(json!({})).await;
    for voter in 1..=30 {
        let client = service.client().new_voter().await;
        let vote = client.post(&format!("/v1/polls/{poll}/votes")).header("x-forwarded-for", "198.51.100.7");
        vote.json(&json!({ "choices": ["yes"] })).send().await.is(201);
        assert_eq!(service.client().results(&poll).await["ballots"], voter);
    }
}

/// Votes from an iframe were silently lost without cookies: polis #964; crowdsignal-forms #315.
async fn a_frame_without_cookies_votes(service: &Service) {
    let site = service.site_for(&["https://news.example"]).await;
    let poll = service.poll(json!({ "site": site })).await;
    for origin in ["null", "https://news.example"] {
        let minted = service.client().post("/v1/voters").header("origin", origin).send().await;
        // The cookie that comes with it is lost; the token in the body is not.
        let voter = service.client().with_voter(&text(&minted.is(201)["voter"]));
        let vote = voter.post(&format!("/v1/polls/{poll}/votes")).header("origin", origin);
        vote.json(&json!({ "choices": ["yes"] })).send().await.is(201);
    }
    // And what does not count is said, not swallowed.
    let lost = service.client().post(&format!("/v1/polls/{poll}/votes")).header("origin", "null");
    lost.json(&json!({ "choices": ["yes"] })).send().await.refused(401, "voter-required");
    assert_eq!(service.client().results(&poll).await["ballots"], 2);
}

/// An IPv4 address in IPv6's clothes shared one bucket with all others, or got a second one: CVE-2026-30827;
/// GHSA-5847-rm3g-23mw. Nor is a subscriber as many clients as its network has addresses.
async fn an_address_is_one_client_however_it_is_written(_service: &Service) {
    let storage = Storage::file();
    let settings = Settings::on(storage.address()).with("SAWT_TRUSTED_PROXIES", "127.0.0.1");
    let replica = Replica::start(&settings.with("SAWT_QUOTA_MINT", "1/86400s"));
    let client = Client::new(replica.address());
    for (address, status) in [
        ("203.0.113.1", 201),
        ("203.0.113.1", 429),
        ("::ffff:203.0.113.1", 429),
        ("[::ffff:203.0.113.1]:4711", 429),
        ("::ffff:cb00:7101", 429),
        ("64:ff9b::203.0.113.1", 429),
        // Mapped as it is, it shares nothing with the next one.
        ("::ffff:203.0.113.2", 201),
        ("203.0.113.2", 429),
        ("2001:db8:1:2::3", 201),
        ("2001:db8:1:2:ffff::4", 429),
        ("2001:db8:1:3::3", 201),
    ] {
        let answer = client.post("/v1/voters").header("x-forwarded-for", address).send().await;
        assert_eq!(answer.status, status, "{address}: {answer}");
        if status == 201 {
            crate::client::remember_secret(&text(&answer.json()["voter"]));
        }
    }
}

/// An update written as "read, add one, write" lost votes: Claper; Mastodon retries a whole row. Edits, too, are made
/// on top of the revision they were made from.
async fn no_update_is_lost_between_a_read_and_a_write(service: &Service) {
    let poll = service.poll(json!({ "changeable": true })).await;
    let [here, there] = service.clients().try_into().expect("two clients");
    let votes = (0..20).map(|place| {
        let (client, poll) = (if place % 2 == 0 { here.clone() } else { there.clone() }, &poll);
        async move {
            let voter = client.new_voter().await;
            voter.vote(poll, &["yes"]).await.is(201);
            voter.vote(poll, &["no"]).await.is(200);
        }
    });
    join_all(votes).await;
    let tally = service.client().results_from(&poll, 40).await;
    let votes: Vec<&Value> =
        tally["options"].as_array().expect("options").iter().map(|option| &option["votes"]).collect();
    assert_eq!((&tally["ballots"], votes), (&json!(20), vec![&json!(0), &json!(20)]), "{tally}");

    // Two different ones: the same edit, sent again, is made once and answered twice.
    let edits = [(&here, "؟"), (&there, "؟؟")].map(|(client, question)| {
        let edit = client.with_key(ADMIN_KEY).patch(&format!("/v1/polls/{poll}"));
        edit.json(&json!({ "revision": 1, "question": question, "reason": "أقصر" })).send()
    });
    let mut statuses: Vec<_> = join_all(edits).await.into_iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}

/// The close of a poll sent every reader to the origin at once: nextcloud/polls #1450, #2582. A closed poll's tally may
/// be kept longer than any other, with a tag that says it has not moved; nobody needs the poll read again for it. What
/// becomes of it in a cache is tried in `caches.rs`.
async fn a_poll_that_closes_sends_nobody_to_the_store(service: &Service) {
    let made = service.admin().post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
    let poll = text(&made["id"]);
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    let path = format!("/v1/polls/{poll}/results");
    let closed = service.client().get(&path).send().await;
    let (tag, caching) = (closed.header("etag").expect("a tag"), closed.header("cache-control").expect("it says"));
    assert!(caching.starts_with("public, max-age=60, s-maxage=300, stale-while-revalidate=60"), "{caching}");
    assert_eq!(closed.is(200)["state"], "closed");
    let readers = (0..40).map(|_| service.client().get(&path).header("if-none-match", &tag).send());
    assert!(join_all(readers).await.iter().all(|answer| answer.status == 304));
}

service_rules![
    a_forged_address_buys_no_second_vote,
    concurrent_requests_are_one_vote,
    neither_a_get_nor_a_hidden_form_votes,
    answers_out_of_range_are_not_counted,
    simultaneous_voters_are_all_counted,
    hidden_results_do_not_leak,
    another_tenants_poll_is_out_of_reach,
    poll_text_is_never_a_page,
    a_cache_freezes_neither_tokens_nor_tallies,
    everyone_behind_one_address_votes,
    a_frame_without_cookies_votes,
    an_address_is_one_client_however_it_is_written,
    no_update_is_lost_between_a_read_and_a_write,
    a_poll_that_closes_sends_nobody_to_the_store,
];
