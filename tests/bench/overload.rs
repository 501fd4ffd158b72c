//! Five times as many votes as can be counted: what becomes of those that could have been.
//!
//! **The load.** Votes are first cast by as many connections as bring the most, one request in flight on each: that is
//! the peak, and the load that saturates. It is measured anew once it is known how many those are, since the highest of
//! several measurements is too high by chance. Then five times as many come by the clock (see [`flood`]), and what
//! counts is what was answered 201 before its reader gave up. A request shed with 503 is not useful, but costs its
//! reader no wait.
//!
//! **The machine.** The load shares it with what is loaded, and takes as much of it per request. Five times what the
//! whole machine can count could never be sent by a part of it. So what is loaded is slowed down: it gets a part of one
//! processor, by the system's signals, and the load has the rest of the machine.
//!
//! How much it gets of it varies by some percent from one moment to the next. So what is compared is what it counted
//! for each second of the processor's that it used.
//!
//! **Who sheds.** Where only the store is slow, as one is that others keep busy or that is far away, the service sees
//! it and sheds: there the load comes over thousands of connections with nothing before it. Where the service itself
//! is, to refuse four requests would cost more than to answer the fifth: there the load comes over as many connections
//! as `deploy/haproxy.cfg` keeps to a replica, and what has waited for one as long as it may wait there is refused as
//! it would be there.

use std::{thread, time::Duration};

use tempfile::TempDir;

use crate::{
    Effort,
    flood::{self, Fate, Fates, Flood},
    load::{self, Measured, Request, WARM_UP},
    redis_server::RedisServer,
    sawt_server::{SECRET, Sawt, VOTE},
    table::{Table, median, number},
    throttle::{Throttle, used_secs},
    voters::Voters,
};

/// The numbers of connections among which the one is that brings the most.
const CROWDS: [usize; 3] = [64, 256, 1_024];
/// How much more than the peak is asked for.
const TIMES: f64 = 5.0;
/// Over how many connections, where no proxy is in front of the service.
const WITHOUT_PROXY: usize = 4_096;
/// What a proxy is told in front of it.
const PROXY: &str = include_str!("../../deploy/haproxy.cfg");
/// How long a reader waits for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// More votes than come in a second.
const MOST_PER_SEC: u64 = 150_000;

/// What is slow, and how slow.
struct Stage {
    name: &'static str,
    is_on_redis: bool,
    is_store_alone: bool,
    time: Duration,
    every: Duration,
}

const STAGES: [Stage; 3] = [
    Stage {
        name: "a Redis that has a fiftieth of a processor",
        is_on_redis: true,
        is_store_alone: true,
        time: Duration::from_millis(1),
        every: Duration::from_millis(50),
    },
    Stage {
        name: "sawt and Redis, which have a fifth of a processor",
        is_on_redis: true,
        is_store_alone: false,
        time: Duration::from_millis(1),
        every: Duration::from_millis(5),
    },
    Stage {
        name: "sawt on SQLite, which has a fifth of a processor",
        is_on_redis: false,
        is_store_alone: false,
        time: Duration::from_millis(1),
        every: Duration::from_millis(5),
    },
];

/// Measures and prints.
pub(crate) fn measure(effort: &Effort) {
    let voters = Voters::new(((effort.secs + 2) * MOST_PER_SEC) as usize, SECRET);
    for stage in &STAGES {
        let directory = TempDir::new().expect("a temporary directory can be made");
        let redis = stage.is_on_redis.then(RedisServer::start);
        let store = redis.as_ref().map_or("sqlite:sawt.db".to_owned(), |redis| format!("redis://{}", redis.address()));
        let sawt = Sawt::start(&store, directory.path());
        let slow = redis.iter().map(RedisServer::id).chain((!stage.is_store_alone).then(|| sawt.process.id()));
        let slow: Vec<u32> = slow.collect();
        let mut rounds = Vec::new();
        for _ in 0..effort.rounds {
            let vote = || Request::vote(&format!("{}/votes", sawt.make_poll()), VOTE).that_may_be_shed();
            let requests = [(); CROWDS.len()].map(|()| vote());
            let [again, last] = [vote(), vote()];
            let _throttle = Throttle::on(&slow, stage.time, stage.every);
            let tried = CROWDS.into_iter().zip(&requests).map(|(crowd, request)| {
                (crowd, load::run(effort, crowd, sawt.address, request, &voters, Vec::new).per_sec)
            });
            let best = tried.max_by(|(_, one), (_, other)| one.total_cmp(other));
            let (crowd, _) = best.expect("there are several");
            let meter = || vec![used_secs(&slow)];
            let peak = load::run(effort, crowd, sawt.address, &again, &voters, meter);
            let (connections, queue) = stage.connections();
            let per_sec = peak.per_sec * TIMES;
            let flood = Flood { per_sec, secs: effort.secs, connections, answer_timeout: ANSWER_TIMEOUT, queue };
            let (fates, used) = thread::scope(|scope| {
                let used = scope.spawn(|| {
                    thread::sleep(WARM_UP);
                    let before = used_secs(&slow);
                    thread::sleep(Duration::from_secs(effort.secs));
                    used_secs(&slow) - before
                });
                (flood::run(flood, sawt.address, &last, &voters), used.join().expect("it is only read"))
            });
            let micros = used * 1e6 / fates.count(Fate::Useful);
            rounds.push(Round { peak, fates, micros });
        }
        show(stage, effort, &rounds);
    }
}

impl Stage {
    /// Over how many connections the load comes, and how long a request waits for one.
    fn connections(&self) -> (usize, Duration) {
        if self.is_store_alone {
            (WITHOUT_PROXY, ANSWER_TIMEOUT)
        } else {
            (said("maxconn "), Duration::from_millis(said("timeout queue ") as u64))
        }
    }
}

/// The number that follows this in the proxy's settings.
fn said(before: &str) -> usize {
    let (_, after) = PROXY.split_once(before).unwrap_or_else(|| panic!("{before}is not set in deploy/haproxy.cfg"));
    let digits = after.find(|character: char| !character.is_ascii_digit()).map_or(after, |end| &after[..end]);
    digits.parse().unwrap_or_else(|_| panic!("{before}has no number in deploy/haproxy.cfg"))
}

/// What one round came to.
struct Round {
    peak: Measured,
    fates: Fates,
    /// The processor's time for each useful answer of the flood.
    micros: f64,
}

fn show(stage: &Stage, effort: &Effort, rounds: &[Round]) {
    let columns = ["", "offered/s", "201/s", "503/s", "late/s", "unsent/s", "CPU µs/201", "p50 ms", "p99 ms"];
    let title = format!("Overload: {}, over {} connections", stage.name, stage.connections().0);
    let mut table = Table::new(title, &columns);
    let each = |figure: &dyn Fn(&Round) -> f64| median(rounds.iter().map(figure));
    let per_sec = |fate| each(&|round| round.fates.count(fate) / effort.secs as f64);
    let fates = [Fate::Useful, Fate::Shed, Fate::Late, Fate::Unsent].map(per_sec);
    let of_peak = |round: &Round| round.peak.micros.first().copied().unwrap_or(f64::NAN);
    let peak = [f64::NAN, each(&|round| round.peak.per_sec), f64::NAN, f64::NAN, f64::NAN, each(&of_peak)];
    table.row("the peak, closed loop", peak.map(number));
    let latencies = [0.5, 0.99].map(|part| each(&|round| round.fates.latency_ms(part)));
    let figures = [fates.iter().sum()].into_iter().chain(fates).chain([each(&|round| round.micros)]).chain(latencies);
    table.row("five times as many, open loop", figures.map(number));
    let goodput = each(&|round| of_peak(round) / round.micros);
    table.at_least("goodput at five times the saturating load beside the peak, for the same CPU time", goodput, 0.9);
    table.print();
}
