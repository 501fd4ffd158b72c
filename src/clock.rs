//! The only reader of the system's clock.
//!
//! Whether a vote counts is decided by the store's clock, never by this one. On SQLite the two are the same.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use crate::poll::Timestamp;

/// Tells the time: the system's, or in tests one that is moved by hand.
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at a moment until [`Clock::set`].
    pub fn standing_at(moment: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(moment.as_millis()))))
    }

    /// Moves a standing clock and all its clones; the system's clock stays as it is.
    pub fn set(&self, moment: Timestamp) {
        if let Source::Manual(millis) = &self.0 {
            millis.store(moment.as_millis(), Ordering::SeqCst);
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
            }
            Source::Manual(millis) => Timestamp::from_millis(millis.load(Ordering::SeqCst)),
        }
    }
}
