//! What an operator sees: log lines, and metrics.
//!
//! The fields of a log line are those of its event: one per request, and one for whatever goes wrong or changes. The
//! metrics are these:
//!
//! | metric | labels | what |
//! | --- | --- | --- |
//! | `sawt_http_requests_total` | `method`, `route`, `status` | requests answered |
//! | `sawt_http_request_duration_seconds` | `method`, `route`, `status` | from the head of a request to the head of its answer |
//! | `sawt_ballots_total` | `outcome` | ballots the store decided on |
//! | `sawt_batch_ballots` | | ballots per store call: how well group commit gathers |
//! | `sawt_store_call_duration_seconds` | `operation` | answered store calls that carried ballots (`cast`) or took tokens of quotas (`take_quota`) |
//! | `sawt_store_failures_total` | `operation` | such calls without an answer |
//! | `sawt_quota_requests_total` | `quota`, `outcome` | requests counted in a quota: `allowed`, `refused`, or `would-refuse` where quotas only count |
//! | `sawt_connections` | | connections that are open, streams included |
//! | `sawt_connections_dropped_total` | `outcome` | connections for which there was no room: `full` and `client-full` were not taken in, `idle` made room for others |
//! | `sawt_streams` | | event streams that are open |
//! | `sawt_streams_ended_total` | `outcome` | streams that have ended: `left`, `slow`, `gone`, `expired` or `closing` |
//! | `sawt_stream_events_total` | `event` | events that streams were given: `tally`, `poll` or `gone` |
//! | `sawt_views_total` | `outcome` | views of polls and articles: `accepted` in memory and `written` to the store, `left-out` since a bot said it is one, or since the site announces its articles and this is none, or `dropped` for lack of room |
//! | `sawt_webhook_tries_total` | `outcome` | tries to deliver to webhooks: `delivered`, `failed` and tried again later, or `given-up` |
//! | `sawt_background_task_restarts_total` | `task` | background tasks that ended, which none should, and were started again |
//! | `sawt_store_clock_ahead_seconds` | | how far the store's clock is ahead of this replica's, while they are more than 5 s apart; 0 otherwise |
//! | `sawt_build_info` | `version` | 1 |
//! | `process_start_time_seconds` | | when this replica started, since 1970 |
//! | `process_cpu_seconds_total` | | processor time it has used, for itself and in the system |
//! | `process_resident_memory_bytes` | | memory it holds |
//! | `process_open_fds`, `process_max_fds` | | file descriptors that are open, and that may be |
//!
//! What the system knows of the process is read when it is asked for, and left out where the system does not tell.
//! Metrics are given as OpenMetrics, or as Prometheus's older text to those who ask for that (`exposition.rs`).
//!
//! Units are base units, as Prometheus asks. In logs and metrics alike `route` is the route's pattern, never
//! the path a client sent, and a method that no route has is `other`: the number of series is this service's to decide.

mod causes;
mod exposition;
mod log;
mod metrics;
mod process;
mod series;

pub use causes::with_causes;
pub use exposition::MetricsFormat;
pub use log::{AlreadyLogging, AnsweredRequest, LogFormat, LogGuard, init, log_request, note_stop};
pub use metrics::{ConnectionDrop, Metrics, QuotaOutcome, StreamEnd, ViewOutcome};
