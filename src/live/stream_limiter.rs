//! Who may open a stream: so many in all, so many for one client, and nobody once the replica stops.
//!
//! A stream takes memory and a connection for as long as its reader wants, so both limits are settings. The limit per
//! client is far more than one reader needs, since a whole mobile carrier may be one client. As permits become scarce
//! it [shrinks](ConcurrencyLimiter), so that a few clients never have them all.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::subscription::DirtySet;
use crate::quota::{ConcurrencyLimiter, ConcurrencyLimits, NoPermit, Permit, Subject};

/// One replica's limiter. See the module.
pub struct StreamLimiter {
    limiter: Arc<ConcurrencyLimiter>,
    is_closing: AtomicBool,
    /// Notified when the last stream has ended.
    emptied: Notify,
    /// The workers to wake when it closes.
    dirty_sets: Mutex<Vec<Arc<DirtySet>>>,
}

/// Why a stream may not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamRefusal {
    /// All permits are taken.
    Full,
    /// The client has as many permits as it may have.
    ClientFull,
    /// The replica stops.
    Closing,
}

/// A permit for one stream, returned when dropped.
pub struct StreamPermit {
    limiter: Arc<StreamLimiter>,
    /// Taken when this is dropped.
    permit: Option<Permit>,
}

impl StreamLimiter {
    /// A limiter that has admitted no streams yet.
    pub fn new(limits: ConcurrencyLimits) -> Self {
        Self {
            limiter: Arc::new(ConcurrencyLimiter::new(limits)),
            is_closing: AtomicBool::new(false),
            emptied: Notify::new(),
            dirty_sets: Mutex::default(),
        }
    }

    /// How many streams are open.
    pub fn open_streams(&self) -> usize {
        self.limiter.taken()
    }

    /// Takes a permit for a client's stream.
    ///
    /// # Errors
    /// Why there is none.
    pub fn admit(self: &Arc<Self>, client: Subject) -> Result<StreamPermit, StreamRefusal> {
        if self.is_closing() {
            return Err(StreamRefusal::Closing);
        }
        let permit = self.limiter.take(Some(client)).map_err(|refusal| match refusal {
            NoPermit::Full => StreamRefusal::Full,
            NoPermit::ClientFull => StreamRefusal::ClientFull,
        })?;
        Ok(StreamPermit { limiter: Arc::clone(self), permit: Some(permit) })
    }

    /// Ends all streams, and admits no more.
    pub fn close(&self) {
        self.is_closing.store(true, Relaxed);
        for dirty_set in &*self.dirty_sets.lock() {
            dirty_set.wake();
        }
    }

    /// Waits until all streams have ended.
    pub async fn emptied(&self) {
        while self.open_streams() > 0 {
            self.emptied.notified().await;
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Relaxed)
    }

    /// Wakes this worker too when the limiter closes.
    pub(super) fn wake_on_close(&self, dirty_set: Arc<DirtySet>) {
        self.dirty_sets.lock().push(dirty_set);
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        self.permit = None;
        if self.limiter.open_streams() == 0 {
            self.limiter.emptied.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_bounded_in_all_and_per_client_and_a_place_given_back_is_taken_again() {
        let limiter = Arc::new(StreamLimiter::new(ConcurrencyLimits { in_all: 5, per_client: 2 }));
        let admit = |client: u8| limiter.admit([client; 16].into());
        let first = admit(1).unwrap();
        let _second = admit(1).unwrap();
        assert_eq!(admit(1).err(), Some(StreamRefusal::ClientFull));
        let others: Vec<_> = (2..5).map(|client| admit(client).unwrap()).collect();
        assert_eq!(admit(5).err(), Some(StreamRefusal::Full));
        drop((first, others));
        assert_eq!(limiter.open_streams(), 1);
        let _again = admit(1).unwrap();
        limiter.close();
        assert_eq!(admit(3).err(), Some(StreamRefusal::Closing));
    }
}
