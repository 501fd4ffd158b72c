//! Batches of ballots given to each store, beside the least that keeping them there costs.

use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{
    Effort,
    ballots::{Figures, store_alone},
    process::own_cpu_secs,
    redis_server::RedisServer,
    table::{Table, median, number},
};

const BATCHES: [u64; 5] = [1, 4, 16, 64, 256];
/// How long one batch size is given to one store.
const EACH: Duration = Duration::from_secs(1);

/// Measures and prints.
pub(crate) fn measure(effort: &Effort) {
    let redis = RedisServer::start();
    show(
        "Votes kept in Redis, one batch after the other (floor: HSETNX, pipelined)",
        effort,
        |batch| store_alone(&format!("redis://{}", redis.address()), batch, EACH, &|| redis.cpu_secs()),
        |batch| bare_redis(&redis, batch),
    );
    let directory = TempDir::new().expect("a temporary directory can be made");
    let file = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    show(
        "Votes kept in SQLite, one batch after the other (floor: INSERT of voter and choice, a transaction per batch)",
        effort,
        |batch| store_alone(&format!("sqlite:{}", file("sawt.db")), batch, EACH, &|| 0.0),
        |batch| bare_sqlite(&file("bare.db"), batch),
    );
}

fn show(title: &str, effort: &Effort, sawt: impl Fn(u64) -> Figures, floor: impl Fn(u64) -> Figures) {
    let columns =
        ["ballots per batch", "votes/s", "of floor", "CPU µs", "of it Redis", "floor votes/s", "CPU µs", "of it Redis"];
    let mut table = Table::new(title, &columns);
    for batch in BATCHES {
        let (floors, sawts): (Vec<_>, Vec<_>) = (0..effort.rounds).map(|_| (floor(batch), sawt(batch))).unzip();
        let of = |runs: &[Figures], figure: fn(&Figures) -> f64| median(runs.iter().map(figure));
        let (per_sec, floor_per_sec) = (of(&sawts, |run| run.per_sec), of(&floors, |run| run.per_sec));
        let figures = [
            per_sec,
            per_sec / floor_per_sec,
            of(&sawts, |run| run.micros),
            of(&sawts, |run| run.store_micros),
            floor_per_sec,
            of(&floors, |run| run.micros),
            of(&floors, |run| run.store_micros),
        ];
        table.row(&batch.to_string(), figures.map(number));
    }
    table.print();
}

fn bare_redis(redis: &RedisServer, batch: u64) -> Figures {
    let mut connection = redis.connect();
    redis::cmd("DEL").arg("bare").query::<()>(&mut connection).expect("Redis forgets");
    let redis_before = redis.cpu_secs();
    bare(
        batch,
        |first| {
            let mut pipeline = redis::pipe();
            for voter in first..first + batch {
                pipeline.cmd("HSETNX").arg("bare").arg(&scattered(voter)).arg("0").ignore();
            }
            pipeline.query::<()>(&mut connection).expect("Redis keeps it");
        },
        || redis.cpu_secs() - redis_before,
    )
}

fn bare_sqlite(path: &str, batch: u64) -> Figures {
    let mut db = rusqlite::Connection::open(path).expect("the file can be opened");
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; DROP TABLE IF EXISTS bare; \
         CREATE TABLE bare (voter BLOB PRIMARY KEY, choice INTEGER) WITHOUT ROWID;",
    )
    .expect("the table can be made");
    bare(
        batch,
        |first| {
            let transaction = db.transaction().expect("it can begin");
            {
                let mut insert =
                    transaction.prepare_cached("INSERT OR IGNORE INTO bare VALUES (?1, 0)").expect("it is SQL");
                for voter in first..first + batch {
                    insert.execute([scattered(voter)]).expect("SQLite keeps it");
                }
            }
            transaction.commit().expect("it can end");
        },
        || 0.0,
    )
}

/// Keeps batches for a while.
fn bare(batch: u64, mut keep: impl FnMut(u64), redis_secs: impl Fn() -> f64) -> Figures {
    let (begun, cpu_secs) = (Instant::now(), own_cpu_secs());
    let mut count = 0;
    while begun.elapsed() < EACH {
        keep(count);
        count += batch;
    }
    Figures::of(count, begun.elapsed(), own_cpu_secs() - cpu_secs, redis_secs())
}

/// Eight bytes in no order, as digests are.
fn scattered(voter: u64) -> [u8; 8] {
    voter.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()
}
