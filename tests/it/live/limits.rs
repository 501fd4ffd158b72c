//! How many streams there may be, for how long, and what becomes of those who do not keep up.

use std::cell::Cell;

use futures_util::future::join_all;
use serde_json::json;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
};

use crate::{
    backends::{Backend, Program, Storage},
    client::{Client, nonce, until},
    crowd::one_crowd_at_a_time,
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{Service, seed_poll, text},
};

/// A replica with these settings, on a file of its own, and a poll on it.
async fn replica_with(settings: &[(&str, &str)]) -> (Storage, Replica, Client, String) {
    let storage = Storage::file();
    let plain = Settings::on(storage.address());
    let settings = settings.iter().fold(plain, |settings, (name, value)| settings.with(name, value));
    let replica = Replica::start(&settings);
    let client = Client::new(replica.address());
    let made = client.with_key(ADMIN_KEY).post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
    (storage, replica, client, text(&made["id"]))
}

/// A number among what a replica tells its operator.
fn metric(replica: &Replica, series: &str) -> Option<f64> {
    let told = replica.told_to_operators("/metrics");
    let line = told.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    line.parse().ok()
}

async fn streams_beyond_the_bounds_are_refused_until_others_end() {
    for (bounds, places) in
        [(vec![("SAWT_STREAMS", "5")], 2), (vec![("SAWT_STREAMS", "100"), ("SAWT_STREAMS_PER_CLIENT", "3")], 3)]
    {
        let (_storage, replica, client, poll) = replica_with(&bounds).await;
        let path = format!("/v1/polls/{poll}/live");
        let mut streams = join_all((0..places).map(|_| client.live(&poll))).await;
        client.get(&path).send().await.refused(503, "overloaded");
        client.get(&format!("/v1/live?polls={poll}")).send().await.refused(503, "overloaded");
        let named = client.post(&format!("/v1/live?polls={poll}")).json(&json!({ "voter": { "nonce": nonce() } }));
        named.send().await.refused(503, "overloaded");
        client.results(&poll).await;
        assert_eq!(metric(&replica, "sawt_streams"), Some(f64::from(places)));
        streams.pop();
        let mut again = until(async || {
            let answer = client.get(&path).header("last-event-id", "9").open().await;
            (answer.head().status == 200).then_some(answer)
        })
        .await;
        again.expect("tally").await;
        assert!(metric(&replica, "sawt_streams_ended_total{outcome=\"left\"}") >= Some(1.0));
    }
}

/// Four addresses took all 20,000 places.
async fn a_few_clients_do_not_take_every_stream() {
    let (_storage, replica, client, poll) =
        replica_with(&[("SAWT_STREAMS", "40"), ("SAWT_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let path = format!("/v1/polls/{poll}/live");
    let open = async |number: u8| {
        let answer = client.get(&path).header("x-forwarded-for", &format!("192.0.2.{number}")).open().await;
        (answer.head().status == 200).then_some(answer)
    };
    let mut streams = Vec::new();
    for greedy in 1..=4 {
        while let Some(stream) = open(greedy).await {
            streams.push(stream);
        }
    }
    for honest in 10..15 {
        streams.push(open(honest).await.expect("there is a place left"));
    }
    assert_eq!(metric(&replica, "sawt_streams"), Some(f64::from(u32::try_from(streams.len()).expect("not so many"))));
}

async fn a_stream_counts_once_in_the_quota_of_reads() {
    let (_storage, _replica, client, poll) = replica_with(&[("SAWT_QUOTA_READ", "2/600s")]).await;
    let mut stream = client.live(&poll).await;
    for version in 1..=3 {
        client.new_voter().await.vote(&poll, &["yes"]).await.is(201);
        stream.tally_from(version).await;
    }
    client.get(&format!("/v1/live?polls={poll}")).open().await.expect("tally").await;
    client.get(&format!("/v1/polls/{poll}/live")).send().await.refused(429, "quota-exceeded");
    client.get(&format!("/v1/live?polls={poll}")).send().await.refused(429, "quota-exceeded");
}

async fn a_silent_stream_has_heartbeats() {
    let (_storage, _replica, client, poll) = replica_with(&[]).await;
    let mut stream = client.live(&poll).await;
    stream.expect("tally").await;
    assert_eq!(stream.comments, 0);
    // Nothing is voted until there was one.
    let voting = async {
        tokio::time::sleep(sawt::live::HEARTBEAT + std::time::Duration::from_secs(3)).await;
        client.new_voter().await.vote(&poll, &["yes"]).await.is(201);
    };
    let reading = async {
        stream.tally_from(1).await;
        stream.comments
    };
    let (comments, ()) = futures_util::future::join(reading, voting).await;
    assert!(comments >= 1);
}

async fn a_replica_that_stops_ends_its_streams_and_they_do_not_hold_it() {
    // One that is interrupted does not drain. Without their end the stop would take as long as it may.
    for (signal, drain_secs) in [("TERM", "2"), ("INT", "300")] {
        let (_storage, replica, client, poll) =
            replica_with(&[("SAWT_DRAIN_SECS", drain_secs), ("SAWT_SHUTDOWN_SECS", "300")]).await;
        let mut streams = join_all((0..20).map(|_| client.live(&poll))).await;
        for stream in &mut streams {
            stream.expect("tally").await;
            stream.retry_millis = None;
        }
        replica.signal(signal);
        let mut pauses = Vec::new();
        for stream in &mut streams {
            assert_eq!(stream.next().await, None);
            pauses.push(stream.retry_millis.expect("it is said when to come back"));
        }
        pauses.sort_unstable();
        pauses.dedup();
        assert!(pauses.len() > 5, "they come back at different moments: {pauses:?}");
        if signal == "TERM" {
            // An EventSource that is refused never asks again, and would not come to another replica.
            let mut sent_away = client.live(&poll).await;
            assert_eq!((sent_away.next().await, sent_away.retry_millis.is_some()), (None, true));
        }
        let ended = replica.wait();
        assert_eq!(ended.code(), Some(0), "{ended}\n{}", replica.log().text());
        let line = replica.log().wait_for(|line| line["target"] == "sawt::stream").expect("a stream's end is logged");
        assert_eq!((&line["outcome"], &line["events"], &line["polls"]), (&json!("closing"), &json!(1), &json!(1)));
    }
}

/// Polls with as long tallies as there can be, so that what is told of them soon fills what the system holds for a
/// connection.
struct Torrent {
    replica: Replica,
    polls: Vec<String>,
    options: Vec<String>,
    voters: Vec<Client>,
    rounds: Cell<usize>,
    _storage: Storage,
}

impl Torrent {
    async fn new() -> Self {
        let (storage, replica, client, _) = replica_with(&[]).await;
        let options: Vec<String> = (0..32).map(|place| format!("option-number-{place:017}")).collect();
        let named: Vec<_> = options.iter().map(|id| json!({ "id": id, "label": id })).collect();
        let new = seed_poll(json!({ "options": named, "changeable": true }));
        let mut polls = Vec::new();
        for _ in 0..50 {
            polls.push(text(&client.with_key(ADMIN_KEY).post("/v1/polls").json(&new).send().await.is(201)["id"]));
        }
        let voters = join_all((0..2).map(|_| client.new_voter())).await;
        Self { replica, polls, options, voters, rounds: Cell::new(0), _storage: storage }
    }

    /// A vote in every poll.
    async fn vote(&self) {
        let round = self.rounds.replace(self.rounds.get() + 1);
        let choice = [self.options[round / 2 % 32].as_str()];
        for poll in &self.polls {
            self.voters[round % 2].vote(poll, &choice).await;
        }
    }

    /// A stream of all polls, over a connection that holds little at the reader's end.
    async fn open(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4_096).expect("a small buffer");
        let mut stream = socket.connect(self.replica.address()).await.expect("a connection");
        let request = format!("GET /v1/live?polls={} HTTP/1.1\r\nHost: sawt\r\n\r\n", self.polls.join(","));
        stream.write_all(request.as_bytes()).await.expect("a request can be sent");
        stream
    }
}

async fn a_reader_who_takes_nothing_is_dropped() {
    let _turn = one_crowd_at_a_time().await;
    let torrent = Torrent::new().await;
    let _reader = torrent.open().await;
    let streams = || metric(&torrent.replica, "sawt_streams");
    until(async || streams().filter(|streams| *streams >= 1.0)).await;
    // Whoever notices first drops it: the system, or the connection once nothing more fits in.
    until(async || {
        torrent.vote().await;
        streams().filter(|streams| *streams < 1.0)
    })
    .await;
}

async fn while_the_store_is_away_streams_go_on_and_then_tell_what_was_missed() {
    let service = Service::start_on(Backend::Redis, Storage::single(Program::Redis, &[("appendonly", "yes")]));
    let poll = service.poll(json!({})).await;
    let mut streams = join_all(service.clients().iter().map(|client| client.live(&poll))).await;
    service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
    for stream in &mut streams {
        stream.tally_from(1).await;
    }
    service.storage().server().stop();
    // A stream that is opened now begins with what is known.
    for client in service.clients() {
        assert_eq!(client.live(&poll).await.expect("tally").await.versions().as_deref(), Some("1"));
    }
    service.storage().server().start_again();
    let voter = service.client().new_voter().await;
    until(async || (voter.vote(&poll, &["no"]).await.status < 300).then_some(())).await;
    for stream in &mut streams {
        assert_eq!(stream.tally_from(2).await["ballots"], 2);
    }
}

lone_rules![
    streams_beyond_the_bounds_are_refused_until_others_end,
    a_few_clients_do_not_take_every_stream,
    a_stream_counts_once_in_the_quota_of_reads,
    a_silent_stream_has_heartbeats,
    a_replica_that_stops_ends_its_streams_and_they_do_not_hold_it,
    a_reader_who_takes_nothing_is_dropped,
    while_the_store_is_away_streams_go_on_and_then_tell_what_was_missed,
];
