//! nginx and HAProxy as Debian has them, in front of a replica: what they pass on, and what reaches the client.

use std::net::SocketAddr;

use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{answers, read_to_end};
use crate::{backends::Backend, client::Client, proxy::Proxy, registry::service_rules, service::Service};

fn every_proxy(replica: SocketAddr) -> [(&'static str, Proxy); 3] {
    [
        ("nginx that buffers", Proxy::nginx(replica, true)),
        ("nginx", Proxy::nginx(replica, false)),
        ("HAProxy", Proxy::haproxy(replica)),
    ]
}

/// The answer comes before the body has been sent, and closes the connection to the proxy: still it must reach the
/// client as it is, and not as a 502.
async fn an_early_413_reaches_the_client_as_such(service: &Service) {
    let poll = service.poll(json!({})).await;
    let replica = service.replicas()[0].address();
    let token = service.client().mint().await;
    let head = |length: usize| {
        format!(
            "POST /v1/polls/{poll}/votes HTTP/1.1\r\nHost: sawt\r\nAuthorization: Voter {token}\r\n\
             Content-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let everywhere = every_proxy(replica)
        .into_iter()
        .map(|(name, proxy)| (name, proxy.address(), Some(proxy)))
        .chain([("directly", replica, None)]);
    for (name, address, _proxy) in everywhere {
        for length in [16 * 1024 + 1, 100_000, 900_000] {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            let (mut reading, mut writing) = stream.split();
            let body = vec![b'x'; length];
            // Reads while it writes, as clients that mean well do.
            let write = async {
                let _ = writing.write_all(head(length).as_bytes()).await;
                let _ = writing.write_all(&body).await;
            };
            let read = async {
                let mut head = Vec::new();
                while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                    let read = tokio::io::AsyncReadExt::read_buf(&mut reading, &mut head).await.unwrap_or(0);
                    assert!(read > 0, "{name}: no answer to {length} bytes");
                }
                head
            };
            let head = tokio::select! {
                head = async { tokio::join!(read, write).0 } => head,
            };
            let answer = &answers(&head)[0];
            assert_eq!((answer.status, answer.request_id.is_empty()), (413, false), "{name}: {length} bytes");
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

service_rules![
    on [Backend::Sqlite];
    an_early_413_reaches_the_client_as_such,
    every_proxy_passes_votes_and_their_headers,
    a_client_that_hangs_up_leaves_no_half_request_behind,
];
