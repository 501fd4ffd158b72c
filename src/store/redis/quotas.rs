//! Quotas that all replicas share.

use std::time::Duration;

use async_trait::async_trait;

use super::{RedisStore, keys, script::Call};
use crate::store::{Quotas, StoreError, TokenReply, TokenRequest};

#[async_trait]
impl Quotas for RedisStore {
    async fn take_quota(&self, request: &TokenRequest) -> Result<TokenReply, StoreError> {
        let key = keys::quota(request.name, &request.key);
        let mut digits = [itoa::Buffer::new(), itoa::Buffer::new(), itoa::Buffer::new()];
        let [period, most, asked] = &mut digits;
        let call = Call::new(&self.scripts.take_quota, &[key.as_bytes()])
            .arg(period.format(request.period_micros()).as_bytes())
            .arg(most.format(request.limit.get()).as_bytes())
            .arg(asked.format(request.quantity.get()).as_bytes());
        let mut reply = call.send(&self.link).await?;
        Ok(match reply.number::<u64>()? {
            0 => TokenReply::Granted,
            micros => TokenReply::Refused { wait: Duration::from_micros(micros) },
        })
    }
}
