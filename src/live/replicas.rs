//! Publishes the tallies that change here to the other replicas, and receives theirs, by the store's [`Broker`].
//!
//! A poll's first vote after a pause is published at once; the votes that follow are published together, ten times a
//! second at most, and the last of them always. A replica receives the polls that are live in it, and no others.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, mpsc},
    time::{MissedTickBehavior, interval, sleep_until},
};

use super::{Hub, entry::HubEntry};
use crate::store::{Broker, Follow, Message, Received};

/// The least time between two messages of one poll.
const GAP: Duration = Duration::from_millis(100);
/// How often is checked which polls are live here.
const LOOK: Duration = Duration::from_millis(50);
/// The most messages under way. Beyond that, polls stay in the queue, and their votes are published together.
const MOST_AT_ONCE: usize = 64;
/// The most that waits between the broker and the hub.
const MOST_WAITING: usize = 4_096;

/// Receives for as long as the replica lives.
pub async fn subscribe(hub: Arc<Hub>, broker: Arc<dyn Broker>) {
    let (follow, followed) = mpsc::channel(MOST_WAITING);
    let (sender, received) = mpsc::channel(MOST_WAITING);
    // A subscriber that is started again follows nothing yet.
    hub.follow_nothing();
    tokio::select! {
        () = broker.subscribe(followed, sender) => {}
        () = take_in(&hub, received) => {}
        () = keep_following(&hub, follow) => {}
    }
}

async fn take_in(hub: &Hub, mut messages: mpsc::Receiver<Received>) {
    while let Some(received) = messages.recv().await {
        hub.receive(received);
    }
}

async fn keep_following(hub: &Hub, follow: mpsc::Sender<Follow>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        // The broker is behind: the rest is tried again next time.
        hub.follow(|change| follow.try_send(change).is_ok());
    }
}

/// Publishes for as long as the replica lives.
pub async fn publish(hub: Arc<Hub>, broker: Arc<dyn Broker>) {
    let Some(publish_queue) = hub.publish_queue() else { return std::future::pending().await };
    let permits = Arc::new(Semaphore::new(MOST_AT_ONCE));
    // Polls that were published, and when they may be published again: the gap is the same for all, so they stay in
    // order. It begins with those that were under way when this task ended before.
    let mut published: VecDeque<(Instant, Arc<HubEntry>)> =
        hub.outgoing().into_iter().map(|it| (Instant::now(), it)).collect();
    loop {
        match published.front() {
            None => publish_queue.filled().await,
            Some((due, _)) => tokio::select! {
                () = publish_queue.filled() => {}
                () = sleep_until((*due).into()) => {}
            },
        }
        let (mut entries, messages) = publish_queue.take();
        let now = Instant::now();
        while published.front().is_some_and(|(due, _)| *due <= now) {
            entries.extend(published.pop_front().map(|(_, entry)| entry));
        }
        for message in messages {
            send(&broker, &permits, message).await;
        }
        for entry in entries {
            if let Some(tallies) = entry.take_unpublished() {
                send(&broker, &permits, Message::Tallies(tallies)).await;
                published.push_back((Instant::now() + GAP, entry));
            }
        }
    }
}

/// Publishes a message, and waits only if too many are under way.
async fn send(broker: &Arc<dyn Broker>, permits: &Arc<Semaphore>, message: Message) {
    let Ok(permit) = Arc::clone(permits).acquire_owned().await else { return };
    let broker = Arc::clone(broker);
    tokio::spawn(async move {
        // A lost message is made up for: other replicas read their live polls again.
        let _ = broker.publish(&message).await;
        drop(permit);
    });
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use parking_lot::Mutex;
    use tokio::{sync::Notify, task::AbortHandle};

    use super::*;
    use crate::{
        clock::Clock,
        live::entry::tests::poll_in,
        poll::{PartitionTally, Poll, PollId, Revision, State, Timestamp},
        store::{Store, StoreAddress, StoreError, StoreSettings, Stores},
    };

    /// A broker that records what it is given.
    #[derive(Default)]
    struct Noted {
        published: Mutex<Vec<PollId>>,
        followed: Mutex<Vec<Follow>>,
        came: Notify,
    }

    impl Noted {
        async fn all<T: Clone>(&self, of: &Mutex<Vec<T>>, count: usize) -> Vec<T> {
            loop {
                let noted = self.came.notified();
                let all = of.lock().clone();
                if all.len() >= count {
                    return all;
                }
                tokio::time::timeout(Duration::from_mins(1), noted).await.expect("nothing more came");
            }
        }
    }

    #[async_trait]
    impl Broker for Noted {
        async fn publish(&self, message: &Message) -> Result<(), StoreError> {
            if let Message::Tallies(tallies) = message {
                self.published.lock().push(tallies.poll);
            }
            self.came.notify_one();
            Ok(())
        }

        async fn subscribe(&self, mut follow: mpsc::Receiver<Follow>, _received: mpsc::Sender<Received>) {
            while let Some(change) = follow.recv().await {
                self.followed.lock().push(change);
                self.came.notify_one();
            }
        }
    }

    struct ReplicasFixture {
        _folder: tempfile::TempDir,
        hub: Arc<Hub>,
        broker: Arc<Noted>,
        store: Arc<dyn Store>,
        poll: Arc<Poll>,
    }

    fn fixture() -> ReplicasFixture {
        let folder = tempfile::tempdir().unwrap();
        let address = StoreAddress::Sqlite(folder.path().join("replicas.db"));
        let settings = StoreSettings { address, partitions: None, allow_eviction: false };
        ReplicasFixture {
            hub: Arc::new(Hub::new(Arc::default(), Clock::default(), true)),
            broker: Arc::default(),
            store: Stores::open(&settings, Clock::default()).unwrap().connect(),
            poll: Arc::new(poll_in(1)),
            _folder: folder,
        }
    }

    impl ReplicasFixture {
        async fn vote(&self, version: u64) {
            let tally = PartitionTally {
                revision: Revision::FIRST,
                epoch: 0,
                version,
                ballots: version,
                votes: [version, 0].as_slice().into(),
                state: State::Open,
                as_of: Timestamp::EARLIEST,
            };
            self.hub.learn(&self.store, &self.poll, 0, &tally).await.unwrap();
        }

        fn begin<F: Future<Output = ()> + Send + 'static>(
            &self,
            task: impl FnOnce(Arc<Hub>, Arc<dyn Broker>) -> F,
        ) -> AbortHandle {
            tokio::spawn(task(Arc::clone(&self.hub), self.broker.clone())).abort_handle()
        }
    }

    #[tokio::test]
    async fn news_that_were_under_way_when_telling_ended_are_told_when_it_is_begun_again() {
        let fixture = fixture();
        fixture.vote(1).await;
        let first = fixture.begin(publish);
        assert_eq!(fixture.broker.all(&fixture.broker.published, 1).await, [fixture.poll.id]);
        // In the gap after it was published, the poll is with the task alone.
        fixture.vote(2).await;
        first.abort();
        fixture.begin(publish);
        assert_eq!(fixture.broker.all(&fixture.broker.published, 2).await, [fixture.poll.id; 2]);
    }

    #[tokio::test]
    async fn a_listener_that_is_begun_again_follows_what_the_one_before_followed() {
        let fixture = fixture();
        fixture.vote(1).await;
        let first = fixture.begin(subscribe);
        let followed = Follow::Start(fixture.poll.id);
        assert_eq!(fixture.broker.all(&fixture.broker.followed, 1).await, [followed]);
        first.abort();
        fixture.begin(subscribe);
        assert_eq!(fixture.broker.all(&fixture.broker.followed, 2).await, [followed; 2]);
    }
}
