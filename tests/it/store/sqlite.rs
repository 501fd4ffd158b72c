//! What the embedded store promises beyond the contract.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use sawt::{
    clock::Clock,
    poll::{Outcome, Phase, PollFields, SiteId, State, Timestamp},
    secret::Secret,
    site::SiteSettings,
    store::{
        Creation, IDEMPOTENCY_SECS, IdempotencyKey, Measure, RankedItem, Replacement, Store, StoreError,
        TrendingWindow, sqlite::SqliteStore,
    },
};
use sawt::{poll::Tally, secret::KeyHash};

use super::{
    conformance::{
        views::{article, batch, ranked},
        webhooks::kept_hook,
    },
    stage::{Stage, ballot, changeable, options, yes_or_no},
};

crate::registry::lone_rules![
    what_was_answered_is_in_the_file_when_the_process_dies,
    a_file_is_opened_again_with_all_it_holds,
    a_file_that_is_not_ours_is_unfit,
    a_locked_file_is_unavailable_and_recovers,
    secrets_are_kept,
    contact_leaves_the_default_site_as_it_was_put,
    a_poll_read_as_closed_stays_closed_when_the_clock_is_set_back,
    a_poll_that_refused_a_late_ballot_stays_closed_when_the_clock_is_set_back,
    an_idempotency_key_is_forgotten_after_a_day,
    the_minutes_add_up_to_the_tally,
    the_minutes_forget_the_options_a_reshape_replaced,
    two_processes_may_share_a_file,
    a_log_that_a_long_transaction_has_made_large_is_small_again_after_it,
    files_put_in_the_place_of_those_in_use_are_left_as_they_are,
    a_score_decays_with_its_window_and_never_overflows,
    a_clock_that_is_set_back_breaks_no_ranking,
    a_new_webhook_begins_behind_a_log_that_is_ahead_of_the_clock,
];

/// A store in a folder of its own, with a clock that is moved by hand.
struct Fixture {
    folder: tempfile::TempDir,
    clock: Clock,
}

const NOON: i64 = 1_795_435_200_000;

impl Fixture {
    fn new() -> Self {
        let clock = Clock::stopped_at(Timestamp::from_millis(NOON));
        Self { folder: tempfile::tempdir().unwrap(), clock }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("sawt.db")
    }

    async fn open(&self, path: &Path) -> Stage {
        let store = SqliteStore::open(path, 2, self.clock.clone()).unwrap();
        store.contact().await.unwrap();
        Stage::new(Arc::new(store)).await
    }

    fn set(&self, millis: i64) {
        self.clock.set(Timestamp::from_millis(NOON + millis));
    }
}

async fn what_was_answered_is_in_the_file_when_the_process_dies() {
    let fixture = Fixture::new();
    let stage = fixture.open(&fixture.path()).await;
    let poll = stage.poll(yes_or_no()).await;
    for voter in 0..100 {
        assert_eq!(stage.cast(&poll, voter, &["yes"]).await, Outcome::Counted);
        if voter % 20 != 0 {
            continue;
        }
        // What a process that is killed now leaves behind: the file and its log, and no chance to tidy up.
        let left = fixture.folder.path().join(format!("left-{voter}.db"));
        for suffix in ["", "-wal"] {
            let of = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
            std::fs::copy(of(&fixture.path()), of(&left)).unwrap();
        }
        let again = fixture.open(&left).await;
        assert_eq!(again.count(&poll).await, (vec![voter + 1, 0], voter + 1));
        assert_eq!(again.cast(&poll, voter, &["yes"]).await, Outcome::Repeated);
        assert_eq!(again.cast(&poll, voter + 1, &["no"]).await, Outcome::Counted);
    }
}

async fn a_file_is_opened_again_with_all_it_holds() {
    let fixture = Fixture::new();
    let stage = fixture.open(&fixture.path()).await;
    let poll = stage.poll(changeable()).await;
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    let (site, tally) = (stage.store.site(&stage.site).await.unwrap(), stage.tally(&poll).await);
    drop(stage.store);
    assert!(!fixture.folder.path().join("sawt.db-wal").exists(), "a store that is dropped closes its file");

    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&fixture.path(), 5, fixture.clock.clone()).unwrap());
    let again = Stage { store, site: stage.site };
    assert_eq!(again.store.site(&again.site).await.unwrap(), site);
    assert_eq!(again.read(&poll).await, poll);
    assert_eq!(again.tally(&poll).await, tally, "a poll keeps its partitions");
    assert_eq!(again.poll(yes_or_no()).await.partitions.count(), 5);
    assert_eq!(again.cast(&poll, 1, &["no"]).await, Outcome::Changed);
}

async fn a_file_that_is_not_ours_is_unfit() {
    let fixture = Fixture::new();
    std::fs::write(fixture.path(), "هذا ليس قاعدة بيانات، بل نص عادي طويل بما يكفي").unwrap();
    let refused = SqliteStore::open(&fixture.path(), 1, Clock::default()).err();
    assert!(matches!(refused, Some(StoreError::Unfit(words)) if words.contains("is not a SQLite database")));
}

async fn a_locked_file_is_unavailable_and_recovers() {
    let fixture = Fixture::new();
    let stage = fixture.open(&fixture.path()).await;
    let poll = stage.poll(yes_or_no()).await;
    let shell = rusqlite::Connection::open(fixture.path()).unwrap();
    shell.execute_batch("begin immediate").unwrap();
    let ballot = ballot(&poll, 1, &["yes"]);
    let answer = stage.store.cast(&poll, ballot.voter.partition, &[ballot]).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    assert_eq!(stage.tally(&poll).await.ballots, 0, "reads go on");
    shell.execute_batch("rollback").unwrap();
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
}

async fn secrets_are_kept() {
    let fixture = Fixture::new();
    let open = || SqliteStore::open(&fixture.path(), 1, Clock::default()).unwrap();
    let (made, is_new) = open().kept_secret("SAWT_SECRET", Secret::generate).unwrap();
    assert!(is_new);
    assert_eq!(open().kept_secret("SAWT_SECRET", || panic!("made again")).unwrap(), (made, false));
}

async fn contact_leaves_the_default_site_as_it_was_put() {
    let fixture = Fixture::new();
    let stage = fixture.open(&fixture.path()).await;
    let settings = SiteSettings { origins: vec!["https://news.example".parse().unwrap()], ..Default::default() };
    fixture.set(5_000);
    let (site, is_new) = stage.store.put_site(&SiteId::default(), settings, &[]).await.unwrap();
    assert!(!is_new);
    stage.store.contact().await.unwrap();
    assert_eq!(stage.store.site(&SiteId::default()).await.unwrap(), Some(site));
}

async fn a_poll_read_as_closed_stays_closed_when_the_clock_is_set_back() {
    let fixture = Fixture::new();
    let stage = fixture.open(&fixture.path()).await;
    let closes_at = Some(Timestamp::from_millis(NOON + 1_000));
    let poll = stage.poll(PollFields { closes_at: Some(closes_at), ..changeable() }).await;
    fixture.set(999);
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    assert_eq!(stage.tally(&poll).await.state, State::Open);
    fixture.set(1_000);
    let closed = stage.tally(&poll).await;
    assert_eq!(closed.state, State::Closed);
    fixture.set(0);
    stays_closed(&stage, &poll, &closed).await;
}

async fn a_poll_that_refused_a_late_ballot_stays_closed_when_the_clock_is_set_back() {
    let fixture = Fixture::new();
    let stage = fixture.open(&fixture.path()).await;
    let closes_at = Some(Timestamp::from_millis(NOON + 1_000));
    let poll = stage.poll(PollFields { closes_at: Some(closes_at), ..changeable() }).await;
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    fixture.set(2_000);
    assert_eq!(stage.cast(&poll, 2, &["yes"]).await, Outcome::NotOpen);
    fixture.set(0);
    let tally = stage.tally(&poll).await;
    stays_closed(&stage, &poll, &tally).await;
}

async fn stays_closed(stage: &Stage, poll: &sawt::poll::Poll, closed: &Tally) {
    assert_eq!(stage.cast(poll, 1, &["yes"]).await, Outcome::Repeated);
    assert_eq!(stage.cast(poll, 1, &["no"]).await, Outcome::NotOpen);
    assert_eq!(stage.cast(poll, 2, &["no"]).await, Outcome::NotOpen);
    assert_eq!(Tally { as_of: closed.as_of, ..stage.tally(poll).await }, *closed);
    let current = stage.read(poll).await;
    assert_eq!((current.schedule.phase, current.revision), (Phase::Closed, poll.revision));
    let edit = PollFields { closes_at: Some(None), ..PollFields::default() };
    assert_eq!(stage.edit(poll, edit).await, Replacement::Closed);
    assert_eq!(closed.state, State::Closed);
}

async fn an_idempotency_key_is_forgotten_after_a_day() {
    let fixture = Fixture::new();
    let stage = fixture.open(&fixture.path()).await;
    let key = IdempotencyKey { key: KeyHash::of("key"), request: KeyHash::of("request") };
    let other = IdempotencyKey { request: KeyHash::of("other request"), ..key.clone() };
    let poll = stage.draw_up(yes_or_no()).await;
    let create = async |poll, key| stage.store.create_poll(poll, Some(key), &[]).await.unwrap();
    assert_eq!(create(&poll, &key).await, Creation::Created(poll.clone()));
    let day = i64::try_from(IDEMPOTENCY_SECS).unwrap() * 1_000;
    fixture.set(day - 1);
    assert_eq!(create(&poll, &key).await, Creation::Existing(poll.clone()));
    let next = stage.draw_up(yes_or_no()).await;
    assert_eq!(create(&next, &other).await, Creation::Mismatch);
    assert_eq!(stage.store.made_before(&stage.site, &key).await.unwrap(), Some(poll.clone()));
    fixture.set(day);
    assert_eq!(stage.store.made_before(&stage.site, &key).await.unwrap(), None);
    assert_eq!(create(&next, &other).await, Creation::Created(next.clone()));
}

async fn the_minutes_add_up_to_the_tally() {
    let fixture = Fixture::new();
    let stage = fixture.open(&fixture.path()).await;
    let poll = stage.poll(changeable()).await;
    for (minute, voter, option) in [
        (0, 1, "yes"),
        (0, 2, "no"),
        (0, 5, "yes"),
        (1, 1, "no"),
        (3, 3, "yes"),
        (3, 3, "yes"),
        (3, 4, "no"),
        (4, 3, "no"),
    ] {
        fixture.set(minute * 60_000 + 59_999);
        stage.cast(&poll, voter, &[option]).await;
    }
    fixture.set(5 * 60_000);
    assert_eq!(stage.withdraw(&poll, 2).await, Outcome::Withdrawn);
    let file = rusqlite::Connection::open(fixture.path()).unwrap();
    let rows = |sql: &str| {
        let mut statement = file.prepare(sql).unwrap();
        let rows = statement.query_map([NOON / 60_000], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.collect::<Result<Vec<(i64, i64, i64)>, _>>().unwrap()
    };
    let ballots = rows("select minute - ?1, ballots, 0 from minutes order by minute");
    assert_eq!(ballots, [(0, 3, 0), (1, 0, 0), (3, 2, 0), (4, 0, 0), (5, -1, 0)]);
    let votes = rows("select minute - ?1, counter, votes from minute_votes where votes != 0 order by minute, counter");
    assert_eq!(
        votes,
        [(0, 0, 2), (0, 1, 1), (1, 0, -1), (1, 1, 1), (3, 0, 1), (3, 1, 1), (4, 0, -1), (4, 1, 1), (5, 1, -1)]
    );
    assert_eq!(stage.count(&poll).await, (vec![1, 3], 4));
}

async fn the_minutes_forget_the_options_a_reshape_replaced() {
    let fixture = Fixture::new();
    let stage = fixture.open(&fixture.path()).await;
    let poll = stage.poll(changeable()).await;
    assert_eq!(stage.cast(&poll, 1, &["no"]).await, Outcome::Counted);
    fixture.set(60_000);
    assert_eq!(stage.withdraw(&poll, 1).await, Outcome::Withdrawn);
    let edit = PollFields { options: Some(options(&["no", "perhaps"])), ..PollFields::default() };
    let reshaped = stage.edited(&poll, edit).await;
    assert_eq!(stage.cast(&reshaped, 1, &["no"]).await, Outcome::Counted);
    let file = rusqlite::Connection::open(fixture.path()).unwrap();
    let minutes = |table: &str| {
        let sql = format!("select count(*), sum(minute - ?1) from {table}");
        file.query_row(&sql, [NOON / 60_000], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    assert_eq!((minutes("minutes"), minutes("minute_votes")), ((1, 1), (1, 1)));
}

async fn two_processes_may_share_a_file() {
    let fixture = Fixture::new();
    let stage = fixture.open(&fixture.path()).await;
    let poll = stage.poll(yes_or_no()).await;
    let other = fixture.open(&fixture.path()).await;
    for voter in 0..20 {
        let (one, two) = tokio::join!(stage.cast(&poll, voter, &["yes"]), other.cast(&poll, voter, &["yes"]));
        assert!(matches!((one, two), (Outcome::Counted, Outcome::Repeated) | (Outcome::Repeated, Outcome::Counted)));
    }
    let edit = PollFields { question: Some("كلمات أخرى".to_owned()), ..PollFields::default() };
    let edited = other.edited(&poll, edit).await;
    assert_eq!(stage.read(&poll).await, edited);
    assert_eq!(stage.count(&edited).await, (vec![20, 0], 20));
}

async fn a_log_that_a_long_transaction_has_made_large_is_small_again_after_it() {
    const LARGE: u64 = 20 * 1_048_576;
    let fixture = Fixture::new();
    let stage = fixture.open(&fixture.path()).await;
    let poll = stage.poll(yes_or_no()).await;
    let log = PathBuf::from(format!("{}-wal", fixture.path().display()));
    let length = || std::fs::metadata(&log).unwrap().len();
    let backup = rusqlite::Connection::open(fixture.path()).unwrap();
    backup.execute_batch("begin; select count(*) from sites").unwrap();
    let shell = rusqlite::Connection::open(fixture.path()).unwrap();
    let secret = "insert into secrets values ('burst', printf('%.*c', ?1, 'x'))";
    shell.execute(secret, [LARGE]).unwrap();
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    assert!(length() >= LARGE);
    backup.execute_batch("rollback").unwrap();
    // Nobody votes, and still.
    crate::client::until(async || (length() < LARGE).then_some(())).await;
    assert_eq!(stage.cast(&poll, 2, &["yes"]).await, Outcome::Counted);
    assert_eq!(stage.count(&poll).await, (vec![2, 0], 2));
}

/// An operator restores a backup under a replica, and stops that only then. The last connection to close folds the log
/// into the file and deletes the log, by its name: SQLite itself sees to it only if the file is another one, and `cp`
/// writes over the one that is there.
async fn files_put_in_the_place_of_those_in_use_are_left_as_they_are() {
    for replaced in [&["-wal"][..], &["", "-wal"]] {
        let fixture = Fixture::new();
        let stage = fixture.open(&fixture.path()).await;
        let poll = stage.poll(yes_or_no()).await;
        assert_eq!(stage.cast(&poll, 0, &["yes"]).await, Outcome::Counted);
        let file = |suffix: &str| PathBuf::from(format!("{}{suffix}", fixture.path().display()));
        for suffix in replaced {
            std::fs::copy(file(suffix), file("-backup")).unwrap();
            std::fs::rename(file("-backup"), file(suffix)).unwrap();
        }
        let read = || ["", "-wal"].map(|suffix| std::fs::read(file(suffix)).unwrap_or_default());
        let before = read();
        assert!(!before[1].is_empty());
        drop(stage);
        assert!(read() == before, "the backup was touched, where {replaced:?} was replaced");
        assert_eq!(fixture.open(&fixture.path()).await.count(&poll).await, (vec![1, 0], 1));
    }
}

async fn a_score_decays_with_its_window_and_never_overflows() {
    let fixture = Fixture::new();
    let stage = fixture.open(&fixture.path()).await;
    let [old, new] = ["old", "new"].map(article);
    let see = async |item: &RankedItem, views| {
        stage.store.count_views(&batch(&stage, &[], &[(Measure::Views, item, views)])).await.unwrap();
    };
    let hours = |hours: i64| fixture.set(hours * 3_600_000);
    see(&old, 1_000).await;
    hours(1);
    assert_eq!(ranked(&stage, Measure::Views, TrendingWindow::Hour).await, [(old.clone(), 368.0)], "a window later");
    assert_eq!(ranked(&stage, Measure::Views, TrendingWindow::Day).await, [(old.clone(), 959.0)]);
    see(&new, 400).await;
    let expected = [(new.clone(), 400.0), (old.clone(), 368.0)];
    assert_eq!(ranked(&stage, Measure::Views, TrendingWindow::Hour).await, expected, "what is new ranks first");
    // Long before a double overflows, scores are counted from another moment.
    for landmark in 1..=20 {
        hours(70 * landmark);
        see(&new, 100).await;
        assert_eq!(ranked(&stage, Measure::Views, TrendingWindow::Hour).await, [(new.clone(), 100.0)]);
    }
    let week = ranked(&stage, Measure::Views, TrendingWindow::Week).await;
    assert!(week[0].0 == new && (250.0..350.0).contains(&week[0].1), "a week has 2.4 of them: {week:?}");
    hours(24 * 365 * 20);
    assert_eq!(ranked(&stage, Measure::Views, TrendingWindow::Week).await, []);
    see(&old, 7).await;
    assert_eq!(ranked(&stage, Measure::Views, TrendingWindow::Week).await, [(old, 7.0)]);
}

async fn a_clock_that_is_set_back_breaks_no_ranking() {
    let fixture = Fixture::new();
    let stage = fixture.open(&fixture.path()).await;
    let item = article("a-1");
    let seen = [(Measure::Views, &item, 10)];
    stage.store.count_views(&batch(&stage, &[], &seen)).await.unwrap();
    fixture.set(-24 * 3_600_000);
    for views in [20.0, 30.0] {
        stage.store.count_views(&batch(&stage, &[], &seen)).await.unwrap();
        assert_eq!(ranked(&stage, Measure::Views, TrendingWindow::Hour).await, [(item.clone(), views)]);
    }
}

async fn a_new_webhook_begins_behind_a_log_that_is_ahead_of_the_clock() {
    let fixture = Fixture::new();
    let stage = fixture.open(&fixture.path()).await;
    fixture.set(3_600_000);
    kept_hook(&stage, "a").await;
    let last = stage.log().await.last().map(|event| event.id);
    fixture.set(0);
    let hook = kept_hook(&stage, "a").await;
    let cursor = stage.store.webhook_cursor(&stage.site, &hook.id).await.unwrap();
    assert_eq!(cursor, last);
    assert_eq!(stage.store.events(&stage.site, cursor, 10).await.unwrap().len(), 1, "its own");
}
