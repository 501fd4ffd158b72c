//! How a change and its event are one step, though a site's log lies in another hash slot.
//!
//! 1. The change is *announced*: its outbox is put into the set of those that are looked through, under a *sequence
//!    number*: the time, or one more than the last. Moves that will be due by the clock are noted in the same step.
//! 2. The change is made by a script that also appends what is told to the outbox, which lies in the same hash slot. It
//!    refuses what was announced more than ten seconds ago: then the caller, who was asleep, is told to ask again. The
//!    masters of a cluster may have clocks that differ: so it compares with a time that was read from its own before.
//! 3. The *relay*, of any replica, carries what it finds to the site's log and takes it off the outbox (`events.rs`).
//!    The log knows which entries it has until long after they are taken off, so each comes once, however many replicas
//!    carry it.
//! 4. An outbox that is empty is not looked through any more once its last number is older than [`SETTLED_MICROS`]: by
//!    then whatever was announced is told, or can't be.
//!
//! So nothing that was made stays untold, wherever a replica is killed; and what was announced and not made costs a
//! second look.

use redis::Cmd;

use super::{RedisStore, address::Topology, keys, script::Call};
use crate::{
    poll::{Poll, PollId, SiteId},
    secret::{hex, random_bytes},
    site::{DueMove, NewEvent},
    store::{StoreError, record::write_event},
};

/// How long after its last sequence number an outbox is looked through, in microseconds: longer than a change may be
/// made after it was announced (`outbox.lua`).
pub(super) const SETTLED_MICROS: &str = "30000000";

/// What a script appends to an outbox.
#[derive(Default)]
pub(super) struct OutboxEntries {
    /// A time in microseconds before they were announced, by the clock of the master that has the outbox. Empty if
    /// there is nothing to tell.
    pub(super) announced: String,
    /// Stage and entry of each.
    entries: Vec<(String, String)>,
}

impl OutboxEntries {
    /// Adds stages and entries to a call's arguments.
    pub(super) fn add_to<'a>(&'a self, call: Call<'a>) -> Call<'a> {
        let add =
            |call: Call<'a>, (stage, entry): &'a (String, String)| call.arg(stage.as_bytes()).arg(entry.as_bytes());
        self.entries.iter().fold(call, add)
    }

    /// The entries alone, in order.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(_, entry)| entry.as_str())
    }
}

impl RedisStore {
    /// Announces what is told of a poll, as it will be.
    pub(super) async fn announce_entries_of_poll(
        &self,
        outbox: &str,
        poll: &Poll,
        events: &[NewEvent],
    ) -> Result<OutboxEntries, StoreError> {
        let Some(last) = events.last() else { return Ok(OutboxEntries::default()) };
        let due: Vec<DueMove> = DueMove::of(poll).into_iter().filter(|due| last.at < due.at).collect();
        self.announce_entries(outbox, &poll.site, Some(poll.id), events, &due).await
    }

    /// Announces what will be told, and what will be due.
    pub(super) async fn announce_entries(
        &self,
        outbox: &str,
        site: &SiteId,
        poll: Option<PollId>,
        events: &[NewEvent],
        due: &[DueMove],
    ) -> Result<OutboxEntries, StoreError> {
        if events.is_empty() {
            return Ok(OutboxEntries::default());
        }
        let time_there = self.time_at(outbox).await?;
        let (sequence, announced) = self.announce(outbox, poll, due).await?;
        let entry = |(number, event): (usize, &NewEvent)| {
            let entry = format!("{sequence}.{number} {site} {}", write_event(poll, event)?);
            Ok((event.kind.stage().to_string(), entry))
        };
        let entries = events.iter().enumerate().map(entry).collect::<Result<_, StoreError>>()?;
        Ok(OutboxEntries { announced: time_there.unwrap_or(announced), entries })
    }

    /// The time in microseconds by the clock of the master that has a key; nothing if there is one master.
    async fn time_at(&self, key: &str) -> Result<Option<String>, StoreError> {
        if self.settings.address.topology != Topology::Cluster {
            return Ok(None);
        }
        let mut time = Cmd::new();
        time.arg("TIME");
        let time = redis::from_redis_value(self.link.call_at(key, &time).await?);
        let (secs, micros): (u64, u64) = time.map_err(|_| self.link.no_answer("TIME"))?;
        Ok(Some(format!("{secs}{micros:06}")))
    }

    /// Returns the sequence number, and the time by the clock of the master that gave it.
    async fn announce(
        &self,
        outbox: &str,
        poll: Option<PollId>,
        due: &[DueMove],
    ) -> Result<(String, String), StoreError> {
        let names = [keys::PENDING, keys::LAST_SEQUENCE, keys::DUE_MOVES].map(str::as_bytes);
        let poll = poll.map(|poll| poll.to_string()).unwrap_or_default();
        let due: Vec<(String, String)> = due
            .iter()
            .map(|due| due.at.as_millis().to_string())
            .map(|millis| (format!("{poll} {millis}"), millis))
            .collect();
        let call = Call::new(&self.scripts.announce, &names).arg(outbox.as_bytes());
        let call = due.iter().fold(call, |call, (kept, at)| call.arg(kept.as_bytes()).arg(at.as_bytes()));
        let mut reply = call.send(&self.link).await?;
        Ok((reply.int()?.to_string(), reply.int()?.to_string()))
    }
}

/// The name and the event that tell of a change in the site's own hash slot, where its log lies too: no outbox is
/// needed. Nothing if there is nothing to tell.
pub(super) fn site_entry(events: &[NewEvent]) -> Result<(String, String), StoreError> {
    match events.first() {
        None => Ok((String::new(), String::new())),
        Some(event) => Ok((hex(&random_bytes::<8>()), write_event(None, event)?)),
    }
}

/// The change was not made.
pub(super) fn too_late() -> StoreError {
    StoreError::unavailable("the change came too late after its announcement")
}

/// One entry of an outbox.
pub(super) struct Entry<'a> {
    /// Which it is.
    pub(super) name: &'a str,
    /// Whose log it goes to.
    pub(super) site: SiteId,
    /// The event as it is kept.
    pub(super) event: &'a str,
}

impl<'a> Entry<'a> {
    /// Reads an entry.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (name, rest) = text.split_once(' ')?;
        let (site, event) = rest.split_once(' ')?;
        Some(Self { name, site: site.parse().ok()?, event })
    }
}
