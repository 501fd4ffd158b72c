//! Edits, and finishing edits that were cut short.
//!
//! A change of the options, or of how many may be chosen, (a *reshape*) is made only if the poll has no ballots, and
//! its partitions lie on different servers. So the poll first becomes a draft again, which takes no ballot anywhere;
//! then the ballots are counted; then the new definition comes into force, or the old one again. Both are stored beside
//! the draft from the first step on, so whoever finds it (a reader, a voter, the publisher again) goes on from there.
//! Many may do so at once: one step decides how it ends. Until then readers get the poll as it was, and no ballot is
//! counted.

use super::{
    RedisStore,
    definitions::{DefineOptions, DefineOutcome, Definition, Reshape, StoredDefinition, SyncMode},
};
use crate::{
    poll::{PartitionTally, Phase, Poll, PollId, State},
    site::{Actor, NewEvent},
    store::{Replacement, StoreError},
};

/// The most reshapes that one call finishes to get the definition in force.
const MOST_TURNS: usize = 4;

impl RedisStore {
    /// The definition in force, after finishing what was begun before.
    pub(super) async fn definition(&self, id: PollId) -> Result<Option<Definition>, StoreError> {
        for _ in 0..MOST_TURNS {
            match self.read_kept(id).await? {
                None => return Ok(None),
                Some(StoredDefinition::InForce(definition)) => return Ok(Some(definition)),
                Some(StoredDefinition::Reshaping(reshape)) => _ = self.finish_reshape(&reshape).await?,
            }
        }
        Err(StoreError::unavailable("the poll kept being reshaped"))
    }

    pub(super) async fn mismatch(&self, id: PollId) -> Result<Replacement, StoreError> {
        let definition = self.definition(id).await?;
        Ok(definition.map_or(Replacement::Gone, |definition| Replacement::Mismatch(definition.poll.revision)))
    }

    pub(super) async fn reshape(&self, wanted: &Poll, events: &[NewEvent]) -> Result<Replacement, StoreError> {
        let before = self.definition(wanted.id).await?;
        let Some(before) = before.filter(|before| before.poll.created_at == wanted.created_at) else {
            return Ok(Replacement::Gone);
        };
        // The same edit again: somebody has finished it.
        let made = Poll { revision: wanted.revision.next(), ..wanted.clone() };
        if before.poll == made {
            return self.make_sure(&before).await;
        }
        if before.poll.revision.next() != wanted.revision {
            return Ok(Replacement::Mismatch(before.poll.revision));
        }
        match self.has_ballots(&before.poll).await? {
            None => return Ok(Replacement::Gone),
            Some(true) => return Ok(Replacement::HasBallots),
            Some(false) => {}
        }
        let reshape = Reshape::begin(before, wanted, events);
        let putting = DefineOptions { begins: Some(&reshape), ..DefineOptions::default() };
        match self.define(&reshape.held, reshape.before.poll.revision, putting).await? {
            DefineOutcome::Done(_) => {}
            DefineOutcome::Mismatch => {
                // Unless somebody was faster with the same edit.
                return match self.definition(wanted.id).await? {
                    None => Ok(Replacement::Gone),
                    Some(now) if now.poll == made => self.make_sure(&now).await,
                    Some(now) => Ok(Replacement::Mismatch(now.poll.revision)),
                };
            }
            DefineOutcome::Closed | DefineOutcome::NotClosed => return Ok(Replacement::Closed),
            DefineOutcome::Gone => return Ok(Replacement::Gone),
        }
        match self.finish_reshape(&reshape).await? {
            Some(replacement) => Ok(replacement),
            None => self.finished_by_another(&made).await,
        }
    }

    /// Completes an edit that somebody else has made, and that may not have reached every partition.
    async fn make_sure(&self, made: &Definition) -> Result<Replacement, StoreError> {
        self.sync_partitions(made, SyncMode::Forward).await?;
        Ok(Replacement::Done(made.poll.clone()))
    }

    /// How a reshape ended that somebody else has finished.
    async fn finished_by_another(&self, made: &Poll) -> Result<Replacement, StoreError> {
        let Some(now) = self.definition(made.id).await? else { return Ok(Replacement::Gone) };
        if now.poll == *made {
            return self.make_sure(&now).await;
        }
        if now.poll.revision != made.revision {
            return Err(StoreError::unavailable("the poll was edited again before its reshape was answered"));
        }
        let Some(has_ballots) = self.has_ballots(&now.poll).await? else { return Ok(Replacement::Gone) };
        Ok(if has_ballots { Replacement::HasBallots } else { Replacement::Closed })
    }

    /// Goes on with a reshape that anybody began. `None` if somebody else ended it first.
    async fn finish_reshape(&self, reshape: &Reshape) -> Result<Option<Replacement>, StoreError> {
        let Reshape { before, held, after, events } = reshape;
        let synced = self.sync_partitions(&Definition { poll: held.clone(), ..*before }, SyncMode::Forward).await?;
        // From here on no partition takes a ballot until the next revision is in force, so this stays true.
        let mut is_closed = synced.is_any_closed;
        if !is_closed && synced.ballots == 0 {
            let until = before.poll.schedule.closes_at.filter(|_| before.poll.schedule.phase == Phase::Live);
            let putting = DefineOptions { anew: true, until, events, ..DefineOptions::default() };
            match self.define(after, held.revision, putting).await? {
                DefineOutcome::Done(definition) => {
                    self.sync_partitions(&definition, SyncMode::Forward).await?;
                    return Ok(Some(Replacement::Done(definition.poll)));
                }
                DefineOutcome::Mismatch => return Ok(None),
                // Its closing time came first, so it closes as it was.
                DefineOutcome::Closed | DefineOutcome::NotClosed => is_closed = true,
                DefineOutcome::Gone => return Ok(Some(Replacement::Gone)),
            }
        }
        let mut kept = Poll { revision: after.revision, ..before.poll.clone() };
        if synced.is_any_closed {
            kept.schedule.phase = Phase::Closed;
        }
        match self.define(&kept, held.revision, DefineOptions::default()).await? {
            DefineOutcome::Done(definition) => self.sync_partitions(&definition, SyncMode::Forward).await?,
            DefineOutcome::Mismatch => return Ok(None),
            DefineOutcome::Closed | DefineOutcome::NotClosed => return Ok(Some(Replacement::Closed)),
            DefineOutcome::Gone => return Ok(Some(Replacement::Gone)),
        };
        Ok(Some(if is_closed { Replacement::Closed } else { Replacement::HasBallots }))
    }

    /// Closes all of a poll of which a partition has closed.
    pub(super) async fn close_after_all(&self, definition: &Definition) -> Result<(), StoreError> {
        let now = self.clock_time().await?;
        let closed = definition.poll.closed(now).poll;
        // Nobody has closed it but its old closing time.
        let events = NewEvent::of_change(&definition.poll, &closed, &Actor::Schedule, now);
        let events = if definition.poll.article.is_none() { events } else { Vec::new() };
        let putting = DefineOptions { events: &events, ..DefineOptions::default() };
        if let DefineOutcome::Done(closed) = self.define(&closed, definition.poll.revision, putting).await? {
            self.sync_partitions(&closed, SyncMode::Forward).await?;
        }
        Ok(())
    }

    /// Closes a poll that is closed in some partitions but not by its definition, and returns whether it was. Either an
    /// edit put off the closing time at that moment and was cut short, or the clock was set back. Closed is final, so
    /// the whole poll closes.
    pub(super) async fn close_if_in_part(&self, poll: &Poll, tallies: &[PartitionTally]) -> Result<bool, StoreError> {
        let is_in_part = |poll: &Poll| {
            poll.schedule.phase != Phase::Closed
                && tallies.iter().any(|tally| tally.state == State::Closed)
                && tallies.iter().all(|tally| poll.state_at(tally.as_of) != State::Closed)
        };
        if !is_in_part(poll) {
            return Ok(false);
        }
        let Some(definition) = Box::pin(self.definition(poll.id)).await? else { return Ok(false) };
        if is_in_part(&definition.poll) {
            Box::pin(self.close_after_all(&definition)).await?;
        } else {
            // The caller is behind, and partitions may be too.
            Box::pin(self.sync_partitions(&definition, SyncMode::Forward)).await?;
        }
        Ok(true)
    }
}
