//! Proof of counting, without HTTP: anyone can check that a number is honest.
//!
//! Each site has a *transparency log* ([`tlog`](crate::tlog)) of what happened in it and of what its polls' tallies were. A log
//! only grows: whoever has one of its checkpoints can tell whether anything before it was changed since. What a log has
//! are commitments, salted hashes of statements: so what nobody may see yet, or ever, is fixed all the same. A statement is
//! [opened](Opens) at once if everybody may see it, or when its poll closes, or never. People appear by their role, and
//! readers not at all.
//!
//! [`writer`] takes in what the site's log of events says, and every so often the tallies of open polls. At a poll's close
//! it adds the final figure, with what is held and void, and the root of a Merkle tree over the poll's ballots: so
//! [`receipts`] can prove to a reader that their ballot is recorded. [`snapshots`] are figures to cite, each a statement
//! with its proof. Polls of articles have no events of their own: [`articles`] looks through them.
//!
//! **One history.** One replica at a time holds a site's lease, and what it adds is written in one step on top of what it has
//! read ([`TransparencyLogs`](crate::store::TransparencyLogs)): leaves, tiles and the signed checkpoint together. A
//! checkpoint is served from the store alone, and only once all replicas that the store has know it: a failover to one of
//! them takes nothing back that anybody has seen, and what nobody has seen may be written anew. If the store has lost
//! something all the same, it is behind a checkpoint that this replica [remembers](KnownCheckpoints), whoever wrote that, or has
//! other entries in the place of some: then a new log begins, which names the old one's checkpoint. It is never continued from an earlier place than readers know, since that
//! would be a second history.
//!
//! Nothing of it is on a vote's way. Ballots are read page by page, and votes are counted between the pages.

mod append;
pub mod articles;
mod ballot_tree;
mod known_checkpoints;
mod reading;
mod receipts;
mod snapshots;
mod statements;
pub mod writer;

use std::{collections::HashSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

pub use known_checkpoints::KnownCheckpoints;
pub use reading::{OpenedLeaf, SiteTransparencyLogs};
pub use receipts::BallotReceipt;
pub use snapshots::{PollSnapshot, SnapshotDraft, SnapshotId};

use receipts::BallotTrees;

use crate::{
    article::TemplateId,
    poll::{ListCursor, PollId, Position, SiteId, Timestamp},
    secret::{Secret, hex, random_bytes},
    site::{BaseAddress, EventId},
    store::{Store, StoreError},
    tlog::{Opening, SigningKey},
};

/// What all workers of a replica share.
pub struct ReplicaProof {
    keys: LogKeys,
    /// The address of the service without its scheme: what names of logs begin with.
    base: String,
    tally_every: Duration,
    known: KnownCheckpoints,
    /// The sites whose newest checkpoint waits for the store's replicas.
    waiting: Mutex<HashSet<SiteId>>,
    trees: BallotTrees,
}

impl ReplicaProof {
    /// A replica's.
    pub fn new(
        keys: LogKeys,
        public_url: Option<&BaseAddress>,
        tally_every: Duration,
        known: KnownCheckpoints,
    ) -> Self {
        let base = public_url.map_or_else(|| "sawt".to_owned(), ToString::to_string);
        let base = base.split_once("://").map_or(base.as_str(), |(_, rest)| rest).to_owned();
        Self { keys, base, tally_every, known, waiting: Mutex::default(), trees: BallotTrees::default() }
    }
}

impl ReplicaProof {
    /// Whether tallies that were taken last at this moment are due again.
    fn is_due_since(&self, last: Timestamp, now: Timestamp) -> bool {
        let every = i64::try_from(self.tally_every.as_millis()).unwrap_or(i64::MAX);
        now.as_millis().saturating_sub(last.as_millis()) >= every
    }
}

/// The keys that sign checkpoints.
#[derive(Debug)]
pub struct LogKeys {
    current: SigningKey,
    /// The one before, while it is being replaced.
    previous: Option<SigningKey>,
}

impl LogKeys {
    /// The keys that come of a secret, and of the one before it.
    ///
    /// # Errors
    /// No key can be made of one of them.
    pub fn of(secret: &Secret, previous: Option<&Secret>) -> Result<Self, &'static str> {
        let key = |secret: &Secret| {
            let seed = blake3::derive_key("sawt 2026-11 key that signs checkpoints", secret.expose().as_bytes());
            SigningKey::from_seed(&seed).ok_or("no key that signs checkpoints can be made of the secret")
        };
        Ok(Self { current: key(secret)?, previous: previous.map(key).transpose()? })
    }
}

/// One worker's use cases of proof.
#[derive(Clone)]
pub struct TransparencyLog {
    store: Arc<dyn Store>,
    replica: Arc<ReplicaProof>,
    /// By what name it takes leases.
    holder: String,
}

impl TransparencyLog {
    /// A worker's, on its store for calls that are not votes.
    pub fn new(store: Arc<dyn Store>, replica: Arc<ReplicaProof>) -> Self {
        Self { store, replica, holder: hex(&random_bytes::<8>()) }
    }
}

/// Why a use case of [`TransparencyLog`] refused. Nothing was done, except where the store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// There is no such site, or it has no such log, or not that part of it.
    #[error("there is no such part of a log")]
    NotThere,
    /// There is no such snapshot, for whoever asks.
    #[error("no snapshot has this id")]
    NoSnapshot,
    /// The poll has as many snapshots as it may.
    #[error("a poll has at most {} snapshots", snapshots::MOST_SNAPSHOTS)]
    TooMany,
    /// Another replica has written to the log for too long.
    #[error("the log is being written")]
    Busy,
    /// It is done, and can't be shown before the store's replicas know it.
    #[error("the store's replicas are behind")]
    NotYet,
    /// The store did not answer; it may have done what it was asked for.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the store holds is not what this service writes.
    #[error("{0}")]
    Internal(&'static str),
}

/// How far a site's log has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHead {
    /// Which of the site's logs it is, from 1.
    pub log: u32,
    /// Its name.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// When it began.
    pub began_at: Timestamp,
    /// The keys that have signed it, the newest last.
    pub keys: Vec<LogKey>,
    /// The last event of the site that is in it.
    cursor: Option<EventId>,
    /// When tallies were last looked at.
    tallied_at: Option<Timestamp>,
    /// How far the polls of articles were looked through.
    #[serde(default)]
    articles: Option<ArticleRound>,
    /// Its newest checkpoint, signed; empty before there is one.
    pub checkpoint: String,
}

/// How far the polls of a site's articles were looked through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ArticleRound {
    /// When the round began.
    at: Timestamp,
    /// Where the next one goes on; `None` if it begins at the beginning.
    after: Option<(TemplateId, ListCursor)>,
}

/// A key that signs a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogKey {
    /// As it is published.
    pub key: String,
    /// The size that the log had when it began to sign.
    pub from: u64,
}

/// When a statement is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Opens {
    /// At once.
    AtOnce,
    /// When its poll closes.
    AtClose,
    /// Never.
    Never,
}

/// An entry of a log, with what it says.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct LogLeaf {
    #[serde(flatten)]
    opening: Opening,
    opens: Opens,
    #[serde(skip_serializing_if = "Option::is_none")]
    poll: Option<PollId>,
}

/// What a site's log remembers of a poll.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PollNotes {
    /// Whether readers have known it.
    #[serde(default)]
    is_opened: bool,
    /// Whether its close is in the log.
    #[serde(default)]
    is_closed: bool,
    /// Where the root of its ballots is.
    #[serde(default)]
    ballots: Option<LeafRef>,
    /// Its snapshots, in their order.
    #[serde(default)]
    snapshots: Vec<LeafRef>,
    /// If it is an article's: its last tally in the log.
    #[serde(default)]
    tallied: Option<LoggedTally>,
    /// Whose final figure is in the log. A poll of an article may go, and come again with the same id.
    #[serde(default)]
    final_figure: Option<LoggedFigure>,
}

/// That a tally of an article's poll is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct LoggedTally {
    /// When its poll was made; unknown if a version before this one has noted it.
    #[serde(default)]
    made_at: Option<Timestamp>,
    /// How far it had come.
    #[serde(flatten)]
    position: Position,
}

/// That a final figure is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct LoggedFigure {
    /// When its poll was made.
    made_at: Timestamp,
    /// When it was added.
    at: Timestamp,
}

/// An entry of one of a site's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct LeafRef {
    log: u32,
    index: u64,
}

/// The names of a log's files.
mod names {
    use super::{LeafRef, PollId};

    /// What a tile is computed from: of leaves, their entries are kept.
    pub(super) fn tile(log: u32, level: u8, index: u64) -> String {
        if level == 0 { format!("{log}/entries/{index}") } else { format!("{log}/tile/{level}/{index}") }
    }

    pub(super) fn leaf(LeafRef { log, index }: LeafRef) -> String {
        format!("{log}/leaf/{index}")
    }

    /// The last head of a log that goes on no more.
    pub(super) fn last_head(log: u32) -> String {
        format!("{log}/head")
    }

    pub(super) fn poll(id: PollId) -> String {
        format!("poll/{id}")
    }
}

/// Reads a file's JSON.
fn read_file<T: for<'de> Deserialize<'de>>(what: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Corrupt(format!("{what} of a transparency log: {error}")))
}

/// Writes a file's JSON.
fn write_file<T: Serialize>(file: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(file).map_err(|error| StoreError::Corrupt(error.to_string()))
}

impl TransparencyLog {
    /// One file, as it is now.
    async fn file<T: for<'de> Deserialize<'de>>(
        &self,
        site: &SiteId,
        what: &str,
        name: String,
    ) -> Result<Option<T>, StoreError> {
        let found = self.store.log_files(site, &[name]).await?.pop().flatten();
        found.map(|bytes| read_file(what, &bytes)).transpose()
    }

    async fn notes(&self, site: &SiteId, poll: PollId) -> Result<PollNotes, StoreError> {
        Ok(self.file(site, "what is noted of a poll", names::poll(poll)).await?.unwrap_or_default())
    }
}
