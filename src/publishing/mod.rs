//! Publishing, without HTTP: what a site's editors and the API do with polls, sites and keys.
//!
//! To a site's key another site's poll is as one that is not there. Every change of a poll goes through
//! [`Polls::replace_poll`](crate::store::Polls::replace_poll), which takes it only on top of the revision it was made
//! from. After a change this replica reads the poll again, so whoever made it sees it at once.
//!
//! Who asks comes in as a [`Publisher`](crate::site::Publisher) whose key was recognised; what is refused goes out as a
//! [`PublishError`].

mod error;
mod keys;
mod polls;
mod revision;
mod sites;

use std::sync::Arc;

pub use error::PublishError;
pub use polls::{Created, ListedPolls, PollsQuery};
pub use revision::ExpectedRevision;

use crate::{clock::Clock, live::Hub, poll::PollId, secret::KeyHash, store::Store};

/// One worker's way to publish.
pub struct Publishing {
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    /// The time as readers are told it. What a poll holds is the store's clock's to say.
    clock: Clock,
    /// The hash of the operator's key.
    admin_key: KeyHash,
}

impl Publishing {
    /// A worker's, on its store for whatever is no vote.
    pub fn new(store: Arc<dyn Store>, hub: Arc<Hub>, clock: Clock, admin_key: KeyHash) -> Self {
        Self { store, hub, clock, admin_key }
    }

    /// Makes this replica serve a poll as the store now has it. The change is made already, so a store that falls
    /// silent here costs its publisher nothing: what is known of the poll runs out by itself.
    async fn note_change(&self, id: PollId) {
        if let Err(error) = self.hub.note_change(&self.store, id).await {
            tracing::warn!(poll = %id, error = %error, "a changed poll could not be read again; it will be soon");
        }
    }
}
