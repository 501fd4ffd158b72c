//! What an operator sees: log lines, and metrics. The names of every metric are here and in [`metrics`]; the fields of
//! a log line are those of the event.

mod log;
mod metrics;
mod series;

pub use log::{AlreadyLogging, LogFormat, LogGuard, init};
pub use metrics::{METRICS_CONTENT_TYPE, Metrics};
