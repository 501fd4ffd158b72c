//! Leases: a task that must be done once is done by one of several replicas.

use std::time::Duration;

use super::{RedisStore, script::Call};
use crate::store::StoreError;

impl RedisStore {
    /// Takes a lease, or holds on to it. Returns whether the holder has it.
    pub(super) async fn take_lease(&self, lease: &str, holder: &str, ttl: Duration) -> Result<bool, StoreError> {
        let millis = ttl.as_millis().to_string();
        let call = Call::new(&self.scripts.take_lease, &[lease.as_bytes()]);
        Ok(call.arg(holder.as_bytes()).arg(millis.as_bytes()).send(&self.link).await?.int()? == 1)
    }

    /// Gives a lease back, if the holder has it.
    pub(super) async fn return_lease(&self, lease: &str, holder: &str) -> Result<(), StoreError> {
        Call::new(&self.scripts.return_lease, &[lease.as_bytes()]).arg(holder.as_bytes()).send(&self.link).await?;
        Ok(())
    }
}
