//! The peer of a vote: the same, hand-rolled with nginx, Lua and Redis (`peer/`), as Debian's packages bring them.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    process::{Process, free_port, wait_for},
    redis_server::RedisServer,
};

/// Where it takes votes.
pub(crate) const VOTE: &str = "/vote";

/// A running peer.
pub(crate) struct Peer {
    /// nginx, with its workers as its children.
    pub(crate) process: Process,
    /// Its own Redis.
    pub(crate) redis: RedisServer,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    _directory: TempDir,
}

impl Peer {
    /// Starts it, with as many workers as sawt would have. An error says what is not installed.
    pub(crate) fn start() -> Result<Self, String> {
        const REMEDY: &str = "`apt-get install nginx-light libnginx-mod-http-lua lua-nginx-redis` brings it";
        let nginx = find("nginx", &["/usr/sbin/nginx", "/usr/bin/nginx"], REMEDY)?;
        let module = find("nginx's Lua module", &["/usr/lib/nginx/modules/ngx_http_lua_module.so"], REMEDY)?;
        find("nginx's Redis client", &["/usr/share/lua/5.1/nginx/redis.lua"], REMEDY)?;
        let redis = RedisServer::start();
        let sha1: String = redis::cmd("SCRIPT")
            .arg("LOAD")
            .arg(include_str!("peer/vote.lua"))
            .query(&mut redis.connect())
            .expect("Redis takes the script");
        let port = free_port();
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let (_, redis_port) = redis.address().rsplit_once(':').expect("an address has a port");
        let conf = include_str!("peer/nginx.conf")
            .replace("MODULES", &module.parent().unwrap_or(Path::new("/")).to_string_lossy())
            .replace("WORKERS", &workers.to_string())
            .replace("REDIS", redis_port)
            .replace("PORT", &port.to_string())
            .replace("SHA1", &sha1);
        let directory = TempDir::new().expect("a temporary directory can be made");
        fs::write(directory.path().join("nginx.conf"), conf).expect("it can be written to");
        let mut command = Command::new(nginx);
        command.arg("-p").arg(directory.path()).args(["-c", "nginx.conf", "-e", "error.log"]);
        let mut process = Process::start(&mut command).map_err(|error| error.to_string())?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        wait_for("nginx", || {
            assert!(!process.has_ended(), "nginx ended instead of listening");
            TcpStream::connect(address).ok()
        });
        Ok(Self { process, redis, address, _directory: directory })
    }

    /// Forgets all votes.
    pub(crate) fn forget(&self) {
        redis::cmd("FLUSHALL").query::<()>(&mut self.redis.connect()).expect("Redis forgets");
    }
}

/// The first of these places that is there.
pub(crate) fn find(what: &str, places: &[&str], remedy: &str) -> Result<PathBuf, String> {
    let found = places.iter().map(PathBuf::from).find(|place| place.exists());
    found.ok_or_else(|| format!("{what} is not installed; {remedy}"))
}
