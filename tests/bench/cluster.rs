//! One hot poll on a cluster: how evenly its ballots fall on the masters, and what a ballot costs them.

use std::{path::Path, process::Command};

use futures_util::future::join_all;
use sawt::poll::Ballot;

use crate::{
    ballots::{Ground, runtime},
    callgrind::{self, Counts},
    process::{free_port, wait_for},
    redis_server::RedisServer,
    report,
    table::{Table, median, number},
};

/// How many masters the clusters have.
const MASTERS: [usize; 4] = [1, 2, 3, 6];
const POLLS: usize = 20;
/// How many ballots a poll has: of six masters' shares, chance alone keeps each within a few hundredths of an even one.
const BALLOTS: u64 = 12_000;
/// How many ballots a poll has before its instructions are counted, and how many are.
const BEFORE: u64 = 7_200;
const COUNTED: u64 = 3_600;
/// How many ballots there are in a call of the store.
const BATCH: usize = 60;
/// The most, and so the least, that a master may have of an even share of a poll's ballots.
const UNEVEN: f64 = 0.1;
const HASH_SLOTS: usize = 16_384;

/// What a cluster with so many masters came to.
struct Figures {
    /// The shares of the masters that had least and most of any poll's ballots, in even ones.
    least: f64,
    most: f64,
    /// How many votes of one poll the busiest master has time for in a second.
    per_sec: f64,
    /// Of all masters together, for each vote; `NaN` if they are not counted.
    instructions: f64,
}

/// Measures and prints.
pub(crate) fn measure() {
    let title = format!("One poll on a cluster; the worst of {POLLS} polls");
    let columns =
        ["masters", "least, of an even share", "most", "votes/s of the busiest's time", "Redis instructions per vote"];
    let mut table = Table::new(title, &columns);
    let figures = MASTERS.map(|masters| (masters, of(masters)));
    for (masters, Figures { least, most, per_sec, instructions }) in &figures {
        table.row(&masters.to_string(), [*least, *most, *per_sec, *instructions].map(number));
    }
    for (masters, Figures { least, most, .. }) in &figures {
        table.at_most(&format!("the busiest of {masters}, of an even share"), *most, 1.0 + UNEVEN);
        table.at_least(&format!("the idlest of {masters}"), *least, 1.0 - UNEVEN);
    }
    let instructions = || figures.iter().map(|(_, figures)| figures.instructions);
    let (fewest, most) = (instructions().fold(f64::INFINITY, f64::min), instructions().fold(0.0, f64::max));
    table.at_most("instructions per vote, the most of the fewest", most / fewest, 1.0 + UNEVEN);
    if !callgrind::is_installed() {
        table.note("Instructions were not counted: `apt-get install valgrind` brings what does.");
    }
    table.print();
    let named: Vec<(String, f64)> = figures.iter().flat_map(|(masters, figures)| named(*masters, figures)).collect();
    report::write("cluster", &named.iter().map(|(name, figure)| (name.as_str(), *figure)).collect::<Vec<_>>());
}

fn named(masters: usize, figures: &Figures) -> [(String, f64); 4] {
    [
        ("least ballots of a master, % of an even share", figures.least * 100.0),
        ("most ballots of a master, % of an even share", figures.most * 100.0),
        ("votes per second of the busiest master's time", figures.per_sec),
        ("Redis instructions per vote", figures.instructions),
    ]
    .map(|(name, figure)| (format!("{masters} masters: {name}"), figure))
}

fn of(masters: usize) -> Figures {
    let (least, most, per_sec) = shares(masters);
    let instructions = if callgrind::is_installed() { instructions(masters) } else { f64::NAN };
    Figures { least, most, per_sec, instructions }
}

/// The least and the greatest share of a master in any poll, and the votes per second of the busiest one's time.
fn shares(masters: usize) -> (f64, f64, f64) {
    let cluster = Cluster::start((0..masters).map(|_| Command::new("redis-server")).collect());
    let cpu_secs = || cluster.masters.iter().map(RedisServer::cpu_secs).collect::<Vec<f64>>();
    let (mut least, mut most, mut per_sec) = (f64::INFINITY, 0_f64, Vec::new());
    runtime().block_on(async {
        for _ in 0..POLLS {
            let ground = Ground::in_partitions(&cluster.address(), None).await;
            let ballots = by_partition(&ground, 0, BALLOTS);
            let before = cpu_secs();
            cast(&ground, &ballots).await;
            let busiest = cpu_secs().iter().zip(&before).map(|(after, before)| after - before).fold(0.0, f64::max);
            per_sec.push(BALLOTS as f64 / busiest);
            let even = BALLOTS as f64 / masters as f64;
            let shares: Vec<f64> = cluster.masters.iter().map(|master| ballots_on(master, &ground) / even).collect();
            let sum: f64 = shares.iter().sum::<f64>() * even;
            assert!((sum - BALLOTS as f64).abs() < 0.5, "{sum} of {BALLOTS} ballots were counted");
            least = shares.iter().copied().fold(least, f64::min);
            most = shares.iter().copied().fold(most, f64::max);
        }
    });
    (least, most, median(per_sec))
}

/// What all masters together execute for a vote.
fn instructions(masters: usize) -> f64 {
    let counts: Vec<Counts> = (0..masters).map(|place| Counts::of(&format!("cluster/{masters}/{place}"))).collect();
    let commands = counts.iter().map(|counts| counts.command(Path::new("redis-server"))).collect();
    let cluster = Cluster::start(commands);
    for (counts, master) in counts.iter().zip(&cluster.masters) {
        counts.rest(master.process());
    }
    runtime().block_on(async {
        let ground = Ground::in_partitions(&cluster.address(), None).await;
        cast(&ground, &by_partition(&ground, 0, BEFORE)).await;
        let ballots = by_partition(&ground, BEFORE, COUNTED);
        let watches: Vec<_> =
            counts.iter().zip(&cluster.masters).map(|(counts, master)| counts.watch(master.process())).collect();
        cast(&ground, &ballots).await;
        watches.into_iter().map(|watch| watch.end("vote")).sum::<f64>() / COUNTED as f64
    })
}

/// The ballots of so many voters from this one on, those of each partition by themselves.
fn by_partition(ground: &Ground, first: u64, count: u64) -> Vec<Vec<Ballot>> {
    let mut partitions = vec![Vec::new(); ground.poll.partitions.count().into()];
    for ballot in ground.ballots(first, count) {
        partitions[usize::from(ballot.voter.partition)].push(ballot);
    }
    partitions
}

/// Casts the ballots of all partitions at the same time, each in batches.
async fn cast(ground: &Ground, partitions: &[Vec<Ballot>]) {
    let partitions = partitions.iter().map(|ballots| async move {
        for batch in ballots.chunks(BATCH) {
            ground.cast(batch).await;
        }
    });
    join_all(partitions).await;
}

/// How many of a poll's ballots one master has counted.
fn ballots_on(master: &RedisServer, ground: &Ground) -> f64 {
    let mut connection = master.connect();
    let pattern = format!("sawt:{{{}.*:tally", ground.poll.id);
    let keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query(&mut connection).expect("Redis tells");
    let ballots = |key: &String| {
        redis::cmd("HGET").arg(key).arg("ballots").query::<f64>(&mut connection).expect("a tally has ballots")
    };
    keys.iter().map(ballots).sum()
}

/// Masters that share the hash slots evenly, without replicas. `redis-cli` makes none of fewer than three.
struct Cluster {
    masters: Vec<RedisServer>,
}

impl Cluster {
    /// Starts one by a command for each master.
    fn start(commands: Vec<Command>) -> Self {
        let ports: Vec<u16> = commands.iter().map(|_| free_port()).collect();
        let start = |(mut command, port): (Command, &u16)| {
            command.args(["--cluster-enabled", "yes", "--cluster-port", &port.to_string()]);
            // Counted, they are slow to answer each other.
            command.args(["--cluster-node-timeout", "60000"]);
            RedisServer::start_by(command)
        };
        let masters: Vec<RedisServer> = commands.into_iter().zip(&ports).map(start).collect();
        let tell = |master: &RedisServer, words: &[&str]| {
            redis::cmd("CLUSTER").arg(words).query::<()>(&mut master.connect()).expect("Redis does as it is told");
        };
        for (place, master) in masters.iter().enumerate() {
            let [first, after] = [place, place + 1].map(|place| place * HASH_SLOTS / masters.len());
            tell(master, &["SET-CONFIG-EPOCH", &(place + 1).to_string()]);
            tell(master, &["ADDSLOTSRANGE", &first.to_string(), &(after - 1).to_string()]);
        }
        for (other, bus) in masters.iter().zip(&ports).skip(1) {
            let (host, port) = other.address().rsplit_once(':').expect("host and port");
            tell(&masters[0], &["MEET", host, port, &bus.to_string()]);
        }
        let is_whole = |master: &RedisServer| {
            let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut master.connect()).expect("Redis tells");
            let knows_all = format!("cluster_size:{}\r", masters.len());
            info.contains("cluster_state:ok") && info.contains(&knows_all)
        };
        wait_for("the cluster", || masters.iter().all(is_whole).then_some(()));
        Self { masters }
    }

    fn address(&self) -> String {
        let nodes: Vec<&str> = self.masters.iter().map(RedisServer::address).collect();
        format!("redis-cluster://{}", nodes.join(","))
    }
}
