//! A vote without HTTP: what voting makes of it, beside the store alone given batches of the same size.

use std::{
    borrow::Cow,
    cell::Cell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use sawt::{
    clock::Clock,
    config::Config,
    live::{Hub, StreamLimiter},
    poll::{Label, VoterId},
    quota::{QuotaLimiter, Subject, local::Uptime},
    secret::Secret,
    telemetry::Metrics,
    views::ViewCounts,
    voting::{BallotRequest, Caster, ReplicaVoting, VoteOutcome, Voting},
    wire::PositionKeys,
};
use tempfile::TempDir;
use tokio::task::LocalSet;

use crate::{
    Effort,
    ballots::{Figures, Ground, runtime, store_alone},
    process::own_cpu_secs,
    redis_server::RedisServer,
    table::{Table, median, number},
};

/// How many votes are under way at a time.
const AT_ONCE: [u64; 4] = [1, 16, 64, 256];
/// How long each number is kept up.
const EACH: Duration = Duration::from_secs(1);

/// Measures and prints.
pub(crate) fn measure(effort: &Effort) {
    let redis = RedisServer::start();
    show("Votes without HTTP, kept in Redis", effort, &format!("redis://{}", redis.address()), &|| redis.cpu_secs());
    let directory = TempDir::new().expect("a temporary directory can be made");
    let address = format!("sqlite:{}", directory.path().join("sawt.db").display());
    show("Votes without HTTP, kept in SQLite", effort, &address, &|| 0.0);
}

fn show(title: &str, effort: &Effort, address: &str, store_secs: &dyn Fn() -> f64) {
    let columns =
        ["votes at once", "votes/s", "CPU µs", "of it Redis", "store alone: votes/s", "CPU µs", "of it Redis"];
    let mut table = Table::new(title, &columns);
    for at_once in AT_ONCE {
        let (floors, votes): (Vec<_>, Vec<_>) = (0..effort.rounds)
            .map(|_| (store_alone(address, at_once, EACH, store_secs), votes(address, at_once, store_secs)))
            .unzip();
        let of = |runs: &[Figures], figure: fn(&Figures) -> f64| median(runs.iter().map(figure));
        let figures = [&votes, &floors]
            .map(|runs| [of(runs, |run| run.per_sec), of(runs, |run| run.micros), of(runs, |run| run.store_micros)]);
        table.row(&at_once.to_string(), figures.as_flattened().iter().copied().map(number));
    }
    table.print();
}

/// Casts votes of ever new voters for a while, so many at once.
fn votes(address: &str, at_once: u64, store_secs: &dyn Fn() -> f64) -> Figures {
    runtime().block_on(LocalSet::new().run_until(async {
        let ground = Ground::new(address).await;
        let (clock, metrics) = (Clock::default(), Arc::<Metrics>::default());
        let hub = Arc::new(Hub::new(Arc::default(), clock.clone(), false));
        let streams = Arc::new(StreamLimiter::new(Config::default().streams));
        let secret = Secret::generate();
        let keys = Arc::new(PositionKeys::new(&secret, None));
        let quotas = QuotaLimiter::new(&Config::default().quotas, None, &Uptime::begin(), Arc::clone(&metrics));
        let views = Arc::new(ViewCounts::new(Arc::clone(&metrics)));
        let replica = ReplicaVoting::new(hub, streams, (&secret, keys), Arc::new(quotas), clock, metrics, views);
        let voting = Rc::new(Voting::new(Arc::clone(&ground.store), replica));
        let (id, next) = (ground.poll.id, Rc::new(Cell::new(0_u64)));
        let (begun, cpu_secs, store_before) = (Instant::now(), own_cpu_secs(), store_secs());
        let voters = (0..at_once).map(|_| {
            let (voting, next) = (Rc::clone(&voting), Rc::clone(&next));
            tokio::task::spawn_local(async move {
                while begun.elapsed() < EACH {
                    let number = next.replace(next.get() + 1);
                    let bytes = u128::from(number).to_be_bytes();
                    let (voter, client) = (VoterId::from_bytes(bytes), Subject::from(bytes));
                    let known = voting.poll_to_vote(id).await.expect("it is there");
                    let caster = Caster { voter, is_new: false, client, label: Label::CLEAN, owes_work: false };
                    let asked = BallotRequest { choices: &[Cow::Borrowed("yes")], answer: None };
                    let vote = voting.cast(caster, known, asked, drop).await;
                    assert!(vote.expect("it is taken").cast == VoteOutcome::Counted, "each voter votes once");
                }
            })
        });
        for voter in voters.collect::<Vec<_>>() {
            voter.await.expect("none panics");
        }
        Figures::of(next.get(), begun.elapsed(), own_cpu_secs() - cpu_secs, store_secs() - store_before)
    }))
}
