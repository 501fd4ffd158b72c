//! Publishers: their sites and their API keys.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    poll::SiteId,
    site::{ApiKey, KeyId, Site, SiteSettings},
};

/// Sites and API keys.
#[async_trait]
pub trait Publishers: Send + Sync {
    /// Puts a site: makes it, or replaces its settings. Says whether it was made.
    async fn put_site(&self, id: &SiteId, settings: SiteSettings) -> Result<(Site, bool), StoreError>;

    /// One site.
    async fn site(&self, id: &SiteId) -> Result<Option<Site>, StoreError>;

    /// Sites in the order of their ids: at most `limit` of those after `after`. One that an earlier version put is among
    /// them once it was read or put again.
    async fn sites(&self, after: Option<&SiteId>, limit: usize) -> Result<Vec<Site>, StoreError>;

    /// Deletes a site that has neither polls nor keys; not the `default` site, which others make sure of. That it has none
    /// is found out in the step that deletes it, and a poll or a key is made only on a site that is there: of what is made
    /// at the same moment, either it is refused ([`Creation::NoSite`](super::Creation::NoSite)) or the site stays. So no
    /// poll and no key is ever without a site. A deletion that was cut short has been made or it has not, and the same call
    /// again makes it.
    ///
    /// The making of a poll or a key that was cut short, by a replica that was killed or lost its store, keeps no site: it
    /// is given up here, and whoever should come back to it within an hour is told [`StoreError::Unavailable`].
    async fn delete_site(&self, id: &SiteId) -> Result<SiteDeletion, StoreError>;

    /// Keeps a key, if there is its site. Says whether there is.
    async fn add_key(&self, key: &ApiKey) -> Result<bool, StoreError>;

    /// One key, unless it was revoked. Never cached: a revoked key is refused at once.
    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, StoreError>;

    /// A site's keys, oldest first.
    async fn keys(&self, site: &SiteId) -> Result<Vec<ApiKey>, StoreError>;

    /// Forgets a key. Says whether there was one.
    async fn revoke_key(&self, id: &KeyId) -> Result<bool, StoreError>;
}

/// What [`Publishers::delete_site`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteDeletion {
    /// The site is deleted.
    Done,
    /// It has polls.
    HasPolls,
    /// It has keys, and no polls.
    HasKeys,
    /// There is no such site.
    Gone,
}
