//! Places in a site's pages, and their calendars.

use serde_json::json;

use super::{Browser, hidden, location};
use crate::{
    registry::service_rules,
    service::{Service, seed_poll, text},
};

service_rules![on crate::backends::Backend::EACH_SORT;
    an_editor_fills_a_calendar_and_overlaps_are_refused_at_their_entry,
    a_rotation_keeps_its_order_and_a_wrong_name_is_told_at_its_field,
    of_two_who_fill_a_calendar_the_second_is_shown_what_the_first_did_and_loses_nothing,
    any_poll_of_the_site_is_found_by_its_words_and_nothing_typed_is_lost_by_it,
    an_editor_is_told_where_readers_cannot_vote_and_where_nothing_is_planned,
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

async fn a_rotation_keeps_its_order_and_a_wrong_name_is_told_at_its_field(service: &Service) {
    let (site, browser, there) = place(service).await;
    let [first, second] = [poll(service, &site, "الأول؟").await, poll(service, &site, "الثاني؟").await];
    let plan = json!({ "rotation": { "polls": [second, first], "every_minutes": 5 }, "revision": 1 });
    service.admin().put(&format!("/v1/sites/{site}/places/side")).json(&plan).send().await.is(200);
    let base = base_of(&browser.get(&there).await.page(200));
    let ticked = [("rotation", &*first), ("rotation", &*second), ("every_minutes", "5")];
    let save = [("do", "save"), ("revision", "2"), ("base", &*base), ("name", "العمود")];
    location(&browser.submit(&there, &[&save[..], &ticked].concat()).await);
    let kept = calendar(service, &site).await;
    assert_eq!((&kept["rotation"]["polls"], &kept["name"]), (&json!([second, first]), &json!("العمود")));
    // What is wrong with a name is told as that, of a new place too.
    let long = "ن".repeat(101);
    let fields = [("do", "save"), ("revision", "3"), ("name", &*long), ("fallback", "none")];
    let page = browser.submit(&there, &fields).await.page(400);
    assert!(page.contains("id=\"name-wrong\">Too long") && page.contains("id=\"fallback-wrong\""), "{page}");
    let places = format!("/newsroom/sites/{site}/places");
    let page = browser.submit(&places, &[("id", "top"), ("name", &long)]).await.page(400);
    assert!(page.contains("Too long") && !page.contains("small letters, digits and hyphens"), "{page}");
    assert_eq!(calendar(service, &site).await, kept);
}

async fn of_two_who_fill_a_calendar_the_second_is_shown_what_the_first_did_and_loses_nothing(service: &Service) {
    let (site, browser, there) = place(service).await;
    let [first, second] = [poll(service, &site, "الأول؟").await, poll(service, &site, "الثاني؟").await];
    let opened = browser.get(&there).await.page(200);
    let add = |poll, from, until, base, revision, name| {
        [
            ("do", "save"),
            ("revision", revision),
            ("base", base),
            ("name", name),
            ("added_poll", poll),
            ("added_from", from),
            ("added_until", until),
        ]
    };
    let (base, name) = (base_of(&opened), "العمود الجانبي");
    location(&browser.submit(&there, &add(&first, "2126-11-30T18:00", "2126-11-30T19:00", &base, "1", name)).await);
    let mine = add(&second, "2126-11-30T20:00", "2126-11-30T21:00", &base, "1", "صفحة الرياضة");
    let page = browser.submit(&there, &mine).await.page(412);
    // What the first did is told, and what the second typed stands there: the entry, and the name.
    assert!(page.contains("<dt>Added</dt><dd dir=\"auto\">الأول؟ · "), "{page}");
    assert!(page.contains("2126-11-30T18:00") && page.contains("2126-11-30T20:00"), "{page}");
    assert!(page.contains("name=\"name\" dir=\"auto\" maxlength=\"100\" value=\"صفحة الرياضة\""), "{page}");
    assert_eq!(hidden(&page, "revision"), "2");
    // Sent again as it stands, both are there.
    let (base, revision) = (base_of(&page), hidden(&page, "revision"));
    let again = add(&second, "2126-11-30T20:00", "2126-11-30T21:00", &base, &revision, "صفحة الرياضة");
    let theirs = [
        ("turn_poll", &*first),
        ("turn_was", "0"),
        ("turn_from", "2126-11-30T18:00"),
        ("turn_until", "2126-11-30T19:00"),
    ];
    location(&browser.submit(&there, &[&again[..], &theirs].concat()).await);
    let kept = calendar(service, &site).await;
    assert_eq!((&kept["name"], kept["calendar"].as_array().map(Vec::len)), (&json!("صفحة الرياضة"), Some(2)));
}

/// How a place was when its form was shown.
fn base_of(page: &str) -> String {
    let rest = page.split_once("name=\"base\" hidden>\n").unwrap().1;
    rest.split("</textarea>").next().unwrap().replace("&#34;", "\"")
}

async fn any_poll_of_the_site_is_found_by_its_words_and_nothing_typed_is_lost_by_it(service: &Service) {
    let (site, browser, there) = place(service).await;
    let old = poll(service, &site, "هل تؤيد قانون الإيجارات؟").await;
    for number in 0..51 {
        poll(service, &site, &format!("سؤال اليوم {number}؟")).await;
    }
    let offers = |page: &str| page.contains(&format!("<option value=\"{old}\""));
    assert!(!offers(&browser.get(&there).await.page(200)), "it is older than those that are offered at once");
    let typed = [("revision", "1"), ("added_from", "2126-11-30T18:00"), ("added_until", "2126-11-30T20:00")];
    // By the button, and by Enter in the field, which presses the form's first button.
    for asked in ["find", "enter"] {
        let fields = [&typed[..], &[("do", asked), ("words", "الايجارات")]].concat();
        let page = browser.submit(&there, &fields).await.page(200);
        assert!(offers(&page) && page.contains("value=\"2126-11-30T18:00\"") && page.contains("value=\"الايجارات\""));
    }
    assert_eq!(calendar(service, &site).await["revision"], 1, "looking saves nothing");
    let fields = [&typed[..], &[("do", "enter"), ("words", "الايجارات"), ("found", "الايجارات"), ("added_poll", &old)]];
    location(&browser.submit(&there, &fields.concat()).await);
    assert_eq!(calendar(service, &site).await["calendar"][0]["poll"], json!(old));
    let none = browser.submit(&there, &[("do", "find"), ("words", "زرافة")]).await.page(200);
    assert!(none.contains("role=\"status\""), "{none}");
}

async fn an_editor_is_told_where_readers_cannot_vote_and_where_nothing_is_planned(service: &Service) {
    let (site, browser, there) = place(service).await;
    let make = async |members: serde_json::Value| {
        let mut asked = seed_poll(json!({ "site": site }));
        asked.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        text(&service.admin().post("/v1/polls").json(&asked).send().await.is(201)["id"])
    };
    let ends = make(json!({ "question": "أيغلق قبل دوره؟", "closes_at": "2126-11-29T09:00:00Z" })).await;
    let within = make(json!({ "question": "أيغلق في دوره؟", "closes_at": "2126-12-01T19:00:00Z" })).await;
    let draft = make(json!({ "question": "أمسودة؟", "state": "draft" })).await;
    let stays = make(json!({ "question": "أيقف دائمًا؟" })).await;
    let closed = make(json!({ "question": "أمغلق؟" })).await;
    service.admin().post(&format!("/v1/polls/{closed}/close")).send().await.is(200);
    let turn = |poll: &str, day: &str, from: u8, until: u8| {
        let at = |hour| format!("2126-{day}T{hour:02}:00:00Z");
        json!({ "poll": poll, "from": at(from), "until": at(until) })
    };
    let calendar = [
        turn(&ends, "11-30", 18, 20),
        turn(&within, "12-01", 18, 20),
        turn(&draft, "12-02", 18, 20),
        turn(&stays, "12-03", 18, 20),
        turn(&closed, "12-04", 18, 20),
    ];
    let plan = json!({ "calendar": calendar, "fallback": stays, "revision": 1 });
    service.admin().put(&format!("/v1/sites/{site}/places/side")).json(&plan).send().await.is(200);
    let said = [
        "It closes at 2126-11-29 09:00, before its turn",
        "It closes at 2126-12-01 19:00: from then on",
        "A draft: readers don’t see it",
        "It closed at ",
    ];
    // Warned of, and not refused: with the place, and in the calendar of all places.
    let week = format!("/newsroom/sites/{site}/places?from=2126-11-30");
    // Times are isolated from the direction of what stands around them.
    let read = async |path: &str| {
        let page = browser.get(path).await.page(200).replace(['\u{2066}', '\u{2069}'], "");
        page.replace("<bdi>", "").replace("</bdi>", "")
    };
    for path in [&there, &week] {
        let page = read(path).await;
        for said in said {
            assert_eq!(page.matches(said).count(), 1, "{said}: {page}");
        }
        assert_eq!(page.matches("class=\"warning\"").count(), 4, "{page}");
    }
    let page = read(&there).await;
    assert!(page.contains("From 2126-12-04 20:00"), "the gap after the last turn: {page}");
    // Two gaps on each day with a turn, one on each without; what stands in them is named, and another can be put
    // there.
    let page = browser.get(&week).await.page(200);
    assert_eq!(page.matches("Meanwhile: أيقف دائمًا؟").count(), 12, "{page}");
    let put = format!("{there}?from=2126-12-04T20:00&#38;until=2126-12-05T00:00#add");
    assert!(page.contains(&format!("href=\"{put}\"")), "{page}");
    let page = browser.get(&put.replace("&#38;", "&").replace("#add", "")).await.page(200);
    assert!(page.contains("name=\"added_from\" value=\"2126-12-04T20:00\""), "{page}");
    let before = browser.get(&format!("/newsroom/sites/{site}/places?from=2126-11-23")).await.page(200);
    assert_eq!(before.matches("all day").count(), 7, "{before}");
    browser.get(&format!("/newsroom/sites/{site}/places?from=yesterday")).await.page(200);
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
