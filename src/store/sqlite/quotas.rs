//! Quotas, in memory: a file belongs to one replica, and what is left of a quota is worth no wait for the disk. The
//! algorithm is that of `take_quota.lua`.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rustc_hash::FxHashMap;

use crate::{
    poll::Timestamp,
    store::{Lease, LeaseKey, Leased},
};

/// Past so many keys, those whose quota is whole again are forgotten, and if that frees nothing, all are.
const MOST_KEYS: usize = 100_000;

/// When each quota is whole again, in microseconds since 1970.
#[derive(Default)]
pub(super) struct Quotas(Mutex<FxHashMap<(&'static str, LeaseKey), u64>>);

impl Quotas {
    pub(super) fn take(&self, lease: &Lease, now: Timestamp) -> Leased {
        let now = u64::try_from(now.as_millis()).unwrap_or_default() * 1_000;
        let period = lease.period_micros();
        let most = now + period * u64::from(lease.limit.get());
        let mut wholes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if wholes.len() >= MOST_KEYS {
            wholes.retain(|_, whole| *whole > now);
            if wholes.len() >= MOST_KEYS {
                wholes.clear();
            }
        }
        let whole = wholes.entry((lease.name, lease.key)).or_insert(now);
        let after = (*whole).clamp(now, most) + period * u64::from(lease.quantity.get());
        if after > most {
            return Leased::Refused { wait: Duration::from_micros(after - most) };
        }
        *whole = after;
        Leased::Granted
    }
}
