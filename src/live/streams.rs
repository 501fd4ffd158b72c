//! One worker's event streams, and what wakes them.
//!
//! Ten thousand readers of one poll are ten thousand connections that want the same few bytes at the same moment. So a
//! stream has as little of its own as possible. All streams of a poll on a worker share a [`Topic`], which takes the
//! newest tally from the hub at most once per [`GAP`] and wakes the streams that have something to send; the bytes are
//! written once and shared. One task per worker drives all topics, and turns a timer wheel for the heartbeats: no
//! stream has a timer.
//!
//! A stream queues nothing for its reader: when the connection can take more, the stream sends what is newest. So a
//! slow reader skips old tallies and takes no more memory than a fast one, and the last tally always arrives. The
//! system ends a connection that takes nothing at all: see [`server`](crate::server).

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    task::Waker,
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;

use super::{
    Hub, KnownTally,
    entry::HubEntry,
    stream_limiter::StreamLimiter,
    subscription::{DirtySet, Subscription},
};
use crate::{
    poll::PollId,
    supervisor::{Supervisor, TaskEnded},
    telemetry::Metrics,
    wire::PositionKeys,
};

/// The least time between two events of one poll: at most ten a second.
pub const GAP: Duration = Duration::from_millis(100);
/// The longest silence of a stream: proxies close connections that are idle for 30 to 60 seconds.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// After waking so many streams the task yields to others.
const AT_A_TIME: usize = 32;

/// The wheel has so many ticks, and turns once per [`HEARTBEAT`]: so the heartbeats of many streams are spread.
const TICKS: u32 = 60;

/// One worker's streams. See the module.
#[derive(Clone)]
pub struct Streams(pub(super) Rc<WorkerStreams>);

/// What the streams of a worker share.
pub(super) struct WorkerStreams {
    pub(super) hub: Arc<Hub>,
    pub(super) stream_limiter: Arc<StreamLimiter>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) position_keys: Arc<PositionKeys>,
    dirty_set: Arc<DirtySet>,
    topics: RefCell<FxHashMap<PollId, Rc<Topic>>>,
    wheel: Wheel,
    next_number: Cell<u64>,
    is_closing: Cell<bool>,
}

/// How a stream's connection is woken.
#[derive(Default)]
pub(crate) struct Waking {
    waker: RefCell<Option<Waker>>,
    /// Whether it was woken since it was last polled. If a stream ends like that, its connection took nothing.
    is_woken: Cell<bool>,
    /// Heartbeats so far.
    beats: Cell<u32>,
}

/// All streams of one poll on this worker.
pub(super) struct Topic {
    pub(super) id: PollId,
    entry: Arc<HubEntry>,
    subscription: Arc<Subscription>,
    current: RefCell<Option<Arc<KnownTally>>>,
    is_gone: Cell<bool>,
    published_at: Cell<Option<Instant>>,
    /// When there is something to publish.
    due: Cell<Option<Instant>>,
    listeners: RefCell<FxHashMap<u64, Listener>>,
}

struct Listener {
    waking: Rc<Waking>,
    /// Whether a vote may give it something to send.
    wants_tallies: bool,
}

struct Wheel {
    ticks: RefCell<Vec<FxHashMap<u64, Rc<Waking>>>>,
    turns: Cell<u32>,
    next_turn: Cell<Option<Instant>>,
}

impl Streams {
    /// A worker's streams. What publishes to them is run by [`supervisor`](Self::supervisor).
    pub fn new(
        hub: Arc<Hub>,
        stream_limiter: Arc<StreamLimiter>,
        metrics: Arc<Metrics>,
        position_keys: Arc<PositionKeys>,
    ) -> Self {
        let dirty_set = Arc::<DirtySet>::default();
        stream_limiter.wake_on_close(Arc::clone(&dirty_set));
        Self(Rc::new(WorkerStreams {
            hub,
            stream_limiter,
            metrics,
            position_keys,
            dirty_set,
            topics: RefCell::default(),
            wheel: Wheel::new(),
            next_number: Cell::new(0),
            is_closing: Cell::new(false),
        }))
    }

    /// What publishes to them. Must be called on a [`tokio::task::LocalSet`], as every actix worker is one.
    pub fn supervisor(&self) -> Supervisor<TaskEnded> {
        let shared = Rc::clone(&self.0);
        Supervisor::new(Arc::clone(&shared.metrics)).keep("streams", move || drive(Rc::clone(&shared)))
    }
}

/// Publishes what is due and turns the wheel, for as long as the worker lives.
async fn drive(shared: Rc<WorkerStreams>) {
    loop {
        match shared.next_deadline() {
            None => shared.dirty_set.marked().await,
            Some(deadline) => tokio::select! {
                () = shared.dirty_set.marked() => {}
                () = tokio::time::sleep_until(deadline.into()) => {}
            },
        }
        let now = Instant::now();
        if shared.stream_limiter.is_closing() && !shared.is_closing.replace(true) {
            shared.wheel.wake_all();
        }
        for id in shared.dirty_set.take() {
            if let Some(topic) = shared.topics.borrow().get(&id) {
                topic.note_change(now);
            }
        }
        let mut owed = Vec::new();
        for topic in shared.topics.borrow().values() {
            if topic.due.get().is_some_and(|due| due <= now) {
                topic.publish(now, &mut owed);
            }
        }
        shared.wheel.turn(now);
        for some in owed.chunks(AT_A_TIME) {
            for waking in some {
                waking.wake();
            }
            // Yield: votes on this worker do not wait until all readers have been woken.
            tokio::task::yield_now().await;
        }
    }
}

impl WorkerStreams {
    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.get() || self.stream_limiter.is_closing()
    }

    #[cfg(test)]
    pub(super) fn topic_count(&self) -> usize {
        self.topics.borrow().len()
    }

    pub(super) fn next_number(&self) -> u64 {
        let number = self.next_number.get();
        self.next_number.set(number + 1);
        number
    }

    /// The topic of a poll.
    pub(super) fn topic(&self, id: PollId) -> Rc<Topic> {
        // An article's poll that was deleted may be made again, by the same id.
        if let Some(topic) = self.topics.borrow().get(&id).filter(|topic| !topic.entry.is_gone()) {
            return Rc::clone(topic);
        }
        let subscription = Arc::new(Subscription::new(id, Arc::clone(&self.dirty_set)));
        let entry = self.hub.subscribe(id, &subscription);
        let topic = Rc::new(Topic {
            id,
            current: RefCell::new(entry.newest()),
            is_gone: Cell::new(entry.is_gone()),
            entry,
            subscription,
            published_at: Cell::new(None),
            due: Cell::new(None),
            listeners: RefCell::default(),
        });
        if let Some(gone) = self.topics.borrow_mut().insert(id, Rc::clone(&topic)) {
            gone.end();
        }
        topic
    }

    /// Puts a stream on the wheel.
    pub(super) fn join_wheel(&self, number: u64, waking: &Rc<Waking>) -> u32 {
        if self.wheel.next_turn.get().is_none() {
            self.wheel.next_turn.set(Some(Instant::now() + HEARTBEAT / TICKS));
            self.dirty_set.wake();
        }
        // The tick that has just passed: the first heartbeat comes a whole turn from now.
        let tick = (self.wheel.turns.get() + TICKS - 1) % TICKS;
        self.wheel.tick(tick, |wakings| wakings.insert(number, Rc::clone(waking)));
        tick
    }

    pub(super) fn leave_wheel(&self, number: u64, tick: u32) {
        self.wheel.tick(tick, |wakings| wakings.remove(&number));
    }

    /// Removes a stream from a topic, and the topic with its last stream.
    pub(super) fn leave(&self, topic: &Rc<Topic>, key: u64) {
        let mut listeners = topic.listeners.borrow_mut();
        if listeners.remove(&key).is_none() || !listeners.is_empty() {
            return;
        }
        topic.entry.unsubscribe(&topic.subscription);
        let mut topics = self.topics.borrow_mut();
        // Another may have taken its place.
        if topics.get(&topic.id).is_some_and(|current| Rc::ptr_eq(current, topic)) {
            topics.remove(&topic.id);
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let topics = self.topics.borrow();
        let publications = topics.values().filter_map(|topic| topic.due.get());
        publications.chain(self.wheel.next_turn.get()).min()
    }
}

impl Topic {
    /// The tally that streams must have sent.
    pub(super) fn current(&self) -> Option<Arc<KnownTally>> {
        self.current.borrow().clone()
    }

    /// Whether the poll was deleted.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.get()
    }

    pub(super) fn join(&self, key: u64, waking: &Rc<Waking>, wants_tallies: bool) {
        self.listeners.borrow_mut().insert(key, Listener { waking: Rc::clone(waking), wants_tallies });
    }

    /// Records whether a vote may give a stream something to send.
    pub(super) fn note_wants(&self, key: u64, wants_tallies: bool) {
        if let Some(listener) = self.listeners.borrow_mut().get_mut(&key) {
            listener.wants_tallies = wants_tallies;
        }
    }

    /// Tells the streams that the poll was deleted, if they were not told yet: nothing more is published here.
    fn end(&self) {
        if !self.is_gone.replace(true) {
            self.listeners.borrow().values().for_each(|listener| listener.waking.wake());
        }
    }

    fn note_change(&self, now: Instant) {
        self.subscription.clear();
        // The first change after a pause is sent at once, the others at the end of the gap.
        let earliest = self.published_at.get().map_or(now, |before| now.max(before + GAP));
        self.due.set(Some(self.due.get().map_or(earliest, |due| due.min(earliest))));
    }

    /// Makes the newest tally the current one, and adds the streams that have something to send.
    fn publish(&self, now: Instant, owed: &mut Vec<Rc<Waking>>) {
        self.due.set(None);
        let is_gone = self.entry.is_gone();
        let was_gone = self.is_gone.replace(is_gone);
        let newest = self.entry.newest();
        let is_poll_changed = {
            let current = self.current.borrow();
            let sequence = |snapshot: &Option<Arc<KnownTally>>| {
                let sequences = |it: &Arc<KnownTally>| (it.sequence, it.poll_sequence, it.reader_sequence());
                snapshot.as_ref().map(sequences)
            };
            let (before, after) = (sequence(&current), sequence(&newest));
            if before == after && was_gone == is_gone {
                return;
            }
            is_gone || before.map(|it| it.1) != after.map(|it| it.1)
        };
        self.published_at.set(Some(now));
        *self.current.borrow_mut() = newest;
        let listeners = self.listeners.borrow();
        let affected = listeners.values().filter(|listener| listener.wants_tallies || is_poll_changed);
        owed.extend(affected.map(|listener| Rc::clone(&listener.waking)));
    }
}

impl Waking {
    fn wake(&self) {
        self.is_woken.set(true);
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// It is time for a heartbeat.
    pub(crate) fn beat(&self) {
        self.beats.set(self.beats.get() + 1);
        self.wake();
    }

    /// The stream is polled.
    pub(super) fn note_look(&self) {
        self.is_woken.set(false);
    }

    pub(super) fn is_woken(&self) -> bool {
        self.is_woken.get()
    }

    pub(super) fn beats(&self) -> u32 {
        self.beats.get()
    }

    /// The stream has nothing to send now.
    pub(super) fn wait(&self, waker: &Waker) {
        let mut kept = self.waker.borrow_mut();
        if !kept.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            *kept = Some(waker.clone());
        }
    }
}

impl Wheel {
    fn new() -> Self {
        let ticks = (0..TICKS).map(|_| FxHashMap::default()).collect();
        Self { ticks: RefCell::new(ticks), turns: Cell::new(0), next_turn: Cell::new(None) }
    }

    fn tick<T>(&self, tick: u32, change: impl FnOnce(&mut FxHashMap<u64, Rc<Waking>>) -> T) -> Option<T> {
        self.ticks.borrow_mut().get_mut(usize::try_from(tick).ok()?).map(change)
    }

    /// Turns the wheel by the ticks that are due, and stops it once no stream is left.
    fn turn(&self, now: Instant) {
        while let Some(next) = self.next_turn.get().filter(|next| *next <= now) {
            let turns = self.turns.get();
            self.tick(turns % TICKS, |wakings| {
                for waking in wakings.values() {
                    waking.beat();
                }
            });
            self.turns.set(turns.wrapping_add(1) % TICKS);
            let is_empty = self.ticks.borrow().iter().all(FxHashMap::is_empty);
            self.next_turn.set((!is_empty).then(|| next + HEARTBEAT / TICKS));
        }
    }

    fn wake_all(&self) {
        for wakings in &*self.ticks.borrow() {
            for waking in wakings.values() {
                waking.wake();
            }
        }
    }
}
