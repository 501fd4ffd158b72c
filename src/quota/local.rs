//! One quota in this replica's memory.
//!
//! The algorithm is [`governor`]'s. Its states are kept in a table of our own: governor's tables are swept but not
//! bounded, and between two sweeps a flood of addresses would take all memory.
//!
//! A table holds at most a fixed number of keys, at 17 bytes each: 917,504 keys or 17 MiB for votes, 229,376 keys or
//! 4.3 MiB for each other quota, and 57,344 or 1.1 MiB for each kind of wider network. A key that has spent one token
//! of `client` (600 in 60 seconds) is forgotten once that is back, after a tenth of a second and at most one sweep. So
//! filling its table takes some 40,000 different clients a second, or clients that have spent their whole quota. When a
//! table is full, keys in it are counted as before, and groups of new keys share tokens (see [`KeyTable`]): they are
//! served as long as the flood brings each of 16,384 shared numbers less than a quota.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use governor::{
    RateLimiter,
    clock::{Clock, FakeRelativeClock},
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};

use super::{
    Quota, Subject,
    keys::{KeyHasher, KeyTable},
};

/// The time that quotas are counted by: since the replica's start, or in tests set by hand.
#[derive(Debug, Clone)]
pub enum Uptime {
    /// Since this moment, by the system's monotonic clock.
    Since(Instant),
    /// As it was set.
    Manual(FakeRelativeClock),
}

impl Uptime {
    /// Begins now.
    pub fn begin() -> Self {
        Self::Since(Instant::now())
    }

    /// Nanoseconds since the beginning.
    pub(super) fn nanos(&self) -> u64 {
        self.now().as_u64()
    }
}

impl Clock for Uptime {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        match self {
            Self::Since(beginning) => beginning.elapsed().into(),
            Self::Manual(clock) => clock.now(),
        }
    }
}

/// Counts the requests of many keys.
pub struct LocalLimiter {
    limiter: RateLimiter<u64, States, Uptime, StateInformationMiddleware>,
    states: Arc<KeyTable>,
    /// How long a token takes to come back, in nanoseconds.
    period: u64,
    hasher: KeyHasher,
}

impl LocalLimiter {
    /// Counts by this quota, for at most so many keys.
    pub fn new(quota: Quota, most_keys: usize, clock: Uptime) -> Self {
        let period = quota.period().max(Duration::from_nanos(1));
        // A period is never zero, so such a quota always exists.
        let policy = governor::Quota::with_period(period).unwrap_or(governor::Quota::per_second(quota.limit));
        let states = Arc::new(KeyTable::with_most(most_keys));
        let limiter = RateLimiter::new(policy.allow_burst(quota.limit), States(Arc::clone(&states)), clock);
        let period = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        Self { limiter, states, period, hasher: KeyHasher::new() }
    }

    /// Spends a token, and returns how many are left.
    ///
    /// # Errors
    /// None is left; the error is the time until one is back. A request then is admitted, and not a moment earlier.
    pub fn admit(&self, subject: &Subject) -> Result<u32, Duration> {
        match self.limiter.check_key(&self.key_of(subject)) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(not_until) => Err(not_until.wait_time_from(self.limiter.clock().now())),
        }
    }

    /// Returns a spent token.
    pub fn give_back(&self, subject: &Subject) {
        let add = |whole: Option<u64>| ((), whole.map(|whole| whole.saturating_sub(self.period)));
        self.states.update(self.key_of(subject), add);
    }

    fn key_of(&self, subject: &Subject) -> u64 {
        self.hasher.hash(subject.key())
    }

    /// Forgets the keys whose tokens are all back.
    pub fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    /// How many keys are known.
    pub fn len(&self) -> usize {
        self.limiter.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.limiter.is_empty()
    }
}

/// The table in the algorithm's form: by key, the moment at which all tokens are back.
struct States(Arc<KeyTable>);

impl StateStore for States {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.update(*key, |whole| match decide(whole.map(Nanos::from)) {
            Ok((answer, whole)) => (Ok(answer), Some(whole.as_u64())),
            Err(refusal) => (Err(refusal), None),
        })
    }
}

impl ShrinkableKeyedStateStore<u64> for States {
    fn retain_recent(&self, drop_below: Nanos) {
        self.0.retain(|whole| whole > drop_below.as_u64());
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.len() == 0
    }
}
