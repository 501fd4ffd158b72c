//! The peer of a vote: the same, hand-rolled with nginx, Lua and Redis (`peer/`), as Debian's packages bring them.

use std::path::Path;

use crate::{
    nginx::{Nginx, find},
    redis_server::RedisServer,
};

/// Where it takes votes.
pub(crate) const VOTE: &str = "/vote";

/// What its Redis does for each.
pub(crate) const SCRIPT: &str = include_str!("peer/vote.lua");

const REMEDY: &str = "`apt-get install nginx-light libnginx-mod-http-lua lua-nginx-redis` brings it";

/// A running peer.
pub(crate) struct Peer {
    /// What takes votes.
    pub(crate) nginx: Nginx,
    /// Its own Redis.
    pub(crate) redis: RedisServer,
}

impl Peer {
    /// Starts it. An error says what is not installed.
    pub(crate) fn start() -> Result<Self, String> {
        let module = find("nginx's Lua module", &["/usr/lib/nginx/modules/ngx_http_lua_module.so"], REMEDY)?;
        find("nginx's Redis client", &["/usr/share/lua/5.1/nginx/redis.lua"], REMEDY)?;
        let redis = RedisServer::start();
        let sha1: String =
            redis::cmd("SCRIPT").arg("LOAD").arg(SCRIPT).query(&mut redis.connect()).expect("Redis takes the script");
        let (_, redis_port) = redis.address().rsplit_once(':').expect("an address has a port");
        let configuration = include_str!("peer/nginx.conf")
            .replace("MODULES", &module.parent().unwrap_or(Path::new("/")).to_string_lossy())
            .replace("REDIS", redis_port)
            .replace("SHA1", &sha1);
        Ok(Self { nginx: Nginx::start(&configuration, REMEDY)?, redis })
    }

    /// Forgets all votes.
    pub(crate) fn forget(&self) {
        redis::cmd("FLUSHALL").query::<()>(&mut self.redis.connect()).expect("Redis forgets");
    }
}
