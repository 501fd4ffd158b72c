//! Instructions per request, in sawt and in Redis, beside a bare server and the peer's Redis.
//!
//! Requests come over as many connections as make a batch of ballots, each with one in flight. What the program does
//! meanwhile by itself, the log's thread and the refreshing of tallies, is in the figures; what it does without any
//! request is taken off.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::future::join_all;
use sawt::poll::Label;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::{net::TcpStream, runtime::Runtime};

use crate::{
    ballots::{self, Ground},
    callgrind::{self, Counts},
    floor::{self, Floor},
    load::{self, Request},
    peer,
    process::Process,
    redis_server::RedisServer,
    report,
    sawt_server::{PROGRAM, SECRET, Sawt, VOTE},
    table::{Table, number},
    voters::Voters,
};

/// How many connections requests come over, each with one in flight: so many ballots gather for a store call.
const CONNECTIONS: usize = 60;
/// How many requests are counted, of each sort.
const COUNTED: usize = 10 * CONNECTIONS;
/// How many come before those, and are not.
const WARM_UP: usize = 2 * CONNECTIONS;
/// How many ballots a poll in Redis has before any are counted: from there on its buckets are full and split by turns.
const BALLOTS_BEFORE: u64 = 3_000;
/// How many of them are counted, for each size of a batch.
const BALLOTS: u64 = 1_800;
/// How long after a store was too slow it is asked again.
const ASKED_AGAIN_AFTER: Duration = Duration::from_millis(200);
/// More bytes than any answer has.
const ANSWER: usize = 64 * 1024;
/// How many ballots come at once, and with which label.
const BATCHES: [(&str, u64, Label); 5] = [
    ("vote, alone", 1, Label::CLEAN),
    ("vote, in batches of 10", 10, Label::CLEAN),
    ("vote, in batches of 60", 60, Label::CLEAN),
    ("vote with a label, in batches of 10", 10, Label::NO_MARK),
    ("vote with a label, in batches of 60", 60, Label::NO_MARK),
];
/// How much dearer than the committed figure a request may be.
const TOLERANCE: f64 = 1.1;

/// Used up by the one voter who is to be refused, and by nobody else.
const VOTE_QUOTA: (&str, &str) = ("SAWT_QUOTA_VOTE", "20/86400s");

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Count the instructions of this sawt instead of the one that was built with the bench.
    #[arg(long)]
    program: Option<PathBuf>,
    /// Count a vote's and a tally's instructions alone, and fail if they are a tenth more than `instructions.json`
    /// says.
    #[arg(long)]
    check: bool,
    /// Count a vote's instructions by the kind of its poll alone.
    #[arg(long)]
    kinds: bool,
}

/// What a request costs in a debug build, as committed: `tests/run` makes no other, and a release takes longer to build
/// than the tests take. What grows by a tenth there does so in a release too, or nearly.
#[derive(Deserialize)]
struct Committed {
    vote: f64,
    tally: f64,
}

/// Measures and prints. An error says which committed figure is exceeded.
pub(crate) fn measure(options: &Options) -> Result<(), String> {
    if !callgrind::is_installed() {
        let missing = "valgrind is not installed; `apt-get install valgrind` brings it";
        println!("\n  Instructions were left out: {missing}.");
        return if options.check { Err(missing.to_owned()) } else { Ok(()) };
    }
    let program = options.program.as_deref().unwrap_or(Path::new(PROGRAM));
    // It is run in another directory.
    let program = program.canonicalize().map_err(|error| format!("{}: {error}", program.display()))?;
    if options.check {
        return check(&server(&program, true));
    }
    if options.kinds {
        kinds_beside_single(&program);
        return Ok(());
    }
    let (floor, server) = (floor(), server(&program, false));
    let of = |figures: &[(&str, f64)], wanted: &str| {
        figures.iter().find(|(name, _)| *name == wanted).map_or(f64::NAN, |(_, figure)| *figure)
    };
    let (echo, fixed, vote) = (of(&floor, ECHO), of(&floor, FIXED), of(&server, VOTED));
    let mut table = Table::new("Instructions per request, server", &["", "instructions", "of floor", "of a vote"]);
    for (name, figure) in floor.iter().chain(&server) {
        let least = if [FIXED, TALLY, TALLY_UNCHANGED, PAGE].contains(name) { fixed } else { echo };
        table.row(name, [*figure, figure / least, figure / vote].map(number));
    }
    table.at_most("a vote", vote, 34_000.0);
    table.at_most("a first vote", of(&server, FIRST), 45_000.0);
    // Who casts it can't tell it by how long the answer takes.
    table.at_most("a held vote, of a vote", of(&server, HELD) / vote, 1.05);
    table.at_most("a repeated vote", of(&server, REPEATED), 32_000.0);
    table.at_most("a tally", of(&server, TALLY), 18_000.0);
    table.at_most("the dearest refused vote, of a vote", refused(&server) / vote, 0.7);
    table.print();

    let kinds = kinds_beside_single(&program);
    let (redis, peer) = (redis(), peer());
    let mut table = Table::new("Instructions, Redis", &["", "instructions", "of the peer's"]);
    for (name, figure) in redis.iter().chain(&peer) {
        table.row(name, [*figure, figure / peer[0].1].map(number));
    }
    table.at_most("a lone vote", redis[0].1, 150_000.0);
    table.at_most("a vote in a batch of 10", redis[1].1, 40_000.0);
    table.at_most("a vote in a batch of 60", redis[2].1, 30_000.0);
    table.at_most("a label's counter, in a batch of 10", redis[3].1 - redis[1].1, 3_000.0);
    table.at_most("a label's counter, in a batch of 60", redis[4].1 - redis[2].1, 3_000.0);
    table.print();
    report::write("instructions", &[floor, server, kinds, redis, peer].concat());
    Ok(())
}

/// Counts a vote in a poll of each kind, and prints it beside one in a poll of kind `single`.
fn kinds_beside_single(program: &Path) -> Figures {
    let kinds = kinds(program);
    let mut table =
        Table::new("Instructions per vote, server, by kind, of five options", &["", "instructions", "of single"]);
    for (name, figure) in &kinds {
        table.row(name, [*figure, figure / kinds[0].1].map(number));
    }
    for (name, figure) in &kinds[1..] {
        table.at_most(&format!("{name}, of single"), figure / kinds[0].1, 1.05);
    }
    table.print();
    kinds
}

/// A poll of each kind, with five options, and a vote in it.
const KINDS: [(&str, &str, &str); 6] = [
    ("single", r#""kind":"single","options":OPTIONS"#, r#""5""#),
    ("multiple, two of them", r#""kind":"multiple","options":OPTIONS"#, r#""5","1""#),
    ("rating", r#""kind":"rating""#, r#""5""#),
    ("reaction", r#""kind":"reaction","options":OPTIONS"#, r#""5""#),
    ("ranked, two of them", r#""kind":"ranked","options":OPTIONS"#, r#""5","1""#),
    ("ranked, all", r#""kind":"ranked","options":OPTIONS"#, r#""5","1","4","2","3""#),
];

/// A vote in a poll of each kind.
fn kinds(program: &Path) -> Figures {
    let (redis, directory) = (RedisServer::start(), TempDir::new().expect("a temporary directory can be made"));
    let counts = Counts::of("kinds");
    let settings = [callgrind::ENVIRONMENT, ("SAWT_WORKERS", "1")];
    let store = format!("redis://{}", redis.address());
    let sawt = Sawt::start_by(counts.command(program), &store, directory.path(), &settings);
    let client = Client::to(sawt.address);
    let options: Vec<String> = (1..=5).map(|id| format!(r#"{{"id":"{id}","label":"خيار {id}"}}"#)).collect();
    let options = format!("[{}]", options.join(","));
    let vote = |(name, poll, choices): (&'static str, &str, &str)| {
        let poll = sawt.make_poll_of(&format!("{{\"question\":\"؟\",{}}}", poll.replace("OPTIONS", &options)));
        let vote = Request::vote(&format!("{poll}/votes"), &format!("{{\"choices\":[{choices}]}}"));
        client.count(&counts, &sawt.process, name, &vote)
    };
    KINDS.map(vote).into()
}

type Figures = Vec<(&'static str, f64)>;

const ECHO: &str = "bare actix-web, JSON echo";
const FIXED: &str = "bare actix-web, always the same";
const VOTED: &str = "vote";
const FIRST: &str = "first vote, which makes its voter";
const HELD: &str = "vote, held";
const REPEATED: &str = "vote, repeated";
const REFUSED: [&str; 3] = ["vote, refused: bad token", "vote, refused: poll closed", "vote, refused: over quota"];
const ALONE: &str = "vote, one at a time";
const TALLY: &str = "tally";
const TALLY_UNCHANGED: &str = "tally, unchanged since (304)";
const PAGE: &str = "poll page";
const VOTER: &str = "voter";
const SPLIT: &str = "upkeep: splits of buckets, one call";

fn refused(server: &Figures) -> f64 {
    server.iter().filter(|(name, _)| REFUSED.contains(name)).map(|(_, figure)| *figure).fold(0.0, f64::max)
}

/// Whether the committed figures still hold.
fn check(server: &Figures) -> Result<(), String> {
    let committed: Committed = serde_json::from_str(include_str!("instructions.json")).expect("it is JSON");
    let mut dearer = Vec::new();
    for ((name, figure), committed) in server.iter().zip([committed.vote, committed.tally]) {
        let ratio = figure / committed;
        println!("  a {name}: {} instructions, {:.2} of the committed figure", number(*figure), ratio);
        if ratio > TOLERANCE {
            let calls = report::target().join("instructions/server").join(name);
            dearer.push(format!(
                "a {name} takes {} instructions; {} are committed. `callgrind_annotate --inclusive=yes {}` tells where \
                 they go. If that is worth it, say so in the commit that writes the new figure into \
                 tests/bench/instructions.json.",
                number(*figure),
                number(committed),
                calls.display()
            ));
        } else if ratio < 1.0 / TOLERANCE {
            println!("  Write that into tests/bench/instructions.json, or it can be lost again unseen.");
        }
    }
    if dearer.is_empty() { Ok(()) } else { Err(dearer.join("\n")) }
}

/// Where requests go, and whose they are.
struct Client {
    address: SocketAddr,
    runtime: Runtime,
    voters: Voters,
}

/// What is asked, how often at once, and by whom.
struct Load<'a> {
    request: &'a Request,
    connections: usize,
    readers: &'a [usize],
}

impl Client {
    fn to(address: SocketAddr) -> Self {
        Self { address, runtime: ballots::runtime(), voters: Voters::new(2 * (WARM_UP + COUNTED), SECRET) }
    }

    /// Connections that are used at once: one that is silent is closed after a while.
    fn connect(&self, count: usize) -> Vec<TcpStream> {
        let connect = || {
            let stream = self.runtime.block_on(TcpStream::connect(self.address)).expect("it takes connections");
            stream.set_nodelay(true).expect("a connection");
            stream
        };
        (0..count).map(|_| connect()).collect()
    }

    /// Sends a request once as this reader, and gives the answer.
    fn send(&self, request: &Request, reader: usize) -> String {
        let (mut stream, mut answer) = (self.connect(1).remove(0), vec![0; ANSWER]);
        let mut request = request.clone();
        let length = self.runtime.block_on(exchange(&mut stream, &mut request, reader, &self.voters, &mut answer));
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    /// Sends a request as each of the readers, and gives how many were sent. Whoever is answered otherwise than they
    /// should be ends the measurement.
    fn ask(&self, streams: &mut [TcpStream], request: &Request, readers: &[usize]) -> usize {
        let lanes = streams.len();
        let lanes = streams.iter_mut().enumerate().map(|(lane, stream)| {
            let mut request = request.clone();
            async move {
                let (mut answer, mut sent) = (vec![0; ANSWER], 0);
                for reader in readers.iter().skip(lane).step_by(lanes) {
                    let mut length = exchange(stream, &mut request, *reader, &self.voters, &mut answer).await;
                    // On a machine this busy Redis may be too slow to answer in time: then it is asked again, in a
                    // while, or the figure would be of refusals.
                    let mut is_asked_again = false;
                    sent += 1;
                    while load::status(&answer) == Some(503) {
                        (is_asked_again, sent) = (true, sent + 1);
                        tokio::time::sleep(ASKED_AGAIN_AFTER).await;
                        length = exchange(stream, &mut request, *reader, &self.voters, &mut answer).await;
                    }
                    let status = load::status(&answer);
                    let is_right = status == Some(request.status) || (is_asked_again && status == Some(200));
                    assert!(is_right, "{}", String::from_utf8_lossy(&answer[..length]));
                }
                sent
            }
        });
        self.runtime.block_on(join_all(lanes)).into_iter().sum()
    }

    /// The instructions of a request that each time comes from the next reader.
    fn count(&self, counts: &Counts, process: &Process, name: &'static str, request: &Request) -> (&'static str, f64) {
        let readers: Vec<usize> = (0..WARM_UP + COUNTED).collect();
        let load = Load { request, connections: CONNECTIONS, readers: &readers };
        (name, self.count_load(counts, process, name, &load))
    }

    /// The instructions of each request of a load but the first of them.
    fn count_load(&self, counts: &Counts, process: &Process, name: &str, load: &Load<'_>) -> f64 {
        let Load { request, connections, readers } = *load;
        let (first, counted) = readers.split_at(WARM_UP);
        let mut streams = self.connect(connections);
        self.ask(&mut streams, request, first);
        // What goes by the clock is not the request's: on a busy machine more of it comes between two requests, and
        // with every poll that was asked for lately.
        counts.rest(process);
        let watch = counts.watch(process);
        let sent = self.ask(&mut streams, request, counted);
        watch.end(name) / sent as f64
    }
}

/// Sends a request as this reader, and gives the length of the answer.
async fn exchange(
    stream: &mut TcpStream,
    request: &mut Request,
    reader: usize,
    voters: &Voters,
    answer: &mut [u8],
) -> usize {
    request.make_anothers(reader, voters);
    request.send(stream).await.expect("it is sent");
    load::read_answer(stream, answer).await.expect("it is answered")
}

fn floor() -> Figures {
    let counts = Counts::of("floor");
    let program = std::env::current_exe().expect("this program has a path");
    let floor = Floor::start_by(counts.command(&program), 1);
    let client = Client::to(floor.address);
    let count = |name, request| client.count(&counts, &floor.process, name, request);
    vec![count(ECHO, &Request::vote(floor::ECHO, VOTE)), count(FIXED, &Request::read(floor::STATIC))]
}

/// A vote and a tally, and all the rest if not only those are wanted.
fn server(program: &Path, is_brief: bool) -> Figures {
    let (redis, directory) = (RedisServer::start(), TempDir::new().expect("a temporary directory can be made"));
    let counts = Counts::of("server");
    let settings = [callgrind::ENVIRONMENT, VOTE_QUOTA, ("SAWT_WORKERS", "1")];
    let store = format!("redis://{}", redis.address());
    let sawt = Sawt::start_by(counts.command(program), &store, directory.path(), &settings);
    let client = Client::to(sawt.address);
    // A poll each: in one that has all these votes the detectors find something, and readers of its tally are told so.
    let votes_in = |poll: &str| Request::vote(&format!("{poll}/votes"), VOTE);
    let (vote, poll) = (votes_in(&sawt.make_poll()), sawt.make_poll());
    sawt.vote(&poll, &client.voters);
    let tally = Request::read(&format!("{poll}/results"));
    let count = |name, request: &Request| client.count(&counts, &sawt.process, name, request);
    if is_brief {
        return vec![count(VOTED, &vote), count(TALLY, &tally)];
    }
    let closed = sawt.make_poll();
    sawt.close_poll(&closed);
    let held = sawt.make_poll();
    sawt.hold_unmarked(&held);
    let mut figures = vec![
        count(VOTED, &vote),
        count(REPEATED, &vote.answered(200)),
        count(FIRST, &Request::first_vote(&format!("{}/votes", sawt.make_poll()))),
        count(HELD, &votes_in(&held)),
        count(REFUSED[0], &votes_in(&poll).with_bad_token().answered(401)),
        count(REFUSED[1], &votes_in(&closed).answered(409)),
        (REFUSED[2], over_quota(&client, &counts, &sawt.process, &votes_in(&poll).answered(429))),
        (ALONE, alone(&client, &counts, &sawt.process, &votes_in(&sawt.make_poll()))),
    ];
    let answer = client.send(&tally, 0);
    let tag = answer.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tally has a tag");
    let unchanged = Request::read_unless(&format!("{poll}/results"), tag).answered(304);
    let count = |name, request: &Request| client.count(&counts, &sawt.process, name, request);
    figures.extend([
        count(TALLY, &tally),
        count(TALLY_UNCHANGED, &unchanged),
        count(PAGE, &Request::page(&poll.replace("/v1/polls/", "/embed/"))),
        count(VOTER, &Request::mint()),
    ]);
    figures
}

/// The vote of a voter whose quota is used up, which this does first.
fn over_quota(client: &Client, counts: &Counts, process: &Process, refused: &Request) -> f64 {
    let reader = client.voters.count() - 1;
    while load::status(client.send(refused, reader).as_bytes()) != Some(refused.status) {}
    let load = Load { request: refused, connections: CONNECTIONS, readers: &[reader; WARM_UP + COUNTED] };
    client.count_load(counts, process, REFUSED[2], &load)
}

/// A vote while there is no other.
fn alone(client: &Client, counts: &Counts, process: &Process, vote: &Request) -> f64 {
    let readers: Vec<usize> = (0..WARM_UP + COUNTED).collect();
    client.count_load(counts, process, ALONE, &Load { request: vote, connections: 1, readers: &readers })
}

/// Votes by the size of their batch, without a server between, and what splitting buckets is of them.
fn redis() -> Figures {
    let counts = Counts::of("redis");
    let redis = RedisServer::start_by(counts.command(Path::new("redis-server")));
    counts.rest(redis.process());
    let address = format!("redis://{}", redis.address());
    ballots::runtime().block_on(async {
        let mut figures = Vec::new();
        let (mut splits, mut splits_counted) = (0.0, 0);
        for (name, batch, label) in BATCHES {
            let ground = Ground::new(&address).await;
            for ballots in ground.ballots(0, BALLOTS_BEFORE).chunks(60) {
                if ground.commit(ballots).await {
                    let watch = counts.watch(redis.process());
                    ground.upkeep(0).await;
                    splits += watch.end(SPLIT);
                    splits_counted += 1;
                }
            }
            let ballots = ballots::with_label(label, ground.ballots(BALLOTS_BEFORE, BALLOTS));
            let watch = counts.watch(redis.process());
            for ballots in ballots.chunks(batch as usize) {
                ground.cast(ballots).await;
            }
            figures.push((name, watch.end(name) / ballots.len() as f64));
        }
        figures.push((SPLIT, splits / f64::from(splits_counted)));
        figures
    })
}

/// The vote of `peer/vote.lua`, one call each.
fn peer() -> Figures {
    let counts = Counts::of("peer");
    let redis = RedisServer::start_by(counts.command(Path::new("redis-server")));
    let (mut connection, script) = (redis.connect(), redis::Script::new(peer::SCRIPT));
    counts.rest(redis.process());
    let mut vote = |voter: usize| {
        let voter = format!("{voter:051}");
        script
            .key("voters")
            .key("tally")
            .arg(voter)
            .arg("yes")
            .invoke::<redis::Value>(&mut connection)
            .expect("it counts");
    };
    (0..WARM_UP).for_each(&mut vote);
    let name = "nginx + Lua + Redis: vote, alone";
    let send = || (WARM_UP..WARM_UP + COUNTED).for_each(&mut vote);
    vec![(name, counts.per_request(redis.process(), name, COUNTED, send))]
}
