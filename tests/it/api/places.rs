//! Places: calendars that editors fill, and what stands in a place now.

use serde_json::{Value, json};

use crate::{
    client::{Answer, Client, until},
    registry::service_rules,
    service::{Service, moment, text},
};

const HOUR: i64 = 60 * 60 * 1_000;
const DAY: i64 = 24 * HOUR;

/// A site with three polls.
struct Scene<'a> {
    service: &'a Service,
    site: String,
    polls: [String; 3],
    now: i64,
}

impl<'a> Scene<'a> {
    async fn new(service: &'a Service) -> Self {
        let site = service.site().await;
        let poll = async || service.poll(json!({ "site": site })).await;
        let polls = [poll().await, poll().await, poll().await];
        let now = service.now_millis().await;
        Self { service, site, polls, now }
    }

    fn path(&self) -> String {
        format!("/v1/sites/{}/places/side", self.site)
    }

    async fn put(&self, place: &Value) -> Answer {
        self.service.admin().put(&self.path()).json(place).send().await
    }

    /// A turn of one of the polls, in milliseconds from now.
    fn turn(&self, poll: usize, from: i64, until: i64) -> Value {
        json!({ "poll": self.polls[poll], "from": moment(self.now + from), "until": moment(self.now + until) })
    }

    /// Waits until every replica says that this poll stands there, and what else it says then.
    async fn shows(&self, poll: Option<&str>) -> Value {
        let mut said = Value::Null;
        for client in self.service.clients() {
            said = until(async || {
                let now = client.get(&format!("{}/now", self.path())).send().await.is(200);
                (now["poll"] == json!(poll)).then_some(now)
            })
            .await;
        }
        said
    }
}

async fn an_editor_fills_a_place_and_any_page_is_told_what_stands_there(service: &Service) {
    let scene = Scene::new(service).await;
    let [first, second, other] = scene.polls.each_ref();
    let none = format!("{}/now", scene.path());
    let refused = service.client().get(&none).send().await.refused(404, "not-found");
    assert!(text(&refused["detail"]).contains("PUT /v1/sites/{site}/places/{place} makes one"), "{refused}");
    let (later, now) = (scene.turn(1, HOUR, DAY), scene.turn(0, -HOUR, HOUR));
    let plan = json!({ "name": "بجانب المقال", "calendar": [later, now], "fallback": other });
    let made = scene.put(&plan).await;
    assert_eq!(made.header("etag").as_deref(), Some("\"1\""));
    let made = made.is(201);
    assert_eq!((&made["revision"], &made["rotation"], &made["name"]), (&json!(1), &Value::Null, &plan["name"]));
    assert_eq!(made["calendar"], json!([now, later]), "in the order of time");
    assert_eq!(service.admin().get(&scene.path()).send().await.is(200), made);
    let listed = service.admin().get(&format!("/v1/sites/{}/places", scene.site)).send().await.is(200);
    assert_eq!(listed, json!({ "items": [made] }));
    let until_then = moment(scene.now + HOUR);
    let expected = json!({ "site": scene.site, "place": "side", "poll": first, "until": until_then, "next": second });
    assert_eq!(scene.shows(Some(first)).await, expected);

    let asked = service.client().get(&none).header("origin", "https://news.example").send().await;
    assert_eq!(asked.header("access-control-allow-origin").as_deref(), Some("*"));
    assert!(asked.header("cache-control").is_some_and(|caching| caching.starts_with("public, max-age=2, ")), "{asked}");
    let etag = asked.header("etag").expect("an answer for all has a tag");
    service.client().get(&none).header("if-none-match", &etag).send().await.is(304);

    service.admin().delete(&scene.path()).send().await.is(204);
    service.admin().delete(&scene.path()).send().await.refused(404, "not-found");
    service.admin().get(&scene.path()).send().await.refused(404, "not-found");
    for client in service.clients() {
        until(async || (client.get(&none).send().await.status == 404).then_some(())).await;
    }
}

async fn a_turn_ends_at_its_moment_and_no_cache_keeps_it_longer(service: &Service) {
    let scene = Scene::new(service).await;
    let [first, second, _] = scene.polls.each_ref();
    let turns = [scene.turn(0, -HOUR, 4_000), scene.turn(1, 4_000, DAY)];
    scene.put(&json!({ "calendar": turns })).await.is(201);
    for client in service.clients() {
        // On a slow machine the first turn may be over before it is asked for.
        loop {
            let answer = client.get(&format!("{}/now", scene.path())).send().await;
            if answer.status == 404 {
                continue;
            }
            let caching = answer.header("cache-control").expect("it says who may keep it");
            let said = answer.is(200);
            if said["poll"] == json!(second) {
                assert_eq!((&said["until"], &said["next"]), (&json!(moment(scene.now + DAY)), &Value::Null));
                break;
            }
            assert_eq!((&said["poll"], &said["next"]), (&json!(first), &json!(second)));
            let kept: u64 =
                caching.split("s-maxage=").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap();
            assert!(kept <= 4, "{caching}");
        }
    }
}

async fn a_poll_that_readers_can_not_see_leaves_its_turn_to_the_fallback(service: &Service) {
    let scene = Scene::new(service).await;
    let [closed, other, deleted] = scene.polls.each_ref();
    let admin = service.admin();
    let draft = service.poll(json!({ "site": scene.site, "state": "draft" })).await;
    let opens_at = moment(scene.now + HOUR);
    let scheduled = service.poll(json!({ "site": scene.site, "opens_at": opens_at })).await;
    let turn =
        |poll: &str| json!([{ "poll": poll, "from": moment(scene.now - HOUR), "until": moment(scene.now + DAY) }]);
    let put = async |poll: &str, fallback: Option<&str>| {
        let before = admin.get(&scene.path()).send().await;
        let revision = if before.status == 200 { before.json()["revision"].clone() } else { Value::Null };
        let mut plan = json!({ "calendar": turn(poll), "fallback": fallback });
        if revision.is_u64() {
            plan["revision"] = revision;
        }
        assert!(scene.put(&plan).await.status < 300);
    };
    admin.post(&format!("/v1/polls/{closed}/close")).send().await.is(200);
    put(closed, Some(other)).await;
    assert_eq!(scene.shows(Some(closed)).await["next"], json!(other), "its result stands there");
    put(&scheduled, Some(other)).await;
    scene.shows(Some(&scheduled)).await;
    put(&draft, Some(other)).await;
    assert_eq!(scene.shows(Some(other)).await["until"], json!(moment(scene.now + DAY)));
    admin.post(&format!("/v1/polls/{draft}/open")).send().await.is(200);
    scene.shows(Some(&draft)).await;
    put(deleted, None).await;
    scene.shows(Some(deleted)).await;
    admin.delete(&format!("/v1/polls/{deleted}")).send().await.is(204);
    assert_eq!(scene.shows(None).await["until"], json!(moment(scene.now + DAY)));
}

async fn a_places_page_is_the_polls_and_blank_where_nothing_stands(service: &Service) {
    let scene = Scene::new(service).await;
    let path = format!("/embed/sites/{}/places/side", scene.site);
    let followed = format!("data-place=\"{}/now\"", scene.path());
    let blank = service.client().get(&path).send().await;
    let blank = blank.page(404);
    assert!(
        blank.contains(&followed) && blank.contains("data-state=\"gone\"") && blank.contains(" hidden>"),
        "{blank}"
    );
    scene.put(&json!({ "calendar": [scene.turn(0, HOUR, DAY)] })).await.is(201);
    let empty = until(async || {
        let page = service.client().get(&path).send().await;
        (page.status == 200).then_some(page)
    })
    .await;
    let etag = empty.header("etag").expect("a page has a tag");
    service.client().get(&path).header("if-none-match", &etag).send().await.is(304);
    let empty = empty.page(200);
    let begins = format!("data-until=\"{}\"", moment(scene.now + HOUR));
    assert!(empty.contains(&followed) && empty.contains(&begins) && !empty.contains("data-poll"), "{empty}");
    scene.put(&json!({ "calendar": [scene.turn(1, -HOUR, HOUR)], "revision": 1 })).await.is(200);
    let page = until(async || {
        let page = service.client().get(&path).send().await;
        String::from_utf8_lossy(&page.body).contains("data-poll").then_some(page)
    })
    .await;
    assert!(page.header("cache-control").is_some_and(|caching| caching.starts_with("public, max-age=2, ")), "{page}");
    let page = page.page(200);
    assert!(page.contains(&format!("data-poll=\"{}\"", scene.polls[1])) && page.contains(&begins), "{page}");
    assert!(page.contains(&followed) && page.contains("/embed/assets/place.") && page.contains("<noscript>"), "{page}");
    // The poll's own page follows nothing.
    let own = service.client().get(&format!("/embed/{}", scene.polls[1])).send().await.page(200);
    assert!(!own.contains("data-place") && !own.contains("/embed/assets/place."), "{own}");
    service.client().get("/embed/sites/default/places/NO").send().await.page(404);
}

async fn polls_take_turns_where_the_calendar_says_nothing(service: &Service) {
    let scene = Scene::new(service).await;
    let [one, two, _] = scene.polls.each_ref();
    let every_minutes = 10_080;
    let plan = json!({ "rotation": { "polls": [one, two], "every_minutes": every_minutes }, "calendar": [scene.turn(2, DAY, 2 * DAY)] });
    scene.put(&plan).await.is(201);
    let week = every_minutes * 60_000;
    // Only in the last moments of a week would the next one begin before it is asked.
    let place = usize::from(scene.now / week % 2 == 1);
    let (now, next) = (&scene.polls[place], &scene.polls[1 - place]);
    let said = until(async || {
        let said = service.client().get(&format!("{}/now", scene.path())).send().await;
        (said.status == 200).then(|| said.json().clone())
    })
    .await;
    assert!(said["poll"] == json!(now) || said["poll"] == json!(next), "{said}");
    let ends = (scene.now / week + 1) * week;
    let is_last_day = ends - scene.now < DAY;
    let expected = if is_last_day {
        (json!(moment(ends)), json!(next))
    } else {
        (json!(moment(scene.now + DAY)), json!(scene.polls[2]))
    };
    if said["poll"] == json!(now) {
        assert_eq!((said["until"].clone(), said["next"].clone()), expected);
    }
}

async fn two_editors_lose_nothing_of_each_others(service: &Service) {
    let scene = Scene::new(service).await;
    let [one, two, three] = scene.polls.each_ref();
    let fallback = |poll: &str| json!({ "fallback": poll });
    let with = |poll: &str, revision: u64| json!({ "fallback": poll, "revision": revision });
    let put = async |client: Client, tag: &str, body: Value| {
        client.put(&scene.path()).header("if-match", tag).json(&body).send().await
    };
    scene.put(&with(one, 1)).await.refused(404, "not-found");
    scene.put(&fallback(one)).await.is(201);
    let (id, key) = service.key(&scene.site, &["polls:read", "polls:write"]).await;
    let [first, second] = [service.admin(), service.clients().swap_remove(1).with_key(&key)];
    scene.put(&fallback(two)).await.refused(428, "revision-required");
    put(first.clone(), "*", fallback(two)).await.refused(428, "revision-required");
    put(first.clone(), "\"1\"", fallback(two)).await.is(200);
    let refused = put(second.clone(), "\"1\"", fallback(three)).await.refused(412, "revision-mismatch");
    assert_eq!(refused["revision"], 2);
    scene.put(&with(three, 1)).await.refused(412, "revision-mismatch");
    assert_eq!(second.get(&scene.path()).send().await.is(200)["fallback"], json!(two), "what the first did is there");
    let again = put(first, "\"1\"", fallback(two)).await.is(200);
    assert_eq!(again["revision"], 2, "the answer of the first attempt may have been lost");
    let third = put(second, "\"2\"", with(three, 2)).await.is(200);
    assert_eq!((&third["revision"], &third["fallback"]), (&json!(3), &json!(three)));
    put(service.admin(), "\"3\"", with(one, 2)).await.refused(412, "revision-mismatch");
    // Who has done what is in the site's log.
    let log = service.admin().get(&format!("/v1/sites/{}/events", scene.site)).send().await.is(200);
    let of_places = |event: &&Value| text(&event["type"]).starts_with("place.");
    let told = log["items"].as_array().expect("events").iter().filter(of_places);
    let told: Vec<Value> =
        told.map(|event| json!([event["type"], event["actor"], event["data"]["revision"]])).collect();
    let expected = json!([["place.created", "admin", 1], ["place.edited", "admin", 2], ["place.edited", id, 3]]);
    assert_eq!(json!(told), expected, "{log}");
}

async fn what_is_wrong_with_a_place_is_said_by_its_field(service: &Service) {
    let scene = Scene::new(service).await;
    let elsewhere = service.poll(json!({})).await;
    let nobodys = "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21";
    let turn = |poll: &str| json!({ "poll": poll, "from": moment(scene.now), "until": moment(scene.now + HOUR) });
    let over = json!({ "poll": nobodys, "from": moment(scene.now - 2 * HOUR), "until": moment(scene.now - HOUR) });
    for (plan, fields) in [
        (json!({ "calendar": [scene.turn(0, 0, HOUR), scene.turn(1, 1, 2)] }), vec!["calendar[1].from"]),
        (json!({ "calendar": [scene.turn(0, 2, 1)], "name": " " }), vec!["name", "calendar[0].until"]),
        (json!({ "calendar": [over, turn(&elsewhere)], "fallback": nobodys }), vec!["calendar[1].poll", "fallback"]),
        (
            json!({ "rotation": { "polls": [scene.polls[0], elsewhere], "every_minutes": 5 } }),
            vec!["rotation.polls[1]"],
        ),
        (json!({ "rotation": { "polls": [], "every_minutes": 0 } }), vec!["rotation.polls", "rotation.every_minutes"]),
        (json!({ "fallback": "side" }), vec!["fallback"]),
        (json!({ "calendar": vec![turn("x"); 2] }), vec!["calendar[0].poll", "calendar[1].poll"]),
    ] {
        let refused = scene.put(&plan).await.refused(422, "invalid-place");
        let named: Vec<String> = refused["errors"].as_array().unwrap().iter().map(|it| text(&it["field"])).collect();
        assert_eq!(named, fields, "{refused}");
    }
    for (plan, field) in [
        (json!({ "calendar": [{ "poll": nobodys, "from": "tomorrow", "until": moment(0) }] }), "calendar[0].from"),
        (json!({ "calendar": [{ "poll": nobodys, "from": moment(0) }] }), "calendar[0].until"),
        (json!({ "rotation": { "polls": [] } }), "rotation.every_minutes"),
        (json!({ "calendar": null }), "calendar"),
        (json!({ "revision": "1" }), "revision"),
    ] {
        let refused = scene.put(&plan).await.refused(400, "invalid-request");
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    }
    let badly_named = format!("/v1/sites/{}/places/Side", scene.site);
    let refused = service.admin().put(&badly_named).json(&json!({})).send().await.refused(400, "invalid-request");
    assert_eq!(refused["errors"][0]["field"], "place");
    service
        .admin()
        .put("/v1/sites/nobody-made-this/places/side")
        .json(&json!({}))
        .send()
        .await
        .refused(404, "not-found");
    service.admin().get("/v1/sites/nobody-made-this/places").send().await.refused(404, "not-found");
    service.admin().get(&scene.path()).send().await.refused(404, "not-found");
    // What is over may name a poll that was deleted since.
    scene.put(&json!({ "calendar": [over] })).await.is(201);
}

async fn a_calendar_of_a_year_fits_and_a_site_is_not_deleted_before_its_places(service: &Service) {
    let scene = Scene::new(service).await;
    let calendar: Vec<Value> = (0..500).map(|day| scene.turn(0, day * DAY, (day + 1) * DAY)).collect();
    let plan = serde_json::to_string_pretty(&json!({ "calendar": calendar })).unwrap();
    let sent = service.admin().put(&scene.path()).body("application/json", plan).send().await.is(201);
    assert_eq!(sent["calendar"].as_array().map(Vec::len), Some(500));
    let large = "x".repeat(140_000);
    scene.put(&json!({ "name": large })).await.refused(413, "body-too-large");
    for place in 1..50 {
        let path = format!("/v1/sites/{}/places/place-{place}", scene.site);
        service.admin().put(&path).json(&json!({})).send().await.is(201);
    }
    let path = format!("/v1/sites/{}/places/more", scene.site);
    service.admin().put(&path).json(&json!({})).send().await.refused(409, "too-many-places");
    for poll in &scene.polls {
        service.admin().delete(&format!("/v1/polls/{poll}")).send().await.is(204);
    }
    let site = format!("/v1/sites/{}", scene.site);
    service.admin().delete(&site).send().await.refused(409, "site-has-places");
}

service_rules![
    an_editor_fills_a_place_and_any_page_is_told_what_stands_there,
    a_turn_ends_at_its_moment_and_no_cache_keeps_it_longer,
    a_poll_that_readers_can_not_see_leaves_its_turn_to_the_fallback,
    a_places_page_is_the_polls_and_blank_where_nothing_stands,
    polls_take_turns_where_the_calendar_says_nothing,
    two_editors_lose_nothing_of_each_others,
    what_is_wrong_with_a_place_is_said_by_its_field,
    a_calendar_of_a_year_fits_and_a_site_is_not_deleted_before_its_places,
];
