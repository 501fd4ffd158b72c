//! How many connections there may be, and which of them end when they become scarce.
//!
//! An idle connection costs a client next to nothing, and the replica a file descriptor, of which the system allows a
//! limited number. Without a bound, one address that opens a thousand and goes idle leaves none for voters, the store
//! or the operators' listener. So there are fewer connections than descriptors, and no client has more than its
//! [share](ConcurrencyLimiter). More are closed at once, unread: an answer would cost what closing saves. Streams are
//! connections, and count until they end.
//!
//! A client here is the socket's peer. A trusted proxy speaks for many, and may have all.
//!
//! When all but one in [`SHORT`] are taken, connections that are idle between two requests, or have not sent any, end:
//! those of the client that has most first, and of these the longest idle first, some every [`MAKE_ROOM_EVERY`]. So a
//! new client finds room as long as anybody is idle. Those of trusted proxies stay: a proxy that sends a vote into a
//! connection that is being closed can't know its outcome.
//!
//! A request takes memory while it arrives. Heads may be long, bodies may be slow, and either may never end; so only so
//! many requests at a time may be one of these, in all and of one client. More are refused.
//!
//! Each worker knows its own connections, and ends them itself. For this a request costs a record of when its
//! connection was last idle.

use std::{
    cell::{Cell, RefCell},
    cmp::Reverse,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use actix_http::Protocol;
use actix_web::rt;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
};

use crate::{
    client::ClientRule,
    net::connection::{self, AnswerOverride, Connection, Socket},
    quota::{ConcurrencyLimiter, ConcurrencyLimits, NoPermit, Permit, Subject},
    supervisor::{Supervisor, TaskEnded},
    telemetry::{ConnectionDrop, Metrics},
};

/// Connections are scarce when all but one in so many are taken.
const SHORT: usize = 8;
/// How often idle connections end while connections are scarce.
const MAKE_ROOM_EVERY: Duration = Duration::from_millis(20);
/// How many a worker ends at a time.
const ENDED_AT_ONCE: usize = 256;

/// How many requests may arrive slowly. Each takes some 25 KiB.
const SLOW: ConcurrencyLimits = ConcurrencyLimits { in_all: 2_048, per_client: 512 };
/// How many incomplete requests may be large. Each may take 256 KiB, the longest body, which is a form of an editor who
/// may have to sign in again.
const LARGE: ConcurrencyLimits = ConcurrencyLimits { in_all: 512, per_client: 64 };

/// The connections of a replica.
pub struct Connections {
    limiter: Arc<ConcurrencyLimiter>,
    slow: Arc<ConcurrencyLimiter>,
    large: Arc<ConcurrencyLimiter>,
    client_rule: ClientRule,
    metrics: Arc<Metrics>,
    /// Notified when connections are scarce, one for each worker.
    workers: Mutex<Vec<Arc<Notify>>>,
}

impl Connections {
    /// None so far, and at most `limits`.
    pub fn new(limits: ConcurrencyLimits, client_rule: ClientRule, metrics: Arc<Metrics>) -> Self {
        let [limiter, slow, large] = [limits, SLOW, LARGE].map(|limits| Arc::new(ConcurrencyLimiter::new(limits)));
        Self { limiter, slow, large, client_rule, metrics, workers: Mutex::default() }
    }

    /// A permit for a slow request of a client.
    ///
    /// # Errors
    /// All permits are taken.
    pub fn take_slow(&self, client: Subject) -> Result<Permit, NoPermit> {
        self.slow.take(Some(client))
    }

    /// The most there may be.
    pub fn most(&self) -> usize {
        self.limiter.limits().in_all
    }

    fn is_short(&self) -> bool {
        let most = self.limiter.limits().in_all;
        self.limiter.taken() > most - most / SHORT
    }

    fn make_room(&self) {
        for worker in &*self.workers.lock() {
            worker.notify_one();
        }
    }
}

/// The connections of one worker.
pub struct WorkerConnections {
    all: Arc<Connections>,
    own: Rc<ConnectionTable>,
    answer_override: AnswerOverride,
}

impl WorkerConnections {
    /// Tracks the connections of this worker. `answer_override` replaces what the framework answers by itself.
    pub fn new(all: &Arc<Connections>, answer_override: AnswerOverride) -> Self {
        let (own, is_short) = (Rc::new(ConnectionTable::new(Arc::clone(&all.large))), Arc::<Notify>::default());
        all.workers.lock().push(Arc::clone(&is_short));
        rt::spawn(make_room(all, &own, is_short).run());
        Self { all: Arc::clone(all), own, answer_override }
    }

    /// Takes a new connection, in the form the framework wants; `None` if it must be closed. Answers are sent as they
    /// are written: an event must not wait for the acknowledgement of the one before it.
    pub fn accept(&self, socket: TcpStream) -> Option<(CountedConnection, Protocol, Option<SocketAddr>)> {
        let peer = socket.peer_addr().ok();
        let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let client = self.all.client_rule.peer(address).map(Subject::from);
        let permit = self.all.limiter.take(client);
        if self.all.is_short() {
            self.all.make_room();
        }
        let permit = match permit {
            Ok(permit) => permit,
            Err(refusal) => {
                self.all.metrics.connection_dropped(match refusal {
                    NoPermit::Full => ConnectionDrop::Full,
                    NoPermit::ClientFull => ConnectionDrop::ClientFull,
                });
                return None;
            }
        };
        // A closed socket shows that when it is read.
        let _ = socket.set_nodelay(true);
        let socket = CountedSocket::new(socket, permit, Arc::clone(&self.all.metrics));
        let tracker = ConnectionTable::enter(&self.own, client);
        Some((Connection::over(socket, tracker, Rc::clone(&self.answer_override)), Protocol::Http1, peer))
    }
}

/// The task of a worker that ends idle connections while connections are scarce.
fn make_room(all: &Arc<Connections>, own: &Rc<ConnectionTable>, is_short: Arc<Notify>) -> Supervisor<TaskEnded> {
    let (all, own) = (Arc::clone(all), Rc::clone(own));
    Supervisor::new(Arc::clone(&all.metrics))
        .keep("idle connections", move || end_idle_ones(Arc::clone(&all), Rc::clone(&own), Arc::clone(&is_short)))
}

async fn end_idle_ones(all: Arc<Connections>, own: Rc<ConnectionTable>, is_short: Arc<Notify>) {
    loop {
        is_short.notified().await;
        while all.is_short() {
            let ended = own.end_idle(ENDED_AT_ONCE.min(all.limiter.limits().in_all / SHORT / 2).max(1), |client| {
                all.limiter.taken_by(client)
            });
            for _ in 0..ended {
                all.metrics.connection_dropped(ConnectionDrop::Idle);
            }
            if ended == 0 {
                break;
            }
            rt::time::sleep(MAKE_ROOM_EVERY).await;
        }
    }
}

/// A worker's connections, except those handed over.
struct ConnectionTable {
    large: Arc<ConcurrencyLimiter>,
    by_number: RefCell<FxHashMap<u64, Rc<Activity>>>,
    /// Counts whenever a connection comes or becomes idle: a clock without a system call.
    moment: Cell<u64>,
}

/// The activity of one of them.
struct Activity {
    /// Its client, if it has a share.
    client: Option<Subject>,
    /// When it became idle; `None` while it is not.
    idle_since: Cell<Option<u64>>,
    waker: RefCell<Option<Waker>>,
    is_to_end: Cell<bool>,
}

/// A connection in its worker's table, until it is dropped.
pub struct TrackedConnection {
    among: Rc<ConnectionTable>,
    number: u64,
    activity: Rc<Activity>,
}

impl ConnectionTable {
    fn new(large: Arc<ConcurrencyLimiter>) -> Self {
        Self { large, by_number: RefCell::default(), moment: Cell::new(0) }
    }

    /// Adds a connection.
    fn enter(present: &Rc<Self>, client: Option<Subject>) -> TrackedConnection {
        let number = present.next_moment();
        let activity = Rc::new(Activity {
            client,
            idle_since: Cell::new(None),
            waker: RefCell::default(),
            is_to_end: Cell::new(false),
        });
        present.by_number.borrow_mut().insert(number, Rc::clone(&activity));
        TrackedConnection { among: Rc::clone(present), number, activity }
    }

    /// Ends at most so many idle connections: of the client that has most, the longest idle first. Returns how many.
    fn end_idle(&self, most: usize, taken_by: impl Fn(&Subject) -> usize) -> usize {
        let by_number = self.by_number.borrow();
        let mut idle: Vec<_> = by_number
            .values()
            .filter(|activity| !activity.is_to_end.get())
            .filter_map(|activity| {
                Some((Reverse(taken_by(activity.client.as_ref()?)), activity.idle_since.get()?, activity))
            })
            .collect();
        idle.sort_unstable_by_key(|(has, since, _)| (*has, *since));
        idle.truncate(most);
        for (_, _, activity) in &idle {
            activity.is_to_end.set(true);
            activity.waker.borrow_mut().take().into_iter().for_each(Waker::wake);
        }
        idle.len()
    }

    fn next_moment(&self) -> u64 {
        self.moment.replace(self.moment.get() + 1)
    }
}

impl connection::ConnectionTracker for TrackedConnection {
    type LargePermit = Permit;

    fn take_large(&self) -> Option<Permit> {
        self.among.large.take(self.activity.client).ok()
    }

    fn note_busy(&self) {
        self.activity.idle_since.set(None);
    }

    fn note_idle(&self, cx: &Context<'_>) -> bool {
        let Activity { idle_since, waker, is_to_end, .. } = &*self.activity;
        if idle_since.get().is_none() {
            idle_since.set(Some(self.among.next_moment()));
        }
        let mut waker = waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        is_to_end.get()
    }
}

impl Drop for TrackedConnection {
    fn drop(&mut self) {
        self.among.by_number.borrow_mut().remove(&self.number);
    }
}

/// A connection that is counted.
pub type CountedConnection = Connection<CountedSocket, TrackedConnection>;

/// A socket that counts as a connection while it is open, whoever owns it.
pub struct CountedSocket {
    socket: TcpStream,
    _permit: Permit,
    metrics: Arc<Metrics>,
}

impl CountedSocket {
    fn new(socket: TcpStream, permit: Permit, metrics: Arc<Metrics>) -> Self {
        metrics.connection_opened();
        Self { socket, _permit: permit, metrics }
    }
}

impl Drop for CountedSocket {
    fn drop(&mut self) {
        self.metrics.connection_closed();
    }
}

impl Socket for CountedSocket {
    fn discard_unsent(&self) {
        // A closed one has nothing left to send.
        let _ = self.socket.set_zero_linger();
    }
}

impl AsyncRead for CountedSocket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for CountedSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::{connection::ConnectionTracker as _, *};

    fn present() -> Rc<ConnectionTable> {
        Rc::new(ConnectionTable::new(Arc::new(ConcurrencyLimiter::new(LARGE))))
    }

    fn client(number: u8) -> Subject {
        Subject::from([number; 16])
    }

    fn waiting(present: &Rc<ConnectionTable>, of: Option<Subject>) -> TrackedConnection {
        let tracker = ConnectionTable::enter(present, of);
        assert!(!tracker.note_idle(&Context::from_waker(Waker::noop())));
        tracker
    }

    fn is_to_end(tracker: &TrackedConnection) -> bool {
        tracker.activity.is_to_end.get()
    }

    #[test]
    fn the_longest_idle_of_whoever_has_most_goes_first() {
        let present = present();
        let alone = waiting(&present, Some(client(1)));
        let [first, second, third] = [(); 3].map(|()| waiting(&present, Some(client(2))));
        let has = |of: &Subject| if *of == client(2) { 3 } else { 1 };
        // Used again, it has been idle for the shortest time.
        first.note_busy();
        first.note_idle(&Context::from_waker(Waker::noop()));
        assert_eq!(present.end_idle(2, has), 2);
        assert_eq!([&alone, &first, &second, &third].map(is_to_end), [false, false, true, true]);
        assert_eq!(present.end_idle(9, has), 2, "what is to end already is not ended twice");
        assert!(alone.note_idle(&Context::from_waker(Waker::noop())));
        drop((alone, first, second, third));
        assert!(present.by_number.borrow().is_empty());
    }

    #[actix_web::test]
    async fn idle_connections_end_also_after_the_task_that_ends_them_was_killed() {
        let limits = ConcurrencyLimits { in_all: SHORT, per_client: SHORT };
        let all = Arc::new(Connections::new(limits, ClientRule::default(), Arc::default()));
        let (own, is_short) = (present(), Arc::<Notify>::default());
        let mut supervisor = make_room(&all, &own, Arc::clone(&is_short));
        supervisor.kill("idle connections");
        supervisor.next_end().await.unwrap();
        rt::spawn(supervisor.run());
        let _all_taken = [(); SHORT].map(|()| all.limiter.take(None).ok().unwrap());
        let idle = waiting(&own, Some(client(1)));
        is_short.notify_one();
        while !is_to_end(&idle) {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn a_request_under_way_and_a_proxy_that_is_trusted_go_on() {
        let present = present();
        let (busy, proxy) = (waiting(&present, Some(client(1))), waiting(&present, None));
        busy.note_busy();
        assert_eq!(present.end_idle(9, |_| 1), 0);
        assert!(!is_to_end(&busy) && !is_to_end(&proxy));
    }
}
