//! Sites and their API keys.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{
    poll::{SiteId, Timestamp},
    site::{ApiKey, KeyId, Origin, Site},
    store::{
        StoreError,
        record::{read, read_key, write, write_key},
    },
};

/// Makes sure of the site that owns a poll when none is named.
pub(super) fn prepare(db: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let id = SiteId::default();
    if get(db, &id)?.is_none() {
        put(db, now, &id, Vec::new())?;
    }
    Ok(())
}

pub(super) fn get(db: &Connection, id: &SiteId) -> Result<Option<Site>, StoreError> {
    let mut select = db.prepare_cached("select record from sites where id = ?1")?;
    let record: Option<String> = select.query_row([id.as_str()], |row| row.get(0)).optional()?;
    record.map(|record| read("a site", record.as_bytes())).transpose()
}

/// Puts a site, and says whether it was made.
pub(super) fn put(
    db: &Connection,
    now: Timestamp,
    id: &SiteId,
    origins: Vec<Origin>,
) -> Result<(Site, bool), StoreError> {
    let before = get(db, id)?;
    let created_at = before.as_ref().map_or(now, |site| site.created_at);
    let site = Site { id: id.clone(), origins, created_at, updated_at: now };
    db.prepare_cached("insert or replace into sites (id, record) values (?1, ?2)")?
        .execute(params![id.as_str(), write(&site)?])?;
    Ok((site, before.is_none()))
}

/// Keeps a key; once kept it never changes, so the same again is nothing.
pub(super) fn add_key(db: &Connection, key: &ApiKey) -> Result<(), StoreError> {
    db.prepare_cached("insert or ignore into keys (id, site, created_at, record) values (?1, ?2, ?3, ?4)")?
        .execute(params![key.id.as_str(), key.site.as_str(), key.created_at.as_millis(), write_key(key)?])?;
    Ok(())
}

pub(super) fn key(db: &Connection, id: &KeyId) -> Result<Option<ApiKey>, StoreError> {
    let mut select = db.prepare_cached("select record from keys where id = ?1")?;
    let record: Option<String> = select.query_row([id.as_str()], |row| row.get(0)).optional()?;
    record.map(|record| read_key(record.as_bytes())).transpose()
}

pub(super) fn keys(db: &Connection, site: &SiteId) -> Result<Vec<ApiKey>, StoreError> {
    let mut select = db.prepare_cached("select record from keys where site = ?1 order by created_at, id")?;
    let records = select.query_map([site.as_str()], |row| row.get::<_, String>(0))?;
    records.map(|record| read_key(record?.as_bytes())).collect()
}

pub(super) fn revoke_key(db: &Connection, id: &KeyId) -> Result<bool, StoreError> {
    Ok(db.prepare_cached("delete from keys where id = ?1")?.execute([id.as_str()])? > 0)
}
