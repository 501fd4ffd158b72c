//! Keeps in touch with the other replicas, by the store's [`Feed`]: tells them what was voted here, and hears what was
//! voted there.
//!
//! A poll's first vote after a pause is told at once; the votes that follow are told together, ten times a second at
//! most, and the last of them always. A replica hears of the polls that are live in it, and no others.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, mpsc},
    time::{MissedTickBehavior, interval, sleep_until},
};

use super::{Hub, entry::Entry, outbox::Outbox};
use crate::store::{Feed, Follow, Heard, News};

/// The least time between two tellings of one poll.
const GAP: Duration = Duration::from_millis(100);
/// How often it is looked which polls are live here.
const LOOK: Duration = Duration::from_millis(50);
/// The most tellings under way. While they take long, nothing more is taken out of the outbox, and what waits there is
/// told together.
const MOST_AT_ONCE: usize = 64;
/// The most that waits between the feed and the hub.
const MOST_HEARD: usize = 4_096;

/// Tells and hears for as long as the replica lives.
pub async fn keep_in_touch(hub: Arc<Hub>, feed: Arc<dyn Feed>) {
    let (follow, followed) = mpsc::channel(MOST_HEARD);
    let (hear, heard) = mpsc::channel(MOST_HEARD);
    let listener = Arc::clone(&feed);
    tokio::join!(listener.listen(followed, hear), take_in(&hub, heard), keep_following(&hub, follow), async {
        if let Some(outbox) = hub.outbox() {
            tell(outbox, &feed).await;
        }
    },);
}

async fn take_in(hub: &Hub, mut heard: mpsc::Receiver<Heard>) {
    while let Some(heard) = heard.recv().await {
        hub.hear(heard);
    }
}

async fn keep_following(hub: &Hub, follow: mpsc::Sender<Follow>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        // While the feed is behind, the rest waits for another look.
        hub.follow(|change| follow.try_send(change).is_ok());
    }
}

async fn tell(outbox: &Outbox, feed: &Arc<dyn Feed>) {
    let places = Arc::new(Semaphore::new(MOST_AT_ONCE));
    // Polls that were told of, and when there may be more to tell: the gap is the same for all, so they stay in order.
    let mut told: VecDeque<(Instant, Arc<Entry>)> = VecDeque::new();
    loop {
        match told.front() {
            None => outbox.filled().await,
            Some((due, _)) => tokio::select! {
                () = outbox.filled() => {}
                () = sleep_until((*due).into()) => {}
            },
        }
        let (mut entries, news) = outbox.take();
        let now = Instant::now();
        while told.front().is_some_and(|(due, _)| *due <= now) {
            entries.extend(told.pop_front().map(|(_, entry)| entry));
        }
        for news in news {
            send(feed, &places, news).await;
        }
        for entry in entries {
            if let Some(tallies) = entry.take_news() {
                send(feed, &places, News::Tallies(tallies)).await;
                told.push_back((Instant::now() + GAP, entry));
            }
        }
    }
}

/// Tells something, without waiting for it to be told unless much is.
async fn send(feed: &Arc<dyn Feed>, places: &Arc<Semaphore>, news: News) {
    let Ok(place) = Arc::clone(places).acquire_owned().await else { return };
    let feed = Arc::clone(feed);
    tokio::spawn(async move {
        // What can't be told is read by whoever wants to know.
        let _ = feed.tell(&news).await;
        drop(place);
    });
}
