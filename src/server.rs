//! Wires everything, binds, becomes ready, serves and drains.
//!
//! A replica listens before it has reached its store, so that a probe sees at once that it lives; it is ready once the
//! store has answered and was found fit. On SIGTERM it is no longer ready, keeps answering for `drain_secs` while load
//! balancers notice, then takes no more connections, answers what is in flight and ends. A ballot in flight is answered
//! only once its batch is committed, so this also flushes batches. SIGINT skips the drain: a person who presses Ctrl-C
//! is not behind a load balancer. A second signal ends it at once.

mod admin_key;
mod background;
mod bounds;
mod parts;

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
    clock::Clock,
    config::Config,
    descriptors,
    http::{
        self, DemoPages, Observe,
        connections::{CountedConnection, WorkerConnections},
        unparsed,
    },
    publishing::make_link,
    secret::Secret,
    store::{StoreError, StoreSettings, Stores},
    supervisor::TaskEnded,
    telemetry::{Metrics, MetricsFormat},
};
use admin_key::{admin_key, keep_admin_key};
use bounds::Bounds;
use parts::ReplicaParts;

/// How long a connection may take to send a request's head.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long a connection is read on after a request that was answered before its body had come: a client that is still
/// sending then gets the answer and not a reset.
const LINGER: Duration = Duration::from_secs(1);
/// How long an idle connection is kept: longer than load balancers keep theirs (60 s is common), so that they close
/// first and never send a request into a connection that is being closed.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How much of a long answer may wait for a slow reader. Above that, an export pauses.
const WRITE_BUFFER: usize = 8 * 1024;
/// How long a client may take no bytes before the system closes its connection.
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
    // Views counted in the last second are not written yet.
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
                data.insert(connection.handle());
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
