//! What the transparency logs of sites consist of.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::poll::SiteId;

/// The name of the file that says how far a site's log has come. It begins with the log's [place](LogWrite::after).
pub const LOG_HEAD: &str = "head";

/// The name of the file that is the head as readers may see it.
pub const LOG_PUBLISHED: &str = "published";

/// A site's transparency log, as files. A store knows two of them, [`LOG_HEAD`] and [`LOG_PUBLISHED`], and only how
/// they begin: what is in the others, [`proof`](crate::proof) knows.
#[async_trait]
pub trait TransparencyLogs: Send + Sync {
    /// Takes the lease of a site's log for so long, or holds on to it. Returns whether the holder has it: not if
    /// another has.
    async fn lease_log(&self, site: &SiteId, holder: &str, ttl: Duration) -> Result<bool, StoreError>;

    /// Gives the lease back, if the holder has it.
    async fn return_log(&self, site: &SiteId, holder: &str) -> Result<(), StoreError>;

    /// Files of a site's log by their names, as they were at one moment; `None` for each that is not there.
    async fn log_files(&self, site: &SiteId, names: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// Writes files in one step, if the log is where the caller has seen it and the caller has the lease. The same
    /// again is done again. Returns whether they are written: so of two that go on from one place, one does.
    async fn write_log(&self, site: &SiteId, write: &LogWrite) -> Result<bool, StoreError>;

    /// Makes [`LOG_PUBLISHED`] the head of a log that is at this place, once all replicas that the store has now know
    /// that head: a failover does not take back what readers have seen. Waits for them for a moment. Returns whether it
    /// is done: not if the log is elsewhere, or a replica is behind.
    async fn publish_log(&self, site: &SiteId, place: &str) -> Result<bool, StoreError>;
}

/// How a log goes on.
#[derive(Debug, Clone)]
pub struct LogWrite {
    /// Who has the lease.
    pub holder: String,
    /// The place that the log is at: the first word of its head; `None` if it has no head.
    pub before: Option<String>,
    /// The place that it is at then, which is another.
    pub after: String,
    /// The rest of its head then.
    pub head: Vec<u8>,
    /// The other files, by their names.
    pub files: Vec<(String, Vec<u8>)>,
}

impl LogWrite {
    /// The head's file.
    pub(super) fn head_file(&self) -> Vec<u8> {
        [self.after.as_bytes(), b" ", &self.head].concat()
    }
}

/// The place that a head's file says.
pub(super) fn place_in(head: &[u8]) -> &[u8] {
    head.split(|byte| *byte == b' ').next().unwrap_or_default()
}
