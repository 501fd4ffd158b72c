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
    // So is an editor who sees no more than they do, and it says of itself that it is rounded.
    let viewer = Browser::with_scopes(service, &site, &["polls:read"]).await;
    until(async || {
        let page = viewer.get(&path).await.page(200);
        let total = page.split_once("<p class=\"total\">")?.1.split_once("</strong>")?.0.to_owned();
        total.contains("أقل من 100").then_some(())
    })
    .await;
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

async fn a_moderator_opens_an_incident_and_closes_it_with_a_reason(service: &Service) {
    let site = service.site().await;
    let poll = labelled_poll(service, json!({ "site": site })).await;
    let moderator = Browser::with_scopes(service, &site, &["polls:read", "polls:moderate", "results:read"]).await;
    let reader = Browser::with_scopes(service, &site, &["polls:read", "results:read", "polls:write"]).await;
    let path = format!("/newsroom/sites/{site}/polls/{poll}");
    let incidents = |page: &str| {
        let (_, rest) = page.split_once("id=\"incidents\">")?;
        rest.split_once("</section>").map(|(panel, _)| panel.to_owned())
    };
    let page = moderator.get(&path).await.page(200);
    assert!(page.contains("نتيجة سليمة") && incidents(&page).unwrap().contains("لم يُلاحظ شيء"), "{page}");
    let open = format!("{path}/incidents");
    for reason in ["", "\u{202E}", &"م".repeat(301)] {
        let page = moderator.submit(&open, &[("reason", reason)]).await.page(422);
        assert!(page.contains("اكتب السبب"), "{page}");
        assert!(reason.len() < 9 || incidents(&page).unwrap().contains(reason), "what was typed stays: {page}");
    }
    reader.submit(&open, &[("reason", "؟")]).await.page(403);
    let answer = moderator.submit(&open, &[("reason", "دعوة في مجموعة")]).await;
    assert_eq!(answer.header("location"), Some(format!("{path}?said=incident#incidents")), "{answer}");
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let page = moderator.get(&path).await.page(200);
    let panel = incidents(&page).unwrap();
    for said in ["رأى محرر أن أمرًا يجري", "دعوة في مجموعة", "مستمر", "100%", "صوت واحد"]
    {
        assert!(panel.contains(said), "no {said} in {panel}");
    }
    assert!(page.contains("نتيجة موضع شك") && page.contains("بدأ تصويت غير عادي"), "{page}");
    // Who may not moderate is told how far the figure can be relied on, too.
    let seen = reader.get(&path).await.page(200);
    assert_eq!((incidents(&seen), seen.contains("نتيجة موضع شك")), (None, true));

    let close = format!("{path}/incidents/incident-8/close");
    moderator.submit(&format!("{path}/incidents/incident-9/close"), &[("reason", "؟")]).await.page(404);
    assert!(moderator.submit(&close, &[("reason", " ")]).await.page(422).contains("اكتب السبب"));
    let answer = moderator.submit(&close, &[("reason", "مدرسة")]).await;
    assert_eq!(answer.header("location"), Some(format!("{path}?said=incident-over#incidents")), "{answer}");
    until(async || {
        let page = moderator.get(&path).await.page(200);
        let history = page.split_once("id=\"history-title\"")?.1.to_owned();
        let told = ["لوحظ تصويت غير عادي", "السبب: دعوة في مجموعة", "انتهى ما لوحظ", "السبب: مدرسة"];
        (told.iter().all(|told| history.contains(told)) && incidents(&page)?.contains("أنهاه محرر")).then_some(())
    })
    .await;
    moderator.submit(&open, &[("reason", "دعوة أخرى")]).await;
    service.admin().post(&format!("/v1/polls/{poll}/close")).send().await.is(200);
    let refused = moderator.submit(&open, &[("reason", "؟")]).await.page(409);
    assert!(refused.contains("لا يستقبل أصواتًا"), "{refused}");
    // What went on until the close may have been a false alarm.
    assert!(refused.contains("نتيجة موضع شك") && incidents(&refused).unwrap().contains("لم يكن شيئًا"), "{refused}");
    moderator.submit(&format!("{path}/incidents/incident-9/close"), &[("reason", "مدرسة أخرى")]).await;
    let page = moderator.get(&path).await.page(200);
    assert!(page.contains("نتيجة سليمة") && !incidents(&page).unwrap().contains("<form"), "{page}");
}

service_rules![on crate::backends::Backend::EACH_SORT;
    a_moderator_holds_voids_and_releases_a_label_with_a_reason,
    a_moderator_opens_an_incident_and_closes_it_with_a_reason,
];
