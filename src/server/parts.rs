//! What a replica is made of: the parts that all its workers share, and a worker.

use std::{sync::Arc, time::Duration};

use actix_web::rt;

use super::bounds::Bounds;
use crate::{
    client::ClientRule,
    clock::Clock,
    config::Config,
    events::EventFeed,
    http::{self, DemoPages, ReplicaState, Worker, connections::Connections, request_log::RequestLog},
    integrity::{HostingRanges, Integrity, watch::Detectors},
    live::{Hub, StreamLimiter},
    oidc::IdentityProvider,
    proof::{KnownCheckpoints, LogKeys, ReplicaProof, TransparencyLog},
    publishing::Publishing,
    quota::{QuotaLimiter, local::Uptime},
    secret::{KeyHash, Secret},
    store::{StoreError, Stores},
    telemetry::Metrics,
    views::{ReplicaViews, ViewCounts, ViewWriter, Viewing},
    voter::{TokenKeys, WorkKeys},
    voting::{ReplicaVoting, Voting},
    webhooks::Dispatcher,
    wire::PositionKeys,
};

/// What a replica is made of.
#[derive(Clone)]
pub(super) struct ReplicaParts {
    pub(super) stores: Stores,
    pub(super) hub: Arc<Hub>,
    pub(super) admin_key: KeyHash,
    pub(super) shared: Arc<ReplicaState>,
    pub(super) views: ReplicaViews,
    pub(super) view_writer: Arc<ViewWriter>,
    /// For how many days events are kept.
    pub(super) events_days: u32,
    pub(super) hosting: HostingRanges,
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) detectors: Arc<Detectors>,
    pub(super) proof: Arc<ReplicaProof>,
}

impl ReplicaParts {
    pub(super) fn new(
        config: &Config,
        stores: Stores,
        bounds: Bounds,
        admin_key: KeyHash,
        demo_pages: Option<Arc<DemoPages>>,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let secret = match &config.secret {
            Some(secret) => secret.clone(),
            None => stores.kept_secret("secret", Secret::generate)?.0,
        };
        let metrics = Arc::new(Metrics::default());
        metrics.show_store_clock(stores.clocks().ahead_millis());
        // Quotas are shared through the store, if there are other replicas.
        let sharing = Some(&secret).filter(|_| !config.store.is_embedded());
        let quotas = Arc::new(QuotaLimiter::new(&config.quotas, sharing, &Uptime::begin(), Arc::clone(&metrics)));
        let client_rule = ClientRule {
            trusted: config.trusted_proxies.clone(),
            header: config.proxy_header,
            ipv6_prefix: config.ipv6_prefix,
        };
        let hub = Arc::new(Hub::new(Arc::default(), clock.clone(), !config.store.is_embedded()));
        hub.traces().mark_by(&secret);
        let stream_limiter = Arc::new(StreamLimiter::new(bounds.streams));
        let position_keys = Arc::new(PositionKeys::new(&secret, config.secret_previous.as_ref()));
        let view_counts = Arc::new(ViewCounts::new(Arc::clone(&metrics)));
        let views = ReplicaViews::new(Arc::clone(&view_counts), Arc::clone(&hub), clock.clone());
        let view_writer = Arc::new(ViewWriter::new(&views, Arc::clone(&metrics)));
        let voting = ReplicaVoting::new(
            Arc::clone(&hub),
            Arc::clone(&stream_limiter),
            (&secret, Arc::clone(&position_keys)),
            Arc::clone(&quotas),
            clock.clone(),
            Arc::clone(&metrics),
            view_counts,
        );
        let shared = Arc::new(ReplicaState {
            connections: Arc::new(Connections::new(bounds.connections, client_rule.clone(), Arc::clone(&metrics))),
            voting,
            stream_limiter,
            event_signal: Arc::default(),
            clock,
            token_keys: TokenKeys::new(&secret, config.secret_previous.as_ref()),
            work_keys: WorkKeys::new(&secret, config.secret_previous.as_ref(), config.proof_of_work_hashes),
            position_keys,
            metrics,
            request_log: RequestLog::new(config.log_sample),
            quotas,
            policy_headers: http::PolicyHeaders::default(),
            client_rule,
            public_url: config.public_url.clone(),
            outside: config.webhook_networks.clone(),
            newsroom: http::NewsroomAddress::of(config.newsroom_url.as_ref(), config.public_url.as_ref()),
            identity_provider: config.oidc().map(IdentityProvider::new),
            voter_cookie: http::VoterCookie::of(config.public_url.as_ref()),
            contract: http::Contract::of(config.public_url.as_ref()),
            compressed_pages: http::CompressedPages::default(),
            drawn_cards: Arc::default(),
            demo_pages,
            readiness: http::Readiness::default(),
        });
        let dispatcher = Arc::new(Dispatcher::new(
            stores.connect(),
            Arc::clone(&shared.event_signal),
            config.webhook_networks.clone(),
            Arc::clone(&shared.metrics),
            config.public_url.clone(),
        ));
        let detectors = Arc::new(Detectors::new(
            stores.connect(),
            Arc::clone(&hub),
            Arc::clone(&shared.event_signal),
            shared.clock.clone(),
            !config.store.is_embedded(),
        ));
        let proof = Arc::new(replica_proof(config, &secret)?);
        let events_days = config.events_days;
        let hosting = config.hosting_ranges.clone();
        Ok(Self {
            stores,
            hub,
            admin_key,
            shared,
            views,
            view_writer,
            events_days,
            hosting,
            dispatcher,
            detectors,
            proof,
        })
    }

    /// A worker, with its own connection to the store.
    pub(super) fn worker(&self) -> Worker {
        let store = self.stores.connect();
        // Connects now, so that the first vote does not wait for it; if this fails, the vote tries again.
        let warm = Arc::clone(&store);
        rt::spawn(async move { warm.now().await });
        let voting = Voting::new(store, self.shared.voting.clone());
        let (hub, clock) = (Arc::clone(&self.hub), self.shared.clock.clone());
        let signal = Arc::clone(&self.shared.event_signal);
        let events = EventFeed::new(Arc::clone(voting.store()), Arc::clone(&signal));
        let integrity =
            Integrity::new(Arc::clone(voting.store()), Arc::clone(&hub), Arc::clone(&signal), self.hosting.clone());
        let knows_people = self.shared.identity_provider.is_some();
        let publishing = Publishing::new(Arc::clone(voting.store()), hub, clock, self.admin_key, knows_people, signal);
        let viewing = Viewing::new(Arc::clone(voting.store()), self.views.clone());
        let transparency = TransparencyLog::new(Arc::clone(voting.store()), Arc::clone(&self.proof));
        let shared = Arc::clone(&self.shared);
        Worker { shared, voting, viewing, publishing, integrity, transparency, events }
    }
}

/// What all workers share of the transparency logs.
fn replica_proof(config: &Config, secret: &Secret) -> Result<ReplicaProof, StoreError> {
    let (current, previous) = match &config.proof_secret {
        Some(current) => (current, config.proof_secret_previous.as_ref()),
        None => (secret, config.proof_secret_previous.as_ref().or(config.secret_previous.as_ref())),
    };
    let keys = LogKeys::of(current, previous).map_err(|why| StoreError::Unfit(why.to_owned()))?;
    let path = config.proof_checkpoints.clone().or_else(|| config.store.file_beside(".checkpoints"));
    let known = KnownCheckpoints::open(path.clone()).map_err(|error| {
        let path = path.unwrap_or_default();
        StoreError::Unfit(format!("the newest checkpoints can't be read from {}: {error}", path.display()))
    })?;
    let tally_every = Duration::from_secs(config.proof_tally_secs);
    Ok(ReplicaProof::new(keys, config.public_url.as_ref(), tally_every, known))
}
