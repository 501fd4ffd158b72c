//! Keeps live polls fresh: a task per replica, on a store connection of its own.
//!
//! It reads every live poll again once a second, which moves `as_of` on and makes up for lost messages. It also reads a
//! poll when its opening or closing time comes; the store then confirms and records that. With very many live polls it
//! takes longer ([`MOST_AT_ONCE`], [`MOST_PER_TICK`]), and `as_of` tells readers so.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::Semaphore,
    time::{MissedTickBehavior, interval},
};

use super::{Hub, entry::millis};
use crate::store::{Store, StoreError};

/// How often a live poll is read again.
const EVERY: Duration = Duration::from_secs(1);
/// How often the refresher checks what is due, and so how late it may notice an opening or closing.
const TICK: Duration = Duration::from_millis(50);
/// The most polls read at the same time.
const MOST_AT_ONCE: usize = 32;
/// The most polls begun to be read in one tick: a thousand a second.
const MOST_PER_TICK: usize = 50;
/// How often polls that nobody asks for are forgotten.
const SWEEP: Duration = Duration::from_secs(10);

/// Keeps a hub fresh until it is dropped. The coarse clock counts from `began`: if this task is started again, the
/// clock must not begin anew.
pub async fn refresh(hub: Arc<Hub>, store: Arc<dyn Store>, began: Instant) {
    let permits = Arc::new(Semaphore::new(MOST_AT_ONCE));
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let is_away = Arc::new(AtomicBool::new(false));
    let mut swept_at = Instant::now();
    loop {
        let now = ticks.tick().await.into_std();
        hub.set_moment(millis(now.saturating_duration_since(began)));
        for id in hub.due(EVERY).into_iter().take(MOST_PER_TICK) {
            let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else { break };
            let (hub, store, is_away) = (Arc::clone(&hub), Arc::clone(&store), Arc::clone(&is_away));
            tokio::spawn(async move {
                note(hub.reread(&store, id).await, &is_away);
                drop(permit);
            });
        }
        if now.saturating_duration_since(swept_at) >= SWEEP {
            swept_at = now;
            hub.sweep();
        }
    }
}

/// Logs once that tallies grow old, and once that they are fresh again.
fn note<T>(reading: Result<T, Arc<StoreError>>, is_away: &AtomicBool) {
    match reading {
        Ok(_) if is_away.swap(false, Relaxed) => tracing::info!("the store answers again; tallies are fresh"),
        Err(error) if !is_away.swap(true, Relaxed) => {
            let cause = std::error::Error::source(&*error).map(ToString::to_string);
            tracing::warn!(error = %error, cause, "tallies can't be read again for now; readers get the last ones");
        }
        Ok(_) | Err(_) => {}
    }
}
