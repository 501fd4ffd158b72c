//! A site's webhooks, in the newsroom.

use serde_json::{Value, json};

use super::Browser;
use crate::{
    client::{remember_secret, until},
    receiver::{Receiver, Reply},
    registry::service_rules,
    service::{Service, text},
};

/// The secret that a page shows.
fn shown(page: &str) -> Option<String> {
    let (_, after) = page.split_once("id=\"new-secret\" readonly value=\"")?;
    let secret = after.split('"').next()?.replace("&#43;", "+").replace("&#47;", "/").replace("&#61;", "=");
    remember_secret(&secret);
    Some(secret)
}

/// The site's only webhook, as the API has it.
async fn only(service: &Service, site: &str) -> Value {
    let listed = service.admin().get(&format!("/v1/sites/{site}/webhooks")).send().await.is(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
    listed["items"][0].clone()
}

async fn a_webhook_made_in_the_newsroom_shows_its_secret_once_and_is_told_what_happens(service: &Service) {
    let (site, receiver) = (service.site().await, Receiver::start());
    let editor = Browser::with_scopes(service, &site, &["keys:write", "polls:read"]).await;
    let path = format!("/newsroom/sites/{site}/webhooks");
    let url = receiver.url();
    // What it is told is chosen, in the body that its receiver wants.
    let form = [
        ("url", &*url),
        ("name", "غرفة الأخبار"),
        ("type", "poll.created"),
        ("type", "poll.closed"),
        ("body", "{\"text\": \"{{poll.question}}\"}"),
    ];
    let answer = editor.submit(&path, &form).await;
    assert!(answer.header("cache-control").is_some_and(|value| value.contains("no-store")), "{answer}");
    let page = answer.page(200);
    let secret = shown(&page).expect("it is shown");
    let hook = only(service, &site).await;
    assert_eq!((&hook["name"], &hook["types"]), (&json!("غرفة الأخبار"), &json!(["poll.created", "poll.closed"])));
    receiver.answer(Reply::Status(410));
    service.poll(json!({ "site": site })).await;
    let own = format!("{path}/{}", text(&hook["id"]));
    // Its receiver is gone, and that is told; enabled, it goes on.
    let page = until(async || {
        let page = editor.get(&own).await.page(200);
        (page.contains("المستقبِل لم يعد موجودًا") && page.contains("HTTP 410")).then_some(page)
    })
    .await;
    assert!(shown(&page).is_none() && !page.contains(&secret), "{page}");
    assert!(receiver.received()[0].is_signed_by(&secret));
    assert_eq!(receiver.received()[0].json()["text"], "هل تتوقع حل مجلس الأمة ؟");
    assert_eq!(editor.submit(&format!("{own}/state"), &[("state", "enabled")]).await.status, 303);
    let event = page.split_once("/deliveries/").unwrap().1.split('/').next().unwrap().to_owned();
    let answer = editor.submit(&format!("{own}/deliveries/{event}/replay"), &[]).await;
    assert_eq!(answer.header("location"), Some(format!("{own}?said=replayed#sent")), "{answer}");
    for client in service.clients() {
        until(async || editor.by(client.clone()).get(&own).await.page(200).contains("وصل").then_some(())).await;
    }
    let ids: Vec<_> = receiver.received().iter().map(|received| received.id().to_owned()).collect();
    assert!(ids.len() == 2 && ids[0] == ids[1], "{ids:?}");
    let page = editor.submit(&format!("{own}/secret"), &[]).await.page(200);
    let second = shown(&page).expect("a new one is shown");
    assert!(second != secret && page.contains("والسر السابق يوقّع معه"), "{page}");
    shown(&editor.submit(&format!("{own}/secret"), &[]).await.page(200));
    // Each secret has its day: a third one within it is refused, in words.
    let page = editor.submit(&format!("{own}/secret"), &[]).await.page(409);
    assert!(shown(&page).is_none() && page.contains("السرّان السابقان ما زالا يوقّعان"), "{page}");
    editor.submit(&format!("{own}/state"), &[("state", "paused")]).await;
    assert_eq!(only(service, &site).await["disabled"]["why"], "asked");
    // What is paused sends nothing at once, and says so.
    editor.submit(&format!("{own}/deliveries/{event}/replay"), &[]).await;
    let page = editor.get(&format!("{own}?said=replayed")).await.page(200);
    assert!(page.contains("عندما تشغّله") && !page.contains("سيُرسل مرة أخرى حالًا"), "{page}");
}

async fn a_webhooks_form_that_is_kept_is_looked_at_before_it_is_sent(service: &Service) {
    let site = service.site().await;
    let scopes = ["keys:write", "polls:read"];
    let before = Browser::with_scopes(service, &site, &scopes).await;
    let editor = Browser::with_scopes(service, &site, &scopes).await;
    let (path, old) = (format!("/newsroom/sites/{site}/webhooks"), before.form_token().await);
    let page = editor.get(&path).await.page(200);
    let was = super::hidden(&page, "was");
    let url = "https://hooks.example/sawt";
    let fields = [("form_token", &*old), ("shows_again", "yes"), ("was", &was), ("url", url), ("type", "poll.opened")];
    let kept = editor.post(&path, &fields).await.page(403);
    assert!(kept.contains(url) && kept.contains(&format!("action=\"{path}\"")), "{kept}");
    assert!(kept.contains("value=\"again\""), "{kept}");
    let fields: Vec<_> = [("do", "again")].into_iter().chain(fields.into_iter().skip(1)).collect();
    let shown = editor.submit(&path, &fields).await.page(200);
    assert!(shown.contains(url) && shown.contains("value=\"poll.opened\" checked"), "{shown}");
    let listed = service.admin().get(&format!("/v1/sites/{site}/webhooks")).send().await.is(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(0), "looking at it made it: {listed}");
}

async fn of_two_editors_of_a_webhook_neither_undoes_what_the_other_did(service: &Service) {
    let site = service.site().await;
    let editor = Browser::with_scopes(service, &site, &["keys:write", "polls:read"]).await;
    let path = format!("/newsroom/sites/{site}/webhooks");
    let asked = json!({ "url": "https://hooks.example/sawt", "name": "أ" });
    let made = service.admin().post(&format!("/v1/sites/{site}/webhooks")).json(&asked).send().await.is(201);
    remember_secret(&text(&made["secret"]));
    let own = format!("{path}/{}", text(&made["id"]));
    let page = editor.get(&own).await.page(200);
    let was = super::hidden(&page, "was").replace("&#34;", "\"").replace("&quot;", "\"");
    // Meanwhile somebody else gives it another name.
    let api = format!("/v1/sites/{site}/webhooks/{}", text(&made["id"]));
    service.admin().patch(&api).json(&json!({ "name": "ب" })).send().await.is(200);
    let form = [("was", &*was), ("url", "https://hooks.example/sawt"), ("name", "أ"), ("type", "poll.closed")];
    assert_eq!(editor.submit(&own, &form).await.status, 303);
    let hook = only(service, &site).await;
    assert_eq!((&hook["name"], &hook["types"]), (&json!("ب"), &json!(["poll.closed"])));
    // What is wrong is said by its field, and what was typed stays.
    let inside = [("was", &*was), ("url", "https://127.0.0.2/"), ("name", "ج"), ("body", "{\"a\": \"{{voter}}\"}")];
    let page = editor.submit(&own, &inside).await.page(422);
    assert!(page.contains("{{poll.question}}") && page.contains("value=\"ج\""), "{page}");
    let page = editor.submit(&path, &[("url", "ftp://x"), ("name", "ج")]).await.page(422);
    assert!(page.contains("اكتب عنوانًا يبدأ بـ") && page.contains("value=\"ج\""), "{page}");
    assert_eq!(only(service, &site).await["name"], "ب");
    // It is deleted when that was asked twice.
    assert!(editor.get(&format!("{own}/delete")).await.page(200).contains("حذف هذا الإشعار؟"));
    only(service, &site).await;
    assert_eq!(editor.submit(&format!("{own}/delete"), &[]).await.status, 303);
    editor.get(&own).await.page(404);
}

service_rules![on crate::backends::Backend::EACH_SORT;
    a_webhook_made_in_the_newsroom_shows_its_secret_once_and_is_told_what_happens,
    of_two_editors_of_a_webhook_neither_undoes_what_the_other_did,
    a_webhooks_form_that_is_kept_is_looked_at_before_it_is_sent,
];
