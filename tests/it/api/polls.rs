//! Creating, reading, listing, editing, opening, closing and deleting polls.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    client::until,
    registry::service_rules,
    service::{Service, moment, seed_poll, text},
};

async fn what_a_poll_leaves_out_is_as_it_usually_is(service: &Service) {
    let asked = json!({ "question": "؟", "options": [{ "label": "نعم" }, { "label": "لا" }] });
    let poll = service.admin().post("/v1/polls").json(&asked).send().await.is(201);
    for (member, value) in [
        ("site", json!("default")),
        ("language", json!("ar")),
        ("kind", json!("single")),
        ("min_choices", json!(1)),
        ("max_choices", json!(1)),
        ("options", json!([{ "id": "1", "label": "نعم" }, { "id": "2", "label": "لا" }])),
        ("results", json!("always")),
        ("changeable", json!(false)),
        ("opens_at", json!(null)),
        ("closes_at", json!(null)),
        ("article_url", json!(null)),
        ("state", json!("open")),
        ("revision", json!(1)),
    ] {
        assert_eq!(poll[member], value, "{member}");
    }
    assert_eq!(poll["created_at"], poll["updated_at"]);
    let several = json!({ "kind": "multiple" });
    let poll = service.admin().post("/v1/polls").json(&seed_poll(several)).send().await.is(201);
    assert_eq!((&poll["min_choices"], &poll["max_choices"]), (&json!(1), &json!(2)));
}

async fn text_is_kept_as_sent_after_nfc(service: &Service) {
    let label = |text: &str| json!({ "label": text });
    let asked = json!({
        "question": "👩‍👩‍👧‍👦 ا\u{653}خر \"سؤال\" <b>&amp; می‌خواهم",
        "options": [label("e\u{301}"), label("שלום"), label("नमस्ते"), label(" نعم ")],
    });
    let poll = service.poll(asked).await;
    let read = service.client().get(&format!("/v1/polls/{poll}")).send().await.is(200);
    assert_eq!(read["question"], "👩‍👩‍👧‍👦 آخر \"سؤال\" <b>&amp; می‌خواهم");
    let labels: Vec<_> = read["options"].as_array().unwrap().iter().map(|option| text(&option["label"])).collect();
    assert_eq!(labels, ["é", "שלום", "नमस्ते", " نعم "]);
}

/// A poll's violations as `field: detail`.
async fn violations(service: &Service, with: Value) -> Vec<String> {
    let asked = seed_poll(with);
    let refused = service.admin().post("/v1/polls").json(&asked).send().await.refused(422, "invalid-poll");
    let errors = refused["errors"].as_array().expect("an invalid poll has errors");
    errors.iter().map(|error| format!("{}: {}", text(&error["field"]), text(&error["detail"]))).collect()
}

async fn everything_wrong_with_a_poll_is_named_at_once(service: &Service) {
    let options = json!([{ "id": "yes", "label": "نعم" }, { "id": "yes", "label": " " }, { "id": "Z", "label": "x" }]);
    let wrong = json!({
        "question": "a\u{202E}b", "language": "arabic-", "min_choices": 3, "options": options,
        "closes_at": "2020-01-01T00:00:00Z", "article_url": "javascript:alert(1)",
    });
    let found = violations(service, wrong).await;
    for named in [
        "question: must not contain a bidirectional override (U+202E",
        "language: must be",
        "min_choices: must",
        "options[1].id: must be unique",
        "options[1].label: must not be empty",
        "options[2].id: must be",
        "closes_at: must be in the future",
        "article_url: must be the address of a page, like https://news.example/",
    ] {
        let is_named = |found: &String| found.starts_with(named);
        // The second option's id is only compared once its label is in order.
        assert!(named.contains("unique") || found.iter().any(is_named), "{named} is not in {found:#?}");
    }
}

async fn text_that_misleads_or_says_nothing_is_refused_by_name(service: &Service) {
    for (question, named) in [
        ("", "must not be empty"),
        (" \u{200F}\u{3000}", "must not be empty"),
        ("سطر\nسطر", "a line break"),
        ("a\u{0}", "a control character (U+0000"),
        ("a\u{202B}b", "a bidirectional embedding (U+202B"),
    ] {
        let found = violations(service, json!({ "question": question })).await;
        assert!(found.iter().any(|found| found.contains(named)), "{named} is not in {found:?}");
    }
}

/// What looks alike and what does not is tried beside the rule.
async fn options_that_readers_can_not_tell_apart_are_refused_and_both_are_named(service: &Service) {
    let alike = |label: &str| json!([{ "id": "yes", "label": "نعم" }, { "label": "لا" }, { "label": label }]);
    for label in ["نعم", "نعم\u{200F}", "\u{FEFF}نعم", "ن\u{200B}عم", "نعـــم", " نعم", "\u{FEE7}\u{FECC}\u{FEE2}"]
    {
        let found = violations(service, json!({ "options": alike(label) })).await;
        assert!(found[0].starts_with("options[2].label: ") && found[0].contains("options[0].label"), "{found:?}");
    }
    let poll = service.poll(json!({ "options": alike("نعمة") })).await;
    let edit = json!({ "revision": 1, "options": alike("نعم\u{200C}") });
    let path = format!("/v1/polls/{poll}");
    let refused = service.admin().patch(&path).json(&edit).send().await.refused(422, "invalid-poll");
    assert_eq!(refused["errors"][0]["field"], "options[2].label");
    let found = violations(service, json!({ "options": alike("\u{200F}\u{2060}\u{FFF9}") })).await;
    assert!(found[0].contains("options[2].label: must not be empty"), "{found:?}");
}

async fn lengths_count_what_a_reader_calls_characters(service: &Service) {
    let family = "👩‍👩‍👧‍👦";
    service.poll(json!({ "question": family.repeat(300) })).await;
    service.poll(json!({ "question": "سُ".repeat(500) })).await;
    let found = violations(service, json!({ "question": "ح".repeat(501) })).await;
    assert!(found[0].contains("at most 500 characters, is 501"), "{found:?}");
    let label = |text: String| json!({ "options": [{ "label": text }, { "label": "لا" }] });
    service.poll(label("ح".repeat(200))).await;
    let found = violations(service, label("ح".repeat(201))).await;
    assert!(found[0].contains("at most 200 characters, is 201"), "{found:?}");
}

async fn a_poll_has_two_to_thirty_two_options(service: &Service) {
    let with = |count: u32| {
        let options: Vec<_> = (0..count).map(|place| json!({ "label": format!("خيار {place}") })).collect();
        json!({ "options": options })
    };
    for count in [0, 1, 33] {
        let found = violations(service, with(count)).await;
        assert!(found[0].contains(&format!("must be 2 to 32 options, is {count}")), "{found:?}");
    }
    let poll = service.poll(with(32)).await;
    service.client().new_voter().await.vote(&poll, &["32"]).await.is(201);
    assert_eq!(service.client().results(&poll).await["options"][31]["votes"], 1);
}

async fn creating_twice_with_one_idempotency_key_makes_one_poll(service: &Service) {
    let site = service.site().await;
    let asked = seed_poll(json!({ "site": site }));
    let create = |asked: &Value, key: &str, replica: usize| {
        let admin = service.clients()[replica].with_key(crate::server::ADMIN_KEY);
        let asked = asked.clone();
        let key = key.to_owned();
        async move { admin.post("/v1/polls").header("idempotency-key", &key).json(&asked).send().await }
    };
    let first = create(&asked, "a-click", 0).await.is(201);
    assert_eq!(create(&asked, "a-click", 1).await.is(201)["id"], first["id"]);
    let other = seed_poll(json!({ "site": site, "question": "سؤال آخر" }));
    create(&other, "a-click", 0).await.refused(422, "invalid-poll");
    assert_ne!(create(&asked, "another-click", 0).await.is(201)["id"], first["id"]);
    let elsewhere = seed_poll(json!({ "site": service.site().await }));
    assert_ne!(create(&elsewhere, "a-click", 0).await.is(201)["id"], first["id"], "each site has its own keys");
    let polls = service.admin().get(&format!("/v1/polls?site={site}")).send().await.is(200);
    assert_eq!(polls["items"].as_array().map(Vec::len), Some(2));
}

/// What was right when it was first asked for may be refused by now, and was done all the same.
async fn a_poll_that_has_closed_meanwhile_is_still_what_its_request_made(service: &Service) {
    let site = service.site().await;
    let ask = async |key: &str, asked: &Value| {
        service.admin().post("/v1/polls").header("idempotency-key", key).json(asked).send().await
    };
    // A machine may be so slow that the poll comes too late at first.
    let (key, asked, made) = until(async || {
        let key = moment(service.now_millis().await + 1_000);
        let asked = seed_poll(json!({ "site": site, "closes_at": key }));
        let made = ask(&key, &asked).await;
        (made.status != 422).then(|| (key, asked, made.is(201)))
    })
    .await;
    let path = format!("/v1/polls/{}", text(&made["id"]));
    until(async || (service.client().get(&path).send().await.is(200)["state"] == "closed").then_some(())).await;
    let again = ask(&key, &asked).await;
    assert_eq!(again.header("idempotency-replayed").as_deref(), Some("true"));
    assert_eq!(again.is(201)["id"], made["id"]);
    let other = seed_poll(json!({ "site": site, "closes_at": made["closes_at"], "question": "سؤال آخر" }));
    ask(&key, &other).await.refused(422, "invalid-poll");
}

async fn a_list_pages_by_cursor_newest_first(service: &Service) {
    let site = service.site().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.insert(0, service.poll(json!({ "site": site })).await);
    }
    let mut seen = Vec::new();
    let mut path = format!("/v1/polls?site={site}&limit=2");
    for expected in [2, 2, 1] {
        let page = service.admin().get(&path).send().await;
        let link = page.header("link");
        let page = page.is(200);
        let ids: Vec<_> = page["items"].as_array().unwrap().iter().map(|poll| text(&poll["id"])).collect();
        assert_eq!(ids.len(), expected);
        seen.extend(ids);
        // A poll made while somebody pages is newer than all they have yet to see.
        service.poll(json!({ "site": site })).await;
        match page["next_cursor"].as_str() {
            Some(cursor) => {
                let link = link.expect("a page with a next one links to it");
                assert!(link.contains(cursor) && link.contains("rel=\"next\""), "{link}");
                path = format!("/v1/polls?site={site}&limit=2&cursor={cursor}");
            }
            None => assert_eq!(expected, 1, "only the last page has no cursor"),
        }
    }
    assert_eq!(seen, made);
    for wrong in ["limit=0", "limit=-1", "limit=many", "cursor=nonsense", "state=ajar", "colour=red", "limit=1&limit=2"]
    {
        let path = format!("/v1/polls?site={site}&{wrong}");
        service.admin().get(&path).send().await.refused(400, "invalid-request");
    }
}

/// Somebody may have kept one.
async fn a_cursor_as_they_were_given_when_they_were_ids_goes_on_from_that_poll(service: &Service) {
    let site = service.site().await;
    let mut made = Vec::new();
    for _ in 0..12 {
        made.insert(0, service.poll(json!({ "site": site })).await);
    }
    let after = async |id: &str| {
        let bytes: u128 = u128::from_str_radix(&id.replace('-', ""), 16).unwrap();
        let cursor = URL_SAFE_NO_PAD.encode(bytes.to_be_bytes());
        let page = service.admin().get(&format!("/v1/polls?site={site}&cursor={cursor}")).send().await.is(200);
        page["items"].as_array().unwrap().iter().map(|poll| text(&poll["id"])).collect::<Vec<_>>()
    };
    // The time in an id is not always that of its poll, which is read from the store's clock before.
    for (place, id) in made.iter().enumerate() {
        assert_eq!(after(id).await, made[place + 1..]);
    }
    service.admin().delete(&format!("/v1/polls/{}", made[0])).send().await.is(204);
    assert_eq!(after(&made[0]).await, made[1..], "by the time in its id");
    // A cursor says no more of another site's poll than of one that is not there.
    let strange = service.poll(json!({ "site": service.site().await })).await;
    assert_eq!(after(&strange).await, made[1..]);
}

async fn a_list_filters_by_state(service: &Service) {
    let site = service.site().await;
    let ahead = "2999-01-01T00:00:00Z";
    let draft = service.poll(json!({ "site": site, "state": "draft" })).await;
    let scheduled = service.poll(json!({ "site": site, "opens_at": ahead })).await;
    let open = service.poll(json!({ "site": site })).await;
    let closed = service.poll(json!({ "site": site })).await;
    service.admin().post(&format!("/v1/polls/{closed}/close")).send().await.is(200);
    for (state, poll) in [("draft", draft), ("scheduled", scheduled), ("open", open), ("closed", closed)] {
        let page = service.admin().get(&format!("/v1/polls?site={site}&state={state}")).send().await.is(200);
        let found: Vec<_> = page["items"].as_array().unwrap().iter().collect();
        assert_eq!(found.len(), 1, "{state}");
        assert_eq!((&found[0]["id"], &found[0]["state"]), (&json!(poll), &json!(state)));
    }
}

async fn a_draft_is_not_there_for_readers(service: &Service) {
    let poll = service.poll(json!({ "state": "draft" })).await;
    let voter = service.client().new_voter().await;
    for path in [format!("/v1/polls/{poll}"), format!("/v1/polls/{poll}/results"), format!("/v1/polls/{poll}/votes/me")]
    {
        voter.get(&path).send().await.refused(404, "not-found");
    }
    voter.vote(&poll, &["yes"]).await.refused(404, "not-found");
    let read = service.admin().get(&format!("/v1/polls/{poll}")).send().await;
    let cache_control = read.header("cache-control").unwrap_or_default();
    assert!(!cache_control.contains("public"), "what only a key may see is not for shared caches: {read}");
    assert_eq!(read.is(200)["state"], "draft");
    let opened = service.admin().post(&format!("/v1/polls/{poll}/open")).send().await.is(200);
    assert_eq!((&opened["state"], &opened["revision"]), (&json!("open"), &json!(2)));
    for client in service.clients() {
        let voter = client.new_voter().await;
        voter.vote(&poll, &["yes"]).await.is(201);
    }
    service.client().get(&format!("/v1/polls/{poll}")).send().await.is(200);
}

async fn closed_is_final(service: &Service) {
    let poll = service.poll(json!({ "changeable": true })).await;
    let voter = service.client().new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    let closed = service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    assert_eq!(closed["state"], "closed");
    let before = service.client().results(&poll).await;
    assert_eq!(before["state"], "closed");
    // The same again changes nothing and is no mistake: the answer to the first may have been lost.
    let again = service.admin().post(&format!("/v1/polls/{poll}/close")).send().await;
    assert_eq!(again.is(200)["revision"], closed["revision"]);
    service.admin().post(&format!("/v1/polls/{poll}/open")).send().await.refused(409, "poll-not-open");
    let edit = json!({ "revision": closed["revision"], "question": "سؤال آخر" });
    service.admin().patch(&format!("/v1/polls/{poll}")).json(&edit).send().await.refused(409, "poll-not-open");
    for client in service.clients() {
        client.new_voter().await.vote(&poll, &["no"]).await.refused(409, "poll-not-open");
    }
    let after = service.client().results(&poll).await;
    assert_eq!((&after["version"], &after["options"]), (&before["version"], &before["options"]));
}

async fn of_two_editors_the_second_is_told_to_read_again(service: &Service) {
    let poll = service.poll(json!({})).await;
    let path = format!("/v1/polls/{poll}");
    let [one, other] = [0, 1].map(|place| service.clients()[place].with_key(crate::server::ADMIN_KEY));
    let etag = one.get(&path).send().await.header("etag").expect("a poll has an ETag");
    let edited = one.patch(&path).header("if-match", &etag).json(&json!({ "question": "الأول" })).send().await;
    let new_etag = edited.header("etag").expect("an edited poll has an ETag");
    assert_ne!(new_etag, etag);
    assert_eq!(edited.is(200)["revision"], 2);
    let late = json!({ "question": "الثاني" });
    other.patch(&path).header("if-match", &etag).json(&late).send().await.refused(412, "revision-mismatch");
    let by_number = json!({ "question": "الثاني", "revision": 1 });
    other.patch(&path).json(&by_number).send().await.refused(412, "revision-mismatch");
    other.patch(&path).json(&late).send().await.refused(428, "revision-required");
    let by_number = json!({ "question": "الثاني", "revision": 2 });
    assert_eq!(other.patch(&path).json(&by_number).send().await.is(200)["revision"], 3);
    let any = one.patch(&path).header("if-match", "*").json(&json!({ "question": "الثالث" }));
    any.send().await.refused(428, "revision-required");
    assert_eq!(one.get(&path).send().await.is(200)["question"], "الثاني");
}

/// The answer may have been lost.
async fn an_edit_sent_again_as_it_was_is_answered_and_not_made_again(service: &Service) {
    let poll = service.poll(json!({})).await;
    let path = format!("/v1/polls/{poll}");
    let options =
        json!([{ "id": "yes", "label": "نعم" }, { "id": "no", "label": "لا" }, { "id": "x", "label": "ربما" }]);
    for edit in [json!({ "question": "سؤال آخر" }), json!({ "options": options, "closes_at": "2030-01-01T00:00:00Z" })]
    {
        let etag = service.admin().get(&path).send().await.header("etag").expect("a poll has an ETag");
        let send = |place: usize| {
            let editor = service.clients()[place].with_key(crate::server::ADMIN_KEY);
            editor.patch(&path).header("if-match", &etag).json(&edit).send()
        };
        let made = send(0).await.is(200);
        for place in [0, 1] {
            assert_eq!(send(place).await.is(200), made);
        }
    }
    // Not what is the case no more.
    let other = json!({ "revision": 2, "question": "سؤال ثالث" });
    let revision = service.client().get(&path).send().await.is(200)["revision"].clone();
    let after = json!({ "revision": revision, "question": "سؤال ثالث" });
    service.admin().patch(&path).json(&after).send().await.is(200);
    let first = json!({ "revision": 1, "question": "سؤال آخر" });
    service.admin().patch(&path).json(&first).send().await.refused(412, "revision-mismatch");
    service.admin().patch(&path).json(&other).send().await.is(200);
}

async fn of_edits_at_the_same_time_exactly_one_wins(service: &Service) {
    let poll = service.poll(json!({})).await;
    let path = format!("/v1/polls/{poll}");
    for revision in 1..=5 {
        let edits = (0..8).map(|place| {
            let editor = service.clients()[place % 2].with_key(crate::server::ADMIN_KEY);
            let edit = json!({ "revision": revision, "question": format!("سؤال {revision}-{place}") });
            let path = path.clone();
            async move { editor.patch(&path).json(&edit).send().await.status }
        });
        let mut statuses = futures_util::future::join_all(edits).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
    }
}

/// What may change once there are ballots is limited to what can't falsify them.
async fn a_poll_with_ballots_keeps_its_options(service: &Service) {
    let poll = service.poll(json!({})).await;
    let path = format!("/v1/polls/{poll}");
    let edit = async |with: Value| {
        let mut edit = with;
        edit["revision"] = service.admin().get(&path).send().await.is(200)["revision"].clone();
        service.admin().patch(&path).json(&edit).send().await
    };
    let options = |options: &[(&str, &str)]| {
        let options: Vec<_> = options.iter().map(|(id, label)| json!({ "id": id, "label": label })).collect();
        json!({ "options": options })
    };
    // Before the first ballot anything goes.
    edit(options(&[("yes", "نعم"), ("no", "لا"), ("unsure", "لا أدري")])).await.is(200);
    let voter = service.client().new_voter().await;
    voter.vote(&poll, &["unsure"]).await.is(201);
    for reshaped in [
        options(&[("yes", "نعم"), ("no", "لا")]),
        options(&[("yes", "نعم"), ("no", "لا"), ("maybe", "ربما")]),
        options(&[("yes", "نعم"), ("no", "لا"), ("unsure", "لا أدري"), ("maybe", "ربما")]),
    ] {
        edit(reshaped).await.refused(422, "invalid-poll");
    }
    let mut reworded = options(&[("unsure", "لا أعلم"), ("no", "كلا"), ("yes", "أجل")]);
    reworded["reason"] = json!("أفصح");
    let corrected = edit(reworded).await.is(200);
    assert_eq!(corrected["options"][0], json!({ "id": "unsure", "label": "لا أعلم" }));
    let question = json!({
        "question": "هل تتوقع حل المجلس؟", "reason": "أقصر", "results": "after_vote", "changeable": true,
    });
    edit(question).await.is(200);
    let tally = voter.results(&poll).await;
    assert_eq!(tally["ballots"], 1);
    let unsure = json!({ "id": "unsure", "label": "لا أعلم", "votes": 1, "share": 1 });
    assert_eq!(tally["options"][0], unsure, "a vote stays with its option");
    voter.vote(&poll, &["yes"]).await.is(200);
}

async fn what_can_never_change_is_refused_by_name(service: &Service) {
    let poll = service.poll(json!({})).await;
    for (member, value) in
        [("kind", json!("multiple")), ("site", json!("other")), ("id", json!("1")), ("state", json!("draft"))]
    {
        let mut edit = json!({ "revision": 1 });
        edit[member] = value;
        let path = format!("/v1/polls/{poll}");
        let refused = service.admin().patch(&path).json(&edit).send().await.refused(422, "invalid-poll");
        assert!(text(&refused["detail"]).contains(member), "{refused}");
    }
    let edit = json!({ "revision": 1, "options": [{ "label": "نعم" }] });
    let path = format!("/v1/polls/{poll}");
    service.admin().patch(&path).json(&edit).send().await.refused(422, "invalid-poll");
}

async fn a_deleted_poll_is_gone_with_its_ballots(service: &Service) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site })).await;
    let voter = service.client().new_voter().await;
    voter.vote(&poll, &["yes"]).await.is(201);
    let path = format!("/v1/polls/{poll}");
    service.admin().delete(&path).send().await.is(204);
    service.admin().delete(&path).send().await.refused(404, "not-found");
    for client in service.clients() {
        let client = client.new_voter().await;
        // The other replica may go on for a second with the poll it knew; a vote asks the store, and finds nothing.
        client.vote(&poll, &["yes"]).await.refused(404, "not-found");
        client.get(&path).send().await.refused(404, "not-found");
        client.get(&format!("{path}/results")).send().await.refused(404, "not-found");
    }
    voter.get(&format!("{path}/votes/me")).send().await.refused(404, "not-found");
    for action in ["open", "close"] {
        service.admin().post(&format!("{path}/{action}")).send().await.refused(404, "not-found");
    }
    let edit = json!({ "revision": 1, "question": "؟" });
    service.admin().patch(&path).json(&edit).send().await.refused(404, "not-found");
    let page = service.admin().get(&format!("/v1/polls?site={site}")).send().await.is(200);
    assert_eq!(page["items"], json!([]));
}

async fn an_unchanged_poll_is_not_sent_again(service: &Service) {
    let poll = service.poll(json!({})).await;
    let path = format!("/v1/polls/{poll}");
    let first = service.client().get(&path).send().await;
    let cache_control = first.header("cache-control").unwrap_or_default();
    assert!(cache_control.contains("public") && cache_control.contains("max-age="), "{cache_control}");
    let etag = first.header("etag").expect("a poll has an ETag");
    for known in [etag.clone(), format!("\"other\", {etag}"), format!("W/{etag}"), "*".to_owned()] {
        let again = service.client().get(&path).header("if-none-match", &known).send().await;
        assert_eq!(again.header("etag"), Some(etag.clone()));
        again.is(304);
    }
    service.client().get(&path).header("if-none-match", "\"other\"").send().await.is(200);
}

service_rules![
    what_a_poll_leaves_out_is_as_it_usually_is,
    text_is_kept_as_sent_after_nfc,
    everything_wrong_with_a_poll_is_named_at_once,
    text_that_misleads_or_says_nothing_is_refused_by_name,
    options_that_readers_can_not_tell_apart_are_refused_and_both_are_named,
    lengths_count_what_a_reader_calls_characters,
    a_poll_has_two_to_thirty_two_options,
    creating_twice_with_one_idempotency_key_makes_one_poll,
    a_poll_that_has_closed_meanwhile_is_still_what_its_request_made,
    a_list_pages_by_cursor_newest_first,
    a_cursor_as_they_were_given_when_they_were_ids_goes_on_from_that_poll,
    a_list_filters_by_state,
    a_draft_is_not_there_for_readers,
    closed_is_final,
    of_two_editors_the_second_is_told_to_read_again,
    an_edit_sent_again_as_it_was_is_answered_and_not_made_again,
    of_edits_at_the_same_time_exactly_one_wins,
    a_poll_with_ballots_keeps_its_options,
    what_can_never_change_is_refused_by_name,
    a_deleted_poll_is_gone_with_its_ballots,
    an_unchanged_poll_is_not_sent_again,
];
