//! A vote over HTTP: sawt on Redis, beside a bare echo and the hand-rolled peer.

use tempfile::TempDir;

use crate::{
    Effort,
    floor::{self, Floor},
    load::{self, Measured, Request},
    peer::{self, Peer},
    redis_server::RedisServer,
    sawt_server::{SECRET, Sawt, VOTE},
    table::{Table, median, number},
    voters::Voters,
};

/// A vote's name, and its request at an address.
type NamedVote = (&'static str, fn(&str) -> Request);

/// The vote of a reader who has a token, and the first vote of one who has none.
const VOTES: [NamedVote; 2] =
    [("A vote", |path| Request::vote(path, VOTE)), ("A reader's first vote", Request::first_vote)];

/// More votes than are cast in a second on any machine this was run on.
const MOST_PER_SEC: u64 = 150_000;

/// Measures and prints.
pub(crate) fn measure(effort: &Effort) {
    let voters = Voters::new(((effort.secs + 2) * MOST_PER_SEC) as usize, SECRET);
    let floor = Floor::start();
    let (redis, directory) = (RedisServer::start(), TempDir::new().expect("a temporary directory can be made"));
    let sawt = Sawt::start(&format!("redis://{}", redis.address()), directory.path());
    let peer = Peer::start();
    for (connections, (title, vote_at)) in effort.connections.iter().flat_map(|it| VOTES.map(|vote| (it, vote))) {
        let load = |address, request: &Request, meter: &dyn Fn() -> Vec<f64>| {
            load::run(effort, *connections, address, request, &voters, meter)
        };
        let (mut floors, mut sawts, mut peers) = (Vec::new(), Vec::new(), Vec::new());
        let mut batches = Vec::new();
        for _ in 0..effort.rounds {
            let echo = Request::vote(floor::ECHO, VOTE);
            floors.push(load(floor.address, &echo, &|| vec![floor.process.cpu_secs(), 0.0]));

            let vote = vote_at(&format!("{}/votes", sawt.make_poll()));
            let (calls, ballots) = sawt.batches();
            sawts.push(load(sawt.address, &vote, &|| vec![sawt.process.cpu_secs(), redis.cpu_secs()]));
            let (calls_after, ballots_after) = sawt.batches();
            batches.push((ballots_after - ballots) / (calls_after - calls));

            if let Ok(peer) = &peer {
                peer.forget();
                let vote = vote_at(peer::VOTE);
                peers.push(load(peer.nginx.address, &vote, &|| {
                    vec![peer.nginx.process.cpu_secs(), peer.redis.cpu_secs()]
                }));
            }
        }
        show(title, *connections, &floors, &sawts, &peers, median(batches));
    }
    if let Err(missing) = peer {
        println!("\n  The peer was left out: {missing}.");
    }
}

fn show(title: &str, connections: usize, floors: &[Measured], sawts: &[Measured], peers: &[Measured], batch: f64) {
    let per_sec = |runs: &[Measured]| median(runs.iter().map(|run| run.per_sec));
    let micros = |runs: &[Measured], place: usize| median(runs.iter().map(|run| run.micros[place]));
    let in_all = |runs: &[Measured]| median(runs.iter().map(|run| run.micros.iter().sum()));
    let mut table = Table::new(
        format!("{title}, over {connections} connections"),
        &["", "requests/s", "of floor", "CPU µs", "server", "Redis", "p50 ms", "p99 ms"],
    );
    let named = [("bare actix-web, JSON echo", floors), ("sawt on Redis", sawts), ("nginx + Lua + Redis", peers)];
    for (name, runs) in named {
        table.row(
            name,
            [
                per_sec(runs),
                per_sec(runs) / per_sec(floors),
                in_all(runs),
                micros(runs, 0),
                micros(runs, 1),
                median(runs.iter().map(|run| run.p50_ms)),
                median(runs.iter().map(|run| run.p99_ms)),
            ]
            .map(number),
        );
    }
    table.note(&format!("ballots per store call: {}", number(batch)));
    table.at_most("CPU µs of a vote, in all", in_all(sawts), 12.0);
    table.at_most("CPU µs of a vote, Redis", micros(sawts, 1), 4.0);
    table.at_least("requests/s beside the peer", per_sec(sawts) / per_sec(peers), 1.7);
    table.print();
}
