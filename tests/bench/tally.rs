//! A tally read over HTTP, beside a bare answer that is always the same.

use tempfile::TempDir;

use crate::{
    Effort,
    floor::{self, Floor},
    load::{self, Measured, Request},
    redis_server::RedisServer,
    sawt_server::{SECRET, Sawt},
    table::{Table, median, number},
    voters::Voters,
};

/// Measures and prints.
pub(crate) fn measure(effort: &Effort) {
    let voters = Voters::new(1, SECRET);
    let floor = Floor::start();
    let (redis, directory) = (RedisServer::start(), TempDir::new().expect("a temporary directory can be made"));
    let sawt = Sawt::start(&format!("redis://{}", redis.address()), directory.path());
    let poll = sawt.make_poll();
    sawt.vote(&poll, &voters);
    for connections in &effort.connections {
        let load = |address, request: &Request, meter: &dyn Fn() -> Vec<f64>| {
            load::run(effort, *connections, address, request, &voters, meter)
        };
        let (mut floors, mut sawts) = (Vec::new(), Vec::new());
        for _ in 0..effort.rounds {
            let fixed = Request::read(floor::STATIC);
            floors.push(load(floor.address, &fixed, &|| vec![floor.process.cpu_secs(), 0.0, 0.0]));
            let results = Request::read(&format!("{poll}/results"));
            let meter = || vec![sawt.process.cpu_secs(), redis.cpu_secs(), redis.commands() / 1e6];
            sawts.push(load(sawt.address, &results, &meter));
        }
        show(*connections, &floors, &sawts);
    }
}

fn show(connections: usize, floors: &[Measured], sawts: &[Measured]) {
    let per_sec = |runs: &[Measured]| median(runs.iter().map(|run| run.per_sec));
    let each = |runs: &[Measured], place: usize| median(runs.iter().map(|run| run.micros[place]));
    let mut table = Table::new(
        format!("A tally, over {connections} connections"),
        &["", "requests/s", "of floor", "CPU µs", "Redis µs", "Redis commands", "p50 ms", "p99 ms"],
    );
    for (name, runs) in [("bare actix-web, always the same", floors), ("sawt on Redis", sawts)] {
        table.row(
            name,
            [
                per_sec(runs),
                per_sec(runs) / per_sec(floors),
                each(runs, 0),
                each(runs, 1),
                each(runs, 2),
                median(runs.iter().map(|run| run.p50_ms)),
                median(runs.iter().map(|run| run.p99_ms)),
            ]
            .map(number),
        );
    }
    table.at_least("requests/s beside the bare answer", per_sec(sawts) / per_sec(floors), 0.95);
    table.at_most("Redis commands per tally", each(sawts, 2), 0.01);
    table.print();
}
