//! Sessions of the newsroom.

use async_trait::async_trait;
use redis::Cmd;

use super::{RedisStore, keys};
use crate::{
    secret::KeyHash,
    site::Session,
    store::{Sessions, StoreError, record},
};

#[async_trait]
impl Sessions for RedisStore {
    /// It expires by itself.
    async fn add_session(&self, hash: KeyHash, session: &Session) -> Result<(), StoreError> {
        let mut set = Cmd::new();
        set.arg("SET").arg(keys::session(hash)).arg(record::write(session)?).arg("NX");
        set.arg("PXAT").arg(session.expires_at.as_millis());
        self.ask(&set).await.map(drop)
    }

    async fn session(&self, hash: KeyHash) -> Result<Option<Session>, StoreError> {
        let mut get = Cmd::new();
        get.arg("GET").arg(keys::session(hash));
        let json: Option<Vec<u8>> = self.ask_for(&get).await?;
        json.map(|json| record::read("a session", &json)).transpose()
    }

    async fn end_session(&self, hash: KeyHash) -> Result<Option<Session>, StoreError> {
        let mut take = Cmd::new();
        take.arg("GETDEL").arg(keys::session(hash));
        let json: Option<Vec<u8>> = self.ask_for(&take).await?;
        json.map(|json| record::read("a session", &json)).transpose()
    }
}
