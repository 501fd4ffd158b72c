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

    /// Keeps a key. Its site must exist; the caller has checked.
    async fn add_key(&self, key: &ApiKey) -> Result<(), StoreError>;

    /// One key, unless it was revoked. Never cached: a revoked key is refused at once.
    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, StoreError>;

    /// A site's keys, oldest first.
    async fn keys(&self, site: &SiteId) -> Result<Vec<ApiKey>, StoreError>;

    /// Forgets a key. Says whether there was one.
    async fn revoke_key(&self, id: &KeyId) -> Result<bool, StoreError>;
}
