//! The part of voting that the workers of a replica share.

use std::sync::Arc;

use super::{
    ReplicaArticles,
    answers::{ANSWERS_KEPT_FOR, AnswerLists, MOST_ANSWER_LISTS},
    last_day::LastDays,
    runoff::Runoffs,
    timeline::TimelineLimits,
};
use crate::{
    clock::Clock,
    live::{Hub, PollWithSite, SiteLists, StreamLimiter},
    poll::PollId,
    quota::QuotaLimiter,
    secret::Secret,
    telemetry::Metrics,
    views::ViewCounts,
    wire::PositionKeys,
};

/// The part of voting that the workers of a replica share. Each makes its own [`Voting`](super::Voting) of it.
#[derive(Clone)]
pub struct ReplicaVoting {
    pub(super) hub: Arc<Hub>,
    pub(super) stream_limiter: Arc<StreamLimiter>,
    pub(super) position_keys: Arc<PositionKeys>,
    pub(super) quotas: Arc<QuotaLimiter>,
    /// The time as readers are told it. Whether a vote counts is the store's clock's to say.
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) views: Arc<ViewCounts>,
    /// Which polls sites have.
    pub(super) site_lists: Arc<SiteLists>,
    /// What readers are shown of each other's own words.
    pub(super) answer_lists: Arc<AnswerLists>,
    pub(super) timeline_limits: Arc<TimelineLimits>,
    pub(super) runoffs: Arc<Runoffs>,
    pub(super) last_days: Arc<LastDays>,
    pub(super) articles: Arc<ReplicaArticles>,
}

impl ReplicaVoting {
    /// Made of what else the replica has, with the secret that all replicas have and what is signed by it.
    pub fn new(
        hub: Arc<Hub>,
        stream_limiter: Arc<StreamLimiter>,
        (secret, position_keys): (&Secret, Arc<PositionKeys>),
        quotas: Arc<QuotaLimiter>,
        clock: Clock,
        metrics: Arc<Metrics>,
        views: Arc<ViewCounts>,
    ) -> Self {
        let (site_lists, timeline_limits, runoffs, last_days) = <(Arc<_>, Arc<_>, Arc<_>, Arc<_>)>::default();
        let articles = Arc::new(ReplicaArticles::new(secret));
        let answer_lists = Arc::new(AnswerLists::new(ANSWERS_KEPT_FOR, MOST_ANSWER_LISTS));
        Self {
            hub,
            stream_limiter,
            position_keys,
            quotas,
            clock,
            metrics,
            views,
            site_lists,
            answer_lists,
            timeline_limits,
            runoffs,
            last_days,
            articles,
        }
    }

    /// A poll as it was last read, however long ago; `None` if it was not. Never calls the store.
    pub fn poll_if_known(&self, id: PollId) -> Option<Arc<PollWithSite>> {
        self.hub.poll_cache().if_known(id)
    }

    /// Whether the store has not confirmed a poll lately, so that it may have changed unnoticed.
    pub fn is_unconfirmed(&self, id: PollId) -> bool {
        self.hub.poll_cache().is_unconfirmed(id)
    }
}
