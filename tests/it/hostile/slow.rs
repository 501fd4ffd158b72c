//! Clients that take their time, by the hundred, while others vote.

use std::{cell::Cell, io::ErrorKind, net::SocketAddr};

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{answers, probe, read_to_end};
use crate::{
    backends::Backend,
    client::{Client, until},
    crowd::one_crowd_at_a_time,
    registry::lone_rules,
    service::Service,
    wire::request,
};

/// How many connections are held that have begun a request.
const SLOW: usize = 300;

/// How many are held that have not. `tests/run` allows as many open files as the system does.
const IDLE: usize = 1_000;

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("it takes connections")
}

/// Votes until told to stop, at least once; every vote is counted.
async fn votes_go_on(service: &Service, poll: &str, stop: &Cell<bool>) {
    let mut votes = 0_u64;
    while votes == 0 || !stop.get() {
        service.client().new_voter().await.vote(poll, &["yes"]).await.is(201);
        votes += 1;
    }
    assert_eq!(service.client().results(poll).await["ballots"], json!(votes));
}

/// Holds this many connections on which these bytes are all that comes, until the service ends each.
async fn outlast(address: SocketAddr, sent: &[u8], count: usize) -> Vec<u16> {
    let held = (0..count).map(|_| async {
        let mut stream = connect(address).await;
        stream.write_all(sent).await.expect("it is sent");
        let answers = answers(&read_to_end(&mut stream).await);
        assert!(answers.len() <= 1, "{answers:?}");
        answers.first().map_or(0, |answer| answer.status)
    });
    join_all(held).await
}

async fn held_while_others_vote(sent: impl AsyncFnOnce(&Service, &str) -> Vec<u8>, ends_with: &[u16]) {
    let _turn = one_crowd_at_a_time().await;
    let service = Service::start(Backend::Sqlite);
    let poll = service.poll(json!({})).await;
    let other = service.poll(json!({})).await;
    let sent = sent(&service, &other).await;
    let stop = Cell::new(false);
    let held = async {
        let ended = outlast(service.replicas()[0].address(), &sent, SLOW).await;
        stop.set(true);
        ended
    };
    let (ended, ()) = join(held, votes_go_on(&service, &poll, &stop)).await;
    assert!(ended.iter().all(|status| ends_with.contains(status)), "{ended:?}");
    assert_eq!(service.client().results(&other).await["ballots"], 0);
}

async fn a_head_that_does_not_come_is_given_up_on() {
    held_while_others_vote(async |_, _| b"POST /v1/voters HTTP/1.1\r\nHost: sawt\r\nX-Slow: ".to_vec(), &[408]).await;
}

/// Nor is the head of a second request, after the first one's answer.
async fn a_second_head_that_does_not_come_is_given_up_on() {
    let service = Service::start(Backend::Sqlite);
    let held = (0..10).map(|_| async {
        let mut stream = connect(service.replicas()[0].address()).await;
        stream.write_all(probe("first", false).as_bytes()).await.expect("it is sent");
        let mut answer = vec![0; 2_048];
        let length = stream.read(&mut answer).await.expect("an answer");
        assert_eq!(answers(&answer[..length]).len(), 1);
        stream.write_all(b"GET /livez HTTP/1.1\r\nX-").await.expect("it is sent");
        read_to_end(&mut stream).await
    });
    assert!(join_all(held).await.iter().all(Vec::is_empty), "nothing is owed, so nothing is said");
}

async fn a_body_that_does_not_come_is_given_up_on() {
    let half_a_vote = async |service: &Service, poll: &str| {
        let token = service.client().mint().await;
        let mut vote = crate::wire::vote(poll, &token, "yes");
        vote.truncate(vote.len() - 5);
        vote
    };
    held_while_others_vote(half_a_vote, &[400]).await;
}

async fn a_chunk_that_does_not_come_is_given_up_on() {
    let chunked = b"POST /v1/voters HTTP/1.1\r\nHost: sawt\r\nTransfer-Encoding: chunked\r\n\r\n";
    held_while_others_vote(async |_, _| chunked.to_vec(), &[400]).await;
}

/// A body nobody wants is not waited for.
async fn a_refused_request_does_not_hold_its_connection() {
    let unwanted = b"POST /nowhere HTTP/1.1\r\nHost: sawt\r\nContent-Length: 100\r\n\r\n{";
    held_while_others_vote(async |_, _| unwanted.to_vec(), &[404]).await;
}

async fn idle_connections_are_no_burden() {
    let _turn = one_crowd_at_a_time().await;
    let service = Service::start(Backend::Sqlite);
    let poll = service.poll(json!({})).await;
    let address = service.replicas()[0].address();
    let mut idle = join_all((0..IDLE).map(|_| connect(address))).await;
    // Half of them have been used before.
    for stream in idle.iter_mut().step_by(2) {
        stream.write_all(probe("idle", false).as_bytes()).await.expect("it is sent");
        let mut read = [0; 1];
        stream.read_exact(&mut read).await.expect("an answer");
    }
    let stop = Cell::new(true);
    for _ in 0..20 {
        let poll = service.poll(json!({})).await;
        votes_go_on(&service, &poll, &stop).await;
    }
    votes_go_on(&service, &poll, &stop).await;
    drop(idle);
}

/// Readers that ask and ask and never read what comes back: what waits for them is bounded, nobody else waits, and in
/// the end they are given up on.
async fn a_reader_that_does_not_read_holds_nobody_up() {
    let _turn = one_crowd_at_a_time().await;
    let service = Service::start(Backend::Sqlite);
    let options: Vec<Value> = (0..32).map(|place| json!({ "label": format!("{place} {}", "ن".repeat(150)) })).collect();
    let large = service.poll(json!({ "options": options })).await;
    let poll = service.poll(json!({})).await;
    let address = service.replicas()[0].address();
    let asked = request("GET", &format!("/v1/polls/{large}"), "", "").repeat(500);
    let deaf = (0..5).map(|_| async {
        let mut stream = connect(address).await;
        // Ends when it is all sent, or when nobody takes any more: both sides' buffers are full then.
        let sent = tokio::time::timeout(std::time::Duration::from_secs(2), stream.write_all(&asked)).await;
        drop(sent);
        stream
    });
    let deaf = join_all(deaf).await;
    let before = memory_bytes(&service);
    let stop = Cell::new(true);
    for _ in 0..20 {
        let poll = service.poll(json!({})).await;
        votes_go_on(&service, &poll, &stop).await;
    }
    votes_go_on(&service, &poll, &stop).await;
    let grown = memory_bytes(&service).saturating_sub(before);
    assert!(grown < 32 * 1024 * 1024, "{grown} bytes more for readers that do not read");
    let client = Client::new(address);
    client.results(&poll).await;
    for stream in &deaf {
        // Where it is the system that gives up, it says so only to who sends something.
        let is_over = |sent: std::io::Result<usize>| sent.is_err_and(|error| error.kind() != ErrorKind::WouldBlock);
        until(async || is_over(stream.try_write(b" ")).then_some(())).await;
    }
}

/// What a replica holds in memory.
fn memory_bytes(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.replicas()[0].id())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its size is known");
    let kib: u64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number");
    kib * 1024
}

lone_rules![
    a_head_that_does_not_come_is_given_up_on,
    a_second_head_that_does_not_come_is_given_up_on,
    a_body_that_does_not_come_is_given_up_on,
    a_chunk_that_does_not_come_is_given_up_on,
    a_refused_request_does_not_hold_its_connection,
    idle_connections_are_no_burden,
    a_reader_that_does_not_read_holds_nobody_up,
];
