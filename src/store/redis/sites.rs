//! What keeps sites and the lists of what they have in step: behind [`Publishers`](crate::store::Publishers).
//!
//! A site, its list of polls and its list of keys lie in one hash slot. So that it is empty is found out in the step that
//! deletes it, and a poll or a key is put in the site's list, before anything else of it is written, in a step that wants
//! the site to be there. Whatever is made at the same moment therefore either keeps the site, or is refused.
//!
//! The making of a poll may have been cut short behind that step, and a revocation before its last. What is left of those
//! in a list is given up first ([`RedisStore::sweep`]): the poll or key is marked, in its own hash slot, so that whoever
//! may still be making it does not finish, and only then is it taken off the list.
//!
//! The list of all sites lies in another hash slot. A site is in it before it is there, and an id once in it stays: were
//! it taken out when the site is deleted, one that is put at that moment could be missing. A list passes over those that
//! are not there.

use redis::Cmd;

use super::{RedisStore, keys, script::Call};
use crate::{
    poll::{Poll, PollId, SiteId, Timestamp},
    site::{KeyId, Site, SiteSettings},
    store::{StoreError, record},
};

/// How long the making of a poll or a key that was given up is kept from being finished: far longer than any takes.
const GIVEN_UP_SECS: &str = "3600";

/// How many entries of a list are swept at once.
const CHUNK: usize = 500;

/// Of a site: `origins`, `created_at`, `updated_at`, `timezone`, `name`, `url`, `listed`. One of an earlier version lacks
/// the last.
type Fields = (Option<Vec<u8>>, Option<i64>, Option<i64>, Option<String>, Option<Vec<u8>>, Option<Vec<u8>>, Option<u8>);

/// What is in a site's lists.
#[derive(Clone, Copy)]
pub(super) enum Member<'a> {
    Poll(&'a Poll),
    Key(&'a KeyId),
}

impl RedisStore {
    /// Makes a site unless there is one.
    pub(super) async fn make_site(&self, id: &SiteId) -> Result<(), StoreError> {
        self.list_site(id).await?;
        let key = keys::site(id);
        let call = Call::new(&self.scripts.put_site, &[key.as_bytes()]).arg(b"if-missing");
        call.arg(b"listed").arg(b"1").arg(b"origins").arg(b"[]").send(&self.link).await?;
        Ok(())
    }

    pub(super) async fn find_site(&self, id: &SiteId) -> Result<Option<Site>, StoreError> {
        let mut command = Cmd::new();
        command.arg("HMGET").arg(keys::site(id)).arg("origins").arg("created_at").arg("updated_at");
        let (origins, created_at, updated_at, timezone, name, url, listed): Fields =
            self.ask_for(command.arg("timezone").arg("name").arg("url").arg("listed")).await?;
        let (Some(origins), Some(created_at), Some(updated_at)) = (origins, created_at, updated_at) else {
            return Ok(None);
        };
        if listed.is_none() {
            // Put by an earlier version, which kept no list. Should that fail now, whoever reads it next tries again.
            _ = self.list_afterwards(id).await;
        }
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

    /// Puts a poll or a key in its site's list. Says whether there is such a site.
    pub(super) async fn join(&self, site: &SiteId, member: Member<'_>) -> Result<bool, StoreError> {
        let key = keys::site(site);
        let (list, id, made) = match member {
            Member::Poll(poll) => {
                (keys::site_polls(site), poll.id.to_string(), poll.created_at.as_millis().to_string())
            }
            Member::Key(id) => (keys::site_keys(site), id.as_str().to_owned(), String::new()),
        };
        let call = Call::new(&self.scripts.join_site, &[key.as_bytes(), list.as_bytes()]);
        Ok(call.arg(id.as_bytes()).arg(made.as_bytes()).send(&self.link).await?.int()? == 1)
    }

    /// Takes off a site's lists what was not made to the end, or not quite forgotten.
    pub(super) async fn sweep(&self, site: &SiteId) -> Result<(), StoreError> {
        let mut command = Cmd::new();
        command.arg("ZRANGE").arg(keys::site_polls(site)).arg(0).arg(CHUNK - 1);
        let polls: Vec<String> = self.ask_for(&command).await?;
        for id in polls {
            let poll = id.parse::<PollId>().map_err(|rule| StoreError::Corrupt(format!("a poll id {rule}")))?;
            let (key, deleting) = (keys::poll(poll), keys::deleting(poll));
            let call = Call::new(&self.scripts.abandon, &[key.as_bytes(), deleting.as_bytes()]);
            if call.arg(GIVEN_UP_SECS.as_bytes()).send(&self.link).await?.int()? == 1 {
                self.ask(Cmd::new().arg("ZREM").arg(keys::site_polls(site)).arg(id)).await?;
            }
        }
        for key in self.listed_keys(site).await?.iter().take(CHUNK) {
            let mut give_up = Cmd::new();
            give_up.arg("SET").arg(keys::api_key(key)).arg("").arg("NX").arg("GET").arg("EX").arg(GIVEN_UP_SECS);
            let held: Option<Vec<u8>> = self.ask_for(&give_up).await?;
            if held.is_none_or(|held| held.is_empty()) {
                self.ask(Cmd::new().arg("SREM").arg(keys::site_keys(site)).arg(key.as_str())).await?;
            }
        }
        Ok(())
    }

    /// The keys that a site's list names, whether or not they are there.
    pub(super) async fn listed_keys(&self, site: &SiteId) -> Result<Vec<KeyId>, StoreError> {
        let mut command = Cmd::new();
        command.arg("SMEMBERS").arg(keys::site_keys(site));
        let ids: Vec<String> = self.ask_for(&command).await?;
        let read = |id: String| id.parse().map_err(|rule| StoreError::Corrupt(format!("a key id {rule}")));
        ids.into_iter().map(read).collect()
    }

    /// Lists a site among all of them.
    pub(super) async fn list_site(&self, id: &SiteId) -> Result<(), StoreError> {
        self.ask(Cmd::new().arg("ZADD").arg(keys::SITES).arg(0).arg(id.as_str())).await?;
        Ok(())
    }

    /// Lists a site that is there. What is left behind by this of one that is deleted meanwhile is no site.
    async fn list_afterwards(&self, id: &SiteId) -> Result<(), StoreError> {
        self.list_site(id).await?;
        self.ask(Cmd::new().arg("HSET").arg(keys::site(id)).arg("listed").arg(1)).await?;
        Ok(())
    }
}
