//! Sites and API keys.

use async_trait::async_trait;
use redis::Cmd;

use super::{RedisStore, keys, sites::Member};
use crate::{
    poll::SiteId,
    site::{ApiKey, KeyId, Site, SiteSettings},
    store::{Publishers, SiteDeletion, StoreError, record},
};

#[async_trait]
impl Publishers for RedisStore {
    async fn put_site(&self, id: &SiteId, settings: SiteSettings) -> Result<(Site, bool), StoreError> {
        self.make_or_replace_site(id, settings).await
    }

    /// One site. The `default` site is there always: whoever finds it missing makes it, as on first contact, or after
    /// everything was forgotten.
    async fn site(&self, id: &SiteId) -> Result<Option<Site>, StoreError> {
        let site = self.find_site(id).await?;
        if site.is_some() || *id != SiteId::default() {
            return Ok(site);
        }
        self.make_site(id).await?;
        self.find_site(id).await
    }

    async fn sites(&self, after: Option<&SiteId>, limit: usize) -> Result<Vec<Site>, StoreError> {
        self.list_sites(after, limit).await
    }

    async fn delete_site(&self, id: &SiteId) -> Result<SiteDeletion, StoreError> {
        self.delete_empty_site(id).await
    }

    /// The index first: a key is in force once it is written, and by then its site's list has it.
    async fn add_key(&self, key: &ApiKey) -> Result<bool, StoreError> {
        if !self.join(&key.site, Member::Key(&key.id)).await? {
            return Ok(false);
        }
        let mut write = Cmd::new();
        write.arg("SET").arg(keys::api_key(&key.id)).arg(record::write_key(key)?).arg("NX").arg("GET");
        let held: Option<Vec<u8>> = self.ask_for(&write).await?;
        // One that is there is the same: once kept a key never changes.
        match held {
            Some(held) if held.is_empty() => Err(StoreError::unavailable("the key was given up while it was made")),
            Some(_) | None => Ok(true),
        }
    }

    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, StoreError> {
        let mut command = Cmd::new();
        command.arg("GET").arg(keys::api_key(id));
        let json: Option<Vec<u8>> = self.ask_for(&command).await?;
        // Of one whose making was given up there is nothing.
        json.filter(|json| !json.is_empty()).map(|json| record::read_key(&json)).transpose()
    }

    async fn keys(&self, site: &SiteId) -> Result<Vec<ApiKey>, StoreError> {
        let mut command = Cmd::new();
        command.arg("SMEMBERS").arg(keys::site_keys(site));
        let ids: Vec<String> = self.ask_for(&command).await?;
        let ids = ids.into_iter().map(|id| id.parse::<KeyId>()).collect::<Result<Vec<_>, _>>();
        let ids = ids.map_err(|rule| StoreError::Corrupt(format!("a key id {rule}")))?;
        let keys = futures_util::future::try_join_all(ids.iter().map(|id| self.key(id))).await?;
        let mut keys: Vec<ApiKey> = keys.into_iter().flatten().collect();
        keys.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        Ok(keys)
    }

    /// The key first: it is refused from that moment on, and an index entry without a key is skipped.
    async fn revoke_key(&self, id: &KeyId) -> Result<bool, StoreError> {
        let Some(key) = self.key(id).await? else { return Ok(false) };
        let mut delete = Cmd::new();
        delete.arg("DEL").arg(keys::api_key(id));
        self.ask(&delete).await?;
        let mut index = Cmd::new();
        index.arg("SREM").arg(keys::site_keys(&key.site)).arg(id.as_str());
        self.ask(&index).await?;
        Ok(true)
    }
}
