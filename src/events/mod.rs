//! The log of each site: who made, changed, opened and closed what, and when.
//!
//! Events are written by the store, in the step that makes the change ([`store`](crate::store), rule 13). Here is what
//! goes on beside that, in tasks of each replica: the [`relay`], which carries events to the logs where the store needs
//! one; the [`schedule`], which tells what the clock does; [`retention`], which forgets. All replicas do the same, and
//! the store sees to it that nothing comes twice, so there is no leader to elect. [`EventFeed`] reads, and waits for
//! what comes next.

mod feed;
mod json;
pub mod relay;
pub mod retention;
pub mod schedule;
mod signal;

pub use feed::{EventFeed, EventPage, EventsOrder, EventsQuery, FeedError};
pub use json::EventJson;
pub use signal::{EventSignal, SiteTurn};

use crate::store::StoreError;

/// Logs once that a task can't do its work, and once that it can again.
pub struct TaskLog {
    task: &'static str,
    is_failing: bool,
}

impl TaskLog {
    /// Of the task with this name.
    pub fn of(task: &'static str) -> Self {
        Self { task, is_failing: false }
    }

    /// Notes how the work went, and returns what came of it.
    pub fn note<T>(&mut self, done: Result<T, StoreError>) -> Option<T> {
        match done {
            Ok(done) => {
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!(task = self.task, "the store answers again");
                }
                Some(done)
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(task = self.task, error = %error, cause, "this task has to wait for the store");
                }
                None
            }
        }
    }
}
