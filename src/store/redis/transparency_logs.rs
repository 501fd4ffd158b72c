//! Transparency logs. All of a site lie in its hash slot, as one hash of files.

use std::time::Duration;

use async_trait::async_trait;
use redis::Cmd;

use super::{RedisStore, keys, script::Call};
use crate::{
    poll::SiteId,
    store::{LogWrite, StoreError, TransparencyLogs},
};

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
}
