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
//! A connection can be [handed over](ConnectionHandle::hand_over) to a new owner once the framework has written all it
//! had to write: what the framework keeps for a connection is too much for one that only receives.
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

/// What tells a client that its body is wanted.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

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
    handle: ConnectionHandle<S>,
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

/// What the handler of a request may do with its connection.
pub struct ConnectionHandle<S>(Rc<Handled<S>>);

struct Handled<S> {
    take_over: Cell<Option<TakeOver<S>>>,
    /// How many answers are being written piece by piece.
    held: Cell<u32>,
}

type TakeOver<S> = Box<dyn FnOnce(S)>;

impl<S> ConnectionHandle<S> {
    fn new() -> Self {
        Self(Rc::new(Handled { take_over: Cell::new(None), held: Cell::new(0) }))
    }

    /// Gives the socket to `take_over` as soon as the framework has written all that it had to write. From then on the
    /// framework finds the connection closed, and forgets it. Call it when the answer's head is among what is to be
    /// written.
    pub fn hand_over(&self, take_over: impl FnOnce(S) + 'static) {
        self.0.take_over.set(Some(Box::new(take_over)));
    }

    /// Keeps the connection from being idle between the pieces of an answer, until this is dropped.
    pub fn hold(&self) -> Hold<S> {
        self.0.held.set(self.0.held.get() + 1);
        Hold(self.clone())
    }

    fn is_held(&self) -> bool {
        self.0.held.get() > 0
    }
}

impl<S> Clone for ConnectionHandle<S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

/// Holds a connection: see [`ConnectionHandle::hold`].
pub struct Hold<S>(ConnectionHandle<S>);

impl<S> Drop for Hold<S> {
    fn drop(&mut self) {
        let held = &self.0.0.held;
        held.set(held.get().saturating_sub(1));
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
            handle: ConnectionHandle::new(),
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

    /// What handlers may do with this connection.
    pub fn handle(&self) -> ConnectionHandle<S> {
        self.handle.clone()
    }

    /// Notes that nothing is to be done here, unless more of an answer is to come. Returns whether the connection must
    /// end.
    fn note_idle(&self, cx: &Context<'_>) -> bool {
        !self.handle.is_held() && self.tracker.note_idle(cx)
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
            Poll::Pending if !self.is_waiting && self.note_idle(cx) => {
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
                if bytes == CONTINUE {
                    // Whoever is told to go on with a body has not been answered.
                    (self.turns, self.vain_writes) = (0, 0);
                } else {
                    self.end_waiting();
                    // Unless there is more to write, the framework does not look again before something arrives.
                    self.note_idle(cx);
                }
                Poll::Ready(Ok(written))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.tracker.note_busy();
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
        if let Some(take_over) = self.handle.0.take_over.take() {
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
mod tests;
