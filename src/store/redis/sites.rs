//! Keeps sites and their lists consistent: behind [`Publishers`](crate::store::Publishers).
//!
//! A site, its list of polls and its list of keys lie in one hash slot. So one step checks that the site is empty and
//! deletes it. A poll or a key is first added to the site's list, in a step that needs the site to exist, before
//! anything else of it is written. So whatever is made at the same moment either keeps the site, or is refused.
//!
//! The making of a poll may have been cut short after that step, and a revocation before its last step. What such a
//! list entry stands for is given up first ([`RedisStore::sweep`]): the poll or key is marked, in its own hash slot, so
//! that its maker can't finish it, and only then is the entry removed.
//!
//! The list of all sites lies in another hash slot. A site is listed before it exists, and its id stays in the list: if
//! deleting a site removed it, a site that is put at that moment could be missing. Ids without a site are skipped.

use redis::Cmd;

use super::{RedisStore, keys, outbox::site_entry, script::Call};
use crate::{
    article::AddressRules,
    poll::{IncidentPolicy, Partitions, Poll, PollDefaults, PollId, SiteId, Timestamp, WorkPolicy},
    site::{KeyId, NewEvent, Site, SiteLook, SiteSettings},
    store::{Polls as _, StoreError, record},
};

/// How long a poll or a key that was given up can't be finished: far longer than making one takes.
const GIVEN_UP_SECS: &str = "3600";

/// How many entries of a list are swept at once.
const CHUNK: usize = 500;

/// The fields of a site that are read, in this order. A site of an earlier version lacks what it did not know.
const FIELDS: [&str; 13] = [
    "origins",
    "created_at",
    "updated_at",
    "timezone",
    "name",
    "url",
    "look",
    "addresses",
    "disclosure",
    "incidents",
    "proof_of_work",
    "poll_defaults",
    "listed",
];

/// An entry in a site's lists.
#[derive(Clone, Copy)]
pub(super) enum Member<'a> {
    Poll(&'a Poll),
    Key(&'a KeyId),
}

impl RedisStore {
    /// Makes a site unless it exists.
    pub(super) async fn make_site(&self, id: &SiteId) -> Result<(), StoreError> {
        self.list_site(id).await?;
        let (key, log, relayed) = (keys::site(id), keys::site_log(id), keys::relayed(id));
        let names = [key.as_bytes(), log.as_bytes(), relayed.as_bytes()];
        let call = Call::new(&self.scripts.put_site, &names).arg(b"if-missing").arg(b"").arg(b"");
        call.arg(b"listed").arg(b"1").arg(b"origins").arg(b"[]").send(&self.link).await?;
        Ok(())
    }

    /// Puts settings if a condition holds, as `put_site.lua` has it: what was found, `created_at` and `updated_at`.
    pub(super) async fn put_settings(
        &self,
        id: &SiteId,
        settings: &SiteSettings,
        (condition, is_listed): (&[u8], bool),
        events: &[NewEvent],
    ) -> Result<(i64, Timestamp, Timestamp), StoreError> {
        let (key, log, relayed) = (keys::site(id), keys::site_log(id), keys::relayed(id));
        let names = [key.as_bytes(), log.as_bytes(), relayed.as_bytes()];
        let (name, event) = site_entry(events)?;
        let written = [
            ("origins", record::write(&settings.origins)?),
            ("timezone", settings.timezone.as_str().to_owned()),
            ("name", record::write(&settings.name)?),
            ("url", record::write(&settings.url)?),
            ("look", record::write(&settings.look)?),
            ("addresses", record::write(&settings.addresses)?),
            ("disclosure", record::write(&settings.disclosure)?),
            ("incidents", record::write(&settings.incidents)?),
            ("proof_of_work", record::write(&settings.proof_of_work)?),
            ("poll_defaults", record::write(&settings.poll_defaults)?),
        ];
        let mut call = Call::new(&self.scripts.put_site, &names).arg(condition);
        call = call.arg(name.as_bytes()).arg(event.as_bytes());
        if is_listed {
            call = call.arg(b"listed").arg(b"1");
        }
        for (field, value) in &written {
            call = call.arg(field.as_bytes()).arg(value.as_bytes());
        }
        let mut reply = call.send(&self.link).await?;
        let found = reply.int()?;
        Ok((found, Timestamp::from_millis(reply.int()?), Timestamp::from_millis(reply.int()?)))
    }

    pub(super) async fn find_site(&self, id: &SiteId) -> Result<Option<Site>, StoreError> {
        let mut command = Cmd::new();
        command.arg("HMGET").arg(keys::site(id)).arg(FIELDS.as_slice());
        let fields: Vec<Option<Vec<u8>>> = self.ask_for(&command).await?;
        let mut fields = fields.into_iter();
        let mut next = || fields.next().flatten();
        let text = |value: Option<Vec<u8>>| value.and_then(|value| String::from_utf8(value).ok());
        let number = |value: Option<Vec<u8>>| text(value)?.parse::<i64>().ok();
        let (origins, created_at, updated_at) = (next(), number(next()), number(next()));
        let (timezone, name, url, look) = (text(next()), next(), next(), next());
        let (addresses, disclosure, incidents, work) = (next(), next(), next(), next());
        let (poll_defaults, listed) = (next(), next());
        let (Some(origins), Some(created_at), Some(updated_at)) = (origins, created_at, updated_at) else {
            return Ok(None);
        };
        if listed.is_none() {
            // An earlier version, which kept no list, put it. If that fails now, the next reader tries again.
            _ = self.list_afterwards(id).await;
        }
        Ok(Some(Site {
            id: id.clone(),
            settings: SiteSettings {
                origins: record::read("a site's origins", &origins)?,
                // A site of an earlier version has none. An unknown one counts as UTC.
                timezone: timezone.and_then(|name| name.parse().ok()).unwrap_or_default(),
                name: name.map_or(Ok(None), |name| record::read("a site's name", &name))?,
                url: url.map_or(Ok(None), |url| record::read("a site's address", &url))?,
                look: look.map_or(Ok(SiteLook::default()), |look| record::read("a site's look", &look))?,
                addresses: addresses
                    .map_or(Ok(AddressRules::default()), |rules| record::read("a site's addresses", &rules))?,
                disclosure: disclosure.map_or(Ok(None), |told| record::read("a site's disclosure", &told))?,
                incidents: incidents
                    .map_or(Ok(IncidentPolicy::default()), |policy| record::read("a site's policy", &policy))?,
                proof_of_work: work
                    .map_or(Ok(WorkPolicy::default()), |policy| record::read("a site's policy of work", &policy))?,
                poll_defaults: poll_defaults
                    .map_or(Ok(PollDefaults::default()), |defaults| record::read("a site's new polls", &defaults))?,
            },
            created_at: Timestamp::from_millis(created_at),
            updated_at: Timestamp::from_millis(updated_at),
        }))
    }

    /// Adds a poll or a key to its site's list. Returns whether the site exists.
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

    /// Removes from a site's lists what was not made completely, or not deleted completely.
    pub(super) async fn sweep(&self, site: &SiteId) -> Result<(), StoreError> {
        let mut command = Cmd::new();
        command.arg("ZRANGE").arg(keys::site_polls(site)).arg(0).arg(CHUNK - 1);
        let polls: Vec<String> = self.ask_for(&command).await?;
        for id in polls {
            let poll = id.parse::<PollId>().map_err(|rule| StoreError::Corrupt(format!("a poll id {rule}")))?;
            self.give_up_poll(site, poll, GIVEN_UP_SECS).await?;
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

    /// Takes a poll that is listed and not made off its site's list, with the partitions it has: whoever is making it
    /// can't finish, for so long. Nothing happens to one that is there, or being deleted; and one with votes stays
    /// listed, with them: a Redis has lost what they are of, and may get it back.
    pub(super) async fn give_up_poll(&self, site: &SiteId, id: PollId, secs: &str) -> Result<(), StoreError> {
        let (key, deleting) = (keys::poll(id), keys::deleting(id));
        let call = Call::new(&self.scripts.abandon, &[key.as_bytes(), deleting.as_bytes()]);
        if call.arg(secs.as_bytes()).send(&self.link).await?.int()? == 0 {
            return Ok(());
        }
        let mut has_votes = false;
        // One with open answers has one partition.
        for partitions in [self.partitions(id), Partitions::unplaced(1)] {
            for partition in 0..partitions.count() {
                let tally = keys::tally_of(id, &partitions, partition);
                let call = Call::new(&self.scripts.drop_unvoted, &[tally.as_bytes()]);
                has_votes |= call.send(&self.link).await?.int()? == 0;
            }
        }
        if has_votes {
            tracing::warn!(poll = %id, "the store has lost what a poll is, and not its votes, which are kept");
            return Ok(());
        }
        self.ask(Cmd::new().arg("ZREM").arg(keys::site_polls(site)).arg(id.to_string())).await?;
        Ok(())
    }

    /// The keys in a site's list, whether or not they exist.
    pub(super) async fn listed_keys(&self, site: &SiteId) -> Result<Vec<KeyId>, StoreError> {
        let mut command = Cmd::new();
        command.arg("SMEMBERS").arg(keys::site_keys(site));
        let ids: Vec<String> = self.ask_for(&command).await?;
        let read = |id: String| id.parse().map_err(|rule| StoreError::Corrupt(format!("a key id {rule}")));
        ids.into_iter().map(read).collect()
    }

    /// Adds a site to the list of all sites.
    pub(super) async fn list_site(&self, id: &SiteId) -> Result<(), StoreError> {
        self.ask(Cmd::new().arg("ZADD").arg(keys::SITES).arg(0).arg(id.as_str())).await?;
        Ok(())
    }

    /// Lists an existing site. If it is deleted meanwhile, its id is left in the list, which is no site.
    async fn list_afterwards(&self, id: &SiteId) -> Result<(), StoreError> {
        self.list_site(id).await?;
        self.ask(Cmd::new().arg("HSET").arg(keys::site(id)).arg("listed").arg(1)).await?;
        Ok(())
    }
}
