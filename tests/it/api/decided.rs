//! What editors decide beside the question and the options: who stands behind a poll, what follows a vote, how options
//! look, and why a wording changes.

use serde_json::{Value, json};

use crate::{
    client::Answer,
    registry::service_rules,
    service::{PUBLIC_URL, Service, seed_poll, text},
};

async fn edit(service: &Service, poll: &str, mut with: Value) -> Answer {
    let path = format!("/v1/polls/{poll}");
    with["revision"] = service.admin().get(&path).send().await.is(200)["revision"].clone();
    service.admin().patch(&path).json(&with).send().await
}

/// The fields that a refusal names.
fn named(refusal: &Value) -> Vec<String> {
    refusal["errors"].as_array().expect("errors").iter().map(|error| text(&error["field"])).collect()
}

fn decided() -> Value {
    json!({
        "minimum_ballots": 50,
        "display": "percent",
        "shuffle": true,
        "disclosure": { "asked_by": "الراي", "paid_by": "ديوان الخدمة", "licence": "2026/114", "note": "غير علمي" },
        "after_vote": {
            "thanks": "شكرًا لك",
            "link": { "url": "https://news.example/more", "label": "اقرأ المزيد" },
        },
        "options": [
            { "id": "yes", "label": "نعم", "note": "كما في 2012", "image": { "url": "https://i.example/yes.jpg", "alt": "مبنى" } },
            { "id": "no", "label": "لا" },
        ],
    })
}

async fn what_an_editor_decides_is_kept_as_asked_and_can_be_taken_back(service: &Service) {
    let asked = decided();
    let poll = service.poll(asked.clone()).await;
    let path = format!("/v1/polls/{poll}");
    let same = |read: &Value| {
        for (name, value) in asked.as_object().expect("an object") {
            assert_eq!(&read[name], value, "{name}");
        }
    };
    same(&service.admin().get(&path).send().await.is(200));
    same(&service.client().get(&path).send().await.is(200));
    let plain = json!({
        "minimum_ballots": 0, "display": "exact", "shuffle": false, "disclosure": null, "after_vote": null,
        "options": [{ "id": "yes", "label": "نعم" }, { "id": "no", "label": "لا" }],
    });
    let cleared = edit(service, &poll, plain).await.is(200);
    for name in ["minimum_ballots", "display", "shuffle", "disclosure", "after_vote"] {
        assert_eq!(cleared.get(name), None, "{name}");
    }
    assert_eq!(cleared["options"], json!([{ "id": "yes", "label": "نعم" }, { "id": "no", "label": "لا" }]));
    same(&edit(service, &poll, asked.clone()).await.is(200));
    // A template says it of the polls of all articles.
    let site = service.site().await;
    let mut pattern = seed_poll(asked.clone());
    pattern.as_object_mut().expect("an object").remove("site");
    let put = service.admin().put(&format!("/v1/sites/{site}/templates/ask"));
    same(&put.json(&json!({ "poll": pattern })).send().await.is(201)["poll"]);
}

async fn what_an_editor_decides_wrongly_is_named(service: &Service) {
    let site = service.site().await;
    let elsewhere = service.poll(json!({ "site": service.site().await })).await;
    let refused = async |kind: &str, wrong: Value| {
        let mut asked = seed_poll(wrong);
        asked["site"] = json!(site);
        asked["kind"] = json!(kind);
        named(&service.admin().post("/v1/polls").json(&asked).send().await.refused(422, "invalid-poll"))
    };
    let image = |url: &str, alt: &str| json!({ "options": [{ "label": "نعم", "image": { "url": url, "alt": alt } }, { "label": "لا" }] });
    let after = |after: Value| json!({ "after_vote": after });
    let link = |url: &str| after(json!({ "link": { "url": url, "label": "اقرأ" } }));
    for (kind, wrong, field) in [
        ("single", json!({ "minimum_ballots": 10_001 }), "minimum_ballots"),
        ("reaction", json!({ "display": "percent" }), "display"),
        ("reaction", json!({ "shuffle": true }), "shuffle"),
        ("single", json!({ "disclosure": { "asked_by": " " } }), "disclosure.asked_by"),
        ("single", json!({ "disclosure": { "note": "x".repeat(501) } }), "disclosure.note"),
        ("single", image("http://i.example/1.jpg", "صورة"), "options[0].image.url"),
        ("single", image("data:image/png;base64,AAAA", "صورة"), "options[0].image.url"),
        ("single", image("https://i.example/1.jpg", " "), "options[0].image.alt"),
        ("single", link("javascript:alert(1)"), "after_vote.link.url"),
        ("single", link("ftp://news.example/"), "after_vote.link.url"),
        ("single", after(json!({ "next": "x" })), "after_vote.next"),
        ("single", after(json!({ "next": elsewhere })), "after_vote.next"),
    ] {
        assert_eq!(refused(kind, wrong.clone()).await, [field], "{wrong}");
    }
    let no_alt =
        json!({ "options": [{ "label": "نعم", "image": { "url": "https://i.example/1.jpg" } }, { "label": "لا" }] });
    for (wrong, field) in [
        (no_alt, "options[0].image.alt"),
        (json!({ "display": "rounded" }), "display"),
        (json!({ "disclosure": { "by": "x" } }), "disclosure.by"),
        (json!({ "reason": "x" }), "reason"),
    ] {
        let refused = service.admin().post("/v1/polls").json(&seed_poll(wrong)).send().await;
        assert_eq!(named(&refused.refused(400, "invalid-request")), [field]);
    }
    // Itself is no other poll; one of the same site is.
    let [one, other] = [service.poll(json!({ "site": site })).await, service.poll(json!({ "site": site })).await];
    let itself = edit(service, &one, after(json!({ "next": one }))).await.refused(422, "invalid-poll");
    assert_eq!(named(&itself), ["after_vote.next"]);
    assert_eq!(edit(service, &one, after(json!({ "next": other }))).await.is(200)["after_vote"]["next"], other);
}

async fn a_poll_tells_what_its_site_tells_of_all_polls_unless_it_says_otherwise(service: &Service) {
    let site = service.site().await;
    let path = format!("/v1/sites/{site}");
    let of_site = json!({ "asked_by": "الراي", "licence": "2026/114" });
    let put = service.admin().put(&path).json(&json!({ "disclosure": of_site })).send().await.is(200);
    assert_eq!(put["disclosure"], of_site);
    assert_eq!(service.admin().get(&path).send().await.is(200)["disclosure"], of_site);
    let told = async |disclosure: Value| {
        let mut asked = json!({ "site": site });
        if disclosure != json!("left out") {
            asked["disclosure"] = disclosure;
        }
        let poll = service.poll(asked).await;
        service.client().get(&format!("/v1/polls/{poll}")).send().await.is(200).get("disclosure").cloned()
    };
    let both = json!({ "asked_by": "الراي", "paid_by": "ديوان الخدمة", "licence": "2026/114" });
    assert_eq!(told(json!("left out")).await, Some(of_site.clone()));
    assert_eq!(told(json!({ "paid_by": "ديوان الخدمة" })).await, Some(both));
    assert_eq!(told(Value::Null).await, None);
    let wrong = json!({ "disclosure": { "licence": "x".repeat(201) } });
    let refused = service.admin().put(&path).json(&wrong).send().await.refused(400, "invalid-request");
    assert_eq!(named(&refused), ["disclosure.licence"]);
    service.admin().put(&path).json(&json!({})).send().await.is(200);
    assert_eq!(told(json!("left out")).await, None);
}

async fn a_wording_changes_under_cast_votes_only_with_a_reason_that_is_kept(service: &Service) {
    let poll = service.poll(json!({})).await;
    let worded = |yes: &str| json!([{ "id": "yes", "label": yes }, { "id": "no", "label": "لا" }]);
    // Nobody has answered yet.
    let early = edit(service, &poll, json!({ "question": "أول" })).await.is(200);
    assert_eq!(early.get("rewordings"), None);
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    for wrong in [json!({ "question": "ثانٍ" }), json!({ "options": worded("أجل") })] {
        let refused = edit(service, &poll, wrong).await.refused(422, "invalid-poll");
        assert_eq!(named(&refused), ["reason"]);
    }
    // What is no wording needs none: the order of options, and what is said beside them.
    let turned = json!([{ "id": "no", "label": "لا" }, { "id": "yes", "label": "نعم", "note": "…" }]);
    edit(service, &poll, json!({ "options": turned, "results": "always" })).await.is(200);
    let reworded = json!({ "question": "ثانٍ", "reason": "لم يكن السؤال واضحًا" });
    let made = edit(service, &poll, reworded.clone()).await.is(200);
    let kept = &made["rewordings"];
    let told = json!({ "at": made["updated_at"], "reason": "لم يكن السؤال واضحًا", "correction": false, "before": { "question": "أول" } });
    assert_eq!(*kept, json!([told]));
    // The answer may have been lost: the same again is known as made.
    let path = format!("/v1/polls/{poll}");
    let mut again = reworded;
    again["revision"] = json!(made["revision"].as_u64().expect("a number") - 1);
    assert_eq!(service.admin().patch(&path).json(&again).send().await.is(200), made);
    let spelling = json!({ "options": worded("نعمْ"), "reason": "خطأ مطبعي", "correction": true });
    let corrected = edit(service, &poll, spelling).await.is(200);
    let last = &corrected["rewordings"][1];
    assert_eq!(
        (&last["correction"], &last["before"]),
        (&json!(true), &json!({ "options": [{ "id": "yes", "label": "نعم" }] }))
    );
    assert_eq!(service.client().get(&path).send().await.is(200)["rewordings"], corrected["rewordings"]);
    // A reason alone changes nothing.
    edit(service, &poll, json!({ "reason": "لا شيء" })).await.refused(400, "invalid-request");
    let empty = edit(service, &poll, json!({ "question": "ثالث", "reason": " " })).await.refused(422, "invalid-poll");
    assert_eq!(named(&empty), ["reason"]);
}

async fn of_many_changes_of_a_wording_the_latest_are_kept(service: &Service) {
    let poll = service.poll(json!({})).await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let mut last = Value::Null;
    for number in 1..=22 {
        let question = format!("سؤال {number} {}", "كلمة ".repeat(90));
        last = edit(service, &poll, json!({ "question": question, "reason": format!("سبب {number}") })).await.is(200);
    }
    let kept = last["rewordings"].as_array().expect("a list");
    assert_eq!((kept.len(), &kept[0]["reason"], &kept[19]["reason"]), (20, &json!("سبب 3"), &json!("سبب 22")));
    // Every reader is sent them, so of the former words not all are kept.
    let first = text(&kept[19]["before"]["question"]);
    assert!(first.starts_with("سؤال 21"), "{first}");
    let bytes: usize = kept.iter().map(|one| one["before"]["question"].as_str().unwrap_or_default().len()).sum();
    assert!((8_000..20_000).contains(&bytes) && kept[0]["before"] == json!({}), "{bytes} bytes: {kept:?}");
}

/// Without the marks that let a name run its own way.
fn unmarked(text: &Value) -> String {
    text.as_str().expect("a text").replace(['\u{2068}', '\u{2069}'], "")
}

async fn who_stands_behind_a_poll_is_told_wherever_its_results_are(service: &Service) {
    let site = service.site().await;
    let settings = json!({ "timezone": "Asia/Kuwait", "disclosure": { "asked_by": "الراي", "note": "غير علمي" } });
    service.admin().put(&format!("/v1/sites/{site}")).json(&settings).send().await.is(200);
    let poll = service.poll(json!({ "site": site })).await;
    for _ in 0..3 {
        service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    }
    let (ar, en) = ("صاحب الاستطلاع: الراي؛ 3 أصوات؛ في ", "Asked by الراي; 3 votes; on ");
    let check = |results: &Value| {
        let told = &results["disclosure"];
        assert_eq!((&told["asked_by"], &told["note"]), (&json!("الراي"), &json!("غير علمي")), "{results}");
        assert!(
            unmarked(&told["text"]["ar"]).starts_with(ar) && unmarked(&told["text"]["en"]).starts_with(en),
            "{told}"
        );
        assert!(unmarked(&told["text"]["fr"]).contains("3 votes"), "{told}");
    };
    let get = async |path: &str| service.client().get(path).send().await;
    let results = format!("/v1/polls/{poll}/results");
    let answer = get(&results).await;
    let tag = answer.header("etag").expect("a tag");
    check(&answer.is(200));
    assert_eq!(service.client().get(&results).header("if-none-match", &tag).send().await.status, 304);
    check(&get(&format!("/v1/results?polls={poll}")).await.is(200)["results"][0]);
    check(&get(&format!("/v1/results?site={site}")).await.is(200)["results"][0]);
    check(&get(&format!("/v1/polls/{poll}/timeline")).await.is(200)["results"]);
    for path in ["results.csv", "timeline.csv"] {
        let table =
            String::from_utf8(get(&format!("/v1/polls/{poll}/{path}")).await.content()).expect("a table is UTF-8");
        let table = unmarked(&json!(table));
        let mut lines = table.lines();
        assert!(lines.next().is_some_and(|names| names.ends_with(",disclosure")), "{table}");
        assert!(
            lines.next().is_some_and(|line| line.contains(ar) && line.ends_with("عموم الناس. غير علمي")),
            "{table}"
        );
    }
    for path in [format!("/embed/{poll}"), format!("/embed/{poll}/form?view=results")] {
        let page = unmarked(&json!(get(&path).await.page(200)));
        let told =
            page.split("sawt-disclosure\"").nth(1).expect("a disclosure").split("</p>").next().expect("a paragraph");
        assert!(told.contains("صاحب الاستطلاع: الراي؛ ") && told.contains(">3 أصوات</span>؛ في "), "{told}");
        assert!(told.contains("بتوقيت الكويت") && told.contains("غير علمي"), "{told}");
    }
    // An article's poll, which its template gives the site's disclosure.
    let path = service.article_poll(&site).await;
    let stars = get(&format!("{path}/results")).await.is(200);
    assert!(unmarked(&stars["disclosure"]["text"]["en"]).starts_with("Asked by الراي; No votes; on "), "{stars}");
}

/// A percentage of nobody knows how many says nothing.
async fn a_percentage_never_stands_without_its_number_of_ballots(service: &Service) {
    fn check(value: &Value, ballots: bool) {
        let has = |name: &str| value.get(name).is_some();
        assert!(ballots || !has("share") && !has("average"), "{value}");
        let ballots = ballots || has("ballots");
        match value {
            Value::Object(members) => members.values().for_each(|member| check(member, ballots)),
            Value::Array(items) => items.iter().for_each(|item| check(item, ballots)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    for (display, kind) in [("exact", "single"), ("percent", "single"), ("percent", "multiple"), ("exact", "multiple")]
    {
        let site = service.site().await;
        let poll = service.poll(json!({ "site": site, "display": display, "kind": kind })).await;
        service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
        let own = service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
        check(&own, false);
        for path in [
            format!("/v1/polls/{poll}/results"),
            format!("/v1/results?polls={poll}"),
            format!("/v1/results?site={site}"),
            format!("/v1/sites/{site}/trending?by=votes&window=1h"),
        ] {
            check(&service.client().get(&path).send().await.is(200), false);
        }
        check(&service.client().live(&poll).await.expect("tally").await.data, false);
        let table = service.client().get(&format!("/v1/polls/{poll}/results.csv")).send().await;
        let table = String::from_utf8(table.content()).expect("a table is UTF-8");
        assert!(table.lines().next().is_some_and(|names| names.contains(",share,ballots")), "{table}");
        for path in [format!("/embed/{poll}"), format!("/embed/{poll}/form?view=results")] {
            let page = service.client().get(&path).send().await.page(200);
            let total = page.split("part=\"total\">").nth(1).and_then(|rest| rest.split('<').next());
            assert!(page.contains("50%") && total.is_some_and(|total| !total.is_empty()), "{page}");
        }
        // In a poll that is shown by an address that tells who made it, too.
        let oembed = format!("/oembed?url={PUBLIC_URL}/embed/{poll}");
        assert!(!service.client().get(&oembed).send().await.is(200).to_string().contains("50%"));
    }
}

async fn a_page_loads_pictures_of_its_options_and_from_nowhere_else(service: &Service) {
    let poll = service.poll(decided()).await;
    let plain = service.poll(json!({})).await;
    for rest in ["", "/form"] {
        let policy = async |poll: &str| {
            let page = service.client().get(&format!("/embed/{poll}{rest}")).send().await;
            let embedder = page.header("cross-origin-embedder-policy").expect("a policy");
            (page.header("content-security-policy").expect("a policy"), embedder, page.page(200))
        };
        let (content, embedder, page) = policy(&poll).await;
        assert!(content.contains("img-src data: https://i.example; form-action"), "{content}");
        assert_eq!(embedder, "credentialless");
        let is_form = rest == "/form";
        let picture = "<img src=\"https://i.example/yes.jpg\" alt=\"مبنى\" loading=\"lazy\" decoding=\"async\" referrerpolicy=\"no-referrer\">";
        assert_eq!(
            (page.contains(picture), page.contains("data-src=\"https://i.example/yes.jpg\"")),
            (is_form, !is_form),
            "{page}"
        );
        assert!(page.contains("كما في 2012"), "{page}");
        let (content, embedder, _) = policy(&plain).await;
        assert!(content.contains("img-src data:; form-action") && embedder == "require-corp", "{content}");
    }
}

async fn what_follows_a_vote_and_why_the_wording_changed_are_shown_without_script_too(service: &Service) {
    let next = service.poll(json!({})).await;
    let after = json!({
        "thanks": "شكرًا لك", "next": next, "link": { "url": "https://news.example/more?a=1&b=2", "label": "اقرأ المزيد" },
    });
    let poll = service.poll(json!({ "after_vote": after })).await;
    let form = format!("/embed/{poll}/form");
    let before = service.client().get(&form).send().await.page(200);
    assert!(before.contains("<div class=\"sawt-after\" part=\"after\" hidden>"), "{before}");
    let token = service.client().mint().await;
    let voter = service.client().with_voter(&token);
    voter.vote(&poll, &["yes"]).await.is(201);
    let own = [("origin", PUBLIC_URL), ("sec-fetch-site", "same-origin")];
    let sent =
        service.client().post(&form).body("application/x-www-form-urlencoded", format!("voter={token}&choices=yes"));
    let sent = own.iter().fold(sent, |request, (name, value)| request.header(name, value)).send().await;
    let there = sent.header("location").expect("a redirect leads somewhere");
    let page = service.client().get(&there).send().await.page(200);
    assert!(page.contains("<div class=\"sawt-after\" part=\"after\">") && page.contains(">شكرًا لك</p>"), "{page}");
    assert!(page.contains("href=\"https://news.example/more?a=1&#38;b=2\" rel=\"noopener\""), "{page}");
    assert!(page.contains(&format!("/embed/{next}/form\"")), "{page}");
    assert!(!page.contains("sawt-reworded"), "{page}");
    for (question, correction, is_shown) in [("سؤال بلا خطأ", true, false), ("سؤال آخر", false, true)]
    {
        let reworded = json!({ "question": question, "reason": "السبب <b>هنا", "correction": correction });
        edit(service, &poll, reworded).await.is(200);
        for path in [&form, &format!("/embed/{poll}")] {
            let page = service.client().get(path).send().await.page(200);
            assert_eq!(page.contains("السبب &#60;b&#62;هنا"), is_shown, "{page}");
        }
    }
}

service_rules![
    what_an_editor_decides_is_kept_as_asked_and_can_be_taken_back,
    what_an_editor_decides_wrongly_is_named,
    a_poll_tells_what_its_site_tells_of_all_polls_unless_it_says_otherwise,
    a_wording_changes_under_cast_votes_only_with_a_reason_that_is_kept,
    of_many_changes_of_a_wording_the_latest_are_kept,
    who_stands_behind_a_poll_is_told_wherever_its_results_are,
    a_percentage_never_stands_without_its_number_of_ballots,
    a_page_loads_pictures_of_its_options_and_from_nowhere_else,
    what_follows_a_vote_and_why_the_wording_changed_are_shown_without_script_too,
];
