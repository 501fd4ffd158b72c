//! Messages between replicas, by Redis's publish and subscribe.
//!
//! Every poll has a channel for its tallies, and one more channel carries all rare messages. On a cluster these are
//! sharded channels in the hash slot of the poll's definition: a message goes to one master, not to all.
//!
//! Subscriptions have a connection of their own, by RESP3, without other commands. The driver would subscribe again by
//! itself after some losses; here every loss ends the connection, and a new one subscribes to everything. One way
//! covers all cases, for one server, behind Sentinel, and for a cluster: a restart, a killed connection, a failover.
//! The driver does not follow a hash slot that moves to another master: then the server ends the subscription
//! (`sunsubscribe`), and the channel is subscribed to again.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::join_all;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ProtocolVersion, PushInfo, PushKind, RedisResult, Value,
    aio::{ConnectionLike as _, MultiplexedConnection},
    cluster_async::ClusterConnection,
};
use rustc_hash::FxHashSet;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    RedisSettings,
    address::{RedisAddress, Topology},
    keys,
    link::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, Link, cluster_builder, connect_timeout, prepare_tls},
};
use crate::{
    poll::PollId,
    store::{Broker, Follow, Message, Received, StoreError},
};

/// The most pushes of a server that wait to be read; more are lost.
const MOST_PUSHED: usize = 8_192;
/// The most channels subscribed to at a time.
const MOST_AT_ONCE: usize = 256;
/// How often failed subscriptions are tried again, and the server is pinged.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// The pause between losing a connection and making another.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// The broker of a Redis store.
pub struct RedisBroker {
    address: RedisAddress,
    /// Publishes over its own connection: the subscribed one may be away.
    link: Link,
}

impl RedisBroker {
    /// A broker. Does not connect yet.
    pub fn new(settings: &RedisSettings) -> Self {
        let address = settings.address.clone();
        Self { link: Link::new(address.clone(), Arc::clone(&settings.trouble)), address }
    }

    fn is_sharded(&self) -> bool {
        self.address.topology == Topology::Cluster
    }
}

#[async_trait]
impl Broker for RedisBroker {
    async fn publish(&self, message: &Message) -> Result<(), StoreError> {
        let channel = match message {
            Message::Tallies(tallies) => keys::tallies_channel(tallies.poll),
            Message::Poll(_) | Message::Site(_) | Message::Votes(_) => keys::CHANGES_CHANNEL.to_owned(),
        };
        let mut publish = Cmd::new();
        publish.arg(if self.is_sharded() { "SPUBLISH" } else { "PUBLISH" }).arg(channel).arg(message.write()?);
        self.link.call(&publish).await?;
        Ok(())
    }

    async fn subscribe(&self, mut follow: mpsc::Receiver<Follow>, received: mpsc::Sender<Received>) {
        let mut followed = FxHashSet::default();
        let mut is_logged = false;
        loop {
            let (push, pushed) = mpsc::channel(MOST_PUSHED);
            let end = match timeout(connect_timeout(&self.address), self.connect(push)).await {
                Ok(Ok(connection)) => {
                    if std::mem::take(&mut is_logged) {
                        tracing::info!("replicas hear of each other again");
                    }
                    Subscriber { connection, pushed, followed: &mut followed, missing: FxHashSet::default() }
                        .run(&mut follow, &received)
                        .await
                }
                Ok(Err(error)) => End::Lost(error.to_string()),
                Err(_) => End::Lost("no connection in time".to_owned()),
            };
            match end {
                End::Over => return,
                End::Lost(error) if !is_logged => {
                    is_logged = true;
                    tracing::warn!(error, "this replica does not hear of the others for now, and reads what they do");
                }
                End::Lost(_) => {}
            }
            if received.is_closed() {
                return;
            }
            sleep(RECONNECT_PAUSE).await;
        }
    }
}

impl RedisBroker {
    /// Connects by RESP3, in which the server pushes messages.
    async fn connect(&self, push: mpsc::Sender<PushInfo>) -> RedisResult<SubscriberConnection> {
        prepare_tls(&self.address);
        let push = move |info| push.try_send(info);
        let server = match &self.address.topology {
            Topology::Single => {
                let first = self.address.connection_infos()?.into_iter().next();
                first.ok_or((redis::ErrorKind::InvalidClientConfig, "no node named"))?
            }
            Topology::Sentinel(_) => self.link.master().await?,
            // No commands go over these connections: the system checks that the other end is there.
            Topology::Cluster => {
                let builder = cluster_builder(&self.address)?.use_protocol(ProtocolVersion::RESP3).push_sender(push);
                return Ok(SubscriberConnection::Cluster(builder.build()?.get_async_connection().await?));
            }
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT))
            .set_push_sender(push);
        let settings = server.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(server.set_redis_settings(settings))?;
        Ok(SubscriberConnection::Single(client.get_multiplexed_async_connection_with_config(&config).await?))
    }
}

/// Why a subscriber ended.
enum End {
    /// Nobody follows or receives any more.
    Over,
    /// The connection can't be used any more.
    Lost(String),
}

/// Receives over one connection until it ends.
struct Subscriber<'a> {
    connection: SubscriberConnection,
    pushed: mpsc::Receiver<PushInfo>,
    followed: &'a mut FxHashSet<PollId>,
    /// Polls whose channels could not be subscribed to, or were lost.
    missing: FxHashSet<PollId>,
}

#[derive(Clone)]
enum SubscriberConnection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Subscriber<'_> {
    async fn run(mut self, follow: &mut mpsc::Receiver<Follow>, received: &mpsc::Sender<Received>) -> End {
        for subscribed in self.connection.subscribe(&[keys::CHANGES_CHANNEL.to_owned()]).await {
            if let Err(error) = subscribed {
                return End::Lost(error.to_string());
            }
        }
        self.missing = self.followed.clone();
        let mut checks = interval(CHECK_EVERY);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                pushed = self.pushed.recv() => match pushed {
                    Some(PushInfo { kind: PushKind::Disconnection, .. }) | None => {
                        return End::Lost("the connection was cut".to_owned());
                    }
                    Some(pushed) => self.take(pushed, received),
                },
                first = follow.recv() => {
                    let Some(first) = first else { return End::Over };
                    self.follow(first, follow).await;
                }
                _ = checks.tick() => {
                    if let Err(error) = self.connection.is_there().await {
                        return End::Lost(error.to_string());
                    }
                    self.subscribe_missing().await;
                }
            }
            if received.is_closed() {
                return End::Over;
            }
        }
    }

    /// Starts or stops following polls: this change, and all that wait behind it.
    async fn follow(&mut self, first: Follow, follow: &mut mpsc::Receiver<Follow>) {
        let mut stopped = Vec::new();
        let mut next = Some(first);
        while let Some(asked) = next {
            match asked {
                Follow::Start(poll) => _ = self.followed.insert(poll) && self.missing.insert(poll),
                Follow::Stop(poll) => {
                    self.missing.remove(&poll);
                    if self.followed.remove(&poll) {
                        stopped.push(keys::tallies_channel(poll));
                    }
                }
            }
            next = follow.try_recv().ok();
        }
        for channels in stopped.chunks(MOST_AT_ONCE) {
            // If this fails, unwanted messages arrive until the connection ends.
            let _ = self.connection.unsubscribe(channels).await;
        }
        self.subscribe_missing().await;
    }

    /// Subscribes to missing channels. Those that fail stay missing until the next check.
    async fn subscribe_missing(&mut self) {
        let missing: Vec<PollId> = self.missing.iter().copied().collect();
        for polls in missing.chunks(MOST_AT_ONCE) {
            let channels: Vec<String> = polls.iter().map(|poll| keys::tallies_channel(*poll)).collect();
            let subscribed = self.connection.subscribe(&channels).await;
            for (poll, subscribed) in polls.iter().zip(subscribed) {
                if subscribed.is_ok() {
                    self.missing.remove(poll);
                }
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "of the many kinds of pushes only these are asked for")]
    fn take(&mut self, PushInfo { kind, data }: PushInfo, received: &mpsc::Sender<Received>) {
        let mut texts = data
            .iter()
            .filter_map(|value| if let Value::BulkString(bytes) = value { Some(bytes.as_slice()) } else { None });
        let Some(channel) = texts.next() else { return };
        let poll = keys::poll_of_channel(channel);
        let message = match kind {
            PushKind::Message | PushKind::SMessage => {
                texts.next().and_then(|json| Message::read(json).ok()).map(Received::Message)
            }
            PushKind::Subscribe | PushKind::SSubscribe => poll.map(Received::Following),
            // Requested here, or the hash slot has moved.
            PushKind::Unsubscribe | PushKind::SUnsubscribe => {
                self.missing.extend(poll.filter(|poll| self.followed.contains(poll)));
                None
            }
            _ => None,
        };
        // A slow receiver loses messages, which the broker's rules allow.
        message.map(|message| received.try_send(message));
    }
}

impl SubscriberConnection {
    /// Subscribes to channels. Returns a result for each.
    async fn subscribe(&self, channels: &[String]) -> Vec<RedisResult<()>> {
        match self {
            Self::Single(connection) => {
                let all = connection.clone().subscribe(channels).await;
                channels.iter().map(|_| all.clone()).collect()
            }
            // Each channel has its own hash slot.
            Self::Cluster(connection) => {
                let each = channels.iter().map(|channel| {
                    let mut connection = connection.clone();
                    async move { connection.ssubscribe(channel).await }
                });
                join_all(each).await
            }
        }
    }

    async fn unsubscribe(&self, channels: &[String]) -> RedisResult<()> {
        match self {
            Self::Single(connection) => connection.clone().unsubscribe(channels).await,
            Self::Cluster(connection) => {
                let each = channels.iter().map(|channel| {
                    let mut connection = connection.clone();
                    async move { connection.sunsubscribe(channel).await }
                });
                join_all(each).await.into_iter().collect()
            }
        }
    }

    /// Whether one server is still there. A cluster goes on without one of its servers, and the driver reports a lost
    /// one.
    async fn is_there(&self) -> RedisResult<()> {
        match self {
            Self::Single(connection) => {
                let mut ping = Cmd::new();
                ping.arg("PING");
                connection.clone().req_packed_command(&ping).await.map(|_| ())
            }
            Self::Cluster(_) => Ok(()),
        }
    }
}
