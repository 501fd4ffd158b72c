//! Sites and API keys.

use async_trait::async_trait;
use futures_util::future::try_join_all;
use redis::Cmd;

use super::{RedisStore, keys, outbox::too_late, script::Call, sites::Member};
use crate::{
    poll::{SiteId, Timestamp},
    site::{ApiKey, KeyId, NewEvent, Site, SiteSettings},
    store::{Polls as _, Publishers, SiteDeletion, SiteReplacement, StoreError, record},
};

/// How often a site with listed entries is checked again for what they stand for.
const MOST_SWEEPS: usize = 8;

#[async_trait]
impl Publishers for RedisStore {
    async fn put_site(
        &self,
        id: &SiteId,
        settings: SiteSettings,
        events: &[NewEvent],
    ) -> Result<(Site, bool), StoreError> {
        self.list_site(id).await?;
        let (found, created_at, updated_at) = self.put_settings(id, &settings, (b"", true), events).await?;
        Ok((Site { id: id.clone(), settings, created_at, updated_at }, found == 1))
    }

    async fn replace_site(
        &self,
        id: &SiteId,
        settings: SiteSettings,
        version: Option<Timestamp>,
        events: &[NewEvent],
    ) -> Result<SiteReplacement, StoreError> {
        let condition = version.map_or_else(|| "if-there".to_owned(), |version| version.as_millis().to_string());
        let (found, created_at, updated_at) =
            self.put_settings(id, &settings, (condition.as_bytes(), false), events).await?;
        Ok(match found {
            -1 => self.find_site(id).await?.map_or(SiteReplacement::Gone, SiteReplacement::Changed),
            0 => SiteReplacement::Done(Site { id: id.clone(), settings, created_at, updated_at }),
            _ => SiteReplacement::Gone,
        })
    }

    /// One site. The `default` site always exists: whoever finds it missing makes it, as on first contact, or after all
    /// data was deleted.
    async fn site(&self, id: &SiteId) -> Result<Option<Site>, StoreError> {
        let site = self.find_site(id).await?;
        if site.is_some() || *id != SiteId::default() {
            return Ok(site);
        }
        self.make_site(id).await?;
        self.find_site(id).await
    }

    async fn sites(&self, after: Option<&SiteId>, limit: usize) -> Result<Vec<Site>, StoreError> {
        let mut above = after.map_or_else(|| "-".to_owned(), |id| format!("({id}"));
        let mut sites = Vec::with_capacity(limit);
        while sites.len() < limit {
            let wanted = limit - sites.len();
            let mut command = Cmd::new();
            command.arg("ZRANGEBYLEX").arg(keys::SITES).arg(&above).arg("+").arg("LIMIT").arg(0).arg(wanted);
            let ids: Vec<String> = self.ask_for(&command).await?;
            let Some(last) = ids.last() else { break };
            above = format!("({last}");
            let is_last_page = ids.len() < wanted;
            let ids = ids.iter().map(|id| id.parse::<SiteId>()).collect::<Result<Vec<_>, _>>();
            let ids = ids.map_err(|rule| StoreError::Corrupt(format!("a site's id {rule}")))?;
            sites.extend(try_join_all(ids.iter().map(|id| self.find_site(id))).await?.into_iter().flatten());
            if is_last_page {
                break;
            }
        }
        Ok(sites)
    }

    async fn delete_site(&self, id: &SiteId) -> Result<SiteDeletion, StoreError> {
        let (site, polls, site_keys) = (keys::site(id), keys::site_polls(id), keys::site_keys(id));
        let (templates, places, webhooks) = (keys::templates(id), keys::places(id), keys::webhooks(id));
        let with_it = [
            keys::site_articles(id),
            keys::site_addresses(id),
            keys::site_article_places(id),
            keys::site_log(id),
            keys::transparency_log(id),
            keys::relayed(id),
        ];
        let names = [&site, &polls, &site_keys, &templates, &places, &webhooks].into_iter().chain(&with_it);
        let names: Vec<&[u8]> = names.map(String::as_bytes).collect();
        for _ in 0..MOST_SWEEPS {
            match Call::new(&self.scripts.delete_site, &names).send(&self.link).await?.int()? {
                0 => return self.forget_views(id).await.map(|()| SiteDeletion::Gone),
                1 => return self.forget_views(id).await.map(|()| SiteDeletion::Done),
                _ => {}
            }
            // This also finishes deletions that were cut short.
            if !self.polls(id, None, 1).await?.is_empty() {
                return Ok(SiteDeletion::HasPolls);
            }
            if self.ask_for::<bool>(Cmd::new().arg("EXISTS").arg(&templates)).await? {
                return Ok(SiteDeletion::HasTemplates);
            }
            if self.ask_for::<bool>(Cmd::new().arg("EXISTS").arg(&places)).await? {
                return Ok(SiteDeletion::HasPlaces);
            }
            if self.ask_for::<bool>(Cmd::new().arg("EXISTS").arg(&webhooks)).await? {
                return Ok(SiteDeletion::HasWebhooks);
            }
            if !self.keys(id).await?.is_empty() {
                return Ok(SiteDeletion::HasKeys);
            }
            self.sweep(id).await?;
        }
        Err(StoreError::unavailable("the site's lists could not be emptied"))
    }

    /// The index first: a key is in force once it is written, and then its site's list must have it.
    async fn add_key(&self, key: &ApiKey, events: &[NewEvent]) -> Result<bool, StoreError> {
        if !self.join(&key.site, Member::Key(&key.id)).await? {
            return Ok(false);
        }
        let (name, outbox, kept) = (keys::api_key(&key.id), keys::key_outbox(&key.id), record::write_key(key)?);
        let entries = self.announce_entries(&outbox, &key.site, None, events, &[]).await?;
        let call = Call::new(&self.scripts.add_key, &[name.as_bytes(), outbox.as_bytes()]).arg(kept.as_bytes());
        let mut reply = entries.add_to(call.arg(entries.announced.as_bytes())).send(&self.link).await?;
        match reply.int()? {
            1 => Ok(true),
            6 => Err(too_late()),
            // An existing one is the same: a key never changes.
            _ if reply.bytes()?.is_empty() => Err(StoreError::unavailable("the key was given up while it was made")),
            _ => Ok(true),
        }
    }

    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, StoreError> {
        let mut command = Cmd::new();
        command.arg("GET").arg(keys::api_key(id));
        let json: Option<Vec<u8>> = self.ask_for(&command).await?;
        // A key whose making was given up is kept empty for a while.
        json.filter(|json| !json.is_empty()).map(|json| record::read_key(&json)).transpose()
    }

    async fn keys(&self, site: &SiteId) -> Result<Vec<ApiKey>, StoreError> {
        let ids = self.listed_keys(site).await?;
        let keys = try_join_all(ids.iter().map(|id| self.key(id))).await?;
        let mut keys: Vec<ApiKey> = keys.into_iter().flatten().collect();
        keys.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        Ok(keys)
    }

    /// The key first: it is refused from then on, and an index entry without a key is skipped.
    async fn revoke_key(&self, id: &KeyId, events: &[NewEvent]) -> Result<bool, StoreError> {
        let Some(key) = self.key(id).await? else { return Ok(false) };
        let (name, outbox) = (keys::api_key(id), keys::key_outbox(id));
        let entries = self.announce_entries(&outbox, &key.site, None, events, &[]).await?;
        let call = Call::new(&self.scripts.take_away, &[name.as_bytes(), outbox.as_bytes()]);
        if entries.add_to(call.arg(entries.announced.as_bytes())).send(&self.link).await?.int()? == 6 {
            return Err(too_late());
        }
        let mut index = Cmd::new();
        index.arg("SREM").arg(keys::site_keys(&key.site)).arg(id.as_str());
        self.ask(&index).await?;
        Ok(true)
    }
}
