//! What there is to say against a poll's ballots, on its page in the newsroom.

use serde_json::json;

use super::Browser;
use crate::{
    api::integrity::{decide, labelled_poll},
    client::until,
    registry::service_rules,
    service::Service,
};

/// The panel of a page.
fn panel(page: &str) -> Option<&str> {
    page.split_once("id=\"integrity\">")?.1.split_once("</section>").map(|(panel, _)| panel)
}

async fn a_moderator_holds_voids_and_releases_a_label_with_a_reason(service: &Service) {
    let site = service.site().await;
    let poll = labelled_poll(service, json!({ "site": site })).await;
    let moderator = Browser::with_scopes(service, &site, &["polls:read", "polls:moderate", "results:read"]).await;
    let reader = Browser::with_scopes(service, &site, &["polls:read", "results:read", "polls:write"]).await;
    let path = format!("/newsroom/sites/{site}/polls/{poll}");
    assert_eq!(panel(&reader.get(&path).await.page(200)), None);
    let page = moderator.get(&path).await.page(200);
    let before = panel(&page).expect("a panel");
    assert!(before.contains("لم تأتِ من صفحة عرضت الاستطلاع"), "{before}");
    // 4 of 9 are 44%, and 4 of 6 are 67%.
    assert!(before.contains("لو عُلّقت") && before.contains("66.7%") && before.contains("44.4%"), "{before}");
    let label = format!("{path}/labels/no-mark");
    for reason in ["", "\u{202E}", &"م".repeat(301)] {
        let page = moderator.submit(&label, &[("decision", "held"), ("reason", reason)]).await.page(422);
        assert!(page.contains("اكتب السبب"), "{page}");
    }
    moderator.submit(&format!("{path}/labels/clean"), &[("decision", "held"), ("reason", "؟")]).await.page(404);
    moderator.submit(&label, &[("decision", "hidden"), ("reason", "؟")]).await.page(404);
    reader.submit(&label, &[("decision", "held"), ("reason", "؟")]).await.page(403);
    assert!(panel(&moderator.get(&path).await.page(200)).unwrap().contains("محتسبة"));
    for (decision, is) in [("held", "معلّقة"), ("void", "مُبطلة"), ("counted", "محتسبة"), ("held", "معلّقة")]
    {
        let answer = moderator.submit(&label, &[("decision", decision), ("reason", "من خادم واحد")]).await;
        assert_eq!(answer.header("location"), Some(format!("{path}?said=label#integrity")), "{answer}");
        let page = moderator.get(&path).await.page(200);
        assert!(panel(&page).unwrap().contains(is), "{page}");
    }
    // Readers are shown a snapshot while a label is held.
    until(async || (service.admin().results(&poll).await["ballots"] == 6).then_some(())).await;
    assert_eq!(service.client().results(&poll).await["ballots_under"], 100);
    // The log says it with the reason, in words.
    until(async || {
        let page = moderator.get(&path).await.page(200);
        let history = page.split_once("id=\"history-title\"")?.1.to_owned();
        let told = ["عُلّقت أصوات", "أُبطلت أصوات", "أُعيدت أصوات إلى العد", "السبب: من خادم واحد", "لم تأتِ من صفحة"];
        told.iter().all(|told| history.contains(told)).then_some(())
    })
    .await;
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    decide(&service.admin(), &poll, "counted", "كانت لمدرسة").await;
    let page = moderator.get(&path).await.page(200);
    assert!(panel(&page).unwrap().contains("هذا الرقم نهائي"), "{page}");
}

service_rules![on crate::backends::Backend::EACH_SORT;
    a_moderator_holds_voids_and_releases_a_label_with_a_reason,
];
