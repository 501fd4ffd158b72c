//! Tells in the logs what the clock does: polls that open and close when it is time.
//!
//! The polls themselves need nobody for that. All that is due since the last look is told, also after a downtime, with
//! the moment at which it was due.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::{EventSignal, TaskLog};
use crate::store::{Store, StoreError};

/// How often is looked for what is due.
const EVERY: Duration = Duration::from_secs(1);

/// How many moves are told in one go.
const CHUNK: usize = 100;

/// Tells what is due until it is dropped.
pub async fn keep(signal: Arc<EventSignal>, store: Arc<dyn Store>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut log = TaskLog::of("schedule");
    while log.note(store.begin_logs().await).is_none() {
        ticks.tick().await;
    }
    loop {
        ticks.tick().await;
        log.note(tell_due(&signal, &*store).await);
    }
}

async fn tell_due(signal: &EventSignal, store: &dyn Store) -> Result<(), StoreError> {
    let mut failure = None;
    for reminder in store.due_moves(CHUNK).await? {
        match store.tell_due_moves(reminder).await {
            Ok(Some(site)) => signal.note_change(&site),
            Ok(None) => {}
            // One that can't be told keeps none of the others waiting.
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(()), Err)
}
