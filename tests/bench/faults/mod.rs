//! Votes while their store is killed, hangs, or moves: what becomes of those that were acknowledged.
//!
//! Readers vote on two replicas, and each sends the same vote again until it is acknowledged, as readers' browsers do.
//! Meanwhile the store is hurt as often as is asked for, each time until votes are acknowledged again and all of its
//! servers are well. In the end every vote is sent once more: one that was acknowledged and is counted only now had
//! been *lost*; and if there are more ballots then than voters, some were counted *twice*.
//!
//! *Silence* is the longest time without any acknowledgement around one fault: a failover takes at least as long as its
//! Sentinels or the cluster's nodes wait for a master before they give it up, which is a second here.

#[path = "../../sentinel.rs"]
mod sentinel;
mod servers;
mod stages;
mod votes;

use tempfile::TempDir;

use self::{
    servers::{Appends, Cluster, Server, Watched},
    stages::Faulty,
    votes::{Readers, Tolls},
};
use crate::{
    sawt_server::{SECRET, Sawt},
    table::{Table, median, number},
    voters::Voters,
};

/// What every server is told that lets its master write alone, and what lets it write with a replica only.
const ALONE: &[(&str, &str)] = &[];
const WITH_REPLICAS: &[(&str, &str)] = &[("min-replicas-to-write", "1"), ("min-replicas-max-lag", "2")];
/// More voters than vote in one stage.
const MOST_VOTERS: usize = 400_000;

/// Measures and prints.
pub(crate) fn measure(faults: usize, only: &str) {
    let columns = [
        "",
        "faults",
        "acknowledged",
        "lost",
        "twice",
        "silence s",
        "longest",
        "201",
        "200",
        "503",
        "500",
        "other",
        "cut",
    ];
    let mut table = Table::new("Faults: what becomes of acknowledged votes, and how votes were answered", &columns);
    let mut wrong = 0.0;
    let mut unkept = 0.0;
    for (name, keeps_all, stage) in stages().into_iter().filter(|(name, ..)| name.contains(only)) {
        let tolls = stage(faults);
        let silence = tolls.silences.iter().map(std::time::Duration::as_secs_f64);
        let longest = silence.clone().fold(0.0, f64::max);
        let counts = [tolls.acknowledged, tolls.lost, tolls.twice].map(|count| count as f64);
        let answers = tolls.answers.map(|count| count as f64);
        wrong += counts[2] + answers[3];
        unkept += if keeps_all { counts[1] } else { 0.0 };
        let figures = [tolls.silences.len() as f64].into_iter().chain(counts).chain([median(silence), longest]);
        table.row(name, figures.chain(answers).map(shown));
        // A run takes minutes, and may be cut short.
        println!("  {name}: {} acknowledged, {} lost, {} twice", tolls.acknowledged, tolls.lost, tolls.twice);
    }
    table.at_most("votes counted twice, and answers of 500", wrong, 0.0);
    table.at_most("acknowledged votes lost where the store keeps what it takes", unkept, 0.0);
    table.print();
}

/// A count as it is, and a time with three digits.
fn shown(figure: f64) -> String {
    if figure.fract() == 0.0 { format!("{figure:.0}") } else { number(figure) }
}

type Stage = (&'static str, bool, Box<dyn Fn(usize) -> Tolls>);

/// Every stage, and whether nothing that was acknowledged may be lost there.
fn stages() -> Vec<Stage> {
    let sentinel = |name, keeps_all, options: &'static [(&str, &str)], hurt: fn(&Watched, usize)| -> Stage {
        (name, keeps_all, Box::new(move |faults| on(&Watched::start(options), faults, hurt)))
    };
    vec![
        sentinel("Sentinel, kill -9", false, ALONE, stages::kill_master),
        sentinel("Sentinel, hang", false, ALONE, stages::hang_master),
        sentinel("Sentinel, replicas required, kill -9", true, WITH_REPLICAS, stages::kill_master),
        sentinel("Sentinel, replicas required, hang", true, WITH_REPLICAS, stages::hang_master),
        ("cluster, kill -9", false, Box::new(|faults| on(&Cluster::start(), faults, stages::kill_one))),
        ("cluster, slots move", true, Box::new(|faults| on(&Cluster::start(), faults, stages::move_slots))),
        (
            "Redis, appendfsync everysec, kill -9",
            false,
            Box::new(|faults| on(&Server::start_kept(Appends::EverySecond), faults, stages::restart)),
        ),
        (
            "Redis, appendfsync always, kill -9",
            true,
            Box::new(|faults| on(&Server::start_kept(Appends::Always), faults, stages::restart)),
        ),
        ("SQLite, kill -9 of sawt", true, Box::new(on_sqlite)),
    ]
}

/// Hurts a store under two replicas.
fn on<T: Faulty + Sync>(store: &T, faults: usize, hurt: fn(&T, usize)) -> Tolls {
    let directory = TempDir::new().expect("a temporary directory can be made");
    let sawts = [0, 1].map(|_| Sawt::start(&store.address(), directory.path()));
    let poll = sawts[0].make_poll();
    let readers = Readers::new(sawts.iter().map(|sawt| sawt.address).collect(), &poll);
    readers.vote_while(&Voters::new(MOST_VOTERS, SECRET), |readers| {
        for fault in 0..faults {
            readers.are_served();
            hurt(store, fault);
            readers.are_served();
            store.is_well();
            readers.note_silence();
        }
    })
}

/// Kills the replica itself, which is its store as well.
fn on_sqlite(faults: usize) -> Tolls {
    let directory = TempDir::new().expect("a temporary directory can be made");
    let start = || Sawt::start("sqlite:sawt.db", directory.path());
    let mut sawt = start();
    let poll = sawt.make_poll();
    let readers = Readers::new(vec![sawt.address], &poll);
    readers.vote_while(&Voters::new(MOST_VOTERS, SECRET), |readers| {
        for _ in 0..faults {
            readers.are_served();
            sawt.process.signal("KILL");
            sawt = start();
            readers.go_to(vec![sawt.address]);
            readers.are_served();
            readers.note_silence();
        }
    })
}
