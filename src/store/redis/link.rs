//! One worker's connection to Redis: made when it is first needed, given up at the first sign of trouble, made again
//! by whoever needs it next.
//!
//! The driver's own reconnecting manager is not used: it stays on a connection that only times out, and on a master
//! that has become a replica. Here both are signs of trouble. With Sentinel every new connection asks the Sentinels
//! anew who the master is, and goes on asking ([`WATCH`]): a master that was deposed while it was cut off takes writes
//! for a while that are lost when it comes back. A cluster's driver follows moves by itself; it too is given up when it
//! stops answering.
//!
//! Nothing here sends a command twice. (A cluster's driver does; every script is safe against that.) Whatever goes
//! wrong, a caller waits [`ANSWER`] at the longest.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, RedisError, RedisResult, Value,
    aio::{ConnectionLike as _, MultiplexedConnection},
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
    cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo},
    sentinel::{SentinelClientBuilder, SentinelServerType},
};
use tokio::sync::Notify;

use super::address::{RedisAddress, Topology, tcp_settings};
use crate::store::StoreError;

/// How long a caller waits for a connection to be made.
const CONNECT: Duration = Duration::from_millis(400);
/// How long making one may take in all: past [`CONNECT`] it goes on for the callers to come, or a slow handshake would
/// be begun over and over and never end.
pub(super) const CONNECT_IN_ALL: Duration = Duration::from_secs(2);
/// How long a call may take in all, waiting for a connection included: a reader gets a 503 within a second.
pub(super) const ANSWER: Duration = Duration::from_millis(900);
/// How long a failure to connect is believed before it is tried again.
const REST: Duration = Duration::from_millis(50);

/// How often the Sentinels are asked whether the master in use still is one.
const WATCH: Duration = Duration::from_millis(500);

/// A worker's way to Redis.
pub(super) struct Link {
    address: RedisAddress,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    connecting: Mutex<Connecting>,
    /// Told when an attempt to connect has ended, either way.
    ended: Notify,
}

#[derive(Default)]
struct Connecting {
    /// The connection in use and its number, so that the trouble of an old one does not end a new one.
    current: Option<(u64, Connection)>,
    made: u64,
    /// One attempt at a time: those who come meanwhile wait for that one.
    is_under_way: bool,
    last_failure: Option<(Instant, Arc<str>)>,
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    pub(super) fn new(address: RedisAddress) -> Self {
        Self { address, state: Arc::default() }
    }

    /// Sends a command and waits for the answer, an error of the server's included.
    pub(super) async fn call(&self, command: &Cmd) -> Result<RedisResult<Value>, StoreError> {
        let asked = Instant::now();
        let (number, mut connection) = self.connection().await?;
        let answer = async {
            match &mut connection {
                Connection::Single(connection) => connection.req_packed_command(command).await,
                Connection::Cluster(connection) => connection.req_packed_command(command).await,
            }
        };
        let Ok(answer) = tokio::time::timeout(ANSWER.saturating_sub(asked.elapsed()), answer).await else {
            self.give_up(number);
            return Err(StoreError::unavailable("no answer came in time"));
        };
        match answer.and_then(Value::extract_error) {
            Err(error) if is_trouble(&error) => {
                self.give_up(number);
                Err(StoreError::unavailable(error))
            }
            answer => Ok(answer),
        }
    }

    /// Sends a command to every master, one server or many, and gives their answers.
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever a cluster says that is no map, one node said")]
    pub(super) async fn call_masters(&self, command: &Cmd) -> Result<Vec<Value>, StoreError> {
        let (number, mut connection) = self.connection().await?;
        let answer = match &mut connection {
            Connection::Single(connection) => connection.req_packed_command(command).await.map(|value| vec![value]),
            Connection::Cluster(connection) => {
                let masters = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                connection.route_command(command.clone(), masters).await.map(|answer| match answer {
                    Value::Map(by_node) => by_node.into_iter().map(|(_, value)| value).collect(),
                    other => vec![other],
                })
            }
        };
        let all = answer.and_then(|values| values.into_iter().map(Value::extract_error).collect());
        all.map_err(|error| {
            self.give_up(number);
            StoreError::unavailable(error)
        })
    }

    async fn connection(&self) -> Result<(u64, Connection), StoreError> {
        let ended = self.state.ended.notified();
        {
            let mut connecting = self.state.lock();
            if let Some(current) = &connecting.current {
                return Ok(current.clone());
            }
            if !connecting.is_under_way {
                if let Some((failed_at, failure)) = &connecting.last_failure
                    && failed_at.elapsed() < REST
                {
                    return Err(StoreError::unavailable(failure.to_string()));
                }
                connecting.is_under_way = true;
                let (address, state) = (self.address.clone(), Arc::clone(&self.state));
                tokio::spawn(async move { state.connect(address).await });
            }
        }
        // Registered before the lock was let go, so an attempt that ended since is not missed.
        tokio::time::timeout(CONNECT, ended).await.map_err(StoreError::unavailable)?;
        let connecting = self.state.lock();
        connecting.current.clone().ok_or_else(|| {
            let failure =
                connecting.last_failure.as_ref().map_or("the connection broke at once", |(_, failure)| failure);
            StoreError::unavailable(failure)
        })
    }

    fn give_up(&self, number: u64) {
        self.state.give_up(number);
    }
}

impl State {
    fn give_up(&self, number: u64) {
        let mut connecting = self.lock();
        if connecting.current.as_ref().is_some_and(|(in_use, _)| *in_use == number) {
            connecting.current = None;
        }
    }

    fn is_in_use(&self, number: u64) -> bool {
        self.lock().current.as_ref().is_some_and(|(in_use, _)| *in_use == number)
    }

    fn lock(&self) -> MutexGuard<'_, Connecting> {
        self.connecting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(self: Arc<Self>, address: RedisAddress) {
        let connected = tokio::time::timeout(CONNECT_IN_ALL, connect(&address)).await;
        let mut connecting = self.lock();
        connecting.is_under_way = false;
        let failure: Arc<str> = match connected {
            Ok(Ok((connection, master))) => {
                connecting.made += 1;
                connecting.current = Some((connecting.made, connection));
                connecting.last_failure = None;
                if let Some(master) = master {
                    tokio::spawn(watch(Arc::downgrade(&self), connecting.made, address, master));
                }
                return self.ended.notify_waiters();
            }
            Ok(Err(error)) => error.to_string().into(),
            Err(too_late) => too_late.to_string().into(),
        };
        connecting.last_failure = Some((Instant::now(), failure));
        self.ended.notify_waiters();
    }
}

/// Whether an error says that the connection is of no more use: it broke, it does not answer, or the server at its end
/// is not a master that takes writes (any more, or yet).
fn is_trouble(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
        || matches!(
            error.code(),
            Some("READONLY" | "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "MISCONF" | "NOREPLICAS" | "TRYAGAIN" | "OOM")
        )
        // What the driver says when it has no connection, rather than what a server answered.
        || error.code().is_none()
}

/// Gives a connection up once the Sentinels name another master than the one it leads to.
async fn watch(state: Weak<State>, number: u64, address: RedisAddress, master: ConnectionAddr) {
    let Topology::Sentinel(name) = &address.topology else { return };
    loop {
        tokio::time::sleep(WATCH).await;
        if !state.upgrade().is_some_and(|state| state.is_in_use(number)) {
            return;
        }
        let named = async {
            let mut sentinel = sentinel_client(&address, name)?.build()?;
            sentinel.async_get_client().await
        };
        // Sentinels that can't be asked depose nobody.
        let Ok(Ok(client)) = tokio::time::timeout(CONNECT_IN_ALL, named).await else { continue };
        if *client.get_connection_info().addr() != master {
            tracing::info!("the Sentinels name another master; connecting to that one");
            if let Some(state) = state.upgrade() {
                state.give_up(number);
            }
            return;
        }
    }
}

/// Connects; with Sentinel, to the master that is named as well.
async fn connect(address: &RedisAddress) -> RedisResult<(Connection, Option<ConnectionAddr>)> {
    prepare_tls(address);
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_IN_ALL)).set_response_timeout(Some(ANSWER));
    match &address.topology {
        Topology::Single => {
            let first = address.connection_infos()?.into_iter().next();
            let info =
                first.ok_or_else(|| RedisError::from((redis::ErrorKind::InvalidClientConfig, "no node named")))?;
            let connection = Client::open(info)?.get_multiplexed_async_connection_with_config(&config).await?;
            Ok((Connection::Single(connection), None))
        }
        Topology::Sentinel(name) => {
            let mut sentinel = sentinel_client(address, name)?.build()?;
            let master = sentinel.async_get_client().await?;
            let connection = master.get_multiplexed_async_connection_with_config(&config).await?;
            Ok((Connection::Single(connection), Some(master.get_connection_info().addr().clone())))
        }
        Topology::Cluster => {
            let connection = cluster_builder(address)?.build()?.get_async_connection().await?;
            Ok((Connection::Cluster(connection), None))
        }
    }
}

/// TLS is ring's; whoever comes first installs it.
pub(super) fn prepare_tls(address: &RedisAddress) {
    if address.is_tls {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

pub(super) fn sentinel_client(address: &RedisAddress, name: &str) -> RedisResult<SentinelClientBuilder> {
    let nodes = address.connection_infos()?.into_iter().map(|info| info.addr().clone());
    let mut builder = SentinelClientBuilder::new(nodes, name, SentinelServerType::Master)?
        .set_client_to_redis_db(address.database)
        .set_client_to_redis_tcp_settings(tcp_settings());
    if address.is_tls {
        builder = builder.set_client_to_redis_tls_mode(redis::TlsMode::Secure);
    }
    let (username, password) = address.login();
    if let Some(username) = username {
        builder = builder.set_client_to_redis_username(username);
    }
    if let Some(password) = password {
        builder = builder.set_client_to_redis_password(password);
    }
    Ok(builder)
}

/// What every connection to a cluster is made with.
pub(super) fn cluster_builder(address: &RedisAddress) -> RedisResult<ClusterClientBuilder> {
    // The driver's own defaults would wait for seconds to minutes: no timeout, and 16 retries from 1.28 s up.
    Ok(ClusterClientBuilder::new(address.connection_infos()?)
        .connection_timeout(CONNECT_IN_ALL)
        .response_timeout(ANSWER)
        .overall_response_timeout(Some(ANSWER))
        .retries(4)
        .min_retry_wait(10)
        .max_retry_wait(100)
        .tcp_settings(tcp_settings()))
}
