//! Transparency logs. All of a site lie in its hash slot, as one hash of files.

use std::time::Duration;

use async_trait::async_trait;
use redis::Cmd;

use super::{RedisStore, keys, script::Call};
use crate::{
    poll::SiteId,
    store::{LogWrite, StoreError, TransparencyLogs},
};

/// For how long replicas are waited for. Less than any call may take.
const WAIT_MILLIS: u32 = 500;

#[async_trait]
impl TransparencyLogs for RedisStore {
    async fn lease_log(&self, site: &SiteId, holder: &str, ttl: Duration) -> Result<bool, StoreError> {
        self.take_lease(&keys::transparency_lease(site), holder, ttl).await
    }

    async fn return_log(&self, site: &SiteId, holder: &str) -> Result<(), StoreError> {
        self.return_lease(&keys::transparency_lease(site), holder).await
    }

    async fn log_files(&self, site: &SiteId, names: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = Cmd::new();
        command.arg("HMGET").arg(keys::transparency_log(site));
        for name in names {
            command.arg(name);
        }
        self.ask_for(&command).await
    }

    async fn write_log(&self, site: &SiteId, write: &LogWrite) -> Result<bool, StoreError> {
        let names = [keys::site(site), keys::transparency_lease(site), keys::transparency_log(site)];
        let head = write.head_file();
        let call = Call::new(&self.scripts.write_transparency_log, &names.each_ref().map(String::as_bytes));
        let call = call.arg(write.holder.as_bytes()).arg(write.before.as_deref().unwrap_or_default().as_bytes());
        let call = call.arg(&head);
        let files = write.files.iter().map(|(name, bytes)| (name.as_bytes(), bytes.as_slice()));
        let call = files.fold(call, |call, (name, bytes)| call.arg(name).arg(bytes));
        Ok(call.send(&self.link).await?.int()? == 1)
    }

    async fn publish_log(&self, site: &SiteId, place: &str) -> Result<bool, StoreError> {
        let log = keys::transparency_log(site);
        let mut command = Cmd::new();
        let info = self.waits.call_at(&log, command.arg("INFO").arg("replication")).await?;
        let info: String = redis::from_redis_value(info).map_err(|_| self.waits.no_answer("INFO"))?;
        let replicas = online_replicas(&info);
        // WAIT is for what its own connection has written: all that was written before is older.
        if replicas > 0 && !(self.move_published(&log, place, "mark").await? && self.have_it(&log, replicas).await?) {
            return Ok(false);
        }
        self.move_published(&log, place, "show").await
    }
}

impl RedisStore {
    async fn move_published(&self, log: &str, place: &str, how: &str) -> Result<bool, StoreError> {
        let call = Call::new(&self.scripts.publish_transparency_log, &[log.as_bytes()]);
        Ok(call.arg(place.as_bytes()).arg(how.as_bytes()).send(&self.waits).await?.int()? == 1)
    }

    /// Whether so many replicas have what was written last.
    async fn have_it(&self, log: &str, replicas: usize) -> Result<bool, StoreError> {
        let mut wait = Cmd::new();
        wait.arg("WAIT").arg(replicas).arg(WAIT_MILLIS);
        let reached = self.waits.call_at(log, &wait).await?;
        let reached: usize = redis::from_redis_value(reached).map_err(|_| self.waits.no_answer("WAIT"))?;
        Ok(reached >= replicas)
    }
}

/// How many replicas follow a master, by its `INFO`. One that is only being set up has nothing yet to fail over to.
fn online_replicas(info: &str) -> usize {
    let is_replica = |line: &&str| {
        let (name, what) = line.split_once(':').unwrap_or_default();
        let number = name.strip_prefix("slave").unwrap_or_default();
        number.parse::<u32>().is_ok() && what.split(',').any(|field| field == "state=online")
    };
    info.lines().filter(is_replica).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_those_that_follow() {
        let info = "# Replication\r\nrole:master\r\nconnected_slaves:3\r\nslave_expires:1\r\n\
                    slave0:ip=10.0.0.2,port=6379,state=online,offset=812,lag=0\r\n\
                    slave1:ip=10.0.0.3,port=6379,state=wait_bgsave,offset=0,lag=0\r\n\
                    slave10:ip=10.0.0.4,port=6379,state=online,offset=8,lag=9,type=replica\r\n";
        assert_eq!(online_replicas(info), 2);
        assert_eq!(online_replicas("# Replication\r\nrole:master\r\nconnected_slaves:0\r\n"), 0);
    }
}
