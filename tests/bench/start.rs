//! From start to ready, and memory at rest.

use std::{thread, time::Duration};

use tempfile::TempDir;

use crate::{
    Effort,
    floor::Floor,
    redis_server::RedisServer,
    sawt_server::Sawt,
    table::{Table, median, number},
};

/// How often each is started in a round.
const STARTS: usize = 3;
/// How long a replica is let alone before its memory is looked at.
const REST: Duration = Duration::from_secs(1);

/// Measures and prints.
pub(crate) fn measure(effort: &Effort) {
    let redis = RedisServer::start();
    let on_redis = format!("redis://{}", redis.address());
    let mut table = Table::new("From start to ready, and memory at rest", &["", "ready after ms", "resident MiB"]);
    for (name, store) in [("sawt on a new SQLite file", "sqlite:sawt.db"), ("sawt on Redis", on_redis.as_str())] {
        let (millis, mib): (Vec<_>, Vec<_>) = (0..effort.rounds * STARTS)
            .map(|_| {
                let directory = TempDir::new().expect("a temporary directory can be made");
                let sawt = Sawt::start(store, directory.path());
                thread::sleep(REST);
                (sawt.ready_after.as_secs_f64() * 1e3, sawt.process.resident_mib())
            })
            .unzip();
        let (millis, mib) = (median(millis), median(mib));
        table.row(name, [millis, mib].map(number));
        table.at_most(&format!("{name}, ready after ms"), millis, 150.0);
        table.at_most(&format!("{name}, resident MiB"), mib, 20.0);
    }
    let floor = Floor::start();
    thread::sleep(REST);
    table.row("bare actix-web", [f64::NAN, floor.process.resident_mib()].map(number));
    table.print();
}
