//! Writing a change of a poll, by an editor or a detector.

use std::sync::Arc;

use crate::{
    events::EventSignal,
    live::Hub,
    poll::{Edit, Poll, Tally, Timestamp},
    site::{Actor, NewEvent},
    store::{Replacement, Store, StoreError},
};

/// Puts changed polls in the place of what they were, and tells of it.
#[derive(Clone)]
pub(super) struct PollChanges {
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    signal: Arc<EventSignal>,
}

impl PollChanges {
    pub(super) fn new(store: Arc<dyn Store>, hub: Arc<Hub>, signal: Arc<EventSignal>) -> Self {
        Self { store, hub, signal }
    }

    /// Puts a poll that was changed at that moment in the place of the one before. `told` is what its log is told besides
    /// the change itself.
    pub(super) async fn put(
        &self,
        (before, edit): (&Poll, Edit),
        told: Vec<NewEvent>,
        (actor, now): (&Actor, Timestamp),
    ) -> Result<Replacement, StoreError> {
        let edit = if edit.moves_versions(before) {
            let tallies = self.store.tally(before).await?;
            let Some(tally) = tallies.and_then(|tallies| Tally::sum(before, &tallies)) else {
                return Ok(Replacement::Gone);
            };
            edit.numbered(tally.version)
        } else {
            edit
        };
        let mut events = NewEvent::of_change(before, &edit.poll, actor, now);
        events.extend(told);
        let replaced = self.store.replace_poll(&edit, &events).await?;
        if let Replacement::Done(poll) = &replaced {
            self.signal.note_change(&poll.site);
            self.hub.note_made_change(&self.store, poll.id).await;
        }
        Ok(replaced)
    }
}
