//! Quotas, in memory: one replica owns the file, and a quota is not worth a wait for the disk. The algorithm is that of
//! `take_quota.lua`.

use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::SqliteStore;
use crate::{
    poll::Timestamp,
    store::{QuotaKey, Quotas, StoreError, TokenReply, TokenRequest},
};

/// Beyond so many keys, those whose quota is whole again are forgotten; if that frees nothing, all are.
const MOST_KEYS: usize = 100_000;

/// A clock that is behind by more than this, in microseconds, was set back. Workers that ask at once differ by less.
const SET_BACK: u64 = 1_000_000;

/// The quotas that somebody has used.
#[derive(Default)]
pub(super) struct QuotaTable(Mutex<Wholes>);

/// Times in microseconds since 1970.
#[derive(Default)]
struct Wholes {
    /// When each quota is whole again.
    by_key: FxHashMap<(&'static str, QuotaKey), u64>,
    /// When a quota was last asked for.
    asked_at: u64,
}

#[async_trait]
impl Quotas for SqliteStore {
    async fn take_quota(&self, request: &TokenRequest) -> Result<TokenReply, StoreError> {
        Ok(self.quotas.take(request, self.clocks.own().now()))
    }
}

impl QuotaTable {
    fn take(&self, request: &TokenRequest, now: Timestamp) -> TokenReply {
        let now = u64::try_from(now.as_millis()).unwrap_or_default() * 1_000;
        let period = request.period_micros();
        let most = now + period * u64::from(request.limit.get());
        let mut wholes = self.0.lock();
        let Wholes { by_key: wholes, asked_at } = &mut *wholes;
        // Keep the distances: otherwise a quota that was partly used would be used up.
        let back = asked_at.saturating_sub(now);
        if back > SET_BACK {
            for whole in wholes.values_mut() {
                *whole = whole.saturating_sub(back);
            }
            *asked_at = now;
        }
        *asked_at = now.max(*asked_at);
        if wholes.len() >= MOST_KEYS {
            wholes.retain(|_, whole| *whole > now);
            if wholes.len() >= MOST_KEYS {
                wholes.clear();
            }
        }
        let whole = wholes.entry((request.name, request.key)).or_insert(now);
        let after = (*whole).clamp(now, most) + period * u64::from(request.quantity.get());
        if after > most {
            return TokenReply::Refused { wait: Duration::from_micros(after - most) };
        }
        *whole = after;
        TokenReply::Granted
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn a_clock_that_is_set_back_takes_nobodys_quota() {
        let some = |number| NonZeroU32::new(number).unwrap();
        let key = QuotaKey::from_bytes([7; 16]);
        let request = TokenRequest { name: "vote", key, limit: some(10), window_secs: some(10), quantity: some(5) };
        let (quotas, at) = (QuotaTable::default(), |secs: i64| Timestamp::from_millis(secs * 1_000));
        assert!(matches!(quotas.take(&request, at(10_000)), TokenReply::Granted));
        // Ten minutes: what is left is what was left.
        assert!(matches!(quotas.take(&request, at(9_400)), TokenReply::Granted));
        let refused = quotas.take(&request, at(9_400));
        assert!(matches!(refused, TokenReply::Refused { wait } if wait == Duration::from_secs(5)));
        assert!(matches!(quotas.take(&request, at(9_405)), TokenReply::Granted));
    }
}
