//! What handlers find: the worker's own use cases, and what all workers of the replica share.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use super::{
    CompressedPages, DemoPages, DrawnCards, NewsroomAddress, PolicyHeaders,
    auth::voter_cookie::VoterCookie,
    message::caching::Caching,
    middleware::{connections::Connections, request_log::RequestLog},
    pages::contract::Contract,
};
use crate::{
    client::ClientRule,
    clock::Clock,
    events::{EventFeed, EventSignal},
    integrity::Integrity,
    live::StreamLimiter,
    net::outside::Outside,
    oidc::IdentityProvider,
    poll::{Phase, Poll},
    proof::TransparencyLog,
    publishing::Publishing,
    quota::QuotaLimiter,
    site::BaseAddress,
    telemetry::Metrics,
    views::Viewing,
    voter::{TokenKeys, WorkKeys},
    voting::{ReplicaVoting, Voting},
    wire::PositionKeys,
};

/// One actix worker's own handles; reached as `web::Data<Worker>`.
pub struct Worker {
    /// What all workers share.
    pub shared: Arc<ReplicaState>,
    /// This worker's use cases of voting.
    pub voting: Voting,
    /// This worker's use cases of views.
    pub viewing: Viewing,
    /// This worker's use cases of publishing.
    pub publishing: Publishing,
    /// This worker's use cases of integrity.
    pub integrity: Integrity,
    /// This worker's use cases of proof.
    pub transparency: TransparencyLog,
    /// This worker's reader of sites' logs.
    pub events: EventFeed,
}

/// What all workers of a replica share.
pub struct ReplicaState {
    /// The time as readers are told it. The store's clock decides whether a vote counts.
    pub clock: Clock,
    /// The keys that sign and verify voter tokens.
    pub token_keys: TokenKeys,
    /// What asks new voters to prove work.
    pub work_keys: WorkKeys,
    /// The keys that sign and verify positions.
    pub position_keys: Arc<PositionKeys>,
    /// The part of voting that all workers share.
    pub voting: ReplicaVoting,
    /// All connections.
    pub connections: Arc<Connections>,
    /// Admits event streams.
    pub stream_limiter: Arc<StreamLimiter>,
    /// What wakes those who wait for events.
    pub event_signal: Arc<EventSignal>,
    /// Counters and timings.
    pub metrics: Arc<Metrics>,
    /// Log lines about requests.
    pub request_log: RequestLog,
    /// How a request's client is found.
    pub client_rule: ClientRule,
    /// How many requests a client, a voter or a key may make.
    pub quotas: Arc<QuotaLimiter>,
    /// The `RateLimit-Policy` headers.
    pub policy_headers: PolicyHeaders,
    /// The address by which readers know this service: its pages may always vote.
    pub public_url: Option<BaseAddress>,
    /// Which addresses webhooks may have.
    pub outside: Outside,
    /// Where the newsroom is, if there is one.
    pub newsroom: Option<NewsroomAddress>,
    /// Who names editors, if anybody does.
    pub identity_provider: Option<IdentityProvider>,
    /// How readers' tokens are kept as cookies.
    pub voter_cookie: VoterCookie,
    /// The contract as this replica serves it.
    pub contract: Contract,
    /// Pages as they were compressed.
    pub compressed_pages: CompressedPages,
    /// Pictures as they were drawn.
    pub drawn_cards: Arc<DrawnCards>,
    /// The pages of a demo, if this is one.
    pub demo_pages: Option<Arc<DemoPages>>,
    /// Whether requests should be sent here.
    pub readiness: Readiness,
}

impl ReplicaState {
    /// What every path that readers are told begins with: empty, unless the service is mounted under a path.
    pub(super) fn base_path(&self) -> &str {
        self.public_url.as_ref().map_or("", BaseAddress::path)
    }
}

impl Worker {
    /// How long caches may keep what is said of a poll. While the store is away, a poll may have changed unnoticed, and
    /// is kept for the shortest time.
    pub(super) fn caching_of(&self, poll: &Poll) -> Caching {
        let caching = Caching::of_poll(poll, self.shared.clock.now());
        let is_final = poll.schedule.phase == Phase::Closed;
        if !is_final && self.shared.voting.is_unconfirmed(poll.id) { caching.and(Caching::BRIEF) } else { caching }
    }
}

/// Whether a replica should get requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaPhase {
    /// The store has not been reached yet.
    Starting,
    /// It has.
    Ready,
    /// The replica stops.
    Stopping,
}

/// The replica's [`ReplicaPhase`], shared by all threads.
#[derive(Debug, Default)]
pub struct Readiness(AtomicU8);

const STARTING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;

impl Readiness {
    /// The store was reached. A replica that is stopping stays so.
    pub fn ready(&self) {
        // A failed exchange means it was ready or is stopping: both stay.
        let _ = self.0.compare_exchange(STARTING, READY, Ordering::Release, Ordering::Relaxed);
    }

    /// The replica stops.
    pub fn stopping(&self) {
        self.0.store(STOPPING, Ordering::Release);
    }

    /// The current phase.
    pub fn phase(&self) -> ReplicaPhase {
        match self.0.load(Ordering::Acquire) {
            STARTING => ReplicaPhase::Starting,
            READY => ReplicaPhase::Ready,
            _ => ReplicaPhase::Stopping,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopping_replica_is_never_ready_again() {
        let readiness = Readiness::default();
        assert_eq!(readiness.phase(), ReplicaPhase::Starting);
        readiness.ready();
        assert_eq!(readiness.phase(), ReplicaPhase::Ready);
        readiness.stopping();
        readiness.ready();
        assert_eq!(readiness.phase(), ReplicaPhase::Stopping);
    }
}
