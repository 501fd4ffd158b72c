//! What the hub hears from other replicas, what it has to tell them, and which polls it follows.

use std::sync::Arc;

use parking_lot::RwLock;

use super::{Hub, Shard};
use crate::{
    live::{
        entry::{HubEntry, Taken},
        publish_queue::PublishQueue,
    },
    store::{Follow, Message, Received},
};

impl Hub {
    /// Takes in a message of another replica, or of this one.
    pub(in crate::live) fn receive(&self, received: Received) {
        match received {
            Received::Following(id) | Received::Message(Message::Poll(id)) => {
                if let Received::Message(_) = received {
                    self.note_in_index(id);
                }
                self.polls.expire(id);
                self.find(id).inspect(|entry| entry.make_due());
            }
            // Expired, not forgotten: a request may be using what is known.
            Received::Message(Message::Site(site)) => self.polls.expire_site(&site),
            Received::Message(Message::Votes(seen)) => self.traces.receive(seen),
            Received::Message(Message::Tallies(tallies)) => {
                let Some(entry) = self.find(tallies.poll) else { return };
                let Some(newest) = entry.newest() else { return };
                // In another revision the votes may be for other options.
                if newest.poll.revision != tallies.revision {
                    return entry.make_due();
                }
                for (partition, tally) in &tallies.partitions {
                    if let (Taken::Unread, _) = entry.take_in(&newest.poll, *partition, tally) {
                        entry.make_due();
                    }
                }
            }
        }
    }

    /// The queue of what is to be published, if there are other replicas.
    pub(in crate::live) fn publish_queue(&self) -> Option<&PublishQueue> {
        self.publish_queue.as_ref()
    }

    /// The polls that have something to publish, or had a moment ago.
    pub(in crate::live) fn outgoing(&self) -> Vec<Arc<HubEntry>> {
        let each = |shard: &RwLock<Shard>| {
            let shard = shard.read();
            shard.values().filter(|entry| entry.is_outgoing()).cloned().collect::<Vec<_>>()
        };
        self.shards.iter().flat_map(each).collect()
    }

    /// Marks every poll as not followed, until [`follow`](Self::follow) follows it again.
    pub(in crate::live) fn follow_nothing(&self) {
        for shard in &self.shards {
            for entry in shard.read().values() {
                entry.note_followed(false);
            }
        }
    }

    /// Reports which polls this replica begins or stops to follow. `follow` returns whether it took the change.
    pub(in crate::live) fn follow(&self, mut follow: impl FnMut(Follow) -> bool) {
        let unfollowed = std::mem::take(&mut *self.unfollowed.lock());
        for id in unfollowed {
            // If this one is not taken, the poll is still followed, which only costs messages.
            follow(Follow::Stop(id));
        }
        for shard in &self.shards {
            for entry in shard.read().values() {
                let is_wanted = entry.is_listened_to() || self.is_live(entry.asked_at());
                if is_wanted != entry.is_followed() {
                    let change = if is_wanted { Follow::Start(entry.id) } else { Follow::Stop(entry.id) };
                    if follow(change) {
                        entry.note_followed(is_wanted);
                    }
                }
            }
        }
    }
}
