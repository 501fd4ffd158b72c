//! All sites, in the newsroom, for the operator.

use serde_json::json;

use super::Browser;
use crate::{
    client::remember_secret,
    registry::service_rules,
    service::{Service, text},
};

async fn the_operator_makes_a_site_and_an_id_that_is_taken_replaces_nothing(service: &Service) {
    let operator = Browser::of_operator(service).await;
    let taken = service.site_for(&["https://news.example"]).await;
    let id = format!("{taken}-made");
    let answer = operator.submit("/newsroom/sites", &[("id", &id), ("name", "الراي")]).await;
    let there = format!("/newsroom/sites/{id}/settings");
    assert_eq!((answer.status, answer.header("location")), (303, Some(there)), "{answer}");
    assert_eq!(service.admin().get(&format!("/v1/sites/{id}")).send().await.is(200)["name"], "الراي");
    for (typed, fault) in [(taken.as_str(), "هذا المعرّف لموقع آخر"), ("Not An Id", "أحرفًا لاتينية صغيرة"), ("", "أحرفًا")]
    {
        let page = operator.submit("/newsroom/sites", &[("id", typed), ("name", "غيره")]).await.page(422);
        assert!(page.contains(fault) && page.contains("value=\"غيره\""), "{typed}: {page}");
    }
    let kept = service.admin().get(&format!("/v1/sites/{taken}")).send().await.is(200);
    assert_eq!(kept["origins"][0], "https://news.example", "a site that is there is left alone");
}

async fn a_site_is_deleted_only_when_its_id_was_typed_and_nothing_is_lost_with_it(service: &Service) {
    let operator = Browser::of_operator(service).await;
    let site = service.site().await;
    let (key, _) = service.key(&site, &["polls:read"]).await;
    let place = format!("/v1/sites/{site}/places/side");
    service.admin().put(&place).json(&json!({})).send().await;
    let hook = json!({ "url": "https://hooks.example/sawt" });
    let hook = service.admin().post(&format!("/v1/sites/{site}/webhooks")).json(&hook).send().await.is(201);
    remember_secret(&text(&hook["secret"]));
    let path = format!("/newsroom/sites/{site}/delete");
    assert!(operator.get(&path).await.page(200).contains("حذف هذا الموقع؟"));
    let page = operator.submit(&path, &[("id", "another")]).await.page(422);
    assert!(page.contains("ليس هذا معرّف الموقع"), "{page}");
    for (what, at) in [
        ("أماكن", place),
        ("إشعارات", format!("/v1/sites/{site}/webhooks/{}", text(&hook["id"]))),
        ("مفاتيح", format!("/v1/keys/{key}")),
    ] {
        let page = operator.submit(&path, &[("id", &site)]).await.page(409);
        assert!(page.contains(&format!("ما زالت له {what}")), "{what}: {page}");
        service.admin().delete(&at).send().await.is(204);
    }
    let answer = operator.submit(&path, &[("id", &site)]).await;
    assert_eq!((answer.status, answer.header("location").as_deref()), (303, Some("/newsroom/sites?said=deleted")));
    operator.get(&path).await.page(404);
    service.admin().get(&format!("/v1/sites/{site}")).send().await.refused(404, "not-found");
}

service_rules![on crate::backends::Backend::EACH_SORT;
    the_operator_makes_a_site_and_an_id_that_is_taken_replaces_nothing,
    a_site_is_deleted_only_when_its_id_was_typed_and_nothing_is_lost_with_it,
];
