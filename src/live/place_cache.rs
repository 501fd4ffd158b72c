//! Places as last read from the store, shared by all workers of a replica, and which polls were found missing.
//!
//! Every page of a publisher asks what stands in its places, so that must not cost the store more than a read a second:
//! also where a place shows a poll that is a draft or was deleted, of which the [poll cache](super::PollCache) keeps
//! nothing.

use std::{sync::Arc, time::Duration};

use super::StaleIfErrorCache;
use crate::{
    place::{Place, PlaceId},
    poll::{PollId, SiteId},
    store::{Store, StoreError},
};

/// How old a place may be before it is read again.
const FRESH: Duration = Duration::from_secs(1);
/// Beyond so many places all are forgotten, those that are not there among them.
const MOST_KNOWN: usize = 2_000;
/// The same of polls.
const MOST_MISSING: usize = 10_000;

/// The places. See the module.
pub struct PlaceCache {
    places: StaleIfErrorCache<(SiteId, PlaceId), Option<Arc<Place>>>,
    missing: StaleIfErrorCache<PollId, ()>,
}

impl Default for PlaceCache {
    fn default() -> Self {
        Self { places: StaleIfErrorCache::new(FRESH, MOST_KNOWN), missing: StaleIfErrorCache::new(FRESH, MOST_MISSING) }
    }
}

impl PlaceCache {
    /// A place at most a second old; older only while the store does not answer. `None` if there is none.
    ///
    /// # Errors
    /// What the store failed with, if nothing is known of the place.
    pub async fn get(&self, store: &dyn Store, site: &SiteId, id: &PlaceId) -> Result<Option<Arc<Place>>, StoreError> {
        let read = async { Ok(store.place(site, id).await?.map(Arc::new)) };
        self.places.get(&(site.clone(), id.clone()), read).await
    }

    /// Makes the next request read a place again.
    pub fn forget(&self, site: &SiteId, id: &PlaceId) {
        self.places.forget(&(site.clone(), id.clone()));
    }

    /// Whether a poll was not there for readers a moment ago.
    pub fn is_missing(&self, poll: PollId) -> bool {
        self.missing.if_fresh(&poll).is_some()
    }

    /// Notes that it is not.
    pub fn note_missing(&self, poll: PollId) {
        self.missing.put(poll, ());
    }
}
