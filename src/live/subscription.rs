//! How workers learn that a poll has changed.
//!
//! A change happens on any thread; streams live on the threads of workers. Each worker has one [`DirtySet`], and one
//! [`Subscription`] to each poll that its streams follow. A poll that is marked twice before the worker has looked is
//! in the set once, so a worker is woken once for many changes, however fast a poll moves.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::poll::PollId;

/// The polls that have changed since a worker last looked.
#[derive(Default)]
pub(super) struct DirtySet {
    polls: Mutex<Vec<PollId>>,
    wake: Notify,
}

/// One worker's subscription to one poll.
pub(super) struct Subscription {
    poll: PollId,
    is_dirty: AtomicBool,
    dirty_set: Arc<DirtySet>,
}

impl DirtySet {
    /// Waits until a poll is marked, or the worker is woken.
    pub(super) async fn marked(&self) {
        self.wake.notified().await;
    }

    /// Takes out the polls that were marked.
    pub(super) fn take(&self) -> Vec<PollId> {
        std::mem::take(&mut self.polls.lock())
    }

    /// Wakes the worker without marking a poll.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }
}

impl Subscription {
    pub(super) fn new(poll: PollId, dirty_set: Arc<DirtySet>) -> Self {
        Self { poll, is_dirty: AtomicBool::new(false), dirty_set }
    }

    /// Marks the poll as changed, and wakes the worker.
    pub(super) fn mark(&self) {
        if !self.is_dirty.swap(true, Ordering::AcqRel) {
            self.dirty_set.polls.lock().push(self.poll);
            self.dirty_set.wake();
        }
    }

    /// Removes the mark. Call it before the worker looks at the poll: a change after that marks it again.
    pub(super) fn clear(&self) {
        self.is_dirty.store(false, Ordering::Release);
    }
}
