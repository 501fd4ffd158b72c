//! Sessions of the newsroom.

use std::cmp::Reverse;

use async_trait::async_trait;
use rusqlite::{OptionalExtension as _, params};

use super::{SqliteStore, events};
use crate::{
    poll::SiteId,
    secret::KeyHash,
    site::{NewEvent, Realm, Session},
    store::{
        Sessions, StoreError,
        record::{read, write},
    },
};

#[async_trait]
impl Sessions for SqliteStore {
    /// Those that have expired go on the way.
    async fn add_session(&self, hash: KeyHash, session: &Session) -> Result<(), StoreError> {
        let session = session.clone();
        self.write(move |db, times| {
            db.prepare_cached("delete from sessions where expires_at <= ?1")?.execute([times.store.as_millis()])?;
            db.prepare_cached("insert or ignore into sessions (hash, expires_at, record) values (?1, ?2, ?3)")?
                .execute(params![hash.to_hex(), session.expires_at.as_millis(), write(&session)?])?;
            Ok(())
        })
        .await
    }

    async fn session(&self, hash: KeyHash) -> Result<Option<Session>, StoreError> {
        self.read(move |db, times| {
            let mut select = db.prepare_cached("select record from sessions where hash = ?1 and expires_at > ?2")?;
            let record: Option<String> =
                select.query_row(params![hash.to_hex(), times.store.as_millis()], |row| row.get(0)).optional()?;
            record.map(|record| read("a session", record.as_bytes())).transpose()
        })
        .await
    }

    async fn end_session(&self, hash: KeyHash) -> Result<Option<Session>, StoreError> {
        self.write(move |db, times| {
            let mut delete =
                db.prepare_cached("delete from sessions where hash = ?1 and expires_at > ?2 returning record")?;
            let record: Option<String> =
                delete.query_row(params![hash.to_hex(), times.store.as_millis()], |row| row.get(0)).optional()?;
            record.map(|record| read("a session", record.as_bytes())).transpose()
        })
        .await
    }

    async fn end_session_at(&self, hash: KeyHash, site: &SiteId, event: &NewEvent) -> Result<bool, StoreError> {
        let (site, event) = (site.clone(), event.clone());
        self.write(move |db, times| {
            let mut delete = db.prepare_cached("delete from sessions where hash = ?1 and expires_at > ?2")?;
            let was_there = delete.execute(params![hash.to_hex(), times.store.as_millis()])? > 0;
            if was_there {
                events::tell(db, times.store, &site, None, &[event])?;
            }
            Ok(was_there)
        })
        .await
    }

    /// There are not many at any time: all that go on are read.
    async fn sessions_in(&self, realm: &Realm, limit: usize) -> Result<Vec<(KeyHash, Session)>, StoreError> {
        let realm = realm.clone();
        self.read(move |db, times| {
            let mut select = db.prepare_cached("select hash, record from sessions where expires_at > ?1")?;
            let rows = select
                .query_map([times.store.as_millis()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
            let mut found = Vec::new();
            for row in rows {
                let (hash, record) = row?;
                let hash =
                    KeyHash::from_hex(&hash).ok_or_else(|| StoreError::Corrupt("the hash of a session".to_owned()))?;
                let session: Session = read("a session", record.as_bytes())?;
                if session.realms().contains(&realm) {
                    found.push((hash, session));
                }
            }
            found.sort_by_key(|(_, session)| Reverse(session.created_at));
            found.truncate(limit);
            Ok(found)
        })
        .await
    }
}
