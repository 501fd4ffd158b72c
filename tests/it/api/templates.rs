//! Templates: what all articles of a site are given to answer.

use serde_json::{Value, json};

use super::articles::{announce, of, put_template, react, reactions, site_with, votes_of};
use crate::{
    client::until,
    registry::service_rules,
    service::{Service, text},
};

async fn a_template_that_is_changed_keeps_the_counts_that_were_made_by_it(service: &Service) {
    let site = site_with(service, reactions("announced")).await;
    for article in ["a-1", "a-2"] {
        announce(service, &site, article).await;
    }
    react(&service.client(), &of(&site, "a-1"), "sad").await.is(201);
    let mut changed = reactions("announced");
    changed["poll"]["options"][1] = json!({ "id": "angry", "emoji": "😠", "label": "أغضبني" });
    put_template(service, &site, &changed).await.is(200);
    let path = format!("/v1/sites/{site}/templates/reactions");
    let kept = service.admin().get(&path).send().await.is(200);
    assert_eq!((&kept["poll"]["options"][1]["id"], &kept["open_for_days"]), (&json!("angry"), &json!(90)));
    let old = service.client().get(&format!("{}/results", of(&site, "a-1"))).send().await.is(200);
    assert_eq!((&old["options"][1]["id"], votes_of(&old)), (&json!("sad"), (0, 1)));
    // Replicas know a template for two seconds.
    until(async || {
        let new = service.client().get(&of(&site, "a-2")).send().await.is(200);
        (new["options"][1]["id"] == "angry").then_some(())
    })
    .await;
    let refused = service.admin().delete(&format!("/v1/sites/{site}")).send().await;
    refused.refused(409, "site-has-templates");
    service.admin().delete(&path).send().await.is(204);
    service.admin().delete(&path).send().await.refused(404, "no-template");
    let poll = text(&old["poll"]);
    until(async || {
        let gone = service.client().get(&format!("/v1/polls/{poll}")).send().await;
        (gone.status == 404).then_some(())
    })
    .await;
    service.admin().delete(&format!("/v1/sites/{site}")).send().await.is(204);
}

async fn what_is_wrong_with_a_template_is_said_by_its_field(service: &Service) {
    let site = service.site().await;
    let path = format!("/v1/sites/{site}/templates/reactions");
    let with = |member: &str, value: Value| {
        let mut template = reactions("announced");
        template[member] = value;
        template
    };
    let of_poll = |member: &str, value: Value| {
        let mut template = reactions("announced");
        template["poll"][member] = value;
        template
    };
    for (template, status, code, field) in [
        (with("articles", json!("all")), 400, "invalid-request", "articles"),
        (with("poll", json!(7)), 400, "invalid-request", "poll"),
        (of_poll("site", json!("default")), 400, "invalid-request", "poll.site"),
        (of_poll("kind", json!("approval")), 400, "invalid-request", "poll.kind"),
        (with("open_for_days", json!(0)), 422, "invalid-poll", "open_for_days"),
        (with("most_articles", json!(1_000_001)), 422, "invalid-poll", "most_articles"),
        (of_poll("question", json!("")), 422, "invalid-poll", "poll.question"),
        (of_poll("closes_at", json!("2030-01-01T00:00:00Z")), 422, "invalid-poll", "poll.closes_at"),
        (of_poll("options", json!([])), 422, "invalid-poll", "poll.options"),
    ] {
        let refused = service.admin().put(&path).json(&template).send().await.refused(status, code);
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    let wrong = service.admin().put(&format!("/v1/sites/{site}/templates/Reactions")).json(&reactions("announced"));
    wrong.send().await.refused(400, "invalid-request");
    let nowhere = service.admin().put("/v1/sites/nobody-made-this/templates/x").json(&reactions("announced"));
    nowhere.send().await.refused(404, "not-found");
    service.admin().get("/v1/sites/nobody-made-this/templates").send().await.refused(404, "not-found");
    for number in 0..50 {
        let path = format!("/v1/sites/{site}/templates/t{number}");
        service.admin().put(&path).json(&reactions("announced")).send().await.is(201);
    }
    service.admin().put(&path).json(&reactions("announced")).send().await.refused(409, "too-many-templates");
    let listed = service.admin().get(&format!("/v1/sites/{site}/templates")).send().await.is(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(50));
}

service_rules![
    a_template_that_is_changed_keeps_the_counts_that_were_made_by_it,
    what_is_wrong_with_a_template_is_said_by_its_field,
];
