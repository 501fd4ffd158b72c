//! Polls: making them and finding them.

use async_trait::async_trait;
use futures_util::future::try_join_all;
use redis::Cmd;

use super::{
    CLUSTER_PARTITIONS, RedisStore,
    address::Topology,
    definitions::{DefineOptions, DefineOutcome, Definition, StoredDefinition, SyncMode},
    keys, placement,
    sites::Member,
};
use crate::{
    poll::{Edit, Effect, ListCursor, Partitions, Phase, Poll, PollId, Revision, SiteId, Timestamp},
    secret::KeyHash,
    site::NewEvent,
    store::{Creation, IDEMPOTENCY_SECS, IdempotencyKey, Polls, Replacement, StoreError},
};

/// How long after it was drawn up a poll may be being made, in milliseconds: far longer than that takes.
const MAKING_MILLIS: i64 = 60 * 60 * 1_000;

/// How long one that was given up after that can't be made. Whoever asks for it again, with the same idempotency key,
/// waits for no longer.
const GIVEN_UP_SECS: &str = "60";

/// How many entries of a list get their time at once.
const DATED_AT_ONCE: usize = 64;

#[async_trait]
impl Polls for RedisStore {
    fn partitions(&self, id: PollId) -> Partitions {
        let by_topology = match self.settings.address.topology {
            Topology::Cluster => CLUSTER_PARTITIONS,
            Topology::Single | Topology::Sentinel(_) => 1,
        };
        placement::place(id, self.settings.partitions.unwrap_or(by_topology))
    }

    async fn create_poll(
        &self,
        poll: &Poll,
        idempotency: Option<&IdempotencyKey>,
        events: &[NewEvent],
    ) -> Result<Creation, StoreError> {
        let mut poll = poll.clone();
        if let Some(idempotency) = idempotency {
            let (made, request) = self.claim_idempotency(&poll, idempotency).await?;
            if request != idempotency.request {
                return Ok(Creation::Mismatch);
            }
            if let Some(existing) = self.poll(made).await? {
                return Ok(Creation::Existing(existing));
            }
            // Claimed by this request, or by one that has not finished, or was cut short.
            if poll.id != made {
                poll.id = made;
                // Texts are counted in one place.
                if !poll.open_answer {
                    poll.partitions = self.partitions(made);
                }
            }
        }
        // A poll that had this id may not be deleted completely.
        self.finish_deletion(poll.id).await?;
        if !self.join(&poll.site, Member::Poll(&poll)).await? {
            return Ok(Creation::NoSite);
        }
        self.sync_partitions(&Definition::new(poll.clone()), SyncMode::Make).await?;
        match self.define(&poll, Revision(0), DefineOptions { events, ..DefineOptions::default() }).await? {
            DefineOutcome::Done(_) => Ok(Creation::Created(poll)),
            // The same request, made twice at once: the other one was first.
            DefineOutcome::Mismatch | DefineOutcome::Closed | DefineOutcome::NotClosed | DefineOutcome::Gone => {
                let existing = self.poll(poll.id).await?;
                let existing =
                    existing.ok_or_else(|| StoreError::unavailable("the poll was deleted while it was made"))?;
                self.date_entry(poll.list_cursor(), &existing).await;
                Ok(Creation::Existing(existing))
            }
        }
    }

    async fn made_before(&self, site: &SiteId, idempotency: &IdempotencyKey) -> Result<Option<Poll>, StoreError> {
        let mut command = Cmd::new();
        command.arg("GET").arg(keys::idempotency(site, idempotency.key));
        let held: Option<String> = self.ask_for(&command).await?;
        match held.map(|held| read_claim(&held)).transpose()? {
            Some((made, request)) if request == idempotency.request => self.poll(made).await,
            Some(_) | None => Ok(None),
        }
    }

    /// If a reshape can't be finished now, readers still get the poll as it was.
    async fn poll(&self, id: PollId) -> Result<Option<Poll>, StoreError> {
        Ok(match self.read_kept(id).await? {
            None => None,
            Some(StoredDefinition::InForce(definition)) => Some(definition.poll),
            Some(StoredDefinition::Reshaping(reshape)) => match Box::pin(self.definition(id)).await {
                Ok(definition) => definition.map(|definition| definition.poll),
                Err(StoreError::Unavailable(_)) => Some(reshape.before.poll),
                Err(error) => return Err(error),
            },
        })
    }

    async fn polls(&self, site: &SiteId, before: Option<ListCursor>, limit: usize) -> Result<Vec<Poll>, StoreError> {
        self.date_old_entries(site).await?;
        let index = keys::site_polls(site);
        let (mut before, mut passed) = (before, 0);
        let mut polls = Vec::with_capacity(limit);
        // An id without a definition is a poll that is not made yet, or that is deleted, or was before sawt kept what
        // is left to delete. It is skipped, so one read may not be enough.
        while polls.len() < limit {
            let wanted = limit - polls.len();
            // The poll before which they are wanted usually comes first.
            let asked = wanted + usize::from(before.is_some());
            let mut command = Cmd::new();
            command.arg("ZRANGE").arg(&index);
            match before {
                Some(ListCursor { created_at, .. }) => command.arg(created_at.as_millis()),
                None => command.arg("+inf"),
            };
            command.arg("-inf").arg("BYSCORE").arg("REV").arg("LIMIT").arg(passed).arg(asked).arg("WITHSCORES");
            let entries: Vec<(String, f64)> = self.ask_for(&command).await?;
            let is_last_page = entries.len() < asked;
            let listed = entries.iter().map(|(id, score)| read_entry(id, *score)).collect::<Result<Vec<_>, _>>()?;
            // Entries of the same moment come again, before the others.
            let next: Vec<ListCursor> =
                listed.into_iter().filter(|it| before.is_none_or(|before| *it < before)).take(wanted).collect();
            passed = if next.is_empty() { passed + asked } else { 0 };
            before = next.last().copied().or(before);
            for (entry, poll) in next.iter().zip(try_join_all(next.iter().map(|it| self.poll(it.id))).await?) {
                match poll {
                    Some(poll) => {
                        self.date_entry(*entry, &poll).await;
                        polls.push(poll);
                    }
                    // If that fails now, the next reader tries again.
                    None => _ = self.clear_away(site, *entry).await,
                }
            }
            if is_last_page {
                break;
            }
        }
        Ok(polls)
    }

    async fn replace_poll(&self, edit: &Edit, events: &[NewEvent]) -> Result<Replacement, StoreError> {
        let resolves = match edit.effect {
            Effect::Reshapes => return self.reshape(&edit.poll, events).await,
            Effect::Amends => true,
            Effect::Changes | Effect::Rewords => false,
        };
        let options = DefineOptions { resolves, events, ..DefineOptions::default() };
        let before = Revision(edit.poll.revision.0.saturating_sub(1));
        let definition = match self.define(&edit.poll, before, options).await? {
            DefineOutcome::Done(definition) => definition,
            DefineOutcome::Mismatch => return self.mismatch(edit.poll.id).await,
            DefineOutcome::Closed => return Ok(Replacement::Closed),
            DefineOutcome::NotClosed => return Ok(Replacement::NotClosed),
            DefineOutcome::Gone => return Ok(Replacement::Gone),
        };
        let synced = self.sync_partitions(&definition, SyncMode::Forward).await?;
        if synced.is_any_closed && edit.poll.schedule.phase != Phase::Closed {
            // The old closing time came between the definition and a partition, and that partition may have answered so
            // already. Closed is final, so the whole poll closes.
            self.close_after_all(&definition).await?;
            return Ok(Replacement::Closed);
        }
        Ok(Replacement::Done(definition.poll))
    }

    /// The site that owns this poll, or owned it if it is being deleted. Always reads both: the number of reads must
    /// not show a stranger which polls exist.
    async fn owner(&self, id: PollId) -> Result<Option<SiteId>, StoreError> {
        let (poll, deleting) = (self.poll(id).await?, self.read_deleting(id).await?);
        Ok(poll.or(deleting).map(|poll| poll.site))
    }

    async fn delete_poll(&self, id: PollId, events: &[NewEvent]) -> Result<bool, StoreError> {
        let was_there = self.delete_poll_of_article(id, events).await?;
        if !was_there {
            self.hide_poll(id, b"", events).await?;
        }
        Ok(self.finish_deletion(id).await? || was_there)
    }
}

impl RedisStore {
    /// Finishes what was left of a poll that is listed and not there: its deletion, or its making, which nobody does
    /// any more.
    async fn clear_away(&self, site: &SiteId, entry: ListCursor) -> Result<(), StoreError> {
        let is_deleted = self.finish_deletion(entry.id).await?;
        if !is_deleted && self.clock_time().await?.as_millis() - entry.created_at.as_millis() > MAKING_MILLIS {
            self.give_up_poll(site, entry.id, GIVEN_UP_SECS).await?;
        }
        Ok(())
    }

    /// Adds the time to entries of a site's list that an earlier version wrote without it.
    async fn date_old_entries(&self, site: &SiteId) -> Result<(), StoreError> {
        let mut command = Cmd::new();
        command.arg("ZRANGE").arg(keys::site_polls(site)).arg(0).arg(0).arg("BYSCORE");
        let ids: Vec<String> = self.ask_for(&command).await?;
        let undated = ids.iter().map(|id| read_entry(id, 0.0)).collect::<Result<Vec<_>, _>>()?;
        for some in undated.chunks(DATED_AT_ONCE) {
            for (entry, poll) in some.iter().zip(try_join_all(some.iter().map(|it| self.poll(it.id))).await?) {
                if let Some(poll) = poll {
                    self.date_entry(*entry, &poll).await;
                }
            }
        }
        Ok(())
    }

    /// Adds a poll's time to its entry in its site's list. If that fails now, the next reader tries again.
    async fn date_entry(&self, entry: ListCursor, poll: &Poll) {
        if entry != poll.list_cursor() {
            let mut command = Cmd::new();
            command.arg("ZADD").arg(keys::site_polls(&poll.site)).arg("XX");
            command.arg(poll.created_at.as_millis()).arg(poll.id.to_string());
            let _ = self.ask(&command).await;
        }
    }

    /// Claims an idempotency key for a poll, unless it is claimed. Returns the poll and the request that hold it.
    async fn claim_idempotency(
        &self,
        poll: &Poll,
        idempotency: &IdempotencyKey,
    ) -> Result<(PollId, KeyHash), StoreError> {
        let mut claim = Cmd::new();
        claim.arg("SET").arg(keys::idempotency(&poll.site, idempotency.key));
        claim.arg(format!("{} {}", poll.id, idempotency.request.to_hex()));
        claim.arg("NX").arg("GET").arg("EX").arg(IDEMPOTENCY_SECS);
        let held: Option<String> = self.ask_for(&claim).await?;
        held.map_or(Ok((poll.id, idempotency.request)), |held| read_claim(&held))
    }
}

/// An entry of a site's list.
fn read_entry(id: &str, score: f64) -> Result<ListCursor, StoreError> {
    let id = id.parse().map_err(|rule| StoreError::Corrupt(format!("a poll id {rule}")))?;
    #[expect(clippy::cast_possible_truncation, clippy::as_conversions, reason = "a double holds every millisecond")]
    let millis = score as i64;
    Ok(ListCursor { created_at: Timestamp::from_millis(millis), id })
}

/// The poll and the request that hold an idempotency key.
fn read_claim(held: &str) -> Result<(PollId, KeyHash), StoreError> {
    let (made, request) = held.split_once(' ').unwrap_or_default();
    match (made.parse(), KeyHash::from_hex(request)) {
        (Ok(made), Some(request)) => Ok((made, request)),
        _ => Err(StoreError::Corrupt(format!("an idempotency key: {held}"))),
    }
}
