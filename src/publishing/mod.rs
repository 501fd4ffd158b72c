//! Publishing, without HTTP: what a site's editors and the API do with polls, articles, places, sites and keys.
//!
//! For a site's key, another site's poll does not exist. Every change of a poll goes through
//! [`Polls::replace_poll`](crate::store::Polls::replace_poll), which accepts it only on top of the revision it was made
//! from. After a change this replica reads the poll again, so its publisher sees the change at once.
//!
//! What is changed is told in the site's log, by the store, in the step that changes it: each call brings the
//! [events](crate::site::NewEvent) that its change would be.
//!
//! Who asks is an argument, a [`Publisher`](crate::site::Publisher) whose key was recognised; what is refused is a
//! [`PublishError`].

mod answers;
mod articles;
mod error;
mod keys;
mod lists;
mod places;
mod polls;
mod revision;
mod sessions;
mod sites;
mod templates;
mod waiting;
mod webhooks;

use std::sync::Arc;

pub use answers::{AnswerCursor, AnswersQuery, ListedAnswers};
pub use articles::NewArticle;
pub use error::PublishError;
pub use lists::{ListedPolls, PollsOrder, PollsQuery, PollsStart, SortedCursor};
pub use polls::Created;
pub use revision::ExpectedRevision;
pub use sessions::{Editor, ListedSession, make_link};
pub use templates::NewTemplate;
pub use waiting::{WaitingAnswers, WaitingPolls};

use crate::{
    clock::Clock,
    events::EventSignal,
    live::Hub,
    poll::{PollId, SiteId},
    secret::KeyHash,
    store::Store,
};

/// One worker's use cases of publishing.
#[derive(Clone)]
pub struct Publishing {
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    /// The time by which readers are told states. What a poll stores comes from the store's clock.
    clock: Clock,
    /// The hash of the operator's key.
    admin_key: KeyHash,
    /// Whether an identity provider names people. Where none does any more, whom one has named is nobody.
    knows_people: bool,
    signal: Arc<EventSignal>,
}

impl Publishing {
    /// A worker's, on its store for calls that are not votes.
    pub fn new(
        store: Arc<dyn Store>,
        hub: Arc<Hub>,
        clock: Clock,
        admin_key: KeyHash,
        knows_people: bool,
        signal: Arc<EventSignal>,
    ) -> Self {
        Self { store, hub, clock, admin_key, knows_people, signal }
    }

    /// Makes this replica serve a poll as the store now has it.
    async fn note_change(&self, site: &SiteId, id: PollId) {
        self.signal.note_change(site);
        self.hub.note_made_change(&self.store, id).await;
    }
}
