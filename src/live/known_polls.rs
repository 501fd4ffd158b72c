//! Polls as last read from the store, shared by all workers of a replica.

use std::sync::Arc;

use crate::{
    poll::{Poll, PollId},
    site::Site,
    store::{Store, StoreError},
};

/// A poll and the site that owns it.
#[derive(Debug)]
pub struct Known {
    /// The poll.
    pub poll: Arc<Poll>,
    /// Its site.
    pub site: Site,
}

/// The polls. See the module.
#[derive(Default)]
pub struct KnownPolls {}

impl KnownPolls {
    /// A poll at most a second old; older only while the store does not answer. `None` if there is none.
    pub async fn get(&self, _store: &dyn Store, _id: PollId) -> Result<Option<Arc<Known>>, StoreError> {
        Ok(None)
    }

    /// A poll read from the store now, and known from here on.
    pub async fn refresh(&self, _store: &dyn Store, _id: PollId) -> Result<Option<Arc<Known>>, StoreError> {
        Ok(None)
    }

    /// Forgets every poll of a site, whose origins have changed.
    pub fn forget_site(&self, _site: &crate::poll::SiteId) {}
}
