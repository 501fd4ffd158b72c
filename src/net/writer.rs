//! One stream on its way to its reader: a socket, and the bytes that it has not taken yet.
//!
//! Ten thousand readers who only listen should cost little more than their sockets. So the framework does not write
//! streams: it keeps buffers and timers for further requests on a connection. Once the head of the answer is written,
//! the socket is [handed over](super::connection::ConnectionHandle::hand_over), and no more requests are read from it.
//! The answer says `Connection: close` and has no length: it ends with the connection (RFC 9112, section 6.3), and each
//! event is written as it is, from bytes that all streams share.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes a reader may still send. A reader of a stream sends nothing; one that sends more than a stray line or
/// two wants something else.
const MOST_RECEIVED: usize = 1_024;

/// A reader must take a write within so many heartbeats: 30 to 45 seconds. The system itself ends a connection that
/// takes nothing at all; this is for one that takes a little now and then, for ever.
const TAKEN_WITHIN_BEATS: u32 = 3;

/// What is written, chunk by chunk.
pub trait ChunkSource {
    /// The next chunk, as soon as there is one; `None` at the end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>>;

    /// How many heartbeats there were. Each wakes the task that asks for the next chunk.
    fn beats(&self) -> u32;
}

/// Writes a stream until it ends or its reader leaves.
pub struct Writer<C, S> {
    stream: C,
    socket: S,
    /// What the socket has not taken yet.
    rest: Bytes,
    /// The number of heartbeats when the socket last did not take all of that.
    stuck_at: Option<u32>,
    received: usize,
}

impl<C, S> Writer<C, S> {
    /// Of this stream, to this socket.
    pub fn new(stream: C, socket: S) -> Self {
        Self { stream, socket, rest: Bytes::new(), stuck_at: None, received: 0 }
    }
}

impl<C: ChunkSource, S: AsyncRead + AsyncWrite + Unpin> Writer<C, S> {
    /// Ready when all of the stream is written, or can't be.
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            while !self.rest.is_empty() {
                match Pin::new(&mut self.socket).poll_write(cx, &self.rest) {
                    Poll::Ready(Ok(written @ 1..)) => self.rest.advance(written),
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                    Poll::Pending => {
                        let beats = self.stream.beats();
                        let waited = beats - *self.stuck_at.get_or_insert(beats);
                        return if waited < TAKEN_WITHIN_BEATS { Poll::Pending } else { Poll::Ready(()) };
                    }
                }
            }
            self.stuck_at = None;
            match ready!(self.stream.poll_next(cx)) {
                Some(bytes) => self.rest = bytes,
                // Whether the reader still gets the end makes no difference.
                None => return Pin::new(&mut self.socket).poll_shutdown(cx).map(drop),
            }
        }
    }

    /// Ready when the reader has left, or sends too much.
    fn read_input(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; 256];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.received += buffer.filled().len(),
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
            if self.received > MOST_RECEIVED {
                return Poll::Ready(());
            }
        }
    }
}

impl<C: ChunkSource + Unpin, S: AsyncRead + AsyncWrite + Unpin> Future for Writer<C, S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.write(cx) {
            Poll::Pending => self.read_input(cx),
            Poll::Ready(()) => Poll::Ready(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;
    use crate::live::stream::tests::{Stage, on_a_worker};

    /// A reader whose connection takes so many bytes, and the task that writes to them.
    fn reader(stage: &Stage, takes: usize) -> (DuplexStream, tokio::task::JoinHandle<()>) {
        let (near, far) = duplex(takes);
        (far, tokio::task::spawn_local(Writer::new(stage.open(None), near)))
    }

    /// Reads until this was said, and gives all that was.
    async fn read_until(reader: &mut DuplexStream, said: &str) -> String {
        let mut read = String::new();
        while !read.ends_with("\n\n") || !read.contains(said) {
            read.push(char::from(reader.read_u8().await.expect("there is more")));
        }
        read
    }

    #[actix_web::test]
    async fn what_does_not_fit_at_once_is_written_bit_by_bit_and_what_is_overtaken_meanwhile_is_not() {
        on_a_worker(async {
            let stage = Stage::set();
            let witness = stage.open(None);
            let (mut reader, _writer) = reader(&stage, 16);
            read_until(&mut reader, "id: 0:0:").await;
            for version in 1..=3 {
                stage.count(version);
                stage.published(&witness, version).await;
            }
            let read = read_until(&mut reader, "id: 0:3:").await;
            assert_eq!(read.matches("event: tally").count(), 2, "the one that was begun, and the last: {read}");
            assert!(read.starts_with("event: tally\nid: 0:1:"), "{read}");
        })
        .await;
    }

    #[actix_web::test]
    async fn a_stream_ends_with_its_reader_and_with_one_who_does_not_listen() {
        on_a_worker(async {
            let stage = Stage::set();
            let (mut leaves, left) = reader(&stage, 4_096);
            let (mut talks, talked) = reader(&stage, 4_096);
            read_until(&mut leaves, "id: 0:0:").await;
            read_until(&mut talks, "id: 0:0:").await;
            drop(leaves);
            left.await.expect("it ends well");
            assert_eq!(stage.stream_limiter.open_streams(), 1);
            talks.write_all(&[b'x'; MOST_RECEIVED]).await.expect("it is received");
            tokio::task::yield_now().await;
            assert!(!talked.is_finished(), "so much is borne");
            talks.write_all(b"x").await.expect("it is received");
            talked.await.expect("it ends well");
            assert_eq!(stage.stream_limiter.open_streams(), 0);
        })
        .await;
    }

    #[actix_web::test]
    async fn who_takes_a_little_now_and_then_is_given_up_on() {
        on_a_worker(async {
            let stage = Stage::set();
            let stream = stage.open(None);
            let heart = Stage::heart_of(&stream);
            let (near, mut reader) = duplex(16);
            let mut writer = Writer::new(stream, near);
            let mut look = || Pin::new(&mut writer).poll(&mut Context::from_waker(std::task::Waker::noop()));
            assert!(look().is_pending());
            for _ in 1..TAKEN_WITHIN_BEATS {
                heart.beat();
                reader.read_u8().await.expect("there is some");
                assert!(look().is_pending());
            }
            heart.beat();
            reader.read_u8().await.expect("there is some");
            assert!(look().is_ready());
        })
        .await;
    }

    #[actix_web::test]
    async fn a_stream_that_ends_has_said_so_before_its_connection_does() {
        on_a_worker(async {
            let stage = Stage::set();
            let (mut reader, writer) = reader(&stage, 4_096);
            read_until(&mut reader, "id: 0:0:").await;
            stage.stream_limiter.close();
            let mut rest = String::new();
            reader.read_to_string(&mut rest).await.expect("it ends well");
            assert!(rest.starts_with("retry: ") && rest.ends_with('\n'), "{rest}");
            writer.await.expect("it ends well");
        })
        .await;
    }
}
