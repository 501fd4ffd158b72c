//! Compares the store's clock with another one, and logs while they are far apart.
//!
//! Every answer of a store has its time, so comparing costs no call. Which of two clocks is wrong is unknown; rule 4 of
//! the [store](super) says what is not decided meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::{
    clock::Clock,
    poll::{CLOCKS_APART_MILLIS, Timestamp},
};

/// How long the clocks must agree before that is logged: a cluster has several clocks, and one of them may be wrong.
const AGREED_AFTER: Duration = Duration::from_secs(10);

/// What is known of the store's clock, shared by all workers of a replica.
#[derive(Debug, Default)]
pub struct ClockWatch {
    own: Clock,
    /// How far the store's clock is ahead, in milliseconds, while the clocks differ.
    ahead_millis: Arc<AtomicI64>,
    are_apart: AtomicBool,
    seen_apart_at: Mutex<Option<Instant>>,
}

impl ClockWatch {
    /// Compares with this clock.
    pub fn new(own: Clock) -> Self {
        Self { own, ..Self::default() }
    }

    /// This replica's clock.
    pub fn own(&self) -> &Clock {
        &self.own
    }

    /// How far the store's clock is ahead of this replica's, in milliseconds, as it changes; 0 while they agree.
    pub fn ahead_millis(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.ahead_millis)
    }

    /// Compares the time in a store's answer with the replica's clock, going by when the store was asked. A slow answer
    /// does not count as a wrong clock.
    pub(super) fn compare(&self, asked: Timestamp, store: Timestamp) {
        let (asked, store, answered) = (asked.as_millis(), store.as_millis(), self.own.now().as_millis());
        self.note(store - store.clamp(asked.min(answered), answered.max(asked)));
    }

    /// Records how far the store's clock is ahead.
    pub(super) fn note(&self, ahead_millis: i64) {
        let are_apart = ahead_millis.abs() > CLOCKS_APART_MILLIS;
        if !are_apart && !self.are_apart.load(Relaxed) {
            return;
        }
        let mut seen_apart_at = self.seen_apart_at.lock();
        if are_apart {
            *seen_apart_at = Some(Instant::now());
            self.ahead_millis.store(ahead_millis, Relaxed);
            if !self.are_apart.swap(true, Relaxed) {
                tracing::warn!(
                    ahead_secs = ahead_millis / 1_000,
                    "the store's clock and this replica's are far apart, so one is wrong; until they agree, polls that \
                     have closed by one of them alone neither close nor take votes"
                );
            }
        } else if seen_apart_at.is_none_or(|seen| seen.elapsed() >= AGREED_AFTER) && self.are_apart.swap(false, Relaxed)
        {
            self.ahead_millis.store(0, Relaxed);
            tracing::info!("the store's clock and this replica's agree again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_took_long_is_no_clock_that_is_wrong() {
        let at = |secs: i64| Timestamp::from_millis(1_000_000 + secs * 1_000);
        let own = Clock::stopped_at(at(60));
        let watch = ClockWatch::new(own);
        for (asked, store, ahead_secs) in
            [(0, 0, 0), (0, 30, 0), (0, 60, 0), (0, 65, 0), (60, 55, 0), (60, 3_660, 3_600), (0, -10, -10)]
        {
            watch.compare(at(asked), at(store));
            assert_eq!(watch.ahead_millis().load(Relaxed), ahead_secs * 1_000, "{asked} {store}");
        }
        // They are not said to agree at once.
        watch.compare(at(60), at(60));
        assert_eq!(watch.ahead_millis().load(Relaxed), -10_000);
    }
}
