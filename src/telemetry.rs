//! stub
/// stub
#[derive(Default)]
pub struct Metrics;
impl Metrics {
    /// stub
    pub fn observe_batch(&self, _b: usize, _d: std::time::Duration) {}
    /// stub
    pub fn count_store_failure(&self, _o: &'static str) {}
}
