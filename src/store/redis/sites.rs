//! Sites: put, found, listed and deleted.
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

use futures_util::future::try_join_all;
use redis::Cmd;

use super::{RedisStore, keys, script::Call};
use crate::{
    poll::{Poll, PollId, SiteId, Timestamp},
    site::{KeyId, Site, SiteSettings},
    store::{Polls as _, Publishers as _, SiteDeletion, StoreError, record},
};

/// How long the making of a poll or a key that was given up is kept from being finished: far longer than any takes.
const GIVEN_UP_SECS: &str = "3600";

/// How many entries of a list are swept at once.
const CHUNK: usize = 500;

/// How often a site is looked at again that something is listed of, and nothing found.
const MOST_SWEEPS: usize = 8;

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
    pub(super) async fn make_or_replace_site(
        &self,
        id: &SiteId,
        settings: SiteSettings,
    ) -> Result<(Site, bool), StoreError> {
        self.list_site(id).await?;
        let (key, origins) = (keys::site(id), record::write(&settings.origins)?);
        let (name, url) = (record::write(&settings.name)?, record::write(&settings.url)?);
        let call = Call::new(&self.scripts.put_site, &[key.as_bytes()])
            .arg(b"")
            .arg(b"listed")
            .arg(b"1")
            .arg(b"origins")
            .arg(origins.as_bytes())
            .arg(b"timezone")
            .arg(settings.timezone.as_str().as_bytes())
            .arg(b"name")
            .arg(name.as_bytes())
            .arg(b"url")
            .arg(url.as_bytes());
        let mut reply = call.send(&self.link).await?;
        let is_made = reply.int()? == 1;
        let (created_at, updated_at) = (Timestamp::from_millis(reply.int()?), Timestamp::from_millis(reply.int()?));
        Ok((Site { id: id.clone(), settings, created_at, updated_at }, is_made))
    }

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

    pub(super) async fn list_sites(&self, after: Option<&SiteId>, limit: usize) -> Result<Vec<Site>, StoreError> {
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

    pub(super) async fn delete_empty_site(&self, id: &SiteId) -> Result<SiteDeletion, StoreError> {
        let (site, polls, site_keys) = (keys::site(id), keys::site_polls(id), keys::site_keys(id));
        for _ in 0..MOST_SWEEPS {
            let lists = [site.as_bytes(), polls.as_bytes(), site_keys.as_bytes()];
            match Call::new(&self.scripts.delete_site, &lists).send(&self.link).await?.int()? {
                0 => return Ok(SiteDeletion::Gone),
                1 => return Ok(SiteDeletion::Done),
                _ => {}
            }
            // Which also finishes deletions that were cut short.
            if !self.polls(id, None, 1).await?.is_empty() {
                return Ok(SiteDeletion::HasPolls);
            }
            if !self.keys(id).await?.is_empty() {
                return Ok(SiteDeletion::HasKeys);
            }
            self.sweep(id).await?;
        }
        Err(StoreError::unavailable("the site's lists could not be emptied"))
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
    async fn sweep(&self, site: &SiteId) -> Result<(), StoreError> {
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
        let mut command = Cmd::new();
        command.arg("SMEMBERS").arg(keys::site_keys(site));
        let listed: Vec<String> = self.ask_for(&command).await?;
        for id in listed.iter().take(CHUNK) {
            let key = id.parse::<KeyId>().map_err(|rule| StoreError::Corrupt(format!("a key id {rule}")))?;
            let mut give_up = Cmd::new();
            give_up.arg("SET").arg(keys::api_key(&key)).arg("").arg("NX").arg("GET").arg("EX").arg(GIVEN_UP_SECS);
            let held: Option<Vec<u8>> = self.ask_for(&give_up).await?;
            if held.is_none_or(|held| held.is_empty()) {
                self.ask(Cmd::new().arg("SREM").arg(keys::site_keys(site)).arg(id)).await?;
            }
        }
        Ok(())
    }

    async fn list_site(&self, id: &SiteId) -> Result<(), StoreError> {
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
