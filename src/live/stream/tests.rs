use std::{task::Waker, time::Duration};

use super::*;
use crate::{
    clock::Clock,
    live::{
        Hub, StreamLimiter,
        entry::{HubEntry, tests::poll_in},
        subscription::Subscription,
    },
    poll::{PartitionTally, Poll, Position, Revision, Schedule, State},
    quota::ConcurrencyLimits,
    wire::{ReaderPosition, keys},
};

/// A poll in a hub, and a worker's streams.
pub(crate) struct Stage {
    poll: Arc<Poll>,
    entry: Arc<HubEntry>,
    streams: Streams,
    pub(crate) stream_limiter: Arc<StreamLimiter>,
}

impl Stage {
    pub(crate) fn set() -> Self {
        let stage = Self::unattended();
        tokio::task::spawn_local(stage.streams.supervisor().run());
        stage
    }

    /// One on which nothing is published.
    fn unattended() -> Self {
        Self::of(|poll| poll)
    }

    /// The same, of another poll.
    fn of(change: impl FnOnce(Poll) -> Poll) -> Self {
        let poll = change(poll_in(1));
        let hub = Arc::new(Hub::new(Arc::default(), Clock::default(), false));
        let stream_limiter = Arc::new(StreamLimiter::new(ConcurrencyLimits { in_all: 90, per_client: 9 }));
        let keys = Arc::new(keys("a secret"));
        let streams = Streams::new(Arc::clone(&hub), Arc::clone(&stream_limiter), Arc::default(), keys);
        let entry = hub.subscribe(poll.id, &Arc::new(Subscription::new(poll.id, Arc::default())));
        let stage = Self { poll: Arc::new(poll), entry, streams, stream_limiter };
        stage.count(0);
        stage
    }

    /// So many votes are counted.
    pub(crate) fn count(&self, version: u64) {
        let votes = [version, 0].as_slice().into();
        let as_of = Timestamp::from_millis(1_000);
        let (revision, state) = (self.poll.revision, State::Open);
        let tally = PartitionTally { revision, epoch: 0, version, ballots: version, votes, state, as_of };
        self.entry.take_in(&self.poll, 0, &tally);
    }

    pub(crate) fn open(&self, seen: Option<u64>) -> Stream {
        let permit = self.stream_limiter.admit([0; 16].into()).unwrap();
        let newest = self.entry.newest();
        let is_behind = seen > newest.as_ref().map(|newest| newest.tally.version);
        let position = |version| Position { epoch: 0, version };
        let seen = seen.map(|version| ReaderPosition { position: position(version), is_proven: true });
        let (id, wants_mark) = (self.poll.id, false);
        let asked = RequestedPoll { id, newest, seen, has_it: true, is_behind, viewer: Viewer::Everyone, wants_mark };
        self.streams.open(permit, StreamReader::default(), vec![asked], Timestamp::from_millis(2_000))
    }

    /// What makes a stream's heart beat.
    pub(crate) fn heart_of(stream: &Stream) -> Rc<Waking> {
        Rc::clone(&stream.waking)
    }

    /// Waits until a version has reached the streams.
    pub(crate) async fn published(&self, stream: &Stream, version: u64) {
        let topic = stream.watches.first().unwrap().topic.clone().unwrap();
        while topic.current().unwrap().tally.version != version {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn next(stream: &mut Stream) -> Option<String> {
    match stream.poll_next(&mut Context::from_waker(Waker::noop())) {
        task::Poll::Ready(Some(bytes)) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
        task::Poll::Ready(None) => panic!("it has ended"),
        task::Poll::Pending => None,
    }
}

pub(crate) async fn on_a_worker(test: impl Future<Output = ()>) {
    tokio::task::LocalSet::new().run_until(test).await;
}

#[actix_web::test]
async fn a_slow_reader_is_sent_the_newest_and_not_what_was_overtaken() {
    on_a_worker(async {
        let stage = Stage::set();
        let mut stream = stage.open(None);
        assert!(next(&mut stream).unwrap().contains("event: tally\nid: 0:0:"));
        assert_eq!(next(&mut stream), None);
        // The connection takes nothing meanwhile.
        for version in 1..=4 {
            stage.count(version);
            stage.published(&stream, version).await;
        }
        let sent = next(&mut stream).unwrap();
        assert!(sent.starts_with("event: tally\nid: 0:4:"), "{sent}");
        assert_eq!(next(&mut stream), None, "and nothing after that");
    })
    .await;
}

#[actix_web::test]
async fn what_publishes_is_started_again_when_it_ends() {
    on_a_worker(async {
        let stage = Stage::unattended();
        let mut supervisor = stage.streams.supervisor();
        let stream = stage.open(None);
        supervisor.kill("streams");
        supervisor.next_end().await.unwrap();
        tokio::task::spawn_local(supervisor.run());
        stage.count(1);
        stage.published(&stream, 1).await;
    })
    .await;
}

#[actix_web::test]
async fn a_stream_that_begins_with_more_than_its_topic_has_told_yet_never_goes_back() {
    on_a_worker(async {
        let stage = Stage::set();
        let mut first = stage.open(None);
        stage.count(1);
        stage.published(&first, 1).await;
        // The topic is in its gap, and this one begins with what is newer.
        stage.count(2);
        let mut second = stage.open(None);
        assert!(next(&mut second).unwrap().contains("id: 0:2:"));
        assert_eq!(next(&mut second), None);
        stage.published(&second, 2).await;
        assert_eq!(next(&mut second), None);
        next(&mut first);
        assert!(next(&mut first).unwrap().contains("id: 0:2:"));
        // Who has it already is sent nothing.
        let mut third = stage.open(Some(2));
        assert!(next(&mut third).unwrap().starts_with("retry: "));
        assert_eq!(next(&mut third), None);
    })
    .await;
}

#[actix_web::test]
async fn a_reader_who_is_ahead_is_sent_nothing_older_until_the_store_has_had_time_to_answer() {
    on_a_worker(async {
        let stage = Stage::set();
        let mut stream = stage.open(Some(3));
        assert!(!next(&mut stream).unwrap().contains("event"));
        for version in [1, 2, 3] {
            stage.count(version);
            stage.published(&stream, version).await;
            assert_eq!(next(&mut stream), None, "{version}");
        }
        stage.count(4);
        stage.published(&stream, 4).await;
        assert!(next(&mut stream).unwrap().contains("id: 0:4:"));
        // What the store lost does not come back.
        let mut stream = stage.open(Some(9));
        assert!(!next(&mut stream).unwrap().contains("event"));
        Stage::heart_of(&stream).beat();
        assert!(next(&mut stream).unwrap().contains("id: 0:4:"));
    })
    .await;
}

#[actix_web::test]
async fn whoever_comes_back_is_told_of_an_edit_and_of_an_opening_however_long_ago_it_was() {
    on_a_worker(async {
        let edited = Stage::of(|poll| Poll { revision: Revision::FIRST.next(), ..poll });
        assert!(next(&mut edited.open(Some(0))).unwrap().contains("event: poll\n"));
        let opens_at = Some(Timestamp::from_millis(500));
        let scheduled = Stage::of(|poll| Poll { schedule: Schedule { opens_at, ..poll.schedule }, ..poll });
        let opened = next(&mut scheduled.open(Some(0))).unwrap();
        assert!(opened.contains("event: tally\nid: 0:0:") && opened.contains("\"state\":\"open\""), "{opened}");
        // Where there are votes, whoever has them has seen it open.
        scheduled.count(1);
        assert!(!next(&mut scheduled.open(Some(1))).unwrap().contains("event"));
        assert!(!next(&mut Stage::set().open(Some(0))).unwrap().contains("event"));
    })
    .await;
}

#[actix_web::test]
async fn a_poll_that_is_made_again_by_the_same_id_is_told_of_and_the_one_before_is_gone() {
    on_a_worker(async {
        let mut stage = Stage::unattended();
        let mut before = stage.open(None);
        next(&mut before).unwrap();
        stage.streams.0.hub.note_gone(&stage.entry);
        stage.entry =
            stage.streams.0.hub.subscribe(stage.poll.id, &Arc::new(Subscription::new(stage.poll.id, Arc::default())));
        stage.count(0);
        let mut stream = stage.open(None);
        assert!(next(&mut stream).unwrap().contains("event: tally\nid: 0:0:"));
        assert_eq!(next(&mut stream), None);
        assert!(next(&mut before).unwrap().starts_with("event: gone\n"));
        // Whoever leaves the one before does not take this one away.
        drop(before);
        tokio::task::spawn_local(stage.streams.supervisor().run());
        stage.count(1);
        stage.published(&stream, 1).await;
        assert!(next(&mut stream).unwrap().contains("id: 0:1:"));
        drop(stream);
        assert_eq!(stage.streams.0.topic_count(), 0);
    })
    .await;
}

#[actix_web::test]
async fn what_ends_leaves_nothing_behind() {
    on_a_worker(async {
        let stage = Stage::set();
        let streams: Vec<Stream> = (0..3).map(|_| stage.open(None)).collect();
        assert_eq!((stage.stream_limiter.open_streams(), stage.streams.0.topic_count()), (3, 1));
        drop(streams);
        assert_eq!((stage.stream_limiter.open_streams(), stage.streams.0.topic_count()), (0, 0));
    })
    .await;
}
