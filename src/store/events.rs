//! Events: the log of each site.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    poll::{PollId, SiteId, Timestamp},
    site::{Event, EventId},
};

/// The logs of sites. What is in them is written by the calls that change the state, in the step that changes it.
#[async_trait]
pub trait Events: Send + Sync {
    /// A site's events behind a place, in order: at most `limit`.
    async fn events(&self, site: &SiteId, after: Option<EventId>, limit: usize) -> Result<Vec<Event>, StoreError>;

    /// A site's events before a place, the last one first: at most `limit`. `None` is behind all of them.
    async fn events_before(
        &self,
        site: &SiteId,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError>;

    /// Carries to the logs what lies beside the states, where the step that changed them has left it. Many replicas may
    /// do so at once, and each may be cut short: every event comes once, and those of a poll in order. Returns the
    /// sites whose logs have grown.
    async fn relay_events(&self) -> Result<Vec<SiteId>, StoreError>;

    /// Notes what is due of polls that were made before there were logs, once. What has happened before is not told.
    async fn begin_logs(&self) -> Result<(), StoreError>;

    /// Moves that the clock has made, those due first, and that may not be told yet: at most `limit`.
    async fn due_moves(&self, limit: usize) -> Result<Vec<MoveReminder>, StoreError>;

    /// Tells in its site's log what the clock has made of a poll, unless it is told. Returns the site if there was
    /// something to tell.
    async fn tell_due_moves(&self, reminder: MoveReminder) -> Result<Option<SiteId>, StoreError>;

    /// Forgets a site's events that were written before a moment.
    async fn forget_events(&self, site: &SiteId, before: Timestamp) -> Result<(), StoreError>;
}

/// A poll, and a moment at which the clock may have opened or closed it. It may have been edited since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoveReminder {
    pub poll: PollId,
    /// The moment.
    pub at: Timestamp,
}
