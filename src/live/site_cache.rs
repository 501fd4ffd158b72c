//! Sites as last read from the store, shared by all workers of a replica: for what names a site and no poll.

use std::{sync::Arc, time::Duration};

use super::StaleIfErrorCache;
use crate::{
    poll::SiteId,
    site::Site,
    store::{Store, StoreError},
};

/// How old a site may be before it is read again.
const FRESH: Duration = Duration::from_secs(1);

/// Beyond so many sites all are forgotten, those that are not there among them.
const MOST_KNOWN: usize = 10_000;

/// The sites. See the module.
pub struct SiteCache(StaleIfErrorCache<SiteId, Option<Arc<Site>>>);

impl Default for SiteCache {
    fn default() -> Self {
        Self(StaleIfErrorCache::new(FRESH, MOST_KNOWN))
    }
}

impl SiteCache {
    /// A site at most a second old; older only while the store does not answer. `None` if there is none.
    ///
    /// # Errors
    /// What the store failed with, if nothing is known of the site.
    pub async fn get(&self, store: &dyn Store, id: &SiteId) -> Result<Option<Arc<Site>>, StoreError> {
        self.0.get(id, async { Ok(store.site(id).await?.map(Arc::new)) }).await
    }
}
