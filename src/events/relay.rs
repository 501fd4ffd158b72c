//! Carries events from beside the states to the logs, on stores where these lie apart.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::{EventSignal, TaskLog};
use crate::store::Store;

/// How often is looked for what other replicas have left.
const EVERY: Duration = Duration::from_secs(1);

/// Carries events until it is dropped.
pub async fn relay(signal: Arc<EventSignal>, store: Arc<dyn Store>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut log = TaskLog::of("event relay");
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = signal.changed() => {}
        }
        for site in log.note(store.relay_events().await).unwrap_or_default() {
            signal.note_growth(&site);
        }
    }
}
