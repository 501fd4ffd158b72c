//! Transparency logs, snapshots and receipts, as everybody reads them.

use serde_json::{Value, json};

use crate::{
    client::{Client, until},
    registry::service_rules,
    service::{PUBLIC_URL, Service, text},
};

service_rules![
    a_log_has_what_happened_in_a_site_and_opens_what_readers_may_know,
    a_polls_final_figure_is_in_the_log_with_the_root_of_its_ballots,
    a_voter_gets_a_receipt_once_the_poll_is_closed,
    a_snapshot_is_a_figure_with_its_proof_at_an_address_that_stays,
    a_snapshot_of_a_hidden_figure_is_public_once_the_poll_is_closed,
    a_snapshot_is_shown_to_people_as_it_was_on_a_page_and_in_a_picture,
    a_poll_has_a_hundred_snapshots_at_most,
    what_is_no_part_of_a_log_is_not_found,
];

/// The statements of a site's log that are open, once one of this type is about this poll.
async fn statements(client: &Client, site: &str, poll: &str, kind: &str) -> Vec<Value> {
    until(async || {
        let answer = client.get(&format!("/v1/sites/{site}/log/1/openings/0")).send().await;
        if answer.status == 404 {
            return None;
        }
        let opened = answer.is(200)["openings"].as_array().unwrap().clone();
        let statements: Vec<Value> =
            opened.iter().map(|opened| serde_json::from_str(&text(&opened["statement"])).unwrap()).collect();
        let is_there = statements.iter().any(|said| said["type"] == kind && said["poll"] == poll);
        is_there.then_some(statements)
    })
    .await
}

fn of_poll(statements: &[Value], poll: &str) -> Vec<String> {
    statements.iter().filter(|said| said["poll"] == poll).map(|said| text(&said["type"])).collect()
}

async fn close(service: &Service, poll: &str) {
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
}

async fn a_log_has_what_happened_in_a_site_and_opens_what_readers_may_know(service: &Service) {
    let site = service.site().await;
    let draft = service.poll(json!({ "site": site, "state": "draft" })).await;
    let poll = service.poll(json!({ "site": site })).await;
    let reworded = json!({ "revision": 1, "question": "هل تتوقع حلّ المجلس؟", "reason": "أقصر" });
    service.admin().patch(&format!("/v1/polls/{draft}")).json(&reworded).send().await.is(200);
    service.admin().patch(&format!("/v1/polls/{poll}")).json(&reworded).send().await.is(200);
    let said = statements(&service.client(), &site, &poll, "poll.reworded").await;
    assert_eq!((&said[0]["type"], &said[0]["log"]), (&json!("log.began"), &json!(1)));
    assert_eq!(of_poll(&said, &poll), ["poll.opened", "poll.edited", "poll.reworded"]);
    assert_eq!(of_poll(&said, &draft), [""; 0], "a draft is nobody's business");
    let by = said.iter().find(|said| said["type"] == "poll.reworded").map(|said| said["by"].clone());
    assert_eq!(by, Some(json!("operator")), "people appear by what they are");
    let log = service.client().get(&format!("/v1/sites/{site}/log")).send().await.is(200);
    let size = usize::try_from(log["size"].as_u64().unwrap()).unwrap();
    assert!(size > said.len(), "what is sealed is in the log too: {log}");
    assert_eq!(log["origin"], format!("votes.example/v1/sites/{site}/log/1"));
    for level in ["0", "entries"] {
        let path = format!("/v1/sites/{site}/log/1/tile/{level}/000.p/{size}");
        let tile = service.client().get(&path).send().await;
        assert_eq!(tile.header("cache-control").as_deref(), Some("public, max-age=31536000, immutable"));
        let length = if level == "0" { 32 } else { 34 };
        assert_eq!((tile.status, tile.body.len()), (200, length * size), "{tile}");
    }
    let checkpoint = service.client().get(&format!("/v1/sites/{site}/log/1/checkpoint")).send().await;
    assert!(checkpoint.to_string().contains(&format!("votes.example/v1/sites/{site}/log/1\n")), "{checkpoint}");
}

async fn a_polls_final_figure_is_in_the_log_with_the_root_of_its_ballots(service: &Service) {
    let site = service.site().await;
    let [poll, hidden] = ["always", "never"].map(|results| json!({ "site": site, "results": results }));
    let [poll, hidden] = [service.poll(poll).await, service.poll(hidden).await];
    for (place, voted) in [&poll, &poll, &poll, &hidden].into_iter().enumerate() {
        let voter = service.client().new_voter().await;
        voter.vote(voted, &[if place == 0 { "no" } else { "yes" }]).await.is(201);
    }
    close(service, &hidden).await;
    close(service, &poll).await;
    let said = statements(&service.client(), &site, &poll, "poll.ballots").await;
    assert_eq!(of_poll(&said, &poll), ["poll.opened", "poll.closed", "poll.final", "poll.ballots"]);
    assert_eq!(of_poll(&said, &hidden), ["poll.opened", "poll.closed"], "its figure is told nobody");
    let said_of = |kind: &str| said.iter().find(|said| said["type"] == kind).unwrap().clone();
    let last = said_of("poll.final");
    let figure = json!({ "ballots": 3, "options": [{ "id": "yes", "votes": 2 }, { "id": "no", "votes": 1 }] });
    assert_eq!((&last["raw"], &last["counted"], &last["held"]["ballots"]), (&figure, &figure, &json!(0)));
    assert_eq!(said_of("poll.ballots")["ballots"], 3);
}

async fn a_voter_gets_a_receipt_once_the_poll_is_closed(service: &Service) {
    let poll = service.poll(json!({})).await;
    let [voter, other] = [service.client().new_voter().await, service.client().new_voter().await];
    voter.vote(&poll, &["yes"]).await.is(201);
    other.vote(&poll, &["no"]).await.is(201);
    let mine = format!("/v1/polls/{poll}/votes/me");
    assert_eq!(voter.get(&format!("{mine}?proof")).send().await.is(200)["receipt"], Value::Null);
    close(service, &poll).await;
    let receipt = until(async || {
        let told = voter.get(&format!("{mine}?proof")).send().await.is(200);
        Some(told["receipt"].clone()).filter(Value::is_object)
    })
    .await;
    let ballot: Value = serde_json::from_str(&text(&receipt["ballot"]["statement"])).unwrap();
    assert_eq!((&ballot["poll"], &ballot["choices"]), (&json!(poll), &json!(["yes"])));
    assert_eq!(receipt["path"].as_array().unwrap().len(), 1);
    assert_eq!(voter.get(&mine).send().await.is(200).get("receipt"), None, "only for those who ask");
    // The same for a page of another origin.
    let told = voter.post(&format!("/v1/polls/{poll}/votes/mine?proof")).json(&json!({})).send().await.is(200);
    assert_eq!(told["receipt"]["ballot"], receipt["ballot"]);
}

async fn a_snapshot_is_a_figure_with_its_proof_at_an_address_that_stays(service: &Service) {
    let poll = service.poll(json!({ "disclosure": { "asked_by": "الوكالة" } })).await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let snapshots = format!("/v1/polls/{poll}/snapshots");
    let taken = service.admin().post(&snapshots).send().await;
    let location = taken.header("location").unwrap();
    let taken = taken.is(201);
    assert_eq!((&taken["is_public"], &taken["snapshot"]["results"]["ballots"]), (&json!(true), &json!(1)));
    assert!(text(&taken["snapshot"]["disclosure"]).contains("الوكالة"), "{taken}");
    assert_eq!(text(&taken["url"]), format!("https://votes.example{location}"));
    let path = format!("{snapshots}/{}", text(&taken["id"]));
    // The poll goes on, and the snapshot stays what it was.
    service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
    for client in service.clients() {
        let read = client.get(&path).send().await.is(200);
        assert_eq!((&read["statement"], &read["snapshot"]), (&taken["statement"], &taken["snapshot"]));
        let proof = client.get(&format!("{path}/proof")).send().await;
        let named = proof.header("content-disposition").unwrap();
        assert_eq!(named, format!("inline; filename=\"{poll}-{}.tlog-proof\"", text(&taken["id"])));
        assert!(proof.to_string().contains("c2sp.org/tlog-proof@v1"), "{proof}");
    }
    let second = service.admin().post(&snapshots).send().await.is(201);
    assert_eq!(second["snapshot"]["results"]["ballots"], 2);
    let listed = service.client().get(&format!("{snapshots}?limit=1")).send().await.is(200);
    assert_eq!(listed["items"][0]["id"], second["id"]);
    let cursor = text(&listed["next_cursor"]);
    let rest = service.client().get(&format!("{snapshots}?cursor={cursor}")).send().await.is(200);
    assert_eq!((&rest["items"][0]["id"], &rest["next_cursor"]), (&taken["id"], &Value::Null));
    service.client().get(&format!("{snapshots}?limit=0")).send().await.refused(400, "invalid-request");
    service.admin().post(&snapshots).json(&json!({ "label": "x" })).send().await.refused(400, "invalid-request");
}

async fn a_snapshot_of_a_hidden_figure_is_public_once_the_poll_is_closed(service: &Service) {
    let poll = service.poll(json!({ "results": "after_close" })).await;
    let snapshots = format!("/v1/polls/{poll}/snapshots");
    let taken = service.admin().post(&snapshots).send().await.is(201);
    let path = format!("{snapshots}/{}", text(&taken["id"]));
    assert_eq!(taken["is_public"], false);
    // What readers are not shown is not told to a key that may not read it, this way either.
    for (scopes, status) in [(&["polls:write"][..], 403), (&["polls:write", "results:read"], 201)] {
        let (_, key) = service.key("default", scopes).await;
        let answer = service.client().with_key(&key).post(&snapshots).send().await;
        assert_eq!(answer.status, status, "{answer}");
    }
    service.client().get(&path).send().await.refused(404, "not-found");
    let page = format!("/embed/{poll}/snapshots/{}", text(&taken["id"]));
    for more in ["/proof", "/card.png"] {
        service.client().get(&format!("{path}{more}")).send().await.refused(404, "not-found");
    }
    service.client().get(&page).send().await.page(404);
    assert_eq!(service.client().get(&snapshots).send().await.is(200)["items"], json!([]));
    assert_eq!(service.admin().get(&snapshots).send().await.is(200)["items"][1]["id"], taken["id"]);
    close(service, &poll).await;
    let read = until(async || {
        let answer = service.client().get(&path).send().await;
        (answer.status == 200).then(|| answer.is(200))
    })
    .await;
    assert_eq!((&read["is_public"], &read["statement"]), (&json!(true), &taken["statement"]));
    assert!(service.client().get(&page).send().await.page(200).contains("لقطة من النتائج"));
}

async fn a_snapshot_is_shown_to_people_as_it_was_on_a_page_and_in_a_picture(service: &Service) {
    let poll = service.poll(json!({ "disclosure": { "asked_by": "الوكالة" } })).await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let taken = service.admin().post(&format!("/v1/polls/{poll}/snapshots")).send().await.is(201);
    let below = |name: &str| text(&taken[name]).strip_prefix(PUBLIC_URL).unwrap().to_owned();
    let [page, card, path] = ["page", "card", "url"].map(below);
    let reader = service.client();
    let shown = async |address: &str| reader.get(address).send().await.page(200);
    let picture = async |address: String| {
        let answer = reader.get(&address).send().await;
        let kept = answer.header("cache-control");
        assert_eq!((answer.status, kept.as_deref()), (200, Some("public, max-age=31536000, immutable")), "{answer}");
        let size = answer.content()[16..24].to_vec();
        (answer.header("etag").unwrap(), size)
    };
    let before = (shown(&page).await, picture(card.clone()).await);
    for part in ["هل تتوقع حل مجلس الأمة ؟", "100%", "صاحب الاستطلاع: \u{2068}الوكالة\u{2069}", "صوت واحد"]
    {
        assert!(before.0.contains(part), "no {part} in {}", before.0);
    }
    for link in [
        format!("href=\"{path}/proof\" download=\"{poll}-"),
        format!("property=\"og:image\" content=\"{PUBLIC_URL}{card}?"),
    ] {
        assert!(before.0.contains(&link), "no {link} in {}", before.0);
    }
    // The poll goes on, with another wording.
    service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
    let reworded = json!({ "revision": 1, "question": "هل يُحلّ المجلس؟", "reason": "أقصر", "disclosure": null });
    service.admin().patch(&format!("/v1/polls/{poll}")).json(&reworded).send().await.is(200);
    assert_eq!((shown(&page).await, picture(card.clone()).await), before);
    let current = reader.get(&card).header("if-none-match", &before.1.0).send().await;
    assert_eq!(current.status, 304, "{current}");
    let tag = reader.get(&page).send().await.header("etag").unwrap();
    assert_eq!(reader.get(&page).header("if-none-match", &tag).send().await.status, 304);
    assert_ne!(picture(format!("{card}?shape=square")).await.1, before.1.1);
    reader.get(&format!("{card}?shape=round")).send().await.refused(400, "invalid-request");
    for (language, words) in [("en", "Snapshot of the results"), ("fr", "Instantané des résultats")] {
        assert!(shown(&format!("{page}?lang={language}")).await.contains(words));
    }
}

async fn a_poll_has_a_hundred_snapshots_at_most(service: &Service) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site })).await;
    let (_, key) = service.key(&site, &["polls:write"]).await;
    let publisher = service.client().with_key(&key);
    let snapshots = format!("/v1/polls/{poll}/snapshots");
    for _ in 0..100 {
        publisher.post(&snapshots).send().await.is(201);
    }
    publisher.post(&snapshots).send().await.refused(409, "too-many-snapshots");
}

async fn what_is_no_part_of_a_log_is_not_found(service: &Service) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site })).await;
    statements(&service.client(), &site, &poll, "poll.opened").await;
    let log = format!("/v1/sites/{site}/log");
    for path in [
        "/v1/sites/nobody/log".to_owned(),
        "/v1/sites/nobody/log/1/checkpoint".to_owned(),
        format!("{log}/2/checkpoint"),
        format!("{log}/0/checkpoint"),
        format!("{log}/1/openings/1"),
        format!("{log}/1/openings/99999999999999999"),
        format!("{log}/1/tile/0/000"),
        format!("{log}/1/tile/0/000.p/0"),
        format!("{log}/1/tile/0/000.p/255"),
        format!("{log}/1/tile/1/000.p/1"),
        format!("{log}/1/tile/64/000.p/1"),
        format!("{log}/1/tile/entries/001.p/1"),
        format!("/v1/polls/{poll}/snapshots/1-0"),
        format!("/v1/polls/{poll}/snapshots/x"),
        format!("/v1/polls/{poll}/snapshots/1-0/proof"),
    ] {
        service.client().get(&path).send().await.refused(404, "not-found");
    }
    let nobody = "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21";
    service.client().get(&format!("/v1/polls/{nobody}/snapshots")).send().await.refused(404, "not-found");
    service.admin().post(&format!("/v1/polls/{nobody}/snapshots")).send().await.refused(404, "not-found");
    let (_, other) = service.key(&service.site().await, &["polls:write"]).await;
    let other = service.client().with_key(&other);
    other.post(&format!("/v1/polls/{poll}/snapshots")).send().await.refused(404, "not-found");
}
