//! Event streams: many readers of one poll on one replica, beside nginx with nchan; and how long a vote takes from one
//! replica to the readers of the others.

use std::{
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    Effort,
    load::{self, Request},
    nchan,
    process::{Process, most_open_files},
    publisher::{Publication, Publisher, at_pace},
    readers::Readers,
    redis_server::RedisServer,
    sawt_server::{SECRET, Sawt, VOTE},
    table::{Table, median, number},
    voters::Voters,
};

/// How many readers there are, if as many files may be open.
const READERS: usize = 10_000;
/// How many events there are each second for each reader.
const PACE: Duration = Duration::from_millis(250);
/// How long streams are let alone once they are open, before their memory is looked at.
const REST: Duration = Duration::from_secs(1);

/// How often somebody votes while all of them watch: at no fixed distance from the events.
const VOTES_EVERY: Duration = Duration::from_millis(7);

/// How many readers each of the other replicas has.
const READERS_ELSEWHERE: usize = 500;
/// How many connections vote on the same poll meanwhile.
const VOTERS_MEANWHILE: usize = 16;

/// Measures and prints.
pub(crate) fn measure(effort: &Effort) {
    // Files for the other things a process has open.
    let count = READERS.min(most_open_files().saturating_sub(1_000));
    one_replica(effort, count);
    votes_meanwhile(effort, count);
    three_replicas(effort);
}

/// What the streams of one round came to.
struct Round {
    open_secs: f64,
    cpu_micros: f64,
    kib_each: f64,
    /// From each publication to each reader, in milliseconds.
    reached: Vec<Vec<f64>>,
}

fn one_replica(effort: &Effort, count: usize) {
    let (redis, directory) = (RedisServer::start(), TempDir::new().expect("a temporary directory can be made"));
    let mut missing = None;
    let voters = Voters::new(effort.secs as usize * 4 + 4, SECRET);
    let publications = (effort.secs * 1_000) as usize / PACE.as_millis() as usize;
    let (mut sawts, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        // Both are started anew each time: memory that has grown once stays with a process.
        let sawt = Sawt::start(&format!("redis://{}", redis.address()), directory.path());
        let poll = sawt.make_poll();
        let mut publisher = Publisher::to(sawt.address);
        sawts.push(round(count, &sawt.process, Some(&redis), sawt.address, &format!("{poll}/live"), publications, {
            |place| publisher.vote(&poll, &voters, place)
        }));
        match nchan::start() {
            Ok(peer) => {
                let (mut publisher, mut version) = (Publisher::to(peer.address), 0);
                peers.push(round(count, &peer.process, None, peer.address, nchan::STREAM, publications, |_| {
                    version += 1;
                    publisher.message(nchan::PUBLISH, version)
                }));
            }
            Err(reason) => missing = Some(reason),
        }
    }
    let title =
        format!("{} streams of one poll, {} events a second each", number(count as f64), 1_000 / PACE.as_millis());
    let mut table = Table::new(
        title,
        &["", "CPU µs/event", "KiB/stream", "p50 ms", "p99 ms", "to the last reader p50", "p99 ms", "opened/s"],
    );
    for (name, rounds) in [("sawt on Redis", &sawts), ("nginx + nchan", &peers)] {
        table.row(name, figures(rounds, count).map(number));
    }
    let ([cpu_micros, kib_each, _, _, _, to_last, _], [peers_cpu_micros, ..]) =
        (figures(&sawts, count), figures(&peers, count));
    table.at_most("CPU µs per event, beside the peer's", cpu_micros / peers_cpu_micros, 1.0);
    table.at_most("KiB per stream", kib_each, 8.0);
    table.at_most("from a vote to the last screen, p99 ms", to_last, 250.0);
    if let Some(missing) = missing {
        table.note(&format!("The peer was left out: {missing}."));
    }
    if count < READERS {
        table.note("There would be more streams if more files might be open: `ulimit -n 65536`.");
    }
    table.print();
}

fn figures(rounds: &[Round], count: usize) -> [f64; 7] {
    let all = || rounds.iter().flat_map(|round| &round.reached);
    let each: Vec<f64> = all().flatten().copied().collect();
    let last: Vec<f64> = all().map(|reached| reached.iter().copied().fold(0.0, f64::max)).collect();
    [
        median(rounds.iter().map(|round| round.cpu_micros)),
        median(rounds.iter().map(|round| round.kib_each)),
        part(&each, 0.5),
        part(&each, 0.99),
        part(&last, 0.5),
        part(&last, 0.99),
        median(rounds.iter().map(|round| count as f64 / round.open_secs)),
    ]
}

/// The figure that so large a part of all keeps to.
fn part(figures: &[f64], part: f64) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    let place = (figures.len() as f64 * part) as usize;
    figures.get(place.min(figures.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// Opens the streams, publishes, waits until everybody has seen the last, and closes them.
fn round(
    count: usize,
    process: &Process,
    redis: Option<&RedisServer>,
    address: std::net::SocketAddr,
    path: &str,
    publications: usize,
    mut publish: impl FnMut(usize) -> Publication,
) -> Round {
    // What the first streams make it allocate for good is no stream's.
    let few = Readers::open(100, address, path);
    // The peer now and then forgets a reader who was just coming when it published.
    thread::sleep(REST);
    let (version, _) = publish(0);
    few.wait_for_version(version);
    drop(few);
    let before = process.proportional_kib();
    let begun = Instant::now();
    let readers = Readers::open(count, address, path);
    let open_secs = begun.elapsed().as_secs_f64();
    thread::sleep(REST);
    let kib_each = (process.proportional_kib() - before) / count as f64;
    let cpu = || process.cpu_secs() + redis.map_or(0.0, RedisServer::cpu_secs);
    let (cpu_before, events_before) = (cpu(), readers.events());
    let published = at_pace(publications, PACE, |place| publish(place + 1));
    let (last, _) = published.last().expect("something was published");
    readers.wait_for_version(*last);
    let cpu_secs = cpu() - cpu_before;
    let events = (readers.events() - events_before) as f64;
    let reached = readers.close(&published);
    Round { open_secs, cpu_micros: cpu_secs * 1e6 / events, kib_each, reached }
}

/// Votes by the clock in a poll that so many watch: what each waits while everybody is told of those before it.
fn votes_meanwhile(effort: &Effort, count: usize) {
    let (redis, directory) = (RedisServer::start(), TempDir::new().expect("a temporary directory can be made"));
    let sawt = Sawt::start(&format!("redis://{}", redis.address()), directory.path());
    let votes = (effort.secs * 1_000) as usize / VOTES_EVERY.as_millis() as usize;
    let voters = Voters::new(votes, SECRET);
    let columns = ["", "p50 ms", "p99 ms", "longest ms"];
    let mut table = Table::new(format!("A vote every {} ms, watched", VOTES_EVERY.as_millis()), &columns);
    for watched_by in [0, count] {
        let poll = sawt.make_poll();
        let _readers = Readers::open(watched_by, sawt.address, &format!("{poll}/live"));
        let mut publisher = Publisher::to(sawt.address);
        let answered = at_pace(votes, VOTES_EVERY, |place| {
            let (_, sent_at) = publisher.vote(&poll, &voters, place);
            sent_at.elapsed().as_secs_f64() * 1e3
        });
        let name = format!("by {} streams", number(watched_by as f64));
        table.row(&name, [0.5, 0.99, 1.0].map(|of_all| number(part(&answered, of_all))));
    }
    table.print();
}

/// Votes at one replica of three, to the readers of the two others.
fn three_replicas(effort: &Effort) {
    let (redis, directory) = (RedisServer::start(), TempDir::new().expect("a temporary directory can be made"));
    let replicas = [(); 3].map(|()| Sawt::start(&format!("redis://{}", redis.address()), directory.path()));
    let poll = replicas[0].make_poll();
    // The last ones are the publisher's, and the others vote meanwhile, as long as there are any.
    let samples = (effort.secs * 1_000) as usize / PACE.as_millis() as usize;
    let voters = Voters::new((effort.secs as usize + 4) * 100_000, SECRET);
    let path = format!("{poll}/live");
    let readers: Vec<Readers> =
        replicas[1..].iter().map(|replica| Readers::open(READERS_ELSEWHERE, replica.address, &path)).collect();
    let mut reached = Vec::new();
    let mut votes_per_sec = 0.0;
    thread::scope(|scope| {
        let request = Request::vote(&format!("{poll}/votes"), VOTE);
        let (address, voters) = (replicas[0].address, &voters);
        let load =
            scope.spawn(move || load::run(effort, VOTERS_MEANWHILE, address, &request, voters, || vec![0.0]).per_sec);
        thread::sleep(Duration::from_millis(500));
        let mut publisher = Publisher::to(replicas[0].address);
        let published = at_pace(samples, PACE, |place| publisher.vote(&poll, voters, voters.count() - 1 - place));
        votes_per_sec = load.join().expect("the load ends");
        let last = published.last().expect("something was published").0;
        for readers in readers {
            readers.wait_for_version(last);
            reached.extend(readers.close(&published));
        }
    });
    let each: Vec<f64> = reached.into_iter().flatten().collect();
    let mut table = Table::new(
        format!("A vote at one replica of three, to {READERS_ELSEWHERE} readers at each of the others"),
        &["", "votes/s meanwhile", "p50 ms", "p99 ms", "longest ms"],
    );
    table.row("on one Redis", [votes_per_sec, part(&each, 0.5), part(&each, 0.99), part(&each, 1.0)].map(number));
    table.at_most("to the readers of other replicas, p99 ms", part(&each, 0.99), 500.0);
    table.print();
}
