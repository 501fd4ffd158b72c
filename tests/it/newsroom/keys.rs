//! A site's keys, in the newsroom.

use serde_json::json;

use super::{Browser, unescaped};
use crate::{
    client::remember_secret,
    registry::service_rules,
    service::{Service, text},
};

/// The text of the key that a page shows.
fn shown(page: &str) -> Option<String> {
    let (_, after) = page.split_once("id=\"new-key\" readonly value=\"")?;
    after.split('"').next().map(str::to_owned)
}

async fn a_key_made_in_the_newsroom_is_shown_once_and_works(service: &Service) {
    let site = service.site().await;
    let editor = Browser::with_scopes(service, &site, &["polls:read", "results:read", "keys:write"]).await;
    let path = format!("/newsroom/sites/{site}/keys");
    let form = [("name", "نظام النشر"), ("scope", "polls:read"), ("scope", "results:read")];
    let answer = editor.submit(&path, &form).await;
    assert!(answer.header("cache-control").is_some_and(|value| value.contains("no-store")), "{answer}");
    let page = answer.page(200);
    let key = shown(&page).expect("the key is shown");
    remember_secret(&key);
    service.client().with_key(&key).get(&format!("/v1/polls?site={site}")).send().await.is(200);
    // Loading the list again shows what it begins with, and no more.
    for client in service.clients() {
        let page = editor.by(client).get(&path).await.page(200);
        assert!(page.contains("نظام النشر") && page.contains(&key[..17]) && !page.contains(&key), "{page}");
    }
}

async fn a_new_key_that_is_not_right_yet_is_said_so_in_the_editors_language(service: &Service) {
    let site = service.site().await;
    let editor = Browser::with_scopes(service, &site, &["polls:read", "keys:write"]).await;
    let path = format!("/newsroom/sites/{site}/keys");
    let long = "ن".repeat(101);
    let page = editor.submit(&path, &[("name", &long), ("scope", "polls:read")]).await.page(422);
    assert!(page.contains("أطول مما يُسمح به: 100 حرف على الأكثر") && page.contains(&long), "{page}");
    assert!(page.contains("value=\"polls:read\" checked"), "what was chosen stays: {page}");
    let page = editor.reading("en").submit(&path, &[("name", "CMS")]).await.page(422);
    assert!(page.contains("Choose one thing at least") && page.contains("value=\"CMS\""), "{page}");
    // What the editor may not do themselves is not offered, and not given.
    assert!(!page.contains("value=\"polls:write\""), "{page}");
    editor.submit(&path, &[("name", "x"), ("scope", "polls:write")]).await.page(403);
    let keys = service.admin().get(&format!("/v1/keys?site={site}")).send().await.is(200);
    assert_eq!(keys["items"].as_array().map(Vec::len), Some(1), "none was made");
}

type Fields<'a> = &'a [(&'a str, &'a str)];

async fn another_language_keeps_what_stands_in_a_form_and_sends_nothing(service: &Service) {
    let site = service.site().await;
    let operator = Browser::of_operator(service).await;
    let here = format!("/newsroom/sites/{site}");
    let hooks = format!("/v1/sites/{site}/webhooks");
    let hook = json!({ "url": "https://hooks.example/x", "name": "Old" });
    let hook = text(&service.admin().post(&hooks).json(&hook).send().await.is(201)["id"]);
    let unmade = format!("unmade-{site}");
    let forms: [(String, Fields<'_>, &[&str]); 5] = [
        (format!("{here}/keys"), &[("name", "غرفة"), ("scope", "polls:read")], &["value=\"polls:read\" checked"]),
        (
            format!("{here}/webhooks"),
            &[("url", "https://"), ("name", "غرفة"), ("type", "poll.closed")],
            &["value=\"https://\"", "value=\"poll.closed\" checked"],
        ),
        (
            format!("{here}/webhooks/{hook}"),
            &[("url", "https://hooks.example/y"), ("name", "غرفة"), ("body", "{")],
            &["value=\"https://hooks.example/y\""],
        ),
        (format!("{here}/places"), &[("id", "side"), ("name", "غرفة")], &["value=\"side\""]),
        ("/newsroom/sites".to_owned(), &[("id", &unmade), ("name", "غرفة")], &[&unmade]),
    ];
    for (path, fields, kept) in forms {
        let page = operator.get(&path).await.page(200);
        let (_, form) = page.split_once("name=\"speak\" value=\"fr\"").expect("another language is sent with a form");
        assert!(!form.contains("action=\"/newsroom/language\""), "{page}");
        let fields = [fields, &[("speak", "fr")]].concat();
        let answer = operator.submit(&path, &fields).await;
        assert!(answer.header("set-cookie").unwrap().contains("sawt_newsroom_language=fr"), "{answer}");
        let page = unescaped(&answer.page(200));
        for words in [&["lang=\"fr\"", "value=\"غرفة\""], kept].concat() {
            assert!(page.contains(words), "{words} is not in {page}");
        }
        assert!(!page.contains("class=\"fault\""), "{page}");
    }
    for list in [format!("/v1/keys?site={site}"), format!("/v1/sites/{site}/places")] {
        let listed = service.admin().get(&list).send().await.is(200);
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(0), "{listed}");
    }
    let listed = service.admin().get(&hooks).send().await.is(200);
    assert_eq!((listed["items"].as_array().map(Vec::len), &listed["items"][0]["name"]), (Some(1), &json!("Old")));
    service.admin().get(&format!("/v1/sites/{unmade}")).send().await.refused(404, "not-found");
}

async fn a_key_is_revoked_only_when_it_was_asked_twice(service: &Service) {
    let (site, other) = (service.site().await, service.site().await);
    let (id, key) = service.key(&site, &["polls:read"]).await;
    let operator = Browser::of_operator(service).await;
    let polls = format!("/v1/polls?site={site}");
    let path = format!("/newsroom/sites/{site}/keys");
    let list = operator.get(&path).await.page(200);
    assert!(list.contains(&format!("href=\"{path}/{id}/revoke\"")), "{list}");
    let asked = operator.get(&format!("{path}/{id}/revoke")).await.page(200);
    assert!(asked.contains("إلغاء هذا المفتاح؟"), "{asked}");
    service.client().with_key(&key).get(&polls).send().await.is(200);
    // By another site's page nothing happens to it, though the operator may do all there.
    operator.submit(&format!("/newsroom/sites/{other}/keys/{id}/revoke"), &[]).await.page(404);
    service.client().with_key(&key).get(&polls).send().await.is(200);
    let answer = operator.submit(&format!("{path}/{id}/revoke"), &[]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some(format!("{path}?said=revoked"))), "{answer}");
    for client in service.clients() {
        client.with_key(&key).get(&polls).send().await.refused(401, "key-required");
    }
    let list = operator.get(&format!("{path}?said=revoked")).await.page(200);
    assert!(list.contains("أُلغي المفتاح") && !list.contains(&id), "{list}");
    operator.submit(&format!("{path}/{id}/revoke"), &[]).await.page(404);
}

async fn whoever_revokes_their_own_key_is_warned_and_is_out(service: &Service) {
    let site = service.site().await;
    let editor = Browser::with_scopes(service, &site, &["keys:write"]).await;
    let keys = service.admin().get(&format!("/v1/keys?site={site}")).send().await.is(200);
    assert_eq!(keys["items"][0]["scopes"], json!(["keys:write"]));
    let path = format!("/newsroom/sites/{site}/keys/{}/revoke", keys["items"][0]["id"].as_str().unwrap());
    let asked = editor.get(&path).await.page(200);
    assert!(asked.contains("بهذا المفتاح دخلت"), "{asked}");
    assert_eq!(editor.submit(&path, &[]).await.status, 303);
    let answer = editor.get(&format!("/newsroom/sites/{site}/keys")).await;
    assert!(answer.header("location").is_some_and(|there| there.starts_with("/newsroom/sign-in?")), "{answer}");
}

service_rules![on crate::backends::Backend::EACH_SORT;
    a_key_made_in_the_newsroom_is_shown_once_and_works,
    a_new_key_that_is_not_right_yet_is_said_so_in_the_editors_language,
    another_language_keeps_what_stands_in_a_form_and_sends_nothing,
    a_key_is_revoked_only_when_it_was_asked_twice,
    whoever_revokes_their_own_key_is_warned_and_is_out,
];
