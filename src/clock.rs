//! The only reader of the system's clock.
//!
//! The store's clock decides whether a vote counts, never this one. On SQLite the two are the same.
//!
//! A system's clock can jump. So this also keeps the system's monotonic clock, which can't, from the moment at which
//! the two last agreed ([`Clock::times`]). A jump that lasts is a correction, or the machine slept: after
//! [`BELIEVED_AFTER`] the system's clock is trusted again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;

use crate::poll::{CLOCKS_APART_MILLIS, Times, Timestamp};

/// How long the system's clock must differ before it is trusted.
const BELIEVED_AFTER: Duration = Duration::from_mins(1);

/// Tells the time: the system's, or in tests one that is set by hand.
#[derive(Debug, Clone, Default)]
pub struct Clock(TimeSource);

#[derive(Debug, Clone)]
enum TimeSource {
    System(Arc<Mutex<Option<Agreement>>>),
    Manual { now: Arc<AtomicI64>, steady: Arc<AtomicI64> },
}

impl Default for TimeSource {
    fn default() -> Self {
        Self::System(Arc::default())
    }
}

impl Clock {
    /// A clock that shows this moment until [`Clock::set`].
    pub fn stopped_at(moment: Timestamp) -> Self {
        let at = || Arc::new(AtomicI64::new(moment.as_millis()));
        Self(TimeSource::Manual { now: at(), steady: at() })
    }

    /// Sets a stopped clock and all its clones; the system's clock stays as it is.
    pub fn set(&self, moment: Timestamp) {
        self.jump(moment);
        if let TimeSource::Manual { steady, .. } = &self.0 {
            steady.store(moment.as_millis(), Ordering::SeqCst);
        }
    }

    /// Acts as if the system's clock had jumped there.
    pub fn jump(&self, moment: Timestamp) {
        if let TimeSource::Manual { now, .. } = &self.0 {
            now.store(moment.as_millis(), Ordering::SeqCst);
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            TimeSource::System(_) => system_time(),
            TimeSource::Manual { now, .. } => Timestamp::from_millis(now.load(Ordering::SeqCst)),
        }
    }

    /// The time, and the time by a clock that can't jump.
    pub fn times(&self) -> Times {
        let store = self.now();
        let other = match &self.0 {
            TimeSource::System(agreed) => {
                let mut agreed = agreed.lock();
                let now = Instant::now();
                let other = agreed.get_or_insert_with(|| Agreement::new(store, now)).steady(store, now);
                drop(agreed);
                other
            }
            TimeSource::Manual { steady, .. } => Timestamp::from_millis(steady.load(Ordering::SeqCst)),
        };
        Times { store, other }
    }
}

fn system_time() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// When the system's clock and the monotonic one last agreed.
#[derive(Debug)]
struct Agreement {
    system: Timestamp,
    monotonic: Instant,
    apart_since: Option<Instant>,
}

impl Agreement {
    fn new(system: Timestamp, monotonic: Instant) -> Self {
        Self { system, monotonic, apart_since: None }
    }

    /// The time by the monotonic clock, when the system's clock shows this.
    fn steady(&mut self, system: Timestamp, monotonic: Instant) -> Timestamp {
        let passed = monotonic.saturating_duration_since(self.monotonic).as_millis();
        let expected = self.system.as_millis().saturating_add(i64::try_from(passed).unwrap_or(i64::MAX));
        if (system.as_millis() - expected).abs() > CLOCKS_APART_MILLIS {
            let apart_since = *self.apart_since.get_or_insert(monotonic);
            if monotonic.saturating_duration_since(apart_since) < BELIEVED_AFTER {
                return Timestamp::from_millis(expected);
            }
        }
        *self = Self::new(system, monotonic);
        system
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_is_believed_after_a_minute() {
        let began = Instant::now();
        let at = |secs: i64| Timestamp::from_millis(1_000_000 + secs * 1_000);
        let mut agreement = Agreement::new(at(0), began);
        // What the system's clock says so many seconds on, and what the steady one does.
        for (passed, system, steady) in [
            (10, 10, 10),
            (20, 24, 24),
            (30, 3_600, 34),
            (31, 35, 35),
            (40, 3_644, 44),
            (99, 3_703, 103),
            (100, 3_704, 3_704),
            (110, 3_714, 3_714),
            (111, 0, 3_715),
            (112, 3_716, 3_716),
        ] {
            let read = agreement.steady(at(system), began + Duration::from_secs(passed));
            assert_eq!(read, at(steady), "{passed} s on");
        }
    }

    #[test]
    fn a_stopped_clock_jumps_only_when_it_is_told_to() {
        let at = Timestamp::from_millis;
        let clock = Clock::stopped_at(at(1));
        clock.set(at(2));
        assert_eq!(clock.times().ahead_millis(), 0);
        clock.jump(at(9));
        assert_eq!((clock.now(), clock.times().other), (at(9), at(2)));
        assert!(Clock::default().times().ahead_millis().abs() <= CLOCKS_APART_MILLIS);
    }
}
