//! Quotas that all replicas share.

use std::time::Duration;

use async_trait::async_trait;

use super::{RedisStore, keys, script::Call};
use crate::store::{Lease, Leased, Quotas, StoreError};

#[async_trait]
impl Quotas for RedisStore {
    async fn take_quota(&self, lease: &Lease) -> Result<Leased, StoreError> {
        let key = keys::quota(lease.name, &lease.key);
        let mut digits = [itoa::Buffer::new(), itoa::Buffer::new(), itoa::Buffer::new()];
        let [period, most, asked] = &mut digits;
        let call = Call::new(&self.scripts.take_quota, &[key.as_bytes()])
            .arg(period.format(lease.period_micros()).as_bytes())
            .arg(most.format(lease.limit.get()).as_bytes())
            .arg(asked.format(lease.quantity.get()).as_bytes());
        let mut reply = call.send(&self.link).await?;
        Ok(match reply.number::<u64>()? {
            0 => Leased::Granted,
            micros => Leased::Refused { wait: Duration::from_micros(micros) },
        })
    }
}
