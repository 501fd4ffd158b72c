//! A Sentinel as operators run it, for those who test sawt behind one and those who measure it there.

use std::{
    io,
    ops::Deref,
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

/// The name Sentinels know the master by.
pub(crate) const MASTER: &str = "votes";
/// How long a server must be silent until others give it up, in milliseconds.
pub(crate) const GIVEN_UP_MS: u64 = 1_000;

/// How long it may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// A Sentinel process, and what ends it.
pub(crate) struct Sentinel<P> {
    pub(crate) port: u16,
    process: P,
    _directory: TempDir,
}

impl<P> Sentinel<P> {
    /// Starts one that watches the master at a port, which so many must agree on to depose it.
    pub(crate) fn start(port: u16, master: u16, quorum: u8, start: impl FnOnce(&mut Command) -> io::Result<P>) -> Self {
        let directory = TempDir::new().expect("a temporary directory can be made");
        // It rewrites this file as it learns.
        let file = directory.path().join("sentinel.conf");
        let configuration = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor {MASTER} 127.0.0.1 {master} {quorum}\n\
             sentinel down-after-milliseconds {MASTER} {GIVEN_UP_MS}\nsentinel failover-timeout {MASTER} 5000\n",
            directory.path().display()
        );
        std::fs::write(&file, configuration).expect("the file can be written");
        let mut command = Command::new("redis-server");
        command.arg(&file).arg("--sentinel").stdout(Stdio::null()).stderr(Stdio::null());
        let process = start(&mut command).expect("redis-server runs as a Sentinel");
        Self { port, process, _directory: directory }
    }

    /// The answer to one command.
    pub(crate) fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port))?;
        let mut connection = client.get_connection_with_timeout(ANSWER_TIMEOUT)?;
        connection.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        redis::cmd("SENTINEL").arg(words).query(&mut connection)
    }

    /// One field of what it knows about the master.
    pub(crate) fn says(&self, field: &str) -> Option<String> {
        let fields: Vec<String> = self.ask(&["MASTER", MASTER]).ok()?;
        fields.chunks(2).find(|pair| pair[0] == field).map(|pair| pair[1].clone())
    }
}

impl<P> Deref for Sentinel<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.process
    }
}
