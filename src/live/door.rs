//! Who may open a stream: so many in all, so many from one client, and nobody once the replica is about to end.
//!
//! A stream costs memory and a connection for as long as its reader likes, so both bounds are settings. The one per
//! client is far from one per reader, since a whole mobile carrier may be one client; as places become scarce it is
//! [less](ConcurrencyLimiter), so that a few clients never have them all.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::sync::Notify;

use super::bells::Board;
use crate::quota::{ConcurrencyLimiter, ConcurrencyLimits, NoPermit, Permit, Subject};

/// One replica's door. See the module.
pub struct Door {
    limiter: Arc<ConcurrencyLimiter>,
    is_closing: AtomicBool,
    /// Told when the last stream has ended.
    emptied: Notify,
    /// The workers to tell when it closes.
    boards: Mutex<Vec<Arc<Board>>>,
}

/// Why a stream may not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There are as many as there may be.
    Full,
    /// The client has as many as it may have.
    ClientFull,
    /// The replica is about to end.
    Closing,
}

/// One stream's place, given back when dropped.
pub struct Place {
    door: Arc<Door>,
    /// Taken when it is dropped.
    permit: Option<Permit>,
}

impl Door {
    /// An open door.
    pub fn new(limits: ConcurrencyLimits) -> Self {
        Self {
            limiter: Arc::new(ConcurrencyLimiter::new(limits)),
            is_closing: AtomicBool::new(false),
            emptied: Notify::new(),
            boards: Mutex::default(),
        }
    }

    /// How many streams are open.
    pub fn inside(&self) -> usize {
        self.limiter.taken()
    }

    /// Takes a place for a client's stream.
    ///
    /// # Errors
    /// Why there is none.
    pub fn enter(self: &Arc<Self>, client: Subject) -> Result<Place, Refusal> {
        if self.is_closing() {
            return Err(Refusal::Closing);
        }
        let permit = self.limiter.take(Some(client)).map_err(|refusal| match refusal {
            NoPermit::Full => Refusal::Full,
            NoPermit::ClientFull => Refusal::ClientFull,
        })?;
        Ok(Place { door: Arc::clone(self), permit: Some(permit) })
    }

    /// Ends all streams, and lets nobody open another.
    pub fn close(&self) {
        self.is_closing.store(true, Relaxed);
        for board in &*self.boards.lock().unwrap_or_else(PoisonError::into_inner) {
            board.call();
        }
    }

    /// Waits until all streams have ended.
    pub async fn emptied(&self) {
        while self.inside() > 0 {
            self.emptied.notified().await;
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Relaxed)
    }

    /// Tells a worker too when the door closes.
    pub(super) fn tell(&self, board: Arc<Board>) {
        self.boards.lock().unwrap_or_else(PoisonError::into_inner).push(board);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.permit = None;
        if self.door.inside() == 0 {
            self.door.emptied.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_bounded_in_all_and_per_client_and_a_place_given_back_is_taken_again() {
        let door = Arc::new(Door::new(ConcurrencyLimits { in_all: 5, per_client: 2 }));
        let enter = |client: u8| door.enter([client; 16].into());
        let first = enter(1).unwrap();
        let _second = enter(1).unwrap();
        assert_eq!(enter(1).err(), Some(Refusal::ClientFull));
        let others: Vec<_> = (2..5).map(|client| enter(client).unwrap()).collect();
        assert_eq!(enter(5).err(), Some(Refusal::Full));
        drop((first, others));
        assert_eq!(door.inside(), 1);
        let _again = enter(1).unwrap();
        door.close();
        assert_eq!(enter(3).err(), Some(Refusal::Closing));
    }
}
