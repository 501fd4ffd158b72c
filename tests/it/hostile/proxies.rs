//! nginx and HAProxy as Debian has them, in front of a replica: what they pass on, and what reaches the client.

use std::net::SocketAddr;

use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{answers, read_to_end};
use crate::{
    backends::{Backend, Storage},
    client::Client,
    proxy::Proxy,
    registry::service_rules,
    server::{Replica, Settings},
    service::Service,
};

const BUFFERING: &str = "nginx that buffers";
const HAPROXY: &str = "HAProxy";

fn every_proxy(replica: SocketAddr) -> [(&'static str, Proxy); 3] {
    [
        (BUFFERING, Proxy::nginx(replica, true)),
        ("nginx", Proxy::nginx(replica, false)),
        (HAPROXY, Proxy::haproxy(replica)),
    ]
}

/// Sends a request of which a part of the body is held back until the answer has come: the head of the answer. It
/// reads while it writes, as clients that mean well do.
async fn early_answer(address: SocketAddr, head: &str, length: usize, held_back: usize) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let (mut reading, mut writing) = stream.split();
    let body = "x".repeat(length - held_back);
    let request = format!("{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    let write = async {
        // Whoever has answered need not read on.
        let _ = writing.write_all(request.as_bytes()).await;
    };
    let read = async {
        let mut read = Vec::new();
        while !read.windows(4).any(|end| end == b"\r\n\r\n") {
            let more = tokio::io::AsyncReadExt::read_buf(&mut reading, &mut read).await.unwrap_or(0);
            assert!(more > 0, "no answer to {length} bytes: {}", String::from_utf8_lossy(&read));
        }
        String::from_utf8_lossy(&read).into_owned()
    };
    tokio::join!(read, write).0
}

/// How much of a body may be held back until the answer comes: nothing, where a proxy wants it all before it asks, or
/// as much as its buffer holds.
fn held_back(name: &str, length: usize) -> usize {
    let is_held = name == BUFFERING || (name == HAPROXY && length < 64 * 1024);
    if is_held { 0 } else { length / 2 }
}

/// Every proxy in front of a replica, and none.
fn everywhere(replica: SocketAddr) -> impl Iterator<Item = (&'static str, SocketAddr, Option<Proxy>)> {
    let proxies = every_proxy(replica).into_iter().map(|(name, proxy)| (name, proxy.address(), Some(proxy)));
    proxies.chain([("directly", replica, None)])
}

/// The answer comes before the body has been sent, and closes the connection to the proxy: still it must reach the
/// client as it is, and not as a 502.
async fn an_early_413_reaches_the_client_as_such(service: &Service) {
    let poll = service.poll(json!({})).await;
    let token = service.client().mint().await;
    let head = format!(
        "POST /v1/polls/{poll}/votes HTTP/1.1\r\nHost: sawt\r\nAuthorization: Voter {token}\r\n\
         Content-Type: application/json\r\n"
    );
    for (name, address, _proxy) in everywhere(service.replicas()[0].address()) {
        for length in [16 * 1024 + 1, 100_000, 900_000] {
            let answer = &answers(early_answer(address, &head, length, held_back(name, length)).await.as_bytes())[0];
            assert_eq!((answer.status, answer.request_id.is_empty()), (413, false), "{name}: {length} bytes");
        }
    }
}

/// So it is with a refusal for a quota, which comes before anything of the body is looked at, and says when to come
/// back.
async fn an_early_429_reaches_the_client_as_such(service: &Service) {
    let storage = Storage::file();
    let replica = Replica::start(&Settings::on(storage.address()).with("SAWT_QUOTA_CLIENT", "1/86400s"));
    let poll = service.poll(json!({})).await;
    Client::new(replica.address()).mint().await;
    let head = format!("POST /v1/polls/{poll}/votes HTTP/1.1\r\nHost: sawt\r\nContent-Type: application/json\r\n");
    for (name, address, _proxy) in everywhere(replica.address()) {
        for length in [20, 10_000, 100_000, 900_000] {
            let read = early_answer(address, &head, length, held_back(name, length)).await;
            let answer = &answers(read.as_bytes())[0];
            assert_eq!((answer.status, answer.request_id.is_empty()), (429, false), "{name}: {length} bytes: {read}");
            let waits =
                read.to_ascii_lowercase().lines().find_map(|line| line.strip_prefix("retry-after: ")?.parse().ok());
            assert!(waits.is_some_and(|secs: u32| secs > 80_000), "{name}: {length} bytes: {read}");
        }
    }
}

/// A refusal that the client waits out without reading must not hold the proxy's other clients up.
async fn every_proxy_passes_votes_and_their_headers(service: &Service) {
    let poll = service.poll(json!({})).await;
    for (name, proxy) in every_proxy(service.replicas()[0].address()) {
        let client = Client::new(proxy.address());
        let voter = client.new_voter().await;
        voter.vote(&poll, &["yes"]).await.is(201);
        voter.vote(&poll, &["yes"]).await.is(200);
        let answer = voter.vote(&poll, &["no"]).await;
        assert!(answer.header("x-request-id").is_some(), "{name}");
        answer.refused(409, "already-voted");
    }
}

/// A client that hangs up in the middle of its vote leaves nothing behind for the next one.
async fn a_client_that_hangs_up_leaves_no_half_request_behind(service: &Service) {
    for (name, proxy) in every_proxy(service.replicas()[0].address()) {
        for _ in 0..5 {
            let mut stream = TcpStream::connect(proxy.address()).await.expect("a connection");
            let half = "POST /v1/voters HTTP/1.1\r\nHost: sawt\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab";
            stream.write_all(half.as_bytes()).await.expect("it is sent");
            stream.shutdown().await.expect("one half is closed");
            let answers = answers(&read_to_end(&mut stream).await);
            assert!(answers.iter().all(|answer| answer.status >= 400), "{name}: {answers:?}");
            Client::new(proxy.address()).mint().await;
        }
    }
}

/// Behind HAProxy behind what ends TLS each reader is one, whatever they say of themselves; and whoever comes to
/// HAProxy directly is not believed.
async fn readers_behind_two_proxies_are_counted_each_alone(service: &Service) {
    const TERMINATOR: [u8; 4] = [127, 0, 0, 7];
    let poll = service.poll(json!({})).await;
    let storage = Storage::file();
    let settings = Settings::on(storage.address()).with("SAWT_TRUSTED_PROXIES", "127.0.0.1, 127.0.0.7");
    let replica = Replica::start(&settings.with("SAWT_QUOTA_READ", "1/86400s"));
    let proxy = Proxy::haproxy_behind(replica.address(), "127.0.0.7");
    for (from, said, status) in [
        (TERMINATOR, "203.0.113.1", 404),
        (TERMINATOR, "203.0.113.1", 429),
        (TERMINATOR, "203.0.113.2", 404),
        (TERMINATOR, "203.0.113.3, 203.0.113.1", 429),
        ([127, 0, 0, 9], "203.0.113.4", 404),
        ([127, 0, 0, 9], "203.0.113.5", 429),
    ] {
        let reader = Client::new(proxy.address()).at(from.into());
        let read = reader.get(&format!("/v1/polls/{poll}/results")).undocumented().header("x-forwarded-for", said);
        let answer = read.send().await;
        assert_eq!(answer.status, status, "{from:?}, {said}: {answer}");
    }
}

/// Streams last, and whoever is slow takes their time: neither takes a place from those who are answered at once.
async fn streams_and_slow_senders_hold_no_places(service: &Service) {
    let poll = service.poll(json!({})).await;
    let proxy = Proxy::narrow_haproxy(service.replicas()[0].address(), 1);
    let client = Client::new(proxy.address());
    let mut streams = futures_util::future::join_all((0..3).map(|_| client.live(&poll))).await;
    // The same address to a replica, and so to be the same to the proxy.
    streams.push(client.get(&format!("/v1/polls/{poll}/liv%65")).undocumented().open().await);
    let mut slow = TcpStream::connect(proxy.address()).await.expect("a connection");
    let head = "POST /v1/voters HTTP/1.1\r\nHost: sawt\r\nContent-Length: 2\r\n\r\n";
    slow.write_all(head.as_bytes()).await.expect("it is sent");
    client.new_voter().await.vote(&poll, &["yes"]).await.is(201);
    for stream in &mut streams {
        stream.tally_from(1).await;
    }
}

service_rules![
    on [Backend::Sqlite];
    an_early_413_reaches_the_client_as_such,
    an_early_429_reaches_the_client_as_such,
    every_proxy_passes_votes_and_their_headers,
    readers_behind_two_proxies_are_counted_each_alone,
    a_client_that_hangs_up_leaves_no_half_request_behind,
    streams_and_slow_senders_hold_no_places,
];
