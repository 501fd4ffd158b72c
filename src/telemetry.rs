//! Logs and metrics.

use std::time::Duration;

/// What is counted and timed.
#[derive(Debug, Default)]
pub struct Metrics {}

impl Metrics {
    /// Notes one answered request.
    pub fn observe_request(&self, _method: &str, _route: &str, _status: u16, _duration: Duration) {}
}
