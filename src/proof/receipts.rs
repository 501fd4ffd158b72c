//! Receipts: that a reader's ballot is recorded in a closed poll.
//!
//! A tree is made again when somebody asks, once for all who do, and is kept as long as there is room. Its root must be the
//! one that the log has.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::{
    LogLeaf, Opens, ProofError, TransparencyLog,
    ballot_tree::{BallotOpenings, BallotTree, read_tree},
    names,
};
use crate::{
    poll::{Poll, PollId, Timestamp, VoterDigest},
    store::{Store, StoreError},
    tlog::Opening,
};

/// How long somebody waits for a tree. It is made all the same, for those who ask later.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The trees of so many ballots are kept, some 70 bytes each; and the newest in any case.
const MOST_KEPT: u64 = 1_000_000;

/// That a ballot is recorded.
#[derive(Debug, Clone, Serialize)]
pub struct BallotReceipt {
    /// What kind of file this is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The ballot, with its salt.
    pub ballot: Opening,
    /// Its place among the poll's ballots.
    pub index: u64,
    /// What leads from it to the root of them all, in base64.
    pub path: Vec<String>,
    /// That this root is in the site's log.
    pub proof: String,
}

/// What a receipt says it is.
const RECEIPT_TYPE: &str = "sawt.receipt/v1";

type TreeRead = Shared<BoxFuture<'static, Result<Arc<BallotTree>, Arc<StoreError>>>>;

/// The trees that a replica has made, or is making; the newest last.
pub(super) struct BallotTrees {
    kept: Mutex<Vec<((PollId, Timestamp), TreeRead)>>,
    reading: Arc<Semaphore>,
}

impl Default for BallotTrees {
    fn default() -> Self {
        Self { kept: Mutex::default(), reading: Arc::new(Semaphore::new(1)) }
    }
}

impl BallotTrees {
    fn get(&self, store: &Arc<dyn Store>, poll: &Arc<Poll>) -> TreeRead {
        let mut kept = self.kept.lock();
        kept.retain(|(_, tree)| !matches!(tree.peek(), Some(Err(_))));
        // A poll of an article may go and come again.
        let which = (poll.id, poll.created_at);
        if let Some((_, tree)) = kept.iter().find(|(of, _)| *of == which) {
            return tree.clone();
        }
        let size = |tree: &TreeRead| tree.peek().and_then(|tree| tree.as_ref().ok()).map_or(0, |tree| tree.size());
        while kept.iter().map(|(_, tree)| size(tree)).sum::<u64>() > MOST_KEPT {
            // It ends by itself.
            drop(kept.remove(0));
        }
        let (store, of, reading) = (Arc::clone(store), Arc::clone(poll), Arc::clone(&self.reading));
        let read = async move {
            let _one_at_a_time = reading.acquire().await;
            let tree = read_tree(&*store, &of, async || Ok(())).await.map_err(Arc::new)?;
            tree.map(Arc::new).ok_or_else(|| Arc::new(StoreError::unavailable("the poll was deleted meanwhile")))
        };
        let tree = read.boxed().shared();
        kept.push((which, tree.clone()));
        tokio::spawn(tree.clone());
        tree
    }

    /// Drops a tree that was read.
    fn forget(&self, tree: &Arc<BallotTree>) {
        let is_it = |kept: &TreeRead| matches!(kept.peek(), Some(Ok(kept)) if Arc::ptr_eq(kept, tree));
        self.kept.lock().retain(|(_, kept)| !is_it(kept));
    }
}

impl TransparencyLog {
    /// That a voter's ballot is recorded; `None` if they have none, or the log does not say yet which ballots the poll has,
    /// or never does.
    ///
    /// # Errors
    /// [`ProofError::Busy`]; what the store failed with.
    pub async fn receipt(&self, poll: &Arc<Poll>, voter: VoterDigest) -> Result<Option<BallotReceipt>, ProofError> {
        let site = &poll.site;
        let notes = self.notes(site, poll.id).await?;
        // The poll of an article may have come again: what is noted is of the one before it, until the next round.
        let is_of_another = notes.final_figure.is_some_and(|logged| logged.made_at != poll.created_at);
        let Some(place) = notes.ballots.filter(|_| !is_of_another) else { return Ok(None) };
        if !self.published(site).await?.is_some_and(|head| head.has(place)) {
            return Ok(None);
        }
        let leaf: Option<LogLeaf> = self.file(site, "a leaf", names::leaf(place)).await?;
        let Some(leaf) = leaf.filter(|leaf| leaf.opens != Opens::Never) else { return Ok(None) };
        let Some(counters) = self.store.ballot(poll, voter).await? else { return Ok(None) };
        let waiting = tokio::time::timeout(LONGEST_WAIT, self.replica.trees.get(&self.store, poll)).await;
        let tree = waiting.map_err(|_| ProofError::Busy)?;
        let tree = tree.map_err(|error| ProofError::Store(StoreError::unavailable(error)))?;
        let logged: serde_json::Value = serde_json::from_str(&leaf.opening.statement).unwrap_or_default();
        if logged.get("root").and_then(|root| root.as_str()) != Some(&STANDARD.encode(tree.root())) {
            // Whoever asks next has it read anew.
            self.replica.trees.forget(&tree);
            return Err(ProofError::Internal("a closed poll's ballots are not those that are in the log"));
        }
        let ballot = BallotOpenings::of(poll).opening(voter.field, counters);
        let Some((index, path)) = tree.find(&ballot) else { return Ok(None) };
        let path = path.iter().map(|hash| STANDARD.encode(hash)).collect();
        let proof = self.log_proof(site, place, leaf.opening).await?.to_string();
        Ok(Some(BallotReceipt { kind: RECEIPT_TYPE, ballot, index, path, proof }))
    }
}
