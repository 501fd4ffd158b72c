//! The service behind a shared cache: nginx with `deploy/nginx.conf`, word for word.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use sawt::poll::Timestamp;
use serde_json::{Value, json};

use crate::{
    backends::Storage,
    client::{Client, until},
    crowd::one_crowd_at_a_time,
    proxy::Proxy,
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{announcement, seed_poll, text, time},
    wire::{self, Wire},
};

/// How many readers there are at once.
const READERS: usize = 1_000;

const RESULTS: &str = "/v1/polls/{poll}/results";

/// A replica with a cache before it.
struct Fixture {
    // Before what they stand on.
    cache: Proxy,
    replica: Replica,
    _storage: Storage,
}

impl Fixture {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(settings: &[(&str, &str)]) -> Self {
        let storage = Storage::file();
        let basic = Settings::on(storage.address());
        let replica =
            Replica::start(&settings.iter().fold(basic, |settings, (name, value)| settings.with(name, value)));
        Self { cache: Proxy::caching_nginx(replica.address()), replica, _storage: storage }
    }

    /// A client of the cache.
    fn client(&self) -> Client {
        Client::new(self.cache.address())
    }

    async fn poll(&self, with: Value) -> String {
        let admin = self.client().with_key(ADMIN_KEY);
        text(&admin.post("/v1/polls").json(&seed_poll(with)).send().await.is(201)["id"])
    }

    /// The moment so many milliseconds from now, by the clock of the replica, which is its store's.
    async fn moment_in(&self, millis: i64) -> Timestamp {
        let made = self.client().with_key(ADMIN_KEY).post("/v1/polls").json(&seed_poll(json!({}))).send().await;
        let now = time(&made.is(201)["created_at"]);
        Timestamp::from_millis(now.as_millis() + millis)
    }

    /// How often the replica was asked for a tally, with this outcome or any.
    fn asked_for_tallies(&self, outcome: Option<&str>) -> usize {
        let lines = self.replica.log().lines();
        let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let is_it = |line: &Value| line["route"] == RESULTS && outcome.is_none_or(|outcome| line["outcome"] == outcome);
        lines.filter(is_it).count()
    }
}

/// A handful of requests for each second that something took.
fn handful_a_second(begun: Instant) -> usize {
    5 * usize::try_from(begun.elapsed().as_secs() + 1).expect("seconds")
}

fn results_of(poll: &str) -> Vec<u8> {
    wire::request("GET", &format!("/v1/polls/{poll}/results"), "", "")
}

async fn a_thousand_readers_cost_the_origin_a_handful_of_requests() {
    let _turn = one_crowd_at_a_time().await;
    let fixture = Fixture::new();
    let poll = fixture.poll(json!({})).await;
    let ask = results_of(&poll);
    let (begun, readers_left) = (Instant::now(), Cell::new(READERS));
    let readers = (0..READERS).map(|_| async {
        let mut reader = Wire::to(fixture.cache.address());
        let mut newest = 0;
        for _ in 0..5 {
            let (status, body) = reader.ask(&ask).await.expect("an answer");
            let tally: Value = serde_json::from_slice(&body).expect("a tally");
            assert_eq!((status, &tally["poll"]), (200, &json!(poll)));
            let version = tally["version"].as_u64().expect("a version");
            assert!(version >= newest, "the cache went back from {newest} to {version}");
            newest = version;
        }
        readers_left.set(readers_left.get() - 1);
    });
    let votes = async {
        // What is read moves all the time.
        while readers_left.get() > 0 {
            fixture.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
        }
    };
    tokio::join!(join_all(readers), votes);
    let (asked, most) = (fixture.asked_for_tallies(None), handful_a_second(begun));
    assert!((1..=most).contains(&asked), "{asked} requests for {READERS} readers, in {:?}", begun.elapsed());
}

/// The close of a poll sent every reader to the origin at once: nextcloud/polls #1450, #2582. And nobody may be shown
/// the tally from before for longer than the headers said.
async fn the_close_of_a_poll_sends_a_handful_of_its_readers_to_the_origin_and_all_see_it() {
    let _turn = one_crowd_at_a_time().await;
    let fixture = Fixture::new();
    let closes_at = fixture.moment_in(7_000).await;
    let poll = fixture.poll(json!({ "closes_at": closes_at })).await;
    fixture.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    let ask = results_of(&poll);
    let begun = Instant::now();
    // The answers sent in the last second are kept for one, and shown for two more; nginx counts whole seconds.
    let last_open = Timestamp::from_millis(closes_at.as_millis() + 4_000);
    let clock = sawt::clock::Clock::default();
    let readers = (0..READERS).map(|_| async {
        let mut reader = Wire::to(fixture.cache.address());
        loop {
            let asked_at = clock.now();
            let (status, body) = reader.ask(&ask).await.expect("an answer");
            let tally: Value = serde_json::from_slice(&body).expect("a tally");
            assert_eq!(status, 200);
            if tally["state"] == "closed" {
                return tally;
            }
            assert!(asked_at < last_open, "asked at {asked_at}, closed at {closes_at}: {tally}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let seen = join_all(readers).await;
    assert!(seen.iter().all(|tally| tally["options"][0]["votes"] == 1), "the final tally has every vote");
    let (asked, most) = (fixture.asked_for_tallies(None), handful_a_second(begun));
    assert!((2..=most).contains(&asked), "{asked} requests for {READERS} readers, in {:?}", begun.elapsed());
    let closed = fixture.client().get(&format!("/v1/polls/{poll}/results")).send().await;
    let caching = closed.header("cache-control").expect("it says");
    assert!(caching.starts_with("public, max-age=60, s-maxage=300"), "{caching}");
}

async fn nobody_is_given_another_voters_answer() {
    let fixture = Fixture::new();
    let poll = fixture.poll(json!({ "results": "after_vote" })).await;
    let (tally, mine) = (format!("/v1/polls/{poll}/results"), format!("/v1/polls/{poll}/votes/me"));
    let kept = RefCell::new(Vec::new());
    let voters = (0..20).map(|place| {
        let (kept, fixture, poll, tally, mine) = (&kept, &fixture, &poll, &tally, &mine);
        async move {
            let choice = if place % 2 == 0 { "yes" } else { "no" };
            let (stranger, voter) = (fixture.client(), fixture.client().new_voter().await);
            voter.get(tally).send().await.refused(403, "results-hidden");
            voter.vote(poll, &[choice]).await.is(201);
            for _ in 0..5 {
                let answer = voter.get(mine).send().await;
                kept.borrow_mut().push(answer.header("x-cache"));
                assert_eq!(answer.is(200)["choices"], json!([choice]));
                stranger.get(mine).send().await.refused(401, "voter-required");
                let answer = voter.get(tally).send().await;
                kept.borrow_mut().push(answer.header("x-cache"));
                assert!(answer.is(200)["ballots"].as_u64() >= Some(1));
            }
            stranger.get(tally).send().await.refused(403, "results-hidden");
            // The same by cookie: a browser on the service's own page.
            let cookie = format!("a=1; __Host-sawt_voter={}", voter.token());
            stranger.get(tally).header("cookie", &cookie).send().await.is(200);
            stranger.get(tally).send().await.refused(403, "results-hidden");
        }
    });
    join_all(voters).await;
    let kept = kept.into_inner();
    assert!(kept.iter().all(|status| matches!(status.as_deref(), None | Some("BYPASS"))), "{kept:?}");
}

async fn two_forms_of_one_address_are_kept_apart() {
    let fixture = Fixture::new();
    let poll = fixture.poll(json!({})).await;
    for path in [format!("/v1/polls/{poll}/results"), format!("/v1/polls/{poll}/timeline")] {
        for round in ["MISS", "HIT"] {
            for (accept, kind) in [("application/json", "application/json"), ("text/csv", "text/csv"), ("*/*", "")] {
                let answer = fixture.client().get(&path).header("accept", accept).send().await;
                let sent = answer.header("content-type").expect("a type");
                assert!(sent.starts_with(if kind.is_empty() { "application/json" } else { kind }), "{answer}");
                // However JSON is asked for, it is kept once.
                let expected = if kind.is_empty() { "HIT" } else { round };
                assert_eq!(answer.header("x-cache").as_deref(), Some(expected), "{answer}");
            }
        }
    }
}

async fn a_polls_page_and_the_widget_are_kept_and_the_form_is_not() {
    let fixture = Fixture::new();
    let poll = fixture.poll(json!({})).await;
    for path in ["/embed.js".to_owned(), format!("/embed/{poll}")] {
        // Once in each coding, however that is asked for.
        for (sent, coding, expected) in [
            ("", None, "MISS"),
            ("identity", None, "HIT"),
            ("br;q=0, gzip;q=0.0", None, "HIT"),
            ("gzip", Some("gzip"), "MISS"),
            ("gzip, deflate", Some("gzip"), "HIT"),
            ("gzip;q=0.5, br;q=0", Some("gzip"), "HIT"),
            ("gzip, deflate, br, zstd", Some("br"), "MISS"),
            ("br;q=0.9,gzip", Some("br"), "HIT"),
        ] {
            let answer = fixture.client().get(&path).header("accept-encoding", sent).send().await;
            assert_eq!((answer.status, answer.header("x-cache").as_deref()), (200, Some(expected)), "{answer}");
            assert_eq!(answer.header("content-encoding").as_deref(), coding, "{sent}: {answer}");
        }
    }
    let form = format!("/embed/{poll}/form");
    let forms = [fixture.client().get(&form).send().await, fixture.client().get(&form).send().await];
    assert!(forms.iter().all(|form| form.status == 200 && form.header("x-cache").is_none()));
    assert_ne!(forms[0].body, forms[1].body, "each has a voter's token of its own");
}

/// What stands in many pages: an article's tally, a section's counts, what is read most.
async fn what_is_shown_beside_articles_is_kept() {
    let fixture = Fixture::new();
    let admin = fixture.client().with_key(ADMIN_KEY);
    let stars = json!({ "poll": { "kind": "rating", "question": "كيف وجدت المقال؟" }, "articles": "announced" });
    admin.put("/v1/sites/default/templates/stars").json(&stars).send().await.is(201);
    admin.put("/v1/sites/default/articles/17").json(&announcement("https://news.example/17")).send().await.is(201);
    for path in [
        "/embed/sites/default/articles/17/stars",
        "/v1/sites/default/articles/17/stars",
        "/v1/sites/default/articles/17/stars/results",
        "/v1/sites/default/articles/17/stars/timeline",
        "/v1/sites/default/articles?template=stars&ids=17,18",
        "/v1/sites/default/trending?by=views",
    ] {
        for expected in ["MISS", "HIT"] {
            let answer = fixture.client().get(path).send().await;
            assert_eq!((answer.status, answer.header("x-cache").as_deref()), (200, Some(expected)), "{path}: {answer}");
        }
        // Whoever shows a key may be shown more.
        if path.starts_with("/v1/") {
            assert_eq!(admin.get(path).send().await.header("x-cache").as_deref(), Some("BYPASS"), "{path}");
        }
    }
}

/// A person who comes to the service's own address, or to one where nothing is, is no program.
async fn people_are_answered_with_pages() {
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let fixture = Fixture::new();
    for (path, status) in [("/", 200), ("/nowhere", 404)] {
        let answer = fixture.client().get(path).undocumented().header("accept", BROWSER).send().await;
        answer.page(status);
    }
}

/// Nothing says here at which address readers know the service, and anybody can send any `Host`: were it in a page that
/// is kept, everybody would be led there. Nor do two hosts share what is kept.
async fn a_forged_host_is_in_nothing_that_others_are_given() {
    const FORGED: &str = "evil.example";
    let fixture = Fixture::new();
    let poll = fixture.poll(json!({})).await;
    let ask = async |path: &str, host: Option<&str>| {
        let request = fixture.client().get(path).undocumented();
        let Some(host) = host else { return request.send().await };
        request.header("host", host).header("x-forwarded-host", host).header("x-forwarded-proto", "https").send().await
    };
    let served = sawt::http::served()
        .into_iter()
        .filter(|(route, methods)| methods.contains(&"GET") && !route.ends_with("/live") && !route.contains("{file}"));
    let paths = served.map(|(route, _)| route.replace("{poll}", &poll).replace("{site}", "default"));
    let more = [format!("/embed/{poll}/"), format!("//embed/{poll}/form/"), "/nowhere".to_owned()];
    for path in paths.chain(more) {
        let forged = ask(&path, Some(FORGED)).await;
        assert!(!forged.to_string().contains(FORGED), "{forged}");
        for expected in ["MISS", "HIT"] {
            let honest = ask(&path, None).await;
            let kept = honest.header("x-cache").filter(|_| honest.status == 200);
            assert!(kept.is_none_or(|kept| kept == expected), "{expected}: {honest}");
            assert!(!honest.to_string().contains(FORGED), "{honest}");
        }
    }
    let page = ask(&format!("/embed/{poll}"), None).await.page(200);
    assert!(!page.contains("og:url") && !page.contains("canonical") && !page.contains("oembed"), "{page}");
    // What is asked for an address has that address in it, so nobody keeps it.
    let told = ask(&format!("/oembed?url=https://{FORGED}/embed/{poll}"), Some(FORGED)).await;
    assert_eq!(told.header("cache-control").as_deref(), Some("private, no-store"), "{told}");
    assert_eq!(told.is(200)["provider_url"], format!("https://{FORGED}"));
    let honest = ask(&format!("/oembed?url=https://{FORGED}/embed/{poll}"), None).await;
    honest.refused(404, "not-found");
}

/// Everyone behind one proxy was one voter: larapoll #111; strawpoll #33; wp-polls #112. And a forged `X-Forwarded-For`
/// gave unlimited votes: wp-polls #2, #104.
async fn readers_behind_the_cache_are_counted_each_alone_whatever_they_read_and_say() {
    let fixture = Fixture::with(&[("SAWT_TRUSTED_PROXIES", "127.0.0.1"), ("SAWT_QUOTA_READ", "1/86400s")]);
    let poll = fixture.poll(json!({})).await;
    let paths = ["/v1/polls/{poll}/results?", "/v1/polls/{poll}?", "/embed/{poll}?", "/v1/results?polls={poll}&"];
    for (host, path) in (2_u8..).step_by(2).zip(paths) {
        for (reader, forged, status) in [(0, 1, 200), (1, 1, 200), (0, 2, 429)] {
            let reader = fixture.client().at([127, 0, 0, host + reader].into());
            // No query of theirs is kept already.
            let path = format!("{}again={forged}{host}{status}", path.replace("{poll}", &poll));
            let asked = reader.get(&path).undocumented().header("x-forwarded-for", &format!("203.0.113.{forged}"));
            let answer = asked.send().await;
            assert_eq!(answer.status, status, "{answer}");
        }
    }
}

async fn streams_pass_by_the_cache_as_they_come() {
    let fixture = Fixture::new();
    let poll = fixture.poll(json!({})).await;
    let open = async || fixture.client().get(&format!("/v1/polls/{poll}/live")).open().await;
    let (mut one, mut other) = (open().await, open().await);
    for stream in [&mut one, &mut other] {
        assert_eq!(stream.tally_from(0).await["ballots"], 0);
        assert_eq!(stream.head().header("x-cache"), None);
    }
    for ballots in 1..=3 {
        fixture.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
        for stream in [&mut one, &mut other] {
            assert_eq!(stream.tally_from(ballots).await["ballots"], ballots);
        }
    }
}

async fn what_has_not_changed_is_not_sent_to_the_cache_again() {
    let fixture = Fixture::new();
    let poll = fixture.poll(json!({})).await;
    let etag = async || {
        let answer = fixture.client().get(&format!("/v1/polls/{poll}/results")).send().await;
        assert_eq!(answer.status, 200, "{answer}");
        answer.header("etag").expect("a tag")
    };
    let first = etag().await;
    until(async || {
        assert_eq!(etag().await, first);
        (fixture.asked_for_tallies(Some("not-modified")) > 0).then_some(())
    })
    .await;
    // And what has, is.
    fixture.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    until(async || (etag().await != first).then_some(())).await;
    until(async || (fixture.asked_for_tallies(Some("ok")) == 2).then_some(())).await;
}

/// A tally that may hardly be shown while the next one is fetched, because its poll closes: what is shown after that,
/// is shown because nobody answers.
async fn while_no_replica_answers_the_last_tally_is_shown() {
    let fixture = Fixture::new();
    let closes_at = fixture.moment_in(3_000).await;
    let poll = fixture.poll(json!({ "closes_at": closes_at })).await;
    let read = async || fixture.client().get(&format!("/v1/polls/{poll}/results")).send().await;
    let last = read().await;
    let clock = sawt::clock::Clock::default();
    assert!(fixture.replica.stop().success());
    let shown = until(async || {
        let answer = read().await;
        assert_eq!((answer.status, &answer.body), (200, &last.body), "{answer}");
        let is_over = clock.now().as_millis() > closes_at.as_millis() + 4_000;
        (is_over && answer.header("x-cache").as_deref() == Some("STALE")).then_some(answer)
    })
    .await;
    assert!(shown.json()["as_of"].is_string(), "it says how old it is: {shown}");
}

lone_rules![
    a_thousand_readers_cost_the_origin_a_handful_of_requests,
    the_close_of_a_poll_sends_a_handful_of_its_readers_to_the_origin_and_all_see_it,
    nobody_is_given_another_voters_answer,
    two_forms_of_one_address_are_kept_apart,
    a_polls_page_and_the_widget_are_kept_and_the_form_is_not,
    what_is_shown_beside_articles_is_kept,
    people_are_answered_with_pages,
    a_forged_host_is_in_nothing_that_others_are_given,
    readers_behind_the_cache_are_counted_each_alone_whatever_they_read_and_say,
    streams_pass_by_the_cache_as_they_come,
    what_has_not_changed_is_not_sent_to_the_cache_again,
    while_no_replica_answers_the_last_tally_is_shown,
];
