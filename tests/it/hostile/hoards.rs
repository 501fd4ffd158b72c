//! Clients that take all they can get and do nothing with it: connections, and memory for requests that never end.
//! Every address of the loopback network is another client.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use super::{answers, probe, read_to_end};
use crate::{
    backends::Storage,
    client::{Client, until},
    crowd::one_crowd_at_a_time,
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{seed_poll, text},
    wire::{Wire, request, vote},
};

/// Another client, by number.
fn other(number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(127, 1, high, low).into()
}

/// A connection from this address.
async fn connect(from: IpAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(to).await
}

/// So many connections from one address.
async fn connect_many(from: IpAddr, to: SocketAddr, count: usize) -> Vec<TcpStream> {
    let connections = join_all((0..count).map(|_| connect(from, to))).await;
    connections.into_iter().map(|connection| connection.expect("the system takes it")).collect()
}

/// Asks on a connection; `None` if it is closed instead of answered.
async fn ask(stream: &mut TcpStream) -> Option<()> {
    stream.write_all(probe("asked", false).as_bytes()).await.ok()?;
    let mut read = vec![0; 4_096];
    let length = stream.read(&mut read).await.ok().filter(|length| *length > 0)?;
    assert_eq!(answers(&read[..length]).first().map(|answer| answer.status), Some(200));
    Some(())
}

/// A replica with these settings, on a file of its own; started by this shell command first.
fn replica_with(settings: &[(&str, &str)], before: &str) -> (Storage, Replica) {
    let storage = Storage::file();
    let plain = Settings::on(storage.address()).without("SAWT_LOG");
    let settings = settings.iter().fold(plain, |settings, (name, value)| settings.with(name, value));
    let shell = format!("{before}\nexec \"$0\" \"$@\"");
    let replica = Replica::start_by(&["/bin/sh", "-c", &shell], &settings, &["serve"]);
    (storage, replica)
}

fn metric(replica: &Replica, series: &str) -> u64 {
    let told = replica.told_to_operators("/metrics");
    let line = told.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0, |number| number.parse().expect("a whole number"))
}

fn dropped(replica: &Replica, outcome: &str) -> u64 {
    metric(replica, &format!("sawt_connections_dropped_total{{outcome=\"{outcome}\"}}"))
}

/// Somebody else makes a poll, becomes a voter and votes; again if the connection ends, as a browser does.
async fn others_vote(replica: &Replica) {
    let (key, poll) = (format!("Bearer {ADMIN_KEY}"), seed_poll(json!({})).to_string());
    until(async || {
        let mut wire = Wire::to(replica.address());
        let mut made = async |request: &[u8]| {
            let (status, body) = wire.ask(request).await.ok()?;
            assert_eq!(status, 201);
            serde_json::from_slice::<Value>(&body).ok()
        };
        let poll = text(&made(&request("POST", "/v1/polls", &key, &poll)).await?["id"]);
        let token = text(&made(&request("POST", "/v1/voters", "", "")).await?["voter"]);
        made(&vote(&poll, &token, "yes")).await.map(drop)
    })
    .await;
}

async fn one_address_does_not_hold_every_connection() {
    const TRIED: u64 = 300;
    let (_storage, replica) = replica_with(&[("SAWT_CONNECTIONS", "100")], "");
    let held = connect_many(other(1), replica.address(), 300).await;
    until(async || (dropped(&replica, "client-full") + metric(&replica, "sawt_connections") >= TRIED).then_some(()))
        .await;
    assert!(metric(&replica, "sawt_connections") < 50);
    others_vote(&replica).await;
    assert_eq!(dropped(&replica, "full"), 0);
    drop(held);
    until(async || (metric(&replica, "sawt_connections") < 5).then_some(())).await;
    ask(&mut connect(other(1), replica.address()).await.expect("a connection")).await.expect("what was given back");
}

/// Behind a proxy that is trusted there are many clients, and no one knows how many.
async fn a_trusted_proxy_has_as_many_connections_as_there_are_and_nobody_else_has() {
    for (trusted, served) in [(Some("127.0.0.0/8"), 10), (None, 2)] {
        let settings = [Some(("SAWT_CONNECTIONS_PER_CLIENT", "2")), trusted.map(|of| ("SAWT_TRUSTED_PROXIES", of))];
        let settings: Vec<_> = settings.into_iter().flatten().collect();
        let (_storage, replica) = replica_with(&settings, "");
        let mut connections = connect_many(other(1), replica.address(), 10).await;
        let answered = join_all(connections.iter_mut().map(ask)).await;
        assert_eq!(answered.iter().flatten().count(), served, "{trusted:?}");
    }
}

async fn idle_connections_end_where_newcomers_need_the_room() {
    let (_storage, replica) = replica_with(&[("SAWT_CONNECTIONS", "40")], "");
    let mut idle = Vec::new();
    for number in 0..200 {
        // Whoever comes before the room is made comes again.
        let stream = until(async || {
            let mut stream = connect(other(number), replica.address()).await.ok()?;
            ask(&mut stream).await.map(|()| stream)
        });
        idle.push(stream.await);
    }
    assert!(dropped(&replica, "idle") >= 150, "{} ended", dropped(&replica, "idle"));
    // The first to come was idle for longest, and the last is served still.
    let mut read = [0; 1];
    assert!(!matches!(idle[0].read(&mut read).await, Ok(1..)), "it has ended");
    ask(&mut idle[199]).await.expect("it goes on");
    others_vote(&replica).await;
}

/// 1,224 sockets that did nothing, at a soft limit of 1,024, held every vote up.
async fn a_soft_limit_on_open_files_is_raised_and_a_hard_one_is_kept_to() {
    let (_storage, replica) = replica_with(&[("SAWT_CONNECTIONS", "1000"), ("SAWT_STREAMS", "100")], "ulimit -Sn 64");
    let held = connect_many(other(1), replica.address(), 200).await;
    until(async || (metric(&replica, "sawt_connections") >= 200).then_some(())).await;
    others_vote(&replica).await;
    drop(held);
    let says_so = |line: &String| line.contains("raise the limit on open files");
    assert!(!replica.log().lines().iter().any(says_so));

    let (_storage, replica) = replica_with(&[("SAWT_WORKERS", "2")], "ulimit -n 400");
    let line = replica.log().wait_for(|line| line["descriptors"] == 400).expect("it says what can't be had");
    assert_eq!((&line["level"], &line["connections"], &line["streams"]), (&json!("WARN"), &json!(279), &json!(210)));
    let mut held = Vec::new();
    for number in 0..12 {
        held.extend(connect_many(other(number), replica.address(), 100).await);
    }
    until(async || {
        let client = Client::new(replica.address());
        let probe = client.get("/readyz").header("connection", "close").try_send().await;
        probe.is_ok_and(|answer| answer.status == 200).then_some(())
    })
    .await;
    assert!(metric(&replica, "sawt_connections") <= 279, "operators are answered all the while");
    until(async || (metric(&replica, "sawt_connections") <= 245).then_some(())).await;
    others_vote(&replica).await;
    assert!(!replica.log().text().contains("Too many open files"));
    drop(held);
}

/// What a replica holds in memory, in bytes.
fn memory_bytes(replica: &Replica) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", replica.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its size is known");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1_024
}

/// Sends this on so many connections of one client at once, and reads what each is told in the end; and the most that
/// the replica had grown by as it was told.
async fn send_and_wait(replica: &Replica, sent: &[u8], count: usize) -> (Vec<Option<u16>>, u64) {
    let before = memory_bytes(replica);
    let mut most = 0;
    let mut held = connect_many(other(1), replica.address(), count).await;
    let told = join_all(held.iter_mut().map(async |stream| {
        // What is refused may be closed while it is being sent.
        let _ = stream.write_all(sent).await;
        answers(&read_to_end(stream).await).first().map(|answer| answer.status)
    }));
    let grown = async {
        until(async || {
            most = memory_bytes(replica).saturating_sub(before).max(most);
            (metric(replica, "sawt_connections") < 20).then_some(())
        })
        .await;
    };
    let (told, ()) = join(told, grown).await;
    (told, most)
}

/// Three thousand half-sent bodies took 78 MB.
async fn bodies_that_do_not_come_are_waited_for_only_so_many_at_a_time() {
    let _turn = one_crowd_at_a_time().await;
    let (_storage, replica) = replica_with(&[], "");
    let half = b"POST /v1/voters HTTP/1.1\r\nHost: sawt\r\nContent-Length: 9\r\n\r\n{";
    let (told, _) = send_and_wait(&replica, half, 1_000).await;
    let of = |status| told.iter().filter(|told| **told == Some(status)).count();
    assert_eq!(of(503) + of(400), 1_000, "{told:?}");
    assert!(of(400) >= 1 && of(503) >= 400, "{} were waited for, {} refused", of(400), of(503));
    others_vote(&replica).await;
}

/// A thousand heads that go on and on took as much as 128 KiB each, and twice that while they grew.
async fn heads_that_go_on_and_on_take_bounded_memory() {
    let _turn = one_crowd_at_a_time().await;
    let (_storage, replica) = replica_with(&[], "");
    others_vote(&replica).await;
    let endless = [&b"GET /livez HTTP/1.1\r\nHost: sawt\r\nX: "[..], &vec![b'x'; 110_000]].concat();
    let (_, grown) = send_and_wait(&replica, &endless, 1_000).await;
    assert!(grown < 70 * 1_024 * 1_024, "{grown} bytes");
    others_vote(&replica).await;
}

lone_rules![
    one_address_does_not_hold_every_connection,
    a_trusted_proxy_has_as_many_connections_as_there_are_and_nobody_else_has,
    idle_connections_end_where_newcomers_need_the_room,
    a_soft_limit_on_open_files_is_raised_and_a_hard_one_is_kept_to,
    bodies_that_do_not_come_are_waited_for_only_so_many_at_a_time,
    heads_that_go_on_and_on_take_bounded_memory,
];
