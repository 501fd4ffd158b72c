//! One worker's connection to Redis: made when it is first needed, dropped at the first sign that it can't be used any
//! more, and made again by the next call.
//!
//! The driver's own reconnecting manager is not used: it keeps a connection that only times out, and one to a master
//! that has become a replica. Here both end the connection; [`trouble`](super::trouble) lists the other reasons. Behind
//! Sentinel a connection leads to the master in force, and ends when another is, or may be: see
//! [`sentinel`](super::sentinel). A cluster's driver follows moves by itself. If a call to it is not answered, one
//! master may be silent while the others answer: so its connection is used on until a new one, which knows the masters
//! of now, is made in its place.
//!
//! A server that restarts ends its connections, and that shows only when they are used. So a call over a dead
//! connection is sent once more, over a new one: every script is safe to run twice. (A cluster's driver sends again by
//! itself.) Whatever fails, a caller waits at most [`ANSWER_TIMEOUT`].

use std::{
    io,
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, RedisError, RedisResult, Value,
    aio::{ConnectionLike as _, MultiplexedConnection},
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
    cluster_routing::{MultipleNodeRoutingInfo, Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr},
};
use tokio::{sync::Notify, time::timeout};

use super::{
    address::{RedisAddress, Topology, tcp_settings},
    sentinel::{Master, MasterCheck, Sentinels, io_error},
    trouble::{Remedy, Trouble},
};
use crate::{net::outgoing::use_ring, store::StoreError};

/// How long a caller waits for a connection.
const CONNECT_WAIT: Duration = Duration::from_millis(400);
/// How long connecting may take. After [`CONNECT_WAIT`] it goes on for later callers: otherwise a slow handshake would
/// be begun again and again and never end.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one server of a cluster is waited for while connecting.
const NODE_CONNECT_TIMEOUT: Duration = Duration::from_millis(700);
/// How long connecting to a cluster may take. The driver connects to all servers that are named, asks these for the
/// masters, and checks and connects to those: in each of the steps it waits for a silent one for as long as it may.
const CLUSTER_CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a call may take, with waiting for a connection: a reader gets a 503 within a second.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_millis(900);
/// The pause after a failure to connect. Callers wait for it, since the server may be back.
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);
/// The least age of a connection that is dropped because its server is not the right one: a newer one would lead to the
/// same server again.
const RECONNECT_AGE: Duration = Duration::from_secs(1);

/// A worker's connection to Redis.
pub(super) struct Link {
    connector: Arc<Connector>,
}

/// Makes the connection, holds it, and drops it.
struct Connector {
    address: RedisAddress,
    trouble: Arc<Trouble>,
    connecting: Mutex<Connecting>,
    /// Notified when an attempt to connect has ended, either way.
    ended: Notify,
    /// Behind Sentinel. Made with the first connection.
    sentinels: tokio::sync::OnceCell<Arc<Sentinels>>,
}

#[derive(Default)]
struct Connecting {
    current: Option<Connected>,
    made: u64,
    /// One attempt at a time: callers that come meanwhile wait for it.
    is_under_way: bool,
    last_failure: Option<(Instant, RedisError)>,
}

/// The connection in use.
#[derive(Clone)]
struct Connected {
    /// An error on an old connection must not end a new one.
    number: u64,
    made_at: Instant,
    connection: RedisConnection,
    /// What is known of the master of this connection, behind Sentinel.
    master_check: Option<Arc<MasterCheck>>,
}

#[derive(Clone)]
enum RedisConnection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// A link whose trouble is logged together with that of others. Does not connect yet.
    pub(super) fn new(address: RedisAddress, trouble: Arc<Trouble>) -> Self {
        let connector = Connector {
            address,
            trouble,
            connecting: Mutex::default(),
            ended: Notify::new(),
            sentinels: tokio::sync::OnceCell::new(),
        };
        Self { connector: Arc::new(connector) }
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], whatever came instead of a reply.
    pub(super) async fn call(&self, command: &Cmd) -> Result<Value, StoreError> {
        self.try_call(command).await?.map_err(|error| self.connector.trouble.note(error))
    }

    /// Calls a script by its digest. `None` if the server does not know it, and so has not run it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], whatever came instead of a reply.
    pub(super) async fn call_script(&self, command: &Cmd) -> Result<Option<Value>, StoreError> {
        match self.try_call(command).await? {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.code() == Some("NOSCRIPT") => Ok(None),
            Err(error) => Err(self.connector.trouble.note(error)),
        }
    }

    /// The server's reply, or its error.
    async fn try_call(&self, command: &Cmd) -> Result<RedisResult<Value>, StoreError> {
        let began = Instant::now();
        let mut connected = self.connection(began).await?;
        let answer = connected.ask(command, began).await;
        match answer {
            Ok(_) => {
                self.connector.trouble.note_answer();
                Ok(answer)
            }
            Err(error) if self.gives_up(&connected, &error) && !error.is_timeout() => {
                let mut connected = self.connection(began).await?;
                let answer = connected.ask(command, began).await;
                if let Err(error) = &answer {
                    self.gives_up(&connected, error);
                }
                Ok(answer)
            }
            Err(_) => Ok(answer),
        }
    }

    /// Sends a command to every master, of one server or many, and returns their replies.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], whatever came instead of a reply.
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever a cluster says that is no map, one node said")]
    pub(super) async fn call_masters(&self, command: &Cmd) -> Result<Vec<Value>, StoreError> {
        let connected = self.connection(Instant::now()).await?;
        let answer = match connected.connection.clone() {
            RedisConnection::Single(mut connection) => {
                connection.req_packed_command(command).await.map(|value| vec![value])
            }
            RedisConnection::Cluster(mut connection) => {
                let masters = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                connection.route_command(command.clone(), masters).await.map(|answer| match answer {
                    Value::Map(by_node) => by_node.into_iter().map(|(_, value)| value).collect(),
                    other => vec![other],
                })
            }
        };
        let all = answer.and_then(|values| values.into_iter().map(Value::extract_error).collect());
        all.map_err(|error| {
            self.gives_up(&connected, &error);
            self.connector.trouble.note(error)
        })
    }

    /// Sends a command that names no key to the server that has this one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], whatever came instead of a reply.
    pub(super) async fn call_at(&self, key: &str, command: &Cmd) -> Result<Value, StoreError> {
        let began = Instant::now();
        let mut connected = self.connection(began).await?;
        let answer = match connected.connection.clone() {
            RedisConnection::Single(_) => connected.ask(command, began).await,
            RedisConnection::Cluster(mut connection) => {
                let there = SingleNodeRoutingInfo::SpecificNode(Route::with_key(key, SlotAddr::Master));
                let there = RoutingInfo::SingleNode(there);
                connection.route_command(command.clone(), there).await.and_then(Value::extract_error)
            }
        };
        answer.map_err(|error| {
            self.gives_up(&connected, &error);
            self.connector.trouble.note(error)
        })
    }

    /// The master in force, behind Sentinel.
    ///
    /// # Errors
    /// Why it is unknown.
    pub(super) async fn master(&self) -> RedisResult<ConnectionInfo> {
        let master = self.connector.sentinels().await?.master().await?;
        self.connector.info_of(&master)
    }

    /// The reply to this has a type that it never has.
    pub(super) fn no_answer(&self, asked: &str) -> StoreError {
        self.connector.trouble.note_foreign(format!("what came is no answer to {asked}"))
    }

    /// A connection, if there is one in time for a call that began at this moment.
    async fn connection(&self, began: Instant) -> Result<Connected, StoreError> {
        let ended = self.connector.ended.notified();
        {
            let mut connecting = self.connector.connecting.lock();
            if let Some(current) = &connecting.current {
                return Ok(current.clone());
            }
            if !connecting.is_under_way {
                connecting.is_under_way = true;
                let pause =
                    connecting.last_failure.as_ref().map(|(at, _)| RECONNECT_PAUSE.saturating_sub(at.elapsed()));
                tokio::spawn(Arc::clone(&self.connector).connect(pause.unwrap_or_default()));
            }
        }
        // Registered before the lock was released: an attempt that ended since is not missed.
        let wait = CONNECT_WAIT.min(ANSWER_TIMEOUT.saturating_sub(began.elapsed()));
        if timeout(wait, ended).await.is_err() {
            return Err(self.connector.trouble.note(io_error("no connection in time")));
        }
        let connecting = self.connector.connecting.lock();
        connecting.current.clone().ok_or_else(|| {
            let failure = connecting.last_failure.as_ref().map(|(_, failure)| failure.clone());
            self.connector.trouble.note(failure.unwrap_or_else(|| io_error("the connection broke at once")))
        })
    }

    /// Drops a connection if this error says that it can't be used any more, and returns whether it does.
    fn gives_up(&self, connected: &Connected, error: &RedisError) -> bool {
        let is_given_up = match Remedy::of(error, &self.connector.address.topology) {
            Remedy::Reconnect => true,
            Remedy::ReconnectIfOld => connected.made_at.elapsed() >= RECONNECT_AGE,
            Remedy::Replace => {
                self.connector.replace(connected);
                false
            }
            Remedy::Keep => false,
        };
        if is_given_up {
            self.connector.give_up(connected.number);
        }
        is_given_up
    }
}

impl Connected {
    /// A command's reply, if it comes in time for a call that began at this moment, and can be trusted.
    async fn ask(&mut self, command: &Cmd, began: Instant) -> RedisResult<Value> {
        let answer = async {
            let answer = match &mut self.connection {
                RedisConnection::Single(connection) => connection.req_packed_command(command).await,
                RedisConnection::Cluster(connection) => connection.req_packed_command(command).await,
            };
            let answer = answer.and_then(Value::extract_error)?;
            if let Some(master_check) = &self.master_check {
                master_check.trust(began).await?;
            }
            Ok(answer)
        };
        let too_late = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "no answer came in time").into());
        timeout(ANSWER_TIMEOUT.saturating_sub(began.elapsed()), answer).await.unwrap_or_else(too_late)
    }
}

impl Connector {
    fn give_up(&self, number: u64) {
        let mut connecting = self.connecting.lock();
        if connecting.current.as_ref().is_some_and(|in_use| in_use.number == number) {
            connecting.current = None;
        }
    }

    /// Begins to make a connection in place of this one, which is used on until it is there.
    fn replace(self: &Arc<Self>, connected: &Connected) {
        let mut connecting = self.connecting.lock();
        let is_in_use = connecting.current.as_ref().is_some_and(|in_use| in_use.number == connected.number);
        if is_in_use && !connecting.is_under_way && connected.made_at.elapsed() >= RECONNECT_AGE {
            connecting.is_under_way = true;
            tokio::spawn(Arc::clone(self).connect(Duration::ZERO));
        }
    }

    /// The connection in use, if it still has this number.
    fn if_in_use(&self, number: u64) -> Option<Connected> {
        self.connecting.lock().current.clone().filter(|in_use| in_use.number == number)
    }

    async fn sentinels(&self) -> RedisResult<&Arc<Sentinels>> {
        prepare_tls(&self.address);
        self.sentinels.get_or_try_init(async || Sentinels::of(&self.address).map(Arc::new)).await
    }

    fn info_of(&self, master: &Master) -> RedisResult<ConnectionInfo> {
        let (host, port) = &master.host_port;
        self.address.connection_info(host, *port)
    }

    /// Makes a connection after a pause, and wakes those who wait for it.
    async fn connect(self: Arc<Self>, pause: Duration) {
        tokio::time::sleep(pause).await;
        // A panic must not leave the attempt under way for ever.
        let making = AssertUnwindSafe(self.make_connection()).catch_unwind();
        let making = async { making.await.unwrap_or_else(|_| Err(io_error("connecting has panicked"))) };
        let connected = timeout(connect_timeout(&self.address), making).await;
        let mut connecting = self.connecting.lock();
        connecting.is_under_way = false;
        match connected.unwrap_or_else(|too_late| Err(io::Error::from(too_late).into())) {
            Ok((connection, master_check)) => {
                connecting.made += 1;
                let (number, made_at) = (connecting.made, Instant::now());
                if let Some(master_check) = &master_check {
                    let guard = || ConnectionGuard { connector: Arc::downgrade(&self), number };
                    tokio::spawn(watch(guard(), Arc::clone(master_check)));
                    tokio::spawn(keep_alive(guard(), master_check.ping_every()));
                }
                connecting.current = Some(Connected { number, made_at, connection, master_check });
                connecting.last_failure = None;
            }
            // One that was to be replaced is used on: it may serve other masters of a cluster.
            Err(failure) => connecting.last_failure = Some((Instant::now(), failure)),
        }
        self.ended.notify_waiters();
    }

    async fn make_connection(&self) -> RedisResult<(RedisConnection, Option<Arc<MasterCheck>>)> {
        prepare_tls(&self.address);
        match &self.address.topology {
            Topology::Single => {
                let first = self.address.connection_infos()?.into_iter().next();
                let first = first.ok_or((ErrorKind::InvalidClientConfig, "no node named"))?;
                Ok((RedisConnection::Single(connect_to(first).await?), None))
            }
            Topology::Sentinel(_) => {
                let (connection, master_check) = self.connect_to_master().await?;
                Ok((RedisConnection::Single(connection), Some(Arc::new(master_check))))
            }
            Topology::Cluster => {
                let connection = cluster_builder(&self.address)?.build()?.get_async_connection().await?;
                Ok((RedisConnection::Cluster(connection), None))
            }
        }
    }

    /// Connects to the master that the Sentinels name, and asks both the server and them whether it is one, before the
    /// connection is used.
    async fn connect_to_master(&self) -> RedisResult<(MultiplexedConnection, MasterCheck)> {
        let sentinels = self.sentinels().await?;
        let master = sentinels.master().await?;
        let mut connection = connect_to(self.info_of(&master)?).await?;
        let reply: Vec<Value> = redis::cmd("ROLE").query_async(&mut connection).await?;
        let role: Option<String> = reply.into_iter().next().map(redis::from_redis_value).transpose()?;
        if role.as_deref() != Some("master") {
            return Err(io_error("the server that the Sentinels name is a replica, which takes no writes"));
        }
        let asked = Instant::now();
        if sentinels.master().await? != master {
            return Err(io_error("the Sentinels have put another master in place"));
        }
        Ok((connection, MasterCheck::new(Arc::clone(sentinels), &master, asked)))
    }
}

/// Drops a connection when it is dropped itself: a connection without its watching task must not be used.
struct ConnectionGuard {
    connector: Weak<Connector>,
    number: u64,
}

impl ConnectionGuard {
    fn if_in_use(&self) -> Option<Connected> {
        self.connector.upgrade()?.if_in_use(self.number)
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        if let Some(connector) = self.connector.upgrade() {
            connector.give_up(self.number);
        }
    }
}

/// Drops a connection once the Sentinels name another master than its own.
async fn watch(connection: ConnectionGuard, master_check: Arc<MasterCheck>) {
    loop {
        master_check.wait_for_next_check().await;
        if connection.if_in_use().is_none() {
            return;
        }
        if master_check.is_deposed().await {
            tracing::info!("the Sentinels name another master; connecting to that one");
            return;
        }
    }
}

/// Pings a master regularly, and drops the connection when there is no reply.
async fn keep_alive(connection: ConnectionGuard, every: Duration) {
    let mut ping = Cmd::new();
    ping.arg("PING");
    loop {
        tokio::time::sleep(every).await;
        let Some(mut connected) = connection.if_in_use() else { return };
        // A server that refuses is there.
        if connected.ask(&ping, Instant::now()).await.is_err_and(|error| error.code().is_none()) {
            return;
        }
    }
}

async fn connect_to(server: ConnectionInfo) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(ANSWER_TIMEOUT));
    Client::open(server)?.get_multiplexed_async_connection_with_config(&config).await
}

/// How long connecting may take.
pub(super) fn connect_timeout(address: &RedisAddress) -> Duration {
    match address.topology {
        Topology::Single | Topology::Sentinel(_) => CONNECT_TIMEOUT,
        Topology::Cluster => CLUSTER_CONNECT_TIMEOUT,
    }
}

pub(super) fn prepare_tls(address: &RedisAddress) {
    if address.is_tls {
        use_ring();
    }
}

/// What every connection to a cluster is made with.
pub(super) fn cluster_builder(address: &RedisAddress) -> RedisResult<ClusterClientBuilder> {
    // The driver's own defaults would wait for seconds to minutes: no timeout, and 16 retries from 1.28 s up.
    Ok(ClusterClientBuilder::new(address.connection_infos()?)
        .connection_timeout(NODE_CONNECT_TIMEOUT)
        .response_timeout(ANSWER_TIMEOUT)
        .overall_response_timeout(Some(ANSWER_TIMEOUT))
        .retries(4)
        .min_retry_wait(10)
        .max_retry_wait(100)
        .tcp_settings(tcp_settings()))
}
