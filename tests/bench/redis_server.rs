//! A Redis of one's own, and what it says of itself.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::process::{Process, free_port, wait_for};

/// A running Redis that keeps nothing on disk.
pub(crate) struct RedisServer {
    process: Process,
    _directory: TempDir,
    address: String,
}

impl RedisServer {
    /// Starts one.
    pub(crate) fn start() -> Self {
        Self::start_by(Command::new("redis-server"))
    }

    /// The same by a command of one's own.
    pub(crate) fn start_by(mut command: Command) -> Self {
        let directory = TempDir::new().expect("a temporary directory can be made");
        let port = free_port();
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(directory.path()).stdout(Stdio::null());
        let process = Process::start(&mut command)
            .unwrap_or_else(|error| panic!("redis-server: {error}; `apt-get install redis-server` brings it"));
        let address = format!("127.0.0.1:{port}");
        let server = Self { process, _directory: directory, address };
        wait_for("Redis", || server.try_connect().ok());
        server
    }

    /// Its process's id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its process.
    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// A connection.
    pub(crate) fn connect(&self) -> redis::Connection {
        self.try_connect().expect("Redis can be reached")
    }

    fn try_connect(&self) -> redis::RedisResult<redis::Connection> {
        let client = redis::Client::open(format!("redis://{}", self.address))?;
        let mut connection = client.get_connection_with_timeout(Duration::from_secs(5))?;
        redis::cmd("PING").query::<String>(&mut connection)?;
        Ok(connection)
    }

    /// The processor's time it has used, in seconds.
    pub(crate) fn cpu_secs(&self) -> f64 {
        let info = self.info("cpu");
        figure(&info, "used_cpu_sys:") + figure(&info, "used_cpu_user:")
    }

    /// The memory that it has given out, in bytes.
    pub(crate) fn used_memory(&self) -> f64 {
        figure(&self.info("memory"), "used_memory:")
    }

    /// How many commands it has carried out, those within scripts included, and those that look at it left out.
    pub(crate) fn commands(&self) -> f64 {
        let info = self.info("commandstats");
        let calls = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let calls = rest.split(',').next()?.parse::<f64>().ok()?;
            (!matches!(name, "info" | "ping") && !name.starts_with("client")).then_some(calls)
        };
        info.lines().filter_map(calls).sum()
    }

    fn info(&self, section: &str) -> String {
        redis::cmd("INFO").arg(section).query(&mut self.connect()).expect("Redis tells")
    }
}

fn figure(info: &str, name: &str) -> f64 {
    let value = info.lines().find_map(|line| line.strip_prefix(name)).expect("Redis tells it");
    value.trim().parse().expect("a number")
}
