//! Who may open a stream: so many in all, so many from one client, and nobody once the replica is about to end.
//!
//! A stream costs memory and a connection for as long as its reader likes, so both bounds are settings. The one per
//! client is far from one per reader: a whole mobile carrier may be one client.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use super::bells::Board;

/// The bounds.
#[derive(Debug, Clone, Copy)]
pub struct StreamLimits {
    /// The most streams of a replica.
    pub in_all: usize,
    /// The most streams of one client.
    pub per_client: usize,
}

/// One replica's door. See the module.
pub struct Door {
    limits: StreamLimits,
    inside: AtomicUsize,
    /// Only clients with streams.
    by_client: Mutex<FxHashMap<[u8; 16], usize>>,
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
    client: [u8; 16],
}

impl Door {
    /// An open door.
    pub fn new(limits: StreamLimits) -> Self {
        Self {
            limits,
            inside: AtomicUsize::new(0),
            by_client: Mutex::default(),
            is_closing: AtomicBool::new(false),
            emptied: Notify::new(),
            boards: Mutex::default(),
        }
    }

    /// How many streams are open.
    pub fn inside(&self) -> usize {
        self.inside.load(Relaxed)
    }

    /// Takes a place for a client's stream.
    ///
    /// # Errors
    /// Why there is none.
    pub fn enter(self: &Arc<Self>, client: [u8; 16]) -> Result<Place, Refusal> {
        if self.is_closing() {
            return Err(Refusal::Closing);
        }
        let mut by_client = self.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        if self.inside() >= self.limits.in_all {
            return Err(Refusal::Full);
        }
        let streams = by_client.entry(client).or_insert(0);
        if *streams >= self.limits.per_client {
            return Err(Refusal::ClientFull);
        }
        *streams += 1;
        self.inside.fetch_add(1, Relaxed);
        Ok(Place { door: Arc::clone(self), client })
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
        let mut by_client = self.door.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        if self.door.inside.fetch_sub(1, Relaxed) == 1 {
            self.door.emptied.notify_one();
        }
        if let Some(streams) = by_client.get_mut(&self.client) {
            *streams -= 1;
            if *streams == 0 {
                by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_bounded_in_all_and_per_client_and_a_place_given_back_is_taken_again() {
        let door = Arc::new(Door::new(StreamLimits { in_all: 3, per_client: 2 }));
        let enter = |client: u8| door.enter([client; 16]);
        let first = enter(1).unwrap();
        let _second = enter(1).unwrap();
        assert_eq!(enter(1).err(), Some(Refusal::ClientFull));
        let third = enter(2).unwrap();
        assert_eq!(enter(3).err(), Some(Refusal::Full));
        drop((first, third));
        assert_eq!(door.inside(), 1);
        let _fourth = enter(1).unwrap();
        assert_eq!(door.by_client.lock().unwrap().len(), 1, "who has no stream is forgotten");
        door.close();
        assert_eq!(enter(3).err(), Some(Refusal::Closing));
    }
}
