//! Timelines of many weeks, minute by minute: what they cost, and how they end. These trials start stores of their own,
//! and write into them what would take weeks to vote.

use std::sync::Arc;

use futures_util::future::join_all;
use sawt::{
    poll::{DigestKey, NewOption, NewPoll, Partitions, Poll, PollFields, PollId, SiteId, TimeZone, Timestamp},
    store::{Creation, Store},
};

use crate::{
    backends::{Backend, Program, Storage},
    client::{Client, until},
    registry::lone_rules,
    server::{Replica, Settings},
};

/// Forty days.
const MINUTES: i64 = 40 * 24 * 60;

/// A poll that has got a vote a minute for weeks, the first for yes, the next for no, and so on.
struct Fixture {
    store: Arc<dyn Store>,
    poll: Poll,
    /// The minute of its first vote, counted from 1970.
    first: i64,
    // Before the storage: a replica stops before the store it stands on.
    replica: Replica,
    storage: Storage,
}

impl Fixture {
    async fn on(backend: Backend) -> Self {
        let storage = match backend {
            Backend::Sqlite => Storage::file(),
            Backend::Redis | Backend::Valkey | Backend::Cluster => Storage::single(Program::Redis, &[]),
        };
        let store = storage.store().await;
        let first = store.now().await.expect("the time").as_millis() / 60_000 - MINUTES - 1;
        let option = |id: &str, label: &str| NewOption {
            id: Some(id.to_owned()),
            label: label.to_owned(),
            ..NewOption::default()
        };
        let new = PollFields {
            question: Some("هل تتوقع حل مجلس الأمة؟".to_owned()),
            options: Some(vec![option("yes", "نعم"), option("no", "لا")]),
            ..PollFields::default()
        };
        let made_at = Timestamp::from_millis(first * 60_000);
        let poll = NewPoll::from(new)
            .build(
                PollId::generate(),
                SiteId::default(),
                Partitions::unplaced(1),
                DigestKey::from_bytes([7; 32]),
                made_at,
            )
            .expect("a poll");
        assert_eq!(store.create_poll(&poll, None, &[]).await.expect("a poll"), Creation::Created(poll.clone()));
        match storage.address().strip_prefix("sqlite:") {
            Some(path) => fill_file(path, first),
            None => fill_redis(storage.address(), poll.id, first),
        }
        let replica = Replica::start(&Settings::on(storage.address()));
        Self { store, poll, first, replica, storage }
    }

    fn address_of(&self, rest: &str) -> String {
        format!("/v1/polls/{}/{rest}", self.poll.id)
    }

    /// The table, being read; its first piece has come.
    async fn begun(&self) -> (reqwest::Response, Vec<u8>) {
        let url = format!("http://{}{}", self.replica.address(), self.address_of("timeline.csv?interval=PT1M"));
        // One that has waited too long for its turn is refused.
        let mut response = until(async || {
            let response = reqwest::get(&url).await.expect("an answer");
            (response.status() == 200).then_some(response)
        })
        .await;
        let piece = response.chunk().await.expect("a piece").expect("a first piece");
        (response, piece.to_vec())
    }

    /// That this is the whole table: a line for each minute and option, none missing, and all of it the tally.
    fn check_whole(&self, table: &[u8]) {
        let table = std::str::from_utf8(table).expect("a table is UTF-8");
        let mut lines = table.split_terminator("\r\n").skip(1);
        for place in 0..MINUTES {
            let start = Timestamp::from_millis((self.first + place) * 60_000);
            let (yes, no) = (1 - place % 2, place % 2);
            let (all, all_yes) = (place + 1, place / 2 + 1);
            let lead = format!("{},{}", self.poll.id, TimeZone::UTC.local_time(start));
            assert_eq!(lines.next(), Some(format!("{lead},yes,نعم,{yes},{all_yes},1,{all}").as_str()));
            assert_eq!(lines.next(), Some(format!("{lead},no,لا,{no},{},1,{all}", all - all_yes).as_str()));
        }
        assert_eq!(lines.next(), None);
    }
}

fn fill_file(path: &str, first: i64) {
    let mut file = rusqlite::Connection::open(path).expect("the file");
    let all = file.transaction().expect("a transaction");
    for place in 0..MINUTES {
        let minute = first + place;
        all.prepare_cached("insert into minutes (poll, minute, ballots) values (1, ?1, 1)")
            .and_then(|mut insert| insert.execute([minute]))
            .expect("a minute");
        all.prepare_cached("insert into minute_votes (poll, minute, counter, votes) values (1, ?1, ?2, 1)")
            .and_then(|mut insert| insert.execute([minute, place % 2]))
            .expect("its votes");
    }
    all.execute("update tallies set ballots = ?1, version = ?1", [MINUTES]).expect("the tally");
    all.execute("update votes set votes = ?1 / 2", [MINUTES]).expect("the votes");
    all.commit().expect("the commit");
}

fn fill_redis(address: &str, poll: PollId, first: i64) {
    let client = redis::Client::open(address).expect("an address");
    let mut connection = client.get_connection().expect("a connection");
    for chunk in (0..MINUTES).collect::<Vec<_>>().chunks(1_000) {
        let mut fill = redis::cmd("HSET");
        fill.arg(format!("sawt:{{{poll}.0}}:minutes"));
        for place in chunk {
            fill.arg(format!("{}:b", first + place)).arg(1).arg(format!("{}:{}", first + place, place % 2)).arg(1);
        }
        fill.query::<i64>(&mut connection).expect("the minutes");
    }
    let mut tally = redis::cmd("HSET");
    tally.arg(format!("sawt:{{{poll}.0}}:tally")).arg("version").arg(MINUTES).arg("ballots").arg(MINUTES);
    tally.arg("0").arg(MINUTES / 2).arg("1").arg(MINUTES / 2);
    tally.query::<i64>(&mut connection).expect("the tally");
}

async fn a_long_timeline_is_exact_and_is_never_held_as_a_whole() {
    for backend in [Backend::Sqlite, Backend::Redis] {
        let fixture = Fixture::on(backend).await;
        let client = Client::new(fixture.replica.address());
        client.get(&fixture.address_of("timeline")).send().await.is(200);
        let before = fixture.replica.peak_memory_kib();
        let table = client.get(&fixture.address_of("timeline.csv?interval=PT1M")).send().await;
        let grown = fixture.replica.peak_memory_kib().saturating_sub(before);
        fixture.check_whole(&table.body);
        let length = table.body.len() / 1024;
        assert!(length > 9_000 && grown < 4_000, "{backend:?}: {grown} KiB for a table of {length}");

        let days = client.get(&fixture.address_of("timeline?interval=P1D")).send().await.is(200);
        let days = days["buckets"].as_array().expect("buckets").clone();
        let whole = days.iter().filter(|day| day["ballots"] == 1_440 && day["votes"]["yes"] == 720).count();
        assert!((39..=40).contains(&whole) && (40..=41).contains(&days.len()), "{days:?}");
    }
}

/// It is summed from the minutes of the timeline.
async fn a_delayed_tally_is_what_the_poll_had_at_that_minute() {
    for backend in [Backend::Sqlite, Backend::Redis] {
        let fixture = Fixture::on(backend).await;
        let client = Client::new(fixture.replica.address());
        let edit = serde_json::json!({ "revision": 1, "display": "delayed" });
        let publisher = client.with_key(crate::server::ADMIN_KEY);
        publisher.patch(&format!("/v1/polls/{}", fixture.poll.id)).json(&edit).send().await.is(200);
        let told = client.get(&fixture.address_of("results")).send().await.is(200);
        let minute = crate::service::time(&told["as_of"]).as_millis() / 60_000;
        let (ballots, yes) = (minute - fixture.first, (minute - fixture.first + 1) / 2);
        assert_eq!(
            (&told["ballots"], &told["options"][0]["votes"]),
            (&ballots.into(), &yes.into()),
            "{backend:?}: {told}"
        );
        assert!((MINUTES - 5..MINUTES).contains(&ballots), "{backend:?}: {told}");
        let days = client.get(&fixture.address_of("timeline?interval=P1D")).send().await.is(200);
        let counted = days["buckets"].as_array().expect("buckets").iter().filter_map(|day| day["ballots"].as_i64());
        assert!(counted.sum::<i64>() >= ballots, "{backend:?}: {days}");
    }
}

/// What is said of half a poll must not look like all of it.
async fn a_timeline_whose_poll_is_deleted_on_the_way_does_not_end_as_if_it_were_whole() {
    for backend in [Backend::Sqlite, Backend::Redis] {
        let fixture = Fixture::on(backend).await;
        let (mut response, _) = fixture.begun().await;
        assert!(fixture.store.delete_poll(fixture.poll.id, &[]).await.expect("an answer"));
        let broken = loop {
            match response.chunk().await {
                Ok(Some(_)) => {}
                end => break end,
            }
        };
        assert!(broken.is_err(), "{backend:?}: it ended");
        let told = fixture.replica.log().wait_for(|line| line["message"] == "a timeline was cut off before its end");
        assert!(told.is_some(), "{backend:?}");
    }
}

async fn a_timeline_goes_on_after_the_store_was_away_for_a_moment() {
    let fixture = Fixture::on(Backend::Redis).await;
    let (mut response, mut table) = fixture.begun().await;
    fixture.storage.server().freeze();
    let client = Client::new(fixture.replica.address());
    let nobody = async || client.get("/v1/polls/01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21").send().await.status;
    let read_all = async {
        while let Some(piece) = response.chunk().await.expect("the next piece") {
            table.extend_from_slice(&piece);
        }
    };
    let outage = async {
        until(async || (nobody().await == 503).then_some(())).await;
        until(async || (nobody().await == 503).then_some(())).await;
        fixture.storage.server().thaw();
    };
    tokio::join!(read_all, outage);
    fixture.check_whole(&table);
}

/// Exports are many calls, and votes must not wait behind them: a replica reads a few pages at a time.
async fn any_number_of_long_timelines_are_sent_at_once() {
    let fixture = Fixture::on(Backend::Redis).await;
    let before = fixture.replica.peak_memory_kib();
    let exports = (0..8).map(|_| async {
        let (mut response, mut table) = fixture.begun().await;
        while let Some(piece) = response.chunk().await.expect("the next piece") {
            table.extend_from_slice(&piece);
        }
        table
    });
    for table in join_all(exports).await {
        fixture.check_whole(&table);
    }
    let grown = fixture.replica.peak_memory_kib().saturating_sub(before);
    assert!(grown < 20_000, "{grown} KiB for eight tables");
}

lone_rules![
    a_long_timeline_is_exact_and_is_never_held_as_a_whole,
    a_delayed_tally_is_what_the_poll_had_at_that_minute,
    a_timeline_whose_poll_is_deleted_on_the_way_does_not_end_as_if_it_were_whole,
    a_timeline_goes_on_after_the_store_was_away_for_a_moment,
    any_number_of_long_timelines_are_sent_at_once,
];
