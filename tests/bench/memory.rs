//! Bytes per voter in Redis, beside the obvious way to keep voters: one hash of them all.

use sawt::poll::Kind;

use crate::{
    ballots::{Ground, runtime},
    redis_server::RedisServer,
    table::{Table, number},
};

const BATCH: u64 = 64;

/// How many voters, and the most bytes that each should take.
const STEPS: [(u64, Option<f64>); 4] =
    [(1_000, None), (20_000, Some(24.0)), (100_000, Some(16.0)), (1_000_000, Some(16.0))];

/// Measures and prints.
pub(crate) fn measure() {
    let (packed, plain) = (RedisServer::start(), RedisServer::start());
    let title = "Bytes per voter in Redis: what the whole server holds more than with an empty poll";
    let mut table =
        Table::new(title, &["voters", "sawt", "of it ballots (MEMORY USAGE)", "one hash of all", "sawt / one hash"]);
    runtime().block_on(async {
        let address = format!("redis://{}", packed.address());
        // A first poll makes Redis load the scripts and size its buffers; they cost the same for any number of voters.
        let first = Ground::new(&address).await;
        vote(&first, 0, 1_000).await;
        first.store.delete_poll(first.poll.id, &[]).await.expect("the store answers");
        keep_plainly(&plain, &first, 0, BATCH);
        redis::cmd("FLUSHALL").query::<()>(&mut plain.connect()).expect("Redis forgets");

        let ground = Ground::new(&address).await;
        let (empty, plain_empty) = (packed.used_memory(), plain.used_memory());
        let mut voted = 0;
        for (voters, bound) in STEPS {
            vote(&ground, voted, voters).await;
            keep_plainly(&plain, &ground, voted, voters);
            voted = voters;
            let each = |bytes: f64| bytes / voters as f64;
            let (sawt, plain) = (each(packed.used_memory() - empty), each(plain.used_memory() - plain_empty));
            let usage = each(usage(&packed, &ground));
            table.row(&number(voters as f64), [sawt, usage, plain, sawt / plain].map(number));
            if let Some(bound) = bound {
                table.at_most(&format!("bytes per voter at {}", number(voters as f64)), sawt, bound);
            }
        }
    });
    table.print();
    measure_kinds();
}

/// What a voter takes by the kind of their poll, beside a single choice. A ranked ballot has a byte for each rank, and
/// two in all.
fn measure_kinds() {
    let mut table =
        Table::new("Bytes per voter in Redis, by what their ballot is, of 100,000", &["", "bytes", "more than single"]);
    let options: Vec<String> = (0..15).map(|place| format!("o{place}")).collect();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let single = bytes_of(Kind::Single, &options, &options[..1]);
    table.row("single", [single, 0.0].map(number));
    for (name, kind, options, named) in [
        ("multiple, 1", Kind::Multiple, &options[..], &options[..1]),
        ("multiple, the last 2", Kind::Multiple, &options, &options[13..]),
        ("rating", Kind::Rating, &[], &["5"]),
        ("reaction", Kind::Reaction, &options[..5], &options[..1]),
        ("ranked, 1", Kind::Ranked, &options, &options[..1]),
        ("ranked, 2", Kind::Ranked, &options, &options[..2]),
        ("ranked, 5", Kind::Ranked, &options, &options[..5]),
        ("ranked, 15", Kind::Ranked, &options, &options),
    ] {
        let bytes = bytes_of(kind, options, named);
        table.row(name, [bytes, bytes - single].map(number));
    }
    table.print();
}

/// The bytes that a voter takes who names these of these options.
fn bytes_of(kind: Kind, options: &[&str], named: &[&str]) -> f64 {
    const VOTERS: u64 = 100_000;
    let redis = RedisServer::start();
    runtime().block_on(async {
        let address = format!("redis://{}", redis.address());
        let ground = Ground::of_kind(&address, Some(1), kind, options).await;
        // Scripts and buffers come with the first.
        ground.cast(&ground.ballots_for(named, VOTERS, BATCH)).await;
        let before = redis.used_memory();
        for first in (0..VOTERS).step_by(BATCH as usize) {
            ground.cast(&ground.ballots_for(named, first, BATCH.min(VOTERS - first))).await;
        }
        (redis.used_memory() - before) / VOTERS as f64
    })
}

async fn vote(ground: &Ground, from: u64, to: u64) {
    for first in (from..to).step_by(BATCH as usize) {
        ground.cast(&ground.ballots(first, BATCH.min(to - first))).await;
    }
}

/// The same digests as fields of one hash.
fn keep_plainly(redis: &RedisServer, ground: &Ground, from: u64, to: u64) {
    let mut connection = redis.connect();
    for first in (from..to).step_by(1_000) {
        let mut command = redis::cmd("HSET");
        command.arg("voters");
        for ballot in ground.ballots(first, 1_000.min(to - first)) {
            command.arg(&ballot.voter.field).arg("0");
        }
        command.query::<()>(&mut connection).expect("Redis keeps it");
    }
}

/// What Redis says that the poll's ballots take, key by key.
fn usage(redis: &RedisServer, ground: &Ground) -> f64 {
    let mut connection = redis.connect();
    let pattern = format!("sawt:{{{}.*}}:voters:*", ground.poll.id);
    let mut scan = redis::cmd("SCAN");
    scan.cursor_arg(0).arg("MATCH").arg(pattern).arg("COUNT").arg(1_000);
    let keys: Vec<String> =
        scan.iter(&mut connection).expect("Redis tells").collect::<Result<_, _>>().expect("Redis tells");
    let mut pipeline = redis::pipe();
    for key in keys {
        pipeline.cmd("MEMORY").arg("USAGE").arg(key).arg("SAMPLES").arg(0);
    }
    pipeline.query::<Vec<f64>>(&mut connection).expect("Redis tells").iter().sum()
}
