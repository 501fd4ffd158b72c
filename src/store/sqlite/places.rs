//! Places.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{SqliteStore, events, has_site};
use crate::{
    place::{MOST_PLACES, Place, PlaceId},
    poll::{Revision, SiteId, Timestamp},
    site::NewEvent,
    store::{
        PlacePut, Places, StoreError,
        record::{read, write},
    },
};

#[async_trait]
impl Places for SqliteStore {
    async fn put_place(&self, place: &Place, event: &NewEvent) -> Result<PlacePut, StoreError> {
        let (place, event) = (place.clone(), event.clone());
        self.write(move |db, times| put(db, times.store, &place, event)).await
    }

    async fn place(&self, site: &SiteId, id: &PlaceId) -> Result<Option<Place>, StoreError> {
        let (site, id) = (site.clone(), id.clone());
        self.read(move |db, _| find(db, &site, &id)).await
    }

    async fn places(&self, site: &SiteId) -> Result<Vec<Place>, StoreError> {
        let site = site.clone();
        self.read(move |db, _| {
            let mut select = db.prepare_cached("select record from places where site = ?1 order by id")?;
            let records = select.query_map([site.as_str()], |row| row.get::<_, String>(0))?;
            records.map(|record| read("a place", record?.as_bytes())).collect()
        })
        .await
    }

    async fn delete_place(&self, site: &SiteId, id: &PlaceId, event: &NewEvent) -> Result<bool, StoreError> {
        let (site, id, event) = (site.clone(), id.clone(), event.clone());
        self.write(move |db, times| {
            let mut delete = db.prepare_cached("delete from places where site = ?1 and id = ?2")?;
            let is_deleted = delete.execute([site.as_str(), id.as_str()])? > 0;
            if is_deleted {
                events::tell(db, times.store, &site, None, &[event])?;
            }
            Ok(is_deleted)
        })
        .await
    }
}

fn put(db: &Connection, now: Timestamp, place: &Place, event: NewEvent) -> Result<PlacePut, StoreError> {
    let Place { site, id, revision, .. } = place;
    if !has_site(db, site)? {
        return Ok(PlacePut::NoSite);
    }
    let before = find(db, site, id)?;
    if before.as_ref() == Some(place) {
        return Ok(PlacePut::Done);
    }
    let in_force = before.map(|before| before.revision);
    if in_force.map_or(Revision::FIRST, Revision::next) != *revision {
        return Ok(PlacePut::Mismatch(in_force));
    }
    let mut count = db.prepare_cached("select count(*) from places where site = ?1")?;
    let count: usize = count.query_row([site.as_str()], |row| row.get(0))?;
    if in_force.is_none() && count >= MOST_PLACES {
        return Ok(PlacePut::TooMany);
    }
    db.prepare_cached("insert or replace into places (site, id, record) values (?1, ?2, ?3)")?.execute(params![
        site.as_str(),
        id.as_str(),
        write(place)?
    ])?;
    events::tell(db, now, site, None, &[event])?;
    Ok(PlacePut::Done)
}

fn find(db: &Connection, site: &SiteId, id: &PlaceId) -> Result<Option<Place>, StoreError> {
    let mut select = db.prepare_cached("select record from places where site = ?1 and id = ?2")?;
    let record: Option<String> = select.query_row([site.as_str(), id.as_str()], |row| row.get(0)).optional()?;
    record.map(|record| read("a place", record.as_bytes())).transpose()
}
