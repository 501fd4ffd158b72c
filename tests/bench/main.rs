//! What sawt costs. Each part measures it beside the least it could cost (the *floor*) and, where there is one, beside
//! a *peer* that does the same job another way, in the same run: a machine that is slow or busy today is so for all of
//! them, so what to compare between runs is the ratios, and the processor's time per request.
//!
//! `cargo bench --bench sawt -- vote` measures votes; README.md beside this file says what else there is. Everything
//! runs on loopback ports, in processes started here and ended at the end.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement that meets the unexpected should stop right there"
)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the tables are this program's output")]
#![expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is measured is far from the limits of its types, and is shown with three digits"
)]

mod articles;
mod attack;
mod attackers;
mod ballots;
mod callgrind;
mod cluster;
mod faults;
mod flood;
mod floor;
mod instructions;
mod lists;
mod load;
mod memory;
mod nchan;
mod nginx;
mod overload;
mod peer;
mod process;
mod publisher;
mod rankings;
mod readers;
mod redis_server;
mod report;
mod sawt_server;
mod start;
mod store;
mod streams;
mod table;
mod tally;
mod throttle;
mod vote;
mod voters;
mod voting;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// Measures sawt beside its floor and a peer.
#[derive(Parser)]
struct Arguments {
    /// What to measure; everything if nothing is named.
    names: Vec<Part>,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    instructions: instructions::Options,
    /// What cargo adds by itself.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(clap::Args)]
struct Effort {
    /// How long each load lasts, after a second that is not counted.
    #[arg(long, default_value_t = 5)]
    secs: u64,
    /// How often each measurement is made, in turn with what it is compared with. The medians are shown.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many connections the load comes over, each with one request in flight.
    #[arg(long, value_delimiter = ',', default_values_t = [64, 256])]
    connections: Vec<usize>,
    /// How often each store is hurt. Eight are about a minute for each.
    #[arg(long, default_value_t = 8)]
    faults: usize,
    /// How many articles are invented, for one honest one in a hundred.
    #[arg(long, default_value_t = 1_000_000)]
    invented: usize,
    /// How many readers react to a thousand articles.
    #[arg(long, default_value_t = 20_000)]
    readers: usize,
    /// Play this attacker alone: what is other about it than about a slow hand, as
    /// `networks=5 gap=2000-4000 ballots=900`.
    #[arg(long, value_parser = attackers::attacker_from)]
    attacker: Option<attack::sources::Attacker>,
    /// Hurt only stores whose row of the table has this in its name.
    #[arg(long, default_value = "")]
    only: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Part {
    /// Bytes per voter in Redis.
    Memory,
    /// Bytes per article in a site's rankings in Redis.
    Rankings,
    /// The newsroom's list of ten thousand polls.
    Lists,
    /// Votes over HTTP.
    Vote,
    /// Votes without HTTP.
    Voting,
    /// Tallies over HTTP.
    Tally,
    /// Event streams, on one replica and from one to others.
    Streams,
    /// Batches of ballots, without HTTP.
    Store,
    /// From start to ready, and memory at rest.
    Start,
    /// Votes beyond what can be counted.
    Overload,
    /// Instructions per request, and per vote in Redis.
    Instructions,
    /// One poll's ballots on the masters of a cluster.
    Cluster,
    /// Invented articles against honest ones at a cap, and a crowd that reacts to many. Not among what is measured if
    /// nothing is named.
    Articles,
    /// Attackers against the detectors, in simulated time.
    Attack,
    /// Votes while their store is killed, hangs, or moves. Not among what is measured if nothing is named.
    Faults,
}

fn main() -> ExitCode {
    if let Some(workers) = floor::workers_asked_for() {
        floor::serve(workers);
        return ExitCode::SUCCESS;
    }
    let Arguments { names, effort, instructions, bench: _ } = Arguments::parse();
    let all = Part::value_variants().iter().filter(|part| !matches!(part, Part::Faults | Part::Articles)).copied();
    let parts = if names.is_empty() { all.collect() } else { names };
    for part in parts {
        match part {
            Part::Memory => memory::measure(),
            Part::Rankings => rankings::measure(),
            Part::Lists => lists::measure(),
            Part::Vote => vote::measure(&effort),
            Part::Voting => voting::measure(&effort),
            Part::Tally => tally::measure(&effort),
            Part::Streams => streams::measure(&effort),
            Part::Store => store::measure(&effort),
            Part::Start => start::measure(&effort),
            Part::Overload => overload::measure(&effort),
            Part::Instructions => {
                if let Err(dearer) = instructions::measure(&instructions) {
                    eprintln!("{dearer}");
                    return ExitCode::FAILURE;
                }
            }
            Part::Cluster => cluster::measure(),
            Part::Articles => articles::measure(effort.invented, effort.readers),
            Part::Attack => attackers::measure(effort.attacker.as_ref()),
            Part::Faults => faults::measure(effort.faults, &effort.only),
        }
    }
    ExitCode::SUCCESS
}
