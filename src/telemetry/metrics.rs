//! What is counted. The names are in [`super`].

mod collector;

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use prometheus_client::{metrics::info::Info, registry::Registry};

use super::{
    exposition::{self, MetricsFormat},
    series::{Family, Spread},
};
use crate::clock::Clock;

/// Bounds of durations in nanoseconds: a tally read takes some 20 µs, a vote under load some milliseconds, and at a
/// second a client has given up.
const DURATION_BOUNDS: &[u64] = &[
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
];

/// Bounds of ballots per store call.
const BATCH_BOUNDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// Counts everything one replica does. All methods may be called from any thread; none of them waits.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    counts: Arc<Counts>,
}

/// A quota's decision on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaOutcome {
    /// Admitted.
    Allowed,
    /// Refused.
    Refused,
    /// Admitted only because quotas just count; refused otherwise.
    WouldRefuse,
}

impl QuotaOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::WouldRefuse => "would-refuse",
        }
    }
}

/// Why a connection was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionDrop {
    /// The limit in all was reached.
    Full,
    /// Its client had its share.
    ClientFull,
    /// It was idle when connections were scarce.
    Idle,
}

impl ConnectionDrop {
    fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::ClientFull => "client-full",
            Self::Idle => "idle",
        }
    }
}

/// What became of views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewOutcome {
    /// Counted in memory.
    Accepted,
    /// A bot said that it is one; or it is of no article that ranks.
    LeftOut,
    /// There was no room for it.
    Dropped,
    /// The store has it.
    Written,
}

impl ViewOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::LeftOut => "left-out",
            Self::Dropped => "dropped",
            Self::Written => "written",
        }
    }
}

/// Why a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// Its reader left.
    Left,
    /// Its reader took no more bytes, or left without closing.
    Slow,
    /// All its polls were deleted.
    Gone,
    /// It had reached its longest duration.
    Expired,
    /// The replica stops.
    Closing,
}

impl StreamEnd {
    /// The reason as written in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Slow => "slow",
            Self::Gone => "gone",
            Self::Expired => "expired",
            Self::Closing => "closing",
        }
    }
}

#[derive(Debug)]
struct Counts {
    requests: Family<3, Spread>,
    ballots: Family<1, AtomicU64>,
    batches: Spread,
    store_calls: Family<1, Spread>,
    store_failures: Family<1, AtomicU64>,
    quotas: Family<2, AtomicU64>,
    connections: AtomicU64,
    connections_dropped: Family<1, AtomicU64>,
    streams_opened: AtomicU64,
    streams_ended: Family<1, AtomicU64>,
    stream_events: Family<1, AtomicU64>,
    views: Family<1, AtomicU64>,
    webhook_tries: Family<1, AtomicU64>,
    task_restarts: Family<1, AtomicU64>,
    store_clock_ahead_millis: OnceLock<Arc<AtomicI64>>,
    started_secs: f64,
}

impl Default for Metrics {
    /// Begins to count now.
    fn default() -> Self {
        Self::new(&Clock::default())
    }
}

impl Metrics {
    /// Begins to count. The time of the clock is the replica's start.
    pub fn new(clock: &Clock) -> Self {
        let counts = Arc::new(Counts {
            requests: Family::new(|| Spread::new(DURATION_BOUNDS)),
            ballots: Family::new(AtomicU64::default),
            batches: Spread::new(BATCH_BOUNDS),
            store_calls: Family::new(|| Spread::new(DURATION_BOUNDS)),
            store_failures: Family::new(AtomicU64::default),
            quotas: Family::new(AtomicU64::default),
            connections: AtomicU64::new(0),
            connections_dropped: Family::new(AtomicU64::default),
            streams_opened: AtomicU64::new(0),
            streams_ended: Family::new(AtomicU64::default),
            stream_events: Family::new(AtomicU64::default),
            views: Family::new(AtomicU64::default),
            webhook_tries: Family::new(AtomicU64::default),
            task_restarts: Family::new(AtomicU64::default),
            store_clock_ahead_millis: OnceLock::new(),
            started_secs: to_f64(u64::try_from(clock.now().as_millis()).unwrap_or_default()) / 1e3,
        });
        let mut registry = Registry::default();
        registry.register("sawt_build", "This program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register_collector(Box::new(counts.clone()));
        Self { registry, counts }
    }

    /// Shows how far the store's clock is ahead, in milliseconds, as it changes.
    pub fn show_store_clock(&self, ahead_millis: Arc<AtomicI64>) {
        // There is one store.
        let _ = self.counts.store_clock_ahead_millis.set(ahead_millis);
    }

    /// Counts an answered request. `method` and `route` have few values: what clients send never gets here.
    pub fn observe_request(&self, method: &'static str, route: &'static str, status: u16, duration: Duration) {
        let mut digits = itoa::Buffer::new();
        self.counts.requests.get([method, route, digits.format(status)]).observe(nanos(duration));
    }

    /// Counts an answered store call that carried ballots.
    pub fn observe_batch(&self, ballots: usize, duration: Duration) {
        self.counts.batches.observe(u64::try_from(ballots).unwrap_or(u64::MAX));
        self.observe_store_call("cast", duration);
    }

    /// Counts an answered store call.
    pub fn observe_store_call(&self, operation: &'static str, duration: Duration) {
        self.counts.store_calls.get([operation]).observe(nanos(duration));
    }

    /// Counts what the store decided on a ballot.
    pub fn count_outcome(&self, outcome: &'static str) {
        self.counts.ballots.get([outcome]).fetch_add(1, Relaxed);
    }

    /// Counts a store call without an answer.
    pub fn count_store_failure(&self, operation: &'static str) {
        self.counts.store_failures.get([operation]).fetch_add(1, Relaxed);
    }

    /// Counts a quota's decision on a request.
    pub fn count_quota(&self, quota: &'static str, outcome: QuotaOutcome) {
        self.counts.quotas.get([quota, outcome.as_str()]).fetch_add(1, Relaxed);
    }

    /// Counts a connection that is open from now on.
    pub fn connection_opened(&self) {
        self.counts.connections.fetch_add(1, Relaxed);
    }

    /// Counts a connection that was closed.
    pub fn connection_closed(&self) {
        self.counts.connections.fetch_sub(1, Relaxed);
    }

    /// Counts a connection that was closed for lack of room.
    pub fn connection_dropped(&self, why: ConnectionDrop) {
        self.counts.connections_dropped.get([why.as_str()]).fetch_add(1, Relaxed);
    }

    /// Counts a stream that begins.
    pub fn stream_opened(&self) {
        self.counts.streams_opened.fetch_add(1, Relaxed);
    }

    /// Counts a stream that has ended.
    pub fn stream_ended(&self, end: StreamEnd) {
        self.counts.streams_ended.get([end.as_str()]).fetch_add(1, Relaxed);
    }

    /// Counts an event that a stream was given.
    pub fn count_stream_event(&self, event: &'static str) {
        self.counts.stream_events.get([event]).fetch_add(1, Relaxed);
    }

    /// Counts what became of so many views.
    pub fn count_views(&self, outcome: ViewOutcome, views: u64) {
        self.counts.views.get([outcome.as_str()]).fetch_add(views, Relaxed);
    }

    /// Counts what came of a try to deliver to a webhook.
    pub fn count_webhook(&self, outcome: &'static str) {
        self.counts.webhook_tries.get([outcome]).fetch_add(1, Relaxed);
    }

    /// Counts a background task that has ended and is started again.
    pub fn count_task_restart(&self, task: &'static str) {
        self.counts.task_restarts.get([task]).fetch_add(1, Relaxed);
    }

    /// Everything counted so far.
    pub fn encode(&self, format: MetricsFormat) -> String {
        let mut text = String::new();
        // Writing to a String can't fail, and nothing here refuses to be written.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        match format {
            MetricsFormat::OpenMetrics => text,
            MetricsFormat::Prometheus => exposition::as_prometheus(&text),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "beyond 2^53 a metric needs no single units")]
fn to_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::Timestamp;

    #[test]
    fn everything_counted_is_shown_by_its_documented_name() {
        let metrics = Metrics::new(&Clock::stopped_at(Timestamp::from_millis(1_500)));
        let route = "/v1/polls/{poll}/votes";
        metrics.observe_request("POST", route, 201, Duration::from_micros(300));
        metrics.observe_request("POST", route, 201, Duration::from_secs(3));
        metrics.observe_request("other", route, 405, Duration::ZERO);
        metrics.observe_batch(3, Duration::from_millis(1));
        metrics.count_outcome("counted");
        metrics.count_store_failure("cast");
        metrics.count_quota("vote", QuotaOutcome::WouldRefuse);
        metrics.connection_opened();
        metrics.connection_dropped(ConnectionDrop::ClientFull);
        metrics.stream_opened();
        metrics.stream_opened();
        metrics.stream_ended(StreamEnd::Slow);
        metrics.count_stream_event("tally");
        metrics.count_views(ViewOutcome::Written, 3);
        metrics.count_webhook("given-up");
        metrics.show_store_clock(Arc::new(AtomicI64::new(-7_250)));
        let text = metrics.encode(MetricsFormat::OpenMetrics);
        for line in [
            "sawt_http_requests_total{method=\"POST\",route=\"/v1/polls/{poll}/votes\",status=\"201\"} 2",
            "sawt_http_requests_total{method=\"other\",route=\"/v1/polls/{poll}/votes\",status=\"405\"} 1",
            "sawt_http_request_duration_seconds_sum{method=\"POST\",route=\"/v1/polls/{poll}/votes\",status=\"201\"} 3.0003",
            "sawt_http_request_duration_seconds_bucket{le=\"0.0005\",method=\"POST\",route=\"/v1/polls/{poll}/votes\",status=\"201\"} 1",
            "sawt_http_request_duration_seconds_bucket{le=\"+Inf\",method=\"POST\",route=\"/v1/polls/{poll}/votes\",status=\"201\"} 2",
            "sawt_ballots_total{outcome=\"counted\"} 1",
            "sawt_batch_ballots_bucket{le=\"2.0\"} 0",
            "sawt_batch_ballots_bucket{le=\"4.0\"} 1",
            "sawt_batch_ballots_sum 3.0",
            "sawt_store_call_duration_seconds_count{operation=\"cast\"} 1",
            "sawt_store_failures_total{operation=\"cast\"} 1",
            "sawt_quota_requests_total{quota=\"vote\",outcome=\"would-refuse\"} 1",
            "sawt_connections 1",
            "sawt_connections_dropped_total{outcome=\"client-full\"} 1",
            "sawt_streams 1",
            "sawt_streams_ended_total{outcome=\"slow\"} 1",
            "sawt_stream_events_total{event=\"tally\"} 1",
            "sawt_views_total{outcome=\"written\"} 3",
            "sawt_webhook_tries_total{outcome=\"given-up\"} 1",
            "sawt_store_clock_ahead_seconds -7.25",
            "process_start_time_seconds 1.5",
            concat!("sawt_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
