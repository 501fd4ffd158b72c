//! Tells the tasks and the waiting readers of a replica that something has happened.

use std::time::Duration;

use tokio::{
    sync::{Notify, Semaphore, SemaphorePermit, broadcast, broadcast::error::RecvError, watch},
    time::{Interval, MissedTickBehavior, interval},
};

use crate::poll::SiteId;

/// The most readers of a replica that wait for events. Others are answered at once.
const MOST_WAITING: usize = 1_000;

/// How many sites' news a slow reader may have missed before it looks again anyway.
const NEWS: usize = 64;

/// One replica's. See the module.
pub struct EventSignal {
    grown: broadcast::Sender<SiteId>,
    changed: Notify,
    is_closing: watch::Sender<bool>,
    waiting: Semaphore,
}

impl Default for EventSignal {
    fn default() -> Self {
        Self {
            grown: broadcast::channel(NEWS).0,
            changed: Notify::new(),
            is_closing: watch::channel(false).0,
            waiting: Semaphore::new(MOST_WAITING),
        }
    }
}

impl EventSignal {
    /// This replica has changed something of a site: the relay has work, and where it has none, the log has grown.
    pub fn note_change(&self, site: &SiteId) {
        self.changed.notify_one();
        self.note_growth(site);
    }

    /// Ends all waiting, for good: the replica stops.
    pub fn close(&self) {
        self.is_closing.send_replace(true);
    }

    /// A site's log has grown.
    pub(super) fn note_growth(&self, site: &SiteId) {
        // Nobody may be waiting.
        let _ = self.grown.send(site.clone());
    }

    /// Tells a task when it is its turn: every so often, and from now on when a site's log has grown, as far as this
    /// replica knows.
    pub fn turns(&self, every: Duration) -> SiteTurns {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        SiteTurns { ticks, grown: self.grown.subscribe() }
    }

    /// Waits until this replica has changed something.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// A place among those who wait; `None` if all are taken, or the replica stops.
    pub(super) fn wait(&self) -> Option<EventWaiter<'_>> {
        let permit = self.waiting.try_acquire().ok()?;
        let is_closing = self.is_closing.subscribe();
        if *is_closing.borrow() {
            return None;
        }
        Some(EventWaiter { _permit: permit, grown: self.grown.subscribe(), is_closing })
    }
}

/// Why it is a task's turn.
#[derive(Debug)]
pub enum SiteTurn {
    /// The log of this site has grown.
    Grown(SiteId),
    /// Logs have grown of sites that nobody can name: too many at once.
    Missed,
    /// It is time.
    Due,
}

/// The turns of a task that does something for each site.
pub struct SiteTurns {
    ticks: Interval,
    grown: broadcast::Receiver<SiteId>,
}

impl SiteTurns {
    /// Waits for the next turn; `None` once the replica's signal is gone. No turn is lost if this is dropped.
    pub async fn next(&mut self) -> Option<SiteTurn> {
        tokio::select! {
            _ = self.ticks.tick() => Some(SiteTurn::Due),
            grown = self.grown.recv() => match grown {
                Ok(site) => Some(SiteTurn::Grown(site)),
                Err(RecvError::Lagged(_)) => Some(SiteTurn::Missed),
                Err(RecvError::Closed) => None,
            },
        }
    }
}

/// A reader who waits.
pub(super) struct EventWaiter<'a> {
    _permit: SemaphorePermit<'a>,
    grown: broadcast::Receiver<SiteId>,
    is_closing: watch::Receiver<bool>,
}

impl EventWaiter<'_> {
    /// Waits until a site's log may have grown. Returns whether to go on: not if the replica stops.
    pub(super) async fn for_news(&mut self, site: &SiteId) -> bool {
        loop {
            tokio::select! {
                _ = self.is_closing.wait_for(|is_closing| *is_closing) => return false,
                news = self.grown.recv() => match news {
                    Ok(grown) if grown != *site => {}
                    // Missed some, or the sender is gone: it is looked again at worst.
                    Ok(_) | Err(_) => return true,
                },
            }
        }
    }
}
