//! Transparency logs.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{SqliteStore, has_site};
use crate::{
    poll::SiteId,
    store::{LOG_HEAD, LOG_PUBLISHED, LogWrite, StoreError, TransparencyLogs, transparency_logs::place_in},
};

#[async_trait]
impl TransparencyLogs for SqliteStore {
    async fn lease_log(&self, site: &SiteId, holder: &str, ttl: Duration) -> Result<bool, StoreError> {
        Ok(self.log_leases.take(site, holder, self.clocks.own().now(), ttl))
    }

    async fn return_log(&self, site: &SiteId, holder: &str) -> Result<(), StoreError> {
        self.log_leases.give_back(site, holder);
        Ok(())
    }

    async fn log_files(&self, site: &SiteId, names: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let (site, names) = (site.clone(), names.to_vec());
        self.read(move |db, _| {
            // A reader's work is one transaction: they are as they were at one moment.
            names.iter().map(|name| file(db, &site, name)).collect()
        })
        .await
    }

    async fn write_log(&self, site: &SiteId, write: &LogWrite) -> Result<bool, StoreError> {
        let (site, write, leases) = (site.clone(), write.clone(), Arc::clone(&self.log_leases));
        self.write(move |db, times| {
            let (head, after) = (file(db, &site, LOG_HEAD)?, write.head_file());
            if head.as_ref() == Some(&after) {
                return Ok(true);
            }
            let is_there = head.as_deref().map(place_in) == write.before.as_deref().map(str::as_bytes);
            if !is_there || !has_site(db, &site)? || !leases.has(&site, &write.holder, times.store) {
                return Ok(false);
            }
            let mut put =
                db.prepare_cached("insert or replace into log_files (site, name, bytes) values (?1, ?2, ?3)")?;
            put.execute(params![site.as_str(), LOG_HEAD, after])?;
            for (name, bytes) in &write.files {
                put.execute(params![site.as_str(), name, bytes])?;
            }
            Ok(true)
        })
        .await
    }

    async fn publish_log(&self, site: &SiteId, place: &str) -> Result<bool, StoreError> {
        let (site, place) = (site.clone(), place.to_owned());
        self.write(move |db, _| {
            let Some(head) = file(db, &site, LOG_HEAD)?.filter(|head| place_in(head) == place.as_bytes()) else {
                return Ok(false);
            };
            db.prepare_cached("insert or replace into log_files (site, name, bytes) values (?1, ?2, ?3)")?
                .execute(params![site.as_str(), LOG_PUBLISHED, head])?;
            Ok(true)
        })
        .await
    }
}

fn file(db: &Connection, site: &SiteId, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut select = db.prepare_cached("select bytes from log_files where site = ?1 and name = ?2")?;
    Ok(select.query_row([site.as_str(), name], |row| row.get(0)).optional()?)
}
