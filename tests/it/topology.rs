//! Redis as operators run it: behind Sentinel, over TLS, and as a cluster of which a host is away. (The cluster is one
//! of the stores every rule runs on.)

use std::{
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};

use crate::{
    backends::{Backend, Process, Program, RedisServer, Storage, free_port},
    client::{Client, until},
    registry::lone_rules,
    sentinel::{MASTER, Sentinel},
    server::{ADMIN_KEY, Replica, Settings},
    service::{seed_poll, text},
};

lone_rules! {
    after_a_failover_votes_go_to_the_new_master,
    a_master_that_was_deposed_while_nobody_looked_is_given_no_vote,
    a_master_that_takes_writes_without_its_replicas_is_warned_of,
    redis_is_reached_over_tls_when_its_certificate_is_trusted,
    a_cluster_is_reached_though_a_host_that_is_named_is_silent,
}

/// A master with a replica, and one Sentinel that watches them.
struct Watched {
    master: RedisServer,
    replica: RedisServer,
    sentinel: Sentinel<Process>,
}

impl Watched {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same, the master with these options.
    async fn start_with(options: &[(&str, &str)]) -> Self {
        let master = RedisServer::start(Program::Redis, options);
        let port = master.port().to_string();
        let replica = RedisServer::start(Program::Redis, &[("replicaof", &format!("127.0.0.1 {port}"))]);
        until(async || replica.ask(&["INFO", "replication"]).contains("master_link_status:up").then_some(())).await;
        let sentinel = Sentinel::start(free_port(), master.port(), 1, Process::spawn);
        // It finds the replica by asking the master; before that there is nobody to fail over to.
        until(async || sentinel.says("num-slaves").is_some_and(|count| count == "1").then_some(())).await;
        Self { master, replica, sentinel }
    }

    /// What `SAWT_STORE` is set to.
    fn address(&self) -> String {
        format!("redis-sentinel://127.0.0.1:{}/{MASTER}", self.sentinel.port)
    }

    /// How many ballots of a poll one of its servers has.
    fn ballots(server: &RedisServer, poll: &str) -> String {
        server.ask(&["HLEN", &format!("sawt:{{{poll}.0}}:voters:0")])
    }

    /// Waits until the replica has so many ballots of a poll.
    async fn replica_has(&self, ballots: &str, poll: &str) {
        until(async || (Self::ballots(&self.replica, poll) == ballots).then_some(())).await;
    }
}

async fn after_a_failover_votes_go_to_the_new_master() {
    let watched = Watched::start().await;
    let sawt = Replica::start(&Settings::on(&watched.address()));
    let reader = Client::new(sawt.address());
    let poll = poll_on(&sawt).await;
    let first = reader.new_voter().await;
    first.vote(&poll, &["yes"]).await.is(201);
    assert_eq!(Watched::ballots(&watched.master, &poll), "1");
    watched.replica_has("1", &poll).await;

    // On a busy machine it knows of the replica before it knows that the replica is fit, and says NOGOODSLAVE until
    // then; and it gives up on a failover that takes long.
    let new_port = watched.replica.port().to_string();
    until(async || {
        if watched.sentinel.says("port")? == new_port {
            return Some(());
        }
        if !watched.sentinel.says("flags")?.contains("failover_in_progress") {
            let _ = watched.sentinel.ask::<redis::Value>(&["FAILOVER", MASTER]);
        }
        None
    })
    .await;

    // Until the replica hears of it, the old master may still take a vote, and lose it when it is demoted. Sent again,
    // the vote is counted by the new one, once.
    let second = reader.new_voter().await;
    until(async || {
        let status = second.vote(&poll, &["no"]).await.status;
        let is_kept = Watched::ballots(&watched.replica, &poll) == "2";
        (is_kept && matches!(status, 200 | 201)).then_some(())
    })
    .await;
    let again = first.vote(&poll, &["yes"]).await.is(200);
    assert_eq!(again["results"]["ballots"], json!(2));
    assert_eq!(Watched::ballots(&watched.replica, &poll), "2");
}

/// A master that hangs for longer than its Sentinels wait does not know what became of it when it goes on, and takes
/// writes that are lost. 2,197 of 38,840 acknowledged votes went that way.
async fn a_master_that_was_deposed_while_nobody_looked_is_given_no_vote() {
    let watched = Watched::start().await;
    let sawt = Replica::start(&Settings::on(&watched.address()));
    let poll = poll_on(&sawt).await;
    let reader = Client::new(sawt.address());
    let [first, second] = [reader.new_voter().await, reader.new_voter().await];
    first.vote(&poll, &["yes"]).await.is(201);
    watched.replica_has("1", &poll).await;

    // Neither the replica nor the master sees the failover. And then nobody is there to tell them.
    let frozen = sawt.freeze();
    watched.master.freeze();
    let new_port = watched.replica.port().to_string();
    until(async || (watched.sentinel.says("port")? == new_port).then_some(())).await;
    watched.sentinel.signal("STOP");
    watched.master.thaw();
    drop(frozen);
    second.vote(&poll, &["no"]).await.refused(503, "store-unavailable");

    watched.sentinel.signal("CONT");
    until(async || (second.vote(&poll, &["no"]).await.status < 300).then_some(())).await;
    assert_eq!(Watched::ballots(&watched.replica, &poll), "2");
}

async fn a_master_that_takes_writes_without_its_replicas_is_warned_of() {
    for (options, is_warned_of) in [(&[][..], true), (&[("min-replicas-to-write", "1")][..], false)] {
        let watched = Watched::start_with(options).await;
        let sawt = Replica::start(&Settings::on(&watched.address()));
        assert_eq!(sawt.log().text().contains("min-replicas-to-write"), is_warned_of, "{}", sawt.log().text());
    }
}

async fn redis_is_reached_over_tls_when_its_certificate_is_trusted() {
    let directory = TempDir::new().expect("a temporary directory can be made");
    let file = |name: &str| directory.path().join(name).display().to_string();
    make_certificates(directory.path());
    let port = free_port().to_string();
    let _redis = RedisServer::start(
        Program::Redis,
        &[
            ("tls-port", &port),
            ("tls-cert-file", &file("server.crt")),
            ("tls-key-file", &file("server.key")),
            ("tls-ca-cert-file", &file("ca.crt")),
            ("tls-auth-clients", "no"),
        ],
    );
    let settings = Settings::on(&format!("rediss://127.0.0.1:{port}"));

    let trusting = Replica::start(&settings.clone().with("SSL_CERT_FILE", &file("ca.crt")));
    let poll = poll_on(&trusting).await;
    let reader = Client::new(trusting.address()).new_voter().await;
    reader.vote(&poll, &["yes"]).await.is(201);

    // On a slow machine the first attempt may end before the certificate is seen, and only that is told of.
    let wary = until(async || {
        let wary = Replica::start_unready(&settings);
        let is_told = |line: &Value| line["message"].as_str().is_some_and(|said| said.contains("can't be reached"));
        let told = wary.log().wait_for(is_told).expect("it says that it has no store");
        text(&told["cause"]).contains("certificate").then_some(wary)
    })
    .await;
    Client::new(wary.address()).get("/readyz").send().await.refused(503, "store-unavailable");
}

async fn a_cluster_is_reached_though_a_host_that_is_named_is_silent() {
    let (cluster, host) = (Storage::start(Backend::Cluster), SilentHost::start());
    let address = cluster.address().replacen("://", &format!("://{},", host.address()), 1);
    let sawt = Replica::start_unready(&Settings::on(&address));
    until(async || (Client::new(sawt.address()).get("/readyz").send().await.status == 200).then_some(())).await;
    let poll = poll_on(&sawt).await;
    Client::new(sawt.address()).new_voter().await.vote(&poll, &["yes"]).await.is(201);
}

/// Answers nobody who wants to connect, as a host without power.
struct SilentHost {
    listener: TcpListener,
    /// Connections that nobody takes: there is no room for another.
    _waiting: Vec<TcpStream>,
}

impl SilentHost {
    fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port is free");
        let listener = socket.listen(1).expect("it can be listened at");
        let address = listener.local_addr().expect("an address");
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok();
        Self { listener, _waiting: std::iter::from_fn(connect).collect() }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("an address")
    }
}

async fn poll_on(sawt: &Replica) -> String {
    let admin = Client::new(sawt.address()).with_key(ADMIN_KEY);
    text(&admin.post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201)["id"])
}

/// An authority of one's own, and a certificate it has signed for a server on the loopback.
fn make_certificates(directory: &Path) {
    let openssl = |arguments: &str| {
        let made = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output();
        let made = made.unwrap_or_else(|error| panic!("openssl: {error}; install it: `apt-get install openssl`"));
        assert!(made.status.success(), "{arguments}: {}", String::from_utf8_lossy(&made.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.crt -days 2 -subj /CN=authority"));
    openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=redis"));
    std::fs::write(directory.join("names"), "subjectAltName=IP:127.0.0.1").expect("the file can be written");
    openssl("x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2 -extfile names");
}
