//! The lines that wait, and the thread that writes them.

use std::{io::Write, mem, sync::Arc, thread, time::Duration};

use parking_lot::{Condvar, Mutex};

use super::{LogFormat, render::LogLine};
use crate::{clock::Clock, threads::keep_thread_running};

/// How long a line may wait for others.
const GATHER: Duration = Duration::from_millis(50);

/// So many bytes are written at once.
const WRITE_AT_BYTES: usize = 64 * 1024;

/// The most bytes that wait: at a line per request, some ten seconds of a busy replica.
pub(super) const MAX_WAITING_BYTES: usize = 8 * 1024 * 1024;

/// How long the end of the process, or a panic, waits for the lines to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Takes lines from every thread; one thread of its own writes them.
pub(super) struct Sink {
    state: Mutex<SinkState>,
    /// There is something to write, or no reason to wait for more.
    work: Condvar,
    /// Something was written.
    written: Condvar,
}

#[derive(Default)]
struct SinkState {
    /// Lines that wait.
    waiting: Vec<u8>,
    /// Lines dropped since the last were taken.
    dropped: u64,
    /// Write without gathering.
    is_urgent: bool,
    /// Lines are being written now.
    is_writing: bool,
    has_ended: bool,
}

impl SinkState {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.dropped == 0 && !self.is_writing
    }
}

impl Sink {
    /// Starts the thread. If the system can't start it, lines wait for ever, and the service goes on without a log.
    pub(super) fn start(mut writer: impl Write + Send + 'static, format: LogFormat, clock: Clock) -> Arc<Self> {
        let sink = Arc::new(Self { state: Mutex::default(), work: Condvar::new(), written: Condvar::new() });
        let of_thread = sink.clone();
        let write = move || keep_thread_running("log", || of_thread.write_all(&mut writer, format, &clock));
        let _ = thread::Builder::new().name("log".to_owned()).spawn(write);
        sink
    }

    /// Takes a whole line, or drops it if too many wait.
    pub(super) fn push(&self, line: &[u8], is_urgent: bool) {
        let mut state = self.state.lock();
        if state.waiting.len() + line.len() > MAX_WAITING_BYTES {
            state.dropped += 1;
            return;
        }
        let was_empty = state.waiting.is_empty();
        let was_short = state.waiting.len() < WRITE_AT_BYTES;
        state.waiting.extend_from_slice(line);
        state.is_urgent |= is_urgent;
        // Waking a thread costs more than the line, so it is done only where it changes something.
        let wakes = was_empty || is_urgent || (was_short && state.waiting.len() >= WRITE_AT_BYTES);
        drop(state);
        if wakes {
            self.work.notify_one();
        }
    }

    /// Waits until all that waits is written, for a second at most.
    pub(super) fn flush(&self) {
        self.flush_within(FLUSH_TIMEOUT, false);
    }

    /// The same, and ends the thread.
    pub(super) fn end(&self) {
        self.flush_within(FLUSH_TIMEOUT, true);
    }

    fn flush_within(&self, patience: Duration, ends: bool) {
        let mut state = self.state.lock();
        state.is_urgent = true;
        state.has_ended |= ends;
        self.work.notify_one();
        self.written.wait_while_for(&mut state, |state| !state.is_idle(), patience);
    }

    fn write_all(&self, writer: &mut impl Write, format: LogFormat, clock: &Clock) {
        let mut batch = Vec::new();
        let mut note = LogLine::default();
        let mut state = self.state.lock();
        // The turn before may have panicked.
        state.is_writing = false;
        loop {
            let still = |state: &mut SinkState| state.waiting.is_empty() && state.dropped == 0 && !state.has_ended;
            self.work.wait_while(&mut state, still);
            if state.is_idle() {
                return;
            }
            let may_gather =
                |state: &mut SinkState| !state.is_urgent && !state.has_ended && state.waiting.len() < WRITE_AT_BYTES;
            self.work.wait_while_for(&mut state, may_gather, GATHER);
            mem::swap(&mut batch, &mut state.waiting);
            let dropped = mem::take(&mut state.dropped);
            state.is_urgent = false;
            state.is_writing = true;
            drop(state);

            if dropped > 0 {
                let message = format!("{dropped} log lines were dropped: standard error was not read fast enough");
                note.render_note(format, clock.now(), &message);
                batch.extend_from_slice(note.as_bytes());
            }
            // A log that can't be written can't report that, and the service works without it.
            let _ = writer.write_all(&batch).and_then(|()| writer.flush());
            batch.clear();
            batch.shrink_to(2 * WRITE_AT_BYTES);

            state = self.state.lock();
            state.is_writing = false;
            self.written.notify_all();
        }
    }
}
