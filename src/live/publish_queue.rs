//! What is to be published to the other replicas, handed from the workers to the task that publishes it.
//!
//! This is all that a vote does for other replicas: it sets a flag on the poll; the first of many votes also pushes the
//! poll and wakes the task.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::entry::HubEntry;
use crate::store::Message;

/// The most messages, other than of votes, that wait. More are dropped, which the protocol allows.
const MOST_MESSAGES: usize = 1_024;

/// The queue. See the module.
#[derive(Default)]
pub(super) struct PublishQueue {
    entries: Mutex<Vec<Arc<HubEntry>>>,
    messages: Mutex<Vec<Message>>,
    filled: Notify,
}

impl PublishQueue {
    /// Adds a poll that was voted in. Every poll is here once at most.
    pub(super) fn put(&self, entry: &Arc<HubEntry>) {
        self.entries.lock().push(Arc::clone(entry));
        self.filled.notify_one();
    }

    /// Adds any other message.
    pub(super) fn put_message(&self, message: Message) {
        let mut waiting = self.messages.lock();
        if waiting.len() < MOST_MESSAGES {
            waiting.push(message);
        }
        drop(waiting);
        self.filled.notify_one();
    }

    /// Waits until something was added.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes everything out.
    pub(super) fn take(&self) -> (Vec<Arc<HubEntry>>, Vec<Message>) {
        let entries = std::mem::take(&mut *self.entries.lock());
        (entries, std::mem::take(&mut *self.messages.lock()))
    }
}
