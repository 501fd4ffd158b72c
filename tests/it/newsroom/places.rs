//! Places in a site's pages, and their calendars.

use serde_json::json;

use super::{Browser, hidden, location};
use crate::{
    registry::service_rules,
    service::{Service, seed_poll, text},
};

service_rules![on crate::backends::Backend::EACH_SORT;
    an_editor_fills_a_calendar_and_overlaps_are_refused_at_their_entry,
    of_two_who_fill_a_calendar_the_second_is_shown_what_the_first_did,
    a_place_is_deleted_when_it_was_asked_twice,
    an_editor_of_one_site_sees_no_place_of_another,
];

async fn poll(service: &Service, site: &str, question: &str) -> String {
    let asked = seed_poll(json!({ "site": site, "question": question }));
    text(&service.admin().post("/v1/polls").json(&asked).send().await.is(201)["id"])
}

/// A site with a place, its editor, and the place's page.
async fn place(service: &Service) -> (String, Browser, String) {
    let site = service.site().await;
    let browser = Browser::of_site(service, &site).await;
    let fields = [("id", "side"), ("name", "العمود الجانبي")];
    let there = location(&browser.submit(&format!("/newsroom/sites/{site}/places"), &fields).await);
    assert_eq!(there, format!("/newsroom/sites/{site}/places/side"));
    (site, browser, there)
}

async fn calendar(service: &Service, site: &str) -> serde_json::Value {
    service.admin().get(&format!("/v1/sites/{site}/places/side")).send().await.is(200)
}

async fn an_editor_fills_a_calendar_and_overlaps_are_refused_at_their_entry(service: &Service) {
    let (site, browser, there) = place(service).await;
    let [first, second] = [poll(service, &site, "الأول؟").await, poll(service, &site, "الثاني؟").await];
    let wrong = browser.submit(&format!("/newsroom/sites/{site}/places"), &[("id", "Side bar")]).await.page(400);
    assert!(wrong.contains("small letters") && wrong.contains("Side bar"), "{wrong}");
    let add = [
        ("do", "save"),
        ("revision", "1"),
        ("added_poll", &*first),
        ("added_from", "2126-11-30T18:00"),
        ("added_until", "2126-11-30T20:00"),
        ("fallback", &*second),
        ("name", "العمود"),
    ];
    let saved = location(&browser.submit(&there, &add).await);
    let page = browser.get(&saved).await.page(200);
    assert!(page.contains("Saved") && page.contains("الأول؟") && page.contains("2126-11-30T18:00"), "{page}");
    let kept = calendar(service, &site).await;
    assert_eq!((&kept["fallback"], &kept["calendar"][0]["poll"]), (&json!(second), &json!(first)));
    let turn = [("turn_poll", &*first), ("turn_from", "2126-11-30T18:00"), ("turn_until", "2126-11-30T20:00")];
    for (from, until, said) in [
        ("2126-11-30T19:00", "2126-11-30T21:00", "overlaps"),
        ("2126-11-30T21:00", "2126-11-30T21:00", "end after it begins"),
        ("tomorrow", "2126-11-30T21:00", "a date and a time"),
    ] {
        let added = [("added_poll", &*second), ("added_from", from), ("added_until", until)];
        let fields: Vec<_> = [("do", "save"), ("revision", "2")].into_iter().chain(turn).chain(added).collect();
        let page = browser.submit(&there, &fields).await.page(400);
        assert!(page.contains(said) && page.contains(from), "{from}: {page}");
    }
    assert_eq!(calendar(service, &site).await, kept);
    let removed: Vec<_> = [("do", "remove:0"), ("revision", "2")].into_iter().chain(turn).collect();
    location(&browser.submit(&there, &removed).await);
    assert_eq!(calendar(service, &site).await["calendar"], json!([]));
}

async fn of_two_who_fill_a_calendar_the_second_is_shown_what_the_first_did(service: &Service) {
    let (site, browser, there) = place(service).await;
    let [first, second] = [poll(service, &site, "الأول؟").await, poll(service, &site, "الثاني؟").await];
    let add = |poll, from, until| {
        [("do", "save"), ("revision", "1"), ("added_poll", poll), ("added_from", from), ("added_until", until)]
    };
    location(&browser.submit(&there, &add(&first, "2126-11-30T18:00", "2126-11-30T19:00")).await);
    let page = browser.submit(&there, &add(&second, "2126-11-30T20:00", "2126-11-30T21:00")).await.page(412);
    assert!(page.contains("2126-11-30T18:00") && page.contains("2126-11-30T20:00"), "{page}");
    assert_eq!(hidden(&page, "revision"), "2");
}

async fn a_place_is_deleted_when_it_was_asked_twice(service: &Service) {
    let (site, browser, there) = place(service).await;
    let asked = browser.submit(&there, &[("do", "delete")]).await.page(200);
    assert!(asked.contains(&format!("action=\"{there}/delete\"")), "{asked}");
    calendar(service, &site).await;
    assert_eq!(
        location(&browser.submit(&format!("{there}/delete"), &[]).await),
        format!("/newsroom/sites/{site}/places")
    );
    assert_eq!(browser.get(&there).await.status, 404);
}

async fn an_editor_of_one_site_sees_no_place_of_another(service: &Service) {
    let (site, _, there) = place(service).await;
    let other = Browser::of_site(service, &service.site().await).await;
    for path in [format!("/newsroom/sites/{site}/places"), there.clone()] {
        assert_eq!(other.get(&path).await.status, 404, "{path}");
    }
    for path in [format!("/newsroom/sites/{site}/places"), there.clone(), format!("{there}/delete")] {
        assert_eq!(other.submit(&path, &[("do", "save"), ("id", "x")]).await.status, 404, "{path}");
    }
}
