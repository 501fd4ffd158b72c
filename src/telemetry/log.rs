//! Log lines: from a `tracing` event to standard error.
//!
//! One line is written per request, so under load a line must cost about a microsecond, and a request must never wait
//! for whatever reads standard error. So an event is rendered in one pass into a buffer of its thread, and appended to
//! a shared one; a thread writes that out every 50 ms or 64 KiB, and at once for a warning or an error. If the reader
//! is stuck, at most 8 MiB wait; more lines are dropped and counted, and the count is in the next line that is written.
//! Losing log lines is bad; losing votes for them would be worse.
//!
//! The formatter of `tracing-subscriber` with `tracing-appender` executes 12,200 instructions for a request's line,
//! where this executes some 4,000, and a vote has one line; nor does it escape what could end a line, or say what was
//! dropped.
//!
//! Even so, to visit the fields of an event and to format its message is most of a line, and nearly all lines are about
//! requests: those are [rendered by themselves](log_request).
//!
//! Only the event's own fields are written, not those of spans: a line is complete by itself.

mod render;
mod sink;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    cell::RefCell,
    fmt, io,
    panic::{self, PanicHookInfo},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use tracing::{Event, Level, Metadata, Subscriber, dispatcher};
use tracing_subscriber::{
    EnvFilter, Layer,
    layer::{Context, SubscriberExt as _},
};

use crate::clock::Clock;
use render::LogLine;
use sink::Sink;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// `2026-11-23T18:00:00.000Z INFO message key=value`: for people.
    Text,
    /// `{"timestamp":…,"level":…,"target":…,"message":…,fields…}`: for machines.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("must be text or json"),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// [`init`] was called before in this process.
#[derive(Debug, thiserror::Error)]
#[error("this process has a log already")]
pub struct AlreadyLogging;

/// Keeps the log going. When dropped, it writes what waits, for a second at most; hold it until `main` returns.
#[must_use = "dropped, it ends the log"]
pub struct LogGuard {
    sink: Arc<Sink>,
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.sink.end();
    }
}

/// Sends this process's `tracing` events to standard error. `directives` say which, as
/// [`Config`](crate::config::Config) has checked them; those that can't be read are left out. A panic becomes a line
/// like any other, with what waited before it.
///
/// # Errors
/// [`AlreadyLogging`]: a process has one log.
pub fn init(directives: &str, format: LogFormat, clock: Clock) -> Result<LogGuard, AlreadyLogging> {
    let sink = Sink::start(io::stderr(), format, clock.clone());
    let guard = LogGuard { sink: sink.clone() };
    let filter = EnvFilter::builder().parse_lossy(directives);
    let subscriber = tracing_subscriber::registry().with(filter).with(Lines { sink: sink.clone(), format, clock });
    tracing::subscriber::set_global_default(subscriber).map_err(|_| AlreadyLogging)?;
    panic::set_hook(Box::new(move |panic| {
        report_panic(panic);
        sink.flush();
    }));
    Ok(guard)
}

/// Whether this process takes no more connections.
static IS_STOPPING: AtomicBool = AtomicBool::new(false);

/// Records that this process takes no more connections. From now on a connection that finds no worker is no error: it
/// came too late, and is reset as later ones are.
pub fn note_stop() {
    IS_STOPPING.store(true, Relaxed);
}

fn comes_too_late(metadata: &Metadata<'_>) -> bool {
    IS_STOPPING.load(Relaxed) && metadata.target() == "actix_server::accept"
}

fn report_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message");
    let location = panic.location().map(tracing::field::display);
    // Captured only if RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| tracing::field::display(backtrace));
    tracing::error!(location, backtrace, "a thread panicked: {message}");
}

/// What the line about a request says: none of it needs to be escaped.
#[derive(Debug, Clone, Copy)]
pub struct AnsweredRequest<'a> {
    /// Its method, or `other`.
    pub method: &'static str,
    /// The pattern of its route.
    pub route: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// From its head to the answer's, in microseconds.
    pub duration_us: u64,
    pub outcome: &'static str,
    /// Its id: letters, digits and `._-`.
    pub request_id: &'a str,
}

/// The target of lines about requests.
const REQUESTS: &str = "sawt::request";

/// Logs an answered request, as `INFO`. The line is that of an event with these fields, for a third of what an event
/// costs.
pub fn log_request(request: &AnsweredRequest<'_>) {
    if tracing::enabled!(target: REQUESTS, Level::INFO) {
        dispatcher::get_default(|log| {
            if let Some(lines) = log.downcast_ref::<Lines>() {
                lines.write_request(request);
            }
        });
    }
}

/// The layer that renders events and hands them to the sink.
struct Lines {
    sink: Arc<Sink>,
    format: LogFormat,
    clock: Clock,
}

thread_local! {
    /// What this thread renders its lines in.
    static LINE: RefCell<LogLine> = RefCell::default();
}

fn with_line(render: impl FnOnce(&mut LogLine)) {
    LINE.with(|line| match line.try_borrow_mut() {
        Ok(mut line) => render(&mut line),
        // A value that logs, or panics, while it is rendered.
        Err(_) => render(&mut LogLine::default()),
    });
}

impl Lines {
    fn write(&self, line: &mut LogLine, event: &Event<'_>) {
        line.render(self.format, self.clock.now(), event);
        self.sink.push(line.as_bytes(), *event.metadata().level() <= Level::WARN);
    }

    fn write_request(&self, request: &AnsweredRequest<'_>) {
        with_line(|line| {
            line.render_request(self.format, self.clock.now(), REQUESTS, request);
            self.sink.push(line.as_bytes(), false);
        });
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if comes_too_late(event.metadata()) {
            return;
        }
        with_line(|line| self.write(line, event));
    }
}

#[cfg(test)]
mod tests;
