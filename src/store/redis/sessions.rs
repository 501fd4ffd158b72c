//! Sessions of the newsroom.

use std::cmp::Reverse;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use redis::Cmd;

use super::{RedisStore, keys, outbox::too_late, script::Call};
use crate::{
    poll::SiteId,
    secret::{KeyHash, hex, random_bytes},
    site::{NewEvent, Realm, Session},
    store::{Sessions, StoreError, record},
};

/// How many sessions are read at once.
const READ_AT_ONCE: usize = 16;

/// For how long it is known who ended a session, in seconds: for longer than a call is sent again over a new
/// connection.
const ENDED_SECS: &str = "10";

#[async_trait]
impl Sessions for RedisStore {
    /// It expires by itself. It is listed before it is there: so none is there that is not listed.
    async fn add_session(&self, hash: KeyHash, session: &Session) -> Result<(), StoreError> {
        let now = self.clock_time().await?.as_millis();
        for realm in session.realms() {
            let index = keys::sessions_in(&realm);
            let mut add = Cmd::new();
            add.arg("ZADD").arg(&index).arg(session.expires_at.as_millis()).arg(hash.to_hex());
            self.ask(&add).await?;
            let mut forget = Cmd::new();
            self.ask(forget.arg("ZREMRANGEBYSCORE").arg(&index).arg("-inf").arg(now)).await?;
        }
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
        let (session, ended) = (keys::session(hash), keys::ended_session(hash));
        let name = hex(&random_bytes::<8>());
        let call = Call::new(&self.scripts.end_session, &[session.as_bytes(), ended.as_bytes()]);
        let mut reply = call.arg(name.as_bytes()).arg(ENDED_SECS.as_bytes()).send(&self.link).await?;
        let json = reply.optional_bytes()?;
        let ended: Option<Session> = json.map(|json| record::read("a session", &json)).transpose()?;
        if let Some(ended) = &ended {
            self.unlist_session(hash, ended).await?;
        }
        Ok(ended)
    }

    async fn end_session_at(&self, hash: KeyHash, site: &SiteId, event: &NewEvent) -> Result<bool, StoreError> {
        let Some(session) = self.session(hash).await? else { return Ok(false) };
        let (name, outbox) = (keys::session(hash), keys::session_outbox(hash));
        let entries = self.announce_entries(&outbox, site, None, std::slice::from_ref(event), &[]).await?;
        let call = Call::new(&self.scripts.take_away, &[name.as_bytes(), outbox.as_bytes()]);
        match entries.add_to(call.arg(entries.announced.as_bytes())).send(&self.link).await?.int()? {
            6 => return Err(too_late()),
            0 => return Ok(false),
            _ => {}
        }
        self.unlist_session(hash, &session).await?;
        Ok(true)
    }

    /// One command for each: on a cluster they lie apart.
    async fn sessions_in(&self, realm: &Realm, limit: usize) -> Result<Vec<(KeyHash, Session)>, StoreError> {
        let (index, now) = (keys::sessions_in(realm), self.clock_time().await?.as_millis());
        let mut range = Cmd::new();
        range.arg("ZRANGE").arg(&index).arg("+inf").arg(format!("({now}")).arg("BYSCORE").arg("REV");
        let listed: Vec<String> = self.ask_for(range.arg("LIMIT").arg(0).arg(limit)).await?;
        let hash = |hex: &String| {
            KeyHash::from_hex(hex).ok_or_else(|| StoreError::Corrupt(format!("a session in {index}: {hex}")))
        };
        let hashes = listed.iter().map(hash).collect::<Result<Vec<_>, _>>()?;
        let found = stream::iter(hashes).map(async |hash| Ok::<_, StoreError>((hash, self.session(hash).await?)));
        let found: Vec<(KeyHash, Option<Session>)> = found.buffered(READ_AT_ONCE).try_collect().await?;
        let mut found: Vec<_> = found.into_iter().filter_map(|(hash, session)| Some((hash, session?))).collect();
        found.sort_by_key(|(_, session)| Reverse(session.created_at));
        Ok(found)
    }
}

impl RedisStore {
    async fn unlist_session(&self, hash: KeyHash, ended: &Session) -> Result<(), StoreError> {
        for realm in ended.realms() {
            self.ask(Cmd::new().arg("ZREM").arg(keys::sessions_in(&realm)).arg(hash.to_hex())).await?;
        }
        Ok(())
    }
}
