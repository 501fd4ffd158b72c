//! What the Redis store promises beyond the contract, on a server of its own.

use std::sync::Arc;

use sawt::{
    poll::{Minute, Outcome, Poll, PollFields, State, TimeZone, Timestamp},
    site::{EventId, EventType, NewKey, Scopes, SiteLook, SiteSettings},
    store::{BatchOutcome, Measure, SiteDeletion, Store, StoreError, TrendingWindow},
};

use super::{
    conformance::{
        articles,
        templates::{made, template},
        views::{article, batch, ranked},
        webhooks::kept_hook,
    },
    stage::{Stage, ballot, changeable},
};
use crate::{
    backends::{Backend, Program, Storage},
    client::until,
};

crate::registry::lone_rules![
    a_minute_in_which_ballots_only_changed_is_found,
    a_site_that_an_earlier_version_kept_is_in_utc_and_has_no_name,
    a_site_that_an_earlier_version_kept_is_listed_once_it_was_read,
    articles_that_an_earlier_version_kept_have_their_polls_to_themselves,
    a_poll_or_key_that_was_given_up_with_its_site_is_not_made_by_whoever_goes_on,
    a_part_of_a_poll_that_its_redis_has_lost_is_made_again,
    a_poll_whose_definition_its_redis_has_lost_keeps_its_votes_until_that_is_back,
    a_polls_partitions_lie_evenly_on_the_masters_of_a_cluster,
    while_one_master_of_a_cluster_is_silent_the_others_answer,
    scores_that_have_grown_large_are_counted_from_another_moment,
    what_is_kept_of_views_is_forgotten_by_itself,
    what_is_announced_after_a_clock_was_set_back_is_looked_through_no_longer_than_before,
    a_new_webhook_begins_behind_a_log_that_is_ahead_of_the_clock,
    a_long_timeline_is_deleted_beside_what_its_redis_does,
    a_full_redis_is_made_less_full_by_deleting_an_articles_poll_or_a_template,
];

async fn open() -> (Storage, Arc<dyn Store>) {
    let storage = Storage::single(Program::Redis, &[]);
    let store = storage.store().await;
    (storage, store)
}

/// A timeline is read by the field that counts a minute's ballots, and here none were cast or withdrawn.
async fn a_minute_in_which_ballots_only_changed_is_found() {
    let (storage, store) = open().await;
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    // As if that had been long ago.
    storage.server().ask(&["DEL", &format!("sawt:{{{}.0}}:minutes", poll.id)]);
    assert_eq!(stage.cast(&poll, 1, &["no"]).await, Outcome::Changed);
    let now = Minute::of(stage.now().await);
    let page = stage.store.minutes(&poll, now.plus(-1)..now.plus(1)).await.unwrap();
    let moves: Vec<_> =
        page.changes.iter().map(|(_, moved)| (moved.ballots, moved.votes_in(0), moved.votes_in(1))).collect();
    assert_eq!(moves, [(0, -1, 1)]);
}

async fn a_site_that_an_earlier_version_kept_is_in_utc_and_has_no_name() {
    let (storage, store) = open().await;
    let stage = Stage::new(store).await;
    storage.server().ask(&[
        "HDEL",
        &format!("sawt:site:{{{}}}", stage.site),
        "timezone",
        "name",
        "url",
        "look",
        "addresses",
        "incidents",
        "proof_of_work",
        "poll_defaults",
    ]);
    let site = stage.store.site(&stage.site).await.unwrap().unwrap();
    assert_eq!(
        site.settings,
        SiteSettings {
            timezone: TimeZone::UTC,
            name: None,
            url: None,
            look: SiteLook::default(),
            ..SiteSettings::default()
        }
    );
}

async fn a_site_that_an_earlier_version_kept_is_listed_once_it_was_read() {
    let (storage, store) = open().await;
    let stage = Stage::new(store).await;
    storage.server().ask(&["HDEL", &format!("sawt:site:{{{}}}", stage.site), "listed"]);
    storage.server().ask(&["DEL", "sawt:{sites}"]);
    assert_eq!(stage.store.sites(None, 10).await.unwrap(), []);
    let site = stage.store.site(&stage.site).await.unwrap().unwrap();
    assert_eq!(stage.store.sites(None, 10).await.unwrap(), [site]);
}

/// It kept first addresses in their articles' records alone.
async fn articles_that_an_earlier_version_kept_have_their_polls_to_themselves() {
    let (storage, store) = open().await;
    let stage = Stage::new(store).await;
    let put = async |id: &str, name: &str| {
        let article = articles::article(id, &format!("https://news.example/{name}"), 1);
        articles::put(&stage, &article).await.first_address.is_some()
    };
    for (id, name) in [("1", "old"), ("1", "new"), ("2", "home")] {
        assert!(put(id, name).await);
    }
    storage.server().ask(&["DEL", &format!("sawt:site:{{{}}}:addresses", stage.site)]);
    for (id, name, is_first) in [("3", "old", false), ("4", "home", false), ("5", "other", true)] {
        assert_eq!(put(id, name).await, is_first, "{name}");
    }
}

/// Their making stood still between its first step, which put them in the site's lists, and its last.
async fn a_poll_or_key_that_was_given_up_with_its_site_is_not_made_by_whoever_goes_on() {
    let (storage, store) = open().await;
    let stage = Stage::new(store).await;
    let poll = stage.draw_up(changeable()).await;
    let key = NewKey::generate(stage.site.clone(), Scopes::all(), None, stage.now().await).key;
    let list = |what: &str| format!("sawt:site:{{{}}}:{what}", stage.site);
    storage.server().ask(&["ZADD", &list("polls"), "0", &poll.id.to_string()]);
    storage.server().ask(&["SADD", &list("keys"), key.id.as_str()]);
    assert_eq!(stage.store.delete_site(&stage.site).await.unwrap(), SiteDeletion::Done);
    // Somebody has put one of the same name meanwhile, or there would be nothing to go on with.
    stage.store.put_site(&stage.site, SiteSettings::default(), &[]).await.unwrap();
    assert!(matches!(stage.store.create_poll(&poll, None, &[]).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(stage.store.add_key(&key, &[]).await, Err(StoreError::Unavailable(_))));
    assert_eq!((stage.store.poll(poll.id).await.unwrap(), stage.store.key(&key.id).await.unwrap()), (None, None));
    assert_eq!(stage.store.delete_site(&stage.site).await.unwrap(), SiteDeletion::Done);
}

/// As after a failover to a replica that did not have it yet.
async fn a_poll_whose_definition_its_redis_has_lost_keeps_its_votes_until_that_is_back() {
    let (storage, store) = open().await;
    let stage = Stage::new(store).await;
    let drawn_up = stage.draw_up(changeable()).await;
    let created_at = Timestamp::from_millis(drawn_up.created_at.as_millis() - 2 * 60 * 60_000);
    let poll = Poll { created_at, updated_at: created_at, ..drawn_up };
    stage.store.create_poll(&poll, None, &[]).await.unwrap();
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    let definition = format!("sawt:{{{}}}:poll", poll.id);
    assert_eq!(storage.server().ask(&["RENAME", &definition, "away"]), "OK");
    // Whoever lists polls clears away what was never made, which this may be taken for.
    let listed = stage.store.polls(&stage.site, None, 10).await.unwrap();
    assert!(listed.iter().all(|listed| listed.id != poll.id));
    assert_eq!(storage.server().ask(&["RENAME", "away", &definition]), "OK");
    let listed = stage.store.polls(&stage.site, None, 10).await.unwrap();
    assert!(listed.iter().any(|listed| listed.id == poll.id));
    assert_eq!(stage.count(&poll).await, (vec![1, 0], 1));
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Repeated);
}

async fn a_part_of_a_poll_that_its_redis_has_lost_is_made_again() {
    let (storage, store) = open().await;
    let stage = Stage::new(store).await;
    let lose = |poll: &Poll| {
        let keys: Vec<String> = storage.server().ask_for(&["KEYS", &format!("sawt:{{{}.0}}:*", poll.id)]);
        assert!(keys.iter().any(|key| key.ends_with(":tally")));
        let del: Vec<&str> = ["DEL"].into_iter().chain(keys.iter().map(String::as_str)).collect();
        storage.server().ask(&del);
    };
    let poll = stage.poll(changeable()).await;
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    lose(&poll);
    assert_eq!(stage.cast(&poll, 2, &["no"]).await, Outcome::Counted);
    lose(&poll);
    assert_eq!(stage.count(&poll).await, (vec![0, 0], 0));
    lose(&poll);
    // A replica that knows an earlier revision.
    let edited = stage.edited(&poll, PollFields { changeable: Some(false), ..PollFields::default() }).await;
    assert_eq!(stage.store.cast(&poll, 0, &[ballot(&poll, 1, &["yes"])]).await.unwrap(), BatchOutcome::Stale);
    assert_eq!(stage.cast(&edited, 1, &["yes"]).await, Outcome::Counted);
    let closed = stage.closed(&edited).await;
    lose(&closed);
    assert_eq!(stage.cast(&closed, 1, &["no"]).await, Outcome::NotOpen);
    assert_eq!(stage.tally(&closed).await.state, State::Closed);
    // One that is gone stays gone.
    assert!(stage.store.delete_poll(closed.id, &[]).await.unwrap());
    assert_eq!(stage.store.cast(&closed, 0, &[ballot(&closed, 1, &["yes"])]).await.unwrap(), BatchOutcome::Gone);
    assert_eq!(stage.store.tally(&closed).await.unwrap(), None);
    assert_eq!(storage.server().ask_for::<Vec<String>>(&["KEYS", &format!("*{}*", closed.id)]), [""; 0]);
}

/// The master that has more than its share of a poll is the poll's limit.
async fn a_polls_partitions_lie_evenly_on_the_masters_of_a_cluster() {
    let storage = Storage::start(Backend::Cluster);
    let stage = Stage::new(storage.store().await).await;
    for _ in 0..20 {
        let poll = stage.poll(changeable()).await;
        let shares: Vec<usize> = storage
            .servers()
            .iter()
            .map(|server| server.ask_for::<Vec<String>>(&["KEYS", &format!("sawt:{{{}.*:tally", poll.id)]).len())
            .collect();
        assert_eq!(shares, [4, 4, 4], "{}", poll.id);
    }
}

async fn while_one_master_of_a_cluster_is_silent_the_others_answer() {
    let storage = Storage::start(Backend::Cluster);
    let stage = Stage::new(storage.store().await).await;
    let of_silent = stage.poll(changeable()).await;
    let server_of = |poll: &Poll| storage.server_of(&format!("sawt:{{{}}}:poll", poll.id));
    let silent = server_of(&of_silent);
    let of_another = loop {
        let poll = stage.poll(changeable()).await;
        if server_of(&poll).port() != silent.port() {
            break poll;
        }
    };
    silent.freeze();
    for _ in 0..2 {
        let unanswered = stage.store.poll(of_silent.id).await;
        assert!(matches!(unanswered, Err(StoreError::Unavailable(_))), "{unanswered:?}");
        assert_eq!(stage.read(&of_another).await, of_another);
    }
    silent.thaw();
    assert_eq!(until(async || stage.store.poll(of_silent.id).await.ok()).await, Some(of_silent));
}

/// As a ranking is 70 windows after the moment that its scores are counted from.
async fn scores_that_have_grown_large_are_counted_from_another_moment() {
    const HOUR: i64 = 3_600_000;
    let (storage, store) = open().await;
    let stage = Stage::new(store).await;
    let [seen, quiet] = ["seen", "quiet"].map(article);
    let views = [(Measure::Views, &seen, 10), (Measure::Views, &quiet, 4)];
    stage.store.count_views(&batch(&stage, &[], &views)).await.unwrap();
    let key = |what: &str| format!("sawt:site:{{{}}}:{what}", stage.site);
    let (ranking, landmarks) = (key("trending:views:1h"), key("landmarks"));
    let grown = 70.0_f64.exp().to_string();
    storage.server().ask(&["ZUNIONSTORE", &ranking, "1", &ranking, "WEIGHTS", &grown]);
    storage.server().ask(&["HINCRBY", &landmarks, "1", &(-70 * HOUR).to_string()]);
    assert_eq!(
        ranked(&stage, Measure::Views, TrendingWindow::Hour).await,
        [(seen.clone(), 10.0), (quiet.clone(), 4.0)]
    );
    stage.store.count_views(&batch(&stage, &[], &[(Measure::Views, &quiet, 8)])).await.unwrap();
    assert_eq!(ranked(&stage, Measure::Views, TrendingWindow::Hour).await, [(quiet.clone(), 12.0), (seen, 10.0)]);
    let score: f64 = storage.server().ask_for(&["ZSCORE", &ranking, "id:quiet"]);
    assert!((11.0..13.0).contains(&score), "{score}");
    let landmark: i64 = storage.server().ask_for(&["HGET", &landmarks, "1"]);
    assert!((stage.now().await.as_millis() - landmark).abs() < HOUR);
}

async fn what_is_kept_of_views_is_forgotten_by_itself() {
    let (storage, store) = open().await;
    let stage = Stage::new(store).await;
    let item = article("a-1");
    stage.store.count_views(&batch(&stage, &[], &[(Measure::Views, &item, 1)])).await.unwrap();
    let of_site = format!("sawt:site:{{{}}}:", stage.site);
    let keys: Vec<String> = storage.server().ask_for(&["KEYS", &format!("{of_site}*")]);
    let mut lasting = Vec::new();
    for key in &keys {
        if storage.server().ask_for::<i64>(&["PTTL", key]) < 0 {
            lasting.push(key.trim_start_matches(&of_site).to_owned());
        }
    }
    assert_eq!((keys.len(), lasting), (5, vec!["landmarks".to_owned()]), "{keys:?}");
}

/// A time in microseconds by the server's clock, so many seconds on.
fn micros_in(storage: &Storage, secs: i64) -> i64 {
    let (now, micros): (i64, i64) = storage.server().ask_for(&["TIME"]);
    (now + secs) * 1_000_000 + micros
}

async fn what_is_announced_after_a_clock_was_set_back_is_looked_through_no_longer_than_before() {
    const PENDING: &str = "sawt:{events}:pending";
    let (storage, store) = open().await;
    let stage = Stage::new(store).await;
    storage.server().ask(&["SET", "sawt:{events}:ticket", &micros_in(&storage, 3_600).to_string()]);
    let poll = stage.told_poll(changeable()).await;
    let outbox = format!("sawt:{{{}}}:outbox", poll.id);
    let sequence = || storage.server().ask_for::<Option<i64>>(&["ZSCORE", PENDING, &outbox]);
    let is_behind = |sequence: Option<i64>| sequence.is_some_and(|sequence| sequence <= micros_in(&storage, 0));
    assert!(!is_behind(sequence()));
    // The first carries it, the second finds nothing.
    for _ in 0..2 {
        stage.store.relay_events().await.unwrap();
    }
    assert!(is_behind(sequence()), "{:?}", sequence());
    storage.server().ask(&["ZADD", PENDING, &micros_in(&storage, -31).to_string(), &outbox]);
    stage.store.relay_events().await.unwrap();
    assert_eq!(sequence(), None);
}

async fn a_new_webhook_begins_behind_a_log_that_is_ahead_of_the_clock() {
    let (storage, store) = open().await;
    let stage = Stage::new(store).await;
    kept_hook(&stage, "a").await;
    let last = micros_in(&storage, 3_600);
    storage.server().ask(&["XSETID", &format!("sawt:site:{{{}}}:events", stage.site), &format!("{last}-0")]);
    let hook = kept_hook(&stage, "a").await;
    let cursor = stage.store.webhook_cursor(&stage.site, &hook.id).await.unwrap();
    assert_eq!(cursor, EventId::from_micros(last.unsigned_abs()));
    let told = stage.store.events(&stage.site, cursor, 10).await.unwrap();
    assert_eq!(told.iter().map(|event| event.kind).collect::<Vec<_>>(), [EventType::WebhookCreated], "its own");
}

/// To free what many years of minutes take would hold up all votes.
async fn a_long_timeline_is_deleted_beside_what_its_redis_does() {
    let (storage, store) = open().await;
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    let minutes = format!("sawt:{{{}.0}}:minutes", poll.id);
    let fields: Vec<String> = (0..2_000).flat_map(|minute| [format!("{minute}:b"), "1".to_owned()]).collect();
    let fill: Vec<&str> = ["HSET", &minutes].into_iter().chain(fields.iter().map(String::as_str)).collect();
    storage.server().ask(&fill);
    let freed_beside = || {
        let said = storage.server().ask(&["INFO", "memory"]);
        let freed = said.lines().find_map(|line| line.strip_prefix("lazyfreed_objects:"));
        freed.expect("it says so").trim().parse::<u64>().expect("a number")
    };
    let before = freed_beside();
    assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
    until(async || (freed_beside() > before).then_some(())).await;
}

async fn a_full_redis_is_made_less_full_by_deleting_an_articles_poll_or_a_template() {
    let (storage, store) = open().await;
    let stage = Stage::new(store).await;
    let template = template(&stage).await;
    let [one, other] = [made(&stage, &template, "a").await, made(&stage, &template, "b").await];
    storage.server().ask(&["CONFIG", "SET", "maxmemory", "1"]);
    assert!(stage.store.delete_poll(one.id, &[]).await.unwrap());
    assert!(stage.store.delete_template(&stage.site, &template.id, &[]).await.unwrap());
    for poll in [one, other] {
        assert_eq!(storage.server().ask_for::<Vec<String>>(&["KEYS", &format!("*{}*", poll.id)]), [""; 0]);
    }
}
