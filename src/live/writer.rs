//! One stream on its way to its reader: a socket, and what of the stream it has not taken yet.
//!
//! Ten thousand readers who only listen should cost little more than their sockets do. So a stream is not written by the
//! framework, which keeps buffers and timers for whatever a connection may ask next: once the head of the answer is
//! written the socket is [handed over](crate::http::connection::Handover), and nothing is asked on it any more. The
//! answer says `Connection: close` and has no length: it ends when the connection does
//! (RFC 9112, section 6.3), and until then each event is written as it is, from bytes that all streams share.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Stream;

/// How much a reader may still send. Who listens sends nothing; whoever sends more than a stray line or two wants
/// something else.
const MOST_HEARD: usize = 1_024;

/// Writes a stream until it ends or its reader leaves.
pub struct Writer<S> {
    stream: Stream,
    socket: S,
    /// What the socket has not taken yet.
    rest: Bytes,
    heard: usize,
}

impl<S> Writer<S> {
    /// Of this stream, to this socket.
    pub fn new(stream: Stream, socket: S) -> Self {
        Self { stream, socket, rest: Bytes::new(), heard: 0 }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Writer<S> {
    /// Ready when all of the stream is written, or can't be.
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            while !self.rest.is_empty() {
                match ready!(Pin::new(&mut self.socket).poll_write(cx, &self.rest)) {
                    Ok(written @ 1..) => self.rest.advance(written),
                    Ok(0) | Err(_) => return Poll::Ready(()),
                }
            }
            match ready!(self.stream.poll_next(cx)) {
                Some(bytes) => self.rest = bytes,
                // Whether the reader still hears that it is over makes no difference.
                None => return Pin::new(&mut self.socket).poll_shutdown(cx).map(drop),
            }
        }
    }

    /// Ready when the reader has left, or does not listen.
    fn hear(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; 256];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.heard += buffer.filled().len(),
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
            if self.heard > MOST_HEARD {
                return Poll::Ready(());
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Writer<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.write(cx) {
            Poll::Pending => self.hear(cx),
            Poll::Ready(()) => Poll::Ready(()),
        }
    }
}
