//! Redis as operators run it, to be killed and frozen.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use parking_lot::Mutex;
use tempfile::TempDir;

use super::{
    sentinel::{GIVEN_UP_MS, MASTER, Sentinel},
    stages::Faulty,
};
use crate::process::{Process, free_port, wait_for};

/// One server. It keeps its port and directory over a restart.
pub(super) struct Server {
    pub(super) port: u16,
    options: Vec<String>,
    directory: TempDir,
    process: Mutex<Option<Process>>,
}

/// How often a server that keeps a log has it written to the disk.
#[derive(Clone, Copy)]
pub(super) enum Appends {
    Always,
    EverySecond,
}

impl Server {
    pub(super) fn start(options: &[(&str, &str)]) -> Self {
        let options = options.iter().flat_map(|(name, value)| [format!("--{name}"), (*value).to_owned()]);
        let server = Self {
            port: free_port(),
            options: options.collect(),
            directory: TempDir::new().expect("a temporary directory can be made"),
            process: Mutex::default(),
        };
        server.run();
        server
    }

    /// One that has on disk what it was told, so often.
    pub(super) fn start_kept(appends: Appends) -> Self {
        let fsync = match appends {
            Appends::Always => "always",
            Appends::EverySecond => "everysec",
        };
        Self::start(&[("appendonly", "yes"), ("appendfsync", fsync)])
    }

    /// Starts its process, and waits until it answers.
    pub(super) fn run(&self) {
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &self.port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--repl-diskless-sync-delay",
            "0",
        ]);
        command.arg("--dir").arg(self.directory.path()).args(&self.options).stdout(Stdio::null());
        let process = Process::start(&mut command)
            .unwrap_or_else(|error| panic!("redis-server: {error}; `apt-get install redis-server` brings it"));
        *self.process.lock() = Some(process);
        wait_for("Redis", || (self.try_ask::<String>(&["PING"]).ok()? == "PONG").then_some(()));
    }

    pub(super) fn signal(&self, name: &str) {
        let process = self.process.lock();
        process.as_ref().expect("it runs").signal(name);
    }

    /// Ends it with no chance to do anything.
    pub(super) fn kill(&self) {
        self.signal("KILL");
        *self.process.lock() = None;
    }

    /// What it says, if it does.
    pub(super) fn try_ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        ask(self.port, words)
    }

    /// Whether its `INFO` says this.
    pub(super) fn says(&self, what: &str) -> bool {
        self.try_ask::<String>(&["INFO", "replication"]).is_ok_and(|info| info.contains(what))
    }
}

/// The answer to one command.
fn ask<T: redis::FromRedisValue>(port: u16, words: &[&str]) -> redis::RedisResult<T> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
    let mut connection = client.get_connection_with_timeout(std::time::Duration::from_secs(1))?;
    connection.set_read_timeout(Some(std::time::Duration::from_secs(1)))?;
    redis::cmd(words[0]).arg(&words[1..]).query(&mut connection)
}

impl Faulty for Server {
    fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn is_well(&self) {}
}

/// A master with two replicas, and three Sentinels that watch them.
pub(super) struct Watched {
    servers: Vec<Server>,
    sentinels: Vec<Sentinel<Process>>,
}

impl Watched {
    pub(super) fn start(options: &[(&str, &str)]) -> Self {
        let master = Server::start(options);
        let of = format!("127.0.0.1 {}", master.port);
        let replica = || Server::start(&[options, &[("replicaof", of.as_str())]].concat());
        let servers = vec![replica(), replica(), master];
        let sentinels = (0..3).map(|_| Sentinel::start(free_port(), servers[2].port, 2, Process::start)).collect();
        let watched = Self { servers, sentinels };
        watched.is_well();
        watched
    }

    /// The master by what most Sentinels say.
    pub(super) fn master(&self) -> &Server {
        let port = wait_for("the Sentinels to agree", || self.port_agreed_on());
        self.servers.iter().find(|server| server.port == port).expect("it is one of these")
    }

    /// Waits until the Sentinels have put another in the place of this one.
    pub(super) fn is_replaced(&self, master: &Server) {
        wait_for("a failover", || self.port_agreed_on().filter(|port| *port != master.port));
    }

    fn port_agreed_on(&self) -> Option<u16> {
        let mut ports = self.sentinels.iter().map(|sentinel| sentinel.says("port")?.parse::<u16>().ok());
        let first = ports.next()??;
        ports.all(|port| port == Some(first)).then_some(first)
    }
}

impl Faulty for Watched {
    fn address(&self) -> String {
        let sentinels: Vec<_> = self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
        format!("redis-sentinel://{}/{MASTER}", sentinels.join(","))
    }

    /// Waits until the master has both replicas, and every Sentinel knows of all.
    fn is_well(&self) {
        let has = |sentinel: &Sentinel<Process>, field: &str, value: &str| {
            sentinel.says(field).is_some_and(|said| said == value)
        };
        wait_for("the replicas to follow", || {
            let master = self.port_agreed_on()?;
            let follows = |server: &Server| server.port == master || server.says("master_link_status:up");
            let knows = |sentinel: &Sentinel<Process>| {
                has(sentinel, "flags", "master")
                    && has(sentinel, "num-slaves", "2")
                    && has(sentinel, "num-other-sentinels", "2")
            };
            (self.servers.iter().all(follows) && self.sentinels.iter().all(knows)).then_some(())
        });
    }
}

/// Three masters, each with a replica.
pub(super) struct Cluster {
    pub(super) servers: Vec<Server>,
}

impl Cluster {
    pub(super) fn start() -> Self {
        let timeout = GIVEN_UP_MS.to_string();
        let server = || {
            let bus = free_port().to_string();
            Server::start(&[("cluster-enabled", "yes"), ("cluster-node-timeout", &timeout), ("cluster-port", &bus)])
        };
        let cluster = Self { servers: (0..6).map(|_| server()).collect() };
        let nodes: Vec<_> = cluster.servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
        redis_cli(&["--cluster", "create"], &nodes, &["--cluster-replicas", "1", "--cluster-yes"]);
        cluster.is_well();
        cluster
    }

    /// Those that are masters with slots, as the first that answers says.
    pub(super) fn masters(&self) -> Vec<&Server> {
        let is_master = |server: &&Server| server.says("role:master") && !Self::slots_of(server).is_empty();
        self.servers.iter().filter(is_master).collect()
    }

    /// The line about a server in its own list of nodes, and what slots it says to have.
    fn slots_of(server: &Server) -> String {
        let nodes: String = server.try_ask(&["CLUSTER", "NODES"]).unwrap_or_default();
        let own = nodes.lines().find(|line| line.contains("myself")).unwrap_or_default();
        own.split(' ').skip(8).collect::<Vec<_>>().join(" ")
    }

    /// Waits until another server has the slots of this one, which is gone.
    pub(super) fn is_replaced(&self, gone: &Server) {
        wait_for("a failover", || {
            let masters = self.servers.iter().filter(|server| server.port != gone.port && server.says("role:master"));
            (masters.count() == 3).then_some(())
        });
    }
}

impl Faulty for Cluster {
    fn address(&self) -> String {
        let nodes: Vec<_> = self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
        format!("redis-cluster://{}", nodes.join(","))
    }

    /// Waits until all slots are served, and every master has a replica that follows it.
    fn is_well(&self) {
        wait_for("the cluster to be well", || {
            let is_well = |server: &Server| {
                let state: String = server.try_ask(&["CLUSTER", "INFO"]).unwrap_or_default();
                let follows = server.says("role:master") || server.says("master_link_status:up");
                state.contains("cluster_state:ok") && follows
            };
            let replicas = self.servers.iter().filter(|server| server.says("role:slave")).count();
            (replicas == 3 && self.servers.iter().all(is_well)).then_some(())
        });
    }
}

/// Runs the program that looks after clusters.
pub(super) fn redis_cli(first: &[&str], nodes: &[String], rest: &[&str]) {
    let said = Command::new("redis-cli").args(first).args(nodes).args(rest).current_dir(Path::new("/")).output();
    let said = said.expect("redis-cli runs");
    assert!(said.status.success(), "redis-cli {first:?}: {}", String::from_utf8_lossy(&said.stdout));
}
