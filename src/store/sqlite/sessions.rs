//! Sessions of the newsroom.

use async_trait::async_trait;
use rusqlite::{OptionalExtension as _, params};

use super::SqliteStore;
use crate::{
    secret::KeyHash,
    site::Session,
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
}
