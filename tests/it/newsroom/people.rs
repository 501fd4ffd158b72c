//! Who is signed in at a site, in the newsroom and in the API.

use sawt::{
    poll::{Text, Timestamp},
    secret::KeyHash,
    site::{Grant, NAME, Person, Role, Session, SessionHolder},
};
use serde_json::{Value, json};

use super::Browser;
use crate::{
    client::{Client, until},
    registry::service_rules,
    service::{Service, text},
};

/// Begins a session of a person whom a provider has named, as these roles; what their browser holds.
pub(super) async fn person(service: &Service, name: &str, grants: &[(Role, Option<&str>)]) -> String {
    let store = service.storage().store().await;
    let grants = grants.iter().map(|(role, site)| Grant { role: *role, site: site.map(|id| id.parse().unwrap()) });
    let holder = SessionHolder::Person(Person {
        subject: name.to_owned(),
        name: Text::parse(name, NAME).unwrap(),
        grants: grants.collect(),
    });
    let created_at = store.now().await.unwrap();
    let expires_at = Timestamp::from_millis(created_at.as_millis() + 3_600_000);
    let held = sawt::secret::Secret::generate().expose().to_owned();
    crate::client::remember_secret(&held);
    store.add_session(KeyHash::of(&held), &Session { holder, created_at, expires_at }).await.unwrap();
    held
}

/// Whether a session still opens the site's pages.
pub(super) async fn is_in(client: &Client, site: &str, held: &str) -> bool {
    let page = client.get(&format!("/newsroom/sites/{site}/polls")).undocumented();
    page.header("cookie", &format!("__Host-sawt_session={held}")).send().await.status == 200
}

async fn sessions(client: &Client, site: &str) -> Vec<Value> {
    let listed = client.get(&format!("/v1/sites/{site}/sessions")).send().await.is(200);
    listed["items"].as_array().expect("sessions").clone()
}

async fn who_is_signed_in_is_listed_and_signed_out_at_once_everywhere(service: &Service) {
    let (site, other) = (service.site().await, service.site().await);
    let (_, key) = service.key(&site, &["keys:write", "polls:read"]).await;
    let editor = Browser::signed_in(service.client(), &key).await.reading("ar");
    let api = service.client().with_key(&key);
    let here = [(Role::Editor, Some(&*site))];
    let [first, second] = [person(service, "هدى", &here).await, person(service, "هدى", &here).await];
    let of_both = person(service, "سالم", &[(Role::Viewer, Some(&*site)), (Role::Editor, Some(&*other))]).await;
    let everywhere = person(service, "منيرة", &[(Role::Admin, None)]).await;
    let operator = Browser::of_operator(service).await;
    let path = format!("/newsroom/sites/{site}/people");
    let page = editor.get(&path).await.page(200);
    assert!(page.contains("أنت، هنا") && page.matches("هدى").count() >= 2 && page.contains("سالم"), "{page}");
    assert!(!page.contains("منيرة") && !page.contains(&first), "{page}");
    let all = operator.get(&path).await.page(200);
    assert!(all.contains("منيرة") && all.contains("بمفتاح المشرف"), "{all}");
    let listed = sessions(&api, &site).await;
    let of = |name: &str| {
        let found = listed.iter().find(|session| session["holder"]["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {listed:?}")).clone()
    };
    assert_eq!(of("هدى")["holder"], json!({ "type": "person", "name": "هدى", "role": "editor" }));
    assert_eq!((&of("هدى")["may_end"], &of("سالم")["may_end"]), (&json!(true), &json!(false)));
    // Who has business elsewhere too is not signed out from here, and no button says so.
    let salem = text(&of("سالم")["id"]);
    assert!(!page.contains(&salem), "{page}");
    editor.submit(&format!("{path}/{salem}/end"), &[]).await.page(403);
    api.delete(&format!("/v1/sites/{site}/sessions/{salem}")).send().await.refused(403, "scope-missing");
    // Nobody of another site's is known here.
    let (_, others) = service.key(&other, &["keys:write"]).await;
    let others = service.client().with_key(&others);
    let huda = text(&of("هدى")["id"]);
    others.delete(&format!("/v1/sites/{other}/sessions/{huda}")).send().await.refused(404, "not-found");
    others.get(&format!("/v1/sites/{site}/sessions")).send().await.refused(403, "scope-missing");
    service.admin().get("/v1/sites/nobodys/sessions").send().await.refused(404, "not-found");
    for client in service.clients() {
        assert!(is_in(&client, &site, &first).await && is_in(&client, &site, &second).await);
    }
    let answer = editor.submit(&format!("{path}/{huda}/end"), &[("all", "yes")]).await;
    assert_eq!(answer.header("location"), Some(format!("{path}?said=ended")), "{answer}");
    for client in service.clients() {
        for (held, stays) in [(&first, false), (&second, false), (&of_both, true), (&everywhere, true)] {
            assert_eq!(is_in(&client, &site, held).await, stays);
        }
    }
    api.delete(&format!("/v1/sites/{site}/sessions/{huda}?all=perhaps")).send().await.refused(400, "invalid-request");
    api.delete(&format!("/v1/sites/{site}/sessions/{huda}")).send().await.refused(404, "not-found");
    let salem = format!("/v1/sites/{site}/sessions/{salem}");
    service.admin().delete(&salem).send().await.is(204);
    assert!(!is_in(&service.client(), &site, &of_both).await);
    // The log tells those who may make keys whom somebody signed out, in the page too.
    let told = until(async || {
        let told = api.get(&format!("/v1/sites/{site}/events?type=session.ended")).send().await.is(200);
        Some(told["items"].as_array().unwrap().clone()).filter(|told| told.len() == 3)
    })
    .await;
    let names: Vec<&str> = told.iter().map(|told| told["data"]["person"].as_str().unwrap()).collect();
    assert_eq!(names.iter().filter(|name| **name == "هدى").count(), 2, "{told:?}");
    let log = editor.get(&format!("/newsroom/sites/{site}/log?about=session")).await.page(200);
    assert!(log.contains("أُنهيت جلسة") && log.contains("هدى"), "{log}");
    let reader = service.key(&site, &["polls:read"]).await.1;
    let seen = service.client().with_key(&reader).get(&format!("/v1/sites/{site}/events?type=session.ended"));
    assert_eq!(seen.send().await.is(200)["items"], json!([]));
}

async fn a_key_that_is_revoked_ends_its_sessions(service: &Service) {
    let site = service.site().await;
    let (id, key) = service.key(&site, &["polls:read"]).await;
    let browsers = [(); 2].map(|()| Browser::signed_in(service.client(), &key));
    let browsers = futures_util::future::join_all(browsers).await;
    let admin = service.admin();
    let keys = async || {
        let all = sessions(&admin, &site).await;
        all.into_iter().filter(|session| session["holder"]["key"] == json!(id)).collect::<Vec<_>>()
    };
    assert_eq!(keys().await.len(), 2);
    // One of two is ended, and the other goes on.
    let one = text(&keys().await[0]["id"]);
    admin.delete(&format!("/v1/sites/{site}/sessions/{one}")).send().await.is(204);
    let mut still = 0;
    for browser in &browsers {
        still += usize::from(browser.get(&format!("/newsroom/sites/{site}/polls")).await.status == 200);
    }
    assert_eq!(still, 1);
    admin.delete(&format!("/v1/keys/{id}")).send().await.is(204);
    assert_eq!(keys().await, Vec::<Value>::new());
    for browser in &browsers {
        assert_eq!(browser.get(&format!("/newsroom/sites/{site}/polls")).await.status, 303);
    }
}

service_rules![on crate::backends::Backend::EACH_SORT;
    who_is_signed_in_is_listed_and_signed_out_at_once_everywhere,
    a_key_that_is_revoked_ends_its_sessions,
];
