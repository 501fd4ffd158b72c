//! How workers are told that there is something new to say of a poll.
//!
//! A change happens on whichever thread learns of it; streams live on the threads of workers. A bell hangs between one
//! poll and one worker. Ringing it a second time before the worker has looked costs nothing, so however fast a poll
//! moves, a worker is woken once for all that happened.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

use crate::poll::PollId;

/// Where one worker's bells are heard.
#[derive(Default)]
pub(super) struct Board {
    rung: Mutex<Vec<PollId>>,
    rings: Notify,
}

/// One poll's bell at one worker.
pub(super) struct Bell {
    poll: PollId,
    is_rung: AtomicBool,
    board: Arc<Board>,
}

impl Board {
    /// Waits until something was rung.
    pub(super) async fn heard(&self) {
        self.rings.notified().await;
    }

    /// The polls whose bells were rung since this was last asked.
    pub(super) fn take(&self) -> Vec<PollId> {
        std::mem::take(&mut self.rung.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Wakes the worker for a reason of its own.
    pub(super) fn call(&self) {
        self.rings.notify_one();
    }
}

impl Bell {
    pub(super) fn new(poll: PollId, board: Arc<Board>) -> Self {
        Self { poll, is_rung: AtomicBool::new(false), board }
    }

    /// Says that there is something new.
    pub(super) fn ring(&self) {
        if !self.is_rung.swap(true, Ordering::AcqRel) {
            self.board.rung.lock().unwrap_or_else(PoisonError::into_inner).push(self.poll);
            self.board.call();
        }
    }

    /// From here on a ring is a new one. Called before the worker looks at the poll, so that nothing is missed.
    pub(super) fn quiet(&self) {
        self.is_rung.store(false, Ordering::Release);
    }
}
