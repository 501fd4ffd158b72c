//! A site's templates, in the newsroom.

use serde_json::{Value, json};

use super::{Browser, hidden};
use crate::{registry::service_rules, service::Service};

/// What a form for reactions brings, with these fields besides.
fn reactions<'a>(with: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let form = [
        ("do", "save"),
        ("kind", "reaction"),
        ("question", "ما شعورك؟"),
        ("language", "ar"),
        ("results", "always"),
        ("display", "exact"),
        ("option_id", "like"),
        ("emoji", "👍"),
        ("label", "أعجبني"),
        ("option_id", "sad"),
        ("emoji", "😢"),
        ("label", "أحزنني"),
    ];
    form.iter().chain(with).copied().collect()
}

async fn template(service: &Service, site: &str, id: &str) -> Value {
    service.admin().get(&format!("/v1/sites/{site}/templates/{id}")).send().await.is(200)
}

async fn a_template_is_made_and_changed_and_nothing_of_it_is_lost(service: &Service) {
    let site = service.site().await;
    let editor = Browser::with_scopes(service, &site, &["polls:read", "polls:write"]).await;
    let path = format!("/newsroom/sites/{site}/templates");
    let new = format!("/newsroom/sites/{site}/new-template");
    let page = editor.get(&new).await.page(200);
    assert!(page.contains("value=\"reactions\"") && !page.contains("name=\"opens_at\""), "{page}");
    let made = editor.submit(&new, &reactions(&[("id", "mood"), ("articles", "own-origins")])).await;
    assert_eq!(made.header("location"), Some(format!("{path}?said=saved")), "{made}");
    let asked = template(service, &site, "mood").await;
    assert_eq!((&asked["articles"], &asked["open_for_days"]), (&json!("own-origins"), &json!(90)));
    assert_eq!(asked["poll"]["options"][1]["id"], "sad");
    let list = editor.get(&path).await.page(200);
    assert!(list.contains("ما شعورك؟") && list.contains("&#60;sawt-reactions site=") || list.contains("&lt;sawt"));
    // It may be called as the page is on which it is made.
    assert_eq!(editor.submit(&new, &reactions(&[("id", "new")])).await.status, 303);
    let own = editor.get(&format!("{path}/new")).await.page(200);
    assert!(own.contains(&format!("action=\"{path}/new\"")) && own.contains("name=\"base\""), "{own}");
    // One that is there is not made again, and bad numbers are named.
    for wrong in [
        reactions(&[("id", "mood")]),
        reactions(&[("id", "Mood")]),
        reactions(&[("id", "stars"), ("open_for_days", "0")]),
        reactions(&[("id", "stars"), ("emoji", "x"), ("label", "ثالث")]),
    ] {
        let page = editor.submit(&new, &wrong).await.page(422);
        assert!(page.contains("aria-invalid=\"true\"") && page.contains("ما شعورك؟"), "{page}");
    }
    // What the form does not change stays: who asks, and for how many articles.
    let kept = json!({ "articles": "announced", "most_articles": 5, "poll": {
        "kind": "rating", "question": "كم؟", "language": "ar", "disclosure": { "asked_by": "الراي" },
    }});
    service.admin().put(&format!("/v1/sites/{site}/templates/mood")).json(&kept).send().await.is(200);
    let own = format!("{path}/mood");
    let page = editor.get(&own).await.page(200);
    let base = page.split_once("name=\"base\" hidden>\n").unwrap().1.split("</textarea>").next().unwrap();
    let base = base.replace("&#34;", "\"").replace("&quot;", "\"");
    let form = |question: &'static str, base: &str| {
        let base = base.to_owned();
        [("do", "save"), ("kind", "stars"), ("language", "ar"), ("results", "always"), ("display", "exact")]
            .into_iter()
            .chain([("asked_by", "الراي"), ("most_articles", "5"), ("question", question)])
            .map(|(name, value)| (name, value.to_owned()))
            .chain([("base", base)])
            .collect::<Vec<_>>()
    };
    let send = async |form: Vec<(&str, String)>| {
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        editor.submit(&own, &form).await
    };
    assert_eq!(send(form("كم نجمة؟", &base)).await.status, 303);
    let asked = template(service, &site, "mood").await;
    assert_eq!((&asked["most_articles"], &asked["poll"]["question"]), (&json!(5), &json!("كم نجمة؟")));
    assert_eq!(asked["poll"]["disclosure"]["asked_by"], "الراي");
    // Whoever had it open before is told, and nothing is overwritten.
    let page = send(form("أخرى", &base)).await.page(412);
    assert!(page.contains("كم نجمة؟") && page.contains("أخرى"), "{page}");
    assert_eq!(template(service, &site, "mood").await["poll"]["question"], "كم نجمة؟");
    assert!(!hidden(&page, "form_token").is_empty());
}

/// Also of what stands beside its poll: of each field the change that was made.
async fn of_two_editors_of_a_template_neither_undoes_what_the_other_did(service: &Service) {
    let site = service.site().await;
    let editor = Browser::with_scopes(service, &site, &["polls:read", "polls:write"]).await;
    let poll = json!({ "kind": "rating", "question": "كم؟", "language": "ar" });
    let put = async |more: Value| {
        let mut asked = json!({ "poll": poll });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        service.admin().put(&format!("/v1/sites/{site}/templates/mood")).json(&asked).send().await;
    };
    put(json!({})).await;
    let path = format!("/newsroom/sites/{site}/templates/mood");
    let base = |page: &str| {
        let base = page.split_once("name=\"base\" hidden>\n").unwrap().1.split("</textarea>").next().unwrap();
        super::unescaped(base).replace("&quot;", "\"")
    };
    let opened = base(&editor.get(&path).await.page(200));
    // Meanwhile somebody else has it for every page, for a week.
    put(json!({ "articles": "own-origins", "open_for_days": 7 })).await;
    let rating = [("do", "save"), ("kind", "stars"), ("language", "ar"), ("results", "always"), ("display", "exact")];
    let send = async |base: &str, articles: &str, days: &str, most: &str| {
        let own = [
            ("question", "كم؟"),
            ("base", base),
            ("articles", articles),
            ("open_for_days", days),
            ("most_articles", most),
        ];
        editor.submit(&path, &rating.iter().copied().chain(own).collect::<Vec<_>>()).await
    };
    let page = send(&opened, "announced", "", "5").await.page(412);
    assert!(
        page.contains("كل صفحة في الموقع") && page.contains("<dd dir=\"auto\">7</dd>"),
        "what the first did: {page}"
    );
    for kept in ["value=\"own-origins\" checked", "name=\"open_for_days\" inputmode=\"numeric\" value=\"7\""] {
        assert!(page.contains(kept), "no {kept} in {page}");
    }
    assert_eq!(template(service, &site, "mood").await["most_articles"], 10_000);
    assert_eq!(send(&base(&page), "own-origins", "7", "5").await.status, 303);
    let now = template(service, &site, "mood").await;
    let members = ["articles", "open_for_days", "most_articles"].map(|member| now[member].clone());
    assert_eq!(members, [json!("own-origins"), json!(7), json!(5)]);
}

async fn one_template_too_many_is_refused_and_its_form_stays(service: &Service) {
    let site = service.site().await;
    let editor = Browser::with_scopes(service, &site, &["polls:read", "polls:write"]).await;
    let asked = json!({ "poll": { "kind": "rating", "question": "كم؟" } });
    for number in 0..50 {
        service.admin().put(&format!("/v1/sites/{site}/templates/t{number}")).json(&asked).send().await.is(201);
    }
    let new = format!("/newsroom/sites/{site}/new-template");
    let page = editor.submit(&new, &reactions(&[("id", "mood")])).await.page(409);
    assert!(page.contains("وهذا أقصى عدد") && page.contains("ما شعورك؟") && page.contains("value=\"mood\""), "{page}");
}

/// Also how many answers a reader must give, which few polls say: in a template, and in a poll like another.
async fn how_many_answers_there_must_be_is_carried_from_form_to_form(service: &Service) {
    let site = service.site().await;
    let editor = Browser::with_scopes(service, &site, &["polls:read", "polls:write"]).await;
    let labels = ["أ", "ب", "ج"];
    let options = labels.map(|label| json!({ "label": label }));
    for (id, kind) in [("several", "multiple"), ("order", "ranked")] {
        let poll = json!({ "kind": kind, "question": "؟", "min_choices": 2, "max_choices": 2, "options": options });
        service.admin().put(&format!("/v1/sites/{site}/templates/{id}")).json(&json!({ "poll": poll })).send().await;
        let path = format!("/newsroom/sites/{site}/templates/{id}");
        let mut made = poll.clone();
        made["site"] = json!(site);
        let made = service.poll(made).await;
        let new = format!("/newsroom/sites/{site}/polls/new");
        for page in [&path, &format!("{new}?from={made}")] {
            let page = editor.get(page).await.page(200);
            for name in ["min_choices", "max_choices"] {
                assert!(page.contains(&format!("name=\"{name}\" inputmode=\"numeric\" value=\"2\"")), "{page}");
            }
        }
        let bounds =
            |min| [("kind", kind), ("question", "؟"), ("language", "ar"), ("min_choices", min), ("max_choices", "2")];
        let form = |what, min| {
            let labels = labels.into_iter().map(|label| ("label", label));
            [("do", what), ("results", "always"), ("display", "exact")]
                .into_iter()
                .chain(bounds(min))
                .chain(labels)
                .collect::<Vec<_>>()
        };
        assert_eq!(editor.submit(&path, &form("save", "2")).await.status, 303);
        assert_eq!(template(service, &site, id).await["poll"]["min_choices"], 2);
        let there = super::location(&editor.submit(&new, &form("publish", "2")).await);
        let read = format!("/v1/polls/{}", there.rsplit('/').next().unwrap());
        assert_eq!(service.admin().get(&read).send().await.is(200)["min_choices"], 2);
        let page = editor.submit(&path, &form("save", "3")).await.page(422);
        assert!(page.contains("href=\"#min_choices\"") && page.contains("لا يزيد على أقصى عدد"), "{page}");
    }
}

async fn a_template_is_deleted_only_when_its_id_was_typed(service: &Service) {
    let site = service.site().await;
    let editor = Browser::with_scopes(service, &site, &["polls:read", "polls:write"]).await;
    let asked = json!({ "poll": { "kind": "rating", "question": "كم؟" } });
    service.admin().put(&format!("/v1/sites/{site}/templates/stars")).json(&asked).send().await.is(201);
    let path = format!("/newsroom/sites/{site}/templates/stars/delete");
    assert!(editor.get(&path).await.page(200).contains("حذف هذا القالب؟"));
    let page = editor.submit(&path, &[("id", "star")]).await.page(422);
    assert!(page.contains("فلم يُحذف شيء"), "{page}");
    template(service, &site, "stars").await;
    assert_eq!(editor.submit(&path, &[("id", "stars")]).await.status, 303);
    editor.get(&path).await.page(404);
    // Who only reads is offered nothing else.
    service.admin().put(&format!("/v1/sites/{site}/templates/stars")).json(&asked).send().await.is(201);
    let reader = Browser::with_scopes(service, &site, &["polls:read"]).await;
    let list = reader.get(&format!("/newsroom/sites/{site}/templates")).await.page(200);
    assert!(list.contains("كم؟") && !list.contains("/templates/stars") && !list.contains("/new-template"), "{list}");
}

service_rules![on crate::backends::Backend::EACH_SORT;
    a_template_is_made_and_changed_and_nothing_of_it_is_lost,
    of_two_editors_of_a_template_neither_undoes_what_the_other_did,
    one_template_too_many_is_refused_and_its_form_stays,
    how_many_answers_there_must_be_is_carried_from_form_to_form,
    a_template_is_deleted_only_when_its_id_was_typed,
];
