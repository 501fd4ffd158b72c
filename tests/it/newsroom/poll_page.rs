//! A poll's page: what it shows to whom, and what its forms do.

use serde_json::json;

use super::desk::SignedIn;
use crate::{
    client::until,
    registry::service_rules,
    service::{PUBLIC_URL, Service, text},
};

const EDITOR: [&str; 3] = ["polls:read", "polls:write", "results:read"];

/// The pages and files of a poll, and which scope each needs beside that of reading polls.
const PAGES: [(&str, &str); 8] = [
    ("", "polls:read"),
    ("/live", "polls:read"),
    ("/qr.svg", "polls:read"),
    ("/close", "polls:write"),
    ("/delete", "polls:write"),
    ("/results.csv", "results:read"),
    ("/timeline.csv", "results:read"),
    ("/answers.csv", "results:read"),
];
/// Its forms, with fields that each takes.
const FORMS: [(&str, &str); 6] = [
    ("/open", ""),
    ("/publish", ""),
    ("/close", ""),
    ("/delete", "words=%D9%87%D9%84+%D8%AA%D8%AA%D9%88%D9%82%D8%B9+%D8%AD%D9%84"),
    ("/resolve", "option=yes"),
    ("/answers/0000000000000000", "state=shown"),
];

fn path(site: &str, poll: &str) -> String {
    format!("/newsroom/sites/{site}/polls/{poll}")
}

/// Whether a poll is as it was made.
async fn is_untouched(service: &Service, poll: &str) -> bool {
    let read = service.admin().get(&format!("/v1/polls/{poll}")).send().await.is(200);
    (&read["state"], &read["revision"]) == (&json!("draft"), &json!(1))
}

async fn an_editor_of_one_site_finds_nothing_of_another(service: &Service) {
    let [own, other] = [service.site().await, service.site().await];
    let poll = service.poll(json!({ "site": other, "state": "draft" })).await;
    let editor = SignedIn::at(service, &own, &EDITOR).await;
    let operator = SignedIn::with_key(service.client(), crate::server::ADMIN_KEY).await;
    for (who, at) in [(&editor, path(&other, &poll)), (&editor, path(&own, &poll)), (&operator, path(&own, &poll))] {
        for (page, _) in PAGES {
            who.get(&format!("{at}{page}")).send().await.page(404);
        }
        for (form, fields) in FORMS {
            who.send(&format!("{at}{form}"), fields).await.page(404);
        }
    }
    for list in ["polls", "waiting"] {
        editor.get(&format!("/newsroom/sites/{other}/{list}")).send().await.page(404);
        let page = editor.page(&format!("/newsroom/sites/{own}/{list}")).await;
        assert!(!page.contains(&poll), "{page}");
    }
    assert!(is_untouched(service, &poll).await);
    let read = operator.page(&path(&other, &poll)).await;
    assert!(read.contains(&poll));
}

async fn whoever_lacks_a_scope_is_neither_offered_nor_granted_what_needs_it(service: &Service) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site, "state": "draft", "open_answer": true })).await;
    let hidden = service.poll(json!({ "site": site, "results": "never" })).await;
    service.client().new_voter().await.vote(&hidden, &["yes"]).await.is(201);
    for scopes in [&["polls:read"][..], &["polls:read", "results:read"], &["polls:read", "polls:write"], &EDITOR] {
        let editor = SignedIn::at(service, &site, scopes).await;
        let at = path(&site, &poll);
        let page = editor.page(&at).await;
        for (part, scope) in PAGES {
            if part == "/live" {
                continue;
            }
            let answer = editor.get(&format!("{at}{part}")).send().await;
            assert_eq!(answer.status, if scopes.contains(&scope) { 200 } else { 403 }, "{scopes:?} {part}: {answer}");
        }
        let may_write = scopes.contains(&"polls:write");
        for link in ["/open\"", "/delete\"", "/edit\"", "/polls/new?from="] {
            assert_eq!(page.contains(link), may_write, "{scopes:?} {link}: {page}");
        }
        let sees_results = scopes.contains(&"results:read");
        assert_eq!(page.contains("/results.csv"), sees_results, "{scopes:?}: {page}");
        assert_eq!(editor.page(&path(&site, &hidden)).await.contains("class=\"bars\""), sees_results, "{scopes:?}");
        if !may_write {
            for (form, fields) in FORMS {
                editor.send(&format!("{at}{form}"), fields).await.page(403);
            }
        }
    }
    assert!(is_untouched(service, &poll).await);
}

async fn a_form_without_its_sessions_token_or_from_elsewhere_does_nothing(service: &Service) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site, "state": "draft" })).await;
    let [editor, other] = [SignedIn::at(service, &site, &EDITOR).await, SignedIn::at(service, &site, &EDITOR).await];
    for (form, fields) in FORMS {
        let at = format!("{}{form}", path(&site, &poll));
        editor.send_with(&at, fields, "same-origin").await.page(403);
        editor.send_with(&at, &format!("form_token={}&{fields}", other.token), "same-origin").await.page(403);
        editor.send_with(&at, &format!("form_token={}&{fields}", editor.token), "cross-site").await.page(403);
        editor.get(&at).header("x-trial", "a link does nothing").send().await;
    }
    assert!(is_untouched(service, &poll).await);
}

async fn a_poll_is_opened_closed_and_resolved_by_forms_and_each_refusal_is_said_on_its_page(service: &Service) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site, "state": "draft" })).await;
    let editor = SignedIn::at(service, &site, &EDITOR).await;
    let at = path(&site, &poll);
    let state = async || service.admin().get(&format!("/v1/polls/{poll}")).send().await.is(200)["state"].clone();
    let sent = async |form: &str, fields: &str| {
        let answer = editor.send(&format!("{at}{form}"), fields).await;
        assert_eq!(answer.status, 303, "{answer}");
        editor.page(&answer.header("location").unwrap()).await
    };
    // It lies before readers from here on, and the page says how to have it in one's own.
    let page = editor.page(&at).await;
    assert!(!page.contains("/embed/") && !page.contains("data-live"), "a draft has no stream: {page}");
    let page = sent("/open", "").await;
    assert_eq!(state().await, "open");
    assert!(page.contains("role=\"status\"") && page.contains(&format!("{PUBLIC_URL}/embed/{poll}")), "{page}");
    editor.send(&format!("{at}/resolve"), "option=yes").await.page(409);
    let reworded = json!({ "revision": 2, "question": "هل يُحل المجلس هذا العام؟" });
    service.admin().patch(&format!("/v1/polls/{poll}")).json(&reworded).send().await.is(200);
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);

    let asked = editor.page(&format!("{at}/close")).await;
    assert!(asked.contains(&format!("action=\"{at}/close\"")), "{asked}");
    assert_eq!(state().await, "open", "asking closes nothing");
    for _ in 0..2 {
        sent("/close", "").await;
    }
    assert_eq!(state().await, "closed");
    let refused = editor.send(&format!("{at}/open"), "").await.page(409);
    assert!(refused.contains("role=\"alert\"") && refused.contains("class=\"bars\""), "{refused}");

    for (fields, status) in [("", 422), ("option=perhaps", 422)] {
        let refused = editor.send(&format!("{at}/resolve"), fields).await.page(status);
        assert!(refused.contains("role=\"alert\""), "{refused}");
    }
    let page = sent("/resolve", "option=yes").await;
    assert!(page.contains("class=\"right\"") && page.contains("name=\"reason\""), "{page}");
    editor.send(&format!("{at}/resolve"), "option=no").await.page(409);
    let long = format!("option=no&reason={}", "a".repeat(1_001));
    editor.send(&format!("{at}/resolve"), &long).await.page(422);
    sent("/resolve", "option=no&reason=Recount").await;
    // Who has done what stands in its history, once the log has it.
    until(async || {
        let page = editor.page(&at).await;
        let history = page.split_once("id=\"history-title\"")?.1;
        let history = history.split_once("</section>")?.0.to_owned();
        let told = ["أُنشئ", "فُتح", "غُيّرت صياغة استطلاع", "كان: هل تتوقع حل", "المشرف", "أُغلق", "السبب: Recount"];
        told.iter().all(|told| history.contains(told)).then_some(())
    })
    .await;
    let results = service.client().results(&poll).await;
    assert_eq!((&results["resolution"]["option"], &results["resolution"]["reason"]), (&json!("no"), &json!("Recount")));
}

async fn a_draft_says_that_it_does_not_open_by_itself_and_is_published_to_open_later(service: &Service) {
    let site = service.site().await;
    let ahead = json!({ "site": site, "state": "draft", "opens_at": "2999-01-01T00:00:00Z" });
    let [poll, missed] = [
        service.poll(ahead).await,
        service.poll(json!({ "site": site, "state": "draft", "opens_at": "2020-01-01T00:00:00Z" })).await,
    ];
    let editor = SignedIn::at(service, &site, &EDITOR).await;
    let at = path(&site, &poll);
    let (said, button) = ("هذه مسودة لا تُفتح وحدها", format!("action=\"{at}/publish\""));
    let page = editor.page(&at).await;
    assert!(page.contains(said) && page.contains("2999-01-01") && page.contains(&button), "{page}");
    let answer = editor.send(&format!("{at}/publish"), "").await;
    let page = editor.page(&answer.header("location").unwrap()).await;
    assert!(page.contains("ويُفتح في موعده") && !page.contains(said) && !page.contains(&button), "{page}");
    let read = service.admin().get(&format!("/v1/polls/{poll}")).send().await.is(200);
    assert_eq!((&read["state"], &read["opens_at"]), (&json!("scheduled"), &json!("2999-01-01T00:00:00.000Z")));
    // Its history tells it.
    until(async || editor.page(&at).await.contains("تغيّر: الحالة").then_some(())).await;
    // Where the time has passed there is no schedule to wait for.
    let page = editor.page(&path(&site, &missed)).await;
    assert!(page.contains(said) && !page.contains("/publish\""), "{page}");
}

/// Nothing is to be read at the addresses of these forms.
async fn a_page_that_answers_a_refused_form_leads_to_where_it_can_be_read(service: &Service) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site })).await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let scopes = [&EDITOR[..], &["polls:moderate"]].concat();
    let editor = SignedIn::at(service, &site, &scopes).await;
    let at = path(&site, &poll);
    for (form, fields, status) in [
        ("/incidents", "reason=+", 422),
        ("/labels/no-mark", "decision=held&reason=", 422),
        ("/resolve", "option=yes", 409),
    ] {
        let page = editor.send(&format!("{at}{form}"), fields).await.page(status);
        for own in [
            format!("data-page=\"{at}\""),
            format!("name=\"back\" value=\"{at}\""),
            format!("href=\"{at}?by=PT1H#timeline-title\""),
        ] {
            assert!(page.contains(&own), "{form}: no {own} in {page}");
        }
    }
    // What was asked of the page in its address stays.
    let page = editor.page(&format!("{at}?by=P1D")).await;
    assert!(page.contains(&format!("data-page=\"{at}?by=P1D\"")), "{page}");
}

/// Also by somebody else, while the page is open.
async fn a_poll_is_deleted_by_typing_how_its_question_begins_and_then_its_page_is_gone(service: &Service) {
    let site = service.site().await;
    let [poll, other] = [service.poll(json!({ "site": site })).await, service.poll(json!({ "site": site })).await];
    let editor = SignedIn::at(service, &site, &EDITOR).await;
    let at = path(&site, &poll);
    let mut stream = editor.get(&format!("{at}/live")).open().await;
    for wrong in ["", "words=", "words=yes", "words=%D9%87%D9%84"] {
        let page = editor.send(&format!("{at}/delete"), wrong).await.page(422);
        assert!(page.contains("aria-invalid=\"true\""), "{page}");
    }
    let (_, words) = FORMS.into_iter().find(|(form, _)| *form == "/delete").unwrap();
    let answer = editor.send(&format!("{at}/delete"), words).await;
    assert_eq!(answer.status, 303, "{answer}");
    let list = editor.page(&answer.header("location").unwrap()).await;
    assert!(list.contains("role=\"status\"") && !list.contains(&poll) && list.contains(&other), "{list}");
    while stream.next().await.expect("a stream says that its poll is gone").name != "gone" {}
    for (page, _) in PAGES {
        editor.get(&format!("{at}{page}")).send().await.page(404);
    }
    for (form, fields) in FORMS {
        editor.send(&format!("{at}{form}"), fields).await.page(404);
    }
}

async fn an_editor_watches_what_readers_do_not_see_and_nobody_without_a_session_does(service: &Service) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site, "results": "never" })).await;
    let editor = SignedIn::at(service, &site, &EDITOR).await;
    let at = path(&site, &poll);
    let mut stream = editor.get(&format!("{at}/live")).open().await;
    service.client().new_voter().await.vote(&poll, &["no"]).await.is(201);
    loop {
        let event = stream.next().await.expect("the stream goes on");
        if event.name == "tally" && event.data["ballots"] == 1 {
            break;
        }
    }
    for client in service.clients() {
        let page = until(async || {
            let page = editor.through(client.clone()).page(&at).await;
            page.contains("100%").then_some(page)
        })
        .await;
        // All that script puts in its place when it moves, by its name, once each.
        for part in ["facts", "does", "tally", "timeline", "timeline-rows", "about"] {
            assert_eq!(page.matches(&format!("data-moves=\"{part}\"")).count(), 1, "{part}: {page}");
        }
        assert!(page.contains("<svg") && !page.contains(" style=\""), "{page}");
        for (page, _) in PAGES {
            let answer = client.get(&format!("{at}{page}")).undocumented().send().await;
            let there = answer.header("location").unwrap_or_default();
            assert!(answer.status == 303 && there.starts_with("/newsroom/sign-in?then="), "{answer}");
        }
    }
    let viewer = SignedIn::at(service, &site, &["polls:read"]).await;
    assert!(!viewer.page(&at).await.contains("class=\"bars\""));
}

/// By session as by key; the times are the site's if nothing else is said.
async fn an_editor_exports_what_the_api_does(service: &Service) {
    let site = service.site().await;
    let settings = json!({ "origins": [], "timezone": "Asia/Kuwait" });
    service.admin().put(&format!("/v1/sites/{site}")).json(&settings).send().await.is(200);
    let poll = service.poll(json!({ "site": site, "open_answer": true })).await;
    let vote = json!({ "choices": ["other"], "open_answer": "لا أدري" });
    let voter = service.client().new_voter().await;
    voter.post(&format!("/v1/polls/{poll}/votes")).json(&vote).send().await.is(201);
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    let editor = SignedIn::at(service, &site, &EDITOR).await;
    for (file, query) in [
        ("results.csv", "timezone=Asia/Kuwait&separator=semicolon"),
        ("timeline.csv", "timezone=Asia/Kuwait&interval=PT1M"),
        ("answers.csv", "separator=tab"),
    ] {
        let expected = service.admin().get(&format!("/v1/polls/{poll}/{file}?{query}")).send().await;
        let query = query.replace("timezone=Asia/Kuwait&", "");
        let answer = editor.get(&format!("{}/{file}?{query}", path(&site, &poll))).send().await;
        assert_eq!(answer.header("cache-control").as_deref(), Some("private, no-store"), "{answer}");
        assert_eq!(answer.header("content-disposition"), expected.header("content-disposition"));
        let lines = |answer: &crate::client::Answer| {
            let text = String::from_utf8(answer.content()).unwrap();
            // Replicas read a tally at moments of their own.
            text.lines()
                .map(|line| {
                    line.split([';'])
                        .enumerate()
                        .filter(|(cell, _)| *cell != 2)
                        .map(|(_, cell)| cell.to_owned())
                        .collect::<Vec<_>>()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!((answer.status, lines(&answer)), (200, lines(&expected)), "{file}");
    }
    editor.get(&format!("{}/results.csv?separator=dash", path(&site, &poll))).send().await.page(400);
    let code = editor.get(&format!("{}/qr.svg", path(&site, &poll))).send().await;
    assert!(code.header("content-disposition").unwrap().starts_with("attachment"), "{code}");
    let by_key = service.admin().get(&format!("/v1/polls/{poll}/qr.svg")).send().await;
    assert_eq!((by_key.status, by_key.content()), (200, code.content()));
    let page = editor.page(&path(&site, &poll)).await;
    assert!(page.contains("shape-rendering=\"crispEdges\"") && page.contains("class=\"timeline\""), "{page}");
    let picture = format!("href=\"{PUBLIC_URL}/polls/{poll}/card.png");
    assert!(page.contains(&format!("{picture}\"")) && page.contains(&format!("{picture}?shape=square\"")), "{page}");
    // The share never stands without what it is a share of.
    assert!(page.contains("100%") && page.contains("صوت واحد"), "{page}");
    assert_eq!(text(&json!(page.matches("readonly").count().to_string())), "4", "one code for each way");
}

service_rules![on crate::backends::Backend::EACH_SORT;
    an_editor_of_one_site_finds_nothing_of_another,
    whoever_lacks_a_scope_is_neither_offered_nor_granted_what_needs_it,
    a_form_without_its_sessions_token_or_from_elsewhere_does_nothing,
    a_poll_is_opened_closed_and_resolved_by_forms_and_each_refusal_is_said_on_its_page,
    a_draft_says_that_it_does_not_open_by_itself_and_is_published_to_open_later,
    a_page_that_answers_a_refused_form_leads_to_where_it_can_be_read,
    a_poll_is_deleted_by_typing_how_its_question_begins_and_then_its_page_is_gone,
    an_editor_watches_what_readers_do_not_see_and_nobody_without_a_session_does,
    an_editor_exports_what_the_api_does,
];
