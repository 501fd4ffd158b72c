//! What one reader is sent: `event: tally`, `event: poll` and `event: mark` of the polls they asked for, as server-sent
//! events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! A stream stores only how far it has come with each poll. Whenever its [writer](crate::net::writer) can take more, it
//! compares that with the poll's [topic](super::streams) and sends what is newest, at once. Readers who may not see a
//! tally are sent the poll itself, and nothing when a vote is cast.

use std::{
    fmt::Write as _,
    rc::Rc,
    sync::Arc,
    task::{self, Context},
    time::Instant,
};

use bytes::Bytes;
use smallvec::SmallVec;

use super::{
    KnownTally, Streams,
    chunk::{Chunk, retry},
    stream_limiter::StreamPermit,
    streams::{Waking, WorkerStreams},
    watch::{BallotLookup, RequestedPoll, WatchedPoll},
};
use crate::{
    net::writer::ChunkSource,
    poll::{Phase, PollId, Timestamp, Viewer},
    secret::random_bytes,
    telemetry::StreamEnd,
};

/// How many heartbeats a stream lives: about an hour, so that readers spread over replicas that were added later.
const BEATS: u32 = 240;
/// The same for a stream that shows more than everyone may see: about five minutes, so that a revoked key's stream
/// ends.
const PRIVATE_BEATS: u32 = 20;
/// A comment: one line, without a blank line after it. See [`retry`].
const HEARTBEAT: Bytes = Bytes::from_static(b":\n");

/// Who a stream's reader is.
#[derive(Default)]
pub struct StreamReader {
    /// Looks up the ballot of the voter whose token they show, if they show one.
    pub ballot_lookup: Option<BallotLookup>,
    /// Whether they show a key: what they may see can be taken from them.
    pub has_key: bool,
}

/// One reader's stream: an iterator over chunks, for whatever writes them to the connection.
pub struct Stream {
    shared: Rc<WorkerStreams>,
    waking: Rc<Waking>,
    watches: SmallVec<[WatchedPoll; 1]>,
    ballot_lookup: Option<BallotLookup>,
    /// The first chunk.
    first: Option<Bytes>,
    beats: u32,
    beats_left: u32,
    number: u64,
    tick: u32,
    opened_at: Instant,
    events: u64,
    end: Option<StreamEnd>,
    _permit: StreamPermit,
}

impl Streams {
    /// Opens a stream. It begins with the tallies its reader has not seen, and with the polls themselves if they were
    /// edited or show no tally; and with marks, if they are wanted.
    pub fn open(
        &self,
        permit: StreamPermit,
        reader: StreamReader,
        asked: Vec<RequestedPoll>,
        now: Timestamp,
    ) -> Stream {
        let shared = Rc::clone(&self.0);
        let (waking, number) = (Rc::<Waking>::default(), shared.next_number());
        let tick = shared.join_wheel(number, &waking);
        let is_private = reader.has_key || asked.iter().any(|asked| asked.viewer != Viewer::Everyone);
        let [random, ..] = random_bytes::<2>();
        let beats_left = if is_private { PRIVATE_BEATS } else { BEATS };
        let mut stream = Stream {
            watches: SmallVec::with_capacity(asked.len()),
            ballot_lookup: reader.ballot_lookup,
            first: None,
            beats: 0,
            beats_left: beats_left + beats_left * u32::from(random) / 1_024,
            number,
            tick,
            opened_at: Instant::now(),
            events: 0,
            end: None,
            shared,
            waking,
            _permit: permit,
        };
        let mut newest = SmallVec::<[Option<Arc<KnownTally>>; 1]>::new();
        let mut marked = SmallVec::<[PollId; 1]>::new();
        for asked in asked {
            newest.push(asked.newest.clone());
            marked.extend(asked.newest.as_ref().filter(|_| asked.wants_mark).map(|_| asked.id));
            stream.watch(asked);
        }
        let mut first = Chunk::default();
        first.add(&retry(2_000));
        for (nth, newest) in newest.iter().enumerate() {
            stream.say(nth, newest.as_ref(), newest.is_none(), &mut first);
        }
        for poll in marked {
            let mark = stream.shared.position_keys.mark(poll, now);
            first.add(&format!("event: mark\ndata: {{\"poll\":\"{poll}\",\"mark\":\"{mark}\"}}\n\n").into());
        }
        stream.first = first.finish();
        stream.shared.metrics.stream_opened();
        stream
    }
}

impl Stream {
    /// All that a reader is sent whom another replica must serve, since this one stops: when to come back. A browser
    /// that is refused a stream never asks again.
    pub fn come_back() -> Bytes {
        retry(1_000)
    }
}

impl ChunkSource for Stream {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> task::Poll<Option<Bytes>> {
        self.waking.note_look();
        if let Some(first) = self.first.take() {
            return task::Poll::Ready(Some(first));
        }
        if self.end.is_some() {
            return task::Poll::Ready(None);
        }
        if self.shared.is_closing() {
            self.end = Some(StreamEnd::Closing);
            return task::Poll::Ready(Some(retry(1_000)));
        }
        let beats = self.waking.beats();
        if beats >= self.beats_left {
            self.end = Some(StreamEnd::Expired);
            return task::Poll::Ready(Some(retry(1_000)));
        }
        let mut chunk = Chunk::default();
        for nth in 0..self.watches.len() {
            if let (Some(lookup), Some(watch)) = (&self.ballot_lookup, self.watches.get_mut(nth)) {
                watch.look_for_ballot(lookup, cx);
            }
            let topic = self.watches.get(nth).and_then(|watch| watch.topic.clone());
            if let Some(topic) = topic {
                self.say(nth, topic.current().as_ref(), topic.is_gone(), &mut chunk);
            }
        }
        if self.watches.iter().all(|watch| watch.is_gone) {
            self.end = Some(StreamEnd::Gone);
        }
        if let Some(bytes) = chunk.finish() {
            return task::Poll::Ready(Some(bytes));
        }
        if self.end.is_some() {
            return task::Poll::Ready(None);
        }
        if beats != self.beats {
            self.beats = beats;
            return task::Poll::Ready(Some(HEARTBEAT));
        }
        self.waking.wait(cx.waker());
        task::Poll::Pending
    }

    fn beats(&self) -> u32 {
        self.waking.beats()
    }
}

impl Stream {
    fn watch(&mut self, asked: RequestedPoll) {
        let topic = asked.newest.as_ref().map(|_| self.shared.topic(asked.id));
        let watch = WatchedPoll::new(asked, topic, &self.shared.position_keys, self.ballot_lookup.is_some());
        if let Some(topic) = &watch.topic {
            topic.join(key(self.number, self.watches.len()), &self.waking, watch.wants_tallies);
        }
        self.watches.push(watch);
    }

    /// Adds what is new of one poll.
    fn say(&mut self, nth: usize, newest: Option<&Arc<KnownTally>>, is_gone: bool, chunk: &mut Chunk) {
        let number = self.number;
        let has_voter = self.ballot_lookup.is_some();
        let Some(watch) = self.watches.get_mut(nth) else { return };
        if watch.is_gone {
            return;
        }
        if is_gone || watch.topic.is_none() {
            watch.is_gone = true;
            chunk.add(&format!("event: gone\ndata: {{\"poll\":\"{}\"}}\n\n", watch.id).into());
            self.events += 1;
            self.shared.metrics.count_stream_event("gone");
            return;
        }
        // While options are exchanged, the poll is a draft for a moment. Those who may see drafts can wait as well.
        let Some(newest) =
            newest.filter(|newest| newest.poll.schedule.phase != Phase::Draft || watch.viewer == Viewer::Publisher)
        else {
            return;
        };
        if newest.poll_sequence > watch.poll_seen {
            watch.poll_seen = newest.poll_sequence;
            chunk.add(newest.poll_event());
            self.events += 1;
            self.shared.metrics.count_stream_event("poll");
            let wants_tallies = watch.wants_tallies_of(newest, has_voter);
            if wants_tallies != watch.wants_tallies {
                watch.wants_tallies = wants_tallies;
                if let Some(topic) = &watch.topic {
                    topic.note_wants(key(number, nth), wants_tallies);
                }
            }
        }
        let Some(shown) = watch.shown(newest) else { return };
        let is_held = watch.floor.is_some_and(|floor| shown.tally.position() <= floor) && self.waking.beats() == 0;
        if shown.sequence > watch.seen && !is_held {
            watch.seen = shown.sequence;
            watch.sent = Some(shown.signed(&self.shared.position_keys));
            if self.watches.len() == 1 {
                chunk.add(shown.tally_event(&self.shared.position_keys));
            } else {
                chunk.add(&self.tally_event(shown));
            }
            self.events += 1;
            self.shared.metrics.count_stream_event("tally");
        }
    }

    /// A tally as an event of a stream of several polls. Its id is how far all of them have come.
    fn tally_event(&self, newest: &KnownTally) -> Bytes {
        let json = newest.tally_json();
        let mut event = String::with_capacity(json.len() + 32 + 24 * self.watches.len());
        event.push_str("event: tally\nid: ");
        for (nth, watch) in self.watches.iter().enumerate() {
            if nth > 0 {
                event.push(',');
            }
            match watch.sent {
                // Writing to a String can't fail.
                Some(sent) => _ = write!(event, "{sent}"),
                None => event.push('-'),
            }
        }
        event.push_str("\ndata: ");
        event.push_str(json);
        event.push_str("\n\n");
        event.into()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        for (nth, watch) in self.watches.iter().enumerate() {
            if let Some(topic) = &watch.topic {
                self.shared.leave(topic, key(self.number, nth));
            }
        }
        self.shared.leave_wheel(self.number, self.tick);
        let end = self.end.unwrap_or(if self.waking.is_woken() { StreamEnd::Slow } else { StreamEnd::Left });
        self.shared.metrics.stream_ended(end);
        let (outcome, polls, events) = (end.as_str(), self.watches.len(), self.events);
        let duration_ms = u64::try_from(self.opened_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(target: "sawt::stream", outcome, duration_ms, polls, events, "a stream ended: {outcome}");
    }
}

/// A stream's key in one of its topics. A stream has at most 64 polls.
fn key(number: u64, nth: usize) -> u64 {
    (number << 6) | u64::try_from(nth).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod tests;
