//! Polls: their definitions, and bringing their partitions to them.

use futures_util::future::try_join_all;
use redis::Cmd;

use super::{RedisStore, keys, script::Call};
use crate::{
    poll::{Edit, Phase, Poll, PollId, Revision, SiteId, Timestamp},
    secret::KeyHash,
    store::{Creation, IDEMPOTENCY_SECS, IdempotencyKey, Replacement, StoreError, record},
};

/// How a definition was received.
enum Defined {
    Done,
    Mismatch(Revision),
    Closed,
    Gone,
}

/// What the partitions of a poll say once they are at its revision.
struct Settled {
    is_any_closed: bool,
    ballots: u64,
}

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
        let mut index = Cmd::new();
        index.arg("ZADD").arg(keys::site_polls(&poll.site)).arg(0).arg(poll.id.to_string());
        self.ask(&index).await?;
        self.settle_all(&poll, b"create").await?;
        match self.define(&poll, Revision(0)).await? {
            Defined::Done => Ok(Creation::Created(poll)),
            // The same request, made twice at once: the other one was first.
            Defined::Mismatch(_) | Defined::Closed | Defined::Gone => {
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

    pub(super) async fn read_poll(&self, id: PollId) -> Result<Option<Poll>, StoreError> {
        let mut command = Cmd::new();
        command.arg("HGET").arg(keys::poll(id)).arg("definition");
        let json: Option<Vec<u8>> = self.ask_for(&command).await?;
        json.map(|json| record::read_poll(&json)).transpose()
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
        // An id without a definition is a poll that was deleted or is not made yet: it is passed over, so one look may
        // not be enough.
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
            polls.extend(try_join_all(ids.into_iter().map(|id| self.read_poll(id))).await?.into_iter().flatten());
            if is_last_page {
                break;
            }
        }
        Ok(polls)
    }

    pub(super) async fn replace(&self, edit: &Edit) -> Result<Replacement, StoreError> {
        if edit.reshapes {
            return self.reshape(&edit.poll).await;
        }
        let before = Revision(edit.poll.revision.0.saturating_sub(1));
        match self.define(&edit.poll, before).await? {
            Defined::Done => {}
            Defined::Mismatch(revision) => return Ok(Replacement::Mismatch(revision)),
            Defined::Closed => return Ok(Replacement::Closed),
            Defined::Gone => return Ok(Replacement::Gone),
        }
        let settled = self.settle_all(&edit.poll, b"").await?;
        if settled.is_any_closed && edit.poll.schedule.phase != Phase::Closed {
            // The old closing time came between the definition and a partition, and that partition may have said so
            // already. Closed is final, so the whole poll is.
            return self.close_after_all(&edit.poll).await;
        }
        Ok(Replacement::Done(edit.poll.clone()))
    }

    /// Changes the set of options, or how many may be chosen, of a poll without ballots. Partitions lie on different
    /// servers, so "without ballots" is made sure of by taking the poll back to a draft first, which lets none in.
    /// Should this stop half-way, the poll stays a draft, and its publisher opens it again.
    async fn reshape(&self, wanted: &Poll) -> Result<Replacement, StoreError> {
        let Some(before) = self.read_poll(wanted.id).await? else { return Ok(Replacement::Gone) };
        if before.revision.next() != wanted.revision {
            return Ok(Replacement::Mismatch(before.revision));
        }
        let Some(tallies) = self.read_tally(&before).await? else { return Ok(Replacement::Gone) };
        if tallies.iter().any(|tally| tally.ballots > 0) {
            return Ok(Replacement::HasBallots);
        }
        let mut held = before.clone();
        held.schedule.phase = Phase::Draft;
        held.revision = wanted.revision;
        match self.define(&held, before.revision).await? {
            Defined::Done => {}
            Defined::Mismatch(revision) => return Ok(Replacement::Mismatch(revision)),
            Defined::Closed => return Ok(Replacement::Closed),
            Defined::Gone => return Ok(Replacement::Gone),
        }
        let settled = self.settle_all(&held, b"").await?;
        let has_ballots = settled.ballots > 0;
        if !has_ballots {
            // The minutes add up to nothing, but their slots would mean other options from here on.
            self.settle_all(&held, b"forget minutes").await?;
        }
        let mut after = if has_ballots { before } else { wanted.clone() };
        after.revision = held.revision.next();
        match self.define(&after, held.revision).await? {
            Defined::Done => {}
            Defined::Mismatch(revision) => return Ok(Replacement::Mismatch(revision)),
            Defined::Closed => return Ok(Replacement::Closed),
            Defined::Gone => return Ok(Replacement::Gone),
        }
        let settled = self.settle_all(&after, b"").await?;
        match (settled.is_any_closed, has_ballots) {
            (true, _) => self.close_after_all(&after).await,
            (false, true) => Ok(Replacement::HasBallots),
            (false, false) => Ok(Replacement::Done(after)),
        }
    }

    async fn close_after_all(&self, poll: &Poll) -> Result<Replacement, StoreError> {
        let mut closed = poll.clone();
        closed.schedule.phase = Phase::Closed;
        closed.revision = poll.revision.next();
        if let Defined::Done = self.define(&closed, poll.revision).await? {
            self.settle_all(&closed, b"").await?;
        }
        Ok(Replacement::Closed)
    }

    /// The definition first: without it nothing leads to the rest.
    pub(super) async fn forget_poll(&self, id: PollId) -> Result<bool, StoreError> {
        let Some(poll) = self.read_poll(id).await? else { return Ok(false) };
        let mut delete = Cmd::new();
        delete.arg("DEL").arg(keys::poll(id));
        self.ask(&delete).await?;
        let mut index = Cmd::new();
        index.arg("ZREM").arg(keys::site_polls(&poll.site)).arg(id.to_string());
        self.ask(&index).await?;
        for partition in 0..poll.partitions {
            self.forget_partition(id, partition).await?;
        }
        Ok(true)
    }

    async fn forget_partition(&self, id: PollId, partition: u16) -> Result<(), StoreError> {
        const CHUNK: usize = 500;
        let (tally, minutes) = (keys::tally(id, partition), keys::minutes(id, partition));
        let call = Call::new(&self.scripts.drop, &[tally.as_bytes(), minutes.as_bytes()]);
        let buckets: u32 = call.send(&self.link).await?.number()?;
        for first in (0..buckets).step_by(CHUNK) {
            let mut unlink = Cmd::new();
            unlink.arg("UNLINK");
            for bucket in (first..buckets).take(CHUNK) {
                unlink.arg(keys::voters(id, partition, bucket));
            }
            self.ask(&unlink).await?;
        }
        Ok(())
    }

    async fn define(&self, poll: &Poll, replaces: Revision) -> Result<Defined, StoreError> {
        let (key, json) = (keys::poll(poll.id), record::write_poll(poll)?);
        let (replaces, revision) = (replaces.to_string(), poll.revision.to_string());
        let (phase, closes_at) = (poll.schedule.phase.code().to_string(), millis(poll.schedule.closes_at));
        let call = Call::new(&self.scripts.define, &[key.as_bytes()])
            .arg(replaces.as_bytes())
            .arg(revision.as_bytes())
            .arg(phase.as_bytes())
            .arg(closes_at.as_bytes())
            .arg(json.as_bytes());
        let mut reply = call.send(&self.link).await?;
        match reply.int()? {
            1 => Ok(Defined::Done),
            0 => Ok(Defined::Mismatch(Revision(reply.number()?))),
            2 => Ok(Defined::Closed),
            _ => Ok(Defined::Gone),
        }
    }

    async fn settle_all(&self, poll: &Poll, or: &[u8]) -> Result<Settled, StoreError> {
        let partitions = try_join_all((0..poll.partitions).map(|partition| self.settle(poll, partition, or))).await?;
        let mut all = Settled { is_any_closed: false, ballots: 0 };
        for (phase, ballots) in partitions.into_iter().flatten() {
            all.is_any_closed |= phase == i64::from(Phase::Closed.code());
            all.ballots += ballots;
        }
        Ok(all)
    }

    /// Brings one partition to a poll's revision. Gives its phase and ballots; `None` if it is gone.
    pub(super) async fn settle(
        &self,
        poll: &Poll,
        partition: u16,
        or: &[u8],
    ) -> Result<Option<(i64, u64)>, StoreError> {
        let (tally, minutes) = (keys::tally(poll.id, partition), keys::minutes(poll.id, partition));
        let (revision, phase) = (poll.revision.to_string(), poll.schedule.phase.code().to_string());
        let (opens_at, closes_at) = (millis(poll.schedule.opens_at), millis(poll.schedule.closes_at));
        let options = poll.options.len().to_string();
        let call = Call::new(&self.scripts.settle, &[tally.as_bytes(), minutes.as_bytes()])
            .arg(revision.as_bytes())
            .arg(phase.as_bytes())
            .arg(opens_at.as_bytes())
            .arg(closes_at.as_bytes())
            .arg(if poll.changeable { b"1" } else { b"0" })
            .arg(options.as_bytes())
            .arg(or);
        let mut reply = call.send(&self.link).await?;
        match reply.int()? {
            -1 => Ok(None),
            phase => Ok(Some((phase, reply.number()?))),
        }
    }
}

/// A time as scripts read it: milliseconds, or nothing.
fn millis(time: Option<Timestamp>) -> String {
    time.map(|time| time.as_millis().to_string()).unwrap_or_default()
}

/// The poll and the request that hold an idempotency key.
fn read_claim(held: &str) -> Result<(PollId, KeyHash), StoreError> {
    let (made, request) = held.split_once(' ').unwrap_or_default();
    match (made.parse(), KeyHash::from_hex(request)) {
        (Ok(made), Some(request)) => Ok((made, request)),
        _ => Err(StoreError::Corrupt(format!("an idempotency key: {held}"))),
    }
}
