//! Making polls and editing them.

use serde_json::json;

use super::{Browser, hidden, location, unescaped};
use crate::{
    registry::service_rules,
    service::{Service, seed_poll, text},
};

service_rules![on crate::backends::Backend::EACH_SORT;
    a_form_that_is_sent_twice_makes_one_poll,
    what_is_wrong_is_said_at_its_field_in_the_editors_language,
    of_two_who_edit_at_once_neither_loses_anything,
    an_edit_is_taken_although_something_else_of_the_poll_has_changed,
    what_was_typed_of_a_poll_that_is_deleted_meanwhile_stands_in_the_form_for_a_new_one,
    a_poll_with_ballots_is_reworded_also_by_those_who_do_not_see_them,
    an_ended_session_keeps_what_was_typed,
    a_form_of_the_session_before_is_kept_and_sent_by_its_editor_alone,
    another_language_is_chosen_and_nothing_typed_is_lost,
    a_preview_says_that_the_session_has_ended,
    the_next_poll_is_found_by_its_words_and_the_right_answer_is_chosen_by_its_own,
    a_preview_shows_the_poll_and_makes_none,
    a_poll_says_what_its_site_does_where_its_form_says_nothing,
    a_start_fills_the_form_in_the_polls_language,
];

const QUESTION: &str = "هل تتوقع حل مجلس الأمة؟";

async fn polls(service: &Service, site: &str) -> Vec<serde_json::Value> {
    let listed = service.admin().get(&format!("/v1/polls?site={site}")).send().await.is(200);
    listed["items"].as_array().unwrap().clone()
}

async fn a_form_that_is_sent_twice_makes_one_poll(service: &Service) {
    let site = service.site().await;
    let browser = Browser::of_site(service, &site).await;
    let path = format!("/newsroom/sites/{site}/polls/new");
    let page = browser.get(&path).await.page(200);
    let once = hidden(&page, "once");
    let fields = |action| {
        [
            ("once", once.clone()),
            ("kind", "single".to_owned()),
            ("question", QUESTION.to_owned()),
            ("language", "ar".to_owned()),
            ("label", "نعم\r\nلا".to_owned()),
            ("results", "after_vote".to_owned()),
            ("do", action),
        ]
    };
    let send = async |action: &str| {
        let fields = fields(action.to_owned());
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
        location(&browser.submit(&path, &fields).await)
    };
    let there = send("publish").await;
    assert_eq!(send("publish").await, there);
    let made = polls(service, &site).await;
    assert_eq!(made.len(), 1);
    assert!(there.ends_with(&text(&made[0]["id"])));
    let options = json!([{ "id": "1", "label": "نعم" }, { "id": "2", "label": "لا" }]);
    assert_eq!((&made[0]["state"], &made[0]["options"]), (&json!("open"), &options));
    assert_eq!((&made[0]["question"], &made[0]["results"]), (&json!(QUESTION), &json!("after_vote")));
    // As a draft it is another one.
    assert_ne!(send("draft").await, there);
    assert_eq!(polls(service, &site).await[0]["state"], "draft");
}

async fn what_is_wrong_is_said_at_its_field_in_the_editors_language(service: &Service) {
    let site = service.site().await;
    let browser = Browser { language: "ar", ..Browser::of_site(service, &site).await };
    let path = format!("/newsroom/sites/{site}/polls/new");
    let fields = [
        ("question", " "),
        ("kind", "single"),
        ("label", "نعم"),
        ("label", "نعم\u{200F}"),
        ("closes_at", "2020-01-01T10:00"),
        ("article_url", "ftp://x"),
        ("do", "publish"),
    ];
    let page = browser.submit(&path, &fields).await.page(422);
    for said in ["اكتب سؤالًا", "لا يستطيع القارئ أن يميّزها", "اكتب وقتًا لم يأتِ بعد", "يبدأ بـ https"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(page.contains("ftp://x") && page.contains("2020-01-01T10:00"), "what was typed is gone: {page}");
    assert!(polls(service, &site).await.is_empty());
}

async fn of_two_who_edit_at_once_neither_loses_anything(service: &Service) {
    let site = service.site().await;
    let browser = Browser::of_site(service, &site).await;
    let made = service.admin().post("/v1/polls").json(&seed_poll(json!({ "site": site }))).send().await.is(201);
    let poll = text(&made["id"]);
    let path = format!("/newsroom/sites/{site}/polls/{poll}/edit");
    let page = browser.get(&path).await.page(200);
    let base = unescaped(page.split_once("name=\"base\" hidden>\n").unwrap().1.split("</textarea>").next().unwrap());
    let (yes, no) = (text(&made["options"][0]["label"]), text(&made["options"][1]["label"]));
    let save = async |base: &str, revision: &str, question: &str, labels: [&str; 2]| {
        let fields = [
            ("base", base),
            ("revision", revision),
            ("kind", "single"),
            ("language", "ar"),
            ("question", question),
            ("option_id", "yes"),
            ("label", labels[0]),
            ("option_id", "no"),
            ("label", labels[1]),
            ("results", made["results"].as_str().unwrap()),
            ("do", "save"),
        ];
        browser.submit(&path, &fields).await
    };
    location(&save(&base, "1", "سؤال آخر؟", [&yes, &no]).await);
    let next = service.poll(json!({ "site": site, "question": "ثم ماذا؟" })).await;
    let thanks = json!({ "after_vote": { "next": next } });
    let api = format!("/v1/polls/{poll}");
    let etag = service.admin().get(&api).send().await.header("etag").unwrap();
    service.admin().patch(&api).header("if-match", &etag).json(&thanks).send().await.is(200);
    // The second has changed a label, and knows nothing of the other question.
    let page = save(&base, "1", &text(&made["question"]), [&yes, "كلا"]).await.page(412);
    assert!(page.contains("سؤال آخر؟") && page.contains("كلا"), "{page}");
    assert!(page.contains("<dd dir=\"auto\">ثم ماذا؟</dd>"), "a poll is told by its id: {page}");
    let base = unescaped(page.split_once("name=\"base\" hidden>\n").unwrap().1.split("</textarea>").next().unwrap());
    location(&save(&base, &hidden(&page, "revision"), "سؤال آخر؟", [&yes, "كلا"]).await);
    let now = service.admin().get(&format!("/v1/polls/{poll}")).send().await.is(200);
    assert_eq!((&now["question"], &now["options"][1]["label"]), (&json!("سؤال آخر؟"), &json!("كلا")));
}

/// What moves the poll's revision meanwhile is no field of the form.
async fn an_edit_is_taken_although_something_else_of_the_poll_has_changed(service: &Service) {
    let site = service.site().await;
    let scopes = ["polls:read", "polls:write", "polls:moderate"];
    let editor = Browser::with_scopes(service, &site, &scopes).await;
    let poll = service.poll(json!({ "site": site })).await;
    let at = format!("/newsroom/sites/{site}/polls/{poll}");
    let page = editor.get(&format!("{at}/edit")).await.page(200);
    let base = unescaped(page.split_once("name=\"base\" hidden>\n").unwrap().1.split("</textarea>").next().unwrap());
    location(&editor.submit(&format!("{at}/incidents"), &[("reason", "أصوات من مكان واحد")]).await);
    let revision = async || service.admin().get(&format!("/v1/polls/{poll}")).send().await.is(200)["revision"].clone();
    assert_ne!(revision().await, hidden(&page, "revision").parse::<u64>().unwrap());
    let was: serde_json::Value = serde_json::from_str(&base).unwrap();
    let of = |name: &str| text(&was[name]);
    let fields = [
        ("base", base.clone()),
        ("revision", hidden(&page, "revision")),
        ("kind", of("kind")),
        ("language", of("language")),
        ("question", "سؤال آخر؟".to_owned()),
        ("option_id", "yes".to_owned()),
        ("label", text(&was["options"][0]["label"])),
        ("option_id", "no".to_owned()),
        ("label", text(&was["options"][1]["label"])),
        ("results", of("results")),
        ("display", of("display")),
        ("do", "save".to_owned()),
    ];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
    assert_eq!(location(&editor.submit(&format!("{at}/edit"), &fields).await), at);
    let now = service.admin().get(&format!("/v1/polls/{poll}")).send().await.is(200);
    assert_eq!(now["question"], "سؤال آخر؟");
}

async fn what_was_typed_of_a_poll_that_is_deleted_meanwhile_stands_in_the_form_for_a_new_one(service: &Service) {
    let site = service.site().await;
    let editor = Browser::with_scopes(service, &site, &["polls:read", "polls:write"]).await;
    let poll = service.poll(json!({ "site": site })).await;
    let at = format!("/newsroom/sites/{site}/polls/{poll}/edit");
    let page = editor.get(&at).await.page(200);
    let base = unescaped(page.split_once("name=\"base\" hidden>\n").unwrap().1.split("</textarea>").next().unwrap());
    service.admin().delete(&format!("/v1/polls/{poll}")).send().await.is(204);
    for action in ["save", "more"] {
        let fields = [
            ("base", &*base),
            ("revision", "1"),
            ("kind", "single"),
            ("language", "ar"),
            ("question", "سؤال طويل؟"),
            ("option_id", "yes"),
            ("label", "نعم"),
            ("option_id", "no"),
            ("label", "كلا"),
            ("do", action),
        ];
        let page = editor.submit(&at, &fields).await.page(404);
        assert!(page.contains("حُذف هذا الاستطلاع") && page.contains("سؤال طويل؟"), "{page}");
        assert!(page.contains("value=\"كلا\"") && page.contains("name=\"do\" value=\"publish\""), "{page}");
        assert!(page.contains(&format!("action=\"/newsroom/sites/{site}/polls/new\"")), "{page}");
    }
    assert!(polls(service, &site).await.is_empty());
}

async fn a_poll_with_ballots_is_reworded_also_by_those_who_do_not_see_them(service: &Service) {
    let site = service.site().await;
    let editor = Browser::with_scopes(service, &site, &["polls:read", "polls:write"]).await;
    let poll = service.poll(json!({ "site": site, "results": "after_close" })).await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let path = format!("/newsroom/sites/{site}/polls/{poll}/edit");
    let page = editor.get(&path).await.page(200);
    assert!(page.contains("name=\"reason\"") && page.contains("data-fixed=\"true\""), "{page}");
    let base = unescaped(page.split_once("name=\"base\" hidden>\n").unwrap().1.split("</textarea>").next().unwrap());
    let save = async |reason: &str| {
        let fields = [
            ("base", &*base),
            ("revision", "1"),
            ("kind", "single"),
            ("language", "ar"),
            ("question", "سؤال آخر؟"),
            ("option_id", "yes"),
            ("label", "نعم"),
            ("option_id", "no"),
            ("label", "لا"),
            ("results", "after_close"),
            ("display", "exact"),
            ("reason", reason),
            ("do", "save"),
        ];
        editor.submit(&path, &fields).await
    };
    // What it is sent to is there.
    let page = save("").await.page(422);
    assert!(page.contains("href=\"#reason\"") && page.contains("id=\"reason\" name=\"reason\""), "{page}");
    location(&save("أوضح").await);
    let now = service.admin().get(&format!("/v1/polls/{poll}")).send().await.is(200);
    assert_eq!((&now["question"], &now["rewordings"][0]["reason"]), (&json!("سؤال آخر؟"), &json!("أوضح")));
}

async fn an_ended_session_keeps_what_was_typed(service: &Service) {
    let site = service.site().await;
    let (id, key) = service.key(&site, &["polls:read", "polls:write"]).await;
    let browser = Browser::signed_in(service.client(), &key).await;
    let path = format!("/newsroom/sites/{site}/polls/new");
    let token = browser.form_token().await;
    service.admin().delete(&format!("/v1/keys/{id}")).send().await.is(204);
    let fields = [("form_token", &*token), ("question", "سؤال & \"طويل\"؟"), ("label", "نعم"), ("do", "draft")];
    let door = browser.post(&path, &fields).await.page(403);
    let (then, kept) = (hidden(&door, "then"), unescaped(&hidden(&door, "kept")));
    assert_eq!(then, path);
    // Another language, or a wrong key, loses nothing of it.
    let by = |name| [(name, "fr"), ("then", &*then), ("kept", &*kept)];
    for (name, status) in [("speak", 200), ("key", 403)] {
        let page = browser.post("/newsroom/sign-in", &by(name)).await.page(status);
        assert_eq!((hidden(&page, "then"), unescaped(&hidden(&page, "kept"))), (then.clone(), kept.clone()));
        assert_eq!(page.contains("lang=\"fr\" dir"), name == "speak", "{page}");
        assert!(page.contains("form=\"sign-in\" name=\"speak\""), "{page}");
    }
    let (_, key) = service.key(&site, &["polls:read", "polls:write"]).await;
    let back = browser.post("/newsroom/sign-in", &[("key", &key), ("then", &then), ("kept", &kept)]).await.page(200);
    assert!(unescaped(&back).contains("سؤال & \"طويل\"؟") && back.contains(&format!("action=\"{path}\"")), "{back}");
    assert!(polls(service, &site).await.is_empty(), "what was typed was sent by itself");
    let sent =
        [("form_token", hidden(&back, "form_token")), ("question", "سؤال؟".to_owned()), ("do", "more".to_owned())];
    let sent: Vec<_> = sent.iter().map(|(name, value)| (*name, &**value)).collect();
    browser.post(&path, &sent).await.page(200);
}

/// Somebody's session ended, and they signed in again in another tab.
async fn a_form_of_the_session_before_is_kept_and_sent_by_its_editor_alone(service: &Service) {
    let site = service.site().await;
    let (_, key) = service.key(&site, &["polls:read", "polls:write"]).await;
    let [before, browser] =
        [Browser::signed_in(service.client(), &key).await, Browser::signed_in(service.client(), &key).await];
    let path = format!("/newsroom/sites/{site}/polls/new");
    let (old, new) = (before.form_token().await, browser.form_token().await);
    let marked = hidden(&browser.get(&path).await.page(200), "shows_again");
    let fields = |token| {
        [
            ("shows_again", &*marked),
            ("form_token", token),
            ("question", "سؤال & \"طويل\"؟"),
            ("kind", "single"),
            ("language", "ar"),
            ("label", "نعم\nلا"),
            ("do", "draft"),
        ]
    };
    let kept = browser.post(&path, &fields(&old)).await.page(403);
    assert!(polls(service, &site).await.is_empty(), "it was sent by itself");
    assert!(unescaped(&kept).contains("سؤال & \"طويل\"؟") && kept.contains(&format!("action=\"{path}\"")), "{kept}");
    assert_eq!(hidden(&kept, "form_token"), new);
    // Another language is chosen there: it is kept as it was, and still not sent.
    let marked = hidden(&kept, "is_kept");
    let chosen: Vec<_> = [("speak", "fr"), ("is_kept", &*marked)].into_iter().chain(fields(&new)).collect();
    let in_french = browser.post(&path, &chosen).await;
    assert!(in_french.header("set-cookie").unwrap().contains("sawt_newsroom_language=fr"), "{in_french}");
    let in_french = in_french.page(200);
    assert!(
        in_french.contains("Pas encore envoyé") && unescaped(&in_french).contains("سؤال & \"طويل\"؟"),
        "{in_french}"
    );
    assert!(in_french.contains("name=\"do\" hidden>\ndraft</textarea>"), "it asks for the same: {in_french}");
    assert!(polls(service, &site).await.is_empty(), "choosing a language sent it");
    // Looked at first, and sent.
    assert!(kept.contains("name=\"do\" value=\"again\""), "{kept}");
    let review: Vec<_> = [("do", "again")].into_iter().chain(fields(&new)).collect();
    let shown = browser.post(&path, &review).await.page(200);
    assert!(unescaped(&shown).contains("سؤال & \"طويل\"؟") && shown.contains("value=\"لا\""), "{shown}");
    assert!(polls(service, &site).await.is_empty(), "looking at it sent it");
    location(&browser.post(&path, &fields(&new)).await);
    assert_eq!(polls(service, &site).await.len(), 1);
}

async fn another_language_is_chosen_and_nothing_typed_is_lost(service: &Service) {
    let site = service.site().await;
    let browser = Browser::of_site(service, &site).await;
    let path = format!("/newsroom/sites/{site}/polls/new");
    let page = browser.get(&path).await.page(200);
    assert!(page.contains("form=\"make\" name=\"speak\" value=\"fr\""), "{page}");
    let fields = [("question", QUESTION), ("label", "نعم"), ("label", "لا"), ("speak", "fr")];
    let answer = browser.submit(&path, &fields).await;
    assert!(answer.header("set-cookie").unwrap().contains("sawt_newsroom_language=fr"), "{answer}");
    let page = answer.page(200);
    assert!(page.contains("lang=\"fr\"") && page.contains(QUESTION) && page.contains("value=\"لا\""), "{page}");
    assert_eq!(page.matches("name=\"label\"").count(), 2, "nothing was added: {page}");
    assert!(polls(service, &site).await.is_empty());
}

async fn a_preview_says_that_the_session_has_ended(service: &Service) {
    let site = service.site().await;
    let (id, key) = service.key(&site, &["polls:read", "polls:write"]).await;
    let browser = Browser::signed_in(service.client(), &key).await;
    let (path, token) = (format!("/newsroom/sites/{site}/preview"), browser.form_token().await);
    service.admin().delete(&format!("/v1/keys/{id}")).send().await.is(204);
    let sent = browser.post(&path, &[("form_token", &*token), ("question", QUESTION)]).await;
    for answer in [sent, browser.get(&path).await] {
        // In the frame, where another page of ours may not stand.
        assert!(answer.header("content-security-policy").unwrap().ends_with("frame-ancestors 'self'"), "{answer}");
        assert!(answer.page(403).contains("Your session has ended"));
    }
}

async fn the_next_poll_is_found_by_its_words_and_the_right_answer_is_chosen_by_its_own(service: &Service) {
    let site = service.site().await;
    let browser = Browser::of_site(service, &site).await;
    let path = format!("/newsroom/sites/{site}/polls/new");
    let make = async |question: &str| {
        let poll = seed_poll(json!({ "site": site, "question": question }));
        text(&service.admin().post("/v1/polls").json(&poll).send().await.is(201)["id"])
    };
    let old = make("هل تؤيد قانون الإيجارات؟").await;
    for number in 0..51 {
        make(&format!("سؤال اليوم {number}؟")).await;
    }
    let fields = |more: &[(&'static str, String)]| {
        let typed =
            [("kind", "single"), ("language", "ar"), ("question", QUESTION), ("label", "نعم\r\nلا"), ("label", "ربما")];
        let typed = typed.map(|(name, value)| (name, value.to_owned()));
        typed.iter().chain(more).cloned().collect::<Vec<_>>()
    };
    let send = async |more: &[(&'static str, String)]| {
        let fields = fields(more);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
        browser.submit(&path, &fields).await
    };
    let offers = format!("<option value=\"{old}\"");
    assert!(!browser.get(&path).await.page(200).contains(&offers));
    // The second of the rows is the third answer, since the first has two lines. Who looks for a poll loses neither.
    let found =
        send(&[("do", "find".to_owned()), ("next_words", "ايجارات".to_owned()), ("correct", "2".to_owned())]).await;
    let found = found.page(200);
    assert!(
        found.contains(&offers) && found.contains("<option value=\"3\" selected>Answer 3: ربما</option>"),
        "{found}"
    );
    let once = hidden(&found, "once");
    let made = [("do", "publish".to_owned()), ("next", old.clone()), ("correct", "2".to_owned()), ("once", once)];
    let there = location(&send(&made).await);
    let made = service.admin().get(&format!("/v1/polls/{}", there.rsplit('/').next().unwrap())).send().await.is(200);
    assert_eq!((&made["after_vote"]["next"], &made["correct"]), (&json!(old), &json!("3")), "{made}");
}

async fn a_preview_shows_the_poll_and_makes_none(service: &Service) {
    let site = service.site_for(&["https://news.example"]).await;
    let browser = Browser::of_site(service, &site).await;
    let path = format!("/newsroom/sites/{site}/preview");
    let fields = [("question", QUESTION), ("kind", "single"), ("language", "ar"), ("label", "نعم"), ("label", "لا")];
    let answer = browser.submit(&path, &fields).await;
    assert!(answer.header("content-security-policy").unwrap().ends_with("frame-ancestors 'self'"), "{answer}");
    let page = answer.page(200);
    assert!(page.contains(QUESTION) && page.contains("لا") && page.contains("class=\"sawt"), "{page}");
    let page = browser.submit(&path, &fields[..3]).await.page(200);
    assert!(page.contains("Write a question and two answers"), "{page}");
    assert!(polls(service, &site).await.is_empty());
}

async fn a_poll_says_what_its_site_does_where_its_form_says_nothing(service: &Service) {
    let site = service.site().await;
    let browser = Browser::of_site(service, &site).await;
    let settings = json!({ "origins": [], "disclosure": { "asked_by": "جريدة الراي", "licence": "CC BY 4.0" } });
    service.admin().put(&format!("/v1/sites/{site}")).json(&settings).send().await.is(200);
    let fields = [
        ("question", QUESTION),
        ("kind", "single"),
        ("language", "ar"),
        ("label", "نعم"),
        ("label", "لا"),
        ("asked_by", ""),
        ("paid_by", ""),
        ("licence", "رخصة 7"),
        ("disclosure_note", ""),
        ("do", "publish"),
    ];
    let blank = fields.map(|(name, value)| (name, if name == "licence" { "" } else { value }));
    let page = browser.submit(&format!("/newsroom/sites/{site}/preview"), &blank).await.page(200);
    assert!(page.contains("جريدة الراي"), "{page}");
    for (fields, licence) in [(blank, "CC BY 4.0"), (fields, "رخصة 7")] {
        location(&browser.submit(&format!("/newsroom/sites/{site}/polls/new"), &fields).await);
        let told = json!({ "asked_by": "جريدة الراي", "licence": licence });
        assert_eq!(polls(service, &site).await[0]["disclosure"], told);
    }
}

async fn a_start_fills_the_form_in_the_polls_language(service: &Service) {
    let site = service.site().await;
    let browser = Browser::of_site(service, &site).await;
    let path = format!("/newsroom/sites/{site}/polls/new");
    let fields = |start| [("question", QUESTION), ("language", "ar"), ("do", start)];
    let page = browser.submit(&path, &fields("start:yes_no")).await.page(200);
    assert!(page.contains("value=\"نعم\"") && page.contains("value=\"لا\"") && page.contains(QUESTION), "{page}");
    let page = browser.submit(&path, &fields("start:reactions")).await.page(200);
    assert!(page.contains("value=\"reaction\" checked") && page.contains("❤️"), "{page}");
    assert!(polls(service, &site).await.is_empty());
}
