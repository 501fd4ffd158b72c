//! One worker's connection to Redis: made when it is first needed, given up at the first sign that it is of no more use,
//! made again by whoever needs it next.
//!
//! The driver's own reconnecting manager is not used: it stays on a connection that only times out, and on a master
//! that has become a replica. Here both are signs that it is of no more use; which others are, is told in
//! [`trouble`](super::trouble). Behind Sentinel a connection leads to the master in force, and is given up when that is
//! another, or may be: see [`sentinel`](super::sentinel). A cluster's driver follows moves by itself; it too is given up
//! when it stops answering.
//!
//! A server that is restarted ends its connections, and nobody notices until they are used. So a call whose connection
//! turns out to be dead is sent once more, over a new one: every script is safe to run twice. (A cluster's driver sends
//! again by itself.) Whatever goes wrong, a caller waits [`ANSWER`] at the longest.

use std::{
    io,
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use parking_lot::{Mutex, MutexGuard};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, RedisError, RedisResult, Value,
    aio::{ConnectionLike as _, MultiplexedConnection},
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
    cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo},
};
use tokio::{sync::Notify, time::timeout};

use super::{
    address::{RedisAddress, Topology, tcp_settings},
    sentinel::{Named, Sentinels, Standing, unclear},
    trouble::{Remedy, Trouble},
};
use crate::store::StoreError;

/// How long a caller waits for a connection to be made.
const CONNECT: Duration = Duration::from_millis(400);
/// How long making one may take in all: past [`CONNECT`] it goes on for the callers to come, or a slow handshake would
/// be begun over and over and never end.
pub(super) const CONNECT_IN_ALL: Duration = Duration::from_secs(2);
/// How long a call may take in all, waiting for a connection included: a reader gets a 503 within a second.
pub(super) const ANSWER: Duration = Duration::from_millis(900);
/// How long after a failure to connect it is tried again. Callers wait for that, since the server may be back.
const REST: Duration = Duration::from_millis(50);
/// How old a connection must be to be given up because its server is not the one to ask: a newer one would lead to the
/// same server again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A worker's way to Redis.
pub(super) struct Link {
    state: Arc<State>,
}

struct State {
    address: RedisAddress,
    trouble: Arc<Trouble>,
    connecting: Mutex<Connecting>,
    /// Told when an attempt to connect has ended, either way.
    ended: Notify,
    /// Behind Sentinel. Made with the first connection.
    sentinels: tokio::sync::OnceCell<Arc<Sentinels>>,
}

#[derive(Default)]
struct Connecting {
    current: Option<Connected>,
    made: u64,
    /// One attempt at a time: those who come meanwhile wait for that one.
    is_under_way: bool,
    last_failure: Option<(Instant, RedisError)>,
}

/// The connection in use.
#[derive(Clone)]
struct Connected {
    /// So that the trouble of an old one does not end a new one.
    number: u64,
    made_at: Instant,
    connection: Connection,
    /// What is known of the master at its end, behind Sentinel.
    standing: Option<Arc<Standing>>,
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// A way whose trouble is told together with that of others. Does not connect yet.
    pub(super) fn new(address: RedisAddress, trouble: Arc<Trouble>) -> Self {
        let state = State {
            address,
            trouble,
            connecting: Mutex::default(),
            ended: Notify::new(),
            sentinels: tokio::sync::OnceCell::new(),
        };
        Self { state: Arc::new(state) }
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], whatever it is that came in place of an answer.
    pub(super) async fn call(&self, command: &Cmd) -> Result<Value, StoreError> {
        self.try_call(command).await?.map_err(|error| self.state.trouble.note(error))
    }

    /// Calls a script by its digest. `None` if the server does not know it, and so has not run it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], whatever it is that came in place of an answer.
    pub(super) async fn call_script(&self, command: &Cmd) -> Result<Option<Value>, StoreError> {
        match self.try_call(command).await? {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.code() == Some("NOSCRIPT") => Ok(None),
            Err(error) => Err(self.state.trouble.note(error)),
        }
    }

    /// What came from the server, an error included.
    async fn try_call(&self, command: &Cmd) -> Result<RedisResult<Value>, StoreError> {
        let began = Instant::now();
        let mut connected = self.connection(began).await?;
        let answer = connected.ask(command, began).await;
        match answer {
            Ok(_) => {
                self.state.trouble.note_answer();
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

    /// Sends a command to every master, one server or many, and gives their answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], whatever it is that came in place of an answer.
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever a cluster says that is no map, one node said")]
    pub(super) async fn call_masters(&self, command: &Cmd) -> Result<Vec<Value>, StoreError> {
        let connected = self.connection(Instant::now()).await?;
        let answer = match connected.connection.clone() {
            Connection::Single(mut connection) => connection.req_packed_command(command).await.map(|value| vec![value]),
            Connection::Cluster(mut connection) => {
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
            self.state.trouble.note(error)
        })
    }

    /// The master in force, behind Sentinel.
    ///
    /// # Errors
    /// Why it can't be told.
    pub(super) async fn master(&self) -> RedisResult<ConnectionInfo> {
        let named = self.state.sentinels().await?.master().await?;
        self.state.info_of(&named)
    }

    /// What came to this is of a type that it is never answered with.
    pub(super) fn no_answer(&self, asked: &str) -> StoreError {
        self.state.trouble.note_foreign(format!("what came is no answer to {asked}"))
    }

    /// A connection, by when a call that began at this moment can still be answered.
    async fn connection(&self, began: Instant) -> Result<Connected, StoreError> {
        let ended = self.state.ended.notified();
        {
            let mut connecting = self.state.lock();
            if let Some(current) = &connecting.current {
                return Ok(current.clone());
            }
            if !connecting.is_under_way {
                connecting.is_under_way = true;
                let rest = connecting.last_failure.as_ref().map(|(at, _)| REST.saturating_sub(at.elapsed()));
                tokio::spawn(Arc::clone(&self.state).connect(rest.unwrap_or_default()));
            }
        }
        // Registered before the lock was let go, so an attempt that ended since is not missed.
        let patience = CONNECT.min(ANSWER.saturating_sub(began.elapsed()));
        if timeout(patience, ended).await.is_err() {
            return Err(self.state.trouble.note(unclear("no connection in time")));
        }
        let connecting = self.state.lock();
        connecting.current.clone().ok_or_else(|| {
            let failure = connecting.last_failure.as_ref().map(|(_, failure)| failure.clone());
            self.state.trouble.note(failure.unwrap_or_else(|| unclear("the connection broke at once")))
        })
    }

    /// Gives a connection up if this error says that it is of no more use, and says whether it is.
    fn gives_up(&self, connected: &Connected, error: &RedisError) -> bool {
        let is_given_up = match Remedy::of(error, &self.state.address.topology) {
            Remedy::Reconnect => true,
            Remedy::LookAgain => connected.made_at.elapsed() >= LOOK_AGAIN,
            Remedy::Keep => false,
        };
        if is_given_up {
            self.state.give_up(connected.number);
        }
        is_given_up
    }
}

impl Connected {
    /// What is answered to a command, if that is in time for a call that began at this moment, and may be believed.
    async fn ask(&mut self, command: &Cmd, began: Instant) -> RedisResult<Value> {
        let answer = async {
            let answer = match &mut self.connection {
                Connection::Single(connection) => connection.req_packed_command(command).await,
                Connection::Cluster(connection) => connection.req_packed_command(command).await,
            };
            let answer = answer.and_then(Value::extract_error)?;
            if let Some(standing) = &self.standing {
                standing.trust(began).await?;
            }
            Ok(answer)
        };
        let too_late = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "no answer came in time").into());
        timeout(ANSWER.saturating_sub(began.elapsed()), answer).await.unwrap_or_else(too_late)
    }
}

impl State {
    fn give_up(&self, number: u64) {
        let mut connecting = self.lock();
        if connecting.current.as_ref().is_some_and(|in_use| in_use.number == number) {
            connecting.current = None;
        }
    }

    /// The connection in use, if it still has this number.
    fn if_in_use(&self, number: u64) -> Option<Connected> {
        self.lock().current.clone().filter(|in_use| in_use.number == number)
    }

    fn lock(&self) -> MutexGuard<'_, Connecting> {
        self.connecting.lock()
    }

    async fn sentinels(&self) -> RedisResult<&Arc<Sentinels>> {
        prepare_tls(&self.address);
        self.sentinels.get_or_try_init(async || Sentinels::of(&self.address).map(Arc::new)).await
    }

    fn info_of(&self, named: &Named) -> RedisResult<ConnectionInfo> {
        let (host, port) = &named.place;
        self.address.connection_info(host, *port)
    }

    /// Makes a connection after so long, and tells those who wait for it how that ended.
    async fn connect(self: Arc<Self>, rest: Duration) {
        tokio::time::sleep(rest).await;
        // A panic must not leave the attempt under way for ever.
        let making = AssertUnwindSafe(self.make_connection()).catch_unwind();
        let making = async { making.await.unwrap_or_else(|_| Err(unclear("connecting has panicked"))) };
        let connected = timeout(CONNECT_IN_ALL, making).await;
        let mut connecting = self.lock();
        connecting.is_under_way = false;
        match connected.unwrap_or_else(|too_late| Err(io::Error::from(too_late).into())) {
            Ok((connection, standing)) => {
                connecting.made += 1;
                let (number, made_at) = (connecting.made, Instant::now());
                if let Some(standing) = &standing {
                    let looked_after = || LookedAfter { state: Arc::downgrade(&self), number };
                    tokio::spawn(watch(looked_after(), Arc::clone(standing)));
                    tokio::spawn(keep_alive(looked_after(), standing.ping_every()));
                }
                connecting.current = Some(Connected { number, made_at, connection, standing });
                connecting.last_failure = None;
            }
            Err(failure) => connecting.last_failure = Some((Instant::now(), failure)),
        }
        self.ended.notify_waiters();
    }

    async fn make_connection(&self) -> RedisResult<(Connection, Option<Arc<Standing>>)> {
        prepare_tls(&self.address);
        match &self.address.topology {
            Topology::Single => {
                let first = self.address.connection_infos()?.into_iter().next();
                let first = first.ok_or((ErrorKind::InvalidClientConfig, "no node named"))?;
                Ok((Connection::Single(connect_to(first).await?), None))
            }
            Topology::Sentinel(_) => {
                let (connection, standing) = self.connect_to_master().await?;
                Ok((Connection::Single(connection), Some(Arc::new(standing))))
            }
            Topology::Cluster => {
                let connection = cluster_builder(&self.address)?.build()?.get_async_connection().await?;
                Ok((Connection::Cluster(connection), None))
            }
        }
    }

    /// Connects to the master that the Sentinels name, and asks both it and them whether it is one, before anybody uses
    /// the connection.
    async fn connect_to_master(&self) -> RedisResult<(MultiplexedConnection, Standing)> {
        let sentinels = self.sentinels().await?;
        let named = sentinels.master().await?;
        let mut connection = connect_to(self.info_of(&named)?).await?;
        let said: Vec<Value> = redis::cmd("ROLE").query_async(&mut connection).await?;
        let role: Option<String> = said.into_iter().next().map(redis::from_redis_value).transpose()?;
        if role.as_deref() != Some("master") {
            return Err(unclear("the server that the Sentinels name is a replica, which takes no writes"));
        }
        let asked = Instant::now();
        if sentinels.master().await? != named {
            return Err(unclear("the Sentinels have put another master in place"));
        }
        Ok((connection, Standing::new(Arc::clone(sentinels), &named, asked)))
    }
}

/// Gives a connection up when it is dropped: one that nobody looks after any more must not be used.
struct LookedAfter {
    state: Weak<State>,
    number: u64,
}

impl LookedAfter {
    fn if_in_use(&self) -> Option<Connected> {
        self.state.upgrade()?.if_in_use(self.number)
    }
}

impl Drop for LookedAfter {
    fn drop(&mut self) {
        if let Some(state) = self.state.upgrade() {
            state.give_up(self.number);
        }
    }
}

/// Gives a connection up once the Sentinels name another master than the one it leads to.
async fn watch(connection: LookedAfter, standing: Arc<Standing>) {
    loop {
        standing.is_worth_a_look().await;
        if connection.if_in_use().is_none() {
            return;
        }
        if standing.is_deposed().await {
            tracing::info!("the Sentinels name another master; connecting to that one");
            return;
        }
    }
}

/// Asks a master so often for a sign of life, and gives the connection up when there is none.
async fn keep_alive(connection: LookedAfter, every: Duration) {
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
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_IN_ALL)).set_response_timeout(Some(ANSWER));
    Client::open(server)?.get_multiplexed_async_connection_with_config(&config).await
}

/// TLS is ring's; whoever comes first installs it.
pub(super) fn prepare_tls(address: &RedisAddress) {
    if address.is_tls {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
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
