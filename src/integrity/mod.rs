//! Integrity, without HTTP: what is suspect is counted apart, and editors decide whether it counts.
//!
//! A ballot has a [`Label`], made of the [`Evidence`] when it came in, or of an [incident](crate::poll::Incident) that goes
//! on. Editors see how many ballots have which, and hold, void or release a label, with a reason. While a poll takes votes,
//! that changes its tally, in the next revision of the poll; once it is closed, its figure is final, and what is decided is
//! told beside it. Each decision is in the site's log.
//!
//! A vote that was counted leaves its time, network and option in memory ([`live`](crate::live)). Every few seconds
//! [`watch`] takes these, tells them to the other replicas, and shows them to the detectors in [`detect`]. An incident
//! that they find goes into the poll's definition, by an edit like any other: so every replica knows it with the poll's
//! next revision, and labels the votes that come then.

mod changes;
mod decide;
pub mod detect;
mod evidence;
mod hosting_ranges;
mod incidents;
mod report;
pub mod watch;

use std::sync::Arc;

pub use evidence::Evidence;
pub use hosting_ranges::{HostingRanges, UnreadableRanges};
pub use report::{IncidentReport, IntegrityReport, LabelReport};

use changes::PollChanges;

use crate::{
    events::EventSignal,
    live::Hub,
    poll::{Edit, Label, MOST_INCIDENTS, Poll, PollId, State, Timestamp},
    site::{Actor, NewEvent, Publisher, Scope},
    store::{Replacement, Store, StoreError},
};

/// One worker's use cases of integrity.
#[derive(Clone)]
pub struct Integrity {
    store: Arc<dyn Store>,
    changes: PollChanges,
    hosting: HostingRanges,
}

/// Why a use case of [`Integrity`] refused. Nothing was done, except where the store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum IntegrityError {
    /// There is no such poll, or none of this publisher's.
    #[error("no poll has this id")]
    NoPoll,
    /// The poll takes no votes, so nothing goes on in it.
    #[error("the poll is not open")]
    NotOpen(Box<Poll>, State),
    /// No incident of the poll has or had this label.
    #[error("no incident has this label")]
    NoIncident,
    /// As many incidents go on in the poll as can be kept.
    #[error("{MOST_INCIDENTS} incidents go on in the poll, and no more can: close some first")]
    TooMany,
    /// What the reason must be, after the field's name.
    #[error("reason {0}")]
    Reason(String),
    /// Two clocks disagree about whether the poll is closed.
    #[error("two clocks disagree")]
    Undecided,
    /// The poll was edited again and again.
    #[error("the poll kept changing")]
    KeptChanging,
    /// The store did not answer; it may have done what it was asked for.
    #[error(transparent)]
    Store(#[from] Arc<StoreError>),
    /// The store's answer does not fit the call.
    #[error("{0}")]
    Internal(&'static str),
}

impl From<StoreError> for IntegrityError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl Integrity {
    /// A worker's, on its store for calls that are not votes.
    pub fn new(store: Arc<dyn Store>, hub: Arc<Hub>, signal: Arc<EventSignal>, hosting: HostingRanges) -> Self {
        Self { changes: PollChanges::new(Arc::clone(&store), hub, signal), store, hosting }
    }

    /// What there is to say against a vote by what is seen of it. On a vote's way: it asks nobody.
    pub fn label(&self, evidence: &Evidence) -> Label {
        evidence.label(&self.hosting)
    }

    /// A poll that the publisher may moderate, as the store has it.
    async fn poll(&self, publisher: &Publisher, id: PollId) -> Result<Poll, IntegrityError> {
        let poll = self.store.poll(id).await?;
        poll.filter(|poll| publisher.may(Scope::PollsModerate, &poll.site)).ok_or(IntegrityError::NoPoll)
    }

    /// Puts a poll that was changed in the place of the one before. Returns whether it is there: if somebody else was faster,
    /// or it has closed, the change is to be made on top of that.
    async fn is_put(
        &self,
        polls: (&Poll, Edit),
        told: Vec<NewEvent>,
        by: (&Actor, Timestamp),
    ) -> Result<bool, IntegrityError> {
        match self.changes.put(polls, told, by).await? {
            Replacement::Done(_) => Ok(true),
            Replacement::Mismatch(_) | Replacement::Closed | Replacement::NotClosed => Ok(false),
            Replacement::HasBallots => Err(IntegrityError::Internal("a change of labels reshaped a poll")),
            Replacement::Gone => Err(IntegrityError::NoPoll),
        }
    }
}
