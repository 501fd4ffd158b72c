//! Polls: made, read, edited, opened, closed and deleted.

use super::{ExpectedRevision, PublishError, Publishing};
use crate::{
    poll::{DigestKey, Edit, Effect, NewPoll, Poll, PollFields, PollId, SiteId, State, Timestamp, Violation},
    secret::random_bytes,
    site::{NewEvent, Publisher, Scope, Site},
    store::{Creation, IdempotencyKey, Replacement},
};

/// How often a change of state is tried again on top of an edit that came between.
const MAX_MOVES: usize = 5;

/// A poll that was made.
pub struct Created {
    pub poll: Poll,
    /// Whether it was made before, by the same request.
    pub is_replay: bool,
}

impl Publishing {
    /// Makes a poll for the named site, or the publisher's own. If `wrong` names a fault that was found before, it is
    /// reported together with all others.
    ///
    /// # Errors
    /// [`PublishError::Invalid`], also where there is no such site; [`OtherSite`](PublishError::OtherSite);
    /// [`IdempotencyKeyReused`](PublishError::IdempotencyKeyReused); what the store failed with.
    pub async fn create_poll(
        &self,
        publisher: &Publisher,
        site: Option<SiteId>,
        (mut new, wrong): (NewPoll, Option<Violation>),
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<Created, PublishError> {
        let site = publisher.site(site)?;
        let of_site = self.store.site(&site).await?.ok_or_else(not_of_a_site)?;
        new.fields.take_disclosure(of_site.settings.disclosure.as_ref());
        new.fields.take_defaults(&of_site.settings.poll_defaults);
        let now = self.store.now().await?;
        let (id, digest_key) = (PollId::generate(), DigestKey::from_bytes(random_bytes()));
        let built = new.build(id, site.clone(), self.store.partitions(id), digest_key, now);
        let built = match (built, wrong) {
            (built, None) => built,
            (Ok(_), Some(violation)) => Err(vec![violation]),
            (Err(mut violations), Some(violation)) => {
                violations.push(violation);
                Err(violations)
            }
        };
        let built = match built {
            Ok(poll) => self.check_next(&poll).await?.map_or(Ok(poll), |violation| Err(vec![violation])),
            Err(violations) => Err(violations),
        };
        let creation = match (built, idempotency) {
            (Ok(poll), idempotency) => {
                let events = NewEvent::of_creation(&poll, &publisher.actor(), now);
                self.store.create_poll(&poll, idempotency, &events).await?
            }
            // What was valid when it was first asked for may be invalid now: the poll was to close at a time that has
            // passed.
            (Err(violations), Some(idempotency)) => {
                let made = self.store.made_before(&site, idempotency).await?;
                Creation::Existing(made.ok_or(PublishError::Invalid(violations))?)
            }
            (Err(violations), None) => return Err(PublishError::Invalid(violations)),
        };
        let (poll, is_replay) = match creation {
            Creation::Created(poll) => (poll, false),
            Creation::Existing(poll) => (poll, true),
            Creation::Mismatch => return Err(PublishError::IdempotencyKeyReused),
            Creation::NoSite => return Err(not_of_a_site()),
        };
        self.note_change(&poll.site, poll.id).await;
        Ok(Created { poll, is_replay })
    }

    /// A poll as it would be made now, without making it; `None` if it would be refused.
    pub fn sketch(&self, site: &Site, mut new: NewPoll) -> Option<Poll> {
        new.fields.take_disclosure(site.settings.disclosure.as_ref());
        new.fields.take_defaults(&site.settings.poll_defaults);
        let (id, digest_key) = (PollId::generate(), DigestKey::from_bytes(random_bytes()));
        new.build(id, site.id.clone(), self.store.partitions(id), digest_key, self.clock.now()).ok()
    }

    /// A poll as the store has it, drafts included, if the publisher may read it.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn poll(&self, publisher: &Publisher, id: PollId) -> Result<Option<Poll>, PublishError> {
        Ok(self.store.poll(id).await?.filter(|poll| publisher.may(Scope::PollsRead, &poll.site)))
    }

    /// Edits a poll, in the revision that the publisher expects.
    ///
    /// # Errors
    /// [`PublishError::NoPoll`]; what [`ExpectedRevision::check`] refuses; [`Invalid`](PublishError::Invalid);
    /// [`NotOpen`](PublishError::NotOpen); [`HasBallots`](PublishError::HasBallots); what the store failed with.
    pub async fn edit_poll(
        &self,
        publisher: &Publisher,
        id: PollId,
        expected: &ExpectedRevision,
        edit: PollFields,
    ) -> Result<Poll, PublishError> {
        let poll = self.own_poll(publisher, id).await?;
        if let Err(refusal) = expected.check(poll.revision) {
            if !expected.is_of_before(poll.revision) || !edit.is_made_in(&poll) {
                return Err(refusal);
            }
            // The edit was made before, and its answer was lost (RFC 9110, section 13.1.1). That attempt may not have
            // reached every partition; reading the tally reaches them.
            self.hub.read_anew(&self.store, id).await?;
            self.note_change(&poll.site, id).await;
            return Ok(poll);
        }
        let now = self.store.now().await?;
        let edit = edit.apply(&poll, now).map_err(|error| PublishError::of_edit(&poll, error))?;
        let mut violations: Vec<Violation> = self.check_next(&edit.poll).await?.into_iter().collect();
        let is_unexplained = edit.effect == Effect::Changes && !edit.poll.is_worded_like(&poll);
        // A first ballot that comes at this moment has been cast in the new words, or would have been in a moment.
        if is_unexplained && self.has_ballots(&poll).await? {
            let rule = "must be given: the poll has ballots, and readers are told why its wording changes";
            violations.push(Violation::new("reason", rule));
        }
        if !violations.is_empty() {
            return Err(PublishError::Invalid(violations));
        }
        let is_reshaped = !edit.poll.counts_like(&poll) || edit.poll.bounds() != poll.bounds();
        let reshaping = if is_reshaped { "options" } else { "correct" };
        let events = NewEvent::of_change(&poll, &edit.poll, &publisher.actor(), now);
        let site = poll.site;
        let poll = match self.store.replace_poll(&edit, &events).await? {
            Replacement::Done(poll) => poll,
            Replacement::Mismatch(revision) => return Err(PublishError::RevisionMismatch(revision)),
            // It closed after it was read here; its schedule says when.
            Replacement::Closed => {
                let poll = self.own_poll(publisher, id).await?;
                return Err(PublishError::NotOpen(Box::new(poll), State::Closed));
            }
            Replacement::NotClosed => return Err(PublishError::Internal("an edit was taken for an addendum")),
            Replacement::HasBallots => return Err(PublishError::HasBallots(reshaping)),
            Replacement::Gone => {
                self.note_change(&site, id).await;
                return Err(PublishError::NoPoll);
            }
        };
        self.note_change(&site, id).await;
        Ok(poll)
    }

    /// Whether anybody has voted in a poll, also if nothing of it counts: by that it is decided what may still change.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn has_ballots(&self, poll: &Poll) -> Result<bool, PublishError> {
        // A ballot that does not count was cast all the same.
        let partitions = self.store.labels(poll).await?.unwrap_or_default();
        Ok(partitions.iter().any(|partition| partition.ballots() > 0))
    }

    /// What is wrong with the poll that readers are led to after a vote: it must be there, and of the same site.
    pub(super) async fn check_next(&self, poll: &Poll) -> Result<Option<Violation>, PublishError> {
        let Some(next) = poll.after_vote.as_ref().and_then(|after| after.next) else { return Ok(None) };
        let is_there = self.store.poll(next).await?.is_some_and(|next| next.site == poll.site);
        let rule = "must be the id of a poll of the same site";
        Ok((!is_there).then(|| Violation::new("after_vote.next", rule)))
    }

    /// Opens a poll for votes.
    ///
    /// # Errors
    /// [`PublishError::NoPoll`]; [`NotOpen`](PublishError::NotOpen); [`Invalid`](PublishError::Invalid);
    /// [`KeptChanging`](PublishError::KeptChanging); what the store failed with.
    pub async fn open_poll(&self, publisher: &Publisher, id: PollId) -> Result<Poll, PublishError> {
        let plan = |poll: &Poll, now| match poll.state_at(now) {
            State::Open => Ok(None),
            State::Draft | State::Scheduled | State::Closed => {
                poll.opened(now).map(Some).map_err(|error| PublishError::of_edit(poll, error))
            }
        };
        self.move_poll(publisher, id, plan).await
    }

    /// Publishes a draft: it opens by its schedule, or at once if that names no time ahead. What is published already
    /// stays as it is.
    ///
    /// # Errors
    /// As [`open_poll`](Self::open_poll).
    pub async fn publish_poll(&self, publisher: &Publisher, id: PollId) -> Result<Poll, PublishError> {
        let plan = |poll: &Poll, now| match poll.state_at(now) {
            State::Scheduled | State::Open => Ok(None),
            State::Draft | State::Closed => {
                poll.published(now).map(Some).map_err(|error| PublishError::of_edit(poll, error))
            }
        };
        self.move_poll(publisher, id, plan).await
    }

    /// Closes a poll for good. When this has returned, no ballot in flight is counted after it.
    ///
    /// # Errors
    /// [`PublishError::NoPoll`]; [`Undecided`](PublishError::Undecided); [`KeptChanging`](PublishError::KeptChanging);
    /// what the store failed with.
    pub async fn close_poll(&self, publisher: &Publisher, id: PollId) -> Result<Poll, PublishError> {
        let plan = |poll: &Poll, now| {
            let is_closed = poll.state_at(now) == State::Closed;
            Ok(if is_closed { None } else { Some(poll.closed(now)) })
        };
        let poll = self.move_poll(publisher, id, plan).await?;
        // A definition that says "closed" may come from an attempt that did not reach every partition, and a partition
        // closes by the clock only when it is next called. Reading the tally settles both.
        let snapshot = self.hub.read_anew(&self.store, poll.id).await?;
        if snapshot.is_some_and(|snapshot| snapshot.tally.state != State::Closed) {
            // Only one of two clocks says that its time has passed, so it is not closed yet.
            return Err(PublishError::Undecided);
        }
        Ok(poll)
    }

    /// Says which option of a prediction came true. With a reason it may be said anew, of another option.
    ///
    /// # Errors
    /// [`PublishError::NoPoll`]; [`NotClosed`](PublishError::NotClosed);
    /// [`NotAPrediction`](PublishError::NotAPrediction); [`InvalidResolution`](PublishError::InvalidResolution);
    /// [`Resolved`](PublishError::Resolved); [`KeptChanging`](PublishError::KeptChanging); what the store failed with.
    pub async fn resolve_poll(
        &self,
        publisher: &Publisher,
        id: PollId,
        option: &str,
        reason: Option<&str>,
    ) -> Result<Poll, PublishError> {
        let plan = |poll: &Poll, now| {
            poll.resolved(option, reason, now).map_err(|error| PublishError::of_resolution(poll, error))
        };
        self.move_poll(publisher, id, plan).await
    }

    /// Forgets a poll with all its ballots.
    ///
    /// # Errors
    /// [`PublishError::NoPoll`]; what the store failed with.
    pub async fn delete_poll(&self, publisher: &Publisher, id: PollId) -> Result<(), PublishError> {
        // When a deletion was cut short, only the owner is still known.
        let owner = self.store.owner(id).await?;
        let site = owner.filter(|site| publisher.acts_for(site)).ok_or(PublishError::NoPoll)?;
        let (poll, now) = (self.store.poll(id).await?, self.store.now().await?);
        let event = poll.map(|poll| NewEvent::of_deletion(&poll, &publisher.actor(), now));
        let was_there = self.store.delete_poll(id, event.as_slice()).await?;
        self.note_change(&site, id).await;
        if was_there { Ok(()) } else { Err(PublishError::NoPoll) }
    }

    /// Makes a change of state on top of whatever revision is in force: unlike an edit, it does not depend on what the
    /// poll said.
    async fn move_poll(
        &self,
        publisher: &Publisher,
        id: PollId,
        plan: impl Fn(&Poll, Timestamp) -> Result<Option<Edit>, PublishError>,
    ) -> Result<Poll, PublishError> {
        for _ in 0..MAX_MOVES {
            let poll = self.own_poll(publisher, id).await?;
            let now = self.store.now().await?;
            let Some(edit) = plan(&poll, now)? else { return Ok(poll) };
            let events = NewEvent::of_change(&poll, &edit.poll, &publisher.actor(), now);
            match self.store.replace_poll(&edit, &events).await? {
                Replacement::Done(poll) => {
                    self.note_change(&poll.site, id).await;
                    return Ok(poll);
                }
                // Somebody else was faster: plan again, on top of their change.
                Replacement::Mismatch(_) | Replacement::Closed | Replacement::NotClosed => {}
                Replacement::HasBallots => {
                    return Err(PublishError::Internal("a move of the state reshaped a poll"));
                }
                Replacement::Gone => {
                    self.note_change(&poll.site, id).await;
                    return Err(PublishError::NoPoll);
                }
            }
        }
        Err(PublishError::KeptChanging)
    }

    /// A poll of the publisher's own, as the store has it.
    pub(super) async fn own_poll(&self, publisher: &Publisher, id: PollId) -> Result<Poll, PublishError> {
        let poll = self.store.poll(id).await?;
        poll.filter(|poll| publisher.acts_for(&poll.site)).ok_or(PublishError::NoPoll)
    }
}

/// The site that the poll should belong to does not exist.
fn not_of_a_site() -> PublishError {
    let detail = "must be a site; PUT /v1/sites/{site} makes one".to_owned();
    PublishError::Invalid(vec![Violation::new("site", detail)])
}
