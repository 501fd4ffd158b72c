//! Voting, without HTTP: ballots cast, read and taken back, and the tally that somebody may see.
//!
//! Every way to vote (the API, the plain form, both also in an article's poll) calls these. They know no request and no
//! answer: who asks is an argument, and what is refused is a [`VoteError`].
//!
//! - [`cast`]: a ballot's way to the store. This is the path that must stay short.
//! - [`answers`]: what readers are shown of each other's own words.
//! - [`visible`]: whether somebody may see a tally, and which; [`several`]: many at once.
//! - [`runoff`]: who wins a ranked poll, by a scan of its ballots.
//! - [`articles`]: polls that come to be with their first ballots.
//! - [`places`]: which poll stands in a place of a site.
//! - [`last_day`]: a few numbers of many polls, for lists.
//! - [`timeline`]: a tally by the time that its votes came in.
//! - [`streams`]: who may open an event stream, and what they see in it.
//! - [`replica`]: what the workers of a replica share of all this.
//! - [`ballot_batcher`]: group commit in front of a store, which is what makes a vote cheap.
//!
//! A worker has one [`Voting`], on a store connection of its own. Ballots go through the batcher, the reads of a vote
//! have a lane of their own, and all other calls yield to both. See [`Bounded`].

mod answers;
mod articles;
pub mod ballot_batcher;
mod cast;
mod error;
mod last_day;
mod places;
mod replica;
mod retry;
mod runoff;
mod several;
mod streams;
mod timeline;
mod visible;

use std::sync::Arc;

pub use articles::{ArticlePoll, AskedArticle, ReplicaArticles};
pub use cast::{BallotRequest, Caster, Vote, VoteOutcome, VotedAnswer, Withdrawal};
pub use error::{NoArticle, OnRecord, VoteError};
pub use last_day::PollNumbers;
pub use places::PlaceNow;
pub use replica::ReplicaVoting;
pub use runoff::CountedRunoff;
pub use several::{PollTally, SiteQuery, SiteTallies};
pub use streams::{StreamPlan, StreamRequest};
pub use timeline::TimelineReader;
pub use visible::{Asker, TallyForViewer};

use crate::{
    live::{PollCache, PollWithSite, Streams},
    poll::PollId,
    quota::{Decision, Subject, Undecided},
    store::{Bounded, Store},
};
use ballot_batcher::BallotBatcher;

/// One worker's use cases of voting.
pub struct Voting {
    batcher: BallotBatcher,
    /// For what votes have to read.
    vote_reads: Arc<dyn Store>,
    /// For all other calls.
    others: Arc<dyn Store>,
    polls: Arc<PollCache>,
    streams: Streams,
    replica: ReplicaVoting,
}

impl Voting {
    /// A worker's, on a store of its own. Must be called on a [`tokio::task::LocalSet`], as every actix worker is one.
    pub fn new(store: Arc<dyn Store>, replica: ReplicaVoting) -> Self {
        let ReplicaVoting { hub, stream_limiter, position_keys, metrics, views, .. } = &replica;
        let batcher = BallotBatcher::new(Arc::clone(&store), Arc::clone(metrics), Arc::clone(views));
        let vote_reads = Arc::new(Bounded::for_votes(Arc::clone(&store)));
        let others = Arc::new(Bounded::for_all_else(store, batcher.backlog()));
        let polls = Arc::clone(hub.poll_cache());
        let streams =
            Streams::new(Arc::clone(hub), Arc::clone(stream_limiter), Arc::clone(metrics), Arc::clone(position_keys));
        tokio::task::spawn_local(streams.supervisor().run());
        Self { batcher, vote_reads, others, polls, streams, replica }
    }

    /// The worker's store for all calls that are not votes: it yields to votes, and refuses calls beyond its bounds.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.others
    }

    /// Whether the store has a fault that does not pass by itself.
    pub fn needs_mending(&self) -> bool {
        self.others.needs_mending()
    }

    /// Decides on a request for which this replica's share of a quota was not enough.
    pub async fn decide(&self, undecided: Undecided, client: &Subject) -> Decision {
        self.replica.quotas.ask_store(undecided, client, &*self.others).await
    }

    /// A poll that readers may see: no draft.
    ///
    /// # Errors
    /// There is no such poll; what the store failed with if the poll is not known yet.
    pub async fn poll(&self, id: PollId) -> Result<Arc<PollWithSite>, VoteError> {
        self.polls.get(&self.others, id).await?.ok_or(VoteError::NoPoll)
    }

    /// The same, for a voter.
    ///
    /// # Errors
    /// As [`poll`](Self::poll).
    pub async fn poll_to_vote(&self, id: PollId) -> Result<Arc<PollWithSite>, VoteError> {
        self.polls.get(&self.vote_reads, id).await?.ok_or(VoteError::NoPoll)
    }
}
