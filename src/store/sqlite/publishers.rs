//! Sites and their API keys.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{SqliteStore, articles, events, has_site, templates, views};
use crate::{
    poll::{SiteId, Timestamp},
    site::{ApiKey, KeyId, NewEvent, Site, SiteSettings},
    store::{
        Publishers, SiteDeletion, SiteReplacement, StoreError,
        record::{read, read_key, write, write_key},
    },
};

#[async_trait]
impl Publishers for SqliteStore {
    async fn put_site(
        &self,
        id: &SiteId,
        settings: SiteSettings,
        events: &[NewEvent],
    ) -> Result<(Site, bool), StoreError> {
        let (id, events) = (id.clone(), events.to_vec());
        self.write(move |db, times| {
            events::tell(db, times.store, &id, None, &events)?;
            put(db, times.store, &id, settings)
        })
        .await
    }

    async fn replace_site(
        &self,
        id: &SiteId,
        settings: SiteSettings,
        version: Option<Timestamp>,
        events: &[NewEvent],
    ) -> Result<SiteReplacement, StoreError> {
        let (id, events) = (id.clone(), events.to_vec());
        self.write(move |db, times| {
            let Some(site) = find(db, &id)? else { return Ok(SiteReplacement::Gone) };
            if site.settings == settings {
                return Ok(SiteReplacement::Done(site));
            }
            if version.is_some_and(|version| version != site.updated_at) {
                return Ok(SiteReplacement::Changed(site));
            }
            events::tell(db, times.store, &id, None, &events)?;
            put(db, times.store, &id, settings).map(|(site, _)| SiteReplacement::Done(site))
        })
        .await
    }

    async fn site(&self, id: &SiteId) -> Result<Option<Site>, StoreError> {
        let id = id.clone();
        self.read(move |db, _| find(db, &id)).await
    }

    async fn sites(&self, after: Option<&SiteId>, limit: usize) -> Result<Vec<Site>, StoreError> {
        let after = after.cloned();
        self.read(move |db, _| {
            // Every id is greater than the empty text.
            let after = after.as_ref().map_or("", SiteId::as_str);
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut select = db.prepare_cached("select record from sites where id > ?1 order by id limit ?2")?;
            let records = select.query_map(params![after, limit], |row| row.get::<_, String>(0))?;
            records.map(|record| read("a site", record?.as_bytes())).collect()
        })
        .await
    }

    async fn delete_site(&self, id: &SiteId) -> Result<SiteDeletion, StoreError> {
        let id = id.clone();
        self.write(move |db, _| delete(db, &id)).await
    }

    /// A key never changes, so writing it again does nothing.
    async fn add_key(&self, key: &ApiKey, events: &[NewEvent]) -> Result<bool, StoreError> {
        let (key, events) = (key.clone(), events.to_vec());
        self.write(move |db, times| {
            if !has_site(db, &key.site)? {
                return Ok(false);
            }
            let added = db
                .prepare_cached("insert or ignore into keys (id, site, created_at, record) values (?1, ?2, ?3, ?4)")?
                .execute(params![key.id.as_str(), key.site.as_str(), key.created_at.as_millis(), write_key(&key)?])?;
            if added > 0 {
                events::tell(db, times.store, &key.site, None, &events)?;
            }
            Ok(true)
        })
        .await
    }

    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, StoreError> {
        let id = id.clone();
        self.read(move |db, _| {
            let mut select = db.prepare_cached("select record from keys where id = ?1")?;
            let record: Option<String> = select.query_row([id.as_str()], |row| row.get(0)).optional()?;
            record.map(|record| read_key(record.as_bytes())).transpose()
        })
        .await
    }

    async fn keys(&self, site: &SiteId) -> Result<Vec<ApiKey>, StoreError> {
        let site = site.clone();
        self.read(move |db, _| {
            let mut select = db.prepare_cached("select record from keys where site = ?1 order by created_at, id")?;
            let records = select.query_map([site.as_str()], |row| row.get::<_, String>(0))?;
            records.map(|record| read_key(record?.as_bytes())).collect()
        })
        .await
    }

    async fn revoke_key(&self, id: &KeyId, events: &[NewEvent]) -> Result<bool, StoreError> {
        let (id, events) = (id.clone(), events.to_vec());
        self.write(move |db, times| {
            let mut delete = db.prepare_cached("delete from keys where id = ?1 returning site")?;
            let site: Option<String> = delete.query_row([id.as_str()], |row| row.get(0)).optional()?;
            let Some(site) = site else { return Ok(false) };
            let site = site.parse().map_err(|rule| StoreError::Corrupt(format!("a site's id {rule}")))?;
            events::tell(db, times.store, &site, None, &events)?;
            Ok(true)
        })
        .await
    }
}

/// Ensures the site that owns a poll when none is named.
pub(super) fn prepare(db: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let id = SiteId::default();
    if find(db, &id)?.is_none() {
        put(db, now, &id, SiteSettings::default())?;
    }
    Ok(())
}

fn find(db: &Connection, id: &SiteId) -> Result<Option<Site>, StoreError> {
    let mut select = db.prepare_cached("select record from sites where id = ?1")?;
    let record: Option<String> = select.query_row([id.as_str()], |row| row.get(0)).optional()?;
    record.map(|record| read("a site", record.as_bytes())).transpose()
}

/// Puts a site, and returns whether it was made.
fn put(db: &Connection, now: Timestamp, id: &SiteId, settings: SiteSettings) -> Result<(Site, bool), StoreError> {
    let before = find(db, id)?;
    let created_at = before.as_ref().map_or(now, |site| site.created_at);
    // It grows with each change, whatever the clock says.
    let later = |before: Timestamp| now.max(Timestamp::from_millis(before.as_millis() + 1));
    let updated_at = before.as_ref().map_or(now, |site| later(site.updated_at));
    let site = Site { id: id.clone(), settings, created_at, updated_at };
    db.prepare_cached("insert or replace into sites (id, record) values (?1, ?2)")?
        .execute(params![id.as_str(), write(&site)?])?;
    Ok((site, before.is_none()))
}

fn delete(db: &Connection, id: &SiteId) -> Result<SiteDeletion, StoreError> {
    let has = |select: &str| db.prepare_cached(select)?.exists([id.as_str()]);
    if has("select 1 from polls where site = ?1 and is_listed = 1")? {
        return Ok(SiteDeletion::HasPolls);
    }
    if templates::has_templates(db, id)? {
        return Ok(SiteDeletion::HasTemplates);
    }
    if has("select 1 from places where site = ?1")? {
        return Ok(SiteDeletion::HasPlaces);
    }
    if has("select 1 from webhooks where site = ?1")? {
        return Ok(SiteDeletion::HasWebhooks);
    }
    if has("select 1 from keys where site = ?1")? {
        return Ok(SiteDeletion::HasKeys);
    }
    views::forget_site(db, id)?;
    articles::forget_site(db, id)?;
    events::forget_site(db, id)?;
    let deleted = db.prepare_cached("delete from sites where id = ?1")?.execute([id.as_str()])?;
    db.prepare_cached("delete from log_files where site = ?1")?.execute([id.as_str()])?;
    Ok(if deleted > 0 { SiteDeletion::Done } else { SiteDeletion::Gone })
}
