//! A client's connection, and how long it may keep the service waiting.
//!
//! The framework closes a connection whose first request does not come, and one that is idle between two requests. It
//! does not close one that sends a byte of its second request and no more, nor one whose client never takes its
//! answers. Each of these would hold one of a replica's connections for ever, and cost an attacker next to nothing. So
//! the socket itself keeps the time:
//!
//! - When a client has sent something, or has not taken something, the next byte must go out to it within
//!   [`CLIENT_TIMEOUT`]. A request is answered sooner: its head and its body may take ten seconds each, no store call
//!   takes longer than a second, and whoever waits for events waits for thirty at the most. Events of a stream must be taken.
//! - When nothing is read or written for three times as long, the connection is closed. The framework closes an idle
//!   one sooner, unless it has read a part of a request along with the one before. Where connections are scarce, the
//!   [`ConnectionTracker`] ends an idle one sooner still. An event stream is never idle for so long.
//!
//! A client that sends many requests at once and takes no answers makes the framework loop: its read buffer is full, it
//! wakes itself to read on, tries to write, and can't. So a connection that fails to write more than
//! [`MOST_VAIN_WRITES`] times in a row, which has no other cause, is closed at once.
//!
//! A connection can be [handed over](Handover) to a new owner once the framework has written all it had to write: what
//! the framework keeps for a connection is too much for one that only receives.
//!
//! What the framework answers by itself, because it could not read a request, is replaced: see [`AnswerOverride`].
//!
//! Each request records its last read or write, and sets no timer. One timer per connection checks that record once per
//! [`CLIENT_TIMEOUT`].

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// How long the service waits for a client, at the least; at the most twice as long. For an idle connection it is three
/// to four times as long.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(35);

/// How often in a row a connection may fail to write.
const MOST_VAIN_WRITES: u32 = 1_000;

/// How many bytes of requests a connection may send before one is answered, without a permit: several votes at once, or
/// most polls.
const SMALL: usize = 16 * 1024;

/// Replaces an answer that the framework wrote by itself; `None` leaves it as it is.
pub type AnswerOverride = Rc<dyn Fn(&[u8]) -> Option<Vec<u8>>>;

/// Tracks one connection among others: is told whether it is idle, and decides whether it must end.
pub trait ConnectionTracker {
    /// Lets the connection hold many unanswered bytes, for as long as it is kept.
    type LargePermit;

    /// The connection has something to do.
    fn note_busy(&self);

    /// The connection waits for a request. Returns whether it must end.
    fn note_idle(&self, cx: &Context<'_>) -> bool;

    /// A permit to hold many unanswered bytes; `None` if all permits are taken.
    fn take_large(&self) -> Option<Self::LargePermit>;
}

/// A connection. See the module.
pub struct Connection<S, P: ConnectionTracker> {
    /// `None` once it was handed over.
    socket: Option<S>,
    /// Is told whether this connection is idle, and decides whether it must end.
    tracker: P,
    handover: Handover<S>,
    answer_override: AnswerOverride,
    /// Bytes read since the last write.
    unanswered: usize,
    /// The permit for more than [`SMALL`] of them. Boxed: few need it.
    may_be_large: Option<Box<P::LargePermit>>,
    /// Whether the socket took only a part of the last write, so that the next one is its rest.
    is_partly_written: bool,
    /// What replaces an answer of the framework's, and that answer's length in bytes.
    replaced: Option<Box<(Bytes, usize)>>,
    /// How long its client is waited for.
    timeout: Duration,
    /// Whether the client waits for an answer, or has not taken what was written.
    is_waiting: bool,
    /// How often the timer has run out since `is_waiting` last changed.
    turns: u32,
    /// Failed writes since the last one that succeeded.
    vain_writes: u32,
    /// Runs out once per `timeout`.
    timer: Option<Pin<Box<Sleep>>>,
}

/// Takes a connection away from the framework.
pub struct Handover<S>(Rc<Cell<Option<TakeOver<S>>>>);

type TakeOver<S> = Box<dyn FnOnce(S)>;

impl<S> Handover<S> {
    /// Gives the socket to `take_over` as soon as the framework has written all that it had to write. From then on the
    /// framework finds the connection closed, and forgets it. Call it when the answer's head is among what is to be
    /// written.
    pub fn to(&self, take_over: impl FnOnce(S) + 'static) {
        self.0.set(Some(Box::new(take_over)));
    }
}

impl<S> Clone for Handover<S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

/// A socket that can be closed at once.
pub trait Socket {
    /// Makes the system discard what was written and not sent when the socket is closed: else it goes on offering it.
    fn discard_unsent(&self);
}

impl<S: Socket, P: ConnectionTracker> Connection<S, P> {
    /// A socket's.
    pub fn over(socket: S, tracker: P, answer_override: AnswerOverride) -> Self {
        Self {
            socket: Some(socket),
            tracker,
            handover: Handover(Rc::default()),
            answer_override,
            unanswered: 0,
            may_be_large: None,
            is_partly_written: false,
            replaced: None,
            timeout: CLIENT_TIMEOUT,
            is_waiting: false,
            turns: 0,
            vain_writes: 0,
            timer: None,
        }
    }

    /// What takes this connection away from the framework.
    pub fn handover(&self) -> Handover<S> {
        self.handover.clone()
    }

    fn begin_to_wait(&mut self) {
        if !self.is_waiting {
            self.is_waiting = true;
            self.turns = 0;
        }
    }

    fn end_waiting(&mut self) {
        self.is_waiting = false;
        self.unanswered = 0;
        self.may_be_large = None;
        self.turns = 0;
        self.vain_writes = 0;
    }

    /// Whether what is not answered may be more than [`SMALL`].
    fn may_be_large(&mut self) -> bool {
        if self.may_be_large.is_none() {
            self.may_be_large = self.tracker.take_large().map(Box::new);
        }
        self.may_be_large.is_some()
    }

    fn discard_unsent(&self) {
        if let Some(socket) = &self.socket {
            socket.discard_unsent();
        }
    }

    /// Ready with an error once the time is over.
    fn give_up(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(self.timeout)));
        loop {
            ready!(timer.as_mut().poll(cx));
            self.turns += 1;
            // The first turn may have been short.
            if self.turns > if self.is_waiting { 1 } else { 3 } {
                self.discard_unsent();
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            timer.as_mut().reset(Instant::now() + self.timeout);
        }
    }
}

impl<S: AsyncRead + Socket + Unpin, P: ConnectionTracker + Unpin> AsyncRead for Connection<S, P> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(socket) = &mut self.socket else { return Poll::Ready(Err(handed_over())) };
        let before = buffer.filled().len();
        let read = Pin::new(socket).poll_read(cx, buffer);
        match read {
            Poll::Ready(Ok(())) if buffer.filled().len() > before => {
                self.unanswered += buffer.filled().len() - before;
                if self.unanswered > SMALL && !self.may_be_large() {
                    self.discard_unsent();
                    return Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()));
                }
                self.tracker.note_busy();
                self.begin_to_wait();
            }
            Poll::Ready(_) => {}
            // Connections are scarce, and this one waits for nothing.
            Poll::Pending if !self.is_waiting && self.tracker.note_idle(cx) => {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            Poll::Pending => return self.give_up(cx).map(Err),
        }
        read
    }
}

impl<S: AsyncWrite + Socket + Unpin, P: ConnectionTracker> Connection<S, P> {
    fn offer(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(socket) = &mut self.socket else { return Poll::Ready(Err(handed_over())) };
        match Pin::new(socket).poll_write(cx, bytes) {
            Poll::Ready(Ok(written)) => {
                self.end_waiting();
                // Unless there is more to write, the framework does not look again before something arrives.
                self.tracker.note_idle(cx);
                Poll::Ready(Ok(written))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.begin_to_wait();
                self.vain_writes += 1;
                if self.vain_writes > MOST_VAIN_WRITES {
                    self.discard_unsent();
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                self.give_up(cx).map(Err)
            }
        }
    }
}

impl<S: AsyncWrite + Socket + Unpin, P: ConnectionTracker + Unpin> AsyncWrite for Connection<S, P> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut replaced = if let Some(replaced) = self.replaced.take() {
            replaced
        } else if !self.is_partly_written
            && let Some(answer_override) = (self.answer_override)(bytes)
        {
            Box::new((answer_override.into(), bytes.len()))
        } else {
            let written = ready!(self.offer(cx, bytes))?;
            self.is_partly_written = written < bytes.len();
            return Poll::Ready(Ok(written));
        };
        while !replaced.0.is_empty() {
            match self.offer(cx, &replaced.0) {
                Poll::Ready(Ok(written @ 1..)) => replaced.0.advance(written),
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.replaced = Some(replaced);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(replaced.1))
    }

    /// The framework asks for this when it has nothing left to write.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(socket) = &mut self.socket else { return Poll::Ready(Err(handed_over())) };
        ready!(Pin::new(socket).poll_flush(cx))?;
        if let Some(take_over) = self.handover.0.take() {
            self.socket.take().map(take_over);
            return Poll::Ready(Err(handed_over()));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Some(socket) => Pin::new(socket).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

fn handed_over() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the connection was handed over")
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        time::timeout,
    };

    use super::*;

    /// By a clock that stands still while there is something to do.
    const SHORT: Duration = Duration::from_millis(200);

    impl Socket for DuplexStream {
        fn discard_unsent(&self) {}
    }

    /// One that need never end, and shares its room, which is one, with others.
    #[derive(Default)]
    struct Among(Rc<()>);

    impl ConnectionTracker for Among {
        type LargePermit = Rc<()>;

        fn note_busy(&self) {}

        fn note_idle(&self, _: &Context<'_>) -> bool {
            false
        }

        fn take_large(&self) -> Option<Rc<()>> {
            (Rc::strong_count(&self.0) <= SHARED_BY).then(|| Rc::clone(&self.0))
        }
    }

    /// Of a room that nobody has taken: the test's own reference to it, and one of each connection's.
    const SHARED_BY: usize = 3;

    type Tested = Connection<DuplexStream, Among>;

    /// A connection that takes so many bytes before its client has to, and its client.
    fn connection(takes: usize) -> (Tested, DuplexStream) {
        let (near, far) = duplex(takes);
        let mut connection = Connection::over(near, Among::default(), Rc::new(|_| None));
        connection.timeout = SHORT;
        (connection, far)
    }

    async fn read(connection: &mut Tested) -> io::Result<usize> {
        connection.read(&mut [0; 64]).await
    }

    #[track_caller]
    fn gives_up(waited: &io::Result<usize>, begun: Instant) {
        assert!(matches!(waited, Err(error) if error.kind() == io::ErrorKind::TimedOut), "{waited:?}");
        assert!(begun.elapsed() >= SHORT, "after {:?} only", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_begins_a_request_and_goes_no_further_is_waited_for_so_long() {
        let (mut connection, mut client) = connection(64);
        let begun = Instant::now();
        client.write_all(b"G").await.unwrap();
        assert_eq!(read(&mut connection).await.unwrap(), 1);
        gives_up(&read(&mut connection).await, begun);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_and_comes_and_is_not_answered_needs_room_and_gives_it_back() {
        let room = Rc::default();
        let filled = async || {
            let (near, mut far) = duplex(2 * SMALL);
            let mut connection = Connection::over(near, Among(Rc::clone(&room)), Rc::new(|_| None));
            far.write_all(&vec![b'x'; SMALL + 1]).await.unwrap();
            let mut bytes = vec![0; SMALL];
            connection.read_exact(&mut bytes).await.unwrap();
            (connection, far)
        };
        let [(mut first, _near), (mut second, _far)] = [filled().await, filled().await];
        assert_eq!(read(&mut first).await.unwrap(), 1);
        assert_eq!(Rc::strong_count(&room), SHARED_BY + 1);
        assert_eq!(read(&mut second).await.unwrap_err().kind(), io::ErrorKind::OutOfMemory);
        assert_eq!(first.write(b"answer").await.unwrap(), 6);
        assert_eq!(Rc::strong_count(&room), SHARED_BY);
    }

    #[tokio::test(start_paused = true)]
    async fn that_a_little_more_comes_now_and_then_is_no_reason_to_wait_longer() {
        let (mut connection, mut client) = connection(1);
        let begun = Instant::now();
        let trickle = async {
            loop {
                client.write_all(b"x").await.unwrap();
                tokio::time::sleep(SHORT / 10).await;
            }
        };
        let ended = async {
            loop {
                if let ended @ Err(_) = read(&mut connection).await {
                    break ended;
                }
            }
        };
        tokio::select! {
            () = trickle => {}
            ended = ended => gives_up(&ended, begun),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_answered_may_be_idle_three_times_as_long() {
        let (mut connection, mut client) = connection(64);
        client.write_all(b"GET").await.unwrap();
        assert_eq!(read(&mut connection).await.unwrap(), 3);
        assert!(timeout(SHORT / 2, read(&mut connection)).await.is_err());
        let begun = Instant::now();
        connection.write_all(b"200").await.unwrap();
        gives_up(&read(&mut connection).await, begun + SHORT * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_request_has_the_whole_time_again() {
        let (mut connection, mut client) = connection(64);
        for _ in 0..3 {
            client.write_all(b"GET").await.unwrap();
            assert_eq!(read(&mut connection).await.unwrap(), 3);
            assert!(timeout(SHORT / 2, read(&mut connection)).await.is_err());
            connection.write_all(b"200").await.unwrap();
        }
        let begun = Instant::now();
        client.write_all(b"GET").await.unwrap();
        assert_eq!(read(&mut connection).await.unwrap(), 3);
        gives_up(&read(&mut connection).await, begun);
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_take_what_is_sent_is_waited_for_so_long() {
        let (mut connection, mut client) = connection(4);
        let begun = Instant::now();
        assert_eq!(connection.write(b"tally").await.unwrap(), 4);
        gives_up(&connection.write(b"y").await, begun);
        // As long as some of it is taken, there is time.
        client.read_exact(&mut [0; 4]).await.unwrap();
        assert_eq!(connection.write(b"more").await.unwrap(), 4);
        assert!(timeout(SHORT / 2, connection.write(b"y")).await.is_err());
    }

    #[tokio::test]
    async fn what_is_said_otherwise_is_written_whole_and_nothing_else_is_changed() {
        let (mut connection, mut client) = connection(4);
        connection.answer_override = Rc::new(|answer| (answer == b"no").then(|| b"no, sorry".to_vec()));
        let write = async {
            connection.write_all(b"yes").await.unwrap();
            connection.write_all(b"no").await.unwrap();
            connection.write_all(b"yes").await.unwrap();
            connection.shutdown().await.unwrap();
        };
        let mut read = String::new();
        let ((), ended) = tokio::join!(write, client.read_to_string(&mut read));
        ended.unwrap();
        assert_eq!(read, "yesno, sorryyes");
    }

    #[tokio::test]
    async fn who_asks_for_a_connection_gets_it_once_all_is_written_and_the_framework_finds_it_gone() {
        let (mut connection, mut client) = connection(4);
        let take_over = Rc::new(Cell::new(None));
        assert_eq!(connection.write(b"head").await.unwrap(), 4);
        connection.handover().to({
            let take_over = Rc::clone(&take_over);
            move |socket| take_over.set(Some(socket))
        });
        assert!(timeout(SHORT / 2, connection.write(b"of it")).await.is_err());
        assert!(take_over.take().is_none(), "before all is written");
        client.read_exact(&mut [0; 4]).await.unwrap();
        assert_eq!(connection.write(b"of it").await.unwrap(), 4);
        assert_eq!(connection.flush().await.unwrap_err().kind(), io::ErrorKind::NotConnected);
        let mut socket = take_over.take().unwrap();
        assert_eq!(read(&mut connection).await.unwrap_err().kind(), io::ErrorKind::NotConnected);
        assert_eq!(connection.write(b"t").await.unwrap_err().kind(), io::ErrorKind::NotConnected);
        connection.shutdown().await.unwrap();
        drop(connection);
        client.read_exact(&mut [0; 4]).await.unwrap();
        socket.write_all(b"more").await.unwrap();
        let mut got = [0; 4];
        client.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"more", "the socket outlives the connection");
    }

    #[tokio::test(start_paused = true)]
    async fn who_makes_the_service_turn_in_circles_is_given_up_on_at_once() {
        let (mut connection, _client) = connection(4);
        connection.timeout = Duration::from_hours(1);
        assert_eq!(connection.write(b"tally").await.unwrap(), 4);
        let mut tried = 0;
        let given_up = std::future::poll_fn(|cx| {
            tried += 1;
            cx.waker().wake_by_ref();
            Pin::new(&mut connection).poll_write(cx, b"y")
        });
        assert_eq!(given_up.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(tried, MOST_VAIN_WRITES + 1);
    }
}
