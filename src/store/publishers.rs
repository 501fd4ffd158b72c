//! Publishers: their sites and their API keys.

use async_trait::async_trait;

use super::{Store, StoreError};
use crate::{
    poll::{SiteId, Timestamp},
    site::{ApiKey, KeyId, NewEvent, Site, SiteSettings},
};

/// Sites and API keys.
#[async_trait]
pub trait Publishers: Send + Sync {
    /// Puts a site: makes it, or replaces its settings. Returns whether it was made.
    async fn put_site(
        &self,
        id: &SiteId,
        settings: SiteSettings,
        events: &[NewEvent],
    ) -> Result<(Site, bool), StoreError>;

    /// Replaces the settings of a site that is there, if it is as it was at `version`, its `updated_at`, or whatever it
    /// is like without one. What it has already is no change and is not told, so that the same call again is answered
    /// alike.
    ///
    /// The `updated_at` of a site grows with each change, whatever the clock says: it names what was read.
    async fn replace_site(
        &self,
        id: &SiteId,
        settings: SiteSettings,
        version: Option<Timestamp>,
        events: &[NewEvent],
    ) -> Result<SiteReplacement, StoreError>;

    /// One site.
    async fn site(&self, id: &SiteId) -> Result<Option<Site>, StoreError>;

    /// Sites in the order of their ids: at most `limit` of those after `after`. A site that an earlier version put is
    /// listed once it was read or put again.
    async fn sites(&self, after: Option<&SiteId>, limit: usize) -> Result<Vec<Site>, StoreError>;

    /// Deletes a site that has neither polls nor templates, places, webhooks or keys; never the `default` site, which
    /// callers ensure. One step checks that it is empty and deletes it, and a poll or a key is made only on an existing
    /// site. So a poll or key that is made at the same moment is either refused
    /// ([`Creation::NoSite`](super::Creation::NoSite)) or keeps the site: there is never a poll or key without a site.
    /// A deletion that was cut short was made or not, and the same call again makes it.
    ///
    /// A poll or key whose making was cut short, by a replica that was killed or lost its store, keeps no site: it is
    /// given up here, and whoever goes on with it within an hour gets [`StoreError::Unavailable`].
    async fn delete_site(&self, id: &SiteId) -> Result<SiteDeletion, StoreError>;

    /// Keeps a key if its site exists. Returns whether it does.
    async fn add_key(&self, key: &ApiKey, events: &[NewEvent]) -> Result<bool, StoreError>;

    /// One key, unless it was revoked. Never cached: a revoked key is refused at once.
    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, StoreError>;

    /// A site's keys, oldest first.
    async fn keys(&self, site: &SiteId) -> Result<Vec<ApiKey>, StoreError>;

    /// Deletes a key. Returns whether there was one.
    async fn revoke_key(&self, id: &KeyId, events: &[NewEvent]) -> Result<bool, StoreError>;
}

/// What [`Publishers::replace_site`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteReplacement {
    /// The site has these settings now.
    Done(Site),
    /// It was changed since: it is like this now.
    Changed(Site),
    /// There is no such site.
    Gone,
}

/// What [`Publishers::delete_site`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteDeletion {
    /// The site is deleted.
    Done,
    /// It has polls.
    HasPolls,
    /// It has templates of articles, and no polls of its own.
    HasTemplates,
    /// It has places, and neither polls nor templates.
    HasPlaces,
    /// It has webhooks, and neither polls nor templates or places.
    HasWebhooks,
    /// It has keys, and nothing else.
    HasKeys,
    /// There is no such site.
    Gone,
}

/// How many sites are read at once.
const SITES_AT_ONCE: usize = 100;

/// The ids of all sites, in their order.
///
/// # Errors
/// What the store failed with.
pub async fn all_sites(store: &dyn Store) -> Result<Vec<SiteId>, StoreError> {
    let mut ids: Vec<SiteId> = Vec::new();
    loop {
        let sites = store.sites(ids.last(), SITES_AT_ONCE).await?;
        let is_last = sites.len() < SITES_AT_ONCE;
        ids.extend(sites.into_iter().map(|site| site.id));
        if is_last {
            return Ok(ids);
        }
    }
}
