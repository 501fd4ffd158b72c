//! Clients that mean harm, or speak HTTP so badly that it comes to the same: bytes on a socket, written by hand.

mod existence;
mod framing;
mod hoards;
mod proxies;
mod slow;

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::registry::Rule;

/// Every rule about hostile clients.
pub(crate) fn rules() -> Vec<Rule> {
    [existence::rules(), framing::rules(), hoards::rules(), proxies::rules(), slow::rules()]
        .into_iter()
        .flatten()
        .collect()
}

/// Longer than any deadline of the service's.
const CLOSE_TIMEOUT: Duration = Duration::from_mins(2);

/// An answer as it came over the wire.
#[derive(Debug)]
struct RawAnswer {
    status: u16,
    request_id: String,
}

/// Sends bytes, and reads what comes back until the other side ends the connection.
async fn say(address: SocketAddr, bytes: &[u8]) -> Vec<RawAnswer> {
    let mut stream = TcpStream::connect(address).await.expect("it takes connections");
    // What hangs up in the middle has said all it has to say.
    let _ = stream.write_all(bytes).await;
    answers(&read_to_end(&mut stream).await)
}

/// Everything until the other side ends the connection.
async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    let whole = tokio::time::timeout(CLOSE_TIMEOUT, async {
        // A connection that is reset has ended, too.
        while stream.read_buf(&mut read).await.is_ok_and(|length| length > 0) {}
    });
    assert!(whole.await.is_ok(), "the connection stays open after {}", String::from_utf8_lossy(&read));
    read
}

/// The answers in what was read. No body of ours, and none of a proxy's, begins a line as an answer begins.
fn answers(read: &[u8]) -> Vec<RawAnswer> {
    let text = String::from_utf8_lossy(read);
    let heads = text.split("HTTP/1.1 ").skip(1);
    heads
        .map(|head| {
            let status = head.get(..3).and_then(|status| status.parse().ok()).expect("a status");
            let is_id = |line: &&str| line.to_ascii_lowercase().starts_with("x-request-id:");
            let id = head.lines().find(is_id).and_then(|line| line.split(':').nth(1));
            RawAnswer { status, request_id: id.unwrap_or_default().trim().to_owned() }
        })
        // An interim answer is none.
        .filter(|answer| answer.status >= 200)
        .collect()
}

/// A GET request with this id; `last` asks to end the connection after it.
fn probe(id: &str, is_last: bool) -> String {
    let connection = if is_last { "Connection: close\r\n" } else { "" };
    format!("GET /livez HTTP/1.1\r\nHost: sawt\r\nX-Request-Id: {id}\r\n{connection}\r\n")
}
