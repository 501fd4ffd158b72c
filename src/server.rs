//! Wires everything, binds, becomes ready, serves and drains.
//!
//! A replica listens before it has reached its store, so that a probe sees at once that it lives; it is ready once the
//! store has answered and was found fit. On SIGTERM it is no longer ready, keeps answering for `drain_secs` while load
//! balancers notice, then takes no more connections, answers what is in flight and ends. A ballot in flight is answered
//! only once its batch is committed, so this also flushes batches. SIGINT skips the drain: a person who presses Ctrl-C
//! is not behind a load balancer. A second signal ends it at once.

mod background;

use std::{
    future::ready,
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_http::{HttpService, error::DispatchError};
use actix_server::Server;
use actix_service::{ServiceFactoryExt as _, fn_service, map_config};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::AppConfig, http::header, rt, web};
use futures_util::TryFutureExt as _;
use tokio::net::{TcpSocket, TcpStream};

use crate::{
    cli::EXIT_CONFIG,
    client::ClientRule,
    clock::Clock,
    config::Config,
    descriptors,
    events::EventFeed,
    http::{
        self, DemoPages, Observe, ReplicaState, Worker,
        connections::{Connections, CountedConnection, WorkerConnections},
        request_log::RequestLog,
        unparsed,
    },
    integrity::{HostingRanges, Integrity, watch::Detectors},
    live::{Hub, StreamLimiter},
    oidc::IdentityProvider,
    proof::{KnownCheckpoints, LogKeys, ReplicaProof, TransparencyLog},
    publishing::{Publishing, make_link},
    quota::{ConcurrencyLimits, QuotaLimiter, local::Uptime},
    secret::{KeyHash, Secret},
    store::{StoreError, StoreSettings, Stores},
    supervisor::TaskEnded,
    telemetry::{Metrics, MetricsFormat},
    views::{ReplicaViews, ViewCounts, ViewWriter, Viewing},
    voter::{TokenKeys, WorkKeys},
    voting::{ReplicaVoting, Voting},
    webhooks::Dispatcher,
    wire::PositionKeys,
};

/// How long a connection may take to send a request's head.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long a connection whose request was answered before its body had come is read on, so that a client that is still
/// sending gets the answer and not a reset.
const LINGER: Duration = Duration::from_secs(1);
/// How long an idle connection is kept: longer than load balancers keep theirs (60 s is common), so that they close
/// first and never send a request into a connection that is being closed.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How much of a long answer waits for a slow reader: an export goes on only below that.
const WRITE_BUFFER: usize = 8 * 1024;
/// How long a connection may take no bytes.
const TAKES_NOTHING: Duration = Duration::from_secs(20);
/// How long the store may take for the last views when the replica ends.
const LAST_WRITE: Duration = Duration::from_secs(2);
/// How long workers may still hold the embedded store when the replica ends.
const STORE_HELD: Duration = Duration::from_secs(2);
/// The least number of connections beyond the limit that may wait to be closed.
const MOST_CLOSING: usize = 32;
/// Connections that wait to be accepted; the system caps it at `net.core.somaxconn`.
const BACKLOG: u32 = 4_096;

/// Where a replica listens. With port 0 in the settings, the system has chosen the port.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// For readers and publishers.
    pub listen: SocketAddr,
    /// For operators.
    pub ops_listen: Option<SocketAddr>,
    /// What signs an editor in to a demo's newsroom, once: an address.
    pub newsroom: Option<String>,
}

/// Why a replica could not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address is taken, or not ours.
    #[error("can't listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The store can't be opened, or must not be used as it is configured.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A background task ended that the replica can't go on without.
    #[error(transparent)]
    Task(#[from] TaskEnded),
    /// The server ended by itself.
    #[error("the server failed: {0}")]
    Serve(#[from] io::Error),
}

impl ServeError {
    /// What the process exits with: [`EXIT_CONFIG`] if starting again would not help, because the store must be
    /// configured otherwise, or mended; else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Store(StoreError::Unfit(_) | StoreError::Damaged(_)) => EXIT_CONFIG,
            Self::Store(StoreError::Unavailable(_) | StoreError::Overloaded | StoreError::Corrupt(_))
            | Self::Bind { .. }
            | Self::Task(_)
            | Self::Serve(_) => 1,
        }
    }
}

/// Serves until told to stop, with a demo's pages if there are any. Calls `announce` once, on the server's own runtime,
/// when it listens.
///
/// # Errors
/// Why it could not start or go on.
pub fn run(
    config: &Config,
    demo_pages: Option<Arc<DemoPages>>,
    announce: impl FnOnce(Addresses),
) -> Result<(), ServeError> {
    let clock = Clock::default();
    let settings = StoreSettings {
        address: config.store.clone(),
        partitions: config.partitions,
        allow_eviction: config.allow_eviction,
    };
    let stores = Stores::open(&settings, clock.clone())?;
    let (admin_key, made) = admin_key(config, &stores)?;
    let bounds = Bounds::within(config, descriptors::raise_limit());
    let parts = ReplicaParts::new(config, stores.clone(), bounds, admin_key, demo_pages, clock)?;
    let served = rt::System::new().block_on(serve(config, &parts, made, announce));
    stores.close(STORE_HELD);
    served
}

/// How many connections there may be, and how many of them streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    connections: ConcurrencyLimits,
    streams: ConcurrencyLimits,
}

impl Bounds {
    /// The limits that are set, or lower ones if fewer files may be open; that is logged.
    fn within(config: &Config, descriptors: usize) -> Self {
        let bounds = Self::lowered(config, descriptors);
        let (connections, streams) = (bounds.connections.in_all, bounds.streams.in_all);
        if bounds != Self::lowered(config, usize::MAX) {
            tracing::warn!(
                descriptors,
                connections,
                streams,
                "there can't be as many connections and streams as are set, but only {connections} and {streams}: raise \
                 the limit on open files (LimitNOFILE, ulimit -Hn), which is {descriptors}, or set fewer"
            );
        }
        bounds
    }

    fn lowered(config: &Config, descriptors: usize) -> Self {
        // For the store, operators, files, and connections that are being closed.
        let kept_free = 64 + 16 * config.workers + descriptors / 16;
        let connections = config.connections.in_all.min(descriptors.saturating_sub(kept_free).max(1));
        let streams = config.streams.in_all.min(connections - connections / 4);
        Self {
            connections: ConcurrencyLimits { in_all: connections, ..config.connections },
            streams: ConcurrencyLimits { in_all: streams, ..config.streams },
        }
    }
}

/// What a replica is made of.
#[derive(Clone)]
struct ReplicaParts {
    stores: Stores,
    hub: Arc<Hub>,
    admin_key: KeyHash,
    shared: Arc<ReplicaState>,
    views: ReplicaViews,
    view_writer: Arc<ViewWriter>,
    /// For how many days events are kept.
    events_days: u32,
    hosting: HostingRanges,
    dispatcher: Arc<Dispatcher>,
    detectors: Arc<Detectors>,
    proof: Arc<ReplicaProof>,
}

impl ReplicaParts {
    fn new(
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
        // What is left of a quota is shared through the store, if there are other replicas.
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
        let view_writer = Arc::new(ViewWriter::new(Arc::clone(&view_counts), Arc::clone(&metrics)));
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

    /// A worker on a store connection of its own.
    fn worker(&self) -> Worker {
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
        let publishing = Publishing::new(Arc::clone(voting.store()), hub, clock, self.admin_key, signal);
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

/// The embedded store's name for the admin key's hash.
const ADMIN_KEY_HASH: &str = "admin_key_hash";

/// The admin key's hash, and the key itself if it was made now: it must be [kept](keep_admin_key).
fn admin_key(config: &Config, stores: &Stores) -> Result<(KeyHash, Option<Secret>), StoreError> {
    if let Some(key) = &config.admin_key {
        return Ok((KeyHash::of(key.expose()), None));
    }
    if let Some(hash) = stores.secret(ADMIN_KEY_HASH)? {
        let hash = KeyHash::from_hex(hash.expose());
        return Ok((hash.ok_or_else(|| StoreError::Corrupt("the admin key's hash".to_owned()))?, None));
    }
    let made = Secret::generate();
    Ok((KeyHash::of(made.expose()), Some(made)))
}

/// Keeps the hash of a new admin key, and prints the key, this once. This happens only when the replica listens: a
/// start that fails earlier has printed no key, and the next start makes one.
fn keep_admin_key(stores: &Stores, key: &Secret) -> Result<(), StoreError> {
    let (_, is_kept) = stores.kept_secret(ADMIN_KEY_HASH, || Secret::new(KeyHash::of(key.expose()).to_hex()))?;
    if !is_kept {
        return Err(StoreError::Unfit(
            "another process has made this file's admin key meanwhile; start again".to_owned(),
        ));
    }
    // Not in the log, which is kept and sent on. If nobody reads it, SAWT_ADMIN_KEY sets another key.
    let _ = writeln!(io::stdout(), "The admin key, shown this once: {}", key.expose());
    Ok(())
}

/// An address that signs in to the newsroom once, for the operator who reads it; `None` if there is no newsroom.
async fn newsroom_link(parts: &ReplicaParts, listen: SocketAddr) -> Result<Option<String>, StoreError> {
    let Some(newsroom) = &parts.shared.newsroom else { return Ok(None) };
    let here = || {
        let is_every = listen.ip().is_unspecified();
        let host = if is_every { SocketAddr::from((Ipv4Addr::LOCALHOST, listen.port())) } else { listen };
        format!("http://{host}")
    };
    let base = newsroom.base.as_ref().map_or_else(here, ToString::to_string);
    let link = make_link(&*parts.stores.connect(), parts.admin_key).await?;
    Ok(Some(format!("{base}/newsroom/sign-in?link={}", link.expose())))
}

async fn serve(
    config: &Config,
    parts: &ReplicaParts,
    made_admin_key: Option<Secret>,
    announce: impl FnOnce(Addresses),
) -> Result<(), ServeError> {
    let shared = &parts.shared;
    let (server, listen) = readers_server(config, parts.clone())?;
    let (ops_server, ops_listen) = match config.ops_listen {
        Some(address) => {
            let (server, listen) = ops_server(address, Arc::clone(&shared.metrics))?;
            (Some(server), Some(listen))
        }
        None => (None, None),
    };
    if let Some(key) = made_admin_key {
        keep_admin_key(&parts.stores, &key)?;
        if let Some(link) = newsroom_link(parts, listen).await? {
            let _ = writeln!(io::stdout(), "Open the newsroom: {link}");
        }
    }
    let newsroom = if shared.demo_pages.is_some() { newsroom_link(parts, listen).await? } else { None };
    let handle = server.handle();
    let addresses = Addresses { listen, ops_listen, newsroom };
    let ops_address = ops_listen.map(|address| address.to_string()).unwrap_or_default();
    tracing::info!(address = %listen, ops_address, store = %config.store, workers = config.workers, "listening");
    announce(addresses);

    let stopping = background::stop_on_signal(handle, Arc::clone(shared), Duration::from_secs(config.drain_secs));
    let tasks = background::tasks(parts).once("signals", stopping);
    let tasks = match ops_server {
        Some(ops_server) => tasks.require("operators' server", ops_server.map_err(ServeError::from)),
        None => tasks,
    };
    tokio::select! {
        served = server => served?,
        // The server is not stopped here: it would end first, and without an error. It ends with this runtime.
        error = tasks.run() => return Err(error),
    }
    // What was counted in the last second.
    let writing = async { parts.view_writer.write(&*parts.stores.connect()).await };
    if rt::time::timeout(LAST_WRITE, writing).await.is_err() {
        tracing::warn!("the store did not take the last views in time; they are lost");
    }
    shared.request_log.sum_up();
    tracing::info!("stopped");
    Ok(())
}

/// Built from the framework's parts, since its own server takes plain sockets only.
fn readers_server(config: &Config, parts: ReplicaParts) -> Result<(Server, SocketAddr), ServeError> {
    let of_all = Arc::clone(&parts.shared);
    let application = move || {
        let is_demo = parts.shared.demo_pages.is_some();
        App::new()
            .wrap(Observe::new(Arc::clone(&parts.shared)))
            .app_data(web::Data::new(parts.worker()))
            .configure(|cfg| {
                if is_demo {
                    http::configure_demo(cfg);
                }
            })
            .configure(http::configure)
            // Last: the router tries its lines in order, and readers' requests are by far the most.
            .configure(|cfg| {
                if let Some(newsroom) = &parts.shared.newsroom {
                    http::configure_newsroom(cfg, newsroom);
                }
            })
    };
    let bind = |source| ServeError::Bind { address: config.listen, source };
    let listener = listen(config.listen).map_err(bind)?;
    let listen = listener.local_addr().map_err(bind)?;
    // Connections beyond the limit are closed by a worker, and wait for it until then. There may be no more than there
    // may be open files.
    let most = of_all.connections.most();
    let most_waiting = (most + most / 16 + MOST_CLOSING).div_ceil(config.workers);
    let server = Server::build()
        .workers(config.workers)
        .max_concurrent_connections(most_waiting)
        .shutdown_timeout(config.shutdown_secs)
        .disable_signals();
    let draining = server.graceful_shutdown_signal();
    let server = server.listen("readers", listener, move || {
        let draining = draining.clone();
        let protocol = HttpService::build()
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_LIMIT)
            .client_disconnect_timeout(LINGER)
            .h1_allow_half_closed(false)
            .h1_write_buffer_size(WRITE_BUFFER)
            .local_addr(listen)
            .on_connect_ext(|connection: &CountedConnection, data| {
                data.insert(connection.handover());
            })
            .graceful_shutdown_signal(move || {
                let draining = draining.clone();
                async move { draining.notified().await }
            })
            .finish(map_config(application(), |()| AppConfig::default()));
        let answer_override = unparsed::as_problems(Arc::clone(&of_all));
        let connections = Rc::new(WorkerConnections::new(&of_all.connections, answer_override));
        let accept = move |socket| {
            drop_who_takes_nothing(&socket);
            // Dropping closes it; nobody sees the error.
            ready(connections.accept(socket).ok_or(DispatchError::InternalError))
        };
        fn_service(accept).and_then(protocol)
    });
    Ok((server.map_err(bind)?.run(), listen))
}

/// A listener with room for [`BACKLOG`] connections that wait.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A replica that starts again does not wait until the last connections of the one before are forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Makes the system end a connection that has taken nothing for [`TAKES_NOTHING`]: its reader is gone, or as good as.
fn drop_who_takes_nothing(connection: &TcpStream) {
    // If the system can't, it gives up in its own time.
    let _ = socket2::SockRef::from(connection).set_tcp_user_timeout(Some(TAKES_NOTHING));
}

fn ops_server(address: SocketAddr, metrics: Arc<Metrics>) -> Result<(Server, SocketAddr), ServeError> {
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::from(Arc::clone(&metrics))).route("/metrics", web::get().to(show_metrics))
    })
    .workers(1)
    .shutdown_timeout(1)
    .disable_signals()
    .bind(address)
    .map_err(|source| ServeError::Bind { address, source })?;
    let listen = server.addrs().first().copied().unwrap_or(address);
    Ok((server.run(), listen))
}

async fn show_metrics(req: HttpRequest, metrics: web::Data<Metrics>) -> HttpResponse {
    let accept = req.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let format = MetricsFormat::accepted(accept);
    HttpResponse::Ok()
        .insert_header((header::VARY, "Accept"))
        .content_type(format.content_type())
        .body(metrics.encode(format))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fewer_connections_than_files_and_fewer_streams_than_connections() {
        let mut config = Config::default();
        config.workers = 2;
        let bounds = |descriptors| {
            let Bounds { connections, streams } = Bounds::lowered(&config, descriptors);
            (connections.in_all, streams.in_all)
        };
        assert_eq!(bounds(1_048_576), (30_000, 20_000));
        assert_eq!(bounds(usize::MAX), (30_000, 20_000));
        assert_eq!(bounds(1_024), (864, 648));
        assert_eq!(bounds(0), (1, 1));
    }
}
