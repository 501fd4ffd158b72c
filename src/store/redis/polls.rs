//! Polls: making them and finding them.

use futures_util::future::try_join_all;
use redis::Cmd;

use super::{
    RedisStore,
    definitions::{Defined, Definition, Putting},
    keys,
};
use crate::{
    poll::{Poll, PollId, Revision, SiteId},
    secret::KeyHash,
    store::{Creation, IDEMPOTENCY_SECS, IdempotencyKey, StoreError},
};

impl RedisStore {
    pub(super) async fn create(
        &self,
        poll: &Poll,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<Creation, StoreError> {
        let mut poll = poll.clone();
        if let Some(idempotency) = idempotency {
            let (made, request) = self.claim_idempotency(&poll, idempotency).await?;
            if request != idempotency.request {
                return Ok(Creation::Mismatch);
            }
            if let Some(existing) = self.read_poll(made).await? {
                return Ok(Creation::Existing(existing));
            }
            // Claimed by this request, or by one that has not finished, or did not live to finish.
            poll.id = made;
        }
        // One that had this id may not be forgotten altogether.
        self.finish_deletion(poll.id).await?;
        let mut index = Cmd::new();
        index.arg("ZADD").arg(keys::site_polls(&poll.site)).arg(0).arg(poll.id.to_string());
        self.ask(&index).await?;
        self.settle_all(&Definition::new(poll.clone()), b"create").await?;
        match self.define(&poll, Revision(0), Putting::default()).await? {
            Defined::Done(_) => Ok(Creation::Created(poll)),
            // The same request, made twice at once: the other one was first.
            Defined::Mismatch | Defined::Closed | Defined::Gone => {
                let existing = self.read_poll(poll.id).await?;
                let existing =
                    existing.ok_or_else(|| StoreError::unavailable("the poll was deleted while it was made"))?;
                Ok(Creation::Existing(existing))
            }
        }
    }

    /// Claims an idempotency key for a poll, unless it is claimed already. Gives the poll and the request that hold it.
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

    pub(super) async fn read_made_before(
        &self,
        site: &SiteId,
        idempotency: &IdempotencyKey,
    ) -> Result<Option<Poll>, StoreError> {
        let mut command = Cmd::new();
        command.arg("GET").arg(keys::idempotency(site, idempotency.key));
        let held: Option<String> = self.ask_for(&command).await?;
        match held.map(|held| read_claim(&held)).transpose()? {
            Some((made, request)) if request == idempotency.request => self.read_poll(made).await,
            Some(_) | None => Ok(None),
        }
    }

    pub(super) async fn list_polls(
        &self,
        site: &SiteId,
        before: Option<PollId>,
        limit: usize,
    ) -> Result<Vec<Poll>, StoreError> {
        let index = keys::site_polls(site);
        let mut below = before.map_or_else(|| "+".to_owned(), |id| format!("({id}"));
        let mut polls = Vec::with_capacity(limit);
        // An id without a definition is a poll that is not made yet, or that is deleted, or was before sawt kept what is
        // left to delete: it is passed over, so one look may not be enough.
        while polls.len() < limit {
            let wanted = limit - polls.len();
            let mut command = Cmd::new();
            command.arg("ZREVRANGEBYLEX").arg(&index).arg(&below).arg("-").arg("LIMIT").arg(0).arg(wanted);
            let ids: Vec<String> = self.ask_for(&command).await?;
            let Some(last) = ids.last() else { break };
            below = format!("({last}");
            let is_last_page = ids.len() < wanted;
            let ids = ids.iter().map(|id| id.parse::<PollId>()).collect::<Result<Vec<_>, _>>();
            let ids = ids.map_err(|rule| StoreError::Corrupt(format!("a poll id {rule}")))?;
            for (id, poll) in ids.iter().zip(try_join_all(ids.iter().map(|id| self.read_poll(*id))).await?) {
                match poll {
                    Some(poll) => polls.push(poll),
                    // Should that fail now, whoever meets it next tries again.
                    None => _ = self.finish_deletion(*id).await,
                }
            }
            if is_last_page {
                break;
            }
        }
        Ok(polls)
    }
}

/// The poll and the request that hold an idempotency key.
fn read_claim(held: &str) -> Result<(PollId, KeyHash), StoreError> {
    let (made, request) = held.split_once(' ').unwrap_or_default();
    match (made.parse(), KeyHash::from_hex(request)) {
        (Ok(made), Some(request)) => Ok((made, request)),
        _ => Err(StoreError::Corrupt(format!("an idempotency key: {held}"))),
    }
}
