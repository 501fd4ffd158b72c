//! The distributed store: Redis 7.0 or later, or Valkey 8 or later; one server, behind Sentinel, or a cluster.
//!
//! Every change is one Lua script (`*.lua` beside this file), called by its digest, on keys that share one hash slot
//! ([`keys`]). A change of several hash slots is a sequence of such steps. Their order is such that stopping after any
//! of them leaves nothing wrong, and the next caller finishes what was begun:
//!
//! - **Creating** writes the site's index, then the partitions, then the definition: a poll exists once it is defined.
//! - **Editing** writes the definition first, by compare-and-set on the revision, then brings each partition to it. A
//!   vote that finds a partition behind the definition brings it forward itself; a vote from a replica that is behind
//!   gets "stale". A change of the options takes more steps: see [`edits`].
//! - **Closing** is an edit. A closed partition stays closed, and a poll counts as closed once all its partitions are,
//!   so a final tally never changes. A poll with some partitions closed is closed by whoever finds it.
//! - **Losing** a partition, as a failover may with the last writes, leaves a definition without it: whoever votes or
//!   reads makes it again, without ballots.
//! - **Deleting** hides the definition first and deletes it last: see [`deletion`].
//! - **Telling** of any of these is part of the step that makes the change: see [`outbox`].
//!
//! `cast.lua` describes counting and its cost; [`buckets`] describes how voters are packed.

mod address;
mod answers;
mod article_polls;
mod articles;
mod ballots;
mod batch;
mod broker;
mod buckets;
mod definitions;
mod deletion;
mod edits;
mod events;
mod keys;
mod labels;
mod leases;
mod link;
mod minutes;
mod outbox;
mod placement;
mod places;
mod polls;
mod publishers;
mod quotas;
mod records;
mod script;
mod sentinel;
mod sessions;
mod sites;
mod templates;
mod transparency_logs;
mod trouble;
mod views;
mod webhooks;

use std::sync::Arc;

use async_trait::async_trait;
use redis::{Cmd, Value};

pub use address::RedisAddress;
pub use broker::RedisBroker;
pub use trouble::Trouble;

use self::{address::Topology, buckets::KnownBuckets, link::Link, script::Scripts};
use super::{ClockWatch, Publishers as _, Store, StoreError};
use crate::poll::{SiteId, Timestamp};

/// The settings of a Redis store.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// Where it is.
    pub address: RedisAddress,
    /// Partitions of a new poll; `None`: 1, on a cluster [`CLUSTER_PARTITIONS`].
    pub partitions: Option<u16>,
    /// Take a Redis that may evict keys.
    pub allow_eviction: bool,
    /// Shared by all of this replica's connections, so that each kind of trouble is logged once.
    pub trouble: Arc<Trouble>,
    /// This replica's own clock, and how far the store's is ahead.
    pub clocks: Arc<ClockWatch>,
}

/// Partitions of a new poll on a cluster, so that one hot poll spreads over up to as many masters.
pub const CLUSTER_PARTITIONS: u16 = 12;

/// The oldest Redis that has what the scripts use.
const OLDEST: (u32, u32) = (7, 0);

/// One worker's Redis store. Connects at the first call, on the runtime that makes it.
pub struct RedisStore {
    settings: RedisSettings,
    link: Link,
    /// A connection of its own for what waits for replicas: nothing else stands behind it. Made if it is needed.
    waits: Link,
    scripts: Scripts,
    buckets: KnownBuckets,
}

impl RedisStore {
    /// A store with these settings. Does not connect yet.
    pub fn new(settings: RedisSettings) -> Self {
        let link = Link::new(settings.address.clone(), Arc::clone(&settings.trouble));
        let waits = Link::new(settings.address.clone(), Arc::clone(&settings.trouble));
        Self { settings, link, waits, scripts: Scripts::new(), buckets: KnownBuckets::default() }
    }

    /// Warns of settings with which a server works, but can lose votes.
    fn advise(&self, info: &str) {
        if matches!(self.settings.address.topology, Topology::Sentinel(_)) && sentinel::writes_alone(info) {
            tracing::warn!(
                "the master takes writes that no replica has, and a failover loses them; set min-replicas-to-write 1 \
                 and min-replicas-max-lag 2 on every server (deploy/README.md tells what it costs)"
            );
        }
    }

    async fn ask(&self, command: &Cmd) -> Result<Value, StoreError> {
        self.link.call(command).await
    }

    /// The store's clock.
    async fn clock_time(&self) -> Result<Timestamp, StoreError> {
        let asked = self.settings.clocks.own().now();
        let mut time = Cmd::new();
        time.arg("TIME");
        let (secs, micros): (i64, i64) = self.ask_for(&time).await?;
        let now = Timestamp::from_millis(secs * 1000 + micros / 1000);
        self.settings.clocks.compare(asked, now);
        Ok(now)
    }

    /// This replica's clock, as scripts read it.
    fn own_time(&self) -> String {
        self.settings.clocks.own().now().as_millis().to_string()
    }

    /// Sends a command whose reply has this type. A reply of another type is an error.
    async fn ask_for<T: redis::FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        redis::from_redis_value(self.ask(command).await?).map_err(|_| self.link.no_answer("a command"))
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn contact(&self) -> Result<(), StoreError> {
        let mut info = Cmd::new();
        info.arg("INFO");
        for node in self.link.call_masters(&info).await? {
            let text: String = redis::from_redis_value(node).map_err(|_| self.link.no_answer("INFO"))?;
            check_fitness(&text, self.settings.allow_eviction)?;
            self.advise(&text);
        }
        // Makes the default site if it is missing, and writes nothing otherwise.
        self.site(&SiteId::default()).await?;
        Ok(())
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.clock_time().await
    }
}

/// Checks, by a server's `INFO`, whether it can be relied on.
fn check_fitness(info: &str, allow_eviction: bool) -> Result<(), StoreError> {
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    // Valkey reports its own version beside the Redis version it is compatible with (7.2), which is what counts here.
    let version = field("redis_version").unwrap_or_default();
    let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
    let number = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if number < OLDEST {
        return Err(StoreError::Unfit(format!(
            "Redis {version:?} is too old: sawt needs Redis 7.0 or later, or Valkey 8 or later"
        )));
    }
    if field("role").is_some_and(|role| role != "master") {
        return Err(StoreError::unavailable("the server is a replica, which takes no writes"));
    }
    match field("maxmemory_policy") {
        None | Some("noeviction") => Ok(()),
        Some(_) if allow_eviction => Ok(()),
        Some(policy) => Err(StoreError::Unfit(format!(
            "this Redis may evict votes: its maxmemory-policy is {policy}. Set it to noeviction \
             (redis-cli CONFIG SET maxmemory-policy noeviction, and in redis.conf), or set SAWT_ALLOW_EVICTION=true \
             to run all the same"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_may_evict_or_is_too_old_is_unfit() {
        let info = |version: &str, policy: &str| {
            format!("# Server\r\nredis_version:{version}\r\nrole:master\r\nmaxmemory_policy:{policy}\r\n")
        };
        assert!(check_fitness(&info("7.0.15", "noeviction"), false).is_ok());
        assert!(check_fitness(&info("10.2.0", "noeviction"), false).is_ok());
        assert!(check_fitness(&info("7.0.15", "allkeys-lru"), true).is_ok());
        let refusal = check_fitness(&info("7.0.15", "volatile-ttl"), false).unwrap_err().to_string();
        assert!(refusal.contains("volatile-ttl") && refusal.contains("SAWT_ALLOW_EVICTION"), "{refusal}");
        let refusal = check_fitness(&info("6.2.14", "noeviction"), false).unwrap_err().to_string();
        assert!(refusal.contains("6.2.14"), "{refusal}");
    }
}
