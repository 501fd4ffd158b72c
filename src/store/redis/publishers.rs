//! Sites and API keys.

use async_trait::async_trait;
use redis::Cmd;

use super::{RedisStore, keys, script::Call};
use crate::{
    poll::{SiteId, Timestamp},
    site::{ApiKey, KeyId, Site, SiteSettings},
    store::{Publishers, StoreError, record},
};

/// Of a site: `origins`, `created_at`, `updated_at`, `timezone`, `name`, `url`. A site of an earlier version lacks the last.
type Fields = (Option<Vec<u8>>, Option<i64>, Option<i64>, Option<String>, Option<Vec<u8>>, Option<Vec<u8>>);

#[async_trait]
impl Publishers for RedisStore {
    async fn put_site(&self, id: &SiteId, settings: SiteSettings) -> Result<(Site, bool), StoreError> {
        let (key, origins) = (keys::site(id), record::write(&settings.origins)?);
        let call = Call::new(&self.scripts.put_site, &[key.as_bytes()]).arg(b"");
        let call = call.arg(b"origins").arg(origins.as_bytes());
        let call = call.arg(b"timezone").arg(settings.timezone.as_str().as_bytes());
        let (name, url) = (record::write(&settings.name)?, record::write(&settings.url)?);
        let call = call.arg(b"name").arg(name.as_bytes()).arg(b"url").arg(url.as_bytes());
        let mut reply = call.send(&self.link).await?;
        let is_made = reply.int()? == 1;
        let (created_at, updated_at) = (Timestamp::from_millis(reply.int()?), Timestamp::from_millis(reply.int()?));
        Ok((Site { id: id.clone(), settings, created_at, updated_at }, is_made))
    }

    /// One site. The `default` site is there always: whoever finds it missing makes it, as on first contact, or after
    /// everything was forgotten.
    async fn site(&self, id: &SiteId) -> Result<Option<Site>, StoreError> {
        let site = self.find_site(id).await?;
        if site.is_some() || *id != SiteId::default() {
            return Ok(site);
        }
        let key = keys::site(id);
        Call::new(&self.scripts.put_site, &[key.as_bytes()])
            .arg(b"if-missing")
            .arg(b"origins")
            .arg(b"[]")
            .send(&self.link)
            .await?;
        self.find_site(id).await
    }

    /// The index first: a key is in force once it is written, and by then its site's list has it.
    async fn add_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let mut index = Cmd::new();
        index.arg("SADD").arg(keys::site_keys(&key.site)).arg(key.id.as_str());
        self.ask(&index).await?;
        let mut write = Cmd::new();
        write.arg("SET").arg(keys::api_key(&key.id)).arg(record::write_key(key)?);
        self.ask(&write).await?;
        Ok(())
    }

    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, StoreError> {
        let mut command = Cmd::new();
        command.arg("GET").arg(keys::api_key(id));
        let json: Option<Vec<u8>> = self.ask_for(&command).await?;
        json.map(|json| record::read_key(&json)).transpose()
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

impl RedisStore {
    async fn find_site(&self, id: &SiteId) -> Result<Option<Site>, StoreError> {
        let mut command = Cmd::new();
        command.arg("HMGET").arg(keys::site(id)).arg("origins").arg("created_at").arg("updated_at");
        let (origins, created_at, updated_at, timezone, name, url): Fields =
            self.ask_for(command.arg("timezone").arg("name").arg("url")).await?;
        let (Some(origins), Some(created_at), Some(updated_at)) = (origins, created_at, updated_at) else {
            return Ok(None);
        };
        Ok(Some(Site {
            id: id.clone(),
            settings: SiteSettings {
                origins: record::read("a site's origins", &origins)?,
                // A site of an earlier version has none. One that this version does not know is taken for UTC.
                timezone: timezone.and_then(|name| name.parse().ok()).unwrap_or_default(),
                name: name.map_or(Ok(None), |name| record::read("a site's name", &name))?,
                url: url.map_or(Ok(None), |url| record::read("a site's address", &url))?,
            },
            created_at: Timestamp::from_millis(created_at),
            updated_at: Timestamp::from_millis(updated_at),
        }))
    }
}
