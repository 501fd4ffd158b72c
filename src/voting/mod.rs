//! Voting, without HTTP: ballots cast, read and taken back, and the tally that somebody may see.
//!
//! Whatever way a reader takes (the API, the plain form, the demo's page), these calls do the work. They know no request
//! and no answer: who asks comes in as an argument, and what is refused goes out as a [`VoteError`].
//!
//! - [`cast`]: a ballot's way to the store. This is the path that everything here must keep short.
//! - [`visible`]: whether somebody may see a tally, and which.
//! - [`ballot_batcher`]: group commit in front of a store, which is what makes a vote cheap.
//!
//! A worker has one [`Voting`], on a store connection of its own, which it divides: ballots go through the batcher, what a
//! vote has to read has a lane of its own, and all other reads yield to both. See [`Bounded`].

pub mod ballot_batcher;
mod cast;
mod error;
mod visible;

use std::sync::Arc;

pub use cast::{Caster, Vote, VoteOutcome, Withdrawal};
pub use error::{OnRecord, VoteError};
pub use visible::{Asker, TallyView};

use crate::{
    clock::Clock,
    live::{Hub, PollCache, PollWithSite},
    poll::PollId,
    quota::QuotaLimiter,
    store::{Bounded, Store},
    telemetry::Metrics,
};
use ballot_batcher::BallotBatcher;

/// One worker's way to vote, and to see what the votes come to.
pub struct Voting {
    batcher: BallotBatcher,
    /// For what votes have to read.
    vote_reads: Arc<dyn Store>,
    /// For whatever is no vote.
    others: Arc<dyn Store>,
    polls: Arc<PollCache>,
    hub: Arc<Hub>,
    quotas: Arc<QuotaLimiter>,
    /// The time as readers are told it. Whether a vote counts is the store's clock's to say.
    clock: Clock,
}

/// What all workers of a replica share for [`Voting`].
#[derive(Clone)]
pub struct Common {
    /// Polls as last read.
    pub polls: Arc<PollCache>,
    /// The newest tallies.
    pub hub: Arc<Hub>,
    /// How many ballots a client may cast.
    pub quotas: Arc<QuotaLimiter>,
    /// The time as readers are told it.
    pub clock: Clock,
    /// What is counted and timed.
    pub metrics: Arc<Metrics>,
}

impl Voting {
    /// A worker's, on a store of its own.
    pub fn new(store: Arc<dyn Store>, common: Common) -> Self {
        let Common { polls, hub, quotas, clock, metrics } = common;
        let batcher = BallotBatcher::new(Arc::clone(&store), metrics);
        let vote_reads = Arc::new(Bounded::for_votes(Arc::clone(&store)));
        let others = Arc::new(Bounded::for_all_else(store, batcher.backlog()));
        Self { batcher, vote_reads, others, polls, hub, quotas, clock }
    }

    /// The worker's store for whatever is no vote: it yields to votes, and refuses what it has no place for.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.others
    }

    /// A poll that readers may see: published, draft no more.
    ///
    /// # Errors
    /// There is none; what the store failed with if the poll is not known yet.
    pub async fn poll(&self, id: PollId) -> Result<Arc<PollWithSite>, VoteError> {
        self.polls.get(&*self.others, id).await?.ok_or(VoteError::NoPoll)
    }

    /// The same, for a voter.
    ///
    /// # Errors
    /// As [`poll`](Self::poll).
    pub async fn poll_to_vote(&self, id: PollId) -> Result<Arc<PollWithSite>, VoteError> {
        self.polls.get(&*self.vote_reads, id).await?.ok_or(VoteError::NoPoll)
    }
}
