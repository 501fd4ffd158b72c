//! A store that answers, and not with what was asked for: everything a Redis can say in place of an answer.
//!
//! Most of it can't be brought about at will, so it is put in by something that stands before a real Redis and, when
//! told to, answers in its place.

use std::{
    collections::HashSet,
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
};

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{
    backends::{Program, Storage},
    client::{Client, until},
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{PUBLIC_URL, seed_poll, text},
};

/// What a server may say in place of an answer, what the log calls it, and whether a connection is as good after it.
const REFUSALS: [(&str, &str, bool); 21] = [
    ("-OOM command not allowed when used memory > 'maxmemory'.", "OOM", true),
    ("-NOREPLICAS Not enough good replicas to write.", "NOREPLICAS", true),
    ("-MISCONF Errors writing to the AOF file: No space left on device", "MISCONF", true),
    ("-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "BUSY", true),
    ("-NOPERM this user has no permissions to run the 'evalsha' command", "NOPERM", true),
    ("-LOADING Redis is loading the dataset in memory", "LOADING", true),
    ("-MOVED 3999 127.0.0.2:1", "MOVED", true),
    ("-ASK 3999 127.0.0.2:1", "ASK", true),
    ("-TRYAGAIN Multiple keys request during rehashing of slot", "TRYAGAIN", true),
    ("-CLUSTERDOWN The cluster is down", "CLUSTERDOWN", true),
    ("-CROSSSLOT Keys in request don't hash to the same slot", "CROSSSLOT", true),
    ("-EXECABORT Transaction discarded because of previous errors.", "EXECABORT", true),
    ("-NOSCRIPT No matching script. Please use EVAL.", "NOSCRIPT", true),
    ("-ERR unknown command 'EVALSHA', with args beginning with: ", "ERR", true),
    ("-NEVERHEARD of this one", "NEVERHEARD", true),
    ("-READONLY You can't write against a read only replica.", "READONLY", false),
    ("-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "MASTERDOWN", false),
    ("-NOAUTH Authentication required.", "NOAUTH", false),
    ("-WRONGPASS invalid username-password pair or user is disabled.", "WRONGPASS", false),
    ("+OK", "no answer to what was asked", true),
    ("$3\r\nabc", "no answer to what was asked", true),
];

/// Stands before a Redis.
struct Meddler {
    address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    redis: u16,
    /// What it answers to whatever is asked; `None`: it passes everything on.
    refusal: Mutex<Option<String>>,
    connections: AtomicU64,
}

impl Meddler {
    fn before(redis: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let inner = Arc::new(Inner { redis, refusal: Mutex::default(), connections: AtomicU64::new(0) });
        let taking = Arc::clone(&inner);
        // On threads of its own: a trial that waits for a replica waits with all that is its own.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                taking.connections.fetch_add(1, Relaxed);
                let taken = Arc::clone(&taking);
                thread::spawn(move || taken.serve(client));
            }
        });
        Self { address, inner }
    }

    fn refuse(&self, reply: &str) {
        *self.inner.refusal.lock() = Some(format!("{reply}\r\n"));
    }

    fn pass(&self) {
        *self.inner.refusal.lock() = None;
    }

    fn connections(&self) -> u64 {
        self.inner.connections.load(Relaxed)
    }
}

impl Inner {
    /// One command after the other, so that none gets the answer to another.
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let mut server = TcpStream::connect(("127.0.0.1", self.redis))?;
        let (mut asked, mut answered) = (Vec::new(), Vec::new());
        while let Some(command) = take(&mut client, &mut asked)? {
            if command.windows(5).any(|word| word == b"HELLO") {
                // What replicas tell each other comes unasked.
                asked.splice(..0, command);
                return pass_on(client, server, &asked);
            }
            let refusal = self.refusal.lock().clone();
            if let Some(refusal) = refusal {
                client.write_all(refusal.as_bytes())?;
                continue;
            }
            server.write_all(&command)?;
            let Some(answer) = take(&mut server, &mut answered)? else { break };
            client.write_all(&answer)?;
        }
        Ok(())
    }
}

/// Passes everything on, both ways, until either end is closed.
fn pass_on(mut client: TcpStream, mut server: TcpStream, asked: &[u8]) -> io::Result<()> {
    server.write_all(asked)?;
    let (mut answers, mut answered) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let copied = io::copy(&mut answers, &mut answered);
        let _ = answered.shutdown(Shutdown::Both);
        copied
    });
    io::copy(&mut client, &mut server)?;
    server.shutdown(Shutdown::Both)
}

/// Reads until there is a whole one, and takes it; `None` at the end.
fn take(from: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let mut more = vec![0; 64 * 1024];
    loop {
        if let Some(length) = whole(read) {
            return Ok(Some(read.drain(..length).collect()));
        }
        match from.read(&mut more)? {
            0 => return Ok(None),
            length => read.extend_from_slice(&more[..length]),
        }
    }
}

/// The length of the first value (RESP 2), if it is whole: `*2\r\n$4\r\nPING\r\n…`.
fn whole(values: &[u8]) -> Option<usize> {
    let end = values.windows(2).position(|two| two == b"\r\n")?;
    let number = || std::str::from_utf8(&values[1..end]).expect("a number").parse::<i64>().expect("a number");
    let mut length = end + 2;
    match values[0] {
        b'$' => length += usize::try_from(number()).map_or(0, |bytes| bytes + 2),
        b'*' => {
            for _ in 0..number() {
                length += whole(values.get(length..)?)?;
            }
        }
        _ => {}
    }
    (length <= values.len()).then_some(length)
}

/// A replica on a Redis with something in between, and a poll that it knows.
struct Meddled {
    _storage: Storage,
    meddler: Meddler,
    sawt: Replica,
    poll: String,
}

impl Meddled {
    async fn start() -> Self {
        let storage = Storage::single(Program::Redis, &[]);
        let meddler = Meddler::before(storage.server().port());
        // One worker, so that its connection is the one that votes come over.
        let settings = Settings::on(&format!("redis://{}", meddler.address));
        let settings = settings.with("SAWT_PUBLIC_URL", PUBLIC_URL).with("SAWT_WORKERS", "1");
        let sawt = Replica::start(&settings);
        let poll = poll_on(&sawt).await;
        Self { _storage: storage, meddler, sawt, poll }
    }
}

async fn poll_on(sawt: &Replica) -> String {
    let admin = Client::new(sawt.address()).with_key(ADMIN_KEY);
    text(&admin.post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201)["id"])
}

/// What readers ask who do not vote.
fn reads(poll: &str) -> [String; 5] {
    [
        format!("/v1/polls/{poll}"),
        format!("/v1/polls/{poll}/results"),
        format!("/embed/{poll}"),
        format!("/embed/{poll}/form"),
        format!("/oembed?url={PUBLIC_URL}/embed/{poll}"),
    ]
}

async fn whatever_redis_says_in_place_of_an_answer_is_503_and_told_once() {
    let Meddled { meddler, sawt, poll, .. } = &Meddled::start().await;
    let reader = Client::new(sawt.address());
    for (round, (reply, kind, _)) in (1..).zip(REFUSALS) {
        let voter = reader.new_voter().await;
        meddler.refuse(reply);
        for _ in 0..3 {
            voter.vote(poll, &["yes"]).await.refused(503, "store-unavailable");
            voter.get(&format!("/v1/polls/{poll}/votes/me")).send().await.refused(503, "store-unavailable");
        }
        meddler.pass();
        // The log is written beside the requests.
        let told = sawt.log().wait_for(|line| is_trouble(line) && line["kind"] == kind);
        assert!(told.is_some(), "{reply}");
        until(async || (voter.vote(poll, &["yes"]).await.status < 300).then_some(())).await;
        assert_eq!(voter.results(poll).await["ballots"], json!(round));
    }
    // On a slow machine the store was well for a while in between: then a kind is told anew.
    let lines: Vec<Value> = sawt.log().lines().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for in_trouble in lines.split(|line| line["message"] == "the store is well again") {
        let kinds: Vec<_> =
            in_trouble.iter().filter(|line| is_trouble(line)).map(|line| line["kind"].to_string()).collect();
        let once: HashSet<_> = kinds.iter().collect();
        assert_eq!(once.len(), kinds.len(), "told once: {kinds:?}");
    }
}

fn is_trouble(line: &Value) -> bool {
    line["message"].as_str().is_some_and(|message| message.contains("in trouble"))
}

async fn a_refusal_that_another_connection_would_meet_too_costs_none() {
    let Meddled { meddler, sawt, poll, .. } = &Meddled::start().await;
    let voter = Client::new(sawt.address()).new_voter().await;
    voter.vote(poll, &["yes"]).await.is(201);
    for (reply, _, _) in REFUSALS.into_iter().filter(|(_, _, is_kept)| *is_kept) {
        meddler.refuse(reply);
        // On a busy machine one may end because it is silent. If each refusal cost one, there would be no end to it.
        until(async || {
            let before = meddler.connections();
            for _ in 0..3 {
                voter.vote(poll, &["no"]).await.refused(503, "store-unavailable");
            }
            (meddler.connections() == before).then_some(())
        })
        .await;
        meddler.pass();
        let repeated: Value = until(async || {
            let answer = voter.vote(poll, &["yes"]).await;
            (answer.status == 200).then(|| answer.json())
        })
        .await;
        assert_eq!(repeated["results"]["ballots"], json!(1));
    }
}

async fn readers_go_on_with_what_was_known_while_the_store_refuses() {
    let Meddled { meddler, sawt, poll, .. } = &Meddled::start().await;
    let reader = Client::new(sawt.address());
    let voter = reader.new_voter().await;
    voter.vote(poll, &["yes"]).await.is(201);
    // It was made there, and so is known there; but nobody has asked for its tally.
    let unread = poll_on(sawt).await;
    let of_unread = reads(&unread).into_iter().filter(|path| !path.ends_with("/results"));
    let paths: Vec<String> = reads(poll).into_iter().chain(of_unread).collect();
    let read_all = async |reply: &str| {
        for path in &paths {
            // A voter is known to the form, too.
            let answer = voter.get(path).send().await;
            assert_eq!(answer.status, 200, "{path} while the store says {reply}: {answer}\n{}", sawt.log().text());
        }
    };
    let kept_for = async || {
        let answer = reader.get(&format!("/v1/polls/{poll}")).send().await;
        answer.header("cache-control")?.split(", ").nth(1).map(str::to_owned)
    };
    // A text may be a definition, and is none: that is no trouble, but a store that holds something unexpected.
    for (reply, _, _) in REFUSALS.into_iter().filter(|(reply, _, _)| !reply.starts_with('$')) {
        meddler.refuse(reply);
        read_all(reply).await;
    }
    // So it goes on when the store has said nothing else for a while, and then nobody keeps it for long.
    until(async || {
        read_all("nothing of use").await;
        (kept_for().await? == "max-age=1").then_some(())
    })
    .await;
    meddler.pass();
    until(async || (kept_for().await? == "max-age=2").then_some(())).await;
}

lone_rules![
    whatever_redis_says_in_place_of_an_answer_is_503_and_told_once,
    a_refusal_that_another_connection_would_meet_too_costs_none,
    readers_go_on_with_what_was_known_while_the_store_refuses,
];
