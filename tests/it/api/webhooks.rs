//! Webhooks, as publishers make them and receivers are told.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::{
    client::{Client, remember_secret, until},
    receiver::{Received, Receiver, Reply},
    registry::service_rules,
    service::{PUBLIC_URL, Service, text, time},
};

service_rules![
    what_happens_is_sent_once_and_signed_to_the_address_that_a_site_names,
    a_receiver_is_sent_what_it_wants_in_the_body_that_it_wants,
    a_receiver_that_is_gone_is_sent_nothing_until_it_is_enabled_again,
    a_secret_is_shown_once_and_signs_beside_the_new_one,
    a_delivery_is_listed_and_sent_again_with_the_same_id,
    what_is_wrong_with_a_webhook_is_said_by_its_field,
    a_site_has_ten_webhooks_at_most_and_is_not_deleted_before_them,
];

/// A site with a webhook, and what receives it.
struct Scene<'a> {
    service: &'a Service,
    site: String,
    receiver: Receiver,
    hook: Value,
}

impl<'a> Scene<'a> {
    async fn new(service: &'a Service, with: Value) -> Self {
        let (site, receiver) = (service.site().await, Receiver::start());
        let mut asked = json!({ "url": receiver.url() });
        asked.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        let hook = service.admin().post(&format!("/v1/sites/{site}/webhooks")).json(&asked).send().await.is(201);
        remember_secret(&text(&hook["secret"]));
        Self { service, site, receiver, hook }
    }

    fn path(&self) -> String {
        format!("/v1/sites/{}/webhooks/{}", self.site, text(&self.hook["id"]))
    }

    fn secret(&self) -> String {
        text(&self.hook["secret"])
    }

    async fn read(&self) -> Value {
        self.service.admin().get(&self.path()).send().await.is(200)
    }

    async fn poll(&self) -> String {
        self.service.poll(json!({ "site": self.site })).await
    }

    /// What was received, as soon as it is so much.
    async fn received(&self, count: usize) -> Vec<Received> {
        until(async || Some(self.receiver.received()).filter(|received| received.len() >= count)).await
    }

    async fn deliveries(&self, query: &str) -> Value {
        self.service.admin().get(&format!("{}/deliveries{query}", self.path())).send().await.is(200)
    }

    /// The deliveries, once none waits.
    async fn all_over(&self) -> Vec<Value> {
        until(async || {
            let items = self.deliveries("").await["items"].as_array().unwrap().clone();
            items.iter().all(|delivery| delivery["state"] != "waiting").then_some(items)
        })
        .await
    }
}

fn types(received: &[Received]) -> Vec<String> {
    received.iter().map(|received| text(&received.json()["type"])).collect()
}

async fn what_happens_is_sent_once_and_signed_to_the_address_that_a_site_names(service: &Service) {
    let scene = Scene::new(service, json!({})).await;
    let poll = scene.poll().await;
    // What only those may know who may make keys is sent to nobody who has not asked for it.
    service.key(&scene.site, &["polls:read"]).await;
    let incidents = format!("/v1/polls/{poll}/integrity/incidents");
    for path in [incidents.clone(), format!("{incidents}/incident-8/close")] {
        service.admin().post(&path).json(&json!({ "reason": "دعوة" })).send().await.is(200);
    }
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    let told = ["poll.created", "poll.opened", "incident.opened", "incident.closed", "poll.closed"];
    let received = scene.received(told.len()).await;
    let deliveries = scene.all_over().await;
    assert_eq!(types(&received), told);
    let log = service.admin().get(&format!("/v1/sites/{}/events?poll={poll}", scene.site)).send().await.is(200);
    for (received, event) in received.iter().zip(log["items"].as_array().unwrap()) {
        assert!(received.is_signed_by(&scene.secret()), "{received:?}");
        assert_eq!(received.header("content-type"), "application/json");
        assert_eq!(received.id(), format!("evt_{}_{}", scene.site, text(&event["id"])));
        let payload = json!({ "type": event["type"], "timestamp": event["at"], "data": event });
        assert_eq!(received.json(), payload);
        let signed_at: i64 = received.header("webhook-timestamp").parse().unwrap();
        assert!((service.now_millis().await / 1_000 - signed_at).abs() < 300, "{signed_at}");
    }
    for delivery in &deliveries {
        assert_eq!((&delivery["state"], &delivery["tries"]), (&json!("delivered"), &json!(1)), "{delivery}");
        assert_eq!(delivery["attempts"][0]["status"], 204);
    }
    // However many replicas there are.
    let ids: HashSet<_> = scene.receiver.received().iter().map(|received| received.id().to_owned()).collect();
    assert_eq!((ids.len(), scene.receiver.received().len()), (told.len(), told.len()));
    service.admin().delete(&scene.path()).send().await.is(204);
    for path in [scene.path(), format!("{}/deliveries", scene.path())] {
        service.admin().get(&path).send().await.refused(404, "not-found");
    }
    service.admin().delete(&scene.path()).send().await.refused(404, "not-found");
}

async fn a_receiver_is_sent_what_it_wants_in_the_body_that_it_wants(service: &Service) {
    let body = json!({ "text": "{{poll.question}} {{type}}", "link": ["{{url}}"], "by": "{{actor}}" });
    let with = json!({ "types": ["poll.closed", "key.created"], "body": body, "name": "غرفة الأخبار" });
    let scene = Scene::new(service, with).await;
    let poll = scene.poll().await;
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    scene.received(1).await;
    service.key(&scene.site, &["polls:read"]).await;
    let received = scene.received(2).await;
    let link = format!("{PUBLIC_URL}/embed/{poll}");
    let question = text(&service.admin().get(&format!("/v1/polls/{poll}")).send().await.is(200)["question"]);
    let closed = json!({ "text": format!("{question} poll.closed"), "link": [link], "by": "admin" });
    let created = json!({ "text": " key.created", "link": [""], "by": "admin" });
    assert_eq!([received[0].json(), received[1].json()], [closed, created]);
    assert!(received.iter().all(|received| received.is_signed_by(&scene.secret())));
    // As it is from now on.
    let edit = json!({ "types": null, "body": null, "name": null });
    let edited = service.admin().patch(&scene.path()).json(&edit).send().await.is(200);
    assert_eq!([&edited["types"], &edited["body"], &edited["name"]], [&Value::Null; 3]);
    service.admin().delete(&format!("/v1/polls/{poll}")).send().await.is(204);
    assert_eq!(scene.received(3).await[2].json()["data"]["type"], "poll.deleted");
}

async fn a_receiver_that_is_gone_is_sent_nothing_until_it_is_enabled_again(service: &Service) {
    let scene = Scene::new(service, json!({ "types": ["poll.created"] })).await;
    scene.receiver.answer(Reply::Status(410));
    scene.poll().await;
    let disabled = until(async || Some(scene.read().await).filter(|hook| hook["enabled"] == false)).await;
    assert_eq!(disabled["disabled"]["why"], "gone");
    let events = format!("/v1/sites/{}/events?type=webhook.disabled", scene.site);
    let told = until(async || {
        let events = service.admin().get(&events).send().await.is(200)["items"].as_array().unwrap().clone();
        events.into_iter().next()
    })
    .await;
    assert_eq!((&told["data"]["webhook"], &told["data"]["why"]), (&scene.hook["id"], &json!("gone")));
    assert_eq!(told["data"]["host"], "127.0.0.1", "an address may have a password in it");
    let deliveries = scene.all_over().await;
    assert_eq!(deliveries[0]["state"], "given-up");
    // A poll that is made meanwhile waits in the log.
    scene.poll().await;
    let enabled = service.admin().patch(&scene.path()).json(&json!({ "enabled": true })).send().await.is(200);
    assert_eq!((&enabled["enabled"], &enabled["disabled"]), (&json!(true), &Value::Null));
    assert_eq!(types(&scene.received(2).await), ["poll.created"; 2]);
    assert_eq!(scene.all_over().await.len(), 2);
    let asked = service.admin().patch(&scene.path()).json(&json!({ "enabled": false })).send().await.is(200);
    assert_eq!(asked["disabled"]["why"], "asked");
}

async fn a_secret_is_shown_once_and_signs_beside_the_new_one(service: &Service) {
    let scene = Scene::new(service, json!({ "types": ["poll.created"] })).await;
    let list = service.admin().get(&format!("/v1/sites/{}/webhooks", scene.site)).send().await.is(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    for shown in [&list["items"][0], &scene.read().await] {
        assert!(shown.get("secret").is_none(), "{shown}");
    }
    let rotate = format!("{}/secret", scene.path());
    let rotated = service.admin().post(&rotate).json(&json!({})).send().await.is(200);
    let [old, new] = [scene.secret(), text(&rotated["secret"])];
    remember_secret(&new);
    assert_ne!(old, new);
    let overlap = time(&rotated["former_secret_until"]).as_millis() - time(&rotated["updated_at"]).as_millis();
    assert_eq!(overlap, 24 * 60 * 60 * 1_000);
    scene.poll().await;
    let received = &scene.received(1).await[0];
    assert!(received.is_signed_by(&old) && received.is_signed_by(&new), "{received:?}");
    service.admin().post(&rotate).json(&json!({ "secret": "mine" })).send().await.refused(400, "invalid-request");
    // Each has its day: a third one waits for it.
    let again = service.admin().post(&rotate).send().await.is(200);
    remember_secret(&text(&again["secret"]));
    service.admin().post(&rotate).send().await.refused(409, "too-many-secrets");
    scene.poll().await;
    let received = &scene.received(2).await[1];
    assert!([&old, &new, &text(&again["secret"])].iter().all(|secret| received.is_signed_by(secret)), "{received:?}");
}

async fn a_delivery_is_listed_and_sent_again_with_the_same_id(service: &Service) {
    let scene = Scene::new(service, json!({ "types": ["poll.created"] })).await;
    for _ in 0..3 {
        scene.poll().await;
    }
    let received = scene.received(3).await;
    let deliveries = scene.all_over().await;
    // The newest first, page by page.
    let (mut listed, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = scene.deliveries(&query).await;
        listed.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={cursor}");
    }
    assert_eq!(listed, deliveries);
    assert!(listed.windows(2).all(|two| text(&two[0]["event"]) > text(&two[1]["event"])), "{listed:?}");
    let first = text(&listed[2]["event"]);
    let replay = format!("{}/deliveries/{first}/replay", scene.path());
    let waiting = service.admin().post(&replay).send().await.is(202);
    assert_eq!((&waiting["state"], &waiting["tries"]), (&json!("waiting"), &json!(0)));
    let again = &scene.received(4).await[3];
    let before = received.iter().find(|received| received.id() == again.id()).expect("the same id");
    assert_eq!((again.json(), before.json()["data"]["id"].as_str()), (before.json(), Some(first.as_str())));
    let replayed = &scene.all_over().await[2];
    assert_eq!((&replayed["state"], replayed["attempts"].as_array().map(Vec::len)), (&json!("delivered"), Some(2)));
    let unknown = format!("{}/deliveries/1795899306264000/replay", scene.path());
    service.admin().post(&unknown).send().await.refused(404, "not-found");
    service.admin().post(&replay).json(&json!({ "x": 1 })).send().await.refused(400, "invalid-request");
    for query in ["?limit=0", "?limit=101", "?cursor=x", "?state=waiting"] {
        let path = format!("{}/deliveries{query}", scene.path());
        service.admin().get(&path).send().await.refused(400, "invalid-request");
    }
}

async fn what_is_wrong_with_a_webhook_is_said_by_its_field(service: &Service) {
    let scene = Scene::new(service, json!({})).await;
    let create = format!("/v1/sites/{}/webhooks", scene.site);
    let refused = async |client: &Client, body: &Value, field: &str| {
        let refused = client.post(&create).json(body).send().await.refused(400, "invalid-request");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    };
    let admin = service.admin();
    refused(&admin, &json!({}), "url").await;
    for (field, bad) in [
        ("url", json!("hooks.example")),
        ("url", json!("https://editor:password@hooks.example/")),
        ("url", json!("ftp://hooks.example/")),
        ("url", json!("https://10.0.0.1/")),
        ("url", json!("https://[::1]/")),
        ("url", json!("https://169.254.169.254/latest/meta-data/")),
        ("url", json!("http://8.8.8.8/")),
        ("url", Value::Null),
        ("name", json!("")),
        ("types", json!([])),
        ("types[0]", json!(["poll.voted"])),
        ("body", json!({ "text": "{{voter}}" })),
        ("body", json!({ "text": "x".repeat(5_000) })),
        ("body", json!("{{id}}")),
        ("enabled", json!("no")),
    ] {
        let mut body = json!({ "url": "https://hooks.example/" });
        let name = field.split('[').next().unwrap();
        body[name] = bad;
        refused(&admin, &body, field).await;
        let edit = json!({ name: body[name] });
        let answer = admin.patch(&scene.path()).json(&edit).send().await.refused(400, "invalid-request");
        assert_eq!(answer["errors"][0]["field"], field, "{answer}");
    }
    for path in
        [format!("{create}/0123456789ab"), format!("{create}/x"), "/v1/sites/nobody/webhooks/0123456789ab".into()]
    {
        admin.get(&path).send().await.refused(404, "not-found");
        admin.patch(&path).json(&json!({})).send().await.refused(404, "not-found");
        admin.post(&format!("{path}/secret")).send().await.refused(404, "not-found");
        admin.get(&format!("{path}/deliveries")).send().await.refused(404, "not-found");
    }
    let url = json!({ "url": "https://hooks.example/" });
    admin.get("/v1/sites/nobody/webhooks").send().await.refused(404, "not-found");
    admin.post("/v1/sites/nobody/webhooks").json(&url).send().await.refused(404, "not-found");
    assert_eq!(scene.read().await["updated_at"], scene.hook["updated_at"]);
}

async fn a_site_has_ten_webhooks_at_most_and_is_not_deleted_before_them(service: &Service) {
    let site = service.site().await;
    let (path, admin) = (format!("/v1/sites/{site}"), service.admin());
    let hooks = format!("{path}/webhooks");
    let url = json!({ "url": "https://hooks.example/", "enabled": false });
    let made = admin.post(&hooks).json(&url).send().await.is(201);
    for _ in 1..10 {
        admin.post(&hooks).json(&url).send().await.is(201);
    }
    admin.post(&hooks).json(&url).send().await.refused(409, "too-many-webhooks");
    admin.delete(&path).send().await.refused(409, "site-has-webhooks");
    // One that is there may still be changed.
    let first = format!("{hooks}/{}", text(&made["id"]));
    admin.patch(&first).json(&json!({ "name": "الأول" })).send().await.is(200);
    let listed = admin.get(&hooks).send().await.is(200);
    for hook in listed["items"].as_array().unwrap() {
        admin.delete(&format!("{hooks}/{}", text(&hook["id"]))).send().await.is(204);
    }
    admin.delete(&path).send().await.is(204);
}
