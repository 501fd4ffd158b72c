//! A site's log, in the newsroom.

use futures_util::{StreamExt as _, stream};
use sawt::site::{Actor, EventType, NewEvent, SiteSettings};
use serde_json::json;

use super::Browser;
use crate::{
    api::embed::after,
    backends::Backend,
    client::{remember_secret, until},
    registry::service_rules,
    service::{Service, text},
};

/// One line of a page's log, by what it tells.
fn line<'a>(page: &'a str, told: &str) -> Option<&'a str> {
    page.split("<li>").find(|line| line.contains(told)).and_then(|line| line.split("</li>").next())
}

async fn a_log_tells_who_did_what_with_the_last_first_and_keys_only_to_those_who_make_them(service: &Service) {
    let site = service.site().await;
    let at = |rest: &str| format!("/v1/sites/{site}{rest}");
    let publisher = Browser::with_scopes(service, &site, &["polls:read", "keys:write"]).await;
    let reader = Browser::with_scopes(service, &site, &["polls:read"]).await;
    let asked = json!({ "site": site, "scopes": ["polls:read", "polls:write"], "name": "نظام النشر" });
    let key = text(&service.admin().post("/v1/keys").json(&asked).send().await.is(201)["key"]);
    remember_secret(&key);
    let poll = service.poll(json!({ "site": site, "question": "أيُحل المجلس؟" })).await;
    let gone = service.poll(json!({ "site": site, "question": "أيُنسى هذا؟" })).await;
    service.admin().delete(&format!("/v1/polls/{gone}")).send().await.is(204);
    let template = json!({ "poll": { "kind": "rating", "question": "؟" } });
    service.admin().put(&at("/templates/stars")).json(&template).send().await.is(201);
    let edit = json!({ "question": "أيُحل المجلس قريبًا؟", "results": "never", "revision": 1 });
    service.client().with_key(&key).patch(&format!("/v1/polls/{poll}")).json(&edit).send().await.is(200);
    let settings = json!({ "origins": [], "proof_of_work": "never", "poll_defaults": { "results": "never" } });
    service.admin().put(&at("")).json(&settings).send().await.is(200);
    let path = format!("/newsroom/sites/{site}/log");
    for client in service.clients() {
        let publisher = publisher.by(client);
        let page = until(async || {
            let page = publisher.get(&path).await.page(200);
            let all = ["غُيّرت صياغة استطلاع", "حُذف استطلاع", "حُفظ قالب", "أُنشئ مفتاح", "حُفظت إعدادات"];
            all.iter().all(|told| page.contains(told)).then_some(page)
        })
        .await;
        let reworded = line(&page, "غُيّرت صياغة استطلاع").unwrap();
        // Who did it is called by the key's name, and what it was done to is a link.
        assert!(reworded.contains("نظام النشر") && reworded.contains("كان: أيُحل المجلس؟"), "{reworded}");
        assert!(reworded.contains(&format!("href=\"/newsroom/sites/{site}/polls/{poll}\"")), "{reworded}");
        for fields in ["من يرى النتائج", "تغيّر: عملية حسابية قصيرة، الاستطلاعات الجديدة"]
        {
            assert!(page.contains(fields), "no {fields} in {page}");
        }
        assert!(!page.contains(&format!("/polls/{gone}")) && page.contains("أيُنسى هذا؟"), "what is gone is no link");
        // Events of one poll are in their order; those of two may come together in another.
        let (reworded, made) = (page.find("غُيّرت صياغة استطلاع"), page.rfind("أُنشئ استطلاع"));
        assert!(reworded < made, "the last first: {page}");
    }
    let page = reader.get(&path).await.page(200);
    assert!(!page.contains("أُنشئ مفتاح") && !page.contains("value=\"key\""), "{page}");
    assert!(page.contains("sawt_") && !page.contains("نظام النشر"), "only what a key begins with: {page}");
    let page = publisher.get(&format!("{path}?about=key")).await.page(200);
    assert!(page.contains("أُنشئ مفتاح") && !page.contains("أُنشئ استطلاع"), "{page}");
    let page = publisher.get(&format!("{path}?poll={poll}&about=&after=x")).await.page(200);
    assert!(page.contains("غُيّرت صياغة استطلاع") && !page.contains("حُذف استطلاع"), "{page}");
    let other = service.poll(json!({ "site": service.site().await })).await;
    publisher.get(&format!("{path}?poll={other}")).await.page(404);
}

async fn a_long_log_goes_on_from_page_to_page(service: &Service) {
    let site = service.site().await;
    let mut polls = Vec::new();
    for _ in 0..52 {
        polls.push(service.poll(json!({ "site": site, "state": "draft" })).await);
    }
    let reader = Browser::with_scopes(service, &site, &["polls:read"]).await;
    let listed = |page: &str| page.matches("<li><span>أُنشئ استطلاع").count();
    let page = until(async || {
        let page = reader.get(&format!("/newsroom/sites/{site}/log?about=poll")).await.page(200);
        let last = format!("/polls/{}\"", polls.last().unwrap());
        page.contains(&last).then_some(page)
    })
    .await;
    assert_eq!(listed(&page), 50);
    let more = after(&page, "<p class=\"more\"><a class=\"button second\" href=\"").replace("&#38;", "&");
    let page = reader.get(&format!("/newsroom/sites/{site}/log{more}")).await.page(200);
    assert_eq!(listed(&page), 2, "{page}");
    assert!(page.contains(&format!("/polls/{}\"", polls[0])) && !page.contains("class=\"more\""), "{page}");
}

/// Of what was written since, thousands of lines are of others.
async fn a_polls_page_tells_how_it_began_however_long_the_log_has_become(service: &Service) {
    let site = service.site().await;
    let poll = service.poll(json!({ "site": site, "state": "draft" })).await;
    service.admin().post(&format!("/v1/polls/{poll}/open")).send().await.is(200);
    let reader = Browser::with_scopes(service, &site, &["polls:read"]).await;
    let (page, log) = (format!("/newsroom/sites/{site}/polls/{poll}"), format!("/newsroom/sites/{site}/log"));
    until(async || reader.get(&page).await.page(200).contains("فُتح استطلاع").then_some(())).await;
    let (store, id) = (service.storage().store().await, site.parse().unwrap());
    let at = store.now().await.unwrap();
    let event = NewEvent { at, kind: EventType::SitePut, actor: Actor::Admin, data: json!({}) };
    // A file takes each write to the disk; of a site's settings Redis tells one event each time.
    let (writes, of_each) = if service.backend() == Backend::Sqlite { (4, 1_000) } else { (4_000, 1) };
    let events = vec![event; of_each];
    let write = |_| async { store.put_site(&id, SiteSettings::default(), &events).await.unwrap() };
    stream::iter(0..writes).map(write).buffer_unordered(20).collect::<Vec<_>>().await;
    let mut more = format!("?poll={poll}");
    for _ in 0..3 {
        more = until(async || {
            let page = reader.get(&format!("{log}{more}")).await.page(200);
            let more = page.split_once("<p class=\"more\"><a class=\"button second\" href=\"")?.1.split('"').next()?;
            assert!(page.contains("تابع إلى ما قبله") && !page.contains("لا شيء هنا بعد"), "{page}");
            Some(more.replace("&#38;", "&"))
        })
        .await;
    }
    let page = reader.get(&page).await.page(200);
    let history = page.split_once("id=\"history-title\"").unwrap().1.split_once("</section>").unwrap().0;
    for told in ["أُنشئ استطلاع", "فُتح استطلاع", "قد يكون فيه المزيد", &format!("href=\"{log}?poll={poll}\"")]
    {
        assert!(history.contains(told), "no {told} in {history}");
    }
}

service_rules![on Backend::EACH_SORT;
    a_log_tells_who_did_what_with_the_last_first_and_keys_only_to_those_who_make_them,
    a_long_log_goes_on_from_page_to_page,
    a_polls_page_tells_how_it_began_however_long_the_log_has_become,
];
