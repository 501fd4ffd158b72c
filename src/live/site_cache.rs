//! Sites as last read from the store, shared by all workers of a replica: for what names a site and no poll.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

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
#[derive(Default)]
pub struct SiteCache(Mutex<FxHashMap<SiteId, CachedSite>>);

struct CachedSite {
    site: Option<Arc<Site>>,
    read_at: Instant,
}

impl SiteCache {
    /// A site at most a second old; older only while the store does not answer. `None` if there is none.
    ///
    /// # Errors
    /// What the store failed with, if nothing is known of the site.
    pub async fn get(&self, store: &dyn Store, id: &SiteId) -> Result<Option<Arc<Site>>, StoreError> {
        let stale = {
            let mut sites = self.0.lock();
            match sites.get_mut(id) {
                Some(known) if known.read_at.elapsed() < FRESH => return Ok(known.site.clone()),
                Some(known) => {
                    // One reader reads it again; the others use what is there until that is done.
                    known.read_at = Instant::now();
                    known.site.clone()
                }
                None => None,
            }
        };
        let site = match store.site(id).await {
            Ok(site) => site.map(Arc::new),
            Err(StoreError::Unavailable(_) | StoreError::Overloaded) if stale.is_some() => return Ok(stale),
            Err(error) => return Err(error),
        };
        let mut sites = self.0.lock();
        if sites.len() >= MOST_KNOWN && !sites.contains_key(id) {
            sites.clear();
        }
        sites.insert(id.clone(), CachedSite { site: site.clone(), read_at: Instant::now() });
        Ok(site)
    }
}
