//! Forgets events that are older than they are kept.

use std::{sync::Arc, time::Duration};

use tokio::time::interval;

use super::TaskLog;
use crate::{
    poll::Timestamp,
    store::{Store, StoreError, all_sites},
};

/// How often: an event is kept for this much longer at most.
const EVERY: Duration = Duration::from_hours(1);

/// Forgets until it is dropped.
pub async fn forget(days: u32, store: Arc<dyn Store>) {
    let mut ticks = interval(EVERY);
    let mut log = TaskLog::of("event retention");
    loop {
        ticks.tick().await;
        log.note(forget_old(&*store, days).await);
    }
}

async fn forget_old(store: &dyn Store, days: u32) -> Result<(), StoreError> {
    let before = store.now().await?.as_millis() - i64::from(days) * 24 * 60 * 60 * 1_000;
    let before = Timestamp::from_millis(before);
    for site in all_sites(store).await? {
        store.forget_events(&site, before).await?;
    }
    Ok(())
}
